/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The preferences, each bound to its key of the settings. */

#include "preferences.h"

struct _KxPreferences {
  AdwPreferencesWindow parent_instance;

  AdwComboRow *scheme;
  GtkSwitch *begin;
  GtkSpinButton *checkpoints, *pictures;
};

G_DEFINE_FINAL_TYPE (KxPreferences, kx_preferences, ADW_TYPE_PREFERENCES_WINDOW)

/* The choices of "color-scheme" in the order of the row's. */
static const char *const schemes[] = { "default", "light", "dark" };

static gboolean
read_scheme (GValue *value, GVariant *variant, gpointer unused)
{
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (g_str_equal (schemes[i], g_variant_get_string (variant, NULL)))
      g_value_set_uint (value, i);
  return TRUE;
}

static GVariant *
write_scheme (const GValue *value, const GVariantType *type, gpointer unused)
{
  return g_variant_new_string (schemes[MIN (g_value_get_uint (value), G_N_ELEMENTS (schemes) - 1)]);
}

static void
kx_preferences_class_init (KxPreferencesClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/preferences.ui");
  gtk_widget_class_bind_template_child (widget_class, KxPreferences, scheme);
  gtk_widget_class_bind_template_child (widget_class, KxPreferences, begin);
  gtk_widget_class_bind_template_child (widget_class, KxPreferences, checkpoints);
  gtk_widget_class_bind_template_child (widget_class, KxPreferences, pictures);
}

static void
kx_preferences_init (KxPreferences *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

KxPreferences *
kx_preferences_new (GSettings *settings)
{
  KxPreferences *self = g_object_new (KX_TYPE_PREFERENCES, NULL);

  g_settings_bind_with_mapping (settings, "color-scheme", self->scheme, "selected",
                                G_SETTINGS_BIND_DEFAULT, read_scheme, write_scheme, NULL, NULL);
  g_settings_bind (settings, "begin-training", self->begin, "active", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "checkpoint-memory", self->checkpoints, "value",
                   G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "picture-cache", self->pictures, "value", G_SETTINGS_BIND_DEFAULT);
  return self;
}
