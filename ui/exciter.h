/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart/series.h"
#include "exciting.h"
#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_EXCITER (kx_exciter_get_type ())
/**
 * KxExciter:
 *
 * Has pictures of units made: those that are in sight, and of these the favourite first; then,
 * while nothing else is to be done on the device, those of the layer's other units, as many as its
 * cache is for. What was made before with the same weights and settings is taken from there.
 *
 * Signals: `progress`: the favourite's picture has grown, or there is another favourite; `fault`
 * with a sentence; `job` with the #KxJob that it is, when there are pictures to be made.
 */
G_DECLARE_FINAL_TYPE (KxExciter, kx_exciter, KX, EXCITER, GObject)

KxExciter *kx_exciter_new (void);
void kx_exciter_set_budget (KxExciter *exciter, guint64 bytes);
void kx_exciter_set_network (KxExciter *exciter, KxNetwork *network);
void kx_exciter_set_units (KxExciter *exciter, KxUnitList *units);
void kx_exciter_want (KxExciter *exciter, GPtrArray *units, GArray *rest);
void kx_exciter_set_favourite (KxExciter *exciter, KxNeuron *unit);
KxNeuron *kx_exciter_get_favourite (KxExciter *exciter);
const KxExciteSettings *kx_exciter_get_settings (KxExciter *exciter);
void kx_exciter_set_settings (KxExciter *exciter, const KxExciteSettings *settings);
void kx_exciter_refresh (KxExciter *exciter, gboolean favourite_only);
void kx_exciter_pause (KxExciter *exciter, gboolean pause);
void kx_exciter_rest (KxExciter *exciter, gboolean unseen);
gboolean kx_exciter_is_paused (KxExciter *exciter);
double kx_exciter_get_seconds_left (KxExciter *exciter);
KxSeries *kx_exciter_get_objective (KxExciter *exciter);

G_END_DECLS
