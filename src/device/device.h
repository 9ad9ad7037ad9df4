/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "error.h"

G_BEGIN_DECLS

/** KolDevice: an opened OpenCL device. Reference-counted, usable from any thread. */
typedef struct _KolDevice KolDevice;

/**
 * KolDeviceInfo:
 * @index: position in the flat list over all platforms, from 0
 * @name: the device's name, as the driver gives it
 * @platform: the platform's name
 * @type: "GPU", "CPU", "accelerator" or "custom"
 * @driver: the driver's version
 * @version: the device's OpenCL version string
 * @compute_units: number of compute units
 * @memory: bytes of global memory
 * @largest_allocation: bytes of the largest single buffer
 * @local_memory: bytes of local memory per work-group
 * @vector_width: float elements of a native vector (1 where work-items are scalar)
 * @score: the higher, the better a default; GPUs before CPUs
 *
 * What is known of a device before it is opened.
 */
typedef struct {
  guint index;
  char *name;
  char *platform;
  char *type;
  char *driver;
  char *version;
  guint compute_units;
  guint64 memory;
  guint64 largest_allocation;
  guint64 local_memory;
  guint vector_width;
  int score;
} KolDeviceInfo;

/**
 * KolProgress:
 * @stage: what is being done, for people ("Compiling kernels")
 * @done: how many are done
 * @total: of how many
 * @user_data: as given with the function
 *
 * Called from the thread that does the work.
 */
typedef void (*KolProgress) (const char *stage, guint done, guint total, gpointer user_data);

/** KolPause: whether what is compiled and measured is to pause; see kol_device_set_pause(). */
typedef gboolean (*KolPause) (gpointer user_data);

/**
 * KolKernelTotal:
 * @kernel: the kernel's name; "read", "write", "fill" and "copy" are OpenCL's own
 * @labels: how many nodes of graphs have launched it
 * @launches: how often it ran
 * @seconds: that it took on the device, all together
 * @share: of the seconds of all kernels, 0 to 1
 * @flops: operations a second of convolutions, products and the like, for the kernel that takes
 *   most of the time of such a node; 0 for others
 * @bandwidth: bytes a second, where they are counted; 0 where not
 *
 * What profiling says of a kernel.
 */
typedef struct {
  char *kernel;
  guint labels;
  guint64 launches;
  double seconds;
  double share;
  double flops;
  double bandwidth;
} KolKernelTotal;

KOL_API GPtrArray *kol_devices_list (void);
KOL_API const KolDeviceInfo *kol_devices_choose (GPtrArray *devices, const char *choice);
KOL_API KolDevice *kol_device_open (const char *choice, GError **error);
KOL_API KolDevice *kol_device_ref (KolDevice *device);
KOL_API void kol_device_unref (KolDevice *device);
KOL_API const KolDeviceInfo *kol_device_get_info (const KolDevice *device);

KOL_API void kol_device_set_budget (KolDevice *device, guint64 bytes);
KOL_API guint64 kol_device_get_budget (const KolDevice *device);
KOL_API guint64 kol_device_get_memory_used (const KolDevice *device);
KOL_API void kol_device_trim (KolDevice *device);
KOL_API void kol_device_set_progress (KolDevice *device, KolProgress progress, gpointer user_data);
KOL_API void kol_device_set_cancellable (KolDevice *device, GCancellable *cancellable);
KOL_API void kol_device_set_pause (KolDevice *device, KolPause pause, gpointer user_data);

KOL_API gboolean kol_device_set_profiling (KolDevice *device, gboolean on, GError **error);
KOL_API void kol_device_profile_clear (KolDevice *device);
KOL_API GPtrArray *kol_device_profile_list (KolDevice *device);
KOL_API char *kol_device_profile_table (KolDevice *device);
KOL_API gboolean kol_device_profile_save (KolDevice *device, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolDevice, kol_device_unref)

G_END_DECLS
