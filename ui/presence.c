/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * GTK 4.8 leaves in the accessibility tree what a stack or a flap does not show at the moment, so
 * that a screen reader walks through all pages at once. What follows presence is there while it
 * can be seen.
 */

#include "presence.h"

static void
update (GtkWidget *widget)
{
  gtk_accessible_update_state (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_STATE_HIDDEN,
                               !gtk_widget_get_mapped (widget), -1);
}

/**
 * kx_presence_follow:
 * @widget: a page of a stack, or what slides in and out
 *
 * Has the accessibility tree know of it, and of all in it, only while it is shown.
 */
void
kx_presence_follow (GtkWidget *widget)
{
  g_signal_connect (widget, "map", G_CALLBACK (update), NULL);
  g_signal_connect_after (widget, "unmap", G_CALLBACK (update), NULL);
  update (widget);
}
