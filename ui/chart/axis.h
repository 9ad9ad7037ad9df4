/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Scales and ticks. Knows numbers only: neither GTK nor cairo. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  KX_SCALE_LINEAR,
  KX_SCALE_LOG,
} KxScale;

/** KxQuantity: what an axis counts, which decides which numbers are round ones. */
typedef enum {
  KX_QUANTITY_NUMBER,
  KX_QUANTITY_COUNT,   /* whole numbers: no ticks between them */
  KX_QUANTITY_SHARE,   /* of 1, labelled as per cent */
  KX_QUANTITY_SECONDS, /* ticks at 15 s, 2 min, 6 h; labels such as "1:30" */
} KxQuantity;

/**
 * KxAxis:
 *
 * Values from @low to @high lie along @length pixels. On a logarithmic scale both are
 * greater than 0; kx_axis_valid() tells.
 */
typedef struct {
  KxScale scale;
  KxQuantity quantity;
  double low, high;
  double length;
} KxAxis;

/** KxScaling: an axis, made ready for many values. */
typedef struct {
  KxScale scale;
  double from, range, length; /* @from and @range: of logarithms on a logarithmic scale */
} KxScaling;

gboolean kx_axis_valid (const KxAxis *axis);
KxScaling kx_axis_get_scaling (const KxAxis *axis);
double kx_scaling_position (const KxScaling *scaling, double value);
double kx_axis_position (const KxAxis *axis, double value);
double kx_axis_value (const KxAxis *axis, double position);
void kx_axis_pan (KxAxis *axis, double pixels);
void kx_axis_zoom (KxAxis *axis, double position, double factor);

/** KxTick: a line across the chart; @label is empty for minor ones. */
typedef struct {
  double value;
  gboolean major;
  char label[32];
} KxTick;

GArray *kx_axis_ticks (const KxAxis *axis, double gap);

char *kx_format_value (double value);
char *kx_format_count (double value);
char *kx_format_fixed (double value, int decimals);
char *kx_format_change (double change);
char *kx_format_seconds (double seconds);

G_END_DECLS
