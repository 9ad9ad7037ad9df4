/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The graph apart from its operations: errors, gradients, plans, runs. */

#include <math.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

static void
assert_close (const float *got, const float *expected, guint n, float tolerance)
{
  for (guint i = 0; i < n; i++)
    if (!(fabsf (got[i] - expected[i]) <= tolerance))
      g_error ("element %u is %g, expected %g", i, got[i], expected[i]);
}

/* ── Construction ───────────────────────────────────────────────────────────────────────────── */

static void
test_error_names_node_and_shapes (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (50, 3136));
  KolValue *w = kol_parameter (g, "w", KOL_SHAPE (1024, 10), KOL_CONSTANT (0));
  KolValue *z = kol_relu (kol_matmul (x, w)); /* passes the failed value on */

  g_assert_false (kol_run (g, z, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
  g_assert_nonnull (strstr (error->message, "matmul"));
  g_assert_nonnull (strstr (error->message, "[50, 3136]"));
  g_assert_nonnull (strstr (error->message, "[1024, 10]"));
}

/* What the first error of a new graph is, in which @build has made something of x. */
static void
assert_too_large (const char *what, KolValue *(*build) (KolValue *x))
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (1, 4, 6, 6));

  if (!kol_value_failed (build (x)))
    g_error ("%s was built", what);
  g_assert_error (kol_graph_get_error (g), KOL_ERROR, KOL_ERROR_SHAPE);
}

#define FAR ((gint64) 1 << 40)
#define TOO_LARGE(name, expression)                                                                \
  static KolValue *build_##name (KolValue *x) { return expression; }

static KolValue *
filters_of (KolValue *x, gint64 out)
{
  return kol_parameter (x->graph, "w", KOL_SHAPE (out, 4, 3, 3), KOL_CONSTANT (0));
}

TOO_LARGE (placeholder, kol_placeholder (x->graph, "p", KOL_SHAPE (FAR, FAR)))
/* The product of these is 0 in 64 bits, and of those 144, as many as x has. */
TOO_LARGE (placeholder_zero, kol_placeholder (x->graph, "p", KOL_SHAPE (FAR, FAR, FAR, FAR)))
TOO_LARGE (reshape, kol_reshape (x, KOL_SHAPE (144, G_MAXINT64 / 2 + 1, 4, 1)))
TOO_LARGE (reshape_open, kol_reshape (x, KOL_SHAPE (-1, G_MAXINT64 / 2 + 1, 4)))
TOO_LARGE (parameter, kol_parameter (x->graph, "w", KOL_SHAPE (FAR, FAR), KOL_CONSTANT (0)))
TOO_LARGE (constant, kol_constant_tensor (x->graph, KOL_SHAPE (FAR, FAR), &(float){ 0 }))
TOO_LARGE (expand, kol_expand (x, KOL_SHAPE (FAR, FAR, 4, 6, 6)))
TOO_LARGE (tile, kol_tile (x, (int[]){ G_MAXINT, G_MAXINT, G_MAXINT, G_MAXINT }))
TOO_LARGE (one_hot, kol_one_hot (kol_expand (x, KOL_SHAPE (1 << 20, 4, 6, 6)), G_MAXINT, 1, 0))
TOO_LARGE (outer, kol_add (kol_expand (x, KOL_SHAPE (1 << 30, 4, 6, 6)),
                           kol_reshape (kol_expand (x, KOL_SHAPE (1 << 30, 4, 6, 6)),
                                        KOL_SHAPE (1 << 30, 144, 1, 1, 1, 1))))
TOO_LARGE (pad, kol_pad (x, &(KolPad){ .before = { G_MAXINT, G_MAXINT, G_MAXINT },
                                       .after = { G_MAXINT, G_MAXINT, G_MAXINT } }))
TOO_LARGE (conv, kol_conv2d (x, filters_of (x, 8), NULL,
                             &(KolConv2d){ .pad = G_MAXINT, .top = G_MAXINT, .right = G_MAXINT }))
TOO_LARGE (pool, kol_max_pool (x, &(KolPool){ .size = G_MAXINT,
                                              .pad = G_MAXINT,
                                              .top = G_MAXINT,
                                              .left = G_MAXINT }))
TOO_LARGE (conv_transpose_pad,
           kol_conv_transpose2d (x, kol_reshape (filters_of (x, 8), KOL_SHAPE (4, 8, 3, 3)), NULL,
                                 &(KolConvTranspose2d){ .pad = G_MAXINT, .top = G_MAXINT }))
TOO_LARGE (conv_transpose,
           kol_conv_transpose2d (x, kol_reshape (filters_of (x, 8), KOL_SHAPE (4, 8, 3, 3)), NULL,
                                 &(KolConvTranspose2d){ .stride = G_MAXINT, .dilation = G_MAXINT }))
TOO_LARGE (unpool, kol_max_unpool (x, x, KOL_SHAPE (1, 4, FAR, FAR)))
TOO_LARGE (resize, kol_resize (x, &(KolResize){ .height = G_MAXINT, .width = G_MAXINT }))

/* A shape that no memory holds, or whose elements no number counts, is said at once. */
static void
test_shapes_are_bounded (void)
{
  static const struct {
    const char *name;
    KolValue *(*build) (KolValue *x);
  } rows[] = { { "placeholder", build_placeholder },
               { "placeholder of 2^160", build_placeholder_zero },
               { "reshape", build_reshape },
               { "reshape with a length to be worked out", build_reshape_open },
               { "parameter", build_parameter },
               { "constant", build_constant },
               { "expand", build_expand },
               { "tile", build_tile },
               { "one_hot", build_one_hot },
               { "add", build_outer },
               { "pad", build_pad },
               { "conv2d", build_conv },
               { "max_pool", build_pool },
               { "conv_transpose2d", build_conv_transpose },
               { "conv_transpose2d with padding", build_conv_transpose_pad },
               { "max_unpool", build_unpool },
               { "resize", build_resize } };
  KolShape most = KOL_SHAPE ((gint64) 1 << 24, (gint64) 1 << 24);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_too_large (rows[i].name, rows[i].build);
  g_assert_true (kol_shape_check (&most, NULL));
  most.dim[0]++;
  g_assert_false (kol_shape_check (&most, NULL));
  g_assert_false (kol_shape_check (&KOL_SHAPE (3, 0), NULL));
  g_assert_cmpint (kol_shape_count (&KOL_SHAPE (FAR, FAR)), ==, G_MAXINT64);
}

static void
test_constants_are_no_parameters (void)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 3);
  g_autoptr (KolGraph) g = kol_graph_new_over (parameters);
  g_autoptr (GError) error = NULL;
  static const float numbers[] = { 1, 2, 3, 4, 5, 6 }, more[] = { 10, 20, 30, 40 };
  float got[4], dx[6];
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2, 3)),
           *w = kol_parameter (g, "w", KOL_SHAPE (2, 2), KOL_CONSTANT (0)),
           *a = kol_constant_tensor (g, KOL_SHAPE (3, 2), numbers),
           *b = kol_constant_tensor (g, KOL_SHAPE (2, 2), more), *d[2], **learnt;
  KolValue *y = kol_add (kol_add (kol_matmul (x, a), b), w);

  kol_set (x, (const float[]){ 1, 0, 0, 0, 0, 1 });
  g_assert_true (kol_run (g, y, &error) && kol_read (y, got, &error));
  g_assert_no_error (error);
  assert_close (got, (const float[]){ 11, 22, 35, 46 }, 4, 0);
  g_assert_cmpuint (kol_parameters_get_count (parameters), ==, 1);
  g_assert_null (kol_parameters_find (parameters, kol_value_get_name (a)));
  g_assert_cmpstr (kol_value_get_name (a), !=, kol_value_get_name (b));
  /* Gradients go through them, and none goes into them. */
  g_assert_true (kol_gradients (kol_sum (y, NULL), (KolValue *[]){ x, w }, 2, d));
  g_assert_true (kol_run_all (g, d, 2, &error) && kol_read (d[0], dx, &error));
  g_assert_no_error (error);
  assert_close (dx, (const float[]){ 3, 7, 11, 3, 7, 11 }, 6, 0);
  g_assert_cmpuint (kol_trainables (kol_sum (y, NULL), &learnt), ==, 1);
  g_free (learnt);
}

static void
test_first_error_is_kept (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *a = kol_placeholder (g, "a", KOL_SHAPE (2, 3)),
           *b = kol_placeholder (g, "b", KOL_SHAPE (4));
  KolValue *sum = kol_add (a, b);

  kol_reshape (a, KOL_SHAPE (7));
  g_assert_true (kol_value_failed (sum));
  g_assert_nonnull (strstr (kol_graph_get_error (g)->message, "[4]"));
}

static void
test_names_are_unique (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *a = kol_placeholder (g, "a", KOL_SHAPE (2));
  KolValue *first = kol_relu (a), *second = kol_relu (a);

  g_assert_cmpstr (kol_value_get_name (first), ==, "relu");
  g_assert_cmpstr (kol_value_get_name (second), ==, "relu-2");
  g_assert_cmpstr (kol_value_get_name (kol_named (second, "hidden")), ==, "hidden");
}

/* Numbers behind names are found at once, whatever else has the name. */
static void
test_many_of_one_name (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2)), *y = x, *early = NULL;

  for (guint i = 0; i < 20000; i++)
    {
      y = kol_relu (y);
      if (i % 3 == 0) /* as a network's file gives names to some */
        kol_named (y, "hidden");
      if (i == 7)
        early = y;
    }
  g_assert_cmpuint (g->names_tried, <, 2 * 20000);
  g_assert_cmpstr (kol_value_get_name (y), ==, "relu-13333");
  /* A name that is free again is the next one that is taken. */
  g_assert_cmpstr (kol_value_get_name (early), ==, "relu-5");
  kol_named (early, "early");
  g_assert_cmpstr (kol_value_get_name (kol_relu (x)), ==, "relu-5");
  g_assert_cmpstr (kol_value_get_name (kol_relu (x)), ==, "relu-13334");
}

static void
test_placeholder_not_set (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_run (g, kol_relu (kol_placeholder (g, "pixels", KOL_SHAPE (2))), &error));
  g_assert_nonnull (strstr (error->message, "pixels"));
}

static void
test_parameters_outlive_graphs (void)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 3);
  g_autoptr (GError) error = NULL;
  float values[3] = { 1, 2, 3 }, got[3];
  KolGraph *first = kol_graph_new_over (parameters), *second;
  KolValue *w = kol_parameter (first, "w", KOL_SHAPE (3), KOL_CONSTANT (0));

  g_assert_true (kol_parameter_write (kol_parameters_find (parameters, "w"), values, &error));
  g_assert_true (kol_run (first, kol_negate (w), &error));
  kol_graph_free (first);

  second = kol_graph_new_over (parameters);
  w = kol_parameter (second, "w", KOL_SHAPE (3), KOL_CONSTANT (0));
  g_assert_true (kol_read (kol_scale (w, 2, 0), got, &error));
  assert_close (got, (float[]){ 2, 4, 6 }, 3, 0);
  kol_parameter (second, "w", KOL_SHAPE (4), KOL_CONSTANT (0)); /* another shape */
  g_assert_nonnull (strstr (kol_graph_get_error (second)->message, "[3]"));
  kol_graph_free (second);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

/* f = sum ((a b + a)^2) with b broadcast: df/da and df/db by hand. */
static void
test_gradient_accumulates_and_unbroadcasts (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *a = kol_placeholder (g, "a", KOL_SHAPE (2, 2)),
           *b = kol_placeholder (g, "b", KOL_SHAPE (2));
  KolValue *of[] = { a, b }, *d[2];
  float va[4] = { 1, 2, 3, 4 }, vb[2] = { 0.5, -1 }, got[4], da[4], db[2] = { 0, 0 };

  kol_set (a, va);
  kol_set (b, vb);
  g_assert_true (
      kol_gradients (kol_sum (kol_square (kol_add (kol_multiply (a, b), a)), NULL), of, 2, d));
  for (int i = 0; i < 4; i++)
    {
      float y = va[i] * vb[i % 2] + va[i];

      da[i] = 2 * y * (vb[i % 2] + 1);
      db[i % 2] += 2 * y * va[i];
    }
  g_assert_true (kol_run_all (g, d, 2, &error));
  g_assert_true (kol_read (d[0], got, &error));
  assert_close (got, da, 4, 1e-5f);
  g_assert_true (kol_read (d[1], got, &error));
  assert_close (got, db, 2, 1e-5f);
}

static void
test_gradient_of_gradient (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SCALAR), *first, *second;

  kol_set_scalar (x, 0.7f);
  g_assert_true (kol_gradients (kol_tanh (x), &x, 1, &first));
  g_assert_true (kol_gradients (first, &x, 1, &second));
  g_assert_cmpfloat_with_epsilon (kol_scalar (second),
                                  -2 * tanh (0.7) * (1 - tanh (0.7) * tanh (0.7)), 1e-6);
}

static void
test_gradient_errors (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (3)), *d;

  g_assert_false (kol_gradients (x, &x, 1, &d));
  g_assert_nonnull (strstr (kol_graph_get_error (g)->message, "one number"));
}

/* d sum (w reshape (a)) / da is w in a's shape: a reshape only renames. */
static void
test_gradient_through_reshape (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *a = kol_placeholder (g, "a", KOL_SHAPE (2, 3));
  KolValue *w = kol_placeholder (g, "w", KOL_SHAPE (3, 2)), *d;
  float values[6] = { 1, 2, 3, 4, 5, 6 }, got[6];

  kol_set (a, values);
  kol_set (w, values);
  g_assert_true (kol_gradients (
      kol_sum (kol_multiply (kol_reshape (a, KOL_SHAPE (3, -1)), w), NULL), &a, 1, &d));
  g_assert_true (kol_shape_equal (&d->shape, &KOL_SHAPE (2, 3)));
  g_assert_true (kol_read (d, got, &error));
  assert_close (got, values, 6, 0);
}

static void
test_gradient_of_independent_is_zero (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2)),
           *y = kol_placeholder (g, "y", KOL_SHAPE (2)), *d;
  float got[2] = { 1, 1 };

  g_assert_true (kol_gradients (kol_sum (x, NULL), &y, 1, &d));
  g_assert_true (kol_read (d, got, &error));
  assert_close (got, (float[]){ 0, 0 }, 2, 0);
}

/* ── Plans ──────────────────────────────────────────────────────────────────────────────────── */

static void
test_plan_reuses_memory (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (1000)), *y = x;
  guint64 bytes;

  for (int i = 0; i < 20; i++)
    y = kol_tanh (y);
  g_assert_true (kol_peak_bytes (g, &y, 1, &bytes, &error));
  g_assert_cmpuint (bytes, ==, 4000 * (2 + 1)); /* x, y, and one slot */
}

static void
test_peak_is_known_before_memory_is_taken (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  guint64 used = kol_device_get_memory_used (device), bytes;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (1 << 20, 1 << 10)); /* 4 GiB */
  KolValue *w = kol_parameter (g, "w", KOL_SHAPE (1 << 10, 1 << 4), KOL_CONSTANT (0));
  KolValue *y = kol_matmul (x, w);

  g_assert_true (kol_peak_bytes (g, &y, 1, &bytes, &error));
  g_assert_cmpuint (bytes, >=, (guint64) 4 << 30);
  g_assert_cmpuint (kol_device_get_memory_used (device), ==, used);
}

static void
test_epilogue_is_absorbed (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2, 3, 8, 8));
  KolValue *w = kol_parameter (g, "w", KOL_SHAPE (4, 3, 3, 3), KOL_HE);
  KolValue *b = kol_parameter (g, "b", KOL_SHAPE (4), KOL_CONSTANT (0.1));
  KolValue *y = kol_relu (kol_conv2d (x, w, b, &(KolConv2d){ .padding = KOL_SAME }));
  KolPlan *plan;

  g->forced_op = kol_op_find ("conv2d");
  g->forced_variant = device->simd ? "implicit-gemm" : "simt";
  plan = kol_plan_new (g, &y, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (plan->steps->len, ==, 1);
  kol_plan_free (plan);
}

/* A fused chain gives what the separate nodes give. */
static void
test_epilogue_is_right (void)
{
  static const char *const variants[] = { "plain", "simt", "simt-winograd", "implicit-gemm" };
  g_autoptr (GError) error = NULL;
  float input[2 * 3 * 7 * 9], residual[2 * 4 * 7 * 9], got[4][2 * 4 * 7 * 9];

  for (guint i = 0; i < G_N_ELEMENTS (input); i++)
    input[i] = sinf ((float) i);
  for (guint i = 0; i < G_N_ELEMENTS (residual); i++)
    residual[i] = cosf ((float) i);
  for (guint v = 0; v < (device->simd ? 4 : 3); v++)
    {
      g_autoptr (KolGraph) g = kol_graph_new (device);
      KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2, 3, 7, 9));
      KolValue *r = kol_placeholder (g, "r", KOL_SHAPE (2, 4, 7, 9));
      KolValue *w = kol_parameter (g, "w", KOL_SHAPE (4, 3, 3, 3), KOL_HE);
      KolValue *b = kol_parameter (g, "b", KOL_SHAPE (4), KOL_UNIFORM (-1, 1));
      KolValue *y = kol_tanh (kol_add (r, kol_conv2d (x, w, b, &(KolConv2d){ .pad = 1 })));

      g->forced_op = kol_op_find ("conv2d");
      g->forced_variant = variants[v];
      kol_set (x, input);
      kol_set (r, residual);
      g_assert_true (kol_read (y, got[v], &error));
      g_assert_no_error (error);
      assert_close (got[v], got[0], G_N_ELEMENTS (residual), 1e-5f);
    }
}

/* The same of a transposed convolution with a stride, which is computed in parts. */
static void
test_epilogue_of_parts_is_right (void)
{
  static const char *const variants[] = { "plain", "simt", "implicit-gemm" };
  g_autoptr (GError) error = NULL;
  float input[2 * 3 * 4 * 5], residual[2 * 5 * 8 * 9], got[3][2 * 5 * 8 * 9];

  for (guint i = 0; i < G_N_ELEMENTS (input); i++)
    input[i] = sinf ((float) i);
  for (guint i = 0; i < G_N_ELEMENTS (residual); i++)
    residual[i] = cosf ((float) i);
  for (guint v = 0; v < (device->simd ? 3 : 2); v++)
    {
      g_autoptr (KolGraph) g = kol_graph_new (device);
      KolConvTranspose2d how = { .stride = 2, .pad = 1, .output_pad_h = 1 };
      KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2, 3, 4, 5));
      KolValue *r = kol_placeholder (g, "r", KOL_SHAPE (2, 5, 8, 9));
      KolValue *w = kol_parameter (g, "w", KOL_SHAPE (3, 5, 3, 3), KOL_HE);
      KolValue *b = kol_parameter (g, "b", KOL_SHAPE (5), KOL_UNIFORM (-1, 1));
      KolValue *y = kol_tanh (kol_add (r, kol_conv_transpose2d (x, w, b, &how)));

      g->forced_op = kol_op_find ("conv2d_gradient_x");
      g->forced_variant = variants[v];
      kol_set (x, input);
      kol_set (r, residual);
      g_assert_true (kol_read (y, got[v], &error));
      g_assert_no_error (error);
      assert_close (got[v], got[0], G_N_ELEMENTS (residual), 1e-5f);
    }
}

/* tanh (residual + y + bias) of a depthwise convolution, or of one transposed, by one variant. */
static void
depthwise_epilogue (gboolean transposed, const char *variant, const float *input,
                    const float *residual, float *got)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (2, 3, 5, 6));
  KolValue *r
      = kol_placeholder (g, "r", transposed ? KOL_SHAPE (2, 3, 9, 12) : KOL_SHAPE (2, 6, 3, 3));
  KolValue *w = kol_parameter (g, "w", KOL_SHAPE (transposed ? 3 : 6, 1, 3, 3), KOL_HE);
  KolValue *b = kol_parameter (g, "b", KOL_SHAPE (transposed ? 3 : 6), KOL_UNIFORM (-1, 1));
  KolConv2d how = { .stride = 2, .groups = 3, .padding = KOL_SAME };
  KolConvTranspose2d back = { .stride = 2, .groups = 3, .pad = 1, .output_pad_w = 1 };
  KolValue *y = transposed ? kol_conv_transpose2d (x, w, b, &back) : kol_conv2d (x, w, b, &how);

  y = kol_tanh (kol_add (r, y));
  g->forced_op = kol_op_find (transposed ? "conv2d_gradient_x" : "conv2d");
  g->forced_variant = variant;
  kol_set (x, input);
  kol_set (r, residual);
  g_assert_true (kol_read (y, got, &error));
  g_assert_no_error (error);
}

static void
test_epilogue_of_depthwise_is_right (void)
{
  float input[2 * 3 * 5 * 6], residual[2 * 3 * 9 * 12];
  float got[2][2 * 3 * 9 * 12];

  for (guint i = 0; i < G_N_ELEMENTS (input); i++)
    input[i] = sinf ((float) i);
  for (guint i = 0; i < G_N_ELEMENTS (residual); i++)
    residual[i] = cosf ((float) i);
  for (guint transposed = 0; transposed < 2; transposed++)
    {
      guint n = transposed ? 2 * 3 * 9 * 12 : 2 * 6 * 3 * 3;

      depthwise_epilogue (transposed, "plain", input, residual, got[0]);
      depthwise_epilogue (transposed, device->simd ? "depthwise" : "plain", input, residual,
                          got[1]);
      assert_close (got[1], got[0], n, 1e-5f);
    }
}

/*
 * What pooling takes the maximum of is cut off at the maxima: the pool's gradient
 * comes last, and needs nothing as large as x. Not where x has another reader.
 */
static void
test_gradient_of_relu_behind_pooling (void)
{
  const float numbers[16] = { -1, -2, 3, 1, -3, -4, 2, 5, 0, 1, -1, -1, 2, 1, -5, -1 };
  const float routed[16] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0 };
  const float both[16] = { 0, 0, 1, 1, 0, 0, 1, 2, 0, 1, 0, 0, 2, 1, 0, 0 };

  for (guint more = 0; more < 2; more++)
    {
      g_autoptr (KolGraph) g = kol_graph_new (device);
      g_autoptr (GError) error = NULL;
      KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (1, 1, 4, 4)), *y = kol_relu (x), *gradient;
      KolValue *loss = kol_sum (kol_max_pool (y, &(KolPool){ .size = 2 }), NULL);
      float got[16];

      if (more)
        loss = kol_add (loss, kol_sum (y, NULL));
      kol_set (x, numbers);
      g_assert_true (kol_gradients (loss, &x, 1, &gradient));
      g_assert_cmpstr (gradient->node->op->name, ==, more ? "relu_gradient" : "max_pool_gradient");
      g_assert_true (kol_run (g, gradient, &error));
      g_assert_no_error (error);
      g_assert_true (kol_read (gradient, got, &error));
      assert_close (got, more ? both : routed, 16, 0);
    }
}

/* A value that something else reads as well must not vanish into an epilogue. */
static void
test_epilogue_leaves_shared_values (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (3, 2)),
           *w = kol_placeholder (g, "w", KOL_SHAPE (2, 2));
  KolValue *z = kol_matmul (x, w), *y[] = { kol_relu (z), z };
  float vx[6] = { 1, 2, 3, 4, 5, 6 }, vw[4] = { 1, -1, 1, -1 }, got[6];

  kol_set (x, vx);
  kol_set (w, vw);
  g_assert_true (kol_run_all (g, y, 2, &error));
  g_assert_true (kol_read (y[0], got, &error));
  assert_close (got, (float[]){ 3, 0, 7, 0, 11, 0 }, 6, 1e-6f);
  g_assert_true (kol_read (y[1], got, &error));
  assert_close (got, (float[]){ 3, -3, 7, -7, 11, -11 }, 6, 1e-6f);
}

/* Two products that are added: only one of them can take the sum into its launch. */
static void
test_epilogue_of_two_products (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  const guint n = 256; /* large enough for a variant that absorbs */
  KolShape shape = KOL_SHAPE (n, n);
  KolValue *one = kol_matmul (kol_parameter (g, "a", shape, KOL_CONSTANT (1)),
                              kol_parameter (g, "b", shape, KOL_CONSTANT (2)));
  KolValue *other = kol_matmul (kol_parameter (g, "c", shape, KOL_CONSTANT (3)),
                                kol_parameter (g, "d", shape, KOL_CONSTANT (4)));
  KolValue *y = kol_relu (kol_add (one, other));
  g_autofree float *values = g_new (float, n *n);

  g_assert_true (kol_run (g, y, &error));
  g_assert_true (kol_read (y, values, &error));
  for (guint i = 0; i < n * n; i++)
    g_assert_cmpfloat (values[i], ==, n * 14);
}

/* A node may be given the name that it has. */
static void
test_name_stays (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *y = kol_relu (kol_placeholder (g, "x", KOL_SHAPE (2)));

  g_assert_cmpstr (kol_value_get_name (kol_named (y, "relu")), ==, "relu");
}

/* A product's bias is per column, though the product has four dimensions: [H, 1, 1] is none. */
static void
test_epilogue_knows_its_channels (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *a = kol_placeholder (g, "a", KOL_SHAPE (1, 8, 8, 8)),
           *b = kol_placeholder (g, "b", KOL_SHAPE (8, 8));
  KolValue *c = kol_placeholder (g, "c", KOL_SHAPE (8, 1, 1)), *y = kol_add (kol_matmul (a, b), c);
  float va[512] = { 0 }, vb[64] = { 0 }, vc[8] = { 0, 1, 2, 3, 4, 5, 6, 7 }, got[512];

  g->forced_op = kol_op_find ("matmul");
  g->forced_variant = device->simd ? "simd" : "simt";
  kol_set (a, va);
  kol_set (b, vb);
  kol_set (c, vc);
  g_assert_true (kol_read (y, got, &error));
  for (int i = 0; i < 512; i++)
    g_assert_cmpfloat (got[i], ==, i / 64);
}

/* ── An operation of the test's own: packing and writes in place ────────────────────────────── */

static guint packs;

static gboolean
negate_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[0]->shape;
  return TRUE;
}

static gsize
negate_packed (const KolNode *node, guint input, const KolDevice *on)
{
  return input == 0 ? (gsize) kol_count (node->inputs[0]) * sizeof (float) : 0;
}

static gboolean
negate_pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  if (kol_queue_get_mode (launch->queue) == KOL_QUEUE_COLLECT)
    return TRUE;
  packs++;
  return kol_queue_copy (launch->queue, launch->inputs[0], launch->packed[0],
                         (gsize) kol_count (node->inputs[0]) * sizeof (float), error);
}

static gboolean
copy_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  if (kol_queue_get_mode (launch->queue) == KOL_QUEUE_COLLECT)
    return TRUE;
  g_assert_nonnull (launch->packed[0]);
  return kol_queue_copy (launch->queue, launch->packed[0], launch->outputs[0],
                         (gsize) kol_count (node->inputs[0]) * sizeof (float), error);
}

static const KolOp op_packing = { .name = "packing",
                                  .infer = negate_infer,
                                  .variants = (const KolVariant[]){ { .name = "plain",
                                                                      .packed = negate_packed,
                                                                      .pack = negate_pack,
                                                                      .launch = copy_launch },
                                                                    { 0 } } };

/* Packs once, and again only when the parameter has changed. */
static void
test_packing_follows_version (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *w = kol_parameter (g, "w", KOL_SHAPE (3), KOL_CONSTANT (2));
  KolValue *y = KOL_NODE (&op_packing, NULL, w);
  float got[3];

  packs = 0;
  g_assert_true (kol_run (g, y, &error));
  g_assert_true (kol_run (g, y, &error));
  g_assert_cmpuint (packs, ==, 1);
  g_assert_true (kol_parameter_write (w->node->parameter, (float[]){ 5, 6, 7 }, &error));
  g_assert_true (kol_run (g, y, &error));
  g_assert_cmpuint (packs, ==, 2);
  g_assert_true (kol_read (y, got, &error));
  assert_close (got, (float[]){ 5, 6, 7 }, 3, 0);
}

/* ── Running ────────────────────────────────────────────────────────────────────────────────── */

/* Ten feeds in a row, none waited for: each run sees its own. */
static void
test_feeds_do_not_overtake (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (4));
  KolValue *total = kol_parameter (g, "total", KOL_SHAPE (4), KOL_CONSTANT (0));
  KolValue *step = kol_sgd (kol_sum (kol_multiply (total, x), NULL), &(KolSgd){ .rate = 1 });
  float got[4];

  for (int i = 1; i <= 10; i++)
    {
      kol_set (x, (float[]){ -i, -i, -i, -2 * i });
      g_assert_true (kol_run (g, step, &error));
    }
  g_assert_true (kol_read (total, got, &error));
  assert_close (got, (float[]){ 55, 55, 55, 110 }, 4, 0);
  g_assert_cmpuint (kol_graph_get_step (g), ==, 10);
}

static void
test_cancel (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  KolValue *y = kol_relu (kol_parameter (g, "w", KOL_SHAPE (3), KOL_CONSTANT (1)));

  kol_graph_set_cancellable (g, cancellable);
  g_assert_true (kol_run (g, y, &error));
  g_cancellable_cancel (cancellable);
  g_assert_false (kol_run (g, y, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/*
 * The root's input turns negative at a known step: the error names its node
 * and the step, though later steps were already under way, and the weights are
 * those from before it.
 */
static void
test_watch_names_the_node (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (g, "x", KOL_SCALAR);
  KolValue *w = kol_parameter (g, "w", KOL_SCALAR, KOL_CONSTANT (1));
  KolValue *inner = kol_named (kol_sqrt (kol_multiply (x, w)), "inner");
  KolValue *step = kol_sgd (kol_reshape (inner, KOL_SCALAR), &(KolSgd){ .rate = 0.125 });
  gboolean good = TRUE;
  float expected = 1, got;
  int i;

  for (i = 0; i < 10 && good; i++)
    {
      kol_set_scalar (x, i == 4 ? -1 : 1);
      good = kol_run (g, step, &error);
      if (i < 4)
        expected -= 0.125f * 0.5f / sqrtf (expected);
    }
  g_assert_false (good);
  g_assert_cmpint (i, <=, 4 + 1 + KOL_WATCHED_STEPS);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  g_assert_nonnull (strstr (error->message, "inner gave NaN at step 4"));
  g_assert_cmpuint (kol_graph_get_step (g), ==, 4);
  g_assert_true (
      kol_parameter_read (kol_parameters_find (kol_graph_get_parameters (g), "w"), &got, NULL));
  g_assert_cmpfloat_with_epsilon (got, expected, 1e-5);

  g_clear_error (&error); /* and it goes on from there */
  kol_set_scalar (x, 1);
  g_assert_true (kol_run (g, step, &error));
  g_assert_true (kol_finish (g, &error));
}

static void
test_scalar_is_never_stale (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (KolGraph) other = kol_graph_new_over (kol_graph_get_parameters (g));
  g_autoptr (GError) error = NULL;
  KolValue *w = kol_parameter (g, "w", KOL_SCALAR, KOL_CONSTANT (1)),
           *x = kol_placeholder (g, "x", KOL_SCALAR);
  KolValue *loss = kol_multiply (w, x), *step = kol_sgd (loss, &(KolSgd){ .rate = 0.5 });
  KolValue *seen = kol_square (kol_parameter (other, "w", KOL_SCALAR, KOL_CONSTANT (1)));

  kol_set_scalar (x, 3);
  g_assert_cmpfloat (kol_scalar (loss), ==, 3);
  kol_set_scalar (x, 4);
  g_assert_cmpfloat (kol_scalar (loss), ==, 4); /* the placeholder has changed */
  g_assert_cmpfloat (kol_scalar (seen), ==, 1);
  g_assert_true (kol_run_all (g, (KolValue *[]){ step, loss }, 2, &error));
  kol_set_scalar (x, 5);
  g_assert_cmpfloat (kol_scalar (loss), ==, 4); /* what the training step left */
  g_assert_cmpfloat (kol_scalar (seen), ==,
                     1); /* (1 - 0.5 * 4)^2: another graph's parameter has changed */
  g_assert_true (kol_run_all (g, (KolValue *[]){ step, loss }, 2, &error));
  g_assert_cmpfloat (kol_scalar (seen), ==, 3.5f * 3.5f);
}

static void
test_too_much_memory (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  guint64 budget = kol_device_get_budget (device);
  KolValue *x = kol_parameter (g, "x", KOL_SHAPE (1 << 10), KOL_CONSTANT (1));

  KolValue *big = kol_expand (x, KOL_SHAPE (1 << 10, 1 << 10));
  guint64 used;

  kol_device_set_budget (device, kol_device_get_memory_used (device) + (1 << 20));
  g_assert_false (kol_run (g, big, &error));
  kol_device_set_budget (device, budget);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "4.0"));

  used = kol_device_get_memory_used (device); /* a second try holds no more than the first */
  g_clear_error (&error);
  kol_device_set_budget (device, used + (1 << 20));
  g_assert_false (kol_run (g, big, &error));
  kol_device_set_budget (device, budget);
  g_assert_cmpuint (kol_device_get_memory_used (device), <=, used);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  g_test_add_func ("/graph/error/names-node-and-shapes", test_error_names_node_and_shapes);
  g_test_add_func ("/graph/error/first-is-kept", test_first_error_is_kept);
  g_test_add_func ("/graph/error/shapes-are-bounded", test_shapes_are_bounded);
  g_test_add_func ("/graph/constants", test_constants_are_no_parameters);
  g_test_add_func ("/graph/names", test_names_are_unique);
  g_test_add_func ("/graph/names/many", test_many_of_one_name);
  g_test_add_func ("/graph/name-stays", test_name_stays);
  g_test_add_func ("/graph/placeholder-not-set", test_placeholder_not_set);
  g_test_add_func ("/graph/parameters-outlive-graphs", test_parameters_outlive_graphs);
  g_test_add_func ("/gradient/accumulates-and-unbroadcasts",
                   test_gradient_accumulates_and_unbroadcasts);
  g_test_add_func ("/gradient/second-order", test_gradient_of_gradient);
  g_test_add_func ("/gradient/errors", test_gradient_errors);
  g_test_add_func ("/gradient/through-reshape", test_gradient_through_reshape);
  g_test_add_func ("/gradient/independent-is-zero", test_gradient_of_independent_is_zero);
  g_test_add_func ("/plan/reuses-memory", test_plan_reuses_memory);
  g_test_add_func ("/plan/peak-known-before", test_peak_is_known_before_memory_is_taken);
  g_test_add_func ("/plan/epilogue/absorbed", test_epilogue_is_absorbed);
  g_test_add_func ("/plan/epilogue/right", test_epilogue_is_right);
  g_test_add_func ("/plan/epilogue/parts", test_epilogue_of_parts_is_right);
  g_test_add_func ("/plan/epilogue/depthwise", test_epilogue_of_depthwise_is_right);
  g_test_add_func ("/plan/epilogue/leaves-shared", test_epilogue_leaves_shared_values);
  g_test_add_func ("/plan/epilogue/knows-its-channels", test_epilogue_knows_its_channels);
  g_test_add_func ("/plan/epilogue/two-products", test_epilogue_of_two_products);
  g_test_add_func ("/plan/packing", test_packing_follows_version);
  g_test_add_func ("/gradient/relu-behind-pooling", test_gradient_of_relu_behind_pooling);
  g_test_add_func ("/run/feeds", test_feeds_do_not_overtake);
  g_test_add_func ("/run/cancel", test_cancel);
  g_test_add_func ("/run/watch", test_watch_names_the_node);
  g_test_add_func ("/run/scalar", test_scalar_is_never_stale);
  g_test_add_func ("/run/memory", test_too_much_memory);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
