/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Style transfer: on a small network of chance weights what it does with all kinds of
 * pictures.
 */

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "style-task.h"
#include "studies/fast-style-network-private.h"
#include "studies/style-octaves-private.h"
#include "studies/style-problem-private.h"

/* 12, 17 and 24 pixels: 12 steps, then 6 and 6; the losses of the last size fall. */
static void
test_sizes (void)
{
  g_auto (StyleTask) task;
  StyleTold told = { 0 };

  style_task_init (&task);
  g_autoptr (KolSnapshot) picture = style_test_paint (&task, &told);
  style_test_assert_size (picture, 24, 18);
  g_assert_cmpuint (told.told, ==, 24);
  g_assert_cmpuint (told.size, ==, 2);
  g_assert_cmpuint (told.snapshots, ==, 4);
  g_assert_cmpfloat (told.last, <, told.first);
}

static void
test_cancelled (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  StyleTold told = { .cancellable = cancellable, .cancel_after = 14 };

  style_task_init (&task);
  g_autoptr (KolSnapshot) picture = style_test_paint (&task, &told);
  g_assert_cmpuint (told.told, ==, 14);
  style_test_assert_size (picture, 17, 13);
}

/* ── In quanta, and changed while it runs ────────────────────────────────────────────────────── */

static double
style_loss (const KolStyle *style)
{
  const KolStyleState *state = kol_style_get_state (style);
  double sum = 0;

  for (guint i = 0; i < state->n_terms; i++)
    if (g_str_equal (state->terms[i].kind, "style"))
      sum += state->terms[i].loss;
  return sum;
}

static gboolean
advance (KolStyle *style, guint steps)
{
  g_autoptr (GError) error = NULL;
  gboolean more = TRUE;

  for (guint i = 0; i < steps && more; i++)
    {
      kol_style_advance (style, 0, &more, &error);
      g_assert_no_error (error);
    }
  return more;
}

static void
assert_same_pixels (KolStyle *style, const KolSnapshot *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolSnapshot) found = kol_style_look (style, &error);
  gsize bytes = 3 * kol_snapshot_get_width (wanted) * kol_snapshot_get_height (wanted) * 4;

  g_assert_no_error (error);
  g_assert_cmpmem (kol_snapshot_get_pixels (found),
                   3 * kol_snapshot_get_width (found) * kol_snapshot_get_height (found) * 4,
                   kol_snapshot_get_pixels (wanted), bytes);
}

/* One step a call makes the same picture as one run; it can be looked at at any time. */
static void
test_quanta (gconstpointer data)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;

  style_task_init (&task);
  task.options.optimizer = (KolStyleOptimizer) GPOINTER_TO_INT (data);
  g_autoptr (KolStyle) whole = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_autoptr (KolSnapshot) wanted = kol_style_run (whole, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_autoptr (KolSnapshot) start = kol_style_look (style, &error);
  g_assert_no_error (error);
  style_test_assert_size (start, 12, 9);
  kol_style_begin (style, NULL);
  g_assert_true (advance (style, 3));
  g_autoptr (KolSnapshot) first = kol_style_look (style, &error);
  g_assert_no_error (error);
  style_test_assert_size (first, 12, 9);
  while (advance (style, 1))
    ;
  assert_same_pixels (style, wanted);
  g_autoptr (GBytes) rgba = kol_snapshot_to_rgba (wanted);
  const guint8 *bytes = g_bytes_get_data (rgba, NULL);
  g_assert_cmpuint (g_bytes_get_size (rgba), ==, 24 * 18 * 4);
  for (gsize i = 0; i < 24 * 18; i += 5)
    for (gsize c = 0; c < 3; c++)
      g_assert_cmpfloat (
          fabs (bytes[4 * i + c] - 255 * kol_snapshot_get_pixels (wanted)[c * 24 * 18 + i]), <,
          0.51);
}

/* Cancelled before a step: nothing is lost, and it goes on to the same picture. */
static void
test_paused (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const KolStudyWatch watch = { .cancellable = cancellable };

  style_task_init (&task);
  g_autoptr (KolStyle) whole = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_autoptr (KolSnapshot) wanted = kol_style_run (whole, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  kol_style_begin (style, &watch);
  g_assert_true (advance (style, 5));
  g_cancellable_cancel (cancellable);
  g_assert_false (advance (style, 1));
  g_cancellable_reset (cancellable);
  kol_style_begin (style, &watch);
  while (advance (style, 1))
    ;
  assert_same_pixels (style, wanted);
}

/* With more weight the style comes nearer; a second style and a region may be added, too. */
static void
test_change (gconstpointer data)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;
  StyleTold told = { 0 };
  const KolStudyWatch watch = { .told = style_test_note, .user_data = &told };

  style_task_init (&task);
  task.options.optimizer = (KolStyleOptimizer) GPOINTER_TO_INT (data);
  task.options.smallest = 24;
  task.options.steps = 120;
  task.options.style_weight = 0.01;
  task.options.content_weight = 1;
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  told.style = style;
  told.events = g_string_new (NULL);
  kol_style_begin (style, &watch);
  advance (style, 15);
  double before = style_loss (style);
  KolStyleOptions heavier = task.options;
  heavier.style_weight = 10;
  heavier.rate = 0.03;
  g_assert_true (kol_style_change (style, &heavier, &error));
  g_assert_no_error (error);
  advance (style, 15);
  g_test_message ("style %g, and with more weight %g", before, style_loss (style));
  g_assert_cmpfloat (style_loss (style), <, 0.8 * before);
  g_assert_cmpfloat (kol_style_get_state (style)->rate, ==, 0.03);

  task.region = style_test_picture (1, 16, 12, 0);
  for (gsize i = 0; i < 16 * 12; i++)
    task.region->pixels[i] = i % 16 < 8 ? 255 : 0;
  task.sources[0].region = task.region;
  task.sources[1].part = task.region;
  heavier.n_styles = 2;
  g_autoptr (KolSnapshot) shown = kol_style_look (style, &error);
  g_assert_no_error (error);
  KolStyleOptions two = heavier;
  KolStyleSource sources[2] = { task.sources[0], task.sources[1] };
  two.styles = sources;
  g_assert_true (kol_style_change (style, &two, &error));
  g_assert_no_error (error);
  assert_same_pixels (style, shown); /* it goes on from what there is */
  advance (style, 2);
  before = kol_style_get_state (style)->total;
  g_assert_cmpuint (kol_style_get_state (style)->n_terms, ==, 1 + 4 + 1);
  advance (style, 15);
  g_assert_cmpfloat (kol_style_get_state (style)->total, <, before);

  two.rate = -1;
  g_assert_false (kol_style_change (style, &two, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_clear_error (&error);
  g_assert_true (advance (style, 1));
  g_assert_true ((strstr (told.events->str, "begins anew") != NULL)
                 == (task.options.optimizer == KOL_STYLE_LBFGS));
  g_string_free (told.events, TRUE);
}

/*
 * The optimizer may be another from the next step on: it goes on from the picture as it is, with
 * the steps that are left, and nothing is said to begin anew.
 */
static void
test_other_optimizer (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;
  StyleTold told = { 0 };
  const KolStudyWatch watch = { .told = style_test_note, .user_data = &told };

  style_task_init (&task);
  task.options.smallest = 17;
  task.options.steps = 60;
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  told.style = style;
  told.events = g_string_new (NULL);
  kol_style_begin (style, &watch);
  for (guint i = 0; i < 3; i++)
    {
      KolStyleOptions other = task.options;

      advance (style, 10);
      double before = kol_style_get_state (style)->total;
      g_autoptr (KolSnapshot) shown = kol_style_look (style, &error);
      g_assert_no_error (error);
      other.optimizer = i % 2 ? KOL_STYLE_ADAM : KOL_STYLE_LBFGS;
      g_assert_true (kol_style_change (style, &other, &error));
      g_assert_no_error (error);
      assert_same_pixels (style, shown);
      advance (style, 5);
      g_test_message ("%g, then %g", before, kol_style_get_state (style)->total);
      /* Adam's first steps are of its rate, from wherever L-BFGS has come to. */
      g_assert_cmpfloat (kol_style_get_state (style)->total, <, i % 2 ? 2 * before : before);
    }
  while (advance (style, 1))
    ;
  g_assert_cmpstr (told.events->str, ==, "");
  g_string_free (told.events, TRUE);
}

/* Each half is painted as its own style would have it, more than as the other's. */
static void
test_regions (void)
{
  g_auto (StyleTask) task;
  StyleTold told = { 0 };

  style_task_init (&task);
  task.region = style_test_picture (1, 16, 12, 0);
  for (gsize i = 0; i < 16 * 12; i++)
    task.region->pixels[i] = i % 16 < 8 ? 255 : 0;
  task.sources[0].region = task.region;
  task.options.n_styles = 2;
  task.options.colours = KOL_STYLE_COLOURS_MATCH;
  g_autoptr (KolSnapshot) picture = style_test_paint (&task, &told);
  g_assert_cmpfloat (told.last, <, told.first);
  memset (task.region->pixels, 0, 16 * 12);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_assert_null (kol_style_run (style, NULL, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "black all over"));
}

/* White in its first columns. */
static KolPicture *
make_mask (gsize width, gsize height, gsize white)
{
  KolPicture *mask = style_test_picture (1, width, height, 0);

  for (gsize i = 0; i < height * width; i++)
    mask->pixels[i] = i % width < white ? 255 : 0;
  return mask;
}

/* The losses of a problem whose styles are parts of a picture: of each, or all of it where NULL. */
static void
losses_of (const KolStyleOptions *options, const KolPicture *style, const KolPicture *const *parts,
           guint n_parts, guint64 tile_budget, double losses[2])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolLayers) layers = kol_layers_open (style_test_device, style_test_network, 0, &error);
  g_assert_no_error (error);
  const KolPicture *picture = options->content;
  g_autoptr (KolSnapshot) content
      = kol_style_scale_picture (picture, 3, picture->width, picture->height, &error);
  g_autoptr (KolSnapshot) pixels
      = kol_style_scale_picture (style, 3, style->width, style->height, &error);
  KolStyleWanted wanted[2];
  for (guint i = 0; i < n_parts; i++)
    wanted[i] = (KolStyleWanted){ pixels, 1, NULL, 0, parts[i] };
  KolStyleTask task = { options, content, wanted, n_parts, .tile_budget = tile_budget };
  g_autoptr (KolStyleProblem) problem = kol_style_problem_new (layers, &task, &error);
  g_assert_no_error (error);
  kol_style_problem_look (problem, NULL, &error);
  g_assert_no_error (error);
  g_autofree float *x = g_new (float, 3 * picture->height * picture->width);
  double total;
  guint n;

  kol_style_problem_to_units (problem, kol_snapshot_get_pixels (content), x);
  kol_parameter_write (kol_parameters_find (kol_layers_get_parameters (layers), KOL_STYLE_X), x,
                       &error);
  kol_style_problem_evaluate (problem, NULL, &total, &error);
  g_assert_no_error (error);
  const KolStyleTerm *terms = kol_style_problem_get_terms (problem, &n);
  g_assert_cmpuint (n, ==, 2);
  losses[0] = terms[0].loss;
  losses[1] = terms[1].loss;
}

/*
 * A mask that is white all over changes nothing; nor do the two halves of a picture, which have
 * half of the statistics each, as two styles; and what is far from the white of a mask does not
 * count. As a whole and in tiles, whatever a style is.
 */
static void
test_parts (gconstpointer data)
{
  g_auto (StyleTask) task;
  g_autoptr (KolPicture) style = style_test_picture (3, 192, 96, 0.6), other = NULL;
  g_autoptr (KolPicture) all = make_mask (48, 24, 48), left = make_mask (192, 96, 96);
  g_autoptr (KolPicture) right = make_mask (192, 96, 96), within = make_mask (192, 96, 64);

  style_task_init (&task);
  task.options.measure = (KolStyleMeasure) (GPOINTER_TO_INT (data) & 1);
  task.options.content_weight = task.options.variation_weight = 0;
  task.options.style_weight = 1;
  guint64 budget = GPOINTER_TO_INT (data) & 2 ? 1 << 20 : 0;
  other = kol_picture_convert (style, 3);
  for (gsize i = 0; i < 3 * 96 * 192; i++)
    other->pixels[i] = i % 192 < 96 ? other->pixels[i] : (guint8) (i * 7919);
  for (gsize i = 0; i < 96 * 192; i++)
    right->pixels[i] = 255 - right->pixels[i];
  const KolPicture *const nothing = NULL, *const halves[] = { left, right };
  const KolPicture *const one[] = { all }, *const inner[] = { within };
  double whole[2], white[2], both[2], part[2], of_other[2], all_other[2];
  losses_of (&task.options, style, &nothing, 1, budget, whole);
  losses_of (&task.options, style, one, 1, budget, white);
  losses_of (&task.options, style, halves, 2, budget, both);
  losses_of (&task.options, style, inner, 1, budget, part);
  losses_of (&task.options, other, inner, 1, budget, of_other);
  losses_of (&task.options, other, &nothing, 1, budget, all_other);
  for (guint i = 0; i < 2; i++)
    {
      g_test_message ("layer %u: %g, white %g, halves %g, within %g, %g and %g", i, whole[i],
                      white[i], both[i], part[i], of_other[i], all_other[i]);
      g_assert_cmpfloat_with_epsilon (white[i], whole[i], 1e-4 * whole[i]);
      g_assert_cmpfloat_with_epsilon (both[i], whole[i], 2e-3 * whole[i]);
      g_assert_cmpfloat_with_epsilon (of_other[i], part[i], 1e-4 * part[i]);
      g_assert_cmpfloat (fabs (all_other[i] - whole[i]), >, 1e-2 * whole[i]);
    }
}

/* Matched in a part, colours have there the mean that is wanted. */
static void
test_colours_of_a_part (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolPicture) picture = style_test_picture (3, 40, 20, 0.3),
                         like = style_test_picture (3, 9, 9, 2);
  g_autoptr (KolPicture) left = make_mask (40, 20, 20);

  g_autoptr (KolPicture) matched = kol_style_match_colours (picture, left, like, &error);
  g_assert_no_error (error);
  for (gsize c = 0; c < 3; c++)
    {
      double mean = 0, wanted = 0;

      for (gsize i = 0; i < 20 * 40; i++)
        mean += i % 40 < 20 ? matched->pixels[c * 20 * 40 + i] / 400.0 : 0;
      for (gsize i = 0; i < 9 * 9; i++)
        wanted += like->pixels[c * 81 + i] / 81.0;
      g_test_message ("colour %zu: %g, wanted %g", c, mean, wanted);
      g_assert_cmpfloat_with_epsilon (mean, wanted, 3); /* some are clamped */
    }
}

/*
 * With less memory than an evaluation would like, it computes again what it cannot keep,
 * to the same picture; with far less, the size that would fit is told.
 */
static void
test_scarce_memory (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;
  guint64 budget = kol_device_get_budget (style_test_device);

  style_task_init (&task);
  task.options.steps = 3;
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_autoptr (KolSnapshot) picture = kol_style_run (style, NULL, &error);
  g_assert_no_error (error);
  guint64 peak = kol_style_get_peak_bytes (style);
  g_clear_pointer (&style, kol_style_free);
  kol_device_set_budget (style_test_device, peak - 1);
  style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kol_style_get_peak_bytes (style), <, peak);
  kol_device_set_budget (style_test_device,
                         budget); /* what the tests before still hold counts, too */
  g_autoptr (KolSnapshot) same = kol_style_run (style, NULL, &error);
  g_assert_no_error (error);
  gsize bytes = 3 * 24 * 18 * sizeof (float);
  g_assert_cmpmem (kol_snapshot_get_pixels (same), bytes, kol_snapshot_get_pixels (picture), bytes);
  kol_device_set_budget (style_test_device, peak / 4);
  g_assert_null (kol_style_new (style_test_device, &task.options, &error));
  kol_device_set_budget (style_test_device, budget);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "pixels for the longer side would fit"));
}

/* "... needs 12.3 MiB on the device": in bytes. */
static double
needed_bytes (const char *message)
{
  static const char *const units[] = { "bytes on", "KiB on", "MiB on", "GiB on" };
  const char *needs = strstr (message, "needs ");
  double bytes;

  g_assert_nonnull (needs);
  bytes = g_ascii_strtod (needs + strlen ("needs "), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (strstr (needs, units[i]))
      return bytes * pow (1024, i);
  g_assert_not_reached ();
}

/* Where even tiles do not fit, what is said to be needed is enough, and not much more than that. */
static void
test_refused_memory (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;
  guint64 budget = kol_device_get_budget (style_test_device);

  style_task_init (&task);
  task.options.size = task.options.smallest = 1000;
  kol_device_set_budget (style_test_device, 1 << 20);
  g_assert_null (kol_style_new (style_test_device, &task.options, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  double needed = needed_bytes (error->message);
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  kol_device_set_budget (style_test_device, (guint64) (1.02 * needed));
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kol_style_get_tiles (style), >, 1);
  kol_device_set_budget (style_test_device, (guint64) (0.95 * needed));
  g_assert_null (kol_style_new (style_test_device, &task.options, &error));
  kol_device_set_budget (style_test_device, budget);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
}

/* ── Octaves ─────────────────────────────────────────────────────────────────────────────────── */

/* The device and the host halve as pictures are scaled, but at the edges, and go back alike. */
static void
test_halves (void)
{
  const KolStyleSize size = { 3, 41, 52 }, half = { 3, 20, 26 };
  const gsize n = 3 * 41 * 52, n_half = 3 * 20 * 26, edge = 3;
  g_autofree float *planes = g_new (float, n), *here = g_new (float, n_half);
  g_autofree float *there = g_new (float, n_half), *back = g_new0 (float, n);
  g_autofree float *gradient = g_new (float, n);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolPicture) picture = style_test_picture (3, 52, 40, 0.4); /* without the last row */
  g_autoptr (KolPicture) scaled = kol_picture_resize (picture, 26, 20, KOL_BICUBIC, NULL);
  g_autoptr (KolGraph) graph = kol_graph_new (style_test_device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (1, 3, 41, 52)), *slope;

  for (gsize c = 0; c < 3; c++)
    for (gsize i = 0; i < 41 * 52; i++)
      planes[c * 41 * 52 + i] = picture->pixels[c * 40 * 52 + MIN (i, 40 * 52 - 1)] / 255.0f;
  kol_style_halve_planes (planes, &size, here);
  KolValue *y = kol_style_halve (x);
  kol_gradients (kol_sum (kol_square (y), NULL), &x, 1, &slope);
  kol_set (x, planes);
  KolValue *both[] = { y, slope };
  kol_run_all (graph, both, 2, &error);
  g_assert_no_error (error);
  kol_read (y, there, &error);
  kol_read (slope, gradient, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < n_half; i++)
    {
      gsize row = i / half.width % half.height, column = i % half.width;

      g_assert_cmpfloat_with_epsilon (here[i], there[i], 1e-5);
      if (row >= edge && row + edge < half.height && column >= edge && column + edge < half.width)
        g_assert_cmpfloat_with_epsilon (CLAMP (here[i], 0, 1), scaled->pixels[i] / 255.0,
                                        1.0 / 128);
      here[i] *= 2;
    }
  kol_style_halve_gradient (here, &size, back);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (back[i], gradient[i], 1e-4);
}

/* Sums of weights of the style's losses by octave, at a size. */
typedef struct {
  KolStyle *style;
  guint sizes[4]; /* how many octaves each has */
} Octaves;

static void
note_octaves (const KolStudyProgress *progress, gpointer user_data)
{
  Octaves *octaves = user_data;
  const KolStyleState *state = kol_style_get_state (octaves->style);
  double weights[2] = { 0 };

  g_assert_cmpfloat (progress->value, >, 0);
  for (guint i = 0; i < state->n_terms; i++)
    if (g_str_equal (state->terms[i].kind, "style"))
      weights[state->terms[i].octave] += state->terms[i].weight;
  octaves->sizes[state->size] = weights[1] > 0 ? 2 : 1;
  g_assert_cmpfloat_with_epsilon (weights[0], 3 * (1 + 0.5), 1e-9);
  if (weights[1] > 0)
    g_assert_cmpfloat_with_epsilon (weights[1], weights[0], 1e-9);
}

/* Of 12, 17 and 24 pixels the last alone has a half that is no smaller than the smallest. */
static void
test_octaves (void)
{
  for (guint wanted = 0; wanted < 3; wanted++) /* 0: as usual, two */
    {
      g_auto (StyleTask) task;
      g_autoptr (GError) error = NULL;
      Octaves octaves = { 0 };

      style_task_init (&task);
      task.options.style_weight = 3;
      task.options.octaves = wanted;
      octaves.style = kol_style_new (style_test_device, &task.options, &error);
      g_assert_no_error (error);
      const KolStudyWatch watch = { .told = note_octaves, .user_data = &octaves };
      g_autoptr (KolSnapshot) picture = kol_style_run (octaves.style, &watch, &error);
      g_assert_no_error (error);
      style_test_assert_size (picture, 24, 18);
      g_assert_cmpuint (octaves.sizes[0], ==, 1);
      g_assert_cmpuint (octaves.sizes[1], ==, 1);
      g_assert_cmpuint (octaves.sizes[2], ==, wanted == 1 ? 1 : 2);
      kol_style_free (octaves.style);
    }
}

/* ── In tiles ────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  double total, losses[16];
  guint n;
  float *gradient;
} Evaluated;

/* The losses and the gradient at noise, of two octaves, as a whole or in tiles. */
static Evaluated
evaluate (const KolStyleOptions *options, gsize height, gsize width, const KolPicture *region,
          const KolPicture *part, guint64 tile_budget, guint *tiles)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolLayers) layers = kol_layers_open (style_test_device, style_test_network, 0, &error);
  g_assert_no_error (error);
  gsize n = 3 * height * width;
  g_autofree float *pixels = g_new (float, n), *x = g_new (float, n);
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  Evaluated found = { .gradient = g_new (float, n) };

  for (gsize i = 0; i < n; i++)
    pixels[i] = (float) (0.5 + 0.4 * sin ((double) i * 0.37) * cos ((double) (i % width) * 0.11));
  g_autoptr (KolSnapshot) content = kol_snapshot_new (pixels, 3, height, width);
  for (gsize i = 0; i < n; i++)
    pixels[i] = (float) (0.5 + 0.5 * sin ((double) (i % width) * 0.9));
  g_autoptr (KolSnapshot) style = kol_snapshot_new (pixels, 3, height, width);
  const KolStyleWanted wanted[] = { { style, 1, region, 0, part }, { style, 1, region, 1, part } };
  KolStyleTask task = { options, content, wanted, 2, .tile_budget = tile_budget };
  g_autoptr (KolStyleProblem) problem = kol_style_problem_new (layers, &task, &error);
  g_assert_no_error (error);
  kol_style_problem_look (problem, NULL, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < n; i++)
    x[i] = (float) g_rand_double (random);
  KolParameters *parameters = kol_layers_get_parameters (layers);
  kol_parameter_write (kol_parameters_find (parameters, KOL_STYLE_X), x, &error);
  kol_style_problem_evaluate (problem, NULL, &found.total, &error);
  g_assert_no_error (error);
  kol_parameter_read (kol_parameters_find (parameters, KOL_STYLE_GRADIENT), found.gradient, &error);
  g_assert_no_error (error);
  const KolStyleTerm *terms = kol_style_problem_get_terms (problem, &found.n);
  for (guint i = 0; i < found.n; i++)
    found.losses[i] = terms[i].loss;
  *tiles = kol_style_problem_get_tiles (problem);
  return found;
}

/* Tiles have the losses and the gradient of the whole, at sizes that nothing divides. */
static void
test_tiles (gconstpointer data)
{
  const gsize height = 151, width = 202, n = 3 * height * width;
  guint tiles, one;
  g_auto (StyleTask) task;

  style_task_init (&task);
  task.options.measure = (KolStyleMeasure) (GPOINTER_TO_INT (data) & 1);
  task.options.network_units = (GPOINTER_TO_INT (data) & 2) != 0;
  task.options.content_weight = 0.3;
  task.options.style_weight = 1;
  task.options.variation_weight = 0.7;
  for (guint regions = 0; regions < 2; regions++)
    {
      g_autoptr (KolPicture) region = regions ? style_test_picture (1, 20, 15, 0.3) : NULL;
      g_autoptr (KolPicture) part = regions ? style_test_picture (1, 12, 31, 0.5) : NULL;
      Evaluated whole = evaluate (&task.options, height, width, region, part, 0, &one);
      Evaluated parts = evaluate (&task.options, height, width, region, part, 3 << 20, &tiles);
      double apart = 0, norm = 0;

      g_assert_cmpuint (one, ==, 1);
      g_assert_cmpuint (tiles, >, 3);
      g_assert_cmpuint (parts.n, ==, whole.n);
      g_assert_cmpuint (whole.n, ==, 1 + 2 * task.options.n_style_layers + 1);
      for (guint i = 0; i < whole.n; i++)
        g_assert_cmpfloat_with_epsilon (parts.losses[i], whole.losses[i],
                                        1e-3 * whole.losses[i] + 1e-9);
      for (gsize i = 0; i < n; i++)
        {
          double d = parts.gradient[i] - whole.gradient[i];
          apart += d * d;
          norm += whole.gradient[i] * whole.gradient[i];
        }
      g_test_message ("%u tiles: %g and %g, the gradient %.2g of its norm away", tiles, whole.total,
                      parts.total, sqrt (apart / norm));
      /* Tiles are looked at by other variants than the whole is learned from, and where two values
         of a pooling are as good as equal another one is the largest. */
      g_assert_cmpfloat (sqrt (apart), <, 1e-2 * sqrt (norm));
      g_free (whole.gradient);
      g_free (parts.gradient);
    }
}

/* With a budget that is too small for the whole it is painted in tiles, to the same picture. */
static void
test_paints_in_tiles (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GError) error = NULL;
  guint64 budget = kol_device_get_budget (style_test_device);

  style_task_init (&task);
  task.options.size = 200;
  task.options.smallest = 150;
  task.options.steps = 8;
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task.options, &error);
  g_assert_no_error (error);
  g_autoptr (KolSnapshot) whole = kol_style_run (style, NULL, &error);
  g_assert_no_error (error);
  double total = kol_style_get_state (style)->total;
  guint64 small = kol_style_get_peak_bytes (style);
  while (kol_style_get_tiles (style) == 1)
    {
      g_clear_pointer (&style, kol_style_free);
      small -= small / 10;
      kol_device_set_budget (style_test_device, small);
      style = kol_style_new (style_test_device, &task.options, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (kol_style_get_peak_bytes (style), <=, small);
    }
  g_autoptr (KolSnapshot) parts = kol_style_run (style, NULL, &error);
  kol_device_set_budget (style_test_device, budget);
  g_assert_no_error (error);
  double apart = 0;
  for (gsize i = 0; i < 3 * 200 * 150; i++)
    apart += fabs (kol_snapshot_get_pixels (whole)[i] - kol_snapshot_get_pixels (parts)[i]);
  g_test_message ("%u tiles: %g and %g; pixels differ by %g", kol_style_get_tiles (style), total,
                  kol_style_get_state (style)->total, apart / (3 * 200 * 150));
  g_assert_cmpfloat_with_epsilon (kol_style_get_state (style)->total, total, 0.01 * total);
  g_assert_cmpfloat (apart / (3 * 200 * 150), <, 0.01);
}

/* A network that paints, with chance weights, as kol_fast_style_save() writes it. Given. */
static char *
write_painter (const char *folder, guint width)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (style_test_device, 7);
  g_autoptr (KolGraph) graph = kol_graph_new_over (parameters);
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
  g_autoptr (GHashTable) metadata = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, "painter.safetensors", NULL);

  kol_fast_style_build (kol_placeholder (graph, "photo", KOL_SHAPE (1, 3, 32, 32)), width);
  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      const KolShape *shape = kol_parameter_get_shape (parameter);
      KolArray *array
          = kol_array_new (kol_parameter_get_name (parameter), (guint) shape->rank, shape->dim);
      kol_parameter_read (parameter, array->data, &error);
      g_assert_no_error (error);
      g_ptr_array_add (arrays, array);
    }
  g_hash_table_insert (metadata, "kind", g_strdup (KOL_FAST_STYLE_KIND));
  g_hash_table_insert (metadata, "width", g_strdup_printf ("%u", width));
  kol_safetensors_save (path, arrays, metadata, &error);
  g_assert_no_error (error);
  return path;
}

static void
count_steps (const KolStudyProgress *progress, gpointer user_data)
{
  g_assert_cmpuint (progress->step, ==, ++*(guint *) user_data);
  g_assert_cmpuint (progress->step, <=, progress->steps);
}

/* One pass in tiles paints what the whole does: what normalizes knows the whole. */
static void
test_painter_tiles (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("kolinsky-painter-XXXXXX", &error);
  g_autofree char *path = write_painter (folder, 4);
  g_autoptr (KolPainter) painter = kol_painter_open (style_test_device, path, &error);
  g_autoptr (KolPicture) picture = style_test_picture (3, 501, 450, 0.05);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint64 budget = kol_device_get_budget (style_test_device), bytes, small;
  guint tiles, told = 0;

  g_assert_no_error (error);
  g_autoptr (KolSnapshot) whole = kol_painter_paint (painter, picture, &error);
  g_assert_no_error (error);
  g_assert_true (kol_painter_plan (painter, 450, 501, &bytes, &tiles, &error));
  g_assert_cmpuint (tiles, ==, 1);
  g_clear_pointer (&painter, kol_painter_free); /* with what it keeps on the style_test_device */
  painter = kol_painter_open (style_test_device, path, &error);
  g_assert_no_error (error);
  kol_device_set_budget (style_test_device, bytes - 1);
  g_assert_true (kol_painter_plan (painter, 450, 501, &small, &tiles, &error));
  g_assert_cmpuint (tiles, >, 1);
  g_assert_cmpuint (small, <, bytes);
  kol_painter_watch (
      painter,
      &(KolStudyWatch){ .told = count_steps, .user_data = &told, .cancellable = cancellable });
  g_autoptr (KolSnapshot) parts = kol_painter_paint (painter, picture, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (told, ==, 16 * tiles);
  double most = 0;
  for (gsize i = 0; i < 3 * 501 * 450; i++)
    most = fmax (most,
                 fabs (kol_snapshot_get_pixels (whole)[i] - kol_snapshot_get_pixels (parts)[i]));
  g_test_message ("%u tiles: pixels differ by at most %g", tiles, most);
  g_assert_cmpfloat (most, <, 1e-3);
  style_test_assert_size (parts, 501, 450);
  g_cancellable_cancel (cancellable);
  told = 0;
  g_assert_null (kol_painter_paint (painter, picture, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  kol_device_set_budget (style_test_device, 1 << 16);
  g_assert_false (kol_painter_plan (painter, 450, 501, &small, &tiles, &error));
  kol_device_set_budget (style_test_device, budget);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "pixels for the longer side would fit"));
  g_unlink (path);
  g_rmdir (folder);
}

/* ── What goes wrong ─────────────────────────────────────────────────────────────────────────── */

static void
assert_refused (const StyleTask *task, const char *sentence)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_style_new (style_test_device, &task->options, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, sentence));
}

static void
test_bad (void)
{
  static const KolStyleLayer wrong = { "relu_tow", 1 };
  g_auto (StyleTask) task;

  style_task_init (&task);
  task.options.style_layers = &wrong;
  task.options.n_style_layers = 1;
  assert_refused (&task, "did you mean relu_two");
  style_task_clear (&task);
  style_task_init (&task);
  task.options.style_weight = -1;
  assert_refused (&task, "at least 0");
  task.options.style_weight = 1;
  task.options.rate = -1;
  assert_refused (&task, "The rate is -1");
  task.options.rate = 0;
  task.options.size = 1 << 20;
  assert_refused (&task, "A size of");
}

/* It begins where the network can be built, and looks at a thin style as large as it must. */
static void
test_thin (void)
{
  g_auto (StyleTask) task;
  StyleTold told = { 0 };

  style_task_init (&task);
  kol_picture_free (task.content);
  kol_picture_free (task.styles[0]);
  task.options.content = task.content = style_test_picture (3, 400, 20, 0.1);
  task.sources[0].picture = task.styles[0] = style_test_picture (3, 200, 7, 0.3);
  assert_refused (&task, "The content of 400 x 20 pixels needs a size of about");
  task.options.size = 96;
  g_autoptr (KolSnapshot) picture = style_test_paint (&task, &told);
  style_test_assert_size (picture, 96, 5);
  g_assert_cmpuint (told.size, ==, 3); /* 34 x 2, 48, 68 and 96, but not 24 x 1 */
  g_assert_cmpuint (told.told, ==, 5 * 6);
  kol_picture_free (task.styles[0]);
  task.sources[0].picture = task.styles[0] = style_test_picture (3, 200, 1, 0.3);
  assert_refused (&task, "Style 1, of 200 x 1 pixels");
}

/* A pixel becomes a plain picture; what is long and thin is told, not computed. */
static void
test_strange_sizes (void)
{
  g_auto (StyleTask) task;
  StyleTold told = { 0 };

  style_task_init (&task);
  kol_picture_free (task.content);
  task.options.content = task.content = style_test_picture (3, 1, 1, 0);
  g_autoptr (KolSnapshot) pixel = style_test_paint (&task, &told);
  style_test_assert_size (pixel, 24, 24);
  kol_picture_free (task.content);
  task.options.content = task.content = style_test_picture (1, 20000, 10, 0.001);
  assert_refused (&task, "cannot be built upon a picture of 24 x 1 pixels");
  style_task_clear (&task);
  style_task_init (&task);
  kol_picture_free (task.styles[0]);
  task.sources[0].picture = task.styles[0] = style_test_picture (1, 1, 1, 0);
  told = (StyleTold){ 0 };
  g_autoptr (KolSnapshot) plain = style_test_paint (&task, &told);
  style_test_assert_size (plain, 24, 18);
}

/* A rate that is far too high: features overflow, steps are taken back, and it goes on. */
static void
test_not_a_number (void)
{
  g_auto (StyleTask) task;
  g_autoptr (GString) events = g_string_new (NULL);
  StyleTold told = { .events = events };

  style_task_init (&task);
  task.options.network_units = TRUE;
  task.options.measure = KOL_STYLE_GRAM;
  task.options.smallest = 24;
  task.options.steps = 12;
  task.options.rate = 1e12;
  g_autoptr (KolSnapshot) picture = style_test_paint (&task, &told);
  g_test_message ("%s", events->str);
  g_assert_nonnull (strstr (events->str, "one step back, and on with half the rate"));
}

int
main (int argc, char **argv)
{
  style_test_begin (&argc, &argv);
  g_test_add_func ("/studies/style/sizes", test_sizes);
  g_test_add_func ("/studies/style/cancelled", test_cancelled);
  g_test_add_data_func ("/studies/style/quanta/adam", GINT_TO_POINTER (KOL_STYLE_ADAM),
                        test_quanta);
  g_test_add_data_func ("/studies/style/quanta/lbfgs", GINT_TO_POINTER (KOL_STYLE_LBFGS),
                        test_quanta);
  g_test_add_func ("/studies/style/paused", test_paused);
  g_test_add_data_func ("/studies/style/change/adam", GINT_TO_POINTER (KOL_STYLE_ADAM),
                        test_change);
  g_test_add_data_func ("/studies/style/change/lbfgs", GINT_TO_POINTER (KOL_STYLE_LBFGS),
                        test_change);
  g_test_add_func ("/studies/style/other-optimizer", test_other_optimizer);
  g_test_add_func ("/studies/style/regions", test_regions);
  for (int i = 0; i < 4; i++)
    {
      g_autofree char *name = g_strdup_printf (
          "/studies/style/parts/%s-%s", i & 1 ? "gram" : "normal", i & 2 ? "tiles" : "whole");
      g_test_add_data_func (name, GINT_TO_POINTER (i), test_parts);
    }
  g_test_add_func ("/studies/style/colours-of-a-part", test_colours_of_a_part);
  g_test_add_func ("/studies/style/scarce-memory", test_scarce_memory);
  g_test_add_func ("/studies/style/refused-memory", test_refused_memory);
  g_test_add_func ("/studies/style/halves", test_halves);
  g_test_add_func ("/studies/style/octaves", test_octaves);
  for (int i = 0; i < 4; i++)
    {
      g_autofree char *name = g_strdup_printf ("/studies/style/tiles/%s%s",
                                               i & 1 ? "gram" : "normal", i & 2 ? "-units" : "");
      g_test_add_data_func (name, GINT_TO_POINTER (i), test_tiles);
    }
  g_test_add_func ("/studies/style/tiles/painted", test_paints_in_tiles);
  g_test_add_func ("/studies/style/tiles/painter", test_painter_tiles);
  g_test_add_func ("/studies/style/bad", test_bad);
  g_test_add_func ("/studies/style/strange-sizes", test_strange_sizes);
  g_test_add_func ("/studies/style/thin", test_thin);
  g_test_add_func ("/studies/style/not-a-number", test_not_a_number);
  return style_test_end ();
}
