/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Tooltips of what changes often. GTK asks the display where the pointer is each time that the text
 * of a tooltip is set; text that is asked for when the pointer rests costs nothing before.
 */

#include "tip.h"

static gboolean
tell (GtkLabel *label, int x, int y, gboolean keyboard, GtkTooltip *tip)
{
  const char *text = gtk_label_get_text (label);

  gtk_tooltip_set_text (tip, text);
  return *text != '\0';
}

/**
 * kx_tip_whole_text:
 * @label: a label that may be cut
 *
 * Gives it a tooltip with all of what it says at that moment.
 */
void
kx_tip_whole_text (GtkLabel *label)
{
  gtk_widget_set_has_tooltip (GTK_WIDGET (label), TRUE);
  g_signal_connect (label, "query-tooltip", G_CALLBACK (tell), NULL);
}
