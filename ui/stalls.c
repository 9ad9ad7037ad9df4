/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * For tests: how long the main loop was away. Between the end of one poll and the begin of the next
 * it does what there is to do, and nothing else: not draw, not answer a key. Where the variable
 * KOLINSKY_EXPLORER_FRAMES names a file, the longest of these times since the first frame are
 * written there at the end, as JSON.
 */

#include "stalls.h"

#include "worker.h"

#define VARIABLE "KOLINSKY_EXPLORER_FRAMES"
#define KEPT 64 /* of the longest */

typedef struct {
  double ms;
  gint64 when; /* its end */
} Stall;

static const char *path;
static gint64 first_frame;  /* 0: not yet */
static gint64 back;         /* from the latest poll; 0: there was none */
static Stall longest[KEPT]; /* in descending order */
static GPollFunc usual_poll;

static void
note (gint64 us, gint64 when)
{
  const double ms = us / 1000.0;
  guint place = KEPT;

  while (place > 0 && longest[place - 1].ms < ms)
    place--;
  for (guint i = KEPT - 1; i > place && i < KEPT; i--)
    longest[i] = longest[i - 1];
  if (place < KEPT)
    longest[place] = (Stall){ ms, when };
}

/* Late is also who wakes up long after the time that was asked for. */
static int
watched_poll (GPollFD *fds, guint n, int timeout)
{
  gint64 begin = g_get_monotonic_time ();

  if (back && first_frame)
    note (begin - back, begin);
  int ready = usual_poll (fds, n, timeout);
  back = g_get_monotonic_time ();
  if (first_frame && ready == 0 && timeout > 0)
    note (back - begin - timeout * G_GINT64_CONSTANT (1000), back);
  return ready;
}

/**
 * kx_stalls_watch:
 *
 * Begins, if the variable is set.
 */
void
kx_stalls_watch (void)
{
  path = g_getenv (VARIABLE);
  if (!path || !*path)
    return;
  usual_poll = g_main_context_get_poll_func (NULL);
  g_main_context_set_poll_func (NULL, watched_poll);
}

static void
painted (GdkFrameClock *clock, gpointer unused)
{
  first_frame = g_get_monotonic_time ();
  back = 0;
  g_signal_handlers_disconnect_by_func (clock, painted, NULL);
}

/**
 * kx_stalls_watch_first_frame:
 * @window: a window, shown
 */
void
kx_stalls_watch_first_frame (GtkWidget *window)
{
  if (usual_poll && !first_frame)
    g_signal_connect (gtk_widget_get_frame_clock (window), "after-paint", G_CALLBACK (painted),
                      NULL);
}

/**
 * kx_stalls_report:
 *
 * Writes what was noted; once all has ended.
 */
void
kx_stalls_report (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  char number[2][G_ASCII_DTOSTR_BUF_SIZE];

  if (!usual_poll)
    return;
  g_string_append_printf (text, "{\"first_frame\": %s, \"workers\": %u, \"stalls\": [",
                          g_ascii_dtostr (number[0], sizeof number[0], first_frame * 1e-6),
                          kx_workers_alive ());
  for (guint i = 0; i < KEPT && longest[i].ms > 0; i++)
    g_string_append_printf (text, "%s[%s, %s]", i ? ", " : "",
                            g_ascii_dtostr (number[0], sizeof number[0], longest[i].ms),
                            g_ascii_dtostr (number[1], sizeof number[1], longest[i].when * 1e-6));
  g_string_append (text, "]}\n");
  if (!g_file_set_contents (path, text->str, -1, &error))
    g_warning ("%s", error->message);
}
