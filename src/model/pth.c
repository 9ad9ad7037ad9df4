/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What torch.save() writes, in the two forms that there are.
 *
 * Since PyTorch 1.6, a zip archive whose members are stored, not deflated: in a folder
 * of any name, data.pkl, the pickle; data/KEY, the elements of each storage; and,
 * lately, byteorder, "little" or "big".
 *
 * Before, a stream: pickles of a magic number, of the version 1001, of a dictionary
 * about the machine, of what was saved, and of the list of the storages' keys; then the
 * storages in that order, each the number of its elements in 8 bytes and the elements,
 * little-endian.
 */

#include <string.h>

#include "../device/error.h"
#include "pickle-private.h"
#include "weights-private.h"

#define VERSION 1001
#define MOST_DEPTH 32            /* of dictionaries and lists within each other */
#define MOST_PICKLE (256u << 20) /* bytes; that of a network has some hundred for each array */
#define MOST_ENTRIES (1u << 20)  /* that are looked at */

static const guint8 magic_bytes[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
static const char magic_digits[] = "119547037146038801333356";

/* Errors of the pickle do not name the file; always FALSE. */
static gboolean
fail_pickle (const KolWeights *weights, GError *wrong, GError **error)
{
  kol_weights_fail (weights, error, "cannot be read: %s", wrong->message);
  g_error_free (wrong);
  return FALSE;
}

/* ── What was saved, flat ────────────────────────────────────────────────────────────────────── */

/* Where the elements of a storage are: in memory, or in a member of the archive. */
typedef struct {
  const guint8 *bytes;
  KolZipMember *member;
} Place;

/* Finds the place of a storage, all of which must be there. */
typedef gboolean (*Find) (KolWeights *weights, const KolPickleStorage *storage, gpointer data,
                          Place *place, GError **error);

typedef struct {
  KolWeights *weights;
  KolPickle *pickle;
  gboolean big_endian;
  Find find;
  gpointer data;
  GString *name; /* of where we are */
  guint entries; /* how many were looked at */
} Walk;

static gboolean
add_tensor (Walk *walk, const KolPickleItem *item, GError **error)
{
  KolWeights *weights = walk->weights;
  KolPickleTensor tensor;
  GError *wrong = NULL;
  Place place = { 0 };

  if (!kol_pickle_tensor (walk->pickle, item, &tensor, &wrong))
    return fail_pickle (weights, wrong, error);
  if (!walk->find (weights, tensor.storage, walk->data, &place, error))
    return FALSE;
  tensor.elements.big_endian = walk->big_endian;
  KolWeightsArray *array = kol_weights_add (weights, walk->name->len ? walk->name->str : "tensor",
                                            &tensor.elements, error);
  if (!array)
    return FALSE;
  gsize offset = (gsize) tensor.offset * tensor.elements.type->size;
  array->member = place.member;
  array->offset = place.member ? offset : 0;
  array->bytes = place.member ? NULL : place.bytes + offset;
  return TRUE;
}

/* Appends a dictionary's key or a list's index to the name. FALSE: it has no tensors below. */
static gboolean
append_key (GString *name, const KolPickleItem *container, guint i)
{
  const KolPickleItem *key
      = container->kind == KOL_PICKLE_DICTIONARY ? container->value.items->pdata[2 * i] : NULL;

  if (name->len)
    g_string_append_c (name, '.');
  if (!key)
    g_string_append_printf (name, "%u", i);
  else if (key->kind == KOL_PICKLE_STRING && key->length <= KOL_WEIGHTS_MOST_LETTERS)
    g_string_append_len (name, key->value.text, key->length);
  else if (key->kind == KOL_PICKLE_INTEGER)
    g_string_append_printf (name, "%" G_GINT64_FORMAT, key->value.integer);
  else
    return FALSE;
  return TRUE;
}

/* A container that we are in, and how far. */
typedef struct {
  const KolPickleItem *container;
  guint next;
  gsize letters; /* of its name */
} Level;

static guint
count_entries (const KolPickleItem *container)
{
  return container->kind == KOL_PICKLE_DICTIONARY ? container->value.items->len / 2
                                                  : container->value.items->len;
}

static gboolean
has_entries (const KolPickleItem *item)
{
  return item->kind == KOL_PICKLE_DICTIONARY || item->kind == KOL_PICKLE_LIST
         || item->kind == KOL_PICKLE_TUPLE;
}

/*
 * Adds all tensors in @root and in what it holds, which may be held twice, or hold
 * itself: levels and entries are limited, so this ends.
 */
static gboolean
walk_all (Walk *walk, const KolPickleItem *root, GError **error)
{
  Level levels[MOST_DEPTH] = { { .container = root } };
  guint depth = 1;

  if (root->kind == KOL_PICKLE_TENSOR)
    return add_tensor (walk, root, error);
  while (depth > 0)
    {
      Level *level = &levels[depth - 1];

      g_string_truncate (walk->name, level->letters);
      if (!has_entries (level->container) || level->next == count_entries (level->container))
        {
          depth--;
          continue;
        }
      guint i = level->next++;
      gboolean pairs = level->container->kind == KOL_PICKLE_DICTIONARY;
      const KolPickleItem *item = level->container->value.items->pdata[pairs ? 2 * i + 1 : i];
      if (++walk->entries > MOST_ENTRIES)
        return kol_weights_fail (walk->weights, error, "holds more than any network");
      if (!append_key (walk->name, level->container, i))
        continue;
      if (item->kind == KOL_PICKLE_TENSOR && !add_tensor (walk, item, error))
        return FALSE;
      if (!has_entries (item))
        continue;
      if (depth == MOST_DEPTH)
        return kol_weights_fail (walk->weights, error,
                                 "holds dictionaries or lists within each other, more than %d deep",
                                 MOST_DEPTH);
      levels[depth++] = (Level){ .container = item, .letters = walk->name->len };
    }
  return TRUE;
}

static gboolean
has_tensors (const KolPickleItem *dictionary)
{
  for (guint i = 1; i < dictionary->value.items->len; i += 2)
    if (((KolPickleItem *) dictionary->value.items->pdata[i])->kind == KOL_PICKLE_TENSOR)
      return TRUE;
  return FALSE;
}

/* Of a checkpoint, the dictionary of the network's weights. */
static const KolPickleItem *
find_state (const KolPickleItem *root)
{
  static const char *const names[] = { "state_dict", "model_state_dict", "model" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const KolPickleItem *state = kol_pickle_lookup (root, names[i]);

      if (state && state->kind == KOL_PICKLE_DICTIONARY && has_tensors (state))
        return state;
    }
  return root;
}

/* Networks that were trained on several cards have all their names begin with "module.". */
static void
take_prefix_off (KolWeights *weights)
{
  static const char prefix[] = "module.";

  for (guint i = 0; i < weights->arrays->len; i++)
    if (!g_str_has_prefix (kol_weights_get_name (weights, i), prefix))
      return;
  g_hash_table_remove_all (weights->by_name);
  for (guint i = 0; i < weights->arrays->len; i++)
    {
      KolWeightsArray *array = g_ptr_array_index (weights->arrays, i);

      memmove (array->name, array->name + strlen (prefix),
               strlen (array->name) - strlen (prefix) + 1);
      g_hash_table_insert (weights->by_name, array->name, GUINT_TO_POINTER (i + 1));
    }
}

static gboolean
add_all (Walk *walk, const KolPickleItem *root, GError **error)
{
  walk->name = g_string_new (NULL);
  gboolean good = walk_all (walk, find_state (root), error);
  g_string_free (walk->name, TRUE);
  if (!good)
    return FALSE;
  if (walk->weights->arrays->len == 0)
    return kol_weights_fail (walk->weights, error,
                             "has no tensors in it; save weights with torch.save "
                             "(model.state_dict (), ...)");
  take_prefix_off (walk->weights);
  return TRUE;
}

/* ── The archive ─────────────────────────────────────────────────────────────────────────────── */

/* The member @name in the archive's folder. */
static KolZipMember *
find_in_folder (const KolZip *zip, const char *name)
{
  const KolZipMember *first = zip->members->len ? zip->members->pdata[0] : NULL;
  const char *slash = first ? strchr (first->name, '/') : NULL;

  if (!slash)
    return NULL;
  g_autofree char *path
      = g_strdup_printf ("%.*s/%s", (int) (slash - first->name), first->name, name);
  return kol_zip_find (zip, path);
}

gboolean
kol_weights_is_torch_zip (const KolZip *zip)
{
  return find_in_folder (zip, "data.pkl") != NULL;
}

static gboolean
is_stored (const KolWeights *weights, const KolZipMember *member, guint64 most, GError **error)
{
  if (member->method != 0)
    return kol_weights_fail (weights, error,
                             "has “%s” compressed in it, which PyTorch never does; unpack the "
                             "archive and store it with zip -0",
                             member->name);
  return member->size <= most
         || kol_weights_fail (weights, error,
                              "has a “%s” of %" G_GUINT64_FORMAT " bytes in it, more than any "
                              "network needs",
                              member->name, member->size);
}

static gboolean
find_member (KolWeights *weights, const KolPickleStorage *storage, gpointer data, Place *place,
             GError **error)
{
  g_autofree char *name = g_strconcat ("data/", storage->key, NULL);

  place->member = find_in_folder (weights->zip, name);
  if (!place->member)
    return kol_weights_fail (weights, error, "is damaged: “%s” is not in it", name);
  if (!is_stored (weights, place->member, G_MAXUINT64, error))
    return FALSE;
  return storage->count <= place->member->size / storage->type->size
         || kol_weights_fail (weights, error,
                              "is damaged: “%s” has %" G_GUINT64_FORMAT " bytes, too few for its "
                              "%" G_GUINT64_FORMAT " elements of %s",
                              name, place->member->size, storage->count, storage->type->title);
}

/* Whether the elements lie in the other order than nearly everywhere. */
static gboolean
is_big_endian (const KolWeights *weights)
{
  KolZipMember *member = find_in_folder (weights->zip, "byteorder");
  g_autoptr (GBytes) bytes = member ? kol_zip_peek (weights->zip, member, 3, NULL) : NULL;

  return bytes && g_bytes_get_size (bytes) == 3
         && memcmp (g_bytes_get_data (bytes, NULL), "big", 3) == 0;
}

gboolean
kol_weights_open_torch_zip (KolWeights *weights, GError **error)
{
  KolZipMember *member = find_in_folder (weights->zip, "data.pkl");
  gsize position = 0;
  GError *wrong = NULL;

  weights->title = "PyTorch";
  if (!is_stored (weights, member, MOST_PICKLE, error))
    return FALSE;
  g_autoptr (GBytes) bytes = kol_zip_read (weights->zip, member, error);
  if (!bytes)
    return kol_weights_file_error (error);
  g_autoptr (KolPickle) pickle
      = kol_pickle_new (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  const KolPickleItem *root = kol_pickle_read (pickle, &position, &wrong);
  if (!root)
    return fail_pickle (weights, wrong, error);
  Walk walk = {
    .weights = weights,
    .pickle = pickle,
    .big_endian = is_big_endian (weights),
    .find = find_member,
  };
  return add_all (&walk, root, error);
}

/* ── The stream ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
pickle_recognizes (const guint8 *bytes, gsize length)
{
  return length > 2
         && ((bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
             || (bytes[0] == 'L' && bytes[1] == magic_digits[0])); /* protocols 0 and 1 */
}

static gboolean
is_magic (const KolPickleItem *item)
{
  if (item->kind != KOL_PICKLE_LONG)
    return FALSE;
  return (item->length == sizeof magic_bytes
          && memcmp (item->value.text, magic_bytes, sizeof magic_bytes) == 0)
         || (item->length == strlen (magic_digits)
             && memcmp (item->value.text, magic_digits, item->length) == 0);
}

/* The next pickle; an error names the file. */
static KolPickleItem *
read_next (KolWeights *weights, KolPickle *pickle, gsize *position, GError **error)
{
  GError *wrong = NULL;
  KolPickleItem *item = kol_pickle_read (pickle, position, &wrong);

  if (!item)
    fail_pickle (weights, wrong, error);
  return item;
}

/* What stands before that which was saved: who wrote it. */
static gboolean
read_front (KolWeights *weights, KolPickle *pickle, gsize *position, GError **error)
{
  const KolPickleItem *magic = read_next (weights, pickle, position, error);

  if (!magic)
    return FALSE;
  if (!is_magic (magic))
    return kol_weights_fail (weights, error,
                             "is a pickle of Python that torch.save did not write; only that is "
                             "read");
  const KolPickleItem *version = read_next (weights, pickle, position, error);
  if (!version)
    return FALSE;
  if (version->kind != KOL_PICKLE_INTEGER || version->value.integer != VERSION)
    return kol_weights_fail (weights, error,
                             "is of a version of PyTorch's format that is not known; save it "
                             "again with a PyTorch of today");
  return read_next (weights, pickle, position, error) != NULL;
}

/* @data: KolPickleStorage -> its elements in the file, both lent. */
static gboolean
find_in_stream (KolWeights *weights, const KolPickleStorage *storage, gpointer data, Place *place,
                GError **error)
{
  place->bytes = g_hash_table_lookup (data, storage);
  return place->bytes
         || kol_weights_fail (weights, error, "is damaged: the storage “%s” is not in it",
                              storage->key);
}

/* Sees that a storage is at @position, and moves that behind it. */
static gboolean
take_storage (KolWeights *weights, const KolPickleStorage *storage, GHashTable *places,
              gsize *position, GError **error)
{
  guint64 count = 0;

  if (weights->length - *position < sizeof count)
    return kol_weights_fail (weights, error,
                             "is truncated: it ends before the storage “%s”; copy or download it "
                             "again",
                             storage->key);
  memcpy (&count, weights->bytes + *position, sizeof count);
  *position += sizeof count;
  if (GUINT64_FROM_LE (count) != storage->count)
    return kol_weights_fail (weights, error,
                             "is damaged: the storage “%s” should have %" G_GUINT64_FORMAT
                             " elements and says that it has %" G_GUINT64_FORMAT,
                             storage->key, storage->count, GUINT64_FROM_LE (count));
  if (storage->count > (weights->length - *position) / storage->type->size)
    return kol_weights_fail (weights, error,
                             "is truncated: it ends within the storage “%s”, at byte %zu of %zu; "
                             "copy or download it again",
                             storage->key, weights->length,
                             *position + (gsize) storage->count * storage->type->size);
  g_hash_table_insert (places, (gpointer) storage, (gpointer) (weights->bytes + *position));
  *position += (gsize) storage->count * storage->type->size;
  return TRUE;
}

static gboolean
take_storages (KolWeights *weights, KolPickle *pickle, const KolPickleItem *keys,
               GHashTable *places, gsize position, GError **error)
{
  GHashTable *storages = kol_pickle_get_storages (pickle);

  if (keys->kind != KOL_PICKLE_LIST)
    return kol_weights_fail (weights, error, "is damaged: the list of its storages is missing");
  for (guint i = 0; i < keys->value.items->len; i++)
    {
      const KolPickleItem *item = keys->value.items->pdata[i];
      g_autofree char *key = item->kind == KOL_PICKLE_STRING
                                 ? g_strndup (item->value.text, MIN (item->length, 100))
                                 : NULL;
      const KolPickleStorage *storage = key ? g_hash_table_lookup (storages, key) : NULL;

      if (!storage || g_hash_table_contains (places, storage))
        return kol_weights_fail (weights, error,
                                 "is damaged: its list of storages has one that no tensor is in, "
                                 "or one twice");
      if (!take_storage (weights, storage, places, &position, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
pickle_open (KolWeights *weights, GError **error)
{
  g_autoptr (KolPickle) pickle = kol_pickle_new (weights->bytes, weights->length);
  g_autoptr (GHashTable) places = g_hash_table_new (NULL, NULL);
  gsize position = 0;

  if (!read_front (weights, pickle, &position, error))
    return FALSE;
  const KolPickleItem *root = read_next (weights, pickle, &position, error);
  const KolPickleItem *keys = root ? read_next (weights, pickle, &position, error) : NULL;
  if (!keys || !take_storages (weights, pickle, keys, places, position, error))
    return FALSE;
  Walk walk = { .weights = weights, .pickle = pickle, .find = find_in_stream, .data = places };
  return add_all (&walk, root, error);
}

const KolWeightsFormat kol_weights_pickle = {
  .title = "PyTorch, before 1.6",
  .recognizes = pickle_recognizes,
  .open = pickle_open,
};
