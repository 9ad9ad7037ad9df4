/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What concat.c and slice.c share: the launch of kernels/copy.cl. */

#include "ops/strips-private.h"

G_BEGIN_DECLS

#define KOL_COPY_STRIP 8192
#define KOL_COPY_ARGS (10 + 2 * (KOL_MAX_RANK - 1))

/*
 * Which elements are copied: rows of @run, to places in y at equal distances, from
 * places in x that are counted by up to seven dimensions, the innermost first.
 */
typedef struct {
  gint64 x_at, y_at;
  gint64 rows, run;
  gint64 x_step; /* between the elements of a row in x; in y they are neighbours */
  gint64 y_step; /* between rows in y */
  int n;
  struct {
    gint64 length, x_step;
  } outer[KOL_MAX_RANK];
} KolCopy;

static inline gboolean
kol_copy_launch (KolLaunch *launch, const KolCopy *copy, KolBuffer *x, KolBuffer *y, GError **error)
{
  KolStrips strips = kol_strips (launch->device, (gsize) (copy->rows * copy->run), KOL_COPY_STRIP);
  g_autofree char *options = g_strdup_printf ("-DOUTER=%d", copy->n);
  KolArg args[KOL_COPY_ARGS]
      = { KOL_BUFFER (x),         KOL_BUFFER (y),         KOL_INT (copy->x_at),
          KOL_INT (copy->y_at),   KOL_INT (copy->rows),   KOL_INT (copy->run),
          KOL_INT (copy->x_step), KOL_INT (copy->y_step), KOL_INT (strips.each) };
  guint n = 9;

  for (int i = 0; i < copy->n; i++)
    {
      args[n++] = KOL_INT (copy->outer[i].length);
      args[n++] = KOL_INT (copy->outer[i].x_step);
    }
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "copy",
                                       .kernel = "copy_rows",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

G_END_DECLS
