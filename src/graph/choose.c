/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Which variant computes a node: the one that KOLINSKY_VARIANT forces, else the
 * fastest on this device, measured once per shape and remembered; measure.c says
 * how one that is wrong is found. The plain variant takes part only where nothing
 * else fits or the work is small. An epilogue is no part of the work: it is
 * little beside what is chosen between.
 */

#include "../device/tuning-private.h"
#include "measure-private.h"

#define TINY_WORK 1e6    /* operations below which no choice is worth a measurement */
#define SMALL_WORK 2e7   /* operations up to which the plain variant is measured, too */
#define CHECK_WORK 2e8   /* up to which a candidate that is alone is held against it */
#define REFEREE_WORK 2e9 /* up to which it decides between candidates that differ */
#define MEASURE_US 30000 /* for a candidate after its first run; more for slow ones */
#define MEASURE_RUNS 12  /* or this many runs, whichever comes first */
#define TUNE_US 300000   /* the same for `kolinsky tune` */
#define TUNE_RUNS 100
#define TUNE_WORK 4e9 /* up to which `kolinsky tune` measures plain, too */

/* Whether a variant of @node has a form of its own of the weights. */
gboolean
kol_may_keep_weights (const KolNode *node)
{
  for (const KolVariant *variant = node->op->variants; variant->name; variant++)
    if (variant->packed)
      return TRUE;
  return FALSE;
}

/* "conv2d [50, 1, 28, 28] [32, 1, 5, 5] #5f2c... kept": names a node's work in the tuning file. */
char *
kol_work_key (const KolNode *node, gboolean kept)
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
  if (kept && kol_may_keep_weights (node))
    g_string_append (key, " kept");
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

/* Whether the variant may be chosen for @node at all. */
static gboolean
is_candidate (const KolVariant *variant, const KolNode *node, gboolean kept, KolDevice *device)
{
  return fits (variant, node, device)
         && (kept || !variant->kept_only || !variant->kept_only (node, device))
         && !kol_tuning_is_struck (device->tuning, node->op->name, variant->name);
}

/* The variants that are measured at first use. */
static guint
list_candidates (const KolNode *node, gboolean kept, KolDevice *device, KolCandidate *candidates)
{
  const KolVariant *variants = node->op->variants;
  guint n = 0;

  for (guint i = 1; variants[i].name && n < KOL_MOST_CANDIDATES - 1; i++)
    if (is_candidate (&variants[i], node, kept, device) && !(variants[i].tune_only && device->simd))
      candidates[n++].variant = &variants[i];
  if (n == 0 || (node->op->flops && node->op->flops (node) < SMALL_WORK))
    candidates[n++].variant = &variants[0];
  return n;
}

/*
 * What was measured before, unless a variant has come since that was not there
 * then. It may be one that is not measured at first use: `kolinsky tune` found it.
 */
static const KolVariant *
remembered_variant (const KolNode *node, KolDevice *device, const char *key,
                    const KolCandidate *candidates, guint n)
{
  g_autofree char *name = kol_tuning_lookup (device->tuning, key);
  const KolVariant *variant = name ? find_variant (node->op, name) : NULL;

  if (!variant || !fits (variant, node, device)
      || kol_tuning_is_struck (device->tuning, node->op->name, name))
    return NULL;
  for (guint i = 0; i < n; i++)
    if (!kol_tuning_has_measured (device->tuning, key, candidates[i].variant->name))
      return NULL;
  return variant;
}

/* Remembers what was measured, those with 0 seconds that could not be used here, too. */
static void
remember (KolDevice *device, const char *key, const KolVariant *best,
          const KolCandidate *candidates, guint n)
{
  const char *names[KOL_MOST_CANDIDATES];
  double seconds[KOL_MOST_CANDIDATES];
  guint chosen = 0;

  for (guint i = 0; i < n; i++)
    {
      names[i] = candidates[i].variant->name;
      seconds[i] = candidates[i].seconds;
      if (candidates[i].variant == best)
        chosen = i;
    }
  kol_tuning_store (device->tuning, key, names, seconds, n, chosen);
}

/* Operations, or a guess at them. */
static double
work_of (const KolNode *node)
{
  return node->op->flops ? node->op->flops (node) : 10.0 * (double) kol_count (&node->outputs[0]);
}

/* One alone is only checked, and only where plain, the referee, takes no time to speak of. */
static gboolean
needs_measuring (const KolNode *node, const KolCandidate *candidates, guint n)
{
  if (work_of (node) < TINY_WORK)
    return FALSE;
  return n > 1
         || (candidates[0].variant != &node->op->variants[0] && node->op->flops
             && node->op->flops (node) < CHECK_WORK);
}

/* The fastest of the candidates that is right; plain if none is. */
static const KolVariant *
measure_and_remember (KolGraph *graph, const KolNode *node, const char *key,
                      const KolMeasureLimits *limits, KolCandidate *candidates, guint n,
                      GError **error)
{
  KolDevice *device = graph->parameters->device;
  g_autoptr (GError) local = NULL;
  const KolVariant *best = kol_measure (graph, node, limits, candidates, n, &local);

  if (local)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (best)
    {
      remember (device, key, best, candidates, n);
      return best;
    }
  for (guint i = 0; i < n; i++) /* none could be measured, for lack of memory say */
    if (!candidates[i].struck)
      return candidates[i].variant;
  return &node->op->variants[0];
}

/*
 * The variant for @node; @kept: whether packed forms of its weights are. With
 * @measure FALSE nothing runs on the device: what is not known yet is answered
 * with the likeliest, the first that is not plain.
 */
const KolVariant *
kol_choose_variant (KolGraph *graph, const KolNode *node, gboolean kept, gboolean measure,
                    GError **error)
{
  KolDevice *device = graph->parameters->device;
  KolCandidate candidates[KOL_MOST_CANDIDATES] = { 0 };
  const KolMeasureLimits limits = { .kept = kept,
                                    .microseconds = MEASURE_US,
                                    .runs = MEASURE_RUNS,
                                    .check_work = CHECK_WORK,
                                    .referee_work = REFEREE_WORK };
  const KolVariant *variant;
  g_autoptr (GError) local = NULL;
  g_autofree char *key = NULL;
  guint n;

  if (!node->op->variants[1].name)
    return &node->op->variants[0];
  variant = forced_variant (graph, node, &local);
  if (local)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (!variant)
    variant = pinned_variant (graph, node);
  if (variant)
    return variant;

  n = list_candidates (node, kept, device, candidates);
  key = kol_work_key (node, kept);
  variant = remembered_variant (node, device, key, candidates, n);
  if (variant)
    return variant;
  if (!measure || !needs_measuring (node, candidates, n))
    return candidates[0].variant;
  return measure_and_remember (graph, node, key, &limits, candidates, n, error);
}

/*
 * Measures every variant that fits @node, those that are switched off left out,
 * and remembers the fastest, where packed weights are @kept or not. Sets @candidates, of
 * KOL_MOST_CANDIDATES, and @n.
 */
const KolVariant *
kol_tune_node (KolGraph *graph, const KolNode *node, gboolean kept, KolCandidate *candidates,
               guint *n, GError **error)
{
  KolDevice *device = graph->parameters->device;
  const KolVariant *variants = node->op->variants;
  const KolMeasureLimits limits = { .kept = kept,
                                    .microseconds = TUNE_US,
                                    .runs = TUNE_RUNS,
                                    .check_work = TUNE_WORK,
                                    .referee_work = TUNE_WORK };
  gboolean slow = node->op->flops && node->op->flops (node) > TUNE_WORK;
  g_autofree char *key = kol_work_key (node, kept);

  *n = 0;
  for (guint i = 0; variants[i].name && *n < KOL_MOST_CANDIDATES; i++)
    if (is_candidate (&variants[i], node, kept, device) && !(i == 0 && slow))
      candidates[(*n)++] = (KolCandidate){ .variant = &variants[i] };
  if (*n == 0)
    candidates[(*n)++] = (KolCandidate){ .variant = &variants[0] };
  return measure_and_remember (graph, node, key, &limits, candidates, *n, error);
}
