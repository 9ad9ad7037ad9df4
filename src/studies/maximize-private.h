/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph-private.h"
#include "canvas-private.h"
#include "maximize.h"
#include "objective-private.h"
#include "robust-private.h"

G_BEGIN_DECLS

/* A step that makes the picture more like what is wanted. */
typedef struct {
  KolGraph *graph;
  KolCanvas canvas;
  KolValue *map; /* of the motions, or NULL */
  KolObjective objective;
  KolValue *loss;
  KolValue *step;
  KolValue *norms; /* [N]: the sum of the magnitudes of each picture's gradient */
} KolMaximizePainting;

/* The picture as it is. */
typedef struct {
  KolGraph *graph;
  KolCanvas canvas;
  KolObjective objective;
  KolValue *scores; /* [N, classes], or NULL where the layer is not of classes */
} KolMaximizeLook;

/* What a run works with. */
typedef struct {
  guint *units;
  guint n;        /* units that are asked for */
  guint pictures; /* that are looked at; 0: nothing was begun */
  KolStudyWatch watch;
  guint step;
  gint64 began, told; /* of g_get_monotonic_time () */
  gboolean *stuck;    /* [N]: no gradient, at first and after rectifiers were opened */
  gboolean redirect;  /* the first steps open them */
  float *latest;      /* the canvas at latest_at, when it was last looked at; or NULL */
  float *kept;        /* and at kept_at, from where steps went well */
  guint latest_at, kept_at, setbacks;
  char *event; /* to be told */
} KolMaximizeRun;

struct _KolMaximizer {
  KolLayers *layers;
  KolMaximizeOptions options;
  char *layer;
  float *direction;
  KolRobustness robustness;
  KolCanvasForm form;
  KolMaximizePainting usual, redirected; /* the second when it is needed */
  KolMaximizeLook look;
  guint units;       /* K of the layer */
  GPtrArray *states; /* KolParameter, lent: the optimizer's moments and count of steps */
  double slowed;     /* what the rate is multiplied by, after setbacks */
  float *photo;      /* what the canvas begins with, or NULL */
  float around;      /* what is around a picture when it is moved */
  GError *atypical;  /* why it is not like the pictures that were learned from; or NULL */
  float *like;       /* the photo's layer, or NULL */
  KolMaximizeRun run;
};

static inline gboolean
kol_maximizer_asks_for_units (const KolMaximizer *self)
{
  return self->options.goal <= KOL_MAXIMIZE_DIRECTION;
}

/* Builds the network upon @pixels. Returns: (nullable): the layer that is asked for */
const KolLayerInfo *kol_maximizer_build_network (KolMaximizer *self, KolValue *pixels,
                                                 GError **error);
gboolean kol_maximizer_build_painting (KolMaximizer *self, KolMaximizePainting *painting,
                                       gboolean redirected, GError **error);
/* What of a painting is run. Returns: how many there are in @runs */
guint kol_maximizer_list_runs (const KolMaximizePainting *painting, KolTogether runs[2]);
gboolean kol_maximizer_build_look (KolMaximizer *self, GError **error);

/* What pictures begin with, and what is around them; before anything is built. */
gboolean kol_maximizer_take_typical (KolMaximizer *self, GError **error);
/* What a dream begins with, or what a caricature is to be like. */
gboolean kol_maximizer_take_photo (KolMaximizer *self, GError **error);

G_END_DECLS
