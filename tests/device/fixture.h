/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device/buffer-private.h"
#include "device/device-private.h"
#include "device/program-private.h"

/* What the tests of this folder share. */

extern const char *program_path; /* of this executable */

KolDevice *open_device (void);
KolQueue *open_queue (KolDevice *device);
KolBuffer *new_buffer (KolDevice *device, gsize bytes);
void read_floats (KolQueue *queue, KolBuffer *buffer, float *values, gsize n);
void assert_all (KolQueue *queue, KolBuffer *buffer, gsize n, float expected);
gboolean launch_fill (KolQueue *queue, KolBuffer *out, guint n, float value, const char *options,
                      GError **error);
/* Fills through the kernel and checks; the program comes from wherever it is. */
void fill_and_check (KolQueue *queue, const char *options, float scale);
/* Oclgrind interprets kernels, and dies when two queues have one running. */
gboolean skip_on_simulator (KolDevice *device, const char *reason);
void remove_tree (const char *path);

/* An environment variable for the length of a test. */
typedef struct {
  const char *name;
  char *before;
} Variable;
Variable set_variable (const char *name, const char *value);
void restore_variable (Variable variable);
/* A cache folder of its own for a test. */
char *begin_cache (Variable *variable);
void end_cache (char *folder, Variable variable);
/* Runs this program again as --child-@job; returns its standard output. */
char *run_child (const char *job, char **environment);

/*
 * The whole of a main(): runs what @add_tests adds, with a cache of its own, or skips where there
 * is no device. Called as --child-JOB it runs @child with JOB instead; NULL: it has no jobs.
 */
int run_device_tests (int argc, char **argv, void (*add_tests) (void),
                      int (*child) (const char *job));
