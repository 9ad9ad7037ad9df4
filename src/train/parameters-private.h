/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Parameters as arrays in the host's memory, and back. */

#include "../graph/parameter.h"
#include "../model/safetensors.h"

G_BEGIN_DECLS

/* Copies the parameters from @first to before @end; waits for the device. Given. */
GPtrArray *kol_parameters_copy (KolParameters *parameters, guint first, guint end, GError **error);
/* Whether there is an array for every parameter, of its shape. */
gboolean kol_parameters_check (KolParameters *parameters, GPtrArray *arrays, const char *origin,
                               GError **error);
/* Gives every parameter its array: all are written, or, where one does not match, none. */
gboolean kol_parameters_take (KolParameters *parameters, GPtrArray *arrays, const char *origin,
                              GError **error);
/* Gives the parameters their moving averages, where @state has them. */
gboolean kol_parameters_take_averages (KolParameters *parameters, GPtrArray *state, GError **error);

G_END_DECLS
