/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A picture under a brush. What is shown is a cairo surface of the picture's size: the original
 * with the strokes on it, or, for a mask, the original with the mask over it, in one hue and
 * hatched, so that it is told by more than its colour. A stroke is drawn in the frame of the
 * motion.
 */

#include "canvas.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <string.h>

#include "window.h"

#define GREY 0.5
#define LEAST_RADIUS 1.0
#define MOST_RADIUS 512.0
#define GROWTH 1.25     /* of the radius, for each key */
#define UNSEEN 0.5      /* how dark what the network does not see is */
#define MASK_ALPHA 0.45 /* of its hue */

struct _KxCanvas {
  GtkWidget parent_instance;

  cairo_surface_t *original, *painted; /* of the picture's size, opaque; NULL: no picture */
  cairo_surface_t *mask;               /* A8, likewise */
  KolPictureBox seen;                  /* width 0: all of it */
  KxBrush brush;
  double radius;
  GdkRGBA colour;
  gboolean is_mask;

  double x, y;    /* of the brush, in pixels of the picture */
  gboolean there; /* it is to be shown */
  gboolean stroking, changed;
  cairo_surface_t *before; /* the stroke under way */
  guint serial;            /* of the picture: strokes on others cannot be undone any more */
};

G_DEFINE_FINAL_TYPE (KxCanvas, kx_canvas, GTK_TYPE_WIDGET)

enum {
  PROP_BRUSH = 1,
  PROP_RADIUS,
  PROP_COLOUR,
  PROP_MASK,
  N_PROPS,
};

enum {
  CHANGED,
  STROKE_ENDED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

GType
kx_brush_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = { { KX_BRUSH_PAINT, "KX_BRUSH_PAINT", "paint" },
                                       { KX_BRUSH_RESTORE, "KX_BRUSH_RESTORE", "restore" },
                                       { KX_BRUSH_GREY, "KX_BRUSH_GREY", "grey" },
                                       { 0, NULL, NULL } };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("KxBrush", values));
  return type;
}

/* ── Surfaces ────────────────────────────────────────────────────────────────────────────────── */

static cairo_surface_t *
copy_surface (cairo_surface_t *from)
{
  cairo_surface_t *copy = cairo_image_surface_create (cairo_image_surface_get_format (from),
                                                      cairo_image_surface_get_width (from),
                                                      cairo_image_surface_get_height (from));
  cairo_t *cr = cairo_create (copy);

  cairo_set_operator (cr, CAIRO_OPERATOR_SOURCE);
  cairo_set_source_surface (cr, from, 0, 0);
  cairo_paint (cr);
  cairo_destroy (cr);
  return copy;
}

static cairo_surface_t *
surface_from_picture (const KolPicture *picture)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, (int) picture->width,
                                                         (int) picture->height);
  guchar *data = cairo_image_surface_get_data (surface);
  gsize stride = (gsize) cairo_image_surface_get_stride (surface);
  gsize plane = picture->height * picture->width;
  const guint8 *red = picture->pixels;
  const guint8 *green = picture->channels == 3 ? red + plane : red;
  const guint8 *blue = picture->channels == 3 ? green + plane : red;

  cairo_surface_flush (surface);
  for (gsize row = 0; row < picture->height; row++)
    for (gsize column = 0; column < picture->width; column++)
      {
        gsize i = row * picture->width + column;
        ((guint32 *) (data + row * stride))[column]
            = (guint32) red[i] << 16 | (guint32) green[i] << 8 | blue[i];
      }
  cairo_surface_mark_dirty (surface);
  return surface;
}

static int
picture_width (KxCanvas *self)
{
  return self->original ? cairo_image_surface_get_width (self->original) : 0;
}

static int
picture_height (KxCanvas *self)
{
  return self->original ? cairo_image_surface_get_height (self->original) : 0;
}

/* What strokes change. */
static cairo_surface_t **
target (KxCanvas *self)
{
  return self->is_mask ? &self->mask : &self->painted;
}

/* ── Where the picture is ────────────────────────────────────────────────────────────────────── */

typedef struct {
  double x, y, scale;
} Place;

static Place
place_of (KxCanvas *self)
{
  double width = gtk_widget_get_width (GTK_WIDGET (self));
  double height = gtk_widget_get_height (GTK_WIDGET (self));
  double scale
      = MIN (width / MAX (picture_width (self), 1), height / MAX (picture_height (self), 1));

  return (Place){ .x = (width - scale * picture_width (self)) / 2,
                  .y = (height - scale * picture_height (self)) / 2,
                  .scale = MAX (scale, 1e-6) };
}

static void
move_to (KxCanvas *self, double x, double y)
{
  self->x = CLAMP (x, 0, picture_width (self));
  self->y = CLAMP (y, 0, picture_height (self));
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
move_to_pointer (KxCanvas *self, double x, double y)
{
  Place place = place_of (self);

  move_to (self, (x - place.x) / place.scale, (y - place.y) / place.scale);
}

/* ── Strokes ─────────────────────────────────────────────────────────────────────────────────── */

static void
set_source (KxCanvas *self, cairo_t *cr)
{
  if (self->is_mask)
    {
      cairo_set_operator (cr, CAIRO_OPERATOR_SOURCE);
      cairo_set_source_rgba (cr, 0, 0, 0, self->brush == KX_BRUSH_RESTORE ? 0 : 1);
    }
  else if (self->brush == KX_BRUSH_RESTORE)
    cairo_set_source_surface (cr, self->original, 0, 0);
  else if (self->brush == KX_BRUSH_GREY)
    cairo_set_source_rgb (cr, GREY, GREY, GREY);
  else
    gdk_cairo_set_source_rgba (cr, &self->colour);
}

static void
draw_stroke (KxCanvas *self, double x0, double y0, double x1, double y1)
{
  cairo_t *cr = cairo_create (*target (self));

  set_source (self, cr);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_width (cr, 2 * self->radius);
  cairo_move_to (cr, x0, y0);
  cairo_line_to (cr, x1, y1);
  cairo_stroke (cr);
  cairo_destroy (cr);
  self->changed = TRUE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_signal_emit (self, signals[CHANGED], 0);
}

/* A stroke that can be taken back: what is not there now. */
typedef struct {
  GWeakRef canvas;
  cairo_surface_t *other;
  gboolean changed;
  guint serial;
} Deed;

static void
deed_free (gpointer data)
{
  Deed *deed = data;

  g_weak_ref_clear (&deed->canvas);
  cairo_surface_destroy (deed->other);
  g_free (deed);
}

/* Back and again alike: changes places with what is there. */
static void
exchange (gpointer data)
{
  Deed *deed = data;
  g_autoptr (KxCanvas) self = g_weak_ref_get (&deed->canvas);

  if (!self || !self->original || self->serial != deed->serial)
    return;
  cairo_surface_t *now = *target (self);
  gboolean changed = self->changed;
  *target (self) = deed->other;
  self->changed = deed->changed;
  deed->other = now;
  deed->changed = changed;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_signal_emit (self, signals[CHANGED], 0);
  g_signal_emit (self, signals[STROKE_ENDED], 0);
}

static void
begin_stroke (KxCanvas *self)
{
  g_clear_pointer (&self->before, cairo_surface_destroy);
  self->before = copy_surface (*target (self));
  self->stroking = TRUE;
}

static void
end_stroke (KxCanvas *self, gboolean was_changed)
{
  KxSession *session = kx_widget_get_session (GTK_WIDGET (self));

  self->stroking = FALSE;
  if (session && self->before && !self->is_mask) /* masks are what their owners take back */
    {
      Deed *deed = g_new0 (Deed, 1);

      g_weak_ref_init (&deed->canvas, self);
      deed->other = g_steal_pointer (&self->before);
      deed->changed = was_changed;
      deed->serial = self->serial;
      kx_undo_push (kx_session_get_undo (session), _ ("Brush stroke"), exchange, exchange, deed,
                    deed_free);
    }
  g_clear_pointer (&self->before, cairo_surface_destroy);
  g_signal_emit (self, signals[STROKE_ENDED], 0);
}

/**
 * kx_canvas_dab:
 * @canvas: a canvas with a picture
 * @x: in pixels of the picture
 * @y: likewise
 *
 * Touches the picture once with the brush.
 */
void
kx_canvas_dab (KxCanvas *self, double x, double y)
{
  gboolean was_changed = self->changed;

  if (!self->original || self->stroking)
    return;
  move_to (self, x, y);
  begin_stroke (self);
  draw_stroke (self, self->x, self->y, self->x, self->y);
  end_stroke (self, was_changed);
}

static void
drag_begin (KxCanvas *self, double x, double y, GtkGesture *gesture)
{
  gtk_widget_grab_focus (GTK_WIDGET (self));
  if (!self->original)
    return;
  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  move_to_pointer (self, x, y);
  g_object_set_data (G_OBJECT (gesture), "was-changed", GINT_TO_POINTER (self->changed));
  begin_stroke (self);
  draw_stroke (self, self->x, self->y, self->x, self->y);
}

static void
drag_update (KxCanvas *self, double dx, double dy, GtkGestureDrag *gesture)
{
  double x, y, from_x = self->x, from_y = self->y;

  if (!self->stroking || !gtk_gesture_drag_get_start_point (gesture, &x, &y))
    return;
  move_to_pointer (self, x + dx, y + dy);
  draw_stroke (self, from_x, from_y, self->x, self->y);
}

static void
drag_end (KxCanvas *self, double dx, double dy, GtkGesture *gesture)
{
  if (self->stroking)
    end_stroke (self, GPOINTER_TO_INT (g_object_get_data (G_OBJECT (gesture), "was-changed")));
}

static void
pointer_moved (KxCanvas *self, double x, double y)
{
  self->there = TRUE;
  if (!self->stroking)
    move_to_pointer (self, x, y);
}

static void
pointer_left (KxCanvas *self)
{
  self->there = gtk_widget_has_focus (GTK_WIDGET (self));
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* ── Keys ────────────────────────────────────────────────────────────────────────────────────── */

static void
set_radius (KxCanvas *self, double radius)
{
  radius = CLAMP (radius, LEAST_RADIUS, MOST_RADIUS);
  if (radius == self->radius)
    return;
  self->radius = radius;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RADIUS]);
}

static void
set_brush (KxCanvas *self, KxBrush brush)
{
  if (brush == self->brush)
    return;
  self->brush = brush;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BRUSH]);
}

static gboolean
move_by_key (KxCanvas *self, guint key)
{
  double step = MAX (self->radius / 2, 1);

  self->there = TRUE;
  switch (key)
    {
    case GDK_KEY_Left:
      move_to (self, self->x - step, self->y);
      return TRUE;
    case GDK_KEY_Right:
      move_to (self, self->x + step, self->y);
      return TRUE;
    case GDK_KEY_Up:
      move_to (self, self->x, self->y - step);
      return TRUE;
    case GDK_KEY_Down:
      move_to (self, self->x, self->y + step);
      return TRUE;
    case GDK_KEY_space:
      kx_canvas_dab (self, self->x, self->y);
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
key_pressed (KxCanvas *self, guint key, guint code, GdkModifierType state)
{
  if (state & (GDK_CONTROL_MASK | GDK_ALT_MASK) || !self->original)
    return FALSE;
  switch (key)
    {
    case GDK_KEY_b:
      set_brush (self, KX_BRUSH_PAINT);
      return TRUE;
    case GDK_KEY_e:
      set_brush (self, KX_BRUSH_RESTORE);
      return TRUE;
    case GDK_KEY_g:
      set_brush (self, KX_BRUSH_GREY);
      return TRUE;
    case GDK_KEY_comma:
      set_radius (self, self->radius / GROWTH);
      return TRUE;
    case GDK_KEY_period:
      set_radius (self, self->radius * GROWTH);
      return TRUE;
    default:
      return move_by_key (self, key);
    }
}

/* For those who have no pointer: at-spi sees actions. */
static void
dab_action (GtkWidget *widget, const char *name, GVariant *target)
{
  KxCanvas *self = KX_CANVAS (widget);

  kx_canvas_dab (self, self->x, self->y);
}

static void
clear_action (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_canvas_clear (KX_CANVAS (widget));
}

/* ── Drawing ─────────────────────────────────────────────────────────────────────────────────── */

static void
draw_mask (KxCanvas *self, cairo_t *cr)
{
  cairo_push_group (cr);
  gdk_cairo_set_source_rgba (
      cr, &(GdkRGBA){ self->colour.red, self->colour.green, self->colour.blue, MASK_ALPHA });
  cairo_paint (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, MASK_ALPHA);
  double step = MAX (picture_width (self), picture_height (self)) / 48.0;
  cairo_set_line_width (cr, step / 5);
  for (double x = -picture_height (self); x < picture_width (self); x += step)
    {
      cairo_move_to (cr, x, picture_height (self));
      cairo_rel_line_to (cr, picture_height (self), -picture_height (self));
    }
  cairo_stroke (cr);
  cairo_pattern_t *hatch = cairo_pop_group (cr);
  cairo_set_source (cr, hatch);
  cairo_mask_surface (cr, self->mask, 0, 0);
  cairo_pattern_destroy (hatch);
}

static void
draw_unseen (KxCanvas *self, cairo_t *cr)
{
  const KolPictureBox *seen = &self->seen;

  cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
  cairo_rectangle (cr, 0, 0, picture_width (self), picture_height (self));
  cairo_rectangle (cr, (double) seen->left, (double) seen->top, (double) seen->width,
                   (double) seen->height);
  cairo_set_source_rgba (cr, 0, 0, 0, UNSEEN);
  cairo_fill (cr);
}

/* A light ring in a dark one: seen on any picture. */
static void
draw_brush (KxCanvas *self, cairo_t *cr, double scale)
{
  for (int ring = 0; ring < 2; ring++)
    {
      cairo_set_line_width (cr, (ring ? 1 : 3) / scale);
      cairo_set_source_rgba (cr, ring, ring, ring, ring ? 1 : 0.6);
      cairo_arc (cr, self->x, self->y, self->radius, 0, 2 * G_PI);
      cairo_stroke (cr);
    }
}

static void
kx_canvas_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxCanvas *self = KX_CANVAS (widget);
  Place place = place_of (self);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);

  if (!self->original)
    return;
  cairo_t *cr = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  cairo_translate (cr, place.x, place.y);
  cairo_scale (cr, place.scale, place.scale);
  cairo_rectangle (cr, 0, 0, picture_width (self), picture_height (self));
  cairo_clip (cr);
  cairo_set_source_surface (cr, self->painted, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_BILINEAR);
  cairo_paint (cr);
  if (self->is_mask)
    draw_mask (self, cr);
  if (self->seen.width)
    draw_unseen (self, cr);
  if (self->there)
    draw_brush (self, cr, place.scale);
  cairo_destroy (cr);
}

static GtkSizeRequestMode
kx_canvas_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_CONSTANT_SIZE;
}

static void
kx_canvas_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                   int *natural, int *minimum_baseline, int *natural_baseline)
{
  KxCanvas *self = KX_CANVAS (widget);
  int size
      = orientation == GTK_ORIENTATION_HORIZONTAL ? picture_width (self) : picture_height (self);

  *minimum = 120;
  *natural = CLAMP (size, 224, 280);
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

static void
drop_picture (KxCanvas *self)
{
  g_clear_pointer (&self->original, cairo_surface_destroy);
  g_clear_pointer (&self->painted, cairo_surface_destroy);
  g_clear_pointer (&self->mask, cairo_surface_destroy);
  g_clear_pointer (&self->before, cairo_surface_destroy);
  self->seen = (KolPictureBox){ 0 };
  self->changed = self->stroking = FALSE;
  self->serial++;
}

static void
kx_canvas_finalize (GObject *object)
{
  drop_picture (KX_CANVAS (object));
  G_OBJECT_CLASS (kx_canvas_parent_class)->finalize (object);
}

static void
kx_canvas_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxCanvas *self = KX_CANVAS (object);

  switch (id)
    {
    case PROP_BRUSH:
      g_value_set_enum (value, (int) self->brush);
      break;
    case PROP_RADIUS:
      g_value_set_double (value, self->radius);
      break;
    case PROP_COLOUR:
      g_value_set_boxed (value, &self->colour);
      break;
    case PROP_MASK:
      g_value_set_boolean (value, self->is_mask);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_canvas_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxCanvas *self = KX_CANVAS (object);

  switch (id)
    {
    case PROP_BRUSH:
      set_brush (self, (KxBrush) g_value_get_enum (value));
      break;
    case PROP_RADIUS:
      set_radius (self, g_value_get_double (value));
      break;
    case PROP_COLOUR:
      self->colour = *(const GdkRGBA *) g_value_get_boxed (value);
      gtk_widget_queue_draw (GTK_WIDGET (self));
      break;
    case PROP_MASK:
      self->is_mask = g_value_get_boolean (value);
      gtk_widget_queue_draw (GTK_WIDGET (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_canvas_class_init (KxCanvasClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = kx_canvas_finalize;
  object_class->get_property = kx_canvas_get_property;
  object_class->set_property = kx_canvas_set_property;
  widget_class->snapshot = kx_canvas_snapshot;
  widget_class->measure = kx_canvas_measure;
  widget_class->get_request_mode = kx_canvas_get_request_mode;
  props[PROP_BRUSH] = g_param_spec_enum ("brush", NULL, NULL, KX_TYPE_BRUSH, KX_BRUSH_PAINT, flags);
  props[PROP_RADIUS]
      = g_param_spec_double ("radius", NULL, NULL, LEAST_RADIUS, MOST_RADIUS, 12, flags);
  props[PROP_COLOUR] = g_param_spec_boxed ("colour", NULL, NULL, GDK_TYPE_RGBA, flags);
  props[PROP_MASK] = g_param_spec_boolean ("mask", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /**
   * KxCanvas::changed:
   *
   * A piece of a stroke was drawn, or one was undone.
   */
  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
  /**
   * KxCanvas::stroke-ended:
   *
   * The brush was lifted, or a stroke undone.
   */
  signals[STROKE_ENDED] = g_signal_new ("stroke-ended", G_TYPE_FROM_CLASS (klass),
                                        G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_install_action (widget_class, "canvas.dab", NULL, dab_action);
  gtk_widget_class_install_action (widget_class, "canvas.clear", NULL, clear_action);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
  gtk_widget_class_set_css_name (widget_class, "kx-canvas");
}

static void
kx_canvas_init (KxCanvas *self)
{
  GtkGesture *drag = gtk_gesture_drag_new ();
  GtkEventController *motion = gtk_event_controller_motion_new ();
  GtkEventController *keys = gtk_event_controller_key_new ();

  self->radius = 12;
  self->colour = (GdkRGBA){ 0, 0, 0, 1 };
  g_signal_connect_swapped (drag, "drag-begin", G_CALLBACK (drag_begin), self);
  g_signal_connect_swapped (drag, "drag-update", G_CALLBACK (drag_update), self);
  g_signal_connect_swapped (drag, "drag-end", G_CALLBACK (drag_end), self);
  g_signal_connect_swapped (motion, "motion", G_CALLBACK (pointer_moved), self);
  g_signal_connect_swapped (motion, "leave", G_CALLBACK (pointer_left), self);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_pressed), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (GTK_WIDGET (self), motion);
  gtk_widget_add_controller (GTK_WIDGET (self), keys);
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Picture"), -1); /* until its owner says what it is of */
}

GtkWidget *
kx_canvas_new (void)
{
  return g_object_new (KX_TYPE_CANVAS, NULL);
}

/**
 * kx_canvas_set_picture:
 * @canvas: a canvas
 * @picture: (nullable): what is to be painted on; copied
 *
 * Begins anew, with an empty mask.
 */
void
kx_canvas_set_picture (KxCanvas *self, const KolPicture *picture)
{
  drop_picture (self);
  if (picture)
    {
      self->original = surface_from_picture (picture);
      self->painted = copy_surface (self->original);
      self->mask = cairo_image_surface_create (CAIRO_FORMAT_A8, picture_width (self),
                                               picture_height (self));
      self->x = picture_width (self) / 2.0;
      self->y = picture_height (self) / 2.0;
    }
  gtk_widget_queue_resize (GTK_WIDGET (self));
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

gboolean
kx_canvas_has_picture (KxCanvas *self)
{
  return self->original != NULL;
}

/**
 * kx_canvas_dup_picture:
 * @canvas: a canvas with a picture
 *
 * Returns: (transfer full): the picture with all strokes, in colour
 */
KolPicture *
kx_canvas_dup_picture (KxCanvas *self)
{
  g_return_val_if_fail (self->painted, NULL);
  KolPicture *picture = g_new0 (KolPicture, 1);
  gsize plane, stride = (gsize) cairo_image_surface_get_stride (self->painted);

  picture->channels = 3;
  picture->width = (gsize) picture_width (self);
  picture->height = (gsize) picture_height (self);
  plane = picture->width * picture->height;
  picture->pixels = g_malloc (3 * plane);
  cairo_surface_flush (self->painted);
  const guchar *data = cairo_image_surface_get_data (self->painted);
  for (gsize row = 0; row < picture->height; row++)
    for (gsize column = 0; column < picture->width; column++)
      {
        guint32 pixel = ((const guint32 *) (data + row * stride))[column];
        guint8 *at = picture->pixels + row * picture->width + column;

        at[0] = (guint8) (pixel >> 16);
        at[plane] = (guint8) (pixel >> 8);
        at[2 * plane] = (guint8) pixel;
      }
  return picture;
}

/**
 * kx_canvas_set_seen:
 * @canvas: a canvas with a picture
 * @part: (nullable): what a network sees of it; the rest is dimmed. %NULL: all
 */
void
kx_canvas_set_seen (KxCanvas *self, const KolPictureBox *part)
{
  self->seen = part ? *part : (KolPictureBox){ 0 };
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_canvas_dup_mask:
 * @canvas: a canvas with a picture
 * @width: (out): of the picture
 * @height: (out): likewise
 *
 * Returns: (transfer full): `[height, width]`, 0: not marked, 255: marked
 */
guint8 *
kx_canvas_dup_mask (KxCanvas *self, gsize *width, gsize *height)
{
  g_return_val_if_fail (self->mask, NULL);
  gsize stride = (gsize) cairo_image_surface_get_stride (self->mask);

  *width = (gsize) picture_width (self);
  *height = (gsize) picture_height (self);
  cairo_surface_flush (self->mask);
  const guchar *data = cairo_image_surface_get_data (self->mask);
  guint8 *mask = g_malloc (*width * *height);
  for (gsize row = 0; row < *height; row++)
    memcpy (mask + row * *width, data + row * stride, *width);
  return mask;
}

/**
 * kx_canvas_set_mask:
 * @canvas: a canvas with a picture
 * @mask: `[height, width]`, as of kx_canvas_dup_mask()
 * @width: the picture's
 * @height: the picture's
 */
void
kx_canvas_set_mask (KxCanvas *self, const guint8 *mask, gsize width, gsize height)
{
  g_return_if_fail (self->mask && (int) width == picture_width (self)
                    && (int) height == picture_height (self));
  gsize stride = (gsize) cairo_image_surface_get_stride (self->mask);

  cairo_surface_flush (self->mask);
  for (gsize row = 0; row < height; row++)
    memcpy (cairo_image_surface_get_data (self->mask) + row * stride, mask + row * width, width);
  cairo_surface_mark_dirty (self->mask);
  self->serial++;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_canvas_clear:
 * @canvas: a canvas
 *
 * Takes all strokes away, which is a stroke itself: it can be undone.
 */
void
kx_canvas_clear (KxCanvas *self)
{
  gboolean was_changed = self->changed;

  if (!self->original || self->stroking)
    return;
  begin_stroke (self);
  cairo_t *cr = cairo_create (*target (self));
  cairo_set_operator (cr, self->is_mask ? CAIRO_OPERATOR_CLEAR : CAIRO_OPERATOR_SOURCE);
  cairo_set_source_surface (cr, self->original, 0, 0);
  cairo_paint (cr);
  cairo_destroy (cr);
  self->changed = FALSE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_signal_emit (self, signals[CHANGED], 0);
  end_stroke (self, was_changed);
}

/**
 * kx_canvas_is_changed:
 * @canvas: a canvas
 *
 * Returns: whether there are strokes on the picture or its mask
 */
gboolean
kx_canvas_is_changed (KxCanvas *self)
{
  return self->changed;
}

gboolean
kx_canvas_is_stroking (KxCanvas *self)
{
  return self->stroking;
}
