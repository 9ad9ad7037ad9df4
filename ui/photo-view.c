/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A picture under a brush and in a network's eye. Each piece of a stroke asks the network anew;
 * of questions that wait the newest is left, and at most 30 a second are asked.
 */

#include "photo-view.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <math.h>

#include "canvas.h"
#include "chart/wrap-layout.h"
#include "class-bars.h"
#include "digit.h"
#include "page.h"
#include "paint-picture.h"
#include "photo.h"
#include "tip.h"
#include "unit-grid.h"

#define PAUSE_US 33000    /* between two questions */
#define SHEET 280         /* pixels of the sheet that digits are drawn on */
#define SHEET_RADIUS 11   /* of its brush: strokes as thick as MNIST's */
#define PHOTO_RADIUS 0.04 /* of the photo's longer side */

struct _KxPhotoView {
  GtkWidget parent_instance;

  GtkStack *stack;
  GtkStack *sheet;
  KxCanvas *canvas;
  GtkPicture *dream;
  GtkLabel *dream_label;
  GtkButton *keep_dream_button;
  GtkLabel *hint;
  KxClassBars *bars;
  GtkBox *watched_box;
  GtkToggleButton *paint, *restore, *grey;
  GtkScale *radius;
  GtkButton *clear;
  GtkLabel *maps_title;
  AdwBin *maps;
  KxUnitGrid *grid;

  gboolean drawing;
  KxNetwork *network;
  KxUnitList *units;
  KxPhoto *photo;        /* as it was opened */
  GCancellable *loading; /* the next one, or NULL */
  GPtrArray *watched;    /* Watched */
  KxSight *sight;
  gboolean fresh; /* the next answer is of the picture as it was opened */
  gint64 asked;
  guint later; /* a source that asks */
};

G_DEFINE_FINAL_TYPE (KxPhotoView, kx_photo_view, GTK_TYPE_WIDGET)

enum {
  PROP_DRAWING = 1,
  N_PROPS,
};

/* A unit whose value is told, too. */
typedef struct {
  KxNeuron *unit;
  char *name;
  GtkWidget *row;
  GtkLabel *label;
} Watched;

enum {
  UNIT,
  UNWATCH,
  PICTURE,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────── */

static void
show_watched (KxPhotoView *self, KxSight *sight)
{
  if (sight->n_watched != self->watched->len) /* an answer to another question is under way */
    return;
  for (guint i = 0; i < sight->n_watched; i++)
    {
      const Watched *watched = g_ptr_array_index (self->watched, i);
      g_autofree char *text = g_strdup_printf (_ ("%s: %.3g"), watched->name, sight->watched[i]);

      gtk_label_set_label (watched->label, text);
    }
}

static void
name_canvas (KxPhotoView *self, KxSight *sight)
{
  g_autofree guint *order = kx_sight_order (sight, 1);
  g_autofree char *class = kx_network_class_name (self->network, order[0]);
  g_autofree char *name = g_strdup_printf (
      self->drawing ? _ ("Drawing, taken for %s") : _ ("Photo, taken for %s"), class);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self->canvas), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  name, -1);
}

/* An empty sheet is no question. */
static gboolean
is_empty (KxPhotoView *self)
{
  return self->drawing && !kx_canvas_is_changed (self->canvas);
}

/* A KxSightFunc. */
static void
take_sight (KxSight *sight, KxNetwork *network, gpointer owner)
{
  KxPhotoView *self = owner;
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (self), KX_TYPE_PAGE);

  if (network != self->network) /* another one was opened meanwhile, or none is open */
    return;
  if (sight->fault)
    {
      if (page)
        kx_page_show_fault (KX_PAGE (page), sight->fault, NULL, NULL, NULL);
      return;
    }
  g_clear_pointer (&self->sight, kx_sight_unref);
  self->sight = kx_sight_ref (sight);
  if (is_empty (self)) /* the sheet was cleared meanwhile */
    return;
  if (self->fresh && !kx_canvas_is_changed (self->canvas))
    kx_class_bars_set_base (self->bars, sight);
  self->fresh = FALSE;
  kx_class_bars_set_sight (self->bars, sight, kx_canvas_is_stroking (self->canvas));
  show_watched (self, sight);
  name_canvas (self, sight);
  if (self->units
      && sight->layer == kx_network_layer_get_index (kx_unit_list_get_layer (self->units)))
    kx_unit_list_set_sight (self->units, sight);
}

/* The photo as it is in its file is shown as the command would, even if the canvas has it smaller.
 */
static void
fill_question (KxPhotoView *self, KxQuestion *question)
{
  const KolPreprocess *fit = kx_network_get_fit (self->network);
  g_autoptr (KolPicture) sheet = NULL;

  if (!self->drawing && !kx_canvas_is_changed (self->canvas))
    {
      question->photo = kx_photo_ref (self->photo);
      return;
    }
  sheet = kx_canvas_dup_picture (self->canvas);
  if (self->drawing && fit->channels == 1)
    question->pixels = kx_digit_centre (sheet, fit->height, fit->width);
  else
    question->picture = g_steal_pointer (&sheet);
}

static void
show_nothing (KxPhotoView *self)
{
  kx_class_bars_clear (self->bars);
  if (self->units
      && gtk_widget_get_mapped (GTK_WIDGET (self))) /* another view may show them, too */
    kx_unit_list_set_sight (self->units, NULL);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->canvas), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Drawing"), -1);
}

static void
fill_watched (KxPhotoView *self, KxQuestion *question)
{
  question->n_watched = self->watched->len;
  question->watched = g_new (KxWatched, self->watched->len + 1);
  for (guint i = 0; i < self->watched->len; i++)
    {
      KxNeuron *unit = ((const Watched *) g_ptr_array_index (self->watched, i))->unit;

      question->watched[i] = (KxWatched){ kx_network_layer_get_index (kx_neuron_get_layer (unit)),
                                          kx_neuron_get_index (unit) };
    }
}

static void
ask_now (KxPhotoView *self)
{
  KxQuestion question = { .layer = KX_NO_LAYER };

  g_clear_handle_id (&self->later, g_source_remove);
  gtk_widget_set_visible (GTK_WIDGET (self->hint), is_empty (self));
  if (is_empty (self))
    {
      show_nothing (self);
      return;
    }
  if (!self->network || kx_network_get_state (self->network) != KX_NETWORK_READY
      || !kx_canvas_has_picture (self->canvas))
    return;
  self->asked = g_get_monotonic_time ();
  fill_question (self, &question);
  if (self->units && gtk_widget_get_mapped (GTK_WIDGET (self)))
    question.layer = kx_network_layer_get_index (kx_unit_list_get_layer (self->units));
  fill_watched (self, &question);
  kx_sight_ask (self->network, &question, take_sight, self);
}

static gboolean
ask_later (gpointer data)
{
  KxPhotoView *self = data;

  self->later = 0;
  ask_now (self);
  return G_SOURCE_REMOVE;
}

/**
 * kx_photo_view_ask:
 * @view: a view
 *
 * Shows the picture to the network again: it or the picture has changed.
 */
void
kx_photo_view_ask (KxPhotoView *self)
{
  gint64 wait = self->asked + PAUSE_US - g_get_monotonic_time ();

  if (wait <= 0)
    ask_now (self);
  else if (!self->later)
    self->later = g_timeout_add ((guint) (wait / 1000) + 1, ask_later, self);
}

/**
 * kx_photo_view_get_sight:
 * @view: a view
 *
 * Returns: (nullable) (transfer none): what the network said last
 */
KxSight *
kx_photo_view_get_sight (KxPhotoView *self)
{
  return self->sight;
}

/* ── The brush ───────────────────────────────────────────────────────────────────────────────── */

static void
canvas_changed (KxPhotoView *self)
{
  kx_photo_view_ask (self);
}

static void
stroke_ended (KxPhotoView *self)
{
  gtk_widget_set_sensitive (GTK_WIDGET (self->clear), kx_canvas_is_changed (self->canvas));
  kx_photo_view_ask (self);
}

static void
choose_brush (KxPhotoView *self)
{
  g_object_set (self->canvas, "brush",
                gtk_toggle_button_get_active (self->restore) ? KX_BRUSH_RESTORE
                : gtk_toggle_button_get_active (self->grey)  ? KX_BRUSH_GREY
                                                             : KX_BRUSH_PAINT,
                NULL);
}

/* The canvas has keys of its own. */
static void
show_brush (KxPhotoView *self)
{
  GtkToggleButton *const buttons[] = { self->paint, self->restore, self->grey };
  KxBrush brush;

  g_object_get (self->canvas, "brush", &brush, NULL);
  gtk_toggle_button_set_active (buttons[brush], TRUE);
}

static void
clear (KxPhotoView *self)
{
  kx_canvas_clear (self->canvas);
}

/* ── Pictures ────────────────────────────────────────────────────────────────────────────────── */

/* What of the picture the network sees: what its fit cuts out. */
static void
show_seen (KxPhotoView *self, const KolPicture *picture)
{
  const KolPreprocess *fit
      = self->network && kx_network_get_state (self->network) == KX_NETWORK_READY
            ? kx_network_get_fit (self->network)
            : NULL;

  if (!fit || !fit->short_side || self->drawing || !picture)
    {
      kx_canvas_set_seen (self->canvas, NULL);
      return;
    }
  double scale = (double) MIN (picture->width, picture->height) / (double) fit->short_side;
  KolPictureBox seen
      = { .width = MIN ((gsize) lround (scale * (double) fit->width), picture->width),
          .height = MIN ((gsize) lround (scale * (double) fit->height), picture->height) };
  seen.left = (picture->width - seen.width) / 2;
  seen.top = (picture->height - seen.height) / 2;
  kx_canvas_set_seen (self->canvas, &seen);
}

/* What was asked for last is shown, whatever takes longer to load. */
static void
stop_loading (KxPhotoView *self)
{
  g_cancellable_cancel (self->loading);
  g_clear_object (&self->loading);
}

/* Given. */
static void
take_photo (KxPhotoView *self, KxPhoto *photo)
{
  const KolPicture *shown = photo->shown;

  stop_loading (self);
  g_clear_pointer (&self->photo, kx_photo_unref);
  self->photo = photo;
  if (!shown)
    return;
  kx_canvas_set_picture (self->canvas, shown);
  show_seen (self, shown);
  gtk_range_set_value (GTK_RANGE (self->radius),
                       self->drawing ? SHEET_RADIUS
                                     : PHOTO_RADIUS * (double) MAX (shown->width, shown->height));
  gtk_widget_set_sensitive (GTK_WIDGET (self->clear), FALSE);
  gtk_stack_set_visible_child_name (self->stack, "picture");
  gtk_stack_set_visible_child_name (self->sheet, "canvas");
  self->fresh = TRUE;
  kx_class_bars_clear (self->bars);
  g_signal_emit (self, signals[PICTURE], 0);
  kx_photo_view_ask (self);
}

/* On a thread of its own: large photos take a while. */
static void
load_file (GTask *task, gpointer object, gpointer file, GCancellable *cancellable)
{
  GError *error = NULL;
  g_autofree char *path = g_file_get_path (file);
  KolPicture *picture = path ? kol_picture_load (path, &error) : NULL;

  if (picture)
    g_task_return_pointer (task, kx_photo_new (picture), (GDestroyNotify) kx_photo_unref);
  else if (error)
    g_task_return_error (task, error);
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s",
                             _ ("Only files on this computer can be opened"));
}

static void
load_texture (GTask *task, gpointer object, gpointer texture, GCancellable *cancellable)
{
  g_task_return_pointer (task, kx_photo_new (kx_picture_from_texture (texture)),
                         (GDestroyNotify) kx_photo_unref);
}

static void
loaded (GObject *object, GAsyncResult *result, gpointer unused)
{
  KxPhotoView *self = KX_PHOTO_VIEW (object);
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (self), KX_TYPE_PAGE);
  g_autoptr (GError) error = NULL;
  KxPhoto *photo = g_task_propagate_pointer (G_TASK (result), &error);

  if (photo)
    take_photo (self, photo);
  else if (page && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    kx_page_show_fault (KX_PAGE (page), error->message, NULL, NULL, NULL);
}

static void
load (KxPhotoView *self, gpointer source, GTaskThreadFunc how)
{
  g_autoptr (GTask) task = NULL;

  stop_loading (self);
  self->loading = g_cancellable_new ();
  task = g_task_new (self, self->loading, loaded, NULL);
  g_task_set_task_data (task, g_object_ref (source), g_object_unref);
  g_task_run_in_thread (task, how);
}

/**
 * kx_photo_view_open:
 * @view: a view
 * @file: of a photo; it takes the place of one that is being loaded
 */
void
kx_photo_view_open (KxPhotoView *self, GFile *file)
{
  load (self, file, load_file);
}

/**
 * kx_photo_view_set_texture:
 * @view: a view
 * @texture: a photo, such as one that was pasted; it takes the place of one that is being loaded
 */
void
kx_photo_view_set_texture (KxPhotoView *self, GdkTexture *texture)
{
  load (self, texture, load_texture);
}

gboolean
kx_photo_view_has_picture (KxPhotoView *self)
{
  return kx_canvas_has_picture (self->canvas);
}

/**
 * kx_photo_view_dup_picture:
 * @view: a view with a picture
 *
 * Returns: (transfer full): it, with what was painted on it
 */
KolPicture *
kx_photo_view_dup_picture (KxPhotoView *self)
{
  return kx_canvas_is_changed (self->canvas)
             ? kx_canvas_dup_picture (self->canvas)
             : kol_picture_convert (self->photo->whole, self->photo->whole->channels);
}

/* ── Dreams ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_photo_view_show_dream:
 * @view: a view with a picture
 * @texture: (nullable): what a layer has made of it so far
 * @text: how far it has come
 *
 * Shows a dream in the picture's place, until it is kept or left.
 */
void
kx_photo_view_show_dream (KxPhotoView *self, GdkTexture *texture, const char *text)
{
  gtk_picture_set_paintable (self->dream, GDK_PAINTABLE (texture));
  gtk_label_set_label (self->dream_label, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->dream), GTK_ACCESSIBLE_PROPERTY_LABEL, text,
                                  -1);
  gtk_widget_set_sensitive (GTK_WIDGET (self->keep_dream_button), texture != NULL);
  gtk_stack_set_visible_child_name (self->sheet, "dream");
}

static void
keep_dream (KxPhotoView *self)
{
  kx_photo_view_set_texture (self, GDK_TEXTURE (gtk_picture_get_paintable (self->dream)));
}

static void
leave_dream (KxPhotoView *self)
{
  gtk_stack_set_visible_child_name (self->sheet, "canvas");
  g_signal_emit (self, signals[PICTURE], 0);
}

/* A black sheet. */
static void
begin_sheet (KxPhotoView *self)
{
  KolPicture *sheet = g_new0 (KolPicture, 1);

  *sheet = (KolPicture){ .channels = 1, .height = SHEET, .width = SHEET };
  sheet->pixels = g_malloc0 (SHEET * SHEET);
  g_object_set (self->canvas, "colour", &(GdkRGBA){ 1, 1, 1, 1 }, NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->grey), FALSE);
  gtk_button_set_label (GTK_BUTTON (self->paint), _ ("Draw"));
  gtk_button_set_label (GTK_BUTTON (self->restore), _ ("Erase"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->paint), _ ("Draw in white (B)"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->restore), _ ("Erase (E)"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->canvas), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Drawing"), -1);
  take_photo (self, kx_photo_new (sheet));
}

/* ── Units ───────────────────────────────────────────────────────────────────────────────────── */

static void
watched_free (gpointer data)
{
  Watched *watched = data;

  g_object_unref (watched->unit);
  g_free (watched->name);
  g_free (watched);
}

static gboolean
find_watched (KxPhotoView *self, KxNeuron *unit, guint *at)
{
  for (*at = 0; *at < self->watched->len; ++*at)
    if (((const Watched *) g_ptr_array_index (self->watched, *at))->unit == unit)
      return TRUE;
  return FALSE;
}

static void
unwatch_at (KxPhotoView *self, guint at)
{
  gtk_box_remove (self->watched_box, ((Watched *) g_ptr_array_index (self->watched, at))->row);
  g_ptr_array_remove_index (self->watched, at);
  gtk_widget_set_visible (GTK_WIDGET (self->watched_box), self->watched->len > 0);
}

static void
press_unwatch (GtkButton *button, KxPhotoView *self)
{
  for (guint i = 0; i < self->watched->len; i++)
    {
      const Watched *watched = g_ptr_array_index (self->watched, i);

      if (watched->row != gtk_widget_get_parent (GTK_WIDGET (button)))
        continue;
      g_autoptr (KxNeuron) unit = g_object_ref (watched->unit);
      g_signal_emit (self, signals[UNWATCH], 0, unit);
      return;
    }
}

static void
make_watched_row (KxPhotoView *self, Watched *watched)
{
  GtkWidget *button = gtk_button_new_from_icon_name ("window-close-symbolic");
  g_autofree char *name = g_strdup_printf (_ ("Do not watch %s any more"), watched->name);

  watched->row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  watched->label = GTK_LABEL (gtk_label_new (watched->name));
  gtk_label_set_xalign (watched->label, 0);
  gtk_label_set_wrap (watched->label, TRUE);
  gtk_widget_set_hexpand (GTK_WIDGET (watched->label), TRUE);
  gtk_widget_add_css_class (GTK_WIDGET (watched->label), "numeric");
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_signal_connect_object (button, "clicked", G_CALLBACK (press_unwatch), self, 0);
  gtk_box_append (GTK_BOX (watched->row), GTK_WIDGET (watched->label));
  gtk_box_append (GTK_BOX (watched->row), button);
  gtk_box_append (self->watched_box, watched->row);
}

/**
 * kx_photo_view_watch:
 * @view: a view
 * @unit: a unit
 * @watched: whether what it says is told, too
 */
void
kx_photo_view_watch (KxPhotoView *self, KxNeuron *unit, gboolean watched)
{
  Watched *one;
  guint at;

  if (find_watched (self, unit, &at) == watched)
    return;
  if (!watched)
    {
      unwatch_at (self, at);
      return;
    }
  one = g_new0 (Watched, 1);
  one->unit = g_object_ref (unit);
  one->name
      = g_strdup_printf (_ ("%s unit %u"), kx_network_layer_get_name (kx_neuron_get_layer (unit)),
                         kx_neuron_get_index (unit));
  make_watched_row (self, one);
  g_ptr_array_add (self->watched, one);
  gtk_widget_set_visible (GTK_WIDGET (self->watched_box), TRUE);
  kx_photo_view_ask (self);
}

gboolean
kx_photo_view_is_watched (KxPhotoView *self, KxNeuron *unit)
{
  guint at;

  return find_watched (self, unit, &at);
}

static void
forget_watched (KxPhotoView *self)
{
  while (self->watched->len)
    unwatch_at (self, self->watched->len - 1);
}

static void
choose_unit (KxPhotoView *self, KxNeuron *unit)
{
  g_signal_emit (self, signals[UNIT], 0, unit);
}

static void
note_unit (KxPhotoView *self)
{
  KxNeuron *unit = kx_unit_grid_get_unit (self->grid);

  if (unit)
    choose_unit (self, unit);
}

/**
 * kx_photo_view_set_units:
 * @view: a view
 * @units: (nullable): those whose maps are shown
 */
void
kx_photo_view_set_units (KxPhotoView *self, KxUnitList *units)
{
  if (!g_set_object (&self->units, units))
    return;
  kx_unit_grid_set_units (self->grid, units);
  if (units)
    {
      g_autofree char *title = g_strdup_printf (
          _ ("What %s says of it"), kx_network_layer_get_name (kx_unit_list_get_layer (units)));
      gtk_label_set_label (self->maps_title, title);
      kx_photo_view_ask (self);
    }
}

/**
 * kx_photo_view_set_network:
 * @view: a view
 * @network: (nullable): who is asked
 */
void
kx_photo_view_set_network (KxPhotoView *self, KxNetwork *network)
{
  g_set_object (&self->network, network);
  g_clear_pointer (&self->sight, kx_sight_unref);
  kx_class_bars_set_network (self->bars, network);
  forget_watched (self);
  self->fresh = TRUE;
  if (self->photo && !self->drawing)
    show_seen (self, self->photo->shown);
  kx_photo_view_ask (self);
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

/* Layers are looked at while one looks. */
static void
kx_photo_view_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (kx_photo_view_parent_class)->map (widget);
  kx_photo_view_ask (KX_PHOTO_VIEW (widget));
}

static void
kx_photo_view_dispose (GObject *object)
{
  KxPhotoView *self = KX_PHOTO_VIEW (object);

  g_clear_handle_id (&self->later, g_source_remove);
  stop_loading (self);
  if (self->stack)
    gtk_widget_unparent (GTK_WIDGET (self->stack));
  self->stack = NULL;
  g_clear_object (&self->network);
  g_clear_object (&self->units);
  g_clear_pointer (&self->photo, kx_photo_unref);
  g_clear_pointer (&self->sight, kx_sight_unref);
  g_clear_pointer (&self->watched, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_photo_view_parent_class)->dispose (object);
}

static void
kx_photo_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean (value, KX_PHOTO_VIEW (object)->drawing);
}

static void
kx_photo_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxPhotoView *self = KX_PHOTO_VIEW (object);

  self->drawing = g_value_get_boolean (value);
  if (self->drawing)
    begin_sheet (self);
}

static void
kx_photo_view_class_init (KxPhotoViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = kx_photo_view_dispose;
  object_class->get_property = kx_photo_view_get_property;
  object_class->set_property = kx_photo_view_set_property;
  widget_class->map = kx_photo_view_map;
  props[PROP_DRAWING] = g_param_spec_boolean ("drawing", NULL, NULL, FALSE,
                                              G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
  signals[UNIT] = g_signal_new ("unit", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 1, KX_TYPE_NEURON);
  /**
   * KxPhotoView::unwatch:
   * @unit: is not to be watched any more
   */
  signals[UNWATCH] = g_signal_new ("unwatch", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, KX_TYPE_NEURON);
  signals[PICTURE] = g_signal_new ("picture", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
  g_type_ensure (KX_TYPE_CANVAS);
  g_type_ensure (KX_TYPE_CLASS_BARS);
  g_type_ensure (KX_TYPE_WRAP_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/photo-view.ui");
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, stack);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, sheet);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, canvas);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, dream);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, dream_label);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, keep_dream_button);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, hint);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, bars);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, watched_box);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, paint);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, restore);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, grey);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, radius);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, clear);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, maps_title);
  gtk_widget_class_bind_template_child (widget_class, KxPhotoView, maps);
  gtk_widget_class_bind_template_callback (widget_class, canvas_changed);
  gtk_widget_class_bind_template_callback (widget_class, stroke_ended);
  gtk_widget_class_bind_template_callback (widget_class, choose_brush);
  gtk_widget_class_bind_template_callback (widget_class, clear);
  gtk_widget_class_bind_template_callback (widget_class, keep_dream);
  gtk_widget_class_bind_template_callback (widget_class, leave_dream);
}

static void
kx_photo_view_init (KxPhotoView *self)
{
  self->watched = g_ptr_array_new_with_free_func (watched_free);
  gtk_widget_init_template (GTK_WIDGET (self));
  kx_tip_whole_text (self->dream_label);
  kx_tip_whole_text (self->maps_title);
  self->grid = KX_UNIT_GRID (kx_unit_grid_new (TRUE));
  g_object_set (self->grid, "size", 56, NULL);
  adw_bin_set_child (self->maps, GTK_WIDGET (self->grid));
  g_signal_connect_object (self->grid, "activate", G_CALLBACK (choose_unit), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->grid, "notify::unit", G_CALLBACK (note_unit), self,
                           G_CONNECT_SWAPPED);
  g_object_bind_property (gtk_range_get_adjustment (GTK_RANGE (self->radius)), "value",
                          self->canvas, "radius", G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  g_signal_connect_object (self->canvas, "notify::brush", G_CALLBACK (show_brush), self,
                           G_CONNECT_SWAPPED);
}
