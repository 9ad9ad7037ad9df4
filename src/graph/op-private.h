/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * The contract of an operation: read this first. An operation is one KolOp in
 * src/ops/<op>.c; each way to compute it is a KolVariant; its cases are the one
 * list that the tests, `kolinsky verify` and `kolinsky tune` run.
 */

#include "../device/program-private.h"
#include "graph.h"

G_BEGIN_DECLS

typedef struct _KolNode KolNode;
typedef struct _KolOp KolOp;

/* One output of one node. */
struct _KolValue {
  KolGraph *graph;
  KolNode *node;
  guint output; /* which of the node's outputs */
  KolShape shape;
};

/* What a variant computes on top of its operation, in this order. */
typedef enum {
  KOL_BIAS = 1 << 0,     /* + bias, one number per channel (conv: dim 1) or column (matmul) */
  KOL_RESIDUAL = 1 << 1, /* + a tensor of the output's shape */
  KOL_UNARY = 1 << 2,    /* a function of the elementwise table */
} KolEpilogueKind;

typedef struct {
  guint kinds;                  /* which of KolEpilogueKind are present */
  KolBuffer *bias;              /* [channels] */
  KolBuffer *residual;          /* the output's shape */
  const char *unary_expression; /* OpenCL C in `a` and type T, without spaces, or NULL */
} KolEpilogue;

struct _KolNode {
  guint id; /* position in the graph's order: inputs come before */
  char *name;
  const KolOp *op;
  KolGraph *graph;
  guint n_inputs;
  KolValue **inputs;
  guint n_outputs;
  KolValue *outputs;        /* an array; infer sets the shapes */
  gconstpointer attributes; /* a copy of the operation's attribute struct */
  KolParameter *parameter;  /* of parameters and states, and of constants that are no scalars */
  GPtrArray *also; /* KolValue, made before the node: computed whenever it is; NULL: none */
};

/* How a node can be computed where channels come in blocks, as graph/block.c says. */
typedef enum {
  KOL_BLOCKS_NOT,
  KOL_BLOCKS_TOGETHER, /* if inputs and output do */
  KOL_BLOCKS_EACH,     /* input 0 and output, each by itself */
  KOL_BLOCKS_AFTER,    /* input 0, and where it does, the output or not */
} KolBlocks;

enum { KOL_BLOCKED_INPUT = 1 << 0, KOL_BLOCKED_OUTPUT = 1 << 1 };

/* What a launch works on. Buffers are lent; outputs that nobody uses are NULL. */
typedef struct {
  KolDevice *device;
  KolQueue *queue;
  KolBuffer *const *inputs;
  KolBuffer *const *outputs;
  KolBuffer *scratch;       /* of the bytes asked for, or NULL */
  KolBuffer *const *packed; /* per input: the variant's own form; NULL: pack it into scratch */
  guint blocked;            /* KOL_BLOCKED_ flags: what is stored in blocks of channels */
  KolEpilogue epilogue;
  guint64 seed;    /* of the parameters */
  guint64 step;    /* counts runs that write parameters */
  guint64 example; /* place in the whole batch of the first example: not 0 in a later micro-batch */
} KolLaunch;

/* One way to compute an operation; variants[0] is the plain referee, fits everything, absorbs
 * nothing. */
typedef struct {
  const char *name;
  guint absorbs;                                                   /* KolEpilogueKind flags */
  gboolean (*fits) (const KolNode *node, const KolDevice *device); /* NULL: always */
  gsize (*scratch) (const KolNode *node, const KolDevice *device); /* bytes; NULL: none */
  /* The same where packed forms are kept, so that no room for them is needed; NULL: as much. */
  gsize (*scratch_kept) (const KolNode *node, const KolDevice *device);
  /* Bytes of the packed form of @input, 0 where it is used as it is; NULL: no packing. */
  gsize (*packed) (const KolNode *node, guint input, const KolDevice *device);
  /* Which of its packed forms a node has, where they depend on more than the input's own shape and
   * the attributes: two sizes of pictures may share the weights. NULL: there is one. */
  guint (*form) (const KolNode *node, const KolDevice *device);
  /* Writes launch->packed[input]; called again when the parameter's version changes. */
  gboolean (*pack) (KolLaunch *launch, const KolNode *node, guint input, GError **error);
  /* Enqueues only: no wait, no allocation, no read-back. */
  gboolean (*launch) (KolLaunch *launch, const KolNode *node, GError **error);
  gboolean tune_only; /* on a CPU, measured by `kolinsky tune` only, never at first use */
  /* Whether it is no candidate where packed forms are not kept: packing costs what it saves; NULL:
   * it is one. */
  gboolean (*kept_only) (const KolNode *node, const KolDevice *device);
} KolVariant;

/* How an input of a case is filled. */
typedef enum {
  KOL_FILL_UNIFORM,  /* in [low, high); default -1..1 when both are 0 */
  KOL_FILL_DISTINCT, /* a shuffled even grid over -1..1: no ties, for max */
  KOL_FILL_LABELS,   /* whole numbers 0 .. high-1 */
  KOL_FILL_NONZERO,  /* uniform, but at least 0.1 away from 0: for functions with a kink there */
} KolFill;

#define KOL_CASE_INPUTS 12

/* One case of an operation: shapes in, attributes, how inputs are filled. */
typedef struct {
  const char *name; /* "1x33": part of the test's path; NULL ends the list */
  guint n_inputs;
  KolShape shapes[KOL_CASE_INPUTS];
  gconstpointer attributes;
  struct {
    KolFill kind;
    double low, high;
  } fill[KOL_CASE_INPUTS];
  guint no_gradient;  /* bit i: the gradient to input i is not checked */
  double tolerance;   /* relative to the largest magnitude; 0: the default, 2e-5 */
  gboolean once;      /* its gradient has a kink there: no check of the gradient's gradient */
  gboolean slow;      /* left out under oclgrind */
  gboolean only_tune; /* a size to measure, too large to check */
} KolCase;

struct _KolOp {
  const char *name;
  gsize attributes; /* bytes of the attribute struct that is copied into the node */
  guint n_outputs;  /* 0 means 1 */
  /* Sets the shape of every output, or a sentence that names both shapes. */
  gboolean (*infer) (KolNode *node, GError **error);
  /* Builds nodes: dx[i] from dy[output] (NULL where unused); leave dx[i] NULL for "no gradient". */
  void (*gradient) (KolNode *node, KolValue *const *dy, KolValue **dx);
  /* The input that output @output updates in place, or -1. NULL: none. */
  int (*overwrites) (const KolNode *node, guint output);
  /* Plain double precision: the referee of all. y is zeroed. NULL: not checked by cases. */
  void (*reference) (const KolNode *node, const double *const *x, double *const *y);
  const KolCase *cases;
  const KolVariant
      *variants;    /* ends with a NULL name; NULL: costs nothing (aliases, placeholders) */
  gboolean aliases; /* output 0 is input 0's memory under another shape */
  /*
   * For functions of each element by itself: OpenCL C in the inputs a, b, c, which
   * are stretched, the attributes p and q, which are floats, and the type T. A plan
   * puts such nodes together (see fuse.c), and output 0 may be the memory of an input
   * of its shape that nothing reads any more. NULL: it is no such function.
   */
  const char *formula;
  gboolean channels_first; /* a bias has a number per index of dimension 1, else of the last one */
  gboolean random;         /* depends on seed and step */
  gboolean once;           /* its gradient is made of operations that have none */
  gboolean
      watches; /* output 1 is a state {flag, ..}: a flag that is not 0 stops training; see run.c */
  /*
   * For what a training step writes besides parameters (batch norm's running
   * statistics): makes a node that writes it, unless the watch's flag is set.
   * NULL, or a result of NULL: nothing.
   */
  KolValue *(*update) (KolNode *node, KolValue *watch);
  /*
   * For inference, where what only depends on parameters is computed once. A node
   * that is y[c] = scale[c] x[c] + shift[c] for each channel c of its first input,
   * in dimension 1, makes both of its other inputs, [C]; NULL: it is not.
   */
  void (*affine) (KolNode *node, KolValue **scale, KolValue **shift);
  /*
   * A node that is linear in its second input, the weights, makes other weights
   * that give scale[c] times its output in channel c, or returns NULL; NULL: it is not.
   */
  KolValue *(*scale_weights) (KolNode *node, KolValue *scale);
  gboolean mixes_examples; /* an example's result depends on its batch: no micro-batches */
  gboolean
      gathers; /* what it writes is for a step to come: a run of it alone is not counted as one */
  /* For devices of SIMD threads; NULL: KOL_BLOCKS_NOT. */
  KolBlocks (*blocks) (const KolNode *node, const KolDevice *device);
  /* Whether the output is the inputs, one behind the other in memory: then nothing is to be
   * launched where they can be computed there. */
  gboolean (*joins) (const KolNode *node);
  const KolVariant *blocked; /* what computes input 0 then; NULL: any variant, of all inputs */
  /*
   * The operation that does in one what the nodes @before, @between, a function of each element or
   * NULL, and @node do one behind the other, where each alone reads what the one before it
   * computes, and the @attributes of its node, to be freed; NULL: there is none. Its inputs are
   * those of @before, then those of @node but the first, then the bias behind @before, if there is
   * one. NULL: there is never one.
   */
  const KolOp *(*pair) (const KolNode *before, const KolNode *between, const KolNode *node,
                        gpointer *attributes);
  /* The floating-point operations of the node, for reports; NULL: its outputs' elements. */
  double (*flops) (const KolNode *node);
};

/* The attributes of a node of KOL_CHAIN_OP, which a plan makes: see fuse.c. */
typedef struct {
  char *text;        /* OpenCL C in x0, x1, ... and type T, without spaces; it sets t0, t1, ... */
  guint temporaries; /* how many of these */
} KolChain;

#define KOL_CHAIN_OP "elementwise_chain"
#define KOL_CHAIN_INPUTS 8
#define KOL_CHAIN_NODES 8

/*
 * fuse.c: @formula without spaces, with @names in place of a, b and c, and with the
 * numbers in place of p and q unless @numbers is NULL.
 */
char *kol_formula (const char *formula, const char *const *names, const float *numbers);

/* Every operation of src/ops in the order of its meson.build; @i from 0, NULL past the end. */
const KolOp *kol_op_get (guint i);
const KolOp *kol_op_find (const char *name);

/*
 * kol_node_new: makes a node of @op. A failed or NULL input, inputs of different
 * graphs or a failing infer give the graph's failed value, for which
 * kol_node_new passes straight through. Output 0 is returned; the others are
 * kol_output (value, i). The name is the op's own unless kol_named() changes it.
 */
KolValue *kol_node_new (const KolOp *op, KolValue *const *inputs, guint n_inputs,
                        gconstpointer attributes);
#define KOL_NODE(op, attributes, ...)                                                              \
  kol_node_new ((op), (KolValue *[]){ __VA_ARGS__ },                                               \
                sizeof ((KolValue *[]){ __VA_ARGS__ }) / sizeof (KolValue *), (attributes))
KolValue *kol_output (KolValue *value, guint output);
gboolean kol_value_failed (const KolValue *value);
/* Names of new nodes begin with "@prefix/" from now on, which errors show; NULL: no longer. */
void kol_graph_set_prefix (KolGraph *graph, const char *prefix);
/* Records the graph's first error, prefixed by nothing; returns the failed value. */
KolValue *kol_graph_fail (KolGraph *graph, KolError code, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* For infer: sets KOL_ERROR_SHAPE; always FALSE. The node's name is put before it by the graph. */
gboolean kol_infer_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Shapes as text that lives as long as the calling statement's function: kol_shape_text (&shape).
 */
#define kol_shape_text(shape) (kol_shape_text_ ((shape), (char[192]){ 0 }))
const char *kol_shape_text_ (const KolShape *shape, char *buffer);

static inline gint64
kol_count (const KolValue *value)
{
  return kol_shape_count (&value->shape);
}

static inline gint64
kol_divide_up (gint64 a, gint64 b)
{
  return (a + b - 1) / b;
}

/* The first multiple of @b from @a on. */
static inline gint64
kol_round_up (gint64 a, gint64 b)
{
  return kol_divide_up (a, b) * b;
}

/* Whether the device works best with vector kernels; see KolDevice.simd. */
static inline guint
kol_width (const KolDevice *device)
{
  return device->info.vector_width;
}

G_END_DECLS
