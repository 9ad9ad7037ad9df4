/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * A picture that is painted by making a loss smaller: the parameter that is moved, and how it
 * becomes pixels,
 *
 *     t = inverse Fourier transform of (S / f)     or  t = S, plain pixels
 *     pixels = sigmoid (M t + photo + b)           M: decorrelated colours to red, green, blue
 *
 * where b, a number for each picture, is 0; or, for pictures of a given level, what makes their
 * mean that level. Light is dear then, and goes where it says most, as in Erhan, Bengio, Courville
 * and Vincent, "Visualizing higher-layer features of a deep network", 2009, where a picture's norm
 * is.
 *
 * The rest after Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017.
 */

#include "../graph/graph.h"

G_BEGIN_DECLS

typedef struct {
  gint64 n; /* pictures */
  gint64 channels;
  gint64 height, width;
  gboolean plain;  /* the parameter is t itself */
  gboolean colour; /* M is used */
  gboolean photo;  /* there is a picture to begin with, KolCanvas.photo */
  double level;    /* the mean of each picture's pixels; 0: it is free */
} KolCanvasForm;

typedef struct {
  KolCanvasForm form;
  KolValue *parameter; /* S: [N, C, 2, H, W / 2 + 1], real and imaginary parts, or [N, C, H, W] */
  KolValue *photo;     /* placeholder [1, C, H, W] of what kol_canvas_invert() gives, or NULL */
  KolValue *t;         /* [N, C, H, W] */
  KolValue *pixels;    /* [N, C, H, W], 0..1 */
} KolCanvas;

/* Builds it in @graph; graphs over one set share the parameter of a form. */
void kol_canvas_build (KolCanvas *self, KolGraph *graph, const KolCanvasForm *form);
/* How many numbers of the parameter a picture has. */
gsize kol_canvas_count (const KolCanvasForm *form);
/* How a picture begins: normal numbers of a stream; with a photo zeros, so that it is the photo,
 * unless it has a level. */
void kol_canvas_fill (const KolCanvasForm *form, guint64 key, float *values);
/* What the sigmoid makes @pixels of; black and white are as near as 1/255. */
void kol_canvas_invert (const float *pixels, gsize n, float *values);

G_END_DECLS
