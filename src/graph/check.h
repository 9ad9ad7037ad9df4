/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "graph.h"

G_BEGIN_DECLS

/**
 * KolCheckResult:
 * @op: the operation
 * @variant: the variant that was run
 * @what: "forward", "gradient 0" (of which input) or "second-order 0"
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

G_END_DECLS
