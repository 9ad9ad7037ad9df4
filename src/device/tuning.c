/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tuning-private.h"

#include "../lock-private.h"

#include <gio/gio.h>
#include <string.h>

#define FILE_NAME "tuning.ini"
#define CHOICE "choice " /* before the key, in a group's name */
#define STRUCK "struck " /* before "op/variant" */
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

/* A file that is missing or damaged is an empty one: all in it can be measured again. */
static GKeyFile *
read_file (KolTuning *tuning)
{
  g_autofree char *path = file_path (tuning);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL))
    return g_steal_pointer (&file);
  return g_key_file_new ();
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
