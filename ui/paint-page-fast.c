/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Painting in one pass, from the page, and training a network that does. */

#include "paint-page-fast.h"

#include <glib/gi18n.h>

#include "fast-job.h"
#include "fast-train.h"
#include "paint-page-controls.h"
#include "paint-page-easel.h"

static void
fast_painted (KolSnapshot *picture, GdkTexture *texture, const GError *error, gpointer object)
{
  KxPaintPage *self = object;

  if (error)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  if (!picture || !texture)
    return;
  g_autoptr (GdkPaintable) slow = self->job && self->full ? g_object_ref (self->now) : NULL;
  guint step = self->step;
  kx_paint_page_forget_painting (self);
  kx_paint_page_show_start (self);
  if (slow)
    kx_paint_page_add_moment (self, slow, kx_deep_picture_get_whole (KX_DEEP_PICTURE (slow)), step);
  g_clear_object (&self->now);
  self->now = GDK_PAINTABLE (kx_deep_picture_new (texture, picture));
  self->full = kol_snapshot_ref (picture);
  gtk_label_set_label (self->left, "");
  kx_film_strip_select (self->strip, slow ? 1 : 0);
  kx_compare_set_b (self->compare, self->now, _ ("Painted in one pass"));
  kx_paint_page_show_controls (self);
  kx_paint_page_show_stage (self);
}

static void
paint_fast (KxPaintPage *self, const char *network)
{
  KxSession *session = kx_paint_page_get_session (self);

  kx_page_clear_fault (KX_PAGE (self));
  if (session && kx_session_get_device (session) && self->content)
    kx_fast_paint (session, network, self->content, kx_paint_page_get_size (self), fast_painted,
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
  if (!kx_paint_page_is_painting (self))
    paint_fast (self, path);
}

static void
train_fast (KxPaintPage *self, const char *photos, const char *name, guint steps, guint size)
{
  KxSession *session = kx_paint_page_get_session (self);
  g_autofree char *folder = kx_fast_grid_get_folder ();
  KxStyleRow *style = kx_paint_page_get_style (self, 0);

  if (!session || !kx_session_get_device (session) || !style || !kx_paint_page_get_network (self))
    return;
  kx_page_clear_fault (KX_PAGE (self));
  kx_fast_train (session,
                 &(KxFastTraining){ .network = kx_paint_page_get_network (self),
                                    .style = kx_style_row_get_picture (style),
                                    .photos = photos,
                                    .name = name,
                                    .folder = folder,
                                    .size = size,
                                    .steps = steps },
                 fast_trained, G_OBJECT (self));
  kx_session_toast (session, _ ("It learns as a run in Train, and stands here when it is done"),
                    FALSE);
}

void
kx_paint_page_bind_fast (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, paint_fast);
  gtk_widget_class_bind_template_callback (widget_class, train_fast);
}
