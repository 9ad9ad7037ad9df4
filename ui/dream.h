/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "exciting.h"
#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_DREAM (kx_dream_get_type ())
/**
 * KxDream:
 *
 * A layer that dreams of a photo, as a job. Ends with its last reference.
 *
 * Signals: `picture` with the texture as it is now and a sentence on how far that is; `fault` with
 * a sentence.
 */
G_DECLARE_FINAL_TYPE (KxDream, kx_dream, KX, DREAM, GObject)

KxDream *kx_dream_new (KxSession *session, KxNetwork *network, KxNetworkLayer *layer,
                       KolPicture *photo);

G_END_DECLS
