/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What the engine makes, numbers of 0..1 in a plane for each channel, for the toolkit. */

#include "texture.h"

static guint8
byte_of (float value)
{
  return value > 0 ? (guint8) (MIN (value, 1) * 255 + 0.5f) : 0; /* NaN: 0 */
}

/**
 * kx_texture_new:
 * @pixels: [channels, height, width], 0..1
 * @channels: 1, grey, or 3: red, green, blue
 * @height: rows
 * @width: columns
 *
 * Returns: (transfer full): the picture
 */
GdkTexture *
kx_texture_new (const float *pixels, gsize channels, gsize height, gsize width)
{
  gsize plane = height * width;
  guint8 *bytes = g_malloc (3 * plane);

  for (gsize c = 0; c < 3; c++)
    {
      const float *from = pixels + (channels == 3 ? c * plane : 0);

      for (gsize i = 0; i < plane; i++)
        bytes[3 * i + c] = byte_of (from[i]);
    }
  g_autoptr (GBytes) data = g_bytes_new_take (bytes, 3 * plane);
  return gdk_memory_texture_new ((int) width, (int) height, GDK_MEMORY_R8G8B8, data, 3 * width);
}

GdkTexture *
kx_texture_from_snapshot (const KolSnapshot *snapshot)
{
  return kx_texture_new (kol_snapshot_get_pixels (snapshot), kol_snapshot_get_channels (snapshot),
                         kol_snapshot_get_height (snapshot), kol_snapshot_get_width (snapshot));
}
