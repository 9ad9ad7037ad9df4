/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The styles of the page: added, removed, where each is wanted, and what is taken of it. */

#include "paint-page-styles.h"

#include <glib/gi18n.h>

#include "chart/palette.h"
#include "paint-page-controls.h"
#include "paint-page-easel.h"
#include "paint-page-moves.h"

#define MASK_SIZE 512 /* of the longer side; finer would be lost on the layers */

/* ── Masks ───────────────────────────────────────────────────────────────────────────────────── */

static KxMaskKind
get_mask_kind (KxPaintPage *self)
{
  return gtk_toggle_button_get_active (self->mask_on_content) ? KX_MASK_REGION : KX_MASK_PART;
}

static KxStyleRow *
find_style (KxPaintPage *self, KxPaintPicture *picture)
{
  for (guint i = 0; kx_paint_page_get_style (self, i); i++)
    if (kx_style_row_get_picture (kx_paint_page_get_style (self, i)) == picture)
      return kx_paint_page_get_style (self, i);
  return NULL;
}

static void show_mask (KxPaintPage *self);

/* A stroke on a mask, to be taken back. */
typedef struct {
  GWeakRef page;
  KxPaintPicture *style, *content;
  KxMaskKind kind;
  KxMask *other; /* what is not there now, or NULL: none */
} Stroke;

static void
stroke_free (gpointer data)
{
  Stroke *stroke = data;

  g_weak_ref_clear (&stroke->page);
  kx_paint_picture_unref (stroke->style);
  kx_paint_picture_unref (stroke->content);
  g_clear_pointer (&stroke->other, kx_mask_unref);
  g_free (stroke);
}

/* Back and again alike: changes places with what is there, unless that is of another content. */
static void
exchange_mask (gpointer data)
{
  Stroke *stroke = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&stroke->page);
  KxStyleRow *row = self ? find_style (self, stroke->style) : NULL;

  if (!row || (stroke->kind == KX_MASK_REGION && self->content != stroke->content))
    return;
  g_autoptr (KxMask) other = g_steal_pointer (&stroke->other);
  KxMask *now = kx_style_row_get_masks (row)[stroke->kind];
  stroke->other = now ? kx_mask_ref (now) : NULL;
  kx_style_row_set_mask (row, stroke->kind, other);
  if (self->masked == row && get_mask_kind (self) == stroke->kind)
    show_mask (self);
}

static void
note_stroke (KxPaintPage *self, KxMask *before)
{
  KxSession *session = kx_paint_page_get_session (self);
  Stroke *stroke = g_new0 (Stroke, 1);

  g_weak_ref_init (&stroke->page, self);
  stroke->style = kx_paint_picture_ref (kx_style_row_get_picture (self->masked));
  stroke->content = kx_paint_picture_ref (self->content);
  stroke->kind = get_mask_kind (self);
  stroke->other = before ? kx_mask_ref (before) : NULL;
  kx_undo_push (kx_session_get_undo (session), _ ("Mask"), exchange_mask, exchange_mask, stroke,
                stroke_free);
}

/* What was painted with the brush; all of it, or nothing, is no mask. */
static void
take_mask (KxPaintPage *self)
{
  gsize width, height, marked = 0;

  if (!self->masked || !self->content)
    return;
  g_autofree guint8 *pixels = kx_canvas_dup_mask (self->canvas, &width, &height);
  for (gsize i = 0; i < width * height; i++)
    marked += pixels[i] > 127;
  KolPicture *picture = g_new (KolPicture, 1);
  *picture = (KolPicture){ 1, height, width, g_steal_pointer (&pixels) };
  g_autoptr (KxMask) mask = kx_mask_new (picture);
  KxMask *wanted = marked == 0 || marked == width * height ? NULL : mask;
  KxMask *before = kx_style_row_get_masks (self->masked)[get_mask_kind (self)];
  if (wanted != before)
    note_stroke (self, before);
  kx_style_row_set_mask (self->masked, get_mask_kind (self), wanted);
}

/* The picture that the mask is painted on, with the mask as it is. */
static void
show_mask (KxPaintPage *self)
{
  KxMaskKind kind = get_mask_kind (self);
  const KxPaintPicture *style = kx_style_row_get_picture (self->masked);
  const KxPaintPicture *under = kind == KX_MASK_PART ? style : self->content;
  g_autoptr (KolPicture) picture = kx_picture_fit (under->picture, MASK_SIZE);
  const KxMask *mask = kx_style_row_get_masks (self->masked)[kind];
  g_autofree char *hint = g_strdup_printf (
      kind == KX_MASK_PART ? _ ("Paint what is taken of %s. If nothing is painted, all of it is.")
                           : _ ("Paint where %s is wanted. If nothing is painted, it is all over."),
      style->name);

  if (!picture)
    return;
  kx_canvas_set_picture (self->canvas, picture);
  if (mask && mask->picture->width == picture->width && mask->picture->height == picture->height)
    kx_canvas_set_mask (self->canvas, mask->picture->pixels, picture->width, picture->height);
  gtk_label_set_label (self->mask_hint, hint);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->canvas), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  hint, -1);
  gtk_button_set_label (self->mask_all, kind == KX_MASK_PART ? _ ("All of It") : _ ("All Over"));
}

static void
change_mask_kind (KxPaintPage *self)
{
  if (self->masked)
    show_mask (self);
}

static void
choose_mask_brush (KxPaintPage *self)
{
  gboolean erases = gtk_toggle_button_get_active (self->mask_erase);

  g_object_set (self->canvas, "brush", erases ? KX_BRUSH_RESTORE : KX_BRUSH_PAINT, NULL);
}

/* The canvas has keys of its own. */
static void
show_mask_brush (KxPaintPage *self)
{
  KxBrush brush;

  g_object_get (self->canvas, "brush", &brush, NULL);
  gtk_toggle_button_set_active (brush == KX_BRUSH_RESTORE ? self->mask_erase : self->mask_paint,
                                TRUE);
}

static void
begin_mask (KxPaintPage *self, KxStyleRow *row)
{
  GdkRGBA colour = kx_palette_colour (kx_theme_get (FALSE, FALSE),
                                      (guint) gtk_list_box_row_get_index (GTK_LIST_BOX_ROW (row)));

  self->masked = NULL;
  gtk_toggle_button_set_active (self->mask_on_content, TRUE);
  gtk_toggle_button_set_active (self->mask_paint, TRUE);
  self->masked = row;
  g_object_set (self->canvas, "colour", &colour, NULL);
  show_mask (self);
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
 * Ends the painting of masks of a style, if that is under way.
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
  kx_paint_page_end_mask (self);
}

/* ── Styles ──────────────────────────────────────────────────────────────────────────────────── */

static void remove_style (KxPaintPage *self, KxStyleRow *row);

/* The well has the first of them; a new network is called as it. */
static void
show_first (KxPaintPage *self)
{
  KxStyleRow *first = kx_paint_page_get_style (self, 0);
  guint n = 0;

  while (kx_paint_page_get_style (self, n))
    n++;
  kx_paint_well_set_picture (self->style_well, first ? kx_style_row_get_picture (first) : NULL,
                             n > 1 ? n - 1 : 0);
  if (!first)
    return;
  const char *name = kx_style_row_get_picture (first)->name;
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
  g_signal_connect_object (row, "masking", G_CALLBACK (masking_toggled), self, 0);
  kx_paint_page_watch_scale (self, kx_style_row_get_scale (KX_STYLE_ROW (row)), picture->name);
  gtk_list_box_append (self->styles, row);
  show_first (self);
  kx_paint_page_change (self);
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

/* The list of styles, to be brought back. */
typedef struct {
  GWeakRef page;
  GPtrArray *other;        /* of KxStyleRow: those that are not there now, with their masks */
  KxPaintPicture *content; /* which the masks are of; or NULL */
} Styles;

static void
styles_free (gpointer data)
{
  Styles *styles = data;

  g_weak_ref_clear (&styles->page);
  g_ptr_array_unref (styles->other);
  g_clear_pointer (&styles->content, kx_paint_picture_unref);
  g_free (styles);
}

static GPtrArray *
list_rows (KxPaintPage *self)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; kx_paint_page_get_style (self, i); i++)
    g_ptr_array_add (rows, g_object_ref (kx_paint_page_get_style (self, i)));
  return rows;
}

/* Back and again alike: changes places with what is there. Where a style is wanted says nothing
 * about another content. */
static void
exchange_styles (gpointer data)
{
  Styles *styles = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&styles->page);

  if (!self)
    return;
  g_autoptr (GPtrArray) other = styles->other;
  g_autoptr (KxPaintPicture) content = styles->content;
  styles->other = list_rows (self);
  styles->content = self->content ? kx_paint_picture_ref (self->content) : NULL;
  kx_paint_page_clear_styles (self);
  for (guint i = 0; i < other->len; i++)
    {
      KxStyleRow *row = g_ptr_array_index (other, i);

      gtk_list_box_append (self->styles, GTK_WIDGET (row));
      if (content != self->content)
        kx_style_row_set_mask (row, KX_MASK_REGION, NULL);
    }
  show_first (self);
  kx_paint_page_change (self);
}

/**
 * kx_paint_page_note_styles:
 * @self: the page
 *
 * The styles will be others: these can be brought back.
 */
void
kx_paint_page_note_styles (KxPaintPage *self)
{
  KxSession *session = kx_paint_page_get_session (self);

  if (!session || !kx_paint_page_get_style (self, 0))
    return;
  Styles *styles = g_new0 (Styles, 1);
  g_weak_ref_init (&styles->page, self);
  styles->other = list_rows (self);
  styles->content = self->content ? kx_paint_picture_ref (self->content) : NULL;
  kx_undo_push (kx_session_get_undo (session), _ ("Style"), exchange_styles, exchange_styles,
                styles, styles_free);
}

static void
remove_style (KxPaintPage *self, KxStyleRow *row)
{
  g_autofree char *text
      = g_strdup_printf (_ ("“%s” was removed"), kx_style_row_get_picture (row)->name);

  if (self->masked == row)
    kx_paint_page_end_mask (self);
  kx_paint_page_note_styles (self);
  gtk_list_box_remove (self->styles, GTK_WIDGET (row));
  show_first (self);
  kx_paint_page_change (self);
  kx_session_toast (kx_paint_page_get_session (self), text, TRUE);
}

/**
 * kx_paint_page_replace_styles:
 * @self: the page
 * @picture: how it is to be painted
 *
 * Takes this style alone.
 */
void
kx_paint_page_replace_styles (KxPaintPage *self, KxPaintPicture *picture)
{
  gboolean several = kx_paint_page_get_style (self, 1) != NULL;

  kx_paint_page_note_styles (self);
  kx_paint_page_clear_styles (self);
  kx_paint_page_add_style (self, picture, 1);
  if (several)
    kx_session_toast (kx_paint_page_get_session (self), _ ("The other styles were removed"), TRUE);
}

/**
 * kx_paint_page_join_brush:
 * @self: the page
 *
 * Lets the controls of the brush that paints masks and its keys agree.
 */
void
kx_paint_page_join_brush (KxPaintPage *self)
{
  g_object_bind_property (gtk_range_get_adjustment (self->mask_radius), "value", self->canvas,
                          "radius", G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  g_signal_connect_object (self->canvas, "notify::brush", G_CALLBACK (show_mask_brush), self,
                           G_CONNECT_SWAPPED);
}

void
kx_paint_page_bind_styles (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, choose_mask_brush);
  gtk_widget_class_bind_template_callback (widget_class, take_mask);
  gtk_widget_class_bind_template_callback (widget_class, clear_mask);
  gtk_widget_class_bind_template_callback (widget_class, change_mask_kind);
  gtk_widget_class_bind_template_callback_full (widget_class, "end_mask",
                                                G_CALLBACK (kx_paint_page_end_mask));
}
