/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "session.h"

G_BEGIN_DECLS

/** KxWorkKind: what is found out about a device. */
typedef enum {
  KX_WORK_SPEED,      /* operations and bytes per second, which the device then remembers */
  KX_WORK_VERIFY,     /* whether each operation is right in each of its variants */
  KX_WORK_VERIFY_ALL, /* so, with the cases that take long */
  KX_WORK_TUNE,       /* which variant of each is the fastest */
} KxWorkKind;

/**
 * KxVerdict:
 * @op: an operation
 * @variant: one of its variants
 * @passed: checks that agreed
 * @failed: checks that did not
 * @difference: of the check that came nearest to its limit, or went beyond
 * @tolerance: its limit
 * @complete: whether all checks are done
 * @struck: whether the variant is switched off now
 * @reason: (nullable): the first failure
 *
 * What is known of a variant so far.
 */
typedef struct {
  const char *op, *variant;
  guint passed, failed;
  double difference, tolerance;
  gboolean complete, struck;
  char *reason;
} KxVerdict;

#define KX_TYPE_DEVICE_WORK (kx_device_work_get_type ())
/** KxDeviceWork: such work on a device, which is a job in the list. Of the main thread. */
G_DECLARE_FINAL_TYPE (KxDeviceWork, kx_device_work, KX, DEVICE_WORK, GObject)

KxDeviceWork *kx_device_work_start (KxSession *session, KxDevice *device, KxWorkKind kind);
KxDevice *kx_device_work_get_device (KxDeviceWork *work);
KxJob *kx_device_work_get_job (KxDeviceWork *work);

G_END_DECLS
