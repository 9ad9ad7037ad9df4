/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint-picture.h"
#include "session.h"

G_BEGIN_DECLS

/**
 * KxFastPainted:
 * @picture: (nullable): what was painted
 * @texture: (nullable): it, for GTK
 * @error: (nullable): why not
 * @object: who asked
 *
 * Called on the main thread, while @object lives.
 */
typedef void (*KxFastPainted) (KolSnapshot *picture, GdkTexture *texture, const GError *error,
                               gpointer object);

KxJob *kx_fast_paint (KxSession *session, const char *network, KxPaintPicture *picture, guint size,
                      KxFastPainted painted, GObject *object);
KxJob *kx_fast_paint_folder (KxSession *session, const char *network, const char *folder);

G_END_DECLS
