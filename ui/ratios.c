/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* How far the updates of a run's parameters go. */

#include "ratios.h"

#include "chart/palette.h"

/* Of one parameter. */
typedef struct {
  guint parameter;
  char *name;
  KxSeries *series;
} Ratio;

struct _KxRatios {
  GPtrArray *chosen; /* of Ratio */
};

static void
ratio_free (gpointer data)
{
  Ratio *ratio = data;

  g_free (ratio->name);
  kx_series_unref (ratio->series);
  g_free (ratio);
}

KxRatios *
kx_ratios_new (void)
{
  KxRatios *self = g_new0 (KxRatios, 1);

  self->chosen = g_ptr_array_new_with_free_func (ratio_free);
  return self;
}

void
kx_ratios_free (KxRatios *self)
{
  g_ptr_array_unref (self->chosen);
  g_free (self);
}

/* Biases and the like are few numbers, whose ratio says little. */
static gboolean
is_weight (const char *name)
{
  return !g_str_has_prefix (name, "b_") && !g_str_has_suffix (name, "/b")
         && !g_str_has_suffix (name, "bias") && !g_str_has_suffix (name, "beta")
         && !g_str_has_suffix (name, "gamma");
}

/**
 * kx_ratios_choose:
 * @ratios: ratios, of which none is chosen yet
 * @names: (array zero-terminated): of all parameters
 *
 * The layers of large networks are too many to tell apart, and to keep the numbers of every step
 * of: the first, the last, and some between are chosen.
 */
void
kx_ratios_choose (KxRatios *self, char *const *names)
{
  g_autoptr (GArray) weights = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; names[i]; i++)
    if (is_weight (names[i]))
      g_array_append_val (weights, i);
  guint n = MIN (weights->len, KX_PALETTE_RUNS);
  for (guint i = 0; i < n; i++)
    {
      Ratio *ratio = g_new (Ratio, 1);
      guint place = n > 1 ? i * (weights->len - 1) / (n - 1) : 0;

      ratio->parameter = g_array_index (weights, guint, place);
      ratio->name = g_strdup (names[ratio->parameter]);
      ratio->series = kx_series_new ();
      g_ptr_array_add (self->chosen, ratio);
    }
}

/**
 * kx_ratios_append:
 * @ratios: ratios
 * @steps: (array length=n): steps
 * @n: how many
 * @values: [@n, @n_values]: of all parameters
 * @n_values: parameters; 0: nothing is known of them
 */
void
kx_ratios_append (KxRatios *self, const double *steps, guint n, const float *values, guint n_values)
{
  g_autofree float *column = g_new (float, n);

  for (guint r = 0; n_values && r < self->chosen->len; r++)
    {
      const Ratio *ratio = g_ptr_array_index (self->chosen, r);

      for (guint i = 0; i < n; i++)
        column[i] = values[i * n_values + ratio->parameter];
      kx_series_append_many (ratio->series, steps, column, n);
    }
}

guint
kx_ratios_get_n (KxRatios *self)
{
  return self->chosen->len;
}

KxSeries *
kx_ratios_get_series (KxRatios *self, guint i)
{
  return ((const Ratio *) g_ptr_array_index (self->chosen, i))->series;
}

const char *
kx_ratios_get_name (KxRatios *self, guint i)
{
  return ((const Ratio *) g_ptr_array_index (self->chosen, i))->name;
}
