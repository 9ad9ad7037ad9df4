/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What the files of `kolinsky maximize` share: settings (maximize-settings.c) and contact sheets
 * (maximize-sheet.c). */

#include "tool-private.h"

G_BEGIN_DECLS

/* ── Settings ── */

#define TOOL_NO_SEED G_MININT64

/* What makes a picture; each is an option and a line of the picture's own text. 0 and NULL: unset.
 */
typedef struct {
  char *model, *layer, *units, *classes;
  gboolean all, neuron;
  char *direction, *dream, *caricature;
  double power;
  int diverse;
  double diversity;
  char *size; /* "224", "320x240" */
  int steps;
  double rate;
  gint64 seed; /* TOOL_NO_SEED: none is given, which is 0 */
  gint64 from;
  gboolean still, plain, mixed, free;
  double l1, tv, blur;
} ToolMaximizeSettings;

void tool_maximize_settings_clear (ToolMaximizeSettings *settings);
/* Takes from a picture that was made by `kolinsky maximize` what is unset. */
gboolean tool_maximize_settings_like (ToolMaximizeSettings *settings, const char *path,
                                      GError **error);
/* Key, value, ... for the PNG file of @unit: the settings, and the command that they are. Given. */
char **tool_maximize_settings_texts (const ToolMaximizeSettings *settings, const char *title,
                                     gint64 unit);

/* ── Contact sheets ── */

typedef struct {
  KolSnapshot *picture;
  char *label, *below; /* two lines; either may be NULL */
  gboolean dead;       /* then there is no picture to be seen */
  GPtrArray *parts;    /* KolSnapshot: of photos, in a row beside it; or NULL */
} ToolSheetCell;

void tool_sheet_cell_free (gpointer cell);
/* Whether so many pictures, each with @parts beside it, are not too large for one. */
gboolean tool_sheet_check (gsize width, gsize height, guint n, guint parts, GError **error);
/* A picture of pictures with labels; texts as in kol_png_encode(). */
gboolean tool_sheet_save (const char *path, const char *title, GPtrArray *cells,
                          const char *const *texts, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ToolMaximizeSettings, tool_maximize_settings_clear)

G_END_DECLS
