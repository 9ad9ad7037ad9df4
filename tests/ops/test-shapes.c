/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What the cases of an operation cannot say of shapes and indices: what is refused, and with which
 * sentence; what undoes what; and what costs nothing.
 */

#include <math.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

/* ── Refusals ───────────────────────────────────────────────────────────────────────────────── */

/* Frees @graph, in which @value must have failed with an error that says all of the words. */
static void
assert_refused (KolGraph *graph, KolValue *value, const char *const *words)
{
  const GError *error = kol_graph_get_error (graph);

  g_assert_true (kol_value_failed (value));
  g_assert_nonnull (error);
  g_assert_cmpint (error->code, ==, KOL_ERROR_SHAPE);
  for (; *words; words++)
    if (!strstr (error->message, *words))
      g_error ("\"%s\" does not say \"%s\"", error->message, *words);
  kol_graph_free (graph);
}

/* In a graph of its own, as a graph keeps its first error only; a [3, 5], b [3, 4], c [2, 1, 5]. */
#define REFUSED(EXPRESSION, ...)                                                                   \
  {                                                                                                \
    KolGraph *graph = kol_graph_new (device);                                                      \
    KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (3, 5));                                  \
    KolValue *b = kol_placeholder (graph, "b", KOL_SHAPE (3, 4));                                  \
    KolValue *c = kol_placeholder (graph, "c", KOL_SHAPE (2, 1, 5));                               \
                                                                                                   \
    (void) a, (void) b, (void) c;                                                                  \
    assert_refused (graph, EXPRESSION, (const char *[]){ __VA_ARGS__, NULL });                     \
  }
#define VALUES(...)                                                                                \
  ((KolValue *[]){ __VA_ARGS__ }), (sizeof ((KolValue *[]){ __VA_ARGS__ }) / sizeof (KolValue *))
#define AXES(...) ((const int[]){ __VA_ARGS__ }), (sizeof ((int[]){ __VA_ARGS__ }) / sizeof (int))

static KolValue *
scalar (KolValue *a)
{
  return kol_sum (a, NULL);
}

static KolValue *
eight (KolValue *a)
{
  return kol_reshape (a, KOL_SHAPE (1, 1, 1, 1, 1, 1, 3, 5));
}

static KolValue *
first_part (KolValue *a, int axis, gint64 first, gint64 second)
{
  KolValue *parts[2];

  kol_split (a, axis, (const gint64[]){ first, second }, 2, parts);
  g_assert_true (kol_value_failed (parts[1]));
  return parts[0];
}

static void
test_concat_refuses (void)
{
  REFUSED (kol_concat (VALUES (a, b), 0), "concat", "[3, 5]", "[3, 4]", "axis 0");
  REFUSED (kol_concat (VALUES (a, a, c), 0), "input 2", "[2, 1, 5]", "[3, 5]");
  REFUSED (kol_concat (VALUES (a, a), 2), "no axis 2 in [3, 5]", "-2 .. 1");
  REFUSED (kol_concat (VALUES (a, a), -3), "no axis -3 in [3, 5]");
  REFUSED (kol_concat (VALUES (scalar (a), scalar (a)), 0), "no axis 0 in []", "scalar");
  REFUSED (kol_stack (VALUES (a, b), 0), "stack", "[3, 4]", "[3, 5]");
  REFUSED (kol_stack (VALUES (a, a), 3), "new axis 3", "[3, 5]");
  REFUSED (kol_stack (VALUES (eight (a)), 0), "at most 8");
}

static void
test_slice_refuses (void)
{
  REFUSED (kol_slice (a, &(KolSlice){ 1, { 2 }, { 0 }, { 1 } }), "slice", "no axis 2 in [3, 5]");
  REFUSED (kol_slice (a, &(KolSlice){ 2, { 1, -1 }, { 0, 0 }, { 1, 1 } }), "twice", "[3, 5]");
  REFUSED (kol_slice (a, &(KolSlice){ 1, { 1 }, { 3 }, { 3 } }), "nothing is left", "axis 1",
           "[3, 5]");
  REFUSED (kol_slice (a, &(KolSlice){ 1, { 1 }, { 7 }, { 9 } }), "nothing is left", "from 7");
  REFUSED (kol_slice (a, &(KolSlice){ 1, { 1 }, { 2 }, { -1 }, { -1 } }), "steps of -1");
  REFUSED (kol_slice (a, &(KolSlice){ .n_axes = 3 }), "3 axes", "[3, 5]");
  REFUSED (kol_slice (a, &(KolSlice){ .n_axes = -1 }), "-1 axes", "[3, 5]");
  REFUSED (kol_flip (a, AXES (0, 2)), "no axis 2 in [3, 5]");
  REFUSED (first_part (a, 1, 2, 2), "split", "[3, 5]", "4 long together", "5");
  REFUSED (first_part (a, 1, 5, 0), "part 1", "[3, 5]", "0 long");
  REFUSED (first_part (a, -3, 2, 3), "no axis -3 in [3, 5]");
}

static void
test_pad_refuses (void)
{
  REFUSED (kol_pad (a, &(KolPad){ .before = { -2 }, .after = { -1 } }), "pad", "nothing is left",
           "axis 0", "[3, 5]");
  REFUSED (kol_pad (a, &(KolPad){ KOL_PAD_REFLECT, .before = { 3 } }), "to reflect", "[3, 5]",
           "only 3");
  REFUSED (kol_pad (a, &(KolPad){ KOL_PAD_REFLECT, .after = { 0, -1 } }), "reflect", "constant");
  REFUSED (kol_pad (a, &(KolPad){ KOL_PAD_EDGE, .before = { -1 } }), "edge", "constant");
  REFUSED (kol_pad (a, &(KolPad){ .mode = 3 }), "mode 3");
  REFUSED (kol_tile (a, (const int[]){ 1, 0 }), "tile", "axis 1", "[3, 5]", "0 times");
}

static void
test_reshapes_refuse (void)
{
  REFUSED (kol_flatten (a, 3), "flatten", "[3, 5]", "axis 3");
  REFUSED (kol_squeeze (c, AXES (0)), "squeeze", "axis 0", "[2, 1, 5]");
  REFUSED (kol_squeeze (c, AXES (1, -2)), "twice", "[2, 1, 5]");
  REFUSED (kol_squeeze (c, AXES (3)), "no axis 3 in [2, 1, 5]");
  REFUSED (kol_unsqueeze (a, -4), "unsqueeze", "[3, 5]", "axis -4");
  REFUSED (kol_unsqueeze (eight (a), 0), "at most 8");
}

static void
test_indexing_refuses (void)
{
  REFUSED (kol_gather (a, b, 2), "gather", "no axis 2 in [3, 5]");
  REFUSED (kol_gather (scalar (a), b, 0), "no axis 0 in []");
  REFUSED (kol_gather (eight (a), b, 0), "9 dimensions", "[3, 4]");
  REFUSED (kol_embedding (c, b), "embedding", "[2, 1, 5]", "[3, 4]", "[V, D]");
  REFUSED (kol_scatter_add (a, scalar (a), b, 0), "scatter_add", "[3, 4]", "[]", "[3, 5]", "[5]");
  REFUSED (kol_gather_elements (a, b, 0), "gather_elements", "[3, 4]", "[3, 5]", "axis 0");
  REFUSED (kol_gather_elements (a, c, 0), "[2, 1, 5]", "[3, 5]");
  REFUSED (kol_scatter_elements_add (a, b, a, 1), "scatter_elements_add", "[3, 4]", "[3, 5]");
  REFUSED (kol_one_hot (a, 0, 1, 0), "one_hot", "length 0");
  REFUSED (kol_one_hot (a, (1 << 24) + 1, 1, 0), "exact");
  REFUSED (kol_one_hot (eight (a), 2, 1, 0), "at most 8");
}

/* A value that has failed is passed on, and its error stays the graph's. */
static void
test_failure_passes_on (void)
{
  KolGraph *graph = kol_graph_new (device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (3, 5));
  KolValue *bad = kol_reshape (a, KOL_SHAPE (4)), *part;

  g_assert_true (kol_value_failed (kol_concat ((KolValue *[]){ a, bad }, 2, 0)));
  g_assert_true (kol_value_failed (kol_stack ((KolValue *[]){ bad, a }, 2, 0)));
  g_assert_true (kol_value_failed (kol_tile (bad, (const int[]){ 1 })));
  g_assert_true (kol_value_failed (kol_squeeze (bad, NULL, 0)));
  g_assert_true (kol_value_failed (kol_embedding (a, bad)));
  g_assert_true (kol_value_failed (kol_embedding (bad, a)));
  g_assert_true (kol_value_failed (kol_scatter_add (bad, a, a, 0)));
  g_assert_true (kol_value_failed (kol_scatter_elements_add (a, bad, a, 0)));
  kol_split (bad, 0, (const gint64[]){ 4 }, 1, &part);
  assert_refused (graph, part, (const char *[]){ "reshape", NULL });
}

/* ── What undoes what, and what costs nothing ───────────────────────────────────────────────── */

#define ROWS 3
#define COLUMNS 41

/* Asserts that @y has the elements ROWS x COLUMNS of @x, which are set here. */
static void
assert_undone (KolValue *x, KolValue *y)
{
  float values[ROWS * COLUMNS], got[ROWS * COLUMNS];
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_shape_equal (kol_value_get_shape (x), kol_value_get_shape (y)));
  for (int i = 0; i < ROWS * COLUMNS; i++)
    values[i] = (float) i;
  kol_set (x, values);
  kol_read (y, got, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (got, sizeof got, values, sizeof values);
}

static void
test_concat_undoes_split (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (ROWS, COLUMNS)), *parts[4];

  kol_split (x, -1, (const gint64[]){ 1, 16, 7, 17 }, 4, parts);
  assert_undone (x, kol_concat (parts, 4, -1));
  kol_split (x, 0, (const gint64[]){ 2, 1 }, 2, parts);
  assert_undone (x, kol_concat (parts, 2, 0));
}

static void
test_stack_undoes_slices (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (ROWS, COLUMNS)), *rows[ROWS];

  kol_split (x, 0, (const gint64[]){ 1, 1, 1 }, ROWS, rows);
  for (int i = 0; i < ROWS; i++)
    rows[i] = kol_squeeze (rows[i], AXES (0));
  assert_undone (x, kol_stack (rows, ROWS, 0));
}

static void
test_twice_is_nothing (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (ROWS, COLUMNS));
  KolPad border = { .before = { 2, 3 }, .after = { 1, 17 } };
  KolPad crop = { .before = { -2, -3 }, .after = { -1, -17 } };

  assert_undone (x, kol_flip (kol_flip (x, AXES (1, 0)), AXES (0, -1)));
  assert_undone (x, kol_pad (kol_pad (x, &border), &crop));
  border.mode = KOL_PAD_EDGE;
  assert_undone (x, kol_pad (kol_pad (x, &border), &crop));
}

/* An element that is picked by index and put back is where it was. */
static void
test_scatter_undoes_gather (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (ROWS, COLUMNS));
  KolValue *order = kol_placeholder (graph, "order", KOL_SHAPE (ROWS));
  KolValue *zeros = kol_scale (x, 0, 0);

  kol_set (order, (const float[]){ 2, 0, -2 });
  assert_undone (x, kol_scatter_add (zeros, order, kol_gather (x, order, 0), 0));
}

static void
test_reshapes_cost_nothing (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (ROWS, 1, COLUMNS));
  KolValue *y = kol_squeeze (kol_unsqueeze (kol_flatten (x, 1), 0), AXES (0));
  KolPlan *plan = kol_plan_new (graph, &y, 1, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (plan->steps->len, ==, 0);
  kol_plan_free (plan);
  assert_undone (x, kol_reshape (y, KOL_SHAPE (ROWS, 1, COLUMNS)));
}

/* ── Broken indices ─────────────────────────────────────────────────────────────────────────── */

/* No index is followed out of the tensor; what it should have given is NaN. */
/* Of x times itself held: the gradient is x, not 2 x. */
static void
test_detached_is_a_constant (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (3)), *gradient;
  KolValue *product = kol_sum (kol_multiply (x, kol_detach (x)), NULL);
  float wanted[3] = { 1.5f, -2, 0.25f }, found[3];
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_gradients (product, &x, 1, &gradient));
  kol_set (x, wanted);
  kol_run (graph, gradient, &error);
  g_assert_no_error (error);
  kol_read (gradient, found, &error);
  g_assert_cmpmem (found, sizeof found, wanted, sizeof wanted);
}

static void
test_broken_indices_are_seen (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (4));
  KolValue *indices = kol_placeholder (graph, "indices", KOL_SHAPE (9));
  const float broken[9] = { 4, -5, 1e9f, -1e9f, 1e38f, 0.5f, NAN, INFINITY, -INFINITY };
  float picked[9], summed[4];
  g_autoptr (GError) error = NULL;
  KolValue *y = kol_gather (x, indices, 0), *z = kol_scatter_add (x, indices, indices, 0);

  kol_set (x, (const float[]){ 1, 2, 3, 4 });
  kol_set (indices, broken);
  kol_run_all (graph, (KolValue *[]){ y, z }, 2, &error);
  g_assert_no_error (error);
  kol_read (y, picked, NULL);
  kol_read (z, summed, NULL);
  for (int i = 0; i < 9; i++)
    g_assert_true (isnan (picked[i]));
  for (int i = 0; i < 4; i++)
    g_assert_true (isnan (summed[i]));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  g_test_add_func ("/shapes/concat-refuses", test_concat_refuses);
  g_test_add_func ("/shapes/slice-refuses", test_slice_refuses);
  g_test_add_func ("/shapes/pad-refuses", test_pad_refuses);
  g_test_add_func ("/shapes/reshapes-refuse", test_reshapes_refuse);
  g_test_add_func ("/shapes/indexing-refuses", test_indexing_refuses);
  g_test_add_func ("/shapes/failure-passes-on", test_failure_passes_on);
  g_test_add_func ("/shapes/concat-undoes-split", test_concat_undoes_split);
  g_test_add_func ("/shapes/stack-undoes-slices", test_stack_undoes_slices);
  g_test_add_func ("/shapes/twice-is-nothing", test_twice_is_nothing);
  g_test_add_func ("/shapes/scatter-undoes-gather", test_scatter_undoes_gather);
  g_test_add_func ("/shapes/reshapes-cost-nothing", test_reshapes_cost_nothing);
  g_test_add_func ("/shapes/detached-is-a-constant", test_detached_is_a_constant);
  g_test_add_func ("/shapes/broken-indices-are-seen", test_broken_indices_are_seen);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
