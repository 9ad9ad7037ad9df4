/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "dataset/npy.h"
#include "device/device.h"
#include "device/error.h"
#include "graph/graph.h"
#include "model/networks.h"
#include "model/onnx.h"
#include "model/onnx-write.h"
#include "nn/initializers.h"
#include "ops.h"

/*
 * Networks as ONNX files: read back by our own reader, and, where there is
 * onnxruntime, computed by it (onnx_check.py).
 */

static KolDevice *device;
static char *folder;

#define EXAMPLES 2

/* ── What is written ─────────────────────────────────────────────────────────────────────────── */

static KolValue *
weights (KolValue *x, const char *name, KolShape shape)
{
  return kol_parameter (kol_value_get_graph (x), name, shape, KOL_NORMAL (0, 0.3));
}

static KolValue *
convolve (KolValue *x, const char *name, gint64 features, gint64 inputs, gint64 size,
          const KolConv2d *how)
{
  g_autofree char *bias = g_strconcat (name, ".bias", NULL);

  return kol_conv2d (x, weights (x, name, KOL_SHAPE (features, inputs, size, size)),
                     weights (x, bias, KOL_SHAPE (features)), how);
}

static KolValue *
build_convolutions (KolValue *x)
{
  x = convolve (x, "even", 6, 3, 3, &(KolConv2d){ .stride = 2, .padding = KOL_SAME });
  x = convolve (x, "grouped", 6, 2, 3, &(KolConv2d){ .groups = 3, .pad = 1, .dilation = 2 });
  KolValue *w = weights (x, "up", KOL_SHAPE (6, 4, 4, 4));
  x = kol_conv_transpose2d (x, w, weights (x, "up.bias", KOL_SHAPE (4)),
                            &(KolConvTranspose2d){ .stride = 2, .pad = 1, .output_pad_w = 1 });
  return kol_conv2d (x, weights (x, "last", KOL_SHAPE (3, 4, 2, 3)), NULL,
                     &(KolConv2d){ .top = 1, .right = 2 });
}

static KolValue *
build_pools (KolValue *x)
{
  KolValue *y[] = {
    kol_max_pool (x, &(KolPool){ .size = 3, .stride = 2, .ceil = TRUE }),
    kol_max_pool (x, &(KolPool){ .size = 3, .stride = 2, .padding = KOL_SAME }),
    kol_average_pool (x, &(KolPool){ .size = 3, .stride = 2, .pad = 1 }),
    kol_average_pool (x, &(KolPool){ .size = 3, .stride = 2, .pad = 1, .count_pad = TRUE }),
    kol_adaptive_average_pool (x, 6, 6),
    kol_global_average_pool (x),
    kol_global_max_pool (x),
  };

  for (guint i = 0; i < G_N_ELEMENTS (y); i++)
    y[i] = kol_flatten (y[i], 1);
  return kol_concat (y, G_N_ELEMENTS (y), 1);
}

static KolValue *
build_norms (KolValue *x)
{
  KolGraph *graph = kol_value_get_graph (x);

  x = convolve (x, "widen", 8, 3, 1, &(KolConv2d){ 0 });
  x = kol_batch_norm (x, weights (x, "bn.gamma", KOL_SHAPE (8)),
                      weights (x, "bn.beta", KOL_SHAPE (8)),
                      kol_state (graph, "bn.mean", KOL_SHAPE (8), KOL_CONSTANT (0.2)),
                      kol_state (graph, "bn.var", KOL_SHAPE (8), KOL_CONSTANT (1.7)),
                      &(KolBatchNorm){ .epsilon = 1e-3 });
  x = kol_group_norm (x, weights (x, "gn.gamma", KOL_SHAPE (8)),
                      weights (x, "gn.beta", KOL_SHAPE (8)), 4, 1e-4);
  x = kol_instance_norm (x, weights (x, "in.gamma", KOL_SHAPE (8)),
                         weights (x, "in.beta", KOL_SHAPE (8)), 0);
  x = kol_layer_norm (x, weights (x, "ln.gamma", KOL_SHAPE (8, 12, 12)),
                      weights (x, "ln.beta", KOL_SHAPE (8, 12, 12)), 1, 1e-5);
  return kol_local_response_norm (x, &(KolLocalResponseNorm){ .size = 5, .alpha = 0.1 });
}

static KolValue *
build_functions (KolValue *x)
{
  KolValue *(*const functions[]) (KolValue *)
      = { kol_relu,    kol_selu,   kol_gelu,     kol_gelu_tanh, kol_silu,  kol_hard_swish,
          kol_sigmoid, kol_tanh,   kol_softplus, kol_softsign,  kol_exp,   kol_square,
          kol_abs,     kol_negate, kol_erf,      kol_sign,      kol_floor, kol_ceil,
          kol_round,   kol_sin,    kol_cos,      kol_atan,      kol_asinh };
  KolValue *sum = kol_leaky_relu (x, 0.1f), *positive = kol_scale (kol_square (x), 2, 0.5f);

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    sum = kol_add (sum, functions[i](x));
  sum = kol_add (sum, kol_add (kol_elu (x, 0.7f), kol_hard_sigmoid (x, 0.3f, 0.4f)));
  sum = kol_add (sum, kol_prelu (x, weights (x, "slope", KOL_SHAPE (3, 1, 1))));
  sum = kol_add (sum, kol_rsqrt (positive));
  sum = kol_subtract (sum, kol_multiply (kol_log (positive), kol_sqrt (positive)));
  sum = kol_add (sum, kol_divide (x, kol_pow (positive, kol_reciprocal (positive))));
  sum = kol_maximum (sum, kol_minimum (x, kol_clip (x, -0.5f, 0.25f)));
  return kol_where (kol_greater (x, kol_constant (kol_value_get_graph (x), 0.9f)), x, sum);
}

static KolValue *
build_shapes (KolValue *x)
{
  KolValue *flat = kol_flatten (x, 1), *rows = kol_reshape (x, KOL_SHAPE (EXAMPLES, 3, 144));
  KolValue *wide
      = kol_resize (x, &(KolResize){ .height = 24, .width = 17, .mode = KOL_RESIZE_BILINEAR });
  KolValue *near = kol_resize (x, &(KolResize){ .height = 24, .width = 24 });
  KolValue *padded = kol_pad (
      x, &(KolPad){ .mode = KOL_PAD_REFLECT, .before = { 0, 0, 1, 2 }, .after = { 0, 0, 3, 0 } });
  KolValue *part = kol_slice (x, &(KolSlice){ .n_axes = 2,
                                              .axes = { 2, -1 },
                                              .start = { 1, 10 },
                                              .stop = { G_MAXINT64, 1 },
                                              .step = { 2, -3 } });
  KolValue *turned = kol_transpose (x, &(KolTranspose){ .order = { 0, 2, 3, 1 } });
  KolValue *products = kol_matmul_with (rows, rows, &(KolMatmul){ .transpose_b = TRUE });
  KolValue *dense = kol_add (kol_matmul (flat, weights (x, "w", KOL_SHAPE (432, 5))),
                             weights (x, "b", KOL_SHAPE (5)));
  KolValue *other = kol_matmul_with (flat, weights (x, "v", KOL_SHAPE (4, 432)),
                                     &(KolMatmul){ .transpose_b = TRUE });
  KolReduce pixels = { .n_axes = 2, .axes = { 2, -1 } };
  KolValue *all[]
      = { kol_flatten (wide, 1),      kol_flatten (near, 1),       kol_flatten (padded, 1),
          kol_flatten (part, 1),      kol_flatten (turned, 1),     kol_flatten (products, 1),
          kol_softmax (dense, 1),     kol_log_softmax (other, -1), kol_sum (x, &pixels),
          kol_mean_over (x, &pixels), kol_max (x, &pixels),        kol_min (x, &pixels) };

  return kol_concat (all, G_N_ELEMENTS (all), 1);
}

static const struct {
  const char *name; /* of a known network, where nothing builds it */
  KolValue *(*build) (KolValue *x);
  gint64 side;
} cases[] = {
  { "convolutions", build_convolutions, 12 },
  { "pools", build_pools, 12 },
  { "norms", build_norms, 12 },
  { "functions", build_functions, 12 },
  { "shapes", build_shapes, 12 },
  { "resnet18", NULL, 64 },
  { "squeezenet1.1", NULL, 64 },
  { "efficientnet-lite0", NULL, 64 },
};

/* ── Writing, and reading back ───────────────────────────────────────────────────────────────── */

static char *
file_of (const char *name, const char *ending)
{
  g_autofree char *base = g_strconcat (name, ending, NULL);

  return g_build_filename (folder, base, NULL);
}

static void
save_npy (const char *name, const char *ending, const KolValue *value, const float *values)
{
  g_autofree char *path = file_of (name, ending);
  const KolShape *shape = kol_value_get_shape (value);
  gsize dims[KOL_MAX_RANK];
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < shape->rank; i++)
    dims[i] = (gsize) shape->dim[i];
  kol_npy_save (path, values, dims, (guint) shape->rank, &error);
  g_assert_no_error (error);
}

static gsize
count_of (const KolValue *value)
{
  return (gsize) kol_shape_count (kol_value_get_shape (value));
}

/* The values of @y for @x. */
static float *
run (KolValue *x, const float *input, KolValue *y)
{
  float *output = g_new (float, count_of (y));
  g_autoptr (GError) error = NULL;

  kol_set (x, input);
  kol_run (kol_value_get_graph (y), y, &error);
  g_assert_no_error (error);
  kol_read (y, output, &error);
  g_assert_no_error (error);
  return output;
}

/* What our own reader makes of the file gives the same, for a batch of one, too. */
static void
check_own (const char *path, const KolShape *shape, const float *input, const float *expected,
           gsize count)
{
  for (gint64 batch = 1; batch <= EXAMPLES; batch++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (KolOnnx) onnx = kol_onnx_open (path, &error);
      g_assert_no_error (error);
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolShape shapes[] = { *shape };
      KolValue *x, *y;
      double largest = 0, apart = 0;

      shapes[0].dim[0] = batch;
      kol_onnx_build (onnx, graph, shapes, &x, &y, &error);
      g_assert_no_error (error);
      g_autofree float *output = run (x, input, y);
      gsize part = count / EXAMPLES * (gsize) batch;
      g_assert_cmpuint (count_of (y), ==, part);
      for (gsize i = 0; i < part; i++)
        {
          largest = MAX (largest, fabsf (expected[i]));
          apart = MAX (apart, fabsf (output[i] - expected[i]));
        }
      g_test_message ("batch %d: apart by %.1e of %g", (int) batch, apart, largest);
      g_assert_cmpfloat (largest, >, 0);
      g_assert_cmpfloat (apart, <=, 1e-4 * largest);
    }
}

static void
test_case (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *path = file_of (cases[i].name, ".onnx");
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (EXAMPLES, 3, cases[i].side, cases[i].side));
  KolValue *y
      = cases[i].build ? cases[i].build (x) : kol_network_find (cases[i].name)->build (x, NULL);

  g_assert_no_error (kol_graph_get_error (graph));
  g_autofree float *input = g_new (float, count_of (x));
  for (gsize k = 0; k < count_of (x); k++)
    input[k] = (float) g_rand_double_range (random, -1, 1);
  g_autofree float *output = run (x, input, y);
  kol_onnx_save (path, &y, 1, &error);
  g_assert_no_error (error);
  save_npy (cases[i].name, ".x.npy", x, input);
  save_npy (cases[i].name, ".y.npy", y, output);
  check_own (path, kol_value_get_shape (x), input, output, count_of (y));
}

/* All that the cases above have written, by onnxruntime. */
static void
test_runtime (void)
{
  const char *given = g_getenv ("KOLINSKY_ONNX_PYTHON"),
             *program = g_getenv ("KOLINSKY_ONNX_CHECK");
  const char *python = given ? given : "python3";
  const char *probe[] = { python, "-c", "import numpy, onnx, onnxruntime", NULL };
  const char *check[] = { python, program, folder, NULL };
  g_autofree char *said = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (!program
      || !g_spawn_sync (NULL, (char **) probe, NULL,
                        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL
                            | G_SPAWN_STDERR_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL)
      || status != 0)
    {
      g_test_skip ("Python has no onnx and onnxruntime; set KOLINSKY_ONNX_PYTHON");
      return;
    }
  g_spawn_sync (NULL, (char **) check, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &said, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_test_message ("%s", said);
  g_assert_cmpint (status, ==, 0);
}

/* What ONNX has nothing for is told, all of it, and no file is left. */
static void
test_refused (void)
{
  g_autofree char *path = file_of ("refused", ".onnx");
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (2, 3, 5, 5));
  KolValue *pooled = kol_named (kol_adaptive_average_pool (x, 3, 3), "uneven");
  KolValue *y = kol_named (kol_cumulative_sum (pooled, 1, FALSE, FALSE), "summed");

  g_assert_false (kol_onnx_save (path, &y, 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, "uneven (average_pool"));
  g_assert_nonnull (strstr (error->message, "summed (cumulative_sum"));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));

  g_clear_error (&error);
  y = kol_matmul (x, kol_placeholder (graph, "z", KOL_SHAPE (7, 7)));
  g_assert_false (kol_onnx_save (path, &y, 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
}

static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  for (const char *name = g_dir_read_name (dir); name; name = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_remove (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  /* Measuring what is fastest takes longer than the rest; the variants have tests of their own. */
  g_setenv ("KOLINSKY_VARIANT", "plain", FALSE);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  folder = g_dir_make_tmp ("kolinsky-onnx-write-XXXXXX", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/onnx-write/", cases[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
    }
  g_test_add_func ("/onnx-write/runtime", test_runtime);
  g_test_add_func ("/onnx-write/refused", test_refused);
  status = g_test_run ();
  remove_folder ();
  kol_device_unref (device);
  return status;
}
