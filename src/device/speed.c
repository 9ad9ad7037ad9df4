/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Both measurements in pieces, so that others who use the device get their turns in between. */

#include "speed-private.h"

#include <math.h>

#include "device-private.h"

#define SECONDS 0.3     /* for a sample of the peak take a tenth of it at most */
#define COUNT (1 << 24) /* floats: 64 MiB each of two, more than caches hold... */
#define MEMORY_SHARE 8  /* ...but no more than such a part of what may be used */
#define COPIES 5        /* pieces, of which the median counts */

struct _KolSpeed {
  KolDevice *device;
  KolPeak *peak;
  KolTraffic *traffic; /* from its first piece on */
  GArray *copies;      /* seconds */
  guint done;
};

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

double
kol_median (GArray *seconds)
{
  g_return_val_if_fail (seconds->len > 0, NAN);

  g_array_sort (seconds, compare_doubles);
  guint middle = seconds->len / 2;
  double upper = g_array_index (seconds, double, middle);
  return seconds->len % 2 ? upper : (g_array_index (seconds, double, middle - 1) + upper) / 2;
}

/**
 * kol_speed_new:
 * @device: a device
 * @error: return location
 *
 * Returns: (transfer full): a measurement that has not begun, or %NULL with @error set
 */
KolSpeed *
kol_speed_new (KolDevice *device, GError **error)
{
  g_return_val_if_fail (device, NULL);

  g_autoptr (KolPeak) peak = kol_peak_new (device, SECONDS, error);
  if (!peak)
    return NULL;
  KolSpeed *speed = g_new0 (KolSpeed, 1);
  speed->device = kol_device_ref (device);
  speed->peak = g_steal_pointer (&peak);
  speed->copies = g_array_new (FALSE, FALSE, sizeof (double));
  return speed;
}

/**
 * kol_speed_free:
 * @speed: (nullable): a measurement
 */
void
kol_speed_free (KolSpeed *speed)
{
  if (!speed)
    return;
  g_clear_pointer (&speed->traffic, kol_traffic_free);
  g_clear_pointer (&speed->peak, kol_peak_free);
  g_clear_pointer (&speed->copies, g_array_unref);
  g_clear_pointer (&speed->device, kol_device_unref);
  g_free (speed);
}

/**
 * kol_speed_count:
 * @speed: a measurement
 * @done: (out) (optional): how many pieces are done
 *
 * Returns: of how many
 */
guint
kol_speed_count (const KolSpeed *speed, guint *done)
{
  if (done)
    *done = speed->done;
  return kol_peak_count_mixes (speed->peak) + COPIES;
}

/* The first copy allocates and compiles; the last is held against what it must be. */
static gboolean
copy (KolSpeed *speed, gboolean last, GError **error)
{
  gsize affordable = kol_device_get_budget (speed->device) / sizeof (float) / MEMORY_SHARE;
  double seconds;

  if (!speed->traffic)
    {
      speed->traffic = kol_traffic_new (speed->device, MIN (COUNT, MAX (affordable, 1)), error);
      if (!speed->traffic || !kol_traffic_copy (speed->traffic, 1, &seconds, error))
        return FALSE;
    }
  if (!kol_traffic_copy (speed->traffic, 1, &seconds, error))
    return FALSE;
  g_array_append_val (speed->copies, seconds);
  return !last
         || (kol_traffic_sum (speed->traffic, 1, &seconds, error)
             && kol_traffic_check (speed->traffic, error));
}

/**
 * kol_speed_next:
 * @speed: a measurement of which kol_speed_count() pieces are not all done
 * @error: return location
 *
 * Does one piece.
 *
 * Returns: %FALSE with @error set if the device fails, or computes wrongly
 */
gboolean
kol_speed_next (KolSpeed *speed, GError **error)
{
  guint mixes = kol_peak_count_mixes (speed->peak);

  g_return_val_if_fail (speed->done < mixes + COPIES, FALSE);
  gboolean good = speed->done < mixes ? kol_peak_try_mix (speed->peak, speed->done, error)
                                      : copy (speed, speed->done + 1 == mixes + COPIES, error);
  speed->done++;
  return good;
}

/**
 * kol_speed_get_flops:
 * @speed: a measurement that is done
 *
 * Returns: floating-point operations per second, at most
 */
double
kol_speed_get_flops (KolSpeed *speed)
{
  return kol_peak_rate (speed->peak);
}

/**
 * kol_speed_get_bandwidth:
 * @speed: a measurement that is done
 *
 * Returns: bytes per second, read and written, of a copy
 */
double
kol_speed_get_bandwidth (KolSpeed *speed)
{
  return 2.0 * sizeof (float) * (double) kol_traffic_get_count (speed->traffic)
         / kol_median (speed->copies);
}
