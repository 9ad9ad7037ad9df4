/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "events.h"

#include "../dataset/png.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/*
 * An event file is a sequence of TFRecords
 *
 *   length (64 bits), masked CRC-32C of the length, data, masked CRC-32C of the data
 *
 * whose numbers are little-endian and whose data are one Event each, as a protocol
 * buffer (tensorflow/core/util/event.proto and framework/summary.proto):
 *
 *   Event          1 wall_time: double     2 step: int64      3 file_version: string
 *                  5 summary: Summary      7 session_log: SessionLog
 *   Summary        1 value: Value
 *   Value          1 tag: string           2 simple_value: float
 *                  4 image: Image          5 histo: HistogramProto
 *   Image          1 height   2 width      3 colorspace: int32
 *                  4 encoded_image_string: bytes
 *   HistogramProto 1 min   2 max   3 num   4 sum   5 sum_squares: double
 *                  6 bucket_limit   7 bucket: packed double
 *   SessionLog     1 status: enum, START = 1
 */

#define FILE_VERSION "brain.Event:2"
#define SESSION_START 1

struct _KolEvents {
  char *path;
  int file;
  GByteArray *buffer; /* whole records that are not yet written */
};

/* ── TFRecord ── */

/* CRC-32C (Castagnoli; RFC 3720), a byte at a time. */
static guint32
crc32c (const guint8 *data, gsize length)
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
  return ~crc;
}

/* A checksum among the data that it is taken of would be no good one, hence the mask. */
static void
append_checksum (GByteArray *bytes, const guint8 *data, gsize length)
{
  guint32 crc = crc32c (data, length);
  guint32 masked = GUINT32_TO_LE ((crc >> 15 | crc << 17) + 0xa282ead8u);

  g_byte_array_append (bytes, (guint8 *) &masked, sizeof masked);
}

static void
append_record (KolEvents *events, const GByteArray *data)
{
  guint64 length = GUINT64_TO_LE (data->len);

  g_byte_array_append (events->buffer, (guint8 *) &length, sizeof length);
  append_checksum (events->buffer, (guint8 *) &length, sizeof length);
  g_byte_array_append (events->buffer, data->data, data->len);
  append_checksum (events->buffer, data->data, data->len);
}

/* ── Protocol buffers ── */

typedef enum {
  WIRE_VARINT = 0,
  WIRE_64 = 1,
  WIRE_BYTES = 2,
  WIRE_32 = 5,
} Wire;

static void
append_varint (GByteArray *bytes, guint64 value)
{
  do
    {
      guint8 byte = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
      g_byte_array_append (bytes, &byte, 1);
      value >>= 7;
    }
  while (value > 0);
}

static void
append_key (GByteArray *bytes, guint field, Wire wire)
{
  append_varint (bytes, field << 3 | wire);
}

static void
append_integer (GByteArray *bytes, guint field, guint64 value)
{
  append_key (bytes, field, WIRE_VARINT);
  append_varint (bytes, value);
}

static void
append_raw_double (GByteArray *bytes, double value)
{
  guint64 word;

  memcpy (&word, &value, sizeof word);
  word = GUINT64_TO_LE (word);
  g_byte_array_append (bytes, (guint8 *) &word, sizeof word);
}

static void
append_double (GByteArray *bytes, guint field, double value)
{
  append_key (bytes, field, WIRE_64);
  append_raw_double (bytes, value);
}

static void
append_float (GByteArray *bytes, guint field, float value)
{
  guint32 word;

  memcpy (&word, &value, sizeof word);
  word = GUINT32_TO_LE (word);
  append_key (bytes, field, WIRE_32);
  g_byte_array_append (bytes, (guint8 *) &word, sizeof word);
}

static void
append_bytes (GByteArray *bytes, guint field, gconstpointer data, gsize length)
{
  append_key (bytes, field, WIRE_BYTES);
  append_varint (bytes, length);
  g_byte_array_append (bytes, data, (guint) length);
}

static void
append_string (GByteArray *bytes, guint field, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  append_bytes (bytes, field, valid, strlen (valid));
}

static void
append_message (GByteArray *bytes, guint field, const GByteArray *message)
{
  append_bytes (bytes, field, message->data, message->len);
}

static void
append_doubles (GByteArray *bytes, guint field, const GArray *values)
{
  append_key (bytes, field, WIRE_BYTES);
  append_varint (bytes, values->len * sizeof (double));
  for (guint i = 0; i < values->len; i++)
    append_raw_double (bytes, g_array_index (values, double, i));
}

/* ── Events ── */

/* Given. */
static GByteArray *
begin_event (guint64 step)
{
  GByteArray *event = g_byte_array_new ();

  append_double (event, 1, (double) g_get_real_time () / 1e6);
  if (step > 0)
    append_integer (event, 2, step);
  return event;
}

/* An event of a summary of one value, whose part other than the tag is @content. */
static void
append_summary (KolEvents *events, const char *tag, guint64 step, const GByteArray *content)
{
  g_autoptr (GByteArray) event = begin_event (step);
  g_autoptr (GByteArray) value = g_byte_array_new ();
  g_autoptr (GByteArray) summary = g_byte_array_new ();

  append_string (value, 1, tag);
  g_byte_array_append (value, content->data, content->len);
  append_message (summary, 1, value);
  append_message (event, 5, summary);
  append_record (events, event);
}

static void
append_version (KolEvents *events)
{
  g_autoptr (GByteArray) event = begin_event (0);

  append_string (event, 3, FILE_VERSION);
  append_record (events, event);
}

/* TensorBoard drops what has this step or a later one. */
static void
append_session_start (KolEvents *events, guint64 step)
{
  g_autoptr (GByteArray) event = begin_event (step);
  g_autoptr (GByteArray) session = g_byte_array_new ();

  append_integer (session, 1, SESSION_START);
  append_message (event, 7, session);
  append_record (events, event);
}

/* ── The file ── */

/*
 * TensorBoard reads the files of a folder in the order of their names and never
 * goes back, so a new file's second must come after those of all that are there,
 * even if the clock was put back.
 */
static gint64
next_second (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gint64 second = g_get_real_time () / G_USEC_PER_SEC;
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_prefix (name, KOL_EVENTS_PREFIX))
      {
        gint64 other = g_ascii_strtoll (name + strlen (KOL_EVENTS_PREFIX), NULL, 10);
        if (other >= second && other < G_MAXINT64)
          second = other + 1;
      }
  return second;
}

static char *
file_path (const char *folder)
{
  g_autofree char *name
      = g_strdup_printf (KOL_EVENTS_PREFIX "%010" G_GINT64_FORMAT ".%s.%d", next_second (folder),
                         g_get_host_name (), (int) getpid ());

  return g_build_filename (folder, name, NULL);
}

static gboolean
fail (const char *what, const char *path, const char *verb, int code, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "The %s “%s” cannot be %s: %s",
               what, shown, verb, g_strerror (code));
  return FALSE;
}

/**
 * kol_events_new:
 * @folder: where TensorBoard will look; made if it is not there
 * @first_step: how many steps are done already; 0 for a new run
 * @error: return location
 *
 * Begins a file of events. If a run goes on, TensorBoard is told to forget what an
 * older file of the folder holds beyond @first_step: a process that was killed had
 * gone further than what it had saved.
 *
 * Events wait in memory until kol_events_flush().
 *
 * Returns: (transfer full) (nullable): the file; %NULL if it cannot be made
 */
KolEvents *
kol_events_new (const char *folder, guint64 first_step, GError **error)
{
  g_return_val_if_fail (folder != NULL, NULL);

  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      fail ("folder", folder, "made", errno, error);
      return NULL;
    }
  g_autofree char *path = file_path (folder);
  int file = g_open (path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0)
    {
      fail ("event file", path, "made", errno, error);
      return NULL;
    }
  g_autoptr (KolEvents) events = g_new0 (KolEvents, 1);
  events->path = g_steal_pointer (&path);
  events->file = file;
  events->buffer = g_byte_array_new ();
  append_version (events);
  if (first_step > 0)
    append_session_start (events, first_step + 1);
  return kol_events_flush (events, error) ? g_steal_pointer (&events) : NULL;
}

/**
 * kol_events_flush:
 * @events: a file of events
 * @error: return location
 *
 * Hands everything to the operating system. What a full disk does not take stays in
 * memory for the next time.
 *
 * Returns: whether all is written
 */
gboolean
kol_events_flush (KolEvents *events, GError **error)
{
  gsize done = 0;
  int code = 0;

  g_return_val_if_fail (events != NULL, FALSE);

  while (done < events->buffer->len && code == 0)
    {
      gssize n = write (events->file, events->buffer->data + done, events->buffer->len - done);
      if (n >= 0)
        done += (gsize) n;
      else if (errno != EINTR)
        code = errno;
    }
  g_byte_array_remove_range (events->buffer, 0, (guint) done);
  return code == 0 || fail ("event file", events->path, "written", code, error);
}

/**
 * kol_events_free:
 * @events: a file of events
 *
 * Writes what can still be written, and closes the file. To be told if that fails,
 * call kol_events_flush() before.
 */
void
kol_events_free (KolEvents *events)
{
  kol_events_flush (events, NULL);
  close (events->file);
  g_byte_array_unref (events->buffer);
  g_free (events->path);
  g_free (events);
}

/* ── Scalars ── */

/**
 * kol_events_scalar:
 * @events: a file of events
 * @tag: the name of the curve; TensorBoard groups by what is before a slash
 * @step: how many steps are done
 * @value: kept as a float
 *
 * Adds a point to a curve.
 */
void
kol_events_scalar (KolEvents *events, const char *tag, guint64 step, double value)
{
  g_return_if_fail (events != NULL && tag != NULL);

  g_autoptr (GByteArray) content = g_byte_array_new ();
  append_float (content, 2, (float) value);
  append_summary (events, tag, step, content);
}

/* ── Histograms ── */

#define SMALLEST 1e-12
#define LARGEST 1e20
#define GROWTH 1.1
#define MOST_LIMITS                                                                                \
  1600 /* of which ln (LARGEST / SMALLEST) / ln (GROWTH) = 774 are on each side                    \
        */

typedef struct {
  double limit[MOST_LIMITS]; /* a bucket is what is below its limit, but not below the one before */
  gsize n;
} Limits;

/* -DBL_MAX, -1e20, ..., -1e-12, 0, 1e-12, 1.1e-12, ..., 1e20, DBL_MAX: TensorFlow's buckets. */
static const Limits *
bucket_limits (void)
{
  static Limits limits;
  static gsize ready;

  if (g_once_init_enter (&ready))
    {
      double positive[MOST_LIMITS / 2];
      gsize n = 0;
      for (double limit = SMALLEST; limit < LARGEST; limit *= GROWTH)
        positive[n++] = limit;
      positive[n++] = G_MAXDOUBLE;
      for (gsize i = 0; i < n; i++)
        limits.limit[i] = -positive[n - 1 - i];
      limits.limit[n] = 0;
      memcpy (limits.limit + n + 1, positive, n * sizeof *positive);
      limits.n = 2 * n + 1;
      g_once_init_leave (&ready, 1);
    }
  return &limits;
}

/* The first bucket whose limit is greater than @value. */
static gsize
find_bucket (const Limits *limits, double value)
{
  gsize low = 0, high = limits->n - 1;

  while (low < high)
    {
      gsize middle = (low + high) / 2;
      if (value < limits->limit[middle])
        high = middle;
      else
        low = middle + 1;
    }
  return low;
}

typedef struct {
  double min, max, num, sum, sum_squares;
  double count[MOST_LIMITS];
} Histogram;

static void
count_values (Histogram *histogram, const float *values, gsize n)
{
  const Limits *limits = bucket_limits ();

  for (gsize i = 0; i < n; i++)
    {
      double value = values[i];
      if (!isfinite (value))
        continue;
      histogram->min = histogram->num > 0 ? MIN (histogram->min, value) : value;
      histogram->max = histogram->num > 0 ? MAX (histogram->max, value) : value;
      histogram->num++;
      histogram->sum += value;
      histogram->sum_squares += value * value;
      histogram->count[find_bucket (limits, value)]++;
    }
}

/*
 * From the first bucket that holds something to the last one; between them a run
 * of empty buckets is one. There is always a bucket, as readers expect one.
 */
static void
append_buckets (GByteArray *bytes, const Histogram *histogram)
{
  const Limits *limits = bucket_limits ();
  g_autoptr (GArray) limit = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) count = g_array_new (FALSE, FALSE, sizeof (double));
  gsize first = 0, last = limits->n - 1;

  while (first < last && histogram->count[first] == 0)
    first++;
  while (last > first && histogram->count[last] == 0)
    last--;
  for (gsize i = first; i <= last; i++)
    {
      if (i < last && histogram->count[i] == 0 && histogram->count[i + 1] == 0)
        continue;
      g_array_append_val (limit, limits->limit[i]);
      g_array_append_val (count, histogram->count[i]);
    }
  append_doubles (bytes, 6, limit);
  append_doubles (bytes, 7, count);
}

/**
 * kol_events_histogram:
 * @events: a file of events
 * @tag: its name
 * @step: how many steps are done
 * @values: [@n], of a parameter say
 * @n: how many
 *
 * Adds a histogram in TensorFlow's buckets, whose limits grow by a tenth from 1e-12
 * to 1e20 on both sides of 0. Infinities and NaN are left out, so that the number
 * of values that it tells is less than @n if there are any.
 */
void
kol_events_histogram (KolEvents *events, const char *tag, guint64 step, const float *values,
                      gsize n)
{
  g_return_if_fail (events != NULL && tag != NULL && (values != NULL || n == 0));

  g_autofree Histogram *histogram = g_new0 (Histogram, 1);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GByteArray) content = g_byte_array_new ();

  count_values (histogram, values, n);
  append_double (bytes, 1, histogram->min);
  append_double (bytes, 2, histogram->max);
  append_double (bytes, 3, histogram->num);
  append_double (bytes, 4, histogram->sum);
  append_double (bytes, 5, histogram->sum_squares);
  append_buckets (bytes, histogram);
  append_message (content, 5, bytes);
  append_summary (events, tag, step, content);
}

/* ── Pictures ── */

/**
 * kol_events_picture:
 * @events: a file of events
 * @tag: its name
 * @step: how many steps are done
 * @pixels: [@height, @width, @channels], rows from the top
 * @width: pixels in a row
 * @height: rows
 * @channels: 1: grey, or 3: red, green, blue
 * @error: return location
 *
 * Adds a picture.
 *
 * Returns: %FALSE if it cannot be encoded, see kol_png_encode()
 */
gboolean
kol_events_picture (KolEvents *events, const char *tag, guint64 step, const guint8 *pixels,
                    gsize width, gsize height, gsize channels, GError **error)
{
  g_return_val_if_fail (events != NULL && tag != NULL, FALSE);

  g_autoptr (GBytes) png = kol_png_encode (pixels, width, height, channels, NULL, error);
  if (!png)
    return FALSE;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GByteArray) content = g_byte_array_new ();
  append_integer (bytes, 1, height);
  append_integer (bytes, 2, width);
  append_integer (bytes, 3, channels); /* which is what colorspace counts for these two */
  append_bytes (bytes, 4, g_bytes_get_data (png, NULL), g_bytes_get_size (png));
  append_message (content, 4, bytes);
  append_summary (events, tag, step, content);
  return TRUE;
}
