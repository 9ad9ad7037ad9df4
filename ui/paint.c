/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is to be painted: settings that the page makes and a job works on. */

#include "paint.h"

#include <math.h>

#define SMALLEST_SIZE 128

/**
 * kx_mask_new:
 * @picture: (transfer full): grey
 *
 * Returns: (transfer full): a mask
 */
KxMask *
kx_mask_new (KolPicture *picture)
{
  KxMask *mask = g_new (KxMask, 1);

  g_atomic_ref_count_init (&mask->references);
  mask->picture = picture;
  return mask;
}

KxMask *
kx_mask_ref (KxMask *mask)
{
  g_atomic_ref_count_inc (&mask->references);
  return mask;
}

void
kx_mask_unref (KxMask *mask)
{
  if (!g_atomic_ref_count_dec (&mask->references))
    return;
  kol_picture_free (mask->picture);
  g_free (mask);
}

static void
style_free (gpointer data)
{
  KxPaintStyle *style = data;

  kx_paint_picture_unref (style->picture);
  for (guint i = 0; i < KX_N_MASKS; i++)
    g_clear_pointer (&style->masks[i], kx_mask_unref);
  g_free (style);
}

static void
layer_free (gpointer data)
{
  KxPaintLayer *layer = data;

  g_free (layer->name);
  g_free (layer);
}

/**
 * kx_paint_new:
 * @network: whose features are compared
 * @content: what the picture shows
 *
 * Returns: (transfer full): settings, the usual ones, without a style
 */
KxPaint *
kx_paint_new (const char *network, KxPaintPicture *content)
{
  KxPaint *paint = g_new0 (KxPaint, 1);

  g_atomic_ref_count_init (&paint->references);
  paint->network = g_strdup (network);
  paint->content = kx_paint_picture_ref (content);
  paint->styles = g_ptr_array_new_with_free_func (style_free);
  paint->layers = g_ptr_array_new_with_free_func (layer_free);
  paint->content_weight = KX_CONTENT_WEIGHT;
  paint->style_weight = KX_STYLE_WEIGHT;
  paint->size = 512;
  paint->steps = KX_STEPS;
  paint->seed = 1;
  return paint;
}

KxPaint *
kx_paint_ref (KxPaint *paint)
{
  g_atomic_ref_count_inc (&paint->references);
  return paint;
}

void
kx_paint_unref (KxPaint *paint)
{
  if (!g_atomic_ref_count_dec (&paint->references))
    return;
  g_free (paint->network);
  kx_paint_picture_unref (paint->content);
  g_ptr_array_unref (paint->styles);
  g_ptr_array_unref (paint->layers);
  g_clear_pointer (&paint->start, kol_snapshot_unref);
  g_free (paint);
}

/**
 * kx_paint_add_style:
 * @paint: settings that nobody else has yet
 * @picture: whose style is wanted
 * @weight: how much of it
 * @masks: (array fixed-size=2): where, and what of it; %NULL: all over, all of it
 */
void
kx_paint_add_style (KxPaint *paint, KxPaintPicture *picture, double weight, KxMask *const *masks)
{
  KxPaintStyle *style = g_new (KxPaintStyle, 1);

  *style = (KxPaintStyle){ .picture = kx_paint_picture_ref (picture), .weight = weight };
  for (guint i = 0; i < KX_N_MASKS; i++)
    style->masks[i] = masks[i] ? kx_mask_ref (masks[i]) : NULL;
  g_ptr_array_add (paint->styles, style);
}

/**
 * kx_paint_add_layer:
 * @paint: settings that nobody else has yet
 * @name: a layer whose style is compared
 * @weight: what its loss is multiplied by
 */
void
kx_paint_add_layer (KxPaint *paint, const char *name, double weight)
{
  KxPaintLayer *layer = g_new (KxPaintLayer, 1);

  *layer = (KxPaintLayer){ g_strdup (name), weight };
  g_ptr_array_add (paint->layers, layer);
}

/**
 * kx_paint_copy:
 * @paint: settings
 *
 * Returns: (transfer full): the same, that can be changed
 */
KxPaint *
kx_paint_copy (const KxPaint *paint)
{
  KxPaint *copy = kx_paint_new (paint->network, paint->content);

  for (guint i = 0; i < paint->styles->len; i++)
    {
      const KxPaintStyle *style = g_ptr_array_index (paint->styles, i);

      kx_paint_add_style (copy, style->picture, style->weight, style->masks);
    }
  for (guint i = 0; i < paint->layers->len; i++)
    {
      const KxPaintLayer *layer = g_ptr_array_index (paint->layers, i);

      kx_paint_add_layer (copy, layer->name, layer->weight);
    }
  copy->content_weight = paint->content_weight;
  copy->style_weight = paint->style_weight;
  copy->size = paint->size;
  copy->colours = paint->colours;
  copy->optimizer = paint->optimizer;
  copy->steps = paint->steps;
  copy->rate = paint->rate;
  copy->seed = paint->seed;
  copy->start = paint->start ? kol_snapshot_ref (paint->start) : NULL;
  return copy;
}

static gboolean
are_same_styles (const KxPaint *a, const KxPaint *b)
{
  if (a->styles->len != b->styles->len)
    return FALSE;
  for (guint i = 0; i < a->styles->len; i++)
    {
      const KxPaintStyle *one = g_ptr_array_index (a->styles, i);
      const KxPaintStyle *other = g_ptr_array_index (b->styles, i);

      if (one->picture != other->picture
          || one->masks[KX_MASK_REGION] != other->masks[KX_MASK_REGION]
          || one->masks[KX_MASK_PART] != other->masks[KX_MASK_PART])
        return FALSE;
    }
  return TRUE;
}

/**
 * kx_paint_is_same_task:
 * @paint: settings
 * @other: others
 *
 * Returns: whether they differ in weights alone, which can be changed at the next step
 */
gboolean
kx_paint_is_same_task (const KxPaint *paint, const KxPaint *other)
{
  return g_str_equal (paint->network, other->network) && paint->content == other->content
         && paint->size == other->size && paint->steps == other->steps
         && paint->colours == other->colours && paint->optimizer == other->optimizer
         && are_same_styles (paint, other);
}

/**
 * kx_paint_can_change:
 * @paint: settings
 * @other: others
 *
 * Returns: whether a picture that is being painted can be gone on with at the next step
 */
gboolean
kx_paint_can_change (const KxPaint *paint, const KxPaint *other)
{
  return g_str_equal (paint->network, other->network) && paint->content == other->content
         && paint->size == other->size && paint->steps == other->steps;
}

static const KolPicture *
picture_of (const KxMask *mask)
{
  return mask ? mask->picture : NULL;
}

/**
 * kx_paint_make_options:
 * @paint: what is to be painted
 * @start: (nullable): what the picture is at first
 * @sources: of KolStyleSource: the place of the styles, as long as the options are used
 * @layers: of KolStyleLayer: that of the layers
 *
 * Returns: the engine's options, which point into all of these
 */
KolStyleOptions
kx_paint_make_options (const KxPaint *paint, const KolPicture *start, GArray *sources,
                       GArray *layers)
{
  g_array_set_size (sources, 0);
  g_array_set_size (layers, 0);
  for (guint i = 0; i < paint->styles->len; i++)
    {
      const KxPaintStyle *style = g_ptr_array_index (paint->styles, i);
      KolStyleSource source = { .picture = style->picture->picture,
                                .weight = MAX (style->weight, 1e-6),
                                .region = picture_of (style->masks[KX_MASK_REGION]),
                                .part = picture_of (style->masks[KX_MASK_PART]) };
      g_array_append_val (sources, source);
    }
  for (guint i = 0; i < paint->layers->len; i++)
    {
      const KxPaintLayer *layer = g_ptr_array_index (paint->layers, i);
      KolStyleLayer given = { layer->name, MAX (layer->weight, 1e-6) };
      g_array_append_val (layers, given);
    }
  return (KolStyleOptions){ .network = paint->network,
                            .content = paint->content->picture,
                            .styles = (const KolStyleSource *) (gpointer) sources->data,
                            .n_styles = sources->len,
                            .style_layers
                            = layers->len ? (const KolStyleLayer *) (gpointer) layers->data : NULL,
                            .n_style_layers = layers->len,
                            .optimizer = paint->optimizer,
                            .content_weight = paint->content_weight,
                            .style_weight = paint->style_weight,
                            .variation_weight = NAN,
                            .size = paint->size,
                            .steps = paint->steps,
                            .rate = paint->rate,
                            .colours = paint->colours,
                            .start = start ? KOL_STYLE_START_PICTURE : KOL_STYLE_START_CONTENT,
                            .start_picture = start,
                            .seed = paint->seed };
}

/**
 * kx_paint_nth_size:
 * @i: from 0
 *
 * Returns: the longer side of the sizes that are offered, in pixels: from a quarter of the usual
 *   one up by the root of 2, as painting grows
 */
guint
kx_paint_nth_size (guint i)
{
  return (guint) lround (SMALLEST_SIZE * pow (2, i / 2.0));
}
