/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Weights as Keras saves them: HDF5, as the "HDF5 File Format Specification" of the HDF
 * Group says, versions 0 to 3 of its beginning. An array is called by its path,
 * "block1/layers/conv2d/vars/0".
 *
 * Read by hand, and not by HDF5's own library, which follows whatever a damaged file
 * says, for ever and into all of the memory. Here nothing is looked at twice, and what
 * is looked at is never more than the file has. What leads out of the file, links and
 * data in other files, is not followed. Numbers are read; texts, and the like, let go.
 */

#include "weights-private.h"

#include <gio/gio.h>
#include <string.h>

#define NOWHERE G_MAXUINT64 /* an address that a file leaves open */
#define DEEPEST 32          /* groups within groups */
#define HIGHEST 16          /* levels of a tree */
#define MOST_FILTERS 8
/* No compression that is known packs better, so a promise of more is a lie. */
#define BEST_RATIO 1032

/* ── Bytes ───────────────────────────────────────────────────────────────────────────────────── */

/* A part of the file that is read from its beginning on; bad where that went beyond its end. */
typedef struct {
  const guint8 *bytes;
  gsize left;
  gboolean bad;
} Cursor;

static Cursor
part_of (const KolWeights *weights, guint64 address, guint64 length)
{
  if (address > weights->length || length > weights->length - address)
    return (Cursor){ .bad = TRUE };
  return (Cursor){ weights->bytes + address, (gsize) length, FALSE };
}

static void
skip (Cursor *cursor, gsize n)
{
  if (cursor->bad || n > cursor->left)
    {
      *cursor = (Cursor){ .bad = TRUE };
      return;
    }
  cursor->bytes += n;
  cursor->left -= n;
}

/* A little-endian number of @n bytes; 0 beyond the end. */
static guint64
take (Cursor *cursor, guint n)
{
  const guint8 *bytes = cursor->bytes;
  guint64 value = 0;

  skip (cursor, n);
  for (guint i = 0; !cursor->bad && i < n; i++)
    value |= (guint64) bytes[i] << 8 * i;
  return value;
}

static gboolean
take_word (Cursor *cursor, const char *word)
{
  const guint8 *bytes = cursor->bytes;

  skip (cursor, strlen (word));
  return !cursor->bad && memcmp (bytes, word, strlen (word)) == 0;
}

/* ── What is known while a file is opened ────────────────────────────────────────────────────── */

typedef struct {
  KolWeights *weights;
  GHashTable *seen; /* addresses of objects */
  gsize budget;     /* bytes that may still be looked at: an honest file has each once */
  GError **error;
} Reader;

static gboolean
damaged (Reader *reader, const char *name)
{
  if (reader->error && *reader->error)
    return FALSE;
  return kol_weights_fail (reader->weights, reader->error,
                           "is damaged at “%s”; copy or download it again", *name ? name : "/");
}

static gboolean
spend (Reader *reader, gsize bytes)
{
  if (bytes > reader->budget)
    return FALSE;
  reader->budget -= bytes;
  return TRUE;
}

/* Once only: what several links lead to is taken under its first name. */
static gboolean
is_new (Reader *reader, guint64 address)
{
  return g_hash_table_add (reader->seen, g_memdup2 (&address, sizeof address));
}

/* ── Objects ─────────────────────────────────────────────────────────────────────────────────── */

/* What the messages of an object's header say. Parts that there are not are bad. */
typedef struct {
  Cursor type, space, layout, filters;
  guint64 tree, heap; /* a group of the old kind, or NOWHERE */
  GArray *links;      /* of Cursor: a group of the new kind */
  gboolean dense;     /* its links are elsewhere */
  gboolean outside;   /* the data lie in other files */
  gboolean shared;    /* the type is another object's */
} Object;

static void
object_clear (Object *self)
{
  g_clear_pointer (&self->links, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Object, object_clear)

enum {
  MESSAGE_SPACE = 0x01,
  MESSAGE_LINK_INFO = 0x02,
  MESSAGE_TYPE = 0x03,
  MESSAGE_LINK = 0x06,
  MESSAGE_OUTSIDE = 0x07,
  MESSAGE_LAYOUT = 0x08,
  MESSAGE_FILTERS = 0x0b,
  MESSAGE_MORE = 0x10,
  MESSAGE_TABLE = 0x11,
};

/* Where an object's messages are: a part of the file, of one of two kinds of headers. */
typedef struct {
  Cursor part;
  gboolean old, ordered; /* headers of messages of 8 bytes; of 6, not 4 */
} Block;

static void
take_link_info (Object *object, Cursor message)
{
  skip (&message, 1);
  if (take (&message, 1) & 1)
    skip (&message, 8);
  object->dense = take (&message, 8) != NOWHERE && !message.bad;
}

static void
take_message (Object *object, guint type, guint flags, Cursor message)
{
  switch (type)
    {
    case MESSAGE_SPACE:
      object->space = message;
      break;
    case MESSAGE_LINK_INFO:
      take_link_info (object, message);
      break;
    case MESSAGE_TYPE:
      object->type = message;
      object->shared = (flags & 2) != 0;
      break;
    case MESSAGE_LINK:
      g_array_append_val (object->links, message);
      break;
    case MESSAGE_OUTSIDE:
      object->outside = TRUE;
      break;
    case MESSAGE_LAYOUT:
      object->layout = message;
      break;
    case MESSAGE_FILTERS:
      object->filters = message;
      break;
    case MESSAGE_TABLE:
      object->tree = take (&message, 8);
      object->heap = take (&message, 8);
      if (message.bad)
        object->tree = object->heap = NOWHERE;
      break;
    default:
      break;
    }
}

/* Walks a block's messages; @more are blocks that come after it. */
static gboolean
take_messages (Reader *reader, Block *block, Object *object, GArray *more)
{
  gsize header = block->old ? 8 : block->ordered ? 6 : 4;

  if (!spend (reader, block->part.left))
    return FALSE;
  while (block->part.left >= header)
    {
      guint type = (guint) take (&block->part, block->old ? 2 : 1);
      gsize size = (gsize) take (&block->part, 2);
      guint flags = (guint) take (&block->part, 1);
      skip (&block->part, header - (block->old ? 5 : 4));
      Cursor message = { block->part.bytes, size, FALSE };

      skip (&block->part, size);
      if (block->part.bad)
        return FALSE;
      if (type != MESSAGE_MORE)
        {
          take_message (object, type, flags, message);
          continue;
        }
      guint64 address = take (&message, 8), length = take (&message, 8);
      Block next = *block;
      next.part = part_of (reader->weights, address, length);
      if (!block->old && (!take_word (&next.part, "OCHK") || next.part.left < 4))
        return FALSE;
      if (!block->old)
        next.part.left -= 4; /* a sum */
      if (message.bad || next.part.bad)
        return FALSE;
      g_array_append_val (more, next);
    }
  return TRUE;
}

/* The first block of a header at an address. FALSE: there is none. */
static gboolean
find_header (Reader *reader, guint64 address, Block *block)
{
  const KolWeights *weights = reader->weights;
  guint64 length = address < weights->length ? weights->length - address : 0;
  Cursor start = part_of (weights, address, length);

  if (!start.bad && start.left >= 4 && memcmp (start.bytes, "OHDR", 4) == 0)
    {
      skip (&start, 4);
      guint version = (guint) take (&start, 1), flags = (guint) take (&start, 1);
      skip (&start, (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
      gsize size = (gsize) take (&start, 1u << (flags & 3));
      *block = (Block){ { start.bytes, size, FALSE }, FALSE, (flags & 4) != 0 };
      return version == 2 && !start.bad && size <= start.left;
    }
  guint version = (guint) take (&start, 1);
  skip (&start, 7); /* how many messages, and who refers to it */
  gsize size = (gsize) take (&start, 4);
  skip (&start, 4);
  *block = (Block){ { start.bytes, size, FALSE }, TRUE, FALSE };
  return version == 1 && !start.bad && size <= start.left;
}

static gboolean
read_object (Reader *reader, guint64 address, Object *object)
{
  g_autoptr (GArray) blocks = g_array_new (FALSE, FALSE, sizeof (Block));
  Cursor none = { .bad = TRUE };
  Block block;

  *object = (Object){ none, none, none, none, NOWHERE, NOWHERE };
  object->links = g_array_new (FALSE, FALSE, sizeof (Cursor));
  if (!find_header (reader, address, &block))
    return FALSE;
  g_array_append_val (blocks, block);
  for (guint i = 0; i < blocks->len; i++)
    {
      block = g_array_index (blocks, Block, i);
      if (!take_messages (reader, &block, object, blocks))
        return FALSE;
    }
  return TRUE;
}

/* ── Arrays ──────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  guint id;
  gsize size; /* of an element, for those that move bytes */
} Filter;

enum { FILTER_DEFLATE = 1, FILTER_SHUFFLE = 2, FILTER_SUM = 3 };

/* An array that lies in pieces, each packed for itself. */
typedef struct {
  guint64 tree;
  gint64 lengths[KOL_ELEMENTS_MAX_RANK]; /* of a piece */
  gsize size;                            /* elements of a piece */
  guint n_filters;
  Filter filters[MOST_FILTERS];
} Pieces;

/* The numbers that are read; NULL: others, or none. */
static const KolElementType *
read_type (Cursor type, gboolean *big_endian)
{
  guint kind = (guint) take (&type, 1) & 0x0f, bits = (guint) take (&type, 3);
  guint size = (guint) take (&type, 4), offset = (guint) take (&type, 2);
  guint precision = (guint) take (&type, 2);

  *big_endian = bits & 1;
  if (type.bad || size > 8 || offset != 0 || precision != 8 * size)
    return NULL;
  if (kind == 1 && !(bits & 0x40))
    return kol_element_type_find (size == 2 ? "f2" : size == 4 ? "f4" : size == 8 ? "f8" : "none");
  if (kind != 0)
    return NULL;
  char name[] = { bits & 8 ? 'i' : 'u', (char) ('0' + size), 0 };
  return kol_element_type_find (name);
}

static gboolean
read_space (Cursor space, KolElements *elements)
{
  guint version = (guint) take (&space, 1), rank = (guint) take (&space, 1);

  skip (&space, 1);
  if (version == 1)
    skip (&space, 5);
  else if (version != 2 || take (&space, 1) > 1) /* which has no elements at all */
    return FALSE;
  if (rank > KOL_ELEMENTS_MAX_RANK)
    return FALSE;
  elements->rank = rank;
  for (guint i = 0; i < rank; i++)
    {
      guint64 length = take (&space, 8);

      elements->dims[i] = (gint64) MIN (length, (guint64) G_MAXINT64);
    }
  return !space.bad;
}

/* FALSE: of something that is not known. */
static gboolean
read_filters (Cursor message, gsize element, Pieces *pieces)
{
  guint version = (guint) take (&message, 1), n = (guint) take (&message, 1);

  if (version == 1)
    skip (&message, 6);
  if (message.bad || version < 1 || version > 2 || n > MOST_FILTERS)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      Filter *filter = &pieces->filters[i];

      filter->id = (guint) take (&message, 2);
      gsize name = version == 1 || filter->id >= 256 ? (gsize) take (&message, 2) : 0;
      skip (&message, 2);
      gsize values = (gsize) take (&message, 2);
      skip (&message, name);
      filter->size = values > 0 ? (gsize) take (&message, 4) : element;
      skip (&message, 4 * (values > 0 ? values - 1 : 0));
      if (version == 1 && values % 2)
        skip (&message, 4);
      if (message.bad || filter->id < FILTER_DEFLATE || filter->id > FILTER_SUM || filter->size < 1)
        return FALSE;
    }
  pieces->n_filters = n;
  return TRUE;
}

/* ── Pieces ──────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  Cursor packed;
  guint skipped; /* bit i: filter i was left out */
  guint64 at[KOL_ELEMENTS_MAX_RANK];
} Piece;

/* What is done with each piece of an array; FALSE ends the walk. */
typedef struct {
  const KolWeights *weights;
  const Pieces *pieces;
  guint rank;
  gsize budget;
  gboolean (*each) (const Piece *piece, gpointer data);
  gpointer data;
} PieceWalk;

/* A node of the tree, at @level or, where that is below 0, the root at its own. */
static gboolean
walk_pieces (PieceWalk *walk, guint64 address, int level)
{
  gsize key = 8 + 8 * ((gsize) walk->rank + 1);
  Cursor node = part_of (walk->weights, address, 24);
  gboolean good = take_word (&node, "TREE") && take (&node, 1) == 1;
  int height = (int) take (&node, 1);
  gsize n = (gsize) take (&node, 2), bytes = 24 + n * (key + 8);

  if (!good || node.bad || height > HIGHEST || (level >= 0 && height != level)
      || bytes > walk->budget)
    return FALSE;
  walk->budget -= bytes;
  node = part_of (walk->weights, address + 24, n * (key + 8));
  for (gsize i = 0; i < n && !node.bad; i++)
    {
      Piece piece;
      gsize size = (gsize) take (&node, 4);

      piece.skipped = (guint) take (&node, 4);
      for (guint d = 0; d < walk->rank; d++)
        piece.at[d] = take (&node, 8);
      skip (&node, 8);
      guint64 child = take (&node, 8);
      piece.packed = part_of (walk->weights, child, size);
      if (height > 0 ? !walk_pieces (walk, child, height - 1)
                     : node.bad || piece.packed.bad || !walk->each (&piece, walk->data))
        return FALSE;
    }
  return !node.bad;
}

/* Counts pieces and what they are packed into. */
typedef struct {
  gsize pieces, bytes;
} Count;

static gboolean
count_piece (const Piece *piece, gpointer data)
{
  Count *count = data;

  count->pieces++;
  count->bytes += piece->packed.left;
  return TRUE;
}

/* Whether all pieces are there, and have room for what they promise. */
static gboolean
are_honest (Reader *reader, const Pieces *pieces, const KolElements *elements)
{
  Count count = { 0 };
  PieceWalk walk
      = { reader->weights, pieces, elements->rank, reader->weights->length, count_piece, &count };
  gsize expected = 1, each = pieces->size * elements->type->size;

  for (guint d = 0; d < elements->rank; d++)
    {
      gsize along = (gsize) (elements->dims[d] / pieces->lengths[d]
                             + (elements->dims[d] % pieces->lengths[d] != 0));
      if (!g_size_checked_mul (&expected, expected, along))
        return FALSE;
    }
  return expected == 0
         || (pieces->tree != NOWHERE && walk_pieces (&walk, pieces->tree, -1)
             && count.pieces == expected && each / BEST_RATIO <= count.bytes / expected + 16);
}

/* ── Where an array's numbers are ────────────────────────────────────────────────────────────── */

static gboolean
lies_elsewhere (Reader *reader, const char *name)
{
  return kol_weights_fail (reader->weights, reader->error,
                           "holds “%s”, whose numbers lie in another file or are packed by "
                           "something else than deflate",
                           name);
}

static gboolean
promises_more (Reader *reader, const char *name)
{
  return kol_weights_fail (reader->weights, reader->error,
                           "is damaged: “%s” promises more elements than are in the file", name);
}

static gboolean
add_array (Reader *reader, const char *name, const KolElements *elements, const guint8 *bytes,
           Pieces *pieces)
{
  KolWeightsArray *array = kol_weights_add (reader->weights, name, elements, reader->error);

  if (array)
    {
      kol_elements_set_strides (&array->elements, FALSE);
      array->bytes = bytes;
    }
  if (array && pieces)
    g_hash_table_insert (reader->weights->data, array, g_memdup2 (pieces, sizeof *pieces));
  return array != NULL;
}

/* In one piece: in the header itself, or at an address. */
static gboolean
add_whole (Reader *reader, const char *name, const KolElements *elements, Cursor data)
{
  gsize count, bytes;

  if (!kol_elements_count (elements, &count)
      || !g_size_checked_mul (&bytes, count, elements->type->size))
    return promises_more (reader, name);
  if (count == 0) /* nothing is read of it, wherever it is */
    return add_array (reader, name, elements, reader->weights->bytes, NULL);
  if (data.bad || bytes > data.left)
    return promises_more (reader, name);
  return add_array (reader, name, elements, data.bytes, NULL);
}

static gboolean
add_pieces (Reader *reader, const char *name, const KolElements *elements, Cursor layout,
            const Object *object)
{
  guint rank = (guint) take (&layout, 1);
  Pieces pieces = { .tree = take (&layout, 8), .size = 1 };
  gsize count, bytes;

  if (elements->rank == 0 || rank != elements->rank + 1)
    return damaged (reader, name);
  for (guint d = 0; d < elements->rank; d++)
    {
      pieces.lengths[d] = (gint64) take (&layout, 4);
      if (layout.bad || pieces.lengths[d] < 1
          || !g_size_checked_mul (&pieces.size, pieces.size, (gsize) pieces.lengths[d])
          || pieces.size > G_MAXUINT32)
        return damaged (reader, name);
    }
  if (!object->filters.bad && !read_filters (object->filters, elements->type->size, &pieces))
    return lies_elsewhere (reader, name);
  if (!kol_elements_count (elements, &count)
      || !g_size_checked_mul (&bytes, count, elements->type->size))
    return promises_more (reader, name);
  if (count == 0)
    return add_array (reader, name, elements, reader->weights->bytes, NULL);
  if (bytes / BEST_RATIO > reader->weights->length || !are_honest (reader, &pieces, elements))
    return promises_more (reader, name);
  return add_array (reader, name, elements, NULL, &pieces);
}

static gboolean
add_data (Reader *reader, const char *name, const Object *object)
{
  KolElements elements = { .type = read_type (object->type, &elements.big_endian) };
  Cursor layout = object->layout;

  /* Texts and the like, such as Keras's notes about an optimizer, are let go. */
  if (!elements.type && !object->shared)
    return TRUE;
  if (!elements.type || !read_space (object->space, &elements))
    return kol_weights_fail (reader->weights, reader->error,
                             "holds “%s”, whose type or shape cannot be read", name);
  guint version = (guint) take (&layout, 1), kind = (guint) take (&layout, 1);
  if (object->outside)
    return lies_elsewhere (reader, name);
  if (version != 3 && !(version == 4 && kind < 2))
    return kol_weights_fail (reader->weights, reader->error,
                             "holds “%s” in a form of HDF5's that Kolinsky does not read; save it "
                             "with h5py as it does without being asked otherwise, or as .npz",
                             name);
  if (kind == 0)
    {
      gsize size = (gsize) take (&layout, 2);

      layout.bad = layout.bad || size > layout.left;
      return add_whole (reader, name, &elements, layout);
    }
  if (kind == 1)
    {
      guint64 address = take (&layout, 8), size = take (&layout, 8);

      return add_whole (reader, name, &elements,
                        layout.bad ? layout : part_of (reader->weights, address, size));
    }
  return kind == 2 ? add_pieces (reader, name, &elements, layout, object)
                   : lies_elsewhere (reader, name);
}

/* ── Groups ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean visit (Reader *reader, guint64 address, const char *name, guint depth);

/* What is called @letters in the group @group. */
static gboolean
visit_link (Reader *reader, guint64 address, const char *group, const char *letters, gsize n,
            guint depth)
{
  if (address == NOWHERE) /* leads to another file, or to another name */
    return TRUE;
  if (n > KOL_WEIGHTS_MOST_LETTERS || strlen (group) > KOL_WEIGHTS_MOST_LETTERS)
    return kol_weights_fail (reader->weights, reader->error, "has a name of more than %d letters",
                             KOL_WEIGHTS_MOST_LETTERS);
  if (!g_utf8_validate (letters, (gssize) n, NULL))
    return kol_weights_fail (reader->weights, reader->error,
                             "has an array whose name is not UTF-8");
  g_autofree char *name = g_strdup_printf ("%s%s%.*s", group, *group ? "/" : "", (int) n, letters);
  return visit (reader, address, name, depth);
}

/* The links of a part of a table; their names are in @names. */
static gboolean
walk_table (Reader *reader, guint64 address, Cursor names, const char *group, guint depth)
{
  Cursor table = part_of (reader->weights, address, 8);
  gboolean good = take_word (&table, "SNOD");

  skip (&table, 2);
  gsize n = (gsize) take (&table, 2);
  table = part_of (reader->weights, address + 8, 40 * n);
  if (!good || table.bad || !spend (reader, 8 + 40 * n))
    return damaged (reader, group);
  for (gsize i = 0; i < n; i++)
    {
      guint64 at = take (&table, 8), object = take (&table, 8), kind = take (&table, 4);
      skip (&table, 20);
      const guint8 *letters = at < names.left ? names.bytes + at : NULL;
      const guint8 *end = letters ? memchr (letters, 0, names.left - (gsize) at) : NULL;

      if (!end)
        return damaged (reader, group);
      if (kind != 2
          && !visit_link (reader, object, group, (const char *) letters, (gsize) (end - letters),
                          depth))
        return FALSE;
    }
  return TRUE;
}

static gboolean
walk_tree (Reader *reader, guint64 address, int level, Cursor names, const char *group, guint depth)
{
  Cursor node = part_of (reader->weights, address, 24);
  gboolean good = take_word (&node, "TREE") && take (&node, 1) == 0;
  int height = (int) take (&node, 1);
  gsize n = (gsize) take (&node, 2);

  node = part_of (reader->weights, address + 24, 16 * n);
  if (!good || node.bad || height > HIGHEST || (level >= 0 && height != level)
      || !spend (reader, 24 + 16 * n))
    return damaged (reader, group);
  for (gsize i = 0; i < n; i++)
    {
      skip (&node, 8);
      guint64 child = take (&node, 8);

      if (height > 0 ? !walk_tree (reader, child, height - 1, names, group, depth)
                     : !walk_table (reader, child, names, group, depth))
        return FALSE;
    }
  return TRUE;
}

static gboolean
walk_old_group (Reader *reader, const Object *object, const char *group, guint depth)
{
  Cursor heap = part_of (reader->weights, object->heap, 32);
  gboolean good = take_word (&heap, "HEAP");

  skip (&heap, 4);
  guint64 size = take (&heap, 8);
  skip (&heap, 8);
  Cursor names = part_of (reader->weights, take (&heap, 8), size);
  if (!good || heap.bad || names.bad)
    return damaged (reader, group);
  return walk_tree (reader, object->tree, -1, names, group, depth);
}

static gboolean
walk_link (Reader *reader, Cursor link, const char *group, guint depth)
{
  guint version = (guint) take (&link, 1), flags = (guint) take (&link, 1);
  guint kind = flags & 8 ? (guint) take (&link, 1) : 0;

  skip (&link, (flags & 4 ? 8 : 0) + (flags & 0x10 ? 1 : 0));
  gsize n = (gsize) take (&link, 1u << (flags & 3));
  const char *letters = (const char *) link.bytes;
  skip (&link, n);
  if (link.bad || version != 1)
    return damaged (reader, group);
  if (kind != 0)
    return TRUE;
  guint64 object = take (&link, 8);
  return link.bad ? damaged (reader, group) : visit_link (reader, object, group, letters, n, depth);
}

static gboolean
walk_group (Reader *reader, const Object *object, const char *name, guint depth)
{
  if (object->dense)
    return kol_weights_fail (reader->weights, reader->error,
                             "has more in “%s” than Kolinsky reads of a group in HDF5's newer "
                             "form; save it with h5py as it does without being asked otherwise, or "
                             "as .npz",
                             *name ? name : "/");
  for (guint i = 0; i < object->links->len; i++)
    if (!walk_link (reader, g_array_index (object->links, Cursor, i), name, depth))
      return FALSE;
  return object->tree == NOWHERE || walk_old_group (reader, object, name, depth);
}

static gboolean
visit (Reader *reader, guint64 address, const char *name, guint depth)
{
  g_auto (Object) object = { 0 };

  if (depth > DEEPEST)
    return kol_weights_fail (reader->weights, reader->error,
                             "has groups that lie more than %d deep in each other", DEEPEST);
  if (!is_new (reader, address))
    return TRUE;
  if (!read_object (reader, address, &object))
    return damaged (reader, name);
  if (!object.layout.bad)
    return add_data (reader, name, &object);
  return walk_group (reader, &object, name, depth + 1);
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
hdf5_recognizes (const guint8 *bytes, gsize length)
{
  return length >= 8 && memcmp (bytes, "\x89HDF\r\n\x1a\n", 8) == 0;
}

/* The address of the outermost group; NOWHERE: the file does not begin as it should. */
static guint64
find_root (const KolWeights *weights)
{
  Cursor start = part_of (weights, 8, MIN (weights->length - 8, 128));
  guint version = (guint) take (&start, 1);

  if (version > 3)
    return NOWHERE;
  if (version < 2)
    skip (&start, 4);
  gboolean wide = take (&start, 1) == 8 && take (&start, 1) == 8;
  skip (&start, version < 2 ? 9 : 1);
  if (version == 1)
    skip (&start, 4);
  guint64 base = take (&start, 8);
  skip (&start, version < 2 ? 32 : 16); /* to the address in the group's entry; or to itself */
  guint64 root = take (&start, 8);
  return start.bad || !wide || base != 0 ? NOWHERE : root;
}

static void
close_file (KolWeights *weights)
{
  g_clear_pointer ((GHashTable **) &weights->data, g_hash_table_unref);
}

static gboolean
hdf5_open (KolWeights *weights, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  GError *mistake = NULL;
  Reader reader = { weights, seen, weights->length, &mistake };
  guint64 root = find_root (weights);

  weights->data = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  if (root == NOWHERE)
    return kol_weights_fail (weights, error,
                             "is damaged: it does not begin as HDF5 does; copy or download it "
                             "again");
  gboolean good = visit (&reader, root, "", 0);
  if (mistake)
    g_propagate_error (error, mistake);
  return good;
}

/* ── Reading pieces ──────────────────────────────────────────────────────────────────────────── */

/* FALSE: it is damaged, or more than @size - 1 bytes. */
static gboolean
inflate (const guint8 *packed, gsize length, guint8 *bytes, gsize size, gsize *made)
{
  g_autoptr (GZlibDecompressor) zlib = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
  GConverterResult result = G_CONVERTER_CONVERTED;

  for (*made = 0; result == G_CONVERTER_CONVERTED && *made < size;)
    {
      gsize read = 0, written = 0;

      result = g_converter_convert (G_CONVERTER (zlib), packed, length, bytes + *made, size - *made,
                                    G_CONVERTER_INPUT_AT_END, &read, &written, NULL);
      packed += read;
      length -= read;
      *made += written;
    }
  return result == G_CONVERTER_FINISHED;
}

/* The first bytes of all elements, then their second ones, ...: back in their order. */
static void
unshuffle (const guint8 *from, gsize length, gsize size, guint8 *to)
{
  gsize n = length / size;

  for (gsize i = 0; i < n; i++)
    for (gsize k = 0; k < size; k++)
      to[i * size + k] = from[k * n + i];
  memcpy (to + n * size, from + n * size, length - n * size);
}

typedef struct {
  const KolElements *elements;
  const Pieces *pieces;
  float *values;
} Target;

/* A piece as it was before its filters, the last of which is undone first. Given. */
static guint8 *
unpack (const Target *target, const Piece *piece)
{
  const Pieces *pieces = target->pieces;
  gsize expected = pieces->size * target->elements->type->size, room = expected + 4 * MOST_FILTERS;
  gsize length = piece->packed.left;

  if (expected / BEST_RATIO > length + 16)
    return NULL;
  room = MAX (room, length);
  g_autofree guint8 *bytes = g_try_malloc (room), *other = g_try_malloc (room);
  if (!bytes || !other)
    return NULL;
  memcpy (bytes, piece->packed.bytes, length);
  for (guint i = pieces->n_filters; i-- > 0;)
    {
      const Filter *filter = &pieces->filters[i];

      if (i < 32 && piece->skipped & 1u << i)
        continue;
      if (filter->id == FILTER_SUM)
        {
          if (length < 4)
            return NULL;
          length -= 4; /* not compared */
          continue;
        }
      if (filter->id == FILTER_SHUFFLE)
        unshuffle (bytes, length, filter->size, other);
      else if (!inflate (bytes, length, other, room, &length))
        return NULL;
      guint8 *swap = bytes;
      bytes = other;
      other = swap;
    }
  return length == expected ? g_steal_pointer (&bytes) : NULL;
}

/* Puts a piece's rows in their places; what reaches over the array's edges is nothing. */
static void
put_rows (const Target *target, const Piece *piece, const float *numbers)
{
  const KolElements *elements = target->elements;
  const gint64 *lengths = target->pieces->lengths;
  guint last = elements->rank - 1;
  gint64 row = MIN (lengths[last], elements->dims[last] - (gint64) piece->at[last]);
  gint64 rows = (gint64) target->pieces->size / lengths[last];

  for (gint64 i = 0; i < rows; i++)
    {
      gint64 rest = i, to = (gint64) piece->at[last];
      gboolean inside = TRUE;

      for (guint d = last; d-- > 0; rest /= lengths[d])
        {
          gint64 at = (gint64) piece->at[d] + rest % lengths[d];

          inside = inside && at < elements->dims[d];
          to += at * elements->strides[d];
        }
      if (inside)
        memcpy (target->values + to, numbers + i * lengths[last], sizeof (float) * (gsize) row);
    }
}

static gboolean
read_piece (const Piece *piece, gpointer data)
{
  const Target *target = data;
  const KolElements *elements = target->elements;
  KolElements flat = { .type = elements->type,
                       .big_endian = elements->big_endian,
                       .rank = 1,
                       .dims = { (gint64) target->pieces->size },
                       .strides = { 1 } };

  for (guint d = 0; d < elements->rank; d++)
    if (piece->at[d] >= (guint64) elements->dims[d]
        || piece->at[d] % (guint64) target->pieces->lengths[d] != 0)
      return FALSE;
  g_autofree guint8 *bytes = unpack (target, piece);
  g_autofree float *numbers = bytes ? g_try_new (float, target->pieces->size) : NULL;
  if (!numbers)
    return FALSE;
  kol_elements_read (&flat, bytes, numbers);
  put_rows (target, piece, numbers);
  return TRUE;
}

static gboolean
hdf5_read (KolWeights *weights, const KolWeightsArray *array, float *values, GError **error)
{
  const Pieces *pieces = g_hash_table_lookup (weights->data, array);
  Target target = { &array->elements, pieces, values };
  PieceWalk walk = { weights, pieces, array->elements.rank, weights->length, read_piece, &target };
  gsize count = 0;

  if (kol_elements_count (&array->elements, &count))
    memset (values, 0, count * sizeof (float));
  return walk_pieces (&walk, pieces->tree, -1)
         || kol_weights_fail (weights, error, "is damaged: “%s” cannot be read", array->name);
}

const KolWeightsFormat kol_weights_hdf5 = {
  .title = "HDF5",
  .recognizes = hdf5_recognizes,
  .open = hdf5_open,
  .read = hdf5_read,
  .close = close_file,
};
