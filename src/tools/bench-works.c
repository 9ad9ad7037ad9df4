/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Works of one operation each, and the lecture's network. */

#include "bench-private.h"
#include "tool-private.h"

#include "../graph/graph-private.h"

#define DIGITS_BATCH 50

/* ── What they share ─────────────────────────────────────────────────────────────────────────── */

gboolean
bench_parse_shape (const char *text, guint n, gint64 *size)
{
  g_auto (GStrv) parts = g_strsplit (text, "x", -1);

  if (g_strv_length (parts) != n)
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!g_ascii_string_to_signed (parts[i], 10, 1, 1 << 30, &size[i], NULL))
      return FALSE;
  return TRUE;
}

char *
bench_shape_text (guint n, const gint64 *size)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i ? "x" : "", size[i]);
  return g_string_free (text, FALSE);
}

void
bench_fill (KolValue *placeholder, double low, double high)
{
  gint64 n = kol_shape_count (kol_value_get_shape (placeholder));
  g_autofree float *values = g_new (float, n);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (gint64 i = 0; i < n; i++)
    values[i] = (float) g_rand_double_range (random, low, high);
  kol_set (placeholder, values);
}

gboolean
bench_graph_is_good (KolGraph *graph, GError **error)
{
  const GError *wrong = kol_graph_get_error (graph);

  if (wrong)
    g_propagate_error (error, g_error_copy (wrong));
  return !wrong;
}

/* ── Matrix product ──────────────────────────────────────────────────────────────────────────── */

/* The product of random matrices. NULL: they cannot be. */
static KolValue *
make_product (KolGraph *graph, const gint64 size[3], GError **error)
{
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (size[0], size[2]));
  KolValue *b = kol_placeholder (graph, "b", KOL_SHAPE (size[2], size[1]));
  KolValue *c = kol_matmul (a, b);

  if (!bench_graph_is_good (graph, error))
    return NULL;
  bench_fill (a, -1, 1);
  bench_fill (b, -1, 1);
  return c;
}

/*
 * Measures the product by @variant, or, against the peer, by the one that the
 * engine chooses (NULL), whose name @chosen is set to.
 */
static gboolean
measure_product (Bench *bench, const gint64 size[3], const KolVariant *variant, const char **chosen,
                 GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  KolValue *c = make_product (graph, size, error);

  if (!c)
    return FALSE;
  if (variant)
    {
      graph->forced_op = c->node->op;
      graph->forced_variant = variant->name;
    }
  if (!kol_prepare (graph, &c, 1, error)
      || !(variant = variant ? variant : kol_choose_variant (graph, c->node, FALSE, FALSE, error)))
    return FALSE;
  *chosen = variant->name;

  BenchResult *result
      = bench_add_result (bench, "matmul", bench_shape_text (3, size), variant->name);
  const BenchGraph what = {
    .graph = graph,
    .targets = { c },
    .n = 1,
    .mode = graph->forced_op && !bench->variant ? NULL : "product",
  };
  return bench_measure_graph (bench, &what, result, error);
}

/* Whether @variant can compute a product of that size on this device. */
static gboolean
product_fits (Bench *bench, const gint64 size[3], const KolVariant *variant)
{
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (size[0], size[2]));
  KolValue *b = kol_placeholder (graph, "b", KOL_SHAPE (size[2], size[1]));
  KolValue *c = kol_matmul (a, b);

  return !kol_value_failed (c) && (!variant->fits || variant->fits (c->node, bench->device));
}

gboolean
bench_matmul (Bench *bench, GError **error)
{
  gint64 size[3] = { 1024, 1024, 1024 };
  const KolVariant *variant = kol_op_find ("matmul")->variants;
  const char *chosen = bench->variant, *name;

  if (bench->shape)
    bench_parse_shape (bench->shape, 3, size);
  if (!bench->variant && !measure_product (bench, size, NULL, &chosen, error))
    return FALSE;
  for (; variant->name; variant++)
    {
      gboolean wanted = bench->variant != NULL;
      if (wanted != g_str_equal (variant->name, chosen))
        continue;
      if (product_fits (bench, size, variant))
        {
          if (!measure_product (bench, size, variant, &name, error))
            return FALSE;
        }
      else if (wanted)
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_VARIANT,
                       "The variant %s of matmul does not fit this shape or device; leave "
                       "--variant out to see those that do",
                       chosen);
          return FALSE;
        }
    }
  return TRUE;
}

/* ── Convolution ─────────────────────────────────────────────────────────────────────────────── */

/* The convolution, and its gradients to pictures and filters where they are wanted. */
typedef struct {
  KolGraph *graph;
  KolValue *values[3];
  guint n;
} Convolution;

/* 3x3, stride 1, as large as before: [N, C, H, H] -> [N, K, H, H], @size being N, C, H, K. */
static gboolean
make_convolution (Convolution *made, const gint64 size[4], gboolean gradients, GError **error)
{
  KolGraph *graph = made->graph;
  gint64 N = size[0], C = size[1], H = size[2], K = size[3];
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (N, C, H, H));
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (K, C, 3, 3), KOL_HE);
  KolValue *y = kol_conv2d (x, w, NULL, &(KolConv2d){ .pad = 1 });
  KolValue *dx[2] = { NULL };

  if (!bench_graph_is_good (graph, error))
    return FALSE;
  bench_fill (x, -1, 1);
  made->values[0] = y;
  made->n = 1;
  if (!gradients)
    return TRUE;
  KolValue *dy = kol_placeholder (graph, "dy", KOL_SHAPE (N, K, H, H));
  bench_fill (dy, -1, 1);
  graph->first_gradient = graph->nodes->len; /* as kol_gradients() says where they begin */
  y->node->op->gradient (y->node, &dy, dx);
  made->values[1] = dx[0];
  made->values[2] = dx[1];
  made->n = 3;
  return bench_graph_is_good (graph, error);
}

/* Has @variant compute what it fits. */
static void
pin_variant (const Convolution *made, const char *variant)
{
  g_autoptr (GHashTable) pins = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < made->n; i++)
    g_hash_table_insert (pins, made->values[i]->node->name, (char *) variant);
  kol_graph_pin_variants (made->graph, pins);
}

/* How each of the values is computed: "winograd", "winograd/winograd/implicit-gemm". Given. */
static char *
describe_variants (const Convolution *made)
{
  g_autoptr (GHashTable) variants = kol_graph_get_variants (made->graph);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < made->n; i++)
    {
      const char *name = g_hash_table_lookup (variants, made->values[i]->node->name);
      g_string_append_printf (text, "%s%s", i ? "/" : "", name ? name : "plain");
    }
  return g_string_free (text, FALSE);
}

static gboolean
measure_convolution (Bench *bench, const gint64 size[4], gboolean gradients, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  Convolution made = { .graph = graph };

  if (!make_convolution (&made, size, gradients, error))
    return FALSE;
  if (bench->variant)
    pin_variant (&made, bench->variant);
  if (!kol_prepare (graph, made.values, made.n, error))
    return FALSE;
  g_autofree char *variants = describe_variants (&made);
  if (bench->variant && !strstr (variants, bench->variant))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_VARIANT,
                   "The variant %s of convolution does not fit this shape or device, or "
                   "KOLINSKY_VARIANT forces another one; leave --variant out to see what is chosen",
                   bench->variant);
      return FALSE;
    }

  BenchResult *result = bench_add_result (bench, "conv", bench_shape_text (4, size), variants);
  BenchGraph what = { .graph = graph, .n = made.n, .mode = gradients ? "gradients" : "forward" };
  memcpy (what.targets, made.values, sizeof what.targets);
  if (gradients) /* filters change with every step of training, and are packed anew */
    what.changing = kol_parameters_find (kol_graph_get_parameters (graph), "w");
  return bench_measure_graph (bench, &what, result, error);
}

gboolean
bench_conv (Bench *bench, GError **error)
{
  static const gint64 usual[][4]
      = { { 1, 64, 224, 64 }, { 1, 256, 56, 256 }, { 1, 512, 28, 512 }, { 8, 256, 56, 256 } };
  gint64 asked[4];
  guint n = bench->shape ? 1 : G_N_ELEMENTS (usual);

  if (bench->shape)
    bench_parse_shape (bench->shape, 4, asked);
  for (guint i = 0; i < n; i++)
    {
      const gint64 *size = bench->shape ? asked : usual[i];
      if (!measure_convolution (bench, size, FALSE, error)
          || !measure_convolution (bench, size, TRUE, error))
        return FALSE;
    }
  return TRUE;
}

/* ── The lecture's network ───────────────────────────────────────────────────────────────────── */

gboolean
bench_digits (Bench *bench, GError **error)
{
  const KolDataset like
      = { .count = DIGITS_BATCH, .channels = 1, .height = 28, .width = 28, .classes = 10 };
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  float labels[DIGITS_BATCH];
  KolNetworkValues network;
  g_autoptr (KolRecipe) digits = kol_recipe_find ("digits", error);

  if (!digits)
    return FALSE;
  kol_recipe_network (graph, DIGITS_BATCH, TRUE, &like, &network, digits);
  KolValue *step = kol_adam (network.loss, &(KolAdam){ .rate = 1e-4 });
  if (!bench_graph_is_good (graph, error))
    return FALSE;
  for (int i = 0; i < DIGITS_BATCH; i++)
    labels[i] = (float) (i % 10);
  bench_fill (network.x, 0, 1);
  kol_set (network.y, labels);
  kol_set_scalar (network.keep, 0.5f);

  BenchResult *result = bench_add_result (bench, "digits", g_strdup ("50x1x28x28"), "adam");
  const BenchGraph what = { .graph = graph, .targets = { step }, .n = 1, .mode = "adam" };
  return bench_measure_graph (bench, &what, result, error);
}
