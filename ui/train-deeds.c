/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is done to checkpoints and branches on the page Train, and can be taken back. */

#include "train-deeds.h"

#include <glib/gi18n.h>
#include <inttypes.h>

typedef struct {
  KxSession *session;
  KxRun *branch, *parent;
  gboolean learning; /* the parent was */
  gboolean gone;
} Branch;

/* What nobody can bring back any more leaves no record. */
static void
branch_free (gpointer data)
{
  Branch *branch = data;

  if (branch->gone)
    kx_session_discard (branch->session, branch->branch);
  g_object_unref (branch->branch);
  g_object_unref (branch->parent);
  g_free (branch);
}

static void
branch_back (gpointer data)
{
  Branch *branch = data;

  branch->gone = TRUE;
  kx_run_control (branch->branch, KX_VERB_PAUSE);
  kx_session_remove_run (branch->session, branch->branch);
  kx_session_choose_run (branch->session, branch->parent);
  if (branch->learning)
    kx_run_control (branch->parent, KX_VERB_RUN);
}

static void
branch_again (gpointer data)
{
  Branch *branch = data;

  branch->gone = FALSE;
  if (kx_run_get_state (branch->parent) == KX_RUN_LEARNING)
    kx_run_control (branch->parent, KX_VERB_PAUSE);
  kx_session_restore_run (branch->session, branch->branch);
  kx_run_control (branch->branch, KX_VERB_RUN);
}

/**
 * kx_train_branch:
 * @session: the session
 * @parent: a run
 * @checkpoint: of its timeline
 *
 * Begins another future there, for which the run pauses, says so, and lets it be taken back.
 *
 * Returns: (transfer none): the branch
 */
KxRun *
kx_train_branch (KxSession *session, KxRun *parent, KxMark *checkpoint)
{
  gboolean learning = kx_run_get_state (parent) == KX_RUN_LEARNING;
  KxRun *run = kx_session_branch (session, parent, checkpoint);
  g_autofree char *text = g_strdup_printf (_ ("%s branched at step %'" PRIu64),
                                           kx_run_get_name (run), kx_mark_get_step (checkpoint));
  Branch *deed = g_new (Branch, 1);

  *deed = (Branch){ session, g_object_ref (run), g_object_ref (parent), learning, FALSE };
  kx_undo_push (kx_session_get_undo (session), text, branch_back, branch_again, deed, branch_free);
  kx_session_toast (session, text, TRUE);
  return run;
}

typedef struct {
  KxSession *session;
  GPtrArray *lanes; /* of KxRun */
  gboolean gone;
} Race;

static void
race_free (gpointer data)
{
  Race *race = data;

  for (guint i = 0; race->gone && i < race->lanes->len; i++)
    kx_session_discard (race->session, g_ptr_array_index (race->lanes, i));
  g_ptr_array_unref (race->lanes);
  g_free (race);
}

static void
race_back (gpointer data)
{
  Race *race = data;
  KxRun *shown = kx_session_get_run (race->session);

  race->gone = FALSE;
  for (guint i = 0; i < race->lanes->len; i++)
    kx_session_restore_run (race->session, g_ptr_array_index (race->lanes, i));
  if (shown)
    kx_session_choose_run (race->session, shown);
}

static void
race_again (gpointer data)
{
  Race *race = data;

  race->gone = TRUE;
  for (guint i = 0; i < race->lanes->len; i++)
    kx_session_remove_run (race->session, g_ptr_array_index (race->lanes, i));
}

/* A GFunc. */
static void
lift_limit (gpointer lane, gpointer unused)
{
  kx_run_set_limit (lane, 0);
}

/**
 * kx_train_remove_lanes:
 * @session: the session
 * @lanes: (element-type KxRun): of a race that is over
 * @kept: (nullable): the one of them that stays
 *
 * Removes the others, says so, and lets it be taken back; until it cannot be any more their records
 * stay. Taken back they are paused, and can go on beyond the race's end.
 */
void
kx_train_remove_lanes (KxSession *session, GPtrArray *lanes, KxRun *kept)
{
  g_autofree char *text = kept ? g_strdup_printf (_ ("%s kept of the race"), kx_run_get_name (kept))
                               : g_strdup (_ ("Race removed"));
  Race *race = g_new (Race, 1);

  *race = (Race){ session, g_ptr_array_new_with_free_func (g_object_unref), TRUE };
  for (guint i = 0; i < lanes->len; i++)
    if (g_ptr_array_index (lanes, i) != kept)
      g_ptr_array_add (race->lanes, g_object_ref (g_ptr_array_index (lanes, i)));
  race_again (race); /* they pause, before their limit falls */
  g_ptr_array_foreach (lanes, lift_limit, NULL);
  kx_undo_push (kx_session_get_undo (session), text, race_back, race_again, race, race_free);
  kx_session_toast (session, text, TRUE);
}

typedef struct {
  KxRun *run;
  KxMark *checkpoint;
  double rate;
  KxPast *past;
} Rewind;

static void
rewind_free (gpointer data)
{
  Rewind *rewind = data;

  kx_past_unref (rewind->past);
  g_object_unref (rewind->checkpoint);
  g_object_unref (rewind->run);
  g_free (rewind);
}

static void
rewind_back (gpointer data)
{
  Rewind *rewind = data;

  kx_run_return (rewind->run, rewind->past);
}

static void
rewind_again (gpointer data)
{
  Rewind *rewind = data;

  g_clear_pointer (&rewind->past, kx_past_unref);
  rewind->past = kx_run_rewind (rewind->run, rewind->checkpoint);
  kx_run_set (rewind->run, KOL_CONTROL_RATE, rewind->rate);
  kx_run_control (rewind->run, KX_VERB_RUN);
}

/**
 * kx_train_rewind:
 * @session: the session
 * @run: a run
 * @checkpoint: of its timeline
 * @rate: the learning rate from there on
 *
 * Has the run go back and on from there, says so, and lets it be taken back.
 */
void
kx_train_rewind (KxSession *session, KxRun *run, KxMark *checkpoint, double rate)
{
  g_autofree char *text = g_strdup_printf (_ ("%s went back to step %'" PRIu64),
                                           kx_run_get_name (run), kx_mark_get_step (checkpoint));
  Rewind *rewind = g_new (Rewind, 1);

  *rewind = (Rewind){ g_object_ref (run), g_object_ref (checkpoint), rate, NULL };
  rewind_again (rewind);
  kx_undo_push (kx_session_get_undo (session), text, rewind_back, rewind_again, rewind,
                rewind_free);
  kx_session_toast (session, text, TRUE);
}

/* Back and again alike. */
static void
turn_pin (gpointer mark)
{
  kx_mark_set_pinned (mark, !kx_mark_get_pinned (mark));
}

/**
 * kx_train_pin:
 * @session: the session
 * @checkpoint: a checkpoint
 * @pinned: whether it is to stay when others are thinned out
 *
 * Pins it or not, and lets that be taken back.
 */
void
kx_train_pin (KxSession *session, KxMark *checkpoint, gboolean pinned)
{
  if (kx_mark_get_pinned (checkpoint) == pinned)
    return;
  kx_mark_set_pinned (checkpoint, pinned);
  kx_undo_push (kx_session_get_undo (session), pinned ? _ ("Pin") : _ ("Unpin"), turn_pin, turn_pin,
                g_object_ref (checkpoint), g_object_unref);
}
