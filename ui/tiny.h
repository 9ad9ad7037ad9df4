/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device.h"

G_BEGIN_DECLS

/**
 * KxTinySetup:
 * @x: the inputs, nodes 1 and 2
 * @label: 0: the right answer is node 5; 1: node 6
 * @w1: [input, hidden]: w13 w14 w23 w24
 * @b1: b3 b4
 * @w2: [hidden, output]: w35 w36 w45 w46
 * @b2: b5 b6
 *
 * What a network of two inputs, two hidden nodes and two outputs is set to.
 */
typedef struct {
  float x[2];
  guint label;
  float w1[4], b1[2], w2[4], b2[2];
} KxTinySetup;

/**
 * KxTinyNumbers:
 * @fault: (nullable): why there are none
 * @setup: what they are of
 * @z1: of nodes 3 and 4; @y1: g of these
 * @z2: of nodes 5 and 6; @p: their softmax
 * @e: the negative log likelihood
 * @dz2: dE/dz of nodes 5 and 6, and so on, as the engine derives them
 *
 * All that the engine computes of it.
 */
typedef struct {
  char *fault;
  KxTinySetup setup;
  float z1[2], y1[2], z2[2], p[2], e;
  float dz2[2], dy1[2], dz1[2];
  float dw1[4], db1[2], dw2[4], db2[2];
} KxTinyNumbers;

typedef void (*KxTinyFunc) (const KxTinyNumbers *numbers, gpointer owner);

/** KxTiny: such a network, computed by the engine. Of the main thread. */
typedef struct _KxTiny KxTiny;

KxTiny *kx_tiny_new (KxDevice *device);
void kx_tiny_free (KxTiny *tiny);
void kx_tiny_ask (KxTiny *tiny, const KxTinySetup *setup, KxTinyFunc func, gpointer owner);
void kx_tiny_update (KxTiny *tiny, const KxTinySetup *setup, double rate, KxTinyFunc func,
                     gpointer owner);

G_END_DECLS
