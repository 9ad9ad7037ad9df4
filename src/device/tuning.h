/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device.h"

G_BEGIN_DECLS

/**
 * KolTuningChoice:
 * @key: the work: "conv2d [50, 1, 28, 28] [32, 1, 5, 5] #5f2c..."
 * @variant: the one that is chosen for it
 * @names: the variants that were measured
 * @seconds: what each of them took; 0: it could not be used
 * @n: how many there are
 *
 * A choice that is remembered for a device.
 */
typedef struct {
  char *key;
  char *variant;
  char **names;
  double *seconds;
  gsize n;
} KolTuningChoice;

/**
 * KolTuningStruck:
 * @variant: "matmul/simd"
 * @reason: why it is switched off, a sentence
 *
 * A variant that is not used on a device, as it was found wrong.
 */
typedef struct {
  char *variant;
  char *reason;
} KolTuningStruck;

KOL_API GPtrArray *kol_device_list_choices (KolDevice *device);
KOL_API GPtrArray *kol_device_list_struck (KolDevice *device);

G_END_DECLS
