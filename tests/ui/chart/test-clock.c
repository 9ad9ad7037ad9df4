/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Steps, epochs and seconds. */

#include "chart/clock.h"

static void
test_convert (void)
{
  g_autoptr (KxClock) clock = kx_clock_new ();

  g_assert_true (kx_clock_knows (NULL, KX_UNIT_STEP));
  g_assert_false (kx_clock_knows (NULL, KX_UNIT_TIME));
  kx_clock_append (clock, 0, 0, 0);
  g_assert_false (kx_clock_knows (clock, KX_UNIT_TIME));
  kx_clock_append (clock, 100, 1, 50);
  kx_clock_append (clock, 200, 2, 70); /* twice as fast, and more */
  g_assert_true (kx_clock_knows (clock, KX_UNIT_TIME));

  g_assert_cmpfloat (kx_clock_from_step (clock, KX_UNIT_STEP, 31), ==, 31);
  g_assert_cmpfloat_with_epsilon (kx_clock_from_step (clock, KX_UNIT_EPOCH, 150), 1.5, 1e-12);
  g_assert_cmpfloat_with_epsilon (kx_clock_from_step (clock, KX_UNIT_TIME, 150), 60, 1e-12);
  g_assert_cmpfloat_with_epsilon (kx_clock_to_step (clock, KX_UNIT_TIME, 60), 150, 1e-12);
  g_assert_cmpfloat_with_epsilon (kx_clock_to_step (clock, KX_UNIT_TIME, 25), 50, 1e-12);
  /* Beyond the ends at the mean pace: 0.35 s a step. */
  g_assert_cmpfloat_with_epsilon (kx_clock_from_step (clock, KX_UNIT_TIME, 300), 105, 1e-12);
  g_assert_cmpfloat_with_epsilon (kx_clock_to_step (clock, KX_UNIT_TIME, 105), 300, 1e-12);
  for (double step = -50; step < 260; step += 7)
    for (int unit = KX_UNIT_STEP; unit <= KX_UNIT_TIME; unit++)
      g_assert_cmpfloat_with_epsilon (
          kx_clock_to_step (clock, unit, kx_clock_from_step (clock, unit, step)), step, 1e-9);
}

static void
test_backwards (void)
{
  g_autoptr (KxClock) clock = kx_clock_new ();

  kx_clock_append (clock, 0, 0, 0);
  kx_clock_append (clock, 10, 1, 20);
  kx_clock_append (clock, 10, 7, 70); /* told already */
  kx_clock_append (clock, 20, 2, 15); /* the system's clock was put back */
  g_assert_cmpfloat (kx_clock_from_step (clock, KX_UNIT_TIME, 20), ==, 20);
  kx_clock_append (clock, 30, 3, 40);
  g_assert_cmpfloat (kx_clock_to_step (clock, KX_UNIT_TIME, 30), ==, 25);
  kx_clock_truncate (clock, 20);
  kx_clock_append (clock, 20, 2, 60);
  g_assert_cmpfloat (kx_clock_from_step (clock, KX_UNIT_TIME, 15), ==, 40);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/chart/clock/convert", test_convert);
  g_test_add_func ("/ui/chart/clock/backwards", test_backwards);
  return g_test_run ();
}
