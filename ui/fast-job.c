/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Painting in one pass, by a network that has learned a style: one picture, or all of a folder. A
 * turn paints one picture.
 */

#include "fast-job.h"

#include <glib/gi18n.h>

#include "news-private.h"
#include "paint-file.h"

#define SCREEN 1280 /* pixels; see paint-picture.c */

/* The worker's. */
typedef struct {
  KxEngine *engine;
  KolPainter *painter;
  char *network;
  KxPaintPicture *picture; /* or: */
  char *source;            /* a folder */
  GPtrArray *paths;        /* of its pictures; NULL: not listed yet */
  char *folder;            /* for the results */
  GCancellable *cancellable;
  guint size;
  guint done, failed;
  char *reason; /* of the first failure */
  GError *error;
  KolSnapshot *result;
  KxHolder *owner; /* KxFast */
} Work;

#define KX_TYPE_FAST (kx_fast_get_type ())
G_DECLARE_FINAL_TYPE (KxFast, kx_fast, KX, FAST, GObject)

/* The main thread's; it lives as long as its job. */
struct _KxFast {
  GObject parent_instance;

  KxJob *job; /* which holds this */
  KxTask *task;
  GCancellable *cancellable; /* ends the picture under way */
  char *folder;
  KxFastPainted painted;
  GWeakRef object, session;
};

G_DEFINE_FINAL_TYPE (KxFast, kx_fast, G_TYPE_OBJECT)

static void
kx_fast_finalize (GObject *object)
{
  KxFast *self = KX_FAST (object);

  g_clear_pointer (&self->task, kx_task_unref);
  g_object_unref (self->cancellable);
  g_free (self->folder);
  g_weak_ref_clear (&self->object);
  g_weak_ref_clear (&self->session);
  G_OBJECT_CLASS (kx_fast_parent_class)->finalize (object);
}

static void
kx_fast_class_init (KxFastClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_fast_finalize;
}

static void
kx_fast_init (KxFast *self)
{
  self->cancellable = g_cancellable_new ();
  g_weak_ref_init (&self->object, NULL);
  g_weak_ref_init (&self->session, NULL);
}

/* ── What comes up ───────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxHolder *owner;
  guint done, failed, total;
  char *reason; /* of the first failure */
  gboolean over;
  KolSnapshot *result;
  GdkTexture *texture;
  GError *error;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  kx_holder_unref (news->owner);
  g_clear_pointer (&news->result, kol_snapshot_unref);
  g_clear_object (&news->texture);
  g_clear_error (&news->error);
  g_free (news->reason);
  g_free (news);
}

static void
tell_end (KxFast *self, const News *news)
{
  g_autoptr (GObject) object = g_weak_ref_get (&self->object);
  g_autoptr (KxSession) session = g_weak_ref_get (&self->session);
  gboolean all = news->done + news->failed == news->total;

  if (self->painted && object)
    self->painted (news->result, news->texture, news->error, object);
  if (news->error)
    {
      kx_job_set_state (self->job, KX_JOB_FAILED, news->error->message);
      if (self->folder && session) /* no page shows it */
        kx_session_toast (session, news->error->message, FALSE);
      return;
    }
  kx_job_set_state (self->job, all ? KX_JOB_DONE : KX_JOB_CANCELLED, NULL);
  if (!self->folder || !session)
    return;
  g_autofree char *shown = g_filename_display_name (self->folder);
  g_autofree char *done = g_strdup_printf (
      g_dngettext (NULL, "%u picture is in “%s”", "%u pictures are in “%s”", news->done),
      news->done, shown);
  g_autofree char *failed
      = news->failed ? g_strdup_printf (g_dngettext (NULL, "; %u could not be painted: %s",
                                                     "; %u could not be painted, the first: %s",
                                                     news->failed),
                                        news->failed, news->reason)
                     : g_strdup ("");
  g_autofree char *text = g_strconcat (done, failed, NULL);
  kx_session_toast (session, text, FALSE);
}

static void
deliver (gpointer data)
{
  News *news = data;
  g_autoptr (KxFast) self = kx_holder_get (news->owner);

  if (!self)
    return;
  guint at = news->done + news->failed;
  g_autofree char *text = g_strdup_printf (_ ("%u of %u pictures"), at, news->total);
  kx_job_set_progress (self->job, news->total ? at / (double) news->total : -1, text);
  if (news->over)
    tell_end (self, news);
}

static News *
news_new (Work *work)
{
  News *news = g_new0 (News, 1);

  news->owner = kx_holder_ref (work->owner);
  news->done = work->done;
  news->failed = work->failed;
  news->reason = g_strdup (work->reason);
  news->total = work->picture ? 1 : work->paths ? work->paths->len : 0;
  return news;
}

/* ── The worker's part ───────────────────────────────────────────────────────────────────────── */

static gboolean
open_painter (Work *work)
{
  KolDevice *device = kx_engine_open (work->engine, &work->error);

  work->painter = device ? kol_painter_open (device, work->network, &work->error) : NULL;
  if (work->painter)
    kol_painter_watch (work->painter, &(KolStudyWatch){ .cancellable = work->cancellable });
  return work->painter != NULL;
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(char *const *) a, *(char *const *) b);
}

/* Lists the pictures, and makes the folder for the results. */
static gboolean
open_folder (Work *work)
{
  g_autoptr (GDir) dir = g_dir_open (work->source, 0, &work->error);
  g_autofree char *shown = g_filename_display_basename (work->source);
  const char *name;

  work->paths = g_ptr_array_new_with_free_func (g_free);
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *type = g_content_type_guess (name, NULL, 0, NULL);

      if (*name != '.' && type && g_content_type_is_a (type, "image/*"))
        g_ptr_array_add (work->paths, g_build_filename (work->source, name, NULL));
    }
  g_ptr_array_sort (work->paths, by_name);
  if (dir && work->paths->len == 0)
    g_set_error (&work->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("“%s” has no pictures"), shown);
  else if (dir && g_mkdir_with_parents (work->folder, 0777) != 0)
    g_set_error (&work->error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("The folder “%s” cannot be made"),
                 work->folder);
  return !work->error;
}

static KolSnapshot *
paint (Work *work, const KolPicture *picture, GError **error)
{
  g_autoptr (KolPicture) fitting = kx_picture_fit (picture, work->size);

  if (fitting)
    {
      kx_engine_set_patient (work->engine, TRUE);
      KolSnapshot *painted = kol_painter_paint (work->painter, fitting, error);
      kx_engine_set_patient (work->engine, FALSE);
      return painted;
    }
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("There is not enough memory"));
  return NULL;
}

static gboolean
save (Work *work, KolSnapshot *picture, const char *path, GError **error)
{
  const char *const texts[] = { "Software", "Kolinsky", NULL };
  g_autofree char *base = g_path_get_basename (path);
  char *dot = strrchr (base, '.');
  g_autoptr (GBytes) png = kol_snapshot_to_png (picture, texts, error);
  gsize size;

  if (!png)
    return FALSE;
  if (dot)
    *dot = '\0';
  g_autofree char *stem = kx_free_name (work->folder, base, (const char *const[]){ ".png", NULL });
  g_autofree char *name = g_strconcat (stem, ".png", NULL);
  g_autofree char *result = g_build_filename (work->folder, name, NULL);
  const char *bytes = g_bytes_get_data (png, &size);
  return g_file_set_contents (result, bytes, (gssize) size, error);
}

/* What cannot be read or is too large is counted, and the others are painted; what compiles and
 * gives way is painted in a later turn. */
static void
paint_next (Work *work)
{
  const char *path = g_ptr_array_index (work->paths, work->done + work->failed);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolPicture) picture = kol_picture_load (path, &error);
  g_autoptr (KolSnapshot) painted = picture ? paint (work, picture, &error) : NULL;

  if (painted && save (work, painted, path, &error))
    work->done++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  else
    {
      work->failed++;
      if (!work->reason)
        work->reason = g_strdup (error->message);
    }
  kx_news_post (deliver, news_new (work), news_free);
}

/* Returns: whether it is done, or was cancelled */
static gboolean
paint_one (Work *work)
{
  g_autoptr (GError) error = NULL;

  work->result = paint (work, work->picture->picture, &error);
  work->done = work->result != NULL;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_cancellable_is_cancelled (work->cancellable);
  work->error = g_steal_pointer (&error);
  return TRUE;
}

static KxTurn
turn (gpointer data, double seconds)
{
  Work *work = data;
  gboolean done;

  if ((work->source && !work->paths && !open_folder (work))
      || (!work->painter && !open_painter (work)))
    return KX_TURN_DONE;
  if (work->picture)
    done = paint_one (work);
  else
    {
      paint_next (work);
      done = work->done + work->failed >= work->paths->len;
    }
  kx_engine_note_memory (work->engine);
  return done ? KX_TURN_DONE : KX_TURN_MORE;
}

static void
end (gpointer data)
{
  Work *work = data;
  News *news = news_new (work);

  news->over = TRUE;
  news->error = g_steal_pointer (&work->error);
  news->result = g_steal_pointer (&work->result);
  if (news->result)
    {
      g_autoptr (KolPicture) picture = kol_snapshot_to_picture (news->result, NULL);
      news->texture = picture ? kx_texture_from_picture (picture, SCREEN) : NULL;
    }
  kx_news_post (deliver, news, news_free);
  g_clear_pointer (&work->painter, kol_painter_free);
  kx_engine_trim (work->engine);
  kx_engine_unref (work->engine);
  g_object_unref (work->cancellable);
  g_clear_pointer (&work->picture, kx_paint_picture_unref);
  g_clear_pointer (&work->paths, g_ptr_array_unref);
  g_free (work->network);
  g_free (work->source);
  g_free (work->reason);
  g_free (work->folder);
  kx_holder_unref (work->owner);
  g_free (work);
}

/* ── The main thread's part ──────────────────────────────────────────────────────────────────── */

static void
cancel (KxJob *job, gpointer owner)
{
  KxFast *self = owner;

  if (!self || !self->task)
    return;
  kx_task_cancel (self->task);
  g_cancellable_cancel (self->cancellable);
}

static KxFast *
fast_new (KxSession *session, const char *title)
{
  static const KxJobVerbs verbs = { cancel, NULL };
  KxFast *self = g_object_new (KX_TYPE_FAST, NULL);

  self->job = kx_job_new (title, "paint", &verbs, self);
  g_object_set_data_full (G_OBJECT (self->job), "kx-fast", self, g_object_unref);
  g_weak_ref_set (&self->session, session);
  kx_session_add_job (session, self->job);
  return self;
}

static Work *
work_new (KxFast *self, KxSession *session, const char *network)
{
  Work *work = g_new0 (Work, 1);

  work->engine = kx_engine_ref (kx_device_get_engine (kx_session_get_device (session)));
  work->network = g_strdup (network);
  work->cancellable = g_object_ref (self->cancellable);
  work->owner = kx_holder_new (self);
  return work;
}

static KxJob *
begin (KxFast *self, Work *work)
{
  static const KxTaskKind kind = { turn, end };
  KxJob *job = self->job;

  self->task = kx_worker_add (kx_engine_get_worker (work->engine), &kind, work, 3);
  g_object_unref (job); /* the list has it */
  return job;
}

/**
 * kx_fast_paint:
 * @session: a session with a device
 * @network: the file of a network that paints
 * @picture: what is to be painted
 * @size: the longer side of the result at most
 * @painted: called with the result
 * @object: for @painted
 *
 * Returns: (transfer none): the job
 */
KxJob *
kx_fast_paint (KxSession *session, const char *network, KxPaintPicture *picture, guint size,
               KxFastPainted painted, GObject *object)
{
  g_autofree char *title = g_strdup_printf (_ ("Painting %s"), picture->name);
  KxFast *self = fast_new (session, title);
  Work *work = work_new (self, session, network);

  self->painted = painted;
  g_weak_ref_set (&self->object, object);
  work->picture = kx_paint_picture_ref (picture);
  work->size = size;
  return begin (self, work);
}

/* "holiday-mosaic", beside the folder, or the like that is not there yet. Given. */
static char *
name_folder (const char *folder, const char *network)
{
  g_autofree char *base = g_path_get_basename (network);
  char *dot = strrchr (base, '.');

  if (dot)
    *dot = '\0';
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *first = g_path_get_basename (folder);
  g_autofree char *name = g_strdup_printf ("%s-%s", first, base);
  g_autofree char *free_one = kx_free_name (parent, name, (const char *const[]){ "", NULL });
  return g_build_filename (parent, free_one, NULL);
}

/**
 * kx_fast_paint_folder:
 * @session: a session with a device
 * @network: the file of a network that paints
 * @folder: whose pictures are to be painted, at their own sizes; the results go into a new folder
 *   beside it
 *
 * Returns: (transfer none): the job
 */
KxJob *
kx_fast_paint_folder (KxSession *session, const char *network, const char *folder)
{
  g_autofree char *shown = g_filename_display_basename (folder);
  g_autofree char *title = g_strdup_printf (_ ("Painting all of %s"), shown);
  KxFast *self = fast_new (session, title);
  Work *work = work_new (self, session, network);

  work->folder = name_folder (folder, network);
  self->folder = g_strdup (work->folder);
  work->source = g_strdup (folder);
  return begin (self, work);
}
