/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "json-private.h"

#include <string.h>

#include "../device/error.h"

void
kol_json_init (KolJson *json, const char *text, gsize length)
{
  *json = (KolJson){ .text = text, .length = length };
}

/* Reports what stands at the present position instead of @expected; always FALSE. */
static gboolean
fail (const KolJson *json, const char *expected, GError **error)
{
  g_autofree char *found = NULL;

  if (json->position >= json->length)
    found = g_strdup ("the end");
  else
    {
      guchar c = json->text[json->position];
      found = g_ascii_isprint (c) ? g_strdup_printf ("'%c'", c) : g_strdup_printf ("byte %02x", c);
    }
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "at byte %zu, %s was expected but %s was found",
               json->position, expected, found);
  return FALSE;
}

/* Reports something else that is wrong with the text before the present position. */
static gboolean
fail_before (const KolJson *json, const char *wrong, GError **error)
{
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "before byte %zu, there is %s", json->position,
               wrong);
  return FALSE;
}

/* The character at the present position, or -1 at the end. */
static int
peek (const KolJson *json)
{
  return json->position < json->length ? (guchar) json->text[json->position] : -1;
}

static void
skip_space (KolJson *json)
{
  for (int c = peek (json); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek (json))
    json->position++;
}

/* Takes the character @wanted, if it is the next one. */
static gboolean
take_here (KolJson *json, char wanted)
{
  if (peek (json) != wanted)
    return FALSE;
  json->position++;
  return TRUE;
}

/* The same, after white space. */
static gboolean
take (KolJson *json, char wanted)
{
  skip_space (json);
  return take_here (json, wanted);
}

gboolean
kol_json_open (KolJson *json, char bracket, GError **error)
{
  const char expected[] = { '\'', bracket, '\'', 0 };

  json->opened = take (json, bracket);
  return json->opened || fail (json, expected, error);
}

gboolean
kol_json_more (KolJson *json, char bracket, gboolean *more, GError **error)
{
  const char expected[] = { '\'', ',', '\'', ' ', 'o', 'r', ' ', '\'', bracket, '\'', 0 };
  gboolean opened = json->opened;

  json->opened = FALSE;
  *more = !take (json, bracket);
  /* After the opening bracket, what follows must be a value, and its reader checks that. */
  return !*more || opened || take (json, ',') || fail (json, expected, error);
}

/* Four hexadecimal digits, or -1. */
static int
read_hex (KolJson *json)
{
  int value = 0;

  for (int i = 0; i < 4; i++, json->position++)
    {
      int c = peek (json);
      if (c < 0 || !g_ascii_isxdigit (c))
        return -1;
      value = 16 * value + g_ascii_xdigit_value (c);
    }
  return value;
}

/* The rest of "\uXXXX", which for characters above U+FFFF is a pair of those. */
static gboolean
read_unicode (KolJson *json, GString *string, GError **error)
{
  int first = read_hex (json), second;
  gunichar character = first;

  if (first < 0)
    return fail (json, "a hexadecimal digit", error);
  if (first == 0)
    return fail_before (json, "the character U+0000, which no name may hold", error);
  if (first >= 0xDC00 && first <= 0xDFFF)
    return fail_before (json, "the second half of a surrogate pair without the first", error);
  if (first >= 0xD800 && first <= 0xDBFF)
    {
      second = take_here (json, '\\') && take_here (json, 'u') ? read_hex (json) : -1;
      if (second < 0xDC00 || second > 0xDFFF)
        return fail_before (json, "the first half of a surrogate pair without the second", error);
      character = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    }
  g_string_append_unichar (string, character);
  return TRUE;
}

/* What comes after a backslash. */
static gboolean
read_escape (KolJson *json, GString *string, GError **error)
{
  static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  int c = peek (json);
  const char *letter = c > 0 ? strchr (letters, c) : NULL;

  if (letter)
    g_string_append_c (string, meanings[letter - letters]);
  else if (c != 'u')
    return fail (json, "one of \"\\/bfnrtu after the backslash", error);
  json->position++;
  return letter || read_unicode (json, string, error);
}

/* Up to the closing quote. */
static gboolean
read_characters (KolJson *json, GString *string, GError **error)
{
  while (!take_here (json, '"'))
    {
      int c = peek (json);
      if (c < 0x20)
        return fail (json, "the rest of a string", error);
      json->position++;
      if (c != '\\')
        g_string_append_c (string, c);
      else if (!read_escape (json, string, error))
        return FALSE;
    }
  return TRUE;
}

char *
kol_json_string (KolJson *json, GError **error)
{
  g_autoptr (GString) string = g_string_new (NULL);
  gboolean done = FALSE;

  if (!take (json, '"'))
    fail (json, "a string", error);
  else if (read_characters (json, string, error))
    done = g_utf8_validate (string->str, string->len, NULL)
           || fail_before (json, "a string that is not UTF-8", error);
  return done ? g_string_free (g_steal_pointer (&string), FALSE) : NULL;
}

char *
kol_json_key (KolJson *json, GError **error)
{
  g_autofree char *key = kol_json_string (json, error);

  if (key && !take (json, ':'))
    {
      fail (json, "':'", error);
      return NULL;
    }
  return g_steal_pointer (&key);
}

gboolean
kol_json_integer (KolJson *json, gint64 *value, GError **error)
{
  skip_space (json);
  gsize start = json->position;

  *value = 0;
  for (int c = peek (json); c >= '0' && c <= '9'; c = peek (json))
    {
      if (json->position > start && json->text[start] == '0')
        return fail (json, "a number without leading zeros", error);
      if (*value > (G_MAXINT64 - (c - '0')) / 10)
        return fail (json, "a number below 2^63", error);
      *value = 10 * *value + (c - '0');
      json->position++;
    }
  int next = peek (json);
  if (json->position == start || next == '.' || next == 'e' || next == 'E')
    return fail (json, "a whole number, not negative,", error);
  return TRUE;
}

gboolean
kol_json_end (KolJson *json, GError **error)
{
  skip_space (json);
  return json->position == json->length || fail (json, "the end", error);
}

void
kol_json_append_string (GString *text, const char *string)
{
  g_string_append_c (text, '"');
  for (const char *c = string; *c; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (text, "\\%c", *c);
    else if ((guchar) *c < 0x20)
      g_string_append_printf (text, "\\u%04x", *c);
    else
      g_string_append_c (text, *c);
  g_string_append_c (text, '"');
}
