/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Three linked charts: loss and accuracy of all runs that are shown, and the ratio of update to
 * parameter, layer by layer, of the run that is in sight.
 */

#include "train-charts.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/chart.h"
#include "chart/controls.h"
#include "presence.h"

#define NATURAL_WIDTH 540 /* pixels */
#define GAP 6
#define LEAST_LOSS 200 /* height */
#define LEAST_ROW 180
#define USUAL_RATIO 1e-3
#define LEAST_RATIO (USUAL_RATIO / 3) /* of the band around it */
#define MOST_RATIO (USUAL_RATIO * 3)

/* The curves of a run. */
typedef struct {
  KxRun *run;
  guint number;
  KxLineLayer *loss, *validation_loss, *accuracy, *validation_accuracy;
} Curves;

/* The curves of a file. */
typedef struct {
  GWeakRef charts;
  guint number;
  GPtrArray *lines;  /* of KxLineLayer */
  GPtrArray *places; /* of KxChart: where each of them belongs */
} File;

struct _KxTrainCharts {
  GtkWidget parent_instance;

  KxSession *session; /* the window's */
  KxRunList *list;    /* of the inspector: which runs are shown */
  KxRun *run;         /* in sight */
  GListModel *timeline;
  KxMark *selected;
  KxChartView *view;
  KxChart *loss, *accuracy, *ratio;
  GtkWidget *row; /* of the other two */
  KxMarkLayer *marks;
  KxMarkLayer *shades[2]; /* of the other two, which have no marks */
  GPtrArray *curves;      /* of Curves */
  GPtrArray *files;       /* of File that are shown; lent by the deeds that brought them */
  GPtrArray *ratios;      /* of KxLineLayer */
};

G_DEFINE_FINAL_TYPE (KxTrainCharts, kx_train_charts, GTK_TYPE_WIDGET)

enum {
  CHECKPOINT,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── Curves ──────────────────────────────────────────────────────────────────────────────────── */

static void
curves_free (gpointer data)
{
  Curves *curves = data;

  g_clear_object (&curves->run);
  g_free (curves);
}

/* The first colour that none of the others has: those of what has gone come again. */
static guint
free_number (KxTrainCharts *self)
{
  guint number = 0, i = 0;

  while (i < self->curves->len + self->files->len)
    {
      guint taken = i < self->curves->len
                        ? ((Curves *) self->curves->pdata[i])->number
                        : ((File *) self->files->pdata[i - self->curves->len])->number;
      if (taken == number)
        {
          number++;
          i = 0;
        }
      else
        i++;
    }
  return number;
}

static Curves *
find_curves (KxTrainCharts *self, KxRun *run)
{
  for (guint i = 0; i < self->curves->len; i++)
    {
      Curves *curves = g_ptr_array_index (self->curves, i);

      if (curves->run == run)
        return curves;
    }
  return NULL;
}

/* A line that begins where another one branched off shares its past. */
static KxLineLayer *
add_line (KxChart *chart, KxSeries *series, KxRun *run, guint number, KxLineKind kind,
          KxLineLayer *parent)
{
  g_autofree char *name = kind == KX_LINE_THICK
                              ? g_strdup_printf (_ ("%s, validation"), kx_run_get_name (run))
                              : g_strdup (kx_run_get_name (run));
  KxLineLayer *line = kx_chart_add_line (chart, series, name, number, kind);

  kx_line_layer_set_clock (line, kx_run_get_clock (run));
  if (parent)
    kx_line_layer_set_parent (line, parent, (double) kx_run_get_branch_step (run));
  return line;
}

static void
show_names (KxTrainCharts *self, GParamSpec *spec, KxRun *run)
{
  Curves *curves = find_curves (self, run);
  g_autofree char *validation = g_strdup_printf (_ ("%s, validation"), kx_run_get_name (run));

  if (!curves)
    return;
  kx_line_layer_set_name (curves->loss, kx_run_get_name (run));
  kx_line_layer_set_name (curves->accuracy, kx_run_get_name (run));
  kx_line_layer_set_name (curves->validation_loss, validation);
  kx_line_layer_set_name (curves->validation_accuracy, validation);
}

/* Of many runs the one in sight is not grey, though it has no colour. */
static void
select_curves (KxTrainCharts *self, gboolean selected)
{
  const Curves *curves = self->run ? find_curves (self, self->run) : NULL;

  if (!curves)
    return;
  kx_line_layer_set_selected (curves->loss, selected);
  kx_line_layer_set_selected (curves->validation_loss, selected);
  kx_line_layer_set_selected (curves->accuracy, selected);
  kx_line_layer_set_selected (curves->validation_accuracy, selected);
}

static void
add_run (KxTrainCharts *self, KxRun *run)
{
  Curves *curves = g_new0 (Curves, 1);
  KxRun *origin = kx_run_get_parent (run);
  const Curves *parent = origin ? find_curves (self, origin) : NULL;
  guint number = free_number (self);

  curves->run = g_object_ref (run);
  curves->number = number;
  curves->loss = add_line (self->loss, kx_run_get_loss (run), run, number, KX_LINE_THIN,
                           parent ? parent->loss : NULL);
  curves->validation_loss = add_line (self->loss, kx_run_get_validation_loss (run), run, number,
                                      KX_LINE_THICK, parent ? parent->validation_loss : NULL);
  curves->accuracy = add_line (self->accuracy, kx_run_get_accuracy (run), run, number, KX_LINE_THIN,
                               parent ? parent->accuracy : NULL);
  curves->validation_accuracy
      = add_line (self->accuracy, kx_run_get_validation_accuracy (run), run, number, KX_LINE_THICK,
                  parent ? parent->validation_accuracy : NULL);
  g_ptr_array_add (self->curves, curves);
  kx_run_set_number (run, number);
  g_signal_connect_object (run, "notify::name", G_CALLBACK (show_names), self, G_CONNECT_SWAPPED);
  if (run == self->run)
    select_curves (self, TRUE);
}

static void
remove_curves (KxTrainCharts *self, Curves *curves)
{
  g_signal_handlers_disconnect_by_func (curves->run, show_names, self);
  kx_chart_remove_layer (self->loss, KX_LAYER (curves->loss));
  kx_chart_remove_layer (self->loss, KX_LAYER (curves->validation_loss));
  kx_chart_remove_layer (self->accuracy, KX_LAYER (curves->accuracy));
  kx_chart_remove_layer (self->accuracy, KX_LAYER (curves->validation_accuracy));
  g_ptr_array_remove (self->curves, curves);
}

static void
show_or_hide (KxTrainCharts *self, KxRun *run, gboolean shown)
{
  Curves *curves = find_curves (self, run);

  if (!curves)
    {
      if (shown)
        add_run (self, run);
      return;
    }
  kx_line_layer_set_visible (curves->loss, shown);
  kx_line_layer_set_visible (curves->validation_loss, shown);
  kx_line_layer_set_visible (curves->accuracy, shown);
  kx_line_layer_set_visible (curves->validation_accuracy, shown);
}

/* The list of runs has changed. What was never shown takes no colour. */
static void
follow_runs (KxTrainCharts *self)
{
  GListModel *runs = kx_session_get_runs (self->session);

  for (guint i = self->curves->len; i > 0; i--)
    {
      Curves *curves = g_ptr_array_index (self->curves, i - 1);

      if (!kx_session_lists (self->session, curves->run))
        remove_curves (self, curves);
    }
  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (KxRun) run = g_list_model_get_item (runs, i);

      if (!find_curves (self, run) && kx_run_list_is_shown (self->list, run))
        add_run (self, run);
    }
}

/* ── The run in sight ────────────────────────────────────────────────────────────────────────── */

static void
show_marks (KxTrainCharts *self)
{
  kx_mark_layer_clear (self->marks);
  kx_mark_layer_clear_checkpoints (self->marks);
  for (guint i = 0; self->timeline && i < g_list_model_get_n_items (self->timeline); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (self->timeline, i);
      double step = (double) kx_mark_get_step (mark);

      if (kx_mark_get_kind (mark) == KX_MARK_CHECKPOINT)
        kx_mark_layer_add_checkpoint (self->marks, step, kx_mark_get_pinned (mark));
      else
        kx_mark_layer_add (self->marks, step, kx_mark_get_text (mark));
    }
}

static void
show_ratios (KxTrainCharts *self)
{
  for (guint i = 0; i < self->ratios->len; i++)
    kx_chart_remove_layer (self->ratio, g_ptr_array_index (self->ratios, i));
  g_ptr_array_set_size (self->ratios, 0);
  KxRatios *ratios = self->run ? kx_run_get_ratios (self->run) : NULL;
  for (guint i = 0; ratios && i < kx_ratios_get_n (ratios); i++)
    {
      KxLineLayer *line = kx_chart_add_line (self->ratio, kx_ratios_get_series (ratios, i),
                                             kx_ratios_get_name (ratios, i), i, KX_LINE_THIN);

      kx_line_layer_set_clock (line, kx_run_get_clock (self->run));
      g_ptr_array_add (self->ratios, line);
    }
}

static void show_stage (KxTrainCharts *self);

static void
leave_run (KxTrainCharts *self)
{
  if (!self->run)
    return;
  select_curves (self, FALSE);
  g_signal_handlers_disconnect_by_func (self->run, show_ratios, self);
  g_signal_handlers_disconnect_by_func (self->run, show_stage, self);
  g_signal_handlers_disconnect_by_func (self->timeline, show_marks, self);
  g_clear_object (&self->run);
}

/**
 * kx_train_charts_set_run:
 * @charts: the charts
 * @run: (nullable): whose marks, checkpoints and ratios are shown
 */
void
kx_train_charts_set_run (KxTrainCharts *self, KxRun *run)
{
  leave_run (self);
  g_set_object (&self->run, run);
  self->timeline = run ? kx_run_get_timeline (run) : NULL;
  show_marks (self);
  show_ratios (self);
  show_stage (self);
  select_curves (self, TRUE);
  if (!run)
    return;
  kx_mark_layer_set_clock (self->marks, kx_run_get_clock (run));
  for (guint i = 0; i < G_N_ELEMENTS (self->shades); i++)
    kx_mark_layer_set_clock (self->shades[i], kx_run_get_clock (run));
  g_signal_connect_swapped (run, "ready", G_CALLBACK (show_ratios), self);
  g_signal_connect_swapped (run, "notify::stage", G_CALLBACK (show_stage), self);
  g_signal_connect_swapped (self->timeline, "items-changed", G_CALLBACK (show_marks), self);
}

/**
 * kx_train_charts_select:
 * @charts: the charts
 * @checkpoint: (nullable): what is after it is dimmed
 */
void
kx_train_charts_select (KxTrainCharts *self, KxMark *checkpoint)
{
  double step = checkpoint ? (double) kx_mark_get_step (checkpoint) : NAN;

  kx_mark_layer_set_selected (self->marks, step);
  for (guint i = 0; i < G_N_ELEMENTS (self->shades); i++)
    kx_mark_layer_set_selected (self->shades[i], step);
  if (self->selected)
    g_signal_handlers_disconnect_by_func (self->selected, show_marks, self);
  if (g_set_object (&self->selected, checkpoint) && checkpoint)
    g_signal_connect_swapped (checkpoint, "notify::pinned", G_CALLBACK (show_marks), self);
}

static void
activate_checkpoint (KxTrainCharts *self, double step)
{
  for (guint i = 0; self->timeline && i < g_list_model_get_n_items (self->timeline); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (self->timeline, i);

      if (kx_mark_get_kind (mark) == KX_MARK_CHECKPOINT && (double) kx_mark_get_step (mark) == step)
        {
          g_signal_emit (self, signals[CHECKPOINT], 0, mark);
          return;
        }
    }
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

static void
file_free (gpointer data)
{
  File *file = data;
  g_autoptr (KxTrainCharts) self = g_weak_ref_get (&file->charts);

  if (self)
    g_ptr_array_remove (self->files, file);
  g_weak_ref_clear (&file->charts);
  g_ptr_array_unref (file->lines);
  g_ptr_array_unref (file->places);
  g_free (file);
}

/* Where a curve of a file belongs, by its name; nowhere if that says nothing. */
static void
add_imported (KxTrainCharts *self, File *file, const KxImported *imported,
              const KxImportedCurve *curve)
{
  g_autofree char *low = g_utf8_strdown (curve->name, -1);
  KxChart *chart = strstr (low, "loss") ? self->loss : strstr (low, "acc") ? self->accuracy : NULL;
  KxLineKind kind = strstr (low, "val") || strstr (low, "test") ? KX_LINE_THICK : KX_LINE_THIN;
  g_autofree char *name = g_strdup_printf ("%s, %s", imported->name, curve->name);

  if (!chart)
    return;
  KxLineLayer *line = kx_line_layer_new (curve->series, name, file->number, kind);
  kx_line_layer_set_clock (line, imported->clock);
  g_ptr_array_add (file->lines, line);
  g_ptr_array_add (file->places, g_object_ref (chart));
}

static void
show_file (gpointer data)
{
  File *file = data;
  g_autoptr (KxTrainCharts) self = g_weak_ref_get (&file->charts);

  if (!self)
    return;
  g_ptr_array_add (self->files, file);
  for (guint i = 0; i < file->lines->len; i++)
    kx_chart_add_layer (file->places->pdata[i], file->lines->pdata[i]);
}

static void
hide_file (gpointer data)
{
  File *file = data;
  g_autoptr (KxTrainCharts) self = g_weak_ref_get (&file->charts);

  if (!self)
    return;
  g_ptr_array_remove (self->files, file);
  for (guint i = 0; i < file->lines->len; i++)
    kx_chart_remove_layer (file->places->pdata[i], file->lines->pdata[i]);
}

/**
 * kx_train_charts_compare:
 * @charts: the charts
 * @imported: what was read of a file
 * @error: return location
 *
 * Adds the curves of a log to those of the runs, which can be undone.
 *
 * Returns: %FALSE if there are none in it
 */
gboolean
kx_train_charts_compare (KxTrainCharts *self, const KxImported *imported, GError **error)
{
  g_autofree char *title = g_strdup_printf (_ ("Compared with %s"), imported->name);
  File *file = g_new0 (File, 1);

  g_weak_ref_init (&file->charts, self);
  file->number = free_number (self);
  file->lines = g_ptr_array_new_with_free_func (g_object_unref);
  file->places = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < imported->curves->len; i++)
    add_imported (self, file, imported, g_ptr_array_index (imported->curves, i));
  if (file->lines->len == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   _ ("“%s” has no curve of a loss or an accuracy; a column or tag must have that "
                      "word in its name"),
                   imported->name);
      file_free (file);
      return FALSE;
    }
  show_file (file);
  kx_undo_push (kx_session_get_undo (self->session), title, hide_file, show_file, file, file_free);
  kx_session_toast (self->session, title, TRUE);
  return TRUE;
}

/**
 * kx_train_charts_export:
 * @charts: the charts
 *
 * Asks where the chart of the loss is to be saved as a picture.
 */
void
kx_train_charts_export (KxTrainCharts *self)
{
  gtk_widget_activate_action (GTK_WIDGET (self->loss), "chart.export-png", NULL);
}

/* ── The head: how curves are shown ──────────────────────────────────────────────────────────── */

static GtkWidget *
make_controls (KxTrainCharts *self)
{
  g_autoptr (GMenu) more = g_menu_new ();

  g_menu_append (more, _ ("Compare With File…"), "train.compare");
  return kx_chart_controls_new (self->loss, G_MENU_MODEL (more));
}

/* Before there is a step, what is being done is all that there is to see. */
static void
show_stage (KxTrainCharts *self)
{
  gboolean begun = self->run && kx_series_get_length (kx_run_get_loss (self->run)) > 0;

  kx_chart_set_note (self->loss, begun       ? NULL
                                 : self->run ? kx_run_get_stage (self->run)
                                             : _ ("Nothing learns yet"));
}

/* ── Class ───────────────────────────────────────────────────────────────────────────────────── */

static void
kx_train_charts_dispose (GObject *object)
{
  KxTrainCharts *self = KX_TRAIN_CHARTS (object);
  GtkWidget *child;

  leave_run (self);
  if (self->selected)
    g_signal_handlers_disconnect_by_func (self->selected, show_marks, self);
  g_clear_object (&self->selected);
  g_clear_object (&self->marks);
  for (guint i = 0; i < G_N_ELEMENTS (self->shades); i++)
    g_clear_object (&self->shades[i]);
  g_clear_pointer (&self->curves, g_ptr_array_unref);
  g_clear_pointer (&self->files, g_ptr_array_unref);
  g_clear_pointer (&self->ratios, g_ptr_array_unref);
  g_clear_object (&self->view);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))))
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (kx_train_charts_parent_class)->dispose (object);
}

static void
kx_train_charts_class_init (KxTrainChartsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_train_charts_dispose;
  /** KxTrainCharts::checkpoint: the circle of @mark was clicked. */
  signals[CHECKPOINT] = g_signal_new ("checkpoint", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                      NULL, NULL, NULL, G_TYPE_NONE, 1, KX_TYPE_MARK);
}

/* However much the heads could say, the page asks for no more than it needs; of the height, for
 * that of the loss alone. */
static void
measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  KxTrainCharts *self = KX_TRAIN_CHARTS (widget);
  int least, wanted;

  gtk_widget_measure (GTK_WIDGET (self->loss), orientation, for_size, minimum, natural, NULL, NULL);
  gtk_widget_measure (self->row, orientation, -1, &least, &wanted, NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    {
      *minimum = MAX (*minimum, least);
      *natural = MAX (*minimum, NATURAL_WIDTH);
    }
  else
    *natural += GAP + wanted;
  *minimum_baseline = *natural_baseline = -1;
}

/* Where the height is not enough for all, the curve of the loss has it. */
static void
allocate (GtkWidget *widget, int width, int height, int baseline)
{
  KxTrainCharts *self = KX_TRAIN_CHARTS (widget);
  int loss, row;

  gtk_widget_measure (GTK_WIDGET (self->loss), GTK_ORIENTATION_VERTICAL, width, &loss, NULL, NULL,
                      NULL);
  gtk_widget_measure (self->row, GTK_ORIENTATION_VERTICAL, width, &row, NULL, NULL, NULL);
  int rest = height - loss - GAP - row;
  gboolean both = rest >= 0;

  gtk_widget_set_child_visible (self->row, both);
  if (both)
    {
      row += rest / 3;
      gtk_widget_size_allocate (self->row, &(GtkAllocation){ 0, height - row, width, row }, -1);
      height -= GAP + row;
    }
  gtk_widget_size_allocate (GTK_WIDGET (self->loss), &(GtkAllocation){ 0, 0, width, height }, -1);
}

static void
tell_failure (KxTrainCharts *self, const char *text)
{
  kx_session_toast (self->session, text, FALSE);
}

static KxChart *
make_chart (KxTrainCharts *self, const char *title)
{
  GtkWidget *chart = kx_chart_new (self->view, title);

  gtk_widget_set_hexpand (chart, TRUE);
  gtk_widget_set_vexpand (chart, TRUE);
  g_signal_connect_swapped (chart, "failed", G_CALLBACK (tell_failure), self);
  return KX_CHART (chart);
}

static void
kx_train_charts_init (KxTrainCharts *self)
{
  self->row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  self->curves = g_ptr_array_new_with_free_func (curves_free);
  self->files = g_ptr_array_new ();
  self->ratios = g_ptr_array_new ();
  self->view = kx_chart_view_new ();
  self->loss = make_chart (self, _ ("Loss"));
  self->accuracy = make_chart (self, _ ("Accuracy"));
  self->ratio = make_chart (self, _ ("Update / parameter"));
  kx_chart_set_head_extra (self->loss, make_controls (self));
  kx_chart_set_offers_follow (self->accuracy, FALSE);
  kx_chart_set_offers_follow (self->ratio, FALSE);
  kx_chart_set_brief (self->accuracy, TRUE);
  kx_chart_set_brief (self->ratio, TRUE);
  kx_chart_set_share (self->accuracy, TRUE);
  self->marks = kx_mark_layer_new ();
  kx_chart_add_layer (self->loss, KX_LAYER (self->marks));
  for (guint i = 0; i < G_N_ELEMENTS (self->shades); i++)
    {
      self->shades[i] = kx_mark_layer_new ();
      kx_chart_add_layer (i == 0 ? self->accuracy : self->ratio, KX_LAYER (self->shades[i]));
    }
  kx_chart_add_layer (self->ratio, KX_LAYER (kx_band_layer_new (LEAST_RATIO, USUAL_RATIO,
                                                                MOST_RATIO, _ ("about 1e-3"))));
  g_signal_connect_swapped (self->loss, "checkpoint-activated", G_CALLBACK (activate_checkpoint),
                            self);
  gtk_widget_set_size_request (GTK_WIDGET (self->loss), -1, LEAST_LOSS);
  gtk_widget_set_size_request (self->row, -1, LEAST_ROW);
  gtk_box_set_homogeneous (GTK_BOX (self->row), TRUE);
  gtk_box_append (GTK_BOX (self->row), GTK_WIDGET (self->accuracy));
  gtk_box_append (GTK_BOX (self->row), GTK_WIDGET (self->ratio));
  gtk_widget_set_parent (GTK_WIDGET (self->loss), GTK_WIDGET (self));
  gtk_widget_set_parent (self->row, GTK_WIDGET (self));
  kx_presence_follow (self->row);
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  gtk_widget_add_css_class (GTK_WIDGET (self), "view");
  gtk_widget_add_css_class (GTK_WIDGET (self), "kx-charts");
  gtk_widget_set_layout_manager (GTK_WIDGET (self),
                                 gtk_custom_layout_new (NULL, measure, allocate));
}

static void
remember_scales (KxTrainCharts *self, GSettings *settings)
{
  g_settings_bind (settings, "smoothing", self->view, "smoothing", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "x-unit", self->view, "unit", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "log-x", self->view, "log-x", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "log-loss", self->loss, "log-y", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "log-accuracy", self->accuracy, "log-y", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "log-ratio", self->ratio, "log-y", G_SETTINGS_BIND_DEFAULT);
}

void
kx_train_charts_set_session (KxTrainCharts *self, KxSession *session, KxRunList *list)
{
  self->session = session;
  self->list = list;
  remember_scales (self, kx_session_get_settings (session));
  g_signal_connect_object (kx_session_get_runs (session), "items-changed", G_CALLBACK (follow_runs),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (list, "shown", G_CALLBACK (show_or_hide), self, G_CONNECT_SWAPPED);
  follow_runs (self);
}
