/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The same training step of a small network on two devices, with every value and every gradient
 * held against the other's.
 */

#include "device-step.h"

#include <glib/gi18n.h>
#include <math.h>

#include "news-private.h"

#define BATCH 8
#define SIDE 12
#define CLASSES 10
#define SEED 1

/* A value that was computed. */
typedef struct {
  char *name, *shape;
  float *values;
  gsize count;
} Result;

static void
result_free (gpointer data)
{
  Result *result = data;

  g_free (result->name);
  g_free (result->shape);
  g_free (result->values);
  g_free (result);
}

/* One comparison; what a device's worker fills in is its own side alone. */
typedef struct {
  gatomicrefcount references;
  GWeakRef owner;
  KxStepFunc each;
  KxStepDone done;
  GPtrArray *results[2]; /* of Result */
  char *errors[2];
  guint missing; /* sides; of the main thread */
} Comparison;

typedef struct {
  Comparison *comparison;
  KxEngine *engine;
  guint side;
  gboolean done;
} Part;

static void
comparison_unref (Comparison *comparison)
{
  if (!g_atomic_ref_count_dec (&comparison->references))
    return;
  for (guint i = 0; i < 2; i++)
    {
      g_ptr_array_unref (comparison->results[i]);
      g_free (comparison->errors[i]);
    }
  g_weak_ref_clear (&comparison->owner);
  g_free (comparison);
}

static void
part_free (gpointer data)
{
  Part *part = data;

  comparison_unref (part->comparison);
  kx_engine_unref (part->engine);
  g_free (part);
}

/* ── On a worker's thread ────────────────────────────────────────────────────────────────────── */

/* All that is looked at, with its names. */
typedef struct {
  KolValue *values[16];
  char *names[16];
  guint n;
} Watched;

static KolValue *
watch (Watched *watched, KolValue *value, const char *name)
{
  watched->values[watched->n] = value;
  watched->names[watched->n++] = g_strdup (name);
  return value;
}

/* Two layers and their loss, and what backpropagation makes of it. */
static gboolean
build (KolGraph *graph, Watched *watched)
{
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (BATCH, 1, SIDE, SIDE));
  KolValue *y = kol_placeholder (graph, "y", KOL_SHAPE (BATCH));
  KolValue *weights[4] = {
    kol_parameter (graph, "w_conv", KOL_SHAPE (8, 1, 5, 5), KOL_HE),
    kol_parameter (graph, "b_conv", KOL_SHAPE (8), KOL_CONSTANT (0.1)),
    kol_parameter (graph, "w_full", KOL_SHAPE (8 * SIDE * SIDE / 4, CLASSES), KOL_GLOROT),
    kol_parameter (graph, "b_full", KOL_SHAPE (CLASSES), KOL_CONSTANT (0.1)),
  };
  static const char *const names[] = { "dE/dw_conv", "dE/db_conv", "dE/dw_full", "dE/db_full" };
  KolValue *gradients[4];
  float pixels[BATCH * SIDE * SIDE], labels[BATCH];

  KolValue *z1
      = watch (watched, kol_conv2d (x, weights[0], weights[1], &(KolConv2d){ .padding = KOL_SAME }),
               "conv2d");
  KolValue *h1 = watch (watched, kol_relu (z1), "relu");
  KolValue *p1 = watch (watched, kol_max_pool (h1, &(KolPool){ .size = 2 }), "max_pool");
  KolValue *z2
      = watch (watched, kol_matmul (kol_reshape (p1, KOL_SHAPE (BATCH, -1)), weights[2]), "matmul");
  KolValue *scores = watch (watched, kol_add (z2, weights[3]), "add");
  watch (watched, kol_softmax (scores, 1), "softmax");
  KolValue *loss
      = watch (watched, kol_mean (kol_softmax_cross_entropy (scores, y)), "softmax_cross_entropy");
  if (kol_graph_get_error (graph) || !kol_gradients (loss, weights, 4, gradients))
    return FALSE;
  for (guint i = 0; i < 4; i++)
    watch (watched, gradients[i], names[i]);
  for (guint i = 0; i < G_N_ELEMENTS (pixels); i++)
    pixels[i] = (float) (0.5 + 0.5 * sin (i * 0.37 + i * i * 0.011));
  for (guint i = 0; i < BATCH; i++)
    labels[i] = (float) (i % CLASSES);
  kol_set (x, pixels);
  kol_set (y, labels);
  return TRUE;
}

/* "8×1×12×12", which is read from left to right whatever stands around it. */
static char *
describe_shape (const KolShape *shape, gsize *count)
{
  g_autoptr (GString) text = g_string_new ("\u2066");

  *count = 1;
  for (int i = 0; i < shape->rank; i++)
    {
      *count *= (gsize) shape->dim[i];
      g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i ? "×" : "", (gint64) shape->dim[i]);
    }
  g_string_append (text, "\u2069");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
read_all (const Watched *watched, GPtrArray *results, GError **error)
{
  for (guint i = 0; i < watched->n; i++)
    {
      Result *result = g_new0 (Result, 1);

      g_ptr_array_add (results, result);
      result->name = g_strdup (watched->names[i]);
      result->shape = describe_shape (kol_value_get_shape (watched->values[i]), &result->count);
      result->values = g_new (float, result->count);
      if (!kol_read (watched->values[i], result->values, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
compute (KxEngine *engine, GPtrArray *results, GError **error)
{
  Watched watched = { 0 };
  KolDevice *device = kx_engine_open (engine, error);
  g_autoptr (KolParameters) parameters = device ? kol_parameters_new (device, SEED) : NULL;
  g_autoptr (KolGraph) graph = parameters ? kol_graph_new_over (parameters) : NULL;

  if (!graph)
    return FALSE;
  gboolean good = build (graph, &watched);
  if (!good && kol_graph_get_error (graph))
    g_propagate_error (error, g_error_copy (kol_graph_get_error (graph)));
  good = good && kol_run_all (graph, watched.values, watched.n, error)
         && read_all (&watched, results, error);
  for (guint i = 0; i < watched.n; i++)
    g_free (watched.names[i]);
  return good;
}

/* ── On the main thread ──────────────────────────────────────────────────────────────────────── */

static double
find_difference (const Result *a, const Result *b)
{
  double largest = 0, difference = 0;

  for (gsize i = 0; i < a->count; i++)
    {
      largest = fmax (largest, fmax (fabs ((double) a->values[i]), fabs ((double) b->values[i])));
      double between = fabs ((double) a->values[i] - (double) b->values[i]);
      /* Where one of them is not finite they do not agree, unless they are the same. */
      if (!isfinite (between) && a->values[i] != b->values[i])
        return INFINITY;
      difference = fmax (difference, isnan (between) ? 0 : between);
    }
  return largest > 0 ? difference / largest : 0;
}

static void
take_part (gpointer data)
{
  Part *part = data;
  Comparison *comparison = part->comparison;
  g_autoptr (GObject) owner = g_weak_ref_get (&comparison->owner);
  const char *error = comparison->errors[0] ? comparison->errors[0] : comparison->errors[1];

  if (--comparison->missing || !owner)
    return;
  for (guint i = 0; !error && i < comparison->results[0]->len; i++)
    {
      const Result *a = g_ptr_array_index (comparison->results[0], i);
      const Result *b = g_ptr_array_index (comparison->results[1], i);

      comparison->each (a->name, a->shape, find_difference (a, b), owner);
    }
  comparison->done (error, owner);
}

/* A KxTaskKind's. Where others have questions while it compiles, it goes on in the next turn. */
static KxTurn
compute_part (gpointer data, double seconds)
{
  Part *part = data;
  g_autoptr (GError) error = NULL;

  kx_engine_set_patient (part->engine, TRUE);
  part->done = compute (part->engine, part->comparison->results[part->side], &error);
  kx_engine_set_patient (part->engine, FALSE);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return KX_TURN_MORE;
  part->comparison->errors[part->side] = error ? g_strdup (error->message) : NULL;
  return KX_TURN_DONE;
}

/* A KxTaskKind's. */
static void
end_part (gpointer data)
{
  Part *part = data;

  if (!part->done && !part->comparison->errors[part->side])
    part->comparison->errors[part->side] = g_strdup (_ ("The step could not be computed"));
  kx_news_post (take_part, part, part_free);
}

/**
 * kx_device_step_compare:
 * @one: a device
 * @other: another one
 * @owner: the @user_data of the functions, which are not called once it is gone
 * @each: called for each value
 * @done: called at the end
 *
 * Computes the step on both at once, each on its own worker.
 */
void
kx_device_step_compare (KxDevice *one, KxDevice *other, GObject *owner, KxStepFunc each,
                        KxStepDone done)
{
  static const KxTaskKind kind = { compute_part, end_part };
  Comparison *comparison = g_new0 (Comparison, 1);
  KxDevice *devices[] = { one, other };

  g_atomic_ref_count_init (&comparison->references);
  g_atomic_ref_count_inc (&comparison->references); /* one for each part */
  g_weak_ref_init (&comparison->owner, owner);
  comparison->each = each;
  comparison->done = done;
  comparison->missing = 2;
  for (guint i = 0; i < 2; i++)
    comparison->results[i] = g_ptr_array_new_with_free_func (result_free);
  for (guint i = 0; i < 2; i++)
    {
      KxEngine *engine = kx_device_get_engine (devices[i]);
      Part *part = g_new (Part, 1);

      *part = (Part){ comparison, kx_engine_ref (engine), i, FALSE };
      kx_task_unref (kx_worker_add (kx_engine_get_worker (engine), &kind, part, 1));
    }
}
