/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "feed.h"

#include "../graph/op-private.h"

/* Whether @value's first dimension is the batch; if not, its graph keeps the sentence. */
static gboolean
holds_batch (KolValue *value, gsize batch, const char *what)
{
  const KolShape *shape = kol_value_get_shape (value);

  if (shape->rank > 0 && shape->dim[0] == (gint64) batch)
    return TRUE;
  kol_graph_fail (kol_value_get_graph (value), KOL_ERROR_SHAPE,
                  "%s: batches of %zu %s were given, but the placeholder's shape is %s; make both "
                  "the same",
                  kol_value_get_name (value), batch, what, kol_shape_text (shape));
  return FALSE;
}

static gboolean
shapes_agree (KolBatches *batches, KolValue *x, KolValue *y)
{
  const KolDataset *dataset = kol_batches_get_dataset (batches);
  gsize batch = kol_batches_get_batch (batches);
  gsize example = dataset->channels * dataset->height * dataset->width;
  gsize target = dataset->labels ? 1 : dataset->outputs;

  if (kol_value_failed (x) || kol_value_failed (y))
    return FALSE;
  if (!holds_batch (x, batch, "examples") || !holds_batch (y, batch, "targets"))
    return FALSE;
  if (kol_count (x) != (gint64) (batch * example))
    {
      kol_graph_fail (kol_value_get_graph (x), KOL_ERROR_SHAPE,
                      "%s: an example of %s has %zu numbers, but the placeholder's shape is %s",
                      kol_value_get_name (x), dataset->name, example,
                      kol_shape_text (kol_value_get_shape (x)));
      return FALSE;
    }
  if (kol_count (y) == (gint64) (batch * target))
    return TRUE;
  kol_graph_fail (
      kol_value_get_graph (y), KOL_ERROR_SHAPE,
      "%s: a target of %s has %zu numbers, so the placeholder must be [%zu, %zu], not %s",
      kol_value_get_name (y), dataset->name, target, batch, target,
      kol_shape_text (kol_value_get_shape (y)));
  return FALSE;
}

/**
 * kol_batch_next:
 * @batches: a stream of examples with their targets
 * @x: placeholder for the examples, [N, C, H, W] or any shape of as many numbers
 *   that begins with N; pixels are 0..1
 * @y: placeholder for the targets: labels, [N], whole numbers; or [N, outputs]
 *
 * Takes the next batch and gives it to the two placeholders: one line of a
 * training loop. If N is not the batch size of the stream, or if the examples could
 * not be read, the graph keeps that as its error, which kol_run() reports.
 *
 * Returns: whether both placeholders were set
 */
gboolean
kol_batch_next (KolBatches *batches, KolValue *x, KolValue *y)
{
  const float *examples, *targets;

  g_return_val_if_fail (batches != NULL && x != NULL && y != NULL, FALSE);
  if (!shapes_agree (batches, x, y))
    return FALSE;
  if (!kol_batches_next (batches, &examples, &targets))
    {
      g_autoptr (GError) error = NULL;
      kol_dataset_finish (kol_batches_get_dataset (batches), &error);
      kol_graph_fail (kol_value_get_graph (x), KOL_ERROR_DATA, "%s: %s", kol_value_get_name (x),
                      error->message);
      return FALSE;
    }
  kol_set (x, examples);
  kol_set (y, targets);
  return TRUE;
}
