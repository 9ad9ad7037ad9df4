/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../device/device.h"

G_BEGIN_DECLS

/* What a measurement gave. */
typedef struct {
  const char *work;
  char *shape;
  char *variant;
  double seconds; /* median */
  double flops;   /* floating-point operations in that time */
} BenchResult;

/* The most that the device computes, with the mix of vectors in flight that was best. */
gboolean bench_peak (KolDevice *device, BenchResult *result, GError **error);

double bench_median (GArray *seconds);

G_END_DECLS
