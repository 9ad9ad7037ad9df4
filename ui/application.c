/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The application: settings, actions and keys that are the same in every window, style. */

#include "application.h"

#include <glib/gi18n.h>

#include "preferences.h"
#include "stalls.h"
#include "tour.h"
#include "window.h"

#define SCHEMA "org.kolinsky.Explorer"
#define TOUR_WIDTH 880 /* at most, as the window may be narrower */
#define TOUR_HEIGHT 720

struct _KxApplication {
  AdwApplication parent_instance;

  GSettings *settings;
  KxSession *session;
};

G_DEFINE_FINAL_TYPE (KxApplication, kx_application, ADW_TYPE_APPLICATION)

/*
 * The schema as it is installed; in a prefix that the system does not look into, from there; and
 * before any installation from the folder of the program.
 */
static GSettings *
open_settings (void)
{
  GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema
      = source ? g_settings_schema_source_lookup (source, SCHEMA, TRUE) : NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = program ? g_path_get_dirname (program) : NULL;
  const char *const places[] = { KX_DATADIR "/glib-2.0/schemas", folder };

  for (guint i = 0; !schema && i < G_N_ELEMENTS (places); i++)
    {
      g_autoptr (GSettingsSchemaSource) there
          = places[i] ? g_settings_schema_source_new_from_directory (places[i], source, TRUE, NULL)
                      : NULL;
      schema = there ? g_settings_schema_source_lookup (there, SCHEMA, FALSE) : NULL;
    }
  if (!schema)
    {
      g_printerr (
          _ ("The settings' schema %s is not installed; `meson install` puts it in place\n"),
          SCHEMA);
      return NULL;
    }
  return g_settings_new_full (schema, NULL, NULL);
}

static void
apply_color_scheme (KxApplication *self)
{
  g_autofree char *scheme = g_settings_get_string (self->settings, "color-scheme");

  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      g_str_equal (scheme, "dark")    ? ADW_COLOR_SCHEME_FORCE_DARK
                                      : g_str_equal (scheme, "light") ? ADW_COLOR_SCHEME_FORCE_LIGHT
                                                                      : ADW_COLOR_SCHEME_DEFAULT);
}

/* ── Actions ─────────────────────────────────────────────────────────────────────────────────── */

static void
show_about (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (data));

  adw_show_about_window (window, "application-name", _ ("Kolinsky Explorer"), "application-icon",
                         SCHEMA, "version", KOL_VERSION, "developer-name",
                         _ ("The Kolinsky authors"), "license-type", GTK_LICENSE_MIT_X11,
                         "comments", _ ("Watch what a network learns, on any OpenCL device"), NULL);
}

static void
show_preferences (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  KxApplication *self = data;
  GtkWindow *parent = gtk_application_get_active_window (GTK_APPLICATION (self));
  KxPreferences *preferences = kx_preferences_new (self->settings);

  gtk_window_set_transient_for (GTK_WINDOW (preferences), parent);
  gtk_window_present (GTK_WINDOW (preferences));
}

static void
show_tour (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GtkWindow *parent = gtk_application_get_active_window (GTK_APPLICATION (data));
  KxTour *tour = kx_tour_new ();

  if (parent)
    gtk_window_set_default_size (GTK_WINDOW (tour),
                                 MIN (TOUR_WIDTH, gtk_widget_get_width (GTK_WIDGET (parent))),
                                 MIN (TOUR_HEIGHT, gtk_widget_get_height (GTK_WIDGET (parent))));
  gtk_window_set_transient_for (GTK_WINDOW (tour), parent);
  gtk_window_present (GTK_WINDOW (tour));
}

static void
quit (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GList *windows = g_list_copy (gtk_application_get_windows (data));

  for (GList *each = windows; each; each = each->next)
    gtk_window_close (each->data);
  g_list_free (windows);
}

static gboolean
quit_now (gpointer application)
{
  g_action_group_activate_action (application, "quit", NULL);
  return G_SOURCE_REMOVE;
}

/* Later: GTK does not expect that a window goes from under the one whose key it is telling of. */
static gboolean
quit_by_key (GtkWidget *widget, GVariant *args, gpointer unused)
{
  g_idle_add (quit_now, g_application_get_default ());
  return TRUE;
}

/*
 * A popover that has closed keeps the focus until the next frame, and keys that come before it
 * would be lost. A GSignalEmissionHook.
 */
static gboolean
leave_popover (GSignalInvocationHint *hint, guint n, const GValue *values, gpointer unused)
{
  GtkWidget *popover = g_value_get_object (&values[0]);
  GtkRoot *root = gtk_widget_get_root (popover);
  GtkWidget *focus = root ? gtk_root_get_focus (root) : NULL;

  if (focus && gtk_widget_is_ancestor (focus, popover)
      && !gtk_widget_grab_focus (gtk_widget_get_parent (popover)))
    gtk_root_set_focus (root, NULL);
  return TRUE;
}

/*
 * A popover has all keys to itself while it is open, and windows that belong to another do not know
 * the application's. Classes hand on what they bind to those derived of them later.
 */
static void
set_up_classes (void)
{
  const GType types[] = { GTK_TYPE_POPOVER, GTK_TYPE_WINDOW };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      GtkWidgetClass *widget_class = g_type_class_ref (types[i]);

      gtk_widget_class_add_binding (widget_class, GDK_KEY_q, GDK_CONTROL_MASK, quit_by_key, NULL);
      gtk_widget_class_add_binding_action (widget_class, GDK_KEY_w, GDK_CONTROL_MASK,
                                           "window.close", NULL);
      g_type_class_unref (widget_class);
    }
  g_signal_add_emission_hook (g_signal_lookup ("closed", GTK_TYPE_POPOVER), 0, leave_popover, NULL,
                              NULL);
}

static void
install_actions (KxApplication *self)
{
  static const GActionEntry actions[] = {
    { "about", show_about },
    { "preferences", show_preferences },
    { "tour", show_tour },
    { "quit", quit },
  };
  static const struct {
    const char *action;
    const char *keys[4];
  } keys[] = {
    { "app.quit", { "<Control>q" } },
    { "app.preferences", { "<Control>comma" } },
    { "app.tour", { "F1" } },
    { "window.close", { "<Control>w" } },
    { "win.page('train')", { "<Control>1" } },
    { "win.page('see')", { "<Control>2" } },
    { "win.page('paint')", { "<Control>3" } },
    { "win.page('ask')", { "<Control>4" } },
    { "win.page('devices')", { "<Control>5" } },
    { "train.toggle", { "<Control>space" } },
    { "train.step", { "<Control>period" } },
    { "train.branch", { "<Control>b" } },
    { "win.open", { "<Control>o" } },
    { "win.save", { "<Control>s" } },
    { "win.export", { "<Control>e" } },
    { "win.find", { "<Control>f" } },
    { "win.undo", { "<Control>z" } },
    { "win.redo", { "<Control><Shift>z" } },
    { "win.jobs", { "<Control>j" } },
    { "win.sidebar", { "F9" } },
    { "win.inspector", { "<Shift>F9" } },
    { "win.fullscreen", { "F11" } },
    { "win.show-help-overlay", { "<Control>question" } },
  };

  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
  set_up_classes ();
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_application_set_accels_for_action (GTK_APPLICATION (self), keys[i].action,
                                           (const char *const *) keys[i].keys);
}

/* ── Life ────────────────────────────────────────────────────────────────────────────────────── */

static void
kx_application_startup (GApplication *application)
{
  KxApplication *self = KX_APPLICATION (application);

  G_APPLICATION_CLASS (kx_application_parent_class)->startup (application);
  gtk_window_set_default_icon_name (SCHEMA);
  apply_color_scheme (self);
  g_signal_connect_object (self->settings, "changed::color-scheme", G_CALLBACK (apply_color_scheme),
                           self, G_CONNECT_SWAPPED);
  install_actions (self);
  self->session = kx_session_new (self->settings);
}

static KxWindow *
present (KxApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (!window)
    {
      window = GTK_WINDOW (kx_window_new (ADW_APPLICATION (self), self->session));
      gtk_window_present (window);
      kx_stalls_watch_first_frame (GTK_WIDGET (window));
      kx_session_begin (self->session);
    }
  gtk_window_present (window);
  return KX_WINDOW (window);
}

static void
kx_application_activate (GApplication *application)
{
  present (KX_APPLICATION (application));
}

static void
kx_application_open (GApplication *application, GFile **files, int n, const char *hint)
{
  g_autoptr (GListStore) list = g_list_store_new (G_TYPE_FILE);

  g_list_store_splice (list, 0, 0, (gpointer *) files, n);
  kx_window_open_files (present (KX_APPLICATION (application)), G_LIST_MODEL (list));
}

/* The last window is gone: what is under way is saved, and the threads end. */
static void
kx_application_shutdown (GApplication *application)
{
  KxApplication *self = KX_APPLICATION (application);

  if (self->session)
    kx_session_end (self->session);
  g_clear_object (&self->session);
  G_APPLICATION_CLASS (kx_application_parent_class)->shutdown (application);
}

static void
kx_application_finalize (GObject *object)
{
  g_clear_object (&KX_APPLICATION (object)->settings);
  G_OBJECT_CLASS (kx_application_parent_class)->finalize (object);
}

static void
kx_application_class_init (KxApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_application_finalize;
  application_class->startup = kx_application_startup;
  application_class->activate = kx_application_activate;
  application_class->open = kx_application_open;
  application_class->shutdown = kx_application_shutdown;
}

static void
kx_application_init (KxApplication *self)
{
}

/**
 * kx_application_new:
 *
 * Returns: (transfer full) (nullable): the application; %NULL, after saying so, if it is not
 *   installed as it must be
 */
KxApplication *
kx_application_new (void)
{
  GSettings *settings = open_settings ();

  if (!settings)
    return NULL;
  KxApplication *self = g_object_new (KX_TYPE_APPLICATION, "application-id", SCHEMA, "flags",
                                      G_APPLICATION_HANDLES_OPEN, "resource-base-path",
                                      "/org/kolinsky/Explorer", NULL);
  self->settings = settings;
  return self;
}
