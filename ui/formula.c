/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "formula.h"

#include "chart/axis.h"

/**
 * kx_formula_lower_indices:
 * @text: a formula
 *
 * Digits that follow a letter are indices: "z3", "w13", and of several "y3,10,14".
 *
 * Returns: (transfer full): markup
 */
char *
kx_formula_lower_indices (const char *text)
{
  GString *markup = g_string_new (NULL);
  gboolean lowered = FALSE;

  for (const char *at = text; *at; at++)
    {
      gboolean digit = g_ascii_isdigit (*at);
      if (digit && !lowered && at > text && g_ascii_isalpha (at[-1]))
        {
          g_string_append (markup, "<sub>");
          lowered = TRUE;
        }
      if (!digit && lowered && (*at != ',' || !g_ascii_isdigit (at[1])))
        {
          g_string_append (markup, "</sub>");
          lowered = FALSE;
        }
      g_string_append_c (markup, *at);
    }
  if (lowered)
    g_string_append (markup, "</sub>");
  return g_string_free (markup, FALSE);
}

/**
 * kx_formula_new_label:
 *
 * Returns: (transfer floating): a label for formulas
 */
GtkLabel *
kx_formula_new_label (void)
{
  GtkLabel *label = GTK_LABEL (gtk_label_new (NULL));

  gtk_widget_set_direction (GTK_WIDGET (label), GTK_TEXT_DIR_LTR); /* formulas are, everywhere */
  gtk_label_set_xalign (label, 0);
  gtk_label_set_wrap (label, TRUE);
  gtk_label_set_selectable (label, TRUE);
  gtk_widget_set_focusable (GTK_WIDGET (label), FALSE);
  gtk_widget_add_css_class (GTK_WIDGET (label), "numeric");
  return label;
}

/* With the minus of all other numbers. */
static gboolean
write_dial (GtkSpinButton *dial)
{
  g_autofree char *text
      = kx_format_fixed (gtk_spin_button_get_value (dial), (int) gtk_spin_button_get_digits (dial));

  if (!g_str_equal (text, gtk_editable_get_text (GTK_EDITABLE (dial))))
    gtk_editable_set_text (GTK_EDITABLE (dial), text);
  return TRUE;
}

/* Typed with either sign. */
static int
read_dial (GtkSpinButton *dial, double *value)
{
  g_auto (GStrv) parts = g_strsplit (gtk_editable_get_text (GTK_EDITABLE (dial)), "−", -1);
  g_autofree char *text = g_strjoinv ("-", parts);
  char *end;

  *value = g_strtod (text, &end);
  return *end ? GTK_INPUT_ERROR : TRUE;
}

/**
 * kx_formula_new_dial:
 * @name: what it is called
 * @least: its smallest number
 * @most: its largest
 * @step: of a press
 * @digits: after the point
 *
 * Returns: (transfer floating): what a number of a formula is changed with
 */
GtkSpinButton *
kx_formula_new_dial (const char *name, double least, double most, double step, guint digits)
{
  GtkSpinButton *dial = GTK_SPIN_BUTTON (gtk_spin_button_new_with_range (least, most, step));

  gtk_spin_button_set_numeric (dial, FALSE); /* or it takes no such minus */
  g_signal_connect (dial, "output", G_CALLBACK (write_dial), NULL);
  g_signal_connect (dial, "input", G_CALLBACK (read_dial), NULL);
  gtk_spin_button_set_digits (dial, digits);
  gtk_editable_set_width_chars (GTK_EDITABLE (dial), 7);
  gtk_editable_set_alignment (GTK_EDITABLE (dial), 1);
  gtk_widget_set_direction (GTK_WIDGET (gtk_editable_get_delegate (GTK_EDITABLE (dial))),
                            GTK_TEXT_DIR_LTR); /* else the minus is behind the number */
  gtk_accessible_update_property (GTK_ACCESSIBLE (dial), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  return dial;
}
