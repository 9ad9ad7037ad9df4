/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "device/blas-private.h"
#include "device/buffer-private.h"
#include "device/device-private.h"
#include "device/profile-private.h"
#include "device/program-private.h"
#include "device/tuning-private.h"
#include "lock-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program_path; /* of this executable */

/* ---- Help ---- */

static KolDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  KolDevice *device = kol_device_open (NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (device);
  return device;
}

static KolQueue *
open_queue (KolDevice *device)
{
  g_autoptr (GError) error = NULL;
  KolQueue *queue = kol_queue_new (device, &error);

  g_assert_no_error (error);
  g_assert_nonnull (queue);
  return queue;
}

static KolBuffer *
new_buffer (KolDevice *device, gsize bytes)
{
  g_autoptr (GError) error = NULL;
  KolBuffer *buffer = kol_buffer_new (device, bytes, &error);

  g_assert_no_error (error);
  g_assert_nonnull (buffer);
  return buffer;
}

static void
read_floats (KolQueue *queue, KolBuffer *buffer, float *values, gsize n)
{
  g_autoptr (GError) error = NULL;

  kol_queue_read (queue, buffer, 0, values, n * sizeof *values, &error);
  g_assert_no_error (error);
}

static void
assert_all (KolQueue *queue, KolBuffer *buffer, gsize n, float expected)
{
  g_autofree float *values = g_new0 (float, n);

  read_floats (queue, buffer, values, n);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat (values[i], ==, expected);
}

static gboolean
launch_fill (KolQueue *queue, KolBuffer *out, guint n, float value, const char *options,
             GError **error)
{
  const KolCall call
      = { .program = "test-fill", .kernel = "test_fill", .options = options, .global = { n } };

  return kol_queue_launch (queue, &call,
                           KOL_ARGS (KOL_BUFFER (out), KOL_UINT (n), KOL_FLOAT (value)), error);
}

/* Fills through the kernel and checks; the program comes from wherever it is. */
static void
fill_and_check (KolQueue *queue, const char *options, float scale)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolBuffer) buffer = new_buffer (kol_queue_get_device (queue), 101 * sizeof (float));

  launch_fill (queue, buffer, 101, 3.0f, options, &error);
  g_assert_no_error (error);
  assert_all (queue, buffer, 101, 3.0f * scale);
}

/* Oclgrind interprets kernels, and dies when two queues have one running. */
static gboolean
skip_on_simulator (KolDevice *device, const char *reason)
{
  gboolean simulated = g_str_equal (kol_device_get_info (device)->platform, "Oclgrind");

  if (simulated)
    g_test_skip (reason);
  return simulated;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

/* An environment variable for the length of a test. */
typedef struct {
  const char *name;
  char *before;
} Variable;

static Variable
set_variable (const char *name, const char *value)
{
  Variable variable = { name, g_strdup (g_getenv (name)) };

  if (value)
    g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
  return variable;
}

static void
restore_variable (Variable variable)
{
  if (variable.before)
    g_setenv (variable.name, variable.before, TRUE);
  else
    g_unsetenv (variable.name);
  g_free (variable.before);
}

/* A cache folder of its own for a test. */
static char *
begin_cache (Variable *variable)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("kolinsky-test-XXXXXX", &error);

  g_assert_no_error (error);
  *variable = set_variable ("KOLINSKY_CACHE", folder);
  return folder;
}

static void
end_cache (char *folder, Variable variable)
{
  restore_variable (variable);
  remove_tree (folder);
  g_free (folder);
}

/* ---- Listing and opening ---- */

static void
test_list (void)
{
  g_autoptr (GPtrArray) list = kol_devices_list ();

  g_assert_cmpuint (list->len, >, 0);
  for (guint i = 0; i < list->len; i++)
    {
      const KolDeviceInfo *info = g_ptr_array_index (list, i);
      g_autofree char *stripped = g_strstrip (g_strdup (info->name));

      g_test_message ("%u: %s | %s | %s | %s, width %u, score %d", info->index, info->name,
                      info->type, info->platform, info->driver, info->vector_width, info->score);
      g_assert_cmpuint (info->index, ==, i);
      g_assert_cmpstr (info->name, ==, stripped);
      g_assert_cmpstr (info->name, !=, "");
      g_assert_cmpstr (info->platform, !=, "");
      g_assert_cmpuint (info->compute_units, >, 0);
      g_assert_cmpuint (info->memory, >, 0);
      g_assert_cmpuint (info->largest_allocation, >, 0);
      if (g_str_equal (info->type, "CPU") && g_strcmp0 (g_getenv ("KOLINSKY_VECTOR_WIDTH"), "1"))
        g_assert_cmpuint (info->vector_width, >=, 4);
      else
        g_assert_cmpuint (info->vector_width, ==, 1);
    }
}

static void
test_open_index (void)
{
  g_autoptr (GPtrArray) list = kol_devices_list ();

  for (guint i = 0; i < list->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *choice = g_strdup_printf ("%u", i);
      g_autoptr (KolDevice) device = kol_device_open (choice, &error);
      const KolDeviceInfo *info = g_ptr_array_index (list, i);

      g_assert_no_error (error);
      g_assert_cmpuint (kol_device_get_info (device)->index, ==, i);
      g_assert_cmpstr (kol_device_get_info (device)->name, ==, info->name);
      g_assert_cmpuint (device->max_work_group, >, 0);
    }
}

static void
test_open_name (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) list = kol_devices_list ();
  const KolDeviceInfo *last = g_ptr_array_index (list, list->len - 1);
  g_autofree char *platform = g_utf8_strup (last->platform, -1);
  g_autofree char *type = g_utf8_strdown (last->type, -1);

  g_autoptr (KolDevice) by_platform = kol_device_open (platform, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (kol_device_get_info (by_platform)->platform, ==, last->platform);

  g_autoptr (KolDevice) by_type = kol_device_open (type, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (kol_device_get_info (by_type)->type, ==, last->type);
  /* Of several, the best score; of equals, the first. */
  for (guint i = 0; i < list->len; i++)
    {
      const KolDeviceInfo *other = g_ptr_array_index (list, i);
      const KolDeviceInfo *chosen = kol_device_get_info (by_type);
      if (!g_str_equal (other->type, last->type))
        continue;
      g_assert_cmpint (chosen->score, >=, other->score);
      if (other->score == chosen->score)
        g_assert_cmpuint (chosen->index, <=, other->index);
    }
}

/* Both drivers of one CPU carry its maker's name; who asks for a platform gets it. */
static void
test_open_platform (void)
{
  g_autoptr (GPtrArray) list = kol_devices_list ();

  for (guint i = 0; i < list->len; i++)
    {
      g_autoptr (GError) error = NULL;
      const KolDeviceInfo *info = g_ptr_array_index (list, i);
      gboolean pocl = strstr (info->platform, "Portable Computing Language") != NULL;
      gboolean intel
          = g_str_has_prefix (info->platform, "Intel") && g_str_equal (info->type, "CPU");
      if (!pocl && !intel)
        continue;
      g_autoptr (KolDevice) device = kol_device_open (pocl ? "pocl" : "intel", &error);
      g_assert_no_error (error);
      if (g_str_equal (kol_device_get_info (device)->type, info->type))
        g_assert_cmpstr (kol_device_get_info (device)->platform, ==, info->platform);
    }
}

static void
test_open_unknown (void)
{
  g_autoptr (GPtrArray) list = kol_devices_list ();
  const KolDeviceInfo *first = g_ptr_array_index (list, 0);
  const char *const choices[] = { "no such device", "9999" };

  for (gsize i = 0; i < G_N_ELEMENTS (choices); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *line = g_strdup_printf ("0: %s", first->name);

      g_assert_null (kol_device_open (choices[i], &error));
      g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
      g_assert_nonnull (strstr (error->message, choices[i]));
      g_assert_nonnull (strstr (error->message, line));
      g_assert_null (strstr (error->message, "KOLINSKY_DEVICE"));
    }
}

static void
test_open_environment (void)
{
  g_autoptr (GError) error = NULL;
  Variable variable = set_variable ("KOLINSKY_DEVICE", "0");
  g_autoptr (KolDevice) device = kol_device_open (NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (kol_device_get_info (device)->index, ==, 0);

  g_setenv ("KOLINSKY_DEVICE", "no such device", TRUE);
  g_assert_null (kol_device_open ("", &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "from KOLINSKY_DEVICE"));
  g_clear_error (&error);

  g_autoptr (KolDevice) explicit = kol_device_open ("0", &error);
  g_assert_no_error (error);
  g_assert_nonnull (explicit);
  restore_variable (variable);
}

/* Runs this program again as --child-@job; returns its standard output. */
static char *
run_child (const char *job, char **environment)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *flag = g_strconcat ("--child-", job, NULL);
  char *arguments[] = { (char *) program_path, flag, NULL };
  char *output = NULL;
  int status;

  g_spawn_sync (NULL, arguments, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  return output;
}

static int
child_open (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = kol_device_open (NULL, &error);

  g_print ("%s\n", device ? "opened" : error->message);
  return 0;
}

static void
test_open_none (void)
{
  g_autofree char *empty = g_dir_make_tmp ("kolinsky-test-XXXXXX", NULL);
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "OCL_ICD_VENDORS", empty, TRUE);
  g_autofree char *output = run_child ("open", environment);

  remove_tree (empty);
  if (g_str_has_prefix (output, "opened"))
    {
      g_test_skip ("this OpenCL loader does not honour OCL_ICD_VENDORS");
      return;
    }
  g_assert_nonnull (strstr (output, "pocl-opencl-icd"));
}

static void
test_vector_width (void)
{
  g_autoptr (GError) error = NULL;
  Variable variable = set_variable ("KOLINSKY_VECTOR_WIDTH", "8");
  g_autoptr (KolDevice) device = kol_device_open (NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (kol_device_get_info (device)->vector_width, ==, device->simd ? 8 : 1);

  /* A CPU as a GPU: what was measured in one way of working is not of the other. */
  g_setenv ("KOLINSKY_VECTOR_WIDTH", "1", TRUE);
  g_autoptr (KolDevice) lanes = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kol_device_get_info (lanes)->vector_width, ==, 1);
  g_assert_false (lanes->simd);
  g_assert_cmpint (device->simd, ==,
                   !g_str_equal (kol_device_get_cache (lanes), kol_device_get_cache (device)));

  g_setenv ("KOLINSKY_VECTOR_WIDTH", "7", TRUE);
  g_assert_null (kol_device_open (NULL, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  restore_variable (variable);
}

static void
test_budget_variable (void)
{
  Variable variable = set_variable ("KOLINSKY_MEMORY", NULL);
  g_autoptr (KolDevice) plain = open_device ();
  const struct {
    const char *text;
    guint64 bytes; /* 0: an error */
  } cases[] = { { "1000", 1000 }, { "64M", 64 << 20 },
                { "3k", 3072 },   { "2G", G_GUINT64_CONSTANT (2) << 30 },
                { "0", 0 },       { "-1", 0 },
                { "12X", 0 },     { "1MB", 0 },
                { "M", 0 },       { "99999999999G", 0 } };

  g_assert_cmpuint (kol_device_get_budget (plain), >, 0);
  g_assert_cmpuint (kol_device_get_budget (plain), <=,
                    kol_device_get_info (plain)->memory / 10 * 8 + 10);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_setenv ("KOLINSKY_MEMORY", cases[i].text, TRUE);
      KolDevice *device = kol_device_open (NULL, &error);

      if (cases[i].bytes == 0)
        {
          g_assert_null (device);
          g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
          continue;
        }
      g_assert_no_error (error);
      g_assert_cmpuint (kol_device_get_budget (device), ==, cases[i].bytes);
      kol_device_unref (device);
    }
  restore_variable (variable);
}

static void
test_error_names (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (kol_cl_error_name (0), ==, "CL_SUCCESS");
  g_assert_cmpstr (kol_cl_error_name (-5), ==, "CL_OUT_OF_RESOURCES");
  g_assert_cmpstr (kol_cl_error_name (-54), ==, "CL_INVALID_WORK_GROUP_SIZE");
  g_assert_cmpstr (kol_cl_error_name (-68), ==, "CL_INVALID_DEVICE_PARTITION_COUNT");
  g_assert_cmpstr (kol_cl_error_name (-1001), ==, "CL_PLATFORM_NOT_FOUND_KHR");
  g_assert_cmpstr (kol_cl_error_name (-31415), ==, "unknown OpenCL error");
  /* Without gaps: -20 to -29 are not given out. */
  for (cl_int code = 0; code >= -68; code--)
    if (code > -20 || code < -29)
      g_assert_true (g_str_has_prefix (kol_cl_error_name (code), "CL_"));

  g_assert_false (kol_cl_fail (-52, &error, "Launching %s", "x"));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_cmpstr (error->message, ==, "Launching x: CL_INVALID_KERNEL_ARGS (-52)");
  g_clear_error (&error);
  g_assert_false (kol_cl_fail (-4, &error, "Launching"));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
}

/* ---- Buffers ---- */

static void
test_pool_reuse (void)
{
  g_autoptr (KolDevice) device = open_device ();
  KolBuffer *first = new_buffer (device, 100 * 1000);
  cl_mem mem = first->mem;

  g_assert_cmpuint (first->bytes, ==, 100 * 1000);
  g_assert_cmpuint (first->capacity, >=, first->bytes);
  g_assert_cmpuint (first->capacity, <=, first->bytes * 9 / 8 + 128);
  g_assert_cmpuint (kol_device_get_memory_used (device), ==, first->capacity);
  kol_buffer_unref (first);
  g_assert_cmpuint (kol_device_get_memory_used (device), ==, 0);

  /* A near size takes the same memory, a second one while it is taken does not. */
  g_autoptr (KolBuffer) near = new_buffer (device, 60 * 1000);
  g_assert_true (near->mem == mem);
  g_assert_cmpuint (near->bytes, ==, 60 * 1000);
  g_autoptr (KolBuffer) second = new_buffer (device, 60 * 1000);
  g_assert_true (second->mem != mem);

  /* Less than half of it does not. */
  kol_buffer_unref (g_steal_pointer (&near));
  g_autoptr (KolBuffer) small = new_buffer (device, 40 * 1000);
  g_assert_true (small->mem != mem);
}

static void
test_pool_best_fit (void)
{
  g_autoptr (KolDevice) device = open_device ();
  KolBuffer *large = new_buffer (device, 128 * 1024);
  KolBuffer *fitting = new_buffer (device, 80 * 1024);
  cl_mem mem = fitting->mem;

  kol_buffer_unref (large);
  kol_buffer_unref (fitting);
  g_autoptr (KolBuffer) again = new_buffer (device, 79 * 1024);
  g_assert_true (again->mem == mem);
}

static cl_uint
references_of (cl_mem mem)
{
  cl_uint references = 0;

  clGetMemObjectInfo (mem, CL_MEM_REFERENCE_COUNT, sizeof references, &references, NULL);
  return references;
}

/* Only the test's own reference is left, which goes. */
static void
assert_released (cl_mem mem)
{
  g_assert_cmpuint (references_of (mem), ==, 1);
  clReleaseMemObject (mem);
}

static void
test_pool_budget (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  const gsize mib = 1 << 20;

  kol_device_set_budget (device, 4 * mib);
  g_autoptr (KolBuffer) a = new_buffer (device, 2 * mib);
  KolBuffer *b = new_buffer (device, 2 * mib);

  g_assert_null (kol_buffer_new (device, mib, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_assert_nonnull (strstr (error->message, "0 bytes available"));
  g_assert_nonnull (strstr (error->message, "budget of 4.0"));
  g_clear_error (&error);

  /* Idle memory of another size gives way. */
  cl_mem idle = b->mem;
  clRetainMemObject (idle);
  kol_buffer_unref (b);
  g_autoptr (KolBuffer) c = new_buffer (device, mib / 2);
  assert_released (idle);
  g_autoptr (KolBuffer) d = new_buffer (device, mib);
  g_assert_cmpuint (kol_device_get_memory_used (device), <=, 4 * mib);

  /* The last bytes of the budget can be had, though comfort would round up. */
  kol_device_set_budget (device, a->capacity + c->capacity + d->capacity + 100 * 1024 + 128);
  g_autoptr (KolBuffer) e = new_buffer (device, 100 * 1024 + 1);
  g_assert_cmpuint (e->capacity, ==, 100 * 1024 + 128);
}

static void
test_pool_trim (void)
{
  g_autoptr (KolDevice) device = open_device ();
  KolBuffer *buffer = new_buffer (device, 1 << 20);
  cl_mem mem = buffer->mem;

  clRetainMemObject (mem);
  kol_buffer_unref (buffer);
  g_assert_cmpuint (references_of (mem), ==, 2);
  kol_device_set_budget (device, 1 << 19);
  assert_released (mem);
}

static void
test_buffer_too_large (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();

  kol_device_set_budget (device, G_MAXUINT64 / 2);
  g_assert_null (kol_buffer_new (
      device, (gsize) kol_device_get_info (device)->largest_allocation + 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_assert_nonnull (strstr (error->message, "in one piece"));
  g_clear_error (&error);
  g_assert_null (kol_buffer_new (device, G_MAXSIZE, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_assert_cmpuint (kol_device_get_memory_used (device), ==, 0);
}

static void
test_buffer_empty (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolBuffer) buffer = new_buffer (device, 0);

  g_assert_cmpuint (buffer->bytes, ==, 4);
}

static void
test_buffer_fresh (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) buffer = new_buffer (device, 1001 * sizeof (float));
  float values[1001];

  read_floats (queue, buffer, values, 1001);
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    g_assert_true (isnan (values[i]));
}

static void
test_buffer_outlives_device (void)
{
  KolDevice *device = open_device ();
  KolBuffer *buffer = new_buffer (device, 100);
  KolQueue *queue = open_queue (device);

  kol_device_unref (device);
  g_autoptr (GError) error = NULL;
  kol_queue_fill (queue, buffer, 1.5f, &error);
  g_assert_no_error (error);
  assert_all (queue, buffer, 25, 1.5f);
  kol_queue_unref (queue);
  kol_buffer_unref (buffer);
}

static void
test_buffer_transfers (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) from = new_buffer (device, 37 * sizeof (float));
  g_autoptr (KolBuffer) to = new_buffer (device, 37 * sizeof (float));
  float values[37], got[37] = { 0 };
  cl_event written = NULL, was_read = NULL;

  for (int i = 0; i < 37; i++)
    values[i] = (float) i - 3.5f;
  g_assert_true (kol_queue_write_async (queue, from, values, sizeof values, &written, &error));
  g_assert_true (kol_queue_fill (queue, to, -2.0f, &error));
  g_assert_true (kol_queue_copy (queue, from, to, 20 * sizeof (float), &error));
  g_assert_true (
      kol_queue_write (queue, to, 30 * sizeof (float), values, 4 * sizeof (float), &error));
  g_assert_true (kol_queue_read_async (queue, to, sizeof (float), got + 1, 36 * sizeof (float),
                                       &was_read, &error));
  clWaitForEvents (1, &was_read);
  clReleaseEvent (written);
  clReleaseEvent (was_read);
  g_assert_true (kol_queue_read (queue, to, 0, got, sizeof (float), &error));
  g_assert_no_error (error);
  for (int i = 0; i < 37; i++)
    {
      float expected = i < 20 ? values[i] : i < 30 || i >= 34 ? -2.0f : values[i - 30];
      g_assert_cmpfloat (got[i], ==, expected);
    }

  /* Odd numbers of bytes and none at all. */
  g_autoptr (KolBuffer) odd = new_buffer (device, 5);
  char letters[6] = "";
  g_assert_true (kol_queue_fill (queue, odd, 0.0f, &error));
  g_assert_true (kol_queue_write (queue, odd, 0, "abcde", 5, &error));
  g_assert_true (kol_queue_read (queue, odd, 0, letters, 5, &error));
  g_assert_true (kol_queue_write (queue, odd, 5, NULL, 0, &error));
  g_assert_cmpstr (letters, ==, "abcde");
  g_assert_true (kol_queue_flush (queue, &error));
  g_assert_true (kol_queue_finish (queue, &error));
  g_assert_no_error (error);
}

/*
 * The pool hands memory on while a queue still writes to it; the next user's
 * queue must wait for that.
 */
static void
test_buffer_two_queues (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) slow = open_queue (device);
  g_autoptr (KolQueue) quick = open_queue (device);
  const guint n = 4096, steps = 200 * 1000;
  const KolCall call = { .program = "test-fill", .kernel = "test_slow_fill", .global = { n } };

  if (skip_on_simulator (device, "the simulator needs minutes for the slow kernel"))
    return;
  for (int round = 0; round < 2; round++)
    {
      KolBuffer *first = new_buffer (device, n * sizeof (float));
      cl_mem mem = first->mem;
      g_assert_true (kol_queue_launch (
          slow, &call, KOL_ARGS (KOL_BUFFER (first), KOL_UINT (n), KOL_FLOAT (1), KOL_UINT (steps)),
          &error));
      g_assert_true (kol_queue_flush (slow, &error));
      kol_buffer_unref (first);

      g_autoptr (KolBuffer) second = new_buffer (device, n * sizeof (float));
      g_assert_true (second->mem == mem);
      g_assert_true (kol_queue_fill (quick, second, 2.0f, &error));
      g_assert_true (kol_queue_finish (quick, &error));
      g_assert_true (kol_queue_finish (slow, &error));
      assert_all (quick, second, n, 2.0f);
    }
  g_assert_no_error (error);
}

static gpointer
use_pool (gpointer data)
{
  KolDevice *device = data;
  g_autoptr (KolQueue) queue = open_queue (device);

  for (guint i = 0; i < 60; i++)
    {
      g_autoptr (GError) error = NULL;
      gsize n = 1 + i * 997 % 5000;
      g_autoptr (KolBuffer) buffer = new_buffer (device, n * sizeof (float));

      g_assert_true (launch_fill (queue, buffer, (guint) n, (float) i, NULL, &error));
      assert_all (queue, buffer, n, (float) i);
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (KolDevice) device = open_device ();
  GThread *threads[4];

  if (skip_on_simulator (device, "the simulator runs one queue at a time"))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("pool", use_pool, device);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (kol_device_get_memory_used (device), ==, 0);
}

/* ---- Programs ---- */

static void
test_launch (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 200 * sizeof (float));

  fill_and_check (queue, NULL, 1.0f);
  fill_and_check (queue, "-D TEST_SCALE=2.0f", 2.0f);

  /* Global sizes are rounded up to the work-group. */
  const KolCall plane
      = { .program = "test-fill", .kernel = "test_plane", .global = { 13, 7 }, .local = { 4, 2 } };
  g_assert_true (kol_queue_launch (queue, &plane,
                                   KOL_ARGS (KOL_BUFFER (out), KOL_INT (13), KOL_INT (7)), &error));
  assert_all (queue, out, 13 * 7, 16 * 1000 + 8);

  /* Local memory. */
  const KolCall local
      = { .program = "test-fill", .kernel = "test_local", .global = { 16 }, .local = { 8 } };
  float sums[2];
  g_assert_true (kol_queue_launch (
      queue, &local, KOL_ARGS (KOL_BUFFER (out), KOL_LOCAL (8 * sizeof (float))), &error));
  read_floats (queue, out, sums, 2);
  g_assert_cmpfloat (sums[0], ==, 28);
  g_assert_cmpfloat (sums[1], ==, 92);

  /* The device's own options. */
  const KolCall options = { .program = "test-fill", .kernel = "test_options", .global = { 1 } };
  cl_int said[2];
  g_assert_true (kol_queue_launch (queue, &options, KOL_ARGS (KOL_BUFFER (out)), &error));
  g_assert_true (kol_queue_read (queue, out, 0, said, sizeof said, &error));
  g_assert_cmpint (said[0], ==, (int) kol_device_get_info (device)->vector_width);
  g_assert_cmpint (said[1], ==, device->simd ? 1 : 0);
  g_assert_no_error (error);
}

static void
test_null_buffer (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) in = new_buffer (device, 9 * sizeof (float));
  g_autoptr (KolBuffer) out = new_buffer (device, 9 * sizeof (float));
  const KolCall call = { .program = "test-fill", .kernel = "test_optional", .global = { 9 } };

  g_assert_true (kol_queue_launch (
      queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_NO_BUFFER, KOL_INT (9)), &error));
  assert_all (queue, out, 9, -1.0f);
  g_assert_true (kol_queue_fill (queue, in, 4.0f, &error));
  g_assert_true (kol_queue_launch (
      queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_BUFFER (in), KOL_INT (9)), &error));
  assert_all (queue, out, 9, 4.0f);
  g_assert_no_error (error);
}

static void
test_argument_count (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 16);
  const KolCall call = { .program = "test-fill", .kernel = "test_fill", .global = { 4 } };

  g_assert_false (
      kol_queue_launch (queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_UINT (4)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_cmpstr (error->message, ==,
                   "Kernel test_fill (test-fill.cl) expects 3 arguments, 2 were given");
  g_clear_error (&error);
  g_assert_false (kol_queue_launch (
      queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_UINT (4), KOL_FLOAT (1), KOL_FLOAT (1)),
      &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
}

static void
test_group_too_large (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 16);
  const gsize side = 1 << 12;
  const KolCall call = { .program = "test-fill",
                         .kernel = "test_plane",
                         .global = { side, side },
                         .local = { side, side } };
  g_autofree char *size = g_strdup_printf ("%" G_GSIZE_FORMAT, side * side);

  g_assert_false (kol_queue_launch (queue, &call,
                                    KOL_ARGS (KOL_BUFFER (out), KOL_INT (2), KOL_INT (2)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, size));
  g_assert_nonnull (strstr (error->message, "test_plane"));
  g_clear_error (&error);

  const KolCall nothing = { .program = "test-fill", .kernel = "test_plane" };
  g_assert_false (kol_queue_launch (queue, &nothing,
                                    KOL_ARGS (KOL_BUFFER (out), KOL_INT (2), KOL_INT (2)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
}

static void
test_unknown_program (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  const KolCall no_file = { .program = "test-missing", .kernel = "x", .global = { 1 } };
  const KolCall no_kernel = { .program = "test-fill", .kernel = "test_missing", .global = { 1 } };

  g_assert_false (kol_queue_launch (queue, &no_file, KOL_ARGS (KOL_INT (1)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_BUILD);
  g_assert_nonnull (strstr (error->message, "test-missing.cl"));
  g_clear_error (&error);

  g_assert_false (kol_queue_launch (queue, &no_kernel, KOL_ARGS (KOL_INT (1)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "test_missing"));
  g_assert_nonnull (strstr (error->message, "CL_INVALID_KERNEL_NAME"));
}

static void
test_build_error (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  const KolCall call = {
    .program = "test-broken", .kernel = "test_broken", .options = "-D ABC=1", .global = { 1 }
  };

  for (int i = 0; i < 2; i++) /* A failure is not remembered as a program. */
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (kol_queue_launch (queue, &call, KOL_ARGS (KOL_INT (1)), &error));
      g_assert_error (error, KOL_ERROR, KOL_ERROR_BUILD);
      g_assert_nonnull (strstr (error->message, "test-broken.cl"));
      g_assert_nonnull (strstr (error->message, "-D ABC=1"));
      g_assert_nonnull (strstr (error->message, "undeclared_on_purpose"));
    }

  /* The same when collected. */
  g_autoptr (GError) error = NULL;
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (kol_queue_launch (queue, &call, KOL_ARGS (KOL_INT (1)), &error));
  g_assert_false (kol_queue_build_collected (queue, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_BUILD);
}

typedef struct {
  guint calls;
  guint total;
} Progress;

static void
note_progress (const char *stage, guint done, guint total, gpointer user_data)
{
  Progress *progress = user_data;

  g_assert_cmpstr (stage, ==, "Compiling kernels");
  g_assert_cmpuint (done, ==, progress->calls);
  progress->calls++;
  progress->total = total;
}

/* Collects two programs on a freshly opened device, runs both; returns how many were compiled. */
static guint
compiled_on_a_new_device (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) buffer = new_buffer (device, 16);
  Progress progress = { 0 };

  kol_device_set_progress (device, note_progress, &progress);
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (kol_queue_fill (queue, buffer, 5.0f, &error));
  for (int i = 0; i < 3; i++)
    {
      g_assert_true (launch_fill (queue, NULL, 4, 1.0f, NULL, &error));
      g_assert_true (launch_fill (queue, NULL, 4, 1.0f, "-D TEST_SCALE=2.0f", &error));
    }
  g_assert_true (kol_queue_build_collected (queue, &error));
  g_assert_no_error (error);
  guint compiled = progress.total;
  g_assert_cmpuint (progress.calls, ==, compiled ? compiled + 1 : 0);

  /* Nothing is wanted now, and nothing is noted again. */
  g_assert_true (launch_fill (queue, NULL, 4, 1.0f, NULL, &error));
  g_assert_true (kol_queue_build_collected (queue, &error));
  g_assert_cmpuint (progress.calls, ==, compiled ? compiled + 1 : 0);

  kol_queue_set_mode (queue, KOL_QUEUE_RUN);
  g_assert_cmpint (kol_queue_get_mode (queue), ==, KOL_QUEUE_RUN);
  fill_and_check (queue, NULL, 1.0f);
  fill_and_check (queue, "-D TEST_SCALE=2.0f", 2.0f);
  return compiled;
}

/* The files of programs in the cache @folder, as paths. */
static GPtrArray *
cached_programs (const char *folder)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) devices = g_dir_open (folder, 0, NULL);
  const char *device;

  while (devices && (device = g_dir_read_name (devices)))
    {
      g_autofree char *path = g_build_filename (folder, device, NULL);
      g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
      const char *name;
      g_assert_cmpuint (strlen (device), ==, 16);
      while (dir && (name = g_dir_read_name (dir)))
        if (strlen (name) == 64)
          g_ptr_array_add (files, g_build_filename (path, name, NULL));
    }
  return files;
}

static void
test_cache_second_load (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);

  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  g_autoptr (GPtrArray) files = cached_programs (folder);
  g_assert_cmpuint (files->len, ==, 2);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 0);
  end_cache (folder, variable);
}

static void
cancel_after_the_first (const char *stage, guint done, guint total, gpointer user_data)
{
  if (done == 1)
    g_cancellable_cancel (user_data);
}

/* Preparing ends between two programs; the one that was compiled is not compiled again. */
static void
test_cancelled_between_programs (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);

  kol_device_set_progress (device, cancel_after_the_first, cancellable);
  kol_queue_set_cancellable (queue, cancellable);
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (launch_fill (queue, NULL, 4, 1.0f, NULL, &error));
  g_assert_true (launch_fill (queue, NULL, 4, 1.0f, "-D TEST_SCALE=2.0f", &error));
  g_assert_false (kol_queue_build_collected (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_autoptr (GPtrArray) files = cached_programs (folder);
  g_assert_cmpuint (files->len, ==, 1);

  kol_queue_set_cancellable (queue, NULL);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 1);
  end_cache (folder, variable);
}

/* What may have happened to a file. */
typedef enum {
  FLIP_PAYLOAD,
  FLIP_SUM,
  FLIP_VERSION,
  CUT_PAYLOAD,
  CUT_HEADER,
  EMPTY,
  NOT_A_BINARY
} Damage;

static void
damage_file (const char *path, Damage damage)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bytes = NULL;
  gsize length;

  g_file_get_contents (path, &bytes, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (length, >, 64);
  switch (damage)
    {
    case FLIP_PAYLOAD:
      bytes[length - 7] ^= 0x10;
      break;
    case FLIP_SUM:
      bytes[20] ^= 0x01;
      break;
    case FLIP_VERSION:
      bytes[8] ^= 0x40;
      break;
    case CUT_PAYLOAD:
      length -= 11;
      break;
    case CUT_HEADER:
      length = 30;
      break;
    case EMPTY:
      length = 0;
      break;
      case NOT_A_BINARY: {
        /* A right header around something that no driver takes. */
        const char payload[] = "this is no program";
        guint64 payload_length = GUINT64_TO_LE ((guint64) sizeof payload);
        gsize sum_bytes = 32;
        g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
        g_checksum_update (sum, (const guchar *) payload, sizeof payload);
        g_checksum_get_digest (sum, (guint8 *) bytes + 12, &sum_bytes);
        memcpy (bytes + 44, &payload_length, 8);
        length = 52 + sizeof payload;
        bytes = g_realloc (bytes, length);
        memcpy (bytes + 52, payload, sizeof payload);
        break;
      }
    }
  g_file_set_contents (path, bytes, (gssize) length, &error);
  g_assert_no_error (error);
}

static void
test_cache_damage (gconstpointer data)
{
  Damage damage = (Damage) GPOINTER_TO_INT (data);
  Variable variable;
  char *folder = begin_cache (&variable);

  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  g_autoptr (GPtrArray) files = cached_programs (folder);
  damage_file (g_ptr_array_index (files, 0), damage);
  /* One is compiled again, silently, and its file is good again. */
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 1);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 0);
  end_cache (folder, variable);
}

static void
test_cache_unwritable (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autofree char *file = g_build_filename (folder, "file", NULL);

  /* A folder below a file cannot be made, not even by root. */
  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  g_setenv ("KOLINSKY_CACHE", file, TRUE);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  end_cache (folder, variable);
}

static int
child_compile (void)
{
  for (int i = 0; i < 3; i++)
    compiled_on_a_new_device ();
  return 0;
}

static void
test_cache_two_processes (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  GPid pids[2];

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      char *arguments[] = { (char *) program_path, (char *) "--child-compile", NULL };
      g_spawn_async (NULL, arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pids[i],
                     &error);
      g_assert_no_error (error);
    }
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      int status;
      g_assert_cmpint (waitpid (pids[i], &status, 0), ==, pids[i]);
      g_spawn_check_wait_status (status, &error);
      g_assert_no_error (error);
      g_spawn_close_pid (pids[i]);
    }

  /* Two good files, and nothing left over. */
  g_autoptr (GPtrArray) files = cached_programs (folder);
  g_autofree char *device = g_path_get_dirname (g_ptr_array_index (files, 0));
  g_autoptr (GDir) dir = g_dir_open (device, 0, NULL);
  guint n = 0;
  while (g_dir_read_name (dir))
    n++;
  g_assert_cmpuint (files->len, ==, 2);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 0);
  end_cache (folder, variable);
}

/* ---- Profile ---- */

/* A checker of JSON's grammar, enough for a trace; returns where the value ends, or NULL. */
static const char *json_value (const char *at);

static const char *
json_space (const char *at)
{
  return at + strspn (at, " \t\r\n");
}

static const char *
json_string (const char *at)
{
  if (*at != '"')
    return NULL;
  for (at++; *at && *at != '"'; at++)
    {
      if ((guchar) *at < 0x20)
        return NULL;
      if (*at == '\\' && !strchr ("\"\\/bfnrtu", *++at))
        return NULL;
    }
  return *at == '"' ? at + 1 : NULL;
}

static const char *
json_members (const char *at, char close, gboolean named)
{
  at = json_space (at + 1);
  if (*at == close)
    return at + 1;
  while (at)
    {
      if (named)
        {
          at = json_string (json_space (at));
          at = at ? json_space (at) : NULL;
          if (!at || *at++ != ':')
            return NULL;
        }
      at = json_value (at);
      at = at ? json_space (at) : NULL;
      if (at && *at == close)
        return at + 1;
      if (!at || *at++ != ',')
        return NULL;
    }
  return NULL;
}

static const char *
json_value (const char *at)
{
  at = json_space (at);
  if (*at == '"')
    return json_string (at);
  if (*at == '{')
    return json_members (at, '}', TRUE);
  if (*at == '[')
    return json_members (at, ']', FALSE);
  gsize digits = strspn (at, "-+.eE0123456789");
  return digits ? at + digits : NULL;
}

static void
assert_json (const char *text)
{
  const char *end = json_value (text);

  g_assert_nonnull (end);
  g_assert_cmpstr (json_space (end), ==, "");
}

static void
test_json_checker (void)
{
  const char *const bad[] = { "{", "[1,]", "{\"a\" 1}", "\"\n\"", "\"\\x\"", "{\"a\":}", "[1 2]" };

  assert_json ("{\"a\": [1, -2.5e3, \"b\\\"\\u0001\"], \"c\": {}}\n");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (json_value (bad[i]));
}

static char *
saved_trace (KolDevice *device)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("kolinsky-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "trace.json", NULL);
  char *text = NULL;

  kol_device_profile_save (device, path, &error);
  g_assert_no_error (error);
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  remove_tree (folder);
  return text;
}

/* The total of @kernel; NULL if it was not profiled. */
static const KolKernelTotal *
find_total (GPtrArray *list, const char *kernel)
{
  for (guint i = 0; i < list->len; i++)
    {
      const KolKernelTotal *total = g_ptr_array_index (list, i);
      if (g_str_equal (total->kernel, kernel))
        return total;
    }
  return NULL;
}

/* What test_profile() has launched: three kernels of two names, and a fill of 64 bytes. */
static void
assert_listed (KolDevice *device)
{
  g_autoptr (GPtrArray) list = kol_device_profile_list (device);
  const KolKernelTotal *launched = find_total (list, "test_fill");
  const KolKernelTotal *filled = find_total (list, "fill");

  g_assert_cmpuint (list->len, ==, 2);
  g_assert_cmpuint (launched->launches, ==, 3);
  g_assert_cmpuint (launched->labels, ==, 2);
  g_assert_cmpfloat (launched->seconds, >=, 0);
  g_assert_cmpfloat_with_epsilon (launched->share + filled->share, 1, 1e-9);
  g_assert_cmpfloat (launched->flops, ==, 0);
  g_assert_cmpfloat (launched->bandwidth, ==, 0);
  if (filled->seconds > 0)
    g_assert_cmpfloat_with_epsilon (filled->bandwidth * filled->seconds, 64, 1e-6);
}

static void
test_profile (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_assert_true (kol_device_set_profiling (device, TRUE, &error));
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 64);

  kol_queue_set_label (queue, "first");
  g_assert_true (launch_fill (queue, out, 16, 1, NULL, &error));
  kol_queue_set_label (queue, "second \"quoted\" \\ \n");
  g_assert_true (launch_fill (queue, out, 16, 1, NULL, &error));
  kol_queue_set_label (queue, NULL);
  g_assert_true (launch_fill (queue, out, 16, 1, NULL, &error));
  g_assert_true (kol_queue_fill (queue, out, 0, &error));

  g_autofree char *table = kol_device_profile_table (device);
  g_test_message ("%s", table);
  g_assert_true (g_regex_match_simple ("test_fill +2 +3 ", table, 0, 0));
  g_assert_true (g_regex_match_simple ("fill +0 +1 ", table, 0, 0));
  g_assert_nonnull (strstr (table, "total ms"));
  assert_listed (device);

  g_autofree char *trace = saved_trace (device);
  assert_json (trace);
  g_assert_nonnull (strstr (trace, "\"name\":\"test_fill\""));
  g_assert_nonnull (strstr (trace, "\"label\":\"first\""));
  g_assert_nonnull (strstr (trace, "second \\\"quoted\\\" \\\\ \\u000a"));

  /* Off: nothing is added, and what was noted stays. */
  g_assert_true (kol_device_set_profiling (device, FALSE, &error));
  g_assert_true (launch_fill (queue, out, 16, 1, NULL, &error));
  g_autofree char *later = kol_device_profile_table (device);
  g_assert_cmpstr (later, ==, table);
}

static void
test_profile_off (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);

  g_assert_false (kol_device_profile_save (device, "trace.json", &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);

  g_autoptr (GPtrArray) list = kol_device_profile_list (device);
  g_assert_cmpuint (list->len, ==, 0);
}

static guint64
fills_profiled (KolDevice *device)
{
  g_autoptr (GPtrArray) list = kol_device_profile_list (device);
  const KolKernelTotal *total = find_total (list, "test_fill");

  return total ? total->launches : 0;
}

/* A queue that is there already is profiled from where it is next flushed, and back again. */
static void
test_profile_at_work (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolQueue) other = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 64);

  g_assert_true (launch_fill (queue, out, 16, 1, NULL, &error));
  g_assert_true (kol_device_set_profiling (device, TRUE, &error));
  g_assert_true (launch_fill (queue, out, 16, 2, NULL, &error));
  g_assert_true (kol_queue_flush (queue, &error));
  g_assert_true (launch_fill (queue, out, 16, 3, NULL, &error));
  g_assert_true (kol_queue_finish (queue, &error));
  g_assert_cmpuint (fills_profiled (device), ==, 1);

  /* What the queue did with another handle is done before what follows, on any queue. */
  float values[16];
  g_assert_true (kol_queue_read (other, out, 0, values, sizeof values, &error));
  g_assert_cmpfloat (values[15], ==, 3);

  g_assert_true (kol_device_set_profiling (device, FALSE, &error));
  cl_command_queue_properties properties = CL_QUEUE_PROFILING_ENABLE;
  g_assert_true (kol_queue_finish (queue, &error));
  clGetCommandQueueInfo (kol_queue_get_handle (queue), CL_QUEUE_PROPERTIES, sizeof properties,
                         &properties, NULL);
  g_assert_false (properties & CL_QUEUE_PROFILING_ENABLE);
  g_assert_true (launch_fill (queue, out, 16, 4, NULL, &error));
  g_assert_true (kol_queue_finish (queue, &error));
  g_assert_cmpuint (fills_profiled (device), ==, 1);

  kol_device_profile_clear (device);
  g_assert_cmpuint (fills_profiled (device), ==, 0);
  g_assert_no_error (error);
}

static void
test_profile_many (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_assert_true (kol_device_set_profiling (device, TRUE, &error));
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 64);

  for (int i = 0; i < 10000; i++)
    {
      g_assert_true (launch_fill (queue, out, 16, 1, NULL, &error));
      if (i % 500 == 0)
        g_assert_true (kol_queue_finish (queue, &error));
    }
  g_autofree char *table = kol_device_profile_table (device);
  g_assert_true (g_regex_match_simple ("test_fill +0 +10000 ", table, 0, 0));
}

/* The operations of a node count once, for the kernel that takes most of its time. */
static void
test_profile_operations (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_assert_true (kol_device_set_profiling (device, TRUE, &error));
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 4 << 20);

  for (int run = 0; run < 3; run++)
    {
      kol_queue_set_label (queue, "product");
      kol_queue_set_operations (queue, 5e6);
      g_assert_true (kol_queue_write (queue, out, 0, "pack", 4, &error));
      for (int i = 0; i < 4; i++)
        g_assert_true (launch_fill (queue, out, 1 << 20, 1, NULL, &error));
    }
  g_assert_true (kol_queue_finish (queue, &error));
  g_autoptr (GPtrArray) list = kol_device_profile_list (device);
  const KolKernelTotal *filled = find_total (list, "test_fill");
  const KolKernelTotal *written = find_total (list, "write");
  g_assert_cmpfloat (filled->seconds, >, written->seconds);
  g_assert_cmpfloat_with_epsilon (filled->flops * filled->seconds, 15e6, 1);
  g_assert_cmpfloat (written->flops, ==, 0);
  g_assert_no_error (error);
}

/* Events are read as launches go on: the profile does not hold on to all of them. */
static void
test_profile_lets_go (void)
{
  g_autoptr (KolDevice) device = open_device ();
  cl_int code;
  cl_command_queue queue
      = clCreateCommandQueue (device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &code);
  KolProfile *profile = kol_profile_new ();
  cl_event event = NULL;
  cl_uint references = 0;

  g_assert_cmpint (clEnqueueMarkerWithWaitList (queue, 0, NULL, &event), ==, CL_SUCCESS);
  g_assert_cmpint (clFinish (queue), ==, CL_SUCCESS);
  for (int i = 0; i < 5000; i++)
    kol_profile_add (profile, event, "marker", NULL, (KolWork){ 0 });
  clGetEventInfo (event, CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL);
  g_assert_cmpuint (references, <, 2000);

  kol_profile_free (profile);
  clReleaseEvent (event);
  clReleaseCommandQueue (queue);
}

/* ---- Tuning ---- */

static void
test_tuning_store (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain", "winograd-4x4", "clblast" };
  const double seconds[] = { 3e-3, 1.25e-4, 0.5 };
  const char *const keys[] = { "matmul 50x3136x1024 nn", "odd [key] = 1;\n#%41 \"ä\"" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (KolDevice) device = open_device ();
      g_assert_null (kol_tuning_lookup (device->tuning, keys[i]));
      kol_tuning_store (device->tuning, keys[i], names, seconds, 3, 1);
      g_autofree char *now = kol_tuning_lookup (device->tuning, keys[i]);
      g_assert_cmpstr (now, ==, "winograd-4x4");

      g_autoptr (KolDevice) later = open_device ();
      g_autofree char *choice = kol_tuning_lookup (later->tuning, keys[i]);
      g_assert_cmpstr (choice, ==, "winograd-4x4");
      g_assert_null (kol_tuning_lookup (later->tuning, "matmul"));

      /* A new measurement replaces the old one. */
      kol_tuning_store (later->tuning, keys[i], names, seconds, 1, 0);
      g_autofree char *replaced = kol_tuning_lookup (later->tuning, keys[i]);
      g_assert_cmpstr (replaced, ==, "plain");
    }
  end_cache (folder, variable);
}

/* Other kernels, of a later version say, may be faster or slower: they are measured again. */
static void
test_tuning_of_other_kernels (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain", "simd" };
  const double seconds[] = { 2, 1 };
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  g_autoptr (KolDevice) device = open_device ();
  kol_tuning_store (device->tuning, "x", names, seconds, 2, 1);
  kol_tuning_strike (device->tuning, "matmul", "simd", "wrong");
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);
  g_assert_true (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &error));
  g_key_file_set_string (file, "kolinsky", "kernels", "those of another version");
  g_assert_true (g_key_file_save_to_file (file, path, &error));

  g_autoptr (KolDevice) later = open_device ();
  g_assert_null (kol_tuning_lookup (later->tuning, "x"));
  g_assert_false (kol_tuning_is_struck (later->tuning, "matmul", "simd"));
  kol_tuning_store (later->tuning, "y", names, seconds, 2, 0);
  g_autoptr (KolDevice) last = open_device ();
  g_autofree char *choice = kol_tuning_lookup (last->tuning, "y");
  g_assert_cmpstr (choice, ==, "plain");
  g_assert_null (kol_tuning_lookup (last->tuning, "x"));
  end_cache (folder, variable);
}

static void
test_tuning_strike (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (KolDevice) device = open_device ();

  g_assert_false (kol_tuning_is_struck (device->tuning, "conv2d", "winograd-4x4"));
  kol_tuning_strike (device->tuning, "conv2d", "winograd-4x4", "wrong in case\n1x33");
  g_assert_true (kol_tuning_is_struck (device->tuning, "conv2d", "winograd-4x4"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "conv2d", "plain"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "matmul", "winograd-4x4"));

  g_autoptr (KolDevice) later = open_device ();
  g_assert_true (kol_tuning_is_struck (later->tuning, "conv2d", "winograd-4x4"));
  kol_tuning_restore (later->tuning, "conv2d", "winograd-4x4");
  g_assert_false (kol_tuning_is_struck (later->tuning, "conv2d", "winograd-4x4"));
  end_cache (folder, variable);
}

/* Two processes have loaded the file; what each stores is kept. */
static void
test_tuning_merge (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain", "simd" };
  const double seconds[] = { 2, 1 };
  g_autoptr (KolDevice) a = open_device ();
  g_autoptr (KolDevice) b = open_device ();

  g_assert_null (kol_tuning_lookup (a->tuning, "x"));
  g_assert_null (kol_tuning_lookup (b->tuning, "x"));
  kol_tuning_store (a->tuning, "a", names, seconds, 2, 0);
  kol_tuning_store (b->tuning, "b", names, seconds, 2, 1);
  kol_tuning_store (a->tuning, "c", names, seconds, 2, 0);

  g_autoptr (KolDevice) later = open_device ();
  g_autofree char *from_a = kol_tuning_lookup (later->tuning, "a");
  g_autofree char *from_b = kol_tuning_lookup (later->tuning, "b");
  g_autofree char *seen_by_a = kol_tuning_lookup (a->tuning, "b");
  g_assert_cmpstr (from_a, ==, "plain");
  g_assert_cmpstr (from_b, ==, "simd");
  g_assert_cmpstr (seen_by_a, ==, "simd");
  end_cache (folder, variable);
}

/* Says when it begins to store a choice, and when it has. */
static int
child_store (void)
{
  const char *const names[] = { "plain", "simd" };
  const double seconds[] = { 2, 1 };
  g_autoptr (KolDevice) device = kol_device_open (NULL, NULL);

  g_print ("storing\n");
  kol_tuning_store (device->tuning, "child", names, seconds, 2, 1);
  g_print ("stored\n");
  return 0;
}

typedef struct {
  GPid pid;
  GIOChannel *output, *errors;
} Child;

static Child
start_child_store (void)
{
  char *arguments[] = { (char *) program_path, (char *) "--child-store", NULL };
  g_autoptr (GError) error = NULL;
  int output, errors;
  Child child;

  g_spawn_async_with_pipes (NULL, arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                            &child.pid, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  child.output = g_io_channel_unix_new (output);
  child.errors = g_io_channel_unix_new (errors);
  g_io_channel_set_close_on_unref (child.output, TRUE);
  g_io_channel_set_close_on_unref (child.errors, TRUE);
  return child;
}

/* Reads on until the child says @word. */
static void
wait_for_word (Child child, const char *word)
{
  for (;;)
    {
      g_autofree char *line = NULL;
      GIOStatus status = g_io_channel_read_line (child.output, &line, NULL, NULL, NULL);
      g_assert_cmpint (status, ==, G_IO_STATUS_NORMAL);
      if (g_str_has_prefix (line, word))
        return;
    }
}

/* What the child wrote to standard error. Given. */
static char *
end_child (Child child)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  int status;

  g_io_channel_read_to_end (child.errors, &text, NULL, NULL);
  g_assert_cmpint (waitpid (child.pid, &status, 0), ==, child.pid);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  g_spawn_close_pid (child.pid);
  g_io_channel_unref (child.output);
  g_io_channel_unref (child.errors);
  return text;
}

/* Another process waits while this one has read the file and not yet written it. */
static void
test_tuning_two_processes (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  kol_tuning_store (device->tuning, "before", (const char *const[]){ "plain" }, (double[]){ 1 }, 1,
                    0);
  g_autoptr (KolDevice) later = open_device ();
  g_autoptr (KolLock) lock = kol_lock_take (lock_path, path, &error);
  g_assert_no_error (error);
  Child child = start_child_store ();
  wait_for_word (child, "storing");
  g_usleep (300000);
  g_assert_true (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL));
  g_key_file_set_string (file, "choice parent", "variant", "plain");
  g_assert_true (g_key_file_save_to_file (file, path, NULL));
  g_clear_pointer (&lock, kol_lock_free);
  wait_for_word (child, "stored");
  g_autofree char *said = end_child (child);

  g_assert_null (strstr (said, "in use"));
  g_autofree char *of_parent = kol_tuning_lookup (later->tuning, "parent");
  g_autofree char *of_child = kol_tuning_lookup (later->tuning, "child");
  g_assert_cmpstr (of_parent, ==, "plain");
  g_assert_cmpstr (of_child, ==, "simd");
  end_cache (folder, variable);
}

/* A file that another process keeps for long is left alone, and that is told. */
static void
test_tuning_busy (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);
  g_autoptr (KolLock) lock = kol_lock_take (lock_path, path, &error);
  g_autofree char *sentence = g_strdup_printf (
      "is in use by process %d; what this process measured is not kept", (int) getpid ());

  g_assert_no_error (error);
  Child child = start_child_store ();
  wait_for_word (child, "stored");
  g_autofree char *said = end_child (child);
  g_assert_nonnull (strstr (said, sentence));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  end_cache (folder, variable);
}

static void
test_tuning_corrupt (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain" };
  const double seconds[] = { 1 };
  g_autoptr (KolDevice) device = open_device ();
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);

  g_assert_true (g_file_set_contents (path, "not a key file\n\xff\xfe[", -1, NULL));
  g_assert_null (kol_tuning_lookup (device->tuning, "a"));
  kol_tuning_store (device->tuning, "a", names, seconds, 1, 0);

  g_autoptr (KolDevice) later = open_device ();
  g_autofree char *choice = kol_tuning_lookup (later->tuning, "a");
  g_assert_cmpstr (choice, ==, "plain");
  end_cache (folder, variable);
}

static void
test_tuning_forced (void)
{
  const struct {
    const char *text;
    const char *op;
    const char *variant;
  } cases[] = { { NULL, "matmul", NULL },
                { "", "matmul", NULL },
                { "plain", "matmul", "plain" },
                { "plain", "conv2d", "plain" },
                { "matmul=clblast,conv2d=plain", "matmul", "clblast" },
                { "matmul=clblast,conv2d=plain", "conv2d", "plain" },
                { "matmul=clblast,conv2d=plain", "conv", NULL },
                { "matmul=clblast,conv2d=plain", "softmax", NULL },
                { " matmul = clblast , simd ", "matmul", "clblast" },
                { " matmul = clblast , simd ", "softmax", "simd" },
                { "simd,matmul=clblast", "matmul", "clblast" },
                { ",,matmul=,", "matmul", NULL } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Variable variable = set_variable ("KOLINSKY_VARIANT", cases[i].text);
      g_autofree char *forced = kol_tuning_forced (cases[i].op);
      g_assert_cmpstr (forced, ==, cases[i].variant);
      restore_variable (variable);
    }
}

/* ---- CLBlast ---- */

typedef struct {
  gboolean transpose_a, transpose_b;
  gsize m, n, k, batch;
} Product;

static float *
random_floats (GRand *random, gsize n)
{
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = (float) g_rand_double_range (random, -1, 1);
  return values;
}

/* One element of one product, in double precision. */
static double
element (const Product *p, const float *a, const float *b, gsize i, gsize j)
{
  double sum = 0;

  for (gsize l = 0; l < p->k; l++)
    sum += (double) (p->transpose_a ? a[l * p->m + i] : a[i * p->k + l])
           * (p->transpose_b ? b[j * p->k + l] : b[l * p->n + j]);
  return sum;
}

static void
check_product (KolQueue *queue, GRand *random, const Product *p)
{
  g_autoptr (GError) error = NULL;
  KolDevice *device = kol_queue_get_device (queue);
  const gsize size_a = p->m * p->k, size_b = p->k * p->n, size_c = p->m * p->n;
  g_autofree float *a = random_floats (random, size_a * p->batch);
  g_autofree float *b = random_floats (random, size_b * p->batch);
  g_autofree float *c = g_new (float, size_c * p->batch);
  g_autoptr (KolBuffer) on_device_a = new_buffer (device, size_a * p->batch * sizeof (float));
  g_autoptr (KolBuffer) on_device_b = new_buffer (device, size_b * p->batch * sizeof (float));
  g_autoptr (KolBuffer) on_device_c = new_buffer (device, size_c * p->batch * sizeof (float));

  kol_queue_write (queue, on_device_a, 0, a, on_device_a->bytes, &error);
  kol_queue_write (queue, on_device_b, 0, b, on_device_b->bytes, &error);
  kol_queue_fill (queue, on_device_c, NAN, &error);
  kol_blas_gemm (queue, p->transpose_a, p->transpose_b, p->m, p->n, p->k, on_device_a,
                 p->transpose_a ? p->m : p->k, size_a, on_device_b, p->transpose_b ? p->k : p->n,
                 size_b, on_device_c, p->n, size_c, p->batch, &error);
  g_assert_no_error (error);
  read_floats (queue, on_device_c, c, size_c * p->batch);

  for (gsize s = 0; s < p->batch; s++)
    for (gsize i = 0; i < p->m; i++)
      for (gsize j = 0; j < p->n; j++)
        {
          double expected = element (p, a + s * size_a, b + s * size_b, i, j);
          g_assert_cmpfloat_with_epsilon (c[s * size_c + i * p->n + j], expected,
                                          1e-5 * sqrt ((double) p->k + 1));
        }
}

static void
test_gemm (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  const gsize shapes[][3]
      = { { 1, 1, 1 }, { 3, 5, 7 }, { 17, 33, 13 }, { 31, 1, 65 }, { 1, 127, 3 }, { 64, 64, 64 } };
  const gsize batches[] = { 1, 3 };

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    for (int transposes = 0; transposes < 4; transposes++)
      for (gsize j = 0; j < G_N_ELEMENTS (batches); j++)
        check_product (queue, random,
                       &(Product){ transposes & 1, transposes >> 1, shapes[i][0], shapes[i][1],
                                   shapes[i][2], batches[j] });
}

/* As `kolinsky tune` leaves it: the first product of a device takes what is remembered. */
static void
remember_parameters (KolDevice *device, const char *key, const char *chosen)
{
  const char *const names[] = { "default", chosen };
  const double seconds[] = { 2, 1 };

  kol_tuning_store (device->tuning, key, names, seconds, 2, 1);
}

static void
test_gemm_parameters (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (GRand) random = g_rand_new_with_seed (11);

  g_assert_false (kol_blas_is_tuned (device));
  remember_parameters (device, "CLBlast's Xgemm", "64x64-4x4");
  remember_parameters (device, "CLBlast's XgemmDirect", "32-4x4");
  remember_parameters (device, "CLBlast's GemmRoutine", "256");
  g_assert_true (kol_blas_is_tuned (device));
  g_assert_false (device->blas_ready);
  check_product (queue, random, &(Product){ FALSE, FALSE, 37, 41, 43, 1 });
  g_assert_true (device->blas_ready);
  check_product (queue, random, &(Product){ TRUE, FALSE, 260, 256, 256, 1 });
  check_product (queue, random, &(Product){ FALSE, TRUE, 260, 257, 255, 1 });
  kol_tuning_forget (device->tuning, "CLBlast's ");
}

static void
test_gemm_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) small = new_buffer (device, 16);
  g_autoptr (KolBuffer) large = new_buffer (device, 64 * 64 * sizeof (float));

  g_assert_false (kol_blas_gemm (queue, FALSE, FALSE, 64, 64, 64, small, 64, 0, large, 64, 0, large,
                                 64, 0, 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "matrix A"));
  g_assert_nonnull (strstr (error->message, "-1011"));

  /* Nothing is enqueued while collecting. */
  g_clear_error (&error);
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (kol_blas_gemm (queue, FALSE, FALSE, 64, 64, 64, NULL, 64, 0, NULL, 64, 0, NULL, 64,
                                0, 1, &error));
}

static gpointer
multiply (gpointer data)
{
  g_autoptr (KolQueue) queue = open_queue (data);
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  for (gsize i = 1; i < 8; i++)
    check_product (queue, random, &(Product){ FALSE, TRUE, 8 * i, 9, 10 + i, 1 });
  return NULL;
}

static void
test_gemm_threads (void)
{
  g_autoptr (KolDevice) a = open_device ();
  g_autoptr (KolDevice) b = open_device ();
  if (skip_on_simulator (a, "the simulator runs one queue at a time"))
    return;
  GThread *first = g_thread_new ("multiply", multiply, a);
  GThread *second = g_thread_new ("multiply", multiply, b);

  g_thread_join (first);
  g_thread_join (second);
}

/* ---- Main ---- */

static void
add_tests (void)
{
  const struct {
    const char *path;
    Damage damage;
  } damages[] = { { "/program/cache/corrupt/payload", FLIP_PAYLOAD },
                  { "/program/cache/corrupt/sum", FLIP_SUM },
                  { "/program/cache/corrupt/version", FLIP_VERSION },
                  { "/program/cache/corrupt/not-a-binary", NOT_A_BINARY },
                  { "/program/cache/truncated/payload", CUT_PAYLOAD },
                  { "/program/cache/truncated/header", CUT_HEADER },
                  { "/program/cache/truncated/empty", EMPTY } };

  g_test_add_func ("/device/list", test_list);
  g_test_add_func ("/device/open/index", test_open_index);
  g_test_add_func ("/device/open/name", test_open_name);
  g_test_add_func ("/device/open/platform", test_open_platform);
  g_test_add_func ("/device/open/unknown", test_open_unknown);
  g_test_add_func ("/device/open/environment", test_open_environment);
  g_test_add_func ("/device/open/none", test_open_none);
  g_test_add_func ("/device/vector-width", test_vector_width);
  g_test_add_func ("/device/budget", test_budget_variable);
  g_test_add_func ("/error/names", test_error_names);
  g_test_add_func ("/buffer/pool/reuse", test_pool_reuse);
  g_test_add_func ("/buffer/pool/best-fit", test_pool_best_fit);
  g_test_add_func ("/buffer/pool/budget", test_pool_budget);
  g_test_add_func ("/buffer/pool/trim", test_pool_trim);
  g_test_add_func ("/buffer/too-large", test_buffer_too_large);
  g_test_add_func ("/buffer/empty", test_buffer_empty);
  g_test_add_func ("/blas/parameters", test_gemm_parameters);
  g_test_add_func ("/buffer/fresh", test_buffer_fresh);
  g_test_add_func ("/buffer/outlives-device", test_buffer_outlives_device);
  g_test_add_func ("/buffer/transfers", test_buffer_transfers);
  g_test_add_func ("/buffer/two-queues", test_buffer_two_queues);
  g_test_add_func ("/program/launch", test_launch);
  g_test_add_func ("/program/null-buffer", test_null_buffer);
  g_test_add_func ("/program/argument-count", test_argument_count);
  g_test_add_func ("/program/group-too-large", test_group_too_large);
  g_test_add_func ("/program/unknown", test_unknown_program);
  g_test_add_func ("/program/build-error", test_build_error);
  g_test_add_func ("/program/threads", test_threads);
  g_test_add_func ("/program/cache/second-load", test_cache_second_load);
  g_test_add_func ("/program/cache/cancelled", test_cancelled_between_programs);
  for (gsize i = 0; i < G_N_ELEMENTS (damages); i++)
    g_test_add_data_func (damages[i].path, GINT_TO_POINTER (damages[i].damage), test_cache_damage);
  g_test_add_func ("/program/cache/unwritable", test_cache_unwritable);
  g_test_add_func ("/program/cache/two-processes", test_cache_two_processes);
  g_test_add_func ("/profile/json-checker", test_json_checker);
  g_test_add_func ("/profile/table-and-trace", test_profile);
  g_test_add_func ("/profile/off", test_profile_off);
  g_test_add_func ("/profile/at-work", test_profile_at_work);
  g_test_add_func ("/profile/operations", test_profile_operations);
  g_test_add_func ("/profile/many", test_profile_many);
  g_test_add_func ("/profile/lets-go", test_profile_lets_go);
  g_test_add_func ("/tuning/store", test_tuning_store);
  g_test_add_func ("/tuning/other-kernels", test_tuning_of_other_kernels);
  g_test_add_func ("/tuning/strike", test_tuning_strike);
  g_test_add_func ("/tuning/merge", test_tuning_merge);
  g_test_add_func ("/tuning/two-processes", test_tuning_two_processes);
  g_test_add_func ("/tuning/busy", test_tuning_busy);
  g_test_add_func ("/tuning/corrupt", test_tuning_corrupt);
  g_test_add_func ("/tuning/forced", test_tuning_forced);
  g_test_add_func ("/blas/gemm", test_gemm);
  g_test_add_func ("/blas/errors", test_gemm_errors);
  g_test_add_func ("/blas/threads", test_gemm_threads);
}

static void
skip_without_device (void)
{
  g_test_skip ("there is no OpenCL device");
}

int
main (int argc, char **argv)
{
  if (argc == 2 && g_str_equal (argv[1], "--child-open"))
    return child_open ();
  if (argc == 2 && g_str_equal (argv[1], "--child-compile"))
    return child_compile ();
  if (argc == 2 && g_str_equal (argv[1], "--child-store"))
    return child_store ();

  g_test_init (&argc, &argv, NULL);
  program_path = argv[0];

  Variable variable;
  char *cache = begin_cache (&variable);
  g_autoptr (GPtrArray) list = kol_devices_list ();
  if (list->len > 0)
    add_tests ();
  else
    g_test_add_func ("/device/none", skip_without_device);
  int status = g_test_run ();
  end_cache (cache, variable);
  return status;
}
