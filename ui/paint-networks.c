/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The networks that painting can look through: which are here, and how to get one. */

#include "paint-networks.h"

#include <glib/gi18n.h>

/* Those that paint best, in that order; others follow as the catalogue has them. */
static const char *const best[] = { "vgg19", "vgg16", "vgg16-hed", "squeezenet1.1", NULL };

static guint
rank (const KolModelEntry *entry)
{
  guint i = 0;

  while (best[i] && !g_str_equal (best[i], entry->name))
    i++;
  return i;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const KolModelEntry *one = *(KolModelEntry *const *) a, *other = *(KolModelEntry *const *) b;

  return (int) rank (one) - (int) rank (other);
}

/**
 * kx_paint_networks_list:
 *
 * Returns: (transfer full) (element-type KolModelEntry): what is installed, the best first
 */
GPtrArray *
kx_paint_networks_list (void)
{
  g_autoptr (GPtrArray) all = kol_catalogue_list (NULL);
  GPtrArray *here = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_model_entry_free);

  for (guint i = 0; all && i < all->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (all, i);
      KolModelEntry *own = entry->path ? kol_catalogue_find (entry->name, NULL) : NULL;

      if (own)
        g_ptr_array_add (here, own);
    }
  g_ptr_array_sort (here, compare);
  return here;
}

/* ── Getting one ─────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxJob *job; /* of the main thread */
  GCancellable *cancellable;
  char *name;
  KxInstalled installed;
  GWeakRef object;
  GMutex mutex;
  guint64 done, total; /* both threads' */
} Install;

static void
install_free (gpointer data)
{
  Install *install = data;

  g_object_unref (install->job);
  g_object_unref (install->cancellable);
  g_free (install->name);
  g_weak_ref_clear (&install->object);
  g_mutex_clear (&install->mutex);
  g_free (install);
}

static gboolean
show_progress (gpointer data)
{
  Install *install = g_task_get_task_data (data);

  if (kx_job_is_over (install->job))
    return G_SOURCE_REMOVE;
  g_mutex_lock (&install->mutex);
  guint64 done = install->done, total = install->total;
  g_mutex_unlock (&install->mutex);
  g_autofree char *have = g_format_size (done), *all = g_format_size (total);
  g_autofree char *text = g_strdup_printf (_ ("%s of %s"), have, all);
  kx_job_set_progress (install->job, total ? done / (double) total : -1,
                       total ? text : _ ("Asking for it"));
  return G_SOURCE_CONTINUE;
}

static void
note_progress (guint64 done, guint64 total, gpointer data)
{
  Install *install = data;

  g_mutex_lock (&install->mutex);
  install->done = done;
  install->total = total;
  g_mutex_unlock (&install->mutex);
}

static void
get (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Install *install = data;
  const KolInstall told = { .progress = note_progress, .user_data = install };
  GError *error = NULL;

  if (kol_catalogue_get (install->name, &told, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
got (GObject *source, GAsyncResult *result, gpointer unused)
{
  Install *install = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) object = g_weak_ref_get (&install->object);

  g_task_propagate_boolean (G_TASK (result), &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    kx_job_set_state (install->job, KX_JOB_CANCELLED,
                      _ ("Cancelled; it goes on from there next time"));
  else
    kx_job_set_state (install->job, error ? KX_JOB_FAILED : KX_JOB_DONE,
                      error ? error->message : NULL);
  if (object)
    install->installed (error, object);
}

static void
cancel (KxJob *job, gpointer owner)
{
  g_cancellable_cancel (owner);
}

/**
 * kx_paint_networks_install:
 * @session: a session
 * @name: a network of the catalogue
 * @installed: called when it is here, or not, while @object lives
 * @object: for @installed
 *
 * Returns: (transfer none): the job
 */
KxJob *
kx_paint_networks_install (KxSession *session, const char *name, KxInstalled installed,
                           GObject *object)
{
  static const KxJobVerbs verbs = { cancel, NULL };
  Install *install = g_new0 (Install, 1);
  g_autofree char *title = g_strdup_printf (_ ("Getting %s"), name);

  install->cancellable = g_cancellable_new ();
  install->job = kx_job_new (title, "paint", &verbs, install->cancellable);
  install->name = g_strdup (name);
  install->installed = installed;
  g_weak_ref_init (&install->object, object);
  g_mutex_init (&install->mutex);
  kx_session_add_job (session, install->job);

  g_autoptr (GTask) task = g_task_new (NULL, install->cancellable, got, NULL);
  g_task_set_task_data (task, install, install_free);
  g_task_set_return_on_cancel (task, FALSE);
  g_timeout_add_full (G_PRIORITY_DEFAULT, 200, show_progress, g_object_ref (task), g_object_unref);
  g_task_run_in_thread (task, get);
  return install->job;
}
