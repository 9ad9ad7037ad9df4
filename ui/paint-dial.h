/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_PAINT_DIAL (kx_paint_dial_get_type ())
/**
 * KxPaintDial:
 *
 * A weight in a list: its `title`, its `value`, and a scale of octaves around the `usual` one.
 */
G_DECLARE_FINAL_TYPE (KxPaintDial, kx_paint_dial, KX, PAINT_DIAL, AdwPreferencesRow)

GtkWidget *kx_paint_dial_new (const char *title, double usual);
double kx_paint_dial_get_value (KxPaintDial *dial);
GtkRange *kx_paint_dial_get_scale (KxPaintDial *dial);
void kx_paint_dial_set_value (KxPaintDial *dial, double value);

G_END_DECLS
