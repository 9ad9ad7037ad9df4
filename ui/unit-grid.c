/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A grid of units, of which only those about the visible part have cells. These are the ones that
 * wait for a picture, the middle of the window first.
 */

#include "unit-grid.h"

#include <glib/gi18n.h>
#include <math.h>

#define LEAST_SIZE 48
#define MOST_SIZE 224
#define USUAL_SIZE 96
#define MOST_COLUMNS 32
#define FIRST_COLUMNS 4 /* until it is known how many there is room for */
#define LEAST_PART 8    /* units that the view is given in a frame... */
#define MOST_PART 64
#define PART_US 6000 /* ...which may take about so long */

struct _KxUnitGrid {
  GtkWidget parent_instance;

  GtkScrolledWindow *scrolled;
  GtkGridView *view;
  GtkWidget *menu; /* NULL: was not asked for yet */
  GtkSingleSelection *selection;
  GtkSortListModel *sorted;
  GtkSliceListModel *part; /* of them: what the view has been given yet */
  KxUnitList *units;
  gboolean maps;
  int size;
  KxUnitOrder order;
  KxNeuron *unit;
  GPtrArray *bound; /* KxNeuron, referenced: those that have a cell */
  guint told;       /* an idle source */
  guint later;      /* of each frame, while the view does not have all of the units */
  guint step;       /* how many it gets, or has taken away, in the next */
};

G_DEFINE_FINAL_TYPE (KxUnitGrid, kx_unit_grid, GTK_TYPE_WIDGET)

enum {
  PROP_UNIT = 1,
  PROP_SIZE,
  N_PROPS,
};

enum {
  ACTIVATE,
  MOVED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

/* ── Cells ───────────────────────────────────────────────────────────────────────────────────── */

/*
 * A picture with its number below; over it the word "dead", hatched, or a dot for stale ones. Cells
 * are made by the hundred at once when another layer is shown, so that each widget in them counts:
 * what most do not need is made when it is.
 */
typedef struct {
  KxUnitGrid *grid;
  GtkWidget *box;
  GtkOverlay *overlay;
  GtkWidget *picture;
  GtkLabel *title;
  GtkWidget *dead, *stale, *changed; /* over the picture; NULL: not needed yet */
  gulong handler;
} Cell;

static GtkWidget *
make_mark (const char *icon, const char *class, GtkAlign align)
{
  GtkWidget *mark = gtk_image_new_from_icon_name (icon);

  gtk_widget_add_css_class (mark, "kx-mark");
  if (class)
    gtk_widget_add_css_class (mark, class);
  gtk_widget_set_halign (mark, align);
  gtk_widget_set_valign (mark, GTK_ALIGN_START);
  gtk_accessible_update_state (GTK_ACCESSIBLE (mark), GTK_ACCESSIBLE_STATE_HIDDEN, TRUE, -1);
  return mark;
}

static GtkWidget *
make_word (void)
{
  GtkWidget *word = gtk_label_new (_ ("dead"));

  gtk_widget_set_halign (word, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (word, GTK_ALIGN_CENTER);
  return word;
}

static GtkWidget *
make_stale (void)
{
  return make_mark ("media-record-symbolic", NULL, GTK_ALIGN_END);
}

static GtkWidget *
make_changed (void)
{
  return make_mark ("edit-clear-symbolic", NULL, GTK_ALIGN_START);
}

static void
show_over (Cell *cell, GtkWidget **widget, gboolean shown, GtkWidget *(*make) (void) )
{
  if (shown && !*widget)
    gtk_overlay_add_overlay (cell->overlay, *widget = make ());
  if (*widget)
    gtk_widget_set_visible (*widget, shown);
}

static void
show_picture (Cell *cell, KxNeuron *unit)
{
  GdkTexture *texture
      = cell->grid->maps ? kx_neuron_get_map (unit) : kx_neuron_get_picture (unit)->texture;
  gboolean dead = !cell->grid->maps && kx_neuron_get_picture (unit)->dead;

  gtk_picture_set_paintable (GTK_PICTURE (cell->picture), dead ? NULL : GDK_PAINTABLE (texture));
  gtk_widget_set_size_request (cell->picture, cell->grid->size, cell->grid->size);
  if (dead)
    gtk_widget_add_css_class (cell->picture, "kx-dead");
  else
    gtk_widget_remove_css_class (cell->picture, "kx-dead");
  show_over (cell, &cell->dead, dead, make_word);
  show_over (cell, &cell->stale, !cell->grid->maps && kx_neuron_is_stale (unit), make_stale);
  show_over (cell, &cell->changed, kx_neuron_is_changed (unit), make_changed);
}

/* Given. */
static char *
name_unit (const KxUnitGrid *self, KxNeuron *unit)
{
  double said = kx_neuron_get_said (unit);
  const char *layer = kx_network_layer_get_name (kx_neuron_get_layer (unit));
  guint index = kx_neuron_get_index (unit);

  if (!self->maps)
    return kx_neuron_describe (unit);
  return isnan (said) ? g_strdup_printf (_ ("%s unit %u"), layer, index)
                      : g_strdup_printf (_ ("%s unit %u, mean %.3g"), layer, index, said);
}

static void
show_unit (GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");
  KxNeuron *unit = gtk_list_item_get_item (item);
  g_autofree char *name = name_unit (cell->grid, unit);

  show_picture (cell, unit);
  gtk_label_set_label (cell->title, kx_neuron_get_title (unit));
  gtk_accessible_update_property (GTK_ACCESSIBLE (cell->box), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                  -1);
}

/* A picture that has just come appears; one that was there, or comes from the cache, stands. */
static void
unit_changed (GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");
  GtkPicture *picture = GTK_PICTURE (cell->picture);
  gboolean had = gtk_picture_get_paintable (picture) != NULL;

  show_unit (item);
  if (had)
    gtk_widget_remove_css_class (cell->picture, "kx-appears");
  else if (gtk_picture_get_paintable (picture))
    gtk_widget_add_css_class (cell->picture, "kx-appears");
}

/* The box of the cell at a place in the view, or NULL, and its unit. */
static GtkWidget *
find_box (KxUnitGrid *self, double x, double y, KxNeuron **unit)
{
  GtkWidget *widget = gtk_widget_pick (GTK_WIDGET (self->view), x, y, GTK_PICK_DEFAULT);
  GtkListItem *item = NULL;

  while (widget && !(item = g_object_get_data (G_OBJECT (widget), "item")))
    widget = gtk_widget_get_parent (widget);
  *unit = item ? gtk_list_item_get_item (item) : NULL;
  return *unit ? widget : NULL;
}

/* What can be done with the selected unit; of the page that the grid is in. */
static void
show_menu (KxUnitGrid *self, double x, double y)
{
  const GdkRectangle place = { .x = (int) x, .y = (int) y, .width = 1, .height = 1 };

  if (!self->menu)
    {
      g_autoptr (GMenu) model = g_menu_new ();

      g_menu_append (model, _ ("Watch"), "see.watch");
      self->menu = gtk_popover_menu_new_from_model (G_MENU_MODEL (model));
      gtk_widget_set_parent (self->menu, GTK_WIDGET (self));
    }
  gtk_popover_set_pointing_to (GTK_POPOVER (self->menu), &place);
  gtk_popover_popup (GTK_POPOVER (self->menu));
}

static void
press_menu (KxUnitGrid *self, int n, double x, double y)
{
  KxNeuron *unit;
  GtkWidget *box = find_box (self, x, y, &unit);
  GtkListItem *item = box ? g_object_get_data (G_OBJECT (box), "item") : NULL;
  double at_x, at_y;

  if (!item
      || !gtk_widget_translate_coordinates (GTK_WIDGET (self->view), GTK_WIDGET (self), x, y, &at_x,
                                            &at_y))
    return;
  gtk_single_selection_set_selected (self->selection, gtk_list_item_get_position (item));
  show_menu (self, at_x, at_y);
}

/* By a key: where the cell is that has the focus. */
static void
menu_action (GtkWidget *widget, const char *name, GVariant *target)
{
  GtkWidget *cell = gtk_root_get_focus (gtk_widget_get_root (widget));
  graphene_rect_t area;

  if (!KX_UNIT_GRID (widget)->unit)
    return;
  if (!cell || !gtk_widget_compute_bounds (cell, widget, &area))
    area = GRAPHENE_RECT_INIT (0, 0, 2, 2);
  show_menu (KX_UNIT_GRID (widget), area.origin.x + area.size.width / 2,
             area.origin.y + area.size.height / 2);
}

static gboolean
show_tooltip (KxUnitGrid *self, int x, int y, gboolean by_key, GtkTooltip *tooltip)
{
  KxNeuron *unit;
  GtkWidget *box = by_key ? NULL : find_box (self, x, y, &unit);
  graphene_rect_t area;

  if (!box || !gtk_widget_compute_bounds (box, GTK_WIDGET (self->view), &area))
    return FALSE;
  g_autofree char *name = name_unit (self, unit);
  gtk_tooltip_set_text (tooltip, name);
  gtk_tooltip_set_tip_area (tooltip,
                            &(GdkRectangle){ (int) area.origin.x, (int) area.origin.y,
                                             (int) area.size.width, (int) area.size.height });
  return TRUE;
}

static void
set_up (KxUnitGrid *self, GtkListItem *item)
{
  Cell *cell = g_new0 (Cell, 1);
  GtkWidget *overlay = gtk_overlay_new ();

  cell->grid = self;
  cell->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  cell->picture = gtk_picture_new ();
  cell->title = GTK_LABEL (gtk_label_new (NULL));
  cell->overlay = GTK_OVERLAY (overlay);
  gtk_widget_add_css_class (cell->box, "kx-unit");
  gtk_widget_add_css_class (overlay, "kx-unit-picture");
  gtk_widget_set_overflow (overlay, GTK_OVERFLOW_HIDDEN);
  gtk_picture_set_can_shrink (GTK_PICTURE (cell->picture), TRUE);
  gtk_overlay_set_child (cell->overlay, cell->picture);
  gtk_widget_set_halign (overlay, GTK_ALIGN_CENTER);
  gtk_label_set_ellipsize (cell->title, PANGO_ELLIPSIZE_END);
  gtk_label_set_width_chars (cell->title, 3);
  gtk_label_set_max_width_chars (cell->title, 3);
  gtk_widget_add_css_class (GTK_WIDGET (cell->title), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (cell->title), "numeric");
  gtk_box_append (GTK_BOX (cell->box), overlay);
  gtk_box_append (GTK_BOX (cell->box), GTK_WIDGET (cell->title));
  g_object_set_data (G_OBJECT (cell->box), "item", item);
  g_object_set_data_full (G_OBJECT (item), "cell", cell, g_free);
  gtk_list_item_set_child (item, cell->box);
}

/*
 * GtkGridView keeps widgets for as many rows of as many columns as it may have: no more than there
 * is room for are a few screens full, MOST_COLUMNS would be all units of most layers.
 */
static void
fit_columns (KxUnitGrid *self)
{
  GtkWidget *cell = gtk_widget_get_first_child (GTK_WIDGET (self->view));
  int least, width = gtk_widget_get_width (GTK_WIDGET (self->view));

  if (!cell || !width)
    return;
  gtk_widget_measure (cell, GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL, NULL, NULL);
  gtk_grid_view_set_max_columns (self->view,
                                 (guint) CLAMP (width / MAX (least, 1), 1, MOST_COLUMNS));
}

static gboolean
tell_moved (gpointer data)
{
  KxUnitGrid *self = data;

  self->told = 0;
  fit_columns (self);
  g_signal_emit (self, signals[MOVED], 0);
  return G_SOURCE_REMOVE;
}

static void
note_moved (KxUnitGrid *self)
{
  if (!self->told)
    self->told = g_idle_add (tell_moved, self);
}

static void
bind (KxUnitGrid *self, GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");
  KxNeuron *unit = gtk_list_item_get_item (item);

  kx_neuron_bound (unit, TRUE);
  g_ptr_array_add (self->bound, g_object_ref (unit));
  cell->handler = g_signal_connect_swapped (unit, self->maps ? "notify::map" : "notify::picture",
                                            G_CALLBACK (unit_changed), item);
  gtk_widget_remove_css_class (cell->picture, "kx-appears");
  show_unit (item);
  note_moved (self);
}

static void
unbind (KxUnitGrid *self, GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");
  KxNeuron *unit = gtk_list_item_get_item (item);

  g_signal_handler_disconnect (unit, cell->handler);
  kx_neuron_bound (unit, FALSE);
  g_ptr_array_remove_fast (self->bound, unit);
}

/* ── Order ───────────────────────────────────────────────────────────────────────────────────── */

/* Against the best photo, where photos were looked at; else as it is. NaN: there is no picture. */
static double
strength_of (KxNeuron *unit)
{
  double ratio = kx_neuron_get_ratio (unit);

  return isnan (kx_neuron_get_best (unit)) ? kx_neuron_get_picture (unit)->activation : ratio;
}

/* The strongest first; those of which nothing is known last, by their numbers. */
static int
compare_strengths (gconstpointer a, gconstpointer b, gpointer unused)
{
  double x = strength_of ((KxNeuron *) a), y = strength_of ((KxNeuron *) b);
  guint i = kx_neuron_get_index ((KxNeuron *) a), k = kx_neuron_get_index ((KxNeuron *) b);

  if (isnan (x) != isnan (y))
    return isnan (x) ? 1 : -1;
  if (!isnan (x) && x != y)
    return x > y ? -1 : 1;
  return i < k ? -1 : i > k;
}

/**
 * kx_unit_grid_set_order:
 * @grid: a grid
 * @order: in which it shows units, as they are now
 */
void
kx_unit_grid_set_order (KxUnitGrid *self, KxUnitOrder order)
{
  g_autoptr (GtkSorter) sorter
      = order == KX_UNITS_BY_STRENGTH
            ? GTK_SORTER (gtk_custom_sorter_new (compare_strengths, NULL, NULL))
            : NULL;

  self->order = order;
  gtk_sort_list_model_set_sorter (self->sorted, sorter);
}

static guint
count (KxUnitGrid *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->sorted));
}

/* More where that was quick, as it is of units that are far out of sight and have no cells. */
static void
fit_step (KxUnitGrid *self, gint64 took)
{
  if (took > PART_US)
    self->step = MAX (self->step / 2, LEAST_PART);
  else if (took < PART_US / 3)
    self->step = MIN (self->step * 2, MOST_PART);
}

/*
 * Hundreds of cells are too many for one frame, to make and to take down: the view is given some
 * units more in each, or fewer. A GtkTickCallback, as several idle calls may come between two
 * frames, and all their cells are laid out in the next.
 */
static gboolean
show_next_part (GtkWidget *widget, GdkFrameClock *clock, gpointer unused)
{
  KxUnitGrid *self = KX_UNIT_GRID (widget);
  GListModel *units = G_LIST_MODEL (self->units);
  guint size = MIN (gtk_slice_list_model_get_size (self->part), count (self));
  gint64 began = g_get_monotonic_time ();

  if (units == gtk_sort_list_model_get_model (self->sorted))
    size += self->step;
  else if (size > self->step)
    size -= self->step;
  else
    {
      gtk_sort_list_model_set_model (self->sorted, units);
      size = self->step = LEAST_PART;
    }
  gtk_slice_list_model_set_size (self->part, size);
  fit_step (self, g_get_monotonic_time () - began);
  if (size < count (self) || units != gtk_sort_list_model_get_model (self->sorted))
    return G_SOURCE_CONTINUE;
  self->later = 0;
  return G_SOURCE_REMOVE;
}

/* Cells are made for a grid in sight alone: of the page's grids there is one at a time. */
static void
show_units (KxUnitGrid *self)
{
  if (!gtk_widget_get_mapped (GTK_WIDGET (self)) || self->later
      || G_LIST_MODEL (self->units) == gtk_sort_list_model_get_model (self->sorted))
    return;
  /* While there are some: GTK 4.8 warns where a list is scrolled that is empty or going. */
  if (count (self) > 0)
    gtk_adjustment_set_value (gtk_scrolled_window_get_vadjustment (self->scrolled), 0);
  self->later = gtk_widget_add_tick_callback (GTK_WIDGET (self), show_next_part, NULL, NULL);
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

static void
note_selected (KxUnitGrid *self)
{
  KxNeuron *unit = gtk_single_selection_get_selected_item (self->selection);

  if (g_set_object (&self->unit, unit))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_UNIT]);
}

static void
activate (KxUnitGrid *self, guint position)
{
  g_autoptr (KxNeuron) unit = g_list_model_get_item (G_LIST_MODEL (self->sorted), position);

  if (unit)
    g_signal_emit (self, signals[ACTIVATE], 0, unit);
}

static void
kx_unit_grid_dispose (GObject *object)
{
  KxUnitGrid *self = KX_UNIT_GRID (object);

  g_clear_handle_id (&self->told, g_source_remove);
  if (self->later)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->later);
  self->later = 0;
  g_clear_pointer (&self->menu, gtk_widget_unparent);
  if (self->view)
    gtk_grid_view_set_model (self->view, NULL);
  self->view = NULL;
  if (self->scrolled)
    gtk_widget_unparent (GTK_WIDGET (self->scrolled));
  self->scrolled = NULL;
  g_clear_object (&self->selection);
  g_clear_object (&self->units);
  g_clear_object (&self->unit);
  g_clear_pointer (&self->bound, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_unit_grid_parent_class)->dispose (object);
}

static void
kx_unit_grid_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxUnitGrid *self = KX_UNIT_GRID (object);

  if (id == PROP_UNIT)
    g_value_set_object (value, self->unit);
  else
    g_value_set_int (value, self->size);
}

static void
set_size (KxUnitGrid *self, int size)
{
  if (size == self->size)
    return;
  self->size = size;
  for (guint i = 0; i < self->bound->len; i++)
    g_object_notify (g_ptr_array_index (self->bound, i), self->maps ? "map" : "picture");
  note_moved (self);
}

static void
kx_unit_grid_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  set_size (KX_UNIT_GRID (object), g_value_get_int (value));
}

static void
kx_unit_grid_class_init (KxUnitGridClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = kx_unit_grid_dispose;
  object_class->get_property = kx_unit_grid_get_property;
  object_class->set_property = kx_unit_grid_set_property;
  props[PROP_UNIT] = g_param_spec_object ("unit", NULL, NULL, KX_TYPE_NEURON,
                                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  props[PROP_SIZE] = g_param_spec_int ("size", NULL, NULL, LEAST_SIZE, MOST_SIZE, USUAL_SIZE,
                                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
  signals[ACTIVATE] = g_signal_new ("activate", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 1, KX_TYPE_NEURON);
  signals[MOVED]
      = g_signal_new ("moved", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_install_action (GTK_WIDGET_CLASS (klass), "units.menu", NULL, menu_action);
  gtk_widget_class_add_binding_action (GTK_WIDGET_CLASS (klass), GDK_KEY_Menu, 0, "units.menu",
                                       NULL);
  gtk_widget_class_add_binding_action (GTK_WIDGET_CLASS (klass), GDK_KEY_F10, GDK_SHIFT_MASK,
                                       "units.menu", NULL);
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
kx_unit_grid_init (KxUnitGrid *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  GtkGesture *click = gtk_gesture_click_new ();

  self->size = USUAL_SIZE;
  self->bound = g_ptr_array_new_with_free_func (g_object_unref);
  g_signal_connect_object (factory, "setup", G_CALLBACK (set_up), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "bind", G_CALLBACK (bind), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "unbind", G_CALLBACK (unbind), self, G_CONNECT_SWAPPED);
  self->sorted = gtk_sort_list_model_new (NULL, NULL);
  self->step = LEAST_PART;
  self->part = gtk_slice_list_model_new (G_LIST_MODEL (self->sorted), 0, LEAST_PART);
  self->selection = gtk_single_selection_new (G_LIST_MODEL (self->part));
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  self->view = GTK_GRID_VIEW (gtk_grid_view_new (
      GTK_SELECTION_MODEL (g_object_ref (self->selection)), g_object_ref (factory)));
  gtk_grid_view_set_max_columns (self->view, FIRST_COLUMNS);
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "kx-units");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Units"), -1);
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (click), GDK_BUTTON_SECONDARY);
  g_signal_connect_object (click, "pressed", G_CALLBACK (press_menu), self, G_CONNECT_SWAPPED);
  gtk_widget_add_controller (GTK_WIDGET (self->view), GTK_EVENT_CONTROLLER (click));
  gtk_widget_set_has_tooltip (GTK_WIDGET (self->view), TRUE);
  g_signal_connect_object (self->view, "query-tooltip", G_CALLBACK (show_tooltip), self,
                           G_CONNECT_SWAPPED);
  self->scrolled = GTK_SCROLLED_WINDOW (gtk_scrolled_window_new ());
  gtk_scrolled_window_set_policy (self->scrolled, GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (self->scrolled, GTK_WIDGET (self->view));
  gtk_widget_set_parent (GTK_WIDGET (self->scrolled), GTK_WIDGET (self));
  g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (note_selected),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->view, "activate", G_CALLBACK (activate), self, G_CONNECT_SWAPPED);
  g_signal_connect (self, "map", G_CALLBACK (show_units), NULL);
  g_signal_connect_object (gtk_scrolled_window_get_vadjustment (self->scrolled), "value-changed",
                           G_CALLBACK (note_moved), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (gtk_scrolled_window_get_hadjustment (self->scrolled), "changed",
                           G_CALLBACK (note_moved), self, G_CONNECT_SWAPPED);
}

/**
 * kx_unit_grid_new:
 * @maps: whether it shows what units say of a photo, not what excites them
 *
 * Returns: (transfer floating): a grid
 */
GtkWidget *
kx_unit_grid_new (gboolean maps)
{
  KxUnitGrid *self = g_object_new (KX_TYPE_UNIT_GRID, NULL);

  self->maps = maps;
  return GTK_WIDGET (self);
}

/**
 * kx_unit_grid_set_units:
 * @grid: a grid
 * @units: (nullable): what it shows, as soon as it is in sight
 */
void
kx_unit_grid_set_units (KxUnitGrid *self, KxUnitList *units)
{
  if (g_set_object (&self->units, units))
    show_units (self);
}

/**
 * kx_unit_grid_get_unit:
 * @grid: a grid
 *
 * Returns: (nullable) (transfer none): the selected unit
 */
KxNeuron *
kx_unit_grid_get_unit (KxUnitGrid *self)
{
  return self->unit;
}

typedef struct {
  KxNeuron *unit;
  double distance; /* from the middle of what is in sight */
} Wanted;

static int
compare_distances (gconstpointer a, gconstpointer b)
{
  const Wanted *x = a, *y = b;

  return x->distance < y->distance ? -1 : x->distance > y->distance;
}

/* Where a unit is in the order in which it is shown. */
static double
place_of (KxUnitGrid *self, KxNeuron *unit)
{
  if (self->order == KX_UNITS_BY_NUMBER)
    return kx_neuron_get_index (unit);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sorted)); i++)
    {
      g_autoptr (KxNeuron) each = g_list_model_get_item (G_LIST_MODEL (self->sorted), i);

      if (each == unit)
        return i;
    }
  return 0;
}

/* Of what is in sight: a place in the order in which units are shown. */
static double
middle_of (KxUnitGrid *self)
{
  GtkAdjustment *place = gtk_scrolled_window_get_vadjustment (self->scrolled);

  return (gtk_adjustment_get_value (place) + gtk_adjustment_get_page_size (place) / 2)
         / MAX (gtk_adjustment_get_upper (place), 1) * count (self);
}

/**
 * kx_unit_grid_list_wanted:
 * @grid: a grid
 *
 * Returns: (transfer full) (element-type KxNeuron): the units that have a cell: first those in the
 *   middle of what is in sight, then outwards, a screen ahead and behind
 */
GPtrArray *
kx_unit_grid_list_wanted (KxUnitGrid *self)
{
  double middle = middle_of (self);
  g_autofree Wanted *wanted = g_new (Wanted, self->bound->len + 1);
  GPtrArray *units = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < self->bound->len; i++)
    {
      wanted[i].unit = g_ptr_array_index (self->bound, i);
      wanted[i].distance = fabs (place_of (self, wanted[i].unit) - middle);
    }
  qsort (wanted, self->bound->len, sizeof *wanted, compare_distances);
  for (guint i = 0; i < self->bound->len; i++)
    g_ptr_array_add (units, g_object_ref (wanted[i].unit));
  return units;
}

static guint
unit_at (KxUnitGrid *self, guint place)
{
  if (self->order == KX_UNITS_BY_NUMBER) /* no unit need be made to know that */
    return place;
  g_autoptr (KxNeuron) unit = g_list_model_get_item (G_LIST_MODEL (self->sorted), place);
  return kx_neuron_get_index (unit);
}

/**
 * kx_unit_grid_list_rest:
 * @grid: a grid
 *
 * Returns: (transfer full) (element-type guint): the numbers of the units that have no cell, those
 *   nearest to the middle of what is in sight first
 */
GArray *
kx_unit_grid_list_rest (KxUnitGrid *self)
{
  GArray *rest = g_array_new (FALSE, FALSE, sizeof (guint));
  guint n = count (self);
  g_autofree gboolean *bound = g_new0 (gboolean, n + 1);

  if (!self->units || gtk_sort_list_model_get_model (self->sorted) != G_LIST_MODEL (self->units))
    return rest;
  for (guint i = 0; i < self->bound->len; i++)
    bound[MIN (kx_neuron_get_index (g_ptr_array_index (self->bound, i)), n)] = TRUE;
  guint after = MIN ((guint) middle_of (self), n), before = after;
  for (guint i = 0; before > 0 || after < n; i++)
    {
      gboolean ahead = after < n && (before == 0 || i % 2 == 0);
      guint unit = unit_at (self, ahead ? after++ : --before);

      if (!bound[unit])
        g_array_append_val (rest, unit);
    }
  return rest;
}
