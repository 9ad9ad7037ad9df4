/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../device/device.h"
#include "study.h"
#include "style.h"

G_BEGIN_DECLS

/**
 * KolFastStyleOptions:
 * @network: whose features are compared: the name of an installed network, or a file
 * @style: how the network is to paint
 * @photos: (array length=n_photos): files of pictures, to learn from
 * @n_photos: how many, at least one more than are held out
 * @held_out: so many, evenly spread over the list, are never learned from, and tell how well
 *   it does on pictures that it has not seen
 * @style_layers: (nullable) (array length=n_style_layers): %NULL: the usual ones
 * @n_style_layers: how many
 * @content_layers: (nullable) (array length=n_content_layers): %NULL: the usual one
 * @n_content_layers: how many
 * @content_weight: of all content losses; NAN: 10
 * @style_weight: of all style losses; NAN: 5
 * @variation_weight: of the difference between neighbours; NAN: 1
 * @size: the side of the squares that are cut out of the photos; 0: 256
 * @style_size: the longer side of the style; 0: as @size
 * @batch: photos a step; 0: 4, or what the network's file is made for
 * @width: channels of the first layer; 0: 32. Half is three times as fast
 * @steps: of training; 0: 2000
 * @rate: Adam's highest: it rises for the first 50 steps, or a tenth of them, and then falls
 *   along half a wave to a hundredth; 0: 1e-3
 * @seed: of the first weights and the order of the photos
 *
 * What is to be learned. Nothing is copied.
 */
typedef struct {
  const char *network;
  const KolPicture *style;
  const char *const *photos;
  guint n_photos;
  guint held_out;
  const KolStyleLayer *style_layers;
  guint n_style_layers;
  const KolStyleLayer *content_layers;
  guint n_content_layers;
  double content_weight, style_weight, variation_weight;
  guint size;
  guint style_size;
  guint batch;
  guint width;
  guint steps;
  double rate;
  guint64 seed;
} KolFastStyleOptions;

/**
 * KolFastStyle:
 *
 * A network that learns to paint in one style, in one pass. Used by one thread at a time.
 */
typedef struct _KolFastStyle KolFastStyle;

/**
 * KolFastStyleComparison:
 * @loss: the sum of the losses of what the network has painted
 * @losses: (array): that of L-BFGS, from the photo: before the first iteration, and after
 *   each
 * @iterations: how many there were; @losses has one number more
 * @painted: the network's picture
 * @slow: L-BFGS's
 *
 * A photo painted in one pass, and by optimization.
 */
typedef struct {
  double loss;
  double *losses;
  guint iterations;
  KolSnapshot *painted;
  KolSnapshot *slow;
} KolFastStyleComparison;

KOL_API void kol_fast_style_comparison_free (KolFastStyleComparison *comparison);

KOL_API KolFastStyle *kol_fast_style_new (KolDevice *device, const KolFastStyleOptions *options,
                                          GError **error);
KOL_API void kol_fast_style_free (KolFastStyle *fast);
KOL_API guint64 kol_fast_style_get_peak_bytes (const KolFastStyle *fast);
KOL_API guint kol_fast_style_get_step (const KolFastStyle *fast);
KOL_API guint kol_fast_style_get_steps (const KolFastStyle *fast);
KOL_API const KolStyleTerm *kol_fast_style_get_terms (const KolFastStyle *fast, guint *n);
KOL_API const char *kol_fast_style_take_event (KolFastStyle *fast);

KOL_API gboolean kol_fast_style_run (KolFastStyle *fast, guint until, const KolStudyWatch *watch,
                                     GError **error);
KOL_API gboolean kol_fast_style_validate (KolFastStyle *fast, double *loss, GError **error);
KOL_API guint kol_fast_style_get_n_held_out (const KolFastStyle *fast);
KOL_API const char *kol_fast_style_get_held_out (const KolFastStyle *fast, guint i);
KOL_API KolFastStyleComparison *kol_fast_style_compare (KolFastStyle *fast, const char *path,
                                                        guint iterations, GCancellable *cancellable,
                                                        GError **error);
KOL_API gboolean kol_fast_style_save (KolFastStyle *fast, const char *path, GError **error);
KOL_API gboolean kol_fast_style_resume (KolFastStyle *fast, const char *path, GError **error);
KOL_API gboolean kol_fast_style_export (KolFastStyle *fast, const char *path, GError **error);

/**
 * KolPainter:
 *
 * A network that paints in one pass, from a file. Used by one thread at a time.
 */
typedef struct _KolPainter KolPainter;

KOL_API KolPainter *kol_painter_open (KolDevice *device, const char *path, GError **error);
KOL_API gboolean kol_painter_check (const char *path, GError **error);
KOL_API void kol_painter_free (KolPainter *painter);
KOL_API guint kol_painter_get_n_styles (const KolPainter *painter);
KOL_API gboolean kol_painter_set_mix (KolPainter *painter, const float *mix, guint n,
                                      GError **error);
KOL_API void kol_painter_set_range (KolPainter *painter, float range);
KOL_API gboolean kol_painter_plan (KolPainter *painter, gsize height, gsize width, guint64 *bytes,
                                   guint *tiles, GError **error);
KOL_API void kol_painter_watch (KolPainter *painter, const KolStudyWatch *watch);
KOL_API KolSnapshot *kol_painter_paint (KolPainter *painter, const KolPicture *picture,
                                        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolFastStyleComparison, kol_fast_style_comparison_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolFastStyle, kol_fast_style_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolPainter, kol_painter_free)

G_END_DECLS
