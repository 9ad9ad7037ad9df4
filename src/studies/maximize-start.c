/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a maximizer's pictures begin with, and have around them. */

#include "maximize-private.h"

#include <string.h>

#define GREY 0.5f /* around colour pictures */

/* ── Photos ──────────────────────────────────────────────────────────────────────────────────── */

/* A photo at the canvas's size, [C, H, W], 0..1. */
static float *
fit_photo (const KolMaximizer *self, const KolPicture *photo, GError **error)
{
  const KolPreprocess how = { .channels = (gsize) self->form.channels,
                              .height = (gsize) self->form.height,
                              .width = (gsize) self->form.width,
                              .filter = KOL_BILINEAR,
                              .divisor = 255,
                              .std = { 1, 1, 1 } };
  g_autoptr (KolPicture) fitted = kol_preprocess_fit (&how, photo);

  if (!fitted)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                   "There is not enough memory to scale the photo to %d x %d pixels",
                   (int) self->form.width, (int) self->form.height);
      return NULL;
    }
  float *pixels = g_new (float, kol_preprocess_count (&how));
  kol_preprocess_numbers (&how, fitted, pixels);
  return pixels;
}

/* What the layer says of the photo. */
static float *
look_at_photo (KolMaximizer *self, const float *photo, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (self->layers));
  const KolCanvasForm *form = &self->form;
  gsize each = (gsize) (form->channels * form->height * form->width);
  g_autofree float *all = g_new (float, (gsize) form->n *each);

  KolValue *pixels = kol_placeholder (
      graph, "study/pixels", KOL_SHAPE (form->n, form->channels, form->height, form->width));
  const KolLayerInfo *layer = kol_maximizer_build_network (self, pixels, error);
  if (!layer)
    return NULL;
  for (gint64 i = 0; i < form->n; i++)
    memcpy (all + (gsize) i * each, photo, each * sizeof *all);
  kol_set (pixels, all);
  g_autofree float *values = g_new (float, (gsize) kol_count (layer->value));
  if (!kol_run (graph, layer->value, error) || !kol_read (layer->value, values, error))
    return NULL;
  return g_steal_pointer (&values);
}

gboolean
kol_maximizer_take_photo (KolMaximizer *self, GError **error)
{
  if (!self->options.photo)
    return TRUE;
  g_autofree float *pixels = fit_photo (self, self->options.photo, error);
  if (!pixels)
    return FALSE;
  if (self->options.goal == KOL_MAXIMIZE_CARICATURE)
    return (self->like = look_at_photo (self, pixels, error)) != NULL;
  gsize n = (gsize) (self->form.channels * self->form.height * self->form.width);
  self->photo = g_new (float, n);
  kol_canvas_invert (pixels, n, self->photo);
  return TRUE;
}

/* ── What was learned from ───────────────────────────────────────────────────────────────────── */

/* The mean of a picture's outermost pixels. */
static float
mean_of_edges (const KolCanvasForm *form, const float *pixels)
{
  gint64 h = form->height, w = form->width, n = 0;
  double sum = 0;

  for (gint64 i = 0; i < form->channels * h * w; i++)
    if (i % w == 0 || i % w == w - 1 || i / w % h == 0 || i / w % h == h - 1)
      {
        sum += pixels[i];
        n++;
      }
  return (float) (sum / (double) n);
}

/*
 * Grey pictures are dark or light, and empty at their edges, as colour photos are not: a network
 * that knows these only says much of what is no picture. So theirs begin with the mean of what it
 * has learned from, have as much light, and that around them.
 */
gboolean
kol_maximizer_take_typical (KolMaximizer *self, GError **error)
{
  KolCanvasForm *form = &self->form;

  self->around = GREY;
  if (self->options.free || !kol_maximizer_asks_for_units (self) || form->channels != 1)
    return TRUE;
  const KolPicture *typical = kol_layers_get_typical (self->layers, &self->atypical);
  if (!typical)
    return TRUE;
  g_autofree float *pixels = fit_photo (self, typical, error);
  if (!pixels)
    return FALSE;
  gsize n = (gsize) (form->channels * form->height * form->width);
  double sum = 0;
  for (gsize i = 0; i < n; i++)
    sum += pixels[i];
  self->around = mean_of_edges (form, pixels);
  self->photo = g_new (float, n);
  kol_canvas_invert (pixels, n, self->photo);
  form->photo = TRUE;
  form->level = CLAMP (sum / (double) n, 1 / 255.0, 254 / 255.0);
  return TRUE;
}
