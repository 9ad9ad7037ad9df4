/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A place for a picture. */

#include "paint-well.h"

#include <glib/gi18n.h>

#include "shrunk.h"

#define SAMPLE 48 /* pixels of a sample's height */

struct _KxPaintWell {
  AdwBin parent_instance;

  GtkLabel *title, *name;
  GtkPicture *picture;
  GtkWidget *frame;
  GtkBox *samples;
};

G_DEFINE_FINAL_TYPE (KxPaintWell, kx_paint_well, ADW_TYPE_BIN)

enum {
  PROP_TITLE = 1,
};

enum {
  CHOSEN,
  GIVEN,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

char *
kx_path_of_file (GFile *file)
{
  return g_file_get_path (file);
}

typedef struct {
  GWeakRef widget;
  void (*chosen) (GtkWidget *widget, const char *place);
} Choice;

static void
choice_free (gpointer data, GClosure *closure)
{
  Choice *choice = data;

  g_weak_ref_clear (&choice->widget);
  g_free (choice);
}

static void
respond (GtkFileChooserNative *chooser, int response, gpointer data)
{
  Choice *choice = data;
  g_autoptr (GtkWidget) widget = g_weak_ref_get (&choice->widget);
  g_autoptr (GListModel) files = gtk_file_chooser_get_files (GTK_FILE_CHOOSER (chooser));

  for (guint i = 0;
       widget && response == GTK_RESPONSE_ACCEPT && i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);
      g_autofree char *path = kx_path_of_file (file);

      if (path)
        choice->chosen (widget, path);
    }
  g_object_unref (chooser);
}

/**
 * kx_choose_pictures:
 * @widget: who asks
 * @title: of the window
 * @several: whether several may be chosen
 * @chosen: called for each, while @widget lives
 */
void
kx_choose_pictures (GtkWidget *widget, const char *title, gboolean several,
                    void (*chosen) (GtkWidget *widget, const char *place))
{
  GtkFileChooserNative *chooser
      = gtk_file_chooser_native_new (title, GTK_WINDOW (gtk_widget_get_root (widget)),
                                     GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Open"), NULL);
  g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();
  Choice *choice = g_new0 (Choice, 1);

  gtk_file_filter_set_name (filter, _ ("Pictures"));
  gtk_file_filter_add_pixbuf_formats (filter);
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), filter);
  gtk_file_chooser_set_select_multiple (GTK_FILE_CHOOSER (chooser), several);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_weak_ref_init (&choice->widget, widget);
  choice->chosen = chosen;
  g_signal_connect_data (chooser, "response", G_CALLBACK (respond), choice, choice_free, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/* ── The well ────────────────────────────────────────────────────────────────────────────────── */

static void
choose (GtkWidget *widget, const char *place)
{
  g_signal_emit (widget, signals[CHOSEN], 0, place);
}

static void
press (KxPaintWell *self)
{
  kx_choose_pictures (GTK_WIDGET (self), gtk_label_get_label (self->title), FALSE, choose);
}

static void
take_sample (KxPaintWell *self, GtkButton *button)
{
  choose (GTK_WIDGET (self), g_object_get_data (G_OBJECT (button), "place"));
}

/* The sample is there: its button shows it. */
static void
show_sample (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GtkWidget) image = data;
  g_autoptr (KxPaintPicture) sample = kx_paint_picture_load_finish (result, NULL);

  if (!sample)
    return;
  GdkPaintable *thumbnail = GDK_PAINTABLE (sample->thumbnail);
  gtk_widget_set_size_request (
      image, (int) (SAMPLE * gdk_paintable_get_intrinsic_aspect_ratio (thumbnail)), SAMPLE);
  gtk_picture_set_paintable (GTK_PICTURE (image), thumbnail);
}

/**
 * kx_paint_well_add_sample:
 * @well: a well
 * @place: where a picture is that is free to use
 * @name: what it is called
 */
void
kx_paint_well_add_sample (KxPaintWell *self, const char *place, const char *name)
{
  GtkWidget *button = gtk_button_new (), *image = gtk_picture_new ();
  g_autofree char *accessible = g_strdup_printf (_ ("Sample: %s"), name);

  gtk_widget_set_size_request (image, SAMPLE, SAMPLE);
  gtk_widget_set_can_target (image, FALSE);
  gtk_button_set_child (GTK_BUTTON (button), image);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_add_css_class (button, "kx-frame");
  gtk_widget_set_tooltip_text (button, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  accessible, -1);
  g_object_set_data_full (G_OBJECT (button), "place", g_strdup (place), g_free);
  g_signal_connect_swapped (button, "clicked", G_CALLBACK (take_sample), self);
  gtk_box_append (self->samples, button);
  kx_paint_picture_load_async (place, NULL, show_sample, g_object_ref (image));
}

static void
set_density (KxPaintWell *self)
{
  GdkPaintable *shown = gtk_picture_get_paintable (self->picture);

  if (shown)
    kx_shrunk_set_density (KX_SHRUNK (shown),
                           gtk_widget_get_scale_factor (GTK_WIDGET (self->picture)));
}

/**
 * kx_paint_well_set_picture:
 * @well: a well
 * @picture: (nullable): what lies in it
 * @more: how many others lie under it
 */
void
kx_paint_well_set_picture (KxPaintWell *self, KxPaintPicture *picture, guint more)
{
  g_autofree char *text = picture
                              ? g_strdup_printf (_ ("%s: drop or choose another"), picture->name)
                              : g_strdup (_ ("Drop a picture here, or choose one"));
  g_autofree char *name
      = !picture ? g_strdup (_ ("Drop or choose a picture"))
        : more   ? g_strdup_printf (ngettext ("%s and %u other", "%s and %u others", more),
                                    picture->name, more)
                 : g_strdup (picture->name);
  g_autoptr (KxShrunk) shown
      = picture ? kx_shrunk_new (picture->texture, picture->thumbnail) : NULL;

  gtk_picture_set_paintable (self->picture, GDK_PAINTABLE (shown));
  set_density (self);
  gtk_label_set_label (self->name, name);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->name),
                               picture ? kx_paint_picture_get_path (picture) : NULL);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->frame), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                  text, -1);
}

static gboolean
drop (KxPaintWell *self, const GValue *value)
{
  if (G_VALUE_HOLDS (value, GDK_TYPE_TEXTURE))
    {
      g_signal_emit (self, signals[GIVEN], 0, g_value_get_object (value));
      return TRUE;
    }
  GSList *files = g_value_get_boxed (value);
  g_autofree char *path = files ? kx_path_of_file (files->data) : NULL;
  if (!path)
    return FALSE;
  choose (GTK_WIDGET (self), path);
  return TRUE;
}

static GdkDragAction
enter (KxPaintWell *self)
{
  gtk_widget_add_css_class (self->frame, "kx-drop");
  return GDK_ACTION_COPY;
}

static void
leave (KxPaintWell *self)
{
  gtk_widget_remove_css_class (self->frame, "kx-drop");
}

static void
kx_paint_well_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_string (value, gtk_label_get_label (KX_PAINT_WELL (object)->title));
}

static void
kx_paint_well_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxPaintWell *self = KX_PAINT_WELL (object);

  gtk_label_set_label (self->title, g_value_get_string (value));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->frame), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  g_value_get_string (value), -1);
}

static void
kx_paint_well_class_init (KxPaintWellClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = kx_paint_well_get_property;
  object_class->set_property = kx_paint_well_set_property;
  g_object_class_install_property (
      object_class, PROP_TITLE,
      g_param_spec_string ("title", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
  /**
   * KxPaintWell::chosen:
   * @place: where the picture is that is wanted
   */
  signals[CHOSEN] = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  /**
   * KxPaintWell::given:
   * @texture: the picture that is wanted
   */
  signals[GIVEN] = g_signal_new ("given", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 1, GDK_TYPE_TEXTURE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/paint-well.ui");
  gtk_widget_class_bind_template_child (widget_class, KxPaintWell, title);
  gtk_widget_class_bind_template_child (widget_class, KxPaintWell, name);
  gtk_widget_class_bind_template_child (widget_class, KxPaintWell, picture);
  gtk_widget_class_bind_template_child (widget_class, KxPaintWell, frame);
  gtk_widget_class_bind_template_child (widget_class, KxPaintWell, samples);
  gtk_widget_class_bind_template_callback (widget_class, press);
}

static void
kx_paint_well_init (KxPaintWell *self)
{
  GtkDropTarget *target = gtk_drop_target_new (G_TYPE_INVALID, GDK_ACTION_COPY);

  gtk_drop_target_set_gtypes (target, (GType[]){ GDK_TYPE_FILE_LIST, GDK_TYPE_TEXTURE }, 2);
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop), self);
  g_signal_connect_swapped (target, "enter", G_CALLBACK (enter), self);
  g_signal_connect_swapped (target, "leave", G_CALLBACK (leave), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (target));
  g_signal_connect_swapped (self->picture, "notify::scale-factor", G_CALLBACK (set_density), self);
  kx_paint_well_set_picture (self, NULL, 0);
}
