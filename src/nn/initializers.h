/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/parameter.h"

G_BEGIN_DECLS

/*
 * How parameters start. Values come from the parameter's own random stream
 * (seed and name), computed on the host, so that they are the same on every
 * device. fan_in and fan_out are those of a matrix [in, out] or of a
 * convolution's weights [K, C, R, S]: in = C R S, out = K R S.
 */

/** KOL_CONSTANT: every value is @v. */
#define KOL_CONSTANT(v) ((KolInitializer){ kol_fill_constant, (v), 0 })
/** KOL_UNIFORM: uniform in [@low, @high). */
#define KOL_UNIFORM(low, high) ((KolInitializer){ kol_fill_uniform, (low), (high) })
/** KOL_NORMAL: normal with @mean and standard deviation @stddev. */
#define KOL_NORMAL(mean, stddev) ((KolInitializer){ kol_fill_normal, (mean), (stddev) })
/** KOL_TRUNCATED_NORMAL: normal, without what is beyond two standard deviations. */
#define KOL_TRUNCATED_NORMAL(mean, stddev)                                                         \
  ((KolInitializer){ kol_fill_truncated_normal, (mean), (stddev) })
/** KOL_GLOROT: uniform in +-sqrt (6 / (fan_in + fan_out)) (Glorot and Bengio 2010). */
#define KOL_GLOROT ((KolInitializer){ kol_fill_glorot, 0, 0 })
/** KOL_HE: normal, mean 0, standard deviation sqrt (2 / fan_in) (He et al. 2015). */
#define KOL_HE ((KolInitializer){ kol_fill_he, 0, 0 })

KOL_API void kol_fill_constant (const KolInitializer *self, const KolShape *shape, guint64 key,
                                float *values);
KOL_API void kol_fill_uniform (const KolInitializer *self, const KolShape *shape, guint64 key,
                               float *values);
KOL_API void kol_fill_normal (const KolInitializer *self, const KolShape *shape, guint64 key,
                              float *values);
KOL_API void kol_fill_truncated_normal (const KolInitializer *self, const KolShape *shape,
                                        guint64 key, float *values);
KOL_API void kol_fill_glorot (const KolInitializer *self, const KolShape *shape, guint64 key,
                              float *values);
KOL_API void kol_fill_he (const KolInitializer *self, const KolShape *shape, guint64 key,
                          float *values);

G_END_DECLS
