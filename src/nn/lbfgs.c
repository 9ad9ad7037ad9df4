/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * L-BFGS (Nocedal and Wright, "Numerical optimization", 2006, algorithms 7.4 and 7.5) with
 * a line search for the strong Wolfe conditions (algorithms 3.5 and 3.6), whose trial
 * points are the minima of cubics through two values and slopes. All vectors are states on
 * the device. What would be copied there, the gradient at one point or another, is
 * exchanged instead, which costs nothing; the host reads scalars alone.
 */

#include "lbfgs.h"

#include <math.h>

#include "../graph/graph-private.h"
#include "../ops.h"
#include "../ops/optimizer-private.h"
#include "initializers.h"

#define HISTORY 100
#define DECREASE 1e-4 /* of the slope that a step must go down at least */
#define CURVATURE 0.9 /* of the slope that may be left at its end */
#define MOST_TRIALS 25
#define LEAST_CURVATURE 1e-10 /* of a pair that is remembered */

/* Gradients that the search holds on to: at both ends of its bracket, and a spare one. */
#define SLOTS 3
#define AT_BASE (-1)

/* A point x + t d that has been tried. */
typedef struct {
  double t, loss, slope;
  int slot; /* where its gradient is; AT_BASE: the base's */
} Point;

/* The graph that makes a direction of so many pairs. */
typedef struct {
  guint pairs;
  KolGraph *graph;
  KolValue *targets[2]; /* the numbers, and what writes the direction */
  KolValue *curvatures; /* placeholder [pairs]: 1 / (y s), 0 for a pair that is not there */
  KolValue *scale;      /* placeholder: (y s) / (y y) of the newest pair */
} Direction;

struct _KolLbfgs {
  KolParameters *parameters;
  KolShape shape; /* the variable's */
  guint history, n_pairs;
  double rate;
  KolParameter *x, *g, *base, *before, *slots[SLOTS], *newest[2];
  GPtrArray *pairs[2]; /* KolParameter: steps s and changes y of the gradient, newest first */
  double *curvatures;  /* of the pairs */
  double scale;
  GPtrArray *directions; /* Direction */
  KolGraph *graph;       /* of all else: */
  KolValue *t, *probe, *slope, *pair[2];
  double last_t;
  gboolean started;
  guint evaluations;
  /* While a step is taken: */
  KolLbfgsEvaluate evaluate;
  gpointer user_data;
};

static void
direction_free (gpointer data)
{
  Direction *direction = data;

  g_clear_pointer (&direction->graph, kol_graph_free);
  g_free (direction);
}

/**
 * kol_lbfgs_free:
 * @lbfgs: (transfer full) (nullable): a search; the parameter keeps its value
 */
void
kol_lbfgs_free (KolLbfgs *lbfgs)
{
  if (!lbfgs)
    return;
  g_clear_pointer (&lbfgs->graph, kol_graph_free);
  g_clear_pointer (&lbfgs->directions, g_ptr_array_unref);
  for (guint i = 0; i < 2; i++)
    g_clear_pointer (&lbfgs->pairs[i], g_ptr_array_unref);
  g_free (lbfgs->curvatures);
  g_clear_pointer (&lbfgs->parameters, kol_parameters_unref);
  g_free (lbfgs);
}

/**
 * kol_lbfgs_bytes:
 * @numbers: how many the parameter has
 * @history: as in #KolLbfgsOptions
 *
 * Returns: the bytes on the device that the search takes when its history is full
 */
guint64
kol_lbfgs_bytes (gint64 numbers, guint history)
{
  return (2 * (guint64) (history ? history : HISTORY) + SLOTS + 8) * (guint64) numbers
         * sizeof (float);
}

/* ── States and graphs ───────────────────────────────────────────────────────────────────────── */

/* A parameter of the search's own, of the variable's shape. */
static KolValue *
own (const KolLbfgs *self, KolGraph *graph, const char *name)
{
  g_autofree char *full = g_strconcat ("study/lbfgs/", name, NULL);

  return kol_state (graph, full, self->shape, KOL_CONSTANT (0));
}

static KolParameter *
parameter_of (KolValue *value)
{
  return kol_value_failed (value) ? NULL : value->node->parameter;
}

static KolValue *
dot (KolValue *a, KolValue *b)
{
  return kol_sum (kol_multiply (a, b), NULL);
}

static KolValue *
write_to (KolValue *state, KolValue *value)
{
  return kol_gather_gradients (&state, &value, 1, 1);
}

/* The scalars one after another. */
static KolValue *
list (KolValue *const *scalars, guint n)
{
  return kol_stack (scalars, n, 0);
}

static gboolean
check (KolGraph *graph, GError **error)
{
  const GError *mistake = kol_graph_get_error (graph);

  if (!mistake)
    return TRUE;
  g_propagate_error (error, g_error_copy (mistake));
  return FALSE;
}

/* Points along the direction, their slopes, and the pair that a step leaves. */
static gboolean
build (KolLbfgs *self, const KolLbfgsOptions *options, GError **error)
{
  KolGraph *graph = self->graph = kol_graph_new_over (self->parameters);
  KolValue *x = kol_state (graph, options->variable, self->shape, KOL_CONSTANT (0));
  KolValue *g = kol_state (graph, options->gradient, self->shape, KOL_CONSTANT (0));
  KolValue *base = own (self, graph, "base"), *before = own (self, graph, "before");
  KolValue *d = own (self, graph, "direction");
  KolValue *states[2] = { own (self, graph, "step"), own (self, graph, "change") }, *values[2];

  self->t = kol_placeholder (graph, "t", KOL_SCALAR);
  self->probe = write_to (x, kol_add (base, kol_multiply (d, self->t)));
  self->slope = dot (g, d);
  values[0] = kol_multiply (d, self->t);
  values[1] = kol_subtract (g, before);
  self->pair[0]
      = list ((KolValue *[]){ dot (values[1], values[0]), dot (values[1], values[1]) }, 2);
  self->pair[1] = kol_gather_gradients (states, values, 2, 1);
  if (!check (graph, error))
    return FALSE;
  self->x = parameter_of (x);
  self->g = parameter_of (g);
  self->base = parameter_of (base);
  self->before = parameter_of (before);
  for (guint i = 0; i < SLOTS; i++)
    {
      g_autofree char *name = g_strdup_printf ("slot-%u", i);
      self->slots[i] = parameter_of (own (self, graph, name));
    }
  for (guint i = 0; i < 2; i++)
    self->newest[i] = parameter_of (states[i]);
  return check (graph, error);
}

static KolValue *
element (KolValue *list_of, guint i)
{
  return kol_reshape (
      kol_slice (list_of, &(KolSlice){ .n_axes = 1, .start = { i }, .stop = { i + 1 } }),
      KOL_SCALAR);
}

/*
 * d = -H g: backwards through the pairs, a_i = (s_i q) / (y_i s_i) and q <- q - a_i y_i;
 * forwards again from r = scale q, r <- r + (a_i - (y_i r) / (y_i s_i)) s_i.
 */
static KolValue *
build_recursion (KolLbfgs *self, Direction *direction, KolValue *g)
{
  g_autofree KolValue **shares = g_new (KolValue *, direction->pairs + 1);
  KolValue *q = g;
  KolValue *s, *y;

  for (guint i = 0; i < direction->pairs; i++)
    {
      g_autofree char *step = g_strdup_printf ("steps/%u", i),
                      *change = g_strdup_printf ("changes/%u", i);
      s = own (self, direction->graph, step);
      y = own (self, direction->graph, change);
      shares[i] = kol_multiply (dot (s, q), element (direction->curvatures, i));
      q = kol_subtract (q, kol_multiply (y, shares[i]));
    }
  q = kol_multiply (q, direction->scale);
  for (guint i = direction->pairs; i-- > 0;)
    {
      g_autofree char *step = g_strdup_printf ("steps/%u", i),
                      *change = g_strdup_printf ("changes/%u", i);
      s = own (self, direction->graph, step);
      y = own (self, direction->graph, change);
      KolValue *share = kol_multiply (dot (y, q), element (direction->curvatures, i));
      q = kol_add (q, kol_multiply (s, kol_subtract (shares[i], share)));
    }
  return kol_negate (q);
}

/* The pairs as parameters, once the graphs have them. */
static void
note_pairs (KolLbfgs *self, guint pairs)
{
  static const char *const names[2] = { "steps", "changes" };

  for (guint k = 0; k < 2; k++)
    for (guint i = self->pairs[k]->len; i < pairs; i++)
      {
        g_autofree char *name = g_strdup_printf ("study/lbfgs/%s/%u", names[k], i);
        g_ptr_array_add (self->pairs[k], kol_parameters_find (self->parameters, name));
      }
}

static Direction *
build_direction (KolLbfgs *self, guint pairs, GError **error)
{
  Direction *direction = g_new0 (Direction, 1);

  g_ptr_array_add (self->directions, direction);
  direction->pairs = pairs;
  direction->graph = kol_graph_new_over (self->parameters);
  direction->curvatures
      = kol_placeholder (direction->graph, "curvatures", KOL_SHAPE (MAX (pairs, 1)));
  direction->scale = kol_placeholder (direction->graph, "scale", KOL_SCALAR);
  KolValue *g = own (self, direction->graph, "before");
  KolValue *d = build_recursion (self, direction, g);
  direction->targets[0]
      = list ((KolValue *[]){ dot (g, d), kol_max (kol_abs (d), NULL), kol_norm1 (g, NULL) }, 3);
  direction->targets[1] = write_to (own (self, direction->graph, "direction"), d);
  if (!check (direction->graph, error))
    return NULL;
  note_pairs (self, pairs);
  return direction;
}

/* For the pairs that there are, or the next power of two: what is missing counts nothing. */
static Direction *
find_direction (KolLbfgs *self, GError **error)
{
  guint pairs = 0;

  while (pairs < self->n_pairs)
    pairs = MIN (self->history, MAX (1, 2 * pairs));
  for (guint i = 0; i < self->directions->len; i++)
    {
      Direction *direction = g_ptr_array_index (self->directions, i);
      if (direction->pairs == pairs)
        return direction;
    }
  return build_direction (self, pairs, error);
}

/**
 * kol_lbfgs_new:
 * @parameters: a set that has the variable
 * @options: what is searched
 * @error: return location
 *
 * Prepares a search. Its own states are called `study/lbfgs/...`, so a set has one at a
 * time; they take kol_lbfgs_bytes() when the history is full.
 *
 * Errors: %KOL_ERROR_SHAPE if the gradient has another shape than the variable.
 *
 * Returns: (transfer full) (nullable): the search
 */
KolLbfgs *
kol_lbfgs_new (KolParameters *parameters, const KolLbfgsOptions *options, GError **error)
{
  g_return_val_if_fail (parameters != NULL && options != NULL, NULL);
  KolParameter *variable = kol_parameters_find (parameters, options->variable);
  g_return_val_if_fail (variable != NULL, NULL);
  g_autoptr (KolLbfgs) self = g_new0 (KolLbfgs, 1);

  self->parameters = kol_parameters_ref (parameters);
  self->shape = *kol_parameter_get_shape (variable);
  self->history = options->history ? options->history : HISTORY;
  self->rate = options->rate != 0 ? options->rate : 1;
  self->curvatures = g_new0 (double, self->history);
  self->scale = 1;
  self->directions = g_ptr_array_new_with_free_func (direction_free);
  for (guint i = 0; i < 2; i++)
    self->pairs[i] = g_ptr_array_new ();
  return build (self, options, error) ? g_steal_pointer (&self) : NULL;
}

/* ── Points ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
swap (KolParameter *a, KolParameter *b, GError **error)
{
  return a == b || kol_parameter_swap (a, b, error);
}

static gboolean
move_to (KolLbfgs *self, double t, GError **error)
{
  kol_set_scalar (self->t, (float) t);
  return kol_run (self->graph, self->probe, error);
}

/* A slot that neither point holds. */
static int
free_slot (const Point *a, const Point *b)
{
  for (int i = 0; i < SLOTS; i++)
    if (i != a->slot && i != b->slot)
      return i;
  return 0;
}

/* Tries x + t d; its gradient goes into a slot that @a and @b do not need. */
static gboolean
try (KolLbfgs *self, double t, const Point *a, const Point *b, Point *tried, GError **error)
{
  *tried = (Point){ .t = t, .slot = free_slot (a, b) };
  if (!move_to (self, t, error) || !self->evaluate (&tried->loss, self->user_data, error)
      || !kol_run (self->graph, self->slope, error))
    return FALSE;
  float slope;
  if (!kol_read (self->slope, &slope, error))
    return FALSE;
  tried->slope = slope;
  self->evaluations++;
  return swap (self->g, self->slots[tried->slot], error);
}

/* ── The line search ─────────────────────────────────────────────────────────────────────────── */

/* Where the cubic through two values and slopes has its minimum, within @low..@high. */
static double
cubic_minimum (const Point *a, const Point *b, double low, double high)
{
  if (a->t > b->t)
    {
      const Point *other = a;
      a = b;
      b = other;
    }
  double d1 = a->slope + b->slope - 3 * (a->loss - b->loss) / (a->t - b->t);
  double square = d1 * d1 - a->slope * b->slope;

  if (!(square >= 0))
    return (low + high) / 2;
  double d2 = sqrt (square);
  double t = b->t - (b->t - a->t) * (b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2);
  return isfinite (t) ? CLAMP (t, low, high) : (low + high) / 2;
}

/* Whether the loss has come down too little; a loss that is no number has. */
static gboolean
is_too_high (const Point *point, const Point *base)
{
  return !(point->loss <= base->loss + DECREASE * point->t * base->slope);
}

static gboolean
is_flat (const Point *point, const Point *base)
{
  return fabs (point->slope) <= -CURVATURE * base->slope;
}

typedef struct {
  Point low, high; /* the ends of the bracket; low has the smaller loss */
  guint trials;
  gboolean done; /* low is good */
} Bracket;

static void
set_bracket (Bracket *bracket, const Point *a, const Point *b)
{
  gboolean first = !(a->loss > b->loss);

  bracket->low = first ? *a : *b;
  bracket->high = first ? *b : *a;
}

/* Goes on until there is a minimum between two points, or one of them is good enough. */
static gboolean
find_bracket (KolLbfgs *self, const Point *base, double t, Bracket *bracket, GError **error)
{
  Point before = *base, now;

  if (!try (self, t, base, base, &now, error))
    return FALSE;
  for (bracket->trials = 0; bracket->trials < MOST_TRIALS; bracket->trials++)
    {
      if (is_too_high (&now, base) || (bracket->trials > 1 && now.loss >= before.loss))
        {
          set_bracket (bracket, &before, &now);
          return TRUE;
        }
      bracket->done = is_flat (&now, base);
      if (bracket->done || now.slope >= 0)
        {
          set_bracket (bracket, &before, &now);
          if (bracket->done)
            bracket->low = now;
          return TRUE;
        }
      Point next;
      t = cubic_minimum (&before, &now, now.t + 0.01 * (now.t - before.t), 10 * now.t);
      if (!try (self, t, &now, &now, &next, error))
        return FALSE;
      before = now;
      now = next;
    }
  set_bracket (bracket, base, &now);
  return TRUE;
}

/*
 * A cubic's minimum that lies close to an end may stay there for ever: the second time
 * it is moved a tenth of the bracket inwards.
 */
static double
choose_inside (const Bracket *bracket, gboolean *hesitated)
{
  double low = MIN (bracket->low.t, bracket->high.t), high = MAX (bracket->low.t, bracket->high.t);
  double t = cubic_minimum (&bracket->low, &bracket->high, low, high), margin = 0.1 * (high - low);

  if (MIN (high - t, t - low) >= margin)
    {
      *hesitated = FALSE;
      return t;
    }
  if (!*hesitated && t < high && t > low)
    {
      *hesitated = TRUE;
      return t;
    }
  *hesitated = FALSE;
  return high - t < t - low ? high - margin : low + margin;
}

static gboolean
narrow_bracket (KolLbfgs *self, const Point *base, Bracket *bracket, GError **error)
{
  gboolean hesitated = FALSE;

  for (; !bracket->done && bracket->trials < MOST_TRIALS; bracket->trials++)
    {
      double t = choose_inside (bracket, &hesitated);
      Point now;

      if (t == bracket->low.t || t == bracket->high.t)
        return TRUE; /* no number lies between them */
      if (!try (self, t, &bracket->low, &bracket->high, &now, error))
        return FALSE;
      if (is_too_high (&now, base) || now.loss >= bracket->low.loss)
        set_bracket (bracket, &bracket->low, &now);
      else
        {
          bracket->done = is_flat (&now, base);
          if (!bracket->done && now.slope * (bracket->high.t - bracket->low.t) >= 0)
            bracket->high = bracket->low;
          bracket->low = now;
        }
    }
  return TRUE;
}

/* ── Steps ───────────────────────────────────────────────────────────────────────────────────── */

/* Puts the newest pair before the others; the oldest one is forgotten where there is no place. */
static gboolean
push_pair (KolLbfgs *self, double curvature, double length, GError **error)
{
  if (curvature <= LEAST_CURVATURE)
    return TRUE;
  self->n_pairs = MIN (self->n_pairs + 1, self->history);
  if (self->pairs[0]->len < self->n_pairs && !find_direction (self, error))
    return FALSE;
  for (guint i = self->n_pairs - 1; i > 0; i--)
    {
      self->curvatures[i] = self->curvatures[i - 1];
      for (guint k = 0; k < 2; k++)
        if (!swap (g_ptr_array_index (self->pairs[k], i), g_ptr_array_index (self->pairs[k], i - 1),
                   error))
          return FALSE;
    }
  self->curvatures[0] = 1 / curvature;
  self->scale = curvature / length;
  for (guint k = 0; k < 2; k++)
    if (!swap (g_ptr_array_index (self->pairs[k], 0), self->newest[k], error))
      return FALSE;
  return TRUE;
}

/* The step and the change of the gradient since the last step. */
static gboolean
note_pair (KolLbfgs *self, GError **error)
{
  float numbers[2];

  kol_set_scalar (self->t, (float) self->last_t);
  return kol_run_all (self->graph, self->pair, 2, error) && kol_read (self->pair[0], numbers, error)
         && push_pair (self, numbers[0], numbers[1], error);
}

/* The base's slope along the direction, its largest number, and the gradient's sum of sizes. */
static gboolean
make_direction (KolLbfgs *self, float numbers[3], GError **error)
{
  Direction *direction = find_direction (self, error);

  if (!direction)
    return FALSE;
  guint pairs = MAX (direction->pairs, 1);
  g_autofree float *curvatures = g_new0 (float, pairs);
  for (guint i = 0; i < self->n_pairs; i++)
    curvatures[i] = (float) self->curvatures[i];
  kol_set (direction->curvatures, curvatures);
  kol_set_scalar (direction->scale, (float) self->scale);
  return kol_run_all (direction->graph, direction->targets, 2, error)
         && kol_read (direction->targets[0], numbers, error);
}

/* Goes to the end of the search, with its gradient where evaluations leave it. */
static gboolean
settle (KolLbfgs *self, const Point *end, GError **error)
{
  self->last_t = end->t;
  return move_to (self, end->t, error)
         && swap (self->g, end->slot == AT_BASE ? self->before : self->slots[end->slot], error);
}

/**
 * kol_lbfgs_step:
 * @lbfgs: a search
 * @evaluate: (scope call): the function
 * @user_data: for @evaluate
 * @loss: (inout): of the variable as it is; before the first step it is computed here
 * @moved: (out): whether a better point was found; if not, the search is at its end
 * @error: return location
 *
 * One step of L-BFGS: a direction, and a search along it for the strong Wolfe conditions,
 * which takes an evaluation or two. Afterwards the variable is at the best point that was
 * found, and the gradient is that there. @loss is no number if the first one is none.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_lbfgs_step (KolLbfgs *lbfgs, KolLbfgsEvaluate evaluate, gpointer user_data, double *loss,
                gboolean *moved, GError **error)
{
  g_return_val_if_fail (lbfgs != NULL && evaluate != NULL && loss != NULL, FALSE);
  float numbers[3];
  Bracket bracket = { 0 };

  lbfgs->evaluate = evaluate;
  lbfgs->user_data = user_data;
  *moved = FALSE;
  if (lbfgs->started)
    {
      if (!note_pair (lbfgs, error))
        return FALSE;
    }
  else if (lbfgs->evaluations++, !evaluate (loss, user_data, error))
    return FALSE;
  if (!isfinite (*loss))
    return TRUE;
  if (!swap (lbfgs->g, lbfgs->before, error) || !make_direction (lbfgs, numbers, error))
    return FALSE;
  const Point base = { .t = 0, .loss = *loss, .slope = numbers[0], .slot = AT_BASE };
  double t = lbfgs->started ? lbfgs->rate : MIN (1, 1 / numbers[2]) * lbfgs->rate;
  if (!(base.slope < 0) || !swap (lbfgs->x, lbfgs->base, error))
    return base.slope < 0 ? FALSE : swap (lbfgs->g, lbfgs->before, error);
  lbfgs->started = TRUE;
  if (!find_bracket (lbfgs, &base, t, &bracket, error)
      || !narrow_bracket (lbfgs, &base, &bracket, error))
    {
      swap (lbfgs->x, lbfgs->base, NULL); /* where it was before */
      return FALSE;
    }
  *moved = bracket.low.slot != AT_BASE;
  *loss = bracket.low.loss;
  return settle (lbfgs, &bracket.low, error);
}

/**
 * kol_lbfgs_get_evaluations:
 * @lbfgs: a search
 *
 * Returns: how often the function was computed
 */
guint
kol_lbfgs_get_evaluations (const KolLbfgs *lbfgs)
{
  g_return_val_if_fail (lbfgs != NULL, 0);
  return lbfgs->evaluations;
}
