/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Random search: Bergstra and Bengio, "Random search for hyper-parameter optimization",
 * 2012. Of the settings that are searched few matter, and it is not known which: drawn at
 * random, each trial has a new value of every one of them, where a grid of as many trials
 * would try the same few again and again.
 *
 * What a trial tries is a function of the search's seed, the setting's name and the trial's
 * number. So trials can be taken in any order, a search goes on as if it had not ended, and
 * another range beside them changes nothing of the others.
 */

#include "search-private.h"

#include <math.h>
#include <string.h>

#include "../random-private.h"
#include "../words-private.h"
#include "settings-private.h"

#define DECADE 10.0    /* times `from`: a range that is at least so wide is one of magnitudes */
#define EDGE 0.1       /* of a range, at either end */
#define MOST_VALUES 64 /* of a list */

static void
range_free (gpointer data)
{
  KolSearchRange *range = data;

  g_free (range->name);
  g_strfreev (range->values);
  g_free (range->text);
  g_free (range);
}

/**
 * kol_search_new:
 * @seed: of what is drawn. It is not that of the trainings, which all have the one of their
 *   settings, so that trials differ in nothing but what is searched
 *
 * Returns: (transfer full): a search of nothing yet
 */
KolSearch *
kol_search_new (guint64 seed)
{
  KolSearch *search = g_new0 (KolSearch, 1);

  search->seed = seed;
  search->ranges = g_ptr_array_new_with_free_func (range_free);
  search->outcomes = g_array_new (FALSE, FALSE, sizeof (KolTrial));
  return search;
}

/**
 * kol_search_free:
 * @search: (transfer full) (nullable): a search
 *
 * Frees it. What it has recorded stays.
 */
void
kol_search_free (KolSearch *search)
{
  if (!search)
    return;
  g_clear_pointer (&search->ranges, g_ptr_array_unref);
  g_clear_pointer (&search->outcomes, g_array_unref);
  g_clear_pointer (&search->base, kol_run_free);
  g_clear_pointer (&search->lock, kol_lock_free);
  g_free (search->folder);
  g_free (search->weights);
  g_free (search);
}

/* ── Ranges ──────────────────────────────────────────────────────────────────────────────────── */

/* Whether the setting can have the value: that of a trial is known to be good before the first. */
static gboolean
is_allowed (const char *name, const char *value, GError **error)
{
  KolTrainSettings scratch = { 0 };

  return kol_train_settings_set (&scratch, name, value, error);
}

/* How numbers of the setting are spread between two bounds. */
static KolSearchScale
choose_scale (const char *name, double from, double to)
{
  static const char *const shares[] = { "keep", "crop", "jitter", NULL };
  static const char *const near_one[] = { "momentum", "beta1", "beta2", "alpha", "average", NULL };
  static const char *const magnitudes[] = { "rate", "weight-decay", NULL };

  if (g_strv_contains (shares, name))
    return KOL_SEARCH_LINEAR;
  if (g_strv_contains (near_one, name))
    return to < 1 ? KOL_SEARCH_LOG_REST : KOL_SEARCH_LINEAR;
  return from > 0 && (to / from >= DECADE || g_strv_contains (magnitudes, name))
             ? KOL_SEARCH_LOG
             : KOL_SEARCH_LINEAR;
}

static gboolean
read_bounds (KolSearchRange *range, const char *text, GError **error)
{
  g_auto (GStrv) ends = g_strsplit (text, "..", 2);
  KolSettingKind kind = kol_train_setting_get_kind (range->name);

  for (char **end = ends; *end; end++)
    if (!is_allowed (range->name, g_strstrip (*end), error))
      return FALSE;
  if (kind == KOL_SETTING_WORD)
    return kol_train_settings_refuse (
        error, "%s is searched in “%s”, but its values are words; list them: %s=THIS,THAT",
        range->name, text, range->name);
  range->whole = kind == KOL_SETTING_WHOLE;
  range->from = g_ascii_strtod (ends[0], NULL);
  range->to = g_ascii_strtod (ends[1], NULL);
  if (range->from >= range->to)
    return kol_train_settings_refuse (
        error, "%s is searched in “%s”; give two numbers, the smaller first", range->name, text);
  range->scale = choose_scale (range->name, range->from, range->to);
  return TRUE;
}

static gboolean
read_list (KolSearchRange *range, const char *text, GError **error)
{
  range->scale = KOL_SEARCH_LIST;
  range->values = g_strsplit (text, ",", -1);
  guint n = g_strv_length (range->values);

  for (guint i = 0; i < n; i++)
    {
      if (!is_allowed (range->name, g_strstrip (range->values[i]), error))
        return FALSE;
      for (guint j = 0; j < i; j++)
        if (strcmp (range->values[i], range->values[j]) == 0)
          return kol_train_settings_refuse (error, "%s is searched in “%s”, where %s stands twice",
                                            range->name, text, range->values[i]);
    }
  if (n > MOST_VALUES)
    return kol_train_settings_refuse (
        error, "%s is searched among %u values, more than %d; give a range, as %s=1..%u",
        range->name, n, MOST_VALUES, range->name, n);
  return n >= 2
         || kol_train_settings_refuse (
             error,
             "%s is searched in “%s”, which is one value; give a range, such as %s=1e-5..1, "
             "or a list, such as %s=25,50",
             range->name, text, range->name, range->name);
}

static gboolean
check_name (const KolSearch *search, const char *name, GError **error)
{
  if (kol_train_setting_get_kind (name) == KOL_SETTING_UNKNOWN)
    return is_allowed (name, "", error); /* which says so, and what it may have meant */
  if (strcmp (name, "steps") == 0 || strcmp (name, "epochs") == 0)
    return kol_train_settings_refuse (
        error,
        "The %s are the same in every trial, so that trials can be compared; "
        "they are not searched",
        name);
  if (strcmp (name, "validation") == 0)
    return kol_train_settings_refuse (
        error, "The examples to validate on are the same in every trial, so that trials "
               "can be compared; they are not searched");
  for (guint i = 0; i < search->ranges->len; i++)
    if (strcmp (((KolSearchRange *) search->ranges->pdata[i])->name, name) == 0)
      return kol_train_settings_refuse (error, "%s is searched twice; give one range or list of it",
                                        name);
  return TRUE;
}

/**
 * kol_search_add:
 * @search: a search of which nothing is recorded yet
 * @text: a setting of kol_train_settings_set(), and where to search it: a range,
 *   "rate=1e-5..1e-1", or a list, "batch=25,50,100"
 * @error: return location
 *
 * Has a setting be searched.
 *
 * From a list each value is as likely. A range is searched by magnitude where that is what
 * counts: the logarithm is uniform of "rate" and "weight-decay", and of any other setting
 * whose range spans a decade; of momentum, beta1, beta2, alpha and average, which matter by
 * what they are short of 1, it is that of 1 - value. All else is uniform: "keep", "crop" and
 * "jitter", narrow ranges, and those that begin with 0. Numbers have four digits.
 *
 * Errors: %G_IO_ERROR_NOT_FOUND for an unknown setting; %G_IO_ERROR_INVALID_ARGUMENT for
 * what is no range or list of its values, and for settings by which trials could not be
 * compared: steps, epochs, validation.
 *
 * Returns: whether it is searched
 */
gboolean
kol_search_add (KolSearch *search, const char *text, GError **error)
{
  g_return_val_if_fail (search != NULL && text != NULL && !search->folder, FALSE);
  const char *equals = strchr (text, '=');

  if (!equals)
    return kol_train_settings_refuse (
        error,
        "“%s” is nothing to search; give a setting and a range or a list of its values, "
        "such as rate=1e-5..1e-1 or batch=25,50,100",
        text);
  KolSearchRange *range = g_new0 (KolSearchRange, 1);
  range->name = g_strstrip (g_strndup (text, (gsize) (equals - text)));
  range->text = g_strdup (text);
  if (!check_name (search, range->name, error)
      || !(strstr (equals, "..") ? read_bounds (range, equals + 1, error)
                                 : read_list (range, equals + 1, error)))
    {
      range_free (range);
      return FALSE;
    }
  g_ptr_array_add (search->ranges, range);
  return TRUE;
}

/**
 * kol_search_add_usual:
 * @search: a search of nothing yet
 * @settings: what its trials have in common
 *
 * Has the learning rate be searched, which of all settings matters most: from 1e-5 to 0.1,
 * or from 1e-4 to 1 with sgd, whose steps are as large as the gradients are, where those of
 * the other optimizers are about as large as the rate.
 */
void
kol_search_add_usual (KolSearch *search, const KolTrainSettings *settings)
{
  g_return_if_fail (search != NULL && settings != NULL && search->ranges->len == 0);
  gboolean sgd = g_strcmp0 (settings->optimizer.name, "sgd") == 0;

  kol_search_add (search, sgd ? "rate=1e-4..1" : "rate=1e-5..1e-1", NULL);
}

/**
 * kol_search_get_ranges:
 * @search: a search
 * @n: (out): how many there are
 *
 * Returns: (transfer none) (array length=n): what is searched
 */
const KolSearchRange *const *
kol_search_get_ranges (const KolSearch *search, guint *n)
{
  g_return_val_if_fail (search != NULL && n != NULL, NULL);
  *n = search->ranges->len;
  return (const KolSearchRange *const *) search->ranges->pdata;
}

/* ── Trials ──────────────────────────────────────────────────────────────────────────────────── */

/* Uniform in (0, 1). */
static double
draw (const KolSearch *search, const char *name, guint64 trial)
{
  KolPhilox words = kol_philox (kol_random_key (search->seed, name), trial, 0);
  guint64 bits = (guint64) words.v[0] << 20 | words.v[1] >> 12; /* 52 of them */

  return ((double) bits + 0.5) * 0x1p-52;
}

/* Between two bounds, of which the share @u is below. */
static double
interpolate (const KolSearchRange *range, double u)
{
  switch (range->scale)
    {
    case KOL_SEARCH_LOG:
      return range->from * pow (range->to / range->from, u);
    case KOL_SEARCH_LOG_REST:
      return 1 - (1 - range->from) * pow ((1 - range->to) / (1 - range->from), u);
    case KOL_SEARCH_LINEAR:
    case KOL_SEARCH_LIST:
    default:
      return range->from + u * (range->to - range->from);
    }
}

/* The share of the range that is below a number; interpolate()'s inverse. */
static double
find_share (const KolSearchRange *range, double number)
{
  switch (range->scale)
    {
    case KOL_SEARCH_LOG:
      return log (number / range->from) / log (range->to / range->from);
    case KOL_SEARCH_LOG_REST:
      return log ((1 - number) / (1 - range->from)) / log ((1 - range->to) / (1 - range->from));
    case KOL_SEARCH_LINEAR:
    case KOL_SEARCH_LIST:
    default:
      return (number - range->from) / (range->to - range->from);
    }
}

/* Four digits; of what is close to 1, four of what it is short of that. */
static char *
format_number (const KolSearchRange *range, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE], format[16];

  if (range->whole)
    g_snprintf (format, sizeof format, "%%.0f");
  else if (range->scale == KOL_SEARCH_LOG_REST)
    g_snprintf (format, sizeof format, "%%.%df",
                CLAMP (3 - (int) floor (log10 (1 - number)), 3, 17));
  else
    g_snprintf (format, sizeof format, "%%.4g");
  g_ascii_formatd (text, sizeof text, format, number);
  /* Rounded it may be beyond a bound. */
  double rounded = g_ascii_strtod (text, NULL);
  if (rounded < range->from || rounded > range->to)
    g_ascii_dtostr (text, sizeof text, rounded < range->from ? range->from : range->to);
  return g_strdup (text);
}

/**
 * kol_search_sample:
 * @search: a search
 * @trial: the number of a trial, from 1
 * @which: of the settings that are searched
 *
 * Returns: (transfer full): its value in that trial, for kol_train_settings_set()
 */
char *
kol_search_sample (const KolSearch *search, guint64 trial, guint which)
{
  g_return_val_if_fail (search != NULL && trial > 0 && which < search->ranges->len, NULL);
  const KolSearchRange *range = search->ranges->pdata[which];
  double u = draw (search, range->name, trial);

  if (range->scale == KOL_SEARCH_LIST)
    return g_strdup (range->values[(guint) (u * g_strv_length (range->values))]);
  if (range->whole && range->scale == KOL_SEARCH_LINEAR) /* the last as likely as the others */
    return format_number (range, floor (range->from + u * (range->to + 1 - range->from)));
  return format_number (range, interpolate (range, u));
}

/**
 * kol_search_apply:
 * @search: a search
 * @trial: the number of a trial, from 1
 * @settings: what trials have in common, to which those of this one are added
 * @error: return location
 *
 * Errors: those of kol_train_settings_set(), which kol_search_add() has seen before.
 *
 * Returns: whether they are
 */
gboolean
kol_search_apply (const KolSearch *search, guint64 trial, KolTrainSettings *settings,
                  GError **error)
{
  g_return_val_if_fail (search != NULL && settings != NULL, FALSE);

  for (guint i = 0; i < search->ranges->len; i++)
    {
      const KolSearchRange *range = search->ranges->pdata[i];
      g_autofree char *value = kol_search_sample (search, trial, i);

      if (!kol_train_settings_set (settings, range->name, value, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * kol_search_range_find_edge:
 * @range: what is searched of a setting
 * @value: a value of it, such as that of the best trial
 *
 * A best value at the edge of a range says that there may be a better one beyond.
 *
 * Returns: -1 or 1 if the value lies in the first or last tenth of the range, else 0; 0 for
 *   lists
 */
int
kol_search_range_find_edge (const KolSearchRange *range, const char *value)
{
  g_return_val_if_fail (range != NULL && value != NULL, 0);
  double share
      = range->scale == KOL_SEARCH_LIST ? 0.5 : find_share (range, g_ascii_strtod (value, NULL));

  return share < EDGE ? -1 : share > 1 - EDGE ? 1 : 0;
}

/**
 * kol_trial_compare:
 * @a: a trial
 * @b: another one
 *
 * Returns: less than 0 if @a is the better one: by the accuracy where there is one, else by
 *   the loss; those without either are last
 */
int
kol_trial_compare (const KolTrial *a, const KolTrial *b)
{
  g_return_val_if_fail (a != NULL && b != NULL, 0);
  double left = a->state == KOL_TRIAL_DONE ? a->accuracy : NAN;
  double right = b->state == KOL_TRIAL_DONE ? b->accuracy : NAN;

  if (a->state != b->state)
    return a->state < b->state ? -1 : 1;
  if (!isnan (left) && !isnan (right) && left != right)
    return left > right ? -1 : 1;
  if (isnan (a->loss) != isnan (b->loss))
    return isnan (a->loss) ? 1 : -1;
  if (a->loss != b->loss && !isnan (a->loss))
    return a->loss < b->loss ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}
