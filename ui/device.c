/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A device in the lists, and what it is doing. */

#include "device.h"

#include <glib/gi18n.h>

#define SPEEDS "devices.ini" /* beside the runs: what was measured */

struct _KxDevice {
  GObject parent_instance;

  KolDeviceInfo info; /* its texts are ours */
  KxEngine *engine;   /* NULL: it has not been needed yet */
  char *stage;        /* "Compiling kernels 12/40", or NULL */
  char *speed;        /* "0.15 TFLOP/s\n10 GB/s", or NULL */
  double flops;       /* operations per second; 0: not measured */
};

G_DEFINE_FINAL_TYPE (KxDevice, kx_device, G_TYPE_OBJECT)

enum {
  PROP_NAME = 1,
  PROP_PLATFORM,
  PROP_STAGE,
  PROP_SPEED,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void
kx_device_finalize (GObject *object)
{
  KxDevice *self = KX_DEVICE (object);

  kx_device_stop (self);
  g_clear_pointer (&self->engine, kx_engine_unref);
  g_free (self->info.name);
  g_free (self->info.platform);
  g_free (self->info.type);
  g_free (self->info.driver);
  g_free (self->info.version);
  g_free (self->stage);
  g_free (self->speed);
  G_OBJECT_CLASS (kx_device_parent_class)->finalize (object);
}

static void
kx_device_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxDevice *self = KX_DEVICE (object);

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->info.name);
      break;
    case PROP_PLATFORM:
      g_value_set_string (value, self->info.platform);
      break;
    case PROP_STAGE:
      g_value_set_string (value, self->stage);
      break;
    case PROP_SPEED:
      g_value_set_string (value, self->speed);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_device_class_init (KxDeviceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = kx_device_finalize;
  object_class->get_property = kx_device_get_property;
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  props[PROP_PLATFORM] = g_param_spec_string ("platform", NULL, NULL, NULL, flags);
  props[PROP_STAGE] = g_param_spec_string ("stage", NULL, NULL, NULL, flags);
  props[PROP_SPEED] = g_param_spec_string ("speed", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kx_device_init (KxDevice *self)
{
}

/* ── Speed ───────────────────────────────────────────────────────────────────────────────────── */

static char *
speeds_path (void)
{
  return g_build_filename (g_get_user_data_dir (), "kolinsky", SPEEDS, NULL);
}

/* With another driver it is another device. */
static char *
speeds_group (KxDevice *self)
{
  char *group = g_strjoin (", ", self->info.name, self->info.platform, self->info.driver, NULL);

  return g_strdelimit (group, "[]\n", '-');
}

static void
show_speed (KxDevice *self, double flops, double bandwidth)
{
  g_free (self->speed);
  self->flops = flops;
  self->speed = flops > 0
                    ? g_strdup_printf (_ ("%.2f TFLOP/s\n%.0f GB/s"), flops / 1e12, bandwidth / 1e9)
                    : NULL;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_SPEED]);
}

static void
recall_speed (KxDevice *self)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = speeds_path (), *group = speeds_group (self);

  g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL); /* there may be none yet */
  show_speed (self, g_key_file_get_double (file, group, "flops", NULL),
              g_key_file_get_double (file, group, "bandwidth", NULL));
}

/**
 * kx_device_get_flops:
 * @device: a device
 *
 * Returns: how many operations it has done in a second; 0: that was not measured
 */
double
kx_device_get_flops (KxDevice *self)
{
  return self->flops;
}

/**
 * kx_device_set_speed:
 * @device: a device
 * @flops: operations per second
 * @bandwidth: bytes per second
 *
 * Remembers what was measured, also for later starts.
 */
void
kx_device_set_speed (KxDevice *self, double flops, double bandwidth)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = speeds_path (), *group = speeds_group (self);
  g_autofree char *folder = g_path_get_dirname (path);

  show_speed (self, flops, bandwidth);
  g_mkdir_with_parents (folder, 0755);
  g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_COMMENTS, NULL);
  g_key_file_set_double (file, group, "flops", flops);
  g_key_file_set_double (file, group, "bandwidth", bandwidth);
  if (!g_key_file_save_to_file (file, path, &error))
    g_message ("The speed of %s cannot be remembered: %s", self->info.name, error->message);
}

/**
 * kx_device_new:
 * @info: what is known of the device; copied
 *
 * Returns: (transfer full): the device, not yet opened
 */
KxDevice *
kx_device_new (const KolDeviceInfo *info)
{
  KxDevice *self = g_object_new (KX_TYPE_DEVICE, NULL);

  self->info = *info;
  self->info.name = g_strdup (info->name);
  self->info.platform = g_strdup (info->platform);
  self->info.type = g_strdup (info->type);
  self->info.driver = g_strdup (info->driver);
  self->info.version = g_strdup (info->version);
  recall_speed (self);
  return self;
}

const KolDeviceInfo *
kx_device_get_info (KxDevice *self)
{
  return &self->info;
}

const char *
kx_device_get_name (KxDevice *self)
{
  return self->info.name;
}

static void
take_stage (const char *stage, guint done, guint total, gpointer data)
{
  KxDevice *self = data;

  g_free (self->stage);
  self->stage = total && done < total ? g_strdup_printf ("%s %u/%u", stage, done, total) : NULL;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STAGE]);
}

/**
 * kx_device_get_engine:
 * @device: a device
 *
 * Returns: (transfer none): its engine, whose worker is there from the first time on
 */
KxEngine *
kx_device_get_engine (KxDevice *self)
{
  if (!self->engine)
    {
      g_autofree char *choice = g_strdup_printf ("%u", self->info.index);
      self->engine = kx_engine_new (choice, take_stage, self);
    }
  return self->engine;
}

/**
 * kx_device_is_engaged:
 * @device: a device
 *
 * Returns: whether it has an engine
 */
gboolean
kx_device_is_engaged (KxDevice *self)
{
  return self->engine != NULL;
}

/**
 * kx_device_stop:
 * @device: a device
 *
 * Ends all that it does, and waits for that.
 */
void
kx_device_stop (KxDevice *self)
{
  if (self->engine)
    kx_engine_stop (self->engine);
}
