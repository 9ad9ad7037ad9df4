/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * To be preloaded under oclgrind: clEnqueueFillBuffer by clEnqueueWriteBuffer.
 * oclgrind 21.10 takes a buffer that was ever filled for uninitialized, whatever
 * is written to it later, so that its reports would be of no use.
 */

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <glib.h>
#include <string.h>

CL_API_ENTRY cl_int CL_API_CALL
clEnqueueFillBuffer (cl_command_queue queue, cl_mem buffer, const void *pattern, gsize pattern_size,
                     gsize offset, gsize size, cl_uint n_events, const cl_event *events,
                     cl_event *event)
{
  g_autofree char *data = g_malloc (size);

  for (gsize at = 0; at < size; at += pattern_size)
    memcpy (data + at, pattern, MIN (pattern_size, size - at));
  return clEnqueueWriteBuffer (queue, buffer, CL_TRUE, offset, size, data, n_events, events, event);
}
