/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "mark-layer.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define MERGE 12.0   /* pixels; marks that are closer are one */
#define TRIANGLE 5.0 /* half its width */
#define CIRCLE 4.0   /* a checkpoint's radius */
#define REACH 11.0   /* pixels around a circle or triangle in which it is hit */
#define TEXT_AT (TRIANGLE + 3)
#define LABEL_GAP 8.0 /* between a mark's text and the next mark */

typedef struct {
  double step;
  char *text;
} Mark;

typedef struct {
  double step;
  gboolean pinned;
} Checkpoint;

struct _KxMarkLayer {
  KxLayer parent_instance;
  KxClock *clock;
  GArray *marks;       /* of Mark, in the order of steps */
  GArray *checkpoints; /* of Checkpoint, in the order of steps */
  double selected;     /* a step; NaN: none */
};

G_DEFINE_FINAL_TYPE (KxMarkLayer, kx_mark_layer, KX_TYPE_LAYER)

/* ── Places ── */

static const Mark *
mark_at (KxMarkLayer *self, guint i)
{
  return &g_array_index (self->marks, Mark, i);
}

static const Checkpoint *
checkpoint_at (KxMarkLayer *self, guint i)
{
  return &g_array_index (self->checkpoints, Checkpoint, i);
}

static double
step_x (KxMarkLayer *self, const KxPlot *plot, double step)
{
  return kx_plot_x (plot, kx_clock_from_step (self->clock, plot->unit, step));
}

static gboolean
within (const KxPlot *plot, double x)
{
  return x >= plot->box.origin.x - 0.5 && x <= plot->box.origin.x + plot->box.size.width + 0.5;
}

/* The end of the marks that are one with the first. */
static guint
group_end (KxMarkLayer *self, const KxPlot *plot, guint begin)
{
  double x = step_x (self, plot, mark_at (self, begin)->step);
  guint end = begin + 1;

  while (end < self->marks->len && step_x (self, plot, mark_at (self, end)->step) - x < MERGE)
    end++;
  return end;
}

/* ── Drawing ── */

static void
kx_mark_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxMarkLayer *self = KX_MARK_LAYER (layer);
  double top = plot->box.origin.y, height = plot->box.size.height;

  if (!kx_clock_knows (self->clock, plot->unit))
    return;
  if (isfinite (self->selected))
    {
      const GdkRGBA *ground = &plot->theme->background;
      double x = step_x (self, plot, self->selected);
      cairo_set_source_rgba (cairo, ground->red, ground->green, ground->blue, 0.68);
      cairo_rectangle (cairo, x, top, plot->box.origin.x + plot->box.size.width - x, height);
      cairo_fill (cairo);
      gdk_cairo_set_source_rgba (cairo, &plot->theme->accent);
      cairo_set_line_width (cairo, 1.5);
      cairo_move_to (cairo, x, top);
      cairo_rel_line_to (cairo, 0, height);
      cairo_stroke (cairo);
    }
  gdk_cairo_set_source_rgba (cairo, &plot->theme->dim);
  cairo_set_line_width (cairo, 1);
  cairo_set_dash (cairo, (double[]){ 1, 3 }, 2, 0);
  for (guint i = 0; i < self->marks->len; i = group_end (self, plot, i))
    {
      double x = floor (step_x (self, plot, mark_at (self, i)->step)) + 0.5;
      cairo_move_to (cairo, x, top);
      cairo_rel_line_to (cairo, 0, height);
    }
  cairo_stroke (cairo);
  cairo_set_dash (cairo, NULL, 0, 0);
}

static char *
group_text (KxMarkLayer *self, guint begin, guint end)
{
  if (end - begin == 1)
    return g_strdup (mark_at (self, begin)->text);
  return g_strdup_printf (
      g_dngettext (GETTEXT_PACKAGE, "%u change", "%u changes", (gulong) (end - begin)),
      end - begin);
}

/* What stands beside the triangle; NULL if the next one leaves no room. Given. */
static PangoLayout *
lay_out_text (KxMarkLayer *self, const KxPlot *plot, guint begin, guint end)
{
  double x = step_x (self, plot, mark_at (self, begin)->step);
  double right = plot->box.origin.x + plot->box.size.width;
  g_autofree char *text = group_text (self, begin, end);
  g_autoptr (PangoLayout) layout = pango_layout_new (plot->pango);
  int width;

  pango_layout_set_text (layout, text, -1);
  pango_layout_get_pixel_size (layout, &width, NULL);
  double next = end < self->marks->len
                    ? MIN (right, step_x (self, plot, mark_at (self, end)->step) - TRIANGLE)
                    : right;
  return x + TEXT_AT + width + LABEL_GAP > next ? NULL : g_steal_pointer (&layout);
}

static void
draw_group (KxMarkLayer *self, const KxPlot *plot, cairo_t *cairo, guint begin, guint end)
{
  double x = floor (step_x (self, plot, mark_at (self, begin)->step)) + 0.5;
  double top = plot->box.origin.y;
  int height;

  if (!within (plot, x))
    return;
  gdk_cairo_set_source_rgba (cairo, &plot->theme->ink);
  cairo_move_to (cairo, x - TRIANGLE, top - 1.4 * TRIANGLE);
  cairo_rel_line_to (cairo, 2 * TRIANGLE, 0);
  cairo_line_to (cairo, x, top);
  cairo_close_path (cairo);
  cairo_fill (cairo);
  g_autoptr (PangoLayout) layout = lay_out_text (self, plot, begin, end);
  if (!layout)
    return;
  pango_layout_get_pixel_size (layout, NULL, &height);
  gdk_cairo_set_source_rgba (cairo, &plot->theme->dim);
  cairo_move_to (cairo, x + TEXT_AT, top - height);
  pango_cairo_show_layout (cairo, layout);
}

static void
draw_checkpoint (KxMarkLayer *self, const KxPlot *plot, cairo_t *cairo,
                 const Checkpoint *checkpoint)
{
  double x = step_x (self, plot, checkpoint->step);
  double y = plot->box.origin.y + plot->box.size.height;
  gboolean selected = checkpoint->step == self->selected;

  if (!within (plot, x))
    return;
  cairo_new_sub_path (cairo);
  cairo_arc (cairo, x, y, selected ? CIRCLE + 1.5 : CIRCLE, 0, 2 * G_PI);
  gdk_cairo_set_source_rgba (cairo, selected             ? &plot->theme->accent
                                    : checkpoint->pinned ? &plot->theme->ink
                                                         : &plot->theme->background);
  cairo_fill_preserve (cairo);
  gdk_cairo_set_source_rgba (cairo, selected ? &plot->theme->accent : &plot->theme->ink);
  cairo_set_line_width (cairo, 1.5);
  cairo_stroke (cairo);
}

static void
kx_mark_layer_draw_over (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxMarkLayer *self = KX_MARK_LAYER (layer);
  guint end;

  if (!kx_clock_knows (self->clock, plot->unit))
    return;
  for (guint i = 0; i < self->marks->len; i = end)
    {
      end = group_end (self, plot, i);
      draw_group (self, plot, cairo, i, end);
    }
  for (guint i = 0; i < self->checkpoints->len; i++)
    draw_checkpoint (self, plot, cairo, checkpoint_at (self, i));
}

/* ── The object ── */

static void
clear_mark (gpointer mark)
{
  g_free (((Mark *) mark)->text);
}

static void
kx_mark_layer_finalize (GObject *object)
{
  KxMarkLayer *self = KX_MARK_LAYER (object);

  g_clear_pointer (&self->clock, kx_clock_unref);
  g_array_unref (self->marks);
  g_array_unref (self->checkpoints);
  G_OBJECT_CLASS (kx_mark_layer_parent_class)->finalize (object);
}

static void
kx_mark_layer_class_init (KxMarkLayerClass *klass)
{
  KxLayerClass *layer_class = KX_LAYER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_mark_layer_finalize;
  layer_class->level = KX_LEVELS - 1;
  layer_class->draw = kx_mark_layer_draw;
  layer_class->draw_over = kx_mark_layer_draw_over;
}

static void
kx_mark_layer_init (KxMarkLayer *self)
{
  self->marks = g_array_new (FALSE, FALSE, sizeof (Mark));
  g_array_set_clear_func (self->marks, clear_mark);
  self->checkpoints = g_array_new (FALSE, FALSE, sizeof (Checkpoint));
  self->selected = NAN;
}

/**
 * kx_mark_layer_new:
 *
 * Returns: (transfer full): a layer without marks
 */
KxMarkLayer *
kx_mark_layer_new (void)
{
  return g_object_new (KX_TYPE_MARK_LAYER, NULL);
}

/**
 * kx_mark_layer_set_clock:
 * @marks: marks
 * @clock: (nullable): of the run that they are of
 */
void
kx_mark_layer_set_clock (KxMarkLayer *self, KxClock *clock)
{
  if (clock)
    kx_clock_ref (clock);
  g_clear_pointer (&self->clock, kx_clock_unref);
  self->clock = clock;
  kx_layer_changed (KX_LAYER (self));
}

/* ── Marks ── */

/**
 * kx_mark_layer_add:
 * @marks: marks
 * @step: at which it took effect
 * @text: short, such as "1e-3 > 3e-4"
 *
 * Adds a change.
 */
void
kx_mark_layer_add (KxMarkLayer *self, double step, const char *text)
{
  Mark mark = { step, g_strdup (text) };
  guint at = self->marks->len;

  while (at > 0 && mark_at (self, at - 1)->step > step)
    at--;
  g_array_insert_val (self->marks, at, mark);
  kx_layer_changed (KX_LAYER (self));
}

/**
 * kx_mark_layer_remove:
 * @marks: marks
 * @step: as when it was added
 * @text: likewise
 *
 * Returns: whether there was such a change; it is gone
 */
gboolean
kx_mark_layer_remove (KxMarkLayer *self, double step, const char *text)
{
  for (guint i = 0; i < self->marks->len; i++)
    if (mark_at (self, i)->step == step && g_strcmp0 (mark_at (self, i)->text, text) == 0)
      {
        g_array_remove_index (self->marks, i);
        kx_layer_changed (KX_LAYER (self));
        return TRUE;
      }
  return FALSE;
}

void
kx_mark_layer_clear (KxMarkLayer *self)
{
  g_array_set_size (self->marks, 0);
  kx_layer_changed (KX_LAYER (self));
}

guint
kx_mark_layer_get_n_marks (KxMarkLayer *self)
{
  return self->marks->len;
}

/* ── Checkpoints ── */

static guint
find_checkpoint (KxMarkLayer *self, double step)
{
  guint at = 0;

  while (at < self->checkpoints->len && checkpoint_at (self, at)->step < step)
    at++;
  return at;
}

/**
 * kx_mark_layer_add_checkpoint:
 * @marks: marks
 * @step: of the checkpoint; there is one at a step
 * @pinned: whether it is to be kept, which is drawn filled
 */
void
kx_mark_layer_add_checkpoint (KxMarkLayer *self, double step, gboolean pinned)
{
  Checkpoint checkpoint = { step, pinned };
  guint at = find_checkpoint (self, step);

  if (at < self->checkpoints->len && checkpoint_at (self, at)->step == step)
    g_array_index (self->checkpoints, Checkpoint, at) = checkpoint;
  else
    g_array_insert_val (self->checkpoints, at, checkpoint);
  kx_layer_changed (KX_LAYER (self));
}

void
kx_mark_layer_remove_checkpoint (KxMarkLayer *self, double step)
{
  guint at = find_checkpoint (self, step);

  if (at == self->checkpoints->len || checkpoint_at (self, at)->step != step)
    return;
  g_array_remove_index (self->checkpoints, at);
  kx_layer_changed (KX_LAYER (self));
}

void
kx_mark_layer_clear_checkpoints (KxMarkLayer *self)
{
  g_array_set_size (self->checkpoints, 0);
  kx_layer_changed (KX_LAYER (self));
}

double
kx_mark_layer_get_selected (KxMarkLayer *self)
{
  return self->selected;
}

/**
 * kx_mark_layer_set_selected:
 * @marks: marks
 * @step: after which all is dimmed; NaN: nothing is
 */
void
kx_mark_layer_set_selected (KxMarkLayer *self, double step)
{
  if (self->selected == step || (isnan (self->selected) && isnan (step)))
    return;
  self->selected = step;
  kx_layer_changed (KX_LAYER (self));
}

/* ── For the chart ── */

/**
 * kx_mark_layer_find_checkpoint:
 * @marks: marks
 * @plot: how they are drawn
 * @x: of the pointer
 * @y: of the pointer
 * @step: (out): of the checkpoint
 *
 * Returns: whether the pointer is at a checkpoint's circle
 */
gboolean
kx_mark_layer_find_checkpoint (KxMarkLayer *self, const KxPlot *plot, double x, double y,
                               double *step)
{
  double nearest = REACH;

  if (!kx_clock_knows (self->clock, plot->unit)
      || fabs (y - plot->box.origin.y - plot->box.size.height) > REACH)
    return FALSE;
  for (guint i = 0; i < self->checkpoints->len; i++)
    {
      double at = step_x (self, plot, checkpoint_at (self, i)->step);
      if (!within (plot, at) || fabs (at - x) > nearest)
        continue;
      nearest = fabs (at - x);
      *step = checkpoint_at (self, i)->step;
    }
  return nearest < REACH;
}

/* Whether the pointer is at the triangle or the text of a group. */
static gboolean
is_at_group (KxMarkLayer *self, const KxPlot *plot, guint begin, guint end, double x)
{
  double at = step_x (self, plot, mark_at (self, begin)->step);
  g_autoptr (PangoLayout) layout = lay_out_text (self, plot, begin, end);
  int width = 0;

  if (layout)
    pango_layout_get_pixel_size (layout, &width, NULL);
  return within (plot, at) && x >= at - REACH && x <= at + MAX (REACH, TEXT_AT + width);
}

/* Whether a pointer is so high that it may be at marks. */
static gboolean
is_at_marks (KxMarkLayer *self, const KxPlot *plot, double y)
{
  return kx_clock_knows (self->clock, plot->unit) && y <= plot->box.origin.y + REACH;
}

/**
 * kx_mark_layer_find_changes:
 * @marks: marks
 * @plot: how they are drawn
 * @x: of the pointer
 * @y: of the pointer
 * @low: (out): the left edge of a view in which they stand apart, in the unit of the plot
 * @high: (out): the right edge
 *
 * Returns: whether the pointer is at changes that are drawn as one, and are of several steps
 */
gboolean
kx_mark_layer_find_changes (KxMarkLayer *self, const KxPlot *plot, double x, double y, double *low,
                            double *high)
{
  guint end;

  for (guint i = 0; is_at_marks (self, plot, y) && i < self->marks->len; i = end)
    {
      double first = step_x (self, plot, mark_at (self, i)->step) - plot->box.origin.x;
      end = group_end (self, plot, i);
      double last = step_x (self, plot, mark_at (self, end - 1)->step) - plot->box.origin.x;

      if (!(last > first) || !is_at_group (self, plot, i, end, x))
        continue;
      *low = kx_axis_value (&plot->x, first - (last - first));
      *high = kx_axis_value (&plot->x, last + (last - first));
      return *low < *high;
    }
  return FALSE;
}

/* "1e-3 > 3e-4 (step 1,200)" */
static void
describe_mark (const Mark *mark, GString *text)
{
  g_autofree char *count = kx_format_count (mark->step);

  g_string_append (text, text->len > 0 ? "\n" : "");
  g_string_append_printf (text, _ ("%s (step %s)"), mark->text, count);
}

/**
 * kx_mark_layer_describe:
 * @marks: marks
 * @plot: how they are drawn
 * @x: of the pointer
 * @y: of the pointer
 *
 * Returns: (transfer full) (nullable): what is there, a line for each; %NULL: nothing
 */
char *
kx_mark_layer_describe (KxMarkLayer *self, const KxPlot *plot, double x, double y)
{
  g_autoptr (GString) text = g_string_new (NULL);
  double step;
  guint end;

  if (kx_mark_layer_find_checkpoint (self, plot, x, y, &step))
    {
      g_autofree char *count = kx_format_count (step);
      return g_strdup_printf (_ ("Checkpoint at step %s"), count);
    }
  for (guint i = 0; is_at_marks (self, plot, y) && i < self->marks->len; i = end)
    {
      end = group_end (self, plot, i);
      if (!is_at_group (self, plot, i, end, x))
        continue;
      for (guint k = i; k < end; k++)
        describe_mark (mark_at (self, k), text);
    }
  return text->len > 0 ? g_strdup (text->str) : NULL;
}
