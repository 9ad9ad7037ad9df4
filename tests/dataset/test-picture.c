/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

#include "common.h"
#include "dataset/picture.h"
#include "pillow-resize.h"

static KolPicture *
load (const char *name, gsize channels, gsize height, gsize width)
{
  g_autofree char *path = fixture (name);
  g_autoptr (GError) error = NULL;
  KolPicture *picture = kol_picture_load (path, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (picture->channels, ==, channels);
  g_assert_cmpuint (picture->height, ==, height);
  g_assert_cmpuint (picture->width, ==, width);
  return picture;
}

/* Pixel i has red 42 i, green 42 i + 14 and blue 42 i + 28. */
static void
test_colour (void)
{
  const char *names[] = { "colour.png", "palette.png", "colour.bmp", "colour-16.png" };

  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      g_autoptr (KolPicture) picture = load (names[n], 3, 2, 3);
      for (guint c = 0; c < 3; c++)
        for (guint i = 0; i < 6; i++)
          g_assert_cmpuint (picture->pixels[6 * c + i], ==, 42 * i + 14 * c);
    }
}

/* Whether gdk-pixbuf has a loader for such files. */
static gboolean
can_load (const char *format)
{
  g_autoptr (GSList) formats = gdk_pixbuf_get_formats ();

  for (GSList *at = formats; at; at = at->next)
    {
      g_autofree char *name = gdk_pixbuf_format_get_name (at->data);
      if (strcmp (name, format) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
test_webp (void)
{
  if (!can_load ("webp"))
    {
      g_test_skip ("gdk-pixbuf has no loader for WebP (Debian: webp-pixbuf-loader)");
      return;
    }
  g_autoptr (KolPicture) picture = load ("colour.webp", 3, 2, 3);
  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < 6; i++)
      g_assert_cmpuint (picture->pixels[6 * c + i], ==, 42 * i + 14 * c);
}

/* Grey is what has no colour, whatever the file's type. */
static void
test_grey (void)
{
  const char *names[] = { "grey.png", "grey-as-colour.png", "grey-alpha.png" };

  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      g_autoptr (KolPicture) picture = load (names[n], 1, 2, 3);
      for (guint i = 0; i < 6; i++)
        g_assert_cmpuint (picture->pixels[i], ==, 50 * i);
    }
  g_autoptr (KolPicture) bits = load ("bits.png", 1, 2, 3);
  g_assert_cmpmem (bits->pixels, 6, "\0\0\0\xff\xff\xff", 6);
  g_autoptr (KolPicture) jpeg = load ("grey.jpg", 1, 24, 16);
  g_assert_cmpuint (jpeg->pixels[0], <, 60);
}

static void
test_deep (void)
{
  const guint8 wanted[] = { 0, 1, 1, 2, 255, 128 };
  g_autoptr (KolPicture) picture = load ("grey-16.png", 1, 2, 3);

  g_assert_cmpmem (picture->pixels, 6, wanted, 6);
}

/* Transparency is left out: what counts is the colour that is stored. */
static void
test_transparent (void)
{
  g_autoptr (KolPicture) picture = load ("alpha.png", 3, 2, 3);
  g_autoptr (KolPicture) grey = load ("grey-transparent.png", 1, 1, 3);

  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < 6; i++)
      g_assert_cmpuint (picture->pixels[6 * c + i], ==, 42 * i + 14 * c);
  g_assert_cmpmem (grey->pixels, 3, "\x07\x09\x07", 3);
}

/* However the pixels are stored, red is above, blue below, and the left half darker. */
static void
test_orientation (void)
{
  for (guint orientation = 1; orientation <= 8; orientation++)
    {
      g_autofree char *name = g_strdup_printf ("orientation-%u.jpg", orientation);
      g_autoptr (KolPicture) picture = load (name, 3, 24, 16);
      const guint8 *red = picture->pixels, *blue = picture->pixels + 2 * 24 * 16;
      g_assert_cmpfloat_with_epsilon (red[3 * 16 + 3], 120, 10);
      g_assert_cmpfloat_with_epsilon (red[3 * 16 + 12], 240, 10);
      g_assert_cmpfloat_with_epsilon (red[20 * 16 + 3], 0, 10);
      g_assert_cmpfloat_with_epsilon (blue[20 * 16 + 3], 120, 10);
      g_assert_cmpfloat_with_epsilon (blue[20 * 16 + 12], 240, 10);
    }
}

static void
check_fails (const char *name, int code, const char *words)
{
  g_autofree char *path = path_of (name);
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_picture_load (path, &error));
  g_assert_error (error, KOL_DATASET_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_nonnull (strstr (error->message, name));
}

/* The first @length bytes of a fixture as a file of their own. */
static void
write_start (const char *name, const char *to, gsize length)
{
  g_autofree char *path = fixture (name);
  g_autofree char *contents = NULL;
  gsize whole;

  g_assert_true (g_file_get_contents (path, &contents, &whole, NULL));
  g_assert_cmpuint (length, <, whole);
  GByteArray bytes = { (guint8 *) contents, length };
  write_file (to, &bytes);
}

static void
test_refuses (void)
{
  check_fails ("nowhere.png", KOL_DATASET_ERROR_MISSING, "no picture");
  write_text ("empty.png", "");
  check_fails ("empty.png", KOL_DATASET_ERROR_FORMAT, "is empty");
  write_text ("text.png", "This is no picture.");
  check_fails ("text.png", KOL_DATASET_ERROR_FORMAT, "cannot be read as a picture");
  for (gsize length = 8; length < 70; length++)
    {
      write_start ("colour.png", "cut.png", length);
      check_fails ("cut.png", KOL_DATASET_ERROR_FORMAT, "PNG data are damaged");
    }
  write_start ("orientation-1.jpg", "cut.jpg", 700);
  check_fails ("cut.jpg", KOL_DATASET_ERROR_FORMAT, "end too soon");
  write_start ("orientation-1.jpg", "cut.jpg", 100);
  check_fails ("cut.jpg", KOL_DATASET_ERROR_FORMAT, "cannot be read as a picture");
  write_text ("text.jpg", "This is no picture, either.");
  check_fails ("text.jpg", KOL_DATASET_ERROR_FORMAT, "as a picture: Error interpreting JPEG");
}

/* Few bytes that promise 231 million pixels are refused before memory is taken for these. */
static void
test_bombs (void)
{
  static const guint8 png[] = { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00,
                                0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
                                0x3f, 0x03, 0x00, 0x00, 0x38, 0x0c, 0x08, 0x02, 0x00,
                                0x00, 0x00, 0x08, 0x02, 0xc4, 0xd2, 0x00, 0x00, 0x00,
                                0x00, 0x49, 0x44, 0x41, 0x54, 0x35, 0xaf, 0x06, 0x1e };
  static const guint8 webp[] = { 0x52, 0x49, 0x46, 0x46, 0x30, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
                                 0x50, 0x56, 0x50, 0x38, 0x4c, 0x24, 0x00, 0x00, 0x00, 0x2f, 0x02,
                                 0xff, 0x02, 0x1e, 0x00, 0x23, 0xfa, 0x1f, 0xd3, 0x0b };
  GByteArray bytes = { (guint8 *) png, sizeof png };
  int width = 0;

  write_file ("bomb.png", &bytes);
  check_fails ("bomb.png", KOL_DATASET_ERROR_FORMAT, "promises more pixels");
  bytes = (GByteArray){ (guint8 *) webp, sizeof webp };
  write_file ("bomb.webp", &bytes);
  g_autofree char *path = path_of ("bomb.webp");
  gboolean known = gdk_pixbuf_get_file_info (path, &width, NULL) && width > 0;
  check_fails ("bomb.webp", KOL_DATASET_ERROR_FORMAT, known ? "promises more pixels" : "");
}

/* ── Changes ─────────────────────────────────────────────────────────────────────────────────── */

static void
test_convert (void)
{
  g_autoptr (KolPicture) colour = load ("colour.png", 3, 2, 3);
  g_autoptr (KolPicture) grey = kol_picture_convert (colour, 1);
  g_autoptr (KolPicture) back = kol_picture_convert (grey, 3);
  g_autoptr (KolPicture) same = kol_picture_convert (colour, 3);

  g_assert_cmpuint (grey->channels, ==, 1);
  for (guint i = 0; i < 6; i++)
    {
      double luma = 0.299 * (42 * i) + 0.587 * (42 * i + 14) + 0.114 * (42 * i + 28);
      g_assert_cmpfloat_with_epsilon (grey->pixels[i], luma, 0.51);
      for (guint c = 0; c < 3; c++)
        g_assert_cmpuint (back->pixels[6 * c + i], ==, grey->pixels[i]);
    }
  g_assert_cmpmem (same->pixels, 18, colour->pixels, 18);
}

static void
check_scaled (const guint8 *from, gsize height, gsize width, const guint8 *to, gsize new_height,
              gsize new_width)
{
  KolPicture picture = { 1, height, width, (guint8 *) from };
  g_autoptr (KolPicture) scaled
      = kol_picture_resize (&picture, new_width, new_height, KOL_BILINEAR, NULL);

  g_assert_cmpuint (scaled->height, ==, new_height);
  g_assert_cmpuint (scaled->width, ==, new_width);
  g_assert_cmpmem (scaled->pixels, new_height * new_width, to, new_height * new_width);
}

/* By hand, and as Pillow's resize (size, BILINEAR) has them. */
static void
test_scale (void)
{
  const guint8 two[] = { 0, 200 }, four[] = { 0, 50, 150, 200 };
  const guint8 ramp[] = { 0, 10, 20, 30, 40, 50, 60, 70 }, halves[] = { 7, 25, 45, 63 };
  const guint8 square[] = { 0, 100, 50, 150 }, one[] = { 75 };
  guint8 white[35];

  check_scaled (two, 1, 2, four, 1, 4);
  check_scaled (two, 2, 1, four, 4, 1);
  check_scaled (ramp, 1, 8, halves, 1, 4);
  check_scaled (square, 2, 2, one, 1, 1);
  check_scaled (square, 2, 2, square, 2, 2);
  memset (white, 255, sizeof white);
  check_scaled (white, 5, 7, white, 1, 1);
  check_scaled (white, 1, 3, white, 7, 5);
}

/* As in pillow_resize.py. */
static KolPicture
noise (gsize width, gsize height)
{
  guint32 state = (guint32) (width * 1000 + height);
  guint8 *pixels = g_malloc (width * height);

  for (gsize i = 0; i < width * height; i++)
    {
      state = state * 1664525u + 1013904223u;
      guint8 byte = (guint8) (state >> 24);
      pixels[i] = state >> 16 & 3 ? byte : 255 * (byte & 1);
    }
  return (KolPicture){ 1, height, width, pixels };
}

/* Every byte is Pillow's. */
static void
test_pillow (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (pillow_resized); i++)
    {
      gsize width = pillow_resized[i].new_width, height = pillow_resized[i].new_height;
      KolPicture picture = noise (pillow_resized[i].width, pillow_resized[i].height);
      g_autoptr (KolPicture) scaled
          = kol_picture_resize (&picture, width, height, pillow_resized[i].filter, NULL);
      g_autofree char *sum
          = g_compute_checksum_for_data (G_CHECKSUM_SHA256, scaled->pixels, width * height);
      if (strcmp (sum, pillow_resized[i].sum) != 0)
        {
          g_test_message ("%zu x %zu to %zu x %zu, filter %d, differs from Pillow's", picture.width,
                          picture.height, width, height, pillow_resized[i].filter);
          g_test_fail ();
        }
      g_free (picture.pixels);
    }
}

/* A part has the pixels that the whole has there, in each channel. */
static void
test_part (void)
{
  KolPicture tall = noise (41, 3 * 37), picture = { 3, 37, 41, tall.pixels };
  KolPictureBox boxes[] = { { 0, 0, 60, 30 }, { 59, 29, 1, 1 }, { 7, 3, 20, 11 } };

  for (KolPictureFilter filter = KOL_BILINEAR; filter <= KOL_BICUBIC; filter++)
    {
      g_autoptr (KolPicture) whole = kol_picture_resize (&picture, 60, 30, filter, NULL);
      for (guint b = 0; b < G_N_ELEMENTS (boxes); b++)
        {
          const KolPictureBox *box = &boxes[b];
          g_autoptr (KolPicture) part = kol_picture_resize (&picture, 60, 30, filter, box);
          g_assert_cmpuint (part->channels, ==, 3);
          for (gsize row = 0; row < 3 * box->height; row++)
            g_assert_cmpmem (part->pixels + row * box->width, box->width,
                             whole->pixels
                                 + ((row / box->height) * 30 + box->top + row % box->height) * 60
                                 + box->left,
                             box->width);
        }
    }
  g_free (tall.pixels);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/picture/colour", test_colour);
  add ("/dataset/picture/webp", test_webp);
  add ("/dataset/picture/grey", test_grey);
  add ("/dataset/picture/deep", test_deep);
  add ("/dataset/picture/transparent", test_transparent);
  add ("/dataset/picture/orientation", test_orientation);
  add ("/dataset/picture/refuses", test_refuses);
  add ("/dataset/picture/bombs", test_bombs);
  add ("/dataset/picture/convert", test_convert);
  add ("/dataset/picture/scale", test_scale);
  add ("/dataset/picture/pillow", test_pillow);
  add ("/dataset/picture/part", test_part);
  return run_tests ();
}
