/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What painting would take: memory, and time. Found on the worker's thread, told on the main one.
 */

#include "paint-plan.h"

#include <glib/gi18n.h>
#include <math.h>

#include "news-private.h"

static int newest; /* planning: only its time is found; atomic */

typedef struct {
  gatomicrefcount references; /* the probe's, and the task's */
  int number;
  KxWorker *worker;
  KxPaint *paint;
  KxEngine *engine;
  KxPaintPlanned planned;
  KxHolder *object;
  KxPaintPlan plan;
} Planning;

static void
planning_unref (gpointer data)
{
  Planning *planning = data;

  if (!g_atomic_ref_count_dec (&planning->references))
    return;
  kx_paint_unref (planning->paint);
  kx_engine_unref (planning->engine);
  kx_holder_unref (planning->object);
  g_free (planning->plan.fault);
  g_free (planning);
}

static void
deliver_plan (gpointer data)
{
  Planning *planning = data;
  g_autoptr (GObject) object = kx_holder_get (planning->object);

  if (object)
    planning->planned (&planning->plan, object);
}

static void
post_plan (Planning *planning)
{
  Planning *told = g_memdup2 (planning, sizeof *planning);

  g_atomic_ref_count_init (&told->references);
  kx_paint_ref (told->paint);
  kx_engine_ref (told->engine);
  kx_holder_ref (told->object);
  told->plan.fault = g_strdup (planning->plan.fault);
  kx_news_post (deliver_plan, told, planning_unref);
}

/* The smaller sizes that are offered, until one fits. */
static guint
find_fitting (Planning *planning, KolDevice *device, KolStyleOptions *options)
{
  guint i = 0;

  while (kx_paint_nth_size (i) < planning->paint->size)
    i++;
  while (i-- > 0)
    {
      options->size = kx_paint_nth_size (i);
      options->smallest = options->size;
      g_autoptr (KolStyle) style = kol_style_new (device, options, NULL);
      if (style)
        return options->size;
    }
  return 0;
}

/* The engine only estimates which size would fit; this one was tried. Given. */
static char *
name_fitting (const Planning *planning)
{
  g_autofree char *there = g_format_size (planning->plan.budget);

  return g_strdup_printf (_ ("At %u pixels it needs more memory than there is on the device, %s. "
                             "%u pixels fit."),
                          planning->paint->size, there, planning->plan.fits);
}

/* ── Time ────────────────────────────────────────────────────────────────────────────────────── */

/* What is painted to know how long it takes: kernels may be compiled for it, in many turns. */
typedef struct {
  Planning *planning;
  GArray *sources; /* KolStyleSource */
  GArray *layers;  /* KolStyleLayer */
  KolStyle *style;
} Trial;

/* A KxTaskKind's. */
static KxTurn
take_time (gpointer data, double seconds)
{
  Trial *trial = data;
  Planning *planning = trial->planning;
  KxPaintPlan *plan = &planning->plan;
  g_autoptr (GError) error = NULL;

  if (planning->number != g_atomic_int_get (&newest))
    return KX_TURN_DONE;
  kx_engine_set_patient (planning->engine, TRUE);
  kol_style_estimate (trial->style, &plan->seconds, &error);
  kx_engine_set_patient (planning->engine, FALSE);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return KX_TURN_MORE;
  plan->fault = error ? g_strdup (error->message) : NULL;
  post_plan (planning);
  return KX_TURN_DONE;
}

/* A KxTaskKind's. */
static void
end_trial (gpointer data)
{
  Trial *trial = data;

  kol_style_free (trial->style);
  g_array_unref (trial->sources);
  g_array_unref (trial->layers);
  planning_unref (trial->planning);
  g_free (trial);
}

/* @style points to @sources and @layers; all three are taken over. */
static void
find_time (Planning *planning, KolStyle *style, GArray *sources, GArray *layers)
{
  static const KxTaskKind kind = { take_time, end_trial };
  Trial *trial = g_new (Trial, 1);

  g_atomic_ref_count_inc (&planning->references);
  *trial = (Trial){ planning, sources, layers, style };
  kx_task_unref (kx_worker_add (planning->worker, &kind, trial, 1));
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────── */

/* It is laid out at once, and told; then time. */
static void
make_plan (gpointer data)
{
  Planning *planning = data;
  KxPaintPlan *plan = &planning->plan;
  g_autoptr (GArray) sources = g_array_new (FALSE, FALSE, sizeof (KolStyleSource));
  g_autoptr (GArray) layers = g_array_new (FALSE, FALSE, sizeof (KolStyleLayer));
  KolStyleOptions options = kx_paint_make_options (planning->paint, NULL, sources, layers);
  g_autoptr (GError) error = NULL;
  KolDevice *device = kx_engine_open (planning->engine, &error);

  plan->seconds = NAN;
  g_autoptr (KolStyle) style = device ? kol_style_new (device, &options, &error) : NULL;
  plan->budget = device ? kol_device_get_budget (device) : 0;
  if (style)
    {
      plan->bytes = kol_style_get_peak_bytes (style);
      plan->tiles = kol_style_get_tiles (style);
    }
  if (device && !style)
    plan->fits = find_fitting (planning, device, &options);
  plan->fault = plan->fits ? name_fitting (planning) : error ? g_strdup (error->message) : NULL;
  post_plan (planning);
  if (style)
    find_time (planning, g_steal_pointer (&style), g_steal_pointer (&sources),
               g_steal_pointer (&layers));
}

/**
 * kx_paint_plan:
 * @session: a session with a device
 * @paint: what may be painted
 * @planned: called on the main thread while @object lives
 * @object: given to @planned; a newer call for it takes the place of one that waits
 *
 * Finds out what painting would take.
 */
void
kx_paint_plan (KxSession *session, KxPaint *paint, KxPaintPlanned planned, GObject *object)
{
  KxEngine *engine = kx_device_get_engine (kx_session_get_device (session));
  Planning *planning = g_new0 (Planning, 1);

  g_atomic_ref_count_init (&planning->references);
  planning->number = g_atomic_int_add (&newest, 1) + 1;
  planning->paint = kx_paint_ref (paint);
  planning->engine = kx_engine_ref (engine);
  planning->worker = kx_engine_get_worker (engine);
  planning->planned = planned;
  planning->object = kx_holder_new (object);
  kx_worker_probe (kx_engine_get_worker (engine), object, make_plan, planning, planning_unref);
}
