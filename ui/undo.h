/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define KX_TYPE_UNDO (kx_undo_get_type ())
/** KxUndo: what was done, and can be taken back. Of the main thread. */
G_DECLARE_FINAL_TYPE (KxUndo, kx_undo, KX, UNDO, GObject)

typedef void (*KxUndoFunc) (gpointer data);

KxUndo *kx_undo_new (void);
void kx_undo_begin (KxUndo *undo);
void kx_undo_end (KxUndo *undo);
void kx_undo_push (KxUndo *undo, const char *title, KxUndoFunc back, KxUndoFunc again,
                   gpointer data, GDestroyNotify destroy);
void kx_undo_withdraw (KxUndo *undo, gconstpointer data);
gboolean kx_undo_back (KxUndo *undo);
gboolean kx_undo_again (KxUndo *undo);
const char *kx_undo_get_title (KxUndo *undo);
const char *kx_undo_get_next_title (KxUndo *undo);
gconstpointer kx_undo_get_data (KxUndo *undo);
void kx_undo_forget (KxUndo *undo);

G_END_DECLS
