/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Networks and photos that come to the page: chosen, or dropped. */

#include "see-page-intake.h"

#include <glib/gi18n.h>

#include "record.h"
#include "window.h"

/* ── Choosing ────────────────────────────────────────────────────────────────────────────────── */

/* Of a remote one there may be no path. */
static const char *
path_of (KxSeePage *self, GFile *file)
{
  const char *path = file ? g_file_peek_path (file) : NULL;

  if (!path)
    kx_see_page_say_fault (self, _ ("Only files on this computer can be opened"));
  return path;
}

static void
chosen (GtkFileChooserNative *chooser, int response, KxSeePage *self)
{
  g_autoptr (GListStore) files = g_list_store_new (G_TYPE_FILE);
  g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
  const char *path = response == GTK_RESPONSE_ACCEPT ? path_of (self, file) : NULL;

  if (path)
    {
      g_list_store_append (files, file);
      if (!kx_page_drop (KX_PAGE (self), G_LIST_MODEL (files)))
        kx_see_page_open (self, path);
    }
  g_object_unref (chooser);
}

static void
choose (KxSeePage *self, const char *title, GtkFileChooserAction action, GtkFileFilter *filter)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      title, GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), action, _ ("_Open"), NULL);

  if (filter)
    gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), filter);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (chosen), self, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
choose_file (GtkWidget *widget, const char *name, GVariant *target)
{
  g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();

  gtk_file_filter_set_name (filter, _ ("Networks"));
  gtk_file_filter_add_suffix (filter, "onnx");
  gtk_file_filter_add_suffix (filter, "safetensors");
  choose (KX_SEE_PAGE (widget), _ ("Open a Network"), GTK_FILE_CHOOSER_ACTION_OPEN, filter);
}

static void
choose_run (GtkWidget *widget, const char *name, GVariant *target)
{
  choose (KX_SEE_PAGE (widget), _ ("Open the Folder of a Run"),
          GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, NULL);
}

static void
folder_chosen (GtkFileChooserNative *chooser, int response, KxSeePage *self)
{
  g_autoptr (GFile) folder = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
  const char *path = response == GTK_RESPONSE_ACCEPT ? path_of (self, folder) : NULL;

  if (path)
    gtk_widget_activate_action (GTK_WIDGET (self), "see.folder", "s", path);
  g_object_unref (chooser);
}

static void
choose_folder (GtkWidget *widget, const char *name, GVariant *target)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Choose a Folder of Photos"), GTK_WINDOW (gtk_widget_get_root (widget)),
      GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("_Choose"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (folder_chosen), widget, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/**
 * kx_see_page_say_empty:
 * @self: the page
 * @folder: in which there are no photos
 */
void
kx_see_page_say_empty (KxSeePage *self, const char *folder)
{
  g_autofree char *shown = g_filename_display_name (folder);
  g_autofree char *text = g_strdup_printf (_ ("There are no pictures in “%s”."), shown);

  kx_page_show_fault (KX_PAGE (self), text, _ ("Choose Another…"), "see.open-folder", NULL);
}

static void
take_folder (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_page_clear_fault (KX_PAGE (widget));
  kx_examples_set_folder (KX_SEE_PAGE (widget)->examples, g_variant_get_string (target, NULL));
}

/**
 * kx_see_page_choose_photo:
 * @self: the page
 *
 * Asks for a photo.
 */
void
kx_see_page_choose_photo (KxSeePage *self)
{
  g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();

  gtk_file_filter_set_name (filter, _ ("Pictures"));
  gtk_file_filter_add_pixbuf_formats (filter);
  choose (self, _ ("Open a Photo"), GTK_FILE_CHOOSER_ACTION_OPEN, filter);
}

static void
choose_photo (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_see_page_choose_photo (KX_SEE_PAGE (widget));
}

static void
fill_menu (GMenu *menu, const char *label, const char *target)
{
  g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

  g_menu_item_set_action_and_target (item, "see.open", "s", target);
  g_menu_append_item (menu, item);
}

/**
 * kx_see_page_fill_menus:
 * @self: the page
 *
 * Offers what is installed, and the latest runs, as they are now.
 */
void
kx_see_page_fill_menus (KxSeePage *self)
{
  g_autoptr (GPtrArray) entries = kol_catalogue_list (NULL);
  g_autofree char *folder = kx_record_get_home ();
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  g_menu_remove_all (self->models);
  g_menu_remove_all (self->runs);
  for (guint i = 0; entries && i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      if (entry->path && !entry->problem)
        fill_menu (self->models, entry->title ? entry->title : entry->name, entry->name);
    }
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *shown = g_filename_display_name (name);
      if (kol_run_exists (path))
        fill_menu (self->runs, shown, path);
    }
}

/* ── Drops ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
has_ending (const char *path, const char *const *endings)
{
  for (; *endings; endings++)
    if (g_str_has_suffix (path, *endings))
      return TRUE;
  return FALSE;
}

static gboolean
is_picture (GFile *file)
{
  g_autofree char *type = g_content_type_guess (g_file_peek_path (file), NULL, 0, NULL);

  return type && g_content_type_is_a (type, "image/*");
}

static void
show_photo (KxSeePage *self)
{
  gtk_stack_set_visible_child_name (self->views, "photo");
}

static gboolean
is_network (const char *path)
{
  static const char *const networks[] = { ".onnx", ".safetensors", NULL };

  return has_ending (path, networks) || kol_run_exists (path);
}

const char *
kx_see_page_verb (KxPage *page, GListModel *files)
{
  g_autoptr (GFile) file = files ? g_list_model_get_item (files, 0) : NULL;
  const char *path = file ? g_file_peek_path (file) : NULL;

  if (path && is_network (path))
    return _ ("Look into the network");
  return !files || (path && is_picture (file)) ? _ ("Show it to the network") : NULL;
}

/* Without a network a photo waits behind the empty page, which does not show it. */
static void
ask_for_network (KxSeePage *self)
{
  if (!self->network)
    kx_session_toast (kx_widget_get_session (GTK_WIDGET (self)),
                      _ ("Open a network to learn what it takes the picture for"), FALSE);
}

/* A network, photos, or both: of several the last one stays. */
gboolean
kx_see_page_drop (KxPage *page, GListModel *files)
{
  KxSeePage *self = KX_SEE_PAGE (page);
  gboolean taken = FALSE, with_photo = FALSE;

  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);
      const char *path = g_file_peek_path (file);

      if (path && is_network (path))
        kx_see_page_open (self, path);
      else if (path && is_picture (file))
        {
          kx_photo_view_open (self->photo, file);
          show_photo (self);
          with_photo = TRUE;
        }
      else
        continue;
      taken = TRUE;
    }
  if (with_photo)
    ask_for_network (self);
  return taken;
}

gboolean
kx_see_page_picture (KxPage *page, GdkTexture *picture)
{
  KxSeePage *self = KX_SEE_PAGE (page);

  kx_photo_view_set_texture (self->photo, picture);
  show_photo (self);
  ask_for_network (self);
  return TRUE;
}

void
kx_see_page_bind_intake (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "see.open-file", NULL, choose_file);
  gtk_widget_class_install_action (widget_class, "see.open-run", NULL, choose_run);
  gtk_widget_class_install_action (widget_class, "see.open-folder", NULL, choose_folder);
  gtk_widget_class_install_action (widget_class, "see.folder", "s", take_folder);
  gtk_widget_class_install_action (widget_class, "see.open-photo", NULL, choose_photo);
}
