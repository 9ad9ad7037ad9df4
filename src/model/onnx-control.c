/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators that hold graphs of their own.
 */

#include "onnx-private.h"

static void
convert_if (KolOnnxNode *node)
{
  const KolOnnxTensor *condition = kol_onnx_tensor (node, 0);

  if (!condition)
    return;
  gboolean holds = condition->count > 0 && kol_onnx_tensor_int (condition, 0) != 0;
  const Onnx__AttributeProto *branch
      = kol_onnx_attribute (node, holds ? "then_branch" : "else_branch");
  if (branch && branch->g)
    kol_onnx_inline (node, branch->g);
  else
    kol_onnx_refuse (node, "it has no such branch");
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_control_ops[] = {
  { "If", 0, convert_if, .fixed = KOL_ONNX_INPUT (0) },
  { NULL },
};
