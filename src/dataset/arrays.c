/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Data sets from NumPy's files: several arrays in one .npz, or .npy files side by side. */

#include <string.h>

#include "../zip-private.h"
#include "dataset-private.h"
#include "npy-private.h"

/* The arrays of a set, and what messages call them. */
typedef struct {
  KolNpy *x;
  KolNpy *y;
  char *x_shown;
  char *y_shown;
} Arrays;

static void
arrays_clear (Arrays *arrays)
{
  g_clear_pointer (&arrays->x, kol_npy_free);
  g_clear_pointer (&arrays->y, kol_npy_free);
  g_clear_pointer (&arrays->x_shown, g_free);
  g_clear_pointer (&arrays->y_shown, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Arrays, arrays_clear)

/* ── Examples ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_colour (gsize dim)
{
  return dim == 1 || dim == 3 || dim == 4;
}

/* Whether a picture's channels come last: only if the last dimension alone can be channels. */
static gboolean
is_channels_last (const KolNpy *x)
{
  return x->rank == 4 && is_colour (x->dims[3]) && !is_colour (x->dims[1]);
}

#define CHANNELS_FIRST(name, type)                                                                 \
  static void name (type *pixels, gsize count, gsize places, gsize channels)                       \
  {                                                                                                \
    g_autofree type *picture = g_new (type, places * channels);                                    \
    for (gsize n = 0; n < count; n++, pixels += places * channels)                                 \
      {                                                                                            \
        memcpy (picture, pixels, places *channels * sizeof (type));                                \
        for (gsize c = 0; c < channels; c++)                                                       \
          for (gsize i = 0; i < places; i++)                                                       \
            pixels[c * places + i] = picture[i * channels + c];                                    \
      }                                                                                            \
  }
CHANNELS_FIRST (bytes_channels_first, guint8)
CHANNELS_FIRST (values_channels_first, float)

static gboolean
check_examples (const Arrays *arrays, GError **error)
{
  const KolNpy *x = arrays->x;

  if (x->rank < 1 || x->rank > 4)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_RANK,
                 "“%s” has rank %u; examples are [N, K], pictures [N, H, W], [N, C, H, W] or "
                 "[N, H, W, C]",
                 arrays->x_shown, x->rank);
  else if (x->size == 0)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
                 "“%s” is empty; give at least one example", arrays->x_shown);
  else
    return TRUE;
  return FALSE;
}

/* Takes the elements of x. */
static gboolean
set_examples (KolDataset *dataset, Arrays *arrays, GError **error)
{
  KolNpy *x = arrays->x;
  gboolean last = is_channels_last (x);

  if (!check_examples (arrays, error))
    return FALSE;
  dataset->count = x->dims[0];
  dataset->channels = x->rank == 4 ? x->dims[last ? 3 : 1] : x->rank == 2 ? x->dims[1] : 1;
  dataset->height = x->rank == 4 ? x->dims[last ? 1 : 2] : x->rank == 3 ? x->dims[1] : 1;
  dataset->width = x->rank == 4 ? x->dims[last ? 2 : 3] : x->rank == 3 ? x->dims[2] : 1;
  dataset->pixels = g_steal_pointer (&x->bytes);
  dataset->values = g_steal_pointer (&x->values);
  gsize places = dataset->height * dataset->width;
  if (last && dataset->pixels)
    bytes_channels_first (dataset->pixels, dataset->count, places, dataset->channels);
  if (last && dataset->values)
    values_channels_first (dataset->values, dataset->count, places, dataset->channels);
  return TRUE;
}

/* ── Targets ─────────────────────────────────────────────────────────────────────────────────── */

static float
value_at (const KolNpy *y, gsize i)
{
  return y->bytes ? y->bytes[i] : y->values[i];
}

static gboolean
set_labels (KolDataset *dataset, const Arrays *arrays, GError **error)
{
  dataset->labels = g_new (guint32, dataset->count);
  for (gsize i = 0; i < dataset->count; i++)
    {
      float value = value_at (arrays->y, i);
      gboolean whole = value >= 0 && value < KOL_DATASET_MAX_CLASSES && value == (guint32) value;
      if (!whole)
        {
          g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_VALUE,
                       "Element %zu of “%s” is %g, but a class is a whole number from 0 to %d; "
                       "number the classes so, or say that the targets are numbers",
                       i, arrays->y_shown, value, KOL_DATASET_MAX_CLASSES - 1);
          return FALSE;
        }
      dataset->labels[i] = (guint32) value;
      dataset->classes = MAX (dataset->classes, dataset->labels[i] + 1);
    }
  return TRUE;
}

static void
set_numbers (KolDataset *dataset, const KolNpy *y)
{
  dataset->outputs = y->size / dataset->count;
  dataset->targets = g_new (float, y->size);
  for (gsize i = 0; i < y->size; i++)
    dataset->targets[i] = value_at (y, i);
}

static gboolean
set_targets (KolDataset *dataset, const Arrays *arrays, gboolean numbers, GError **error)
{
  const KolNpy *y = arrays->y;
  gsize outputs = y->rank == 2 ? y->dims[1] : 1;

  if (y->rank < 1 || y->rank > 2 || outputs == 0 || (!numbers && outputs > 1))
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_RANK,
                   "“%s” has rank %u, with %zu numbers per example; labels are [N], whole numbers "
                   "from 0; numbers to predict are [N] or [N, outputs], but must be asked for",
                   arrays->y_shown, y->rank,
                   y->rank > 0 && y->dims[0] > 0 ? y->size / y->dims[0] : y->size);
      return FALSE;
    }
  if (y->dims[0] != dataset->count)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                   "“%s” holds %zu examples, but “%s” holds %zu targets; take both from the same "
                   "data set",
                   arrays->x_shown, dataset->count, arrays->y_shown, y->dims[0]);
      return FALSE;
    }
  if (!numbers)
    return set_labels (dataset, arrays, error);
  set_numbers (dataset, y);
  return TRUE;
}

static KolDataset *
make_dataset (Arrays *arrays, const char *path, const char *part, gboolean numbers, GError **error)
{
  g_autoptr (KolDataset) dataset = kol_dataset_new (path, part);

  if (!set_examples (dataset, arrays, error) || !set_targets (dataset, arrays, numbers, error))
    return NULL;
  return g_steal_pointer (&dataset);
}

/* ── .npz ────────────────────────────────────────────────────────────────────────────────────── */

/* What the arrays of a part may be called; the first pair that is there is taken. */
static const struct {
  const char *part;
  const char *x;
  const char *y;
} names[] = {
  { "train", "x_train", "y_train" },
  { "train", "train_images", "train_labels" },
  { "train", "x", "y" },
  { "train", "images", "labels" },
  { "train", "arr_0", "arr_1" },
  { "test", "x_test", "y_test" },
  { "test", "test_images", "test_labels" },
};

static KolZipMember *
find_array (const KolZip *zip, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".npy", NULL);

  return kol_zip_find (zip, file);
}

/* Which of the names' pairs holds the part, or -1. */
static int
find_pair (const KolZip *zip, const char *part)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].part, part) == 0 && find_array (zip, names[i].x)
        && find_array (zip, names[i].y))
      return (int) i;
  return -1;
}

static void
fail_no_pair (const KolZip *zip, const char *part, GError **error)
{
  g_autoptr (GString) wanted = g_string_new (NULL);
  g_autoptr (GString) there = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].part, part) == 0)
      g_string_append_printf (wanted, "%s%s and %s", wanted->len ? ", or " : "", names[i].x,
                              names[i].y);
  for (guint i = 0; i < zip->members->len; i++)
    {
      const KolZipMember *member = g_ptr_array_index (zip->members, i);
      g_autofree char *name = g_str_has_suffix (member->name, ".npy")
                                  ? g_strndup (member->name, strlen (member->name) - 4)
                                  : g_strdup (member->name);
      g_string_append_printf (there, "%s%s", there->len ? ", " : "", name);
    }
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
               "“%s” has no %s part: it holds %s, but the arrays should be called %s", zip->shown,
               strcmp (part, "train") == 0 ? "training" : "test",
               there->len ? there->str : "nothing", wanted->str);
}

static KolNpy *
read_array (const KolZip *zip, const char *name, char **shown, GError **error)
{
  g_autoptr (GBytes) bytes = kol_zip_read (zip, find_array (zip, name), error);

  *shown = g_strdup_printf ("%s: %s", zip->shown, name);
  if (!bytes)
    return kol_dataset_file_error (error);
  return kol_npy_parse (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), *shown, error);
}

static gboolean
npz_recognizes (const char *path)
{
  return g_str_has_suffix (path, ".npz") && g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static gboolean
npz_has_part (const char *path, const char *part)
{
  g_autoptr (KolZip) zip = kol_zip_open (path, NULL);

  return zip && find_pair (zip, part) >= 0;
}

static KolDataset *
npz_open (const char *path, const char *part, const KolDatasetOptions *options, GError **error)
{
  g_autoptr (KolZip) zip = kol_zip_open (path, error);
  g_auto (Arrays) arrays = { 0 };

  if (!zip)
    return kol_dataset_file_error (error);
  int pair = find_pair (zip, part);
  if (pair < 0)
    {
      fail_no_pair (zip, part, error);
      return NULL;
    }
  arrays.x = read_array (zip, names[pair].x, &arrays.x_shown, error);
  arrays.y = arrays.x ? read_array (zip, names[pair].y, &arrays.y_shown, error) : NULL;
  return arrays.y ? make_dataset (&arrays, path, part, options->numbers, error) : NULL;
}

const KolDatasetFormat kol_dataset_npz = {
  .recognizes = npz_recognizes,
  .has_part = npz_has_part,
  .open = npz_open,
};

/* ── .npy ────────────────────────────────────────────────────────────────────────────────────── */

/*
 * Where the targets of a file of examples are: for digits.npy in digits-labels.npy;
 * for x.npy, or x_train.npy, in y.npy or y_train.npy.
 */
static char *
targets_path (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);

  if (g_str_equal (name, "x.npy") || g_str_has_prefix (name, "x_"))
    {
      name[0] = 'y';
      return g_build_filename (folder, name, NULL);
    }
  name[strlen (name) - strlen (".npy")] = '\0';
  g_autofree char *labels = g_strconcat (name, "-labels.npy", NULL);
  return g_build_filename (folder, labels, NULL);
}

static gboolean
npy_recognizes (const char *path)
{
  return g_str_has_suffix (path, ".npy") && g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static gboolean
npy_has_part (const char *path, const char *part)
{
  g_autofree char *file = kol_dataset_part_file (path, part, NULL);
  g_autofree char *targets = file ? targets_path (file) : NULL;

  return targets && g_file_test (targets, G_FILE_TEST_IS_REGULAR);
}

static KolDataset *
npy_open (const char *path, const char *part, const KolDatasetOptions *options, GError **error)
{
  g_autofree char *file = kol_dataset_part_file (path, part, error);
  g_auto (Arrays) arrays = { 0 };

  if (!file)
    return NULL;
  g_autofree char *targets = targets_path (file);
  arrays.x_shown = g_filename_display_name (file);
  arrays.y_shown = g_filename_display_name (targets);
  if (!g_file_test (targets, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                   "The targets of “%s” are not there; save the classes of its examples, or the "
                   "numbers to predict, as “%s”, or both arrays as x and y with numpy.savez",
                   arrays.x_shown, arrays.y_shown);
      return NULL;
    }
  arrays.x = kol_npy_load (file, error);
  arrays.y = arrays.x ? kol_npy_load (targets, error) : NULL;
  return arrays.y ? make_dataset (&arrays, file, part, options->numbers, error) : NULL;
}

const KolDatasetFormat kol_dataset_npy = {
  .recognizes = npy_recognizes,
  .has_part = npy_has_part,
  .open = npy_open,
};
