/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <string.h>

#include "common.h"

static KolDataset *
open_table (const char *text, const KolDatasetOptions *options)
{
  g_autofree char *path = path_of ("table.csv");

  write_text ("table.csv", text);
  return open_dataset (path, "train", options);
}

/* The same three rows, however they are written. */
static void
check_rows (const char *text)
{
  g_autoptr (KolDataset) set = open_table (text, NULL);

  g_assert_cmpuint (set->count, ==, 3);
  g_assert_cmpuint (set->channels, ==, 2);
  g_assert_cmpuint (set->height, ==, 1);
  g_assert_cmpuint (set->width, ==, 1);
  g_assert_cmpuint (set->classes, ==, 2);
  g_assert_null (set->pixels);
  g_assert_cmpstr (set->class_names[0], ==, "cat");
  g_assert_cmpstr (set->class_names[1], ==, "dog");
  g_assert_null (set->class_names[2]);
  gsize first = find_example (set, 1.5), second = find_example (set, -2);
  g_assert_cmpfloat (set->values[2 * first + 1], ==, 300);
  g_assert_cmpuint (set->labels[first], ==, 1);
  g_assert_cmpuint (set->labels[second], ==, 0);
  g_assert_cmpuint (set->labels[find_example (set, 4)], ==, 1);
}

static void
test_forms (void)
{
  check_rows ("1.5,3e2,dog\n-2,0,cat\n4,5,dog\n");
  check_rows ("a,b,kind\n1.5,3e2,dog\n-2,0,cat\n4,5,dog");
  check_rows ("a;b;kind\n1.5;3e2;dog\n-2;0;cat\n4;5;dog\n");
  check_rows ("a\tb\tkind\n1.5\t3e2\tdog\n-2\t0\tcat\n4\t5\tdog\n");
  check_rows ("1.5,3e2,dog\r\n-2,0,cat\r\n4,5,dog\r\n");
  check_rows ("1.5,3e2,dog\r-2,0,cat\r4,5,dog\r");
  check_rows ("\xef\xbb\xbf"
              "a,b,kind\n1.5,3e2,dog\n-2,0,cat\n4,5,dog\n");
  check_rows ("# made by hand\n\n1.5,3e2,dog\n  # half\n-2,0,cat\n\n  \n4,5,dog\n\n");
  check_rows (" 1.5 , +3e2,\"dog\"\n\"-2\", 0.0 , cat \n4,5, \"dog\" \n");
}

static void
test_quotes (void)
{
  g_autoptr (KolDataset) set = open_table ("1,\"a, \"\"b\"\"\"\n2,\"c\nd\"\n3,#e\n", NULL);

  g_assert_cmpuint (set->classes, ==, 3);
  g_assert_cmpstr (set->class_names[0], ==, "#e");
  g_assert_cmpstr (set->class_names[1], ==, "a, \"b\"");
  g_assert_cmpstr (set->class_names[2], ==, "c\nd");
}

/* Whole numbers are classes as they are; words are sorted. */
static void
test_classes (void)
{
  g_autoptr (KolDataset) set = open_table ("1,7\n2,0\n3,3.0\n", NULL);
  g_autoptr (KolDataset) mixed = open_table ("1,7\n2,b\n3,-1\n", NULL);

  g_assert_cmpuint (set->classes, ==, 8);
  g_assert_null (set->class_names);
  g_assert_cmpuint (set->labels[find_example (set, 1)], ==, 7);
  g_assert_cmpuint (set->labels[find_example (set, 3)], ==, 3);
  g_assert_cmpuint (mixed->classes, ==, 3);
  g_assert_cmpstr (mixed->class_names[0], ==, "-1");
  g_assert_cmpstr (mixed->class_names[1], ==, "7");
}

static void
test_target (void)
{
  const char *text = "kind,size,2\ncat,1,10\ndog,2,20\n";
  g_autoptr (KolDataset) named = open_table (text, &(KolDatasetOptions){ .target = "kind" });
  g_autoptr (KolDataset) first
      = open_table ("cat,1,10\ndog,2,20\n", &(KolDatasetOptions){ .target = "1" });
  KolDatasetOptions numbers = { .target = "2", .numbers = TRUE };

  g_assert_cmpuint (named->labels[find_example (named, 2)], ==, 1);
  g_assert_cmpuint (first->labels[find_example (first, 2)], ==, 1);
  g_autoptr (KolDataset) second = open_table ("a,b,c\n5,1,10\n6,2,20\n", &numbers);
  g_assert_cmpuint (second->outputs, ==, 1);
  g_assert_cmpuint (second->classes, ==, 0);
  g_assert_null (second->labels);
  g_assert_cmpfloat (second->targets[find_example (second, 6)], ==, 2);
}

static void
check_fails (const char *text, const KolDatasetOptions *options, int code, const char *const *words)
{
  g_autofree char *path = path_of ("table.csv");

  write_text ("table.csv", text);
  assert_refused (path, "train", options, code, words);
}

static void
test_refuses (void)
{
  KolDatasetOptions numbers = { .numbers = TRUE };

  check_fails ("", NULL, KOL_DATASET_ERROR_EMPTY, WORDS ("table.csv", "empty"));
  check_fails ("# nothing\n", NULL, KOL_DATASET_ERROR_EMPTY, WORDS ("empty"));
  check_fails ("a,b\n", NULL, KOL_DATASET_ERROR_EMPTY, WORDS ("no rows"));
  check_fails ("1\n2\n", NULL, KOL_DATASET_ERROR_FORMAT, WORDS ("one column"));
  check_fails ("a,b\n1,2\n1,2,3\n", NULL, KOL_DATASET_ERROR_FORMAT,
               WORDS ("line 3", "3 fields", "have 2"));
  check_fails ("size,kind\n1,x\n,y\n", NULL, KOL_DATASET_ERROR_VALUE,
               WORDS ("table.csv", "line 3", "column 1 (“size”)", "nothing was found"));
  check_fails ("1,2,x\n3,n/a,y\n", NULL, KOL_DATASET_ERROR_VALUE,
               WORDS ("line 2", "column 2:", "“n/a”", "a number belongs"));
  check_fails ("1,x\nnan,y\n", NULL, KOL_DATASET_ERROR_VALUE, WORDS ("“nan”"));
  check_fails ("1,x\n0x10,y\n", NULL, KOL_DATASET_ERROR_VALUE, WORDS ("“0x10”"));
  check_fails ("1,x\n1e60,y\n", NULL, KOL_DATASET_ERROR_VALUE, WORDS ("“1e60”"));
  check_fails ("1;x\n1,5;y\n", NULL, KOL_DATASET_ERROR_VALUE, WORDS ("“1,5”"));
  check_fails ("1,x\n2,\n", NULL, KOL_DATASET_ERROR_VALUE, WORDS ("nothing", "a class belongs"));
  check_fails ("1,5\n2,x\n", &numbers, KOL_DATASET_ERROR_VALUE, WORDS ("column 2", "“x”"));
  check_fails ("1,5\n2,2.5\n", NULL, KOL_DATASET_ERROR_VALUE,
               WORDS ("line 2", "“2.5”", "targets are numbers"));
  check_fails ("1,\"x\n2,y\n", NULL, KOL_DATASET_ERROR_FORMAT, WORDS ("line 1", "never closed"));
  check_fails ("a,b\n1,2\n", &(KolDatasetOptions){ .target = "c" }, KOL_DATASET_ERROR_MISSING,
               WORDS ("no column “c”", "a, b", "1 to 2"));
  check_fails ("a,b\n1,2\n", &(KolDatasetOptions){ .target = "3" }, KOL_DATASET_ERROR_MISSING,
               WORDS ("no column “3”"));
  check_fails ("\xff\xfe"
               "1",
               NULL, KOL_DATASET_ERROR_FORMAT, WORDS ("UTF-16"));
}

/* The line is right behind a quoted field of several lines, and after comments. */
static void
test_line_numbers (void)
{
  check_fails ("1,\"a\nb\"\n# c\nx,d\n", NULL, KOL_DATASET_ERROR_VALUE, WORDS ("line 4"));
}

static void
test_parts (void)
{
  g_autofree char *path = path_of ("pets-train.csv");
  g_autofree char *test_path = path_of ("pets-test.csv");

  write_text ("pets-train.csv", "1,cat\n2,dog\n3,emu\n");
  g_assert_false (kol_dataset_has_part (path, "test"));
  assert_refused (path, "test", NULL, KOL_DATASET_ERROR_MISSING, WORDS ("no test part"));

  write_text ("pets-test.csv", "1,dog\n2,emu\n");
  g_autoptr (KolDataset) training = open_dataset (path, "train", NULL);
  KolDatasetOptions like = { .like = training };
  g_autoptr (KolDataset) test = open_dataset (path, "test", &like);
  g_assert_true (kol_dataset_has_part (path, "test"));
  g_assert_cmpuint (test->classes, ==, 3);
  g_assert_cmpuint (test->labels[0], ==, 1);
  g_assert_cmpuint (test->labels[1], ==, 2);
  g_assert_cmpstr (test->class_names[0], ==, "cat");
  g_assert_cmpstr (test->path, ==, test_path);

  write_text ("pets-test.csv", "1,dog\n2,fox\n");
  assert_refused (path, "test", &like, KOL_DATASET_ERROR_MISMATCH,
                  WORDS ("line 2", "“fox”", "training part does not have"));
  write_text ("pets-test.csv", "1,2,dog\n");
  assert_refused (path, "test", &like, KOL_DATASET_ERROR_MISMATCH,
                  WORDS ("[2, 1, 1]", "[1, 1, 1]"));

  write_text ("pets-train.csv", "1,0\n2,1\n");
  g_autoptr (KolDataset) numbered = open_dataset (path, "train", NULL);
  like.like = numbered;
  write_text ("pets-test.csv", "1,0\n2,2\n");
  assert_refused (path, "test", &like, KOL_DATASET_ERROR_MISMATCH, WORDS ("line 2", "“2”"));
}

/* Thousands of rows: arrays grow, and the training part is shuffled, always alike. */
static void
test_many (void)
{
  g_autoptr (GString) text = g_string_new ("x,y\n");
  guint moved = 0;

  for (guint i = 0; i < 5000; i++)
    g_string_append_printf (text, "%u,%u\n", i, i / 500);
  g_autoptr (KolDataset) set = open_table (text->str, NULL);
  g_autoptr (KolDataset) again = open_table (text->str, NULL);
  g_assert_cmpuint (set->count, ==, 5000);
  for (guint i = 0; i < 5000; i++)
    {
      g_assert_cmpuint (set->labels[i], ==, (guint) set->values[i] / 500);
      moved += set->values[i] != i;
    }
  g_assert_cmpuint (moved, >, 4900);
  g_assert_cmpmem (set->values, 5000 * sizeof (float), again->values, 5000 * sizeof (float));
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/csv/forms", test_forms);
  add ("/dataset/csv/quotes", test_quotes);
  add ("/dataset/csv/classes", test_classes);
  add ("/dataset/csv/target", test_target);
  add ("/dataset/csv/refuses", test_refuses);
  add ("/dataset/csv/line-numbers", test_line_numbers);
  add ("/dataset/csv/parts", test_parts);
  add ("/dataset/csv/many", test_many);
  return run_tests ();
}
