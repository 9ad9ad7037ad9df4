/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Which layers style transfer looks at, where nobody says: those of the papers for the
 * networks that these used, and of others the first nonlinear one of each size.
 */

#include "style-layers-private.h"

#include <string.h>

#include "../device/error.h"

#define MOST 5
#define SMALLEST_SIDE 7 /* of features, at the network's usual size, that have a style */

typedef struct {
  const char *style[MOST + 1];
  const char *content;
} Known;

static const Known known[] = {
  /* VGG-16 and VGG-19, Gatys et al. 2016 */
  { { "relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1", NULL }, "relu4_2" },
  /* SqueezeNet in ONNX files with Caffe's names */
  { { "relu_conv1", "fire3/concat", "fire5/concat", "fire7/concat", NULL }, "fire4/concat" },
};

static gboolean
has_all (KolLayers *network, const Known *layers)
{
  for (guint i = 0; layers->style[i]; i++)
    if (!kol_layers_find (network, layers->style[i], NULL))
      return FALSE;
  return kol_layers_find (network, layers->content, NULL) != NULL;
}

static gboolean
is_nonlinear (const KolLayerInfo *layer)
{
  static const char *const kinds[]
      = { "relu",       "clip",  "leaky_relu", "elu",     "selu",     "silu", "gelu",
          "hard_swish", "prelu", "tanh",       "sigmoid", "softplus", NULL };

  return layer->shape.rank == 4 && g_strv_contains (kinds, layer->kind);
}

/* The first nonlinear layer of each height; the content is the last one of an eighth. */
static void
find_layers (KolLayers *network, Known *found)
{
  gint64 before = 0, usual = (gint64) kol_layers_get_picture (network)->height;
  guint n = 0;

  *found = (Known){ 0 };
  for (guint i = 0; i < kol_layers_get_count (network); i++)
    {
      const KolLayerInfo *layer = kol_layers_get (network, i);
      gint64 height = layer->shape.dim[2];

      if (!is_nonlinear (layer) || height < SMALLEST_SIDE)
        continue;
      if (height != before && n < MOST)
        found->style[n++] = g_intern_string (layer->name);
      if (height >= usual / 8 || !found->content)
        found->content = g_intern_string (layer->name);
      before = height;
    }
}

static KolStyleLayer *
make_layers (const char *const *names, guint n)
{
  KolStyleLayer *layers = g_new0 (KolStyleLayer, n);

  for (guint i = 0; i < n; i++)
    layers[i].name = names[i];
  return layers;
}

static guint
count (const Known *layers)
{
  guint n = 0;

  while (layers->style[n])
    n++;
  return n;
}

gboolean
kol_style_choose_layers (KolLayers *network, KolStyleOptions *options, KolStyleLayer **style,
                         KolStyleLayer **content, GError **error)
{
  Known layers = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (known) && !layers.content; i++)
    if (has_all (network, &known[i]))
      layers = known[i];
  if (!layers.content)
    find_layers (network, &layers);
  if (!layers.content)
    {
      g_set_error (
          error, KOL_ERROR, KOL_ERROR_DATA,
          "The network %s has no nonlinear layers of features with places; name the layers "
          "that are to be compared",
          kol_layers_get_name (network));
      return FALSE;
    }
  if (!options->style_layers)
    {
      options->n_style_layers = count (&layers);
      options->style_layers = *style = make_layers (layers.style, options->n_style_layers);
    }
  if (!options->content_layers)
    {
      options->n_content_layers = 1;
      options->content_layers = *content = make_layers (&layers.content, 1);
    }
  return TRUE;
}
