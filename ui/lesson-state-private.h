/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What a lesson is, and how it tells: for the files lesson*.c, on the worker's thread. */

#include "lesson-private.h"

G_BEGIN_DECLS

/* What has to be done before the first step, a turn each. */
typedef enum {
  OPEN_DEVICE,
  OPEN_DATA,
  BUILD,
  COMPILE,
  BEGIN,
  LEARN,
} Stage;

struct _KxLesson {
  gatomicrefcount references;
  KxEngine *engine;
  KxTask *task; /* the main thread's; NULL: it has not begun */
  guint weight; /* that the task has, or will have */
  guint family; /* a run and its branches, which advance by equal steps */
  KxHolder *run;

  /* What it is to be; does not change. */
  char *recipe_name, *data_path, *resume, *folder;
  gsize batch;
  guint64 steps;
  KxLesson *parent;      /* of a branch, which has its network and examples... */
  KolTrainState *origin; /* ...and begins here */
  char *parent_folder;
  gboolean moved; /* it goes on with what another has learned, and told, until now */

  /* The letter box, under the mutex. */
  GMutex mutex;
  gboolean running, keep_state, save, scrap;
  guint single_steps;
  guint64 limit; /* the step at which it pauses; 0: none */
  gboolean is_set[KX_N_CONTROLS];
  double wish[KX_N_CONTROLS];
  guint gesture[KX_N_CONTROLS]; /* that the wish is part of; 0: none */
  KxPast *past;                 /* to go back from, or to return to */
  gboolean returns;

  /* The worker's. */
  Stage stage;
  KolRecipe *recipe;
  KolDatasetOptions data_options;
  KolPreprocess picture;
  KolTrainSettings settings;
  KolDataset *training, *validation;
  KolTrainer *trainer;
  gboolean over, recorded;
  gboolean postponed; /* a batch that was wished is still being prepared: no step before */
  guint64 kept_step;  /* of the latest state that was captured */
  guint kept_before;  /* the latest gesture before which one was */
  KxRunState told;    /* the state that the main thread knows */
  GError *fault;      /* with which it stands at the last finite step */
  gint64 told_at;     /* when it last had metrics */
  double loss, speed, seconds_left;

  /* Rows that are not told yet. */
  guint n_ratios;
  GArray *step, *epoch, *seconds;                      /* of double */
  GArray *losses, *accuracies, *rates, *norms, *ratio; /* of float */
  GArray *ratios;                                      /* of float, n_ratios a row */
};

KxLessonNews *kx_lesson_news_new (KxLesson *lesson, KxLessonTopic topic);
void kx_lesson_post (KxLessonNews *news);
void kx_lesson_tell_text (KxLesson *lesson, KxLessonTopic topic, const char *text);
void kx_lesson_tell_state (KxLesson *lesson, KxRunState state, GError *error);
void kx_lesson_tell_metrics (KxLesson *lesson);
void kx_lesson_take_report (const KolTrainReport *report, gpointer data);
gboolean kx_lesson_keep_state (KxLesson *lesson, GError **error);
void kx_lesson_tell_past (KxLesson *lesson);

G_END_DECLS
