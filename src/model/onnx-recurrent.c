/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's recurrent layers, LSTM, GRU and RNN, unrolled: nodes of their own for each step
 * of time. With x [T, N, I], a direction's W [G H, I], R [G H, H] and G gates, a step
 * adds x[t] W' + h R' + biases; what the gates then do is in the three functions below.
 */

#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)
#define MOST_STEPS 1024
#define MOST_ACTIVATIONS 3 /* of a direction */

/* ── Activations ─────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *name;
  float alpha, beta; /* where none are given; */
  int takes;         /* how many of these it has */
} Activation;

static const Activation activations[] = {
  { "Sigmoid" },
  { "Tanh" },
  { "Relu" },
  { "Softsign" },
  { "Softplus" },
  { "Affine", 1, 0, 2 },
  { "LeakyRelu", 0.01f, 0, 1 },
  { "ThresholdedRelu", 1, 0, 1 },
  { "ScaledTanh", 1, 1, 2 },
  { "HardSigmoid", 0.2f, 0.5f, 2 },
  { "Elu", 1, 0, 1 },
};

static KolValue *
activate (const Activation *f, KolValue *x)
{
  KolGraph *graph = kol_value_get_graph (x);

  switch (f->name[0])
    {
    case 'T':
      if (strcmp (f->name, "Tanh") == 0)
        return kol_tanh (x);
      return kol_where (kol_greater (x, kol_constant (graph, f->alpha)), x,
                        kol_constant (graph, 0));
    case 'R':
      return kol_relu (x);
    case 'A':
      return kol_scale (x, f->alpha, f->beta);
    case 'L':
      return kol_leaky_relu (x, f->alpha);
    case 'H':
      return kol_hard_sigmoid (x, f->alpha, f->beta);
    case 'E':
      return kol_elu (x, f->alpha);
    default:
      break;
    }
  if (strcmp (f->name, "ScaledTanh") == 0)
    return kol_scale (kol_tanh (kol_scale (x, f->beta, 0)), f->alpha, 0);
  if (strcmp (f->name, "Softsign") == 0)
    return kol_softsign (x);
  return strcmp (f->name, "Softplus") == 0 ? kol_softplus (x) : kol_sigmoid (x);
}

/* ── A layer ─────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KolOnnxNode *node;
  const struct _Kind *kind;
  gint64 steps, batch, hidden;
  int directions;
  gboolean reverse;     /* the first direction goes backwards */
  gboolean batch_first; /* layout 1 */
  gboolean coupled;     /* LSTM: the forget gate is 1 - the input gate */
  gboolean late_reset;  /* GRU: linear_before_reset */
  float clip;           /* 0: none */
  Activation f[2 * MOST_ACTIVATIONS];
  KolValue **masks; /* per step: [N, 1], 1 where an example still goes on; NULL: all do */
} Layer;

/* One direction of it. */
typedef struct {
  const Layer *layer;
  const Activation *f;
  KolValue *r;         /* [G H, H] */
  KolValue *r_bias;    /* [G H], or NULL */
  KolValue *peepholes; /* [3 H], or NULL */
  KolValue *h, *c;     /* [N, H] */
} Direction;

typedef struct _Kind {
  const char *name;
  int gates, n_activations;
  const char *usual[MOST_ACTIVATIONS];
  /* The next h, and c where there is one, from x W' + biases, [N, G H]. */
  void (*step) (Direction *direction, KolValue *x);
} Kind;

/* Part @i of the last axis, which has parts of the hidden size. */
static KolValue *
part (const Direction *d, KolValue *all, int i, int n)
{
  gint64 hidden = d->layer->hidden;
  KolSlice how
      = { .n_axes = 1, .axes = { -1 }, .start = { i * hidden }, .stop = { (i + n) * hidden } };

  return kol_slice (all, &how);
}

/* Rows of part @i of R's. */
static KolValue *
part_of_r (const Direction *d, int i, int n)
{
  gint64 hidden = d->layer->hidden;
  KolSlice how
      = { .n_axes = 1, .axes = { 0 }, .start = { i * hidden }, .stop = { (i + n) * hidden } };

  return kol_slice (d->r, &how);
}

static KolValue *
times_transposed (KolValue *a, KolValue *b)
{
  return kol_matmul_with (a, b, &(KolMatmul){ .transpose_b = TRUE });
}

static KolValue *
gate (const Direction *d, int f, KolValue *x)
{
  float clip = d->layer->clip;

  return activate (&d->f[f], clip > 0 ? kol_clip (x, -clip, clip) : x);
}

static KolValue *
one_minus (KolValue *x)
{
  return kol_scale (x, -1, 1);
}

/* h = f (x + h R') */
static void
step_rnn (Direction *d, KolValue *x)
{
  d->h = gate (d, 0, kol_add (x, times_transposed (d->h, d->r)));
}

/* z, r = f (..); h~ = g (x + (r h) R') or g (x + r (h R' + b)); h = (1 - z) h~ + z h */
static void
step_gru (Direction *d, KolValue *x)
{
  KolValue *both = kol_add (part (d, x, 0, 2), times_transposed (d->h, part_of_r (d, 0, 2)));
  KolValue *z = gate (d, 0, part (d, both, 0, 1)), *r = gate (d, 0, part (d, both, 1, 1));
  KolValue *inner, *candidate = part (d, x, 2, 1);

  if (d->layer->late_reset)
    {
      inner = times_transposed (d->h, part_of_r (d, 2, 1));
      if (d->r_bias)
        inner = kol_add (inner, part (d, d->r_bias, 2, 1));
      inner = kol_multiply (r, inner);
    }
  else
    {
      inner = times_transposed (kol_multiply (r, d->h), part_of_r (d, 2, 1));
      if (d->r_bias)
        inner = kol_add (inner, part (d, d->r_bias, 2, 1));
    }
  candidate = gate (d, 1, kol_add (candidate, inner));
  d->h = kol_add (kol_multiply (one_minus (z), candidate), kol_multiply (z, d->h));
}

static KolValue *
with_peephole (const Direction *d, KolValue *x, int i, KolValue *c)
{
  return d->peepholes ? kol_add (x, kol_multiply (part (d, d->peepholes, i, 1), c)) : x;
}

/* Gates i, o, f, c; peepholes i, o, f: c = f c + i g (..), h = o h (c). */
static void
step_lstm (Direction *d, KolValue *x)
{
  KolValue *all = kol_add (x, times_transposed (d->h, d->r));
  KolValue *in = gate (d, 0, with_peephole (d, part (d, all, 0, 1), 0, d->c));
  KolValue *forget = d->layer->coupled
                         ? one_minus (in)
                         : gate (d, 0, with_peephole (d, part (d, all, 2, 1), 2, d->c));
  KolValue *candidate = gate (d, 1, part (d, all, 3, 1));

  d->c = kol_add (kol_multiply (forget, d->c), kol_multiply (in, candidate));
  KolValue *out = gate (d, 0, with_peephole (d, part (d, all, 1, 1), 1, d->c));
  d->h = kol_multiply (out, activate (&d->f[2], d->c));
}

static const Kind kinds[] = {
  { "LSTM", 4, 3, { "Sigmoid", "Tanh", "Tanh" }, step_lstm },
  { "GRU", 3, 2, { "Sigmoid", "Tanh" }, step_gru },
  { "RNN", 1, 1, { "Tanh" }, step_rnn },
};

/* ── What a node says ────────────────────────────────────────────────────────────────────────── */

/* Names may be in any case. */
static const Activation *
find_activation (const char *name, gsize length)
{
  for (guint i = 0; i < G_N_ELEMENTS (activations); i++)
    if (strlen (activations[i].name) == length
        && g_ascii_strncasecmp (activations[i].name, name, length) == 0)
      return &activations[i];
  return NULL;
}

/* The functions of all directions; numbers are taken from their lists by those that have some. */
static gboolean
read_activations (Layer *layer)
{
  KolOnnxNode *node = layer->node;
  const Onnx__AttributeProto *names = kol_onnx_attribute (node, "activations"),
                             *alpha = kol_onnx_attribute (node, "activation_alpha"),
                             *beta = kol_onnx_attribute (node, "activation_beta");
  int each = layer->kind->n_activations, n = each * layer->directions;
  gsize next_alpha = 0, next_beta = 0;

  if (names && names->n_strings != (gsize) n)
    {
      kol_onnx_refuse (node, "it has %" G_GSIZE_FORMAT " activations; %d are expected",
                       names->n_strings, n);
      return FALSE;
    }
  for (int i = 0; i < n; i++)
    {
      const char *usual = layer->kind->usual[i % each];
      const Activation *found
          = names ? find_activation ((const char *) names->strings[i].data, names->strings[i].len)
                  : find_activation (usual, strlen (usual));

      if (!found)
        {
          kol_onnx_refuse (node, "its activation %d is not known", i);
          return FALSE;
        }
      layer->f[i] = *found;
      if (found->takes > 0 && alpha && next_alpha < alpha->n_floats)
        layer->f[i].alpha = alpha->floats[next_alpha++];
      if (found->takes > 1 && beta && next_beta < beta->n_floats)
        layer->f[i].beta = beta->floats[next_beta++];
    }
  return TRUE;
}

static gboolean
check_shapes (const Layer *layer)
{
  KolOnnxNode *node = layer->node;
  gint64 rows = layer->kind->gates * layer->hidden, d = layer->directions;
  const KolShape *x = kol_onnx_shape (node, 0);
  KolShape expected[] = {
    [1] = KOL_SHAPE (d, rows, x->dim[2]),
    [2] = KOL_SHAPE (d, rows, layer->hidden),
    [3] = KOL_SHAPE (d, 2 * rows),
    [4] = KOL_SHAPE (layer->batch),
    [5] = layer->batch_first ? KOL_SHAPE (layer->batch, d, layer->hidden)
                             : KOL_SHAPE (d, layer->batch, layer->hidden),
    [7] = KOL_SHAPE (d, 3 * layer->hidden),
  };

  expected[6] = expected[5];
  for (guint i = 1; i < G_N_ELEMENTS (expected); i++)
    if (kol_onnx_has (node, i) && !kol_shape_equal (kol_onnx_shape (node, i), &expected[i]))
      {
        kol_onnx_refuse (node, "its input %u is %s; %s is expected", i,
                         kol_shape_text (kol_onnx_shape (node, i)), kol_shape_text (&expected[i]));
        return FALSE;
      }
  return kol_onnx_has (node, 1) && kol_onnx_has (node, 2);
}

static gboolean
read_layer (KolOnnxNode *node, Layer *layer)
{
  const KolShape *x = kol_onnx_shape (node, 0), *r = kol_onnx_shape (node, 2);
  const char *direction = kol_onnx_string (node, "direction", "forward");

  *layer = (Layer){ .node = node,
                    .batch_first = kol_onnx_int (node, "layout", 0) != 0,
                    .coupled = kol_onnx_int (node, "input_forget", 0) != 0,
                    .late_reset = kol_onnx_int (node, "linear_before_reset", 0) != 0,
                    .clip = (float) kol_onnx_float (node, "clip", 0),
                    .reverse = strcmp (direction, "reverse") == 0,
                    .directions = strcmp (direction, "bidirectional") == 0 ? 2 : 1 };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].name, node->proto->op_type) == 0)
      layer->kind = &kinds[i];
  if (x->rank != 3 || r->rank != 3)
    {
      kol_onnx_refuse (node, "x is %s and R %s; both have 3 dimensions", kol_shape_text (x),
                       kol_shape_text (r));
      return FALSE;
    }
  layer->steps = x->dim[layer->batch_first];
  layer->batch = x->dim[!layer->batch_first];
  layer->hidden = r->dim[2];
  if (layer->steps > MOST_STEPS)
    {
      kol_onnx_refuse (node, "%" G_GINT64_FORMAT " steps of time; at most %d are unrolled",
                       layer->steps, MOST_STEPS);
      return FALSE;
    }
  return check_shapes (layer) && read_activations (layer);
}

/* Where sequences end before the last step. FALSE: refused. */
static gboolean
read_lengths (Layer *layer)
{
  KolOnnxNode *node = layer->node;
  const KolOnnxTensor *lengths;
  gboolean all = TRUE;

  if (!kol_onnx_has (node, 4))
    return TRUE;
  if (!(lengths = kol_onnx_tensor (node, 4)))
    return FALSE;
  for (gint64 i = 0; i < lengths->count; i++)
    all = all && kol_onnx_tensor_int (lengths, i) >= layer->steps;
  if (all)
    return TRUE;
  layer->masks = g_new0 (KolValue *, layer->steps);
  for (gint64 t = 0; t < layer->steps; t++)
    {
      KolOnnxTensor *mask = kol_onnx_new_tensor (node, TYPE (BOOL), &KOL_SHAPE (layer->batch, 1));

      for (gint64 i = 0; mask && i < layer->batch; i++)
        mask->ints[i] = t < kol_onnx_tensor_int (lengths, i);
      if (!mask)
        return FALSE;
      layer->masks[t] = kol_onnx_constant (node, mask);
      kol_onnx_tensor_unref (mask);
    }
  return TRUE;
}

/* ── Unrolling ───────────────────────────────────────────────────────────────────────────────── */

/* Of [D, ..] or, with the batch first, [N, D, ..]: what belongs to direction @d. */
static KolValue *
of_direction (KolValue *all, int axis, int d)
{
  KolSlice how = { .n_axes = 1, .axes = { axis }, .start = { d }, .stop = { d + 1 } };

  return kol_squeeze (kol_slice (all, &how), &axis, 1);
}

static KolValue *
first_state (const Layer *layer, guint input, int d)
{
  if (kol_onnx_has (layer->node, input))
    return of_direction (kol_onnx_value (layer->node, input), layer->batch_first, d);
  return kol_onnx_filled (layer->node, 0, KOL_SHAPE (layer->batch, layer->hidden));
}

/*
 * x W' + biases for all steps at once, [T, N, G H]. Biases of R are added here, too, but
 * for a GRU's last gate, which adds them within.
 */
static KolValue *
project (const Layer *layer, Direction *direction, int d)
{
  KolOnnxNode *node = layer->node;
  gint64 rows = layer->kind->gates * layer->hidden;
  KolValue *x = kol_onnx_value (node, 0);
  KolValue *y;

  if (layer->batch_first)
    x = kol_transpose (x, &(KolTranspose){ { 1, 0, 2 } });
  y = times_transposed (kol_flatten (x, 2), of_direction (kol_onnx_value (node, 1), 0, d));
  if (kol_onnx_has (node, 3))
    {
      KolValue *both = of_direction (kol_onnx_value (node, 3), 0, d);
      KolSlice first = { .n_axes = 1, .axes = { 0 }, .stop = { rows } };
      KolSlice second = { .n_axes = 1, .axes = { 0 }, .start = { rows }, .stop = { 2 * rows } };

      y = kol_add (y, kol_slice (both, &first));
      direction->r_bias = kol_slice (both, &second);
      if (layer->kind->step != step_gru)
        y = kol_add (y, direction->r_bias);
      else
        {
          KolValue *zeros = kol_onnx_filled (node, 0, KOL_SHAPE (layer->hidden));
          KolValue *parts[] = { part (direction, direction->r_bias, 0, 2), zeros };

          y = kol_add (y, kol_concat (parts, 2, 0));
        }
    }
  return kol_reshape (y, KOL_SHAPE (layer->steps, layer->batch, rows));
}

/* Runs through time; @outputs gets each step's h, 0 where a sequence has ended. */
static void
unroll (const Layer *layer, int d, KolValue **outputs, Direction *direction)
{
  KolOnnxNode *node = layer->node;

  *direction = (Direction){ .layer = layer, .f = layer->f + d * layer->kind->n_activations };
  direction->r = of_direction (kol_onnx_value (node, 2), 0, d);
  direction->h = first_state (layer, 5, d);
  if (layer->kind->step == step_lstm)
    {
      direction->c = first_state (layer, 6, d);
      if (kol_onnx_has (node, 7))
        direction->peepholes = of_direction (kol_onnx_value (node, 7), 0, d);
    }
  KolValue *x = project (layer, direction, d);
  for (gint64 i = 0; i < layer->steps; i++)
    {
      gint64 t = layer->reverse || d == 1 ? layer->steps - 1 - i : i;
      KolValue *h = direction->h, *c = direction->c;

      layer->kind->step (direction, of_direction (x, 0, (int) t));
      outputs[t] = direction->h;
      if (!layer->masks)
        continue;
      outputs[t] = kol_multiply (direction->h, layer->masks[t]);
      direction->h = kol_where (layer->masks[t], direction->h, h);
      if (c)
        direction->c = kol_where (layer->masks[t], direction->c, c);
    }
}

static void
convert_recurrent (KolOnnxNode *node)
{
  Layer layer;

  if (!read_layer (node, &layer) || !read_lengths (&layer))
    {
      g_free (layer.masks);
      return;
    }
  int axis = layer.batch_first;
  KolValue *all[2], *h[2], *c[2];
  g_autofree KolValue **outputs = g_new0 (KolValue *, layer.steps);
  for (int d = 0; d < layer.directions; d++)
    {
      Direction direction;

      unroll (&layer, d, outputs, &direction);
      all[d] = kol_stack (outputs, (guint) layer.steps, axis); /* [T, N, H] or [N, T, H] */
      h[d] = direction.h;
      c[d] = direction.c;
    }
  guint n = (guint) layer.directions;
  if (kol_onnx_wants (node, 0)) /* [T, D, N, H] or [N, T, D, H] */
    kol_onnx_set (node, 0, kol_stack (all, n, axis + 1));
  kol_onnx_set (node, 1, kol_stack (h, n, axis));
  if (kol_onnx_wants (node, 2) && c[0])
    kol_onnx_set (node, 2, kol_stack (c, n, axis));
  g_free (layer.masks);
}

#define RECURRENT(name)                                                                            \
  {                                                                                                \
    name, 0, convert_recurrent, KOL_ONNX_REAL, .fixed = 1u << 4                                    \
  }

const KolOnnxOp kol_onnx_recurrent_ops[] = {
  RECURRENT ("GRU"),
  RECURRENT ("LSTM"),
  RECURRENT ("RNN"),
  { NULL },
};
