/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a network comes out of an ONNX file: onnx-file.c maps and parses, onnx.c checks,
 * onnx-build.c walks the nodes, onnx-tensor.c holds what is known before anything runs.
 * Converters build everything out of operations, or compute it on the host where all of
 * their inputs are known; onnx-node.c is what they work with. Each of their files has a
 * table of ONNX's operators; the README says which are where.
 */

#include "../graph/op-private.h"
#include "../ops.h"
#include "onnx.h"
#include <onnx.pb-c.h>

G_BEGIN_DECLS

/* ── Tensors in the host's memory (onnx-tensor.c) ────────────────────────────────────────────── */

/*
 * A tensor whose elements are known before anything runs. Here, and only here, lengths
 * may be 0. Elements are decoded when they are first looked at, so that weights, which
 * nobody looks at, stay in the mapped file.
 */
typedef struct {
  grefcount references;
  int type; /* ONNX__TENSOR_PROTO__DATA_TYPE__* */
  KolShape shape;
  gint64 count;
  gint64 *ints;    /* of whole numbers and truth values, or */
  double *floats;  /* of all others; NULL until decoded */
  GBytes *bytes;   /* little-endian elements in the file, or NULL */
  char *name;      /* of what the file itself holds; NULL: computed */
  gboolean learnt; /* an initializer, so a parameter; else a constant */
} KolOnnxTensor;

KolOnnxTensor *kol_onnx_tensor_new (int type, const KolShape *shape, GError **error);
KolOnnxTensor *kol_onnx_tensor_ref (KolOnnxTensor *tensor);
void kol_onnx_tensor_unref (KolOnnxTensor *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolOnnxTensor, kol_onnx_tensor_unref)
/* Checks all that @proto says against what it holds; @file is the mapped file. */
KolOnnxTensor *kol_onnx_tensor_from_proto (const Onnx__TensorProto *proto, GBytes *file,
                                           GError **error);
/* Makes ints or floats. */
gboolean kol_onnx_tensor_decode (KolOnnxTensor *tensor, GError **error);
/* An element of a decoded tensor, as either kind of number. */
double kol_onnx_tensor_float (const KolOnnxTensor *tensor, gint64 i);
gint64 kol_onnx_tensor_int (const KolOnnxTensor *tensor, gint64 i);
/* Stores a number as the tensor's type would hold it. */
void kol_onnx_tensor_set_float (KolOnnxTensor *tensor, gint64 i, double value);
void kol_onnx_tensor_set_int (KolOnnxTensor *tensor, gint64 i, gint64 value);
/* The elements as float32 in this machine's order, of the mapped file where that is possible. */
GBytes *kol_onnx_tensor_to_floats (KolOnnxTensor *tensor, GError **error);

gboolean kol_onnx_type_is_float (int type);  /* float, double, and the halves */
gboolean kol_onnx_type_is_device (int type); /* held in float32 on the device */
const char *kol_onnx_type_name (int type);   /* "int64"; "type 99" for none */
/* The number of elements; FALSE if it is more than a machine could hold. */
gboolean kol_onnx_shape_count (const KolShape *shape, gint64 *count);

/* ── The file (onnx-file.c) ──────────────────────────────────────────────────────────────────── */

/*
 * Parses the mapped file. What tensors hold as raw_data stays in the file: in the
 * messages, raw_data are 16 bytes, where in the file it lies and how long it is.
 */
Onnx__ModelProto *kol_onnx_parse (GBytes *file, const char *path, GError **error);
/* The bytes of such raw_data, as a part of @file; NULL if it is not one. */
GBytes *kol_onnx_raw_bytes (const ProtobufCBinaryData *raw, GBytes *file);
gboolean kol_onnx_fail (const char *path, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* ── The network (onnx-build.c, onnx-node.c) ─────────────────────────────────────────────────── */

/* A tensor of the network while it is built. */
typedef struct {
  char *name;
  int type;
  KolShape shape;
  KolOnnxTensor *tensor; /* where it is known before running */
  KolValue *value;       /* where it is on the device; made from the tensor on demand */
  gboolean missing;      /* its node has been refused */
  KolValue *inside;      /* what it is a border of zeros around, or NULL: a convolution takes */
  int before[KOL_MAX_RANK], after[KOL_MAX_RANK]; /* that border as its padding */
} KolOnnxSlot;

typedef struct _KolOnnxBuild KolOnnxBuild;
typedef struct _KolOnnxOp KolOnnxOp;

/* A node while it is built: what converters work on. */
typedef struct {
  KolOnnxBuild *build;
  const Onnx__NodeProto *proto;
  const KolOnnxOp *op;
  KolGraph *graph;
  gint64 opset;
  guint n_inputs, n_outputs;
  KolOnnxSlot **inputs; /* NULL where left out */
  gboolean on_host;     /* all inputs are known, and few enough to be computed with here */
  gboolean refused;
} KolOnnxNode;

/* What the first input may be on the device. */
typedef enum {
  KOL_ONNX_ANY = 0, /* whole numbers, held in floats, stay exact */
  KOL_ONNX_REAL,    /* floats only */
} KolOnnxKind;

#define KOL_ONNX_FIRST 6 /* opset versions that are understood */
#define KOL_ONNX_LAST 17

struct _KolOnnxOp {
  const char *name;
  int since; /* the first opset version that has it; 0: it was there before those above */
  void (*convert) (KolOnnxNode *node);
  KolOnnxKind kind;
  gboolean folds;  /* convert() knows what to do where node->on_host */
  guint fixed;     /* bit i: input i must be known before running */
  const char *why; /* it is refused; NULL: it is not */
  guint least;     /* so many inputs are never left out; 0: 1 */
};

/* The tables; each ends with a NULL name. */
extern const KolOnnxOp kol_onnx_constant_ops[], kol_onnx_control_ops[], kol_onnx_conv_ops[],
    kol_onnx_einsum_ops[], kol_onnx_grid_ops[], kol_onnx_index_ops[], kol_onnx_layer_ops[],
    kol_onnx_math_ops[], kol_onnx_move_ops[], kol_onnx_norm_ops[], kol_onnx_pool_ops[],
    kol_onnx_recurrent_ops[], kol_onnx_refused_ops[], kol_onnx_resize_ops[], kol_onnx_shape_ops[],
    kol_onnx_signal_ops[];

/* Says why the node cannot be built; its outputs are missing from now on. */
void kol_onnx_refuse (KolOnnxNode *node, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Inputs. Optional ones may be left out at the end, or in between. */
gboolean kol_onnx_has (const KolOnnxNode *node, guint input);
const KolShape *kol_onnx_shape (const KolOnnxNode *node, guint input);
int kol_onnx_type (const KolOnnxNode *node, guint input);
/* The input on the device; a failed value, and refused, if it cannot be there. */
KolValue *kol_onnx_value (KolOnnxNode *node, guint input);
/* The same, not to be trained: running statistics. */
KolValue *kol_onnx_state (KolOnnxNode *node, guint input);
/* The input's elements, decoded, or NULL, and refused, if they are not known. */
const KolOnnxTensor *kol_onnx_tensor (KolOnnxNode *node, guint input);
/* Whether they are known; decoded. */
gboolean kol_onnx_is_known (KolOnnxNode *node, guint input);

/* Attributes, and what they are where the node has none. */
const Onnx__AttributeProto *kol_onnx_attribute (const KolOnnxNode *node, const char *name);
gint64 kol_onnx_int (const KolOnnxNode *node, const char *name, gint64 otherwise);
double kol_onnx_float (const KolOnnxNode *node, const char *name, double otherwise);
const char *kol_onnx_string (const KolOnnxNode *node, const char *name, const char *otherwise);
/* An attribute of whole numbers, lent; @n 0 and NULL without. */
const gint64 *kol_onnx_ints (const KolOnnxNode *node, const char *name, guint *n);
/*
 * Whole numbers from attribute @name or, where @input is 1 or more and it has none, from that
 * input. FALSE: neither, or refused. Freed by the caller.
 */
gboolean kol_onnx_numbers (KolOnnxNode *node, const char *name, guint input, gint64 **numbers,
                           guint *n);
/* 0 .. rank - 1 from an axis that may count from the end; -1, and refused, outside. */
int kol_onnx_axis (KolOnnxNode *node, gint64 axis, int rank);

/* Outputs. */
gboolean kol_onnx_wants (const KolOnnxNode *node, guint output);
void kol_onnx_set (KolOnnxNode *node, guint output, KolValue *value); /* of input 0's type */
void kol_onnx_set_typed (KolOnnxNode *node, guint output, KolValue *value, int type);
void kol_onnx_set_tensor (KolOnnxNode *node, guint output, KolOnnxTensor *tensor); /* takes it */
/* Whether a tensor of that shape is not too large for anything; else refused. */
gboolean kol_onnx_fits (KolOnnxNode *node, const KolShape *shape);
/* What an output has become; NULL: nothing that can be used. */
KolOnnxSlot *kol_onnx_made (KolOnnxNode *node, guint output);
/* A new tensor for an output, within the budget; NULL, and refused, above. */
KolOnnxTensor *kol_onnx_new_tensor (KolOnnxNode *node, int type, const KolShape *shape);
/* A tensor as a value; NULL, and refused, if a device cannot hold it. */
KolValue *kol_onnx_constant (KolOnnxNode *node, KolOnnxTensor *tensor);
/* A value that is @number everywhere. */
KolValue *kol_onnx_filled (KolOnnxNode *node, float number, KolShape shape);
/* The mapped file, lent: what tensors of attributes refer to. */
GBytes *kol_onnx_get_file (const KolOnnxNode *node);
/* Walks the nodes of a subgraph, and gives their outputs to the node. */
void kol_onnx_inline (KolOnnxNode *node, const Onnx__GraphProto *graph);

/* Short names, used in converters' tables. */
#define KOL_ONNX_TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name
#define KOL_ONNX_INPUT(i) (1u << (i))
#define KOL_ONNX_LAYER(name, since, convert)                                                       \
  {                                                                                                \
    name, since, convert, KOL_ONNX_REAL                                                            \
  }

/* ── Between the files of converters ─────────────────────────────────────────────────────────── */

/* Element @from of @x to place @to of @y, of the same type. */
void kol_onnx_copy_element (const KolOnnxTensor *x, gint64 from, KolOnnxTensor *y, gint64 to);
/* The row-major place of @at. */
gint64 kol_onnx_place (const KolShape *shape, const gint64 *at);
/* An input that is a list of lengths. FALSE: refused. */
gboolean kol_onnx_read_shape (KolOnnxNode *node, guint input, KolShape *shape);
/* Walks all places of a shape; @at begins as zeros. FALSE behind the last one. */
gboolean kol_onnx_next (const KolShape *shape, gint64 *at);
/* The place in a tensor of @shape that @at of the larger shape @of reads, as NumPy broadcasts. */
gint64 kol_onnx_broadcast_place (const KolShape *shape, const KolShape *of, const gint64 *at);

G_END_DECLS
