/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The layers that a recipe file can name: layers.c has the table, recipe.c reads files. */

#include "../graph/graph.h"

G_BEGIN_DECLS

#define KOL_LAYER_KEYS 10

typedef enum {
  KOL_KEY_COUNT = 1, /* a whole number of 1 or more, or "classes" */
  KOL_KEY_NUMBER,    /* any number */
  KOL_KEY_WORD, /* one of a list, or with a list whose first is "NUMBER" a count of 0 or more */
  KOL_KEY_INITIALIZER, /* "he", "truncated-normal 0.1", "0.1", "none" */
} KolLayerKeyKind;

/* What a layer can be told; @preset NULL: it must be. */
typedef struct {
  const char *name;
  KolLayerKeyKind kind;
  const char *preset;
  const char *const *words;
} KolLayerKey;

/* A key's value, as read. */
typedef struct {
  double number; /* COUNT, NUMBER; -1 for "classes" */
  const char *word;
  gboolean none;
  KolInitializer initializer;
} KolLayerValue;

typedef struct _KolLayerKind KolLayerKind;

/* A layer of a recipe. */
typedef struct {
  const KolLayerKind *kind;
  char *name;
  int line;
  KolLayerValue values[KOL_LAYER_KEYS]; /* in the order of the kind's keys */
  guint n_inputs;
  guint *inputs; /* which layers it follows: index + 1, 0 for the examples */
} KolLayer;

/* Where a layer is built. */
typedef struct {
  const KolLayer *layer;
  KolGraph *graph;
  gboolean training;
  KolValue *keep; /* the run's dropout; NULL where nothing is learned */
  gint64 classes; /* or numbers per target */
  KolValue *const *inputs;
} KolLayerPlace;

struct _KolLayerKind {
  const char *name;
  const char *summary;
  gboolean many; /* takes several inputs */
  KolLayerKey keys[KOL_LAYER_KEYS + 1];
  KolValue *(*build) (const KolLayerPlace *place);
};

const KolLayerKind *kol_layer_kind_find (const char *name);
/* The names of all kinds, NULL-ended. */
const char *const *kol_layer_kind_names (void);

G_END_DECLS
