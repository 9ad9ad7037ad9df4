/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The numbers are of one batch at one step, so that they belong together: it is taken once. */

#include "layer-walk.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "chart/axis.h"
#include "chart/wrap-layout.h"

struct _KxLayerWalk {
  KxTrainTab parent_instance;
  GtkBox *head;
  GtkLabel *caption;
  GtkListBox *list;
  GtkWidget *forward, *back, *reset, *again, *begin;
  GtkScrolledWindow *scrolled;
  KxLook *look;
  guint step;      /* so many rows: layers, E, layers backward */
  guint shown;     /* of them: those that the list has */
  GtkStack *stack; /* the rows, or what will stand there */
};

G_DEFINE_FINAL_TYPE (KxLayerWalk, kx_layer_walk, KX_TYPE_TRAIN_TAB)

/* ── Formulas ────────────────────────────────────────────────────────────────────────────────── */

/* What a kind of layer computes, and how a derivative goes back through it. */
static const struct {
  const char *kind, *forward, *back;
} formulas[] = {
  { "conv2d", "z = b + Σ y w", "∂E/∂y = Σ ∂E/∂z w,  ∂E/∂w = Σ ∂E/∂z y" },
  { "matmul", "zₙ = bₙ + Σₘ yₘ wₘₙ", "∂E/∂yₘ = Σₙ ∂E/∂zₙ wₘₙ,  ∂E/∂wₘₙ = ∂E/∂zₙ yₘ" },
  { "add", "zₙ = bₙ + Σₘ yₘ wₘₙ", "∂E/∂bₙ = ∂E/∂zₙ,  ∂E/∂wₘₙ = ∂E/∂zₙ yₘ" },
  { "relu", "y = max(z, 0)", "∂E/∂z = ∂E/∂y where z > 0, else 0" },
  { "leaky_relu", "y = z, or slope z where z < 0", "∂E/∂z = ∂E/∂y, or slope ∂E/∂y" },
  { "sigmoid", "y = 1 / (1 + exp(−z))", "∂E/∂z = ∂E/∂y y (1 − y)" },
  { "tanh", "y = tanh z", "∂E/∂z = ∂E/∂y (1 − y²)" },
  { "max_pool", "y = max of each window", "∂E/∂y goes to the largest of each window" },
  { "average_pool", "y = mean of each window", "∂E/∂y is shared within each window" },
  { "dropout", "y: nothing is dropped here", "∂E/∂y goes back as it is" },
  { "reshape", "the same numbers in another shape", "∂E/∂y goes back as it is" },
};

static const char *
find_formula (const char *kind, gboolean back)
{
  for (guint i = 0; i < G_N_ELEMENTS (formulas); i++)
    if (g_str_equal (kind, formulas[i].kind))
      return back ? formulas[i].back : formulas[i].forward;
  return back ? "∂E/∂z = ∂E/∂y g′(z)" : "y = g(z)";
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────── */

static GtkWidget *
make_label (const char *text, const char *class, gboolean ellipsize)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), !ellipsize);
  if (ellipsize)
    gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  if (class)
    gtk_widget_add_css_class (label, class);
  gtk_widget_add_css_class (label, "numeric");
  return label;
}

static void
add_row (KxLayerWalk *self, const char *title, const char *formula, const char *numbers)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *row = gtk_list_box_row_new ();

  gtk_box_append (GTK_BOX (head), make_label (title, NULL, TRUE));
  gtk_box_append (GTK_BOX (head), make_label (formula, "dim-label", TRUE));
  gtk_box_append (GTK_BOX (box), head);
  gtk_box_append (GTK_BOX (box), make_label (numbers, "caption", FALSE));
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_list_box_append (self->list, row);
}

static void
add_forward (KxLayerWalk *self, const KxLayerLook *layer)
{
  g_autofree char *title = g_strdup_printf ("%s · %s", layer->name, layer->shape);
  g_autofree char *mean = kx_format_value (layer->mean), *least = kx_format_value (layer->least),
                  *most = kx_format_value (layer->most);
  g_autofree char *numbers = g_strdup_printf (_ ("mean %s, least %s, most %s"), mean, least, most);

  add_row (self, title, find_formula (layer->kind, FALSE), numbers);
}

static void
add_back (KxLayerWalk *self, const KxLayerLook *layer)
{
  g_autofree char *title = g_strdup_printf ("∂E/∂ %s", layer->name);
  g_autofree char *norm = kx_format_value (layer->norm),
                  *gradient = kx_format_value (layer->weight_gradient),
                  *weights = kx_format_value (layer->weight_norm);
  GString *numbers = g_string_new (NULL);

  if (isnan (layer->norm))
    g_string_append (numbers, _ ("E does not depend on it"));
  else
    g_string_append_printf (numbers, "‖∂E/∂y‖ = %s", norm);
  if (layer->weights && !isnan (layer->weight_gradient))
    g_string_append_printf (numbers, ",  %s: ‖∂E/∂w‖ = %s, ‖w‖ = %s", layer->weights, gradient,
                            weights);
  add_row (self, title, find_formula (layer->kind, TRUE), numbers->str);
  g_string_free (numbers, TRUE);
}

static const KxLayerLook *
get_layer (KxLayerWalk *self, guint i)
{
  return &g_array_index (self->look->layers, KxLayerLook, i);
}

/* The row of a step, counted from 0. */
static void
add_step (KxLayerWalk *self, guint step)
{
  guint n = self->look->layers->len;

  if (step < n)
    add_forward (self, get_layer (self, step));
  else if (step == n)
    {
      g_autofree char *loss = kx_format_value (self->look->loss);
      g_autofree char *numbers = g_strdup_printf ("E = %s", loss);
      add_row (self, _ ("Objective"), "E = −log lik", numbers);
    }
  else
    add_back (self, get_layer (self, 2 * n - step));
}

static gboolean
scroll_down (gpointer data)
{
  GtkAdjustment *place = gtk_scrolled_window_get_vadjustment (KX_LAYER_WALK (data)->scrolled);

  gtk_adjustment_set_value (place, gtk_adjustment_get_upper (place));
  return G_SOURCE_REMOVE;
}

static void
show (KxLayerWalk *self)
{
  guint n = self->look ? self->look->layers->len : 0;
  GtkWidget *row;

  if (!self->look || self->step < self->shown)
    {
      while ((row = gtk_widget_get_first_child (GTK_WIDGET (self->list))))
        gtk_list_box_remove (self->list, row);
      self->shown = 0;
    }
  for (; self->look && self->shown < self->step; self->shown++)
    add_step (self, self->shown);
  gtk_stack_set_visible_child_name (self->stack, self->step ? "rows" : "empty");
  gtk_widget_set_sensitive (self->begin, self->look != NULL);
  gtk_widget_set_sensitive (self->forward, self->look && self->step <= n);
  gtk_widget_set_sensitive (self->back, self->look && self->step > n && self->step < 2 * n + 1);
  gtk_widget_set_sensitive (self->reset, self->step > 0);
  g_idle_add_full (G_PRIORITY_LOW, scroll_down, g_object_ref (self), g_object_unref);
}

/* ── A tab ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
ask (KxTrainTab *tab, KxLookQuestion *question)
{
  question->kind = KX_LOOK_LAYERS;
  return !KX_LAYER_WALK (tab)->look && kx_run_get_step (kx_train_tab_get_run (tab)) > 0;
}

static gboolean
take (KxTrainTab *tab, KxLook *look)
{
  KxLayerWalk *self = KX_LAYER_WALK (tab);
  g_autofree char *text = g_strdup_printf (_ ("The batch of step %" PRIu64 ", %zu examples"),
                                           look->step, look->count);

  kx_look_unref (self->look);
  self->look = kx_look_ref (look);
  gtk_label_set_label (self->caption, text);
  show (self);
  return TRUE;
}

static void
forget (KxTrainTab *tab)
{
  KxLayerWalk *self = KX_LAYER_WALK (tab);

  g_clear_pointer (&self->look, kx_look_unref);
  self->step = 0;
  show (self);
}

static void
step_on (KxLayerWalk *self)
{
  self->step++;
  show (self);
}

static void
reset (KxLayerWalk *self)
{
  self->step = 0;
  show (self);
}

static void
look_again (KxLayerWalk *self)
{
  g_clear_pointer (&self->look, kx_look_unref);
  show (self);
  kx_train_tab_look (KX_TRAIN_TAB (self));
}

static void
kx_layer_walk_finalize (GObject *object)
{
  kx_look_unref (KX_LAYER_WALK (object)->look);
  G_OBJECT_CLASS (kx_layer_walk_parent_class)->finalize (object);
}

static void
kx_layer_walk_class_init (KxLayerWalkClass *klass)
{
  KxTrainTabClass *tab_class = KX_TRAIN_TAB_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_layer_walk_finalize;
  tab_class->ask = ask;
  tab_class->take = take;
  tab_class->clear = forget;
}

static GtkWidget *
make_button (KxLayerWalk *self, GtkWidget *box, const char *label, GCallback pressed)
{
  GtkWidget *button = gtk_button_new_with_label (label);

  g_signal_connect_object (button, "clicked", pressed, self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (box), button);
  return button;
}

/* Before the first step. */
static GtkWidget *
make_empty (KxLayerWalk *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 12);
  GtkWidget *text
      = gtk_label_new (_ ("Each step forward computes one layer of this network for the "
                          "batch, down to the error E; each step back one layer's "
                          "derivatives of E."));

  gtk_label_set_wrap (GTK_LABEL (text), TRUE);
  gtk_label_set_justify (GTK_LABEL (text), GTK_JUSTIFY_CENTER);
  gtk_label_set_max_width_chars (GTK_LABEL (text), 50);
  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), text);
  self->begin = make_button (self, box, _ ("Take the First Step"), G_CALLBACK (step_on));
  gtk_widget_set_halign (self->begin, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (self->begin, "suggested-action");
  gtk_widget_add_css_class (self->begin, "pill");
  return box;
}

static void
kx_layer_walk_init (KxLayerWalk *self)
{
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *all = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  gtk_widget_set_layout_manager (head, g_object_new (KX_TYPE_WRAP_LAYOUT, NULL));
  self->head = GTK_BOX (head);
  gtk_widget_add_css_class (head, "kx-close");
  self->forward = make_button (self, head, _ ("Step Forward"), G_CALLBACK (step_on));
  self->back = make_button (self, head, _ ("Step Back"), G_CALLBACK (step_on));
  self->again = make_button (self, head, _ ("Latest Batch"), G_CALLBACK (look_again));
  self->reset = make_button (self, head, _ ("Reset"), G_CALLBACK (reset));
  /* All of them beside each other in a window of usual width. */
  gtk_button_set_icon_name (GTK_BUTTON (self->reset), "view-refresh-symbolic");
  gtk_widget_set_tooltip_text (self->reset, _ ("Reset"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->reset), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Reset"), -1);
  self->caption = kx_train_tab_make_caption ();
  gtk_widget_set_margin_start (GTK_WIDGET (self->caption), 0);
  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "kx-list");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Layers"), -1);
  self->scrolled = GTK_SCROLLED_WINDOW (gtk_scrolled_window_new ());
  gtk_scrolled_window_set_policy (self->scrolled, GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (self->scrolled, GTK_WIDGET (self->list));
  gtk_widget_set_vexpand (GTK_WIDGET (self->scrolled), TRUE);
  gtk_box_append (GTK_BOX (all), head);
  gtk_box_append (GTK_BOX (all), GTK_WIDGET (self->caption));
  self->stack = GTK_STACK (gtk_stack_new ());
  gtk_stack_add_named (self->stack, make_empty (self), "empty");
  gtk_stack_add_named (self->stack, GTK_WIDGET (self->scrolled), "rows");
  gtk_box_append (GTK_BOX (all), GTK_WIDGET (self->stack));
  kx_train_tab_set_up (KX_TRAIN_TAB (self), all, 1, _ ("No batch yet"),
                       _ ("Layer by layer, the way of a batch through the network and back comes "
                          "here, once a step was taken."));
  show (self);
}

/**
 * kx_layer_walk_new:
 * @start: what stands before its buttons
 *
 * Returns: (transfer floating): the walk
 */
GtkWidget *
kx_layer_walk_new (GtkWidget *start)
{
  KxLayerWalk *self = g_object_new (KX_TYPE_LAYER_WALK, NULL);

  gtk_box_prepend (self->head, start);
  return GTK_WIDGET (self);
}
