/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

/* Which device would be used: its index, or -1 with the error. */
static int
chosen_index (const ToolOptions *options, GError **error)
{
  g_autoptr (KolDevice) device = kol_device_open (options->device, error);

  return device ? (int) kol_device_get_info (device)->index : -1;
}

static void
say_device (const KolDeviceInfo *info, gboolean chosen)
{
  g_autofree char *memory = tool_format_bytes (info->memory);
  g_autofree char *largest = tool_format_bytes (info->largest_allocation);

  tool_say ("%s%u: %s", chosen ? "* " : "  ", info->index, info->name);
  tool_say ("     type                %s, %u compute units, vectors of %u floats", info->type,
            info->compute_units, info->vector_width);
  tool_say ("     memory              %s, largest allocation %s", memory, largest);
  tool_say ("     platform            %s (%s)", info->platform, info->version);
  tool_say ("     driver              %s", info->driver);
}

static void
write_device (ToolJson *json, const KolDeviceInfo *info, gboolean chosen)
{
  tool_json_open (json, NULL, '{');
  tool_json_integer (json, "index", info->index);
  tool_json_string (json, "name", info->name);
  tool_json_string (json, "type", info->type);
  tool_json_integer (json, "compute_units", info->compute_units);
  tool_json_integer (json, "memory", info->memory);
  tool_json_integer (json, "largest_allocation", info->largest_allocation);
  tool_json_integer (json, "local_memory", info->local_memory);
  tool_json_integer (json, "vector_width", info->vector_width);
  tool_json_string (json, "driver", info->driver);
  tool_json_string (json, "version", info->version);
  tool_json_string (json, "platform", info->platform);
  tool_json_boolean (json, "default", chosen);
  tool_json_close (json);
}

static void
write_devices (GPtrArray *list, int chosen)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < list->len; i++)
    write_device (&json, g_ptr_array_index (list, i), (int) i == chosen);
  tool_json_close (&json);
  tool_json_print (&json);
}

static ToolExit
run (int argc, char **argv)
{
  g_auto (ToolOptions) options = { 0 };
  g_autoptr (GError) error = NULL;

  if (!tool_parse (&tool_devices, NULL, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON, &options, 0, &argc,
                   &argv))
    return TOOL_USAGE;

  g_autoptr (GPtrArray) list = kol_devices_list ();
  int chosen = chosen_index (&options, &error);
  if (options.json)
    write_devices (list, chosen);
  else
    {
      for (guint i = 0; i < list->len; i++)
        say_device (g_ptr_array_index (list, i), (int) i == chosen);
    }
  return error ? tool_fail (error) : TOOL_OK;
}

const ToolCommand tool_devices = {
  .name = "devices",
  .summary = "List the OpenCL devices and mark the one that is used",
  .description
  = "Lists every device of every OpenCL platform. The one marked with an asterisk is used:\n"
    "the best by type and speed, or what --device or the environment's KOLINSKY_DEVICE says.",
  .run = run,
};
