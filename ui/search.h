/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "session.h"

G_BEGIN_DECLS

#define KX_SEARCH_KEPT 5 /* trials of a search whose weights stay: the best */

/**
 * KxSearchSetup:
 * @recipe: the name of a recipe, or a file of one
 * @data: the file or folder of examples
 * @trials: how many
 * @steps: of each
 * @over: what is searched, as of kol_search_add(); the learning rate comes first
 *
 * What a search is to be.
 */
typedef struct {
  const char *recipe;
  const char *data;
  guint64 trials;
  guint64 steps;
  const char *const *over;
} KxSearchSetup;

/**
 * KxTrial:
 * @outcome: what became of it
 * @values: what it tried, in the order of kx_search_get_names()
 * @edge: where its learning rate lies in what is searched: -1 and 1 at the ends, else 0
 * @folder: of its run
 *
 * A trial that has ended. Never changes.
 */
typedef struct {
  KolTrial outcome;
  char **values;
  int edge;
  char *folder;
} KxTrial;

#define KX_TYPE_SEARCH (kx_search_get_type ())
/**
 * KxSearch:
 *
 * A search of settings, as the main thread sees it: short trainings, one after the other, as a job
 * of the session that works in the background. What is done stays, in its folder.
 *
 * Property `working` (boolean). Signals: "trial" (guint index): one has ended; "begun": what is
 * searched is known; "progress": its text is another one.
 */
G_DECLARE_FINAL_TYPE (KxSearch, kx_search, KX, SEARCH, GObject)

KxSearch *kx_search_new (KxSession *session, const KxSearchSetup *setup);
KxSearch *kx_search_open (const char *folder, GError **error);
void kx_search_go_on (KxSearch *search, KxSession *session);
void kx_search_cancel (KxSearch *search);

gboolean kx_search_is_working (KxSearch *search);
const GError *kx_search_get_fault (KxSearch *search);
const char *kx_search_get_progress (KxSearch *search);
const char *kx_search_get_folder (KxSearch *search);
const char *const *kx_search_get_names (KxSearch *search);
guint64 kx_search_get_n_wanted (KxSearch *search);
guint64 kx_search_get_steps (KxSearch *search);
guint64 kx_search_get_whole_steps (KxSearch *search);
guint kx_search_get_n_trials (KxSearch *search);
const KxTrial *kx_search_get_trial (KxSearch *search, guint i);
guint kx_search_find_best (KxSearch *search);

G_END_DECLS
