/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Checkpoints of a run: folders RUN/checkpoints/step-000001000 with
 *
 *   weights.safetensors  the network's parameters
 *   state.safetensors    what training needs besides: moments, averages, counts
 *   checkpoint.ini       the step, the two files' SHA-256, and what else is to be kept
 *
 * A checkpoint is written under another name, flushed to the disk and renamed, so
 * that whatever bears such a name is whole, or was damaged later, which the sums tell.
 */

#include <gio/gio.h>

#include "../model/safetensors.h"

G_BEGIN_DECLS

#define KOL_WEIGHTS_FILE "weights.safetensors"

/* Writes a checkpoint; @facts gets the group [checkpoint]. An older one of that step is replaced.
 */
gboolean kol_checkpoint_save (const char *run, guint64 step, GPtrArray *weights,
                              GHashTable *metadata, GPtrArray *state, GKeyFile *facts,
                              GError **error);
/* Reads one and checks its sums; what is not wanted is NULL. An error names the checkpoint, and the
 * one before it, if there is one. */
gboolean kol_checkpoint_load (const char *run, guint64 step, GPtrArray **weights, GPtrArray **state,
                              GKeyFile **facts, GError **error);
/* The steps that there are checkpoints of, the latest first: guint64. Given. */
GArray *kol_checkpoint_list (const char *run);
/* Removes all but the latest @keep and that of @best; what was left half-written, too. */
void kol_checkpoint_forget (const char *run, guint keep, guint64 best);
gboolean kol_checkpoint_exists (const char *run, guint64 step);
/* Removes those of later steps than @step. */
void kol_checkpoint_forget_after (const char *run, guint64 step);
/* RUN/checkpoints/step-000001000. Given. */
char *kol_checkpoint_path (const char *run, guint64 step);

G_END_DECLS
