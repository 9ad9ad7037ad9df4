/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "bench-private.h"
#include "tool-private.h"

#include "../graph/op-private.h"

#include <signal.h>
#include <string.h>

typedef struct {
  ToolOptions common;
  char *shape;
  char *variant;
  char *model;
  double seconds;
  char *peer;
  char *python;
} BenchOptions;

static void
bench_options_clear (BenchOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->shape);
  g_free (options->variant);
  g_free (options->model);
  g_free (options->peer);
  g_free (options->python);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchOptions, bench_options_clear)

/* ── The works ───────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *name;
  gboolean (*measure) (Bench *bench, GError **error);
  guint sizes;             /* how many numbers --shape has; 0: there is no --shape */
  const char *shape;       /* what they are, for people */
  const char *variants[4]; /* the operations among whose variants --variant is */
} Work;

#define MODEL "model" /* the one that needs a --model, and is not among "all" */

/* In the order of `kolinsky bench all`. */
static const Work works[] = {
  { "peak", bench_peak },
  { "bandwidth", bench_bandwidth, 1, "a number of floats, such as 67108864" },
  { "matmul", bench_matmul, 3, "rows, columns and depth, such as 512x256x1024", { "matmul" } },
  { "conv",
    bench_conv,
    4,
    "pictures, channels, height and filters, such as 1x64x224x64",
    { "conv2d", "conv2d_gradient_x", "conv2d_gradient_w" } },
  { "digits", bench_digits },
  { "vgg16", bench_vgg16, 2, "pictures and their height, such as 8x224" },
  { "style", bench_style, 1, "the picture's height, such as 512" },
  { "lite0", bench_lite0, 2, "pictures and their height, such as 1x224" },
  { MODEL, bench_model, 1, "how many pictures at a time" },
};

/* Sets @work; NULL for "all". */
static gboolean
find_work (const char *name, const Work **work)
{
  g_autoptr (GString) known = g_string_new (NULL);

  *work = NULL;
  if (g_str_equal (name, "all"))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (works); i++)
    {
      if (g_str_equal (works[i].name, name))
        {
          *work = &works[i];
          return TRUE;
        }
      g_string_append_printf (known, " %s", works[i].name);
    }
  tool_usage (&tool_bench, "\"%s\" cannot be measured; known:%s all", name, known->str);
  return FALSE;
}

/* ── Options ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
shape_is_good (const Work *work, const char *shape)
{
  gint64 size[4];

  if (!shape)
    return TRUE;
  if (!work || !work->sizes)
    tool_usage (&tool_bench, "--shape is for works of one shape, not for %s",
                work ? work->name : "all");
  else if (!bench_parse_shape (shape, work->sizes, size))
    tool_usage (&tool_bench, "--shape is \"%s\"; of %s, give %s", shape, work->name, work->shape);
  else
    return TRUE;
  return FALSE;
}

/* Whether one of the work's operations has the variant; if not, the known ones are listed. */
static gboolean
variant_is_good (const Work *work, const char *name)
{
  g_autoptr (GString) known = g_string_new (NULL);

  if (!name)
    return TRUE;
  if (!work || !work->variants[0])
    {
      tool_usage (&tool_bench, "--variant is for works of one operation, not for %s",
                  work ? work->name : "all");
      return FALSE;
    }
  for (guint i = 0; work->variants[i]; i++)
    for (const KolVariant *v = kol_op_find (work->variants[i])->variants; v->name; v++)
      {
        g_autofree char *word = g_strconcat (" ", v->name, NULL);
        if (g_str_equal (v->name, name))
          return TRUE;
        if (i == 0 || !strstr (known->str, word))
          g_string_append (known, word);
      }
  tool_usage (&tool_bench, "%s has no variant \"%s\"; known:%s", work->name, name, known->str);
  return FALSE;
}

static gboolean
model_is_good (const Work *work, const char *model)
{
  gboolean wanted = work && g_str_equal (work->name, MODEL);

  if (wanted && !model)
    tool_usage (&tool_bench, "Which network is to be measured? Name it with --model");
  else if (!wanted && model)
    tool_usage (&tool_bench, "--model is for the work %s, not for %s", MODEL,
                work ? work->name : "all");
  else
    return TRUE;
  return FALSE;
}

static gboolean
peer_is_good (const char *peer)
{
  static const char *const peers[] = { "torch", "onnxruntime", "tinygrad", NULL };

  if (!peer || g_strv_contains (peers, peer))
    return TRUE;
  tool_usage (&tool_bench, "--peer is \"%s\"; known: torch onnxruntime tinygrad", peer);
  return FALSE;
}

static gboolean
options_are_good (const BenchOptions *options, const Work *work)
{
  if (!(options->seconds > 0 && options->seconds <= 3600))
    {
      tool_usage (&tool_bench, "--seconds must be more than 0 and at most 3600");
      return FALSE;
    }
  return shape_is_good (work, options->shape) && variant_is_good (work, options->variant)
         && model_is_good (work, options->model) && peer_is_good (options->peer);
}

/* ── The command ─────────────────────────────────────────────────────────────────────────────── */

/* Measures @work, or all. */
static gboolean
measure (Bench *bench, const Work *work, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (works); i++)
    {
      gboolean wanted = work ? work == &works[i] : !g_str_equal (works[i].name, MODEL);
      if (wanted && !works[i].measure (bench, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
run_bench (const Work *work, const BenchOptions *options, GError **error)
{
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (bench_result_free);
  const char *python = options->python ? options->python : g_getenv ("KOLINSKY_PEER_PYTHON");

  if (!device)
    return FALSE;
  tool_status ("Measuring the peak");
  g_autoptr (KolPeak) peak = kol_peak_new (device, options->seconds, error);
  for (guint i = 0; peak && i < kol_peak_count_mixes (peak); i++)
    if (!kol_peak_try_mix (peak, i, error))
      return FALSE;
  if (!peak)
    return FALSE;
  Bench bench = {
    .device = device,
    .peak = peak,
    .peer = options->peer,
    .python = python && *python ? python : "python3",
    .shape = options->shape,
    .variant = options->variant,
    .model = options->model,
    .seconds = options->seconds,
    .results = results,
  };
  signal (SIGPIPE, SIG_IGN); /* a peer that ends is an error with a sentence */
  if (!measure (&bench, work, error))
    return FALSE;
  tool_status (NULL);
  if (options->common.json)
    bench_write_json (&bench);
  return tool_save_profile (&options->common, device, error);
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (BenchOptions) options = { .seconds = 2 };
  g_autoptr (GError) error = NULL;
  const Work *work;
  const GOptionEntry entries[] = {
    { "shape", 0, 0, G_OPTION_ARG_STRING, &options.shape, "Another shape than the usual ones",
      "AxBx..." },
    { "variant", 0, 0, G_OPTION_ARG_STRING, &options.variant,
      "Of matmul and conv: measure this variant", "NAME" },
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &options.model,
      "Of model: an installed network, or a file of one", "NAME|FILE" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds, "Time for each measurement (2)",
      "S" },
    { "peer", 0, 0, G_OPTION_ARG_STRING, &options.peer,
      "Compare with torch, onnxruntime or tinygrad", "LIBRARY" },
    { "peer-python", 0, 0, G_OPTION_ARG_FILENAME, &options.python,
      "The Python that has the library (python3)", "PATH" },
    { NULL },
  };

  if (!tool_parse (&tool_bench, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                   &options.common, 1, &argc, &argv)
      || !find_work (argv[1], &work) || !options_are_good (&options, work))
    return TOOL_USAGE;
  return run_bench (work, &options, &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_bench = {
  .name = "bench",
  .parameters = "WORK",
  .summary = "Measure a device, and compare with other libraries",
  .description
  = "  peak       multiplications and additions in registers: the most that the device can do\n"
    "  bandwidth  a copy, and a sum, of more memory than caches hold\n"
    "  matmul     a matrix product [M, K] x [K, N], --shape MxNxK (1024x1024x1024): by the "
    "variant\n"
    "             that is chosen, which is the first one, and by all others that fit\n"
    "  conv       a 3x3 convolution [N, C, H, H] to K filters, --shape NxCxHxK: forward, and with\n"
    "             both gradients; the variants chosen for forward/pictures/filters\n"
    "  digits     a training step of the lecture's network: 50 pictures, Adam\n"
    "  vgg16      VGG-16, --shape NxH: inference (1x224), a training step with momentum (8x224)\n"
    "  style      an iteration of style transfer, --shape H (256 and 512): Gram matrices of\n"
    "             VGG-19's relu1_1 to relu5_1, and the gradient to the picture\n"
    "  lite0      EfficientNet-Lite0, --shape NxH: inference (1x224)\n"
    "  model      the network that --model names, with its weights, --shape N: inference (1);\n"
    "             onnxruntime is given the same file\n"
    "  all        all of these but model\n\n"
    "Times are medians of a run. GFLOP/s count the operations of convolutions and matrix\n"
    "products as their formulas have them, a multiplication and an addition as two, even where\n"
    "fewer are computed (Winograd). The peak is measured between the runs. Bytes are the device\n"
    "memory of a run at its peak: weights, inputs, what lies between, and weights in other\n"
    "forms; of bandwidth, they are what a run reads and writes.\n\n"
    "With --peer another library does the same work alternately with ours in turns of a tenth of\n"
    "a second, on all processors (a GPU, if ours is one). The ratio is its time divided by ours:\n"
    "more than 1 where ours is faster. Its bytes are the growth of its process's memory, up to\n"
    "the peak, from when the library itself was loaded. KOLINSKY_PEER_PYTHON names its Python, if\n"
    "--peer-python does not.",
  .run = run_command,
};
