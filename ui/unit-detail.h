/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "examples.h"
#include "exciter.h"

G_BEGIN_DECLS

#define KX_TYPE_UNIT_DETAIL (kx_unit_detail_get_type ())
/**
 * KxUnitDetail:
 *
 * The inspector of a unit: its picture as it grows, how that is made, the photos that excite it
 * most, and what is done to it. Signals: `change` with a unit whose change was chosen.
 */
G_DECLARE_FINAL_TYPE (KxUnitDetail, kx_unit_detail, KX, UNIT_DETAIL, GtkWidget)

void kx_unit_detail_set_exciter (KxUnitDetail *detail, KxExciter *exciter);
void kx_unit_detail_set_unit (KxUnitDetail *detail, KxNeuron *unit);
void kx_unit_detail_set_moment (KxUnitDetail *detail, GdkPaintable *picture, const char *name);
void kx_unit_detail_set_consequence (KxUnitDetail *detail, const char *text);
void kx_unit_detail_set_examples (KxUnitDetail *detail, KxExamples *examples);

G_END_DECLS
