/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "png.h"
#include "../map-private.h"

#include <gio/gio.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>

#define LONGEST_SIDE 1000000 /* libpng's own limit */

/*
 * Everything that is needed after libpng has jumped out of itself is in here, not
 * in local variables, whose values would then be undefined.
 */
typedef struct {
  png_structp png;
  png_infop info;
  GByteArray *bytes;
  png_text *texts;
  char message[128]; /* why libpng gave up */
} Encoder;

static void
encoder_clear (Encoder *encoder)
{
  if (encoder->png)
    png_destroy_write_struct (&encoder->png, &encoder->info);
  g_clear_pointer (&encoder->bytes, g_byte_array_unref);
  g_clear_pointer (&encoder->texts, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Encoder, encoder_clear)

static void
append_bytes (png_structp png, png_bytep data, png_size_t length)
{
  Encoder *encoder = png_get_io_ptr (png);

  if (length > G_MAXUINT - encoder->bytes->len)
    png_error (png, "the file would be larger than 4 GiB");
  g_byte_array_append (encoder->bytes, data, (guint) length);
}

static void
flush_nothing (png_structp png)
{
}

G_NORETURN static void
note_error (png_structp png, png_const_charp message)
{
  Encoder *encoder = png_get_error_ptr (png);

  g_strlcpy (encoder->message, message, sizeof encoder->message);
  png_longjmp (png, 1);
}

static void
note_warning (png_structp png, png_const_charp message)
{
  g_debug ("libpng: %s", message);
}

static gboolean
encoder_begin (Encoder *encoder)
{
  encoder->bytes = g_byte_array_new ();
  encoder->png = png_create_write_struct (PNG_LIBPNG_VER_STRING, encoder, note_error, note_warning);
  if (encoder->png)
    encoder->info = png_create_info_struct (encoder->png);
  if (!encoder->info)
    return FALSE;
  png_set_write_fn (encoder->png, encoder, append_bytes, flush_nothing);
  return TRUE;
}

/* Plain chunks hold Latin-1 only, so what is not ASCII goes into an international one. */
static int
list_texts (Encoder *encoder, const char *const *texts)
{
  int n = 0;

  while (texts && texts[2 * n])
    n++;
  encoder->texts = g_new0 (png_text, n);
  for (int i = 0; i < n; i++)
    {
      const char *value = texts[2 * i + 1];
      encoder->texts[i] = (png_text){
        .compression
        = g_str_is_ascii (value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE,
        .key = (char *) texts[2 * i],
        .text = (char *) value,
        .text_length = strlen (value),
      };
    }
  return n;
}

/* libpng jumps back to the setjmp() of this function when something is wrong. */
static gboolean
encode (Encoder *encoder, const guint8 *pixels, gsize width, gsize height, gsize channels,
        const char *const *texts)
{
  if (setjmp (png_jmpbuf (encoder->png)))
    return FALSE;
  png_set_IHDR (encoder->png, encoder->info, (png_uint_32) width, (png_uint_32) height, 8,
                channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_text (encoder->png, encoder->info, encoder->texts, list_texts (encoder, texts));
  png_write_info (encoder->png, encoder->info);
  for (gsize y = 0; y < height; y++)
    png_write_row (encoder->png, pixels + y * width * channels);
  png_write_end (encoder->png, NULL);
  return TRUE;
}

/**
 * kol_png_encode:
 * @pixels: [@height, @width, @channels], rows from the top
 * @width: pixels in a row
 * @height: rows
 * @channels: 1: grey, or 3: red, green, blue
 * @texts: (nullable) (array zero-terminated): key, value, key, value, ... of what the
 *   picture is to say about itself; keys are of 1 to 79 letters, values UTF-8
 * @error: return location
 *
 * A picture as a PNG file (ISO/IEC 15948), without losses.
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT if a side is 0 or longer than a million
 * pixels; %G_IO_ERROR_FAILED with libpng's own words.
 *
 * Returns: (transfer full) (nullable): the bytes of the file
 */
GBytes *
kol_png_encode (const guint8 *pixels, gsize width, gsize height, gsize channels,
                const char *const *texts, GError **error)
{
  g_return_val_if_fail (channels == 1 || channels == 3, NULL);
  g_return_val_if_fail (pixels != NULL || width == 0 || height == 0, NULL);

  if (width == 0 || height == 0 || width > LONGEST_SIDE || height > LONGEST_SIDE)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "A picture of %zux%zu pixels cannot be a PNG file; each side must be 1 to %d",
                   width, height, LONGEST_SIDE);
      return NULL;
    }
  g_auto (Encoder) encoder = { 0 };
  if (!encoder_begin (&encoder) || !encode (&encoder, pixels, width, height, channels, texts))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "A picture of %zux%zu pixels cannot be written as PNG: %s", width, height,
                   *encoder.message ? encoder.message : "there is not enough memory");
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&encoder.bytes));
}

/* ── Texts ───────────────────────────────────────────────────────────────────────────────────── */

#define LARGEST_CHUNK (1 << 20) /* bytes of a text when it is unpacked */
#define MOST_CHUNKS 64

typedef struct {
  png_structp png;
  png_infop info;
  const guint8 *file;
  gsize length, at;
  char message[128];
} TextReader;

static void
text_reader_clear (TextReader *reader)
{
  if (reader->png)
    png_destroy_read_struct (&reader->png, &reader->info, NULL);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextReader, text_reader_clear)

G_NORETURN static void
note_read_error (png_structp png, png_const_charp message)
{
  TextReader *reader = png_get_error_ptr (png);

  g_strlcpy (reader->message, message, sizeof reader->message);
  png_longjmp (png, 1);
}

static void
read_bytes (png_structp png, png_bytep to, png_size_t wanted)
{
  TextReader *reader = png_get_io_ptr (png);

  if (wanted > reader->length - reader->at)
    png_error (png, "the file ends too soon");
  memcpy (to, reader->file + reader->at, wanted);
  reader->at += wanted;
}

/* libpng jumps back to the setjmp() of this function when something is wrong. */
static gboolean
read_texts (TextReader *reader)
{
  if (setjmp (png_jmpbuf (reader->png)))
    return FALSE;
  png_set_read_fn (reader->png, reader, read_bytes);
  png_set_chunk_malloc_max (reader->png, LARGEST_CHUNK);
  png_set_chunk_cache_max (reader->png, MOST_CHUNKS);
  png_read_info (reader->png, reader->info);
  return TRUE;
}

/* As UTF-8; chunks that are not international are Latin-1. Given. */
static char *
text_to_utf8 (const char *text)
{
  return g_utf8_validate (text, -1, NULL)
             ? g_strdup (text)
             : g_convert (text, -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
}

/**
 * kol_png_read_texts:
 * @path: the name of a PNG file
 * @error: return location
 *
 * What a picture says about itself before its pixels, as kol_png_encode() has written it;
 * pixels are not read. Texts of more than a MiB, and more than some dozens, are left out.
 *
 * Errors: those of opening a file; %G_IO_ERROR_INVALID_DATA if it is no PNG file, or a
 * damaged one.
 *
 * Returns: (transfer full) (array zero-terminated) (nullable): key, value, key, value, ...,
 *   UTF-8
 */
char **
kol_png_read_texts (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autoptr (GMappedFile) mapped = kol_map_file (path, error);

  if (!mapped)
    return NULL;
  g_auto (TextReader) reader = { .file = (const guint8 *) g_mapped_file_get_contents (mapped),
                                 .length = g_mapped_file_get_length (mapped) };
  gboolean is_png = reader.length >= 8 && png_sig_cmp (reader.file, 0, 8) == 0;
  if (is_png)
    reader.png
        = png_create_read_struct (PNG_LIBPNG_VER_STRING, &reader, note_read_error, note_warning);
  if (reader.png)
    reader.info = png_create_info_struct (reader.png);
  if (!reader.info || !read_texts (&reader))
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "“%s” %s%s", shown,
                   is_png ? "is a damaged PNG file: " : "is no PNG file", reader.message);
      return NULL;
    }
  png_textp texts = NULL;
  int n = 0;
  png_get_text (reader.png, reader.info, &texts, &n);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  for (int i = 0; i < n; i++)
    {
      g_autofree char *key = text_to_utf8 (texts[i].key), *value = text_to_utf8 (texts[i].text);
      if (!key || !value)
        continue;
      g_strv_builder_add (list, key);
      g_strv_builder_add (list, value);
    }
  return g_strv_builder_end (list);
}
