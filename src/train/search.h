/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "run.h"
#include "trainer.h"

G_BEGIN_DECLS

/**
 * KolSearchScale:
 * @KOL_SEARCH_LIST: one of `values`, each as likely
 * @KOL_SEARCH_LINEAR: uniform between `from` and `to`
 * @KOL_SEARCH_LOG: its logarithm is uniform: as many trials in each decade
 * @KOL_SEARCH_LOG_REST: the logarithm of 1 - value is: as many trials from 0.9 to 0.99 as
 *   from 0.99 to 0.999
 *
 * How the values of a setting are spread.
 */
typedef enum {
  KOL_SEARCH_LIST,
  KOL_SEARCH_LINEAR,
  KOL_SEARCH_LOG,
  KOL_SEARCH_LOG_REST,
} KolSearchScale;

/** KolSearchRange: a setting that is searched, and where. */
typedef struct {
  char *name;
  KolSearchScale scale;
  gboolean whole; /* whole numbers alone */
  double from, to;
  char **values; /* of a list, else %NULL */
  char *text;    /* "rate=1e-5..1e-1", as it was given */
} KolSearchRange;

/** KolTrialState: what became of a trial. */
typedef enum {
  KOL_TRIAL_DONE,
  KOL_TRIAL_DIVERGED, /* with these settings: an answer, not an error */
  KOL_TRIAL_FAILED,   /* it does not fit into the memory, for one */
} KolTrialState;

/**
 * KolTrial:
 * @number: from 1
 * @state: what became of it
 * @steps: that it has taken
 * @loss: of the validation set, at its end; NaN where it did not come to that
 * @accuracy: likewise, 0..1; NaN where there are no classes
 *
 * The outcome of a trial. Its settings are kol_search_sample()'s.
 */
typedef struct {
  guint64 number;
  KolTrialState state;
  guint64 steps;
  double loss, accuracy;
} KolTrial;

/**
 * KolSearch:
 *
 * Random search of hyperparameters: the same short training again and again, each time with
 * settings that are drawn at random. Of one thread at a time.
 */
typedef struct _KolSearch KolSearch;

/* What is searched. */
KOL_API KolSearch *kol_search_new (guint64 seed);
KOL_API void kol_search_free (KolSearch *search);
KOL_API gboolean kol_search_add (KolSearch *search, const char *text, GError **error);
KOL_API void kol_search_add_usual (KolSearch *search, const KolTrainSettings *settings);
KOL_API const KolSearchRange *const *kol_search_get_ranges (const KolSearch *search, guint *n);
KOL_API char *kol_search_sample (const KolSearch *search, guint64 trial, guint which);
KOL_API gboolean kol_search_apply (const KolSearch *search, guint64 trial,
                                   KolTrainSettings *settings, GError **error);
KOL_API int kol_search_range_find_edge (const KolSearchRange *range, const char *value);

/* What comes of it, in a folder. */
KOL_API gboolean kol_search_record (KolSearch *search, const char *folder, guint64 trials,
                                    const KolRecipe *recipe, const KolTrainSettings *settings,
                                    const char *weights, const KolDataset *data,
                                    const KolDatasetOptions *options, GError **error);
KOL_API gboolean kol_search_exists (const char *folder);
KOL_API KolSearch *kol_search_open (const char *folder, GError **error);
KOL_API gboolean kol_search_resume (KolSearch *search, guint64 trials, GError **error);
KOL_API const KolRun *kol_search_get_base (const KolSearch *search);
KOL_API const char *kol_search_get_folder (const KolSearch *search);
KOL_API guint64 kol_search_get_n_trials (const KolSearch *search);
KOL_API const KolTrial *kol_search_get_outcomes (const KolSearch *search, guint *n);
KOL_API guint64 kol_search_get_next (const KolSearch *search);
KOL_API char *kol_search_get_trial_folder (const KolSearch *search, guint64 trial);
KOL_API KolTrainer *kol_search_make_trainer (KolSearch *search, guint64 trial, KolDevice *device,
                                             KolDataset *data, KolDataset *validation,
                                             GError **error);
KOL_API gboolean kol_search_begin_trial (KolSearch *search, guint64 trial, KolTrainer *trainer,
                                         GError **error);
KOL_API gboolean kol_search_note (KolSearch *search, const KolTrial *outcome, GError **error);
KOL_API void kol_search_keep_all (KolSearch *search);
KOL_API gboolean kol_search_keeps_all (const KolSearch *search);
KOL_API void kol_search_thin_out (KolSearch *search, guint keep);
KOL_API int kol_trial_compare (const KolTrial *a, const KolTrial *b);
KOL_API const char *kol_trial_state_get_name (KolTrialState state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolSearch, kol_search_free)

G_END_DECLS
