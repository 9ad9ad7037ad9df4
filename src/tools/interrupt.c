/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <glib-unix.h>
#include <signal.h>

/* ── Ctrl-C ── */

static gboolean
interrupt (gpointer user_data)
{
  ToolInterrupt *self = user_data;

  g_printerr ("\n%s; Ctrl-C again stops at once\n", self->sentence);
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static gpointer
run_loop (gpointer loop)
{
  g_main_loop_run (loop);
  return NULL;
}

void
tool_interrupt_start (ToolInterrupt *self, const char *sentence)
{
  self->sentence = sentence;
  self->cancellable = g_cancellable_new ();
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);

  g_autoptr (GSource) source = g_unix_signal_source_new (SIGINT);
  g_source_set_callback (source, interrupt, self, NULL);
  g_source_attach (source, self->context);
  self->thread = g_thread_new ("interrupt", run_loop, self->loop);
}

static gboolean
quit_loop (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

void
tool_interrupt_stop (ToolInterrupt *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  /* As a source, so that a loop that has not begun yet is ended, too. */
  g_source_set_callback (source, quit_loop, self->loop, NULL);
  g_source_attach (source, self->context);
  g_thread_join (self->thread);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_object_unref (self->cancellable);
}
