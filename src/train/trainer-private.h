/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What a trainer is: trainer.c lets it learn, save.c keeps it and brings it back. */

#include "../dataset/batches.h"
#include "record-private.h"
#include "run-private.h"
#include "trainer.h"

G_BEGIN_DECLS

/* The network as it learns: a graph over the trainer's parameters. */
typedef struct {
  KolGraph *graph;
  KolNetworkValues values;
  KolValue *train_step;
  gsize part; /* examples at a time: the batch, or a micro-batch */
} KolLearner;

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
  GPtrArray *notes; /* texts that are to be told at the next chance */

  /* Of pictures that could not be read, how many are told: of both sets, and in all. */
  gsize told_skipped[2];
  gsize told;
  GPtrArray *skipped; /* their lines: "file: reason" */

  GCancellable *cancellable; /* lent: of the run under way, or NULL */
};

/* trainer.c: what is to be told at the next chance. */
void kol_trainer_note (KolTrainer *trainer, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* save.c: puts a checkpoint's tensors and step in place, and gives what else it holds. */
gboolean kol_trainer_restore (KolTrainer *trainer, const char *folder, guint64 step,
                              GKeyFile **facts_out, GError **error);

G_END_DECLS
