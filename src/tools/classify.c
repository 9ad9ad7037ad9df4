/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <math.h>
#include <string.h>

#define MOST_BARS 30 /* characters of the longest bar */
#define CHUNK 16     /* pictures that are read, and asked about, at a time */

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

/* ── Who is asked ── */

/* A network that was trained here, or a pretrained one. */
typedef struct {
  KolRun *run;
  KolModel *model;
  KolEvaluator *evaluator;
  KolPreprocess picture;
  char **names; /* of its classes, lent; NULL: they have numbers alone */
  guint classes;
} Asked;

static void
asked_clear (Asked *asked)
{
  g_clear_pointer (&asked->evaluator, kol_evaluator_free);
  g_clear_pointer (&asked->model, kol_model_free);
  g_clear_pointer (&asked->run, kol_run_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Asked, asked_clear)

/* Pictures as they were when it learned: as is said, or scaled whatever their proportions, 0..1. */
static gboolean
find_run (Asked *asked, const char *folder, GError **error)
{
  asked->run = kol_run_read (folder, error);
  if (!asked->run)
    return FALSE;
  const KolDataset *like = asked->run->like;
  if (!like->classes)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s learned to predict numbers, not to tell classes apart", folder);
      return FALSE;
    }
  if ((like->channels != 1 && like->channels != 3) || (like->height == 1 && like->width == 1))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s learned from rows of numbers, not from pictures", folder);
      return FALSE;
    }
  asked->picture = asked->run->data_options.picture ? asked->run->picture
                                                    : (KolPreprocess){ .channels = like->channels,
                                                                       .width = like->width,
                                                                       .height = like->height,
                                                                       .filter = KOL_BILINEAR,
                                                                       .divisor = 255,
                                                                       .std = { 1, 1, 1 } };
  asked->names = like->class_names;
  return TRUE;
}

static gboolean
find_model (Asked *asked, const char *name, GError **error)
{
  asked->model = kol_model_open (name, error);
  if (!asked->model)
    return FALSE;
  const KolModelEntry *entry = kol_model_get_entry (asked->model);
  if (!entry->has_picture)
    g_printerr ("How %s takes pictures is not known, so they are prepared as for most networks "
                "that learned\nfrom ImageNet; `kolinsky models add FILE --like NAME` says "
                "otherwise\n",
                entry->title);
  asked->picture = *kol_model_get_picture (asked->model);
  asked->names = kol_model_get_classes (asked->model);
  return TRUE;
}

static gboolean
find_asked (Asked *asked, const char *given, GError **error)
{
  g_autofree char *name = given ? g_strdup (given) : kol_model_find_default ();

  if (!name)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "No network is installed that knows what pictures show; `kolinsky models get "
                   "efficientnet-lite0` downloads one, and --model names another, or a run");
      return FALSE;
    }
  g_autofree char *folder = tool_run_folder (name);
  return kol_run_exists (folder) || g_file_test (folder, G_FILE_TEST_IS_DIR)
             ? find_run (asked, folder, error)
             : find_model (asked, name, error);
}

static gboolean
open_asked (Asked *asked, const ClassifyOptions *options, KolDevice *device, GError **error)
{
  asked->evaluator = asked->run
                         ? kol_evaluator_open (device, asked->run, (guint64) options->from, error)
                         : kol_evaluator_open_model (device, asked->model, CHUNK, error);
  if (!asked->evaluator)
    return FALSE;
  asked->classes = (guint) kol_evaluator_get_outputs (asked->evaluator);
  if (!asked->names || g_strv_length (asked->names) == asked->classes)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "The network tells %u classes apart, but %u names of classes are known",
               asked->classes, g_strv_length (asked->names));
  return FALSE;
}

/* A class's name, or its number. Given. */
static char *
class_name (const Asked *asked, guint class)
{
  return asked->names ? g_strdup (asked->names[class]) : g_strdup_printf ("%u", class);
}

/* ── Pictures ── */

/* Some pictures, read by several threads. */
typedef struct {
  const KolPreprocess *how;
  char **paths; /* [n], lent */
  guint n;
  float *numbers;        /* [n, C, H, W] */
  GError *errors[CHUNK]; /* why one could not be read */
  guint next;            /* changed atomically */
} Chunk;

static gpointer
read_some (gpointer user_data)
{
  Chunk *chunk = user_data;
  gsize each = kol_preprocess_count (chunk->how);

  for (;;)
    {
      guint i = (guint) g_atomic_int_add (&chunk->next, 1);
      if (i >= chunk->n)
        return NULL;
      kol_preprocess_load (chunk->how, chunk->paths[i], chunk->numbers + i * each,
                           &chunk->errors[i]);
    }
}

/* This thread is one of as many as there are processors. */
static void
read_chunk (Chunk *chunk)
{
  GThread *threads[CHUNK];
  guint n = 0, wanted = MIN (g_get_num_processors (), chunk->n);

  while (n + 1 < wanted && (threads[n] = g_thread_try_new ("pictures", read_some, chunk, NULL)))
    n++;
  read_some (chunk);
  while (n > 0)
    g_thread_join (threads[--n]);
}

/* ── Answers ── */

/* Scores -> probabilities, in place, unless the network gives these already. */
static void
softmax (float *scores, guint n)
{
  double largest = -INFINITY, least = INFINITY, sum = 0;

  for (guint i = 0; i < n; i++)
    {
      largest = MAX (largest, scores[i]);
      least = MIN (least, scores[i]);
      sum += scores[i];
    }
  if (least >= 0 && fabs (sum - 1) < 1e-3)
    return;
  sum = 0;
  for (guint i = 0; i < n; i++)
    sum += exp (scores[i] - largest);
  for (guint i = 0; i < n; i++)
    scores[i] = (float) (exp (scores[i] - largest) / sum);
}

/* The likeliest classes, from the first on; of equals the one with the smaller number. Given. */
static guint *
order_classes (const float *probabilities, guint n, guint top)
{
  guint *order = g_new (guint, top + 1), count = 0;

  for (guint i = 0; i < n; i++)
    {
      guint at = count;
      for (; at > 0 && probabilities[order[at - 1]] < probabilities[i]; at--)
        order[at] = order[at - 1];
      order[at] = i;
      count = MIN (count + 1, top);
    }
  return order;
}

static void
say_answer (const Asked *asked, const char *path, const float *probabilities, const guint *order,
            guint top)
{
  g_autofree char *shown = g_filename_display_name (path);
  glong widest = 0;

  for (guint i = 0; i < top; i++)
    {
      g_autofree char *name = class_name (asked, order[i]);
      widest = MAX (widest, g_utf8_strlen (name, -1));
    }
  tool_say ("%s", shown);
  for (guint i = 0; i < top; i++)
    {
      g_autofree char *name = class_name (asked, order[i]);
      float share = probabilities[order[i]];
      g_autoptr (GString) bar = g_string_new (NULL);

      for (int k = 0; k < (int) lroundf (share * MOST_BARS); k++)
        g_string_append (bar, "█");
      tool_say ("  %s%*s %6.2f %% %s", name, (int) (widest - g_utf8_strlen (name, -1)), "",
                100 * share, bar->str);
    }
}

static void
write_answer (ToolJson *json, const Asked *asked, const char *path, const float *probabilities,
              const guint *order, guint top)
{
  g_autofree char *shown = g_filename_display_name (path);

  tool_json_open (json, NULL, '{');
  tool_json_string (json, "picture", shown);
  tool_json_open (json, "classes", '[');
  for (guint i = 0; i < top; i++)
    {
      g_autofree char *name = class_name (asked, order[i]);

      tool_json_open (json, NULL, '{');
      tool_json_integer (json, "class", order[i]);
      tool_json_string (json, "name", name);
      tool_json_number (json, "probability", probabilities[order[i]]);
      tool_json_close (json);
    }
  tool_json_close (json);
  tool_json_close (json);
}

/* What could not be read is told, and counted in @unread. */
static void
tell (const ClassifyOptions *options, const Asked *asked, Chunk *chunk, float *scores,
      ToolJson *json, guint *unread)
{
  guint top = (guint) MIN (options->top, asked->classes);

  for (guint i = 0; i < chunk->n; i++)
    {
      float *probabilities = scores + (gsize) i * asked->classes;

      if (chunk->errors[i])
        {
          g_printerr ("kolinsky: %s\n", chunk->errors[i]->message);
          g_clear_error (&chunk->errors[i]);
          (*unread)++;
          continue;
        }
      softmax (probabilities, asked->classes);
      g_autofree guint *order = order_classes (probabilities, asked->classes, top);
      if (options->common.json)
        write_answer (json, asked, chunk->paths[i], probabilities, order, top);
      else
        say_answer (asked, chunk->paths[i], probabilities, order, top);
    }
}

/*
 * Asks about all the pictures, some at a time. The last ones are as many as the others, with
 * whatever was read before in the places that are left, so that the network is built once.
 */
static gboolean
ask (const ClassifyOptions *options, const Asked *asked, GPtrArray *paths, ToolJson *json,
     guint *unread, GError **error)
{
  guint at_a_time = MIN (CHUNK, paths->len);
  gsize each = kol_preprocess_count (&asked->picture);
  g_autofree float *numbers = g_new0 (float, at_a_time *each);
  g_autofree float *scores = g_new (float, (gsize) at_a_time * asked->classes);

  for (guint first = 0; first < paths->len; first += at_a_time)
    {
      Chunk chunk = { .how = &asked->picture,
                      .paths = (char **) paths->pdata + first,
                      .n = MIN (at_a_time, paths->len - first),
                      .numbers = numbers };
      read_chunk (&chunk);
      if (!kol_evaluator_predict (asked->evaluator, numbers, at_a_time, scores, error))
        return FALSE;
      tell (options, asked, &chunk, scores, json, unread);
    }
  return TRUE;
}

static gboolean
classify (const ClassifyOptions *options, char **given, GError **error)
{
  g_auto (Asked) asked = { 0 };
  g_auto (ToolJson) json;
  guint unread = 0;

  tool_json_init (&json);
  if (!find_asked (&asked, options->model, error))
    return FALSE;
  g_autoptr (GPtrArray) paths = tool_list_pictures (given, error);
  g_autoptr (KolDevice) device = paths ? tool_open_device (&options->common, error) : NULL;
  if (!device || !open_asked (&asked, options, device, error))
    return FALSE;
  tool_json_open (&json, NULL, '[');
  if (!ask (options, &asked, paths, &json, &unread, error))
    return FALSE;
  tool_json_close (&json);
  if (options->common.json)
    tool_json_print (&json);
  if (!tool_save_profile (&options->common, device, error))
    return FALSE;
  if (!unread)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%u of the pictures could not be read", unread);
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (ClassifyOptions) options = { .top = 5 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &options.model,
      "Who is asked: an installed network, an ONNX file, or a run", "MODEL" },
    { "top", 0, 0, G_OPTION_ARG_INT64, &options.top, "How many classes to tell (5)", "N" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &options.from,
      "Of a run, the step of the checkpoint (the latest)", "STEP" },
    { NULL },
  };

  if (!tool_parse (&tool_classify, entries,
                   TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE, &options.common,
                   TOOL_ANY_NUMBER, &argc, &argv))
    return TOOL_USAGE;
  if (argc < 2)
    return tool_usage (&tool_classify, "`kolinsky classify` needs a PICTURE");
  if (options.top < 1)
    return tool_usage (&tool_classify, "--top must be at least 1");
  if (options.from < 0)
    return tool_usage (&tool_classify, "--from must be the step of a checkpoint");
  return classify (&options, argv + 1, &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_classify = {
  .name = "classify",
  .parameters = "PICTURE...",
  .summary = "Tell what pictures show",
  .description
  = "MODEL is one of `kolinsky models` that is installed, the file of a network, or a run\n"
    "that learned from pictures; without one, efficientnet-lite0 is asked, or another that\n"
    "is installed. Pictures are scaled and cut as the network learned from them. Of a\n"
    "folder all pictures are taken.",
  .run = run_command,
};
