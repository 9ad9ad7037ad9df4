/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The digits network against PyTorch, and the trainer, on the device that KOLINSKY_DEVICE names. */

#include "common.h"

#include <math.h>
#include <string.h>

#include "../torch.h"

/* ── Against PyTorch ─────────────────────────────────────────────────────────────────────────── */

/* The data of a .npy file, format 1.0: @count elements of type @descr ("'<f4'") and @size bytes. */
static gconstpointer
npy_data (GMappedFile *file, const char *name, const char *descr, gsize size, gsize count)
{
  const char *contents = g_mapped_file_get_contents (file);
  gsize length = g_mapped_file_get_length (file);

  g_assert_cmpuint (length, >, 10);
  g_assert_cmpmem (contents, 8, "\x93NUMPY\x01\x00", 8);
  gsize header = (guint8) contents[8] + 256 * (gsize) (guint8) contents[9];
  g_autofree char *text = g_strndup (contents + 10, header);
  g_assert_nonnull (strstr (text, descr));
  g_assert_nonnull (strstr (text, "'fortran_order': False"));
  if (length != 10 + header + size * count)
    g_error ("%s: %zu elements of %s were expected; its header is %s", name, count, descr, text);
  return contents + 10 + header;
}

static GMappedFile *
npy_open (const char *folder, const char *name)
{
  g_autofree char *base = g_strconcat (name, ".npy", NULL);
  g_autofree char *path = g_build_filename (folder, base, NULL);
  g_autoptr (GError) error = NULL;
  GMappedFile *file = g_mapped_file_new (path, FALSE, &error);

  g_assert_no_error (error);
  return file;
}

static float *
read_floats (const char *folder, const char *name, gsize count)
{
  g_autoptr (GMappedFile) file = npy_open (folder, name);

  return g_memdup2 (npy_data (file, name, "'<f4'", 4, count), count * sizeof (float));
}

static float *
read_integers (const char *folder, const char *name, gsize count)
{
  g_autoptr (GMappedFile) file = npy_open (folder, name);
  const gint64 *integers = npy_data (file, name, "'<i8'", 8, count);
  float *values = g_new (float, count);

  for (gsize i = 0; i < count; i++)
    values[i] = integers[i];
  return values;
}

/* PyTorch stores a fully connected layer as [out, in]; here it is [in, out]. */
static float *
transpose (const float *values, gsize out, gsize in)
{
  float *turned = g_new (float, out *in);

  for (gsize i = 0; i < out; i++)
    for (gsize j = 0; j < in; j++)
      turned[j * out + i] = values[i * in + j];
  return turned;
}

static const struct {
  const char *ours;
  const char *torch;
  gboolean transposed;
} weights[] = {
  { "w_conv1", "conv1_weight", FALSE }, { "b_conv1", "conv1_bias", FALSE },
  { "w_conv2", "conv2_weight", FALSE }, { "b_conv2", "conv2_bias", FALSE },
  { "w_full", "full1_weight", TRUE },   { "b_full", "full1_bias", FALSE },
  { "w_cls", "full2_weight", TRUE },    { "b_cls", "full2_bias", FALSE },
};

static void
take_weights (KolParameters *parameters, const char *folder)
{
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (weights); i++)
    {
      KolParameter *parameter = kol_parameters_find (parameters, weights[i].ours);
      g_assert_nonnull (parameter);
      const KolShape *shape = kol_parameter_get_shape (parameter);
      g_autofree float *values = read_floats (folder, weights[i].torch, kol_shape_count (shape));
      g_autofree float *turned
          = weights[i].transposed ? transpose (values, shape->dim[1], shape->dim[0]) : NULL;
      kol_parameter_write (parameter, turned ? turned : values, &error);
      g_assert_no_error (error);
    }
}

#define TORCH_STEPS 10
#define TORCH_BATCH 50

static void
test_first_losses (void)
{
  const char *given = g_getenv ("KOLINSKY_TORCH_DUMP");
  g_autofree char *made = g_build_filename (scratch, "torch", NULL);
  const char *folder = given ? given : made;
  g_autoptr (GError) error = NULL;

  if (!given && !run_torch (g_getenv ("KOLINSKY_TORCH_PROGRAM"), "--dump", folder))
    return;

  KolDataset like = { .channels = 1, .height = SIDE, .width = SIDE, .classes = 10 };
  gsize pixels = TORCH_BATCH * SIDE * SIDE;
  g_autofree float *images = read_floats (folder, "images", TORCH_STEPS * pixels);
  g_autofree float *labels = read_integers (folder, "labels", TORCH_STEPS * TORCH_BATCH);
  g_autofree float *expected = read_floats (folder, "losses", TORCH_STEPS);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolNetworkValues net;

  kol_recipe_network (graph, TORCH_BATCH, TRUE, &like, &net, digits);
  KolValue *targets[] = { kol_adam (net.loss, &(KolAdam){ .rate = 1e-4 }), net.loss };
  take_weights (kol_graph_get_parameters (graph), folder);
  kol_set_scalar (net.keep, 1);
  for (guint i = 0; i < TORCH_STEPS; i++)
    {
      float loss;
      kol_set (net.x, images + i * pixels);
      kol_set (net.y, labels + i * TORCH_BATCH);
      kol_run_all (graph, targets, G_N_ELEMENTS (targets), &error);
      g_assert_no_error (error);
      kol_read (net.loss, &loss, &error);
      g_assert_no_error (error);
      double difference = fabs (loss / (double) expected[i] - 1);
      g_test_message ("step %u: loss %.7f, PyTorch's %.7f, relative difference %.1e", i, loss,
                      expected[i], difference);
      g_assert_cmpfloat (difference, <=, 1e-4);
    }
}

/* The same for small-resnet: batch norm, short cuts, strides, Nesterov's momentum, decay. */
static void
test_resnet_losses (void)
{
  const char *given = g_getenv ("KOLINSKY_TORCH_RESNET_DUMP");
  g_autofree char *made = g_build_filename (scratch, "torch-resnet", NULL);
  const char *folder = given ? given : made;
  g_autoptr (GError) error = NULL;

  if (!given && !run_torch (g_getenv ("KOLINSKY_TORCH_RESNET"), NULL, folder))
    return;

  KolDataset like = { .channels = 1, .height = SIDE, .width = SIDE, .classes = 10 };
  gsize pixels = TORCH_BATCH * SIDE * SIDE;
  g_autofree float *images = read_floats (folder, "images", TORCH_STEPS * pixels);
  g_autofree float *labels = read_integers (folder, "labels", TORCH_STEPS * TORCH_BATCH);
  g_autofree float *expected = read_floats (folder, "losses", TORCH_STEPS);
  g_autoptr (KolRecipe) recipe = kol_recipe_find ("small-resnet", &error);
  g_assert_no_error (error);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolNetworkValues net;
  KolParameter **parameters;

  kol_recipe_network (graph, TORCH_BATCH, TRUE, &like, &net, recipe);
  KolValue *targets[] = { kol_minimize (net.loss, &(KolOptimizer){ .name = "sgd",
                                                                   .rate = 0.005,
                                                                   .momentum = 0.9,
                                                                   .nesterov = TRUE,
                                                                   .weight_decay = 5e-4 }),
                          net.loss };
  guint n = kol_optimizer_get_parameters (targets[0], &parameters);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name
          = g_strdelimit (g_strdup (kol_parameter_get_name (parameters[i])), "/", '.');
      gsize count = (gsize) kol_shape_count (kol_parameter_get_shape (parameters[i]));
      g_autofree float *values = read_floats (folder, name, count);
      kol_parameter_write (parameters[i], values, &error);
      g_assert_no_error (error);
    }
  g_free (parameters);
  for (guint i = 0; i < TORCH_STEPS; i++)
    {
      float loss;
      kol_set (net.x, images + i * pixels);
      kol_set (net.y, labels + i * TORCH_BATCH);
      kol_run_all (graph, targets, G_N_ELEMENTS (targets), &error);
      g_assert_no_error (error);
      kol_read (net.loss, &loss, &error);
      g_assert_no_error (error);
      double difference = fabs (loss / (double) expected[i] - 1);
      g_test_message ("step %u: loss %.7f, PyTorch's %.7f, relative difference %.1e", i, loss,
                      expected[i], difference);
      g_assert_cmpfloat (difference, <=, 1e-4);
    }
}

/* ── Training ────────────────────────────────────────────────────────────────────────────────── */

static void
test_learns (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (300, 10, 1);
  g_autoptr (KolTrainer) trainer = new_trainer (
      kol_recipe_network, pictures,
      &(KolTrainSettings){ .steps = 60, .batch = 20, .optimizer.rate = 1e-3, .validation = 60 });
  Told told = { 0 };

  run (trainer, &told);
  g_test_message ("validation loss %g, then %g; accuracy %g", told.first_line.validation_loss,
                  told.end.validation_loss, told.end.validation_accuracy);
  g_assert_cmpfloat (told.end.validation_loss, <, told.first_line.validation_loss / 2);
  g_assert_cmpfloat (told.end.validation_accuracy, >, 0.5);
}

static void
test_reports (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (230, 10, 2);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .steps = 201, .batch = 20, .validation = 30 });
  Told told = { 0 };

  g_assert_cmpuint (kol_trainer_get_peak_bytes (trainer), >, 4 * SIDE * SIDE * 10);
  run (trainer, &told);
  g_assert_cmpuint (told.lines, ==, 3); /* steps 0, 100, 200 */
  g_assert_cmpuint (told.first_line.step, ==, 0);
  g_assert_cmpuint (told.last_line.step, ==, 200);
  g_assert_true (isfinite (told.last_line.loss));
  g_assert_true (isfinite (told.last_line.validation_loss));
  g_assert_true (isnan (told.last_line.ratio));

  g_assert_cmpuint (told.progress, >=, 3);
  g_assert_cmpuint (told.first_progress.step, ==, 1);
  g_assert_cmpuint (told.last_progress.steps, ==, 201);
  g_assert_cmpfloat (told.last_progress.ratio, >, 0);
  g_assert_cmpfloat (told.last_progress.rate, ==, 1e-4);
  g_assert_cmpfloat (told.last_progress.examples_per_second, >, 0);
  g_assert_true (isnan (told.last_progress.validation_loss));

  g_assert_cmpuint (told.epochs, ==, 20); /* of ten batches each */
  g_assert_cmpfloat (told.last_epoch.epoch, ==, 20);
  g_assert_cmpuint (told.done, ==, 1);
  g_assert_cmpuint (told.end.step, ==, 201);
  g_assert_cmpfloat (told.end.seconds_left, ==, 0);

  g_autoptr (KolDataset) validation = kol_dataset_slice (pictures, 200, 30);
  g_autoptr (KolScore) result = score (trainer, validation);
  g_assert_cmpfloat (result->accuracy, ==, told.end.validation_accuracy);
  g_assert_cmpfloat (result->loss, ==, told.end.validation_loss);

  run (trainer, &told); /* nothing is left to do */
  g_assert_cmpuint (told.lines, ==, 3);
  g_assert_cmpuint (told.done, ==, 2);
}

static void
test_same_seed (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 3);
  Told told[3] = { 0 };

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (KolTrainer) trainer = new_trainer (
          kol_recipe_network, pictures,
          &(KolTrainSettings){ .steps = 12, .batch = 10, .seed = i / 2, .validation = 20 });
      run (trainer, &told[i]);
    }
  g_assert_cmpfloat (told[0].first_line.loss, ==, told[1].first_line.loss);
  g_assert_cmpfloat (told[0].end.validation_loss, ==, told[1].end.validation_loss);
  g_assert_cmpfloat (told[0].end.validation_loss, !=, told[2].end.validation_loss);
}

static void
test_diverges (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 4);
  g_autoptr (KolTrainer) trainer = new_trainer (
      kol_recipe_network, pictures,
      &(KolTrainSettings){ .steps = 50,
                           .batch = 10,
                           .optimizer = { .name = "sgd", .rate = 1e6, .momentum = 0.9 },
                           .validation = 20 });
  g_autoptr (GError) error = NULL;
  Told told = { 0 };

  g_assert_false (kol_trainer_run (trainer, listen, &told, NULL, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  g_test_message ("%s", error->message);
  const char *const nodes[] = { "conv", "relu", "full", "logits", "loss", "gradient" };
  gboolean named = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (nodes); i++)
    named = named || strstr (error->message, nodes[i]);
  g_assert_true (named);
  g_assert_cmpuint (told.done, ==, 0);
}

static void
test_cancel (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 5);
  g_autoptr (KolTrainer) trainer
      = new_trainer (linear_network, pictures,
                     &(KolTrainSettings){ .steps = 1000000, .batch = 10, .validation = 20 });
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Told told = { .cancel = cancellable };

  g_assert_false (kol_trainer_run (trainer, listen, &told, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (kol_graph_get_step (kol_trainer_get_graph (trainer)), ==, 1);
  g_assert_cmpuint (told.done, ==, 0);
}

/* A run that was cancelled and goes on gives the same as one that was not. */
static void
test_goes_on (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 6);
  KolTrainSettings settings = { .steps = 25, .batch = 10, .validation = 20 };
  g_autoptr (KolTrainer) whole = new_trainer (linear_network, pictures, &settings);
  g_autoptr (KolTrainer) halves = new_trainer (linear_network, pictures, &settings);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Told told[2] = { { 0 }, { .cancel = cancellable } };

  run (whole, &told[0]);
  g_assert_false (kol_trainer_run (halves, listen, &told[1], cancellable, &error));
  told[1].cancel = NULL;
  run (halves, &told[1]);
  g_assert_cmpfloat (told[0].end.validation_loss, ==, told[1].end.validation_loss);
}

/* ── Settings ────────────────────────────────────────────────────────────────────────────────── */

static void
assert_refused (KolDataset *pictures, const KolTrainSettings *settings, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolTrainer) trainer
      = kol_trainer_new (device, linear_network, NULL, pictures, NULL, settings, &error);

  g_assert_null (trainer);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}

static void
test_settings (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (100, 10, 7);

  assert_refused (pictures, &(KolTrainSettings){ .optimizer.rate = -1 }, "-1");
  assert_refused (pictures, &(KolTrainSettings){ .optimizer.rate = NAN }, "nan");
  assert_refused (pictures, &(KolTrainSettings){ .optimizer.rate = INFINITY }, "inf");
  assert_refused (pictures, &(KolTrainSettings){ .keep = 1.5 }, "1.5");
  assert_refused (pictures, &(KolTrainSettings){ .keep = -0.5 }, "-0.5");
  assert_refused (pictures, &(KolTrainSettings){ .optimizer.name = "lion" }, "adam");
  assert_refused (pictures, &(KolTrainSettings){ .validation = 100 }, "100");
  assert_refused (pictures, &(KolTrainSettings){ .batch = 91, .validation = 10 }, "at most 90");
  assert_refused (pictures, &(KolTrainSettings){ .batch = G_MAXSIZE, .validation = 10 },
                  "at most 90");
}

static void
fail_network (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
              KolNetworkValues *values, gpointer user_data)
{
  linear_network (graph, batch, training, like, values, user_data);
  values->loss = kol_add (values->output, values->x);
}

static void
test_network_that_fails (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (100, 10, 8);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolTrainer) trainer
      = kol_trainer_new (device, fail_network, NULL, pictures, NULL, NULL, &error);

  g_assert_null (trainer);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
}

/* A budget that a batch of 20 of the digits network fills, and no more. */
static void
test_memory (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (300, 10, 9);
  KolTrainSettings settings = { .steps = 2, .batch = 20, .validation = 40 };
  guint64 unlimited = kol_device_get_budget (device), needed;
  g_autoptr (GError) error = NULL;

  {
    g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, &settings);
    needed = kol_trainer_get_peak_bytes (trainer);
  }
  kol_device_set_budget (device, kol_device_get_memory_used (device) + needed);

  settings.batch = 200;
  g_autoptr (KolTrainer) refused
      = kol_trainer_new (device, kol_recipe_network, digits, pictures, NULL, &settings, &error);
  g_assert_null (refused);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, "a batch of 200 needs "));
  const char *name = kol_device_get_info (device)->name;
  g_assert_nonnull (strstr (error->message, name));

  const char *advice = strstr (error->message, "the largest batch that fits is ");
  g_assert_nonnull (advice);
  settings.batch = g_ascii_strtoull (advice + strlen ("the largest batch that fits is "), NULL, 10);
  g_assert_cmpuint (settings.batch, >=, 20);
  g_assert_cmpuint (settings.batch, <, 200);
  {
    Told told = { 0 };
    g_autoptr (KolTrainer) fits = new_trainer (kol_recipe_network, pictures, &settings);
    run (fits, &told);
    g_assert_cmpuint (told.done, ==, 1);
  }
  settings.batch++;
  g_clear_error (&error);
  g_autoptr (KolTrainer) too_large
      = kol_trainer_new (device, kol_recipe_network, digits, pictures, NULL, &settings, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);

  settings.batch = 1000; /* more than the set has, too: what fits is still the answer */
  g_clear_error (&error);
  g_autoptr (KolTrainer) beyond
      = kol_trainer_new (device, kol_recipe_network, digits, pictures, NULL, &settings, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);

  kol_device_set_budget (device, kol_device_get_memory_used (device) + 1000);
  g_clear_error (&error);
  g_autoptr (KolTrainer) none
      = kol_trainer_new (device, kol_recipe_network, digits, pictures, NULL, &settings, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_assert_nonnull (strstr (error->message, "not even a batch of 1 fits"));
  kol_device_set_budget (device, unlimited);
}

/* ── Scores ──────────────────────────────────────────────────────────────────────────────────── */

static void
test_score_counts_each_once (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (100, 10, 10);
  g_autoptr (KolDataset) others = make_blobs (37, 10, 11); /* 37 = 3 x 12 + 1 */
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .batch = 10, .validation = 12 });
  g_autoptr (KolScore) whole = score (trainer, others);
  double loss = 0, accuracy = 0;
  guint answers = 0;

  g_assert_cmpuint (whole->count, ==, 37);
  g_assert_cmpuint (whole->classes, ==, 10);
  for (guint label = 0; label < 10; label++)
    {
      guint row = 0;
      for (guint answer = 0; answer < 10; answer++)
        row += whole->confusion[label * 10 + answer];
      g_assert_cmpuint (row, ==, label < 7 ? 4 : 3);
      answers += whole->confusion[label * 10 + label];
    }
  g_assert_cmpfloat (whole->accuracy, ==, answers / 37.0);

  for (gsize i = 0; i < 37; i++) /* one at a time: another graph over the same parameters */
    {
      g_autoptr (KolDataset) one = kol_dataset_slice (others, i, 1);
      g_autoptr (KolScore) part = score (trainer, one);
      loss += part->loss / 37;
      accuracy += part->accuracy / 37;
    }
  g_assert_cmpfloat_with_epsilon (whole->loss, loss, 1e-5);
  g_assert_cmpfloat_with_epsilon (whole->accuracy, accuracy, 1e-12);
}

static void
test_score_refuses (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (60, 5, 12);
  g_autoptr (KolDataset) strangers = make_blobs (60, 7, 13);
  g_autoptr (KolDataset) narrow = make_blobs (60, 5, 14);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .batch = 10, .validation = 12 });
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_trainer_score (trainer, strangers, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "label 5"));
  g_clear_error (&error);

  narrow->width = 20;
  g_assert_null (kol_trainer_score (trainer, narrow, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
  g_assert_nonnull (strstr (error->message, "[1, 28, 20]"));
}

/* ── Feeding ─────────────────────────────────────────────────────────────────────────────────── */

static void
test_batch_next (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (20, 5, 19);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolBatches) batches = kol_batches_new (pictures, 4, 0, FALSE, &error);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (4, SIDE * SIDE));
  KolValue *y = kol_placeholder (graph, "y", KOL_SHAPE (4));
  float labels[4], row[4 * SIDE * SIDE];

  g_assert_no_error (error);
  for (guint batch = 0; batch < 2; batch++)
    {
      g_assert_true (kol_batch_next (batches, x, y));
      g_assert_true (kol_read (x, row, &error));
      g_assert_true (kol_read (y, labels, &error));
      for (guint i = 0; i < 4; i++)
        g_assert_cmpfloat (labels[i], ==, (4 * batch + i) % 5);
      for (guint i = 0; i < 4 * SIDE * SIDE; i++)
        g_assert_cmpfloat (row[i], ==, pictures->pixels[batch * 4 * SIDE * SIDE + i] / 255.0f);
    }
}

static void
test_batch_of_another_size (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (20, 5, 20);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolBatches) batches = kol_batches_new (pictures, 4, 0, FALSE, &error);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (5, SIDE * SIDE));
  KolValue *y = kol_placeholder (graph, "y", KOL_SHAPE (5));

  g_assert_no_error (error);
  g_assert_false (kol_batch_next (batches, x, y));
  g_assert_false (kol_run (graph, x, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
  g_assert_nonnull (strstr (error->message, "[5, 784]"));
}

/* A set in the scratch folder whose pixels are missing, which only shows as they are read. */
static KolDataset *
open_broken_set (void)
{
  const guint8 images[16] = { 0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
  const guint8 labels[16] = { 0, 0, 8, 1, 0, 0, 0, 8, 0, 1, 2, 3, 4, 0, 1, 2 };
  g_autofree char *images_path = g_build_filename (scratch, "train-images-idx3-ubyte", NULL);
  g_autofree char *labels_path = g_build_filename (scratch, "train-labels-idx1-ubyte", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (images_path, (const char *) images, 16, &error));
  g_assert_true (g_file_set_contents (labels_path, (const char *) labels, 16, &error));
  KolDataset *pictures = kol_dataset_open_idx (scratch, "train", &error);
  g_assert_no_error (error);
  return pictures;
}

static void
test_batch_of_broken_set (void)
{
  g_autoptr (KolDataset) pictures = open_broken_set ();
  g_autoptr (GError) error = NULL;
  g_autoptr (KolBatches) batches = kol_batches_new (pictures, 4, 0, FALSE, &error);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (4, SIDE * SIDE));
  KolValue *y = kol_placeholder (graph, "y", KOL_SHAPE (4));

  g_assert_no_error (error);
  g_assert_false (kol_batch_next (batches, x, y));
  g_assert_false (kol_run (graph, x, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "truncated"));
}

static void
test_broken_set (void)
{
  g_autoptr (KolDataset) pictures = open_broken_set ();
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .batch = 2, .steps = 3, .validation = 2 });
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) score_error = NULL;

  g_assert_false (kol_trainer_run (trainer, NULL, NULL, NULL, &error));
  g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED);
  g_assert_null (kol_trainer_score (trainer, pictures, &score_error));
  g_assert_error (score_error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED);
}

static void
add_tests (void)
{
  g_test_add_func ("/feed/next", test_batch_next);
  g_test_add_func ("/feed/another-size", test_batch_of_another_size);
  g_test_add_func ("/feed/broken-set", test_batch_of_broken_set);
  g_test_add_func ("/trainer/broken-set", test_broken_set);
  g_test_add_func ("/digits/first-losses", test_first_losses);
  g_test_add_func ("/small-resnet/first-losses", test_resnet_losses);
  g_test_add_func ("/trainer/learns", test_learns);
  g_test_add_func ("/trainer/reports", test_reports);
  g_test_add_func ("/trainer/same-seed", test_same_seed);
  g_test_add_func ("/trainer/diverges", test_diverges);
  g_test_add_func ("/trainer/cancel", test_cancel);
  g_test_add_func ("/trainer/goes-on", test_goes_on);
  g_test_add_func ("/trainer/settings", test_settings);
  g_test_add_func ("/trainer/network-that-fails", test_network_that_fails);
  g_test_add_func ("/trainer/memory", test_memory);
  g_test_add_func ("/trainer/score/each-once", test_score_counts_each_once);
  g_test_add_func ("/trainer/score/refuses", test_score_refuses);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
