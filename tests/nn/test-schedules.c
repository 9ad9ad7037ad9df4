/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>

#include "nn/schedules.h"

#include "torch-schedules.h"

static void
assert_near (double value, double expected)
{
  if (!(fabs (value - expected) <= 1e-8 * fabs (expected)))
    g_error ("%.12g, but expected %.12g", value, expected);
}

static void
test_torch (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (torch_schedules); i++)
    for (guint step = 0; step < TORCH_RATES; step++)
      assert_near (kol_schedule_rate (&torch_schedules[i].how, TORCH_RATE, step, TORCH_RATES),
                   torch_schedules[i].rates[step]);
}

/* Whatever the numbers, a rate is a number, and every name is known. */
static void
test_edges (void)
{
  for (const char *const *name = kol_schedule_names (); *name; name++)
    for (guint64 steps = 0; steps < 15; steps++)
      for (guint64 step = 0; step < 20; step++)
        for (guint64 warmup = 0; warmup < 12; warmup += 3)
          {
            KolSchedule schedule = { .name = *name, .warmup = warmup };
            double rate = kol_schedule_rate (&schedule, 0.5, step, steps);

            g_assert_true (rate > 0 || (rate == 0 && g_str_equal (*name, "cosine")));
            g_assert_cmpfloat (rate, <=, 0.5);
          }
  g_assert_true (isnan (kol_schedule_rate (&(KolSchedule){ .name = "none" }, 1, 0, 10)));
  assert_near (kol_schedule_rate (&(KolSchedule){ .name = "cosine" }, 1, 10, 10) + 1, 1);
  assert_near (kol_schedule_rate (&(KolSchedule){ .name = "step" }, 1, 299, 300), 1e-2);
}

static void
test_plateau (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (torch_plateaus); i++)
    {
      KolPlateau plateau;

      kol_plateau_init (&plateau, torch_plateaus[i].factor, torch_plateaus[i].patience,
                        torch_plateaus[i].threshold, torch_plateaus[i].least);
      for (guint k = 0; k < TORCH_RATES; k++)
        assert_near (kol_plateau_update (&plateau, torch_losses[k]), torch_plateaus[i].scales[k]);
    }
}

static void
test_early_stop (void)
{
  KolEarlyStop stop;

  kol_early_stop_init (&stop, 2);
  g_assert_false (kol_early_stop_update (&stop, 1, 10));
  g_assert_false (kol_early_stop_update (&stop, 1.5, 20));
  g_assert_false (kol_early_stop_update (&stop, 0.5, 30));
  g_assert_false (kol_early_stop_update (&stop, NAN, 40));
  g_assert_true (kol_early_stop_update (&stop, 0.5, 50));
  g_assert_cmpfloat (stop.best, ==, 0.5);
  g_assert_cmpuint (stop.best_step, ==, 30);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nn/schedules/torch", test_torch);
  g_test_add_func ("/nn/schedules/edges", test_edges);
  g_test_add_func ("/nn/schedules/plateau", test_plateau);
  g_test_add_func ("/nn/schedules/early-stop", test_early_stop);
  return g_test_run ();
}
