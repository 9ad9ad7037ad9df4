/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures as parameters. In plain pixels, neighbours know nothing of each other, and what
 * excites a unit is noise of high frequency. Natural pictures have amplitudes of 1 / f; with a
 * spectrum that is divided by f, a step moves all frequencies alike in such pictures.
 *
 * The inverse transform is two products with matrices. S is [2 H, L], the real parts above the
 * imaginary ones, L = W / 2 + 1 columns of a real picture's spectrum:
 *
 *     Y [2 H, L] = A S,  rows in the order real 0, imaginary 0, real 1, ...: as [H, 2 L]
 *     t [H, W]   = Y B
 *
 * That A has its rows so interleaved spares a transposition. Of the frequencies 0 and W / 2 the
 * imaginary parts count only as far as the transform along the columns turns them into real ones:
 * B has zeros there, which is what NumPy's and PyTorch's irfft2 do. An odd W is transformed
 * as W + 1, and its last column is left out, as in lucid.
 */

#include "canvas-private.h"

#include <math.h>

#include "../graph/graph-private.h"
#include "../nn/initializers.h"
#include "../ops.h"

#define START 0.01  /* standard deviation of the first numbers */
#define QUARTER 4   /* what the transform is divided by: lucid's number */
#define WIDEST 256  /* logits, to either side: b is looked for there */
#define HALVINGS 18 /* to 1 / 1024 of a logit */
#define FLAT 1e-6f  /* the least slope, beyond which all is black or white */

/* Columns of the spectrum of pictures so wide. */
static gint64
columns_for (gint64 width)
{
  return (width + 1) / 2 + 1;
}

static gint64
columns_of (const KolCanvasForm *form)
{
  return columns_for (form->width);
}

/* The frequency of index @i of @n, in cycles per pixel, whatever its sign. */
static double
frequency (gint64 i, gint64 n)
{
  return (double) MIN (i, n - i) / (double) n;
}

/* 1 / f for each number of a spectrum [H, L]; the lowest is that of the longer side. W is @self's.
 */
static void
fill_scale (const KolInitializer *self, const KolShape *shape, guint64 key, float *scale)
{
  gint64 h = shape->dim[0], columns = shape->dim[1], w = (gint64) self->a;
  double lowest = 1.0 / (double) MAX (h, w);

  for (gint64 i = 0; i < h; i++)
    for (gint64 k = 0; k < columns; k++)
      scale[i * columns + k]
          = (float) (1 / fmax (hypot (frequency (i, h), frequency (k, w)), lowest));
}

/* A [2 H, 2 H]: rows (m, part), columns (part, k): exp (2 pi i k m / H). */
static void
fill_rows (const KolInitializer *self, const KolShape *shape, guint64 key, float *rows)
{
  gint64 h = shape->dim[0] / 2;

  for (gint64 m = 0; m < h; m++)
    for (gint64 k = 0; k < h; k++)
      {
        double angle = 2 * G_PI * (double) (k * m % h) / (double) h;
        float *real = rows + 2 * m * 2 * h, *imaginary = real + 2 * h;

        real[k] = imaginary[h + k] = (float) cos (angle);
        imaginary[k] = (float) sin (angle);
        real[h + k] = -imaginary[k];
      }
}

/* B [2 L, W], with all factors: 1 / (H W'), the root of H W, and the quarter. H is @self's. */
static void
fill_columns (const KolInitializer *self, const KolShape *shape, guint64 key, float *values)
{
  gint64 h = (gint64) self->a, w = shape->dim[1], columns = columns_for (w);
  gint64 whole = 2 * (columns - 1);
  double factor = sqrt ((double) (h * w)) / (double) (h * whole) / QUARTER;

  for (gint64 k = 0; k < columns; k++)
    for (gint64 n = 0; n < w; n++)
      {
        gboolean single = k == 0 || k == columns - 1; /* the others stand for two frequencies */
        double angle = 2 * G_PI * (double) (k * n % whole) / (double) whole;

        values[k * w + n] = (float) ((single ? 1 : 2) * factor * cos (angle));
        values[(columns + k) * w + n] = single ? 0 : (float) (-2 * factor * sin (angle));
      }
}

/*
 * Numbers that never change, but are large: as constants, each graph would have them on the host
 * and on the device, where all graphs over a set share a state.
 */
static KolValue *
made (KolGraph *graph, const char *what, KolShape shape, KolInitializer how,
      const KolCanvasForm *form)
{
  g_autofree char *name
      = g_strdup_printf ("study/%s-%dx%d", what, (int) form->height, (int) form->width);

  return kol_state (graph, name, shape, how);
}

static KolValue *
transform (KolGraph *graph, KolValue *spectrum, const KolCanvasForm *form)
{
  gint64 n = form->n, channels = form->channels, h = form->height, w = form->width;
  gint64 columns = columns_of (form);
  KolValue *scale = made (graph, "scale", KOL_SHAPE (h, columns),
                          (KolInitializer){ fill_scale, (double) w, 0 }, form);
  KolValue *rows
      = made (graph, "rows", KOL_SHAPE (2 * h, 2 * h), (KolInitializer){ fill_rows, 0, 0 }, form);
  KolValue *across = made (graph, "columns", KOL_SHAPE (2 * columns, w),
                           (KolInitializer){ fill_columns, (double) h, 0 }, form);

  KolValue *y
      = kol_reshape (kol_multiply (spectrum, scale), KOL_SHAPE (n * channels, 2 * h, columns));
  y = kol_reshape (kol_matmul (rows, y), KOL_SHAPE (n * channels * h, 2 * columns));
  return kol_reshape (kol_matmul (y, across), KOL_SHAPE (n, channels, h, w));
}

/* From independent colours to red, green and blue: the root of their covariance in ImageNet. */
static KolValue *
correlate (KolGraph *graph, KolValue *t)
{
  static const float root[9] = { 0.26f, 0.09f, 0.02f, 0.27f, 0, -0.05f, 0.27f, -0.09f, 0.03f };
  double longest = 0;
  float normalized[9];

  for (int column = 0; column < 3; column++)
    longest = fmax (longest, sqrt (root[column] * root[column] + root[3 + column] * root[3 + column]
                                   + root[6 + column] * root[6 + column]));
  for (int i = 0; i < 9; i++)
    normalized[i] = (float) (root[i] / longest);
  return kol_conv2d (t, kol_constant_tensor (graph, KOL_SHAPE (3, 3, 1, 1), normalized), NULL,
                     &(KolConv2d){ 0 });
}

/* b, one step nearer to where the mean of sigmoid (z + b) is @level, by Newton's method. */
static KolValue *
refine (KolValue *z, KolValue *b, double level)
{
  const KolReduce over = { .n_axes = 3, .axes = { 1, 2, 3 }, .keep = TRUE };
  KolValue *pixels = kol_sigmoid (kol_add (z, b));
  KolValue *excess = kol_scale (kol_mean_over (pixels, &over), 1, (float) -level);
  KolValue *slope = kol_mean_over (kol_multiply (pixels, kol_scale (pixels, -1, 1)), &over);

  return kol_subtract (b, kol_clip (kol_divide (excess, kol_scale (slope, 1, FLAT)), -1, 1));
}

/*
 * z + b, so that the mean of its sigmoid is @level. The mean grows with b, which is thus found by
 * halving an interval. Then comes a step of Newton's, and the gradient through this alone: as b is
 * right already, its derivative by z is the solution's, -s' / sum s', of the sigmoid's slopes s'.
 */
static KolValue *
bring_to_level (KolValue *z, double level)
{
  const KolReduce over = { .n_axes = 3, .axes = { 1, 2, 3 }, .keep = TRUE };
  KolGraph *graph = z->graph;
  KolValue *fixed = kol_detach (z), *zero = kol_constant (graph, 0);
  KolValue *mean = kol_constant (graph, (float) level), *b = zero;
  double step = WIDEST / 2.0;

  for (int i = 0; i < HALVINGS; i++, step /= 2)
    {
      KolValue *found = kol_mean_over (kol_sigmoid (kol_add (fixed, b)), &over);
      KolValue *way = kol_where (kol_less (found, mean), kol_constant (graph, (float) step),
                                 kol_constant (graph, (float) -step));
      b = kol_add (b, way);
    }
  return kol_add (z, refine (z, b, level));
}

gsize
kol_canvas_count (const KolCanvasForm *form)
{
  return (gsize) (form->channels * form->height
                  * (form->plain ? form->width : 2 * columns_of (form)));
}

static KolShape
parameter_shape (const KolCanvasForm *form)
{
  return form->plain ? KOL_SHAPE (form->n, form->channels, form->height, form->width)
                     : KOL_SHAPE (form->n, form->channels, 2, form->height, columns_of (form));
}

void
kol_canvas_build (KolCanvas *self, KolGraph *graph, const KolCanvasForm *form)
{
  g_autofree char *name
      = g_strdup_printf ("study/%s-%dx%dx%dx%d", form->plain ? "pixels" : "spectrum", (int) form->n,
                         (int) form->channels, (int) form->height, (int) form->width);

  kol_graph_set_prefix (graph, "study");
  self->form = *form;
  self->parameter = kol_parameter (graph, name, parameter_shape (form), KOL_CONSTANT (0));
  self->t = form->plain ? self->parameter : transform (graph, self->parameter, form);
  KolValue *sum = form->colour && form->channels == 3 ? correlate (graph, self->t) : self->t;
  self->photo = NULL;
  if (form->photo)
    {
      self->photo = kol_placeholder (graph, "study/photo",
                                     KOL_SHAPE (1, form->channels, form->height, form->width));
      sum = kol_add (sum, self->photo);
    }
  if (form->level != 0)
    sum = bring_to_level (sum, form->level);
  self->pixels = kol_named (kol_sigmoid (sum), "study/picture");
  kol_graph_set_prefix (graph, NULL);
}

void
kol_canvas_fill (const KolCanvasForm *form, guint64 key, float *values)
{
  const KolShape shape = KOL_SHAPE ((gint64) kol_canvas_count (form));
  const KolInitializer start = KOL_NORMAL (0, START), nothing = KOL_CONSTANT (0);
  const KolInitializer *how = form->photo && form->level == 0 ? &nothing : &start;

  how->fill (how, &shape, key, values);
}

void
kol_canvas_invert (const float *pixels, gsize n, float *values)
{
  for (gsize i = 0; i < n; i++)
    {
      float p = CLAMP (pixels[i], 1 / 255.0f, 254 / 255.0f);
      values[i] = logf (p / (1 - p));
    }
}
