/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "looks.h"

/* The parts of what looks.c offers. */

/* What is known of an example of the validation set. */
typedef struct {
  float loss, share, truth_share;
  float answer;
  guint64 step;
  gboolean known;
} KxVerdict;

/* A network built over the trainer's weights for so many examples, with all its layers. */
typedef struct {
  gsize batch;
  KolGraph *graph;
  KolNetworkValues values;
  GPtrArray *layers; /* KolValue */
} KxBuilt;

struct _KxLookState {
  KolEvaluator *evaluator; /* for a piece of the validation set; NULL: not yet made */
  KolBatches *batches;     /* of the validation set */
  KxVerdict *verdicts;
  gsize n, next;            /* examples; pieces that were taken */
  GPtrArray *names, *kinds; /* of layers; NULL: not yet listed */
  KxBuilt one, many;
};

/* Of the worker's thread. Those that look fill @look; %FALSE with @error if there is nothing to
 * see. */
void kx_built_clear (KxBuilt *built);
KolParameters *kx_look_parameters (KolTrainer *trainer);
/* All numbers of a value, @count of them. Given. */
float *kx_look_read_value (KolValue *value, gsize *count, GError **error);
/* %FALSE, and @error says @text. */
gboolean kx_look_refuse (GError **error, const char *text);
gboolean kx_look_at_batch (KxLook *look, KolTrainer *trainer, GError **error);
gboolean kx_look_at_validation (KxLookState *state, KxLook *look, KolTrainer *trainer,
                                const KxLookQuestion *question, GError **error);
gboolean kx_look_at_filters (KxLook *look, KolTrainer *trainer, GError **error);
gboolean kx_look_at_activations (KxLookState *state, KxLook *look, KolTrainer *trainer,
                                 GBytes *numbers, GError **error);
gboolean kx_look_at_layers (KxLookState *state, KxLook *look, KolTrainer *trainer, GError **error);
