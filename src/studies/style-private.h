/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../nn/lbfgs.h"
#include "layers.h"
#include "style-adam-private.h"
#include "style-options-private.h"
#include "style-problem-private.h"

G_BEGIN_DECLS

/* One of the sizes at which the picture is painted. */
typedef struct {
  guint side;
  gsize width, height;
  guint octaves; /* at how many sizes the styles are compared: each is half as large */
  guint steps;
} KolStyleStage;

struct _KolStyle {
  KolDevice *device;
  KolStyleOptions options;                            /* without gaps */
  KolStyleLayer *layers_of_style, *layers_of_content; /* the usual ones, once they were chosen */
  guint n_layers_of_style;
  GPtrArray *matched; /* KolPicture: styles with the content's colours, or NULL */
  GArray *sizes;      /* KolStyleStage */
  gsize channels;
  guint64 peak, largest_peak; /* of the size that is open, and of the largest */
  guint tiles;                /* of the largest */
  KolStyleState state;
  char *event;

  /* At the size under way: */
  KolLayers *network;
  KolStyleTask task;
  KolStyleWanted *wanted;
  KolStyleProblem *problem;
  KolStyleAdam *adam; /* or: */
  KolLbfgs *lbfgs;
  gboolean looked;
  guint at; /* which size these are of */

  /* The run: */
  KolStudyWatch watch;
  gboolean painting; /* at that size */
  guint next;        /* the size that is painted or comes next; as many as there are: finished */
  guint step;        /* at this size */
  guint setbacks;
  gboolean moved; /* whether L-BFGS goes on */
  double loss;    /* of L-BFGS */

  /* What the last size has left, or NULL: */
  float *pixels;
  guint pixels_at; /* which size they are of */
  KolStyleMoments moments;
  guint moments_at;
  guint done; /* of all sizes */
  gint64 began;
  double seconds_per_pixel; /* of one step */
};

/* The size of that number, the first of which is painted first. */
static inline const KolStyleStage *
kol_style_size_at (const KolStyle *self, guint i)
{
  return &g_array_index (self->sizes, KolStyleStage, i);
}

/* Opens the network and builds the losses at a size. */
gboolean kol_style_open_size (KolStyle *self, guint at, GError **error);

/* Closes what is open at one size. */
void kol_style_close_size (KolStyle *self);

G_END_DECLS
