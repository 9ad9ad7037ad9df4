/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint-picture.h"

G_BEGIN_DECLS

#define KX_TYPE_DEEP_PICTURE (kx_deep_picture_get_type ())
/**
 * KxDeepPicture:
 *
 * A picture of any size as a paintable: drawn from a small texture as long as that has pixels
 * enough, and from its own pixels where one looks closer. Of those only what is in sight becomes
 * a texture.
 */
G_DECLARE_FINAL_TYPE (KxDeepPicture, kx_deep_picture, KX, DEEP_PICTURE, GObject)

KxDeepPicture *kx_deep_picture_new (GdkTexture *whole, KolSnapshot *full);
KxDeepPicture *kx_deep_picture_new_for_picture (KxPaintPicture *picture);
GdkTexture *kx_deep_picture_get_whole (KxDeepPicture *picture);
void kx_deep_picture_draw (KxDeepPicture *picture, GtkSnapshot *snapshot,
                           const graphene_rect_t *place, const graphene_rect_t *part, int density);

G_END_DECLS
