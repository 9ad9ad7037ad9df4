/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The settings of a training run by name: one table says what there is, for recipe
 * files, for the command line, and for the file that a run leaves.
 */

#include "settings-private.h"

#include <math.h>
#include <string.h>

#include "../words-private.h"

#define DEFAULT_STEPS 20000
#define DEFAULT_BATCH 50
#define DEFAULT_KEEP 0.5
#define DEFAULT_VALIDATION 5000
#define DEFAULT_OPTIMIZER "adam"
#define DEFAULT_ADAM_RATE 1e-4 /* the lecture's */

typedef enum {
  COUNT,  /* a whole number of 0 or more, guint64 */
  SMALL,  /* the same, guint */
  NUMBER, /* double */
  SWITCH, /* gboolean */
  WORD,   /* one of a list, const char * */
} Kind;

typedef struct {
  const char *name;
  Kind kind;
  gsize offset;
  double least, most; /* of a number; both 0: any */
  gboolean open;      /* the bounds themselves are not allowed */
  const char *const *(*words) (void);
} Setting;

#define AT(member) G_STRUCT_OFFSET (KolTrainSettings, member)

static const char *const *
memory_names (void)
{
  static const char *const names[] = { "normal", "low", NULL };

  return names;
}

static const Setting settings_known[] = {
  { "steps", COUNT, AT (steps), .least = 1 },
  { "epochs", COUNT, AT (epochs), .least = 1 },
  { "batch", COUNT, AT (batch), .least = 1 },
  { "micro-batches", SMALL, AT (optimizer.micro_batches) },
  { "memory", WORD, AT (memory), .words = memory_names },
  { "optimizer", WORD, AT (optimizer.name), .words = kol_optimizer_names },
  { "rate", NUMBER, AT (optimizer.rate), 0, INFINITY, TRUE },
  { "momentum", NUMBER, AT (optimizer.momentum), 0, 1 },
  { "nesterov", SWITCH, AT (optimizer.nesterov) },
  { "beta1", NUMBER, AT (optimizer.beta1), 0, 1, TRUE },
  { "beta2", NUMBER, AT (optimizer.beta2), 0, 1, TRUE },
  { "epsilon", NUMBER, AT (optimizer.epsilon), 0, INFINITY, TRUE },
  { "alpha", NUMBER, AT (optimizer.alpha), 0, 1, TRUE },
  { "centered", SWITCH, AT (optimizer.centered) },
  { "weight-decay", NUMBER, AT (optimizer.weight_decay), 0, INFINITY },
  { "clip-value", NUMBER, AT (optimizer.clip_value), 0, INFINITY },
  { "clip-norm", NUMBER, AT (optimizer.clip_norm), 0, INFINITY },
  { "average", NUMBER, AT (optimizer.average), 0, 1 },
  { "schedule", WORD, AT (schedule.name), .words = kol_schedule_names },
  { "warmup", COUNT, AT (schedule.warmup) },
  { "schedule-every", COUNT, AT (schedule.every) },
  { "schedule-factor", NUMBER, AT (schedule.factor), 0, INFINITY, TRUE },
  { "schedule-final", NUMBER, AT (schedule.final), 0, INFINITY },
  { "plateau", COUNT, AT (plateau) },
  { "plateau-factor", NUMBER, AT (plateau_factor), 0, 1, TRUE },
  { "early-stop", COUNT, AT (early_stop) },
  { "keep", NUMBER, AT (keep), 1e-6, 1 },
  { "seed", COUNT, AT (seed) },
  { "validation", COUNT, AT (validation) },
  { "flip", SWITCH, AT (augment.flip) },
  { "shift", SMALL, AT (augment.shift) },
  { "cutout", SMALL, AT (augment.cutout) },
  { "crop", NUMBER, AT (augment.crop), 0, 1 },
  { "jitter", NUMBER, AT (augment.jitter), 0, 1 },
  { "log-every", COUNT, AT (log_every) },
  { "validate-every", COUNT, AT (validate_every) },
  { "checkpoint-every", COUNT, AT (checkpoint_every) },
  { "histogram-every", COUNT, AT (histogram_every) },
  { "checkpoints", COUNT, AT (checkpoints) },
};

G_STATIC_ASSERT (sizeof (gsize) == sizeof (guint64));

static const Setting *
find_setting (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (settings_known); i++)
    if (strcmp (settings_known[i].name, name) == 0)
      return &settings_known[i];
  return NULL;
}

/**
 * kol_train_settings_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): the names of all settings
 */
const char *const *
kol_train_settings_names (void)
{
  static const char *names[G_N_ELEMENTS (settings_known) + 1];

  if (!names[0])
    for (gsize i = G_N_ELEMENTS (settings_known); i-- > 0;)
      names[i] = settings_known[i].name;
  return names;
}

KolSettingKind
kol_train_setting_get_kind (const char *name)
{
  static const KolSettingKind kinds[] = {
    [COUNT] = KOL_SETTING_WHOLE, [SMALL] = KOL_SETTING_WHOLE, [NUMBER] = KOL_SETTING_NUMBER,
    [SWITCH] = KOL_SETTING_WORD, [WORD] = KOL_SETTING_WORD,
  };
  const Setting *setting = find_setting (name);

  return setting ? kinds[setting->kind] : KOL_SETTING_UNKNOWN;
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
refuse (const Setting *setting, const char *value, const char *wanted, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s is “%s”; give %s", setting->name,
               value, wanted);
  return FALSE;
}

static gboolean
set_count (const Setting *setting, gpointer at, const char *value, GError **error)
{
  guint64 most = setting->kind == SMALL ? G_MAXINT32 : G_MAXINT64, count;

  if (!g_ascii_string_to_unsigned (value, 10, (guint64) setting->least, most, &count, NULL))
    return refuse (setting, value,
                   setting->least > 0 ? "a whole number of at least 1"
                                      : "a whole number of at least 0",
                   error);
  if (setting->kind == SMALL)
    *(guint *) at = (guint) count;
  else
    *(guint64 *) at = count;
  return TRUE;
}

static gboolean
set_number (const Setting *setting, double *at, const char *value, GError **error)
{
  char *end;
  double number = g_ascii_strtod (value, &end);
  g_autofree char *wanted
      = setting->most == 1
            ? g_strdup_printf ("a number %s and %s 1", setting->open ? "above 0" : "from 0",
                               setting->open ? "below" : "up to")
            : g_strdup_printf ("a number %s", setting->open ? "above 0" : "of at least 0");

  if (end == value || *end || !isfinite (number) || number < setting->least
      || number > setting->most
      || (setting->open && (number == setting->least || number == setting->most)))
    return refuse (setting, value, wanted, error);
  *at = number;
  return TRUE;
}

static gboolean
set_switch (const Setting *setting, gboolean *at, const char *value, GError **error)
{
  if (strcmp (value, "yes") == 0 || strcmp (value, "true") == 0)
    *at = TRUE;
  else if (strcmp (value, "no") == 0 || strcmp (value, "false") == 0)
    *at = FALSE;
  else
    return refuse (setting, value, "yes or no", error);
  return TRUE;
}

static gboolean
set_word (const Setting *setting, const char **at, const char *value, GError **error)
{
  const char *const *words = setting->words ();

  for (gsize i = 0; words[i]; i++)
    if (strcmp (words[i], value) == 0)
      {
        *at = words[i];
        return TRUE;
      }
  g_autofree char *known = kol_list_words (words);
  g_autofree char *wanted = g_strconcat ("one of: ", known, NULL);
  return refuse (setting, value, wanted, error);
}

/**
 * kol_train_settings_set:
 * @settings: settings
 * @name: the name of one, such as "weight-decay"
 * @value: its value as text: a number, a word, yes or no
 * @error: return location
 *
 * Sets what a recipe file or a command line names. Of steps and epochs the one that is
 * set last counts.
 *
 * Errors: %G_IO_ERROR_NOT_FOUND for an unknown name, with the nearest known one;
 * %G_IO_ERROR_INVALID_ARGUMENT for a value that does not fit, with what does.
 *
 * Returns: whether it is set
 */
gboolean
kol_train_settings_set (KolTrainSettings *settings, const char *name, const char *value,
                        GError **error)
{
  const Setting *setting = find_setting (name);

  if (!setting)
    {
      const char *nearest = kol_nearest_word (name, kol_train_settings_names ());
      g_autofree char *known = kol_list_words (kol_train_settings_names ());
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no setting “%s”; %s%s%s%s",
                   name, nearest ? "did you mean “" : "",
                   nearest ? nearest : "known are: ", nearest ? "”?" : known, "");
      return FALSE;
    }
  gpointer at = G_STRUCT_MEMBER_P (settings, setting->offset);
  if (at == &settings->steps) /* what is set last counts */
    settings->epochs = 0;
  if (at == &settings->epochs)
    settings->steps = 0;
  switch (setting->kind)
    {
    case COUNT:
    case SMALL:
      return set_count (setting, at, value, error);
    case NUMBER:
      return set_number (setting, at, value, error);
    case SWITCH:
      return set_switch (setting, at, value, error);
    case WORD:
    default:
      return set_word (setting, at, value, error);
    }
}

/* ── Defaults and checks ─────────────────────────────────────────────────────────────────────── */

gboolean
kol_train_settings_refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

static gboolean
check_together (const KolTrainSettings *settings, gsize examples, gboolean held_out,
                const char *data, GError **error)
{
  const KolOptimizer *optimizer = &settings->optimizer;

  if (!isfinite (optimizer->rate) || optimizer->rate < 0)
    return kol_train_settings_refuse (
        error, "The learning rate is %g; give a positive number, such as 1e-4", optimizer->rate);
  if (!(settings->keep > 0 && settings->keep <= 1))
    return kol_train_settings_refuse (
        error,
        "Dropout's keep probability is %g; give a number above 0 and up to 1, where 1 "
        "drops nothing",
        settings->keep);
  if (held_out && settings->validation >= examples)
    return kol_train_settings_refuse (
        error,
        "%zu examples were to be held out for validation, but the %s holds %zu, and some "
        "must be left to learn from; hold out fewer",
        settings->validation, data, examples);
  if (optimizer->micro_batches > 1 && settings->batch % optimizer->micro_batches != 0)
    return kol_train_settings_refuse (
        error,
        "A batch of %zu cannot be taken in %u equal parts; choose a batch that is a "
        "multiple of micro-batches",
        settings->batch, optimizer->micro_batches);
  return TRUE;
}

/* Makes steps of epochs, which are of so many examples. */
static void
settle_steps (KolTrainSettings *settings, gsize lessons)
{
  guint64 per_epoch = MAX (lessons / settings->batch, 1);

  if (settings->steps == 0 && settings->epochs)
    settings->steps
        = settings->epochs > G_MAXINT64 / per_epoch ? G_MAXINT64 : settings->epochs * per_epoch;
  if (settings->steps == 0)
    settings->steps = DEFAULT_STEPS;
  settings->epochs = 0;
}

/**
 * kol_train_settings_settle:
 * @settings: settings, 0 for whatever is to be the default
 * @examples: how many the training set has
 * @validation: how many a validation set beside it has; 0: there is none, so that some of
 *   the training set are held out
 * @data: its name, for errors
 * @error: return location
 *
 * Puts the defaults in, then looks for what does not go together.
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT
 *
 * Returns: whether the settings make sense
 */
gboolean
kol_train_settings_settle (KolTrainSettings *settings, gsize examples, gsize validation,
                           const char *data, GError **error)
{
  KolOptimizer *optimizer = &settings->optimizer;

  if (!optimizer->name)
    optimizer->name = DEFAULT_OPTIMIZER;
  if (!g_strv_contains (kol_optimizer_names (), optimizer->name))
    {
      g_autofree char *known = kol_list_words (kol_optimizer_names ());
      return kol_train_settings_refuse (error, "There is no optimizer “%s”; choose one of: %s",
                                        optimizer->name, known);
    }
  if (optimizer->rate == 0)
    optimizer->rate = strcmp (optimizer->name, "adam") == 0
                          ? DEFAULT_ADAM_RATE
                          : kol_optimizer_default_rate (optimizer->name);
  if (!settings->schedule.name)
    settings->schedule.name = "constant";
  if (settings->batch == 0)
    settings->batch = DEFAULT_BATCH;
  if (settings->keep == 0)
    settings->keep = DEFAULT_KEEP;
  if (validation)
    settings->validation
        = MIN (settings->validation ? settings->validation : validation, validation);
  else if (settings->validation == 0) /* the lecture's 5,000 of 60,000, of fewer in proportion */
    settings->validation = CLAMP (examples / 12, 1, DEFAULT_VALIDATION);
  if (settings->plateau_factor == 0)
    settings->plateau_factor = 0.1;
  if (settings->log_every == 0)
    settings->log_every = 10;
  if (settings->checkpoints == 0)
    settings->checkpoints = 3;
  settle_steps (settings, validation ? examples : examples - MIN (settings->validation, examples));
  return check_together (settings, examples, validation == 0, data, error);
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_train_settings_write:
 * @settings: settings
 * @file: where to write them
 * @group: the group to write them to
 *
 * Writes every setting that is not 0, so that kol_train_settings_set() of each
 * gives the same settings again.
 */
void
kol_train_settings_write (const KolTrainSettings *settings, GKeyFile *file, const char *group)
{
  for (gsize i = 0; i < G_N_ELEMENTS (settings_known); i++)
    {
      const Setting *setting = &settings_known[i];
      gconstpointer at = (const char *) settings + setting->offset;
      guint64 count = setting->kind == SMALL   ? *(const guint *) at
                      : setting->kind == COUNT ? *(const guint64 *) at
                                               : 0;
      char number[G_ASCII_DTOSTR_BUF_SIZE];

      if (count)
        g_key_file_set_uint64 (file, group, setting->name, count);
      else if (setting->kind == NUMBER && *(const double *) at != 0)
        g_key_file_set_string (file, group, setting->name,
                               g_ascii_dtostr (number, sizeof number, *(const double *) at));
      else if (setting->kind == SWITCH && *(const gboolean *) at)
        g_key_file_set_string (file, group, setting->name, "yes");
      else if (setting->kind == WORD && *(const char *const *) at)
        g_key_file_set_string (file, group, setting->name, *(const char *const *) at);
    }
}
