/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "graph.h"

G_BEGIN_DECLS

/**
 * KolCheckResult:
 * @op: the operation
 * @variant: the variant that was run
 * @what: "forward", "gradient 0" (of which input) or "second-order 0"; "forward in blocks",
 *   "from blocks" or "to blocks" where input and output, one of them, are in blocks of channels
 * @name: the case's name ("1x33")
 * @passed: whether it agrees
 * @skipped: the variant does not fit this case or device
 * @difference: the largest difference, relative to the largest magnitude
 * @tolerance: what was allowed
 * @message: the error, or NULL
 *
 * The outcome of one check of one case.
 */
typedef struct {
  const char *op;
  const char *variant;
  const char *what;
  const char *name;
  gboolean passed;
  gboolean skipped;
  double difference;
  double tolerance;
  const char *message;
} KolCheckResult;

typedef void (*KolCheckReporter) (const KolCheckResult *result, gpointer user_data);

KOL_API gboolean kol_check (KolDevice *device, const char *op, gboolean quick,
                            KolCheckReporter reporter, gpointer user_data, GError **error);

/**
 * KolChecks:
 *
 * All that kol_check() runs, one check at a time.
 */
typedef struct _KolChecks KolChecks;

KOL_API KolChecks *kol_checks_new (KolDevice *device, gboolean quick);
KOL_API void kol_checks_free (KolChecks *checks);
KOL_API guint kol_checks_count (const KolChecks *checks, guint *done);
KOL_API gboolean kol_checks_next (KolChecks *checks, KolCheckReporter reporter, gpointer user_data);
KOL_API gboolean kol_check_conclude (KolDevice *device, const char *op, const char *variant,
                                     guint passed, guint failed, const char *reason);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolChecks, kol_checks_free)

G_END_DECLS
