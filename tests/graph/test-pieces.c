/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What takes long and is done in pieces: measuring a device, its checks, its tuning. */

#include "../device/fixture.h"
#include "device/speed.h"
#include "device/tuning.h"
#include "graph/check.h"
#include "graph/tune.h"

static KolDevice *device;

static void
test_speed (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolSpeed) speed = kol_speed_new (device, &error);
  guint done = 0;

  g_assert_no_error (error);
  while (done < kol_speed_count (speed, &done))
    {
      guint before = done;
      g_assert_true (kol_speed_next (speed, &error));
      g_assert_no_error (error);
      kol_speed_count (speed, &done);
      g_assert_cmpuint (done, ==, before + 1);
    }
  g_assert_cmpfloat (kol_speed_get_flops (speed), >, 1e7);
  g_assert_cmpfloat (kol_speed_get_flops (speed), <, 1e16);
  g_assert_cmpfloat (kol_speed_get_bandwidth (speed), >, 1e7);
  g_assert_cmpfloat (kol_speed_get_bandwidth (speed), <, 1e14);
}

static void
note (const KolCheckResult *result, gpointer data)
{
  guint *reports = data;

  g_assert_true (result->passed || result->skipped);
  (*reports)++;
}

static void
test_checks (void)
{
  g_autoptr (KolChecks) checks = kol_checks_new (device, TRUE);
  guint done, reports = 0;

  g_assert_cmpuint (kol_checks_count (checks, &done), >, 100);
  g_assert_cmpuint (done, ==, 0);
  for (guint i = 0; i < 3; i++)
    kol_checks_next (checks, note, &reports);
  kol_checks_count (checks, &done);
  g_assert_cmpuint (done, ==, 3);
  g_assert_cmpuint (reports, >=, 3);
}

static void
describe (const KolCheckResult *result, gpointer data)
{
  g_string_append_printf (data, "%s %s %s %s %g\n", result->op, result->variant, result->what,
                          result->name, result->difference);
}

static gboolean
count_pause (gpointer pauses)
{
  ++*(guint *) pauses;
  return TRUE;
}

/* Checks that pause whenever they may say the same as those that do not, each thing once. */
static void
test_checks_pause (void)
{
  g_autoptr (GError) error = NULL;
  Variable variable;
  char *folder = begin_cache (&variable); /* nothing is compiled yet */
  g_autoptr (KolDevice) fresh = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_autoptr (KolChecks) checks = kol_checks_new (fresh, TRUE);
  g_autoptr (KolChecks) others = kol_checks_new (fresh, TRUE);
  g_autoptr (GString) said = g_string_new (NULL), expected = g_string_new (NULL);
  guint done = 0, pauses = 0, broken_off = 0;
  gboolean over = FALSE;

  while (broken_off < 2 || !over)
    {
      guint before = pauses;
      kol_device_set_pause (fresh, count_pause, &pauses);
      over = kol_checks_next (checks, describe, said);
      broken_off += !over;
      g_assert_cmpuint (pauses, <=, before + 1); /* it asks no more once it is told to */
    }
  g_assert_cmpuint (broken_off, ==, pauses);
  kol_device_set_pause (fresh, NULL, NULL);
  kol_checks_count (checks, &done);
  for (guint i = 0; i < done; i++)
    g_assert_true (kol_checks_next (others, describe, expected));
  g_assert_cmpstr (said->str, ==, expected->str);
  end_cache (folder, variable);
}

static gboolean
is_struck (const char *variant)
{
  g_autoptr (GPtrArray) struck = kol_device_list_struck (device);

  for (guint i = 0; i < struck->len; i++)
    if (g_str_equal (((KolTuningStruck *) g_ptr_array_index (struck, i))->variant, variant))
      return TRUE;
  return FALSE;
}

static void
test_conclude (void)
{
  g_assert_true (kol_check_conclude (device, "matmul", "simd", 5, 1, "it is a test"));
  g_assert_true (is_struck ("matmul/simd"));
  g_assert_false (kol_check_conclude (device, "matmul", "simd", 6, 0, NULL));
  g_assert_false (is_struck ("matmul/simd"));
  /* Nothing can replace the plain one. */
  g_assert_false (kol_check_conclude (device, "matmul", "plain", 5, 1, "it is a test"));
  g_assert_false (is_struck ("matmul/plain"));
}

/* What was not compiled, as somebody closes, is not wrong. */
static void
test_conclude_nothing (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  kol_device_set_cancellable (device, cancellable);
  g_cancellable_cancel (cancellable);
  g_assert_false (kol_check_conclude (device, "matmul", "simd", 5, 1, "cancelled"));
  g_assert_false (is_struck ("matmul/simd"));
  kol_device_set_cancellable (device, NULL);
}

static void
test_tuner (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolTuner) tuner = kol_tuner_new (device);
  guint done;

  g_assert_cmpuint (kol_tuner_count (tuner, &done), >, 0);
  const char *op = kol_tuner_next (tuner, &error);
  g_assert_no_error (error);
  g_assert_nonnull (op);
  kol_tuner_count (tuner, &done);
  g_assert_cmpuint (done, ==, 1);

  g_autoptr (GPtrArray) choices = kol_device_list_choices (device);
  gboolean found = FALSE;
  for (guint i = 0; i < choices->len; i++)
    found
        = found || g_str_has_prefix (((KolTuningChoice *) g_ptr_array_index (choices, i))->key, op);
  g_assert_true (found);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_print ("1..0 # SKIP %s\n", error->message);
      return 0;
    }
  g_test_add_func ("/pieces/speed", test_speed);
  g_test_add_func ("/pieces/checks", test_checks);
  g_test_add_func ("/pieces/checks/pause", test_checks_pause);
  g_test_add_func ("/pieces/conclude", test_conclude);
  g_test_add_func ("/pieces/conclude-nothing", test_conclude_nothing);
  g_test_add_func ("/pieces/tuner", test_tuner);
  int status = g_test_run ();
  kol_device_unref (device);
  return status;
}
