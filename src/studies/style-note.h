/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "../export.h"

G_BEGIN_DECLS

/**
 * KolStyleNote:
 * @content: (nullable): the file of what the picture shows
 * @styles: (nullable) (array zero-terminated): files of how it is painted
 * @regions: (nullable) (array zero-terminated): files of where, or "all"; of the first styles
 * @parts: (nullable) (array zero-terminated): files of what is taken of the styles, likewise
 * @weights: (nullable): "2,1": how much of each style
 * @model: (nullable): whose features are compared
 * @measure: (nullable): "normal" or "gram"
 * @optimizer: (nullable): "adam" or "lbfgs"
 * @colours: (nullable): "style", "keep" or "match"
 * @start: (nullable): "content", "noise" or a file
 * @style_layers: (nullable): "relu1_1,relu2_1:0.5"
 * @content_layers: (nullable): likewise
 * @size: the longer side; 0: as usual, as with the numbers below
 * @smallest: the longer side at which it is painted first
 * @steps: at each size
 * @history: of L-BFGS
 * @content_weight: of all content losses; NAN: as usual, as with the next two
 * @style_weight: of all style losses
 * @variation: of the difference between neighbours
 * @style_scale: the longer side of the styles, relative to the picture's
 * @octaves: at how many sizes styles are compared
 * @rate: of Adam
 * @seed: of chance
 * @classic: whether the numbers are those of neural-style
 * @step: how many steps were done when it was saved
 * @moves: (nullable) (array zero-terminated): what was changed meanwhile, "120 style-weight 1 8":
 *   the step, the setting, what it was before and after; the settings above are the last ones
 *
 * How a picture was painted, as its file says. All is text as the command line has it.
 */
typedef struct {
  char *content;
  char **styles;
  char **regions;
  char **parts;
  char *weights;
  char *model;
  char *measure;
  char *optimizer;
  char *colours;
  char *start;
  char *style_layers;
  char *content_layers;
  int size;
  int smallest;
  int steps;
  int octaves;
  int history;
  double content_weight;
  double style_weight;
  double variation;
  double style_scale;
  double rate;
  gint64 seed;
  gboolean classic;
  int step;
  char **moves;
} KolStyleNote;

KOL_API KolStyleNote *kol_style_note_new (void);
KOL_API void kol_style_note_free (KolStyleNote *note);
KOL_API char **kol_style_note_to_texts (const KolStyleNote *note);
KOL_API KolStyleNote *kol_style_note_read (const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolStyleNote, kol_style_note_free)

G_END_DECLS
