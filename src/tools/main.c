/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../words-private.h"

#include <locale.h>

gint64 tool_start_time;

/* Every sub-command, in the order of the help text. */
static const ToolCommand *const commands[] = {
  &tool_devices,  &tool_train, &tool_search,      &tool_evaluate,    &tool_classify,
  &tool_maximize, &tool_style, &tool_style_train, &tool_style_apply, &tool_models,
  &tool_run,      &tool_info,  &tool_export,      &tool_runs,        &tool_plot,
  &tool_verify,   &tool_tune,  &tool_bench,
};

static void
print_help (void)
{
  g_print ("Usage:\n  kolinsky COMMAND [OPTION...]\n\n"
           "Trains and runs neural networks on any OpenCL device.\n\nCommands:\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_print ("  %-11s %s\n", commands[i]->name, commands[i]->summary);
  g_print ("\nOptions:\n"
           "  --help     Show this\n"
           "  --version  Show the version\n\n"
           "`kolinsky COMMAND --help` tells the options of a command. The manual page\n"
           "kolinsky(1) has the environment variables and exit codes.\n");
}

static const ToolCommand *
find_command (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (commands[i]->name, name))
      return commands[i];
  return NULL;
}

static ToolExit
unknown_command (const char *name)
{
  const char *names[G_N_ELEMENTS (commands) + 3] = { "--help", "--version" };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    names[i + 2] = commands[i]->name;
  const char *nearest = kol_nearest_word (name, names);
  return tool_usage (NULL, "There is no %s \"%s\"%s%s%s", *name == '-' ? "option" : "command", name,
                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

int
main (int argc, char **argv)
{
  tool_start_time = g_get_monotonic_time ();
  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C"); /* numbers are read by scripts, too */
  g_set_prgname ("kolinsky");

  if (argc < 2)
    return tool_usage (NULL, "A command is missing");
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h"))
    {
      print_help ();
      return TOOL_OK;
    }
  if (g_str_equal (argv[1], "--version"))
    {
      g_print ("kolinsky %s\n", KOL_VERSION);
      return TOOL_OK;
    }

  const ToolCommand *command = find_command (argv[1]);
  if (!command)
    return unknown_command (argv[1]);
  return command->run (argc - 1, argv + 1);
}
