/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "train-tab.h"

#include <glib/gi18n.h>
#include <math.h>

#include "picture-grid.h"
#include "tip.h"

/* Looks take at most this share of the time while the run learns. */
#define SHARE 0.015
#define ENOUGH 5 /* looks after which it is known what one costs */
#define MOST 4   /* times the quickest look's seconds that a look counts for */
#define SIZE 48  /* of an example's picture */
#define LOST 5   /* seconds after which an answer is not waited for any more */

typedef struct {
  GtkStack *stack;
  AdwStatusPage *empty;
  char *title, *description;
  double period;
  KxRun *run;
  KxLooks *looks; /* lent */
  gulong handlers[3];
  guint source;
  gint64 asked_at, due; /* of g_get_monotonic_time() */
  gboolean pending;     /* a look is asked for */
  gboolean more;        /* there is more to see at this step */
  guint64 step;         /* of the latest look */
  guint n_looks;        /* of the run */
  double quickest;      /* of them, but for the first, in seconds */
  KxPictureGrid *grid;  /* of examples, or NULL */
  KxLook *look;         /* whose they are */
} KxTrainTabPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (KxTrainTab, kx_train_tab, ADW_TYPE_BIN)

enum {
  EXAMPLE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

#define PRIVATE(self) ((KxTrainTabPrivate *) kx_train_tab_get_instance_private (self))

static void schedule (KxTrainTab *self);

static void
show_empty (KxTrainTab *self, const char *title, const char *description)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  adw_status_page_set_title (private->empty, title);
  adw_status_page_set_description (private->empty, description);
  gtk_stack_set_visible_child_name (private->stack, "empty");
}

/* While nothing was seen: what will be, or why nothing will. */
static void
show_nothing (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  if (private->run && kx_run_is_over (private->run))
    show_empty (self, _ ("The run has stopped"),
                _ ("It can be looked into again once it goes on."));
  else
    show_empty (self, private->title, private->description);
}

static void
renew_nothing (KxTrainTab *self)
{
  if (g_str_equal (gtk_stack_get_visible_child_name (PRIVATE (self)->stack), "empty"))
    show_nothing (self);
}

/*
 * What a look counts for, in seconds. Kernels of the first one have to be compiled, and the device
 * does other things meanwhile: how long looks take is known after some of them, and much more than
 * the quickest one does not count.
 */
static double
count_cost (KxTrainTabPrivate *private, double seconds)
{
  private->quickest = private->n_looks ? MIN (private->quickest, seconds) : INFINITY;
  private->n_looks++;
  return private->n_looks < ENOUGH ? 0 : MIN (seconds, MOST * private->quickest);
}

/* When the next look may be: after the period, and so late that looks have only their share. */
static void
take_look (KxLook *look, gpointer owner)
{
  KxTrainTab *self = owner;
  KxTrainTabPrivate *private = PRIVATE (self);
  gboolean learns = private->run && kx_run_get_state (private->run) == KX_RUN_LEARNING;

  double cost = count_cost (private, look->seconds);
  double rest = learns ? MAX (private->period, cost / SHARE) : 0;

  private->pending = FALSE;
  private->due = g_get_monotonic_time () + (gint64) (rest * G_USEC_PER_SEC);
  private->step = look->step;
  private->more = FALSE;
  if (look->fault)
    show_empty (self, private->title, look->fault);
  else
    {
      private->more = !KX_TRAIN_TAB_GET_CLASS (self)->take (self, look);
      gtk_stack_set_visible_child_name (private->stack, "content");
    }
  schedule (self);
}

static gboolean
has_news (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  return private->more || private->step != kx_run_get_step (private->run);
}

static gboolean
look_now (gpointer data)
{
  KxTrainTab *self = data;
  KxTrainTabPrivate *private = PRIVATE (self);
  KxLookQuestion question = { 0 };

  private->source = 0;
  if (!private->looks || !has_news (self) || !KX_TRAIN_TAB_GET_CLASS (self)->ask (self, &question))
    return G_SOURCE_REMOVE;
  private->pending = TRUE;
  private->asked_at = g_get_monotonic_time ();
  kx_looks_ask (private->looks, &question, take_look, self);
  return G_SOURCE_REMOVE;
}

/* Plans the next look, if there is one to be taken and none planned or asked for. */
static void
schedule (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);
  gint64 now = g_get_monotonic_time ();

  private->pending = private->pending && now - private->asked_at <= LOST * G_USEC_PER_SEC;
  if (private->source || private->pending || !private->looks || !has_news (self)
      || !gtk_widget_get_mapped (GTK_WIDGET (self)) || !kx_run_has_trainer (private->run)
      || kx_run_is_over (private->run))
    return;
  private->source = g_timeout_add ((guint) (MAX (private->due - now, 0) / 1000), look_now, self);
}

static void
forget (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  g_clear_handle_id (&private->source, g_source_remove);
  private->pending = FALSE;
}

/* Where a run rests, looks take no time from learning: what it has come to is shown at once. */
static void
follow_state (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  if (kx_run_get_state (private->run) != KX_RUN_LEARNING)
    {
      private->due = 0;
      g_clear_handle_id (&private->source, g_source_remove);
    }
  renew_nothing (self);
  schedule (self);
}

static void
on_map (KxTrainTab *self)
{
  forget (self);
  schedule (self);
}

static void
let_go (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  forget (self);
  for (guint i = 0; private->run && i < G_N_ELEMENTS (private->handlers); i++)
    g_clear_signal_handler (&private->handlers[i], private->run);
  g_clear_object (&private->run);
  private->looks = NULL;
}

static void
kx_train_tab_dispose (GObject *object)
{
  let_go (KX_TRAIN_TAB (object));
  G_OBJECT_CLASS (kx_train_tab_parent_class)->dispose (object);
}

static void
kx_train_tab_finalize (GObject *object)
{
  KxTrainTabPrivate *private = PRIVATE (KX_TRAIN_TAB (object));

  kx_look_unref (private->look);
  g_free (private->title);
  g_free (private->description);
  G_OBJECT_CLASS (kx_train_tab_parent_class)->finalize (object);
}

static void
kx_train_tab_class_init (KxTrainTabClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_train_tab_dispose;
  G_OBJECT_CLASS (klass)->finalize = kx_train_tab_finalize;
  signals[EXAMPLE] = g_signal_new ("example", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
kx_train_tab_init (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  private->stack = GTK_STACK (gtk_stack_new ());
  private->empty = ADW_STATUS_PAGE (adw_status_page_new ());
  private->step = G_MAXUINT64;
  private->n_looks = 0;
  gtk_widget_add_css_class (GTK_WIDGET (private->empty), "compact");
  gtk_stack_add_named (private->stack, GTK_WIDGET (private->empty), "empty");
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (private->stack));
  g_signal_connect (self, "map", G_CALLBACK (on_map), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (forget), NULL);
}

/**
 * kx_train_tab_set_up:
 * @tab: a tab that is being made
 * @content: what it shows once something was seen
 * @period: seconds between two looks, at least
 * @title: of the tab while nothing was seen
 * @description: what will stand there
 */
void
kx_train_tab_set_up (KxTrainTab *self, GtkWidget *content, double period, const char *title,
                     const char *description)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  private->period = period;
  private->title = g_strdup (title);
  private->description = g_strdup (description);
  gtk_stack_add_named (private->stack, content, "content");
  show_empty (self, title, description);
}

/**
 * kx_train_tab_set_run:
 * @tab: a tab
 * @run: (nullable): what it shows
 * @looks: (nullable): what looks into it, as long as it is the tab's
 */
void
kx_train_tab_set_run (KxTrainTab *self, KxRun *run, KxLooks *looks)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  let_go (self);
  private->step = G_MAXUINT64;
  private->n_looks = 0;
  private->due = 0;
  private->looks = looks;
  KX_TRAIN_TAB_GET_CLASS (self)->clear (self);
  private->run = run ? g_object_ref (run) : NULL;
  show_nothing (self);
  if (!run)
    return;
  private->handlers[0]
      = g_signal_connect_swapped (run, "notify::step", G_CALLBACK (schedule), self);
  private->handlers[1]
      = g_signal_connect_swapped (run, "notify::state", G_CALLBACK (follow_state), self);
  private->handlers[2] = g_signal_connect_swapped (run, "ready", G_CALLBACK (schedule), self);
  schedule (self);
}

/**
 * kx_train_tab_get_run:
 * @tab: a tab
 *
 * Returns: (nullable) (transfer none): what it shows
 */
KxRun *
kx_train_tab_get_run (KxTrainTab *self)
{
  return PRIVATE (self)->run;
}

/**
 * kx_train_tab_look:
 * @tab: a tab that asks something else now
 *
 * Has it look as soon as it can.
 */
void
kx_train_tab_look (KxTrainTab *self)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  forget (self);
  private->due = 0;
  private->more = TRUE;
  if (private->run)
    schedule (self);
}

/**
 * kx_train_tab_ask:
 * @tab: a tab
 * @question: what is to be seen besides what the tab looks at by itself
 * @func: told
 * @owner: (type GObject): for @func, and not the tab
 */
void
kx_train_tab_ask (KxTrainTab *self, const KxLookQuestion *question, KxLookFunc func, gpointer owner)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  if (private->looks)
    kx_looks_ask (private->looks, question, func, owner);
}

/* A few letters: "4", or "4 → 9 !"; and "4 taken for 9, probability 0.93; of 4: 0.02". */
static void
name_example (const KxLook *look, const KxExample *example, char **caption, char **name)
{
  g_autofree char *truth = kx_look_name_class (look, example->truth);
  g_autofree char *answer = kx_look_name_class (look, example->answer);

  if (!look->classes)
    {
      *caption = g_strdup_printf ("%s → %s", truth, answer);
      *name = g_strdup_printf (_ ("%s, predicted %s, loss %.3g"), truth, answer, example->loss);
    }
  else if (example->wrong)
    {
      *caption = g_strdup_printf ("%s → %s !", truth, answer);
      *name
          = g_strdup_printf (_ ("%s taken for %s, probability %.4f; of %s: %.4f; loss %.4f"), truth,
                             answer, example->share, truth, example->truth_share, example->loss);
    }
  else
    {
      *caption = g_strdup (truth);
      *name = g_strdup_printf (_ ("%s known, probability %.4f; loss %.4f"), truth, example->share,
                               example->loss);
    }
}

static void
open_example (KxTrainTab *self, guint i)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  if (private->look && i < private->look->examples->len)
    g_signal_emit (self, signals[EXAMPLE], 0,
                   &g_array_index (private->look->examples, KxExample, i));
}

/**
 * kx_train_tab_make_examples:
 * @tab: a tab
 * @name: what the examples are called
 *
 * Returns: (transfer floating): pictures of examples, each of which can be opened
 */
GtkWidget *
kx_train_tab_make_examples (KxTrainTab *self, const char *name)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  private->grid = KX_PICTURE_GRID (kx_picture_grid_new (name, SIZE));
  g_signal_connect_object (private->grid, "activate", G_CALLBACK (open_example), self,
                           G_CONNECT_SWAPPED);
  return GTK_WIDGET (private->grid);
}

/**
 * kx_train_tab_show_examples:
 * @tab: a tab that has made examples
 * @look: (nullable): whose they are
 */
void
kx_train_tab_show_examples (KxTrainTab *self, KxLook *look)
{
  KxTrainTabPrivate *private = PRIVATE (self);

  kx_look_unref (private->look);
  private->look = look ? kx_look_ref (look) : NULL;
  kx_picture_grid_set_length (private->grid, look ? look->examples->len : 0);
  for (guint i = 0; look && i < look->examples->len; i++)
    {
      const KxExample *example = &g_array_index (look->examples, KxExample, i);
      g_autofree char *caption = NULL, *name = NULL;

      name_example (look, example, &caption, &name);
      kx_picture_grid_set (private->grid, i, example->texture, caption, name, example->wrong);
    }
}

/**
 * kx_train_tab_make_caption:
 *
 * Returns: (transfer floating): a line above or below pictures
 */
GtkLabel *
kx_train_tab_make_caption (void)
{
  GtkLabel *label = GTK_LABEL (gtk_label_new (NULL));

  gtk_label_set_xalign (label, 0);
  gtk_label_set_ellipsize (label, PANGO_ELLIPSIZE_END);
  kx_tip_whole_text (label);
  gtk_widget_add_css_class (GTK_WIDGET (label), "numeric");
  gtk_widget_add_css_class (GTK_WIDGET (label), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (label), "dim-label");
  gtk_widget_set_margin_start (GTK_WIDGET (label), 12);
  gtk_widget_set_margin_end (GTK_WIDGET (label), 12);
  return label;
}
