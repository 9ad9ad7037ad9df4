/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* ONNX: what is in a file, and the graph that is built of it. Nothing is run. */
#include "fuzz.h"
#include "model/onnx.h"

#define LENGTH 2        /* for what a file leaves open */
#define MOST_FIXED 1024 /* elements of an input that shapes follow from */
#define LONGEST 1000000 /* of a side of an input that the file itself asks for */

static KolDevice *device;

/* What the file says of an input; FALSE: it is larger than anybody would give it. */
static gboolean
choose_shape (const KolOnnxInfo *info, KolShape *shape)
{
  *shape = (KolShape){ .rank = MAX (info->rank, 0) };
  for (int i = 0; i < shape->rank; i++)
    {
      shape->dim[i] = info->dims[i] < 0 ? LENGTH : info->dims[i];
      if (shape->dim[i] > LONGEST)
        return FALSE;
    }
  return TRUE;
}

/* Gives an input that shapes follow from the value 1, everywhere. */
static void
fix (KolOnnx *onnx, guint i, const KolShape *shape)
{
  double values[MOST_FIXED];
  gint64 count = 1;

  for (int k = 0; k < shape->rank; k++)
    if ((count *= shape->dim[k]) > MOST_FIXED)
      return;
  for (gint64 k = 0; k < count; k++)
    values[k] = 1;
  kol_onnx_fix (onnx, i, *shape, values, NULL);
}

static void
build (KolOnnx *onnx)
{
  guint n = kol_onnx_get_n_inputs (onnx);
  g_autofree KolShape *shapes = g_new0 (KolShape, n + 1);
  g_autofree KolValue **inputs = g_new0 (KolValue *, n + 1);
  g_autofree KolValue **outputs = g_new0 (KolValue *, kol_onnx_get_n_outputs (onnx));
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    {
      if (!choose_shape (kol_onnx_get_input (onnx, i), &shapes[i]))
        return;
      if (kol_onnx_get_input (onnx, i)->fixed)
        fix (onnx, i, &shapes[i]);
    }
  gboolean good = kol_onnx_build (onnx, graph, shapes, inputs, outputs, &error);
  fuzz_check (good, error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  GError *error = NULL;
  g_autoptr (KolOnnx) onnx = kol_onnx_open (fuzz_file ("input.onnx", bytes, size), &error);

  fuzz_check (onnx != NULL, error);
  if (!device)
    device = kol_device_open (NULL, NULL); /* without one, files are opened alone */
  if (onnx && device)
    build (onnx);
  return 0;
}
