/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Training of a network that paints: what it makes of a photo is compared with the photo
 * and the style by the features of another network, which does not learn.
 */

#include "fast-style.h"

#include <math.h>
#include <string.h>

#include "../dataset/dataset.h"
#include "../device/error-private.h"
#include "../graph/graph-private.h"
#include "../model/safetensors.h"
#include "../model/onnx-write.h"
#include "../nn/optimizers.h"
#include "../nn/schedules.h"
#include "../ops.h"
#include "../random-private.h"
#include "fast-style-compare-private.h"
#include "fast-style-losses-private.h"
#include "fast-style-network-private.h"
#include "layers.h"
#include "style-layers-private.h"

#define SIZE 256
#define BATCH 4
#define WIDTH 32
#define STEPS 2000
#define RATE 1e-3
#define WARMUP 50      /* steps, or a tenth of them, in which the rate rises */
#define LAST_RATE 0.01 /* the last rate as a share of the highest */
#define MOST_SETBACKS 10
#define MOST_UNREADABLE 20 /* pictures one after another */

/* The batch of a step, read on a thread of its own while the step before is computed. */
typedef struct {
  const KolFastStyle *self;
  guint step;
  float *pixels;
  const char *unreadable; /* the photo with which it was given up */
} Loading;

struct _KolFastStyle {
  KolFastStyleOptions options;
  KolStyleOptions layers; /* its layers alone */
  KolStyleLayer *layers_of_style, *layers_of_content;
  GPtrArray *learned, *held; /* the photos' files, lent */
  KolLayers *network;
  KolGraph *graph;
  KolValue *photos; /* placeholder [N, 3, size, size] */
  KolValue *painted, *update;
  KolFastStyleLosses *losses;
  KolFastStyleSlow *slow; /* when it is first compared, or NULL */
  guint64 peak;
  guint step;
  double slowed; /* what the rate is multiplied by, after setbacks */
  guint setbacks;
  gint64 paced; /* when the first step of this run was done */
  char *event, *told_event;
  GThread *thread; /* that reads the next batch, or NULL */
  Loading loading; /* what it works at */
};

static void
stop_loading (KolFastStyle *self)
{
  if (self->thread)
    g_thread_join (g_steal_pointer (&self->thread));
  g_clear_pointer (&self->loading.pixels, g_free);
}

/**
 * kol_fast_style_free:
 * @fast: (transfer full) (nullable): a network that learns to paint
 */
void
kol_fast_style_free (KolFastStyle *fast)
{
  if (!fast)
    return;
  stop_loading (fast);
  g_clear_pointer (&fast->slow, kol_fast_style_slow_free);
  g_clear_pointer (&fast->losses, kol_fast_style_losses_free);
  g_clear_pointer (&fast->graph, kol_graph_free);
  g_clear_pointer (&fast->network, kol_layers_free);
  g_clear_pointer (&fast->learned, g_ptr_array_unref);
  g_clear_pointer (&fast->held, g_ptr_array_unref);
  g_free (fast->layers_of_style);
  g_free (fast->layers_of_content);
  g_free (fast->event);
  g_free (fast->told_event);
  g_free (fast);
}

/* ── Options ─────────────────────────────────────────────────────────────────────────────────── */

static guint
or_else (guint given, guint usual)
{
  return given ? given : usual;
}

static double
weight_or_else (double given, double usual)
{
  return isnan (given) ? usual : given;
}

static gboolean
fill_gaps (KolFastStyle *self, GError **error)
{
  KolFastStyleOptions *options = &self->options;
  gsize fixed = kol_layers_get_batch (self->network);

  options->size = or_else (options->size, SIZE);
  options->style_size = or_else (options->style_size, options->size);
  options->batch = or_else (options->batch, fixed ? (guint) fixed : BATCH);
  options->width = or_else (options->width, WIDTH);
  options->steps = or_else (options->steps, STEPS);
  options->rate = options->rate != 0 ? options->rate : RATE;
  options->content_weight = weight_or_else (options->content_weight, 10);
  options->style_weight = weight_or_else (options->style_weight, 5);
  options->variation_weight = weight_or_else (options->variation_weight, 1);
  self->slowed = 1;
  if (options->size % KOL_FAST_STYLE_MULTIPLE || options->size < 32)
    return kol_refuse (error,
                       "The size is %u pixels, but it must be a multiple of %d, and at least 32",
                       options->size, KOL_FAST_STYLE_MULTIPLE);
  if (options->n_photos <= options->held_out)
    return kol_refuse (error,
                       "There are %u photos, of which %u are held out, so none are left to learn "
                       "from",
                       options->n_photos, options->held_out);
  if (options->content_weight < 0 || options->style_weight < 0 || options->variation_weight < 0
      || !(options->rate > 0))
    return kol_refuse (error, "Weights must be at least 0, and the rate above 0");
  if (kol_layers_get_picture (self->network)->channels != 3)
    return kol_refuse (error,
                       "The network %s takes grey pictures; one that takes coloured ones is needed",
                       kol_layers_get_name (self->network));
  return TRUE;
}

/* Those that are held out lie evenly in the list, which may be sorted by what they show. */
static void
part_photos (KolFastStyle *self)
{
  const KolFastStyleOptions *options = &self->options;
  guint64 n = options->n_photos;

  self->learned = g_ptr_array_new ();
  self->held = g_ptr_array_new ();
  for (guint64 i = 0; i < n; i++)
    {
      gboolean held = (i + 1) * options->held_out / n > i * options->held_out / n;
      g_ptr_array_add (held ? self->held : self->learned, (gpointer) options->photos[i]);
    }
}

static gboolean
choose_layers (KolFastStyle *self, GError **error)
{
  self->layers = (KolStyleOptions){ .style_layers = self->options.style_layers,
                                    .n_style_layers = self->options.n_style_layers,
                                    .content_layers = self->options.content_layers,
                                    .n_content_layers = self->options.n_content_layers };
  return (self->layers.style_layers && self->layers.content_layers)
         || kol_style_choose_layers (self->network, &self->layers, &self->layers_of_style,
                                     &self->layers_of_content, error);
}

/* ── The graph ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
check (const KolGraph *graph, GError **error)
{
  const GError *mistake = kol_graph_get_error (graph);

  if (!mistake)
    return TRUE;
  g_propagate_error (error, g_error_copy (mistake));
  return FALSE;
}

static KolFastStyleTask
describe (const KolFastStyle *self)
{
  return (KolFastStyleTask){ self->network, &self->options, &self->layers };
}

static gboolean
build (KolFastStyle *self, GError **error)
{
  const KolFastStyleOptions *options = &self->options;
  KolFastStyleTask task = describe (self);

  self->graph = kol_graph_new_over (kol_layers_get_parameters (self->network));
  self->photos = kol_placeholder (self->graph, "study/photos",
                                  KOL_SHAPE (options->batch, 3, options->size, options->size));
  self->painted = kol_fast_style_build (self->photos, options->width);
  self->losses = kol_fast_style_losses_new (&task, self->painted, error);
  if (!self->losses)
    return FALSE;
  self->update
      = kol_adam (kol_fast_style_losses_get_total (self->losses), &(KolAdam){ .rate = RATE });
  return check (self->graph, error);
}

/* The first weights are those of the seed. */
static gboolean
fill_weights (KolFastStyle *self, GError **error)
{
  KolParameters *parameters = kol_layers_get_parameters (self->network);

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      const KolInitializer *first = &parameter->initializer;
      g_autofree float *values = NULL;

      if (!g_str_has_prefix (parameter->name, KOL_FAST_STYLE_PREFIX))
        continue;
      values = g_new (float, kol_shape_count (&parameter->shape));
      first->fill (first, &parameter->shape, kol_random_key (self->options.seed, parameter->name),
                   values);
      if (!kol_parameter_write (parameter, values, error))
        return FALSE;
    }
  return TRUE;
}

/* ── Photos ──────────────────────────────────────────────────────────────────────────────────── */

/* A square out of a photo, where @chance says, as numbers. */
static gboolean
load_square (const char *path, guint size, guint32 chance, float *pixels)
{
  g_autoptr (KolPicture) photo = kol_picture_load (path, NULL);

  if (!photo)
    return FALSE;
  double scale = (double) size / (double) MIN (photo->width, photo->height);
  gsize width = MAX (size, (gsize) lround ((double) photo->width * scale));
  gsize height = MAX (size, (gsize) lround ((double) photo->height * scale));
  KolPictureBox part = { .left = chance % (width - size + 1),
                         .top = chance % (height - size + 1),
                         .width = size,
                         .height = size };
  g_autoptr (KolPicture) square = kol_picture_resize (photo, width, height, KOL_BILINEAR, &part);
  g_autoptr (KolPicture) coloured = square ? kol_picture_convert (square, 3) : NULL;
  gsize n = (gsize) 3 * size * size;

  for (gsize i = 0; coloured && i < n; i++)
    pixels[i] = (float) coloured->pixels[i] / 255;
  return coloured != NULL;
}

static gpointer
load_batch (gpointer data)
{
  Loading *loading = data;
  const KolFastStyleOptions *options = &loading->self->options;
  gsize each = (gsize) 3 * options->size * options->size;
  const GPtrArray *photos = loading->self->learned;
  guint tried = 0;

  for (guint i = 0; i < options->batch; tried++)
    {
      KolPhilox chance = kol_philox (options->seed, loading->step, i + ((guint64) tried << 32));
      const char *photo = g_ptr_array_index (photos, chance.v[0] % photos->len);

      if (load_square (photo, options->size, chance.v[1], loading->pixels + i * each))
        i++;
      else if (tried > MOST_UNREADABLE + options->batch)
        {
          loading->unreadable = photo;
          break;
        }
    }
  return NULL;
}

static void
start_loading (KolFastStyle *self, guint step)
{
  gsize n = (gsize) self->options.batch * 3 * self->options.size * self->options.size;

  self->loading = (Loading){ .self = self, .step = step, .pixels = g_new (float, n) };
  self->thread = g_thread_new ("photos", load_batch, &self->loading);
}

/* The batch of the step under way; the next one is begun. */
static Loading
take_batch (KolFastStyle *self)
{
  if (!self->thread || self->loading.step != self->step)
    {
      stop_loading (self);
      start_loading (self, self->step);
    }
  g_thread_join (g_steal_pointer (&self->thread));
  Loading ready = self->loading;
  start_loading (self, self->step + 1);
  return ready;
}

/* ── Steps ───────────────────────────────────────────────────────────────────────────────────── */

/* Rises at first, when the losses are steep, and then falls along half a wave. */
static double
find_rate (const KolFastStyle *self)
{
  const KolSchedule schedule
      = { .name = "cosine", .warmup = MIN (WARMUP, self->options.steps / 10), .final = LAST_RATE };

  return self->slowed
         * kol_schedule_rate (&schedule, self->options.rate, self->step, self->options.steps);
}

/* What is no number leaves the weights as they were, and halves the rate. */
static gboolean
set_back (KolFastStyle *self, GError *reason, GError **error)
{
  if (!g_error_matches (reason, KOL_ERROR, KOL_ERROR_DIVERGED) || ++self->setbacks > MOST_SETBACKS)
    {
      g_propagate_error (error, reason);
      return FALSE;
    }
  self->slowed /= 2;
  g_free (self->event);
  self->event = g_strdup_printf ("%s; it goes on from there with half the rate, %g",
                                 reason->message, find_rate (self));
  g_error_free (reason);
  return TRUE;
}

/* Whose content is wanted, and what is painted. */
static gboolean
show_photos (KolFastStyle *self, const float *pixels, GError **error)
{
  kol_set (self->photos, pixels);
  return kol_fast_style_losses_want_photos (self->losses, pixels, error);
}

static gboolean
take_step (KolFastStyle *self, const float *pixels, double *total, GError **error)
{
  KolValue *targets[2] = { kol_fast_style_losses_get_target (self->losses), self->update };
  GError *reason = NULL;

  if (!show_photos (self, pixels, error))
    return FALSE;
  kol_set_scalar (kol_optimizer_get_rate (self->update), (float) find_rate (self));
  if (!kol_run_all (self->graph, targets, 2, &reason)
      || !kol_fast_style_losses_read (self->losses, total, &reason))
    {
      *total = NAN;
      return set_back (self, reason, error);
    }
  return TRUE;
}

/* What it makes of the first photo of the batch. Given. */
static KolSnapshot *
make_sample (KolFastStyle *self, GError **error)
{
  gsize n = (gsize) kol_count (self->painted), each = n / self->options.batch;
  g_autofree float *pixels = g_new (float, n);

  if (!kol_run (self->graph, self->painted, error) || !kol_read (self->painted, pixels, error))
    return NULL;
  for (gsize i = 0; i < each; i++)
    pixels[i] = CLAMP (pixels[i], 0, 1);
  return kol_snapshot_new (pixels, 3, self->options.size, self->options.size);
}

static gboolean
tell (KolFastStyle *self, const KolStudyWatch *watch, gint64 began, guint first, double total,
      GError **error)
{
  gint64 now = g_get_monotonic_time ();
  guint done = self->step - first;
  g_autoptr (KolSnapshot) sample = NULL;

  if (done == 1) /* the first one compiles, which tells nothing of the others */
    self->paced = now;
  if (!watch->told)
    return TRUE;
  if (watch->every && self->step % watch->every == 0 && !(sample = make_sample (self, error)))
    return FALSE;
  watch->told (&(KolStudyProgress){ .step = self->step,
                                    .steps = self->options.steps,
                                    .value = total,
                                    .seconds = (double) (now - began) * 1e-6,
                                    .seconds_left
                                    = done > 1 ? (double) (now - self->paced) * 1e-6 / (done - 1)
                                                     * (self->options.steps - self->step)
                                               : NAN,
                                    .snapshots = sample ? &sample : NULL,
                                    .n_snapshots = sample != NULL },
               watch->user_data);
  return TRUE;
}

/**
 * kol_fast_style_run:
 * @fast: a network that learns to paint
 * @until: the step to end with; 0: the last one
 * @watch: (nullable): who is told, and may end it; a snapshot is what the network makes of
 *   a photo of the batch
 * @error: return location
 *
 * Trains. A cancelled run is no error: it ends after a step. Called again, it goes on, so
 * that one step a call is as good as all at once; the photos of the next step are read
 * meanwhile. If a loss or gradient is no number, the weights stay
 * as they were before that step, and the rate is halved; kol_fast_style_take_event() says so.
 *
 * Errors: those of the device; %G_IO_ERROR_CANCELLED where what is prepared makes a pause
 * (kol_device_set_pause()), after which the next call goes on; %KOL_ERROR_DATA if photos cannot be
 * read; %KOL_ERROR_DIVERGED if numbers are none again and again.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_fast_style_run (KolFastStyle *fast, guint until, const KolStudyWatch *watch, GError **error)
{
  g_return_val_if_fail (fast != NULL, FALSE);
  const KolStudyWatch nobody = { 0 };
  guint first = fast->step, last = until ? MIN (until, fast->options.steps) : fast->options.steps;
  gint64 began = g_get_monotonic_time ();
  gboolean good = TRUE;

  watch = watch ? watch : &nobody;
  /* What samples take is prepared before a step is: no step is left untold. */
  if (watch->told && watch->every && !kol_prepare (fast->graph, &fast->painted, 1, error))
    return FALSE;
  while (good && fast->step < last && !g_cancellable_is_cancelled (watch->cancellable))
    {
      double total = NAN;

      Loading ready = take_batch (fast);
      good = ready.unreadable
                 ? kol_refuse (error, "%d photos one after another cannot be read, such as “%s”",
                               MOST_UNREADABLE, ready.unreadable)
                 : take_step (fast, ready.pixels, &total, error);
      g_free (ready.pixels);
      fast->step += good;
      good = good && tell (fast, watch, began, first, total, error);
    }
  return good;
}

/**
 * kol_fast_style_validate:
 * @fast: a network that learns to paint
 * @loss: (out): the mean sum of losses over the photos that are held out; NaN if none are
 * @error: return location
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_fast_style_validate (KolFastStyle *fast, double *loss, GError **error)
{
  g_return_val_if_fail (fast != NULL && loss != NULL, FALSE);
  const KolFastStyleOptions *options = &fast->options;
  gsize each = (gsize) 3 * options->size * options->size;
  g_autofree float *pixels = g_new (float, options->batch *each);
  const GPtrArray *held = fast->held;
  guint n = 0, filled = 0, tried = 0;
  double sum = 0;

  /* The last batch is filled up with the first photos once more. */
  for (guint i = 0; i < held->len || (filled && tried < 2 * options->batch); i++)
    {
      double total;

      tried += i >= held->len;
      filled += load_square (g_ptr_array_index (held, i % held->len), options->size, 0,
                             pixels + filled * each);
      if (filled < options->batch)
        continue;
      filled = 0;
      if (!show_photos (fast, pixels, error)
          || !kol_run (fast->graph, kol_fast_style_losses_get_target (fast->losses), error)
          || !kol_fast_style_losses_read (fast->losses, &total, error))
        return FALSE;
      sum += total;
      n++;
    }
  *loss = n ? sum / n : NAN;
  return TRUE;
}

/**
 * kol_fast_style_get_n_held_out:
 * @fast: a network that learns to paint
 *
 * Returns: how many photos are held out
 */
guint
kol_fast_style_get_n_held_out (const KolFastStyle *fast)
{
  g_return_val_if_fail (fast != NULL, 0);
  return fast->held->len;
}

/**
 * kol_fast_style_get_held_out:
 * @fast: a network that learns to paint
 * @i: which, from 0
 *
 * Returns: (transfer none): the file of a photo that is held out
 */
const char *
kol_fast_style_get_held_out (const KolFastStyle *fast, guint i)
{
  g_return_val_if_fail (fast != NULL && i < fast->held->len, NULL);
  return g_ptr_array_index (fast->held, i);
}

/**
 * kol_fast_style_compare:
 * @fast: a network that learns to paint
 * @path: a photo, of which a square is taken
 * @iterations: of L-BFGS
 * @cancellable: (nullable): ends it after the iteration under way
 * @error: return location
 *
 * Paints a photo with the network as it is, and by changing the photo itself until the same
 * losses are small.
 *
 * Errors: %G_IO_ERROR_CANCELLED; %KOL_ERROR_DATA if the photo cannot be read; those of the
 * device.
 *
 * Returns: (transfer full) (nullable): both, and how good they are
 */
KolFastStyleComparison *
kol_fast_style_compare (KolFastStyle *fast, const char *path, guint iterations,
                        GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (fast != NULL && path != NULL, NULL);
  gsize size = fast->options.size;
  g_autofree float *pixels = g_new (float, 3 * size * size);
  KolFastStyleTask task = describe (fast);

  if (!load_square (path, fast->options.size, 0, pixels))
    {
      kol_refuse (error, "The photo “%s” cannot be read", path);
      return NULL;
    }
  if (!fast->slow && !(fast->slow = kol_fast_style_slow_new (&task, error)))
    return NULL;
  return kol_fast_style_slow_compare (fast->slow, pixels, iterations, cancellable, error);
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

/* The weights, and what Adam keeps. */
static gboolean
is_kept (const KolParameter *parameter)
{
  const char *name = kol_parameter_get_name (parameter);

  return g_str_has_prefix (name, KOL_FAST_STYLE_PREFIX) || g_str_has_prefix (name, "adam/");
}

static KolArray *
copy_parameter (KolParameter *parameter, GError **error)
{
  const KolShape *shape = kol_parameter_get_shape (parameter);
  KolArray *array
      = kol_array_new (kol_parameter_get_name (parameter), (guint) shape->rank, shape->dim);

  if (!array)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY, "There is no memory for a copy of %s",
                   kol_parameter_get_name (parameter));
      return NULL;
    }
  if (kol_parameter_read (parameter, array->data, error))
    return array;
  kol_array_free (array);
  return NULL;
}

/**
 * kol_fast_style_save:
 * @fast: a network that learns to paint
 * @path: a file, `.safetensors`
 * @error: return location
 *
 * Writes the weights, and what training needs to go on from here. kol_painter_open() takes
 * such a file, too.
 *
 * Returns: %FALSE if it cannot be written; an older file is then as it was
 */
gboolean
kol_fast_style_save (KolFastStyle *fast, const char *path, GError **error)
{
  g_return_val_if_fail (fast != NULL && path != NULL, FALSE);
  KolParameters *parameters = kol_layers_get_parameters (fast->network);
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
  g_autoptr (GHashTable) metadata = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  char slowed[G_ASCII_DTOSTR_BUF_SIZE];

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      KolArray *array = is_kept (parameter) ? copy_parameter (parameter, error) : NULL;

      if (is_kept (parameter) && !array)
        return FALSE;
      if (array)
        g_ptr_array_add (arrays, array);
    }
  g_hash_table_insert (metadata, "kind", g_strdup (KOL_FAST_STYLE_KIND));
  g_hash_table_insert (metadata, "width", g_strdup_printf ("%u", fast->options.width));
  g_hash_table_insert (metadata, "step", g_strdup_printf ("%u", fast->step));
  g_hash_table_insert (metadata, "slowed",
                       g_strdup (g_ascii_dtostr (slowed, sizeof slowed, fast->slowed)));
  return kol_safetensors_save (path, arrays, metadata, error);
}

/**
 * kol_fast_style_resume:
 * @fast: a network that learns to paint, before its first step
 * @path: what kol_fast_style_save() has written
 * @error: return location
 *
 * Goes on from a file: weights, moments and the step are what they were.
 *
 * Errors: %KOL_ERROR_DATA if the file is not of a network like this one.
 *
 * Returns: %FALSE if it cannot be taken; the network is then not to be used
 */
gboolean
kol_fast_style_resume (KolFastStyle *fast, const char *path, GError **error)
{
  g_return_val_if_fail (fast != NULL && path != NULL, FALSE);
  KolParameters *parameters = kol_layers_get_parameters (fast->network);
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, &metadata, error);
  guint taken = 0, kept = 0;

  if (!arrays)
    return FALSE;
  const char *step = metadata ? g_hash_table_lookup (metadata, "step") : NULL;
  const char *slowed = step ? g_hash_table_lookup (metadata, "slowed") : NULL;
  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    kept += is_kept (kol_parameters_get (parameters, i));
  for (guint i = 0; i < arrays->len; i++)
    {
      const KolArray *array = g_ptr_array_index (arrays, i);
      KolParameter *parameter = kol_parameters_find (parameters, array->name);

      if (!parameter || !is_kept (parameter)
          || kol_shape_count (kol_parameter_get_shape (parameter)) != (gint64) array->count)
        continue;
      if (!kol_parameter_write (parameter, array->data, error))
        return FALSE;
      taken++;
    }
  if (taken != kept || !step)
    return kol_refuse (error, "“%s” is not of a network like this one: %u of its %u arrays fit",
                       path, taken, kept);
  fast->step = (guint) g_ascii_strtoull (step, NULL, 10);
  double factor = slowed ? g_ascii_strtod (slowed, NULL) : 1;
  fast->slowed = factor > 0 && factor <= 1 ? factor : 1;
  kol_graph_set_step (fast->graph, fast->step);
  return TRUE;
}

/**
 * kol_fast_style_export:
 * @fast: a network that learns to paint
 * @path: a file, `.onnx`
 * @error: return location
 *
 * Writes the network as it is for other programs: "photos" [N, 3, H, W] of any size, 0..1,
 * become "painted" ones, 0..1, whose sides are multiples of 4.
 *
 * Returns: %FALSE if it cannot be written
 */
gboolean
kol_fast_style_export (KolFastStyle *fast, const char *path, GError **error)
{
  g_return_val_if_fail (fast != NULL && path != NULL, FALSE);
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (fast->network));
  gint64 size = fast->options.size;
  KolValue *photos = kol_placeholder (graph, "photos", KOL_SHAPE (1, 3, size, size));
  KolValue *painted
      = kol_named (kol_clip (kol_fast_style_build (photos, fast->options.width), 0, 1), "painted");

  return check (graph, error) && kol_onnx_save_any_size (path, &painted, 1, error);
}

/* ── What it is ──────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_fast_style_new:
 * @device: where it is computed
 * @options: what is to be learned; what it points to must outlive the result
 * @error: return location
 *
 * Prepares the training of a network that paints, and looks at the style.
 *
 * Errors: %KOL_ERROR_DATA if there is no such network or layer, or numbers make no sense.
 *
 * Returns: (transfer full) (nullable): the network
 */
KolFastStyle *
kol_fast_style_new (KolDevice *device, const KolFastStyleOptions *options, GError **error)
{
  g_return_val_if_fail (device != NULL && options != NULL, NULL);
  g_return_val_if_fail (options->network && options->style && options->photos, NULL);
  g_autoptr (KolFastStyle) self = g_new0 (KolFastStyle, 1);

  self->options = *options;
  self->network = kol_layers_open (device, options->network, 0, error);
  if (!self->network || !fill_gaps (self, error) || !choose_layers (self, error)
      || !build (self, error) || !fill_weights (self, error))
    return NULL;
  part_photos (self);
  KolValue *targets[2] = { kol_fast_style_losses_get_target (self->losses), self->update };
  if (!kol_peak_bytes (self->graph, targets, 2, &self->peak, error)
      || !kol_fast_style_losses_want_style (self->losses, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * kol_fast_style_get_peak_bytes:
 * @fast: a network that learns to paint
 *
 * Returns: the bytes on the device that a step takes
 */
guint64
kol_fast_style_get_peak_bytes (const KolFastStyle *fast)
{
  g_return_val_if_fail (fast != NULL, 0);
  return fast->peak;
}

/**
 * kol_fast_style_get_step:
 * @fast: a network that learns to paint
 *
 * Returns: how many steps it has learned for
 */
guint
kol_fast_style_get_step (const KolFastStyle *fast)
{
  g_return_val_if_fail (fast != NULL, 0);
  return fast->step;
}

/**
 * kol_fast_style_get_steps:
 * @fast: a network that learns to paint
 *
 * Returns: how many steps there are
 */
guint
kol_fast_style_get_steps (const KolFastStyle *fast)
{
  g_return_val_if_fail (fast != NULL, 0);
  return fast->options.steps;
}

/**
 * kol_fast_style_get_terms:
 * @fast: a network that learns to paint
 * @n: (out): how many
 *
 * Returns: (transfer none) (array length=n): the losses, as they were last
 */
const KolStyleTerm *
kol_fast_style_get_terms (const KolFastStyle *fast, guint *n)
{
  g_return_val_if_fail (fast != NULL && n != NULL, NULL);
  return kol_fast_style_losses_get_terms (fast->losses, n);
}

/**
 * kol_fast_style_take_event:
 * @fast: a network that learns to paint
 *
 * Returns: (transfer none) (nullable): what has happened since it was asked last, a
 *   sentence, until it is asked again
 */
const char *
kol_fast_style_take_event (KolFastStyle *fast)
{
  g_return_val_if_fail (fast != NULL, NULL);
  g_free (fast->told_event);
  fast->told_event = g_steal_pointer (&fast->event);
  return fast->told_event;
}
