/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../words-private.h"

#define PROGRESS_SECONDS 0.2 /* between two numbers on a terminal */
#define PROGRESS_LINES 10    /* elsewhere: a line for each tenth */

typedef struct {
  ToolOptions common;
  char *name, *like, *labels;
} ModelsOptions;

static void
models_options_clear (ModelsOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->name);
  g_free (options->like);
  g_free (options->labels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ModelsOptions, models_options_clear)

/* ── The list ── */

/* The bytes that it has, or, where it is not installed, those of its best source. */
static guint64
entry_bytes (const KolModelEntry *entry)
{
  if (entry->path || !entry->sources || entry->sources->len == 0)
    return entry->bytes;
  return ((const KolModelSource *) g_ptr_array_index (entry->sources, 0))->bytes;
}

static const char *
entry_state (const KolModelEntry *entry)
{
  return entry->path ? "installed" : entry->problem ? "damaged" : "-";
}

static void
say_models (GPtrArray *entries)
{
  glong widest = strlen ("NAME"), widest_title = strlen ("TITLE");

  for (guint i = 0; i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      widest = MAX (widest, g_utf8_strlen (entry->name, -1));
      widest_title = MAX (widest_title, g_utf8_strlen (entry->title, -1));
    }
  tool_say ("%-*s  %-*s  %10s  %-9s  %s", (int) widest, "NAME", (int) widest_title, "TITLE", "SIZE",
            "STATE", "LICENCE");
  for (guint i = 0; i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      g_autofree char *size = tool_format_bytes (entry_bytes (entry));
      tool_say ("%-*s  %s%*s  %10s  %-9s  %s", (int) widest, entry->name, entry->title,
                (int) (widest_title - g_utf8_strlen (entry->title, -1)), "", size,
                entry_state (entry), entry->licence ? entry->licence : "not known");
    }
  for (guint i = 0; i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      if (entry->problem)
        tool_say ("%s: %s", entry->name, entry->problem);
    }
  tool_say ("\n`kolinsky models get NAME` installs one. Weights that learned from ImageNet come "
            "from pictures\nwhich are for research that is not commercial; --json says where each "
            "is from.");
}

static void
write_sources (ToolJson *json, const KolModelEntry *entry)
{
  tool_json_open (json, "sources", '[');
  for (guint i = 0; entry->sources && i < entry->sources->len; i++)
    {
      const KolModelSource *source = g_ptr_array_index (entry->sources, i);
      tool_json_open (json, NULL, '{');
      tool_json_string (json, "from", source->from);
      tool_json_integer (json, "bytes", source->bytes);
      tool_json_string (json, "sha256", source->sha256);
      tool_json_close (json);
    }
  tool_json_close (json);
}

static void
write_models (GPtrArray *entries)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      g_autofree char *path = entry->path ? g_filename_display_name (entry->path) : NULL;
      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "name", entry->name);
      tool_json_string (&json, "title", entry->title);
      tool_json_integer (&json, "parameters", entry->parameters);
      tool_json_integer (&json, "bytes", entry_bytes (entry));
      tool_json_string (&json, "licence", entry->licence);
      tool_json_string (&json, "origin", entry->origin);
      tool_json_boolean (&json, "installed", entry->path != NULL);
      tool_json_string (&json, "path", path);
      tool_json_string (&json, "from", entry->from);
      tool_json_string (&json, "problem", entry->problem);
      write_sources (&json, entry);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_print (&json);
}

static gboolean
list (const ModelsOptions *options, char **names, GError **error)
{
  g_autoptr (GPtrArray) entries = kol_catalogue_list (error);

  if (!entries)
    return FALSE;
  if (options->common.json)
    write_models (entries);
  else
    say_models (entries);
  return TRUE;
}

/* ── Changes ── */

typedef struct {
  gint64 shown, started; /* when, of g_get_monotonic_time () */
  guint64 first;         /* what was there when it started */
  guint tenths;
} Progress;

static void
show_bytes (guint64 done, guint64 total, gpointer user_data)
{
  Progress *progress = user_data;
  gint64 now = g_get_monotonic_time ();
  guint tenths = total ? (guint) (done * PROGRESS_LINES / total) : 0;

  if (!progress->started)
    {
      progress->started = now;
      progress->first = done;
    }
  gboolean due = tool_on_terminal () ? now - progress->shown >= PROGRESS_SECONDS * G_USEC_PER_SEC
                                     : tenths > progress->tenths;
  progress->tenths = MAX (tenths, progress->tenths);
  if (!due)
    return;
  progress->shown = now;
  double seconds = (double) (now - progress->started) / G_USEC_PER_SEC;
  g_autofree char *have = tool_format_bytes (done), *all = tool_format_bytes (total);
  g_autofree char *rate = tool_format_bytes (
      seconds > 0 ? (guint64) ((double) (done - progress->first) / seconds) : 0);
  g_autofree char *text = g_strdup_printf ("  %s of %s, %s/s", have, all, rate);
  if (tool_on_terminal ())
    tool_status (done < total ? text : NULL);
  else
    tool_say ("%s", text);
}

static void
say_sentence (const char *sentence, gpointer user_data)
{
  *(Progress *) user_data = (Progress){ 0 };
  tool_say ("%s", sentence);
}

static gboolean
get (const ModelsOptions *options, char **names, GError **error)
{
  for (; *names; names++)
    {
      Progress progress = { 0 };
      const KolInstall install
          = { .progress = show_bytes, .say = say_sentence, .user_data = &progress };
      g_autoptr (KolModelEntry) entry = kol_catalogue_find (*names, error);
      if (!entry)
        return FALSE;
      if (!entry->path && entry->origin)
        tool_say ("%s: %s. Licence: %s", entry->title, entry->origin, entry->licence);
      if (!kol_catalogue_get (*names, &install, NULL, error))
        return FALSE;
      if (!entry->path)
        tool_say ("Installed %s", *names);
    }
  return TRUE;
}

static gboolean
add (const ModelsOptions *options, char **paths, GError **error)
{
  for (; *paths; paths++)
    {
      g_autofree char *name
          = kol_catalogue_add (*paths, options->name, options->like, options->labels, error);
      if (!name)
        return FALSE;
      tool_say ("Installed %s", name);
    }
  return TRUE;
}

static gboolean
remove_models (const ModelsOptions *options, char **names, GError **error)
{
  for (; *names; names++)
    {
      if (!kol_catalogue_remove (*names, error))
        return FALSE;
      tool_say ("Removed %s", *names);
    }
  return TRUE;
}

/* ── Command ── */

static const struct {
  const char *name;
  const char *needs; /* NULL: nothing may follow */
  gboolean (*run) (const ModelsOptions *options, char **arguments, GError **error);
} actions[] = {
  { "list", NULL, list },
  { "get", "NAME", get },
  { "add", "FILE", add },
  { "remove", "NAME", remove_models },
};

static ToolExit
unknown_action (const char *word)
{
  const char *names[G_N_ELEMENTS (actions) + 1] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    names[i] = actions[i].name;
  const char *nearest = kol_nearest_word (word, names);
  g_autofree char *all = kol_list_words (names);
  return tool_usage (&tool_models, "`kolinsky models` cannot \"%s\"; %s%s", word,
                     nearest ? "did you mean " : "it can ", nearest ? nearest : all);
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (ModelsOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "name", 0, 0, G_OPTION_ARG_STRING, &options.name, "What an added file is to be called",
      "NAME" },
    { "like", 0, 0, G_OPTION_ARG_STRING, &options.like,
      "The model whose network, pictures and classes an added file has", "NAME" },
    { "labels", 0, 0, G_OPTION_ARG_FILENAME, &options.labels,
      "The names of an added file's classes, one a line", "FILE" },
    { NULL },
  };
  const char *word;
  guint i = 0;

  if (!tool_parse (&tool_models, entries, TOOL_TAKES_JSON, &options.common, TOOL_ANY_NUMBER, &argc,
                   &argv))
    return TOOL_USAGE;
  word = argc > 1 ? argv[1] : "list";
  while (i < G_N_ELEMENTS (actions) && !g_str_equal (actions[i].name, word))
    i++;
  if (i == G_N_ELEMENTS (actions))
    return unknown_action (word);
  if (actions[i].needs && argc < 3)
    return tool_usage (&tool_models, "`kolinsky models %s` needs a %s", word, actions[i].needs);
  if (!actions[i].needs && argc > 2)
    return tool_usage (&tool_models, "\"%s\" is more than `kolinsky models` understands", argv[2]);
  if (actions[i].run != add && (options.name || options.like || options.labels))
    return tool_usage (&tool_models, "--name, --like and --labels are for `kolinsky models add`");
  if (options.name && argc > 3)
    return tool_usage (&tool_models, "One --name is not enough for several files");
  return actions[i].run (&options, argc > 1 ? argv + 2 : argv + 1, &error) ? TOOL_OK
                                                                           : tool_fail (error);
}

const ToolCommand tool_models = {
  .name = "models",
  .parameters = "[get NAME... | add FILE... | remove NAME...]",
  .summary = "List, download, add and remove pretrained networks",
  .description
  = "Without more words it lists the networks that Kolinsky knows, and those that were\n"
    "added: what is installed, how large it is, and its licence. `get` downloads one, goes\n"
    "on with what an interrupted download left, checks its SHA-256, and tries the next\n"
    "source where one fails; Python packages come through pip. `add` installs a copy of a\n"
    "file that one has: an ONNX file, or weights.",
  .run = run_command,
};
