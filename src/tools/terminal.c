/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

static gboolean to_stderr;
static gboolean status_shown;

void
tool_set_json (gboolean json)
{
  to_stderr = json;
}

static int
human_file (void)
{
  return to_stderr ? STDERR_FILENO : STDOUT_FILENO;
}

static void
print (const char *text)
{
  if (to_stderr)
    g_printerr ("%s", text);
  else
    g_print ("%s", text);
}

gboolean
tool_on_terminal (void)
{
  const char *kind = g_getenv ("TERM");

  return isatty (human_file ()) && kind && *kind && !g_str_equal (kind, "dumb");
}

int
tool_columns (void)
{
  struct winsize size = { 0 };

  if (ioctl (human_file (), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

void
tool_status (const char *text)
{
  if (!tool_on_terminal () || (!text && !status_shown))
    return;
  g_autofree char *line = g_strconcat (CLEAR_LINE, text, NULL);
  print (line);
  status_shown = text != NULL;
}

void
tool_say (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);

  tool_status (NULL);
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  print (line);
}

static void
say_row (char **cells, const glong *widths)
{
  g_autoptr (GString) line = g_string_new (NULL);

  for (guint i = 0; cells[i]; i++)
    {
      glong padding = cells[i + 1] ? widths[i] - g_utf8_strlen (cells[i], -1) : 0;
      g_string_append_printf (line, "%s%s%*s", i ? "  " : "", cells[i], (int) padding, "");
    }
  tool_say ("%s", line->str);
}

void
tool_say_table (GPtrArray *rows)
{
  g_autofree glong *widths = g_new0 (glong, g_strv_length (rows->pdata[0]));

  for (guint r = 0; r < rows->len; r++)
    {
      char **row = g_ptr_array_index (rows, r);
      for (guint i = 0; row[i]; i++)
        widths[i] = MAX (widths[i], g_utf8_strlen (row[i], -1));
    }
  for (guint r = 0; r < rows->len; r++)
    say_row (g_ptr_array_index (rows, r), widths);
}

/* Where lines cannot be replaced, a line for what may take long: no result, so not among them. */
#define WORTH_A_LINE 5

void
tool_show_progress (const char *stage, guint done, guint total, gpointer user_data)
{
  if (tool_on_terminal ())
    {
      g_autofree char *text = g_strdup_printf ("%s %u/%u", stage, done, total);
      tool_status (done < total ? text : NULL);
    }
  else if (done == 0 && total >= WORTH_A_LINE)
    g_printerr ("%s (%u)\n", stage, total);
}

/* Three significant digits; far from 1, as short a power of ten as there is. */
char *
tool_format_small (double value)
{
  if (!isfinite (value) || value == 0 || (fabs (value) >= 0.01 && fabs (value) < 1000))
    return g_strdup_printf ("%.3g", value);

  char digits[32];
  g_snprintf (digits, sizeof digits, "%.1e", value);
  char *e = strchr (digits, 'e');
  int power = (int) g_ascii_strtoll (e + 1, NULL, 10);
  *e = '\0';
  if (g_str_has_suffix (digits, ".0"))
    *strchr (digits, '.') = '\0';
  return g_strdup_printf ("%se%d", digits, power);
}

char *
tool_format_duration (double seconds)
{
  if (!isfinite (seconds) || seconds < 0)
    return g_strdup ("-:--");
  guint64 whole = (guint64) (seconds + 0.5);

  if (whole >= 3600)
    return g_strdup_printf ("%d:%02d:%02d", (int) (whole / 3600), (int) (whole / 60 % 60),
                            (int) (whole % 60));
  return g_strdup_printf ("%d:%02d", (int) (whole / 60), (int) (whole % 60));
}

char *
tool_format_bytes (guint64 bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  double value = (double) bytes;
  guint unit = 0;

  while (value >= 1024 && unit + 1 < G_N_ELEMENTS (units))
    {
      value /= 1024;
      unit++;
    }
  return g_strdup_printf (unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}
