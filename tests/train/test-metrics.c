/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* metrics.csv: written, gone on with, and read again. */

#include "device/error.h"
#include "train/metrics.h"

#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static char *path; /* of the file that all tests write */

static const char *const columns[] = { "step", "loss", "accuracy", NULL };

static KolMetrics *
open_metrics (const char *const *names, guint64 last_step)
{
  g_autoptr (GError) error = NULL;
  KolMetrics *metrics = kol_metrics_open (path, names, last_step, &error);

  g_assert_no_error (error);
  return metrics;
}

static void
write_rows (KolMetrics *metrics, guint64 first, guint64 last)
{
  g_autoptr (GError) error = NULL;

  for (guint64 step = first; step <= last; step++)
    {
      kol_metrics_write (metrics, (double[]){ step, 1.0 / step, step % 2 ? 0.5 : NAN }, &error);
      g_assert_no_error (error);
    }
}

static KolMetricsTable *
load (void)
{
  g_autoptr (GError) error = NULL;
  KolMetricsTable *table = kol_metrics_load (path, &error);

  g_assert_no_error (error);
  return table;
}

static void
assert_text (const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

static void
set_text (const char *text)
{
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_text (void)
{
  g_autoptr (KolMetrics) metrics = open_metrics (columns, 0);

  write_rows (metrics, 1, 4);
  assert_text ("step,loss,accuracy\n1,1,0.5\n2,0.5,\n3,0.33333333333333331,0.5\n4,0.25,\n");
}

static void
test_exact (void)
{
  const double values[]
      = { 0.0,    -0.0,   1e300,    (float) 0.1,    (float) 1e-30, 5e-324,   G_PI,
          -1e-17, 0x1p52, 1e15 + 1, 123456789012.0, G_MAXDOUBLE,   INFINITY, -INFINITY };

  {
    g_autoptr (KolMetrics) metrics = open_metrics (columns, 0);
    for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
      g_assert_true (kol_metrics_write (metrics, (double[]){ i, values[i], -values[i] }, NULL));
  }
  g_autoptr (KolMetricsTable) table = load ();
  const double *loss = kol_metrics_table_get (table, "loss");
  g_assert_cmpuint (table->rows, ==, G_N_ELEMENTS (values));
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      /* What was a float is written as one, and is the same float again. */
      if (values[i] == (double) (float) values[i])
        g_assert_true ((float) loss[i] == (float) values[i]);
      else
        g_assert_true (loss[i] == values[i]);
    }
  g_assert_true (loss[10] == values[10]);
}

static void
test_load (void)
{
  set_text ("step,loss,\"odd, \"\"name\"\"\"\r\n1,,2\r\n2,0.5,nan\n3,0.2");
  g_autoptr (KolMetricsTable) table = load ();

  g_assert_cmpuint (table->columns, ==, 3);
  g_assert_cmpuint (table->rows, ==, 2);
  g_assert_cmpstr (table->names[2], ==, "odd, \"name\"");
  g_assert_true (isnan (kol_metrics_table_get (table, "loss")[0]));
  g_assert_cmpfloat (kol_metrics_table_get (table, "loss")[1], ==, 0.5);
  g_assert_cmpfloat (kol_metrics_table_get (table, table->names[2])[0], ==, 2);
  g_assert_true (isnan (kol_metrics_table_get (table, table->names[2])[1]));
  g_assert_null (kol_metrics_table_get (table, "rate"));
}

static void
test_odd_names (void)
{
  const char *const odd[] = { "step", "ratio/a,b", "ratio/\"c\"", NULL };
  g_autoptr (KolMetrics) metrics = open_metrics (odd, 0);
  g_autoptr (KolMetricsTable) table = load ();

  g_assert_cmpuint (table->columns, ==, 3);
  g_assert_cmpstr (table->names[1], ==, odd[1]);
  g_assert_cmpstr (table->names[2], ==, odd[2]);
}

static void
test_go_on (void)
{
  {
    g_autoptr (KolMetrics) metrics = open_metrics (columns, 0);
    write_rows (metrics, 1, 7);
  }
  {
    g_autoptr (KolMetrics) metrics = open_metrics (columns, 5);
    write_rows (metrics, 6, 6);
  }
  g_autoptr (KolMetricsTable) table = load ();
  g_assert_cmpuint (table->rows, ==, 6);
  g_assert_cmpfloat (table->values[0][4], ==, 5);
  g_assert_cmpfloat (table->values[0][5], ==, 6);
}

static void
test_half_a_line (void)
{
  set_text ("step,loss,accuracy\n1,0.5,\n2,0.25,0.1\n3,0.1");
  {
    g_autoptr (KolMetrics) metrics = open_metrics (columns, 100);
    write_rows (metrics, 4, 4);
  }
  assert_text ("step,loss,accuracy\n1,0.5,\n2,0.25,0.1\n4,0.25,\n");

  set_text ("step,lo");
  {
    g_autoptr (KolMetrics) metrics = open_metrics (columns, 100);
  }
  assert_text ("step,loss,accuracy\n");
}

static void
test_new_file (void)
{
  /* Without a step to go on from, nothing of an older run stays. */
  set_text ("something else\n");
  {
    g_autoptr (KolMetrics) metrics = open_metrics (columns, 0);
  }
  assert_text ("step,loss,accuracy\n");

  g_remove (path);
  g_autoptr (KolMetrics) metrics = open_metrics (columns, 10);
  assert_text ("step,loss,accuracy\n");
}

static void
test_other_columns (void)
{
  g_autoptr (GError) error = NULL;

  set_text ("step,error\n1,2\n");
  g_assert_null (kol_metrics_open (path, columns, 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "step,error, and"));
  g_assert_nonnull (strstr (error->message, "step,loss,accuracy;"));
  assert_text ("step,error\n1,2\n");
}

/* A file of a version that had fewer columns is gone on with; what it has stays what it is. */
static void
test_fewer_columns (void)
{
  const char *const texts[] = { "step,accuracy\n1,0.5\n2,\n3,0.30000001192092896\n",
                                "step,accuracy\n1,0.5\n2,\n3,0.30000001192092896\n4,1\n5,0" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      set_text (texts[i]);
      {
        g_autoptr (KolMetrics) metrics = open_metrics (columns, 3);
        write_rows (metrics, 4, 4);
      }
      assert_text ("step,loss,accuracy\n1,,0.5\n2,,\n3,,0.300000012\n4,0.25,\n");
    }
  set_text ("step,accuracy,loss\n1,0.5,2\n");
  g_autoptr (KolMetrics) turned = open_metrics (columns, 1);
  assert_text ("step,loss,accuracy\n1,2,0.5\n");
}

static void
test_damaged (void)
{
  const char *const damaged[] = { "1,2\n", "1,2,3,4\n", "1,x,3\n", "\n", "1,2,3 4\n", "1,2,3\n\n" };

  for (gsize i = 0; i < G_N_ELEMENTS (damaged); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = g_strconcat ("step,loss,accuracy\n", damaged[i], NULL);
      const char *line = i == 5 ? "Line 3" : "Line 2";
      set_text (text);
      g_assert_null (kol_metrics_load (path, &error));
      g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
      g_assert_nonnull (strstr (error->message, line));
      g_clear_error (&error);
      g_assert_null (kol_metrics_open (path, columns, 9, &error));
      g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
    }
}

static void
test_no_metrics (void)
{
  const char *const texts[] = { "", "step,loss", "loss,step\n1,2\n", "\"step\n1\n", "\n" };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) failure = NULL;
      set_text (texts[i]);
      g_assert_null (kol_metrics_load (path, &failure));
      g_assert_error (failure, KOL_ERROR, KOL_ERROR_DATA);
    }
  g_remove (path);
  g_assert_null (kol_metrics_load (path, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* A limit on the size of files ends a write in the middle, as a full disk does. */
static void
test_full_disk (void)
{
  g_autoptr (KolMetrics) metrics = open_metrics (columns, 0);
  g_autoptr (GError) error = NULL;
  struct rlimit before, limit;

  write_rows (metrics, 1, 2);
  getrlimit (RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = strlen ("step,loss,accuracy\n1,1,0.5\n2,0.5,\n") + 5;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  gboolean written = kol_metrics_write (metrics, (double[]){ 3, G_PI, 1 }, &error);
  setrlimit (RLIMIT_FSIZE, &before);

  g_assert_false (written);
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, path));
  assert_text ("step,loss,accuracy\n1,1,0.5\n2,0.5,\n");
  write_rows (metrics, 4, 4);
  assert_text ("step,loss,accuracy\n1,1,0.5\n2,0.5,\n4,0.25,\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_autofree char *folder = g_dir_make_tmp ("kolinsky-metrics-XXXXXX", NULL);
  path = g_build_filename (folder, KOL_METRICS_FILE, NULL);

  g_test_add_func ("/metrics/text", test_text);
  g_test_add_func ("/metrics/exact", test_exact);
  g_test_add_func ("/metrics/load", test_load);
  g_test_add_func ("/metrics/odd-names", test_odd_names);
  g_test_add_func ("/metrics/go-on", test_go_on);
  g_test_add_func ("/metrics/half-a-line", test_half_a_line);
  g_test_add_func ("/metrics/new-file", test_new_file);
  g_test_add_func ("/metrics/other-columns", test_other_columns);
  g_test_add_func ("/metrics/fewer-columns", test_fewer_columns);
  g_test_add_func ("/metrics/damaged", test_damaged);
  g_test_add_func ("/metrics/no-metrics", test_no_metrics);
  g_test_add_func ("/metrics/full-disk", test_full_disk);
  int status = g_test_run ();
  g_remove (path);
  g_rmdir (folder);
  g_free (path);
  return status;
}
