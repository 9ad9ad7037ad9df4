/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "clock.h"

#include <math.h>

typedef struct {
  double value[3]; /* by KxUnit */
} Entry;

struct _KxClock {
  grefcount ref;
  GArray *entries;
};

/**
 * kx_clock_new:
 *
 * Returns: (transfer full): a clock that knows nothing yet
 */
KxClock *
kx_clock_new (void)
{
  KxClock *clock = g_new0 (KxClock, 1);

  g_ref_count_init (&clock->ref);
  clock->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  return clock;
}

KxClock *
kx_clock_ref (KxClock *clock)
{
  g_ref_count_inc (&clock->ref);
  return clock;
}

void
kx_clock_unref (KxClock *clock)
{
  if (!g_ref_count_dec (&clock->ref))
    return;
  g_array_unref (clock->entries);
  g_free (clock);
}

static const Entry *
entry (const KxClock *clock, guint i)
{
  return &g_array_index (clock->entries, Entry, i);
}

/**
 * kx_clock_append:
 * @clock: a clock
 * @step: greater than the one before; anything else is left out
 * @epoch: at that step, not less than before
 * @seconds: at that step, not less than before
 *
 * Adds what is known of a step. Between two of them, time and epochs are taken to pass
 * evenly.
 */
void
kx_clock_append (KxClock *clock, double step, double epoch, double seconds)
{
  Entry new = { { step, epoch, seconds } };
  guint n = clock->entries->len;

  if (!isfinite (step) || !isfinite (epoch) || !isfinite (seconds))
    return;
  if (n > 0)
    {
      const Entry *last = entry (clock, n - 1);
      if (step <= last->value[KX_UNIT_STEP])
        return;
      for (int unit = KX_UNIT_EPOCH; unit <= KX_UNIT_TIME; unit++)
        new.value[unit] = MAX (new.value[unit], last->value[unit]);
    }
  g_array_append_val (clock->entries, new);
}

/* The first entry whose value is not below @value. */
static guint
find (const KxClock *clock, KxUnit unit, double value)
{
  guint low = 0, high = clock->entries->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      if (entry (clock, middle)->value[unit] < value)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

/**
 * kx_clock_truncate:
 * @clock: a clock
 * @step: from where on it forgets
 */
void
kx_clock_truncate (KxClock *clock, double step)
{
  g_array_set_size (clock->entries, find (clock, KX_UNIT_STEP, step));
}

/**
 * kx_clock_knows:
 * @clock: (nullable): a clock
 * @unit: what steps are to be turned into
 *
 * Returns: whether it can: steps always are steps, the rest takes two entries that differ
 */
gboolean
kx_clock_knows (const KxClock *clock, KxUnit unit)
{
  if (unit == KX_UNIT_STEP)
    return TRUE;
  return clock && clock->entries->len >= 2
         && entry (clock, 0)->value[unit] < entry (clock, clock->entries->len - 1)->value[unit];
}

/* Evenly between entries; beyond the ends, at the mean pace of all. */
static double
convert (const KxClock *clock, KxUnit from, KxUnit to, double value)
{
  guint n = clock->entries->len, after = find (clock, from, value);
  const Entry *a = entry (clock, 0), *b = entry (clock, n - 1), *at = a;

  if (after == n)
    at = b;
  else if (after > 0)
    at = a = entry (clock, after - 1), b = entry (clock, after);
  return at->value[to]
         + (value - at->value[from]) / (b->value[from] - a->value[from])
               * (b->value[to] - a->value[to]);
}

/**
 * kx_clock_from_step:
 * @clock: a clock that knows @unit, see kx_clock_knows(); %NULL where that is the step
 * @unit: of the result
 * @step: a step
 *
 * Returns: epochs or seconds that had passed then
 */
double
kx_clock_from_step (const KxClock *clock, KxUnit unit, double step)
{
  return unit == KX_UNIT_STEP ? step : convert (clock, KX_UNIT_STEP, unit, step);
}

/**
 * kx_clock_to_step:
 * @clock: as of kx_clock_from_step()
 * @unit: of @value
 * @value: epochs or seconds
 *
 * Returns: the step, or what is between two of them, by then
 */
double
kx_clock_to_step (const KxClock *clock, KxUnit unit, double value)
{
  return unit == KX_UNIT_STEP ? value : convert (clock, unit, KX_UNIT_STEP, value);
}
