/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../model/weights.h"
#include "evaluator.h"
#include "timeline.h"

G_BEGIN_DECLS

/** KolTrainEvent: what a report is about. */
typedef enum {
  KOL_TRAIN_PROGRESS,   /* a few times a second: loss, accuracy, rate, ratio of the latest step */
  KOL_TRAIN_LINES,      /* every 100 steps: batch and validation (1,000 fixed examples) numbers */
  KOL_TRAIN_VALIDATION, /* after each epoch, or as set: the whole validation set */
  KOL_TRAIN_SAVED,      /* a checkpoint is on the disk: path */
  KOL_TRAIN_NOTE,       /* something that one should know: text */
  KOL_TRAIN_STEP,       /* every step, if kol_trainer_tell_steps () says so */
  KOL_TRAIN_DONE,
} KolTrainEvent;

/** KOL_NOTE_WORDS: the most words that fill a note's sentence. */
#define KOL_NOTE_WORDS 4

/** KolTrainNote: what a note says, for those who say it in other words. */
typedef enum {
  KOL_NOTE_SKIPPED,      /* a picture cannot be read: its file, and why */
  KOL_NOTE_MORE_SKIPPED, /* more than are told one by one */
  KOL_NOTE_PLATEAU,      /* the validation loss does not fall: the rate from now on */
  KOL_NOTE_BEST_GONE,    /* stopped early, without its best checkpoint: validations, step */
  KOL_NOTE_BACK_TO_BEST, /* stopped early, gone back: validations, step, the best step */
  KOL_NOTE_VARIANT,      /* not exact any more: node, the variant it had, the one it has */
  KOL_NOTE_DEVICE,       /* likewise: device and driver that it was on, those that it is on */
} KolTrainNote;

/**
 * KolTrainReport:
 *
 * What a training run tells while it goes. Numbers that an event does not have are
 * NaN, texts %NULL.
 *
 * `loader_wait` is the share of the time of training, 0..1, in which the trainer waited
 * for examples: over the last few seconds, and with %KOL_TRAIN_DONE over all of the run.
 */
typedef struct {
  KolTrainEvent event;
  guint64 step, steps;
  double epoch;
  double loss, accuracy; /* of the batch of @step; for LINES with keep 0.5, as in the lecture */
  double validation_loss, validation_accuracy; /* keep 1; the averaged weights, if there are */
  double rate;
  double norm;  /* of all gradients together: of every STEP */
  double ratio; /* norm of the update / norm of the parameters, about 1e-3 when all is well */
  const float *ratios;        /* the same per parameter, of every STEP; lent, else NULL */
  guint n_ratios;             /* kol_trainer_get_parameter_names () has their names */
  double examples_per_second; /* over the last few seconds */
  double loader_wait;
  double seconds, seconds_left;
  const char *path;
  const char *text;         /* of a NOTE, and... */
  KolTrainNote note;        /* ...what it is... */
  const char *const *words; /* ...with these KOL_NOTE_WORDS in it; empty: not so many; lent */
} KolTrainReport;

typedef void (*KolTrainReporter) (const KolTrainReport *report, gpointer user_data);

/** KolTrainer: a network, its data, its optimizer. Used by one thread at a time. */
typedef struct _KolTrainer KolTrainer;

/**
 * KolControl:
 * @KOL_CONTROL_RATE: the learning rate itself, whatever the schedule says
 * @KOL_CONTROL_RATE_FACTOR: what the schedule's rate is multiplied by, which follows the
 *   schedule again after a @KOL_CONTROL_RATE; 1 as a run begins
 * @KOL_CONTROL_MOMENTUM: the momentum of sgd and rmsprop, if the run began with one; adam's
 *   beta1
 * @KOL_CONTROL_WEIGHT_DECAY: the optimizer's weight decay
 * @KOL_CONTROL_KEEP: dropout's probability to keep a node
 * @KOL_CONTROL_BATCH: examples per step. The steps are planned anew, which takes a moment;
 *   the place in the data stays, down to a batch
 *
 * What can be changed while a trainer learns.
 */
typedef enum {
  KOL_CONTROL_RATE,
  KOL_CONTROL_RATE_FACTOR,
  KOL_CONTROL_MOMENTUM,
  KOL_CONTROL_WEIGHT_DECAY,
  KOL_CONTROL_KEEP,
  KOL_CONTROL_BATCH,
} KolControl;

/** KolTrainState: all that a trainer is at a step, in the host's memory. Never changes. */
typedef struct _KolTrainState KolTrainState;

KOL_API KolTrainer *kol_trainer_new (KolDevice *device, KolNetwork network, gpointer user_data,
                                     KolDataset *data, KolDataset *validation,
                                     const KolTrainSettings *settings, GError **error);
KOL_API void kol_trainer_free (KolTrainer *trainer);

KOL_API gboolean kol_trainer_load (KolTrainer *trainer, const char *path,
                                   const KolWeightNames *const *names, char ***left,
                                   GError **error);
KOL_API gboolean kol_trainer_record (KolTrainer *trainer, const char *folder,
                                     const KolDatasetOptions *data_options, GError **error);
KOL_API gboolean kol_trainer_resume (KolTrainer *trainer, const char *folder, guint64 step,
                                     GError **error);

KOL_API gboolean kol_trainer_prepare (KolTrainer *trainer, GCancellable *cancellable,
                                      GError **error);
KOL_API gboolean kol_trainer_run (KolTrainer *trainer, KolTrainReporter reporter,
                                  gpointer user_data, GCancellable *cancellable, GError **error);
KOL_API gboolean kol_trainer_begin (KolTrainer *trainer, KolTrainReporter reporter,
                                    gpointer user_data, GError **error);
KOL_API gboolean kol_trainer_advance (KolTrainer *trainer, guint64 steps, double seconds,
                                      gboolean *finished, GError **error);
KOL_API gboolean kol_trainer_settle (KolTrainer *trainer, GError **error);
KOL_API void kol_trainer_tell_steps (KolTrainer *trainer, gboolean tell);
KOL_API const char *const *kol_trainer_get_parameter_names (KolTrainer *trainer);
KOL_API gboolean kol_trainer_end (KolTrainer *trainer, GError **error);

KOL_API gboolean kol_trainer_set_control (KolTrainer *trainer, KolControl control, double value,
                                          GError **error);
KOL_API double kol_trainer_get_control (KolTrainer *trainer, KolControl control);

KOL_API gboolean kol_trainer_mark (KolTrainer *trainer, KolTimelineKind kind, double from,
                                   double to, GError **error);

KOL_API KolTrainState *kol_trainer_capture (KolTrainer *trainer, GError **error);
KOL_API gboolean kol_trainer_rewind (KolTrainer *trainer, const KolTrainState *state,
                                     GError **error);
KOL_API gboolean kol_trainer_branch (KolTrainer *trainer, const KolTrainState *state,
                                     const char *parent, GError **error);
KOL_API KolTrainState *kol_train_state_load (const char *folder, guint64 step, GError **error);
KOL_API KolTrainState *kol_train_state_ref (KolTrainState *state);
KOL_API void kol_train_state_unref (KolTrainState *state);
KOL_API guint64 kol_train_state_get_step (const KolTrainState *state);
KOL_API guint64 kol_train_state_get_bytes (const KolTrainState *state);

KOL_API gboolean kol_trainer_save (KolTrainer *trainer, GError **error);
KOL_API KolScore *kol_trainer_score (KolTrainer *trainer, KolDataset *data, GError **error);

KOL_API KolGraph *kol_trainer_get_graph (KolTrainer *trainer);
KOL_API guint64 kol_trainer_get_step (KolTrainer *trainer);
KOL_API gsize kol_trainer_get_skipped (KolTrainer *trainer);
KOL_API guint64 kol_trainer_get_peak_bytes (KolTrainer *trainer);
KOL_API guint64 kol_trainer_get_saved_bytes (KolTrainer *trainer, double *repeated);
KOL_API const KolTrainSettings *kol_trainer_get_settings (KolTrainer *trainer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolTrainer, kol_trainer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolTrainState, kol_train_state_unref)

G_END_DECLS
