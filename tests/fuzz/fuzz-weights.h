/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "fuzz.h"
#include "model/weights.h"

/* Deflate packs no better than this. */
#define FUZZ_BEST_RATIO 1032

/*
 * Opens a file of arrays and reads all of them. None may have more elements than the
 * file can hold.
 */
static inline void
fuzz_weights (const char *path, size_t size)
{
  GError *error = NULL;
  g_autoptr (KolWeights) weights = kol_weights_open (path, &error);

  fuzz_check (weights != NULL, error);
  for (guint i = 0; weights && i < kol_weights_get_count (weights); i++)
    {
      gint64 count = kol_shape_count (kol_weights_get_shape (weights, i));
      GError *wrong = NULL;

      g_assert_cmpint (count, <=, (gint64) size * FUZZ_BEST_RATIO);
      g_autofree float *values = g_new (float, (gsize) count + 1);
      gboolean good = kol_weights_read (weights, i, values, &wrong);
      fuzz_check (good, wrong);
      if (!good)
        break;
    }
}
