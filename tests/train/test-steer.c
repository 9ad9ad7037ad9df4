/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A trainer that is steered: taken a few steps at a time, looked at, sent back. */

#include <math.h>
#include <string.h>

#include "steered.h"

/* ── A few steps at a time ───────────────────────────────────────────────────────────────────── */

static void
test_pieces (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 1);
  g_autoptr (KolTrainer) whole = new_trainer (linear_network, pictures, &rich);
  g_autoptr (KolTrainer) parts = new_trainer (linear_network, pictures, &rich);
  g_autofree char *whole_folder = folder_of ("whole");
  g_autofree char *parts_folder = folder_of ("parts");
  Told told[2] = { 0 };
  guint64 steps = 0;

  record (whole, whole_folder);
  record (parts, parts_folder);
  run (whole, &told[0]);

  begin (parts, &told[1]);
  for (guint i = 0; !advance (parts, i % 4, i % 4 ? 0 : 1e-9); i++)
    {
      guint64 done = kol_trainer_get_step (parts);
      if (i % 4)
        g_assert_cmpuint (done - steps, ==, i % 4);
      else /* one, or a batch of a validation, however short the time */
        g_assert_cmpuint (done - steps, <=, 1);
      steps = done;
      if (i == 5) /* ends, and begins again there */
        {
          end (parts);
          begin (parts, &told[1]);
        }
    }
  end (parts);
  g_assert_true (are_same (whole, parts));
  g_assert_cmpuint (told[1].done, ==, 1);
  g_assert_cmpuint (told[0].epochs, ==, told[1].epochs);
  g_assert_cmpuint (told[0].saved, ==, told[1].saved);
  g_assert_cmpfloat (told[0].end.validation_loss, ==, told[1].end.validation_loss);
  assert_same_rows (whole_folder, parts_folder);
}

/* A validation is a batch at a time; what needs the step whole does the rest of it at once. */
static void
test_validation_in_pieces (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (1000, 10, 16);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures,
      &(KolTrainSettings){ .steps = 6, .batch = 10, .validation = 900, .validate_every = 2 });
  Told told = { 0 };
  guint calls = 0;

  begin (trainer, &told);
  advance (trainer, 1, 0);
  for (; told.epochs == 0; calls++)
    advance (trainer, 0, 1e-9);
  g_assert_cmpuint (calls, ==, 1 + 4 + 1); /* the step, four batches of at most 250, the rest */
  g_assert_cmpuint (kol_trainer_get_step (trainer), ==, 2);
  double whole = told.last_epoch.validation_loss;
  g_autoptr (KolScore) again = NULL;
  {
    g_autoptr (KolDataset) validation = kol_dataset_slice (pictures, 100, 900);
    again = score (trainer, validation);
  }
  g_assert_cmpfloat (whole, ==, again->loss);

  while (kol_trainer_get_step (trainer) < 4)
    advance (trainer, 0, 1e-9);
  g_assert_cmpuint (told.epochs, ==, 1);
  g_autoptr (KolTrainState) state = capture (trainer);
  g_assert_cmpuint (told.epochs, ==, 2);
  g_assert_cmpuint (told.last_epoch.step, ==, 4);
  while (kol_trainer_get_step (trainer) < 6)
    advance (trainer, 0, 1e-9);
  rewind_to (trainer, state); /* what was left to do is of another future */
  while (!advance (trainer, 0, 1e-9))
    ;
  g_assert_cmpuint (told.epochs, ==, 3);
  end (trainer);
}

/* A run that is ended in the middle of validations, and begun again or resumed, is as one in one.
 */
static void
test_ended_while_validating (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (1000, 10, 17);
  const KolTrainSettings settings = { .steps = 8,
                                      .batch = 10,
                                      .plateau = 1,
                                      .validation = 900,
                                      .log_every = 2,
                                      .validate_every = 2,
                                      .histogram_every = 2, /* the gradients', too */
                                      .checkpoint_every = 4 };
  g_autofree char *whole_folder = folder_of ("validated-whole");
  g_autofree char *parts_folder = folder_of ("validated-parts");
  Told told = { 0 }, told_parts = { 0 };

  g_autoptr (KolTrainer) whole = new_trainer (linear_network, pictures, &settings);
  record (whole, whole_folder);
  run (whole, &told);

  g_autoptr (KolTrainer) parts = new_trainer (linear_network, pictures, &settings);
  record (parts, parts_folder);
  for (guint64 step = 2; step <= 8; step += 2)
    {
      g_autoptr (GError) error = NULL;
      guint before = told_parts.epochs;

      begin (parts, &told_parts);
      if (step > 2) /* what is owed comes first */
        {
          while (told_parts.epochs == before)
            advance (parts, 0, 1e-9);
          g_assert_cmpuint (told_parts.last_epoch.step, ==, step - 2);
          before++;
        }
      while (kol_trainer_get_step (parts) < step)
        advance (parts, 0, 1e-9);
      advance (parts, 0, 1e-9); /* one batch of the validation, which is of four */
      end (parts);
      g_assert_cmpuint (told_parts.epochs, ==, before);
      kol_trainer_save (parts, &error);
      g_assert_no_error (error);
      if (step == 4) /* once in the same process */
        continue;
      kol_trainer_free (parts);
      parts = new_trainer (linear_network, pictures, &settings);
      kol_trainer_resume (parts, parts_folder, 0, &error);
      g_assert_no_error (error);
    }
  begin (parts, &told_parts);
  while (!advance (parts, 0, 1e-9))
    ;
  end (parts);
  g_assert_true (are_same (whole, parts));
  g_assert_cmpuint (told_parts.epochs, ==, told.epochs);
  g_assert_cmpfloat (told_parts.end.validation_loss, ==, told.end.validation_loss);
  assert_same_rows (whole_folder, parts_folder);
}

/* Likewise in the middle of the quick look at a part of the validation set, or just after it. */
static void
test_ended_while_probing (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (1000, 10, 18);
  const KolTrainSettings settings
      = { .steps = 3, .batch = 10, .validation = 900, .log_every = 2, .validate_every = 1 };
  g_autofree char *whole_folder = folder_of ("probed-whole");
  g_autoptr (KolTrainer) whole = new_trainer (linear_network, pictures, &settings);
  Told told = { 0 };

  record (whole, whole_folder);
  run (whole, &told);
  g_autoptr (KolMetricsTable) table = load_metrics (whole_folder);
  g_assert_cmpfloat (kol_metrics_table_get (table, "probe_loss")[0], >, 0);
  g_assert_true (isnan (kol_metrics_table_get (table, "probe_loss")[1]));

  for (guint pieces = 2; pieces <= 8; pieces += 2) /* of 1 + 4 + 4: the step, the look, the set */
    {
      g_autofree char *name = g_strdup_printf ("probed-%u", pieces);
      g_autofree char *folder = folder_of (name);
      g_autoptr (GError) error = NULL;
      Told parts_told = { 0 };
      {
        g_autoptr (KolTrainer) parts = new_trainer (linear_network, pictures, &settings);
        record (parts, folder);
        begin (parts, &parts_told);
        for (guint i = 0; i < pieces; i++)
          advance (parts, 0, 1e-9);
        end (parts);
        g_assert_cmpuint (kol_trainer_get_step (parts), ==, 1);
        kol_trainer_save (parts, &error);
        g_assert_no_error (error);
      }
      g_autoptr (KolTrainer) parts = new_trainer (linear_network, pictures, &settings);
      kol_trainer_resume (parts, folder, 0, &error);
      g_assert_no_error (error);
      run (parts, &parts_told);
      g_assert_cmpuint (parts_told.epochs, ==, told.epochs);
      assert_same_rows (whole_folder, folder);
    }
}

/* The clock stands still while no steps are taken. */
static void
test_pause (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (60, 10, 2);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures,
      &(KolTrainSettings){ .steps = 4, .batch = 10, .validation = 20, .validate_every = 1 });
  Told told = { 0 };

  begin (trainer, &told);
  advance (trainer, 2, 0);
  double before = told.last_epoch.seconds;
  gint64 then = g_get_monotonic_time ();
  g_usleep (G_USEC_PER_SEC / 2);
  double paused = (g_get_monotonic_time () - then) / (double) G_USEC_PER_SEC;
  then = g_get_monotonic_time ();
  advance (trainer, 1, 0);
  double taken = (g_get_monotonic_time () - then) / (double) G_USEC_PER_SEC;
  g_assert_cmpfloat (told.last_epoch.seconds - before, <, taken + paused / 2);
  end (trainer);
}

/* ── Every step ──────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KolTrainer *trainer;
  GArray *steps;  /* guint64 */
  GArray *losses; /* double */
  double norm;
  guint n_ratios;
} Steps;

static void
note_steps (const KolTrainReport *report, gpointer user_data)
{
  Steps *steps = user_data;

  if (report->event == KOL_TRAIN_VALIDATION) /* all before it are told */
    g_assert_cmpuint (g_array_index (steps->steps, guint64, steps->steps->len - 1), ==,
                      report->step);
  if (report->event != KOL_TRAIN_STEP)
    return;
  g_array_append_val (steps->steps, report->step);
  g_array_append_val (steps->losses, report->loss);
  g_assert_cmpfloat (report->accuracy, >=, 0);
  g_assert_cmpfloat (report->norm, >, 0);
  g_assert_cmpfloat (report->ratio, >, 0);
  g_assert_cmpfloat (report->rate, >, 0);
  steps->n_ratios = report->n_ratios;
  for (guint i = 0; i < report->n_ratios; i++)
    g_assert_cmpfloat (report->ratios[i], >, 0);
}

static void
check_steps (const KolTrainSettings *settings, const char *name)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 6);
  g_autoptr (KolTrainer) told = new_trainer (linear_network, pictures, settings);
  g_autoptr (KolTrainer) silent = new_trainer (linear_network, pictures, settings);
  g_autoptr (GArray) steps = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) losses = g_array_new (FALSE, FALSE, sizeof (double));
  g_autofree char *folder = folder_of (name);
  g_autoptr (GError) error = NULL;
  Steps seen = { told, steps, losses };
  guint64 n = settings->steps;

  record (told, folder);
  kol_trainer_tell_steps (told, TRUE);
  kol_trainer_begin (told, note_steps, &seen, &error);
  g_assert_no_error (error);
  advance (told, 1, 0);
  g_assert_cmpuint (steps->len, ==, 1); /* a number of steps is waited for */
  while (!advance (told, 0, 1e-4))
    g_assert_cmpuint (steps->len, >=, kol_trainer_get_step (told) - 2);
  end (told);
  g_assert_cmpuint (steps->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (g_array_index (steps, guint64, i), ==, i + 1);

  /* The log's rows have the same losses as the steps. */
  g_autoptr (KolMetricsTable) table = load_metrics (folder);
  const double *step = kol_metrics_table_get (table, "step");
  const double *loss = kol_metrics_table_get (table, "loss");
  for (gsize i = 0; i < table->rows; i++)
    if (!isnan (loss[i]))
      g_assert_cmpfloat ((float) loss[i], ==,
                         (float) g_array_index (losses, double, (guint) step[i] - 1));

  const char *const *names = kol_trainer_get_parameter_names (told);
  g_assert_cmpuint (g_strv_length ((char **) names), ==, seen.n_ratios);
  g_assert_cmpstr (names[0], ==, "w");
  g_assert_cmpstr (names[1], ==, "b");

  Told rest = { 0 };
  run (silent, &rest);
  g_assert_true (are_same (told, silent)); /* looking changes nothing */
}

static void
test_every_step (void)
{
  check_steps (&rich, "steps");
}

static void
test_every_step_of_parts (void)
{
  check_steps (
      &(KolTrainSettings){ .steps = 12,
                           .batch = 10,
                           .optimizer = { .name = "sgd", .rate = 1e-3, .micro_batches = 2 },
                           .validation = 20,
                           .log_every = 3 },
      "steps-of-parts");
}

/* ── Divergence ──────────────────────────────────────────────────────────────────────────────── */

/* After a step that gave no finite numbers, one stands before it, is told where, and goes on. */
static void
test_diverges (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (120, 10, 7);
  const KolTrainSettings settings = { .steps = 60,
                                      .batch = 10,
                                      .optimizer = { .name = "sgd", .rate = 1e-3, .momentum = 0.9 },
                                      .validation = 20 };
  g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, &settings);
  g_autoptr (KolTrainer) calm = new_trainer (kol_recipe_network, pictures, &settings);
  g_autoptr (GArray) steps = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) losses = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GError) error = NULL;
  Steps seen = { trainer, steps, losses };
  gboolean finished = TRUE;

  kol_trainer_tell_steps (trainer, TRUE);
  kol_trainer_begin (trainer, note_steps, &seen, &error);
  g_assert_no_error (error);
  advance (trainer, 4, 0);
  advance (trainer, 0, 1e-9);
  kol_trainer_tell_steps (trainer, FALSE); /* what is under way is still told */
  g_assert_cmpuint (steps->len, ==, 5);
  kol_trainer_tell_steps (trainer, TRUE);
  g_autoptr (KolTrainState) state = capture (trainer);
  set (trainer, KOL_CONTROL_RATE, 1e6);
  g_assert_false (kol_trainer_advance (trainer, 0, 0, &finished, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  g_assert_false (finished);
  g_test_message ("%s", error->message);
  guint64 stopped = kol_trainer_get_step (trainer);
  g_assert_cmpuint (stopped, <, 60);
  g_assert_cmpuint (steps->len, ==, stopped); /* those that were good are told, no other is */
  for (guint i = 0; i < losses->len; i++)
    g_assert_true (isfinite (g_array_index (losses, double, i)));
  g_clear_error (&error);

  g_autoptr (KolTrainState) last = capture (trainer);
  g_assert_cmpuint (kol_train_state_get_step (last), ==, stopped);
  g_assert_false (kol_trainer_advance (trainer, 3, 0, &finished, &error)); /* nothing is changed */
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  g_clear_error (&error);

  rewind_to (trainer, state);
  while (!advance (trainer, 0, 0.05))
    ;
  end (trainer);
  Told told = { 0 };
  run (calm, &told);
  g_assert_true (are_same (trainer, calm));
}

/* ── Going back ──────────────────────────────────────────────────────────────────────────────── */

static void
test_rewind (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 3);
  g_autoptr (KolTrainer) straight = new_trainer (linear_network, pictures, &rich);
  g_autoptr (KolTrainer) back = new_trainer (linear_network, pictures, &rich);
  g_autofree char *straight_folder = folder_of ("straight");
  g_autofree char *back_folder = folder_of ("back");
  Told told[2] = { 0 };

  record (straight, straight_folder);
  record (back, back_folder);
  run (straight, &told[0]);

  begin (back, &told[1]);
  g_autoptr (KolTrainState) first = capture (back);
  advance (back, 17, 0);
  g_autoptr (KolTrainState) middle = capture (back);
  g_assert_cmpuint (kol_train_state_get_step (middle), ==, 17);
  g_assert_cmpuint (kol_train_state_get_bytes (middle), >, 4 * SIDE * SIDE * 10 * sizeof (float));
  set (back, KOL_CONTROL_RATE, 0.1); /* a future that will not have been */
  advance (back, 14, 0);
  rewind_to (back, middle);
  g_assert_cmpfloat (kol_trainer_get_control (back, KOL_CONTROL_RATE_FACTOR), ==, 1);
  advance (back, 20, 0);
  rewind_to (back, first);
  advance (back, 40, 0);
  rewind_to (back, middle);
  while (!advance (back, 0, 0.01))
    ;
  end (back);
  g_assert_true (are_same (straight, back));
  g_assert_cmpfloat (told[0].end.validation_loss, ==, told[1].end.validation_loss);
  assert_same_rows (straight_folder, back_folder);
}

/* A checkpoint of the disk is a state like any other. */
static void
test_rewind_to_disk (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 4);
  g_autofree char *folder = folder_of ("disk");
  g_autoptr (KolTrainer) straight = new_trainer (linear_network, pictures, &rich);
  g_autoptr (GError) error = NULL;
  Told told[2] = { 0 };

  record (straight, folder);
  run (straight, &told[0]);
  g_clear_pointer (&straight, kol_trainer_free);

  g_autoptr (KolTrainer) later = new_trainer (linear_network, pictures, &rich);
  kol_trainer_resume (later, folder, 0, &error);
  g_assert_no_error (error);
  g_autoptr (KolTrainState) state = kol_train_state_load (folder, 40, &error);
  g_assert_no_error (error);
  rewind_to (later, state);
  run (later, &told[1]);
  g_assert_cmpfloat (told[0].end.validation_loss, ==, told[1].end.validation_loss);

  g_assert_null (kol_train_state_load (folder, 41, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
}

/* ── Branches ────────────────────────────────────────────────────────────────────────────────── */

/* A branch is what its parent would have become, to the last bit, and can be resumed at once. */
static void
test_branch (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 12);
  g_autoptr (KolTrainer) parent = new_trainer (kol_recipe_network, pictures, &rich);
  g_autoptr (KolTrainer) branch = new_trainer (kol_recipe_network, pictures, &rich);
  g_autofree char *parent_folder = folder_of ("parent"), *folder = folder_of ("branch");
  g_autoptr (GError) error = NULL;
  Told told = { 0 };

  record (parent, parent_folder);
  begin (parent, NULL);
  advance (parent, 11, 0);
  set (parent, KOL_CONTROL_RATE_FACTOR, 0.5);
  set (parent, KOL_CONTROL_BATCH, 12);
  advance (parent, 2, 0);
  g_autoptr (KolTrainState) state = capture (parent);

  record (branch, folder);
  kol_trainer_branch (branch, state, parent_folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kol_trainer_get_step (branch), ==, 13);
  g_assert_cmpfloat (kol_trainer_get_control (branch, KOL_CONTROL_BATCH), ==, 12);
  g_clear_pointer (&branch, kol_trainer_free); /* as if it were killed here */

  g_autoptr (KolRun) read = kol_run_read (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (read->parent, ==, parent_folder);
  g_assert_cmpuint (read->parent_step, ==, 13);
  g_assert_cmpuint (read->latest, ==, 13);
  branch = new_trainer (kol_recipe_network, pictures, &rich);
  kol_trainer_resume (branch, folder, 0, &error);
  g_assert_no_error (error);
  run (branch, &told);
  while (!advance (parent, 5, 0))
    ;
  end (parent);
  g_assert_true (are_same (parent, branch));
  g_assert_cmpuint (told.notes, ==, 0); /* every node is computed as before */

  g_autoptr (GArray) rows = kol_timeline_load (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (rows->len, ==, 1);
  g_assert_cmpint (g_array_index (rows, KolTimelineRow, 0).kind, ==, KOL_TIMELINE_BRANCH);
  g_assert_cmpuint (g_array_index (rows, KolTimelineRow, 0).step, ==, 13);
}

/* A state of another network is refused, and nothing is changed. */
static void
test_branch_refused (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 13);
  g_autoptr (KolTrainer) digits_trainer = new_trainer (kol_recipe_network, pictures, &rich);
  g_autoptr (KolTrainer) linear = new_trainer (linear_network, pictures, &rich);
  g_autoptr (KolTrainer) same = new_trainer (linear_network, pictures, &rich);
  g_autoptr (KolTrainState) state = capture (digits_trainer);
  g_autoptr (GError) error = NULL;

  begin (linear, NULL);
  begin (same, NULL);
  advance (linear, 3, 0);
  advance (same, 3, 0);
  g_assert_false (kol_trainer_rewind (linear, state, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_test_message ("%s", error->message);
  advance (linear, 3, 0);
  advance (same, 3, 0);
  g_assert_true (are_same (linear, same));
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────── */

static void
check_histograms (KolTrainer *trainer, const KolHistograms *histograms)
{
  g_assert_cmpuint (histograms->n, ==, 2);
  g_assert_cmpuint (histograms->bins, ==, 20);
  for (guint i = 0; i < 2; i++)
    {
      guint sum = 0;
      for (guint k = 0; k < 20; k++)
        sum += histograms->counts[i * 20 + k];
      g_assert_cmpuint (sum, ==, i == 0 ? SIDE * SIDE * 10 : 10);
      g_assert_cmpfloat (histograms->low[i], <, 0);
      g_assert_cmpfloat (histograms->high[i], >, 0);
      g_assert_cmpuint (histograms->counts[i * 20], >, 0); /* where the smallest is... */
      g_assert_cmpuint (histograms->counts[i * 20 + 19], >, 0);
    }
}

/* The histogram of the weights, counted anew. */
static void
check_weights (KolTrainer *trainer, const KolHistograms *histograms)
{
  gsize bytes;
  g_autofree float *w = read_parameter (trainer, 0, &bytes);
  guint below = 0, counted = 0;
  double middle = histograms->low[0] + ((double) histograms->high[0] - histograms->low[0]) / 2;

  for (gsize i = 0; i < bytes / sizeof (float); i++)
    below += w[i] < middle;
  for (guint k = 0; k < 10; k++)
    counted += histograms->counts[k];
  g_assert_cmpuint (below, ==, counted);
}

static void
check_batch (KolTrainer *trainer, const KolTrainBatch *batch)
{
  g_autofree float *expected = g_new (float, 10 * 10);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (batch->count, ==, 10);
  g_assert_cmpuint (batch->size, ==, SIDE * SIDE);
  g_assert_cmpuint (batch->n_targets, ==, 1);
  g_assert_cmpuint (batch->n_outputs, ==, 10);
  for (guint i = 0; i < 10; i++)
    g_assert_true (batch->targets[i] >= 0 && batch->targets[i] < 10);
  kol_evaluator_predict (kol_trainer_get_evaluator (trainer), batch->examples, 10, expected,
                         &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpfloat_with_epsilon (batch->outputs[i], expected[i], 1e-4);
}

static void
test_look (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 15);
  g_autoptr (KolTrainer) looked_at = new_trainer (linear_network, pictures, &rich);
  g_autoptr (KolTrainer) calm = new_trainer (linear_network, pictures, &rich);
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_trainer_read_batch (looked_at, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_clear_error (&error);
  begin (looked_at, NULL);
  begin (calm, NULL);
  for (gboolean finished = FALSE; !finished;)
    {
      finished = advance (looked_at, 0, 1e-9);
      for (guint i = 0; i < 3; i++) /* more often than a placeholder has copies */
        {
          g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (looked_at, &error);
          g_assert_no_error (error);
          check_batch (looked_at, batch);
        }
      g_autoptr (KolHistograms) weights = kol_trainer_read_weights (looked_at, 20, &error);
      g_assert_no_error (error);
      check_histograms (looked_at, weights);
      check_weights (looked_at, weights);
      g_autoptr (KolHistograms) gradients = kol_trainer_read_gradients (looked_at, 20, &error);
      g_assert_no_error (error);
      check_histograms (looked_at, gradients);
    }
  while (!advance (calm, 0, 0))
    ;
  g_assert_true (are_same (looked_at, calm));

  /* Scores in parts are those of the whole. */
  g_autoptr (KolScore) whole = score (looked_at, pictures);
  guint right = 0, right_in_parts = 0;
  double loss = 0;
  for (gsize first = 0; first < pictures->count; first += 50)
    {
      gsize count = MIN (50, pictures->count - first);
      g_autoptr (KolScore) part
          = kol_trainer_score_part (looked_at, pictures, first, count, NULL, &error);
      g_assert_no_error (error);
      loss += part->loss * (double) count;
      for (guint i = 0; i < 10; i++)
        right_in_parts += part->confusion[11 * i];
    }
  for (guint i = 0; i < 10; i++)
    right += whole->confusion[11 * i];
  g_assert_cmpuint (right, ==, right_in_parts);
  g_assert_cmpfloat_with_epsilon (loss / 130 / whole->loss, 1, 1e-5);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_cancellable_cancel (cancellable);
  g_assert_null (kol_trainer_score_part (looked_at, pictures, 0, 130, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
assert_batch (KolTrainer *trainer, const KolTrainBatch *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (trainer, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (batch->examples, batch->count * batch->size * sizeof (float), expected->examples,
                   expected->count * expected->size * sizeof (float));
  g_assert_cmpmem (batch->outputs, batch->count * batch->n_outputs * sizeof (float),
                   expected->outputs, expected->count * expected->n_outputs * sizeof (float));
}

/* The batch of the latest step is there again after a way back, and to one who resumes; nothing
 * that is learned afterwards depends on whether it was looked at. */
static void
test_look_again (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 15);
  const KolTrainSettings *const settings[]
      = { &rich, &(KolTrainSettings){ .steps = 47,
                                      .batch = 10,
                                      .optimizer = { .rate = 1e-3, .micro_batches = 2 },
                                      .validation = 20 } };

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autofree char *name = g_strdup_printf ("look-again-%u", i);
      g_autofree char *folder = folder_of (name);
      g_autoptr (KolTrainer) calm = new_trainer (linear_network, pictures, settings[i]);
      g_autoptr (KolTrainBatch) then = NULL;
      g_autoptr (GError) error = NULL;
      {
        g_autoptr (KolTrainer) first = new_trainer (linear_network, pictures, settings[i]);
        record (first, folder);
        begin (first, NULL);
        advance (first, 16, 0);
        then = kol_trainer_read_batch (first, &error);
        g_assert_no_error (error);
        end (first);
        kol_trainer_save (first, &error);
        g_assert_no_error (error);
      }
      g_autoptr (KolTrainer) resumed = new_trainer (linear_network, pictures, settings[i]);
      kol_trainer_resume (resumed, folder, 0, &error);
      g_assert_no_error (error);
      assert_batch (resumed, then);
      begin (resumed, NULL);
      g_autoptr (KolTrainState) state = capture (resumed);
      advance (resumed, 3, 0);
      rewind_to (resumed, state);
      assert_batch (resumed, then);
      while (!advance (resumed, 0, 0))
        ;
      begin (calm, NULL);
      while (!advance (calm, 0, 0))
        ;
      g_assert_true (are_same (resumed, calm));
    }
}

/* ── Finding a rate ──────────────────────────────────────────────────────────────────────────── */

static void
test_find_rate (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (300, 10, 14);
  const KolTrainSettings settings = { .steps = 40,
                                      .batch = 20,
                                      .optimizer = { .name = "sgd", .rate = 1e-3, .momentum = 0.9 },
                                      .validation = 40 };
  g_autoptr (KolTrainer) looked_at = new_trainer (linear_network, pictures, &settings);
  g_autoptr (KolTrainer) calm = new_trainer (linear_network, pictures, &settings);
  g_autoptr (GError) error = NULL;
  gboolean finished = FALSE;
  guint n, before = 0;

  g_assert_null (kol_rate_finder_new (looked_at, 1, 0.1, 60, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  begin (looked_at, NULL);
  begin (calm, NULL);
  advance (looked_at, 7, 0);
  advance (calm, 7, 0);
  g_autoptr (KolRateFinder) finder = kol_rate_finder_new (looked_at, 1e-6, 1e3, 120, &error);
  g_assert_no_error (error);
  while (!finished)
    {
      kol_rate_finder_advance (finder, 0, 0.002, &finished, &error);
      g_assert_no_error (error);
      kol_rate_finder_get_points (finder, &n);
      g_assert_true (n > before || finished);
      before = n;
    }
  const KolRatePoint *points = kol_rate_finder_get_points (finder, &n);
  g_assert_cmpuint (n, >, 50);
  g_assert_cmpuint (n, <, 120); /* it was stopped */
  double lowest = INFINITY, sum = 0, share = 0;
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpfloat_with_epsilon (points[i].rate / (1e-6 * pow (1e9, i / 119.0)), 1, 1e-9);
      sum = 0.95 * sum + 0.05 * points[i].loss;
      share = 0.95 * share + 0.05;
      g_assert_cmpfloat_with_epsilon (points[i].smoothed, sum / share, 1e-6 * points[i].smoothed);
      lowest = MIN (lowest, points[i].smoothed);
      g_assert_true (i == n - 1 || points[i].smoothed <= 4 * lowest);
    }
  double rate = kol_rate_finder_suggest (finder);
  g_test_message ("the rate is to be %g; stopped at %g, after %u", rate, points[n - 1].rate, n);
  g_assert_cmpfloat (rate, >, 1e-5);
  g_assert_cmpfloat (rate, <, 1);

  g_clear_pointer (&finder, kol_rate_finder_free);
  while (!advance (looked_at, 9, 0))
    ;
  while (!advance (calm, 9, 0))
    ;
  g_assert_true (are_same (looked_at, calm)); /* there is no trace of it */
}

/* Where a network is good already, the losses of small batches are many times as large as each
 * other; that is not what a test ends by before its rates come to anything. */
static void
test_find_rate_by_chance (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (300, 10, 14);
  const KolTrainSettings settings = { .steps = 400,
                                      .batch = 2,
                                      .optimizer = { .name = "sgd", .rate = 3e-2, .momentum = 0.9 },
                                      .validation = 40 };
  g_autoptr (KolTrainer) trainer = new_trainer (linear_network, pictures, &settings);
  g_autoptr (GError) error = NULL;
  gboolean finished = FALSE;
  guint n;

  begin (trainer, NULL);
  for (guint at = 0; at < 5; at++)
    {
      advance (trainer, 40, 0);
      g_autoptr (KolRateFinder) finder = kol_rate_finder_new (trainer, 1e-8, 1e-2, 120, &error);
      g_assert_no_error (error);
      while (!finished)
        g_assert_true (kol_rate_finder_advance (finder, 0, 0, &finished, &error));
      finished = FALSE;
      const KolRatePoint *points = kol_rate_finder_get_points (finder, &n);
      g_assert_cmpfloat (points[n - 1].rate, >, 1e-4);
    }
}

static void
add_tests (void)
{
  g_test_add_func ("/steer/pieces", test_pieces);
  g_test_add_func ("/steer/validation-in-pieces", test_validation_in_pieces);
  g_test_add_func ("/steer/ended-while-validating", test_ended_while_validating);
  g_test_add_func ("/steer/ended-while-probing", test_ended_while_probing);
  g_test_add_func ("/steer/pause", test_pause);
  g_test_add_func ("/steer/every-step", test_every_step);
  g_test_add_func ("/steer/every-step-of-parts", test_every_step_of_parts);
  g_test_add_func ("/steer/diverges", test_diverges);
  g_test_add_func ("/steer/rewind", test_rewind);
  g_test_add_func ("/steer/rewind-to-disk", test_rewind_to_disk);
  g_test_add_func ("/steer/branch", test_branch);
  g_test_add_func ("/steer/branch-refused", test_branch_refused);
  g_test_add_func ("/steer/look", test_look);
  g_test_add_func ("/steer/look-again", test_look_again);
  g_test_add_func ("/steer/find-rate", test_find_rate);
  g_test_add_func ("/steer/find-rate-by-chance", test_find_rate_by_chance);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
