/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Adam on one variable, "study/style/x", from its gradient "study/style/gradient": its
 * moments can be taken to a larger picture, a step can be taken back, and the average of
 * the last values is kept. kol_minimize() does none of these.
 */

#include "../graph/graph.h"

G_BEGIN_DECLS

#define KOL_STYLE_ADAM_BETA1 0.9
#define KOL_STYLE_ADAM_BETA2 0.99
#define KOL_STYLE_ADAM_AVERAGE 0.99

/* The variable and what is kept beside it, [C, H, W] each, on the host. */
typedef struct {
  float *first, *second, *average;
  guint64 count;         /* steps in the moments; */
  guint64 average_count; /* and in the average */
} KolStyleMoments;

typedef struct {
  double rate, beta1, beta2, epsilon, average;
  gboolean clip; /* to 0..1 */
} KolStyleAdamNumbers;

typedef struct _KolStyleAdam KolStyleAdam;

KolStyleAdam *kol_style_adam_new (KolParameters *parameters, KolShape shape,
                                  const KolStyleAdamNumbers *numbers, GError **error);
void kol_style_adam_free (KolStyleAdam *adam);
gboolean kol_style_adam_step (KolStyleAdam *adam, GError **error);
/* Goes back to x before the last step, forgets the moments, and halves the rate. */
gboolean kol_style_adam_step_back (KolStyleAdam *adam, GError **error);
double kol_style_adam_get_rate (const KolStyleAdam *adam);
void kol_style_adam_set_rate (KolStyleAdam *adam, double rate);

/* Moments of as many numbers as x has; @moments->first and ->second NULL: none. */
gboolean kol_style_adam_write (KolStyleAdam *adam, const KolStyleMoments *moments, GError **error);
/* Given: the arrays. */
gboolean kol_style_adam_read (KolStyleAdam *adam, KolStyleMoments *moments, GError **error);
/* The average of x without the weight of its start; x itself where none is kept. */
gboolean kol_style_adam_read_average (KolStyleAdam *adam, float *x, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolStyleAdam, kol_style_adam_free)

G_END_DECLS
