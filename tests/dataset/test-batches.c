/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <string.h>

#include "common.h"
#include "dataset/idx.h"

#define COUNT 1003
#define BATCH 10

/* Takes a batch of numbered pictures and says which they are. */
static void
take_indices (KolBatches *batches, guint *indices)
{
  const float *pixels, *labels;

  g_assert_true (kol_batches_next (batches, &pixels, &labels));
  for (gsize i = 0; i < kol_batches_get_batch (batches); i++)
    {
      guint low = pixels[2 * i] * 255 + 0.5f, high = pixels[2 * i + 1] * 255 + 0.5f;
      indices[i] = low + 256 * high;
      g_assert_cmpuint (indices[i] % 7, ==, labels[i]);
    }
}

/* An epoch shows no picture twice, and not always the same ones in the same order. */
static void
test_batches_epochs (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  g_autoptr (KolBatches) batches = open_batches (pictures, BATCH, 1, TRUE);
  guint order[3][COUNT / BATCH * BATCH];

  g_assert_cmpuint (kol_batches_per_epoch (batches), ==, COUNT / BATCH);
  for (guint epoch = 0; epoch < 3; epoch++)
    {
      gboolean seen[COUNT] = { FALSE };
      for (guint i = 0; i < COUNT / BATCH; i++)
        {
          g_assert_cmpuint (kol_batches_get_epoch (batches), ==, epoch);
          g_assert_cmpuint (kol_batches_get_position (batches), ==, i);
          take_indices (batches, &order[epoch][i * BATCH]);
          g_assert_cmpuint (kol_batches_get_valid (batches), ==, BATCH);
        }
      for (guint i = 0; i < G_N_ELEMENTS (order[0]); i++)
        {
          g_assert_cmpuint (order[epoch][i], <, COUNT);
          g_assert_false (seen[order[epoch][i]]);
          seen[order[epoch][i]] = TRUE;
        }
    }
  for (guint a = 0; a < 3; a++)
    {
      guint same = 0, b = (a + 1) % 3;
      for (guint i = 0; i < G_N_ELEMENTS (order[0]); i++)
        same += order[a][i] == order[b][i];
      /* One is expected by chance. */
      g_assert_cmpuint (same, <, 10);
    }
}

/* Each place is equally likely for each picture: 4000 epochs of 5 pictures. */
static void
test_batches_uniform (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (5);
  g_autoptr (KolBatches) batches = open_batches (pictures, 5, 3, TRUE);
  guint counts[5][5] = { { 0 } }, indices[5];

  for (guint epoch = 0; epoch < 4000; epoch++)
    {
      take_indices (batches, indices);
      for (guint i = 0; i < 5; i++)
        counts[i][indices[i]]++;
    }
  for (guint i = 0; i < 25; i++)
    {
      /* 800 are expected, with a standard deviation of 25. */
      g_assert_cmpuint (counts[i / 5][i % 5], >, 675);
      g_assert_cmpuint (counts[i / 5][i % 5], <, 925);
    }
}

/* Checkpoints rely on this order, on every machine and in every version. */
static void
test_batches_frozen (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  g_autoptr (KolBatches) batches = open_batches (pictures, 8, 42, TRUE);
  const guint expected[2][8]
      = { { 755, 848, 479, 724, 722, 268, 930, 786 }, { 774, 855, 919, 569, 822, 459, 490, 963 } };
  guint indices[8];

  for (guint epoch = 0; epoch < 2; epoch++)
    {
      kol_batches_seek (batches, epoch * kol_batches_per_epoch (batches));
      take_indices (batches, indices);
      g_assert_cmpmem (indices, sizeof indices, expected[epoch], sizeof expected[epoch]);
    }
}

static void
test_batches_seeds (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  g_autoptr (KolBatches) a = open_batches (pictures, 100, 1, TRUE);
  g_autoptr (KolBatches) again = open_batches (pictures, 100, 1, TRUE);
  g_autoptr (KolBatches) other = open_batches (pictures, 100, 2, TRUE);
  guint from_a[100], from_again[100], from_other[100], same = 0;

  for (guint i = 0; i < 25; i++)
    {
      take_indices (a, from_a);
      take_indices (again, from_again);
      take_indices (other, from_other);
      g_assert_cmpmem (from_a, sizeof from_a, from_again, sizeof from_again);
      for (guint j = 0; j < 100; j++)
        same += from_a[j] == from_other[j];
    }
  g_assert_cmpuint (same, <, 25);
}

static void
test_batches_in_order (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (10);
  g_autoptr (KolBatches) batches = open_batches (pictures, 4, 1, FALSE);
  const guint expected[3][4] = { { 0, 1, 2, 3 }, { 4, 5, 6, 7 }, { 8, 9, 0, 1 } };
  const guint valid[3] = { 4, 4, 2 };
  guint indices[4];

  g_assert_cmpuint (kol_batches_per_epoch (batches), ==, 3);
  g_assert_cmpuint (kol_batches_get_valid (batches), ==, 0);
  for (guint i = 0; i < 9; i++)
    {
      g_assert_cmpuint (kol_batches_get_epoch (batches), ==, i / 3);
      take_indices (batches, indices);
      g_assert_cmpmem (indices, sizeof indices, expected[i % 3], sizeof expected[0]);
      g_assert_cmpuint (kol_batches_get_valid (batches), ==, valid[i % 3]);
    }
}

static void
test_batches_seek (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  g_autoptr (KolBatches) straight = open_batches (pictures, BATCH, 9, TRUE);
  g_autoptr (KolBatches) jumping = open_batches (pictures, BATCH, 9, TRUE);
  guint order[250][BATCH], indices[BATCH];
  g_autoptr (GRand) random = g_rand_new_with_seed (5);

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    take_indices (straight, order[i]);
  for (guint jump = 0; jump < 100; jump++)
    {
      guint to = g_rand_int_range (random, 0, G_N_ELEMENTS (order) - 5);
      guint steps = g_rand_int_range (random, 0, 6);
      kol_batches_seek (jumping, to);
      g_assert_cmpuint (kol_batches_get_epoch (jumping), ==, to / 100);
      g_assert_cmpuint (kol_batches_get_position (jumping), ==, to % 100);
      for (guint i = to; i < to + steps; i++)
        {
          take_indices (jumping, indices);
          g_assert_cmpmem (indices, sizeof indices, order[i], sizeof order[i]);
        }
    }
}

/* The thread may be in the midst of a batch, made for where the stream was before. */
static void
test_batches_seek_busy (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (6);

  /* Large pictures, so that making a batch takes a while; picture i has label i. */
  write_array ("train-images-idx3-ubyte", 3, DIMS (200, 100, 300), 1);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (200), 1);
  g_autoptr (KolDataset) pictures = kol_dataset_load_idx (folder (), "train", &error);
  g_assert_no_error (error);
  g_autoptr (KolBatches) batches = open_batches (pictures, 10, 1, FALSE);
  for (guint i = 0; i < 200; i++)
    {
      const float *pixels, *labels;
      guint to = g_rand_int_range (random, 0, 20);
      g_usleep (g_rand_int_range (random, 0, 500));
      kol_batches_seek (batches, to);
      g_assert_true (kol_batches_next (batches, &pixels, &labels));
      g_assert_cmpfloat (labels[0], ==, 10 * to);
      g_assert_cmpfloat (labels[9], ==, 10 * to + 9);
    }
}

/* However far the thread runs ahead, the batch that was lent stays as it is. */
static void
test_batches_lent (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  g_autoptr (KolBatches) batches = open_batches (pictures, BATCH, 9, FALSE);
  const float *pixels, *labels;

  for (guint i = 0; i < 10; i++)
    {
      g_assert_true (kol_batches_next (batches, &pixels, &labels));
      g_usleep (2000);
      for (guint j = 0; j < BATCH; j++)
        g_assert_cmpfloat (pixels[2 * j], ==, (i * BATCH + j) / 255.0f);
    }
}

static void
test_batches_scale (void)
{
  g_autoptr (GError) error = NULL;
  const float *pixels, *labels;

  write_array ("train-images-idx3-ubyte", 3, DIMS (2, 1, 6), 51);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (2), 3);
  g_autoptr (KolDataset) pictures = kol_dataset_load_idx (folder (), "train", &error);
  g_assert_no_error (error);
  g_autoptr (KolBatches) batches = open_batches (pictures, 1, 0, FALSE);
  g_assert_true (kol_batches_next (batches, &pixels, &labels));
  g_assert_cmpfloat (pixels[0], ==, 0);
  g_assert_cmpfloat (pixels[1], ==, 0.2f);
  g_assert_cmpfloat (pixels[5], ==, 1);
  g_assert_true (kol_batches_next (batches, &pixels, &labels));
  g_assert_cmpfloat (labels[0], ==, 3);
}

static void
test_batches_of_slice (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  g_autoptr (KolDataset) slice = kol_dataset_slice (pictures, 7, 14);
  g_autoptr (KolBatches) batches = open_batches (slice, 7, 1, FALSE);
  guint indices[7];

  g_clear_pointer (&slice, kol_dataset_unref);
  g_clear_pointer (&pictures, kol_dataset_unref);
  take_indices (batches, indices);
  g_assert_cmpuint (indices[0], ==, 7);
  take_indices (batches, indices);
  g_assert_cmpuint (indices[6], ==, 20);
}

static void
test_batches_too_large (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (10);
  const gsize wrong[] = { 0, 11, G_MAXSIZE };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (kol_batches_new (pictures, wrong[i], 1, i == 1, &error));
      g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_BATCH);
      g_assert_nonnull (strstr (error->message, "between 1 and 10"));
    }
  g_autoptr (KolBatches) whole = open_batches (pictures, 10, 1, TRUE);
  g_assert_cmpuint (kol_batches_per_epoch (whole), ==, 1);
}

/* Streams may be freed while the thread is at any point of its work. */
static void
test_batches_free (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (COUNT);
  guint indices[BATCH];

  for (guint i = 0; i < 300; i++)
    {
      g_autoptr (KolBatches) batches = open_batches (pictures, BATCH, i, TRUE);
      for (guint taken = 0; taken < i % 7; taken++)
        take_indices (batches, indices);
      if (i % 3 == 1)
        kol_batches_seek (batches, i);
      if (i % 5 == 1)
        g_usleep (i);
    }
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/batches/epochs", test_batches_epochs);
  add ("/dataset/batches/uniform", test_batches_uniform);
  add ("/dataset/batches/frozen", test_batches_frozen);
  add ("/dataset/batches/seeds", test_batches_seeds);
  add ("/dataset/batches/in-order", test_batches_in_order);
  add ("/dataset/batches/seek", test_batches_seek);
  add ("/dataset/batches/seek-busy", test_batches_seek_busy);
  add ("/dataset/batches/lent", test_batches_lent);
  add ("/dataset/batches/scale", test_batches_scale);
  add ("/dataset/batches/of-slice", test_batches_of_slice);
  add ("/dataset/batches/too-large", test_batches_too_large);
  add ("/dataset/batches/free", test_batches_free);
  return run_tests ();
}
