/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The tab of searches. It looks into no run: what it shows are trials that have ended, by their
 * learning rate and what they reach on examples that they have not learned from.
 */

#include "search-tab.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "chart/axis.h"
#include "chart/scatter.h"
#include "search-button.h"
#include "table.h"
#include "tip.h"
#include "train-tab.h"

#define LEAST_ROWS 320 /* pixels of width, beside the points... */
#define MOST_ROWS 460  /* ...so that the inspector has room, too */
#define INDEX "trial"  /* set on a row */

struct _KxSearchTab {
  AdwBin parent_instance;

  KxSession *session; /* the window's */
  char *recipe, *data;
  KxSearch *search; /* that is shown, or NULL */
  gboolean looked;  /* for the one of the last time */
  gboolean chosen;  /* a trial, by hand: the best one is not any more */
  gboolean losses;  /* points are at their losses, as there are no classes */
  gboolean showing; /* the selection is being made the same on both sides */

  GtkStack *stack;
  KxSearchButton *buttons[2]; /* of the empty tab, of the full one */
  GtkLabel *caption;
  GtkButton *open, *cancel, *go_on;
  AdwBin *points, *rows; /* anew for each search */
  KxScatter *scatter;
  KxTable *table;
  GPtrArray *table_rows; /* of KxTableRow, lent by the table, in the order of the trials */
};

G_DEFINE_FINAL_TYPE (KxSearchTab, kx_search_tab, ADW_TYPE_BIN)

enum {
  NUMBER,
  RATE,
  ACCURACY,
  LOSS,
  OTHERS, /* from here on */
};

#define MOST_OTHERS 4

/* ── Texts ───────────────────────────────────────────────────────────────────────────────────── */

static char *
format_rate (const KxTrial *trial)
{
  return kx_format_rate (g_ascii_strtod (trial->values[0], NULL));
}

/* How many columns there are of what else is searched; the last one has all that is left. */
static guint
count_others (KxSearch *search)
{
  const char *const *names = kx_search_get_names (search);

  return names ? MIN (g_strv_length ((char **) names) - 1, MOST_OTHERS) : 0;
}

/* "50", or of the last column "50 · keep 0.5". Given. */
static char *
format_other (KxSearch *search, const KxTrial *trial, guint column)
{
  const char *const *names = kx_search_get_names (search);
  GString *text = g_string_new (trial->values[column + 1]);

  for (guint i = MOST_OTHERS + 1; column + 1 == MOST_OTHERS && names[i]; i++)
    g_string_append_printf (text, " · %s %s", names[i], trial->values[i]);
  return g_string_free (text, FALSE);
}

static const char *
format_state (const KolTrial *outcome)
{
  return outcome->state == KOL_TRIAL_DIVERGED ? _ ("diverged")
         : outcome->state == KOL_TRIAL_FAILED ? _ ("failed")
                                              : "–";
}

/* What a trial has reached: its accuracy, or where there are no classes its loss. Given. */
static char *
format_reached (const KolTrial *outcome)
{
  if (outcome->state != KOL_TRIAL_DONE)
    return g_strdup (format_state (outcome));
  g_autofree char *loss = kx_format_value (outcome->loss);
  return isnan (outcome->accuracy) ? g_strdup_printf (_ ("loss %s"), loss)
                                   : g_strdup_printf ("%.1f %%", 100 * outcome->accuracy);
}

/* What has come of it, or comes. */
static char *
describe (KxSearch *search)
{
  guint n = kx_search_get_n_trials (search), best = kx_search_find_best (search);
  const GError *fault = kx_search_get_fault (search);
  guint64 wanted = kx_search_get_n_wanted (search);

  if (kx_search_is_working (search))
    return g_strdup (kx_search_get_progress (search) ? kx_search_get_progress (search) : "");
  if (fault)
    return g_strdup (fault->message);
  g_autofree char *count
      = n < wanted ? g_strdup_printf (_ ("%u of %" PRIu64 " trials"), n, wanted)
                   : g_strdup_printf (g_dngettext (NULL, "%u trial", "%u trials", n), n);
  if (best == G_MAXUINT)
    return n ? g_strdup_printf (_ ("%s · none came to its end"), count) : g_steal_pointer (&count);
  const KxTrial *trial = kx_search_get_trial (search, best);
  g_autofree char *rate = format_rate (trial), *reached = format_reached (&trial->outcome);
  g_autofree char *text = g_strdup_printf (_ ("%s · best %s at %s"), count, reached, rate);
  return trial->edge ? g_strdup_printf (_ ("%s, the edge of what was searched"), text)
                     : g_steal_pointer (&text);
}

static void
show_caption (KxSearchTab *self)
{
  g_autofree char *text = self->search ? describe (self->search) : g_strdup ("");

  gtk_label_set_label (self->caption, text);
}

/* ── Trials ──────────────────────────────────────────────────────────────────────────────────── */

static guint
index_of (KxTableRow *row)
{
  return row ? GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (row), INDEX))
             : GTK_INVALID_LIST_POSITION;
}

/* The one that is selected, on both sides. */
static void
select_trial (KxSearchTab *self, guint i)
{
  gboolean one = i < self->table_rows->len;
  const KxTrial *trial = one ? kx_search_get_trial (self->search, i) : NULL;

  self->showing = TRUE;
  kx_scatter_set_selected (self->scatter, one ? i : GTK_INVALID_LIST_POSITION);
  kx_table_set_selected (self->table, one ? self->table_rows->pdata[i] : NULL);
  self->showing = FALSE;
  gtk_widget_set_sensitive (GTK_WIDGET (self->open),
                            trial && trial->outcome.state == KOL_TRIAL_DONE);
}

static void
take_point (KxSearchTab *self)
{
  if (self->showing)
    return;
  self->chosen = TRUE;
  select_trial (self, kx_scatter_get_selected (self->scatter));
}

static void
take_row (KxSearchTab *self)
{
  if (self->showing)
    return;
  self->chosen = TRUE;
  select_trial (self, index_of (kx_table_get_selected (self->table)));
}

static void
open_trial (KxSearchTab *self, guint i)
{
  const KxTrial *trial = kx_search_get_trial (self->search, i);

  if (trial->outcome.state != KOL_TRIAL_DONE)
    {
      g_autofree char *text = g_strdup_printf (
          trial->outcome.state == KOL_TRIAL_DIVERGED
              ? _ ("Trial %" PRIu64 " diverged: there is nothing to open")
              : _ ("Trial %" PRIu64 " could not learn: there is nothing to open"),
          trial->outcome.number);
      kx_session_toast (self->session, text, FALSE);
      return;
    }
  if (!kx_session_get_device (self->session))
    return;
  g_autofree char *name = g_strdup_printf (_ ("trial %" PRIu64), trial->outcome.number);
  kx_session_open_trial (self->session, trial->folder, name,
                         kx_search_get_whole_steps (self->search));
}

static void
open_row (KxSearchTab *self, KxTableRow *row)
{
  open_trial (self, index_of (row));
}

static void
open_selected (KxSearchTab *self)
{
  guint i = kx_scatter_get_selected (self->scatter);

  if (i < self->table_rows->len)
    open_trial (self, i);
}

static void
add_point (KxSearchTab *self, const KxTrial *trial)
{
  const KolTrial *outcome = &trial->outcome;
  g_autofree char *name = outcome->state == KOL_TRIAL_DONE
                              ? g_strdup_printf (_ ("Trial %" PRIu64), outcome->number)
                              : g_strdup_printf (_ ("Trial %" PRIu64 ", %s"), outcome->number,
                                                 format_state (outcome));
  double y = outcome->state != KOL_TRIAL_DONE ? NAN
             : self->losses                   ? outcome->loss
                                              : outcome->accuracy;

  kx_scatter_add (self->scatter, g_ascii_strtod (trial->values[0], NULL), y, name);
}

static void
add_row (KxSearchTab *self, const KxTrial *trial)
{
  const KolTrial *outcome = &trial->outcome;
  KxTableRow *row = kx_table_append (self->table);
  gboolean done = outcome->state == KOL_TRIAL_DONE;
  g_autofree char *number = g_strdup_printf ("%" PRIu64, outcome->number);
  g_autofree char *rate = format_rate (trial);
  g_autofree char *accuracy = done && !isnan (outcome->accuracy)
                                  ? g_strdup_printf ("%.1f %%", 100 * outcome->accuracy)
                                  : g_strdup (format_state (outcome));
  g_autofree char *loss = done ? kx_format_value (outcome->loss) : g_strdup ("–");
  /* Where there is no accuracy, the least loss is first; what came to nothing is last. */
  double rank = !done ? -HUGE_VAL : isnan (outcome->accuracy) ? -outcome->loss : outcome->accuracy;

  g_object_set_data (G_OBJECT (row), INDEX, GUINT_TO_POINTER (self->table_rows->len));
  g_ptr_array_add (self->table_rows, row);
  kx_table_row_set_number (row, NUMBER, (double) outcome->number, number);
  kx_table_row_set_number (row, RATE, g_ascii_strtod (trial->values[0], NULL), rate);
  kx_table_row_set_number (row, ACCURACY, rank, accuracy);
  kx_table_row_set_number (row, LOSS, done ? outcome->loss : HUGE_VAL, loss);
  for (guint i = 0; i < count_others (self->search); i++)
    {
      g_autofree char *other = format_other (self->search, trial, i);
      char *end;
      double value = g_ascii_strtod (other, &end);
      kx_table_row_set_number (row, OTHERS + i, *end ? NAN : value, other);
    }
  kx_table_sort (self->table);
}

static void
make_points (KxSearchTab *self)
{
  self->scatter = KX_SCATTER (
      kx_scatter_new (_ ("Learning rate"), self->losses ? _ ("Loss") : _ ("Accuracy")));
  kx_scatter_set_log_x (self->scatter, TRUE);
  kx_scatter_set_log_y (self->scatter, self->losses);
  kx_scatter_set_share (self->scatter, !self->losses);
  g_signal_connect_object (self->scatter, "notify::selected", G_CALLBACK (take_point), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->scatter, "point-activated", G_CALLBACK (open_trial), self,
                           G_CONNECT_SWAPPED);
  adw_bin_set_child (self->points, GTK_WIDGET (self->scatter));
}

static void
make_rows (KxSearchTab *self)
{
  const char *const *names = kx_search_get_names (self->search);

  self->table = KX_TABLE (g_object_new (KX_TYPE_TABLE, NULL));
  g_ptr_array_set_size (self->table_rows, 0);
  kx_table_set_name (self->table, _ ("Trials of the search"));
  kx_table_add_column (self->table, _ ("Trial"), TRUE, FALSE);
  kx_table_add_column (self->table, _ ("Rate"), TRUE, TRUE);
  kx_table_add_column (self->table, _ ("Accuracy"), TRUE, TRUE);
  kx_table_add_column (self->table, _ ("Loss"), TRUE, TRUE);
  for (guint i = 0; i < count_others (self->search); i++)
    kx_table_add_column (self->table, names[i + 1], TRUE, TRUE);
  kx_table_sort_by (self->table, ACCURACY);
  g_signal_connect_object (self->table, "selected", G_CALLBACK (take_row), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->table, "activated", G_CALLBACK (open_row), self,
                           G_CONNECT_SWAPPED);
  adw_bin_set_child (self->rows, GTK_WIDGET (self->table));
}

/* The first trial that has come to its end tells whether there are classes. */
static void
find_kind (KxSearchTab *self)
{
  guint best = kx_search_find_best (self->search);
  gboolean losses
      = best != G_MAXUINT && isnan (kx_search_get_trial (self->search, best)->outcome.accuracy);

  if (losses == self->losses)
    return;
  self->losses = losses;
  make_points (self);
  for (guint i = 0; i < self->table_rows->len; i++)
    add_point (self, kx_search_get_trial (self->search, i));
}

static void
take_trial (KxSearchTab *self, guint i)
{
  const KxTrial *trial = kx_search_get_trial (self->search, i);

  find_kind (self);
  add_point (self, trial);
  add_row (self, trial);
  if (!self->chosen)
    select_trial (self, kx_search_find_best (self->search));
  show_caption (self);
}

/* ── Searches ────────────────────────────────────────────────────────────────────────────────── */

static void
show_work (KxSearchTab *self)
{
  gboolean working = self->search && kx_search_is_working (self->search);
  gboolean left = self->search && !working && kx_search_get_folder (self->search)
                  && kx_search_get_n_trials (self->search) < kx_search_get_n_wanted (self->search);

  gtk_widget_set_visible (GTK_WIDGET (self->cancel), working);
  gtk_widget_set_visible (GTK_WIDGET (self->go_on), left);
  gtk_widget_set_sensitive (GTK_WIDGET (self->go_on),
                            self->session && kx_session_get_device (self->session));
  for (guint i = 0; i < G_N_ELEMENTS (self->buttons); i++)
    gtk_widget_set_sensitive (GTK_WIDGET (self->buttons[i]),
                              !working && self->data && self->session
                                  && kx_session_get_device (self->session));
  gtk_stack_set_visible_child_name (self->stack, self->search ? "trials" : "empty");
  show_caption (self);
}

/* What is searched is known: it is found again at the next start. */
static void
take_begin (KxSearchTab *self)
{
  g_settings_set_string (kx_session_get_settings (self->session), "search",
                         kx_search_get_folder (self->search));
  if (kx_search_get_n_trials (self->search)) /* it goes on */
    return;
  make_rows (self);
  select_trial (self, GTK_INVALID_LIST_POSITION);
}

static void
let_go (KxSearchTab *self)
{
  if (!self->search)
    return;
  g_signal_handlers_disconnect_by_data (self->search, self);
  g_clear_object (&self->search);
}

static void
take_search (KxSearchTab *self, KxSearch *search)
{
  let_go (self);
  self->search = search;
  self->chosen = self->losses = FALSE;
  make_points (self);
  make_rows (self);
  g_signal_connect_swapped (search, "begun", G_CALLBACK (take_begin), self);
  g_signal_connect_swapped (search, "trial", G_CALLBACK (take_trial), self);
  g_signal_connect_swapped (search, "progress", G_CALLBACK (show_caption), self);
  g_signal_connect_swapped (search, "notify::working", G_CALLBACK (show_work), self);
  for (guint i = 0; i < kx_search_get_n_trials (search); i++)
    take_trial (self, i);
  show_work (self);
}

static void
begin (KxSearchTab *self, const KxSearchSetup *wanted)
{
  KxSearchSetup setup = *wanted;

  if (!self->data || !kx_session_get_device (self->session))
    return;
  setup.recipe = self->recipe;
  setup.data = self->data;
  take_search (self, kx_search_new (self->session, &setup));
}

static void
cancel_search (KxSearchTab *self)
{
  kx_search_cancel (self->search);
}

static void
go_on (KxSearchTab *self)
{
  kx_search_go_on (self->search, self->session);
}

/* The search of the last time, once there is somebody to see it. */
static void
look (KxSearchTab *self)
{
  if (self->looked || !self->session)
    return;
  self->looked = TRUE;
  g_autofree char *folder
      = g_settings_get_string (kx_session_get_settings (self->session), "search");
  KxSearch *search = *folder ? kx_search_open (folder, NULL) : NULL;
  if (search)
    take_search (self, search);
  show_work (self);
}

/* ── Class ───────────────────────────────────────────────────────────────────────────────────── */

static void
kx_search_tab_dispose (GObject *object)
{
  let_go (KX_SEARCH_TAB (object));
  G_OBJECT_CLASS (kx_search_tab_parent_class)->dispose (object);
}

static void
kx_search_tab_finalize (GObject *object)
{
  KxSearchTab *self = KX_SEARCH_TAB (object);

  g_ptr_array_unref (self->table_rows);
  g_free (self->recipe);
  g_free (self->data);
  G_OBJECT_CLASS (kx_search_tab_parent_class)->finalize (object);
}

static void
kx_search_tab_class_init (KxSearchTabClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_search_tab_dispose;
  G_OBJECT_CLASS (klass)->finalize = kx_search_tab_finalize;
}

static KxSearchButton *
make_button (KxSearchTab *self, gboolean suggested)
{
  GtkWidget *button = kx_search_button_new (suggested);

  g_signal_connect_object (button, "search", G_CALLBACK (begin), self, G_CONNECT_SWAPPED);
  return KX_SEARCH_BUTTON (button);
}

static GtkWidget *
make_empty (KxSearchTab *self)
{
  AdwStatusPage *page = ADW_STATUS_PAGE (adw_status_page_new ());

  self->buttons[0] = make_button (self, TRUE);
  adw_status_page_set_icon_name (page, "system-search-symbolic");
  adw_status_page_set_title (page, _ ("No search yet"));
  adw_status_page_set_description (
      page, _ ("Short trainings with settings drawn at random: each comes here as a point, by its "
               "learning rate and what it reaches, and can be opened as a run."));
  adw_status_page_set_child (page, GTK_WIDGET (self->buttons[0]));
  gtk_widget_add_css_class (GTK_WIDGET (page), "compact");
  gtk_widget_add_css_class (GTK_WIDGET (page), "kx-low");
  return GTK_WIDGET (page);
}

static GtkButton *
make_verb (KxSearchTab *self, const char *label, GCallback callback)
{
  GtkWidget *button = gtk_button_new_with_label (label);

  g_signal_connect_object (button, "clicked", callback, self, G_CONNECT_SWAPPED);
  return GTK_BUTTON (button);
}

static GtkWidget *
make_head (KxSearchTab *self)
{
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  self->caption = kx_train_tab_make_caption ();
  gtk_widget_set_hexpand (GTK_WIDGET (self->caption), TRUE);
  self->open = make_verb (self, _ ("Open as a Run"), G_CALLBACK (open_selected));
  self->cancel = make_verb (self, _ ("Cancel"), G_CALLBACK (cancel_search));
  self->go_on = make_verb (self, _ ("Go On"), G_CALLBACK (go_on));
  self->buttons[1] = make_button (self, FALSE);
  gtk_widget_set_sensitive (GTK_WIDGET (self->open), FALSE);
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (self->caption));
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (self->open));
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (self->cancel));
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (self->go_on));
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (self->buttons[1]));
  gtk_widget_set_margin_end (head, 12);
  return head;
}

static GtkWidget *
make_trials (KxSearchTab *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *sides = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *narrow = gtk_scrolled_window_new ();

  self->points = ADW_BIN (adw_bin_new ());
  self->rows = ADW_BIN (adw_bin_new ());
  gtk_widget_set_hexpand (GTK_WIDGET (self->points), TRUE);
  gtk_widget_set_vexpand (sides, TRUE);
  gtk_widget_set_margin_start (sides, 12);
  gtk_widget_set_margin_end (sides, 12);
  gtk_widget_set_margin_bottom (sides, 12);
  /* However much the rows have to say, they ask for no more than there is. */
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (narrow), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_NEVER);
  gtk_scrolled_window_set_min_content_width (GTK_SCROLLED_WINDOW (narrow), LEAST_ROWS);
  gtk_scrolled_window_set_max_content_width (GTK_SCROLLED_WINDOW (narrow), MOST_ROWS);
  gtk_scrolled_window_set_propagate_natural_width (GTK_SCROLLED_WINDOW (narrow), TRUE);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (narrow), GTK_WIDGET (self->rows));
  gtk_widget_set_hexpand (narrow, TRUE);
  gtk_box_append (GTK_BOX (sides), GTK_WIDGET (self->points));
  gtk_box_append (GTK_BOX (sides), narrow);
  gtk_box_append (GTK_BOX (box), make_head (self));
  gtk_box_append (GTK_BOX (box), sides);
  return box;
}

static void
kx_search_tab_init (KxSearchTab *self)
{
  self->table_rows = g_ptr_array_new ();
  self->stack = GTK_STACK (gtk_stack_new ());
  gtk_stack_set_vhomogeneous (self->stack, FALSE);
  gtk_stack_add_named (self->stack, make_empty (self), "empty");
  gtk_stack_add_named (self->stack, make_trials (self), "trials");
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->stack));
  g_signal_connect (self, "map", G_CALLBACK (look), NULL);
  show_work (self);
}

GtkWidget *
kx_search_tab_new (void)
{
  return g_object_new (KX_TYPE_SEARCH_TAB, NULL);
}

void
kx_search_tab_set_session (KxSearchTab *self, KxSession *session)
{
  self->session = session;
  g_signal_connect_object (session, "notify::device", G_CALLBACK (show_work), self,
                           G_CONNECT_SWAPPED);
  show_work (self);
}

/**
 * kx_search_tab_set_subject:
 * @tab: the tab
 * @recipe: of what the next search is
 * @data: (nullable): its examples
 */
void
kx_search_tab_set_subject (KxSearchTab *self, const char *recipe, const char *data)
{
  g_free (self->recipe);
  g_free (self->data);
  self->recipe = g_strdup (recipe);
  self->data = g_strdup (data);
  for (guint i = 0; i < G_N_ELEMENTS (self->buttons); i++)
    kx_search_button_set_subject (self->buttons[i], recipe, data);
  show_work (self);
}
