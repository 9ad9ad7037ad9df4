/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The learning rate. The scale is over log10 of it, with detents at 1, 2 and 5 of each decade,
 * which are thirds of a decade to within a hundredth; a drag snaps to them. Values go out at most
 * 20 times a second, the last one always.
 */

#include "dial.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "mark.h"

#define LOWEST -6 /* of log10 (rate) */
#define HIGHEST 0
#define LABELS_WIDTH 240 /* pixels that all labels of the scale may take */
#define DECADES 7        /* labels that the scale has room for... */
#define FEW_DECADES 4    /* ...and as many such as "1e18" */
#define SNAP 6           /* pixels */
#define PERIOD 50        /* milliseconds between two values */
#define GESTURE 700      /* milliseconds without a change after which keys have done */

struct _KxDial {
  AdwBin parent_instance;

  double value, told; /* told: the latest that went out */
  double usual;       /* what a double click brings */
  gboolean setting;   /* the scale is being set, not moved */
  gboolean gesture;   /* one is under way */
  gboolean dragging;
  double pointer;     /* where it was last in a drag, as a logarithm; NaN: not yet */
  guint32 pressed_at; /* the time of the last press, and its place in pixels; 0: none that counts */
  double pressed_x;
  guint throttle, settle;

  GtkEntry *entry;
  char *entered; /* what stands there unless somebody types */
  GtkScale *scale;
  GtkButton *chip;
  GtkLabel *chip_text; /* in it; cut where it is longer than the name above it */
};

G_DEFINE_FINAL_TYPE (KxDial, kx_dial, ADW_TYPE_BIN)

enum {
  BEGIN,
  CHANGED,
  END,
  RESET,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── Numbers ─────────────────────────────────────────────────────────────────────────────────── */

/* With the point or the locale's decimal sign; NaN: it is no number. */
static double
read_number (const char *text)
{
  const char *sign = localeconv ()->decimal_point, *place = strstr (text, sign);
  g_autofree char *plain
      = place ? g_strdup_printf ("%.*s.%s", (int) (place - text), text, place + strlen (sign))
              : g_strdup (text);
  char *end;
  double number = g_ascii_strtod (plain, &end);

  return end == plain || *end ? NAN : number;
}

/**
 * kx_dial_read:
 * @text: "3e-4", "x0.5", "*2" or "/10", with the point or the locale's decimal sign
 * @now: what the last three change
 * @value: (out): the rate
 *
 * Returns: whether the text is a rate: a finite number above 0
 */
gboolean
kx_dial_read (const char *text, double now, double *value)
{
  g_autofree char *trimmed = g_strstrip (g_strdup (text));
  gboolean times
      = g_str_has_prefix (trimmed, "x") || *trimmed == '*' || g_str_has_prefix (trimmed, "×");
  gboolean by = *trimmed == '/';
  const char *number = times || by ? g_utf8_next_char (trimmed) : trimmed;
  double read = read_number (number);

  if (!(read > 0) || !isfinite (read))
    return FALSE;
  read = times ? now * read : by ? now / read : read;
  if (!(read > 0) || !isfinite (read) || (float) read == 0)
    return FALSE;
  *value = read;
  return TRUE;
}

/* The detent nearest to a logarithm. */
static double
nearest_detent (double logarithm)
{
  double decade = floor (logarithm + 1e-9), best = decade, least = HUGE_VAL;
  const double places[] = { 0, log10 (2), log10 (5), 1 };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (fabs (logarithm - decade - places[i]) < least)
      {
        least = fabs (logarithm - decade - places[i]);
        best = decade + places[i];
      }
  return best;
}

/* The detent beyond a logarithm, upwards or downwards. */
static double
next_detent (double logarithm, int direction)
{
  for (double step = 0.02; step < 1; step += 0.02)
    {
      double detent = nearest_detent (logarithm + direction * step);
      if (direction * (detent - logarithm) > 1e-6)
        return detent;
    }
  return logarithm + direction / 3.0;
}

/* ── Telling ─────────────────────────────────────────────────────────────────────────────────── */

static void
tell (KxDial *self)
{
  if (self->told == self->value)
    return;
  self->told = self->value;
  g_signal_emit (self, signals[CHANGED], 0, self->value);
}

static gboolean
tell_later (gpointer data)
{
  KxDial *self = data;

  self->throttle = 0;
  tell (self);
  return G_SOURCE_REMOVE;
}

static void
begin (KxDial *self)
{
  if (self->gesture)
    return;
  self->gesture = TRUE;
  g_signal_emit (self, signals[BEGIN], 0);
}

static void
finish (KxDial *self)
{
  if (!self->gesture)
    return;
  g_clear_handle_id (&self->throttle, g_source_remove);
  g_clear_handle_id (&self->settle, g_source_remove);
  tell (self);
  self->gesture = FALSE;
  g_signal_emit (self, signals[END], 0);
}

static gboolean
settle (gpointer data)
{
  KxDial *self = data;

  self->settle = 0;
  if (!self->dragging)
    finish (self);
  return G_SOURCE_REMOVE;
}

/* ── Showing ─────────────────────────────────────────────────────────────────────────────────── */

static void
show_entry (KxDial *self)
{
  g_autofree char *text = kx_format_rate (self->value);

  gtk_editable_set_text (GTK_EDITABLE (self->entry), text);
  gtk_widget_remove_css_class (GTK_WIDGET (self->entry), "error");
  g_free (self->entered);
  self->entered = g_steal_pointer (&text);
}

/* With large text only every n-th of so many labels has room. */
static int
find_labelled (KxDial *self, int labels)
{
  g_autoptr (PangoLayout) layout
      = gtk_widget_create_pango_layout (GTK_WIDGET (self->scale), "1e-6");
  int width;

  pango_layout_get_pixel_size (layout, &width, NULL);
  return MAX ((labels * width + LABELS_WIDTH - 1) / LABELS_WIDTH, 1);
}

/* Where there are many decades only every n-th has a mark, and none of them has detents. */
static void
mark_detents (KxDial *self, int lowest, int highest)
{
  int labelled = find_labelled (self, MIN (highest - lowest + 1, DECADES + 1));
  int every = (highest - lowest + DECADES - 1) / DECADES;

  if (every > 1) /* their labels are longer, too */
    every = (highest - lowest + FEW_DECADES - 1) / FEW_DECADES;
  gtk_scale_clear_marks (self->scale);
  for (int decade = lowest; decade <= highest; decade++)
    {
      g_autofree char *label = g_strdup_printf ("1e%d", decade);

      if (decade % every == 0)
        gtk_scale_add_mark (self->scale, decade, GTK_POS_BOTTOM,
                            decade / every % labelled != 0 ? NULL
                            : decade == 0                  ? "1"
                                                           : label);
      if (decade == highest || every > 1)
        continue;
      gtk_scale_add_mark (self->scale, decade + log10 (2), GTK_POS_BOTTOM, NULL);
      gtk_scale_add_mark (self->scale, decade + log10 (5), GTK_POS_BOTTOM, NULL);
    }
}

static void
show_scale (KxDial *self)
{
  GtkAdjustment *adjustment = gtk_range_get_adjustment (GTK_RANGE (self->scale));
  double logarithm = log10 (self->value);
  g_autofree char *text = g_strdup_printf ("%.6g", self->value);

  double lower = MIN (LOWEST, floor (logarithm)), upper = MAX (HIGHEST, ceil (logarithm));

  if (self->dragging) /* what is under the pointer stays there */
    {
      lower = MIN (lower, gtk_adjustment_get_lower (adjustment));
      upper = MAX (upper, gtk_adjustment_get_upper (adjustment));
    }
  self->setting = TRUE;
  if (lower != gtk_adjustment_get_lower (adjustment)
      || upper != gtk_adjustment_get_upper (adjustment))
    mark_detents (self, (int) lower, (int) upper);
  gtk_adjustment_set_lower (adjustment, lower);
  gtk_adjustment_set_upper (adjustment, upper);
  gtk_adjustment_set_value (adjustment, logarithm);
  self->setting = FALSE;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT,
                                  text, -1);
}

/* A person has turned it. */
static void
turn (KxDial *self, double value)
{
  begin (self);
  self->value = value;
  show_entry (self);
  show_scale (self);
  if (!self->throttle)
    self->throttle = g_timeout_add (PERIOD, tell_later, self);
  g_clear_handle_id (&self->settle, g_source_remove);
  self->settle = g_timeout_add (GESTURE, settle, self);
}

static double
pixels_per_decade (KxDial *self)
{
  GtkAdjustment *adjustment = gtk_range_get_adjustment (GTK_RANGE (self->scale));
  double decades = gtk_adjustment_get_upper (adjustment) - gtk_adjustment_get_lower (adjustment);

  return gtk_widget_get_width (GTK_WIDGET (self->scale)) / decades;
}

static gboolean
shift_is_pressed (KxDial *self)
{
  GdkDisplay *display = gtk_widget_get_display (GTK_WIDGET (self));
  GdkDevice *keyboard = gdk_seat_get_keyboard (gdk_display_get_default_seat (display));

  return keyboard && (gdk_device_get_modifier_state (keyboard) & GDK_SHIFT_MASK);
}

/* Where a drag to @to leads: with Shift a tenth as far as the pointer went, else to a near detent.
 */
static double
drag_to (KxDial *self, double to, gboolean fine)
{
  double now = log10 (self->value), before = self->pointer;

  self->pointer = to;
  if (fine)
    return isnan (before) ? now : now + (to - before) / 10;
  return fabs (nearest_detent (to) - to) * pixels_per_decade (self) < SNAP ? nearest_detent (to)
                                                                           : to;
}

/* To a logarithm, or the end of the scale. */
static void
turn_to (KxDial *self, double logarithm)
{
  GtkAdjustment *adjustment = gtk_range_get_adjustment (GTK_RANGE (self->scale));

  turn (self, pow (10, CLAMP (logarithm, gtk_adjustment_get_lower (adjustment),
                              gtk_adjustment_get_upper (adjustment))));
}

/* The scale has been moved: by a drag, which snaps, by its keys or by a program. */
static gboolean
change_value (KxDial *self, GtkScrollType scroll, double to)
{
  double now = log10 (self->value);

  switch (scroll)
    {
    case GTK_SCROLL_STEP_BACKWARD:
    case GTK_SCROLL_STEP_LEFT:
    case GTK_SCROLL_STEP_DOWN:
      to = next_detent (now, -1);
      break;
    case GTK_SCROLL_STEP_FORWARD:
    case GTK_SCROLL_STEP_RIGHT:
    case GTK_SCROLL_STEP_UP:
      to = next_detent (now, 1);
      break;
    case GTK_SCROLL_PAGE_BACKWARD:
    case GTK_SCROLL_PAGE_LEFT:
    case GTK_SCROLL_PAGE_DOWN:
      to = now - 1;
      break;
    case GTK_SCROLL_PAGE_FORWARD:
    case GTK_SCROLL_PAGE_RIGHT:
    case GTK_SCROLL_PAGE_UP:
      to = now + 1;
      break;
    default:
      to = drag_to (self, to, shift_is_pressed (self));
      break;
    }
  turn_to (self, to);
  return TRUE;
}

/* A program sets the adjustment alone. */
static void
value_changed (KxDial *self)
{
  GtkAdjustment *adjustment = gtk_range_get_adjustment (GTK_RANGE (self->scale));

  if (!self->setting)
    turn (self, pow (10, gtk_adjustment_get_value (adjustment)));
}

static void
apply_entry (KxDial *self)
{
  double value;

  if (!kx_dial_read (gtk_editable_get_text (GTK_EDITABLE (self->entry)), self->value, &value))
    {
      gtk_widget_add_css_class (GTK_WIDGET (self->entry), "error");
      return;
    }
  turn (self, value);
  finish (self);
}

/* What was typed holds, or it is gone. */
static void
leave_entry (KxDial *self)
{
  const char *typed = gtk_editable_get_text (GTK_EDITABLE (self->entry));
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  double value;

  if (!root || gtk_widget_in_destruction (GTK_WIDGET (root)))
    return;
  if (!g_str_equal (typed, self->entered) && kx_dial_read (typed, self->value, &value))
    apply_entry (self);
  else
    show_entry (self);
}

static gboolean
press_key_in_entry (KxDial *self, guint key)
{
  if (key != GDK_KEY_Escape)
    return FALSE;
  show_entry (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->scale));
  return TRUE;
}

/* A digit begins the entry. Arrows with Shift, for which the scale has no binding, turn it by 1 %.
 */
static gboolean
press_key_on_scale (KxDial *self, guint key, guint code, GdkModifierType state)
{
  gunichar character = gdk_keyval_to_unicode (key);
  gboolean mirrored = gtk_widget_get_direction (GTK_WIDGET (self->scale)) == GTK_TEXT_DIR_RTL;
  const double less = 0.99, more = 1.01;

  if (state & GDK_SHIFT_MASK)
    switch (key)
      {
      case GDK_KEY_Left:
      case GDK_KEY_KP_Left:
        turn_to (self, log10 ((mirrored ? more : less) * self->value));
        return TRUE;
      case GDK_KEY_Right:
      case GDK_KEY_KP_Right:
        turn_to (self, log10 ((mirrored ? less : more) * self->value));
        return TRUE;
      case GDK_KEY_Down:
      case GDK_KEY_KP_Down:
        turn_to (self, log10 (less * self->value));
        return TRUE;
      case GDK_KEY_Up:
      case GDK_KEY_KP_Up:
        turn_to (self, log10 (more * self->value));
        return TRUE;
      default:
        break;
      }
  if (!g_unichar_isdigit (character) && character != 'x' && character != '/')
    return FALSE;
  char text[7] = "";
  g_unichar_to_utf8 (character, text);
  gtk_editable_set_text (GTK_EDITABLE (self->entry), text);
  gtk_entry_grab_focus_without_selecting (self->entry);
  gtk_editable_set_position (GTK_EDITABLE (self->entry), -1);
  return TRUE;
}

static void
reset (KxDial *self)
{
  g_signal_emit (self, signals[RESET], 0);
}

/* ── Pointer ─────────────────────────────────────────────────────────────────────────────────── */

/* The second of two presses. The scale's own gesture takes each press, after which no other counts.
 */
static gboolean
is_second_press (KxDial *self, GdkEvent *event)
{
  guint32 before = self->pressed_at, now = gdk_event_get_time (event);
  double x, y, far;
  int within, nearby;

  g_object_get (gtk_widget_get_settings (GTK_WIDGET (self)), "gtk-double-click-time", &within,
                "gtk-double-click-distance", &nearby, NULL);
  gdk_event_get_position (event, &x, &y);
  far = fabs (x - self->pressed_x);
  self->pressed_at = now;
  self->pressed_x = x;
  if (!before || now - before > (guint32) within || far > nearby)
    return FALSE;
  self->pressed_at = 0;
  return TRUE;
}

/* Whether the scale is not to see it. */
static gboolean
press (KxDial *self, GdkEvent *event)
{
  if (is_second_press (self, event) && self->usual > 0)
    {
      turn (self, self->usual);
      finish (self);
      return TRUE;
    }
  self->dragging = TRUE;
  self->pointer = NAN;
  return FALSE;
}

static void
release (KxDial *self)
{
  self->dragging = FALSE;
  finish (self);
}

static gboolean
notice_pointer (KxDial *self, GdkEvent *event)
{
  switch ((int) gdk_event_get_event_type (event))
    {
    case GDK_BUTTON_PRESS:
    case GDK_TOUCH_BEGIN:
      return press (self, event);
    case GDK_BUTTON_RELEASE:
    case GDK_TOUCH_END:
    case GDK_TOUCH_CANCEL:
      if (self->dragging)
        release (self);
      return FALSE;
    default:
      return FALSE;
    }
}

/* ── Class ───────────────────────────────────────────────────────────────────────────────────── */

static void
kx_dial_dispose (GObject *object)
{
  KxDial *self = KX_DIAL (object);

  g_clear_handle_id (&self->throttle, g_source_remove);
  g_clear_handle_id (&self->settle, g_source_remove);
  G_OBJECT_CLASS (kx_dial_parent_class)->dispose (object);
}

static void
kx_dial_finalize (GObject *object)
{
  g_free (KX_DIAL (object)->entered);
  G_OBJECT_CLASS (kx_dial_parent_class)->finalize (object);
}

static void
kx_dial_class_init (KxDialClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_dial_dispose;
  G_OBJECT_CLASS (klass)->finalize = kx_dial_finalize;
  /** KxDial::begin: a gesture begins. */
  signals[BEGIN]
      = g_signal_new ("begin", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /** KxDial::changed: the rate is @value. */
  signals[CHANGED] = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_DOUBLE);
  /** KxDial::end: the gesture is over, and its last value told. */
  signals[END] = g_signal_new ("end", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /** KxDial::reset: the schedule alone is wanted. */
  signals[RESET]
      = g_signal_new ("reset", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/dial.ui");
  gtk_widget_class_bind_template_child (widget_class, KxDial, entry);
  gtk_widget_class_bind_template_child (widget_class, KxDial, scale);
  gtk_widget_class_bind_template_child (widget_class, KxDial, chip);
  gtk_widget_class_bind_template_child (widget_class, KxDial, chip_text);
  gtk_widget_class_bind_template_callback (widget_class, apply_entry);
  gtk_widget_class_bind_template_callback (widget_class, reset);
}

static void
watch_keys (KxDial *self, gpointer widget, GCallback callback)
{
  GtkEventController *keys = gtk_event_controller_key_new ();

  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", callback, self);
  gtk_widget_add_controller (widget, keys);
}

static void
kx_dial_init (KxDial *self)
{
  GtkAdjustment *adjustment = gtk_adjustment_new (-3, LOWEST, HIGHEST, 1 / 3.0, 1, 0);
  GtkEventController *pointer = gtk_event_controller_legacy_new (),
                     *focus = gtk_event_controller_focus_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  self->value = self->told = 1e-3;
  gtk_range_set_adjustment (GTK_RANGE (self->scale), adjustment);
  mark_detents (self, LOWEST, HIGHEST);
  g_signal_connect_swapped (self->scale, "change-value", G_CALLBACK (change_value), self);
  g_signal_connect_swapped (adjustment, "value-changed", G_CALLBACK (value_changed), self);
  watch_keys (self, self->scale, G_CALLBACK (press_key_on_scale));
  watch_keys (self, self->entry, G_CALLBACK (press_key_in_entry));
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (leave_entry), self);
  gtk_widget_add_controller (GTK_WIDGET (self->entry), focus);
  /* The scale's own gesture takes what the pointer does, which is only seen by who looks before. */
  gtk_event_controller_set_propagation_phase (pointer, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (pointer, "event", G_CALLBACK (notice_pointer), self);
  gtk_widget_add_controller (GTK_WIDGET (self->scale), pointer);
  show_entry (self);
  show_scale (self);
}

/**
 * kx_dial_finish:
 * @dial: a dial
 *
 * Ends the gesture that is under way, if one is.
 */
void
kx_dial_finish (KxDial *self)
{
  finish (self);
}

double
kx_dial_get_value (KxDial *self)
{
  return self->value;
}

/**
 * kx_dial_set_value:
 * @dial: a dial
 * @value: the rate as it is; nothing is told, and while a person turns it nothing is changed
 */
void
kx_dial_set_value (KxDial *self, double value)
{
  if (self->gesture || self->value == value || !(value > 0))
    return;
  self->value = self->told = value;
  show_scale (self);
  if (!gtk_widget_has_focus (GTK_WIDGET (gtk_editable_get_delegate (GTK_EDITABLE (self->entry)))))
    show_entry (self);
}

/**
 * kx_dial_set_usual:
 * @dial: a dial
 * @value: what a double click sets it to: the recipe's rate
 */
void
kx_dial_set_usual (KxDial *self, double value)
{
  self->usual = value;
}

static void
show_chip (KxDial *self, const char *text)
{
  if (g_str_equal (gtk_label_get_label (self->chip_text), text))
    return;
  gtk_label_set_label (self->chip_text, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->chip), GTK_ACCESSIBLE_PROPERTY_LABEL, text,
                                  -1);
  g_autofree char *tip = g_strdup_printf (_ ("%s: follow the schedule again"), text);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->chip), tip);
}

/**
 * kx_dial_set_factor:
 * @dial: a dial
 * @factor: what the schedule's rate is multiplied by; 1: nothing is to be said of that; NaN: the
 *   rate does not follow it
 */
void
kx_dial_set_factor (KxDial *self, double factor)
{
  gtk_widget_set_visible (GTK_WIDGET (self->chip), factor != 1);
  if (isnan (factor))
    show_chip (self, _ ("set by hand"));
  else if (factor != 1)
    {
      g_autofree char *number = kx_format_rate (factor);
      g_autofree char *text = g_strdup_printf (_ ("schedule × %s"), number);
      show_chip (self, text);
    }
}
