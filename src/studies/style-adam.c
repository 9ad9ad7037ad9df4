/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-adam-private.h"

#include <math.h>

#include "../graph/graph-private.h"
#include "../nn/initializers.h"
#include "../ops.h"
#include "../ops/optimizer-private.h"
#include "style-problem-private.h"

enum { FIRST, SECOND, NEXT, AVERAGE, N_WRITTEN };

/* What a step writes. x itself is not: the new one is made beside it, and they are exchanged. */
static const char *const written[N_WRITTEN] = { [FIRST] = "study/style/first",
                                                [SECOND] = "study/style/second",
                                                [NEXT] = "study/style/next",
                                                [AVERAGE] = "study/style/average" };

struct _KolStyleAdam {
  KolGraph *graph;
  KolStyleAdamNumbers numbers;
  gsize n;
  KolParameter *x, *kept[N_WRITTEN];
  KolValue *rate, *correction; /* placeholders */
  KolValue *steps[N_WRITTEN];  /* one after the other, in the order of `written` */
  guint64 count, average_count;
  gboolean can_go_back;
};

void
kol_style_adam_free (KolStyleAdam *adam)
{
  if (!adam)
    return;
  g_clear_pointer (&adam->graph, kol_graph_free);
  g_free (adam);
}

static KolValue *
mix (KolValue *old, KolValue *new, double keep)
{
  return kol_add (kol_scale (old, (float) keep, 0), kol_scale (new, (float) (1 - keep), 0));
}

/*
 * m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2,
 * x <- x - rate / (1 - b1^t) m / ((v / (1 - b2^t))^(1/2) + epsilon), and its average.
 *
 * Each is a run of its own: what a run makes lies beside what it is written to, and of a large
 * picture there would be no room for four such.
 */
static void
build (KolStyleAdam *self, KolShape shape)
{
  const KolStyleAdamNumbers *numbers = &self->numbers;
  KolValue *x = kol_state (self->graph, KOL_STYLE_X, shape, KOL_CONSTANT (0.5));
  KolValue *g = kol_state (self->graph, KOL_STYLE_GRADIENT, shape, KOL_CONSTANT (0));
  KolValue *states[N_WRITTEN], *values[N_WRITTEN];

  for (guint i = 0; i < N_WRITTEN; i++)
    states[i] = kol_state (self->graph, written[i], shape, KOL_CONSTANT (0));
  self->rate = kol_placeholder (self->graph, "rate", KOL_SCALAR);
  self->correction = kol_placeholder (self->graph, "correction", KOL_SCALAR);
  values[FIRST] = mix (states[FIRST], g, numbers->beta1);
  values[SECOND] = mix (states[SECOND], kol_square (g), numbers->beta2);
  KolValue *spread = kol_scale (kol_sqrt (kol_multiply (states[SECOND], self->correction)), 1,
                                (float) numbers->epsilon);
  values[NEXT] = kol_subtract (x, kol_multiply (kol_divide (states[FIRST], spread), self->rate));
  if (numbers->clip)
    values[NEXT] = kol_clip (values[NEXT], 0, 1);
  values[AVERAGE] = mix (states[AVERAGE], states[NEXT], numbers->average);
  for (guint i = 0; i < N_WRITTEN; i++)
    self->steps[i] = kol_gather_gradients (&states[i], &values[i], 1, 1);
}

KolStyleAdam *
kol_style_adam_new (KolParameters *parameters, KolShape shape, const KolStyleAdamNumbers *numbers,
                    GError **error)
{
  g_autoptr (KolStyleAdam) self = g_new0 (KolStyleAdam, 1);

  self->graph = kol_graph_new_over (parameters);
  self->numbers = *numbers;
  self->n = (gsize) kol_shape_count (&shape);
  build (self, shape);
  const GError *mistake = kol_graph_get_error (self->graph);
  if (mistake)
    {
      g_propagate_error (error, g_error_copy (mistake));
      return NULL;
    }
  self->x = kol_parameters_find (parameters, KOL_STYLE_X);
  for (guint i = 0; i < N_WRITTEN; i++)
    self->kept[i] = kol_parameters_find (parameters, written[i]);
  return g_steal_pointer (&self);
}

gboolean
kol_style_adam_step (KolStyleAdam *adam, GError **error)
{
  const KolStyleAdamNumbers *numbers = &adam->numbers;
  double t = (double) (adam->count + 1);

  kol_set_scalar (adam->rate, (float) (numbers->rate / (1 - pow (numbers->beta1, t))));
  kol_set_scalar (adam->correction, (float) (1 / (1 - pow (numbers->beta2, t))));
  for (guint i = 0; i < N_WRITTEN; i++)
    if (!kol_run (adam->graph, adam->steps[i], error))
      return FALSE;
  if (!kol_parameter_swap (adam->x, adam->kept[NEXT], error))
    return FALSE;
  adam->count++;
  adam->average_count++;
  adam->can_go_back = TRUE;
  return TRUE;
}

static gboolean
fill_zeros (KolStyleAdam *self, guint state, GError **error)
{
  g_autofree float *zeros = g_new0 (float, self->n);

  return kol_parameter_write (self->kept[state], zeros, error);
}

gboolean
kol_style_adam_step_back (KolStyleAdam *adam, GError **error)
{
  adam->numbers.rate /= 2;
  if (adam->can_go_back && !kol_parameter_swap (adam->x, adam->kept[NEXT], error))
    return FALSE;
  adam->can_go_back = FALSE;
  adam->count = adam->average_count = 0;
  return fill_zeros (adam, FIRST, error) && fill_zeros (adam, SECOND, error)
         && fill_zeros (adam, AVERAGE, error);
}

double
kol_style_adam_get_rate (const KolStyleAdam *adam)
{
  return adam->numbers.rate;
}

void
kol_style_adam_set_rate (KolStyleAdam *adam, double rate)
{
  adam->numbers.rate = rate;
}

gboolean
kol_style_adam_write (KolStyleAdam *adam, const KolStyleMoments *moments, GError **error)
{
  adam->count = moments->first ? moments->count : 0;
  adam->average_count = moments->average ? moments->average_count : 0;
  return (!moments->first || kol_parameter_write (adam->kept[FIRST], moments->first, error))
         && (!moments->second || kol_parameter_write (adam->kept[SECOND], moments->second, error))
         && (!moments->average
             || kol_parameter_write (adam->kept[AVERAGE], moments->average, error));
}

gboolean
kol_style_adam_read (KolStyleAdam *adam, KolStyleMoments *moments, GError **error)
{
  moments->first = g_new (float, adam->n);
  moments->second = g_new (float, adam->n);
  moments->average = NULL;
  moments->count = adam->count;
  return kol_parameter_read (adam->kept[FIRST], moments->first, error)
         && kol_parameter_read (adam->kept[SECOND], moments->second, error);
}

gboolean
kol_style_adam_read_average (KolStyleAdam *adam, float *x, GError **error)
{
  double weight = 1 - pow (adam->numbers.average, (double) adam->average_count);

  if (adam->numbers.average == 0 || adam->average_count == 0)
    return kol_parameter_read (adam->x, x, error);
  if (!kol_parameter_read (adam->kept[AVERAGE], x, error))
    return FALSE;
  for (gsize i = 0; i < adam->n; i++)
    x[i] = (float) (x[i] / weight);
  return TRUE;
}
