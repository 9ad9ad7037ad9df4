/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "dataset.h"

#include <string.h>

#include "../file-private.h"
#include "dataset-private.h"

/**
 * kol_dataset_error_quark:
 *
 * The domain of [enum@KolDatasetError], as %KOL_DATASET_ERROR.
 *
 * Returns: the quark
 */
G_DEFINE_QUARK (kol - dataset - error - quark, kol_dataset_error)

gpointer
kol_dataset_file_error (GError **error)
{
  static const KolDatasetError codes[] = {
    [KOL_FILE_TRUNCATED] = KOL_DATASET_ERROR_TRUNCATED,
    [KOL_FILE_TRAILING] = KOL_DATASET_ERROR_TRAILING,
    [KOL_FILE_CORRUPT] = KOL_DATASET_ERROR_CORRUPT,
    [KOL_FILE_FORMAT] = KOL_DATASET_ERROR_FORMAT,
    [KOL_FILE_TYPE] = KOL_DATASET_ERROR_TYPE,
    [KOL_FILE_RANK] = KOL_DATASET_ERROR_RANK,
    [KOL_FILE_TOO_LARGE] = KOL_DATASET_ERROR_TOO_LARGE,
  };

  if (error && *error && (*error)->domain == KOL_FILE_ERROR)
    {
      (*error)->code = (int) codes[(*error)->code];
      (*error)->domain = KOL_DATASET_ERROR;
    }
  return NULL;
}

/* "fashion-mnist training set": after the file or folder, whatever way it was written. */
static char *
set_name (const char *path, const char *part)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autofree char *last = g_path_get_basename (whole);
  g_autofree char *shown = g_filename_display_name (last);

  const char *called = strcmp (part, "train") == 0  ? "training"
                       : strcmp (part, "t10k") == 0 ? "test" /* as MNIST's files have it */
                                                    : part;

  return g_strdup_printf ("%s %s set", shown, called);
}

/* A set that is named, and else empty: for whoever reads a format to fill. */
KolDataset *
kol_dataset_new (const char *path, const char *part)
{
  KolDataset *dataset = g_new0 (KolDataset, 1);

  g_atomic_ref_count_init (&dataset->references);
  dataset->name = set_name (path, part);
  dataset->path = g_strdup (path);
  return dataset;
}

/**
 * kol_dataset_ref:
 * @dataset: a set
 *
 * Returns: (transfer full): @dataset, with one more reference
 */
KolDataset *
kol_dataset_ref (KolDataset *dataset)
{
  g_return_val_if_fail (dataset != NULL, NULL);
  g_atomic_ref_count_inc (&dataset->references);
  return dataset;
}

/* ── Reading in the background ───────────────────────────────────────────────────────────────── */

/* What fills a set, which it belongs to. */
typedef struct _KolLoading KolLoading;
struct _KolLoading {
  KolLoad load;
  gpointer data;
  GDestroyNotify free_data;
  GCancellable *cancellable;

  GMutex lock;     /* guards what follows */
  GThread *thread; /* NULL: it has ended, and the error is final */
  GError *error;   /* what was wrong; before that, only the thread touches it */
};

static gpointer
load_in_thread (gpointer user_data)
{
  KolLoading *loading = user_data;

  loading->load (loading->data, loading->cancellable, &loading->error);
  return NULL;
}

static void
loading_wait (KolLoading *loading)
{
  g_mutex_lock (&loading->lock);
  if (loading->thread)
    g_thread_join (g_steal_pointer (&loading->thread));
  g_mutex_unlock (&loading->lock);
}

/* Ends the thread wherever it is. */
static void
loading_free (KolLoading *loading)
{
  g_cancellable_cancel (loading->cancellable);
  loading_wait (loading);
  g_object_unref (loading->cancellable);
  g_mutex_clear (&loading->lock);
  g_clear_error (&loading->error);
  loading->free_data (loading->data);
  g_free (loading);
}

/* Starts a thread that fills @dataset; @data is freed with the set, also on failure. */
gboolean
kol_dataset_load_in_background (KolDataset *dataset, KolLoad load, gpointer data,
                                GDestroyNotify free_data, GError **error)
{
  KolLoading *loading = g_new0 (KolLoading, 1);

  loading->load = load;
  loading->data = data;
  loading->free_data = free_data;
  loading->cancellable = g_cancellable_new ();
  g_mutex_init (&loading->lock);
  dataset->loading = loading;
  loading->thread = g_thread_try_new ("kol-dataset", load_in_thread, loading, error);
  if (!loading->thread)
    g_prefix_error (error, "The thread that reads the %s cannot be started: ", dataset->name);
  return loading->thread != NULL;
}

/**
 * kol_dataset_finish:
 * @dataset: a set, or a slice of one
 * @error: where to put what went wrong
 *
 * Waits until the pixels of the whole set are read. It may be called as often as
 * one likes, from any thread, and says the same each time.
 *
 * Pictures that stay in their files are not waited for. If so many of them cannot be
 * read that a stream of batches has given up, this tells it.
 *
 * Errors are of %KOL_DATASET_ERROR, or GIO's where the disk fails: the file of the
 * pictures ends too soon or goes on too long, or its gzip data are damaged.
 *
 * Returns: whether the pixels are there
 */
gboolean
kol_dataset_finish (KolDataset *dataset, GError **error)
{
  g_return_val_if_fail (dataset != NULL, FALSE);
  KolLoading *loading = dataset->loading;

  if (dataset->pictures)
    return kol_pictures_check (dataset->pictures, error);
  if (!loading)
    return TRUE;
  loading_wait (loading);
  if (loading->error && error)
    *error = g_error_copy (loading->error);
  return loading->error == NULL;
}

/**
 * kol_dataset_list_skipped:
 * @dataset: a set, or a slice of one
 * @first: which of the lines to begin with, from 0
 * @count: (out) (optional): how many pictures of the whole set could not be read so
 *   far; of very many not all have a line
 *
 * What was left out of the whole set because it could not be read, in the order in
 * which it was found. Of a set whose pictures stay in their files that grows as they
 * are read; this may be called from any thread meanwhile.
 *
 * Returns: (transfer full) (array zero-terminated=1): lines, each "file: reason"
 */
char **
kol_dataset_list_skipped (KolDataset *dataset, gsize first, gsize *count)
{
  g_return_val_if_fail (dataset != NULL, NULL);
  gsize found = dataset->skipped ? g_strv_length (dataset->skipped) : 0;

  if (dataset->pictures)
    return kol_pictures_list_skipped (dataset->pictures, first, count);
  if (count)
    *count = found;
  return first < found ? g_strdupv (dataset->skipped + first) : g_new0 (char *, 1);
}

/**
 * kol_dataset_get_digest:
 * @dataset: a set
 *
 * What tells two sets of pictures apart that stay in their files: a sum over the files'
 * names, in their order.
 *
 * Returns: (transfer full) (nullable): SHA-256 in 64 hexadecimal digits; %NULL if the set
 *   is not such a set
 */
char *
kol_dataset_get_digest (const KolDataset *dataset)
{
  g_return_val_if_fail (dataset != NULL, NULL);
  return dataset->pictures ? kol_listing_digest (kol_pictures_get_listing (dataset->pictures))
                           : NULL;
}

/* ── Slices ──────────────────────────────────────────────────────────────────────────────────── */

/* Moves the arrays of @dataset, which are another set's, on to its example @first. */
static void
skip_examples (KolDataset *dataset, gsize first)
{
  dataset->first_picture += first;
  if (dataset->pixels)
    dataset->pixels += first * kol_dataset_example_size (dataset);
  if (dataset->values)
    dataset->values += first * kol_dataset_example_size (dataset);
  if (dataset->labels)
    dataset->labels += first;
  if (dataset->targets)
    dataset->targets += first * dataset->outputs;
}

/**
 * kol_dataset_slice:
 * @dataset: a set
 * @first: the first example that the slice shows, from 0
 * @count: how many it shows, at least 1
 *
 * A part of a set, such as the last tenth, kept for validation. It shares the
 * memory of the set, and keeps it alive. The set's pixels may still be being read;
 * [func@dataset_finish] then says the same of the slice as of the set.
 *
 * Returns: (transfer full): the examples @first to @first + @count - 1
 */
KolDataset *
kol_dataset_slice (KolDataset *dataset, gsize first, gsize count)
{
  g_return_val_if_fail (dataset != NULL, NULL);
  g_return_val_if_fail (first < dataset->count, NULL);
  g_return_val_if_fail (count > 0 && count <= dataset->count - first, NULL);
  KolDataset *slice = g_new (KolDataset, 1);

  *slice = *dataset;
  g_atomic_ref_count_init (&slice->references);
  slice->owner = kol_dataset_ref (dataset->owner ? dataset->owner : dataset);
  slice->count = count;
  skip_examples (slice, first);
  slice->name = g_strdup_printf ("%s [%zu..%zu]", dataset->name, first, first + count - 1);
  slice->path = g_strdup (dataset->path);
  return slice;
}

/**
 * kol_dataset_unref:
 * @dataset: (transfer full) (nullable): a set
 *
 * Gives a reference back; the last one frees the set.
 */
void
kol_dataset_unref (KolDataset *dataset)
{
  if (!dataset || !g_atomic_ref_count_dec (&dataset->references))
    return;
  if (dataset->owner)
    kol_dataset_unref (dataset->owner);
  else
    {
      g_clear_pointer (&dataset->loading, loading_free);
      g_free (dataset->pixels);
      g_free (dataset->values);
      if (dataset->pictures) /* the labels are theirs */
        kol_pictures_free (dataset->pictures);
      else
        g_free (dataset->labels);
      g_free (dataset->targets);
      g_strfreev (dataset->class_names);
      g_strfreev (dataset->skipped);
    }
  g_free (dataset->name);
  g_free (dataset->path);
  g_free (dataset);
}

/* ── Shuffling ───────────────────────────────────────────────────────────────────────────────── */

/* Exchanges elements @i and @j of an array whose elements have @size bytes each. */
static void
exchange (void *array, gsize size, gsize i, gsize j)
{
  guint8 *a = (guint8 *) array + i * size, *b = (guint8 *) array + j * size;
  guint8 kept[256];

  for (gsize n; size > 0 && a != b; size -= n, a += n, b += n)
    {
      n = MIN (size, sizeof kept);
      memcpy (kept, a, n);
      memcpy (a, b, n);
      memcpy (b, kept, n);
    }
}

/* Puts the examples of a set that no one else knows yet into a random order. */
void
kol_dataset_shuffle_in_place (KolDataset *dataset, guint64 seed)
{
  KolShuffle shuffle = { .key = kol_random_key (seed, "dataset"), .count = dataset->count };
  gsize size = kol_dataset_example_size (dataset);

  for (gsize i = dataset->count - 1; i > 0; i--)
    {
      gsize j = kol_shuffle_partner (&shuffle, i);
      if (dataset->pictures) /* with their labels */
        {
          kol_listing_exchange (kol_pictures_get_listing (dataset->pictures), i, j);
          continue;
        }
      if (dataset->pixels)
        exchange (dataset->pixels, size, i, j);
      if (dataset->values)
        exchange (dataset->values, size * sizeof (float), i, j);
      if (dataset->labels)
        exchange (dataset->labels, sizeof (guint32), i, j);
      if (dataset->targets)
        exchange (dataset->targets, dataset->outputs * sizeof (float), i, j);
    }
}

/* A copy of @count elements of @size bytes; NULL if there is no @array, or no memory for it. */
static gpointer
copy_array (gconstpointer array, gsize count, gsize size, gboolean *done)
{
  gpointer copy = array ? g_try_malloc_n (count, size) : NULL;

  if (copy)
    memcpy (copy, array, count * size);
  *done = *done && (copy || !array);
  return copy;
}

static void
copy_pictures (KolDataset *copy, const KolDataset *dataset)
{
  copy->pictures = kol_pictures_copy (dataset->pictures, dataset->first_picture, dataset->count);
  copy->picture = kol_pictures_get_how (copy->pictures);
  copy->labels = kol_pictures_get_listing (copy->pictures)->labels;
  copy->first_picture = 0;
}

/* A set with arrays of its own, which are equal to those of @dataset. */
static KolDataset *
copy_dataset (const KolDataset *dataset, GError **error)
{
  gsize count = dataset->count, size = kol_dataset_example_size (dataset);
  g_autoptr (KolDataset) copy = g_new (KolDataset, 1);
  gboolean done = TRUE;

  *copy = *dataset;
  g_atomic_ref_count_init (&copy->references);
  copy->owner = NULL;
  copy->loading = NULL;
  copy->pixels = copy_array (dataset->pixels, count, size, &done);
  copy->values = copy_array (dataset->values, count, size * sizeof (float), &done);
  if (dataset->pictures)
    copy_pictures (copy, dataset);
  else
    copy->labels = copy_array (dataset->labels, count, sizeof (guint32), &done);
  copy->targets = copy_array (dataset->targets, count, dataset->outputs * sizeof (float), &done);
  copy->class_names = g_strdupv (dataset->class_names);
  copy->skipped = g_strdupv (dataset->skipped);
  copy->name = g_strdup (dataset->name);
  copy->path = g_strdup (dataset->path);
  if (done)
    return g_steal_pointer (&copy);
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
               "There is not enough memory for a shuffled copy of the %s, %zu examples of %zu "
               "numbers; shuffle a slice of it, or take it in its own order",
               dataset->name, count, size);
  return NULL;
}

/**
 * kol_dataset_shuffle:
 * @dataset: a set, or a slice of one
 * @seed: chooses the order
 * @error: where to put what went wrong
 *
 * A copy of the set whose examples are in a random order, a function of @seed and
 * the count alone. Whoever holds out the end of a set for validation needs this
 * first if the set is sorted by class. Waits for the pixels, if they are still
 * being read.
 *
 * Errors: %KOL_DATASET_ERROR_TOO_LARGE if there is no memory for a copy, and what
 * [func@dataset_finish] reports.
 *
 * Returns: (transfer full): the shuffled set, or %NULL with @error set
 */
KolDataset *
kol_dataset_shuffle (KolDataset *dataset, guint64 seed, GError **error)
{
  g_return_val_if_fail (dataset != NULL, NULL);
  KolDataset *shuffled;

  if (!kol_dataset_finish (dataset, error))
    return NULL;
  shuffled = copy_dataset (dataset, error);
  if (shuffled)
    kol_dataset_shuffle_in_place (shuffled, seed);
  return shuffled;
}
