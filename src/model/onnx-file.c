/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * An ONNX file is one message of Protocol Buffers, onnx.proto's ModelProto. Parsing it
 * as it is would copy all weights. So a copy is made first of what is needed of it,
 * field by field, in which the weights' place stands instead of the weights, and that
 * is parsed. On the way all is checked that the parser takes for granted: how deep
 * messages lie in each other, how many there are, that text is UTF-8.
 *
 * The encoding: <https://protobuf.dev/programming-guides/encoding/>.
 */

#include <string.h>

#include "../device/error.h"
#include "onnx-private.h"

#define DEEPEST 24 /* messages in each other; a graph within a graph takes 3 */
#define MOST_FIELDS 2000000
#define MOST_BYTES (64 << 20) /* without what tensors hold */
#define REFERENCE 16          /* bytes: offset and length */

gboolean
kol_onnx_fail (const char *path, GError **error, const char *format, ...)
{
  g_autofree char *shown = g_filename_display_name (path);
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "“%s” %s", shown, sentence);
  return FALSE;
}

/* ── What is kept ────────────────────────────────────────────────────────────────────────────── */

typedef struct _Message Message;

typedef enum {
  END = 0,
  COPY,  /* numbers */
  TEXT,  /* checked to be UTF-8 */
  BYTES, /* any */
  PART,  /* a message of its own */
  EMPTY, /* only that it is there */
  DATA,  /* replaced by where it lies */
} Keep;

typedef struct {
  guint number;
  Keep keep;
  const Message *message; /* of a PART */
} Field;

struct _Message {
  Field fields[16];
};

static const Message dimension = { { { 1, COPY }, { 2, TEXT } } };
static const Message shape = { { { 1, PART, &dimension } } };
static const Message tensor_type = { { { 1, COPY }, { 2, PART, &shape } } };
static const Message type
    = { { { 1, PART, &tensor_type }, { 4, EMPTY }, { 5, EMPTY }, { 8, EMPTY }, { 9, EMPTY } } };
static const Message value_info = { { { 1, TEXT }, { 2, PART, &type } } };
#define FLOAT_DATA 4
#define RAW_DATA 9
static const Message tensor = { { { 1, COPY },
                                  { 2, COPY },
                                  { 3, EMPTY },
                                  { FLOAT_DATA, COPY },
                                  { 5, COPY },
                                  { 7, COPY },
                                  { 8, TEXT },
                                  { RAW_DATA, DATA },
                                  { 10, COPY },
                                  { 11, COPY },
                                  { 13, EMPTY },
                                  { 14, COPY } } };
static const Message graph;
static const Message attribute = { { { 1, TEXT },
                                     { 2, COPY },
                                     { 3, COPY },
                                     { 4, BYTES },
                                     { 5, PART, &tensor },
                                     { 6, PART, &graph },
                                     { 7, COPY },
                                     { 8, COPY },
                                     { 9, BYTES },
                                     { 10, EMPTY },
                                     { 11, EMPTY },
                                     { 20, COPY },
                                     { 21, TEXT },
                                     { 22, EMPTY },
                                     { 23, EMPTY } } };
static const Message node = {
  { { 1, TEXT }, { 2, TEXT }, { 3, TEXT }, { 4, TEXT }, { 5, PART, &attribute }, { 7, TEXT } }
};
static const Message graph = { { { 1, PART, &node },
                                 { 2, TEXT },
                                 { 5, PART, &tensor },
                                 { 11, PART, &value_info },
                                 { 12, PART, &value_info },
                                 { 15, EMPTY } } };
static const Message opset = { { { 1, TEXT }, { 2, COPY } } };
static const Message model = { { { 1, COPY },
                                 { 2, TEXT },
                                 { 3, TEXT },
                                 { 7, PART, &graph },
                                 { 8, PART, &opset },
                                 { 20, EMPTY },
                                 { 25, EMPTY } } };

/* ── Walking ─────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const guint8 *bytes;
  guint fields;
  gsize kept;
  const char *wrong; /* the first thing that is */
} Walk;

/* A field as it lies in the file. */
typedef struct {
  guint number;
  guint wire;        /* 0: varint, 1: 8 bytes, 2: any length, 5: 4 bytes */
  gsize start;       /* of the tag */
  gsize begin, next; /* of what it holds; of the next field */
} Found;

static gboolean
wrong (Walk *walk, const char *what)
{
  if (!walk->wrong)
    walk->wrong = what;
  return FALSE;
}

static gboolean
read_varint (Walk *walk, gsize *at, gsize end, guint64 *value)
{
  *value = 0;
  for (guint shift = 0; shift < 64 && *at < end; shift += 7)
    {
      guint8 byte = walk->bytes[(*at)++];

      *value |= (guint64) (byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return TRUE;
    }
  return wrong (walk, "a number has no end");
}

static gboolean
read_field (Walk *walk, gsize at, gsize end, Found *found)
{
  guint64 tag, length = 0;

  found->start = at;
  if (!read_varint (walk, &at, end, &tag))
    return FALSE;
  if (tag >> 3 == 0 || tag >> 3 > G_MAXINT32)
    return wrong (walk, "there is no such field");
  found->number = (guint) (tag >> 3);
  found->wire = tag & 7;
  found->begin = at;
  switch (found->wire)
    {
    case 0:
      if (!read_varint (walk, &at, end, &length))
        return FALSE;
      length = 0;
      break;
    case 1:
      length = 8;
      break;
    case 2:
      if (!read_varint (walk, &at, end, &length))
        return FALSE;
      found->begin = at;
      break;
    case 5:
      length = 4;
      break;
    default:
      return wrong (walk, "a field has no known form");
    }
  if (length > end - at)
    return wrong (walk, "it ends too early");
  found->next = at + (gsize) length;
  if (++walk->fields > MOST_FIELDS)
    return wrong (walk, "it has more parts than any network");
  return TRUE;
}

static void
append_varint (GByteArray *out, guint64 value)
{
  guint8 bytes[10];
  guint n = 0;

  do
    bytes[n++] = (guint8) ((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
  while (value >>= 7);
  g_byte_array_append (out, bytes, n);
}

static gboolean
append (Walk *walk, GByteArray *out, const void *bytes, gsize size)
{
  walk->kept += size;
  if (walk->kept > MOST_BYTES)
    return wrong (walk, "it is larger, without its weights, than any network");
  g_byte_array_append (out, bytes, (guint) size);
  return TRUE;
}

/* A field of any length: tag, length, bytes. */
static gboolean
append_part (Walk *walk, GByteArray *out, guint number, const void *bytes, gsize size)
{
  append_varint (out, (guint64) number << 3 | 2);
  append_varint (out, size);
  return append (walk, out, bytes, size);
}

static gboolean
append_reference (Walk *walk, GByteArray *out, const Found *found)
{
  guint64 place[2] = { found->begin, found->next - found->begin };

  return append_part (walk, out, RAW_DATA, place, sizeof place);
}

static const Field *
find_field (const Message *message, guint number)
{
  for (const Field *field = message->fields; field->keep != END; field++)
    if (field->number == number)
      return field;
  return NULL;
}

static gboolean keep_message (Walk *walk, const Message *message, gsize at, gsize end, guint depth,
                              GByteArray *out);

static gboolean
keep_field (Walk *walk, const Field *field, const Found *found, guint depth, GByteArray *out)
{
  const guint8 *bytes = walk->bytes + found->begin;
  gsize size = found->next - found->begin;

  if (field->keep == COPY)
    return append (walk, out, walk->bytes + found->start, found->next - found->start);
  if (found->wire != 2)
    return wrong (walk, "a field has another form than it should");
  switch (field->keep)
    {
    case TEXT:
      if (!g_utf8_validate ((const char *) bytes, (gssize) size, NULL))
        return wrong (walk, "a name in it is not UTF-8");
      return append_part (walk, out, field->number, bytes, size);
    case BYTES:
      return append_part (walk, out, field->number, bytes, size);
    case DATA:
      return append_reference (walk, out, found);
    case EMPTY:
      return append_part (walk, out, field->number, bytes, 0);
    default:
      break;
    }
  if (depth >= DEEPEST)
    return wrong (walk, "its parts lie deeper in each other than in any network");
  g_autoptr (GByteArray) part = g_byte_array_new ();
  return keep_message (walk, field->message, found->begin, found->next, depth + 1, part)
         && append_part (walk, out, field->number, part->data, part->len);
}

/*
 * Older files have a tensor's floats as a packed list, whose bytes are the same as
 * those of raw_data: if there is one such list, it need not be copied either.
 */
static gboolean
has_one_list (Walk *walk, gsize at, gsize end)
{
  Found found;
  guint lists = 0;

  for (; at < end; at = found.next)
    {
      if (!read_field (walk, at, end, &found))
        return FALSE;
      if (found.number == RAW_DATA || (found.number == FLOAT_DATA && found.wire != 2))
        return FALSE;
      lists += found.number == FLOAT_DATA;
    }
  return lists == 1;
}

static gboolean
keep_message (Walk *walk, const Message *message, gsize at, gsize end, guint depth, GByteArray *out)
{
  gboolean one_list = message == &tensor && has_one_list (walk, at, end);
  Found found;

  for (; at < end; at = found.next)
    {
      if (!read_field (walk, at, end, &found))
        return FALSE;
      const Field *field = find_field (message, found.number);
      if (one_list && found.number == FLOAT_DATA)
        append_reference (walk, out, &found);
      else if (field && !keep_field (walk, field, &found, depth, out))
        return FALSE;
    }
  return !walk->wrong;
}

/* ── The model ───────────────────────────────────────────────────────────────────────────────── */

GBytes *
kol_onnx_raw_bytes (const ProtobufCBinaryData *raw, GBytes *file)
{
  guint64 place[2];
  gsize size = g_bytes_get_size (file);

  if (raw->len != REFERENCE)
    return NULL;
  memcpy (place, raw->data, sizeof place);
  if (place[0] > size || place[1] > size - place[0])
    return NULL;
  return g_bytes_new_from_bytes (file, (gsize) place[0], (gsize) place[1]);
}

Onnx__ModelProto *
kol_onnx_parse (GBytes *file, const char *path, GError **error)
{
  g_autoptr (GByteArray) kept = g_byte_array_new ();
  gsize size;
  Walk walk = { .bytes = g_bytes_get_data (file, &size) };
  Onnx__ModelProto *parsed = NULL;

  if (keep_message (&walk, &model, 0, size, 0, kept))
    parsed = onnx__model_proto__unpack (NULL, kept->len, kept->data);
  if (!parsed)
    kol_onnx_fail (path, error, "is damaged, or is not ONNX: %s; copy or download it again",
                   walk.wrong ? walk.wrong : "a message cannot be parsed");
  else if (!parsed->graph)
    {
      kol_onnx_fail (path, error, "is not ONNX: it holds no network; is it another kind of file?");
      onnx__model_proto__free_unpacked (parsed, NULL);
      parsed = NULL;
    }
  return parsed;
}
