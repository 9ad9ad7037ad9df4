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
  const KolDataset *pictures = kol_batches_get_pictures (batches);
  gsize batch = kol_batches_get_batch (batches);
  gsize picture = pictures->channels * pictures->height * pictures->width;

  if (kol_value_failed (x) || kol_value_failed (y))
    return FALSE;
  if (!holds_batch (x, batch, "pictures") || !holds_batch (y, batch, "labels"))
    return FALSE;
  if (kol_count (x) != (gint64) (batch * picture))
    {
      kol_graph_fail (kol_value_get_graph (x), KOL_ERROR_SHAPE,
                      "%s: a picture of %s has %zu numbers, but the placeholder's shape is %s",
                      kol_value_get_name (x), pictures->name, picture,
                      kol_shape_text (kol_value_get_shape (x)));
      return FALSE;
    }
  if (kol_count (y) == (gint64) batch)
    return TRUE;
  kol_graph_fail (kol_value_get_graph (y), KOL_ERROR_SHAPE,
                  "%s: a batch has one label per picture, so the placeholder must be [%zu], not %s",
                  kol_value_get_name (y), batch, kol_shape_text (kol_value_get_shape (y)));
  return FALSE;
}

/**
 * kol_batch_next:
 * @batches: a stream of labelled pictures
 * @x: placeholder for the pictures, [N, C, H, W] or any shape of as many numbers
 *   that begins with N, pixels 0..1
 * @y: placeholder for the labels, [N], whole numbers
 *
 * Takes the next batch and gives it to the two placeholders: one line of a
 * training loop. If N is not the batch size of the stream, or if the pictures could
 * not be read, the graph keeps that as its error, which kol_run() reports.
 *
 * Returns: whether both placeholders were set
 */
gboolean
kol_batch_next (KolBatches *batches, KolValue *x, KolValue *y)
{
  const float *pixels, *labels;

  g_return_val_if_fail (batches != NULL && x != NULL && y != NULL, FALSE);
  if (!shapes_agree (batches, x, y))
    return FALSE;
  if (!kol_batches_next (batches, &pixels, &labels))
    {
      g_autoptr (GError) error = NULL;
      kol_dataset_finish (kol_batches_get_pictures (batches), &error);
      kol_graph_fail (kol_value_get_graph (x), KOL_ERROR_DATA, "%s: %s", kol_value_get_name (x),
                      error->message);
      return FALSE;
    }
  kol_set (x, pixels);
  kol_set (y, labels);
  return TRUE;
}
