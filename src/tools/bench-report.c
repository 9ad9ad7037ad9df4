/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "bench-private.h"
#include "tool-private.h"

#include <math.h>

void
bench_result_free (gpointer data)
{
  BenchResult *result = data;

  g_free (result->shape);
  g_free (result->variant);
  g_free (result);
}

BenchResult *
bench_add_result (Bench *bench, const char *work, char *shape, const char *variant)
{
  BenchResult *result = g_new0 (BenchResult, 1);

  result->work = work;
  result->shape = shape;
  result->variant = g_strdup (variant);
  g_ptr_array_add (bench->results, result);

  g_autofree char *status = g_strdup_printf ("Measuring %s %s %s", work, shape, variant);
  tool_status (status);
  return result;
}

/* ── For people ──────────────────────────────────────────────────────────────────────────────── */

static char *
format_seconds (double seconds)
{
  if (seconds >= 1)
    return g_strdup_printf ("%.3f s", seconds);
  if (seconds >= 1e-3)
    return g_strdup_printf ("%.3f ms", 1e3 * seconds);
  return g_strdup_printf ("%.1f us", 1e6 * seconds);
}

static char *
format_rate (const BenchResult *result)
{
  if (result->flops > 0)
    return g_strdup_printf ("%.1f GFLOP/s", result->flops / result->seconds / 1e9);
  return g_strdup_printf ("%.1f GB/s", (double) result->bytes / result->seconds / 1e9);
}

static double
peak_share (const BenchResult *result)
{
  return result->flops > 0 ? result->flops / result->seconds / result->peak : NAN;
}

void
bench_say_result (const Bench *bench, const BenchResult *result)
{
  g_autofree char *seconds = format_seconds (result->seconds);
  g_autofree char *rate = format_rate (result);
  g_autofree char *share
      = result->flops > 0 ? g_strdup_printf ("%.1f %%", 100 * peak_share (result)) : g_strdup ("");
  g_autofree char *bytes = tool_format_bytes (result->bytes);
  g_autofree char *peer = NULL;

  if (result->peer)
    {
      g_autofree char *time = format_seconds (result->peer_seconds);
      g_autofree char *memory = tool_format_bytes (result->peer_bytes);
      peer = g_strdup_printf (" %11s %10s %6.2f", time, memory,
                              result->peer_seconds / result->seconds);
    }
  tool_status (NULL);
  if (result == g_ptr_array_index (bench->results, 0))
    tool_say ("%-9s %-15s %-28s %11s %15s %8s %10s%s%s%s", "work", "shape", "variant", "median",
              "rate", "of peak", "bytes", bench->peer ? "  by " : "",
              bench->peer ? bench->peer : "", bench->peer ? ": median, bytes, ratio" : "");
  tool_say ("%-9s %-15s %-28s %11s %15s %8s %10s%s", result->work, result->shape, result->variant,
            seconds, rate, share, bytes, peer ? peer : "");
}

/* ── For programs ────────────────────────────────────────────────────────────────────────────── */

static void
write_result (ToolJson *json, const BenchResult *result)
{
  tool_json_open (json, NULL, '{');
  tool_json_string (json, "work", result->work);
  tool_json_string (json, "shape", result->shape);
  tool_json_string (json, "variant", result->variant);
  tool_json_number (json, "seconds", result->seconds);
  tool_json_number (json, "gflops",
                    result->flops > 0 ? result->flops / result->seconds / 1e9 : NAN);
  tool_json_number (json, "peak_share", peak_share (result));
  tool_json_integer (json, "bytes", result->bytes);
  if (result->peer)
    {
      tool_json_string (json, "peer", result->peer);
      tool_json_number (json, "peer_seconds", result->peer_seconds);
      tool_json_integer (json, "peer_bytes", result->peer_bytes);
      tool_json_number (json, "ratio", result->peer_seconds / result->seconds);
    }
  tool_json_close (json);
}

void
bench_write_json (const Bench *bench)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < bench->results->len; i++)
    write_result (&json, g_ptr_array_index (bench->results, i));
  tool_json_close (&json);
  tool_json_print (&json);
}
