/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "timeline-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../device/error.h"

/*
 * The file is CSV: a header, then a line per row. There is none before the first row. A
 * line that has no end was being written when its process died.
 */

#define HEADER "step,kind,from,to,seconds\n"
#define CELLS 5

static const char *const kinds[] = {
  [KOL_TIMELINE_RATE] = "rate",         [KOL_TIMELINE_RATE_FACTOR] = "rate-factor",
  [KOL_TIMELINE_MOMENTUM] = "momentum", [KOL_TIMELINE_WEIGHT_DECAY] = "weight-decay",
  [KOL_TIMELINE_KEEP] = "keep",         [KOL_TIMELINE_BATCH] = "batch",
  [KOL_TIMELINE_BRANCH] = "branch",     [KOL_TIMELINE_CHECKPOINT_PIN] = "checkpoint-pin",
  [KOL_TIMELINE_REWIND] = "rewind",     [KOL_TIMELINE_DIVERGED] = "diverged",
};

/**
 * kol_timeline_kind_name:
 * @kind: a kind of row
 *
 * Returns: (transfer none): its name in the file
 */
const char *
kol_timeline_kind_name (KolTimelineKind kind)
{
  g_return_val_if_fail (kind < G_N_ELEMENTS (kinds), NULL);
  return kinds[kind];
}

static char *
path_of (const char *folder)
{
  return g_build_filename (folder, KOL_TIMELINE_FILE, NULL);
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
parse_kind (const char *text, KolTimelineKind *kind)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i], text) == 0)
      {
        *kind = (KolTimelineKind) i;
        return TRUE;
      }
  return FALSE;
}

/* An empty cell is NaN. */
static gboolean
parse_number (const char *text, double *number)
{
  char *end;

  *number = *text ? g_ascii_strtod (text, &end) : NAN;
  return !*text || (end != text && !*end);
}

static gboolean
parse_row (const char *line, KolTimelineRow *row)
{
  g_auto (GStrv) cells = g_strsplit (line, ",", -1);

  return g_strv_length (cells) == CELLS
         && g_ascii_string_to_unsigned (cells[0], 10, 0, G_MAXUINT64, &row->step, NULL)
         && parse_kind (cells[1], &row->kind) && parse_number (cells[2], &row->from)
         && parse_number (cells[3], &row->to) && parse_number (cells[4], &row->seconds);
}

/**
 * kol_timeline_load:
 * @folder: the folder of a run
 * @error: return location
 *
 * Reads what has happened to a run, also while it goes on.
 *
 * Errors: %KOL_ERROR_DATA for a damaged line; #GFileError if the file cannot be read.
 *
 * Returns: (transfer full) (element-type KolTimelineRow): the rows in order, none if
 *   nothing was changed; %NULL with @error set
 */
GArray *
kol_timeline_load (const char *folder, GError **error)
{
  g_return_val_if_fail (folder != NULL, NULL);

  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (KolTimelineRow));
  g_autofree char *path = path_of (folder), *text = NULL;
  g_autoptr (GError) failure = NULL;

  if (!g_file_get_contents (path, &text, NULL, &failure))
    {
      if (g_error_matches (failure, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return g_steal_pointer (&rows);
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[0] && lines[i] && lines[i + 1]; i++) /* the last has no end */
    {
      KolTimelineRow row;

      if (!parse_row (lines[i], &row))
        {
          g_autofree char *shown = g_filename_display_name (path);
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                       "Line %u of “%s” is not a step, a kind of change and three numbers; remove "
                       "the line, or the file",
                       i + 1, shown);
          return NULL;
        }
      g_array_append_val (rows, row);
    }
  return g_steal_pointer (&rows);
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────── */

static void
append_number (GString *line, double number)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_c (line, ',');
  if (!isnan (number))
    g_string_append (line, g_ascii_dtostr (digits, sizeof digits, number));
}

static void
append_row (GString *text, const KolTimelineRow *row)
{
  g_string_append_printf (text, "%" G_GUINT64_FORMAT ",%s", row->step, kinds[row->kind]);
  append_number (text, row->from);
  append_number (text, row->to);
  append_number (text, row->seconds);
  g_string_append_c (text, '\n');
}

gboolean
kol_timeline_cut (const char *folder, guint rows, guint64 step, guint *kept, GError **error)
{
  g_autoptr (GArray) all = kol_timeline_load (folder, error);
  g_autoptr (GString) text = g_string_new (HEADER);
  g_autofree char *path = path_of (folder);

  *kept = 0;
  if (!all)
    return FALSE;
  for (guint i = 0; i < all->len; i++)
    {
      const KolTimelineRow *row = &g_array_index (all, KolTimelineRow, i);

      if (rows == G_MAXUINT ? row->step > step : i >= rows)
        continue;
      append_row (text, row);
      (*kept)++;
    }
  if (*kept == 0)
    {
      g_unlink (path);
      return TRUE;
    }
  return g_file_set_contents_full (path, text->str, (gssize) text->len,
                                   G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
}

gboolean
kol_timeline_add (const char *folder, const KolTimelineRow *row, GError **error)
{
  g_autofree char *path = path_of (folder);
  g_autoptr (GString) text = g_string_new (g_file_test (path, G_FILE_TEST_EXISTS) ? "" : HEADER);
  FILE *file = g_fopen (path, "ae");

  append_row (text, row);
  gboolean good = file && fwrite (text->str, 1, text->len, file) == text->len;
  good = file && fclose (file) == 0 && good;
  if (!good)
    {
      int code = errno;
      g_autofree char *shown = g_filename_display_name (path);
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
                   "The timeline “%s” cannot be written: %s", shown, g_strerror (code));
    }
  return good;
}
