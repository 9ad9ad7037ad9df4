/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Networks opened to their layers, and pictures of a moment. */

#include <math.h>
#include <string.h>

#include "dataset/png.h"
#include "studies/layers.h"
#include "studies/study.h"

#define SIDE 48

static KolDevice *device;

static KolLayers *
open_squeezenet (void)
{
  const char *models = g_getenv ("KOLINSKY_TEST_MODELS");
  g_autofree char *path = g_build_filename (models ? models : ".", "squeezenet1.1.onnx", NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("squeezenet1.1.onnx is not among the shared models");
      return NULL;
    }
  KolLayers *layers = kol_layers_open (device, path, 0, &error);
  g_assert_no_error (error);
  return layers;
}

static void
test_known (void)
{
  g_autoptr (KolLayers) layers = open_squeezenet ();
  g_autoptr (GError) error = NULL;

  if (!layers)
    return;
  g_assert_cmpuint (kol_layers_get_count (layers), >, 40);
  const KolLayerInfo *output = kol_layers_get_output (layers);
  g_assert_cmpint (output->shape.dim[1], ==, 1000);
  const KolLayerInfo *first = kol_layers_get (layers, 0);
  g_assert_cmpstr (first->kind, ==, "conv2d");
  g_assert_null (first->value);
  g_autofree char *wrong = g_strconcat (first->name, "x", NULL);
  g_assert_null (kol_layers_find (layers, wrong, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "did you mean"));
  g_assert_nonnull (strstr (error->message, first->name));
  g_clear_error (&error);
  g_assert_null (kol_layers_find (layers, "nothing like any of these names", &error));
  g_assert_nonnull (strstr (error->message, "Some of its"));
}

/* Built upon a value, at another size; nothing in it learns, and its numbers are as usual. */
static void
test_built (void)
{
  g_autoptr (KolLayers) layers = open_squeezenet ();
  g_autoptr (GError) error = NULL;

  if (!layers)
    return;
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  KolValue *pixels = kol_placeholder (graph, "study/pixels", KOL_SHAPE (2, 3, SIDE, SIDE));
  gboolean built = kol_layers_build (layers, pixels, &error);
  g_assert_no_error (error);
  g_assert_true (built);
  const KolLayerInfo *output = kol_layers_get_output (layers);
  g_assert_cmpint (output->shape.dim[0], ==, 2);
  g_assert_nonnull (output->value);
  KolValue **trainable = NULL;
  g_assert_cmpuint (kol_trainables (output->value, &trainable), ==, 0);
  g_free (trainable);

  g_autofree float *values = g_new (float, 2 * 3 * SIDE * SIDE);
  for (gsize i = 0; i < 2 * 3 * SIDE * SIDE; i++)
    values[i] = (float) (0.5 + 0.4 * sin (0.1 * (double) (i % (3 * SIDE * SIDE))));
  kol_set (pixels, values);
  kol_run (graph, output->value, &error);
  g_assert_no_error (error);
  g_autofree float *scores = g_new (float, 2000);
  kol_read (output->value, scores, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 1000; i++) /* two equal pictures */
    g_assert_true (fabsf (scores[i] - scores[1000 + i]) <= 1e-4f * (1 + fabsf (scores[i])));
}

static void
test_wrong_channels (void)
{
  g_autoptr (KolLayers) layers = open_squeezenet ();
  g_autoptr (GError) error = NULL;

  if (!layers)
    return;
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  KolValue *pixels = kol_placeholder (graph, "study/pixels", KOL_SHAPE (1, 1, SIDE, SIDE));
  g_assert_false (kol_layers_build (layers, pixels, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
  g_assert_nonnull (strstr (error->message, "[N, 3, H, W]"));
}

static void
test_missing (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_layers_open (device, "no-such-network", 0, &error));
  g_assert_nonnull (error);
}

/* Rounded, cut to 0..1, and kept by others. */
static void
test_snapshot (void)
{
  const float pixels[] = { 0, 0.5f, 1, -1, 2, NAN };
  KolSnapshot *snapshot = kol_snapshot_new (pixels, 3, 1, 2);
  g_autoptr (GError) error = NULL;

  g_autoptr (KolSnapshot) kept = kol_snapshot_ref (snapshot);
  kol_snapshot_unref (snapshot);
  g_autoptr (KolPicture) picture = kol_snapshot_to_picture (kept, &error);
  g_assert_no_error (error);
  const guint8 expected[] = { 0, 128, 255, 0, 255, 0 };
  g_assert_cmpmem (picture->pixels, 6, expected, 6);
  g_autoptr (GBytes) png = kol_snapshot_to_png (kept, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (png), >, 60);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/studies/snapshot", test_snapshot);
  g_test_add_func ("/studies/layers/missing", test_missing);
  g_test_add_func ("/studies/layers/known", test_known);
  g_test_add_func ("/studies/layers/built", test_built);
  g_test_add_func ("/studies/layers/wrong-channels", test_wrong_channels);
  int result = g_test_run ();
  kol_device_unref (device);
  return result;
}
