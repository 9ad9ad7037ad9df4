/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/**
 * KolError:
 * @KOL_ERROR_DEVICE: no such device, or the driver refused an operation
 * @KOL_ERROR_BUILD: an OpenCL program did not compile
 * @KOL_ERROR_MEMORY: more device memory is needed than the budget allows
 * @KOL_ERROR_SHAPE: shapes that do not go together, or a wrong attribute
 * @KOL_ERROR_DATA: a file or array that is not what it should be
 * @KOL_ERROR_DIVERGED: a value became NaN or infinite
 * @KOL_ERROR_VARIANT: a variant was asked for that does not exist or fit
 *
 * What can go wrong. A cancelled run is reported as %G_IO_ERROR_CANCELLED.
 */
typedef enum {
  KOL_ERROR_DEVICE,
  KOL_ERROR_BUILD,
  KOL_ERROR_MEMORY,
  KOL_ERROR_SHAPE,
  KOL_ERROR_DATA,
  KOL_ERROR_DIVERGED,
  KOL_ERROR_VARIANT,
} KolError;

#define KOL_ERROR (kol_error_quark ())
KOL_API GQuark kol_error_quark (void);

G_END_DECLS
