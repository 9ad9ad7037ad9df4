/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The process of the other library. Its program, tests/bench/peer.py, is part of
 * the command; its first answer is "ready NAME", "without SENTENCE" if the
 * library does not have the work, or "sorry SENTENCE". After that each line
 * "run N" is answered by "SECONDS BYTES". It ends when nobody asks any more.
 */

#include "bench-private.h"
#include "tool-private.h"

#define PROGRAM "/org/kolinsky/bench/peer.py"

struct _BenchPeer {
  GSubprocess *process;
  GOutputStream *requests; /* the process's */
  GDataInputStream *answers;
  guint64 bytes;
};

void
bench_peer_free (BenchPeer *peer)
{
  if (!peer)
    return;
  if (peer->process)
    {
      g_output_stream_close (peer->requests, NULL, NULL);
      g_subprocess_wait (peer->process, NULL, NULL); /* what is measured next has the machine */
    }
  g_clear_object (&peer->answers);
  g_clear_object (&peer->process);
  g_free (peer);
}

/* The next line of the process, without its end. Given. */
static char *
read_answer (BenchPeer *peer, GError **error)
{
  g_autoptr (GError) local = NULL;
  char *line = g_data_input_stream_read_line_utf8 (peer->answers, NULL, NULL, &local);

  if (!line)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "The peer's program has ended without an answer%s%s; what it said is above",
                 local ? ": " : "", local ? local->message : "");
  return line;
}

/* Begins the process. Its standard error is ours. */
static gboolean
spawn (BenchPeer *peer, const Bench *bench, const BenchResult *result, const char *mode,
       GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) program = g_resources_lookup_data (PROGRAM, 0, error);

  if (!program)
    return FALSE;
  g_autofree char *text = g_strndup (g_bytes_get_data (program, NULL), g_bytes_get_size (program));
  peer->process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                    &local, bench->python, "-c", text, bench->peer,
                                    kol_device_get_info (bench->device)->type, result->work,
                                    result->shape, mode, NULL);
  if (!peer->process)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "The Python \"%s\", which is to run %s, does not start: %s. Name one with "
                   "--peer-python or KOLINSKY_PEER_PYTHON",
                   bench->python, bench->peer, local->message);
      return FALSE;
    }
  peer->requests = g_subprocess_get_stdin_pipe (peer->process);
  peer->answers = g_data_input_stream_new (g_subprocess_get_stdout_pipe (peer->process));
  return TRUE;
}

/* Says once with which version ours is compared. */
static void
introduce (const char *name)
{
  static gboolean said;

  if (!said)
    g_printerr ("Peer: %s\n", name);
  said = TRUE;
}

gboolean
bench_peer_start (const Bench *bench, const BenchResult *result, const char *mode,
                  BenchPeer **started, GError **error)
{
  g_autoptr (BenchPeer) peer = g_new0 (BenchPeer, 1);

  *started = NULL;
  if (!spawn (peer, bench, result, mode, error))
    return FALSE;
  g_autofree char *answer = read_answer (peer, error);
  if (!answer)
    return FALSE;

  tool_status (NULL);
  if (g_str_has_prefix (answer, "ready "))
    {
      introduce (answer + strlen ("ready "));
      *started = g_steal_pointer (&peer);
    }
  else if (g_str_has_prefix (answer, "without "))
    g_printerr ("%s\n", answer + strlen ("without "));
  else
    {
      const char *sorry = g_str_has_prefix (answer, "sorry ") ? answer + strlen ("sorry ") : answer;
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, sorry);
      return FALSE;
    }
  return TRUE;
}

gboolean
bench_peer_run (gpointer data, guint n, double *seconds, GError **error)
{
  BenchPeer *peer = data;
  g_autofree char *request = g_strdup_printf ("run %u\n", n);
  char *rest;

  if (!g_output_stream_write_all (peer->requests, request, strlen (request), NULL, NULL, error))
    return FALSE;
  g_autofree char *answer = read_answer (peer, error);
  if (!answer)
    return FALSE;
  *seconds = g_ascii_strtod (answer, &rest);
  peer->bytes = g_ascii_strtoull (rest, NULL, 10);
  if (rest != answer && *seconds > 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The peer's program answered \"%s\" rather than seconds and bytes", answer);
  return FALSE;
}

guint64
bench_peer_get_bytes (const BenchPeer *peer)
{
  return peer->bytes;
}
