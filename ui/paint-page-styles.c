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
      kind == KX_MASK_PART
          ? _ ("Paint what is taken of %s. E erases, comma and dot change the size of the brush.")
          : _ ("Paint where %s is wanted. E erases, comma and dot change the size of the brush."),
      style->name);

  if (!picture)
    return;
  kx_canvas_set_picture (self->canvas, picture);
  if (mask && mask->picture->width == picture->width && mask->picture->height == picture->height)
    kx_canvas_set_mask (self->canvas, mask->picture->pixels, picture->width, picture->height);
  gtk_label_set_label (self->mask_hint, hint);
  gtk_button_set_label (self->mask_all, kind == KX_MASK_PART ? _ ("All of It") : _ ("All Over"));
}

static void
change_mask_kind (KxPaintPage *self)
{
  if (self->masked)
    show_mask (self);
}

static void
begin_mask (KxPaintPage *self, KxStyleRow *row)
{
  GdkRGBA colour = kx_palette_colour (kx_theme_get (FALSE, FALSE),
                                      (guint) gtk_list_box_row_get_index (GTK_LIST_BOX_ROW (row)));

  self->masked = NULL;
  gtk_toggle_button_set_active (self->mask_on_content, TRUE);
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
  KxMask *masks[KX_N_MASKS];
} Removal;

static void
removal_free (gpointer data)
{
  Removal *removal = data;

  g_weak_ref_clear (&removal->page);
  kx_paint_picture_unref (removal->picture);
  for (guint i = 0; i < KX_N_MASKS; i++)
    g_clear_pointer (&removal->masks[i], kx_mask_unref);
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
  for (guint i = 0; i < KX_N_MASKS; i++)
    kx_style_row_set_mask (kx_paint_page_get_style (self, last), i, removal->masks[i]);
}

static void
remove_again (gpointer data)
{
  Removal *removal = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&removal->page);

  KxStyleRow *row = self ? find_style (self, removal->picture) : NULL;

  if (row)
    drop_row (self, row);
}

static void
remove_style (KxPaintPage *self, KxStyleRow *row)
{
  KxMask *const *masks = kx_style_row_get_masks (row);
  g_autofree char *text
      = g_strdup_printf (_ ("“%s” was removed"), kx_style_row_get_picture (row)->name);
  Removal *removal = g_new0 (Removal, 1);

  g_weak_ref_init (&removal->page, self);
  removal->picture = kx_paint_picture_ref (kx_style_row_get_picture (row));
  removal->weight = kx_style_row_get_weight (row);
  for (guint i = 0; i < KX_N_MASKS; i++)
    removal->masks[i] = masks[i] ? kx_mask_ref (masks[i]) : NULL;
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
  gtk_widget_class_bind_template_callback (widget_class, change_mask_kind);
  gtk_widget_class_bind_template_callback_full (widget_class, "end_mask",
                                                G_CALLBACK (kx_paint_page_end_mask));
}
