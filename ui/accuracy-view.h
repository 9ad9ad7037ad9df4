/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "scoring.h"

G_BEGIN_DECLS

#define KX_TYPE_ACCURACY_VIEW (kx_accuracy_view_get_type ())
/** KxAccuracyView: the accuracy of a network with changed units, and what it takes for what. */
G_DECLARE_FINAL_TYPE (KxAccuracyView, kx_accuracy_view, KX, ACCURACY_VIEW, GtkWidget)

void kx_accuracy_view_set_scores (KxAccuracyView *view, KxNetwork *network, const KxScores *scores);
char *kx_scores_describe (const KxScores *scores);
void kx_accuracy_view_clear (KxAccuracyView *view);

G_END_DECLS
