/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

#define KOL_FAST_STYLE_PREFIX "study/fast/"
#define KOL_FAST_STYLE_KIND "fast-style" /* in a file's metadata */
#define KOL_FAST_STYLE_MULTIPLE 4        /* that heights and widths have to be of */

/*
 * The painted pictures [N, 3, H, W], of photos 0..1; both may be a little outside of that.
 * Its parameters' names begin with the prefix above.
 */
KolValue *kol_fast_style_build (KolValue *photos, guint width);

G_END_DECLS
