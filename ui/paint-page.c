/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Painting one picture in the style of another: the page, whose parts are in the files
 * paint-page-*.c.
 */

#include "paint-page-private.h"

#include "chart/wrap-layout.h"
#include "paint-file.h"
#include "paint-page-controls.h"
#include "paint-page-easel.h"
#include "paint-page-fast.h"
#include "paint-page-filing.h"
#include "paint-page-intake.h"
#include "paint-page-moves.h"
#include "paint-page-need.h"
#include "paint-page-styles.h"
#include "tip.h"
#include "window.h"

#define NATURAL_WIDTH 540 /* pixels of the content */
#define NARROW 500        /* in less, what stands below the picture is not side by side */

G_DEFINE_FINAL_TYPE (KxPaintPage, kx_paint_page, KX_TYPE_PAGE)

/**
 * kx_paint_page_get_session:
 * @self: the page
 *
 * Returns: (transfer none) (nullable): the session of its window
 */
KxSession *
kx_paint_page_get_session (KxPaintPage *self)
{
  return kx_widget_get_session (GTK_WIDGET (self));
}

static void
change_device (KxPaintPage *self)
{
  g_clear_pointer (&self->planned, kx_paint_unref);
  kx_paint_page_change (self);
}

static void
kx_paint_page_opened (KxPage *page)
{
  KxPaintPage *self = KX_PAINT_PAGE (page);

  if (!self->filled)
    {
      kx_paint_page_fill (self);
      g_signal_connect_object (kx_paint_page_get_session (self), "notify::device",
                               G_CALLBACK (change_device), self, G_CONNECT_SWAPPED);
    }
  kx_fast_grid_look (self->fast);
  kx_paint_page_list_networks (self);
  kx_paint_page_change (self);
  kx_paint_page_show_stage (self);
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
  kx_paint_page_forget_painting (self);
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
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, mask_on_content);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, mask_paint);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, mask_erase);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, mask_radius);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, mask_all);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, bottom);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, chart_side);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, left);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, need);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_row);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_thumbnail);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, styles);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, style_weight);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, content_weight);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, size);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, steps);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, steps_row);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, optimizer);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, colours);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, network);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, styles_group);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, layers_group);
  gtk_widget_class_bind_template_child (widget_class, KxPaintPage, layers);
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
  page_class->verb = kx_paint_page_verb;
  page_class->picture = kx_paint_page_picture;
  page_class->paste = kx_paint_page_paste;
  page_class->save = kx_paint_page_save;
  page_class->export = kx_paint_page_save;
  g_type_ensure (KX_TYPE_CANVAS);
  g_type_ensure (KX_TYPE_COMPARE);
  g_type_ensure (KX_TYPE_FILM_STRIP);
  g_type_ensure (KX_TYPE_FAST_GRID);
  g_type_ensure (KX_TYPE_LOSS_CHART);
  g_type_ensure (KX_TYPE_PAINT_DIAL);
  g_type_ensure (KX_TYPE_PAINT_WELL);
  g_type_ensure (KX_TYPE_WRAP_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/paint-page.ui");
  bind_children (widget_class);
  kx_paint_page_bind_controls (widget_class);
  kx_paint_page_bind_styles (widget_class);
  kx_paint_page_bind_intake (widget_class);
  kx_paint_page_bind_need (widget_class);
  kx_paint_page_bind_easel (widget_class);
  kx_paint_page_bind_fast (widget_class);
  kx_paint_page_bind_filing (widget_class);
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

static gboolean
turn_bottom (gpointer data)
{
  KxPaintPage *self = data;
  gboolean narrow = gtk_widget_get_width (self->frame) < NARROW;
  GtkOrientation orientation = narrow ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL;

  gtk_orientable_set_orientation (self->bottom, orientation);
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->chart_side), orientation);
  return G_SOURCE_REMOVE;
}

static void
allocate (GtkWidget *widget, int width, int height, int baseline)
{
  KxPaintPage *self = KX_PAINT_PAGE (gtk_widget_get_ancestor (widget, KX_TYPE_PAINT_PAGE));
  gboolean narrow = gtk_orientable_get_orientation (self->bottom) == GTK_ORIENTATION_VERTICAL;

  /* Not now, as nothing may change its size meanwhile. */
  if (narrow != (width < NARROW))
    g_idle_add_full (G_PRIORITY_HIGH_IDLE, turn_bottom, g_object_ref (self), g_object_unref);
  gtk_widget_allocate (adw_bin_get_child (ADW_BIN (widget)), width, height, baseline, NULL);
}

static void
moment_free (gpointer data)
{
  KxPaintMoment *moment = data;

  g_object_unref (moment->picture);
  g_free (moment);
}

static void
kx_paint_page_init (KxPaintPage *self)
{
  self->sizes = g_array_new (FALSE, FALSE, sizeof (guint));
  self->moments = g_ptr_array_new_with_free_func (moment_free);
  self->layer_dials = g_ptr_array_new ();
  self->moves = g_ptr_array_new_with_free_func (g_free);
  kx_paint_page_end_moves (self);
  self->setting = TRUE;
  gtk_widget_init_template (GTK_WIDGET (self));
  kx_tip_whole_text (self->left);
  self->setting = FALSE;
  gtk_widget_set_layout_manager (self->frame, gtk_custom_layout_new (NULL, measure, allocate));
  kx_paint_page_take_drops (self);
  kx_paint_page_join_brush (self);
  kx_paint_page_watch_scale (self, kx_paint_dial_get_scale (self->style_weight), "style-weight");
  kx_paint_page_watch_scale (self, kx_paint_dial_get_scale (self->content_weight),
                             "content-weight");
  kx_paint_page_watch_choice (self, self->optimizer, "optimizer", kx_optimizer_names);
  kx_paint_page_watch_choice (self, self->colours, "colours", kx_colours_names);
  kx_paint_page_list_sizes (self);
  kx_paint_page_show_controls (self);
}
