/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The units of a layer. Nothing is kept of one before somebody looks at it. */

#include "unit-list.h"

#include <glib/gi18n.h>
#include <math.h>

struct _KxNeuron {
  GObject parent_instance;

  KxNetworkLayer *layer;
  guint index;
  char *title; /* "17", or the class's name */
  KxNeuronPicture picture;
  gboolean stale; /* the network has learned since */
  double best;    /* what the best of some photos gets; NaN: none was looked at */
  KxSight *sight; /* of a photo, with the layer's maps */
  GdkTexture *map;
  KolUnitChange change;
  double held;
  guint bound; /* cells that show it */
};

struct _KxUnitList {
  GObject parent_instance;

  KxNetwork *network;
  KxNetworkLayer *layer;
  KxNeuron **units; /* NULL where nobody has asked */
  KxSight *sight;
};

enum {
  PROP_PICTURE = 1,
  PROP_MAP,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

/* ── A unit ──────────────────────────────────────────────────────────────────────────────────── */

G_DEFINE_FINAL_TYPE (KxNeuron, kx_neuron, G_TYPE_OBJECT)

static void
kx_neuron_finalize (GObject *object)
{
  KxNeuron *self = KX_NEURON (object);

  g_clear_object (&self->layer);
  g_clear_object (&self->picture.texture);
  g_clear_object (&self->map);
  g_clear_pointer (&self->sight, kx_sight_unref);
  g_free (self->title);
  G_OBJECT_CLASS (kx_neuron_parent_class)->finalize (object);
}

static void
kx_neuron_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxNeuron *self = KX_NEURON (object);

  g_value_set_object (value, id == PROP_MAP ? kx_neuron_get_map (self) : self->picture.texture);
}

static void
kx_neuron_class_init (KxNeuronClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = kx_neuron_finalize;
  object_class->get_property = kx_neuron_get_property;
  props[PROP_PICTURE] = g_param_spec_object ("picture", NULL, NULL, GDK_TYPE_TEXTURE, flags);
  props[PROP_MAP] = g_param_spec_object ("map", NULL, NULL, GDK_TYPE_TEXTURE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kx_neuron_init (KxNeuron *self)
{
  self->best = self->picture.activation = self->picture.probability = NAN;
}

KxNetworkLayer *
kx_neuron_get_layer (KxNeuron *self)
{
  return self->layer;
}

guint
kx_neuron_get_index (KxNeuron *self)
{
  return self->index;
}

/**
 * kx_neuron_get_title:
 * @unit: a unit
 *
 * Returns: (transfer none): its number, or the name of its class
 */
const char *
kx_neuron_get_title (KxNeuron *self)
{
  return self->title;
}

/**
 * kx_neuron_get_picture:
 * @unit: a unit
 *
 * Returns: (transfer none): how far its picture has come; without a texture where it has not begun
 */
const KxNeuronPicture *
kx_neuron_get_picture (KxNeuron *self)
{
  return &self->picture;
}

/**
 * kx_neuron_set_picture:
 * @unit: a unit
 * @picture: (nullable): its picture now; %NULL: none any more
 */
void
kx_neuron_set_picture (KxNeuron *self, const KxNeuronPicture *picture)
{
  const KxNeuronPicture none = { .activation = NAN, .probability = NAN };
  GdkTexture *older = self->picture.texture;

  self->picture = picture ? *picture : none;
  if (self->picture.texture)
    g_object_ref (self->picture.texture);
  g_clear_object (&older);
  self->stale = FALSE;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PICTURE]);
}

gboolean
kx_neuron_is_stale (KxNeuron *self)
{
  return self->stale;
}

/**
 * kx_neuron_set_best:
 * @unit: a unit
 * @best: what the best of some photos gets of what its picture is to make large
 */
void
kx_neuron_set_best (KxNeuron *self, double best)
{
  self->best = best;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PICTURE]);
}

double
kx_neuron_get_best (KxNeuron *self)
{
  return self->best;
}

/**
 * kx_neuron_get_ratio:
 * @unit: a unit
 *
 * Returns: how many times its picture gets what the best photo gets; NaN where that is not known
 */
double
kx_neuron_get_ratio (KxNeuron *self)
{
  return self->best > 0 ? self->picture.activation / self->best : NAN;
}

/**
 * kx_neuron_describe:
 * @unit: a unit
 *
 * Returns: (transfer full): "conv2 unit 17, step 128, 3.1 times the best picture"
 */
char *
kx_neuron_describe (KxNeuron *self)
{
  const KxNeuronPicture *picture = &self->picture;
  GString *text = g_string_new (NULL);
  double ratio = kx_neuron_get_ratio (self);

  g_string_append_printf (text, _ ("%s unit %u"), kx_network_layer_get_name (self->layer),
                          self->index);
  if (kx_network_layer_is_output (self->layer))
    g_string_append_printf (text, " %s", self->title);
  if (!picture->steps)
    g_string_append (text, _ (", no picture yet"));
  else if (picture->dead)
    g_string_append (text, _ (", dead"));
  else
    {
      g_string_append_printf (text, _ (", step %u"), picture->steps);
      if (!isnan (ratio))
        g_string_append_printf (text, _ (", %.1f times the best picture"), ratio);
    }
  if (self->stale)
    g_string_append (text, _ (", of earlier weights"));
  if (self->change != KOL_UNIT_AS_IT_IS)
    g_string_append (text, _ (", changed"));
  return g_string_free (text, FALSE);
}

/**
 * kx_neuron_get_map:
 * @unit: a unit
 *
 * Returns: (nullable) (transfer none): what it says at each position of the photo
 */
GdkTexture *
kx_neuron_get_map (KxNeuron *self)
{
  if (!self->map && self->sight)
    self->map = kx_sight_get_map (self->sight, self->index);
  return self->map;
}

/**
 * kx_neuron_get_said:
 * @unit: a unit
 *
 * Returns: the mean of what it says of the photo; NaN: there is none
 */
double
kx_neuron_get_said (KxNeuron *self)
{
  double sum = 0;

  if (!self->sight)
    return NAN;
  gsize each = self->sight->height * self->sight->width;
  for (gsize i = 0; i < each; i++)
    sum += self->sight->maps[self->index * each + i];
  return sum / (double) each;
}

/**
 * kx_neuron_get_peak:
 * @unit: a unit
 *
 * Returns: the largest that it says of the photo anywhere; NaN: there is none
 */
double
kx_neuron_get_peak (KxNeuron *self)
{
  double peak = -INFINITY;

  if (!self->sight)
    return NAN;
  gsize each = self->sight->height * self->sight->width;
  for (gsize i = 0; i < each; i++)
    peak = fmax (peak, self->sight->maps[self->index * each + i]);
  return peak;
}

static void
set_sight (KxNeuron *self, KxSight *sight)
{
  g_clear_object (&self->map);
  g_clear_pointer (&self->sight, kx_sight_unref);
  self->sight = sight ? kx_sight_ref (sight) : NULL;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MAP]);
}

KolUnitChange
kx_neuron_get_change (KxNeuron *self, double *value)
{
  *value = self->held;
  return self->change;
}

void
kx_neuron_set_change (KxNeuron *self, KolUnitChange change, double value)
{
  self->change = change;
  self->held = value;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PICTURE]);
}

gboolean
kx_neuron_is_changed (KxNeuron *self)
{
  return self->change != KOL_UNIT_AS_IT_IS;
}

/**
 * kx_neuron_bound:
 * @unit: a unit
 * @bound: whether one more cell shows it, or one less
 *
 * A picture that nobody sees is left to the cache.
 */
void
kx_neuron_bound (KxNeuron *self, gboolean bound)
{
  self->bound += bound ? 1 : -1;
  if (!self->bound)
    {
      g_clear_object (&self->picture.texture);
      g_clear_object (&self->map);
    }
}

gboolean
kx_neuron_is_bound (KxNeuron *self)
{
  return self->bound > 0;
}

/* ── The list ────────────────────────────────────────────────────────────────────────────────── */

static GType
get_item_type (GListModel *model)
{
  return KX_TYPE_NEURON;
}

static guint
get_n_items (GListModel *model)
{
  return kx_network_layer_get_units (KX_UNIT_LIST (model)->layer);
}

static KxNeuron *
make_unit (KxUnitList *self, guint index)
{
  KxNeuron *unit = g_object_new (KX_TYPE_NEURON, NULL);

  unit->layer = g_object_ref (self->layer);
  unit->index = index;
  unit->title = kx_network_layer_is_output (self->layer)
                    ? kx_network_class_name (self->network, index)
                    : g_strdup_printf ("%u", index);
  unit->sight = self->sight ? kx_sight_ref (self->sight) : NULL;
  return unit;
}

static gpointer
get_item (GListModel *model, guint index)
{
  KxUnitList *self = KX_UNIT_LIST (model);

  if (index >= get_n_items (model))
    return NULL;
  if (!self->units[index])
    self->units[index] = make_unit (self, index);
  return g_object_ref (self->units[index]);
}

static void
list_model_init (GListModelInterface *interface)
{
  interface->get_item_type = get_item_type;
  interface->get_n_items = get_n_items;
  interface->get_item = get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (KxUnitList, kx_unit_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static void
kx_unit_list_finalize (GObject *object)
{
  KxUnitList *self = KX_UNIT_LIST (object);

  for (guint i = 0; i < kx_network_layer_get_units (self->layer); i++)
    g_clear_object (&self->units[i]);
  g_free (self->units);
  g_clear_object (&self->layer);
  g_clear_object (&self->network);
  g_clear_pointer (&self->sight, kx_sight_unref);
  G_OBJECT_CLASS (kx_unit_list_parent_class)->finalize (object);
}

static void
kx_unit_list_class_init (KxUnitListClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_unit_list_finalize;
}

static void
kx_unit_list_init (KxUnitList *self)
{
}

/**
 * kx_unit_list_new:
 * @network: a network that is ready
 * @layer: one of its layers, no group
 *
 * Returns: (transfer full): its units
 */
KxUnitList *
kx_unit_list_new (KxNetwork *network, KxNetworkLayer *layer)
{
  KxUnitList *self = g_object_new (KX_TYPE_UNIT_LIST, NULL);

  self->network = g_object_ref (network);
  self->layer = g_object_ref (layer);
  self->units = g_new0 (KxNeuron *, kx_network_layer_get_units (layer) + 1);
  return self;
}

KxNetworkLayer *
kx_unit_list_get_layer (KxUnitList *self)
{
  return self->layer;
}

/**
 * kx_unit_list_get:
 * @list: units
 * @index: one of them
 *
 * Returns: (transfer none): it
 */
KxNeuron *
kx_unit_list_get (KxUnitList *self, guint index)
{
  g_autoptr (KxNeuron) unit = get_item (G_LIST_MODEL (self), index);

  return unit; /* the list holds it */
}

/**
 * kx_unit_list_set_sight:
 * @list: units
 * @sight: (nullable): what the network says of a photo, with the layer's maps
 */
void
kx_unit_list_set_sight (KxUnitList *self, KxSight *sight)
{
  g_clear_pointer (&self->sight, kx_sight_unref);
  self->sight = sight ? kx_sight_ref (sight) : NULL;
  for (guint i = 0; i < kx_network_layer_get_units (self->layer); i++)
    if (self->units[i])
      set_sight (self->units[i], sight);
}

/**
 * kx_unit_list_set_stale:
 * @list: units
 *
 * The network has learned: pictures are of weights that were.
 */
void
kx_unit_list_set_stale (KxUnitList *self)
{
  for (guint i = 0; i < kx_network_layer_get_units (self->layer); i++)
    if (self->units[i] && self->units[i]->picture.texture && !self->units[i]->stale)
      {
        self->units[i]->stale = TRUE;
        g_object_notify_by_pspec (G_OBJECT (self->units[i]), props[PROP_PICTURE]);
      }
}
