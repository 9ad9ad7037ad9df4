/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "buffer-private.h"

G_BEGIN_DECLS

/* One kernel argument; made by the macros below. KOL_NO_BUFFER passes a NULL __global pointer. */
typedef struct {
  enum {
    KOL_ARG_END,
    KOL_ARG_BUFFER,
    KOL_ARG_INT,
    KOL_ARG_UINT,
    KOL_ARG_FLOAT,
    KOL_ARG_LOCAL
  } kind;
  union {
    KolBuffer *buffer;
    cl_int i;
    cl_uint u;
    cl_float f;
    gsize local;
  };
} KolArg;

#define KOL_BUFFER(b) ((KolArg){ KOL_ARG_BUFFER, .buffer = (b) })
#define KOL_NO_BUFFER ((KolArg){ KOL_ARG_BUFFER, .buffer = NULL })
#define KOL_INT(v) ((KolArg){ KOL_ARG_INT, .i = (cl_int) (v) })
#define KOL_UINT(v) ((KolArg){ KOL_ARG_UINT, .u = (cl_uint) (v) })
#define KOL_FLOAT(v) ((KolArg){ KOL_ARG_FLOAT, .f = (cl_float) (v) })
#define KOL_LOCAL(n) ((KolArg){ KOL_ARG_LOCAL, .local = (n) })
#define KOL_ARGS(...) ((const KolArg[]){ __VA_ARGS__, { KOL_ARG_END } })

/*
 * KolCall: which kernel to launch, and over what.
 * @program: name of the kernel file without ".cl"; prelude.cl is put before it
 * @kernel: the function
 * @options: build options (-D...), or NULL; the device's own (KOL_WIDTH, ...) are added
 * @global: work-items per dimension, 0 ends; rounded up to a multiple of @local
 * @local: work-group size per dimension; all 0: left to the driver
 */
typedef struct {
  const char *program;
  const char *kernel;
  const char *options;
  gsize global[3];
  gsize local[3];
} KolCall;

/* What kol_queue_launch does: RUN enqueues; COLLECT only notes the programs that would be needed.
 */
typedef enum { KOL_QUEUE_RUN, KOL_QUEUE_COLLECT } KolQueueMode;

/* The one checked launch: argument count, sizes and every OpenCL code. Enqueues, never waits. */
gboolean kol_queue_launch (KolQueue *queue, const KolCall *call, const KolArg *args,
                           GError **error);
void kol_queue_set_mode (KolQueue *queue, KolQueueMode mode);
KolQueueMode kol_queue_get_mode (const KolQueue *queue);
/* Builds or loads all programs noted in COLLECT mode, reporting progress to the device's
 * KolProgress. */
gboolean kol_queue_build_collected (KolQueue *queue, GError **error);
/* What ends preparations before their next program, which then fails with G_IO_ERROR_CANCELLED;
 * lent until it is set to NULL. */
void kol_queue_set_cancellable (KolQueue *queue, GCancellable *cancellable);
/* The name under which the following launches appear in the profile, or NULL. */
void kol_queue_set_label (KolQueue *queue, const char *label);
/* How many additions and multiplications the following launches under this name do together. */
void kol_queue_set_operations (KolQueue *queue, double operations);

KolPrograms *kol_programs_new (void);
void kol_programs_free (KolPrograms *programs);

G_END_DECLS
