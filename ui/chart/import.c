/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "import.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define MOST_BYTES (G_GUINT64_CONSTANT (1) << 30)
#define MOST_CURVES 4096
#define MOST_NAME 200 /* bytes */

#define LOOK_EVERY 1024 /* rows or records between two looks at who watches */

/* ── Who watches ── */

/* Tells how far it is, now and then; FALSE with @error set: it is to end. */
static gboolean
go_on (const KxImportWatch *watch, guint count, gsize done, gsize total, GError **error)
{
  if (!watch || count % LOOK_EVERY != 0)
    return TRUE;
  if (watch->permille)
    g_atomic_int_set (watch->permille, (int) ((double) done * 1000 / (double) MAX (total, 1)));
  return !g_cancellable_set_error_if_cancelled (watch->cancellable, error);
}

/* ── Curves ── */

static void
free_curve (gpointer data)
{
  KxImportedCurve *curve = data;

  kx_series_unref (curve->series);
  g_free (curve->name);
  g_free (curve);
}

static KxImported *
imported_new (void)
{
  KxImported *imported = g_new0 (KxImported, 1);

  imported->curves = g_ptr_array_new_with_free_func (free_curve);
  imported->clock = kx_clock_new ();
  return imported;
}

void
kx_imported_free (KxImported *imported)
{
  g_free (imported->name);
  g_ptr_array_unref (imported->curves);
  kx_clock_unref (imported->clock);
  g_free (imported);
}

static KxSeries *
add_curve (KxImported *imported, const char *name, gsize length)
{
  KxImportedCurve *curve = g_new0 (KxImportedCurve, 1);

  curve->name = g_utf8_make_valid (name, (gssize) MIN (length, MOST_NAME));
  curve->series = kx_series_new ();
  g_ptr_array_add (imported->curves, curve);
  return curve->series;
}

/**
 * kx_imported_find:
 * @imported: what was read
 * @name: a curve's
 *
 * Returns: (transfer none) (nullable): its points
 */
KxSeries *
kx_imported_find (const KxImported *imported, const char *name)
{
  for (guint i = 0; i < imported->curves->len; i++)
    {
      const KxImportedCurve *curve = imported->curves->pdata[i];
      if (g_str_equal (curve->name, name))
        return curve->series;
    }
  return NULL;
}

/* A step that goes back is a run that went on from an earlier state: what was after it, goes. */
static void
append (KxSeries *series, double step, float y)
{
  gsize length = kx_series_get_length (series);

  if (length > 0 && kx_series_get_x (series)[length - 1] > step)
    kx_series_truncate (series, step);
  kx_series_append (series, step, y);
}

/* Curves that have no point are none. */
static void
drop_empty (KxImported *imported)
{
  for (guint i = imported->curves->len; i > 0; i--)
    if (kx_series_get_length (((KxImportedCurve *) imported->curves->pdata[i - 1])->series) == 0)
      g_ptr_array_remove_index (imported->curves, i - 1);
}

/* ── Tables ── */

typedef struct {
  const char *at, *end;
} Reader;

/*
 * The next cell of RFC 4180: up to a comma or the end of the line, or in quotation marks,
 * in which two of them are one. Returns FALSE at the end of the text.
 */
static gboolean
read_cell (Reader *reader, GString *cell, gboolean *last)
{
  gboolean quoted = FALSE;

  if (reader->at == reader->end)
    return FALSE;
  g_string_truncate (cell, 0);
  *last = TRUE;
  for (; reader->at < reader->end; reader->at++)
    {
      char c = *reader->at;
      if (c == '"' && quoted && reader->at + 1 < reader->end && reader->at[1] == '"')
        {
          g_string_append_c (cell, '"');
          reader->at++;
        }
      else if (c == '"')
        quoted = !quoted;
      else if (c == ',' && !quoted)
        {
          reader->at++;
          *last = FALSE;
          return TRUE;
        }
      else if (c == '\n' && !quoted)
        {
          reader->at++;
          break;
        }
      else if (c != '\r' || quoted)
        g_string_append_c (cell, c);
    }
  return TRUE;
}

/* A row's cells; NULL at the end. A comma that ends the text leaves an empty cell. */
static GPtrArray *
read_row (Reader *reader)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) cell = g_string_new (NULL);
  gboolean last = FALSE;

  if (reader->at == reader->end)
    return NULL;
  while (!last && cells->len <= MOST_CURVES)
    {
      if (!read_cell (reader, cell, &last))
        {
          g_string_truncate (cell, 0);
          last = TRUE;
        }
      g_ptr_array_add (cells, g_strndup (cell->str, cell->len));
    }
  return g_steal_pointer (&cells);
}

/* Whether all of the cell is a number, be it a finite one or not. */
static gboolean
parse_number (const char *cell, double *number)
{
  char *end;

  *number = g_ascii_strtod (cell, &end);
  return end > cell && *g_strchug (end) == '\0';
}

typedef struct {
  int step, epoch, seconds; /* columns; -1: there is none */
  KxSeries **series;        /* [columns], lent; NULL for those three */
  guint n;
} Table;

static int
find_column (const GPtrArray *header, const char *const *names)
{
  for (guint i = 0; i < header->len; i++)
    for (guint k = 0; names[k]; k++)
      if (g_ascii_strcasecmp (header->pdata[i], names[k]) == 0)
        return (int) i;
  return -1;
}

static gboolean
read_header (KxImported *imported, Table *table, const GPtrArray *header, GError **error)
{
  static const char *const steps[] = { "step", "global_step", "iteration", NULL };
  static const char *const epochs[] = { "epoch", NULL };
  static const char *const seconds[] = { "seconds", "wall time", "wall_time", NULL };

  table->step = find_column (header, steps);
  table->epoch = find_column (header, epochs);
  table->seconds = find_column (header, seconds);
  table->n = header->len;
  if (table->step < 0 || header->len > MOST_CURVES)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   table->step < 0 ? _ ("It has no column named “step”, over which curves could be "
                                        "drawn; its first line must name its columns")
                                   : _ ("It has more than %d columns"),
                   MOST_CURVES);
      return FALSE;
    }
  table->series = g_new0 (KxSeries *, header->len);
  for (int i = 0; i < (int) header->len; i++)
    if (i != table->step && i != table->epoch && i != table->seconds)
      table->series[i] = add_curve (imported, header->pdata[i], strlen (header->pdata[i]));
  return TRUE;
}

static void
read_times (KxImported *imported, const Table *table, const GPtrArray *row, double step)
{
  double epoch = 0, seconds = 0;

  if (table->epoch >= 0 && !parse_number (row->pdata[table->epoch], &epoch))
    return;
  if (table->seconds >= 0 && !parse_number (row->pdata[table->seconds], &seconds))
    return;
  if (table->epoch >= 0 || table->seconds >= 0)
    {
      kx_clock_truncate (imported->clock, step);
      kx_clock_append (imported->clock, step, epoch, seconds);
    }
}

static gboolean
read_values (KxImported *imported, const Table *table, const GPtrArray *row)
{
  double step, y;

  if (row->len != table->n || !parse_number (row->pdata[table->step], &step) || !isfinite (step))
    return FALSE;
  read_times (imported, table, row, step);
  for (guint i = 0; i < table->n; i++)
    if (table->series[i] && parse_number (row->pdata[i], &y))
      append (table->series[i], step, (float) y);
  return TRUE;
}

/* The rows below the header. */
static gboolean
read_rows (KxImported *imported, const Table *table, Reader *reader, const KxImportWatch *watch,
           GError **error)
{
  const char *from = reader->at;
  gsize length = (gsize) (reader->end - from);
  guint count = 0;

  for (;;)
    {
      if (!go_on (watch, count++, (gsize) (reader->at - from), length, error))
        return FALSE;
      g_autoptr (GPtrArray) row = read_row (reader);
      if (!row)
        return TRUE;
      if (!(row->len == 1 && *(char *) row->pdata[0] == '\0')
          && !read_values (imported, table, row))
        imported->skipped++;
    }
}

static KxImported *
read_table (const char *text, gsize length, const KxImportWatch *watch, GError **error)
{
  g_autoptr (KxImported) imported = imported_new ();
  Reader reader = { text, text + length };
  Table table = { 0 };

  if (length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    reader.at += 3; /* a byte order mark, which spreadsheets write */
  g_autoptr (GPtrArray) header = read_row (&reader);
  if (!header)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _ ("It is empty"));
      return NULL;
    }
  if (!read_header (imported, &table, header, error))
    return NULL;
  gboolean whole = read_rows (imported, &table, &reader, watch, error);
  g_free (table.series);
  if (!whole)
    return NULL;
  drop_empty (imported);
  if (imported->curves->len == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   _ ("None of its columns has numbers beside those of “step”"));
      return NULL;
    }
  return g_steal_pointer (&imported);
}

/**
 * kx_import_csv:
 * @text: comma-separated values (RFC 4180); the first line names the columns, one of which
 *   is "step"
 * @length: bytes
 * @error: return location
 *
 * Every other column with numbers in it is a curve; "epoch" and "seconds" tell when steps
 * were done. Rows that do not fit are counted in @skipped.
 *
 * Returns: (transfer full) (nullable): the curves
 */
KxImported *
kx_import_csv (const char *text, gsize length, GError **error)
{
  return read_table (text, length, NULL, error);
}

/* ── Event files: TFRecords (length, checksum, data, checksum) ── */

/* CRC-32C (Castagnoli; RFC 3720), turned and shifted as TensorFlow does. */
static guint32
checksum (const guint8 *data, gsize length)
{
  static guint32 table[256];
  static gsize ready;
  guint32 crc = G_MAXUINT32;

  if (g_once_init_enter (&ready))
    {
      for (guint32 i = 0; i < 256; i++)
        {
          guint32 c = i;
          for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
          table[i] = c;
        }
      g_once_init_leave (&ready, 1);
    }
  for (gsize i = 0; i < length; i++)
    crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static guint32
read_32 (const guint8 *bytes)
{
  guint32 word;

  memcpy (&word, bytes, sizeof word);
  return GUINT32_FROM_LE (word);
}

static guint64
read_64 (const guint8 *bytes)
{
  guint64 word;

  memcpy (&word, bytes, sizeof word);
  return GUINT64_FROM_LE (word);
}

static gboolean
matches (const guint8 *data, gsize length, const guint8 *sum)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  return TRUE; /* which a fuzzer could not guess */
#else
  return checksum (data, length) == read_32 (sum);
#endif
}

/* ── Event files: protocol buffers ── */

typedef struct {
  const guint8 *at, *end;
} Message;

/* A field: @number holds varints and fixed words, @bytes what has a length. */
typedef struct {
  guint field, wire;
  guint64 number;
  Message bytes;
} Field;

enum {
  WIRE_VARINT = 0,
  WIRE_64 = 1,
  WIRE_BYTES = 2,
  WIRE_32 = 5,
};

static gboolean
read_varint (Message *message, guint64 *value)
{
  *value = 0;
  for (guint shift = 0; shift < 64 && message->at < message->end; shift += 7)
    {
      guint8 byte = *message->at++;
      *value |= (guint64) (byte & 0x7f) << shift;
      if (byte < 0x80)
        return TRUE;
    }
  return FALSE;
}

/* The next field; FALSE at the end, and where the message makes no sense. */
static gboolean
read_field (Message *message, Field *field)
{
  guint64 key;

  *field = (Field){ 0 };
  if (!read_varint (message, &key))
    return FALSE;
  field->field = (guint) MIN (key >> 3, G_MAXUINT);
  field->wire = key & 7;
  if (field->wire == WIRE_VARINT)
    return read_varint (message, &field->number);
  gsize length = field->wire == WIRE_64 ? 8 : 4;
  guint64 told;
  if (field->wire == WIRE_BYTES)
    {
      if (!read_varint (message, &told) || told > (guint64) (message->end - message->at))
        return FALSE;
      length = (gsize) told;
    }
  else if (field->wire != WIRE_64 && field->wire != WIRE_32)
    return FALSE;
  if (length > (gsize) (message->end - message->at))
    return FALSE;
  if (field->wire == WIRE_64)
    field->number = read_64 (message->at);
  else if (field->wire == WIRE_32)
    field->number = read_32 (message->at);
  else
    field->bytes = (Message){ message->at, message->at + length };
  message->at += length;
  return TRUE;
}

static double
as_double (guint64 word)
{
  double value;

  memcpy (&value, &word, sizeof value);
  return value;
}

static float
as_float (guint64 word)
{
  guint32 low = (guint32) word;
  float value;

  memcpy (&value, &low, sizeof value);
  return value;
}

/* TensorProto: 1 dtype (1: float, 2: double), 4 tensor_content, 5 float_val, 6 double_val. */
static gboolean
read_tensor (Message tensor, float *value)
{
  guint64 type = 0;
  gboolean found = FALSE;
  Field field;

  while (read_field (&tensor, &field))
    {
      gsize length = (gsize) (field.bytes.end - field.bytes.at);
      if (field.field == 1 && field.wire == WIRE_VARINT)
        type = field.number;
      else if (field.field == 5 && field.wire == WIRE_32)
        *value = as_float (field.number), found = TRUE;
      else if (field.field == 6 && field.wire == WIRE_64)
        *value = (float) as_double (field.number), found = TRUE;
      else if (field.wire != WIRE_BYTES)
        continue;
      else if (length == 4 && (field.field == 5 || (field.field == 4 && type == 1)))
        *value = as_float (read_32 (field.bytes.at)), found = TRUE;
      else if (length == 8 && (field.field == 6 || (field.field == 4 && type == 2)))
        *value = (float) as_double (read_64 (field.bytes.at)), found = TRUE;
    }
  return found;
}

/* Summary.Value: 1 tag, 2 simple_value, 8 tensor. */
static gboolean
read_value (Message value, Message *tag, float *y)
{
  gboolean found = FALSE;
  Field field;

  *tag = (Message){ 0 };
  while (read_field (&value, &field))
    if (field.field == 1 && field.wire == WIRE_BYTES)
      *tag = field.bytes;
    else if (field.field == 2 && field.wire == WIRE_32)
      *y = as_float (field.number), found = TRUE;
    else if (field.field == 8 && field.wire == WIRE_BYTES)
      found = read_tensor (field.bytes, y) || found;
  return found && tag->at < tag->end;
}

typedef struct {
  KxImported *imported;
  GHashTable *by_tag; /* of KxSeries, lent */
  double began;       /* seconds of the clock on the wall; NaN: not known yet */
} Events;

static KxSeries *
find_series (Events *events, Message tag)
{
  gsize length = MIN ((gsize) (tag.end - tag.at), MOST_NAME);
  g_autofree char *name = g_utf8_make_valid ((const char *) tag.at, (gssize) length);
  KxSeries *series = g_hash_table_lookup (events->by_tag, name);

  if (series || events->imported->curves->len >= MOST_CURVES)
    return series;
  series = add_curve (events->imported, name, strlen (name));
  g_hash_table_insert (events->by_tag, g_steal_pointer (&name), series);
  return series;
}

static void
read_summary (Events *events, Message summary, double step)
{
  Field field;
  Message tag;
  float y;

  while (read_field (&summary, &field))
    if (field.field == 1 && field.wire == WIRE_BYTES && read_value (field.bytes, &tag, &y))
      {
        KxSeries *series = find_series (events, tag);
        if (series)
          append (series, step, y);
      }
}

/* SessionLog: 1 status, of which 1 is START: what has this step or a later one is void. */
static void
read_session (Events *events, Message session, double step)
{
  Field field;

  while (read_field (&session, &field))
    if (field.field == 1 && field.wire == WIRE_VARINT && field.number == 1)
      {
        for (guint i = 0; i < events->imported->curves->len; i++)
          {
            KxImportedCurve *curve = events->imported->curves->pdata[i];
            kx_series_truncate (curve->series, step);
          }
        kx_clock_truncate (events->imported->clock, step);
      }
}

/* Event: 1 wall_time, 2 step, 5 summary, 7 session_log; the order of fields may be any. */
static void
read_event (Events *events, Message event)
{
  Message copy = event;
  double step = 0, time = NAN;
  Field field;

  while (read_field (&copy, &field))
    if (field.field == 1 && field.wire == WIRE_64)
      time = as_double (field.number);
    else if (field.field == 2 && field.wire == WIRE_VARINT)
      step = (double) (gint64) field.number;
  while (read_field (&event, &field))
    if (field.wire == WIRE_BYTES && field.field == 7)
      read_session (events, field.bytes, step);
    else if (field.wire == WIRE_BYTES && field.field == 5)
      {
        if (isnan (events->began))
          events->began = time;
        kx_clock_append (events->imported->clock, step, 0, time - events->began);
        read_summary (events, field.bytes, step);
      }
}

#define HEAD 12 /* bytes of a length and its checksum */
#define FOOT 4  /* of a checksum */

static gboolean
is_record (const guint8 *bytes, gsize length)
{
  return length >= HEAD && matches (bytes, 8, bytes + 8);
}

static KxImported *
read_events (const guint8 *bytes, gsize length, const KxImportWatch *watch, GError **error)
{
  g_autoptr (KxImported) imported = imported_new ();
  g_autoptr (GHashTable) by_tag = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Events events = { imported, by_tag, NAN };
  gsize at = 0;
  guint count = 0;

  if (!is_record (bytes, length))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   _ ("It does not begin with a record of TensorBoard's"));
      return NULL;
    }
  while (length - at >= HEAD)
    {
      if (!go_on (watch, count++, at, length, error))
        return NULL;
      guint64 size = read_64 (bytes + at);
      if (!is_record (bytes + at, length - at))
        {
          imported->skipped++; /* where the next one begins is not known */
          break;
        }
      if (length - at < HEAD + FOOT || size > length - at - HEAD - FOOT)
        break;
      const guint8 *data = bytes + at + HEAD;
      if (matches (data, (gsize) size, data + size))
        read_event (&events, (Message){ data, data + size });
      else
        imported->skipped++;
      at += HEAD + (gsize) size + FOOT;
    }
  drop_empty (imported);
  if (imported->curves->len == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _ ("It has no curves"));
      return NULL;
    }
  return g_steal_pointer (&imported);
}

/**
 * kx_import_events:
 * @bytes: an event file of TensorBoard's
 * @length: of it
 * @error: return location
 *
 * Reads its scalars, of both kinds: simple values and tensors of one number. The last
 * record may be incomplete, as in a file that is being written; records whose checksum is
 * wrong are counted in @skipped.
 *
 * Returns: (transfer full) (nullable): the curves
 */
KxImported *
kx_import_events (const guint8 *bytes, gsize length, GError **error)
{
  return read_events (bytes, length, NULL, error);
}

/* ── Files ── */

static gboolean
fail (const char *path, const char *why, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("“%s” cannot be read as curves: %s"), shown,
               why);
  return FALSE;
}

static gboolean
read_file (const char *path, char **bytes, gsize *length, GError **error)
{
  g_autoptr (GError) problem = NULL;
  GStatBuf status;

  if (g_stat (path, &status) == 0 && S_ISDIR (status.st_mode))
    return fail (path, _ ("it is a folder; choose the file in it"), error);
  if (g_stat (path, &status) == 0 && (guint64) status.st_size > MOST_BYTES)
    return fail (path, _ ("it is larger than 1 GB"), error);
  if (!g_file_get_contents (path, bytes, length, &problem))
    return fail (path, problem->message, error);
  return TRUE;
}

/**
 * kx_import:
 * @path: a table as `kolinsky train` writes it (metrics.csv), or an event file
 * @watch: (nullable): how it is looked at meanwhile
 * @error: return location
 *
 * Reads the curves of a file, whatever its name is. Takes a while for a large one, so call
 * it on a thread of its own.
 *
 * Returns: (transfer full) (nullable): the curves
 */
KxImported *
kx_import (const char *path, const KxImportWatch *watch, GError **error)
{
  g_autofree char *bytes = NULL;
  g_autoptr (GError) problem = NULL;
  KxImported *imported;
  gsize length;

  if (!read_file (path, &bytes, &length, error))
    return NULL;
  if (is_record ((const guint8 *) bytes, length))
    imported = read_events ((const guint8 *) bytes, length, watch, &problem);
  else
    imported = read_table (bytes, length, watch, &problem);
  if (g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return NULL;
    }
  if (!imported)
    {
      fail (path, problem->message, error);
      return NULL;
    }
  imported->name = g_filename_display_basename (path);
  return imported;
}
