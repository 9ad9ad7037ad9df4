/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What a curve is, for the files line-*.c: one says what there is to draw, the other draws it. */

#include "columns.h"
#include "line-layer.h"

G_BEGIN_DECLS

struct _KxLineLayer {
  KxLayer parent_instance;
  KxSeries *series;
  char *name;
  guint run;
  KxLineKind kind;
  gboolean visible, highlighted, selected;
  KxClock *clock;

  KxLineLayer *parent; /* owned; the past up to @branch is its */
  GPtrArray *children; /* lent */
  double branch;
  KxAverage inherited;  /* the parent's at @branch */
  gsize inherited_from; /* how many points of the parent that took, and of which generation */
  guint inherited_generation;

  KxSmoothing smoothing;
  KxColumns columns;
};

/* Of runs beyond those that have a colour, only what is selected is more than a grey line. */
static inline gboolean
kx_line_layer_is_grey (KxLineLayer *self)
{
  return self->run >= KX_PALETTE_RUNS && !self->selected;
}

static inline float
kx_line_layer_get_shown (KxLineLayer *self, gsize i)
{
  return g_array_index (self->smoothing.shown, float, i);
}

static inline gboolean
kx_line_layer_has_band (KxLineLayer *self)
{
  return self->kind == KX_LINE_THIN && !kx_line_layer_is_grey (self);
}

static inline double
kx_line_layer_column_x (const KxPlot *plot, guint i)
{
  return plot->box.origin.x + (i + 0.5) / plot->scale;
}

void kx_line_layer_update_smoothing (KxLineLayer *line, double weight);
double kx_line_layer_get_limit (KxLineLayer *line);
gboolean kx_line_layer_can_show (KxLineLayer *line, KxUnit unit);
void kx_line_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo);

G_END_DECLS
