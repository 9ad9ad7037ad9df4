/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures that come to the page: chosen, dropped, pasted, or the samples. */

#include "paint-page-intake.h"

#include <glib/gi18n.h>

#include "fast-job.h"
#include "paint-file.h"
#include "paint-page-controls.h"
#include "paint-page-easel.h"
#include "paint-page-filing.h"
#include "paint-page-styles.h"

#define SAMPLES "resource:///org/kolinsky/Explorer/samples/"

/**
 * kx_paint_page_set_content:
 * @self: the page
 * @picture: what is to be painted
 *
 * Takes another content; what was painted of the last one is forgotten.
 */
void
kx_paint_page_set_content (KxPaintPage *self, KxPaintPicture *picture)
{
  g_autofree char *size
      = g_strdup_printf (_ ("%zu × %zu pixels"), picture->picture->width, picture->picture->height);
  g_autofree char *title = g_markup_escape_text (picture->name, -1);

  kx_paint_page_end_mask (self);
  for (guint i = 0; kx_paint_page_get_style (self, i); i++)
    kx_style_row_set_mask (kx_paint_page_get_style (self, i), KX_MASK_REGION,
                           NULL); /* which was of another picture */
  kx_paint_page_forget_painting (self);
  g_clear_pointer (&self->content, kx_paint_picture_unref);
  self->content = kx_paint_picture_ref (picture);
  kx_paint_well_set_picture (self->content_well, picture, 0);
  gtk_picture_set_paintable (self->content_thumbnail, GDK_PAINTABLE (picture->thumbnail));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->content_row), title);
  adw_action_row_set_subtitle (self->content_row, size);
  kx_paint_page_list_sizes (self);
  kx_paint_page_change (self);
  kx_paint_page_show_stage (self);
}

typedef enum { FOR_CONTENT, FOR_FIRST_STYLE, FOR_STYLE } Purpose;

typedef struct {
  GWeakRef page;
  Purpose purpose;
} Loading;

static void
loaded (GObject *source, GAsyncResult *result, gpointer data)
{
  Loading *loading = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&loading->page);
  g_autoptr (GError) error = NULL;
  g_autoptr (KxPaintPicture) picture = kx_paint_picture_load_finish (result, &error);

  if (self && picture && loading->purpose == FOR_CONTENT)
    kx_paint_page_set_content (self, picture);
  else if (self && picture && loading->purpose == FOR_FIRST_STYLE)
    kx_paint_page_replace_styles (self, picture);
  else if (self && picture)
    {
      kx_paint_page_note_styles (self);
      kx_paint_page_add_style (self, picture, 1);
    }
  else if (self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  g_weak_ref_clear (&loading->page);
  g_free (loading);
}

static Loading *
loading_new (KxPaintPage *self, Purpose purpose)
{
  Loading *loading = g_new0 (Loading, 1);

  g_weak_ref_init (&loading->page, self);
  loading->purpose = purpose;
  return loading;
}

static void
load (KxPaintPage *self, const char *place, Purpose purpose)
{
  kx_paint_picture_load_async (place, NULL, loaded, loading_new (self, purpose));
}

static void
load_files (KxPaintPage *self, GSList *files, Purpose purpose)
{
  for (GSList *each = files; each; each = each->next)
    {
      g_autofree char *path = kx_path_of_file (each->data);

      if (path)
        load (self, path, purpose);
    }
}

static void
give_content (KxPaintPage *self, GdkTexture *texture)
{
  kx_paint_picture_keep_async (texture, loaded, loading_new (self, FOR_CONTENT));
}

static void
give_style (KxPaintPage *self, GdkTexture *texture)
{
  kx_paint_picture_keep_async (texture, loaded, loading_new (self, FOR_FIRST_STYLE));
}

static void
choose_content (KxPaintPage *self, const char *place)
{
  load (self, place, FOR_CONTENT);
}

static void
choose_style (KxPaintPage *self, const char *place)
{
  load (self, place, FOR_FIRST_STYLE);
}

static void
content_chosen (GtkWidget *widget, const char *place)
{
  choose_content (KX_PAINT_PAGE (widget), place);
}

static void
press_content (KxPaintPage *self)
{
  kx_choose_pictures (GTK_WIDGET (self), _ ("What it shows"), FALSE, content_chosen);
}

static void
style_chosen (GtkWidget *widget, const char *place)
{
  load (KX_PAINT_PAGE (widget), place, FOR_STYLE);
}

static void
press_add_style (KxPaintPage *self)
{
  kx_choose_pictures (GTK_WIDGET (self), _ ("How it is painted"), TRUE, style_chosen);
}

static gboolean
is_picture (GFile *file)
{
  g_autofree char *name = g_file_get_basename (file);
  g_autofree char *type = g_content_type_guess (name, NULL, 0, NULL);

  return type && g_content_type_is_a (type, "image/*");
}

/* A picture that was painted here is gone on with. */
static gboolean
open_painted (KxPaintPage *self, GListModel *files)
{
  g_autoptr (GFile) file
      = g_list_model_get_n_items (files) == 1 ? g_list_model_get_item (files, 0) : NULL;
  g_autofree char *path = file ? kx_path_of_file (file) : NULL;

  if (!path || !kx_paint_file_is_one (path))
    return FALSE;
  kx_paint_page_open (self, path);
  return TRUE;
}

static gboolean
is_network (const char *path)
{
  return g_str_has_suffix (path, ".safetensors") || g_str_has_suffix (path, ".onnx");
}

static void
network_added (GObject *grid, GAsyncResult *result, gpointer page)
{
  g_autoptr (KxPaintPage) self = page;
  g_autoptr (GError) error = NULL;

  if (!kx_fast_grid_add_finish (KX_FAST_GRID (grid), result, &error))
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
}

/* A folder is painted by the network that was used last; another network joins them. */
static gboolean
take_for_fast (KxPaintPage *self, const char *path)
{
  const char *network = kx_fast_grid_get_chosen (self->fast);

  if (is_network (path))
    {
      kx_fast_grid_add_async (self->fast, path, network_added, g_object_ref (self));
      return TRUE;
    }
  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    return FALSE;
  if (!network)
    kx_page_show_fault (KX_PAGE (self),
                        _ ("Choose a network that paints in one pass first: it paints the folder."),
                        NULL, NULL, NULL);
  else if (kx_session_get_device (kx_paint_page_get_session (self)))
    kx_fast_paint_folder (kx_paint_page_get_session (self), network, path);
  return TRUE;
}

static gboolean
take_first_for_fast (KxPaintPage *self, GListModel *files)
{
  g_autoptr (GFile) file = g_list_model_get_item (files, 0);
  g_autofree char *path = file ? kx_path_of_file (file) : NULL;

  return path && take_for_fast (self, path);
}

/* A picture is what is to be painted; of several the others are styles. */
gboolean
kx_paint_page_drop (KxPage *page, GListModel *files)
{
  KxPaintPage *self = KX_PAINT_PAGE (page);
  guint pictures = 0;

  if (open_painted (self, files))
    return TRUE;
  if (!gtk_widget_get_mapped (GTK_WIDGET (page)))
    return FALSE;
  if (take_first_for_fast (self, files))
    return TRUE;
  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);
      g_autofree char *path = kx_path_of_file (file);

      if (!path || !is_picture (file))
        continue;
      if (++pictures == 2)
        {
          kx_paint_page_note_styles (self);
          kx_paint_page_clear_styles (self);
          kx_paint_page_change (self);
        }
      load (self, path, pictures == 1 ? FOR_CONTENT : FOR_STYLE);
    }
  return pictures > 0;
}

/* In the order of kx_paint_page_drop(). */
const char *
kx_paint_page_verb (KxPage *page, GListModel *files)
{
  g_autoptr (GFile) file = files ? g_list_model_get_item (files, 0) : NULL;
  g_autofree char *path = file ? kx_path_of_file (file) : NULL;

  if (path && g_list_model_get_n_items (files) == 1 && kx_paint_file_is_one (path))
    return _ ("Go on painting it");
  if (!gtk_widget_get_mapped (GTK_WIDGET (page)) || (files && !path))
    return NULL;
  if (path && g_file_test (path, G_FILE_TEST_IS_DIR))
    return _ ("Paint its pictures in one pass");
  if (path && is_network (path))
    return _ ("Paint through the network");
  return !files || is_picture (file) ? _ ("Paint it") : NULL;
}

static GdkDragAction
show_target (GtkWidget *styles)
{
  gtk_widget_add_css_class (styles, "kx-drop");
  return GDK_ACTION_COPY;
}

static void
hide_target (GtkWidget *styles)
{
  gtk_widget_remove_css_class (styles, "kx-drop");
}

static gboolean
drop_style (KxPaintPage *self, const GValue *value)
{
  hide_target (GTK_WIDGET (self->styles_group));
  if (G_VALUE_HOLDS (value, GDK_TYPE_TEXTURE))
    kx_paint_picture_keep_async (g_value_get_object (value), loaded, loading_new (self, FOR_STYLE));
  else
    load_files (self, g_value_get_boxed (value), FOR_STYLE);
  return TRUE;
}

/* ── Pasting ─────────────────────────────────────────────────────────────────────────────────── */

/* As if they were dropped; what cannot be taken is said. */
static void
take_pasted (KxPaintPage *self, GSList *files)
{
  g_autoptr (GListStore) list = g_list_store_new (G_TYPE_FILE);

  for (GSList *each = files; each; each = each->next)
    g_list_store_append (list, each->data);
  if (!kx_page_drop (KX_PAGE (self), G_LIST_MODEL (list)))
    load_files (self, &(GSList){ files->data, NULL }, FOR_CONTENT);
}

/* What was copied in a file manager: the files. */
static void
files_pasted (GObject *clipboard, GAsyncResult *result, gpointer data)
{
  Loading *loading = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&loading->page);
  g_autoptr (GError) error = NULL;
  const GValue *value = gdk_clipboard_read_value_finish (GDK_CLIPBOARD (clipboard), result, &error);
  GSList *files = value ? g_value_get_boxed (value) : NULL;

  if (self && !value)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  else if (self && files && loading->purpose == FOR_STYLE)
    load_files (self, files, FOR_STYLE);
  else if (self && files && loading->purpose == FOR_FIRST_STYLE)
    load_files (self, &(GSList){ files->data, NULL }, FOR_FIRST_STYLE);
  else if (self && files)
    take_pasted (self, files);
  g_weak_ref_clear (&loading->page);
  g_free (loading);
}

static void
texture_pasted (GObject *clipboard, GAsyncResult *result, gpointer data)
{
  Loading *loading = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&loading->page);
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkTexture) texture
      = gdk_clipboard_read_texture_finish (GDK_CLIPBOARD (clipboard), result, &error);

  if (texture)
    {
      kx_paint_picture_keep_async (texture, loaded, loading);
      return;
    }
  if (self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  g_weak_ref_clear (&loading->page);
  g_free (loading);
}

static gboolean
has_focus (KxPaintPage *self, gpointer widget)
{
  GtkWidget *focus = gtk_root_get_focus (gtk_widget_get_root (GTK_WIDGET (self)));

  return focus && (focus == widget || gtk_widget_is_ancestor (focus, widget));
}

/* Into the well that has the focus, or onto the list of styles; else it is what is painted. */
gboolean
kx_paint_page_paste (KxPage *page, GdkClipboard *clipboard)
{
  KxPaintPage *self = KX_PAINT_PAGE (page);
  GdkContentFormats *formats = gdk_clipboard_get_formats (clipboard);
  Purpose purpose = has_focus (self, self->style_well)     ? FOR_FIRST_STYLE
                    : has_focus (self, self->styles_group) ? FOR_STYLE
                                                           : FOR_CONTENT;

  if (gdk_content_formats_contain_gtype (formats, GDK_TYPE_FILE_LIST))
    gdk_clipboard_read_value_async (clipboard, GDK_TYPE_FILE_LIST, G_PRIORITY_DEFAULT, NULL,
                                    files_pasted, loading_new (self, purpose));
  else if (gdk_content_formats_contain_gtype (formats, GDK_TYPE_TEXTURE))
    gdk_clipboard_read_texture_async (clipboard, NULL, texture_pasted, loading_new (self, purpose));
  else
    return FALSE;
  return TRUE;
}

gboolean
kx_paint_page_picture (KxPage *page, GdkTexture *picture)
{
  give_content (KX_PAINT_PAGE (page), picture);
  return TRUE;
}

/**
 * kx_paint_page_fill:
 * @self: the page
 *
 * Shows the samples, and begins with one of each kind.
 */
void
kx_paint_page_fill (KxPaintPage *self)
{
  static const struct {
    const char *file, *name;
  } styles[] = { { "strokes.png", N_ ("Strokes") }, { "mosaic.png", N_ ("Mosaic") } };

  self->filled = TRUE;
  kx_paint_well_add_sample (self->content_well, SAMPLES "hills.png", _ ("Hills"));
  for (guint i = 0; i < G_N_ELEMENTS (styles); i++)
    {
      g_autofree char *place = g_strconcat (SAMPLES, styles[i].file, NULL);

      kx_paint_well_add_sample (self->style_well, place, _ (styles[i].name));
    }
  if (!self->content && !self->opening)
    choose_content (self, SAMPLES "hills.png");
  if (!kx_paint_page_get_style (self, 0) && !self->opening)
    choose_style (self, SAMPLES "strokes.png");
}

/**
 * kx_paint_page_take_drops:
 * @self: the page
 *
 * Lets pictures be dropped on the list of styles, and its heading: it may be empty.
 */
void
kx_paint_page_take_drops (KxPaintPage *self)
{
  GtkDropTarget *target = gtk_drop_target_new (G_TYPE_INVALID, GDK_ACTION_COPY);

  gtk_drop_target_set_gtypes (target, (GType[]){ GDK_TYPE_FILE_LIST, GDK_TYPE_TEXTURE }, 2);
  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop_style), self);
  g_signal_connect_swapped (target, "enter", G_CALLBACK (show_target), self->styles_group);
  g_signal_connect_swapped (target, "leave", G_CALLBACK (hide_target), self->styles_group);
  gtk_widget_add_controller (GTK_WIDGET (self->styles_group), GTK_EVENT_CONTROLLER (target));
}

void
kx_paint_page_bind_intake (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, press_content);
  gtk_widget_class_bind_template_callback (widget_class, press_add_style);
  gtk_widget_class_bind_template_callback (widget_class, choose_content);
  gtk_widget_class_bind_template_callback (widget_class, choose_style);
  gtk_widget_class_bind_template_callback (widget_class, give_content);
  gtk_widget_class_bind_template_callback (widget_class, give_style);
  gtk_widget_class_bind_template_callback (widget_class, take_for_fast);
}
