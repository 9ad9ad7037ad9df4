/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The kernels of a device, with the time that each takes of what runs there. It may be switched on
 * and off while something runs. The table is read on the device's worker, between two turns.
 */

#include "device-profile.h"

#include <glib/gi18n.h>

#include "news-private.h"
#include "paint-well.h"
#include "table.h"

#define INTERVAL 500                    /* milliseconds from one reading to the next */
#define WINDOW (5 * G_TIME_SPAN_SECOND) /* that the table is about while it is on */

enum { KERNEL, LAUNCHES, TIME, MEAN, SHARE, FLOPS, BANDWIDTH };

struct _KxDeviceProfile {
  GtkBox parent_instance;

  KxSession *session;
  KxDevice *device; /* NULL: none */
  gboolean on;
  gboolean reading; /* the worker has been asked, and has not answered yet */
  guint timer;      /* 0: off */
  gint64 began;     /* microseconds */
  guint number;     /* of this profile: what answers an earlier one is out of date */
  GHashTable *rows; /* kernel -> KxTableRow */
  GQueue past;      /* of Past: earlier readings, the oldest first */

  GtkLabel *text;
  GtkButton *toggle;
  GtkMenuButton *menu;
  KxTable *table;
};

G_DEFINE_FINAL_TYPE (KxDeviceProfile, kx_device_profile, GTK_TYPE_BOX)

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

typedef enum { START, READ, STOP, SAVE } Verb;

/* What the worker is asked, and its answer. */
typedef struct {
  KxHolder *profile;
  KxEngine *engine;
  Verb verb;
  guint number;
  char *path; /* SAVE: where to */

  GPtrArray *totals; /* of KolKernelTotal */
  gint64 time;       /* when they were read; microseconds */
  char *error;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  kx_holder_unref (reading->profile);
  kx_engine_unref (reading->engine);
  g_clear_pointer (&reading->totals, g_ptr_array_unref);
  g_free (reading->path);
  g_free (reading->error);
  g_free (reading);
}

static void take_reading (gpointer data);

static gboolean
do_verb (Reading *reading, KolDevice *device, GError **error)
{
  if (reading->verb == SAVE)
    return kol_device_profile_save (device, reading->path, error);
  if (reading->verb == START)
    kol_device_profile_clear (device);
  return reading->verb == READ || kol_device_set_profiling (device, reading->verb == START, error);
}

static void
read_profile (gpointer data)
{
  Reading *reading = data;
  g_autoptr (GError) error = NULL;
  KolDevice *device = kx_engine_open (reading->engine, &error);

  if (device && do_verb (reading, device, &error))
    reading->totals = kol_device_profile_list (device);
  else
    reading->error = g_strdup (error->message);
  reading->time = g_get_monotonic_time ();
  kx_news_post (take_reading, reading, reading_free);
}

/* ── The latest seconds ──────────────────────────────────────────────────────────────────────── */

/* What had been counted by then. */
typedef struct {
  gint64 time;
  GPtrArray *totals; /* of KolKernelTotal */
} Past;

static void
past_free (gpointer data)
{
  g_ptr_array_unref (((Past *) data)->totals);
  g_free (data);
}

/* The reading that the table's time begins with: of those older than the window the newest. */
static const Past *
begin_of_window (KxDeviceProfile *self, gint64 now)
{
  while (self->past.length > 1
         && ((Past *) g_queue_peek_nth (&self->past, 1))->time <= now - WINDOW)
    past_free (g_queue_pop_head (&self->past));
  return g_queue_peek_head (&self->past);
}

static void
remember (KxDeviceProfile *self, const Reading *reading)
{
  Past *past = g_new (Past, 1);

  *past = (Past){ reading->time, g_ptr_array_ref (reading->totals) };
  g_queue_push_tail (&self->past, past);
}

/* Of what a kernel took in all what it took since. */
static KolKernelTotal
since (const KolKernelTotal *total, const Past *past)
{
  KolKernelTotal rest = *total;

  for (guint i = 0; past && i < past->totals->len; i++)
    {
      const KolKernelTotal *then = g_ptr_array_index (past->totals, i);

      if (!g_str_equal (then->kernel, total->kernel))
        continue;
      double operations = total->flops * total->seconds - then->flops * then->seconds;
      double bytes = total->bandwidth * total->seconds - then->bandwidth * then->seconds;
      rest.launches -= then->launches;
      rest.seconds = rest.launches ? total->seconds - then->seconds : 0;
      rest.flops = rest.seconds > 0 ? operations / rest.seconds : 0;
      rest.bandwidth = rest.seconds > 0 ? bytes / rest.seconds : 0;
    }
  return rest;
}

/* ── What it shows ───────────────────────────────────────────────────────────────────────────── */

/* @passed: seconds that the table is about. */
static void
say (KxDeviceProfile *self, double passed)
{
  const char *name = self->device ? kx_device_get_name (self->device) : "";
  g_autofree char *text = NULL;

  if (!self->on && kx_table_count (self->table) == 0)
    text = g_strdup_printf (_ ("Shows which kernels take the time of what runs on %s. While it is "
                               "off it costs nothing."),
                            name);
  else if (kx_table_count (self->table) == 0)
    text
        = g_strdup_printf (_ ("Nothing has run on %s since the start: begin to train, or any other "
                              "work."),
                           name);
  else
    text = g_strdup_printf (self->on ? _ ("Kernels at work on %s in the last %.1f s.")
                                     : _ ("Kernels at work on %s for %.1f s, then stopped."),
                            name, passed);
  gtk_label_set_label (self->text, text);
}

static void
allow (KxDeviceProfile *self)
{
  gboolean any = kx_table_count (self->table) > 0;

  gtk_button_set_label (self->toggle, self->on ? _ ("Stop") : _ ("Start"));
  gtk_widget_set_sensitive (GTK_WIDGET (self->toggle), self->device != NULL);
  gtk_widget_set_sensitive (GTK_WIDGET (self->menu), any);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "profile.copy", any);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "profile.save-csv", any);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "profile.save-trace", any);
}

static KxTableRow *
find_row (KxDeviceProfile *self, const char *kernel)
{
  KxTableRow *row = g_hash_table_lookup (self->rows, kernel);

  if (row)
    return row;
  row = kx_table_append (self->table);
  kx_table_row_set_text (row, KERNEL, kernel);
  g_hash_table_insert (self->rows, g_strdup (kernel), g_object_ref (row));
  return row;
}

static void
set_number (KxTableRow *row, guint column, double number, const char *format)
{
  g_autofree char *text = g_strdup_printf (format, number);

  kx_table_row_set_number (row, column, number, text);
}

/* A rate in units of 10^9; nothing where it is not counted, or too small to be told. */
static void
set_rate (KxTableRow *row, guint column, double rate)
{
  if (rate >= 5e7)
    set_number (row, column, rate / 1e9, "%.1f");
  else
    kx_table_row_set_number (row, column, 0, "");
}

static void
show_total (KxDeviceProfile *self, const KolKernelTotal *total, double all)
{
  double share_of_all = all > 0 ? total->seconds / all : 0;
  KxTableRow *row = find_row (self, total->kernel);

  set_number (row, LAUNCHES, (double) total->launches, "%.0f");
  set_number (row, TIME, 1e3 * total->seconds, "%.1f");
  set_number (row, MEAN, 1e6 * total->seconds / (double) MAX (total->launches, 1), "%.1f");
  g_autofree char *share = g_strdup_printf (_ ("%.1f %%"), 100 * share_of_all);
  kx_table_row_set_number (row, SHARE, share_of_all, share);
  set_rate (row, FLOPS, total->flops);
  set_rate (row, BANDWIDTH, total->bandwidth);
}

/* While it is on the latest seconds, and then all of it, which is what is saved. */
static void
show_totals (KxDeviceProfile *self, const Reading *reading)
{
  const Past *past = self->on ? begin_of_window (self, reading->time) : NULL;
  double all = 0;

  for (guint i = 0; i < reading->totals->len; i++)
    all += since (g_ptr_array_index (reading->totals, i), past).seconds;
  for (guint i = 0; i < reading->totals->len; i++)
    {
      const KolKernelTotal total = since (g_ptr_array_index (reading->totals, i), past);
      show_total (self, &total, all);
    }
  kx_table_sort (self->table);
  say (self, (double) (reading->time - (past ? past->time : self->began)) / G_USEC_PER_SEC);
}

static void
fail (KxDeviceProfile *self, const char *error)
{
  self->on = FALSE;
  g_clear_handle_id (&self->timer, g_source_remove);
  gtk_label_set_label (self->text, error);
  allow (self);
}

static void
saved (KxDeviceProfile *self, const Reading *reading)
{
  g_autofree char *name = g_filename_display_basename (reading->path);
  g_autofree char *text = g_strdup_printf (_ ("Saved as “%s”"), name);

  kx_session_toast (self->session, reading->error ? reading->error : text, FALSE);
}

static void
take_reading (gpointer data)
{
  Reading *reading = data;
  g_autoptr (KxDeviceProfile) self = kx_holder_get (reading->profile);

  if (!self || reading->number != self->number)
    return;
  if (reading->verb == SAVE)
    {
      saved (self, reading);
      return;
    }
  self->reading = FALSE;
  if (reading->error)
    {
      fail (self, reading->error);
      return;
    }
  if (reading->verb == START)
    self->began = reading->time;
  show_totals (self, reading);
  remember (self, reading);
  allow (self);
}

/* ── On and off ──────────────────────────────────────────────────────────────────────────────── */

static void
ask (KxDeviceProfile *self, Verb verb, const char *path)
{
  KxEngine *engine = kx_device_get_engine (self->device);
  KxWorker *worker = kx_engine_get_worker (engine);

  if (!worker)
    return; /* the application ends */
  Reading *reading = g_new0 (Reading, 1);
  reading->profile = kx_holder_new (self);
  reading->engine = kx_engine_ref (engine);
  reading->verb = verb;
  reading->number = self->number;
  reading->path = g_strdup (path);
  kx_worker_call (worker, read_profile, reading, NULL);
}

static gboolean
read_again (gpointer data)
{
  KxDeviceProfile *self = data;

  if (!self->reading && gtk_widget_get_mapped (GTK_WIDGET (self)))
    {
      self->reading = TRUE;
      ask (self, READ, NULL);
    }
  return G_SOURCE_CONTINUE;
}

static void
start (KxDeviceProfile *self)
{
  self->number++;
  self->on = self->reading = TRUE;
  self->began = g_get_monotonic_time ();
  kx_table_clear (self->table);
  g_hash_table_remove_all (self->rows);
  g_queue_clear_full (&self->past, past_free);
  ask (self, START, NULL);
  self->timer = g_timeout_add (INTERVAL, read_again, self);
  say (self, 0);
  allow (self);
}

static void
stop (KxDeviceProfile *self)
{
  if (!self->on)
    return;
  self->on = FALSE;
  g_clear_handle_id (&self->timer, g_source_remove);
  ask (self, STOP, NULL);
  allow (self);
}

static void
press_toggle (KxDeviceProfile *self)
{
  if (self->on)
    stop (self);
  else if (self->device)
    start (self);
}

/* ── Copying and saving ──────────────────────────────────────────────────────────────────────── */

static void
copy (GtkWidget *widget, const char *name, GVariant *target)
{
  gtk_widget_activate_action (GTK_WIDGET (KX_DEVICE_PROFILE (widget)->table), "table.copy", NULL);
}

static void
save_table (KxDeviceProfile *self, const char *path)
{
  g_autofree char *csv = kx_table_to_csv (self->table);
  g_autofree char *name = g_filename_display_basename (path);
  g_autofree char *text = g_strdup_printf (_ ("Saved as “%s”"), name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, csv, -1, &error);
  kx_session_toast (self->session, error ? error->message : text, FALSE);
}

static void
save_chosen (KxDeviceProfile *self, int response, GtkNativeDialog *dialog)
{
  gboolean trace = g_object_get_data (G_OBJECT (dialog), "trace") != NULL;

  if (response == GTK_RESPONSE_ACCEPT && self->device)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      g_autofree char *path = kx_path_of_file (file);

      if (!path)
        kx_session_toast (self->session,
                          _ ("This place is on another machine; choose a folder of this one"),
                          FALSE);
      else if (trace)
        ask (self, SAVE, path);
      else
        save_table (self, path);
    }
  g_object_unref (dialog);
}

static void
ask_where (KxDeviceProfile *self, const char *title, const char *name, gboolean trace)
{
  GtkFileChooserNative *dialog
      = gtk_file_chooser_native_new (title, GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
                                     GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), _ ("_Cancel"));

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), name);
  g_object_set_data (G_OBJECT (dialog), "trace", GINT_TO_POINTER (trace));
  g_signal_connect_object (dialog, "response", G_CALLBACK (save_chosen), self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

static void
save_csv (GtkWidget *widget, const char *name, GVariant *target)
{
  ask_where (KX_DEVICE_PROFILE (widget), _ ("Save the Table"), "kernels.csv", FALSE);
}

static void
save_trace (GtkWidget *widget, const char *name, GVariant *target)
{
  ask_where (KX_DEVICE_PROFILE (widget), _ ("Save the Trace"), "trace.json", TRUE);
}

/**
 * kx_device_profile_export:
 * @profile: a profile
 *
 * Asks where to save the table, if there is one.
 */
void
kx_device_profile_export (KxDeviceProfile *self)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "profile.save-csv", NULL);
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_device_profile_set_device:
 * @profile: a profile
 * @session: the session
 * @device: (nullable): the device that it is about from now on; another one is left alone
 */
void
kx_device_profile_set_device (KxDeviceProfile *self, KxSession *session, KxDevice *device)
{
  self->session = session;
  if (device == self->device)
    return;
  stop (self);
  self->number++;
  g_set_object (&self->device, device);
  kx_table_clear (self->table);
  g_hash_table_remove_all (self->rows);
  say (self, 0);
  allow (self);
}

static void
kx_device_profile_dispose (GObject *object)
{
  KxDeviceProfile *self = KX_DEVICE_PROFILE (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_pointer (&self->rows, g_hash_table_unref);
  g_queue_clear_full (&self->past, past_free);
  g_clear_object (&self->device);
  G_OBJECT_CLASS (kx_device_profile_parent_class)->dispose (object);
}

static void
kx_device_profile_class_init (KxDeviceProfileClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_device_profile_dispose;
  g_type_ensure (KX_TYPE_TABLE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/device-profile.ui");
#define BIND(child) gtk_widget_class_bind_template_child (widget_class, KxDeviceProfile, child)
  BIND (text);
  BIND (toggle);
  BIND (menu);
  BIND (table);
#undef BIND
  gtk_widget_class_bind_template_callback (widget_class, press_toggle);
  gtk_widget_class_install_action (widget_class, "profile.copy", NULL, copy);
  gtk_widget_class_install_action (widget_class, "profile.save-csv", NULL, save_csv);
  gtk_widget_class_install_action (widget_class, "profile.save-trace", NULL, save_trace);
}

static void
kx_device_profile_init (KxDeviceProfile *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->rows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  kx_table_set_name (self->table, _ ("Time of the kernels"));
  kx_table_set_empty (self->table, "power-profile-performance-symbolic",
                      _ ("No kernels timed yet"));
  kx_table_add_column (self->table, _ ("Kernel"), FALSE, TRUE);
  kx_table_add_column (self->table, _ ("Launches"), TRUE, FALSE);
  kx_table_add_column (self->table, _ ("Time, ms"), TRUE, FALSE);
  kx_table_add_column (self->table, _ ("Mean, µs"), TRUE, FALSE);
  kx_table_add_bar_column (self->table, _ ("Share"));
  kx_table_add_column (self->table, _ ("GFLOP/s"), TRUE, FALSE);
  kx_table_add_column (self->table, _ ("GB/s"), TRUE, FALSE);
  kx_table_sort_by (self->table, TIME);
  allow (self);
}
