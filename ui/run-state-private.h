/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What a run consists of, for run.c and run-facts.c alone. */

#include "lesson-private.h"
#include "run.h"

G_BEGIN_DECLS

struct _KxRun {
  GObject parent_instance;

  KxDevice *device;
  KxLesson *lesson;  /* NULL: it follows its job, or is a record */
  KxLesson *leaving; /* on the device that it leaves; NULL: it is not being moved */
  gboolean moving;   /* its lesson is to begin when that has ended */
  KxJob *job;
  KxRecord *record; /* NULL: it is more than that */
  gboolean loaded;  /* the curves of that were asked for */
  char *name, *recipe, *data, *folder;
  guint number;             /* of its colour and dashes */
  guint64 checkpoint_bytes; /* that checkpoints may take */

  KxRun *parent; /* NULL: it began by itself */
  guint64 branch_step;

  KxRunState state;
  GError *fault;
  char *stage;
  gboolean ready;   /* it has a trainer */
  gboolean running; /* it learns, or is to once it has started */
  guint64 step, steps;
  double controls[KX_N_CONTROLS];
  double speed, seconds_left;
  gint64 told;   /* when numbers that are read were last told */
  double share;  /* of its device's time, 0..1; NaN: not known yet */
  gint64 shared; /* when that was found... */
  double worked; /* ...and how long its task had worked until then */

  guint gesture, n_gestures; /* the one under way, 0: none; how many there were */
  KxMark *turned;            /* of the latest gesture that has one */
  KolControl turned_control;
  double turned_from;
  guint turned_by; /* which gesture that was */

  KxClock *clock;
  KxSeries *loss, *accuracy, *validation_loss, *validation_accuracy, *rate, *ratio;
  KxRatios *ratios;
  GListStore *timeline;
};

G_END_DECLS
