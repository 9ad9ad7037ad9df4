/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../device/error-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define SAY_EVERY 15.0 /* seconds between two lines where no line can be replaced */

typedef struct {
  ToolOptions common;
  char *model, *output, *snapshots, *like;
  int size, smallest, steps, octaves, every, history;
  gboolean classic;
  char *measure, *optimizer, *colours, *start;
  double content_weight, style_weight, variation;
  char *style_layers, *content_layers, *weights;
  char **regions, **parts;
  double style_scale, rate;
  gint64 seed;
} StyleOptions;

static void
style_options_clear (StyleOptions *options)
{
  char *texts[]
      = { options->model,          options->output,  options->snapshots, options->measure,
          options->optimizer,      options->colours, options->start,     options->style_layers,
          options->content_layers, options->weights, options->like };

  tool_options_clear (&options->common);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_strfreev (options->regions);
  g_strfreev (options->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StyleOptions, style_options_clear)

/* The task, and what it points to. */
typedef struct {
  const StyleOptions *options;
  KolStyleOptions task;
  GPtrArray *pictures; /* KolPicture */
  KolStyleSource *sources;
  char **style_names, **content_names;
  KolStyleLayer *style_layers, *content_layers;
  KolStyle *style;
  char **paths; /* content, styles */
  guint step;
  gint64 said;   /* when the last line was */
  GError *error; /* of a snapshot that could not be written */
} Painting;

static void
painting_clear (Painting *self)
{
  g_clear_pointer (&self->style, kol_style_free);
  g_clear_pointer (&self->pictures, g_ptr_array_unref);
  g_free (self->sources);
  g_strfreev (self->style_names);
  g_strfreev (self->content_names);
  g_free (self->style_layers);
  g_free (self->content_layers);
  g_clear_error (&self->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Painting, painting_clear)

/* ── From options to a task ── */

/* Which of @words an option's is; @otherwise without one, -1 for a wrong one. */
static int
choose (const char *option, const char *given, const char *const *words, int otherwise,
        GError **error)
{
  if (!given)
    return otherwise;
  for (int i = 0; words[i]; i++)
    if (g_str_equal (words[i], given))
      return i;
  g_autofree char *known = g_strjoinv (", ", (char **) words);
  kol_refuse (error, "--%s is one of %s, not \"%s\"", option, known, given);
  return -1;
}

/* "relu1_1,relu2_1:0.5" */
static gboolean
parse_layers (const char *text, char ***names, KolStyleLayer **layers, guint *n, GError **error)
{
  if (!text)
    return TRUE;
  *names = g_strsplit (text, ",", -1);
  *n = g_strv_length (*names);
  *layers = g_new0 (KolStyleLayer, *n + 1);
  for (guint i = 0; i < *n; i++)
    {
      char *colon = strrchr ((*names)[i], ':'), *end = NULL;
      double weight = colon ? g_ascii_strtod (colon + 1, &end) : 0;

      /* A name may have a colon, too: what follows it is then no number. */
      if (colon && end != colon + 1 && *end == '\0')
        *colon = '\0';
      else
        weight = 0;
      if (!*(*names)[i] || weight < 0 || !isfinite (weight))
        return kol_refuse (error, "Layers are NAME[:WEIGHT],..., not \"%s\"", text);
      (*layers)[i] = (KolStyleLayer){ (*names)[i], weight };
    }
  return TRUE;
}

/* "2,1": of the styles, in order. */
static gboolean
parse_weights (Painting *self, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text ? text : "", ",", -1);
  guint n = g_strv_length (parts);

  if (text && n != self->task.n_styles)
    return kol_refuse (error, "--weights has %u numbers, but there are %u styles", n,
                       self->task.n_styles);
  for (guint i = 0; text && i < n; i++)
    {
      char *end;
      double weight = g_ascii_strtod (parts[i], &end);
      if (end == parts[i] || *end || !(weight > 0) || !isfinite (weight))
        return kol_refuse (error, "--weights are numbers above 0, not \"%s\"", parts[i]);
      self->sources[i].weight = weight;
    }
  return TRUE;
}

static const KolPicture *
load (Painting *self, const char *path, GError **error)
{
  KolPicture *picture = kol_picture_load (path, error);

  if (picture)
    g_ptr_array_add (self->pictures, picture);
  return picture;
}

/* One mask of a style: the file of that number, if there is one and it is not "all". */
static gboolean
load_mask (Painting *self, char **files, guint i, const KolPicture **mask, GError **error)
{
  if (!files || i >= g_strv_length (files) || g_str_equal (files[i], "all"))
    return TRUE;
  *mask = load (self, files[i], error);
  return *mask != NULL;
}

static gboolean
load_pictures (Painting *self, char **paths, GError **error)
{
  char **regions = self->options->regions, **parts = self->options->parts;
  guint n = g_strv_length (paths) - 1;

  self->task.content = load (self, paths[0], error);
  if (!self->task.content)
    return FALSE;
  if (regions && g_strv_length (regions) > n)
    return kol_refuse (error, "There are %u regions, but %u styles: one each, in their order",
                       g_strv_length (regions), n);
  if (parts && g_strv_length (parts) > n)
    return kol_refuse (error, "There are %u parts, but %u styles: one each, in their order",
                       g_strv_length (parts), n);
  self->sources = g_new0 (KolStyleSource, n);
  for (guint i = 0; i < n; i++)
    {
      self->sources[i].picture = load (self, paths[i + 1], error);
      if (!self->sources[i].picture)
        return FALSE;
      if (!load_mask (self, regions, i, &self->sources[i].region, error)
          || !load_mask (self, parts, i, &self->sources[i].part, error))
        return FALSE;
    }
  self->task.styles = self->sources;
  self->task.n_styles = n;
  return TRUE;
}

static gboolean
choose_start (Painting *self, GError **error)
{
  const char *start = self->options->start;

  if (!start || g_str_equal (start, "content"))
    self->task.start = KOL_STYLE_START_CONTENT;
  else if (g_str_equal (start, "noise"))
    self->task.start = KOL_STYLE_START_NOISE;
  else
    {
      self->task.start = KOL_STYLE_START_PICTURE;
      self->task.start_picture = load (self, start, error);
      return self->task.start_picture != NULL;
    }
  return TRUE;
}

/* The network that paints best among those that are installed. */
const char *
tool_find_features (GError **error)
{
  static const char *const best[] = { "vgg19", "vgg16", "vgg16-hed", "squeezenet1.1", NULL };

  for (guint i = 0; best[i]; i++)
    {
      g_autoptr (KolModelEntry) entry = kol_catalogue_find (best[i], NULL);
      if (entry && entry->path)
        return best[i];
    }
  kol_refuse (error,
              "No network is installed whose features could be compared: `kolinsky models get "
              "vgg19` gets the usual one, or name a file with --model");
  return NULL;
}

/* Of the numbers that are not given, what neural-style has. */
static void
make_classic (KolStyleOptions *task)
{
  task->network_units = TRUE;
  task->smallest = task->smallest ? task->smallest : MAX (task->size, 512);
  task->steps = task->steps ? task->steps : 1000;
  task->octaves = task->octaves ? task->octaves : 1;
  task->rate = task->rate != 0 ? task->rate : 1;
}

static gboolean
make_task (Painting *self, char **paths, GError **error)
{
  static const char *const measures[] = { "normal", "gram", NULL };
  static const char *const optimizers[] = { "adam", "lbfgs", NULL };
  static const char *const colours[] = { "style", "keep", "match", NULL };
  const StyleOptions *options = self->options;
  KolStyleOptions *task = &self->task;
  int measure = choose ("measure", options->measure, measures, options->classic, error);
  int optimizer
      = measure < 0 ? -1
                    : choose ("optimizer", options->optimizer, optimizers, options->classic, error);
  int whose = optimizer < 0 ? -1 : choose ("colours", options->colours, colours, 0, error);

  if (whose < 0)
    return FALSE;
  *task
      = (KolStyleOptions){ .network = options->model ? options->model : tool_find_features (error),
                           .measure = (KolStyleMeasure) measure,
                           .optimizer = (KolStyleOptimizer) optimizer,
                           .colours = (KolStyleColours) whose,
                           .content_weight = options->content_weight,
                           .style_weight = options->style_weight,
                           .variation_weight = options->variation,
                           .size = (guint) options->size,
                           .smallest = (guint) options->smallest,
                           .steps = (guint) options->steps,
                           .history = (guint) options->history,
                           .style_scale = options->style_scale,
                           .octaves = (guint) options->octaves,
                           .rate = options->rate,
                           .seed = (guint64) options->seed };
  if (!task->network)
    return FALSE;
  if (options->classic)
    make_classic (task);
  self->pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_picture_free);
  if (!parse_layers (options->style_layers, &self->style_names, &self->style_layers,
                     &task->n_style_layers, error)
      || !parse_layers (options->content_layers, &self->content_names, &self->content_layers,
                        &task->n_content_layers, error))
    return FALSE;
  task->style_layers = self->style_layers;
  task->content_layers = self->content_layers;
  return load_pictures (self, paths, error) && choose_start (self, error)
         && parse_weights (self, options->weights, error);
}

/* ── What the file says of itself ── */

static char *
whole_path (const char *path)
{
  return path ? g_canonicalize_filename (path, NULL) : NULL;
}

/* Files by their whole paths, so that the picture can be gone on with from anywhere. */
static char **
whole_paths (char **paths)
{
  g_autoptr (GStrvBuilder) whole = g_strv_builder_new ();

  for (guint i = 0; paths && paths[i]; i++)
    {
      g_autofree char *path
          = g_str_equal (paths[i], "all") ? g_strdup ("all") : whole_path (paths[i]);
      g_strv_builder_add (whole, path);
    }
  return g_strv_builder_end (whole);
}

/* A start, or a network, may be a file or a word. */
static char *
word_or_path (const char *text)
{
  return text && g_file_test (text, G_FILE_TEST_EXISTS) ? whole_path (text) : g_strdup (text);
}

static KolStyleNote *
make_note (const StyleOptions *options, char **paths)
{
  KolStyleNote *note = kol_style_note_new ();

  note->content = whole_path (paths[0]);
  note->styles = whole_paths (paths + 1);
  note->regions = whole_paths (options->regions);
  note->parts = whole_paths (options->parts);
  note->weights = g_strdup (options->weights);
  note->model = word_or_path (options->model);
  note->measure = g_strdup (options->measure);
  note->optimizer = g_strdup (options->optimizer);
  note->colours = g_strdup (options->colours);
  note->start = word_or_path (options->start);
  note->style_layers = g_strdup (options->style_layers);
  note->content_layers = g_strdup (options->content_layers);
  note->size = options->size;
  note->smallest = options->smallest;
  note->steps = options->steps;
  note->octaves = options->octaves;
  note->history = options->history;
  note->content_weight = options->content_weight;
  note->style_weight = options->style_weight;
  note->variation = options->variation;
  note->style_scale = options->style_scale;
  note->rate = options->rate;
  note->seed = options->seed;
  note->classic = options->classic;
  return note;
}

static void
take_text (char **place, char **found)
{
  if (!*place)
    *place = g_steal_pointer (found);
}

static void
take_int (int *place, int found)
{
  if (!*place)
    *place = found;
}

static void
take_number (double *place, double unset, double found)
{
  if (isnan (unset) ? isnan (*place) : *place == unset)
    *place = found;
}

/* What the options leave open is as a picture says that it was painted. */
static void
take_note (StyleOptions *options, KolStyleNote *note)
{
  take_text (&options->weights, &note->weights);
  take_text (&options->model, &note->model);
  take_text (&options->measure, &note->measure);
  take_text (&options->optimizer, &note->optimizer);
  take_text (&options->colours, &note->colours);
  take_text (&options->start, &note->start);
  take_text (&options->style_layers, &note->style_layers);
  take_text (&options->content_layers, &note->content_layers);
  take_int (&options->size, note->size);
  take_int (&options->smallest, note->smallest);
  take_int (&options->steps, note->steps);
  take_int (&options->octaves, note->octaves);
  take_int (&options->history, note->history);
  take_number (&options->content_weight, NAN, note->content_weight);
  take_number (&options->style_weight, NAN, note->style_weight);
  take_number (&options->variation, NAN, note->variation);
  take_number (&options->style_scale, 0, note->style_scale);
  take_number (&options->rate, 0, note->rate);
  if (!options->regions)
    options->regions = g_steal_pointer (&note->regions);
  if (!options->parts)
    options->parts = g_steal_pointer (&note->parts);
  options->seed = options->seed != 1 ? options->seed : note->seed;
  options->classic = options->classic || note->classic;
}

/* Content and styles: as the command line says, or as the picture that is to be like. Given. */
static char **
take_paths (const KolStyleNote *note, char **given)
{
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  if (*given || !note || !note->content)
    return g_strdupv (given);
  g_strv_builder_add (paths, note->content);
  g_strv_builder_addv (paths, (const char **) note->styles);
  return g_strv_builder_end (paths);
}

/* ── Files ── */

/* The picture as it is after @self's step, and how it was painted. */
static gboolean
save (const Painting *self, const KolSnapshot *picture, const char *path, GError **error)
{
  g_autoptr (KolStyleNote) note = make_note (self->options, self->paths);

  note->step = (int) self->step;
  g_auto (GStrv) texts = kol_style_note_to_texts (note);
  return tool_save_texts (picture, path, (const char *const *) texts, error);
}

/* Where it was to go or, as it may have taken hours, where there is space: that is said, too. */
static gboolean
save_result (const Painting *self, const KolSnapshot *picture, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (save (self, picture, self->options->output, &reason))
    return TRUE;
  g_autofree char *name = g_strdup_printf ("kolinsky-%08x.png", g_random_int ());
  g_autofree char *other = g_build_filename (g_get_tmp_dir (), name, NULL);
  if (!save (self, picture, other, NULL))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  g_autofree char *shown = g_filename_display_name (other);
  return kol_refuse (error, "%s. The picture is in %s", reason->message, shown);
}

/* ── Progress ── */

static void
say_event (const KolStyleState *state)
{
  if (state->event)
    tool_say ("%s", state->event);
}

/* "style", or "style 1/2" of the picture at half the size. Given. */
static char *
name_kind (const KolStyleTerm *term)
{
  return term->octave ? g_strdup_printf ("%s 1/%u", term->kind, 1u << term->octave)
                      : g_strdup (term->kind);
}

/* "content 0.12  style 0.034 0.02  style 1/2: 0.03 ..." */
static char *
format_terms (const KolStyleState *state)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *before = NULL;

  for (guint i = 0; i < state->n_terms; i++)
    {
      const KolStyleTerm *term = &state->terms[i];
      g_autofree char *loss = tool_format_small (term->loss * term->weight);
      char *kind = name_kind (term);

      if (g_strcmp0 (before, kind) != 0)
        g_string_append_printf (text, "%s%s%s", *text->str ? "  " : "", kind,
                                term->octave ? ":" : "");
      g_free (before);
      before = kind;
      g_string_append_printf (text, " %s", loss);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
show (Painting *self, const KolStudyProgress *progress, const KolStyleState *state)
{
  g_autofree char *terms = format_terms (state);
  g_autofree char *total = tool_format_small (progress->value);
  g_autofree char *left = tool_format_duration (progress->seconds_left);
  g_autofree char *line
      = g_strdup_printf ("%zux%zu  step %u/%u  loss %s  %s  %s left", state->width, state->height,
                         progress->step, progress->steps, total, terms, left);
  gint64 now = g_get_monotonic_time ();

  if (tool_on_terminal ())
    {
      if (g_utf8_strlen (line, -1) >= tool_columns ())
        *g_utf8_offset_to_pointer (line, tool_columns () - 1) = '\0';
      tool_status (line);
    }
  else if (progress->step == 1 || progress->step == progress->steps
           || (double) (now - self->said) * 1e-6 >= SAY_EVERY)
    {
      tool_say ("%s", line);
      self->said = now;
    }
}

static void
save_snapshot (Painting *self, const KolStudyProgress *progress)
{
  g_autofree char *name = g_strdup_printf ("%06u.png", progress->step);
  g_autofree char *path = g_build_filename (self->options->snapshots, name, NULL);

  if (!self->error)
    save (self, progress->snapshots[0], path, &self->error);
}

static void
told (const KolStudyProgress *progress, gpointer user_data)
{
  Painting *self = user_data;
  const KolStyleState *state = kol_style_get_state (self->style);

  self->step = progress->step;
  say_event (state);
  show (self, progress, state);
  if (progress->n_snapshots && self->options->snapshots)
    save_snapshot (self, progress);
}

/* ── The run ── */

static gboolean
announce (Painting *self, GError **error)
{
  double seconds;

  g_autofree char *peak = tool_format_bytes (kol_style_get_peak_bytes (self->style));
  tool_say ("A picture of %zu x %zu pixels; it takes %s on the device",
            kol_style_get_width (self->style), kol_style_get_height (self->style), peak);
  if (kol_style_get_tiles (self->style) > 1)
    tool_say ("It is computed in %u tiles, as the whole does not fit",
              kol_style_get_tiles (self->style));
  if (!kol_style_estimate (self->style, &seconds, error))
    return FALSE;
  g_autofree char *time = tool_format_duration (seconds);
  tool_say ("It will be there in about %s", time);
  return TRUE;
}

static void
say_losses (const Painting *self)
{
  const KolStyleState *state = kol_style_get_state (self->style);

  for (guint i = 0; i < state->n_terms; i++)
    {
      const KolStyleTerm *term = &state->terms[i];
      g_autofree char *loss = tool_format_small (term->loss);
      g_autofree char *weighted = tool_format_small (term->loss * term->weight);
      g_autofree char *kind = name_kind (term);

      tool_say ("  %-10s %-20s loss %-10s weighted %s", kind, term->layer ? term->layer : "", loss,
                weighted);
    }
  tool_say ("The sum of the losses is %.6g", state->total);
}

static gboolean
paint (Painting *self, GCancellable *cancellable, GError **error)
{
  const KolStudyWatch watch
      = { .told = told,
          .user_data = self,
          .every = self->options->snapshots ? (guint) self->options->every : 0,
          .cancellable = cancellable };
  g_autoptr (KolSnapshot) picture = kol_style_run (self->style, &watch, error);

  if (!picture)
    return FALSE;
  say_losses (self);
  if (!save_result (self, picture, error))
    return FALSE;
  g_autofree char *shown = g_filename_display_name (self->options->output);
  tool_say ("The picture is in %s, %zu x %zu pixels%s", shown, kol_snapshot_get_width (picture),
            kol_snapshot_get_height (picture),
            g_cancellable_is_cancelled (cancellable) ? ": as it was when it was interrupted" : "");
  if (!self->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}

static ToolExit
run_style (const StyleOptions *options, char **paths)
{
  g_auto (Painting) painting = { .options = options, .paths = paths };
  g_autoptr (GError) error = NULL;
  ToolInterrupt interrupt;

  if (!tool_check_png (options->output, &error) || !make_task (&painting, paths, &error))
    return tool_fail (error);
  g_autoptr (KolDevice) device = tool_open_device (&options->common, &error);
  if (!device)
    return tool_fail (error);
  if (options->snapshots && g_mkdir_with_parents (options->snapshots, 0777) != 0)
    kol_refuse (&error, "The folder %s cannot be made", options->snapshots);
  else
    painting.style = kol_style_new (device, &painting.task, &error);
  if (!painting.style || !announce (&painting, &error))
    return tool_fail (error);
  tool_interrupt_start (&interrupt, "Finishing the step and writing the picture as it is");
  gboolean good = paint (&painting, interrupt.cancellable, &error)
                  && tool_save_profile (&options->common, device, &error);
  gboolean interrupted = g_cancellable_is_cancelled (interrupt.cancellable);
  tool_interrupt_stop (&interrupt);
  return !good ? tool_fail (error) : interrupted ? TOOL_INTERRUPTED : TOOL_OK;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (StyleOptions) options
      = { .content_weight = NAN, .style_weight = NAN, .variation = NAN, .every = 25, .seed = 1 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "The picture that is written, PNG",
      "FILE" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options.model,
      "Whose features are compared: an installed network, or a file", "MODEL" },
    { "size", 's', 0, G_OPTION_ARG_INT, &options.size, "The longer side (512)", "PIXELS" },
    { "steps", 0, 0, G_OPTION_ARG_INT, &options.steps,
      "At each size; twice as many at the first (500)", "N" },
    { "content-weight", 0, 0, G_OPTION_ARG_DOUBLE, &options.content_weight,
      "How much the content counts", "NUMBER" },
    { "style-weight", 0, 0, G_OPTION_ARG_DOUBLE, &options.style_weight, "How much the style counts",
      "NUMBER" },
    { "variation", 0, 0, G_OPTION_ARG_DOUBLE, &options.variation, "How much smoothness counts",
      "NUMBER" },
    { "weights", 0, 0, G_OPTION_ARG_STRING, &options.weights, "How much of each of several styles",
      "A,B,..." },
    { "region", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.regions,
      "Where the styles are wanted, in their order: white; or \"all\"", "PICTURE" },
    { "part", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.parts,
      "What is taken of the styles, in their order: white; or \"all\"", "PICTURE" },
    { "colours", 0, 0, G_OPTION_ARG_STRING, &options.colours,
      "The style's, the content's (keep), or the style's after it was given the content's (match)",
      "style|keep|match" },
    { "style-scale", 0, 0, G_OPTION_ARG_DOUBLE, &options.style_scale,
      "How large the styles are looked at, relative to the picture (1)", "NUMBER" },
    { "octaves", 0, 0, G_OPTION_ARG_INT, &options.octaves,
      "At how many sizes styles are compared: the whole, at half the size, ... (2)", "N" },
    { "start", 0, 0, G_OPTION_ARG_FILENAME, &options.start,
      "What the picture is at first (content)", "content|noise|PICTURE" },
    { "smallest", 0, 0, G_OPTION_ARG_INT, &options.smallest,
      "The longer side at which it is painted first (128)", "PIXELS" },
    { "measure", 0, 0, G_OPTION_ARG_STRING, &options.measure, "What a style is", "normal|gram" },
    { "optimizer", 0, 0, G_OPTION_ARG_STRING, &options.optimizer, "How the picture is changed",
      "adam|lbfgs" },
    { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &options.rate, "Adam's learning rate (0.02)", "NUMBER" },
    { "history", 0, 0, G_OPTION_ARG_INT, &options.history, "Steps that L-BFGS remembers (100)",
      "N" },
    { "classic", 0, 0, G_OPTION_ARG_NONE, &options.classic,
      "Gram matrices, L-BFGS, one size and octave, with the numbers of neural-style", NULL },
    { "style-layers", 0, 0, G_OPTION_ARG_STRING, &options.style_layers,
      "Whose features are compared with the styles'", "NAME[:WEIGHT],..." },
    { "content-layers", 0, 0, G_OPTION_ARG_STRING, &options.content_layers,
      "Whose features are compared with the content's", "NAME[:WEIGHT],..." },
    { "snapshots", 0, 0, G_OPTION_ARG_FILENAME, &options.snapshots,
      "Write the picture as it comes into being, too", "FOLDER" },
    { "every", 0, 0, G_OPTION_ARG_INT, &options.every, "Steps between two of them (25)", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, "Of the noise (1)", "N" },
    { "like", 0, 0, G_OPTION_ARG_FILENAME, &options.like,
      "What is not given as it was for this picture", "PICTURE" },
    { NULL },
  };

  if (!tool_parse (&tool_style, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_PROFILE, &options.common,
                   TOOL_ANY_NUMBER, &argc, &argv))
    return TOOL_USAGE;
  g_autoptr (KolStyleNote) note = options.like ? kol_style_note_read (options.like, &error) : NULL;
  if (error)
    return tool_fail (error);
  if (note)
    take_note (&options, note);
  g_auto (GStrv) paths = take_paths (note, argv + 1);
  if (g_strv_length (paths) < 2)
    return tool_usage (&tool_style, "`kolinsky style` needs a CONTENT and at least one STYLE");
  if (!options.output)
    return tool_usage (&tool_style, "`kolinsky style` needs -o FILE, the picture to be written");
  if (options.size < 0 || options.smallest < 0 || options.steps < 0 || options.octaves < 0
      || options.history < 0 || options.every < 1)
    return tool_usage (&tool_style, "--size, --smallest, --steps, --octaves, --history and --every "
                                    "are numbers above 0");
  return run_style (&options, paths);
}

const ToolCommand tool_style = {
  .name = "style",
  .parameters = "CONTENT STYLE...",
  .summary = "Paint a picture in the style of others",
  .description
  = "Changes a picture until the features that a network sees in it are those of CONTENT, and\n"
    "their statistics those of the STYLEs. MODEL is a network that is installed, best vgg19, or\n"
    "a file. It is painted small first, then larger and larger. Ctrl-C ends it early, and\n"
    "writes the picture as it is. Pictures hold how they were painted; --like reads it.",
  .run = run_command,
};
