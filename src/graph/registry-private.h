/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "op-private.h"

/* One NULL-ended list of operations per file of src/ops; generated from src/ops/meson.build. */
extern const KolOp *const *const kol_op_lists[];
