/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Recipe files. A recipe is a key file:
 *
 *     [recipe]
 *     title = Two layers
 *
 *     [training]
 *     steps = 2000
 *
 *     [hidden]
 *     layer = dense
 *     features = 100
 *     activation = relu
 *
 *     [scores]
 *     layer = dense
 *     features = classes
 *
 * Groups but [recipe], [training] and [loss] are layers, in the order in which data
 * goes through them; `input` or `inputs` name others than the one before. It is read
 * line by line here, rather than by GKeyFile, because a mistake is to be told with
 * its line.
 */

#include "recipe-private.h"

#include <math.h>
#include <string.h>

#include "../graph/op-private.h"
#include "../nn/initializers.h"
#include "../ops.h"
#include "../words-private.h"
#include "layers-private.h"

#define RESOURCES "/org/kolinsky/recipes/"
#define SUFFIX ".ini"

typedef enum { CROSS_ENTROPY, MEAN_SQUARED, MEAN_ABSOLUTE, BINARY_CROSS_ENTROPY } LossKind;

static const char *const loss_words[] = { "cross-entropy", "mean-squared-error",
                                          "mean-absolute-error", "binary-cross-entropy", NULL };

struct _KolRecipe {
  gatomicrefcount references;
  char *name;
  char *title;
  char *text;
  KolTrainSettings settings;
  GPtrArray *layers; /* KolLayer */
  int loss;          /* a LossKind, or -1: what suits the data */
  double label_smoothing;
};

static void
layer_free (gpointer data)
{
  KolLayer *layer = data;

  g_free (layer->name);
  g_free (layer->inputs);
  g_free (layer);
}

/* ── Lines ───────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  char *key;
  char *value;
  int line;
} Entry;

typedef struct {
  char *name;
  int line;
  GArray *entries; /* Entry */
} Section;

static void
entry_clear (gpointer data)
{
  Entry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
}

static void
section_free (gpointer data)
{
  Section *section = data;

  g_free (section->name);
  g_array_unref (section->entries);
  g_free (section);
}

/* What reading has come to. */
typedef struct {
  const char *origin; /* the file's name, for errors */
  KolRecipe *recipe;
  GPtrArray *sections;
  GError **error;
} Reader;

static gboolean fail (const Reader *reader, int line, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (const Reader *reader, int line, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (reader->error, KOL_ERROR, KOL_ERROR_DATA, "%s, line %d: %s", reader->origin, line,
               message);
  return FALSE;
}

/* The same for a word that is not known. */
static gboolean
fail_word (const Reader *reader, int line, const char *what, const char *word,
           const char *const *known)
{
  const char *nearest = kol_nearest_word (word, known);
  g_autofree char *list = kol_list_words (known);

  if (nearest)
    return fail (reader, line, "there is no %s “%s”; did you mean “%s”?", what, word, nearest);
  return fail (reader, line, "there is no %s “%s”; known are: %s", what, word, list);
}

static Section *
find_section (const Reader *reader, const char *name)
{
  for (guint i = 0; i < reader->sections->len; i++)
    {
      Section *section = g_ptr_array_index (reader->sections, i);
      if (strcmp (section->name, name) == 0)
        return section;
    }
  return NULL;
}

static const Entry *
find_entry (const Section *section, const char *key)
{
  for (guint i = 0; i < section->entries->len; i++)
    {
      const Entry *entry = &g_array_index (section->entries, Entry, i);
      if (strcmp (entry->key, key) == 0)
        return entry;
    }
  return NULL;
}

static gboolean
read_group (Reader *reader, char *text, int line)
{
  gsize length = strlen (text);

  if (text[length - 1] != ']' || length < 3)
    return fail (reader, line, "“%s” begins a group, but has no name with “]” behind it", text);
  g_autofree char *name = g_strstrip (g_strndup (text + 1, length - 2));
  if (strpbrk (name, "=[],/"))
    return fail (reader, line, "“%s” cannot be a name: leave out = [ ] , and /", name);
  const Section *other = find_section (reader, name);
  if (other)
    return fail (reader, line,
                 "the group [%s] is there already, in line %d; give this one another "
                 "name",
                 name, other->line);
  Section *section = g_new0 (Section, 1);
  section->name = g_steal_pointer (&name);
  section->line = line;
  section->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (section->entries, entry_clear);
  g_ptr_array_add (reader->sections, section);
  return TRUE;
}

static gboolean
read_entry (Reader *reader, char *text, int line)
{
  char *equals = strchr (text, '=');

  if (!equals)
    return fail (reader, line, "“%s” is neither “key = value” nor “[group]”", text);
  if (reader->sections->len == 0)
    return fail (reader, line, "“%s” belongs to no group; begin with [recipe]", text);
  Section *section = g_ptr_array_index (reader->sections, reader->sections->len - 1);
  Entry entry = { .key = g_strstrip (g_strndup (text, (gsize) (equals - text))),
                  .value = g_strstrip (g_strdup (equals + 1)),
                  .line = line };
  const Entry *other = find_entry (section, entry.key);
  if (other)
    {
      fail (reader, line, "%s is set already, in line %d", entry.key, other->line);
      entry_clear (&entry);
      return FALSE;
    }
  g_array_append_val (section->entries, entry);
  return TRUE;
}

static gboolean
read_lines (Reader *reader, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (int i = 0; lines[i]; i++)
    {
      char *line = g_strstrip (lines[i]);

      if (*line == '\0' || *line == '#')
        continue;
      if (*line == '[' ? !read_group (reader, line, i + 1) : !read_entry (reader, line, i + 1))
        return FALSE;
    }
  return TRUE;
}

/* ── What is not a layer ─────────────────────────────────────────────────────────────────────── */

static gboolean
read_recipe_group (Reader *reader, const Section *section)
{
  static const char *const known[] = { "title", NULL };

  for (guint i = 0; i < section->entries->len; i++)
    {
      const Entry *entry = &g_array_index (section->entries, Entry, i);

      if (strcmp (entry->key, "title") != 0)
        return fail_word (reader, entry->line, "key of [recipe] called", entry->key, known);
      reader->recipe->title = g_strdup (entry->value);
    }
  return TRUE;
}

static gboolean
read_training_group (Reader *reader, const Section *section)
{
  for (guint i = 0; i < section->entries->len; i++)
    {
      const Entry *entry = &g_array_index (section->entries, Entry, i);
      g_autoptr (GError) error = NULL;

      if (!kol_train_settings_set (&reader->recipe->settings, entry->key, entry->value, &error))
        return fail (reader, entry->line, "%s", error->message);
    }
  return TRUE;
}

/* Where @word is among @words, or -1. */
static int
place_of (const char *word, const char *const *words)
{
  for (int i = 0; words[i]; i++)
    if (strcmp (words[i], word) == 0)
      return i;
  return -1;
}

static gboolean
read_number (const Reader *reader, const Entry *entry, double *number)
{
  char *end;

  *number = g_ascii_strtod (entry->value, &end);
  if (end != entry->value && *end == '\0' && isfinite (*number))
    return TRUE;
  return fail (reader, entry->line, "%s is “%s”; give a number", entry->key, entry->value);
}

static gboolean
read_loss_group (Reader *reader, const Section *section)
{
  static const char *const known[] = { "kind", "label-smoothing", NULL };
  KolRecipe *recipe = reader->recipe;

  for (guint i = 0; i < section->entries->len; i++)
    {
      const Entry *entry = &g_array_index (section->entries, Entry, i);

      if (strcmp (entry->key, "kind") == 0)
        {
          recipe->loss = place_of (entry->value, loss_words);
          if (recipe->loss < 0)
            return fail_word (reader, entry->line, "loss", entry->value, loss_words);
        }
      else if (strcmp (entry->key, "label-smoothing") == 0)
        {
          if (!read_number (reader, entry, &recipe->label_smoothing))
            return FALSE;
          if (recipe->label_smoothing < 0 || recipe->label_smoothing >= 1)
            return fail (reader, entry->line,
                         "label-smoothing is %s; give a number from 0 to below 1", entry->value);
        }
      else
        return fail_word (reader, entry->line, "key of [loss] called", entry->key, known);
    }
  return TRUE;
}

/* ── Layers ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
read_count (const Reader *reader, int line, const char *key, const char *text, guint64 least,
            double *number)
{
  guint64 count;

  if (g_ascii_string_to_unsigned (text, 10, least, G_MAXINT32, &count, NULL))
    {
      *number = count;
      return TRUE;
    }
  return fail (reader, line, "%s is “%s”; give a whole number of at least %" G_GUINT64_FORMAT, key,
               text, least);
}

/* "he", "glorot", "0.1", "normal 0.1", "truncated-normal 0.1", "uniform -1 1", "none". */
static gboolean
read_initializer (const Reader *reader, int line, const char *key, const char *text,
                  KolLayerValue *value)
{
  static const char *const words[]
      = { "he", "glorot", "none", "normal", "truncated-normal", "uniform", NULL };
  g_auto (GStrv) parts = g_strsplit_set (text, " \t", -1);
  double numbers[2] = { 0, 0 };
  guint n = 0;

  for (char **part = parts + 1; parts[0] && *part; part++)
    {
      char *end;

      if (**part == '\0')
        continue;
      if (n == 2)
        return fail (reader, line, "%s is “%s”, which has a number too many", key, text);
      numbers[n++] = g_ascii_strtod (*part, &end);
      if (*end)
        return fail (reader, line, "%s is “%s”, but “%s” is not a number", key, text, *part);
    }

  if (!parts[0])
    return fail (reader, line, "%s has no value; give a number, he, glorot, or another way", key);
  char *end;
  double constant = g_ascii_strtod (parts[0], &end);
  int word = place_of (parts[0], words);
  static const guint wanted[] = { 0, 0, 0, 1, 1, 2 };
  if (end != parts[0] && *end == '\0' && n == 0)
    {
      value->initializer = KOL_CONSTANT (constant);
      return TRUE;
    }
  if (word < 0)
    return fail_word (reader, line, "way to begin called", parts[0], words);
  if (n != wanted[word])
    return fail (reader, line, "%s is “%s”, but %s takes %u number%s", key, text, words[word],
                 wanted[word], wanted[word] == 1 ? "" : "s");
  value->none = word == 2;
  if (value->none && strcmp (key, "weights") == 0)
    return fail (reader, line, "weights cannot be none; only biases can");
  const KolInitializer initializers[] = { KOL_HE,
                                          KOL_GLOROT,
                                          KOL_CONSTANT (0),
                                          KOL_NORMAL (0, numbers[0]),
                                          KOL_TRUNCATED_NORMAL (0, numbers[0]),
                                          KOL_UNIFORM (numbers[0], numbers[1]) };
  value->initializer = initializers[word];
  return TRUE;
}

static gboolean
read_value (const Reader *reader, int line, const KolLayerKey *key, const char *text,
            KolLayerValue *value)
{
  char *end;

  switch (key->kind)
    {
    case KOL_KEY_COUNT:
      value->number = -1;
      return strcmp (text, "classes") == 0
             || read_count (reader, line, key->name, text, 1, &value->number);
    case KOL_KEY_NUMBER:
      value->number = g_ascii_strtod (text, &end);
      return (end != text && *end == '\0' && isfinite (value->number))
             || fail (reader, line, "%s is “%s”; give a number", key->name, text);
    case KOL_KEY_INITIALIZER:
      return read_initializer (reader, line, key->name, text, value);
    case KOL_KEY_WORD:
      default: {
        int at = place_of (text, key->words);

        if (at > 0 || (at == 0 && strcmp (key->words[0], "NUMBER") != 0))
          {
            value->word = key->words[at];
            return TRUE;
          }
        if (strcmp (key->words[0], "NUMBER") != 0)
          return fail_word (reader, line, key->name, text, key->words);
        if (g_ascii_isdigit (*text))
          return read_count (reader, line, key->name, text, 0, &value->number);
        return fail_word (reader, line, key->name, text, key->words + 1);
      }
    }
}

/* Which layer is called @name: its index + 1; 0 for the examples themselves; -1: none. */
static int
find_layer (const KolRecipe *recipe, const char *name)
{
  if (strcmp (name, "examples") == 0)
    return 0;
  for (guint i = 0; i < recipe->layers->len; i++)
    if (strcmp (((KolLayer *) g_ptr_array_index (recipe->layers, i))->name, name) == 0)
      return (int) i + 1;
  return -1;
}

static gboolean
read_inputs (const Reader *reader, const Section *section, KolLayer *layer)
{
  const Entry *entry = find_entry (section, layer->kind->many ? "inputs" : "input");
  g_auto (GStrv) names = entry ? g_strsplit (entry->value, ",", -1) : NULL;

  if (!entry && layer->kind->many)
    return fail (reader, section->line, "[%s] takes several inputs; name them: inputs = a, b",
                 section->name);
  layer->n_inputs = entry ? g_strv_length (names) : 1;
  layer->inputs = g_new0 (guint, MAX (layer->n_inputs, 1));
  if (!entry)
    {
      layer->inputs[0] = reader->recipe->layers->len;
      return TRUE;
    }
  if (layer->n_inputs == 0 || (layer->n_inputs > 1 && !layer->kind->many))
    return fail (reader, entry->line, "[%s] takes one input, not “%s”", section->name,
                 entry->value);
  for (guint i = 0; i < layer->n_inputs; i++)
    {
      const char *name = g_strstrip (names[i]);
      int at = find_layer (reader->recipe, name);

      if (at < 0)
        return fail (reader, entry->line,
                     "no layer before [%s] is called “%s”; inputs are layers further up, or "
                     "“examples”",
                     section->name, name);
      layer->inputs[i] = (guint) at;
    }
  return TRUE;
}

/* Every key of the group is one of the layer's. */
static gboolean
check_keys (const Reader *reader, const Section *section, const KolLayerKind *kind)
{
  const char *known[KOL_LAYER_KEYS + 3] = { "layer", kind->many ? "inputs" : "input" };

  for (guint i = 0; kind->keys[i].name; i++)
    known[i + 2] = kind->keys[i].name;
  for (guint i = 0; i < section->entries->len; i++)
    {
      const Entry *entry = &g_array_index (section->entries, Entry, i);

      if (place_of (entry->key, known) < 0)
        {
          g_autofree char *what = g_strdup_printf ("key of a %s layer called", kind->name);
          return fail_word (reader, entry->line, what, entry->key, known);
        }
    }
  return TRUE;
}

static gboolean
read_keys (const Reader *reader, const Section *section, KolLayer *layer)
{
  for (guint i = 0; layer->kind->keys[i].name; i++)
    {
      const KolLayerKey *key = &layer->kind->keys[i];
      const Entry *entry = find_entry (section, key->name);

      if (!entry && !key->preset)
        return fail (reader, section->line, "[%s] does not say its %s; add a line “%s = ...”",
                     section->name, key->name, key->name);
      if (!read_value (reader, entry ? entry->line : section->line, key,
                       entry ? entry->value : key->preset, &layer->values[i]))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_layer (Reader *reader, const Section *section)
{
  const Entry *kind = find_entry (section, "layer");
  KolLayer *layer;

  if (!kind)
    return fail (reader, section->line,
                 "[%s] is a layer, but does not say which; add a line "
                 "“layer = ...”",
                 section->name);
  if (strcmp (section->name, "examples") == 0)
    return fail (reader, section->line,
                 "“examples” stands for what goes in; give this layer "
                 "another name");
  layer = g_new0 (KolLayer, 1);
  layer->kind = kol_layer_kind_find (kind->value);
  layer->name = g_strdup (section->name);
  layer->line = section->line;
  if ((layer->kind || fail_word (reader, kind->line, "layer", kind->value, kol_layer_kind_names ()))
      && check_keys (reader, section, layer->kind) && read_inputs (reader, section, layer)
      && read_keys (reader, section, layer))
    {
      g_ptr_array_add (reader->recipe->layers, layer);
      return TRUE;
    }
  layer_free (layer);
  return FALSE;
}

static gboolean
read_sections (Reader *reader)
{
  for (guint i = 0; i < reader->sections->len; i++)
    {
      const Section *section = g_ptr_array_index (reader->sections, i);
      gboolean good;

      if (strcmp (section->name, "recipe") == 0)
        good = read_recipe_group (reader, section);
      else if (strcmp (section->name, "training") == 0)
        good = read_training_group (reader, section);
      else if (strcmp (section->name, "loss") == 0)
        good = read_loss_group (reader, section);
      else
        good = read_layer (reader, section);
      if (!good)
        return FALSE;
    }
  if (reader->recipe->layers->len)
    return TRUE;
  g_set_error (reader->error, KOL_ERROR, KOL_ERROR_DATA,
               "%s: there is no layer in it; add a group such as [scores] with the lines “layer = "
               "dense” and “features = classes”",
               reader->origin);
  return FALSE;
}

/* ── Recipes ─────────────────────────────────────────────────────────────────────────────────── */

KolRecipe *
kol_recipe_parse_as (const char *text, const char *origin, const char *name, GError **error)
{
  g_autoptr (KolRecipe) recipe = g_new0 (KolRecipe, 1);
  g_autoptr (GPtrArray) sections = g_ptr_array_new_with_free_func (section_free);
  Reader reader = { .origin = origin, .recipe = recipe, .sections = sections, .error = error };

  g_atomic_ref_count_init (&recipe->references);
  recipe->name = g_strdup (name);
  recipe->text = g_strdup (text);
  recipe->layers = g_ptr_array_new_with_free_func (layer_free);
  recipe->loss = -1;
  if (!read_lines (&reader, text) || !read_sections (&reader))
    return NULL;
  return g_steal_pointer (&recipe);
}

/**
 * kol_recipe_parse:
 * @text: the contents of a recipe file
 * @origin: where it is from, for errors; without folders and ".ini" it is the
 *   recipe's name
 * @error: return location
 *
 * Reads a recipe. The networks that it can describe are built by
 * kol_recipe_network(), which finds out whether the shapes go together.
 *
 * Errors: %KOL_ERROR_DATA with the line, what is wrong in it, and for a misspelled
 * word the nearest known one.
 *
 * Returns: (transfer full): the recipe, or %NULL with @error set
 */
KolRecipe *
kol_recipe_parse (const char *text, const char *origin, GError **error)
{
  g_return_val_if_fail (text != NULL && origin != NULL, NULL);
  g_autofree char *name = g_path_get_basename (origin);

  if (g_str_has_suffix (name, SUFFIX))
    name[strlen (name) - strlen (SUFFIX)] = '\0';
  return kol_recipe_parse_as (text, origin, name, error);
}

/**
 * kol_recipe_ref:
 * @recipe: a recipe
 *
 * Returns: (transfer full): @recipe
 */
KolRecipe *
kol_recipe_ref (KolRecipe *recipe)
{
  g_atomic_ref_count_inc (&recipe->references);
  return recipe;
}

/**
 * kol_recipe_unref:
 * @recipe: (transfer full) (nullable): a recipe
 */
void
kol_recipe_unref (KolRecipe *recipe)
{
  if (!recipe || !g_atomic_ref_count_dec (&recipe->references))
    return;
  g_free (recipe->name);
  g_free (recipe->title);
  g_free (recipe->text);
  g_ptr_array_unref (recipe->layers);
  g_free (recipe);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/**
 * kol_recipe_list:
 *
 * Returns: (transfer full) (array zero-terminated=1): the names of the recipes that
 *   come with Kolinsky, sorted
 */
char **
kol_recipe_list (void)
{
  char **names = g_resources_enumerate_children (RESOURCES, 0, NULL);

  for (char **name = names; *name; name++)
    (*name)[strlen (*name) - strlen (SUFFIX)] = '\0';
  qsort (names, g_strv_length (names), sizeof *names, compare_names);
  return names;
}

/**
 * kol_recipe_find:
 * @name: the name of a recipe that comes with Kolinsky, or the path of a file
 * @error: return location
 *
 * What has a "/" or a "." in it is taken for a file.
 *
 * Errors: those of kol_recipe_parse(); %KOL_ERROR_DATA for a name that is not known,
 * with those that are; GIO's if the file cannot be read.
 *
 * Returns: (transfer full): the recipe, or %NULL with @error set
 */
KolRecipe *
kol_recipe_find (const char *name, GError **error)
{
  g_return_val_if_fail (name != NULL, NULL);

  if (strpbrk (name, "/."))
    {
      g_autofree char *text = NULL, *shown = g_filename_display_name (name);
      gsize length;

      if (!g_file_get_contents (name, &text, &length, error))
        return NULL;
      if (g_utf8_validate (text, (gssize) length, NULL))
        return kol_recipe_parse (text, shown, error);
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%s is not a recipe: it is not UTF-8 text",
                   shown);
      return NULL;
    }

  g_autofree char *path = g_strconcat (RESOURCES, name, SUFFIX, NULL);
  g_autoptr (GBytes) bytes = g_resources_lookup_data (path, 0, NULL);
  if (bytes)
    {
      g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      return kol_recipe_parse (text, name, error);
    }
  g_auto (GStrv) names = kol_recipe_list ();
  g_autofree char *list = kol_list_words ((const char *const *) names);
  const char *nearest = kol_nearest_word (name, (const char *const *) names);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "There is no recipe “%s”%s%s%s; known are: %s; or name a file, such as ./%s.ini",
               name, nearest ? " (did you mean “" : "", nearest ? nearest : "",
               nearest ? "”?)" : "", list, name);
  return NULL;
}

/**
 * kol_recipe_get_name:
 * @recipe: a recipe
 *
 * Returns: (transfer none): its name: "digits"
 */
const char *
kol_recipe_get_name (const KolRecipe *recipe)
{
  return recipe->name;
}

/**
 * kol_recipe_get_title:
 * @recipe: a recipe
 *
 * Returns: (transfer none): what it says of itself in a line; its name if it says nothing
 */
const char *
kol_recipe_get_title (const KolRecipe *recipe)
{
  return recipe->title ? recipe->title : recipe->name;
}

/**
 * kol_recipe_get_text:
 * @recipe: a recipe
 *
 * Returns: (transfer none): the file's text, which kol_recipe_parse() reads again
 */
const char *
kol_recipe_get_text (const KolRecipe *recipe)
{
  return recipe->text;
}

/**
 * kol_recipe_get_settings:
 * @recipe: a recipe
 *
 * Returns: (transfer none): how it is to be trained; 0 is the default
 */
const KolTrainSettings *
kol_recipe_get_settings (const KolRecipe *recipe)
{
  return &recipe->settings;
}

/* ── Building ────────────────────────────────────────────────────────────────────────────────── */

/* Has the value of a layer bear the layer's name, if it is a value of its own. */
static KolValue *
build_layer (const KolLayer *layer, KolValue *const *outputs, KolValue *keep, gint64 classes)
{
  g_autofree KolValue **inputs = g_new0 (KolValue *, layer->n_inputs);
  KolLayerPlace place = { .layer = layer,
                          .graph = kol_value_get_graph (outputs[0]),
                          .training = keep != NULL,
                          .keep = keep,
                          .classes = classes,
                          .inputs = inputs };

  for (guint i = 0; i < layer->n_inputs; i++)
    inputs[i] = outputs[layer->inputs[i]];
  kol_graph_set_prefix (place.graph, layer->name); /* so that an error names the layer */
  KolValue *output = layer->kind->build (&place);
  kol_graph_set_prefix (place.graph, NULL);
  return output == inputs[0] ? output : kol_named (output, layer->name);
}

/* The layers upon x; they are to learn if there is a @keep. */
static KolValue *
build_layers (const KolRecipe *self, KolValue *x, KolValue *keep, gint64 classes)
{
  g_autofree KolValue **outputs = g_new0 (KolValue *, self->layers->len + 1);

  outputs[0] = x;
  for (guint i = 0; i < self->layers->len; i++)
    outputs[i + 1] = build_layer (g_ptr_array_index (self->layers, i), outputs, keep, classes);
  KolValue *output = outputs[self->layers->len];
  const KolShape *shape = kol_value_get_shape (output);
  return shape->rank > 2 ? kol_reshape (output, KOL_SHAPE (shape->dim[0], -1)) : output;
}

static gint64
classes_of (const KolDataset *like)
{
  return like->classes > 0 ? like->classes : (gint64) like->outputs;
}

/**
 * kol_recipe_build:
 * @recipe: a recipe
 * @x: examples [N, C, H, W], pixels 0..1
 * @like: a data set with the classes wanted
 *
 * Builds a recipe's layers upon examples that are computed, for a network that does not
 * learn; its parameters are those of kol_recipe_network(). The graph keeps, as its error,
 * shapes that do not go together.
 *
 * Returns: (transfer none): what the last layer gives, [N, classes] or [N, outputs]
 */
KolValue *
kol_recipe_build (const KolRecipe *recipe, KolValue *x, const KolDataset *like)
{
  g_return_val_if_fail (recipe != NULL && x != NULL && like != NULL, NULL);
  return build_layers (recipe, x, NULL, classes_of (like));
}

/* Whether the output is what the loss needs; if not, the graph keeps the sentence. */
static gboolean
fits_data (KolValue *output, gsize batch, gboolean labels, gint64 classes, LossKind kind)
{
  const KolShape *shape = kol_value_get_shape (output);
  KolGraph *graph = kol_value_get_graph (output);

  if (kol_value_failed (output))
    return FALSE;
  if (kind == CROSS_ENTROPY && !labels)
    kol_graph_fail (graph, KOL_ERROR_SHAPE,
                    "%s: the loss is cross-entropy, which needs classes, but the data have numbers "
                    "for targets; choose mean-squared-error",
                    kol_value_get_name (output));
  else if (shape->rank != 2 || shape->dim[0] != (gint64) batch || shape->dim[1] != classes)
    kol_graph_fail (graph, KOL_ERROR_SHAPE,
                    "%s: the last layer gives %s, but the data need [%zu, %" G_GINT64_FORMAT
                    "], a number per example and %s; let its features be “classes”",
                    kol_value_get_name (output), kol_shape_text (shape), batch, classes,
                    labels ? "class" : "target");
  else
    return TRUE;
  return FALSE;
}

/* The loss of each example, [N]; @targets are labels for the cross-entropy, else [N, outputs]. */
static KolValue *
build_losses (const KolRecipe *recipe, KolValue *output, KolValue *targets, gboolean training,
              LossKind kind)
{
  const KolReduce each = { .n_axes = 1, .axes = { 1 } };

  switch (kind)
    {
    case CROSS_ENTROPY:
      return kol_softmax_cross_entropy_with (
          output, targets,
          &(KolCrossEntropy){ .smoothing = training ? (float) recipe->label_smoothing : 0 });
    case BINARY_CROSS_ENTROPY: /* softplus (z) - z y = -y log s (z) - (1 - y) log (1 - s (z)) */
      return kol_mean_over (kol_subtract (kol_softplus (output), kol_multiply (output, targets)),
                            &each);
    case MEAN_ABSOLUTE:
      return kol_mean_over (kol_abs (kol_subtract (output, targets)), &each);
    case MEAN_SQUARED:
    default:
      return kol_mean_over (kol_square (kol_subtract (output, targets)), &each);
    }
}

/**
 * kol_recipe_network:
 * @graph: where the network is built
 * @batch: N, the number of examples
 * @training: whether it is to learn
 * @like: a data set of the size, channels and number of classes wanted
 * @values: (out): the network's values, lent by @graph
 * @recipe: a #KolRecipe
 *
 * Builds the network of a recipe: a #KolNetwork. A layer called NAME with weights
 * has the parameters w_NAME and b_NAME. The loss is, unless the recipe says
 * otherwise, the negative log likelihood of the label where @like has classes, and
 * the mean squared error where it has target numbers.
 *
 * @graph keeps, as its error, shapes that do not go together.
 */
void
kol_recipe_network (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
                    KolNetworkValues *values, gpointer recipe)
{
  g_return_if_fail (graph != NULL && like != NULL && values != NULL && recipe != NULL);

  const KolRecipe *self = recipe;
  gboolean labels = like->classes > 0;
  gint64 classes = classes_of (like);
  LossKind kind = self->loss >= 0 ? (LossKind) self->loss : labels ? CROSS_ENTROPY : MEAN_SQUARED;

  *values = (KolNetworkValues){ 0 };
  values->x
      = kol_placeholder (graph, "x", KOL_SHAPE (batch, like->channels, like->height, like->width));
  values->y = kol_placeholder (graph, "y", labels ? KOL_SHAPE (batch) : KOL_SHAPE (batch, classes));
  KolValue *targets = values->y;
  if (training)
    values->keep = kol_placeholder (graph, "keep_prob", KOL_SCALAR);
  values->output = build_layers (self, values->x, values->keep, classes);
  if (!fits_data (values->output, batch, labels, classes, kind))
    return;
  if (labels && kind != CROSS_ENTROPY)
    targets = kol_one_hot (values->y, classes, 1, 0);
  values->losses
      = kol_named (build_losses (self, values->output, targets, training, kind), "losses");
  values->loss = kol_named (kol_mean (values->losses), "loss");
  if (labels)
    {
      KolValue *correct = kol_equal (kol_argmax (values->output, 1), values->y);
      values->accuracy = kol_named (kol_mean (kol_named (correct, "correct")), "accuracy");
    }
}
