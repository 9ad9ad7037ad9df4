/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Which variant computes a node: the one that KOLINSKY_VARIANT forces, else the
 * fastest on this device, measured once per shape and remembered. The plain
 * variant takes part only where nothing else fits or the work is small.
 */

#include "../device/tuning-private.h"
#include "graph-private.h"

#define SMALL_WORK 2e7   /* operations up to which the plain variant is measured, too */
#define MEASURE_US 30000 /* time to spend on a candidate after its first run */
#define MEASURE_RUNS 12  /* or this many runs, whichever comes first */

/* "conv2d [50, 1, 28, 28] [32, 1, 5, 5] #5f2c...": names a node's work in the tuning file. */
static char *
work_key (const KolNode *node)
{
  GString *key = g_string_new (node->op->name);

  for (guint i = 0; i < node->n_inputs; i++)
    g_string_append_printf (key, " %s", kol_shape_text (&node->inputs[i]->shape));
  if (node->op->attributes)
    {
      g_autofree char *sum
          = g_compute_checksum_for_data (G_CHECKSUM_MD5, node->attributes, node->op->attributes);
      g_string_append_printf (key, " #%.8s", sum);
    }
  return g_string_free (key, FALSE);
}

static gboolean
fits (const KolVariant *variant, const KolNode *node, KolDevice *device)
{
  return !variant->fits || variant->fits (node, device);
}

static const KolVariant *
find_variant (const KolOp *op, const char *name)
{
  for (const KolVariant *variant = op->variants; variant->name; variant++)
    if (!strcmp (variant->name, name))
      return variant;
  return NULL;
}

/*
 * The variant that is forced for this node, or NULL. One forced for the whole
 * process steps aside where it does not fit; an unknown name is an error.
 */
static const KolVariant *
forced_variant (KolGraph *graph, const KolNode *node, GError **error)
{
  KolDevice *device = graph->parameters->device;
  g_autofree char *name = NULL;
  const KolVariant *variant;

  if (graph->forced_op == node->op && graph->forced_variant)
    return find_variant (node->op, graph->forced_variant);
  name = kol_tuning_forced (node->op->name);
  if (!name)
    return NULL;
  variant = find_variant (node->op, name);
  if (!variant && strchr (g_getenv ("KOLINSKY_VARIANT"), '='))
    {
      g_autoptr (GString) known = g_string_new (NULL);

      for (const KolVariant *v = node->op->variants; v->name; v++)
        g_string_append_printf (known, "%s%s", known->len ? ", " : "", v->name);
      g_set_error (error, KOL_ERROR, KOL_ERROR_VARIANT,
                   "KOLINSKY_VARIANT asks for the variant %s of %s; it has: %s", name,
                   node->op->name, known->str);
      return NULL;
    }
  return variant && fits (variant, node, device) ? variant : NULL;
}

/* The variant that an earlier run has computed this node with, if it is still there. */
static const KolVariant *
pinned_variant (KolGraph *graph, const KolNode *node)
{
  const char *name = graph->pinned ? g_hash_table_lookup (graph->pinned, node->name) : NULL;
  const KolVariant *variant = name ? find_variant (node->op, name) : NULL;
  KolDevice *device = graph->parameters->device;

  return variant && fits (variant, node, device)
                 && !kol_tuning_is_struck (device->tuning, node->op->name, name)
             ? variant
             : NULL;
}

/* Buffers to measure a variant on. */
typedef struct {
  KolBuffer **inputs;
  KolBuffer **outputs;
  GPtrArray *owned;
} Bench;

static void
bench_clear (Bench *bench)
{
  g_free (bench->inputs);
  g_free (bench->outputs);
  g_clear_pointer (&bench->owned, g_ptr_array_unref);
}

static KolBuffer *
bench_buffer (Bench *bench, KolQueue *queue, gsize bytes, GError **error)
{
  KolBuffer *buffer = kol_buffer_new (kol_queue_get_device (queue), bytes, error);

  if (!buffer)
    return NULL;
  g_ptr_array_add (bench->owned, buffer);
  return kol_queue_fill (queue, buffer, 0.01f, error) ? buffer : NULL;
}

static gboolean
bench_init (Bench *bench, KolQueue *queue, const KolNode *node, GError **error)
{
  bench->owned = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_buffer_unref);
  bench->inputs = g_new0 (KolBuffer *, node->n_inputs);
  bench->outputs = g_new0 (KolBuffer *, node->n_outputs);
  for (guint i = 0; i < node->n_inputs; i++)
    if (!(bench->inputs[i]
          = bench_buffer (bench, queue, (gsize) kol_count (node->inputs[i]) * 4, error)))
      return FALSE;
  for (guint i = 0; i < node->n_outputs; i++)
    if (!(bench->outputs[i]
          = bench_buffer (bench, queue, (gsize) kol_count (&node->outputs[i]) * 4, error)))
      return FALSE;
  return TRUE;
}

/* Median seconds of a launch, or a negative number if it failed. */
static double
measure (Bench *bench, KolQueue *queue, const KolNode *node, const KolVariant *variant,
         GError **error)
{
  KolDevice *device = kol_queue_get_device (queue);
  gsize scratch = variant->scratch ? variant->scratch (node, device) : 0;
  KolLaunch launch
      = { .device = device, .queue = queue, .inputs = bench->inputs, .outputs = bench->outputs };
  g_autofree KolBuffer **packed = g_new0 (KolBuffer *, node->n_inputs);
  double seconds[MEASURE_RUNS];
  gint64 began = 0;
  guint runs = 0;

  launch.packed = packed;
  if (scratch && !(launch.scratch = bench_buffer (bench, queue, scratch, error)))
    return -1;
  for (guint i = 0; variant->packed && i < node->n_inputs; i++)
    {
      gsize bytes = variant->packed (node, i, device);

      if (bytes && !(packed[i] = bench_buffer (bench, queue, bytes, error)))
        return -1;
    }
  for (int run = -1; run < MEASURE_RUNS; run++) /* the first one compiles */
    {
      gint64 start = g_get_monotonic_time ();

      for (guint i = 0; i < node->n_inputs; i++) /* in training weights change with every step */
        if (packed[i] && !variant->pack (&launch, node, i, error))
          return -1;
      if (!variant->launch (&launch, node, error) || !kol_queue_finish (queue, error))
        return -1;
      if (run < 0)
        {
          began = g_get_monotonic_time ();
          continue;
        }
      seconds[runs++] = (double) (g_get_monotonic_time () - start) / 1e6;
      if (g_get_monotonic_time () - began > MEASURE_US)
        break;
    }
  for (guint i = 1; i < runs; i++) /* insertion sort of a dozen numbers */
    for (guint k = i; k > 0 && seconds[k] < seconds[k - 1]; k--)
      {
        double swap = seconds[k];
        seconds[k] = seconds[k - 1];
        seconds[k - 1] = swap;
      }
  return seconds[runs / 2];
}

/* Measures the candidates and remembers the fastest; without the memory to do so, takes the first.
 */
static const KolVariant *
measure_all (KolGraph *graph, const KolNode *node, const char *key,
             const KolVariant *const *candidates, guint n, GError **error)
{
  KolDevice *device = graph->parameters->device;
  KolQueue *queue = kol_parameters_get_queue (graph->parameters, error);
  g_auto (GStrv) names = g_new0 (char *, n + 1);
  g_autofree double *seconds = g_new0 (double, n);
  Bench bench = { 0 };
  guint best = 0, measured = 0;

  if (!queue)
    return NULL;
  if (!bench_init (&bench, queue, node, NULL))
    {
      bench_clear (&bench);
      return candidates[0];
    }
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) local = NULL;
      double took = measure (&bench, queue, node, candidates[i], &local);

      if (took < 0 && g_error_matches (local, KOL_ERROR, KOL_ERROR_MEMORY))
        continue;
      if (took < 0)
        {
          g_message ("%s: the variant %s failed and is left out on this device: %s", node->op->name,
                     candidates[i]->name, local->message);
          kol_tuning_strike (device->tuning, node->op->name, candidates[i]->name, local->message);
          continue;
        }
      names[measured] = g_strdup (candidates[i]->name);
      seconds[measured] = took;
      if (took < seconds[best])
        best = measured;
      measured++;
    }
  kol_queue_finish (queue, NULL);
  bench_clear (&bench);
  if (!measured)
    return candidates[0];
  kol_tuning_store (device->tuning, key, (const char *const *) names, seconds, measured, best);
  return find_variant (node->op, names[best]);
}

/*
 * The variant for @node. With @measure FALSE nothing runs on the device: what is
 * not known yet is answered with the likeliest, the first that is not plain.
 */
const KolVariant *
kol_choose_variant (KolGraph *graph, const KolNode *node, gboolean measure, GError **error)
{
  KolDevice *device = graph->parameters->device;
  const KolVariant *candidates[16], *variants = node->op->variants, *remembered;
  g_autoptr (GError) local = NULL;
  g_autofree char *key = NULL, *known = NULL;
  guint n = 0;

  if (!variants[1].name)
    return &variants[0];
  remembered = forced_variant (graph, node, &local);
  if (remembered)
    return remembered;
  if (local)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }

  remembered = pinned_variant (graph, node);
  if (remembered)
    return remembered;

  for (guint i = 1; variants[i].name && n < G_N_ELEMENTS (candidates) - 1; i++)
    if (fits (&variants[i], node, device) && !(variants[i].tune_only && device->simd)
        && !kol_tuning_is_struck (device->tuning, node->op->name, variants[i].name))
      candidates[n++] = &variants[i];
  if (n == 0 || (node->op->flops && node->op->flops (node) < SMALL_WORK))
    candidates[n++] = &variants[0];
  if (n == 1)
    return candidates[0];

  key = work_key (node);
  known = kol_tuning_lookup (device->tuning, key);
  remembered = known ? find_variant (node->op, known) : NULL;
  for (guint i = 0; i < n; i++)
    if (candidates[i] == remembered)
      return remembered;
  return measure ? measure_all (graph, node, key, candidates, n, error) : candidates[0];
}
