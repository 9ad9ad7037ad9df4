/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What reductions over any axes share: shapes, how the work is cut, the launch of a pass, cases. */

#include "graph/op-private.h"
#include "ops.h"

G_BEGIN_DECLS

/* ── Axes and shapes ────────────────────────────────────────────────────────────────────────── */

/* Sets @reduced[axis] for each axis asked for, or a sentence. */
gboolean kol_reduce_find_axes (const KolReduce *over, const KolShape *shape,
                               gboolean reduced[KOL_MAX_RANK], GError **error);
/* The shape without the reduced axes, or with length 1 there. */
KolShape kol_reduce_shape (const KolShape *shape, const gboolean *reduced, gboolean keep);
gboolean kol_reduce_infer (KolNode *node, GError **error);
double kol_reduce_flops (const KolNode *node);
/* The output that element @at of @shape goes into, and its index among that output's elements. */
void kol_reduce_place (const KolShape *shape, const gboolean *reduced, gint64 at, gint64 *output,
                       gint64 *index);

/* ── In as few dimensions as possible ───────────────────────────────────────────────────────── */

/* Alternating dimensions: of eight at most four are kept, and four reduced. */
#define KOL_REDUCE_DIMENSIONS 4

typedef struct {
  int n;
  gint64 length[KOL_REDUCE_DIMENSIONS];
  gint64 distance[KOL_REDUCE_DIMENSIONS]; /* between neighbours in x */
} KolReduceDimensions;                    /* the innermost first */

typedef struct {
  KolReduceDimensions kept, reduced;
  gboolean columns; /* the innermost dimension is kept */
  gint64 outputs;
  gint64 inner;    /* columns: outputs that are neighbours in memory; rows: 1 */
  gint64 elements; /* of x, per output */
} KolReduceGeometry;

KolReduceGeometry kol_reduce_geometry (const KolShape *shape, const KolReduce *over);
/* Appends four dimensions from the @first one on, as pairs of length and distance. */
guint kol_reduce_append_dimensions (KolArg *args, guint n, const KolReduceDimensions *dimensions,
                                    int first);

/* ── The work ───────────────────────────────────────────────────────────────────────────────── */

#define KOL_REDUCE_ARGS 32
#define KOL_REDUCE_LEAST 16384 /* fewer are not worth another work-item of a CPU */
#define KOL_REDUCE_COLUMNS 64  /* columns that such a work-item takes at least */

/* Work-items: parts x strips of columns x strips of the other outputs. */
typedef struct {
  gint64 outer_each, outer_items;
  gint64 columns_each, column_items;
  gint64 parts, part_elements;
  gsize group;
} KolReduceCut;

KolReduceCut kol_reduce_cut (const KolReduceGeometry *geometry, const KolDevice *device);
/* Room for @numbers per part and output, where there are parts. */
gsize kol_reduce_parts_bytes (const KolNode *node, const KolDevice *device, gsize numbers);
/*
 * Launches a pass over x: "reduce_<kind>_rows" or "reduce_<kind>_columns". @args
 * has the @n arguments that come before those that all passes share.
 */
gboolean kol_reduce_launch_pass (KolLaunch *launch, const char *kind, const char *options,
                                 const KolReduceGeometry *geometry, const KolReduceCut *cut,
                                 KolArg *args, guint n, GError **error);

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define OVER(...)                                                                                  \
  &(const KolReduce)                                                                               \
  {                                                                                                \
    sizeof ((int[]){ __VA_ARGS__ }) / sizeof (int), { __VA_ARGS__ }                                \
  }
#define OVER_KEEP(...)                                                                             \
  &(const KolReduce) { sizeof ((int[]){ __VA_ARGS__ }) / sizeof (int), { __VA_ARGS__ }, TRUE }
#define ALL                                                                                        \
  &(const KolReduce) { 0 }

/* How cases are filled; a fine grid of distinct numbers is too fine for central differences. */
#define FILL_UNIFORM                                                                               \
  {                                                                                                \
    KOL_FILL_UNIFORM, -1, 1                                                                        \
  }
#define FILL_DISTINCT                                                                              \
  {                                                                                                \
    KOL_FILL_DISTINCT, -1, 1                                                                       \
  }
#define FILL_NONZERO                                                                               \
  {                                                                                                \
    KOL_FILL_NONZERO, -1, 1                                                                        \
  }
#define FILL_NEAR_ONE                                                                              \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0.99, 1.01                                                                   \
  }
#define IS_FINE_UNIFORM 0
#define IS_FINE_DISTINCT 1
#define IS_FINE_NONZERO 0
#define IS_FINE_NEAR_ONE 0

#define CASE(NAME, FILL, OVER_, ...)                                                               \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = OVER_,                   \
    .fill                                                                                          \
        = { FILL_##FILL }                                                                          \
  }

#define CASES(FILL)                                                                                \
  CASE ("scalar", FILL, ALL, KOL_SCALAR), CASE ("1", FILL, ALL, KOL_SHAPE (1)),                    \
      CASE ("1-keep", FILL, OVER_KEEP (0), KOL_SHAPE (1, 5)),                                      \
      CASE ("15-all", FILL, ALL, KOL_SHAPE (15)), CASE ("16-all", FILL, ALL, KOL_SHAPE (16)),      \
      CASE ("17-all", FILL, ALL, KOL_SHAPE (17)), CASE ("4097-all", FILL, ALL, KOL_SHAPE (4097)),  \
      CASE ("7x13x33-all", FILL, ALL, KOL_SHAPE (7, 13, 33)),                                      \
      CASE ("rows-33x17", FILL, OVER (-1), KOL_SHAPE (33, 17)),                                    \
      CASE ("rows-257x10", FILL, OVER (1), KOL_SHAPE (257, 10)),                                   \
      CASE ("rows-3x1009", FILL, OVER_KEEP (1), KOL_SHAPE (3, 1009)),                              \
      CASE ("columns-33x17", FILL, OVER (0), KOL_SHAPE (33, 17)),                                  \
      CASE ("columns-257x10", FILL, OVER_KEEP (-2), KOL_SHAPE (257, 10)),                          \
      CASE ("columns-5x331", FILL, OVER (0), KOL_SHAPE (5, 331)),                                  \
      CASE ("middle-7x13x33", FILL, OVER (1), KOL_SHAPE (7, 13, 33)),                              \
      CASE ("outer-and-inner-7x13x33", FILL, OVER (0, -1), KOL_SHAPE (7, 13, 33)),                 \
      CASE ("channels-4x5x7x9", FILL, OVER (0, 2, 3), KOL_SHAPE (4, 5, 7, 9)),                     \
      CASE ("pictures-4x5x7x9", FILL, OVER_KEEP (-1, -2), KOL_SHAPE (4, 5, 7, 9)),                 \
      CASE ("length-1-7x1x33", FILL, OVER (1), KOL_SHAPE (7, 1, 33)),                              \
      CASE ("even-axes", FILL, OVER (0, 2, 4, 6), KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 17)),            \
      CASE ("odd-axes", FILL, OVER (1, 3, 5, 7), KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 17))

/* Large enough to be cut into parts. */
#define SLOW_CASE(NAME, FILL, OVER_, ...)                                                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = OVER_,                   \
    .fill = { FILL_##FILL }, .no_gradient = IS_FINE_##FILL, .slow = TRUE                           \
  }

#define SLOW_CASES(FILL)                                                                           \
  SLOW_CASE ("100003-all", FILL, ALL, KOL_SHAPE (100003)),                                         \
      SLOW_CASE ("rows-2x50021", FILL, OVER (1), KOL_SHAPE (2, 50021)),                            \
      SLOW_CASE ("columns-9973x13", FILL, OVER (0), KOL_SHAPE (9973, 13)),                         \
      SLOW_CASE ("middle-2x4999x17", FILL, OVER (1), KOL_SHAPE (2, 4999, 17)),                     \
      SLOW_CASE ("outer-and-inner-31x3x1009", FILL, OVER (0, 2), KOL_SHAPE (31, 3, 1009))

#define TUNE_CASES                                                                                 \
  { .name = "64x32x28x28-all",                                                                     \
    .n_inputs = 1,                                                                                 \
    .shapes = { KOL_SHAPE (64, 32, 28, 28) },                                                      \
    .attributes = ALL,                                                                             \
    .only_tune = TRUE },                                                                           \
      { .name = "64x32x28x28-channels",                                                            \
        .n_inputs = 1,                                                                             \
        .shapes = { KOL_SHAPE (64, 32, 28, 28) },                                                  \
        .attributes = OVER (0, 2, 3),                                                              \
        .only_tune = TRUE },                                                                       \
  {                                                                                                \
    .name = "10000x784-columns", .n_inputs = 1, .shapes = { KOL_SHAPE (10000, 784) },              \
    .attributes = OVER (0), .only_tune = TRUE                                                      \
  }

G_END_DECLS
