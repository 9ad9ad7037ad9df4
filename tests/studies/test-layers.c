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

/* ── A network that a recipe builds ── */

static const char recipe_text[] = "[recipe]\ntitle = two layers\n"
                                  "[conv1]\nlayer = convolution\nfeatures = 3\nsize = 3\n"
                                  "[relu1]\nlayer = relu\n"
                                  "[conv2]\nlayer = convolution\nfeatures = 2\nsize = 3\n"
                                  "[output]\nlayer = dense\nfeatures = classes\n";

typedef struct {
  KolRecipe *recipe;
  KolDataset like;
  KolLayers *layers;
  KolParameters *learned; /* of the same network */
} Small;

static void
open_small (Small *small)
{
  g_autoptr (GError) error = NULL;
  KolNetworkValues values;

  *small = (Small){
    .like = { .count = 1, .channels = 1, .height = 6, .width = 6, .classes = 4, .name = "like" }
  };
  g_atomic_ref_count_init (&small->like.references);
  g_atomic_ref_count_inc (&small->like.references); /* nobody frees it */
  small->recipe = kol_recipe_parse (recipe_text, "small", &error);
  g_assert_no_error (error);
  small->learned = kol_parameters_new (device, 3);
  g_autoptr (KolGraph) graph = kol_graph_new_over (small->learned);
  kol_recipe_network (graph, 1, FALSE, &small->like, &values, small->recipe);
  g_assert_no_error (kol_graph_get_error (graph));
  small->layers = kol_layers_open_recipe (device, small->recipe, &small->like, "small", &error);
  g_assert_no_error (error);
  kol_layers_copy (small->layers, small->learned, &error);
  g_assert_no_error (error);
}

static void
close_small (Small *small)
{
  kol_layers_free (small->layers);
  kol_parameters_unref (small->learned);
  kol_recipe_unref (small->recipe);
}

static guint
place_of (KolLayers *layers, const char *name)
{
  for (guint i = 0; i < kol_layers_get_count (layers); i++)
    if (strcmp (kol_layers_get (layers, i)->name, name) == 0)
      return i;
  g_assert_not_reached ();
}

/* What a layer says of a picture, as the network is changed now. Given. */
static float *
ask (KolLayers *layers, const char *name)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  g_autoptr (GError) error = NULL;
  float picture[36];

  for (int i = 0; i < 36; i++)
    picture[i] = 0.5f + 0.4f * sinf (0.7f * (float) i);
  KolValue *pixels = kol_placeholder (graph, "study/pixels", KOL_SHAPE (1, 1, 6, 6));
  kol_layers_build (layers, pixels, &error);
  g_assert_no_error (error);
  KolValue *value = kol_layers_get (layers, place_of (layers, name))->value;
  float *numbers = g_new (float, (gsize) kol_shape_count (kol_value_get_shape (value)));
  kol_set (pixels, picture);
  kol_run (graph, value, &error);
  g_assert_no_error (error);
  kol_read (value, numbers, &error);
  g_assert_no_error (error);
  return numbers;
}

/* How layers hang together, and what each has learned. */
static void
test_sources (void)
{
  Small small;

  open_small (&small);
  const KolLayerInfo *conv2 = kol_layers_get (small.layers, place_of (small.layers, "conv2"));
  const KolLayerInfo *product = kol_layers_get (small.layers, conv2->inputs[0]);
  const KolLayerInfo *input = kol_layers_get (small.layers, product->inputs[0]);
  const KolLayerInfo *first = kol_layers_get (small.layers, 0);
  g_assert_cmpuint (conv2->n_inputs, ==, 1);
  g_assert_cmpuint (product->n_inputs, ==, 1);
  g_assert_cmpstr (input->name, ==, "relu1");
  g_assert_cmpuint (first->n_inputs, ==, 0);
  g_assert_cmpuint (product->parameters, ==, 2 * 3 * 9);
  g_assert_cmpuint (conv2->parameters, ==, 2); /* the biases */
  close_small (&small);
}

/* Other weights behind a layer leave its digest alone, other ones before it do not. */
static void
test_digest (void)
{
  Small small;
  g_autoptr (GError) error = NULL;
  const float other[2] = { 4, 5 };

  open_small (&small);
  guint relu1 = place_of (small.layers, "relu1"), conv2 = place_of (small.layers, "conv2");
  g_autofree char *before = kol_layers_digest (small.layers, relu1, &error);
  g_autofree char *before2 = kol_layers_digest (small.layers, conv2, &error);
  KolParameters *parameters = kol_layers_get_parameters (small.layers);
  kol_parameter_write (kol_parameters_find (parameters, "b_conv2"), other, &error);
  g_assert_no_error (error);
  g_autofree char *after = kol_layers_digest (small.layers, relu1, &error);
  g_autofree char *after2 = kol_layers_digest (small.layers, conv2, &error);
  g_assert_cmpuint (strlen (before), ==, 64);
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpstr (before2, !=, after2);
  const float first[3] = { 1, 2, 3 };
  kol_parameter_write (kol_parameters_find (parameters, "b_conv1"), first, &error);
  g_autofree char *last = kol_layers_digest (small.layers, relu1, &error);
  g_assert_cmpstr (before, !=, last);
  close_small (&small);
}

/* A changed unit counts for its layer and for those behind it, as long as it is changed. */
static void
test_digest_changed (void)
{
  Small small;
  g_autoptr (GError) error = NULL;

  open_small (&small);
  guint conv1 = place_of (small.layers, "conv1"), relu1 = place_of (small.layers, "relu1"),
        conv2 = place_of (small.layers, "conv2");
  g_autofree char *below = kol_layers_digest (small.layers, conv1, &error);
  g_autofree char *own = kol_layers_digest (small.layers, relu1, &error);
  g_autofree char *behind = kol_layers_digest (small.layers, conv2, &error);
  g_assert_true (kol_layers_change_unit (small.layers, "relu1", 1, KOL_UNIT_HELD, 0, &error));
  g_autofree char *below_off = kol_layers_digest (small.layers, conv1, &error);
  g_autofree char *own_off = kol_layers_digest (small.layers, relu1, &error);
  g_autofree char *behind_off = kol_layers_digest (small.layers, conv2, &error);
  g_assert_cmpstr (below_off, ==, below);
  g_assert_cmpstr (own_off, !=, own);
  g_assert_cmpstr (behind_off, !=, behind);
  g_assert_true (kol_layers_change_unit (small.layers, "relu1", 1, KOL_UNIT_HELD, 2, &error));
  g_autofree char *own_held = kol_layers_digest (small.layers, relu1, &error);
  g_assert_cmpstr (own_held, !=, own_off);
  g_autofree float *built = ask (small.layers, "relu1"); /* with what is changed in its graph */
  g_assert_true (kol_layers_change_unit (small.layers, "relu1", 1, KOL_UNIT_AS_IT_IS, 0, &error));
  g_autofree char *own_again = kol_layers_digest (small.layers, relu1, &error);
  g_assert_cmpstr (own_again, ==, own);
  close_small (&small);
}

/* One unit says what it is told to; the others of its layer what they did; all behind it differs.
 */
static void
test_changed (void)
{
  Small small;
  g_autoptr (GError) error = NULL;

  open_small (&small);
  g_autofree float *relu = ask (small.layers, "relu1"), *output = ask (small.layers, "output");
  g_assert_true (kol_layers_change_unit (small.layers, "relu1", 1, KOL_UNIT_HELD, 2.5, &error));
  g_autofree float *held = ask (small.layers, "relu1"), *moved = ask (small.layers, "output");
  for (int i = 0; i < 36; i++)
    {
      g_assert_cmpfloat (held[36 + i], ==, 2.5f);
      g_assert_cmpfloat_with_epsilon (held[i], relu[i], 1e-6f);
      g_assert_cmpfloat_with_epsilon (held[72 + i], relu[72 + i], 1e-6f);
    }
  g_assert_cmpfloat (fabsf (moved[0] - output[0]), >, 1e-4f);

  g_assert_true (kol_layers_change_unit (small.layers, "relu1", 1, KOL_UNIT_TURNED, 0, &error));
  g_autofree float *turned = ask (small.layers, "relu1");
  for (int row = 0; row < 6; row++)
    for (int column = 0; column < 6; column++)
      g_assert_cmpfloat_with_epsilon (turned[36 + row * 6 + column],
                                      relu[36 + (5 - column) * 6 + row], 1e-6f);

  /* Several layers at a time, and back again. */
  g_assert_true (kol_layers_change_unit (small.layers, "conv2", 0, KOL_UNIT_HELD, 0, &error));
  g_autofree float *both = ask (small.layers, "conv2");
  for (int i = 0; i < 36; i++)
    g_assert_cmpfloat (both[i], ==, 0);
  g_assert_true (kol_layers_change_unit (small.layers, "relu1", 1, KOL_UNIT_AS_IT_IS, 0, &error));
  g_assert_true (kol_layers_change_unit (small.layers, "conv2", 0, KOL_UNIT_AS_IT_IS, 0, &error));
  g_autofree float *again = ask (small.layers, "output");
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon (again[i], output[i], 1e-6f);

  g_assert_false (kol_layers_change_unit (small.layers, "relu1", 3, KOL_UNIT_HELD, 0, &error));
  g_assert_nonnull (strstr (error->message, "0 to 2, but 3"));
  g_clear_error (&error);
  g_assert_false (kol_layers_change_unit (small.layers, "output", 0, KOL_UNIT_TURNED, 0, &error));
  g_assert_nonnull (strstr (error->message, "no map"));
  close_small (&small);
}

/* A file's network, too: its graph is built in the same order every time. */
static void
test_changed_file (void)
{
  g_autoptr (KolLayers) layers = open_squeezenet ();
  g_autoptr (GError) error = NULL;

  if (!layers)
    return;
  for (guint i = 3; i < kol_layers_get_count (layers); i += 17)
    {
      const KolLayerInfo *info = kol_layers_get (layers, i);
      g_autofree char *name = g_strdup (info->name);

      if (info->alias || info->shape.rank != 4)
        continue;
      kol_layers_change_unit (layers, name, 1, KOL_UNIT_HELD, 3, &error);
      g_assert_no_error (error);
      g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (layers));
      KolValue *pixels = kol_placeholder (graph, "study/pixels", KOL_SHAPE (1, 3, SIDE, SIDE));
      kol_layers_build (layers, pixels, &error);
      g_assert_no_error (error);
      KolValue *value = kol_layers_find (layers, name, &error)->value;
      const KolShape *shape = kol_value_get_shape (value);
      gsize map = (gsize) (shape->dim[2] * shape->dim[3]);
      g_autofree float *numbers = g_new (float, (gsize) kol_shape_count (shape));
      g_autofree float *grey = g_new0 (float, 3 * SIDE * SIDE);
      kol_set (pixels, grey);
      kol_run (graph, value, &error);
      g_assert_no_error (error);
      kol_read (value, numbers, &error);
      for (gsize k = 0; k < map; k++)
        g_assert_cmpfloat (numbers[map + k], ==, 3);
      g_assert_cmpfloat (numbers[0], !=, 3);
    }
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
  g_test_add_func ("/studies/layers/sources", test_sources);
  g_test_add_func ("/studies/layers/digest", test_digest);
  g_test_add_func ("/studies/layers/digest-changed", test_digest_changed);
  g_test_add_func ("/studies/layers/changed", test_changed);
  g_test_add_func ("/studies/layers/changed-file", test_changed_file);
  int result = g_test_run ();
  kol_device_unref (device);
  return result;
}
