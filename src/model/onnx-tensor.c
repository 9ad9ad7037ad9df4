/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Tensors in the host's memory: what an ONNX file holds, and what follows from it alone.
 */

#include <math.h>
#include <string.h>

#include "../device/error.h"
#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

/* ── Types of elements ───────────────────────────────────────────────────────────────────────── */

/* Elements as they lie in a file, little-endian. */
static guint64
read_bits (const guint8 *bytes, guint size)
{
  guint64 bits = 0;

  for (guint i = 0; i < size; i++)
    bits |= (guint64) bytes[i] << 8 * i;
  return bits;
}

static double
float_of_bits (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* IEEE 754's half: a sign, 5 bits of exponent, 10 of fraction. */
static double
half_of_bits (guint32 bits)
{
  guint32 sign = (bits & 0x8000) << 16, exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;

  if (exponent == 0)
    return (sign ? -1 : 1) * (double) fraction * 0x1p-24;
  if (exponent == 0x1f)
    return float_of_bits (sign | 0x7f800000 | fraction << 13);
  return float_of_bits (sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

static double
double_of_bits (guint64 bits)
{
  double value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

typedef struct {
  int type;
  const char *name;
  guint size; /* bytes of an element; 0: not understood */
  gboolean is_float;
  gboolean is_device;
  gint64 low, high; /* of whole numbers; 0, 0: 64 bits */
} Type;

static const Type types[] = {
  { TYPE (FLOAT), "float", 4, TRUE, TRUE },
  { TYPE (DOUBLE), "double", 8, TRUE, TRUE },
  { TYPE (FLOAT16), "float16", 2, TRUE },
  { TYPE (BFLOAT16), "bfloat16", 2, TRUE },
  { TYPE (BOOL), "bool", 1, FALSE, TRUE, 0, 1 },
  { TYPE (INT8), "int8", 1, FALSE, TRUE, G_MININT8, G_MAXINT8 },
  { TYPE (INT16), "int16", 2, FALSE, TRUE, G_MININT16, G_MAXINT16 },
  { TYPE (INT32), "int32", 4, FALSE, TRUE, G_MININT32, G_MAXINT32 },
  { TYPE (INT64), "int64", 8, FALSE, TRUE },
  { TYPE (UINT8), "uint8", 1, FALSE, TRUE, 0, G_MAXUINT8 },
  { TYPE (UINT16), "uint16", 2, FALSE, TRUE, 0, G_MAXUINT16 },
  { TYPE (UINT32), "uint32", 4, FALSE, TRUE, 0, G_MAXUINT32 },
  { TYPE (UINT64), "uint64", 8, FALSE, TRUE },
  { TYPE (STRING), "string" },
  { TYPE (COMPLEX64), "complex64" },
  { TYPE (COMPLEX128), "complex128" },
};

static const Type *
find_type (int type)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == type)
      return &types[i];
  return NULL;
}

gboolean
kol_onnx_type_is_float (int type)
{
  const Type *known = find_type (type);

  return known && known->is_float;
}

gboolean
kol_onnx_type_is_device (int type)
{
  const Type *known = find_type (type);

  return known && known->is_device;
}

const char *
kol_onnx_type_name (int type)
{
  const Type *known = find_type (type);

  return known ? known->name : "an unknown type";
}

/* ── Tensors ─────────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_onnx_shape_count (const KolShape *shape, gint64 *count)
{
  gsize product = 1;

  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] == 0)
      {
        *count = 0;
        return TRUE;
      }
  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] < 0 || !g_size_checked_mul (&product, product, (gsize) shape->dim[i]))
      return FALSE;
  *count = (gint64) product;
  return product <= G_MAXSSIZE / sizeof (double);
}

static KolOnnxTensor *
tensor_alloc (int type, const KolShape *shape, gint64 count)
{
  KolOnnxTensor *tensor = g_new0 (KolOnnxTensor, 1);

  g_ref_count_init (&tensor->references);
  tensor->type = type;
  tensor->shape = *shape;
  tensor->count = count;
  return tensor;
}

/* Room for the elements, all 0. */
static gboolean
make_room (KolOnnxTensor *tensor, GError **error)
{
  gsize count = (gsize) MAX (tensor->count, 1);

  if (kol_onnx_type_is_float (tensor->type))
    tensor->floats = g_try_new0 (double, count);
  else
    tensor->ints = g_try_new0 (gint64, count);
  if (tensor->floats || tensor->ints)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
               "there is no host memory for a tensor of %" G_GINT64_FORMAT " elements",
               tensor->count);
  return FALSE;
}

/* Zeros. */
KolOnnxTensor *
kol_onnx_tensor_new (int type, const KolShape *shape, GError **error)
{
  gint64 count;

  if (!kol_onnx_shape_count (shape, &count))
    {
      g_set_error_literal (error, KOL_ERROR, KOL_ERROR_SHAPE,
                           "a tensor of more elements than any machine could hold");
      return NULL;
    }
  g_autoptr (KolOnnxTensor) tensor = tensor_alloc (type, shape, count);
  return make_room (tensor, error) ? g_steal_pointer (&tensor) : NULL;
}

KolOnnxTensor *
kol_onnx_tensor_ref (KolOnnxTensor *tensor)
{
  g_ref_count_inc (&tensor->references);
  return tensor;
}

void
kol_onnx_tensor_unref (KolOnnxTensor *tensor)
{
  if (!g_ref_count_dec (&tensor->references))
    return;
  g_free (tensor->ints);
  g_free (tensor->floats);
  g_clear_pointer (&tensor->bytes, g_bytes_unref);
  g_free (tensor->name);
  g_free (tensor);
}

double
kol_onnx_tensor_float (const KolOnnxTensor *tensor, gint64 i)
{
  if (tensor->floats)
    return tensor->floats[i];
  return tensor->type == TYPE (UINT64) ? (double) (guint64) tensor->ints[i]
                                       : (double) tensor->ints[i];
}

/* The nearest whole number towards 0 that 64 bits hold; 0 for what is none. */
static gint64
truncate_float (double value)
{
  if (isnan (value))
    return 0;
  if (value >= 0x1p63)
    return G_MAXINT64;
  return value <= -0x1p63 ? G_MININT64 : (gint64) value;
}

gint64
kol_onnx_tensor_int (const KolOnnxTensor *tensor, gint64 i)
{
  return tensor->ints ? tensor->ints[i] : truncate_float (tensor->floats[i]);
}

/* What a variable of that type would hold after an assignment in C: the lower bits. */
static gint64
wrap (int type, gint64 value)
{
  const Type *known = find_type (type);

  if (type == TYPE (BOOL))
    return value != 0;
  if (!known || known->size == 0 || known->size == 8)
    return value;
  guint64 bits = (guint64) value & ((G_GUINT64_CONSTANT (1) << 8 * known->size) - 1);
  gboolean negative = known->low < 0 && bits >> (8 * known->size - 1);
  return negative ? (gint64) bits - (G_GINT64_CONSTANT (1) << 8 * known->size) : (gint64) bits;
}

void
kol_onnx_tensor_set_float (KolOnnxTensor *tensor, gint64 i, double value)
{
  if (!tensor->floats)
    tensor->ints[i]
        = tensor->type == TYPE (BOOL) ? value != 0 : wrap (tensor->type, truncate_float (value));
  else
    tensor->floats[i] = tensor->type == TYPE (DOUBLE) ? value : (double) (float) value;
}

void
kol_onnx_tensor_set_int (KolOnnxTensor *tensor, gint64 i, gint64 value)
{
  if (tensor->ints)
    tensor->ints[i] = wrap (tensor->type, value);
  else
    kol_onnx_tensor_set_float (tensor, i, (double) value);
}

/* ── Out of the file ─────────────────────────────────────────────────────────────────────────── */

static gboolean fail (GError **error, const Onnx__TensorProto *proto, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static gboolean
fail (GError **error, const Onnx__TensorProto *proto, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "the tensor “%s” %s",
               proto->name ? proto->name : "", sentence);
  return FALSE;
}

static gboolean
read_shape (const Onnx__TensorProto *proto, KolShape *shape, gint64 *count, GError **error)
{
  if (proto->n_dims > KOL_MAX_RANK)
    return fail (error, proto, "has %" G_GSIZE_FORMAT " dimensions; at most %d are possible",
                 proto->n_dims, KOL_MAX_RANK);
  *shape = (KolShape){ .rank = (int) proto->n_dims };
  for (gsize i = 0; i < proto->n_dims; i++)
    shape->dim[i] = proto->dims[i];
  if (!kol_onnx_shape_count (shape, count))
    return fail (error, proto, "has a shape that no machine could hold");
  return TRUE;
}

/* Numbers that stand one by one in the message, not as bytes. */
static gboolean
read_typed (KolOnnxTensor *tensor, const Onnx__TensorProto *proto, GError **error)
{
  gsize n;

  switch (tensor->type)
    {
    case TYPE (FLOAT):
      n = proto->n_float_data;
      break;
    case TYPE (DOUBLE):
      n = proto->n_double_data;
      break;
    case TYPE (INT64):
      n = proto->n_int64_data;
      break;
    case TYPE (UINT32):
    case TYPE (UINT64):
      n = proto->n_uint64_data;
      break;
    default:
      n = proto->n_int32_data;
    }
  if (n != (gsize) tensor->count)
    return fail (error, proto,
                 "should have %" G_GINT64_FORMAT " elements, but holds %" G_GSIZE_FORMAT
                 "; copy or download the file again",
                 tensor->count, n);
  if (!make_room (tensor, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    switch (tensor->type)
      {
      case TYPE (FLOAT):
        tensor->floats[i] = proto->float_data[i];
        break;
      case TYPE (DOUBLE):
        tensor->floats[i] = proto->double_data[i];
        break;
      case TYPE (FLOAT16):
        tensor->floats[i] = half_of_bits ((guint32) proto->int32_data[i] & 0xffff);
        break;
      case TYPE (BFLOAT16):
        tensor->floats[i] = float_of_bits ((guint32) proto->int32_data[i] << 16);
        break;
      case TYPE (INT64):
        tensor->ints[i] = proto->int64_data[i];
        break;
      case TYPE (UINT32):
      case TYPE (UINT64):
        tensor->ints[i] = wrap (tensor->type, (gint64) proto->uint64_data[i]);
        break;
      default:
        tensor->ints[i] = wrap (tensor->type, proto->int32_data[i]);
      }
  return TRUE;
}

static gboolean
read_raw (KolOnnxTensor *tensor, const Onnx__TensorProto *proto, const Type *type, GBytes *file,
          GError **error)
{
  g_autoptr (GBytes) bytes = kol_onnx_raw_bytes (&proto->raw_data, file);
  gsize size = bytes ? g_bytes_get_size (bytes) : 0;

  if (!bytes || size / type->size != (gsize) tensor->count || size % type->size != 0)
    return fail (error, proto,
                 "should have %" G_GINT64_FORMAT " elements of %u bytes, but holds %" G_GSIZE_FORMAT
                 " bytes; copy or download the file again",
                 tensor->count, type->size, size);
  tensor->bytes = g_steal_pointer (&bytes);
  return TRUE;
}

KolOnnxTensor *
kol_onnx_tensor_from_proto (const Onnx__TensorProto *proto, GBytes *file, GError **error)
{
  const Type *type = find_type (proto->data_type);
  KolShape shape;
  gint64 count = 0;

  if (!type || type->size == 0)
    {
      fail (error, proto, "holds %s, which Kolinsky does not understand",
            kol_onnx_type_name (proto->data_type));
      return NULL;
    }
  if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL
      || proto->n_external_data > 0)
    {
      fail (error, proto,
            "is kept in another file, which Kolinsky does not read; save the network as one file");
      return NULL;
    }
  if (proto->segment)
    {
      fail (error, proto, "is cut into segments, which Kolinsky does not read");
      return NULL;
    }
  if (!read_shape (proto, &shape, &count, error))
    return NULL;
  g_autoptr (KolOnnxTensor) tensor = tensor_alloc (proto->data_type, &shape, count);
  gboolean read = proto->has_raw_data ? read_raw (tensor, proto, type, file, error)
                                      : read_typed (tensor, proto, error);
  return read ? g_steal_pointer (&tensor) : NULL;
}

gboolean
kol_onnx_tensor_decode (KolOnnxTensor *tensor, GError **error)
{
  const Type *type = find_type (tensor->type);

  if (tensor->ints || tensor->floats)
    return TRUE;
  if (!make_room (tensor, error))
    return FALSE;
  const guint8 *bytes = g_bytes_get_data (tensor->bytes, NULL);
  for (gint64 i = 0; i < tensor->count; i++)
    {
      guint64 bits = read_bits (bytes + i * type->size, type->size);

      if (tensor->ints)
        tensor->ints[i] = wrap (tensor->type, (gint64) bits);
      else if (tensor->type == TYPE (FLOAT))
        tensor->floats[i] = float_of_bits ((guint32) bits);
      else if (tensor->type == TYPE (DOUBLE))
        tensor->floats[i] = double_of_bits (bits);
      else if (tensor->type == TYPE (FLOAT16))
        tensor->floats[i] = half_of_bits ((guint32) bits);
      else
        tensor->floats[i] = float_of_bits ((guint32) bits << 16);
    }
  return TRUE;
}

/* Whole numbers up to this are what they were after a way through float32. */
#define LARGEST_EXACT 0x1p24

static gboolean
fits_float (const KolOnnxTensor *tensor, double value)
{
  if (tensor->ints)
    return fabs (value) <= LARGEST_EXACT;
  return !isfinite (value) || fabs (value) <= G_MAXFLOAT;
}

GBytes *
kol_onnx_tensor_to_floats (KolOnnxTensor *tensor, GError **error)
{
  if (tensor->bytes && tensor->type == TYPE (FLOAT) && G_BYTE_ORDER == G_LITTLE_ENDIAN)
    return g_bytes_ref (tensor->bytes);
  if (!kol_onnx_tensor_decode (tensor, error))
    return NULL;
  g_autofree float *values = g_try_new (float, (gsize) MAX (tensor->count, 1));
  if (!values)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                   "there is no host memory for a tensor of %" G_GINT64_FORMAT " elements",
                   tensor->count);
      return NULL;
    }
  for (gint64 i = 0; i < tensor->count; i++)
    {
      double value = kol_onnx_tensor_float (tensor, i);

      if (!fits_float (tensor, value))
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                       "the number %.17g is too large for float32", value);
          return NULL;
        }
      values[i] = (float) value;
    }
  return g_bytes_new_take (g_steal_pointer (&values), (gsize) tensor->count * sizeof (float));
}
