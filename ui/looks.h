/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gdk/gdk.h>

#include "node-look.h"
#include "run.h"

G_BEGIN_DECLS

/** KxLookKind: what is looked at. */
typedef enum {
  KX_LOOK_BATCH,       /* the examples learned from last, and what is answered for them */
  KX_LOOK_VALIDATION,  /* a piece of the validation set, and what is known of all of it */
  KX_LOOK_FILTERS,     /* the first layer's weights as pictures */
  KX_LOOK_ACTIVATIONS, /* what each layer makes of one example */
  KX_LOOK_HISTOGRAMS,  /* weights and gradients */
  KX_LOOK_LAYERS,      /* each layer, forward and backward, for the batch */
  KX_LOOK_NODES,       /* a node of each layer, for an example of the batch that LAYERS saw */
} KxLookKind;

/** KX_LOOK_MOST: pictures of a look. */
#define KX_LOOK_MOST 100

/**
 * KxExample:
 * @texture: (nullable): its picture; %NULL of a row of a table
 * @numbers: what the network is given, float
 * @index: in the validation set, or in the batch
 * @truth: its class, or the number that belongs to it
 * @answer: the likeliest class, or the number that is predicted
 * @share: the answer's probability
 * @truth_share: the truth's
 * @loss: of this example alone
 * @wrong: whether the answer is another class than the truth
 *
 * An example and what the network says of it.
 */
typedef struct {
  GdkTexture *texture;
  GBytes *numbers;
  gsize index;
  double truth, answer;
  double share, truth_share;
  double loss;
  gboolean wrong;
} KxExample;

/**
 * KxLayerLook:
 * @name: what it is called
 * @kind: the operation that makes it
 * @shape: for people: "32 x 28 x 28"
 * @maps: (nullable): pictures of its units, GdkTexture
 * @units: how many it has, of which @maps may have fewer
 * @mean: of its values; of all of the batch
 * @least: likewise
 * @most: likewise
 * @norm: of dE/d this layer; NaN: E does not depend on it
 * @weights: (nullable): the parameter that it has learned, by its name
 * @weight_norm: of @weights
 * @weight_gradient: the norm of dE/d @weights
 *
 * A layer of a network in training.
 */
typedef struct {
  char *name, *kind, *shape;
  GPtrArray *maps;
  guint units;
  double mean, least, most;
  double norm;
  char *weights;
  double weight_norm, weight_gradient;
} KxLayerLook;

/**
 * KxLook:
 * @fault: (nullable): why nothing can be seen
 * @step: of the run
 * @seconds: that the worker took for it
 * @class_names: (nullable): names, where classes have them
 * @classes: how many; 0: numbers are predicted
 * @examples: of KxExample: BATCH, VALIDATION
 * @right: of BATCH: how many of all of the batch's are answered rightly
 * @count: of BATCH: how many there are. Of VALIDATION: how many have been looked at
 * @total: of VALIDATION: how many there are
 * @current: of VALIDATION: whether all that is known is of this step
 * @loss: mean, of those that have been looked at; of NODES: of the example
 * @loss_kind: LAYERS, NODES
 * @confusion: [classes, classes], rows: the truth
 * @pictures: GdkTexture: FILTERS
 * @title: of FILTERS: the parameter's name
 * @names: of HISTOGRAMS: the parameters
 * @weights: HISTOGRAMS
 * @gradients: HISTOGRAMS
 * @layers: of KxLayerLook: ACTIVATIONS, LAYERS
 * @probabilities: [classes]: ACTIVATIONS
 * @nodes: of KxNodeLook, of each layer: NODES, as are
 * @example: which of the batch
 * @inputs: [n_inputs]: what the network is given
 * @outputs: [n_outputs]: what it gives
 * @targets: [n_outputs]: what is wanted: 1 of the class, 0 of others; or the numbers
 *
 * What was seen of a run at a step. Nothing changes it. Reference-counted.
 */
typedef struct {
  gatomicrefcount references;
  KxLookKind kind;
  char *fault;
  guint64 step;
  double seconds;
  char **class_names;
  guint classes;
  GArray *examples;
  gsize right, count, total;
  gboolean current;
  double loss;
  guint *confusion;
  GPtrArray *pictures;
  char *title;
  char **names;
  KolHistograms *weights, *gradients;
  GArray *layers;
  float *probabilities;
  KxLossKind loss_kind;
  GArray *nodes;
  gsize example, n_inputs, n_outputs;
  float *inputs, *outputs, *targets;
} KxLook;

/**
 * KxLookQuestion:
 * @kind: what is to be looked at
 * @numbers: (nullable): of ACTIVATIONS: the example. Of NODES: gint64, a node of each layer or
 *   %KX_NODE_FREE
 * @chosen: of VALIDATION: only examples of @truth that were taken for @answer; else the worst
 * @truth: a class
 * @answer: a class
 * @example: of NODES: which of the batch
 * @edits: (nullable): of NODES: KxNodeEdit, what is other than it is
 */
typedef struct {
  KxLookKind kind;
  GBytes *numbers;
  gboolean chosen;
  guint truth, answer;
  gsize example;
  GBytes *edits;
} KxLookQuestion;

typedef void (*KxLookFunc) (KxLook *look, gpointer owner);

/**
 * KxLooks:
 *
 * What looks into a run. Of the main thread; what it needs of the engine is made, used and freed
 * on the worker's.
 */
typedef struct _KxLooks KxLooks;

KxLooks *kx_looks_new (KxRun *run);
void kx_looks_free (KxLooks *looks);
void kx_looks_ask (KxLooks *looks, const KxLookQuestion *question, KxLookFunc func, gpointer owner);

KxLook *kx_look_ref (KxLook *look);
void kx_look_unref (KxLook *look);
char *kx_look_name_class (const KxLook *look, double class);

/* The worker's side, for tests. */
typedef struct _KxLookState KxLookState;

KxLookState *kx_look_state_new (void);
void kx_look_state_free (KxLookState *state);
KxLook *kx_look_state_look (KxLookState *state, KolTrainer *trainer,
                            const KxLookQuestion *question);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxLook, kx_look_unref)

G_END_DECLS
