/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../torch.h"
#include "device/device.h"
#include "graph/op-private.h"
#include "model/networks.h"
#include "model/safetensors.h"
#include "ops.h"

/*
 * The known networks: how many parameters they have, the shapes within, and what they
 * compute, against PyTorch.
 */

static KolDevice *device;

/* ── Shapes: nothing is computed, and parameters take no memory before they are used ─────────── */

/* The numbers that learn. */
static gint64
count_parameters (KolGraph *graph)
{
  KolParameters *parameters = kol_graph_get_parameters (graph);
  gint64 count = 0;

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);

      if (kol_parameter_is_trainable (parameter))
        count += kol_shape_count (kol_parameter_get_shape (parameter));
    }
  return count;
}

static void
assert_shape (const KolValue *value, KolShape expected)
{
  g_assert_nonnull (value);
  g_assert_cmpstr (kol_shape_text (kol_value_get_shape (value)), ==, kol_shape_text (&expected));
}

/* What the papers' tables and torchvision say. */
static const struct {
  const char *name;
  gint64 parameters;
  struct {
    const char *name;
    KolShape shape;
  } layers[6];
} facts[] = {
  { "vgg16",
    138357544,
    { { "relu1_1", KOL_SHAPE (2, 64, 224, 224) },
      { "conv5_3", KOL_SHAPE (2, 512, 14, 14) },
      { "pool5", KOL_SHAPE (2, 512, 7, 7) },
      { "classifier.3", KOL_SHAPE (2, 4096) } } },
  { "vgg19",
    143667240,
    { { "relu2_2", KOL_SHAPE (2, 128, 112, 112) }, { "relu5_4", KOL_SHAPE (2, 512, 14, 14) } } },
  { "squeezenet1.1",
    1235496,
    { { "features.0", KOL_SHAPE (2, 64, 111, 111) },
      { "features.2", KOL_SHAPE (2, 64, 55, 55) },
      { "features.5", KOL_SHAPE (2, 128, 27, 27) },
      { "features.12", KOL_SHAPE (2, 512, 13, 13) } } },
  { "resnet18",
    11689512,
    { { "conv1", KOL_SHAPE (2, 64, 112, 112) },
      { "layer1.1", KOL_SHAPE (2, 64, 56, 56) },
      { "layer3.0.downsample.1", KOL_SHAPE (2, 256, 14, 14) },
      { "layer4.1", KOL_SHAPE (2, 512, 7, 7) } } },
  { "efficientnet-lite0",
    4652008,
    { { "conv_stem", KOL_SHAPE (2, 32, 112, 112) },
      { "blocks.1.1", KOL_SHAPE (2, 24, 56, 56) },
      { "blocks.3.0.conv_dw", KOL_SHAPE (2, 240, 14, 14) },
      { "blocks.6.0", KOL_SHAPE (2, 320, 7, 7) },
      { "conv_head", KOL_SHAPE (2, 1280, 7, 7) } } },
};

static void
test_facts (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  const KolNetworkKind *kind = kol_network_find (facts[i].name);

  g_assert_nonnull (kind);
  for (int training = FALSE; training <= TRUE; training++)
    {
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (2, 3, kind->side, kind->side));
      KolValue *scores = kind->build (x, &(KolNetworkOptions){ .training = training });

      g_assert_no_error (kol_graph_get_error (graph));
      assert_shape (scores, KOL_SHAPE (2, 1000));
      g_assert_cmpint (count_parameters (graph), ==, facts[i].parameters);
      for (guint k = 0; k < G_N_ELEMENTS (facts[i].layers) && facts[i].layers[k].name; k++)
        assert_shape (kol_graph_find (graph, facts[i].layers[k].name), facts[i].layers[k].shape);
      assert_shape (kind->build (kol_placeholder (graph, "x", KOL_SHAPE (1, 3, 70, 90)), NULL),
                    KOL_SHAPE (1, 1000));
      g_assert_no_error (kol_graph_get_error (graph));
    }
}

static void
test_list (void)
{
  g_assert_null (kol_network_find ("vgg"));
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    g_assert_cmpstr (kol_network_get (i)->name, ==, facts[i].name);
  g_assert_null (kol_network_get (G_N_ELEMENTS (facts)));
}

/* A mistake in what a network is built upon is the graph's first error. */
static void
test_wrong (void)
{
  for (guint i = 0; kol_network_get (i); i++)
    {
      g_autoptr (KolGraph) graph = kol_graph_new (device);

      kol_network_get (i)->build (kol_placeholder (graph, "x", KOL_SHAPE (3, 32, 32)), NULL);
      g_assert_error (kol_graph_get_error (graph), KOL_ERROR, KOL_ERROR_SHAPE);
      g_assert_nonnull (strstr (kol_graph_get_error (graph)->message, "[3, 32, 32]"));
    }
}

/* The part that style transfer looks at has nothing behind its last layer. */
static void
test_features (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (1, 3, 50, 40));
  KolValue *last = kol_vgg19_features (x, "relu5_1");

  assert_shape (last, KOL_SHAPE (1, 512, 3, 2));
  g_assert_true (kol_graph_find (graph, "relu5_1") == last);
  assert_shape (kol_graph_find (graph, "relu3_1"), KOL_SHAPE (1, 256, 12, 10));
  g_assert_null (kol_graph_find (graph, "conv5_2"));
  g_assert_nonnull (kol_parameters_find (kol_graph_get_parameters (graph), "features.28.weight"));
  g_assert_null (kol_parameters_find (kol_graph_get_parameters (graph), "features.30.weight"));
  g_assert_no_error (kol_graph_get_error (graph));

  kol_vgg16_features (x, "relu5_4");
  g_assert_error (kol_graph_get_error (graph), KOL_ERROR, KOL_ERROR_SHAPE);
}

/* ── Against PyTorch ─────────────────────────────────────────────────────────────────────────── */

#define CLASSES 10
#define EXAMPLES 2
#define SIDE 48

/* Names are those of torch_networks.py. */
static const struct {
  const char *name;
  KolValue *(*build) (KolValue *x, const KolNetworkOptions *options);
  KolValue *(*features) (KolValue *x, const char *last);
  const char *last;
  gboolean training;
  gboolean slow;
} compared[] = {
  { "vgg16-pool5", .features = kol_vgg16_features, .last = "pool5", .slow = TRUE },
  { "vgg19-relu5_1", .features = kol_vgg19_features, .last = "relu5_1", .slow = TRUE },
  { "vgg16", kol_vgg16, .slow = TRUE },
  { "squeezenet1.1", kol_squeezenet },
  { "resnet18", kol_resnet18 },
  { "resnet18-training", kol_resnet18, .training = TRUE },
  { "efficientnet-lite0", kol_efficientnet_lite0 },
};

/* An array of @shape in @arrays, which owns it. */
static KolArray *
add_array (GPtrArray *arrays, const char *name, const KolShape *shape)
{
  KolArray *array = kol_array_new (name, (guint) shape->rank, shape->dim);

  g_assert_nonnull (array);
  g_ptr_array_add (arrays, array);
  return array;
}

/* All parameters, for the file. Biases and statistics are moved away from 0 and 1, to be seen. */
static void
take_parameters (KolParameters *parameters, GPtrArray *arrays)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      const KolShape *shape = kol_parameter_get_shape (parameter);
      KolArray *array = add_array (arrays, kol_parameter_get_name (parameter), shape);

      kol_parameter_read (parameter, array->data, &error);
      g_assert_no_error (error);
      for (gsize k = 0; shape->rank == 1 && k < array->count; k++)
        array->data[k] += 0.2f * sinf ((float) (k + i));
      kol_parameter_write (parameter, array->data, &error);
      g_assert_no_error (error);
    }
}

static char *
file_of (const char *folder, const char *name, const char *ending)
{
  g_autofree char *base = g_strconcat (name, ending, NULL);

  return g_build_filename (folder, base, NULL);
}

/* Runs a network upon random pictures, and writes all that PyTorch needs to do the same. */
static void
run_ours (guint i, const char *folder, float *output, float *gradient)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autofree char *path = file_of (folder, compared[i].name, ".safetensors");
  KolNetworkOptions options = { .classes = CLASSES, .training = compared[i].training };
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (EXAMPLES, 3, SIDE, SIDE));
  KolValue *labels = kol_placeholder (graph, "labels", KOL_SHAPE (EXAMPLES));
  g_autoptr (GError) error = NULL;
  KolValue *scores, *dx;
  KolArray *array;

  if (compared[i].features)
    scores = kol_flatten (kol_global_average_pool (compared[i].features (x, compared[i].last)), 1);
  else
    scores = compared[i].build (x, &options);
  kol_gradients (kol_mean (kol_softmax_cross_entropy (scores, labels)), &x, 1, &dx);
  take_parameters (kol_graph_get_parameters (graph), arrays);
  array = add_array (arrays, "x", kol_value_get_shape (x));
  for (gsize k = 0; k < array->count; k++)
    array->data[k] = (float) g_rand_double_range (random, -2, 2);
  kol_set (x, array->data);
  array = add_array (arrays, "labels", kol_value_get_shape (labels));
  array->data[1] = 3;
  kol_set (labels, array->data);
  kol_run_all (graph, (KolValue *[]){ scores, dx }, 2, &error);
  g_assert_no_error (error);
  kol_read (scores, output, &error);
  g_assert_no_error (error);
  kol_read (dx, gradient, &error);
  g_assert_no_error (error);
  kol_safetensors_save (path, arrays, NULL, &error);
  g_assert_no_error (error);
}

/* The largest difference, relative to the largest number that is expected. */
static double
difference (const float *values, const KolArray *expected)
{
  double largest = 0, apart = 0;

  for (gsize i = 0; i < expected->count; i++)
    {
      g_assert_true (isfinite (values[i]));
      largest = MAX (largest, fabsf (expected->data[i]));
      apart = MAX (apart, fabs (values[i] - (double) expected->data[i]));
    }
  g_assert_cmpfloat (largest, >, 0);
  return apart / largest;
}

static void
test_torch (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *folder = g_dir_make_tmp ("kolinsky-networks-XXXXXX", NULL);
  g_autofree char *ours = file_of (folder, compared[i].name, ".safetensors");
  g_autofree char *theirs = file_of (folder, compared[i].name, ".torch.safetensors");
  g_autofree float *gradient = g_new (float, EXAMPLES * 3 * SIDE * SIDE);
  float output[EXAMPLES * 512];
  g_autoptr (GError) error = NULL;

  run_ours (i, folder, output, gradient);
  if (run_torch (g_getenv ("KOLINSKY_TORCH_NETWORKS"), NULL, folder))
    {
      g_autoptr (GPtrArray) arrays = kol_safetensors_load (theirs, NULL, &error);

      g_assert_no_error (error);
      double apart = difference (output, arrays->pdata[0]);
      double gradient_apart = difference (gradient, arrays->pdata[1]);
      g_test_message ("scores are apart by %.1e, gradients by %.1e", apart, gradient_apart);
      g_assert_cmpfloat (apart, <=, 1e-4);
      g_assert_cmpfloat (gradient_apart, <=, 1e-4);
    }
  g_remove (ours);
  g_remove (theirs);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  /* Measuring what is fastest takes longer than the rest; the variants have tests of their own. */
  if (!g_test_slow ())
    g_setenv ("KOLINSKY_VARIANT", "plain", FALSE);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strconcat ("/networks/", facts[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_facts);
    }
  g_test_add_func ("/networks/list", test_list);
  g_test_add_func ("/networks/wrong", test_wrong);
  g_test_add_func ("/networks/features", test_features);
  for (guint i = 0; i < G_N_ELEMENTS (compared); i++)
    {
      g_autofree char *path = g_strconcat ("/networks/torch/", compared[i].name, NULL);

      if (!compared[i].slow || g_test_slow ())
        g_test_add_data_func (path, GUINT_TO_POINTER (i), test_torch);
    }
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
