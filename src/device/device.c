/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "device-private.h"

#include "blas-private.h"
#include "buffer-private.h"
#include "profile-private.h"
#include "program-private.h"
#include "tuning-private.h"

#include <errno.h>
#include <string.h>

#define MEMORY_SHARE 0.8 /* of what there is, as the default budget */

/*
 * What listing finds. The public part comes first, so that a list of these
 * is a list of KolDeviceInfo.
 */
typedef struct {
  KolDeviceInfo info;
  cl_platform_id platform;
  cl_device_id id;
  gboolean cpu;
} Found;

/* ---- Listing ---- */

static void
info_clear (KolDeviceInfo *info)
{
  g_free (info->name);
  g_free (info->platform);
  g_free (info->type);
  g_free (info->driver);
  g_free (info->version);
}

static void
found_free (gpointer data)
{
  Found *found = data;

  info_clear (&found->info);
  g_free (found);
}

static char *
platform_text (cl_platform_id platform, cl_platform_info what)
{
  gsize size = 0;

  if (clGetPlatformInfo (platform, what, 0, NULL, &size) != CL_SUCCESS || size == 0)
    return g_strdup ("");

  char *text = g_malloc0 (size + 1);
  if (clGetPlatformInfo (platform, what, size, text, NULL) != CL_SUCCESS)
    text[0] = '\0';
  return g_strstrip (text);
}

static char *
device_text (cl_device_id id, cl_device_info what)
{
  gsize size = 0;

  if (clGetDeviceInfo (id, what, 0, NULL, &size) != CL_SUCCESS || size == 0)
    return g_strdup ("");

  char *text = g_malloc0 (size + 1);
  if (clGetDeviceInfo (id, what, size, text, NULL) != CL_SUCCESS)
    text[0] = '\0';
  return g_strstrip (text);
}

static guint
device_uint (cl_device_id id, cl_device_info what)
{
  cl_uint value = 0;

  return clGetDeviceInfo (id, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

static guint64
device_ulong (cl_device_id id, cl_device_info what)
{
  cl_ulong value = 0;

  return clGetDeviceInfo (id, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

/* A simulator may claim to be of several types: the CPU comes first, as its limits are a CPU's. */
static cl_device_type
device_type (cl_device_id id)
{
  cl_device_type bits = 0;

  clGetDeviceInfo (id, CL_DEVICE_TYPE, sizeof bits, &bits, NULL);
  if (bits & CL_DEVICE_TYPE_CPU)
    return CL_DEVICE_TYPE_CPU;
  if (bits & CL_DEVICE_TYPE_GPU)
    return CL_DEVICE_TYPE_GPU;
  if (bits & CL_DEVICE_TYPE_ACCELERATOR)
    return CL_DEVICE_TYPE_ACCELERATOR;
  return CL_DEVICE_TYPE_CUSTOM;
}

static gboolean
can_round_divisions (cl_device_id id)
{
  cl_device_fp_config can = 0;

  clGetDeviceInfo (id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof can, &can, NULL);
  return (can & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
}

static const char *
type_name (cl_device_type type)
{
  switch (type)
    {
    case CL_DEVICE_TYPE_CPU:
      return "CPU";
    case CL_DEVICE_TYPE_GPU:
      return "GPU";
    case CL_DEVICE_TYPE_ACCELERATOR:
      return "accelerator";
    default:
      return "custom";
    }
}

/*
 * The type decides, then units times MHz. Two drivers for one CPU tell different
 * clocks of the same silicon, so CPUs compare by units, then by vector width.
 */
static int
score_for (cl_device_type type, guint units, guint clock, guint native_width)
{
  const guint64 span = 400 * 1000 * 1000; /* below the distance of two types */
  guint64 speed = (guint64) units * clock;

  switch (type)
    {
    case CL_DEVICE_TYPE_GPU:
      return 1500 * 1000 * 1000 + (int) MIN (speed, span);
    case CL_DEVICE_TYPE_ACCELERATOR:
      return 1000 * 1000 * 1000 + (int) MIN (speed, span);
    case CL_DEVICE_TYPE_CPU:
      return 500 * 1000 * 1000 + (int) MIN ((guint64) units * 1000 + MIN (native_width, 999), span);
    default:
      return 0;
    }
}

/* KOLINSKY_VECTOR_WIDTH as a number: 0 if it is not set, -1 if it is none of 1, 4, 8 and 16. */
static int
forced_vector_width (void)
{
  const char *text = g_getenv ("KOLINSKY_VECTOR_WIDTH");

  if (!text || !*text)
    return 0;
  for (int width = 1; width <= 16; width *= 2)
    {
      char digits[8];
      g_snprintf (digits, sizeof digits, "%d", width);
      if (width != 2 && g_str_equal (text, digits))
        return width;
    }
  return -1;
}

static guint
vector_width_for (cl_device_type type, guint native_width)
{
  if (type != CL_DEVICE_TYPE_CPU)
    return 1;
  int forced = forced_vector_width ();
  if (forced > 0)
    return forced;
  /* The widths that OpenCL C has: one that is not a power of two is rounded down. */
  return native_width >= 16 ? 16 : native_width >= 8 ? 8 : 4;
}

static Found *
found_new (cl_platform_id platform, cl_device_id id, guint index)
{
  Found *found = g_new0 (Found, 1);
  KolDeviceInfo *info = &found->info;
  cl_device_type type = device_type (id);
  guint native_width = device_uint (id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);

  found->platform = platform;
  found->id = id;
  found->cpu = type == CL_DEVICE_TYPE_CPU;
  info->index = index;
  info->name = device_text (id, CL_DEVICE_NAME);
  info->platform = platform_text (platform, CL_PLATFORM_NAME);
  info->type = g_strdup (type_name (type));
  info->driver = device_text (id, CL_DRIVER_VERSION);
  info->version = device_text (id, CL_DEVICE_VERSION);
  info->compute_units = device_uint (id, CL_DEVICE_MAX_COMPUTE_UNITS);
  info->memory = device_ulong (id, CL_DEVICE_GLOBAL_MEM_SIZE);
  info->largest_allocation = device_ulong (id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  info->local_memory = device_ulong (id, CL_DEVICE_LOCAL_MEM_SIZE);
  info->vector_width = vector_width_for (type, native_width);
  info->score = score_for (type, info->compute_units,
                           device_uint (id, CL_DEVICE_MAX_CLOCK_FREQUENCY), native_width);
  return found;
}

/* A platform without devices, or one whose driver fails, adds nothing. */
static void
list_platform (cl_platform_id platform, GPtrArray *list)
{
  cl_uint n = 0;

  if (clGetDeviceIDs (platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n) != CL_SUCCESS || n == 0)
    return;

  g_autofree cl_device_id *ids = g_new0 (cl_device_id, n);
  if (clGetDeviceIDs (platform, CL_DEVICE_TYPE_ALL, n, ids, NULL) != CL_SUCCESS)
    return;
  for (cl_uint i = 0; i < n; i++)
    g_ptr_array_add (list, found_new (platform, ids[i], list->len));
}

/**
 * kol_devices_list:
 *
 * Lists every device of every OpenCL platform, in the loader's order; a
 * device's place in this list is its index. A platform that has no devices or
 * whose driver fails is left out, and without any driver the list is empty.
 *
 * From any thread.
 *
 * Returns: (transfer full) (element-type KolDeviceInfo): the devices
 */
GPtrArray *
kol_devices_list (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (found_free);
  cl_uint n = 0;

  if (clGetPlatformIDs (0, NULL, &n) != CL_SUCCESS || n == 0)
    return list;

  g_autofree cl_platform_id *platforms = g_new0 (cl_platform_id, n);
  if (clGetPlatformIDs (n, platforms, NULL) != CL_SUCCESS)
    return list;
  for (cl_uint i = 0; i < n; i++)
    list_platform (platforms[i], list);
  return list;
}

/* ---- Choosing ---- */

static gboolean
contains (const char *text, const char *folded_part)
{
  g_autofree char *folded = g_utf8_casefold (text, -1);

  return strstr (folded, folded_part) != NULL;
}

/* Whether @choice is written in digits only: then it can only be an index. */
static gboolean
is_index (const char *choice)
{
  return choice[strspn (choice, "0123456789")] == '\0';
}

/*
 * How well a device fits: 0 not at all, 2 if the platform or its driver is
 * named, which says more than a part of the device's name: every driver's CPU
 * device may be called "Intel".
 */
static int
fit (const KolDeviceInfo *info, const char *choice)
{
  if (!choice || !*choice)
    return 1;
  if (is_index (choice))
    return g_ascii_strtoull (choice, NULL, 10) == info->index;

  g_autofree char *part = g_utf8_casefold (choice, -1);
  /* PoCL calls itself by that name in the version only. */
  if (contains (info->platform, part) || contains (info->version, part))
    return 2;
  return contains (info->name, part) || contains (info->type, part);
}

/* The best device that fits: by score, then by fit, then the first; or NULL. */
static Found *
choose (GPtrArray *list, const char *choice)
{
  Found *best = NULL;
  int best_fit = 0;

  for (guint i = 0; i < list->len; i++)
    {
      Found *found = g_ptr_array_index (list, i);
      int this_fit = fit (&found->info, choice);
      if (this_fit == 0)
        continue;
      if (!best || found->info.score > best->info.score
          || (found->info.score == best->info.score && this_fit > best_fit))
        {
          best = found;
          best_fit = this_fit;
        }
    }
  return best;
}

static void
set_no_match_error (GPtrArray *list, const char *choice, gboolean from_environment, GError **error)
{
  g_autoptr (GString) devices = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++)
    {
      const KolDeviceInfo *info = g_ptr_array_index (list, i);
      g_string_append_printf (devices, "\n  %u: %s (%s, %s)", info->index, info->name, info->type,
                              info->platform);
    }
  g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
               "No OpenCL device matches \"%s\"%s. Choose an index or a part of a name from:%s",
               choice, from_environment ? " (from KOLINSKY_DEVICE)" : "", devices->str);
}

/* ---- Memory budget ---- */

/* Bytes that the system could still give, or G_MAXUINT64 where it does not say. */
static guint64
available_host_memory (void)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return G_MAXUINT64;
  const char *line = strstr (text, "MemAvailable:");
  if (!line)
    return G_MAXUINT64;
  return g_ascii_strtoull (line + strlen ("MemAvailable:"), NULL, 10) * 1024;
}

/* "512M" and the like; K, M and G are powers of 1024. */
static gboolean
parse_bytes (const char *text, guint64 *bytes)
{
  char *end = NULL;
  guint64 number = g_ascii_strtoull (text, &end, 10);
  guint shift = 0;

  if (end == text || !g_ascii_isdigit (text[0]))
    return FALSE;
  switch (g_ascii_toupper (*end))
    {
    case 'K':
      shift = 10;
      break;
    case 'M':
      shift = 20;
      break;
    case 'G':
      shift = 30;
      break;
    case '\0':
      end--; /* no suffix to step over */
      break;
    default:
      return FALSE;
    }
  if (end[1] != '\0' || number == 0 || number > G_MAXUINT64 >> shift)
    return FALSE;
  *bytes = number << shift;
  return TRUE;
}

static gboolean
default_budget (const Found *found, guint64 *budget, GError **error)
{
  const char *forced = g_getenv ("KOLINSKY_MEMORY");

  if (forced && *forced)
    {
      if (parse_bytes (forced, budget))
        return TRUE;
      g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                   "KOLINSKY_MEMORY is \"%s\"; give a number of bytes, such as 512M or 2G", forced);
      return FALSE;
    }

  guint64 memory = found->info.memory;
  if (found->cpu)
    memory = MIN (memory, available_host_memory ());
  *budget = (guint64) ((double) memory * MEMORY_SHARE);
  return TRUE;
}

/* ---- Opening ---- */

static gboolean
check_vector_width (GError **error)
{
  if (forced_vector_width () >= 0)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
               "KOLINSKY_VECTOR_WIDTH is \"%s\"; it can be 1, 4, 8 or 16",
               g_getenv ("KOLINSKY_VECTOR_WIDTH"));
  return FALSE;
}

static KolDevice *
open_found (Found *found, GError **error)
{
  guint64 budget;
  cl_int code;

  if (!check_vector_width (error) || !default_budget (found, &budget, error))
    return NULL;

  const cl_context_properties properties[]
      = { CL_CONTEXT_PLATFORM, (cl_context_properties) found->platform, 0 };
  cl_context context = clCreateContext (properties, 1, &found->id, NULL, NULL, &code);
  if (!context)
    {
      kol_cl_fail (code, error, "Opening %s (%s)", found->info.name, found->info.platform);
      return NULL;
    }

  KolDevice *device = g_new0 (KolDevice, 1);
  g_atomic_ref_count_init (&device->references);
  g_mutex_init (&device->lock);
  device->info = found->info;
  found->info = (KolDeviceInfo){ 0 }; /* its strings are the device's now */
  device->platform = found->platform;
  device->id = found->id;
  device->context = context;
  device->simd = device->info.vector_width > 1; /* a CPU, unless it is to work as a GPU does */
  device->rounds_divisions = !device->simd && can_round_divisions (found->id);
  device->budget = budget;
  clGetDeviceInfo (found->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof device->max_work_group,
                   &device->max_work_group, NULL);
  device->alignment = device_uint (found->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* in bits */
  device->queues = g_ptr_array_new ();
  device->pool = kol_pool_new ();
  device->programs = kol_programs_new ();
  device->tuning = kol_tuning_new (device);
  return device;
}

/**
 * kol_devices_choose:
 * @devices: (element-type KolDeviceInfo): of kol_devices_list()
 * @choice: (nullable): as for [func@device_open]
 *
 * Which device [func@device_open] would open, without opening it.
 *
 * Returns: (transfer none) (nullable): one of @devices; %NULL if none matches
 */
const KolDeviceInfo *
kol_devices_choose (GPtrArray *devices, const char *choice)
{
  g_return_val_if_fail (devices != NULL, NULL);
  Found *found = choose (devices, choice && *choice ? choice : g_getenv ("KOLINSKY_DEVICE"));

  return found ? &found->info : NULL;
}

/**
 * kol_device_open:
 * @choice: (nullable): an index of [func@devices_list] ("1"), or a part of a
 *   device's name, platform, version or type ("gpu"), in any case
 * @error: where to put a %KOL_ERROR_DEVICE
 *
 * Opens a device. Of several that match, the one with the best score is taken;
 * of equals, one whose platform or version matches, then the first. Without a @choice (%NULL or "")
 * the environment's `KOLINSKY_DEVICE` is the choice, and without that all devices match.
 *
 * The memory budget starts at 80 % of the device's memory, on a CPU of what the
 * system has available; `KOLINSKY_MEMORY` ("512M", "2G"; powers of 1024)
 * overrides it. `KOLINSKY_VECTOR_WIDTH` (4, 8 or 16) overrides a CPU's vectors; 1
 * makes it compute as a GPU does, which is slow, and for tests.
 *
 * Fails if nothing matches, naming what there is; if there is no device at all,
 * naming what to install; and if the driver refuses. From any thread.
 *
 * Returns: (transfer full) (nullable): the device
 */
KolDevice *
kol_device_open (const char *choice, GError **error)
{
  gboolean from_environment = !choice || !*choice;
  g_autoptr (GPtrArray) list = kol_devices_list ();

  if (list->len == 0)
    {
      g_set_error_literal (
          error, KOL_ERROR, KOL_ERROR_DEVICE,
          "No OpenCL device was found. On Debian or Ubuntu the package pocl-opencl-icd makes "
          "the CPU one; a GPU needs its vendor's OpenCL driver");
      return NULL;
    }

  if (from_environment)
    choice = g_getenv ("KOLINSKY_DEVICE");
  Found *found = choose (list, choice);
  if (!found)
    {
      set_no_match_error (list, choice, from_environment, error);
      return NULL;
    }
  return open_found (found, error);
}

/**
 * kol_device_ref:
 * @device: a device
 *
 * Takes a reference. From any thread.
 *
 * Returns: (transfer full): @device
 */
KolDevice *
kol_device_ref (KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  g_atomic_ref_count_inc (&device->references);
  return device;
}

/**
 * kol_device_unref:
 * @device: (transfer full): a device
 *
 * Drops a reference; the last one releases the device's memory, programs and
 * context. Buffers and queues hold references of their own. From any thread.
 */
void
kol_device_unref (KolDevice *device)
{
  g_return_if_fail (device);

  if (!g_atomic_ref_count_dec (&device->references))
    return;
  g_clear_object (&device->cancellable);
  g_clear_pointer (&device->all_profile, kol_profile_free);
  kol_tuning_free (device->tuning);
  kol_programs_free (device->programs);
  kol_pool_free (device->pool);
  kol_blas_clear ();
  clReleaseContext (device->context);
  g_ptr_array_unref (device->queues);
  info_clear (&device->info);
  g_free (device->cache);
  g_mutex_clear (&device->lock);
  g_free (device);
}

/**
 * kol_device_get_info:
 * @device: a device
 *
 * What is known of the device. From any thread.
 *
 * Returns: (transfer none): the description, which lives as long as @device
 */
const KolDeviceInfo *
kol_device_get_info (const KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  return &device->info;
}

/**
 * kol_device_set_budget:
 * @device: a device
 * @bytes: the most that buffers may take together, in bytes
 *
 * Limits the device memory. What is in use stays, also if it is more; unused
 * memory that is kept for later buffers is released as far as needed. From any
 * thread.
 */
void
kol_device_set_budget (KolDevice *device, guint64 bytes)
{
  g_return_if_fail (device);

  g_mutex_lock (&device->lock);
  device->budget = bytes;
  g_mutex_unlock (&device->lock);
  kol_pool_trim (device->pool, bytes);
}

/**
 * kol_device_trim:
 * @device: a device
 *
 * Gives memory back that is kept for later buffers. Worth its time after something
 * large. From any thread.
 */
void
kol_device_trim (KolDevice *device)
{
  g_return_if_fail (device);

  kol_pool_trim (device->pool, 0);
}

/**
 * kol_device_get_budget:
 * @device: a device
 *
 * The most that buffers may take together. From any thread.
 *
 * Returns: bytes
 */
guint64
kol_device_get_budget (const KolDevice *device)
{
  g_return_val_if_fail (device, 0);

  GMutex *lock = (GMutex *) &device->lock;
  g_mutex_lock (lock);
  guint64 budget = device->budget;
  g_mutex_unlock (lock);
  return budget;
}

/**
 * kol_device_get_memory_used:
 * @device: a device
 *
 * The memory that buffers take now, without what the pool keeps for later ones.
 * Sizes are rounded up, so this is a little more than was asked for. From any
 * thread.
 *
 * Returns: bytes
 */
guint64
kol_device_get_memory_used (const KolDevice *device)
{
  g_return_val_if_fail (device, 0);

  return kol_pool_get_used (device->pool);
}

/**
 * kol_device_set_progress:
 * @device: a device
 * @progress: (nullable): called while programs compile
 * @user_data: given to @progress
 *
 * Sets who is told when something on the device takes long, such as compiling
 * on the first run. @progress is called from the thread that does the work.
 */
void
kol_device_set_progress (KolDevice *device, KolProgress progress, gpointer user_data)
{
  g_return_if_fail (device);

  g_mutex_lock (&device->lock);
  device->progress = progress;
  device->progress_data = user_data;
  g_mutex_unlock (&device->lock);
}

/**
 * kol_device_set_cancellable:
 * @device: a device
 * @cancellable: (nullable): once it is cancelled, nothing is compiled any more
 *
 * For who wants to end soon, whatever is being done with the device: compiling can take longer than
 * all else. What needs a program that is neither in memory nor in the cache then fails with
 * %G_IO_ERROR_CANCELLED; what has its programs goes on. A graph's own cancellable ends the work of
 * that graph alone. From any thread.
 */
void
kol_device_set_cancellable (KolDevice *device, GCancellable *cancellable)
{
  g_return_if_fail (device);

  g_mutex_lock (&device->lock);
  g_set_object (&device->cancellable, cancellable);
  g_mutex_unlock (&device->lock);
}

gboolean
kol_device_is_cancelled (KolDevice *device, GError **error)
{
  g_mutex_lock (&device->lock);
  gboolean cancelled = g_cancellable_set_error_if_cancelled (device->cancellable, error);
  g_mutex_unlock (&device->lock);
  return cancelled;
}

/**
 * kol_device_set_pause:
 * @device: a device
 * @pause: (nullable): asked whether to pause
 * @user_data: given to @pause
 *
 * For who has other work for the thread that prepares a run, which can compile and measure for
 * minutes. Where @pause says so, once something was compiled or measured since this call, what
 * would compile or measure more fails with %G_IO_ERROR_CANCELLED. What was done stays: after
 * another kol_device_set_pause() the same run goes on from there. @pause is called from the thread
 * that does the work.
 */
void
kol_device_set_pause (KolDevice *device, KolPause pause, gpointer user_data)
{
  g_return_if_fail (device);

  g_mutex_lock (&device->lock);
  device->pause = pause;
  device->pause_data = user_data;
  device->prepared = FALSE;
  g_mutex_unlock (&device->lock);
}

gboolean
kol_device_is_paused (KolDevice *device, GError **error)
{
  g_mutex_lock (&device->lock);
  KolPause pause = device->prepared ? device->pause : NULL;
  gpointer data = device->pause_data;
  g_mutex_unlock (&device->lock);

  if (!pause || !pause (data))
    return FALSE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                       "What prepares a run was broken off, to go on later");
  return TRUE;
}

void
kol_device_note_prepared (KolDevice *device)
{
  g_mutex_lock (&device->lock);
  device->prepared = TRUE;
  g_mutex_unlock (&device->lock);
}

KolProgress
kol_device_get_progress (KolDevice *device, gpointer *user_data)
{
  g_mutex_lock (&device->lock);
  KolProgress progress = device->progress;
  *user_data = device->progress_data;
  g_mutex_unlock (&device->lock);
  return progress;
}

void
kol_device_finish_queues (KolDevice *device)
{
  /* The lock keeps the queues alive: each leaves the list, under it, before it goes. */
  g_mutex_lock (&device->lock);
  for (guint i = 0; i < device->queues->len; i++)
    clFinish (kol_queue_get_handle (g_ptr_array_index (device->queues, i)));
  g_mutex_unlock (&device->lock);
}

/* ---- Profiling ---- */

/**
 * kol_device_set_profiling:
 * @device: a device
 * @on: whether to note the time of each launch
 * @error: where to put a %KOL_ERROR_DEVICE
 *
 * Switches profiling on or off. It costs time, so it is off at first. Work that
 * goes on already is noted from the end of its next step, and costs nothing any
 * more from the end of the step in which profiling was switched off. What was
 * noted is kept then. From any thread.
 *
 * Returns: %FALSE if the driver cannot measure
 */
gboolean
kol_device_set_profiling (KolDevice *device, gboolean on, GError **error)
{
  cl_command_queue_properties properties = 0;

  g_return_val_if_fail (device, FALSE);

  clGetDeviceInfo (device->id, CL_DEVICE_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
  if (on && !(properties & CL_QUEUE_PROFILING_ENABLE))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                   "%s (%s) cannot profile: its driver does "
                   "not measure time",
                   device->info.name, device->info.platform);
      return FALSE;
    }

  /* Once made, the profile stays: another thread may be adding to it right now. */
  g_mutex_lock (&device->lock);
  if (on && !device->all_profile)
    device->all_profile = kol_profile_new ();
  g_atomic_pointer_set (&device->profile, on ? device->all_profile : NULL);
  g_mutex_unlock (&device->lock);
  return TRUE;
}

static KolProfile *
get_profile (KolDevice *device)
{
  g_mutex_lock (&device->lock);
  KolProfile *profile = device->all_profile;
  g_mutex_unlock (&device->lock);
  return profile;
}

static KolProfile *
finished_profile (KolDevice *device)
{
  kol_device_finish_queues (device);
  return get_profile (device);
}

/**
 * kol_device_profile_clear:
 * @device: a device
 *
 * Forgets what was profiled, and what is under way. From any thread.
 */
void
kol_device_profile_clear (KolDevice *device)
{
  g_return_if_fail (device);

  KolProfile *profile = get_profile (device);
  if (profile)
    kol_profile_clear (profile);
}

/**
 * kol_device_profile_list:
 * @device: a device
 *
 * What was profiled and has ended, without waiting for the device: to be shown
 * while it works. From any thread.
 *
 * Returns: (transfer full) (element-type KolKernelTotal): the kernels, the most
 *   expensive first; empty if profiling was never on
 */
GPtrArray *
kol_device_profile_list (KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  KolProfile *profile = get_profile (device);
  return profile ? kol_profile_list (profile) : g_ptr_array_new ();
}

/**
 * kol_device_profile_table:
 * @device: a device
 *
 * Waits for the device, then prints what was profiled: per kernel the number of
 * labels (nodes) that launched it, calls, total milliseconds, mean microseconds,
 * share, and rates where they are known, the most expensive first. From any thread.
 *
 * Returns: (transfer full): the table, or a sentence if profiling was never on
 */
char *
kol_device_profile_table (KolDevice *device)
{
  g_return_val_if_fail (device, NULL);

  KolProfile *profile = finished_profile (device);
  return profile ? kol_profile_table (profile) : g_strdup ("Profiling was not switched on.\n");
}

/**
 * kol_device_profile_save:
 * @device: a device
 * @path: (type filename): the file to write, replaced at once
 * @error: where to put a %KOL_ERROR_DEVICE or a %G_FILE_ERROR
 *
 * Waits for the device, then writes every profiled launch in Chrome's trace
 * format (JSON), for Perfetto or `chrome://tracing`. From any thread.
 *
 * Returns: %FALSE if profiling was never on, or the file cannot be written
 */
gboolean
kol_device_profile_save (KolDevice *device, const char *path, GError **error)
{
  g_return_val_if_fail (device && path, FALSE);

  KolProfile *profile = finished_profile (device);
  if (profile)
    return kol_profile_save (profile, path, error);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
               "There is no profile to save to %s: switch profiling on before the run", path);
  return FALSE;
}

/* ---- Cache folder ---- */

char *
kol_device_identity (const KolDevice *device)
{
  gboolean disguised = !device->simd && g_str_equal (device->info.type, "CPU");

  return g_strdup_printf ("%s | %s | %s%s", device->info.name, device->info.platform,
                          device->info.driver, disguised ? " | as a GPU" : "");
}

static char *
cache_path (const KolDevice *device)
{
  const char *base = g_getenv ("KOLINSKY_CACHE");
  g_autofree char *identity = kol_device_identity (device);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, identity, -1);

  sum[16] = '\0';
  if (base && *base)
    return g_build_filename (base, sum, NULL);
  return g_build_filename (g_get_user_cache_dir (), "kolinsky", sum, NULL);
}

const char *
kol_device_get_cache (KolDevice *device)
{
  g_mutex_lock (&device->lock);
  if (!device->cache)
    {
      device->cache = cache_path (device);
      if (g_mkdir_with_parents (device->cache, 0755) != 0)
        g_debug ("The cache folder %s cannot be made: %s", device->cache, g_strerror (errno));
    }
  const char *path = device->cache;
  g_mutex_unlock (&device->lock);
  return path;
}
