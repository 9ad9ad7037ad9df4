/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The cases that are there to be measured, one after the other. */

#include "tune.h"

#include "check-private.h"
#include "measure-private.h"

typedef struct {
  const KolOp *op;
  const KolCase *c;
} Work;

struct _KolTuner {
  KolDevice *device;
  GArray *works; /* of Work */
  guint done;
};

/**
 * kol_tuner_new:
 * @device: a device
 *
 * Returns: (transfer full): a tuner that has measured nothing yet
 */
KolTuner *
kol_tuner_new (KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  KolTuner *tuner = g_new0 (KolTuner, 1);
  tuner->device = kol_device_ref (device);
  tuner->works = g_array_new (FALSE, FALSE, sizeof (Work));
  for (guint i = 0; kol_op_get (i); i++)
    {
      const KolOp *op = kol_op_get (i);

      if (!op->variants || !op->variants[1].name)
        continue;
      for (const KolCase *c = op->cases; c && c->name; c++)
        if (c->only_tune)
          g_array_append_val (tuner->works, ((Work){ op, c }));
    }
  return tuner;
}

/**
 * kol_tuner_free:
 * @tuner: (nullable): a tuner
 */
void
kol_tuner_free (KolTuner *tuner)
{
  if (!tuner)
    return;
  g_array_unref (tuner->works);
  kol_device_unref (tuner->device);
  g_free (tuner);
}

/**
 * kol_tuner_count:
 * @tuner: a tuner
 * @done: (out) (optional): how many works are measured
 *
 * Returns: of how many
 */
guint
kol_tuner_count (const KolTuner *tuner, guint *done)
{
  if (done)
    *done = tuner->done;
  return tuner->works->len;
}

static gboolean
measure (KolTuner *tuner, const Work *work, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (tuner->device);
  KolValue *inputs[KOL_CASE_INPUTS];
  KolCandidate candidates[KOL_MOST_CANDIDATES];
  guint n = 0;

  for (guint i = 0; i < work->c->n_inputs; i++)
    {
      g_autofree char *name = g_strdup_printf ("input %u", i);
      inputs[i] = kol_placeholder (graph, name, work->c->shapes[i]);
    }
  KolValue *y = kol_node_new (work->op, inputs, work->c->n_inputs, work->c->attributes);
  if (graph->error)
    {
      g_propagate_error (error, g_error_copy (graph->error));
      return FALSE;
    }
  /* As in training, and in inference where that is another work. */
  return kol_tune_node (graph, y->node, FALSE, candidates, &n, error)
         && (!kol_may_keep_weights (y->node)
             || kol_tune_node (graph, y->node, TRUE, candidates, &n, error));
}

/**
 * kol_tuner_next:
 * @tuner: a tuner that has works left
 * @error: return location
 *
 * Measures the next work and remembers what is fastest. Where that makes a pause
 * (kol_device_set_pause()), it fails with %G_IO_ERROR_CANCELLED, and the next call goes on with the
 * same work.
 *
 * Returns: (nullable): the operation that was measured; %NULL with @error set if the device fails
 */
const char *
kol_tuner_next (KolTuner *tuner, GError **error)
{
  g_return_val_if_fail (tuner->done < tuner->works->len, NULL);

  const Work *work = &g_array_index (tuner->works, Work, tuner->done);
  if (!measure (tuner, work, error))
    return NULL;
  tuner->done++;
  return work->op->name;
}
