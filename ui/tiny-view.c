/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Every number stands in a line with its formula, as the lecture writes it. */

#include "tiny-view.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/axis.h"
#include "chart/wrap-layout.h"
#include "formula.h"
#include "tiny-graph.h"

#define DECIMALS 4
#define N_DIALS 14
#define LABEL_DIAL N_DIALS
#define RATE_DIAL (N_DIALS + 1)

struct _KxTinyView {
  GtkWidget parent_instance;
  GtkWidget *content;
  GtkBox *head;
  KxTinyGraph *graph;
  GtkBox *lines;
  GtkScrolledWindow *scrolled;
  GtkLabel *caption;
  GtkWidget *forward, *back, *reset, *update;
  GtkSpinButton *dials[N_DIALS + 2];
  KxTiny *tiny;
  KxDevice *device;
  KxTinyNumbers numbers;
  KxTinyStep step;
  gboolean known; /* there are numbers */
  gboolean busy;  /* dials are being set, not turned */
  double before;  /* E before an update; NaN: there was none */
};

G_DEFINE_FINAL_TYPE (KxTinyView, kx_tiny_view, GTK_TYPE_WIDGET)

/* ── Lines ───────────────────────────────────────────────────────────────────────────────────── */

static char *
number (double value)
{
  return kx_format_fixed (value, DECIMALS);
}

/* As a factor. */
static char *
factor (double value)
{
  g_autofree char *text = number (value);

  return value < 0 ? g_strdup_printf ("(%s)", text) : g_steal_pointer (&text);
}

static void
add_line (KxTinyView *self, guint *n, const char *formula, const char *filled, double result)
{
  g_autofree char *value = number (result);
  g_autofree char *text = filled ? g_strdup_printf ("%s = %s = %s", formula, filled, value)
                                 : g_strdup_printf ("%s = %s", formula, value);
  g_autofree char *markup = kx_formula_lower_indices (text);
  GtkWidget *label = gtk_widget_get_first_child (GTK_WIDGET (self->lines));

  for (guint i = 0; label && i < *n; i++)
    label = gtk_widget_get_next_sibling (label);
  if (!label)
    {
      label = GTK_WIDGET (kx_formula_new_label ());
      gtk_box_append (self->lines, label);
    }
  gtk_label_set_markup (GTK_LABEL (label), markup);
  gtk_widget_set_visible (label, TRUE);
  (*n)++;
}

static void
add_z (KxTinyView *self, guint *n, guint node)
{
  const KxTinySetup *setup = &self->numbers.setup;
  gboolean hidden = node < 5;
  guint k = (node - 1) % 2, m = hidden ? 1 : 3;
  const float *y = hidden ? setup->x : self->numbers.y1, *w = hidden ? setup->w1 : setup->w2;
  g_autofree char *formula = g_strdup_printf ("z%u = b%u + y%u w%u%u + y%u w%u%u", node, node, m, m,
                                              node, m + 1, m + 1, node);
  g_autofree char *b = number ((hidden ? setup->b1 : setup->b2)[k]);
  g_autofree char *y1 = factor (y[0]), *w1 = factor (w[k]), *y2 = factor (y[1]),
                  *w2 = factor (w[2 + k]);
  g_autofree char *filled = g_strdup_printf ("%s + %s × %s + %s × %s", b, y1, w1, y2, w2);

  add_line (self, n, formula, filled, (hidden ? self->numbers.z1 : self->numbers.z2)[k]);
}

static void
add_hidden (KxTinyView *self, guint *n, guint node)
{
  guint k = node - 3;
  g_autofree char *formula
      = g_strdup_printf ("y%u = g(z%u) = 1 / (1 + exp(−z%u))", node, node, node);
  g_autofree char *z = number (-(double) self->numbers.z1[k]);
  g_autofree char *filled = g_strdup_printf ("1 / (1 + exp(%s))", z);

  add_z (self, n, node);
  add_line (self, n, formula, filled, self->numbers.y1[k]);
}

static void
add_error (KxTinyView *self, guint *n)
{
  const KxTinyNumbers *numbers = &self->numbers;
  g_autofree char *z5 = number (numbers->z2[0]), *z6 = number (numbers->z2[1]);
  g_autofree char *share = number (numbers->p[numbers->setup.label]);

  for (guint k = 0; k < 2; k++)
    {
      g_autofree char *formula
          = g_strdup_printf ("P%u = exp(z%u) / (exp(z5) + exp(z6))", 5 + k, 5 + k);
      g_autofree char *filled
          = g_strdup_printf ("exp(%s) / (exp(%s) + exp(%s))", k ? z6 : z5, z5, z6);
      add_line (self, n, formula, filled, numbers->p[k]);
    }
  g_autofree char *formula = g_strdup_printf ("E = −log lik = −log P%u", 5 + numbers->setup.label);
  g_autofree char *filled = g_strdup_printf ("−log %s", share);
  add_line (self, n, formula, filled, numbers->e);
}

/* dE/dw of the weights that lead to a node, and dE/db. */
static void
add_weights (KxTinyView *self, guint *n, guint node)
{
  const KxTinyNumbers *numbers = &self->numbers;
  gboolean hidden = node < 5;
  guint k = (node - 1) % 2, m = hidden ? 1 : 3;
  const float *y = hidden ? numbers->setup.x : numbers->y1;
  const float *dw = hidden ? numbers->dw1 : numbers->dw2;
  double dz = (hidden ? numbers->dz1 : numbers->dz2)[k];
  g_autofree char *first = factor (dz);

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *formula
          = g_strdup_printf ("∂E/∂w%u%u = ∂E/∂z%u y%u", m + i, node, node, m + i);
      g_autofree char *second = factor (y[i]);
      g_autofree char *filled = g_strdup_printf ("%s × %s", first, second);
      add_line (self, n, formula, filled, dw[2 * i + k]);
    }
  g_autofree char *formula = g_strdup_printf ("∂E/∂b%u = ∂E/∂z%u", node, node);
  add_line (self, n, formula, NULL, (hidden ? numbers->db1 : numbers->db2)[k]);
}

static void
add_output_back (KxTinyView *self, guint *n, guint node)
{
  guint k = node - 5;
  gboolean right = self->numbers.setup.label == k;
  g_autofree char *formula = g_strdup_printf ("∂E/∂z%u = P%u − %d", node, node, right);
  g_autofree char *share = number (self->numbers.p[k]);
  g_autofree char *filled = g_strdup_printf ("%s − %d", share, right);

  add_line (self, n, formula, filled, self->numbers.dz2[k]);
  add_weights (self, n, node);
}

static void
add_hidden_back (KxTinyView *self, guint *n, guint node)
{
  const KxTinyNumbers *numbers = &self->numbers;
  guint k = node - 3;
  g_autofree char *sum = g_strdup_printf ("∂E/∂y%u = ∂E/∂z5 w%u5 + ∂E/∂z6 w%u6", node, node, node);
  g_autofree char *dz5 = factor (numbers->dz2[0]), *dz6 = factor (numbers->dz2[1]),
                  *w5 = factor (numbers->setup.w2[2 * k]),
                  *w6 = factor (numbers->setup.w2[2 * k + 1]);
  g_autofree char *terms = g_strdup_printf ("%s × %s + %s × %s", dz5, w5, dz6, w6);
  g_autofree char *chain = g_strdup_printf ("∂E/∂z%u = ∂E/∂y%u g′(z%u) = ∂E/∂y%u y%u (1 − y%u)",
                                            node, node, node, node, node, node);
  g_autofree char *dy = factor (numbers->dy1[k]), *y = number (numbers->y1[k]);
  g_autofree char *product = g_strdup_printf ("%s × %s × (1 − %s)", dy, y, y);

  add_line (self, n, sum, terms, numbers->dy1[k]);
  add_line (self, n, chain, product, numbers->dz1[k]);
  add_weights (self, n, node);
}

static void
add_step (KxTinyView *self, guint *n, KxTinyStep step)
{
  switch (step)
    {
    case KX_TINY_INPUTS:
      add_line (self, n, "y1 = x1", NULL, self->numbers.setup.x[0]);
      add_line (self, n, "y2 = x2", NULL, self->numbers.setup.x[1]);
      break;
    case KX_TINY_Z3:
    case KX_TINY_Z4:
      add_hidden (self, n, step == KX_TINY_Z3 ? 3 : 4);
      break;
    case KX_TINY_Z5:
    case KX_TINY_Z6:
      add_z (self, n, step == KX_TINY_Z5 ? 5 : 6);
      break;
    case KX_TINY_E:
      add_error (self, n);
      break;
    case KX_TINY_DZ5:
    case KX_TINY_DZ6:
      add_output_back (self, n, step == KX_TINY_DZ5 ? 5 : 6);
      break;
    case KX_TINY_DZ4:
    case KX_TINY_DZ3:
      add_hidden_back (self, n, step == KX_TINY_DZ3 ? 3 : 4);
      break;
    case KX_TINY_NOTHING:
    default:
      break;
    }
}

/* ── Showing ─────────────────────────────────────────────────────────────────────────────────── */

static void
show_caption (KxTinyView *self)
{
  g_autofree char *before = number (self->before), *now = number (self->numbers.e);
  g_autofree char *text = NULL;

  if (self->numbers.fault)
    text = g_strdup (self->numbers.fault);
  else if (!isnan (self->before))
    text = g_strdup_printf (_ ("Updated: w ← w − δ ∂E/∂w. E was %s and is %s."), before, now);
  else if (self->step == KX_TINY_NOTHING)
    text = g_strdup (_ ("Nodes 1 and 2 are inputs, 3 and 4 are hidden, 5 and 6 are outputs."));
  else if (self->step < KX_TINY_E)
    text = g_strdup (_ ("On the way forward, each node computes z and y."));
  else if (self->step == KX_TINY_E)
    text = g_strdup (_ ("The objective is computed. Now go back, from the outputs."));
  else if (self->step < KX_TINY_LAST)
    text = g_strdup (_ ("On the way back, each node computes ∂E/∂y, ∂E/∂z and ∂E/∂w."));
  else
    text = g_strdup (_ ("All derivatives are there: a step of gradient descent can be taken."));
  gtk_label_set_label (self->caption, text);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->caption), text);
}

static gboolean
scroll_down (gpointer data)
{
  GtkAdjustment *place = gtk_scrolled_window_get_vadjustment (KX_TINY_VIEW (data)->scrolled);

  gtk_adjustment_set_value (place, gtk_adjustment_get_upper (place));
  return G_SOURCE_REMOVE;
}

static void
show (KxTinyView *self)
{
  guint n = 0, i = 0;

  for (KxTinyStep step = KX_TINY_INPUTS; self->known && step <= self->step; step++)
    add_step (self, &n, step);
  for (GtkWidget *label = gtk_widget_get_first_child (GTK_WIDGET (self->lines)); label;
       label = gtk_widget_get_next_sibling (label))
    gtk_widget_set_visible (label, i++ < n);
  kx_tiny_graph_set (self->graph, &self->numbers, self->step);
  gtk_widget_set_sensitive (self->forward, self->known && self->step < KX_TINY_E);
  gtk_widget_set_sensitive (self->back,
                            self->known && self->step >= KX_TINY_E && self->step < KX_TINY_LAST);
  gtk_widget_set_sensitive (self->reset, self->step > KX_TINY_NOTHING);
  gtk_widget_set_sensitive (self->update, self->known && self->step == KX_TINY_LAST);
  show_caption (self);
}

static float *
dial_place (KxTinySetup *setup, guint i)
{
  if (i < 2)
    return &setup->x[i];
  if (i < 6)
    return &setup->w1[i - 2];
  if (i < 8)
    return &setup->b1[i - 6];
  return i < 12 ? &setup->w2[i - 8] : &setup->b2[i - 12];
}

static KxTinySetup
read_dials (KxTinyView *self)
{
  KxTinySetup setup = { 0 };

  for (guint i = 0; i < N_DIALS; i++)
    *dial_place (&setup, i) = (float) gtk_spin_button_get_value (self->dials[i]);
  setup.label = gtk_spin_button_get_value_as_int (self->dials[LABEL_DIAL]) - 5;
  return setup;
}

static void
take_numbers (const KxTinyNumbers *numbers, gpointer owner)
{
  KxTinyView *self = owner;

  g_free (self->numbers.fault);
  self->numbers = *numbers;
  self->numbers.fault = g_strdup (numbers->fault);
  self->known = !numbers->fault;
  show (self);
}

static void
turn (KxTinyView *self)
{
  KxTinySetup setup = read_dials (self);

  if (self->busy || !self->tiny)
    return;
  self->before = NAN;
  kx_tiny_ask (self->tiny, &setup, take_numbers, self);
}

/* Nothing is computed before it is looked at. */
static void
begin (KxTinyView *self)
{
  if (!self->known && gtk_widget_get_mapped (GTK_WIDGET (self)))
    turn (self);
}

/* The weights that an update has led to are those of the dials. */
static void
take_update (const KxTinyNumbers *numbers, gpointer owner)
{
  KxTinyView *self = owner;
  KxTinySetup setup = numbers->setup;

  self->busy = TRUE;
  for (guint i = 0; i < N_DIALS; i++)
    gtk_spin_button_set_value (self->dials[i], *dial_place (&setup, i));
  self->busy = FALSE;
  take_numbers (numbers, owner);
}

/* ── What one can do ─────────────────────────────────────────────────────────────────────────── */

static void
step_on (KxTinyView *self)
{
  if (self->step < KX_TINY_LAST)
    self->step++;
  self->before = NAN;
  show (self);
  g_idle_add_full (G_PRIORITY_LOW, scroll_down, g_object_ref (self), g_object_unref);
}

static void
reset (KxTinyView *self)
{
  self->step = KX_TINY_NOTHING;
  self->before = NAN;
  show (self);
}

static void
apply_update (KxTinyView *self)
{
  KxTinySetup setup = read_dials (self);

  if (!self->tiny)
    return;
  self->before = self->numbers.e;
  gtk_widget_set_sensitive (self->update, FALSE);
  kx_tiny_update (self->tiny, &setup, gtk_spin_button_get_value (self->dials[RATE_DIAL]),
                  take_update, self);
}

/* ── Making ──────────────────────────────────────────────────────────────────────────────────── */

static void
kx_tiny_view_dispose (GObject *object)
{
  KxTinyView *self = KX_TINY_VIEW (object);

  kx_tiny_view_set_device (self, NULL);
  g_clear_pointer (&self->content, gtk_widget_unparent);
  G_OBJECT_CLASS (kx_tiny_view_parent_class)->dispose (object);
}

static void
kx_tiny_view_finalize (GObject *object)
{
  g_free (KX_TINY_VIEW (object)->numbers.fault);
  G_OBJECT_CLASS (kx_tiny_view_parent_class)->finalize (object);
}

static void
kx_tiny_view_class_init (KxTinyViewClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_tiny_view_dispose;
  G_OBJECT_CLASS (klass)->finalize = kx_tiny_view_finalize;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static GtkWidget *
make_button (KxTinyView *self, GtkWidget *box, const char *label, GCallback pressed)
{
  GtkWidget *button = gtk_button_new_with_label (label);

  g_signal_connect_object (button, "clicked", pressed, self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (box), button);
  return button;
}

static GtkWidget *
make_head (KxTinyView *self)
{
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  gtk_widget_set_layout_manager (head, g_object_new (KX_TYPE_WRAP_LAYOUT, NULL));
  self->head = GTK_BOX (head);
  gtk_widget_add_css_class (head, "kx-close");
  self->forward = make_button (self, head, _ ("Step Forward"), G_CALLBACK (step_on));
  self->back = make_button (self, head, _ ("Step Back"), G_CALLBACK (step_on));
  self->update = make_button (self, head, _ ("Apply Update"), G_CALLBACK (apply_update));
  self->reset = make_button (self, head, _ ("Reset"), G_CALLBACK (reset));
  /* All of them beside each other in a window of usual width. */
  gtk_button_set_icon_name (GTK_BUTTON (self->reset), "view-refresh-symbolic");
  gtk_widget_set_tooltip_text (self->reset, _ ("Reset"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->reset), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Reset"), -1);
  return head;
}

/* A name and its dial, which is called by it. */
static GtkWidget *
make_dial (KxTinyView *self, guint i, const char *name, double least, double most, double step,
           guint digits)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 3), *label = gtk_label_new (NULL);
  GtkSpinButton *dial = kx_formula_new_dial (name, least, most, step, digits);
  g_autofree char *markup = kx_formula_lower_indices (name);

  gtk_label_set_markup (GTK_LABEL (label), markup);
  gtk_label_set_width_chars (GTK_LABEL (label), 3);
  gtk_label_set_xalign (GTK_LABEL (label), 1);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (dial));
  self->dials[i] = dial;
  return box;
}

static GtkWidget *
make_dials (KxTinyView *self)
{
  static const char *const names[N_DIALS] = { "x1", "x2",  "w13", "w14", "w23", "w24", "b3",
                                              "b4", "w35", "w36", "w45", "w46", "b5",  "b6" };
  static const double values[N_DIALS]
      = { 1, 0.5, 0.5, -0.3, 0.8, 0.2, 0.1, -0.1, 1, -0.6, -0.4, 0.9, 0, 0 };
  GtkWidget *flow = gtk_flow_box_new ();

  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (flow), GTK_SELECTION_NONE);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (flow), 8);
  gtk_flow_box_set_column_spacing (GTK_FLOW_BOX (flow), 6);
  gtk_flow_box_set_homogeneous (GTK_FLOW_BOX (flow), TRUE);
  for (guint i = 0; i < N_DIALS; i++)
    {
      gtk_flow_box_append (GTK_FLOW_BOX (flow), make_dial (self, i, names[i], -100, 100, 0.1, 4));
      gtk_spin_button_set_value (self->dials[i], values[i]);
    }
  gtk_flow_box_append (GTK_FLOW_BOX (flow), make_dial (self, LABEL_DIAL, _ ("label"), 5, 6, 1, 0));
  gtk_flow_box_append (GTK_FLOW_BOX (flow), make_dial (self, RATE_DIAL, "δ", 0.01, 10, 0.1, 2));
  gtk_spin_button_set_value (self->dials[RATE_DIAL], 0.5);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->dials[LABEL_DIAL]),
                               _ ("The output that should be likely"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->dials[RATE_DIAL]), _ ("Learning rate"));
  for (guint i = 0; i <= LABEL_DIAL; i++)
    g_signal_connect_object (self->dials[i], "value-changed", G_CALLBACK (turn), self,
                             G_CONNECT_SWAPPED);
  return flow;
}

static GtkWidget *
make_lines (KxTinyView *self)
{
  self->lines = GTK_BOX (gtk_box_new (GTK_ORIENTATION_VERTICAL, 3));
  self->scrolled = GTK_SCROLLED_WINDOW (gtk_scrolled_window_new ());
  gtk_scrolled_window_set_policy (self->scrolled, GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (self->scrolled, GTK_WIDGET (self->lines));
  gtk_scrolled_window_set_min_content_height (self->scrolled, 120);
  gtk_widget_set_hexpand (GTK_WIDGET (self->scrolled), TRUE);
  gtk_widget_set_vexpand (GTK_WIDGET (self->scrolled), TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->lines), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Numbers"), -1);
  return GTK_WIDGET (self->scrolled);
}

static void
kx_tiny_view_init (KxTinyView *self)
{
  GtkWidget *middle = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 18);
  GtkWidget *all = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->before = NAN;
  g_signal_connect (self, "map", G_CALLBACK (begin), NULL);
  self->graph = KX_TINY_GRAPH (kx_tiny_graph_new ());
  self->caption = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_xalign (self->caption, 0);
  gtk_label_set_ellipsize (self->caption, PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (GTK_WIDGET (self->caption), "dim-label");
  gtk_widget_set_hexpand (GTK_WIDGET (self->graph), TRUE);
  gtk_box_append (GTK_BOX (middle), GTK_WIDGET (self->graph));
  gtk_box_append (GTK_BOX (middle), make_lines (self));
  gtk_box_append (GTK_BOX (all), make_head (self));
  gtk_box_append (GTK_BOX (all), GTK_WIDGET (self->caption));
  gtk_box_append (GTK_BOX (all), middle);
  gtk_box_append (GTK_BOX (all), make_dials (self));
  self->content = all;
  gtk_widget_set_parent (all, GTK_WIDGET (self));
  show (self);
}

/**
 * kx_tiny_view_new:
 * @start: what stands before its buttons
 *
 * Returns: (transfer floating): the view
 */
GtkWidget *
kx_tiny_view_new (GtkWidget *start)
{
  KxTinyView *self = g_object_new (KX_TYPE_TINY_VIEW, NULL);

  gtk_box_prepend (self->head, start);
  return GTK_WIDGET (self);
}

/**
 * kx_tiny_view_set_device:
 * @view: the view
 * @device: (nullable): where the numbers are computed
 */
void
kx_tiny_view_set_device (KxTinyView *self, KxDevice *device)
{
  if (self->device == device)
    return;
  g_set_object (&self->device, device);
  g_clear_pointer (&self->tiny, kx_tiny_free);
  self->known = FALSE;
  if (!device)
    return;
  self->tiny = kx_tiny_new (device);
  begin (self);
}
