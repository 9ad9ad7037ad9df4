/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <math.h>

#define MOST_BARS 30 /* characters of the longest bar */

typedef struct {
  ToolOptions common;
  char *model;
  gint64 top, from;
} ClassifyOptions;

static void
classify_options_clear (ClassifyOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->model);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClassifyOptions, classify_options_clear)

/* Pictures as the network takes them, and what became of each file. */
typedef struct {
  GPtrArray *paths; /* char *, lent: those that could be read */
  GArray *pixels;   /* float [n, C, H, W] */
  guint unread;
} Pictures;

static void
pictures_clear (Pictures *pictures)
{
  g_clear_pointer (&pictures->paths, g_ptr_array_unref);
  g_clear_pointer (&pictures->pixels, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pictures, pictures_clear)

/* A class's name, or its number. Given. */
static char *
class_name (const KolRun *run, guint class)
{
  char **names = run->like->class_names;

  return names ? g_strdup (names[class]) : g_strdup_printf ("%u", class);
}

/* Reads a picture as the network wants it: [C, H, W], 0..1. */
static gboolean
read_picture (const char *path, const KolDataset *like, float *pixels, GError **error)
{
  g_autoptr (KolPicture) read = kol_picture_load (path, error);

  if (!read)
    return FALSE;
  g_autoptr (KolPicture) coloured = kol_picture_convert (read, like->channels);
  g_autoptr (KolPicture) scaled
      = coloured ? kol_picture_resize (coloured, like->width, like->height, KOL_BILINEAR, NULL)
                 : NULL;
  if (!scaled)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY, "There is not enough memory for %s", path);
      return FALSE;
    }
  for (gsize i = 0; i < like->channels * like->height * like->width; i++)
    pixels[i] = scaled->pixels[i] / 255.0f;
  return TRUE;
}

/* Reads what can be read; the rest is told and left out. */
static void
read_pictures (char **paths, const KolRun *run, Pictures *pictures)
{
  const KolDataset *like = run->like;
  gsize each = like->channels * like->height * like->width;

  pictures->paths = g_ptr_array_new ();
  pictures->pixels = g_array_new (FALSE, FALSE, sizeof (float));
  for (char **path = paths; *path; path++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree float *pixels = g_new (float, each);

      if (!read_picture (*path, like, pixels, &error))
        {
          g_printerr ("kolinsky: %s\n", error->message);
          pictures->unread++;
          continue;
        }
      g_ptr_array_add (pictures->paths, *path);
      g_array_append_vals (pictures->pixels, pixels, (guint) each);
    }
}

/* logits -> probabilities, in place. */
static void
softmax (float *scores, guint n)
{
  double largest = -INFINITY, sum = 0;

  for (guint i = 0; i < n; i++)
    largest = MAX (largest, scores[i]);
  for (guint i = 0; i < n; i++)
    sum += exp (scores[i] - largest);
  for (guint i = 0; i < n; i++)
    scores[i] = (float) (exp (scores[i] - largest) / sum);
}

/* The classes from the likeliest on. Given. */
static guint *
order_classes (const float *probabilities, guint n)
{
  guint *order = g_new (guint, n);

  for (guint i = 0; i < n; i++)
    {
      guint at = i;
      for (; at > 0 && probabilities[order[at - 1]] < probabilities[i]; at--)
        order[at] = order[at - 1];
      order[at] = i;
    }
  return order;
}

static void
say_answer (const KolRun *run, const char *path, const float *probabilities, const guint *order,
            guint top)
{
  g_autofree char *shown = g_filename_display_name (path);
  glong widest = 0;

  for (guint i = 0; i < top; i++)
    {
      g_autofree char *name = class_name (run, order[i]);
      widest = MAX (widest, g_utf8_strlen (name, -1));
    }
  tool_say ("%s", shown);
  for (guint i = 0; i < top; i++)
    {
      g_autofree char *name = class_name (run, order[i]);
      float share = probabilities[order[i]];
      g_autoptr (GString) bar = g_string_new (NULL);

      for (int k = 0; k < (int) lroundf (share * MOST_BARS); k++)
        g_string_append (bar, "█");
      tool_say ("  %s%*s %6.2f %% %s", name, (int) (widest - g_utf8_strlen (name, -1)), "",
                100 * share, bar->str);
    }
}

static void
write_answer (ToolJson *json, const KolRun *run, const char *path, const float *probabilities,
              const guint *order, guint top)
{
  g_autofree char *shown = g_filename_display_name (path);

  tool_json_open (json, NULL, '{');
  tool_json_string (json, "picture", shown);
  tool_json_open (json, "classes", '[');
  for (guint i = 0; i < top; i++)
    {
      g_autofree char *name = class_name (run, order[i]);

      tool_json_open (json, NULL, '{');
      tool_json_integer (json, "class", order[i]);
      tool_json_string (json, "name", name);
      tool_json_number (json, "probability", probabilities[order[i]]);
      tool_json_close (json);
    }
  tool_json_close (json);
  tool_json_close (json);
}

static void
tell (const ClassifyOptions *options, const KolRun *run, const Pictures *pictures, float *scores)
{
  guint classes = run->like->classes, top = (guint) MIN (options->top, classes);
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < pictures->paths->len; i++)
    {
      const char *path = g_ptr_array_index (pictures->paths, i);
      float *probabilities = scores + (gsize) i * classes;

      softmax (probabilities, classes);
      g_autofree guint *order = order_classes (probabilities, classes);
      if (options->common.json)
        write_answer (&json, run, path, probabilities, order, top);
      else
        say_answer (run, path, probabilities, order, top);
    }
  tool_json_close (&json);
  if (options->common.json)
    tool_json_print (&json);
}

static gboolean
classify (const ClassifyOptions *options, char **paths, GError **error)
{
  g_autofree char *folder = tool_run_folder (options->model);
  g_autoptr (KolRun) run = kol_run_read (folder, error);
  g_auto (Pictures) pictures = { 0 };

  if (!run)
    return FALSE;
  if (!run->like->classes)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s learned to predict numbers, not to tell classes apart", run->folder);
      return FALSE;
    }
  if ((run->like->channels != 1 && run->like->channels != 3)
      || (run->like->height == 1 && run->like->width == 1))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s learned from rows of numbers, not from pictures", run->folder);
      return FALSE;
    }
  read_pictures (paths, run, &pictures);
  if (pictures.paths->len == 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "None of the pictures could be read");
      return FALSE;
    }
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  if (!device)
    return FALSE;
  g_autoptr (KolEvaluator) evaluator
      = kol_evaluator_open (device, run, (guint64) options->from, error);
  g_autofree float *scores = g_new (float, (gsize) pictures.paths->len * run->like->classes);
  if (!evaluator
      || !kol_evaluator_predict (evaluator, (const float *) pictures.pixels->data,
                                 pictures.paths->len, scores, error))
    return FALSE;
  tell (options, run, &pictures, scores);
  if (!tool_save_profile (&options->common, device, error))
    return FALSE;
  if (!pictures.unread)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%u of the pictures could not be read",
               pictures.unread);
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (ClassifyOptions) options = { .top = 5 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &options.model, "The run whose network is asked",
      "RUN" },
    { "top", 0, 0, G_OPTION_ARG_INT64, &options.top, "How many classes to tell (5)", "N" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &options.from, "The step of the checkpoint (the latest)",
      "STEP" },
    { NULL },
  };

  if (!tool_parse (&tool_classify, entries,
                   TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE, &options.common,
                   TOOL_ANY_NUMBER, &argc, &argv))
    return TOOL_USAGE;
  if (!options.model)
    return tool_usage (&tool_classify, "Which network? Name a run: --model RUN");
  if (argc < 2)
    return tool_usage (&tool_classify, "`kolinsky classify` needs a PICTURE");
  if (options.top < 1 || options.from < 0)
    return tool_usage (&tool_classify, "--top must be at least 1, and --from a checkpoint's step");
  return classify (&options, argv + 1, &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_classify = {
  .name = "classify",
  .parameters = "PICTURE...",
  .summary = "Tell what pictures show, by a network of one's own",
  .description
  = "RUN is the folder of a run that learned from pictures. A picture is scaled to the size\n"
    "that its network learned from, and made grey if those were.",
  .run = run_command,
};
