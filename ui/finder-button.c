/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Looks for a learning rate: a copy of the run, on the worker's thread, learns with a rate that
 * grows from step to step; where its loss falls fastest is the proposal. The run itself goes on
 * unchanged.
 */

#include "finder-button.h"

#include <glib/gi18n.h>
#include <math.h>

#include "news-private.h"

#define LOWEST 1e-6
#define HIGHEST 1.0
#define STEPS 100
#define MARGIN 18 /* pixels below the curve, for the axis */

/* What the worker has found so far. Immutable. */
typedef struct {
  KxHolder *button;
  guint search; /* which one it is of */
  guint n;
  KolRatePoint *points;
  double proposal;
  gboolean finished;
  char *error;
} Found;

/* A search on the worker's thread. */
typedef struct {
  KxHolder *button;
  guint search;
  gboolean told; /* that there is nothing to search with */
  KolRateFinder *finder;
} Search;

struct _KxFinderButton {
  AdwBin parent_instance;

  KxRun *run;
  KxRun *searched; /* whose rates they are */
  guint search;    /* counts them: what comes of an earlier one is dropped */
  KxTask *task;
  Found *found;  /* the newest, or NULL */
  double chosen; /* a rate; NaN: none */

  GtkMenuButton *button;
  GtkPopover *popover;
  GtkDrawingArea *area;
  GtkLabel *text;
  GtkButton *search_button, *use_button;
};

G_DEFINE_FINAL_TYPE (KxFinderButton, kx_finder_button, ADW_TYPE_BIN)

enum {
  USE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

static void
found_free (gpointer data)
{
  Found *found = data;

  kx_holder_unref (found->button);
  g_free (found->points);
  g_free (found->error);
  g_free (found);
}

static void take_found (gpointer data);

static void
tell (Search *search, gboolean finished, const GError *error)
{
  Found *found = g_new0 (Found, 1);
  const KolRatePoint *points
      = search->finder ? kol_rate_finder_get_points (search->finder, &found->n) : NULL;

  found->button = kx_holder_ref (search->button);
  found->search = search->search;
  found->points = g_memdup2 (points, found->n * sizeof *points);
  found->proposal = search->finder ? kol_rate_finder_suggest (search->finder) : NAN;
  found->finished = finished;
  found->error = error ? g_strdup (error->message) : NULL;
  kx_news_post (take_found, found, NULL);
}

static KxTurn
take_turn (gpointer self, double seconds)
{
  Search *search = self;
  gboolean finished = FALSE;
  g_autoptr (GError) error = NULL;

  if (!search->finder)
    {
      if (!search->told)
        tell (search, TRUE, NULL); /* the run has ended in the meantime */
      return KX_TURN_DONE;
    }
  if (!kol_rate_finder_advance (search->finder, 0, seconds, &finished, &error))
    finished = TRUE;
  tell (search, finished, error);
  return finished ? KX_TURN_DONE : KX_TURN_MORE;
}

static void
search_free (gpointer self)
{
  Search *search = self;

  g_clear_pointer (&search->finder, kol_rate_finder_free);
  kx_holder_unref (search->button);
  g_free (search);
}

static const KxTaskKind search_kind = { take_turn, search_free };

static void
begin_search (KolTrainer *trainer, gpointer data)
{
  Search *search = data;
  g_autoptr (GError) error = NULL;

  search->finder = kol_rate_finder_new (trainer, LOWEST, HIGHEST, STEPS, &error);
  if (!search->finder)
    {
      tell (search, TRUE, error);
      search->told = TRUE;
    }
}

/* ── Showing ─────────────────────────────────────────────────────────────────────────────────── */

static double
place_of (double rate, double width)
{
  return width * log (rate / LOWEST) / log (HIGHEST / LOWEST);
}

static void
draw_axis (cairo_t *cairo, const GdkRGBA *colour, double width, double height, GtkWidget *widget)
{
  for (double rate = LOWEST; rate < HIGHEST * 1.1; rate *= 10)
    {
      double x = place_of (rate, width);
      g_autofree char *label = kx_format_rate (rate);
      g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, label);
      int text_width, text_height;

      cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, 0.15);
      cairo_rectangle (cairo, floor (x), 0, 1, height);
      cairo_fill (cairo);
      pango_layout_get_pixel_size (layout, &text_width, &text_height);
      cairo_move_to (cairo, CLAMP (x - text_width / 2.0, 0, width - text_width), height + 2);
      cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, 0.7);
      pango_cairo_show_layout (cairo, layout);
    }
}

/* The range of the smoothed losses; what exploded is cut off. */
static void
find_range (const Found *found, double *low, double *high)
{
  *low = HUGE_VAL;
  for (guint i = 0; i < found->n; i++)
    *low = MIN (*low, found->points[i].smoothed);
  *high = found->points[0].smoothed * 1.5;
}

static void
draw_curve (KxFinderButton *self, cairo_t *cairo, double width, double height)
{
  double low, high;

  find_range (self->found, &low, &high);
  cairo_save (cairo);
  cairo_rectangle (cairo, 0, 0, width, height);
  cairo_clip (cairo);
  for (guint i = 0; i < self->found->n; i++)
    {
      const KolRatePoint *point = &self->found->points[i];
      double y = height - (height - 12) * (point->smoothed - low) / MAX (high - low, 1e-12) - 6;
      cairo_line_to (cairo, place_of (point->rate, width), y);
    }
  cairo_set_line_width (cairo, 2);
  cairo_stroke (cairo);
  cairo_restore (cairo);
}

static void
draw (GtkDrawingArea *area, cairo_t *cairo, int width, int height, gpointer data)
{
  KxFinderButton *self = data;
  GdkRGBA colour, accent;
  GtkStyleContext *style = gtk_widget_get_style_context (GTK_WIDGET (area));

  gtk_style_context_get_color (style, &colour);
  if (!gtk_style_context_lookup_color (style, "accent_color", &accent))
    accent = colour;
  draw_axis (cairo, &colour, width, height - MARGIN, GTK_WIDGET (area));
  if (!self->found || !self->found->n)
    return;
  gdk_cairo_set_source_rgba (cairo, &accent);
  draw_curve (self, cairo, width, height - MARGIN);
  if (isnan (self->chosen))
    return;
  gdk_cairo_set_source_rgba (cairo, &colour);
  cairo_rectangle (cairo, floor (place_of (self->chosen, width)), 0, 1, height - MARGIN);
  cairo_fill (cairo);
}

static void
choose (KxFinderButton *self, double rate)
{
  self->chosen = rate;
  gtk_widget_set_sensitive (GTK_WIDGET (self->use_button), !isnan (rate));
  if (!isnan (rate))
    {
      g_autofree char *number = kx_format_rate (rate);
      g_autofree char *label = g_strdup_printf (_ ("Use %s"), number);
      gtk_button_set_label (self->use_button, label);
    }
  gtk_widget_queue_draw (GTK_WIDGET (self->area));
}

static void
press (KxFinderButton *self, int n_presses, double x)
{
  double width = gtk_widget_get_width (GTK_WIDGET (self->area));

  if (self->found && width > 0)
    choose (self, LOWEST * pow (HIGHEST / LOWEST, CLAMP (x / width, 0, 1)));
}

/* A step of arrow keys: twelve are a decade. */
static gboolean
press_key (KxFinderButton *self, guint key)
{
  double by = key == GDK_KEY_Left || key == GDK_KEY_KP_Left     ? -1
              : key == GDK_KEY_Right || key == GDK_KEY_KP_Right ? 1
                                                                : 0;

  if (by == 0 || isnan (self->chosen))
    return FALSE;
  choose (self, CLAMP (self->chosen * pow (10, by / 12), LOWEST, HIGHEST));
  return TRUE;
}

static void
show_found (KxFinderButton *self)
{
  const Found *found = self->found;

  gtk_widget_set_sensitive (GTK_WIDGET (self->search_button), found->finished);
  if (found->error)
    gtk_label_set_label (self->text, found->error);
  else if (!found->finished)
    {
      g_autofree char *text = g_strdup_printf (_ ("Trying rates, %u of %u"), found->n, STEPS);
      gtk_label_set_label (self->text, text);
    }
  else if (isnan (found->proposal))
    gtk_label_set_label (self->text, _ ("The loss falls at no rate from here."));
  else
    {
      g_autofree char *rate = kx_format_rate (found->proposal);
      g_autofree char *text = g_strdup_printf (_ ("The loss falls fastest at %s."), rate);
      gtk_label_set_label (self->text, text);
      choose (self, found->proposal);
    }
  gtk_widget_queue_draw (GTK_WIDGET (self->area));
}

static void
take_found (gpointer data)
{
  Found *found = data;
  g_autoptr (KxFinderButton) self = kx_holder_get (found->button);

  if (!self || found->search != self->search)
    {
      found_free (found);
      return;
    }
  g_clear_pointer (&self->found, found_free);
  self->found = found;
  show_found (self);
}

/* ── What it is told ─────────────────────────────────────────────────────────────────────────── */

static void
cancel (KxFinderButton *self)
{
  self->search++;
  if (self->task)
    kx_task_cancel (self->task);
  g_clear_pointer (&self->task, kx_task_unref);
  gtk_widget_set_sensitive (GTK_WIDGET (self->search_button), TRUE);
}

static void
search (KxFinderButton *self)
{
  if (!self->run || !kx_run_has_trainer (self->run))
    {
      gtk_label_set_label (self->text, _ ("The run is not ready yet."));
      return;
    }
  cancel (self);
  g_clear_pointer (&self->found, found_free);
  choose (self, NAN);
  g_set_object (&self->searched, self->run);
  gtk_widget_set_sensitive (GTK_WIDGET (self->search_button), FALSE);
  gtk_label_set_label (self->text, _ ("Copying the network"));

  Search *search = g_new0 (Search, 1);
  KxWorker *worker = kx_engine_get_worker (kx_device_get_engine (kx_run_get_device (self->run)));
  search->button = kx_holder_new (self);
  search->search = self->search;
  /* The task, which owns the search, has its first turn after that. */
  kx_run_probe (self->run, NULL, begin_search, search, NULL);
  self->task = kx_worker_add (worker, &search_kind, search, 1);
}

static void
use (KxFinderButton *self)
{
  if (self->searched)
    g_signal_emit (self, signals[USE], 0, self->searched, self->chosen);
  gtk_popover_popdown (self->popover);
}

/* Where there is no result yet, opening it is asking for one. */
static void
popover_shown (KxFinderButton *self)
{
  if (!self->found || self->searched != self->run)
    search (self);
}

/* ── Class ───────────────────────────────────────────────────────────────────────────────────── */

static void
kx_finder_button_dispose (GObject *object)
{
  KxFinderButton *self = KX_FINDER_BUTTON (object);

  if (self->task)
    kx_task_cancel (self->task);
  g_clear_pointer (&self->task, kx_task_unref);
  g_clear_pointer (&self->found, found_free);
  g_clear_object (&self->run);
  g_clear_object (&self->searched);
  G_OBJECT_CLASS (kx_finder_button_parent_class)->dispose (object);
}

static void
kx_finder_button_class_init (KxFinderButtonClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_finder_button_dispose;
  /** KxFinderButton::use: @run is to learn with @rate. */
  signals[USE] = g_signal_new ("use", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                               NULL, G_TYPE_NONE, 2, KX_TYPE_RUN, G_TYPE_DOUBLE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/finder-button.ui");
  gtk_widget_class_bind_template_child (widget_class, KxFinderButton, button);
  gtk_widget_class_bind_template_child (widget_class, KxFinderButton, popover);
  gtk_widget_class_bind_template_child (widget_class, KxFinderButton, area);
  gtk_widget_class_bind_template_child (widget_class, KxFinderButton, text);
  gtk_widget_class_bind_template_child_full (widget_class, "search", FALSE,
                                             G_STRUCT_OFFSET (KxFinderButton, search_button));
  gtk_widget_class_bind_template_child_full (widget_class, "use", FALSE,
                                             G_STRUCT_OFFSET (KxFinderButton, use_button));
  gtk_widget_class_bind_template_callback (widget_class, search);
  gtk_widget_class_bind_template_callback (widget_class, use);
}

static void
kx_finder_button_init (KxFinderButton *self)
{
  GtkGesture *click = gtk_gesture_click_new ();
  GtkEventController *keys = gtk_event_controller_key_new ();

  self->chosen = NAN;
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_drawing_area_set_draw_func (self->area, draw, self, NULL);
  g_signal_connect_swapped (click, "pressed", G_CALLBACK (press), self);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (press_key), self);
  gtk_widget_add_controller (GTK_WIDGET (self->area), keys);
  gtk_widget_add_controller (GTK_WIDGET (self->area), GTK_EVENT_CONTROLLER (click));
  g_signal_connect_swapped (self->popover, "show", G_CALLBACK (popover_shown), self);
}

/**
 * kx_finder_button_set_run:
 * @button: a button
 * @run: (nullable): for which the next search is
 */
void
kx_finder_button_set_run (KxFinderButton *self, KxRun *run)
{
  g_set_object (&self->run, run);
  gtk_widget_set_sensitive (GTK_WIDGET (self->button), run != NULL);
}
