/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The frame of all pages: sidebar, header, drops, and what is remembered from start to start. */

#include "window.h"

#include <glib/gi18n.h>

#include "ask-page.h"
#include "device-button.h"
#include "devices-page.h"
#include "jobs-button.h"
#include "paint-page.h"
#include "presence.h"
#include "see-page.h"
#include "tip.h"
#include "train-page.h"

#define UNDO_SECONDS 8
#define LONGEST_DEED 40 /* letters of its title in the menu */

struct _KxWindow {
  AdwApplicationWindow parent_instance;

  KxSession *session;

  AdwToastOverlay *toasts;
  AdwToast *undoable;  /* the latest toast with a button that takes something back; or NULL */
  gconstpointer about; /* what that is; compared only */
  AdwFlap *flap;
  GtkListBox *sidebar;
  KxDeviceButton *device_button;
  KxJobsButton *jobs_button;
  AdwWindowTitle *title;
  GtkStack *actions;
  GtkToggleButton *inspector_toggle;
  AdwViewStack *stack;
  GtkLabel *verb; /* of what is dragged over the window */
  KxTrainPage *train_page;
  GMenu *deeds; /* of the main menu: what can be undone and done again */

  GBinding *title_binding, *subtitle_binding, *inspector_binding;
};

G_DEFINE_FINAL_TYPE (KxWindow, kx_window, ADW_TYPE_APPLICATION_WINDOW)

enum {
  PROP_SESSION = 1,
};

/* ── Pages ───────────────────────────────────────────────────────────────────────────────────── */

static KxPage *
visible_page (KxWindow *self)
{
  return KX_PAGE (adw_view_stack_get_visible_child (self->stack));
}

static AdwViewStackPage *
nth_page (KxWindow *self, guint n)
{
  g_autoptr (GListModel) pages = G_LIST_MODEL (adw_view_stack_get_pages (self->stack));
  g_autoptr (AdwViewStackPage) page = g_list_model_get_item (pages, n);

  return page; /* the stack holds it */
}

static gboolean
is_text (GBinding *binding, const GValue *from, GValue *to, gpointer unused)
{
  const char *text = g_value_get_string (from);

  g_value_set_boolean (to, text && *text);
  return TRUE;
}

/* A row of the sidebar: icon, title, what is going on there. */
static GtkWidget *
make_row (KxPage *page)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *icon = gtk_image_new ();
  GtkWidget *title = gtk_label_new (NULL);
  GtkWidget *caption = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_xalign (GTK_LABEL (caption), 0);
  gtk_label_set_ellipsize (GTK_LABEL (caption), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (caption, "caption");
  gtk_widget_add_css_class (caption, "dim-label");
  gtk_widget_add_css_class (caption, "numeric");
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  g_object_bind_property (page, "icon-name", icon, "icon-name", G_BINDING_SYNC_CREATE);
  g_object_bind_property (page, "title", title, "label", G_BINDING_SYNC_CREATE);
  g_object_bind_property (page, "caption", caption, "label", G_BINDING_SYNC_CREATE);
  kx_tip_whole_text (GTK_LABEL (caption));
  g_object_bind_property_full (page, "caption", caption, "visible", G_BINDING_SYNC_CREATE, is_text,
                               NULL, NULL, NULL);
  gtk_box_append (GTK_BOX (texts), title);
  gtk_box_append (GTK_BOX (texts), caption);
  gtk_box_append (GTK_BOX (box), icon);
  gtk_box_append (GTK_BOX (box), texts);
  gtk_widget_set_size_request (box, -1, 42);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_RELATION_LABELLED_BY, title,
                                  NULL, -1);
  return row;
}

static void
fill_sidebar (KxWindow *self)
{
  g_autoptr (GListModel) pages = G_LIST_MODEL (adw_view_stack_get_pages (self->stack));

  for (guint i = 0; i < g_list_model_get_n_items (pages); i++)
    {
      AdwViewStackPage *page = nth_page (self, i);
      KxPage *child = KX_PAGE (adw_view_stack_page_get_child (page));

      gtk_list_box_append (self->sidebar, make_row (child));
      GtkWidget *actions = kx_page_get_actions (child);
      gtk_stack_add_named (self->actions, actions ? actions : adw_bin_new (),
                           adw_view_stack_page_get_name (page));
    }
}

static void
drop_binding (GBinding **binding)
{
  if (*binding)
    g_binding_unbind (*binding);
  g_clear_object (binding);
}

static void
attach_pages (KxWindow *self)
{
  g_autoptr (GListModel) pages = G_LIST_MODEL (adw_view_stack_get_pages (self->stack));

  for (guint i = 0; i < g_list_model_get_n_items (pages); i++)
    kx_page_attach (KX_PAGE (adw_view_stack_page_get_child (nth_page (self, i))), self->session);
}

static void
bind_inspector (KxWindow *self, KxPage *page)
{
  gboolean there = kx_page_has_inspector (page);

  gtk_widget_set_visible (GTK_WIDGET (self->inspector_toggle), there);
  if (there)
    self->inspector_binding = g_object_ref (
        g_object_bind_property (page, "inspector-shown", self->inspector_toggle, "active",
                                G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL));
}

/* The page that is in sight has changed. */
static void
show_visible (KxWindow *self)
{
  KxPage *page = visible_page (self);

  if (!page || !self->session)
    return;
  const char *name = adw_view_stack_get_visible_child_name (self->stack);
  g_autoptr (GListModel) pages = G_LIST_MODEL (adw_view_stack_get_pages (self->stack));
  for (guint i = 0; i < g_list_model_get_n_items (pages); i++)
    if (adw_view_stack_page_get_child (nth_page (self, i)) == GTK_WIDGET (page))
      gtk_list_box_select_row (self->sidebar, gtk_list_box_get_row_at_index (self->sidebar, i));
  drop_binding (&self->title_binding);
  drop_binding (&self->subtitle_binding);
  drop_binding (&self->inspector_binding);
  self->title_binding = g_object_ref (
      g_object_bind_property (page, "title", self->title, "title", G_BINDING_SYNC_CREATE));
  self->subtitle_binding = g_object_ref (
      g_object_bind_property (page, "subtitle", self->title, "subtitle", G_BINDING_SYNC_CREATE));
  bind_inspector (self, page);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.save", kx_page_can_save (page));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.export", kx_page_can_export (page));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.find", kx_page_can_find (page));
  gtk_stack_set_visible_child_name (self->actions, name);
  kx_session_set_page (self->session, name);
  kx_page_opened (page);
}

static void
activate_row (KxWindow *self, GtkListBoxRow *row)
{
  adw_view_stack_set_visible_child_name (self->stack, adw_view_stack_page_get_name (nth_page (
                                                          self, gtk_list_box_row_get_index (row))));
  if (adw_flap_get_folded (self->flap))
    adw_flap_set_reveal_flap (self->flap, FALSE);
}

/**
 * kx_window_show_page:
 * @window: a window
 * @name: "train", "see", "paint", "ask" or "devices"
 *
 * Returns: (transfer none): the page, now in sight
 */
KxPage *
kx_window_show_page (KxWindow *self, const char *name)
{
  adw_view_stack_set_visible_child_name (self->stack, name);
  return visible_page (self);
}

/* ── Actions ─────────────────────────────────────────────────────────────────────────────────── */

static void
go_to_page (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_window_show_page (KX_WINDOW (widget), g_variant_get_string (target, NULL));
}

static void
undo (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_undo_back (kx_session_get_undo (KX_WINDOW (widget)->session));
}

static void
redo (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_undo_again (kx_session_get_undo (KX_WINDOW (widget)->session));
}

/* A toast that offers to take something back goes once it would take back something else. */
static void
check_toast (KxWindow *self)
{
  if (!self->undoable || kx_undo_get_data (kx_session_get_undo (self->session)) == self->about)
    return;
  adw_toast_dismiss (self->undoable);
  g_clear_weak_pointer (&self->undoable);
}

/* A deed of the menu, which says what it is about as far as there is room for that. */
static void
say_deed (GMenu *menu, int place, const char *label, const char *title, const char *action)
{
  g_autoptr (GString) text = g_string_new (title);
  g_autofree char *before = NULL;

  if (g_utf8_strlen (text->str, -1) > LONGEST_DEED)
    {
      g_string_truncate (
          text, (gsize) (g_utf8_offset_to_pointer (text->str, LONGEST_DEED - 1) - text->str));
      g_string_append (text, "…");
    }
  g_string_replace (text, "_", "__", 0); /* it is no mnemonic */
  g_string_prepend (text, title ? ": " : "");
  g_string_prepend (text, label);
  g_menu_model_get_item_attribute (G_MENU_MODEL (menu), place, G_MENU_ATTRIBUTE_LABEL, "s",
                                   &before);
  if (g_str_equal (text->str, before))
    return;
  g_menu_remove (menu, place);
  g_menu_insert (menu, place, text->str, action);
}

static void
allow_undo (KxWindow *self)
{
  KxUndo *deeds = kx_session_get_undo (self->session);
  gboolean can_undo, can_redo;

  check_toast (self);
  say_deed (self->deeds, 0, _ ("_Undo"), kx_undo_get_title (deeds), "win.undo");
  say_deed (self->deeds, 1, _ ("_Redo"), kx_undo_get_next_title (deeds), "win.redo");
  g_object_get (deeds, "can-undo", &can_undo, "can-redo", &can_redo, NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.undo", can_undo);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.redo", can_redo);
}

static void
save (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_page_save (visible_page (KX_WINDOW (widget)));
}

static void export(GtkWidget *widget, const char *name, GVariant *target)
{
  kx_page_export (visible_page (KX_WINDOW (widget)));
}

static void
find (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_page_find (visible_page (KX_WINDOW (widget)));
}

static void
toggle_fullscreen (GtkWidget *widget, const char *name, GVariant *target)
{
  if (gtk_window_is_fullscreen (GTK_WINDOW (widget)))
    gtk_window_unfullscreen (GTK_WINDOW (widget));
  else
    gtk_window_fullscreen (GTK_WINDOW (widget));
}

static void
toggle_sidebar (GtkWidget *widget, const char *name, GVariant *target)
{
  AdwFlap *flap = KX_WINDOW (widget)->flap;

  adw_flap_set_reveal_flap (flap, !adw_flap_get_reveal_flap (flap));
}

static void
toggle_inspector (GtkWidget *widget, const char *name, GVariant *target)
{
  GtkToggleButton *toggle = KX_WINDOW (widget)->inspector_toggle;

  if (gtk_widget_get_visible (GTK_WIDGET (toggle)))
    gtk_toggle_button_set_active (toggle, !gtk_toggle_button_get_active (toggle));
}

static void
show_jobs (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_jobs_button_popup (KX_WINDOW (widget)->jobs_button);
}

/* ── Files and pictures ──────────────────────────────────────────────────────────────────────── */

/* Whether a page has a use for something, and takes it. */
typedef gboolean (*Take) (KxPage *page, gpointer thing);

/* Asks the visible page, and if that has no use for it the others in order. Returns: who took it.
 */
static KxPage *
ask (KxWindow *self, Take take, gpointer thing)
{
  g_autoptr (GListModel) pages = G_LIST_MODEL (adw_view_stack_get_pages (self->stack));

  if (take (visible_page (self), thing))
    return visible_page (self);
  for (guint i = 0; i < g_list_model_get_n_items (pages); i++)
    {
      KxPage *page = KX_PAGE (adw_view_stack_page_get_child (nth_page (self, i)));

      if (page != visible_page (self) && take (page, thing))
        return page;
    }
  return NULL;
}

/* Whether a page, which is shown then, had a use for it. */
static gboolean
give (KxWindow *self, Take take, gpointer thing)
{
  KxPage *page = ask (self, take, thing);

  if (page)
    adw_view_stack_set_visible_child (self->stack, GTK_WIDGET (page));
  return page != NULL;
}

/**
 * kx_window_open_files:
 * @window: a window
 * @files: of #GFile, dropped, pasted or chosen
 *
 * Returns: whether a page took them, the visible one if it can; if none did, a toast says so
 */
gboolean
kx_window_open_files (KxWindow *self, GListModel *files)
{
  if (give (self, (Take) kx_page_drop, files))
    return TRUE;
  g_autoptr (GFile) first = g_list_model_get_item (files, 0);
  g_autofree char *name = first ? g_file_get_basename (first) : NULL;
  g_autofree char *text = g_strdup_printf (
      _ ("“%s” is no picture, network, data set or log that can be read"), name ? name : "");
  kx_session_toast (self->session, text, FALSE);
  return FALSE;
}

static void
opened (GtkFileChooserNative *chooser, int response, gpointer data)
{
  KxWindow *self = data;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GListModel) files = gtk_file_chooser_get_files (GTK_FILE_CHOOSER (chooser));
      kx_window_open_files (self, files);
    }
  g_object_unref (chooser);
}

static void
open_file (GtkWidget *widget, const char *name, GVariant *target)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Open"), GTK_WINDOW (widget), GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Open"), NULL);

  gtk_file_chooser_set_select_multiple (GTK_FILE_CHOOSER (chooser), TRUE);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (opened), widget, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/* Returns: (transfer full): what a value lists; NULL: it is a picture */
static GListModel *
list_files (const GValue *value)
{
  GListStore *files;

  if (G_VALUE_HOLDS (value, GDK_TYPE_TEXTURE))
    return NULL;
  files = g_list_store_new (G_TYPE_FILE);
  for (GSList *each = g_value_get_boxed (value); each; each = each->next)
    g_list_store_append (files, each->data);
  return G_LIST_MODEL (files);
}

/* Takes a list of files, or a picture. */
static gboolean
take (KxWindow *self, const GValue *value)
{
  g_autoptr (GListModel) files = list_files (value);

  return files ? kx_window_open_files (self, files)
               : give (self, (Take) kx_page_picture, g_value_get_object (value));
}

static void
pasted (GObject *clipboard, GAsyncResult *result, gpointer data)
{
  g_autoptr (KxWindow) self = data;
  g_autoptr (GError) error = NULL;
  const GValue *value = gdk_clipboard_read_value_finish (GDK_CLIPBOARD (clipboard), result, &error);

  if (!value)
    kx_session_toast (self->session, error->message, FALSE);
  else if (visible_page (self)) /* the window is not gone */
    take (self, value);
}

/* What has the focus may have pasted it before. */
static gboolean
paste (GtkWidget *widget, GVariant *args, gpointer unused)
{
  const GType types[] = { GDK_TYPE_FILE_LIST, GDK_TYPE_TEXTURE };
  GdkClipboard *clipboard = gtk_widget_get_clipboard (widget);
  GdkContentFormats *formats = gdk_clipboard_get_formats (clipboard);

  if (kx_page_paste (visible_page (KX_WINDOW (widget)), clipboard))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (gdk_content_formats_contain_gtype (formats, types[i]))
      {
        gdk_clipboard_read_value_async (clipboard, types[i], G_PRIORITY_DEFAULT, NULL, pasted,
                                        g_object_ref (widget));
        return TRUE;
      }
  return FALSE;
}

/* Says what a drop would do, and on which page. A Take: the first that knows a verb says it. */
static gboolean
say_verb (KxPage *page, gpointer files)
{
  KxWindow *self = KX_WINDOW (gtk_widget_get_root (GTK_WIDGET (page)));
  const char *text = kx_page_get_verb (page, files);

  if (text)
    gtk_label_set_label (self->verb, text);
  return text != NULL;
}

/* What is dragged has become known, or has gone. */
static void
show_verb (KxWindow *self, GParamSpec *spec, GtkDropTarget *target)
{
  const GValue *value = gtk_drop_target_get_value (target);
  g_autoptr (GListModel) files = value ? list_files (value) : NULL;

  gtk_widget_set_visible (GTK_WIDGET (self->verb), value && ask (self, say_verb, files));
}

static gboolean
show_target (KxWindow *self)
{
  gtk_widget_add_css_class (GTK_WIDGET (self->stack), "kx-drop");
  return GDK_ACTION_COPY;
}

static void
hide_target (KxWindow *self)
{
  gtk_widget_remove_css_class (GTK_WIDGET (self->stack), "kx-drop");
}

static void
accept_drops (KxWindow *self)
{
  GtkDropTarget *target = gtk_drop_target_new (G_TYPE_INVALID, GDK_ACTION_COPY);

  gtk_drop_target_set_gtypes (target, (GType[]){ GDK_TYPE_FILE_LIST, GDK_TYPE_TEXTURE }, 2);
  g_signal_connect_swapped (target, "drop", G_CALLBACK (take), self);
  gtk_drop_target_set_preload (target, TRUE);
  g_signal_connect_swapped (target, "notify::value", G_CALLBACK (show_verb), self);
  g_signal_connect_swapped (target, "enter", G_CALLBACK (show_target), self);
  g_signal_connect_swapped (target, "leave", G_CALLBACK (hide_target), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (target));
}

/* ── Toasts ──────────────────────────────────────────────────────────────────────────────────── */

static void
toast (KxWindow *self, const char *text, gboolean undoable)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);
  AdwToast *toast = adw_toast_new (escaped);

  if (undoable)
    {
      adw_toast_set_button_label (toast, _ ("_Undo"));
      adw_toast_set_action_name (toast, "win.undo");
      adw_toast_set_timeout (toast, UNDO_SECONDS);
      g_set_weak_pointer (&self->undoable, toast);
      self->about = kx_undo_get_data (kx_session_get_undo (self->session));
    }
  adw_toast_overlay_add_toast (self->toasts, toast);
}

/* ── The window itself ───────────────────────────────────────────────────────────────────────── */

/* Those that have been put away stay so. */
static void
restore_inspectors (KxWindow *self)
{
  g_auto (GStrv) away
      = g_settings_get_strv (kx_session_get_settings (self->session), "inspectors-away");

  for (guint i = 0; away[i]; i++)
    {
      GtkWidget *page = adw_view_stack_get_child_by_name (self->stack, away[i]);

      if (page && kx_page_has_inspector (KX_PAGE (page)))
        g_object_set (page, "inspector-shown", FALSE, NULL);
    }
}

static void
remember_inspectors (KxWindow *self)
{
  GSettings *settings = kx_session_get_settings (self->session);
  g_auto (GStrv) before = g_settings_get_strv (settings, "inspectors-away");
  g_autoptr (GListModel) pages = G_LIST_MODEL (adw_view_stack_get_pages (self->stack));
  g_autoptr (GStrvBuilder) away = g_strv_builder_new ();

  for (guint i = 0; i < g_list_model_get_n_items (pages); i++)
    {
      const char *name = adw_view_stack_page_get_name (nth_page (self, i));
      KxPage *page = KX_PAGE (adw_view_stack_page_get_child (nth_page (self, i)));
      gboolean shown;

      g_object_get (page, "inspector-shown", &shown, NULL);
      if (kx_page_is_folded (page) ? g_strv_contains ((const char *const *) before, name) : !shown)
        g_strv_builder_add (away, name);
    }
  g_auto (GStrv) names = g_strv_builder_end (away);
  g_settings_set_strv (settings, "inspectors-away", (const char *const *) names);
}

static void
restore (KxWindow *self)
{
  GSettings *settings = kx_session_get_settings (self->session);
  g_autofree char *page = g_settings_get_string (settings, "page");

  gtk_window_set_default_size (GTK_WINDOW (self), g_settings_get_int (settings, "window-width"),
                               g_settings_get_int (settings, "window-height"));
  if (g_settings_get_boolean (settings, "window-maximized"))
    gtk_window_maximize (GTK_WINDOW (self));
  if (!g_settings_get_boolean (settings, "sidebar"))
    adw_flap_set_reveal_flap (self->flap, FALSE);
  restore_inspectors (self);
  if (adw_view_stack_get_child_by_name (self->stack, page))
    adw_view_stack_set_visible_child_name (self->stack, page);
}

static void
remember (KxWindow *self)
{
  GSettings *settings = kx_session_get_settings (self->session);
  int width, height;

  gtk_window_get_default_size (GTK_WINDOW (self), &width, &height);
  g_settings_set_int (settings, "window-width", width);
  g_settings_set_int (settings, "window-height", height);
  g_settings_set_boolean (settings, "window-maximized",
                          gtk_window_is_maximized (GTK_WINDOW (self)));
  g_settings_set_string (settings, "page", kx_session_get_page (self->session));
  if (!adw_flap_get_folded (self->flap)) /* folded, it is only shown for a moment */
    g_settings_set_boolean (settings, "sidebar", adw_flap_get_reveal_flap (self->flap));
  remember_inspectors (self);
}

/* It disappears at once; the application ends when all is saved. */
static gboolean
kx_window_close_request (GtkWindow *window)
{
  gtk_widget_set_visible (GTK_WIDGET (window), FALSE);
  gdk_display_flush (gtk_widget_get_display (GTK_WIDGET (window)));
  remember (KX_WINDOW (window));
  return GTK_WINDOW_CLASS (kx_window_parent_class)->close_request (window);
}

static void
kx_window_constructed (GObject *object)
{
  KxWindow *self = KX_WINDOW (object);
  KxUndo *deeds = kx_session_get_undo (self->session);

  G_OBJECT_CLASS (kx_window_parent_class)->constructed (object);
  kx_device_button_set_session (self->device_button, self->session);
  kx_jobs_button_set_session (self->jobs_button, self->session);
  g_signal_connect_object (self->session, "toast", G_CALLBACK (toast), self, G_CONNECT_SWAPPED);
  allow_undo (self);
  g_signal_connect_object (deeds, "notify", G_CALLBACK (allow_undo), self, G_CONNECT_SWAPPED);
  attach_pages (self);
  restore (self);
  show_visible (self);
}

static void
kx_window_dispose (GObject *object)
{
  KxWindow *self = KX_WINDOW (object);

  g_clear_weak_pointer (&self->undoable);
  drop_binding (&self->title_binding);
  drop_binding (&self->subtitle_binding);
  drop_binding (&self->inspector_binding);
  g_clear_object (&self->session);
  G_OBJECT_CLASS (kx_window_parent_class)->dispose (object);
}

static void
kx_window_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_object (value, KX_WINDOW (object)->session);
}

static void
kx_window_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KX_WINDOW (object)->session = g_value_dup_object (value);
}

static void
kx_window_class_init (KxWindowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->constructed = kx_window_constructed;
  object_class->dispose = kx_window_dispose;
  object_class->get_property = kx_window_get_property;
  object_class->set_property = kx_window_set_property;
  GTK_WINDOW_CLASS (klass)->close_request = kx_window_close_request;
  g_object_class_install_property (
      object_class, PROP_SESSION,
      g_param_spec_object ("session", NULL, NULL, KX_TYPE_SESSION,
                           G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS));

  g_type_ensure (KX_TYPE_TRAIN_PAGE);
  g_type_ensure (KX_TYPE_SEE_PAGE);
  g_type_ensure (KX_TYPE_PAINT_PAGE);
  g_type_ensure (KX_TYPE_ASK_PAGE);
  g_type_ensure (KX_TYPE_DEVICES_PAGE);
  g_type_ensure (KX_TYPE_DEVICE_BUTTON);
  g_type_ensure (KX_TYPE_JOBS_BUTTON);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/window.ui");
  gtk_widget_class_bind_template_child (widget_class, KxWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, flap);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, sidebar);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, device_button);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, jobs_button);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, title);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, actions);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, inspector_toggle);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, train_page);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, deeds);
  gtk_widget_class_bind_template_child (widget_class, KxWindow, verb);
  gtk_widget_class_bind_template_callback (widget_class, activate_row);
  gtk_widget_class_bind_template_callback (widget_class, show_visible);

  gtk_widget_class_add_binding (widget_class, GDK_KEY_v, GDK_CONTROL_MASK, paste, NULL);
  gtk_widget_class_install_action (widget_class, "win.page", "s", go_to_page);
  gtk_widget_class_install_action (widget_class, "win.open", NULL, open_file);
  gtk_widget_class_install_action (widget_class, "win.save", NULL, save);
  gtk_widget_class_install_action (widget_class, "win.export", NULL, export);
  gtk_widget_class_install_action (widget_class, "win.find", NULL, find);
  gtk_widget_class_install_action (widget_class, "win.undo", NULL, undo);
  gtk_widget_class_install_action (widget_class, "win.redo", NULL, redo);
  gtk_widget_class_install_action (widget_class, "win.fullscreen", NULL, toggle_fullscreen);
  gtk_widget_class_install_action (widget_class, "win.sidebar", NULL, toggle_sidebar);
  gtk_widget_class_install_action (widget_class, "win.inspector", NULL, toggle_inspector);
  gtk_widget_class_install_action (widget_class, "win.jobs", NULL, show_jobs);
}

static void
kx_window_init (KxWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  kx_presence_follow (adw_flap_get_flap (self->flap));
  fill_sidebar (self);
  accept_drops (self);
}

KxWindow *
kx_window_new (AdwApplication *application, KxSession *session)
{
  return g_object_new (KX_TYPE_WINDOW, "application", application, "session", session, NULL);
}

/**
 * kx_window_get_session:
 * @window: a window
 *
 * Returns: (transfer none): what it shows
 */
KxSession *
kx_window_get_session (KxWindow *self)
{
  return self->session;
}

/**
 * kx_widget_get_session:
 * @widget: a widget in a window
 *
 * Returns: (nullable) (transfer none): the session of its window
 */
KxSession *
kx_widget_get_session (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  return KX_IS_WINDOW (root) ? KX_WINDOW (root)->session : NULL;
}
