/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../dataset/batches.h"
#include "../graph/graph.h"

G_BEGIN_DECLS

KOL_API gboolean kol_batch_next (KolBatches *batches, KolValue *x, KolValue *y);

G_END_DECLS
