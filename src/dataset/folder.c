/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Folders of pictures: a sub-folder for each class, with the pictures in it, or in
 * folders of its own. The parts of a set may be such folders themselves: train/, val/
 * and test/. All pictures are read at once, to one size, or, where it is said how they
 * are to be prepared, later, whenever one is needed.
 */

#include <string.h>

#include "dataset-private.h"
#include "listing-private.h"
#include "picture-private.h"
#include "pictures-private.h"

/* ── Reading a set ───────────────────────────────────────────────────────────────────────────── */

/* What reading a file has told. */
typedef struct {
  char *skipped; /* why it could not be read */
  gsize width;   /* its size, if that is not the one that was wanted */
  gsize height;
} File;

typedef struct {
  const KolDatasetOptions *options;
  KolListing *listing;
  File *files; /* [count of the listing] */
  KolDataset *dataset;

  gboolean scaled; /* pictures of other sizes are scaled */
  gsize size;      /* bytes of a picture as it is read */

  /* What the threads share; changed atomically. */
  guint next;   /* the file that is to be read next */
  int coloured; /* a picture with colour was seen */
  int stopped;  /* a picture has the wrong size */
} Folder;

static void
folder_clear (Folder *folder)
{
  for (gsize i = 0; folder->files && i < folder->listing->count; i++)
    g_free (folder->files[i].skipped);
  g_free (folder->files);
  g_clear_pointer (&folder->listing, kol_listing_free);
  g_clear_pointer (&folder->dataset, kol_dataset_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static gboolean
fail_all_skipped (const Folder *folder, const char *reason, GError **error)
{
  g_autofree char *root = g_filename_display_name (folder->listing->root);
  g_autofree char *first = kol_listing_show (folder->listing, 0);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
               "None of the %zu files in “%s” could be read as a picture; the first, “%s”: %s",
               folder->listing->count, root, first, reason);
  return FALSE;
}

/* The size of the first picture that can be read. */
static gboolean
look_at_first (const Folder *folder, gsize *width, gsize *height, GError **error)
{
  g_autofree char *first_reason = NULL;

  for (gsize i = 0; i < folder->listing->count; i++)
    {
      g_autofree char *path = kol_listing_path (folder->listing, i), *reason = NULL;
      g_autoptr (KolPicture) picture = kol_picture_try (path, &reason);
      if (picture)
        {
          *width = picture->width;
          *height = picture->height;
          return TRUE;
        }
      if (i == 0)
        first_reason = g_steal_pointer (&reason);
    }
  return fail_all_skipped (folder, first_reason, error);
}

/* Pictures have one channel or three, whatever is asked. */
static gboolean
check_channels (const Folder *folder, gsize channels, GError **error)
{
  if (channels == 0 || channels == 1 || channels == 3)
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
               "Pictures of %zu channels were asked of the %s; pictures are read with 1 channel, "
               "grey, or with 3, colour",
               channels, folder->dataset->name);
  return FALSE;
}

/* Decides on the size of the examples, and makes room for them. */
static gboolean
choose_size (Folder *folder, GError **error)
{
  const KolDatasetOptions *options = folder->options;
  const KolDataset *like = options->like;
  KolDataset *dataset = folder->dataset;

  dataset->channels = like ? like->channels : options->channels;
  if (!check_channels (folder, dataset->channels, error)
      || !look_at_first (folder, &dataset->width, &dataset->height, error))
    return FALSE;
  folder->scaled = like || options->width || options->height;
  if (like || options->width)
    dataset->width = like ? like->width : options->width;
  if (like || options->height)
    dataset->height = like ? like->height : options->height;
  dataset->count = folder->listing->count;

  /* Where the channels are left to the pictures, room is made for three. */
  gsize channels = dataset->channels ? dataset->channels : 3, all = 0;
  folder->size = channels * dataset->height * dataset->width;
  if (g_size_checked_mul (&all, dataset->count, folder->size))
    dataset->pixels = g_try_malloc (all);
  dataset->labels = g_new (guint32, dataset->count);
  if (dataset->pixels)
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
               "There is not enough memory for the %s, %zu pictures of %zu x %zu; scale them to a "
               "smaller size",
               dataset->name, dataset->count, dataset->width, dataset->height);
  return FALSE;
}

/* Puts a picture in its place, with the size and channels that were chosen. */
static gboolean
place_picture (Folder *folder, const KolPicture *picture, guint i)
{
  KolDataset *dataset = folder->dataset;
  gsize channels = dataset->channels ? dataset->channels : 3;
  gboolean fits = picture->width == dataset->width && picture->height == dataset->height;
  g_autoptr (KolPicture) scaled
      = fits ? NULL
             : kol_picture_resize (picture, dataset->width, dataset->height, KOL_BILINEAR, NULL);
  const KolPicture *sized = fits ? picture : scaled;
  g_autoptr (KolPicture) converted = sized ? kol_picture_convert (sized, channels) : NULL;

  if (!converted)
    return FALSE;
  memcpy (dataset->pixels + i * folder->size, converted->pixels, folder->size);
  if (picture->channels > 1)
    g_atomic_int_set (&folder->coloured, TRUE);
  return TRUE;
}

static void
read_file (Folder *folder, guint i)
{
  File *file = &folder->files[i];
  const KolDataset *dataset = folder->dataset;
  g_autofree char *path = kol_listing_path (folder->listing, i);
  g_autoptr (KolPicture) picture = kol_picture_try (path, &file->skipped);

  if (!picture)
    return;
  if (!folder->scaled && (picture->width != dataset->width || picture->height != dataset->height))
    {
      file->width = picture->width;
      file->height = picture->height;
      g_atomic_int_set (&folder->stopped, TRUE);
    }
  else if (!place_picture (folder, picture, i))
    file->skipped = g_strdup ("there is not enough memory");
}

/* Files are taken in order and each is finished, so whatever stops is the first that would. */
static gpointer
read_files (gpointer user_data)
{
  Folder *folder = user_data;

  while (!g_atomic_int_get (&folder->stopped))
    {
      guint i = (guint) g_atomic_int_add (&folder->next, 1);
      if (i >= folder->listing->count)
        break;
      read_file (folder, i);
    }
  return NULL;
}

/* Reads with as many threads as there are processors; this one is one of them. */
static void
read_with_threads (Folder *folder)
{
  guint wanted = (guint) MIN (g_get_num_processors (), folder->listing->count);
  g_autoptr (GPtrArray) threads = g_ptr_array_new ();

  for (guint i = 1; i < wanted; i++)
    {
      GThread *thread = g_thread_try_new ("kol-pictures", read_files, folder, NULL);
      if (thread)
        g_ptr_array_add (threads, thread);
    }
  read_files (folder);
  for (guint i = 0; i < threads->len; i++)
    g_thread_join (g_ptr_array_index (threads, i));
}

static gboolean
check_sizes (const Folder *folder, GError **error)
{
  for (gsize i = 0; i < folder->listing->count; i++)
    {
      const File *file = &folder->files[i];
      if (file->width == 0)
        continue;
      g_autofree char *shown = kol_listing_show (folder->listing, i);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                   "“%s” has %zu x %zu pixels, but the pictures before it have %zu x %zu; give a "
                   "width and a height that all pictures are to be scaled to",
                   shown, file->width, file->height, folder->dataset->width,
                   folder->dataset->height);
      return FALSE;
    }
  return TRUE;
}

/* Closes the gaps where pictures could not be read, and says which. */
static gboolean
leave_out_skipped (Folder *folder, GError **error)
{
  KolDataset *dataset = folder->dataset;
  g_autoptr (GStrvBuilder) skipped = g_strv_builder_new ();

  dataset->count = 0;
  for (gsize i = 0; i < folder->listing->count; i++)
    {
      const File *file = &folder->files[i];
      if (file->skipped)
        {
          g_autofree char *shown = kol_listing_show (folder->listing, i);
          g_autofree char *line = g_strdup_printf ("%s: %s", shown, file->skipped);
          g_strv_builder_add (skipped, line);
          continue;
        }
      if (dataset->count != i)
        memcpy (dataset->pixels + dataset->count * folder->size, dataset->pixels + i * folder->size,
                folder->size);
      dataset->labels[dataset->count++] = folder->listing->labels[i];
    }
  if (dataset->count == 0)
    return fail_all_skipped (folder, folder->files[0].skipped, error);
  if (dataset->count < folder->listing->count)
    dataset->skipped = g_strv_builder_end (skipped);
  return TRUE;
}

/* Now that all pictures are known: one channel if none has colour, of the three equal ones. */
static void
choose_channels (Folder *folder)
{
  KolDataset *dataset = folder->dataset;
  gsize plane = dataset->height * dataset->width;

  if (dataset->channels)
    return;
  dataset->channels = folder->coloured ? 3 : 1;
  if (folder->coloured)
    return;
  for (gsize i = 1; i < dataset->count; i++)
    memmove (dataset->pixels + i * plane, dataset->pixels + i * folder->size, plane);
  dataset->pixels = g_realloc (dataset->pixels, dataset->count * plane);
}

/* Reads all the pictures. */
static gboolean
read_all (Folder *folder, GError **error)
{
  if (!choose_size (folder, error))
    return FALSE;
  folder->files = g_new0 (File, folder->listing->count);
  read_with_threads (folder);
  if (!check_sizes (folder, error) || !leave_out_skipped (folder, error))
    return FALSE;
  choose_channels (folder);
  return TRUE;
}

/* Leaves the pictures where they are, to be read when they are needed. */
static gboolean
stream_all (Folder *folder, GError **error)
{
  const KolPreprocess *how = folder->options->picture;
  KolDataset *dataset = folder->dataset;

  dataset->count = folder->listing->count;
  dataset->labels = folder->listing->labels; /* lent */
  dataset->pictures = kol_pictures_new (g_steal_pointer (&folder->listing), how);
  dataset->picture = kol_pictures_get_how (dataset->pictures);
  dataset->channels = how->channels;
  dataset->height = how->height;
  dataset->width = how->width;
  return kol_pictures_look (dataset->pictures, error);
}

/* ── The format ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
folder_has_part (const char *path, const char *part)
{
  g_autofree char *root = kol_listing_part (path, part);

  return root != NULL;
}

static KolDataset *
folder_open (const char *path, const char *part, const KolDatasetOptions *options, GError **error)
{
  g_auto (Folder) folder = { .options = options };
  g_autofree char *root = kol_listing_part (path, part);

  if (!root)
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                   "“%s” has no %s part; the parts of a folder of pictures are sub-folders: "
                   "train, val and test",
                   shown, part);
      return NULL;
    }
  folder.listing
      = kol_listing_new (path, root, options->like ? options->like->class_names : NULL, error);
  if (!folder.listing)
    return NULL;
  folder.dataset = kol_dataset_new (path, part);
  folder.dataset->class_names = g_strdupv (folder.listing->class_names);
  folder.dataset->classes = folder.listing->classes;
  return (options->picture ? stream_all (&folder, error) : read_all (&folder, error))
             ? g_steal_pointer (&folder.dataset)
             : NULL;
}

const KolDatasetFormat kol_dataset_folder = {
  .recognizes = kol_listing_is_folder,
  .has_part = folder_has_part,
  .open = folder_open,
  .validation = TRUE,
};
