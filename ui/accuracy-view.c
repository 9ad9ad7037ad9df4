/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What becomes of the accuracy when units are changed: a sentence, and the confusion matrix. */

#include "accuracy-view.h"

#include <glib/gi18n.h>

#include "chart/axis.h"
#include "chart/matrix.h"

struct _KxAccuracyView {
  GtkWidget parent_instance;

  GtkWidget *box;
  GtkLabel *title, *detail;
  KxMatrix *matrix;
};

G_DEFINE_FINAL_TYPE (KxAccuracyView, kx_accuracy_view, GTK_TYPE_WIDGET)

static void
kx_accuracy_view_dispose (GObject *object)
{
  KxAccuracyView *self = KX_ACCURACY_VIEW (object);

  g_clear_pointer (&self->box, gtk_widget_unparent);
  G_OBJECT_CLASS (kx_accuracy_view_parent_class)->dispose (object);
}

static void
kx_accuracy_view_class_init (KxAccuracyViewClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_accuracy_view_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
kx_accuracy_view_init (KxAccuracyView *self)
{
  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  self->title = GTK_LABEL (gtk_label_new (NULL));
  self->detail = GTK_LABEL (gtk_label_new (NULL));
  self->matrix = KX_MATRIX (kx_matrix_new ());
  gtk_label_set_xalign (self->title, 0);
  gtk_label_set_xalign (self->detail, 0);
  gtk_label_set_wrap (self->title, TRUE);
  gtk_label_set_wrap (self->detail, TRUE);
  gtk_widget_add_css_class (GTK_WIDGET (self->title), "title-2");
  gtk_widget_add_css_class (GTK_WIDGET (self->title), "numeric");
  gtk_widget_add_css_class (GTK_WIDGET (self->detail), "dim-label");
  gtk_widget_add_css_class (GTK_WIDGET (self->detail), "numeric");
  gtk_widget_set_vexpand (GTK_WIDGET (self->matrix), TRUE);
  gtk_widget_set_margin_start (self->box, 12);
  gtk_widget_set_margin_end (self->box, 12);
  gtk_widget_set_margin_bottom (self->box, 12);
  gtk_box_append (GTK_BOX (self->box), GTK_WIDGET (self->title));
  gtk_box_append (GTK_BOX (self->box), GTK_WIDGET (self->detail));
  gtk_box_append (GTK_BOX (self->box), GTK_WIDGET (self->matrix));
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
  kx_accuracy_view_clear (self);
}

static void
show_confusion (KxAccuracyView *self, KxNetwork *network, const KxScores *scores)
{
  g_auto (GStrv) names = g_new0 (char *, scores->classes + 1);

  for (guint i = 0; i < scores->classes; i++)
    names[i] = kx_network_class_name (network, i);
  kx_matrix_set_counts (self->matrix, (const char *const *) names, scores->classes,
                        scores->confusion);
}

static double
share (gsize right, gsize done)
{
  return done ? 100.0 * (double) right / (double) done : 0;
}

/**
 * kx_scores_describe:
 * @scores: how well a network tells classes apart
 *
 * Returns: (transfer full): "Accuracy 98.1 % → 91.3 %"
 */
char *
kx_scores_describe (const KxScores *scores)
{
  double before = share (scores->right_before, scores->before);

  return scores->now ? g_strdup_printf (_ ("Accuracy %.1f %% → %.1f %%"), before,
                                        share (scores->right_now, scores->now))
                     : g_strdup_printf (_ ("Accuracy %.1f %%"), before);
}

static void
show_accuracy (KxAccuracyView *self, const KxScores *scores)
{
  double change
      = share (scores->right_now, scores->now) - share (scores->right_before, scores->before);
  g_autofree char *points = kx_format_change (change);
  g_autofree char *title = kx_scores_describe (scores);
  g_autofree char *detail
      = scores->now
            ? g_strdup_printf (_ ("%s points with the changed units; %zu of %zu examples"), points,
                               scores->now, scores->n)
            : g_strdup_printf (_ ("As it is; %zu of %zu examples"), scores->before, scores->n);

  gtk_label_set_label (self->title, title);
  gtk_label_set_label (self->detail, detail);
}

/**
 * kx_accuracy_view_set_scores:
 * @view: a view
 * @network: whose classes they are of
 * @scores: how well it tells them apart
 */
void
kx_accuracy_view_set_scores (KxAccuracyView *self, KxNetwork *network, const KxScores *scores)
{
  if (scores->fault)
    {
      kx_accuracy_view_clear (self);
      gtk_label_set_label (self->detail, scores->fault);
      return;
    }
  show_accuracy (self, scores);
  if (scores->confusion)
    show_confusion (self, network, scores);
}

/**
 * kx_accuracy_view_clear:
 * @view: a view
 *
 * Shows nothing yet.
 */
void
kx_accuracy_view_clear (KxAccuracyView *self)
{
  kx_matrix_clear (self->matrix);
  gtk_label_set_label (self->title, _ ("Accuracy"));
  gtk_label_set_label (self->detail, _ ("Its test examples are read."));
}
