/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gdk/gdk.h>

#include "network-layer.h"
#include "sight.h"

G_BEGIN_DECLS

#define KX_TYPE_NEURON (kx_neuron_get_type ())
/** KxNeuron: a unit of a layer, with the picture that excites it as far as that has come. */
G_DECLARE_FINAL_TYPE (KxNeuron, kx_neuron, KX, NEURON, GObject)

#define KX_TYPE_UNIT_LIST (kx_unit_list_get_type ())
/** KxUnitList: the units of a layer: a #GListModel of #KxNeuron, which are made when asked for. */
G_DECLARE_FINAL_TYPE (KxUnitList, kx_unit_list, KX, UNIT_LIST, GObject)

/**
 * KxNeuronPicture:
 * @texture: the picture
 * @steps: how many steps it has taken
 * @activation: what the unit says of it
 * @probability: of classes, the unit's; else NaN
 * @dead: whether nothing excites the unit
 */
typedef struct {
  GdkTexture *texture;
  guint steps;
  double activation, probability;
  gboolean dead;
} KxNeuronPicture;

KxUnitList *kx_unit_list_new (KxNetwork *network, KxNetworkLayer *layer);
KxNetworkLayer *kx_unit_list_get_layer (KxUnitList *list);
KxNeuron *kx_unit_list_get (KxUnitList *list, guint index);
void kx_unit_list_set_sight (KxUnitList *list, KxSight *sight);
void kx_unit_list_set_stale (KxUnitList *list);

KxNetworkLayer *kx_neuron_get_layer (KxNeuron *unit);
guint kx_neuron_get_index (KxNeuron *unit);
const char *kx_neuron_get_title (KxNeuron *unit);
char *kx_neuron_describe (KxNeuron *unit);
const KxNeuronPicture *kx_neuron_get_picture (KxNeuron *unit);
void kx_neuron_set_picture (KxNeuron *unit, const KxNeuronPicture *picture);
gboolean kx_neuron_is_stale (KxNeuron *unit);
double kx_neuron_get_ratio (KxNeuron *unit);
void kx_neuron_set_best (KxNeuron *unit, double best);
double kx_neuron_get_best (KxNeuron *unit);
GdkTexture *kx_neuron_get_map (KxNeuron *unit);
double kx_neuron_get_said (KxNeuron *unit);
double kx_neuron_get_peak (KxNeuron *unit);
gboolean kx_neuron_is_changed (KxNeuron *unit);
KolUnitChange kx_neuron_get_change (KxNeuron *unit, double *value);
void kx_neuron_set_change (KxNeuron *unit, KolUnitChange change, double value);
void kx_neuron_bound (KxNeuron *unit, gboolean bound);
gboolean kx_neuron_is_bound (KxNeuron *unit);

G_END_DECLS
