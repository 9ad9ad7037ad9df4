/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "../src/kolinsky.h"

G_BEGIN_DECLS

/** KxBrush: what the brush does. */
typedef enum {
  KX_BRUSH_PAINT,   /* B: lays the colour on; of a mask: marks */
  KX_BRUSH_RESTORE, /* E: brings the original back; of a mask: unmarks */
  KX_BRUSH_GREY,    /* G: covers with grey; of a mask: as B */
} KxBrush;

#define KX_TYPE_CANVAS (kx_canvas_get_type ())
/**
 * KxCanvas:
 *
 * A picture that can be painted on, by mouse, stylus and keys: arrows move the brush, Space dabs,
 * `,` and `.` change its size, B, E and G what it does. Or, if it is a `mask`, a mask over the
 * picture, which itself stays as it is. Strokes can be undone; those of a mask its owner undoes.
 *
 * Properties: `brush`, `radius` (pixels of the picture), `colour`, `mask`.
 * Signals: `changed`, at each piece of a stroke; `stroke-ended`.
 */
G_DECLARE_FINAL_TYPE (KxCanvas, kx_canvas, KX, CANVAS, GtkWidget)

GtkWidget *kx_canvas_new (void);

void kx_canvas_set_picture (KxCanvas *canvas, const KolPicture *picture);
gboolean kx_canvas_has_picture (KxCanvas *canvas);
KolPicture *kx_canvas_dup_picture (KxCanvas *canvas);
void kx_canvas_set_seen (KxCanvas *canvas, const KolPictureBox *part);

guint8 *kx_canvas_dup_mask (KxCanvas *canvas, gsize *width, gsize *height);
void kx_canvas_set_mask (KxCanvas *canvas, const guint8 *mask, gsize width, gsize height);

void kx_canvas_clear (KxCanvas *canvas);
gboolean kx_canvas_is_changed (KxCanvas *canvas);
gboolean kx_canvas_is_stroking (KxCanvas *canvas);
void kx_canvas_dab (KxCanvas *canvas, double x, double y);

GType kx_brush_get_type (void);
#define KX_TYPE_BRUSH (kx_brush_get_type ())

G_END_DECLS
