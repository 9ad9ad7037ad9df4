/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * KxRecord:
 * @folder: of the run
 * @recipe: the name of its recipe
 * @time: when it was last saved, in seconds
 * @step: of its latest checkpoint
 * @steps: how many it is to take
 * @loss: the latest of its log; NaN: there is none
 * @in_use: a process trains it
 * @process: the number of that; 0: not known
 *
 * What its folder says of a run that is not open here.
 */
typedef struct {
  char *folder, *recipe;
  gint64 time;
  guint64 step, steps;
  double loss;
  gboolean in_use;
  int process;
} KxRecord;

char *kx_record_get_home (void);
gboolean kx_record_is_at_home (const char *folder);

/* On a thread: it reads files. */
GPtrArray *kx_record_list (guint most);

void kx_record_look (KxRecord *record);
void kx_record_free (gpointer record);

G_END_DECLS
