/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "device/profile-private.h"
#include "fixture.h"

#include <string.h>

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

static void
add_tests (void)
{
  g_test_add_func ("/profile/json-checker", test_json_checker);
  g_test_add_func ("/profile/table-and-trace", test_profile);
  g_test_add_func ("/profile/off", test_profile_off);
  g_test_add_func ("/profile/at-work", test_profile_at_work);
  g_test_add_func ("/profile/operations", test_profile_operations);
  g_test_add_func ("/profile/many", test_profile_many);
  g_test_add_func ("/profile/lets-go", test_profile_lets_go);
}

int
main (int argc, char **argv)
{
  return run_device_tests (argc, argv, add_tests, NULL);
}
