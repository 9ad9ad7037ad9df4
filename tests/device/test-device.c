/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <math.h>
#include <string.h>

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

/* Many buffers, of sizes that comfort would round up by a tenth, as a plan has counted on. */
static void
test_pool_loses_little (void)
{
  g_autoptr (KolDevice) device = open_device ();
  KolBuffer *buffers[96];
  gsize sum = 0;

  for (guint turn = 0; turn < 2; turn++, sum = 0)
    {
      for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
        sum += 66000 + turn * 3000 + i * 128;
      kol_device_set_budget (device, sum + sum / 64);
      for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
        buffers[i] = new_buffer (device, 66000 + turn * 3000 + i * 128);
      for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
        kol_buffer_unref (buffers[i]);
    }
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

static void
add_tests (void)
{
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
  g_test_add_func ("/buffer/pool/loses-little", test_pool_loses_little);
  g_test_add_func ("/buffer/pool/trim", test_pool_trim);
  g_test_add_func ("/buffer/too-large", test_buffer_too_large);
  g_test_add_func ("/buffer/empty", test_buffer_empty);
  g_test_add_func ("/buffer/fresh", test_buffer_fresh);
  g_test_add_func ("/buffer/outlives-device", test_buffer_outlives_device);
  g_test_add_func ("/buffer/transfers", test_buffer_transfers);
  g_test_add_func ("/buffer/two-queues", test_buffer_two_queues);
  g_test_add_func ("/program/threads", test_threads);
}

static int
child (const char *job)
{
  g_assert_cmpstr (job, ==, "open");
  return child_open ();
}

int
main (int argc, char **argv)
{
  return run_device_tests (argc, argv, add_tests, child);
}
