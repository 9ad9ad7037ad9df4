/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../graph/op-private.h"

#include <glib/gstdio.h>
#include <string.h>

/* What `kolinsky info` says of a file of weights: its arrays, of which nothing is read. */

/* "float32" -> 4, "uint8" -> 1: what its last digits say; 1 for truth values. */
static guint64
bytes_of_type (const char *type)
{
  guint64 bits = g_ascii_strtoull (type + strcspn (type, "0123456789"), NULL, 10);

  return MAX (bits / 8, 1);
}

typedef struct {
  guint64 elements, bytes;
} Sum;

static guint64
elements_of (const KolWeights *weights, guint i)
{
  return (guint64) kol_shape_count (kol_weights_get_shape (weights, i));
}

static Sum
sum_of (const KolWeights *weights)
{
  Sum sum = { 0 };

  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    {
      sum.elements += elements_of (weights, i);
      sum.bytes += elements_of (weights, i) * bytes_of_type (kol_weights_get_type (weights, i));
    }
  return sum;
}

static void
say_arrays (const KolWeights *weights)
{
  int widest = (int) strlen ("ARRAY");

  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    widest = MAX (widest, (int) g_utf8_strlen (kol_weights_get_name (weights, i), -1));
  tool_say ("\n%-*s  %-8s %-22s %12s %10s", widest, "ARRAY", "TYPE", "SHAPE", "ELEMENTS", "BYTES");
  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    {
      const char *name = kol_weights_get_name (weights, i),
                 *type = kol_weights_get_type (weights, i);
      guint64 elements = elements_of (weights, i);
      g_autofree char *bytes = tool_format_bytes (elements * bytes_of_type (type));
      int gap = widest - (int) g_utf8_strlen (name, -1);

      tool_say ("%s%*s  %-8s %-22s %12" G_GUINT64_FORMAT " %10s", name, gap, "", type,
                kol_shape_text (kol_weights_get_shape (weights, i)), elements, bytes);
    }
}

static void
write_json (const KolWeights *weights, const Sum *sum)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  tool_json_string (&json, "format", kol_weights_get_format (weights));
  tool_json_integer (&json, "elements", sum->elements);
  tool_json_integer (&json, "bytes", sum->bytes);
  tool_json_open (&json, "arrays", '[');
  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    {
      const KolShape *shape = kol_weights_get_shape (weights, i);
      const char *type = kol_weights_get_type (weights, i);

      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "name", kol_weights_get_name (weights, i));
      tool_json_string (&json, "type", type);
      tool_json_open (&json, "shape", '[');
      for (int k = 0; k < shape->rank; k++)
        tool_json_integer (&json, NULL, (guint64) shape->dim[k]);
      tool_json_close (&json);
      tool_json_integer (&json, "elements", elements_of (weights, i));
      tool_json_integer (&json, "bytes", elements_of (weights, i) * bytes_of_type (type));
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_close (&json);
  tool_json_print (&json);
}

void
tool_tell_weights (const KolWeights *weights, gboolean json)
{
  guint n = kol_weights_get_count (weights);
  Sum sum = sum_of (weights);
  g_autofree char *bytes = tool_format_bytes (sum.bytes);

  if (json)
    {
      write_json (weights, &sum);
      return;
    }
  tool_say ("%s, weights alone: which network they are of is not in the file",
            kol_weights_get_format (weights));
  say_arrays (weights);
  tool_say ("\n%u array%s, %" G_GUINT64_FORMAT " elements, %s", n, n == 1 ? "" : "s", sum.elements,
            bytes);
}
