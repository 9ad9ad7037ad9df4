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
  double peak;    /* what the device could do at that time, per second */
} BenchResult;

/*
 * The most that a device computes. Others may use the device, too, and clocks
 * change; so that a share of the peak means something, the peak is sampled
 * between the runs of what is measured.
 */
typedef struct _BenchPeak BenchPeak;

/* Finds the mix of vectors in flight that is best. */
BenchPeak *bench_peak_new (KolDevice *device, GError **error);
void bench_peak_free (BenchPeak *peak);
/* Forgets the samples. */
void bench_peak_restart (BenchPeak *peak);
/* Takes one more sample. */
gboolean bench_peak_sample (BenchPeak *peak, GError **error);
/* The samples' median, in operations per second. */
double bench_peak_rate (BenchPeak *peak);
void bench_peak_describe (BenchPeak *peak, BenchResult *result);

double bench_median (GArray *seconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchPeak, bench_peak_free)

G_END_DECLS
