/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The timeline of a run, the latest first: turned controls, checkpoints, branches. */

#include "timeline-list.h"

#include <glib/gi18n.h>

struct _KxTimelineList {
  AdwBin parent_instance;

  GtkListView *view;
  GtkNoSelection *model;
};

G_DEFINE_FINAL_TYPE (KxTimelineList, kx_timeline_list, ADW_TYPE_BIN)

enum {
  CHOSEN,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static const char *const icons[] = {
  [KX_MARK_CONTROL] = "emblem-system-symbolic",
  [KX_MARK_CHECKPOINT] = "media-record-symbolic",
  [KX_MARK_BRANCH] = "media-playlist-shuffle-symbolic",
  [KX_MARK_REWIND] = "edit-undo-symbolic",
  [KX_MARK_DIVERGED] = "dialog-warning-symbolic",
  [KX_MARK_MOVE] = "computer-symbolic",
};

/* A row: icon, what happened, at which step. */
static void
set_up (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *text = gtk_label_new (NULL), *step = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (text), 0);
  gtk_label_set_ellipsize (GTK_LABEL (text), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (text, TRUE);
  gtk_label_set_xalign (GTK_LABEL (step), 1);
  gtk_widget_add_css_class (text, "numeric");
  gtk_widget_add_css_class (step, "numeric");
  gtk_widget_add_css_class (step, "dim-label");
  gtk_box_append (GTK_BOX (box), gtk_image_new ());
  gtk_box_append (GTK_BOX (box), text);
  gtk_box_append (GTK_BOX (box), step);
  gtk_list_item_set_child (item, box);
}

static void
bind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  KxMark *mark = gtk_list_item_get_item (item);
  GtkWidget *box = gtk_list_item_get_child (item);
  GtkWidget *icon = gtk_widget_get_first_child (box);
  GtkWidget *text = gtk_widget_get_next_sibling (icon);
  g_autofree char *step = g_strdup_printf ("%'" G_GUINT64_FORMAT, kx_mark_get_step (mark));
  g_autofree char *name = g_strdup_printf (_ ("%s, step %s"), kx_mark_get_text (mark), step);

  gtk_list_item_set_activatable (item, kx_mark_get_kind (mark) == KX_MARK_CHECKPOINT);
  gtk_image_set_from_icon_name (GTK_IMAGE (icon), icons[kx_mark_get_kind (mark)]);
  gtk_label_set_label (GTK_LABEL (text), kx_mark_get_text (mark));
  gtk_widget_set_tooltip_text (text, kx_mark_get_text (mark));
  gtk_label_set_label (GTK_LABEL (gtk_widget_get_last_child (box)), step);
  gtk_accessible_update_property (GTK_ACCESSIBLE (box), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static void
activate (KxTimelineList *self, guint position)
{
  g_autoptr (KxMark) mark = g_list_model_get_item (G_LIST_MODEL (self->model), position);

  g_signal_emit (self, signals[CHOSEN], 0, mark);
}

/* A list stays at the row that it shows when others come before it. Whoever has not scrolled down
 * wants to see what happened last. */
static void
marks_changed (KxTimelineList *self)
{
  GtkAdjustment *place = gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (self->view));

  if (gtk_adjustment_get_value (place) < 1)
    gtk_widget_activate_action (GTK_WIDGET (self->view), "list.scroll-to-item", "u", 0);
}

static void
kx_timeline_list_class_init (KxTimelineListClass *klass)
{
  /** KxTimelineList::chosen: @mark was activated. */
  signals[CHOSEN] = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, KX_TYPE_MARK);
}

static void
kx_timeline_list_init (KxTimelineList *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GtkWidget *scrolled = gtk_scrolled_window_new ();

  g_signal_connect (factory, "setup", G_CALLBACK (set_up), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind), NULL);
  self->model = gtk_no_selection_new (NULL);
  self->view = GTK_LIST_VIEW (gtk_list_view_new (GTK_SELECTION_MODEL (self->model), factory));
  gtk_list_view_set_single_click_activate (self->view, TRUE);
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "kx-list");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Timeline"), -1);
  g_signal_connect_swapped (self->view, "activate", G_CALLBACK (activate), self);
  g_signal_connect_object (self->model, "items-changed", G_CALLBACK (marks_changed), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), GTK_WIDGET (self->view));
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scrolled), 168);
  gtk_widget_add_css_class (scrolled, "card");
  gtk_widget_set_overflow (scrolled, GTK_OVERFLOW_HIDDEN);
  adw_bin_set_child (ADW_BIN (self), scrolled);
}

void
kx_timeline_list_set_run (KxTimelineList *self, KxRun *run)
{
  gtk_no_selection_set_model (self->model, run ? kx_run_get_timeline (run) : NULL);
}
