/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* How weights and gradients of each parameter are spread, and how that changes. */

#include "chart/histogram.h"
#include "train-tab.h"

#include <glib/gi18n.h>

#define PERIOD 1

#define KX_TYPE_TAB_HISTOGRAMS (kx_tab_histograms_get_type ())
G_DECLARE_FINAL_TYPE (KxTabHistograms, kx_tab_histograms, KX, TAB_HISTOGRAMS, KxTrainTab)

struct _KxTabHistograms {
  KxTrainTab parent_instance;
  GtkFlowBox *flow;
  GPtrArray *weights, *gradients; /* KxHistogram, one for each parameter */
};

G_DEFINE_FINAL_TYPE (KxTabHistograms, kx_tab_histograms, KX_TYPE_TRAIN_TAB)

static gboolean
ask (KxTrainTab *tab, KxLookQuestion *question)
{
  question->kind = KX_LOOK_HISTOGRAMS;
  return kx_run_get_step (kx_train_tab_get_run (tab)) > 0;
}

static KxHistogram *
add_histogram (KxTabHistograms *self, const char *format, const char *parameter)
{
  g_autofree char *title = g_strdup_printf (format, parameter);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *label = gtk_label_new (title), *histogram = kx_histogram_new (title);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_widget_set_tooltip_text (label, title);
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_set_size_request (histogram, 240, 120);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), histogram);
  gtk_flow_box_append (self->flow, box);
  return KX_HISTOGRAM (histogram);
}

static void
add_ridge (KxHistogram *histogram, guint64 step, const KolHistograms *of, guint i)
{
  g_autofree float *counts = g_new (float, of->bins);

  for (guint k = 0; k < of->bins; k++)
    counts[k] = (float) of->counts[i * of->bins + k];
  kx_histogram_add (histogram, (double) step, of->low[i], of->high[i], counts, of->bins);
}

static gboolean
take (KxTrainTab *tab, KxLook *look)
{
  KxTabHistograms *self = KX_TAB_HISTOGRAMS (tab);

  for (guint i = self->weights->len; i < look->weights->n && look->names[i]; i++)
    {
      g_ptr_array_add (self->weights, add_histogram (self, "%s", look->names[i]));
      g_ptr_array_add (self->gradients, add_histogram (self, _ ("Gradient of %s"), look->names[i]));
    }
  for (guint i = 0; i < self->weights->len; i++)
    {
      add_ridge (self->weights->pdata[i], look->step, look->weights, i);
      add_ridge (self->gradients->pdata[i], look->step, look->gradients, i);
    }
  return TRUE;
}

static void
clear (KxTrainTab *tab)
{
  KxTabHistograms *self = KX_TAB_HISTOGRAMS (tab);
  GtkWidget *child;

  g_ptr_array_set_size (self->weights, 0);
  g_ptr_array_set_size (self->gradients, 0);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->flow))))
    gtk_flow_box_remove (self->flow, child);
}

static void
kx_tab_histograms_finalize (GObject *object)
{
  KxTabHistograms *self = KX_TAB_HISTOGRAMS (object);

  g_ptr_array_unref (self->weights);
  g_ptr_array_unref (self->gradients);
  G_OBJECT_CLASS (kx_tab_histograms_parent_class)->finalize (object);
}

static void
kx_tab_histograms_class_init (KxTabHistogramsClass *klass)
{
  KxTrainTabClass *tab_class = KX_TRAIN_TAB_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_tab_histograms_finalize;
  tab_class->ask = ask;
  tab_class->take = take;
  tab_class->clear = clear;
}

static void
kx_tab_histograms_init (KxTabHistograms *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new ();

  self->weights = g_ptr_array_new ();
  self->gradients = g_ptr_array_new ();
  self->flow = GTK_FLOW_BOX (gtk_flow_box_new ());
  gtk_flow_box_set_selection_mode (self->flow, GTK_SELECTION_NONE);
  gtk_flow_box_set_homogeneous (self->flow, TRUE);
  gtk_flow_box_set_column_spacing (self->flow, 12);
  gtk_flow_box_set_row_spacing (self->flow, 12);
  gtk_flow_box_set_max_children_per_line (self->flow, 6);
  gtk_widget_set_margin_start (GTK_WIDGET (self->flow), 12);
  gtk_widget_set_margin_end (GTK_WIDGET (self->flow), 12);
  gtk_widget_set_margin_bottom (GTK_WIDGET (self->flow), 12);
  gtk_widget_set_valign (GTK_WIDGET (self->flow), GTK_ALIGN_START);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), GTK_WIDGET (self->flow));
  kx_train_tab_set_up (
      KX_TRAIN_TAB (self), scrolled, PERIOD, _ ("No histograms yet"),
      _ ("How the weights of each layer and their gradients are spread comes here, "
         "step behind step."));
}

GtkWidget *
kx_tab_histograms_new (void)
{
  return g_object_new (KX_TYPE_TAB_HISTOGRAMS, NULL);
}
