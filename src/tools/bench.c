/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "bench-private.h"
#include "tool-private.h"

#include "../device/tuning-private.h"
#include "../graph/op-private.h"

#include <math.h>

#define BATCH_SECONDS 0.1 /* of work between two looks at the clock */
#define FEWEST_BATCHES 5
#define DIGITS_BATCH 50
#define DIGITS_GROUP 10 /* training steps between two waits */

typedef struct {
  ToolOptions common;
  char *shape;
  char *variant;
  double seconds;
} BenchOptions;

static void
bench_options_clear (BenchOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->shape);
  g_free (options->variant);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchOptions, bench_options_clear)

static void
result_free (gpointer data)
{
  BenchResult *result = data;

  g_free (result->shape);
  g_free (result->variant);
  g_free (result);
}

/* ── Timing ── */

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

double
bench_median (GArray *seconds)
{
  g_return_val_if_fail (seconds->len > 0, NAN);

  g_array_sort (seconds, compare_doubles);
  guint middle = seconds->len / 2;
  double upper = g_array_index (seconds, double, middle);
  return seconds->len % 2 ? upper : (g_array_index (seconds, double, middle - 1) + upper) / 2;
}

/* Runs @target @n times without waiting in between, then waits. */
static gboolean
time_runs (KolValue *target, guint n, double *seconds, GError **error)
{
  KolGraph *graph = kol_value_get_graph (target);
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    if (!kol_run (graph, target, error))
      return FALSE;
  if (!kol_finish (graph, error))
    return FALSE;
  *seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return TRUE;
}

/*
 * Sets the median seconds of a run of @target, measured for @seconds over
 * batches of @group runs (0: as many as take BATCH_SECONDS), and the peak at
 * that time.
 */
static gboolean
measure (KolValue *target, guint group, double seconds, BenchPeak *peak, BenchResult *result,
         GError **error)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  double time, spent = 0;

  if (!kol_prepare (kol_value_get_graph (target), &target, 1, error)
      || !time_runs (target, 2, &time, error) || !time_runs (target, 1, &time, error))
    return FALSE;
  if (group == 0)
    group = (guint) CLAMP (BATCH_SECONDS / MAX (time, 1e-6), 1, 10000);

  bench_peak_restart (peak);
  while (spent < seconds || times->len < FEWEST_BATCHES)
    {
      if (!time_runs (target, group, &time, error) || !bench_peak_sample (peak, error))
        return FALSE;
      spent += time;
      time /= group;
      g_array_append_val (times, time);
    }
  result->seconds = bench_median (times);
  result->peak = bench_peak_rate (peak);
  return TRUE;
}

static void
fill_random (KolValue *placeholder, double low, double high)
{
  gint64 n = kol_shape_count (kol_value_get_shape (placeholder));
  g_autofree float *values = g_new (float, n);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (gint64 i = 0; i < n; i++)
    values[i] = (float) g_rand_double_range (random, low, high);
  kol_set (placeholder, values);
}

/* ── Matrix product ── */

static gboolean
parse_shape (const char *text, gint64 size[3])
{
  g_auto (GStrv) parts = g_strsplit (text, "x", -1);

  if (g_strv_length (parts) != 3)
    return FALSE;
  for (int i = 0; i < 3; i++)
    if (!g_ascii_string_to_signed (parts[i], 10, 1, 1 << 20, &size[i], NULL))
      return FALSE;
  return TRUE;
}

/* Sets @fits, and measures the product with @variant if it does. */
static gboolean
measure_matmul (KolDevice *device, const gint64 size[3], const KolVariant *variant, double seconds,
                BenchPeak *peak, BenchResult *result, gboolean *fits, GError **error)
{
  g_autofree char *forced = g_strconcat ("matmul=", variant->name, NULL);

  g_setenv ("KOLINSKY_VARIANT", forced, TRUE); /* read when the graph is planned */
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (size[0], size[2]));
  KolValue *b = kol_placeholder (graph, "b", KOL_SHAPE (size[2], size[1]));
  KolValue *c = kol_matmul (a, b);
  const GError *wrong = kol_graph_get_error (graph);

  if (wrong)
    {
      g_propagate_error (error, g_error_copy (wrong));
      return FALSE;
    }
  *fits = !variant->fits || variant->fits (c->node, device);
  if (!*fits)
    return TRUE;
  fill_random (a, -1, 1);
  fill_random (b, -1, 1);

  result->work = "matmul";
  result->shape = g_strdup_printf ("%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT,
                                   size[0], size[1], size[2]);
  result->variant = g_strdup (variant->name);
  result->flops = 2.0 * (double) size[0] * (double) size[1] * (double) size[2];
  return measure (c, 0, seconds, peak, result, error);
}

static gboolean
bench_matmul (KolDevice *device, const BenchOptions *options, BenchPeak *peak, GPtrArray *results,
              GError **error)
{
  gint64 size[3] = { 1024, 1024, 1024 };
  g_autofree char *wanted
      = options->variant ? g_strdup (options->variant) : kol_tuning_forced ("matmul");
  const KolVariant *variant = kol_op_find ("matmul")->variants;
  gboolean fits = FALSE;

  if (options->shape)
    parse_shape (options->shape, size);
  for (; variant->name; variant++)
    {
      if (wanted && !g_str_equal (wanted, variant->name))
        continue;
      BenchResult *result = g_new0 (BenchResult, 1);
      g_ptr_array_add (results, result);
      if (!measure_matmul (device, size, variant, options->seconds, peak, result, &fits, error))
        return FALSE;
      if (!fits)
        g_ptr_array_set_size (results, (int) results->len - 1);
      if (!fits && wanted)
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_VARIANT,
                       "The variant %s of matmul does not fit this shape or device; leave "
                       "--variant out to see those that do",
                       wanted);
          return FALSE;
        }
    }
  return TRUE;
}

/* Whether --variant names a variant of matmul; if not, the known ones are listed. */
static gboolean
variant_exists (const char *name)
{
  g_autoptr (GString) known = g_string_new (NULL);

  if (!name)
    return TRUE;
  for (const KolVariant *variant = kol_op_find ("matmul")->variants; variant->name; variant++)
    {
      if (g_str_equal (variant->name, name))
        return TRUE;
      g_string_append_printf (known, " %s", variant->name);
    }
  tool_usage (&tool_bench, "matmul has no variant \"%s\"; known:%s", name, known->str);
  return FALSE;
}

/* ── The lecture's network ── */

/*
 * Multiplications and additions of one training step on one 28x28 picture: the
 * forward pass, then as much again for the gradient to the weights and for the
 * gradient to the inputs, which the first layer does not need.
 */
static double
digits_flops (void)
{
  double conv1 = 2.0 * 28 * 28 * 32 * 25, conv2 = 2.0 * 14 * 14 * 64 * 32 * 25;
  double full = 2.0 * 3136 * 1024, classes = 2.0 * 1024 * 10;

  return 2 * conv1 + 3 * (conv2 + full + classes);
}

static gboolean
bench_digits (KolDevice *device, const BenchOptions *options, BenchPeak *peak, GPtrArray *results,
              GError **error)
{
  const KolDataset like
      = { .count = DIGITS_BATCH, .channels = 1, .height = 28, .width = 28, .classes = 10 };
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  float labels[DIGITS_BATCH];
  KolNetworkValues network;
  g_autoptr (KolRecipe) digits = kol_recipe_find ("digits", error);

  if (!digits)
    return FALSE;
  kol_recipe_network (graph, DIGITS_BATCH, TRUE, &like, &network, digits);
  KolValue *step = kol_adam (network.loss, &(KolAdam){ .rate = 1e-4 });
  if (kol_graph_get_error (graph))
    {
      g_propagate_error (error, g_error_copy (kol_graph_get_error (graph)));
      return FALSE;
    }
  for (int i = 0; i < DIGITS_BATCH; i++)
    labels[i] = (float) (i % 10);
  fill_random (network.x, 0, 1);
  kol_set (network.y, labels);
  kol_set_scalar (network.keep, 0.5f);

  BenchResult *result = g_new0 (BenchResult, 1);
  g_ptr_array_add (results, result);
  result->work = "digits";
  result->shape = g_strdup ("50x1x28x28");
  result->variant = g_strdup ("adam");
  result->flops = DIGITS_BATCH * digits_flops ();
  return measure (step, DIGITS_GROUP, options->seconds, peak, result, error);
}

/* ── Output ── */

static char *
format_seconds (double seconds)
{
  if (seconds >= 1)
    return g_strdup_printf ("%.3f s", seconds);
  if (seconds >= 1e-3)
    return g_strdup_printf ("%.3f ms", 1e3 * seconds);
  return g_strdup_printf ("%.1f us", 1e6 * seconds);
}

static void
say_results (GPtrArray *results)
{
  tool_say ("%-8s %-16s %-16s %12s %12s %8s", "work", "shape", "variant", "median", "GFLOP/s",
            "of peak");
  for (guint i = 0; i < results->len; i++)
    {
      const BenchResult *result = g_ptr_array_index (results, i);
      double rate = result->flops / result->seconds;
      g_autofree char *seconds = format_seconds (result->seconds);
      tool_say ("%-8s %-16s %-16s %12s %12.1f %6.1f %%", result->work, result->shape,
                result->variant, seconds, rate / 1e9, 100 * rate / result->peak);
    }
}

static void
write_results (GPtrArray *results)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < results->len; i++)
    {
      const BenchResult *result = g_ptr_array_index (results, i);
      double rate = result->flops / result->seconds;
      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "work", result->work);
      tool_json_string (&json, "shape", result->shape);
      tool_json_string (&json, "variant", result->variant);
      tool_json_number (&json, "seconds", result->seconds);
      tool_json_number (&json, "gflops", rate / 1e9);
      tool_json_number (&json, "peak_share", rate / result->peak);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_print (&json);
}

/* ── The command ── */

typedef gboolean (*Work) (KolDevice *device, const BenchOptions *options, BenchPeak *peak,
                          GPtrArray *results, GError **error);

static gboolean
bench_peak (KolDevice *device, const BenchOptions *options, BenchPeak *peak, GPtrArray *results,
            GError **error)
{
  BenchResult *result = g_new0 (BenchResult, 1);

  g_ptr_array_add (results, result);
  bench_peak_describe (peak, result);
  return TRUE;
}

static gboolean
bench (Work work, const BenchOptions *options, GError **error)
{
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (result_free);

  if (!device)
    return FALSE;
  tool_status ("Measuring the peak");
  g_autoptr (BenchPeak) peak = bench_peak_new (device, error);
  if (!peak)
    return FALSE;
  tool_status ("Measuring");
  if (!work (device, options, peak, results, error))
    return FALSE;
  tool_status (NULL);
  if (options->common.json)
    write_results (results);
  say_results (results);
  return tool_save_profile (&options->common, device, error);
}

static const struct {
  const char *name;
  Work work;
} works[] = {
  { "peak", bench_peak },
  { "matmul", bench_matmul },
  { "digits", bench_digits },
};

static gboolean
find_work (const char *name, Work *work)
{
  for (guint i = 0; i < G_N_ELEMENTS (works); i++)
    if (g_str_equal (works[i].name, name))
      {
        *work = works[i].work;
        return TRUE;
      }
  tool_usage (&tool_bench, "\"%s\" cannot be measured; known: peak matmul digits", name);
  return FALSE;
}

static gboolean
check_options (const BenchOptions *options, Work work)
{
  gint64 size[3];

  if ((options->shape || options->variant) && work != bench_matmul)
    tool_usage (&tool_bench, "--shape and --variant are for `kolinsky bench matmul`");
  else if (options->shape && !parse_shape (options->shape, size))
    tool_usage (&tool_bench,
                "--shape is \"%s\"; give rows, columns and depth, such as 512x256x1024",
                options->shape);
  else if (!(options->seconds > 0 && options->seconds <= 3600))
    tool_usage (&tool_bench, "--seconds must be more than 0 and at most 3600");
  else
    return variant_exists (options->variant);
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (BenchOptions) options = { .seconds = 2 };
  g_autoptr (GError) error = NULL;
  Work work = NULL;
  const GOptionEntry entries[] = {
    { "shape", 0, 0, G_OPTION_ARG_STRING, &options.shape,
      "Of matmul: rows, columns, depth (1024x1024x1024)", "MxNxK" },
    { "variant", 0, 0, G_OPTION_ARG_STRING, &options.variant,
      "Of matmul: measure this variant (all that fit)", "NAME" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds, "Time for each measurement (2)",
      "S" },
    { NULL },
  };

  if (!tool_parse (&tool_bench, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                   &options.common, 1, &argc, &argv)
      || !find_work (argv[1], &work) || !check_options (&options, work))
    return TOOL_USAGE;
  return bench (work, &options, &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_bench = {
  .name = "bench",
  .parameters = "peak|matmul|digits",
  .summary = "Measure a device: its peak, matrix products, a training step",
  .description
  = "  peak       multiplications and additions in registers: the most that the device can do\n"
    "  matmul     a matrix product [M, K] x [K, N], by each variant that fits\n"
    "  digits     a training step of the lecture's network: 50 pictures, Adam\n\n"
    "Times are medians; GFLOP/s count a multiplication and an addition as two.",
  .run = run_command,
};
