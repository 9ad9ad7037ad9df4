/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Runs in their folders: what is logged, what survives, and that going on changes nothing. */

#include "common.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/metrics.h"

static char *
folder_of (const char *name)
{
  return g_build_filename (scratch, name, NULL);
}

static void
record (KolTrainer *trainer, const char *folder)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_record (trainer, folder, NULL, &error);
  g_assert_no_error (error);
}

static void
resume (KolTrainer *trainer, const char *folder, guint64 step)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_resume (trainer, folder, step, &error);
  g_assert_no_error (error);
}

static void
save (KolTrainer *trainer)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_save (trainer, &error);
  g_assert_no_error (error);
}

static KolMetricsTable *
load_metrics (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "metrics.csv", NULL);
  g_autoptr (GError) error = NULL;
  KolMetricsTable *table = kol_metrics_load (path, &error);

  g_assert_no_error (error);
  return table;
}

/* The same numbers to the last digit, and the same cells empty; but for what a clock gives. */
static void
assert_same_metrics (const char *one, const char *other)
{
  g_autoptr (KolMetricsTable) a = load_metrics (one);
  g_autoptr (KolMetricsTable) b = load_metrics (other);
  static const char *const clock[] = { "seconds", "examples_per_second", "loader_wait", NULL };

  g_assert_cmpuint (a->columns, ==, b->columns);
  g_assert_cmpuint (a->rows, ==, b->rows);
  for (guint c = 0; c < a->columns; c++)
    {
      g_assert_cmpstr (a->names[c], ==, b->names[c]);
      if (g_strv_contains (clock, a->names[c]))
        continue;
      for (gsize i = 0; i < a->rows; i++)
        if (!(isnan (a->values[c][i]) && isnan (b->values[c][i])))
          g_assert_cmpfloat (a->values[c][i], ==, b->values[c][i]);
    }
}

/* ── What a run leaves ───────────────────────────────────────────────────────────────────────── */

static void
test_folder (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 1);
  KolTrainSettings settings = { .steps = 30,
                                .batch = 10,
                                .optimizer.rate = 1e-3,
                                .validation = 20,
                                .log_every = 5,
                                .checkpoints = 2 };
  g_autoptr (KolTrainer) trainer = new_trainer (linear_network, pictures, &settings);
  g_autofree char *folder = folder_of ("folder");
  g_autoptr (GError) error = NULL;
  Told told = { 0 };
  int process;

  g_assert_false (kol_run_is_in_use (folder, &process));
  record (trainer, folder);
  g_assert_true (kol_run_is_in_use (folder, &process));
  g_assert_cmpint (process, ==, getpid ());
  run (trainer, &told);
  g_assert_cmpuint (told.saved, ==, 3); /* an epoch is ten steps */
  g_assert_cmpuint (told.last_saved, ==, 30);

  g_autofree char *ini_path = g_build_filename (folder, "run.ini", NULL);
  g_autoptr (GKeyFile) ini = g_key_file_new ();
  g_key_file_load_from_file (ini, ini_path, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_key_file_get_uint64 (ini, "run", "step", NULL), ==, 30);
  g_assert_cmpfloat (g_key_file_get_double (ini, "settings", "rate", NULL), ==, 1e-3);

  g_autofree char *weights_path
      = g_build_filename (folder, "checkpoints", "step-000000030", "weights.safetensors", NULL);
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (weights_path, &metadata, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (arrays->len, ==, 2); /* the weights, without what Adam remembers */
  g_assert_cmpstr (g_hash_table_lookup (metadata, "format"), ==, "kolinsky");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "optimizer"), ==, "adam");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "step"), ==, "30");

  g_autoptr (KolMetricsTable) table = load_metrics (folder);
  const double *steps = kol_metrics_table_get (table, "step");
  const double *loss = kol_metrics_table_get (table, "loss");
  const double *ratio = kol_metrics_table_get (table, "ratio/w");
  const double *validation = kol_metrics_table_get (table, "validation_loss");
  const double *probe = kol_metrics_table_get (table, "probe_loss");
  g_assert_cmpuint (table->rows, ==, 7);
  g_assert_cmpfloat (steps[0], ==, 1); /* a quick look at the validation set, and no more */
  g_assert_true (isnan (loss[0]) && isnan (ratio[0]) && isnan (validation[0]) && probe[0] > 0);
  for (gsize i = 1; i < table->rows; i++)
    {
      g_assert_cmpfloat (steps[i], ==, 5 * i);
      g_assert_cmpfloat (loss[i], >, 0);
      g_assert_cmpfloat (ratio[i], >, 0);
      g_assert_true (isnan (validation[i]) == (i % 2 == 1));
      g_assert_true (isnan (probe[i]));
    }
  g_clear_pointer (&trainer, kol_trainer_free);
  g_assert_false (kol_run_is_in_use (folder, &process));
}

/* The folder of a recipe's run says all that is needed to ask its network. */
static void
test_evaluator (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 2);
  g_autoptr (KolTrainer) trainer = new_trainer (
      kol_recipe_network, pictures,
      &(KolTrainSettings){ .steps = 12, .batch = 10, .validation = 20, .optimizer.average = 0.9 });
  g_autofree char *folder = folder_of ("evaluator");
  g_autoptr (GError) error = NULL;
  Told told = { 0 };

  record (trainer, folder);
  run (trainer, &told);
  g_autoptr (KolScore) expected = score (trainer, pictures);
  g_autoptr (KolRun) read = kol_run_read (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (read->latest, ==, 12);
  g_assert_cmpuint (read->like->classes, ==, 10);
  g_autoptr (KolEvaluator) evaluator = kol_evaluator_open (device, read, 0, &error);
  g_assert_no_error (error);
  g_autoptr (KolScore) found = kol_evaluator_score (evaluator, pictures, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (found->accuracy, ==, expected->accuracy);
  g_assert_cmpfloat (fabs (found->loss / expected->loss - 1), <, 1e-5);
}

/* ── Going on ────────────────────────────────────────────────────────────────────────────────── */

/* Ends a run as soon as @stop steps are done. */
typedef struct {
  GCancellable *cancellable;
  guint64 stop;
} Stopper;

static void
stop_at (const KolTrainReport *report, gpointer user_data)
{
  Stopper *stopper = user_data;

  if (report->event == KOL_TRAIN_VALIDATION && report->step >= stopper->stop)
    g_cancellable_cancel (stopper->cancellable);
}

/* Trains until step @stop, saves, and is gone. */
static void
train_until (KolDataset *pictures, const KolTrainSettings *settings, const char *folder,
             guint64 stop, gboolean first)
{
  g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, settings);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Stopper stopper = { cancellable, stop };

  if (first)
    record (trainer, folder);
  else
    resume (trainer, folder, 0);
  g_assert_false (kol_trainer_run (trainer, stop_at, &stopper, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (kol_trainer_get_step (trainer), ==, stop);
  save (trainer);
}

#define INTERRUPTIONS 10

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  return *(const int *) a - *(const int *) b;
}

/*
 * A run that is interrupted at ten random steps, in the middle of epochs, with a new
 * trainer each time, logs what an uninterrupted one logs: to the last digit.
 */
static void
check_exact (const char *name, const KolTrainSettings *settings)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 3);
  g_autofree char *whole_name = g_strconcat (name, "-whole", NULL);
  g_autofree char *parts_name = g_strconcat (name, "-parts", NULL);
  g_autofree char *whole = folder_of (whole_name);
  g_autofree char *parts = folder_of (parts_name);
  int stops[INTERRUPTIONS];
  Told told = { 0 };

  {
    g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, settings);
    record (trainer, whole);
    run (trainer, &told);
  }
  for (guint i = 0; i < INTERRUPTIONS; i++)
    {
      gboolean taken;
      do
        {
          stops[i] = g_test_rand_int_range (1, (int) settings->steps);
          taken = FALSE;
          for (guint k = 0; k < i; k++)
            taken = taken || stops[k] == stops[i];
        }
      while (taken);
    }
  qsort (stops, INTERRUPTIONS, sizeof stops[0], compare_numbers);
  for (guint i = 0; i < INTERRUPTIONS; i++)
    train_until (pictures, settings, parts, (guint64) stops[i], i == 0);
  {
    g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, settings);
    Told rest = { 0 };
    resume (trainer, parts, 0);
    run (trainer, &rest);
    g_assert_cmpuint (rest.notes, ==, 0); /* nothing is in the way of exactness */
    g_assert_cmpfloat (rest.end.validation_loss, ==, told.end.validation_loss);
  }
  assert_same_metrics (whole, parts);
}

/* Every step is validated, so that a run can be ended at any. */
static void
test_exact_adam (void)
{
  check_exact ("adam", &(KolTrainSettings){ .steps = 36,
                                            .batch = 10,
                                            .optimizer = { .rate = 1e-3, .average = 0.9 },
                                            .schedule = { .name = "cosine", .warmup = 5 },
                                            .augment = { .flip = TRUE, .shift = 2 },
                                            .validation = 20,
                                            .validate_every = 1,
                                            .log_every = 1 });
}

static void
test_exact_sgd (void)
{
  check_exact ("sgd", &(KolTrainSettings){ .steps = 24,
                                           .batch = 12,
                                           .optimizer = { .name = "sgd",
                                                          .rate = 1e-3,
                                                          .momentum = 0.9,
                                                          .nesterov = TRUE,
                                                          .weight_decay = 1e-3,
                                                          .clip_norm = 1,
                                                          .micro_batches = 3 },
                                           .plateau = 2,
                                           .validation = 20,
                                           .validate_every = 1,
                                           .log_every = 1 });
}

/* From an older checkpoint: what was beyond it is forgotten, and computed again. */
static void
test_from_older (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 4);
  KolTrainSettings settings
      = { .steps = 30, .batch = 10, .validation = 20, .log_every = 1, .checkpoints = 5 };
  g_autofree char *folder = folder_of ("older");
  g_autofree char *copy = folder_of ("older-copy");
  Told told[2] = { 0 };

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (KolTrainer) trainer = new_trainer (linear_network, pictures, &settings);
      record (trainer, i ? copy : folder);
      run (trainer, &told[0]);
    }
  g_autoptr (KolTrainer) trainer = new_trainer (linear_network, pictures, &settings);
  resume (trainer, folder, 10);
  g_assert_cmpuint (kol_trainer_get_step (trainer), ==, 10);
  run (trainer, &told[1]);
  assert_same_metrics (folder, copy);
}

/* The log of a version that kept no quick looks. */
static void
strip_log (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "metrics.csv", NULL), *text = NULL;
  g_autoptr (GString) older = g_string_new (NULL);

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (char **line = lines; *line; line++)
    {
      g_auto (GStrv) cells = g_strsplit (*line, ",", -1);

      if (line == lines)
        g_assert_cmpstr (cells[7], ==, "probe_loss");
      if (line > lines && !*cells[3] && !*cells[5]) /* there was no row */
        continue;
      for (guint i = 0; cells[i]; i++)
        if (i != 7 && i != 8)
          g_string_append_printf (older, "%s%s", i ? "," : "", cells[i]);
      g_string_append_c (older, '\n');
    }
  g_assert_true (g_file_set_contents (path, older->str, -1, NULL));
}

/* Such a run is read and gone on with; what it has logged stays, the new columns begin. */
static void
test_older_log (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 4);
  KolTrainSettings settings = { .steps = 205, .batch = 10, .validation = 20, .log_every = 10 };
  g_autofree char *folder = folder_of ("older-log");
  Told told = { 0 };

  train_until (pictures, &settings, folder, 110, TRUE);
  g_autoptr (KolMetricsTable) before = load_metrics (folder);
  strip_log (folder);
  g_autoptr (KolMetricsTable) older = load_metrics (folder);
  g_assert_cmpuint (older->columns, ==, before->columns - 2);
  g_assert_cmpuint (older->rows, ==, before->rows - 2);
  {
    g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, &settings);
    resume (trainer, folder, 0);
    run (trainer, &told);
  }
  g_autoptr (KolMetricsTable) after = load_metrics (folder);
  const double *steps = kol_metrics_table_get (after, "step");
  const double *probe = kol_metrics_table_get (after, "probe_loss");
  g_assert_cmpuint (after->columns, ==, before->columns);
  for (gsize i = 0; i < older->rows; i++)
    {
      g_assert_cmpfloat (steps[i], ==, older->values[0][i]);
      g_assert_cmpmem (&kol_metrics_table_get (after, "loss")[i], sizeof (double),
                       &kol_metrics_table_get (older, "loss")[i], sizeof (double));
    }
  for (gsize i = 0; i < after->rows; i++)
    g_assert_true (isnan (probe[i]) == (steps[i] != 201));
}

static void
test_early_stop (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 5);
  g_autoptr (KolTrainer) trainer
      = new_trainer (linear_network, pictures,
                     &(KolTrainSettings){ .steps = 5000,
                                          .batch = 10,
                                          .optimizer = { .name = "sgd", .rate = 0.5 },
                                          .validation = 20,
                                          .early_stop = 3 });
  g_autofree char *folder = folder_of ("early");
  g_autoptr (GError) error = NULL;
  Told told = { 0 };

  record (trainer, folder);
  run (trainer, &told);
  g_autoptr (KolMetricsTable) table = load_metrics (folder);
  const double *steps = kol_metrics_table_get (table, "step");
  g_assert_cmpuint (told.notes, >, 0);
  g_assert_cmpuint (told.end.step, <, 5000);
  g_assert_cmpfloat (steps[table->rows - 1] - told.end.step, ==, 30); /* three epochs later */
  g_autofree char *path
      = g_strdup_printf ("%s/checkpoints/step-%09u", folder, (guint) told.end.step);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_DIR));
}

/* ── What goes wrong ─────────────────────────────────────────────────────────────────────────── */

static void
assert_resume_refused (KolTrainer *trainer, const char *folder, guint64 step,
                       const char *const *parts)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_trainer_resume (trainer, folder, step, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  for (; *parts; parts++)
    g_assert_nonnull (strstr (error->message, *parts));
}

static void
damage (const char *folder, const char *checkpoint, const char *name, gboolean truncate)
{
  g_autofree char *path = g_build_filename (folder, "checkpoints", checkpoint, name, NULL);
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &contents, &size, &error));
  contents[size / 2] ^= 1;
  g_assert_true (
      g_file_set_contents (path, contents, (gssize) (truncate ? size / 2 : size), &error));
}

static void
test_damaged (void)
{
  static const char *const files[]
      = { "weights.safetensors", "state.safetensors", "checkpoint.ini" };
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 6);
  KolTrainSettings settings = { .steps = 30, .batch = 10, .validation = 20 };
  g_autofree char *folder = folder_of ("damaged");

  for (guint i = 0; i < 2 * G_N_ELEMENTS (files); i++)
    {
      Told told = { 0 };
      {
        g_autoptr (KolTrainer) trainer = new_trainer (linear_network, pictures, &settings);
        record (trainer, folder);
        run (trainer, &told);
      }
      gboolean truncate = i % 2 == 0;
      if (!truncate && i / 2 == 2)
        continue; /* a bit of checkpoint.ini may be one of a time or name */
      damage (folder, "step-000000030", files[i / 2], truncate);
      g_autoptr (KolTrainer) trainer = new_trainer (linear_network, pictures, &settings);
      const char *parts[] = { "step-000000030", "damaged", "--from 20", NULL };
      assert_resume_refused (trainer, folder, 0, parts);
      resume (trainer, folder, 20);
      run (trainer, &told);
      g_assert_cmpuint (told.end.step, ==, 30);
    }
}

static void
test_refused (void)
{
  g_autoptr (KolDataset) five = make_blobs (60, 5, 7);
  g_autoptr (KolDataset) seven = make_blobs (60, 7, 8);
  KolTrainSettings settings = { .batch = 10, .steps = 4, .validation = 12 };
  KolTrainSettings sgd = settings;
  g_autoptr (KolTrainer) saved = new_trainer (linear_network, five, &settings);
  g_autoptr (KolTrainer) other = new_trainer (linear_network, seven, &settings);
  g_autoptr (KolTrainer) again = new_trainer (linear_network, five, &settings);
  g_autofree char *folder = folder_of ("five");
  g_autofree char *nowhere = folder_of ("none");
  Told told = { 0 };

  sgd.optimizer.name = "sgd";
  sgd.optimizer.momentum = 0.9;
  g_autoptr (KolTrainer) descends = new_trainer (linear_network, five, &sgd);
  record (saved, folder);
  run (saved, &told);
  const char *busy[] = { "in use by process", NULL };
  assert_resume_refused (again, folder, 0, busy);
  g_clear_pointer (&saved, kol_trainer_free);
  const char *shapes[] = { "parameter w", "[784, 7]", "[784, 5]", NULL };
  assert_resume_refused (other, folder, 0, shapes);
  const char *moments[] = { "sgd/", NULL };
  assert_resume_refused (descends, folder, 0, moments);
  const char *absent[] = { "step-000000003", NULL };
  assert_resume_refused (again, folder, 3, absent);
  g_assert_cmpint (g_mkdir (nowhere, 0777), ==, 0);
  const char *none[] = { "no checkpoint", NULL };
  assert_resume_refused (again, nowhere, 0, none);
}

static void
test_no_folder (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (60, 5, 9);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures, &(KolTrainSettings){ .batch = 10, .validation = 12 });
  g_autofree char *file = folder_of ("file");
  g_autofree char *below = g_build_filename (file, "run", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (file, "", 0, &error);
  g_assert_no_error (error);
  g_assert_false (kol_trainer_record (trainer, below, NULL, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
  g_assert_nonnull (strstr (error->message, below));
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────── */

/*
 * What the process holds in memory, in pages; 0 where that cannot be known, or says
 * nothing, because the address sanitizer keeps what was freed.
 */
static long
resident_pages (void)
{
#ifdef __SANITIZE_ADDRESS__
  return 0;
#endif
  g_autofree char *text = NULL;
  long size = 0, resident = 0;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      || sscanf (text, "%ld %ld", &size, &resident) != 2)
    return 0;
  return resident;
}

/* Memory after 500 steps, and the most that there was after that. */
typedef struct {
  long early, most;
  guint64 device_early, device_most;
} Growth;

static void
watch_growth (const KolTrainReport *report, gpointer user_data)
{
  Growth *growth = user_data;
  long pages = resident_pages ();
  guint64 used = kol_device_get_memory_used (device);

  if (report->step <= 500)
    {
      growth->early = MAX (growth->early, pages);
      growth->device_early = MAX (growth->device_early, used);
    }
  growth->most = MAX (growth->most, pages);
  growth->device_most = MAX (growth->device_most, used);
}

/* All that goes on as long as a run goes on: batches, rows, events, validation, checkpoints. */
static void
test_growth (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (520, 10, 10);
  g_autoptr (KolTrainer) trainer
      = new_trainer (linear_network, pictures,
                     &(KolTrainSettings){ .steps = 2000,
                                          .batch = 10,
                                          .optimizer = { .rate = 1e-3, .average = 0.99 },
                                          .augment = { .shift = 1 },
                                          .validation = 20 });
  g_autofree char *folder = folder_of ("growth");
  g_autoptr (GError) error = NULL;
  Growth growth = { 0 };

  record (trainer, folder);
  kol_trainer_run (trainer, watch_growth, &growth, NULL, &error);
  g_assert_no_error (error);
  g_test_message (
      "%ld pages after 500 steps, at most %ld after 2,000; on the device %" G_GUINT64_FORMAT
      " and %" G_GUINT64_FORMAT " bytes",
      growth.early, growth.most, growth.device_early, growth.device_most);
  g_assert_cmpuint (growth.device_most, ==, growth.device_early);
  if (!growth.early)
    g_test_skip ("what the process holds in memory cannot be told here");
  else
    g_assert_cmpint (growth.most - growth.early, <, 512); /* 2 MiB: what an allocator keeps */
}

static void
add_tests (void)
{
  g_test_add_func ("/runs/folder", test_folder);
  g_test_add_func ("/runs/evaluator", test_evaluator);
  g_test_add_func ("/runs/exact/adam", test_exact_adam);
  g_test_add_func ("/runs/exact/sgd", test_exact_sgd);
  g_test_add_func ("/runs/from-older", test_from_older);
  g_test_add_func ("/runs/older-log", test_older_log);
  g_test_add_func ("/runs/early-stop", test_early_stop);
  g_test_add_func ("/runs/damaged", test_damaged);
  g_test_add_func ("/runs/refused", test_refused);
  g_test_add_func ("/runs/no-folder", test_no_folder);
  g_test_add_func ("/runs/growth", test_growth);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
