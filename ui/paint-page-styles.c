/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The styles of the page: added, removed, and where each is wanted. */

#include "paint-page-styles.h"

#include <glib/gi18n.h>

#include "chart/palette.h"
#include "paint-page-controls.h"
#include "paint-page-easel.h"
#include "paint-page-moves.h"

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
  kx_paint_page_show_stage (self);
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
      kx_paint_page_show_stage (self);
    }
}

static void
masking_toggled (KxStyleRow *row, gboolean masking, gpointer page)
{
  mask_style (page, masking, row);
}

/**
 * kx_paint_page_end_mask:
 * @self: the page
 *
 * Ends the painting of where a style is wanted, if that is under way.
 */
void
kx_paint_page_end_mask (KxPaintPage *self)
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
  kx_paint_page_end_mask (self);
}

static void remove_style (KxPaintPage *self, KxStyleRow *row);

/* A new network is called as the style. */
static void
suggest_network (KxPaintPage *self)
{
  const char *name = kx_style_row_get_picture (kx_paint_page_get_style (self, 0))->name;
  g_autofree char *stem = g_strndup (name, strcspn (name, "."));

  kx_fast_grid_suggest (self->fast, stem);
}

/**
 * kx_paint_page_add_style:
 * @self: the page
 * @picture: how it is to be painted
 * @weight: how much of it, relative to the others
 */
void
kx_paint_page_add_style (KxPaintPage *self, KxPaintPicture *picture, double weight)
{
  GtkWidget *row = kx_style_row_new (picture, weight);

  g_signal_connect_object (row, "removed", G_CALLBACK (remove_style), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (row, "changed", G_CALLBACK (kx_paint_page_change), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect (row, "masking", G_CALLBACK (masking_toggled), self);
  kx_paint_page_watch_scale (self, kx_style_row_get_scale (KX_STYLE_ROW (row)), picture->name);
  gtk_list_box_append (self->styles, row);
  kx_paint_well_set_picture (self->style_well,
                             kx_style_row_get_picture (kx_paint_page_get_style (self, 0)));
  suggest_network (self);
  kx_paint_page_change (self);
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
    kx_paint_page_end_mask (self);
  gtk_list_box_remove (self->styles, GTK_WIDGET (row));
  kx_paint_well_set_picture (self->style_well,
                             kx_paint_page_get_style (self, 0)
                                 ? kx_style_row_get_picture (kx_paint_page_get_style (self, 0))
                                 : NULL);
  kx_paint_page_change (self);
}

static void
bring_back (gpointer data)
{
  Removal *removal = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&removal->page);
  guint last = 0;

  if (!self)
    return;
  kx_paint_page_add_style (self, removal->picture, removal->weight);
  while (kx_paint_page_get_style (self, last + 1))
    last++;
  if (removal->region)
    kx_style_row_set_region (kx_paint_page_get_style (self, last),
                             kol_picture_convert (removal->region, removal->region->channels));
}

static void
remove_again (gpointer data)
{
  Removal *removal = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&removal->page);

  for (guint i = 0; self && kx_paint_page_get_style (self, i); i++)
    if (kx_style_row_get_picture (kx_paint_page_get_style (self, i)) == removal->picture)
      {
        drop_row (self, kx_paint_page_get_style (self, i));
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
  kx_undo_push (kx_session_get_undo (kx_paint_page_get_session (self)), _ ("Style"), bring_back,
                remove_again, removal, removal_free);
  kx_session_toast (kx_paint_page_get_session (self), text, TRUE);
}

/**
 * kx_paint_page_clear_styles:
 * @self: the page
 *
 * Removes all styles, for good.
 */
void
kx_paint_page_clear_styles (KxPaintPage *self)
{
  kx_paint_page_end_mask (self);
  while (kx_paint_page_get_style (self, 0))
    gtk_list_box_remove (self->styles, GTK_WIDGET (kx_paint_page_get_style (self, 0)));
}

void
kx_paint_page_bind_styles (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, take_mask);
  gtk_widget_class_bind_template_callback (widget_class, clear_mask);
  gtk_widget_class_bind_template_callback_full (widget_class, "end_mask",
                                                G_CALLBACK (kx_paint_page_end_mask));
}
