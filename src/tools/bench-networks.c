/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Works of whole networks, with random weights: time does not depend on them. */

#include "bench-private.h"
#include "tool-private.h"

#include "../graph/op-private.h"
#include "../model/model.h"
#include "../model/networks.h"
#include "../studies/style-loss-private.h"

#define SIDE 224 /* of the pictures of ImageNet */
#define CLASSES 1000

/* A placeholder of random pictures [@n, 3, @side, @side]. */
static KolValue *
make_pictures (KolGraph *graph, gint64 n, gint64 side)
{
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (n, 3, side, side));

  if (!kol_value_failed (x))
    bench_fill (x, 0, 1);
  return x;
}

static char *
pictures_shape (gint64 n, gint64 side)
{
  return bench_shape_text (4, (const gint64[]){ n, 3, side, side });
}

/* ── Inference and training ──────────────────────────────────────────────────────────────────── */

typedef KolValue *(*Network) (KolValue *x, const KolNetworkOptions *options);

static gboolean
measure_inference (Bench *bench, const char *work, Network network, gint64 n, gint64 side,
                   GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  KolValue *scores = network (make_pictures (graph, n, side), NULL);

  if (!bench_graph_is_good (graph, error))
    return FALSE;
  BenchResult *result = bench_add_result (bench, work, pictures_shape (n, side), "inference");
  const BenchGraph what = { .graph = graph, .targets = { scores }, .n = 1, .mode = "inference" };
  return bench_measure_graph (bench, &what, result, error);
}

static gboolean
measure_training (Bench *bench, const char *work, Network network, gint64 n, gint64 side,
                  GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  KolValue *y = kol_placeholder (graph, "y", KOL_SHAPE (n));
  KolValue *scores
      = network (make_pictures (graph, n, side), &(KolNetworkOptions){ .training = TRUE });
  KolValue *loss = kol_mean (kol_softmax_cross_entropy (scores, y));
  KolValue *step = kol_sgd (loss, &(KolSgd){ .rate = 1e-4, .momentum = 0.9 });
  g_autofree float *labels = g_new (float, n);

  if (!bench_graph_is_good (graph, error))
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    labels[i] = (float) (i % CLASSES);
  kol_set (y, labels);

  BenchResult *result = bench_add_result (bench, work, pictures_shape (n, side), "training");
  const BenchGraph what = { .graph = graph, .targets = { step }, .n = 1, .mode = "training" };
  return bench_measure_graph (bench, &what, result, error);
}

gboolean
bench_vgg16 (Bench *bench, GError **error)
{
  gint64 inferred[2] = { 1, SIDE }, trained[2] = { 8, SIDE };

  if (bench->shape)
    {
      bench_parse_shape (bench->shape, 2, inferred);
      bench_parse_shape (bench->shape, 2, trained);
    }
  return measure_inference (bench, "vgg16", kol_vgg16, inferred[0], inferred[1], error)
         && measure_training (bench, "vgg16", kol_vgg16, trained[0], trained[1], error);
}

gboolean
bench_lite0 (Bench *bench, GError **error)
{
  gint64 size[2] = { 1, SIDE };

  if (bench->shape)
    bench_parse_shape (bench->shape, 2, size);
  return measure_inference (bench, "lite0", kol_efficientnet_lite0, size[0], size[1], error);
}

/* A network with its own weights. The peer reads the same file, if it can. */
gboolean
bench_model (Bench *bench, GError **error)
{
  g_autoptr (KolModel) model = kol_model_open (bench->model, error);
  gint64 n = 1;

  if (!model)
    return FALSE;
  if (bench->shape)
    bench_parse_shape (bench->shape, 1, &n);
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  KolShape shape = kol_model_get_shape (model, (gsize) n);
  KolModelValues values;
  if (!kol_model_build (model, graph, shape, &values, error))
    return FALSE;
  bench_fill (values.x, 0, 1);

  g_autofree char *path = g_canonicalize_filename (bench->model, NULL);
  BenchResult *result
      = bench_add_result (bench, "model", bench_shape_text (4, shape.dim), "inference");
  const BenchGraph what = { .graph = graph, .targets = { values.output }, .n = 1, .mode = path };
  return bench_measure_graph (bench, &what, result, error);
}

/* ── Style transfer ──────────────────────────────────────────────────────────────────────────── */

/* The mean square of what a layer's Gram matrix differs from a style's, here random numbers. */
static KolValue *
style_loss (KolGraph *graph, const char *layer)
{
  KolValue *gram = kol_style_gram (kol_graph_find (graph, layer));
  g_autofree char *name = g_strconcat ("style/", layer, NULL);
  KolValue *style = kol_placeholder (graph, name, *kol_value_get_shape (gram));

  if (!kol_value_failed (style))
    bench_fill (style, 0, 0.1);
  return kol_style_gram_loss (gram, style);
}

static gboolean
measure_style (Bench *bench, gint64 side, GError **error)
{
  static const char *const layers[] = { "relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1" };
  g_autoptr (KolGraph) graph = kol_graph_new (bench->device);
  KolValue *picture = make_pictures (graph, 1, side), *loss = NULL, *gradient;

  kol_vgg19_features (picture, layers[G_N_ELEMENTS (layers) - 1]);
  if (!bench_graph_is_good (graph, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    loss = loss ? kol_add (loss, style_loss (graph, layers[i])) : style_loss (graph, layers[i]);
  kol_gradients (loss, &picture, 1, &gradient);
  if (!bench_graph_is_good (graph, error))
    return FALSE;

  BenchResult *result = bench_add_result (bench, "style", pictures_shape (1, side), "iteration");
  const BenchGraph what
      = { .graph = graph, .targets = { loss, gradient }, .n = 2, .mode = "iteration" };
  return bench_measure_graph (bench, &what, result, error);
}

gboolean
bench_style (Bench *bench, GError **error)
{
  gint64 side;

  if (bench->shape && bench_parse_shape (bench->shape, 1, &side))
    return measure_style (bench, side, error);
  return measure_style (bench, 256, error) && measure_style (bench, 512, error);
}
