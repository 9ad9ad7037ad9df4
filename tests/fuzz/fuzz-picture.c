/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A picture, and our own arithmetic upon it; the decoders are gdk-pixbuf's. */
#include "dataset/picture.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  GError *error = NULL;
  g_autoptr (KolPicture) picture = kol_picture_load (fuzz_file ("input", bytes, size), &error);

  fuzz_check (picture != NULL, error);
  if (!picture || picture->width * picture->height > 1 << 20)
    return 0;
  g_autoptr (KolPicture) grey = kol_picture_convert (picture, 1);
  g_autoptr (KolPicture) small = kol_picture_resize (picture, 7, 5, KOL_BICUBIC, NULL);
  return 0;
}
