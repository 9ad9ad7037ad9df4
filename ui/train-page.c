/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Watching and steering a network that learns. */

#include "train-page.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "chart/axis.h"
#include "dial.h"
#include "finder-button.h"
#include "import-job.h"
#include "presence.h"
#include "race-button.h"
#include "run-list.h"
#include "timeline-list.h"
#include "tiny-view.h"
#include "tip.h"
#include "train-charts.h"
#include "train-deeds.h"
#include "train-faults.h"
#include "train-files.h"
#include "train-tabs.h"
#include "window.h"

#define LEAST_TURN 1e-9      /* of a number, that is one */
#define WAIT_FOR_CONTROL 400 /* milliseconds after the last change of a number */

/* A number of the inspector that a control follows. */
typedef struct {
  KolControl control;
  GtkSpinButton *spin;
  GtkWidget *row;
  guint settle;         /* until it is applied */
  gconstpointer turned; /* the latest deed, while the engine may refuse it */
  gboolean asked;       /* the engine has not said yet whether it holds */
} Number;

enum {
  BATCH,
  MOMENTUM,
  DECAY,
  DROPOUT,
  N_NUMBERS,
};

struct _KxTrainPage {
  KxPage parent_instance;

  KxSession *session;        /* the window's */
  GSimpleActionGroup *group; /* "train": also the window's, whose header has some of its buttons */
  KxRun *run;                /* that is shown */
  gulong handlers[8];
  KxMark *checkpoint; /* that is selected */
  double before;      /* what the dial had before a gesture; NaN: that is no deed of its own */
  double factor;      /* on the schedule then; NaN: it was not followed */
  gboolean branching; /* by a turn of the dial */
  gboolean begun;     /* something was begun, or waits to be */
  gboolean showing;   /* numbers are being shown, not changed */
  gboolean stepping;  /* through the tiny network, while nothing learns */
  gboolean searching; /* for settings, likewise */
  gboolean looked;    /* the first look for devices is over */
  char *wanted;       /* a run's folder that waits for that */
  Number numbers[N_NUMBERS];

  GtkButton *start;
  AdwButtonContent *start_content;
  GtkStack *stack;
  GtkScrolledWindow *steps;
  KxTinyView *tiny; /* in it, from the first time on that it is asked for */
  AdwStatusPage *idle;
  GtkPaned *paned;
  KxTrainCharts *charts;
  KxTrainTabs *tabs;
  GtkRevealer *bar;
  GtkLabel *bar_text, *speed;
  GtkToggleButton *pin;
  KxDial *dial;
  KxRaceButton *race;
  KxFinderButton *finder;
  AdwComboRow *recipe, *data;
  AdwActionRow *new_row;
  GtkWidget *control_group;
  GtkWidget *batch_row, *momentum_row, *decay_row, *dropout_row;
  GtkSpinButton *batch, *momentum, *decay, *dropout;
  GtkWidget *timeline_group;
  KxTimelineList *timeline;
  KxRunList *runs;
};

G_DEFINE_FINAL_TYPE (KxTrainPage, kx_train_page, KX_TYPE_PAGE)

static void
allow (KxTrainPage *self, const char *name, gboolean allowed)
{
  GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self->group), name);

  g_simple_action_set_enabled (G_SIMPLE_ACTION (action), allowed);
}

/* ── What is shown ───────────────────────────────────────────────────────────────────────────── */

static void
show_caption (KxTrainPage *self)
{
  if (!self->run)
    {
      kx_page_set_caption (KX_PAGE (self), NULL);
      kx_page_set_subtitle (KX_PAGE (self), NULL);
      return;
    }
  KxSeries *accuracy = kx_run_get_validation_accuracy (self->run);
  gsize n = kx_series_get_length (accuracy);
  float latest = n ? kx_series_get_y (accuracy)[n - 1] : NAN;
  const char *recipe = kx_run_get_recipe (self->run);
  g_autofree char *step = g_strdup_printf (_ ("step %'" PRIu64), kx_run_get_step (self->run));
  g_autofree char *caption
      = isnan (latest) ? g_strdup (step) : g_strdup_printf (_ ("%s · %.1f %%"), step, 100 * latest);
  g_autofree char *subtitle = recipe
                                  ? g_strdup_printf ("%s, %s", recipe, kx_run_get_name (self->run))
                                  : g_strdup (kx_run_get_name (self->run));

  kx_page_set_caption (KX_PAGE (self),
                       kx_run_get_stage (self->run) ? kx_run_get_stage (self->run) : caption);
  kx_page_set_subtitle (KX_PAGE (self), subtitle);
}

static void
show_speed (KxTrainPage *self)
{
  double speed = self->run ? kx_run_get_speed (self->run) : NAN;
  gboolean learning = self->run && kx_run_get_state (self->run) == KX_RUN_LEARNING;
  g_autofree char *text = isnan (speed) || !learning
                              ? g_strdup ("")
                              : g_strdup_printf (_ ("%'.0f examples/s"), speed);

  gtk_label_set_label (self->speed, text);
}

static gboolean
has_data (KxTrainPage *self)
{
  return g_list_model_get_n_items (kx_session_get_data_sets (self->session)) > 0;
}

static void
show_page (KxTrainPage *self)
{
  const char *page = self->run || self->searching                             ? "run"
                     : self->looked && !kx_session_get_device (self->session) ? "no-device"
                     : self->stepping                                         ? "steps"
                     : !has_data (self)                                       ? "no-data"
                                                                              : "idle";

  gtk_stack_set_visible_child_name (self->stack, page);
  allow (self, "steps", kx_session_get_device (self->session) != NULL);
  allow (self, "search", kx_session_get_device (self->session) && has_data (self));
  if (self->tiny) /* it takes nothing of a device while it is not seen */
    kx_tiny_view_set_device (
        self->tiny, g_str_equal (page, "steps") ? kx_session_get_device (self->session) : NULL);
}

/* Whether what the run has come to is there to go on from. */
static gboolean
can_resume (KxTrainPage *self)
{
  KxRunState state = self->run ? kx_run_get_state (self->run) : KX_RUN_STARTING;
  const char *folder = self->run ? kx_run_get_folder (self->run) : NULL;

  return folder
         && (state == KX_RUN_STOPPED || (state == KX_RUN_FAILED && kx_session_can_resume (folder)));
}

/* What the first button of the header does, by what state the run is in. */
static void
show_transport (KxTrainPage *self)
{
  KxRunState state = self->run ? kx_run_get_state (self->run) : KX_RUN_STOPPED;
  gboolean learning = self->run && kx_run_is_running (self->run);
  gboolean resumable
      = can_resume (self)
        || (self->run && (state == KX_RUN_PAUSED || (state == KX_RUN_STARTING && !learning)));
  const char *label = learning ? _ ("Pause") : resumable ? _ ("Resume") : _ ("Start");
  gboolean ready = kx_session_get_device (self->session) && (self->run || has_data (self));

  adw_button_content_set_label (self->start_content, label);
  adw_button_content_set_icon_name (self->start_content, learning
                                                             ? "media-playback-pause-symbolic"
                                                             : "media-playback-start-symbolic");
  if (learning || !self->run)
    gtk_widget_remove_css_class (GTK_WIDGET (self->start), "suggested-action");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self->start), "suggested-action");
  allow (self, "toggle", ready);
  allow (self, "new", kx_session_get_device (self->session) && has_data (self));
  allow (self, "step",
         self->run && !kx_run_is_over (self->run) && !kx_run_follows_job (self->run)
             && state != KX_RUN_DONE);
  allow (self, "stop", self->run && !kx_run_is_over (self->run));
}

static void
show_number (KxTrainPage *self, guint which)
{
  Number *number = &self->numbers[which];
  double value = self->run ? kx_run_get (self->run, number->control) : NAN;
  double shown = which == DROPOUT ? 1 - value : value;

  gtk_widget_set_sensitive (number->row, !isnan (value));
  /* Setting it, even to what it is, would take away what is just being typed. */
  if (isnan (value) || number->settle || number->asked
      || fabs (gtk_spin_button_get_value (number->spin) - shown) < LEAST_TURN)
    return;
  self->showing = TRUE;
  gtk_spin_button_set_value (number->spin, shown);
  self->showing = FALSE;
}

static void
show_controls (KxTrainPage *self)
{
  double rate = self->run ? kx_run_get (self->run, KOL_CONTROL_RATE) : NAN;

  gtk_widget_set_sensitive (GTK_WIDGET (self->dial), rate > 0);
  kx_dial_set_value (self->dial, rate);
  kx_dial_set_factor (self->dial, rate > 0 ? kx_run_get (self->run, KOL_CONTROL_RATE_FACTOR) : 1);
  for (guint i = 0; i < N_NUMBERS; i++)
    show_number (self, i);
}

static void
take_metrics (KxTrainPage *self)
{
  show_caption (self);
  show_speed (self);
  show_controls (self);
}

/* ── Checkpoints ─────────────────────────────────────────────────────────────────────────────── */

/* Also when that was taken back. */
static void
show_pinned (KxTrainPage *self)
{
  gtk_toggle_button_set_active (self->pin, kx_mark_get_pinned (self->checkpoint));
}

static void
select_checkpoint (KxTrainPage *self, KxMark *mark)
{
  if (mark && kx_mark_get_kind (mark) != KX_MARK_CHECKPOINT)
    return;
  if (self->checkpoint)
    g_signal_handlers_disconnect_by_func (self->checkpoint, show_pinned, self);
  g_set_object (&self->checkpoint, mark);
  kx_train_charts_select (self->charts, mark);
  gtk_revealer_set_reveal_child (self->bar, mark != NULL);
  allow (self, "branch", mark != NULL);
  allow (self, "unselect", mark != NULL);
  if (!mark)
    return;
  guint64 step = kx_mark_get_step (mark);
  double loss = kx_mark_get_loss (mark);
  g_autofree char *value = kx_format_value (loss);
  g_autofree char *text = isnan (loss)
                              ? g_strdup_printf (_ ("Step %'" PRIu64), step)
                              : g_strdup_printf (_ ("Step %'" PRIu64 " · loss %s"), step, value);
  gtk_label_set_label (self->bar_text, text);
  g_signal_connect_object (mark, "notify::pinned", G_CALLBACK (show_pinned), self,
                           G_CONNECT_SWAPPED);
  show_pinned (self);
}

static void
pin (KxTrainPage *self)
{
  if (self->checkpoint)
    kx_train_pin (self->session, self->checkpoint, gtk_toggle_button_get_active (self->pin));
}

/* Begins another future at the selected checkpoint. */
static KxRun *
branch (KxTrainPage *self)
{
  g_autoptr (KxRun) parent = g_object_ref (self->run);
  g_autoptr (KxMark) checkpoint = g_object_ref (self->checkpoint);

  return kx_train_branch (self->session, parent, checkpoint);
}

static void
branch_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  branch (KX_TRAIN_PAGE (page));
}

static void
unselect_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  select_checkpoint (KX_TRAIN_PAGE (page), NULL);
}

/* The remedy of a divergence. */
static void
recover_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  KxTrainPage *self = KX_TRAIN_PAGE (page);

  kx_train_recover (self->session, self->run, g_variant_get_uint64 (target));
}

/* ── State ───────────────────────────────────────────────────────────────────────────────────── */

static void
show_state (KxTrainPage *self)
{
  show_page (self);
  show_transport (self);
  kx_train_show_fault (KX_PAGE (self), self->run, can_resume (self));
  for (guint i = 0; i < N_NUMBERS; i++)
    self->numbers[i].asked = FALSE; /* a run that has ended or gone back says nothing of it */
  take_metrics (self);
}

static Number *
find_number (KxTrainPage *self, guint control)
{
  for (guint i = 0; i < N_NUMBERS; i++)
    if (self->numbers[i].control == (KolControl) control)
      return &self->numbers[i];
  return NULL;
}

static void
take_control (KxTrainPage *self, guint control)
{
  Number *number = find_number (self, control);

  if (number)
    {
      number->turned = NULL; /* it holds */
      number->asked = FALSE;
    }
  show_controls (self);
}

/* What was asked for cannot be; what it would take is said, and the number goes back. */
static void
take_refusal (KxTrainPage *self, guint control, const char *text)
{
  Number *number = find_number (self, control);

  if (number && number->turned)
    kx_undo_withdraw (kx_session_get_undo (self->session), number->turned);
  if (number)
    {
      number->turned = NULL;
      number->asked = FALSE;
    }
  kx_page_show_fault (KX_PAGE (self), text, NULL, NULL, NULL);
  show_controls (self);
}

static void
take_note (KxTrainPage *self, const char *text)
{
  kx_session_toast (self->session, text, FALSE);
}

/* The recipe's rate; of a recipe that is not there any more, the rate as it is. */
static void
show_usual_rate (KxTrainPage *self)
{
  const char *name = kx_run_get_recipe (self->run);
  g_autoptr (KolRecipe) recipe = name ? kol_recipe_find (name, NULL) : NULL;
  const KolOptimizer *optimizer = recipe ? &kol_recipe_get_settings (recipe)->optimizer : NULL;
  double rate = !optimizer            ? kx_run_get (self->run, KOL_CONTROL_RATE)
                : optimizer->rate > 0 ? optimizer->rate
                                      : kol_optimizer_default_rate (optimizer->name);

  kx_dial_set_usual (self->dial, rate);
}

static void
become_ready (KxTrainPage *self)
{
  show_usual_rate (self);
  show_state (self);
}

/* ── Controls ────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxRun *run;
  KolControl control, back; /* what is turned again, and what is turned back */
  double from, to;
} Turned;

static void
turned_free (gpointer data)
{
  g_object_unref (((Turned *) data)->run);
  g_free (data);
}

static void
turn_back (gpointer data)
{
  Turned *turned = data;

  kx_run_set (turned->run, turned->back, turned->from);
}

static void
turn_again (gpointer data)
{
  Turned *turned = data;

  kx_run_set (turned->run, turned->control, turned->to);
}

/* A mark of the rate says but numbers, as it stands at the curve. */
static char *
title_of (KolControl control, KxMark *mark)
{
  return control == KOL_CONTROL_RATE
             ? g_strdup_printf (_ ("learning rate %s"), kx_mark_get_text (mark))
             : g_strdup (kx_mark_get_text (mark));
}

/* Notes what one gesture has changed. Returns: what the deed is known by. */
static gconstpointer
note_turn (KxTrainPage *self, KxRun *run, KolControl control, double from, double to)
{
  g_autoptr (KxMark) mark = kx_mark_new_control (control, 0, from, to);
  g_autofree char *title = title_of (control, mark);
  Turned *turned = g_new (Turned, 1);

  *turned = (Turned){ g_object_ref (run), control, control, from, to };
  if (control == KOL_CONTROL_RATE && !isnan (self->factor))
    {
      turned->back = KOL_CONTROL_RATE_FACTOR; /* it followed the schedule */
      turned->from = self->factor;
    }
  kx_undo_push (kx_session_get_undo (self->session), title, turn_back, turn_again, turned,
                turned_free);
  return turned;
}

/* That the rate follows the schedule again, and did not before. */
static void
note_reset (KxTrainPage *self, KxRun *run)
{
  g_autoptr (KxMark) mark = kx_mark_new_control (KOL_CONTROL_RATE_FACTOR, 0, NAN, 1);
  Turned *turned = g_new (Turned, 1);

  *turned = (Turned){ g_object_ref (run), KOL_CONTROL_RATE_FACTOR, KOL_CONTROL_RATE,
                      kx_run_get (run, KOL_CONTROL_RATE), 1 };
  kx_undo_push (kx_session_get_undo (self->session), kx_mark_get_text (mark), turn_back, turn_again,
                turned, turned_free);
}

/* A turn from a checkpoint is another future, whose deed is the branch. Returns: whether it is. */
static gboolean
branch_to_turn (KxTrainPage *self)
{
  if (!self->checkpoint)
    return FALSE;
  self->branching = TRUE;
  branch (self);
  self->branching = FALSE;
  return TRUE;
}

static void
begin_turn (KxTrainPage *self)
{
  kx_undo_begin (kx_session_get_undo (self->session));
  self->before = kx_run_get (self->run, KOL_CONTROL_RATE);
  self->factor = kx_run_get (self->run, KOL_CONTROL_RATE_FACTOR);
  if (branch_to_turn (self))
    self->before = NAN;
  kx_run_begin_gesture (self->run);
}

static void
turn_rate (KxTrainPage *self, double rate)
{
  kx_run_set (self->run, KOL_CONTROL_RATE, rate);
}

static void
end_turn (KxTrainPage *self)
{
  double now = kx_dial_get_value (self->dial);

  kx_run_end_gesture (self->run);
  if (!isnan (self->before) && now != self->before)
    note_turn (self, self->run, KOL_CONTROL_RATE, self->before, now);
  kx_undo_end (kx_session_get_undo (self->session));
}

/* What the finder has found. */
static void
use_rate (KxTrainPage *self, KxRun *run, double rate)
{
  self->factor = kx_run_get (run, KOL_CONTROL_RATE_FACTOR);
  note_turn (self, run, KOL_CONTROL_RATE, kx_run_get (run, KOL_CONTROL_RATE), rate);
  kx_run_set (run, KOL_CONTROL_RATE, rate);
}

static void
follow_schedule (KxTrainPage *self)
{
  double factor = kx_run_get (self->run, KOL_CONTROL_RATE_FACTOR);

  if (isnan (factor)) /* it was set by hand */
    note_reset (self, self->run);
  else
    note_turn (self, self->run, KOL_CONTROL_RATE_FACTOR, factor, 1);
  kx_run_set (self->run, KOL_CONTROL_RATE_FACTOR, 1);
}

/* ── Numbers of the inspector ────────────────────────────────────────────────────────────────── */

static gboolean
apply_number (KxTrainPage *self, guint which)
{
  Number *number = &self->numbers[which];
  double value = gtk_spin_button_get_value (number->spin);
  double to = which == DROPOUT ? 1 - value : value;
  double from = self->run ? kx_run_get (self->run, number->control) : NAN;

  number->settle = 0;
  if (!isnan (from) && fabs (to - from) >= LEAST_TURN)
    {
      gboolean branched = branch_to_turn (self);
      kx_page_clear_fault (KX_PAGE (self));
      number->asked = TRUE;
      kx_run_set (self->run, number->control, to);
      number->turned = branched ? NULL : note_turn (self, self->run, number->control, from, to);
    }
  kx_undo_end (kx_session_get_undo (self->session));
  return G_SOURCE_REMOVE;
}

/* A function for each, as a source and a signal have but one datum. */
#define NUMBER(name, which)                                                                        \
  static gboolean apply_##name (gpointer self) { return apply_number (self, which); }              \
  static void change_##name (KxTrainPage *self)                                                    \
  {                                                                                                \
    Number *number = &self->numbers[which];                                                        \
    if (self->showing)                                                                             \
      return;                                                                                      \
    if (!number->settle)                                                                           \
      kx_undo_begin (kx_session_get_undo (self->session));                                         \
    g_clear_handle_id (&number->settle, g_source_remove);                                          \
    number->settle = g_timeout_add (WAIT_FOR_CONTROL, apply_##name, self);                         \
  }
NUMBER (batch, BATCH)
NUMBER (momentum, MOMENTUM)
NUMBER (decay, DECAY)
NUMBER (dropout, DROPOUT)

static void
init_numbers (KxTrainPage *self)
{
  self->numbers[BATCH] = (Number){ KOL_CONTROL_BATCH, self->batch, self->batch_row };
  self->numbers[MOMENTUM] = (Number){ KOL_CONTROL_MOMENTUM, self->momentum, self->momentum_row };
  self->numbers[DECAY] = (Number){ KOL_CONTROL_WEIGHT_DECAY, self->decay, self->decay_row };
  self->numbers[DROPOUT] = (Number){ KOL_CONTROL_KEEP, self->dropout, self->dropout_row };
  g_signal_connect_swapped (self->batch, "value-changed", G_CALLBACK (change_batch), self);
  g_signal_connect_swapped (self->momentum, "value-changed", G_CALLBACK (change_momentum), self);
  g_signal_connect_swapped (self->decay, "value-changed", G_CALLBACK (change_decay), self);
  g_signal_connect_swapped (self->dropout, "value-changed", G_CALLBACK (change_dropout), self);
}

/* What is being turned is as it was meant. */
static void
finish_turns (KxTrainPage *self)
{
  if (!self->branching)
    kx_dial_finish (self->dial);
  for (guint i = 0; i < N_NUMBERS; i++)
    if (self->numbers[i].settle)
      {
        g_clear_handle_id (&self->numbers[i].settle, g_source_remove);
        apply_number (self, i);
      }
}

/* ── Runs ────────────────────────────────────────────────────────────────────────────────────── */

static char *
chosen_recipe (KxTrainPage *self)
{
  GtkStringObject *item = adw_combo_row_get_selected_item (self->recipe);

  return g_strdup (item ? gtk_string_object_get_string (item) : "digits");
}

static char *
chosen_data (KxTrainPage *self)
{
  GtkStringObject *item = adw_combo_row_get_selected_item (self->data);

  return item ? g_strdup (gtk_string_object_get_string (item)) : NULL;
}

static void
start_new (KxTrainPage *self)
{
  g_autofree char *recipe = chosen_recipe (self);
  g_autofree char *data = chosen_data (self);

  if (!data || !kx_session_get_device (self->session))
    return;
  if (self->run && kx_run_get_state (self->run) == KX_RUN_LEARNING)
    kx_run_control (self->run, KX_VERB_PAUSE);
  kx_session_start (self->session, recipe, data, 0);
}

/* Of what settings are searched: of that which a new run would be, too. */
static void
show_choice (KxTrainPage *self)
{
  g_autofree char *recipe = chosen_recipe (self);
  g_autofree char *data = chosen_data (self);

  kx_train_tabs_set_subject (self->tabs, recipe, data);
}

static void
new_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  start_new (KX_TRAIN_PAGE (page));
}

static void
toggle_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  KxTrainPage *self = KX_TRAIN_PAGE (page);
  KxRunState state = self->run ? kx_run_get_state (self->run) : KX_RUN_FAILED;

  switch (state)
    {
    case KX_RUN_STARTING:
    case KX_RUN_LEARNING:
      kx_run_control (self->run, kx_run_is_running (self->run) ? KX_VERB_PAUSE : KX_VERB_RUN);
      break;
    case KX_RUN_PAUSED:
      kx_run_control (self->run, KX_VERB_RUN);
      break;
    case KX_RUN_STOPPED:
    case KX_RUN_FAILED:
    case KX_RUN_DONE:
    case KX_RUN_DIVERGED:
    default:
      if (can_resume (self))
        kx_session_resume (self->session, kx_run_get_folder (self->run), FALSE);
      else
        start_new (self);
      break;
    }
}

static void
step_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  kx_run_control (KX_TRAIN_PAGE (page)->run, KX_VERB_STEP);
}

static void
stop_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  kx_run_control (KX_TRAIN_PAGE (page)->run, KX_VERB_STOP);
}

static void
look_again_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  kx_session_look_for_devices (KX_TRAIN_PAGE (page)->session);
}

/* ── Backpropagation without a run ───────────────────────────────────────────────────────────── */

static void
make_tiny (KxTrainPage *self)
{
  GtkWidget *back = gtk_button_new_with_label (_ ("Back"));

  gtk_actionable_set_action_name (GTK_ACTIONABLE (back), "train.leave-steps");
  self->tiny = KX_TINY_VIEW (kx_tiny_view_new (back));
  gtk_widget_set_margin_start (GTK_WIDGET (self->tiny), 18);
  gtk_widget_set_margin_end (GTK_WIDGET (self->tiny), 18);
  gtk_widget_set_margin_top (GTK_WIDGET (self->tiny), 18);
  gtk_widget_set_margin_bottom (GTK_WIDGET (self->tiny), 18);
  gtk_scrolled_window_set_child (self->steps, GTK_WIDGET (self->tiny));
}

static void
step_through (KxTrainPage *self, gboolean stepping)
{
  if (!self->tiny)
    make_tiny (self);
  self->stepping = stepping;
  show_page (self);
  gtk_widget_child_focus (GTK_WIDGET (self->stack), GTK_DIR_TAB_FORWARD);
}

static void
steps_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  step_through (KX_TRAIN_PAGE (page), TRUE);
}

static void
leave_steps_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  step_through (KX_TRAIN_PAGE (page), FALSE);
}

/* The tab with searches, without a run. */
static void
search_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  KxTrainPage *self = KX_TRAIN_PAGE (page);

  self->searching = TRUE;
  show_page (self);
  kx_train_tabs_show_search (self->tabs);
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

static void
choose_data (KxTrainPage *self, const char *path)
{
  GListModel *sets = kx_session_get_data_sets (self->session);

  kx_session_add_data_set (self->session, path);
  for (guint i = 0; i < g_list_model_get_n_items (sets); i++)
    if (g_str_equal (gtk_string_list_get_string (GTK_STRING_LIST (sets), i), path))
      adw_combo_row_set_selected (self->data, i);
}

/* Where a run has not ended, the next one has it. */
static void
use_data (KxTrainPage *self, const char *path)
{
  choose_data (self, path);
  if (!self->run || kx_run_is_over (self->run))
    {
      start_new (self);
      return;
    }
  g_autofree char *title = kx_data_set_title (path);
  g_autofree char *text = g_strdup_printf (_ ("The next run learns from %s"), title);
  kx_session_toast (self->session, text, FALSE);
}

static void
choose_folder (GtkFileChooserNative *chooser, int response, KxTrainPage *self)
{
  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
      g_autofree char *path = g_file_get_path (file);
      if (path)
        use_data (self, path);
    }
  g_object_unref (chooser);
}

static void
choose_data_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  GtkFileChooserNative *chooser
      = gtk_file_chooser_native_new (_ ("Choose Data"), GTK_WINDOW (gtk_widget_get_root (page)),
                                     GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("_Use"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (choose_folder), page, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
take_curves (const KxImported *imported, const GError *error, gpointer page)
{
  KxTrainPage *self = page;
  g_autoptr (GError) useless = NULL;

  if (imported && !kx_train_charts_compare (self->charts, imported, &useless))
    error = useless;
  if (error)
    kx_session_toast (self->session, error->message, FALSE);
}

static void
compare (KxTrainPage *self, const char *path)
{
  kx_import_begin (self->session, path, take_curves, G_OBJECT (self));
}

static void
choose_log (GtkFileChooserNative *chooser, int response, KxTrainPage *self)
{
  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
      g_autofree char *path = g_file_get_path (file);
      if (path)
        compare (self, path);
    }
  g_object_unref (chooser);
}

static void
compare_action (GSimpleAction *action, GVariant *target, gpointer page)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Compare With a Log"), GTK_WINDOW (gtk_widget_get_root (page)),
      GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Compare"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (choose_log), page, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/* Files that the application is started with come before the devices are known. */
static void
open_run (KxTrainPage *self, const char *folder)
{
  if (kx_session_get_device (self->session))
    kx_session_resume (self->session, folder, TRUE);
  else
    {
      g_free (self->wanted);
      self->wanted = g_strdup (folder);
    }
}

static const char *
verb (KxPage *page, GListModel *files)
{
  g_autofree char *path = NULL;

  return kx_train_files_get_verb (kx_train_files_look (files, &path));
}

static gboolean
drop (KxPage *page, GListModel *files)
{
  KxTrainPage *self = KX_TRAIN_PAGE (page);
  g_autofree char *path = NULL;

  switch (kx_train_files_look (files, &path))
    {
    case KX_TRAIN_FILES_RUN:
      open_run (self, path);
      return TRUE;
    case KX_TRAIN_FILES_LOG:
      compare (self, path);
      return TRUE;
    case KX_TRAIN_FILES_DATA:
      choose_data (self, path);
      start_new (self);
      return TRUE;
    case KX_TRAIN_FILES_NOTHING:
    default:
      return FALSE;
    }
}

static void
save (KxPage *page)
{
  KxTrainPage *self = KX_TRAIN_PAGE (page);

  if (!self->run || !kx_run_save (self->run))
    kx_session_toast (self->session, _ ("There is nothing to save"), FALSE);
}

static void export(KxPage *page) { kx_train_charts_export (KX_TRAIN_PAGE (page)->charts); }

/* ── Beginning ───────────────────────────────────────────────────────────────────────────────── */

static void
show_run (KxTrainPage *self)
{
  KxRun *run = kx_session_get_run (self->session);

  finish_turns (self); /* they are of the run that was in sight */
  if (self->run)
    for (guint i = 0; i < G_N_ELEMENTS (self->handlers); i++)
      g_clear_signal_handler (&self->handlers[i], self->run);
  select_checkpoint (self, NULL);
  g_set_object (&self->run, run);
  kx_timeline_list_set_run (self->timeline, run);
  adw_action_row_set_subtitle (self->new_row, run ? _ ("The old one stays below") : "");
  gtk_widget_set_visible (self->control_group, run != NULL);
  gtk_widget_set_visible (self->timeline_group, run != NULL);
  kx_train_tabs_set_run (self->tabs, run);
  kx_race_button_set_run (self->race, run);
  kx_finder_button_set_run (self->finder, run);
  kx_train_charts_set_run (self->charts, run);
  if (run)
    {
      guint n = 0;
      self->handlers[n++]
          = g_signal_connect_swapped (run, "notify::state", G_CALLBACK (show_state), self);
      self->handlers[n++]
          = g_signal_connect_swapped (run, "notify::stage", G_CALLBACK (show_caption), self);
      self->handlers[n++]
          = g_signal_connect_swapped (run, "metrics", G_CALLBACK (take_metrics), self);
      self->handlers[n++]
          = g_signal_connect_swapped (run, "control", G_CALLBACK (take_control), self);
      self->handlers[n++]
          = g_signal_connect_swapped (run, "rewound", G_CALLBACK (show_state), self);
      self->handlers[n++]
          = g_signal_connect_swapped (run, "refused", G_CALLBACK (take_refusal), self);
      self->handlers[n++] = g_signal_connect_swapped (run, "note", G_CALLBACK (take_note), self);
      self->handlers[n++]
          = g_signal_connect_swapped (run, "ready", G_CALLBACK (become_ready), self);
      if (kx_run_has_trainer (run))
        show_usual_rate (self);
    }
  show_state (self);
}

/* The first start trains at once; later ones offer to go on. */
static void
begin (KxTrainPage *self)
{
  GSettings *settings = kx_session_get_settings (self->session);
  g_autofree char *folder = g_settings_get_string (settings, "run");

  if (self->run || self->begun || !kx_session_get_device (self->session))
    return;
  self->begun = TRUE;
  if (self->wanted)
    kx_session_resume (self->session, self->wanted, TRUE);
  else if (*folder && kx_session_can_resume (folder))
    kx_session_resume (self->session, folder, TRUE);
  else if (g_settings_get_boolean (settings, "begin-training"))
    start_new (self);
}

static void
take_devices (KxTrainPage *self)
{
  gboolean looked;

  g_object_get (self->session, "looked", &looked, NULL);
  if (looked)
    {
      self->looked = TRUE;
      begin (self);
    }
  show_state (self);
}

static char *
data_title (GtkStringObject *item)
{
  return item ? kx_data_set_title (gtk_string_object_get_string (item)) : NULL;
}

static void
select_text (AdwComboRow *row, const char *text)
{
  GListModel *model = adw_combo_row_get_model (row);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (GtkStringObject) item = g_list_model_get_item (model, i);

      if (g_strcmp0 (gtk_string_object_get_string (item), text) == 0)
        adw_combo_row_set_selected (row, i);
    }
}

static void
fill_choices (KxTrainPage *self)
{
  GSettings *settings = kx_session_get_settings (self->session);
  g_auto (GStrv) recipes = kol_recipe_list ();
  g_autofree char *recipe = g_settings_get_string (settings, "recipe");
  g_autofree char *data = g_settings_get_string (settings, "data");
  g_autoptr (GtkStringList) list = gtk_string_list_new ((const char *const *) recipes);
  g_autoptr (GtkExpression) title = gtk_cclosure_expression_new (
      G_TYPE_STRING, NULL, 0, NULL, G_CALLBACK (data_title), NULL, NULL);

  adw_combo_row_set_model (self->recipe, G_LIST_MODEL (list));
  adw_combo_row_set_expression (self->data, title);
  adw_combo_row_set_model (self->data, kx_session_get_data_sets (self->session));
  select_text (self->recipe, recipe);
  select_text (self->data, data);
}

static void
attach (KxPage *page, KxSession *session)
{
  KxTrainPage *self = KX_TRAIN_PAGE (page);

  self->session = session;
  gtk_widget_insert_action_group (GTK_WIDGET (gtk_widget_get_root (GTK_WIDGET (self))), "train",
                                  G_ACTION_GROUP (self->group));
  kx_train_tabs_set_session (self->tabs, session);
  fill_choices (self);
  show_choice (self);
  kx_run_list_set_session (self->runs, session);
  kx_train_charts_set_session (self->charts, session, self->runs);
  kx_race_button_set_session (self->race, session);
  g_signal_connect_object (session, "notify::run", G_CALLBACK (show_run), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (kx_session_get_undo (session), "finish", G_CALLBACK (finish_turns), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::looked", G_CALLBACK (take_devices), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::device", G_CALLBACK (show_state), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (kx_session_get_data_sets (session), "items-changed",
                           G_CALLBACK (show_state), self, G_CONNECT_SWAPPED);
  show_run (self);
}

static void
kx_train_page_dispose (GObject *object)
{
  KxTrainPage *self = KX_TRAIN_PAGE (object);

  for (guint i = 0; i < N_NUMBERS; i++)
    g_clear_handle_id (&self->numbers[i].settle, g_source_remove);
  if (self->run)
    for (guint i = 0; i < G_N_ELEMENTS (self->handlers); i++)
      g_clear_signal_handler (&self->handlers[i], self->run);
  g_clear_object (&self->run);
  g_clear_object (&self->checkpoint);
  g_clear_object (&self->group);
  g_clear_pointer (&self->wanted, g_free);
  G_OBJECT_CLASS (kx_train_page_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, start);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, start_content);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, stack);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, steps);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, idle);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, paned);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, charts);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, tabs);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, bar);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, bar_text);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, speed);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, pin);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, dial);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, race);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, finder);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, recipe);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, data);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, new_row);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, control_group);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, batch_row);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, momentum_row);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, decay_row);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, dropout_row);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, batch);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, momentum);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, decay);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, dropout);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, timeline);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, timeline_group);
  gtk_widget_class_bind_template_child (widget_class, KxTrainPage, runs);
}

static void
kx_train_page_class_init (KxTrainPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_train_page_dispose;
  KX_PAGE_CLASS (klass)->attach = attach;
  KX_PAGE_CLASS (klass)->drop = drop;
  KX_PAGE_CLASS (klass)->verb = verb;
  KX_PAGE_CLASS (klass)->save = save;
  KX_PAGE_CLASS (klass)->export = export;
  g_type_ensure (KX_TYPE_DIAL);
  g_type_ensure (KX_TYPE_FINDER_BUTTON);
  g_type_ensure (KX_TYPE_RACE_BUTTON);
  g_type_ensure (KX_TYPE_RUN_LIST);
  g_type_ensure (KX_TYPE_TIMELINE_LIST);
  g_type_ensure (KX_TYPE_TRAIN_CHARTS);
  g_type_ensure (KX_TYPE_TRAIN_TABS);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/train-page.ui");
  bind_children (widget_class);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "train.unselect", NULL);
}

static void
kx_train_page_init (KxTrainPage *self)
{
  static const GActionEntry actions[] = {
    { "toggle", toggle_action },
    { "step", step_action },
    { "stop", stop_action },
    { "new", new_action },
    { "branch", branch_action },
    { "unselect", unselect_action },
    { "recover", recover_action, "t" },
    { "choose-data", choose_data_action },
    { "compare", compare_action },
    { "look-again", look_again_action },
    { "steps", steps_action },
    { "leave-steps", leave_steps_action },
    { "search", search_action },
  };

  self->group = g_simple_action_group_new ();
  g_action_map_add_action_entries (G_ACTION_MAP (self->group), actions, G_N_ELEMENTS (actions),
                                   self);
  gtk_widget_init_template (GTK_WIDGET (self));
  for (GtkWidget *page = gtk_widget_get_first_child (GTK_WIDGET (self->stack)); page;
       page = gtk_widget_get_next_sibling (page))
    kx_presence_follow (page);
  kx_tip_whole_text (self->bar_text);
  init_numbers (self);
  g_signal_connect_swapped (self->dial, "begin", G_CALLBACK (begin_turn), self);
  g_signal_connect_swapped (self->dial, "changed", G_CALLBACK (turn_rate), self);
  g_signal_connect_swapped (self->dial, "end", G_CALLBACK (end_turn), self);
  g_signal_connect_swapped (self->dial, "reset", G_CALLBACK (follow_schedule), self);
  g_signal_connect_swapped (self->finder, "use", G_CALLBACK (use_rate), self);
  g_signal_connect_swapped (self->recipe, "notify::selected-item", G_CALLBACK (show_choice), self);
  g_signal_connect_swapped (self->data, "notify::selected-item", G_CALLBACK (show_choice), self);
  g_signal_connect_swapped (self->pin, "toggled", G_CALLBACK (pin), self);
  g_signal_connect_swapped (self->timeline, "chosen", G_CALLBACK (select_checkpoint), self);
  g_signal_connect_swapped (self->charts, "checkpoint", G_CALLBACK (select_checkpoint), self);
}
