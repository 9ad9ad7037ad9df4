/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is done to checkpoints on the page Train, and can be taken back. */

#include "train-deeds.h"

#include <glib/gi18n.h>
#include <inttypes.h>

typedef struct {
  KxSession *session;
  KxRun *branch, *parent;
  gboolean learning; /* the parent was */
} Branch;

static void
branch_free (gpointer data)
{
  Branch *branch = data;

  g_object_unref (branch->branch);
  g_object_unref (branch->parent);
  g_free (branch);
}

static void
branch_back (gpointer data)
{
  Branch *branch = data;

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

  *deed = (Branch){ session, g_object_ref (run), g_object_ref (parent), learning };
  kx_undo_push (kx_session_get_undo (session), text, branch_back, branch_again, deed, branch_free);
  kx_session_toast (session, text, TRUE);
  return run;
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
