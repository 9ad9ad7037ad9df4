/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "queue-private.h"

#include "profile-private.h"

#include <string.h>

static cl_command_queue
make_handle (KolDevice *device, gboolean profiled, GError **error)
{
  cl_int code;
  cl_command_queue handle = clCreateCommandQueue (device->context, device->id,
                                                  profiled ? CL_QUEUE_PROFILING_ENABLE : 0, &code);

  if (!handle)
    kol_cl_fail (code, error, "Making a command queue on %s", device->info.name);
  return handle;
}

/* An in-order queue of @device. It measures times while the device is profiling. */
KolQueue *
kol_queue_new (KolDevice *device, GError **error)
{
  g_return_val_if_fail (device, NULL);

  gboolean profiled = g_atomic_pointer_get (&device->profile) != NULL;
  cl_command_queue handle = make_handle (device, profiled, error);
  if (!handle)
    return NULL;

  KolQueue *queue = g_new0 (KolQueue, 1);
  g_atomic_ref_count_init (&queue->references);
  queue->device = kol_device_ref (device);
  queue->handle = handle;
  queue->profiled = profiled;
  kol_queue_init_launches (queue);

  g_mutex_lock (&device->lock);
  g_ptr_array_add (device->queues, queue);
  g_mutex_unlock (&device->lock);
  return queue;
}

KolQueue *
kol_queue_ref (KolQueue *queue)
{
  g_return_val_if_fail (queue, NULL);

  g_atomic_ref_count_inc (&queue->references);
  return queue;
}

void
kol_queue_unref (KolQueue *queue)
{
  g_return_if_fail (queue);

  if (!g_atomic_ref_count_dec (&queue->references))
    return;

  /*
   * First finish, then leave the list: a queue that is not in it has nothing
   * to wait for (kol_queue_claim).
   */
  KolDevice *device = queue->device;
  clFinish (queue->handle);
  g_mutex_lock (&device->lock);
  g_ptr_array_remove_fast (device->queues, queue);
  g_mutex_unlock (&device->lock);

  kol_queue_clear_launches (queue);
  clReleaseCommandQueue (queue->handle);
  g_free (queue->label);
  g_free (queue);
  kol_device_unref (device);
}

KolDevice *
kol_queue_get_device (const KolQueue *queue)
{
  return queue->device;
}

cl_command_queue
kol_queue_get_handle (const KolQueue *queue)
{
  return queue->handle;
}

/*
 * Whether a queue measures times is settled when OpenCL makes it. So the thread that uses the
 * queue, where it has come to an end of something, waits for what is under way and goes on with
 * another one; nobody pays for profiling who does not profile. The lock is for those who wait for
 * this queue meanwhile.
 */
static gboolean
follow_profiling (KolQueue *queue, GError **error)
{
  KolDevice *device = queue->device;
  gboolean wanted = g_atomic_pointer_get (&device->profile) != NULL;

  if (G_LIKELY (queue->profiled == wanted))
    return TRUE;
  cl_int code = clFinish (queue->handle);
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Waiting for %s", device->info.name);
  cl_command_queue handle = make_handle (device, wanted, error);
  if (!handle)
    return FALSE;

  cl_command_queue old = queue->handle;
  g_mutex_lock (&device->lock);
  queue->handle = handle;
  g_mutex_unlock (&device->lock);
  queue->profiled = wanted;
  clReleaseCommandQueue (old);
  return TRUE;
}

/*
 * Sends what is enqueued to the device; does not wait, unless profiling was switched on or off
 * since the last time.
 */
gboolean
kol_queue_flush (KolQueue *queue, GError **error)
{
  g_return_val_if_fail (queue, FALSE);

  cl_int code = clFlush (queue->handle);
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Sending work to %s", queue->device->info.name);
  return follow_profiling (queue, error);
}

/* Waits for all that is enqueued. */
gboolean
kol_queue_finish (KolQueue *queue, GError **error)
{
  g_return_val_if_fail (queue, FALSE);

  cl_int code = clFinish (queue->handle);
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Waiting for %s", queue->device->info.name);
  return follow_profiling (queue, error);
}

void
kol_queue_set_mode (KolQueue *queue, KolQueueMode mode)
{
  g_return_if_fail (queue);

  queue->mode = mode;
}

KolQueueMode
kol_queue_get_mode (const KolQueue *queue)
{
  return queue->mode;
}

void
kol_queue_set_label (KolQueue *queue, const char *label)
{
  g_return_if_fail (queue);

  queue->operations = 0;
  /* Only the profile shows labels; without it, a launch does not pay for them. */
  if (!queue->profiled || g_strcmp0 (queue->label, label) == 0)
    return;
  g_free (queue->label);
  queue->label = g_strdup (label);
}

/* ---- Profiling ---- */

void
kol_queue_set_operations (KolQueue *queue, double operations)
{
  queue->operations = queue->profiled && queue->mode == KOL_QUEUE_RUN ? operations : 0;
}

cl_event *
kol_queue_event_slot (KolQueue *queue, cl_event *event)
{
  return queue->profiled ? event : NULL;
}

void
kol_queue_note_event (KolQueue *queue, cl_event event, const char *kernel, double bytes)
{
  if (!event)
    return;
  KolProfile *profile = g_atomic_pointer_get (&queue->device->profile);
  if (profile)
    {
      const KolWork work = { .operations = queue->operations, .bytes = bytes };
      kol_profile_add (profile, event, kernel, queue->label, work);
    }
  queue->operations = 0;
  clReleaseEvent (event);
}

/* ---- Memory that goes from one queue to another ---- */

/* With the device's lock held. */
static gboolean
queue_lives (KolDevice *device, KolQueue *queue)
{
  return g_ptr_array_find (device->queues, queue, NULL);
}

/* Makes @queue wait, on the device, for what is enqueued on @other now. */
static cl_int
wait_for_queue (KolQueue *queue, KolQueue *other)
{
  cl_event done = NULL;
  cl_int code = clEnqueueMarkerWithWaitList (other->handle, 0, NULL, &done);

  if (code == CL_SUCCESS)
    code = clFlush (other->handle);
  if (code == CL_SUCCESS)
    code = clEnqueueBarrierWithWaitList (queue->handle, 1, &done, NULL);
  if (done)
    clReleaseEvent (done);
  return code;
}

gboolean
kol_queue_claim (KolQueue *queue, KolBuffer *buffer, GError **error)
{
  if (buffer->whole)
    return kol_queue_claim (queue, buffer->whole, error);

  KolQueue *last = g_atomic_pointer_get (&buffer->queue);
  if (G_LIKELY (last == queue))
    return TRUE;
  if (last)
    {
      g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&queue->device->lock);
      cl_int code = queue_lives (queue->device, last) ? wait_for_queue (queue, last) : CL_SUCCESS;
      if (code != CL_SUCCESS)
        return kol_cl_fail (code, error, "Waiting for another queue of %s",
                            queue->device->info.name);
    }
  g_atomic_pointer_set (&buffer->queue, queue);
  return TRUE;
}
