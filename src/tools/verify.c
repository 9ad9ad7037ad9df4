/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../words-private.h"

#include "../graph/check-private.h"
#include "../graph/op-private.h"

#include <math.h>

/* What came out for one variant of one operation. */
typedef struct {
  char *op;
  char *variant;
  guint passed, failed, skipped;
  double worst; /* the largest difference of what could be compared */
  char *first_failure;
  gboolean struck; /* it is not used on this device any more */
} Row;

static void
row_free (gpointer data)
{
  Row *row = data;

  g_free (row->op);
  g_free (row->variant);
  g_free (row->first_failure);
  g_free (row);
}

typedef struct {
  GPtrArray *rows;     /* of Row, in the order of the checks */
  GPtrArray *failures; /* a sentence each */
} Outcome;

static Row *
find_row (Outcome *outcome, const char *op, const char *variant)
{
  for (guint i = 0; i < outcome->rows->len; i++)
    {
      Row *row = g_ptr_array_index (outcome->rows, i);
      if (g_str_equal (row->op, op) && g_str_equal (row->variant, variant))
        return row;
    }
  Row *row = g_new0 (Row, 1);
  row->op = g_strdup (op);
  row->variant = g_strdup (variant);
  g_ptr_array_add (outcome->rows, row);
  return row;
}

static char *
describe_failure (const KolCheckResult *result)
{
  if (result->message)
    return g_strdup_printf ("%s of case %s: %s", result->what, result->name, result->message);
  return g_strdup_printf ("%s of case %s differs by %.2g of the largest value; %.2g is allowed",
                          result->what, result->name, result->difference, result->tolerance);
}

static void
note_result (const KolCheckResult *result, gpointer user_data)
{
  Outcome *outcome = user_data;
  Row *row = find_row (outcome, result->op, result->variant);
  g_autofree char *now = g_strdup_printf ("%s %s %s", result->op, result->variant, result->name);

  tool_status (now);
  if (result->skipped)
    {
      row->skipped++;
      return;
    }
  /* Not-a-number is worse than any number, and stays. */
  if (!(result->difference <= row->worst))
    row->worst = isnan (row->worst) ? row->worst : result->difference;
  if (result->passed)
    {
      row->passed++;
      return;
    }

  g_autofree char *why = describe_failure (result);
  g_ptr_array_add (outcome->failures,
                   g_strdup_printf ("%s %s: %s", result->op, result->variant, why));
  row->failed++;
  if (!row->first_failure)
    row->first_failure = g_steal_pointer (&why);
}

static void
strike_failures (KolDevice *device, Outcome *outcome)
{
  for (guint i = 0; i < outcome->rows->len; i++)
    {
      Row *row = g_ptr_array_index (outcome->rows, i);
      row->struck = kol_check_conclude (device, row->op, row->variant, row->passed, row->failed,
                                        row->first_failure);
    }
}

/* ── Output ── */

static void
say_outcome (const Outcome *outcome)
{
  tool_say ("%-31s %-20s %7s %7s %8s  %s", "operation", "variant", "passed", "failed", "skipped",
            "worst difference");
  for (guint i = 0; i < outcome->rows->len; i++)
    {
      const Row *row = g_ptr_array_index (outcome->rows, i);
      g_autofree char *worst
          = row->passed + row->failed ? g_strdup_printf ("%.1e", row->worst) : g_strdup ("-");
      tool_say ("%-31s %-20s %7u %7u %8u  %s%s", row->op, row->variant, row->passed, row->failed,
                row->skipped, worst, row->failed ? "  FAILED" : "");
    }
  for (guint i = 0; i < outcome->failures->len; i++)
    tool_say ("%sFAILED %s", i == 0 ? "\n" : "",
              (const char *) g_ptr_array_index (outcome->failures, i));
}

static void
say_consequences (KolDevice *device, const Outcome *outcome)
{
  guint passed = 0;
  gboolean struck = FALSE;

  for (guint i = 0; i < outcome->rows->len; i++)
    {
      const Row *row = g_ptr_array_index (outcome->rows, i);
      passed += row->passed;
      if (row->struck)
        tool_say ("The variant %s of %s is switched off for this device and driver.", row->variant,
                  row->op);
      else if (row->failed)
        tool_say ("The plain variant of %s is wrong on this device, and nothing can replace it: "
                  "update the driver, or use another device.",
                  row->op);
      struck = struck || row->struck;
    }
  if (struck)
    tool_say ("It is switched on again by the next `kolinsky verify` that finds it right.");
  tool_say ("\n%u checks passed, %u failed.", passed, outcome->failures->len);
}

static void
write_outcome (const Outcome *outcome)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  tool_json_boolean (&json, "passed", outcome->failures->len == 0);
  tool_json_open (&json, "variants", '[');
  for (guint i = 0; i < outcome->rows->len; i++)
    {
      const Row *row = g_ptr_array_index (outcome->rows, i);
      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "op", row->op);
      tool_json_string (&json, "variant", row->variant);
      tool_json_integer (&json, "passed", row->passed);
      tool_json_integer (&json, "failed", row->failed);
      tool_json_integer (&json, "skipped", row->skipped);
      tool_json_number (&json, "worst", row->worst);
      tool_json_boolean (&json, "struck", row->struck);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_open (&json, "failures", '[');
  for (guint i = 0; i < outcome->failures->len; i++)
    tool_json_string (&json, NULL, g_ptr_array_index (outcome->failures, i));
  tool_json_close (&json);
  tool_json_close (&json);
  tool_json_print (&json);
}

/* ── The command ── */

/* What is to be checked. */
typedef struct {
  ToolOptions common;
  char *op;      /* NULL: all */
  char *variant; /* NULL: all of the operation */
  gboolean quick;
} VerifyOptions;

static void
verify_options_clear (VerifyOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->op);
  g_free (options->variant);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VerifyOptions, verify_options_clear)

static gboolean
fail_unknown (const char *kind, const char *name, GPtrArray *known)
{
  g_ptr_array_add (known, NULL);
  const char *nearest = kol_nearest_word (name, (const char *const *) known->pdata);
  g_autofree char *all = g_strjoinv (" ", (char **) known->pdata);

  tool_usage (&tool_verify, "There is no %s \"%s\"%s%s%s; known: %s", kind, name,
              nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", all);
  return FALSE;
}

static gboolean
check_options (const VerifyOptions *options)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  const KolOp *op = options->op ? kol_op_find (options->op) : NULL;
  const KolVariant *variant;

  if (options->op && !op)
    {
      for (guint i = 0; kol_op_get (i); i++)
        g_ptr_array_add (known, (gpointer) kol_op_get (i)->name);
      return fail_unknown ("operation", options->op, known);
    }
  if (!options->variant)
    return TRUE;
  if (!op)
    {
      tool_usage (&tool_verify, "--variant needs --op: whose variant is it?");
      return FALSE;
    }
  for (guint i = 0; (variant = kol_check_get_variant (op, i)); i++)
    {
      if (g_str_equal (variant->name, options->variant))
        return TRUE;
      g_ptr_array_add (known, (gpointer) variant->name);
    }
  return fail_unknown ("variant", options->variant, known);
}

static void
check_variant (KolDevice *device, const VerifyOptions *options, Outcome *outcome)
{
  const KolOp *op = kol_op_find (options->op);
  const KolVariant *variant = kol_check_find_variant (op, options->variant);

  for (const KolCase *c = op->cases; c && c->name; c++)
    if (kol_check_takes (device, op, c, variant, options->quick))
      kol_check_case (device, op, c, variant, note_result, outcome);
}

static ToolExit
verify (const VerifyOptions *options, GError **error)
{
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  if (!device)
    return TOOL_FAILED;

  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (row_free);
  g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func (g_free);
  Outcome outcome = { rows, failures };

  if (options->variant)
    check_variant (device, options, &outcome);
  else /* that a check fails is an outcome, of which all is known */
    kol_check (device, options->op, options->quick, note_result, &outcome, NULL);

  strike_failures (device, &outcome);
  if (options->common.json)
    write_outcome (&outcome);
  say_outcome (&outcome);
  say_consequences (device, &outcome);
  if (!tool_save_profile (&options->common, device, error))
    return TOOL_FAILED;
  return failures->len ? TOOL_REFUTED : TOOL_OK;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (VerifyOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "op", 0, 0, G_OPTION_ARG_STRING, &options.op, "Check one operation only (all)", "NAME" },
    { "variant", 0, 0, G_OPTION_ARG_STRING, &options.variant,
      "Check one variant of the operation only (all)", "NAME" },
    { "quick", 0, 0, G_OPTION_ARG_NONE, &options.quick, "Leave out the cases that take long",
      NULL },
    { NULL },
  };

  if (!tool_parse (&tool_verify, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                   &options.common, 0, &argc, &argv)
      || !check_options (&options))
    return TOOL_USAGE;
  ToolExit code = verify (&options, &error);
  return error ? tool_fail (error) : code;
}

const ToolCommand tool_verify = {
  .name = "verify",
  .summary = "Check every operation on a device against plain arithmetic",
  .description
  = "Runs the cases of every operation and every way to compute it: the result against\n"
    "double precision on the host, the gradients against differences. A way that fails is\n"
    "switched off for this device and driver, and the exit code is 3.",
  .run = run_command,
};
