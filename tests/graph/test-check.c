/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The checks themselves: what they say of a^3 whose gradient, or the gradient of
 * whose gradient, is right, wrong or missing.
 */

#include "graph/check-private.h"
#include "ops.h"

static KolDevice *device;

/* ── Operations to be checked ───────────────────────────────────────────────────────────────── */

static gboolean
same_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[0]->shape;
  return TRUE;
}

static gboolean
launch (KolLaunch *launch, const KolNode *node, const char *options, GError **error)
{
  KolBuffer *a = launch->inputs[0];
  gint64 count = kol_count (&node->outputs[0]);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "elementwise",
                                       .kernel = "elementwise_forward",
                                       .options = options,
                                       .global = { 1 },
                                       .local = { 1 } },
                           KOL_ARGS (KOL_BUFFER (a), KOL_BUFFER (launch->outputs[0]), KOL_FLOAT (0),
                                     KOL_FLOAT (0), KOL_INT (1), KOL_INT (count), KOL_INT (count)),
                           error);
}

#define OPTIONS(FUNCTION)                                                                          \
  "-DFUNCTION=" FUNCTION " -DTEMPORARIES=0 -DOPERANDS=1 -DOUTER=0 -DSTEP_0=1"

static gboolean
cube_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  return launch (self, node, OPTIONS ("x0*x0*x0"), error);
}

static gboolean
slope_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  return launch (self, node, OPTIONS ("(T)3*x0*x0"), error);
}

static void
cube_reference (const KolNode *node, const double *const *x, double *const *y)
{
  for (gint64 i = 0; i < kol_count (&node->outputs[0]); i++)
    y[0][i] = x[0][i] * x[0][i] * x[0][i];
}

static const KolVariant cube_variants[] = { { .name = "plain", .launch = cube_launch }, { 0 } };

/* 3 a^2, which cannot be differentiated. */
static const KolOp slope_op = {
  .name = "slope",
  .infer = same_infer,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = slope_launch }, { 0 } },
};

/* Of whole numbers, so that rounding changes nothing but the gradient. */
static const KolCase whole_case = {
  .name = "whole", .n_inputs = 1, .shapes = { { 1, { 33 } } }, .fill = { { KOL_FILL_LABELS, 0, 4 } }
};

static void
right_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_multiply (dy[0], kol_scale (kol_square (node->inputs[0]), 3, 0));
}

static void
wrong_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_multiply (dy[0], kol_scale (kol_square (node->inputs[0]), -3, 0));
}

/* Right, but its own gradient is 0. */
static void
rounded_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_multiply (dy[0], kol_round (kol_scale (kol_square (node->inputs[0]), 3, 0)));
}

/* Right, but it has none of its own. */
static void
last_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_multiply (dy[0], KOL_NODE (&slope_op, NULL, node->inputs[0]));
}

/* ── Tests ──────────────────────────────────────────────────────────────────────────────────── */

/* "forward +, gradient 0 -": what passed and what did not. */
static void
note_result (const KolCheckResult *result, gpointer user_data)
{
  g_string_append_printf (user_data, "%s%s %c", ((GString *) user_data)->len ? ", " : "",
                          result->what, result->passed ? '+' : '-');
}

static void
assert_says (void (*gradient) (KolNode *, KolValue *const *, KolValue **), gboolean op_once,
             gboolean case_once, const char *expected)
{
  KolOp op = { .name = "cube",
               .infer = same_infer,
               .gradient = gradient,
               .reference = cube_reference,
               .variants = cube_variants,
               .once = op_once };
  KolCase c = whole_case;
  g_autoptr (GString) said = g_string_new (NULL);

  c.once = case_once;
  kol_check_case (device, &op, &c, cube_variants, note_result, said);
  g_assert_cmpstr (said->str, ==, expected);
}

static void
test_right (void)
{
  assert_says (right_gradient, FALSE, FALSE, "forward +, gradient 0 +, second-order 0 +");
}

static void
test_wrong (void)
{
  assert_says (wrong_gradient, FALSE, FALSE, "forward +, gradient 0 -, second-order 0 -");
}

static void
test_wrong_second_order (void)
{
  assert_says (rounded_gradient, FALSE, FALSE, "forward +, gradient 0 +, second-order 0 -");
}

static void
test_missing_second_order (void)
{
  assert_says (last_gradient, FALSE, FALSE, "forward +, gradient 0 +, second-order -");
}

static void
test_no_promise (void)
{
  assert_says (last_gradient, TRUE, FALSE, "forward +, gradient 0 +");
  assert_says (last_gradient, FALSE, TRUE, "forward +, gradient 0 +");
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
  g_test_add_func ("/check/right", test_right);
  g_test_add_func ("/check/wrong", test_wrong);
  g_test_add_func ("/check/wrong-second-order", test_wrong_second_order);
  g_test_add_func ("/check/missing-second-order", test_missing_second_order);
  g_test_add_func ("/check/no-promise", test_no_promise);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
