/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "dataset/npy.h"
#include "graph/op-private.h"
#include "model/onnx.h"
#include "ops.h"

/*
 * Networks in ONNX files: those of whole pictures against other libraries' numbers, and
 * what is said of a file. What each operator computes is in test-onnx-conformance.c.
 */

static KolDevice *device;

/* A file that lies beside the source tree, or NULL, and the test is skipped. */
static char *
shared_file (const char *folder, const char *name)
{
  char *path
      = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "..", "..", "shared", folder, name, NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return path;
  g_autofree char *reason = g_strdup_printf ("%s is not here", path);
  g_test_skip (reason);
  g_free (path);
  return NULL;
}

/* ── Whole networks ──────────────────────────────────────────────────────────────────────────── */

#define CROPS 20
#define SIDE 224
#define CLASSES 1000

static const struct {
  const char *file, *logits;
  const char *input, *producer;
  gint64 parameters;
  gint64 nodes; /* tensors that nodes make */
  /* (p / 255 - mean) / deviation, or (p - shift) / scale. */
  float scale, mean[3], deviation[3];
} networks[] = {
  { "squeezenet1.1.onnx",
    "squeezenet11_logits.npy",
    "data",
    "squeezenet1.1 from the ONNX model zoo weights",
    1235496,
    65,
    255,
    { 0.485f, 0.456f, 0.406f },
    { 0.229f, 0.224f, 0.225f } },
  { "efficientnet-lite0.onnx",
    "efflite0_logits.npy",
    "image",
    "pytorch 1.13",
    4694024,
    160,
    1,
    { 127, 127, 127 },
    { 128, 128, 128 } },
};

/* Crops of bytes [20, 224, 224, 3] as the network takes them, [20, 3, 224, 224]. */
static float *
read_crops (guint i)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = shared_file ("reference", "crops_u8_rgb_nhwc_224.npy");
  if (!path)
    return NULL;
  g_autoptr (KolNpy) crops = kol_npy_load (path, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (crops->size, ==, CROPS * SIDE * SIDE * 3);
  g_assert_nonnull (crops->bytes);
  float *pixels = g_new (float, crops->size);
  for (gsize k = 0; k < crops->size; k++)
    {
      gsize channel = k % 3, place = k / 3 % (SIDE * SIDE), crop = k / 3 / (SIDE * SIDE);
      float p = crops->bytes[k] / networks[i].scale;

      pixels[(crop * 3 + channel) * SIDE * SIDE + place]
          = (p - networks[i].mean[channel]) / networks[i].deviation[channel];
    }
  return pixels;
}

static gint64
count_parameters (KolParameters *parameters)
{
  gint64 count = 0;

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    count += kol_shape_count (kol_parameter_get_shape (kol_parameters_get (parameters, i)));
  return count;
}

/* The largest difference, relative to the range of what is expected. */
static double
difference (const float *values, const float *expected, gsize count)
{
  double low = expected[0], high = expected[0], apart = 0;

  for (gsize i = 0; i < count; i++)
    {
      low = MIN (low, expected[i]);
      high = MAX (high, expected[i]);
      g_assert_true (isfinite (values[i]));
      apart = MAX (apart, fabs (values[i] - (double) expected[i]));
    }
  return apart / (high - low);
}

static void
assert_logits (KolOnnx *onnx, KolParameters *parameters, gint64 batch, const float *pixels,
               const float *expected)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (parameters);
  g_autofree float *logits = g_new (float, batch *CLASSES);
  g_autoptr (GError) error = NULL;
  KolValue *x, *y;

  kol_onnx_build (onnx, graph, &KOL_SHAPE (batch, 3, SIDE, SIDE), &x, &y, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (kol_shape_text (kol_value_get_shape (y)), ==,
                   kol_shape_text (&KOL_SHAPE (batch, CLASSES)));
  kol_set (x, pixels);
  kol_run (graph, y, &error);
  g_assert_no_error (error);
  kol_read (y, logits, &error);
  g_assert_no_error (error);
  double apart = difference (logits, expected, (gsize) (batch * CLASSES));
  g_test_message ("batch %d: apart by %.1e of the range", (int) batch, apart);
  g_assert_cmpfloat (apart, <=, 1e-4);
}

static void
test_network (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *path = shared_file ("data/models", networks[i].file);
  g_autofree char *logits = path ? shared_file ("reference", networks[i].logits) : NULL;
  g_autofree float *pixels = logits ? read_crops (i) : NULL;
  g_autoptr (GError) error = NULL;
  if (!pixels)
    return;
  g_autoptr (KolOnnx) onnx = kol_onnx_open (path, &error);

  g_assert_no_error (error);
  g_assert_cmpint (kol_onnx_get_opset (onnx), ==, 12);
  g_assert_true (g_str_has_prefix (kol_onnx_get_producer (onnx), networks[i].producer));
  g_assert_cmpuint (kol_onnx_get_n_inputs (onnx), ==, 1);
  g_assert_cmpuint (kol_onnx_get_n_outputs (onnx), ==, 1);
  const KolOnnxInfo *input = kol_onnx_get_input (onnx, 0);
  g_assert_cmpstr (input->name, ==, networks[i].input);
  g_assert_cmpstr (input->type, ==, "float");
  g_assert_cmpint (input->rank, ==, 4);
  g_assert_cmpint (input->dims[0], ==, -1);
  g_assert_cmpint (input->dims[3], ==, SIDE);
  g_assert_false (input->fixed);
  g_assert_cmpstr (kol_onnx_get_output (onnx, 0)->name, ==, "logits");

  g_autoptr (KolNpy) expected = kol_npy_load (logits, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (expected->size, ==, CROPS * CLASSES);
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);
  assert_logits (onnx, parameters, CROPS, pixels, expected->values);
  /* The batch is free, and the weights are there already. */
  assert_logits (onnx, parameters, 1, pixels + 2 * 3 * SIDE * SIDE, expected->values + 2 * CLASSES);
  g_assert_cmpint (count_parameters (parameters), ==, networks[i].parameters);
  g_assert_cmpuint (kol_onnx_get_n_tensors (onnx), ==, networks[i].nodes);
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
  for (guint i = 0; i < G_N_ELEMENTS (networks); i++)
    {
      g_autofree char *path = g_strconcat ("/onnx/", networks[i].file, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_network);
    }
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
