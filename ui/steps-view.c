/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "steps-view.h"

#include <glib/gi18n.h>

#include "layer-walk.h"
#include "tiny-view.h"

struct _KxStepsView {
  AdwBin parent_instance;
  KxTinyView *tiny;
  KxTrainTab *walk;
};

G_DEFINE_FINAL_TYPE (KxStepsView, kx_steps_view, ADW_TYPE_BIN)

static void
kx_steps_view_class_init (KxStepsViewClass *klass)
{
}

static GtkWidget *
make_switcher (GtkWidget *stack)
{
  GtkWidget *switcher = gtk_stack_switcher_new ();

  gtk_stack_switcher_set_stack (GTK_STACK_SWITCHER (switcher), GTK_STACK (stack));
  return switcher;
}

/* What is larger than the tab scrolls, so that the window's sidebar need not make way for it. */
static void
kx_steps_view_init (KxStepsView *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (), *stack = gtk_stack_new ();

  self->tiny = KX_TINY_VIEW (kx_tiny_view_new (make_switcher (stack)));
  self->walk = KX_TRAIN_TAB (kx_layer_walk_new (make_switcher (stack)));
  gtk_stack_add_titled (GTK_STACK (stack), GTK_WIDGET (self->tiny), "tiny", _ ("Tiny Network"));
  gtk_stack_add_titled (GTK_STACK (stack), GTK_WIDGET (self->walk), "run", _ ("This Network"));
  gtk_stack_set_vhomogeneous (GTK_STACK (stack), FALSE);
  gtk_stack_set_hhomogeneous (GTK_STACK (stack), FALSE);
  gtk_widget_set_margin_start (stack, 12);
  gtk_widget_set_margin_end (stack, 12);
  gtk_widget_set_margin_bottom (stack, 6);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), stack);
  adw_bin_set_child (ADW_BIN (self), scrolled);
}

GtkWidget *
kx_steps_view_new (void)
{
  return g_object_new (KX_TYPE_STEPS_VIEW, NULL);
}

/**
 * kx_steps_view_set_run:
 * @view: the view
 * @run: (nullable): whose layers are walked through; the tiny network stays on its device
 * @looks: (nullable): what looks into it, as long as it is the view's
 */
void
kx_steps_view_set_run (KxStepsView *self, KxRun *run, KxLooks *looks)
{
  kx_train_tab_set_run (self->walk, run, looks);
  if (run)
    kx_tiny_view_set_device (self->tiny, kx_run_get_device (run));
}
