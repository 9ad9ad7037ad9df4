/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../device/device.h"
#include "study.h"

G_BEGIN_DECLS

/**
 * KolStyleMeasure:
 * @KOL_STYLE_NORMAL: features as a normal distribution: means and covariances, and
 *   Wasserstein's distance between two; losses are relative to the features' mean square
 * @KOL_STYLE_GRAM: Gram matrices, and the mean square of their difference (Gatys et al.
 *   2015), with the numbers of neural-style
 *
 * What a style is, and how far two are apart.
 */
typedef enum {
  KOL_STYLE_NORMAL,
  KOL_STYLE_GRAM,
} KolStyleMeasure;

/**
 * KolStyleOptimizer:
 * @KOL_STYLE_ADAM: Adam; colours stay 0..1, and what is shown is an average of the last
 *   pictures
 * @KOL_STYLE_LBFGS: L-BFGS with a strong-Wolfe line search
 *
 * How the picture is changed.
 */
typedef enum {
  KOL_STYLE_ADAM,
  KOL_STYLE_LBFGS,
} KolStyleOptimizer;

/**
 * KolStyleLayer:
 * @name: a layer's name, as `kolinsky info` tells them
 * @weight: what its loss is multiplied by; 0 stands for 1
 *
 * A layer whose features are compared.
 */
typedef struct {
  const char *name;
  double weight;
} KolStyleLayer;

/**
 * KolStyleSource:
 * @picture: whose style is wanted
 * @weight: how much of it, relative to the other styles of its region; 0 stands for 1
 * @region: (nullable): grey, of the proportions of the content: white where this style is
 *   wanted, black where it is not; %NULL: all over
 * @part: (nullable): grey, of the proportions of @picture: white what is taken of it, black what
 *   is not; %NULL: all of it. Its statistics, and its colours where they are matched, are weighted
 *   means over that (the "guided" Gram matrices of Gatys et al. 2017, "Controlling Perceptual
 *   Factors in Neural Style Transfer", section 4.1), with as much weight at each place of a layer
 *   as the mask has there at that size
 *
 * A style that is wanted.
 */
typedef struct {
  const KolPicture *picture;
  double weight;
  const KolPicture *region;
  const KolPicture *part;
} KolStyleSource;

/**
 * KolStyleColours:
 * @KOL_STYLE_COLOURS_STYLE: the colours are the style's
 * @KOL_STYLE_COLOURS_KEEP: the content's hues are kept, brightness alone is painted
 * @KOL_STYLE_COLOURS_MATCH: each style is given the content's mean and covariances of
 *   colour before it is looked at (Gatys et al. 2016)
 *
 * Whose colours the picture has.
 */
typedef enum {
  KOL_STYLE_COLOURS_STYLE,
  KOL_STYLE_COLOURS_KEEP,
  KOL_STYLE_COLOURS_MATCH,
} KolStyleColours;

/**
 * KolStyleStart:
 * @KOL_STYLE_START_CONTENT: the content
 * @KOL_STYLE_START_NOISE: grey noise
 * @KOL_STYLE_START_PICTURE: a picture of one's own
 *
 * What the picture is at first.
 */
typedef enum {
  KOL_STYLE_START_CONTENT,
  KOL_STYLE_START_NOISE,
  KOL_STYLE_START_PICTURE,
} KolStyleStart;

/**
 * KolStyleOptions:
 * @network: whose features are compared: the name of an installed network, or a file
 * @content: what the picture shows
 * @styles: (array length=n_styles): how it is painted
 * @n_styles: at least 1
 * @style_layers: (nullable) (array length=n_style_layers): %NULL: the usual ones
 * @n_style_layers: how many
 * @content_layers: (nullable) (array length=n_content_layers): %NULL: the usual one
 * @n_content_layers: how many
 * @measure: what a style is
 * @optimizer: how the picture is changed
 * @content_weight: of all content losses; NAN: the measure's own
 * @style_weight: of all style losses; NAN: the measure's own
 * @variation_weight: of the difference between neighbours; NAN: the measure's own
 * @size: the longer side of the picture; 0: 512
 * @smallest: the longer side at which it is painted first; from size to size it grows by
 *   the root of 2. At least @size: one size; 0: 128. Sizes at which the picture is too small for
 *   the network are left out
 * @style_scale: the longer side of the styles, relative to the picture's; 0: 1
 * @octaves: at how many sizes the picture's style is compared: as it is, at half the size, at a
 *   quarter, and so on, each with the styles at that size, and with all of @style_weight.
 *   What is larger than the layers see at once has no style in one octave. Those below @smallest
 *   or 128 pixels are left out, whichever is less; 0: 2
 * @steps: at each size; 0: 500. Twice as many at the first of several. For L-BFGS
 *   evaluations are counted
 * @rate: of Adam; 0: 0.02, of colours 0..1
 * @network_units: whether the picture is changed in the numbers that the network takes,
 *   which @rate is then of, and is not kept within 0..1; as neural-style does
 * @history: how many steps L-BFGS remembers; 0: 100, or fewer where memory is scarce
 * @colours: whose they are
 * @start: what the picture is at first
 * @start_picture: (nullable): for %KOL_STYLE_START_PICTURE
 * @seed: of the noise
 *
 * A task of style transfer. Nothing is copied.
 */
typedef struct {
  const char *network;
  const KolPicture *content;
  const KolStyleSource *styles;
  guint n_styles;
  const KolStyleLayer *style_layers;
  guint n_style_layers;
  const KolStyleLayer *content_layers;
  guint n_content_layers;
  KolStyleMeasure measure;
  KolStyleOptimizer optimizer;
  double content_weight, style_weight, variation_weight;
  guint size;
  guint smallest;
  double style_scale;
  guint octaves;
  guint steps;
  double rate;
  gboolean network_units;
  guint history;
  KolStyleColours colours;
  KolStyleStart start;
  const KolPicture *start_picture;
  guint64 seed;
} KolStyleOptions;

/**
 * KolStyleTerm:
 * @kind: "content", "style" or "variation"
 * @layer: (nullable): of which layer
 * @region: of which region's styles, from 0
 * @octave: 0: of the picture itself, 1: of the picture at half the size, and so on
 * @loss: as it was last, before any weight
 * @weight: what it is multiplied by in the sum
 *
 * A part of what is made smaller.
 */
typedef struct {
  const char *kind;
  const char *layer;
  guint region;
  guint octave;
  double loss;
  double weight;
} KolStyleTerm;

/**
 * KolStyleHappening:
 * @KOL_STYLE_NOTHING: nothing
 * @KOL_STYLE_SET_BACK: the losses were no numbers: one step back, and on with half of Adam's rate
 * @KOL_STYLE_BEGUN_ANEW: what is wanted has changed: L-BFGS has lost its history
 *
 * What has happened besides a step.
 */
typedef enum {
  KOL_STYLE_NOTHING,
  KOL_STYLE_SET_BACK,
  KOL_STYLE_BEGUN_ANEW,
} KolStyleHappening;

/**
 * KolStyleState:
 * @size: at which of the sizes it is, from 0
 * @n_sizes: how many there are
 * @width: columns of the picture at this size
 * @height: rows
 * @terms: (array length=n_terms): the losses
 * @n_terms: how many
 * @total: the sum of the losses, weighted: Adam's latest, L-BFGS's best
 * @rate: Adam's rate now
 * @happening: what has happened, told once
 * @event: (nullable): that as a sentence
 *
 * How far style transfer has come, beside what #KolStudyProgress tells.
 */
typedef struct {
  guint size;
  guint n_sizes;
  gsize width, height;
  const KolStyleTerm *terms;
  guint n_terms;
  double total;
  double rate;
  KolStyleHappening happening;
  const char *event;
} KolStyleState;

/**
 * KolStyle:
 *
 * A picture that is being painted. Used by one thread at a time.
 */
typedef struct _KolStyle KolStyle;

KOL_API KolStyle *kol_style_new (KolDevice *device, const KolStyleOptions *options, GError **error);
KOL_API void kol_style_free (KolStyle *style);
KOL_API guint64 kol_style_get_peak_bytes (const KolStyle *style);
KOL_API guint kol_style_get_tiles (const KolStyle *style);
KOL_API gsize kol_style_get_width (const KolStyle *style);
KOL_API gsize kol_style_get_height (const KolStyle *style);
KOL_API gboolean kol_style_estimate (KolStyle *style, double *seconds, GError **error);
KOL_API void kol_style_begin (KolStyle *style, const KolStudyWatch *watch);
KOL_API gboolean kol_style_advance (KolStyle *style, double seconds, gboolean *more,
                                    GError **error);
KOL_API KolSnapshot *kol_style_look (KolStyle *style, GError **error);
KOL_API gboolean kol_style_change (KolStyle *style, const KolStyleOptions *options, GError **error);
KOL_API KolSnapshot *kol_style_run (KolStyle *style, const KolStudyWatch *watch, GError **error);
KOL_API const KolStyleState *kol_style_get_state (const KolStyle *style);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolStyle, kol_style_free)

G_END_DECLS
