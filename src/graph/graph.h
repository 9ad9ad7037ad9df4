/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "parameter.h"

G_BEGIN_DECLS

/**
 * KolGraph:
 *
 * A directed acyclic graph of operations over tensors of fixed shapes. It owns
 * its nodes and values, not its parameters. Used by one thread at a time.
 *
 * No error is tested until it matters: a constructor that is given something
 * wrong returns a value that has failed, every constructor passes such a value
 * on, and the graph keeps the first error, with the node's name and the shapes,
 * which kol_run() reports.
 */
typedef struct _KolGraph KolGraph;

/** KolValue: a tensor in a graph: one output of one node. Lent by the graph. */
typedef struct _KolValue KolValue;

/**
 * KolMemory:
 * @KOL_MEMORY_NORMAL: what the gradients need is kept from the forward pass
 * @KOL_MEMORY_LOW: most of it is computed again for them: less memory, more time
 */
typedef enum {
  KOL_MEMORY_NORMAL,
  KOL_MEMORY_LOW,
} KolMemory;

KOL_API KolGraph *kol_graph_new (KolDevice *device);
KOL_API KolGraph *kol_graph_new_over (KolParameters *parameters);
KOL_API void kol_graph_free (KolGraph *graph);
KOL_API KolParameters *kol_graph_get_parameters (KolGraph *graph);
KOL_API const GError *kol_graph_get_error (const KolGraph *graph);
KOL_API void kol_graph_set_cancellable (KolGraph *graph, GCancellable *cancellable);
KOL_API guint64 kol_graph_get_step (const KolGraph *graph);
KOL_API void kol_graph_set_step (KolGraph *graph, guint64 step);
KOL_API void kol_graph_set_first_example (KolGraph *graph, guint64 example);
KOL_API void kol_graph_set_memory (KolGraph *graph, KolMemory memory);
KOL_API GHashTable *kol_graph_get_variants (KolGraph *graph);
KOL_API void kol_graph_pin_variants (KolGraph *graph, GHashTable *variants);

KOL_API KolValue *kol_placeholder (KolGraph *graph, const char *name, KolShape shape);
KOL_API KolValue *kol_constant (KolGraph *graph, float value);
KOL_API KolValue *kol_constant_tensor (KolGraph *graph, KolShape shape, const float *values);
KOL_API KolValue *kol_parameter (KolGraph *graph, const char *name, KolShape shape,
                                 KolInitializer initializer);
KOL_API KolValue *kol_state (KolGraph *graph, const char *name, KolShape shape,
                             KolInitializer initializer);
KOL_API KolValue *kol_named (KolValue *value, const char *name);
KOL_API KolValue *kol_graph_find (KolGraph *graph, const char *name);

KOL_API const KolShape *kol_value_get_shape (const KolValue *value);
KOL_API const char *kol_value_get_name (const KolValue *value);
KOL_API KolGraph *kol_value_get_graph (const KolValue *value);

KOL_API gboolean kol_gradients (KolValue *loss, KolValue *const *of, guint n, KolValue **gradients);
KOL_API guint kol_trainables (KolValue *loss, KolValue ***parameters);

KOL_API void kol_set (KolValue *placeholder, const float *values);
KOL_API void kol_set_scalar (KolValue *placeholder, float value);
KOL_API gboolean kol_run (KolGraph *graph, KolValue *target, GError **error);
KOL_API gboolean kol_run_all (KolGraph *graph, KolValue *const *targets, guint n, GError **error);
KOL_API gboolean kol_read (KolValue *value, float *values, GError **error);
KOL_API float kol_scalar (KolValue *value);
KOL_API gboolean kol_finish (KolGraph *graph, GError **error);
KOL_API gboolean kol_prepare (KolGraph *graph, KolValue *const *targets, guint n, GError **error);
KOL_API gboolean kol_peak_bytes (KolGraph *graph, KolValue *const *targets, guint n, guint64 *bytes,
                                 GError **error);
KOL_API gboolean kol_repeated_share (KolGraph *graph, KolValue *const *targets, guint n,
                                     double *share, GError **error);
KOL_API char *kol_plan_describe (KolGraph *graph, KolValue *const *targets, guint n,
                                 GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolGraph, kol_graph_free)

G_END_DECLS
