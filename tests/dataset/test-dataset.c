/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <string.h>

#include "common.h"

/* ── Finding out what a path is ──────────────────────────────────────────────────────────────── */

static void
test_open_idx (void)
{
  write_array ("train-images-idx3-ubyte", 3, DIMS (4, 2, 3), 5);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (4), 3);
  g_assert_true (kol_dataset_has_part (folder (), "train"));
  g_assert_false (kol_dataset_has_part (folder (), "test"));
  g_autoptr (KolDataset) training = open_dataset (folder (), "train", NULL);
  g_assert_cmpuint (training->labels[2], ==, 6); /* in its own order */
  g_assert_true (kol_dataset_finish (training, NULL));
  assert_refused (folder (), "test", NULL, KOL_DATASET_ERROR_MISSING,
                  WORDS ("no “t10k-images-idx3-ubyte”"));

  write_array ("t10k-images-idx3-ubyte", 3, DIMS (2, 2, 3), 5);
  write_array ("t10k-labels-idx1-ubyte", 1, DIMS (2), 3);
  KolDatasetOptions like = { .like = training };
  g_assert_true (kol_dataset_has_part (folder (), "test"));
  g_autoptr (KolDataset) test = open_dataset (folder (), "test", &like);
  g_assert_cmpuint (test->classes, ==, 10);
  write_array ("t10k-labels-idx1-ubyte", 1, DIMS (2), 10);
  assert_refused (folder (), "test", &like, KOL_DATASET_ERROR_MISMATCH, WORDS ("11 classes"));
}

static void
test_open_refuses (void)
{
  g_autofree char *missing = path_of ("nowhere");
  g_autofree char *strange = path_of ("strange.doc");

  assert_refused (missing, "train", NULL, KOL_DATASET_ERROR_MISSING, WORDS ("nowhere"));
  write_text ("strange.doc", "1,2\n");
  assert_refused (strange, "train", NULL, KOL_DATASET_ERROR_FORMAT,
                  WORDS ("strange.doc", "train-images-idx3-ubyte", ".npz", "sub-folder"));
  g_assert_false (kol_dataset_has_part (strange, "train"));
}

/* ── Shuffling ───────────────────────────────────────────────────────────────────────────────── */

static guint
index_of (const KolDataset *dataset, gsize i)
{
  return dataset->pixels[2 * i] + 256 * dataset->pixels[2 * i + 1];
}

static void
test_shuffle (void)
{
  g_autoptr (KolDataset) set = numbered_pictures (1003);
  g_autoptr (KolDataset) slice = kol_dataset_slice (set, 100, 500);
  g_autoptr (KolDataset) first = kol_dataset_shuffle (slice, 1, NULL);
  g_autoptr (KolDataset) again = kol_dataset_shuffle (slice, 1, NULL);
  g_autoptr (KolDataset) other = kol_dataset_shuffle (slice, 2, NULL);
  gboolean seen[500] = { FALSE };
  guint same = 0, moved = 0;

  g_assert_cmpuint (index_of (slice, 0), ==, 100); /* the set itself is left alone */
  g_clear_pointer (&set, kol_dataset_unref);
  g_assert_cmpuint (first->count, ==, 500);
  g_assert_cmpmem (first->pixels, 1000, again->pixels, 1000);
  for (guint i = 0; i < 500; i++)
    {
      guint index = index_of (first, i);
      g_assert_cmpuint (index, >=, 100);
      g_assert_cmpuint (index, <, 600);
      g_assert_cmpuint (first->labels[i], ==, index % 7);
      g_assert_false (seen[index - 100]);
      seen[index - 100] = TRUE;
      moved += index != 100 + i;
      same += index == index_of (other, i);
    }
  g_assert_cmpuint (moved, >, 480);
  g_assert_cmpuint (same, <, 10);
}

/* Runs are compared over years: the order of a set must not change. */
static void
test_shuffle_frozen (void)
{
  g_autoptr (KolDataset) set = numbered_pictures (1003);
  g_autoptr (KolDataset) shuffled = kol_dataset_shuffle (set, 0, NULL);
  const guint expected[] = { 840, 411, 408, 633, 435, 693, 104, 969 };

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpuint (index_of (shuffled, i), ==, expected[i]);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/open/idx", test_open_idx);
  add ("/dataset/open/refuses", test_open_refuses);
  add ("/dataset/shuffle", test_shuffle);
  add ("/dataset/shuffle/frozen", test_shuffle_frozen);
  return run_tests ();
}
