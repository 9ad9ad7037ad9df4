/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <string.h>

#include <glib/gstdio.h>

#include "model/model.h"
#include "model/networks.h"
#include "train/evaluator.h"
#include "train/parameters-private.h"

/*
 * Pretrained models as the library has them. What the commands make of them is in
 * tests/tools.
 */

#define LARGE 20000000 /* more parameters than this take too long here */

static KolDevice *device;
static char *data; /* the user's data folder, of these tests */

static void
test_catalogue (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = kol_catalogue_list (&error);

  g_assert_no_error (error);
  g_assert_cmpuint (entries->len, >=, 6);
  for (guint i = 0; i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      g_auto (GStrv) classes = kol_model_entry_read_classes (entry, &error);
      g_assert_no_error (error);
      g_assert_null (entry->problem);
      g_assert_true (entry->known && entry->has_picture);
      g_assert_cmpuint (entry->sources->len, >=, 1);
      /* All that tell classes apart tell ImageNet's, each of which has a name of its own. */
      g_assert_true ((entry->last == NULL) == (classes != NULL));
      g_assert_true (!classes || g_strv_length (classes) == 1000);
      if (!classes)
        continue;
      g_assert_cmpstr (classes[0], ==, "tench");
      g_assert_cmpstr (classes[999], ==, "toilet tissue");
      g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
      for (guint c = 0; classes[c]; c++)
        g_assert_true (*classes[c] && g_hash_table_add (names, classes[c]));
    }
}

/* What a known network is built with is what its catalogue entry promises. */
static void
test_parameters (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = kol_catalogue_list (&error);

  g_assert_no_error (error);
  for (guint i = 0; i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      if (entry->parameters > LARGE)
        continue;
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolValue *x = kol_placeholder (graph, "image", KOL_SHAPE (1, 3, 224, 224));
      guint64 count = 0;
      if (entry->last)
        kol_vgg16_features (x, entry->last);
      else
        kol_network_find (entry->network)->build (x, NULL);
      g_assert_null (kol_graph_get_error (graph));
      KolParameters *parameters = kol_graph_get_parameters (graph);
      for (guint p = 0; p < kol_parameters_get_count (parameters); p++)
        {
          const KolParameter *parameter = kol_parameters_get (parameters, p);
          if (kol_parameter_is_trainable (parameter))
            count += (guint64) kol_shape_count (kol_parameter_get_shape (parameter));
        }
      g_assert_cmpuint (count, ==, entry->parameters);
    }
}

/* ── A model of one's own ────────────────────────────────────────────────────────────────────── */

#define PICTURES 3

/* Three pictures of noise, prepared. */
static float *
make_pictures (gsize each)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (4);
  float *pictures = g_new (float, PICTURES *each);

  for (gsize i = 0; i < PICTURES * each; i++)
    pictures[i] = (float) g_rand_double_range (random, -2, 2);
  return pictures;
}

/* Saves SqueezeNet with chance weights; what it makes of the pictures goes to @scores. */
static char *
save_network (const float *pictures, float *scores)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 11);
  g_autoptr (KolGraph) graph = kol_graph_new_over (parameters);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (PICTURES, 3, 224, 224));
  KolValue *y = kol_squeezenet (x, NULL);

  kol_set (x, pictures);
  g_assert_true (kol_run (graph, y, &error));
  g_assert_true (kol_read (y, scores, &error));
  g_assert_no_error (error);
  g_autoptr (GPtrArray) arrays
      = kol_parameters_copy (parameters, 0, kol_parameters_get_count (parameters), &error);
  g_assert_no_error (error);
  char *path = g_build_filename (data, "mine.safetensors", NULL);
  g_assert_true (kol_safetensors_save (path, arrays, NULL, &error));
  g_assert_no_error (error);
  return path;
}

/* Weights that are added like a known network's give what that network gave; @batch at a time. */
static void
check_scores (KolModel *model, const float *pictures, const float *wanted, gsize batch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolEvaluator) evaluator = kol_evaluator_open_model (device, model, batch, &error);
  g_autofree float *scores = g_new (float, PICTURES * 1000);

  g_assert_no_error (error);
  g_assert_cmpuint (kol_evaluator_get_outputs (evaluator), ==, 1000);
  g_assert_true (kol_evaluator_predict (evaluator, pictures, PICTURES, scores, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < PICTURES * 1000; i++)
    g_assert_cmpfloat_with_epsilon (scores[i], wanted[i], 1e-4 * (1 + ABS (wanted[i])));
}

static void
test_own (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree float *pictures = make_pictures (3 * 224 * 224);
  g_autofree float *wanted = g_new (float, PICTURES * 1000);
  g_autofree char *path = save_network (pictures, wanted);

  g_assert_null (kol_model_find_default ());
  g_assert_null (kol_model_open (path, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "--like"));
  g_clear_error (&error);
  g_autofree char *name = kol_catalogue_add (path, "chance", "squeezenet1.1", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, "chance");
  g_autofree char *usual = kol_model_find_default ();
  g_assert_cmpstr (usual, ==, "chance");

  g_autoptr (KolModel) model = kol_model_open ("chance", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (kol_model_get_classes (model)), ==, 1000);
  g_assert_cmpuint (kol_model_get_picture (model)->short_side, ==, 256);
  g_assert_cmpuint (kol_model_get_batch (model), ==, 0);
  check_scores (model, pictures, wanted, 2); /* and one at the end, beside one that is not asked */
  check_scores (model, pictures, wanted, 16);

  g_assert_true (kol_catalogue_remove ("chance", &error));
  g_assert_null (kol_model_open ("chance", &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
}

/* The weights of one network are refused for another, by what is missing. */
static void
test_other_network (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (data, "mine.safetensors", NULL);
  g_autofree char *name = kol_catalogue_add (path, NULL, "resnet18", NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, "mine");
  g_autoptr (KolModel) model = kol_model_open (name, &error);
  g_assert_no_error (error);
  g_assert_null (kol_evaluator_open_model (device, model, 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "layer1"));
}

static void
test_not_installed (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_model_open ("vgg16", &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "kolinsky models get vgg16"));
  g_clear_error (&error);
  g_assert_null (kol_model_open ("/nowhere/net.onnx", &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "/nowhere/net.onnx"));
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      remove_all (inner);
    }
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  data = g_dir_make_tmp ("kolinsky-model-XXXXXX", &error);
  g_assert_no_error (error);
  g_setenv ("XDG_DATA_HOME", data, TRUE);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_print ("1..0 # SKIP %s\n", error->message);
      return 0;
    }
  g_test_add_func ("/model/catalogue", test_catalogue);
  g_test_add_func ("/model/parameters", test_parameters);
  g_test_add_func ("/model/own", test_own);
  g_test_add_func ("/model/other-network", test_other_network);
  g_test_add_func ("/model/not-installed", test_not_installed);
  int result = g_test_run ();
  kol_device_unref (device);
  remove_all (data);
  g_free (data);
  return result;
}
