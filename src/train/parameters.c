/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "parameters-private.h"

#include <string.h>

#include "../device/error.h"
#include "../graph/op-private.h"

static KolArray *
copy_parameter (KolParameter *parameter, GError **error)
{
  const KolShape *shape = kol_parameter_get_shape (parameter);
  g_autoptr (KolArray) array
      = kol_array_new (kol_parameter_get_name (parameter), shape->rank, shape->dim);

  if (!array)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                   "There is no host memory for a copy of parameter %s",
                   kol_parameter_get_name (parameter));
      return NULL;
    }
  return kol_parameter_read (parameter, array->data, error) ? g_steal_pointer (&array) : NULL;
}

GPtrArray *
kol_parameters_copy (KolParameters *parameters, guint first, guint end, GError **error)
{
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);

  for (guint i = first; i < end; i++)
    {
      KolArray *array = copy_parameter (kol_parameters_get (parameters, i), error);
      if (!array)
        return NULL;
      g_ptr_array_add (arrays, array);
    }
  return g_steal_pointer (&arrays);
}

static KolArray *
find_array (GPtrArray *arrays, const char *name)
{
  for (guint i = 0; i < arrays->len; i++)
    {
      KolArray *array = g_ptr_array_index (arrays, i);
      if (strcmp (array->name, name) == 0)
        return array;
    }
  return NULL;
}

static gboolean
same_shape (const KolArray *array, const KolShape *shape)
{
  if (array->rank != (guint) shape->rank)
    return FALSE;
  for (guint i = 0; i < array->rank; i++)
    if (array->dims[i] != shape->dim[i])
      return FALSE;
  return TRUE;
}

/* The array for a parameter, if it is there and of the right shape. */
static KolArray *
match_array (GPtrArray *arrays, const KolParameter *parameter, const char *origin, GError **error)
{
  const char *name = kol_parameter_get_name (parameter);
  const KolShape *shape = kol_parameter_get_shape (parameter);
  KolArray *array = find_array (arrays, name);
  g_autofree char *shown = g_filename_display_name (origin);

  if (!array)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” has no parameter %s %s; it was saved from another network", shown, name,
                   kol_shape_text (shape));
      return NULL;
    }
  if (same_shape (array, shape))
    return array;
  KolShape found = { .rank = (int) array->rank };
  memcpy (found.dim, array->dims, sizeof (gint64) * array->rank);
  g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
               "In “%s” the parameter %s is %s, but this network's is %s; was it trained on "
               "examples of another size or with other classes?",
               shown, name, kol_shape_text (&found), kol_shape_text (shape));
  return NULL;
}

gboolean
kol_parameters_check (KolParameters *parameters, GPtrArray *arrays, const char *origin,
                      GError **error)
{
  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    if (!match_array (arrays, kol_parameters_get (parameters, i), origin, error))
      return FALSE;
  return TRUE;
}

gboolean
kol_parameters_take (KolParameters *parameters, GPtrArray *arrays, const char *origin,
                     GError **error)
{
  guint n = kol_parameters_get_count (parameters);
  g_autofree KolArray **matches = g_new0 (KolArray *, n);

  for (guint i = 0; i < n; i++)
    {
      matches[i] = match_array (arrays, kol_parameters_get (parameters, i), origin, error);
      if (!matches[i])
        return FALSE;
    }
  for (guint i = 0; i < n; i++)
    if (!kol_parameter_write (kol_parameters_get (parameters, i), matches[i]->data, error))
      return FALSE;
  return TRUE;
}

gboolean
kol_parameters_take_averages (KolParameters *parameters, GPtrArray *state, GError **error)
{
  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      g_autofree char *name = g_strconcat (kol_parameter_get_name (parameter), "/average", NULL);
      const KolArray *average = find_array (state, name);

      if (average && same_shape (average, kol_parameter_get_shape (parameter))
          && !kol_parameter_write (parameter, average->data, error))
        return FALSE;
    }
  return TRUE;
}
