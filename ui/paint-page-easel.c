/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The painting that the page shows: its picture, its moments, its losses, and how it is begun. */

#include "paint-page-easel.h"

#include <glib/gi18n.h>
#include <math.h>

#include "paint-page-controls.h"
#include "paint-page-moves.h"

#define MOMENTS 16 /* that are kept */

/**
 * kx_paint_page_is_painting:
 * @self: the page
 *
 * Returns: whether a picture is being painted
 */
gboolean
kx_paint_page_is_painting (KxPaintPage *self)
{
  return self->job && !kx_job_is_over (kx_paint_job_get_job (self->job));
}

/**
 * kx_paint_page_show_controls:
 * @self: the page
 *
 * Makes those controls sensitive that can be used now.
 */
void
kx_paint_page_show_controls (KxPaintPage *self)
{
  gboolean painting = kx_paint_page_is_painting (self);
  g_autoptr (KxPaint) paint = kx_paint_page_make_paint (self);
  gboolean ready = paint && self->fits && !painting;

  gtk_widget_set_sensitive (GTK_WIDGET (self->paint), ready);
  if (ready) /* or else another button may be the one that is suggested */
    gtk_widget_add_css_class (GTK_WIDGET (self->paint), "suggested-action");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->paint), "suggested-action");
  gtk_widget_set_sensitive (GTK_WIDGET (self->save), self->full != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->pause), painting);
  gtk_widget_set_visible (GTK_WIDGET (self->cancel), painting);
  gtk_widget_set_visible (GTK_WIDGET (self->more), self->full && !painting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->more), paint && self->fits);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "paint.start",
                                 gtk_widget_get_sensitive (GTK_WIDGET (self->paint)));
}

/**
 * kx_paint_page_show_stage:
 * @self: the page
 *
 * Shows what there is: a picture, a place for one, or why there can be none.
 */
void
kx_paint_page_show_stage (KxPaintPage *self)
{
  const char *stage = self->masked                                 ? "mask"
                      : self->job || self->full                    ? "paint"
                      : self->networks && self->networks->len == 0 ? "no-network"
                                                                   : "choose";

  gtk_stack_set_visible_child_name (self->stack, stage);
  gtk_widget_set_visible (self->chart_side, self->job != NULL);
  gtk_widget_set_hexpand (GTK_WIDGET (self->fast), self->job == NULL);
  kx_page_set_subtitle (KX_PAGE (self),
                        self->content && (self->job || self->full) ? self->content->name : NULL);
}

static void
show_moment (KxPaintPage *self)
{
  int i = kx_film_strip_get_selected (self->strip);

  if (i < 0 || i >= (int) self->moments->len)
    {
      kx_compare_set_a (self->compare, NULL, NULL);
      return;
    }
  const KxPaintMoment *moment = g_ptr_array_index (self->moments, i);
  g_autofree char *label = g_strdup_printf (_ ("Step %u"), moment->step);
  kx_compare_set_a (self->compare, moment->picture, label);
}

/**
 * kx_paint_page_show_now:
 * @self: the page
 *
 * Shows the picture as it is, and which step that was.
 */
void
kx_paint_page_show_now (KxPaintPage *self)
{
  guint steps = 0;

  if (self->job)
    self->step = MAX (self->step, kx_paint_job_get_step (self->job, &steps));
  g_autofree char *label = !self->full ? g_strdup (_ ("Preparing…"))
                           : steps     ? g_strdup_printf (_ ("Step %u of %u"), self->step, steps)
                                       : g_strdup_printf (_ ("Step %u"), self->step);

  kx_compare_set_b (self->compare, self->now, label);
}

static void
show_progress (KxPaintPage *self)
{
  KxJob *job = kx_paint_job_get_job (self->job);
  guint steps, step = kx_paint_job_get_step (self->job, &steps);
  g_autofree char *left = kx_format_time_left (kx_paint_job_get_seconds_left (self->job));
  g_autofree char *caption = g_strdup_printf (_ ("step %u of %u"), step, steps);
  const char *text = left;

  switch (kx_job_get_state (job))
    {
    case KX_JOB_PAUSED:
      text = _ ("Paused");
      break;
    case KX_JOB_DONE:
      text = _ ("Done");
      break;
    case KX_JOB_CANCELLED:
      text = _ ("Cancelled");
      break;
    case KX_JOB_FAILED:
      text = _ ("Failed");
      break;
    case KX_JOB_WORKING:
    default:
      break;
    }
  gtk_label_set_label (self->left, text);
  kx_page_set_caption (KX_PAGE (self), kx_paint_page_is_painting (self) && steps ? caption : NULL);
  kx_paint_page_show_now (self);
}

/**
 * kx_paint_page_forget_painting:
 * @self: the page
 *
 * Ends what is being painted, and clears what is shown of it.
 */
void
kx_paint_page_forget_painting (KxPaintPage *self)
{
  if (self->job && kx_paint_page_is_painting (self))
    kx_job_cancel (kx_paint_job_get_job (self->job));
  if (self->job)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  g_clear_object (&self->now);
  g_clear_pointer (&self->full, kol_snapshot_unref);
  self->step = 0;
  g_ptr_array_set_size (self->moves, 0);
  kx_paint_page_end_moves (self);
  kx_loss_chart_clear (self->losses);
  kx_film_strip_clear (self->strip);
  g_ptr_array_set_size (self->moments, 0);
  kx_compare_set_a (self->compare, NULL, NULL);
}

static void
take_picture (KxPaintPage *self, const KxPaintPicked *picked)
{
  g_clear_object (&self->now);
  self->now = GDK_PAINTABLE (kx_deep_picture_new (picked->texture, picked->full));
  g_clear_pointer (&self->full, kol_snapshot_unref);
  self->full = kol_snapshot_ref (picked->full);
  kx_paint_page_show_now (self);
  if (!gtk_widget_get_sensitive (GTK_WIDGET (self->save)))
    kx_paint_page_show_controls (self);
}

/**
 * kx_paint_page_add_moment:
 * @self: the page
 * @picture: the picture as it was once
 * @thumbnail: it, small
 * @step: when that was
 *
 * Of too many moments one of the early ones goes, of which there are most.
 */
void
kx_paint_page_add_moment (KxPaintPage *self, GdkPaintable *picture, GdkTexture *thumbnail,
                          guint step)
{
  g_autofree char *label = g_strdup_printf ("%u", step);
  g_autofree char *name = g_strdup_printf (_ ("Step %u"), step);
  KxPaintMoment *moment = g_new (KxPaintMoment, 1);

  if (self->moments->len >= MOMENTS)
    {
      kx_film_strip_remove (self->strip, 1);
      g_ptr_array_remove_index (self->moments, 1);
    }
  *moment = (KxPaintMoment){ g_object_ref (picture), step };
  g_ptr_array_add (self->moments, moment);
  kx_film_strip_append (self->strip, label, name, GDK_PAINTABLE (thumbnail));
}

static void
take_moment (KxPaintPage *self, const KxPaintPicked *picked)
{
  g_autoptr (KxDeepPicture) picture = kx_deep_picture_new_for_picture (picked->kept);

  kx_paint_page_add_moment (self, GDK_PAINTABLE (picture), picked->kept->thumbnail, picked->step);
}

static void
take_losses (KxPaintPage *self, const KxPaintLosses *losses)
{
  if (!losses)
    return;
  kx_paint_page_list_layers (self, losses);
  kx_loss_chart_add (self->losses, losses);
}

static void
take_floor (KxPaintPage *self, const KxPaintLosses *floor)
{
  kx_loss_chart_set_floor (self->losses, floor);
}

#define SAID_AGAIN 5 /* seconds; oftener, as while a scale is dragged, the chart alone says it */

static void
take_event (KxPaintPage *self, const KxPaintEvent *event)
{
  gboolean anew = event->happening == KOL_STYLE_BEGUN_ANEW;
  gint64 now = g_get_monotonic_time ();
  g_autofree char *rate = kx_format_rate (event->rate);
  g_autofree char *text
      = anew ? g_strdup (_ ("What is wanted has changed: L-BFGS begins anew from here"))
             : g_strdup_printf (_ ("The losses were no numbers: one step back, and on with half "
                                   "the rate, %s"),
                                rate);

  kx_loss_chart_mark (self->losses, event->step, anew ? _ ("History reset") : _ ("Rate halved"));
  if (anew && now - self->begun_anew < SAID_AGAIN * G_USEC_PER_SEC)
    return;
  if (anew)
    self->begun_anew = now;
  kx_session_toast (kx_paint_page_get_session (self), text, FALSE);
}

static void
job_changed (KxPaintPage *self)
{
  const GError *fault = kx_paint_job_get_fault (self->job);
  KxJob *job = kx_paint_job_get_job (self->job);

  gtk_toggle_button_set_active (self->pause, kx_job_get_state (job) == KX_JOB_PAUSED);
  if (fault && g_error_matches (fault, KOL_ERROR, KOL_ERROR_DIVERGED) && self->full
      && kx_paint_job_get_paint (self->job)->optimizer == KOL_STYLE_ADAM) /* which has a rate */
    kx_page_show_fault (KX_PAGE (self), fault->message, _ ("Go On With Half the Rate"),
                        "paint.half-rate", NULL);
  else if (fault)
    kx_page_show_fault (KX_PAGE (self), fault->message, NULL, NULL, NULL);
  show_progress (self);
  kx_paint_page_show_controls (self);
}

/**
 * kx_paint_page_show_start:
 * @self: the page
 *
 * Until there is a picture the content stands for it; it is the first moment, too.
 */
void
kx_paint_page_show_start (KxPaintPage *self)
{
  g_autoptr (KxDeepPicture) picture = kx_deep_picture_new_for_picture (self->content);

  g_set_object (&self->now, GDK_PAINTABLE (picture));
  kx_paint_page_add_moment (self, self->now, self->content->thumbnail, 0);
}

/* Begins to paint; from the picture as it is, if that is wanted. */
static void
begin (KxPaintPage *self, gboolean anew, double rate)
{
  KxSession *session = kx_paint_page_get_session (self);
  g_autoptr (KxPaint) paint = kx_paint_page_make_paint (self);
  guint from = 0;

  if (!paint || !session || !kx_session_get_device (session) || kx_paint_page_is_painting (self))
    return;
  if (!anew && self->full)
    {
      paint->start = kol_snapshot_ref (self->full);
      from = self->step;
      if (self->job)
        g_signal_handlers_disconnect_by_data (self->job, self);
      g_clear_object (&self->job);
    }
  else
    kx_paint_page_forget_painting (self);
  paint->rate = rate;
  kx_page_clear_fault (KX_PAGE (self));
  self->job = kx_paint_job_new (session, paint, from);
  g_signal_connect_object (self->job, "picture", G_CALLBACK (take_picture), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "moment", G_CALLBACK (take_moment), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "losses", G_CALLBACK (take_losses), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "floor", G_CALLBACK (take_floor), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "event", G_CALLBACK (take_event), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "changed", G_CALLBACK (job_changed), self, G_CONNECT_SWAPPED);
  if (!self->now)
    kx_paint_page_show_start (self);
  job_changed (self);
  kx_paint_page_show_stage (self);
}

static void
press_paint (KxPaintPage *self)
{
  begin (self, TRUE, 0);
}

static void
press_more (KxPaintPage *self)
{
  begin (self, FALSE, 0);
}

static void
start (GtkWidget *widget, const char *name, GVariant *target)
{
  begin (KX_PAINT_PAGE (widget), TRUE, 0);
}

static void
half_rate (GtkWidget *widget, const char *name, GVariant *target)
{
  KxPaintPage *self = KX_PAINT_PAGE (widget);
  double rate = self->job ? kx_paint_job_get_paint (self->job)->rate : 0;

  begin (self, FALSE, (rate > 0 ? rate : 0.02) / 2);
}

static void
toggle_pause (KxPaintPage *self)
{
  KxJob *job = self->job ? kx_paint_job_get_job (self->job) : NULL;
  gboolean pause = gtk_toggle_button_get_active (self->pause);

  if (job && !kx_job_is_over (job) && pause != (kx_job_get_state (job) == KX_JOB_PAUSED))
    kx_job_pause (job, pause);
}

static void
press_cancel (KxPaintPage *self)
{
  if (self->job)
    kx_job_cancel (kx_paint_job_get_job (self->job));
}

static void
start_or_pause (GtkWidget *widget, const char *name, GVariant *target)
{
  KxPaintPage *self = KX_PAINT_PAGE (widget);

  if (kx_paint_page_is_painting (self))
    gtk_toggle_button_set_active (self->pause, !gtk_toggle_button_get_active (self->pause));
  else if (gtk_widget_get_sensitive (GTK_WIDGET (self->paint)))
    press_paint (self);
}

void
kx_paint_page_bind_easel (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, press_paint);
  gtk_widget_class_bind_template_callback (widget_class, press_cancel);
  gtk_widget_class_bind_template_callback (widget_class, press_more);
  gtk_widget_class_bind_template_callback (widget_class, toggle_pause);
  gtk_widget_class_bind_template_callback (widget_class, show_moment);
  gtk_widget_class_install_action (widget_class, "paint.start", NULL, start);
  gtk_widget_class_install_action (widget_class, "paint.start-or-pause", NULL, start_or_pause);
  gtk_widget_class_install_action (widget_class, "paint.half-rate", NULL, half_rate);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_space, GDK_CONTROL_MASK,
                                       "paint.start-or-pause", NULL);
}
