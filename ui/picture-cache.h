/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "unit-list.h"

G_BEGIN_DECLS

/** KxPictureCache: pictures of units by what made them, as many as a budget allows. */
typedef struct _KxPictureCache KxPictureCache;

KxPictureCache *kx_picture_cache_new (void);
void kx_picture_cache_free (KxPictureCache *cache);
void kx_picture_cache_set_budget (KxPictureCache *cache, guint64 bytes);
guint64 kx_picture_cache_get_bytes (KxPictureCache *cache);
guint64 kx_picture_cache_get_room (KxPictureCache *cache, GdkTexture *picture);
void kx_picture_cache_put (KxPictureCache *cache, const char *key, const KxNeuronPicture *picture);
const KxNeuronPicture *kx_picture_cache_get (KxPictureCache *cache, const char *key);

G_END_DECLS
