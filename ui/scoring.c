/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How well a network tells its run's test examples apart, with units changed and without. The graph
 * that is built before the first change stays as it is; another one has the changes in it.
 */

#include "scoring.h"

#include <string.h>

#include "news-private.h"

#define RANK 1
#define MOST_EXAMPLES 2000
#define BATCH 100

/* One of the two networks. */
typedef struct {
  KolEvaluator *evaluator;
  gsize done, right;
  guint *confusion;
} Side;

/* The worker's side. */
typedef struct {
  gatomicrefcount references;
  KxScoresFunc func;
  GWeakRef owner; /* the main thread's alone */
  char *run;      /* its folder */

  KolDataset *data;
  Side before, now;
  gboolean changed; /* whether `now` is asked for */
} Work;

struct _KxScoring {
  KxNetwork *network;
  Work *work;
};

static Work *
work_ref (Work *work)
{
  g_atomic_ref_count_inc (&work->references);
  return work;
}

static void
work_unref (gpointer data)
{
  Work *work = data;

  if (!g_atomic_ref_count_dec (&work->references))
    return;
  g_weak_ref_clear (&work->owner);
  g_free (work->run);
  g_free (work->before.confusion);
  g_free (work->now.confusion);
  g_free (work);
}

/* ── News ────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  Work *work;
  KxScores scores;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  g_free (news->scores.fault);
  g_free (news->scores.confusion);
  work_unref (news->work);
  g_free (news);
}

static void
deliver (gpointer data)
{
  News *news = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&news->work->owner);

  if (owner)
    news->work->func (&news->scores, owner);
}

static void
tell (Work *work, const GError *error)
{
  News *news = g_new0 (News, 1);
  const Side *latest = work->changed ? &work->now : &work->before;

  news->work = work_ref (work);
  news->scores.fault = error ? g_strdup (error->message) : NULL;
  if (work->data)
    {
      news->scores.n = MIN (work->data->count, MOST_EXAMPLES);
      news->scores.classes = work->data->classes;
    }
  news->scores.before = work->before.done;
  news->scores.right_before = work->before.right;
  news->scores.now = work->now.done;
  news->scores.right_now = work->now.right;
  if (latest->confusion)
    news->scores.confusion = g_memdup2 (
        latest->confusion, (gsize) work->data->classes * work->data->classes * sizeof (guint));
  kx_news_post (deliver, news, news_free);
}

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

static gboolean
open_data (Work *work, GError **error)
{
  g_autoptr (KolRun) run = kol_run_read (work->run, error);
  KolDatasetOptions options;
  const char *part;

  if (!run)
    return FALSE;
  options = run->data_options;
  options.like = run->like;
  part = kol_dataset_has_part (run->data, "test") ? "test" : "train";
  work->data = kol_dataset_open (run->data, part, &options, error);
  if (!work->data || !kol_dataset_finish (work->data, error))
    return FALSE;
  if (work->data->labels)
    return TRUE;
  g_set_error_literal (error, KOL_ERROR, KOL_ERROR_DATA,
                       "The network predicts numbers, not classes, so it has no accuracy");
  return FALSE;
}

static gboolean
make_evaluator (Work *work, KxOpened *opened, Side *side, GError **error)
{
  if (!side->evaluator)
    side->evaluator
        = kol_evaluator_new (kol_layers_get_parameters (opened->layers), kol_layers_network,
                             opened->layers, work->data, MIN (BATCH, work->data->count), error);
  return side->evaluator != NULL;
}

static gboolean
is_done (const Work *work, const Side *side)
{
  return work->data && side->done >= MIN (work->data->count, MOST_EXAMPLES);
}

/* Scores some more examples. */
static gboolean
advance (Work *work, Side *side, GError **error)
{
  gsize n = MIN (work->data->count, MOST_EXAMPLES) - side->done;
  gsize cells = (gsize) work->data->classes * work->data->classes;
  g_autoptr (KolDataset) slice = kol_dataset_slice (work->data, side->done, MIN (BATCH, n));
  g_autoptr (KolScore) score = kol_evaluator_score (side->evaluator, slice, NULL, error);

  if (!score)
    return FALSE;
  if (!side->confusion)
    side->confusion = g_new0 (guint, cells);
  side->done += slice->count;
  side->right += (gsize) (score->accuracy * (double) score->count + 0.5);
  for (gsize i = 0; i < cells; i++)
    side->confusion[i] += score->confusion[i];
  return TRUE;
}

/* Kernels that have to be compiled first give way to what others ask, and are gone on with. */
static gboolean
score (Work *work, KxOpened *opened, Side *side, GError **error)
{
  kx_engine_set_patient (opened->engine, TRUE);
  gboolean good = make_evaluator (work, opened, side, error) && advance (work, side, error);
  kx_engine_set_patient (opened->engine, FALSE);
  return good;
}

/* A KxWorkKind's. */
static KxTurn
take_turn (KxOpened *opened, gpointer data, double seconds)
{
  Work *work = data;
  g_autoptr (GError) error = NULL;

  if (!work->data)
    {
      if (open_data (work, &error) && make_evaluator (work, opened, &work->before, &error))
        return KX_TURN_MORE;
      tell (work, error);
      return KX_TURN_DONE;
    }
  Side *side = !is_done (work, &work->before) ? &work->before : work->changed ? &work->now : NULL;
  if (!side || is_done (work, side))
    return KX_TURN_WAIT;
  if (score (work, opened, side, &error))
    tell (work, NULL);
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      tell (work, error);
      return KX_TURN_WAIT;
    }
  return KX_TURN_MORE;
}

static void
reset (Side *side)
{
  g_clear_pointer (&side->confusion, g_free);
  side->done = side->right = 0;
}

/* A KxWorkKind's. */
static void
end (gpointer data)
{
  Work *work = data;

  g_clear_pointer (&work->before.evaluator, kol_evaluator_free);
  g_clear_pointer (&work->now.evaluator, kol_evaluator_free);
  g_clear_pointer (&work->data, kol_dataset_unref);
  work_unref (work);
}

static const KxWorkKind kind = { take_turn, end };

static void
begin (KxOpened *opened, gpointer data)
{
  kx_opened_add_work (opened, RANK, &kind, work_ref (data));
}

static void
score_change (KxOpened *opened, gpointer data)
{
  Work *work = data;

  work->changed = TRUE;
  g_clear_pointer (&work->now.evaluator, kol_evaluator_free);
  reset (&work->now);
  kx_opened_wake_work (opened, work);
}

static void
score_no_change (KxOpened *opened, gpointer data)
{
  Work *work = data;

  work->changed = FALSE;
  g_clear_pointer (&work->now.evaluator, kol_evaluator_free);
  reset (&work->now);
  if (work->before.done)
    tell (work, NULL);
}

static void
score_all (KxOpened *opened, gpointer data)
{
  Work *work = data;

  reset (&work->before);
  reset (&work->now);
  kx_opened_wake_work (opened, work);
}

static void
finish (KxOpened *opened, gpointer data)
{
  kx_opened_end_work (opened, data);
}

/* ── The main thread's ───────────────────────────────────────────────────────────────────────── */

/**
 * kx_scoring_new:
 * @network: a network that is ready, of a run
 * @func: told of scores
 * @owner: (type GObject): for @func, while it lives
 *
 * Returns: (transfer full): what scores it, beginning with the network as it is
 */
KxScoring *
kx_scoring_new (KxNetwork *network, KxScoresFunc func, gpointer owner)
{
  KxScoring *self = g_new0 (KxScoring, 1);
  Work *work = g_new0 (Work, 1);

  g_atomic_ref_count_init (&work->references);
  g_weak_ref_init (&work->owner, owner);
  work->func = func;
  work->run = g_strdup (kx_network_get_run (network)->folder);
  self->network = g_object_ref (network);
  self->work = work;
  kx_network_call (network, begin, work_ref (work), work_unref);
  return self;
}

void
kx_scoring_free (KxScoring *self)
{
  g_weak_ref_set (&self->work->owner, NULL);
  kx_network_call (self->network, finish, work_ref (self->work), work_unref);
  g_object_unref (self->network);
  work_unref (self->work);
  g_free (self);
}

/**
 * kx_scoring_restart:
 * @scoring: what scores a network
 * @what: what of it is scored anew
 */
void
kx_scoring_restart (KxScoring *self, KxScoringWhat what)
{
  static const KxNetworkCall calls[] = { score_all, score_change, score_no_change };

  kx_network_call (self->network, calls[what], work_ref (self->work), work_unref);
}
