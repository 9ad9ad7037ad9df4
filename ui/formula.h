/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Formulas and the numbers in them, as people read and write them. */

char *kx_formula_lower_indices (const char *text);
GtkLabel *kx_formula_new_label (void);
GtkSpinButton *kx_formula_new_dial (const char *name, double least, double most, double step,
                                    guint digits);

G_END_DECLS
