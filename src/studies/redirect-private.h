/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/*
 * A unit behind rectifiers that are all shut has no gradient, and a picture for it never begins.
 * With this, gradients that are built in @graph go through a rectifier for those examples for
 * which nothing would get through, where they open it:
 *
 *     dx = dy [x > 0], or, if that is 0 everywhere for the example, dy [x > 0 or dy < 0]
 *
 * (dy < 0: the loss falls as x grows), as in lucid. FALSE: as usual again.
 */
void kol_redirect_rectifiers (KolGraph *graph, gboolean redirected);
/* Whether @value is made by a rectifier: max (x, 0), or that with an upper end; of @x then. */
gboolean kol_is_rectified (KolValue *value, KolValue **x);

G_END_DECLS
