/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "../src/kolinsky.h"

G_BEGIN_DECLS

/** KxMarkKind: what happened in a run. */
typedef enum {
  KX_MARK_CONTROL,    /* a control was turned */
  KX_MARK_CHECKPOINT, /* one can go back to it */
  KX_MARK_BRANCH,     /* another run begins here */
  KX_MARK_REWIND,     /* the run went back to here */
  KX_MARK_DIVERGED,   /* a number was not finite any more */
  KX_MARK_MOVE,       /* the run goes on on another device */
} KxMarkKind;

#define KX_TYPE_MARK (kx_mark_get_type ())
/** KxMark: something that happened at a step of a run, for its timeline and its chart. */
G_DECLARE_FINAL_TYPE (KxMark, kx_mark, KX, MARK, GObject)

KxMark *kx_mark_new (KxMarkKind kind, guint64 step, const char *text);
KxMark *kx_mark_new_control (KolControl control, guint64 step, double from, double to);
KxMark *kx_mark_new_checkpoint (KolTrainState *state, double loss);

KxMarkKind kx_mark_get_kind (KxMark *mark);
guint64 kx_mark_get_step (KxMark *mark);
const char *kx_mark_get_text (KxMark *mark);
KolTrainState *kx_mark_get_state (KxMark *mark);
double kx_mark_get_loss (KxMark *mark);
gboolean kx_mark_get_pinned (KxMark *mark);
void kx_mark_set_pinned (KxMark *mark, gboolean pinned);
int kx_mark_compare (gconstpointer one, gconstpointer other, gpointer unused);

void kx_mark_thin_out (GListStore *timeline, guint64 most);

char *kx_format_rate (double rate);

G_END_DECLS
