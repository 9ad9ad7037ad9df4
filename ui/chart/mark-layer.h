/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "layer.h"

G_BEGIN_DECLS

#define KX_TYPE_MARK_LAYER (kx_mark_layer_get_type ())
/**
 * KxMarkLayer:
 *
 * What happened when: changes, as triangles along the upper edge; checkpoints, as circles on
 * the x axis; and a selected step, after which all is dimmed.
 */
G_DECLARE_FINAL_TYPE (KxMarkLayer, kx_mark_layer, KX, MARK_LAYER, KxLayer)

KxMarkLayer *kx_mark_layer_new (void);
void kx_mark_layer_set_clock (KxMarkLayer *marks, KxClock *clock);
void kx_mark_layer_add (KxMarkLayer *marks, double step, const char *text);
gboolean kx_mark_layer_remove (KxMarkLayer *marks, double step, const char *text);
void kx_mark_layer_clear (KxMarkLayer *marks);
guint kx_mark_layer_get_n_marks (KxMarkLayer *marks);

void kx_mark_layer_add_checkpoint (KxMarkLayer *marks, double step, gboolean pinned);
void kx_mark_layer_remove_checkpoint (KxMarkLayer *marks, double step);
void kx_mark_layer_clear_checkpoints (KxMarkLayer *marks);

double kx_mark_layer_get_selected (KxMarkLayer *marks);
void kx_mark_layer_set_selected (KxMarkLayer *marks, double step);

gboolean kx_mark_layer_find_checkpoint (KxMarkLayer *marks, const KxPlot *plot, double x, double y,
                                        double *step);
gboolean kx_mark_layer_find_changes (KxMarkLayer *marks, const KxPlot *plot, double x, double y,
                                     double *low, double *high);
char *kx_mark_layer_describe (KxMarkLayer *marks, const KxPlot *plot, double x, double y);

G_END_DECLS
