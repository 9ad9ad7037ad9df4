/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "dataset.h"

#include <string.h>

#include "dataset-private.h"

/* What a data set can be; the first that recognizes a path reads it. */
static const KolDatasetFormat *const formats[] = {
  &kol_dataset_idx, &kol_dataset_npz, &kol_dataset_npy, &kol_dataset_csv, &kol_dataset_folder,
};

static const KolDatasetFormat *
find_format (const char *path)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i]->recognizes (path))
      return formats[i];
  return NULL;
}

static gboolean
is_part (const char *part)
{
  return g_strcmp0 (part, "train") == 0 || g_strcmp0 (part, "validation") == 0
         || g_strcmp0 (part, "test") == 0;
}

/*
 * The file that holds a part, where a file holds one part only: the training part is
 * in @path, and the test part of flowers-train.csv in flowers-test.csv beside it.
 */
char *
kol_dataset_part_file (const char *path, const char *part, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  const char *word = g_strrstr (name, "train");

  if (strcmp (part, "train") == 0)
    return g_strdup (path);
  if (word)
    {
      g_autofree char *other
          = g_strdup_printf ("%.*stest%s", (int) (word - name), name, word + strlen ("train"));
      g_autofree char *file = g_build_filename (folder, other, NULL);
      if (g_file_test (file, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&file);
    }
  g_autofree char *shown = g_filename_display_name (path);
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
               "“%s” has no test part; a test part lies beside its training part and has “test” in "
               "its name where that has “train”: for flowers-train.csv it is flowers-test.csv",
               shown);
  return NULL;
}

/* Says why nothing recognizes @path. */
static void
fail_unknown (const char *path, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                 "There is no file or folder “%s”; check its name", shown);
  else
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
                 "“%s” is not a data set; give a folder with the four IDX files of MNIST or its "
                 "kin (train-images-idx3-ubyte and so on, each with or without .gz), a folder "
                 "with a sub-folder of pictures for each class, or a file .csv, .npz or .npy",
                 shown);
}

static void
fail_no_validation (const char *path, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
               "“%s” has no validation part; only folders of pictures have one, and of other data "
               "a share of the training part is held out",
               shown);
}

/* "[3, 32, 32] with 10 classes" */
static char *
example_text (const KolDataset *dataset)
{
  return g_strdup_printf ("[%zu, %zu, %zu] with %zu %s", dataset->channels, dataset->height,
                          dataset->width, dataset->outputs ? dataset->outputs : dataset->classes,
                          dataset->outputs ? "numbers to predict" : "classes");
}

static gboolean
fail_unlike (const KolDataset *dataset, const KolDataset *like, GError **error)
{
  g_autofree char *found = example_text (dataset);
  g_autofree char *wanted = example_text (like);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
               "The examples of the %s are %s, but those of the %s are %s; take both from the same "
               "data set",
               dataset->name, found, like->name, wanted);
  return FALSE;
}

/* Gives a test part the classes of its training part, if it fits to that. */
static gboolean
make_like (KolDataset *dataset, const KolDataset *like, GError **error)
{
  if (dataset->channels != like->channels || dataset->height != like->height
      || dataset->width != like->width || dataset->outputs != like->outputs
      || dataset->classes > like->classes)
    return fail_unlike (dataset, like, error);
  dataset->classes = like->classes;
  g_strfreev (dataset->class_names);
  dataset->class_names = g_strdupv (like->class_names);
  return TRUE;
}

/**
 * kol_dataset_open:
 * @path: a file or folder
 * @part: "train", the training set, "test", the test set, or "validation", which a folder
 *   of pictures may have between them
 * @options: (nullable): how to understand it; %NULL: as it says itself
 * @error: where to put what went wrong
 *
 * Opens a data set of any kind that is known here. @path may be
 *
 * - a folder with the IDX files of MNIST and its kin, of which the part "test" is
 *   called `t10k`: see [func@dataset_open_idx]. Their pixels are read in the
 *   background: call [func@dataset_finish] before looking at them;
 * - a folder with a sub-folder of pictures for each class, named after it. If it has a
 *   sub-folder `train` that is the training part, `val` (or `validation`) the
 *   validation part and `test` the test part; without, all of it is the training part.
 *   PNG, JPEG and what else [func@picture_load] reads; what cannot be read is named in
 *   `skipped`, and left out. Examples are sorted by class, then by name. They have one
 *   channel if all pictures are grey, else three. With `picture`, files are only listed,
 *   and of each its name and 9 bytes are kept; see [func@batches_next] and
 *   [func@dataset_list_skipped] for those that turn out to be no pictures;
 * - a file .npz with two arrays for each part: `x_train` and `y_train`, or
 *   `train_images` and `train_labels`, or `x` and `y`, or `images` and `labels`, or
 *   `arr_0` and `arr_1`; for the test part `x_test` and `y_test`, or `test_images`
 *   and `test_labels`. The first is `[N, K]`, `[N, H, W]`, `[N, C, H, W]` or
 *   `[N, H, W, C]`, the latter if its last dimension is 1, 3 or 4 and its second is
 *   not. Unsigned bytes are pixels, all else are values. The second is `[N]`, or
 *   `[N, outputs]` with `numbers`;
 * - a file .npy with such examples, whose targets lie beside it: those of
 *   `digits.npy` in `digits-labels.npy`, those of `x.npy` in `y.npy` and those of
 *   `x_train.npy` in `y_train.npy`;
 * - a file .csv (.tsv, .txt): a table of numbers with a row per example, columns
 *   separated by commas, semicolons or tabs, a line of names or none. The target's
 *   column holds whole numbers, which are the classes, or words, which are sorted;
 *   or, with `numbers`, numbers to predict.
 *
 * The test part of a file .npy or .csv is another file beside it, with "test" in its
 * name where that of the training part has "train".
 *
 * The examples of a training set and of a validation set come in a random order, always
 * the same one, as many sets are sorted by class and validation examples are taken from
 * the end of a training set, or only the first of them are looked at; a test set, and
 * IDX files, stay in their own order.
 *
 * Errors are of %KOL_DATASET_ERROR, or GLib's where the disk fails.
 * %KOL_DATASET_ERROR_MISSING: there is no such file, or no such part of it;
 * %KOL_DATASET_ERROR_FORMAT: it is none of these.
 *
 * Returns: (transfer full): the set, or %NULL with @error set
 */
KolDataset *
kol_dataset_open (const char *path, const char *part, const KolDatasetOptions *options,
                  GError **error)
{
  const KolDatasetOptions usual = { 0 };

  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (is_part (part), NULL);
  if (!options)
    options = &usual;

  const KolDatasetFormat *format = find_format (path);
  if (!format)
    {
      fail_unknown (path, error);
      return NULL;
    }
  if (!format->validation && g_str_equal (part, "validation"))
    {
      fail_no_validation (path, error);
      return NULL;
    }
  g_autoptr (KolDataset) dataset = format->open (path, part, options, error);
  if (!dataset || (options->like && !make_like (dataset, options->like, error)))
    return NULL;
  if (!g_str_equal (part, "test") && !format->mixed)
    kol_dataset_shuffle_in_place (dataset, 0);
  return g_steal_pointer (&dataset);
}

/**
 * kol_dataset_has_part:
 * @path: a file or folder
 * @part: "train", "validation" or "test"
 *
 * Whether [func@dataset_open] would find that part there, of which it may then
 * still say that it is damaged. Many sets have no test part.
 *
 * Returns: whether the part exists
 */
gboolean
kol_dataset_has_part (const char *path, const char *part)
{
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (is_part (part), FALSE);
  const KolDatasetFormat *format = find_format (path);

  return format && (format->validation || !g_str_equal (part, "validation"))
         && format->has_part (path, part);
}

/**
 * kol_dataset_find:
 *
 * Looks for an installed data set of IDX files: what the environment variable
 * `KOLINSKY_DATA` names, taken at its word so that a mistake in it is reported by
 * [func@dataset_open] and not passed over; then `datasets/fashion-mnist` in each of
 * the system's data folders and in `/usr/share`, which is where Debian's package
 * dataset-fashion-mnist puts it.
 *
 * Returns: (transfer full) (nullable): the name of the file or folder, or %NULL if
 *   there is none
 */
char *
kol_dataset_find (void)
{
  const char *wish = g_getenv ("KOLINSKY_DATA");
  const char *const last[] = { "/usr/share", NULL };
  const char *const *lists[] = { g_get_system_data_dirs (), last };

  if (wish && *wish)
    return g_strdup (wish);
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const char *const *base = lists[i]; *base; base++)
      {
        g_autofree char *folder = g_build_filename (*base, "datasets", "fashion-mnist", NULL);
        if (kol_dataset_idx.has_part (folder, "train"))
          return g_steal_pointer (&folder);
      }
  return NULL;
}
