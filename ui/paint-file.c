/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures that say how they were painted: saved, and opened to be gone on with. */

#include "paint-file.h"

#include <glib/gi18n.h>

/* ── Opening ─────────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_paint_file_is_one:
 * @path: a file
 *
 * Returns: whether it is a picture that says how it was painted
 */
gboolean
kx_paint_file_is_one (const char *path)
{
  g_autoptr (KolStyleNote) note
      = g_str_has_suffix (path, ".png") ? kol_style_note_read (path, NULL) : NULL;

  return note != NULL;
}

void
kx_paint_file_free (KxPaintFile *file)
{
  g_clear_pointer (&file->picture, kx_paint_picture_unref);
  g_clear_pointer (&file->full, kol_snapshot_unref);
  g_clear_pointer (&file->content, kx_paint_picture_unref);
  g_clear_pointer (&file->note, kol_style_note_free);
  g_clear_pointer (&file->styles, g_ptr_array_unref);
  g_clear_pointer (&file->weights, g_array_unref);
  for (guint i = 0; i < KX_N_MASKS; i++)
    g_clear_pointer (&file->masks[i], g_ptr_array_unref);
  g_free (file->missing);
  g_free (file);
}

/* A file that the picture was made of, or NULL, with its name among the missing ones. */
static KxPaintPicture *
load_part (KxPaintFile *file, const char *place)
{
  KxPaintPicture *picture = place ? kx_paint_picture_load (place, NULL) : NULL;

  if (picture || !place)
    return picture;
  g_autofree char *before = file->missing;
  g_autofree char *base = g_path_get_basename (place);
  g_autofree char *name = g_filename_display_name (base);
  file->missing = before ? g_strdup_printf ("%s, %s", before, name) : g_strdup (name);
  return NULL;
}

/* The mask of style number @i, or NULL. Given. */
static KxMask *
load_mask (char *const *paths, guint i)
{
  if (!paths || i >= g_strv_length ((char **) paths) || g_str_equal (paths[i], "all"))
    return NULL;
  g_autoptr (KolPicture) picture = kol_picture_load (paths[i], NULL);
  KolPicture *grey = picture ? kol_picture_convert (picture, 1) : NULL;
  return grey ? kx_mask_new (grey) : NULL;
}

static void
mask_free (gpointer mask)
{
  if (mask)
    kx_mask_unref (mask);
}

static void
load_styles (KxPaintFile *file)
{
  g_auto (GStrv) weights = g_strsplit (file->note->weights ? file->note->weights : "", ",", -1);
  guint n = g_strv_length (weights);

  for (guint i = 0; file->note->styles && file->note->styles[i]; i++)
    {
      KxPaintPicture *style = load_part (file, file->note->styles[i]);
      double weight = i < n ? g_ascii_strtod (weights[i], NULL) : 1;

      if (!style)
        continue;
      g_ptr_array_add (file->masks[KX_MASK_REGION], load_mask (file->note->regions, i));
      g_ptr_array_add (file->masks[KX_MASK_PART], load_mask (file->note->parts, i));
      g_ptr_array_add (file->styles, style);
      g_array_append_val (file->weights, weight);
    }
}

static KolSnapshot *
snapshot_of (const KolPicture *picture)
{
  gsize n = picture->channels * picture->height * picture->width;
  g_autofree float *pixels = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = picture->pixels[i] / 255.0f;
  return kol_snapshot_new (pixels, picture->channels, picture->height, picture->width);
}

static void
open_file (GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  g_autoptr (KxPaintFile) file = g_new0 (KxPaintFile, 1);
  GError *error = NULL;

  file->styles = g_ptr_array_new_with_free_func ((GDestroyNotify) kx_paint_picture_unref);
  file->weights = g_array_new (FALSE, FALSE, sizeof (double));
  for (guint i = 0; i < KX_N_MASKS; i++)
    file->masks[i] = g_ptr_array_new_with_free_func (mask_free);
  file->note = kol_style_note_read (path, &error);
  file->picture = file->note ? kx_paint_picture_load (path, &error) : NULL;
  if (!file->picture)
    {
      g_task_return_error (task, error);
      return;
    }
  file->full = snapshot_of (file->picture->picture);
  file->content = load_part (file, file->note->content);
  load_styles (file);
  g_task_return_pointer (task, g_steal_pointer (&file), (GDestroyNotify) kx_paint_file_free);
}

/**
 * kx_paint_file_open_async:
 * @path: a picture that says how it was painted
 * @done: called on this thread
 * @user_data: for @done
 */
void
kx_paint_file_open_async (const char *path, GAsyncReadyCallback done, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, done, user_data);

  g_task_set_task_data (task, g_strdup (path), g_free);
  g_task_run_in_thread (task, open_file);
}

KxPaintFile *
kx_paint_file_open_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ── Saving ──────────────────────────────────────────────────────────────────────────────────── */

static void
append_number (GString *text, const char *before, double number)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (text, before);
  g_string_append (text, g_ascii_formatd (digits, sizeof digits, "%.6g", number));
}

/* ── Masks ───────────────────────────────────────────────────────────────────────────────────── */

/* A mask goes into the user's data folder under the name of what is in it. Given, or NULL. */
static char *
save_mask (const KolPicture *mask)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "kolinsky", "masks", NULL);
  gsize n = mask->width * mask->height, size;
  g_autoptr (GBytes) png = kol_png_encode (mask->pixels, mask->width, mask->height, 1, NULL, NULL);
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, mask->pixels, n);
  g_autofree char *name = g_strdup_printf ("%.16s.png", sum);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  const char *bytes = png ? g_bytes_get_data (png, &size) : NULL;

  if (!bytes || g_mkdir_with_parents (folder, 0777) != 0
      || !g_file_set_contents (path, bytes, (gssize) size, NULL))
    return NULL;
  return g_steal_pointer (&path);
}

/* Files of one mask of each style, or NULL if there is none. Given. */
static char **
save_masks (const KxPaint *paint, KxMaskKind kind)
{
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();
  gboolean any = FALSE;

  for (guint i = 0; i < paint->styles->len; i++)
    {
      const KxPaintStyle *style = g_ptr_array_index (paint->styles, i);
      const KxMask *mask = style->masks[kind];
      g_autofree char *path = mask ? save_mask (mask->picture) : NULL;

      any = any || path;
      g_strv_builder_add (paths, path ? path : "all");
    }
  return any ? g_strv_builder_end (paths) : NULL;
}

const char *const kx_colours_names[] = { [KOL_STYLE_COLOURS_STYLE] = "style",
                                         [KOL_STYLE_COLOURS_KEEP] = "keep",
                                         [KOL_STYLE_COLOURS_MATCH] = "match",
                                         NULL };
const char *const kx_optimizer_names[]
    = { [KOL_STYLE_ADAM] = "adam", [KOL_STYLE_LBFGS] = "lbfgs", NULL };

/**
 * kx_paint_to_note:
 * @paint: what was painted
 *
 * Returns: (transfer full): the same, as a picture's file says it
 */
KolStyleNote *
kx_paint_to_note (const KxPaint *paint)
{
  KolStyleNote *note = kol_style_note_new ();
  g_autoptr (GStrvBuilder) styles = g_strv_builder_new ();
  g_autoptr (GString) weights = g_string_new (NULL);
  g_autoptr (GString) layers = g_string_new (NULL);

  for (guint i = 0; i < paint->styles->len; i++)
    {
      const KxPaintStyle *style = g_ptr_array_index (paint->styles, i);
      g_autofree char *path = kx_paint_picture_give_path (style->picture);

      g_strv_builder_add (styles, path);
      append_number (weights, i ? "," : "", MAX (style->weight, 1e-6));
    }
  for (guint i = 0; i < paint->layers->len; i++)
    {
      const KxPaintLayer *layer = g_ptr_array_index (paint->layers, i);

      g_string_append_printf (layers, "%s%s", i ? "," : "", layer->name);
      append_number (layers, ":", layer->weight);
    }
  note->content = kx_paint_picture_give_path (paint->content);
  note->regions = save_masks (paint, KX_MASK_REGION);
  note->parts = save_masks (paint, KX_MASK_PART);
  note->styles = g_strv_builder_end (styles);
  note->weights = g_string_free (g_steal_pointer (&weights), FALSE);
  note->style_layers = layers->len ? g_strdup (layers->str) : NULL;
  note->model = g_strdup (paint->network);
  note->colours = g_strdup (kx_colours_names[paint->colours]);
  note->optimizer = g_strdup (kx_optimizer_names[paint->optimizer]);
  note->content_weight = paint->content_weight;
  note->style_weight = paint->style_weight;
  note->size = (int) paint->size;
  note->steps = (int) paint->steps;
  note->rate = paint->rate;
  note->seed = (gint64) paint->seed;
  return note;
}

typedef struct {
  KolSnapshot *picture;
  char **texts;
  GFile *file;
} Saving;

static void
saving_free (gpointer data)
{
  Saving *saving = data;

  kol_snapshot_unref (saving->picture);
  g_strfreev (saving->texts);
  g_object_unref (saving->file);
  g_free (saving);
}

static void
write_file (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Saving *saving = data;
  GError *error = NULL;
  g_autoptr (GBytes) png
      = kol_snapshot_to_png (saving->picture, (const char *const *) saving->texts, &error);
  gsize size;
  const char *bytes = png ? g_bytes_get_data (png, &size) : NULL;

  if (bytes
      && g_file_replace_contents (saving->file, bytes, size, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                  cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * kx_paint_file_save_async:
 * @file: where it goes
 * @picture: what was painted
 * @note: how
 * @done: called on this thread
 * @user_data: for @done
 */
void
kx_paint_file_save_async (GFile *file, KolSnapshot *picture, const KolStyleNote *note,
                          GAsyncReadyCallback done, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, done, user_data);
  Saving *saving = g_new (Saving, 1);

  *saving
      = (Saving){ kol_snapshot_ref (picture), kol_style_note_to_texts (note), g_object_ref (file) };
  g_task_set_task_data (task, saving, saving_free);
  g_task_run_in_thread (task, write_file);
}

gboolean
kx_paint_file_save_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ── Names that are free ─────────────────────────────────────────────────────────────────────── */

const char *const kx_network_suffixes[] = { ".safetensors", ".onnx", ".png", "-samples", NULL };

static gboolean
is_taken (const char *folder, const char *name, const char *const *suffixes)
{
  for (; *suffixes; suffixes++)
    {
      g_autofree char *file = g_strconcat (name, *suffixes, NULL);
      g_autofree char *path = g_build_filename (folder, file, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        return TRUE;
    }
  return FALSE;
}

/**
 * kx_free_name:
 * @folder: where a file is to be made
 * @name: how it is to be called
 * @suffixes: (array zero-terminated=1): with each of which @name is to be free
 *
 * Returns: (transfer full): @name, or @name-2, @name-3 and so on, with which no file is replaced
 */
char *
kx_free_name (const char *folder, const char *name, const char *const *suffixes)
{
  char *found = g_strdup (name);

  for (guint i = 2; is_taken (folder, found, suffixes); i++)
    {
      g_free (found);
      found = g_strdup_printf ("%s-%u", name, i);
    }
  return found;
}
