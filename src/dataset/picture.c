/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "picture.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "dataset.h"
#include "picture-private.h"

/* More pixels than this are taken for a mistake, or for malice, */
#define MOST_PIXELS ((gsize) 1 << 28)
/* and so are more than these and, for each byte of the file, what PNG can pack into it at best. */
#define SURE_PIXELS ((gsize) 1 << 24)
#define PIXELS_IN_A_BYTE (8 * 1032)

/* How many pixels a file of that many bytes can have. */
static gsize
most_pixels (gsize length)
{
  return MIN (MOST_PIXELS, SURE_PIXELS + PIXELS_IN_A_BYTE * MIN (length, MOST_PIXELS));
}

/* A picture whose pixels are not set, or NULL if memory is short. */
KolPicture *
kol_picture_new (gsize channels, gsize height, gsize width)
{
  guint8 *pixels = g_try_malloc (channels * height * width);
  KolPicture *picture = NULL;

  if (pixels)
    {
      picture = g_new (KolPicture, 1);
      *picture = (KolPicture){ channels, height, width, pixels };
    }
  return picture;
}

/**
 * kol_picture_free:
 * @picture: (transfer full) (nullable): a picture
 *
 * Frees the picture and its pixels.
 */
void
kol_picture_free (KolPicture *picture)
{
  if (!picture)
    return;
  g_free (picture->pixels);
  g_free (picture);
}

KolPicture *
kol_picture_cut (const KolPicture *picture, const KolPictureBox *box)
{
  KolPicture *cut = kol_picture_new (picture->channels, box->height, box->width);

  for (gsize c = 0; cut && c < cut->channels; c++)
    for (gsize y = 0; y < cut->height; y++)
      memcpy (cut->pixels + (c * cut->height + y) * cut->width,
              picture->pixels + (c * picture->height + box->top + y) * picture->width + box->left,
              cut->width);
  return cut;
}

/* ── From rows of pixels to planes of channels ───────────────────────────────────────────────── */

/* What the decoders give: 3 bytes a pixel, or 4, the last of them opacity. */
typedef struct {
  const guint8 *bytes;
  gsize stride; /* bytes from one row to the next */
  gsize each;   /* bytes of a pixel, 3 or 4 */
  gsize height;
  gsize width;
} Rows;

/* A row of channel @c. Opacity is left out, as Pillow's convert ("RGB") does. */
static void
copy_row (const Rows *rows, gsize row, gsize c, guint8 *to)
{
  const guint8 *from = rows->bytes + row * rows->stride + c;

  for (gsize i = 0; i < rows->width; i++, from += rows->each)
    to[i] = *from;
}

/* A picture whose channels are equal everywhere is grey, whatever its file's type. */
static void
drop_equal_channels (KolPicture *picture)
{
  gsize size = picture->height * picture->width;

  if (memcmp (picture->pixels, picture->pixels + size, size) != 0
      || memcmp (picture->pixels, picture->pixels + 2 * size, size) != 0)
    return;
  picture->channels = 1;
  picture->pixels = g_realloc (picture->pixels, size);
}

static KolPicture *
picture_from_rows (const Rows *rows, char **reason)
{
  KolPicture *picture = kol_picture_new (3, rows->height, rows->width);

  if (!picture)
    {
      *reason = g_strdup_printf ("there is not enough memory for %zu x %zu pixels", rows->width,
                                 rows->height);
      return NULL;
    }
  for (gsize c = 0; c < 3; c++)
    for (gsize row = 0; row < rows->height; row++)
      copy_row (rows, row, c, picture->pixels + (c * rows->height + row) * rows->width);
  drop_equal_channels (picture);
  return picture;
}

/* ── PNG ─────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const guint8 *file;
  gsize length;
  gsize at;

  png_structp png;
  png_infop info;
  guint8 *pixels; /* four bytes each */
  png_bytep *rows;
  gsize height;
  gsize width;
  char *message; /* what libpng says is wrong */
} PngDecoder;

static void
png_decoder_clear (PngDecoder *decoder)
{
  png_destroy_read_struct (&decoder->png, &decoder->info, NULL);
  g_free (decoder->pixels);
  g_free (decoder->rows);
  g_free (decoder->message);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PngDecoder, png_decoder_clear)

static void
png_on_error (png_structp png, png_const_charp message)
{
  PngDecoder *decoder = png_get_error_ptr (png);

  decoder->message = g_strdup (message);
  png_longjmp (png, 1);
}

static void
png_on_warning (png_structp png, png_const_charp message)
{
}

static void
png_on_read (png_structp png, png_bytep to, size_t wanted)
{
  PngDecoder *decoder = png_get_io_ptr (png);

  if (wanted > decoder->length - decoder->at)
    png_error (png, "the file ends too soon");
  memcpy (to, decoder->file + decoder->at, wanted);
  decoder->at += wanted;
}

/* Whatever the file has, 8 bits each of red, green, blue and opacity come out. */
static void
png_ask_for_rgba (PngDecoder *decoder)
{
  png_set_expand (decoder->png);
  png_set_scale_16 (decoder->png);
  png_set_gray_to_rgb (decoder->png);
  png_set_add_alpha (decoder->png, 255, PNG_FILLER_AFTER);
  png_set_interlace_handling (decoder->png);
  png_read_update_info (decoder->png, decoder->info);
}

/*
 * libpng leaves by longjmp() when something is wrong. What it must find again lives in
 * @decoder and not in variables here.
 */
static gboolean
png_decode (PngDecoder *decoder)
{
  if (setjmp (png_jmpbuf (decoder->png)))
    return FALSE;
  png_read_info (decoder->png, decoder->info);
  decoder->width = png_get_image_width (decoder->png, decoder->info);
  decoder->height = png_get_image_height (decoder->png, decoder->info);
  if (decoder->width > most_pixels (decoder->length) / decoder->height)
    png_error (decoder->png, "it promises more pixels than are taken for true");
  png_ask_for_rgba (decoder);
  decoder->pixels = g_try_malloc (4 * decoder->width * decoder->height);
  decoder->rows = g_try_new (png_bytep, decoder->height);
  if (!decoder->pixels || !decoder->rows)
    png_error (decoder->png, "there is not enough memory for its pixels");
  for (gsize i = 0; i < decoder->height; i++)
    decoder->rows[i] = decoder->pixels + 4 * i * decoder->width;
  png_read_image (decoder->png, decoder->rows);
  png_read_end (decoder->png, NULL);
  return TRUE;
}

static KolPicture *
load_png (const guint8 *file, gsize length, char **reason)
{
  g_auto (PngDecoder) decoder = { .file = file, .length = length };

  decoder.png
      = png_create_read_struct (PNG_LIBPNG_VER_STRING, &decoder, png_on_error, png_on_warning);
  decoder.info = decoder.png ? png_create_info_struct (decoder.png) : NULL;
  if (!decoder.info)
    {
      *reason = g_strdup ("there is not enough memory for libpng");
      return NULL;
    }
  png_set_read_fn (decoder.png, &decoder, png_on_read);
  if (!png_decode (&decoder))
    {
      *reason = g_strdup_printf ("its PNG data are damaged: %s", decoder.message);
      return NULL;
    }
  return picture_from_rows (
      &(Rows){ decoder.pixels, 4 * decoder.width, 4, decoder.height, decoder.width }, reason);
}

/* ── All else ────────────────────────────────────────────────────────────────────────────────── */

/* Where the bytes FF @marker are last, or -1. */
static gssize
find_last_marker (const guint8 *file, gsize length, guint8 marker)
{
  for (gsize i = length; i-- > 1;)
    if (file[i - 1] == 0xff && file[i] == marker)
      return i;
  return -1;
}

/*
 * A JPEG decoder makes up what is missing, so that half a picture would be taken for a
 * whole one. But no marker "end of image" follows the last "start of scan" then.
 */
static gboolean
is_cut_jpeg (const guint8 *file, gsize length)
{
  return length >= 2 && file[0] == 0xff && file[1] == 0xd8
         && find_last_marker (file, length, 0xd9) < find_last_marker (file, length, 0xda);
}

/* By its header, before any memory is taken for its pixels. */
static gboolean
is_too_large (const char *path, gsize length)
{
  int width = 0, height = 0;

  return gdk_pixbuf_get_file_info (path, &width, &height) && width > 0 && height > 0
         && (gsize) width > most_pixels (length) / (gsize) height;
}

/* "Failed to load image “x.jpg”: Not a JPEG file" -> "Not a JPEG file". Given. */
static char *
without_name (const char *message, const char *path)
{
  g_autofree char *shown = g_filename_display_name (path);
  const char *name = strstr (message, shown);
  const char *rest = name ? strstr (name + strlen (shown), ": ") : NULL;

  return g_strdup (rest ? rest + 2 : message);
}

static KolPicture *
load_by_pixbuf (const char *path, gsize length, char **reason)
{
  g_autoptr (GError) error = NULL;

  if (is_too_large (path, length))
    {
      *reason = g_strdup ("it promises more pixels than are taken for true");
      return NULL;
    }
  g_autoptr (GdkPixbuf) stored = gdk_pixbuf_new_from_file (path, &error);
  g_autoptr (GdkPixbuf) upright = stored ? gdk_pixbuf_apply_embedded_orientation (stored) : NULL;

  if (!upright)
    {
      *reason
          = error ? without_name (error->message, path) : g_strdup ("there is not enough memory");
      return NULL;
    }
  return picture_from_rows (
      &(Rows){ gdk_pixbuf_read_pixels (upright), gdk_pixbuf_get_rowstride (upright),
               gdk_pixbuf_get_n_channels (upright), gdk_pixbuf_get_height (upright),
               gdk_pixbuf_get_width (upright) },
      reason);
}

/* As kol_picture_load(), but @reason, to be freed, does not name the file. */
KolPicture *
kol_picture_try (const char *path, char **reason)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMappedFile) mapped = g_mapped_file_new (path, FALSE, &error);
  const guint8 *file = mapped ? (const guint8 *) g_mapped_file_get_contents (mapped) : NULL;
  gsize length = mapped ? g_mapped_file_get_length (mapped) : 0;

  if (!mapped)
    *reason = without_name (error->message, path);
  else if (length == 0)
    *reason = g_strdup ("the file is empty");
  else if (length >= 8 && png_sig_cmp (file, 0, 8) == 0)
    return load_png (file, length, reason);
  else if (is_cut_jpeg (file, length))
    *reason = g_strdup ("its JPEG data end too soon");
  else
    return load_by_pixbuf (path, length, reason);
  return NULL;
}

/**
 * kol_picture_load:
 * @path: a file's name
 * @error: where to put what went wrong
 *
 * Reads a picture: PNG, JPEG, and whatever else gdk-pixbuf has loaders for, of which
 * the first frame is taken. It is turned upright as its EXIF data say; 16 bits become 8,
 * rounded; transparency is left out, so that a transparent pixel has the colour that is
 * stored for it. The numbers in the file are taken as they are: profiles and gamma are
 * not applied. A picture of which all pixels are grey has one channel, any other three.
 *
 * Errors: %KOL_DATASET_ERROR_MISSING if there is no such file,
 * %KOL_DATASET_ERROR_FORMAT if it is no picture, or a damaged one.
 *
 * Returns: (transfer full): the picture, or %NULL with @error set
 */
KolPicture *
kol_picture_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autofree char *reason = NULL;
  KolPicture *picture = kol_picture_try (path, &reason);

  if (!picture)
    {
      g_autofree char *shown = g_filename_display_name (path);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
                     "“%s” cannot be read as a picture: %s", shown, reason);
      else
        g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                     "There is no picture “%s”; check its name and folder", shown);
    }
  return picture;
}

/* ── Channels ────────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_picture_convert:
 * @picture: a picture
 * @channels: 1 or 3
 *
 * Makes a grey picture of a coloured one, by ITU-R BT.601's
 * grey = 0.299 red + 0.587 green + 0.114 blue, or a picture with three equal channels
 * of a grey one. With as many channels as it has, it is a copy.
 *
 * Returns: (transfer full) (nullable): the new picture, or %NULL if memory is short
 */
KolPicture *
kol_picture_convert (const KolPicture *picture, gsize channels)
{
  g_return_val_if_fail (picture != NULL && (channels == 1 || channels == 3), NULL);
  gsize size = picture->height * picture->width;
  KolPicture *result = kol_picture_new (channels, picture->height, picture->width);
  const guint8 *from = picture->pixels;

  if (!result)
    return NULL;
  if (channels < picture->channels)
    for (gsize i = 0; i < size; i++)
      result->pixels[i]
          = (19595u * from[i] + 38470u * from[size + i] + 7471u * from[2 * size + i] + 32768u)
            >> 16;
  else
    for (gsize c = 0; c < channels; c++)
      memcpy (result->pixels + c * size, from + (picture->channels == 1 ? 0 : c * size), size);
  return result;
}
