/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Style transfer by optimization: Gatys, Ecker and Bethge, "Image style transfer using
 * convolutional neural networks", 2016. The picture is painted at a small size first,
 * then larger and larger: a stroke is only as large as what the layers see at once.
 */

#include "style.h"

#include <math.h>
#include <string.h>

#include "../device/error-private.h"
#include "../nn/initializers.h"
#include "../nn/lbfgs.h"
#include "../random-private.h"
#include "layers.h"
#include "style-adam-private.h"
#include "style-layers-private.h"
#include "style-pictures-private.h"
#include "style-problem-private.h"

#define DEFAULT_SIZE 512
#define DEFAULT_SMALLEST 128
#define DEFAULT_STEPS 500
#define DEFAULT_RATE 0.02
#define LARGEST_SIZE 16384
#define MOST_SETBACKS 20 /* before it is given up */

/* One of the sizes at which the picture is painted. */
typedef struct {
  guint side;
  gsize width, height;
  guint steps;
} Size;

struct _KolStyle {
  KolDevice *device;
  KolStyleOptions options;                            /* without gaps */
  KolStyleLayer *layers_of_style, *layers_of_content; /* the usual ones, once they were chosen */
  guint n_layers_of_style;
  GPtrArray *matched; /* KolPicture: styles with the content's colours, or NULL */
  GArray *sizes;      /* Size */
  gsize channels;
  guint64 peak, largest_peak; /* of the size that is open, and of the largest */
  guint tiles;                /* of the largest */
  KolStyleState state;
  char *event;

  /* At the size under way: */
  KolLayers *network;
  KolStyleTask task;
  KolStyleWanted *wanted;
  KolStyleProblem *problem;
  KolStyleAdam *adam; /* or: */
  KolLbfgs *lbfgs;
  gboolean looked;
  guint at; /* which size these are of */

  /* The run: */
  KolStudyWatch watch;
  gboolean painting; /* at that size */
  guint next;        /* the size that is painted or comes next; as many as there are: finished */
  guint step;        /* at this size */
  guint setbacks;
  gboolean moved; /* whether L-BFGS goes on */
  double loss;    /* of L-BFGS */

  /* What the last size has left, or NULL: */
  float *pixels;
  guint pixels_at; /* which size they are of */
  KolStyleMoments moments;
  guint moments_at;
  guint done, steps; /* of all sizes */
  gint64 began;
  double seconds_per_pixel; /* of one step */
};

static void
moments_clear (KolStyleMoments *moments)
{
  g_clear_pointer (&moments->first, g_free);
  g_clear_pointer (&moments->second, g_free);
  g_clear_pointer (&moments->average, g_free);
}

/* Closes what is open at one size. */
static void
close_size (KolStyle *self)
{
  g_clear_pointer (&self->adam, kol_style_adam_free);
  g_clear_pointer (&self->lbfgs, kol_lbfgs_free);
  g_clear_pointer (&self->problem, kol_style_problem_free);
  g_clear_pointer (&self->network, kol_layers_free);
  for (guint i = 0; self->wanted && i < self->options.n_styles; i++)
    g_clear_pointer (&self->wanted[i].picture, kol_snapshot_unref);
  g_clear_pointer (&self->wanted, g_free);
  g_clear_pointer (&self->task.content, kol_snapshot_unref);
  self->looked = FALSE;
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
  close_size (style);
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

/* ── Options ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_weight (double weight)
{
  return weight >= 0 && isfinite ((float) weight);
}

static gboolean
check_options (const KolStyleOptions *options, GError **error)
{
  if (options->size > LARGEST_SIZE || options->size < 1)
    return kol_refuse (error, "A size of %u pixels was asked for; 1 to %u are possible",
                       options->size, LARGEST_SIZE);
  if (!is_weight (options->content_weight) || !is_weight (options->style_weight)
      || !is_weight (options->variation_weight))
    return kol_refuse (error,
                       "The weights are %g of the content, %g of the style and %g of the "
                       "variation, but each must be a number of at least 0",
                       options->content_weight, options->style_weight, options->variation_weight);
  if (options->content_weight == 0 && options->style_weight == 0)
    return kol_refuse (error, "Both content and style have the weight 0, so nothing is to be done");
  if (!(options->style_scale > 0 && options->style_scale <= 16))
    return kol_refuse (error, "The style scale is %g, but must be above 0 and up to 16",
                       options->style_scale);
  if (!(options->rate > 0 && isfinite ((float) options->rate)))
    return kol_refuse (error, "The rate is %g, but must be a number above 0", options->rate);
  for (guint i = 0; i < options->n_styles; i++)
    if (!(options->styles[i].weight >= 0 && isfinite (options->styles[i].weight)))
      return kol_refuse (error, "Style %u has the weight %g, but it must be a number of at least 0",
                         i + 1, options->styles[i].weight);
  return TRUE;
}

static double
otherwise (double given, double value)
{
  return isnan (given) ? value : given;
}

/* The weights are those of neural-style, or what looks well with relative losses. */
static void
fill_gaps (KolStyleOptions *options)
{
  gboolean gram = options->measure == KOL_STYLE_GRAM;

  options->content_weight = otherwise (options->content_weight, gram ? 5 : 0.5);
  options->style_weight = otherwise (options->style_weight, gram ? 100 : 1);
  options->variation_weight = otherwise (options->variation_weight, gram ? 0 : 0.5);
  if (!options->size)
    options->size = DEFAULT_SIZE;
  if (!options->smallest)
    options->smallest = DEFAULT_SMALLEST;
  if (options->style_scale == 0)
    options->style_scale = 1;
  if (!options->steps)
    options->steps = DEFAULT_STEPS;
  if (options->rate == 0)
    options->rate = DEFAULT_RATE;
}

/* From the largest down by the root of 2, then the other way round. */
static void
list_sizes (KolStyle *self)
{
  const KolStyleOptions *options = &self->options;

  for (guint i = 0; i == 0 || self->sizes->len == i; i++)
    {
      Size size
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
    g_array_index (self->sizes, Size, 0).steps *= 2;
  for (guint i = 0; i < self->sizes->len; i++)
    self->steps += g_array_index (self->sizes, Size, i).steps;
}

/* ── One size ────────────────────────────────────────────────────────────────────────────────── */

static const Size *
get_size (const KolStyle *self, guint i)
{
  return &g_array_index (self->sizes, Size, i);
}

#define SMALL_STYLE 64 /* pixels to which a tiny style is enlarged all the same */

#define GROWTH 1.1 /* from a size that is too small for the network to the next that is tried */

/* The least side, about, from @side to @most, at which the network can be built upon the picture;
 * 0 if there is none. */
static gsize
find_side (const KolStyle *self, const KolPicture *picture, gsize side, gsize most)
{
  gsize width, height;

  for (;; side = MIN ((gsize) ceil ((double) side * GROWTH), most))
    {
      kol_style_fit (picture, side, &width, &height);
      if (kol_style_problem_fits (self->network, width, height, NULL))
        return side;
      if (side >= most)
        return 0;
    }
}

static gboolean
refuse_style (const KolStyle *self, guint i, const KolPicture *picture, GError **error)
{
  g_autoptr (GError) reason = NULL;

  kol_style_problem_fits (self->network, picture->width, picture->height, &reason);
  return kol_refuse (
      error,
      "Style %u, of %zu x %zu pixels, is too small or too long and thin, so that another "
      "picture, or a part of it, must be taken. %s",
      i + 1, picture->width, picture->height, reason ? reason->message : "");
}

/* The styles are not enlarged beyond what there is of them, but as large as the network must
 * have. */
static gboolean
scale_styles (KolStyle *self, guint side, GError **error)
{
  const KolStyleOptions *options = &self->options;
  gsize wanted = (gsize) MAX (1, lround (side * options->style_scale));

  self->wanted = g_new0 (KolStyleWanted, options->n_styles);
  for (guint i = 0; i < options->n_styles; i++)
    {
      const KolPicture *picture
          = self->matched ? g_ptr_array_index (self->matched, i) : options->styles[i].picture;
      gsize longer = MAX (MAX (picture->width, picture->height), SMALL_STYLE), width, height;

      gsize fitting = find_side (self, picture, MIN (wanted, longer), longer);
      if (!fitting)
        return refuse_style (self, i, picture, error);
      kol_style_fit (picture, fitting, &width, &height);
      self->wanted[i] = (KolStyleWanted){
        .picture = kol_style_scale_picture (picture, self->channels, width, height, error),
        .weight = options->styles[i].weight != 0 ? options->styles[i].weight : 1,
        .region = options->styles[i].region,
      };
      if (!self->wanted[i].picture)
        return FALSE;
    }
  return TRUE;
}

static gboolean
choose_layers (KolStyle *self, GError **error)
{
  gboolean style = !self->options.style_layers, content = !self->options.content_layers;
  KolStyleLayer *styles = NULL, *contents = NULL;

  if (!style && !content)
    return TRUE;
  if (!kol_style_choose_layers (self->network, &self->options, &styles, &contents, error))
    return FALSE;
  if (style)
    {
      self->layers_of_style = styles;
      self->n_layers_of_style = self->options.n_style_layers;
    }
  if (content)
    self->layers_of_content = contents;
  return TRUE;
}

/* Numbers as large as the picture that Adam keeps beside it and its gradient: both moments, average
 * and next picture; and the new one of these that is being made. */
#define KEPT_BESIDE (4 + 1)

#define LEAST_HISTORY 5
#define HISTORY 100

/* What the optimizer keeps; of L-BFGS's history no more than a quarter of the memory, if not asked.
 */
static guint64
count_kept (KolStyle *self, gsize numbers)
{
  guint64 budget = kol_device_get_budget (self->device);
  guint *history = &self->options.history;

  if (self->options.optimizer != KOL_STYLE_LBFGS)
    return (guint64) KEPT_BESIDE * numbers * sizeof (float);
  if (!*history)
    *history = budget ? (guint) CLAMP (budget / 4 / (2 * numbers * sizeof (float)), LEAST_HISTORY,
                                       HISTORY)
                      : HISTORY;
  return kol_lbfgs_bytes ((gint64) numbers, *history);
}

/* Too large even for tiles: what is kept of the whole picture, or the smallest tile. */
static gboolean
refuse_size (const KolStyle *self, const Size *size, guint64 needed, GError **error)
{
  guint64 budget = kol_device_get_budget (self->device);
  g_autofree char *bytes = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *there = g_format_size_full (budget, G_FORMAT_SIZE_IEC_UNITS);

  return kol_refuse (
      error,
      "A picture of %zu x %zu pixels needs %s on the device, and %s are there. About %d "
      "pixels for the longer side would fit",
      size->width, size->height, bytes, there,
      (int) (size->side * sqrt ((double) budget / (double) needed) * 0.95));
}

/* How a size is computed: as fast as can be, with less memory, or in tiles. */
typedef enum {
  WHOLE,
  SPARING,
  TILED,
} Way;

/* Builds the losses in one way; whether that fits. */
static gboolean
try_way (KolStyle *self, Way way, guint64 kept, gboolean *fits, GError **error)
{
  guint64 budget = kol_device_get_budget (self->device);

  self->task.memory = way == WHOLE ? KOL_MEMORY_NORMAL : KOL_MEMORY_LOW;
  self->task.tile_budget = way == TILED ? budget - kept : 0;
  g_clear_pointer (&self->problem, kol_style_problem_free);
  self->problem = kol_style_problem_new (self->network, &self->task, error);
  if (!self->problem || !kol_style_problem_peak_bytes (self->problem, &self->peak, error))
    return FALSE;
  self->peak += kept;
  *fits = !budget || self->peak <= budget;
  return TRUE;
}

/*
 * Where memory is scarce, what the gradients need is computed again rather than kept; where
 * it is scarcer still, the picture is computed in tiles.
 */
static gboolean
build_problem (KolStyle *self, guint at, GError **error)
{
  const Size *size = get_size (self, at);
  gsize numbers = size->width * size->height * self->channels;
  guint64 kept = count_kept (self, numbers), budget = kol_device_get_budget (self->device);
  guint64 whole = kept + 2 * numbers * sizeof (float); /* with x, and its gradient */
  g_autoptr (GError) reason = NULL;
  gboolean fits = FALSE;

  for (Way way = WHOLE; way <= SPARING; way++)
    if (!try_way (self, way, kept, &fits, error))
      return FALSE;
    else if (fits)
      return TRUE;
  guint64 needed = MAX (self->peak, whole);
  if (whole < budget && try_way (self, TILED, whole, &fits, &reason))
    return TRUE;
  g_clear_pointer (&self->problem, kol_style_problem_free);
  return refuse_size (self, size, whole < budget ? needed : 2 * whole, error);
}

/* The reason why a size is impossible, and one that would do, where there is one. Always FALSE. */
static gboolean
refuse_small (const KolStyle *self, const Size *size, const GError *reason, GError **error)
{
  const KolPicture *content = self->options.content;
  gsize side = find_side (self, content, size->side, LARGEST_SIZE);

  if (side)
    return kol_refuse (error, "%s. The content of %zu x %zu pixels needs a size of about %zu",
                       reason->message, content->width, content->height, side);
  return kol_refuse (
      error,
      "%s. No size up to %d would do for the content of %zu x %zu pixels; if it is too "
      "long and thin, take a part of it",
      reason->message, LARGEST_SIZE, content->width, content->height);
}

/* Opens the network and builds the losses at a size. */
static gboolean
open_size (KolStyle *self, guint at, GError **error)
{
  const Size *size = get_size (self, at);
  g_autoptr (GError) reason = NULL;

  if (self->problem && self->at == at)
    return TRUE;
  close_size (self);
  self->at = at;
  self->network = kol_layers_open (self->device, self->options.network, 0, error);
  if (!self->network)
    return FALSE;
  self->channels = kol_layers_get_picture (self->network)->channels;
  if (!choose_layers (self, error))
    return FALSE;
  if (!kol_style_problem_fits (self->network, size->width, size->height, &reason))
    return refuse_small (self, size, reason, error);
  self->task.options = &self->options;
  self->task.content = kol_style_scale_picture (self->options.content, self->channels, size->width,
                                                size->height, error);
  if (!self->task.content || !scale_styles (self, size->side, error))
    return FALSE;
  self->task.styles = self->wanted;
  self->task.n_styles = self->options.n_styles;
  return build_problem (self, at, error);
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
  const Size *size = get_size (self, 0);
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
  const Size *from = get_size (self, at - 1), *to = get_size (self, at);
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
  gsize n = self->channels * get_size (self, at)->width * get_size (self, at)->height;
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
  gsize n = self->channels * get_size (self, at)->width * get_size (self, at)->height;
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
  const Size *size = get_size (self, self->at);
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
  const Size *size = get_size (self, self->pixels_at);
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

static double
area (const Size *size)
{
  return (double) size->width * (double) size->height;
}

/* At the pace of a step so far, by pixels. */
static double
seconds_left (const KolStyle *self, guint step)
{
  guint steps = get_size (self, self->at)->steps;
  double pixels = area (get_size (self, self->at)) * (steps - MIN (step, steps));

  for (guint i = self->at + 1; i < self->sizes->len; i++)
    pixels += area (get_size (self, i)) * get_size (self, i)->steps;
  return self->seconds_per_pixel > 0 ? pixels * self->seconds_per_pixel : NAN;
}

/* The pace follows the steps slowly, and not the first one of a size, which compiles. */
static void
note_pace (KolStyle *self, double seconds, guint step)
{
  double pace = seconds / area (get_size (self, self->at));

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
                           .steps = self->steps,
                           .value = total,
                           .seconds = (double) (g_get_monotonic_time () - self->began) * 1e-6,
                           .seconds_left = seconds_left (self, self->step),
                           .snapshots = snapshot ? &snapshot : NULL,
                           .n_snapshots = snapshot != NULL },
      watch->user_data);
  self->state.event = NULL;
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
  const Size *size = get_size (self, at);

  if (!open_size (self, at, error))
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
  if (self->step < get_size (self, self->at)->steps && self->moved)
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
 * and again.
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
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED))
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
      && (!open_size (style, 0, error) || !(style->pixels = make_start (style, error))))
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
  if (!open_size (self, self->sizes->len - 1, error))
    return FALSE;
  self->tiles = kol_style_problem_get_tiles (self->problem);
  self->largest_peak = self->peak;
  return TRUE;
}

/* A picture that is long and thin begins larger than others: where the network can be built. */
static void
leave_out_small (KolStyle *self)
{
  const Size *first = get_size (self, 0);

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
          = kol_style_match_colours (self->options.styles[i].picture, self->options.content, error);
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
  style->sizes = g_array_new (FALSE, TRUE, sizeof (Size));
  fill_gaps (&style->options);
  if (!check_options (&style->options, error))
    return NULL;
  style->state.rate = style->options.rate;
  list_sizes (style);
  if (!match_styles (style, error) || !measure_peak (style, error))
    return NULL;
  leave_out_small (style);
  count_steps (style);
  close_size (style);
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
  return get_size (style, style->sizes->len - 1)->width;
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
  return get_size (style, style->sizes->len - 1)->height;
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

  if (!open_size (style, 0, error) || !look (style, NULL, error) || !write_start (style, 0, error)
      || !kol_style_problem_evaluate (style->problem, NULL, &total, error))
    return FALSE;
  gint64 begin = g_get_monotonic_time ();
  if (!kol_style_problem_evaluate (style->problem, NULL, &total, error))
    return FALSE;
  style->seconds_per_pixel
      = (double) (g_get_monotonic_time () - begin) * 1e-6 / area (get_size (style, 0));
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

static gboolean
are_layers_same (const KolStyleLayer *a, guint n_a, const KolStyleLayer *b, guint n_b)
{
  if (n_a != n_b || !a || !b)
    return FALSE;
  for (guint i = 0; i < n_a; i++)
    if (!g_str_equal (a[i].name, b[i].name))
      return FALSE;
  return TRUE;
}

static gboolean
are_sources_same (const KolStyleOptions *a, const KolStyleOptions *b)
{
  if (a->n_styles != b->n_styles)
    return FALSE;
  for (guint i = 0; i < a->n_styles; i++)
    if (a->styles[i].picture != b->styles[i].picture || a->styles[i].region != b->styles[i].region
        || a->styles[i].weight != b->styles[i].weight)
      return FALSE;
  return TRUE;
}

/* Whether nothing but weights of losses and the rate differ, and no loss comes or goes. */
static gboolean
is_change_of_numbers (const KolStyleOptions *a, const KolStyleOptions *b)
{
  return are_sources_same (a, b) && a->measure == b->measure && a->optimizer == b->optimizer
         && a->colours == b->colours && a->style_scale == b->style_scale
         && (a->content_weight != 0) == (b->content_weight != 0)
         && (a->variation_weight != 0) == (b->variation_weight != 0)
         && are_layers_same (a->style_layers, a->n_style_layers, b->style_layers, b->n_style_layers)
         && are_layers_same (a->content_layers, a->n_content_layers, b->content_layers,
                             b->n_content_layers);
}

/* What L-BFGS remembers is of another sum of losses. */
static void
forget_search (KolStyle *self)
{
  if (!uses_lbfgs (self) || !self->lbfgs)
    return;
  g_clear_pointer (&self->lbfgs, kol_lbfgs_free);
  self->moved = TRUE;
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
  forget_search (self);
  close_size (self);
  self->options = *options;
  if (match_styles (self, error) && measure_peak (self, error))
    {
      close_size (self);
      g_clear_pointer (&matched, g_ptr_array_unref);
      if (uses_lbfgs (self))
        moments_clear (&self->moments);
      return TRUE;
    }
  close_size (self);
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
 * Changes what is wanted while it is painted: the styles, their weights and regions, the
 * layers, the measure, the optimizer, all weights, the style scale, the colours and the
 * rate. The network, the content, the sizes, their steps and the start stay as they were,
 * whatever @options says of them. New weights of losses cost nothing; anything else has
 * the styles looked at again.
 *
 * L-BFGS begins anew, and #KolStyleState says so; Adam goes on.
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

  fill_gaps (&merged);
  if (!check_options (&merged, error))
    return FALSE;
  if (!is_change_of_numbers (&style->options, &merged))
    {
      if (!rebuild (style, &merged, error))
        return FALSE;
    }
  else
    {
      style->options = merged;
      if (style->problem)
        kol_style_problem_weigh (style->problem);
      forget_search (style);
    }
  if (merged.rate == rate)
    return TRUE;
  style->state.rate = merged.rate;
  if (style->adam)
    kol_style_adam_set_rate (style->adam, merged.rate);
  return TRUE;
}
