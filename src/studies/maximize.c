/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures that excite units: the loop, and what has come of it. A step is one graph, of which the
 * host only draws the motions' map, and waits for nothing.
 */

#include "maximize-private.h"

#include <math.h>
#include <string.h>

#include "../device/error-private.h"
#include "../nn/optimizers.h"
#include "../ops.h"
#include "../random-private.h"
#include "redirect-private.h"

#define STEPS 512
#define DREAM_STEPS 64
#define RATE 0.05
#define REDIRECTED 16    /* steps in which rectifiers are opened, if a gradient is 0 at first */
#define DIVERSITY 100.0  /* weight of the pictures' likeness */
#define KEPT 16          /* steps between two looks at whether pictures are numbers still */
#define MOST_SETBACKS 10 /* before it is given up */
#define TOLD 0.25        /* seconds between two reports */
#define LONG 3600.0      /* seconds: no quantum, but a whole run */

static void
run_clear (KolMaximizeRun *run)
{
  g_free (run->units);
  g_free (run->stuck);
  g_free (run->latest);
  g_free (run->kept);
  g_free (run->event);
  *run = (KolMaximizeRun){ 0 };
}

static void
painting_clear (KolMaximizePainting *painting)
{
  g_clear_pointer (&painting->graph, kol_graph_free);
}

/**
 * kol_maximizer_free:
 * @maximizer: (transfer full) (nullable): a maximizer
 */
void
kol_maximizer_free (KolMaximizer *maximizer)
{
  if (!maximizer)
    return;
  painting_clear (&maximizer->usual);
  painting_clear (&maximizer->redirected);
  g_clear_pointer (&maximizer->look.graph, kol_graph_free);
  run_clear (&maximizer->run);
  g_ptr_array_unref (maximizer->states);
  g_free (maximizer->layer);
  g_free (maximizer->direction);
  g_free (maximizer->photo);
  g_free (maximizer->like);
  g_clear_error (&maximizer->atypical);
  g_free (maximizer);
}

/**
 * kol_maximized_free:
 * @maximized: (transfer full) (nullable): what has come of a unit
 */
void
kol_maximized_free (KolMaximized *maximized)
{
  if (!maximized)
    return;
  g_clear_pointer (&maximized->picture, kol_snapshot_unref);
  g_free (maximized);
}

/* ── Making one ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
are_numbers (const float *values, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite (values[i]))
      return FALSE;
  return TRUE;
}

static gboolean
check_goal (const KolMaximizer *self, GError **error)
{
  const KolMaximizeOptions *options = &self->options;
  gboolean photo = !kol_maximizer_asks_for_units (self);

  if (photo && !options->photo)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "A %s needs a photo",
                 options->goal == KOL_MAXIMIZE_DREAM ? "dream" : "caricature");
  else if (options->goal == KOL_MAXIMIZE_DIRECTION && options->n_direction != self->units)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The direction has %zu numbers, but the layer %s has %u units",
                 options->n_direction, self->layer ? self->layer : "of scores", self->units);
  else if (!are_numbers (options->direction, options->n_direction))
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The direction has infinities, or what is no number (NaN)");
  else if (!isfinite (options->l1 + options->tv + options->blur)
           || !isfinite (options->power + options->diversity + options->rate))
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The learning rate and all weights must be finite numbers");
  else if (options->diverse && options->pictures < 2)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "Pictures that differ from each other have to be at least 2");
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_batch (const KolMaximizer *self, GError **error)
{
  gsize batch = kol_layers_get_batch (self->layers);

  if (!batch || batch == self->options.pictures)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
               "The file of %s is made for %zu pictures at a time, not for %u",
               kol_layers_get_name (self->layers), batch, self->options.pictures);
  return FALSE;
}

/*
 * Pictures that are too large, or too many at once. Opened rectifiers take more, but not twice as
 * much: where that matters they are looked at, too.
 */
static gboolean
check_memory (KolMaximizer *self, GError **error)
{
  const KolMaximizeOptions *options = &self->options;
  guint64 budget = kol_device_get_budget (kol_layers_get_parameters (self->layers)->device), needed;

  if (!kol_maximizer_peak_bytes (self, &needed, error))
    return FALSE;
  if (budget && needed > budget / 2 && kol_maximizer_asks_for_units (self)
      && (!kol_maximizer_build_painting (self, &self->redirected, TRUE, error)
          || !kol_maximizer_peak_bytes (self, &needed, error)))
    return FALSE;
  if (!budget || needed <= budget)
    return TRUE;
  g_autofree char *bytes = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *there = g_format_size_full (budget, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *pictures
      = options->pictures > 1 ? g_strdup_printf ("%u pictures at a time, of %zu x %zu pixels, need",
                                                 options->pictures, options->width, options->height)
                              : g_strdup_printf ("A picture of %zu x %zu pixels needs",
                                                 options->width, options->height);
  return kol_refuse (error,
                     "%s %s on the device, and %s are there. About %d pixels for the longer side "
                     "would fit%s",
                     pictures, bytes, there,
                     (int) ((double) MAX (options->width, options->height)
                            * sqrt ((double) budget / (double) needed) * 0.95),
                     options->pictures > 1 ? ", or fewer pictures" : "");
}

static void
take_options (KolMaximizer *self, const KolMaximizeOptions *options)
{
  const KolPreprocess *picture = kol_layers_get_picture (self->layers);
  KolMaximizeOptions *own = &self->options;

  *own = *options;
  own->pictures = MAX (own->pictures, 1);
  own->height = own->height ? own->height : picture->height;
  own->width = own->width ? own->width : picture->width;
  own->rate = own->rate != 0 ? own->rate : RATE;
  own->diversity = own->diversity != 0 ? own->diversity : DIVERSITY;
  if (!own->steps)
    own->steps = own->goal == KOL_MAXIMIZE_DREAM ? DREAM_STEPS : STEPS;
  own->layer = self->layer = g_strdup (options->layer);
  own->direction = self->direction
      = g_memdup2 (options->direction, options->n_direction * sizeof (float));
  self->robustness = kol_robustness_for (own->height, own->width);
  self->form = (KolCanvasForm){ .n = own->pictures,
                                .channels = (gint64) picture->channels,
                                .height = (gint64) own->height,
                                .width = (gint64) own->width,
                                .plain = own->plain,
                                .colour = !own->mixed,
                                .photo = own->goal == KOL_MAXIMIZE_DREAM };
}

/**
 * kol_maximizer_new:
 * @layers: an opened network, which must live as long as the maximizer
 * @options: how; what it points to is copied, but for the photo, which is not needed later
 * @error: return location
 *
 * Builds what makes pictures for a layer's units.
 *
 * Errors: %KOL_ERROR_DATA if there is no such layer, with names like it, or the goal lacks
 * something, or the pictures need more memory than the device has; %KOL_ERROR_SHAPE if the network
 * does not take pictures of that size.
 *
 * Returns: (transfer full) (nullable): the maximizer
 */
KolMaximizer *
kol_maximizer_new (KolLayers *layers, const KolMaximizeOptions *options, GError **error)
{
  g_return_val_if_fail (layers != NULL && options != NULL, NULL);
  g_autoptr (KolMaximizer) self = g_new0 (KolMaximizer, 1);

  self->layers = layers;
  self->states = g_ptr_array_new ();
  self->slowed = 1;
  take_options (self, options);
  if (self->layer && !kol_layers_find (layers, self->layer, error))
    return NULL;
  if (!check_batch (self, error) || !kol_maximizer_take_typical (self, error)
      || !kol_maximizer_build_look (self, error) || !check_goal (self, error)
      || !kol_maximizer_build_painting (self, &self->usual, FALSE, error)
      || !check_memory (self, error) || !kol_maximizer_take_photo (self, error))
    return NULL;
  self->options.photo = NULL;
  return g_steal_pointer (&self);
}

/**
 * kol_maximizer_get_units:
 * @maximizer: a maximizer
 *
 * Returns: how many units the layer has
 */
guint
kol_maximizer_get_units (const KolMaximizer *maximizer)
{
  g_return_val_if_fail (maximizer != NULL, 0);
  return maximizer->units;
}

/**
 * kol_maximizer_get_options:
 * @maximizer: a maximizer
 *
 * Returns: (transfer none): what it was made with, with the usual numbers in place of zeros
 */
const KolMaximizeOptions *
kol_maximizer_get_options (const KolMaximizer *maximizer)
{
  g_return_val_if_fail (maximizer != NULL, NULL);
  return &maximizer->options;
}

/**
 * kol_maximizer_get_level:
 * @maximizer: a maximizer
 * @why: (out) (optional) (transfer none) (nullable): why it is 0, if what the network has learned
 *   from could not be known
 *
 * How light pictures are: the mean of what a run has learned from, if it is known, grey, and not
 * to be left out of account; see KolMaximizeOptions.
 *
 * Returns: the mean of each picture's pixels; 0 if it is free
 */
double
kol_maximizer_get_level (const KolMaximizer *maximizer, const GError **why)
{
  g_return_val_if_fail (maximizer != NULL, 0);
  if (why)
    *why = maximizer->atypical;
  return maximizer->form.level;
}

/* ── Starting ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
check_units (const KolMaximizer *self, const guint *units, guint n, GError **error)
{
  guint most = self->options.diverse ? 1 : self->options.pictures;

  if (n < 1 || n > most)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%u units at a time, but 1 to %u are possible",
                   n, most);
      return FALSE;
    }
  for (guint i = 0; i < n && self->options.goal <= KOL_MAXIMIZE_NEURON; i++)
    if (units[i] >= self->units)
      {
        g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                     "The layer %s has the units 0 to %u, but %u is asked for",
                     self->layer ? self->layer : "of scores", self->units - 1, units[i]);
        return FALSE;
      }
  return TRUE;
}

/* The unit of a picture; places behind the last one repeat it, and are not looked at. */
static guint
unit_of (const KolMaximizer *self, const guint *units, guint n, guint i)
{
  return units && kol_maximizer_asks_for_units (self) ? units[MIN (i, n - 1)] : 0;
}

/* Which unit is for which picture, as numbers [N, K]. */
static void
set_what (const KolMaximizer *self, const KolObjective *objective, const guint *units, guint n)
{
  guint pictures = self->options.pictures;

  if (objective->like)
    kol_set (objective->like, self->like);
  if (!objective->what)
    return;
  g_autofree float *what = g_new0 (float, (gsize) pictures * self->units);
  for (guint i = 0; i < pictures; i++)
    if (self->direction)
      memcpy (what + (gsize) i * self->units, self->direction, self->units * sizeof *what);
    else
      what[(gsize) i * self->units + unit_of (self, units, n, i)] = 1;
  kol_set (objective->what, what);
}

/* Pictures of units begin alike whatever else is made at the same time. */
static gboolean
start_canvas (const KolMaximizer *self, const guint *units, guint n, GError **error)
{
  gsize each = kol_canvas_count (&self->form);
  g_autofree float *values = g_try_new (float, each * self->options.pictures);

  if (!values)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY, "There is not enough memory for %u pictures",
                   self->options.pictures);
      return FALSE;
    }
  for (guint i = 0; i < self->options.pictures; i++)
    {
      g_autofree char *stream = g_strdup_printf ("study/start/%u/%u", unit_of (self, units, n, i),
                                                 self->options.diverse ? i : 0);
      kol_canvas_fill (&self->form, kol_random_key (self->options.seed, stream), values + i * each);
    }
  return kol_parameter_write (self->usual.canvas.parameter->node->parameter, values, error);
}

/* Moments and the count of steps begin anew. */
static gboolean
start_optimizer (const KolMaximizer *self, GError **error)
{
  for (guint i = 0; i < self->states->len; i++)
    {
      KolParameter *state = g_ptr_array_index (self->states, i);
      g_autofree float *zeros = g_new0 (float, (gsize) kol_shape_count (&state->shape));

      if (!kol_parameter_write (state, zeros, error))
        return FALSE;
    }
  return TRUE;
}

static void
set_inputs (const KolMaximizer *self, const KolCanvas *canvas, const KolObjective *objective,
            const guint *units, guint n)
{
  set_what (self, objective, units, n);
  if (canvas->photo)
    kol_set (canvas->photo, self->photo);
}

static gboolean
start (KolMaximizer *self, const guint *units, guint n, GError **error)
{
  set_inputs (self, &self->usual.canvas, &self->usual.objective, units, n);
  set_inputs (self, &self->look.canvas, &self->look.objective, units, n);
  return start_canvas (self, units, n, error) && start_optimizer (self, error);
}

static void
move (const KolMaximizer *self, const KolMaximizePainting *painting, guint step)
{
  float map[6];

  if (!painting->map)
    return;
  kol_robust_map (&self->robustness, self->options.seed, step, self->options.height,
                  self->options.width, map);
  kol_set (painting->map, map);
}

/* Which pictures have no gradient, as they are and with this step's motions: [N]. */
static gboolean
find_stuck (const KolMaximizer *self, const KolMaximizePainting *painting, guint step,
            gboolean *stuck, gboolean *any, GError **error)
{
  guint n = self->options.pictures;
  g_autofree float *norms = g_new (float, n);

  *any = FALSE;
  move (self, painting, step);
  if (!kol_run (painting->graph, painting->norms, error)
      || !kol_read (painting->norms, norms, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      stuck[i] = norms[i] == 0;
      *any = *any || stuck[i];
    }
  return TRUE;
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────── */

/* The share of a class, of all that the scores of one picture stand for. */
static double
probability_of (const float *scores, guint n, guint class)
{
  double largest = -INFINITY, sum = 0;

  for (guint i = 0; i < n; i++)
    largest = fmax (largest, scores[i]);
  for (guint i = 0; i < n; i++)
    sum += exp (scores[i] - largest);
  return exp (scores[class] - largest) / sum;
}

typedef struct {
  float *pixels; /* [N, C, H, W] */
  float *each;   /* [N] */
  float *scores; /* [N, classes], or NULL */
} Seen;

static void
seen_clear (Seen *seen)
{
  g_free (seen->pixels);
  g_free (seen->each);
  g_free (seen->scores);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seen, seen_clear)

/* What is computed when somebody looks: how many of them. */
static guint
targets_of_look (const KolMaximizeLook *at, KolValue *targets[3])
{
  targets[0] = at->canvas.pixels;
  targets[1] = at->objective.each;
  targets[2] = at->scores;
  return at->scores ? 3 : 2;
}

static gboolean
look (const KolMaximizer *self, Seen *seen, GError **error)
{
  const KolMaximizeLook *at = &self->look;
  KolValue *targets[3];
  guint n = targets_of_look (at, targets);

  seen->pixels = g_new (float, (gsize) kol_count (at->canvas.pixels));
  seen->each = g_new (float, self->options.pictures);
  if (!kol_run_all (at->graph, targets, n, error)
      || !kol_read (at->canvas.pixels, seen->pixels, error)
      || !kol_read (at->objective.each, seen->each, error))
    return FALSE;
  if (!at->scores)
    return TRUE;
  seen->scores = g_new (float, (gsize) kol_count (at->scores));
  return kol_read (at->scores, seen->scores, error);
}

static KolSnapshot *
snapshot_of (const KolMaximizer *self, const Seen *seen, guint i)
{
  const KolCanvasForm *form = &self->form;
  gsize each = (gsize) (form->channels * form->height * form->width);

  return kol_snapshot_new (seen->pixels + i * each, (gsize) form->channels, (gsize) form->height,
                           (gsize) form->width);
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_maximizer_peak_bytes:
 * @maximizer: a maximizer
 * @bytes: (out): the most device memory that it takes: for steps, and to look at what has come of
 *   them
 * @error: return location
 *
 * Where there is plenty of memory, units that are silent at first may take up to twice as much for
 * the first steps.
 *
 * Returns: %FALSE if a step cannot be laid out
 */
gboolean
kol_maximizer_peak_bytes (KolMaximizer *maximizer, guint64 *bytes, GError **error)
{
  g_return_val_if_fail (maximizer != NULL && bytes != NULL, FALSE);
  KolValue *targets[3];
  KolTogether runs[5];
  guint n = kol_maximizer_list_runs (&maximizer->usual, runs);

  if (maximizer->redirected.graph)
    n += kol_maximizer_list_runs (&maximizer->redirected, runs + n);

  runs[n++] = (KolTogether){ maximizer->look.graph, targets,
                             targets_of_look (&maximizer->look, targets) };
  return kol_peak_bytes_of_runs (runs, n, bytes, error);
}

/**
 * kol_maximizer_get_host_bytes:
 * @maximizer: a maximizer
 *
 * Returns: the most memory of the host that it takes for pictures: two states of them to go back
 *   to, what is seen of them, with the snapshots, and one as bytes and as a file
 */
guint64
kol_maximizer_get_host_bytes (const KolMaximizer *maximizer)
{
  g_return_val_if_fail (maximizer != NULL, 0);
  const KolCanvasForm *form = &maximizer->form;
  guint64 pixels = (guint64) (form->channels * form->height * form->width);

  return (2 * kol_canvas_count (form) + 2 * pixels) * maximizer->options.pictures * sizeof (float)
         + 2 * pixels;
}

/* ── Running ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_due (const KolMaximizeRun *run, guint steps)
{
  guint every = run->watch.every;

  return every && (run->step % every == 0 || run->step == steps);
}

static gboolean
tell (KolMaximizer *self, const KolMaximizePainting *painting, GError **error)
{
  KolMaximizeRun *run = &self->run;
  const KolStudyWatch *watch = &run->watch;
  guint steps = self->options.steps;
  gboolean due = is_due (run, steps);
  gint64 now = g_get_monotonic_time ();
  g_autoptr (GPtrArray) snapshots
      = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_snapshot_unref);
  KolStudyProgress progress
      = { .step = run->step, .steps = steps, .value = NAN, .event = run->event };

  if (!watch->told || (!due && !run->event && now - run->told < TOLD * G_USEC_PER_SEC))
    return TRUE;
  run->told = now;
  if (due)
    {
      g_auto (Seen) seen = { 0 };
      if (!look (self, &seen, error))
        return FALSE;
      for (guint i = 0; i < run->pictures; i++)
        g_ptr_array_add (snapshots, snapshot_of (self, &seen, i));
      progress.value = seen.each[0];
    }
  else if (run->step && !kol_finish (painting->graph, error)) /* else the time left is a guess */
    return FALSE;
  progress.seconds = (double) (g_get_monotonic_time () - run->began) / G_USEC_PER_SEC;
  progress.seconds_left = run->step ? progress.seconds / run->step * (steps - run->step) : NAN;
  progress.snapshots = (KolSnapshot *const *) snapshots->pdata;
  progress.n_snapshots = snapshots->len;
  watch->told (&progress, watch->user_data);
  g_clear_pointer (&run->event, g_free);
  return TRUE;
}

static gboolean
is_cancelled (const KolMaximizeRun *run)
{
  return g_cancellable_is_cancelled (run->watch.cancellable);
}

/* The graph of the step under way: the one with opened rectifiers, while they are needed. */
static const KolMaximizePainting *
find_painting (const KolMaximizer *self)
{
  return self->run.redirect ? &self->redirected : &self->usual;
}

/* Opens the rectifiers until something comes through them. */
static gboolean
begin_redirected (KolMaximizer *self, GError **error)
{
  if (!self->redirected.graph
      && !kol_maximizer_build_painting (self, &self->redirected, TRUE, error))
    return FALSE;
  set_inputs (self, &self->redirected.canvas, &self->redirected.objective, self->run.units,
              self->run.n);
  self->run.redirect = TRUE;
  return TRUE;
}

/* Whether the rectifiers stay open; which pictures are still without a gradient when not. */
static gboolean
end_redirected (KolMaximizer *self, GError **error)
{
  KolMaximizeRun *run = &self->run;
  gboolean any;

  if (!run->redirect || run->step < MIN (REDIRECTED, self->options.steps))
    return TRUE;
  run->redirect = FALSE;
  return find_stuck (self, &self->usual, run->step, run->stuck, &any, error);
}

/* The steps as the options are now; pictures under way go on from what they are. */
static gboolean
build_again (KolMaximizer *self, GError **error)
{
  const KolMaximizeRun *run = &self->run;

  painting_clear (&self->usual);
  painting_clear (&self->redirected);
  if (!kol_maximizer_build_painting (self, &self->usual, FALSE, error))
    return FALSE;
  if (!run->pictures)
    return TRUE;
  set_inputs (self, &self->usual.canvas, &self->usual.objective, run->units, run->n);
  return !run->redirect || begin_redirected (self, error);
}

/* The canvas as it is; NULL if it cannot be read. */
static float *
read_canvas (const KolMaximizer *self, GError **error)
{
  g_autofree float *values = g_new (float, kol_canvas_count (&self->form) * self->options.pictures);

  return kol_parameter_read (self->usual.canvas.parameter->node->parameter, values, error)
             ? g_steal_pointer (&values)
             : NULL;
}

/* Back to pictures from where steps went well, and on from there with half the rate. */
static gboolean
set_back (KolMaximizer *self, GError **error)
{
  KolMaximizeRun *run = &self->run;

  if (++run->setbacks > MOST_SETBACKS)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
                   "The pictures were no numbers %u times, with rates down to %g: what the layer "
                   "says of them overflows",
                   run->setbacks, self->options.rate * self->slowed);
      return FALSE;
    }
  self->slowed /= 2;
  if (!build_again (self, error)
      || !kol_parameter_write (self->usual.canvas.parameter->node->parameter, run->kept, error)
      || !start_optimizer (self, error))
    return FALSE;
  g_free (run->event);
  run->event = g_strdup_printf ("The pictures were no numbers after step %u: back to step %u, and "
                                "on with half the rate, %g",
                                run->step, run->kept_at, self->options.rate * self->slowed);
  run->step = run->kept_at;
  g_clear_pointer (&run->latest, g_free);
  return TRUE;
}

/* Now and then, since nothing else waits for the device. */
static gboolean
check_canvas (KolMaximizer *self, GError **error)
{
  KolMaximizeRun *run = &self->run;
  gsize n = kol_canvas_count (&self->form) * self->options.pictures;

  if (run->step % KEPT && run->step != self->options.steps && !is_due (run, self->options.steps))
    return TRUE;
  g_autofree float *values = read_canvas (self, error);
  if (!values)
    return FALSE;
  if (!are_numbers (values, n))
    return set_back (self, error);
  if (run->latest)
    {
      g_free (run->kept);
      run->kept = g_steal_pointer (&run->latest);
      run->kept_at = run->latest_at;
    }
  run->latest = g_steal_pointer (&values);
  run->latest_at = run->step;
  return TRUE;
}

static gboolean
take_step (KolMaximizer *self, GError **error)
{
  KolMaximizeRun *run = &self->run;
  const KolMaximizePainting *painting = find_painting (self);

  move (self, painting, run->step);
  if (!kol_run (painting->graph, painting->step, error))
    return FALSE;
  run->step++;
  return check_canvas (self, error) && end_redirected (self, error)
         && tell (self, find_painting (self), error);
}

/* A unit that says 0 in the end, where nothing below 0 is said, was not reached either. */
static gboolean
is_dead (const KolMaximizer *self, const Seen *seen, guint i)
{
  return kol_maximizer_asks_for_units (self) && (self->run.stuck[i] || seen->each[i] == 0);
}

static GPtrArray *
collect (KolMaximizer *self, GError **error)
{
  const KolMaximizeRun *run = &self->run;
  g_auto (Seen) seen = { 0 };
  g_autoptr (GPtrArray) results
      = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_maximized_free);

  if (!look (self, &seen, error))
    return NULL;
  if (!are_numbers (seen.each, run->pictures))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
                   "The activations are no numbers after step %u; try a smaller learning rate, or "
                   "smaller weights",
                   run->step);
      return NULL;
    }
  for (guint i = 0; i < run->pictures; i++)
    {
      KolMaximized *result = g_new0 (KolMaximized, 1);

      result->unit = unit_of (self, run->units, run->n, i);
      result->picture = snapshot_of (self, &seen, i);
      result->activation = seen.each[i];
      result->probability = seen.scores ? probability_of (seen.scores + (gsize) i * self->units,
                                                          self->units, result->unit)
                                        : NAN;
      result->dead = is_dead (self, &seen, i);
      result->steps = run->step;
      g_ptr_array_add (results, result);
    }
  return g_steal_pointer (&results);
}

/**
 * kol_maximizer_begin:
 * @maximizer: a maximizer
 * @units: (nullable) (array length=n): which units, each for a picture; %NULL where the
 *   goal is none of units; copied
 * @n: how many: at most as many as pictures are made at a time; 1 where these are to
 *   differ, and where the goal is none of units
 * @watch: (nullable): who is told of it, and ends it; copied
 * @error: return location
 *
 * Begins pictures that kol_maximizer_advance() takes on. What was begun before is left.
 *
 * Errors: %KOL_ERROR_DATA for a unit that the layer does not have; what the device reports.
 *
 * Returns: %FALSE if it cannot begin
 */
gboolean
kol_maximizer_begin (KolMaximizer *maximizer, const guint *units, guint n,
                     const KolStudyWatch *watch, GError **error)
{
  g_return_val_if_fail (maximizer != NULL, FALSE);
  g_return_val_if_fail (units != NULL || maximizer->options.goal >= KOL_MAXIMIZE_DIRECTION, FALSE);
  KolMaximizeRun *run = &maximizer->run;
  gboolean each = kol_maximizer_asks_for_units (maximizer) && !maximizer->options.diverse, any;

  run_clear (run);
  if (maximizer->slowed != 1)
    {
      maximizer->slowed = 1;
      if (!build_again (maximizer, error))
        return FALSE;
    }
  if (!check_units (maximizer, units, n, error) || !start (maximizer, units, n, error))
    return FALSE;
  run->units = g_memdup2 (units, n * sizeof *units);
  run->n = n;
  run->pictures = each ? n : maximizer->options.pictures;
  run->watch = watch ? *watch : (KolStudyWatch){ 0 };
  run->stuck = g_new0 (gboolean, maximizer->options.pictures);
  if (!find_stuck (maximizer, &maximizer->usual, 0, run->stuck, &any, error)
      || (any && !begin_redirected (maximizer, error))
      || !(run->kept = read_canvas (maximizer, error)))
    return FALSE;
  run->began = run->told = g_get_monotonic_time ();
  return !is_due (run, maximizer->options.steps) || tell (maximizer, &maximizer->usual, error);
}

/**
 * kol_maximizer_advance:
 * @maximizer: a maximizer, after kol_maximizer_begin()
 * @seconds: how long; one step is taken at least
 * @more: (out): whether there is more to do; if it is cancelled, there is not
 * @error: return location
 *
 * Makes the pictures better for a while. The watch is told on the thread that calls this.
 * It may be cancelled between two steps; what was done is kept, and it can go on. Where pictures
 * are no numbers any more, it goes back to the last ones from where steps went well, with half the
 * rate, and the watch is told.
 *
 * Errors: %KOL_ERROR_DIVERGED if that has not helped ten times; those of the device.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_maximizer_advance (KolMaximizer *maximizer, double seconds, gboolean *more, GError **error)
{
  g_return_val_if_fail (maximizer != NULL && maximizer->run.pictures > 0 && more != NULL, FALSE);
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  guint steps = maximizer->options.steps;
  const KolMaximizeRun *run = &maximizer->run;
  g_autoptr (GError) reason = NULL;

  do
    {
      *more = run->step < steps && !is_cancelled (run);
      if (!*more)
        break;
      /* Steps are only queued: the time that they take is not known before the end. */
      if (!take_step (maximizer, &reason)
          || (seconds < LONG && !kol_finish (find_painting (maximizer)->graph, &reason)))
        {
          if (!g_error_matches (reason, KOL_ERROR, KOL_ERROR_DIVERGED)
              || run->setbacks > MOST_SETBACKS)
            break;
          g_clear_error (&reason);
          if (!set_back (maximizer, &reason))
            break;
        }
      *more = run->step < steps && !is_cancelled (run);
    }
  while (*more && g_get_monotonic_time () < end);
  if (!reason)
    return TRUE;
  *more = FALSE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/**
 * kol_maximizer_look:
 * @maximizer: a maximizer, after kol_maximizer_begin()
 * @error: return location
 *
 * What has come of the pictures so far, at any time between two calls of
 * kol_maximizer_advance().
 *
 * Errors: those of the device; %KOL_ERROR_DIVERGED if activations are no numbers.
 *
 * Returns: (transfer full) (element-type KolMaximized) (nullable): a result for each
 *   picture
 */
GPtrArray *
kol_maximizer_look (KolMaximizer *maximizer, GError **error)
{
  g_return_val_if_fail (maximizer != NULL && maximizer->run.pictures > 0, NULL);
  return collect (maximizer, error);
}

/**
 * kol_maximizer_run:
 * @maximizer: a maximizer
 * @units: (nullable) (array length=n): as for kol_maximizer_begin()
 * @n: how many
 * @watch: (nullable): who is told of it, and ends it
 * @error: return location
 *
 * Makes pictures: kol_maximizer_begin(), kol_maximizer_advance() to the end, and
 * kol_maximizer_look(). The same seed gives the same picture of a unit, up to rounding,
 * whatever other units are made with it. A study that is cancelled gives what it has come
 * to.
 *
 * A unit that is behind rectifiers which are shut has no gradient; they are then opened
 * for the first 16 steps.
 *
 * Errors: %KOL_ERROR_DATA for a unit that the layer does not have; what the device reports.
 *
 * Returns: (transfer full) (element-type KolMaximized) (nullable): what has come of each
 *   picture
 */
GPtrArray *
kol_maximizer_run (KolMaximizer *maximizer, const guint *units, guint n, const KolStudyWatch *watch,
                   GError **error)
{
  g_return_val_if_fail (maximizer != NULL, NULL);
  gboolean more = TRUE;

  if (!kol_maximizer_begin (maximizer, units, n, watch, error))
    return NULL;
  while (more)
    if (!kol_maximizer_advance (maximizer, LONG, &more, error))
      return NULL;
  return kol_maximizer_look (maximizer, error);
}

/* ── Changes while it runs ───────────────────────────────────────────────────────────────────── */

/**
 * kol_maximizer_change:
 * @maximizer: a maximizer, between two calls of kol_maximizer_advance()
 * @options: of which the rate, the number of steps, @l1, @tv, @blur, the diversity and
 *   whether it stands still are taken; all else stays as it was
 * @error: return location
 *
 * Changes how pictures are made while they are made: they go on from what they are.
 *
 * Errors: those of kol_maximizer_new().
 *
 * Returns: %FALSE if it cannot be changed
 */
gboolean
kol_maximizer_change (KolMaximizer *maximizer, const KolMaximizeOptions *options, GError **error)
{
  g_return_val_if_fail (maximizer != NULL && options != NULL, FALSE);
  KolMaximizeOptions *own = &maximizer->options;

  own->rate = options->rate != 0 ? options->rate : RATE;
  own->steps = options->steps ? options->steps : own->steps;
  own->diversity = options->diversity != 0 ? options->diversity : DIVERSITY;
  own->still = options->still;
  own->l1 = options->l1;
  own->tv = options->tv;
  own->blur = options->blur;
  return build_again (maximizer, error);
}

/**
 * kol_maximizer_estimate:
 * @maximizer: a maximizer, before kol_maximizer_begin()
 * @seconds: (out): how long pictures will take
 * @error: return location
 *
 * Computes a step's gradient twice, and reckons from the second time.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_maximizer_estimate (KolMaximizer *maximizer, double *seconds, GError **error)
{
  g_return_val_if_fail (maximizer != NULL && seconds != NULL, FALSE);
  g_autofree gboolean *stuck = g_new0 (gboolean, maximizer->options.pictures);
  g_autofree guint *units = g_new0 (guint, maximizer->options.pictures);
  gint64 begin = 0;
  gboolean any;

  set_inputs (maximizer, &maximizer->usual.canvas, &maximizer->usual.objective, units, 1);
  for (guint i = 0; i < 2; i++)
    {
      begin = g_get_monotonic_time ();
      if (!find_stuck (maximizer, &maximizer->usual, 0, stuck, &any, error))
        return FALSE;
    }
  *seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC * maximizer->options.steps;
  return TRUE;
}
