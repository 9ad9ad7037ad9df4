/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Style transfer by optimization: Gatys, Ecker and Bethge, "Image style transfer using
 * convolutional neural networks", 2016. The picture is painted at a small size first,
 * then larger and larger: a stroke is only as large as what the layers see at once.
 */

#include "style-private.h"

#include <math.h>

#include "../nn/initializers.h"
#include "../random-private.h"
#include "style-pictures-private.h"

#define MOST_SETBACKS 20 /* before it is given up */

static void
moments_clear (KolStyleMoments *moments)
{
  g_clear_pointer (&moments->first, g_free);
  g_clear_pointer (&moments->second, g_free);
  g_clear_pointer (&moments->average, g_free);
}

/**
 * kol_style_free:
 * @style: (transfer full) (nullable): a picture that is being painted
 */
void
kol_style_free (KolStyle *style)
{
  if (!style)
    return;
  kol_style_close_size (style);
  moments_clear (&style->moments);
  g_free (style->pixels);
  g_free (style->event);
  g_free (style->layers_of_style);
  g_free (style->layers_of_content);
  g_clear_pointer (&style->matched, g_ptr_array_unref);
  g_clear_pointer (&style->sizes, g_array_unref);
  g_clear_pointer (&style->device, kol_device_unref);
  g_free (style);
}

/* ── Sizes ───────────────────────────────────────────────────────────────────────────────────── */

/* From the largest down by the root of 2, then the other way round. */
static void
list_sizes (KolStyle *self)
{
  const KolStyleOptions *options = &self->options;

  for (guint i = 0; i == 0 || self->sizes->len == i; i++)
    {
      KolStyleStage size
          = { .side = (guint) lround (options->size / pow (2, i / 2.0)), .steps = options->steps };

      if (i > 0 && size.side < options->smallest)
        break;
      kol_style_fit (options->content, size.side, &size.width, &size.height);
      g_array_prepend_val (self->sizes, size);
    }
}

/* The first of several has twice as many. */
static void
count_steps (KolStyle *self)
{
  if (self->sizes->len > 1)
    g_array_index (self->sizes, KolStyleStage, 0).steps *= 2;
}

static gboolean
look (KolStyle *self, GCancellable *cancellable, GError **error)
{
  if (!self->looked && !kol_style_problem_look (self->problem, cancellable, error))
    return FALSE;
  self->looked = TRUE;
  return TRUE;
}

static KolParameter *
find_x (const KolStyle *self)
{
  return kol_parameters_find (kol_layers_get_parameters (self->network), KOL_STYLE_X);
}

/* What the picture is at first: [C, H, W] at the first size. Given. */
static float *
make_start (KolStyle *self, GError **error)
{
  const KolStyleStage *size = kol_style_size_at (self, 0);
  gsize n = self->channels * size->width * size->height;
  const KolStyleOptions *options = &self->options;

  if (options->start == KOL_STYLE_START_NOISE)
    {
      KolInitializer noise = KOL_NORMAL (0.5, 0.1);
      KolShape shape = kol_style_problem_get_shape (self->problem);
      float *pixels = g_new (float, n);
      noise.fill (&noise, &shape, kol_random_key (options->seed, "study/style/start"), pixels);
      return pixels;
    }
  if (options->start == KOL_STYLE_START_CONTENT)
    return g_memdup2 (kol_snapshot_get_pixels (self->task.content), n * sizeof (float));
  g_autoptr (KolSnapshot) given = kol_style_scale_picture (options->start_picture, self->channels,
                                                           size->width, size->height, error);
  return given ? g_memdup2 (kol_snapshot_get_pixels (given), n * sizeof (float)) : NULL;
}

/* Takes planes of the size before to the size @at, in place. */
static void
enlarge (const KolStyle *self, float **planes, guint at, gboolean cubic)
{
  const KolStyleStage *from = kol_style_size_at (self, at - 1), *to = kol_style_size_at (self, at);
  float *larger = kol_style_scale_planes (
      *planes, &(KolStyleSize){ self->channels, from->height, from->width },
      &(KolStyleSize){ self->channels, to->height, to->width }, cubic);

  g_free (*planes);
  *planes = larger;
}

static double
beta2_of (const KolStyle *self)
{
  return self->options.network_units ? 0.999 : KOL_STYLE_ADAM_BETA2;
}

/*
 * The mean of squares is no less than the square of the mean, and is kept so: beside what the
 * network does not see, as the last row under strides, the one overshoots to where the other is
 * next to nothing, and the picture would take steps without measure there.
 */
static void
enlarge_moments (KolStyle *self, guint at)
{
  gsize n
      = self->channels * kol_style_size_at (self, at)->width * kol_style_size_at (self, at)->height;
  double t = (double) self->moments.count;
  double bias1 = 1 - pow (KOL_STYLE_ADAM_BETA1, t), bias2 = 1 - pow (beta2_of (self), t);

  if (!self->moments.first)
    return;
  enlarge (self, &self->moments.first, at, TRUE);
  enlarge (self, &self->moments.second, at, FALSE);
  for (gsize i = 0; i < n; i++)
    {
      double mean = self->moments.first[i] / bias1;
      self->moments.second[i] = fmaxf (self->moments.second[i], (float) (mean * mean * bias2));
    }
}

/* Writes x: the start, or what the size before has left. */
static gboolean
write_start (KolStyle *self, guint at, GError **error)
{
  gsize n
      = self->channels * kol_style_size_at (self, at)->width * kol_style_size_at (self, at)->height;
  g_autofree float *x = g_new (float, n);

  if (!self->pixels && !(self->pixels = make_start (self, error)))
    return FALSE;
  if (self->pixels_at < at)
    enlarge (self, &self->pixels, at, TRUE);
  self->pixels_at = at;
  for (gsize i = 0; i < n && !self->options.network_units; i++)
    self->pixels[i] = CLAMP (self->pixels[i], 0, 1);
  kol_style_problem_to_units (self->problem, self->pixels, x);
  return kol_parameter_write (find_x (self), x, error);
}

static gboolean
begin_adam (KolStyle *self, guint at, GError **error)
{
  KolStyleAdamNumbers numbers
      = { .rate = self->state.rate,
          .beta1 = KOL_STYLE_ADAM_BETA1,
          .beta2 = beta2_of (self),
          .epsilon = 1e-8,
          .average = self->options.network_units ? 0 : KOL_STYLE_ADAM_AVERAGE,
          .clip = !self->options.network_units };

  self->adam = kol_style_adam_new (kol_layers_get_parameters (self->network),
                                   kol_style_problem_get_shape (self->problem), &numbers, error);
  if (!self->adam)
    return FALSE;
  if (self->moments_at < at)
    enlarge_moments (self, at);
  self->moments_at = at;
  return kol_style_adam_write (self->adam, &self->moments, error);
}

/* ── The picture ─────────────────────────────────────────────────────────────────────────────── */

/* As it is now: the average, where one is kept. */
static gboolean
read_pixels (KolStyle *self, GError **error)
{
  const KolStyleStage *size = kol_style_size_at (self, self->at);
  gsize n = self->channels * size->width * size->height;
  g_autofree float *x = g_new (float, n);

  if (self->adam ? !kol_style_adam_read_average (self->adam, x, error)
                 : !kol_parameter_read (find_x (self), x, error))
    return FALSE;
  g_free (self->pixels);
  self->pixels = g_new (float, n);
  kol_style_problem_to_pixels (self->problem, x, self->pixels);
  return TRUE;
}

/* What people see of it. Given. */
static KolSnapshot *
make_snapshot (const KolStyle *self, GError **error)
{
  const KolStyleStage *size = kol_style_size_at (self, self->pixels_at);
  gsize n = self->channels * size->width * size->height;
  g_autofree float *pixels = g_memdup2 (self->pixels, n * sizeof (float));
  g_autoptr (KolSnapshot) content = NULL;

  if (self->options.colours == KOL_STYLE_COLOURS_KEEP)
    {
      content = self->pixels_at == self->at && self->task.content
                    ? kol_snapshot_ref (self->task.content)
                    : kol_style_scale_picture (self->options.content, self->channels, size->width,
                                               size->height, error);
      if (!content)
        return NULL;
      kol_style_keep_colours (pixels, content);
    }
  for (gsize i = 0; i < n; i++)
    pixels[i] = CLAMP (pixels[i], 0, 1);
  return kol_snapshot_new (pixels, self->channels, size->height, size->width);
}

/* ── Progress ────────────────────────────────────────────────────────────────────────────────── */

/* What a step at a size takes, in pixels: an octave has a quarter of the one before. */
static double
count_pixels (const KolStyleStage *size)
{
  return (double) size->width * (double) size->height * (4 - pow (0.25, size->octaves - 1)) / 3;
}

/* At the pace of a step so far, by pixels. */
static double
seconds_left (const KolStyle *self, guint step)
{
  guint steps = kol_style_size_at (self, self->at)->steps;
  double pixels = count_pixels (kol_style_size_at (self, self->at)) * (steps - MIN (step, steps));

  for (guint i = self->at + 1; i < self->sizes->len; i++)
    pixels += count_pixels (kol_style_size_at (self, i)) * kol_style_size_at (self, i)->steps;
  return self->seconds_per_pixel > 0 ? pixels * self->seconds_per_pixel : NAN;
}

/* How many are to come. A size may take a few evaluations of L-BFGS more than it was given, or
 * fewer. */
static guint
steps_left (const KolStyle *self)
{
  guint given = kol_style_size_at (self, self->at)->steps;
  guint left = given - MIN (self->step, given);

  for (guint i = self->at + 1; i < self->sizes->len; i++)
    left += kol_style_size_at (self, i)->steps;
  return left;
}

/* The pace follows the steps slowly, and not the first one of a size, which compiles. */
static void
note_pace (KolStyle *self, double seconds, guint step)
{
  double pace = seconds / count_pixels (kol_style_size_at (self, self->at));

  if (step < 2)
    return;
  self->seconds_per_pixel
      = self->seconds_per_pixel > 0 ? 0.9 * self->seconds_per_pixel + 0.1 * pace : pace;
}

static gboolean
tell (KolStyle *self, double total, GError **error)
{
  const KolStudyWatch *watch = &self->watch;
  gboolean due = watch->every && self->done % watch->every == 0;
  g_autoptr (KolSnapshot) snapshot = NULL;

  if (!watch->told)
    return TRUE;
  if (due && !read_pixels (self, error))
    return FALSE;
  if (due && !(snapshot = make_snapshot (self, error)))
    return FALSE;
  self->state.terms = kol_style_problem_get_terms (self->problem, &self->state.n_terms);
  self->state.event = self->event;
  watch->told (
      &(KolStudyProgress){ .step = self->done,
                           .steps = self->done + steps_left (self),
                           .value = total,
                           .seconds = (double) (g_get_monotonic_time () - self->began) * 1e-6,
                           .seconds_left = seconds_left (self, self->step),
                           .snapshots = snapshot ? &snapshot : NULL,
                           .n_snapshots = snapshot != NULL },
      watch->user_data);
  self->state.event = NULL;
  self->state.happening = KOL_STYLE_NOTHING;
  g_clear_pointer (&self->event, g_free);
  return TRUE;
}

static gboolean
is_cancelled (const KolStyle *self)
{
  return g_cancellable_is_cancelled (self->watch.cancellable);
}

/* ── Adam ────────────────────────────────────────────────────────────────────────────────────── */

/* A sum that is no number: one step back, with half the rate. */
static gboolean
set_back (KolStyle *self, GError **error)
{
  if (++self->setbacks > MOST_SETBACKS)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
                   "The losses were no numbers %u times, with rates down to %g: the features "
                   "of the network overflow at these pictures",
                   self->setbacks, self->state.rate);
      return FALSE;
    }
  if (!kol_style_adam_step_back (self->adam, error))
    return FALSE;
  self->state.rate = kol_style_adam_get_rate (self->adam);
  self->state.happening = KOL_STYLE_SET_BACK;
  g_free (self->event);
  self->event
      = g_strdup_printf ("The losses were no numbers at step %u: one step back, and on with "
                         "half the rate, %g",
                         self->step + 1, self->state.rate);
  return TRUE;
}

static gboolean
step_by_adam (KolStyle *self, GError **error)
{
  gint64 begin = g_get_monotonic_time ();
  double total;

  if (!kol_style_problem_evaluate (self->problem, self->watch.cancellable, &total, error))
    return FALSE;
  if (isfinite (total) ? !kol_style_adam_step (self->adam, error) : !set_back (self, error))
    return FALSE;
  note_pace (self, (double) (g_get_monotonic_time () - begin) * 1e-6, self->step);
  self->step++;
  self->done++;
  self->state.total = total;
  return tell (self, total, error);
}

/* ── L-BFGS ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
begin_lbfgs (KolStyle *self, GError **error)
{
  KolLbfgsOptions options = { .variable = KOL_STYLE_X,
                              .gradient = KOL_STYLE_GRADIENT,
                              .history = self->options.history };

  self->loss = NAN;
  self->lbfgs = kol_lbfgs_new (kol_layers_get_parameters (self->network), &options, error);
  return self->lbfgs != NULL;
}

/* At the point under way, or at one that is tried. */
static gboolean
evaluate (double *loss, gpointer user_data, GError **error)
{
  KolStyle *self = user_data;
  gint64 begin = g_get_monotonic_time ();

  if (!kol_style_problem_evaluate (self->problem, self->watch.cancellable, loss, error))
    return FALSE;
  note_pace (self, (double) (g_get_monotonic_time () - begin) * 1e-6, self->step);
  self->step++;
  self->done++;
  return tell (self, *loss, error);
}

static gboolean
step_by_lbfgs (KolStyle *self, GError **error)
{
  if (!kol_lbfgs_step (self->lbfgs, evaluate, self, &self->loss, &self->moved, error))
    return FALSE;
  self->state.total = self->loss;
  if (isfinite (self->loss))
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
               "The losses of the first picture are no numbers: its features overflow. Try another "
               "--start, or smaller weights");
  return FALSE;
}

/* ── The run ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
uses_lbfgs (const KolStyle *self)
{
  return self->options.optimizer == KOL_STYLE_LBFGS;
}

/* Opens a size and writes the picture there: the start, or what there is of it. */
static gboolean
begin_size (KolStyle *self, guint at, GError **error)
{
  const KolStyleStage *size = kol_style_size_at (self, at);

  if (!kol_style_open_size (self, at, error))
    return FALSE;
  self->state.size = at;
  self->state.n_sizes = self->sizes->len;
  self->state.width = size->width;
  self->state.height = size->height;
  self->moved = TRUE;
  self->setbacks = 0;
  if (!look (self, self->watch.cancellable, error) || !write_start (self, at, error)
      || !(uses_lbfgs (self) ? begin_lbfgs (self, error) : begin_adam (self, at, error)))
    return FALSE;
  self->painting = TRUE;
  return TRUE;
}

/* Takes over what there is, and leaves the size. */
static gboolean
leave_size (KolStyle *self, GError **error)
{
  self->painting = FALSE;
  if (!read_pixels (self, error))
    return FALSE;
  if (uses_lbfgs (self))
    return TRUE;
  moments_clear (&self->moments);
  return kol_style_adam_read (self->adam, &self->moments, error);
}

static gboolean
take_step (KolStyle *self, GError **error)
{
  if (!self->painting && !begin_size (self, self->next, error))
    return FALSE;
  if (uses_lbfgs (self) && !self->lbfgs && !begin_lbfgs (self, error))
    return FALSE;
  if (!(uses_lbfgs (self) ? step_by_lbfgs (self, error) : step_by_adam (self, error)))
    return FALSE;
  if (self->step < kol_style_size_at (self, self->at)->steps && self->moved)
    return TRUE;
  self->step = 0;
  self->next++;
  return leave_size (self, error);
}

/**
 * kol_style_begin:
 * @style: a picture that is to be painted
 * @watch: (nullable): who is told, and may end it; copied
 *
 * Begins a run that kol_style_advance() takes on, once.
 */
void
kol_style_begin (KolStyle *style, const KolStudyWatch *watch)
{
  g_return_if_fail (style != NULL);
  style->watch = watch ? *watch : (KolStudyWatch){ 0 };
  style->began = g_get_monotonic_time ();
}

/**
 * kol_style_advance:
 * @style: a picture, after kol_style_begin()
 * @seconds: how long; one step is taken at least, of L-BFGS with all its evaluations
 * @more: (out): whether there is more to do; if it is cancelled, there is not
 * @error: return location
 *
 * Paints for a while. The watch is told on the thread that calls this. It may be cancelled
 * between any two kernels; what was done before is kept, and after another
 * kol_style_begin() it goes on from there. kol_style_get_state() tells more while the watch
 * is told.
 *
 * A sum of losses that is no number takes back the step, and the rate is halved from
 * then on; #KolStyleState says so.
 *
 * Errors: those of the device; %KOL_ERROR_DIVERGED if the losses are no numbers again
 * and again; %G_IO_ERROR_CANCELLED if the device was to pause, see kol_device_set_pause():
 * the next call goes on.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_style_advance (KolStyle *style, double seconds, gboolean *more, GError **error)
{
  g_return_val_if_fail (style != NULL && more != NULL, FALSE);
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  g_autoptr (GError) reason = NULL;

  do
    {
      *more = style->next < style->sizes->len && !is_cancelled (style);
      if (!*more || !take_step (style, &reason))
        break;
      *more = style->next < style->sizes->len && !is_cancelled (style);
    }
  while (*more && g_get_monotonic_time () < end);
  if (!reason)
    return TRUE;
  *more = FALSE;
  g_clear_pointer (&style->lbfgs, kol_lbfgs_free); /* its step was broken off */
  if (is_cancelled (style) && g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/**
 * kol_style_look:
 * @style: a picture that is being painted, between two calls of kol_style_advance()
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the picture as it is; at first what it begins with
 */
KolSnapshot *
kol_style_look (KolStyle *style, GError **error)
{
  g_return_val_if_fail (style != NULL, NULL);
  if (style->painting && !read_pixels (style, error))
    return NULL;
  if (!style->pixels
      && (!kol_style_open_size (style, 0, error) || !(style->pixels = make_start (style, error))))
    return NULL;
  return make_snapshot (style, error);
}

/**
 * kol_style_run:
 * @style: a picture that is being painted
 * @watch: (nullable): who is told, and may end it
 * @error: return location
 *
 * Paints the picture, once: kol_style_begin(), kol_style_advance() to the end, and
 * kol_style_look(). A cancelled run is no error: it gives what there is.
 *
 * Errors: as kol_style_advance() says.
 *
 * Returns: (transfer full) (nullable): the picture
 */
KolSnapshot *
kol_style_run (KolStyle *style, const KolStudyWatch *watch, GError **error)
{
  g_return_val_if_fail (style != NULL, NULL);
  gboolean more = TRUE;

  kol_style_begin (style, watch);
  while (more)
    if (!kol_style_advance (style, 3600, &more, error))
      return NULL;
  return kol_style_look (style, error);
}

/**
 * kol_style_get_state:
 * @style: a picture that is being painted
 *
 * Returns: (transfer none): how far it is
 */
const KolStyleState *
kol_style_get_state (const KolStyle *style)
{
  g_return_val_if_fail (style != NULL, NULL);
  return &style->state;
}

/* ── Before the run ──────────────────────────────────────────────────────────────────────────── */

/* The largest size is built for that. */
static gboolean
measure_peak (KolStyle *self, GError **error)
{
  if (!kol_style_open_size (self, self->sizes->len - 1, error))
    return FALSE;
  self->tiles = kol_style_problem_get_tiles (self->problem);
  self->largest_peak = self->peak;
  return TRUE;
}

/* A picture that is long and thin begins larger than others: where the network can be built. */
static void
leave_out_small (KolStyle *self)
{
  const KolStyleStage *first = kol_style_size_at (self, 0);

  while (self->sizes->len > 1
         && !kol_style_problem_fits (self->network, first->width, first->height, NULL))
    g_array_remove_index (self->sizes, 0);
}

static gboolean
match_styles (KolStyle *self, GError **error)
{
  if (self->options.colours != KOL_STYLE_COLOURS_MATCH)
    return TRUE;
  self->matched = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_picture_free);
  for (guint i = 0; i < self->options.n_styles; i++)
    {
      KolPicture *matched
          = kol_style_match_colours (self->options.styles[i].picture, self->options.styles[i].part,
                                     self->options.content, error);
      if (!matched)
        return FALSE;
      g_ptr_array_add (self->matched, matched);
    }
  return TRUE;
}

/**
 * kol_style_new:
 * @device: where it is computed
 * @options: what is to be painted; what it points to must outlive the result
 * @error: return location
 *
 * Prepares style transfer: opens the network, builds it at the largest size, and so
 * knows what memory it needs. Nothing is computed yet.
 *
 * Errors: %KOL_ERROR_DATA if there is no such network or layer, if numbers make no
 * sense, if a picture is too small or too long and thin for the network, with a size that
 * would do, or if there is too little memory, with the size that would fit.
 *
 * Returns: (transfer full) (nullable): the picture to be painted
 */
KolStyle *
kol_style_new (KolDevice *device, const KolStyleOptions *options, GError **error)
{
  g_return_val_if_fail (device != NULL && options != NULL, NULL);
  g_return_val_if_fail (options->network && options->content, NULL);
  g_return_val_if_fail (options->styles && options->n_styles > 0, NULL);
  g_autoptr (KolStyle) style = g_new0 (KolStyle, 1);

  style->device = kol_device_ref (device);
  style->options = *options;
  style->sizes = g_array_new (FALSE, TRUE, sizeof (KolStyleStage));
  kol_style_fill_gaps (&style->options);
  if (!kol_style_check_options (&style->options, error))
    return NULL;
  style->state.rate = style->options.rate;
  list_sizes (style);
  if (!match_styles (style, error) || !measure_peak (style, error))
    return NULL;
  leave_out_small (style);
  count_steps (style);
  kol_style_close_size (style);
  return g_steal_pointer (&style);
}

/**
 * kol_style_get_peak_bytes:
 * @style: a picture to be painted
 *
 * Returns: the bytes on the device that are in use at the peak
 */
guint64
kol_style_get_peak_bytes (const KolStyle *style)
{
  g_return_val_if_fail (style != NULL, 0);
  return style->largest_peak;
}

/**
 * kol_style_get_tiles:
 * @style: a picture to be painted
 *
 * Where the whole picture does not fit on the device, its features are computed in tiles,
 * with the sums of the whole, so that there are no seams.
 *
 * Returns: how many tiles its largest size is computed in; 1: none
 */
guint
kol_style_get_tiles (const KolStyle *style)
{
  g_return_val_if_fail (style != NULL, 0);
  return style->tiles;
}

/**
 * kol_style_get_width:
 * @style: a picture to be painted
 *
 * Returns: its columns in the end
 */
gsize
kol_style_get_width (const KolStyle *style)
{
  g_return_val_if_fail (style != NULL, 0);
  return kol_style_size_at (style, style->sizes->len - 1)->width;
}

/**
 * kol_style_get_height:
 * @style: a picture to be painted
 *
 * Returns: its rows in the end
 */
gsize
kol_style_get_height (const KolStyle *style)
{
  g_return_val_if_fail (style != NULL, 0);
  return kol_style_size_at (style, style->sizes->len - 1)->height;
}

/**
 * kol_style_estimate:
 * @style: a picture to be painted, before it is run
 * @seconds: (out): how long that may take
 * @error: return location
 *
 * Computes the losses twice at the first size, and reckons from the second time: larger
 * pictures take as much longer as they have more pixels.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_style_estimate (KolStyle *style, double *seconds, GError **error)
{
  g_return_val_if_fail (style != NULL && seconds != NULL, FALSE);
  double total;

  if (!kol_style_open_size (style, 0, error) || !look (style, NULL, error)
      || !write_start (style, 0, error)
      || !kol_style_problem_evaluate (style->problem, NULL, &total, error))
    return FALSE;
  gint64 begin = g_get_monotonic_time ();
  if (!kol_style_problem_evaluate (style->problem, NULL, &total, error))
    return FALSE;
  style->seconds_per_pixel = (double) (g_get_monotonic_time () - begin) * 1e-6
                             / count_pixels (kol_style_size_at (style, 0));
  *seconds = seconds_left (style, 0);
  return TRUE;
}

/* ── Changes while it runs ───────────────────────────────────────────────────────────────────── */

/* What a change may touch; all else stays as it was. */
static KolStyleOptions
merge (const KolStyle *self, const KolStyleOptions *options)
{
  KolStyleOptions merged = *options;
  const KolStyleOptions *old = &self->options;

  merged.network = old->network;
  merged.content = old->content;
  merged.size = old->size;
  merged.smallest = old->smallest;
  merged.steps = old->steps;
  merged.network_units = old->network_units;
  merged.history = old->history;
  merged.start = old->start;
  merged.start_picture = old->start_picture;
  merged.seed = old->seed;
  if (!merged.style_layers && self->layers_of_style)
    {
      merged.style_layers = self->layers_of_style;
      merged.n_style_layers = self->n_layers_of_style;
    }
  if (!merged.content_layers && self->layers_of_content)
    {
      merged.content_layers = self->layers_of_content;
      merged.n_content_layers = 1;
    }
  return merged;
}

/* What L-BFGS remembers is of another sum of losses. */
static void
forget_search (KolStyle *self, const KolStyleOptions *next)
{
  if (!self->lbfgs)
    return;
  g_clear_pointer (&self->lbfgs, kol_lbfgs_free);
  self->moved = TRUE;
  if (next->optimizer != KOL_STYLE_LBFGS)
    return;
  self->state.happening = KOL_STYLE_BEGUN_ANEW;
  g_free (self->event);
  self->event = g_strdup ("What is wanted has changed: L-BFGS begins anew from here");
}

/* Looks at the new styles, and goes on from the picture as it is. */
static gboolean
rebuild (KolStyle *self, const KolStyleOptions *options, GError **error)
{
  KolStyleOptions old = self->options;
  GPtrArray *matched = g_steal_pointer (&self->matched);

  if (self->painting && !leave_size (self, error))
    return FALSE;
  forget_search (self, options);
  kol_style_close_size (self);
  self->options = *options;
  if (match_styles (self, error) && measure_peak (self, error))
    {
      kol_style_close_size (self);
      g_clear_pointer (&matched, g_ptr_array_unref);
      if (uses_lbfgs (self))
        moments_clear (&self->moments);
      return TRUE;
    }
  kol_style_close_size (self);
  self->options = old;
  g_clear_pointer (&self->matched, g_ptr_array_unref);
  self->matched = matched;
  return FALSE;
}

/**
 * kol_style_change:
 * @style: a picture that is being painted, between two calls of kol_style_advance()
 * @options: what is wanted from now on; what it points to must live until the next change
 *   or the end
 * @error: return location
 *
 * Changes what is wanted while it is painted: the styles, their weights, regions and parts,
 * the layers, the measure, the optimizer, all weights, the style scale, the colours and the
 * rate. The network, the content, the sizes, their steps and the start stay as they were,
 * whatever @options says of them. New weights of losses cost nothing; anything else has
 * the styles looked at again.
 *
 * L-BFGS begins anew, and #KolStyleState says so; Adam goes on. An optimizer that takes the place
 * of the other begins from the picture as it is.
 *
 * Errors: as kol_style_new(); all is then as it was before.
 *
 * Returns: %FALSE if it cannot be changed so
 */
gboolean
kol_style_change (KolStyle *style, const KolStyleOptions *options, GError **error)
{
  g_return_val_if_fail (style != NULL && options != NULL, FALSE);
  g_return_val_if_fail (options->styles && options->n_styles > 0, FALSE);
  KolStyleOptions merged = merge (style, options);
  double rate = style->options.rate;

  kol_style_fill_gaps (&merged);
  if (!kol_style_check_options (&merged, error))
    return FALSE;
  if (!kol_style_is_change_of_numbers (&style->options, &merged))
    {
      if (!rebuild (style, &merged, error))
        return FALSE;
    }
  else
    {
      style->options = merged;
      if (style->problem)
        kol_style_problem_weigh (style->problem);
      forget_search (style, &merged);
    }
  if (merged.rate == rate)
    return TRUE;
  style->state.rate = merged.rate;
  if (style->adam)
    kol_style_adam_set_rate (style->adam, merged.rate);
  return TRUE;
}
