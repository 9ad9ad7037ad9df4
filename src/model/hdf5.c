/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Weights as Keras saves them: HDF5, read by its own library where Kolinsky was built
 * with it. An array is called by its path, "block1/layers/conv2d/vars/0".
 *
 * The library follows whatever a file says, so what leads out of the file is refused:
 * links to other files are not followed, and data that lie in other files, or that
 * need a filter which the library would have to load, are not read.
 */

#include "weights-private.h"

#include <string.h>

static gboolean
hdf5_recognizes (const guint8 *bytes, gsize length)
{
  return length >= 8 && memcmp (bytes, "\x89HDF\r\n\x1a\n", 8) == 0;
}

#ifdef HAVE_HDF5

#include <hdf5.h>

/* No compression that is known packs better, so a promise of more is a lie. */
#define BEST_RATIO 1032

/* The library is not made for threads. */
static GMutex lock;

/* What is done while all objects of a file are visited. */
typedef struct {
  KolWeights *weights;
  GError *error;
} Visit;

static void
close_file (KolWeights *weights)
{
  hid_t *file = weights->data;

  if (!file)
    return;
  g_mutex_lock (&lock);
  H5Fclose (*file);
  g_mutex_unlock (&lock);
  g_clear_pointer (&weights->data, g_free);
}

/* The type of our list that @type is, but for the order of its bytes; NULL if it is none. */
static const KolElementType *
find_type (hid_t type)
{
  H5T_class_t class = H5Tget_class (type);
  gsize size = H5Tget_size (type);

  if (class == H5T_FLOAT && (size == 2 || size == 4 || size == 8))
    return kol_element_type_find (size == 2 ? "f2" : size == 4 ? "f4" : "f8");
  if (class != H5T_INTEGER || size > 8)
    return NULL;
  g_autofree char *name
      = g_strdup_printf ("%c%zu", H5Tget_sign (type) == H5T_SGN_NONE ? 'u' : 'i', size);
  return kol_element_type_find (name);
}

/* Whether all that is read lies in the file, unpacked by filters of the library's own. */
static gboolean
is_inside (hid_t data)
{
  hid_t plan = H5Dget_create_plist (data);
  gboolean inside
      = plan >= 0 && H5Pget_layout (plan) != H5D_VIRTUAL
        && (H5Pget_layout (plan) != H5D_CONTIGUOUS || H5Pget_external_count (plan) == 0);

  for (int i = 0; inside && i < H5Pget_nfilters (plan); i++)
    {
      unsigned flags, config;
      size_t count = 0;
      H5Z_filter_t filter
          = H5Pget_filter2 (plan, (unsigned) i, &flags, &count, NULL, 0, NULL, &config);

      inside = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE
               || filter == H5Z_FILTER_FLETCHER32;
    }
  if (plan >= 0)
    H5Pclose (plan);
  return inside;
}

static gboolean
read_shape (hid_t space, KolElements *elements)
{
  hsize_t dims[KOL_ELEMENTS_MAX_RANK];
  int rank = H5Sget_simple_extent_ndims (space);

  if (rank < 0 || rank > KOL_ELEMENTS_MAX_RANK || H5Sget_simple_extent_type (space) == H5S_NULL
      || H5Sget_simple_extent_dims (space, dims, NULL) < 0)
    return FALSE;
  elements->rank = (guint) rank;
  for (int i = 0; i < rank; i++)
    elements->dims[i] = (gint64) MIN (dims[i], (hsize_t) G_MAXINT64);
  return TRUE;
}

/* Whether the file really has as much as the array promises. */
static gboolean
is_honest (hid_t data, const KolElements *elements)
{
  gsize count, bytes;

  return kol_elements_count (elements, &count)
         && g_size_checked_mul (&bytes, count, elements->type->size)
         && bytes / BEST_RATIO <= H5Dget_storage_size (data)
         && (bytes == 0 || H5Dget_storage_size (data) > 0);
}

static gboolean
add_data (Visit *visit, hid_t data, const char *name)
{
  KolElements elements = { 0 };
  hid_t type = H5Dget_type (data), space = H5Dget_space (data);
  gboolean numbers = type >= 0 && (elements.type = find_type (type)) != NULL, good = TRUE;

  /* Texts and the like, such as Keras's notes about an optimizer, are let go. */
  if (numbers && (space < 0 || !read_shape (space, &elements)))
    good = kol_weights_fail (visit->weights, &visit->error,
                             "holds “%s”, whose shape cannot be read", name);
  else if (numbers && !is_inside (data))
    good = kol_weights_fail (visit->weights, &visit->error,
                             "holds “%s”, whose numbers lie in another file or are packed by "
                             "something else than deflate",
                             name);
  else if (numbers && !is_honest (data, &elements))
    good = kol_weights_fail (visit->weights, &visit->error,
                             "is damaged: “%s” promises more elements than are in the file", name);
  else if (numbers)
    good = kol_weights_add (visit->weights, name, &elements, &visit->error) != NULL;
  if (type >= 0)
    H5Tclose (type);
  if (space >= 0)
    H5Sclose (space);
  return good;
}

static herr_t
visit_object (hid_t root, const char *name, const H5O_info_t *info, void *data)
{
  Visit *visit = data;

  if (info->type != H5O_TYPE_DATASET)
    return 0;
  if (!g_utf8_validate (name, -1, NULL))
    {
      kol_weights_fail (visit->weights, &visit->error, "has an array whose name is not UTF-8");
      return -1;
    }
  hid_t set = H5Dopen2 (root, name, H5P_DEFAULT);
  gboolean good = set >= 0;
  if (!good)
    kol_weights_fail (visit->weights, &visit->error, "is damaged: “%s” cannot be opened", name);
  else
    good = add_data (visit, set, name);
  if (set >= 0)
    H5Dclose (set);
  return good ? 0 : -1;
}

static gboolean
open_locked (KolWeights *weights, GError **error)
{
  Visit visit = { .weights = weights };

  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state (0);
  hid_t file = H5Fopen (weights->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0)
    return kol_weights_fail (weights, error,
                             "is damaged: the library of HDF5 cannot open it; copy or download it "
                             "again");
  weights->data = g_memdup2 (&file, sizeof file);
  herr_t result
      = H5Ovisit2 (file, H5_INDEX_NAME, H5_ITER_INC, visit_object, &visit, H5O_INFO_BASIC);
  if (visit.error)
    g_propagate_error (error, visit.error);
  else if (result < 0)
    return kol_weights_fail (weights, error,
                             "is damaged: not all that it should hold can be found; copy or "
                             "download it again");
  return result >= 0;
}

static gboolean
hdf5_open (KolWeights *weights, GError **error)
{
  g_mutex_lock (&lock);
  gboolean good = open_locked (weights, error);
  g_mutex_unlock (&lock);
  return good;
}

static gboolean
hdf5_read (KolWeights *weights, const KolWeightsArray *array, float *values, GError **error)
{
  hid_t *file = weights->data;

  g_mutex_lock (&lock);
  hid_t set = H5Dopen2 (*file, array->name, H5P_DEFAULT);
  gboolean good
      = set >= 0 && H5Dread (set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  if (set >= 0)
    H5Dclose (set);
  g_mutex_unlock (&lock);
  return good || kol_weights_fail (weights, error, "is damaged: “%s” cannot be read", array->name);
}

const KolWeightsFormat kol_weights_hdf5 = {
  .title = "HDF5",
  .recognizes = hdf5_recognizes,
  .open = hdf5_open,
  .read = hdf5_read,
  .close = close_file,
};

#else

static gboolean
hdf5_open (KolWeights *weights, GError **error)
{
  return kol_weights_fail (weights, error,
                           "is an HDF5 file, and this Kolinsky was built without the library that "
                           "reads those; install libhdf5-dev and build again, or save the weights "
                           "as .npz");
}

const KolWeightsFormat kol_weights_hdf5 = {
  .title = "HDF5",
  .recognizes = hdf5_recognizes,
  .open = hdf5_open,
};

#endif
