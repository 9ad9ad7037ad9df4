/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is said and offered where a run has failed or diverged. */

#include "train-faults.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "train-deeds.h"

/* The latest checkpoint that is not after a step. */
static KxMark *
find_checkpoint (KxRun *run, guint64 step)
{
  GListModel *timeline = kx_run_get_timeline (run);

  for (guint i = 0; i < g_list_model_get_n_items (timeline); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (timeline, i);

      if (kx_mark_get_kind (mark) == KX_MARK_CHECKPOINT && kx_mark_get_step (mark) <= step)
        return mark; /* the timeline holds it */
    }
  return NULL;
}

/* The rate of a step, or that of the step after the start; NaN if that is not known. */
static double
rate_at (KxRun *run, guint64 step)
{
  KxSeries *rates = kx_run_get_rate (run);
  gssize i = kx_series_nearest (rates, (double) step);

  return i < 0 ? NAN : (double) kx_series_get_y (rates)[i];
}

/* Half the rate with which it diverged, unless the checkpoint had an even smaller one. */
static double
milder_rate (KxRun *run, KxMark *checkpoint)
{
  return fmin (kx_run_get (run, KOL_CONTROL_RATE) / 2,
               rate_at (run, kx_mark_get_step (checkpoint)));
}

/**
 * kx_train_recover:
 * @session: the session
 * @run: a run that has diverged
 * @step: of a checkpoint
 *
 * Goes back to it, or to the latest one before, with a smaller rate.
 */
void
kx_train_recover (KxSession *session, KxRun *run, guint64 step)
{
  KxMark *mark = find_checkpoint (run, step);

  if (mark)
    kx_train_rewind (session, run, mark, milder_rate (run, mark));
}

static void
show_divergence (KxPage *page, KxRun *run, const GError *fault)
{
  /* The last ones before the end may be on the way there already. */
  guint64 step = kx_run_get_step (run);
  KxMark *mark = find_checkpoint (run, step > 5 ? step - 5 : step);

  if (!mark)
    {
      kx_page_show_fault (page, fault->message, _ ("Start Anew"), "train.new", NULL);
      return;
    }
  double rate = milder_rate (run, mark);
  g_autofree char *number = kx_format_rate (rate);
  g_autofree char *remedy = rate < kx_run_get (run, KOL_CONTROL_RATE) / 2
                                ? g_strdup_printf (_ ("Rewind to %'" PRIu64 " and Its Rate, %s"),
                                                   kx_mark_get_step (mark), number)
                                : g_strdup_printf (_ ("Rewind to %'" PRIu64 " and Halve the Rate"),
                                                   kx_mark_get_step (mark));
  kx_page_show_fault (page, fault->message, remedy, "train.recover",
                      g_variant_new_uint64 (kx_mark_get_step (mark)));
}

static gboolean
is_about_data (const GError *fault)
{
  return g_error_matches (fault, KOL_ERROR, KOL_ERROR_DATA) || fault->domain == G_FILE_ERROR
         || g_error_matches (fault, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/**
 * kx_train_show_fault:
 * @page: the Train page
 * @run: (nullable): the run in sight
 * @resumable: it has ended, and there is something to go on from
 *
 * Says above the content what has gone wrong with the run, and offers a way out; or nothing.
 */
void
kx_train_show_fault (KxPage *page, KxRun *run, gboolean resumable)
{
  const GError *fault = run ? kx_run_get_fault (run) : NULL;

  if (!fault)
    kx_page_clear_fault (page);
  else if (kx_run_get_state (run) == KX_RUN_DIVERGED)
    show_divergence (page, run, fault);
  else if (is_about_data (fault))
    kx_page_show_fault (page, fault->message, _ ("Choose Data…"), "train.choose-data", NULL);
  else if (resumable)
    kx_page_show_fault (page, fault->message, _ ("Resume"), "train.toggle", NULL);
  else
    kx_page_show_fault (page, fault->message, NULL, NULL, NULL);
}
