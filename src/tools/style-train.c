/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../device/error-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define SAY_EVERY 15.0 /* seconds between two lines where no line can be replaced */
#define PAIRS 4        /* pictures of a comparison that are kept */
#define HELD_OUT 8     /* photos, or a tenth of them */
#define UNSET G_MININT /* as HELD_OUT says */

typedef struct {
  ToolOptions common;
  char *model, *output;
  char **photos;
  int size, style_size, batch, width, steps, every, held_out, against;
  double content_weight, style_weight, variation, rate;
  gint64 seed;
  gboolean resume;
} TrainOptions;

static void
train_options_clear (TrainOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->model);
  g_free (options->output);
  g_strfreev (options->photos);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TrainOptions, train_options_clear)

typedef struct {
  const TrainOptions *options;
  KolFastStyle *fast;
  char *weights, *samples, *network; /* the files and the folder that are written */
  gint64 said;
  double best;
  GError *error; /* of a sample that could not be written */
} Training;

static void
training_clear (Training *self)
{
  g_clear_pointer (&self->fast, kol_fast_style_free);
  g_free (self->weights);
  g_free (self->samples);
  g_free (self->network);
  g_clear_error (&self->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Training, training_clear)

/* ── Files ── */

/* NET is a name without an ending, or with one that is known. */
static void
name_files (Training *self)
{
  g_autofree char *base = g_strdup (self->options->output);

  if (g_str_has_suffix (base, ".safetensors"))
    base[strlen (base) - strlen (".safetensors")] = '\0';
  else if (g_str_has_suffix (base, ".onnx"))
    base[strlen (base) - strlen (".onnx")] = '\0';
  self->weights = g_strconcat (base, ".safetensors", NULL);
  self->network = g_strconcat (base, ".onnx", NULL);
  self->samples = g_strconcat (base, "-samples", NULL);
}

static void
save_sample (Training *self, const KolStudyProgress *progress)
{
  g_autofree char *name = g_strdup_printf ("%06u.png", progress->step);
  g_autofree char *path = g_build_filename (self->samples, name, NULL);

  if (!self->error)
    tool_save_picture (progress->snapshots[0], path, &self->error);
}

/* ── Progress ── */

static void
told (const KolStudyProgress *progress, gpointer user_data)
{
  Training *self = user_data;
  guint n;
  const KolStyleTerm *terms = kol_fast_style_get_terms (self->fast, &n);
  const char *event = kol_fast_style_take_event (self->fast);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *total = tool_format_small (progress->value);
  g_autofree char *left = tool_format_duration (progress->seconds_left);
  gint64 now = g_get_monotonic_time ();

  if (event)
    tool_say ("%s", event);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *loss = tool_format_small (terms[i].loss * terms[i].weight);
      gboolean first = i == 0 || !g_str_equal (terms[i].kind, terms[i - 1].kind);
      g_string_append_printf (text, "%s%s %s", first && i ? "  " : "", first ? terms[i].kind : "",
                              loss);
    }
  g_autofree char *line = g_strdup_printf ("step %u/%u  loss %s  %s  %s left", progress->step,
                                           progress->steps, total, text->str, left);
  if (tool_on_terminal ())
    {
      if (g_utf8_strlen (line, -1) >= tool_columns ())
        *g_utf8_offset_to_pointer (line, tool_columns () - 1) = '\0';
      tool_status (line);
    }
  else if (progress->step == progress->steps || (double) (now - self->said) * 1e-6 >= SAY_EVERY)
    {
      tool_say ("%s", line);
      self->said = now;
    }
  if (progress->n_snapshots)
    save_sample (self, progress);
}

/* Writes the network as it is, and says how well it does on photos that it has not seen. */
static gboolean
keep (Training *self, GError **error)
{
  double loss;

  if (!kol_fast_style_validate (self->fast, &loss, error)
      || !kol_fast_style_save (self->fast, self->weights, error)
      || !kol_fast_style_export (self->fast, self->network, error))
    return FALSE;
  g_autofree char *text = tool_format_small (loss);
  tool_say ("Saved step %u%s%s%s", kol_fast_style_get_step (self->fast),
            isnan (loss) ? "" : "; photos held out: loss ", isnan (loss) ? "" : text,
            loss < self->best ? ", the best so far" : "");
  self->best = fmin (self->best, loss);
  return TRUE;
}

/* ── Against the slow way ── */

typedef struct {
  double *sums; /* of the losses after so many iterations */
  double painted;
  guint photos;
} Against;

static gboolean
save_pair (const Training *self, const KolFastStyleComparison *found, guint i, GError **error)
{
  g_autofree char *painted = g_strdup_printf ("%s/held-out-%03u-network.png", self->samples, i);
  g_autofree char *slow
      = g_strdup_printf ("%s/held-out-%03u-lbfgs-%u.png", self->samples, i, found->iterations);

  return tool_save_picture (found->painted, painted, error)
         && tool_save_picture (found->slow, slow, error);
}

/* How many iterations get as low as the network, on the average. */
static void
say_against (const Against *against, guint iterations)
{
  guint equal = 0;

  tool_say ("Mean loss of %u photos held out: the network %.4f", against->photos,
            against->painted / against->photos);
  for (guint i = 0; i <= iterations; i++)
    {
      if (against->sums[i] >= against->painted)
        equal = i;
      if (i < 5 || i % 5 == 0 || i == iterations)
        tool_say ("  L-BFGS, %3u iterations: %.4f", i, against->sums[i] / against->photos);
    }
  tool_say ("The network does as well as %u iterations%s", equal,
            equal == iterations ? " or more" : "");
}

static gboolean
compare (const Training *self, GCancellable *cancellable, GError **error)
{
  guint iterations = (guint) self->options->against;
  g_autofree double *sums = g_new0 (double, iterations + 1);
  Against against = { .sums = sums };

  for (guint i = 0; iterations && i < kol_fast_style_get_n_held_out (self->fast)
                    && !g_cancellable_is_cancelled (cancellable);
       i++)
    {
      const char *photo = kol_fast_style_get_held_out (self->fast, i);
      g_autoptr (KolFastStyleComparison) found
          = kol_fast_style_compare (self->fast, photo, iterations, NULL, error);

      if (!found || (i < PAIRS && !save_pair (self, found, i, error)))
        return FALSE;
      for (guint k = 0; k <= iterations; k++)
        sums[k] += found->losses[k];
      against.painted += found->loss;
      against.photos++;
      if (tool_on_terminal ())
        tool_status ("Comparing with L-BFGS");
    }
  if (against.photos)
    say_against (&against, iterations);
  return TRUE;
}

/* ── The run ── */

static gboolean
train (Training *self, GCancellable *cancellable, GError **error)
{
  const KolStudyWatch watch = { .told = told,
                                .user_data = self,
                                .every = (guint) self->options->every,
                                .cancellable = cancellable };
  guint steps = kol_fast_style_get_steps (self->fast);

  while (kol_fast_style_get_step (self->fast) < steps && !g_cancellable_is_cancelled (cancellable))
    {
      guint until = kol_fast_style_get_step (self->fast) + (guint) self->options->every;

      until -= until % (guint) self->options->every;
      if (!kol_fast_style_run (self->fast, until, &watch, error) || !keep (self, error))
        return FALSE;
    }
  if (!self->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}

static gboolean
begin (Training *self, KolDevice *device, const KolFastStyleOptions *task, GError **error)
{
  gboolean there = g_file_test (self->weights, G_FILE_TEST_EXISTS);

  if (there && !self->options->resume)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "%s is there already: --resume goes on with it, another name begins anew",
                   self->weights);
      return FALSE;
    }
  if (!there && self->options->resume)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "There is no %s to go on with; without --resume a new network begins",
                   self->weights);
      return FALSE;
    }
  if (!there && g_file_test (self->network, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "%s is there already, and would be written over: take another name",
                   self->network);
      return FALSE;
    }
  if (g_mkdir_with_parents (self->samples, 0777) != 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "The folder %s cannot be made", self->samples);
      return FALSE;
    }
  self->best = INFINITY;
  self->fast = kol_fast_style_new (device, task, error);
  if (!self->fast)
    return FALSE;
  if (there && !kol_fast_style_resume (self->fast, self->weights, error))
    return FALSE;
  g_autofree char *peak = tool_format_bytes (kol_fast_style_get_peak_bytes (self->fast));
  tool_say ("%u photos, %u of them held out; a step takes %s on the device", task->n_photos,
            task->held_out, peak);
  if (there)
    tool_say ("It goes on from step %u", kol_fast_style_get_step (self->fast));
  return TRUE;
}

/* A name that is misspelled is no photo that cannot be read. */
static gboolean
check_photos (char **photos, GError **error)
{
  for (; *photos; photos++)
    if (!g_file_test (*photos, G_FILE_TEST_EXISTS))
      return kol_refuse (error, "There is no folder or picture “%s”; check its name", *photos);
  return TRUE;
}

static ToolExit
run_training (const TrainOptions *options, const char *style_path)
{
  g_auto (Training) training = { .options = options };
  g_autoptr (GError) error = NULL;
  g_autoptr (KolPicture) style = kol_picture_load (style_path, &error);
  g_autoptr (GPtrArray) photos = style && check_photos (options->photos, &error)
                                     ? tool_list_pictures (options->photos, &error)
                                     : NULL;
  const char *network = !photos          ? NULL
                        : options->model ? options->model
                                         : tool_find_features (&error);
  g_autoptr (KolDevice) device = network ? tool_open_device (&options->common, &error) : NULL;
  ToolInterrupt interrupt;

  if (!device)
    return tool_fail (error);
  KolFastStyleOptions task
      = { .network = network,
          .style = style,
          .photos = (const char *const *) photos->pdata,
          .n_photos = photos->len,
          .held_out = options->held_out == UNSET ? MIN (HELD_OUT, photos->len / 10)
                                                 : (guint) options->held_out,
          .content_weight = options->content_weight,
          .style_weight = options->style_weight,
          .variation_weight = options->variation,
          .size = (guint) options->size,
          .style_size = (guint) options->style_size,
          .batch = (guint) options->batch,
          .width = (guint) options->width,
          .steps = (guint) options->steps,
          .rate = options->rate,
          .seed = (guint64) options->seed };
  name_files (&training);
  if (!begin (&training, device, &task, &error))
    return tool_fail (error);
  tool_interrupt_start (&interrupt, "Finishing the step and saving");
  gboolean good = train (&training, interrupt.cancellable, &error)
                  && compare (&training, interrupt.cancellable, &error)
                  && tool_save_profile (&options->common, device, &error);
  gboolean interrupted = g_cancellable_is_cancelled (interrupt.cancellable);
  tool_interrupt_stop (&interrupt);
  if (!good)
    return tool_fail (error);
  tool_say ("The network is in %s, for other programs in %s", training.weights, training.network);
  return interrupted ? TOOL_INTERRUPTED : TOOL_OK;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (TrainOptions) options = { .content_weight = NAN,
                                    .style_weight = NAN,
                                    .variation = NAN,
                                    .every = 100,
                                    .held_out = UNSET,
                                    .seed = 1 };
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "NET.safetensors, NET.onnx and NET-samples/ are written", "NET" },
    { "photos", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.photos,
      "The pictures to learn from, a folder or a file; several", "FOLDER" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options.model,
      "Whose features are compared: an installed network, or a file", "MODEL" },
    { "size", 's', 0, G_OPTION_ARG_INT, &options.size, "The side of the squares of photos (256)",
      "PIXELS" },
    { "style-size", 0, 0, G_OPTION_ARG_INT, &options.style_size,
      "The longer side of the style (as --size)", "PIXELS" },
    { "batch", 0, 0, G_OPTION_ARG_INT, &options.batch, "Photos a step (4)", "N" },
    { "width", 0, 0, G_OPTION_ARG_INT, &options.width, "Channels of the network's first layer (32)",
      "N" },
    { "steps", 0, 0, G_OPTION_ARG_INT, &options.steps, "Of training (2000)", "N" },
    { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &options.rate, "Adam's learning rate (1e-3)", "NUMBER" },
    { "content-weight", 0, 0, G_OPTION_ARG_DOUBLE, &options.content_weight,
      "How much the content counts (10)", "NUMBER" },
    { "style-weight", 0, 0, G_OPTION_ARG_DOUBLE, &options.style_weight,
      "How much the style counts (5)", "NUMBER" },
    { "variation", 0, 0, G_OPTION_ARG_DOUBLE, &options.variation, "How much smoothness counts (1)",
      "NUMBER" },
    { "every", 0, 0, G_OPTION_ARG_INT, &options.every,
      "Steps between two checks, saves and samples (100)", "N" },
    { "held-out", 0, 0, G_OPTION_ARG_INT, &options.held_out,
      "Photos that are not learned from, to see how well it does (8, or a tenth)", "N" },
    { "against", 0, 0, G_OPTION_ARG_INT, &options.against,
      "In the end, compare with so many iterations of L-BFGS on each photo held out", "N" },
    { "resume", 0, 0, G_OPTION_ARG_NONE, &options.resume, "Go on with what NET has", NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed,
      "Of the first weights and the order of the photos (1)", "N" },
    { NULL },
  };

  if (!tool_parse (&tool_style_train, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_PROFILE,
                   &options.common, 1, &argc, &argv))
    return TOOL_USAGE;
  if (!options.output || !options.photos)
    return tool_usage (&tool_style_train,
                       "`kolinsky style-train` needs --photos FOLDER, and -o NET");
  if (options.size < 0 || options.style_size < 0 || options.batch < 0 || options.width < 0
      || options.steps < 0 || options.every < 1 || options.against < 0)
    return tool_usage (&tool_style_train, "--size, --style-size, --batch, --width, --steps, "
                                          "--every and --against are numbers above 0");
  if (options.held_out < 0 && options.held_out != UNSET)
    return tool_usage (&tool_style_train, "--held-out is a number of at least 0");
  return run_training (&options, argv[1]);
}

const ToolCommand tool_style_train = {
  .name = "style-train",
  .parameters = "STYLE",
  .summary = "Train a network to paint in one style, in one pass",
  .description
  = "Learns from everyday photos; what it paints is compared with them and with STYLE by the\n"
    "features of MODEL. Ctrl-C ends it early and saves; --resume goes on. `kolinsky\n"
    "style-apply NET.safetensors PICTURE` then paints.",
  .run = run_command,
};
