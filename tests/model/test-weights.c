/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../torch.h"
#include "device/error.h"
#include "model/safetensors.h"
#include "model/weights.h"

#ifdef HAVE_HDF5
#include <hdf5.h>
#endif

/*
 * Files of named arrays: those that PyTorch and NumPy write, read back, and those that
 * nobody should write, refused with a sentence.
 */

/* The tests' own folder. */
static char *folder;

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static GByteArray *
read_file (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *contents;
  gsize length;

  g_file_get_contents (path, &contents, &length, &error);
  g_assert_no_error (error);
  return g_byte_array_new_take ((guint8 *) contents, length);
}

/* Writes a new file, as an older and longer one would keep its end. Given. */
static char *
write_file (const char *name, const guint8 *bytes, gsize length)
{
  char *path = path_of (name);
  g_autoptr (GError) error = NULL;

  g_remove (path);
  g_file_set_contents_full (path, (const char *) bytes, (gssize) length, G_FILE_SET_CONTENTS_NONE,
                            0600, &error);
  g_assert_no_error (error);
  return path;
}

static KolWeights *
open_file (const char *path)
{
  g_autoptr (GError) error = NULL;
  KolWeights *weights = kol_weights_open (path, &error);

  g_assert_no_error (error);
  return weights;
}

static gsize
count_of (const KolWeights *weights, guint i)
{
  return (gsize) kol_shape_count (kol_weights_get_shape (weights, i));
}

static float *
read_array (KolWeights *weights, guint i)
{
  float *values = g_new (float, count_of (weights, i) + 1);
  g_autoptr (GError) error = NULL;

  kol_weights_read (weights, i, values, &error);
  g_assert_no_error (error);
  return values;
}

static void
assert_refused (const char *path, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolWeights) weights = kol_weights_open (path, &error);

  g_assert_null (weights);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_test_message ("%s", error->message);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, path));
  if (!strstr (error->message, words))
    g_test_fail_printf ("“%s” does not say “%s”", error->message, words);
}

/* ── PyTorch ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
same_float (float a, float b)
{
  return (isnan (a) && isnan (b)) || (a == b && signbit (a) == signbit (b));
}

/* Everything in @path is in the .npz, with its shape and values, and nothing else. */
static void
compare (const char *path, const char *expected_path)
{
  g_autoptr (KolWeights) weights = open_file (path), expected = open_file (expected_path);

  g_assert_cmpuint (kol_weights_get_count (weights), ==, kol_weights_get_count (expected));
  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    {
      int at = kol_weights_find (expected, kol_weights_get_name (weights, i));

      g_assert_cmpint (at, >=, 0);
      g_assert_true (kol_shape_equal (kol_weights_get_shape (weights, i),
                                      kol_weights_get_shape (expected, (guint) at)));
      g_autofree float *found = read_array (weights, i),
                       *wanted = read_array (expected, (guint) at);
      for (gsize k = 0; k < count_of (weights, i); k++)
        if (!same_float (found[k], wanted[k]))
          g_error ("%s: %s[%zu] is %g, should be %g", path, kol_weights_get_name (weights, i), k,
                   found[k], wanted[k]);
    }
}

/* What must be refused, by its file's name, and the words of it. */
static const struct {
  const char *name, *words;
} refused[] = {
  { "refused-class-", "“__main__.Own”" },
  { "refused-model-", "“torch.nn.modules.container.Sequential”" },
  { "refused-system-", "“posix.system”" },
  { "refused-nothing-", "no tensors" },
  { "refused-complex-", "“torch.ComplexFloatStorage”" },
  { "refused-expanded-", "more elements than the 1 of its storage" },
};

static void
check_refused (const char *path, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    if (g_str_has_prefix (name, refused[i].name))
      {
        assert_refused (path, refused[i].words);
        return;
      }
  g_assert_not_reached ();
}

static void
test_torch (void)
{
  g_autofree char *made = path_of ("torch");
  guint compared = 0, refusals = 0;

  g_assert_cmpint (g_mkdir (made, 0700), ==, 0);
  if (!run_torch (g_getenv ("KOLINSKY_TORCH_WEIGHTS"), NULL, made))
    return;
  g_autoptr (GDir) dir = g_dir_open (made, 0, NULL);
  for (const char *name = g_dir_read_name (dir); name; name = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (made, name, NULL);

      if (!g_str_has_suffix (name, ".pth"))
        continue;
      if (g_str_has_prefix (name, "refused-"))
        {
          check_refused (path, name);
          refusals++;
          continue;
        }
      g_autofree char *base = g_strndup (path, strlen (path) - strlen (".pth"));
      g_autofree char *expected = g_strconcat (base, ".npz", NULL);
      compare (path, expected);
      compared++;
    }
  g_assert_cmpuint (compared, ==, 20);
  g_assert_cmpuint (refusals, ==, 2 * G_N_ELEMENTS (refused));
}

static char *
fixture (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "model", "fixtures", name, NULL);
}

/* What few() of torch_weights.py wrote, without PyTorch. */
static void
check_few (const char *name, const char *format)
{
  g_autofree char *path = fixture (name);
  g_autoptr (KolWeights) weights = open_file (path);

  g_assert_cmpstr (kol_weights_get_format (weights), ==, format);
  g_assert_cmpuint (kol_weights_get_count (weights), ==, 4);
  g_assert_cmpstr (kol_weights_get_name (weights, 1), ==, "turned");
  g_assert_cmpint (kol_weights_find (weights, "weights"), ==, -1);
  g_assert_cmpstr (kol_weights_get_type (weights, 0), ==, "float32");
  g_assert_cmpstr (kol_weights_get_type (weights, 2), ==, "float16");
  g_assert_cmpstr (kol_weights_get_type (weights, 3), ==, "int64");
  g_assert_cmpint (kol_weights_get_shape (weights, 3)->rank, ==, 0);
  g_assert_true (kol_shape_equal (kol_weights_get_shape (weights, 1), &KOL_SHAPE (3, 2)));
  g_autofree float *weight = read_array (weights, 0), *turned = read_array (weights, 1);
  g_autofree float *half = read_array (weights, 2), *count = read_array (weights, 3);
  for (guint i = 0; i < 6; i++)
    {
      g_assert_cmpfloat (weight[i], ==, i / 4.0f - 3);
      g_assert_cmpfloat (turned[i], ==, (2 + i / 2 + 3 * (i % 2)) / 4.0f - 3);
    }
  g_assert_cmpfloat (half[4], ==, -2);
  g_assert_cmpfloat (count[0], ==, 7);
}

static void
test_fixtures (void)
{
  check_few ("few-zip.pth", "PyTorch");
  check_few ("few-legacy.pth", "PyTorch, before 1.6");
}

/* ── Pickles that nobody should write ────────────────────────────────────────────────────────── */

/* The stream before what was saved: magic number, version, the machine. */
#define FRONT                                                                                      \
  "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."                                      \
  "\x80\x02M\xe9\x03."                                                                             \
  "\x80\x02}."
/* Four floats of the storage "0". */
#define BACK                                                                                       \
  "\x80\x02]X\1\0\0\0"                                                                             \
  "0a."                                                                                            \
  "\4\0\0\0\0\0\0\0"                                                                               \
  "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"
/* No storages at all. */
#define BACK_EMPTY "\x80\x02]."
#define WORD(length, text) "X" length "\0\0\0" text
#define STORAGE(count)                                                                             \
  "(" WORD ("\7", "storage") "ctorch\nFloatStorage\n" WORD ("\1", "0") WORD ("\3", "cpu") count    \
      "NtQ"
#define TENSOR(count, offset, shape, strides)                                                      \
  "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE (count) offset shape strides "\x89}tR"
/* A dictionary with one tensor or whatever. */
#define SAVED(value) "\x80\x02}" WORD ("\1", "w") value "s."
#define MINUS_1 "J\xff\xff\xff\xff"
#define TO_60 "\x8a\x08\0\0\0\0\0\0\0\x10"
#define TO_62 "\x8a\x08\0\0\0\0\0\0\0\x40"
#define SQUARE "K\2K\2\x86"

#define CASE(name, text, words)                                                                    \
  {                                                                                                \
    name, (const guint8 *) text, sizeof (text) - 1, words                                          \
  }

static const struct {
  const char *name;
  const guint8 *bytes;
  gsize length;
  const char *words;
} hostile[] = {
  CASE ("negative-stride", FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, MINUS_1 "K\1\x86")) BACK,
        "no whole numbers from 0"),
  CASE ("negative-length", FRONT SAVED (TENSOR ("K\4", "K\0", MINUS_1 "\x85", "K\1\x85")) BACK,
        "no whole numbers from 0"),
  CASE ("negative-offset", FRONT SAVED (TENSOR ("K\4", MINUS_1, SQUARE, SQUARE)) BACK,
        "not made of a storage"),
  CASE ("offset", FRONT SAVED (TENSOR ("K\4", "K\1", SQUARE, "K\2K\1\x86")) BACK,
        "reaches beyond its storage “0”"),
  CASE ("large-offset", FRONT SAVED (TENSOR ("K\4", TO_62, "K\1\x85", "K\1\x85")) BACK,
        "reaches beyond its storage “0”"),
  CASE ("strides", FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, "K\3K\1\x86")) BACK,
        "reaches beyond its storage “0”"),
  CASE ("large-strides", FRONT SAVED (TENSOR ("K\4", "K\0", "K\4\x85", TO_62 "\x85")) BACK,
        "reaches beyond its storage “0”"),
  CASE ("large-shape", FRONT SAVED (TENSOR ("K\4", "K\0", TO_60 "\x85", "K\1\x85")) BACK,
        "more elements than the 4"),
  CASE ("largest-shape",
        FRONT SAVED (TENSOR ("K\4", "K\0", TO_62 TO_62 TO_62 "\x87", "K\1K\1K\1\x87")) BACK,
        "more elements than the 4"),
  CASE ("large-storage", FRONT SAVED (TENSOR (TO_60, "K\0", SQUARE, "K\2K\1\x86")) BACK,
        "should have 1152921504606846976 elements and says that it has 4"),
  CASE ("expanded", FRONT SAVED (TENSOR ("K\4", "K\0", "K\5\x85", "K\0\x85")) BACK,
        "more elements than the 4"),
  CASE ("ranks-differ", FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, "K\1\x85")) BACK,
        "no whole numbers from 0"),
  CASE ("rank-9",
        FRONT SAVED (TENSOR ("K\4", "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "K\1\x85")) BACK,
        "9 dimensions; at most 8"),
  CASE ("no-strides", FRONT SAVED ("ctorch._utils\n_rebuild_tensor_v2\n(tR") BACK_EMPTY,
        "not made of a storage"),
  CASE ("two-storages",
        FRONT "\x80\x02}(" WORD ("\1", "a") TENSOR ("K\4", "K\0", SQUARE, SQUARE) WORD ("\1", "b")
            TENSOR ("K\5", "K\0", SQUARE, SQUARE) "u." BACK,
        "the storage “0” in two ways"),
  CASE ("twice",
        FRONT "\x80\x02}(" WORD ("\1", "a") TENSOR ("K\4", "K\0", SQUARE, "K\2K\1\x86")
            WORD ("\1", "a") TENSOR ("K\4", "K\0", "K\1\x85", "K\1\x85") "u." BACK,
        "two arrays called “a”"),
  CASE ("no-keys", FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, "K\2K\1\x86")) "\x80\x02].",
        "the storage “0” is not in it"),
  CASE ("keys-are-none", FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, "K\2K\1\x86")) "\x80\x02N.",
        "list of its storages is missing"),
  CASE ("other-key",
        FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, "K\2K\1\x86")) "\x80\x02]" WORD ("\1", "1") "a.",
        "that no tensor is in"),
  CASE ("no-storage", FRONT SAVED (WORD ("\1", "x") "Q") BACK, "that is no storage"),
  CASE ("module-id", FRONT SAVED ("(" WORD ("\6", "module") "tQ") BACK, "that is no storage"),
  CASE ("system", FRONT SAVED ("cos\nsystem\n(" WORD ("\2", "ls") "tR") BACK, "“os.system”"),
  CASE ("system-4", FRONT SAVED (WORD ("\2", "os") WORD ("\6", "system") "\x93)R") BACK,
        "“os.system”"),
  CASE ("eval", FRONT SAVED ("cbuiltins\neval\n(" WORD ("\1", "1") "tR") BACK, "“builtins.eval”"),
  CASE ("getattr", FRONT SAVED ("c__builtin__\ngetattr\n)R") BACK, "“__builtin__.getattr”"),
  CASE ("load", FRONT SAVED ("ctorch\nload\n)R") BACK, "“torch.load”"),
  CASE ("strange-name", FRONT SAVED ("c\xff\xfe\n\x01\x80\n)R") BACK,
        "which Kolinsky does not run"),
  CASE ("name-is-number", FRONT SAVED ("K\1K\2\x93") BACK, "whose name is no string"),
  CASE ("instance", FRONT SAVED ("(ios\nsystem\n") BACK, "instruction 69"),
  CASE ("object", FRONT SAVED ("(cos\nsystem\no") BACK, "“os.system”"),
  CASE ("extension", FRONT SAVED ("\x82\1") BACK, "instruction 82"),
  CASE ("buffer", FRONT SAVED ("\x97") BACK, "instruction 97"),
  CASE ("call-number", FRONT SAVED ("K\1)R") BACK, "calls what is no function"),
  CASE ("call-storage", FRONT SAVED ("ctorch\nFloatStorage\n)R") BACK, "other arguments"),
  CASE ("call-pairs", FRONT SAVED ("ccollections\nOrderedDict\n]K\1a\x85R") BACK,
        "other arguments"),
  CASE ("call-nothing", FRONT SAVED ("ctorch\nSize\n)R") BACK, "other arguments"),
  CASE ("arguments-are-list", FRONT SAVED ("ctorch\nSize\n]R") BACK, "calls what is no function"),
  CASE ("state-of-number", FRONT SAVED ("K\1}b") BACK, "sets the state of what has none"),
  CASE ("memo-empty", FRONT SAVED ("h\5") BACK, "object 5 of the memo"),
  CASE ("memo-large", FRONT SAVED ("K\1r\xff\xff\xff\xff") BACK, "numbers more objects"),
  CASE ("memo-largest", FRONT SAVED ("j\xff\xff\xff\xff") BACK, "object 4294967295 of the memo"),
  CASE ("memo-of-nothing", FRONT "\x80\x02q\0." BACK, "not on the stack"),
  CASE ("memo-of-mark", FRONT "\x80\x02(q\0." BACK, "not on the stack"),
  CASE ("memo-decimal", FRONT "\x80\x02g99999999999999999999999\n." BACK, "of the memo"),
  CASE ("memo-is-new", FRONT "\x80\x02K\1q\0.h\0." BACK, "object 0 of the memo"),
  CASE ("pop",
        FRONT "\x80\x02"
              "0." BACK,
        "not on the stack"),
  CASE ("pop-mark",
        FRONT "\x80\x02"
              "1." BACK,
        "not on the stack"),
  CASE ("append-nothing",
        FRONT "\x80\x02"
              "a." BACK,
        "not on the stack"),
  CASE ("append-number", FRONT SAVED ("K\1K\2a") BACK, "no list, dictionary or set"),
  CASE ("append-to-mark", FRONT "\x80\x02(e." BACK, "adds to nothing"),
  CASE ("items-of-list", FRONT SAVED ("](K\1K\2u") BACK, "no list, dictionary or set"),
  CASE ("items-odd", FRONT SAVED ("}(K\1u") BACK, "a key without a value"),
  CASE ("dictionary-odd", FRONT SAVED ("(K\1d") BACK, "a key without a value"),
  CASE ("tuple", FRONT "\x80\x02K\1\x87." BACK, "not on the stack"),
  CASE ("tuple-no-mark", FRONT "\x80\x02K\1t." BACK, "not on the stack"),
  CASE ("end", FRONT "\x80\x02." BACK, "not on the stack"),
  CASE ("end-mark", FRONT "\x80\x02(." BACK, "not on the stack"),
  CASE ("long-string", FRONT SAVED ("X\xff\xff\xff\xff") BACK, "goes on for 4294967295 bytes"),
  CASE ("longest-string", FRONT SAVED ("\x8d\xff\xff\xff\xff\xff\xff\xff\xff") BACK,
        "goes on for 18446744073709551615 bytes"),
  CASE ("string", FRONT SAVED ("X\1\0\0\0\xff") BACK, "not UTF-8"),
  CASE ("no-line",
        FRONT "\x80\x02"
              "c",
        "without an end"),
  CASE ("decimal", FRONT SAVED ("I1x\n") BACK, "should have a number"),
  CASE ("no-decimal", FRONT SAVED ("I\n") BACK, "should have a number"),
  CASE ("itself", FRONT "\x80\x02]q\0h\0a." BACK_EMPTY, "more than 32 deep"),
  CASE ("version", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02K\1.",
        "version of PyTorch's format"),
  CASE ("no-magic", "\x80\x02K\1.", "that torch.save did not write"),
  CASE ("front-alone", FRONT, "truncated"),
};

static void
test_hostile (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      g_autofree char *path = write_file (hostile[i].name, hostile[i].bytes, hostile[i].length);

      assert_refused (path, hostile[i].words);
    }
}

/* The pieces that the others are made of are right. */
static void
test_pieces (void)
{
  static const char good[] = FRONT SAVED (TENSOR ("K\4", "K\0", SQUARE, "K\1K\2\x86")) BACK;
  g_autofree char *path = write_file ("good", (const guint8 *) good, sizeof good - 1);
  g_autoptr (KolWeights) weights = open_file (path);
  g_autofree float *values = read_array (weights, 0);

  g_assert_cmpstr (kol_weights_get_name (weights, 0), ==, "w");
  g_assert_cmpfloat (values[1], ==, 3); /* it is transposed */
}

static void
append (GByteArray *bytes, const void *text, gsize length)
{
  g_byte_array_append (bytes, text, (guint) length);
}

#define APPEND(bytes, text) append (bytes, text, sizeof (text) - 1)

static void
repeat (GByteArray *bytes, const void *text, gsize length, guint times)
{
  for (guint i = 0; i < times; i++)
    append (bytes, text, length);
}

/* @times over, one of them after the other, within a pickle. */
static void
check_repeated (const char *name, const char *first, gsize first_length, const char *again,
                gsize again_length, guint times, const char *last, gsize last_length,
                const char *words)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  APPEND (bytes, FRONT "\x80\x02");
  append (bytes, first, first_length);
  repeat (bytes, again, again_length, times);
  append (bytes, last, last_length);
  g_autofree char *path = write_file (name, bytes->data, bytes->len);
  assert_refused (path, words);
}

#define REPEATED(name, first, again, times, last, words)                                           \
  check_repeated (name, first, sizeof (first) - 1, again, sizeof (again) - 1, times, last,         \
                  sizeof (last) - 1, words)

/* Little that makes much: nesting, copies, things that hold the same things again and again. */
static void
test_much (void)
{
  REPEATED ("objects", "", ")0", 1100000, "N." BACK, "more than 1048576 objects");
  REPEATED ("stack", "N", "2", 2200000, "." BACK, "more objects at once");
  /* Each list holds the one before it twice: a thousand million tensors, if they were counted. */
  REPEATED ("laughs", TENSOR ("K\4", "K\0", SQUARE, SQUARE) "0Nq\0", "]q\1(h\0h\0eq\0", 30,
            "." BACK, "more than any network");
  REPEATED ("deep", "N", "\x85", 500000, "." BACK_EMPTY, "more than 32 deep");
  REPEATED ("marks", "", "(", 500000, "." BACK, "not on the stack");
  REPEATED ("memo", "N", "\x94", 1100000, "." BACK, "numbers more objects");
}

/* A dictionary made of a list of 600 pairs, 2000 times over. */
static void
test_copies (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  APPEND (bytes, FRONT "\x80\x02"
                       "ccollections\nOrderedDict\nq\0]q\1K\1K\2\x86q\2"
                       "0h\1(");
  repeat (bytes, "h\2", 2, 600);
  APPEND (bytes, "e0h\1\x85q\3");
  repeat (bytes, "h\0h\3R0", 6, 2000);
  APPEND (bytes, "." BACK);
  g_autofree char *path = write_file ("copies", bytes->data, bytes->len);
  assert_refused (path, "copies more objects");
}

/* ── Damage ──────────────────────────────────────────────────────────────────────────────────── */

/* Opens what is damaged somewhere, and reads what can be. It must end, that is all. */
static void
try_file (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolWeights) weights = kol_weights_open (path, &error);

  g_assert_true ((weights == NULL) == (error != NULL));
  for (guint i = 0; weights && i < kol_weights_get_count (weights); i++)
    {
      g_autofree float *values = g_new (float, count_of (weights, i) + 1);
      g_autoptr (GError) wrong = NULL;

      g_assert_true (kol_weights_read (weights, i, values, &wrong) == (wrong == NULL));
    }
}

static void
damage (const GByteArray *whole)
{
  static const guint8 flips[] = { 0xff, 0x01, 0x80 };

  for (guint length = 0; length < whole->len; length++)
    {
      g_autofree char *path = write_file ("cut", whole->data, length);
      g_autoptr (KolWeights) weights = kol_weights_open (path, NULL);
      g_assert_null (weights);
    }
  for (guint i = 0; i < whole->len; i++)
    for (guint k = 0; k < G_N_ELEMENTS (flips); k++)
      {
        whole->data[i] ^= flips[k];
        g_autofree char *path = write_file ("damaged", whole->data, whole->len);
        try_file (path);
        whole->data[i] ^= flips[k];
      }
}

static void
test_damage (void)
{
  const char *names[] = { "few-zip.pth", "few-legacy.pth" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = fixture (names[i]);
      g_autoptr (GByteArray) whole = read_file (path);

      damage (whole);
    }
}

/* ── Archives ────────────────────────────────────────────────────────────────────────────────── */

static void
put (GByteArray *bytes, guint64 number, guint size)
{
  for (guint i = 0; i < size; i++, number >>= 8)
    {
      guint8 byte = (guint8) number;
      append (bytes, &byte, 1);
    }
}

/* A zip archive with one member, whose checksum is wrong unless @size is 0. Given. */
static char *
write_zip (const char *file, const char *member, guint method, const guint8 *packed,
           gsize packed_size, guint32 size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint length = (guint) strlen (member);

  APPEND (bytes, "PK\3\4\24\0\0\0");
  put (bytes, method, 2);
  put (bytes, 0, 8); /* time, checksum */
  put (bytes, packed_size, 4);
  put (bytes, size, 4);
  put (bytes, length, 4);
  append (bytes, member, length);
  append (bytes, packed, packed_size);
  gsize directory = bytes->len;
  APPEND (bytes, "PK\1\2\24\0\24\0\0\0");
  put (bytes, method, 2);
  put (bytes, 0, 8);
  put (bytes, packed_size, 4);
  put (bytes, size, 4);
  put (bytes, length, 2);
  put (bytes, 0, 16); /* and all from offset 0 on */
  append (bytes, member, length);
  gsize end = bytes->len;
  APPEND (bytes, "PK\5\6\0\0\0\0\1\0\1\0");
  put (bytes, end - directory, 4);
  put (bytes, directory, 4);
  put (bytes, 0, 2);
  return write_file (file, bytes->data, bytes->len);
}

static void
test_archives (void)
{
  const guint8 packed[64] = { 0 };
  g_autofree char *bomb = write_zip ("bomb.npz", "a.npy", 8, packed, 64, 0xf0000000);
  g_autofree char *garbage = write_zip ("garbage.npz", "a.npy", 8, packed, 64, 1000);
  g_autofree char *deflated = write_zip ("deflated.pth", "x/data.pkl", 8, packed, 64, 64);
  g_autofree char *broken = write_zip ("broken.pth", "x/data.pkl", 0, packed, 64, 64);
  g_autofree char *other = write_zip ("other.zip", "readme.txt", 0, packed, 64, 64);
  g_autofree char *method = write_zip ("method.npz", "a.npy", 12, packed, 64, 64);
  g_autofree char *nothing = write_file ("nothing", packed, 0);
  g_autofree char *zeros = write_file ("zeros", packed, sizeof packed);

  assert_refused (bomb, "cannot be decompressed");
  assert_refused (garbage, "cannot be decompressed");
  assert_refused (deflated, "which PyTorch never does");
  assert_refused (broken, "the checksum of “x/data.pkl”");
  assert_refused (other, "neither PyTorch's nor NumPy's");
  assert_refused (method, "a method other than deflate");
  assert_refused (nothing, "not a file of weights");
  assert_refused (zeros, "not a file of weights");
}

/* ── The other formats ───────────────────────────────────────────────────────────────────────── */

static char *
numpy_fixture (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "dataset", "fixtures", name, NULL);
}

static void
test_numpy (void)
{
  g_autofree char *one = numpy_fixture ("fortran.npy"), *several = numpy_fixture ("packed.npz");
  g_autofree char *big = numpy_fixture ("f8-big.npy"), *complex = numpy_fixture ("complex.npy");
  g_autoptr (KolWeights) fortran = open_file (one), packed = open_file (several);
  g_autoptr (KolWeights) swapped = open_file (big);
  g_autofree float *values = read_array (fortran, 0), *doubles = read_array (swapped, 0);
  int x = kol_weights_find (packed, "x");

  g_assert_cmpstr (kol_weights_get_name (fortran, 0), ==, "fortran");
  for (guint i = 0; i < 24; i++)
    g_assert_cmpfloat (values[i], ==, i);
  g_assert_cmpfloat (doubles[4], ==, 100.25f);
  g_assert_cmpint (x, >=, 0);
  g_assert_cmpstr (kol_weights_get_type (packed, (guint) x), ==, "uint8");
  g_autofree float *bytes = read_array (packed, (guint) x);
  g_assert_cmpfloat (bytes[53], ==, 5);
  assert_refused (complex, "are <c8;");
}

static void
test_safetensors (void)
{
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
  g_autofree char *path = path_of ("named-otherwise");
  g_autoptr (GError) error = NULL;
  static const char whole[] = "\x4d\0\0\0\0\0\0\0{\"n\":{\"dtype\":\"I64\",\"shape\":[2],"
                              "\"data_offsets\":[0,16]}}                      "
                              "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff";

  g_ptr_array_add (arrays, kol_array_new ("a", 2, (const gint64[]){ 2, 3 }));
  g_ptr_array_add (arrays, kol_array_new ("b", 0, NULL));
  ((KolArray *) arrays->pdata[0])->data[5] = 0.5f;
  ((KolArray *) arrays->pdata[1])->data[0] = -7;
  kol_safetensors_save (path, arrays, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (KolWeights) weights = open_file (path);
  g_assert_cmpstr (kol_weights_get_format (weights), ==, "safetensors");
  g_autofree float *a = read_array (weights, 0), *b = read_array (weights, 1);
  g_assert_cmpfloat (a[5], ==, 0.5f);
  g_assert_cmpfloat (b[0], ==, -7);

  g_autofree char *ints = write_file ("ints", (const guint8 *) whole, sizeof whole - 1);
  g_autoptr (KolWeights) numbers = open_file (ints);
  g_autofree float *n = read_array (numbers, 0);
  g_assert_cmpfloat (n[1], ==, -2);
  g_autofree char *cut = write_file ("cut", (const guint8 *) whole, sizeof whole - 2);
  assert_refused (cut, "truncated");
}

static void
test_hdf5 (void)
{
  static const char start[] = "\x89HDF\r\n\x1a\n and nothing that an HDF5 file should have";
  g_autofree char *path = write_file ("x.h5", (const guint8 *) start, sizeof start - 1);

  assert_refused (path, "does not begin as HDF5 does");
}

/* Files that HDF5's library has written, of the kind that h5py writes, and of its newest. */
static void
test_hdf5_seeds (void)
{
  static const struct {
    const char *file, *name, *type;
    guint count;
  } rows[] = { { "groups-0.h5", "a/b/0", "float32", 6 }, { "groups-0.h5", "a/b/1", "float64", 4 },
               { "groups-1.h5", "a/b/0", "float32", 6 }, { "groups-1.h5", "a/b/1", "float64", 4 },
               { "packed-0.h5", "x", "float32", 15 },    { "kinds-0.h5", "c", "float32", 3 },
               { "kinds-1.h5", "c", "float32", 3 } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path
          = g_test_build_filename (G_TEST_DIST, "fuzz", "seeds", "hdf5", rows[i].file, NULL);
      g_autoptr (KolWeights) weights = open_file (path);
      int at = kol_weights_find (weights, rows[i].name);

      g_assert_cmpint (at, >=, 0);
      g_assert_cmpstr (kol_weights_get_type (weights, (guint) at), ==, rows[i].type);
      g_assert_cmpuint (count_of (weights, (guint) at), ==, rows[i].count);
      g_autofree float *values = read_array (weights, (guint) at);
      for (guint k = 0; k < rows[i].count; k++)
        g_assert_cmpfloat (values[k], ==, (float) k - 3);
    }
  g_autofree char *newest
      = g_test_build_filename (G_TEST_DIST, "fuzz", "seeds", "hdf5", "packed-1.h5", NULL);
  assert_refused (newest, "save it with h5py");
}

#ifdef HAVE_HDF5

/* A data set that is called @name and holds 0, 1, 2, ...; @plan and @type are closed. */
static void
put_data (hid_t file, const char *name, hid_t type, hid_t plan, hsize_t rows, hsize_t columns)
{
  hid_t groups = H5Pcreate (H5P_LINK_CREATE);
  hid_t space = H5Screate_simple (2, (const hsize_t[]){ rows, columns }, NULL);

  H5Pset_create_intermediate_group (groups, 1);
  hid_t set = H5Dcreate2 (file, name, type, space, groups, plan, H5P_DEFAULT);
  g_assert_cmpint (set, >=, 0);
  if (rows * columns < 1000)
    {
      float values[1000];

      for (guint i = 0; i < rows * columns; i++)
        values[i] = (float) i;
      g_assert_cmpint (H5Dwrite (set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), >=,
                       0);
    }
  H5Dclose (set);
  H5Sclose (space);
  H5Pclose (groups);
  if (plan != H5P_DEFAULT)
    H5Pclose (plan);
}

/* How a data set is laid out: in pieces, compressed. */
static hid_t
deflated (void)
{
  hid_t plan = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (plan, 2, (const hsize_t[]){ 2, 2 });
  H5Pset_shuffle (plan);
  H5Pset_deflate (plan, 6);
  return plan;
}

static void
check_data (KolWeights *weights, const char *name, const char *type)
{
  int i = kol_weights_find (weights, name);

  g_assert_cmpint (i, >=, 0);
  g_assert_cmpstr (kol_weights_get_type (weights, (guint) i), ==, type);
  g_autofree float *values = read_array (weights, (guint) i);
  for (gsize k = 0; k < count_of (weights, (guint) i); k++)
    g_assert_cmpfloat (values[k], ==, k);
}

static hid_t
create_hdf5 (const char *path)
{
  hid_t file = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

  g_assert_cmpint (file, >=, 0);
  return file;
}

static void
test_hdf5_types (void)
{
  g_autofree char *path = path_of ("types.h5");
  hid_t file = create_hdf5 (path);

  put_data (file, "layers/conv2d/vars/0", H5T_IEEE_F32LE, H5P_DEFAULT, 3, 5);
  put_data (file, "layers/conv2d/vars/1", H5T_IEEE_F64BE, H5P_DEFAULT, 3, 5);
  put_data (file, "packed", H5T_IEEE_F32LE, deflated (), 3, 5);
  put_data (file, "count", H5T_STD_I64LE, H5P_DEFAULT, 1, 1);
  put_data (file, "empty", H5T_IEEE_F32LE, H5P_DEFAULT, 0, 5);
  /* What leads to the same data is no array of its own, and what leads elsewhere is left. */
  H5Lcreate_soft ("/packed", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external ("/etc/passwd", "/x", file, "outside", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose (file);
  g_autoptr (KolWeights) weights = open_file (path);
  g_assert_cmpuint (kol_weights_get_count (weights), ==, 5);
  check_data (weights, "layers/conv2d/vars/0", "float32");
  check_data (weights, "layers/conv2d/vars/1", "float64");
  check_data (weights, "packed", "float32");
  check_data (weights, "count", "int64");
  check_data (weights, "empty", "float32");
}

static void
test_hdf5_hostile (void)
{
  g_autofree char *large = path_of ("large.h5"), *outside = path_of ("outside.h5");
  g_autofree char *other = path_of ("other-file");
  hid_t file = create_hdf5 (large), plan;

  /* No byte of it was ever written. */
  put_data (file, "x", H5T_IEEE_F32LE, H5P_DEFAULT, 1ull << 30, 1ull << 30);
  H5Fclose (file);
  assert_refused (large, "“x” promises more elements");

  file = create_hdf5 (outside);
  plan = H5Pcreate (H5P_DATASET_CREATE);
  H5Pset_external (plan, other, 0, 24);
  put_data (file, "x", H5T_IEEE_F32LE, plan, 2, 3);
  H5Fclose (file);
  assert_refused (outside, "lie in another file");
}

#endif

static void
test_missing (void)
{
  g_autofree char *path = path_of ("nowhere.pth");
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_weights_open (path, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_clear_error (&error);
  g_assert_null (kol_weights_open (folder, &error));
  g_assert_nonnull (error);
}

/* ── main ────────────────────────────────────────────────────────────────────────────────────── */

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      remove_all (inner);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

/* Runs a test, the function @user_data, on an empty folder. */
static void
run_in_folder (gconstpointer user_data)
{
  void (*test) (void) = (void (*) (void)) user_data;
  g_autoptr (GError) error = NULL;

  folder = g_dir_make_tmp ("kolinsky-weights-XXXXXX", &error);
  g_assert_no_error (error);
  test ();
  remove_all (folder);
  g_free (folder);
}

static void
add (const char *path, void (*test) (void))
{
  g_test_add_data_func (path, (gconstpointer) test, run_in_folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/weights/fixtures", test_fixtures);
  add ("/weights/torch", test_torch);
  add ("/weights/pieces", test_pieces);
  add ("/weights/hostile", test_hostile);
  add ("/weights/much", test_much);
  add ("/weights/copies", test_copies);
  add ("/weights/damage", test_damage);
  add ("/weights/archives", test_archives);
  add ("/weights/numpy", test_numpy);
  add ("/weights/safetensors", test_safetensors);
  add ("/weights/hdf5/broken", test_hdf5);
  add ("/weights/hdf5/seeds", test_hdf5_seeds);
#ifdef HAVE_HDF5
  add ("/weights/hdf5/types", test_hdf5_types);
  add ("/weights/hdf5/hostile", test_hdf5_hostile);
#endif
  add ("/weights/missing", test_missing);
  return g_test_run ();
}
