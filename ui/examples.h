/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gdk/gdk.h>

#include "job.h"
#include "network.h"

G_BEGIN_DECLS

/** KX_MOST_EXAMPLES: how many photos are told of each unit. */
#define KX_MOST_EXAMPLES 9

/**
 * KxExample:
 * @path: of the photo; lent
 * @value: what the unit says at its largest position there
 * @box: what it sees of the photo from there, once it is fitted for the network
 */
typedef struct {
  const char *path;
  float value;
  KolPictureBox box;
} KxExample;

#define KX_TYPE_EXAMPLES (kx_examples_get_type ())
/**
 * KxExamples:
 *
 * Which of some photos excite the units of a layer most. Of the main thread; photos are looked at
 * a few at a time, on the worker's.
 *
 * Signals: `changed`: some more photos were looked at; `empty`: there are none in a folder; `job`:
 * photos are looked at, which takes a while.
 */
G_DECLARE_FINAL_TYPE (KxExamples, kx_examples, KX, EXAMPLES, GObject)

typedef void (*KxCutFunc) (GdkTexture *texture, guint place, gpointer owner);

KxExamples *kx_examples_new (void);
void kx_examples_set_folder (KxExamples *examples, const char *folder);
void kx_examples_set_layer (KxExamples *examples, KxNetwork *network, KxNetworkLayer *layer);
void kx_examples_refresh (KxExamples *examples);
void kx_examples_set_version (KxExamples *examples, guint64 version);
gboolean kx_examples_are_stale (KxExamples *examples);

guint kx_examples_get_count (KxExamples *examples, guint *done);
double kx_examples_get_best (KxExamples *examples, guint unit);
const KxExample *kx_examples_get (KxExamples *examples, guint unit, guint *n);
const float *kx_examples_get_values (KxExamples *examples, guint unit, guint *n);
void kx_examples_cut (KxExamples *examples, const KxExample *example, guint place, KxCutFunc func,
                      gpointer owner);

G_END_DECLS
