/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "checkpoint-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "../device/error.h"

#define FOLDER "checkpoints"
#define PREFIX "step-"
#define UNFINISHED ".unfinished-"
#define STATE_FILE "state.safetensors"
#define FACTS_FILE "checkpoint.ini"
#define GROUP "checkpoint"

char *
kol_checkpoint_path (const char *run, guint64 step)
{
  g_autofree char *name = g_strdup_printf (PREFIX "%09" G_GUINT64_FORMAT, step);

  return g_build_filename (run, FOLDER, name, NULL);
}

gboolean
kol_checkpoint_exists (const char *run, guint64 step)
{
  g_autofree char *path = kol_checkpoint_path (run, step);

  return g_file_test (path, G_FILE_TEST_IS_DIR);
}

static gboolean
fail_file (GError **error, int code, const char *path, const char *what)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s cannot be %s: %s", shown,
               what, g_strerror (code));
  return FALSE;
}

/* ── Folders ─────────────────────────────────────────────────────────────────────────────────── */

/* Has a folder's entries reach the disk; a file system that cannot is no error. */
static void
sync_folder (const char *path)
{
  int folder = g_open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

  if (folder < 0)
    return;
  fsync (folder);
  close (folder);
}

/* Removes a folder of files. */
static void
remove_folder (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder)))
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      g_unlink (file);
    }
  g_rmdir (path);
}

static int
compare_steps (gconstpointer a, gconstpointer b)
{
  guint64 one = *(const guint64 *) a, other = *(const guint64 *) b;

  return one < other ? 1 : one > other ? -1 : 0;
}

GArray *
kol_checkpoint_list (const char *run)
{
  g_autofree char *path = g_build_filename (run, FOLDER, NULL);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (guint64));
  const char *name;

  while (folder && (name = g_dir_read_name (folder)))
    {
      guint64 step;

      if (g_str_has_prefix (name, PREFIX)
          && g_ascii_string_to_unsigned (name + strlen (PREFIX), 10, 0, G_MAXINT64, &step, NULL))
        g_array_append_val (steps, step);
    }
  g_array_sort (steps, compare_steps);
  return steps;
}

static void
remove_unfinished (const char *run)
{
  g_autofree char *path = g_build_filename (run, FOLDER, NULL);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder)))
    if (g_str_has_prefix (name, UNFINISHED))
      {
        g_autofree char *unfinished = g_build_filename (path, name, NULL);
        remove_folder (unfinished);
      }
}

/* A checkpoint that is being removed has another name first, so that it is never half there. */
static void
remove_checkpoint (const char *run, guint64 step)
{
  g_autofree char *path = kol_checkpoint_path (run, step);
  g_autofree char *name = g_strdup_printf (UNFINISHED "removed-%" G_GUINT64_FORMAT, step);
  g_autofree char *doomed = g_build_filename (run, FOLDER, name, NULL);

  if (g_rename (path, doomed) == 0)
    remove_folder (doomed);
}

void
kol_checkpoint_forget (const char *run, guint keep, guint64 best)
{
  g_autoptr (GArray) steps = kol_checkpoint_list (run);

  for (guint i = keep; i < steps->len; i++)
    if (!best || g_array_index (steps, guint64, i) != best)
      remove_checkpoint (run, g_array_index (steps, guint64, i));
  remove_unfinished (run);
}

void
kol_checkpoint_forget_after (const char *run, guint64 step)
{
  g_autoptr (GArray) steps = kol_checkpoint_list (run);

  for (guint i = 0; i < steps->len; i++)
    if (g_array_index (steps, guint64, i) > step)
      remove_checkpoint (run, g_array_index (steps, guint64, i));
}

/* ── Sums ────────────────────────────────────────────────────────────────────────────────────── */

/* The SHA-256 of a file. Given; NULL with @error set. */
static char *
sum_of (const char *path, GError **error)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, error);

  if (!file)
    return NULL;
  g_autoptr (GBytes) bytes = g_mapped_file_get_bytes (file);
  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
}

static gboolean
note_sum (GKeyFile *facts, const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *sum = sum_of (path, error);

  if (sum)
    g_key_file_set_string (facts, GROUP, name, sum);
  return sum != NULL;
}

static gboolean
check_sum (GKeyFile *facts, const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *wanted = g_key_file_get_string (facts, GROUP, name, error);
  g_autofree char *found = wanted ? sum_of (path, error) : NULL;

  if (!found)
    return FALSE;
  if (strcmp (wanted, found) == 0)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%s has changed since it was saved", name);
  return FALSE;
}

/* The sum of all that the facts say, but for the sum itself. */
static char *
own_sum (GKeyFile *facts)
{
  gsize size;

  g_key_file_remove_key (facts, GROUP, "sum", NULL);
  g_autofree char *text = g_key_file_to_data (facts, &size, NULL);
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text, size);
}

static void
note_own_sum (GKeyFile *facts)
{
  g_autofree char *sum = own_sum (facts);

  g_key_file_set_string (facts, GROUP, "sum", sum);
}

static gboolean
check_own_sum (GKeyFile *facts, GError **error)
{
  g_autofree char *wanted = g_key_file_get_string (facts, GROUP, "sum", error);
  g_autofree char *found = wanted ? own_sum (facts) : NULL;

  if (!found)
    return FALSE;
  if (strcmp (wanted, found) == 0)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, FACTS_FILE " has changed since it was saved");
  return FALSE;
}

/* ── Saving ──────────────────────────────────────────────────────────────────────────────────── */

/* Writes text and flushes it to the disk. */
static gboolean
write_text (const char *path, const char *text, gsize size, GError **error)
{
  return g_file_set_contents_full (path, text, (gssize) size, G_FILE_SET_CONTENTS_DURABLE, 0666,
                                   error);
}

static gboolean
write_files (const char *folder, guint64 step, GPtrArray *weights, GHashTable *metadata,
             GPtrArray *state, GKeyFile *facts, GError **error)
{
  g_autofree char *weights_path = g_build_filename (folder, KOL_WEIGHTS_FILE, NULL);
  g_autofree char *state_path = g_build_filename (folder, STATE_FILE, NULL);
  g_autofree char *facts_path = g_build_filename (folder, FACTS_FILE, NULL);

  if (!kol_safetensors_save (weights_path, weights, metadata, error)
      || !kol_safetensors_save (state_path, state, NULL, error))
    return FALSE;
  g_key_file_set_uint64 (facts, GROUP, "step", step);
  g_key_file_remove_key (facts, GROUP, "sum", NULL);
  if (!note_sum (facts, folder, KOL_WEIGHTS_FILE, error)
      || !note_sum (facts, folder, STATE_FILE, error))
    return FALSE;
  note_own_sum (facts);
  gsize size;
  g_autofree char *text = g_key_file_to_data (facts, &size, NULL);
  return write_text (facts_path, text, size, error);
}

/* Gives the written folder its name. One that has it is exchanged, so that there is always one. */
static gboolean
put_in_place (const char *written, const char *path, GError **error)
{
  if (g_rename (written, path) == 0)
    return TRUE;
  if ((errno == EEXIST || errno == ENOTEMPTY)
      && renameat2 (AT_FDCWD, written, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
    {
      remove_folder (written); /* what was there before */
      return TRUE;
    }
  return fail_file (error, errno, path, "written");
}

gboolean
kol_checkpoint_save (const char *run, guint64 step, GPtrArray *weights, GHashTable *metadata,
                     GPtrArray *state, GKeyFile *facts, GError **error)
{
  g_autofree char *path = kol_checkpoint_path (run, step);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *name = g_strdup_printf (UNFINISHED "%" G_GUINT64_FORMAT, step);
  g_autofree char *unfinished = g_build_filename (parent, name, NULL);

  if (g_mkdir_with_parents (parent, 0777) != 0)
    return fail_file (error, errno, parent, "made");
  remove_folder (unfinished);
  if (g_mkdir (unfinished, 0777) != 0)
    return fail_file (error, errno, unfinished, "made");
  if (!write_files (unfinished, step, weights, metadata, state, facts, error))
    {
      remove_folder (unfinished);
      return FALSE;
    }
  sync_folder (unfinished);
  if (!put_in_place (unfinished, path, error))
    {
      remove_folder (unfinished);
      return FALSE;
    }
  sync_folder (parent);
  return TRUE;
}

/* ── Loading ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
load (const char *folder, GPtrArray **weights, GPtrArray **state, GKeyFile **facts, GError **error)
{
  g_autofree char *weights_path = g_build_filename (folder, KOL_WEIGHTS_FILE, NULL);
  g_autofree char *state_path = g_build_filename (folder, STATE_FILE, NULL);
  g_autofree char *facts_path = g_build_filename (folder, FACTS_FILE, NULL);
  g_autoptr (GKeyFile) read = g_key_file_new ();
  g_autoptr (GPtrArray) one = NULL, other = NULL;

  if (!g_key_file_load_from_file (read, facts_path, G_KEY_FILE_NONE, error)
      || !check_own_sum (read, error) || !check_sum (read, folder, KOL_WEIGHTS_FILE, error)
      || !check_sum (read, folder, STATE_FILE, error))
    return FALSE;
  if (weights && !(one = kol_safetensors_load (weights_path, NULL, error)))
    return FALSE;
  if (state && !(other = kol_safetensors_load (state_path, NULL, error)))
    return FALSE;
  if (weights)
    *weights = g_steal_pointer (&one);
  if (state)
    *state = g_steal_pointer (&other);
  if (facts)
    *facts = g_steal_pointer (&read);
  return TRUE;
}

/* The latest step before @step that has a checkpoint, or 0. */
static guint64
step_before (const char *run, guint64 step)
{
  g_autoptr (GArray) steps = kol_checkpoint_list (run);

  for (guint i = 0; i < steps->len; i++)
    if (g_array_index (steps, guint64, i) < step)
      return g_array_index (steps, guint64, i);
  return 0;
}

gboolean
kol_checkpoint_load (const char *run, guint64 step, GPtrArray **weights, GPtrArray **state,
                     GKeyFile **facts, GError **error)
{
  g_autofree char *path = kol_checkpoint_path (run, step);
  g_autofree char *shown = g_filename_display_name (path);
  g_autoptr (GError) reason = NULL;

  if (!kol_checkpoint_exists (run, step))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "There is no checkpoint %s", shown);
      return FALSE;
    }
  if (load (path, weights, state, facts, &reason))
    return TRUE;
  guint64 before = step_before (run, step);
  if (before)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The checkpoint %s is damaged: %s. The one before it is of step %" G_GUINT64_FORMAT
                 ": use it with --from %" G_GUINT64_FORMAT,
                 shown, reason->message, before, before);
  else
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The checkpoint %s is damaged: %s. There is none before it", shown,
                 reason->message);
  return FALSE;
}
