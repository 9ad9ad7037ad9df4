/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_FILM_STRIP (kx_film_strip_get_type ())
/**
 * KxFilmStrip:
 *
 * Small pictures of moments in a row, one of which may be chosen. `selected` is its number, -1:
 * none.
 */
G_DECLARE_FINAL_TYPE (KxFilmStrip, kx_film_strip, KX, FILM_STRIP, GtkWidget)

GtkWidget *kx_film_strip_new (void);
void kx_film_strip_clear (KxFilmStrip *strip);
guint kx_film_strip_get_length (KxFilmStrip *strip);
void kx_film_strip_append (KxFilmStrip *strip, const char *label, const char *name,
                           GdkPaintable *picture);
GdkPaintable *kx_film_strip_get_picture (KxFilmStrip *strip, guint i, const char **name);
void kx_film_strip_remove (KxFilmStrip *strip, guint i);
int kx_film_strip_get_selected (KxFilmStrip *strip);
void kx_film_strip_select (KxFilmStrip *strip, int i);

G_END_DECLS
