/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Random search: what is drawn, what is refused, what is kept. */

#include "common.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define DRAWS 2000

/* ── Drawing ─────────────────────────────────────────────────────────────────────────────────── */

static void
add (KolSearch *search, const char *range)
{
  g_autoptr (GError) error = NULL;

  kol_search_add (search, range, &error);
  g_assert_no_error (error);
}

static KolSearch *
search_over (guint64 seed, const char *range)
{
  KolSearch *search = kol_search_new (seed);

  add (search, range);
  return search;
}

static const KolSearchRange *
first_range (const KolSearch *search)
{
  guint n;

  return kol_search_get_ranges (search, &n)[0];
}

static double
sample (const KolSearch *search, guint64 trial, guint range)
{
  g_autofree char *text = kol_search_sample (search, trial, range);

  return g_ascii_strtod (text, NULL);
}

static void
test_determined (void)
{
  g_autoptr (KolSearch) one = search_over (3, "rate=1e-5..1e-1");
  g_autoptr (KolSearch) two = search_over (3, "batch=25,50,100");
  g_autoptr (KolSearch) other = search_over (4, "rate=1e-5..1e-1");
  guint same = 0;

  add (two, "rate=1e-5..1e-1");
  for (guint64 trial = 100; trial > 0; trial--)
    {
      g_autofree char *a = kol_search_sample (one, trial, 0);
      g_autofree char *b = kol_search_sample (two, trial, 1);
      g_autofree char *c = kol_search_sample (other, trial, 0);

      g_assert_cmpstr (a, ==, b); /* in any order, whatever else is searched */
      same += strcmp (a, c) == 0;
    }
  g_assert_cmpuint (same, <, 3);
}

/*
 * The greatest distance between the shares drawn and those of a uniform distribution: beyond
 * 1.95 / sqrt(n) in one of a thousand samples (Kolmogorov and Smirnov).
 */
static void
assert_uniform (const double *shares, guint n)
{
  g_autofree double *sorted = g_memdup2 (shares, n * sizeof *shares);
  double distance = 0;

  for (guint i = 1; i < n; i++)
    for (guint j = i; j > 0 && sorted[j] < sorted[j - 1]; j--)
      {
        double swap = sorted[j];
        sorted[j] = sorted[j - 1];
        sorted[j - 1] = swap;
      }
  for (guint i = 0; i < n; i++)
    distance = MAX (distance, fabs (sorted[i] - (i + 0.5) / n));
  g_assert_cmpfloat (distance, <, 1.95 / sqrt (n));
}

static void
test_log_uniform (void)
{
  g_autoptr (KolSearch) search = search_over (0, "rate=1e-5..1e-1");
  double shares[DRAWS];
  guint decades[4] = { 0 };

  g_assert_cmpint (first_range (search)->scale, ==, KOL_SEARCH_LOG);
  for (guint i = 0; i < DRAWS; i++)
    {
      double rate = sample (search, i + 1, 0);

      g_assert_cmpfloat (rate, >=, 1e-5);
      g_assert_cmpfloat (rate, <=, 1e-1);
      shares[i] = log10 (rate / 1e-5) / 4;
      decades[MIN ((guint) (4 * shares[i]), 3)]++;
    }
  assert_uniform (shares, DRAWS);
  for (guint i = 0; i < 4; i++) /* four standard deviations about a quarter */
    g_assert_cmpfloat (fabs (decades[i] - DRAWS / 4.0), <, 4 * sqrt (DRAWS * 3 / 16.0));
}

static void
test_linear (void)
{
  g_autoptr (KolSearch) search = search_over (1, "keep=0.1..1");
  double shares[DRAWS];

  g_assert_cmpint (first_range (search)->scale, ==, KOL_SEARCH_LINEAR);
  for (guint i = 0; i < DRAWS; i++)
    shares[i] = (sample (search, i + 1, 0) - 0.1) / 0.9;
  assert_uniform (shares, DRAWS);
}

/* What momentum is short of 1 is what matters. */
static void
test_momentum (void)
{
  g_autoptr (KolSearch) search = search_over (2, "momentum=0.5..0.9995");
  double shares[DRAWS];

  g_assert_cmpint (first_range (search)->scale, ==, KOL_SEARCH_LOG_REST);
  for (guint i = 0; i < DRAWS; i++)
    {
      double rest = 1 - sample (search, i + 1, 0);

      g_assert_cmpfloat (rest, >, 0.00049);
      g_assert_cmpfloat (rest, <, 0.50001);
      shares[i] = log (rest / 0.5) / log (0.0005 / 0.5);
    }
  assert_uniform (shares, DRAWS);
}

/* Each of @n values is drawn about as often. */
static void
assert_even (const guint *counts, guint n)
{
  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat (fabs (counts[i] - DRAWS / (double) n), <,
                       4 * sqrt (DRAWS * (n - 1.0) / (n * n)));
}

static void
test_list (void)
{
  g_autoptr (KolSearch) search = search_over (5, "optimizer= sgd, adam ,rmsprop");
  guint counts[3] = { 0 };

  for (guint i = 0; i < DRAWS; i++)
    {
      g_autofree char *name = kol_search_sample (search, i + 1, 0);
      guint which = strcmp (name, "sgd") == 0 ? 0 : strcmp (name, "adam") == 0 ? 1 : 2;

      g_assert_true (which < 2 || strcmp (name, "rmsprop") == 0);
      counts[which]++;
    }
  assert_even (counts, 3);
}

static void
test_whole (void)
{
  g_autoptr (KolSearch) few = search_over (6, "shift=0..4");
  g_autoptr (KolSearch) wide = search_over (6, "batch=10..1000");
  guint counts[5] = { 0 };

  g_assert_cmpint (first_range (few)->scale, ==, KOL_SEARCH_LINEAR);
  g_assert_cmpint (first_range (wide)->scale, ==, KOL_SEARCH_LOG);
  for (guint i = 0; i < DRAWS; i++)
    {
      double shift = sample (few, i + 1, 0), batch = sample (wide, i + 1, 0);

      g_assert_true (shift == floor (shift) && shift <= 4);
      g_assert_true (batch == floor (batch) && batch >= 10 && batch <= 1000);
      counts[(guint) shift]++;
    }
  assert_even (counts, 5);
}

static void
test_apply (void)
{
  g_autoptr (KolSearch) search = search_over (7, "rate=1e-4..1e-2");
  g_autoptr (GError) error = NULL;
  KolTrainSettings settings = { .steps = 70, .optimizer.momentum = 0.9 };

  add (search, "batch=25,50");
  add (search, "nesterov=yes,no");
  add (search, "clip-norm=1..3");
  kol_search_apply (search, 9, &settings, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (settings.optimizer.rate, ==, sample (search, 9, 0));
  g_assert_cmpuint (settings.batch, ==, (gsize) sample (search, 9, 1));
  g_assert_cmpfloat (settings.optimizer.clip_norm, ==, sample (search, 9, 3));
  g_assert_cmpuint (settings.steps, ==, 70);
  g_assert_cmpfloat (settings.optimizer.momentum, ==, 0.9);
}

static void
test_usual (void)
{
  g_autoptr (KolSearch) adam = kol_search_new (0), sgd = kol_search_new (0);

  kol_search_add_usual (adam, &(KolTrainSettings){ 0 });
  kol_search_add_usual (sgd, &(KolTrainSettings){ .optimizer.name = "sgd" });
  g_assert_cmpfloat (first_range (adam)->to, ==, 0.1);
  g_assert_cmpfloat (first_range (sgd)->to, ==, 1);
}

static void
test_edge (void)
{
  g_autoptr (KolSearch) rates = search_over (0, "rate=1e-5..1e-1");
  g_autoptr (KolSearch) batches = search_over (0, "batch=25,50");

  g_assert_cmpint (kol_search_range_find_edge (first_range (rates), "2e-5"), ==, -1);
  g_assert_cmpint (kol_search_range_find_edge (first_range (rates), "3e-5"), ==, 0);
  g_assert_cmpint (kol_search_range_find_edge (first_range (rates), "0.05"), ==, 1);
  g_assert_cmpint (kol_search_range_find_edge (first_range (batches), "25"), ==, 0);
}

/* ── Refusing ────────────────────────────────────────────────────────────────────────────────── */

static void
test_refused (void)
{
  static const struct {
    const char *range, *words[3];
  } cases[] = {
    { "rate", { "rate", "range", "list" } },
    { "rat=1..2", { "rat", "did you mean", "rate" } },
    { "rate=1e-1..1e-5", { "1e-1..1e-5", "smaller first" } },
    { "rate=1e-3..1e-3", { "smaller first" } },
    { "rate=0..1", { "rate", "0", "above 0" } },
    { "rate=..1", { "rate", "above 0" } },
    { "rate=1e-3..1e-2..1e-1", { "rate", "1e-2..1e-1" } },
    { "rate=1e-3", { "one value", "range" } },
    { "rate=1e-3,fast", { "rate", "fast" } },
    { "rate=", { "rate" } },
    { "batch=25,50,25", { "25", "twice" } },
    { "batch=1.5..3", { "batch", "1.5", "whole" } },
    { "optimizer=adam..sgd", { "words", "optimizer=THIS,THAT" } },
    { "optimizer=adam,magic", { "magic", "rmsprop" } },
    { "momentum=0.5..1.5", { "momentum", "1.5" } },
    { "steps=100..1000", { "steps", "same in every trial" } },
    { "epochs=1,2", { "epochs", "same in every trial" } },
    { "validation=10,20", { "validate", "same in every trial" } },
    { "keep=0.5..0.9", { "twice" } }, /* it is searched already */
  };
  g_autoptr (KolSearch) search = search_over (0, "keep=0.2..0.8");
  guint n;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", cases[i].range);
      g_assert_false (kol_search_add (search, cases[i].range, &error));
      g_assert_nonnull (error);
      for (guint w = 0; w < 3 && cases[i].words[w]; w++)
        if (!strstr (error->message, cases[i].words[w]))
          g_error ("“%s” is missing in “%s”", cases[i].words[w], error->message);
    }
  kol_search_get_ranges (search, &n);
  g_assert_cmpuint (n, ==, 1);
}

/* ── Keeping ─────────────────────────────────────────────────────────────────────────────────── */

static KolRecipe *
logistic (void)
{
  g_autoptr (GError) error = NULL;
  KolRecipe *recipe = kol_recipe_find ("logistic", &error);

  g_assert_no_error (error);
  return recipe;
}

static KolSearch *
record (const char *folder, KolDataset *data, guint64 trials, guint64 steps)
{
  g_autoptr (KolRecipe) recipe = logistic ();
  g_autoptr (GError) error = NULL;
  KolTrainSettings settings = *kol_recipe_get_settings (recipe);
  KolSearch *search = search_over (11, "rate=1e-3..1");

  settings.steps = steps;
  add (search, "batch=10,20");
  kol_search_record (search, folder, trials, recipe, &settings, NULL, data, NULL, &error);
  g_assert_no_error (error);
  return search;
}

static KolSearch *
reopen (const char *folder)
{
  g_autoptr (GError) error = NULL;
  KolSearch *search = kol_search_open (folder, &error);

  g_assert_no_error (error);
  return search;
}

static void
note (KolSearch *search, KolTrial trial)
{
  g_autoptr (GError) error = NULL;

  kol_search_note (search, &trial, &error);
  g_assert_no_error (error);
}

static void
test_kept (void)
{
  g_autofree char *folder = g_build_filename (scratch, "kept", NULL);
  g_autoptr (KolDataset) data = make_blobs (60, 3, 1);
  g_autoptr (KolSearch) search = record (folder, data, 4, 30);
  g_autoptr (GError) error = NULL;
  guint n;

  note (search, (KolTrial){ 2, KOL_TRIAL_DONE, 30, 0.25, 0.875 });
  note (search, (KolTrial){ 1, KOL_TRIAL_DIVERGED, 7, NAN, NAN });
  g_assert_cmpuint (kol_search_get_next (search), ==, 3);
  g_assert_false (kol_run_exists (folder)); /* it is none itself */

  g_autoptr (KolSearch) again = reopen (folder);
  const KolTrial *outcomes = kol_search_get_outcomes (again, &n);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (outcomes[0].number, ==, 2);
  g_assert_cmpfloat (outcomes[0].loss, ==, 0.25);
  g_assert_cmpfloat (outcomes[0].accuracy, ==, 0.875);
  g_assert_cmpint (outcomes[1].state, ==, KOL_TRIAL_DIVERGED);
  g_assert_true (isnan (outcomes[1].accuracy));
  g_assert_cmpuint (kol_search_get_n_trials (again), ==, 4);
  g_assert_cmpuint (kol_search_get_base (again)->settings.steps, ==, 30);
  g_assert_cmpstr (kol_recipe_get_name (kol_search_get_base (again)->recipe), ==, "logistic");
  for (guint64 trial = 1; trial <= 4; trial++)
    g_assert_cmpfloat (sample (search, trial, 0), ==, sample (again, trial, 0));

  /* One process at a time works on it. */
  g_assert_false (kol_search_resume (again, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&error);
  g_clear_pointer (&search, kol_search_free);
  g_assert_true (kol_search_resume (again, 2, &error));
  g_assert_cmpuint (kol_search_get_next (again), ==, 0);
}

/* Writes a file of the search anew, and opens that. */
static void
assert_damaged (const char *folder, const char *name, const char *text, const char *word)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *before = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_get_contents (path, &before, NULL, NULL));
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_null (kol_search_open (folder, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  if (!strstr (error->message, word))
    g_error ("“%s” is missing in “%s”", word, error->message);
  g_assert_true (g_file_set_contents (path, before, -1, NULL));
}

static void
test_damaged (void)
{
  g_autofree char *folder = g_build_filename (scratch, "damaged", NULL);
  g_autoptr (KolDataset) data = make_blobs (60, 3, 1);
  g_autoptr (KolSearch) search = record (folder, data, 4, 30);
  g_autoptr (GError) error = NULL;

  note (search, (KolTrial){ 1, KOL_TRIAL_DONE, 30, 0.25, 0.875 });
  assert_damaged (folder, "search.csv", "trial\n1,done\n", "line 2");
  assert_damaged (folder, "search.csv", "trial\n1,lost,3,,,1,2\n", "lost");
  assert_damaged (folder, "search.ini", "no key file", "search");
  g_assert_null (kol_search_open (scratch, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);

  /* A second search does not overwrite it. */
  g_autoptr (KolSearch) second = search_over (0, "rate=1e-3..1");
  const KolRun *base = kol_search_get_base (search);
  g_clear_error (&error);
  g_assert_false (kol_search_record (second, folder, 1, base->recipe, &base->settings, NULL, data,
                                     NULL, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
}

static void
test_order (void)
{
  const KolTrial best = { 5, KOL_TRIAL_DONE, 9, 0.5, 0.9 },
                 good = { 4, KOL_TRIAL_DONE, 9, 0.1, 0.8 };
  const KolTrial close = { 3, KOL_TRIAL_DONE, 9, 0.1, NAN }, far = { 2, KOL_TRIAL_DONE, 9, 3, NAN };
  const KolTrial none = { 1, KOL_TRIAL_DIVERGED, 2, NAN, NAN };

  g_assert_cmpint (kol_trial_compare (&best, &good), <, 0);
  g_assert_cmpint (kol_trial_compare (&far, &close), >, 0);
  g_assert_cmpint (kol_trial_compare (&far, &none), <, 0);
  g_assert_cmpint (kol_trial_compare (&none, &none), ==, 0);
}

/* ── Trials ──────────────────────────────────────────────────────────────────────────────────── */

static KolTrainer *
make_trial (KolSearch *search, guint64 trial, KolDataset *data)
{
  g_autoptr (GError) error = NULL;
  KolTrainer *trainer = kol_search_make_trainer (search, trial, device, data, NULL, &error);

  g_assert_no_error (error);
  kol_trainer_prepare (trainer, NULL, &error);
  g_assert_no_error (error);
  kol_search_begin_trial (search, trial, trainer, &error);
  g_assert_no_error (error);
  return trainer;
}

/* Trials are runs; one that was interrupted ends as if it had not been. */
static void
test_trials (void)
{
  g_autofree char *folder = g_build_filename (scratch, "trials", NULL);
  g_autoptr (KolDataset) data = make_blobs (120, 3, 1);
  g_autoptr (KolSearch) search = record (folder, data, 2, 40);
  g_autofree char *of_trial = kol_search_get_trial_folder (search, 2);
  g_autoptr (GError) error = NULL;
  Told whole = { 0 }, rest = { 0 };

  KolTrainer *trainer = make_trial (search, 2, data);
  run (trainer, &whole);
  kol_trainer_free (trainer);
  g_autoptr (KolRun) of_run = kol_run_read (of_trial, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (of_run->latest, ==, 40);
  g_assert_cmpfloat (of_run->settings.optimizer.rate, ==, sample (search, 2, 0));
  g_assert_cmpuint (of_run->settings.batch, ==, (gsize) sample (search, 2, 1));
  g_assert_true (kol_run_remove (of_trial));

  trainer = make_trial (search, 2, data);
  g_assert_true (kol_trainer_begin (trainer, NULL, NULL, &error));
  g_assert_true (kol_trainer_advance (trainer, 15, 0, NULL, &error));
  g_assert_true (kol_trainer_end (trainer, &error) && kol_trainer_save (trainer, &error));
  kol_trainer_free (trainer);
  trainer = make_trial (search, 2, data);
  g_assert_cmpuint (kol_trainer_get_step (trainer), ==, 15);
  run (trainer, &rest);
  kol_trainer_free (trainer);
  g_assert_cmpfloat (rest.end.validation_loss, ==, whole.end.validation_loss);
}

/* The best trials keep their weights, and those that somebody has gone on with. */
static void
test_thin_out (void)
{
  static const KolTrialState states[]
      = { KOL_TRIAL_DONE, KOL_TRIAL_DONE, KOL_TRIAL_DIVERGED, KOL_TRIAL_DONE, KOL_TRIAL_DONE };
  static const double accuracies[] = { 0.5, 0.9, NAN, 0.7, 0.6 };
  static const gboolean kept[] = { FALSE, TRUE, FALSE, TRUE, TRUE };
  const guint n = G_N_ELEMENTS (states), gone_on = n - 1;
  g_autofree char *folder = g_build_filename (scratch, "thinned", NULL);
  g_autoptr (KolDataset) data = make_blobs (120, 3, 1);
  g_autoptr (KolSearch) search = record (folder, data, n, 8);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    {
      KolTrainer *trainer = make_trial (search, i + 1, data);
      run (trainer, &(Told){ 0 });
      kol_trainer_free (trainer);
      note (search, (KolTrial){ i + 1, states[i], i == gone_on ? 5 : 8, 1, accuracies[i] });
    }
  kol_search_thin_out (search, 2);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *path = kol_search_get_trial_folder (search, i + 1);
      g_autoptr (KolRun) of_trial = kol_run_read (path, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (of_trial->latest, ==, kept[i] ? 8 : 0);
    }
  KolTrainer *trainer = make_trial (search, 1, data); /* it can be begun anew */
  g_assert_cmpuint (kol_trainer_get_step (trainer), ==, 0);
  kol_search_thin_out (search, 0); /* not while somebody is at it */
  kol_trainer_free (trainer);
}

static void
add_tests (void)
{
  g_test_add_func ("/search/determined", test_determined);
  g_test_add_func ("/search/log-uniform", test_log_uniform);
  g_test_add_func ("/search/linear", test_linear);
  g_test_add_func ("/search/momentum", test_momentum);
  g_test_add_func ("/search/list", test_list);
  g_test_add_func ("/search/whole", test_whole);
  g_test_add_func ("/search/apply", test_apply);
  g_test_add_func ("/search/usual", test_usual);
  g_test_add_func ("/search/edge", test_edge);
  g_test_add_func ("/search/refused", test_refused);
  g_test_add_func ("/search/kept", test_kept);
  g_test_add_func ("/search/damaged", test_damaged);
  g_test_add_func ("/search/order", test_order);
  g_test_add_func ("/search/trials", test_trials);
  g_test_add_func ("/search/thin-out", test_thin_out);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
