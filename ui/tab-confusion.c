/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* For what the examples of each class are taken; a cell opens its pictures. */

#include "chart/matrix.h"
#include "train-tab.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#define PERIOD 0.25

#define KX_TYPE_TAB_CONFUSION (kx_tab_confusion_get_type ())
G_DECLARE_FINAL_TYPE (KxTabConfusion, kx_tab_confusion, KX, TAB_CONFUSION, KxTrainTab)

struct _KxTabConfusion {
  KxTrainTab parent_instance;
  GtkStack *stack;
  GtkLabel *caption, *chosen_caption;
  KxMatrix *matrix;
  gboolean chosen;
  guint truth, answer;
};

G_DEFINE_FINAL_TYPE (KxTabConfusion, kx_tab_confusion, KX_TYPE_TRAIN_TAB)

static gboolean
ask (KxTrainTab *tab, KxLookQuestion *question)
{
  KxTabConfusion *self = KX_TAB_CONFUSION (tab);

  *question = (KxLookQuestion){
    .kind = KX_LOOK_VALIDATION, .chosen = self->chosen, .truth = self->truth, .answer = self->answer
  };
  return TRUE;
}

static void
show_matrix (KxTabConfusion *self, const KxLook *look)
{
  g_auto (GStrv) names = g_new0 (char *, look->classes + 1);
  g_autofree char *text
      = g_strdup_printf (_ ("%.2f %% right · %zu of %zu validation examples · step "
                            "%" PRIu64),
                         look->count ? 100.0 * (double) look->right / (double) look->count : 0,
                         look->count, look->total, look->step);

  for (guint i = 0; i < look->classes; i++)
    names[i] = kx_look_name_class (look, i);
  gtk_label_set_label (self->caption, text);
  kx_matrix_set_counts (self->matrix, (const char *const *) names, look->classes, look->confusion);
}

static void
show_chosen (KxTabConfusion *self, KxLook *look)
{
  g_autofree char *truth = kx_look_name_class (look, self->truth);
  g_autofree char *answer = kx_look_name_class (look, self->answer);
  guint count = look->confusion[self->truth * look->classes + self->answer];
  g_autofree char *text = self->truth == self->answer
                              ? g_strdup_printf (_ ("%s known: %u"), truth, count)
                              : g_strdup_printf (_ ("%s taken for %s: %u"), truth, answer, count);

  gtk_label_set_label (self->chosen_caption, text);
  kx_train_tab_show_examples (KX_TRAIN_TAB (self), look);
}

static gboolean
take (KxTrainTab *tab, KxLook *look)
{
  KxTabConfusion *self = KX_TAB_CONFUSION (tab);

  if (!look->classes)
    {
      gtk_stack_set_visible_child_name (self->stack, "numbers");
      return TRUE;
    }
  show_matrix (self, look);
  if (self->chosen)
    show_chosen (self, look);
  gtk_stack_set_visible_child_name (self->stack, self->chosen ? "chosen" : "matrix");
  return look->current;
}

static void
clear (KxTrainTab *tab)
{
  KxTabConfusion *self = KX_TAB_CONFUSION (tab);

  self->chosen = FALSE;
  kx_matrix_clear (self->matrix);
  kx_train_tab_show_examples (tab, NULL);
}

static void
choose (KxTabConfusion *self, guint truth, guint answer)
{
  self->chosen = TRUE;
  self->truth = truth;
  self->answer = answer;
  kx_train_tab_look (KX_TRAIN_TAB (self));
}

static void
go_back (KxTabConfusion *self)
{
  self->chosen = FALSE;
  gtk_stack_set_visible_child_name (self->stack, "matrix");
  kx_train_tab_look (KX_TRAIN_TAB (self));
}

static void
kx_tab_confusion_class_init (KxTabConfusionClass *klass)
{
  KxTrainTabClass *tab_class = KX_TRAIN_TAB_CLASS (klass);

  tab_class->ask = ask;
  tab_class->take = take;
  tab_class->clear = clear;
}

static GtkWidget *
make_matrix (KxTabConfusion *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6),
            *scrolled = gtk_scrolled_window_new ();

  self->caption = kx_train_tab_make_caption ();
  self->matrix = KX_MATRIX (kx_matrix_new ());
  gtk_widget_set_margin_start (GTK_WIDGET (self->matrix), 12);
  gtk_widget_set_margin_end (GTK_WIDGET (self->matrix), 12);
  gtk_widget_set_margin_bottom (GTK_WIDGET (self->matrix), 12);
  gtk_widget_set_valign (GTK_WIDGET (self->matrix), GTK_ALIGN_START);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), GTK_WIDGET (self->matrix));
  gtk_widget_set_vexpand (scrolled, TRUE);
  g_signal_connect_object (self->matrix, "cell-activated", G_CALLBACK (choose), self,
                           G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->caption));
  gtk_box_append (GTK_BOX (box), scrolled);
  return box;
}

static GtkWidget *
make_chosen (KxTabConfusion *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *back = gtk_button_new_with_label (_ ("All Cells"));

  gtk_widget_add_css_class (back, "flat");
  gtk_widget_set_margin_start (head, 6);
  g_signal_connect_object (back, "clicked", G_CALLBACK (go_back), self, G_CONNECT_SWAPPED);
  self->chosen_caption = kx_train_tab_make_caption ();
  gtk_box_append (GTK_BOX (head), back);
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (self->chosen_caption));
  gtk_box_append (GTK_BOX (box), head);
  gtk_box_append (GTK_BOX (box),
                  kx_train_tab_make_examples (KX_TRAIN_TAB (self), _ ("Pictures of the cell")));
  return box;
}

static void
kx_tab_confusion_init (KxTabConfusion *self)
{
  GtkWidget *numbers = adw_status_page_new ();

  self->stack = GTK_STACK (gtk_stack_new ());
  adw_status_page_set_title (ADW_STATUS_PAGE (numbers), _ ("No classes"));
  adw_status_page_set_description (
      ADW_STATUS_PAGE (numbers),
      _ ("This network predicts numbers, and none can be taken for another."));
  gtk_widget_add_css_class (numbers, "compact");
  gtk_stack_add_named (self->stack, make_matrix (self), "matrix");
  gtk_stack_add_named (self->stack, make_chosen (self), "chosen");
  gtk_stack_add_named (self->stack, numbers, "numbers");
  kx_train_tab_set_up (KX_TRAIN_TAB (self), GTK_WIDGET (self->stack), PERIOD, _ ("No answers yet"),
                       _ ("What is taken for what comes here, as the run goes through its "
                          "validation set. A cell opens its pictures."));
}

GtkWidget *
kx_tab_confusion_new (void)
{
  return g_object_new (KX_TYPE_TAB_CONFUSION, NULL);
}
