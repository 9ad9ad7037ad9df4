/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * How far painted pictures are from their photos and from a style, by the features of a
 * network that does not learn. All losses are relative, so that weights mean the same with
 * any network.
 */

#include "fast-style.h"
#include "layers.h"

G_BEGIN_DECLS

/* What is compared with what: without gaps, and lent. */
typedef struct {
  KolLayers *network;
  const KolFastStyleOptions *options;
  const KolStyleOptions *layers; /* its layers alone */
} KolFastStyleTask;

typedef struct _KolFastStyleLosses KolFastStyleLosses;

/* Of @painted, a value [N, 3, H, W]; adds to its graph. Given. */
KolFastStyleLosses *kol_fast_style_losses_new (const KolFastStyleTask *task, KolValue *painted,
                                               GError **error);
void kol_fast_style_losses_free (KolFastStyleLosses *losses);
/* The sum of all, each times its weight: a scalar of the graph. Lent. */
KolValue *kol_fast_style_losses_get_total (const KolFastStyleLosses *losses);
/* What is to be computed for kol_fast_style_losses_read(). Lent. */
KolValue *kol_fast_style_losses_get_target (const KolFastStyleLosses *losses);
const KolStyleTerm *kol_fast_style_losses_get_terms (const KolFastStyleLosses *losses, guint *n);

gboolean kol_fast_style_losses_want_style (KolFastStyleLosses *losses, GError **error);
/* The photos [N, 3, H, W] whose content is wanted. */
gboolean kol_fast_style_losses_want_photos (KolFastStyleLosses *losses, const float *pixels,
                                            GError **error);
/* Reads what was computed last. The total may be NaN, which is no error. */
gboolean kol_fast_style_losses_read (KolFastStyleLosses *losses, double *total, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolFastStyleLosses, kol_fast_style_losses_free)

G_END_DECLS
