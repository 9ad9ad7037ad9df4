/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Which device works, and how hard. */

#include "device-button.h"

#include <glib/gi18n.h>

struct _KxDeviceButton {
  AdwBin parent_instance;

  KxSession *session; /* the window's, which outlives this */

  GtkMenuButton *button;
  GtkWidget *face;
  GtkLabel *name, *percent, *memory;
  GtkLevelBar *load;
  GtkListBox *list;
};

G_DEFINE_FINAL_TYPE (KxDeviceButton, kx_device_button, ADW_TYPE_BIN)

static void
choose (KxDeviceButton *self, GtkListBoxRow *row)
{
  g_autoptr (KxDevice) device = g_list_model_get_item (kx_session_get_devices (self->session),
                                                       gtk_list_box_row_get_index (row));

  kx_session_set_device (self->session, device);
  gtk_menu_button_popdown (self->button);
}

static void
show_load (KxDeviceButton *self)
{
  double memory, load = kx_session_get_load (self->session, &memory);
  g_autofree char *percent = g_strdup_printf (_ ("%.0f %%"), 100 * load);
  g_autofree char *text = g_strdup_printf (_ ("%.0f %% of its memory in use"), 100 * memory);

  gtk_level_bar_set_value (self->load, load);
  gtk_label_set_label (self->percent, percent);
  gtk_label_set_label (self->memory, text);
}

static GtkWidget *
make_row (gpointer item, gpointer data)
{
  KxDevice *device = item;
  KxDeviceButton *self = data;
  const KolDeviceInfo *info = kx_device_get_info (device);
  g_autofree char *title = g_markup_escape_text (info->name, -1);
  g_autofree char *subtitle = g_markup_printf_escaped ("%s · %s", info->type, info->platform);
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  if (device == kx_session_get_device (self->session))
    {
      GtkWidget *tick = gtk_image_new_from_icon_name ("object-select-symbolic");
      gtk_accessible_update_property (GTK_ACCESSIBLE (tick), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                      _ ("Chosen"), -1);
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), tick);
    }
  return row;
}

static void
show_device (KxDeviceButton *self)
{
  KxDevice *device = kx_session_get_device (self->session);
  gboolean looked;

  g_object_get (self->session, "looked", &looked, NULL);
  const char *name = device   ? kx_device_get_name (device)
                     : looked ? _ ("No OpenCL device")
                              : _ ("Looking for devices…");
  gtk_label_set_label (self->name, name);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->button), name);
  g_autofree char *accessible = g_strdup_printf (_ ("Device: %s"), name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  accessible, -1);
  gtk_list_box_bind_model (self->list, kx_session_get_devices (self->session), make_row, self,
                           NULL);
  gtk_widget_set_visible (gtk_widget_get_parent (GTK_WIDGET (self->load)), device != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->memory), device != NULL);
  show_load (self);
}

static void
kx_device_button_dispose (GObject *object)
{
  KxDeviceButton *self = KX_DEVICE_BUTTON (object);

  if (self->list)
    gtk_list_box_bind_model (self->list, NULL, NULL, NULL, NULL);
  G_OBJECT_CLASS (kx_device_button_parent_class)->dispose (object);
}

static void
kx_device_button_class_init (KxDeviceButtonClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_device_button_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/device-button.ui");
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, button);
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, face);
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, name);
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, percent);
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, memory);
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, load);
  gtk_widget_class_bind_template_child (widget_class, KxDeviceButton, list);
  gtk_widget_class_bind_template_callback (widget_class, choose);
}

static void
kx_device_button_init (KxDeviceButton *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  /* A menu button centres what is in it; here it begins where the rows of the sidebar do. */
  gtk_widget_set_halign (gtk_widget_get_parent (self->face), GTK_ALIGN_FILL);
  gtk_widget_set_direction (GTK_WIDGET (self->percent), GTK_TEXT_DIR_LTR); /* as in legends */
}

void
kx_device_button_set_session (KxDeviceButton *self, KxSession *session)
{
  self->session = session;
  g_signal_connect_object (session, "notify::device", G_CALLBACK (show_device), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::looked", G_CALLBACK (show_device), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::load", G_CALLBACK (show_load), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::memory", G_CALLBACK (show_load), self,
                           G_CONNECT_SWAPPED);
  show_device (self);
}
