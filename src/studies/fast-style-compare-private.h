/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "fast-style-losses-private.h"

G_BEGIN_DECLS

/* The slow way to paint one photo, which a network is compared with. */
typedef struct _KolFastStyleSlow KolFastStyleSlow;

KolFastStyleSlow *kol_fast_style_slow_new (const KolFastStyleTask *task, GError **error);
void kol_fast_style_slow_free (KolFastStyleSlow *slow);
/* @photo: [3, size, size]. Given. */
KolFastStyleComparison *kol_fast_style_slow_compare (KolFastStyleSlow *slow, const float *photo,
                                                     guint iterations, GCancellable *cancellable,
                                                     GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolFastStyleSlow, kol_fast_style_slow_free)

G_END_DECLS
