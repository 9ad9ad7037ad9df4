/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../model/json-private.h"

#include <math.h>
#include <stdio.h>

void
tool_json_init (ToolJson *json)
{
  *json = (ToolJson){ .text = g_string_new (NULL) };
}

void
tool_json_clear (ToolJson *json)
{
  if (json->text)
    g_string_free (g_steal_pointer (&json->text), TRUE);
}

static void
new_line (ToolJson *json)
{
  g_string_append_printf (json->text, "\n%*s", 2 * (int) json->depth, "");
}

static void
append_text (ToolJson *json, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  kol_json_append_string (json->text, valid);
}

/* The comma, the line and the key before a value. Numbers in an array share a line. */
static void
begin_value (ToolJson *json, const char *key, gboolean own_line)
{
  if (json->depth > 0)
    {
      gboolean first = json->open[json->depth - 1].empty;
      if (!first)
        g_string_append_c (json->text, ',');
      if (own_line || key)
        new_line (json);
      else if (!first)
        g_string_append_c (json->text, ' ');
      json->open[json->depth - 1].empty = FALSE;
      json->open[json->depth - 1].lines = own_line || key;
    }
  if (key)
    {
      append_text (json, key);
      g_string_append (json->text, ": ");
    }
}

void
tool_json_open (ToolJson *json, const char *key, char bracket)
{
  g_return_if_fail (json->depth < G_N_ELEMENTS (json->open));

  begin_value (json, key, TRUE);
  g_string_append_c (json->text, bracket);
  json->open[json->depth].close = bracket == '{' ? '}' : ']';
  json->open[json->depth].empty = TRUE;
  json->open[json->depth].lines = FALSE;
  json->depth++;
}

void
tool_json_close (ToolJson *json)
{
  g_return_if_fail (json->depth > 0);

  json->depth--;
  if (json->open[json->depth].lines)
    new_line (json);
  g_string_append_c (json->text, json->open[json->depth].close);
}

void
tool_json_string (ToolJson *json, const char *key, const char *value)
{
  begin_value (json, key, FALSE);
  if (value)
    append_text (json, value);
  else
    g_string_append (json->text, "null");
}

void
tool_json_number (ToolJson *json, const char *key, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  begin_value (json, key, FALSE);
  if (isfinite (value))
    g_string_append (json->text, g_ascii_formatd (digits, sizeof digits, "%.9g", value));
  else
    g_string_append (json->text, "null");
}

void
tool_json_integer (ToolJson *json, const char *key, guint64 value)
{
  begin_value (json, key, FALSE);
  g_string_append_printf (json->text, "%" G_GUINT64_FORMAT, value);
}

void
tool_json_boolean (ToolJson *json, const char *key, gboolean value)
{
  begin_value (json, key, FALSE);
  g_string_append (json->text, value ? "true" : "false");
}

void
tool_json_print (ToolJson *json)
{
  g_return_if_fail (json->depth == 0);

  /* JSON is UTF-8 whatever the terminal is, so it does not go through g_print. */
  g_string_append_c (json->text, '\n');
  fputs (json->text->str, stdout);
  fflush (stdout);
}
