/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "profile-private.h"

#include "../replace-private.h"

#include <string.h>

#define PENDING_LIMIT 4096    /* events that wait before some are read */
#define TRACE_LIMIT (1 << 20) /* launches that the trace keeps; the table counts all */
#define NS_PER_US 1000

/* A launch whose times are not read yet. */
typedef struct {
  cl_event event;
  const char *kernel;
  const char *label;
  KolWork work;
} Pending;

/* A launch in the trace; device times in nanoseconds. */
typedef struct {
  const char *kernel;
  const char *label;
  guint thread;
  guint64 start;
  guint64 end;
} Record;

/* All launches of one kernel, for one label or for all. */
typedef struct {
  const char *kernel;
  GHashTable *labels; /* label -> Total, which has none itself */
  guint64 calls;
  guint64 nanoseconds;
  double bytes;
  double operations; /* of the labels whose time goes to this kernel most of all */
} Total;

struct _KolProfile {
  GMutex lock;
  GStringChunk *strings; /* kernels' and labels' names, each once */
  GArray *pending;       /* of Pending */
  guint next_read;       /* pending events at which the next reading is due */
  GArray *records;       /* of Record */
  guint64 dropped;       /* launches that the trace had no room for */
  GHashTable *totals;    /* kernel's name -> Total */
  GHashTable *labels;    /* label -> operations of its node, all together: a double */
  GHashTable *threads;   /* queue's handle -> its number in the trace, from 1 */
};

static void
total_free (gpointer data)
{
  Total *total = data;

  g_clear_pointer (&total->labels, g_hash_table_unref);
  g_free (total);
}

static void
pending_clear (gpointer data)
{
  clReleaseEvent (((Pending *) data)->event);
}

KolProfile *
kol_profile_new (void)
{
  KolProfile *profile = g_new0 (KolProfile, 1);

  g_mutex_init (&profile->lock);
  profile->strings = g_string_chunk_new (4096);
  profile->pending = g_array_new (FALSE, FALSE, sizeof (Pending));
  g_array_set_clear_func (profile->pending, pending_clear);
  profile->next_read = PENDING_LIMIT;
  profile->records = g_array_new (FALSE, FALSE, sizeof (Record));
  /* Names come from the chunk, so equal names are equal pointers. */
  profile->totals = g_hash_table_new_full (NULL, NULL, NULL, total_free);
  profile->labels = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  profile->threads = g_hash_table_new (NULL, NULL);
  return profile;
}

void
kol_profile_free (KolProfile *profile)
{
  g_hash_table_unref (profile->threads);
  g_hash_table_unref (profile->totals);
  g_hash_table_unref (profile->labels);
  g_array_unref (profile->records);
  g_array_unref (profile->pending);
  g_string_chunk_free (profile->strings);
  g_mutex_clear (&profile->lock);
  g_free (profile);
}

/* ---- From events to numbers; all with the lock held ---- */

static guint
thread_of (KolProfile *profile, cl_event event)
{
  cl_command_queue queue = NULL;

  clGetEventInfo (event, CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL);
  guint thread = GPOINTER_TO_UINT (g_hash_table_lookup (profile->threads, queue));
  if (thread == 0)
    {
      thread = g_hash_table_size (profile->threads) + 1;
      g_hash_table_insert (profile->threads, queue, GUINT_TO_POINTER (thread));
    }
  return thread;
}

static Total *
find_total (GHashTable *totals, const char *key, const char *kernel)
{
  Total *total = g_hash_table_lookup (totals, key);

  if (!total)
    {
      total = g_new0 (Total, 1);
      total->kernel = kernel;
      g_hash_table_insert (totals, (gpointer) key, total);
    }
  return total;
}

static void
count_operations (KolProfile *profile, const char *label, double operations)
{
  double *sum = g_hash_table_lookup (profile->labels, label);

  if (!sum)
    {
      sum = g_new0 (double, 1);
      g_hash_table_insert (profile->labels, (gpointer) label, sum);
    }
  *sum += operations;
}

static void
count (KolProfile *profile, const Record *record, KolWork work)
{
  Total *total = find_total (profile->totals, record->kernel, record->kernel);

  if (!total->labels)
    total->labels = g_hash_table_new_full (NULL, NULL, NULL, total_free);
  if (record->label)
    find_total (total->labels, record->label, record->kernel)->nanoseconds
        += record->end - record->start;
  if (record->label && work.operations > 0)
    count_operations (profile, record->label, work.operations);
  total->calls++;
  total->nanoseconds += record->end - record->start;
  total->bytes += work.bytes;
}

static void
read_times (KolProfile *profile, const Pending *pending)
{
  cl_ulong start, end;

  if (clGetEventProfilingInfo (pending->event, CL_PROFILING_COMMAND_START, sizeof start, &start,
                               NULL)
          != CL_SUCCESS
      || clGetEventProfilingInfo (pending->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL)
             != CL_SUCCESS)
    return;

  const Record record = { .kernel = pending->kernel,
                          .label = pending->label,
                          .thread = thread_of (profile, pending->event),
                          .start = start,
                          .end = MAX (start, end) };
  count (profile, &record, pending->work);
  if (profile->records->len < TRACE_LIMIT)
    g_array_append_val (profile->records, record);
  else
    profile->dropped++;
}

/* Complete, or failed, which is a negative status and has no times. */
static gboolean
is_over (cl_event event)
{
  cl_int status = CL_QUEUED;

  return clGetEventInfo (event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL)
             != CL_SUCCESS
         || status <= CL_COMPLETE;
}

/* Reads the events that are over and keeps the others, in order. */
static void
read_pending (KolProfile *profile)
{
  guint kept = 0;

  for (guint i = 0; i < profile->pending->len; i++)
    {
      Pending *pending = &g_array_index (profile->pending, Pending, i);
      if (is_over (pending->event))
        {
          read_times (profile, pending);
          continue;
        }
      Pending *place = &g_array_index (profile->pending, Pending, kept);
      Pending swapped = *place;
      *place = *pending;
      *pending = swapped;
      kept++;
    }
  g_array_set_size (profile->pending, kept);
  profile->next_read = kept + PENDING_LIMIT;
}

void
kol_profile_add (KolProfile *profile, cl_event event, const char *kernel, const char *label,
                 KolWork work)
{
  g_return_if_fail (profile && event && kernel);

  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&profile->lock);
  clRetainEvent (event);
  Pending pending = { event, g_string_chunk_insert_const (profile->strings, kernel),
                      label ? g_string_chunk_insert_const (profile->strings, label) : NULL, work };
  g_array_append_val (profile->pending, pending);
  if (profile->pending->len >= profile->next_read)
    read_pending (profile);
}

/* Forgets all that was noted, and what is under way. */
void
kol_profile_clear (KolProfile *profile)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&profile->lock);

  g_array_set_size (profile->pending, 0);
  profile->next_read = PENDING_LIMIT;
  g_array_set_size (profile->records, 0);
  profile->dropped = 0;
  g_hash_table_remove_all (profile->totals);
  g_hash_table_remove_all (profile->labels);
}

/* ---- Table ---- */

static int
compare_totals (gconstpointer a, gconstpointer b)
{
  const Total *x = *(Total *const *) a, *y = *(Total *const *) b;

  if (x->nanoseconds != y->nanoseconds)
    return x->nanoseconds < y->nanoseconds ? 1 : -1;
  return strcmp (x->kernel, y->kernel);
}

/*
 * A node may launch several kernels; its operations count for the one that takes most of its time,
 * as the others only prepare.
 */
static void
credit_operations (KolProfile *profile)
{
  GHashTableIter labels, totals;
  gpointer label, operations, value;

  g_hash_table_iter_init (&totals, profile->totals);
  while (g_hash_table_iter_next (&totals, NULL, &value))
    ((Total *) value)->operations = 0;
  g_hash_table_iter_init (&labels, profile->labels);
  while (g_hash_table_iter_next (&labels, &label, &operations))
    {
      Total *main = NULL;
      guint64 longest = 0;

      g_hash_table_iter_init (&totals, profile->totals);
      while (g_hash_table_iter_next (&totals, NULL, &value))
        {
          const Total *part = g_hash_table_lookup (((Total *) value)->labels, label);
          if (part && part->nanoseconds > longest)
            {
              main = value;
              longest = part->nanoseconds;
            }
        }
      if (main)
        main->operations += *(double *) operations;
    }
}

/* The kernels' totals, the most expensive first. Lent elements. */
static GPtrArray *
sorted_totals (KolProfile *profile)
{
  GPtrArray *sorted = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer total;

  g_hash_table_iter_init (&iter, profile->totals);
  while (g_hash_table_iter_next (&iter, NULL, &total))
    g_ptr_array_add (sorted, total);
  g_ptr_array_sort (sorted, compare_totals);
  return sorted;
}

static void
kernel_total_free (gpointer data)
{
  g_free (((KolKernelTotal *) data)->kernel);
  g_free (data);
}

static KolKernelTotal *
describe (const Total *total, guint64 all)
{
  KolKernelTotal *described = g_new0 (KolKernelTotal, 1);
  double nanoseconds = (double) total->nanoseconds;

  described->kernel = g_strdup (total->kernel);
  described->labels = g_hash_table_size (total->labels);
  described->launches = total->calls;
  described->seconds = nanoseconds / 1e9;
  described->share = all ? nanoseconds / (double) all : 0;
  if (total->nanoseconds)
    {
      described->flops = 1e9 * total->operations / nanoseconds;
      described->bandwidth = 1e9 * total->bytes / nanoseconds;
    }
  return described;
}

GPtrArray *
kol_profile_list (KolProfile *profile)
{
  g_return_val_if_fail (profile, NULL);

  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&profile->lock);
  read_pending (profile);

  credit_operations (profile);
  g_autoptr (GPtrArray) totals = sorted_totals (profile);
  GPtrArray *list = g_ptr_array_new_with_free_func (kernel_total_free);
  guint64 all = 0;
  for (guint i = 0; i < totals->len; i++)
    all += ((const Total *) g_ptr_array_index (totals, i))->nanoseconds;
  for (guint i = 0; i < totals->len; i++)
    g_ptr_array_add (list, describe (g_ptr_array_index (totals, i), all));
  return list;
}

/* A rate in units of 10^9, or nothing where it is not known. */
static void
append_rate (GString *table, double rate)
{
  if (rate > 0)
    g_string_append_printf (table, "  %8.2f", rate / 1e9);
  else
    g_string_append_printf (table, "  %8s", "");
}

static void
append_row (GString *table, int width, const KolKernelTotal *total)
{
  g_string_append_printf (table, "%-*s  %6u  %9" G_GUINT64_FORMAT "  %10.3f  %10.2f  %5.1f%%",
                          width, total->kernel, total->labels, total->launches,
                          1e3 * total->seconds, 1e6 * total->seconds / (double) total->launches,
                          100.0 * total->share);
  append_rate (table, total->flops);
  append_rate (table, total->bandwidth);
  while (g_str_has_suffix (table->str, " "))
    g_string_truncate (table, table->len - 1);
  g_string_append_c (table, '\n');
}

char *
kol_profile_table (KolProfile *profile)
{
  g_return_val_if_fail (profile, NULL);

  g_autoptr (GPtrArray) list = kol_profile_list (profile);
  double seconds = 0;
  guint64 launches = 0;
  gsize width = strlen ("kernel");
  for (guint i = 0; i < list->len; i++)
    {
      const KolKernelTotal *total = g_ptr_array_index (list, i);
      seconds += total->seconds;
      launches += total->launches;
      width = MAX (width, strlen (total->kernel));
    }

  GString *table = g_string_new (NULL);
  g_string_append_printf (table, "%-*s  %6s  %9s  %10s  %10s  %6s  %8s  %8s\n", (int) width,
                          "kernel", "labels", "calls", "total ms", "mean us", "share", "GFLOP/s",
                          "GB/s");
  for (guint i = 0; i < list->len; i++)
    append_row (table, (int) width, g_ptr_array_index (list, i));
  g_string_append_printf (table, "%-*s  %6s  %9" G_GUINT64_FORMAT "  %10.3f\n", (int) width, "all",
                          "", launches, 1e3 * seconds);
  return g_string_free (table, FALSE);
}

/* ---- Chrome trace ---- */

/* Appends @text as a JSON string (RFC 8259, section 7). */
static void
append_json_string (GString *json, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  g_string_append_c (json, '"');
  for (const char *c = valid; *c; c++)
    {
      if (*c == '"' || *c == '\\')
        g_string_append_c (json, '\\');
      if ((guchar) *c < 0x20)
        g_string_append_printf (json, "\\u%04x", (guchar) *c);
      else
        g_string_append_c (json, *c);
    }
  g_string_append_c (json, '"');
}

/* Microseconds with three decimals, in integers: no locale, no rounding. */
static void
append_microseconds (GString *json, guint64 nanoseconds)
{
  g_string_append_printf (json, "%" G_GUINT64_FORMAT ".%03u", nanoseconds / NS_PER_US,
                          (guint) (nanoseconds % NS_PER_US));
}

static void
append_record (GString *json, const Record *record, guint64 origin)
{
  g_string_append (json, "{\"name\":");
  append_json_string (json, record->kernel);
  g_string_append (json, ",\"cat\":\"kernel\",\"ph\":\"X\",\"ts\":");
  append_microseconds (json, record->start - origin);
  g_string_append (json, ",\"dur\":");
  append_microseconds (json, record->end - record->start);
  g_string_append_printf (json, ",\"pid\":1,\"tid\":%u", record->thread);
  if (record->label)
    {
      g_string_append (json, ",\"args\":{\"label\":");
      append_json_string (json, record->label);
      g_string_append_c (json, '}');
    }
  g_string_append_c (json, '}');
}

static guint64
earliest_start (const GArray *records)
{
  guint64 earliest = G_MAXUINT64;

  for (guint i = 0; i < records->len; i++)
    earliest = MIN (earliest, g_array_index (records, Record, i).start);
  return earliest;
}

static GString *
trace (KolProfile *profile)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&profile->lock);
  GString *json = g_string_new ("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");

  read_pending (profile);
  guint64 origin = earliest_start (profile->records);
  for (guint i = 0; i < profile->records->len; i++)
    {
      if (i > 0)
        g_string_append (json, ",\n");
      append_record (json, &g_array_index (profile->records, Record, i), origin);
    }
  g_string_append_printf (
      json, "\n],\"otherData\":{\"launches not in this trace\":\"%" G_GUINT64_FORMAT "\"}}\n",
      profile->dropped);
  return json;
}

gboolean
kol_profile_save (KolProfile *profile, const char *path, GError **error)
{
  g_return_val_if_fail (profile && path, FALSE);

  GString *json = trace (profile);
  gboolean saved = kol_replace_contents (path, json->str, json->len, error);
  g_string_free (json, TRUE);
  return saved;
}
