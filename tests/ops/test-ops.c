/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Every case of every operation, each variant, on the device that KOLINSKY_DEVICE names. Called
 * with
 * `--part I N`, from 0, only every N-th operation, so that several processes share them.
 */

#include <stdlib.h>
#include <string.h>

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

/* Takes `--part I N` from the arguments, which the test framework does not know. */
static void
take_part (int *argc, char **argv, guint *part, guint *parts)
{
  if (*argc < 4 || strcmp (argv[1], "--part"))
    return;
  *part = (guint) atoi (argv[2]);
  *parts = (guint) atoi (argv[3]);
  *argc -= 3;
  memmove (argv + 1, argv + 4, (gsize) *argc * sizeof (char *));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  guint part = 0, parts = 1;
  int status;

  take_part (&argc, argv, &part, &parts);
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
      const KolVariant *variant;

      if (i % parts != part || (quick && count_alike (i) >= ALIKE))
        continue;
      for (const KolCase *c = op->cases; c && c->name; c++)
        for (guint k = 0; (variant = kol_check_get_variant (op, k)); k++)
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
