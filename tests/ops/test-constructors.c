/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Constructors as people call them, against PyTorch's numbers: values, shapes and gradients. It
 * finds what the cases of an operation cannot: that another formula was meant.
 */

#include <math.h>

#include "kolinsky.h"

#define TOLERANCE 1e-5

static KolDevice *device;

/* What PyTorch computes of inputs that fill() makes, and the gradients; see torch-numbers.py. */
typedef struct {
  const char *name;
  guint n_inputs;
  KolShape shapes[3];
  KolShape y_shape;
  const float *y;
  const float *dx[3];
} Numbers;

#include "torch-numbers.h"

/* ── How each case is built ─────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *name;
  KolValue *(*build) (KolValue *const *in);
} Builder;

/* Indices into 4 things: -4 .. 3. */
static KolValue *
whole (KolValue *x)
{
  return kol_floor (kol_scale (x, 4, 0));
}

/* Classes 0 to 4, made of an input. */
static KolValue *
labels (KolValue *x)
{
  return kol_floor (kol_scale (x, 2.5f, 2.5f));
}

/* 0 in place of numbers of a magnitude below @limit. */
static KolValue *
zero_below (KolValue *x, float limit)
{
  KolGraph *graph = kol_value_get_graph (x);

  return kol_where (kol_less (kol_abs (x), kol_constant (graph, limit)), kol_constant (graph, 0),
                    x);
}

#define BUILDER(NAME, EXPRESSION)                                                                  \
  static KolValue *NAME (KolValue *const *in) { return EXPRESSION; }

/* clang-format off */
BUILDER (transpose_plain, kol_conv_transpose2d (in[0], in[1], NULL, NULL))
BUILDER (transpose_stride, kol_conv_transpose2d (in[0], in[1], in[2],
         &(KolConvTranspose2d){ .stride = 2, .pad = 1, .output_pad_h = 1, .output_pad_w = 1 }))
BUILDER (transpose_odd, kol_conv_transpose2d (in[0], in[1], in[2],
         &(KolConvTranspose2d){ .stride = 3, .stride_w = 2, .dilation_w = 2, .left = 1, .right = 1,
                                .output_pad_h = 2 }))
BUILDER (transpose_groups, kol_conv_transpose2d (in[0], in[1], in[2],
         &(KolConvTranspose2d){ .dilation = 2, .groups = 2, .pad = 1, .output_pad_h = 1,
                                .output_pad_w = 1 }))
BUILDER (conv1d_plain, kol_conv1d (in[0], in[1], NULL, NULL))
BUILDER (conv1d_groups, kol_conv1d (in[0], in[1], in[2],
         &(KolConv1d){ .stride = 2, .dilation = 2, .groups = 2, .pad = 3 }))
BUILDER (max_ceil, kol_max_pool (in[0],
         &(KolPool){ .size = 3, .stride = 2, .pad = 1, .ceil = TRUE }))
BUILDER (max_drops, kol_max_pool (in[0],
         &(KolPool){ .size = 2, .stride = 4, .pad = 1, .ceil = TRUE }))
BUILDER (max_small, kol_max_pool (in[0], &(KolPool){ .size = 3, .stride = 2, .ceil = TRUE }))
BUILDER (max_1d, kol_max_pool1d (in[0], &(KolPool1d){ .size = 3, .stride = 2, .pad = 1 }))
BUILDER (average_ceil, kol_average_pool (in[0],
         &(KolPool){ .size = 3, .stride = 2, .pad = 1, .ceil = TRUE }))
BUILDER (average_ceil_counted, kol_average_pool (in[0],
         &(KolPool){ .size = 3, .stride = 2, .pad = 1, .ceil = TRUE, .count_pad = TRUE }))
BUILDER (average_counted, kol_average_pool (in[0],
         &(KolPool){ .size = 2, .size_w = 3, .pad = 1, .count_pad = TRUE }))
BUILDER (average_1d, kol_average_pool1d (in[0],
         &(KolPool1d){ .size = 4, .stride = 3, .pad = 2, .ceil = TRUE, .count_pad = TRUE }))
BUILDER (adaptive_average, kol_adaptive_average_pool (in[0], 3, 4))
BUILDER (adaptive_average_divides, kol_adaptive_average_pool (in[0], 2, 3))
BUILDER (adaptive_max, kol_adaptive_max_pool (in[0], 3, 4))
BUILDER (adaptive_max_more, kol_adaptive_max_pool (in[0], 7, 3))
BUILDER (global_average, kol_global_average_pool (in[0]))
BUILDER (global_max, kol_global_max_pool (in[0]))
BUILDER (resize_nearest, kol_resize (in[0],
         &(KolResize){ 9, 4, KOL_RESIZE_NEAREST, KOL_ASYMMETRIC, KOL_ROUND_FLOOR }))
BUILDER (resize_exact, kol_resize (in[0],
         &(KolResize){ 9, 4, KOL_RESIZE_NEAREST, KOL_HALF_PIXEL, KOL_ROUND_PREFER_CEIL }))
BUILDER (resize_bilinear, kol_resize (in[0], &(KolResize){ 9, 4, KOL_RESIZE_BILINEAR }))
BUILDER (resize_corners, kol_resize (in[0],
         &(KolResize){ 9, 4, KOL_RESIZE_BILINEAR, KOL_ALIGN_CORNERS }))
BUILDER (resample, kol_resample (in[0], in[1], &(KolResample){ 9, 4, 0 }))
BUILDER (resample_filled, kol_resample (in[0], in[1], &(KolResample){ 6, 8, 0.5f }))
BUILDER (to_space_crd, kol_depth_to_space (in[0], 2, KOL_CRD))
BUILDER (to_space_dcr, kol_depth_to_space (in[0], 2, KOL_DCR))
BUILDER (to_depth_crd, kol_space_to_depth (in[0], 2, KOL_CRD))
BUILDER (to_depth_dcr, kol_space_to_depth (in[0], 2, KOL_DCR))
BUILDER (product, kol_matmul (in[0], in[1]))
BUILDER (least, kol_min (in[0], &(KolReduce){ 1, { 1 } }))
BUILDER (first_least, kol_argmin (in[0], 1))
BUILDER (first_largest, kol_argmax (in[0], 0))
BUILDER (prod, kol_prod (in[0], &(KolReduce){ 1, { 1 } }))
BUILDER (prod_zeros, kol_prod (zero_below (in[0], 0.15f), &(KolReduce){ 1, { 1 } }))
BUILDER (sum_of_squares, kol_sum_of_squares (in[0], &(KolReduce){ 2, { 0, 2 } }))
BUILDER (norm1, kol_norm1 (in[0], &(KolReduce){ 1, { 1 }, TRUE }))
BUILDER (norm2, kol_norm2 (in[0], &(KolReduce){ 2, { 0, 2 } }))
BUILDER (norm2_zeros, kol_norm2 (zero_below (in[0], 0.7f), &(KolReduce){ 1, { 1 } }))
BUILDER (log_sum_exp, kol_log_sum_exp (kol_scale (in[0], 50, 0), &(KolReduce){ 1, { 1 } }))
BUILDER (mean_squared, kol_mean_squared_error (in[0], in[1]))
BUILDER (mean_absolute, kol_mean_absolute_error (in[0], in[1]))
BUILDER (huber, kol_huber (in[0], in[1], 0.25f))
BUILDER (binary, kol_binary_cross_entropy (kol_scale (in[0], 30, 0), in[1]))
BUILDER (cross_entropy, kol_softmax_cross_entropy (kol_scale (in[0], 9, 0), labels (in[1])))
BUILDER (cross_entropy_smooth, kol_softmax_cross_entropy_with (kol_scale (in[0], 9, 0),
         labels (in[1]), &(KolCrossEntropy){ .smoothing = 0.1f }))
BUILDER (product_transposed, kol_matmul_with (in[0], in[1], &(KolMatmul){ TRUE, TRUE }))
BUILDER (concat, kol_concat (in, 3, 1))
BUILDER (stack_first, kol_stack (in, 2, 0))
BUILDER (stack_last, kol_stack (in, 2, -1))
BUILDER (slice, kol_slice (in[0],
         &(KolSlice){ 3, { 0, 1, 2 }, { 1, 0, 1 }, { G_MAXINT64, -2, 8 }, { 1, 1, 3 } }))
BUILDER (flip, kol_flip (in[0], (const int[]){ 0, -1 }, 2))
BUILDER (pad_constant, kol_pad (in[0],
         &(KolPad){ KOL_PAD_CONSTANT, { 0, 0, -1, 1 }, { 0, 0, 3, 2 }, 0.5f }))
BUILDER (pad_reflect, kol_pad (in[0],
         &(KolPad){ KOL_PAD_REFLECT, { 0, 0, 2, 3 }, { 0, 0, 4, 1 } }))
BUILDER (pad_edge, kol_pad (in[0], &(KolPad){ KOL_PAD_EDGE, { 0, 0, 2, 3 }, { 0, 0, 4, 1 } }))
BUILDER (tile, kol_tile (in[0], (const int[]){ 2, 1, 3 }))
BUILDER (tile_many, kol_tile (in[0], (const int[]){ 2, 3, 2, 1, 2 }))
BUILDER (flatten, kol_flatten (in[0], 1))
BUILDER (squeeze, kol_squeeze (in[0], (const int[]){ 0, -2 }, 2))
BUILDER (squeeze_all, kol_squeeze (in[0], NULL, 0))
BUILDER (unsqueeze, kol_unsqueeze (in[0], -2))
BUILDER (gather, kol_gather (in[0], whole (in[1]), 1))
BUILDER (embedding, kol_embedding (in[0], whole (in[1])))
BUILDER (scatter_add, kol_scatter_add (in[0], whole (in[1]), in[2], 0))
BUILDER (gather_elements, kol_gather_elements (in[0], whole (in[1]), 1))
BUILDER (scatter_elements_add, kol_scatter_elements_add (in[0], whole (in[1]), in[2], 1))
BUILDER (one_hot, kol_one_hot (whole (in[0]), 4, 1, 0))
/* clang-format on */

/* The parts of an input, each times its number, in reverse. */
static KolValue *
split_and_concat (KolValue *const *in)
{
  KolValue *parts[3], *reversed[3];

  kol_split (in[0], 1, (const gint64[]){ 1, 3, 2 }, 3, parts);
  for (int i = 0; i < 3; i++)
    reversed[2 - i] = kol_scale (parts[i], (float) (i + 1), 0);
  return kol_concat (reversed, 3, 1);
}

static KolValue *
pool_and_unpool (KolValue *const *in)
{
  KolValue *indices, *y = kol_max_pool_with_indices (in[0], &(KolPool){ .size = 2 }, &indices);

  return kol_max_unpool (y, indices, *kol_value_get_shape (in[0]));
}

static KolValue *
indices_only (KolValue *const *in)
{
  KolValue *indices;

  kol_max_pool_with_indices (in[0], &(KolPool){ .size = 2 }, &indices);
  return indices;
}

static KolValue *
log_sum_exp_infinite (KolValue *const *in)
{
  KolGraph *graph = kol_value_get_graph (in[0]);
  KolValue *x = kol_where (kol_less (in[0], kol_constant (graph, 0.6f)),
                           kol_constant (graph, -INFINITY), in[0]);

  return kol_log_sum_exp (x, &(KolReduce){ 1, { 1 } });
}

static const Builder builders[] = {
  { "conv-transpose2d/plain", transpose_plain },
  { "conv-transpose2d/stride-2-output-1", transpose_stride },
  { "conv-transpose2d/stride-3x2", transpose_odd },
  { "conv-transpose2d/groups-dilation", transpose_groups },
  { "conv1d/plain", conv1d_plain },
  { "conv1d/groups-stride-dilation", conv1d_groups },
  { "max-pool/ceil", max_ceil },
  { "max-pool/ceil-drops", max_drops },
  { "max-pool/smaller-than-window", max_small },
  { "max-pool1d", max_1d },
  { "max-unpool", pool_and_unpool },
  { "max-pool/indices", indices_only },
  { "average-pool/ceil", average_ceil },
  { "average-pool/ceil-counted", average_ceil_counted },
  { "average-pool/counted", average_counted },
  { "average-pool1d", average_1d },
  { "adaptive-average-pool", adaptive_average },
  { "adaptive-average-pool/divides", adaptive_average_divides },
  { "adaptive-max-pool", adaptive_max },
  { "adaptive-max-pool/more", adaptive_max_more },
  { "global-average-pool", global_average },
  { "global-max-pool", global_max },
  { "resize/nearest", resize_nearest },
  { "resize/nearest-exact", resize_exact },
  { "resize/bilinear", resize_bilinear },
  { "resize/bilinear-corners", resize_corners },
  { "resample/to-9x4", resample },
  { "resample/one-map-filled", resample_filled },
  { "depth-to-space/crd", to_space_crd },
  { "depth-to-space/dcr", to_space_dcr },
  { "space-to-depth/crd", to_depth_crd },
  { "space-to-depth/dcr", to_depth_dcr },
  { "matmul/both-stretch", product },
  { "matmul/one-stretches", product },
  { "matmul/single-on-the-right", product },
  { "matmul/single-on-the-left", product },
  { "matmul/transposed", product_transposed },
  { "matmul/row", product },
  { "matmul/row-batch", product },
  { "matmul/column", product },
  { "matmul/column-batch", product },
  { "matmul/vectors", product },
  { "concat", concat },
  { "stack/first", stack_first },
  { "stack/last", stack_last },
  { "slice", slice },
  { "split", split_and_concat },
  { "flip", flip },
  { "pad/constant", pad_constant },
  { "pad/reflect", pad_reflect },
  { "pad/edge", pad_edge },
  { "tile", tile },
  { "tile/many-axes", tile_many },
  { "flatten", flatten },
  { "squeeze", squeeze },
  { "squeeze/all", squeeze_all },
  { "unsqueeze", unsqueeze },
  { "gather", gather },
  { "embedding", embedding },
  { "scatter-add", scatter_add },
  { "gather-elements", gather_elements },
  { "scatter-elements-add", scatter_elements_add },
  { "one-hot", one_hot },
  { "min", least },
  { "argmin", first_least },
  { "argmax", first_largest },
  { "prod", prod },
  { "prod/zeros", prod_zeros },
  { "sum-of-squares", sum_of_squares },
  { "norm1", norm1 },
  { "norm2", norm2 },
  { "norm2/zeros", norm2_zeros },
  { "log-sum-exp", log_sum_exp },
  { "log-sum-exp/infinite", log_sum_exp_infinite },
  { "mean-squared-error", mean_squared },
  { "mean-absolute-error", mean_absolute },
  { "huber", huber },
  { "binary-cross-entropy", binary },
  { "softmax-cross-entropy", cross_entropy },
  { "softmax-cross-entropy/smoothing", cross_entropy_smooth },
};

/* ── The comparison ─────────────────────────────────────────────────────────────────────────── */

/* Element i of input k: as in torch-numbers.py. */
static void
fill (KolValue *placeholder, guint k)
{
  gint64 count = kol_shape_count (kol_value_get_shape (placeholder));
  g_autofree float *values = g_new (float, count);

  for (gint64 i = 0; i < count; i++)
    values[i] = (float) ((37 * i + 17 * k) % 101 - 50) / 64;
  kol_set (placeholder, values);
}

static void
assert_same (const char *what, KolValue *got, const KolShape *shape, const float *expected)
{
  gint64 count = kol_shape_count (shape);
  g_autofree float *values = g_new (float, count);
  g_autofree char *text = kol_shape_to_string (kol_value_get_shape (got));
  g_autoptr (GError) error = NULL;

  if (!kol_shape_equal (kol_value_get_shape (got), shape))
    g_error ("the shape of %s is %s", what, text);
  kol_read (got, values, &error);
  g_assert_no_error (error);
  for (gint64 i = 0; i < count; i++)
    if (values[i] != expected[i] /* two infinities have no difference */
        && !(fabs (values[i] - expected[i]) <= TOLERANCE * MAX (1, fabs (expected[i]))))
      g_error ("element %d of %s is %g, PyTorch has %g", (int) i, what, values[i], expected[i]);
}

static void
test_numbers (gconstpointer data)
{
  const Builder *builder = data;
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  const Numbers *numbers = NULL;
  KolValue *in[3], *d[3], *y, *weights;

  for (guint i = 0; i < G_N_ELEMENTS (torch_numbers); i++)
    if (!strcmp (torch_numbers[i].name, builder->name))
      numbers = &torch_numbers[i];
  g_assert_nonnull (numbers);
  for (guint i = 0; i < numbers->n_inputs; i++)
    {
      g_autofree char *name = g_strdup_printf ("input %u", i);

      in[i] = kol_placeholder (graph, name, numbers->shapes[i]);
      fill (in[i], i);
    }
  y = builder->build (in);
  g_assert_no_error (kol_graph_get_error (graph));
  assert_same ("y", y, &numbers->y_shape, numbers->y);

  weights = kol_placeholder (graph, "weights", numbers->y_shape);
  fill (weights, 5);
  g_assert_true (
      kol_gradients (kol_sum (kol_multiply (y, weights), NULL), in, numbers->n_inputs, d));
  kol_run_all (graph, d, numbers->n_inputs, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < numbers->n_inputs; i++)
    {
      g_autofree char *what = g_strdup_printf ("gradient %u", i);

      assert_same (what, d[i], &numbers->shapes[i], numbers->dx[i]);
    }
}

/* ── Refusals ───────────────────────────────────────────────────────────────────────────────── */

static void
assert_refused (KolGraph *graph, KolValue *value, const char *because)
{
  const GError *error = kol_graph_get_error (graph);

  g_assert_nonnull (error);
  g_assert_cmpint (error->code, ==, KOL_ERROR_SHAPE);
  if (!strstr (error->message, because))
    g_error ("\"%s\" does not say \"%s\"", error->message, because);
  kol_graph_free (graph);
}

/* A sentence each, in a graph of its own, as a graph keeps its first error only. */
static void
test_refusals (void)
{
#define REFUSED(BECAUSE, EXPRESSION, ...)                                                          \
  {                                                                                                \
    KolGraph *graph = kol_graph_new (device);                                                      \
    KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (__VA_ARGS__));                           \
    KolValue *w = kol_placeholder (graph, "w", KOL_SHAPE (2, 3, 3, 3));                            \
                                                                                                   \
    (void) w;                                                                                      \
    assert_refused (graph, EXPRESSION, BECAUSE);                                                   \
  }
  REFUSED ("same C", kol_conv_transpose2d (x, w, NULL, NULL), 1, 3, 5, 5);
  REFUSED ("less than the stride",
           kol_conv_transpose2d (x, w, NULL, &(KolConvTranspose2d){ .output_pad_h = 1 }), 1, 2, 5,
           5);
  REFUSED ("padding leaves", kol_conv_transpose2d (x, w, NULL, &(KolConvTranspose2d){ .pad = 4 }),
           1, 2, 5, 5);
  REFUSED ("[N, C, L]", kol_conv1d (x, w, NULL, NULL), 1, 2, 5, 5);
  REFUSED ("[N, C, L]", kol_max_pool1d (x, &(KolPool1d){ .size = 2 }), 1, 2, 5, 5);
  REFUSED ("do not fit", kol_max_pool (x, &(KolPool){ .size = 6 }), 1, 2, 5, 5);
  REFUSED ("one window or more", kol_adaptive_max_pool (x, 0, 2), 1, 2, 5, 5);
  REFUSED ("behind the channels", kol_global_average_pool (x), 1, 2);
  REFUSED ("same N and C", kol_max_unpool (x, x, KOL_SHAPE (1, 3, 9, 9)), 1, 2, 5, 5);
  REFUSED ("a side has to be", kol_resize (x, &(KolResize){ .height = 3 }), 1, 2, 5, 5);
  REFUSED ("[1, 2, 3]", kol_resample (x, x, &(KolResample){ 3, 3 }), 1, 2, 5, 5);
  REFUSED ("multiple of", kol_depth_to_space (x, 2, KOL_DCR), 1, 2, 5, 5);
  REFUSED ("multiples of", kol_space_to_depth (x, 2, KOL_CRD), 1, 2, 5, 5);
  REFUSED ("no axis 4", kol_prod (x, &(KolReduce){ 1, { 4 } }), 1, 2, 5, 5);
  REFUSED ("no axis -5", kol_log_sum_exp (x, &(KolReduce){ 1, { -5 } }), 1, 2, 5, 5);
  REFUSED ("of one shape", kol_mean_squared_error (x, w), 5);
  REFUSED ("of one shape", kol_mean_absolute_error (x, w), 3, 3, 3);
  REFUSED ("of one shape", kol_binary_cross_entropy (x, w), 5);
  REFUSED ("above 0", kol_huber (x, w, 0), 2, 3, 3, 3);
  REFUSED ("from 0 to 1",
           kol_softmax_cross_entropy_with (x, w, &(KolCrossEntropy){ .smoothing = 2 }), 3, 3);
  REFUSED ("do not go together", kol_matmul (x, w), 3, 2, 5, 3);
  REFUSED ("differ", kol_matmul (x, w), 5);
#undef REFUSED
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
  for (guint i = 0; i < G_N_ELEMENTS (builders); i++)
    {
      g_autofree char *path = g_strdup_printf ("/constructors/%s", builders[i].name);

      g_test_add_data_func (path, &builders[i], test_numbers);
    }
  g_test_add_func ("/constructors/refusals", test_refusals);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
