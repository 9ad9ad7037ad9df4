/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Layers as lists show them. What the engine computes in two steps for one layer, such as a
 * convolution and its biases, is one row; layers whose names begin alike are a group; groups in a
 * row that are made alike are one group of groups.
 */

#include "network-layer.h"

#include <glib/gi18n.h>
#include <string.h>

struct _KxNetworkLayer {
  GObject parent_instance;

  guint index;
  char *name, *title, *detail, *brief;
  char *group; /* the first part of its name, or NULL */
  const char *kind;
  guint units;
  gint64 height, width; /* of its map; 0: it has none */
  guint64 parameters;
  gboolean output;
  GArray *inputs; /* guint: indices of layers that are shown */
  GListStore *children;
  KxLayerLanes lanes;
};

G_DEFINE_FINAL_TYPE (KxNetworkLayer, kx_network_layer, G_TYPE_OBJECT)

static void
kx_network_layer_finalize (GObject *object)
{
  KxNetworkLayer *self = KX_NETWORK_LAYER (object);

  g_free (self->name);
  g_free (self->title);
  g_free (self->detail);
  g_free (self->brief);
  g_free (self->group);
  g_clear_pointer (&self->inputs, g_array_unref);
  g_clear_object (&self->children);
  G_OBJECT_CLASS (kx_network_layer_parent_class)->finalize (object);
}

static void
kx_network_layer_class_init (KxNetworkLayerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_network_layer_finalize;
}

static void
kx_network_layer_init (KxNetworkLayer *self)
{
  self->index = KX_NO_LAYER;
}

/* ── Which layers are shown ──────────────────────────────────────────────────────────────────── */

static const char *
without_slash (const char *name)
{
  return *name == '/' ? name + 1 : name;
}

static guint
consumers_of (const KolLayerInfo *infos, guint n, guint of, guint *last)
{
  guint count = 0;

  for (guint i = of + 1; i < n; i++)
    for (guint k = 0; k < infos[i].n_inputs; k++)
      if (infos[i].inputs[k] == of)
        {
          count++;
          *last = i;
        }
  return count;
}

/* The layer that a step belongs to: "conv1/conv2d" to "conv1". Else KX_NO_LAYER. */
static guint
whole_of (const KolLayerInfo *infos, guint n, const guint *rows, guint part)
{
  guint consumer = KX_NO_LAYER, whole;
  gsize length;

  if (consumers_of (infos, n, part, &consumer) != 1 || rows[consumer] == KX_NO_LAYER)
    return KX_NO_LAYER;
  whole = rows[consumer];
  length = strlen (infos[whole].name);
  return strncmp (infos[part].name, infos[whole].name, length) == 0
                 && infos[part].name[length] == '/'
             ? whole
             : KX_NO_LAYER;
}

/* For each layer the one in whose row it is: itself, or KX_NO_LAYER where nothing needs it. */
static guint *
find_rows (const KolLayerInfo *infos, guint n, const char *output)
{
  guint *rows = g_new (guint, n + 1), last;

  for (guint i = n; i-- > 0;)
    {
      guint whole = infos[i].alias ? KX_NO_LAYER : whole_of (infos, n, rows, i);

      if (whole != KX_NO_LAYER)
        rows[i] = whole;
      else if (infos[i].alias
               || (strcmp (infos[i].name, output) != 0 && i + 1 < n && !infos[i + 1].alias
                   && consumers_of (infos, n, i, &last) == 0))
        rows[i] = KX_NO_LAYER;
      else
        rows[i] = i;
    }
  return rows;
}

/* ── Texts ───────────────────────────────────────────────────────────────────────────────────── */

/* 51k, 3.2M. Given. */
static char *
short_number (guint64 number)
{
  if (number < 1000)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  if (number < 1000000)
    return g_strdup_printf (number < 10000 ? "%.1fk" : "%.0fk", (double) number / 1e3);
  return g_strdup_printf (number < 10000000 ? "%.1fM" : "%.0fM", (double) number / 1e6);
}

static void
describe (KxNetworkLayer *self)
{
  g_autofree char *parameters = short_number (self->parameters);
  /* The marks around it keep its order where text is written from right to left. */
  g_autofree char *shape = self->height ? g_strdup_printf ("\u2066%u×%d×%d\u2069", self->units,
                                                           (int) self->height, (int) self->width)
                                        : g_strdup_printf ("%u", self->units);

  self->detail = self->parameters ? g_strdup_printf (_ ("%s · %s weights"), shape, parameters)
                                  : g_strdup (shape);
  self->brief
      = self->parameters ? g_strdup_printf ("%s · %s", shape, parameters) : g_strdup (shape);
}

/* "fire2" of "fire2/squeeze1x1"; "/_blocks.0" of "/_blocks.0/Add_output_0". Given. */
static char *
group_of (const char *name)
{
  const char *slash = strchr (without_slash (name), '/');

  return slash ? g_strndup (name, (gsize) (slash - name)) : NULL;
}

/* ONNX's exporters write "/_blocks.0/_bn1/BatchNormalization_output_0". Given. */
static char *
title_of (const char *name, const char *group)
{
  const char *rest = without_slash (group ? name + strlen (group) + 1 : name);
  char *title = g_strdup (*rest == '_' ? rest + 1 : rest);

  if (g_str_has_suffix (title, "_output_0"))
    title[strlen (title) - strlen ("_output_0")] = '\0';
  return title;
}

/* ── Edges ───────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  guint producer; /* of rows; KX_NO_LAYER: the lane is free */
  guint last;     /* the row that needs it last */
} Lane;

static guint
free_lane (const Lane *lanes)
{
  guint lane = 0;

  while (lane < KX_LAYER_LANES - 1 && lanes[lane].producer != KX_NO_LAYER)
    lane++;
  return lane;
}

static gboolean
needs (KxNetworkLayer *row, guint index)
{
  for (guint i = 0; i < row->inputs->len; i++)
    if (g_array_index (row->inputs, guint, i) == index)
      return TRUE;
  return FALSE;
}

static guint
last_need (GPtrArray *rows, guint of)
{
  guint last = of;

  for (guint i = of + 1; i < rows->len; i++)
    if (needs (g_ptr_array_index (rows, i), ((KxNetworkLayer *) rows->pdata[of])->index))
      last = i;
  return last;
}

/* As in the graph of a history: a lane stays with what comes from one layer until it is used up. */
static void
lay_lanes (GPtrArray *rows)
{
  Lane lanes[KX_LAYER_LANES];
  guint most = 1;

  for (guint l = 0; l < KX_LAYER_LANES; l++)
    lanes[l].producer = KX_NO_LAYER;
  for (guint i = 0; i < rows->len; i++)
    {
      KxNetworkLayer *row = g_ptr_array_index (rows, i);

      for (guint l = 0; l < KX_LAYER_LANES; l++)
        {
          if (lanes[l].producer == KX_NO_LAYER)
            continue;
          row->lanes.above |= 1u << l;
          if (needs (row, lanes[l].producer))
            row->lanes.joins |= 1u << l;
          if (lanes[l].last <= i)
            lanes[l].producer = KX_NO_LAYER;
        }
      row->lanes.lane = free_lane (lanes);
      guint last = last_need (rows, i);
      if (last > i)
        lanes[row->lanes.lane] = (Lane){ row->index, last };
      for (guint l = 0; l < KX_LAYER_LANES; l++)
        if (lanes[l].producer != KX_NO_LAYER)
          {
            row->lanes.below |= 1u << l;
            most = MAX (most, l + 1);
          }
    }
  for (guint i = 0; i < rows->len; i++)
    ((KxNetworkLayer *) rows->pdata[i])->lanes.lanes = most;
}

/* ── Groups ──────────────────────────────────────────────────────────────────────────────────── */

static KxNetworkLayer *
child (KxNetworkLayer *group, guint i)
{
  g_autoptr (KxNetworkLayer) layer = g_list_model_get_item (G_LIST_MODEL (group->children), i);

  return layer; /* the group holds it */
}

static guint
n_children (KxNetworkLayer *group)
{
  return group->children ? g_list_model_get_n_items (G_LIST_MODEL (group->children)) : 0;
}

/* From above as its first layer, to below as its last one. */
static KxNetworkLayer *
group_new (KxNetworkLayer *const *layers, guint n, const char *title)
{
  KxNetworkLayer *self = g_object_new (KX_TYPE_NETWORK_LAYER, NULL);
  KxNetworkLayer *first = layers[0], *last = layers[n - 1];

  self->children = g_list_store_new (KX_TYPE_NETWORK_LAYER);
  for (guint i = 0; i < n; i++)
    {
      g_list_store_append (self->children, layers[i]);
      self->parameters += layers[i]->parameters;
    }
  self->name = g_strdup (title);
  self->title = g_strdup (title);
  self->units = last->units;
  self->height = last->height;
  self->width = last->width;
  self->lanes = (KxLayerLanes){ .lane = last->lanes.lane,
                                .above = first->lanes.above,
                                .joins = first->lanes.joins,
                                .below = last->lanes.below,
                                .lanes = first->lanes.lanes };
  describe (self);
  return self;
}

/* Whether two groups do the same, with however many units. */
static gboolean
are_alike (KxNetworkLayer *a, KxNetworkLayer *b)
{
  if (!a->children || !b->children || n_children (a) != n_children (b))
    return FALSE;
  for (guint i = 0; i < n_children (a); i++)
    if (strcmp (child (a, i)->kind, child (b, i)->kind) != 0)
      return FALSE;
  return TRUE;
}

/* Layers of one name's first part, if there are several; given. */
static GPtrArray *
group_by_name (GPtrArray *rows)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0, end; i < rows->len; i = end)
    {
      KxNetworkLayer *first = g_ptr_array_index (rows, i);

      for (end = i + 1; end < rows->len; end++)
        if (!first->group
            || g_strcmp0 (((KxNetworkLayer *) rows->pdata[end])->group, first->group) != 0)
          break;
      g_autofree char *title = first->group ? title_of (first->group, NULL) : NULL;
      g_ptr_array_add (groups, end - i > 1
                                   ? group_new ((KxNetworkLayer **) rows->pdata + i, end - i, title)
                                   : g_object_ref (first));
    }
  return groups;
}

static GListModel *
group_repeats (GPtrArray *groups)
{
  GListStore *roots = g_list_store_new (KX_TYPE_NETWORK_LAYER);

  for (guint i = 0, end; i < groups->len; i = end)
    {
      KxNetworkLayer *first = g_ptr_array_index (groups, i);

      for (end = i + 1; end < groups->len; end++)
        if (!are_alike (first, g_ptr_array_index (groups, end)))
          break;
      if (end - i < 2)
        {
          g_list_store_append (roots, first);
          continue;
        }
      g_autofree char *title
          = g_strdup_printf (_ ("%s to %s · %u alike"), first->title,
                             ((KxNetworkLayer *) groups->pdata[end - 1])->title, end - i);
      g_autoptr (KxNetworkLayer) repeats
          = group_new ((KxNetworkLayer **) groups->pdata + i, end - i, title);
      g_list_store_append (roots, repeats);
    }
  return G_LIST_MODEL (roots);
}

/* ── Making them ─────────────────────────────────────────────────────────────────────────────── */

static KxNetworkLayer *
row_new (const KolLayerInfo *infos, const guint *rows, guint i, const char *output)
{
  KxNetworkLayer *self = g_object_new (KX_TYPE_NETWORK_LAYER, NULL);
  const KolLayerInfo *info = &infos[i];

  self->index = i;
  self->kind = g_intern_string (info->kind);
  self->units = (guint) info->shape.dim[1];
  if (info->shape.rank == 4)
    {
      self->height = info->shape.dim[2];
      self->width = info->shape.dim[3];
    }
  self->output = strcmp (info->name, output) == 0;
  self->inputs = g_array_new (FALSE, FALSE, sizeof (guint));
  for (guint part = 0; part <= i; part++)
    {
      if (rows[part] != i)
        continue;
      self->parameters += infos[part].parameters;
      for (guint k = 0; k < infos[part].n_inputs; k++)
        if (rows[infos[part].inputs[k]] != i)
          g_array_append_val (self->inputs, rows[infos[part].inputs[k]]);
    }
  self->name = g_strdup (info->name);
  self->group = group_of (info->name);
  return self;
}

/**
 * kx_network_layers_new:
 * @infos: (array length=n): a network's layers
 * @n: how many
 * @output: the name of the one that its scores are
 *
 * Returns: (transfer full): a list of #KxNetworkLayer: layers and groups of them
 */
GListModel *
kx_network_layers_new (const KolLayerInfo *infos, guint n, const char *output)
{
  g_autofree guint *rows = find_rows (infos, n, output);
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    if (rows[i] == i)
      g_ptr_array_add (layers, row_new (infos, rows, i, output));
  lay_lanes (layers);
  g_autoptr (GPtrArray) groups = group_by_name (layers);
  for (guint i = 0; i < layers->len; i++)
    {
      KxNetworkLayer *layer = g_ptr_array_index (layers, i);
      gboolean grouped = !g_ptr_array_find (groups, layer, NULL);

      layer->title = title_of (layer->name, grouped ? layer->group : NULL);
      describe (layer);
    }
  return group_repeats (groups);
}

/**
 * kx_network_layers_find:
 * @layers: of kx_network_layers_new()
 * @index: a layer of the network
 *
 * Returns: (nullable) (transfer none): it
 */
KxNetworkLayer *
kx_network_layers_find (GListModel *layers, guint index)
{
  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      g_autoptr (KxNetworkLayer) layer = g_list_model_get_item (layers, i);
      KxNetworkLayer *found = layer->children
                                  ? kx_network_layers_find (G_LIST_MODEL (layer->children), index)
                              : layer->index == index ? layer
                                                      : NULL;
      if (found)
        return found; /* the list holds it */
    }
  return NULL;
}

/* ── What it is ──────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_network_layer_get_index:
 * @layer: a layer
 *
 * Returns: which of the network's layers; %KX_NO_LAYER: it is a group
 */
guint
kx_network_layer_get_index (KxNetworkLayer *self)
{
  return self->index;
}

/**
 * kx_network_layer_get_name:
 * @layer: a layer
 *
 * Returns: (transfer none): what the engine calls it
 */
const char *
kx_network_layer_get_name (KxNetworkLayer *self)
{
  return self->name;
}

/**
 * kx_network_layer_get_title:
 * @layer: a layer
 *
 * Returns: (transfer none): what a list calls it, in its group
 */
const char *
kx_network_layer_get_title (KxNetworkLayer *self)
{
  return self->title;
}

/**
 * kx_network_layer_get_brief:
 * @layer: a layer
 *
 * Returns: (transfer none): the same where there is little room: "64×14×14 · 51k"
 */
const char *
kx_network_layer_get_brief (KxNetworkLayer *self)
{
  return self->brief;
}

/**
 * kx_network_layer_get_detail:
 * @layer: a layer
 *
 * Returns: (transfer none): its size and weights: "64×14×14 · 51k weights"
 */
const char *
kx_network_layer_get_detail (KxNetworkLayer *self)
{
  return self->detail;
}

guint
kx_network_layer_get_units (KxNetworkLayer *self)
{
  return self->units;
}

/**
 * kx_network_layer_has_map:
 * @layer: a layer
 *
 * Returns: whether its units say something at each of several positions
 */
gboolean
kx_network_layer_has_map (KxNetworkLayer *self)
{
  return self->height * self->width > 1;
}

/**
 * kx_network_layer_is_output:
 * @layer: a layer
 *
 * Returns: whether its units are the classes
 */
gboolean
kx_network_layer_is_output (KxNetworkLayer *self)
{
  return self->output;
}

/**
 * kx_network_layer_get_children:
 * @layer: a layer
 *
 * Returns: (nullable) (transfer none): of a group, its members
 */
GListModel *
kx_network_layer_get_children (KxNetworkLayer *self)
{
  return self->children ? G_LIST_MODEL (self->children) : NULL;
}

const KxLayerLanes *
kx_network_layer_get_lanes (KxNetworkLayer *self)
{
  return &self->lanes;
}
