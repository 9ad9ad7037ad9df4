/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures of a network that learns. */

#include "train-tabs.h"

#include <glib/gi18n.h>

#include "steps-view.h"
#include "train-tab.h"

#define LEAST_HEIGHT 168
#define LARGE_HEIGHT 380 /* of tabs that are as much to look at as the curves */

struct _KxTrainTabs {
  AdwBin parent_instance;

  GtkStack *stack;
  GPtrArray *tabs; /* KxTrainTab */
  KxTabActivations *activations;
  KxStepsView *steps;
  KxRun *run;
  KxLooks *looks;
  int position; /* the divider's, before a large tab was opened; -1: none is */
};

G_DEFINE_FINAL_TYPE (KxTrainTabs, kx_train_tabs, ADW_TYPE_BIN)

static void
show_example (KxTrainTabs *self, const KxExample *example)
{
  kx_tab_activations_show (self->activations, example);
  gtk_stack_set_visible_child_name (self->stack, "activations");
}

static void
add_tab (KxTrainTabs *self, GtkWidget *tab, const char *name, const char *title)
{
  gtk_stack_add_titled (self->stack, tab, name, title);
  g_ptr_array_add (self->tabs, tab);
  g_signal_connect_object (tab, "example", G_CALLBACK (show_example), self, G_CONNECT_SWAPPED);
}

static void
let_go (KxTrainTabs *self)
{
  for (guint i = 0; i < self->tabs->len; i++)
    kx_train_tab_set_run (self->tabs->pdata[i], NULL, NULL);
  kx_steps_view_set_run (self->steps, NULL, NULL);
  g_clear_pointer (&self->looks, kx_looks_free);
  g_clear_object (&self->run);
}

static void
kx_train_tabs_dispose (GObject *object)
{
  KxTrainTabs *self = KX_TRAIN_TABS (object);

  if (self->stack)
    let_go (self);
  self->stack = NULL;
  G_OBJECT_CLASS (kx_train_tabs_parent_class)->dispose (object);
}

static void
kx_train_tabs_finalize (GObject *object)
{
  g_ptr_array_unref (KX_TRAIN_TABS (object)->tabs);
  G_OBJECT_CLASS (kx_train_tabs_parent_class)->finalize (object);
}

static void
kx_train_tabs_class_init (KxTrainTabsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_train_tabs_dispose;
  G_OBJECT_CLASS (klass)->finalize = kx_train_tabs_finalize;
}

/* A large tab has the divider above moved up, as far as the curves let it, and back when left. */
static void
make_room (KxTrainTabs *self)
{
  GtkPaned *paned = GTK_PANED (gtk_widget_get_ancestor (GTK_WIDGET (self), GTK_TYPE_PANED));
  const char *name = gtk_stack_get_visible_child_name (self->stack);
  gboolean large = g_strcmp0 (name, "steps") == 0 || g_strcmp0 (name, "confusion") == 0;

  if (!paned || large == (self->position >= 0))
    return;
  int height = gtk_widget_get_height (GTK_WIDGET (paned));
  int position = gtk_paned_get_position (paned);
  gtk_paned_set_position (paned,
                          large ? MIN (position, MAX (height - LARGE_HEIGHT, 0)) : self->position);
  self->position = large ? position : -1;
}

static GtkWidget *
make_switcher (KxTrainTabs *self)
{
  GtkWidget *switcher = gtk_stack_switcher_new ();

  gtk_stack_switcher_set_stack (GTK_STACK_SWITCHER (switcher), self->stack);
  gtk_widget_set_halign (switcher, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (switcher, "kx-tabs");
  gtk_widget_set_margin_top (switcher, 6);
  gtk_accessible_update_property (GTK_ACCESSIBLE (switcher), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Pictures of the run"), -1);
  return switcher;
}

/* In a narrow window the row is moved along rather than the window kept wide. */
static GtkWidget *
make_row (KxTrainTabs *self)
{
  GtkWidget *row = gtk_scrolled_window_new ();

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (row), GTK_POLICY_EXTERNAL, GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (row), make_switcher (self));
  return row;
}

static void
kx_train_tabs_init (KxTrainTabs *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->tabs = g_ptr_array_new ();
  self->position = -1;
  self->stack = GTK_STACK (gtk_stack_new ());
  gtk_widget_set_size_request (GTK_WIDGET (self->stack), -1, LEAST_HEIGHT);
  gtk_widget_set_vexpand (GTK_WIDGET (self->stack), TRUE);
  gtk_stack_set_vhomogeneous (self->stack, FALSE);
  gtk_stack_set_hhomogeneous (self->stack, FALSE);
  self->activations = KX_TAB_ACTIVATIONS (kx_tab_activations_new ());
  self->steps = KX_STEPS_VIEW (kx_steps_view_new ());
  add_tab (self, kx_tab_batch_new (), "batch", _ ("Batch"));
  add_tab (self, kx_tab_mistakes_new (), "mistakes", _ ("Mistakes"));
  add_tab (self, kx_tab_confusion_new (), "confusion", _ ("Confusion"));
  add_tab (self, kx_tab_filters_new (), "filters", _ ("Filters"));
  add_tab (self, GTK_WIDGET (self->activations), "activations", _ ("Activations"));
  add_tab (self, kx_tab_histograms_new (), "histograms", _ ("Histograms"));
  gtk_stack_add_titled (self->stack, GTK_WIDGET (self->steps), "steps", _ ("Steps"));
  g_signal_connect_object (self->stack, "notify::visible-child", G_CALLBACK (make_room), self,
                           G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (box), make_row (self));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->stack));
  adw_bin_set_child (ADW_BIN (self), box);
}

/**
 * kx_train_tabs_set_run:
 * @tabs: the tabs
 * @run: (nullable): what they look into
 */
void
kx_train_tabs_set_run (KxTrainTabs *self, KxRun *run)
{
  if (run == self->run)
    return;
  let_go (self);
  if (!run)
    return;
  self->run = g_object_ref (run);
  self->looks = kx_looks_new (run);
  for (guint i = 0; i < self->tabs->len; i++)
    kx_train_tab_set_run (self->tabs->pdata[i], run, self->looks);
  kx_steps_view_set_run (self->steps, run, self->looks);
}
