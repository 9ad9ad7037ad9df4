/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../words-private.h"

#include <string.h>

#define MOST_OWN_ENTRIES 40

/* ── Options ── */

void
tool_options_clear (ToolOptions *options)
{
  g_clear_pointer (&options->device, g_free);
  g_clear_pointer (&options->profile, g_free);
}

/* Writes the entries of a command into @entries, ended by an empty one. */
static void
list_entries (const GOptionEntry *own, ToolTakes takes, ToolOptions *options,
              GOptionEntry entries[MOST_OWN_ENTRIES])
{
  const GOptionEntry device = { "device",
                                'd',
                                0,
                                G_OPTION_ARG_STRING,
                                &options->device,
                                "An index of `kolinsky devices`, or a part of a name",
                                "DEVICE" };
  const GOptionEntry json
      = { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Write JSON to standard output", NULL };
  const GOptionEntry profile = { "profile",
                                 0,
                                 0,
                                 G_OPTION_ARG_FILENAME,
                                 &options->profile,
                                 "Time every kernel; write a Chrome trace",
                                 "FILE.json" };
  guint n = 0;

  for (; own && own[n].long_name; n++)
    entries[n] = own[n];
  g_assert (n + 4 <= MOST_OWN_ENTRIES);
  if (takes & TOOL_TAKES_DEVICE)
    entries[n++] = device;
  if (takes & TOOL_TAKES_JSON)
    entries[n++] = json;
  if (takes & TOOL_TAKES_PROFILE)
    entries[n++] = profile;
  entries[n] = (GOptionEntry){ NULL };
}

/* The option that the first misspelled one of @argv was meant to be, or NULL. */
static const char *
meant_option (char **argv, const GOptionEntry *entries)
{
  const char *names[MOST_OWN_ENTRIES + 1] = { "help" };

  for (guint i = 0; entries[i].long_name; i++)
    names[i + 1] = entries[i].long_name;
  for (; *argv && !g_str_equal (*argv, "--"); argv++)
    {
      if (!g_str_has_prefix (*argv, "--"))
        continue;
      g_autofree char *name = g_strndup (*argv + 2, strcspn (*argv + 2, "="));
      if (!g_strv_contains (names, name))
        return kol_nearest_word (name, names);
    }
  return NULL;
}

static gboolean
check_parameters (const ToolCommand *command, int n_parameters, int argc, char **argv)
{
  if (n_parameters == TOOL_ANY_NUMBER || argc - 1 == n_parameters)
    return TRUE;
  if (argc - 1 > n_parameters)
    tool_usage (command, "\"%s\" is more than `kolinsky %s` understands", argv[n_parameters + 1],
                command->name);
  else
    tool_usage (command, "`kolinsky %s` needs %s", command->name, command->parameters);
  return FALSE;
}

gboolean
tool_parse (const ToolCommand *command, const GOptionEntry *own, ToolTakes takes,
            ToolOptions *options, int n_parameters, int *argc, char ***argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (command->parameters);
  g_autoptr (GError) error = NULL;
  GOptionEntry entries[MOST_OWN_ENTRIES];
  g_autofree char **given = g_memdup2 (*argv, (gsize) (*argc + 1) * sizeof (char *));

  list_entries (own, takes, options, entries);
  g_option_context_set_description (context, command->description);
  g_option_context_add_main_entries (context, entries, NULL);

  /* The help text shows the program's name, which here are two words. */
  g_autofree char *name = g_strconcat ("kolinsky ", command->name, NULL);
  g_set_prgname (name);
  gboolean parsed = g_option_context_parse (context, argc, argv, &error);
  g_set_prgname ("kolinsky");

  if (!parsed)
    {
      const char *meant = g_error_matches (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
                              ? meant_option (given + 1, entries)
                              : NULL;
      tool_usage (command, "%s%s%s%s", error->message, meant ? "; did you mean --" : "",
                  meant ? meant : "", meant ? "?" : "");
      return FALSE;
    }
  tool_set_json (options->json);
  return check_parameters (command, n_parameters, *argc, *argv);
}

ToolExit
tool_usage (const ToolCommand *command, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_printerr ("kolinsky: %s\n", text);
  g_printerr ("Run `kolinsky %s%s--help` to see what there is.\n", command ? command->name : "",
              command ? " " : "");
  return TOOL_USAGE;
}

ToolExit
tool_fail (const GError *error)
{
  tool_status (NULL);
  g_printerr ("kolinsky: %s\n", error->message);
  return g_error_matches (error, KOL_ERROR, KOL_ERROR_DIVERGED) ? TOOL_REFUTED : TOOL_FAILED;
}

/* ── Device and profile ── */

KolDevice *
tool_open_device (const ToolOptions *options, GError **error)
{
  g_autoptr (KolDevice) device = kol_device_open (options->device, error);

  if (!device)
    return NULL;
  const KolDeviceInfo *info = kol_device_get_info (device);
  g_printerr ("Device %u: %s (%s, %s)\n", info->index, info->name, info->platform, info->driver);
  kol_device_set_progress (device, tool_show_progress, NULL);
  if (options->profile && !kol_device_set_profiling (device, TRUE, error))
    return NULL;
  return g_steal_pointer (&device);
}

gboolean
tool_save_profile (const ToolOptions *options, KolDevice *device, GError **error)
{
  if (!options->profile)
    return TRUE;
  if (!kol_device_profile_save (device, options->profile, error))
    return FALSE;

  g_autofree char *table = kol_device_profile_table (device);
  g_autofree char *path = g_filename_display_name (options->profile);
  tool_say ("\n%s\nThe trace of every kernel is in %s: open it in Perfetto or chrome://tracing",
            g_strchomp (table), path);
  return TRUE;
}

/* ── Data ── */

char *
tool_find_data (const char *given, GError **error)
{
  char *folder = given ? g_strdup (given) : kol_dataset_find ();

  if (!folder)
    g_set_error_literal (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                         "No data set was found. Install Debian's package dataset-fashion-mnist, "
                         "or name what to learn from: --data PATH");
  return folder;
}

void
tool_say_skipped (KolDataset *data)
{
  gsize n;
  g_auto (GStrv) lines = kol_dataset_list_skipped (data, 0, &n);

  for (guint i = 0; i < 10 && lines[i]; i++)
    tool_say ("Left out: %s", lines[i]);
  if (n > 10)
    tool_say ("and %zu others", n - 10);
}
