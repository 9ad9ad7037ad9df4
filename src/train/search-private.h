/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* A search: search.c draws its settings, search-folder.c keeps what comes of them. */

#include "../lock-private.h"
#include "search.h"

G_BEGIN_DECLS

/* The files of a search's folder, beside recipe.ini and a folder for each trial. */
#define KOL_SEARCH_FILE "search.ini"
#define KOL_SEARCH_TABLE "search.csv"
#define KOL_SEARCH_LOCK "search.lock"

struct _KolSearch {
  guint64 seed;
  GPtrArray *ranges; /* KolSearchRange */

  char *folder;      /* NULL: nothing is kept yet */
  KolRun *base;      /* what trials have in common */
  char *weights;     /* that they begin with; NULL: random numbers */
  guint64 trials;    /* that there are to be */
  gboolean keep_all; /* no trial loses its weights */
  GArray *outcomes;  /* KolTrial, in the order in which they came */
  KolLock *lock;     /* NULL: it is only looked at */
};

G_END_DECLS
