/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "histogram.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "axis.h"
#include "style.h"

#define MOST 24 /* ridges */
#define LEFT 12
#define RIGHT 64 /* for the steps... */
#define BARE 12  /* ...where there are some */
#define TOP 6
#define RIDGE 0.45 /* of the height: the highest ridge */
#define GAP_X 72

typedef struct {
  double step, low, high;
  double total;
  GArray *counts; /* of float, between @low and @high */
} Ridge;

struct _KxHistogram {
  GtkWidget parent_instance;
  char *title;
  GPtrArray *ridges; /* of Ridge, the oldest first */
  double stride;     /* steps between ridges that stay */
  double mark;       /* a value that is marked; NaN: none */
  char *mark_name;
};

G_DEFINE_FINAL_TYPE (KxHistogram, kx_histogram, GTK_TYPE_WIDGET)

static void
ridge_free (gpointer data)
{
  Ridge *ridge = data;

  g_array_unref (ridge->counts);
  g_free (ridge);
}

/* ── Drawing ── */

/* Per unit of value, so that ridges of other ranges can be compared. */
static double
density (const Ridge *ridge, guint bin)
{
  double width = (ridge->high - ridge->low) / ridge->counts->len;

  return ridge->total > 0 ? g_array_index (ridge->counts, float, bin) / ridge->total / width : 0;
}

static double
highest (KxHistogram *self)
{
  double most = 0;

  for (guint i = 0; i < self->ridges->len; i++)
    for (guint k = 0; k < ((Ridge *) self->ridges->pdata[i])->counts->len; k++)
      most = MAX (most, density (self->ridges->pdata[i], k));
  return most;
}

static KxAxis
get_axis (KxHistogram *self, double length)
{
  KxAxis axis = { .low = INFINITY, .high = -INFINITY, .length = length };

  for (guint i = 0; i < self->ridges->len; i++)
    {
      const Ridge *ridge = self->ridges->pdata[i];
      axis.low = MIN (axis.low, ridge->low);
      axis.high = MAX (axis.high, ridge->high);
    }
  if (self->ridges->len && isfinite (self->mark))
    {
      axis.low = MIN (axis.low, self->mark);
      axis.high = MAX (axis.high, self->mark);
    }
  return axis;
}

/* Whether its ridges are of steps; else there is one, of no step. */
static gboolean
has_steps (KxHistogram *self)
{
  return self->ridges->len == 0 || !isnan (((Ridge *) self->ridges->pdata[0])->step);
}

static void
trace_ridge (const Ridge *ridge, const KxAxis *axis, double base, double scale, cairo_t *cairo)
{
  double width = (ridge->high - ridge->low) / ridge->counts->len;

  cairo_move_to (cairo, LEFT + kx_axis_position (axis, ridge->low), base);
  for (guint i = 0; i < ridge->counts->len; i++)
    cairo_line_to (cairo, LEFT + kx_axis_position (axis, ridge->low + (i + 0.5) * width),
                   base - density (ridge, i) * scale);
  cairo_line_to (cairo, LEFT + kx_axis_position (axis, ridge->high), base);
}

/* From pale, long ago, to strong, now. */
static void
draw_ridge (KxHistogram *self, const KxTheme *theme, guint i, const KxAxis *axis, double base,
            double scale, cairo_t *cairo)
{
  const Ridge *ridge = self->ridges->pdata[i];
  gboolean newest = i + 1 == self->ridges->len;
  double age = self->ridges->len > 1 ? (double) i / (self->ridges->len - 1) : 1;
  GdkRGBA colour = kx_palette_colour (theme, 0);

  trace_ridge (ridge, axis, base, scale, cairo);
  gdk_cairo_set_source_rgba (cairo, &theme->background);
  cairo_fill_preserve (cairo);
  cairo_set_source_rgba (cairo, colour.red, colour.green, colour.blue, 0.08 + 0.27 * age);
  cairo_fill_preserve (cairo);
  cairo_set_source_rgba (cairo, colour.red, colour.green, colour.blue, 0.4 + 0.6 * age);
  cairo_set_line_width (cairo, newest ? theme->line : 1);
  cairo_stroke (cairo);
}

static void
draw_text (GtkWidget *widget, const char *text, double x, double y, double align, cairo_t *cairo)
{
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, text);
  int width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  cairo_move_to (cairo, x - align * width, y - height / 2.0);
  pango_cairo_show_layout (cairo, layout);
}

static void
draw_axis (GtkWidget *widget, const KxTheme *theme, const KxAxis *axis, double top, double bottom,
           cairo_t *cairo)
{
  g_autoptr (GArray) ticks = kx_axis_ticks (axis, GAP_X);

  for (guint i = 0; i < ticks->len; i++)
    {
      const KxTick *tick = &g_array_index (ticks, KxTick, i);
      double x = floor (LEFT + kx_axis_position (axis, tick->value)) + 0.5;
      gdk_cairo_set_source_rgba (cairo, tick->value == 0 ? &theme->axis : &theme->grid);
      cairo_set_line_width (cairo, 1);
      cairo_move_to (cairo, x, top);
      cairo_line_to (cairo, x, bottom);
      cairo_stroke (cairo);
      gdk_cairo_set_source_rgba (cairo, &theme->dim);
      draw_text (widget, tick->label, x, bottom + 11, 0.5, cairo);
    }
}

static void
draw_ridges (KxHistogram *self, const KxTheme *theme, const KxAxis *axis, double bottom,
             cairo_t *cairo)
{
  double most = highest (self), space = (bottom - TOP) * (1 - RIDGE), labelled = -INFINITY;
  guint n = self->ridges->len;

  for (guint i = 0; i < n; i++)
    {
      const Ridge *ridge = self->ridges->pdata[i];
      double base = n > 1 ? bottom - space + space * i / (n - 1) : bottom;
      draw_ridge (self, theme, i, axis, base, most > 0 ? (bottom - TOP) * RIDGE / most : 0, cairo);
      /* Steps from the newest on, as many as there is room for. */
      if (i + 1 < n && (base - labelled < 30 || bottom - base < 15))
        continue;
      if (!has_steps (self))
        continue;
      labelled = base;
      g_autofree char *step = kx_format_count (ridge->step);
      gdk_cairo_set_source_rgba (cairo, i + 1 == n ? &theme->ink : &theme->dim);
      draw_text (GTK_WIDGET (self), step, LEFT + axis->length + 8, base - 4, 0, cairo);
    }
}

static void
draw_mark (KxHistogram *self, const KxTheme *theme, const KxAxis *axis, double bottom,
           cairo_t *cairo)
{
  double x = floor (LEFT + kx_axis_position (axis, self->mark)) + 0.5;

  gdk_cairo_set_source_rgba (cairo, &theme->ink);
  cairo_set_line_width (cairo, theme->line);
  cairo_set_dash (cairo, (double[]){ 6, 3 }, 2, 0);
  cairo_move_to (cairo, x, TOP + 20);
  cairo_line_to (cairo, x, bottom);
  cairo_stroke (cairo);
  cairo_set_dash (cairo, NULL, 0, 0);
}

static void
kx_histogram_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxHistogram *self = KX_HISTOGRAM (widget);
  const KxTheme *theme = kx_theme_get_current ();
  double width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  KxAxis axis = get_axis (self, width - LEFT - (has_steps (self) ? RIGHT : BARE));
  double bottom = height - 24;

  if (!kx_axis_valid (&axis) || bottom < 3 * TOP)
    return;
  cairo_t *cairo = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  draw_axis (widget, theme, &axis, TOP, bottom, cairo);
  draw_ridges (self, theme, &axis, bottom, cairo);
  if (isfinite (self->mark))
    draw_mark (self, theme, &axis, bottom, cairo);
  gdk_cairo_set_source_rgba (cairo, &theme->ink);
  draw_text (widget, self->title, LEFT, TOP + 8, 0, cairo);
  cairo_destroy (cairo);
}

static void
kx_histogram_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                      int *natural, int *minimum_baseline, int *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 160 : 110;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 260 : 180;
}

/* ── What it says ── */

/* The numbers of the newest ridge, for who cannot see it, and in a tooltip for all. */
static void
describe (KxHistogram *self)
{
  const Ridge *ridge = self->ridges->pdata[self->ridges->len - 1];
  double width = (ridge->high - ridge->low) / ridge->counts->len, mean = 0, square = 0;

  for (guint i = 0; i < ridge->counts->len; i++)
    {
      double middle = ridge->low + (i + 0.5) * width;
      double share = ridge->total > 0 ? g_array_index (ridge->counts, float, i) / ridge->total : 0;
      mean += share * middle;
      square += share * middle * middle;
    }
  g_autofree char *step = kx_format_count (ridge->step), *low = kx_format_value (ridge->low),
                  *high = kx_format_value (ridge->high), *centre = kx_format_value (mean),
                  *spread = kx_format_value (sqrt (MAX (square - mean * mean, 0)));
  g_autofree char *numbers
      = has_steps (self)
            ? g_strdup_printf (_ ("Step %s: from %s to %s, mean %s, standard deviation %s"), step,
                               low, high, centre, spread)
            : g_strdup_printf (_ ("From %s to %s, mean %s, standard deviation %s"), low, high,
                               centre, spread);
  g_autofree char *mark = isfinite (self->mark) ? kx_format_value (self->mark) : NULL;
  g_autofree char *text
      = mark ? g_strdup_printf ("%s; %s: %s", numbers, self->mark_name, mark) : g_strdup (numbers);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, self->title,
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
}

/* ── The widget ── */

static void
kx_histogram_finalize (GObject *object)
{
  KxHistogram *self = KX_HISTOGRAM (object);

  g_free (self->title);
  g_free (self->mark_name);
  g_ptr_array_unref (self->ridges);
  G_OBJECT_CLASS (kx_histogram_parent_class)->finalize (object);
}

static void
kx_histogram_class_init (KxHistogramClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_histogram_finalize;
  widget_class->snapshot = kx_histogram_snapshot;
  widget_class->measure = kx_histogram_measure;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
kx_histogram_init (KxHistogram *self)
{
  self->ridges = g_ptr_array_new_with_free_func (ridge_free);
  self->mark = NAN;
  gtk_widget_add_css_class (GTK_WIDGET (self), "view");
  gtk_widget_add_css_class (GTK_WIDGET (self), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self), "numeric");
  gtk_widget_set_direction (GTK_WIDGET (self), GTK_TEXT_DIR_LTR);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  kx_theme_connect (self, G_CALLBACK (gtk_widget_queue_draw));
}

/**
 * kx_histogram_new:
 * @title: whose values they are
 *
 * Returns: (transfer floating): a histogram without ridges
 */
GtkWidget *
kx_histogram_new (const char *title)
{
  KxHistogram *self = g_object_new (KX_TYPE_HISTOGRAM, NULL);

  self->title = g_strdup (title);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  return GTK_WIDGET (self);
}

static double
step_at (KxHistogram *self, guint i)
{
  return ((Ridge *) self->ridges->pdata[i])->step;
}

/* The first, the newest and every second one before it stay; what comes is as far apart. */
static void
thin_out (KxHistogram *self)
{
  for (guint i = self->ridges->len - 2; i >= 1; i -= MIN (i, 2))
    g_ptr_array_remove_index (self->ridges, i);
  guint n = self->ridges->len;
  self->stride = (step_at (self, n - 1) - step_at (self, 1)) / (n - 2);
}

/* Room for a ridge at @step: one too near to that before it was there only while it was newest. */
static void
make_room (KxHistogram *self, double step)
{
  while (self->ridges->len > 0 && step_at (self, self->ridges->len - 1) >= step)
    g_ptr_array_remove_index (self->ridges, self->ridges->len - 1);
  guint n = self->ridges->len;
  if (n >= 2 && step_at (self, n - 1) - step_at (self, n - 2) < 0.99 * self->stride)
    g_ptr_array_remove_index (self->ridges, n - 1);
  else if (n == MOST)
    thin_out (self);
}

/**
 * kx_histogram_add:
 * @histogram: a histogram
 * @step: after which step the values were so; one that was before goes back to it. NaN: of no step,
 *   alone
 * @low: where the first bin begins
 * @high: where the last one ends, greater than @low
 * @counts: [@n], how many values are in each bin
 * @n: bins, at least one
 *
 * Adds a ridge.
 */
void
kx_histogram_add (KxHistogram *self, double step, double low, double high, const float *counts,
                  guint n)
{
  if (n == 0 || !isfinite (low) || !isfinite (high) || low >= high)
    return;
  if (isnan (step))
    kx_histogram_clear (self);
  make_room (self, step);
  Ridge *ridge = g_new0 (Ridge, 1);
  ridge->step = step;
  ridge->low = low;
  ridge->high = high;
  ridge->counts = g_array_new (FALSE, FALSE, sizeof (float));
  g_array_append_vals (ridge->counts, counts, n);
  for (guint i = 0; i < n; i++)
    ridge->total += counts[i];
  g_ptr_array_add (self->ridges, ridge);
  describe (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_histogram_set_mark:
 * @histogram: a histogram
 * @value: where among the others a value is; NaN: nowhere
 * @name: what it is, if it is not NaN
 */
void
kx_histogram_set_mark (KxHistogram *self, double value, const char *name)
{
  self->mark = value;
  g_free (self->mark_name);
  self->mark_name = g_strdup (name);
  if (self->ridges->len)
    describe (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
kx_histogram_clear (KxHistogram *self)
{
  g_ptr_array_set_size (self->ridges, 0);
  self->stride = 0;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_histogram_get_n:
 * @histogram: a histogram
 *
 * Returns: how many ridges there are, at most 24
 */
guint
kx_histogram_get_n (KxHistogram *self)
{
  return self->ridges->len;
}
