/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* When steps run, and where in memory their results lie. */

#include <math.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

#define ROWS 64
#define COLUMNS 32
#define BYTES (ROWS * COLUMNS * sizeof (float))

static KolValue *
numbers (KolGraph *g, const char *name)
{
  KolValue *x = kol_placeholder (g, name, KOL_SHAPE (ROWS, COLUMNS));
  float values[ROWS * COLUMNS];

  for (guint i = 0; i < ROWS * COLUMNS; i++)
    values[i] = sinf ((float) i);
  kol_set (x, values);
  return x;
}

/* An operation that can neither be put together with others nor write in its input's place. */
static KolValue *
turn (KolValue *x)
{
  return kol_transpose (x, &(KolTranspose){ .order = { 1, 0 } });
}

static KolPlan *
plan_of (KolGraph *g, KolValue *y)
{
  g_autoptr (GError) error = NULL;
  KolPlan *plan = kol_plan_new (g, &y, 1, &error);

  g_assert_no_error (error);
  return plan;
}

static gsize
slot_bytes (const KolPlan *plan)
{
  gsize bytes = 0;

  for (guint i = 0; i < plan->slots->len; i++)
    bytes += g_array_index (plan->slots, gsize, i);
  return bytes;
}

/* The step that computes @y. */
static guint
place_of (const KolPlan *plan, KolValue *y)
{
  for (guint i = 0; i < plan->steps->len; i++)
    if (&g_array_index (plan->steps, KolStep, i).last->outputs[0] == y)
      return i;
  g_assert_not_reached ();
}

static void
assert_sum (KolGraph *g, KolValue *y, double expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_run (g, y, &error));
  g_assert_no_error (error);
  g_assert_cmpfloat (fabs (kol_scalar (y) - expected), <, 1e-3 * fabs (expected));
}

/* What is made first and read last waits, with all that only it needs. */
static void
test_waits_for_its_reader (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = numbers (g, "x"), *early = turn (x), *again = turn (early), *late = turn (again);
  KolValue *y = x, *sum;
  double expected = 0;

  for (guint i = 0; i < 6; i++)
    y = turn (y);
  sum = kol_sum (kol_multiply (turn (y), late), NULL);
  g_autoptr (KolPlan) plan = plan_of (g, sum);
  g_assert_cmpuint (place_of (plan, early), >, place_of (plan, y));
  g_assert_cmpuint (place_of (plan, again), ==, place_of (plan, early) + 1);
  g_assert_cmpuint (place_of (plan, late), ==, place_of (plan, early) + 2);
  g_assert_cmpuint (slot_bytes (plan), <=, 3 * BYTES + 64);
  for (guint i = 0; i < ROWS * COLUMNS; i++)
    expected += sinf ((float) i) * sinf ((float) i);
  assert_sum (g, sum, expected);
}

/* What reads something large to make something small does not: that would be kept for it. */
static void
test_does_not_keep_more (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *large = turn (numbers (g, "x")), *small = kol_sum (large, NULL), *y = large, *sum;

  for (guint i = 0; i < 6; i++)
    y = turn (y);
  sum = kol_add (kol_sum (y, NULL), small);
  g_autoptr (KolPlan) plan = plan_of (g, sum);
  g_assert_cmpuint (place_of (plan, small), <, place_of (plan, y));
  g_assert_cmpuint (slot_bytes (plan), <=, 2 * BYTES + 4096);
}

/* Small tensors that live at the same time lie side by side where a large one was. */
static void
test_small_ones_share_a_slot (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = numbers (g, "x"), *large = turn (x), *sum;
  KolValue *parts[4], *all = NULL;
  double expected = 0;

  large = turn (large);
  kol_split (large, 0, (gint64[]){ ROWS / 4, ROWS / 4, ROWS / 4, ROWS / 4 }, 4, parts);
  for (guint i = 0; i < 4; i++)
    {
      KolValue *one = kol_multiply (turn (parts[i]), turn (parts[3 - i]));

      all = all ? kol_add (all, one) : one;
    }
  sum = kol_sum (all, NULL);
  for (guint i = 0; i < 4; i++)
    for (guint k = 0; k < ROWS / 4 * COLUMNS; k++)
      expected += sinf ((float) (i * ROWS / 4 * COLUMNS + k))
                  * sinf ((float) ((3 - i) * ROWS / 4 * COLUMNS + k));
  g_autoptr (KolPlan) plan = plan_of (g, sum);
  g_assert_cmpuint (slot_bytes (plan), <=, 2 * BYTES + 4096);
  assert_sum (g, sum, expected);
}

static gboolean
joins (const KolPlan *plan, KolValue *y)
{
  return g_array_index (plan->steps, KolStep, place_of (plan, y)).joins;
}

/*
 * What stands behind each other in a tensor is computed there; also where something reads a part
 * later than the whole, when nothing may have been written over it: neither what follows from the
 * whole by elements nor what follows from another part.
 */
static void
test_parts_are_computed_in_place (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = numbers (g, "x"), *a = turn (x), *b = turn (turn (turn (x)));
  KolValue *whole = kol_concat ((KolValue *[]){ a, b }, 2, 0);
  KolValue *changed = kol_square (kol_square (whole));
  KolValue *sum = kol_add (kol_sum (turn (changed), NULL),
                           kol_sum (kol_multiply (kol_square (b), turn (turn (a))), NULL));
  double expected = 0;

  g_autoptr (KolPlan) plan = plan_of (g, sum);
  g_assert_true (joins (plan, whole));
  for (guint i = 0; i < ROWS * COLUMNS; i++)
    {
      double value = sin ((double) i);

      expected += 2 * pow (value, 4) + pow (value, 3);
    }
  for (guint k = 0; k < 2; k++)
    assert_sum (g, sum, expected);
}

/* A tensor that stands in two others, or twice in one, is copied. */
static void
test_parts_are_copied (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = numbers (g, "x"), *a = turn (x), *b = turn (turn (turn (x)));
  KolValue *one = kol_concat ((KolValue *[]){ a, b }, 2, 0);
  KolValue *other = kol_concat ((KolValue *[]){ b, b, a }, 3, 0);
  KolValue *across = kol_concat ((KolValue *[]){ turn (one), turn (other) }, 2, 1);
  KolValue *sum = kol_sum (kol_square (turn (across)), NULL);
  double expected = 0;

  g_autoptr (KolPlan) plan = plan_of (g, sum);
  g_assert_false (joins (plan, one) && joins (plan, other));
  g_assert_false (joins (plan, across)); /* there they are not one behind the other */
  for (guint i = 0; i < ROWS * COLUMNS; i++)
    expected += 5 * pow (sin ((double) i), 2);
  assert_sum (g, sum, expected);
}

/* Parts of slots stay right when another plan of the job has made them larger. */
static void
test_larger_slots (void)
{
  g_autoptr (KolParameters) job = kol_parameters_new (device, 0);
  g_autoptr (KolGraph) small = kol_graph_new_over (job), large = kol_graph_new_over (job);
  KolValue *x = numbers (small, "x"), *y = kol_sum (kol_multiply (turn (x), turn (x)), NULL);
  KolValue *wide = kol_placeholder (large, "wide", KOL_SHAPE (500, 400));
  KolValue *z = kol_sum (turn (turn (wide)), NULL);
  g_autofree float *ones = g_new (float, 500 * 400);
  double expected = 0;

  for (guint i = 0; i < 500 * 400; i++)
    ones[i] = 1;
  kol_set (wide, ones);
  for (guint i = 0; i < ROWS * COLUMNS; i++)
    expected += sinf ((float) i) * sinf ((float) i);
  for (guint i = 0; i < 2; i++)
    {
      assert_sum (small, y, expected);
      assert_sum (large, z, 500 * 400);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/memory/waits-for-its-reader", test_waits_for_its_reader);
  g_test_add_func ("/memory/does-not-keep-more", test_does_not_keep_more);
  g_test_add_func ("/memory/small-ones-share-a-slot", test_small_ones_share_a_slot);
  g_test_add_func ("/memory/parts-are-computed-in-place", test_parts_are_computed_in_place);
  g_test_add_func ("/memory/parts-are-copied", test_parts_are_copied);
  g_test_add_func ("/memory/larger-slots", test_larger_slots);
  result = g_test_run ();
  kol_device_unref (device);
  return result;
}
