/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "png.h"

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
