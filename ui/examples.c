/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Photos that excite units: each is shown to the network once, for all units of the layer, and
 * what it gets is kept for all of them.
 */

#include "examples.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#include "news-private.h"
#include "texture.h"

#define RANK 3
#define CUT_RANK 0 /* what one looks at comes first */
#define MOST_PHOTOS 2000

/* Of a unit. */
typedef struct {
  double best;
  KxExample parts[KX_MOST_EXAMPLES];
  guint n_parts;
} Best;

struct _KxExamples {
  GObject parent_instance;

  GPtrArray *paths;
  GCancellable *listing; /* of a folder, on a thread of its own; NULL: none is listed */
  KxNetwork *network;
  KxNetworkLayer *layer;
  struct _Search *search; /* referenced; NULL: nothing is looked for */
  Best *units;            /* [K] */
  float *values;          /* [K, photos] */
  guint done, read;       /* photos, and those among them that could be read */
  guint64 version, of;    /* of the network, now and when it began to look */
  KxJob *job;             /* NULL: no photos were looked at yet */
};

G_DEFINE_FINAL_TYPE (KxExamples, kx_examples, G_TYPE_OBJECT)

enum {
  CHANGED,
  EMPTY,
  JOB,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

typedef struct _Search {
  gatomicrefcount references;
  GWeakRef owner; /* the main thread's alone */
  guint layer, units;
  GPtrArray *paths; /* referenced; does not change */
  guint next;
  int cancelled; /* atomically */
} Search;

/* What a photo gets of all units. */
typedef struct {
  Search *search;
  guint photo;
  KolExcitement *units; /* NULL: it could not be read */
  KolExcitingPart *parts;
} Found;

static Search *
search_ref (Search *search)
{
  g_atomic_ref_count_inc (&search->references);
  return search;
}

static void
search_unref (gpointer data)
{
  Search *search = data;

  if (!g_atomic_ref_count_dec (&search->references))
    return;
  g_weak_ref_clear (&search->owner);
  g_ptr_array_unref (search->paths);
  g_free (search);
}

static void
found_free (gpointer data)
{
  Found *found = data;

  g_free (found->units);
  g_free (found->parts);
  search_unref (found->search);
  g_free (found);
}

static void take_found (gpointer data);

/*
 * Photos that cannot be read are passed over; what else is wrong shows where pictures are made.
 * Returns: NULL if what compiles gave way: the photo is to be looked at again
 */
static Found *
look_at (KxOpened *opened, Search *search, guint photo)
{
  KolLayers *layers = opened->layers;
  g_autoptr (GError) error = NULL;
  Found *found = g_new0 (Found, 1);
  g_autofree guint *units = g_new (guint, search->units);
  char *path = g_ptr_array_index (search->paths, photo);
  const KolExciteOptions options = { .layer = kol_layers_get (layers, search->layer)->name,
                                     .units = units,
                                     .n_units = search->units,
                                     .photos = &path,
                                     .n_photos = 1,
                                     .parts = 1 };

  for (guint i = 0; i < search->units; i++)
    units[i] = i;
  found->search = search_ref (search);
  found->photo = photo;
  kx_engine_set_patient (opened->engine, TRUE);
  g_autoptr (GPtrArray) results = kol_excite (layers, &options, NULL, &error);
  kx_engine_set_patient (opened->engine, FALSE);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      found_free (found);
      return NULL;
    }
  if (!results)
    return found;
  found->units = g_new0 (KolExcitement, search->units);
  found->parts = g_new0 (KolExcitingPart, search->units);
  for (guint i = 0; i < search->units; i++)
    {
      const KolExcitement *result = g_ptr_array_index (results, i);

      found->units[i] = *result;
      found->parts[i] = result->parts[0];
    }
  return found;
}

/* A KxWorkKind's. */
static KxTurn
take_turn (KxOpened *opened, gpointer data, double seconds)
{
  Search *search = data;

  if (search->next == search->paths->len || g_atomic_int_get (&search->cancelled))
    return KX_TURN_DONE;
  Found *found = look_at (opened, search, search->next);
  if (!found)
    return KX_TURN_MORE;
  kx_news_post (take_found, found, found_free);
  search->next++;
  return KX_TURN_MORE;
}

static const KxWorkKind kind = { take_turn, search_unref };

static void
begin (KxOpened *opened, gpointer data)
{
  kx_opened_add_work (opened, RANK, &kind, search_ref (data));
}

/* ── The main thread's ───────────────────────────────────────────────────────────────────────── */

/* Puts a part where it belongs among the best of its unit. */
static void
add_part (Best *unit, const KxExample *part)
{
  guint at = unit->n_parts;

  if (at == KX_MOST_EXAMPLES && unit->parts[at - 1].value >= part->value)
    return;
  at = MIN (at, KX_MOST_EXAMPLES - 1);
  for (; at > 0 && unit->parts[at - 1].value < part->value; at--)
    unit->parts[at] = unit->parts[at - 1];
  unit->parts[at] = *part;
  unit->n_parts = MIN (unit->n_parts + 1, KX_MOST_EXAMPLES);
}

/* ── The job ─────────────────────────────────────────────────────────────────────────────────── */

/* What was found of the photos until then stays. */
static void
cancel_job (KxJob *job, gpointer owner)
{
  KxExamples *self = owner;

  if (!self || !self->search)
    return;
  g_atomic_int_set (&self->search->cancelled, TRUE);
  kx_job_set_state (job, KX_JOB_CANCELLED, NULL);
}

/* One row, whatever layer it is. */
static void
begin_job (KxExamples *self)
{
  static const KxJobVerbs verbs = { cancel_job, NULL };
  g_autofree char *title
      = g_strdup_printf (_ ("Photos for %s"), kx_network_layer_get_name (self->layer));

  if (!self->job)
    self->job = kx_job_new (title, "see", &verbs, self);
  kx_job_set_title (self->job, title);
  kx_job_set_state (self->job, KX_JOB_WORKING, NULL);
  kx_job_set_progress (self->job, 0, NULL);
  g_signal_emit (self, signals[JOB], 0, self->job);
}

static void
show_job (KxExamples *self)
{
  g_autofree char *text = g_strdup_printf (_ ("%u of %u"), self->done, self->paths->len);

  if (kx_job_is_over (self->job))
    return;
  kx_job_set_progress (self->job, self->done / (double) self->paths->len, text);
  if (self->done == self->paths->len)
    kx_job_set_state (self->job, KX_JOB_DONE, NULL);
}

/* A KxNewsFunc. */
static void
take_found (gpointer data)
{
  Found *found = data;
  g_autoptr (KxExamples) self = g_weak_ref_get (&found->search->owner);

  if (!self || self->search != found->search)
    return;
  self->done++;
  for (guint i = 0; found->units && i < found->search->units; i++)
    {
      const KxExample example = { .path = g_ptr_array_index (self->paths, found->photo),
                                  .value = found->parts[i].value,
                                  .box = found->parts[i].box };

      self->units[i].best = fmax (self->units[i].best, found->units[i].largest);
      self->values[i * self->paths->len + self->read] = example.value;
      add_part (&self->units[i], &example);
    }
  self->read += found->units != NULL;
  show_job (self);
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
end_job (KxExamples *self)
{
  if (self->job && !kx_job_is_over (self->job))
    kx_job_set_state (self->job, KX_JOB_CANCELLED, NULL);
}

static void
stop (KxExamples *self)
{
  if (self->search)
    g_atomic_int_set (&self->search->cancelled, TRUE);
  g_clear_pointer (&self->search, search_unref);
  g_clear_pointer (&self->units, g_free);
  g_clear_pointer (&self->values, g_free);
  self->done = self->read = 0;
}

static void
kx_examples_dispose (GObject *object)
{
  KxExamples *self = KX_EXAMPLES (object);

  g_cancellable_cancel (self->listing);
  g_clear_object (&self->listing);
  stop (self);
  end_job (self);
  g_clear_object (&self->job);
  g_clear_object (&self->network);
  g_clear_object (&self->layer);
  g_clear_pointer (&self->paths, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_examples_parent_class)->dispose (object);
}

static void
kx_examples_class_init (KxExamplesClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_examples_dispose;
  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
  signals[EMPTY] = g_signal_new ("empty", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[JOB] = g_signal_new ("job", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                               NULL, G_TYPE_NONE, 1, KX_TYPE_JOB);
}

static void
kx_examples_init (KxExamples *self)
{
}

KxExamples *
kx_examples_new (void)
{
  return g_object_new (KX_TYPE_EXAMPLES, NULL);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
list_pictures (const char *folder, GPtrArray *paths, GCancellable *cancellable)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)) && paths->len < MOST_PHOTOS
         && !g_cancellable_is_cancelled (cancellable))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *type = g_content_type_guess (path, NULL, 0, NULL);

      if (*name == '.')
        continue;
      if (type && g_content_type_is_a (type, "image/*"))
        g_ptr_array_add (paths, g_steal_pointer (&path));
      else if (g_file_test (path, G_FILE_TEST_IS_DIR)
               && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        list_pictures (path, paths, cancellable);
    }
}

/* On a thread of its own: a folder may have millions of files in and below it. */
static void
list_folder (GTask *task, gpointer object, gpointer folder, GCancellable *cancellable)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

  list_pictures (folder, paths, cancellable);
  g_ptr_array_sort (paths, by_name);
  g_task_return_pointer (task, paths, (GDestroyNotify) g_ptr_array_unref);
}

static void
folder_listed (GObject *object, GAsyncResult *result, gpointer unused)
{
  KxExamples *self = KX_EXAMPLES (object);
  g_autoptr (GPtrArray) paths = g_task_propagate_pointer (G_TASK (result), NULL);

  if (!paths) /* another folder was chosen meanwhile */
    return;
  g_clear_object (&self->listing);
  if (!paths->len)
    {
      g_signal_emit (self, signals[EMPTY], 0, g_task_get_task_data (G_TASK (result)));
      return;
    }
  stop (self);
  g_clear_pointer (&self->paths, g_ptr_array_unref);
  self->paths = g_steal_pointer (&paths);
  kx_examples_refresh (self);
}

/**
 * kx_examples_set_folder:
 * @examples: examples
 * @folder: in which, and below which, there are photos; if there are none, `empty` says so and
 *   nothing changes
 */
void
kx_examples_set_folder (KxExamples *self, const char *folder)
{
  g_autoptr (GTask) task = NULL;

  g_cancellable_cancel (self->listing);
  g_clear_object (&self->listing);
  self->listing = g_cancellable_new ();
  task = g_task_new (self, self->listing, folder_listed, NULL);
  g_task_set_task_data (task, g_strdup (folder), g_free);
  g_task_run_in_thread (task, list_folder);
}

/**
 * kx_examples_set_layer:
 * @examples: examples
 * @network: (nullable): a network that is ready
 * @layer: (nullable): whose units are asked about
 */
void
kx_examples_set_layer (KxExamples *self, KxNetwork *network, KxNetworkLayer *layer)
{
  g_set_object (&self->network, network);
  g_set_object (&self->layer, layer);
  kx_examples_refresh (self);
}

/**
 * kx_examples_refresh:
 * @examples: examples
 *
 * Looks at all photos again.
 */
void
kx_examples_refresh (KxExamples *self)
{
  stop (self);
  if (!self->network || !self->layer || !self->paths)
    {
      end_job (self);
      return;
    }
  self->of = self->version;
  Search *search = self->search = g_new0 (Search, 1);
  g_atomic_ref_count_init (&search->references);
  g_weak_ref_init (&search->owner, self);
  search->layer = kx_network_layer_get_index (self->layer);
  search->units = kx_network_layer_get_units (self->layer);
  search->paths = g_ptr_array_ref (self->paths);
  self->units = g_new0 (Best, search->units);
  self->values = g_new (float, (gsize) search->units * self->paths->len);
  for (guint i = 0; i < search->units; i++)
    self->units[i].best = -INFINITY;
  kx_network_call (self->network, begin, search_ref (search), search_unref);
  begin_job (self);
}

/**
 * kx_examples_set_version:
 * @examples: examples
 * @version: another number where the network has learned, or its units are changed; the same where
 *   it is again as it was
 */
void
kx_examples_set_version (KxExamples *self, guint64 version)
{
  gboolean stale = kx_examples_are_stale (self);

  self->version = version;
  if (kx_examples_are_stale (self) != stale)
    g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * kx_examples_are_stale:
 * @examples: examples
 *
 * Returns: whether the network is not the one any more that looked at the photos
 */
gboolean
kx_examples_are_stale (KxExamples *self)
{
  return self->units && self->of != self->version;
}

/**
 * kx_examples_get_count:
 * @examples: examples
 * @done: (out): how many were looked at
 *
 * Returns: how many photos there are
 */
guint
kx_examples_get_count (KxExamples *self, guint *done)
{
  *done = self->done;
  return self->paths ? self->paths->len : 0;
}

/**
 * kx_examples_get_best:
 * @examples: examples
 * @unit: of the layer
 *
 * Returns: the most that a photo gets of what a picture is to make large; NaN: none was looked at
 */
double
kx_examples_get_best (KxExamples *self, guint unit)
{
  return self->units && self->read ? self->units[unit].best : NAN;
}

/**
 * kx_examples_get:
 * @examples: examples
 * @unit: of the layer
 * @n: (out): how many
 *
 * Returns: (transfer none) (array length=n): the parts of photos that excite it most
 */
const KxExample *
kx_examples_get (KxExamples *self, guint unit, guint *n)
{
  *n = self->units ? self->units[unit].n_parts : 0;
  return *n ? self->units[unit].parts : NULL;
}

/**
 * kx_examples_get_values:
 * @examples: examples
 * @unit: of the layer
 * @n: (out): how many
 *
 * Returns: (transfer none) (array length=n): the largest that it says of each photo
 */
const float *
kx_examples_get_values (KxExamples *self, guint unit, guint *n)
{
  *n = self->read;
  return self->values ? self->values + (gsize) unit * self->paths->len : NULL;
}

/* ── What units see of photos ────────────────────────────────────────────────────────────────── */

typedef struct {
  gatomicrefcount references; /* the call's, and the delivery's */
  GWeakRef owner;             /* the main thread's alone */
  KxCutFunc func;
  char *path;
  KolPictureBox box;
  guint place;
  GdkTexture *texture;
} Cut;

static void
cut_unref (gpointer data)
{
  Cut *cut = data;

  if (!g_atomic_ref_count_dec (&cut->references))
    return;
  g_weak_ref_clear (&cut->owner);
  g_clear_object (&cut->texture);
  g_free (cut->path);
  g_free (cut);
}

static void
deliver_cut (gpointer data)
{
  Cut *cut = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&cut->owner);

  if (owner)
    cut->func (cut->texture, cut->place, owner);
}

/* A KxWorkKind's: the photo is read, and made small. */
static KxTurn
make_cut (KxOpened *opened, gpointer data, double seconds)
{
  Cut *cut = data;
  const KolExciteOptions options = { .photos = &cut->path, .n_photos = 1 };
  const KolExcitingPart part = { .photo = 0, .box = cut->box };
  g_autoptr (KolSnapshot) seen = kol_excite_cut (opened->layers, &options, &part, NULL);

  if (!seen)
    return KX_TURN_DONE;
  cut->texture = kx_texture_from_snapshot (seen);
  g_atomic_ref_count_inc (&cut->references);
  kx_news_post (deliver_cut, cut, cut_unref);
  return KX_TURN_DONE;
}

static const KxWorkKind cut_kind = { make_cut, cut_unref };

static void
begin_cut (KxOpened *opened, gpointer data)
{
  Cut *cut = data;

  g_atomic_ref_count_inc (&cut->references);
  kx_opened_add_work (opened, CUT_RANK, &cut_kind, cut);
}

/**
 * kx_examples_cut:
 * @examples: examples
 * @example: one of them
 * @place: for @func
 * @func: told what the unit sees of the photo
 * @owner: (type GObject): for @func, while it lives
 */
void
kx_examples_cut (KxExamples *self, const KxExample *example, guint place, KxCutFunc func,
                 gpointer owner)
{
  Cut *cut = g_new0 (Cut, 1);

  g_atomic_ref_count_init (&cut->references);
  g_weak_ref_init (&cut->owner, owner);
  cut->func = func;
  cut->path = g_strdup (example->path);
  cut->box = example->box;
  cut->place = place;
  kx_network_call (self->network, begin_cut, cut, cut_unref);
}
