/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a graph becomes an ONNX file: onnx-write.c walks the nodes and writes the file,
 * onnx-write-ops.c has the table from our operations to ONNX's. Names in ONNX are
 * those of our nodes, whose first outputs they name.
 */

#include <onnx.pb-c.h>

#include "../graph/op-private.h"
#include "onnx-write.h"

G_BEGIN_DECLS

#define KOL_ONNX_WRITES_OPSET 17
#define KOL_ONNX_WRITES_IR 8

/* A network while it becomes messages, all of which are freed with it. */
typedef struct {
  GPtrArray *all;          /* what is to be freed */
  GPtrArray *nodes;        /* Onnx__NodeProto */
  GPtrArray *initializers; /* Onnx__TensorProto */
  GPtrArray *inputs;       /* Onnx__ValueInfoProto */
  GPtrArray *outputs;
  GHashTable *uses;   /* KolNode -> how many nodes and outputs use it */
  GHashTable *joined; /* KolNode of a product -> KolNode of the sum that it is written with */
  GHashTable *known;  /* KolNode of a parameter -> it is written */
  GString *refused;   /* what cannot be written, or empty */
  guint temporaries;
  gboolean fixed_batch; /* some shape cannot do without the number of examples */
  gboolean any_size;    /* heights and widths of pictures are left open */
  GError *error;        /* of the device or of memory */
} KolOnnxWriter;

/* Memory of the writer's. */
gpointer kol_onnx_writer_take (KolOnnxWriter *writer, gpointer memory);
/* What a value is called in the file. Lent. */
const char *kol_onnx_writer_name (KolOnnxWriter *writer, const KolValue *value);
/* A name that nothing has. Lent. */
const char *kol_onnx_writer_new_name (KolOnnxWriter *writer, const KolNode *node);
/*
 * Adds a node of ONNX's @operator; its inputs are names, NULL for one that is left out. The
 * output is @output or, if that is NULL, a new name, which is returned.
 */
const char *kol_onnx_writer_add (KolOnnxWriter *writer, const KolNode *node, const char *operator,
                                 const char * const * inputs, guint n_inputs, const char *output);
#define KOL_ONNX_ADD(writer, node, operator, output, ...)                                          \
  kol_onnx_writer_add ((writer), (node), (operator), (const char *const[]){ __VA_ARGS__ },         \
                       sizeof ((const char *const[]){ __VA_ARGS__ }) / sizeof (char *), (output))
/* Attributes of the node that was added last. */
void kol_onnx_writer_int (KolOnnxWriter *writer, const char *name, gint64 value);
void kol_onnx_writer_float (KolOnnxWriter *writer, const char *name, double value);
void kol_onnx_writer_string (KolOnnxWriter *writer, const char *name, const char *value);
void kol_onnx_writer_ints (KolOnnxWriter *writer, const char *name, const gint64 *values, guint n);
/* Constants in the file; their names, lent. @n is -1 for a scalar. */
const char *kol_onnx_writer_constant_ints (KolOnnxWriter *writer, const KolNode *node,
                                           const gint64 *values, int n);
const char *kol_onnx_writer_constant_floats (KolOnnxWriter *writer, const KolNode *node,
                                             const float *values, int n);
/* Says that the node cannot be written, and why. */
void kol_onnx_writer_refuse (KolOnnxWriter *writer, const KolNode *node, const char *why);

/* Adds what a node of ours is in ONNX, or refuses it (onnx-write-ops.c). */
void kol_onnx_write_node (KolOnnxWriter *writer, const KolNode *node);
/* Whether @node, a sum, is a product with a number per channel added, which is one in ONNX. */
gboolean kol_onnx_joins (const KolNode *node);

G_END_DECLS
