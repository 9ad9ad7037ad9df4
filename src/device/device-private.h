/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "device.h"

G_BEGIN_DECLS

#define KOL_KERNEL_FOLDER "/org/kolinsky/kernels/" /* of the library's resources */

typedef struct _KolPool KolMemoryPool;   /* buffer.c */
typedef struct _KolPrograms KolPrograms; /* program.c */
typedef struct _KolTuning KolTuning;     /* tuning.c */
typedef struct _KolProfile KolProfile;   /* profile.c */

/* What a launch does, as far as it is known; 0: unknown. */
typedef struct {
  double operations; /* additions and multiplications of all launches of its node */
  double bytes;      /* that move, read and written */
} KolWork;

struct _KolDevice {
  gatomicrefcount references;
  KolDeviceInfo info;
  cl_platform_id platform;
  cl_device_id id;
  cl_context context;
  gboolean simd; /* a work-item is a SIMD thread (a CPU): vector kernels pay; else a lane */
  gboolean rounds_divisions; /* a GPU that divides and takes roots exactly, if it is told to */
  gsize max_work_group;      /* largest number of work-items in a group */
  gsize alignment;           /* bytes: parts of a buffer begin at multiples of it */
  guint64 budget;            /* bytes that the pool may hold */
  KolMemoryPool *pool;
  KolPrograms *programs;
  KolTuning *tuning;
  gboolean blas_ready; /* CLBlast has the parameters that are remembered; blas.c's lock */
  KolProfile *profile; /* NULL while profiling is off */
  KolProgress progress;
  gpointer progress_data;
  GCancellable *cancellable; /* of all compiling, or NULL */
  KolPause pause;            /* asked before something is compiled or measured, or NULL */
  gpointer pause_data;
  gboolean prepared;       /* something was, since the pause was set */
  char *cache;             /* the device's folder in the cache; NULL until asked for */
  GPtrArray *queues;       /* lent: every queue that lives */
  KolProfile *all_profile; /* what was profiled, also while it is off */
  GMutex lock;             /* guards budget, progress, cancellable, pause, cache, queues, profile */
};

/*
 * KolQueue: an in-order command queue with its own kernel objects; one per job
 * (a set of parameters and all graphs over it). Used by one thread at a time.
 */
typedef struct _KolQueue KolQueue;

KolQueue *kol_queue_new (KolDevice *device, GError **error);
KolQueue *kol_queue_ref (KolQueue *queue);
void kol_queue_unref (KolQueue *queue);
/* Whether nothing is to be compiled any more; @error then says so. */
gboolean kol_device_is_cancelled (KolDevice *device, GError **error);
/* Whether what compiles or measures is to be broken off here; @error then says that it was
 * cancelled. */
gboolean kol_device_is_paused (KolDevice *device, GError **error);
/* Something was compiled or measured, so that it need not be done again. */
void kol_device_note_prepared (KolDevice *device);
/* Waits for all work on any of the device's queues; errors are left to the queues' owners. */
void kol_device_finish_queues (KolDevice *device);
KolDevice *kol_queue_get_device (const KolQueue *queue);
cl_command_queue kol_queue_get_handle (const KolQueue *queue);
gboolean kol_queue_flush (KolQueue *queue, GError **error);
gboolean kol_queue_finish (KolQueue *queue, GError **error);

const char *kol_cl_error_name (cl_int code);
/* Sets @error to "<what>: CL_NAME" with a hint where one is known; always FALSE. */
gboolean kol_cl_fail (cl_int code, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* The device's progress function and its data, both or none. */
KolProgress kol_device_get_progress (KolDevice *device, gpointer *user_data);
/* The cache directory of this device and driver, made on first use. Lent. */
const char *kol_device_get_cache (KolDevice *device);
/* "name | platform | driver": names this device and driver in cache keys; a CPU that computes as a
 * GPU does is another device there. Given. */
char *kol_device_identity (const KolDevice *device);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolQueue, kol_queue_unref)

G_END_DECLS
