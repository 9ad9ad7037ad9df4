/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "listing-private.h"

#include <string.h>

/* ── Folders ─────────────────────────────────────────────────────────────────────────────────── */

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

/* Whether there is a folder in the folder. */
gboolean
kol_listing_is_folder (const char *path)
{
  g_autoptr (GPtrArray) names = list_folder (path);

  for (guint i = 0; i < names->len; i++)
    if (is_folder (path, g_ptr_array_index (names, i)))
      return TRUE;
  return FALSE;
}

char *
kol_listing_part (const char *path, const char *part)
{
  static const char *const folders[][2] = { { "train", "train" },
                                            { "validation", "val" },
                                            { "validation", "validation" },
                                            { "test", "test" } };
  gboolean parts = is_folder (path, "train");

  if (!parts)
    return strcmp (part, "train") == 0 ? g_strdup (path) : NULL;
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    if (strcmp (part, folders[i][0]) == 0 && is_folder (path, folders[i][1]))
      return g_build_filename (path, folders[i][1], NULL);
  return NULL;
}

/* ── Listing ─────────────────────────────────────────────────────────────────────────────────── */

/* A listing in the making. */
typedef struct {
  KolListing *listing;
  GString *names;
  GArray *starts; /* guint32 */
  GArray *labels; /* guint32 */
} Lister;

static void
add_file (Lister *lister, const char *name, guint32 label)
{
  guint32 start = (guint32) lister->names->len;

  g_array_append_val (lister->starts, start);
  g_array_append_val (lister->labels, label);
  g_string_append_len (lister->names, name, (gssize) strlen (name) + 1);
}

/*
 * Adds the files of a class that are in @below, or in its folder itself if that is NULL. A
 * folder that is a symbolic link could lead in a circle.
 */
static gboolean
add_files (Lister *lister, const char *folder, const char *below, guint32 label)
{
  g_autofree char *path = g_build_filename (folder, below, NULL);
  g_autoptr (GPtrArray) entries = list_folder (path);

  for (guint i = 0; i < entries->len; i++)
    {
      const char *entry = g_ptr_array_index (entries, i);
      g_autofree char *name = below ? g_build_filename (below, entry, NULL) : g_strdup (entry);
      g_autofree char *file = g_build_filename (folder, name, NULL);

      if (lister->names->len + strlen (name) >= G_MAXUINT32)
        return FALSE;
      if (g_file_test (file, G_FILE_TEST_IS_REGULAR))
        add_file (lister, name, label);
      else if (g_file_test (file, G_FILE_TEST_IS_DIR) && !g_file_test (file, G_FILE_TEST_IS_SYMLINK)
               && !add_files (lister, folder, name, label))
        return FALSE;
    }
  return TRUE;
}

/* The sub-folders' names. */
static char **
name_classes (const char *root, GPtrArray *entries)
{
  g_autoptr (GStrvBuilder) classes = g_strv_builder_new ();

  for (guint i = 0; i < entries->len; i++)
    if (is_folder (root, g_ptr_array_index (entries, i)))
      {
        g_autofree char *shown = g_filename_display_name (g_ptr_array_index (entries, i));
        g_strv_builder_add (classes, shown);
      }
  return g_strv_builder_end (classes);
}

static gboolean
fail_unknown_class (const KolListing *listing, const char *shown, GError **error)
{
  g_autofree char *root = g_filename_display_name (listing->root);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
               "“%s” has a class “%s” that the training part does not have; take both from the "
               "same data set",
               root, shown);
  return FALSE;
}

static gboolean
fail_too_many (const KolListing *listing, GError **error)
{
  g_autofree char *root = g_filename_display_name (listing->root);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
               "The names of the files in “%s” have more than 4 GiB; take fewer files", root);
  return FALSE;
}

static gboolean
fail_empty (const KolListing *listing, GError **error)
{
  g_autofree char *root = g_filename_display_name (listing->root);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
               "There is no picture in “%s”; it should have a sub-folder for each class, with "
               "pictures in it",
               root);
  return FALSE;
}

/* Which of the classes has that name, and no folder yet; their number if none has. */
static guint
find_class (const KolListing *listing, const char *name)
{
  guint i = 0;

  while (i < listing->classes
         && (listing->folders[i] || strcmp (listing->class_names[i], name) != 0))
    i++;
  return i;
}

static gboolean
add_classes (Lister *lister, GPtrArray *entries, GError **error)
{
  KolListing *listing = lister->listing;

  for (guint i = 0; i < entries->len; i++)
    {
      const char *entry = g_ptr_array_index (entries, i);
      if (!is_folder (listing->root, entry))
        continue;
      g_autofree char *shown = g_filename_display_name (entry);
      guint label = find_class (listing, shown);
      if (label == listing->classes)
        return fail_unknown_class (listing, shown, error);
      g_autofree char *folder = g_build_filename (listing->root, entry, NULL);
      listing->folders[label] = g_strdup (entry);
      if (!add_files (lister, folder, NULL, label))
        return fail_too_many (listing, error);
    }
  return lister->starts->len > 0 || fail_empty (listing, error);
}

/* What a growing array has beyond what it needs is given back. */
static guint32 *
take_numbers (GArray *array)
{
  gsize count = array->len;

  return g_realloc_n (g_array_free (array, FALSE), MAX (count, 1), sizeof (guint32));
}

static void
take_lists (Lister *lister)
{
  KolListing *listing = lister->listing;

  listing->count = lister->starts->len;
  listing->names_size = lister->names->len + 1;
  listing->names = g_realloc (g_string_free (lister->names, FALSE), listing->names_size);
  listing->starts = take_numbers (lister->starts);
  listing->labels = take_numbers (lister->labels);
}

KolListing *
kol_listing_new (const char *path, const char *root, char **class_names, GError **error)
{
  g_autoptr (KolListing) listing = g_new0 (KolListing, 1);
  g_autoptr (GPtrArray) entries = list_folder (root);
  Lister lister = { .listing = listing,
                    .names = g_string_new (NULL),
                    .starts = g_array_new (FALSE, FALSE, sizeof (guint32)),
                    .labels = g_array_new (FALSE, FALSE, sizeof (guint32)) };

  listing->root = g_strdup (root);
  listing->part = strcmp (path, root) == 0 ? g_strdup ("") : g_path_get_basename (root);
  listing->class_names = class_names ? g_strdupv (class_names) : name_classes (root, entries);
  listing->classes = g_strv_length (listing->class_names);
  listing->folders = g_new0 (char *, listing->classes);
  gboolean done = add_classes (&lister, entries, error);
  take_lists (&lister);
  return done ? g_steal_pointer (&listing) : NULL;
}

KolListing *
kol_listing_copy (const KolListing *listing, gsize first, gsize count)
{
  KolListing *copy = g_new (KolListing, 1);

  *copy = *listing;
  copy->root = g_strdup (listing->root);
  copy->part = g_strdup (listing->part);
  copy->class_names = g_strdupv (listing->class_names);
  copy->folders = g_new0 (char *, listing->classes);
  for (guint i = 0; i < listing->classes; i++)
    copy->folders[i] = g_strdup (listing->folders[i]);
  copy->count = count;
  copy->names = g_memdup2 (listing->names, listing->names_size);
  copy->starts = g_memdup2 (listing->starts + first, count * sizeof (guint32));
  copy->labels = g_memdup2 (listing->labels + first, count * sizeof (guint32));
  return copy;
}

void
kol_listing_free (KolListing *listing)
{
  if (!listing)
    return;
  for (guint i = 0; i < listing->classes; i++)
    g_free (listing->folders[i]);
  g_free (listing->folders);
  g_strfreev (listing->class_names);
  g_free (listing->root);
  g_free (listing->part);
  g_free (listing->names);
  g_free (listing->starts);
  g_free (listing->labels);
  g_free (listing);
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

char *
kol_listing_path (const KolListing *listing, gsize i)
{
  return g_build_filename (listing->root, listing->folders[listing->labels[i]],
                           listing->names + listing->starts[i], NULL);
}

char *
kol_listing_show (const KolListing *listing, gsize i)
{
  g_autofree char *name = g_build_filename (listing->part, listing->folders[listing->labels[i]],
                                            listing->names + listing->starts[i], NULL);

  return g_filename_display_name (name);
}

void
kol_listing_exchange (KolListing *listing, gsize i, gsize j)
{
  guint32 start = listing->starts[i], label = listing->labels[i];

  listing->starts[i] = listing->starts[j];
  listing->starts[j] = start;
  listing->labels[i] = listing->labels[j];
  listing->labels[j] = label;
}

char *
kol_listing_digest (const KolListing *listing)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (gsize i = 0; i < listing->count; i++)
    {
      const char *folder = listing->folders[listing->labels[i]];
      const char *name = listing->names + listing->starts[i];

      g_checksum_update (sum, (const guchar *) folder, (gssize) strlen (folder) + 1);
      g_checksum_update (sum, (const guchar *) name, (gssize) strlen (name) + 1);
    }
  return g_strdup (g_checksum_get_string (sum));
}
