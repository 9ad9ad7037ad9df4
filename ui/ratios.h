/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart/series.h"

G_BEGIN_DECLS

/**
 * KxRatios: the norms of updates over those of the parameters, step by step: of weights of layers,
 * as many as a chart can tell apart.
 */
typedef struct _KxRatios KxRatios;

KxRatios *kx_ratios_new (void);
void kx_ratios_free (KxRatios *ratios);

void kx_ratios_choose (KxRatios *ratios, char *const *names);
void kx_ratios_append (KxRatios *ratios, const double *steps, guint n, const float *values,
                       guint n_values);

guint kx_ratios_get_n (KxRatios *ratios);
KxSeries *kx_ratios_get_series (KxRatios *ratios, guint i);
const char *kx_ratios_get_name (KxRatios *ratios, guint i);

G_END_DECLS
