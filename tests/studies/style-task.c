/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "style-task.h"

#include <glib/gstdio.h>
#include <math.h>

KolDevice *style_test_device;
char *style_test_network;

static KolValue *
convolve (KolValue *x, const char *name, int inputs, int outputs)
{
  KolGraph *graph = kol_value_get_graph (x);
  g_autofree char *weights = g_strconcat (name, ".weight", NULL);
  g_autofree char *relu = g_strconcat ("relu_", name, NULL);
  KolValue *w = kol_parameter (graph, weights, KOL_SHAPE (outputs, inputs, 3, 3), KOL_HE);

  return kol_named (kol_relu (kol_conv2d (x, w, NULL, &(KolConv2d){ .pad = 1 })), relu);
}

static void
write_small_network (const char *path)
{
  g_autoptr (KolGraph) graph = kol_graph_new (style_test_device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (graph, "image", KOL_SHAPE (1, 3, 32, 32));
  KolValue *y = convolve (x, "one", 3, 6);

  y = convolve (kol_max_pool (y, &(KolPool){ .size = 2 }), "two", 6, 8);
  y = convolve (y, "three", 8, 8);
  kol_onnx_save (path, &y, 1, &error);
  g_assert_no_error (error);
}

KolPicture *
style_test_picture (gsize channels, gsize width, gsize height, double wave)
{
  KolPicture *picture = g_new (KolPicture, 1);

  *picture = (KolPicture){ channels, height, width, g_malloc (channels * width * height) };
  for (gsize c = 0; c < channels; c++)
    for (gsize y = 0; y < height; y++)
      for (gsize x = 0; x < width; x++)
        picture->pixels[(c * height + y) * width + x]
            = (guint8) (127
                        + 100 * sin (wave * (double) x + (double) c)
                              * cos (0.3 * (double) y * (double) (c + 1)));
  return picture;
}

void
style_task_init (StyleTask *task)
{
  static const KolStyleLayer styles[] = { { "relu_one", 1 }, { "relu_two", 0.5 } };
  static const KolStyleLayer content = { "relu_three", 1 };

  *task = (StyleTask){ .content = style_test_picture (3, 40, 30, 0.2) };
  for (guint i = 0; i < 2; i++)
    {
      task->styles[i] = style_test_picture (3, 33, 47, 0.6 + i);
      task->sources[i] = (KolStyleSource){ .picture = task->styles[i] };
    }
  task->options = (KolStyleOptions){ .network = style_test_network,
                                     .content = task->content,
                                     .styles = task->sources,
                                     .n_styles = 1,
                                     .style_layers = styles,
                                     .n_style_layers = 2,
                                     .content_layers = &content,
                                     .n_content_layers = 1,
                                     .content_weight = NAN,
                                     .style_weight = NAN,
                                     .variation_weight = NAN,
                                     .size = 24,
                                     .smallest = 12,
                                     .steps = 6 };
}

void
style_task_clear (StyleTask *task)
{
  kol_picture_free (task->content);
  kol_picture_free (task->styles[0]);
  kol_picture_free (task->styles[1]);
  kol_picture_free (task->region);
}
void
style_test_note (const KolStudyProgress *progress, gpointer user_data)
{
  StyleTold *told = user_data;
  const KolStyleState *state = kol_style_get_state (told->style);

  if (told->told++ == 0 || state->size != told->size)
    told->first = progress->value;
  told->size = state->size;
  told->last = progress->value;
  told->snapshots += progress->n_snapshots;
  g_assert_cmpuint (progress->step, ==, told->told);
  g_assert_cmpuint (progress->step, <=, progress->steps);
  g_assert_cmpuint (state->n_terms, >=, 3);
  if (state->event && told->events)
    g_string_append_printf (told->events, "%s\n", state->event);
  if (told->cancellable && told->told == told->cancel_after)
    g_cancellable_cancel (told->cancellable);
}

KolSnapshot *
style_test_paint (const StyleTask *task, StyleTold *told)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolStyle) style = kol_style_new (style_test_device, &task->options, &error);

  g_assert_no_error (error);
  told->style = style;
  KolSnapshot *picture = kol_style_run (style,
                                        &(KolStudyWatch){ .told = style_test_note,
                                                          .user_data = told,
                                                          .every = 5,
                                                          .cancellable = told->cancellable },
                                        &error);
  g_assert_no_error (error);
  g_assert_nonnull (picture);
  gsize n = kol_snapshot_get_channels (picture) * kol_snapshot_get_width (picture)
            * kol_snapshot_get_height (picture);
  for (gsize i = 0; i < n; i++)
    g_assert_true (kol_snapshot_get_pixels (picture)[i] >= 0
                   && kol_snapshot_get_pixels (picture)[i] <= 1);
  return picture;
}

void
style_test_assert_size (const KolSnapshot *picture, gsize width, gsize height)
{
  g_assert_cmpuint (kol_snapshot_get_width (picture), ==, width);
  g_assert_cmpuint (kol_snapshot_get_height (picture), ==, height);
}

static char *folder;

void
style_test_begin (int *argc, char ***argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (argc, argv, NULL);
  style_test_device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  folder = g_dir_make_tmp ("kolinsky-style-XXXXXX", &error);
  g_assert_no_error (error);
  style_test_network = g_build_filename (folder, "small.onnx", NULL);
  write_small_network (style_test_network);
}

int
style_test_end (void)
{
  int result = g_test_run ();

  g_unlink (style_test_network);
  g_rmdir (folder);
  g_free (style_test_network);
  g_free (folder);
  kol_device_unref (style_test_device);
  return result;
}
