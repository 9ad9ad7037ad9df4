/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "steered.h"

#include <string.h>

char *
folder_of (const char *name)
{
  return g_build_filename (scratch, name, NULL);
}

void
begin (KolTrainer *trainer, Told *told)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_begin (trainer, told ? listen : NULL, told, &error);
  g_assert_no_error (error);
}

/* Returns: whether the run has come to its end. */
gboolean
advance (KolTrainer *trainer, guint64 steps, double seconds)
{
  g_autoptr (GError) error = NULL;
  gboolean finished;

  kol_trainer_advance (trainer, steps, seconds, &finished, &error);
  g_assert_no_error (error);
  return finished;
}

void
end (KolTrainer *trainer)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_end (trainer, &error);
  g_assert_no_error (error);
}

void
record (KolTrainer *trainer, const char *folder)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_record (trainer, folder, NULL, &error);
  g_assert_no_error (error);
}

void
set (KolTrainer *trainer, KolControl control, double value)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_set_control (trainer, control, value, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (kol_trainer_get_control (trainer, control), ==, value);
}

KolTrainState *
capture (KolTrainer *trainer)
{
  g_autoptr (GError) error = NULL;
  KolTrainState *state = kol_trainer_capture (trainer, &error);

  g_assert_no_error (error);
  return state;
}

void
rewind_to (KolTrainer *trainer, const KolTrainState *state)
{
  g_autoptr (GError) error = NULL;

  kol_trainer_rewind (trainer, state, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kol_trainer_get_step (trainer), ==, kol_train_state_get_step (state));
}

KolParameters *
parameters_of (KolTrainer *trainer)
{
  return kol_graph_get_parameters (kol_trainer_get_graph (trainer));
}

float *
read_parameter (KolTrainer *trainer, guint i, gsize *bytes)
{
  KolParameter *parameter = kol_parameters_get (parameters_of (trainer), i);
  g_autoptr (GError) error = NULL;

  *bytes = (gsize) kol_shape_count (kol_parameter_get_shape (parameter)) * sizeof (float);
  float *values = g_malloc (*bytes);
  kol_parameter_read (parameter, values, &error);
  g_assert_no_error (error);
  return values;
}

/* Weights, moments and averages: whether all of them are the same, to the last bit. */
gboolean
are_same (KolTrainer *one, KolTrainer *other)
{
  guint n = kol_parameters_get_count (parameters_of (one));
  gboolean same = kol_trainer_get_step (one) == kol_trainer_get_step (other);

  g_assert_cmpuint (n, ==, kol_parameters_get_count (parameters_of (other)));
  for (guint i = 0; i < n; i++)
    {
      gsize one_bytes, other_bytes;
      g_autofree float *a = read_parameter (one, i, &one_bytes);
      g_autofree float *b = read_parameter (other, i, &other_bytes);

      g_assert_cmpuint (one_bytes, ==, other_bytes);
      same = same && memcmp (a, b, one_bytes) == 0;
    }
  return same;
}

KolMetricsTable *
load_metrics (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, KOL_METRICS_FILE, NULL);
  g_autoptr (GError) error = NULL;
  KolMetricsTable *table = kol_metrics_load (path, &error);

  g_assert_no_error (error);
  return table;
}

/* The same rows, with the same losses to the last digit. */
void
assert_same_rows (const char *one, const char *other)
{
  static const char *const columns[]
      = { "step", "loss", "validation_loss", "probe_loss", "probe_accuracy", "rate", "ratio" };
  g_autoptr (KolMetricsTable) a = load_metrics (one);
  g_autoptr (KolMetricsTable) b = load_metrics (other);

  g_assert_cmpuint (a->rows, ==, b->rows);
  for (guint c = 0; c < G_N_ELEMENTS (columns); c++)
    g_assert_cmpmem (kol_metrics_table_get (a, columns[c]), a->rows * sizeof (double),
                     kol_metrics_table_get (b, columns[c]), b->rows * sizeof (double));
}

const KolTrainSettings rich = { .steps = 47,
                                .batch = 10,
                                .optimizer = { .rate = 1e-3, .average = 0.9 },
                                .schedule = { .name = "cosine", .warmup = 5 },
                                .plateau = 1,
                                .augment = { .flip = TRUE, .shift = 2 },
                                .validation = 20,
                                .log_every = 3,
                                .validate_every = 7,
                                .checkpoint_every = 10 };
