/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Curves from files: what the engine and others write, what charts export, and what is damaged. */

#include "chart/export.h"
#include "chart/import.h"

#include <glib/gstdio.h>
#include <kolinsky.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static KxImported *
import_text (const char *text, GError **error)
{
  return kx_import_csv (text, strlen (text), error);
}

static void
check (const KxImported *imported, const char *name, const double *x, const float *y, gsize n)
{
  KxSeries *series = kx_imported_find (imported, name);

  g_assert_nonnull (series);
  g_assert_cmpuint (kx_series_get_length (series), ==, n);
  for (gsize i = 0; i < n; i++)
    {
      float found = kx_series_get_y (series)[i];
      g_assert_cmpfloat (kx_series_get_x (series)[i], ==, x[i]);
      g_assert_true (found == y[i] || (isnan (found) && isnan (y[i])));
    }
}

static void
test_csv (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KxImported) imported
      = import_text ("\xef\xbb\xbfstep,epoch,seconds,\"loss, \"\"train\"\"\",accuracy,note\r\n"
                     "0,0,0.5,2.5,0.1,first\r\n"
                     "\r\n"
                     "100,0.5,10.5,1.5e0,,\r\n"
                     "nonsense\r\n"
                     "200,1,20.5,nan,0.9,\r\n"
                     "300,1.5,30.5,0.5,1,last",
                     &error);

  g_assert_no_error (error);
  check (imported, "loss, \"train\"", (double[]){ 0, 100, 200, 300 },
         (float[]){ 2.5f, 1.5f, NAN, 0.5f }, 4);
  check (imported, "accuracy", (double[]){ 0, 200, 300 }, (float[]){ 0.1f, 0.9f, 1 }, 3);
  g_assert_null (kx_imported_find (imported, "note"));
  g_assert_null (kx_imported_find (imported, "seconds"));
  g_assert_cmpuint (imported->skipped, ==, 1);
  g_assert_cmpfloat (kx_clock_from_step (imported->clock, KX_UNIT_TIME, 150), ==, 15.5);
  g_assert_cmpfloat (kx_clock_from_step (imported->clock, KX_UNIT_EPOCH, 150), ==, 0.75);
}

/* A run that went on from step 100 has written over what it had done. */
static void
test_resumed (void)
{
  g_autoptr (KxImported) imported
      = import_text ("step,loss\n0,3\n100,2\n200,1\n100,5\n200,4\n", NULL);

  check (imported, "loss", (double[]){ 0, 100, 200 }, (float[]){ 3, 5, 4 }, 3);
}

static void
test_refused (void)
{
  static const struct {
    const char *text, *why;
  } rows[] = { { "", "*empty*" },
               { "loss,accuracy\n1,2\n", "*no column named*step*" },
               { "step,name\n1,a\n2,b\n", "*None of its columns has numbers*" },
               { "step,loss\n", "*None of its columns has numbers*" } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (import_text (rows[i].text, &error));
      g_assert_true (g_pattern_match_simple (rows[i].why, error->message));
    }
  g_autoptr (GError) error = NULL;
  g_autofree char *missing = in_folder ("missing.csv");
  g_assert_null (kx_import (missing, NULL, &error));
  g_assert_true (g_pattern_match_simple ("*missing.csv*", error->message));
  g_clear_error (&error);
  g_assert_null (kx_import (folder, NULL, &error));
  g_assert_true (g_pattern_match_simple ("*it is a folder*", error->message));
}

static char *
only_file (const char *inside)
{
  g_autoptr (GDir) dir = g_dir_open (inside, 0, NULL);

  return g_build_filename (inside, g_dir_read_name (dir), NULL);
}

/* The engine's own event file, with other things than scalars in it. */
static char *
write_events (const char *name)
{
  g_autofree char *inside = in_folder (name);
  g_autoptr (KolEvents) events = kol_events_new (inside, 0, NULL);

  for (int i = 0; i < 50; i++)
    {
      kol_events_scalar (events, "loss/train", (guint64) i * 10, 5.0 / (i + 1));
      if (i % 10 == 0)
        kol_events_histogram (events, "conv1", (guint64) i * 10, (float[]){ 1, 2, 3 }, 3);
      if (i % 5 == 0)
        kol_events_scalar (events, "accuracy", (guint64) i * 10, 1 - 1.0 / (i + 1));
    }
  g_clear_pointer (&events, kol_events_free);
  return only_file (inside);
}

static void
test_events (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = write_events ("events");
  g_autoptr (KxImported) imported = kx_import (path, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (imported->curves->len, ==, 2);
  g_assert_cmpuint (imported->skipped, ==, 0);
  KxSeries *loss = kx_imported_find (imported, "loss/train");
  g_assert_cmpuint (kx_series_get_length (loss), ==, 50);
  g_assert_cmpfloat (kx_series_get_x (loss)[49], ==, 490);
  g_assert_cmpfloat (kx_series_get_y (loss)[49], ==, 0.1f);
  g_assert_cmpuint (kx_series_get_length (kx_imported_find (imported, "accuracy")), ==, 10);
}

/* A file that is being written ends anywhere; what is whole in it counts. */
static void
test_cut (void)
{
  g_autofree char *path = write_events ("cut");
  g_autofree char *bytes = NULL;
  gsize length, before = 0;

  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  for (gsize n = 0; n <= length; n++)
    {
      /* A copy of its own, so that a sanitizer sees what is read beyond it. */
      g_autofree guint8 *copy = g_memdup2 (bytes, n);
      g_autoptr (KxImported) imported = kx_import_events (copy, n, NULL);
      KxSeries *loss = imported ? kx_imported_find (imported, "loss/train") : NULL;
      gsize points = loss ? kx_series_get_length (loss) : 0;
      g_assert_cmpuint (points, >=, before);
      g_assert_cmpuint (points, <=, before + 1);
      before = points;
    }
  g_assert_cmpuint (before, ==, 50);
}

/* Any byte that is another is noticed: one record or the rest is gone, nothing is wrong. */
static void
test_damaged (void)
{
  g_autofree char *path = write_events ("damaged");
  g_autofree char *bytes = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  for (gsize i = 0; i < length; i++)
    {
      g_autofree guint8 *copy = g_memdup2 (bytes, length);
      copy[i] ^= 0x55;
      g_autoptr (KxImported) imported = kx_import_events (copy, length, NULL);
      if (!imported)
        continue;
      KxSeries *loss = kx_imported_find (imported, "loss/train");
      g_assert_cmpuint (imported->skipped, ==, 1);
      for (gsize k = 0; loss && k < kx_series_get_length (loss); k++)
        {
          double step = kx_series_get_x (loss)[k];
          g_assert_cmpfloat (kx_series_get_y (loss)[k], ==, (float) (5.0 / (step / 10 + 1)));
        }
    }
}

/* Tables of anything: an answer or a reason, and no read beyond the end. */
static void
test_noise (void)
{
  static const char likely[] = ",,\n\n\"0123456789.ne";
  g_autoptr (GRand) random = g_rand_new_with_seed (9);

  for (int i = 0; i < 20000; i++)
    {
      gsize n = (gsize) g_rand_int_range (random, 0, 300);
      g_autofree char *text = g_malloc (MAX (n, 1));
      g_autoptr (GError) error = NULL;
      for (gsize k = 0; k < n; k++)
        text[k] = g_rand_int_range (random, 0, 8) > 0
                      ? likely[g_rand_int_range (random, 0, sizeof likely - 1)]
                      : (char) g_rand_int_range (random, 0, 256);
      memcpy (text, "step,a\n", MIN (n, 7));
      g_autoptr (KxImported) imported = kx_import_csv (text, n, &error);
      g_assert_true ((imported == NULL) == (error != NULL));
    }
}

/*
 * TensorFlow 2 writes scalars as tensors, in four ways. By the tensorboard package, 2.21:
 * "content" is 0.25, 0.5, 0.75 and 1 at steps 1 to 4, "plain" is 8 at step 4, "matrix" is no
 * scalar; then the session begins again at step 4, and "content" is 2 at step 6.
 */
static const char tensors[]
    = "GAAAAAAAAACjf0siCQAAAAAAQI9AGg1icmFpbi5FdmVudDoyc65rViQAAAAAAAAAQiuATQkAAAAA"
      "AEiPQBABKhcKFQoHY29udGVudEIKCAESACIEAACAPn5mlnAkAAAAAAAAAEIrgE0JAAAAAABQj0AQ"
      "AioXChUKB2NvbnRlbnRCCggBEgAqBAAAAD/xjCtsKAAAAAAAAAD/cBZKCQAAAAAAWI9AEAMqGwoZ"
      "Cgdjb250ZW50Qg4IAhIAMggAAAAAAADoP+90wK4oAAAAAAAAAP9wFkoJAAAAAABgj0AQBCobChkK"
      "B2NvbnRlbnRCDggCEgAiCAAAAAAAAPA/orXRwhsAAAAAAAAAGg2eEwkAAAAAAGCPQBAEKg4KDAoF"
      "cGxhaW4VAAAAQcC2DvcrAAAAAAAAAIYbw0sJAAAAAABoj0AQBSoeChwKBm1hdHJpeEISCAESACIM"
      "AACAPwAAAEAAAEBAir6nGw8AAAAAAAAAbVMrCQkAAAAAAJCPQBAEOgIIAXaTsewkAAAAAAAAAEIr"
      "gE0JAAAAAABwj0AQBioXChUKB2NvbnRlbnRCCggBEgAiBAAAAEDuE7sy";

static void
test_tensors (void)
{
  g_autoptr (GError) error = NULL;
  gsize length;
  g_autofree guint8 *bytes = g_base64_decode (tensors, &length);
  g_autoptr (KxImported) imported = kx_import_events (bytes, length, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (imported->skipped, ==, 0);
  g_assert_cmpuint (imported->curves->len, ==, 1);
  check (imported, "content", (double[]){ 1, 2, 3, 6 }, (float[]){ 0.25f, 0.5f, 0.75f, 2 }, 4);
  g_assert_cmpfloat (kx_clock_from_step (imported->clock, KX_UNIT_TIME, 3), ==, 2);
}

static void
take_result (GObject *source, GAsyncResult *result, gpointer place)
{
  *(GAsyncResult **) place = g_object_ref (result);
}

/* What a table of the curves has. */
static char *
export_table (GListModel *layers)
{
  const KxPlotSettings settings = { .layers = layers };
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  char *text = NULL;
  int file = g_file_open_tmp ("kolinsky-XXXXXX.csv", &path, NULL);

  close (file);
  kx_export_async (&settings, "Loss", 0, 0, path, take_result, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  kx_export_finish (result, &error);
  g_assert_no_error (error);
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  g_remove (path);
  return text;
}

/* What is exported comes back, bit by bit. */
static void
test_round_trip (void)
{
  g_autoptr (GListStore) layers = g_list_store_new (KX_TYPE_LAYER);
  g_autoptr (GRand) random = g_rand_new_with_seed (4);
  KxSeries *series[3];
  static const char *const names[] = { "run 1", "run, \"2\"", "run 3" };

  for (int i = 0; i < 3; i++)
    {
      series[i] = kx_series_new ();
      for (int k = 0; k < 500; k++)
        kx_series_append (series[i], k * (i + 1) + (i == 1 ? 0.1 : 0),
                          k % 50 == 7 ? NAN : (float) exp (g_rand_double_range (random, -30, 30)));
      g_autoptr (KxLineLayer) line = kx_line_layer_new (series[i], names[i], 0, KX_LINE_THIN);
      g_list_store_append (layers, line);
    }
  g_autofree char *text = export_table (G_LIST_MODEL (layers));
  g_autoptr (KxImported) imported = import_text (text, NULL);
  g_assert_cmpuint (imported->skipped, ==, 0);
  for (int i = 0; i < 3; i++)
    {
      check (imported, names[i], kx_series_get_x (series[i]), kx_series_get_y (series[i]), 500);
      kx_series_unref (series[i]);
    }
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      remove_all (inner);
    }
  g_remove (path);
}

int
main (int argc, char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("kolinsky-import-XXXXXX", NULL);
  g_test_add_func ("/ui/chart/import/csv", test_csv);
  g_test_add_func ("/ui/chart/import/resumed", test_resumed);
  g_test_add_func ("/ui/chart/import/refused", test_refused);
  g_test_add_func ("/ui/chart/import/events", test_events);
  g_test_add_func ("/ui/chart/import/cut", test_cut);
  g_test_add_func ("/ui/chart/import/damaged", test_damaged);
  g_test_add_func ("/ui/chart/import/noise", test_noise);
  g_test_add_func ("/ui/chart/import/tensors", test_tensors);
  g_test_add_func ("/ui/chart/import/round-trip", test_round_trip);
  result = g_test_run ();
  remove_all (folder);
  g_free (folder);
  return result;
}
