/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "common.h"
#include "dataset/npy.h"
#include "dataset/preprocess.h"

#define SIDE 224
#define PLANE (SIDE * SIDE)

/* A file of the reference data, which lie beside the sources; NULL where they are missing. */
static char *
shared (const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "shared", name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

/* [3, height, width], pixel (y, x) of channel c is 10 c + y + x. */
static KolPicture
slope (gsize height, gsize width)
{
  guint8 *pixels = g_malloc (3 * height * width);

  for (gsize c = 0, i = 0; c < 3; c++)
    for (gsize y = 0; y < height; y++)
      for (gsize x = 0; x < width; x++)
        pixels[i++] = (guint8) (10 * c + y + x);
  return (KolPicture){ 3, height, width, pixels };
}

/* With the short side as it is, nothing is scaled; the middle is cut out. */
static void
test_cut (void)
{
  KolPicture picture = slope (8, 13);
  const KolPreprocess how
      = { .channels = 3, .short_side = 8, .width = 4, .height = 5, .divisor = 1 };
  g_autoptr (KolPicture) fitted = kol_preprocess_fit (&how, &picture);

  g_assert_cmpuint (fitted->height, ==, 5);
  g_assert_cmpuint (fitted->width, ==, 4);
  for (guint c = 0, i = 0; c < 3; c++)
    for (guint y = 0; y < 5; y++)
      for (guint x = 0; x < 4; x++)
        g_assert_cmpuint (fitted->pixels[i++], ==, 10 * c + (y + 1) + (x + 4));
  g_free (picture.pixels);
}

/* Without one, the proportions give way. */
static void
test_squeezed (void)
{
  KolPicture picture = slope (8, 12);
  const KolPreprocess how = { .channels = 1, .width = 6, .height = 8, .divisor = 255 };
  g_autoptr (KolPicture) fitted = kol_preprocess_fit (&how, &picture);
  g_autoptr (KolPicture) scaled = kol_picture_resize (&picture, 6, 8, KOL_BILINEAR, NULL);
  g_autoptr (KolPicture) grey = kol_picture_convert (scaled, 1);

  g_assert_cmpuint (kol_preprocess_count (&how), ==, 48);
  g_assert_cmpmem (fitted->pixels, 48, grey->pixels, 48);
  g_free (picture.pixels);
}

static void
test_numbers (void)
{
  guint8 pixels[] = { 0, 255, 51, 0, 102, 204 };
  const KolPicture picture = { 3, 1, 2, pixels };
  KolPreprocess how = {
    .channels = 3,
    .width = 2,
    .height = 1,
    .divisor = 255,
    .mean = { 0, 0.2f, 0.5f },
    .std = { 1, 0.5f, 0.1f },
  };
  const float wanted[] = { 0, 1, 0, -0.4f, -1, 3 }, turned[] = { 102, 204, 41, -10, -2, 23.5f };
  float numbers[6];

  kol_preprocess_numbers (&how, &picture, numbers);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat_with_epsilon (numbers[i], wanted[i], 1e-6);
  how = (KolPreprocess){
    .channels = 3,
    .bgr = TRUE,
    .width = 2,
    .height = 1,
    .divisor = 1,
    .mean = { 0, 10, 20 },
    .std = { 1, 1, 10 },
  };
  kol_preprocess_numbers (&how, &picture, numbers);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (numbers[i], ==, turned[i]);
}

/* A line of pixels would become one of millions, of which only the middle is made. */
static void
test_extreme_sides (void)
{
  g_autofree guint8 *pixels = g_malloc (60000);
  const KolPicture picture = { 1, 1, 60000, pixels };
  const KolPreprocess how = KOL_PREPROCESS_IMAGENET;

  for (guint i = 0; i < 60000; i++)
    pixels[i] = i < 30000 ? 10 : 200;
  g_autoptr (KolPicture) fitted = kol_preprocess_fit (&how, &picture);
  g_assert_cmpuint (fitted->channels, ==, 3);
  /* 224 of the 256 new pixels between the centres of an old pair. */
  g_assert_cmpuint (fitted->pixels[0], ==, 22);
  g_assert_cmpuint (fitted->pixels[3 * PLANE - 1], ==, 188);
}

static void
test_missing (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = path_of ("none.jpg");
  float number;
  const KolPreprocess how
      = { .channels = 1, .width = 1, .height = 1, .divisor = 1, .std = { 1, 1, 1 } };

  g_assert_false (kol_preprocess_load (&how, path, &number, &error));
  g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING);
}

/* ── Beside Pillow and PyTorch ───────────────────────────────────────────────────────────────── */

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static char **
list_originals (const char *folder_of_originals)
{
  g_autoptr (GDir) dir = g_dir_open (folder_of_originals, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (const char *name; (name = g_dir_read_name (dir));)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_name);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_steal (names, NULL);
}

/* How many bytes of a crop differ from the reference [224, 224, 3], and by how much at most. */
static guint
compare (const KolPicture *crop, const guint8 *wanted, guint *most)
{
  guint differing = 0;

  for (guint i = 0; i < PLANE; i++)
    for (guint c = 0; c < 3; c++)
      {
        guint by = (guint) ABS (crop->pixels[c * PLANE + i] - wanted[3 * i + c]);
        differing += by > 0;
        *most = MAX (*most, by);
      }
  return differing;
}

/* From the JPEG file on: decoding, scaling and cutting give Pillow's bytes. */
static void
test_reference_crops (void)
{
  const KolPreprocess how = KOL_PREPROCESS_IMAGENET;
  g_autofree char *originals = shared ("data/photos-original");
  g_autofree char *crops = shared ("reference/crops_u8_rgb_nhwc_224.npy");
  g_autoptr (GError) error = NULL;
  guint exact = 0, most = 0;

  if (!originals || !crops)
    {
      g_test_skip ("the reference pictures are not there");
      return;
    }
  g_autoptr (KolNpy) npy = kol_npy_load (crops, &error);
  g_assert_no_error (error);
  g_auto (GStrv) names = list_originals (originals);
  g_assert_cmpuint (g_strv_length (names), ==, npy->dims[0]);
  for (guint i = 0; names[i]; i++)
    {
      g_autofree char *path = g_build_filename (originals, names[i], NULL);
      g_autoptr (KolPicture) picture = kol_picture_load (path, &error);
      g_assert_no_error (error);
      g_autoptr (KolPicture) crop = kol_preprocess_fit (&how, picture);
      guint differing = compare (crop, npy->bytes + (gsize) i * 3 * PLANE, &most);
      exact += differing == 0;
      if (differing)
        g_test_message ("%s: %u bytes differ", names[i], differing);
    }
  g_test_message ("%u of %u crops agree exactly; the largest difference is %u", exact,
                  (guint) npy->dims[0], most);
  g_assert_cmpuint (exact, ==, npy->dims[0]);
}

static void
check_inputs (const KolNpy *crops, const char *name, const KolPreprocess *how)
{
  g_autofree float *numbers = g_new (float, 3 * PLANE);
  g_autofree guint8 *pixels = g_malloc (3 * PLANE);

  for (guint row = 0; row < 3; row++)
    {
      g_autofree char *file = g_strdup_printf ("reference/%s_input_%u.npy", name, row);
      g_autofree char *path = shared (file);
      g_autoptr (GError) error = NULL;
      g_autoptr (KolNpy) wanted = kol_npy_load (path, &error);
      g_assert_no_error (error);
      for (guint i = 0; i < PLANE; i++)
        for (guint c = 0; c < 3; c++)
          pixels[c * PLANE + i] = crops->bytes[((gsize) row * PLANE + i) * 3 + c];
      kol_preprocess_numbers (how, &(KolPicture){ 3, SIDE, SIDE, pixels }, numbers);
      g_assert_cmpmem (numbers, 3 * PLANE * sizeof (float), wanted->values,
                       wanted->size * sizeof (float));
    }
}

/* From the crops on: PyTorch's numbers, bit for bit. */
static void
test_reference_inputs (void)
{
  const KolPreprocess imagenet = KOL_PREPROCESS_IMAGENET;
  KolPreprocess lite0 = imagenet;
  g_autofree char *crops = shared ("reference/crops_u8_rgb_nhwc_224.npy");
  g_autoptr (GError) error = NULL;

  if (!crops)
    {
      g_test_skip ("the reference pictures are not there");
      return;
    }
  g_autoptr (KolNpy) npy = kol_npy_load (crops, &error);
  g_assert_no_error (error);
  lite0.divisor = 1;
  for (guint c = 0; c < 3; c++)
    {
      lite0.mean[c] = 127;
      lite0.std[c] = 128;
    }
  check_inputs (npy, "squeezenet11", &imagenet);
  check_inputs (npy, "efflite0", &lite0);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/preprocess/cut", test_cut);
  add ("/dataset/preprocess/squeezed", test_squeezed);
  add ("/dataset/preprocess/numbers", test_numbers);
  add ("/dataset/preprocess/extreme-sides", test_extreme_sides);
  add ("/dataset/preprocess/missing", test_missing);
  add ("/dataset/preprocess/reference-crops", test_reference_crops);
  add ("/dataset/preprocess/reference-inputs", test_reference_inputs);
  return run_tests ();
}
