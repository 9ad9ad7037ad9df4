/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is shared by all that the window shows. */

#include "session.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <gtk/gtk.h>

#include "news-private.h"

#define FINISHED_JOBS 20 /* that stay in the list */
#define VISIBLE_WEIGHT 3 /* of what is in sight; all else has 1 */
#define RECORDS 20       /* runs of earlier starts that are listed */

struct _KxSession {
  GObject parent_instance;

  GSettings *settings;
  KxWorker *scout; /* lists devices, which loads their drivers */
  GListStore *devices;
  gboolean looked; /* the list is complete */
  KxDevice *device;
  GListStore *jobs;
  GListStore *runs; /* the latest last; below them records, the latest first */
  KxRun *run;       /* that the Train page shows */
  gboolean listed;  /* records were asked for */
  GtkStringList *data_sets;
  KxUndo *undo;
  char *page; /* the visible one */
  guint watch;
  double load, memory; /* 0..1 */
};

G_DEFINE_FINAL_TYPE (KxSession, kx_session, G_TYPE_OBJECT)

enum {
  PROP_DEVICE = 1,
  PROP_LOOKED,
  PROP_LOAD,
  PROP_MEMORY,
  PROP_PAGE,
  PROP_RUN,
  N_PROPS,
};

enum {
  TOAST,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

static void
kx_session_dispose (GObject *object)
{
  KxSession *self = KX_SESSION (object);

  kx_session_end (self);
  g_clear_object (&self->device);
  g_clear_object (&self->devices);
  g_clear_object (&self->jobs);
  g_clear_object (&self->undo);
  g_clear_object (&self->run);
  g_clear_object (&self->runs);
  g_clear_object (&self->data_sets);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->page, g_free);
  G_OBJECT_CLASS (kx_session_parent_class)->dispose (object);
}

static void
kx_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxSession *self = KX_SESSION (object);

  switch (id)
    {
    case PROP_DEVICE:
      g_value_set_object (value, self->device);
      break;
    case PROP_LOOKED:
      g_value_set_boolean (value, self->looked);
      break;
    case PROP_LOAD:
      g_value_set_double (value, self->load);
      break;
    case PROP_MEMORY:
      g_value_set_double (value, self->memory);
      break;
    case PROP_PAGE:
      g_value_set_string (value, self->page);
      break;
    case PROP_RUN:
      g_value_set_object (value, self->run);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_session_class_init (KxSessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = kx_session_dispose;
  object_class->get_property = kx_session_get_property;
  props[PROP_DEVICE] = g_param_spec_object ("device", NULL, NULL, KX_TYPE_DEVICE, flags);
  props[PROP_LOOKED] = g_param_spec_boolean ("looked", NULL, NULL, FALSE, flags);
  props[PROP_LOAD] = g_param_spec_double ("load", NULL, NULL, 0, 1, 0, flags);
  props[PROP_MEMORY] = g_param_spec_double ("memory", NULL, NULL, 0, 1, 0, flags);
  props[PROP_PAGE] = g_param_spec_string ("page", NULL, NULL, NULL, flags);
  props[PROP_RUN] = g_param_spec_object ("run", NULL, NULL, KX_TYPE_RUN, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * KxSession::toast:
   * @text: a sentence
   * @undoable: whether "Undo" is to be offered
   */
  signals[TOAST] = g_signal_new ("toast", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);
}

static void
kx_session_init (KxSession *self)
{
  self->devices = g_list_store_new (KX_TYPE_DEVICE);
  self->jobs = g_list_store_new (KX_TYPE_JOB);
  self->runs = g_list_store_new (KX_TYPE_RUN);
  self->data_sets = gtk_string_list_new (NULL);
  self->undo = kx_undo_new ();
}

static void
append_data_set (KxSession *self, const char *path)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->data_sets)); i++)
    if (g_str_equal (gtk_string_list_get_string (self->data_sets, i), path))
      return;
  gtk_string_list_append (self->data_sets, path);
}

/* The one that is installed, and those that were used. */
static void
list_data_sets (KxSession *self)
{
  g_auto (GStrv) used = g_settings_get_strv (self->settings, "data-sets");
  g_autofree char *installed = kol_dataset_find ();

  if (installed && g_file_test (installed, G_FILE_TEST_EXISTS))
    append_data_set (self, installed);
  for (char **path = used; *path; path++)
    if (g_file_test (*path, G_FILE_TEST_EXISTS))
      append_data_set (self, *path);
}

KxSession *
kx_session_new (GSettings *settings)
{
  KxSession *self = g_object_new (KX_TYPE_SESSION, NULL);

  self->settings = g_object_ref (settings);
  list_data_sets (self);
  return self;
}

/* ── Devices ─────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GWeakRef session;
  GPtrArray *infos; /* of KolDeviceInfo */
} Found;

static void
found_free (gpointer data)
{
  Found *found = data;

  g_weak_ref_clear (&found->session);
  g_clear_pointer (&found->infos, g_ptr_array_unref);
  g_free (found);
}

/* @index: of two that are called the same; negative: the first. */
static KxDevice *
find_device (KxSession *self, const char *name, const char *platform, int index)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->devices)); i++)
    {
      g_autoptr (KxDevice) device = g_list_model_get_item (G_LIST_MODEL (self->devices), i);
      const KolDeviceInfo *info = kx_device_get_info (device);

      if (g_str_equal (info->name, name) && g_str_equal (info->platform, platform)
          && (index < 0 || info->index == (guint) index))
        return device; /* the list holds it */
    }
  return NULL;
}

/* The one that KOLINSKY_DEVICE names, that is remembered, or the best. */
static KxDevice *
preferred_device (KxSession *self, GPtrArray *infos)
{
  g_autofree char *name = g_settings_get_string (self->settings, "device");
  g_autofree char *platform = g_settings_get_string (self->settings, "platform");
  const char *wish = g_getenv ("KOLINSKY_DEVICE");
  KxDevice *remembered = wish && *wish ? NULL : find_device (self, name, platform, -1);
  const KolDeviceInfo *best = kol_devices_choose (infos, NULL);

  if (remembered)
    return remembered;
  return best ? find_device (self, best->name, best->platform, (int) best->index) : NULL;
}

static void list_records (KxSession *self);

/* Devices that were known stay the same objects, with what they are doing. */
static void
take_devices (gpointer data)
{
  Found *found = data;
  g_autoptr (KxSession) self = g_weak_ref_get (&found->session);

  if (!self || !self->scout)
    return;
  g_autoptr (GPtrArray) now = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < found->infos->len; i++)
    {
      const KolDeviceInfo *info = g_ptr_array_index (found->infos, i);
      KxDevice *known = find_device (self, info->name, info->platform, (int) info->index);

      g_ptr_array_add (now, known ? g_object_ref (known) : kx_device_new (info));
    }
  g_list_store_splice (self->devices, 0, g_list_model_get_n_items (G_LIST_MODEL (self->devices)),
                       now->pdata, now->len);
  if (!self->device)
    {
      KxDevice *preferred = preferred_device (self, found->infos);
      self->device = preferred ? g_object_ref (preferred) : NULL;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_DEVICE]);
    }
  self->looked = TRUE;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LOOKED]);
  list_records (self); /* the run that is resumed is among the runs by now */
}

static void
list_devices (gpointer data)
{
  Found *found = data;

  found->infos = kol_devices_list ();
  kx_news_post (take_devices, found, found_free);
}

/**
 * kx_session_look_for_devices:
 * @session: a session
 *
 * Lists the devices anew; `looked` is notified when that is done.
 */
void
kx_session_look_for_devices (KxSession *self)
{
  Found *found = g_new0 (Found, 1);

  g_weak_ref_init (&found->session, self);
  self->looked = FALSE;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LOOKED]);
  kx_worker_call (self->scout, list_devices, found, NULL);
}

/**
 * kx_session_get_device:
 * @session: a session
 *
 * Returns: (nullable) (transfer none): where new jobs go; %NULL while none is known
 */
KxDevice *
kx_session_get_device (KxSession *self)
{
  return self->device;
}

/**
 * kx_session_set_device:
 * @session: a session
 * @device: where new jobs go from now on, here and at the next start
 */
void
kx_session_set_device (KxSession *self, KxDevice *device)
{
  if (!g_set_object (&self->device, device))
    return;
  g_settings_set_string (self->settings, "device", kx_device_get_info (device)->name);
  g_settings_set_string (self->settings, "platform", kx_device_get_info (device)->platform);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_DEVICE]);
}

/* Once a second: how busy the device is. */
static gboolean
look_at_load (gpointer data)
{
  KxSession *self = data;
  double load = 0, memory = 0;

  if (self->device && kx_device_is_engaged (self->device))
    {
      KxEngine *engine = kx_device_get_engine (self->device);
      guint64 budget, used = kx_engine_get_memory (engine, &budget);

      load = kx_worker_take_load (kx_engine_get_worker (engine));
      memory = budget ? MIN (used / (double) budget, 1) : 0;
    }
  if (load != self->load)
    {
      self->load = load;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LOAD]);
    }
  if (memory != self->memory)
    {
      self->memory = memory;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MEMORY]);
    }
  return G_SOURCE_CONTINUE;
}

/**
 * kx_session_get_load:
 * @session: a session
 * @memory: (out): the share of the budget in use, 0..1
 *
 * Returns: the share of the last second in which the device worked for us
 */
double
kx_session_get_load (KxSession *self, double *memory)
{
  *memory = self->memory;
  return self->load;
}

/* ── Runs ────────────────────────────────────────────────────────────────────────────────────── */

/* What is in sight goes first. */
static void
share_device (KxSession *self)
{
  gboolean in_sight = g_strcmp0 (self->page, "train") == 0;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->runs)); i++)
    {
      g_autoptr (KxRun) run = g_list_model_get_item (G_LIST_MODEL (self->runs), i);

      kx_run_set_weight (run, in_sight && run == self->run ? VISIBLE_WEIGHT : 1);
    }
}

/* One that was removed stays so. */
static void
show_run (KxSession *self, KxJob *job)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->runs)); i++)
    {
      g_autoptr (KxRun) run = g_list_model_get_item (G_LIST_MODEL (self->runs), i);

      if (kx_run_get_job (run) == job)
        kx_session_choose_run (self, run);
    }
}

/* What runs are called, by their folders. Given. */
static GHashTable *
read_names (KxSession *self)
{
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GVariant) stored = g_settings_get_value (self->settings, "run-names");
  GVariantIter iter;
  char *folder, *name;

  g_variant_iter_init (&iter, stored);
  while (g_variant_iter_next (&iter, "{ss}", &folder, &name))
    g_hash_table_insert (names, folder, name);
  return names;
}

static void
write_names (KxSession *self, GHashTable *names)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  GHashTableIter iter;
  gpointer folder, name;

  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, &folder, &name))
    g_variant_builder_add (&builder, "{ss}", folder, name);
  g_settings_set_value (self->settings, "run-names", g_variant_builder_end (&builder));
}

static void
remember_name (KxSession *self, GParamSpec *spec, KxRun *run)
{
  g_autoptr (GHashTable) names = read_names (self);

  if (!kx_run_get_folder (run))
    return;
  g_hash_table_insert (names, g_strdup (kx_run_get_folder (run)), g_strdup (kx_run_get_name (run)));
  write_names (self, names);
}

/* Records come last, the one that was saved last first. */
static int
compare_runs (gconstpointer a, gconstpointer b, gpointer unused)
{
  const KxRecord *left = kx_run_get_record ((KxRun *) a), *right = kx_run_get_record ((KxRun *) b);
  gint64 before = left ? left->time : G_MAXINT64, after = right ? right->time : G_MAXINT64;

  return (after > before) - (after < before);
}

/* A run is what its job is; but one that follows a job goes without that. */
static void
remove_job (KxSession *self, KxRun *run)
{
  guint position;

  if (!kx_run_follows_job (run) && g_list_store_find (self->jobs, kx_run_get_job (run), &position))
    g_list_store_remove (self->jobs, position);
}

/* What is in the list for a folder, or NULL. Lent. */
static KxRun *
find_listed (KxSession *self, const char *folder)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->runs)); i++)
    {
      g_autoptr (KxRun) run = g_list_model_get_item (G_LIST_MODEL (self->runs), i);

      if (g_strcmp0 (kx_run_get_folder (run), folder) == 0)
        return run; /* the list holds it */
    }
  return NULL;
}

/* A run takes the place of its record, or of itself before it was stopped. */
static void
take_place (KxSession *self, KxRun *run)
{
  KxRun *listed = kx_run_get_folder (run) ? find_listed (self, kx_run_get_folder (run)) : NULL;
  guint position;

  if (listed && kx_run_is_over (listed) && g_list_store_find (self->runs, listed, &position))
    {
      remove_job (self, listed);
      g_list_store_remove (self->runs, position);
    }
}

static void
append_run (KxSession *self, KxRun *run)
{
  take_place (self, run);
  g_list_store_insert_sorted (self->runs, run, compare_runs, NULL);
  remember_name (self, NULL, run);
  g_signal_connect_object (run, "notify::name", G_CALLBACK (remember_name), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (kx_run_get_job (run), "show", G_CALLBACK (show_run), self,
                           G_CONNECT_SWAPPED);
}

static KxRun *
add_run (KxSession *self, KxRun *run)
{
  append_run (self, run);
  kx_session_add_job (self, kx_run_get_job (run));
  kx_session_choose_run (self, run);
  g_object_unref (run); /* the list holds it */
  return run;
}

static guint64
checkpoint_bytes (KxSession *self)
{
  return (guint64) g_settings_get_int (self->settings, "checkpoint-memory") << 20;
}

/* A folder for a new run, made at once, as several may begin in the same second. */
static char *
new_folder (const char *recipe)
{
  g_autofree char *base = g_path_get_basename (recipe);
  char *folder = kol_run_new_folder (base);

  g_mkdir_with_parents (folder, 0777); /* what is wrong is told when the run records */
  return folder;
}

/* Of all runs that there ever were, so that earlier ones are not called the same. */
static char *
next_name (KxSession *self)
{
  guint number = g_settings_get_uint (self->settings, "run-count") + 1;

  g_settings_set_uint (self->settings, "run-count", number);
  return g_strdup_printf (_ ("run %u"), number);
}

/* What the run of a folder was called; another name if it is in the list still. */
static char *
name_again (KxSession *self, const char *folder)
{
  g_autoptr (GHashTable) names = read_names (self);
  const char *name = g_hash_table_lookup (names, folder);
  KxRun *listed = find_listed (self, folder);

  return name && (!listed || kx_run_is_over (listed)) ? g_strdup (name) : next_name (self);
}

GListModel *
kx_session_get_runs (KxSession *self)
{
  return G_LIST_MODEL (self->runs);
}

/**
 * kx_session_lists:
 * @session: a session
 * @run: a run
 *
 * Returns: whether it is among the runs, and not removed
 */
gboolean
kx_session_lists (KxSession *self, KxRun *run)
{
  return g_list_store_find (self->runs, run, NULL);
}

/**
 * kx_session_get_run:
 * @session: a session
 *
 * Returns: (nullable) (transfer none): the run that the Train page shows
 */
KxRun *
kx_session_get_run (KxSession *self)
{
  return self->run;
}

void
kx_session_choose_run (KxSession *self, KxRun *run)
{
  if (!g_set_object (&self->run, run))
    return;
  if (!run || kx_run_get_folder (run))
    g_settings_set_string (self->settings, "run", run ? kx_run_get_folder (run) : "");
  share_device (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RUN]);
}

/**
 * kx_session_add_run:
 * @session: a session
 * @run: a run that follows a job of the session
 *
 * Adds it to the runs. The Train page goes on showing what it shows, if that is one.
 */
void
kx_session_add_run (KxSession *self, KxRun *run)
{
  append_run (self, run);
  if (!self->run)
    kx_session_choose_run (self, run);
}

/**
 * kx_session_start:
 * @session: a session with a device
 * @recipe: the name of a recipe, or a file of one
 * @data: the examples
 * @batch: of so many; 0: as the recipe says
 *
 * Begins a new run, which is recorded among the user's runs.
 *
 * Returns: (transfer none): the run
 */
KxRun *
kx_session_start (KxSession *self, const char *recipe, const char *data, gsize batch)
{
  g_return_val_if_fail (self->device, NULL);
  g_autofree char *name = next_name (self);
  g_autofree char *folder = new_folder (recipe);
  KxRunSetup setup
      = { .name = name, .recipe = recipe, .data = data, .batch = batch, .folder = folder };

  kx_session_add_data_set (self, data);
  g_settings_set_string (self->settings, "data", data);
  g_settings_set_string (self->settings, "recipe", recipe);
  return add_run (self, kx_run_new (self->device, &setup, checkpoint_bytes (self)));
}

/* The run of a folder that is in the list and has not ended, or can go on itself, or NULL. Lent. */
static KxRun *
open_again (KxSession *self, const char *folder, gboolean paused)
{
  KxRun *run = find_listed (self, folder);

  if (!run || (kx_run_is_over (run) && !kx_run_resume (run, paused)))
    return NULL;
  if (!paused)
    kx_run_control (run, KX_VERB_RUN);
  kx_session_add_job (self, kx_run_get_job (run));
  kx_session_choose_run (self, run);
  return run;
}

/**
 * kx_session_resume:
 * @session: a session with a device
 * @path: the folder of a run
 * @paused: it is only opened, and waits to be told to go on
 *
 * Opens it; one that is open already is shown.
 *
 * Returns: (transfer none): the run
 */
KxRun *
kx_session_resume (KxSession *self, const char *path, gboolean paused)
{
  g_return_val_if_fail (self->device, NULL);
  g_autofree char *folder = g_canonicalize_filename (path, NULL);
  KxRun *open = open_again (self, folder, paused);

  if (open)
    return open;
  g_autofree char *name = name_again (self, folder);
  g_autoptr (KolRun) run = kol_run_read (folder, NULL);
  KxRunSetup setup = { .name = name,
                       .recipe = run ? kol_recipe_get_name (run->recipe) : NULL,
                       .resume = folder,
                       .paused = paused };

  return add_run (self, kx_run_new (self->device, &setup, checkpoint_bytes (self)));
}

/**
 * kx_session_open_trial:
 * @session: a session with a device
 * @folder: of a trial's run, which has taken all of its few steps
 * @name: for people
 * @steps: how many it is to take in all
 *
 * Opens a trial of a search as a run, which waits to be told to go on; one of which no weights were
 * kept begins anew at once, and that is said. One that is open already is shown.
 *
 * Returns: (transfer none): the run
 */
KxRun *
kx_session_open_trial (KxSession *self, const char *folder, const char *name, guint64 steps)
{
  g_return_val_if_fail (self->device, NULL);
  g_autoptr (KolRun) run = kol_run_read (folder, NULL);
  gboolean anew = run && !run->latest;
  KxRunSetup setup = { .name = name, .resume = folder, .steps = steps, .paused = !anew };
  KxRun *open = open_again (self, folder, TRUE);

  if (open)
    return open;
  if (anew)
    {
      g_autofree char *text
          = g_strdup_printf (_ ("%s begins anew: its weights were not kept"), name);
      kx_session_toast (self, text, FALSE);
    }
  return add_run (self, kx_run_new (self->device, &setup, checkpoint_bytes (self)));
}

/**
 * kx_session_branch:
 * @session: a session
 * @parent: a run, which pauses
 * @checkpoint: where the branch begins
 *
 * Returns: (transfer none): the branch
 */
KxRun *
kx_session_branch (KxSession *self, KxRun *parent, KxMark *checkpoint)
{
  g_autofree char *name = next_name (self);
  const char *recipe = kx_run_get_recipe (parent);
  g_autofree char *folder = new_folder (recipe ? recipe : "branch");

  if (kx_run_get_state (parent) == KX_RUN_LEARNING)
    kx_run_control (parent, KX_VERB_PAUSE);
  return add_run (self, kx_run_branch (parent, checkpoint, name, folder));
}

/* How many there are before the records. */
static guint
count_open (KxSession *self)
{
  guint n = 0;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->runs)); i++)
    {
      g_autoptr (KxRun) run = g_list_model_get_item (G_LIST_MODEL (self->runs), i);
      n += !kx_run_get_record (run);
    }
  return n;
}

/**
 * kx_session_remove_run:
 * @session: a session
 * @run: a run, which pauses; it can be restored
 *
 * Takes it out of the list. Unless it is restored it ends with the last reference to it.
 */
void
kx_session_remove_run (KxSession *self, KxRun *run)
{
  guint position;

  if (!g_list_store_find (self->runs, run, &position))
    return;
  kx_run_control (run, KX_VERB_PAUSE);
  remove_job (self, run);
  g_list_store_remove (self->runs, position);
  if (self->run != run)
    return;
  guint n = count_open (self);
  g_autoptr (KxRun) next
      = n ? g_list_model_get_item (G_LIST_MODEL (self->runs), MIN (position, n - 1)) : NULL;
  kx_session_choose_run (self, next);
}

/**
 * kx_session_restore_run:
 * @session: a session
 * @run: one that was removed
 *
 * Puts it back into the list, paused, unless its folder was opened meanwhile.
 */
void
kx_session_restore_run (KxSession *self, KxRun *run)
{
  if (kx_session_lists (self, run)
      || (kx_run_get_folder (run) && find_listed (self, kx_run_get_folder (run))))
    return; /* it was opened meanwhile */
  g_list_store_insert_sorted (self->runs, run, compare_runs, NULL);
  if (kx_run_get_record (run))
    return;
  kx_session_add_job (self, kx_run_get_job (run));
  kx_session_choose_run (self, run);
}

static void
discard (gpointer folder)
{
  if (!kol_run_is_in_use (folder, NULL))
    kol_run_remove (folder);
}

/**
 * kx_session_discard:
 * @session: a session
 * @run: one that was removed from the list
 *
 * Ends it, and deletes its folder, unless it was opened again or is in use.
 */
void
kx_session_discard (KxSession *self, KxRun *run)
{
  const char *folder = kx_run_get_folder (run);

  if (!self->scout || find_listed (self, folder))
    return;
  if (kx_run_is_over (run))
    kx_worker_call (self->scout, discard, g_strdup (folder), g_free);
  else
    kx_run_scrap (run);
}

/**
 * kx_session_can_resume:
 * @folder: of a run, or what was one
 *
 * Returns: whether there is a checkpoint, and something left to learn
 */
gboolean
kx_session_can_resume (const char *folder)
{
  g_autoptr (KolRun) run = kol_run_read (folder, NULL);

  return run && run->latest > 0 && run->latest < run->settings.steps;
}

/* ── Records ─────────────────────────────────────────────────────────────────────────────────── */

/* On a thread. */
static void
read_records (GTask *task, gpointer source, gpointer unused, GCancellable *cancellable)
{
  g_task_return_pointer (task, kx_record_list (RECORDS), (GDestroyNotify) g_ptr_array_unref);
}

static void
add_record (KxSession *self, KxRecord *record, GHashTable *names)
{
  const char *name = g_hash_table_lookup (names, record->folder);
  g_autofree char *base = g_filename_display_basename (record->folder);
  g_autoptr (KxRun) run = kx_run_new_for_record (self->device, name ? name : base, record);

  append_run (self, run);
}

static gboolean
is_gone (gpointer folder, gpointer name, gpointer session)
{
  return !find_listed (session, folder);
}

/* Names of runs that are not listed any more are forgotten. */
static void
take_records (GObject *source, GAsyncResult *result, gpointer holder)
{
  g_autoptr (KxSession) self = kx_holder_get (holder);
  g_autoptr (GPtrArray) records = g_task_propagate_pointer (G_TASK (result), NULL);

  kx_holder_unref (holder);
  if (!self || !self->scout)
    return;
  g_autoptr (GHashTable) names = read_names (self);
  while (records->len)
    {
      KxRecord *record = g_ptr_array_steal_index (records, 0);

      if (find_listed (self, record->folder))
        kx_record_free (record);
      else
        add_record (self, record, names);
    }
  if (g_hash_table_foreach_remove (names, is_gone, self) > 0)
    write_names (self, names);
}

/* Once there is a device that they can go on on. */
static void
list_records (KxSession *self)
{
  if (self->listed || !self->device)
    return;
  self->listed = TRUE;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, take_records, kx_holder_new (self));
  g_task_run_in_thread (task, read_records);
}

/* ── Examples ────────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_session_get_data_sets:
 * @session: a session
 *
 * Returns: (transfer none): a #GtkStringList of files and folders
 */
GListModel *
kx_session_get_data_sets (KxSession *self)
{
  return G_LIST_MODEL (self->data_sets);
}

/**
 * kx_session_add_data_set:
 * @session: a session
 * @path: a file or folder of examples, for the list now and at later starts
 */
void
kx_session_add_data_set (KxSession *self, const char *path)
{
  g_auto (GStrv) used = g_settings_get_strv (self->settings, "data-sets");

  append_data_set (self, path);
  if (g_strv_contains ((const char *const *) used, path))
    return;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_strv_builder_addv (builder, (const char **) used);
  g_strv_builder_add (builder, path);
  g_auto (GStrv) now = g_strv_builder_end (builder);
  g_settings_set_strv (self->settings, "data-sets", (const char *const *) now);
}

/**
 * kx_data_set_title:
 * @path: a file or folder of examples
 *
 * Returns: (transfer full): what people call it
 */
char *
kx_data_set_title (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);

  if (g_str_equal (name, "fashion-mnist"))
    return g_strdup ("Fashion-MNIST");
  if (g_str_equal (name, "mnist"))
    return g_strdup ("MNIST");
  return g_filename_display_name (name);
}

/* ── Beginning and end ───────────────────────────────────────────────────────────────────────── */

/**
 * kx_session_begin:
 * @session: a session
 *
 * Looks for devices.
 */
void
kx_session_begin (KxSession *self)
{
  g_return_if_fail (!self->scout);
  self->scout = kx_worker_new ("kolinsky-scout");
  self->watch = g_timeout_add_seconds (1, look_at_load, self);
  kx_session_look_for_devices (self);
}

/**
 * kx_session_end:
 * @session: a session
 *
 * Ends all work: what is worth it is saved, and the threads are joined.
 */
void
kx_session_end (KxSession *self)
{
  if (!self->scout)
    return;
  g_clear_handle_id (&self->watch, g_source_remove);
  kx_undo_forget (self->undo); /* what was removed for good ends now, with its records */
  kx_worker_stop (g_steal_pointer (&self->scout), NULL, NULL);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->devices)); i++)
    {
      g_autoptr (KxDevice) device = g_list_model_get_item (G_LIST_MODEL (self->devices), i);

      kx_device_stop (device);
    }
  kx_news_drain ();
}

/* ── What is shared ──────────────────────────────────────────────────────────────────────────── */

GSettings *
kx_session_get_settings (KxSession *self)
{
  return self->settings;
}

GListModel *
kx_session_get_devices (KxSession *self)
{
  return G_LIST_MODEL (self->devices);
}

GListModel *
kx_session_get_jobs (KxSession *self)
{
  return G_LIST_MODEL (self->jobs);
}

KxUndo *
kx_session_get_undo (KxSession *self)
{
  return self->undo;
}

/* Of those that are over only the latest few stay. */
static void
forget_jobs (KxSession *self)
{
  guint over = 0;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->jobs)); i++)
    {
      g_autoptr (KxJob) job = g_list_model_get_item (G_LIST_MODEL (self->jobs), i);

      if (kx_job_is_over (job) && ++over > FINISHED_JOBS)
        g_list_store_remove (self->jobs, i--);
    }
}

/**
 * kx_session_add_job:
 * @session: a session
 * @job: what has begun; it stands first in the list, unless it is there
 */
void
kx_session_add_job (KxSession *self, KxJob *job)
{
  if (g_list_store_find (self->jobs, job, NULL))
    return;
  g_list_store_insert (self->jobs, 0, job);
  forget_jobs (self);
}

/**
 * kx_session_toast:
 * @session: a session
 * @text: a sentence for people
 * @undoable: whether it can be taken back: kx_undo_push() was just called
 */
void
kx_session_toast (KxSession *self, const char *text, gboolean undoable)
{
  g_signal_emit (self, signals[TOAST], 0, text, undoable);
}

const char *
kx_session_get_page (KxSession *self)
{
  return self->page;
}

/**
 * kx_session_set_page:
 * @session: a session
 * @page: the name of the page that is in sight: its work goes first
 */
void
kx_session_set_page (KxSession *self, const char *page)
{
  if (g_strcmp0 (self->page, page) == 0)
    return;
  g_free (self->page);
  self->page = g_strdup (page);
  share_device (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PAGE]);
}
