/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_DIAL (kx_dial_get_type ())
/**
 * KxDial:
 *
 * The learning rate, on a logarithmic scale and as a number. "begin" and "end" frame a gesture,
 * in which `value` may change many times; "chip" asks for the schedule alone.
 */
G_DECLARE_FINAL_TYPE (KxDial, kx_dial, KX, DIAL, AdwBin)

void kx_dial_finish (KxDial *dial);
double kx_dial_get_value (KxDial *dial);
void kx_dial_set_value (KxDial *dial, double value);
void kx_dial_set_usual (KxDial *dial, double value);
void kx_dial_set_factor (KxDial *dial, double factor);

gboolean kx_dial_read (const char *text, double now, double *value);

G_END_DECLS
