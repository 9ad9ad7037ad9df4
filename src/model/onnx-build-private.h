/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the reader's own files share, and converters do not see: onnx.c, onnx-build.c,
 * onnx-node.c.
 */

#include "onnx-private.h"

G_BEGIN_DECLS

#define MOST_ELEMENTS (G_GINT64_CONSTANT (1) << 31) /* of a tensor: products of two fit 64 bits */

struct _KolOnnx {
  char *path;
  GBytes *file;
  Onnx__ModelProto *model;
  gint64 opset;
  char *producer;
  GArray *inputs, *outputs;  /* KolOnnxInfo */
  GHashTable *initializers;  /* name -> KolOnnxTensor */
  KolOnnxTensor **fixed;     /* per input, or NULL */
  GPtrArray *names, *values; /* of the latest build: names, lent by the model, and KolValue */
  GArray *types;             /* of these: int */
};

struct _KolOnnxBuild {
  KolOnnx *onnx;
  KolGraph *graph;
  GHashTable *slots;      /* name -> KolOnnxSlot, of this scope */
  KolOnnxBuild *outer;    /* the scope around it, or NULL */
  KolValue *const *given; /* the inputs, where they are values already, or NULL */
  guint depth;
  GPtrArray *refusals; /* sentences */
  gint64 *budget;      /* elements that may still be made on the host */
};

/* The text, or "" where a file leaves it out. */
static inline const char *
kol_onnx_text (const char *given)
{
  return given ? given : "";
}

/* ── The file (onnx.c) ───────────────────────────────────────────────────────────────────────── */

const KolOnnxOp *kol_onnx_find_op (const char *name);
/* "Conv “conv1”", or by its first output where it has no name. Given. */
char *kol_onnx_node_title (const Onnx__NodeProto *node);
/* Why the node cannot be taken, or NULL. Given. */
char *kol_onnx_check_node (const KolOnnx *self, const Onnx__NodeProto *node);
/* The refusals as one sentence and a list. */
gboolean kol_onnx_fail_refused (const KolOnnx *self, GPtrArray *refusals, GError **error);
/* The type that the file gives an input. */
int kol_onnx_type_of_input (const KolOnnx *self, guint input);

/* ── Slots (onnx-node.c) ─────────────────────────────────────────────────────────────────────── */

void kol_onnx_slot_free (gpointer slot);
/* Of this scope or one around it, or NULL. */
KolOnnxSlot *kol_onnx_find_slot (KolOnnxBuild *build, const char *name);
KolOnnxSlot *kol_onnx_add_slot (KolOnnxBuild *build, const char *name);
void kol_onnx_slot_set_tensor (KolOnnxSlot *slot, KolOnnxTensor *tensor); /* takes it */
/* A tensor on the device, called @name if the file has no name for it. */
KolValue *kol_onnx_tensor_to_value (KolOnnxBuild *build, const char *name, KolOnnxTensor *tensor,
                                    gboolean trainable, GError **error);

G_END_DECLS
