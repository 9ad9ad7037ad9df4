/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A race: branches from where the run stands, each with a rate of its own, for so many steps. Like
 * all branches of a run they advance by equal steps. The run itself pauses meanwhile.
 */

#include "race-button.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "chart/axis.h"
#include "dial.h"
#include "train-deeds.h"

#define MOST 6    /* lanes: as many as there are colours, but for the run itself */
#define LATEST 20 /* losses whose mean is compared */

struct _KxRaceButton {
  AdwBin parent_instance;

  KxSession *session; /* the window's */
  KxRun *run;
  GPtrArray *lanes; /* of KxRun */
  GArray *rates;    /* of double, theirs */
  KxRun *parent;    /* whose race it is */
  guint64 length;   /* in steps */
  gboolean told;    /* that it is over */

  GtkMenuButton *button;
  GtkPopover *popover;
  GtkStack *stack;
  GtkEntry *rates_entry;
  GtkSpinButton *steps;
  GtkButton *begin_button;
  GtkLabel *standing, *problem;
};

G_DEFINE_FINAL_TYPE (KxRaceButton, kx_race_button, ADW_TYPE_BIN)

/* ── Rates ───────────────────────────────────────────────────────────────────────────────────── */

/* "1e-4 3e-4": up to MOST rates; FALSE: one of them is none. A comma within a number is the decimal
 * sign where that is the locale's, one after it never is. */
static gboolean
read_rates (KxRaceButton *self, GArray *rates)
{
  gboolean comma = g_str_equal (localeconv ()->decimal_point, ",");
  g_auto (GStrv) words = g_strsplit_set (gtk_editable_get_text (GTK_EDITABLE (self->rates_entry)),
                                         comma ? " ;" : " ,;", -1);

  for (char **word = words; *word; word++)
    {
      double rate;

      if (g_str_has_suffix (*word, ","))
        (*word)[strlen (*word) - 1] = 0;
      if (!**word)
        continue;
      if (!kx_dial_read (*word, kx_run_get (self->run, KOL_CONTROL_RATE), &rate))
        return FALSE;
      g_array_append_val (rates, rate);
    }
  return rates->len >= 2 && rates->len <= MOST;
}

static void
say_problem (KxRaceButton *self, const char *text)
{
  gtk_label_set_label (self->problem, text ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem), text != NULL);
  if (text)
    gtk_widget_add_css_class (GTK_WIDGET (self->rates_entry), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->rates_entry), "error");
}

static void
propose_rates (KxRaceButton *self)
{
  const double factors[] = { 0.25, 0.5, 1, 2, 4 };
  double rate = self->run ? kx_run_get (self->run, KOL_CONTROL_RATE) : NAN;
  g_autoptr (GString) text = g_string_new (NULL);

  if (isnan (rate) || self->lanes->len)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (factors); i++)
    {
      g_autofree char *number = kx_format_rate (rate * factors[i]);
      g_string_append_printf (text, "%s%s", i ? " " : "", number);
    }
  gtk_editable_set_text (GTK_EDITABLE (self->rates_entry), text->str);
  say_problem (self, NULL);
}

/* ── The race ────────────────────────────────────────────────────────────────────────────────── */

/* The mean of the latest losses; infinite where there are none, or one is not finite. */
static double
standing_of (KxRun *lane)
{
  KxSeries *loss = kx_run_get_loss (lane);
  gsize n = kx_series_get_length (loss), from = n > LATEST ? n - LATEST : 0;
  double sum = 0;

  if (n == 0 || kx_run_get_state (lane) == KX_RUN_DIVERGED
      || kx_run_get_state (lane) == KX_RUN_FAILED)
    return HUGE_VAL;
  for (gsize i = from; i < n; i++)
    sum += kx_series_get_y (loss)[i];
  return isfinite (sum) ? sum / (double) (n - from) : HUGE_VAL;
}

/* Not one that was deleted meanwhile. */
static KxRun *
best_lane (KxRaceButton *self)
{
  KxRun *best = NULL;

  for (guint i = 0; i < self->lanes->len; i++)
    {
      KxRun *lane = g_ptr_array_index (self->lanes, i);

      if (kx_session_lists (self->session, lane)
          && (!best || standing_of (lane) < standing_of (best)))
        best = lane;
    }
  return best;
}

static void
show_standing (KxRaceButton *self)
{
  g_autoptr (GString) text = g_string_new (NULL);
  KxRun *best = best_lane (self);

  for (guint i = 0; i < self->lanes->len; i++)
    {
      KxRun *lane = g_ptr_array_index (self->lanes, i);
      double standing = standing_of (lane);
      guint64 steps = kx_run_get_step (lane) - kx_run_get_branch_step (lane);
      g_autofree char *loss = isfinite (standing) ? kx_format_value (standing) : g_strdup ("–");

      g_string_append_printf (text, _ ("%s%s: loss %s after %" PRIu64 " steps%s"), i ? "\n" : "",
                              kx_run_get_name (lane), loss, steps,
                              lane == best && isfinite (standing) ? _ (" · best") : "");
    }
  gtk_label_set_label (self->standing, text->str);
}

static gboolean
has_arrived (KxRaceButton *self, KxRun *lane)
{
  KxRunState state = kx_run_get_state (lane);

  return state == KX_RUN_DIVERGED || kx_run_is_over (lane)
         || !kx_session_lists (self->session, lane)
         || (state == KX_RUN_PAUSED
             && kx_run_get_step (lane) - kx_run_get_branch_step (lane) >= self->length);
}

/* Once, when all have arrived. */
static void
tell_end (KxRaceButton *self)
{
  KxRun *best = best_lane (self);

  for (guint i = 0; i < self->lanes->len; i++)
    if (!has_arrived (self, g_ptr_array_index (self->lanes, i)))
      return;
  if (self->told || !best)
    return;
  self->told = TRUE;
  g_autofree char *text
      = isfinite (standing_of (best))
            ? g_strdup_printf (_ ("The race is over: %s is ahead"), kx_run_get_name (best))
            : g_strdup (_ ("The race is over: all have diverged"));
  kx_session_toast (self->session, text, FALSE);
}

static void
follow_lanes (KxRaceButton *self)
{
  show_standing (self);
  tell_end (self);
}

static void
end_race (KxRaceButton *self, KxRun *kept)
{
  g_autoptr (KxRun) parent = g_steal_pointer (&self->parent);

  for (guint i = 0; i < self->lanes->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->lanes, i), self);
  kx_train_remove_lanes (self->session, self->lanes, kept);
  kx_session_choose_run (self->session, kept ? kept : parent);
  if (kept)
    kx_run_control (kept, KX_VERB_RUN);
  g_ptr_array_set_size (self->lanes, 0);
  gtk_stack_set_visible_child_name (self->stack, "setup");
  gtk_menu_button_set_label (self->button, _ ("Race…"));
  gtk_popover_popdown (self->popover);
}

static void
keep_best (KxRaceButton *self)
{
  KxRun *best = best_lane (self);

  end_race (self, best && isfinite (standing_of (best)) ? best : NULL);
}

static void
keep_none (KxRaceButton *self)
{
  end_race (self, NULL);
}

static void
add_lane (KxRaceButton *self, KxMark *checkpoint, double rate)
{
  KxRun *lane = kx_session_branch (self->session, self->parent, checkpoint);
  g_autofree char *name = kx_format_rate (rate);

  kx_run_set_name (lane, name);
  kx_run_set (lane, KOL_CONTROL_RATE, rate);
  kx_run_set_limit (lane, kx_mark_get_step (checkpoint) + self->length);
  g_signal_connect_swapped (lane, "metrics", G_CALLBACK (follow_lanes), self);
  g_signal_connect_swapped (lane, "notify::state", G_CALLBACK (follow_lanes), self);
  g_ptr_array_add (self->lanes, g_object_ref (lane));
}

static void
let_go (KxRaceButton *self, KxMark *checkpoint)
{
  self->length = (guint64) gtk_spin_button_get_value_as_int (self->steps);
  self->told = FALSE;
  for (guint i = 0; i < self->rates->len; i++)
    add_lane (self, checkpoint, g_array_index (self->rates, double, i));
  kx_session_choose_run (self->session, self->parent);
  gtk_stack_set_visible_child_name (self->stack, "race");
  gtk_menu_button_set_label (self->button, _ ("Race…"));
  show_standing (self);
}

static void wait_for_checkpoint (KxRaceButton *self);

/* The checkpoint of where the run stands. */
static KxMark *
find_checkpoint (KxRun *run)
{
  GListModel *timeline = kx_run_get_timeline (run);

  for (guint i = 0; i < g_list_model_get_n_items (timeline); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (timeline, i);

      if (kx_mark_get_state (mark) && kx_mark_get_step (mark) == kx_run_get_step (run))
        return mark; /* the timeline holds it */
    }
  return NULL;
}

static void
stop_waiting (KxRaceButton *self)
{
  if (!self->parent)
    return;
  g_signal_handlers_disconnect_by_func (self->parent, wait_for_checkpoint, self);
  g_signal_handlers_disconnect_by_func (kx_run_get_timeline (self->parent), wait_for_checkpoint,
                                        self);
}

static void
wait_for_checkpoint (KxRaceButton *self)
{
  KxMark *mark = find_checkpoint (self->parent);

  if (!mark || kx_run_get_state (self->parent) != KX_RUN_PAUSED)
    return;
  stop_waiting (self);
  let_go (self, mark);
}

/* A run that learns or pauses can be raced; one that is at its end cannot go on. */
static gboolean
can_race (KxRun *run)
{
  return run && kx_run_has_trainer (run)
         && (kx_run_get_state (run) == KX_RUN_LEARNING || kx_run_get_state (run) == KX_RUN_PAUSED);
}

static void
begin (KxRaceButton *self)
{
  if (self->lanes->len) /* one is under way */
    return;
  g_array_set_size (self->rates, 0);
  g_autofree char *problem
      = !can_race (self->run) ? g_strdup (_ ("A run can be raced while it learns or is paused."))
        : !read_rates (self, self->rates)
            ? g_strdup_printf (_ ("Give 2 to %d rates, such as 1e-4 3e-4 or x2."), MOST)
            : NULL;
  say_problem (self, problem);
  if (problem)
    return;
  stop_waiting (self); /* for an earlier one that never came */
  g_set_object (&self->parent, self->run);
  kx_run_control (self->run, KX_VERB_PAUSE);
  kx_run_checkpoint (self->run);
  g_signal_connect_object (kx_run_get_timeline (self->run), "items-changed",
                           G_CALLBACK (wait_for_checkpoint), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->run, "notify::state", G_CALLBACK (wait_for_checkpoint), self,
                           G_CONNECT_SWAPPED);
  wait_for_checkpoint (self);
}

/* ── Class ───────────────────────────────────────────────────────────────────────────────────── */

static void
kx_race_button_dispose (GObject *object)
{
  KxRaceButton *self = KX_RACE_BUTTON (object);

  for (guint i = 0; self->lanes && i < self->lanes->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->lanes, i), self);
  stop_waiting (self);
  g_clear_pointer (&self->lanes, g_ptr_array_unref);
  g_clear_pointer (&self->rates, g_array_unref);
  g_clear_object (&self->parent);
  g_clear_object (&self->run);
  G_OBJECT_CLASS (kx_race_button_parent_class)->dispose (object);
}

static void
kx_race_button_class_init (KxRaceButtonClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_race_button_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/race-button.ui");
  gtk_widget_class_bind_template_child (widget_class, KxRaceButton, button);
  gtk_widget_class_bind_template_child (widget_class, KxRaceButton, popover);
  gtk_widget_class_bind_template_child (widget_class, KxRaceButton, stack);
  gtk_widget_class_bind_template_child_full (widget_class, "rates", FALSE,
                                             G_STRUCT_OFFSET (KxRaceButton, rates_entry));
  gtk_widget_class_bind_template_child (widget_class, KxRaceButton, steps);
  gtk_widget_class_bind_template_child_full (widget_class, "begin", FALSE,
                                             G_STRUCT_OFFSET (KxRaceButton, begin_button));
  gtk_widget_class_bind_template_child (widget_class, KxRaceButton, standing);
  gtk_widget_class_bind_template_child (widget_class, KxRaceButton, problem);
  gtk_widget_class_bind_template_callback (widget_class, begin);
  gtk_widget_class_bind_template_callback (widget_class, keep_best);
  gtk_widget_class_bind_template_callback (widget_class, keep_none);
}

static void
kx_race_button_init (KxRaceButton *self)
{
  self->lanes = g_ptr_array_new_with_free_func (g_object_unref);
  self->rates = g_array_new (FALSE, FALSE, sizeof (double));
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (self->popover, "show", G_CALLBACK (propose_rates), self);
}

void
kx_race_button_set_session (KxRaceButton *self, KxSession *session)
{
  self->session = session;
}

/**
 * kx_race_button_set_run:
 * @button: a button
 * @run: (nullable): whose race the next one is
 */
void
kx_race_button_set_run (KxRaceButton *self, KxRun *run)
{
  g_set_object (&self->run, run);
  gtk_widget_set_sensitive (GTK_WIDGET (self->button), run != NULL);
}
