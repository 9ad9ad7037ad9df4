/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_MATRIX (kx_matrix_get_type ())
/**
 * KxMatrix:
 *
 * A confusion matrix: of the examples of each class, for what they were taken. Every cell is a
 * button; of more than %KX_MATRIX_MOST classes, the pairs that are confused most are listed.
 *
 * Signal "cell-activated" (guint actual, guint predicted).
 */
G_DECLARE_FINAL_TYPE (KxMatrix, kx_matrix, KX, MATRIX, GtkWidget)

/** KX_MATRIX_MOST: classes that are shown as a matrix. */
#define KX_MATRIX_MOST 20

GtkWidget *kx_matrix_new (void);
void kx_matrix_set_counts (KxMatrix *matrix, const char *const *labels, guint n,
                           const guint *counts);
void kx_matrix_clear (KxMatrix *matrix);

G_END_DECLS
