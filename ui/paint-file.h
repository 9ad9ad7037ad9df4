/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint.h"

G_BEGIN_DECLS

/**
 * KxPaintFile:
 * @picture: what was painted
 * @full: it, as the engine has it
 * @note: how
 * @content: (nullable): what it shows
 * @styles: (element-type KxPaintPicture): how it is painted; those that are there
 * @weights: (element-type double): how much of each
 * @masks: (element-type KxMask): where each is wanted, and what is taken of each; NULL: all
 * @missing: (nullable): names of the files that are not there any more
 *
 * A picture that was saved, and what it was made of.
 */
typedef struct {
  KxPaintPicture *picture;
  KolSnapshot *full;
  KolStyleNote *note;
  KxPaintPicture *content;
  GPtrArray *styles;
  GArray *weights;
  GPtrArray *masks[KX_N_MASKS];
  char *missing;
} KxPaintFile;

gboolean kx_paint_file_is_one (const char *path);
void kx_paint_file_open_async (const char *path, GAsyncReadyCallback done, gpointer user_data);
KxPaintFile *kx_paint_file_open_finish (GAsyncResult *result, GError **error);
void kx_paint_file_free (KxPaintFile *file);

/** kx_colours_names, kx_optimizer_names: as a file has them, in the order of the engine's kinds. */
extern const char *const kx_colours_names[], *const kx_optimizer_names[];

KolStyleNote *kx_paint_to_note (const KxPaint *paint);
void kx_paint_file_save_async (GFile *file, KolSnapshot *picture, const KolStyleNote *note,
                               GAsyncReadyCallback done, gpointer user_data);
gboolean kx_paint_file_save_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxPaintFile, kx_paint_file_free)

/** kx_network_suffixes: of the files that belong to a network that paints in one pass. */
extern const char *const kx_network_suffixes[];

char *kx_free_name (const char *folder, const char *name, const char *const *suffixes);

G_END_DECLS
