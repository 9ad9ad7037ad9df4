/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "speed.h"

G_BEGIN_DECLS

/* The median; sorts. */
double kol_median (GArray *seconds);

/* ── The device's peak (peak.c) ── */

/*
 * The most that a device computes. Others may use the device, too, and clocks change; so that a
 * share of the peak means something, the peak is sampled between the runs of what is measured.
 */
typedef struct _KolPeak KolPeak;

/* For works that are measured for @seconds. Nothing is measured yet. */
KolPeak *kol_peak_new (KolDevice *device, double seconds, GError **error);
void kol_peak_free (KolPeak *peak);
/* How many mixes of vectors in flight there are to try; the best one is kept. */
guint kol_peak_count_mixes (const KolPeak *peak);
gboolean kol_peak_try_mix (KolPeak *peak, guint n, GError **error);
/* Forgets the samples. */
void kol_peak_restart (KolPeak *peak);
/* Takes one more sample. */
gboolean kol_peak_sample (KolPeak *peak, GError **error);
/* The samples' median: seconds; and in operations per second. */
double kol_peak_seconds (KolPeak *peak);
double kol_peak_rate (KolPeak *peak);
/* "float16 x 12"; given. How many items; operations and bytes of a sample. */
char *kol_peak_describe (const KolPeak *peak, gsize *items, double *flops, guint64 *bytes);

/* ── How fast the device's memory is (traffic.c) ── */

/* A copy, which reads and writes, and a sum, which reads only. */
typedef struct _KolTraffic KolTraffic;

/* Of @count floats, or a few more. */
KolTraffic *kol_traffic_new (KolDevice *device, gsize count, GError **error);
void kol_traffic_free (KolTraffic *traffic);
gsize kol_traffic_get_count (const KolTraffic *traffic);
gboolean kol_traffic_copy (KolTraffic *traffic, guint n, double *seconds, GError **error);
/* Of the copy, so that it shows whether that was whole. */
gboolean kol_traffic_sum (KolTraffic *traffic, guint n, double *seconds, GError **error);
/* Whether copy and sum were right. */
gboolean kol_traffic_check (KolTraffic *traffic, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolPeak, kol_peak_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolTraffic, kol_traffic_free)

G_END_DECLS
