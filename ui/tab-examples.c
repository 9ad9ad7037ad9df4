/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Examples: those that were learned from last; or of the validation set what is answered worst. */

#include "train-tab.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#define PERIOD 0.25

#define KX_TYPE_TAB_EXAMPLES (kx_tab_examples_get_type ())
G_DECLARE_FINAL_TYPE (KxTabExamples, kx_tab_examples, KX, TAB_EXAMPLES, KxTrainTab)

struct _KxTabExamples {
  KxTrainTab parent_instance;
  KxLookKind kind;
  GtkLabel *caption;
};

G_DEFINE_FINAL_TYPE (KxTabExamples, kx_tab_examples, KX_TYPE_TRAIN_TAB)

static gboolean
ask (KxTrainTab *tab, KxLookQuestion *question)
{
  question->kind = KX_TAB_EXAMPLES (tab)->kind;
  return question->kind != KX_LOOK_BATCH || kx_run_get_step (kx_train_tab_get_run (tab)) > 0;
}

static char *
describe_batch (const KxLook *look)
{
  if (!look->classes)
    return g_strdup_printf (_ ("Step %" PRIu64 " · loss %.4g"), look->step, look->loss);
  if (!isfinite (look->loss))
    return g_strdup_printf (_ ("Step %" PRIu64 " · %zu of %zu right · the loss is not finite"),
                            look->step, look->right, look->count);
  return g_strdup_printf (_ ("Step %" PRIu64 " · %zu of %zu right · loss %.4f"), look->step,
                          look->right, look->count, look->loss);
}

static char *
describe_validation (const KxLook *look)
{
  if (!look->classes)
    return g_strdup_printf (_ ("%zu of %zu validation examples · worst first"), look->count,
                            look->total);
  return g_strdup_printf (_ ("%zu mistakes in %zu of %zu validation examples · worst first"),
                          look->count - look->right, look->count, look->total);
}

static gboolean
take (KxTrainTab *tab, KxLook *look)
{
  KxTabExamples *self = KX_TAB_EXAMPLES (tab);
  g_autofree char *text
      = look->kind == KX_LOOK_BATCH ? describe_batch (look) : describe_validation (look);

  gtk_label_set_label (self->caption, text);
  kx_train_tab_show_examples (tab, look);
  return look->kind == KX_LOOK_BATCH || look->current;
}

static void
clear (KxTrainTab *tab)
{
  kx_train_tab_show_examples (tab, NULL);
}

static void
kx_tab_examples_class_init (KxTabExamplesClass *klass)
{
  KxTrainTabClass *tab_class = KX_TRAIN_TAB_CLASS (klass);

  tab_class->ask = ask;
  tab_class->take = take;
  tab_class->clear = clear;
}

static void
kx_tab_examples_init (KxTabExamples *self)
{
  self->caption = kx_train_tab_make_caption ();
}

static GtkWidget *
make (KxLookKind kind, const char *name, const char *title, const char *description)
{
  KxTabExamples *self = g_object_new (KX_TYPE_TAB_EXAMPLES, NULL);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->kind = kind;
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->caption));
  gtk_box_append (GTK_BOX (box), kx_train_tab_make_examples (KX_TRAIN_TAB (self), name));
  kx_train_tab_set_up (KX_TRAIN_TAB (self), box, PERIOD, title, description);
  return GTK_WIDGET (self);
}

GtkWidget *
kx_tab_batch_new (void)
{
  return make (KX_LOOK_BATCH, _ ("Batch"), _ ("No batch yet"),
               _ ("The examples of the latest step come here, with what the network says of each. "
                  "Mistakes are marked."));
}

GtkWidget *
kx_tab_mistakes_new (void)
{
  return make (KX_LOOK_VALIDATION, _ ("Mistakes"), _ ("No mistakes yet"),
               _ ("Examples that are not learned from, and are answered worst, come here as the "
                  "run goes through them."));
}
