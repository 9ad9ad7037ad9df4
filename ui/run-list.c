/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The runs of a session, a row each; the chosen one is the one that the controls are of. */

#include "run-list.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/axis.h"
#include "chart/palette.h"
#include "chart/style.h"

#define SAMPLE 24          /* pixels of its line */
#define CHOICE "kx-choice" /* set on a run: whether the charts show it, where that was chosen */

/* What charts are to do with a run. */
typedef enum {
  BY_ITSELF, /* show it, unless it is a record */
  HIDE,
  SHOW,
} Choice;

struct _KxRunList {
  AdwBin parent_instance;

  KxSession *session; /* the window's */
  GtkListBox *list;
};

G_DEFINE_FINAL_TYPE (KxRunList, kx_run_list, ADW_TYPE_BIN)

enum {
  SHOWN,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static Choice
get_choice (KxRun *run)
{
  return GPOINTER_TO_INT (g_object_get_data (G_OBJECT (run), CHOICE));
}

static const char *
state_name (KxRun *run)
{
  switch (kx_run_get_state (run))
    {
    case KX_RUN_STARTING:
      return _ ("starting");
    case KX_RUN_LEARNING:
      return _ ("learning");
    case KX_RUN_PAUSED:
      return _ ("paused");
    case KX_RUN_DONE:
      return _ ("done");
    case KX_RUN_STOPPED:
      return _ ("stopped");
    case KX_RUN_DIVERGED:
      return _ ("diverged");
    case KX_RUN_FAILED:
    default:
      return _ ("failed");
    }
}

static char *
describe_state (KxRun *run)
{
  const KxRecord *record = kx_run_get_record (run);

  if (!record)
    return g_strdup (state_name (run));
  if (record->in_use)
    return record->process ? g_strdup_printf (_ ("in use by process %d"), record->process)
                           : g_strdup (_ ("in use by another process"));
  return g_strdup (record->step >= record->steps ? _ ("done") : state_name (run));
}

/* Where it learns, or of a record when it last did. */
static char *
describe_place (KxRun *run, gboolean brief)
{
  const KxRecord *record = kx_run_get_record (run);

  if (!record)
    return g_strdup (kx_device_get_name (kx_run_get_device (run)));
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (record->time);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  gboolean today = g_date_time_get_year (time) == g_date_time_get_year (now)
                   && g_date_time_get_day_of_year (time) == g_date_time_get_day_of_year (now);
  /* xgettext:no-c-format */
  const char *day = _ ("%b %-d");
  return g_date_time_format (time, !brief ? "%c" : today ? "%R" : day);
}

static char *
describe (KxRun *run, gboolean brief)
{
  g_autofree char *state = describe_state (run), *place = describe_place (run, brief);

  return g_strdup_printf ("%s · %'" G_GUINT64_FORMAT " · %s", state, kx_run_get_step (run), place);
}

/* A row's controls are called after its run. */
static void
show_names (GtkWidget *row)
{
  KxRun *run = g_object_get_data (G_OBJECT (row), "run");
  GtkWidget *check = g_object_get_data (G_OBJECT (row), "check");
  GtkWidget *menu = g_object_get_data (G_OBJECT (row), "menu");
  GtkWidget *entry = g_object_get_data (G_OBJECT (row), "entry");
  g_autofree char *show = g_strdup_printf (_ ("Show %s in the charts"), kx_run_get_name (run));
  g_autofree char *more = g_strdup_printf (_ ("More about %s"), kx_run_get_name (run));

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), kx_run_get_name (run));
  gtk_accessible_update_property (GTK_ACCESSIBLE (check), GTK_ACCESSIBLE_PROPERTY_LABEL, show, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (menu), GTK_ACCESSIBLE_PROPERTY_LABEL, more, -1);
  gtk_editable_set_text (GTK_EDITABLE (entry), kx_run_get_name (run));
}

static void
show_state (GtkWidget *row)
{
  KxRun *run = g_object_get_data (G_OBJECT (row), "run"); /* the list of the session holds it */
  GtkLabel *loss = g_object_get_data (G_OBJECT (row), "loss");
  double latest = kx_run_get_latest_loss (run);
  g_autofree char *number = isnan (latest) ? g_strdup ("") : kx_format_value (latest);
  g_autofree char *text = describe (run, TRUE), *where = g_markup_escape_text (text, -1);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), where);
  gtk_label_set_label (loss, number);
}

/* Whole, where the row has no room for it. */
static gboolean
tell_whole (GtkWidget *row, int x, int y, gboolean keyboard, GtkTooltip *tip)
{
  g_autofree char *text = describe (g_object_get_data (G_OBJECT (row), "run"), FALSE);

  gtk_tooltip_set_text (tip, text);
  return TRUE;
}

/* ── What can be done ────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxRun *run;
  char *name, *other;
} Rename;

static void
rename_free (gpointer data)
{
  Rename *rename = data;

  g_object_unref (rename->run);
  g_free (rename->name);
  g_free (rename->other);
  g_free (rename);
}

static void
rename_back (gpointer data)
{
  kx_run_set_name (((Rename *) data)->run, ((Rename *) data)->name);
}

static void
rename_again (gpointer data)
{
  kx_run_set_name (((Rename *) data)->run, ((Rename *) data)->other);
}

/* The menu that a control is in. */
static void
close_menu (GtkWidget *control)
{
  GtkWidget *popover = gtk_widget_get_ancestor (control, GTK_TYPE_POPOVER);

  if (popover)
    gtk_popover_popdown (GTK_POPOVER (popover));
}

static void
apply_name (GtkEditable *entry, KxRun *run)
{
  KxRunList *self = g_object_get_data (G_OBJECT (entry), "list");
  const char *text = gtk_editable_get_text (entry);
  g_autofree char *title = g_strdup_printf (_ ("Rename to %s"), text);

  if (!*text || g_str_equal (text, kx_run_get_name (run)))
    return;
  Rename *rename = g_new0 (Rename, 1);
  rename->run = g_object_ref (run);
  rename->name = g_strdup (kx_run_get_name (run));
  rename->other = g_strdup (text);
  kx_run_set_name (run, text);
  kx_undo_push (kx_session_get_undo (self->session), title, rename_back, rename_again, rename,
                rename_free);
  close_menu (GTK_WIDGET (entry));
}

typedef struct {
  KxSession *session; /* the window's, as the stack of deeds is */
  KxRun *run;
  gboolean gone, running; /* it was, and goes on if it is brought back */
} Removal;

/* Whether it would be listed again at the next start if it were not deleted. */
static gboolean
comes_back (KxRun *run)
{
  return kx_record_is_at_home (kx_run_get_folder (run));
}

/* What nobody can bring back any more leaves nothing that would come back by itself. */
static void
removal_free (gpointer data)
{
  Removal *removal = data;

  if (removal->gone && comes_back (removal->run))
    kx_session_discard (removal->session, removal->run);
  g_object_unref (removal->run);
  g_free (removal);
}

static void
removal_back (gpointer data)
{
  Removal *removal = data;

  removal->gone = FALSE;
  kx_session_restore_run (removal->session, removal->run);
  if (removal->running)
    kx_run_control (removal->run, KX_VERB_RUN);
}

static void
removal_again (gpointer data)
{
  Removal *removal = data;

  removal->gone = TRUE;
  removal->running = kx_run_is_running (removal->run);
  kx_session_remove_run (removal->session, removal->run);
}

static void
remove_run (GtkButton *button, KxRun *run)
{
  KxRunList *self = g_object_get_data (G_OBJECT (button), "list");
  g_autofree char *text = g_strdup_printf (comes_back (run) ? _ ("%s deleted") : _ ("%s removed"),
                                           kx_run_get_name (run));
  Removal *removal = g_new (Removal, 1);

  *removal = (Removal){ self->session, g_object_ref (run), TRUE, FALSE };
  close_menu (GTK_WIDGET (button)); /* open, it would take the keys with it when the row goes */
  removal_again (removal);
  kx_undo_push (kx_session_get_undo (self->session), text, removal_back, removal_again, removal,
                removal_free);
  kx_session_toast (self->session, text, TRUE);
}

static void
go_on (GtkButton *button, KxRun *run)
{
  KxRunList *self = g_object_get_data (G_OBJECT (button), "list");

  if (kx_run_is_over (run) && kx_run_get_folder (run))
    kx_session_resume (self->session, kx_run_get_folder (run), FALSE);
  else
    {
      kx_session_choose_run (self->session, run);
      kx_run_control (run, KX_VERB_RUN);
    }
  close_menu (GTK_WIDGET (button));
}

static GtkWidget *
make_verb (KxRunList *self, KxRun *run, const char *label, GCallback callback)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (label);

  gtk_widget_add_css_class (button, "flat");
  g_object_set_data (G_OBJECT (button), "list", self);
  g_signal_connect_object (button, "clicked", callback, run, 0);
  return button;
}

/* What another process is at can neither go on nor be deleted. */
static void
look_at_record (GtkWidget *row)
{
  KxRun *run = g_object_get_data (G_OBJECT (row), "run");
  GtkWidget *const verbs[] = { g_object_get_data (G_OBJECT (row), "go-on"),
                               g_object_get_data (G_OBJECT (row), "remove") };

  kx_record_look (kx_run_get_record (run));
  g_autofree char *state = describe_state (run);
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      gboolean in_use = kx_run_get_record (run)->in_use;
      gtk_widget_set_sensitive (verbs[i], !in_use);
      gtk_widget_set_tooltip_text (verbs[i], in_use ? state : NULL);
    }
  show_state (row);
}

static GtkWidget *
make_menu (KxRunList *self, GtkWidget *row, KxRun *run)
{
  GtkWidget *menu = gtk_menu_button_new (), *popover = gtk_popover_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6), *entry = gtk_entry_new ();
  gboolean record = kx_run_get_record (run) != NULL;
  GtkWidget *verb = make_verb (self, run, _ ("_Go On"), G_CALLBACK (go_on));
  GtkWidget *remove
      = make_verb (self, run, comes_back (run) ? _ ("_Delete") : _ ("_Remove From the List"),
                   G_CALLBACK (remove_run));

  g_object_set_data (G_OBJECT (row), "menu", menu);
  g_object_set_data (G_OBJECT (row), "entry", entry);
  g_object_set_data (G_OBJECT (entry), "list", self);
  gtk_accessible_update_property (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Name of the run"), -1);
  g_signal_connect_object (entry, "activate", G_CALLBACK (apply_name), run, 0);
  gtk_box_append (GTK_BOX (box), entry);
  gtk_box_append (GTK_BOX (box), verb);
  gtk_box_append (GTK_BOX (box), remove);
  if (record)
    {
      g_object_set_data (G_OBJECT (row), "go-on", verb);
      g_object_set_data (G_OBJECT (row), "remove", remove);
      g_signal_connect_object (popover, "show", G_CALLBACK (look_at_record), row,
                               G_CONNECT_SWAPPED);
    }
  gtk_popover_set_child (GTK_POPOVER (popover), box);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (menu), popover);
  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (menu), "view-more-symbolic");
  gtk_widget_set_valign (menu, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (menu, "flat");
  return menu;
}

/* ── What it looks like in the charts ────────────────────────────────────────────────────────── */

static void
draw_sample (GtkDrawingArea *area, cairo_t *cairo, int width, int height, gpointer run)
{
  const KxTheme *theme = kx_theme_get_current ();
  GdkRGBA colour = kx_palette_colour (theme, kx_run_get_number (run));
  int n;
  const double *dashes = kx_palette_dashes (kx_run_get_number (run), &n);

  gdk_cairo_set_source_rgba (cairo, &colour);
  cairo_set_dash (cairo, dashes, n, 0);
  cairo_set_line_width (cairo, theme->line);
  cairo_move_to (cairo, 0, height / 2.0);
  cairo_line_to (cairo, width, height / 2.0);
  cairo_stroke (cairo);
}

static void
show_sample (KxRun *run, GParamSpec *spec, GtkWidget *area)
{
  gtk_widget_set_visible (area, TRUE);
  gtk_widget_queue_draw (area);
}

/* A record has no line before it is shown. */
static GtkWidget *
make_sample (KxRun *run)
{
  GtkWidget *area
      = g_object_new (GTK_TYPE_DRAWING_AREA, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                      "valign", GTK_ALIGN_CENTER, NULL);

  gtk_drawing_area_set_content_width (GTK_DRAWING_AREA (area), SAMPLE);
  gtk_drawing_area_set_content_height (GTK_DRAWING_AREA (area), 6);
  gtk_drawing_area_set_draw_func (GTK_DRAWING_AREA (area), draw_sample, g_object_ref (run),
                                  g_object_unref);
  g_signal_connect_object (run, "notify::number", G_CALLBACK (show_sample), area, 0);
  gtk_widget_set_visible (area, get_choice (run) != BY_ITSELF || !kx_run_get_record (run));
  kx_theme_connect (area, G_CALLBACK (gtk_widget_queue_draw));
  return area;
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────── */

static void
toggle (GtkCheckButton *check, KxRun *run)
{
  KxRunList *self = KX_RUN_LIST (gtk_widget_get_ancestor (GTK_WIDGET (check), KX_TYPE_RUN_LIST));
  gboolean shown = gtk_check_button_get_active (check);

  g_object_set_data (G_OBJECT (run), CHOICE, GINT_TO_POINTER (shown ? SHOW : HIDE));
  if (!self)
    return;
  g_signal_emit (self, signals[SHOWN], 0, run, shown);
  if (!shown)
    return;
  kx_run_load (run);
  if (!kx_session_get_run (self->session)) /* no chart is in sight yet */
    kx_session_choose_run (self->session, run);
}

static GtkWidget *
make_row (gpointer item, gpointer data)
{
  KxRunList *self = data;
  KxRun *run = item;
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *check = gtk_check_button_new (), *loss = gtk_label_new (NULL);

  gtk_check_button_set_active (GTK_CHECK_BUTTON (check), kx_run_list_is_shown (self, run));
  gtk_widget_set_valign (check, GTK_ALIGN_CENTER);
  g_signal_connect_object (check, "toggled", G_CALLBACK (toggle), run, 0);
  gtk_widget_add_css_class (loss, "numeric");
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 1);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), check);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), make_sample (run));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), loss);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), make_menu (self, row, run));
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  gtk_widget_set_has_tooltip (row, TRUE);
  g_signal_connect (row, "query-tooltip", G_CALLBACK (tell_whole), NULL);
  g_object_set_data (G_OBJECT (row), "run", run);
  g_object_set_data (G_OBJECT (row), "loss", loss);
  g_object_set_data (G_OBJECT (row), "check", check);
  g_signal_connect_object (run, "notify::state", G_CALLBACK (show_state), row, G_CONNECT_SWAPPED);
  g_signal_connect_object (run, "notify::device", G_CALLBACK (show_state), row, G_CONNECT_SWAPPED);
  g_signal_connect_object (run, "notify::name", G_CALLBACK (show_names), row, G_CONNECT_SWAPPED);
  g_signal_connect_object (run, "notify::step", G_CALLBACK (show_state), row, G_CONNECT_SWAPPED);
  show_names (row);
  show_state (row);
  return row;
}

static void
activate (KxRunList *self, GtkListBoxRow *row)
{
  g_autoptr (KxRun) run = g_list_model_get_item (kx_session_get_runs (self->session),
                                                 gtk_list_box_row_get_index (row));

  kx_session_choose_run (self->session, run);
  if (kx_run_get_record (run))
    gtk_check_button_set_active (g_object_get_data (G_OBJECT (row), "check"), TRUE);
}

static void
select_current (KxRunList *self)
{
  GListModel *runs = kx_session_get_runs (self->session);
  guint n = g_list_model_get_n_items (runs);

  gtk_widget_set_visible (GTK_WIDGET (self->list), n > 0); /* no frame around nothing */
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (KxRun) run = g_list_model_get_item (runs, i);

      if (run == kx_session_get_run (self->session))
        gtk_list_box_select_row (self->list, gtk_list_box_get_row_at_index (self->list, i));
    }
}

static void
kx_run_list_dispose (GObject *object)
{
  KxRunList *self = KX_RUN_LIST (object);

  if (self->list)
    gtk_list_box_bind_model (self->list, NULL, NULL, NULL, NULL);
  self->list = NULL;
  G_OBJECT_CLASS (kx_run_list_parent_class)->dispose (object);
}

static void
kx_run_list_class_init (KxRunListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_run_list_dispose;
  /** KxRunList::shown: whether @run is to be in the charts has changed. */
  signals[SHOWN] = g_signal_new ("shown", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 2, KX_TYPE_RUN, G_TYPE_BOOLEAN);
}

static void
kx_run_list_init (KxRunList *self)
{
  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "boxed-list");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Runs"), -1);
  g_signal_connect_swapped (self->list, "row-activated", G_CALLBACK (activate), self);
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->list));
}

void
kx_run_list_set_session (KxRunList *self, KxSession *session)
{
  self->session = session;
  gtk_list_box_bind_model (self->list, kx_session_get_runs (session), make_row, self, NULL);
  g_signal_connect_object (session, "notify::run", G_CALLBACK (select_current), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (kx_session_get_runs (session), "items-changed",
                           G_CALLBACK (select_current), self, G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  select_current (self);
}

/**
 * kx_run_list_is_shown:
 * @list: a list
 * @run: one of its runs
 *
 * Returns: whether the run is to be in the charts
 */
gboolean
kx_run_list_is_shown (KxRunList *self, KxRun *run)
{
  Choice choice = get_choice (run);

  return choice == BY_ITSELF ? !kx_run_get_record (run) : choice == SHOW;
}
