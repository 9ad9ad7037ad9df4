/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Every case of every operation, each variant, on the device that KOLINSKY_DEVICE names. */

#include "graph/check-private.h"

static KolDevice *device;
static gboolean quick;

typedef struct {
  const KolOp *op;
  const KolCase *c;
  const KolVariant *variant;
} Case;

static void
on_result (const KolCheckResult *result, gpointer user_data)
{
  guint *checks = user_data;

  if (result->skipped)
    return;
  (*checks)++;
  if (result->message)
    g_test_message ("%s: %s", result->what, result->message);
  else
    g_test_message ("%s: difference %.2e, allowed %.1e", result->what, result->difference,
                    result->tolerance);
  if (!result->passed)
    g_test_fail ();
}

static void
test_case (gconstpointer data)
{
  const Case *at = data;
  guint checks = 0;

  kol_check_case (device, at->op, at->c, at->variant, on_result, &checks);
  if (checks == 0)
    g_test_skip ("the variant does not fit this case on this device");
}

#define ALIKE 4

/* How many operations before number @i are computed by the same launch: functions of elements. */
static guint
count_alike (guint i)
{
  const KolVariant *variants = kol_op_get (i)->variants;
  guint n = 0;

  for (guint k = 0; variants && k < i; k++)
    n += kol_op_get (k)->variants && kol_op_get (k)->variants[0].launch == variants[0].launch;
  return n;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  /* Without slow cases, and with a few of the operations that differ in a formula only. */
  quick = g_getenv ("KOLINSKY_QUICK") != NULL;
  for (guint i = 0; kol_op_get (i); i++)
    {
      const KolOp *op = kol_op_get (i);

      if (quick && count_alike (i) >= ALIKE)
        continue;
      for (const KolCase *c = op->cases; c && c->name; c++)
        for (const KolVariant *variant = op->variants; variant && variant->name; variant++)
          {
            g_autofree char *path
                = g_strdup_printf ("/ops/%s/%s/%s", op->name, c->name, variant->name);
            Case *at = g_new (Case, 1);

            *at = (Case){ op, c, variant };
            if (kol_check_takes (device, op, c, variant, quick))
              g_test_add_data_func_full (path, at, test_case, g_free);
            else
              g_free (at);
          }
    }
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
