/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "pickle-private.h"

#include <string.h>

#include "../device/error-private.h"

/*
 * The instructions are those of Python's documentation, "pickletools", whose letters
 * they are called by here: a byte, then what belongs to it, numbers little-endian.
 */

#define MOST_ITEMS (1u << 20)  /* far more than any network has */
#define MOST_LENGTH G_MAXINT32 /* of a string */
#define CHUNK 1024             /* items that are allocated at a time */
#define MOST_SHOWN 80          /* bytes of a name in a message */

struct _KolPickle {
  const guint8 *bytes;
  gsize length;
  gsize position;
  GPtrArray *chunks;    /* of CHUNK items each, which live as long as the pickle */
  guint items;          /* how many there are */
  guint copied;         /* how many entries of containers were made by copying others */
  GPtrArray *stack;     /* lent */
  GHashTable *memo;     /* number + 1 -> item, lent */
  GHashTable *storages; /* key -> KolPickleStorage */
  GHashTable *known;    /* storage item -> its KolPickleStorage, lent */
};

/* ── Items ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_container (const KolPickleItem *item)
{
  return item->kind == KOL_PICKLE_TUPLE || item->kind == KOL_PICKLE_LIST
         || item->kind == KOL_PICKLE_DICTIONARY || item->kind == KOL_PICKLE_SET;
}

static void
free_items (KolPickle *self)
{
  for (guint i = 0; i < self->items; i++)
    {
      KolPickleItem *chunk = g_ptr_array_index (self->chunks, i / CHUNK);

      if (is_container (&chunk[i % CHUNK]))
        g_ptr_array_unref (chunk[i % CHUNK].value.items);
    }
  g_ptr_array_unref (self->chunks);
}

/* NULL if there are too many already. */
static KolPickleItem *
new_item (KolPickle *self, KolPickleKind kind, GError **error)
{
  if (self->items == MOST_ITEMS)
    {
      kol_refuse (error, "its pickle makes more than %u objects, more than any network has",
                  MOST_ITEMS);
      return NULL;
    }
  if (self->items % CHUNK == 0)
    g_ptr_array_add (self->chunks, g_new0 (KolPickleItem, CHUNK));
  KolPickleItem *chunk = g_ptr_array_index (self->chunks, self->items / CHUNK);
  KolPickleItem *item = &chunk[self->items++ % CHUNK];
  item->kind = kind;
  if (is_container (item))
    item->value.items = g_ptr_array_new ();
  return item;
}

static gboolean
push (KolPickle *self, KolPickleItem *item)
{
  if (item)
    g_ptr_array_add (self->stack, item);
  return item != NULL;
}

static gboolean
push_new (KolPickle *self, KolPickleKind kind, GError **error)
{
  return push (self, new_item (self, kind, error));
}

static gboolean
push_integer (KolPickle *self, KolPickleKind kind, gint64 value, GError **error)
{
  KolPickleItem *item = new_item (self, kind, error);

  if (item)
    item->value.integer = value;
  return push (self, item);
}

static gboolean
push_text (KolPickle *self, KolPickleKind kind, const guint8 *text, gsize length, GError **error)
{
  KolPickleItem *item;

  if (length > MOST_LENGTH)
    return kol_refuse (error, "it has a string of %zu bytes, longer than any that is read", length);
  item = new_item (self, kind, error);
  if (!item)
    return FALSE;
  item->value.text = (const char *) text;
  item->length = (guint) length;
  return push (self, item);
}

/* The uppermost item, which stays; NULL, with an error, if there is none. */
static KolPickleItem *
top (KolPickle *self, GError **error)
{
  KolPickleItem *item
      = self->stack->len ? g_ptr_array_index (self->stack, self->stack->len - 1) : NULL;

  if (!item || item->kind == KOL_PICKLE_MARK)
    {
      kol_refuse (error, "at byte %zu its pickle takes what is not on the stack", self->position);
      return NULL;
    }
  return item;
}

static KolPickleItem *
pop (KolPickle *self, GError **error)
{
  KolPickleItem *item = top (self, error);

  if (item)
    g_ptr_array_set_size (self->stack, (int) self->stack->len - 1);
  return item;
}

/* Where on the stack what follows the uppermost mark begins; 0 if there is no mark. */
static guint
behind_mark (const KolPickle *self, GError **error)
{
  for (guint i = self->stack->len; i > 0; i--)
    if (((KolPickleItem *) g_ptr_array_index (self->stack, i - 1))->kind == KOL_PICKLE_MARK)
      return i;
  kol_refuse (error, "at byte %zu its pickle takes what is not on the stack", self->position);
  return 0;
}

/* Moves what is behind the mark to @items, or away, and takes the mark off. */
static gboolean
take_marked (KolPickle *self, GPtrArray *items, GError **error)
{
  guint first = behind_mark (self, error);

  if (first == 0)
    return FALSE;
  for (guint i = first; items && i < self->stack->len; i++)
    g_ptr_array_add (items, g_ptr_array_index (self->stack, i));
  g_ptr_array_set_size (self->stack, (int) first - 1);
  return TRUE;
}

/* ── Reading bytes ───────────────────────────────────────────────────────────────────────────── */

static const guint8 *
take_bytes (KolPickle *self, guint64 size, GError **error)
{
  const guint8 *bytes = self->bytes + self->position;

  if (size > self->length - self->position)
    {
      kol_refuse (error,
                  "it is truncated: at byte %zu its pickle goes on for %" G_GUINT64_FORMAT
                  " bytes, of which %zu are there",
                  self->position, size, self->length - self->position);
      return NULL;
    }
  self->position += (gsize) size;
  return bytes;
}

static gboolean
take_number (KolPickle *self, guint size, guint64 *number, GError **error)
{
  const guint8 *bytes = take_bytes (self, size, error);

  *number = 0;
  for (guint i = size; bytes && i-- > 0;)
    *number = *number << 8 | bytes[i];
  return bytes != NULL;
}

/* A length of @size bytes, and so many bytes. */
static const guint8 *
take_counted (KolPickle *self, guint size, guint64 *length, GError **error)
{
  return take_number (self, size, length, error) ? take_bytes (self, *length, error) : NULL;
}

/* What stands before the next line's end. */
static const guint8 *
take_line (KolPickle *self, gsize *length, GError **error)
{
  const guint8 *line = self->bytes + self->position;
  const guint8 *end = memchr (line, '\n', self->length - self->position);

  if (!end)
    {
      kol_refuse (error, "it is truncated: at byte %zu its pickle has a line without an end",
                  self->position);
      return NULL;
    }
  *length = (gsize) (end - line);
  self->position += *length + 1;
  return line;
}

/* ── Numbers and strings ─────────────────────────────────────────────────────────────────────── */

/* Two's complement, as short as it can be. */
static gboolean
push_long (KolPickle *self, const guint8 *bytes, guint64 length, GError **error)
{
  guint64 value = length && bytes[length - 1] & 0x80 ? G_MAXUINT64 : 0;

  if (length > 8)
    return push_text (self, KOL_PICKLE_LONG, bytes, length, error);
  for (guint i = (guint) length; i-- > 0;)
    value = value << 8 | bytes[i];
  return push_integer (self, KOL_PICKLE_INTEGER, (gint64) value, error);
}

/* Decimal digits; of protocol 1 also 00 and 01, FALSE and TRUE. */
static gboolean
push_decimal (KolPickle *self, GError **error)
{
  gsize length;
  const guint8 *line = take_line (self, &length, error);
  char digits[24] = "", *end;

  if (!line)
    return FALSE;
  if (length > 0 && line[length - 1] == 'L')
    length--;
  if (length >= sizeof digits)
    return push_text (self, KOL_PICKLE_LONG, line, length, error);
  memcpy (digits, line, length);
  if (strcmp (digits, "00") == 0 || strcmp (digits, "01") == 0)
    return push_integer (self, KOL_PICKLE_BOOLEAN, digits[1] == '1', error);
  gint64 value = g_ascii_strtoll (digits, &end, 10);
  if (*end != '\0' || end == digits)
    return kol_refuse (error, "before byte %zu its pickle should have a number", self->position);
  return push_integer (self, KOL_PICKLE_INTEGER, value, error);
}

/* What is not UTF-8 is kept as bytes: Python 2 had one type for both. */
static gboolean
push_string (KolPickle *self, const guint8 *bytes, guint64 length, gboolean must, GError **error)
{
  if (!bytes)
    return FALSE;
  gboolean good = g_utf8_validate_len ((const char *) bytes, length, NULL);
  if (must && !good)
    return kol_refuse (error, "before byte %zu its pickle has a string that is not UTF-8",
                       self->position);
  return push_text (self, good ? KOL_PICKLE_STRING : KOL_PICKLE_BYTES, bytes, length, error);
}

/* ── Containers ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
push_tuple (KolPickle *self, guint count, GError **error)
{
  KolPickleItem *tuple = new_item (self, KOL_PICKLE_TUPLE, error);

  if (!tuple)
    return FALSE;
  g_ptr_array_set_size (tuple->value.items, (int) count);
  for (guint i = count; i-- > 0;)
    if (!(tuple->value.items->pdata[i] = pop (self, error)))
      {
        g_ptr_array_set_size (tuple->value.items, 0);
        return FALSE;
      }
  return push (self, tuple);
}

static gboolean
check_pairs (const KolPickle *self, const KolPickleItem *item, guint count, GError **error)
{
  return item->kind != KOL_PICKLE_DICTIONARY || count % 2 == 0
         || kol_refuse (error, "at byte %zu its pickle gives a dictionary a key without a value",
                        self->position);
}

/* All that is behind the mark, as one container. */
static gboolean
push_marked (KolPickle *self, KolPickleKind kind, GError **error)
{
  KolPickleItem *item = new_item (self, kind, error);

  return item && take_marked (self, item->value.items, error)
         && check_pairs (self, item, item->value.items->len, error) && push (self, item);
}

/* Sees that @item may be given more. */
static gboolean
check_kind (const KolPickle *self, const KolPickleItem *item, KolPickleKind kind, GError **error)
{
  return item->kind == kind
         || kol_refuse (error, "at byte %zu its pickle adds to what is no list, dictionary or set",
                        self->position);
}

/* Adds all that is behind the mark to the container before it. */
static gboolean
add_marked (KolPickle *self, KolPickleKind kind, GError **error)
{
  guint first = behind_mark (self, error);
  KolPickleItem *container = first > 1 ? g_ptr_array_index (self->stack, first - 2) : NULL;

  if (first == 0)
    return FALSE;
  return (container || kol_refuse (error, "at byte %zu its pickle adds to nothing", self->position))
         && check_kind (self, container, kind, error)
         && check_pairs (self, container, self->stack->len - first, error)
         && take_marked (self, container->value.items, error);
}

static gboolean
add_one (KolPickle *self, GError **error)
{
  KolPickleItem *item = pop (self, error), *list = item ? top (self, error) : NULL;

  if (!list || !check_kind (self, list, KOL_PICKLE_LIST, error))
    return FALSE;
  g_ptr_array_add (list->value.items, item);
  return TRUE;
}

static gboolean
set_one (KolPickle *self, GError **error)
{
  KolPickleItem *value = pop (self, error), *key = value ? pop (self, error) : NULL;
  KolPickleItem *dictionary = key ? top (self, error) : NULL;

  if (!dictionary || !check_kind (self, dictionary, KOL_PICKLE_DICTIONARY, error))
    return FALSE;
  g_ptr_array_add (dictionary->value.items, key);
  g_ptr_array_add (dictionary->value.items, value);
  return TRUE;
}

/* ── The memo ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
remember (KolPickle *self, guint64 number, GError **error)
{
  KolPickleItem *item = top (self, error);

  if (!item)
    return FALSE;
  if (number >= MOST_ITEMS || g_hash_table_size (self->memo) >= MOST_ITEMS)
    return kol_refuse (error, "at byte %zu its pickle numbers more objects than any network has",
                       self->position);
  g_hash_table_replace (self->memo, GSIZE_TO_POINTER ((gsize) number + 1), item);
  return TRUE;
}

static gboolean
recall (KolPickle *self, guint64 number, GError **error)
{
  KolPickleItem *item
      = number < MOST_ITEMS
            ? g_hash_table_lookup (self->memo, GSIZE_TO_POINTER ((gsize) number + 1))
            : NULL;

  return push (self, item)
         || kol_refuse (error,
                        "at byte %zu its pickle takes object %" G_GUINT64_FORMAT
                        " of the memo, which is not there",
                        self->position, number);
}

static gboolean
take_decimal (KolPickle *self, guint64 *number, GError **error)
{
  gsize length;
  const guint8 *line = take_line (self, &length, error);
  char digits[24] = "", *end = digits;

  if (!line)
    return FALSE;
  memcpy (digits, line, MIN (length, sizeof digits - 1));
  *number = g_ascii_strtoull (digits, &end, 10);
  return (end != digits && *end == '\0')
         || kol_refuse (error, "before byte %zu its pickle should have a number", self->position);
}

/* ── What a pickle may name ──────────────────────────────────────────────────────────────────── */

static gboolean
fail_call (const KolPickleGlobal *global, GError **error)
{
  return kol_refuse (error, "its pickle calls %s.%s with other arguments than PyTorch does",
                     global->module, global->name);
}

/* Sees that what is copied again and again stays as little as what is made once. */
static gboolean
check_copied (KolPickle *self, guint count, GError **error)
{
  if (count > MOST_ITEMS - self->copied)
    return kol_refuse (error, "its pickle copies more objects than any network has");
  self->copied += count;
  return TRUE;
}

/* A dictionary: empty, or of a list of pairs. */
static KolPickleItem *
call_dictionary (const KolPickleGlobal *global, KolPickleItem *arguments, gpointer pickle,
                 GError **error)
{
  KolPickleItem *item = new_item (pickle, KOL_PICKLE_DICTIONARY, error);
  GPtrArray *given = arguments->value.items;
  KolPickleItem *pairs = given->len ? g_ptr_array_index (given, 0) : NULL;

  if (!item || !pairs)
    return item;
  if (is_container (pairs) && !check_copied (pickle, pairs->value.items->len, error))
    return NULL;
  if (pairs->kind == KOL_PICKLE_DICTIONARY)
    g_ptr_array_extend (item->value.items, pairs->value.items, NULL, NULL);
  for (guint i = 0; pairs->kind == KOL_PICKLE_LIST && i < pairs->value.items->len; i++)
    {
      const KolPickleItem *pair = g_ptr_array_index (pairs->value.items, i);

      if (!is_container (pair) || pair->value.items->len != 2)
        {
          fail_call (global, error);
          return NULL;
        }
      g_ptr_array_add (item->value.items, pair->value.items->pdata[0]);
      g_ptr_array_add (item->value.items, pair->value.items->pdata[1]);
    }
  return item;
}

/* A set, of what is in a list. */
static KolPickleItem *
call_set (const KolPickleGlobal *global, KolPickleItem *arguments, gpointer pickle, GError **error)
{
  KolPickleItem *item = new_item (pickle, KOL_PICKLE_SET, error);
  GPtrArray *given = arguments->value.items;
  const KolPickleItem *list = given->len ? g_ptr_array_index (given, 0) : NULL;

  if (!item || !list || !is_container (list))
    return item;
  if (!check_copied (pickle, list->value.items->len, error))
    return NULL;
  g_ptr_array_extend (item->value.items, list->value.items, NULL, NULL);
  return item;
}

/* The first argument as it is: of what wraps something that we know. */
static KolPickleItem *
call_same (const KolPickleGlobal *global, KolPickleItem *arguments, gpointer pickle, GError **error)
{
  if (arguments->value.items->len)
    return g_ptr_array_index (arguments->value.items, 0);
  fail_call (global, error);
  return NULL;
}

/* Something that nobody asks for. */
static KolPickleItem *
call_none (const KolPickleGlobal *global, KolPickleItem *arguments, gpointer pickle, GError **error)
{
  return new_item (pickle, KOL_PICKLE_NONE, error);
}

/* (storage, offset, shape, strides, ...); kol_pickle_tensor() checks them. */
static KolPickleItem *
call_tensor (const KolPickleGlobal *global, KolPickleItem *arguments, gpointer pickle,
             GError **error)
{
  KolPickleItem *item = new_item (pickle, KOL_PICKLE_TENSOR, error);

  if (item)
    item->value.arguments = arguments;
  return item;
}

/*
 * All that a pickle may name; adding here is deciding that it is harmless. Types of
 * elements come from the persistent ids of storages, which name these classes.
 */
static const KolPickleGlobal globals[] = {
  { "collections", "OrderedDict", call_dictionary },
  { "builtins", "set", call_set },
  { "__builtin__", "set", call_set },
  { "_codecs", "encode", call_same }, /* bytes, in protocols 1 and 2 */
  { "torch", "Size", call_same },
  { "torch", "device", call_none },
  { "torch._utils", "_rebuild_tensor", call_tensor },
  { "torch._utils", "_rebuild_tensor_v2", call_tensor },
  { "torch._utils", "_rebuild_parameter", call_same },
  { "torch._utils", "_rebuild_parameter_with_state", call_same },
  { "torch.nn.parameter", "Parameter", call_same },
  { "torch", "FloatStorage", NULL, "f4" },
  { "torch", "DoubleStorage", NULL, "f8" },
  { "torch", "HalfStorage", NULL, "f2" },
  { "torch", "BFloat16Storage", NULL, "bf16" },
  { "torch", "ByteStorage", NULL, "u1" },
  { "torch", "CharStorage", NULL, "i1" },
  { "torch", "ShortStorage", NULL, "i2" },
  { "torch", "IntStorage", NULL, "i4" },
  { "torch", "LongStorage", NULL, "i8" },
  { "torch", "BoolStorage", NULL, "b1" },
  { "torch", "float32" },
  { "torch", "float64" },
  { "torch", "float16" },
  { "torch", "bfloat16" },
  { "torch", "uint8" },
  { "torch", "int8" },
  { "torch", "int16" },
  { "torch", "int32" },
  { "torch", "int64" },
  { "torch", "bool" },
};

static const KolPickleGlobal *
find_global (const char *module, const char *name)
{
  /* Storages that were saved on a graphics card. */
  if (strcmp (module, "torch.cuda") == 0 && g_str_has_suffix (name, "Storage"))
    module = "torch";
  for (gsize i = 0; i < G_N_ELEMENTS (globals); i++)
    if (strcmp (globals[i].module, module) == 0 && strcmp (globals[i].name, name) == 0)
      return &globals[i];
  return NULL;
}

/* A string that is fit to be shown, of any bytes. */
static char *
show (const guint8 *text, gsize length)
{
  g_autofree char *start = g_strndup ((const char *) text, MIN (length, MOST_SHOWN));
  g_autofree char *valid = g_utf8_make_valid (start, -1);

  return g_strescape (valid, NULL);
}

static gboolean
push_global (KolPickle *self, const guint8 *module, gsize module_length, const guint8 *name,
             gsize name_length, GError **error)
{
  g_autofree char *shown_module = show (module, module_length);
  g_autofree char *shown_name = show (name, name_length);
  const KolPickleGlobal *global = find_global (shown_module, shown_name);
  KolPickleItem *item;

  if (!global)
    return kol_refuse (
        error,
        "its pickle wants “%s.%s” of Python, which Kolinsky does not run: it reads "
        "tensors, numbers, strings, lists and dictionaries alone, so save no more than "
        "the weights, with torch.save (model.state_dict (), ...)",
        shown_module, shown_name);
  item = new_item (self, KOL_PICKLE_GLOBAL, error);
  if (item)
    item->value.global = global;
  return push (self, item);
}

/* The names stand on two lines. */
static gboolean
push_named_global (KolPickle *self, GError **error)
{
  gsize module_length, name_length;
  const guint8 *module = take_line (self, &module_length, error);
  const guint8 *name = module ? take_line (self, &name_length, error) : NULL;

  return name && push_global (self, module, module_length, name, name_length, error);
}

/* The names are on the stack. */
static gboolean
push_stack_global (KolPickle *self, GError **error)
{
  KolPickleItem *name = pop (self, error), *module = name ? pop (self, error) : NULL;

  if (!module)
    return FALSE;
  if (name->kind != KOL_PICKLE_STRING || module->kind != KOL_PICKLE_STRING)
    return kol_refuse (error, "at byte %zu its pickle wants something whose name is no string",
                       self->position);
  return push_global (self, (const guint8 *) module->value.text, module->length,
                      (const guint8 *) name->value.text, name->length, error);
}

static gboolean
call (KolPickle *self, GError **error)
{
  KolPickleItem *arguments = pop (self, error), *what = arguments ? pop (self, error) : NULL;

  if (!what)
    return FALSE;
  if (what->kind != KOL_PICKLE_GLOBAL || arguments->kind != KOL_PICKLE_TUPLE)
    return kol_refuse (error, "at byte %zu its pickle calls what is no function", self->position);
  const KolPickleGlobal *global = what->value.global;
  if (!global->call)
    return fail_call (global, error);
  return push (self, global->call (global, arguments, self, error));
}

/* What PyTorch hangs on a dictionary of weights ("_metadata") or on a parameter is let go. */
static gboolean
build (KolPickle *self, GError **error)
{
  KolPickleItem *state = pop (self, error), *item = state ? top (self, error) : NULL;

  if (!item)
    return FALSE;
  return item->kind == KOL_PICKLE_DICTIONARY || item->kind == KOL_PICKLE_TENSOR
         || kol_refuse (error, "at byte %zu its pickle sets the state of what has none",
                        self->position);
}

/* ── Storages and tensors ────────────────────────────────────────────────────────────────────── */

static KolPickleItem *
argument (const KolPickleItem *tuple, guint i, KolPickleKind kind)
{
  KolPickleItem *item
      = i < tuple->value.items->len ? g_ptr_array_index (tuple->value.items, i) : NULL;

  return item && item->kind == kind ? item : NULL;
}

/* The storage of that key: a new one, or the one of before, if it is alike. */
static KolPickleStorage *
add_storage (KolPickle *self, char *key, const KolElementType *type, guint64 count, GError **error)
{
  KolPickleStorage *storage = g_hash_table_lookup (self->storages, key);

  if (storage && storage->type == type && storage->count == count)
    {
      g_free (key);
      return storage;
    }
  if (storage)
    {
      kol_refuse (error, "its pickle describes the storage “%s” in two ways", key);
      g_free (key);
      return NULL;
    }
  storage = g_new0 (KolPickleStorage, 1);
  *storage = (KolPickleStorage){ .key = key, .type = type, .count = count };
  g_hash_table_insert (self->storages, key, storage);
  return storage;
}

/* ("storage", class, key, device, count, view), where view is nothing but in files of 2017. */
static gboolean
push_storage (KolPickle *self, GError **error)
{
  KolPickleItem *id = pop (self, error), *item;

  if (!id)
    return FALSE;
  gboolean tuple = id->kind == KOL_PICKLE_TUPLE;
  const KolPickleItem *class = tuple ? argument (id, 1, KOL_PICKLE_GLOBAL) : NULL;
  const KolPickleItem *key = tuple ? argument (id, 2, KOL_PICKLE_STRING) : NULL;
  const KolPickleItem *count = tuple ? argument (id, 4, KOL_PICKLE_INTEGER) : NULL;
  if (!class || !class->value.global->elements || !key || !count || count->value.integer < 0
      || key->length > MOST_SHOWN || !kol_pickle_is_string (id->value.items->pdata[0], "storage")
      || (id->value.items->len > 5 && !argument (id, 5, KOL_PICKLE_NONE)))
    return kol_refuse (error,
                       "at byte %zu its pickle has something outside of it that is no storage",
                       self->position);
  item = new_item (self, KOL_PICKLE_STORAGE, error);
  if (!item)
    return FALSE;
  item->value.arguments = id;
  KolPickleStorage *storage = add_storage (self, g_strndup (key->value.text, key->length),
                                           kol_element_type_find (class->value.global->elements),
                                           (guint64) count->value.integer, error);
  if (!storage)
    return FALSE;
  g_hash_table_insert (self->known, item, storage);
  return push (self, item);
}

/* Copies up to the largest rank of whole numbers that are not negative. */
static gboolean
copy_integers (const KolPickleItem *tuple, gint64 *values, guint count)
{
  if (tuple->value.items->len != count)
    return FALSE;
  for (guint i = 0; i < count; i++)
    {
      const KolPickleItem *item = argument (tuple, i, KOL_PICKLE_INTEGER);

      if (!item || item->value.integer < 0)
        return FALSE;
      values[i] = item->value.integer;
    }
  return TRUE;
}

/* Whether every element of the tensor lies in its storage. */
static gboolean
check_reach (const KolPickleTensor *tensor, GError **error)
{
  const KolElements *elements = &tensor->elements;
  guint64 last = tensor->offset;
  gboolean fits = TRUE;
  gsize count;

  if (!kol_elements_count (elements, &count) || count > tensor->storage->count)
    return kol_refuse (error,
                       "it has a tensor of more elements than the %" G_GUINT64_FORMAT
                       " of its storage “%s”; save it with contiguous () or clone ()",
                       tensor->storage->count, tensor->storage->key);
  for (guint i = 0; count > 0 && i < elements->rank; i++)
    {
      guint64 step;

      fits = fits
             && g_uint64_checked_mul (&step, (guint64) elements->dims[i] - 1,
                                      (guint64) elements->strides[i])
             && g_uint64_checked_add (&last, last, step);
    }
  return (fits && (count == 0 || last < tensor->storage->count))
         || kol_refuse (error, "it has a tensor that reaches beyond its storage “%s”",
                        tensor->storage->key);
}

gboolean
kol_pickle_tensor (KolPickle *self, const KolPickleItem *item, KolPickleTensor *tensor,
                   GError **error)
{
  const KolPickleItem *arguments = item->value.arguments;
  const KolPickleItem *storage = argument (arguments, 0, KOL_PICKLE_STORAGE);
  const KolPickleItem *offset = argument (arguments, 1, KOL_PICKLE_INTEGER);
  const KolPickleItem *shape = argument (arguments, 2, KOL_PICKLE_TUPLE);
  const KolPickleItem *strides = argument (arguments, 3, KOL_PICKLE_TUPLE);

  *tensor = (KolPickleTensor){ 0 };
  if (!storage || !offset || offset->value.integer < 0 || !shape || !strides)
    return kol_refuse (error,
                       "it has a tensor that is not made of a storage, an offset, a shape and "
                       "strides");
  KolElements *elements = &tensor->elements;
  elements->rank = shape->value.items->len;
  if (elements->rank > KOL_ELEMENTS_MAX_RANK)
    return kol_refuse (error, "it has a tensor of %u dimensions; at most %d are read",
                       elements->rank, KOL_ELEMENTS_MAX_RANK);
  if (!copy_integers (shape, elements->dims, elements->rank)
      || !copy_integers (strides, elements->strides, elements->rank))
    return kol_refuse (error, "it has a tensor whose shape or strides are no whole numbers from 0");
  tensor->storage = g_hash_table_lookup (self->known, storage);
  tensor->offset = (guint64) offset->value.integer;
  elements->type = tensor->storage->type;
  return check_reach (tensor, error);
}

/* ── The machine ─────────────────────────────────────────────────────────────────────────────── */

/* Strings and bytes with a length of @size bytes before them. */
static gboolean
push_counted (KolPickle *self, guint size, KolPickleKind kind, gboolean must, GError **error)
{
  guint64 length = 0;
  const guint8 *bytes = take_counted (self, size, &length, error);

  if (!bytes)
    return FALSE;
  return kind == KOL_PICKLE_BYTES ? push_text (self, kind, bytes, length, error)
                                  : push_string (self, bytes, length, must, error);
}

static gboolean
push_counted_long (KolPickle *self, guint size, GError **error)
{
  guint64 length = 0;
  const guint8 *bytes = take_counted (self, size, &length, error);

  return bytes && push_long (self, bytes, length, error);
}

static gboolean
push_fixed (KolPickle *self, guint size, gboolean is_signed, GError **error)
{
  guint64 number;

  return take_number (self, size, &number, error)
         && push_integer (self, KOL_PICKLE_INTEGER,
                          is_signed ? (gint32) (guint32) number : (gint64) number, error);
}

/* Of a float nobody asks for the value. */
static gboolean
push_float (KolPickle *self, gboolean decimal, GError **error)
{
  gsize length;

  return (decimal ? take_line (self, &length, error) : take_bytes (self, 8, error)) != NULL
         && push_new (self, KOL_PICKLE_FLOAT, error);
}

/* Skips a number that only says how the pickle is cut. */
static gboolean
skip (KolPickle *self, guint size, GError **error)
{
  return take_bytes (self, size, error) != NULL;
}

static gboolean
memo_fixed (KolPickle *self, guint size, gboolean put, GError **error)
{
  guint64 number;

  return take_number (self, size, &number, error)
         && (put ? remember (self, number, error) : recall (self, number, error));
}

static gboolean
memo_decimal (KolPickle *self, gboolean put, GError **error)
{
  guint64 number;

  return take_decimal (self, &number, error)
         && (put ? remember (self, number, error) : recall (self, number, error));
}

/* Numbers, strings, and other values. */
static gboolean
run_value (KolPickle *self, guint8 instruction, gboolean *known, GError **error)
{
  switch (instruction)
    {
    case 'N':
      return push_new (self, KOL_PICKLE_NONE, error);
    case 0x88:
      return push_integer (self, KOL_PICKLE_BOOLEAN, TRUE, error);
    case 0x89:
      return push_integer (self, KOL_PICKLE_BOOLEAN, FALSE, error);
    case 'I':
    case 'L':
      return push_decimal (self, error);
    case 'J':
      return push_fixed (self, 4, TRUE, error);
    case 'K':
      return push_fixed (self, 1, FALSE, error);
    case 'M':
      return push_fixed (self, 2, FALSE, error);
    case 0x8a:
      return push_counted_long (self, 1, error);
    case 0x8b:
      return push_counted_long (self, 4, error);
    case 'F':
      return push_float (self, TRUE, error);
    case 'G':
      return push_float (self, FALSE, error);
    case 'T':
      return push_counted (self, 4, KOL_PICKLE_STRING, FALSE, error);
    case 'U':
      return push_counted (self, 1, KOL_PICKLE_STRING, FALSE, error);
    case 'X':
      return push_counted (self, 4, KOL_PICKLE_STRING, TRUE, error);
    case 0x8c:
      return push_counted (self, 1, KOL_PICKLE_STRING, TRUE, error);
    case 0x8d:
      return push_counted (self, 8, KOL_PICKLE_STRING, TRUE, error);
    case 'B':
      return push_counted (self, 4, KOL_PICKLE_BYTES, FALSE, error);
    case 'C':
      return push_counted (self, 1, KOL_PICKLE_BYTES, FALSE, error);
    case 0x8e:
    case 0x96:
      return push_counted (self, 8, KOL_PICKLE_BYTES, FALSE, error);
    default:
      *known = FALSE;
      return FALSE;
    }
}

/* Lists, tuples, dictionaries, sets. */
static gboolean
run_container (KolPickle *self, guint8 instruction, gboolean *known, GError **error)
{
  switch (instruction)
    {
    case ')':
      return push_tuple (self, 0, error);
    case 0x85:
      return push_tuple (self, 1, error);
    case 0x86:
      return push_tuple (self, 2, error);
    case 0x87:
      return push_tuple (self, 3, error);
    case 't':
      return push_marked (self, KOL_PICKLE_TUPLE, error);
    case ']':
      return push_new (self, KOL_PICKLE_LIST, error);
    case 'l':
      return push_marked (self, KOL_PICKLE_LIST, error);
    case 'a':
      return add_one (self, error);
    case 'e':
      return add_marked (self, KOL_PICKLE_LIST, error);
    case '}':
      return push_new (self, KOL_PICKLE_DICTIONARY, error);
    case 'd':
      return push_marked (self, KOL_PICKLE_DICTIONARY, error);
    case 's':
      return set_one (self, error);
    case 'u':
      return add_marked (self, KOL_PICKLE_DICTIONARY, error);
    case 0x8f:
      return push_new (self, KOL_PICKLE_SET, error);
    case 0x90:
      return add_marked (self, KOL_PICKLE_SET, error);
    case 0x91:
      return push_marked (self, KOL_PICKLE_SET, error);
    default:
      *known = FALSE;
      return FALSE;
    }
}

/* The stack, the memo, and what is named and called. */
static gboolean
run_other (KolPickle *self, guint8 instruction, gboolean *known, GError **error)
{
  switch (instruction)
    {
    case 0x80:
      return skip (self, 1, error);
    case 0x95:
      return skip (self, 8, error);
    case '(':
      return push_new (self, KOL_PICKLE_MARK, error);
    case '0':
      return pop (self, error) != NULL;
    case '1':
      return take_marked (self, NULL, error);
    case '2':
      return push (self, top (self, error));
    case 'p':
      return memo_decimal (self, TRUE, error);
    case 'q':
      return memo_fixed (self, 1, TRUE, error);
    case 'r':
      return memo_fixed (self, 4, TRUE, error);
    case 0x94:
      return remember (self, g_hash_table_size (self->memo), error);
    case 'g':
      return memo_decimal (self, FALSE, error);
    case 'h':
      return memo_fixed (self, 1, FALSE, error);
    case 'j':
      return memo_fixed (self, 4, FALSE, error);
    case 'c':
      return push_named_global (self, error);
    case 0x93:
      return push_stack_global (self, error);
    case 'R':
    case 0x81:
      return call (self, error);
    case 'b':
      return build (self, error);
    case 'Q':
      return push_storage (self, error);
    default:
      *known = FALSE;
      return FALSE;
    }
}

static gboolean
run (KolPickle *self, guint8 instruction, GError **error)
{
  static gboolean (*const runners[]) (KolPickle *, guint8, gboolean *, GError **)
      = { run_value, run_container, run_other };

  for (guint i = 0; i < G_N_ELEMENTS (runners); i++)
    {
      gboolean known = TRUE, good = runners[i](self, instruction, &known, error);

      if (known)
        return good;
    }
  return kol_refuse (
      error,
      "at byte %zu its pickle has the instruction %02x, which PyTorch does not use or "
      "which is damaged",
      self->position - 1, instruction);
}

KolPickleItem *
kol_pickle_read (KolPickle *self, gsize *position, GError **error)
{
  self->position = *position;
  g_ptr_array_set_size (self->stack, 0);
  g_hash_table_remove_all (self->memo);
  for (;;)
    {
      const guint8 *instruction = take_bytes (self, 1, error);

      if (!instruction)
        return NULL;
      if (*instruction == '.')
        {
          *position = self->position;
          return pop (self, error);
        }
      if (self->stack->len > 2 * MOST_ITEMS)
        {
          kol_refuse (error, "its pickle has more objects at once than any network has");
          return NULL;
        }
      if (!run (self, *instruction, error))
        return NULL;
    }
}

/* ── Beginning and end ───────────────────────────────────────────────────────────────────────── */

static void
storage_free (gpointer data)
{
  KolPickleStorage *storage = data;

  g_free (storage->key);
  g_free (storage);
}

KolPickle *
kol_pickle_new (const guint8 *bytes, gsize length)
{
  KolPickle *self = g_new0 (KolPickle, 1);

  self->bytes = bytes;
  self->length = length;
  self->chunks = g_ptr_array_new_with_free_func (g_free);
  self->stack = g_ptr_array_new ();
  self->memo = g_hash_table_new (NULL, NULL);
  self->storages = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, storage_free);
  self->known = g_hash_table_new (NULL, NULL);
  return self;
}

void
kol_pickle_free (KolPickle *self)
{
  if (!self)
    return;
  free_items (self);
  g_ptr_array_unref (self->stack);
  g_hash_table_unref (self->memo);
  g_hash_table_unref (self->known);
  g_hash_table_unref (self->storages);
  g_free (self);
}

GHashTable *
kol_pickle_get_storages (KolPickle *self)
{
  return self->storages;
}

gboolean
kol_pickle_is_string (const KolPickleItem *item, const char *text)
{
  return item->kind == KOL_PICKLE_STRING && item->length == strlen (text)
         && memcmp (item->value.text, text, item->length) == 0;
}

KolPickleItem *
kol_pickle_lookup (const KolPickleItem *dictionary, const char *name)
{
  if (dictionary->kind != KOL_PICKLE_DICTIONARY)
    return NULL;
  for (guint i = 0; i + 1 < dictionary->value.items->len; i += 2)
    if (kol_pickle_is_string (dictionary->value.items->pdata[i], name))
      return dictionary->value.items->pdata[i + 1];
  return NULL;
}
