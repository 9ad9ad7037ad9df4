/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures between the engine, which has planes, and GTK, which has rows. */

#include "paint-picture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define RESOURCE "resource://"
#define SCREEN 1280 /* a larger texture would cost time at each frame, and show little more */

/* ── Planes and rows ─────────────────────────────────────────────────────────────────────────── */

/**
 * kx_picture_fit:
 * @picture: a picture
 * @longest: what its longer side may be at most; 0: anything
 *
 * Returns: (transfer full) (nullable): the picture, smaller if it must be; %NULL: no memory
 */
KolPicture *
kx_picture_fit (const KolPicture *picture, gsize longest)
{
  gsize longer = MAX (picture->width, picture->height);
  double scale = longest && longer > longest ? (double) longest / (double) longer : 1;
  gsize width = MAX (1, (gsize) lround ((double) picture->width * scale));
  gsize height = MAX (1, (gsize) lround ((double) picture->height * scale));

  return kol_picture_resize (picture, width, height, KOL_BILINEAR, NULL);
}

/* Rows of three bytes a pixel. */
static GBytes *
rows_of (const KolPicture *picture)
{
  gsize plane = picture->width * picture->height;
  guint8 *rows = g_malloc (plane * 3);

  for (gsize c = 0; c < 3; c++)
    {
      const guint8 *from = picture->pixels + (picture->channels == 3 ? c * plane : 0);
      for (gsize i = 0; i < plane; i++)
        rows[i * 3 + c] = from[i];
    }
  return g_bytes_new_take (rows, plane * 3);
}

/**
 * kx_texture_from_picture:
 * @picture: a picture
 * @longest: what the texture's longer side may be at most; 0: anything
 *
 * Returns: (transfer full) (nullable): it, for GTK; %NULL: no memory
 */
GdkTexture *
kx_texture_from_picture (const KolPicture *picture, gsize longest)
{
  gboolean fits = !longest || MAX (picture->width, picture->height) <= longest;
  g_autoptr (KolPicture) smaller = fits ? NULL : kx_picture_fit (picture, longest);
  const KolPicture *shown = fits ? picture : smaller;

  if (!shown)
    return NULL;
  g_autoptr (GBytes) rows = rows_of (shown);
  return gdk_memory_texture_new ((int) shown->width, (int) shown->height, GDK_MEMORY_R8G8B8, rows,
                                 shown->width * 3);
}

/**
 * kx_picture_from_texture:
 * @texture: a texture; what is transparent in it becomes white
 *
 * Returns: (transfer full): its pixels
 */
KolPicture *
kx_picture_from_texture (GdkTexture *texture)
{
  gsize width = (gsize) gdk_texture_get_width (texture);
  gsize height = (gsize) gdk_texture_get_height (texture), plane = width * height;
  g_autofree guint32 *pixels = g_new (guint32, plane);
  KolPicture *picture = g_new (KolPicture, 1);

  gdk_texture_download (texture, (guchar *) pixels, width * 4);
  *picture = (KolPicture){ 3, height, width, g_malloc (3 * plane) };
  for (gsize i = 0; i < plane; i++)
    {
      guint white = 255 - (pixels[i] >> 24); /* colours are multiplied by opacity already */

      for (guint c = 0; c < 3; c++)
        picture->pixels[c * plane + i]
            = (guint8) MIN (255, ((pixels[i] >> (16 - 8 * c)) & 255) + white);
    }
  return picture;
}

/* ── Pictures ────────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_paint_picture_new:
 * @name: what people call it
 * @place: where it can be read again
 * @picture: (transfer full): its pixels
 *
 * Returns: (transfer full): the picture
 */
KxPaintPicture *
kx_paint_picture_new (const char *name, const char *place, KolPicture *picture)
{
  KxPaintPicture *self = g_new0 (KxPaintPicture, 1);

  g_atomic_ref_count_init (&self->references);
  self->name = g_strdup (name);
  self->place = g_strdup (place);
  self->picture = picture;
  self->texture = kx_texture_from_picture (picture, SCREEN);
  self->thumbnail = kx_texture_from_picture (picture, KX_THUMBNAIL);
  return self;
}

/* A file that goes with its last reader. Returns: an open descriptor; -1: there can be none. */
static int
open_nameless (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "kolinsky", NULL);
  g_autofree char *path = g_build_filename (folder, "moment-XXXXXX", NULL);

  g_mkdir_with_parents (folder, 0755);
  int file = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0)
    g_unlink (path);
  return file;
}

static gboolean
write_all (int file, const guint8 *bytes, gsize n)
{
  while (n)
    {
      gssize written = write (file, bytes, n);

      if (written < 0 && errno != EINTR)
        return FALSE;
      bytes += MAX (written, 0);
      n -= (gsize) MAX (written, 0);
    }
  return TRUE;
}

/**
 * kx_paint_picture_put_away:
 * @picture: a picture that nobody else has yet
 *
 * Moves its pixels to the disk, from where they come back as they are looked at. If the disk does
 * not take them they stay in memory. From any thread.
 */
void
kx_paint_picture_put_away (KxPaintPicture *self)
{
  KolPicture *picture = self->picture;
  gsize bytes = picture->channels * picture->width * picture->height;
  int file = self->file ? -1 : open_nameless ();

  if (file < 0)
    return;
  if (write_all (file, picture->pixels, bytes))
    self->file = g_mapped_file_new_from_fd (file, FALSE, NULL);
  close (file);
  if (!self->file)
    return;
  g_free (picture->pixels);
  picture->pixels = (guint8 *) g_mapped_file_get_contents (self->file);
}

KxPaintPicture *
kx_paint_picture_ref (KxPaintPicture *picture)
{
  g_atomic_ref_count_inc (&picture->references);
  return picture;
}

void
kx_paint_picture_unref (KxPaintPicture *picture)
{
  if (!g_atomic_ref_count_dec (&picture->references))
    return;
  g_free (picture->name);
  g_free (picture->place);
  if (picture->file)
    picture->picture->pixels = NULL; /* they are the file's */
  kol_picture_free (picture->picture);
  g_clear_pointer (&picture->file, g_mapped_file_unref);
  g_clear_object (&picture->texture);
  g_clear_object (&picture->thumbnail);
  g_free (picture);
}

static KolPicture *
load_resource (const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  g_autoptr (GdkTexture) texture = bytes ? gdk_texture_new_from_bytes (bytes, error) : NULL;

  return texture ? kx_picture_from_texture (texture) : NULL;
}

/**
 * kx_paint_picture_load:
 * @place: a path, or "resource:///..."
 * @error: return location
 *
 * From any thread; it may take a second.
 *
 * Returns: (transfer full) (nullable): the picture
 */
KxPaintPicture *
kx_paint_picture_load (const char *place, GError **error)
{
  gboolean resource = g_str_has_prefix (place, RESOURCE);
  g_autofree char *base = g_path_get_basename (place);
  g_autofree char *name = g_filename_display_name (base);
  KolPicture *picture = resource ? load_resource (place + strlen (RESOURCE), error)
                                 : kol_picture_load (place, error);

  return picture ? kx_paint_picture_new (name, place, picture) : NULL;
}

static void
load (GTask *task, gpointer source, gpointer place, GCancellable *cancellable)
{
  GError *error = NULL;
  KxPaintPicture *picture = kx_paint_picture_load (place, &error);

  if (picture)
    g_task_return_pointer (task, picture, (GDestroyNotify) kx_paint_picture_unref);
  else
    g_task_return_error (task, error);
}

/**
 * kx_paint_picture_load_async:
 * @place: a path, or "resource:///..."
 * @cancellable: (nullable): ends it
 * @done: called on this thread
 * @user_data: for @done
 *
 * As kx_paint_picture_load(), on a thread of its own.
 */
void
kx_paint_picture_load_async (const char *place, GCancellable *cancellable, GAsyncReadyCallback done,
                             gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, done, user_data);

  g_task_set_task_data (task, g_strdup (place), g_free);
  g_task_run_in_thread (task, load);
}

KxPaintPicture *
kx_paint_picture_load_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * kx_paint_picture_get_path:
 * @picture: a picture
 *
 * Returns: (transfer none) (nullable): its file; %NULL: it is one of the samples, or nowhere
 */
const char *
kx_paint_picture_get_path (const KxPaintPicture *picture)
{
  return picture->place && !g_str_has_prefix (picture->place, RESOURCE) ? picture->place : NULL;
}

/* ── Pictures that are no files ──────────────────────────────────────────────────────────────── */

/* Writes the picture into the user's data folder, under the name of what is in it. Given, or NULL.
 */
static char *
keep_file (const KolPicture *picture, GError **error)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "kolinsky", "pasted", NULL);
  gsize n = picture->channels * picture->width * picture->height, size;
  g_autoptr (GBytes) png = kol_png_encode (picture->pixels, picture->width, picture->height,
                                           picture->channels, NULL, error);
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, picture->pixels, n);
  g_autofree char *name = g_strdup_printf ("pasted-%.16s.png", sum);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  const char *bytes = png ? g_bytes_get_data (png, &size) : NULL;

  if (!bytes)
    return NULL;
  g_mkdir_with_parents (folder, 0777);
  return g_file_set_contents (path, bytes, (gssize) size, error) ? g_steal_pointer (&path) : NULL;
}

static void
keep (GTask *task, gpointer source, gpointer texture, GCancellable *cancellable)
{
  GError *error = NULL;
  KolPicture *picture = kx_picture_from_texture (texture);
  g_autofree char *path = keep_file (picture, &error);

  if (path)
    g_task_return_pointer (task, kx_paint_picture_new (_ ("Pasted picture"), path, picture),
                           (GDestroyNotify) kx_paint_picture_unref);
  else
    {
      kol_picture_free (picture);
      g_task_return_error (task, error);
    }
}

/**
 * kx_paint_picture_keep_async:
 * @texture: a picture that was pasted
 * @done: called on this thread; kx_paint_picture_load_finish() gives it the picture
 * @user_data: for @done
 *
 * Makes a picture to paint from of one that is no file: it is kept as one, so that what was
 * painted from it can be gone on with.
 */
void
kx_paint_picture_keep_async (GdkTexture *texture, GAsyncReadyCallback done, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, done, user_data);

  g_task_set_task_data (task, g_object_ref (texture), g_object_unref);
  g_task_run_in_thread (task, keep);
}

/**
 * kx_paint_picture_give_path:
 * @picture: a picture
 *
 * A sample becomes a file in the user's data folder, so that a command can name it.
 *
 * Returns: (transfer full): the picture's file; if it cannot be written, the sample's place
 */
char *
kx_paint_picture_give_path (const KxPaintPicture *picture)
{
  g_autofree char *path = g_strdup (kx_paint_picture_get_path (picture));

  if (path || !picture->place)
    return g_steal_pointer (&path);
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "kolinsky", "samples", NULL);
  g_autofree char *base = g_path_get_basename (picture->place), *there = NULL;
  g_autoptr (GBytes) bytes = g_resources_lookup_data (picture->place + strlen (RESOURCE),
                                                      G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  gsize size, size_there;
  const char *content = bytes ? g_bytes_get_data (bytes, &size) : NULL;

  path = g_build_filename (folder, base, NULL);
  if (content && g_file_get_contents (path, &there, &size_there, NULL) && size == size_there
      && memcmp (content, there, size) == 0)
    return g_steal_pointer (&path);
  g_mkdir_with_parents (folder, 0777);
  return content && g_file_set_contents (path, content, (gssize) size, NULL)
             ? g_steal_pointer (&path)
             : g_strdup (picture->place);
}
