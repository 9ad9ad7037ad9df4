/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../src/kolinsky.h"

G_BEGIN_DECLS

/**
 * KxPhoto:
 * @whole: as it is in its file
 * @shown: (nullable): it, as large as one can paint on; %NULL: no memory
 *
 * A photo for a network and for a canvas. Nothing changes it, so that threads may share it: a
 * copy of a large one would cost the main thread a frame. Reference-counted.
 */
typedef struct {
  gatomicrefcount references;
  KolPicture *whole;
  KolPicture *shown;
} KxPhoto;

KxPhoto *kx_photo_new (KolPicture *whole);
KxPhoto *kx_photo_ref (KxPhoto *photo);
void kx_photo_unref (KxPhoto *photo);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxPhoto, kx_photo_unref)

G_END_DECLS
