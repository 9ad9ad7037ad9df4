/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "typical-private.h"

#include <math.h>

#include "../dataset/batches.h"
#include "../dataset/picture-private.h"
#include "../device/error-private.h"

#define BATCH 256
#define MOST 16 /* batches: 4,096 pictures tell a pixel's mean to less than 1/64 */

/* Pictures in files are read when they are needed. */
static KolDataset *
open_data (KolDataset *like, GError **error)
{
  const KolPreprocess picture = { .channels = like->channels,
                                  .width = like->width,
                                  .height = like->height,
                                  .filter = KOL_BILINEAR,
                                  .divisor = 255,
                                  .std = { 1, 1, 1 } };
  const KolDatasetOptions options = { .picture = &picture, .numbers = like->outputs > 0 };

  return like->count ? kol_dataset_ref (like)
                     : kol_dataset_open (like->path, "train", &options, error);
}

static gboolean
check_data (const KolDataset *data, const KolDataset *like, GError **error)
{
  if (data->values)
    return kol_refuse (error, "%s is of numbers, not of pictures", data->name);
  if (data->channels != like->channels || data->height != like->height
      || data->width != like->width)
    return kol_refuse (error,
                       "%s has pictures of %zu x %zu pixels now, but the network takes %zu x %zu",
                       data->name, data->width, data->height, like->width, like->height);
  return TRUE;
}

static KolPicture *
round_to_picture (const double *sums, double count, const KolDataset *like, GError **error)
{
  KolPicture *picture = kol_picture_new (like->channels, like->height, like->width);

  if (!picture)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY, "There is not enough memory for a picture");
      return NULL;
    }
  for (gsize i = 0; i < like->channels * like->height * like->width; i++)
    picture->pixels[i] = (guint8) lrint (255 * CLAMP (sums[i] / count, 0, 1));
  return picture;
}

KolPicture *
kol_typical_picture (KolDataset *like, GError **error)
{
  g_autoptr (KolDataset) data = open_data (like, error);
  gsize n = like->channels * like->height * like->width;
  g_autofree double *sums = g_new0 (double, n);

  if (!data || !check_data (data, like, error))
    return NULL;
  gsize batch = MIN (data->count, BATCH), batches = MIN (data->count / batch, MOST);
  g_autoptr (KolBatches) stream = kol_batches_new (data, batch, 0, TRUE, error);
  for (gsize i = 0; stream && i < batches; i++)
    {
      const float *examples, *targets;

      if (!kol_batches_next (stream, &examples, &targets))
        {
          kol_dataset_finish (data, error);
          return NULL;
        }
      for (gsize k = 0; k < batch * n; k++)
        sums[k % n] += examples[k];
    }
  return stream ? round_to_picture (sums, (double) (batch * batches), like, error) : NULL;
}
