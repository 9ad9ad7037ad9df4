/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What painting would take: memory, tiles, time; and the size that would fit. */

#include "paint-page-need.h"

#include <glib/gi18n.h>
#include <math.h>

#include "paint-page-controls.h"
#include "paint-page-easel.h"
#include "paint-plan.h"

#define PLAN_AFTER 200 /* ms in which nothing was changed */

static char *
format_minutes (double seconds)
{
  if (isnan (seconds)) /* a step is tried to know it */
    return g_strdup (_ ("\nReckoning the time…"));
  if (seconds < 60)
    return g_strdup_printf (_ ("\nAbout %d s"), (int) MAX (1, lround (seconds)));
  if (seconds < 90 * 60)
    return g_strdup_printf (_ ("\nAbout %d min"), (int) lround (seconds / 60));
  return g_strdup_printf (_ ("\nAbout %d h"), (int) lround (seconds / 3600));
}

static void
show_need (KxPaintPage *self, const KxPaintPlan *plan)
{
  g_autofree char *needs = g_format_size (plan->bytes), *there = g_format_size (plan->budget);
  g_autofree char *time = format_minutes (plan->seconds);
  g_autofree char *tiles
      = plan->tiles > 1 ? g_strdup_printf (_ (" in %u tiles"), plan->tiles) : g_strdup ("");
  g_autofree char *text
      = plan->fault    ? g_strdup (plan->fault)
        : plan->budget ? g_strdup_printf (_ ("Needs %s of %s%s%s"), needs, there, tiles, time)
                       : g_strdup_printf (_ ("Needs %s%s%s"), needs, tiles, time);

  gtk_label_set_label (self->need, text);
  gtk_widget_remove_css_class (GTK_WIDGET (self->need), "dim-label");
  if (plan->fault)
    gtk_widget_add_css_class (GTK_WIDGET (self->need), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->need), "error");
}

static void
planned (const KxPaintPlan *plan, gpointer object)
{
  KxPaintPage *self = object;

  self->fits = !plan->fault;
  self->fitting_size = plan->fits;
  show_need (self, plan);
  g_autofree char *label = g_strdup_printf (_ ("Use %u px (fits)"), plan->fits);
  gtk_button_set_label (self->fit, label);
  gtk_widget_set_visible (GTK_WIDGET (self->fit), plan->fault && plan->fits);
  kx_paint_page_show_controls (self);
}

static gboolean
make_plan (gpointer data)
{
  KxPaintPage *self = data;
  KxSession *session = kx_paint_page_get_session (self);
  g_autoptr (KxPaint) paint = kx_paint_page_make_paint (self);

  self->plan_source = 0;
  if (!paint || !session || !kx_session_get_device (session))
    return G_SOURCE_REMOVE;
  g_clear_pointer (&self->planned, kx_paint_unref);
  self->planned = kx_paint_ref (paint);
  kx_paint_plan (session, paint, planned, G_OBJECT (self));
  return G_SOURCE_REMOVE;
}

/**
 * kx_paint_page_plan_again:
 * @self: the page
 *
 * What is said of memory and time is not true any more.
 */
void
kx_paint_page_plan_again (KxPaintPage *self)
{
  g_autoptr (KxPaint) paint = kx_paint_page_make_paint (self);

  /* Weights cost neither memory nor time. */
  if (paint && self->planned && kx_paint_is_same_task (paint, self->planned))
    return;
  gtk_widget_add_css_class (GTK_WIDGET (self->need), "dim-label");
  if (paint)
    gtk_label_set_label (self->need, _ ("Reckoning what it needs…"));
  g_clear_handle_id (&self->plan_source, g_source_remove);
  self->plan_source = g_timeout_add (PLAN_AFTER, make_plan, self);
}

static void
press_fit (KxPaintPage *self)
{
  for (guint i = 0; i < self->sizes->len; i++)
    if (g_array_index (self->sizes, guint, i) <= self->fitting_size)
      adw_combo_row_set_selected (self->size, i);
}

void
kx_paint_page_bind_need (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, press_fit);
}
