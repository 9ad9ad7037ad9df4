/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "recipe.h"

G_BEGIN_DECLS

/**
 * KolRun:
 * @folder: where it is
 * @recipe: the network, as it was when the run began
 * @settings: how it is trained
 * @data: the path that the training examples were read from
 * @data_options: how they were read; its picture is @picture, or %NULL
 * @picture: how pictures were prepared, if they stayed in their files
 * @files: (nullable): kol_dataset_get_digest() of them then
 * @examples: how many there were
 * @like: what the network was made for: channels, height, width, classes and their
 *   names, or outputs; no examples
 * @latest: the step of its latest checkpoint
 * @best: the step with the best validation so far; 0: none
 * @parent: (nullable): the folder of the run that it has branched from
 * @parent_step: the step at which it did; 0: it began by itself
 *
 * What a run's folder says of it.
 */
typedef struct {
  char *folder;
  KolRecipe *recipe;
  KolTrainSettings settings;
  char *data;
  KolDatasetOptions data_options;
  KolPreprocess picture;
  char *files;
  guint64 examples;
  KolDataset *like;
  guint64 latest;
  guint64 best;
  char *parent;
  guint64 parent_step;
} KolRun;

KOL_API gboolean kol_run_exists (const char *folder);
KOL_API char *kol_run_new_folder (const char *name);
KOL_API gboolean kol_run_is_in_use (const char *folder, int *process);
KOL_API KolRun *kol_run_read (const char *folder, GError **error);
KOL_API char *kol_run_get_weights (const KolRun *run);
KOL_API GArray *kol_run_list_checkpoints (const char *folder);
KOL_API void kol_run_free (KolRun *run);
KOL_API gboolean kol_run_remove (const char *folder);
KOL_API gboolean kol_run_remove_empty (const char *folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolRun, kol_run_free)

G_END_DECLS
