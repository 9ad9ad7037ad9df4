/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "buffer-private.h"

#include "queue-private.h"

#define SMALL_STEP 128 /* bytes; sizes are multiples of it */

/* Memory that no buffer uses now. */
typedef struct {
  cl_mem mem;
  gsize capacity;
  gpointer queue; /* as in KolBuffer */
} Idle;

struct _KolPool {
  GMutex lock;
  GArray *idle;               /* of Idle, the longest idle first */
  guint64 held;               /* bytes of all memory, used or idle */
  guint64 used;               /* bytes of what buffers have */
  guint64 lost;               /* bytes among these that no buffer has asked for */
  cl_command_queue own_queue; /* touches fresh memory */
};

/* ---- Pool ---- */

KolMemoryPool *
kol_pool_new (void)
{
  KolMemoryPool *pool = g_new0 (KolMemoryPool, 1);

  g_mutex_init (&pool->lock);
  pool->idle = g_array_new (FALSE, FALSE, sizeof (Idle));
  return pool;
}

/* With the lock held. */
static void
release_idle (KolMemoryPool *pool, guint64 budget)
{
  guint n = 0;

  for (; n < pool->idle->len && pool->held > budget; n++)
    {
      const Idle *idle = &g_array_index (pool->idle, Idle, n);
      clReleaseMemObject (idle->mem);
      pool->held -= idle->capacity;
    }
  if (n > 0)
    g_array_remove_range (pool->idle, 0, n);
}

void
kol_pool_trim (KolMemoryPool *pool, guint64 budget)
{
  g_mutex_lock (&pool->lock);
  release_idle (pool, budget);
  g_mutex_unlock (&pool->lock);
}

void
kol_pool_free (KolMemoryPool *pool)
{
  release_idle (pool, 0);
  if (pool->own_queue)
    clReleaseCommandQueue (pool->own_queue);
  g_array_unref (pool->idle);
  g_mutex_clear (&pool->lock);
  g_free (pool);
}

guint64
kol_pool_get_used (KolMemoryPool *pool)
{
  g_mutex_lock (&pool->lock);
  guint64 used = pool->used;
  g_mutex_unlock (&pool->lock);
  return used;
}

/* ---- Sizes ---- */

static gsize
round_up (gsize bytes, gsize step)
{
  return bytes + (step - bytes % step) % step;
}

#define MOST_LOST 128 /* one part of the budget of so many may be lost to comfort */

/* The next eighth of a power of two, so that near sizes share memory and at most an eighth is lost.
 */
static gsize
comfortable_size (gsize bytes)
{
  gsize power = (gsize) 1 << (g_bit_storage (bytes) - 1);

  return round_up (bytes, MAX (SMALL_STEP, power / 8));
}

/* Idle memory may be this much larger than what is needed. */
static gsize
largest_useful (gsize bytes)
{
  return MAX (2 * bytes, bytes + 4096);
}

/* ---- Allocation ---- */

/* The smallest idle piece that fits, of equals the one that was idle longest; or -1. */
static int
find_idle (KolMemoryPool *pool, gsize bytes)
{
  int best = -1;
  gsize best_capacity = largest_useful (bytes) + 1;

  for (guint i = 0; i < pool->idle->len; i++)
    {
      gsize capacity = g_array_index (pool->idle, Idle, i).capacity;
      if (capacity >= bytes && capacity < best_capacity)
        {
          best = (int) i;
          best_capacity = capacity;
        }
    }
  return best;
}

static void
set_budget_error (const KolMemoryPool *pool, gsize bytes, guint64 budget, GError **error)
{
  guint64 free_bytes = budget > pool->used ? budget - pool->used : 0;
  g_autofree char *needed = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *available = g_format_size_full (free_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *all = g_format_size_full (budget, G_FORMAT_SIZE_IEC_UNITS);

  g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
               "%s of device memory needed, %s available of a budget of %s; use a smaller batch "
               "or image, or raise the budget (KOLINSKY_MEMORY)",
               needed, available, all);
}

/* Whether a buffer of @bytes may have @capacity: what plans count on is nearly all there. */
static gboolean
can_lose (const KolMemoryPool *pool, gsize bytes, gsize capacity, guint64 budget)
{
  return pool->used + capacity <= budget && pool->lost + capacity - bytes <= budget / MOST_LOST;
}

/* Either idle memory moves to @taken, or room for fresh memory of @taken->capacity is reserved. */
static gboolean
take_idle_or_reserve (KolMemoryPool *pool, gsize bytes, guint64 budget, guint64 largest,
                      Idle *taken, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pool->lock);
  int found = find_idle (pool, bytes);

  if (found >= 0)
    {
      const Idle *idle = &g_array_index (pool->idle, Idle, found);
      if (can_lose (pool, bytes, idle->capacity, budget))
        {
          *taken = *idle;
          g_array_remove_index (pool->idle, found);
          pool->used += taken->capacity;
          pool->lost += taken->capacity - bytes;
          return TRUE;
        }
    }

  gsize capacity = MIN (comfortable_size (bytes), largest);
  if (!can_lose (pool, bytes, capacity, budget))
    capacity = MIN (round_up (bytes, SMALL_STEP), largest);
  if (pool->used + capacity > budget)
    {
      set_budget_error (pool, bytes, budget, error);
      return FALSE;
    }
  release_idle (pool, budget - capacity);
  pool->held += capacity;
  pool->used += capacity;
  pool->lost += capacity - bytes;
  *taken = (Idle){ .capacity = capacity };
  return TRUE;
}

/* Undoes the reservation. */
static void
give_room_back (KolMemoryPool *pool, gsize bytes, gsize capacity)
{
  g_mutex_lock (&pool->lock);
  pool->held -= capacity;
  pool->used -= capacity;
  pool->lost -= capacity - bytes;
  g_mutex_unlock (&pool->lock);
}

static cl_command_queue
touching_queue (KolDevice *device, cl_int *code)
{
  KolMemoryPool *pool = device->pool;

  *code = CL_SUCCESS;
  g_mutex_lock (&pool->lock);
  if (!pool->own_queue)
    pool->own_queue = clCreateCommandQueue (device->context, device->id, 0, code);
  cl_command_queue queue = pool->own_queue;
  g_mutex_unlock (&pool->lock);
  return queue;
}

/*
 * Drivers promise memory that they don't have until it is used: all of it is
 * written once, so that a failure shows here and not in a launch. NaN makes
 * whoever reads before writing notice.
 */
static cl_int
touch (KolDevice *device, cl_mem mem, gsize capacity)
{
  const cl_uint nan = 0x7fc00000u;
  cl_int code;
  cl_command_queue queue = touching_queue (device, &code);

  if (!queue)
    return code;
  code = clEnqueueFillBuffer (queue, mem, &nan, sizeof nan, 0, capacity / sizeof nan * sizeof nan,
                              0, NULL, NULL);
  return code == CL_SUCCESS ? clFinish (queue) : code;
}

static cl_int
allocate (KolDevice *device, gsize capacity, cl_mem *mem)
{
  cl_int code;

  *mem = clCreateBuffer (device->context, CL_MEM_READ_WRITE, capacity, NULL, &code);
  if (!*mem)
    return code;
  code = touch (device, *mem, capacity);
  if (code != CL_SUCCESS)
    g_clear_pointer (mem, clReleaseMemObject);
  return code;
}

static gboolean
is_memory_code (cl_int code)
{
  return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES
         || code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE;
}

static void
set_allocation_error (KolDevice *device, cl_int code, gsize bytes, GError **error)
{
  g_autofree char *size = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);

  if (is_memory_code (code))
    g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                 "%s has no %s of memory left (%s), although the budget allows it; close other "
                 "programs that use the device, or use a smaller batch or image",
                 device->info.name, size, kol_cl_error_name (code));
  else
    kol_cl_fail (code, error, "Allocating %s on %s", size, device->info.name);
}

static gboolean
allocate_reserved (KolDevice *device, gsize bytes, Idle *taken, GError **error)
{
  cl_int code = allocate (device, taken->capacity, &taken->mem);

  if (is_memory_code (code))
    {
      /* What lies idle, or goes once the queues are done, may be just what is missing. */
      kol_pool_trim (device->pool, 0);
      kol_device_finish_queues (device);
      code = allocate (device, taken->capacity, &taken->mem);
    }
  if (code == CL_SUCCESS)
    return TRUE;
  give_room_back (device->pool, bytes, taken->capacity);
  set_allocation_error (device, code, bytes, error);
  return FALSE;
}

static gboolean
check_largest (KolDevice *device, gsize bytes, guint64 largest, GError **error)
{
  if (bytes <= largest)
    return TRUE;

  g_autofree char *needed = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *limit = g_format_size_full (largest, G_FORMAT_SIZE_IEC_UNITS);
  g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
               "%s needed in one piece, but %s allocates no more than %s at once; use a smaller "
               "batch or image",
               needed, device->info.name, limit);
  return FALSE;
}

KolBuffer *
kol_buffer_new (KolDevice *device, gsize bytes, GError **error)
{
  g_return_val_if_fail (device, NULL);

  bytes = MAX (bytes, 4);
  guint64 largest = MIN (device->info.largest_allocation, G_MAXSIZE / 4) / SMALL_STEP * SMALL_STEP;
  if (!check_largest (device, bytes, largest, error))
    return NULL;

  Idle taken;
  if (!take_idle_or_reserve (device->pool, bytes, kol_device_get_budget (device), largest, &taken,
                             error))
    return NULL;
  if (!taken.mem && !allocate_reserved (device, bytes, &taken, error))
    return NULL;

  KolBuffer *buffer = g_new0 (KolBuffer, 1);
  g_atomic_ref_count_init (&buffer->references);
  buffer->device = kol_device_ref (device);
  buffer->mem = taken.mem;
  buffer->bytes = bytes;
  buffer->capacity = taken.capacity;
  buffer->queue = taken.queue;
  return buffer;
}

gsize
kol_buffer_alignment (const KolDevice *device)
{
  return MAX (device->alignment, 64); /* a cache line */
}

KolBuffer *
kol_buffer_part (KolBuffer *whole, gsize offset, gsize bytes, GError **error)
{
  cl_int code;
  cl_mem mem;
  KolBuffer *buffer;

  g_return_val_if_fail (whole && !whole->whole && offset + bytes <= whole->bytes, NULL);
  mem = clCreateSubBuffer (whole->mem, 0, CL_BUFFER_CREATE_TYPE_REGION,
                           &(cl_buffer_region){ offset, bytes }, &code);
  if (!mem)
    {
      set_allocation_error (whole->device, code, bytes, error);
      return NULL;
    }
  buffer = g_new0 (KolBuffer, 1);
  g_atomic_ref_count_init (&buffer->references);
  buffer->device = kol_device_ref (whole->device);
  buffer->whole = kol_buffer_ref (whole);
  buffer->mem = mem;
  buffer->bytes = bytes;
  return buffer;
}

KolBuffer *
kol_buffer_ref (KolBuffer *buffer)
{
  g_return_val_if_fail (buffer, NULL);

  g_atomic_ref_count_inc (&buffer->references);
  return buffer;
}

static void
give_to_pool (KolMemoryPool *pool, KolBuffer *buffer, guint64 budget)
{
  Idle idle = { buffer->mem, buffer->capacity, g_atomic_pointer_get (&buffer->queue) };

  g_mutex_lock (&pool->lock);
  g_array_append_val (pool->idle, idle);
  pool->used -= idle.capacity;
  pool->lost -= idle.capacity - buffer->bytes;
  release_idle (pool, budget);
  g_mutex_unlock (&pool->lock);
}

void
kol_buffer_unref (KolBuffer *buffer)
{
  g_return_if_fail (buffer);

  if (!g_atomic_ref_count_dec (&buffer->references))
    return;
  if (buffer->whole)
    {
      clReleaseMemObject (buffer->mem);
      kol_buffer_unref (buffer->whole);
    }
  else
    give_to_pool (buffer->device->pool, buffer, kol_device_get_budget (buffer->device));
  kol_device_unref (buffer->device);
  g_free (buffer);
}

/* ---- Transfers ---- */

/* A transfer outside of its buffer is a programmer's error, wherever it comes from. */
static gboolean
in_range (const KolBuffer *buffer, gsize offset, gsize bytes)
{
  return offset <= buffer->bytes && bytes <= buffer->bytes - offset;
}

gboolean
kol_queue_write (KolQueue *queue, KolBuffer *buffer, gsize offset, const void *data, gsize bytes,
                 GError **error)
{
  cl_event event = NULL;

  g_return_val_if_fail (queue && buffer && (data || bytes == 0), FALSE);
  g_return_val_if_fail (in_range (buffer, offset, bytes), FALSE);

  if (bytes == 0)
    return TRUE;
  if (!kol_queue_claim (queue, buffer, error))
    return FALSE;
  cl_int code = clEnqueueWriteBuffer (queue->handle, buffer->mem, CL_TRUE, offset, bytes, data, 0,
                                      NULL, kol_queue_event_slot (queue, &event));
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Writing %" G_GSIZE_FORMAT " bytes to %s", bytes,
                        queue->device->info.name);
  kol_queue_note_event (queue, event, "write", (double) bytes);
  return TRUE;
}

gboolean
kol_queue_read (KolQueue *queue, KolBuffer *buffer, gsize offset, void *data, gsize bytes,
                GError **error)
{
  cl_event event = NULL;

  g_return_val_if_fail (queue && buffer && (data || bytes == 0), FALSE);
  g_return_val_if_fail (in_range (buffer, offset, bytes), FALSE);

  if (bytes == 0)
    return TRUE;
  if (!kol_queue_claim (queue, buffer, error))
    return FALSE;
  cl_int code = clEnqueueReadBuffer (queue->handle, buffer->mem, CL_TRUE, offset, bytes, data, 0,
                                     NULL, kol_queue_event_slot (queue, &event));
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Reading %" G_GSIZE_FORMAT " bytes from %s", bytes,
                        queue->device->info.name);
  kol_queue_note_event (queue, event, "read", (double) bytes);
  return TRUE;
}

/* The caller waits for the event, so the command must be on its way. */
static gboolean
send_off (KolQueue *queue, cl_int code, cl_event *event, const char *what, gsize bytes,
          GError **error)
{
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "%s %s", what, queue->device->info.name);
  if (queue->profiled)
    {
      clRetainEvent (*event);
      kol_queue_note_event (queue, *event, what[0] == 'W' ? "write" : "read", (double) bytes);
    }
  return kol_queue_flush (queue, error);
}

gboolean
kol_queue_write_async (KolQueue *queue, KolBuffer *buffer, const void *data, gsize bytes,
                       cl_event *event, GError **error)
{
  g_return_val_if_fail (queue && buffer && data && event, FALSE);
  g_return_val_if_fail (bytes > 0 && in_range (buffer, 0, bytes), FALSE);

  *event = NULL;
  if (!kol_queue_claim (queue, buffer, error))
    return FALSE;
  cl_int code
      = clEnqueueWriteBuffer (queue->handle, buffer->mem, CL_FALSE, 0, bytes, data, 0, NULL, event);
  return send_off (queue, code, event, "Writing to", bytes, error);
}

gboolean
kol_queue_read_async (KolQueue *queue, KolBuffer *buffer, gsize offset, void *data, gsize bytes,
                      cl_event *event, GError **error)
{
  g_return_val_if_fail (queue && buffer && data && event, FALSE);
  g_return_val_if_fail (bytes > 0 && in_range (buffer, offset, bytes), FALSE);

  *event = NULL;
  if (!kol_queue_claim (queue, buffer, error))
    return FALSE;
  cl_int code = clEnqueueReadBuffer (queue->handle, buffer->mem, CL_FALSE, offset, bytes, data, 0,
                                     NULL, event);
  return send_off (queue, code, event, "Reading from", bytes, error);
}

gboolean
kol_queue_fill (KolQueue *queue, KolBuffer *buffer, float value, GError **error)
{
  cl_event event = NULL;

  g_return_val_if_fail (queue, FALSE);
  if (queue->mode == KOL_QUEUE_COLLECT)
    return TRUE;
  g_return_val_if_fail (buffer, FALSE);

  if (!kol_queue_claim (queue, buffer, error))
    return FALSE;
  /* The capacity is a multiple of 4, so the rounded size is inside. */
  cl_int code = clEnqueueFillBuffer (queue->handle, buffer->mem, &value, sizeof value, 0,
                                     round_up (buffer->bytes, sizeof value), 0, NULL,
                                     kol_queue_event_slot (queue, &event));
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Filling %" G_GSIZE_FORMAT " bytes on %s", buffer->bytes,
                        queue->device->info.name);
  kol_queue_note_event (queue, event, "fill", (double) buffer->bytes);
  return TRUE;
}

gboolean
kol_queue_copy (KolQueue *queue, KolBuffer *from, KolBuffer *to, gsize bytes, GError **error)
{
  cl_event event = NULL;

  g_return_val_if_fail (queue, FALSE);
  if (queue->mode == KOL_QUEUE_COLLECT)
    return TRUE;
  g_return_val_if_fail (from && to && from != to, FALSE);
  g_return_val_if_fail (in_range (from, 0, bytes) && in_range (to, 0, bytes), FALSE);

  if (bytes == 0)
    return TRUE;
  if (!kol_queue_claim (queue, from, error) || !kol_queue_claim (queue, to, error))
    return FALSE;
  cl_int code = clEnqueueCopyBuffer (queue->handle, from->mem, to->mem, 0, 0, bytes, 0, NULL,
                                     kol_queue_event_slot (queue, &event));
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Copying %" G_GSIZE_FORMAT " bytes on %s", bytes,
                        queue->device->info.name);
  kol_queue_note_event (queue, event, "copy", 2 * (double) bytes);
  return TRUE;
}
