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

/* The weights of a step, and the batch, in which single nodes are looked at. */
typedef struct _KxNodes KxNodes;

struct _KxLookState {
  KolEvaluator *evaluator; /* for a piece of the validation set; NULL: not yet made */
  KolBatches *batches;     /* of the validation set */
  KxVerdict *verdicts;
  gsize n, next;            /* examples; pieces that were taken */
  GPtrArray *names, *kinds; /* of layers; NULL: not yet listed */
  GPtrArray *inputs;        /* GArray of guint, of each: the layers that it is computed from */
  KxBuilt one, many;
  KxNodes *nodes;   /* of the latest batch that was looked at; NULL: none, or: */
  GError *no_nodes; /* why not */
  guint64 nodes_step;
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
gboolean kx_look_at_nodes (KxLookState *state, KxLook *look, const KxLookQuestion *question,
                           GError **error);
void kx_nodes_take (KxLookState *state, KolTrainer *trainer, KolTrainBatch *batch);
void kx_nodes_free (KxNodes *nodes);
KxLossKind kx_look_find_loss (KolTrainer *trainer);
