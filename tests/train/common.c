/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "common.h"

#include <glib/gstdio.h>
#include <math.h>

KolDevice *device;
KolRecipe *digits;
char *scratch;

/* ── Pictures ────────────────────────────────────────────────────────────────────────────────── */

/* A class is the place of a blob on a circle; every pixel is noisy. */
static void
draw_blob (guint8 *pixels, guint class, guint classes, GRand *random)
{
  double angle = 2 * G_PI * class / classes;
  double x = SIDE / 2.0 + 8 * cos (angle) + g_rand_double_range (random, -1, 1);
  double y = SIDE / 2.0 + 8 * sin (angle) + g_rand_double_range (random, -1, 1);

  for (guint row = 0; row < SIDE; row++)
    for (guint column = 0; column < SIDE; column++)
      {
        double distance = hypot (column - x, row - y);
        double value = 200 * exp (-distance * distance / 8) + g_rand_double_range (random, 0, 55);
        *pixels++ = (guint8) value;
      }
}

KolDataset *
make_blobs (gsize count, guint classes, guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  KolDataset *pictures = g_new0 (KolDataset, 1);

  g_atomic_ref_count_init (&pictures->references);
  pictures->count = count;
  pictures->channels = 1;
  pictures->height = pictures->width = SIDE;
  pictures->classes = classes;
  pictures->pixels = g_new (guint8, count * SIDE * SIDE);
  pictures->labels = g_new (guint32, count);
  pictures->name = g_strdup ("set of blobs");
  pictures->path = g_strdup ("nowhere");
  for (gsize i = 0; i < count; i++)
    {
      pictures->labels[i] = i % classes;
      draw_blob (pictures->pixels + i * SIDE * SIDE, i % classes, classes, random);
    }
  return pictures;
}

/* ── A network that is quick to train ────────────────────────────────────────────────────────── */

void
linear_network (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
                KolNetworkValues *values, gpointer user_data)
{
  gint64 pixels = like->channels * like->height * like->width;
  KolValue *x
      = kol_placeholder (graph, "x", KOL_SHAPE (batch, like->channels, like->height, like->width));
  KolValue *labels = kol_placeholder (graph, "y", KOL_SHAPE (batch));
  KolValue *keep = kol_placeholder (graph, "keep_prob", KOL_SCALAR);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (pixels, like->classes), KOL_GLOROT);
  KolValue *b = kol_parameter (graph, "b", KOL_SHAPE (like->classes), KOL_CONSTANT (0));
  KolValue *flat = kol_reshape (x, KOL_SHAPE (-1, pixels));
  KolValue *kept = training ? kol_dropout (flat, keep) : flat;
  KolValue *logits = kol_named (kol_add (kol_matmul (kept, w), b), "logits");
  KolValue *losses = kol_softmax_cross_entropy (logits, labels);

  *values = (KolNetworkValues){
    .x = x,
    .y = labels,
    .keep = training ? keep : NULL,
    .output = logits,
    .losses = losses,
    .loss = kol_named (kol_mean (losses), "loss"),
    .accuracy = kol_mean (kol_equal (kol_argmax (logits, 1), labels)),
  };
}

KolTrainer *
new_trainer (KolNetwork network, KolDataset *pictures, const KolTrainSettings *settings)
{
  g_autoptr (GError) error = NULL;
  KolTrainer *trainer = kol_trainer_new (device, network, digits, pictures, NULL, settings, &error);

  g_assert_no_error (error);
  return trainer;
}

void
listen (const KolTrainReport *report, gpointer user_data)
{
  Told *told = user_data;

  switch (report->event)
    {
    case KOL_TRAIN_PROGRESS:
      if (told->progress++ == 0)
        told->first_progress = *report;
      told->last_progress = *report;
      if (told->cancel)
        g_cancellable_cancel (told->cancel);
      break;
    case KOL_TRAIN_LINES:
      if (told->lines++ == 0)
        told->first_line = *report;
      told->last_line = *report;
      break;
    case KOL_TRAIN_VALIDATION:
      told->epochs++;
      told->last_epoch = *report;
      break;
    case KOL_TRAIN_DONE:
      told->done++;
      told->end = *report;
      break;
    case KOL_TRAIN_SAVED:
      told->saved++;
      told->last_saved = report->step;
      break;
    case KOL_TRAIN_NOTE:
      g_test_message ("%s", report->text);
      told->notes++;
      break;
    default:
      g_assert_not_reached ();
    }
}

void
run (KolTrainer *trainer, Told *told)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_run (trainer, listen, told, NULL, &error);
  g_assert_no_error (error);
}

KolScore *
score (KolTrainer *trainer, KolDataset *pictures)
{
  g_autoptr (GError) error = NULL;
  KolScore *result = kol_trainer_score (trainer, pictures, &error);

  g_assert_no_error (error);
  return result;
}

void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *inside = g_build_filename (path, name, NULL);
      remove_all (inside);
    }
  g_remove (path);
}

int
run_tests (int argc, char **argv, void (*add) (void))
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  scratch = device ? g_dir_make_tmp ("kol-train-XXXXXX", &error) : NULL;
  digits = scratch ? kol_recipe_find ("digits", &error) : NULL;
  if (!digits)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  add ();
  int status = g_test_run ();
  kol_recipe_unref (digits);
  kol_device_unref (device);
  remove_all (scratch);
  g_free (scratch);
  return status;
}
