/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../dataset/dataset.h"
#include "../graph/graph.h"

G_BEGIN_DECLS

/**
 * KolClassifier:
 * @x: pictures [N, C, H, W], pixels 0..1
 * @labels: [N], whole numbers
 * @keep: scalar, the probability that dropout keeps a node
 * @logits: [N, classes]
 * @loss: scalar, the mean negative log likelihood of the labels
 * @accuracy: scalar, share of pictures whose largest logit is the label's
 *
 * The values of a classifying network in one graph.
 */
typedef struct {
  KolValue *x;
  KolValue *labels;
  KolValue *keep;
  KolValue *logits;
  KolValue *loss;
  KolValue *accuracy;
} KolClassifier;

/**
 * KolNetwork:
 *
 * A network is a function from a batch size to a graph: it is called once for
 * each batch size that is needed, always over the same parameters. Errors are
 * kept by the graph.
 */
typedef void (*KolNetwork) (KolGraph *graph, gsize batch, const KolDataset *like,
                            KolClassifier *classifier);

KOL_API void kol_digits_network (KolGraph *graph, gsize batch, const KolDataset *like,
                                 KolClassifier *classifier);

/**
 * KolTrainSettings:
 * @steps: how many steps; 0: 20,000
 * @batch: pictures per step; 0: 50
 * @rate: learning rate; 0: 1e-4 for Adam, 1e-2 for SGD
 * @optimizer: "adam" or "sgd" (momentum 0.9); NULL: "adam"
 * @keep: dropout's keep probability; 0: 0.5
 * @seed: of weights, shuffles and dropout
 * @validation: pictures taken from the end of the training set to validate on; 0: a
 *   twelfth of it, at most 5,000
 */
typedef struct {
  guint64 steps;
  gsize batch;
  double rate;
  const char *optimizer;
  double keep;
  guint64 seed;
  gsize validation;
} KolTrainSettings;

/** KolTrainEvent: what a report is about. */
typedef enum {
  KOL_TRAIN_PROGRESS, /* a few times a second: loss, accuracy, rate, ratio of the latest step */
  KOL_TRAIN_LINES,    /* every 100 steps: batch and validation (1,000 fixed pictures) numbers */
  KOL_TRAIN_EPOCH,    /* after each epoch: the whole validation set */
  KOL_TRAIN_DONE,
} KolTrainEvent;

/**
 * KolTrainReport:
 *
 * Numbers that a training run tells while it goes. Fields that an event does
 * not have are NaN.
 */
typedef struct {
  KolTrainEvent event;
  guint64 step, steps;
  double epoch;
  double loss, accuracy; /* of the batch of @step; for LINES with keep 0.5, as in the lecture */
  double validation_loss, validation_accuracy; /* keep 1 */
  double rate;
  double ratio; /* norm of the update / norm of the parameters, about 1e-3 when all is well */
  double examples_per_second; /* over the last few seconds */
  double seconds, seconds_left;
} KolTrainReport;

typedef void (*KolTrainReporter) (const KolTrainReport *report, gpointer user_data);

/**
 * KolScore:
 * @count: number of pictures
 * @loss: mean negative log likelihood, in nats
 * @accuracy: 0..1
 * @classes: number of classes
 * @confusion: [classes, classes], rows: the label; columns: the answer
 */
typedef struct {
  gsize count;
  double loss;
  double accuracy;
  guint classes;
  guint *confusion;
} KolScore;

KOL_API void kol_score_free (KolScore *score);

/** KolTrainer: a network, its data, its optimizer. Used by one thread at a time. */
typedef struct _KolTrainer KolTrainer;

KOL_API KolTrainer *kol_trainer_new (KolDevice *device, KolNetwork network, KolDataset *pictures,
                                     const KolTrainSettings *settings, GError **error);
KOL_API void kol_trainer_free (KolTrainer *trainer);
KOL_API KolGraph *kol_trainer_get_graph (KolTrainer *trainer);
KOL_API guint64 kol_trainer_get_peak_bytes (KolTrainer *trainer);
KOL_API gboolean kol_trainer_prepare (KolTrainer *trainer, GError **error);
KOL_API gboolean kol_trainer_run (KolTrainer *trainer, KolTrainReporter reporter,
                                  gpointer user_data, GCancellable *cancellable, GError **error);
KOL_API KolScore *kol_trainer_score (KolTrainer *trainer, KolDataset *pictures, GError **error);
KOL_API gboolean kol_trainer_save (KolTrainer *trainer, const char *folder, GError **error);
KOL_API gboolean kol_trainer_load (KolTrainer *trainer, const char *folder, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolTrainer, kol_trainer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolScore, kol_score_free)

G_END_DECLS
