/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_NEARLY 0.75 /* from this scale on renderers are quick, and leave no pixel out */

#define KX_TYPE_SHRUNK (kx_shrunk_get_type ())
/**
 * KxShrunk:
 *
 * A picture that is shown smaller than it is.
 */
G_DECLARE_FINAL_TYPE (KxShrunk, kx_shrunk, KX, SHRUNK, GObject)

KxShrunk *kx_shrunk_new (GdkTexture *texture, GdkTexture *first);
GdkTexture *kx_shrunk_get_texture (KxShrunk *self);
void kx_shrunk_set_density (KxShrunk *self, int density);
void kx_shrunk_draw (KxShrunk *self, GtkSnapshot *snapshot, const graphene_rect_t *place);

G_END_DECLS
