/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "common.h"
#include "dataset/npy.h"

static KolNpy *
load (const char *name)
{
  g_autofree char *path = fixture (name);
  g_autoptr (GError) error = NULL;
  KolNpy *npy = kol_npy_load (path, &error);

  g_assert_no_error (error);
  return npy;
}

/* What make-fixtures.py wrote as [[0, 1, 2], [3, 100, 7]], with signs and fractions. */
static void
check_type (const char *type, const char *order)
{
  const float numbers[] = { 0, 1, 2, 3, 100, 7 };
  g_autofree char *name = g_strdup_printf ("%s-%s.npy", type, order);
  g_autoptr (KolNpy) npy = load (name);

  g_assert_cmpuint (npy->rank, ==, 2);
  g_assert_cmpuint (npy->dims[0], ==, 2);
  g_assert_cmpuint (npy->dims[1], ==, 3);
  g_assert_cmpuint (npy->dims[2], ==, 0);
  g_assert_cmpuint (npy->size, ==, 6);
  g_assert_true ((npy->bytes != NULL) == g_str_equal (type, "u1"));
  for (guint i = 0; i < 6; i++)
    {
      float wanted = i == 5 && strchr ("if", type[0]) ? -7 : numbers[i];
      if (type[0] == 'f')
        wanted += 0.25f;
      if (type[0] == 'b')
        wanted = wanted != 0;
      g_assert_cmpfloat (npy->bytes ? npy->bytes[i] : npy->values[i], ==, wanted);
    }
}

static void
test_types (void)
{
  const char *bytes[] = { "u1", "i1", "b1" };
  const char *wide[] = { "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8" };

  for (guint i = 0; i < G_N_ELEMENTS (bytes); i++)
    check_type (bytes[i], "byte");
  for (guint i = 0; i < G_N_ELEMENTS (wide); i++)
    {
      check_type (wide[i], "little");
      check_type (wide[i], "big");
    }
}

static void
test_halves (void)
{
  const float wanted[] = { 0, 0x1p-24f, 0x1p-14f, 1, -1.5f, 65504, INFINITY };
  g_autoptr (KolNpy) npy = load ("halves.npy");

  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_cmpfloat (npy->values[i], ==, wanted[i]);
  g_assert_true (isnan (npy->values[7]));
}

/* Fortran's order and versions 2 and 3 all hold 0..23. */
static void
test_orders (void)
{
  const char *names[] = { "fortran.npy", "version-2.npy", "version-3.npy" };

  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      g_autoptr (KolNpy) npy = load (names[n]);
      g_assert_cmpuint (npy->rank, ==, 3);
      g_assert_cmpuint (npy->dims[2], ==, 4);
      for (guint i = 0; i < 24; i++)
        g_assert_cmpfloat (npy->values[i], ==, i);
    }
  g_autoptr (KolNpy) scalar = load ("scalar.npy");
  g_assert_cmpuint (scalar->rank, ==, 0);
  g_assert_cmpfloat (scalar->values[0], ==, 2.5f);
}

static GByteArray *
read_fixture (const char *name)
{
  g_autofree char *path = fixture (name);
  g_autoptr (GError) error = NULL;
  char *contents;
  gsize length;

  g_file_get_contents (path, &contents, &length, &error);
  g_assert_no_error (error);
  return g_byte_array_new_take ((guint8 *) contents, length);
}

static void
check_load_fails (const GByteArray *bytes, int code, const char *words)
{
  g_autofree char *path = path_of ("broken.npy");
  g_autoptr (GError) error = NULL;

  write_file ("broken.npy", bytes);
  g_assert_null (kol_npy_load (path, &error));
  g_assert_error (error, KOL_DATASET_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_nonnull (strstr (error->message, "broken.npy"));
}

static void
test_truncated (void)
{
  g_autoptr (GByteArray) bytes = read_fixture ("f4-little.npy");
  guint whole = bytes->len;

  for (guint length = whole - 1; length >= 6; length--)
    {
      g_autofree char *there = length < 128
                                   ? g_strdup ("ends within the NPY header")
                                   : g_strdup_printf ("24 bytes of data, %u are", length - 128);
      g_byte_array_set_size (bytes, length);
      check_load_fails (bytes, KOL_DATASET_ERROR_TRUNCATED, there);
    }
  g_byte_array_set_size (bytes, 5);
  check_load_fails (bytes, KOL_DATASET_ERROR_FORMAT, "does not begin");
}

/* A header of version 1 with @text, and nothing behind it. */
static void
check_header_fails (const char *text, int code, const char *words)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) "\x93NUMPY\x01", 8);
  g_byte_array_append (bytes, (const guint8[]){ strlen (text), 0 }, 2);
  g_byte_array_append (bytes, (const guint8 *) text, strlen (text));
  check_load_fails (bytes, code, words);
}

#define HEADER(descr, shape) "{'descr': " descr ", 'fortran_order': False, 'shape': " shape ", }"

static void
test_headers (void)
{
  g_autoptr (GByteArray) bytes = read_fixture ("complex.npy");

  check_load_fails (bytes, KOL_DATASET_ERROR_TYPE, "are <c8;");
  bytes->data[6] = 4;
  check_load_fails (bytes, KOL_DATASET_ERROR_FORMAT, "version");
  check_header_fails ("{'descr': '<f4', 'shape': (3,), }", KOL_DATASET_ERROR_FORMAT, "lacks");
  check_header_fails (HEADER ("[('a', '<f4')]", "(3,)"), KOL_DATASET_ERROR_TYPE, "[('a'");
  check_header_fails (HEADER ("'<f4'", "3"), KOL_DATASET_ERROR_FORMAT, "not a tuple");
  check_header_fails (HEADER ("'<f4'", "(3, -1)"), KOL_DATASET_ERROR_FORMAT, "tuple of numbers");
  check_header_fails (HEADER ("'<f4'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), KOL_DATASET_ERROR_RANK,
                      "more than 8");
  check_header_fails (HEADER ("'<f4'", "(4294967296, 4294967296)"), KOL_DATASET_ERROR_TOO_LARGE,
                      "more elements");
  check_header_fails (HEADER ("'<f4'", "(1125899906842624,)"), KOL_DATASET_ERROR_TRUNCATED,
                      "promises 4503599627370496");

  g_autoptr (GByteArray) longer = read_fixture ("f4-little.npy");
  g_byte_array_append (longer, (const guint8 *) "", 1);
  check_load_fails (longer, KOL_DATASET_ERROR_TRAILING, "after the 24 bytes");
}

static void
test_missing (void)
{
  g_autofree char *path = path_of ("nowhere.npy");
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_npy_load (path, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_nonnull (strstr (error->message, "nowhere.npy"));
}

/* What is written reads back, aligned as numpy.save aligns it. */
static void
test_save (void)
{
  g_autofree char *path = path_of ("saved.npy");
  const gsize dims[][3] = { { 2, 3, 5 }, { 30 }, { 0 } };
  const guint ranks[] = { 3, 1, 1 };
  float values[30];

  for (guint i = 0; i < 30; i++)
    values[i] = i * 0.25f - 3;
  for (guint n = 0; n < G_N_ELEMENTS (ranks); n++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *contents = NULL;
      gsize length;
      g_assert_true (kol_npy_save (path, values, dims[n], ranks[n], &error));
      g_autoptr (KolNpy) npy = kol_npy_load (path, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (npy->rank, ==, ranks[n]);
      g_assert_cmpmem (npy->dims, ranks[n] * sizeof (gsize), dims[n], ranks[n] * sizeof (gsize));
      g_assert_cmpmem (npy->values, npy->size * sizeof (float), values,
                       dims[n][0] ? sizeof values : 0);
      g_assert_true (g_file_get_contents (path, &contents, &length, NULL));
      g_assert_cmpuint ((length - npy->size * sizeof (float)) % 64, ==, 0);
    }
}

static void
test_save_refuses (void)
{
  g_autofree char *path = path_of ("no/where.npy");
  g_autoptr (GError) error = NULL;
  float value = 1;

  g_assert_false (kol_npy_save (path, &value, NULL, 0, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* The types of NumPy, each with its smallest and largest number that floats hold. */
static void
test_save_types (void)
{
  static const struct {
    const char *type;
    float numbers[3], beyond;
  } rows[] = { { "b1", { 0, 1, 0 }, 2 },
               { "u1", { 0, 1, 255 }, 256 },
               { "i1", { -128, 1, 127 }, -129 },
               { "u2", { 0, 1, 65535 }, -1 },
               { "i2", { -32768, 1, 32767 }, 32768 },
               { "u4", { 0, 1, 0xffffff00 }, 0x1p32f },
               { "i4", { -0x1p31f, 1, 0x7fffff80 }, 0x1p31f },
               { "u8", { 0, 1, 0xffffff0000000000 }, 0x1p64f },
               { "i8", { -0x1p63f, 1, 0x7fffff8000000000 }, 0x1p63f },
               { "i8", { 0, 1, 2 }, 0.5f },
               { "i8", { 0, 1, 2 }, NAN },
               { "f8", { -0.1f, INFINITY, G_MAXFLOAT }, 0 } };
  g_autofree char *path = path_of ("typed.npy");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (
          kol_npy_save_as (path, rows[i].type, rows[i].numbers, (gsize[]){ 3 }, 1, &error));
      g_assert_no_error (error);
      g_autoptr (KolNpy) back = kol_npy_load (path, &error);
      g_assert_no_error (error);
      for (guint k = 0; k < 3; k++)
        g_assert_cmpfloat (back->bytes ? back->bytes[k] : back->values[k], ==, rows[i].numbers[k]);
      if (*rows[i].type == 'f')
        continue;
      g_assert_false (kol_npy_save_as (path, rows[i].type, &rows[i].beyond, NULL, 0, &error));
      g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_VALUE);
    }
}

/* ── Sets ────────────────────────────────────────────────────────────────────────────────────── */

static KolDataset *
open_fixture (const char *name, const char *part, const KolDatasetOptions *options)
{
  g_autofree char *path = fixture (name);

  return open_dataset (path, part, options);
}

/* Four pictures [2, 3]: picture i holds 6 i to 6 i + 5, and its class is i. */
static void
test_npz_names (void)
{
  const char *names[] = { "plain.npz", "parts.npz", "unnamed.npz", "named.npz" };

  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      g_autoptr (KolDataset) set = open_fixture (names[n], "train", NULL);
      g_assert_cmpuint (set->count, ==, 4);
      g_assert_cmpuint (set->channels, ==, 1);
      g_assert_cmpuint (set->height, ==, 2);
      g_assert_cmpuint (set->width, ==, 3);
      g_assert_cmpuint (set->classes, ==, 4);
      g_assert_cmpuint (set->outputs, ==, 0);
      for (guint i = 0; i < 4; i++)
        {
          gsize at = find_example (set, 6 * i);
          g_assert_cmpuint (set->labels[at], ==, i);
          g_assert_cmpuint (set->pixels[6 * at + 5], ==, 6 * i + 5);
        }
    }
}

static void
test_npz_deflated (void)
{
  g_autoptr (KolDataset) set = open_fixture ("packed.npz", "train", NULL);

  g_assert_cmpuint (set->width, ==, 27);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (set->pixels[54 * find_example (set, 6 * i) + 53], ==, 6 * i + 5);
}

static void
test_npz_parts (void)
{
  g_autofree char *parts = fixture ("parts.npz");
  g_autofree char *plain = fixture ("plain.npz");
  g_autofree char *unlike = fixture ("unlike.npz");
  g_autoptr (KolDataset) training = open_dataset (parts, "train", NULL);
  g_autoptr (KolDataset) test
      = open_dataset (parts, "test", &(KolDatasetOptions){ .like = training });

  g_assert_true (kol_dataset_has_part (parts, "train"));
  g_assert_true (kol_dataset_has_part (parts, "test"));
  g_assert_false (kol_dataset_has_part (plain, "test"));
  g_assert_cmpuint (test->count, ==, 2);
  g_assert_cmpuint (test->classes, ==, 4); /* as in the training part */
  g_assert_cmpuint (test->labels[1], ==, 1);
  g_assert_cmpstr (training->name, ==, "parts.npz training set");
  assert_refused (plain, "test", NULL, KOL_DATASET_ERROR_MISSING,
                  WORDS ("no test part", "x, y", "x_test and y_test"));

  g_autoptr (KolDataset) two = open_dataset (unlike, "train", NULL);
  assert_refused (unlike, "test", &(KolDatasetOptions){ .like = two }, KOL_DATASET_ERROR_MISMATCH,
                  WORDS ("with 4 classes", "with 2 classes"));
}

/* Whichever way the channels come, the set is [N, C, H, W]. */
static void
test_npz_layouts (void)
{
  g_autoptr (KolDataset) last = open_fixture ("last.npz", "train", NULL);
  g_autoptr (KolDataset) first = open_fixture ("first.npz", "train", NULL);
  g_autoptr (KolDataset) table = open_fixture ("table.npz", "train", NULL);
  gsize at = find_example (last, 30);

  g_assert_cmpuint (last->channels, ==, 3);
  g_assert_cmpuint (last->height, ==, 5);
  g_assert_cmpuint (last->width, ==, 2);
  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < 10; i++)
      g_assert_cmpuint (last->pixels[30 * at + 10 * c + i], ==, 30 + 3 * i + c);
  g_assert_cmpuint (first->channels, ==, 3);
  g_assert_cmpuint (first->height, ==, 2);
  g_assert_cmpuint (first->width, ==, 5);
  g_assert_cmpfloat (first->values[30 * find_example (first, 90) + 29], ==, 119);
  g_assert_null (first->pixels);
  g_assert_cmpuint (table->channels, ==, 2);
  g_assert_cmpuint (table->height, ==, 1);
  g_assert_cmpfloat (table->values[2 * find_example (table, 6) + 1], ==, 7);
}

static void
test_npz_numbers (void)
{
  KolDatasetOptions numbers = { .numbers = TRUE };
  g_autoptr (KolDataset) set = open_fixture ("outputs.npz", "train", &numbers);
  g_autoptr (KolBatches) batches = open_batches (set, 2, 0, FALSE);
  const float *examples, *targets;

  g_assert_cmpuint (set->outputs, ==, 3);
  g_assert_cmpuint (set->classes, ==, 0);
  g_assert_null (set->labels);
  g_assert_cmpfloat (set->targets[3 * find_example (set, 6) + 2], ==, 5.5);
  for (guint taken = 0; taken < 2; taken++)
    {
      g_assert_true (kol_batches_next (batches, &examples, &targets));
      g_assert_cmpmem (examples, 4 * sizeof (float), set->values + 4 * taken, 4 * sizeof (float));
      g_assert_cmpmem (targets, 6 * sizeof (float), set->targets + 6 * taken, 6 * sizeof (float));
    }
  g_autoptr (KolDataset) slice = kol_dataset_slice (set, 3, 1);
  g_assert_true (slice->targets == set->targets + 9);
  g_assert_true (slice->values == set->values + 6);
  g_autoptr (KolDataset) labels = open_fixture ("fractions.npz", "train", &numbers);
  g_assert_cmpuint (labels->outputs, ==, 1);
}

static void
check_fixture_fails (const char *name, int code, const char *const *words)
{
  g_autofree char *path = fixture (name);

  assert_refused (path, "train", NULL, code, words);
}

static void
test_npz_refuses (void)
{
  check_fixture_fails ("wrong-names.npz", KOL_DATASET_ERROR_MISSING,
                       WORDS ("data, target", "x_train and y_train", "arr_0"));
  check_fixture_fails ("fractions.npz", KOL_DATASET_ERROR_VALUE,
                       WORDS ("fractions.npz: y", "Element 0", "0.5", "are numbers"));
  check_fixture_fails ("outputs.npz", KOL_DATASET_ERROR_RANK, WORDS ("rank 2", "3 numbers"));
  check_fixture_fails ("counts.npz", KOL_DATASET_ERROR_MISMATCH, WORDS ("4 examples", "3 targets"));
  check_fixture_fails ("empty.npz", KOL_DATASET_ERROR_EMPTY, WORDS ("empty.npz: x"));
  check_fixture_fails ("rank.npz", KOL_DATASET_ERROR_RANK, WORDS ("rank 5", "[N, C, H, W]"));
}

static void
check_damaged (const GByteArray *bytes, int code, const char *words)
{
  g_autofree char *path = path_of ("damaged.npz");

  write_file ("damaged.npz", bytes);
  assert_refused (path, "train", NULL, code, WORDS ("damaged.npz", words));
}

/* However an archive is damaged, it is refused, and memory outside of it is not touched. */
static void
test_npz_damaged (void)
{
  const char *names[] = { "plain.npz", "packed.npz" };
  g_autofree char *path = path_of ("changed.npz");

  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      g_autoptr (GByteArray) whole = read_fixture (names[n]);
      for (guint i = 0; i < whole->len; i++)
        {
          g_autoptr (GError) error = NULL;
          guint8 kept = whole->data[i];
          whole->data[i] ^= 0xff;
          write_file ("changed.npz", whole);
          g_autoptr (KolDataset) set = kol_dataset_open (path, "train", NULL, &error);
          g_assert_true (set || error);
          whole->data[i] = kept;
        }
      g_byte_array_set_size (whole, whole->len - 1);
      check_damaged (whole, KOL_DATASET_ERROR_TRUNCATED, "is truncated");
    }
  g_autoptr (GByteArray) bytes = read_fixture ("plain.npz");
  bytes->data[200] ^= 1; /* an element of the first array */
  check_damaged (bytes, KOL_DATASET_ERROR_CORRUPT, "the checksum of “x.npy”");
  g_autoptr (GByteArray) packed = read_fixture ("packed.npz");
  packed->data[60] ^= 0xff; /* in the deflated data */
  check_damaged (packed, KOL_DATASET_ERROR_CORRUPT, "“x.npy” in it");
}

static void
copy_fixture (const char *name, const char *to)
{
  g_autoptr (GByteArray) bytes = read_fixture (name);

  write_file (to, bytes);
}

/* The targets of a .npy file lie beside it. */
static void
test_npy_beside (void)
{
  g_autofree char *digits = path_of ("digits-train.npy");
  g_autofree char *x = path_of ("x.npy");
  const gsize dims[] = { 2 };
  const float labels[] = { 1, 0 };

  copy_fixture ("f4-little.npy", "digits-train.npy");
  assert_refused (digits, "train", NULL, KOL_DATASET_ERROR_MISSING,
                  WORDS ("digits-train.npy", "digits-train-labels.npy"));
  assert_refused (digits, "test", NULL, KOL_DATASET_ERROR_MISSING, WORDS ("no test part"));
  g_assert_false (kol_dataset_has_part (digits, "train"));

  g_autofree char *digits_labels = path_of ("digits-train-labels.npy");
  g_assert_true (kol_npy_save (digits_labels, labels, dims, 1, NULL));
  g_autoptr (KolDataset) training = open_dataset (digits, "train", NULL);
  g_assert_cmpuint (training->channels, ==, 3);
  g_assert_cmpuint (training->labels[find_example (training, 0.25)], ==, 1);

  copy_fixture ("u1-byte.npy", "x.npy");
  g_autofree char *y = path_of ("y.npy");
  g_assert_true (kol_npy_save (y, labels, dims, 1, NULL));
  g_autoptr (KolDataset) other = open_dataset (x, "train", NULL);
  g_assert_cmpuint (other->pixels[3 * find_example (other, 3) + 1], ==, 100);

  copy_fixture ("f4-little.npy", "digits-test.npy");
  g_autofree char *test_labels = path_of ("digits-test-labels.npy");
  g_assert_true (kol_npy_save (test_labels, labels, dims, 1, NULL));
  g_assert_true (kol_dataset_has_part (digits, "test"));
  g_autoptr (KolDataset) test = open_dataset (digits, "test", NULL);
  g_assert_cmpstr (test->name, ==, "digits-test.npy test set");
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/npy/types", test_types);
  add ("/dataset/npy/halves", test_halves);
  add ("/dataset/npy/orders", test_orders);
  add ("/dataset/npy/truncated", test_truncated);
  add ("/dataset/npy/headers", test_headers);
  add ("/dataset/npy/missing", test_missing);
  add ("/dataset/npy/save", test_save);
  add ("/dataset/npy/save-refuses", test_save_refuses);
  add ("/dataset/npy/save-types", test_save_types);
  add ("/dataset/npy/beside", test_npy_beside);
  add ("/dataset/npz/names", test_npz_names);
  add ("/dataset/npz/deflated", test_npz_deflated);
  add ("/dataset/npz/parts", test_npz_parts);
  add ("/dataset/npz/layouts", test_npz_layouts);
  add ("/dataset/npz/numbers", test_npz_numbers);
  add ("/dataset/npz/refuses", test_npz_refuses);
  add ("/dataset/npz/damaged", test_npz_damaged);
  return run_tests ();
}
