/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "network.h"

G_BEGIN_DECLS

/**
 * KxScores:
 * @fault: (nullable): why there are none
 * @n: examples that there are
 * @before: of the network as it is: how many were looked at
 * @right_before: how many of these it tells right
 * @now: of the network with its changed units: likewise
 * @right_now: likewise
 * @classes: how many
 * @confusion: (nullable): [classes, classes], of the network as it is now; rows: the label
 *
 * How well a network tells its test examples apart. Immutable.
 */
typedef struct {
  char *fault;
  gsize n;
  gsize before, right_before;
  gsize now, right_now;
  guint classes;
  guint *confusion;
} KxScores;

typedef void (*KxScoresFunc) (const KxScores *scores, gpointer owner);

/**
 * KxScoringWhat:
 * @KX_SCORE_ALL: all of the network is another
 * @KX_SCORE_CHANGE: some of its units are changed
 * @KX_SCORE_NO_CHANGE: none is changed any more
 */
typedef enum {
  KX_SCORE_ALL,
  KX_SCORE_CHANGE,
  KX_SCORE_NO_CHANGE,
} KxScoringWhat;

/** KxScoring: scores a network before and after units are changed. Of the main thread. */
typedef struct _KxScoring KxScoring;

KxScoring *kx_scoring_new (KxNetwork *network, KxScoresFunc func, gpointer owner);
void kx_scoring_free (KxScoring *scoring);
void kx_scoring_restart (KxScoring *scoring, KxScoringWhat what);

G_END_DECLS
