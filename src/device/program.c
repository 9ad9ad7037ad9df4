/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "program-private.h"

#include "queue-private.h"

#include <gio/gio.h>
#include <string.h>

#define INCLUDE "#include \"" /* at the start of a line, then the name of another kernel file */
#define LOG_LINES 30
#define SENT_TOGETHER 4 /* launches */

/* ---- Programs in memory ---- */

typedef struct {
  cl_program program;
  gboolean busy; /* a thread is building it */
} Entry;

struct _KolPrograms {
  GMutex lock;
  GCond built;         /* an entry is no longer busy */
  GHashTable *entries; /* "name\noptions" -> Entry */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  if (entry->program)
    clReleaseProgram (entry->program);
  g_free (entry);
}

KolPrograms *
kol_programs_new (void)
{
  KolPrograms *programs = g_new0 (KolPrograms, 1);

  g_mutex_init (&programs->lock);
  g_cond_init (&programs->built);
  programs->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  return programs;
}

void
kol_programs_free (KolPrograms *programs)
{
  g_hash_table_unref (programs->entries);
  g_cond_clear (&programs->built);
  g_mutex_clear (&programs->lock);
  g_free (programs);
}

/* ---- Source ---- */

/* Appends a kernel file, and what it includes; #line makes the compiler name it in its messages. */
static gboolean
append_file (GString *source, const char *name, GError **error)
{
  g_autofree char *path = g_strconcat (KOL_KERNEL_FOLDER, name, ".cl", NULL);
  g_autoptr (GBytes) bytes = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  if (!bytes)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_BUILD,
                   "There is no kernel file %s.cl in this build of Kolinsky (%s)", name, path);
      return FALSE;
    }
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_autofree char *text = g_strndup (data, length);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_string_append_printf (source, "#line 1 \"%s.cl\"\n", name);
  for (guint i = 0; lines[i]; i++)
    {
      if (!g_str_has_prefix (lines[i], INCLUDE))
        {
          g_string_append_printf (source, "%s\n", lines[i]);
          continue;
        }
      const char *file = lines[i] + strlen (INCLUDE);
      g_autofree char *included = g_strndup (file, strcspn (file, ".\""));
      if (!append_file (source, included, error))
        return FALSE;
      g_string_append_printf (source, "#line %u \"%s.cl\"\n", i + 2, name);
    }
  return TRUE;
}

static char *
full_source (const char *name, GError **error)
{
  g_autoptr (GString) source = g_string_new (NULL);

  if (!append_file (source, "prelude", error) || !append_file (source, name, error))
    return NULL;
  return g_string_free (g_steal_pointer (&source), FALSE);
}

/*
 * Programs for lanes see the same on a CPU as on a GPU; a GPU divides and takes roots
 * exactly where it can, as CPUs do. Without warnings: some drivers print how many
 * there were on the user's terminal.
 */
static char *
full_options (const KolDevice *device, const char *name, const char *options)
{
  gboolean lanes = !device->simd || strstr (name, "-simt");

  return g_strdup_printf ("%s -D KOL_WIDTH=%u -D KOL_SIMD=%d -cl-std=CL1.2 -w%s", options,
                          lanes ? 1 : device->info.vector_width, !lanes,
                          device->rounds_divisions ? " -cl-fp32-correctly-rounded-divide-sqrt"
                                                   : "");
}

/* ---- Compiling ---- */

/* What the compiler said, at most LOG_LINES lines of it. */
static char *
build_log (KolDevice *device, cl_program program)
{
  gsize size = 0;

  clGetProgramBuildInfo (program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
  char *log = g_malloc0 (size + 1);
  if (size > 0)
    clGetProgramBuildInfo (program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);

  char *end = log;
  for (int line = 0; line < LOG_LINES && end && *end; line++)
    {
      end = strchr (end, '\n');
      if (end)
        end++;
    }
  if (end)
    *end = '\0';
  return g_strstrip (log);
}

static void
set_build_error (KolDevice *device, cl_program program, const char *name, const char *options,
                 cl_int code, GError **error)
{
  g_autofree char *log = build_log (device, program);

  g_set_error (error, KOL_ERROR, KOL_ERROR_BUILD,
               "%s.cl does not compile on %s (%s): %s\nOptions: %s\n%s", name, device->info.name,
               device->info.platform, kol_cl_error_name (code), options,
               *log ? log : "The compiler gave no reason.");
}

static cl_program
compile (KolDevice *device, const char *name, const char *source, const char *options,
         GError **error)
{
  cl_int code;
  cl_program program = clCreateProgramWithSource (device->context, 1, &source, NULL, &code);

  if (!program)
    {
      kol_cl_fail (code, error, "Making a program of %s.cl", name);
      return NULL;
    }
  code = clBuildProgram (program, 1, &device->id, options, NULL, NULL);
  if (code == CL_SUCCESS)
    return program;

  set_build_error (device, program, name, options, code, error);
  clReleaseProgram (program);
  return NULL;
}

/* ---- Disk cache ---- */

/*
 * A file of the cache: magic, version of this format (32 bits), SHA-256 of the
 * payload, the payload's length (64 bits), payload; numbers are little-endian.
 */
#define CACHE_MAGIC "KOLPROG\n"
#define MAGIC_BYTES 8
#define CACHE_VERSION 1
#define SUM_BYTES 32
#define HEADER_BYTES (MAGIC_BYTES + 4 + SUM_BYTES + 8)

/* The file's name says all that the binary depends on. */
static char *
cache_file (KolDevice *device, const char *source, const char *options)
{
  g_autofree char *identity = kol_device_identity (device);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const char *parts[] = { source, options, identity };

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++) /* with their final 0, which separates them */
    g_checksum_update (sum, (const guchar *) parts[i], (gssize) strlen (parts[i]) + 1);
  return g_build_filename (kol_device_get_cache (device), g_checksum_get_string (sum), NULL);
}

static void
write_header (guchar *header, const guchar *payload, gsize length)
{
  guint32 version = GUINT32_TO_LE (CACHE_VERSION);
  guint64 stored_length = GUINT64_TO_LE ((guint64) length);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize sum_bytes = SUM_BYTES;

  g_checksum_update (sum, payload, (gssize) length);
  memcpy (header, CACHE_MAGIC, MAGIC_BYTES);
  memcpy (header + MAGIC_BYTES, &version, 4);
  g_checksum_get_digest (sum, header + MAGIC_BYTES + 4, &sum_bytes);
  memcpy (header + MAGIC_BYTES + 4 + SUM_BYTES, &stored_length, 8);
}

/* Whether the file's header is the one that its payload would get. */
static gboolean
verify (const guchar *file, gsize file_bytes)
{
  guchar expected[HEADER_BYTES];

  if (file_bytes <= HEADER_BYTES)
    return FALSE;
  write_header (expected, file + HEADER_BYTES, file_bytes - HEADER_BYTES);
  return memcmp (file, expected, HEADER_BYTES) == 0;
}

static cl_program
program_from_binary (KolDevice *device, const guchar *binary, gsize length, const char *options)
{
  cl_int status = CL_SUCCESS, code;
  cl_program program = clCreateProgramWithBinary (device->context, 1, &device->id, &length, &binary,
                                                  &status, &code);

  if (program && status == CL_SUCCESS
      && clBuildProgram (program, 1, &device->id, options, NULL, NULL) == CL_SUCCESS)
    return program;
  if (program)
    clReleaseProgram (program);
  return NULL;
}

/* NULL whenever something is not as it should be: then it is compiled and written again. */
static cl_program
load_from_disk (KolDevice *device, const char *path, const char *options)
{
  g_autofree char *file = NULL;
  gsize file_bytes;

  if (!g_file_get_contents (path, &file, &file_bytes, NULL)
      || !verify ((const guchar *) file, file_bytes))
    return NULL;
  return program_from_binary (device, (const guchar *) file + HEADER_BYTES,
                              file_bytes - HEADER_BYTES, options);
}

/* The file as it goes to disk, or NULL if the driver gives no binary. */
static guchar *
file_for_program (cl_program program, gsize *file_bytes)
{
  gsize length = 0;

  if (clGetProgramInfo (program, CL_PROGRAM_BINARY_SIZES, sizeof length, &length, NULL)
          != CL_SUCCESS
      || length == 0)
    return NULL;

  g_autofree guchar *file = g_malloc (HEADER_BYTES + length);
  guchar *payload = file + HEADER_BYTES;
  if (clGetProgramInfo (program, CL_PROGRAM_BINARIES, sizeof payload, &payload, NULL) != CL_SUCCESS)
    return NULL;
  write_header (file, payload, length);
  *file_bytes = HEADER_BYTES + length;
  return g_steal_pointer (&file);
}

/* A cache that cannot be written costs time at the next start, no more: said once. */
static void
save_to_disk (const char *path, cl_program program)
{
  static gsize said = 0;
  gsize file_bytes = 0;
  g_autoptr (GError) error = NULL;
  g_autofree guchar *file = file_for_program (program, &file_bytes);

  /* Written under a temporary name beside it and renamed: never seen half. */
  if (file
      && !g_file_set_contents_full (path, (const char *) file, (gssize) file_bytes,
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error)
      && g_once_init_enter (&said))
    {
      g_debug ("Compiled programs cannot be kept: %s", error->message);
      g_once_init_leave (&said, 1);
    }
}

/* ---- Getting a program ---- */

typedef enum { FROM_DISK, FROM_ANYWHERE } Effort;

/* Without FROM_ANYWHERE, NULL without an error says: it would have to be compiled. */
static cl_program
load_or_compile (KolDevice *device, const char *name, const char *options, Effort effort,
                 GError **error)
{
  g_autofree char *source = full_source (name, error);
  if (!source)
    return NULL;

  g_autofree char *all_options = full_options (device, name, options);
  g_autofree char *path = cache_file (device, source, all_options);
  cl_program program = load_from_disk (device, path, all_options);
  if (program || effort == FROM_DISK)
    return program;
  if (kol_device_is_cancelled (device, error) || kol_device_is_paused (device, error))
    return NULL;

  program = compile (device, name, source, all_options, error);
  kol_device_note_prepared (device);
  if (program)
    save_to_disk (path, program);
  return program;
}

static char *
program_key (const char *name, const char *options)
{
  return g_strconcat (name, "\n", options, NULL);
}

/* The entry when no thread is building it; NULL if there is none. With the lock held. */
static Entry *
settled_entry (KolPrograms *programs, const char *key)
{
  Entry *entry;

  while ((entry = g_hash_table_lookup (programs->entries, key)) && entry->busy)
    g_cond_wait (&programs->built, &programs->lock);
  return entry;
}

/*
 * The program, lent: it lives as long as the device. The lock is not held while
 * compiling: others get their programs meanwhile, or wait for this one.
 */
static cl_program
get_program (KolDevice *device, const char *name, const char *options, Effort effort,
             GError **error)
{
  KolPrograms *programs = device->programs;
  g_autofree char *key = program_key (name, options);

  g_mutex_lock (&programs->lock);
  Entry *entry = settled_entry (programs, key);
  if (!entry)
    {
      entry = g_new0 (Entry, 1);
      entry->busy = TRUE;
      g_hash_table_insert (programs->entries, g_strdup (key), entry);
      g_mutex_unlock (&programs->lock);

      cl_program program = load_or_compile (device, name, options, effort, error);

      g_mutex_lock (&programs->lock);
      entry->program = program;
      entry->busy = FALSE;
      if (!program)
        {
          g_hash_table_remove (programs->entries, key);
          entry = NULL;
        }
      g_cond_broadcast (&programs->built);
    }
  cl_program result = entry ? entry->program : NULL;
  g_mutex_unlock (&programs->lock);
  return result;
}

static gboolean
is_in_memory (KolDevice *device, const char *name, const char *options)
{
  KolPrograms *programs = device->programs;
  g_autofree char *key = program_key (name, options);

  g_mutex_lock (&programs->lock);
  const Entry *entry = g_hash_table_lookup (programs->entries, key);
  gboolean there = entry && !entry->busy;
  g_mutex_unlock (&programs->lock);
  return there;
}

/* ---- Collecting ---- */

typedef struct {
  char *program;
  char *options;
} Wanted;

static void
wanted_free (gpointer data)
{
  Wanted *wanted = data;

  g_free (wanted->program);
  g_free (wanted->options);
  g_free (wanted);
}

static void
note_wanted (KolQueue *queue, const char *program, const char *options)
{
  for (guint i = 0; i < queue->wanted->len; i++)
    {
      const Wanted *noted = g_ptr_array_index (queue->wanted, i);
      if (g_str_equal (noted->program, program) && g_str_equal (noted->options, options))
        return;
    }
  if (is_in_memory (queue->device, program, options))
    return;

  Wanted *wanted = g_new0 (Wanted, 1);
  wanted->program = g_strdup (program);
  wanted->options = g_strdup (options);
  g_ptr_array_add (queue->wanted, wanted);
}

/* Loads what the disk has; @wanted keeps what must be compiled. */
static gboolean
load_wanted (KolDevice *device, GPtrArray *wanted, GError **error)
{
  for (guint i = 0; i < wanted->len;)
    {
      const Wanted *one = g_ptr_array_index (wanted, i);
      GError *failure = NULL;

      if (get_program (device, one->program, one->options, FROM_DISK, &failure))
        {
          g_ptr_array_remove_index (wanted, i);
          continue;
        }
      if (failure)
        {
          g_propagate_error (error, failure);
          return FALSE;
        }
      i++;
    }
  return TRUE;
}

static void
tell_progress (KolDevice *device, guint done, guint total)
{
  gpointer user_data;
  KolProgress progress = kol_device_get_progress (device, &user_data);

  if (progress)
    progress ("Compiling kernels", done, total, user_data);
}

void
kol_queue_set_cancellable (KolQueue *queue, GCancellable *cancellable)
{
  queue->cancellable = cancellable;
}

gboolean
kol_queue_build_collected (KolQueue *queue, GError **error)
{
  g_return_val_if_fail (queue, FALSE);

  KolDevice *device = queue->device;
  g_autoptr (GPtrArray) wanted = g_steal_pointer (&queue->wanted);
  queue->wanted = g_ptr_array_new_with_free_func (wanted_free);

  if (!load_wanted (device, wanted, error))
    return FALSE;
  for (guint i = 0; i < wanted->len; i++)
    {
      const Wanted *one = g_ptr_array_index (wanted, i);
      if (i == 0)
        tell_progress (device, 0, wanted->len);
      if (g_cancellable_set_error_if_cancelled (queue->cancellable, error)
          || !get_program (device, one->program, one->options, FROM_ANYWHERE, error))
        return FALSE;
      tell_progress (device, i + 1, wanted->len);
    }
  return TRUE;
}

/* ---- Kernels ---- */

/*
 * A kernel object of a queue. The three names come first: a look-up needs no
 * more than them, and copies nothing.
 */
typedef struct {
  const char *program;
  const char *kernel;
  const char *options;
  cl_kernel handle;
  cl_uint n_args;
  gsize largest_group; /* work-items in a group of this kernel */
} Kernel;

static guint
kernel_hash (gconstpointer data)
{
  const Kernel *kernel = data;

  return (g_str_hash (kernel->program) * 31 + g_str_hash (kernel->kernel)) * 31
         + g_str_hash (kernel->options);
}

static gboolean
kernel_equal (gconstpointer a, gconstpointer b)
{
  const Kernel *x = a, *y = b;

  return g_str_equal (x->kernel, y->kernel) && g_str_equal (x->program, y->program)
         && g_str_equal (x->options, y->options);
}

static void
kernel_free (gpointer data)
{
  Kernel *kernel = data;

  if (kernel->handle)
    clReleaseKernel (kernel->handle);
  g_free ((char *) kernel->program);
  g_free ((char *) kernel->kernel);
  g_free ((char *) kernel->options);
  g_free (kernel);
}

void
kol_queue_init_launches (KolQueue *queue)
{
  queue->kernels = g_hash_table_new_full (kernel_hash, kernel_equal, kernel_free, NULL);
  queue->wanted = g_ptr_array_new_with_free_func (wanted_free);
}

void
kol_queue_clear_launches (KolQueue *queue)
{
  g_hash_table_unref (queue->kernels);
  g_ptr_array_unref (queue->wanted);
}

/* Reads what the checks of a launch need. */
static cl_int
inspect_kernel (KolDevice *device, Kernel *kernel)
{
  cl_int code = clGetKernelInfo (kernel->handle, CL_KERNEL_NUM_ARGS, sizeof kernel->n_args,
                                 &kernel->n_args, NULL);

  if (code != CL_SUCCESS)
    return code;
  return clGetKernelWorkGroupInfo (kernel->handle, device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                   sizeof kernel->largest_group, &kernel->largest_group, NULL);
}

static Kernel *
make_kernel (KolQueue *queue, const Kernel *names, GError **error)
{
  cl_int code;

  if (g_cancellable_set_error_if_cancelled (queue->cancellable, error))
    return NULL;
  cl_program program
      = get_program (queue->device, names->program, names->options, FROM_ANYWHERE, error);
  if (!program)
    return NULL;

  Kernel *kernel = g_new0 (Kernel, 1);
  kernel->program = g_strdup (names->program);
  kernel->kernel = g_strdup (names->kernel);
  kernel->options = g_strdup (names->options);
  kernel->handle = clCreateKernel (program, names->kernel, &code);
  if (kernel->handle)
    code = inspect_kernel (queue->device, kernel);
  if (code != CL_SUCCESS)
    {
      kol_cl_fail (code, error, "Making kernel %s of %s.cl on %s", names->kernel, names->program,
                   queue->device->info.name);
      kernel_free (kernel);
      return NULL;
    }
  g_hash_table_add (queue->kernels, kernel);
  return kernel;
}

static Kernel *
find_kernel (KolQueue *queue, const KolCall *call, GError **error)
{
  const Kernel names = { .program = call->program,
                         .kernel = call->kernel,
                         .options = call->options ? call->options : "" };
  Kernel *kernel = g_hash_table_lookup (queue->kernels, &names);

  return kernel ? kernel : make_kernel (queue, &names, error);
}

/* ---- Launching ---- */

static cl_int
set_arg (cl_kernel kernel, cl_uint i, const KolArg *arg)
{
  cl_mem none = NULL;

  switch (arg->kind)
    {
    case KOL_ARG_BUFFER:
      return clSetKernelArg (kernel, i, sizeof (cl_mem), arg->buffer ? &arg->buffer->mem : &none);
    case KOL_ARG_INT:
      return clSetKernelArg (kernel, i, sizeof arg->i, &arg->i);
    case KOL_ARG_UINT:
      return clSetKernelArg (kernel, i, sizeof arg->u, &arg->u);
    case KOL_ARG_FLOAT:
      return clSetKernelArg (kernel, i, sizeof arg->f, &arg->f);
    case KOL_ARG_LOCAL:
      return clSetKernelArg (kernel, i, arg->local, NULL);
    case KOL_ARG_END:
      break;
    }
  return CL_INVALID_ARG_VALUE;
}

static gboolean
set_args (KolQueue *queue, const Kernel *kernel, const KolArg *args, GError **error)
{
  cl_uint n = 0;

  while (args[n].kind != KOL_ARG_END)
    n++;
  if (n != kernel->n_args)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                   "Kernel %s (%s.cl) expects %u arguments, %u were given", kernel->kernel,
                   kernel->program, kernel->n_args, n);
      return FALSE;
    }

  for (cl_uint i = 0; i < n; i++)
    {
      if (args[i].kind == KOL_ARG_BUFFER && args[i].buffer
          && !kol_queue_claim (queue, args[i].buffer, error))
        return FALSE;
      cl_int code = set_arg (kernel->handle, i, &args[i]);
      if (code != CL_SUCCESS)
        return kol_cl_fail (code, error, "Setting argument %u of kernel %s (%s.cl)", i,
                            kernel->kernel, kernel->program);
    }
  return TRUE;
}

typedef struct {
  cl_uint dimensions;
  gsize global[3];
  gsize local[3];
  gboolean has_local;
} Sizes;

/* Rounds the global size up and makes the local size complete. */
static Sizes
sizes_for (const KolCall *call)
{
  Sizes sizes = { .has_local = call->local[0] || call->local[1] || call->local[2] };

  for (; sizes.dimensions < 3 && call->global[sizes.dimensions]; sizes.dimensions++)
    {
      gsize global = call->global[sizes.dimensions];
      gsize local = MAX (call->local[sizes.dimensions], 1);
      sizes.local[sizes.dimensions] = local;
      sizes.global[sizes.dimensions] = (global - 1) / local * local + local;
    }
  return sizes;
}

static gboolean
check_sizes (KolQueue *queue, const Kernel *kernel, const Sizes *sizes, GError **error)
{
  gsize group = 1;

  for (cl_uint i = 0; i < sizes->dimensions; i++)
    group *= sizes->local[i];
  if (sizes->dimensions == 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                   "Kernel %s (%s.cl) was launched over 0 work-items", kernel->kernel,
                   kernel->program);
      return FALSE;
    }
  if (sizes->has_local && group > kernel->largest_group)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                   "Kernel %s (%s.cl) was launched in work-groups of %" G_GSIZE_FORMAT
                   " work-items, but %s allows it no more than %" G_GSIZE_FORMAT,
                   kernel->kernel, kernel->program, group, queue->device->info.name,
                   kernel->largest_group);
      return FALSE;
    }
  return TRUE;
}

/* The device begins while more is enqueued. */
static gboolean
send_some (KolQueue *queue, GError **error)
{
  if (++queue->launched < SENT_TOGETHER)
    return TRUE;
  queue->launched = 0;
  cl_int code = clFlush (queue->handle);
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Sending work to %s", queue->device->info.name);
  return TRUE;
}

gboolean
kol_queue_launch (KolQueue *queue, const KolCall *call, const KolArg *args, GError **error)
{
  cl_event event = NULL;

  g_return_val_if_fail (queue && call && call->program && call->kernel && args, FALSE);

  if (queue->mode == KOL_QUEUE_COLLECT)
    {
      note_wanted (queue, call->program, call->options ? call->options : "");
      return TRUE;
    }

  const Kernel *kernel = find_kernel (queue, call, error);
  if (!kernel)
    return FALSE;
  Sizes sizes = sizes_for (call);
  if (!check_sizes (queue, kernel, &sizes, error) || !set_args (queue, kernel, args, error))
    return FALSE;

  cl_int code = clEnqueueNDRangeKernel (queue->handle, kernel->handle, sizes.dimensions, NULL,
                                        sizes.global, sizes.has_local ? sizes.local : NULL, 0, NULL,
                                        kol_queue_event_slot (queue, &event));
  if (code != CL_SUCCESS)
    return kol_cl_fail (code, error, "Launching kernel %s (%s.cl) on %s", kernel->kernel,
                        kernel->program, queue->device->info.name);
  kol_queue_note_event (queue, event, kernel->kernel, 0);
  return send_some (queue, error);
}
