/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Weights from a file into a network's parameters. All is compared first, and what
 * does not fit is told at once; only if everything fits is anything changed.
 */

#include <string.h>

#include "../device/error.h"
#include "../graph/graph-private.h"
#include "../words-private.h"
#include "weights-private.h"

#define MOST_TOLD 8          /* names in a message, of each kind */
#define MOST_CANDIDATES 2000 /* names that a wrong one is compared with */

/* How the parameters' names were found in the file. */
typedef struct {
  const KolWeightNames *names; /* or NULL: as they are */
  int *places;                 /* for each parameter, an array of the file, or -1 */
  guint found;
} Match;

static void
match_clear (Match *match)
{
  g_clear_pointer (&match->places, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Match, match_clear)

/* What the parameter is called in the file; NULL if nothing there can be it. Given. */
static char *
name_in_file (const KolWeightNames *names, const KolParameter *parameter)
{
  const char *name = kol_parameter_get_name (parameter);

  return names ? names->find (name) : g_strdup (name);
}

static void
match_names (Match *match, const KolWeightNames *names, KolParameters *parameters,
             const KolWeights *weights)
{
  guint count = kol_parameters_get_count (parameters);

  *match = (Match){ .names = names, .places = g_new (int, MAX (count, 1)) };
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *name = name_in_file (names, kol_parameters_get (parameters, i));

      match->places[i] = name ? kol_weights_find (weights, name) : -1;
      match->found += match->places[i] >= 0;
    }
}

/* Of all ways to call the parameters, the one that finds most of them, the earlier if equal. */
static void
match_best (Match *best, KolParameters *parameters, const KolWeights *weights,
            const KolWeightNames *const *names)
{
  match_names (best, NULL, parameters, weights);
  for (; names && *names; names++)
    {
      g_auto (Match) match = { 0 };

      match_names (&match, *names, parameters, weights);
      if (match.found > best->found)
        {
          Match other = *best;
          *best = match;
          match = other;
        }
    }
}

/* ── Shapes ──────────────────────────────────────────────────────────────────────────────────── */

/*
 * Where kernels come last, turns the dims and strides of an array so that they are as
 * PyTorch has them: [H, W, I, O] becomes [O, I, H, W], and [I, O] becomes [O, I].
 */
static void
turn (KolElements *elements)
{
  static const guint of_kernel[] = { 3, 2, 0, 1 }, of_matrix[] = { 1, 0 };
  const guint *order = elements->rank == 4 ? of_kernel : elements->rank == 2 ? of_matrix : NULL;
  KolElements given = *elements;

  for (guint i = 0; order && i < elements->rank; i++)
    {
      elements->dims[i] = given.dims[order[i]];
      elements->strides[i] = given.strides[order[i]];
    }
}

/* How an array, read row-major, lies in memory when it is gone through as the parameter is. */
static KolElements
look_at (const Match *match, const KolWeights *weights, int place)
{
  const KolShape *shape = kol_weights_get_shape (weights, (guint) place);
  KolElements elements = { .type = kol_element_type_find ("f4"),
                           .big_endian = G_BYTE_ORDER == G_BIG_ENDIAN,
                           .rank = (guint) shape->rank };

  memcpy (elements.dims, shape->dim, sizeof (gint64) * elements.rank);
  kol_elements_set_strides (&elements, FALSE);
  if (match->names && match->names->kernels_last)
    turn (&elements);
  return elements;
}

static KolShape
shape_of (const KolElements *elements)
{
  KolShape shape = { .rank = (int) elements->rank };

  memcpy (shape.dim, elements->dims, sizeof (gint64) * elements->rank);
  return shape;
}

/* ── What does not fit ───────────────────────────────────────────────────────────────────────── */

/* Names and what is said of them, of one kind. */
typedef struct {
  GString *text;
  guint count;
} List;

static void list_add (List *list, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Adds to a list; what is too much is only counted. */
static void
list_add (List *list, const char *format, ...)
{
  va_list arguments;

  if (list->count++ >= MOST_TOLD)
    return;
  if (!list->text)
    list->text = g_string_new (NULL);
  else
    g_string_append (list->text, ", ");
  va_start (arguments, format);
  g_string_append_vprintf (list->text, format, arguments);
  va_end (arguments);
}

/* "3 are missing: a, b, c; " */
static void
list_tell (List *list, GString *sentence, const char *what)
{
  if (!list->text)
    return;
  g_string_append_printf (sentence, "%s%u %s %s: %s", sentence->len ? "; " : "", list->count,
                          list->count == 1 ? "is" : "are", what, list->text->str);
  if (list->count > MOST_TOLD)
    g_string_append_printf (sentence, " and %u more", list->count - MOST_TOLD);
  g_string_free (g_steal_pointer (&list->text), TRUE);
}

/* Counters of batches, which PyTorch keeps beside running statistics, are of no use to anyone. */
static gboolean
is_counter (const KolWeights *weights, guint i)
{
  const KolWeightsArray *array = g_ptr_array_index (weights->arrays, i);

  return !array->elements.type->is_float && array->elements.rank == 0;
}

/* The arrays that no parameter has taken, for names that are alike; ends with NULL. */
static GPtrArray *
find_spare (const Match *match, guint parameters, const KolWeights *weights)
{
  g_autofree gboolean *taken = g_new0 (gboolean, MAX (kol_weights_get_count (weights), 1));
  GPtrArray *spare = g_ptr_array_new ();

  for (guint i = 0; i < parameters; i++)
    if (match->places[i] >= 0)
      taken[match->places[i]] = TRUE;
  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    if (!taken[i] && !is_counter (weights, i))
      g_ptr_array_add (spare, (gpointer) kol_weights_get_name (weights, i));
  g_ptr_array_add (spare, NULL);
  return spare;
}

static const char *
find_near (const char *name, const GPtrArray *spare)
{
  return spare->len <= MOST_CANDIDATES ? kol_nearest_word (name, (const char *const *) spare->pdata)
                                       : NULL;
}

static void
tell_missing (List *missing, const Match *match, const KolParameter *parameter,
              const GPtrArray *spare)
{
  g_autofree char *name = name_in_file (match->names, parameter);
  const char *wanted = name ? name : kol_parameter_get_name (parameter);
  const char *near = missing->count < MOST_TOLD ? find_near (wanted, spare) : NULL;

  if (near)
    list_add (missing, "%s (there is %s)", wanted, near);
  else
    list_add (missing, "%s", wanted);
}

/* Says all that does not fit of the first @count parameters; TRUE if all does. */
static gboolean
check (const Match *match, KolParameters *parameters, guint count, const KolWeights *weights,
       gboolean part, GError **error)
{
  g_autoptr (GPtrArray) spare = find_spare (match, count, weights);
  g_autoptr (GString) sentence = g_string_new (NULL);
  List missing = { 0 }, unlike = { 0 }, superfluous = { 0 };

  for (guint i = 0; i < count; i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      const KolShape *wanted = kol_parameter_get_shape (parameter);

      if (match->places[i] < 0)
        {
          tell_missing (&missing, match, parameter, spare);
          continue;
        }
      KolElements elements = look_at (match, weights, match->places[i]);
      KolShape found = shape_of (&elements);
      if (!kol_shape_equal (&found, wanted))
        {
          g_autofree char *found_text = kol_shape_to_string (&found);
          g_autofree char *wanted_text = kol_shape_to_string (wanted);
          list_add (&unlike, "%s %s, should be %s",
                    kol_weights_get_name (weights, (guint) match->places[i]), found_text,
                    wanted_text);
        }
    }
  for (guint i = 0; !part && i + 1 < spare->len; i++)
    list_add (&superfluous, "%s", (const char *) spare->pdata[i]);
  list_tell (&missing, sentence, "missing");
  list_tell (&unlike, sentence, "of another shape");
  list_tell (&superfluous, sentence, "superfluous");
  return sentence->len == 0
         || kol_weights_fail (weights, error,
                              "does not fit this network of %u arrays: of its %u, %s", count,
                              kol_weights_get_count (weights), sentence->str);
}

/* ── Loading ─────────────────────────────────────────────────────────────────────────────────── */

static float *
new_floats (const KolWeights *weights, guint i, GError **error)
{
  gsize count = (gsize) kol_shape_count (kol_weights_get_shape (weights, i));
  float *values = g_try_new (float, MAX (count, 1));

  if (!values)
    g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                 "There is no host memory for the %zu numbers of “%s”", count,
                 kol_weights_get_name (weights, i));
  return values;
}

/*
 * The floats of an array as they lie in the mapped file, where they do so as a device takes
 * them: nothing is copied then, and nothing is read before the parameter is used. NULL
 * otherwise. Given.
 */
static GBytes *
lend_floats (const KolWeights *weights, guint i, const KolElements *seen)
{
  const KolWeightsArray *array = g_ptr_array_index (weights->arrays, i);
  const KolElements *stored = &array->elements;

  if (!array->bytes || stored->type != seen->type || stored->big_endian != seen->big_endian
      || !kol_elements_are_contiguous (stored) || !kol_elements_are_contiguous (seen))
    return NULL;
  return g_bytes_new_with_free_func (
      array->bytes, (gsize) kol_shape_count (&array->shape) * sizeof (float),
      (GDestroyNotify) g_mapped_file_unref, g_mapped_file_ref (weights->file));
}

static gboolean
load_one (const Match *match, KolParameter *parameter, KolWeights *weights, int place,
          GError **error)
{
  KolElements elements = look_at (match, weights, place);
  g_autoptr (GBytes) lent
      = parameter->buffer ? NULL : lend_floats (weights, (guint) place, &elements);
  g_autofree float *values = lent ? NULL : new_floats (weights, (guint) place, error);

  if (lent)
    {
      g_clear_pointer (&parameter->source, g_bytes_unref);
      kol_parameter_set_source (parameter, lent);
      return TRUE;
    }
  if (!values || !kol_weights_read (weights, (guint) place, values, error))
    return FALSE;
  if (kol_elements_are_contiguous (&elements))
    return kol_parameter_write (parameter, values, error);
  g_autofree float *turned = new_floats (weights, (guint) place, error);
  if (!turned)
    return FALSE;
  kol_elements_read (&elements, (const guint8 *) values, turned);
  return kol_parameter_write (parameter, turned, error);
}

/**
 * kol_parameters_load:
 * @parameters: all of a network's
 * @weights: a file of arrays
 * @options: (nullable): what is chosen
 * @error: where to put what went wrong
 *
 * Gives every parameter the array of its name and shape. Where the file has other
 * names, `options->names` says which, and the way that finds most is taken. Whole
 * numbers without a dimension, which PyTorch counts batches with, are left out. Floats
 * that lie in the file as a device takes them go there when they are first used, so the
 * file must stay as it is until then.
 *
 * Fails with %KOL_ERROR_DATA, and a sentence that tells all that is missing, of
 * another shape, or superfluous, and names that are alike. Nothing is changed then.
 * What the device refuses comes later and may leave some parameters written.
 *
 * Returns: whether all parameters have their values
 */
gboolean
kol_parameters_load (KolParameters *parameters, KolWeights *weights, const KolLoadOptions *options,
                     GError **error)
{
  g_return_val_if_fail (parameters != NULL && weights != NULL, FALSE);
  g_auto (Match) match = { 0 };

  match_best (&match, parameters, weights, options ? options->names : NULL);
  if (!check (&match, parameters, kol_parameters_get_count (parameters), weights,
              options && options->part, error))
    return FALSE;
  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    if (!load_one (&match, kol_parameters_get (parameters, i), weights, match.places[i], error))
      return FALSE;
  return TRUE;
}

/* Whether the file has an array for the parameter, of its shape. */
static gboolean
fits (const Match *match, guint i, KolParameter *parameter, const KolWeights *weights)
{
  if (match->places[i] < 0)
    return FALSE;
  KolElements elements = look_at (match, weights, match->places[i]);
  KolShape found = shape_of (&elements);
  return kol_shape_equal (&found, kol_parameter_get_shape (parameter));
}

/**
 * kol_parameters_load_some:
 * @parameters: all of a network's, perhaps with others behind
 * @count: how many of them are the network's
 * @weights: a file of arrays
 * @names: (nullable) (array zero-terminated=1): other names that the arrays may have
 * @left: (out) (optional) (transfer full) (array zero-terminated=1): the names of those
 *   parameters that were left as they are
 * @error: where to put what went wrong
 *
 * Begins a network with another one's weights: every parameter that the file has an array
 * of its shape for gets that. The others stay as they are, such as the last layer's where
 * there are other classes. Otherwise this is kol_parameters_load().
 *
 * Fails with %KOL_ERROR_DATA, and the sentence of kol_parameters_load(), if not even half
 * of the parameters have an array: the file is of another network then.
 *
 * Returns: whether the weights are there
 */
gboolean
kol_parameters_load_some (KolParameters *parameters, guint count, KolWeights *weights,
                          const KolWeightNames *const *names, char ***left, GError **error)
{
  g_return_val_if_fail (parameters != NULL && weights != NULL, FALSE);
  g_return_val_if_fail (count <= kol_parameters_get_count (parameters), FALSE);
  g_auto (Match) match = { 0 };
  g_autoptr (GStrvBuilder) others = g_strv_builder_new ();
  guint found = 0;

  match_best (&match, parameters, weights, names);
  for (guint i = 0; i < count; i++)
    found += fits (&match, i, kol_parameters_get (parameters, i), weights);
  if (2 * found < MAX (count, 1))
    return check (&match, parameters, count, weights, FALSE, error);
  for (guint i = 0; i < count; i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      if (!fits (&match, i, parameter, weights))
        g_strv_builder_add (others, kol_parameter_get_name (parameter));
      else if (!load_one (&match, parameter, weights, match.places[i], error))
        return FALSE;
    }
  if (left)
    *left = g_strv_builder_end (others);
  return TRUE;
}
