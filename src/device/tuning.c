/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tuning-private.h"

#include "../lock-private.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "tuning.ini"
#define CHOICE "choice " /* before the key, in a group's name */
#define STRUCK "struck " /* before "op/variant" */
#define OURS "kolinsky"  /* the group that says of which kernels all this was measured */
#define PATIENCE 3.0     /* seconds to wait while another process writes the file */

struct _KolTuning {
  KolDevice *device; /* lent: the device owns this */
  GMutex lock;
  GKeyFile *known; /* what is in force; NULL until first needed */
  GKeyFile *own;   /* what this process added */
  gboolean told;   /* that the file is in use by another process */
};

KolTuning *
kol_tuning_new (KolDevice *device)
{
  KolTuning *tuning = g_new0 (KolTuning, 1);

  tuning->device = device;
  tuning->own = g_key_file_new ();
  g_mutex_init (&tuning->lock);
  return tuning;
}

void
kol_tuning_free (KolTuning *tuning)
{
  g_clear_pointer (&tuning->known, g_key_file_unref);
  g_key_file_unref (tuning->own);
  g_mutex_clear (&tuning->lock);
  g_free (tuning);
}

/* ---- The file ---- */

static char *
file_path (KolTuning *tuning)
{
  return g_build_filename (kol_device_get_cache (tuning->device), FILE_NAME, NULL);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* SHA-256 of all kernels, in the order of their names. Given. */
static char *
sum_kernels (void)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_auto (GStrv) names
      = g_resources_enumerate_children (KOL_KERNEL_FOLDER, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  if (names)
    qsort (names, g_strv_length (names), sizeof *names, compare_names);
  for (char **name = names; name && *name; name++)
    {
      g_autofree char *path = g_strconcat (KOL_KERNEL_FOLDER, *name, NULL);
      g_autoptr (GBytes) source
          = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

      if (source)
        g_checksum_update (sum, g_bytes_get_data (source, NULL),
                           (gssize) g_bytes_get_size (source));
    }
  return g_strdup (g_checksum_get_string (sum));
}

/* Lent. */
static const char *
kernels (void)
{
  static const char *sum;

  if (g_once_init_enter (&sum))
    g_once_init_leave (&sum, sum_kernels ());
  return sum;
}

/*
 * A file that is missing or damaged, or was measured with other kernels, is an
 * empty one: all in it can be measured again.
 */
static GKeyFile *
read_file (KolTuning *tuning)
{
  g_autofree char *path = file_path (tuning);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL))
    {
      g_autofree char *sum = g_key_file_get_string (file, OURS, "kernels", NULL);

      if (g_strcmp0 (sum, kernels ()) == 0)
        return g_steal_pointer (&file);
    }
  GKeyFile *empty = g_key_file_new ();
  g_key_file_set_string (empty, OURS, "kernels", kernels ());
  return empty;
}

static void
copy_group (GKeyFile *from, GKeyFile *to, const char *group)
{
  g_auto (GStrv) keys = g_key_file_get_keys (from, group, NULL, NULL);

  g_key_file_remove_group (to, group, NULL);
  for (gsize i = 0; keys && keys[i]; i++)
    {
      g_autofree char *value = g_key_file_get_value (from, group, keys[i], NULL);
      if (value)
        g_key_file_set_value (to, group, keys[i], value);
    }
}

/* Told once; a process that holds the file for that long is not waited for again. */
static void
tell_busy (KolTuning *tuning, const char *path, const char *lock_path)
{
  int process = 0;

  if (tuning->told)
    return;
  tuning->told = TRUE;
  kol_lock_is_taken (lock_path, &process);
  g_autofree char *shown = g_filename_display_name (path);
  g_message ("“%s” is in use by process %d; what this process measured is not kept", shown,
             process);
}

/*
 * Takes the lock beside the file @path. TRUE without one where the file system
 * has no locks: what is lost if two write at the same moment can be measured again.
 */
static gboolean
lock_file (KolTuning *tuning, const char *path, KolLock **lock)
{
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);
  g_autoptr (GError) error = NULL;

  *lock = kol_lock_wait (lock_path, path, tuning->told ? 0 : PATIENCE, &error);
  if (*lock)
    return TRUE;
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY))
    {
      g_debug ("The measurements are not locked: %s", error->message);
      return TRUE;
    }
  tell_busy (tuning, path, lock_path);
  return FALSE;
}

/*
 * What other processes wrote is kept, and all of this process's entries are
 * written again; none writes between this one's reading and writing.
 */
static void
merge_and_write (KolTuning *tuning)
{
  g_autofree char *path = file_path (tuning);
  g_autoptr (KolLock) lock = NULL;
  gboolean may_write = lock_file (tuning, path, &lock);
  g_autoptr (GKeyFile) file = read_file (tuning);
  g_auto (GStrv) groups = g_key_file_get_groups (tuning->own, NULL);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; groups[i]; i++)
    copy_group (tuning->own, file, groups[i]);
  if (may_write && !g_key_file_save_to_file (file, path, &error))
    g_debug ("What was measured cannot be kept: %s", error->message);

  g_clear_pointer (&tuning->known, g_key_file_unref);
  tuning->known = g_steal_pointer (&file);
}

static GKeyFile *
known (KolTuning *tuning)
{
  if (!tuning->known)
    tuning->known = read_file (tuning);
  return tuning->known;
}

/* Brackets and line ends may not be in a group's name. */
static char *
group_name (const char *prefix, const char *key)
{
  g_autofree char *escaped = g_uri_escape_string (key, " /,;:+=", FALSE);

  return g_strconcat (prefix, escaped, NULL);
}

static char *
struck_group (const char *op, const char *variant)
{
  g_autofree char *key = g_strdup_printf ("%s/%s", op, variant);

  return group_name (STRUCK, key);
}

/* ---- Choices ---- */

char *
kol_tuning_lookup (KolTuning *tuning, const char *key)
{
  g_return_val_if_fail (tuning && key, NULL);

  g_autofree char *group = group_name (CHOICE, key);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);
  char *variant = g_key_file_get_string (known (tuning), group, "variant", NULL);

  if (variant && !*variant)
    g_clear_pointer (&variant, g_free);
  return variant;
}

void
kol_tuning_store (KolTuning *tuning, const char *key, const char *const *names,
                  const double *seconds, guint n, guint chosen)
{
  g_return_if_fail (tuning && key && names && seconds && chosen < n);

  g_autofree char *group = group_name (CHOICE, key);
  g_autofree double *times = g_memdup2 (seconds, n * sizeof *seconds);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);

  g_key_file_set_string (tuning->own, group, "variant", names[chosen]);
  g_key_file_set_string_list (tuning->own, group, "candidates", names, n);
  g_key_file_set_double_list (tuning->own, group, "seconds", times, n);
  merge_and_write (tuning);
}

gboolean
kol_tuning_has_measured (KolTuning *tuning, const char *key, const char *variant)
{
  g_return_val_if_fail (tuning && key && variant, FALSE);

  g_autofree char *group = group_name (CHOICE, key);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);
  g_auto (GStrv) names
      = g_key_file_get_string_list (known (tuning), group, "candidates", NULL, NULL);
  return names && g_strv_contains ((const char *const *) names, variant);
}

/* ---- Variants that are wrong on this device ---- */

gboolean
kol_tuning_is_struck (KolTuning *tuning, const char *op, const char *variant)
{
  g_return_val_if_fail (tuning && op && variant, FALSE);

  g_autofree char *group = struck_group (op, variant);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);
  return g_key_file_get_boolean (known (tuning), group, "struck", NULL);
}

void
kol_tuning_strike (KolTuning *tuning, const char *op, const char *variant, const char *reason)
{
  g_return_if_fail (tuning && op && variant);

  g_autofree char *group = struck_group (op, variant);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);

  g_key_file_set_boolean (tuning->own, group, "struck", TRUE);
  g_key_file_set_string (tuning->own, group, "reason", reason ? reason : "");
  merge_and_write (tuning);
}

void
kol_tuning_restore (KolTuning *tuning, const char *op, const char *variant)
{
  g_return_if_fail (tuning && op && variant);

  g_autofree char *group = struck_group (op, variant);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);

  if (!g_key_file_has_group (known (tuning), group))
    return;
  g_key_file_set_boolean (tuning->own, group, "struck", FALSE);
  merge_and_write (tuning);
}

/* ---- All of it ---- */

void
kol_tuning_choice_free (KolTuningChoice *choice)
{
  g_free (choice->key);
  g_free (choice->variant);
  g_strfreev (choice->names);
  g_free (choice->seconds);
  g_free (choice);
}

void
kol_tuning_struck_free (KolTuningStruck *struck)
{
  g_free (struck->variant);
  g_free (struck->reason);
  g_free (struck);
}

/* What follows @prefix in a group's name, or NULL if it begins otherwise. Given. */
static char *
key_of_group (const char *group, const char *prefix)
{
  return g_str_has_prefix (group, prefix) ? g_uri_unescape_string (group + strlen (prefix), NULL)
                                          : NULL;
}

/* A choice as the file has it; NULL if that is not whole. */
static KolTuningChoice *
read_choice (GKeyFile *file, const char *group)
{
  KolTuningChoice *choice = g_new0 (KolTuningChoice, 1);
  gsize n_names = 0;

  choice->key = key_of_group (group, CHOICE);
  choice->variant = g_key_file_get_string (file, group, "variant", NULL);
  choice->names = g_key_file_get_string_list (file, group, "candidates", &n_names, NULL);
  choice->seconds = g_key_file_get_double_list (file, group, "seconds", &choice->n, NULL);
  if (choice->key && choice->variant && choice->names && choice->seconds && n_names == choice->n)
    return choice;
  kol_tuning_choice_free (choice);
  return NULL;
}

GPtrArray *
kol_tuning_list_choices (KolTuning *tuning)
{
  GPtrArray *choices = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_tuning_choice_free);

  g_return_val_if_fail (tuning, choices);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);
  g_auto (GStrv) groups = g_key_file_get_groups (known (tuning), NULL);
  for (gsize i = 0; groups[i]; i++)
    {
      KolTuningChoice *choice
          = g_str_has_prefix (groups[i], CHOICE) ? read_choice (known (tuning), groups[i]) : NULL;
      if (choice)
        g_ptr_array_add (choices, choice);
    }
  return choices;
}

GPtrArray *
kol_tuning_list_struck (KolTuning *tuning)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_tuning_struck_free);

  g_return_val_if_fail (tuning, list);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);
  g_auto (GStrv) groups = g_key_file_get_groups (known (tuning), NULL);
  for (gsize i = 0; groups[i]; i++)
    {
      g_autofree char *name = key_of_group (groups[i], STRUCK);
      if (!name || !g_key_file_get_boolean (known (tuning), groups[i], "struck", NULL))
        continue;
      KolTuningStruck *struck = g_new0 (KolTuningStruck, 1);
      struck->variant = g_steal_pointer (&name);
      struck->reason = g_key_file_get_string (known (tuning), groups[i], "reason", NULL);
      g_ptr_array_add (list, struck);
    }
  return list;
}

/**
 * kol_device_list_choices:
 * @device: a device
 *
 * Returns: (transfer full) (element-type KolTuningChoice): what is remembered of it
 */
GPtrArray *
kol_device_list_choices (KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  return kol_tuning_list_choices (device->tuning);
}

/**
 * kol_device_list_struck:
 * @device: a device
 *
 * Returns: (transfer full) (element-type KolTuningStruck): what is switched off on it
 */
GPtrArray *
kol_device_list_struck (KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  return kol_tuning_list_struck (device->tuning);
}

void
kol_tuning_forget (KolTuning *tuning, const char *beginning)
{
  g_return_if_fail (tuning && beginning);

  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&tuning->lock);
  g_autofree char *path = file_path (tuning);
  g_autofree char *prefix = group_name (CHOICE, beginning);
  g_autoptr (KolLock) lock = NULL;
  gboolean may_write = lock_file (tuning, path, &lock);
  g_autoptr (GKeyFile) file = read_file (tuning);
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; groups[i]; i++)
    if (g_str_has_prefix (groups[i], prefix))
      {
        g_key_file_remove_group (file, groups[i], NULL);
        g_key_file_remove_group (tuning->own, groups[i], NULL);
      }
  if (may_write && !g_key_file_save_to_file (file, path, &error))
    g_debug ("What was measured cannot be forgotten: %s", error->message);
  g_clear_pointer (&tuning->known, g_key_file_unref);
  tuning->known = g_steal_pointer (&file);
}

/* ---- Forced variants ---- */

char *
kol_tuning_forced (const char *op)
{
  const char *text = g_getenv ("KOLINSKY_VARIANT");
  const char *for_all = NULL;

  g_return_val_if_fail (op, NULL);
  if (!text)
    return NULL;

  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  for (gsize i = 0; parts[i]; i++)
    {
      char *equals = strchr (parts[i], '=');
      if (!equals)
        {
          char *name = g_strstrip (parts[i]);
          if (*name)
            for_all = name;
          continue;
        }
      *equals = '\0';
      const char *variant = g_strstrip (equals + 1);
      if (*variant && g_str_equal (g_strstrip (parts[i]), op))
        return g_strdup (variant);
    }
  return g_strdup (for_all);
}
