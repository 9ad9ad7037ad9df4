/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How often runs tell what their steps have come to. What is told is drawn, and drawing takes its
 * time from learning where both are done by the same cores: so it is told more seldom the longer
 * the main thread works on it. Numbers that are read change more seldom than curves grow: a text
 * that changes has the whole window laid out anew, and nobody reads four a second.
 */

#include "pace.h"

#include <time.h>

#define SHARE 0.02 /* of a core, that the main thread may take */
#define READING 2  /* messages between two changes of a number */
#define WINDOW 0.5 /* seconds over which its share is measured */

static int milliseconds = (int) (1000 * KX_PACE_FAST); /* atomic */

/**
 * kx_pace_adapt:
 * @seconds: between two messages
 * @share: of a core, that the main thread took meanwhile
 *
 * Returns: how many seconds there should be
 */
double
kx_pace_adapt (double seconds, double share)
{
  return CLAMP (seconds * share / SHARE, KX_PACE_FAST, KX_PACE_SLOW);
}

static double
main_thread_seconds (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

/**
 * kx_pace_note:
 *
 * Measures what the messages cost. On the main thread, at each of them.
 */
void
kx_pace_note (void)
{
  static gint64 began; /* the window */
  static double busy;  /* what the thread had worked until then */
  gint64 now = g_get_monotonic_time ();
  double seconds = (double) (now - began) / G_USEC_PER_SEC;

  if (seconds < WINDOW)
    return;
  double worked = main_thread_seconds ();
  double share = (worked - busy) / seconds;
  /* After a rest of all runs the window says nothing of messages. */
  if (began && seconds < 4 * WINDOW)
    g_atomic_int_set (&milliseconds, (int) (1000 * kx_pace_adapt (kx_pace_get_seconds (), share)));
  began = now;
  busy = worked;
}

/**
 * kx_pace_get_seconds:
 *
 * Returns: how many seconds there are to be between two messages of a run; from any thread
 */
double
kx_pace_get_seconds (void)
{
  return g_atomic_int_get (&milliseconds) / 1000.0;
}

/**
 * kx_pace_get_reading_seconds:
 *
 * Returns: how many seconds there are to be between two changes of a number that is read
 */
double
kx_pace_get_reading_seconds (void)
{
  return READING * kx_pace_get_seconds ();
}

/**
 * kx_pace_may_tell:
 * @told: (inout): when numbers were last changed; 0: never; set to now if they may be
 *
 * All that ask are told yes in the same frame, so that the window is laid out once for all of them.
 *
 * Returns: whether numbers that are read may change again
 */
gboolean
kx_pace_may_tell (gint64 *told)
{
  gint64 now = g_get_monotonic_time ();
  gint64 beat = (gint64) (kx_pace_get_reading_seconds () * G_USEC_PER_SEC);

  if (*told && *told / beat == now / beat)
    return FALSE;
  *told = now;
  return TRUE;
}
