/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What the tabs of the Train page see, against the library's own numbers. */

#include <glib/gstdio.h>
#include <math.h>

#include "node-lines.h"

#define SIDE 8
#define CLASSES 4
#define EXAMPLES 200
#define TABLE "rows.csv"

static const char *const recipe_text = "[recipe]\ntitle = looked at\n"
                                       "[training]\nsteps = 50\nbatch = 10\noptimizer = sgd\n"
                                       "rate = 0.05\nvalidation = 50\n"
                                       "[conv]\nlayer = convolution\nfeatures = 6\nsize = 3\n"
                                       "activation = relu\n"
                                       "[pool]\nlayer = max-pool\nsize = 2\n"
                                       "[cls]\nlayer = dense\nfeatures = classes\n";

/* Whose loss is none that goes by the data. */
static const char *const squares_text
    = "[recipe]\ntitle = squares\n"
      "[training]\nsteps = 50\nbatch = 10\noptimizer = sgd\nrate = 0.05\nvalidation = 50\n"
      "[loss]\nkind = mean-squared-error\n"
      "[hidden]\nlayer = dense\nfeatures = 3\nactivation = tanh\n"
      "[out]\nlayer = dense\nfeatures = classes\n";

static void
write_file (const char *folder, const char *name, const guint8 *head, gsize n_head,
            const guint8 *content, gsize n)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, head, (guint) n_head);
  g_byte_array_append (bytes, content, (guint) n);
  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, bytes->len, NULL));
}

/* The class is where the bar is, in noise that makes some of them hard to tell. */
static void
write_examples (const char *folder, const char *images, const char *labels, guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  const guint8 head[] = { 0, 0, 8, 3, 0, 0, 0, EXAMPLES, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
  const guint8 label_head[] = { 0, 0, 8, 1, 0, 0, 0, EXAMPLES };
  guint8 pixels[EXAMPLES * SIDE * SIDE], classes[EXAMPLES];

  for (guint i = 0; i < EXAMPLES; i++)
    {
      classes[i] = (guint8) g_rand_int_range (random, 0, CLASSES);
      for (guint k = 0; k < SIDE * SIDE; k++)
        pixels[i * SIDE * SIDE + k]
            = (guint8) g_rand_int_range (random, 0, k / SIDE / 2 == classes[i] ? 256 : 180);
    }
  write_file (folder, images, head, sizeof head, pixels, sizeof pixels);
  write_file (folder, labels, label_head, sizeof label_head, classes, sizeof classes);
}

typedef struct {
  char *folder;
  KolDevice *device;
  KolRecipe *recipe;
  KolDataset *data;
  KolTrainer *trainer;
  KxLookState *state;
} Fixture;

static void
start (Fixture *fixture, const char *recipe, const char *data, gboolean numbers)
{
  g_autoptr (GError) error = NULL;
  gboolean finished;

  fixture->device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  fixture->recipe = kol_recipe_parse (recipe, "test", &error);
  g_assert_no_error (error);
  fixture->data
      = kol_dataset_open (data, "train", &(KolDatasetOptions){ .numbers = numbers }, &error);
  g_assert_no_error (error);
  fixture->trainer
      = kol_trainer_new (fixture->device, kol_recipe_network, fixture->recipe, fixture->data, NULL,
                         kol_recipe_get_settings (fixture->recipe), &error);
  g_assert_no_error (error);
  g_assert_true (kol_trainer_begin (fixture->trainer, NULL, NULL, &error));
  g_assert_true (kol_trainer_advance (fixture->trainer, 20, 0, &finished, &error));
  g_assert_no_error (error);
  fixture->state = kx_look_state_new ();
}

static void
set_up (Fixture *fixture, gconstpointer recipe)
{
  fixture->folder = g_dir_make_tmp ("kolinsky-looks-XXXXXX", NULL);
  write_examples (fixture->folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", 1);
  start (fixture, recipe, fixture->folder, FALSE);
}

/* Rows of a table, and a number for each. */
static void
set_up_rows (Fixture *fixture, gconstpointer recipe)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  GString *rows = g_string_new ("a,b,c,y\n");

  fixture->folder = g_dir_make_tmp ("kolinsky-looks-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (fixture->folder, TABLE, NULL);
  for (guint i = 0; i < EXAMPLES; i++)
    {
      double a = g_rand_double (random), b = g_rand_double (random), c = g_rand_double (random);
      g_string_append_printf (rows, "%.4f,%.4f,%.4f,%.4f\n", a, b, c, 2 * a - b + c * c);
    }
  g_assert_true (g_file_set_contents (path, rows->str, -1, NULL));
  g_string_free (rows, TRUE);
  start (fixture, recipe, path, TRUE);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  static const char *const names[]
      = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", TABLE };

  kx_look_state_free (fixture->state);
  kol_trainer_free (fixture->trainer);
  kol_dataset_unref (fixture->data);
  kol_recipe_unref (fixture->recipe);
  kol_device_unref (fixture->device);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->folder, names[i], NULL);
      g_unlink (path);
    }
  g_rmdir (fixture->folder);
  g_free (fixture->folder);
}

static KxLook *
look_at (Fixture *fixture, const KxLookQuestion *question)
{
  KxLook *look = kx_look_state_look (fixture->state, fixture->trainer, question);

  g_assert_cmpstr (look->fault, ==, NULL);
  g_assert_cmpuint (look->step, ==, 20);
  return look;
}

static void
close_to (double a, double b)
{
  g_assert_cmpfloat_with_epsilon (a, b, 1e-4 * MAX (fabs (b), 1));
}

/* Also of what is small, as derivatives are. */
static void
close_by (double a, double b)
{
  g_assert_cmpfloat_with_epsilon (a, b, 1e-3 * fabs (b) + 2e-6);
}

/* All pieces of the validation set give what the library scores. */
static KxLook *
go_through (Fixture *fixture)
{
  KxLookQuestion question = { .kind = KX_LOOK_VALIDATION };
  g_autoptr (KxLook) look = look_at (fixture, &question);

  while (!look->current)
    {
      gsize before = look->count;
      g_clear_pointer (&look, kx_look_unref);
      look = look_at (fixture, &question);
      g_assert_cmpuint (look->count, >, before);
    }
  return g_steal_pointer (&look);
}

static void
test_validation (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KxLook) look = go_through (fixture);
  KolDataset *validation = kol_trainer_get_validation (fixture->trainer);
  g_autoptr (KolScore) score
      = kol_trainer_score_part (fixture->trainer, validation, 0, validation->count, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (look->count, ==, score->count);
  g_assert_cmpuint (look->classes, ==, score->classes);
  close_to (look->loss, score->loss);
  close_to ((double) look->right / (double) look->count, score->accuracy);
  g_assert_cmpmem (look->confusion, look->classes * look->classes * sizeof (guint),
                   score->confusion, score->classes * score->classes * sizeof (guint));
  g_assert_cmpuint (look->examples->len, ==, MIN (look->count - look->right, KX_LOOK_MOST));
  for (guint i = 1; i < look->examples->len; i++)
    g_assert_cmpfloat (g_array_index (look->examples, KxExample, i - 1).loss, >=,
                       g_array_index (look->examples, KxExample, i).loss);
}

/* A cell has the pictures that it counts. */
static void
test_cell (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) all = go_through (fixture);
  KolDataset *validation = kol_trainer_get_validation (fixture->trainer);

  for (guint truth = 0; truth < CLASSES; truth++)
    for (guint answer = 0; answer < CLASSES; answer++)
      {
        KxLookQuestion question = { KX_LOOK_VALIDATION, NULL, TRUE, truth, answer };
        g_autoptr (KxLook) look = look_at (fixture, &question);

        g_assert_cmpuint (look->examples->len, ==, all->confusion[truth * CLASSES + answer]);
        for (guint i = 0; i < look->examples->len; i++)
          {
            const KxExample *example = &g_array_index (look->examples, KxExample, i);
            g_assert_cmpuint (validation->labels[example->index], ==, truth);
            g_assert_nonnull (example->texture);
          }
      }
}

static void
test_batch (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KxLook) look = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_BATCH });
  KolEvaluator *evaluator = kol_trainer_get_evaluator (fixture->trainer);

  g_assert_cmpuint (look->count, ==, 10);
  for (guint i = 0; i < look->examples->len; i++)
    {
      const KxExample *example = &g_array_index (look->examples, KxExample, i);
      float scores[CLASSES];
      double sum = 0;

      g_assert_true (kol_evaluator_predict (evaluator, g_bytes_get_data (example->numbers, NULL), 1,
                                            scores, &error));
      for (guint k = 0; k < CLASSES; k++)
        {
          sum += exp (scores[k]);
          g_assert_cmpfloat (scores[(guint) example->answer], >=, scores[k]);
        }
      close_to (example->share, exp (scores[(guint) example->answer]) / sum);
      close_to (example->loss, log (sum) - scores[(guint) example->truth]);
      g_assert_cmpint (example->wrong, ==, example->answer != example->truth);
    }
}

/* The walk through the layers ends with the batch's loss, and its last gradient is that of E. */
static void
test_layers (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) batch = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_BATCH });
  g_autoptr (KxLook) look = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_LAYERS });
  gboolean weights = FALSE;

  close_to (look->loss, batch->loss);
  g_assert_cmpuint (look->layers->len, >=, 3);
  for (guint i = 0; i < look->layers->len; i++)
    {
      const KxLayerLook *layer = &g_array_index (look->layers, KxLayerLook, i);

      g_test_message ("%s %s %s mean %g norm %g %s %g %g", layer->name, layer->kind, layer->shape,
                      layer->mean, layer->norm, layer->weights, layer->weight_norm,
                      layer->weight_gradient);
      g_assert_cmpfloat (layer->least, <=, layer->mean);
      g_assert_cmpfloat (layer->mean, <=, layer->most);
      g_assert_true (layer->norm > 0);
      weights = weights || layer->weight_gradient > 0;
    }
  g_assert_true (weights);
  const KxLayerLook *last = &g_array_index (look->layers, KxLayerLook, look->layers->len - 1);
  double sum = 0;
  for (guint i = 0; i < batch->examples->len; i++)
    {
      const KxExample *example = &g_array_index (batch->examples, KxExample, i);
      float scores[CLASSES];
      double shares = 0;

      g_assert_true (kol_evaluator_predict (kol_trainer_get_evaluator (fixture->trainer),
                                            g_bytes_get_data (example->numbers, NULL), 1, scores,
                                            NULL));
      for (guint k = 0; k < CLASSES; k++)
        shares += exp (scores[k]);
      for (guint k = 0; k < CLASSES; k++)
        sum += pow (exp (scores[k]) / shares - (k == (guint) example->truth), 2);
    }
  close_to (last->norm, sqrt (sum) / (double) batch->count);
}

/* ── Nodes, against the network of the recipe in plain C ── */

#define MAPS 6
#define HALF (SIDE / 2)
#define FLAT (MAPS * HALF * HALF)

typedef struct {
  float w_conv[MAPS * 9], b_conv[MAPS], w_cls[FLAT * CLASSES], b_cls[CLASSES];
  float x[SIDE * SIDE];
  guint label;
  double nudge; /* added to a z of the convolution, or of the scores: */
  int conv, score;
  double z[MAPS * SIDE * SIDE], pooled[FLAT], scores[CLASSES];
} Plain;

static void
convolve (Plain *plain)
{
  for (int i = 0; i < MAPS * SIDE * SIDE; i++)
    {
      int k = i / (SIDE * SIDE), row = i / SIDE % SIDE, column = i % SIDE;

      plain->z[i] = plain->b_conv[k] + (i == plain->conv ? plain->nudge : 0);
      for (int tap = 0; tap < 9; tap++)
        {
          int h = row + tap / 3 - 1, w = column + tap % 3 - 1;
          if (h >= 0 && h < SIDE && w >= 0 && w < SIDE)
            plain->z[i] += (double) plain->w_conv[k * 9 + tap] * plain->x[h * SIDE + w];
        }
    }
}

/* E of the example. */
static double
compute (Plain *plain)
{
  double sum = 0;

  convolve (plain);
  for (int i = 0; i < FLAT; i++)
    {
      int k = i / (HALF * HALF), row = i / HALF % HALF, column = i % HALF;

      plain->pooled[i] = 0;
      for (int at = 0; at < 4; at++)
        plain->pooled[i] = MAX (
            plain->pooled[i], plain->z[(k * SIDE + 2 * row + at / 2) * SIDE + 2 * column + at % 2]);
    }
  for (int k = 0; k < CLASSES; k++)
    {
      plain->scores[k] = plain->b_cls[k] + (k == plain->score ? plain->nudge : 0);
      for (int i = 0; i < FLAT; i++)
        plain->scores[k] += plain->pooled[i] * plain->w_cls[i * CLASSES + k];
      sum += exp (plain->scores[k]);
    }
  return log (sum) - plain->scores[plain->label];
}

static void
read_parameter (Fixture *fixture, const char *name, float *numbers)
{
  KolParameters *parameters = kol_graph_get_parameters (kol_trainer_get_graph (fixture->trainer));

  g_assert_true (kol_parameter_read (kol_parameters_find (parameters, name), numbers, NULL));
}

static void
set_up_plain (Fixture *fixture, Plain *plain, gsize example)
{
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (fixture->trainer, NULL);

  *plain = (Plain){ .conv = -1, .score = -1, .label = (guint) batch->targets[example] };
  memcpy (plain->x, batch->examples + example * batch->size, sizeof plain->x);
  read_parameter (fixture, "w_conv", plain->w_conv);
  read_parameter (fixture, "b_conv", plain->b_conv);
  read_parameter (fixture, "w_cls", plain->w_cls);
  read_parameter (fixture, "b_cls", plain->b_cls);
}

static double
differentiate_node (const Plain *plain, int conv, int score)
{
  Plain more = *plain, less = *plain;

  more.conv = less.conv = conv;
  more.score = less.score = score;
  more.nudge = 1e-4;
  less.nudge = -1e-4;
  return (compute (&more) - compute (&less)) / 2e-4;
}

static double
differentiate_weight (const Plain *plain, const float *weight)
{
  Plain more = *plain, less = *plain;
  gsize at = (gsize) ((const char *) weight - (const char *) plain);

  G_STRUCT_MEMBER (float, &more, at) += 1e-3f;
  G_STRUCT_MEMBER (float, &less, at) -= 1e-3f;
  return (compute (&more) - compute (&less))
         / ((double) G_STRUCT_MEMBER (float, &more, at) - G_STRUCT_MEMBER (float, &less, at));
}

static const KxNodeLook *
find_node (Fixture *fixture, const KxLook *look, const KxLook *layers, const char *name)
{
  for (guint i = 0; i < layers->layers->len; i++)
    if (g_str_equal (g_array_index (layers->layers, KxLayerLook, i).name, name))
      return &g_array_index (look->nodes, KxNodeLook, i);
  g_assert_not_reached ();
}

static double
sum_up (const KxSum *sum)
{
  double total = sum->rest;

  for (guint i = 0; i < sum->n_terms; i++)
    total += sum->terms[i].first * sum->terms[i].second;
  return total;
}

static void
check_nodes (Fixture *fixture, Plain *plain, const KxLook *layers, const KxLook *look)
{
  const KxNodeLook *conv = find_node (fixture, look, layers, "conv/conv2d"),
                   *z = find_node (fixture, look, layers, "conv/z"),
                   *relu = find_node (fixture, look, layers, "conv"),
                   *pool = find_node (fixture, look, layers, "pool"),
                   *product = find_node (fixture, look, layers, "cls/product"),
                   *scores = find_node (fixture, look, layers, "cls");
  gsize map = conv->node / (SIDE * SIDE);
  const KxTerm *tap = &conv->sum.terms[0], *input = &product->sum.terms[0];

  close_to (look->loss, compute (plain));
  close_to (z->value, plain->z[z->node]);
  close_to (z->constant, plain->b_conv[map]);
  close_by (z->gradient, differentiate_node (plain, (int) z->node, -1));
  close_by (z->bias_gradient, differentiate_weight (plain, plain->b_conv + map));
  g_assert_cmpuint (z->node, ==, conv->node);
  close_to (conv->value, plain->z[conv->node] - plain->b_conv[map]);
  g_assert_cmpuint (conv->weight, ==, map * 9 + tap->index);
  g_assert_cmpuint (conv->sum.count, ==, 9);
  close_to (tap->second, plain->w_conv[conv->weight]);
  close_by (conv->gradient, differentiate_node (plain, (int) conv->node, -1));
  close_by (conv->weight_gradient, differentiate_weight (plain, plain->w_conv + conv->weight));

  g_assert_cmpuint (relu->node, ==, conv->node);
  close_to (relu->value, MAX (z->value, 0));
  close_to (pool->value, plain->pooled[pool->node]);
  if (pool->value > 0)
    close_to (pool->sum.terms[0].first, pool->value);

  g_assert_cmpuint (product->sum.count, ==, FLAT);
  g_assert_cmpuint (product->weight, ==, input->index * CLASSES + product->node);
  close_to (input->first, plain->pooled[input->index]);
  close_to (input->second, plain->w_cls[product->weight]);
  close_by (product->weight_gradient, differentiate_weight (plain, plain->w_cls + product->weight));
  g_assert_cmpuint (scores->node, ==, product->node);
  close_to (scores->value, plain->scores[scores->node]);
  close_to (scores->constant, plain->b_cls[scores->node]);
  close_by (scores->gradient, differentiate_node (plain, -1, (int) scores->node));
  close_by (scores->bias_gradient, differentiate_weight (plain, plain->b_cls + scores->node));
  g_assert_true (scores->last && !product->last);
  for (guint i = 0; i < look->nodes->len; i++) /* the terms are all of it */
    {
      const KxNodeLook *node = &g_array_index (look->nodes, KxNodeLook, i);
      if (!node->last)
        g_assert_cmpfloat_with_epsilon (sum_up (&node->back), node->gradient, 1e-5);
      close_to (sum_up (&node->sum) + node->constant, node->value);
    }
}

/* What is chosen where nobody does leads from the scores to the pixels. */
static void
test_nodes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) layers = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_LAYERS });

  for (gsize example = 0; example < 3; example++)
    {
      KxLookQuestion question = { .kind = KX_LOOK_NODES, .example = example };
      g_autoptr (KxLook) look = look_at (fixture, &question);
      Plain plain;

      set_up_plain (fixture, &plain, example);
      check_nodes (fixture, &plain, layers, look);
      const KxNodeLook *product = find_node (fixture, look, layers, "cls/product");
      const KxNodeLook *pool = find_node (fixture, look, layers, "pool");
      g_assert_cmpuint (product->sum.terms[0].index, ==, pool->node);
      g_assert_cmpuint (look->loss_kind, ==, KX_LOSS_CROSS_ENTROPY);
    }
}

static void
test_chosen_nodes (Fixture *fixture, gconstpointer unused)
{
  static const gint64 chosen[] = { 70, 70, 70, 3, 2, 2 }; /* conv2d, add, relu, pool, matmul, add */
  g_autoptr (KxLook) layers = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_LAYERS });
  g_autoptr (GBytes) numbers = g_bytes_new_static (chosen, sizeof chosen);
  Plain plain;

  KxLookQuestion question = { .kind = KX_LOOK_NODES, .numbers = numbers, .example = 4 };
  g_autoptr (KxLook) look = look_at (fixture, &question);

  set_up_plain (fixture, &plain, 4);
  check_nodes (fixture, &plain, layers, look);
  g_assert_cmpuint (find_node (fixture, look, layers, "conv/z")->node, ==, 70);
  g_assert_cmpuint (find_node (fixture, look, layers, "cls")->node, ==, 2);
}

/* What is changed is the walk's alone, and is as it was when it is not asked for again. */
static void
test_changes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) layers = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_LAYERS });
  KxLookQuestion question = { .kind = KX_LOOK_NODES };
  g_autoptr (KxLook) before = look_at (fixture, &question);
  KxNodeEdit edits[] = { { KX_NODE_INPUTS, 27, 3 }, { -1, 5, -2 } };
  Plain plain, same;

  for (guint i = 0; i < layers->layers->len; i++)
    if (g_str_equal (g_array_index (layers->layers, KxLayerLook, i).name, "cls/product"))
      edits[1].layer = (int) i;
  g_autoptr (GBytes) bytes = g_bytes_new_static (edits, sizeof edits);
  set_up_plain (fixture, &plain, 0);
  plain.x[27] = 3;
  plain.w_cls[5] = -2;
  question.edits = bytes;
  g_autoptr (KxLook) changed = look_at (fixture, &question);
  check_nodes (fixture, &plain, layers, changed);
  g_assert_cmpfloat (fabs (changed->loss - before->loss), >, 1e-3);
  set_up_plain (fixture, &same, 0);
  g_assert_cmpfloat (same.w_cls[5], !=, -2); /* the run's own */
  question.edits = NULL;
  g_autoptr (KxLook) after = look_at (fixture, &question);
  g_assert_cmpfloat (after->loss, ==, before->loss);
}

/* E and what goes back from it are those of the recipe's loss. */
static void
test_squares (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) layers = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_LAYERS });
  g_autoptr (KxLook) look = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_NODES });
  guint last = layers->layers->len - 1;
  const KxNodeLook *node = &g_array_index (look->nodes, KxNodeLook, last);
  double sum = 0;

  g_assert_cmpuint (layers->loss_kind, ==, KX_LOSS_SQUARED);
  g_assert_cmpuint (look->n_outputs, ==, CLASSES);
  for (guint k = 0; k < CLASSES; k++)
    sum += pow (look->outputs[k] - look->targets[k], 2);
  close_to (look->loss, sum / CLASSES);
  close_by (node->gradient, 2 * (look->outputs[node->node] - look->targets[node->node]) / CLASSES);
  g_autofree char *objective = kx_node_lines_objective (layers, look);
  g_autofree char *back = kx_node_lines_back (layers, look, last);
  g_autofree char *begin = g_strdup_printf ("∂E/∂z%zu = 2 (z%zu − t%zu) / 4 = 2 × (", node->node,
                                            node->node, node->node);
  g_test_message ("%s; %s", objective, back);
  g_assert_true (g_str_has_prefix (objective, "E = Σ (z − t)² / 4 = (("));
  g_assert_true (g_str_has_prefix (back, begin));
}

static void
test_rows (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) layers = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_LAYERS });
  g_autoptr (KxLook) look = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_NODES });
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (fixture->trainer, NULL);
  const KxNodeLook *first = &g_array_index (look->nodes, KxNodeLook, 0);
  double sum = first->constant + sum_up (&first->sum);
  float w[9];

  read_parameter (fixture, "w_hidden", w);
  g_assert_cmpuint (look->n_inputs, ==, 3);
  g_assert_cmpuint (first->sum.count, ==, 3);
  for (gsize i = 0; i < 3; i++)
    sum -= (double) batch->examples[i] * w[3 * i + first->node];
  g_assert_cmpfloat_with_epsilon (sum, 0, 1e-5);
  close_to (look->loss, pow (batch->outputs[0] - batch->targets[0], 2));
  close_to (look->targets[0], batch->targets[0]);
}

static void
test_activations (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) batch = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_BATCH });
  const KxExample *example = &g_array_index (batch->examples, KxExample, 0);
  g_autoptr (KxLook) look = look_at (
      fixture, &(KxLookQuestion){ .kind = KX_LOOK_ACTIVATIONS, .numbers = example->numbers });

  close_to (look->probabilities[(guint) example->answer], example->share);
  for (guint i = 0; i < look->layers->len; i++)
    g_assert_cmpuint (g_array_index (look->layers, KxLayerLook, i).maps->len, >, 0);
}

static void
test_others (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (KxLook) filters = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_FILTERS });
  g_autoptr (KxLook) spread = look_at (fixture, &(KxLookQuestion){ .kind = KX_LOOK_HISTOGRAMS });

  g_assert_cmpuint (filters->pictures->len, ==, 6);
  g_assert_cmpuint (spread->weights->n, ==, g_strv_length (spread->names));
  g_assert_cmpuint (spread->gradients->n, ==, spread->weights->n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD_WITH(set_up, name, recipe)                                                             \
  g_test_add ("/looks/" #name, Fixture, recipe, set_up, test_##name, tear_down)
#define ADD(name) ADD_WITH (set_up, name, recipe_text)
  ADD (validation);
  ADD (cell);
  ADD (batch);
  ADD (layers);
  ADD (nodes);
  ADD (chosen_nodes);
  ADD (changes);
  ADD_WITH (set_up, squares, squares_text);
  ADD_WITH (set_up_rows, rows, squares_text);
  ADD (activations);
  ADD (others);
  return g_test_run ();
}
