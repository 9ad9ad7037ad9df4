/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The networks that paint in one pass. They lie in the user's data folder, kolinsky/styles: what
 * `kolinsky style-train` writes, NAME.safetensors with samples in NAME-samples, or an ONNX file.
 */

#include "fast-grid.h"

#include <glib/gi18n.h>
#include <string.h>

#include "paint-file.h"
#include "paint-picture.h"

#define THUMBNAIL 56 /* pixels of height */

struct _KxFastGrid {
  AdwBin parent_instance;

  GtkFlowBox *grid;
  GtkStack *stack;
  GtkMenuButton *train;
  GtkEditable *name;
  GtkSpinButton *steps, *size;
  GtkWidget *photos;
  char *chosen;
};

G_DEFINE_FINAL_TYPE (KxFastGrid, kx_fast_grid, ADW_TYPE_BIN)

enum {
  CHOSEN,
  GIVEN,
  TRAIN,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/**
 * kx_fast_grid_get_folder:
 *
 * Returns: (transfer full): where networks that paint in one pass lie
 */
char *
kx_fast_grid_get_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "kolinsky", "styles", NULL);
}

static void
press (KxFastGrid *self, GtkButton *button)
{
  const char *path = g_object_get_data (G_OBJECT (button), "path");

  g_free (self->chosen);
  self->chosen = g_strdup (path);
  g_signal_emit (self, signals[CHOSEN], 0, self->chosen);
}

/* The folder of photos was chosen. */
static void
respond (KxFastGrid *self, int response, GtkFileChooserNative *chooser)
{
  g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
  g_autofree char *photos = file ? g_file_get_path (file) : NULL;

  if (response == GTK_RESPONSE_ACCEPT && photos)
    g_signal_emit (self, signals[TRAIN], 0, photos, gtk_editable_get_text (self->name),
                   (guint) gtk_spin_button_get_value_as_int (self->steps),
                   (guint) gtk_spin_button_get_value_as_int (self->size));
  g_object_unref (chooser);
}

static void
press_train (KxFastGrid *self)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Photos to learn from"), GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
      GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("_Train"), NULL);

  gtk_menu_button_popdown (self->train);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (respond), self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/* A folder, or a network's file, was chosen. */
static void
give (KxFastGrid *self, int response, GtkFileChooserNative *chooser)
{
  g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
  g_autofree char *path = file ? g_file_get_path (file) : NULL;

  if (response == GTK_RESPONSE_ACCEPT && path)
    g_signal_emit (self, signals[GIVEN], 0, path);
  g_object_unref (chooser);
}

static void
show_chooser (KxFastGrid *self, GtkFileChooserNative *chooser)
{
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (give), self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
choose_folder (GtkWidget *widget, const char *name, GVariant *target)
{
  show_chooser (KX_FAST_GRID (widget),
                gtk_file_chooser_native_new (
                    _ ("Pictures to paint"), GTK_WINDOW (gtk_widget_get_root (widget)),
                    GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("_Paint"), NULL));
}

static void
choose_network (GtkWidget *widget, const char *name, GVariant *target)
{
  g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("A network that paints in one pass"), GTK_WINDOW (gtk_widget_get_root (widget)),
      GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Open"), NULL);

  gtk_file_filter_set_name (filter, _ ("Networks"));
  gtk_file_filter_add_suffix (filter, "safetensors");
  gtk_file_filter_add_suffix (filter, "onnx");
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), filter);
  show_chooser (KX_FAST_GRID (widget), chooser);
}

/* A name becomes a file's. */
static void
allow_train (KxFastGrid *self)
{
  const char *name = gtk_editable_get_text (self->name);

  gtk_widget_set_sensitive (self->photos, *name && !strpbrk (name, "/.\\"));
}

/**
 * kx_fast_grid_set_can_train:
 * @grid: a grid
 * @can_train: whether there is what a new network could learn with
 */
void
kx_fast_grid_set_can_train (KxFastGrid *self, gboolean can_train)
{
  gtk_widget_set_visible (GTK_WIDGET (self->train), can_train);
}

/**
 * kx_fast_grid_suggest:
 * @grid: a grid
 * @name: what a new network may be called
 */
void
kx_fast_grid_suggest (KxFastGrid *self, const char *name)
{
  gtk_editable_set_text (self->name, name);
}

/**
 * kx_fast_grid_get_chosen:
 * @grid: a grid
 *
 * Returns: (nullable) (transfer none): the network that was pressed last, or the only one
 */
const char *
kx_fast_grid_get_chosen (KxFastGrid *self)
{
  GtkFlowBoxChild *first = gtk_flow_box_get_child_at_index (self->grid, 0);

  if (self->chosen || !first || gtk_flow_box_get_child_at_index (self->grid, 1))
    return self->chosen;
  return g_object_get_data (G_OBJECT (gtk_flow_box_child_get_child (first)), "path");
}

static void
show_sample (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GtkWidget) image = data;
  g_autoptr (KxPaintPicture) sample = kx_paint_picture_load_finish (result, NULL);

  if (sample)
    gtk_picture_set_paintable (GTK_PICTURE (image), GDK_PAINTABLE (sample->thumbnail));
}

/* NAME.png, or the newest of NAME-samples. Given, or NULL. */
static char *
find_sample (const char *folder, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".png", NULL);
  g_autofree char *beside = g_build_filename (folder, file, NULL);
  g_autofree char *samples = g_strconcat (name, "-samples", NULL);
  g_autofree char *inside = g_build_filename (folder, samples, NULL);
  g_autoptr (GDir) dir = g_dir_open (inside, 0, NULL);
  g_autofree char *newest = NULL;
  const char *each;

  if (g_file_test (beside, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&beside);
  while (dir && (each = g_dir_read_name (dir)))
    if (g_str_has_suffix (each, ".png") && (!newest || strcmp (each, newest) > 0))
      {
        g_free (newest);
        newest = g_strdup (each);
      }
  return newest ? g_build_filename (inside, newest, NULL) : NULL;
}

static void
add_network (KxFastGrid *self, const char *folder, const char *file)
{
  g_autofree char *name = g_strndup (file, strcspn (file, "."));
  g_autofree char *accessible = g_strdup_printf (_ ("Paint with %s"), name);
  g_autofree char *sample = find_sample (folder, name);
  GtkWidget *button = gtk_button_new ();
  GtkWidget *image = sample ? gtk_picture_new ()
                            : gtk_image_new_from_icon_name ("applications-graphics-symbolic");
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3), *label = gtk_label_new (name);

  gtk_widget_set_size_request (image, THUMBNAIL, THUMBNAIL);
  gtk_widget_set_can_target (image, FALSE);
  if (!sample)
    gtk_image_set_pixel_size (GTK_IMAGE (image), THUMBNAIL / 2);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 8);
  gtk_widget_add_css_class (label, "caption");
  gtk_box_append (GTK_BOX (box), image);
  gtk_box_append (GTK_BOX (box), label);
  gtk_button_set_child (GTK_BUTTON (button), box);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_add_css_class (button, "kx-frame");
  gtk_widget_set_tooltip_text (button, accessible);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  accessible, -1);
  g_object_set_data_full (G_OBJECT (button), "path", g_build_filename (folder, file, NULL), g_free);
  g_signal_connect_swapped (button, "clicked", G_CALLBACK (press), self);
  gtk_flow_box_insert (self->grid, button, -1);
  if (sample)
    kx_paint_picture_load_async (sample, NULL, show_sample, g_object_ref (image));
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(char *const *) a, *(char *const *) b);
}

/* Of a network that is there as both, the smaller file that Kolinsky writes is taken. */
static gboolean
is_network (const char *folder, const char *file)
{
  if (g_str_has_suffix (file, ".safetensors"))
    return TRUE;
  if (!g_str_has_suffix (file, ".onnx"))
    return FALSE;
  g_autofree char *other
      = g_strdup_printf ("%s/%.*s.safetensors", folder, (int) (strlen (file) - 5), file);
  return !g_file_test (other, G_FILE_TEST_EXISTS);
}

/**
 * kx_fast_grid_look:
 * @grid: a grid
 *
 * Shows what is there now.
 */
void
kx_fast_grid_look (KxFastGrid *self)
{
  g_autofree char *folder = kx_fast_grid_get_folder ();
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  GtkFlowBoxChild *child;
  const char *name;

  while ((child = gtk_flow_box_get_child_at_index (self->grid, 0)))
    gtk_flow_box_remove (self->grid, GTK_WIDGET (child));
  while (dir && (name = g_dir_read_name (dir)))
    if (is_network (folder, name))
      g_ptr_array_add (files, g_strdup (name));
  g_ptr_array_sort (files, by_name);
  for (guint i = 0; i < files->len; i++)
    add_network (self, folder, g_ptr_array_index (files, i));
  gtk_stack_set_visible_child_name (self->stack, files->len ? "networks" : "empty");
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "fast.paint-folder", files->len > 0);
}

/* A network that paints is copied under a name that is free. */
static void
add_file (GTask *task, gpointer grid, gpointer path, GCancellable *cancellable)
{
  g_autofree char *folder = kx_fast_grid_get_folder ();
  g_autofree char *base = g_path_get_basename (path);
  char *dot = strrchr (base, '.');
  g_autofree char *stem = g_strndup (base, dot ? (gsize) (dot - base) : strlen (base));
  g_autofree char *name = kx_free_name (folder, stem, kx_network_suffixes);
  g_autofree char *file = g_strconcat (name, dot, NULL);
  g_autofree char *place = g_build_filename (folder, file, NULL);
  g_autoptr (GFile) from = g_file_new_for_path (path);
  g_autoptr (GFile) to = g_file_new_for_path (place);
  GError *error = NULL;

  g_mkdir_with_parents (folder, 0777);
  if (kol_painter_check (path, &error)
      && g_file_copy (from, to, G_FILE_COPY_NONE, NULL, NULL, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * kx_fast_grid_add_async:
 * @grid: a grid
 * @path: the file of a network that paints, which is copied
 * @done: called on this thread
 * @user_data: for @done
 */
void
kx_fast_grid_add_async (KxFastGrid *self, const char *path, GAsyncReadyCallback done,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, done, user_data);

  g_task_set_task_data (task, g_strdup (path), g_free);
  g_task_run_in_thread (task, add_file);
}

/**
 * kx_fast_grid_add_finish:
 * @grid: a grid
 * @result: of kx_fast_grid_add_async()
 * @error: return location
 *
 * Returns: whether the network is there now; %FALSE with @error set if the file is none that
 *   paints, or cannot be copied
 */
gboolean
kx_fast_grid_add_finish (KxFastGrid *self, GAsyncResult *result, GError **error)
{
  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  kx_fast_grid_look (self);
  return TRUE;
}

static void
kx_fast_grid_finalize (GObject *object)
{
  g_free (KX_FAST_GRID (object)->chosen);
  G_OBJECT_CLASS (kx_fast_grid_parent_class)->finalize (object);
}

static void
kx_fast_grid_class_init (KxFastGridClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_fast_grid_finalize;
  /**
   * KxFastGrid::chosen:
   * @path: the network that is to paint
   */
  signals[CHOSEN] = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  /**
   * KxFastGrid::given:
   * @path: a folder whose pictures are to be painted, or the file of a network
   */
  signals[GIVEN] = g_signal_new ("given", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  /**
   * KxFastGrid::train:
   * @photos: the folder to learn from
   * @name: what the network is to be called
   * @steps: how many
   * @size: pixels of the squares that are cut out of the photos
   */
  signals[TRAIN]
      = g_signal_new ("train", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 4, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_UINT, G_TYPE_UINT);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/fast-grid.ui");
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, grid);
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, stack);
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, train);
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, name);
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, steps);
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, size);
  gtk_widget_class_bind_template_child (widget_class, KxFastGrid, photos);
  gtk_widget_class_bind_template_callback (widget_class, press_train);
  gtk_widget_class_bind_template_callback (widget_class, allow_train);
  gtk_widget_class_install_action (widget_class, "fast.paint-folder", NULL, choose_folder);
  gtk_widget_class_install_action (widget_class, "fast.add-network", NULL, choose_network);
}

static void
kx_fast_grid_init (KxFastGrid *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
