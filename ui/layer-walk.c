/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Rows of layers have numbers of one batch at one step, so that they belong together: it is taken
 * once. The nodes' are of one example of it, with the weights of that step, which stay when the run
 * learns on, and may be changed here without it.
 */

#include "layer-walk.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "chart/axis.h"
#include "chart/wrap-layout.h"
#include "formula.h"
#include "node-lines.h"
#include "node-picker.h"

struct _KxLayerWalk {
  KxTrainTab parent_instance;
  GtkBox *head;
  GtkLabel *caption;
  GtkListBox *list;
  GtkWidget *forward, *back, *reset, *again, *begin;
  GtkWidget *example_label;
  GtkSpinButton *example;
  KxNodePicker *inputs;
  GtkWidget *undo;
  GtkScrolledWindow *scrolled;
  KxLook *look, *nodes; /* of layers; of their nodes, or NULL */
  GArray *rows;         /* Row */
  GArray *picks;        /* gint64: of each layer: the node that was chosen, or KX_NODE_FREE */
  GArray *edits;        /* KxNodeEdit */
  gsize input;          /* that may be changed */
  gboolean picked;      /* somebody has chosen it */
  gboolean at_end;      /* the end is followed */
  guint going;          /* to the end, soon */
  guint source, left;   /* rows that do not yet show what their nodes are */
  guint step;           /* so many rows: layers, E, layers backward */
  GtkStack *stack;      /* the rows, or what will stand there */
};

#define ROWS_AT_ONCE 6

G_DEFINE_FINAL_TYPE (KxLayerWalk, kx_layer_walk, KX_TYPE_TRAIN_TAB)

/* ── Formulas ────────────────────────────────────────────────────────────────────────────────── */

/* What a kind of layer computes. */
static const struct {
  const char *kind, *formula;
} formulas[] = {
  { "conv2d", "Σ y w" },
  { "matmul", "Σₘ yₘ wₘₙ" },
  { "relu", "y = max(0, z)" },
  { "leaky_relu", N_ ("y = z, or slope z where z < 0") },
  { "sigmoid", "y = 1 / (1 + exp(−z))" },
  { "tanh", "y = tanh z" },
  { "max_pool", N_ ("y = max of each window") },
  { "average_pool", N_ ("y = mean of each window") },
  { "mean", N_ ("y = mean of each map") },
  { "batch_norm_inference", "γ (s − μ) / √(σ² + ε) + β" },
  { "reshape", N_ ("the same numbers in another shape") },
  { "softmax", "Pₙ = exp(zₙ) / Σ exp(z)" },
};

static const char *
find_formula (const KxLayerLook *layer)
{
  for (guint i = 0; i < G_N_ELEMENTS (formulas); i++)
    if (g_str_equal (layer->kind, formulas[i].kind))
      return _ (formulas[i].formula);
  if (!g_str_equal (layer->kind, "add"))
    return "y = g(z)";
  return layer->weights ? "z = Σ y w + b" : _ ("the sum of two layers");
}

static const char *
find_loss (KxLossKind kind)
{
  switch (kind)
    {
    case KX_LOSS_CROSS_ENTROPY:
      return "E = −log lik";
    case KX_LOSS_SQUARED:
      return "E = Σ (y − t)² / n";
    case KX_LOSS_ABSOLUTE:
      return "E = Σ |y − t| / n";
    case KX_LOSS_BINARY:
    default:
      return "E = −Σ (t log p + (1 − t) log(1 − p)) / n,  p = 1 / (1 + exp(−z))";
    }
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  guint step;
  char *text; /* of: */
  GtkLabel *lines;
  KxNodePicker *picker; /* NULL: of the objective */
} Row;

static void
row_clear (gpointer data)
{
  g_free (((Row *) data)->text);
}

static const KxLayerLook *
get_layer (KxLayerWalk *self, guint i)
{
  return &g_array_index (self->look->layers, KxLayerLook, i);
}

/* Whose row a step's is; as many as there are layers: the objective's. */
static guint
get_layer_of_step (KxLayerWalk *self, guint step)
{
  guint n = self->look->layers->len;

  return step <= n ? step : 2 * n - step;
}

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

static char *
describe_forward (const KxLayerLook *layer)
{
  g_autofree char *mean = kx_format_value (layer->mean), *least = kx_format_value (layer->least),
                  *most = kx_format_value (layer->most);

  return g_strdup_printf (_ ("mean %s, least %s, most %s"), mean, least, most);
}

/* A layer has the name of its weights' layer also where it adds biases, or bends. */
static gboolean
has_weights (const KxLayerLook *layer)
{
  return layer->weights
         && (g_str_equal (layer->kind, "matmul") || g_str_equal (layer->kind, "conv2d"));
}

static char *
describe_back (const KxLayerLook *layer)
{
  g_autofree char *norm = kx_format_value (layer->norm),
                  *gradient = kx_format_value (layer->weight_gradient),
                  *weights = kx_format_value (layer->weight_norm);
  GString *numbers = g_string_new (NULL);

  if (isnan (layer->norm))
    g_string_append (numbers, _ ("E does not depend on it"));
  else
    g_string_append_printf (numbers, "‖∂E/∂y‖ = %s", norm);
  if (has_weights (layer) && !isnan (layer->weight_gradient))
    g_string_append_printf (numbers, ",  %s: ‖∂E/∂w‖ = %s, ‖w‖ = %s", layer->weights, gradient,
                            weights);
  return g_string_free (numbers, FALSE);
}

static void ask_nodes (KxLayerWalk *self, gboolean same);

/* Those that show the same node follow it. */
static void
choose_node (KxLayerWalk *self, guint64 node, KxNodePicker *picker)
{
  guint layer = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (picker), "layer"));
  const GArray *nodes = self->nodes ? self->nodes->nodes : NULL;

  for (guint i = 0; nodes && i < nodes->len; i++)
    if (g_array_index (nodes, KxNodeLook, i).group
        == g_array_index (nodes, KxNodeLook, layer).group)
      g_array_index (self->picks, gint64, i) = KX_NODE_FREE;
  g_array_index (self->picks, gint64, layer) = (gint64) node;
  self->at_end = FALSE;
  ask_nodes (self, FALSE);
}

static KxNodeEdit *
find_edit (KxLayerWalk *self, int layer, gsize index)
{
  for (guint i = 0; i < self->edits->len; i++)
    {
      KxNodeEdit *edit = &g_array_index (self->edits, KxNodeEdit, i);
      if (edit->layer == layer && edit->index == index)
        return edit;
    }
  return NULL;
}

static void
change (KxLayerWalk *self, int layer, gsize index, double value)
{
  KxNodeEdit *known = find_edit (self, layer, index), edit = { layer, index, value };

  if (known)
    *known = edit;
  else
    g_array_append_val (self->edits, edit);
  self->at_end = FALSE;
  ask_nodes (self, TRUE);
}

static void
change_weight (KxLayerWalk *self, double value, KxNodePicker *picker)
{
  guint layer = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (picker), "layer"));

  if (self->nodes)
    change (self, (int) layer, g_array_index (self->nodes->nodes, KxNodeLook, layer).weight, value);
}

static void
add_row (KxLayerWalk *self, const char *title, const char *formula, const char *numbers)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *told = make_label (formula, "dim-label", TRUE);
  Row made = { .step = self->rows->len, .lines = kx_formula_new_label () };
  guint layer = get_layer_of_step (self, made.step);

  gtk_box_append (GTK_BOX (head), make_label (title, "heading", TRUE));
  gtk_widget_set_hexpand (told, TRUE);
  gtk_widget_set_tooltip_text (told, formula);
  gtk_box_append (GTK_BOX (head), told);
  if (layer < self->look->layers->len)
    {
      made.picker = KX_NODE_PICKER (kx_node_picker_new (FALSE));
      g_object_set_data (G_OBJECT (made.picker), "layer", GUINT_TO_POINTER (layer));
      g_signal_connect_object (made.picker, "chosen", G_CALLBACK (choose_node), self,
                               G_CONNECT_SWAPPED);
      g_signal_connect_object (made.picker, "changed", G_CALLBACK (change_weight), self,
                               G_CONNECT_SWAPPED);
      gtk_widget_set_visible (GTK_WIDGET (made.picker), FALSE);
      gtk_box_append (GTK_BOX (head), GTK_WIDGET (made.picker));
    }
  gtk_widget_set_visible (GTK_WIDGET (made.lines), FALSE);
  gtk_box_append (GTK_BOX (box), head);
  gtk_box_append (GTK_BOX (box), make_label (numbers, "caption", FALSE));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (made.lines));
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_list_box_append (self->list, row);
  g_array_append_val (self->rows, made);
}

/* The row of a step, counted from 0. */
static void
add_step (KxLayerWalk *self, guint step)
{
  guint n = self->look->layers->len;
  const KxLayerLook *layer = step == n ? NULL : get_layer (self, get_layer_of_step (self, step));
  g_autofree char *loss = kx_format_value (self->look->loss);
  g_autofree char *title = !layer     ? g_strdup (_ ("Objective"))
                           : step < n ? g_strdup_printf ("%s · %s", layer->name, layer->shape)
                                      : g_strdup_printf ("∂E/∂ %s", layer->name);
  g_autofree char *numbers = !layer     ? g_strdup_printf (_ ("mean of the batch: E = %s"), loss)
                             : step < n ? describe_forward (layer)
                                        : describe_back (layer);

  add_row (self, title,
           !layer     ? find_loss (self->look->loss_kind)
           : step < n ? find_formula (layer)
                      : NULL,
           numbers);
}

/* ── Nodes ───────────────────────────────────────────────────────────────────────────────────── */

static void
show_picker (KxLayerWalk *self, KxNodePicker *picker, guint layer)
{
  const KxNodeLook *node = &g_array_index (self->nodes->nodes, KxNodeLook, layer);
  g_autofree char *weight = kx_node_weight_name (self->look, self->nodes, layer);
  const KxNodeEdit *edit = find_edit (self, (int) layer, node->weight);

  kx_node_picker_set_node (picker, node->size, node->node);
  kx_node_picker_set_number (picker, weight,
                             edit     ? edit->value
                             : weight ? node->sum.terms[0].second
                                      : 0);
}

/* The input that may be changed: the one that is chosen, or the largest. */
static void
show_inputs (KxLayerWalk *self)
{
  const KxLook *nodes = self->nodes;
  const gsize *size = NULL;

  for (guint i = 0; i < nodes->nodes->len && !size; i++)
    if (g_array_index (nodes->nodes, KxNodeLook, i).input == KX_NODE_INPUTS)
      size = g_array_index (nodes->nodes, KxNodeLook, i).input_size;
  gtk_widget_set_visible (GTK_WIDGET (self->inputs), size != NULL);
  if (!size)
    return;
  for (gsize i = 0; i < nodes->n_inputs && !self->picked; i++)
    if (nodes->inputs[i] > nodes->inputs[self->input])
      self->input = i;
  self->picked = TRUE;
  const KxNodeEdit *edit = find_edit (self, KX_NODE_INPUTS, self->input);
  g_autofree char *name = kx_node_name (size, self->input);
  g_autofree char *symbol = g_strconcat ("x", name, NULL);
  kx_node_picker_set_node (self->inputs, size, self->input);
  kx_node_picker_set_number (self->inputs, symbol, edit ? edit->value : nodes->inputs[self->input]);
}

static void
show_row (KxLayerWalk *self, Row *row)
{
  guint n = self->look->layers->len, layer = get_layer_of_step (self, row->step);

  gtk_widget_set_visible (GTK_WIDGET (row->lines), self->nodes != NULL);
  if (row->picker)
    gtk_widget_set_visible (GTK_WIDGET (row->picker), self->nodes != NULL);
  if (!self->nodes)
    return;
  char *text = layer == n      ? kx_node_lines_objective (self->look, self->nodes)
               : row->step < n ? kx_node_lines_forward (self->look, self->nodes, layer)
                               : kx_node_lines_back (self->look, self->nodes, layer);
  if (g_strcmp0 (text, row->text))
    {
      g_autofree char *markup = kx_formula_lower_indices (text);
      gtk_label_set_markup (row->lines, markup);
    }
  g_free (row->text);
  row->text = text;
  if (row->picker)
    show_picker (self, row->picker, layer);
}

/* A deep network has many rows: the latest first, a few in each frame. */
static gboolean
show_some (gpointer data)
{
  KxLayerWalk *self = data;

  self->left = MIN (self->left, self->rows->len);
  for (guint i = 0; i < ROWS_AT_ONCE && self->left > 0; i++)
    show_row (self, &g_array_index (self->rows, Row, --self->left));
  if (self->left > 0)
    return G_SOURCE_CONTINUE;
  self->source = 0;
  return G_SOURCE_REMOVE;
}

static void
show_nodes (KxLayerWalk *self)
{
  gboolean shown = self->nodes && self->step > 0;

  gtk_widget_set_visible (self->example_label, shown);
  gtk_widget_set_visible (GTK_WIDGET (self->example), shown);
  gtk_widget_set_visible (self->undo, shown && self->edits->len > 0);
  if (shown)
    show_inputs (self);
  else
    gtk_widget_set_visible (GTK_WIDGET (self->inputs), FALSE);
  self->left = self->rows->len;
  if (!self->source && self->left > 0)
    self->source = g_idle_add (show_some, self);
}

static void
take_nodes (KxLook *look, gpointer owner)
{
  KxLayerWalk *self = KX_LAYER_WALK (gtk_widget_get_ancestor (owner, KX_TYPE_LAYER_WALK));

  if (!self || !self->look)
    return;
  if (look->fault)
    gtk_label_set_label (self->caption, look->fault);
  if (look->fault || look->step != self->look->step)
    return;
  kx_look_unref (self->nodes);
  self->nodes = kx_look_ref (look);
  show_nodes (self);
}

/* @same: the nodes that are shown, whatever matters most to which after a change. */
static void
ask_nodes (KxLayerWalk *self, gboolean same)
{
  g_autoptr (GArray) wanted = g_array_copy (self->picks);

  for (guint i = 0; same && self->nodes && i < wanted->len; i++)
    g_array_index (wanted, gint64, i)
        = (gint64) g_array_index (self->nodes->nodes, KxNodeLook, i).node;
  g_autoptr (GBytes) nodes = g_bytes_new (wanted->data, wanted->len * sizeof (gint64));
  g_autoptr (GBytes) edits
      = g_bytes_new (self->edits->data, self->edits->len * sizeof (KxNodeEdit));
  KxLookQuestion question = { .kind = KX_LOOK_NODES,
                              .numbers = nodes,
                              .edits = edits,
                              .example = (gsize) gtk_spin_button_get_value (self->example) - 1 };

  if (self->look)
    kx_train_tab_ask (KX_TRAIN_TAB (self), &question, take_nodes, self->list);
}

/* What was chosen and changed is of one batch. */
static void
forget_nodes (KxLayerWalk *self)
{
  g_clear_pointer (&self->nodes, kx_look_unref);
  g_array_set_size (self->edits, 0);
  for (guint i = 0; i < self->picks->len; i++)
    g_array_index (self->picks, gint64, i) = KX_NODE_FREE;
  self->picked = FALSE;
  self->input = 0;
}

static void
choose_example (KxLayerWalk *self)
{
  g_array_set_size (self->edits, 0);
  self->picked = FALSE;
  self->input = 0;
  ask_nodes (self, FALSE);
}

static void
choose_input (KxLayerWalk *self, guint64 input)
{
  self->input = input;
  show_nodes (self);
}

static void
change_input (KxLayerWalk *self, double value)
{
  change (self, KX_NODE_INPUTS, self->input, value);
}

static void
undo (KxLayerWalk *self)
{
  g_array_set_size (self->edits, 0);
  ask_nodes (self, TRUE);
}

static gboolean
go_to_end (gpointer data)
{
  KxLayerWalk *self = data;
  GtkAdjustment *place = gtk_scrolled_window_get_vadjustment (self->scrolled);

  self->going = 0;
  if (self->at_end)
    gtk_adjustment_set_value (place, gtk_adjustment_get_upper (place));
  return G_SOURCE_REMOVE;
}

/*
 * The end is followed after a step, until somebody scrolls elsewhere or turns to a node; once what
 * has grown has its place.
 */
static void
follow_end (KxLayerWalk *self)
{
  if (self->at_end && !self->going)
    self->going = g_idle_add (go_to_end, self);
}

static void
note_scrolling (KxLayerWalk *self, GtkAdjustment *place)
{
  double end = gtk_adjustment_get_upper (place) - gtk_adjustment_get_page_size (place);

  if (gtk_adjustment_get_value (place) < end - 1)
    self->at_end = FALSE;
}

static void
show (KxLayerWalk *self)
{
  guint n = self->look ? self->look->layers->len : 0;
  GtkWidget *row;

  if (!self->look || self->step < self->rows->len)
    {
      while ((row = gtk_widget_get_first_child (GTK_WIDGET (self->list))))
        gtk_list_box_remove (self->list, row);
      g_array_set_size (self->rows, 0);
    }
  while (self->look && self->rows->len < self->step)
    add_step (self, self->rows->len);
  gtk_stack_set_visible_child_name (self->stack, self->step ? "rows" : "empty");
  gtk_widget_set_sensitive (self->begin, self->look != NULL);
  gtk_widget_set_sensitive (self->forward, self->look && self->step <= n);
  gtk_widget_set_sensitive (self->back, self->look && self->step > n && self->step < 2 * n + 1);
  gtk_widget_set_sensitive (self->reset, self->step > 0);
  show_nodes (self);
  if (self->step && self->look && !self->nodes)
    ask_nodes (self, FALSE);
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
  g_array_set_size (self->picks, look->layers->len);
  forget_nodes (self);
  gtk_spin_button_set_range (self->example, 1, (double) look->count);
  show (self);
  return TRUE;
}

static void
forget (KxTrainTab *tab)
{
  KxLayerWalk *self = KX_LAYER_WALK (tab);

  g_clear_pointer (&self->look, kx_look_unref);
  forget_nodes (self);
  self->step = 0;
  show (self);
}

static void
step_on (KxLayerWalk *self)
{
  self->step++;
  self->at_end = TRUE;
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
  forget_nodes (self);
  show (self);
  kx_train_tab_look (KX_TRAIN_TAB (self));
}

static void
kx_layer_walk_finalize (GObject *object)
{
  KxLayerWalk *self = KX_LAYER_WALK (object);

  g_clear_handle_id (&self->source, g_source_remove);
  g_clear_handle_id (&self->going, g_source_remove);
  kx_look_unref (self->look);
  kx_look_unref (self->nodes);
  g_array_unref (self->rows);
  g_array_unref (self->picks);
  g_array_unref (self->edits);
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
                          "derivatives of E. Of one example, a node of each layer tells what "
                          "its numbers are made of."));

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

/* Which example the nodes are of, and what is changed of it. */
static GtkWidget *
make_tools (KxLayerWalk *self)
{
  GtkWidget *tools = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *label = gtk_label_new (_ ("Example"));

  self->caption = kx_train_tab_make_caption ();
  gtk_widget_add_css_class (tools, "kx-close");
  self->example_label = label;
  self->example = kx_formula_new_dial (_ ("Example"), 1, 1, 1, 0);
  gtk_editable_set_width_chars (GTK_EDITABLE (self->example), 4);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->example),
                               _ ("Which example of the batch the nodes’ numbers are of"));
  g_signal_connect_object (self->example, "value-changed", G_CALLBACK (choose_example), self,
                           G_CONNECT_SWAPPED);
  self->inputs = KX_NODE_PICKER (kx_node_picker_new (TRUE));
  g_signal_connect_object (self->inputs, "chosen", G_CALLBACK (choose_input), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->inputs, "changed", G_CALLBACK (change_input), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_set_margin_start (GTK_WIDGET (self->caption), 0);
  gtk_box_append (GTK_BOX (tools), GTK_WIDGET (self->caption));
  gtk_box_append (GTK_BOX (tools), label);
  gtk_box_append (GTK_BOX (tools), GTK_WIDGET (self->example));
  gtk_box_append (GTK_BOX (tools), GTK_WIDGET (self->inputs));
  self->undo = make_button (self, tools, _ ("Undo Changes"), G_CALLBACK (undo));
  gtk_widget_add_css_class (self->undo, "flat");
  gtk_widget_set_tooltip_text (self->undo, _ ("Weights and inputs are as they were: the run "
                                              "itself has never had others"));
  return tools;
}

static void
kx_layer_walk_init (KxLayerWalk *self)
{
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *all = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->rows = g_array_new (FALSE, TRUE, sizeof (Row));
  g_array_set_clear_func (self->rows, row_clear);
  self->picks = g_array_new (FALSE, TRUE, sizeof (gint64));
  self->edits = g_array_new (FALSE, TRUE, sizeof (KxNodeEdit));
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
  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "kx-list");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Layers"), -1);
  self->scrolled = GTK_SCROLLED_WINDOW (gtk_scrolled_window_new ());
  gtk_scrolled_window_set_policy (self->scrolled, GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (self->scrolled, GTK_WIDGET (self->list));
  gtk_widget_set_vexpand (GTK_WIDGET (self->scrolled), TRUE);
  GtkAdjustment *place = gtk_scrolled_window_get_vadjustment (self->scrolled);
  g_signal_connect_object (place, "changed", G_CALLBACK (follow_end), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (place, "value-changed", G_CALLBACK (note_scrolling), self,
                           G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (all), head);
  gtk_box_append (GTK_BOX (all), make_tools (self));
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
