/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "onnx-private.h"

G_BEGIN_DECLS

#define KOL_ONNX_SPATIAL 3 /* dimensions of pictures at most, behind [N, C] */

/* What convolution and pooling say of each spatial dimension. */
typedef struct {
  int n; /* how many dimensions */
  gint64 length[KOL_ONNX_SPATIAL], size[KOL_ONNX_SPATIAL], stride[KOL_ONNX_SPATIAL],
      dilation[KOL_ONNX_SPATIAL];
  gint64 before[KOL_ONNX_SPATIAL], after[KOL_ONNX_SPATIAL];
} KolOnnxWindows;

/* An attribute with a number per dimension; FALSE: refused. */
gboolean kol_onnx_read_numbers (KolOnnxNode *node, const char *name, int n, gint64 low,
                                gint64 *numbers);
/* Fills in all but the sizes, which are set already or an attribute; FALSE: refused. */
gboolean kol_onnx_read_windows (KolOnnxNode *node, KolOnnxWindows *w);

G_END_DECLS
