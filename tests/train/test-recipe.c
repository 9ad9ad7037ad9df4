/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Recipe files: what they build, and what is said of a mistake in one. */

#include "kolinsky.h"

#include <string.h>

static KolDevice *device;

static const KolDataset pictures
    = { .count = 100, .channels = 3, .height = 16, .width = 16, .classes = 7, .name = "pictures" };
static const KolDataset rows
    = { .count = 100, .channels = 5, .height = 1, .width = 1, .outputs = 2, .name = "rows" };

/* The shape of a recipe's output; its graph must not have failed. */
static KolShape
build (const KolRecipe *recipe, const KolDataset *like, gboolean training)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolNetworkValues values;

  kol_recipe_network (graph, 4, training, like, &values, (gpointer) recipe);
  if (training && !kol_graph_get_error (graph))
    kol_minimize (values.loss, &(KolOptimizer){ .name = "sgd" });
  g_assert_no_error (kol_graph_get_error (graph));
  g_assert_true (values.keep || !training);
  return *kol_value_get_shape (values.output);
}

/* Every recipe that comes with Kolinsky, in training and not. */
static void
test_shipped (void)
{
  static const KolDataset grey
      = { .count = 100, .channels = 1, .height = 28, .width = 28, .classes = 10, .name = "grey" };
  g_auto (GStrv) names = kol_recipe_list ();

  g_assert_cmpuint (g_strv_length (names), >=, 4);
  for (char **name = names; *name; name++)
    for (guint i = 0; i < 4; i++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (KolRecipe) recipe = kol_recipe_find (*name, &error);
        const KolDataset *like = i / 2 ? &grey : &pictures;

        g_assert_no_error (error);
        g_test_message ("%s: %s", *name, kol_recipe_get_title (recipe));
        KolShape shape = build (recipe, like, i % 2);
        g_assert_cmpint (shape.rank, ==, 2);
        g_assert_cmpint (shape.dim[0], ==, 4);
        g_assert_cmpint (shape.dim[1], ==, like->classes);
      }
}

#define LAST "[last]\nlayer = dense\nfeatures = classes\n"

static KolRecipe *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  KolRecipe *recipe = kol_recipe_parse (text, "test.ini", &error);

  g_assert_no_error (error);
  return recipe;
}

/* Each kind of layer by itself. */
static void
test_layers (void)
{
  static const struct {
    const char *text;
    gint64 c, h, w;
  } cases[] = {
    { "layer=convolution\nfeatures=4", 4, 16, 16 },
    { "layer=convolution\nfeatures=4\nsize=5\nstride=2\npadding=valid", 4, 6, 6 },
    { "layer=convolution\nfeatures=6\ngroups=3\npadding=1\nbiases=none\nactivation=gelu", 6, 16,
      16 },
    { "layer=transposed-convolution\nfeatures=4", 4, 32, 32 },
    { "layer=residual\nfeatures=3", 3, 16, 16 },
    { "layer=residual\nfeatures=5\nstride=2", 5, 8, 8 },
    { "layer=batch-norm", 3, 16, 16 },
    { "layer=layer-norm", 3, 16, 16 },
    { "layer=group-norm\ngroups=3", 3, 16, 16 },
    { "layer=instance-norm", 3, 16, 16 },
    { "layer=local-response-norm", 3, 16, 16 },
    { "layer=max-pool", 3, 8, 8 },
    { "layer=average-pool\nsize=3\nstride=2\npadding=1", 3, 8, 8 },
    { "layer=global-average-pool", 3, 1, 1 },
    { "layer=dropout", 3, 16, 16 },
    { "layer=dropout\nkeep=0.7", 3, 16, 16 },
    { "layer=scale\nfactor=2\noffset=-1", 3, 16, 16 },
    { "layer=upsample\nfactor=3", 3, 48, 48 },
    { "layer=upsample\nfilter=bilinear", 3, 32, 32 },
    { "layer=softmax", 3, 16, 16 },
    { "layer=add\ninputs=examples,examples", 3, 16, 16 },
    { "layer=concat\ninputs=examples, examples", 6, 16, 16 },
    { "layer=relu", 3, 16, 16 },
    { "layer=leaky-relu", 3, 16, 16 },
    { "layer=elu", 3, 16, 16 },
    { "layer=selu", 3, 16, 16 },
    { "layer=silu", 3, 16, 16 },
    { "layer=hard-swish", 3, 16, 16 },
    { "layer=sigmoid", 3, 16, 16 },
    { "layer=tanh", 3, 16, 16 },
    { "layer=softplus", 3, 16, 16 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      /* The layer's output is what the recipe gives with one output per number of it. */
      g_autofree char *text = g_strdup_printf ("[it]\n%s\n" LAST, cases[i].text);
      g_autoptr (KolRecipe) recipe = parse (text);
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolNetworkValues values;

      g_test_message ("%s", cases[i].text);
      kol_recipe_network (graph, 2, TRUE, &pictures, &values, recipe);
      g_assert_no_error (kol_graph_get_error (graph));
      KolParameter *w = kol_parameters_find (kol_graph_get_parameters (graph), "w_last");
      g_assert_cmpint (kol_parameter_get_shape (w)->dim[0], ==,
                       cases[i].c * cases[i].h * cases[i].w);
      build (recipe, &pictures, TRUE);
      build (recipe, &pictures, FALSE);
    }
}

static void
test_losses (void)
{
  static const char *const losses[]
      = { "mean-squared-error", "mean-absolute-error", "binary-cross-entropy" };

  for (guint i = 0; i < G_N_ELEMENTS (losses); i++)
    {
      g_autofree char *text = g_strdup_printf (LAST "[loss]\nkind = %s\n", losses[i]);
      g_autoptr (KolRecipe) recipe = parse (text);

      g_assert_cmpint (build (recipe, &rows, TRUE).dim[1], ==, 2);
      g_assert_cmpint (build (recipe, &pictures, TRUE).dim[1], ==, 7); /* one-hot */
    }
  g_autoptr (KolRecipe) plain = parse (LAST);
  build (plain, &rows, TRUE);
  g_autoptr (KolRecipe) smooth = parse (LAST "[loss]\nlabel-smoothing = 0.1\n");
  build (smooth, &pictures, TRUE);
}

static void
test_settings (void)
{
  g_autoptr (KolRecipe) recipe
      = parse ("# a comment\n[recipe]\ntitle = It\n\n[training]\n  steps = 7\nrate=2e-3\n"
               "optimizer = adamw\nweight-decay = 0.1\nschedule = one-cycle\nflip = yes\n" LAST);
  const KolTrainSettings *settings = kol_recipe_get_settings (recipe);

  g_assert_cmpstr (kol_recipe_get_name (recipe), ==, "test");
  g_assert_cmpstr (kol_recipe_get_title (recipe), ==, "It");
  g_assert_cmpuint (settings->steps, ==, 7);
  g_assert_cmpfloat (settings->optimizer.rate, ==, 2e-3);
  g_assert_cmpstr (settings->optimizer.name, ==, "adamw");
  g_assert_cmpfloat (settings->optimizer.weight_decay, ==, 0.1);
  g_assert_cmpstr (settings->schedule.name, ==, "one-cycle");
  g_assert_true (settings->augment.flip);
}

/* Each mistake is told with its line and what would be right. */
static void
test_mistakes (void)
{
  static const struct {
    const char *text;
    const char *parts[4];
  } cases[] = {
    { "[a]\nlayer = convolutoin\n", { "line 2", "convolutoin", "“convolution”" } },
    { "\n# x\n[a]\nlayer = dense\nfeatures = 3\nfeature = 4\n",
      { "line 6", "“feature”", "“features”" } },
    { "[training]\nsteps = 10\nweight_decay = 1\n" LAST, { "line 3", "“weight-decay”" } },
    { "[training]\nsteps = ten\n" LAST, { "line 2", "“ten”", "whole number" } },
    { "[training]\noptimizer = adma\n" LAST, { "line 2", "adma", "adam, " } },
    { "[training]\nnesterov = perhaps\n" LAST, { "line 2", "yes or no" } },
    { "[training]\nrate = -1\n" LAST, { "line 2", "“-1”", "above 0" } },
    { "[recipe]\ntitel = x\n" LAST, { "line 2", "titel", "title" } },
    { "[loss]\nkind = cross-entropi\n" LAST, { "line 2", "cross-entropi", "“cross-entropy”" } },
    { "[loss]\nlabel-smoothing = 1\n" LAST, { "line 2", "from 0 to below 1" } },
    { "[a]\nlayer = dense\n", { "line 1", "features" } },
    { "[a]\nfeatures = 3\n", { "line 1", "layer = " } },
    { "[a]\nlayer = dense\nfeatures = 0\n", { "line 3", "“0”", "at least 1" } },
    { "[a]\nlayer = add\n", { "line 1", "inputs" } },
    { "[a]\nlayer = relu\ninput = b\n" LAST, { "line 3", "“b”", "further up" } },
    { "[a]\nlayer = relu\ninput = examples, a\n", { "line 3", "one input" } },
    { "[a]\nlayer = dense\nfeatures = 3\nweights = nromal 1\n", { "line 4", "“normal”" } },
    { "[a]\nlayer = dense\nfeatures = 3\nweights = normal\n", { "line 4", "1 number" } },
    { "[a]\nlayer = dense\nfeatures = 3\nweights = normal x\n", { "line 4", "“x”" } },
    { "[a]\nlayer = dense\nfeatures = 3\nactivation = rleu\n", { "line 4", "“relu”" } },
    { "[a]\nlayer = convolution\nfeatures = 3\npadding = smae\n", { "line 4", "“same”" } },
    { "[a]\nlayer = relu\n[a]\nlayer = relu\n", { "line 3", "[a]", "line 1" } },
    { "[a]\nlayer = relu\nlayer = relu\n", { "line 3", "line 2" } },
    { "[a\nlayer = relu\n", { "line 1", "[a" } },
    { "[a]\nlayer\n", { "line 2", "key = value" } },
    { "layer = relu\n", { "line 1", "no group" } },
    { "[training]\nsteps = 10\n", { "no layer" } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (KolRecipe) recipe = kol_recipe_parse (cases[i].text, "test.ini", &error);

      g_assert_null (recipe);
      g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, "test.ini"));
      for (guint k = 0; cases[i].parts[k]; k++)
        g_assert_nonnull (strstr (error->message, cases[i].parts[k]));
    }
}

/* What the words do not show, but the shapes. */
static void
test_shapes (void)
{
  static const struct {
    const char *text;
    const KolDataset *like;
    const char *part;
  } cases[] = {
    { "[a]\nlayer = dense\nfeatures = 3\n", &pictures, "“classes”" },
    { LAST "[loss]\nkind = cross-entropy\n", &rows, "mean-squared-error" },
    { "[a]\nlayer = max-pool\nsize = 20\n" LAST, &pictures, "a/max_pool: " },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (KolRecipe) recipe = parse (cases[i].text);
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolNetworkValues values;

      kol_recipe_network (graph, 2, TRUE, cases[i].like, &values, recipe);
      const GError *error = kol_graph_get_error (graph);
      g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, cases[i].part));
    }
}

static void
test_find (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_recipe_find ("digit", &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "“digits”"));
  g_clear_error (&error);
  g_assert_null (kol_recipe_find ("./there-is-no-such-file.ini", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  g_test_add_func ("/recipe/shipped", test_shipped);
  g_test_add_func ("/recipe/layers", test_layers);
  g_test_add_func ("/recipe/losses", test_losses);
  g_test_add_func ("/recipe/settings", test_settings);
  g_test_add_func ("/recipe/mistakes", test_mistakes);
  g_test_add_func ("/recipe/shapes", test_shapes);
  g_test_add_func ("/recipe/find", test_find);
  int status = g_test_run ();
  kol_device_unref (device);
  return status;
}
