/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Curves read from a file, on a thread of their own, as a job of the session. */

#include "import-job.h"

#include <glib/gi18n.h>

#define LOOK_EVERY 100 /* milliseconds between two looks at how far it is */

typedef struct {
  char *path;
  int permille; /* atomic */
  KxJob *job;
  guint look;
  KxImportFunc func;
  GWeakRef object;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  g_clear_handle_id (&reading->look, g_source_remove);
  g_free (reading->path);
  g_object_unref (reading->job);
  g_weak_ref_clear (&reading->object);
  g_free (reading);
}

/* On a thread of its own. */
static void
read_curves (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Reading *reading = data;
  KxImported *imported;
  GError *error = NULL;

  imported = kx_import (reading->path, &(KxImportWatch){ cancellable, &reading->permille }, &error);
  if (imported)
    g_task_return_pointer (task, imported, (GDestroyNotify) kx_imported_free);
  else
    g_task_return_error (task, error);
}

static gboolean
look (gpointer data)
{
  Reading *reading = data;

  kx_job_set_progress (reading->job, g_atomic_int_get (&reading->permille) / 1000.0, NULL);
  return G_SOURCE_CONTINUE;
}

static void
finish (GObject *source, GAsyncResult *result, gpointer unused)
{
  Reading *reading = g_task_get_task_data (G_TASK (result));
  g_autoptr (GObject) object = g_weak_ref_get (&reading->object);
  g_autoptr (GError) error = NULL;
  g_autoptr (KxImported) imported = g_task_propagate_pointer (G_TASK (result), &error);

  g_clear_handle_id (&reading->look, g_source_remove);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      kx_job_set_state (reading->job, KX_JOB_CANCELLED, _ ("Cancelled"));
      return;
    }
  kx_job_set_progress (reading->job, 1, NULL);
  kx_job_set_state (reading->job, error ? KX_JOB_FAILED : KX_JOB_DONE,
                    error ? error->message : NULL);
  if (object)
    reading->func (imported, error, object);
}

static void
cancel (KxJob *job, gpointer cancellable)
{
  if (cancellable)
    g_cancellable_cancel (cancellable);
}

/**
 * kx_import_begin:
 * @session: the session
 * @path: a table (CSV) or an event file
 * @func: told what was in it
 * @object: for @func, which is not called once it is gone
 *
 * Reads the curves of a file, as a job.
 *
 * Returns: (transfer none): the job
 */
KxJob *
kx_import_begin (KxSession *session, const char *path, KxImportFunc func, GObject *object)
{
  static const KxJobVerbs verbs = { cancel, NULL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, finish, NULL);
  g_autofree char *name = g_filename_display_basename (path);
  g_autofree char *title = g_strdup_printf (_ ("Reading %s"), name);
  Reading *reading = g_new0 (Reading, 1);

  reading->path = g_strdup (path);
  reading->job = kx_job_new (title, "train", &verbs, cancellable);
  reading->func = func;
  g_weak_ref_init (&reading->object, object);
  reading->look = g_timeout_add (LOOK_EVERY, look, reading);
  g_task_set_task_data (task, reading, reading_free);
  kx_session_add_job (session, reading->job);
  g_task_run_in_thread (task, read_curves);
  return reading->job;
}
