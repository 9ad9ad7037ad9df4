/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures as PNG files, read again by libpng's own reader. */

#include "dataset/png.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

static guint8 *
noise (gsize n)
{
  guint8 *pixels = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8) (i * i * 31 + i);
  return pixels;
}

static void
check_picture (gsize width, gsize height, gsize channels)
{
  g_autoptr (GError) error = NULL;
  gsize n = width * height * channels;
  g_autofree guint8 *pixels = noise (n);
  g_autofree guint8 *again = g_malloc0 (n);
  g_autoptr (GBytes) bytes = kol_png_encode (pixels, width, height, channels, NULL, &error);
  png_image image = { .version = PNG_IMAGE_VERSION };

  g_assert_no_error (error);
  g_assert_true (png_image_begin_read_from_memory (&image, g_bytes_get_data (bytes, NULL),
                                                   g_bytes_get_size (bytes)));
  g_assert_cmpuint (image.width, ==, width);
  g_assert_cmpuint (image.height, ==, height);
  g_assert_cmpuint (image.format, ==, channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB);
  g_assert_true (png_image_finish_read (&image, NULL, again, 0, NULL));
  g_assert_cmpmem (again, n, pixels, n);
}

static void
test_pictures (void)
{
  const gsize sides[] = { 1, 2, 7, 64, 1031 };

  for (gsize i = 0; i < G_N_ELEMENTS (sides); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (sides); j++)
      {
        check_picture (sides[i], sides[j], 1);
        check_picture (sides[i], sides[j], 3);
      }
}

/* Whether the file has a chunk of that type with exactly these data. */
static gboolean
has_chunk (GBytes *bytes, const char *type, const char *data, gsize n)
{
  gsize size;
  const guint8 *file = g_bytes_get_data (bytes, &size);

  for (gsize at = 8; at + 12 <= size;)
    {
      gsize length = (gsize) file[at] << 24 | file[at + 1] << 16 | file[at + 2] << 8 | file[at + 3];
      if (memcmp (file + at + 4, type, 4) == 0 && length == n
          && memcmp (file + at + 8, data, n) == 0)
        return TRUE;
      at += length + 12;
    }
  return FALSE;
}

static void
test_texts (void)
{
  const char *const texts[] = { "Software", "Kolinsky", "Title", "Möwe", NULL };
  const char plain[] = "Software\0Kolinsky", international[] = "Title\0\0\0\0\0Möwe";
  const guint8 pixel = 200;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = kol_png_encode (&pixel, 1, 1, 1, texts, &error);

  g_assert_no_error (error);
  g_assert_true (has_chunk (bytes, "tEXt", plain, sizeof plain - 1));
  g_assert_true (has_chunk (bytes, "iTXt", international, sizeof international - 1));
}

/* What is written can be read; whatever is cut off or changed is an error or other texts. */
static void
test_read_texts (void)
{
  const char *const texts[]
      = { "Software", "Kolinsky", "settings", "[a]\nb=1\n", "Title", "Möwe", NULL };
  const guint8 pixels[12] = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = kol_png_encode (pixels, 2, 2, 3, texts, &error);
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "kolinsky-test-png.png", NULL);
  gsize size;
  const char *file = g_bytes_get_data (bytes, &size);

  g_assert_true (g_file_set_contents (path, file, (gssize) size, NULL));
  g_auto (GStrv) read = kol_png_read_texts (path, &error);
  g_assert_no_error (error);
  g_assert_true (g_strv_equal ((const char *const *) read, texts));
  for (gsize n = 0; n < size; n += 5)
    {
      g_autofree char *damaged = g_memdup2 (file, size);

      g_assert_true (
          g_file_set_contents_full (path, file, (gssize) n, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
      g_auto (GStrv) cut = kol_png_read_texts (path, &error);
      g_assert_true ((cut == NULL) == (error != NULL));
      g_clear_error (&error);
      damaged[n] ^= 0x55;
      g_assert_true (g_file_set_contents_full (path, damaged, (gssize) size,
                                               G_FILE_SET_CONTENTS_NONE, 0600, NULL));
      g_auto (GStrv) changed = kol_png_read_texts (path, &error);
      g_assert_true ((changed == NULL) == (error != NULL));
      g_clear_error (&error);
    }
  g_assert_true (g_file_set_contents (path, "GIF89a, or so", -1, NULL));
  g_assert_null (kol_png_read_texts (path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_unlink (path);
}

static void
test_errors (void)
{
  const gsize sizes[][2] = { { 0, 3 }, { 3, 0 }, { 1000001, 1 }, { 1, 1000001 } };
  const guint8 pixel = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *size = g_strdup_printf ("%zux%zu", sizes[i][0], sizes[i][1]);
      g_assert_null (kol_png_encode (&pixel, sizes[i][0], sizes[i][1], 1, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, size));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/png/pictures", test_pictures);
  g_test_add_func ("/png/texts", test_texts);
  g_test_add_func ("/png/read-texts", test_read_texts);
  g_test_add_func ("/png/errors", test_errors);
  return g_test_run ();
}
