/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <string.h>

#include "device/device.h"
#include "graph/op-private.h"
#include "model/networks.h"

/*
 * The known networks: how many parameters they have, and the shapes within. Nothing is
 * computed for these, and parameters take no memory before they are used.
 */

static KolDevice *device;

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
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strconcat ("/networks/", facts[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_facts);
    }
  g_test_add_func ("/networks/list", test_list);
  g_test_add_func ("/networks/wrong", test_wrong);
  g_test_add_func ("/networks/features", test_features);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
