/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is wanted of style transfer: usual values, what is refused, and what a change comes to. */

#include "style-options-private.h"

#include <math.h>

#include "../device/error-private.h"

#define DEFAULT_SIZE 512
#define DEFAULT_OCTAVES 2
#define DEFAULT_STEPS 500
#define DEFAULT_RATE 0.02

static gboolean
is_weight (double weight)
{
  return weight >= 0 && isfinite ((float) weight);
}

gboolean
kol_style_check_options (const KolStyleOptions *options, GError **error)
{
  if (options->size > KOL_STYLE_LARGEST_SIZE || options->size < 1)
    return kol_refuse (error, "A size of %u pixels was asked for; 1 to %u are possible",
                       options->size, KOL_STYLE_LARGEST_SIZE);
  if (!is_weight (options->content_weight) || !is_weight (options->style_weight)
      || !is_weight (options->variation_weight))
    return kol_refuse (error,
                       "The weights are %g of the content, %g of the style and %g of the "
                       "variation, but each must be a number of at least 0",
                       options->content_weight, options->style_weight, options->variation_weight);
  if (options->content_weight == 0 && options->style_weight == 0)
    return kol_refuse (error, "Both content and style have the weight 0, so nothing is to be done");
  if (!(options->style_scale > 0 && options->style_scale <= 16))
    return kol_refuse (error, "The style scale is %g, but must be above 0 and up to 16",
                       options->style_scale);
  if (!(options->rate > 0 && isfinite ((float) options->rate)))
    return kol_refuse (error, "The rate is %g, but must be a number above 0", options->rate);
  for (guint i = 0; i < options->n_styles; i++)
    if (!(options->styles[i].weight >= 0 && isfinite (options->styles[i].weight)))
      return kol_refuse (error, "Style %u has the weight %g, but it must be a number of at least 0",
                         i + 1, options->styles[i].weight);
  return TRUE;
}

static double
otherwise (double given, double value)
{
  return isnan (given) ? value : given;
}

/* The weights are those of neural-style, or what looks well with relative losses. */
void
kol_style_fill_gaps (KolStyleOptions *options)
{
  gboolean gram = options->measure == KOL_STYLE_GRAM;

  options->content_weight = otherwise (options->content_weight, gram ? 5 : 0.5);
  options->style_weight = otherwise (options->style_weight, gram ? 100 : 1);
  options->variation_weight = otherwise (options->variation_weight, gram ? 0 : 0.5);
  if (!options->size)
    options->size = DEFAULT_SIZE;
  if (!options->smallest)
    options->smallest = KOL_STYLE_DEFAULT_SMALLEST;
  if (options->style_scale == 0)
    options->style_scale = 1;
  if (!options->octaves)
    options->octaves = DEFAULT_OCTAVES;
  if (!options->steps)
    options->steps = DEFAULT_STEPS;
  if (options->rate == 0)
    options->rate = DEFAULT_RATE;
}

static gboolean
are_layers_same (const KolStyleLayer *a, guint n_a, const KolStyleLayer *b, guint n_b)
{
  if (n_a != n_b || !a || !b)
    return FALSE;
  for (guint i = 0; i < n_a; i++)
    if (!g_str_equal (a[i].name, b[i].name))
      return FALSE;
  return TRUE;
}

static gboolean
are_sources_same (const KolStyleOptions *a, const KolStyleOptions *b)
{
  if (a->n_styles != b->n_styles)
    return FALSE;
  for (guint i = 0; i < a->n_styles; i++)
    if (a->styles[i].picture != b->styles[i].picture || a->styles[i].region != b->styles[i].region
        || a->styles[i].part != b->styles[i].part || a->styles[i].weight != b->styles[i].weight)
      return FALSE;
  return TRUE;
}

gboolean
kol_style_is_change_of_numbers (const KolStyleOptions *a, const KolStyleOptions *b)
{
  return are_sources_same (a, b) && a->measure == b->measure && a->optimizer == b->optimizer
         && a->colours == b->colours && a->style_scale == b->style_scale && a->octaves == b->octaves
         && (a->content_weight != 0) == (b->content_weight != 0)
         && (a->variation_weight != 0) == (b->variation_weight != 0)
         && are_layers_same (a->style_layers, a->n_style_layers, b->style_layers, b->n_style_layers)
         && are_layers_same (a->content_layers, a->n_content_layers, b->content_layers,
                             b->n_content_layers);
}
