/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Runs that lie in the user's folder of runs. */

#include "record.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../src/kolinsky.h"
#include "chart/import.h"

#define TAIL 65536 /* bytes of a log in which its last rows are */

/* Of a log, which may be long, only the last rows. */
static double
read_loss (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, KOL_METRICS_FILE, NULL);
  g_autofree char *text = NULL;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, NULL))
    return NAN;
  const char *head_end = strchr (text, '\n');
  const char *tail = text + size - MIN (size, TAIL);
  const char *rows = !head_end || tail <= head_end ? head_end : strchr (tail, '\n');
  if (!rows)
    return NAN;
  g_autoptr (GString) last = g_string_new_len (text, head_end - text);
  g_string_append (last, rows);
  g_autoptr (KxImported) imported = kx_import_csv (last->str, last->len, NULL);
  KxSeries *loss = imported ? kx_imported_find (imported, "loss") : NULL;
  return loss ? kx_series_get_y (loss)[kx_series_get_length (loss) - 1] : NAN;
}

/* NULL of what cannot be read or gone on with. Given. */
static KxRecord *
read_record (const char *folder, gint64 time)
{
  g_autoptr (KolRun) run = kol_run_read (folder, NULL);

  if (!run || !run->latest)
    return NULL;
  KxRecord *record = g_new0 (KxRecord, 1);
  record->folder = g_strdup (folder);
  record->recipe = g_strdup (kol_recipe_get_name (run->recipe));
  record->time = time;
  record->step = run->latest;
  record->steps = run->settings.steps;
  record->loss = read_loss (folder);
  kx_record_look (record);
  return record;
}

typedef struct {
  char *folder;
  gint64 time;
} Found;

static void
found_free (gpointer data)
{
  g_free (((Found *) data)->folder);
  g_free (data);
}

static int
newest_first (gconstpointer a, gconstpointer b)
{
  const Found *left = *(Found *const *) a, *right = *(Found *const *) b;

  if (left->time != right->time)
    return left->time > right->time ? -1 : 1;
  return strcmp (right->folder, left->folder); /* names end with the time */
}

/**
 * kx_record_get_home:
 *
 * Returns: (transfer full): the folder that has those of the user's runs, unless they are elsewhere
 */
char *
kx_record_get_home (void)
{
  return g_build_filename (g_get_user_data_dir (), "kolinsky", "runs", NULL);
}

/**
 * kx_record_is_at_home:
 * @folder: (nullable): of a run
 *
 * Returns: whether kx_record_list() finds it
 */
gboolean
kx_record_is_at_home (const char *folder)
{
  g_autofree char *home = kx_record_get_home ();
  g_autofree char *parent = folder ? g_path_get_dirname (folder) : NULL;

  return g_strcmp0 (parent, home) == 0;
}

/* The folders of runs, the one that was saved last first. */
static GPtrArray *
find_folders (void)
{
  g_autofree char *runs = kx_record_get_home ();
  g_autoptr (GDir) dir = g_dir_open (runs, 0, NULL);
  GPtrArray *found = g_ptr_array_new_with_free_func (found_free);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *folder = g_build_filename (runs, name, NULL);
      g_autofree char *path = g_build_filename (folder, "run.ini", NULL);
      GStatBuf status;

      if (g_stat (path, &status) != 0)
        continue;
      Found *one = g_new (Found, 1);
      *one = (Found){ g_steal_pointer (&folder), (gint64) status.st_mtime };
      g_ptr_array_add (found, one);
    }
  g_ptr_array_sort (found, newest_first);
  return found;
}

/**
 * kx_record_list:
 * @most: how many at most
 *
 * Returns: (transfer full) (element-type KxRecord): the user's latest runs that one can go on with,
 *   the one that was saved last first
 */
GPtrArray *
kx_record_list (guint most)
{
  g_autoptr (GPtrArray) found = find_folders ();
  GPtrArray *records = g_ptr_array_new_with_free_func (kx_record_free);

  for (guint i = 0; i < found->len && records->len < most; i++)
    {
      const Found *one = g_ptr_array_index (found, i);
      KxRecord *record = read_record (one->folder, one->time);

      if (record)
        g_ptr_array_add (records, record);
    }
  return records;
}

/**
 * kx_record_look:
 * @record: a record
 *
 * Looks whether a process is at it now.
 */
void
kx_record_look (KxRecord *record)
{
  record->in_use = kol_run_is_in_use (record->folder, &record->process);
}

void
kx_record_free (gpointer data)
{
  KxRecord *record = data;

  g_free (record->folder);
  g_free (record->recipe);
  g_free (record);
}
