/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is known of the selected unit, and what can be done about it. */

#include "unit-detail.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/chart.h"
#include "chart/histogram.h"
#include "job.h"

#define CHART_HEIGHT 140
#define BINS 24

struct _KxUnitDetail {
  GtkWidget parent_instance;

  GtkStack *stack;
  GtkLabel *title, *word, *progress, *ratio, *examples_text;
  GtkPicture *picture;
  GtkToggleButton *pause;
  AdwBin *chart_bin, *histogram_bin;
  KxHistogram *histogram;
  GtkFlowBox *examples_box;
  GtkToggleButton *as_it_is, *off, *held_on, *turned;
  GtkLabel *change_text;
  GtkWidget *held_row;
  GtkSpinButton *held, *steps, *rate;
  GtkSwitch *motions, *spectrum, *middle;
  GtkWidget *cuts[KX_MOST_EXAMPLES];

  KxExciter *exciter;
  KxExamples *examples;
  KxNeuron *unit;
  GdkPaintable *moment; /* its picture at an earlier step of the training; NULL: as it is now */
  char *moment_name;
  const char *shown[KX_MOST_EXAMPLES]; /* paths of the photos whose parts are shown */
  gboolean showing;                    /* controls are set by the program */
};

G_DEFINE_FINAL_TYPE (KxUnitDetail, kx_unit_detail, GTK_TYPE_WIDGET)

enum {
  CHANGE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── The picture ─────────────────────────────────────────────────────────────────────────────── */

static void
show_moment (KxUnitDetail *self)
{
  g_autofree char *text
      = g_strdup_printf (_ ("%s. Press it again to see what it is now."), self->moment_name);

  gtk_picture_set_paintable (self->picture, self->moment);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->picture), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  self->moment_name, -1);
  gtk_label_set_label (self->word, "");
  gtk_label_set_label (self->progress, text);
  gtk_widget_set_visible (GTK_WIDGET (self->ratio), FALSE);
}

static void
show_progress (KxUnitDetail *self, const KxNeuronPicture *picture)
{
  guint steps = kx_exciter_get_settings (self->exciter)->steps;
  double seconds = kx_exciter_get_seconds_left (self->exciter);
  g_autofree char *left = kx_format_time_left (seconds > 0 ? seconds : NAN);
  g_autofree char *text = NULL;

  if (!picture->texture)
    text = g_strdup (_ ("Its picture has not begun yet"));
  else if (kx_neuron_is_stale (self->unit))
    text = g_strdup (_ ("It is made again"));
  else if (picture->steps >= steps)
    text = g_strdup_printf (_ ("Step %u · done"), picture->steps);
  else
    text = g_strdup_printf (_ ("Step %u of %u%s%s"), picture->steps, steps, *left ? " · " : "",
                            left);
  gtk_label_set_label (self->progress, text);
}

static void
show_ratio (KxUnitDetail *self, const KxNeuronPicture *picture)
{
  double ratio = kx_neuron_get_ratio (self->unit);
  GString *text = g_string_new (NULL);

  if (picture->dead)
    g_string_append (text, _ ("Dead: nothing excites it, so there is no picture"));
  else if (picture->texture)
    {
      g_string_append_printf (text, _ ("Activation %.3g"), picture->activation);
      if (!isnan (ratio))
        g_string_append_printf (text, _ (", %.1f times the best photo"), ratio);
      if (!isnan (picture->probability))
        g_string_append_printf (text, _ ("; the class has %.1f %%"), 100 * picture->probability);
    }
  gtk_label_set_label (self->ratio, text->str);
  gtk_widget_set_visible (GTK_WIDGET (self->ratio), text->len > 0);
  g_string_free (text, TRUE);
}

static void
show_picture (KxUnitDetail *self)
{
  const KxNeuronPicture *picture;
  g_autofree char *name = NULL;

  if (self->exciter) /* its job can be paused elsewhere */
    gtk_toggle_button_set_active (self->pause, kx_exciter_is_paused (self->exciter));
  if (!self->unit || !self->exciter)
    return;
  /* A chart without a curve says nothing, but keeps its place. */
  gtk_widget_set_opacity (GTK_WIDGET (self->chart_bin),
                          kx_series_get_length (kx_exciter_get_objective (self->exciter)) > 0);
  if (self->moment)
    {
      show_moment (self);
      return;
    }
  picture = kx_neuron_get_picture (self->unit);
  name = kx_neuron_describe (self->unit);
  gtk_picture_set_paintable (self->picture,
                             picture->dead ? NULL : GDK_PAINTABLE (picture->texture));
  gtk_label_set_label (self->word, picture->dead ? _ ("dead") : "");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->picture), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  name, -1);
  show_progress (self, picture);
  show_ratio (self, picture);
}

/**
 * kx_unit_detail_set_moment:
 * @detail: an inspector
 * @picture: (nullable): what excited the unit once; %NULL: its picture as it is now is shown
 * @name: (nullable): "Unit 2 at step 400"
 */
void
kx_unit_detail_set_moment (KxUnitDetail *self, GdkPaintable *picture, const char *name)
{
  g_set_object (&self->moment, picture);
  g_free (self->moment_name);
  self->moment_name = g_strdup (name);
  show_picture (self);
}

static void
toggle_pause (KxUnitDetail *self)
{
  kx_exciter_pause (self->exciter, gtk_toggle_button_get_active (self->pause));
}

static void
restart (KxUnitDetail *self)
{
  KxExciteSettings settings = *kx_exciter_get_settings (self->exciter);

  settings.seed++;
  kx_exciter_set_settings (self->exciter, &settings);
}

static void
take_settings (KxUnitDetail *self)
{
  KxExciteSettings settings;

  if (!self->exciter || self->showing)
    return;
  settings = *kx_exciter_get_settings (self->exciter);
  settings.steps = (guint) gtk_spin_button_get_value_as_int (self->steps);
  settings.rate = gtk_spin_button_get_value (self->rate);
  settings.still = !gtk_switch_get_active (self->motions);
  settings.plain = !gtk_switch_get_active (self->spectrum);
  settings.neuron = gtk_switch_get_active (self->middle);
  kx_exciter_set_settings (self->exciter, &settings);
}

/* ── Photos that excite it ───────────────────────────────────────────────────────────────────── */

/* A KxCutFunc. */
static void
take_cut (GdkTexture *texture, guint place, gpointer owner)
{
  KxUnitDetail *self = owner;

  gtk_picture_set_paintable (GTK_PICTURE (self->cuts[place]), GDK_PAINTABLE (texture));
}

static void
show_cut (KxUnitDetail *self, guint place, const KxExample *example)
{
  GtkWidget *cut = self->cuts[place];
  GtkWidget *child = gtk_widget_get_parent (cut);

  gtk_widget_set_visible (child, example != NULL);
  if (!example || self->shown[place] == example->path)
    return;
  self->shown[place] = example->path;
  g_autofree char *base = g_filename_display_basename (example->path);
  g_autofree char *name = g_strdup_printf (_ ("%s: %.3g"), base, example->value);
  gtk_picture_set_paintable (GTK_PICTURE (cut), NULL);
  gtk_widget_set_tooltip_text (cut, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (cut), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  kx_examples_cut (self->examples, example, place, take_cut, self);
}

/* How what it says is spread over the photos. */
static void
show_histogram (KxUnitDetail *self)
{
  guint n;
  const float *values
      = kx_examples_get_values (self->examples, kx_neuron_get_index (self->unit), &n);
  float low = INFINITY, high = -INFINITY, counts[BINS] = { 0 };

  for (guint i = 0; i < n; i++)
    {
      low = fminf (low, values[i]);
      high = fmaxf (high, values[i]);
    }
  kx_histogram_clear (self->histogram);
  gtk_widget_set_visible (GTK_WIDGET (self->histogram_bin), n > 1 && high > low);
  if (n < 2 || !(high > low))
    return;
  for (guint i = 0; i < n; i++)
    counts[MIN ((guint) ((values[i] - low) / (high - low) * BINS), BINS - 1)]++;
  kx_histogram_add (self->histogram, NAN, low, high, counts, BINS);
}

/* Where the photo, or drawing, that is shown stands among them. */
static void
show_mark (KxUnitDetail *self)
{
  kx_histogram_set_mark (self->histogram, kx_neuron_get_peak (self->unit),
                         _ ("what is under the brush"));
}

/* Given. */
static char *
describe_examples (KxUnitDetail *self, guint all)
{
  g_autofree char *text
      = g_strdup_printf (g_dngettext (NULL, "Of %u photo", "Of %u photos", all), all);

  return kx_examples_are_stale (self->examples)
             ? g_strdup_printf (_ ("%s, before the network changed"), text)
             : g_steal_pointer (&text);
}

/* What another network says, as it was, is dimmed. */
static void
dim_examples (KxUnitDetail *self)
{
  double opacity = kx_examples_are_stale (self->examples) ? 0.5 : 1;

  gtk_widget_set_opacity (GTK_WIDGET (self->examples_box), opacity);
  gtk_widget_set_opacity (GTK_WIDGET (self->histogram_bin), opacity);
}

static void
show_examples (KxUnitDetail *self)
{
  guint done = 0, n = 0, all;
  const KxExample *examples;
  g_autofree char *text = NULL;

  if (!self->unit || !self->examples)
    return;
  all = kx_examples_get_count (self->examples, &done);
  examples = kx_examples_get (self->examples, kx_neuron_get_index (self->unit), &n);
  if (!all)
    text = g_strdup (_ ("Choose a folder of photos: what excites the unit in them stands here."));
  else if (done < all)
    text = g_strdup_printf (_ ("%u of %u photos looked at"), done, all);
  else
    text = describe_examples (self, all);
  gtk_label_set_label (self->examples_text, text);
  dim_examples (self);
  for (guint i = 0; i < KX_MOST_EXAMPLES; i++)
    show_cut (self, i, i < n ? &examples[i] : NULL);
  show_histogram (self);
  show_mark (self);
}

/* ── What is done to it ──────────────────────────────────────────────────────────────────────── */

/* Which choice it is, and of a held unit at what. */
static KolUnitChange
chosen_change (KxUnitDetail *self, double *value)
{
  *value
      = gtk_toggle_button_get_active (self->held_on) ? gtk_spin_button_get_value (self->held) : 0;
  if (gtk_toggle_button_get_active (self->as_it_is))
    return KOL_UNIT_AS_IT_IS;
  return gtk_toggle_button_get_active (self->turned) ? KOL_UNIT_TURNED : KOL_UNIT_HELD;
}

static void
choose_change (KxUnitDetail *self)
{
  double value, before;
  KolUnitChange change = chosen_change (self, &value);

  gtk_widget_set_visible (self->held_row, gtk_toggle_button_get_active (self->held_on));
  if (!self->unit || self->showing
      || (kx_neuron_get_change (self->unit, &before) == change && before == value))
    return;
  kx_neuron_set_change (self->unit, change, value);
  g_signal_emit (self, signals[CHANGE], 0, self->unit);
}

static void
show_change (KxUnitDetail *self)
{
  double value;
  KolUnitChange change = kx_neuron_get_change (self->unit, &value);
  GtkToggleButton *button = change == KOL_UNIT_AS_IT_IS ? self->as_it_is
                            : change == KOL_UNIT_TURNED ? self->turned
                            : value == 0                ? self->off
                                                        : self->held_on;

  self->showing = TRUE;
  gtk_toggle_button_set_active (button, TRUE);
  if (button == self->held_on)
    gtk_spin_button_set_value (self->held, value);
  gtk_widget_set_sensitive (GTK_WIDGET (self->turned),
                            kx_network_layer_has_map (kx_neuron_get_layer (self->unit)));
  self->showing = FALSE;
}

/**
 * kx_unit_detail_set_consequence:
 * @detail: an inspector
 * @text: what comes of the changed units
 */
void
kx_unit_detail_set_consequence (KxUnitDetail *self, const char *text)
{
  gtk_label_set_label (self->change_text, text);
  gtk_widget_set_visible (GTK_WIDGET (self->change_text), *text != 0);
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

static void
kx_unit_detail_dispose (GObject *object)
{
  KxUnitDetail *self = KX_UNIT_DETAIL (object);

  if (self->unit)
    g_signal_handlers_disconnect_by_data (self->unit, self);
  g_clear_object (&self->unit);
  g_clear_object (&self->moment);
  g_clear_pointer (&self->moment_name, g_free);
  g_clear_object (&self->exciter);
  g_clear_object (&self->examples);
  if (self->stack)
    gtk_widget_unparent (GTK_WIDGET (self->stack));
  self->stack = NULL;
  G_OBJECT_CLASS (kx_unit_detail_parent_class)->dispose (object);
}

static void
kx_unit_detail_class_init (KxUnitDetailClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_unit_detail_dispose;
  signals[CHANGE] = g_signal_new ("change", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, KX_TYPE_NEURON);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/unit-detail.ui");
#define BIND(child) gtk_widget_class_bind_template_child (widget_class, KxUnitDetail, child)
  BIND (stack);
  BIND (title);
  BIND (word);
  BIND (progress);
  BIND (ratio);
  BIND (examples_text);
  BIND (picture);
  BIND (pause);
  BIND (chart_bin);
  BIND (histogram_bin);
  BIND (examples_box);
  BIND (as_it_is);
  BIND (off);
  BIND (held_on);
  BIND (turned);
  BIND (change_text);
  BIND (held_row);
  BIND (held);
  BIND (steps);
  BIND (rate);
  BIND (motions);
  BIND (spectrum);
  BIND (middle);
#undef BIND
  gtk_widget_class_bind_template_callback (widget_class, toggle_pause);
  gtk_widget_class_bind_template_callback (widget_class, restart);
  gtk_widget_class_bind_template_callback (widget_class, choose_change);
  gtk_widget_class_bind_template_callback (widget_class, take_settings);
}

static void
make_cuts (KxUnitDetail *self)
{
  for (guint i = 0; i < KX_MOST_EXAMPLES; i++)
    {
      self->cuts[i] = gtk_picture_new ();
      gtk_widget_set_size_request (self->cuts[i], 78, 78);
      gtk_flow_box_insert (self->examples_box, self->cuts[i], -1);
      gtk_widget_set_focusable (gtk_widget_get_parent (self->cuts[i]), FALSE);
      gtk_widget_set_visible (gtk_widget_get_parent (self->cuts[i]), FALSE);
    }
}

static void
kx_unit_detail_init (KxUnitDetail *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  make_cuts (self);
  self->histogram = KX_HISTOGRAM (kx_histogram_new (_ ("What it says of the photos")));
  gtk_widget_set_size_request (GTK_WIDGET (self->histogram), -1, CHART_HEIGHT);
  adw_bin_set_child (self->histogram_bin, GTK_WIDGET (self->histogram));
  kx_unit_detail_set_consequence (self, "");
  choose_change (self);
}

static void
make_chart (KxUnitDetail *self)
{
  g_autoptr (KxChartView) view = kx_chart_view_new ();
  GtkWidget *chart = kx_chart_new (view, _ ("Objective"));

  kx_chart_view_set_smoothing (view, 0); /* the number is the one below the picture */
  kx_chart_add_line (KX_CHART (chart), kx_exciter_get_objective (self->exciter), _ ("objective"), 0,
                     KX_LINE_THIN);
  gtk_widget_set_size_request (chart, -1, CHART_HEIGHT);
  adw_bin_set_child (self->chart_bin, chart);
}

/**
 * kx_unit_detail_set_exciter:
 * @detail: an inspector
 * @exciter: what makes pictures
 */
void
kx_unit_detail_set_exciter (KxUnitDetail *self, KxExciter *exciter)
{
  g_set_object (&self->exciter, exciter);
  g_signal_connect_object (exciter, "progress", G_CALLBACK (show_picture), self, G_CONNECT_SWAPPED);
  make_chart (self);
}

/**
 * kx_unit_detail_set_examples:
 * @detail: an inspector
 * @examples: which photos excite units
 */
void
kx_unit_detail_set_examples (KxUnitDetail *self, KxExamples *examples)
{
  g_set_object (&self->examples, examples);
  g_signal_connect_object (examples, "changed", G_CALLBACK (show_examples), self,
                           G_CONNECT_SWAPPED);
}

/**
 * kx_unit_detail_set_unit:
 * @detail: an inspector
 * @unit: (nullable): what is looked at
 */
void
kx_unit_detail_set_unit (KxUnitDetail *self, KxNeuron *unit)
{
  if (self->unit)
    g_signal_handlers_disconnect_by_data (self->unit, self);
  g_set_object (&self->unit, unit);
  gtk_stack_set_visible_child_name (self->stack, unit ? "unit" : "none");
  for (guint i = 0; i < KX_MOST_EXAMPLES; i++)
    self->shown[i] = NULL;
  if (!unit)
    return;
  g_autofree char *title
      = g_strdup_printf (_ ("%s · unit %u"), kx_network_layer_get_name (kx_neuron_get_layer (unit)),
                         kx_neuron_get_index (unit));
  gtk_label_set_label (self->title, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->title), title);
  g_signal_connect_object (unit, "notify::picture", G_CALLBACK (show_picture), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (unit, "notify::map", G_CALLBACK (show_mark), self, G_CONNECT_SWAPPED);
  show_picture (self);
  show_change (self);
  show_examples (self);
}
