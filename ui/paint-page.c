/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Painting one picture in the style of another. */

#include "paint-page.h"

#include <glib/gi18n.h>
#include <math.h>

#include "canvas.h"
#include "chart/palette.h"
#include "compare.h"
#include "fast-grid.h"
#include "fast-job.h"
#include "fast-train.h"
#include "film-strip.h"
#include "loss-chart.h"
#include "paint-dial.h"
#include "paint-file.h"
#include "paint-job.h"
#include "paint-networks.h"
#include "paint-well.h"
#include "style-row.h"
#include "window.h"

#define SAMPLES "resource:///org/kolinsky/Explorer/samples/"
#define MOMENTS 16       /* that are kept */
#define PLAN_AFTER 200   /* ms in which nothing was changed */
#define ONE_GESTURE 1000 /* ms between two moves of a scale that are undone together */
#define USUAL_SIZE 512
#define NATURAL_WIDTH 540 /* pixels of the content */
#define SMALLEST_SIZE 128
#define LARGEST_SIZE 4096

/* A move of a scale, to be taken back. */
typedef struct {
  GWeakRef page, range;
  double from, to;
} Move;

struct _KxPaintPage {
  KxPage parent_instance;

  KxPaintPicture *content;
  GPtrArray *networks; /* of KolModelEntry */
  GArray *sizes;       /* of guint, as the row has them */
  gboolean filled;     /* the samples are there */
  gboolean opening;    /* another picture is on its way: no sample is needed */
  gboolean setting;    /* controls are being set, not used */
  const char *wanted;  /* interned: the network that was asked for last */
  KxJob *getting;      /* a network that is on its way */

  KxPaintJob *job;    /* the painting that is shown */
  GdkTexture *now;    /* its picture, or the content */
  KolSnapshot *full;  /* its picture as the engine has it */
  GPtrArray *moments; /* of Moment, as the film strip has them */
  guint step;         /* how many were done */
  GPtrArray *moves;   /* of char*: what was changed meanwhile, ends with NULL */
  gboolean fits;
  guint fitting_size;
  KxPaint *planned; /* what the need is of */
  guint plan_source;
  Move *move; /* the latest, which the undo list owns */
  gint64 moved;
  gboolean noted; /* the latest move is the last of moves */
  double noted_from;

  GtkButton *paint, *save, *cancel, *more, *fit, *get_small, *get_large;
  GtkToggleButton *pause;
  GtkProgressBar *getting_bar;
  GtkStack *stack;
  KxPaintWell *content_well, *style_well;
  KxCompare *compare;
  KxCanvas *canvas;
  GtkLabel *mask_hint;
  KxStyleRow *masked; /* whose place is being painted */
  KxFilmStrip *strip;
  KxLossChart *losses;
  KxFastGrid *fast;
  GtkLabel *left, *need;
  AdwActionRow *content_row;
  GtkPicture *content_thumbnail;
  GtkListBox *styles;
  KxPaintDial *style_weight, *content_weight;
  AdwComboRow *size, *colours, *network;
  GtkWidget *layers_group, *chart_side, *frame;
  AdwExpanderRow *layers;
  GPtrArray *layer_dials; /* of KxPaintDial */
};

G_DEFINE_FINAL_TYPE (KxPaintPage, kx_paint_page, KX_TYPE_PAGE)

typedef struct {
  GdkTexture *texture;
  guint step;
} Moment;

static void
moment_free (gpointer data)
{
  Moment *moment = data;

  g_object_unref (moment->texture);
  g_free (moment);
}

static KxSession *
get_session (KxPaintPage *self)
{
  return kx_widget_get_session (GTK_WIDGET (self));
}

static gboolean
is_painting (KxPaintPage *self)
{
  return self->job && !kx_job_is_over (kx_paint_job_get_job (self->job));
}

/* ── Settings ────────────────────────────────────────────────────────────────────────────────── */

static KxStyleRow *
nth_style (KxPaintPage *self, guint i)
{
  GtkListBoxRow *row = gtk_list_box_get_row_at_index (self->styles, (int) i);

  return KX_IS_STYLE_ROW (row) ? KX_STYLE_ROW (row) : NULL;
}

static const char *
chosen_network (KxPaintPage *self)
{
  guint i = adw_combo_row_get_selected (self->network);

  return self->networks && i < self->networks->len
             ? ((const KolModelEntry *) g_ptr_array_index (self->networks, i))->name
             : NULL;
}

static guint
chosen_size (KxPaintPage *self)
{
  guint i = adw_combo_row_get_selected (self->size);

  return i < self->sizes->len ? g_array_index (self->sizes, guint, i) : USUAL_SIZE;
}

/* What the controls say, or NULL while something is missing. Given. */
static KxPaint *
make_paint (KxPaintPage *self)
{
  static const KolStyleColours colours[]
      = { KOL_STYLE_COLOURS_STYLE, KOL_STYLE_COLOURS_KEEP, KOL_STYLE_COLOURS_MATCH };

  if (!self->content || !nth_style (self, 0) || !chosen_network (self))
    return NULL;
  KxPaint *paint = kx_paint_new (chosen_network (self), self->content);
  for (guint i = 0; nth_style (self, i); i++)
    kx_paint_add_style (paint, kx_style_row_get_picture (nth_style (self, i)),
                        kx_style_row_get_weight (nth_style (self, i)),
                        kx_style_row_get_region (nth_style (self, i)));
  for (guint i = 0; i < self->layer_dials->len; i++)
    {
      KxPaintDial *dial = g_ptr_array_index (self->layer_dials, i);

      kx_paint_add_layer (paint, adw_preferences_row_get_title (ADW_PREFERENCES_ROW (dial)),
                          kx_paint_dial_get_value (dial));
    }
  paint->style_weight = kx_paint_dial_get_value (self->style_weight);
  paint->content_weight = kx_paint_dial_get_value (self->content_weight);
  paint->size = chosen_size (self);
  paint->colours
      = colours[MIN (adw_combo_row_get_selected (self->colours), G_N_ELEMENTS (colours) - 1)];
  return paint;
}

/* ── What is shown ───────────────────────────────────────────────────────────────────────────── */

static void
show_controls (KxPaintPage *self)
{
  gboolean painting = is_painting (self);
  g_autoptr (KxPaint) paint = make_paint (self);

  gtk_widget_set_sensitive (GTK_WIDGET (self->paint), paint && self->fits && !painting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->save), self->full != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->pause), painting);
  gtk_widget_set_visible (GTK_WIDGET (self->cancel), painting);
  gtk_widget_set_visible (GTK_WIDGET (self->more), self->full && !painting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->more), paint && self->fits);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "paint.start",
                                 gtk_widget_get_sensitive (GTK_WIDGET (self->paint)));
}

static void
show_stage (KxPaintPage *self)
{
  const char *stage = self->masked                                 ? "mask"
                      : self->job || self->full                    ? "paint"
                      : self->networks && self->networks->len == 0 ? "no-network"
                                                                   : "choose";

  gtk_stack_set_visible_child_name (self->stack, stage);
  gtk_widget_set_visible (self->chart_side, self->job != NULL);
  gtk_widget_set_hexpand (GTK_WIDGET (self->fast), self->job == NULL);
  kx_page_set_subtitle (KX_PAGE (self),
                        self->content && (self->job || self->full) ? self->content->name : NULL);
}

static void
show_moment (KxPaintPage *self)
{
  int i = kx_film_strip_get_selected (self->strip);

  if (i < 0 || i >= (int) self->moments->len)
    {
      kx_compare_set_a (self->compare, NULL, NULL);
      return;
    }
  const Moment *moment = g_ptr_array_index (self->moments, i);
  g_autofree char *label = g_strdup_printf (_ ("Step %u"), moment->step);
  kx_compare_set_a (self->compare, GDK_PAINTABLE (moment->texture), label);
}

static void
show_now (KxPaintPage *self)
{
  guint steps = 0;

  if (self->job)
    self->step = MAX (self->step, kx_paint_job_get_step (self->job, &steps));
  g_autofree char *label = !self->full ? g_strdup (_ ("Preparing…"))
                           : steps     ? g_strdup_printf (_ ("Step %u of %u"), self->step, steps)
                                       : g_strdup_printf (_ ("Step %u"), self->step);

  kx_compare_set_b (self->compare, GDK_PAINTABLE (self->now), label);
}

static void
show_progress (KxPaintPage *self)
{
  KxJob *job = kx_paint_job_get_job (self->job);
  guint steps, step = kx_paint_job_get_step (self->job, &steps);
  g_autofree char *left = kx_format_time_left (kx_paint_job_get_seconds_left (self->job));
  g_autofree char *caption = g_strdup_printf (_ ("step %u of %u"), step, steps);
  const char *text = left;

  switch (kx_job_get_state (job))
    {
    case KX_JOB_PAUSED:
      text = _ ("Paused");
      break;
    case KX_JOB_DONE:
      text = _ ("Done");
      break;
    case KX_JOB_CANCELLED:
      text = _ ("Cancelled");
      break;
    case KX_JOB_FAILED:
      text = _ ("Failed");
      break;
    case KX_JOB_WORKING:
    default:
      break;
    }
  gtk_label_set_label (self->left, text);
  kx_page_set_caption (KX_PAGE (self), is_painting (self) && steps ? caption : NULL);
  show_now (self);
}

/* ── Plans ───────────────────────────────────────────────────────────────────────────────────── */

static char *
format_minutes (double seconds)
{
  if (isnan (seconds))
    return g_strdup ("");
  if (seconds < 60)
    return g_strdup_printf (_ ("\nAbout %d s"), (int) MAX (1, lround (seconds)));
  return g_strdup_printf (_ ("\nAbout %d min"), (int) lround (seconds / 60));
}

static void
show_need (KxPaintPage *self, const KxPaintPlan *plan)
{
  g_autofree char *needs = g_format_size (plan->bytes), *there = g_format_size (plan->budget);
  g_autofree char *time = format_minutes (plan->seconds);
  g_autofree char *tiles
      = plan->tiles > 1 ? g_strdup_printf (_ (" in %u tiles"), plan->tiles) : g_strdup ("");
  g_autofree char *text
      = plan->fault    ? g_strdup (plan->fault)
        : plan->budget ? g_strdup_printf (_ ("Needs %s of %s%s%s"), needs, there, tiles, time)
                       : g_strdup_printf (_ ("Needs %s%s%s"), needs, tiles, time);

  gtk_label_set_label (self->need, text);
  gtk_widget_remove_css_class (GTK_WIDGET (self->need), "dim-label");
  if (plan->fault)
    gtk_widget_add_css_class (GTK_WIDGET (self->need), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->need), "error");
}

static void
planned (const KxPaintPlan *plan, gpointer object)
{
  KxPaintPage *self = object;

  self->fits = !plan->fault;
  self->fitting_size = plan->fits;
  show_need (self, plan);
  g_autofree char *label = g_strdup_printf (_ ("Use %u px (fits)"), plan->fits);
  gtk_button_set_label (self->fit, label);
  gtk_widget_set_visible (GTK_WIDGET (self->fit), plan->fault && plan->fits);
  show_controls (self);
}

static gboolean
make_plan (gpointer data)
{
  KxPaintPage *self = data;
  KxSession *session = get_session (self);
  g_autoptr (KxPaint) paint = make_paint (self);

  self->plan_source = 0;
  if (!paint || !session || !kx_session_get_device (session))
    return G_SOURCE_REMOVE;
  g_clear_pointer (&self->planned, kx_paint_unref);
  self->planned = kx_paint_ref (paint);
  kx_paint_plan (session, paint, planned, G_OBJECT (self));
  return G_SOURCE_REMOVE;
}

/* What is said of memory and time is not true any more. */
static void
plan_again (KxPaintPage *self)
{
  g_autoptr (KxPaint) paint = make_paint (self);

  /* Weights cost neither memory nor time. */
  if (paint && self->planned && kx_paint_is_same_task (paint, self->planned))
    return;
  gtk_widget_add_css_class (GTK_WIDGET (self->need), "dim-label");
  if (paint)
    gtk_label_set_label (self->need, _ ("Reckoning what it needs…"));
  g_clear_handle_id (&self->plan_source, g_source_remove);
  self->plan_source = g_timeout_add (PLAN_AFTER, make_plan, self);
}

/* ── Changes ─────────────────────────────────────────────────────────────────────────────────── */

/* Something was changed: what is being painted follows, and what it needs is reckoned anew. */
static void
change (KxPaintPage *self)
{
  g_autoptr (KxPaint) paint = self->setting ? NULL : make_paint (self);

  if (self->setting)
    return;
  if (paint && is_painting (self))
    kx_paint_job_update (self->job, paint);
  if (!paint)
    {
      g_clear_pointer (&self->planned, kx_paint_unref);
      gtk_label_set_label (self->need, chosen_network (self)
                                           ? _ ("A picture and a style are needed")
                                           : _ ("A network is needed"));
    }
  plan_again (self);
  show_controls (self);
}

static void
move_free (gpointer data)
{
  Move *move = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&move->page);

  if (self && self->move == move)
    self->move = NULL;
  g_weak_ref_clear (&move->page);
  g_weak_ref_clear (&move->range);
  g_free (move);
}

static void
set_range (Move *move, double value)
{
  g_autoptr (GtkRange) range = g_weak_ref_get (&move->range);
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&move->page);

  if (!range || !self)
    return;
  self->setting = TRUE;
  gtk_range_set_value (range, value);
  self->setting = FALSE;
  change (self);
}

static void
move_back (gpointer data)
{
  set_range (data, ((Move *) data)->from);
}

static void
move_again (gpointer data)
{
  set_range (data, ((Move *) data)->to);
}

/* What was changed while it was painted goes into the picture's file: "120 style-weight 1 8". */
static void
note_step (KxPaintPage *self, GtkRange *range, double from, double to, gboolean same)
{
  const char *name = g_object_get_data (G_OBJECT (range), "kx-name");
  double usual = range == kx_paint_dial_get_scale (self->style_weight)     ? KX_STYLE_WEIGHT
                 : range == kx_paint_dial_get_scale (self->content_weight) ? KX_CONTENT_WEIGHT
                                                                           : 0;
  guint last = self->moves->len - 1; /* where NULL is */

  if (!is_painting (self))
    return;
  if (usual)
    {
      from = usual * exp2 (from);
      to = usual * exp2 (to);
    }
  if (same && last > 0 && self->noted)
    {
      from = self->noted_from;
      g_ptr_array_remove_index (self->moves, --last);
    }
  self->noted = TRUE;
  self->noted_from = from;
  g_ptr_array_insert (self->moves, (int) last,
                      g_strdup_printf ("%u %s %.4g %.4g", self->step, name, from, to));
}

/* A scale was moved: one entry of the undo list for each gesture. */
static void
note_move (KxPaintPage *self, GtkRange *range)
{
  double *before = g_object_get_data (G_OBJECT (range), "kx-before");
  double from = *before, to = gtk_range_get_value (range);
  gint64 now = g_get_monotonic_time ();
  g_autoptr (GtkRange) last = self->move ? g_weak_ref_get (&self->move->range) : NULL;

  *before = to;
  if (self->setting)
    return;
  note_step (self, range, from, to, last == range && now - self->moved < ONE_GESTURE * 1000);
  if (last == range && now - self->moved < ONE_GESTURE * 1000)
    self->move->to = to;
  else if (get_session (self))
    {
      Move *move = g_new0 (Move, 1);

      g_weak_ref_init (&move->page, self);
      g_weak_ref_init (&move->range, range);
      move->from = from;
      move->to = to;
      kx_undo_push (kx_session_get_undo (get_session (self)), _ ("Weight"), move_back, move_again,
                    move, move_free);
      self->move = move;
    }
  self->moved = now;
  change (self);
}

static void
watch_scale (KxPaintPage *self, GtkRange *range, const char *name)
{
  double *before = g_new (double, 1);

  *before = gtk_range_get_value (range);
  g_object_set_data_full (G_OBJECT (range), "kx-before", before, g_free);
  g_object_set_data_full (G_OBJECT (range), "kx-name", g_strdup (name), g_free);
  g_signal_connect_object (range, "value-changed", G_CALLBACK (note_move), self, G_CONNECT_SWAPPED);
}

/* ── Where styles are wanted ─────────────────────────────────────────────────────────────────── */

#define MASK_SIZE 512 /* of the longer side; finer would be lost on the layers */

/* What was painted with the brush; all of it, or nothing, is all over. */
static void
take_mask (KxPaintPage *self)
{
  gsize width, height, marked = 0;

  if (!self->masked)
    return;
  guint8 *mask = kx_canvas_dup_mask (self->canvas, &width, &height);
  for (gsize i = 0; i < width * height; i++)
    marked += mask[i] > 127;
  if (marked == 0 || marked == width * height)
    {
      g_free (mask);
      kx_style_row_set_region (self->masked, NULL);
      return;
    }
  KolPicture *region = g_new (KolPicture, 1);
  *region = (KolPicture){ 1, height, width, mask };
  kx_style_row_set_region (self->masked, region);
}

static void
begin_mask (KxPaintPage *self, KxStyleRow *row)
{
  g_autoptr (KolPicture) picture = kx_picture_fit (self->content->picture, MASK_SIZE);
  const KolPicture *region = kx_style_row_get_region (row);
  GdkRGBA colour = kx_palette_colour (kx_theme_get (FALSE, FALSE),
                                      (guint) gtk_list_box_row_get_index (GTK_LIST_BOX_ROW (row)));
  g_autofree char *hint = g_strdup_printf (
      _ ("Paint where %s is wanted. E takes away, comma and dot change the brush."),
      kx_style_row_get_picture (row)->name);

  if (!picture)
    return;
  self->masked = row;
  kx_canvas_set_picture (self->canvas, picture);
  g_object_set (self->canvas, "colour", &colour, NULL);
  if (region && region->width == picture->width && region->height == picture->height)
    kx_canvas_set_mask (self->canvas, region->pixels, region->width, region->height);
  gtk_label_set_label (self->mask_hint, hint);
  show_stage (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->canvas));
}

static void
mask_style (KxPaintPage *self, gboolean masking, KxStyleRow *row)
{
  KxStyleRow *before = self->masked;

  if (masking && self->content)
    {
      begin_mask (self, row);
      if (before)
        kx_style_row_end_mask (before);
    }
  else if (self->masked == row)
    {
      self->masked = NULL;
      show_stage (self);
    }
}

static void
masking_toggled (KxStyleRow *row, gboolean masking, gpointer page)
{
  mask_style (page, masking, row);
}

static void
end_mask (KxPaintPage *self)
{
  if (self->masked)
    kx_style_row_end_mask (self->masked);
}

static void
clear_mask (KxPaintPage *self)
{
  if (!self->masked)
    return;
  kx_canvas_clear (self->canvas);
  kx_style_row_set_region (self->masked, NULL);
  end_mask (self);
}

/* ── Pictures ────────────────────────────────────────────────────────────────────────────────── */

/* From a quarter of the usual size up by the root of 2, as painting grows, and the picture's own.
 */
static void
list_sizes (KxPaintPage *self)
{
  guint before = chosen_size (self), own = USUAL_SIZE, selected = 0;
  g_autoptr (GtkStringList) list = gtk_string_list_new (NULL);

  if (self->content)
    own = (guint) MAX (self->content->picture->width, self->content->picture->height);
  g_array_set_size (self->sizes, 0);
  for (guint i = 0;; i++)
    {
      guint side = (guint) lround (SMALLEST_SIZE * pow (2, i / 2.0));
      gboolean last = side > LARGEST_SIZE || (side > own && side > USUAL_SIZE);

      if (last && own <= LARGEST_SIZE && own > USUAL_SIZE)
        side = own;
      else if (last)
        break;
      if (self->sizes->len == 0 || side != g_array_index (self->sizes, guint, self->sizes->len - 1))
        {
          g_autofree char *text = g_strdup_printf (_ ("%u px"), side);

          selected = side <= before ? self->sizes->len : selected;
          g_array_append_val (self->sizes, side);
          gtk_string_list_append (list, text);
        }
      if (last)
        break;
    }
  self->setting = TRUE;
  adw_combo_row_set_model (self->size, G_LIST_MODEL (list));
  adw_combo_row_set_selected (self->size, selected);
  self->setting = FALSE;
}

static void
end_moves (KxPaintPage *self)
{
  g_ptr_array_add (self->moves, NULL);
}

static void
forget_painting (KxPaintPage *self)
{
  if (self->job && is_painting (self))
    kx_job_cancel (kx_paint_job_get_job (self->job));
  if (self->job)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  g_clear_object (&self->now);
  g_clear_pointer (&self->full, kol_snapshot_unref);
  self->step = 0;
  g_ptr_array_set_size (self->moves, 0);
  end_moves (self);
  kx_loss_chart_clear (self->losses);
  kx_film_strip_clear (self->strip);
  g_ptr_array_set_size (self->moments, 0);
  kx_compare_set_a (self->compare, NULL, NULL);
}

static void
set_content (KxPaintPage *self, KxPaintPicture *picture)
{
  g_autofree char *size
      = g_strdup_printf (_ ("%zu × %zu pixels"), picture->picture->width, picture->picture->height);
  g_autofree char *title = g_markup_escape_text (picture->name, -1);

  end_mask (self);
  for (guint i = 0; nth_style (self, i); i++)
    kx_style_row_set_region (nth_style (self, i), NULL); /* which was of another picture */
  forget_painting (self);
  g_clear_pointer (&self->content, kx_paint_picture_unref);
  self->content = kx_paint_picture_ref (picture);
  kx_paint_well_set_picture (self->content_well, picture);
  gtk_picture_set_paintable (self->content_thumbnail, GDK_PAINTABLE (picture->thumbnail));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->content_row), title);
  adw_action_row_set_subtitle (self->content_row, size);
  list_sizes (self);
  change (self);
  show_stage (self);
}

static void remove_style (KxPaintPage *self, KxStyleRow *row);

/* A new network is called as the style. */
static void
suggest_network (KxPaintPage *self)
{
  const char *name = kx_style_row_get_picture (nth_style (self, 0))->name;
  g_autofree char *stem = g_strndup (name, strcspn (name, "."));

  kx_fast_grid_suggest (self->fast, stem);
}

static void
add_style (KxPaintPage *self, KxPaintPicture *picture, double weight)
{
  GtkWidget *row = kx_style_row_new (picture, weight);

  g_signal_connect_object (row, "removed", G_CALLBACK (remove_style), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (row, "changed", G_CALLBACK (change), self, G_CONNECT_SWAPPED);
  g_signal_connect (row, "masking", G_CALLBACK (masking_toggled), self);
  watch_scale (self, kx_style_row_get_scale (KX_STYLE_ROW (row)), picture->name);
  gtk_list_box_append (self->styles, row);
  kx_paint_well_set_picture (self->style_well, kx_style_row_get_picture (nth_style (self, 0)));
  suggest_network (self);
  change (self);
}

/* A style that was removed, to be brought back. */
typedef struct {
  GWeakRef page;
  KxPaintPicture *picture;
  double weight;
  KolPicture *region;
} Removal;

static void
removal_free (gpointer data)
{
  Removal *removal = data;

  g_weak_ref_clear (&removal->page);
  kx_paint_picture_unref (removal->picture);
  kol_picture_free (removal->region);
  g_free (removal);
}

static void
drop_row (KxPaintPage *self, KxStyleRow *row)
{
  if (self->masked == row)
    end_mask (self);
  gtk_list_box_remove (self->styles, GTK_WIDGET (row));
  kx_paint_well_set_picture (self->style_well, nth_style (self, 0)
                                                   ? kx_style_row_get_picture (nth_style (self, 0))
                                                   : NULL);
  change (self);
}

static void
bring_back (gpointer data)
{
  Removal *removal = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&removal->page);
  guint last = 0;

  if (!self)
    return;
  add_style (self, removal->picture, removal->weight);
  while (nth_style (self, last + 1))
    last++;
  if (removal->region)
    kx_style_row_set_region (nth_style (self, last),
                             kol_picture_convert (removal->region, removal->region->channels));
}

static void
remove_again (gpointer data)
{
  Removal *removal = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&removal->page);

  for (guint i = 0; self && nth_style (self, i); i++)
    if (kx_style_row_get_picture (nth_style (self, i)) == removal->picture)
      {
        drop_row (self, nth_style (self, i));
        return;
      }
}

static void
remove_style (KxPaintPage *self, KxStyleRow *row)
{
  const KolPicture *region = kx_style_row_get_region (row);
  g_autofree char *text
      = g_strdup_printf (_ ("“%s” was removed"), kx_style_row_get_picture (row)->name);
  Removal *removal = g_new0 (Removal, 1);

  g_weak_ref_init (&removal->page, self);
  removal->picture = kx_paint_picture_ref (kx_style_row_get_picture (row));
  removal->weight = kx_style_row_get_weight (row);
  removal->region = region ? kol_picture_convert (region, region->channels) : NULL;
  drop_row (self, row);
  kx_undo_push (kx_session_get_undo (get_session (self)), _ ("Style"), bring_back, remove_again,
                removal, removal_free);
  kx_session_toast (get_session (self), text, TRUE);
}

static void
clear_styles (KxPaintPage *self)
{
  end_mask (self);
  while (nth_style (self, 0))
    gtk_list_box_remove (self->styles, GTK_WIDGET (nth_style (self, 0)));
}

typedef enum { FOR_CONTENT, FOR_FIRST_STYLE, FOR_STYLE } Purpose;

typedef struct {
  GWeakRef page;
  Purpose purpose;
} Loading;

static void
loaded (GObject *source, GAsyncResult *result, gpointer data)
{
  Loading *loading = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&loading->page);
  g_autoptr (GError) error = NULL;
  g_autoptr (KxPaintPicture) picture = kx_paint_picture_load_finish (result, &error);

  if (self && picture && loading->purpose == FOR_CONTENT)
    set_content (self, picture);
  else if (self && picture)
    {
      if (loading->purpose == FOR_FIRST_STYLE)
        clear_styles (self);
      add_style (self, picture, 1);
    }
  else if (self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  g_weak_ref_clear (&loading->page);
  g_free (loading);
}

static void
load (KxPaintPage *self, const char *place, Purpose purpose)
{
  Loading *loading = g_new0 (Loading, 1);

  g_weak_ref_init (&loading->page, self);
  loading->purpose = purpose;
  kx_paint_picture_load_async (place, NULL, loaded, loading);
}

static void
choose_content (KxPaintPage *self, const char *place)
{
  load (self, place, FOR_CONTENT);
}

static void
choose_style (KxPaintPage *self, const char *place)
{
  load (self, place, FOR_FIRST_STYLE);
}

static void
content_chosen (GtkWidget *widget, const char *place)
{
  choose_content (KX_PAINT_PAGE (widget), place);
}

static void
press_content (KxPaintPage *self)
{
  kx_choose_pictures (GTK_WIDGET (self), _ ("What it shows"), FALSE, content_chosen);
}

static void
style_chosen (GtkWidget *widget, const char *place)
{
  load (KX_PAINT_PAGE (widget), place, FOR_STYLE);
}

static void
press_add_style (KxPaintPage *self)
{
  kx_choose_pictures (GTK_WIDGET (self), _ ("How it is painted"), TRUE, style_chosen);
}

/* ── Networks ────────────────────────────────────────────────────────────────────────────────── */

static void
list_networks (KxPaintPage *self)
{
  g_autoptr (GtkStringList) list = gtk_string_list_new (NULL);
  g_autofree char *before = g_strdup (chosen_network (self));
  guint selected = 0;

  g_clear_pointer (&self->networks, g_ptr_array_unref);
  self->networks = kx_paint_networks_list ();
  for (guint i = 0; i < self->networks->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (self->networks, i);

      gtk_string_list_append (list, entry->title);
      selected = g_strcmp0 (before, entry->name) == 0 ? i : selected;
    }
  self->setting = TRUE;
  adw_combo_row_set_model (self->network, G_LIST_MODEL (list));
  adw_combo_row_set_selected (self->network, selected);
  self->setting = FALSE;
  gtk_widget_set_visible (GTK_WIDGET (self->network), self->networks->len > 0);
  kx_fast_grid_set_can_train (self->fast, self->networks->len > 0);
}

static void
clear_layers (KxPaintPage *self)
{
  for (guint i = 0; i < self->layer_dials->len; i++)
    adw_expander_row_remove (self->layers, g_ptr_array_index (self->layer_dials, i));
  g_ptr_array_set_size (self->layer_dials, 0);
  gtk_widget_set_visible (self->layers_group, FALSE);
}

static void
add_layer (KxPaintPage *self, const char *name, double weight)
{
  GtkWidget *dial = kx_paint_dial_new (name, 1);

  kx_paint_dial_set_value (KX_PAINT_DIAL (dial), weight);
  watch_scale (self, kx_paint_dial_get_scale (KX_PAINT_DIAL (dial)), name);
  adw_expander_row_add_row (self->layers, dial);
  g_ptr_array_add (self->layer_dials, dial);
  gtk_widget_set_visible (self->layers_group, TRUE);
}

static void
change_network (KxPaintPage *self)
{
  if (self->setting)
    return;
  clear_layers (self);
  change (self);
}

static void
show_getting (KxPaintPage *self)
{
  gboolean getting = self->getting && !kx_job_is_over (self->getting);
  double fraction = self->getting ? kx_job_get_fraction (self->getting) : 0;

  gtk_widget_set_visible (GTK_WIDGET (self->getting_bar), getting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->get_small), !getting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->get_large), !getting);
  gtk_progress_bar_set_fraction (self->getting_bar, MAX (fraction, 0));
  gtk_progress_bar_set_text (self->getting_bar,
                             self->getting ? kx_job_get_text (self->getting) : NULL);
}

static void
installed (const GError *error, gpointer object)
{
  KxPaintPage *self = object;

  g_clear_object (&self->getting);
  show_getting (self);
  if (error && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    kx_page_show_fault (KX_PAGE (self), error->message, _ ("Try Again"), "paint.get-network",
                        g_variant_new_string (self->wanted));
  list_networks (self);
  change (self);
  show_stage (self);
}

static void
get_network (GtkWidget *widget, const char *name, GVariant *target)
{
  KxPaintPage *self = KX_PAINT_PAGE (widget);

  if (self->getting || !get_session (self))
    return;
  kx_page_clear_fault (KX_PAGE (self));
  self->wanted = g_intern_string (g_variant_get_string (target, NULL));
  self->getting = g_object_ref (kx_paint_networks_install (
      get_session (self), g_variant_get_string (target, NULL), installed, G_OBJECT (self)));
  g_signal_connect_object (self->getting, "notify", G_CALLBACK (show_getting), self,
                           G_CONNECT_SWAPPED);
  show_getting (self);
}

/* ── Painting ────────────────────────────────────────────────────────────────────────────────── */

static void
take_picture (KxPaintPage *self, const KxPaintPicked *picked)
{
  g_set_object (&self->now, picked->texture);
  g_clear_pointer (&self->full, kol_snapshot_unref);
  self->full = kol_snapshot_ref (picked->full);
  show_now (self);
  if (!gtk_widget_get_sensitive (GTK_WIDGET (self->save)))
    show_controls (self);
}

/* Of too many moments one of the early ones goes, of which there are most. */
static void
take_moment (KxPaintPage *self, const KxPaintPicked *picked)
{
  g_autofree char *label = g_strdup_printf ("%u", picked->step);
  g_autofree char *name = g_strdup_printf (_ ("Step %u"), picked->step);
  Moment *moment = g_new (Moment, 1);

  if (self->moments->len >= MOMENTS)
    {
      kx_film_strip_remove (self->strip, 1);
      g_ptr_array_remove_index (self->moments, 1);
    }
  *moment = (Moment){ g_object_ref (picked->texture), picked->step };
  g_ptr_array_add (self->moments, moment);
  kx_film_strip_append (self->strip, label, name, GDK_PAINTABLE (picked->thumbnail));
}

/* The layers are known once the network was built. */
static void
list_layers (KxPaintPage *self, const KxPaintLosses *losses)
{
  if (self->layer_dials->len)
    return;
  self->setting = TRUE;
  for (guint i = 0; i < losses->n_terms; i++)
    {
      const char *name = losses->names[i];

      if (g_str_equal (name, "content") || g_str_equal (name, "variation") || strchr (name, '('))
        continue;
      add_layer (self, name, 1);
    }
  self->setting = FALSE;
}

static void
take_losses (KxPaintPage *self, const KxPaintLosses *losses)
{
  if (!losses)
    return;
  list_layers (self, losses);
  kx_loss_chart_add (self->losses, losses);
}

static void
take_floor (KxPaintPage *self, const KxPaintLosses *floor)
{
  kx_loss_chart_set_floor (self->losses, floor);
}

static void
take_event (KxPaintPage *self, const char *text)
{
  kx_session_toast (get_session (self), text, FALSE);
}

static void
job_changed (KxPaintPage *self)
{
  const GError *fault = kx_paint_job_get_fault (self->job);
  KxJob *job = kx_paint_job_get_job (self->job);

  gtk_toggle_button_set_active (self->pause, kx_job_get_state (job) == KX_JOB_PAUSED);
  if (fault && g_error_matches (fault, KOL_ERROR, KOL_ERROR_DIVERGED) && self->full)
    kx_page_show_fault (KX_PAGE (self), fault->message, _ ("Go On With Half the Rate"),
                        "paint.half-rate", NULL);
  else if (fault)
    kx_page_show_fault (KX_PAGE (self), fault->message, NULL, NULL, NULL);
  show_progress (self);
  show_controls (self);
}

/* Until there is a picture the content stands for it; it is the first moment, too. */
static void
show_start (KxPaintPage *self)
{
  const KxPaintPicked picked = { self->content->texture, self->content->thumbnail, 0, NULL };

  g_set_object (&self->now, self->content->texture);
  take_moment (self, &picked);
}

/* Begins to paint; from the picture as it is, if that is wanted. */
static void
begin (KxPaintPage *self, gboolean anew, double rate)
{
  KxSession *session = get_session (self);
  g_autoptr (KxPaint) paint = make_paint (self);
  guint from = 0;

  if (!paint || !session || !kx_session_get_device (session) || is_painting (self))
    return;
  if (!anew && self->full)
    {
      paint->start = kol_snapshot_to_picture (self->full, NULL);
      from = self->step;
      if (self->job)
        g_signal_handlers_disconnect_by_data (self->job, self);
      g_clear_object (&self->job);
    }
  else
    forget_painting (self);
  paint->rate = rate;
  kx_page_clear_fault (KX_PAGE (self));
  self->job = kx_paint_job_new (session, paint, from);
  g_signal_connect_object (self->job, "picture", G_CALLBACK (take_picture), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "moment", G_CALLBACK (take_moment), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "losses", G_CALLBACK (take_losses), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "floor", G_CALLBACK (take_floor), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "event", G_CALLBACK (take_event), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->job, "changed", G_CALLBACK (job_changed), self, G_CONNECT_SWAPPED);
  if (!self->now)
    show_start (self);
  job_changed (self);
  show_stage (self);
}

static void
press_paint (KxPaintPage *self)
{
  begin (self, TRUE, 0);
}

static void
press_more (KxPaintPage *self)
{
  begin (self, FALSE, 0);
}

static void
start (GtkWidget *widget, const char *name, GVariant *target)
{
  begin (KX_PAINT_PAGE (widget), TRUE, 0);
}

static void
half_rate (GtkWidget *widget, const char *name, GVariant *target)
{
  KxPaintPage *self = KX_PAINT_PAGE (widget);
  double rate = self->job ? kx_paint_job_get_paint (self->job)->rate : 0;

  begin (self, FALSE, (rate > 0 ? rate : 0.02) / 2);
}

static void
toggle_pause (KxPaintPage *self)
{
  KxJob *job = self->job ? kx_paint_job_get_job (self->job) : NULL;
  gboolean pause = gtk_toggle_button_get_active (self->pause);

  if (job && !kx_job_is_over (job) && pause != (kx_job_get_state (job) == KX_JOB_PAUSED))
    kx_job_pause (job, pause);
}

static void
press_cancel (KxPaintPage *self)
{
  if (self->job)
    kx_job_cancel (kx_paint_job_get_job (self->job));
}

static void
start_or_pause (GtkWidget *widget, const char *name, GVariant *target)
{
  KxPaintPage *self = KX_PAINT_PAGE (widget);

  if (is_painting (self))
    gtk_toggle_button_set_active (self->pause, !gtk_toggle_button_get_active (self->pause));
  else if (gtk_widget_get_sensitive (GTK_WIDGET (self->paint)))
    press_paint (self);
}

static void
press_fit (KxPaintPage *self)
{
  for (guint i = 0; i < self->sizes->len; i++)
    if (g_array_index (self->sizes, guint, i) <= self->fitting_size)
      adw_combo_row_set_selected (self->size, i);
}

/* ── In one pass ─────────────────────────────────────────────────────────────────────────────── */

static void
fast_painted (KolSnapshot *picture, GdkTexture *texture, const GError *error, gpointer object)
{
  KxPaintPage *self = object;

  if (error)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  if (!picture || !texture)
    return;
  g_autoptr (GdkTexture) slow = self->job && self->full ? g_object_ref (self->now) : NULL;
  const KxPaintPicked before = { slow, slow, self->step, NULL };
  forget_painting (self);
  show_start (self);
  if (slow)
    take_moment (self, &before);
  g_set_object (&self->now, texture);
  self->full = kol_snapshot_ref (picture);
  gtk_label_set_label (self->left, "");
  kx_film_strip_select (self->strip, slow ? 1 : 0);
  kx_compare_set_b (self->compare, GDK_PAINTABLE (texture), _ ("Painted in one pass"));
  show_controls (self);
  show_stage (self);
}

static void
paint_fast (KxPaintPage *self, const char *network)
{
  KxSession *session = get_session (self);

  kx_page_clear_fault (KX_PAGE (self));
  if (session && kx_session_get_device (session) && self->content)
    kx_fast_paint (session, network, self->content, chosen_size (self), fast_painted,
                   G_OBJECT (self));
}

/* The new network paints at once what is on the easel, beside what painting slowly has made of it.
 */
static void
fast_trained (const char *path, const GError *error, gpointer object)
{
  KxPaintPage *self = object;

  if (error)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  if (!path)
    return;
  kx_fast_grid_look (self->fast);
  if (!is_painting (self))
    paint_fast (self, path);
}

static void
train_fast (KxPaintPage *self, const char *photos, const char *name, guint steps, guint size)
{
  KxSession *session = get_session (self);
  g_autofree char *folder = kx_fast_grid_get_folder ();
  KxStyleRow *style = nth_style (self, 0);

  if (!session || !kx_session_get_device (session) || !style || !chosen_network (self))
    return;
  kx_page_clear_fault (KX_PAGE (self));
  kx_fast_train (session,
                 &(KxFastTraining){ .network = chosen_network (self),
                                    .style = kx_style_row_get_picture (style),
                                    .photos = photos,
                                    .name = name,
                                    .folder = folder,
                                    .size = size,
                                    .steps = steps },
                 fast_trained, G_OBJECT (self));
  kx_session_toast (session, _ ("It learns among the jobs, and stands here when it is done"),
                    FALSE);
}

/* ── Saving ──────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GWeakRef page;
  char *name; /* of the file */
} Filing;

static Filing *
filing_new (KxPaintPage *self, const char *path)
{
  Filing *filing = g_new0 (Filing, 1);

  g_weak_ref_init (&filing->page, self);
  filing->name = g_filename_display_basename (path);
  return filing;
}

static void
filing_free (Filing *filing)
{
  g_weak_ref_clear (&filing->page);
  g_free (filing->name);
  g_free (filing);
}

static void
saved (GObject *source, GAsyncResult *result, gpointer data)
{
  Filing *filing = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&filing->page);
  g_autofree char *text = g_strdup_printf (_ ("Saved as “%s”"), filing->name);
  g_autoptr (GError) error = NULL;

  if (!kx_paint_file_save_finish (result, &error) && self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  else if (self && get_session (self))
    kx_session_toast (get_session (self), text, FALSE);
  filing_free (filing);
}

/* The picture says how it was painted, up to now. */
static void
save_to (KxPaintPage *self, GFile *file)
{
  g_autofree char *path = kx_path_of_file (file);
  g_autoptr (KxPaint) paint
      = self->job ? kx_paint_ref (kx_paint_job_get_paint (self->job)) : make_paint (self);

  if (!paint || !path)
    return;
  g_autoptr (KolStyleNote) note = kx_paint_to_note (paint);
  note->step = (int) self->step;
  note->moves = g_strdupv ((char **) self->moves->pdata);
  kx_paint_file_save_async (file, self->full, note, saved, filing_new (self, path));
}

static void
save_chosen (KxPaintPage *self, int response, GtkFileChooserNative *chooser)
{
  g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));

  if (response == GTK_RESPONSE_ACCEPT && file && self->full)
    save_to (self, file);
  g_object_unref (chooser);
}

/* "harbour-waves.png" */
static char *
suggest_name (KxPaintPage *self)
{
  const char *names[]
      = { self->content ? self->content->name : "",
          nth_style (self, 0) ? kx_style_row_get_picture (nth_style (self, 0))->name : "" };
  g_autofree char *content = g_strndup (names[0], strcspn (names[0], "."));
  g_autofree char *style = g_strndup (names[1], strcspn (names[1], "."));

  return g_strdup_printf ("%s-%s.png", content, style);
}

static void
press_save (KxPaintPage *self)
{
  g_autofree char *name = suggest_name (self);

  if (!self->full)
    return;
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Save the Picture"), GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
      GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), NULL);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (chooser), name);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (save_chosen), self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
select_network (KxPaintPage *self, const char *name)
{
  for (guint i = 0; i < self->networks->len; i++)
    if (g_strcmp0 (((const KolModelEntry *) g_ptr_array_index (self->networks, i))->name, name)
        == 0)
      adw_combo_row_set_selected (self->network, i);
}

static void
select_size (KxPaintPage *self, guint size)
{
  for (guint i = 0; i < self->sizes->len; i++)
    if (g_array_index (self->sizes, guint, i) <= size)
      adw_combo_row_set_selected (self->size, i);
}

/* "relu1_1:2,relu2_1" */
static void
set_layers (KxPaintPage *self, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text ? text : "", ",", -1);

  clear_layers (self);
  for (guint i = 0; parts[i]; i++)
    {
      char *colon = strrchr (parts[i], ':');
      double weight = colon ? g_ascii_strtod (colon + 1, NULL) : 1;

      if (colon)
        *colon = '\0';
      add_layer (self, parts[i], weight);
    }
}

/* The controls, as a picture says that it was painted. */
static void
take_note (KxPaintPage *self, KxPaintFile *file)
{
  const KolStyleNote *note = file->note;
  const char *colours[] = { "style", "keep", "match" };

  self->setting = TRUE;
  select_network (self, note->model);
  set_layers (self, note->style_layers);
  if (!isnan (note->style_weight))
    kx_paint_dial_set_value (self->style_weight, note->style_weight);
  if (!isnan (note->content_weight))
    kx_paint_dial_set_value (self->content_weight, note->content_weight);
  for (guint i = 0; i < G_N_ELEMENTS (colours); i++)
    if (g_strcmp0 (note->colours, colours[i]) == 0)
      adw_combo_row_set_selected (self->colours, i);
  clear_styles (self);
  for (guint i = 0; i < file->styles->len; i++)
    {
      add_style (self, g_ptr_array_index (file->styles, i),
                 g_array_index (file->weights, double, i));
      kx_style_row_set_region (nth_style (self, i),
                               g_steal_pointer (&g_ptr_array_index (file->regions, i)));
    }
  select_size (self, note->size ? (guint) note->size : USUAL_SIZE);
  self->setting = FALSE;
}

static KolSnapshot *
snapshot_of (const KolPicture *picture)
{
  gsize n = picture->channels * picture->height * picture->width;
  g_autofree float *pixels = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = picture->pixels[i] / 255.0f;
  return kol_snapshot_new (pixels, picture->channels, picture->height, picture->width);
}

/* What was opened is the picture as it is now, and its content the first moment. */
static void
take_file (KxPaintPage *self, KxPaintFile *file)
{
  list_networks (self);
  set_content (self, file->content ? file->content : file->picture);
  take_note (self, file);
  show_start (self);
  g_set_object (&self->now, file->picture->texture);
  self->full = snapshot_of (file->picture->picture);
  self->step = (guint) MAX (file->note->step, 0);
  g_ptr_array_set_size (self->moves, 0);
  for (guint i = 0; file->note->moves && file->note->moves[i]; i++)
    g_ptr_array_add (self->moves, g_strdup (file->note->moves[i]));
  end_moves (self);
  show_now (self);
  change (self);
  show_stage (self);
  if (!file->missing)
    return;
  g_autofree char *text = g_strdup_printf (
      _ ("%s: this is not where it was when the picture was saved. Choose it again to go on."),
      file->missing);
  kx_page_show_fault (KX_PAGE (self), text, NULL, NULL, NULL);
}

static void
opened (GObject *source, GAsyncResult *result, gpointer data)
{
  Filing *filing = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&filing->page);
  g_autoptr (GError) error = NULL;
  g_autoptr (KxPaintFile) file = kx_paint_file_open_finish (result, &error);

  if (self && file)
    take_file (self, file);
  else if (self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  filing_free (filing);
}

static void
kx_paint_page_save (KxPage *page)
{
  press_save (KX_PAINT_PAGE (page));
}

/* ── The page itself ─────────────────────────────────────────────────────────────────────────── */

static void
fill (KxPaintPage *self)
{
  static const struct {
    const char *file, *name;
  } styles[] = { { "strokes.png", N_ ("Strokes") }, { "mosaic.png", N_ ("Mosaic") } };

  self->filled = TRUE;
  kx_paint_well_add_sample (self->content_well, SAMPLES "hills.png", _ ("Hills"));
  for (guint i = 0; i < G_N_ELEMENTS (styles); i++)
    {
      g_autofree char *place = g_strconcat (SAMPLES, styles[i].file, NULL);

      kx_paint_well_add_sample (self->style_well, place, _ (styles[i].name));
    }
  if (!self->content && !self->opening)
    choose_content (self, SAMPLES "hills.png");
  if (!nth_style (self, 0) && !self->opening)
    choose_style (self, SAMPLES "strokes.png");
}

static void
change_device (KxPaintPage *self)
{
  g_clear_pointer (&self->planned, kx_paint_unref);
  change (self);
}

static void
kx_paint_page_opened (KxPage *page)
{
  KxPaintPage *self = KX_PAINT_PAGE (page);

  if (!self->filled)
    {
      fill (self);
      g_signal_connect_object (get_session (self), "notify::device", G_CALLBACK (change_device),
                               self, G_CONNECT_SWAPPED);
    }
  kx_fast_grid_look (self->fast);
  list_networks (self);
  change (self);
  show_stage (self);
}

static gboolean
is_picture (GFile *file)
{
  g_autofree char *name = g_file_get_basename (file);
  g_autofree char *type = g_content_type_guess (name, NULL, 0, NULL);

  return type && g_content_type_is_a (type, "image/*");
}

/* A picture that was painted here is gone on with. */
static gboolean
open_painted (KxPaintPage *self, GListModel *files)
{
  g_autoptr (GFile) file
      = g_list_model_get_n_items (files) == 1 ? g_list_model_get_item (files, 0) : NULL;
  g_autofree char *path = file ? kx_path_of_file (file) : NULL;

  if (!path || !kx_paint_file_is_one (path))
    return FALSE;
  self->opening = TRUE;
  kx_paint_file_open_async (path, opened, filing_new (self, path));
  return TRUE;
}

/* A folder is painted by the network that was used last. */
static gboolean
take_folder (KxPaintPage *self, GListModel *files)
{
  g_autoptr (GFile) file = g_list_model_get_item (files, 0);
  g_autofree char *path = file ? kx_path_of_file (file) : NULL;
  const char *network = kx_fast_grid_get_chosen (self->fast);

  if (!path || !g_file_test (path, G_FILE_TEST_IS_DIR))
    return FALSE;
  if (!network)
    kx_page_show_fault (KX_PAGE (self),
                        _ ("Choose a network that paints in one pass first: it paints the folder."),
                        NULL, NULL, NULL);
  else if (kx_session_get_device (get_session (self)))
    kx_fast_paint_folder (get_session (self), network, path);
  return TRUE;
}

static gboolean
take_network (KxPaintPage *self, GListModel *files)
{
  g_autoptr (GFile) file = g_list_model_get_item (files, 0);
  g_autofree char *path = file ? kx_path_of_file (file) : NULL;
  g_autoptr (GError) error = NULL;

  if (!path || !(g_str_has_suffix (path, ".safetensors") || g_str_has_suffix (path, ".onnx")))
    return FALSE;
  if (!kx_fast_grid_add (self->fast, path, &error))
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  return TRUE;
}

/* A picture is what is to be painted; of several the others are styles. */
static gboolean
kx_paint_page_drop (KxPage *page, GListModel *files)
{
  KxPaintPage *self = KX_PAINT_PAGE (page);
  guint pictures = 0;

  if (open_painted (self, files))
    return TRUE;
  if (!gtk_widget_get_mapped (GTK_WIDGET (page)))
    return FALSE;
  if (take_folder (self, files) || take_network (self, files))
    return TRUE;
  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);
      g_autofree char *path = kx_path_of_file (file);

      if (!path || !is_picture (file))
        continue;
      if (++pictures == 2)
        {
          clear_styles (self);
          change (self);
        }
      load (self, path, pictures == 1 ? FOR_CONTENT : FOR_STYLE);
    }
  return pictures > 0;
}

static gboolean
drop_style (KxPaintPage *self, const GValue *value)
{
  GSList *files = g_value_get_boxed (value);

  for (GSList *each = files; each; each = each->next)
    {
      g_autofree char *path = kx_path_of_file (each->data);

      if (path)
        load (self, path, FOR_STYLE);
    }
  return files != NULL;
}

static void
kx_paint_page_dispose (GObject *object)
{
  KxPaintPage *self = KX_PAINT_PAGE (object);

  self->setting = TRUE; /* controls that go are not used any more */
  g_clear_handle_id (&self->plan_source, g_source_remove);
  if (self->getting)
    kx_job_cancel (self->getting);
  g_clear_object (&self->getting);
  if (self->job)
    end_mask (self);
  for (guint i = 0; nth_style (self, i); i++)
    kx_style_row_set_region (nth_style (self, i), NULL); /* which was of another picture */
  forget_painting (self);
  g_clear_pointer (&self->content, kx_paint_picture_unref);
  g_clear_pointer (&self->planned, kx_paint_unref);
  G_OBJECT_CLASS (kx_paint_page_parent_class)->dispose (object);
}

static void
kx_paint_page_finalize (GObject *object)
{
  KxPaintPage *self = KX_PAINT_PAGE (object);

  g_clear_pointer (&self->networks, g_ptr_array_unref);
  g_array_unref (self->sizes);
  g_ptr_array_unref (self->moments);
  g_ptr_array_unref (self->moves);
  g_ptr_array_unref (self->layer_dials);
  g_clear_object (&self->now);
  g_clear_pointer (&self->full, kol_snapshot_unref);
  G_OBJECT_CLASS (kx_paint_page_parent_class)->finalize (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, paint);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, save);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, cancel);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, more);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, fit);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, get_small);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, get_large);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, pause);
  gtk_widget_class_bind_template_child_full (widget_class, "getting", FALSE,
                                             G_STRUCT_OFFSET (KxPaintPage, getting_bar));
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, stack);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_well);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, style_well);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, compare);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, strip);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, losses);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, fast);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, frame);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, canvas);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, mask_hint);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, chart_side);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, left);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, need);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_row);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_thumbnail);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, styles);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, style_weight);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_weight);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, size);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, colours);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, network);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, layers_group);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, layers);
}

static void
bind_callbacks (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, press_paint);
  gtk_widget_class_bind_template_callback (widget_class, press_save);
  gtk_widget_class_bind_template_callback (widget_class, press_cancel);
  gtk_widget_class_bind_template_callback (widget_class, press_more);
  gtk_widget_class_bind_template_callback (widget_class, paint_fast);
  gtk_widget_class_bind_template_callback (widget_class, take_mask);
  gtk_widget_class_bind_template_callback (widget_class, clear_mask);
  gtk_widget_class_bind_template_callback (widget_class, end_mask);
  gtk_widget_class_bind_template_callback (widget_class, train_fast);
  gtk_widget_class_bind_template_callback (widget_class, press_fit);
  gtk_widget_class_bind_template_callback (widget_class, press_content);
  gtk_widget_class_bind_template_callback (widget_class, press_add_style);
  gtk_widget_class_bind_template_callback (widget_class, toggle_pause);
  gtk_widget_class_bind_template_callback (widget_class, choose_content);
  gtk_widget_class_bind_template_callback (widget_class, choose_style);
  gtk_widget_class_bind_template_callback (widget_class, show_moment);
  gtk_widget_class_bind_template_callback (widget_class, change);
  gtk_widget_class_bind_template_callback (widget_class, change_network);
}

static void
kx_paint_page_class_init (KxPaintPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  KxPageClass *page_class = KX_PAGE_CLASS (klass);

  object_class->dispose = kx_paint_page_dispose;
  object_class->finalize = kx_paint_page_finalize;
  page_class->opened = kx_paint_page_opened;
  page_class->drop = kx_paint_page_drop;
  page_class->save = kx_paint_page_save;
  page_class->export = kx_paint_page_save;
  g_type_ensure (KX_TYPE_CANVAS);
  g_type_ensure (KX_TYPE_COMPARE);
  g_type_ensure (KX_TYPE_FILM_STRIP);
  g_type_ensure (KX_TYPE_FAST_GRID);
  g_type_ensure (KX_TYPE_LOSS_CHART);
  g_type_ensure (KX_TYPE_PAINT_DIAL);
  g_type_ensure (KX_TYPE_PAINT_WELL);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/paint-page.ui");
  bind_children (widget_class);
  bind_callbacks (widget_class);
  gtk_widget_class_install_action (widget_class, "paint.get-network", "s", get_network);
  gtk_widget_class_install_action (widget_class, "paint.start", NULL, start);
  gtk_widget_class_install_action (widget_class, "paint.start-or-pause", NULL, start_or_pause);
  gtk_widget_class_install_action (widget_class, "paint.half-rate", NULL, half_rate);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_space, GDK_CONTROL_MASK,
                                       "paint.start-or-pause", NULL);
}

/* However large the pictures are, the page asks for no more than it needs. */
static void
measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  gtk_widget_measure (adw_bin_get_child (ADW_BIN (widget)), orientation, for_size, minimum, natural,
                      NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    *natural = MAX (*minimum, NATURAL_WIDTH);
  *minimum_baseline = *natural_baseline = -1;
}

static void
allocate (GtkWidget *widget, int width, int height, int baseline)
{
  gtk_widget_allocate (adw_bin_get_child (ADW_BIN (widget)), width, height, baseline, NULL);
}

static void
kx_paint_page_init (KxPaintPage *self)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  self->sizes = g_array_new (FALSE, FALSE, sizeof (guint));
  self->moments = g_ptr_array_new_with_free_func (moment_free);
  self->layer_dials = g_ptr_array_new ();
  self->moves = g_ptr_array_new_with_free_func (g_free);
  end_moves (self);
  self->setting = TRUE;
  gtk_widget_init_template (GTK_WIDGET (self));
  self->setting = FALSE;
  gtk_widget_set_layout_manager (self->frame, gtk_custom_layout_new (NULL, measure, allocate));
  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop_style), self);
  gtk_widget_add_controller (GTK_WIDGET (self->styles), GTK_EVENT_CONTROLLER (target));
  watch_scale (self, kx_paint_dial_get_scale (self->style_weight), "style-weight");
  watch_scale (self, kx_paint_dial_get_scale (self->content_weight), "content-weight");
  list_sizes (self);
  show_controls (self);
}
