/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "train-private.h"

#include <math.h>
#include <string.h>

#define TRIALS 20
#define STEPS 500 /* of a trial */
#define MOST_TRIALS 9999
#define KEPT 5 /* trials whose weights stay: the best */

typedef struct {
  TrainOptions shared;
  gint64 trials;
  gboolean keep_all;
  char **over;
} SearchOptions;

static void
search_options_clear (SearchOptions *options)
{
  train_options_clear (&options->shared);
  g_strfreev (options->over);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SearchOptions, search_options_clear)

/* A search, and the trial that is under way. */
typedef struct {
  const SearchOptions *options;
  TrainSetup setup;
  KolSearch *search;
  KolDevice *device;
  guint64 number; /* of the trial */
  KolTrial trial; /* what is known of it */
  gint64 began;
  gboolean interrupted;
} Search;

static void
search_clear (Search *self)
{
  g_clear_pointer (&self->device, kol_device_unref);
  train_setup_clear (&self->setup);
  g_clear_pointer (&self->search, kol_search_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

/* ── Options ── */

static gboolean
parse (SearchOptions *options, int *argc, char ***argv)
{
  const GOptionEntry own[] = {
    { "trials", 0, 0, G_OPTION_ARG_INT64, &options->trials,
      "How many trainings to make (" G_STRINGIFY (TRIALS) ")", "N" },
    { "over", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->over,
      "A setting to search, and where: a range, rate=1e-5..1e-1, or a list, batch=25,50,100",
      "NAME=WHERE" },
    { "keep-all", 0, 0, G_OPTION_ARG_NONE, &options->keep_all,
      "Keep the weights of all trials, not only of the " G_STRINGIFY (KEPT) " best", NULL },
    { "folder", 0, 0, G_OPTION_ARG_FILENAME, &options->shared.folder,
      "Folder of the search (default: a new one in the user's data)", "DIR" },
    { "resume", 0, 0, G_OPTION_ARG_FILENAME, &options->shared.resume,
      "Go on with a search; no RECIPE is given then. --trials makes it longer", "SEARCH" },
    { NULL },
  };
  g_autofree GOptionEntry *entries = train_options_list (&options->shared, own);

  return tool_parse (&tool_search, entries,
                     TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                     &options->shared.common, TOOL_ANY_NUMBER, argc, argv);
}

static ToolExit
check_parameters (SearchOptions *options, int argc, char **argv)
{
  const TrainOptions *shared = &options->shared;

  if (train_options_check (&options->shared, argc, argv) != TOOL_OK)
    return TOOL_USAGE;
  if (options->trials != TRAIN_UNSET_INTEGER
      && (options->trials < 1 || options->trials > MOST_TRIALS))
    return tool_usage (&tool_search, "--trials is %" G_GINT64_FORMAT "; give 1 to %d",
                       options->trials, MOST_TRIALS);
  if (shared->resume
      && (shared->folder || options->over || shared->set || shared->network || shared->weights
          || shared->optimizer || shared->memory || shared->size || shared->grey || shared->stream
          || shared->target || shared->numbers || shared->rate != TRAIN_UNSET
          || shared->keep != TRAIN_UNSET || shared->steps != TRAIN_UNSET_INTEGER
          || shared->epochs != TRAIN_UNSET_INTEGER || shared->batch != TRAIN_UNSET_INTEGER
          || shared->seed != TRAIN_UNSET_INTEGER))
    return tool_usage (&tool_search,
                       "--resume goes on with the search as it began, so that its trials can be "
                       "compared: beside it only --trials, --keep-all, --data, --device, --profile "
                       "and --json can be "
                       "given");
  return TOOL_OK;
}

/* ── What is searched ── */

static ToolExit
choose_search (Search *self)
{
  const SearchOptions *options = self->options;
  KolTrainSettings *settings = &self->setup.settings;

  if (options->shared.steps == TRAIN_UNSET_INTEGER && options->shared.epochs == TRAIN_UNSET_INTEGER)
    {
      settings->steps = STEPS;
      settings->epochs = 0;
    }
  self->search = kol_search_new (settings->seed);
  for (char **range = options->over; range && *range; range++)
    {
      g_autoptr (GError) error = NULL;

      if (!kol_search_add (self->search, *range, &error))
        return tool_usage (&tool_search, "--over: %s", error->message);
    }
  if (!options->over)
    kol_search_add_usual (self->search, settings);
  return TOOL_OK;
}

/* A new search, or one that goes on. */
static ToolExit
choose (Search *self, GError **error)
{
  const char *resume = self->options->shared.resume;

  if (!resume)
    {
      ToolExit chosen = train_setup_choose (&self->setup, error);
      return chosen == TOOL_OK ? choose_search (self) : chosen;
    }
  g_autofree char *folder = tool_run_folder (resume);
  self->search = kol_search_open (folder, error);
  if (!self->search)
    return TOOL_FAILED;
  train_setup_take_run (&self->setup, kol_search_get_base (self->search));
  return TOOL_OK;
}

/* Makes the folder, or takes it. */
static gboolean
begin (Search *self, GError **error)
{
  const SearchOptions *options = self->options;
  gint64 given = options->trials;
  TrainSetup *setup = &self->setup;

  if (options->keep_all)
    kol_search_keep_all (self->search);
  if (options->shared.resume)
    return kol_search_resume (self->search, given == TRAIN_UNSET_INTEGER ? 0 : (guint64) given,
                              error);
  g_autofree char *name = g_strconcat (kol_recipe_get_name (setup->recipe), "-search", NULL);
  g_autofree char *folder
      = options->shared.folder ? g_strdup (options->shared.folder) : kol_run_new_folder (name);
  return kol_search_record (
      self->search, folder, given == TRAIN_UNSET_INTEGER ? TRIALS : (guint64) given, setup->recipe,
      &setup->settings, setup->weights, setup->training, &setup->data_options, error);
}

/* ── Telling ── */

/* "rate 0.00316  batch 50". Given. */
static char *
describe_settings (const Search *self, guint64 trial)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint n;
  const KolSearchRange *const *ranges = kol_search_get_ranges (self->search, &n);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *value = kol_search_sample (self->search, trial, i);
      g_string_append_printf (text, "%s%s %s", i ? "  " : "", ranges[i]->name, value);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
format_accuracy (const KolTrial *trial)
{
  return isnan (trial->accuracy) ? g_strdup ("-")
                                 : g_strdup_printf ("%.2f %%", 100 * trial->accuracy);
}

static char *
format_loss (const KolTrial *trial)
{
  return isnan (trial->loss) ? g_strdup ("-") : g_strdup_printf ("%.4g", trial->loss);
}

/* "trial  3/20  rate 0.00316", by which every line of a trial begins. Given. */
static char *
begin_line (const Search *self)
{
  g_autofree char *of
      = g_strdup_printf ("%" G_GUINT64_FORMAT, kol_search_get_n_trials (self->search));
  g_autofree char *settings = describe_settings (self, self->number);

  return g_strdup_printf ("trial %*" G_GUINT64_FORMAT "/%s  %s", (int) strlen (of), self->number,
                          of, settings);
}

static void
say_progress (const Search *self, const KolTrainReport *report)
{
  g_autofree char *begun = begin_line (self);
  g_autofree char *line
      = g_strdup_printf ("%s  step %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "  loss %.3g", begun,
                         report->step, report->steps, report->loss);

  if ((int) strlen (line) >= tool_columns ())
    line[MAX (tool_columns () - 1, 0)] = '\0';
  tool_status (line);
}

static void
take_report (const KolTrainReport *report, gpointer data)
{
  Search *self = data;

  if (report->event == KOL_TRAIN_PROGRESS)
    say_progress (self, report);
  else if (report->event == KOL_TRAIN_NOTE)
    tool_say ("%s", report->text);
  else if (report->event == KOL_TRAIN_DONE)
    {
      self->trial.loss = report->validation_loss;
      self->trial.accuracy = report->validation_accuracy;
    }
}

static void
say_trial (const Search *self, const GError *reason)
{
  const KolTrial *trial = &self->trial;
  g_autofree char *begun = begin_line (self);
  g_autofree char *loss = format_loss (trial), *accuracy = format_accuracy (trial);
  g_autofree char *took
      = tool_format_duration ((double) (g_get_monotonic_time () - self->began) / 1e6);

  if (trial->state == KOL_TRIAL_DIVERGED)
    tool_say ("%s: diverged at step %" G_GUINT64_FORMAT " (%s)", begun, trial->steps, took);
  else if (trial->state == KOL_TRIAL_FAILED)
    tool_say ("%s: failed: %s", begun, reason->message);
  else if (isnan (trial->accuracy))
    tool_say ("%s: validation loss %s (%s)", begun, loss, took);
  else
    tool_say ("%s: validation loss %s, accuracy %s (%s)", begun, loss, accuracy, took);
}

/* ── Trials ── */

/* What ends a trial, but not the search: what it tried is no good. */
static gboolean
is_outcome (const GError *error)
{
  return g_error_matches (error, KOL_ERROR, KOL_ERROR_DIVERGED)
         || g_error_matches (error, KOL_ERROR, KOL_ERROR_MEMORY)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* What the trial that was broken off has come to is kept, and it goes on from there later. */
static gboolean
break_off (KolTrainer *trainer, gboolean begun, GError **error)
{
  return !begun || kol_trainer_get_step (trainer) == 0 || kol_trainer_save (trainer, error);
}

static gboolean
learn (Search *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) reason = NULL;
  gboolean begun = FALSE;
  g_autoptr (KolTrainer) trainer
      = kol_search_make_trainer (self->search, self->number, self->device, self->setup.training,
                                 self->setup.validation, error);

  if (!trainer)
    return FALSE;
  if (kol_trainer_prepare (trainer, cancellable, &reason)
      && (begun = kol_search_begin_trial (self->search, self->number, trainer, &reason)))
    kol_trainer_run (trainer, take_report, self, cancellable, &reason);
  tool_status (NULL);
  self->trial.steps = kol_trainer_get_step (trainer);
  self->interrupted = g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (self->interrupted)
    return break_off (trainer, begun, error);
  if (!reason)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

static gboolean
take_trial (Search *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autofree char *folder = kol_search_get_trial_folder (self->search, self->number);

  self->trial = (KolTrial){ .number = self->number, .loss = NAN, .accuracy = NAN };
  self->began = g_get_monotonic_time ();
  gboolean done = learn (self, cancellable, &reason);
  if (!done || self->interrupted)
    kol_run_remove_empty (folder);
  if (!done && !is_outcome (reason))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  if (self->interrupted)
    return TRUE;
  self->trial.state = done                                                      ? KOL_TRIAL_DONE
                      : g_error_matches (reason, KOL_ERROR, KOL_ERROR_DIVERGED) ? KOL_TRIAL_DIVERGED
                                                                                : KOL_TRIAL_FAILED;
  if (!kol_search_note (self->search, &self->trial, error))
    return FALSE;
  kol_search_thin_out (self->search, KEPT);
  say_trial (self, reason);
  return TRUE;
}

static gboolean
take_trials (Search *self, GError **error)
{
  ToolInterrupt watch;
  gboolean good = TRUE;

  tool_interrupt_start (&watch, "Finishing the step and saving");
  while (good && !self->interrupted && (self->number = kol_search_get_next (self->search)))
    {
      self->interrupted = g_cancellable_is_cancelled (watch.cancellable);
      good = self->interrupted || take_trial (self, watch.cancellable, error);
    }
  tool_interrupt_stop (&watch);
  return good;
}

/* ── What comes of it ── */

static int
compare_trials (gconstpointer a, gconstpointer b)
{
  return kol_trial_compare (a, b);
}

/* The best first. Given. */
static GArray *
sort_trials (const Search *self)
{
  guint n;
  const KolTrial *outcomes = kol_search_get_outcomes (self->search, &n);
  GArray *trials = g_array_sized_new (FALSE, FALSE, sizeof *outcomes, n);

  g_array_append_vals (trials, outcomes, n);
  g_array_sort (trials, compare_trials);
  return trials;
}

/* NULL: none has come to its end. */
static const KolTrial *
find_best (const GArray *trials)
{
  const KolTrial *first = trials->len ? &g_array_index (trials, KolTrial, 0) : NULL;

  return first && first->state == KOL_TRIAL_DONE ? first : NULL;
}

static void
add_cell (GPtrArray *row, char *cell)
{
  g_ptr_array_add (row, cell);
}

static void
end_row (GPtrArray *rows, GPtrArray *row)
{
  g_ptr_array_add (row, NULL);
  g_ptr_array_add (rows, g_ptr_array_free (row, FALSE));
}

static void
say_table (const Search *self, const GArray *trials)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  GPtrArray *row = g_ptr_array_new ();
  guint n;
  const KolSearchRange *const *ranges = kol_search_get_ranges (self->search, &n);

  add_cell (row, g_strdup ("TRIAL"));
  for (guint i = 0; i < n; i++)
    add_cell (row, g_ascii_strup (ranges[i]->name, -1));
  add_cell (row, g_strdup ("LOSS"));
  add_cell (row, g_strdup ("ACCURACY"));
  add_cell (row, g_strdup ("STATE"));
  end_row (rows, row);
  for (guint t = 0; t < trials->len; t++)
    {
      const KolTrial *trial = &g_array_index (trials, KolTrial, t);

      row = g_ptr_array_new ();
      add_cell (row, g_strdup_printf ("%" G_GUINT64_FORMAT, trial->number));
      for (guint i = 0; i < n; i++)
        add_cell (row, kol_search_sample (self->search, trial->number, i));
      add_cell (row, format_loss (trial));
      add_cell (row, format_accuracy (trial));
      add_cell (row, trial->state == KOL_TRIAL_DIVERGED
                         ? g_strdup_printf ("diverged at step %" G_GUINT64_FORMAT, trial->steps)
                         : g_strdup (kol_trial_state_get_name (trial->state)));
      end_row (rows, row);
    }
  tool_say ("\nTrials by what they reach on the validation set, the best first:");
  tool_say_table (rows);
}

/* As a shell takes it. Given. */
static char *
quote (const char *path)
{
  g_autofree char *shown = g_filename_display_name (path);

  return strpbrk (shown, " \t'\"$&;()*?<>|\\`") ? g_shell_quote (shown) : g_steal_pointer (&shown);
}

/* There may be something better beyond the range, of which its edge says nothing. */
static void
say_edges (const Search *self, const KolTrial *best)
{
  guint n;
  const KolSearchRange *const *ranges = kol_search_get_ranges (self->search, &n);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *value = kol_search_sample (self->search, best->number, i);
      int edge = kol_search_range_find_edge (ranges[i], value);

      if (edge)
        tool_say ("The best %s, %s, lies at the %s end of what was searched (%g..%g): a search "
                  "beyond it may find a better one",
                  ranges[i]->name, value, edge < 0 ? "lower" : "upper", ranges[i]->from,
                  ranges[i]->to);
    }
}

/* How many steps the best trial is to go on to: as many as its recipe has. */
static guint64
whole_steps (const Search *self, const KolTrial *best)
{
  guint64 steps = kol_recipe_get_settings (self->setup.recipe)->steps;

  return steps > best->steps ? steps : 10 * best->steps;
}

static void
say_best (const Search *self, const KolTrial *best)
{
  g_autofree char *folder = kol_search_get_trial_folder (self->search, best->number);
  g_autofree char *path = quote (folder);
  const char *schedule = kol_search_get_base (self->search)->settings.schedule.name;

  say_edges (self, best);
  tool_say ("Go on with the best: kolinsky train --resume %s --steps %" G_GUINT64_FORMAT, path,
            whole_steps (self, best));
  if (schedule && !g_str_equal (schedule, "constant"))
    {
      g_autofree char *settings = describe_settings (self, best->number);
      tool_say (
          "The schedule of the rate, %s, was that of a short training; a long one that begins "
          "anew with %s has the whole of it",
          schedule, settings);
    }
}

static void
write_trial (ToolJson *json, const Search *self, const KolTrial *trial)
{
  g_autofree char *folder = kol_search_get_trial_folder (self->search, trial->number);
  g_autofree char *shown = g_filename_display_name (folder);
  guint n;
  const KolSearchRange *const *ranges = kol_search_get_ranges (self->search, &n);

  tool_json_open (json, NULL, '{');
  tool_json_integer (json, "trial", trial->number);
  tool_json_string (json, "state", kol_trial_state_get_name (trial->state));
  tool_json_integer (json, "steps", trial->steps);
  tool_json_number (json, "validation_loss", trial->loss);
  tool_json_number (json, "validation_accuracy", trial->accuracy);
  tool_json_open (json, "settings", '{');
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *value = kol_search_sample (self->search, trial->number, i);
      char *end;
      double number = g_ascii_strtod (value, &end);

      if (*end)
        tool_json_string (json, ranges[i]->name, value);
      else
        tool_json_number (json, ranges[i]->name, number);
    }
  tool_json_close (json);
  tool_json_string (json, "run", kol_run_exists (folder) ? shown : NULL);
  tool_json_close (json);
}

static void
write_trials (const Search *self, const GArray *trials)
{
  const KolTrial *best = find_best (trials);
  g_autofree char *folder = g_filename_display_name (kol_search_get_folder (self->search));
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  tool_json_string (&json, "search", folder);
  tool_json_integer (&json, "trials_wanted", kol_search_get_n_trials (self->search));
  tool_json_number (&json, "best", best ? (double) best->number : NAN);
  tool_json_open (&json, "trials", '[');
  for (guint t = 0; t < trials->len; t++)
    write_trial (&json, self, &g_array_index (trials, KolTrial, t));
  tool_json_close (&json);
  tool_json_close (&json);
  tool_json_print (&json);
}

static ToolExit
finish (const Search *self)
{
  g_autoptr (GArray) trials = sort_trials (self);
  const KolTrial *best = find_best (trials);
  g_autofree char *folder = quote (kol_search_get_folder (self->search));

  if (trials->len)
    say_table (self, trials);
  if (best)
    say_best (self, best);
  else if (trials->len)
    tool_say ("No trial came to its end; search smaller rates, or a smaller batch");
  if (self->interrupted)
    tool_say ("%u of %" G_GUINT64_FORMAT " trials are done; go on: kolinsky search --resume %s",
              trials->len, kol_search_get_n_trials (self->search), folder);
  else
    tool_say ("Each trial is a run: kolinsky runs %s", folder);
  if (!kol_search_keeps_all (self->search) && trials->len > KEPT)
    tool_say ("The weights of the %d best are kept; --keep-all keeps all", KEPT);
  if (self->options->shared.common.json)
    write_trials (self, trials);
  if (self->interrupted)
    return TOOL_INTERRUPTED;
  return best ? TOOL_OK : TOOL_REFUTED;
}

/* ── Command ── */

static void
say_search (const Search *self)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const KolTrainSettings *settings = &kol_search_get_base (self->search)->settings;
  guint n, done;
  const KolSearchRange *const *ranges = kol_search_get_ranges (self->search, &n);

  kol_search_get_outcomes (self->search, &done);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i ? ", " : "", ranges[i]->text);
  train_setup_say_data (&self->setup);
  tool_say (
      "Search: %s over %s, %" G_GUINT64_FORMAT " trials of %" G_GUINT64_FORMAT " %s",
      kol_recipe_get_name (self->setup.recipe), text->str, kol_search_get_n_trials (self->search),
      settings->steps ? settings->steps : settings->epochs, settings->steps ? "steps" : "epochs");
  if (done)
    tool_say ("%u of them are done", done);
}

/* What goes wrong on the way leaves what is done. */
static void
say_what_is_left (const Search *self)
{
  guint n;

  kol_search_get_outcomes (self->search, &n);
  if (!n)
    return;
  g_autofree char *folder = quote (kol_search_get_folder (self->search));
  g_printerr ("What is done is kept: kolinsky search --resume %s goes on\n", folder);
}

static ToolExit
go (Search *self, GError **error)
{
  if (!train_setup_open_data (&self->setup, FALSE, error))
    return TOOL_FAILED;
  self->device = tool_open_device (&self->options->shared.common, error);
  if (!self->device || !begin (self, error))
    return TOOL_FAILED;
  say_search (self);
  if (take_trials (self, error))
    {
      ToolExit end = finish (self);
      return tool_save_profile (&self->options->shared.common, self->device, error) ? end
                                                                                    : TOOL_FAILED;
    }
  say_what_is_left (self);
  return TOOL_FAILED;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (SearchOptions) options = { .trials = TRAIN_UNSET_INTEGER };
  g_autoptr (GError) error = NULL;

  train_options_init (&options.shared, &tool_search);
  if (!parse (&options, &argc, &argv) || check_parameters (&options, argc, argv) != TOOL_OK)
    return TOOL_USAGE;

  g_auto (Search) self = { .options = &options, .setup = { .options = &options.shared } };
  ToolExit chosen = choose (&self, &error);
  if (chosen == TOOL_OK)
    chosen = go (&self, &error);
  return error ? tool_fail (error) : chosen;
}

const ToolCommand tool_search = {
  .name = "search",
  .parameters = "RECIPE",
  .summary = "Search good settings: many short trainings, drawn at random",
  .description
  = "Random search (Bergstra and Bengio, 2012): the same short training again and again, each\n"
    "time with other settings, drawn at random from --over. What is tried is a function of\n"
    "--seed and the trial's number; all else is the same in every trial. Without --over it is\n"
    "the learning rate, from 1e-5 to 1e-1, or from 1e-4 to 1 with sgd. A trial takes --steps, or\n"
    "500 steps; trials are compared on the validation set, and the test set is not looked at.\n\n"
    "--over takes any setting of a recipe's [training] but steps, epochs and validation. A list\n"
    "gives each of its values the same chance. A range is searched by magnitude, as many trials\n"
    "in 1e-4..1e-3 as in 1e-3..1e-2, for rate and weight-decay and wherever it spans a decade;\n"
    "so is what momentum, beta1, beta2, alpha and average are short of 1. keep, crop, jitter,\n"
    "narrow ranges and those from 0 are searched evenly.\n\n"
    "Every trial is a run in the folder of the search, for `evaluate`, `plot` and `train\n"
    "--resume`; search.csv has a row for each. Weights stay of the five best, or, with\n"
    "--keep-all, of all. One that diverges is an outcome like others.\n"
    "Ctrl-C finishes the step, saves and ends; --resume goes on where it was.",
  .run = run_command,
};
