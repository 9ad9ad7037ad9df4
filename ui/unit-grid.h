/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "unit-list.h"

G_BEGIN_DECLS

/** KxUnitOrder: in which order a grid shows units. */
typedef enum {
  KX_UNITS_BY_NUMBER,
  KX_UNITS_BY_STRENGTH, /* of the picture, against the best photo's if there is one */
} KxUnitOrder;

#define KX_TYPE_UNIT_GRID (kx_unit_grid_get_type ())
/**
 * KxUnitGrid:
 *
 * The units of a layer, each with its picture, or with its map of a photo.
 * Properties: `unit`, the selected one; `size`, of a picture, in pixels.
 * Signals: `activate` with a unit; `moved`: other units are in sight; `menu` with a unit.
 */
G_DECLARE_FINAL_TYPE (KxUnitGrid, kx_unit_grid, KX, UNIT_GRID, GtkWidget)

GtkWidget *kx_unit_grid_new (gboolean maps);
void kx_unit_grid_set_units (KxUnitGrid *grid, KxUnitList *units);
void kx_unit_grid_set_order (KxUnitGrid *grid, KxUnitOrder order);
KxNeuron *kx_unit_grid_get_unit (KxUnitGrid *grid);
GPtrArray *kx_unit_grid_list_wanted (KxUnitGrid *grid);
GArray *kx_unit_grid_list_rest (KxUnitGrid *grid);

G_END_DECLS
