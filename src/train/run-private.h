/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "run.h"

G_BEGIN_DECLS

/* The files of a run's folder; checkpoints are checkpoint-private.h's. */
#define KOL_RUN_FILE "run.ini"
#define KOL_RECIPE_FILE "recipe.ini"
#define KOL_LOCK_FILE "lock"
#define KOL_SKIPPED_FILE "skipped.txt"

/*
 * Makes the folder with run.ini and recipe.ini; @recipe NULL: a network that is code; @weights
 * NULL: it begins with random numbers.
 */
gboolean kol_run_create (const char *folder, const KolRecipe *recipe,
                         const KolTrainSettings *settings, const char *weights,
                         const KolDataset *data, const KolDatasetOptions *options, GError **error);
/* The same with another name for run.ini, so that the folder is no run's. */
gboolean kol_run_create_as (const char *folder, const char *name, const KolRecipe *recipe,
                            const KolTrainSettings *settings, const char *weights,
                            const KolDataset *data, const KolDatasetOptions *options,
                            GError **error);
/* Reads what that has made; an error is only the reason. */
KolRun *kol_run_read_as (const char *folder, const char *name, GError **error);
/* Changes [run] of run.ini: the steps done and the best validation so far. */
gboolean kol_run_update (const char *folder, const KolTrainSettings *settings, guint64 step,
                         guint64 best, double best_loss, double best_accuracy, GError **error);

/* Notes at which step of which run, or NULL, this one has begun. */
gboolean kol_run_note_parent (const char *folder, const char *parent, guint64 step, GError **error);
/* Notes that training has come to its end; kol_run_update() takes the note away. */
gboolean kol_run_finish (const char *folder, GError **error);
/* A number as text that reads back as the same number; nothing for NaN. */
void kol_run_set_number (GKeyFile *file, const char *group, const char *key, double number);

G_END_DECLS
