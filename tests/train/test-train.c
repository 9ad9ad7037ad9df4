/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The digits network against PyTorch, and the trainer, on the device that KOLINSKY_DEVICE names. */

#include "kolinsky.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static KolDevice *device;
static char *scratch; /* a folder for files; emptied at the end */

/* ── Pictures ────────────────────────────────────────────────────────────────────────────────── */

#define SIDE 28

/* A class is the place of a blob on a circle; every pixel is noisy. */
static void
draw_blob (guint8 *pixels, guint class, guint classes, GRand *random)
{
  double angle = 2 * G_PI * class / classes;
  double x = SIDE / 2.0 + 8 * cos (angle) + g_rand_double_range (random, -1, 1);
  double y = SIDE / 2.0 + 8 * sin (angle) + g_rand_double_range (random, -1, 1);

  for (guint row = 0; row < SIDE; row++)
    for (guint column = 0; column < SIDE; column++)
      {
        double distance = hypot (column - x, row - y);
        double value = 200 * exp (-distance * distance / 8) + g_rand_double_range (random, 0, 55);
        *pixels++ = (guint8) value;
      }
}

static KolDataset *
make_blobs (gsize count, guint classes, guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  KolDataset *pictures = g_new0 (KolDataset, 1);

  g_atomic_ref_count_init (&pictures->references);
  pictures->count = count;
  pictures->channels = 1;
  pictures->height = pictures->width = SIDE;
  pictures->classes = classes;
  pictures->pixels = g_new (guint8, count * SIDE * SIDE);
  pictures->labels = g_new (guint32, count);
  pictures->name = g_strdup ("set of blobs");
  pictures->path = g_strdup ("nowhere");
  for (gsize i = 0; i < count; i++)
    {
      pictures->labels[i] = i % classes;
      draw_blob (pictures->pixels + i * SIDE * SIDE, i % classes, classes, random);
    }
  return pictures;
}

/* ── A network that is quick to train ────────────────────────────────────────────────────────── */

static void
linear_network (KolGraph *graph, gsize batch, const KolDataset *like, KolClassifier *classifier)
{
  gint64 pixels = like->channels * like->height * like->width;
  KolValue *x
      = kol_placeholder (graph, "x", KOL_SHAPE (batch, like->channels, like->height, like->width));
  KolValue *labels = kol_placeholder (graph, "y", KOL_SHAPE (batch));
  KolValue *keep = kol_placeholder (graph, "keep_prob", KOL_SCALAR);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (pixels, like->classes), KOL_GLOROT);
  KolValue *b = kol_parameter (graph, "b", KOL_SHAPE (like->classes), KOL_CONSTANT (0));
  KolValue *kept = kol_dropout (kol_reshape (x, KOL_SHAPE (-1, pixels)), keep);
  KolValue *logits = kol_named (kol_add (kol_matmul (kept, w), b), "logits");

  *classifier = (KolClassifier){
    .x = x,
    .labels = labels,
    .keep = keep,
    .logits = logits,
    .loss = kol_named (kol_mean (kol_softmax_cross_entropy (logits, labels)), "loss"),
    .accuracy = kol_mean (kol_equal (kol_argmax (logits, 1), labels)),
  };
}

static KolTrainer *
new_trainer (KolNetwork network, KolDataset *pictures, const KolTrainSettings *settings)
{
  g_autoptr (GError) error = NULL;
  KolTrainer *trainer = kol_trainer_new (device, network, pictures, settings, &error);

  g_assert_no_error (error);
  return trainer;
}

/* What a run has told. */
typedef struct {
  guint progress, lines, epochs, done;
  KolTrainReport first_progress, last_progress;
  KolTrainReport first_line, last_line;
  KolTrainReport last_epoch;
  KolTrainReport end;
  GCancellable *cancel; /* what to cancel at the first report, or NULL */
} Told;

static void
listen (const KolTrainReport *report, gpointer user_data)
{
  Told *told = user_data;

  switch (report->event)
    {
    case KOL_TRAIN_PROGRESS:
      if (told->progress++ == 0)
        told->first_progress = *report;
      told->last_progress = *report;
      if (told->cancel)
        g_cancellable_cancel (told->cancel);
      break;
    case KOL_TRAIN_LINES:
      if (told->lines++ == 0)
        told->first_line = *report;
      told->last_line = *report;
      break;
    case KOL_TRAIN_EPOCH:
      told->epochs++;
      told->last_epoch = *report;
      break;
    case KOL_TRAIN_DONE:
      told->done++;
      told->end = *report;
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
run (KolTrainer *trainer, Told *told)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_run (trainer, listen, told, NULL, &error);
  g_assert_no_error (error);
}

static KolScore *
score (KolTrainer *trainer, KolDataset *pictures)
{
  g_autoptr (GError) error = NULL;
  KolScore *result = kol_trainer_score (trainer, pictures, &error);

  g_assert_no_error (error);
  return result;
}

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

/* Whether the reference program wrote its numbers into @folder; if not, the test is skipped. */
static gboolean
run_torch (const char *folder)
{
  const char *program = g_getenv ("KOLINSKY_TORCH_PROGRAM");
  const char *python = g_getenv ("KOLINSKY_TORCH_PYTHON");
  g_autoptr (GError) error = NULL;
  int status;

  if (!program || !g_file_test (program, G_FILE_TEST_IS_REGULAR))
    {
      g_test_skip ("the reference program torch_digits.py is not here");
      return FALSE;
    }
  const char *probe[] = { python ? python : "python3", "-c", "import numpy, torch", NULL };
  if (!g_spawn_sync (NULL, (char **) probe, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, &status, NULL)
      || status != 0)
    {
      g_test_skip ("Python has no torch; install python3-torch or set KOLINSKY_TORCH_PYTHON");
      return FALSE;
    }
  const char *dump[] = { probe[0], program, "--dump", folder, NULL };
  g_spawn_sync (NULL, (char **) dump, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  return TRUE;
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

  if (!given && !run_torch (folder))
    return;

  KolDataset like = { .channels = 1, .height = SIDE, .width = SIDE, .classes = 10 };
  gsize pixels = TORCH_BATCH * SIDE * SIDE;
  g_autofree float *images = read_floats (folder, "images", TORCH_STEPS * pixels);
  g_autofree float *labels = read_integers (folder, "labels", TORCH_STEPS * TORCH_BATCH);
  g_autofree float *expected = read_floats (folder, "losses", TORCH_STEPS);
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolClassifier net;

  kol_digits_network (graph, TORCH_BATCH, &like, &net);
  KolValue *targets[] = { kol_adam (net.loss, &(KolAdam){ .rate = 1e-4 }), net.loss };
  take_weights (kol_graph_get_parameters (graph), folder);
  kol_set_scalar (net.keep, 1);
  for (guint i = 0; i < TORCH_STEPS; i++)
    {
      float loss;
      kol_set (net.x, images + i * pixels);
      kol_set (net.labels, labels + i * TORCH_BATCH);
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
      kol_digits_network, pictures,
      &(KolTrainSettings){ .steps = 60, .batch = 20, .rate = 1e-3, .validation = 60 });
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
          kol_digits_network, pictures,
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
      kol_digits_network, pictures,
      &(KolTrainSettings){
          .steps = 50, .batch = 10, .rate = 1e6, .optimizer = "sgd", .validation = 20 });
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
      = kol_trainer_new (device, linear_network, pictures, settings, &error);

  g_assert_null (trainer);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}

static void
test_settings (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (100, 10, 7);

  assert_refused (pictures, &(KolTrainSettings){ .rate = -1 }, "-1");
  assert_refused (pictures, &(KolTrainSettings){ .rate = NAN }, "nan");
  assert_refused (pictures, &(KolTrainSettings){ .rate = INFINITY }, "inf");
  assert_refused (pictures, &(KolTrainSettings){ .keep = 1.5 }, "1.5");
  assert_refused (pictures, &(KolTrainSettings){ .keep = -0.5 }, "-0.5");
  assert_refused (pictures, &(KolTrainSettings){ .optimizer = "lion" }, "adam, sgd");
  assert_refused (pictures, &(KolTrainSettings){ .validation = 100 }, "100");
  assert_refused (pictures, &(KolTrainSettings){ .batch = 91, .validation = 10 }, "at most 90");
  assert_refused (pictures, &(KolTrainSettings){ .batch = G_MAXSIZE, .validation = 10 },
                  "at most 90");
}

static void
fail_network (KolGraph *graph, gsize batch, const KolDataset *like, KolClassifier *classifier)
{
  linear_network (graph, batch, like, classifier);
  classifier->loss = kol_add (classifier->logits, classifier->x);
}

static void
test_network_that_fails (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (100, 10, 8);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolTrainer) trainer = kol_trainer_new (device, fail_network, pictures, NULL, &error);

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
    g_autoptr (KolTrainer) trainer = new_trainer (kol_digits_network, pictures, &settings);
    needed = kol_trainer_get_peak_bytes (trainer);
  }
  kol_device_set_budget (device, kol_device_get_memory_used (device) + needed);

  settings.batch = 200;
  g_autoptr (KolTrainer) refused
      = kol_trainer_new (device, kol_digits_network, pictures, &settings, &error);
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
    g_autoptr (KolTrainer) fits = new_trainer (kol_digits_network, pictures, &settings);
    run (fits, &told);
    g_assert_cmpuint (told.done, ==, 1);
  }
  settings.batch++;
  g_clear_error (&error);
  g_autoptr (KolTrainer) too_large
      = kol_trainer_new (device, kol_digits_network, pictures, &settings, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);

  settings.batch = 1000; /* more than the set has, too: what fits is still the answer */
  g_clear_error (&error);
  g_autoptr (KolTrainer) beyond
      = kol_trainer_new (device, kol_digits_network, pictures, &settings, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);

  kol_device_set_budget (device, kol_device_get_memory_used (device) + 1000);
  g_clear_error (&error);
  g_autoptr (KolTrainer) none
      = kol_trainer_new (device, kol_digits_network, pictures, &settings, &error);
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

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

static void
test_save_and_load (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 15);
  KolTrainSettings settings = { .steps = 30, .batch = 10, .rate = 1e-3, .validation = 20 };
  g_autoptr (KolTrainer) trained = new_trainer (linear_network, pictures, &settings);
  g_autoptr (KolTrainer) fresh = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .seed = 99, .batch = 10, .validation = 20 });
  g_autofree char *folder = g_build_filename (scratch, "runs", "first", NULL);
  g_autoptr (GError) error = NULL;
  Told told = { 0 };

  run (trained, &told);
  kol_trainer_save (trained, folder, &error);
  g_assert_no_error (error);
  g_autoptr (KolScore) expected = score (trained, pictures);
  g_autoptr (KolScore) before = score (fresh, pictures);
  kol_trainer_load (fresh, folder, &error);
  g_assert_no_error (error);
  g_autoptr (KolScore) after = score (fresh, pictures);
  g_assert_cmpfloat (before->loss, !=, expected->loss);
  g_assert_cmpfloat (after->loss, ==, expected->loss);
  g_assert_cmpfloat (after->accuracy, ==, expected->accuracy);

  g_autoptr (GKeyFile) ini = g_key_file_new ();
  g_autofree char *path = g_build_filename (folder, "run.ini", NULL);
  g_key_file_load_from_file (ini, path, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_key_file_get_uint64 (ini, "run", "step", NULL), ==, 30);
  g_assert_cmpfloat (g_key_file_get_double (ini, "settings", "rate", NULL), ==, 1e-3);
  g_assert_cmpfloat (g_key_file_get_double (ini, "run", "validation-accuracy", NULL), ==,
                     told.end.validation_accuracy);

  g_autofree char *weights_path = g_build_filename (folder, "weights.safetensors", NULL);
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (weights_path, &metadata, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (arrays->len, ==, 2); /* the weights, without what Adam remembers */
  g_assert_cmpstr (g_hash_table_lookup (metadata, "format"), ==, "kolinsky");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "optimizer"), ==, "adam");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "step"), ==, "30");
}

static void
assert_load_refused (KolTrainer *trainer, KolDataset *pictures, const char *folder, GQuark domain,
                     int code, const char *const *parts)
{
  g_autoptr (KolScore) before = score (trainer, pictures);
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_trainer_load (trainer, folder, &error));
  g_assert_error (error, domain, code);
  g_test_message ("%s", error->message);
  for (; *parts; parts++)
    g_assert_nonnull (strstr (error->message, *parts));
  g_autoptr (KolScore) after = score (trainer, pictures);
  g_assert_cmpfloat (before->loss, ==, after->loss);
}

static void
test_load_refuses (void)
{
  g_autoptr (KolDataset) five = make_blobs (60, 5, 16);
  g_autoptr (KolDataset) seven = make_blobs (60, 7, 17);
  KolTrainSettings settings = { .batch = 10, .validation = 12 };
  g_autoptr (KolTrainer) saved = new_trainer (linear_network, five, &settings);
  g_autoptr (KolTrainer) other = new_trainer (linear_network, seven, &settings);
  g_autoptr (KolTrainer) digits = new_trainer (kol_digits_network, five, &settings);
  g_autofree char *folder = g_build_filename (scratch, "runs", "five", NULL);
  g_autofree char *nowhere = g_build_filename (scratch, "runs", "none", NULL);
  g_autofree char *file = g_build_filename (folder, "weights.safetensors", NULL);
  g_autoptr (GError) error = NULL;

  kol_trainer_save (saved, folder, &error);
  g_assert_no_error (error);
  const char *shapes[] = { "Parameter w", "[784, 7]", "[784, 5]", file, NULL };
  assert_load_refused (other, seven, folder, KOL_ERROR, KOL_ERROR_SHAPE, shapes);
  const char *missing[] = { "w_conv1", "[32, 1, 5, 5]", file, NULL };
  assert_load_refused (digits, five, folder, KOL_ERROR, KOL_ERROR_DATA, missing);
  const char *absent[] = { nowhere, NULL };
  assert_load_refused (other, seven, nowhere, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, absent);
}

static void
test_save_refuses (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (60, 5, 18);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .batch = 10, .validation = 12 });
  g_autofree char *file = g_build_filename (scratch, "file", NULL);
  g_autofree char *below = g_build_filename (file, "run", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (file, "", 0, &error);
  g_assert_no_error (error);
  g_assert_false (kol_trainer_save (trainer, below, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
  g_assert_nonnull (strstr (error->message, below));
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

/* ── The program ─────────────────────────────────────────────────────────────────────────────── */

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *inside = g_build_filename (path, name, NULL);
      remove_all (inside);
    }
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  scratch = device ? g_dir_make_tmp ("kol-train-XXXXXX", &error) : NULL;
  if (!scratch)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  g_test_add_func ("/feed/next", test_batch_next);
  g_test_add_func ("/feed/another-size", test_batch_of_another_size);
  g_test_add_func ("/feed/broken-set", test_batch_of_broken_set);
  g_test_add_func ("/trainer/broken-set", test_broken_set);
  g_test_add_func ("/digits/first-losses", test_first_losses);
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
  g_test_add_func ("/trainer/save-and-load", test_save_and_load);
  g_test_add_func ("/trainer/save-refuses", test_save_refuses);
  g_test_add_func ("/trainer/load-refuses", test_load_refuses);
  int status = g_test_run ();
  kol_device_unref (device);
  remove_all (scratch);
  g_free (scratch);
  return status;
}
