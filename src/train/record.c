/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "record-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "events.h"
#include "metrics.h"
#include "run-private.h"
#include "timeline-private.h"

struct _KolRecord {
  char *folder;
  KolLock *lock;
  KolMetrics *metrics;
  KolEvents *events;
  guint happenings; /* rows of the timeline */
  char **skipped;   /* lines of the list that was there before; NULL: none was */

  KolValue *train_step; /* lent */
  KolParameter **parameters;
  KolValue **gradients;
  guint n;
};

/* The columns of metrics.csv before those of single parameters. */
static const char *const columns[] = { "step",
                                       "epoch",
                                       "seconds",
                                       "loss",
                                       "accuracy",
                                       "validation_loss",
                                       "validation_accuracy",
                                       "probe_loss",
                                       "probe_accuracy",
                                       "rate",
                                       "ratio",
                                       "examples_per_second",
                                       "loader_wait" };

#define N_COLUMNS G_N_ELEMENTS (columns)

static void
remove_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_unlink (path);
}

static void
remove_events (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_prefix (name, KOL_EVENTS_PREFIX))
      remove_file (folder, name);
}

void
kol_record_remove_logs (const char *folder)
{
  remove_file (folder, KOL_METRICS_FILE);
  remove_file (folder, KOL_SKIPPED_FILE);
  remove_file (folder, KOL_TIMELINE_FILE);
  remove_events (folder);
}

static gboolean
open_files (KolRecord *record, guint64 first, guint rows, GError **error)
{
  g_autofree char *path = g_build_filename (record->folder, KOL_METRICS_FILE, NULL);
  g_auto (GStrv) names = g_new0 (char *, N_COLUMNS + record->n + 1);

  for (guint i = 0; i < N_COLUMNS; i++)
    names[i] = g_strdup (columns[i]);
  for (guint i = 0; i < record->n; i++)
    names[N_COLUMNS + i]
        = g_strconcat ("ratio/", kol_parameter_get_name (record->parameters[i]), NULL);
  record->metrics = kol_metrics_open (path, (const char *const *) names, first, error);
  if (!record->metrics)
    return FALSE;
  record->events = kol_events_new (record->folder, first, error);
  return record->events
         && kol_timeline_cut (record->folder, rows, first, &record->happenings, error);
}

static void
close_files (KolRecord *record)
{
  g_clear_pointer (&record->metrics, kol_metrics_free);
  g_clear_pointer (&record->events, kol_events_free);
}

gboolean
kol_record_return (KolRecord *record, guint64 step, guint rows, GError **error)
{
  KolRecord before = *record;

  if (step == 0)
    remove_events (record->folder);
  record->metrics = NULL;
  record->events = NULL;
  if (open_files (record, step, rows, error))
    {
      close_files (&before);
      return TRUE;
    }
  close_files (record);
  record->metrics = before.metrics;
  record->events = before.events;
  return FALSE;
}

static char **
read_skipped (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, KOL_SKIPPED_FILE, NULL);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? g_strsplit (text, "\n", -1) : NULL;
}

void
kol_record_set_step (KolRecord *record, KolValue *train_step)
{
  g_free (record->parameters);
  g_free (record->gradients);
  record->train_step = train_step;
  record->n = kol_optimizer_get_parameters (train_step, &record->parameters);
  kol_optimizer_get_gradients (train_step, &record->gradients);
}

gboolean
kol_record_happening (KolRecord *record, const KolTimelineRow *row, GError **error)
{
  if (!kol_timeline_add (record->folder, row, error))
    return FALSE;
  record->happenings++;
  return TRUE;
}

guint
kol_record_count_happenings (const KolRecord *record)
{
  return record->happenings;
}

KolRecord *
kol_record_new (const char *folder, KolValue *train_step, guint64 first, guint rows, KolLock *lock,
                GError **error)
{
  KolRecord *record = g_new0 (KolRecord, 1);

  record->folder = g_strdup (folder);
  kol_record_set_step (record, train_step);
  if (first == 0)
    kol_record_remove_logs (folder);
  record->skipped = read_skipped (folder);
  if (!open_files (record, first, rows, error))
    {
      kol_record_free (record);
      return NULL;
    }
  record->lock = lock;
  return record;
}

void
kol_record_free (KolRecord *record)
{
  if (!record)
    return;
  close_files (record);
  g_clear_pointer (&record->lock, kol_lock_free);
  g_strfreev (record->skipped);
  g_free (record->parameters);
  g_free (record->gradients);
  g_free (record->folder);
  g_free (record);
}

const char *
kol_record_get_folder (const KolRecord *record)
{
  return record->folder;
}

/* ── Numbers ─────────────────────────────────────────────────────────────────────────────────── */

static void
add_scalar (KolRecord *record, const char *tag, guint64 step, double value)
{
  if (!isnan (value))
    kol_events_scalar (record->events, tag, step, value);
}

gboolean
kol_record_row (KolRecord *record, const KolTrainReport *report, const KolTrainReport *probe,
                const float *ratios, GError **error)
{
  g_autofree double *row = g_new (double, N_COLUMNS + record->n);
  const double numbers[N_COLUMNS] = { report->step,
                                      report->epoch,
                                      report->seconds,
                                      report->loss,
                                      report->accuracy,
                                      report->validation_loss,
                                      report->validation_accuracy,
                                      probe ? probe->validation_loss : NAN,
                                      probe ? probe->validation_accuracy : NAN,
                                      report->rate,
                                      report->ratio,
                                      report->examples_per_second,
                                      report->loader_wait };
  const char *const tags[N_COLUMNS] = { NULL,
                                        NULL,
                                        NULL,
                                        "loss/train",
                                        "accuracy/train",
                                        "loss/validation",
                                        "accuracy/validation",
                                        "loss/probe",
                                        "accuracy/probe",
                                        "rate",
                                        "ratio/all",
                                        "examples per second",
                                        "loader wait" };

  memcpy (row, numbers, sizeof numbers);
  for (guint i = 0; i < N_COLUMNS; i++)
    if (tags[i])
      add_scalar (record, tags[i], report->step, numbers[i]);
  for (guint i = 0; i < record->n; i++)
    {
      g_autofree char *tag
          = g_strconcat ("ratio/", kol_parameter_get_name (record->parameters[i]), NULL);

      row[N_COLUMNS + i] = ratios ? ratios[i] : NAN;
      add_scalar (record, tag, report->step, row[N_COLUMNS + i]);
    }
  return kol_metrics_write (record->metrics, row, error)
         && kol_events_flush (record->events, error);
}

/* ── Pictures that cannot be read ────────────────────────────────────────────────────────────── */

/* A name may have a line end in it; the list has a line for each. */
static void
add_line (GString *text, GHashTable *seen, const char *line)
{
  g_autofree char *plain = g_strdelimit (g_strdup (line), "\r\n", ' ');

  if (*plain && g_hash_table_add (seen, plain))
    g_string_append_printf (text, "%s\n", (const char *) g_steal_pointer (&plain));
  else if (*plain)
    g_steal_pointer (&plain);
}

gboolean
kol_record_skipped (KolRecord *record, GPtrArray *lines, GError **error)
{
  g_autofree char *path = g_build_filename (record->folder, KOL_SKIPPED_FILE, NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (char **line = record->skipped; line && *line; line++)
    add_line (text, seen, *line);
  for (guint i = 0; i < lines->len; i++)
    add_line (text, seen, g_ptr_array_index (lines, i));
  return g_file_set_contents_full (path, text->str, (gssize) text->len,
                                   G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
}

/* ── Histograms and pictures ─────────────────────────────────────────────────────────────────── */

#define GAP 1 /* pixels between two filters */

/*
 * The filters of the first convolution beside each other, each scaled so that its
 * own smallest number is black and its largest white.
 */
static gboolean
add_filters (KolRecord *record, guint64 step, const KolParameter *parameter, const float *w,
             GError **error)
{
  const KolShape *shape = kol_parameter_get_shape (parameter);
  gsize n = (gsize) shape->dim[0], channels = (gsize) shape->dim[1];
  gsize height = (gsize) shape->dim[2], width = (gsize) shape->dim[3];
  gsize across = (gsize) ceil (sqrt ((double) n)), down = (n + across - 1) / across;
  gsize columns_all = across * (width + GAP) - GAP, rows_all = down * (height + GAP) - GAP;
  g_autofree guint8 *pixels = g_new0 (guint8, columns_all * rows_all * channels);
  g_autofree char *tag = g_strconcat ("filters/", kol_parameter_get_name (parameter), NULL);

  for (gsize k = 0; k < n; k++)
    {
      const float *filter = w + k * channels * height * width;
      gsize left = (k % across) * (width + GAP), top = (k / across) * (height + GAP);
      float low = INFINITY, high = -INFINITY;

      for (gsize i = 0; i < channels * height * width; i++)
        {
          low = MIN (low, filter[i]);
          high = MAX (high, filter[i]);
        }
      for (gsize c = 0; c < channels; c++)
        for (gsize y = 0; y < height; y++)
          for (gsize x = 0; x < width; x++)
            {
              float share = (filter[(c * height + y) * width + x] - low) / (high - low);
              pixels[((top + y) * columns_all + left + x) * channels + c]
                  = share >= 0 ? (guint8) (share * 255 + 0.5f) : 0;
            }
    }
  return kol_events_picture (record->events, tag, step, pixels, columns_all, rows_all, channels,
                             error);
}

static gboolean
is_filters (const KolShape *shape)
{
  return shape->rank == 4 && (shape->dim[1] == 1 || shape->dim[1] == 3) && shape->dim[2] > 1;
}

static gboolean
add_weights (KolRecord *record, guint64 step, GError **error)
{
  gboolean drawn = FALSE;

  for (guint i = 0; i < record->n; i++)
    {
      KolParameter *parameter = record->parameters[i];
      const KolShape *shape = kol_parameter_get_shape (parameter);
      gsize count = (gsize) kol_shape_count (shape);
      g_autofree float *w = g_new (float, count);
      g_autofree char *tag = g_strconcat ("weights/", kol_parameter_get_name (parameter), NULL);

      if (!kol_parameter_read (parameter, w, error))
        return FALSE;
      kol_events_histogram (record->events, tag, step, w, count);
      if (drawn || !is_filters (shape))
        continue;
      if (!add_filters (record, step, parameter, w, error))
        return FALSE;
      drawn = TRUE;
    }
  return TRUE;
}

/* Of the batch that was learned from last, with the weights as they are now. */
static gboolean
add_gradients (KolRecord *record, guint64 step, GError **error)
{
  KolGraph *graph = kol_value_get_graph (record->train_step);

  if (!kol_run_all (graph, record->gradients, record->n, error))
    return FALSE;
  for (guint i = 0; i < record->n; i++)
    {
      gsize count = (gsize) kol_shape_count (kol_value_get_shape (record->gradients[i]));
      g_autofree float *g = g_new (float, count);
      g_autofree char *tag
          = g_strconcat ("gradients/", kol_parameter_get_name (record->parameters[i]), NULL);

      if (!kol_read (record->gradients[i], g, error))
        return FALSE;
      kol_events_histogram (record->events, tag, step, g, count);
    }
  return TRUE;
}

gboolean
kol_record_histograms (KolRecord *record, guint64 step, GError **error)
{
  return add_weights (record, step, error) && add_gradients (record, step, error)
         && kol_events_flush (record->events, error);
}
