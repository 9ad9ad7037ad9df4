/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "error-private.h"

#include "device-private.h"

/**
 * kol_error_quark:
 *
 * The domain of [enum@KolError], as %KOL_ERROR.
 *
 * Returns: the quark
 */
G_DEFINE_QUARK (kol - error - quark, kol_error)

gboolean
kol_refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, KOL_ERROR, KOL_ERROR_DATA, sentence);
  return FALSE;
}

typedef struct {
  cl_int code;
  const char *name;
} CodeName;

#define CODE(name)                                                                                 \
  {                                                                                                \
    name, #name                                                                                    \
  }

/* OpenCL 1.0 to 1.2, and the loader's own code for "there is no driver". */
static const CodeName code_names[] = {
  CODE (CL_SUCCESS),
  CODE (CL_DEVICE_NOT_FOUND),
  CODE (CL_DEVICE_NOT_AVAILABLE),
  CODE (CL_COMPILER_NOT_AVAILABLE),
  CODE (CL_MEM_OBJECT_ALLOCATION_FAILURE),
  CODE (CL_OUT_OF_RESOURCES),
  CODE (CL_OUT_OF_HOST_MEMORY),
  CODE (CL_PROFILING_INFO_NOT_AVAILABLE),
  CODE (CL_MEM_COPY_OVERLAP),
  CODE (CL_IMAGE_FORMAT_MISMATCH),
  CODE (CL_IMAGE_FORMAT_NOT_SUPPORTED),
  CODE (CL_BUILD_PROGRAM_FAILURE),
  CODE (CL_MAP_FAILURE),
  CODE (CL_MISALIGNED_SUB_BUFFER_OFFSET),
  CODE (CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
  CODE (CL_COMPILE_PROGRAM_FAILURE),
  CODE (CL_LINKER_NOT_AVAILABLE),
  CODE (CL_LINK_PROGRAM_FAILURE),
  CODE (CL_DEVICE_PARTITION_FAILED),
  CODE (CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
  CODE (CL_INVALID_VALUE),
  CODE (CL_INVALID_DEVICE_TYPE),
  CODE (CL_INVALID_PLATFORM),
  CODE (CL_INVALID_DEVICE),
  CODE (CL_INVALID_CONTEXT),
  CODE (CL_INVALID_QUEUE_PROPERTIES),
  CODE (CL_INVALID_COMMAND_QUEUE),
  CODE (CL_INVALID_HOST_PTR),
  CODE (CL_INVALID_MEM_OBJECT),
  CODE (CL_INVALID_IMAGE_FORMAT_DESCRIPTOR),
  CODE (CL_INVALID_IMAGE_SIZE),
  CODE (CL_INVALID_SAMPLER),
  CODE (CL_INVALID_BINARY),
  CODE (CL_INVALID_BUILD_OPTIONS),
  CODE (CL_INVALID_PROGRAM),
  CODE (CL_INVALID_PROGRAM_EXECUTABLE),
  CODE (CL_INVALID_KERNEL_NAME),
  CODE (CL_INVALID_KERNEL_DEFINITION),
  CODE (CL_INVALID_KERNEL),
  CODE (CL_INVALID_ARG_INDEX),
  CODE (CL_INVALID_ARG_VALUE),
  CODE (CL_INVALID_ARG_SIZE),
  CODE (CL_INVALID_KERNEL_ARGS),
  CODE (CL_INVALID_WORK_DIMENSION),
  CODE (CL_INVALID_WORK_GROUP_SIZE),
  CODE (CL_INVALID_WORK_ITEM_SIZE),
  CODE (CL_INVALID_GLOBAL_OFFSET),
  CODE (CL_INVALID_EVENT_WAIT_LIST),
  CODE (CL_INVALID_EVENT),
  CODE (CL_INVALID_OPERATION),
  CODE (CL_INVALID_GL_OBJECT),
  CODE (CL_INVALID_BUFFER_SIZE),
  CODE (CL_INVALID_MIP_LEVEL),
  CODE (CL_INVALID_GLOBAL_WORK_SIZE),
  CODE (CL_INVALID_PROPERTY),
  CODE (CL_INVALID_IMAGE_DESCRIPTOR),
  CODE (CL_INVALID_COMPILER_OPTIONS),
  CODE (CL_INVALID_LINKER_OPTIONS),
  CODE (CL_INVALID_DEVICE_PARTITION_COUNT),
  { -1001, "CL_PLATFORM_NOT_FOUND_KHR" },
};

const char *
kol_cl_error_name (cl_int code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (code_names); i++)
    if (code_names[i].code == code)
      return code_names[i].name;
  return "unknown OpenCL error";
}

/* What a person can do about @code, or NULL. */
static const char *
hint_for (cl_int code)
{
  switch (code)
    {
    case CL_DEVICE_NOT_AVAILABLE:
      return "another program may hold the device";
    case CL_COMPILER_NOT_AVAILABLE:
      return "this driver comes without a compiler; choose another device";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_HOST_MEMORY:
      return "a smaller batch or image needs less memory";
    case CL_OUT_OF_RESOURCES:
      return "the device ran out of memory or registers, or a kernel failed on it; "
             "try a smaller batch, or \"kolinsky verify\" to test the device";
    default:
      return NULL;
    }
}

static KolError
domain_code_for (cl_int code)
{
  switch (code)
    {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_HOST_MEMORY:
      return KOL_ERROR_MEMORY;
    case CL_BUILD_PROGRAM_FAILURE:
    case CL_COMPILE_PROGRAM_FAILURE:
    case CL_LINK_PROGRAM_FAILURE:
      return KOL_ERROR_BUILD;
    default:
      return KOL_ERROR_DEVICE;
    }
}

gboolean
kol_cl_fail (cl_int code, GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *what = g_strdup_vprintf (format, arguments);
  va_end (arguments);

  const char *hint = hint_for (code);
  g_set_error (error, KOL_ERROR, domain_code_for (code), "%s: %s (%d)%s%s", what,
               kol_cl_error_name (code), code, hint ? "; " : "", hint ? hint : "");
  return FALSE;
}
