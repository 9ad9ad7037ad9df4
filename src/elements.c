/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Numbers of all types that files hold, as float32. */

#include "elements-private.h"

#include <math.h>
#include <string.h>

/* ── Types ───────────────────────────────────────────────────────────────────────────────────── */

static guint16
get16 (const guint8 *bytes)
{
  return (guint16) (bytes[0] | bytes[1] << 8);
}

static guint32
get32 (const guint8 *bytes)
{
  guint32 word;

  memcpy (&word, bytes, sizeof word);
  return GUINT32_FROM_LE (word);
}

static guint64
get64 (const guint8 *bytes)
{
  guint64 word;

  memcpy (&word, bytes, sizeof word);
  return GUINT64_FROM_LE (word);
}

static float
from_bits (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* IEEE 754's half: a sign, 5 bits of exponent, 10 of fraction. */
static float
half_to_float (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16, fraction = half & 0x3ff;
  guint32 exponent = half >> 10 & 0x1f;

  if (exponent == 31) /* infinite, or not a number */
    return from_bits (sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) /* zero, or too small to begin with a 1: multiples of 2^-24 */
    return (sign ? -1.0f : 1.0f) * (float) fraction * 0x1p-24f;
  return from_bits (sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

/* What is finite, but beyond the range of float32, becomes infinite. */
static float
double_to_float (guint64 bits)
{
  double value;

  memcpy (&value, &bits, sizeof value);
  if (isfinite (value) && fabs (value) > G_MAXFLOAT)
    return value > 0 ? INFINITY : -INFINITY;
  return (float) value;
}

#define AS_FLOAT(type, expression)                                                                 \
  static float as_float_##type (const guint8 *bytes) { return expression; }
AS_FLOAT (b1, bytes[0] != 0)
AS_FLOAT (u1, bytes[0])
AS_FLOAT (i1, (gint8) bytes[0])
AS_FLOAT (u2, get16 (bytes))
AS_FLOAT (i2, (gint16) get16 (bytes))
AS_FLOAT (u4, (float) get32 (bytes))
AS_FLOAT (i4, (float) (gint32) get32 (bytes))
AS_FLOAT (u8, (float) get64 (bytes))
AS_FLOAT (i8, (float) (gint64) get64 (bytes))
AS_FLOAT (f2, half_to_float (get16 (bytes)))
AS_FLOAT (bf16, from_bits ((guint32) get16 (bytes) << 16)) /* the upper half of a float32 */
AS_FLOAT (f4, from_bits (get32 (bytes)))
AS_FLOAT (f8, double_to_float (get64 (bytes)))

static const KolElementType types[] = {
  { "b1", "bool", 1, FALSE, as_float_b1 },        { "u1", "uint8", 1, FALSE, as_float_u1 },
  { "i1", "int8", 1, FALSE, as_float_i1 },        { "u2", "uint16", 2, FALSE, as_float_u2 },
  { "i2", "int16", 2, FALSE, as_float_i2 },       { "u4", "uint32", 4, FALSE, as_float_u4 },
  { "i4", "int32", 4, FALSE, as_float_i4 },       { "u8", "uint64", 8, FALSE, as_float_u8 },
  { "i8", "int64", 8, FALSE, as_float_i8 },       { "f2", "float16", 2, TRUE, as_float_f2 },
  { "bf16", "bfloat16", 2, TRUE, as_float_bf16 }, { "f4", "float32", 4, TRUE, as_float_f4 },
  { "f8", "float64", 8, TRUE, as_float_f8 },
};

const KolElementType *
kol_element_type_find (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    if (strcmp (types[i].name, name) == 0)
      return &types[i];
  return NULL;
}

static gboolean
write_float (gsize size, float value, guint8 *to)
{
  double wide = value;
  guint32 word;
  guint64 words;

  if (size == sizeof word)
    {
      memcpy (&word, &value, sizeof word);
      word = GUINT32_TO_LE (word);
      memcpy (to, &word, sizeof word);
    }
  else if (size == sizeof words)
    {
      memcpy (&words, &wide, sizeof words);
      words = GUINT64_TO_LE (words);
      memcpy (to, &words, sizeof words);
    }
  return size >= sizeof word;
}

gboolean
kol_element_type_write (const KolElementType *type, float value, guint8 *to)
{
  gboolean truth = type->name[0] == 'b', with_sign = type->name[0] == 'i';
  double limit = ldexp (1, (int) (8 * type->size) - (with_sign ? 1 : 0));
  guint64 word;

  if (type->is_float)
    return write_float (type->size, value, to);
  if (!(value == floorf (value)) || value >= (truth ? 2 : limit)
      || value < (with_sign ? -limit : 0))
    return FALSE;
  word = value < 0 ? (guint64) (gint64) value : (guint64) value;
  for (gsize i = 0; i < type->size; i++)
    to[i] = (guint8) (word >> 8 * i);
  return TRUE;
}

/* ── Arrays ──────────────────────────────────────────────────────────────────────────────────── */

void
kol_elements_set_strides (KolElements *elements, gboolean fortran)
{
  gint64 stride = 1;

  for (guint i = 0; i < elements->rank; i++)
    {
      guint d = fortran ? i : elements->rank - 1 - i;
      elements->strides[d] = stride;
      stride *= elements->dims[d];
    }
}

gboolean
kol_elements_are_contiguous (const KolElements *elements)
{
  gint64 stride = 1;

  for (guint d = elements->rank; d-- > 0; stride *= elements->dims[d])
    if (elements->dims[d] != 1 && elements->strides[d] != stride)
      return FALSE;
  return TRUE;
}

gboolean
kol_elements_count (const KolElements *elements, gsize *count)
{
  *count = 1;
  for (guint i = 0; i < elements->rank; i++)
    if (elements->dims[i] < 0 || !g_size_checked_mul (count, *count, (gsize) elements->dims[i]))
      return FALSE;
  return *count <= G_MAXSSIZE / sizeof (double);
}

static void
read_row (const KolElements *elements, const guint8 *bytes, gsize count, gint64 stride,
          float *values)
{
  gsize size = elements->type->size;

  for (gsize i = 0; i < count; i++, bytes += stride * (gssize) size)
    {
      guint8 swapped[8];

      for (gsize k = 0; elements->big_endian && k < size; k++)
        swapped[k] = bytes[size - 1 - k];
      values[i] = elements->type->as_float (elements->big_endian ? swapped : bytes);
    }
}

/* Moves to the next row of the last dimension; FALSE behind the last one. */
static gboolean
next_row (const KolElements *elements, gint64 *index, gint64 *at)
{
  for (guint d = elements->rank - 1; d-- > 0;)
    {
      *at += elements->strides[d];
      if (++index[d] < elements->dims[d])
        return TRUE;
      *at -= elements->strides[d] * elements->dims[d];
      index[d] = 0;
    }
  return FALSE;
}

void
kol_elements_read (const KolElements *elements, const guint8 *bytes, float *values)
{
  gsize count, size = elements->type->size;
  gint64 index[KOL_ELEMENTS_MAX_RANK] = { 0 }, at = 0;
  gboolean native = elements->type->as_float == as_float_f4
                    && elements->big_endian == (G_BYTE_ORDER == G_BIG_ENDIAN);

  if (!kol_elements_count (elements, &count) || count == 0)
    return;
  if (kol_elements_are_contiguous (elements))
    {
      if (native)
        memcpy (values, bytes, count * sizeof (float));
      else
        read_row (elements, bytes, count, 1, values);
      return;
    }
  gint64 row = elements->dims[elements->rank - 1];
  do
    {
      read_row (elements, bytes + at * (gssize) size, (gsize) row,
                elements->strides[elements->rank - 1], values);
      values += row;
    }
  while (next_row (elements, index, &at));
}

void
kol_elements_read_bytes (const KolElements *elements, const guint8 *bytes, guint8 *to)
{
  gint64 index[KOL_ELEMENTS_MAX_RANK] = { 0 }, at = 0;
  gsize count;

  if (!kol_elements_count (elements, &count) || count == 0)
    return;
  if (kol_elements_are_contiguous (elements))
    {
      memcpy (to, bytes, count);
      return;
    }
  gint64 row = elements->dims[elements->rank - 1], stride = elements->strides[elements->rank - 1];
  do
    for (gint64 i = 0; i < row; i++)
      *to++ = bytes[at + i * stride];
  while (next_row (elements, index, &at));
}
