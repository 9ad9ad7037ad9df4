/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "sight.h"
#include "unit-list.h"

G_BEGIN_DECLS

#define KX_TYPE_PHOTO_VIEW (kx_photo_view_get_type ())
/**
 * KxPhotoView:
 *
 * A picture that is shown to a network, under a brush: classes with their probabilities, what
 * watched units say, and the maps of a layer. With `drawing` it begins with a black sheet, on
 * which one draws in white: a digit, which is centred as those of MNIST are.
 *
 * Signals: `unit` with a unit that was chosen; `picture`: another one was opened, or nobody wants
 * to see a dream of the old one any more.
 */
G_DECLARE_FINAL_TYPE (KxPhotoView, kx_photo_view, KX, PHOTO_VIEW, GtkWidget)

void kx_photo_view_set_network (KxPhotoView *view, KxNetwork *network);
void kx_photo_view_set_units (KxPhotoView *view, KxUnitList *units);
void kx_photo_view_open (KxPhotoView *view, GFile *file);
void kx_photo_view_set_texture (KxPhotoView *view, GdkTexture *texture);
gboolean kx_photo_view_has_picture (KxPhotoView *view);
KolPicture *kx_photo_view_dup_picture (KxPhotoView *view);
void kx_photo_view_watch (KxPhotoView *view, KxNeuron *unit, gboolean watched);
gboolean kx_photo_view_is_watched (KxPhotoView *view, KxNeuron *unit);
void kx_photo_view_show_dream (KxPhotoView *view, GdkTexture *texture, const char *text);
void kx_photo_view_ask (KxPhotoView *view);
KxSight *kx_photo_view_get_sight (KxPhotoView *view);

G_END_DECLS
