/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/parameter.h"

G_BEGIN_DECLS

/**
 * KolWeights:
 *
 * A file of named arrays, mapped into memory: what other programs keep networks'
 * parameters in. Used by one thread at a time.
 */
typedef struct _KolWeights KolWeights;

/**
 * KolWeightNames:
 * @title: for people: whose names these are
 * @find: what the parameter @name is called in such a file; %NULL if it is not there.
 *   Given
 * @kernels_last: whether kernels are [H, W, inputs, outputs] and matrices [inputs,
 *   outputs], as in TensorFlow and Keras
 *
 * How the arrays of a network's files are called where they are not called as the
 * network's parameters are. The known networks have a list of these.
 */
typedef struct {
  const char *title;
  char *(*find) (const char *name);
  gboolean kernels_last;
} KolWeightNames;

/**
 * KolLoadOptions:
 * @names: (nullable) (array zero-terminated=1): other names that the arrays may have;
 *   the parameters' own names are tried first
 * @part: whether the file may hold more than the parameters, as when a network's first
 *   layers are taken alone
 *
 * What can be chosen when parameters are loaded.
 */
typedef struct {
  const KolWeightNames *const *names;
  gboolean part;
} KolLoadOptions;

KOL_API KolWeights *kol_weights_open (const char *path, GError **error);
KOL_API void kol_weights_free (KolWeights *weights);
KOL_API const char *kol_weights_get_format (const KolWeights *weights);
KOL_API guint kol_weights_get_count (const KolWeights *weights);
KOL_API const char *kol_weights_get_name (const KolWeights *weights, guint i);
KOL_API const KolShape *kol_weights_get_shape (const KolWeights *weights, guint i);
KOL_API const char *kol_weights_get_type (const KolWeights *weights, guint i);
KOL_API int kol_weights_find (const KolWeights *weights, const char *name);
KOL_API gboolean kol_weights_read (KolWeights *weights, guint i, float *values, GError **error);

KOL_API gboolean kol_parameters_load (KolParameters *parameters, KolWeights *weights,
                                      const KolLoadOptions *options, GError **error);
KOL_API gboolean kol_parameters_load_some (KolParameters *parameters, guint count,
                                           KolWeights *weights, const KolWeightNames *const *names,
                                           char ***left, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolWeights, kol_weights_free)

G_END_DECLS
