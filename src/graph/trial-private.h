/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "graph-private.h"

G_BEGIN_DECLS

/* One variant of a node, on inputs and outputs that are lent. */
typedef struct {
  const KolNode *node;
  const KolVariant *variant;
  KolLaunch launch;
  KolBuffer **packed;
  GPtrArray *owned;
} KolTrial;

/*
 * Gets scratch memory, full of NaN. With @kept, inputs are packed now, once, as in inference; else
 * each launch packs for itself, as in training. To be cleared if it fails, too.
 */
gboolean kol_trial_init (KolTrial *trial, const KolNode *node, const KolVariant *variant,
                         KolQueue *queue, KolBuffer *const *inputs, KolBuffer *const *outputs,
                         gboolean kept, GError **error);
/* Launches, and waits. */
gboolean kol_trial_run (KolTrial *trial, GError **error);
void kol_trial_clear (KolTrial *trial);
/* A buffer that @owned, of buffers, will release; lent. */
KolBuffer *kol_trial_add_buffer (GPtrArray *owned, KolQueue *queue, gsize bytes, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (KolTrial, kol_trial_clear)

G_END_DECLS
