/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Tensors in blocks of channels: the same numbers as in rows, whatever shapes and neighbours. */

#include <math.h>
#include <string.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

/* ── Layers ─────────────────────────────────────────────────────────────────────────────────── */

static KolValue *
conv (KolValue *x, const char *name, gint64 filters, gint64 side, const KolConv2d *how)
{
  KolGraph *graph = kol_value_get_graph (x);
  gint64 channels = kol_value_get_shape (x)->dim[1] / MAX (how->groups, 1);
  g_autofree char *w_name = g_strconcat (name, "/w", NULL);
  g_autofree char *b_name = g_strconcat (name, "/b", NULL);
  KolValue *w
      = kol_parameter (graph, w_name, KOL_SHAPE (filters, channels, side, side + 1), KOL_HE);
  KolValue *b = kol_parameter (graph, b_name, KOL_SHAPE (filters), KOL_UNIFORM (-1, 1));

  return kol_conv2d (x, w, b, how);
}

static KolValue *
pointwise (KolValue *x, const char *name, gint64 filters)
{
  KolGraph *graph = kol_value_get_graph (x);
  g_autofree char *w_name = g_strconcat (name, "/w", NULL);
  KolShape shape = KOL_SHAPE (filters, kol_value_get_shape (x)->dim[1], 1, 1);

  return kol_conv2d (x, kol_parameter (graph, w_name, shape, KOL_HE), NULL, &(KolConv2d){ 0 });
}

static KolValue *
depthwise (KolValue *x, const char *name, gint64 side, int stride)
{
  gint64 channels = kol_value_get_shape (x)->dim[1];

  return conv (x, name, channels, side,
               &(KolConv2d){ .padding = KOL_SAME, .stride = stride, .groups = (int) channels });
}

/* ── Networks ───────────────────────────────────────────────────────────────────────────────── */

/* Bottlenecks as EfficientNet-Lite has them, with channels that leave a block half empty. */
static KolValue *
bottlenecks (KolValue *x)
{
  KolValue *y = kol_clip (conv (x, "stem", 20, 3, &(KolConv2d){ .stride = 2, .pad = 1 }), 0, 6);
  KolValue *before;

  y = pointwise (kol_clip (depthwise (y, "dw1", 3, 1), 0, 6), "narrow1", 24);
  before = y;
  y = kol_clip (depthwise (kol_clip (pointwise (y, "wide2", 72), 0, 6), "dw2", 5, 1), 0, 6);
  y = kol_add (before, pointwise (y, "narrow2", 24));
  y = kol_relu (depthwise (kol_relu (pointwise (y, "wide3", 37)), "dw3", 3, 2));
  return pointwise (y, "narrow3", 13);
}

/* As SqueezeNet: pooling that reaches over the edge, two branches one behind the other. */
static KolValue *
fires (KolValue *x)
{
  const KolPool pool = { .size = 3, .stride = 2, .ceil = TRUE };
  KolValue *y = kol_relu (conv (x, "conv1", 32, 3, &(KolConv2d){ .stride = 2 }));
  KolValue *squeezed;

  y = kol_max_pool (y, &pool);
  squeezed = kol_relu (pointwise (y, "squeeze", 7));
  y = kol_concat ((KolValue *[]){ kol_relu (pointwise (squeezed, "expand1", 16)),
                                  kol_relu (conv (squeezed, "expand3", 32, 3,
                                                  &(KolConv2d){ .padding = KOL_SAME })) },
                  2, 1);
  return kol_relu (pointwise (kol_max_pool (y, &pool), "scores", 10));
}

static KolValue *
square (KolValue *x, const char *name, gint64 filters, const KolConv2d *how)
{
  KolGraph *graph = kol_value_get_graph (x);
  g_autofree char *w_name = g_strconcat (name, "/w", NULL);
  g_autofree char *b_name = g_strconcat (name, "/b", NULL);
  KolShape shape = KOL_SHAPE (filters, kol_value_get_shape (x)->dim[1], 3, 3);
  KolValue *w = kol_parameter (graph, w_name, shape, KOL_HE);

  return kol_conv2d (x, w, kol_parameter (graph, b_name, KOL_SHAPE (filters), KOL_UNIFORM (-1, 1)),
                     how);
}

/* As VGG: 3x3 filters, which Winograd's method computes, the last ones' outputs in rows; and a sum.
 */
static KolValue *
towers (KolValue *x)
{
  const KolConv2d same = { .padding = KOL_SAME };
  KolValue *y = kol_relu (square (x, "conv1", 32, &same)), *before;

  y = before = kol_relu (square (y, "conv2", 96, &same));
  y = kol_add (before, square (y, "conv3", 96, &same));
  y = kol_max_pool (y, &(KolPool){ .size = 2 });
  y = kol_relu (square (y, "conv4", 53, &(KolConv2d){ .top = 2, .right = 1 }));
  return kol_relu (square (y, "conv5", 37, &same));
}

/* A sum that two read, dilation, more padding after than before, and a tensor that has to be in
 * rows. */
static KolValue *
odds (KolValue *x)
{
  KolValue *a = kol_tanh (pointwise (x, "a", 16)), *b = kol_tanh (pointwise (x, "b", 16));
  KolValue *sum = kol_add (a, b), *y;

  y = conv (sum, "dilated", 18, 2,
            &(KolConv2d){ .dilation = 2, .top = 1, .bottom = 1, .left = 0, .right = 4 });
  y = kol_add (pointwise (kol_relu (y), "c", 5), pointwise (sum, "d", 5));
  return kol_add (y, kol_mean_over (pointwise (sum, "e", 5),
                                    &(KolReduce){ .axes = { 2, 3 }, .n_axes = 2, .keep = TRUE }));
}

/* Of blocks of 4 or of 8 filters there is an odd number, more than ten. */
static KolValue *
odd_blocks (KolValue *x)
{
  KolValue *y = kol_relu (pointwise (kol_relu (pointwise (x, "a", 171)), "b", 85));

  y = kol_relu (conv (y, "strides", 171, 3, &(KolConv2d){ .stride = 2, .pad = 1 }));
  return pointwise (y, "c", 85);
}

/* ── Comparing ──────────────────────────────────────────────────────────────────────────────── */

typedef KolValue *(*Network) (KolValue *x);

static gboolean
is_pair (const KolStep *step)
{
  return g_str_equal (step->node->op->name, "pointwise_depthwise");
}

/* The network's numbers, and how many of its steps read or write blocks; one that is two counts so.
 */
static float *
run_network (KolParameters *parameters, Network network, KolShape shape, gboolean in_rows,
             gsize *count, guint *blocked)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (parameters);
  KolValue *x = kol_placeholder (graph, "x", shape), *y = network (x);
  g_autofree float *values = g_new (float, kol_count (x));
  g_autoptr (GError) error = NULL;
  const KolPlan *plan;
  float *result;

  g_assert_no_error (kol_graph_get_error (graph));
  for (gint64 i = 0; i < kol_count (x); i++)
    values[i] = sinf ((float) i);
  kol_set (x, values);
  graph->in_rows = in_rows;
  graph->poison = TRUE;
  g_assert_true (kol_run (graph, y, &error));
  *count = (gsize) kol_count (y);
  result = g_new (float, *count);
  g_assert_true (kol_read (y, result, &error));
  plan = graph->last;
  *blocked = 0;
  for (guint i = 0; i < plan->steps->len; i++)
    {
      const KolStep *step = &g_array_index (plan->steps, KolStep, i);

      *blocked += step->blocked ? 1 + is_pair (step) : 0;
    }
  return result;
}

/* The weights of @parameters, which other sizes may use, against those of a set of their own. */
static void
check_again (KolParameters *parameters, Network network, KolShape shape, guint least)
{
  g_autoptr (KolParameters) others = kol_parameters_new (device, 3);
  gsize n;
  guint blocked;
  float largest = 0;
  g_autofree float *expected = run_network (others, network, shape, TRUE, &n, &blocked);

  g_assert_cmpuint (blocked, ==, 0);
  g_autofree float *found = run_network (parameters, network, shape, FALSE, &n, &blocked);
  if (device->simd)
    g_assert_cmpuint (blocked, >=, least);
  else
    g_assert_cmpuint (blocked, ==, 0);
  for (gsize i = 0; i < n; i++)
    largest = MAX (largest, fabsf (expected[i]));
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (found[i], expected[i], 2e-5f * largest);
}

static void
check_network (Network network, KolShape shape, guint least)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 3);

  check_again (parameters, network, shape, least);
}

static KolValue *
two_pointwise (KolValue *x)
{
  return pointwise (kol_relu (pointwise (x, "a", 64)), "b", 192);
}

/* Packed weights are kept for graphs of other sizes, which may want them packed in another way. */
static void
test_sizes (void)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 3);
  const gint64 sides[] = { 2, 7, 14, 28, 7, 1, 14 };

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      KolShape shape = KOL_SHAPE (1, 5, sides[i], sides[i]);
      gsize n;
      guint blocked;
      g_autofree float *rows = run_network (parameters, two_pointwise, shape, TRUE, &n, &blocked);
      g_autoptr (KolParameters) others = kol_parameters_new (device, 3);
      g_autofree float *expected = run_network (others, two_pointwise, shape, TRUE, &n, &blocked);

      for (gsize k = 0; k < n; k++)
        g_assert_cmpfloat_with_epsilon (rows[k], expected[k], 1e-4f);
      check_again (parameters, two_pointwise, shape, 2);
    }
}

static void
test_bottlenecks (void)
{
  check_network (bottlenecks, KOL_SHAPE (1, 3, 45, 37), 8);
  check_network (bottlenecks, KOL_SHAPE (3, 4, 9, 30), 8);
  check_network (bottlenecks, KOL_SHAPE (1, 1, 3, 3), 8);
}

/* How many steps of a plan for @targets do what two nodes do. */
static guint
count_pairs (KolGraph *graph, KolValue **targets, guint n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolPlan) plan = kol_plan_new (graph, targets, n, &error);
  guint pairs = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < plan->steps->len; i++)
    pairs += is_pair (&g_array_index (plan->steps, KolStep, i));
  return pairs;
}

/* An expansion goes into the depthwise filters behind it if nobody else reads it. */
static void
test_pairs (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (1, 3, 28, 28));
  KolValue *narrow = kol_relu (pointwise (x, "narrow", 16));
  KolValue *wide = kol_relu (pointwise (narrow, "wide", 96));
  KolValue *filtered = kol_relu (depthwise (wide, "filtered", 3, 1));
  KolValue *y = pointwise (filtered, "y", 16), *other = pointwise (wide, "other", 8);

  g_assert_no_error (kol_graph_get_error (graph));
  if (!device->simd || device->info.compute_units > 4)
    {
      g_test_skip ("for a few units with vectors");
      return;
    }
  g_assert_cmpuint (count_pairs (graph, (KolValue *[]){ y }, 1), ==, 1);
  g_assert_cmpuint (count_pairs (graph, (KolValue *[]){ y, wide }, 2), ==, 0);
  g_assert_cmpuint (count_pairs (graph, (KolValue *[]){ y, other }, 2), ==, 0);
  g_setenv ("KOLINSKY_VARIANT", "pointwise_depthwise=plain", TRUE);
  g_assert_cmpuint (count_pairs (graph, (KolValue *[]){ y }, 1), ==, 0);
  g_unsetenv ("KOLINSKY_VARIANT");
}

static void
test_fires (void)
{
  check_network (fires, KOL_SHAPE (1, 3, 47, 33), 8);
  check_network (fires, KOL_SHAPE (2, 5, 29, 60), 8);
}

static void
test_towers (void)
{
  check_network (towers, KOL_SHAPE (1, 3, 47, 33), 6);
  check_network (towers, KOL_SHAPE (2, 5, 17, 20), 6);
  check_network (towers, KOL_SHAPE (3, 4, 28, 28), 6);
  check_network (towers, KOL_SHAPE (1, 1, 5, 7), 6);
}

static void
test_odds (void)
{
  check_network (odds, KOL_SHAPE (1, 17, 12, 9), 4);
  check_network (odds, KOL_SHAPE (2, 3, 8, 31), 4);
  check_network (odd_blocks, KOL_SHAPE (1, 9, 13, 13), 4);
}

/* What is asked for is in rows, and so is what gradients are computed of. */
static void
test_not_read (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (1, 3, 9, 9));
  KolValue *y = kol_relu (pointwise (x, "a", 16)), *z = pointwise (y, "b", 8), *dx;
  g_autoptr (KolPlan) both = kol_plan_new (graph, (KolValue *[]){ y, z }, 2, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_hash_table_size (both->blocked), ==, 0);
  kol_gradients (kol_mean (z), &x, 1, &dx);
  g_autoptr (KolPlan) gradient = kol_plan_new (graph, &dx, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_hash_table_size (gradient->blocked), ==, 0);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/block/sizes", test_sizes);
  g_test_add_func ("/block/bottlenecks", test_bottlenecks);
  g_test_add_func ("/block/pairs", test_pairs);
  g_test_add_func ("/block/fires", test_fires);
  g_test_add_func ("/block/towers", test_towers);
  g_test_add_func ("/block/odds", test_odds);
  g_test_add_func ("/block/not-read", test_not_read);
  result = g_test_run ();
  kol_device_unref (device);
  return result;
}
