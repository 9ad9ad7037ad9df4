/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What a trainer is: trainer.c makes it, training.c lets it learn, state.c and save.c keep it. */

#include "../dataset/batches.h"
#include "record-private.h"
#include "run-private.h"
#include "scoring-private.h"
#include "trainer.h"

G_BEGIN_DECLS

/* The network as it learns: a graph over the trainer's parameters. */
typedef struct {
  KolGraph *graph;
  KolNetworkValues values;
  KolValue *train_step;
  gsize part;   /* examples at a time: the batch, or a micro-batch */
  gboolean fed; /* it has been given examples */
} KolLearner;

/* A run under way; training.c. */
typedef struct _KolTraining KolTraining;

/* The numbers of every step; tally-private.h. */
typedef struct _KolTally KolTally;

/* What has been changed by hand; NaN: nothing, it is as the settings say. */
typedef struct {
  double rate;        /* in place of the schedule's... */
  double rate_scale;  /* ...and the plateau's scale when it was set */
  double rate_factor; /* of the schedule; 1 */
  double momentum;
  double weight_decay;
  double keep;
  gsize batch;        /* 0: as the settings say */
  gint64 batch_shift; /* from a step's number to that of its batch */
} KolControls;

/* That the latest step was not looked at to the end, as it should have been: the run was ended in
 * between. That is the first to be done when the run goes on, and the row of the log comes after
 * it.
 */
typedef struct {
  gboolean due;
  gboolean lines;     /* the lecture's second line is still to come, */
  gboolean validated; /* a validation */
  gboolean logged;    /* the row has these, too: */
  double loss, accuracy, ratio;
  double *ratios; /* per parameter */
  gsize n_ratios;
  double batch_loss, batch_accuracy; /* the lecture's first line */
  gboolean probed;                   /* the second one is known: */
  double probe_loss, probe_accuracy;
} KolOwed;

struct _KolTrainer {
  KolDevice *device;
  KolNetwork network;
  gpointer user_data;
  KolRecipe *recipe;         /* what user_data is, or NULL */
  KolTrainSettings settings; /* nothing in it is 0 for "default" any more */
  KolParameters *parameters;
  guint n_network; /* so many of them are the network's, the others the optimizer's */
  char *weights;   /* the file that it began with; NULL: with random numbers */

  KolDataset *data;       /* the training set: */
  KolDataset *lessons;    /* those of it to learn from... */
  KolDataset *validation; /* ...those held out, or the set that is for that... */
  KolDataset *probe;      /* ...and a fixed part of these, for a quick look */
  gboolean apart;         /* validation is a set of its own */
  KolBatches *batches;    /* of the lessons */

  KolLearner learner;
  KolEvaluator *evaluator;
  guint64 peak_bytes;
  guint64 saved_bytes;   /* by memory = low, */
  double repeated_share; /* for so many operations more */

  KolTraining *training; /* NULL: none is under way */
  gboolean quiet;        /* the lecture's two lines are not told, nor computed */
  KolTally *tally;       /* NULL: not every step is told */
  const char **names;    /* of the parameters that learn; lent by them. NULL: not yet listed */
  KolControls controls;
  gboolean changed;       /* a control was, since the latest checkpoint */
  gsize batch;            /* examples per step, now */
  gsize evaluation_batch; /* and at a time where nothing is learned */

  KolOwed owed;
  KolPlateau plateau;
  KolEarlyStop early;
  guint64 validated_step; /* after how many steps the next two were measured */
  double validation_loss; /* of all of the validation set; NaN: not yet measured */
  double validation_accuracy;
  guint64 best_step; /* 0: none yet */
  double best_loss, best_accuracy;

  KolRecord *record;  /* NULL: nothing is written */
  guint64 saved_step; /* of the latest checkpoint; 0: none */
  double seconds;     /* that earlier processes have trained */
  GHashTable *pinned; /* how the run that goes on was computed: node -> variant; NULL: new */
  GHashTable *validation_pinned;
  GPtrArray *notes; /* of KolNote, that are to be told at the next chance */

  /* Of pictures that could not be read, how many are told: of both sets, and in all. */
  gsize told_skipped[2];
  gsize told;
  GPtrArray *skipped; /* their lines: "file: reason" */

  GCancellable *cancellable; /* lent: of the run under way, or NULL */
};

/* The groups of a checkpoint's facts that say how nodes are computed. */
#define KOL_LEARNING_VARIANTS "variants"
#define KOL_VALIDATION_VARIANTS "validation-variants"

/* All that a trainer is at a step: what a checkpoint holds, in memory. */
struct _KolTrainState {
  gatomicrefcount references;
  guint64 step;
  GPtrArray *weights; /* KolArray: the network's parameters... */
  GPtrArray *rest;    /* ...and the optimizer's */
  GKeyFile *facts;    /* counters, controls, device, variants */
  char *origin;       /* where it is from, for errors */
  char *folder;       /* of the run that has a checkpoint of it, or NULL */
};

/* Rows of the timeline until then; G_MAXUINT: it was not recorded. */
guint kol_train_state_count_happenings (const KolTrainState *state);
/* How nodes were computed: node -> variant. Given. */
GHashTable *kol_train_facts_get_variants (GKeyFile *facts, const char *group);

/* trainer.c: what is to be told at the next chance, and the words in it. */
typedef struct {
  KolTrainNote kind;
  char *words[KOL_NOTE_WORDS];
  char *text;
} KolNote;

void kol_trainer_note (KolTrainer *trainer, KolTrainNote kind, ...) G_GNUC_NULL_TERMINATED;
/* Computes @first, or with NULL nothing but the batch's loss and accuracy, and these. */
gboolean kol_learner_run (const KolLearner *learner, KolValue *first, GError **error);

/* save.c: has every node computed as @facts say. */
void kol_trainer_compute_as_before (KolTrainer *trainer, GKeyFile *facts);

/* training.c: waits for the steps under way, and tells them. */
gboolean kol_training_settle (KolTraining *training, GError **error);
/* Does at once what still belongs to the latest step. */
gboolean kol_training_complete (KolTraining *training, GError **error);
/* The clock and what is told begin anew, as the trainer is at another step now. */
void kol_training_restart (KolTraining *training);
void kol_training_free (KolTraining *training);

/* A part of kol_trainer_score(): a batch. */
gboolean kol_trainer_score_batch (KolTrainer *trainer, KolScoring *scoring, KolScore **score,
                                  GError **error);
/* kol_trainer_score(), which may be cancelled. */
KolScore *kol_trainer_score_until (KolTrainer *trainer, KolDataset *data, GCancellable *cancellable,
                                   GError **error);
/* Plans the steps for another batch, with nodes computed by the variants that are @pinned, or
 * NULL. If it does not fit, all stays as it is. */
gboolean kol_trainer_plan_batch (KolTrainer *trainer, gsize batch, GHashTable *pinned,
                                 GError **error);

/* control.c: what the next step, of number @step counted from 0, is taken with. */
void kol_controls_init (KolControls *controls);
double kol_trainer_rate (const KolTrainer *trainer, guint64 step);
double kol_trainer_keep (const KolTrainer *trainer);
/* The number of its batch in the stream. */
guint64 kol_trainer_batch_number (const KolTrainer *trainer, guint64 step);
void kol_controls_write (const KolControls *controls, GKeyFile *facts);
/* Has the trainer be steered as @facts say. */
gboolean kol_trainer_take_controls (KolTrainer *trainer, GKeyFile *facts, GError **error);

/* Writes a row of the timeline, if the run is recorded. */
gboolean kol_trainer_happened (KolTrainer *trainer, KolTimelineKind kind, double from, double to,
                               GError **error);

/* state.c: puts the tensors and the step in place; or all of it: the counters and controls, too. */
gboolean kol_trainer_take_tensors (KolTrainer *trainer, const KolTrainState *state, GError **error);
gboolean kol_trainer_take_state (KolTrainer *trainer, const KolTrainState *state, GError **error);

static inline double
seconds_since (gint64 then)
{
  return (g_get_monotonic_time () - then) / (double) G_USEC_PER_SEC;
}

G_END_DECLS
