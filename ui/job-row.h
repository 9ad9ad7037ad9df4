/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "job.h"

G_BEGIN_DECLS

#define KX_TYPE_JOB_ROW (kx_job_row_get_type ())
/** KxJobRow: a job in the list of jobs. */
G_DECLARE_FINAL_TYPE (KxJobRow, kx_job_row, KX, JOB_ROW, AdwBin)

void kx_job_row_set_job (KxJobRow *row, KxJob *job);

G_END_DECLS
