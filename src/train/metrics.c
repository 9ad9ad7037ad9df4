/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "metrics.h"

#include "../device/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/*
 * The file is CSV (RFC 4180) as spreadsheets, pandas and R read it: a header, then
 * a line per row. A line that has no end was being written when its process died.
 */

#define STEP "step"

struct _KolMetrics {
  char *path;
  int file;
  guint columns;
  gint64 length; /* of the file: all of it whole lines */
};

/* ── Lines and cells ── */

static void
append_name (GString *line, const char *name)
{
  if (!strpbrk (name, ",\"\r\n"))
    {
      g_string_append (line, name);
      return;
    }
  g_autoptr (GString) doubled = g_string_new (name);
  g_string_replace (doubled, "\"", "\"\"", 0);
  g_string_append_printf (line, "\"%s\"", doubled->str);
}

static char *
make_header (const char *const *columns)
{
  GString *line = g_string_new (NULL);

  for (guint i = 0; columns[i]; i++)
    {
      if (i > 0)
        g_string_append_c (line, ',');
      append_name (line, columns[i]);
    }
  g_string_append_c (line, '\n');
  return g_string_free (line, FALSE);
}

/* As few digits as give the same number again: the same float, if it was one. */
static void
append_number (GString *line, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  const char *format = "%.17g";

  if (isnan (value))
    return;
  if (value == floor (value) && fabs (value) < 0x1p53)
    format = "%.0f";
  else if (value == (double) (float) value)
    format = "%.9g";
  g_string_append (line, g_ascii_formatd (digits, sizeof digits, format, value));
}

/* The name that begins at @at, which is moved behind it and its comma; NULL if it is damaged. */
static char *
take_name (const char **at, const char *end)
{
  g_autoptr (GString) name = g_string_new (NULL);
  gboolean quoted = *at < end && **at == '"';

  for (*at += quoted; *at < end; (*at)++)
    {
      if (quoted && **at == '"')
        {
          if (*at + 1 == end || (*at)[1] != '"')
            break;
          (*at)++;
        }
      else if (!quoted && **at == ',')
        break;
      g_string_append_c (name, **at);
    }
  if (quoted && (*at == end || *(*at)++ != '"'))
    return NULL;
  if (*at < end && *(*at)++ != ',')
    return NULL;
  return g_string_free (g_steal_pointer (&name), FALSE);
}

/* The column names of a header of @length bytes; NULL if it is damaged. */
static GStrv
parse_header (const char *line, gsize length)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  const char *end = line + length;

  for (const char *at = line; at < end;)
    {
      g_autofree char *name = take_name (&at, end);
      if (!name)
        return NULL;
      g_strv_builder_add (names, name);
    }
  return g_strv_builder_end (names);
}

/* Reads the numbers of a line, NaN for an empty cell. FALSE if they are not as many as columns. */
static gboolean
parse_row (const char *line, gsize length, guint columns, double *values)
{
  const char *at = line, *end = line + length;

  for (guint i = 0; i < columns; i++)
    {
      char *behind = (char *) at;
      values[i] = at < end && *at != ',' ? g_ascii_strtod (at, &behind) : NAN;
      if (behind > end || (i + 1 < columns && (behind == end || *behind != ',')))
        return FALSE;
      at = behind + (i + 1 < columns);
    }
  return at == end;
}

/* ── A file in memory ── */

typedef struct {
  char *text;
  gsize length;
  const char *at; /* the next line */
  gsize number;   /* of the latest line, from 1 */
} Reader;

static void
reader_clear (Reader *reader)
{
  g_clear_pointer (&reader->text, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

/* The next whole line without its end; NULL when there is none. */
static const char *
next_line (Reader *reader, gsize *length)
{
  const char *line = reader->at;
  const char *end = memchr (line, '\n', (gsize) (reader->text + reader->length - line));

  if (!end)
    return NULL;
  reader->at = end + 1;
  reader->number++;
  *length = (gsize) (end - line);
  if (*length > 0 && line[*length - 1] == '\r')
    (*length)--;
  return line;
}

static gboolean
reader_open (Reader *reader, const char *path, GError **error)
{
  if (!g_file_get_contents (path, &reader->text, &reader->length, error))
    return FALSE;
  reader->at = reader->text;
  return TRUE;
}

static gboolean
fail_line (const Reader *reader, const char *path, guint columns, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "Line %zu of “%s” is not the %u numbers that the header promises; remove the line, "
               "or the file",
               reader->number, shown, columns);
  return FALSE;
}

/* ── Writing ── */

static gboolean
fail_write (const char *path, int code, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "The metrics “%s” cannot be written: %s", shown, g_strerror (code));
  return FALSE;
}

static gboolean
fail_columns (const char *path, const char *found, gsize length, const char *wanted, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (
      error, KOL_ERROR, KOL_ERROR_DATA,
      "The columns of “%s” are %.*s, and this run has other ones: %.*s; go on in the folder of the "
      "same run, or move the file away",
      shown, (int) MIN (length, 500), found, (int) MIN (strcspn (wanted, "\n"), 500), wanted);
  return FALSE;
}

/*
 * Where the columns of a file are among @wanted, by place in that; NULL if one of them is not, or
 * the first is another. Wanted ones that the file has not came with a later version.
 */
static int *
find_columns (const char *const *wanted, char **found)
{
  g_autofree int *places = g_new (int, g_strv_length ((char **) wanted));
  guint n = 0;

  for (guint i = 0; wanted[i]; i++)
    {
      places[i] = -1;
      for (int j = 0; found[j] && places[i] < 0; j++)
        if (strcmp (wanted[i], found[j]) == 0)
          places[i] = j;
      n += places[i] >= 0;
    }
  return places[0] == 0 && n == g_strv_length (found) ? g_steal_pointer (&places) : NULL;
}

static gboolean
are_the_same (const char *const *wanted, char **found)
{
  return g_strv_equal (wanted, (const char *const *) found);
}

/* Appends to @kept the whole lines of the file that are to stay: with cells for all columns. */
static gboolean
keep_rows (Reader *reader, const char *path, char **found, const char *const *wanted,
           const int *places, guint64 last_step, GString *kept, GError **error)
{
  guint columns = g_strv_length (found), all = g_strv_length ((char **) wanted);
  gboolean same = are_the_same (wanted, found);
  g_autofree double *values = g_new (double, columns);
  const char *line;
  gsize length;

  while ((line = next_line (reader, &length)))
    {
      if (!parse_row (line, length, columns, values))
        return fail_line (reader, path, columns, error);
      if (values[0] > (double) last_step)
        continue;
      if (same)
        g_string_append_len (kept, line, reader->at - line);
      for (guint i = 0; !same && i < all; i++)
        {
          append_number (kept, places[i] < 0 ? NAN : values[places[i]]);
          g_string_append_c (kept, i + 1 < all ? ',' : '\n');
        }
    }
  return TRUE;
}

/*
 * What stays of the file that is there: all of it, unless the process that wrote
 * it went further than what it saved. No step, no file, or not even a header: a new one.
 */
static gboolean
read_kept (const char *path, const char *header, const char *const *columns, guint64 last_step,
           GString *kept, gboolean *same, GError **error)
{
  g_auto (Reader) reader = { 0 };
  g_autoptr (GError) failure = NULL;
  const char *line = NULL;
  gsize length;

  g_string_assign (kept, header);
  *same = FALSE;
  if (last_step == 0)
    return TRUE;
  if (!reader_open (&reader, path, &failure))
    {
      if (g_error_matches (failure, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (!(line = next_line (&reader, &length)))
    return TRUE;
  g_auto (GStrv) found = parse_header (line, length);
  g_autofree int *places = found ? find_columns (columns, found) : NULL;
  if (!places)
    return fail_columns (path, line, length, header, error);
  if (!keep_rows (&reader, path, found, columns, places, last_step, kept, error))
    return FALSE;
  *same = are_the_same (columns, found) && kept->len == reader.length;
  return TRUE;
}

/**
 * kol_metrics_open:
 * @path: the file
 * @columns: (array zero-terminated): names of the columns, the first of them "step"
 * @last_step: 0 for a new run, which replaces a file that is there; or the last step
 *   that was saved, to go on after it
 * @error: return location
 *
 * Opens a file of metrics for writing. When a run goes on, rows beyond @last_step
 * and a last line that was not written to its end are dropped, and columns that the
 * file does not have, as it is of an older version, are added with empty cells; what
 * stays is written beside the file, which it then replaces.
 *
 * Errors: %KOL_ERROR_DATA if the file has a column that is not among @columns, or a
 * damaged line,
 * #GFileError if the disk does not let it be read or written.
 *
 * Returns: (transfer full) (nullable): the open file
 */
KolMetrics *
kol_metrics_open (const char *path, const char *const *columns, guint64 last_step, GError **error)
{
  g_return_val_if_fail (path != NULL && columns != NULL, NULL);
  g_return_val_if_fail (g_strcmp0 (columns[0], STEP) == 0, NULL);

  g_autofree char *header = make_header (columns);
  g_autoptr (GString) kept = g_string_new (NULL);
  guint n = g_strv_length ((char **) columns);
  gboolean same;

  if (!read_kept (path, header, columns, last_step, kept, &same, error)
      || (!same && !g_file_set_contents (path, kept->str, (gssize) kept->len, error)))
    return NULL;
  int file = g_open (path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
  if (file < 0)
    {
      fail_write (path, errno, error);
      return NULL;
    }
  KolMetrics *metrics = g_new0 (KolMetrics, 1);
  metrics->path = g_strdup (path);
  metrics->file = file;
  metrics->columns = n;
  metrics->length = (gint64) kept->len;
  return metrics;
}

/* All of the line or nothing of it: what does not fit is taken back. */
static gboolean
write_line (KolMetrics *metrics, const GString *line, GError **error)
{
  gsize done = 0;

  while (done < line->len)
    {
      gssize n = write (metrics->file, line->str + done, line->len - done);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          int code = errno;
          if (done > 0 && ftruncate (metrics->file, metrics->length) != 0)
            g_debug ("A half-written line stays in the metrics: %s", g_strerror (errno));
          return fail_write (metrics->path, code, error);
        }
      done += (gsize) n;
    }
  metrics->length += (gint64) done;
  return TRUE;
}

/**
 * kol_metrics_write:
 * @metrics: an open file
 * @values: a number for each column; NaN leaves its cell empty
 * @error: return location
 *
 * Appends a row. When the function returns, the whole line is with the operating
 * system: it stays if the process ends. Numbers have as many digits as it takes to
 * read the same float, or the same double, again.
 *
 * Returns: %FALSE if the disk is full or failed; the row is then not in the file
 */
gboolean
kol_metrics_write (KolMetrics *metrics, const double *values, GError **error)
{
  g_return_val_if_fail (metrics != NULL && values != NULL, FALSE);

  g_autoptr (GString) line = g_string_new (NULL);
  for (guint i = 0; i < metrics->columns; i++)
    {
      if (i > 0)
        g_string_append_c (line, ',');
      append_number (line, values[i]);
    }
  g_string_append_c (line, '\n');
  return write_line (metrics, line, error);
}

/**
 * kol_metrics_free:
 * @metrics: a table being written
 *
 * Closes the file; its rows were written when they were given.
 */
void
kol_metrics_free (KolMetrics *metrics)
{
  close (metrics->file);
  g_free (metrics->path);
  g_free (metrics);
}

/* ── Reading ── */

static KolMetricsTable *
table_new (char **names, gsize most_rows)
{
  KolMetricsTable *table = g_new0 (KolMetricsTable, 1);

  table->columns = g_strv_length (names);
  table->names = names;
  table->values = g_new (double *, table->columns);
  for (guint i = 0; i < table->columns; i++)
    table->values[i] = g_new (double, most_rows);
  return table;
}

/**
 * kol_metrics_table_free:
 * @table: a table that was read
 */
void
kol_metrics_table_free (KolMetricsTable *table)
{
  for (guint i = 0; i < table->columns; i++)
    g_free (table->values[i]);
  g_free (table->values);
  g_strfreev (table->names);
  g_free (table);
}

/* A table for what the header says, with room for as many rows as there are line ends. */
static KolMetricsTable *
read_header (Reader *reader, const char *path, GError **error)
{
  gsize length, rows = 0;
  const char *line = next_line (reader, &length);
  g_auto (GStrv) names = line ? parse_header (line, length) : NULL;

  if (!names || g_strcmp0 (names[0], STEP) != 0)
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” is no file of metrics: its first line is not a header that begins with "
                   "\"%s\"",
                   shown, STEP);
      return NULL;
    }
  for (const char *c = reader->at; (c = memchr (c, '\n', reader->text + reader->length - c)); c++)
    rows++;
  return table_new (g_steal_pointer (&names), rows);
}

/**
 * kol_metrics_load:
 * @path: the file
 * @error: return location
 *
 * Reads a file of metrics, also one that is being written: a last line without an
 * end is left out.
 *
 * Errors: %KOL_ERROR_DATA if it has no header or a damaged line, #GFileError if it
 * cannot be read.
 *
 * Returns: (transfer full) (nullable): its numbers
 */
KolMetricsTable *
kol_metrics_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);

  g_auto (Reader) reader = { 0 };
  if (!reader_open (&reader, path, error))
    return NULL;
  g_autoptr (KolMetricsTable) table = read_header (&reader, path, error);
  if (!table)
    return NULL;

  g_autofree double *row = g_new (double, table->columns);
  const char *line;
  gsize length;
  for (; (line = next_line (&reader, &length)); table->rows++)
    {
      if (!parse_row (line, length, table->columns, row))
        {
          fail_line (&reader, path, table->columns, error);
          return NULL;
        }
      for (guint i = 0; i < table->columns; i++)
        table->values[i][table->rows] = row[i];
    }
  return g_steal_pointer (&table);
}

/**
 * kol_metrics_table_get:
 * @table: a table
 * @name: of a column
 *
 * Returns: (transfer none) (nullable): the column's numbers, as many as the table has
 *   rows; %NULL if there is no such column
 */
const double *
kol_metrics_table_get (const KolMetricsTable *table, const char *name)
{
  g_return_val_if_fail (table != NULL && name != NULL, NULL);

  for (guint i = 0; i < table->columns; i++)
    if (strcmp (table->names[i], name) == 0)
      return table->values[i];
  return NULL;
}
