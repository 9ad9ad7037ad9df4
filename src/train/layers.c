/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The layers of recipe files: what each can be told, and the values it is built of.
 * A layer called NAME has the parameters w_NAME and b_NAME, as the lecture names
 * them, and its output is the value NAME.
 */

#include "layers-private.h"

#include <string.h>

#include "../graph/op-private.h"
#include "../model/networks.h"
#include "../nn/initializers.h"
#include "../ops.h"

/* The words that a "network" can be; filled from the list of them. */
#define MOST_NETWORKS 31
static const char *network_words[MOST_NETWORKS + 1];

/* ── What a layer was told ───────────────────────────────────────────────────────────────────── */

static const KolLayerValue *
value_of (const KolLayerPlace *place, const char *key)
{
  const KolLayerKey *keys = place->layer->kind->keys;

  for (guint i = 0; keys[i].name; i++)
    if (strcmp (keys[i].name, key) == 0)
      return &place->layer->values[i];
  g_assert_not_reached ();
}

static gint64
count_of (const KolLayerPlace *place, const char *key)
{
  double number = value_of (place, key)->number;

  return number < 0 ? place->classes : (gint64) number;
}

static float
number_of (const KolLayerPlace *place, const char *key)
{
  return (float) value_of (place, key)->number;
}

static const char *
word_of (const KolLayerPlace *place, const char *key)
{
  return value_of (place, key)->word;
}

/* The parameter "<what>_<layer><part>". */
static KolValue *
parameter (const KolLayerPlace *place, const char *what, const char *part, KolShape shape,
           KolInitializer initializer)
{
  g_autofree char *name = g_strconcat (what, "_", place->layer->name, part, NULL);

  return kol_parameter (place->graph, name, shape, initializer);
}

static KolValue *
state (const KolLayerPlace *place, const char *what, const char *part, KolShape shape, double start)
{
  g_autofree char *name = g_strconcat (what, "_", place->layer->name, part, NULL);

  return kol_state (place->graph, name, shape, KOL_CONSTANT (start));
}

static KolValue *
named_part (const KolLayerPlace *place, KolValue *value, const char *part)
{
  g_autofree char *name = g_strconcat (place->layer->name, part, NULL);

  return kol_named (value, name);
}

static gint64
channels_of (KolValue *value)
{
  const KolShape *shape = kol_value_get_shape (value);

  return shape->rank > 1 ? shape->dim[1] : 1;
}

static gint64
rank_of (KolValue *value)
{
  return kol_value_get_shape (value)->rank;
}

/* [N, ...] -> [N, features] */
static KolValue *
flat (KolValue *x)
{
  const KolShape *shape = kol_value_get_shape (x);

  return shape->rank == 2 ? x : kol_reshape (x, KOL_SHAPE (shape->dim[0], -1));
}

/* ── Activations ─────────────────────────────────────────────────────────────────────────────── */

static KolValue *
leaky_relu (KolValue *x)
{
  return kol_leaky_relu (x, 0.01f);
}

static KolValue *
elu (KolValue *x)
{
  return kol_elu (x, 1);
}

static const struct {
  const char *name;
  KolValue *(*function) (KolValue *x);
} activations[] = {
  { "none", NULL },
  { "relu", kol_relu },
  { "leaky-relu", leaky_relu },
  { "elu", elu },
  { "selu", kol_selu },
  { "gelu", kol_gelu },
  { "silu", kol_silu },
  { "hard-swish", kol_hard_swish },
  { "sigmoid", kol_sigmoid },
  { "tanh", kol_tanh },
  { "softplus", kol_softplus },
};

static const char *const activation_words[]
    = { "none", "relu",       "leaky-relu", "elu",  "selu",     "gelu",
        "silu", "hard-swish", "sigmoid",    "tanh", "softplus", NULL };

static KolValue *
activate (const KolLayerPlace *place, KolValue *z)
{
  const char *word = word_of (place, "activation");

  for (guint i = 0; i < G_N_ELEMENTS (activations); i++)
    if (strcmp (activations[i].name, word) == 0)
      return activations[i].function ? activations[i].function (z) : z;
  g_assert_not_reached ();
}

static KolValue *
build_activation (const KolLayerPlace *place)
{
  for (guint i = 0; i < G_N_ELEMENTS (activations); i++)
    if (strcmp (activations[i].name, place->layer->kind->name) == 0)
      return activations[i].function (place->inputs[0]);
  g_assert_not_reached ();
}

static KolValue *
build_softmax (const KolLayerPlace *place)
{
  return kol_softmax (place->inputs[0], 1);
}

/* ── Layers with weights ─────────────────────────────────────────────────────────────────────── */

/* Adds the biases, if there are any: along dimension 1 of [N, K, ..]. */
static KolValue *
biases (const KolLayerPlace *place, gint64 features)
{
  const KolLayerValue *value = value_of (place, "biases");

  return value->none ? NULL : parameter (place, "b", "", KOL_SHAPE (features), value->initializer);
}

static KolValue *
build_convolution (const KolLayerPlace *place)
{
  KolValue *x = place->inputs[0];
  gint64 features = count_of (place, "features"), size = count_of (place, "size");
  gint64 groups = count_of (place, "groups");
  const KolLayerValue *padding = value_of (place, "padding");
  KolConv2d how = {
    .stride = (int) count_of (place, "stride"),
    .dilation = (int) count_of (place, "dilation"),
    .groups = (int) groups,
  };
  KolValue *w = parameter (place, "w", "",
                           KOL_SHAPE (features, MAX (channels_of (x) / groups, 1), size, size),
                           value_of (place, "weights")->initializer);

  if (!padding->word)
    how.pad = (int) padding->number;
  else
    how.padding = strcmp (padding->word, "same") == 0 ? KOL_SAME : KOL_VALID;
  return activate (place,
                   named_part (place, kol_conv2d (x, w, biases (place, features), &how), "/z"));
}

static KolValue *
build_transposed_convolution (const KolLayerPlace *place)
{
  KolValue *x = place->inputs[0];
  gint64 features = count_of (place, "features"), size = count_of (place, "size");
  KolConvTranspose2d how = {
    .stride = (int) count_of (place, "stride"),
    .pad = (int) value_of (place, "padding")->number,
  };
  KolValue *w = parameter (place, "w", "", KOL_SHAPE (channels_of (x), features, size, size),
                           value_of (place, "weights")->initializer);

  return activate (
      place, named_part (place, kol_conv_transpose2d (x, w, biases (place, features), &how), "/z"));
}

static KolValue *
build_dense (const KolLayerPlace *place)
{
  KolValue *x = flat (place->inputs[0]);
  gint64 features = count_of (place, "features");
  KolValue *w = parameter (place, "w", "", KOL_SHAPE (channels_of (x), features),
                           value_of (place, "weights")->initializer);
  KolValue *b = biases (place, features);
  KolValue *z = named_part (place, kol_matmul (x, w), "/product");

  return activate (place, named_part (place, b ? kol_add (z, b) : z, "/z"));
}

/* ── Normalization ───────────────────────────────────────────────────────────────────────────── */

static KolValue *
batch_norm (const KolLayerPlace *place, KolValue *x, const char *part, const KolBatchNorm *how)
{
  KolShape shape = KOL_SHAPE (channels_of (x));

  return kol_batch_norm (x, parameter (place, "gamma", part, shape, KOL_CONSTANT (1)),
                         parameter (place, "beta", part, shape, KOL_CONSTANT (0)),
                         state (place, "running_mean", part, shape, 0),
                         state (place, "running_variance", part, shape, 1), how);
}

static KolValue *
build_batch_norm (const KolLayerPlace *place)
{
  return batch_norm (place, place->inputs[0], "",
                     &(KolBatchNorm){ .training = place->training,
                                      .momentum = number_of (place, "momentum"),
                                      .epsilon = number_of (place, "epsilon") });
}

static KolValue *
build_group_norm (const KolLayerPlace *place)
{
  KolValue *x = place->inputs[0];
  KolShape shape = KOL_SHAPE (channels_of (x));

  return kol_group_norm (x, parameter (place, "gamma", "", shape, KOL_CONSTANT (1)),
                         parameter (place, "beta", "", shape, KOL_CONSTANT (0)),
                         (int) count_of (place, "groups"), number_of (place, "epsilon"));
}

static KolValue *
build_instance_norm (const KolLayerPlace *place)
{
  KolValue *x = place->inputs[0];
  KolShape shape = KOL_SHAPE (channels_of (x));

  return kol_instance_norm (x, parameter (place, "gamma", "", shape, KOL_CONSTANT (1)),
                            parameter (place, "beta", "", shape, KOL_CONSTANT (0)),
                            number_of (place, "epsilon"));
}

static KolValue *
build_layer_norm (const KolLayerPlace *place)
{
  KolValue *x = place->inputs[0];
  KolShape shape = *kol_value_get_shape (x);

  if (kol_value_failed (x))
    return x;
  memmove (shape.dim, shape.dim + 1, (gsize) (shape.rank - 1) * sizeof shape.dim[0]);
  shape.rank--;
  return kol_layer_norm (x, parameter (place, "gamma", "", shape, KOL_CONSTANT (1)),
                         parameter (place, "beta", "", shape, KOL_CONSTANT (0)), 1,
                         number_of (place, "epsilon"));
}

static KolValue *
build_local_response_norm (const KolLayerPlace *place)
{
  return kol_local_response_norm (place->inputs[0], &(KolLocalResponseNorm){
                                                        .size = (int) count_of (place, "size"),
                                                        .alpha = number_of (place, "alpha"),
                                                        .beta = number_of (place, "beta"),
                                                        .bias = number_of (place, "bias"),
                                                    });
}

/* ── A block with a short cut ────────────────────────────────────────────────────────────────── */

/* Convolution without biases, then batch norm. */
static KolValue *
normalized_convolution (const KolLayerPlace *place, KolValue *x, const char *part, gint64 size,
                        gint64 stride)
{
  gint64 features = count_of (place, "features");
  KolValue *w
      = parameter (place, "w", part, KOL_SHAPE (features, channels_of (x), size, size), KOL_HE);
  KolValue *z
      = kol_conv2d (x, w, NULL, &(KolConv2d){ .stride = (int) stride, .pad = (int) (size / 2) });

  return batch_norm (place, named_part (place, z, part), part,
                     &(KolBatchNorm){ .training = place->training });
}

/*
 * y = relu (F (x) + x), F: 3x3 convolution, batch norm, relu, 3x3 convolution, batch
 * norm; x goes through a 1x1 convolution with batch norm where its shape changes
 * (He et al., "Deep residual learning for image recognition", 2015).
 */
static KolValue *
build_residual (const KolLayerPlace *place)
{
  KolValue *x = place->inputs[0];
  gint64 stride = count_of (place, "stride");
  gboolean same = stride == 1 && channels_of (x) == count_of (place, "features");
  KolValue *y1 = kol_relu (normalized_convolution (place, x, "/1", 3, stride));
  KolValue *y2 = normalized_convolution (place, y1, "/2", 3, 1);

  return kol_relu (kol_add (y2, same ? x : normalized_convolution (place, x, "/short", 1, stride)));
}

/* ── Layers without weights ──────────────────────────────────────────────────────────────────── */

static KolPool
pool_of (const KolLayerPlace *place)
{
  const KolLayerValue *padding = value_of (place, "padding");
  KolPool pool = {
    .size = (int) count_of (place, "size"),
    .stride = (int) number_of (place, "stride"),
  };

  if (!padding->word)
    pool.pad = (int) padding->number;
  else
    pool.padding = strcmp (padding->word, "same") == 0 ? KOL_SAME : KOL_VALID;
  return pool;
}

static KolValue *
build_max_pool (const KolLayerPlace *place)
{
  KolPool pool = pool_of (place);

  return kol_max_pool (place->inputs[0], &pool);
}

static KolValue *
build_average_pool (const KolLayerPlace *place)
{
  KolPool pool = pool_of (place);

  return kol_average_pool (place->inputs[0], &pool);
}

static KolValue *
build_global_average_pool (const KolLayerPlace *place)
{
  return kol_global_average_pool (place->inputs[0]);
}

static KolValue *
build_flatten (const KolLayerPlace *place)
{
  return flat (place->inputs[0]);
}

static KolValue *
build_dropout (const KolLayerPlace *place)
{
  float keep = number_of (place, "keep");

  if (!place->training)
    return place->inputs[0];
  return kol_dropout (place->inputs[0], keep > 0 ? kol_constant (place->graph, keep) : place->keep);
}

/* A whole network, with its own names for its parameters. */
static KolValue *
build_network (const KolLayerPlace *place)
{
  float keep = number_of (place, "keep");
  const KolNetworkOptions options = { .classes = place->classes,
                                      .training = place->training,
                                      .keep = keep > 0 ? kol_constant (place->graph, keep) : NULL };

  return kol_network_find (word_of (place, "network"))->build (place->inputs[0], &options);
}

static KolValue *
build_scale (const KolLayerPlace *place)
{
  return kol_scale (place->inputs[0], number_of (place, "factor"), number_of (place, "offset"));
}

static KolValue *
build_add (const KolLayerPlace *place)
{
  KolValue *sum = place->inputs[0];

  for (guint i = 1; i < place->layer->n_inputs; i++)
    sum = kol_add (sum, place->inputs[i]);
  return sum;
}

static KolValue *
build_concat (const KolLayerPlace *place)
{
  return kol_concat (place->inputs, place->layer->n_inputs, 1);
}

static KolValue *
build_upsample (const KolLayerPlace *place)
{
  const KolShape *shape = kol_value_get_shape (place->inputs[0]);
  int factor = (int) count_of (place, "factor");
  gboolean bilinear = strcmp (word_of (place, "filter"), "bilinear") == 0;

  if (rank_of (place->inputs[0]) != 4)
    return kol_resize (place->inputs[0], &(KolResize){ .height = 1, .width = 1 });
  return kol_resize (place->inputs[0],
                     &(KolResize){ .height = (int) shape->dim[2] * factor,
                                   .width = (int) shape->dim[3] * factor,
                                   .mode = bilinear ? KOL_RESIZE_BILINEAR : KOL_RESIZE_NEAREST });
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

static const char *const padding_words[] = { "NUMBER", "same", "valid", NULL };
static const char *const filter_words[] = { "nearest", "bilinear", NULL };

#define FEATURES                                                                                   \
  {                                                                                                \
    "features", KOL_KEY_COUNT                                                                      \
  }
#define COUNT(name, preset)                                                                        \
  {                                                                                                \
    name, KOL_KEY_COUNT, preset                                                                    \
  }
#define NUMBER(name, preset)                                                                       \
  {                                                                                                \
    name, KOL_KEY_NUMBER, preset                                                                   \
  }
#define PADDING(preset)                                                                            \
  {                                                                                                \
    "padding", KOL_KEY_WORD, preset, padding_words                                                 \
  }
#define WEIGHTS                                                                                    \
  {                                                                                                \
    "weights", KOL_KEY_INITIALIZER, "he"                                                           \
  }
#define BIASES                                                                                     \
  {                                                                                                \
    "biases", KOL_KEY_INITIALIZER, "0"                                                             \
  }
#define ACTIVATION                                                                                 \
  {                                                                                                \
    "activation", KOL_KEY_WORD, "none", activation_words                                           \
  }
#define ACTIVATION_KIND(name)                                                                      \
  {                                                                                                \
    name, "the function of that name, element by element", FALSE, { { NULL } }, build_activation   \
  }

static const KolLayerKind kinds[] = {
  { "convolution",
    "size x size convolution to so many features",
    FALSE,
    { FEATURES, COUNT ("size", "3"), COUNT ("stride", "1"), COUNT ("dilation", "1"),
      COUNT ("groups", "1"), PADDING ("same"), WEIGHTS, BIASES, ACTIVATION },
    build_convolution },
  { "transposed-convolution",
    "the transpose of a convolution: makes pictures larger",
    FALSE,
    { FEATURES, COUNT ("size", "4"), COUNT ("stride", "2"), NUMBER ("padding", "1"), WEIGHTS,
      BIASES, ACTIVATION },
    build_transposed_convolution },
  { "dense",
    "fully connected; what comes in is flattened",
    FALSE,
    { FEATURES, WEIGHTS, BIASES, ACTIVATION },
    build_dense },
  { "residual",
    "two 3x3 convolutions with batch norm and a short cut around them",
    FALSE,
    { FEATURES, COUNT ("stride", "1") },
    build_residual },
  { "batch-norm",
    "normalization over the batch",
    FALSE,
    { NUMBER ("momentum", "0.1"), NUMBER ("epsilon", "1e-5") },
    build_batch_norm },
  { "layer-norm",
    "normalization over each example",
    FALSE,
    { NUMBER ("epsilon", "1e-5") },
    build_layer_norm },
  { "group-norm",
    "normalization over groups of features of each example",
    FALSE,
    { COUNT ("groups", "8"), NUMBER ("epsilon", "1e-5") },
    build_group_norm },
  { "instance-norm",
    "normalization over each feature of each example",
    FALSE,
    { NUMBER ("epsilon", "1e-5") },
    build_instance_norm },
  { "local-response-norm",
    "division by what neighbouring features are",
    FALSE,
    { COUNT ("size", "5"), NUMBER ("alpha", "1e-4"), NUMBER ("beta", "0.75"),
      NUMBER ("bias", "1") },
    build_local_response_norm },
  { "max-pool",
    "the largest of each window",
    FALSE,
    { COUNT ("size", "2"), NUMBER ("stride", "0"), PADDING ("valid") },
    build_max_pool },
  { "average-pool",
    "the mean of each window",
    FALSE,
    { COUNT ("size", "2"), NUMBER ("stride", "0"), PADDING ("valid") },
    build_average_pool },
  { "global-average-pool",
    "the mean of each feature",
    FALSE,
    { { NULL } },
    build_global_average_pool },
  { "flatten", "[N, ..] to [N, features]", FALSE, { { NULL } }, build_flatten },
  { "dropout",
    "drops nodes in training; keep: the run's setting, or its own",
    FALSE,
    { NUMBER ("keep", "0") },
    build_dropout },
  { "network",
    "a whole network that is known by its name; keep: dropout's, or its own",
    FALSE,
    { { "network", KOL_KEY_WORD, NULL, network_words }, NUMBER ("keep", "0") },
    build_network },
  { "scale",
    "factor x + offset",
    FALSE,
    { NUMBER ("factor", "1"), NUMBER ("offset", "0") },
    build_scale },
  { "upsample",
    "makes pictures so many times larger",
    FALSE,
    { COUNT ("factor", "2"), { "filter", KOL_KEY_WORD, "nearest", filter_words } },
    build_upsample },
  { "add", "the sum of its inputs", TRUE, { { NULL } }, build_add },
  { "concat", "its inputs' features one after another", TRUE, { { NULL } }, build_concat },
  { "softmax", "probabilities over the features", FALSE, { { NULL } }, build_softmax },
  ACTIVATION_KIND ("relu"),
  ACTIVATION_KIND ("leaky-relu"),
  ACTIVATION_KIND ("elu"),
  ACTIVATION_KIND ("selu"),
  ACTIVATION_KIND ("gelu"),
  ACTIVATION_KIND ("silu"),
  ACTIVATION_KIND ("hard-swish"),
  ACTIVATION_KIND ("sigmoid"),
  ACTIVATION_KIND ("tanh"),
  ACTIVATION_KIND ("softplus"),
};

/* The known networks' names, before anyone looks for one. */
static void
name_networks (void)
{
  for (guint i = 0; i < MOST_NETWORKS && kol_network_get (i); i++)
    network_words[i] = kol_network_get (i)->name;
}

const KolLayerKind *
kol_layer_kind_find (const char *name)
{
  name_networks ();
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].name, name) == 0)
      return &kinds[i];
  return NULL;
}

const char *const *
kol_layer_kind_names (void)
{
  static const char *names[G_N_ELEMENTS (kinds) + 1];

  if (!names[0])
    for (guint i = G_N_ELEMENTS (kinds); i-- > 0;)
      names[i] = kinds[i].name;
  return names;
}
