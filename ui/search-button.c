/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a search is to try, and how often. What cannot be searched is said before it begins. */

#include "search-button.h"

#include <glib/gi18n.h>

struct _KxSearchButton {
  AdwBin parent_instance;

  char *recipe;
  gboolean turned; /* the rates, by hand */
  gboolean showing;

  GtkMenuButton *button;
  GtkPopover *popover;
  GtkLabel *subject, *problem;
  GtkSpinButton *trials, *steps;
  GtkEntry *rates, *others;
};

G_DEFINE_FINAL_TYPE (KxSearchButton, kx_search_button, ADW_TYPE_BIN)

enum {
  SEARCH,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
mark (GtkEntry *entry, gboolean wrong)
{
  if (wrong)
    gtk_widget_add_css_class (GTK_WIDGET (entry), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (entry), "error");
}

static void
say_problem (KxSearchButton *self, GtkEntry *entry, const char *text)
{
  gtk_label_set_label (self->problem, text ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem), text != NULL);
  mark (self->rates, text && entry == self->rates);
  mark (self->others, text && entry == self->others);
}

/* Whether it can be searched, beside what is searched already; what is wrong is said. */
static gboolean
add (KxSearchButton *self, GtkEntry *entry, KolSearch *search, GPtrArray *over, char *text)
{
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (over, text);
  if (kol_search_add (search, text, &error))
    return TRUE;
  say_problem (self, entry, error->message);
  return FALSE;
}

/* The rates, then what else there is, as kol_search_add() takes it. NULL: it was said why not. */
static GStrv
read_ranges (KxSearchButton *self)
{
  g_autoptr (KolSearch) search = kol_search_new (0);
  g_autoptr (GPtrArray) over = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *rates = g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->rates)));
  g_auto (GStrv) others
      = g_strsplit_set (gtk_editable_get_text (GTK_EDITABLE (self->others)), " ;", -1);

  if (!add (self, self->rates, search, over, g_strconcat ("rate=", g_strstrip (rates), NULL)))
    return NULL;
  for (char **text = others; *text; text++)
    if (**text && !add (self, self->others, search, over, g_strdup (*text)))
      return NULL;
  g_ptr_array_add (over, NULL);
  return (GStrv) g_ptr_array_steal (over, NULL);
}

static void
begin (KxSearchButton *self)
{
  g_auto (GStrv) over = NULL;

  say_problem (self, NULL, NULL);
  over = read_ranges (self);
  if (!over)
    return;
  KxSearchSetup setup = { .trials = (guint64) gtk_spin_button_get_value_as_int (self->trials),
                          .steps = (guint64) gtk_spin_button_get_value_as_int (self->steps),
                          .over = (const char *const *) over };
  gtk_popover_popdown (self->popover);
  g_signal_emit (self, signals[SEARCH], 0, &setup);
}

/* Those that are usual for the recipe, until others were entered. */
static void
propose_rates (KxSearchButton *self)
{
  g_autoptr (KolSearch) search = kol_search_new (0);
  g_autoptr (KolRecipe) recipe = self->recipe ? kol_recipe_find (self->recipe, NULL) : NULL;
  guint n;

  if (self->turned || !recipe)
    return;
  kol_search_add_usual (search, kol_recipe_get_settings (recipe));
  self->showing = TRUE;
  gtk_editable_set_text (GTK_EDITABLE (self->rates),
                         strchr (kol_search_get_ranges (search, &n)[0]->text, '=') + 1);
  self->showing = FALSE;
}

static void
turn (KxSearchButton *self)
{
  self->turned |= !self->showing;
}

static void
kx_search_button_finalize (GObject *object)
{
  g_free (KX_SEARCH_BUTTON (object)->recipe);
  G_OBJECT_CLASS (kx_search_button_parent_class)->finalize (object);
}

static void
kx_search_button_class_init (KxSearchButtonClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_search_button_finalize;
  signals[SEARCH] = g_signal_new ("search", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/search-button.ui");
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, button);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, popover);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, subject);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, problem);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, trials);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, steps);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, rates);
  gtk_widget_class_bind_template_child (widget_class, KxSearchButton, others);
  gtk_widget_class_bind_template_callback (widget_class, begin);
  gtk_widget_class_bind_template_callback (widget_class, turn);
}

static void
kx_search_button_init (KxSearchButton *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/**
 * kx_search_button_new:
 * @suggested: whether it is what one is likely to want here
 *
 * Returns: (transfer floating): a button
 */
GtkWidget *
kx_search_button_new (gboolean suggested)
{
  KxSearchButton *self = g_object_new (KX_TYPE_SEARCH_BUTTON, NULL);

  if (suggested)
    {
      gtk_widget_add_css_class (GTK_WIDGET (self->button), "suggested-action");
      gtk_widget_set_halign (GTK_WIDGET (self), GTK_ALIGN_CENTER);
    }
  return GTK_WIDGET (self);
}

/**
 * kx_search_button_set_subject:
 * @button: a button
 * @recipe: of what settings are searched
 * @data: (nullable): the examples; %NULL: there are none
 */
void
kx_search_button_set_subject (KxSearchButton *self, const char *recipe, const char *data)
{
  g_autofree char *title = data ? kx_data_set_title (data) : NULL;
  g_autofree char *text
      = title ? g_strdup_printf (_ ("Settings of %s, on %s"), recipe, title) : NULL;

  g_free (self->recipe);
  self->recipe = g_strdup (recipe);
  gtk_label_set_label (self->subject, text ? text : "");
  propose_rates (self);
}
