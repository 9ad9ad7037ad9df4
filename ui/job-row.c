/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A job: what it is, how far it has come, and what one can do about it. */

#include "job-row.h"

#include <glib/gi18n.h>

#include "tip.h"

struct _KxJobRow {
  AdwBin parent_instance;

  KxJob *job;
  gulong handlers[2];

  GtkLabel *title, *text;
  GtkProgressBar *bar;
  GtkButton *show, *pause, *cancel;
};

G_DEFINE_FINAL_TYPE (KxJobRow, kx_job_row, ADW_TYPE_BIN)

static void
show (KxJobRow *self)
{
  kx_job_show (self->job);
  gtk_widget_activate_action (GTK_WIDGET (self), "win.page", "s", kx_job_get_page (self->job));
}

static void
pause_or_go_on (KxJobRow *self)
{
  kx_job_pause (self->job, kx_job_get_state (self->job) != KX_JOB_PAUSED);
}

static void
cancel (KxJobRow *self)
{
  kx_job_cancel (self->job);
}

static void
update (KxJobRow *self)
{
  gboolean over = kx_job_is_over (self->job);

  gtk_label_set_label (self->title, kx_job_get_title (self->job));
  gtk_label_set_label (self->text, kx_job_get_text (self->job));
  gtk_widget_set_visible (GTK_WIDGET (self->bar), !over && kx_job_get_fraction (self->job) >= 0);
  gtk_progress_bar_set_fraction (self->bar, MAX (kx_job_get_fraction (self->job), 0));
  gtk_widget_set_visible (GTK_WIDGET (self->show), kx_job_get_page (self->job) != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->pause), kx_job_can_pause (self->job));
  gtk_widget_set_visible (GTK_WIDGET (self->cancel), kx_job_can_cancel (self->job));
}

static void
show_verb (KxJobRow *self)
{
  gboolean paused = kx_job_get_state (self->job) == KX_JOB_PAUSED;
  const char *verb = paused ? _ ("Go On") : _ ("Pause");

  gtk_button_set_icon_name (self->pause, paused ? "media-playback-start-symbolic"
                                                : "media-playback-pause-symbolic");
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->pause), verb);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->pause), GTK_ACCESSIBLE_PROPERTY_LABEL, verb,
                                  -1);
}

static void
kx_job_row_dispose (GObject *object)
{
  kx_job_row_set_job (KX_JOB_ROW (object), NULL);
  G_OBJECT_CLASS (kx_job_row_parent_class)->dispose (object);
}

static void
kx_job_row_class_init (KxJobRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_job_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/job-row.ui");
  gtk_widget_class_bind_template_child (widget_class, KxJobRow, title);
  gtk_widget_class_bind_template_child (widget_class, KxJobRow, text);
  gtk_widget_class_bind_template_child (widget_class, KxJobRow, bar);
  gtk_widget_class_bind_template_child (widget_class, KxJobRow, show);
  gtk_widget_class_bind_template_child (widget_class, KxJobRow, pause);
  gtk_widget_class_bind_template_child (widget_class, KxJobRow, cancel);
  gtk_widget_class_bind_template_callback (widget_class, show);
  gtk_widget_class_bind_template_callback_full (widget_class, "pause", G_CALLBACK (pause_or_go_on));
  gtk_widget_class_bind_template_callback (widget_class, cancel);
}

static void
kx_job_row_init (KxJobRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  kx_tip_whole_text (self->title);
  kx_tip_whole_text (self->text);
}

/**
 * kx_job_row_set_job:
 * @row: a row
 * @job: (nullable): what it shows
 */
void
kx_job_row_set_job (KxJobRow *self, KxJob *job)
{
  if (self->job)
    for (guint i = 0; i < G_N_ELEMENTS (self->handlers); i++)
      g_clear_signal_handler (&self->handlers[i], self->job);
  g_set_object (&self->job, job);
  if (!job)
    return;
  self->handlers[0] = g_signal_connect_swapped (job, "notify", G_CALLBACK (update), self);
  self->handlers[1] = g_signal_connect_swapped (job, "notify::state", G_CALLBACK (show_verb), self);
  update (self);
  show_verb (self);
}
