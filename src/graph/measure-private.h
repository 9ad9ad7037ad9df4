/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "graph-private.h"

G_BEGIN_DECLS

#define KOL_MOST_CANDIDATES 16

/* A variant that may compute a node, and what became of it. */
typedef struct {
  const KolVariant *variant;
  double seconds;    /* of the quickest run; 0: not measured, or not used */
  double difference; /* to the referee, relative to the largest value; NaN: not compared */
  gboolean struck;   /* it failed or is wrong, and is switched off on this device */
} KolCandidate;

/* What is measured, and how much it may cost. */
typedef struct {
  gboolean kept;       /* packed weights are, as in inference: packing takes no time */
  gint64 microseconds; /* for a candidate, after its first run, which compiles */
  guint runs;          /* or this many, whichever comes first */
  double check_work;   /* operations up to which plain is run to check a single candidate */
  double referee_work; /* operations up to which plain decides who of several is wrong */
} KolMeasureLimits;

/*
 * Measures the candidates for @node and holds their results against each other;
 * who is wrong is switched off and reported. Returns the fastest that is right,
 * or NULL where there is not the memory to measure any. With @error set only if
 * the device has no queue, or what was cancelled or is to pause says so.
 */
const KolVariant *kol_measure (KolGraph *graph, const KolNode *node, const KolMeasureLimits *limits,
                               KolCandidate *candidates, guint n, GError **error);

/* choose.c, for `kolinsky tune` */
/* "conv2d [50, 1, 28, 28] [32, 1, 5, 5] #5f2c... kept": names a node's work in the tuning file;
 * "kept" where packed weights may be, and are. Given. */
char *kol_work_key (const KolNode *node, gboolean kept);
gboolean kol_may_keep_weights (const KolNode *node);
const KolVariant *kol_tune_node (KolGraph *graph, const KolNode *node, gboolean kept,
                                 KolCandidate *candidates, guint *n, GError **error);

G_END_DECLS
