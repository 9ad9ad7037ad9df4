/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A strict reader of the JSON (RFC 8259) that file headers are made of: objects,
 * arrays, strings and whole numbers that are not negative. The caller, who knows
 * what must come next, asks for it:
 *
 *   if (!kol_json_open (json, '{', error))
 *     return FALSE;
 *   while (kol_json_more (json, '}', &more, error) && more)
 *     ... kol_json_key (json, error) and a value ...
 *   return !more;
 *
 * Nothing recurses, so no nesting can exhaust the stack. Errors are of
 * KOL_ERROR_DATA and say at which byte of the text what was expected.
 */
typedef struct {
  const char *text; /* need not end with NUL */
  gsize length;
  gsize position;
  gboolean opened; /* a bracket was just opened: no comma comes before what follows */
} KolJson;

void kol_json_init (KolJson *json, const char *text, gsize length);

/* Takes an opening @bracket: '{' or '['. */
gboolean kol_json_open (KolJson *json, char bracket, GError **error);
/*
 * Takes a comma, or the closing @bracket, after which @more is FALSE. On an error,
 * which only the function's own result tells from a comma, @more is TRUE.
 */
gboolean kol_json_more (KolJson *json, char bracket, gboolean *more, GError **error);
/* A string, decoded to UTF-8; NULL on error. Given. */
char *kol_json_string (KolJson *json, GError **error);
/* A string and the colon after it; NULL on error. Given. */
char *kol_json_key (KolJson *json, GError **error);
/* A whole number from 0 to G_MAXINT64. */
gboolean kol_json_integer (KolJson *json, gint64 *value, GError **error);
/* Nothing but white space may be left. */
gboolean kol_json_end (KolJson *json, GError **error);

/* Appends @string, which is UTF-8, in quotes and escaped. */
void kol_json_append_string (GString *text, const char *string);

G_END_DECLS
