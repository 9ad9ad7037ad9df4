/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The OpenCL devices of the computer: how fast they are, whether they are right. */

#include "devices-page.h"

#include <glib/gi18n.h>
#include <math.h>

#include "device-profile.h"
#include "device-step.h"
#include "device-work.h"
#include "news-private.h"
#include "presence.h"
#include "table.h"

struct _KxDevicesPage {
  KxPage parent_instance;

  KxSession *session;         /* the window's */
  GSimpleActionGroup *doable; /* "devices", of the window: its header has a button */
  KxDeviceWork *verify, *tune;
  KxRun *run;              /* in training; NULL: none */
  GPtrArray *measuring;    /* of KxDeviceWork */
  GHashTable *rows;        /* of KxTableRow: "conv2d simd" */
  GtkCheckButton *group;   /* not shown: a single one in the list, too, is one of several */
  guint wrong, right, off; /* variants of the latest verification */
  double worst;            /* difference of the latest comparison... */
  KxDevice *compared;      /* ...of this device, unless another one is chosen now; else NULL */
  gboolean comparing;
  guint listing; /* number of the latest listing of what is remembered */

  GtkStack *stack;
  GtkListBox *list;
  AdwViewStack *tabs;
  GtkWidget *verify_tab, *tuning_tab, *compare_tab;
  GtkLabel *verify_text, *tuning_text, *compare_text;
  GtkCheckButton *all_cases;
  GtkButton *compare_button;
  GtkDropDown *other;
  KxTable *verify_table, *tuning_table, *compare_table;
  KxDeviceProfile *profile;
};

G_DEFINE_FINAL_TYPE (KxDevicesPage, kx_devices_page, KX_TYPE_PAGE)

static gboolean
is_busy (KxDeviceWork *work)
{
  return work && !kx_job_is_over (kx_device_work_get_job (work));
}

/* ── What can be done ────────────────────────────────────────────────────────────────────────── */

static void
enable (KxDevicesPage *self, const char *name, gboolean enabled)
{
  GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self->doable), name);

  g_simple_action_set_enabled (G_SIMPLE_ACTION (action), enabled);
}

static void
allow (KxDevicesPage *self)
{
  GListModel *devices = kx_session_get_devices (self->session);
  gboolean any = kx_session_get_device (self->session) != NULL;

  enable (self, "tune", any && !is_busy (self->tune));
  enable (self, "compare", any && !self->comparing && g_list_model_get_n_items (devices) > 1);
  for (GtkWidget *row = self->list ? gtk_widget_get_first_child (GTK_WIDGET (self->list)) : NULL;
       row; row = gtk_widget_get_next_sibling (row))
    gtk_widget_set_sensitive (g_object_get_data (G_OBJECT (row), "verify"),
                              !is_busy (self->verify));
}

static void
say_fault (KxDevicesPage *self, const char *error)
{
  if (error)
    kx_page_show_fault (KX_PAGE (self), error, _ ("Look Again"), "devices.look", NULL);
}

static void
follow (KxDevicesPage *self, KxDeviceWork *work, GCallback over)
{
  kx_page_clear_fault (KX_PAGE (self));
  g_signal_connect_object (work, "over", over, self, G_CONNECT_SWAPPED);
  allow (self);
}

/* ── Verify ──────────────────────────────────────────────────────────────────────────────────── */

static const char *
describe_verdict (const KxVerdict *verdict)
{
  if (verdict->struck)
    return _ ("Wrong: switched off");
  if (verdict->failed)
    return verdict->complete ? _ ("Wrong, and nothing can replace it") : _ ("Wrong");
  return verdict->complete ? _ ("Right") : _ ("Right so far");
}

static KxTableRow *
find_row (KxDevicesPage *self, const KxVerdict *verdict)
{
  g_autofree char *key = g_strdup_printf ("%s %s", verdict->op, verdict->variant);
  KxTableRow *row = g_hash_table_lookup (self->rows, key);

  if (row)
    return row;
  row = kx_table_append (self->verify_table);
  kx_table_row_set_text (row, 0, verdict->op);
  kx_table_row_set_text (row, 1, verdict->variant);
  g_hash_table_insert (self->rows, g_steal_pointer (&key), g_object_ref (row));
  return row;
}

static void
take_verdict (KxDevicesPage *self, const KxVerdict *verdict)
{
  KxTableRow *row = find_row (self, verdict);
  guint checks = verdict->passed + verdict->failed;
  g_autofree char *count = g_strdup_printf ("%u", checks);
  g_autofree char *difference = g_strdup_printf ("%.1e", verdict->difference);
  g_autofree char *limit = g_strdup_printf ("%.1e", verdict->tolerance);
  g_autofree char *result
      = verdict->reason ? g_strdup_printf ("%s: %s", describe_verdict (verdict), verdict->reason)
                        : g_strdup (describe_verdict (verdict));

  kx_table_row_set_number (row, 2, checks, count);
  kx_table_row_set_number (row, 3, verdict->difference, difference);
  kx_table_row_set_number (row, 4, verdict->tolerance, limit);
  kx_table_row_set_text (row, 5, result);
  if (!verdict->complete)
    return;
  *(verdict->failed ? &self->wrong : &self->right) += 1;
  self->off += verdict->struck;
}

static void
verified (KxDevicesPage *self, gboolean all, const char *error)
{
  const char *name = kx_device_get_name (kx_device_work_get_device (self->verify));
  g_autofree char *text
      = all && !self->wrong
            ? g_strdup_printf (_ ("All %u ways to compute are right on %s."), self->right, name)
        : self->wrong
            ? g_strdup_printf (_ ("%u right and %u wrong on %s; %u switched off."), self->right,
                               self->wrong, name, self->off)
            : g_strdup_printf (_ ("%u right on %s; the others were not tried."), self->right, name);

  gtk_label_set_label (self->verify_text, text);
  say_fault (self, error);
  allow (self);
}

static void
verify_device (KxDevicesPage *self, KxDevice *device)
{
  if (is_busy (self->verify))
    return;
  g_clear_object (&self->verify);
  kx_table_clear (self->verify_table);
  g_hash_table_remove_all (self->rows);
  self->wrong = self->right = self->off = 0;
  KxWorkKind kind
      = gtk_check_button_get_active (self->all_cases) ? KX_WORK_VERIFY_ALL : KX_WORK_VERIFY;
  self->verify = kx_device_work_start (self->session, device, kind);
  g_autofree char *text = g_strdup_printf (_ ("Verifying %s…"), kx_device_get_name (device));
  gtk_label_set_label (self->verify_text, text);
  g_signal_connect_object (self->verify, "verdict", G_CALLBACK (take_verdict), self,
                           G_CONNECT_SWAPPED);
  follow (self, self->verify, G_CALLBACK (verified));
  adw_view_stack_set_visible_child (self->tabs, self->verify_tab);
}

/* ── Tuning ──────────────────────────────────────────────────────────────────────────────────── */

/* What is remembered, as the worker has read it. */
typedef struct {
  GWeakRef page;
  KxEngine *engine;
  guint number;
  GPtrArray *choices, *struck;
  char *error;
} Listing;

static void
listing_free (gpointer data)
{
  Listing *listing = data;

  g_weak_ref_clear (&listing->page);
  kx_engine_unref (listing->engine);
  g_clear_pointer (&listing->choices, g_ptr_array_unref);
  g_clear_pointer (&listing->struck, g_ptr_array_unref);
  g_free (listing->error);
  g_free (listing);
}

static char *
format_seconds (double seconds)
{
  return seconds <= 0      ? g_strdup (_ ("not used"))
         : seconds >= 1e-3 ? g_strdup_printf (_ ("%.2f ms"), 1e3 * seconds)
                           : g_strdup_printf (_ ("%.1f µs"), 1e6 * seconds);
}

static void
add_choice (KxDevicesPage *self, const KolTuningChoice *choice)
{
  KxTableRow *row = kx_table_append (self->tuning_table);
  g_autoptr (GString) others = g_string_new (NULL);
  const char *space = strchr (choice->key, ' ');
  g_autofree char *op
      = space ? g_strndup (choice->key, space - choice->key) : g_strdup (choice->key);

  kx_table_row_set_text (row, 0, op);
  kx_table_row_set_text (row, 1, space ? space + 1 : "");
  kx_table_row_set_text (row, 2, choice->variant);
  for (gsize i = 0; i < choice->n; i++)
    {
      g_autofree char *time = format_seconds (choice->seconds[i]);

      if (g_strcmp0 (choice->names[i], choice->variant) == 0)
        kx_table_row_set_number (row, 3, choice->seconds[i], time);
      else
        g_string_append_printf (others, "%s%s %s", others->len ? ", " : "", choice->names[i], time);
    }
  kx_table_row_set_text (row, 4, others->str);
}

static void
add_struck (KxDevicesPage *self, const KolTuningStruck *struck)
{
  KxTableRow *row = kx_table_append (self->tuning_table);
  g_auto (GStrv) names = g_strsplit (struck->variant, "/", 2);
  g_autofree char *reason
      = g_strdup_printf (_ ("%s is switched off: %s"), names[1] ? names[1] : "", struck->reason);

  kx_table_row_set_text (row, 0, names[0]);
  kx_table_row_set_text (row, 4, reason);
}

static void
take_listing (gpointer data)
{
  Listing *listing = data;
  g_autoptr (KxDevicesPage) self = g_weak_ref_get (&listing->page);

  if (!self || listing->number != self->listing)
    return;
  say_fault (self, listing->error);
  if (listing->error)
    return;
  kx_table_clear (self->tuning_table);
  for (guint i = 0; i < listing->struck->len; i++)
    add_struck (self, g_ptr_array_index (listing->struck, i));
  for (guint i = 0; i < listing->choices->len; i++)
    add_choice (self, g_ptr_array_index (listing->choices, i));
  g_autofree char *text
      = listing->choices->len + listing->struck->len
            ? g_strdup_printf (g_dngettext (NULL, "%u choice is remembered for this device.",
                                            "%u choices are remembered for this device.",
                                            listing->choices->len),
                               listing->choices->len)
            : g_strdup (_ ("Nothing is remembered for this device yet. What can be computed in "
                           "several ways is measured when it is first needed, or now."));
  gtk_label_set_label (self->tuning_text, text);
}

static void
read_listing (gpointer data)
{
  Listing *listing = data;
  g_autoptr (GError) error = NULL;
  KolDevice *device = kx_engine_open (listing->engine, &error);

  if (device)
    {
      listing->choices = kol_device_list_choices (device);
      listing->struck = kol_device_list_struck (device);
    }
  else
    listing->error = g_strdup (error->message);
  kx_news_post (take_listing, listing, listing_free);
}

/* Only while it is in sight: the device must be opened for it. */
static void
list_tuning (KxDevicesPage *self)
{
  KxDevice *device = self->session ? kx_session_get_device (self->session) : NULL;

  if (!device || !gtk_widget_get_mapped (self->tuning_tab))
    return;
  Listing *listing = g_new0 (Listing, 1);
  KxEngine *engine = kx_device_get_engine (device);
  g_weak_ref_init (&listing->page, self);
  listing->engine = kx_engine_ref (engine);
  listing->number = ++self->listing;
  kx_worker_call (kx_engine_get_worker (engine), read_listing, listing, NULL);
}

static void
tuned (KxDevicesPage *self, gboolean all, const char *error)
{
  say_fault (self, error);
  list_tuning (self);
  allow (self);
}

static void
tune (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  KxDevicesPage *self = data;

  g_clear_object (&self->tune);
  self->tune
      = kx_device_work_start (self->session, kx_session_get_device (self->session), KX_WORK_TUNE);
  follow (self, self->tune, G_CALLBACK (tuned));
}

/* ── Compare ─────────────────────────────────────────────────────────────────────────────────── */

static void
take_step (const char *name, const char *shape, double difference, gpointer data)
{
  KxDevicesPage *self = data;
  g_autofree char *text = g_strdup_printf ("%.1e", difference);

  if (!self->compared) /* another device was chosen meanwhile */
    return;
  KxTableRow *row = kx_table_append (self->compare_table);
  self->worst = fmax (self->worst, difference);
  kx_table_row_set_text (row, 0, name);
  kx_table_row_set_text (row, 1, shape);
  kx_table_row_set_number (row, 2, difference, text);
}

static void
compared (const char *error, gpointer data)
{
  KxDevicesPage *self = data;
  g_autofree char *text = g_strdup_printf (
      _ ("The largest difference is %.1e of the largest value. Numbers have 24 bits: what is below "
         "1e-5 comes from the order of additions."),
      self->worst);

  if (self->compared)
    gtk_label_set_label (self->compare_text, error ? error : text);
  self->compared = NULL;
  self->comparing = FALSE;
  say_fault (self, error);
  allow (self);
}

static void
compare (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  KxDevicesPage *self = data;
  KxDevice *other = gtk_drop_down_get_selected_item (self->other);

  if (!other)
    return;
  kx_table_clear (self->compare_table);
  self->worst = 0;
  self->compared = kx_session_get_device (self->session);
  self->comparing = TRUE;
  allow (self);
  gtk_label_set_label (
      self->compare_text,
      _ ("Computing the step on both devices; the first time kernels are compiled…"));
  kx_device_step_compare (self->compared, other, G_OBJECT (self), take_step, compared);
}

/* ── The list ────────────────────────────────────────────────────────────────────────────────── */

static void
look_again (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  kx_page_clear_fault (KX_PAGE (data));
  kx_session_look_for_devices (KX_DEVICES_PAGE (data)->session);
}

static KxDevice *
device_of (GtkWidget *button)
{
  return g_object_get_data (G_OBJECT (button), "device");
}

static void
choose (KxDevicesPage *self, GtkCheckButton *button)
{
  if (gtk_check_button_get_active (button))
    kx_session_set_device (self->session, device_of (GTK_WIDGET (button)));
}

/* How fast each is, compared with the fastest, where several were measured. */
static void
show_bars (KxDevicesPage *self)
{
  double most = 0;
  guint measured = 0;

  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->list)); row;
       row = gtk_widget_get_next_sibling (row))
    {
      most = fmax (most, kx_device_get_flops (device_of (row)));
      measured += kx_device_get_flops (device_of (row)) > 0;
    }
  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->list)); row;
       row = gtk_widget_get_next_sibling (row))
    {
      GtkWidget *bar = g_object_get_data (G_OBJECT (row), "bar");
      double flops = kx_device_get_flops (device_of (row));

      gtk_widget_set_visible (bar, flops > 0 && measured > 1);
      gtk_level_bar_set_value (GTK_LEVEL_BAR (bar), most > 0 ? flops / most : 0);
    }
}

static void
speed_changed (GtkWidget *row)
{
  GtkWidget *page = gtk_widget_get_ancestor (row, KX_TYPE_DEVICES_PAGE);

  if (page && KX_DEVICES_PAGE (page)->list)
    show_bars (KX_DEVICES_PAGE (page));
}

static GtkWidget *
make_bar (void)
{
  GtkLevelBar *bar = GTK_LEVEL_BAR (gtk_level_bar_new_for_interval (0, 1));

  gtk_level_bar_remove_offset_value (bar, GTK_LEVEL_BAR_OFFSET_LOW);
  gtk_level_bar_remove_offset_value (bar, GTK_LEVEL_BAR_OFFSET_HIGH);
  gtk_level_bar_remove_offset_value (bar, GTK_LEVEL_BAR_OFFSET_FULL);
  gtk_accessible_update_property (GTK_ACCESSIBLE (bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Speed, compared with the fastest device"), -1);
  return GTK_WIDGET (bar);
}

/* Its speed in numbers, and as a bar below them. */
static GtkWidget *
make_speed (KxDevice *device, GtkWidget *bar)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *speed = gtk_label_new (NULL);

  gtk_widget_add_css_class (speed, "numeric");
  gtk_label_set_justify (GTK_LABEL (speed), GTK_JUSTIFY_RIGHT);
  gtk_label_set_xalign (GTK_LABEL (speed), 1);
  g_object_bind_property (device, "speed", speed, "label", G_BINDING_SYNC_CREATE);
  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), speed);
  gtk_box_append (GTK_BOX (box), bar);
  return box;
}

static void
press_verify (KxDevicesPage *self, GtkWidget *button)
{
  verify_device (self, device_of (button));
}

static void
measured (KxDevicesPage *self, gboolean all, const char *error)
{
  say_fault (self, error);
}

static void
press_measure (KxDevicesPage *self, GtkWidget *button)
{
  KxDeviceWork *work = kx_device_work_start (self->session, device_of (button), KX_WORK_SPEED);

  g_ptr_array_add (self->measuring, work);
  g_object_bind_property (kx_device_work_get_job (work), "over", button, "sensitive",
                          G_BINDING_SYNC_CREATE);
  follow (self, work, G_CALLBACK (measured));
}

static GtkWidget *
make_button (KxDevicesPage *self, KxDevice *device, const char *label, const char *what,
             GCallback clicked)
{
  GtkWidget *button = gtk_button_new_with_label (label);
  g_autofree char *name = g_strdup_printf (what, kx_device_get_name (device));

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_object_set_data_full (G_OBJECT (button), "device", g_object_ref (device), g_object_unref);
  g_signal_connect_object (button, "clicked", clicked, self, G_CONNECT_SWAPPED);
  return button;
}

static GtkWidget *
make_radio (KxDevicesPage *self, KxDevice *device)
{
  GtkWidget *radio = gtk_check_button_new ();

  gtk_widget_set_valign (radio, GTK_ALIGN_CENTER);
  gtk_check_button_set_group (GTK_CHECK_BUTTON (radio), self->group);
  gtk_check_button_set_active (GTK_CHECK_BUTTON (radio),
                               device == kx_session_get_device (self->session));
  g_object_set_data_full (G_OBJECT (radio), "device", g_object_ref (device), g_object_unref);
  g_signal_connect_object (radio, "toggled", G_CALLBACK (choose), self, G_CONNECT_SWAPPED);
  return radio;
}

/* ── Moving the run in training ──────────────────────────────────────────────────────────────── */

typedef struct {
  KxRun *run;
  KxDevice *from, *to;
} Move;

static void
move_free (gpointer data)
{
  Move *move = data;

  g_object_unref (move->run);
  g_object_unref (move->from);
  g_object_unref (move->to);
  g_free (move);
}

static void
move_back (gpointer data)
{
  kx_run_move (((Move *) data)->run, ((Move *) data)->from);
}

static void
move_again (gpointer data)
{
  kx_run_move (((Move *) data)->run, ((Move *) data)->to);
}

static void
press_move (KxDevicesPage *self, GtkWidget *button)
{
  KxDevice *to = device_of (button);
  g_autofree char *title = g_strdup_printf (_ ("%s moved to %s"), kx_run_get_name (self->run),
                                            kx_device_get_name (to));
  Move *move = g_new (Move, 1);

  *move = (Move){ g_object_ref (self->run), g_object_ref (kx_run_get_device (self->run)),
                  g_object_ref (to) };
  move_again (move);
  kx_undo_push (kx_session_get_undo (self->session), title, move_back, move_again, move, move_free);
  kx_session_toast (self->session, title, TRUE);
}

/* Where the run trains its row says so; the others offer to have it. */
static void
show_run_in_row (KxDevicesPage *self, GtkWidget *row)
{
  KxDevice *device = device_of (row);
  GtkWidget *move = g_object_get_data (G_OBJECT (row), "move");
  const char *facts = g_object_get_data (G_OBJECT (row), "facts");
  gboolean there = self->run && !kx_run_is_over (self->run);
  gboolean here = there && kx_run_get_device (self->run) == device;
  g_autofree char *subtitle
      = here ? g_markup_printf_escaped (_ ("trains %s · %s"), kx_run_get_name (self->run), facts)
             : g_markup_escape_text (facts, -1);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  gtk_widget_set_visible (move, there && !here && !kx_run_follows_job (self->run));
  if (!there)
    return;
  g_autofree char *name = g_strdup_printf (_ ("Move %s to %s"), kx_run_get_name (self->run),
                                           kx_device_get_name (device));
  g_autofree char *tip
      = g_strdup_printf (_ ("Move %s to %s: it saves a checkpoint, and goes on there"),
                         kx_run_get_name (self->run), kx_device_get_name (device));
  gtk_widget_set_sensitive (move, kx_run_can_move (self->run));
  gtk_widget_set_tooltip_text (move, tip);
  gtk_accessible_update_property (GTK_ACCESSIBLE (move), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static void
show_run (KxDevicesPage *self)
{
  for (GtkWidget *row = self->list ? gtk_widget_get_first_child (GTK_WIDGET (self->list)) : NULL;
       row; row = gtk_widget_get_next_sibling (row))
    show_run_in_row (self, row);
}

static void
follow_run (KxDevicesPage *self)
{
  KxRun *run = kx_session_get_run (self->session);

  if (self->run)
    g_signal_handlers_disconnect_by_func (self->run, show_run, self);
  g_set_object (&self->run, run);
  for (guint i = 0; run && i < 3; i++)
    {
      static const char *const signals[] = { "notify::state", "notify::device", "notify::name" };
      g_signal_connect_object (run, signals[i], G_CALLBACK (show_run), self, G_CONNECT_SWAPPED);
    }
  show_run (self);
}

static GtkWidget *
make_row (gpointer item, gpointer data)
{
  KxDevice *device = item;
  KxDevicesPage *self = data;
  const KolDeviceInfo *info = kx_device_get_info (device);
  g_autofree char *size = g_format_size_full (info->memory, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *title = g_markup_escape_text (info->name, -1);
  g_autofree char *units = g_strdup_printf (
      g_dngettext (NULL, "%u compute unit", "%u compute units", info->compute_units),
      info->compute_units);
  char *facts = g_strdup_printf (_ ("%s · %s · driver %s · %s · %s"), info->type, info->platform,
                                 info->driver, units, size);
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *radio = make_radio (self, device);
  GtkWidget *bar = make_bar ();
  GtkWidget *move
      = make_button (self, device, _ ("Move Here"), _ ("Move to %s"), G_CALLBACK (press_move));
  GtkWidget *verify
      = make_button (self, device, _ ("Verify"), _ ("Verify %s"), G_CALLBACK (press_verify));

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 2);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), radio);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), radio);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), make_speed (device, bar));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), move);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), make_button (self, device, _ ("Measure"),
                                                                _ ("Measure the speed of %s"),
                                                                G_CALLBACK (press_measure)));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), verify);
  g_object_set_data_full (G_OBJECT (row), "device", g_object_ref (device), g_object_unref);
  g_object_set_data_full (G_OBJECT (row), "facts", facts, g_free);
  g_object_set_data (G_OBJECT (row), "move", move);
  g_object_set_data (G_OBJECT (row), "bar", bar);
  g_object_set_data (G_OBJECT (row), "radio", radio);
  g_object_set_data (G_OBJECT (row), "verify", verify);
  g_signal_connect_object (device, "notify::speed", G_CALLBACK (speed_changed), row,
                           G_CONNECT_SWAPPED);
  show_run_in_row (self, row);
  return row;
}

static gboolean
is_other (gpointer item, gpointer data)
{
  return item != kx_session_get_device (KX_DEVICES_PAGE (data)->session);
}

static void
set_up_other (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_width_chars (GTK_LABEL (label), 16);
  gtk_list_item_set_child (item, label);
}

static void
bind_other (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  KxDevice *device = gtk_list_item_get_item (item);
  GtkWidget *label = gtk_list_item_get_child (item);
  g_autofree char *name = g_strdup_printf ("%s (%s)", kx_device_get_name (device),
                                           kx_device_get_info (device)->platform);

  gtk_label_set_label (GTK_LABEL (label), name);
  gtk_widget_set_tooltip_text (label, name);
}

/* The device to compare with is any but the chosen one. */
static void
offer_others (KxDevicesPage *self)
{
  GListModel *devices = kx_session_get_devices (self->session);
  KxDevice *chosen = kx_session_get_device (self->session);
  GtkFilter *filter = GTK_FILTER (gtk_custom_filter_new (is_other, self, NULL));
  g_autoptr (GtkFilterListModel) others
      = gtk_filter_list_model_new (g_object_ref (devices), filter);
  gboolean two = g_list_model_get_n_items (devices) > 1;
  g_autofree char *text
      = two && chosen
            ? g_strdup_printf (_ ("The same training step on %s and on another device, with the "
                                  "difference of each value."),
                               kx_device_get_name (chosen))
            : g_strdup (_ ("To compare the same training step on two devices a second OpenCL "
                           "driver must be installed."));

  gtk_drop_down_set_model (self->other, G_LIST_MODEL (others));
  gtk_widget_set_visible (GTK_WIDGET (self->other), two);
  gtk_widget_set_visible (GTK_WIDGET (self->compare_button), two);
  gtk_label_set_label (self->compare_text, text);
  kx_table_clear (self->compare_table);
  self->compared = NULL;
}

/* What the tabs are about. */
static void
show_device (KxDevicesPage *self)
{
  offer_others (self);
  list_tuning (self);
  kx_device_profile_set_device (self->profile, self->session,
                                kx_session_get_device (self->session));
  allow (self);
}

/* The list is made anew: what there is has changed. */
static void
show_devices (KxDevicesPage *self)
{
  GListModel *devices = kx_session_get_devices (self->session);
  guint n = g_list_model_get_n_items (devices);
  gboolean looked;

  g_object_get (self->session, "looked", &looked, NULL);
  gtk_list_box_bind_model (self->list, devices, make_row, self, NULL);
  show_bars (self);
  gtk_stack_set_visible_child_name (self->stack, n ? "devices" : looked ? "empty" : "looking");
  g_autofree char *caption
      = n ? g_strdup_printf (g_dngettext (NULL, "%u device", "%u devices", n), n)
          : g_strdup (looked ? _ ("none") : "");
  kx_page_set_caption (KX_PAGE (self), caption);
  enable (self, "look", looked);
  show_device (self);
}

/* Another one is chosen: rows stay, and with them the focus of the keys. */
static void
device_changed (KxDevicesPage *self)
{
  KxDevice *chosen = kx_session_get_device (self->session);
  guint rows = 0;

  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->list)); row;
       row = gtk_widget_get_next_sibling (row), rows++)
    if (device_of (row) == chosen)
      gtk_check_button_set_active (g_object_get_data (G_OBJECT (row), "radio"), TRUE);
  if (chosen && rows == g_list_model_get_n_items (kx_session_get_devices (self->session)))
    show_device (self);
  else
    show_devices (self);
}

/* ── The page ────────────────────────────────────────────────────────────────────────────────── */

static void
attach (KxPage *page, KxSession *session)
{
  KxDevicesPage *self = KX_DEVICES_PAGE (page);

  self->session = session;
  gtk_widget_insert_action_group (GTK_WIDGET (gtk_widget_get_root (GTK_WIDGET (self))), "devices",
                                  G_ACTION_GROUP (self->doable));
  g_signal_connect_object (session, "notify::device", G_CALLBACK (device_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::looked", G_CALLBACK (show_devices), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::run", G_CALLBACK (follow_run), self,
                           G_CONNECT_SWAPPED);
  show_devices (self);
  follow_run (self);
}

static void export(KxPage *page) { kx_device_profile_export (KX_DEVICES_PAGE (page)->profile); }

static void
kx_devices_page_dispose (GObject *object)
{
  KxDevicesPage *self = KX_DEVICES_PAGE (object);

  if (self->list)
    gtk_list_box_bind_model (self->list, NULL, NULL, NULL, NULL);
  self->list = NULL;
  g_clear_object (&self->group);
  g_clear_object (&self->run);
  g_clear_object (&self->doable);
  g_clear_object (&self->verify);
  g_clear_object (&self->tune);
  g_clear_pointer (&self->measuring, g_ptr_array_unref);
  g_clear_pointer (&self->rows, g_hash_table_unref);
  G_OBJECT_CLASS (kx_devices_page_parent_class)->dispose (object);
}

static void
kx_devices_page_class_init (KxDevicesPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_devices_page_dispose;
  KX_PAGE_CLASS (klass)->attach = attach;
  KX_PAGE_CLASS (klass)->export = export;
  g_type_ensure (KX_TYPE_TABLE);
  g_type_ensure (KX_TYPE_DEVICE_PROFILE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/devices-page.ui");
#define BIND(child) gtk_widget_class_bind_template_child (widget_class, KxDevicesPage, child)
  BIND (stack);
  BIND (list);
  BIND (tabs);
  BIND (verify_tab);
  BIND (tuning_tab);
  BIND (compare_tab);
  BIND (verify_text);
  BIND (tuning_text);
  BIND (compare_text);
  BIND (all_cases);
  BIND (compare_button);
  BIND (other);
  BIND (verify_table);
  BIND (tuning_table);
  BIND (compare_table);
  BIND (profile);
#undef BIND
}

static void
add_columns (KxDevicesPage *self)
{
  kx_table_set_name (self->verify_table, _ ("Results of the verification"));
  kx_table_set_empty (self->verify_table, "object-select-symbolic", _ ("No results yet"));
  kx_table_add_column (self->verify_table, _ ("Operation"), FALSE, FALSE);
  kx_table_add_column (self->verify_table, _ ("Variant"), FALSE, FALSE);
  kx_table_add_column (self->verify_table, _ ("Checks"), TRUE, FALSE);
  kx_table_add_column (self->verify_table, _ ("Largest error"), TRUE, FALSE);
  kx_table_add_column (self->verify_table, _ ("Limit"), TRUE, FALSE);
  kx_table_add_column (self->verify_table, _ ("Result"), FALSE, TRUE);
  kx_table_set_name (self->tuning_table, _ ("What is remembered"));
  kx_table_set_empty (self->tuning_table, "preferences-other-symbolic", _ ("No choices yet"));
  kx_table_add_column (self->tuning_table, _ ("Operation"), FALSE, FALSE);
  kx_table_add_column (self->tuning_table, _ ("Shapes"), FALSE, TRUE);
  kx_table_add_column (self->tuning_table, _ ("Fastest"), FALSE, FALSE);
  kx_table_add_column (self->tuning_table, _ ("Time"), TRUE, FALSE);
  kx_table_add_column (self->tuning_table, _ ("Others"), FALSE, TRUE);
  kx_table_set_name (self->compare_table, _ ("Differences between the devices"));
  kx_table_set_empty (self->compare_table, "view-dual-symbolic", _ ("Not compared yet"));
  kx_table_add_column (self->compare_table, _ ("Value"), FALSE, TRUE);
  kx_table_add_column (self->compare_table, _ ("Shape"), FALSE, FALSE);
  kx_table_add_column (self->compare_table, _ ("Difference"), TRUE, FALSE);
}

static void
kx_devices_page_init (KxDevicesPage *self)
{
  static const GActionEntry actions[] = {
    { "look", look_again },
    { "tune", tune },
    { "compare", compare },
  };

  self->group = g_object_ref_sink (GTK_CHECK_BUTTON (gtk_check_button_new ()));
  self->doable = g_simple_action_group_new ();
  g_action_map_add_action_entries (G_ACTION_MAP (self->doable), actions, G_N_ELEMENTS (actions),
                                   self);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->measuring = g_ptr_array_new_with_free_func (g_object_unref);
  self->rows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  add_columns (self);
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  g_signal_connect (factory, "setup", G_CALLBACK (set_up_other), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_other), NULL);
  gtk_drop_down_set_factory (self->other, factory);
  GtkWidget *tabs[]
      = { self->verify_tab, GTK_WIDGET (self->profile), self->tuning_tab, self->compare_tab };
  for (guint i = 0; i < G_N_ELEMENTS (tabs); i++)
    kx_presence_follow (tabs[i]);
  g_signal_connect_object (self->tuning_tab, "map", G_CALLBACK (list_tuning), self,
                           G_CONNECT_SWAPPED);
}
