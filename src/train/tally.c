/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tally-private.h"

#include <math.h>

#include "../graph/graph-private.h"

#define READS 4                /* of a step: loss, accuracy, norm, sums */
#define MOST_STEPS_UNDER_WAY 4 /* whose numbers wait: more than a graph lets run ahead */

typedef struct {
  KolTallied numbers;
  cl_event reads[READS]; /* under way */
  guint n_reads;
} Entry;

struct _KolTally {
  Entry entries[MOST_STEPS_UNDER_WAY]; /* a ring */
  guint64 noted, taken;                /* how many were, ever */
};

KolTally *
kol_tally_new (void)
{
  return g_new0 (KolTally, 1);
}

static void
wait_for (Entry *entry)
{
  if (entry->n_reads)
    clWaitForEvents (entry->n_reads, entry->reads);
  for (guint i = 0; i < entry->n_reads; i++)
    clReleaseEvent (entry->reads[i]);
  entry->n_reads = 0;
}

void
kol_tally_clear (KolTally *tally)
{
  for (guint i = 0; i < MOST_STEPS_UNDER_WAY; i++)
    wait_for (&tally->entries[i]);
  tally->taken = tally->noted;
}

void
kol_tally_free (KolTally *tally)
{
  kol_tally_clear (tally);
  for (guint i = 0; i < MOST_STEPS_UNDER_WAY; i++)
    g_free (tally->entries[i].numbers.sums);
  g_free (tally);
}

static gboolean
read_late (Entry *entry, KolValue *value, float *to, GError **error)
{
  if (!kol_read_late (value, to, &entry->reads[entry->n_reads], error))
    return FALSE;
  entry->n_reads++;
  return TRUE;
}

gboolean
kol_tally_note (KolTally *tally, const KolLearner *learner, double rate, const double *loss,
                const double *accuracy, GError **error)
{
  Entry *entry = &tally->entries[tally->noted % MOST_STEPS_UNDER_WAY];
  KolTallied *numbers = &entry->numbers;
  const KolNetworkValues *values = &learner->values;

  g_return_val_if_fail (tally->noted - tally->taken < MOST_STEPS_UNDER_WAY, FALSE);
  if (!numbers->sums)
    numbers->sums = g_new (float, kol_shape_count (kol_value_get_shape (learner->train_step)));
  numbers->step = kol_graph_get_step (learner->graph) - 1;
  numbers->rate = rate;
  numbers->loss = loss ? (float) *loss : NAN;
  numbers->accuracy = accuracy ? (float) *accuracy : NAN;
  if ((!loss && !read_late (entry, values->loss, &numbers->loss, error))
      || (!loss && values->accuracy
          && !read_late (entry, values->accuracy, &numbers->accuracy, error))
      || !read_late (entry, kol_optimizer_get_gradient_norm (learner->train_step), &numbers->norm,
                     error)
      || !read_late (entry, learner->train_step, numbers->sums, error))
    {
      wait_for (entry);
      return FALSE;
    }
  tally->noted++;
  return TRUE;
}

const KolTallied *
kol_tally_take (KolTally *tally, const KolLearner *learner)
{
  if (tally->taken == tally->noted)
    return NULL;
  Entry *entry = &tally->entries[tally->taken % MOST_STEPS_UNDER_WAY];
  if (entry->numbers.step >= kol_graph_get_step (learner->graph)) /* it has diverged */
    {
      kol_tally_clear (tally);
      return NULL;
    }
  if (entry->numbers.step >= kol_graph_get_good_step (learner->graph))
    return NULL;
  wait_for (entry);
  tally->taken++;
  return &entry->numbers;
}
