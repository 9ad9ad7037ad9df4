/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pretrained networks: those that Kolinsky knows, from data/models, and those that a
 * user added.
 *
 * What is installed lies in the user's data folder, kolinsky/models/<name>: the file,
 * as it came, and model.ini, which is written last, so that what has no model.ini is not
 * installed. Of a model that Kolinsky knows, model.ini is asked for the file alone: all
 * else comes from data/models, and gets better with it.
 */

#include "catalogue.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "../device/error.h"
#include "../lock-private.h"
#include "../words-private.h"
#include "download-private.h"
#include "entry-private.h"
#include "onnx.h"
#include "weights.h"

#define RESOURCES "/org/kolinsky/models/"
#define LABEL_RESOURCES "/org/kolinsky/labels/"
#define SUFFIX ".ini"
#define MODEL_FILE "model.ini"
#define LABELS_FILE "labels.txt"

/* ── Places ──────────────────────────────────────────────────────────────────────────────────── */

static char *
models_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "kolinsky", "models", NULL);
}

static char *
model_folder (const char *name)
{
  return g_build_filename (g_get_user_data_dir (), "kolinsky", "models", name, NULL);
}

static gboolean
make_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno),
               "The folder “%s” cannot be made: %s", path, g_strerror (errno));
  return FALSE;
}

static guint64
file_size (const char *path)
{
  GStatBuf status;

  return g_stat (path, &status) == 0 ? (guint64) status.st_size : 0;
}

/* One process at a time changes what is installed by a name. */
static KolLock *
take_lock (const char *name, GError **error)
{
  g_autofree char *folder = models_folder ();
  g_autofree char *file = g_strconcat (name, ".lock", NULL);
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autofree char *what = g_strdup_printf ("The model %s", name);

  return make_folder (folder, error) ? kol_lock_take (path, what, error) : NULL;
}

/* ── Reading entries ─────────────────────────────────────────────────────────────────────────── */

static KolModelEntry *
read_known (const char *name, GError **error)
{
  g_autofree char *path = g_strconcat (RESOURCES, name, SUFFIX, NULL);
  g_autoptr (GBytes) bytes = g_resources_lookup_data (path, 0, NULL);
  g_autoptr (GKeyFile) text = g_key_file_new ();

  if (!bytes || !g_key_file_load_from_bytes (text, bytes, G_KEY_FILE_NONE, error))
    return NULL;
  KolModelEntry *entry = kol_model_entry_read (name, g_steal_pointer (&text), path, error);
  if (entry)
    entry->known = TRUE;
  return entry;
}

/* What is installed by that name; NULL without an error if nothing is. */
static KolModelEntry *
read_installed (const char *name, GError **error)
{
  g_autofree char *folder = model_folder (name);
  g_autofree char *path = g_build_filename (folder, MODEL_FILE, NULL);
  g_autoptr (GKeyFile) text = g_key_file_new ();
  g_autoptr (KolModelEntry) entry = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  if (!g_key_file_load_from_file (text, path, G_KEY_FILE_NONE, error))
    {
      g_prefix_error (error, "“%s” is damaged: ", path);
      return NULL;
    }
  entry = kol_model_entry_read (name, g_steal_pointer (&text), path, error);
  if (!entry)
    return NULL;
  if (entry->path && file_size (entry->path) == entry->bytes)
    return g_steal_pointer (&entry);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "The file of the model %s in “%s” is not there any more, or not whole; remove the "
               "model (`kolinsky models remove %s`) and install it again",
               name, folder, name);
  return NULL;
}

/* One of both kinds; NULL without an error if there is none of that name. */
static KolModelEntry *
read_entry (const char *name, GError **error)
{
  g_autoptr (GError) mistake = NULL, damage = NULL;
  g_autoptr (KolModelEntry) known = read_known (name, &mistake);
  g_autoptr (KolModelEntry) installed = mistake ? NULL : read_installed (name, &damage);

  if (mistake)
    {
      g_propagate_error (error, g_steal_pointer (&mistake));
      return NULL;
    }
  if (!known && damage)
    {
      g_propagate_error (error, g_steal_pointer (&damage));
      return NULL;
    }
  if (!known)
    return g_steal_pointer (&installed);
  if (damage)
    known->problem = g_strdup (damage->message);
  if (installed)
    {
      known->path = g_steal_pointer (&installed->path);
      known->from = g_steal_pointer (&installed->from);
      known->bytes = installed->bytes;
    }
  return g_steal_pointer (&known);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names of all entries, sorted, each once. */
static GPtrArray *
list_names (void)
{
  g_autofree char *folder = models_folder ();
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_auto (GStrv) known = g_resources_enumerate_children (RESOURCES, 0, NULL);
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const char *name;

  for (char **file = known; file && *file; file++)
    if (g_str_has_suffix (*file, SUFFIX))
      g_hash_table_add (names, g_strndup (*file, strlen (*file) - strlen (SUFFIX)));
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, MODEL_FILE, NULL);
      if (kol_model_name_is_good (name) && g_file_test (path, G_FILE_TEST_EXISTS))
        g_hash_table_add (names, g_strdup (name));
    }
  GPtrArray *sorted = g_ptr_array_new_with_free_func (g_free);
  g_autofree gpointer *keys = g_hash_table_get_keys_as_array (names, NULL);
  g_hash_table_steal_all (names);
  for (guint i = 0; keys[i]; i++)
    g_ptr_array_add (sorted, keys[i]);
  g_ptr_array_sort (sorted, by_name);
  return sorted;
}

/**
 * kol_catalogue_list:
 * @error: return location
 *
 * Lists the models that Kolinsky knows, and those that were added, by name. One that is
 * damaged is there with its @problem.
 *
 * Returns: (transfer full) (element-type KolModelEntry): the entries, or %NULL with
 *   @error set
 */
GPtrArray *
kol_catalogue_list (GError **error)
{
  g_autoptr (GPtrArray) names = list_names ();
  g_autoptr (GPtrArray) entries
      = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_model_entry_free);

  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) mistake = NULL;
      KolModelEntry *entry = read_entry (g_ptr_array_index (names, i), &mistake);
      if (!entry && mistake)
        {
          entry = g_new0 (KolModelEntry, 1);
          entry->name = g_strdup (g_ptr_array_index (names, i));
          entry->title = g_strdup (entry->name);
          entry->problem = g_strdup (mistake->message);
        }
      if (entry)
        g_ptr_array_add (entries, entry);
    }
  return g_steal_pointer (&entries);
}

static void
fail_unknown (const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = list_names ();

  g_ptr_array_add (names, NULL);
  const char *nearest = kol_nearest_word (name, (const char *const *) names->pdata);
  g_autofree char *list = kol_list_words ((const char *const *) names->pdata);
  if (nearest)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "There is no model “%s”; did you mean %s?", name,
                 nearest);
  else
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "There is no model “%s”; known are %s", name,
                 list);
}

/**
 * kol_catalogue_find:
 * @name: a model's name
 * @error: return location
 *
 * Errors: %KOL_ERROR_DATA if there is no such model, or if one that a user added is
 * damaged.
 *
 * Returns: (transfer full): what is known of it, or %NULL with @error set
 */
KolModelEntry *
kol_catalogue_find (const char *name, GError **error)
{
  g_return_val_if_fail (name != NULL, NULL);
  g_autoptr (GError) mistake = NULL;
  KolModelEntry *entry = kol_model_name_is_good (name) ? read_entry (name, &mistake) : NULL;

  if (mistake)
    g_propagate_error (error, g_steal_pointer (&mistake));
  else if (!entry)
    fail_unknown (name, error);
  return entry;
}

/* The source of @entry that a file of that size and sum is from, or NULL. The sum is found once. */
static const KolModelSource *
match_source (const KolModelEntry *entry, const char *path, guint64 bytes, char **sum,
              GError **error)
{
  for (guint i = 0; entry->sources && i < entry->sources->len; i++)
    {
      const KolModelSource *source = g_ptr_array_index (entry->sources, i);
      if (source->bytes != bytes)
        continue;
      if (!*sum && !(*sum = kol_file_sha256 (path, NULL, error)))
        return NULL;
      if (strcmp (source->sha256, *sum) == 0)
        return source;
    }
  return NULL;
}

/* What a file is called, less what is behind the last dot, in letters that names may have. */
static char *
name_of_file (const char *path)
{
  char *name = g_path_get_basename (path), *dot = strrchr (name, '.');

  if (dot && dot != name)
    *dot = '\0';
  for (char *at = name; *at; at++)
    if (!g_ascii_isalnum (*at) && !strchr ("._+-", *at))
      *at = '-';
  if (!g_ascii_isalnum (*name))
    *name = 'x';
  return name;
}

/**
 * kol_catalogue_find_picture:
 * @network: the name of a network that kol_network_find() knows
 * @picture: (out): how pictures are prepared for it
 *
 * How pictures are prepared for a network's published weights, which is right for others,
 * too: as the catalogue says, or else as is usual for ImageNet.
 */
void
kol_catalogue_find_picture (const char *network, KolPreprocess *picture)
{
  g_return_if_fail (network != NULL && picture != NULL);
  g_autoptr (KolModelEntry) entry = kol_catalogue_find (network, NULL);

  *picture = entry && entry->has_picture ? entry->picture : KOL_PREPROCESS_IMAGENET;
}

/**
 * kol_catalogue_recognize:
 * @path: a model's file
 * @error: return location
 *
 * Finds out which model a file is: by its size and sum, it may be one that Kolinsky
 * knows; otherwise nothing is known but its name.
 *
 * Returns: (transfer full): what is known of it, with @path as its file, or %NULL with
 *   @error set if it cannot be read
 */
KolModelEntry *
kol_catalogue_recognize (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autoptr (GPtrArray) entries = kol_catalogue_list (error);
  g_autoptr (KolModelEntry) found = NULL;
  g_autofree char *sum = NULL;
  guint64 bytes = file_size (path);

  for (guint i = 0; entries && i < entries->len && !found; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      g_autoptr (GError) mistake = NULL;

      if (match_source (entry, path, bytes, &sum, &mistake))
        found = read_known (entry->name, error);
      if (mistake)
        {
          g_propagate_error (error, g_steal_pointer (&mistake));
          return NULL;
        }
    }
  if (!found)
    {
      found = g_new0 (KolModelEntry, 1);
      found->name = name_of_file (path);
      found->title = g_path_get_basename (path);
      found->text = g_key_file_new ();
    }
  g_free (found->path);
  found->path = g_strdup (path);
  found->bytes = bytes;
  return g_steal_pointer (&found);
}

/* ── Installing ──────────────────────────────────────────────────────────────────────────────── */

/* Says what is installed now; with this it is. */
static gboolean
write_installed (const KolModelEntry *entry, const char *folder, const char *file, guint64 bytes,
                 const char *from, GError **error)
{
  g_autofree char *path = g_build_filename (folder, MODEL_FILE, NULL);

  g_key_file_set_string (entry->text, "model", "title", entry->title);
  g_key_file_set_string (entry->text, "installed", "file", file);
  g_key_file_set_uint64 (entry->text, "installed", "bytes", bytes);
  g_key_file_set_string (entry->text, "installed", "from", from);
  return g_key_file_save_to_file (entry->text, path, error);
}

static void say (const KolInstall *install, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
say (const KolInstall *install, const char *format, ...)
{
  va_list arguments;

  if (!install || !install->say)
    return;
  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  install->say (sentence, install->user_data);
}

static gboolean
get_from (const KolModelEntry *entry, const KolModelSource *source, const char *folder,
          const KolInstall *install, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_build_filename (folder, source->file, NULL);

  say (install, "Getting %s from %s", entry->name, source->from);
  return kol_download (source, folder, path, install, cancellable, error)
         && write_installed (entry, folder, source->file, source->bytes, source->from, error);
}

/* Whether the next source may do better: not if the user stopped, or the disk is full. */
static gboolean
is_final (const GError *error)
{
  return error->domain == G_FILE_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static gboolean
get_from_any (const KolModelEntry *entry, const char *folder, const KolInstall *install,
              GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < entry->sources->len; i++)
    {
      const KolModelSource *source = g_ptr_array_index (entry->sources, i);
      g_autoptr (GError) mistake = NULL;

      if (get_from (entry, source, folder, install, cancellable, &mistake))
        return TRUE;
      if (is_final (mistake))
        {
          g_propagate_error (error, g_steal_pointer (&mistake));
          return FALSE;
        }
      say (install, "%s could not be had from %s: %s", entry->name, source->from, mistake->message);
    }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               "The model %s could not be had from any of its sources (%u). What has come of it is "
               "kept, and gone on with the next time; a file that you have already: `kolinsky "
               "models add FILE`",
               entry->name, entry->sources->len);
  return FALSE;
}

/**
 * kol_catalogue_get:
 * @name: a model that Kolinsky knows
 * @install: (nullable): who is told
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Downloads a model, unless it is installed: its sources are tried one after the other.
 * What has come is kept if it is interrupted, and gone on with the next time; a file
 * whose SHA-256 is another is thrown away.
 *
 * Errors: %KOL_ERROR_DATA if there is no such model; %G_IO_ERROR_BUSY if another process
 * is about it; %G_FILE_ERROR if the disk fails; %G_IO_ERROR_FAILED if no source has it.
 *
 * Returns: whether it is installed now
 */
gboolean
kol_catalogue_get (const char *name, const KolInstall *install, GCancellable *cancellable,
                   GError **error)
{
  g_return_val_if_fail (name != NULL, FALSE);
  g_autoptr (KolModelEntry) entry = kol_catalogue_find (name, error);

  if (!entry)
    return FALSE;
  if (entry->path)
    {
      say (install, "%s is installed: %s", name, entry->path);
      return TRUE;
    }
  g_autofree char *folder = model_folder (name);
  g_autoptr (KolLock) lock = take_lock (name, error);
  return lock && make_folder (folder, error)
         && get_from_any (entry, folder, install, cancellable, error);
}

/* ── Adding and removing ─────────────────────────────────────────────────────────────────────── */

/* Copies beside the final name, then renames. */
static gboolean
copy_file (const char *from, const char *to, GError **error)
{
  g_autofree char *partial = g_strconcat (to, ".new", NULL);
  g_autoptr (GFile) source = g_file_new_for_path (from);
  g_autoptr (GFile) copy = g_file_new_for_path (partial);

  if (!g_file_copy (source, copy, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, error))
    return FALSE;
  if (g_rename (partial, to) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno),
               "“%s” cannot be written: %s", to, g_strerror (errno));
  g_unlink (partial);
  return FALSE;
}

/* @entry as another name asks for it: a model that Kolinsky knows, or one of the user's. */
static KolModelEntry *
rename_entry (KolModelEntry *entry, const char *name, GError **error)
{
  if (!kol_model_name_is_good (name))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "A model cannot be called “%s”: a name has letters, digits, and . _ + - inside",
                   name);
      kol_model_entry_free (entry);
      return NULL;
    }
  KolModelEntry *known = read_known (name, NULL);
  if (!known)
    {
      g_free (entry->name);
      entry->name = g_strdup (name);
      entry->known = FALSE;
      return entry;
    }
  kol_model_entry_free (entry);
  return known;
}

/* The entry that a file is to be installed as. */
static KolModelEntry *
choose_entry (const char *path, const char *name, const char *like, GError **error)
{
  g_autoptr (KolModelEntry) entry = kol_catalogue_recognize (path, error);
  g_autoptr (KolModelEntry) other = NULL;

  if (entry && name)
    entry = rename_entry (g_steal_pointer (&entry), name, error);
  if (!entry || !like)
    return g_steal_pointer (&entry);
  other = kol_catalogue_find (like, error);
  if (!other)
    return NULL;
  kol_model_entry_take_after (entry, other);
  return g_steal_pointer (&entry);
}

/* Whether a file can be opened at all; what it holds is looked at when it is used. */
static gboolean
can_open (const char *path, GError **error)
{
  if (g_str_has_suffix (path, ".onnx"))
    {
      g_autoptr (KolOnnx) onnx = kol_onnx_open (path, error);
      return onnx != NULL;
    }
  g_autoptr (KolWeights) weights = kol_weights_open (path, error);
  return weights != NULL;
}

static gboolean
check_added (const KolModelEntry *entry, const char *path, gboolean described, GError **error)
{
  if (entry->known && described)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "Of %s it is known what it is like; give the file another name (--name)",
                 entry->name);
  else if (!entry->network && !g_str_has_suffix (path, ".onnx"))
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "“%s” is no ONNX file (.onnx), so it has weights alone; say whose they are like: "
                 "--like resnet18",
                 path);
  else
    return can_open (path, error);
  return FALSE;
}

static gboolean
check_free (const KolModelEntry *entry, GError **error)
{
  g_autoptr (KolModelEntry) installed = read_installed (entry->name, NULL);

  if (!installed)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "A model %s is installed already; give another name (--name), or remove it first: "
               "`kolinsky models remove %s`",
               entry->name, entry->name);
  return FALSE;
}

static gboolean
add_labels (const KolModelEntry *entry, const char *folder, const char *classes, GError **error)
{
  g_autofree char *path = g_build_filename (folder, LABELS_FILE, NULL);

  g_key_file_set_string (entry->text, "model", "classes", LABELS_FILE);
  return copy_file (classes, path, error);
}

/**
 * kol_catalogue_add:
 * @path: a model's file: ONNX, or weights
 * @name: (nullable): what it is to be called; %NULL: as the model that the file is
 *   recognized as, or as the file
 * @like: (nullable): the model whose network, pictures and classes are as this one's
 * @classes: (nullable): a file with the names of its classes, one a line
 * @error: return location
 *
 * Installs a copy of a file.
 *
 * Returns: (transfer full): the name that it has now, or %NULL with @error set
 */
char *
kol_catalogue_add (const char *path, const char *name, const char *like, const char *classes,
                   GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autoptr (KolModelEntry) entry = NULL;

  if (g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "“%s” is not a file", path);
      return NULL;
    }
  entry = choose_entry (path, name, like, error);
  if (!entry || !check_added (entry, path, like || classes, error))
    return NULL;
  g_autofree char *folder = model_folder (entry->name), *file = g_path_get_basename (path);
  g_autofree char *copy = g_build_filename (folder, file, NULL);
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autoptr (KolLock) lock = take_lock (entry->name, error);
  if (!lock || !check_free (entry, error) || !make_folder (folder, error)
      || !copy_file (path, copy, error) || (classes && !add_labels (entry, folder, classes, error))
      || !write_installed (entry, folder, file, file_size (copy), whole, error))
    return NULL;
  return g_strdup (entry->name);
}

/**
 * kol_catalogue_remove:
 * @name: an installed model
 * @error: return location
 *
 * Removes a model's files, and what has come of one whose download was interrupted.
 *
 * Returns: whether it was there and is gone
 */
gboolean
kol_catalogue_remove (const char *name, GError **error)
{
  g_return_val_if_fail (name != NULL, FALSE);
  g_autofree char *folder = model_folder (name);
  g_autofree char *path = g_build_filename (folder, MODEL_FILE, NULL);
  const char *file;

  if (!kol_model_name_is_good (name) || !g_file_test (folder, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "No model “%s” is installed; `kolinsky models` lists what is", name);
      return FALSE;
    }
  g_autoptr (KolLock) lock = take_lock (name, error);
  g_autoptr (GDir) dir = lock ? g_dir_open (folder, 0, error) : NULL;
  if (!dir)
    return FALSE;
  g_unlink (path); /* first, so that it is not installed any more */
  while ((file = g_dir_read_name (dir)))
    {
      g_autofree char *doomed = g_build_filename (folder, file, NULL);
      g_unlink (doomed);
    }
  if (g_rmdir (folder) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno),
               "“%s” cannot be removed: %s", folder, g_strerror (errno));
  return FALSE;
}

/* ── Classes ─────────────────────────────────────────────────────────────────────────────────── */

static GBytes *
read_labels (const KolModelEntry *entry, GError **error)
{
  g_autofree char *folder = model_folder (entry->name);
  g_autofree char *path = g_build_filename (folder, LABELS_FILE, NULL);
  g_autofree char *resource = g_strconcat (LABEL_RESOURCES, entry->classes, ".txt", NULL);
  char *text = NULL;
  gsize length;

  if (strcmp (entry->classes, LABELS_FILE) != 0)
    return g_resources_lookup_data (resource, 0, error);
  return g_file_get_contents (path, &text, &length, error) ? g_bytes_new_take (text, length) : NULL;
}

/**
 * kol_model_entry_read_classes:
 * @entry: an entry
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the names of its classes, in order; %NULL without
 *   an error if it has none
 */
char **
kol_model_entry_read_classes (const KolModelEntry *entry, GError **error)
{
  g_return_val_if_fail (entry != NULL, NULL);
  if (!entry->classes)
    return NULL;
  g_autoptr (GBytes) bytes = read_labels (entry, error);
  if (!bytes)
    return NULL;
  g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (!g_utf8_validate (text, -1, NULL))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The names of the classes of %s are no UTF-8 text", entry->name);
      return NULL;
    }
  char **names = g_strsplit (g_strchomp (text), "\n", -1);
  for (char **name = names; *name; name++)
    g_strstrip (*name);
  return names;
}
