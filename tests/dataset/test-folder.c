/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

/* Puts a fixture into the folder as @to, or its first @length bytes if that is not 0. */
static void
put_part (const char *name, const char *to, gsize length)
{
  g_autofree char *from = fixture (name);
  g_autofree char *path = path_of (to);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *contents = NULL;
  gsize whole;

  g_assert_true (g_file_get_contents (from, &contents, &whole, NULL));
  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, contents, length ? length : whole, NULL));
}

static void
put (const char *name, const char *to)
{
  put_part (name, to, 0);
}

/* Two classes below @part of pictures of 3 x 2: one of colour.png, three of grey.png. */
static void
put_set (const char *part)
{
  g_autofree char *ant = g_strconcat (part, "ant/1.png", NULL);
  g_autofree char *bee = g_strconcat (part, "bee/1.png", NULL);
  g_autofree char *deep = g_strconcat (part, "bee/more/2.png", NULL);
  g_autofree char *cat = g_strconcat (part, "cat/1.png", NULL);

  put ("colour.png", ant);
  put ("grey.png", bee);
  put ("grey-as-colour.png", deep);
  put ("grey.png", cat);
}

static void
test_classes (void)
{
  put_set ("");
  put ("grey.png", "top.png"); /* belongs to no class */
  put ("grey.png", ".hidden/1.png");
  put ("grey.png", "bee/.hidden.png");
  g_assert_true (kol_dataset_has_part (folder (), "train"));
  g_assert_false (kol_dataset_has_part (folder (), "test"));
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", NULL);

  g_assert_cmpuint (set->count, ==, 4);
  g_assert_cmpuint (set->channels, ==, 3);
  g_assert_cmpuint (set->height, ==, 2);
  g_assert_cmpuint (set->width, ==, 3);
  g_assert_cmpuint (set->classes, ==, 3);
  g_assert_cmpstr (set->class_names[0], ==, "ant");
  g_assert_cmpstr (set->class_names[2], ==, "cat");
  g_assert_null (set->class_names[3]);
  g_assert_null (set->skipped);
  guint counts[3] = { 0 };
  for (guint i = 0; i < 4; i++)
    {
      guint label = set->labels[i];
      counts[label]++;
      g_assert_cmpuint (set->pixels[18 * i + 7], ==, label == 0 ? 56 : 50);
      g_assert_cmpuint (set->pixels[18 * i + 17], ==, label == 0 ? 238 : 250);
    }
  g_assert_cmpuint (counts[0], ==, 1);
  g_assert_cmpuint (counts[1], ==, 2);
  assert_refused (folder (), "test", NULL, KOL_DATASET_ERROR_MISSING,
                  WORDS ("no test part", "val"));
}

/* A test part is sorted, and has the classes and the size of the training part. */
static void
test_parts (void)
{
  const char *test_part = "test/";

  put_set ("train/");
  put_set (test_part);
  g_autoptr (KolDataset) training = open_dataset (folder (), "train", NULL);
  KolDatasetOptions like = { .like = training };
  g_autofree char *bee = g_strconcat (test_part, "ant/0.jpg", NULL);

  put ("orientation-1.jpg", bee); /* of another size */
  g_autoptr (KolDataset) test = open_dataset (folder (), "test", &like);
  const guint labels[] = { 0, 0, 1, 1, 2 };
  g_assert_cmpuint (test->count, ==, 5);
  g_assert_cmpuint (test->width, ==, 3);
  for (guint i = 0; i < 5; i++)
    g_assert_cmpuint (test->labels[i], ==, labels[i]);
  g_assert_cmpuint (test->pixels[0], >, 100); /* red above */
  g_assert_cmpuint (test->pixels[18], ==, 0);
  g_assert_cmpstr (test->name, ==, "files test set");
}

/* A validation part is another, in a random order that is always the same. */
static void
check_validation (const char *folder_name)
{
  g_autofree char *part = g_strconcat (folder_name, "/", NULL);

  put_set ("train/");
  g_assert_false (kol_dataset_has_part (folder (), "validation"));
  put_set (part);
  for (guint i = 2; i < 20; i++)
    {
      g_autofree char *name = g_strdup_printf ("%sant/%u.png", part, i);
      put ("colour.png", name);
    }
  g_assert_true (kol_dataset_has_part (folder (), "validation"));
  g_assert_false (kol_dataset_has_part (folder (), "test"));
  g_autoptr (KolDataset) training = open_dataset (folder (), "train", NULL);
  const KolDatasetOptions like = { .like = training };
  g_autoptr (KolDataset) validation = open_dataset (folder (), "validation", &like);
  g_autoptr (KolDataset) again = open_dataset (folder (), "validation", &like);
  gboolean sorted = TRUE;

  g_assert_cmpuint (validation->count, ==, 22);
  g_assert_cmpstr (validation->name, ==, "files validation set");
  for (guint i = 0; i < 22; i++)
    {
      g_assert_cmpuint (validation->labels[i], ==, again->labels[i]);
      sorted = sorted && (i == 0 || validation->labels[i] >= validation->labels[i - 1]);
    }
  g_assert_false (sorted);
}

static void
test_validation (void)
{
  check_validation ("val");
}

static void
test_validation_by_its_name (void)
{
  check_validation ("validation");
}

static void
test_unknown_class (void)
{
  put_set ("train/");
  put_set ("test/");
  put ("grey.png", "test/dog/1.png");
  g_autoptr (KolDataset) training = open_dataset (folder (), "train", NULL);

  assert_refused (folder (), "test", &(KolDatasetOptions){ .like = training },
                  KOL_DATASET_ERROR_MISMATCH, WORDS ("test", "“dog”", "training part"));
}

/* A test part may lack a class; the others keep their numbers. */
static void
test_lacking_class (void)
{
  put_set ("train/");
  put ("grey.png", "test/cat/1.png");
  g_autoptr (KolDataset) training = open_dataset (folder (), "train", NULL);
  g_autoptr (KolDataset) test
      = open_dataset (folder (), "test", &(KolDatasetOptions){ .like = training });

  g_assert_cmpuint (test->classes, ==, 3);
  g_assert_cmpuint (test->labels[0], ==, 2);
  g_assert_cmpuint (test->channels, ==, 3);
}

static void
test_grey (void)
{
  put ("grey.png", "a/1.png");
  put ("grey-as-colour.png", "a/2.png");
  put ("grey.png", "b/3.png");
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", NULL);
  g_autoptr (KolDataset) three
      = open_dataset (folder (), "train", &(KolDatasetOptions){ .channels = 3 });

  g_assert_cmpuint (set->channels, ==, 1);
  g_assert_cmpuint (three->channels, ==, 3);
  for (guint i = 0; i < 18; i++)
    g_assert_cmpuint (set->pixels[i], ==, 50 * (i % 6));
  for (guint i = 0; i < 54; i++)
    g_assert_cmpuint (three->pixels[i], ==, 50 * (i % 6));

  put ("colour.png", "b/4.png");
  g_autoptr (KolDataset) one
      = open_dataset (folder (), "train", &(KolDatasetOptions){ .channels = 1 });
  g_assert_cmpuint (one->channels, ==, 1);
  assert_refused (folder (), "train", &(KolDatasetOptions){ .channels = 4 },
                  KOL_DATASET_ERROR_MISMATCH, WORDS ("4 channels", "3, colour"));
}

static void
test_sizes (void)
{
  put_set ("");
  put ("orientation-6.jpg", "bee/other.jpg");
  assert_refused (folder (), "train", NULL, KOL_DATASET_ERROR_MISMATCH,
                  WORDS ("bee/other.jpg", "16 x 24", "3 x 2", "width"));

  KolDatasetOptions options = { .width = 5, .height = 4 };
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", &options);
  g_assert_cmpuint (set->count, ==, 5);
  g_assert_cmpuint (set->width, ==, 5);
  g_assert_cmpuint (set->height, ==, 4);
  g_autoptr (KolDataset) wide
      = open_dataset (folder (), "train", &(KolDatasetOptions){ .width = 9 });
  g_assert_cmpuint (wide->width, ==, 9);
  g_assert_cmpuint (wide->height, ==, 2); /* the first one's */
}

/* What cannot be read is left out and named; all else is there. */
static void
test_skipped (void)
{
  put_set ("");
  put_part ("colour.png", "ant/0.png", 60);
  put_part ("orientation-6.jpg", "bee/9.jpg", 700);
  write_text ("cat/notes.txt", "no picture");
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", NULL);

  g_assert_cmpuint (set->count, ==, 4);
  g_assert_cmpuint (set->labels[0] + set->labels[1] + set->labels[2] + set->labels[3], ==, 4);
  g_assert_cmpuint (g_strv_length (set->skipped), ==, 3);
  g_assert_true (g_str_has_prefix (set->skipped[0], "ant/0.png: its PNG data are damaged"));
  g_assert_cmpstr (set->skipped[1], ==, "bee/9.jpg: its JPEG data end too soon");
  g_assert_true (g_str_has_prefix (set->skipped[2], "cat/notes.txt: "));
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (set->pixels[18 * i + 17], ==, set->labels[i] == 0 ? 238 : 250);
}

static void
test_empty (void)
{
  g_autofree char *a = path_of ("a");

  g_assert_cmpint (g_mkdir (a, 0700), ==, 0);
  assert_refused (folder (), "train", NULL, KOL_DATASET_ERROR_EMPTY,
                  WORDS ("no picture", folder ()));
  write_text ("a/1.png", "no picture");
  write_text ("a/2.png", "");
  assert_refused (folder (), "train", NULL, KOL_DATASET_ERROR_EMPTY,
                  WORDS ("None of the 2 files", "a/1.png"));
}

static void
test_no_classes (void)
{
  put ("grey.png", "1.png");
  assert_refused (folder (), "train", NULL, KOL_DATASET_ERROR_FORMAT,
                  WORDS ("sub-folder of pictures for each class"));
}

/* A link back to the folder itself is not followed for ever. */
static void
test_circle (void)
{
  put_set ("");
  g_autofree char *link = path_of ("bee/again");

  g_assert_cmpint (symlink (folder (), link), ==, 0);
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", NULL);
  g_assert_cmpuint (set->count, ==, 4);
}

/* Many files, by several threads: each example is where it belongs. */
static void
test_many (void)
{
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%03u.png", i % 3 ? "b" : "a", i);
      put (i % 3 ? "grey.png" : "colour.png", name);
    }
  g_autoptr (KolDataset) set = open_dataset (folder (), "train", NULL);
  g_autoptr (KolDataset) again = open_dataset (folder (), "train", NULL);
  guint changes = 0;

  g_assert_cmpuint (set->count, ==, 300);
  for (guint i = 0; i < 300; i++)
    {
      g_assert_cmpuint (set->pixels[18 * i + 17], ==, set->labels[i] ? 250 : 238);
      g_assert_cmpuint (set->labels[i], ==, again->labels[i]);
      changes += i > 0 && set->labels[i] != set->labels[i - 1];
    }
  g_assert_cmpuint (changes, >, 50); /* not sorted by class any more */
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/folder/classes", test_classes);
  add ("/dataset/folder/parts", test_parts);
  add ("/dataset/folder/validation", test_validation);
  add ("/dataset/folder/validation-by-its-name", test_validation_by_its_name);
  add ("/dataset/folder/unknown-class", test_unknown_class);
  add ("/dataset/folder/lacking-class", test_lacking_class);
  add ("/dataset/folder/grey", test_grey);
  add ("/dataset/folder/sizes", test_sizes);
  add ("/dataset/folder/skipped", test_skipped);
  add ("/dataset/folder/empty", test_empty);
  add ("/dataset/folder/no-classes", test_no_classes);
  add ("/dataset/folder/circle", test_circle);
  add ("/dataset/folder/many", test_many);
  return run_tests ();
}
