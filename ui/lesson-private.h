/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* A run on the worker's thread: the task behind a KxRun, which alone includes this. */

#include "news-private.h"
#include "run.h"

G_BEGIN_DECLS

#define KX_N_CONTROLS (KOL_CONTROL_BATCH + 1)

/** KxLesson: what learns. Reference-counted; its functions are for the main thread. */
typedef struct _KxLesson KxLesson;

/**
 * KxLessonTopic: what a lesson has to tell.
 * @KX_LESSON_STAGE: `text` is being done
 * @KX_LESSON_READY: the trainer is there, at `step` of `steps`; `names` are of the parameters,
 *   `text` is the name of the data, `controls` hold
 * @KX_LESSON_METRICS: `metrics`, and `controls` as they are now
 * @KX_LESSON_VALIDATION: `loss` and `accuracy` of examples that it does not learn from, at `step`
 * @KX_LESSON_CONTROL: `control` is `to` from `step` on, and was `from`; `gesture` it belongs to
 * @KX_LESSON_REFUSED: `control` cannot be what was asked for: `error`
 * @KX_LESSON_CHECKPOINT: `state`, where the loss is `loss`
 * @KX_LESSON_REWOUND: it stands at `step` again, having gone back there from `past`, or `returned`
 * @KX_LESSON_STATE: `run_state`; with `error` if that is why
 * @KX_LESSON_NOTE: `text` is something that one should know
 */
typedef enum {
  KX_LESSON_STAGE,
  KX_LESSON_READY,
  KX_LESSON_METRICS,
  KX_LESSON_VALIDATION,
  KX_LESSON_CONTROL,
  KX_LESSON_REFUSED,
  KX_LESSON_CHECKPOINT,
  KX_LESSON_REWOUND,
  KX_LESSON_STATE,
  KX_LESSON_NOTE,
} KxLessonTopic;

typedef struct {
  KxHolder *run; /* whom it is for */
  KxLessonTopic topic;
  KxRunState run_state;
  guint64 step, steps;
  double loss, accuracy, speed, seconds_left;
  KolControl control;
  double from, to;
  guint gesture;
  double controls[KX_N_CONTROLS];
  char *text;
  char **names;
  KxMetrics metrics; /* its arrays are the message's */
  KolTrainState *state;
  KxPast *past;
  gboolean returned;
  GError *error;
} KxLessonNews;

/* run.c: on the main thread. */
void kx_run_take_news (KxRun *run, KxLessonNews *news);

KxLesson *kx_lesson_new (KxEngine *engine, const KxRunSetup *setup);
KxLesson *kx_lesson_new_branch (KxLesson *parent, KolTrainState *state, const char *parent_folder,
                                const char *folder);
void kx_lesson_tell_log (KxRun *run, const char *folder);
KxLesson *kx_lesson_move (KxLesson *lesson, KxEngine *engine);
void kx_lesson_begin (KxLesson *lesson, KxRun *run);
void kx_lesson_unref (KxLesson *lesson);

void kx_lesson_control (KxLesson *lesson, KxVerb verb);
void kx_lesson_set (KxLesson *lesson, KolControl control, double value, guint gesture);
void kx_lesson_rewind (KxLesson *lesson, KxPast *past, gboolean returns);
void kx_lesson_checkpoint (KxLesson *lesson);
void kx_lesson_save (KxLesson *lesson);
void kx_lesson_probe (KxLesson *lesson, gconstpointer key, KxRunProbe probe, gpointer data,
                      GDestroyNotify destroy);
void kx_lesson_set_limit (KxLesson *lesson, guint64 step);
void kx_lesson_scrap (KxLesson *lesson);
double kx_lesson_get_seconds (KxLesson *lesson);
void kx_lesson_set_weight (KxLesson *lesson, guint weight);

G_END_DECLS
