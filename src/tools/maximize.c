/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "maximize-private.h"

#include "../device/error-private.h"
#include "../train/checkpoint-private.h"
#include "../words-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define AT_A_TIME 4 /* pictures */
#define PARTS 9     /* of photos, for each unit */
#define FRAMES 24   /* of a film */
#define LARGEST_SIDE 8192
#define ICON_STEPS 128 /* of --all */

typedef struct {
  ToolOptions common;
  ToolMaximizeSettings settings;
  char *output, *photos, *film, *like;
  int at_a_time, frames;
  gboolean checkpoints; /* the film is of them */
} MaximizeOptions;

static void
maximize_options_clear (MaximizeOptions *options)
{
  tool_options_clear (&options->common);
  tool_maximize_settings_clear (&options->settings);
  g_free (options->output);
  g_free (options->photos);
  g_free (options->film);
  g_free (options->like);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MaximizeOptions, maximize_options_clear)

/* One command: what is asked, and what has come of it. */
typedef struct {
  const MaximizeOptions *options;
  ToolMaximizeSettings settings; /* with the sizes and steps that were chosen; lends its texts */
  KolDevice *device;             /* lent */
  const char *network;           /* lent: a folder, file or name */
  KolLayers *layers;
  KolMaximizer *maximizer;
  KolMaximizeOptions how;
  KolPicture *photo;
  KolNpy *direction;
  GArray *units;          /* guint */
  GPtrArray *results;     /* KolMaximized */
  GPtrArray *files;       /* names, one for each result, or NULL in it */
  GPtrArray *photos;      /* paths, or NULL */
  GPtrArray *excitements; /* KolExcitement, one for each result, or NULL */
  GArray *searched;       /* guint: the units of the search */
  KolExciteOptions search;
  GCancellable *cancellable;
  guint done;      /* units that are finished, for the status line */
  guint frames;    /* of the film, that are written */
  GPtrArray *film; /* ToolSheetCell */
  GError *film_error;
} Work;

static void
work_clear (Work *work)
{
  g_clear_pointer (&work->maximizer, kol_maximizer_free);
  g_clear_pointer (&work->layers, kol_layers_free);
  g_clear_pointer (&work->photo, kol_picture_free);
  g_clear_pointer (&work->direction, kol_npy_free);
  g_clear_pointer (&work->units, g_array_unref);
  g_clear_pointer (&work->results, g_ptr_array_unref);
  g_clear_pointer (&work->files, g_ptr_array_unref);
  g_clear_pointer (&work->photos, g_ptr_array_unref);
  g_clear_pointer (&work->excitements, g_ptr_array_unref);
  g_clear_pointer (&work->searched, g_array_unref);
  g_clear_pointer (&work->film, g_ptr_array_unref);
  g_clear_error (&work->film_error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

/* A file for one picture or a sheet, and not a folder for several. */
static gboolean
is_png (const char *output)
{
  gsize length = strlen (output);

  return length > 4 && g_ascii_strcasecmp (output + length - 4, ".png") == 0;
}

/* ── Which layers there are ── */

static void
write_layers (const KolLayers *layers)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < kol_layers_get_count (layers); i++)
    {
      const KolLayerInfo *info = kol_layers_get (layers, i);

      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "layer", info->name);
      tool_json_string (&json, "kind", info->kind);
      tool_json_open (&json, "shape", '[');
      for (int k = 0; k < info->shape.rank; k++)
        tool_json_integer (&json, NULL, (guint64) info->shape.dim[k]);
      tool_json_close (&json);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_print (&json);
}

/* For those who do not know yet what to ask for. */
static void
say_layers (const KolLayers *layers)
{
  int widest = 5, kinds = 4;

  for (guint i = 0; i < kol_layers_get_count (layers); i++)
    {
      const KolLayerInfo *info = kol_layers_get (layers, i);
      widest = MAX (widest, (int) g_utf8_strlen (info->name, -1));
      kinds = MAX (kinds, (int) strlen (info->kind));
    }
  tool_say ("%-*s  %-*s  units", widest, "layer", kinds, "made by");
  for (guint i = 0; i < kol_layers_get_count (layers); i++)
    {
      const KolLayerInfo *info = kol_layers_get (layers, i);
      g_autoptr (GString) line = g_string_new (NULL);

      g_string_append_printf (line, "%-*s  %-*s  %d", widest, info->name, kinds, info->kind,
                              (int) info->shape.dim[1]);
      for (int k = 2; k < info->shape.rank; k++)
        g_string_append_printf (line, "%s%d", k == 2 ? " of " : " x ", (int) info->shape.dim[k]);
      tool_say ("%s", line->str);
    }
  tool_say ("\nName one of them: --layer LAYER, and a --unit, some, or --all%s",
            kol_layers_get_classes (layers) ? "; or a class: --class NAME" : "");
}

/* ── Units ── */

/* "3,5,8-15". */
static gboolean
parse_units (const char *text, GArray *units, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);

  for (guint i = 0; words[i]; i++)
    {
      g_auto (GStrv) ends = g_strsplit (g_strstrip (words[i]), "-", 2);
      guint64 first = 0, last;

      if (!ends[0] || !g_ascii_string_to_unsigned (ends[0], 10, 0, 1 << 24, &first, NULL)
          || (ends[1] && !g_ascii_string_to_unsigned (ends[1], 10, first, 1 << 24, &last, NULL)))
        return kol_refuse (error, "--unit %s: units are numbers from 0 on, as in 3,5,8-15", text);
      for (last = ends[1] ? last : first; first <= last; first++)
        {
          guint unit = (guint) first;
          g_array_append_val (units, unit);
        }
    }
  return TRUE;
}

static gboolean
find_class (char **names, guint count, const char *word, guint *class, GError **error)
{
  guint64 number;

  if (g_ascii_string_to_unsigned (word, 10, 0, count ? count - 1 : 0, &number, NULL))
    {
      *class = (guint) number;
      return TRUE;
    }
  for (guint i = 0; names && names[i]; i++)
    if (g_ascii_strcasecmp (names[i], word) == 0)
      {
        *class = i;
        return TRUE;
      }
  const char *nearest = names ? kol_nearest_word (word, (const char *const *) names) : NULL;
  if (nearest)
    return kol_refuse (error, "There is no class “%s”; did you mean %s?", word, nearest);
  return kol_refuse (error,
                     "There is no class “%s”; the network tells the %u classes 0 to %u apart%s",
                     word, count, count - 1, names ? "" : ", whose names are not known");
}

static gboolean
parse_classes (const Work *work, GError **error)
{
  g_auto (GStrv) words = g_strsplit (work->settings.classes, ",", -1);
  const KolLayerInfo *output = kol_layers_get_output (work->layers);

  for (guint i = 0; words[i]; i++)
    {
      guint class;
      if (!find_class (kol_layers_get_classes (work->layers), (guint) output->shape.dim[1],
                       g_strstrip (words[i]), &class, error))
        return FALSE;
      g_array_append_val (work->units, class);
    }
  return TRUE;
}

static gboolean
choose_units (Work *work, GError **error)
{
  const ToolMaximizeSettings *settings = &work->settings;
  const KolLayerInfo *layer = settings->layer
                                  ? kol_layers_find (work->layers, settings->layer, error)
                                  : kol_layers_get_output (work->layers);

  work->units = g_array_new (FALSE, FALSE, sizeof (guint));
  if (!layer)
    return FALSE;
  if (settings->classes ? !parse_classes (work, error)
                        : settings->units && !parse_units (settings->units, work->units, error))
    return FALSE;
  for (guint i = 0; settings->all && i < (guint) layer->shape.dim[1]; i++)
    g_array_append_val (work->units, i);
  for (guint i = 0; i < work->units->len; i++)
    if (g_array_index (work->units, guint, i) >= (guint) layer->shape.dim[1])
      return kol_refuse (error, "%s has the units 0 to %d; there is no unit %u", layer->name,
                         (int) layer->shape.dim[1] - 1, g_array_index (work->units, guint, i));
  return TRUE;
}

/* ── How ── */

static gboolean
asks_for_photo (const ToolMaximizeSettings *settings)
{
  return settings->dream || settings->caricature;
}

static gboolean
is_of_units (const ToolMaximizeSettings *settings)
{
  return !asks_for_photo (settings) && !settings->direction;
}

static gboolean
parse_size (Work *work, GError **error)
{
  const char *text = work->settings.size;
  int width = 0, height = 0;
  char rest;

  if (!text)
    return TRUE;
  int n = sscanf (text, "%dx%d%c", &width, &height, &rest);
  if (n == 1 && sscanf (text, "%d%c", &width, &rest) == 1)
    height = width;
  else if (n != 2)
    width = 0;
  if (width < 1 || height < 1 || MAX (width, height) > LARGEST_SIDE)
    return kol_refuse (error, "--size %s: a side in pixels, or WIDTHxHEIGHT, each from 1 to %d",
                       text, LARGEST_SIDE);
  work->how.width = (gsize) width;
  work->how.height = (gsize) height;
  return TRUE;
}

/* A dream keeps its photo's proportions: its longer side is what was asked for. */
static void
fit_dream (Work *work)
{
  const KolPreprocess *usual = kol_layers_get_picture (work->layers);
  gsize longest = MAX (work->how.width, work->how.height);
  const KolPicture *photo = work->photo;

  if (!work->settings.dream || (work->settings.size && strchr (work->settings.size, 'x')))
    return;
  longest = longest ? longest : MAX (usual->width, usual->height);
  double scale = (double) longest / (double) MAX (photo->width, photo->height);
  work->how.width = MAX ((gsize) lrint ((double) photo->width * scale), 1);
  work->how.height = MAX ((gsize) lrint ((double) photo->height * scale), 1);
}

static gboolean
load_photo (Work *work, GError **error)
{
  const ToolMaximizeSettings *settings = &work->settings;

  if (!asks_for_photo (settings))
    return TRUE;
  work->photo = kol_picture_load (settings->dream ? settings->dream : settings->caricature, error);
  work->how.photo = work->photo;
  work->how.goal = settings->dream ? KOL_MAXIMIZE_DREAM : KOL_MAXIMIZE_CARICATURE;
  return work->photo != NULL;
}

static gboolean
load_direction (Work *work, GError **error)
{
  if (!work->settings.direction)
    return TRUE;
  work->direction = kol_npy_load (work->settings.direction, error);
  if (!work->direction)
    return FALSE;
  if (!work->direction->values)
    return kol_refuse (error, "%s: a direction is of numbers, one for each unit",
                       work->settings.direction);
  work->how.goal = KOL_MAXIMIZE_DIRECTION;
  work->how.direction = work->direction->values;
  work->how.n_direction = work->direction->size;
  return TRUE;
}

static guint
pictures_at_a_time (const Work *work)
{
  gsize only = kol_layers_get_batch (work->layers);

  if (work->settings.diverse)
    return (guint) work->settings.diverse;
  if (only)
    return (guint) only;
  return CLAMP ((guint) work->options->at_a_time, 1, MAX (work->units->len, 1));
}

/* What was chosen for the user is written down with the picture. */
static void
note_choices (Work *work)
{
  const KolMaximizeOptions *how = kol_maximizer_get_options (work->maximizer);

  work->settings.steps = (int) how->steps;
  work->settings.rate = how->rate;
}

static gboolean
prepare (Work *work, GError **error)
{
  const ToolMaximizeSettings *settings = &work->settings;

  work->how
      = (KolMaximizeOptions){ .goal = settings->neuron ? KOL_MAXIMIZE_NEURON : KOL_MAXIMIZE_CHANNEL,
                              .layer = settings->layer,
                              .power = settings->power,
                              .diverse = settings->diverse > 0,
                              .diversity = settings->diversity,
                              .steps = (guint) settings->steps,
                              .rate = settings->rate,
                              .seed = settings->seed == TOOL_NO_SEED ? 0 : (guint64) settings->seed,
                              .still = settings->still,
                              .plain = settings->plain,
                              .mixed = settings->mixed,
                              .free = settings->free,
                              .l1 = settings->l1,
                              .tv = settings->tv,
                              .blur = settings->blur };
  if (!parse_size (work, error) || !choose_units (work, error) || !load_photo (work, error)
      || !load_direction (work, error))
    return FALSE;
  if (settings->all && !work->how.steps)
    work->how.steps = ICON_STEPS;
  fit_dream (work);
  work->how.pictures = pictures_at_a_time (work);
  work->maximizer = kol_maximizer_new (work->layers, &work->how, error);
  if (!work->maximizer)
    return FALSE;
  note_choices (work);
  return TRUE;
}

/* ── Names ── */

/* "340 zebra". Given. */
static char *
unit_label (const Work *work, guint unit)
{
  char **classes = kol_layers_get_classes (work->layers);
  const KolLayerInfo *output = kol_layers_get_output (work->layers);
  gboolean of_classes = !work->settings.layer || strcmp (work->settings.layer, output->name) == 0;

  if (!is_of_units (&work->settings))
    return g_strdup (work->settings.dream        ? "dream"
                     : work->settings.caricature ? "caricature"
                                                 : "direction");
  if (of_classes && classes && unit < g_strv_length (classes))
    return g_strdup_printf ("%u %s", unit, classes[unit]);
  return g_strdup_printf ("%u", unit);
}

/* "squeezenet1.1, conv2, unit 7". Given. */
static char *
title_of (const Work *work, guint unit)
{
  g_autofree char *label = unit_label (work, unit);

  return g_strdup_printf ("%s, %s, %s%s", kol_layers_get_name (work->layers),
                          work->settings.layer ? work->settings.layer : "scores",
                          is_of_units (&work->settings) ? "unit " : "", label);
}

static gboolean
is_single (const Work *work)
{
  return work->units->len <= 1 && !work->settings.diverse;
}

static gboolean
is_sheet_alone (const Work *work)
{
  return !is_single (work) && is_png (work->options->output);
}

/* Where the picture of a result goes; NULL: nowhere but the sheet. Given. */
static char *
file_of (const Work *work, guint i, guint unit)
{
  const ToolMaximizeSettings *settings = &work->settings;
  g_autofree char *layer = g_strdup (settings->layer ? settings->layer : "class");

  if (is_sheet_alone (work))
    return NULL;
  if (is_png (work->options->output))
    return g_strdup (work->options->output);
  for (char *c = layer; *c; c++)
    if (!g_ascii_isalnum (*c) && !strchr ("._-", *c))
      *c = '_';
  g_autofree char *label
      = is_of_units (settings) ? g_strdup_printf ("%s-%u", layer, unit) : unit_label (work, unit);
  g_autofree char *name
      = settings->diverse ? g_strdup_printf ("%s-%u", label, i + 1) : g_strdup (label);
  g_autofree char *file = g_strconcat (name, ".png", NULL);
  return g_build_filename (work->options->output, file, NULL);
}

static gboolean
make_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;
  int code = errno;
  g_autofree char *shown = g_filename_display_name (path);
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "The folder “%s” cannot be made: %s", shown, g_strerror (code));
  return FALSE;
}

/* Of networks that are no runs, nobody expects it. */
static void
say_level (const Work *work)
{
  const GError *why;
  double level = kol_maximizer_get_level (work->maximizer, &why);

  if (level != 0)
    tool_say (
        "They begin with the mean of what it has learned from, and are as light: %.3g of white "
        "on the average",
        level);
  else if (why && kol_run_exists (work->network))
    tool_say ("They may have any light, as what it has learned from is not known: %s",
              why->message);
}

/* Pictures that are done wait for the sheet, and those of a film for its strip. */
static guint64
host_bytes (const Work *work, const KolMaximizeOptions *how)
{
  guint64 each = kol_layers_get_picture (work->layers)->channels * how->width * how->height;
  guint64 waiting = MAX (work->units->len, how->pictures) - how->pictures
                    + (work->options->film ? (guint64) work->options->frames : 0);

  return kol_maximizer_get_host_bytes (work->maximizer) + waiting * each * sizeof (float);
}

/* What is about to be done. */
static gboolean
say_work (const Work *work, GError **error)
{
  const KolMaximizeOptions *how = kol_maximizer_get_options (work->maximizer);
  guint64 bytes;

  if (!kol_maximizer_peak_bytes (work->maximizer, &bytes, error))
    return FALSE;
  g_autofree char *memory = tool_format_bytes (bytes);
  g_autofree char *host = tool_format_bytes (host_bytes (work, how));
  tool_say ("%u %s of %zu x %zu pixels at a time, %u steps, %s of device memory, and %s of the "
            "computer's for pictures",
            how->pictures, how->pictures == 1 ? "picture" : "pictures", how->width, how->height,
            how->steps, memory, host);
  say_level (work);
  return TRUE;
}

/* What the file of a picture says of itself. Given. */
static char **
texts_of (const Work *work, const ToolMaximizeSettings *settings, const char *title, guint unit)
{
  gboolean one = is_of_units (&work->settings) && !work->settings.diverse;

  return tool_maximize_settings_texts (settings, title, one ? (gint64) unit : -1);
}

/* ── A film ── */

static guint
first_unit (const Work *work)
{
  return work->units->len ? g_array_index (work->units, guint, 0) : 0;
}

/* The command of a frame alone: as many steps, or the network at that checkpoint. Given. */
static char **
frame_texts (const Work *work, guint64 step)
{
  ToolMaximizeSettings own = work->settings;
  g_autofree char *title = title_of (work, first_unit (work));
  g_autofree char *whole = g_strdup_printf ("%s, step %" G_GUINT64_FORMAT, title, step);

  if (work->options->checkpoints)
    own.from = (gint64) step;
  else
    own.steps = (int) step;
  return texts_of (work, &own, whole, first_unit (work));
}

/* Frames after one that could not be written are left out. */
static void
add_frame (Work *work, KolSnapshot *picture, guint64 step, double value)
{
  if (work->film_error)
    return;
  g_auto (GStrv) texts = frame_texts (work, step);
  g_autofree char *name = g_strdup_printf ("frame-%04u.png", work->frames++);
  g_autofree char *path = g_build_filename (work->options->film, name, NULL);

  if (!tool_save_texts (picture, path, (const char *const *) texts, &work->film_error))
    return;
  ToolSheetCell *cell = g_new0 (ToolSheetCell, 1);
  cell->picture = kol_snapshot_ref (picture);
  cell->label = g_strdup_printf ("step %" G_GUINT64_FORMAT, step);
  cell->below = g_strdup_printf ("%.4g", value);
  g_ptr_array_add (work->film, cell);
}

static gboolean
finish_film (Work *work, GError **error)
{
  if (work->film_error)
    {
      g_propagate_error (error, g_steal_pointer (&work->film_error));
      return FALSE;
    }
  if (!work->options->film || !work->film->len)
    return TRUE;
  g_autofree char *path = g_build_filename (work->options->film, "strip.png", NULL);
  g_autofree char *title = title_of (work, first_unit (work));
  g_auto (GStrv) texts = texts_of (work, &work->settings, title, first_unit (work));
  if (!tool_sheet_save (path, title, work->film, (const char *const *) texts, error))
    return FALSE;
  tool_say ("%u frames in %s, all of them in strip.png there", work->film->len,
            work->options->film);
  return TRUE;
}

/* ── Making pictures ── */

static void
note_progress (const KolStudyProgress *progress, gpointer user_data)
{
  Work *work = user_data;
  g_autoptr (GString) line = g_string_new (NULL);

  if (progress->event)
    tool_say ("%s", progress->event);
  if (progress->n_snapshots && work->film && !work->film_error)
    add_frame (work, progress->snapshots[0], progress->step, progress->value);
  if (work->units->len > work->how.pictures)
    g_string_append_printf (line, "Units %u of %u, ", work->done, work->units->len);
  g_string_append_printf (line, "step %u of %u", progress->step, progress->steps);
  if (progress->step)
    {
      g_autofree char *left = tool_format_duration (progress->seconds_left);
      g_string_append_printf (line, ", %s left", left);
    }
  tool_status (line->str);
}

static gboolean
save_picture (Work *work, KolMaximized *result, GError **error)
{
  g_autofree char *file = file_of (work, work->results->len, result->unit);
  g_autofree char *title = title_of (work, result->unit);

  if (file && !result->dead)
    {
      g_auto (GStrv) texts = texts_of (work, &work->settings, title, result->unit);
      if (!tool_save_texts (result->picture, file, (const char *const *) texts, error))
        return FALSE;
    }
  g_ptr_array_add (work->files, result->dead ? NULL : g_steal_pointer (&file));
  g_ptr_array_add (work->results, result);
  return TRUE;
}

/* The next units; what is made is saved at once. */
static gboolean
make_some (Work *work, const KolStudyWatch *watch, GError **error)
{
  guint n = MIN (work->how.pictures, MAX (work->units->len, 1) - work->done);
  const guint none = 0,
              *units = work->units->len ? &g_array_index (work->units, guint, work->done) : &none;

  n = work->settings.diverse || asks_for_photo (&work->settings) ? 1 : n;
  g_autoptr (GPtrArray) made = kol_maximizer_run (work->maximizer, units, n, watch, error);
  if (!made)
    return FALSE;
  /* A network that takes several pictures only makes some that nobody has asked for. */
  if (!work->settings.diverse)
    g_ptr_array_set_size (made, (int) MIN (made->len, n));
  g_ptr_array_set_free_func (made, NULL);
  gboolean good = TRUE;
  for (guint i = 0; i < made->len; i++)
    {
      KolMaximized *result = g_ptr_array_index (made, i);
      if (!good || !save_picture (work, result, error))
        {
          good = FALSE;
          kol_maximized_free (result);
        }
    }
  work->done += n;
  return good;
}

static gboolean
make_all (Work *work, GError **error)
{
  const MaximizeOptions *options = work->options;
  KolStudyWatch watch
      = { .told = note_progress, .user_data = work, .cancellable = work->cancellable };

  work->results = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_maximized_free);
  work->files = g_ptr_array_new_with_free_func (g_free);
  if (options->film && !options->checkpoints)
    {
      work->film = g_ptr_array_new_with_free_func (tool_sheet_cell_free);
      guint between = (guint) options->frames - 1; /* the first is the start */

      watch.every = ((guint) work->settings.steps + between - 1) / between;
    }
  do
    if (!make_some (work, &watch, error))
      return FALSE;
  while (work->done < work->units->len && !g_cancellable_is_cancelled (work->cancellable));
  tool_status (NULL);
  return options->checkpoints || finish_film (work, error);
}

/* The unit as the network had it at one checkpoint: a frame. */
static gboolean
film_checkpoint (Work *work, guint64 step, GError **error)
{
  g_auto (Work) then
      = { .options = work->options, .settings = work->settings, .cancellable = work->cancellable };
  KolStudyWatch watch = { .cancellable = work->cancellable };
  const guint none = 0;

  then.layers = kol_layers_open (work->device, work->network, step, error);
  if (!then.layers || !prepare (&then, error))
    return FALSE;
  const guint *units = then.units->len ? (const guint *) then.units->data : &none;
  g_autoptr (GPtrArray) made = kol_maximizer_run (then.maximizer, units, 1, &watch, error);
  if (!made)
    return FALSE;
  const KolMaximized *result = g_ptr_array_index (made, 0);
  add_frame (work, result->picture, step, result->activation);
  return TRUE;
}

/* The picture as it changed while the network learned. */
static gboolean
film_checkpoints (Work *work, GError **error)
{
  if (!kol_run_exists (work->network))
    return kol_refuse (error, "--checkpoints are of a run, and %s is none", work->settings.model);
  g_autoptr (GArray) steps = kol_checkpoint_list (work->network);
  work->film = g_ptr_array_new_with_free_func (tool_sheet_cell_free);
  for (guint i = steps->len; i-- > 0 && !g_cancellable_is_cancelled (work->cancellable);)
    {
      guint64 step = g_array_index (steps, guint64, i);
      g_autofree char *line = g_strdup_printf ("Checkpoint %u of %u, step %" G_GUINT64_FORMAT,
                                               steps->len - i, steps->len, step);
      tool_status (line);
      if (!film_checkpoint (work, step, error))
        return FALSE;
    }
  return finish_film (work, error);
}

/* ── Photos ── */

static void
note_photos (const KolStudyProgress *progress, gpointer user_data)
{
  g_autofree char *left = tool_format_duration (progress->seconds_left);
  g_autofree char *line
      = g_strdup_printf ("Photos: %u of %u, %s left", progress->step, progress->steps, left);

  tool_status (line);
}

static void
tell_unread (const GError *error, gpointer user_data)
{
  tool_status (NULL);
  g_printerr ("kolinsky: %s\n", error->message);
}

/* Without what photos say where the search is ended. */
static gboolean
search_photos (Work *work, GError **error)
{
  KolStudyWatch watch = { .told = note_photos, .cancellable = work->cancellable };
  GArray *units = work->searched = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GError) local = NULL;

  if (!work->photos || !work->results->len || g_cancellable_is_cancelled (work->cancellable))
    return TRUE;
  for (guint i = 0; i < work->results->len; i++)
    g_array_append_val (units, ((KolMaximized *) work->results->pdata[i])->unit);
  work->search = (KolExciteOptions){ .layer = work->settings.layer,
                                     .neuron = work->settings.neuron,
                                     .units = (const guint *) units->data,
                                     .n_units = units->len,
                                     .photos = (char **) work->photos->pdata,
                                     .n_photos = work->photos->len,
                                     .parts = PARTS,
                                     .height = work->how.height,
                                     .width = work->how.width,
                                     .unread = tell_unread };
  work->excitements = kol_excite (work->layers, &work->search, &watch, &local);
  tool_status (NULL);
  if (work->excitements || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static const KolExcitement *
excitement_of (const Work *work, guint i)
{
  return work->excitements ? g_ptr_array_index (work->excitements, i) : NULL;
}

/* Of what photos reach at best; a unit that is silent for all of them has no share. */
static double
ratio_of (const KolMaximized *result, const KolExcitement *photos)
{
  return photos && photos->largest > 0 ? result->activation / photos->largest : NAN;
}

/* The parts of photos that excite the result's unit. */
static gboolean
cut_parts (const Work *work, guint i, GPtrArray *parts, GError **error)
{
  const KolExcitement *photos = excitement_of (work, i);

  for (guint k = 0; photos && k < photos->n_parts; k++)
    {
      KolSnapshot *part = kol_excite_cut (work->layers, &work->search, &photos->parts[k], error);
      if (!part)
        return FALSE;
      g_ptr_array_add (parts, part);
    }
  return TRUE;
}

/* ── What is told ── */

/* "activation 28.1, P 99.8 %; photos at best 4.2, 6.7 times that". Given. */
static char *
describe (const Work *work, guint i)
{
  const KolMaximized *result = g_ptr_array_index (work->results, i);
  const KolExcitement *photos = excitement_of (work, i);
  g_autoptr (GString) text = g_string_new (NULL);

  if (result->dead)
    g_string_append (text, "dead");
  else
    g_string_append_printf (text, "%.4g", result->activation);
  if (!result->dead && isfinite (result->probability) && is_of_units (&work->settings))
    g_string_append_printf (text, ", P %.1f %%", 100 * result->probability);
  if (photos)
    g_string_append_printf (text, "; photos %.4g", photos->largest);
  if (!result->dead && isfinite (ratio_of (result, photos)))
    g_string_append_printf (text, ", ratio %.3g", ratio_of (result, photos));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
save_sheet (Work *work, GError **error)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (tool_sheet_cell_free);
  const char *layer = work->settings.layer ? work->settings.layer : "scores";

  if (!work->results->len || (is_single (work) && !work->excitements))
    return TRUE;
  for (guint i = 0; i < work->results->len; i++)
    {
      const KolMaximized *result = g_ptr_array_index (work->results, i);
      ToolSheetCell *cell = g_new0 (ToolSheetCell, 1);

      g_ptr_array_add (cells, cell);
      cell->picture = kol_snapshot_ref (result->picture);
      cell->dead = result->dead;
      cell->label = unit_label (work, result->unit);
      cell->below = describe (work, i);
      if (!work->excitements)
        continue;
      cell->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_snapshot_unref);
      if (!cut_parts (work, i, cell->parts, error))
        return FALSE;
    }
  g_autofree char *title = g_strdup_printf ("%s, %s", kol_layers_get_name (work->layers), layer);
  g_auto (GStrv) texts = tool_maximize_settings_texts (&work->settings, title, -1);
  g_autofree char *path = NULL;
  if (is_sheet_alone (work))
    path = g_strdup (work->options->output);
  else if (is_png (work->options->output))
    path = g_strdup_printf ("%.*s-photos.png", (int) strlen (work->options->output) - 4,
                            work->options->output);
  else
    path = g_build_filename (work->options->output, "sheet.png", NULL);
  if (!tool_sheet_save (path, title, cells, (const char *const *) texts, error))
    return FALSE;
  tool_say ("%s", path);
  return TRUE;
}

static void
write_results (const Work *work)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < work->results->len; i++)
    {
      const KolMaximized *result = g_ptr_array_index (work->results, i);
      const KolExcitement *photos = excitement_of (work, i);
      g_autofree char *label = unit_label (work, result->unit);

      tool_json_open (&json, NULL, '{');
      tool_json_integer (&json, "unit", result->unit);
      tool_json_string (&json, "label", label);
      tool_json_string (&json, "file", work->files->pdata[i]);
      tool_json_number (&json, "activation", result->activation);
      tool_json_number (&json, "probability", result->probability);
      tool_json_boolean (&json, "dead", result->dead);
      tool_json_integer (&json, "steps", result->steps);
      if (photos)
        {
          tool_json_number (&json, "photos", photos->largest);
          tool_json_number (&json, "ratio", ratio_of (result, photos));
          tool_json_string (&json, "photo", work->photos->pdata[photos->photo]);
        }
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_print (&json);
}

static void
say_results (const Work *work)
{
  for (guint i = 0; i < work->results->len; i++)
    {
      const KolMaximized *result = g_ptr_array_index (work->results, i);
      g_autofree char *label = unit_label (work, result->unit), *text = describe (work, i);
      const char *file = work->files->pdata[i];

      tool_say ("%s: %s%s%s", label, text, file ? "  " : "", file ? file : "");
    }
  if (g_cancellable_is_cancelled (work->cancellable))
    tool_say ("Interrupted after %u of %u units", work->done, MAX (work->units->len, 1));
}

/* ── The command ── */

/* What would end the work only when it is done is looked at before. */
static gboolean
check_places (const MaximizeOptions *options, GError **error)
{
  const char *output = options->output, *photos = options->photos;

  if (photos && !g_file_test (photos, G_FILE_TEST_EXISTS))
    return kol_refuse (error, "There is no folder “%s”; check its name", photos);
  /* All other names are those of folders, which may be there already. */
  return !output || !tool_is_picture (output) || g_file_test (output, G_FILE_TEST_IS_DIR)
         || tool_check_png (output, error);
}

static gboolean
asks_for_nothing (const ToolMaximizeSettings *settings)
{
  return !settings->units && !settings->classes && !settings->all && is_of_units (settings);
}

/* Hours of work are not to end in a sheet that cannot be. */
static gboolean
check_sheet (const Work *work, GError **error)
{
  const KolMaximizeOptions *how = kol_maximizer_get_options (work->maximizer);
  guint n = MAX (work->units->len, (guint) work->settings.diverse);

  return is_single (work)
         || tool_sheet_check (how->width, how->height, n,
                              work->photos ? MIN (PARTS, work->photos->len) : 0, error);
}

static gboolean
work_on (Work *work, GError **error)
{
  const MaximizeOptions *options = work->options;
  gboolean single = is_png (options->output);

  if (options->photos
      && !(work->photos = tool_list_pictures ((char *[]){ options->photos, NULL }, error)))
    return FALSE;
  if (!prepare (work, error) || !check_sheet (work, error)
      || (!single && !make_folder (options->output, error))
      || (options->film && !make_folder (options->film, error)))
    return FALSE;
  if (options->film && !is_single (work))
    return kol_refuse (error, "A film is of one unit; %u pictures were asked for",
                       MAX (work->units->len, (guint) work->settings.diverse));
  if (!say_work (work, error) || (options->checkpoints && !film_checkpoints (work, error)))
    return FALSE;
  if (g_cancellable_is_cancelled (work->cancellable))
    return TRUE;
  if (!make_all (work, error))
    return FALSE;
  gboolean searched = search_photos (work, error); /* what was painted is kept even without */
  if (!save_sheet (work, searched ? error : NULL) || !searched)
    return FALSE;
  if (options->common.json)
    write_results (work);
  else
    say_results (work);
  return TRUE;
}

static gboolean
maximize (const MaximizeOptions *options, gboolean *interrupted, GError **error)
{
  g_auto (Work) work = { .options = options, .settings = options->settings };
  g_autofree char *network = tool_run_folder (options->settings.model);
  g_autoptr (KolDevice) device
      = check_places (options, error) ? tool_open_device (&options->common, error) : NULL;
  ToolInterrupt watch;

  if (!device
      || !(work.layers
           = kol_layers_open (device, network, (guint64) options->settings.from, error)))
    return FALSE;
  if (asks_for_nothing (&options->settings))
    {
      if (options->settings.layer && !kol_layers_find (work.layers, options->settings.layer, error))
        return FALSE;
      if (options->common.json)
        write_layers (work.layers);
      else
        say_layers (work.layers);
      return TRUE;
    }
  tool_interrupt_start (&watch, "Finishing the step, and saving what there is");
  work.device = device;
  work.network = network;
  work.cancellable = watch.cancellable;
  gboolean good = work_on (&work, error);
  tool_status (NULL);
  *interrupted = g_cancellable_is_cancelled (watch.cancellable);
  tool_interrupt_stop (&watch);
  return good && tool_save_profile (&options->common, device, error);
}

/* What does not go together. */
static gboolean
check_options (const MaximizeOptions *options)
{
  const ToolMaximizeSettings *s = &options->settings;
  int goals = (s->units != NULL) + (s->classes != NULL) + s->all + (s->direction != NULL)
              + (s->dream != NULL) + (s->caricature != NULL);

  if (!s->model)
    tool_usage (&tool_maximize, "`kolinsky maximize` needs a MODEL");
  else if (goals > 1)
    tool_usage (&tool_maximize, "Give one of --unit, --class, --all, --direction, --dream and "
                                "--caricature");
  else if (s->classes && s->layer)
    tool_usage (&tool_maximize, "--class is of the network's scores, so there is no --layer to it");
  else if ((s->dream || s->caricature) && !s->layer)
    tool_usage (&tool_maximize, "--dream and --caricature need a --layer");
  else if (goals == 1 && !options->output)
    tool_usage (&tool_maximize, "-o says where the picture goes: FILE.png, or a folder");
  else if (s->steps < 0 || s->rate < 0 || s->from < 0 || options->at_a_time < 1
           || options->frames < 2 || (s->seed < 0 && s->seed != TOOL_NO_SEED))
    tool_usage (&tool_maximize, "--steps, --rate, --from, --seed and --batch are numbers above 0, "
                                "and --frames 2 or more");
  else if (options->checkpoints && (!options->film || s->from))
    tool_usage (&tool_maximize, "--checkpoints need --film, and all of them are taken");
  else if (s->diverse && (s->diverse < 2 || s->dream || s->caricature))
    tool_usage (&tool_maximize, "--diverse makes 2 pictures or more of one unit that differ");
  else if (options->photos && (s->direction || s->dream || s->caricature))
    tool_usage (&tool_maximize, "--photos are for units");
  else
    return TRUE;
  return FALSE;
}

static gboolean
take_parameters (MaximizeOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc > 2)
    {
      tool_usage (&tool_maximize, "One MODEL at a time; what is \"%s\"?", argv[2]);
      return FALSE;
    }
  options->settings.model = argc > 1 ? g_strdup (argv[1]) : NULL;
  return TRUE;
}

static ToolExit
run_command (int argc, char **argv)
{
  gboolean interrupted = FALSE;
  g_auto (MaximizeOptions) options
      = { .settings.seed = TOOL_NO_SEED, .at_a_time = AT_A_TIME, .frames = FRAMES };
  g_autoptr (GError) error = NULL;
  ToolMaximizeSettings *s = &options.settings;
  const GOptionEntry entries[] = {
    { "layer", 0, 0, G_OPTION_ARG_STRING, &s->layer,
      "The layer; without it, and without --class, all layers are listed", "LAYER" },
    { "unit", 0, 0, G_OPTION_ARG_STRING, &s->units, "Which units of it: 3,5,8-15", "U[,U...]" },
    { "class", 0, 0, G_OPTION_ARG_STRING, &s->classes, "Which classes: zebra,flamingo, or numbers",
      "C[,C...]" },
    { "all", 0, 0, G_OPTION_ARG_NONE, &s->all, "All units of the layer, as a contact sheet", NULL },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "FILE.png, or a folder for several pictures", "FILE|DIR" },
    { "photos", 0, 0, G_OPTION_ARG_FILENAME, &options.photos,
      "Compare with the pictures in a folder, and show what excites the unit there", "FOLDER" },
    { "film", 0, 0, G_OPTION_ARG_FILENAME, &options.film, "Keep the picture as it develops",
      "FOLDER" },
    { "frames", 0, 0, G_OPTION_ARG_INT, &options.frames, "How many pictures a film has (24)", "N" },
    { "checkpoints", 0, 0, G_OPTION_ARG_NONE, &options.checkpoints,
      "The film is of a run's checkpoints: the picture while the network learned", NULL },
    { "like", 0, 0, G_OPTION_ARG_FILENAME, &options.like,
      "Do as a picture says that was made so; what is said besides goes first", "FILE.png" },
    { "neuron", 0, 0, G_OPTION_ARG_NONE, &s->neuron,
      "The unit in the middle of the picture, not everywhere", NULL },
    { "direction", 0, 0, G_OPTION_ARG_FILENAME, &s->direction,
      "A mixture of units: their weights, from NumPy", "FILE.npy" },
    { "dream", 0, 0, G_OPTION_ARG_FILENAME, &s->dream,
      "From a photo, whatever the layer sees in it", "PHOTO" },
    { "caricature", 0, 0, G_OPTION_ARG_FILENAME, &s->caricature,
      "What the layer makes of a photo, exaggerated", "PHOTO" },
    { "power", 0, 0, G_OPTION_ARG_DOUBLE, &s->power,
      "Of the cosine, in directions and caricatures (0)", "P" },
    { "diverse", 0, 0, G_OPTION_ARG_INT, &s->diverse, "So many pictures of a unit that differ",
      "N" },
    { "diversity", 0, 0, G_OPTION_ARG_DOUBLE, &s->diversity,
      "How much they are to differ; less where units say little (100)", "W" },
    { "size", 0, 0, G_OPTION_ARG_STRING, &s->size, "Of the picture (what the network takes)",
      "N|WxH" },
    { "steps", 0, 0, G_OPTION_ARG_INT, &s->steps, "How many (512; with --all 128, for a dream 64)",
      "N" },
    { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &s->rate, "Learning rate of Adam (0.05)", "R" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &s->seed, "Another seed gives another picture (0)", "N" },
    { "batch", 0, 0, G_OPTION_ARG_INT, &options.at_a_time, "How many pictures at a time (4)", "N" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &s->from,
      "Of a run, the step of the checkpoint (the latest)", "STEP" },
    { "still", 0, 0, G_OPTION_ARG_NONE, &s->still,
      "The picture need not stand being moved, scaled and turned", NULL },
    { "plain", 0, 0, G_OPTION_ARG_NONE, &s->plain, "Move pixels, not their spectrum", NULL },
    { "mixed", 0, 0, G_OPTION_ARG_NONE, &s->mixed,
      "Move red, green and blue, not colours that are "
      "independent of each other",
      NULL },
    { "free", 0, 0, G_OPTION_ARG_NONE, &s->free,
      "For grey pictures, do not keep to the light of those that the run has learned from", NULL },
    { "l1", 0, 0, G_OPTION_ARG_DOUBLE, &s->l1, "Weight of the distance from grey (0)", "W" },
    { "tv", 0, 0, G_OPTION_ARG_DOUBLE, &s->tv, "Weight of the total variation (0)", "W" },
    { "blur", 0, 0, G_OPTION_ARG_DOUBLE, &s->blur, "Weight of what a blur would change (0)", "W" },
    { NULL },
  };

  if (!tool_parse (&tool_maximize, entries,
                   TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE, &options.common,
                   TOOL_ANY_NUMBER, &argc, &argv)
      || !take_parameters (&options, argc, argv))
    return TOOL_USAGE;
  if (options.like && !tool_maximize_settings_like (s, options.like, &error))
    return tool_fail (error);
  if (!check_options (&options))
    return TOOL_USAGE;
  if (!maximize (&options, &interrupted, &error))
    return tool_fail (error);
  return interrupted ? TOOL_INTERRUPTED : TOOL_OK;
}

const ToolCommand tool_maximize = {
  .name = "maximize",
  .parameters = "MODEL",
  .summary = "Paint what excites a unit of a network most",
  .description
  = "MODEL is one of `kolinsky models` that is installed, the file of a network, or a run.\n"
    "Beginning with faint noise, a picture is changed until a unit of a layer says as much\n"
    "as it can, while it is moved, scaled and turned a little in each step, so that shapes\n"
    "come, and not mere patterns. Pictures hold how they were made; --like reads it.",
  .run = run_command,
};
