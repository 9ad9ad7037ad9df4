/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures of a moment. */

#include "study.h"

#include <math.h>
#include <string.h>

#include "../dataset/png.h"

struct _KolSnapshot {
  gatomicrefcount references;
  gsize channels, height, width;
  float pixels[];
};

/**
 * kol_snapshot_new:
 * @pixels: `[channels, height, width]`, 0..1; they are copied
 * @channels: 1, grey, or 3: red, green, blue
 * @height: rows
 * @width: columns
 *
 * Returns: (transfer full): the picture as it is now
 */
KolSnapshot *
kol_snapshot_new (const float *pixels, gsize channels, gsize height, gsize width)
{
  g_return_val_if_fail (pixels != NULL && (channels == 1 || channels == 3), NULL);
  g_return_val_if_fail (height > 0 && width > 0, NULL);
  gsize bytes = channels * height * width * sizeof (float);
  KolSnapshot *snapshot = g_malloc (sizeof *snapshot + bytes);

  g_atomic_ref_count_init (&snapshot->references);
  snapshot->channels = channels;
  snapshot->height = height;
  snapshot->width = width;
  memcpy (snapshot->pixels, pixels, bytes);
  return snapshot;
}

/**
 * kol_snapshot_ref:
 * @snapshot: a snapshot
 *
 * May be called by any thread.
 *
 * Returns: (transfer full): @snapshot
 */
KolSnapshot *
kol_snapshot_ref (KolSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_atomic_ref_count_inc (&snapshot->references);
  return snapshot;
}

/**
 * kol_snapshot_unref:
 * @snapshot: (transfer full) (nullable): a snapshot
 *
 * May be called by any thread.
 */
void
kol_snapshot_unref (KolSnapshot *snapshot)
{
  if (snapshot && g_atomic_ref_count_dec (&snapshot->references))
    g_free (snapshot);
}

/**
 * kol_snapshot_get_channels:
 * @snapshot: a snapshot
 *
 * Returns: 1, grey, or 3: red, green, blue
 */
gsize
kol_snapshot_get_channels (const KolSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);
  return snapshot->channels;
}

/**
 * kol_snapshot_get_height:
 * @snapshot: a snapshot
 *
 * Returns: how many rows it has
 */
gsize
kol_snapshot_get_height (const KolSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);
  return snapshot->height;
}

/**
 * kol_snapshot_get_width:
 * @snapshot: a snapshot
 *
 * Returns: how many columns it has
 */
gsize
kol_snapshot_get_width (const KolSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);
  return snapshot->width;
}

/**
 * kol_snapshot_get_pixels:
 * @snapshot: a snapshot
 *
 * Returns: (transfer none): `[channels, height, width]`, 0..1
 */
const float *
kol_snapshot_get_pixels (const KolSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  return snapshot->pixels;
}

/* What is not 0..1 is brought there; what is no number is black. */
static guint8
byte_of (float value)
{
  return value > 0 ? (guint8) lrintf (255 * fminf (value, 1)) : 0;
}

/**
 * kol_snapshot_to_picture:
 * @snapshot: a snapshot
 * @error: return location
 *
 * Rounds to 8 bits.
 *
 * Errors: %G_IO_ERROR_FAILED if memory is short.
 *
 * Returns: (transfer full) (nullable): the picture
 */
KolPicture *
kol_snapshot_to_picture (const KolSnapshot *snapshot, GError **error)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  gsize n = snapshot->channels * snapshot->height * snapshot->width;
  guint8 *bytes = g_try_malloc (n);

  if (!bytes)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "There is not enough memory for a picture of %zu x %zu pixels", snapshot->width,
                   snapshot->height);
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    bytes[i] = byte_of (snapshot->pixels[i]);
  KolPicture *picture = g_new (KolPicture, 1);
  *picture = (KolPicture){ snapshot->channels, snapshot->height, snapshot->width, bytes };
  return picture;
}

/**
 * kol_snapshot_to_rgba:
 * @snapshot: a snapshot
 *
 * The bytes that a texture on a screen takes: red, green, blue and 255 of each pixel, row
 * by row, without gaps.
 *
 * Returns: (transfer full): 4 bytes a pixel
 */
GBytes *
kol_snapshot_to_rgba (const KolSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  gsize plane = snapshot->height * snapshot->width;
  guint8 *bytes = g_malloc (4 * plane);

  for (gsize i = 0; i < plane; i++)
    {
      for (gsize c = 0; c < 3; c++)
        bytes[4 * i + c] = byte_of (snapshot->pixels[MIN (c, snapshot->channels - 1) * plane + i]);
      bytes[4 * i + 3] = 255;
    }
  return g_bytes_new_take (bytes, 4 * plane);
}

/**
 * kol_snapshot_to_png:
 * @snapshot: a snapshot
 * @texts: (nullable) (array zero-terminated): as in kol_png_encode()
 * @error: return location
 *
 * Errors: those of kol_png_encode().
 *
 * Returns: (transfer full) (nullable): the bytes of a PNG file
 */
GBytes *
kol_snapshot_to_png (const KolSnapshot *snapshot, const char *const *texts, GError **error)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  gsize channels = snapshot->channels, plane = snapshot->height * snapshot->width;
  g_autofree guint8 *rows = g_malloc (channels * plane);

  for (gsize c = 0; c < channels; c++)
    for (gsize i = 0; i < plane; i++)
      rows[i * channels + c] = byte_of (snapshot->pixels[c * plane + i]);
  return kol_png_encode (rows, snapshot->width, snapshot->height, channels, texts, error);
}
