/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The worker's thread, the way back from it, what can be undone, and rates as they are typed. */

#include <glib.h>
#include <locale.h>

#include "dial.h"
#include "mark.h"
#include "news-private.h"
#include "pace.h"
#include "undo.h"
#include "worker.h"

/* ── Turns ───────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  int turns, until; /* DONE after so many; 0: never */
  int ended;
  gboolean waits;
  gulong sleep; /* microseconds a turn */
  KxTask *task;
} Work;

static KxTurn
take_turn (gpointer self, double seconds)
{
  Work *work = self;

  g_usleep (work->sleep);
  g_atomic_int_inc (&work->turns);
  if (work->until && work->turns >= work->until)
    return KX_TURN_DONE;
  return work->waits ? KX_TURN_WAIT : KX_TURN_MORE;
}

static void
end (gpointer self)
{
  g_atomic_int_inc (&((Work *) self)->ended);
}

static const KxTaskKind kind = { take_turn, end };

static void
wait_until (int *number, int value)
{
  gint64 deadline = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;

  while (g_atomic_int_get (number) < value)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (500);
    }
}

typedef struct {
  GMutex mutex;
  int entered;
} Gate;

static void
pass_gate (gpointer data)
{
  Gate *gate = data;

  g_atomic_int_inc (&gate->entered);
  g_mutex_lock (&gate->mutex);
  g_mutex_unlock (&gate->mutex);
}

static void
test_turns (void)
{
  KxWorker *worker = kx_worker_new ("test");
  Work work = { .until = 3 };
  g_autoptr (KxTask) task = kx_worker_add (worker, &kind, &work, 1);

  wait_until (&work.ended, 1);
  kx_task_cancel (task); /* it is over already */
  kx_worker_stop (worker, NULL, NULL);
  g_assert_cmpint (work.turns, ==, 3);
  g_assert_cmpint (work.ended, ==, 1);
  kx_task_wake (task); /* the worker is gone, the handle is not */
}

static void
test_weights (void)
{
  KxWorker *worker = kx_worker_new ("test");
  Work heavy = { .sleep = 1000 }, light = { .sleep = 1000 };
  g_autoptr (KxTask) one = kx_worker_add (worker, &kind, &heavy, 3);
  g_autoptr (KxTask) other = kx_worker_add (worker, &kind, &light, 1);

  wait_until (&light.turns, 50);
  double ratio = kx_task_get_seconds (one) / kx_task_get_seconds (other);
  kx_worker_stop (worker, NULL, NULL);
  g_assert_cmpfloat (ratio, >, 2); /* a turn may be under way */
  g_assert_cmpfloat (ratio, <, 4);
  g_assert_cmpint (heavy.ended + light.ended, ==, 2);
}

static KxTurn
take_step (gpointer self, double seconds)
{
  Work *work = self;
  KxTurn turn = take_turn (self, seconds);

  kx_task_note_steps (g_atomic_pointer_get (&work->task), 1);
  return turn;
}

static const KxTaskKind stepping = { take_step, end };

static KxTask *
add_stepping (KxWorker *worker, Work *work, guint group)
{
  Gate gate = { 0 };

  g_mutex_init (&gate.mutex); /* no turn before the task is known */
  g_mutex_lock (&gate.mutex);
  kx_worker_call (worker, pass_gate, &gate, NULL);
  wait_until (&gate.entered, 1);
  KxTask *task = kx_worker_add (worker, &stepping, work, 1);
  g_atomic_pointer_set (&work->task, task);
  kx_task_join (task, group);
  g_mutex_unlock (&gate.mutex);
  kx_worker_call (worker, pass_gate, &gate, NULL);
  wait_until (&gate.entered, 2);
  g_mutex_clear (&gate.mutex);
  return task;
}

/* Those of a group advance by equal steps, however long theirs take; to others they are one. */
static void
test_equal_steps (void)
{
  KxWorker *worker = kx_worker_new ("test");
  Work quick = { .sleep = 500 }, slow = { .sleep = 4000 }, other = { .sleep = 1000 };
  g_autoptr (KxTask) one = add_stepping (worker, &quick, 7);
  wait_until (&quick.turns, 50);
  g_autoptr (KxTask) two = add_stepping (worker, &slow, 7);
  int ahead = g_atomic_int_get (&quick.turns);
  g_autoptr (KxTask) alone = add_stepping (worker, &other, 8);
  double seconds = kx_task_get_seconds (one) + kx_task_get_seconds (two);

  wait_until (&slow.turns, 50);
  seconds = kx_task_get_seconds (one) + kx_task_get_seconds (two) - seconds;
  double ratio = seconds / kx_task_get_seconds (alone);
  kx_worker_stop (worker, NULL, NULL);
  /* From when both are there: the other one does not catch up. */
  g_assert_cmpint (ABS (quick.turns - ahead - slow.turns), <=, 3);
  g_assert_cmpfloat (ratio, >, 1.5); /* two of three parts of the time, as without a group */
  g_assert_cmpfloat (ratio, <, 2.7);
}

/* A task that slept for long does not keep the worker until it has caught up. */
static void
test_sleepers (void)
{
  KxWorker *worker = kx_worker_new ("test");
  Work awake = { .sleep = 1000 }, sleeper = { .sleep = 1000, .waits = TRUE };
  g_autoptr (KxTask) other = kx_worker_add (worker, &kind, &sleeper, 1);
  wait_until (&sleeper.turns, 1);
  g_autoptr (KxTask) task = kx_worker_add (worker, &kind, &awake, 1);

  wait_until (&awake.turns, 200);
  sleeper.waits = FALSE;
  kx_task_wake (other);
  int turns = g_atomic_int_get (&awake.turns);
  wait_until (&sleeper.turns, 50);
  g_assert_cmpint (g_atomic_int_get (&awake.turns) - turns, >, 30);
  kx_worker_stop (worker, NULL, NULL);
}

static void
test_waiting (void)
{
  KxWorker *worker = kx_worker_new ("test");
  Work work = { .waits = TRUE };
  g_autoptr (KxTask) task = kx_worker_add (worker, &kind, &work, 1);

  for (int i = 1; i <= 5; i++)
    {
      wait_until (&work.turns, i);
      g_usleep (5000);
      g_assert_cmpint (g_atomic_int_get (&work.turns), ==, i);
      kx_task_wake (task);
    }
  kx_task_cancel (task);
  wait_until (&work.ended, 1);
  kx_worker_stop (worker, NULL, NULL);
}

/* ── Calls and probes ────────────────────────────────────────────────────────────────────────── */

static void
append_a (gpointer data)
{
  g_string_append_c (data, 'a');
}

static void
append_b (gpointer data)
{
  g_string_append_c (data, 'b');
}

static void
test_calls (void)
{
  KxWorker *worker = kx_worker_new ("test");
  g_autoptr (GString) order = g_string_new (NULL);
  Gate gate = { 0 };

  g_mutex_init (&gate.mutex);
  g_mutex_lock (&gate.mutex);
  kx_worker_call (worker, pass_gate, &gate, NULL);
  wait_until (&gate.entered, 1);
  kx_worker_call (worker, append_a, order, NULL);
  kx_worker_call (worker, append_b, order, NULL);
  kx_worker_call (worker, append_a, order, NULL);
  g_mutex_unlock (&gate.mutex);
  kx_worker_stop (worker, append_b, order);
  g_assert_cmpstr (order->str, ==, "abab");
  g_mutex_clear (&gate.mutex);
}

static void
count (gpointer data)
{
  g_atomic_int_inc ((int *) data);
}

/* Of several probes with a key the newest is made, and all their data are freed. */
static void
test_probes (void)
{
  KxWorker *worker = kx_worker_new ("test");
  g_autoptr (GString) order = g_string_new (NULL);
  Gate gate = { 0 };
  int freed = 0, done = 0;

  g_mutex_init (&gate.mutex);
  g_mutex_lock (&gate.mutex);
  kx_worker_call (worker, pass_gate, &gate, NULL);
  wait_until (&gate.entered, 1);
  kx_worker_probe (worker, "one", count, &freed, count);
  kx_worker_probe (worker, "one", count, &freed, count);
  kx_worker_probe (worker, "other", append_b, order, NULL);
  kx_worker_probe (worker, "one", append_a, order, NULL);
  kx_worker_probe (worker, "last", count, &done, NULL);
  g_assert_cmpint (freed, ==, 2);
  g_mutex_unlock (&gate.mutex);
  wait_until (&done, 1);
  kx_worker_stop (worker, NULL, NULL);
  g_assert_cmpstr (order->str, ==, "ab");
  g_assert_cmpint (freed, ==, 2);
  g_mutex_clear (&gate.mutex);
}

/* A brush that never rests leaves training most of the time. */
static void
test_share_of_probes (void)
{
  KxWorker *worker = kx_worker_new ("test");
  Work work = { .sleep = 2000 };
  g_autoptr (KxTask) task = kx_worker_add (worker, &kind, &work, 1);
  gint64 until = g_get_monotonic_time () + G_TIME_SPAN_SECOND;
  Gate gate = { 0 };

  g_mutex_init (&gate.mutex);
  while (g_get_monotonic_time () < until)
    {
      kx_worker_probe (worker, &gate, pass_gate, &gate, NULL);
      g_usleep (200);
    }
  g_assert_cmpfloat (kx_task_get_seconds (task), >, 0.6);
  kx_worker_stop (worker, NULL, NULL);
  g_mutex_clear (&gate.mutex);
}

static KxTurn
take_first_turn (gpointer self, double seconds)
{
  take_turn (self, seconds);
  return KX_TURN_FIRST;
}

/* What a person waits for goes first, but in no more than its part of a second; beyond that it has
 * the share that its weight gives it. Probes do not wait for it. */
static void
test_first (void)
{
  static const KxTaskKind waited_for = { take_first_turn, end };
  KxWorker *worker = kx_worker_new ("test");
  Work first = { .sleep = 1000 }, other = { .sleep = 1000 };
  g_autoptr (KxTask) one = kx_worker_add (worker, &waited_for, &first, 1);
  g_autoptr (KxTask) heavy = kx_worker_add (worker, &kind, &other, 9);
  gint64 began = g_get_monotonic_time ();
  int answered = 0;

  g_usleep (600 * G_TIME_SPAN_MILLISECOND); /* its part of the second is over */
  int turns = g_atomic_int_get (&other.turns);
  kx_worker_probe (worker, "one", count, &answered, NULL);
  wait_until (&answered, 1);
  g_assert_cmpint (g_atomic_int_get (&other.turns) - turns, <, 20);
  while (g_get_monotonic_time () < began + 3 * G_TIME_SPAN_SECOND)
    g_usleep (10 * G_TIME_SPAN_MILLISECOND);
  double share
      = kx_task_get_seconds (one) / (kx_task_get_seconds (one) + kx_task_get_seconds (heavy));
  kx_worker_stop (worker, NULL, NULL);
  g_assert_cmpfloat (share, >, 0.22); /* not 0.1; the third second may have just begun... */
  g_assert_cmpfloat (share, <, 0.42); /* ...or a fourth one have */
}

static KxTurn
take_idle_turn (gpointer self, double seconds)
{
  take_turn (self, seconds);
  return KX_TURN_IDLE;
}

/* What can wait gets turns while no other task wants one, none while one does, and those that wake
 * have saved up nothing. */
static void
test_idle (void)
{
  static const KxTaskKind patient = { take_idle_turn, end };
  KxWorker *worker = kx_worker_new ("test");
  Work idle = { .sleep = 500 }, busy = { .sleep = 500, .until = 100 };
  g_autoptr (KxTask) task = kx_worker_add (worker, &patient, &idle, 1);

  wait_until (&idle.turns, 10);
  int before = g_atomic_int_get (&idle.turns);
  g_autoptr (KxTask) other = kx_worker_add (worker, &kind, &busy, 1);
  wait_until (&busy.turns, 1); /* a turn may have been under way */
  int begun = g_atomic_int_get (&idle.turns);
  wait_until (&busy.turns, 90);
  g_assert_cmpint (g_atomic_int_get (&idle.turns), <=, begun + 1);
  wait_until (&busy.ended, 1);
  wait_until (&idle.turns, begun + 10);
  g_assert_cmpint (begun, >=, before);
  kx_worker_stop (worker, NULL, NULL);
  g_assert_cmpint (idle.ended, ==, 1);
}

typedef struct {
  Gate gate;
  int wanted[2]; /* before and after the gate */
} Asked;

static KxTurn
ask_twice (gpointer data, double seconds)
{
  Asked *asked = data;

  asked->wanted[0] = kx_worker_is_wanted ();
  pass_gate (&asked->gate);
  asked->wanted[1] = kx_worker_is_wanted ();
  return KX_TURN_DONE;
}

static void
end_nothing (gpointer data)
{
}

/* A long turn learns that a probe waits for it; and that another task does, but not at once. */
static void
test_wanted (void)
{
  static const KxTaskKind asking = { ask_twice, end_nothing };

  for (int other = 0; other < 2; other++)
    {
      KxWorker *worker = kx_worker_new ("test");
      Asked asked = { 0 };
      Work work = { .until = 1 };
      int done = 0;

      g_mutex_init (&asked.gate.mutex);
      g_mutex_lock (&asked.gate.mutex);
      g_autoptr (KxTask) task = kx_worker_add (worker, &asking, &asked, 1);
      wait_until (&asked.gate.entered, 1);
      g_autoptr (KxTask) one = other ? kx_worker_add (worker, &kind, &work, 1) : NULL;
      if (!other)
        kx_worker_probe (worker, "one", count, &done, NULL);
      else
        g_usleep (1100 * G_TIME_SPAN_MILLISECOND);
      g_mutex_unlock (&asked.gate.mutex);
      wait_until (other ? &work.ended : &done, 1);
      kx_worker_stop (worker, NULL, NULL);
      g_assert_false (asked.wanted[0]);
      g_assert_true (asked.wanted[1]);
      g_mutex_clear (&asked.gate.mutex);
    }
}

/* ── News ────────────────────────────────────────────────────────────────────────────────────── */

static void
tell (gpointer data)
{
  for (int i = 0; i < 1000; i++)
    kx_news_post (count, data, NULL);
}

static void
test_news (void)
{
  KxWorker *worker = kx_worker_new ("test");
  int told = 0;

  kx_worker_call (worker, tell, &told, NULL);
  while (told < 500)
    g_main_context_iteration (NULL, TRUE);
  kx_worker_stop (worker, NULL, NULL);
  kx_news_drain ();
  g_assert_cmpint (told, ==, 1000);
}

static int newest;

static void
take_newest (gpointer data)
{
  newest = *(int *) data;
}

static void
test_slot (void)
{
  KxSlot *slot = kx_slot_new (take_newest, g_free);

  for (int i = 1; i <= 3; i++)
    kx_slot_post (slot, g_memdup2 (&i, sizeof i));
  kx_news_drain ();
  g_assert_cmpint (newest, ==, 3);
  kx_slot_post (slot, g_memdup2 (&(int){ 4 }, sizeof (int)));
  kx_slot_close (slot);
  kx_news_drain ();
  g_assert_cmpint (newest, ==, 3);
}

/* ── The pace of what runs tell ──────────────────────────────────────────────────────────────── */

static void
test_pace (void)
{
  /* 4 ms each are 2 % of a core at one in 0.2 s, whatever the pace was when they were measured. */
  g_assert_cmpfloat_with_epsilon (kx_pace_adapt (0.10, 0.004 / 0.10), 0.20, 1e-9);
  g_assert_cmpfloat_with_epsilon (kx_pace_adapt (0.25, 0.004 / 0.25), 0.20, 1e-9);
  /* Never so fast that nobody sees it, nor so slow that it looks dead. */
  g_assert_cmpfloat (kx_pace_adapt (0.10, 0.001), ==, KX_PACE_FAST);
  g_assert_cmpfloat (kx_pace_adapt (0.10, 1), ==, KX_PACE_SLOW);
}

/* A main thread that is at work all the time has less told. */
static void
test_pace_of_a_busy_thread (void)
{
  gint64 until = g_get_monotonic_time () + 2 * G_TIME_SPAN_SECOND;

  g_assert_cmpfloat (kx_pace_get_seconds (), ==, KX_PACE_FAST);
  while (g_get_monotonic_time () < until && kx_pace_get_seconds () < KX_PACE_SLOW)
    kx_pace_note ();
  g_assert_cmpfloat (kx_pace_get_seconds (), ==, KX_PACE_SLOW);
}

/* Whoever asks in the same beat is told the same, once. */
static void
test_pace_of_numbers (void)
{
  gint64 one = 0, other = 0, beat = (gint64) (kx_pace_get_reading_seconds () * G_USEC_PER_SEC);

  g_assert_cmpint (beat, >=, 2 * KX_PACE_FAST * G_USEC_PER_SEC);
  for (int i = 0; i < 2; i++)
    {
      g_usleep ((gulong) (beat - g_get_monotonic_time () % beat));
      g_assert_true (kx_pace_may_tell (&one));
      g_assert_true (kx_pace_may_tell (&other));
      g_assert_false (kx_pace_may_tell (&one));
      g_assert_cmpint (one / beat, ==, other / beat);
    }
}

/* ── Undo ────────────────────────────────────────────────────────────────────────────────────── */

static void
add_one (gpointer data)
{
  ++*(int *) data;
}

static void
take_one (gpointer data)
{
  --*(int *) data;
}

static void
test_undo (void)
{
  g_autoptr (KxUndo) undo = kx_undo_new ();
  int number = 2;

  g_assert_false (kx_undo_back (undo));
  kx_undo_push (undo, "one", take_one, add_one, &number, NULL);
  kx_undo_push (undo, "two", take_one, add_one, &number, NULL);
  g_assert_cmpstr (kx_undo_get_title (undo), ==, "two");
  g_assert_true (kx_undo_back (undo));
  g_assert_true (kx_undo_back (undo));
  g_assert_false (kx_undo_back (undo));
  g_assert_cmpint (number, ==, 0);
  g_assert_true (kx_undo_again (undo));
  g_assert_cmpint (number, ==, 1);
  kx_undo_push (undo, "three", take_one, add_one, &number, NULL);
  g_assert_false (kx_undo_again (undo)); /* another future */
  for (int i = 0; i < 1000; i++)
    kx_undo_push (undo, "many", take_one, add_one, &number, NULL);
  int other = 0;
  kx_undo_push (undo, "other", take_one, add_one, &other, NULL);
  kx_undo_withdraw (undo, &other); /* nothing came of it */
  g_assert_cmpstr (kx_undo_get_title (undo), ==, "many");
  kx_undo_forget (undo);
  g_assert_null (kx_undo_get_title (undo));
}

/* As kx_format_rate() writes them, and as they are typed. */
static void
test_rates (void)
{
  const struct {
    const char *text;
    double rate;
  } rates[] = { { "0.05", 0.05 },
                { "3e-4", 3e-4 },
                { " 1.25e-3 ", 1.25e-3 },
                { "x0.5", 1 },
                { "/10", 0.2 } },
    german[] = { { "0,05", 0.05 }, { "1,25e-3", 1.25e-3 }, { "×0,5", 1 } };
  const char *const none[] = { "", "x", "0", "-1", "1,2,3", "1.2.3", "nan", "1e-99" };
  double rate;

  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    g_assert_false (kx_dial_read (none[i], 2, &rate));
  g_assert_false (kx_dial_read ("0,05", 2, &rate));
  if (!setlocale (LC_NUMERIC, "de_DE.UTF-8"))
    {
      g_test_skip ("The locale de_DE.UTF-8 is not installed");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (rates) + G_N_ELEMENTS (german); i++)
    {
      gboolean plain = i < G_N_ELEMENTS (rates);
      const char *text = plain ? rates[i].text : german[i - G_N_ELEMENTS (rates)].text;

      g_assert_true (kx_dial_read (text, 2, &rate));
      g_assert_cmpfloat_with_epsilon (
          rate, plain ? rates[i].rate : german[i - G_N_ELEMENTS (rates)].rate, 1e-12);
    }
  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    g_assert_false (kx_dial_read (none[i], 2, &rate));
  g_autofree char *shown = kx_format_rate (0.0525);
  g_assert_cmpstr (shown, ==, "0,0525");
  setlocale (LC_NUMERIC, "C");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/worker/turns", test_turns);
  g_test_add_func ("/ui/worker/weights", test_weights);
  g_test_add_func ("/ui/worker/equal-steps", test_equal_steps);
  g_test_add_func ("/ui/worker/sleepers", test_sleepers);
  g_test_add_func ("/ui/worker/waiting", test_waiting);
  g_test_add_func ("/ui/worker/calls", test_calls);
  g_test_add_func ("/ui/worker/probes", test_probes);
  g_test_add_func ("/ui/worker/share-of-probes", test_share_of_probes);
  g_test_add_func ("/ui/worker/first", test_first);
  g_test_add_func ("/ui/worker/idle", test_idle);
  g_test_add_func ("/ui/worker/wanted", test_wanted);
  g_test_add_func ("/ui/news", test_news);
  g_test_add_func ("/ui/slot", test_slot);
  g_test_add_func ("/ui/pace", test_pace);
  g_test_add_func ("/ui/pace/busy", test_pace_of_a_busy_thread);
  g_test_add_func ("/ui/pace/numbers", test_pace_of_numbers);
  g_test_add_func ("/ui/undo", test_undo);
  g_test_add_func ("/ui/rates", test_rates);
  return g_test_run ();
}
