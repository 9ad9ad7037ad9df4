/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "common.h"

#define COUNT 6
#define CHANNELS 2
#define HEIGHT 5
#define WIDTH 7
#define SIZE (CHANNELS * HEIGHT * WIDTH)

/* Pictures without a zero, and with no two equal pixels. */
static KolDataset *
open_pictures (void)
{
  g_autoptr (GByteArray) images = idx_header (0x08, 4, DIMS (COUNT, CHANNELS, HEIGHT, WIDTH));

  for (guint i = 0; i < COUNT * SIZE; i++)
    g_byte_array_append (images, (const guint8[]){ 1 + i % SIZE }, 1);
  write_file ("train-images-idx3-ubyte", images);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (COUNT), 1);
  KolDataset *dataset = open_dataset (folder (), "train", NULL);
  g_assert_true (kol_dataset_finish (dataset, NULL));
  return dataset;
}

static KolBatches *
open_stream (KolDataset *dataset, gsize batch, gboolean shuffle, const KolAugment *augment)
{
  KolBatches *batches = open_batches (dataset, batch, 42, shuffle);
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_batches_set_augment (batches, augment, &error));
  g_assert_no_error (error);
  return batches;
}

/* Whether @seen is a picture that was mirrored, shifted and cut like this. */
static gboolean
is_varied (const float *seen, gboolean flip, int down, int right, int top, int left, int side)
{
  for (int c = 0; c < CHANNELS; c++)
    for (int y = 0; y < HEIGHT; y++)
      for (int x = 0; x < WIDTH; x++)
        {
          int row = y - down, column = x - right;
          gboolean inside = row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH;
          gboolean cut = y >= top && y < top + side && x >= left && x < left + side;
          if (flip)
            column = WIDTH - 1 - column;
          guint pixel = inside && !cut ? 1 + (c * HEIGHT + row) * WIDTH + column : 0;
          if (seen[(c * HEIGHT + y) * WIDTH + x] != pixel / 255.0f)
            return FALSE;
        }
  return TRUE;
}

typedef struct {
  gboolean flip;
  int down;
  int right;
} Move;

/* How a picture was mirrored and shifted, which there must be one answer to. */
static Move
find_move (const float *seen, int shift)
{
  Move move = { 0 };
  guint found = 0;

  for (int flip = 0; flip < 2; flip++)
    for (int down = -shift; down <= shift; down++)
      for (int right = -shift; right <= shift; right++)
        if (is_varied (seen, flip, down, right, 0, 0, 0))
          {
            move = (Move){ flip, down, right };
            found++;
          }
  g_assert_cmpuint (found, ==, 1);
  return move;
}

static const float *
take (KolBatches *batches)
{
  const float *examples, *targets;

  g_assert_true (kol_batches_next (batches, &examples, &targets));
  return examples;
}

/* Each way to mirror and shift comes, about equally often. */
static void
test_moves (void)
{
  g_autoptr (KolDataset) dataset = open_pictures ();
  g_autoptr (KolBatches) batches
      = open_stream (dataset, COUNT, TRUE, &(KolAugment){ .flip = TRUE, .shift = 2 });
  guint counts[2][5][5] = { { { 0 } } };

  for (guint epoch = 0; epoch < 2000; epoch++)
    {
      const float *examples = take (batches);
      for (guint i = 0; i < COUNT; i++)
        {
          Move move = find_move (examples + i * SIZE, 2);
          counts[move.flip][move.down + 2][move.right + 2]++;
        }
    }
  for (guint i = 0; i < 50; i++)
    {
      /* 240 are expected, with a standard deviation of 15. */
      g_assert_cmpuint (counts[i / 25][i / 5 % 5][i % 5], >, 165);
      g_assert_cmpuint (counts[i / 25][i / 5 % 5][i % 5], <, 315);
    }
}

static void
test_flip_only (void)
{
  g_autoptr (KolDataset) dataset = open_pictures ();
  g_autoptr (KolBatches) batches = open_stream (dataset, 1, FALSE, &(KolAugment){ .flip = TRUE });
  guint flipped = 0;

  for (guint i = 0; i < 1000; i++)
    flipped += find_move (take (batches), 0).flip;
  g_assert_cmpuint (flipped, >, 420);
  g_assert_cmpuint (flipped, <, 580);
}

/* A square's middle is every pixel; some of it may lie outside. */
static void
check_cutout (int side)
{
  g_autoptr (KolDataset) dataset = open_pictures ();
  g_autoptr (KolBatches) batches
      = open_stream (dataset, 1, FALSE, &(KolAugment){ .cutout = (guint) side });
  gboolean seen[HEIGHT][WIDTH] = { { FALSE } };

  for (guint i = 0; i < 1000; i++)
    {
      const float *picture = take (batches);
      guint found = 0;
      for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
          if (is_varied (picture, FALSE, 0, 0, y - side / 2, x - side / 2, side))
            {
              seen[y][x] = TRUE;
              found++;
            }
      g_assert_cmpuint (found, ==, 1);
    }
  for (guint i = 0; i < HEIGHT * WIDTH; i++)
    g_assert_true (seen[i / WIDTH][i % WIDTH]);
}

static void
test_cutout (void)
{
  check_cutout (1);
  check_cutout (2);
  check_cutout (3);
}

/* Resumed runs rely on this, on every machine and in every version. */
static void
test_frozen (void)
{
  g_autoptr (KolDataset) dataset = open_pictures ();
  g_autoptr (KolBatches) batches
      = open_stream (dataset, COUNT, FALSE, &(KolAugment){ .flip = TRUE, .shift = 2 });
  const struct {
    guint epoch, example;
    Move move;
  } expected[] = {
    { 0, 0, { FALSE, -1, 2 } },
    { 0, 1, { FALSE, 0, -2 } },
    { 1, 0, { FALSE, 2, 1 } },
    { 7, 3, { TRUE, 0, 1 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      kol_batches_seek (batches, expected[i].epoch);
      Move move = find_move (take (batches) + expected[i].example * SIZE, 2);
      g_assert_cmpint (move.flip, ==, expected[i].move.flip);
      g_assert_cmpint (move.down, ==, expected[i].move.down);
      g_assert_cmpint (move.right, ==, expected[i].move.right);
    }
}

/* Whatever came before, and whatever the batch size, a picture of an epoch is the same. */
static void
test_resumed (void)
{
  KolAugment augment = { .flip = TRUE, .shift = 1, .cutout = 2 };
  g_autoptr (KolDataset) dataset = open_pictures ();
  g_autoptr (KolBatches) straight = open_stream (dataset, 2, TRUE, &augment);
  g_autoptr (KolBatches) jumping = open_stream (dataset, 2, TRUE, &augment);
  g_autoptr (KolBatches) singly = open_stream (dataset, 1, TRUE, &augment);

  for (guint i = 0; i < 60; i++)
    {
      float batch[2 * SIZE];
      memcpy (batch, take (straight), sizeof batch);
      kol_batches_seek (jumping, i);
      g_assert_cmpmem (take (jumping), sizeof batch, batch, sizeof batch);
      g_assert_cmpmem (take (singly), sizeof batch / 2, batch, sizeof batch / 2);
      g_assert_cmpmem (take (singly), sizeof batch / 2, batch + SIZE, sizeof batch / 2);
    }
}

/* The batch that is lent stays; the next one is varied, or is not any more. */
static void
test_changed (void)
{
  KolAugment none = { 0 }, cut = { .cutout = 1 };
  g_autoptr (KolDataset) dataset = open_pictures ();
  g_autoptr (KolBatches) batches = open_batches (dataset, COUNT, 42, FALSE);

  for (guint i = 0; i < 100; i++)
    {
      const float *lent = take (batches);
      g_assert_true (kol_batches_set_augment (batches, &cut, NULL));
      for (guint j = 0; j < COUNT; j++)
        g_assert_true (is_varied (lent + j * SIZE, FALSE, 0, 0, 0, 0, 0));
      lent = take (batches);
      g_assert_true (kol_batches_set_augment (batches, &none, NULL));
      for (guint j = 0; j < COUNT; j++)
        g_assert_false (is_varied (lent + j * SIZE, FALSE, 0, 0, 0, 0, 0));
      g_assert_cmpuint (kol_batches_get_epoch (batches), ==, 2 * i + 2);
    }
}

/* Values that are not bytes are varied alike. */
static void
test_values (void)
{
  g_autofree char *path = fixture ("first.npz");
  g_autoptr (KolDataset) dataset = open_dataset (path, "train", NULL);
  g_autoptr (KolBatches) batches = open_stream (dataset, 1, FALSE, &(KolAugment){ .flip = TRUE });
  guint flipped = 0;

  for (guint i = 0; i < 400; i++)
    {
      const float *seen = take (batches), *plain = dataset->values + i % 4 * 30;
      gboolean flip = seen[0] != plain[0];
      for (guint j = 0; j < 30; j++)
        g_assert_cmpfloat (seen[j], ==, plain[flip ? j / 5 * 5 + 4 - j % 5 : j]);
      flipped += flip;
    }
  g_assert_cmpuint (flipped, >, 150);
  g_assert_cmpuint (flipped, <, 250);
}

static void
check_refused (KolDataset *dataset, const KolAugment *augment, const char *words)
{
  g_autoptr (KolBatches) batches = open_batches (dataset, 1, 42, FALSE);
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_batches_set_augment (batches, augment, &error));
  g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_AUGMENT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_refuses (void)
{
  g_autofree char *path = fixture ("table.npz");
  g_autoptr (KolDataset) table = open_dataset (path, "train", NULL);
  g_autoptr (KolDataset) pictures = open_pictures ();

  check_refused (table, &(KolAugment){ .flip = TRUE }, "rows of a table");
  check_refused (pictures, &(KolAugment){ .shift = 5 }, "shift below 5");
  check_refused (pictures, &(KolAugment){ .cutout = 6 }, "up to 5");
  g_autoptr (KolBatches) batches = open_stream (table, 1, FALSE, &(KolAugment){ 0 });
  g_assert_nonnull (take (batches));
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/augment/moves", test_moves);
  add ("/dataset/augment/flip-only", test_flip_only);
  add ("/dataset/augment/cutout", test_cutout);
  add ("/dataset/augment/frozen", test_frozen);
  add ("/dataset/augment/resumed", test_resumed);
  add ("/dataset/augment/changed", test_changed);
  add ("/dataset/augment/values", test_values);
  add ("/dataset/augment/refuses", test_refuses);
  return run_tests ();
}
