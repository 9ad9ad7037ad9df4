/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * The numbers of every step, read without waiting for it: a read is enqueued behind each
 * step, and looked at when a later step has come so far that this one is known to be good.
 */

#include "trainer-private.h"

G_BEGIN_DECLS

typedef struct {
  guint64 step; /* its number, from 0 */
  double rate;
  float loss, accuracy; /* NaN where there are no classes */
  float norm;           /* of all gradients together */
  float *sums;          /* [parameters, 2]: squares of the updates, and of the parameters before */
} KolTallied;

KolTally *kol_tally_new (void);
void kol_tally_free (KolTally *tally);

/* Has the numbers of the step that was just run be read; @loss and @accuracy: if they are known
 * already, as a batch in parts has them, else NULL. */
gboolean kol_tally_note (KolTally *tally, const KolLearner *learner, double rate,
                         const double *loss, const double *accuracy, GError **error);
/* The next step that is known to be good, in order. Lent until the next call; NULL: none. */
const KolTallied *kol_tally_take (KolTally *tally, const KolLearner *learner);
/* Forgets all that is noted. */
void kol_tally_clear (KolTally *tally);

G_END_DECLS
