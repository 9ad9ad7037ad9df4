/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The list of jobs, behind a button that says how many there are and how far they have come. */

#include "jobs-button.h"

#include <glib/gi18n.h>

#include "job-row.h"
#include "presence.h"
#include "ring.h"

struct _KxJobsButton {
  AdwBin parent_instance;

  GListModel *model;

  GtkMenuButton *button;
  KxRing *ring;
  GtkLabel *count;
  GtkStack *stack;
  GtkListView *list;
  GtkNoSelection *jobs;
};

G_DEFINE_FINAL_TYPE (KxJobsButton, kx_jobs_button, ADW_TYPE_BIN)

static void
update (KxJobsButton *self)
{
  guint n = g_list_model_get_n_items (self->model), working = 0, known = 0;
  double sum = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (KxJob) job = g_list_model_get_item (self->model, i);

      if (kx_job_is_over (job))
        continue;
      working++;
      if (kx_job_get_fraction (job) >= 0)
        {
          known++;
          sum += kx_job_get_fraction (job);
        }
    }
  g_autofree char *text = g_strdup_printf ("%u", working);
  g_autofree char *name
      = g_strdup_printf (g_dngettext (NULL, "%u job", "%u jobs", working), working);
  gtk_label_set_label (self->count, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  working ? name : _ ("Jobs"), -1);
  kx_ring_set_fraction (self->ring, known ? sum / known : working ? -1 : 0);
  gtk_stack_set_visible_child_name (self->stack, n ? "jobs" : "empty");
}

static void
follow (KxJobsButton *self, guint position, guint removed, guint added)
{
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (KxJob) job = g_list_model_get_item (self->model, i);

      g_signal_connect_object (job, "notify::fraction", G_CALLBACK (update), self,
                               G_CONNECT_SWAPPED);
      g_signal_connect_object (job, "notify::over", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
    }
  update (self);
}

static void
set_up (GtkListItem *item)
{
  gtk_list_item_set_activatable (item, FALSE);
  gtk_list_item_set_child (item, g_object_new (KX_TYPE_JOB_ROW, NULL));
}

static void
bind (GtkListItem *item)
{
  kx_job_row_set_job (KX_JOB_ROW (gtk_list_item_get_child (item)), gtk_list_item_get_item (item));
}

static void
unbind (GtkListItem *item)
{
  kx_job_row_set_job (KX_JOB_ROW (gtk_list_item_get_child (item)), NULL);
}

/* Signals of factories have the item as their second argument. */
#define ON_ITEM(name)                                                                              \
  static void on_##name (GtkSignalListItemFactory *factory, GtkListItem *item) { name (item); }
ON_ITEM (set_up)
ON_ITEM (bind)
ON_ITEM (unbind)

static void
kx_jobs_button_class_init (KxJobsButtonClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (KX_TYPE_RING);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/jobs-button.ui");
  gtk_widget_class_bind_template_child (widget_class, KxJobsButton, button);
  gtk_widget_class_bind_template_child (widget_class, KxJobsButton, ring);
  gtk_widget_class_bind_template_child (widget_class, KxJobsButton, count);
  gtk_widget_class_bind_template_child (widget_class, KxJobsButton, stack);
  gtk_widget_class_bind_template_child (widget_class, KxJobsButton, list);
  gtk_widget_class_bind_template_child (widget_class, KxJobsButton, jobs);
}

static void
kx_jobs_button_init (KxJobsButton *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (factory, "setup", G_CALLBACK (on_set_up), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (on_bind), NULL);
  g_signal_connect (factory, "unbind", G_CALLBACK (on_unbind), NULL);
  gtk_list_view_set_factory (self->list, factory);
  for (GtkWidget *page = gtk_widget_get_first_child (GTK_WIDGET (self->stack)); page;
       page = gtk_widget_get_next_sibling (page))
    kx_presence_follow (page);
}

void
kx_jobs_button_set_session (KxJobsButton *self, KxSession *session)
{
  self->model = kx_session_get_jobs (session);
  gtk_no_selection_set_model (self->jobs, self->model);
  g_signal_connect_object (self->model, "items-changed", G_CALLBACK (follow), self,
                           G_CONNECT_SWAPPED);
  follow (self, 0, 0, g_list_model_get_n_items (self->model));
}

void
kx_jobs_button_popup (KxJobsButton *self)
{
  gtk_menu_button_popup (self->button);
}
