/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What functions of single elements share, of one, two or three tensors that are stretched to a
 * common shape. */

#include "graph/op-private.h"

G_BEGIN_DECLS

/* elementwise-launch.c */
/* Of operations whose formula is all there is to compute. */
extern const KolVariant kol_elementwise_variants[];
/* @function: OpenCL C in x0, x1, ..., which sets as many @temporaries on its way; @numbers: its p
 * and q, or NULL. */
gboolean kol_elementwise_launch_text (KolLaunch *launch, const KolNode *node, const char *function,
                                      guint temporaries, const float *numbers, GError **error);
/* Where in an operand the output's element @at, in row-major order, is taken from. */
gint64 kol_operand_index (const KolShape *operand, const KolShape *y, gint64 at);

/* elementwise.c */
KolValue *kol_keep_where (KolValue *a, KolValue *condition); /* a where it is not 0, else 0 */
KolValue *kol_drop_where (KolValue *a, KolValue *condition); /* a where it is 0, else 0 */

G_END_DECLS
