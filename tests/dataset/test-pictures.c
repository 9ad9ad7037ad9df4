/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures that stay in their files until they are needed, and how they are varied. */

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "common.h"
#include "dataset/augment-private.h"
#include "dataset/dataset-private.h"
#include "dataset/listing-private.h"
#include "dataset/pictures-private.h"
#include "dataset/png.h"
#include "dataset/preprocess.h"

#define SIDE 6

static const KolPreprocess how = { .channels = 3,
                                   .short_side = 8,
                                   .width = SIDE,
                                   .height = SIDE,
                                   .divisor = 255,
                                   .mean = { 0.5f, 0.4f, 0.3f },
                                   .std = { 0.2f, 0.25f, 0.3f } };
static const KolDatasetOptions streamed = { .picture = &how };

/* A picture whose pixels are like no other's. */
static void
write_picture (const char *name, guint number, guint width, guint height)
{
  g_autofree guint8 *pixels = g_malloc (3 * width * height);
  g_autofree char *path = path_of (name);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 3 * width * height; i++)
    pixels[i] = (guint8) (i * (7 + number) + 31 * number + i % 3 * 50);
  g_autoptr (GBytes) png = kol_png_encode (pixels, width, height, 3, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (png, NULL),
                                      (gssize) g_bytes_get_size (png), NULL));
}

/* Classes a and b of pictures of several sizes, @count in all, below @part. */
static void
write_pictures (const char *part, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s%s/%03u.png", part, i % 3 ? "b" : "a", i);
      write_picture (name, i, 9 + i % 4, 8 + i % 3);
    }
}

static const float *
next (KolBatches *batches, const float **labels)
{
  const float *examples;

  g_assert_true (kol_batches_next (batches, &examples, labels));
  return examples;
}

/* What kol_preprocess_load() gives, each with its label; sizes differ, which is no error. */
static void
test_as_they_are (void)
{
  write_pictures ("", 23);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolBatches) batches = open_batches (set, 5, 0, FALSE);
  const KolListing *listing = kol_pictures_get_listing (set->pictures);
  gsize size = kol_preprocess_count (&how);
  g_autofree float *expected = g_new (float, size);
  const float *labels, *examples = NULL;

  g_assert_cmpuint (set->count, ==, 23);
  g_assert_cmpuint (set->channels * set->height * set->width, ==, size);
  g_assert_null (set->pixels);
  g_assert_null (set->values);
  for (gsize i = 0; i < 23; i++)
    {
      if (i % 5 == 0)
        examples = next (batches, &labels);
      g_autofree char *path = kol_listing_path (listing, i);
      g_assert_true (kol_preprocess_load (&how, path, expected, NULL));
      g_assert_cmpmem (examples + i % 5 * size, size * sizeof (float), expected,
                       size * sizeof (float));
      g_assert_cmpint ((int) labels[i % 5], ==, strstr (path, "/b/") != NULL);
      g_assert_true (kol_batches_has_example (batches, i % 5));
    }
  g_assert_false (kol_batches_has_example (batches, 3)); /* of the next epoch */
}

/* Pictures that are scaled plainly are those that are kept in memory. */
static void
test_as_from_memory (void)
{
  const KolPreprocess plain
      = { .channels = 3, .width = 5, .height = 7, .divisor = 255, .std = { 1, 1, 1 } };

  write_pictures ("", 20);
  g_autoptr (KolDataset) kept = open_dataset (
      folder (), "train", &(KolDatasetOptions){ .width = 5, .height = 7, .channels = 3 });
  g_autoptr (KolDataset) set
      = open_dataset (folder (), "train", &(KolDatasetOptions){ .picture = &plain });
  g_autoptr (KolBatches) a = open_batches (kept, 4, 9, TRUE);
  g_autoptr (KolBatches) b = open_batches (set, 4, 9, TRUE);
  KolAugment augment = { 0 };

  for (guint i = 0; i < 12; i++)
    {
      const float *labels_a, *labels_b;
      const float *from_a = next (a, &labels_a), *from_b = next (b, &labels_b);

      g_assert_cmpmem (from_a, 4 * 105 * sizeof (float), from_b, 4 * 105 * sizeof (float));
      g_assert_cmpmem (labels_a, 4 * sizeof (float), labels_b, 4 * sizeof (float));
      if (i == 5)
        augment = (KolAugment){ .flip = TRUE, .shift = 1, .cutout = 2, .jitter = 0.3 };
      g_assert_true (kol_batches_set_augment (a, &augment, NULL));
      g_assert_true (kol_batches_set_augment (b, &augment, NULL));
    }
}

/* A part of the set is the same pictures, and a shuffled copy is another order of them. */
static void
test_slices (void)
{
  write_pictures ("train/", 20);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolDataset) slice = kol_dataset_slice (set, 8, 10);
  g_autoptr (KolDataset) inner = kol_dataset_slice (slice, 2, 4);
  g_autoptr (KolDataset) shuffled = kol_dataset_shuffle (inner, 5, NULL);
  g_autoptr (KolBatches) all = open_batches (set, 20, 0, FALSE);
  g_autoptr (KolBatches) some = open_batches (inner, 4, 0, FALSE);
  g_autoptr (KolBatches) mixed = open_batches (shuffled, 4, 0, FALSE);
  gsize size = kol_preprocess_count (&how);
  const float *labels;
  const float *from_all = next (all, &labels), *from_some = next (some, &labels);
  const float *from_mixed = next (mixed, &labels);
  guint moved = 0, found = 0;

  g_assert_cmpmem (from_some, 4 * size * 4, from_all + 10 * size, 4 * size * 4);
  for (guint i = 0; i < 4; i++)
    for (guint k = 0; k < 4; k++)
      if (memcmp (from_mixed + i * size, from_some + k * size, size * 4) == 0)
        {
          found++;
          moved += i != k;
          g_assert_cmpuint (shuffled->labels[i], ==, inner->labels[k]);
        }
  g_assert_cmpuint (found, ==, 4);
  g_assert_cmpuint (moved, >, 0);
}

/* Which files there are, and in which order, is told by a sum. */
static void
test_digest (void)
{
  write_pictures ("", 5);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolDataset) again = open_dataset (folder (), "train", &streamed);
  g_autofree char *digest = kol_dataset_get_digest (set), *same = kol_dataset_get_digest (again);
  g_autofree char *from = path_of ("a/003.png"), *to = path_of ("a/300.png");

  g_assert_cmpstr (digest, ==, same);
  g_assert_cmpint (g_rename (from, to), ==, 0);
  g_autoptr (KolDataset) other = open_dataset (folder (), "train", &streamed);
  g_autofree char *changed = kol_dataset_get_digest (other);
  g_assert_cmpstr (digest, !=, changed);
}

/* ── Varied ──────────────────────────────────────────────────────────────────────────────────── */

static const KolAugment varied
    = { .flip = TRUE, .shift = 1, .cutout = 2, .crop = 0.08, .jitter = 0.4 };

/* What a stream gives is a function of seed, epoch and example, wherever it is begun. */
static void
test_resumed (void)
{
  write_pictures ("", 20);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolBatches) batches = open_batches (set, 3, 7, TRUE);
  gsize bytes = 3 * kol_preprocess_count (&how) * sizeof (float);
  g_autoptr (GPtrArray) seen = g_ptr_array_new_with_free_func (g_free);
  const float *labels;

  g_assert_true (kol_batches_set_augment (batches, &varied, NULL));
  for (guint i = 0; i < 15; i++) /* two epochs of 6 batches, and some */
    g_ptr_array_add (seen, g_memdup2 (next (batches, &labels), bytes));
  for (guint i = 0; i < 15; i += 4)
    {
      g_autoptr (KolBatches) other = open_batches (set, 3, 7, TRUE);
      g_assert_true (kol_batches_set_augment (other, &varied, NULL));
      kol_batches_seek (other, i);
      g_assert_cmpmem (next (other, &labels), bytes, seen->pdata[i], bytes);
      kol_batches_seek (batches, i);
      g_assert_cmpmem (next (batches, &labels), bytes, seen->pdata[i], bytes);
    }
  for (guint i = 0; i < 15; i++)
    for (guint k = 0; k < i; k++)
      g_assert_cmpint (memcmp (seen->pdata[i], seen->pdata[k], bytes), !=, 0);
}

/* Parts lie in the picture, are not slim, and have any share of it from the least on. */
static void
test_boxes (void)
{
  const KolAugment augment = { .crop = 0.2 };
  double least = 1, most = 0, sum = 0;
  guint lefts[4] = { 0 };
  enum { N = 4000, W = 300, H = 200 };

  for (gsize i = 0; i < N; i++)
    {
      const KolVary vary = { &augment, 3, i / 7, i };
      KolPictureBox box = kol_vary_box (&vary, H, W);
      double share = (double) (box.width * box.height) / (W * H);
      double shape = (double) box.width / (double) box.height;

      g_assert_cmpuint (box.left + box.width, <=, W);
      g_assert_cmpuint (box.top + box.height, <=, H);
      g_assert_cmpfloat (shape, >, 0.74);
      g_assert_cmpfloat (shape, <, 1.35);
      least = MIN (least, share);
      most = MAX (most, share);
      sum += share;
      if (box.width < W / 2)
        lefts[MIN (4 * box.left / (W - box.width + 1), 3)]++;
    }
  g_assert_cmpfloat (least, >, 0.19);
  g_assert_cmpfloat (least, <, 0.21);
  g_assert_cmpfloat (most, >, 0.87); /* more does not fit with that shape */
  /* E (t^2 - 0.2^2) / 2 / E (t - 0.2), where t = shape H / W is the most that fits */
  g_assert_cmpfloat (fabs (sum / N - 0.4511), <, 0.01);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (lefts[i], >, (lefts[0] + lefts[1] + lefts[2] + lefts[3]) / 5);
}

/* Of a picture that is too slim for any part, the middle is taken; a single pixel is one. */
static void
test_slim (void)
{
  const KolAugment augment = { .crop = 0.9 };
  const KolVary vary = { &augment, 3, 0, 0 };
  KolPictureBox wide = kol_vary_box (&vary, 30, 3000), high = kol_vary_box (&vary, 3000, 30);
  KolPictureBox pixel = kol_vary_box (&vary, 1, 1);

  g_assert_cmpuint (wide.width, ==, 40);
  g_assert_cmpuint (wide.height, ==, 30);
  g_assert_cmpuint (wide.left, ==, 1480);
  g_assert_cmpuint (high.height, ==, 40);
  g_assert_cmpuint (high.top, ==, 1480);
  g_assert_cmpuint (pixel.width + pixel.height, ==, 2);
}

/* A row of numbers that Pillow 9.4 gave for the picture below. */
static void
check_colour (KolColour what, float factor, const guint8 *expected)
{
  guint8 pixels[36];
  KolPicture picture = { 3, 3, 4, pixels };

  for (guint i = 0; i < 12; i++)
    {
      pixels[i] = (guint8) (10 * i);
      pixels[12 + i] = (guint8) (250 - 17 * i);
      pixels[24 + i] = (guint8) (3 * i * i + 40);
    }
  g_assert_true (kol_vary_colour (&picture, what, factor));
  g_assert_cmpmem (pixels, sizeof pixels, expected, sizeof pixels);
}

static void
test_colours (void)
{
  static const guint8 darker[]
      = { 0,  6,  12, 18, 24, 30, 36, 42, 48, 54, 60, 66, 150, 139, 129, 119, 109, 99,
          88, 78, 68, 58, 48, 37, 24, 25, 31, 40, 52, 69, 88,  112, 139, 16,  50,  88 };
  static const guint8 brighter[]
      = { 0,   13,  27,  40,  54,  67, 81, 94, 108, 121, 135, 148, 255, 255, 255, 255, 245, 222,
          199, 176, 153, 130, 108, 85, 54, 58, 70,  90,  118, 155, 199, 252, 255, 36,  113, 198 };
  static const guint8 flatter[]
      = { 48,  54,  59,  66,  72, 78, 84, 90, 96, 102, 108, 114, 198, 187, 177, 167, 157, 147,
          136, 126, 116, 106, 96, 85, 72, 73, 79, 88,  100, 117, 136, 160, 187, 64,  98,  136 };
  static const guint8 steeper[]
      = { 0,   0,   0,   0,  12, 25, 39, 52, 66, 79, 93, 106, 255, 255, 249, 226, 203, 180,
          157, 134, 111, 88, 66, 43, 12, 16, 28, 48, 76, 113, 157, 210, 255, 0,   71,  156 };
  static const guint8 paler[]
      = { 60,  64,  67,  71, 75, 80, 84, 89, 94, 88, 94,  100, 210, 197, 185, 172, 160, 149,
          137, 126, 115, 93, 82, 72, 84, 83, 86, 93, 104, 119, 137, 159, 186, 51,  84,  123 };
  static const guint8 richer[]
      = { 0,   0,   0,   0,   8,  23, 38, 52, 67, 91, 104, 118, 255, 255, 242, 222, 200, 179,
          157, 135, 112, 100, 77, 54, 1,  7,  21, 43, 73,  111, 157, 210, 255, 6,   83,  168 };

  check_colour (KOL_BRIGHTNESS, 0.6f, darker);
  check_colour (KOL_BRIGHTNESS, 1.35f, brighter);
  check_colour (KOL_CONTRAST, 0.6f, flatter);
  check_colour (KOL_CONTRAST, 1.35f, steeper);
  check_colour (KOL_SATURATION, 0.6f, paler);
  check_colour (KOL_SATURATION, 1.35f, richer);
}

/* Tables and arrays of floats have no pictures to cut and no colours. */
static void
test_no_pictures (void)
{
  const KolAugment refused[] = { { .crop = 0.5 }, { .jitter = 0.5 } };

  write_text ("x.csv", "a,b,c\n1,2,0\n3,4,1\n");
  g_autofree char *path = path_of ("x.csv");
  g_autoptr (KolDataset) table = open_dataset (path, "train", NULL);
  g_autoptr (KolBatches) batches = open_batches (table, 1, 0, FALSE);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (kol_batches_set_augment (batches, &refused[i], &error));
      g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_AUGMENT);
    }
}

/* ── What cannot be read ─────────────────────────────────────────────────────────────────────── */

static gsize
count_skipped (KolDataset *set)
{
  gsize count;
  g_auto (GStrv) lines = kol_dataset_list_skipped (set, 0, &count);

  g_assert_cmpuint (g_strv_length (lines), ==, count);
  return count;
}

/* In training another picture takes the place, always the same one; batches are full. */
static void
test_substitutes (void)
{
  write_pictures ("train/", 17);
  write_text ("train/a/notes.txt", "no picture");
  write_text ("train/b/torn.png", "\x89PNG\r\n\x1a\n");
  write_text ("train/b/empty.jpg", "");
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolBatches) batches = open_batches (set, 5, 7, TRUE);
  g_autoptr (KolBatches) again = open_batches (set, 5, 7, TRUE);
  gsize size = kol_preprocess_count (&how), bytes = 5 * size * sizeof (float);
  const float *labels, *others;

  g_assert_cmpuint (set->count, ==, 20);
  for (guint i = 0; i < 8; i++) /* each picture twice */
    {
      g_autofree float *seen = g_memdup2 (next (batches, &labels), bytes);

      g_assert_cmpmem (next (again, &others), bytes, seen, bytes);
      g_assert_cmpmem (labels, 5 * sizeof (float), others, 5 * sizeof (float));
      for (guint k = 0; k < 5; k++)
        g_assert_true (kol_batches_has_example (batches, k));
    }
  g_assert_cmpuint (count_skipped (set), ==, 3);
  g_auto (GStrv) lines = kol_dataset_list_skipped (set, 0, NULL);
  g_autofree char *all = g_strjoinv ("\n", lines);
  g_assert_nonnull (strstr (all, "train/a/notes.txt: "));
  g_assert_nonnull (strstr (all, "train/b/torn.png: its PNG data are damaged"));
  g_assert_nonnull (strstr (all, "train/b/empty.jpg: the file is empty"));
  g_auto (GStrv) rest = kol_dataset_list_skipped (set, 2, NULL);
  g_assert_cmpuint (g_strv_length (rest), ==, 1);
  g_assert_cmpstr (rest[0], ==, lines[2]);
}

/* Elsewhere its place is empty, and said to be. */
static void
test_gaps (void)
{
  write_pictures ("", 8);
  write_text ("b/0.png", "no picture");
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolBatches) batches = open_batches (set, 9, 7, FALSE);
  gsize size = kol_preprocess_count (&how);
  const KolListing *listing = kol_pictures_get_listing (set->pictures);
  const float *labels, *examples = next (batches, &labels);

  for (guint i = 0; i < 9; i++)
    {
      g_autofree char *shown = kol_listing_show (listing, i);
      gboolean bad = strcmp (shown, "b/0.png") == 0;
      float sum = 0;

      for (gsize k = 0; k < size; k++)
        sum += fabsf (examples[i * size + k]);
      g_assert_cmpint (kol_batches_has_example (batches, i), ==, !bad);
      g_assert_cmpint (sum == 0, ==, bad);
    }
  g_assert_cmpuint (count_skipped (set), ==, 1);
}

/* A folder of other things is refused at once, or given up when that turns out. */
static void
test_hardly_any (void)
{
  for (guint i = 0; i < 900; i++)
    {
      g_autofree char *name = g_strdup_printf ("a/%03u.png", i), *path = path_of (name);
      g_autofree char *parent = g_path_get_dirname (path);
      g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
      write_text (name, "no picture");
    }
  assert_refused (folder (), "train", &streamed, KOL_DATASET_ERROR_EMPTY,
                  WORDS ("None of 16 files", "of the 900", "“a/000.png”"));

  write_picture ("a/000.png", 1, 9, 9);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  g_autoptr (KolBatches) batches = open_batches (set, 300, 1, TRUE);
  const float *examples, *labels;
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_batches_next (batches, &examples, &labels));
  g_assert_false (kol_dataset_finish (set, &error));
  g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY);
  g_assert_nonnull (strstr (error->message, "no use in going on"));
}

/* A stream can be moved and ended while threads are at it. */
static void
test_hurry (void)
{
  write_pictures ("", 40);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &streamed);
  const float *labels;
  gsize bytes = 8 * kol_preprocess_count (&how) * sizeof (float);
  g_autoptr (KolBatches) calm = open_batches (set, 8, 3, TRUE);
  g_autofree float *expected = NULL;

  kol_batches_seek (calm, 77);
  expected = g_memdup2 (next (calm, &labels), bytes);
  for (guint i = 0; i < 60; i++)
    {
      g_autoptr (KolBatches) batches = open_batches (set, 8, 3, TRUE);
      for (guint k = 0; k < i % 4; k++)
        next (batches, &labels);
      kol_batches_seek (batches, 1000 + i);
      kol_batches_seek (batches, 77);
      if (i % 3)
        g_assert_cmpmem (next (batches, &labels), bytes, expected, bytes);
    }
  g_assert_cmpfloat (kol_batches_get_waited (calm), >, 0);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/pictures/as-they-are", test_as_they_are);
  add ("/dataset/pictures/as-from-memory", test_as_from_memory);
  add ("/dataset/pictures/slices", test_slices);
  add ("/dataset/pictures/digest", test_digest);
  add ("/dataset/pictures/resumed", test_resumed);
  add ("/dataset/pictures/boxes", test_boxes);
  add ("/dataset/pictures/slim", test_slim);
  add ("/dataset/pictures/colours", test_colours);
  add ("/dataset/pictures/no-pictures", test_no_pictures);
  add ("/dataset/pictures/substitutes", test_substitutes);
  add ("/dataset/pictures/gaps", test_gaps);
  add ("/dataset/pictures/hardly-any", test_hardly_any);
  add ("/dataset/pictures/hurry", test_hurry);
  return run_tests ();
}
