/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How a variant is chosen: by measurement, once, and never one that is wrong. The
 * operation of these tests has a wrong variant; it is the fastest.
 */

#include "device/tuning-private.h"
#include "graph/measure-private.h"
#include "ops.h"

#include <glib/gstdio.h>

#define COUNT 70001

static KolDevice *device;
static const char *cache; /* a folder of this test's own */
static guint launches;    /* of "wrong" */

/* ── An operation with a wrong variant ──────────────────────────────────────────────────────── */

static gboolean
same_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[0]->shape;
  return TRUE;
}

/* Computes @function of the elements from 0 to @count. */
static gboolean
launch (KolLaunch *launch, const char *function, gint64 count, GError **error)
{
  KolBuffer *a = launch->inputs[0];
  g_autofree char *options = g_strdup_printf (
      "-DFUNCTION=%s -DTEMPORARIES=0 -DOPERANDS=1 -DOUTER=0 -DSTEP_0=1", function);

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

static gboolean
cube_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  return launch (self, "x0*x0*x0", kol_count (&node->outputs[0]), error);
}

/* Forgets the last element, as a kernel does whose strips are cut wrongly. */
static gboolean
wrong_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  launches++;
  return launch (self, "x0*x0*x0", kol_count (&node->outputs[0]) - 1, error);
}

static gboolean
failing_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  g_set_error_literal (error, KOL_ERROR, KOL_ERROR_DEVICE, "no such instruction");
  return FALSE;
}

static double work; /* what the operation says it costs */

static double
flops (const KolNode *node)
{
  return work;
}

static const KolCase cases[]
    = { { .name = "33", .n_inputs = 1, .shapes = { { 1, { 33 } } } }, { 0 } };

#define OP(NAME, ...)                                                                              \
  static const KolOp NAME##_op                                                                     \
      = { .name = "test_" #NAME,                                                                   \
          .infer = same_infer,                                                                     \
          .cases = cases,                                                                          \
          .flops = flops,                                                                          \
          .variants = (const KolVariant[]){                                                        \
              { .name = "plain", .launch = cube_launch }, __VA_ARGS__, { 0 } } };

OP (alone, { .name = "wrong", .launch = wrong_launch })
OP (pair, { .name = "wrong", .launch = wrong_launch }, { .name = "right", .launch = cube_launch })
OP (large, { .name = "right", .launch = cube_launch }, { .name = "same", .launch = cube_launch },
    { .name = "wrong", .launch = wrong_launch })
OP (failing, { .name = "failing", .launch = failing_launch },
    { .name = "right", .launch = cube_launch })

/* ── Tests ──────────────────────────────────────────────────────────────────────────────────── */

/* The variant that a new graph computes @op with, of the right result. */
static char *
choose (const KolOp *op)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  g_autofree float *x = g_new (float, COUNT), *y = g_new (float, COUNT);
  KolValue *in = kol_placeholder (graph, "x", KOL_SHAPE (COUNT)), *out = KOL_NODE (op, NULL, in);
  const KolVariant *variant;

  for (int i = 0; i < COUNT; i++)
    x[i] = 2;
  kol_set (in, x);
  g_assert_true (kol_run (graph, out, &error));
  g_assert_true (kol_read (out, y, &error));
  g_assert_cmpfloat (y[COUNT - 1], ==, 8);
  variant = kol_choose_variant (graph, out->node, FALSE, FALSE, &error);
  g_assert_nonnull (variant);
  return g_strdup (variant->name);
}

static void
expect_message (const char *pattern)
{
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, pattern);
}

static void
assert_chooses (const KolOp *op, const char *variant)
{
  g_autofree char *chosen = choose (op);

  g_assert_cmpstr (chosen, ==, variant);
}

/* One that is alone is held against plain, and switched off; then it does not run again. */
static void
test_alone (void)
{
  guint before;

  work = 1e8;
  expect_message ("test_alone: the variant wrong differs from plain by *kolinsky verify*");
  assert_chooses (&alone_op, "plain");
  g_test_assert_expected_messages ();
  g_assert_true (kol_tuning_is_struck (device->tuning, "test_alone", "wrong"));
  before = launches;
  assert_chooses (&alone_op, "plain");
  g_assert_cmpuint (launches, ==, before);

  kol_tuning_restore (device->tuning, "test_alone", "wrong"); /* and again, once it may */
  expect_message ("test_alone: the variant wrong differs from plain by *");
  assert_chooses (&alone_op, "plain");
  g_test_assert_expected_messages ();
}

/* Of two that differ, plain says which is wrong. */
static void
test_pair (void)
{
  work = 1e9;
  expect_message ("test_pair: the variant wrong differs from plain by *");
  assert_chooses (&pair_op, "right");
  g_test_assert_expected_messages ();
  g_assert_true (kol_tuning_is_struck (device->tuning, "test_pair", "wrong"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "test_pair", "right"));
}

/* Where plain would take too long the majority is believed, but nothing is switched off. */
static void
test_large (void)
{
  g_autofree char *chosen = NULL;

  work = 1e13;
  expect_message ("test_large: the variants right and wrong differ by *only the first is used*");
  chosen = choose (&large_op);
  g_test_assert_expected_messages ();
  g_assert_true (!strcmp (chosen, "right") || !strcmp (chosen, "same"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "test_large", "wrong"));
}

static void
test_failing (void)
{
  work = 1e9;
  expect_message ("test_failing: the variant failing failed (*no such instruction*) on *");
  assert_chooses (&failing_op, "right");
  g_test_assert_expected_messages ();
  g_assert_true (kol_tuning_is_struck (device->tuning, "test_failing", "failing"));
}

static GCancellable *cancellable;

static gboolean
cancelling_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  g_cancellable_cancel (cancellable);
  return launch (self, "x0*x0*x0", kol_count (&node->outputs[0]), error);
}

OP (cancelled, { .name = "slow", .launch = cancelling_launch },
    { .name = "right", .launch = cube_launch })

/* What ends in the middle of measuring has found nothing out, and begins anew the next time. */
static void
test_cancelled (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GCancellable) here = cancellable = g_cancellable_new ();
  KolValue *in = kol_placeholder (graph, "x", KOL_SHAPE (COUNT));
  KolValue *out = KOL_NODE (&cancelled_op, NULL, in);

  work = 1e9;
  kol_graph_set_cancellable (graph, cancellable);
  for (int i = 0; i < 2; i++) /* in its course; before it has begun */
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (kol_prepare (graph, &out, 1, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  g_assert_false (kol_tuning_is_struck (device->tuning, "test_cancelled", "slow"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "test_cancelled", "right"));
  g_autofree char *key = kol_work_key (out->node, FALSE);
  g_assert_null (kol_tuning_lookup (device->tuning, key));

  g_autoptr (GError) error = NULL;
  kol_graph_set_cancellable (graph, NULL);
  g_assert_true (kol_prepare (graph, &out, 1, &error));
  g_autofree char *found = kol_tuning_lookup (device->tuning, key);
  g_assert_nonnull (found);
}

/* Its first measured run takes longer than all the time that there is for measuring. */
static gboolean
held_up_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  static guint runs;

  if (++runs == 2)
    g_usleep (60000);
  return launch (self, "x0*x0*x0", kol_count (&node->outputs[0]), error);
}

static gboolean
slow_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  g_usleep (10000);
  return launch (self, "x0*x0*x0", kol_count (&node->outputs[0]), error);
}

OP (held_up, { .name = "slow", .launch = slow_launch },
    { .name = "held-up", .launch = held_up_launch })

/* What else the machine did in one run does not decide. */
static void
test_held_up (void)
{
  work = 1e9;
  assert_chooses (&held_up_op, "held-up");
}

static guint pauses;

static gboolean
count_pause (gpointer unused)
{
  pauses++;
  return TRUE;
}

static gboolean
one_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  return launch (self, "x0*x0*x0*2.0f*0.5f", kol_count (&node->outputs[0]), error);
}

static gboolean
other_launch (KolLaunch *self, const KolNode *node, GError **error)
{
  return launch (self, "x0*3.0f*x0*x0/3.0f", kol_count (&node->outputs[0]), error);
}

OP (paused, { .name = "one", .launch = one_launch }, { .name = "other", .launch = other_launch })

/* What pauses whenever it may gets on by a program or a measurement each time, and to the end. */
static void
test_paused (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *in = kol_placeholder (graph, "x", KOL_SHAPE (COUNT));
  KolValue *out = KOL_NODE (&paused_op, NULL, in);
  g_autofree char *key = kol_work_key (out->node, FALSE);
  gboolean done = FALSE;
  guint turns = 0;

  work = 1e9;
  for (; !done && turns < 10; turns++)
    {
      g_autoptr (GError) error = NULL;

      kol_device_set_pause (device, count_pause, NULL);
      done = kol_prepare (graph, &out, 1, &error);
      if (!done)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_no_error (error);
    }
  kol_device_set_pause (device, NULL, NULL);
  g_assert_true (done);
  g_assert_cmpuint (turns, ==, 2); /* a program each; the measurement follows the last */
  g_assert_cmpuint (pauses, ==, 1);
  g_assert_false (kol_tuning_is_struck (device->tuning, "test_paused", "one"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "test_paused", "other"));
  g_autofree char *found = kol_tuning_lookup (device->tuning, key);
  g_assert_nonnull (found);
}

static void
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (path, name, NULL);
      if (g_file_test (below, G_FILE_TEST_IS_DIR))
        remove_folder (below);
      else
        g_unlink (below);
    }
  g_rmdir (path);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("kolinsky-choose-XXXXXX", &error);
  g_assert_no_error (error);
  cache = folder;
  g_setenv ("KOLINSKY_CACHE", cache, TRUE);
  g_unsetenv ("KOLINSKY_VARIANT");
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  g_test_add_func ("/choose/alone", test_alone);
  g_test_add_func ("/choose/pair", test_pair);
  g_test_add_func ("/choose/large", test_large);
  g_test_add_func ("/choose/failing", test_failing);
  g_test_add_func ("/choose/held-up", test_held_up);
  g_test_add_func ("/choose/cancelled", test_cancelled);
  g_test_add_func ("/choose/paused", test_paused);
  status = g_test_run ();
  kol_device_unref (device);
  remove_folder (cache);
  return status;
}
