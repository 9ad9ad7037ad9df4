/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/op-private.h"

/* What matrix products and convolutions on SIMD threads share. */

G_BEGIN_DECLS

/*
 * Appends the build options for what a kernel computes behind its operation:
 * EPILOGUE_BIAS, EPILOGUE_RESIDUAL and EPILOGUE_EXPRESSION, each only where it
 * is present.
 */
static inline void
kol_epilogue_append_options (const KolEpilogue *epilogue, GString *options)
{
  if (epilogue->kinds & KOL_BIAS)
    g_string_append (options, " -D EPILOGUE_BIAS=1");
  if (epilogue->kinds & KOL_RESIDUAL)
    g_string_append (options, " -D EPILOGUE_RESIDUAL=1");
  if (epilogue->kinds & KOL_UNARY)
    g_string_append_printf (options, " -D EPILOGUE_EXPRESSION=%s", epilogue->unary_expression);
}

/*
 * The height of a register tile for @lines rows (filters) of which every tile
 * but the last is full: the one that wastes least, counting half a row per tile
 * for what all rows share. A vector unit of 16 floats has 32 registers, the
 * others have 16; two registers per row must leave room for the operands.
 */
static inline guint
kol_tile_rows (const KolDevice *device, gint64 lines)
{
  static const guint wide[] = { 1, 2, 3, 4, 6, 8, 10, 13 }, narrow[] = { 1, 2, 3, 4, 6 };
  guint width = device->info.vector_width;
  guint n = width >= 16 ? G_N_ELEMENTS (wide) : width >= 8 ? 5 : 4;
  const guint *heights = width >= 16 ? wide : narrow;
  guint best = 1;
  double least = G_MAXDOUBLE;

  for (guint i = 0; i < n; i++)
    {
      double cost = (double) ((lines + heights[i] - 1) / heights[i]) * (heights[i] + 0.5);

      if (heights[i] < 4 && lines > heights[i]) /* so low a tile leaves the multipliers idle */
        continue;
      if (cost <= least)
        {
          least = cost;
          best = heights[i];
        }
    }
  return best;
}

G_END_DECLS
