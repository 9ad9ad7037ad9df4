/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "graph/op-private.h"
#include "model/onnx-private.h"
#include "model/onnx.h"

/*
 * ONNX's own conformance data, as Debian's libonnx-testdata installs them: small
 * networks, mostly of one operator, with inputs and what should come out. Each must
 * give these numbers or be refused, by name, before anything runs. README.md of this
 * folder says which are refused and why.
 */

#define DATA "/usr/share/libonnx-testdata/data"
#define RELATIVE 1e-3 /* the tolerance of onnx's own runner */
#define ABSOLUTE 1e-7

/* The folders, how many cases each has in version 1.12, and how many must at least pass. */
static const struct {
  const char *name;
  guint cases, passing;
} folders[] = {
  { "node", 932, 779 },
  { "pytorch-converted", 82, 82 },
  { "pytorch-operator", 35, 30 },
  { "simple", 23, 7 },
};

static KolDevice *device;

typedef enum { PASSED, REFUSED, WRONG } Verdict;

/* ── Tensors in files ────────────────────────────────────────────────────────────────────────── */

/* A TensorProto in a file of its own; NULL, with an error, if it is no tensor that we read. */
static KolOnnxTensor *
read_tensor (const char *folder, const char *kind, guint i, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s_%u.pb", kind, i);
  g_autofree char *path = g_build_filename (folder, name, NULL), *bytes = NULL;
  KolOnnxTensor *tensor = NULL;
  gsize size;

  if (!g_file_get_contents (path, &bytes, &size, error))
    return NULL;
  Onnx__TensorProto *proto = onnx__tensor_proto__unpack (NULL, size, (const guint8 *) bytes);
  if (!proto)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%s is no tensor", name);
      return NULL;
    }
  /* As kol_onnx_parse() would have put it: where the bytes are. */
  ProtobufCBinaryData raw = proto->raw_data;
  guint64 place[2] = { 0, raw.len };
  g_autoptr (GBytes) data = g_bytes_new (raw.data, raw.len);
  proto->raw_data = (ProtobufCBinaryData){ sizeof place, (guint8 *) place };
  tensor = kol_onnx_tensor_from_proto (proto, data, error);
  proto->raw_data = raw;
  onnx__tensor_proto__free_unpacked (proto, NULL);
  if (tensor && !kol_onnx_tensor_decode (tensor, error))
    g_clear_pointer (&tensor, kol_onnx_tensor_unref);
  return tensor;
}

/* ── One case ────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KolOnnx *onnx;
  KolGraph *graph;
  GPtrArray *given; /* KolOnnxTensor: the inputs, and */
  GPtrArray *fed;   /* GBytes: as floats */
  KolValue **inputs, **outputs;
} Case;

static void
case_clear (Case *self)
{
  g_clear_pointer (&self->graph, kol_graph_free);
  g_clear_pointer (&self->onnx, kol_onnx_free);
  g_clear_pointer (&self->given, g_ptr_array_unref);
  g_clear_pointer (&self->fed, g_ptr_array_unref);
  g_clear_pointer (&self->inputs, g_free);
  g_clear_pointer (&self->outputs, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

/* Gives the placeholders their values; numbers that no float holds are refused. */
static gboolean
feed (Case *self, GError **error)
{
  self->fed = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (guint i = 0; i < self->given->len; i++)
    {
      if (!self->inputs[i])
        continue;
      GBytes *floats = kol_onnx_tensor_to_floats (self->given->pdata[i], error);
      if (!floats)
        {
          g_prefix_error (error, "input “%s”: ", kol_onnx_get_input (self->onnx, i)->name);
          return FALSE;
        }
      g_ptr_array_add (self->fed, floats);
      kol_set (self->inputs[i], g_bytes_get_data (floats, NULL));
    }
  return TRUE;
}

/* What is learnt and saved is what the file lists as weights, and no constant of its nodes. */
static void
check_parameters (const Case *self, const char *path)
{
  const KolParameters *parameters = kol_graph_get_parameters (self->graph);
  g_autoptr (GMappedFile) mapped = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (GBytes) file = g_mapped_file_get_bytes (mapped);
  Onnx__ModelProto *model = kol_onnx_parse (file, path, NULL);
  g_autoptr (GHashTable) weights = g_hash_table_new (g_str_hash, g_str_equal);

  for (gsize i = 0; i < model->graph->n_initializer; i++)
    g_hash_table_add (weights, model->graph->initializer[i]->name);
  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      const char *name = kol_parameter_get_name (kol_parameters_get (parameters, i));

      if (!g_hash_table_contains (weights, name))
        g_error ("%s: the parameter “%s” is no weight of the file", path, name);
    }
  onnx__model_proto__free_unpacked (model, NULL);
}

/* Up to the point where everything is built and nothing has run. */
static gboolean
build (Case *self, const char *folder, const char *set, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "model.onnx", NULL);
  g_autofree KolShape *shapes = NULL;
  guint n;

  self->onnx = kol_onnx_open (path, error);
  if (!self->onnx)
    return FALSE;
  n = kol_onnx_get_n_inputs (self->onnx);
  self->given = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_onnx_tensor_unref);
  self->inputs = g_new0 (KolValue *, n + 1);
  self->outputs = g_new0 (KolValue *, kol_onnx_get_n_outputs (self->onnx));
  shapes = g_new0 (KolShape, n + 1);
  for (guint i = 0; i < n; i++)
    {
      KolOnnxTensor *tensor = read_tensor (set, "input", i, error);

      if (!tensor)
        return FALSE;
      g_ptr_array_add (self->given, tensor);
      shapes[i] = tensor->shape;
      g_autofree double *values = g_new (double, tensor->count + 1);
      for (gint64 k = 0; k < tensor->count; k++)
        values[k] = kol_onnx_tensor_float (tensor, k);
      if (kol_onnx_get_input (self->onnx, i)->fixed
          && !kol_onnx_fix (self->onnx, i, tensor->shape, values, error))
        return FALSE;
    }
  self->graph = kol_graph_new (device);
  if (!kol_onnx_build (self->onnx, self->graph, shapes, self->inputs, self->outputs, error))
    return FALSE;
  check_parameters (self, path);
  return feed (self, error);
}

static gboolean
is_close (double got, double expected, gboolean whole)
{
  if (isnan (expected) || isnan (got))
    return isnan (expected) && isnan (got);
  if (whole || isinf (expected))
    return got == expected;
  return fabs (got - expected) <= ABSOLUTE + RELATIVE * fabs (expected);
}

static gboolean
compare (KolValue *value, const KolOnnxTensor *expected, guint i, GError **error)
{
  g_autofree float *got = g_new (float, expected->count + 1);
  const KolShape *shape = kol_value_get_shape (value);

  if (!kol_shape_equal (shape, &expected->shape))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE, "output %u is %s, not %s", i,
                   kol_shape_text (shape), kol_shape_text (&expected->shape));
      return FALSE;
    }
  if (!kol_read (value, got, error))
    return FALSE;
  for (gint64 k = 0; k < expected->count; k++)
    if (!is_close (got[k], kol_onnx_tensor_float (expected, k), expected->ints != NULL))
      {
        g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                     "output %u has %g at %" G_GINT64_FORMAT ", not %g", i, got[k], k,
                     kol_onnx_tensor_float (expected, k));
        return FALSE;
      }
  return TRUE;
}

static Verdict
judge (const char *folder, const char *set, GError **error)
{
  g_auto (Case) self = { 0 };

  if (!build (&self, folder, set, error))
    return REFUSED;
  if (!kol_run_all (self.graph, self.outputs, kol_onnx_get_n_outputs (self.onnx), error))
    return WRONG;
  for (guint i = 0; i < kol_onnx_get_n_outputs (self.onnx); i++)
    {
      g_autoptr (KolOnnxTensor) expected = read_tensor (set, "output", i, error);

      if (!expected || !compare (self.outputs[i], expected, i, error))
        return WRONG;
    }
  return PASSED;
}

/* All data sets of a case. */
static Verdict
test_case (const char *folder, GError **error)
{
  for (guint i = 0;; i++)
    {
      g_autofree char *name = g_strdup_printf ("test_data_set_%u", i);
      g_autofree char *set = g_build_filename (folder, name, NULL);

      if (!g_file_test (set, G_FILE_TEST_IS_DIR))
        return i > 0 ? PASSED : WRONG;
      Verdict verdict = judge (folder, set, error);
      if (verdict != PASSED)
        return verdict;
    }
}

/* ── All of them ─────────────────────────────────────────────────────────────────────────────── */

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* In the order of their names. */
static GPtrArray *
list_cases (const char *folder)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

static void
test_folder (gconstpointer data)
{
  guint at = GPOINTER_TO_UINT (data), count[3] = { 0 };
  g_autofree char *folder = g_build_filename (DATA, folders[at].name, NULL);
  g_autoptr (GPtrArray) names = list_cases (folder);

  if (names->len == 0)
    {
      g_test_skip (DATA " is not installed: Debian's libonnx-testdata");
      return;
    }
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i];
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autoptr (GError) error = NULL;
      Verdict verdict = test_case (path, &error);

      count[verdict]++;
      if (verdict != PASSED)
        g_test_message ("%s %s: %s", verdict == WRONG ? "WRONG" : "refused", name,
                        error ? error->message : "it has no data");
      g_assert_true (verdict != REFUSED || error->domain == KOL_ERROR);
    }
  g_test_message ("%s: %u cases, %u passed, %u refused, %u wrong", folders[at].name, names->len,
                  count[PASSED], count[REFUSED], count[WRONG]);
  g_assert_cmpuint (count[WRONG], ==, 0);
  g_assert_cmpuint (names->len, >=, folders[at].cases);
  g_assert_cmpuint (count[PASSED], >=, folders[at].passing);
}

/* ── Damaged ─────────────────────────────────────────────────────────────────────────────────── */

#define COPIES 6 /* of each case's network, each damaged in another way */
#define MOST_BYTES 65536

/* What the file says of an input, with lengths for those that it leaves open. */
static KolShape
some_shape (const KolOnnxInfo *info)
{
  KolShape shape = { .rank = MAX (info->rank, 0) };

  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = info->dims[i] < 0 ? 2 : info->dims[i];
  return shape;
}

/* Opens and builds; whatever comes of it must be said, and nothing is run. */
static gboolean
try_to_build (const char *path)
{
  static const double zeros[64] = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (KolOnnx) onnx = kol_onnx_open (path, &error);

  if (!onnx)
    {
      g_assert_nonnull (error);
      return FALSE;
    }
  guint n = kol_onnx_get_n_inputs (onnx);
  g_autofree KolShape *shapes = g_new0 (KolShape, n + 1);
  g_autofree KolValue **inputs = g_new0 (KolValue *, n + 1);
  g_autofree KolValue **outputs = g_new0 (KolValue *, kol_onnx_get_n_outputs (onnx));
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  for (guint i = 0; i < n; i++)
    {
      gint64 count;

      shapes[i] = some_shape (kol_onnx_get_input (onnx, i));
      if (kol_onnx_get_input (onnx, i)->fixed && kol_onnx_shape_count (&shapes[i], &count)
          && count <= (gint64) G_N_ELEMENTS (zeros))
        g_assert_true (kol_onnx_fix (onnx, i, shapes[i], zeros, NULL));
    }
  gboolean built = kol_onnx_build (onnx, graph, shapes, inputs, outputs, &error);
  g_assert_true (built == !error);
  return built;
}

/* Cuts the file off, or changes a few of its bytes, some by one. */
static gsize
damage (GRand *random, char *bytes, gsize size)
{
  if (g_rand_int_range (random, 0, 8) == 0)
    return (gsize) g_rand_int_range (random, 0, (gint32) size);
  for (int i = g_rand_int_range (random, 1, 4); i > 0; i--)
    {
      char *byte = &bytes[g_rand_int_range (random, 0, (gint32) size)];

      if (g_rand_boolean (random))
        *byte = (char) (*byte + (g_rand_boolean (random) ? 1 : -1));
      else
        *byte = (char) g_rand_int_range (random, 0, 256);
    }
  return size;
}

/* KOLINSKY_TEST_SEED damages them in other ways. */
static void
test_damaged (gconstpointer data)
{
  guint at = GPOINTER_TO_UINT (data), built = 0, tried = 0;
  guint seed = g_getenv ("KOLINSKY_TEST_SEED") ? (guint) atoi (g_getenv ("KOLINSKY_TEST_SEED")) : 1;
  g_autofree char *folder = g_build_filename (DATA, folders[at].name, NULL);
  g_autoptr (GPtrArray) names = list_cases (folder);
  g_autoptr (GRand) random = g_rand_new_with_seed (at + seed);
  g_autofree char *own = g_dir_make_tmp ("kolinsky-onnx-XXXXXX", NULL);
  g_autofree char *copy = g_build_filename (own, "damaged.onnx", NULL);

  for (guint i = 0; i < names->len * COPIES; i++)
    {
      g_autofree char *path
          = g_build_filename (folder, names->pdata[i / COPIES], "model.onnx", NULL),
          *bytes = NULL;
      gsize size;

      if (!g_file_get_contents (path, &bytes, &size, NULL) || size > MOST_BYTES || size == 0)
        continue;
      size = damage (random, bytes, size);
      g_assert_true (g_file_set_contents (copy, bytes, (gssize) size, NULL));
      built += try_to_build (copy);
      tried++;
    }
  g_test_message ("%u of %u damaged networks could be built", built, tried);
  if (names->len == 0)
    g_test_skip (DATA " is not installed: Debian's libonnx-testdata");
  g_remove (copy);
  g_rmdir (own);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  /* Measuring what is fastest takes longer than the rest; the variants have tests of their own. */
  g_setenv ("KOLINSKY_VARIANT", "plain", FALSE);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *path = g_strconcat ("/onnx/conformance/", folders[i].name, NULL);

      g_autofree char *damaged = g_strconcat ("/onnx/damaged/", folders[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_folder);
      g_test_add_data_func (damaged, GUINT_TO_POINTER (i), test_damaged);
    }
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
