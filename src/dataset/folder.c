/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Folders of pictures: a sub-folder for each class, with the pictures in it, or in
 * folders of its own. The parts of a set may be such folders themselves: train/, and
 * test/ or val/.
 */

#include <string.h>

#include "dataset-private.h"
#include "picture-private.h"

/* ── What there is ───────────────────────────────────────────────────────────────────────────── */

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names in a folder that are not hidden, in the same order everywhere. */
static GPtrArray *
list_folder (const char *path)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    if (*name != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

static gboolean
is_folder (const char *parent, const char *name)
{
  g_autofree char *path = g_build_filename (parent, name, NULL);

  return g_file_test (path, G_FILE_TEST_IS_DIR);
}

/* The folder that holds the classes of a part, or NULL if there is no such part. */
static char *
part_folder (const char *path, const char *part)
{
  gboolean parts = is_folder (path, "train");

  if (strcmp (part, "train") == 0)
    return parts ? g_build_filename (path, "train", NULL) : g_strdup (path);
  for (guint i = 0; parts && i < 2; i++)
    {
      const char *name = i == 0 ? "test" : "val";
      if (is_folder (path, name))
        return g_build_filename (path, name, NULL);
    }
  return NULL;
}

/* A file that should be a picture. */
typedef struct {
  char *path;
  char *shown; /* its name below the part's folder */
  guint32 label;

  /* What reading it has told: */
  char *skipped; /* why it could not be read */
  gsize width;   /* its size, if that is not the one that was wanted */
  gsize height;
} File;

static void
file_free (gpointer data)
{
  File *file = data;

  g_free (file->path);
  g_free (file->shown);
  g_free (file->skipped);
  g_free (file);
}

/* Adds the files of a class; a folder that is a symbolic link could lead in a circle. */
static void
add_files (GPtrArray *files, const char *root, const char *below, guint32 label)
{
  g_autofree char *folder = g_build_filename (root, below, NULL);
  g_autoptr (GPtrArray) names = list_folder (folder);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *name = g_build_filename (below, g_ptr_array_index (names, i), NULL);
      g_autofree char *path = g_build_filename (root, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        {
          File *file = g_new0 (File, 1);
          file->path = g_steal_pointer (&path);
          file->shown = g_filename_display_name (name);
          file->label = label;
          g_ptr_array_add (files, file);
        }
      else if (g_file_test (path, G_FILE_TEST_IS_DIR)
               && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        add_files (files, root, name, label);
    }
}

/* ── Reading a set ───────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const KolDatasetOptions *options;
  char *root;
  GPtrArray *files;
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
  g_free (folder->root);
  g_clear_pointer (&folder->files, g_ptr_array_unref);
  g_clear_pointer (&folder->dataset, kol_dataset_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static gboolean
fail_unknown_class (const Folder *folder, const char *name, GError **error)
{
  g_autofree char *root = g_filename_display_name (folder->root);
  g_autofree char *shown = g_filename_display_name (name);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
               "“%s” has a class “%s” that the training part does not have; take both from the "
               "same data set",
               root, shown);
  return FALSE;
}

/* The sub-folders, or the classes of the training part. */
static char **
name_classes (const Folder *folder, GPtrArray *names)
{
  const KolDataset *like = folder->options->like;
  g_autoptr (GStrvBuilder) classes = g_strv_builder_new ();

  if (like && like->class_names)
    return g_strdupv (like->class_names);
  for (guint i = 0; i < names->len; i++)
    if (is_folder (folder->root, g_ptr_array_index (names, i)))
      {
        g_autofree char *shown = g_filename_display_name (g_ptr_array_index (names, i));
        g_strv_builder_add (classes, shown);
      }
  return g_strv_builder_end (classes);
}

/* Which of the classes has that name; their number if none has. */
static guint
find_class (char **classes, const char *name)
{
  guint i = 0;

  while (classes[i] && strcmp (classes[i], name) != 0)
    i++;
  return i;
}

static gboolean
list_files (Folder *folder, GError **error)
{
  KolDataset *dataset = folder->dataset;
  g_autoptr (GPtrArray) names = list_folder (folder->root);

  dataset->class_names = name_classes (folder, names);
  dataset->classes = g_strv_length (dataset->class_names);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      if (!is_folder (folder->root, name))
        continue;
      g_autofree char *shown = g_filename_display_name (name);
      guint label = find_class (dataset->class_names, shown);
      if (label == dataset->classes)
        return fail_unknown_class (folder, name, error);
      add_files (folder->files, folder->root, name, label);
    }
  if (folder->files->len > 0)
    return TRUE;
  g_autofree char *root = g_filename_display_name (folder->root);
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
               "There is no picture in “%s”; it should have a sub-folder for each class, with "
               "pictures in it",
               root);
  return FALSE;
}

static File *
file_at (const Folder *folder, guint i)
{
  return g_ptr_array_index (folder->files, i);
}

static gboolean
fail_all_skipped (const Folder *folder, const char *reason, GError **error)
{
  g_autofree char *root = g_filename_display_name (folder->root);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
               "None of the %u files in “%s” could be read as a picture; the first, “%s”: %s",
               folder->files->len, root, file_at (folder, 0)->shown, reason);
  return FALSE;
}

/* The size of the first picture that can be read. */
static gboolean
look_at_first (const Folder *folder, gsize *width, gsize *height, GError **error)
{
  g_autofree char *first_reason = NULL;

  for (guint i = 0; i < folder->files->len; i++)
    {
      g_autofree char *reason = NULL;
      g_autoptr (KolPicture) picture = kol_picture_try (file_at (folder, i)->path, &reason);
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
  dataset->count = folder->files->len;

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
  File *file = file_at (folder, i);
  const KolDataset *dataset = folder->dataset;
  g_autoptr (KolPicture) picture = kol_picture_try (file->path, &file->skipped);

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
      if (i >= folder->files->len)
        break;
      read_file (folder, i);
    }
  return NULL;
}

/* Reads with as many threads as there are processors; this one is one of them. */
static void
read_with_threads (Folder *folder)
{
  guint wanted = MIN (g_get_num_processors (), folder->files->len);
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
  for (guint i = 0; i < folder->files->len; i++)
    {
      const File *file = file_at (folder, i);
      if (file->width == 0)
        continue;
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                   "“%s” has %zu x %zu pixels, but the pictures before it have %zu x %zu; give a "
                   "width and a height that all pictures are to be scaled to",
                   file->shown, file->width, file->height, folder->dataset->width,
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
  for (guint i = 0; i < folder->files->len; i++)
    {
      const File *file = file_at (folder, i);
      if (file->skipped)
        {
          g_autofree char *line = g_strdup_printf ("%s: %s", file->shown, file->skipped);
          g_strv_builder_add (skipped, line);
          continue;
        }
      if (dataset->count != i)
        memcpy (dataset->pixels + dataset->count * folder->size, dataset->pixels + i * folder->size,
                folder->size);
      dataset->labels[dataset->count++] = file->label;
    }
  if (dataset->count == 0)
    return fail_all_skipped (folder, file_at (folder, 0)->skipped, error);
  if (dataset->count < folder->files->len)
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

/* ── The format ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
folder_recognizes (const char *path)
{
  g_autoptr (GPtrArray) names = list_folder (path);

  for (guint i = 0; i < names->len; i++)
    if (is_folder (path, g_ptr_array_index (names, i)))
      return TRUE;
  return FALSE;
}

static gboolean
folder_has_part (const char *path, const char *part)
{
  g_autofree char *root = part_folder (path, part);

  return root != NULL;
}

static KolDataset *
folder_open (const char *path, const char *part, const KolDatasetOptions *options, GError **error)
{
  g_auto (Folder) folder = { .options = options, .root = part_folder (path, part) };

  if (!folder.root)
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                   "“%s” has no test part; the parts of a folder of pictures are sub-folders: "
                   "train, and test or val",
                   shown);
      return NULL;
    }
  folder.files = g_ptr_array_new_with_free_func (file_free);
  folder.dataset = kol_dataset_new (path, part);
  if (!list_files (&folder, error) || !choose_size (&folder, error))
    return NULL;
  read_with_threads (&folder);
  if (!check_sizes (&folder, error) || !leave_out_skipped (&folder, error))
    return NULL;
  choose_channels (&folder);
  return g_steal_pointer (&folder.dataset);
}

const KolDatasetFormat kol_dataset_folder = {
  .recognizes = folder_recognizes,
  .has_part = folder_has_part,
  .open = folder_open,
};
