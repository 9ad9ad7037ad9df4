/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "network.h"
#include "unit-list.h"

G_BEGIN_DECLS

/** KX_DREAM_UNIT: stands for a unit where the layer is to dream of a photo. */
#define KX_DREAM_UNIT G_MAXUINT

/** KX_NO_UNIT: stands for none. */
#define KX_NO_UNIT (G_MAXUINT - 1)

/**
 * KxExciteSettings:
 * @steps: how many steps a picture takes
 * @rate: of a step
 * @seed: of its beginning
 * @still: whether it need not stand motions
 * @plain: whether pixels are moved, not their spectrum
 * @mixed: whether red, green and blue are moved, not decorrelated colours
 * @neuron: whether the position in the middle is to be excited, not all
 *
 * How pictures that excite units are made.
 */
typedef struct {
  guint steps;
  double rate;
  guint64 seed;
  gboolean still, plain, mixed, neuron;
} KxExciteSettings;

/** KX_EXCITE_USUAL: the usual settings. */
#define KX_EXCITE_USUAL ((KxExciteSettings){ .steps = 512, .rate = 0.05 })

/**
 * KxExcited:
 * @fault: (nullable): what went wrong; nothing else is told then
 * @serial: of the wishes that it answers
 * @digest: (nullable): of the layer: nothing else is told then
 * @unit: which, or %KX_DREAM_UNIT
 * @picture: its picture now
 * @blended: whether settings were changed while it was made
 * @of: steps that it is to take
 * @seconds_left: until then; NaN: not known
 *
 * News of a picture that is made. Immutable.
 */
typedef struct {
  char *fault;
  guint serial;
  char *digest;
  guint unit;
  KxNeuronPicture picture;
  gboolean blended;
  guint of;
  double seconds_left;
} KxExcited;

typedef void (*KxExcitedFunc) (const KxExcited *excited, gpointer owner);

/**
 * KxWish:
 * @unit: whose picture is wanted
 * @steps: how far it has come
 * @idle: whether it is made only while nothing else is to be done on the device, then at once to
 *   its end
 */
typedef struct {
  guint unit;
  guint steps;
  gboolean idle;
} KxWish;

/** KxExciting: makes pictures on the worker's thread, as they are wished for. Of the main thread.
 */
typedef struct _KxExciting KxExciting;

KxExciting *kx_exciting_new (KxNetwork *network, KxExcitedFunc func, gpointer owner);
void kx_exciting_free (KxExciting *exciting);
void kx_exciting_set_layer (KxExciting *exciting, guint layer, const KxExciteSettings *settings,
                            KolPicture *photo, guint serial);
void kx_exciting_wish (KxExciting *exciting, const KxWish *wishes, guint n, guint favourite,
                       guint serial);
void kx_exciting_change (KxExciting *exciting, const KxExciteSettings *settings, guint serial);
void kx_exciting_pause (KxExciting *exciting, gboolean pause);

G_END_DECLS
