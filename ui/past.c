/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A run goes back to a checkpoint, and returns to where it was. */

#include "past.h"

/* Points of a series behind the checkpoint. */
typedef struct {
  double *x;
  float *y;
  gsize n;
} Tail;

static const char *const logs[] = { KOL_METRICS_FILE, KOL_TIMELINE_FILE };

struct _KxPast {
  gatomicrefcount references;
  KolTrainState *checkpoint; /* to which it went back */

  /* The worker's. */
  KolTrainState *state; /* NULL: it has not gone back yet */
  GError *fault;        /* for which it stood still then */
  GBytes *logs[G_N_ELEMENTS (logs)];

  /* The main thread's. */
  Tail *tails; /* NULL: it is not known yet that it went back */
  guint n_tails;
  double *epochs, *seconds; /* of the first tail */
  GPtrArray *marks;         /* KxMark: of all of the timeline, but for checkpoints */
};

/**
 * kx_past_new:
 * @checkpoint: a state to which a run is to go back
 *
 * Returns: (transfer full): what it comes from, which is to be filled in
 */
KxPast *
kx_past_new (KolTrainState *checkpoint)
{
  KxPast *self = g_new0 (KxPast, 1);

  g_atomic_ref_count_init (&self->references);
  self->checkpoint = kol_train_state_ref (checkpoint);
  self->marks = g_ptr_array_new_with_free_func (g_object_unref);
  return self;
}

KxPast *
kx_past_ref (KxPast *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
kx_past_unref (KxPast *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  for (guint i = 0; i < self->n_tails; i++)
    {
      g_free (self->tails[i].x);
      g_free (self->tails[i].y);
    }
  for (guint i = 0; i < G_N_ELEMENTS (logs); i++)
    g_clear_pointer (&self->logs[i], g_bytes_unref);
  g_free (self->tails);
  g_free (self->epochs);
  g_free (self->seconds);
  g_ptr_array_unref (self->marks);
  g_clear_pointer (&self->state, kol_train_state_unref);
  g_clear_error (&self->fault);
  kol_train_state_unref (self->checkpoint);
  g_free (self);
}

/* ── The worker's ────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_past_go_back:
 * @past: a past that is empty
 * @trainer: a trainer
 * @folder: (nullable): where it is recorded
 * @fault: (inout): why it stands still; that is taken over
 * @error: return location
 *
 * Fills it in and rewinds the trainer to its checkpoint.
 *
 * Returns: whether the trainer is there
 */
gboolean
kx_past_go_back (KxPast *self, KolTrainer *trainer, const char *folder, GError **fault,
                 GError **error)
{
  g_autoptr (KolTrainState) state = kol_trainer_capture (trainer, error);

  if (!state)
    return FALSE;
  for (guint i = 0; folder && i < G_N_ELEMENTS (logs); i++)
    {
      g_autofree char *path = g_build_filename (folder, logs[i], NULL);
      char *text;
      gsize size;

      if (g_file_get_contents (path, &text, &size, NULL)) /* otherwise there is nothing to keep */
        self->logs[i] = g_bytes_new_take (text, size);
    }
  if (!kol_trainer_rewind (trainer, self->checkpoint, error))
    return FALSE;
  self->state = g_steal_pointer (&state);
  self->fault = g_steal_pointer (fault);
  return TRUE;
}

/* The trainer stands at the checkpoint then, so that it leaves nothing else in them. */
static gboolean
restore_logs (KxPast *self, const char *folder, GError **error)
{
  for (guint i = 0; folder && i < G_N_ELEMENTS (logs); i++)
    {
      g_autofree char *path = g_build_filename (folder, logs[i], NULL);
      gsize size;

      if (!self->logs[i])
        continue;
      const char *text = g_bytes_get_data (self->logs[i], &size);
      if (!g_file_set_contents (path, text, (gssize) size, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * kx_past_return:
 * @past: a past
 * @trainer: its trainer
 * @folder: (nullable): where that is recorded
 * @fault: return location for why it is to stand still; it is left alone where nothing was done
 * @error: return location
 *
 * Has the trainer return to where it was before it went back, and its log say what it said then.
 *
 * Returns: %FALSE if that is not possible
 */
gboolean
kx_past_return (KxPast *self, KolTrainer *trainer, const char *folder, GError **fault,
                GError **error)
{
  if (!self->state) /* it never went back */
    return TRUE;
  if (!kol_trainer_rewind (trainer, self->checkpoint, error) || !restore_logs (self, folder, error)
      || !kol_trainer_rewind (trainer, self->state, error))
    return FALSE;
  g_clear_error (fault);
  *fault = g_steal_pointer (&self->fault);
  return TRUE;
}

/* ── The main thread's ───────────────────────────────────────────────────────────────────────── */

static gboolean
is_checkpoint (KxMark *mark)
{
  return kx_mark_get_kind (mark) == KX_MARK_CHECKPOINT;
}

static void
keep_tail (Tail *tail, KxSeries *series, double from)
{
  gsize begin = kx_series_find (series, from);

  tail->n = kx_series_get_length (series) - begin;
  tail->x = g_memdup2 (kx_series_get_x (series) + begin, tail->n * sizeof *tail->x);
  tail->y = g_memdup2 (kx_series_get_y (series) + begin, tail->n * sizeof *tail->y);
}

static void
keep_times (KxPast *self, KxClock *clock)
{
  const Tail *steps = &self->tails[0];

  self->epochs = g_new (double, steps->n + 1);
  self->seconds = g_new (double, steps->n + 1);
  for (gsize i = 0; i < steps->n; i++)
    {
      self->epochs[i] = kx_clock_from_step (clock, KX_UNIT_EPOCH, steps->x[i]);
      self->seconds[i] = kx_clock_from_step (clock, KX_UNIT_TIME, steps->x[i]);
    }
}

/* What is cut off begins behind the step. */
static double
find_cut (KxPast *self)
{
  return (double) kol_train_state_get_step (self->checkpoint) + 0.5;
}

static void
cut (KxPast *self, const KxCurves *curves)
{
  double from = find_cut (self);

  for (guint i = 0; i < curves->n; i++)
    kx_series_truncate (curves->series[i], from);
  kx_clock_truncate (curves->clock, from);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (curves->timeline)); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (G_LIST_MODEL (curves->timeline), i);

      if ((double) kx_mark_get_step (mark) > from)
        g_list_store_remove (curves->timeline, i--);
    }
}

/**
 * kx_past_cut:
 * @past: a past
 * @curves: of its run, which has gone back
 *
 * What was after the checkpoint did not happen; it is kept for kx_past_restore(), but for
 * checkpoints.
 */
void
kx_past_cut (KxPast *self, const KxCurves *curves)
{
  self->n_tails = curves->n;
  self->tails = g_new0 (Tail, curves->n);
  for (guint i = 0; i < curves->n; i++)
    keep_tail (&self->tails[i], curves->series[i], find_cut (self));
  keep_times (self, curves->clock);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (curves->timeline)); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (G_LIST_MODEL (curves->timeline), i);

      if (!is_checkpoint (mark))
        g_ptr_array_add (self->marks, g_steal_pointer (&mark));
    }
  cut (self, curves);
}

static void
restore_marks (KxPast *self, GListStore *timeline)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (timeline)); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (G_LIST_MODEL (timeline), i);

      if (!is_checkpoint (mark))
        g_list_store_remove (timeline, i--);
    }
  for (guint i = 0; i < self->marks->len; i++) /* that it diverged is told anew */
    if (kx_mark_get_kind (self->marks->pdata[i]) != KX_MARK_DIVERGED)
      g_list_store_insert_sorted (timeline, self->marks->pdata[i], kx_mark_compare, NULL);
}

/**
 * kx_past_restore:
 * @past: a past
 * @curves: of its run, which has returned
 *
 * They are as they were before kx_past_cut().
 */
void
kx_past_restore (KxPast *self, const KxCurves *curves)
{
  if (!self->tails)
    return;
  cut (self, curves);
  for (guint i = 0; i < MIN (curves->n, self->n_tails); i++)
    kx_series_append_many (curves->series[i], self->tails[i].x, self->tails[i].y, self->tails[i].n);
  for (gsize i = 0; i < self->tails[0].n; i++)
    kx_clock_append (curves->clock, self->tails[0].x[i], self->epochs[i], self->seconds[i]);
  restore_marks (self, curves->timeline);
}
