/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "device/error.h"
#include "model/safetensors.h"

/* ----------------------------------------------------------- making files */

/* The tests' own folder, empty when a test begins. */
static char *folder;

static guint
count_files (gboolean and_remove)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint count = 0;

  for (const char *name = g_dir_read_name (dir); name; name = g_dir_read_name (dir), count++)
    if (and_remove)
      {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        g_assert_cmpint (g_remove (path), ==, 0);
      }
  return count;
}

/* Runs a test, the function @user_data, and empties the folder. */
static void
run_in_folder (gconstpointer user_data)
{
  void (*test) (void) = (void (*) (void)) user_data;

  test ();
  count_files (TRUE);
}

static void
add (const char *path, void (*test) (void))
{
  g_test_add_data_func (path, (gconstpointer) test, run_in_folder);
}

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
write_file (const char *path, const GByteArray *bytes)
{
  g_autoptr (GError) error = NULL;

  g_remove (path); /* an older and longer file would keep its end */
  g_file_set_contents_full (path, (char *) bytes->data, bytes->len, G_FILE_SET_CONTENTS_NONE, 0600,
                            &error);
  g_assert_no_error (error);
}

/* A file with this header and @size bytes of data. */
static GByteArray *
make_file (const char *header, gsize length, const void *data, gsize size)
{
  GByteArray *bytes = g_byte_array_new ();
  guint64 prefix = GUINT64_TO_LE ((guint64) length);

  g_byte_array_append (bytes, (guint8 *) &prefix, sizeof prefix);
  g_byte_array_append (bytes, (const guint8 *) header, length);
  g_byte_array_append (bytes, data, size);
  return bytes;
}

static KolArray *
new_array (const char *name, guint rank, const gint64 *dims, float first)
{
  KolArray *array = kol_array_new (name, rank, dims);

  g_assert_nonnull (array);
  for (gsize i = 0; i < array->count; i++)
    array->data[i] = first + i;
  return array;
}

static GPtrArray *
new_list (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
}

#define DIMS(...) ((const gint64[]){ __VA_ARGS__ })

/* Arrays of several ranks, one larger than what is converted at a time, one without elements. */
static GPtrArray *
sample_arrays (void)
{
  GPtrArray *arrays = new_list ();

  g_ptr_array_add (arrays, new_array ("w_conv1", 4, DIMS (2, 1, 5, 3), -7.5f));
  g_ptr_array_add (arrays, new_array ("step", 0, NULL, 20000));
  g_ptr_array_add (arrays, new_array ("none", 2, DIMS (0, 3), 0));
  g_ptr_array_add (
      arrays, new_array ("long \"quoted\\ \n naïve \x01 \U0001F98A", 2, DIMS (7, 5003), 0.25f));
  return arrays;
}

static GHashTable *
sample_metadata (void)
{
  GHashTable *metadata = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (metadata, "variant", "winograd-4x4");
  g_hash_table_insert (metadata, "seed", "42");
  g_hash_table_insert (metadata, "tab\t\"and\"", "line\nbreak / back\\slash é \x1f");
  return metadata;
}

static void
assert_same_array (const KolArray *a, const KolArray *b)
{
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpuint (a->rank, ==, b->rank);
  g_assert_cmpmem (a->dims, sizeof a->dims, b->dims, sizeof b->dims);
  g_assert_cmpmem (a->data, a->count * sizeof (float), b->data, b->count * sizeof (float));
}

static void
assert_same_metadata (GHashTable *a, GHashTable *b)
{
  GHashTableIter iter;
  gpointer key, value;

  g_assert_cmpuint (g_hash_table_size (a), ==, g_hash_table_size (b));
  g_hash_table_iter_init (&iter, a);
  while (g_hash_table_iter_next (&iter, &key, &value))
    g_assert_cmpstr (value, ==, g_hash_table_lookup (b, key));
}

/* ----------------------------------------------------------------- saving */

static void
test_round_trip (void)
{
  g_autofree char *path = path_of ("round-trip");
  g_autoptr (GPtrArray) arrays = sample_arrays ();
  g_autoptr (GHashTable) metadata = sample_metadata ();
  g_autoptr (GHashTable) read_metadata = NULL;
  g_autoptr (GError) error = NULL;

  kol_safetensors_save (path, arrays, metadata, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) read = kol_safetensors_load (path, &read_metadata, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (read->len, ==, arrays->len);
  for (guint i = 0; i < read->len; i++)
    {
      /* An array without elements lies where the one after it begins. */
      assert_same_array (read->pdata[i], arrays->pdata[i]);
    }
  assert_same_metadata (metadata, read_metadata);
}

static void
test_special_values (void)
{
  const float values[] = { NAN, INFINITY, -INFINITY, -0.0f, 0x1p-149f, G_MAXFLOAT, 0.1f };
  g_autofree char *path = path_of ("special");
  g_autoptr (GPtrArray) arrays = new_list ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (arrays, new_array ("x", 1, DIMS (G_N_ELEMENTS (values)), 0));
  memcpy (((KolArray *) arrays->pdata[0])->data, values, sizeof values);
  g_assert_true (kol_safetensors_save (path, arrays, NULL, &error));
  g_autoptr (GPtrArray) read = kol_safetensors_load (path, NULL, &error);
  g_assert_no_error (error);
  assert_same_array (read->pdata[0], arrays->pdata[0]);
}

static void
test_nothing (void)
{
  g_autofree char *path = path_of ("nothing");
  g_autoptr (GPtrArray) arrays = new_list ();
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_safetensors_save (path, arrays, NULL, &error));
  g_autoptr (GPtrArray) read = kol_safetensors_load (path, &metadata, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (read->len, ==, 0);
  g_assert_cmpuint (g_hash_table_size (metadata), ==, 0);
}

/* Byte for byte, so that the format does not depend on our own reader. */
static void
test_layout (void)
{
  static const char expected[] = "\x60\0\0\0\0\0\0\0"
                                 "{\"__metadata__\":{\"a\":\"1\",\"b\":\"\\\"\"},"
                                 "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}"
                                 "      "
                                 "\0\0\x80\x3f\0\0\0\x40";
  g_autofree char *path = path_of ("layout");
  g_autofree char *contents = NULL;
  g_autoptr (GPtrArray) arrays = new_list ();
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);
  gsize size;

  g_hash_table_insert (metadata, "b", "\"");
  g_hash_table_insert (metadata, "a", "1");
  g_ptr_array_add (arrays, new_array ("w", 2, DIMS (2, 1), 1));
  g_assert_true (kol_safetensors_save (path, arrays, metadata, NULL));
  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  g_assert_cmpmem (contents, size, expected, sizeof expected - 1);
}

static void
check_not_saved (const char *path, const char *first, const char *second, GHashTable *metadata,
                 const char *words)
{
  g_autoptr (GPtrArray) arrays = new_list ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (arrays, new_array (first, 0, NULL, 1));
  g_ptr_array_add (arrays, new_array (second, 0, NULL, 1));
  g_assert_false (kol_safetensors_save (path, arrays, metadata, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_nonnull (strstr (error->message, path));
  g_assert_cmpuint (count_files (FALSE), ==, 0);
}

static void
test_save_names (void)
{
  g_autofree char *path = path_of ("names");
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (metadata, "key", "\xff");
  check_not_saved (path, "w", "w", NULL, "two arrays are named “w”");
  check_not_saved (path, "w", "__metadata__", NULL, "__metadata__");
  check_not_saved (path, "w", "\xff", NULL, "not UTF-8");
  check_not_saved (path, "w", "v", metadata, "“key” is not UTF-8");
}

static void
check_disk_refuses (const char *path, int code)
{
  g_autoptr (GPtrArray) arrays = sample_arrays ();
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_safetensors_save (path, arrays, NULL, &error));
  g_assert_error (error, G_FILE_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
}

static void
test_save_no_folder (void)
{
  g_autofree char *path = path_of ("nowhere/file");

  check_disk_refuses (path, G_FILE_ERROR_NOENT);
}

static void
test_save_over_folder (void)
{
  g_autofree char *path = path_of ("folder");

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  check_disk_refuses (path, G_FILE_ERROR_ISDIR);
  g_assert_cmpuint (count_files (FALSE), ==, 1);
}

/* A limit on the size of files stands for a full disk: writing fails half-way. */
static void
test_save_full (void)
{
  g_autofree char *path = path_of ("full");
  g_autoptr (GPtrArray) arrays = new_list ();
  g_autoptr (GError) error = NULL;
  struct rlimit limit, low;

  g_ptr_array_add (arrays, new_array ("old", 0, NULL, 3));
  g_assert_true (kol_safetensors_save (path, arrays, NULL, NULL));

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  low = (struct rlimit){ .rlim_cur = 4096, .rlim_max = limit.rlim_max };
  signal (SIGXFSZ, SIG_IGN);
  g_autoptr (GPtrArray) large = sample_arrays ();
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &low), ==, 0);
  gboolean saved = kol_safetensors_save (path, large, NULL, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_false (saved);
  g_assert_cmpint (error->domain, ==, G_FILE_ERROR);
  g_assert_nonnull (strstr (error->message, path));

  /* What was there before still is, and nothing else. */
  g_autoptr (GPtrArray) read = kol_safetensors_load (path, NULL, NULL);
  assert_same_array (read->pdata[0], arrays->pdata[0]);
  g_assert_cmpuint (count_files (FALSE), ==, 1);
}

/* ---------------------------------------------------------------- loading */

static KolArray *
load_one (const char *header, const void *data, gsize size)
{
  g_autofree char *path = path_of ("one");
  g_autoptr (GByteArray) bytes = make_file (header, strlen (header), data, size);
  g_autoptr (GError) error = NULL;

  write_file (path, bytes);
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (arrays->len, ==, 1);
  return g_ptr_array_steal_index (arrays, 0);
}

static void
test_dtypes (void)
{
  const guint8 f16[]
      = { 0, 0x3c, 0, 0xc0, 1, 0, 0xff, 0x83, 0xff, 0x7b, 0, 0x7c, 0, 0xfc, 0, 0x80 };
  const float f16_values[]
      = { 1, -2, 0x1p-24f, -1023 * 0x1p-24f, 65504, INFINITY, -INFINITY, -0.0f };
  const guint8 bf16[] = { 0x80, 0x3f, 0x49, 0xc0, 0x80, 0x7f };
  const float bf16_values[] = { 1, -3.140625f, INFINITY };
  const guint8 f64[]
      = { 0, 0, 0, 0, 0, 0, 0xf8, 0xbf, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f,
          0, 0, 0, 0, 0, 0, 0xf0, 0x7f, 0x9c, 0x75, 0x00, 0x88, 0x3c, 0xe4, 0x37, 0xfe };
  const float f64_values[] = { -1.5f, 0.1f, INFINITY, -INFINITY }; /* the last: -1e300 */
  const guint8 nan16[] = { 0, 0x7e };

  g_autoptr (KolArray) a = load_one (
      "{\"x\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]}}", f16, sizeof f16);
  g_assert_cmpmem (a->data, a->count * 4, f16_values, sizeof f16_values);
  g_autoptr (KolArray) b = load_one (
      "{\"x\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[0,6]}}", bf16, sizeof bf16);
  g_assert_cmpmem (b->data, b->count * 4, bf16_values, sizeof bf16_values);
  g_autoptr (KolArray) c = load_one (
      "{\"x\":{\"dtype\":\"F64\",\"shape\":[4],\"data_offsets\":[0,32]}}", f64, sizeof f64);
  g_assert_cmpmem (c->data, c->count * 4, f64_values, sizeof f64_values);
  g_autoptr (KolArray) d = load_one (
      "{\"x\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}}", nan16, sizeof nan16);
  g_assert_true (isnan (d->data[0]));
}

/* White space and escapes that our own writer does not use. */
static void
test_json_spelling (void)
{
  const float one = 1;
  g_autoptr (KolArray) array = load_one ("{ \"\\u00e9\\ud83e\\udd8a\\/\\b\\f\\r\\t\" :\n"
                                         "\t{ \"data_offsets\" : [ 0 , 4 ],\r\n \"shape\": [ ] , "
                                         "\"dtype\": \"F32\" } }   \n",
                                         &one, sizeof one);

  g_assert_cmpstr (array->name, ==, "é\U0001F98A/\b\f\r\t");
  g_assert_cmpfloat (array->data[0], ==, 1);
}

static void
check_fails (const GByteArray *bytes, const char *words)
{
  g_autofree char *path = path_of ("broken");
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GError) error = NULL;

  write_file (path, bytes);
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, &metadata, &error);
  g_assert_null (arrays);
  g_assert_null (metadata);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
  if (!strstr (error->message, words))
    g_test_fail_printf ("“%s” does not say “%s”", error->message, words);
}

#define ENTRY(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE "\"a\":" ENTRY ("[2]", "[0,8]")

/* Headers of files with 16 bytes of data, and what the error says of them. */
static const struct {
  const char *path, *header, *words;
} broken_headers[] = {
  { "empty", "", "at byte 0, '{' was expected but the end" },
  { "not-object", "[1]", "at byte 0, '{' was expected but '['" },
  { "unclosed", "{" ONE, "',' or '}' was expected but the end" },
  { "trailing-comma", "{" ONE ",}", "a string was expected but '}'" },
  { "missing-comma", "{" ONE " \"b\":1}", "',' or '}' was expected but '\"'" },
  { "missing-colon", "{\"a\" {}}", "at byte 5, ':' was expected but '{'" },
  { "single-quotes", "{'a':{}}", "at byte 1, a string was expected" },
  { "after-the-end", "{} x", "at byte 3, the end was expected but 'x'" },
  { "two-objects", "{}{}", "at byte 2, the end was expected" },
  { "control-character", "{\"a\nb\":{}}", "the rest of a string was expected but byte 0a" },
  { "unclosed-string", "{\"abc", "the rest of a string was expected but the end" },
  { "escape", "{\"\\x\":{}}", "after the backslash was expected but 'x'" },
  { "escape-end", "{\"\\", "after the backslash was expected but the end" },
  { "hexadecimal", "{\"\\u12g4\":{}}", "a hexadecimal digit was expected but 'g'" },
  { "escaped-nul", "{\"a\\u0000\":{}}", "U+0000" },
  { "surrogate-first", "{\"\\ud800x\":{}}", "first half of a surrogate pair" },
  { "surrogate-twice", "{\"\\ud800\\ud800\":{}}", "first half of a surrogate pair" },
  { "surrogate-second", "{\"\\udc00\":{}}", "second half of a surrogate pair" },
  { "utf8", "{\"a\xff\":{}}", "not UTF-8" },
  { "utf8-surrogate", "{\"\xed\xa0\x80\":{}}", "not UTF-8" },
  { "array-not-object", "{\"a\":[]}", "'{' was expected but '['" },
  { "negative", "{\"a\":" ENTRY ("[-2]", "[0,8]") "}", "whole number" },
  { "fraction", "{\"a\":" ENTRY ("[2.0]", "[0,8]") "}", "whole number" },
  { "exponent", "{\"a\":" ENTRY ("[2e0]", "[0,8]") "}", "whole number" },
  { "leading-zero", "{\"a\":" ENTRY ("[02]", "[0,8]") "}", "leading zeros" },
  { "too-large", "{\"a\":" ENTRY ("[9223372036854775808]", "[0,8]") "}", "below 2^63" },
  { "number-is-string", "{\"a\":" ENTRY ("[\"2\"]", "[0,8]") "}", "whole number" },
  { "shape-comma", "{\"a\":" ENTRY ("[2,]", "[0,8]") "}", "whole number" },
  { "shape-not-array", "{\"a\":" ENTRY ("2", "[0,8]") "}", "'[' was expected but '2'" },
  { "rank-9", "{\"a\":" ENTRY ("[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", "at most 8 numbers" },
  { "offsets-3", "{\"a\":" ENTRY ("[2]", "[0,8,8]") "}", "at most 2 numbers" },
  { "offsets-1", "{\"a\":" ENTRY ("[2]", "[0]") "}", "should be 2 numbers and are 1" },
  { "dtype", "{\"a\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]}}", "dtype “I64”" },
  { "no-dtype", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,16]}}", "lacks its dtype" },
  { "no-shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", "lacks its shape" },
  { "no-offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", "lacks its data_offsets" },
  { "unknown-property", "{\"a\":{\"type\":\"F32\"}}", "property “type”" },
  { "property-twice", "{\"a\":{\"shape\":[],\"shape\":[]}}", "property “shape”" },
  { "name-twice", "{" ONE "," ONE "}", "“a” is there twice" },
  { "metadata-twice", "{\"__metadata__\":{},\"__metadata__\":{}}",
    "“__metadata__” is there twice" },
  { "metadata-key-twice", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", "two entries “k”" },
  { "metadata-number", "{\"__metadata__\":{\"k\":1}}", "a string was expected but '1'" },
  { "size-mismatch", "{\"a\":" ENTRY ("[3, 1]", "[0,16]") "}",
    "“a” has 16 bytes of data, not what its shape [3, 1]" },
  { "overflow", "{\"a\":" ENTRY ("[4294967296,4294967296,4]", "[0,16]") "}", "“a” has 16 bytes" },
  /* 2^62 elements of four bytes are 2^64, which is 0 modulo 2^64. */
  { "overflow-bytes", "{\"a\":" ENTRY ("[4611686018427387904]", "[0,0]") "}", "“a” has 0 bytes" },
  { "out-of-range", "{\"a\":" ENTRY ("[5]", "[0,20]") "}", "0 to 20 of the data, of which 16" },
  { "backwards", "{\"a\":" ENTRY ("[2]", "[8,0]") "}", "8 to 0" },
  { "overlap", "{" ONE ",\"b\":" ENTRY ("[3]", "[4,16]") "}",
    "“b” begins at byte 4 of the data, but" },
  { "same-place", "{" ONE ",\"b\":" ENTRY ("[2]", "[0,8]") "}", "but overlaps another" },
  { "gap", "{" ONE ",\"b\":" ENTRY ("[1]", "[12,16]") "}", "leaving a gap" },
  { "rest", "{" ONE "}", "end at byte 8 of the data, but 16" },
};

static void
test_broken_header (gconstpointer user_data)
{
  const guint8 data[16] = { 0 };
  gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (GByteArray) bytes
      = make_file (broken_headers[i].header, strlen (broken_headers[i].header), data, sizeof data);

  check_fails (bytes, broken_headers[i].words);
  count_files (TRUE);
}

static void
test_header_length (void)
{
  const guint8 data[8] = { 0 };
  g_autoptr (GByteArray) bytes = make_file ("{}", 2, data, sizeof data);
  g_autoptr (GByteArray) largest = make_file ("{}", 2, data, sizeof data);

  bytes->data[0] = 11;
  check_fails (bytes, "promise a header of 11 bytes, of which 10 are there");
  memset (largest->data, 0xff, 8);
  check_fails (largest, "promise a header of 18446744073709551615 bytes");
  g_byte_array_set_size (bytes, 7);
  check_fails (bytes, "it has 7 bytes");
  g_byte_array_set_size (bytes, 0);
  check_fails (bytes, "it has 0 bytes");
}

static void
test_nul_in_header (void)
{
  g_autoptr (GByteArray) bytes = make_file ("{}\0", 3, NULL, 0);

  check_fails (bytes, "at byte 2, the end was expected but byte 00");
}

/* Brackets without end exhaust neither the stack nor the time. */
static void
test_deep (void)
{
  gsize length = 1 << 20;
  g_autofree char *header = g_malloc (length);

  memset (header, '[', length);
  memcpy (header, "{\"a\":{\"shape\":", 14);
  g_autoptr (GByteArray) bytes = make_file (header, length, NULL, 0);
  check_fails (bytes, "whole number");
}

static void
test_not_a_file (void)
{
  g_autofree char *missing = path_of ("missing");
  g_autoptr (GError) not_found = NULL;
  g_autoptr (GError) is_folder = NULL;

  g_assert_null (kol_safetensors_load (missing, NULL, &not_found));
  g_assert_nonnull (strstr (not_found->message, missing));
  g_assert_null (kol_safetensors_load (folder, NULL, &is_folder));
  g_assert_nonnull (strstr (is_folder->message, folder));
}

/* A valid file with everything that the format has. */
static GByteArray *
rich_file (void)
{
  static const char header[]
      = "{\"__metadata__\":{\"seed\":\"42\",\"na\\u00efve\":\"\\ud83e\\udd8a\"},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"half\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[24,32]},"
        "\"brain\":{\"dtype\":\"BF16\",\"shape\":[1,4],\"data_offsets\":[32,40]},"
        "\"none\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[40,40]},"
        "\"double\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[40,48]}}";
  guint8 data[48];

  for (gsize i = 0; i < sizeof data; i++)
    data[i] = 37 * i;
  return make_file (header, sizeof header - 1, data, sizeof data);
}

static void
damage (GByteArray *bytes, GRand *random)
{
  guint kind = g_rand_int_range (random, 0, 3);

  if (kind != 1)
    for (int flips = g_rand_int_range (random, 1, 4); flips > 0; flips--)
      bytes->data[g_rand_int_range (random, 0, bytes->len)] ^= 1 << g_rand_int_range (random, 0, 8);
  if (kind != 0)
    g_byte_array_set_size (bytes, g_rand_int_range (random, 0, bytes->len));
}

/* Whatever becomes of a file, it is read or a sentence says why not. */
static void
test_fuzz (void)
{
  g_autofree char *path = path_of ("fuzz");
  g_autoptr (GRand) random = g_rand_new_with_seed (2718);
  guint loaded = 0;

  for (guint round = 0; round <= 2000; round++)
    {
      g_autoptr (GByteArray) bytes = rich_file ();
      g_autoptr (GHashTable) metadata = NULL;
      g_autoptr (GError) error = NULL;
      if (round > 0)
        damage (bytes, random);
      write_file (path, bytes);
      g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, &metadata, &error);
      g_assert_true ((arrays == NULL) == (error != NULL));
      g_assert_true ((arrays == NULL) == (metadata == NULL));
      if (error)
        g_assert_true (g_error_matches (error, KOL_ERROR, KOL_ERROR_DATA)
                       && g_utf8_validate (error->message, -1, NULL));
      if (round == 0)
        g_assert_no_error (error);
      loaded += arrays != NULL;
    }
  /* A flip in the data alone is not seen, so some are loaded; most are not. */
  g_test_message ("%u of 2000 damaged files were loaded", loaded - 1);
  g_assert_cmpuint (loaded, >, 20);
  g_assert_cmpuint (loaded, <, 1000);
}

/* -------------------------------------------------------- other programs */

static const char python_script[]
    = "import sys, numpy as np\n"
      "from safetensors import safe_open\n"
      "from safetensors.numpy import load_file, save_file\n"
      "a = load_file(sys.argv[1])\n"
      "w = a['w_conv1']\n"
      "assert w.dtype == np.float32 and w.shape == (2, 1, 5, 3), (w.dtype, w.shape)\n"
      "assert (w.ravel() == -7.5 + np.arange(30)).all(), w\n"
      "assert a['step'].shape == () and a['step'] == 20000, a['step']\n"
      "assert a['none'].shape == (0, 3), a['none'].shape\n"
      "long = a['long \"quoted\\\\ \\n na\\u00efve \\x01 \\U0001f98a']\n"
      "assert (long == 0.25 + np.arange(7 * 5003).reshape(7, 5003)).all()\n"
      "assert len(a) == 4, a.keys()\n"
      "with safe_open(sys.argv[1], 'np') as f: m = f.metadata()\n"
      "assert m == {'variant': 'winograd-4x4', 'seed': '42', 'tab\\t\"and\"':\n"
      "             'line\\nbreak / back\\\\slash \\u00e9 \\x1f'}, m\n"
      "save_file({'single \\u00e9': np.arange(6, dtype=np.float32).reshape(2, 3),\n"
      "           'half': np.array([1, -0.5, 65504], np.float16),\n"
      "           'double': np.array(2.5), 'none': np.zeros((3, 0), np.float32)},\n"
      "          sys.argv[2], {'from': 'Python \\u00e9 \"'})\n";

static gboolean
run_python (const char *script, const char *first, const char *second, char **messages)
{
  const char *command[] = { "python3", "-c", script, first, second, NULL };
  int status;

  return g_spawn_sync (NULL, (char **) command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                       messages, &status, NULL)
         && g_spawn_check_wait_status (status, NULL);
}

static const KolArray *
find_array (GPtrArray *arrays, const char *name)
{
  for (guint i = 0; i < arrays->len; i++)
    if (strcmp (((KolArray *) arrays->pdata[i])->name, name) == 0)
      return arrays->pdata[i];
  g_test_message ("there is no array “%s”", name);
  g_assert_not_reached ();
}

static void
check_from_python (const char *path)
{
  const float half[] = { 1, -0.5f, 65504 };
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, &metadata, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (arrays->len, ==, 4);
  g_assert_cmpstr (g_hash_table_lookup (metadata, "from"), ==, "Python é \"");
  const KolArray *single = find_array (arrays, "single é");
  g_assert_cmpuint (single->rank, ==, 2);
  g_assert_cmpint (single->dims[0], ==, 2);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (single->data[i], ==, i);
  g_assert_cmpmem (find_array (arrays, "half")->data, sizeof half, half, sizeof half);
  g_assert_cmpfloat (find_array (arrays, "double")->data[0], ==, 2.5);
  g_assert_cmpint (find_array (arrays, "none")->dims[0], ==, 3);
}

static void
test_python (void)
{
  g_autofree char *to_python = path_of ("to-python");
  g_autofree char *from_python = path_of ("from-python");
  g_autofree char *messages = NULL;
  g_autofree char *ignored = NULL;
  g_autoptr (GPtrArray) arrays = sample_arrays ();
  g_autoptr (GHashTable) metadata = sample_metadata ();

  if (!run_python ("import safetensors.numpy", NULL, NULL, &ignored))
    {
      g_test_skip ("python3 with the package safetensors (and numpy) is not installed");
      return;
    }
  g_assert_true (kol_safetensors_save (to_python, arrays, metadata, NULL));
  if (!run_python (python_script, to_python, from_python, &messages))
    g_test_fail_printf ("Python disagrees: %s", messages);
  else
    check_from_python (from_python);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  folder = g_dir_make_tmp ("kolinsky-safetensors-XXXXXX", &error);
  g_assert_no_error (error);

  g_test_init (&argc, &argv, NULL);
  add ("/model/safetensors/round-trip", test_round_trip);
  add ("/model/safetensors/special-values", test_special_values);
  add ("/model/safetensors/nothing", test_nothing);
  add ("/model/safetensors/layout", test_layout);
  add ("/model/safetensors/save/names", test_save_names);
  add ("/model/safetensors/save/no-folder", test_save_no_folder);
  add ("/model/safetensors/save/over-folder", test_save_over_folder);
  add ("/model/safetensors/save/full", test_save_full);
  add ("/model/safetensors/dtypes", test_dtypes);
  add ("/model/safetensors/json-spelling", test_json_spelling);
  for (gsize i = 0; i < G_N_ELEMENTS (broken_headers); i++)
    {
      g_autofree char *path
          = g_strconcat ("/model/safetensors/broken/", broken_headers[i].path, NULL);
      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_broken_header);
    }
  add ("/model/safetensors/broken/header-length", test_header_length);
  add ("/model/safetensors/broken/nul", test_nul_in_header);
  add ("/model/safetensors/broken/deep", test_deep);
  add ("/model/safetensors/not-a-file", test_not_a_file);
  add ("/model/safetensors/fuzz", test_fuzz);
  add ("/model/safetensors/python", test_python);
  int result = g_test_run ();
  g_assert_cmpint (g_remove (folder), ==, 0);
  g_free (folder);
  return result;
}
