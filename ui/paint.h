/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint-picture.h"

G_BEGIN_DECLS

/**
 * KxMaskKind: what a mask of a style is painted on.
 * @KX_MASK_REGION: the content: white where the style is wanted
 * @KX_MASK_PART: the style's own picture: white what is taken of it
 */
typedef enum {
  KX_MASK_REGION,
  KX_MASK_PART,
  KX_N_MASKS,
} KxMaskKind;

/**
 * KxMask:
 * @picture: grey, of the proportions of what it was painted on
 *
 * A mask, which nothing changes. Reference-counted.
 */
typedef struct {
  gatomicrefcount references;
  KolPicture *picture;
} KxMask;

KxMask *kx_mask_new (KolPicture *picture);
KxMask *kx_mask_ref (KxMask *mask);
void kx_mask_unref (KxMask *mask);

/**
 * KxPaintStyle:
 * @picture: whose style is wanted
 * @weight: how much of it, relative to the others
 * @masks: where it is wanted, and what is taken of it; %NULL: all over, all of it
 */
typedef struct {
  KxPaintPicture *picture;
  double weight;
  KxMask *masks[KX_N_MASKS];
} KxPaintStyle;

/**
 * KxPaintLayer:
 * @name: a layer whose style is compared
 * @weight: what its loss is multiplied by, beside the style's weight
 */
typedef struct {
  char *name;
  double weight;
} KxPaintLayer;

/**
 * KxPaint:
 * @network: whose features are compared: an installed network's name, or a file
 * @content: what the picture shows
 * @styles: (element-type KxPaintStyle): at least one
 * @layers: (element-type KxPaintLayer): those whose weight is not 1
 * @content_weight: of all content losses
 * @style_weight: of all style losses
 * @size: the longer side
 * @colours: whose they are
 * @optimizer: how the picture is changed
 * @steps: at each size; of L-BFGS, evaluations
 * @rate: of Adam; 0: the usual one
 * @seed: of chance
 * @start: (nullable): what the picture is at first; %NULL: the content
 *
 * What is to be painted. Nothing changes it once it is handed on. Reference-counted.
 */
typedef struct {
  gatomicrefcount references;
  char *network;
  KxPaintPicture *content;
  GPtrArray *styles;
  GPtrArray *layers;
  double content_weight, style_weight;
  guint size;
  KolStyleColours colours;
  KolStyleOptimizer optimizer;
  guint steps;
  double rate;
  guint64 seed;
  KolSnapshot *start;
} KxPaint;

/** KX_CONTENT_WEIGHT, KX_STYLE_WEIGHT, KX_STEPS: those of kol_style_new(), where nobody says
 * otherwise. */
#define KX_CONTENT_WEIGHT 0.5
#define KX_STYLE_WEIGHT 1.0
#define KX_STEPS 500

guint kx_paint_nth_size (guint i);
KxPaint *kx_paint_new (const char *network, KxPaintPicture *content);
KxPaint *kx_paint_copy (const KxPaint *paint);
KxPaint *kx_paint_ref (KxPaint *paint);
void kx_paint_unref (KxPaint *paint);
void kx_paint_add_style (KxPaint *paint, KxPaintPicture *picture, double weight,
                         KxMask *const *masks);
void kx_paint_add_layer (KxPaint *paint, const char *name, double weight);
gboolean kx_paint_can_change (const KxPaint *paint, const KxPaint *other);
gboolean kx_paint_is_same_task (const KxPaint *paint, const KxPaint *other);
KolStyleOptions kx_paint_make_options (const KxPaint *paint, const KolPicture *start,
                                       GArray *sources, GArray *layers);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxMask, kx_mask_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxPaint, kx_paint_unref)

G_END_DECLS
