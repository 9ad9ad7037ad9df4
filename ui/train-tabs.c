/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures of a network that learns. */

#include "train-tabs.h"

#include <glib/gi18n.h>

#include "chart/wrap-layout.h"
#include "search-tab.h"
#include "steps-view.h"
#include "train-tab.h"

#define LEAST_HEIGHT 168
#define LARGE_HEIGHT 380
#define STEPS_HEIGHT 430

struct _KxTrainTabs {
  AdwBin parent_instance;

  GtkStack *stack;
  GPtrArray *tabs; /* KxTrainTab */
  KxTabActivations *activations;
  KxStepsView *steps;
  KxSearchTab *search;
  KxRun *run;
  KxLooks *looks;
  int given;    /* the height of a large tab that is open; 0: none is */
  int position; /* the divider's, before it was opened; -1: where it is by itself */
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
look_into (KxTrainTabs *self)
{
  self->looks = kx_looks_new (self->run);
  for (guint i = 0; i < self->tabs->len; i++)
    kx_train_tab_set_run (self->tabs->pdata[i], self->run, self->looks);
  kx_steps_view_set_run (self->steps, self->run, self->looks);
}

static void
look_away (KxTrainTabs *self)
{
  for (guint i = 0; i < self->tabs->len; i++)
    kx_train_tab_set_run (self->tabs->pdata[i], NULL, NULL);
  kx_steps_view_set_run (self->steps, NULL, NULL);
  g_clear_pointer (&self->looks, kx_looks_free);
}

/* What looks into a run belongs to the run's device. */
static void
follow_device (KxTrainTabs *self)
{
  look_away (self);
  look_into (self);
}

static void
let_go (KxTrainTabs *self)
{
  look_away (self);
  if (self->run)
    g_signal_handlers_disconnect_by_func (self->run, follow_device, self);
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

/* That a tab is given which is as much to look at as the curves; 0: it is not. */
static int
height_of (const char *name)
{
  if (g_strcmp0 (name, "steps") == 0)
    return STEPS_HEIGHT;
  return g_strcmp0 (name, "confusion") == 0 || g_strcmp0 (name, "search") == 0 ? LARGE_HEIGHT : 0;
}

/* A large tab has the divider above moved up, as far as the curves let it, and back when left. */
static void
make_room (KxTrainTabs *self)
{
  GtkPaned *paned = GTK_PANED (gtk_widget_get_ancestor (GTK_WIDGET (self), GTK_TYPE_PANED));
  int wanted = height_of (gtk_stack_get_visible_child_name (self->stack));
  int height = paned ? gtk_widget_get_height (GTK_WIDGET (paned)) : 0;

  if (height <= 0 || wanted == self->given)
    return;
  if (!self->given)
    {
      gboolean moved;
      g_object_get (paned, "position-set", &moved, NULL);
      self->position = moved ? gtk_paned_get_position (paned) : -1;
    }
  self->given = wanted;
  if (!wanted)
    g_object_set (paned, "position-set", FALSE, NULL);
  int usual = self->position >= 0 ? self->position : gtk_paned_get_position (paned);
  if (wanted)
    gtk_paned_set_position (paned, MIN (usual, MAX (height - wanted, 0)));
  else if (self->position >= 0)
    gtk_paned_set_position (paned, self->position);
}

/* One that was remembered is given its room once there is any. */
static gboolean
make_first_room (GtkWidget *widget, GdkFrameClock *clock, gpointer unused)
{
  KxTrainTabs *self = KX_TRAIN_TABS (widget);

  make_room (self);
  return gtk_widget_get_height (widget) > 0 ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* Where they do not fit beside each other, in a narrow window or with large text, there is another
 * row of them. */
static GtkWidget *
make_switcher (KxTrainTabs *self)
{
  GtkWidget *switcher = gtk_stack_switcher_new ();

  gtk_widget_set_layout_manager (switcher, g_object_new (KX_TYPE_WRAP_LAYOUT, NULL));
  gtk_stack_switcher_set_stack (GTK_STACK_SWITCHER (switcher), self->stack);
  gtk_widget_set_halign (switcher, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (switcher, "kx-tabs");
  gtk_widget_set_margin_top (switcher, 6);
  gtk_widget_set_margin_start (switcher, 6);
  gtk_widget_set_margin_end (switcher, 6);
  gtk_accessible_update_property (GTK_ACCESSIBLE (switcher), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Pictures of the run"), -1);
  return switcher;
}

static void
kx_train_tabs_init (KxTrainTabs *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->tabs = g_ptr_array_new ();
  self->stack = GTK_STACK (gtk_stack_new ());
  gtk_widget_set_size_request (GTK_WIDGET (self->stack), -1, LEAST_HEIGHT);
  gtk_widget_set_vexpand (GTK_WIDGET (self->stack), TRUE);
  gtk_stack_set_vhomogeneous (self->stack, FALSE);
  gtk_stack_set_hhomogeneous (self->stack, FALSE);
  self->activations = KX_TAB_ACTIVATIONS (kx_tab_activations_new ());
  self->steps = KX_STEPS_VIEW (kx_steps_view_new ());
  self->search = KX_SEARCH_TAB (kx_search_tab_new ());
  add_tab (self, kx_tab_batch_new (), "batch", _ ("Batch"));
  add_tab (self, kx_tab_mistakes_new (), "mistakes", _ ("Mistakes"));
  add_tab (self, kx_tab_confusion_new (), "confusion", _ ("Confusion"));
  add_tab (self, kx_tab_filters_new (), "filters", _ ("Filters"));
  add_tab (self, GTK_WIDGET (self->activations), "activations", _ ("Activations"));
  add_tab (self, kx_tab_histograms_new (), "histograms", _ ("Histograms"));
  gtk_stack_add_titled (self->stack, GTK_WIDGET (self->steps), "steps", _ ("Steps"));
  gtk_stack_add_titled (self->stack, GTK_WIDGET (self->search), "search", _ ("Search"));
  g_signal_connect_object (self->stack, "notify::visible-child", G_CALLBACK (make_room), self,
                           G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (box), make_switcher (self));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->stack));
  adw_bin_set_child (ADW_BIN (self), box);
}

void
kx_train_tabs_set_session (KxTrainTabs *self, KxSession *session)
{
  kx_search_tab_set_session (self->search, session);
  g_settings_bind (kx_session_get_settings (session), "tab", self->stack, "visible-child-name",
                   G_SETTINGS_BIND_DEFAULT);
  gtk_widget_add_tick_callback (GTK_WIDGET (self), make_first_room, NULL, NULL);
}

/**
 * kx_train_tabs_set_subject:
 * @tabs: the tabs
 * @recipe: of what settings are searched
 * @data: (nullable): the examples for that
 */
void
kx_train_tabs_set_subject (KxTrainTabs *self, const char *recipe, const char *data)
{
  kx_search_tab_set_subject (self->search, recipe, data);
}

/**
 * kx_train_tabs_show_search:
 * @tabs: the tabs
 *
 * Shows the one with searches, and leads the keyboard there.
 */
void
kx_train_tabs_show_search (KxTrainTabs *self)
{
  gtk_stack_set_visible_child_name (self->stack, "search");
  gtk_widget_child_focus (GTK_WIDGET (self->search), GTK_DIR_TAB_FORWARD);
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
  g_signal_connect_swapped (run, "notify::device", G_CALLBACK (follow_device), self);
  look_into (self);
}
