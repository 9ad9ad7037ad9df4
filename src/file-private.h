/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What is wrong with a file, told by the readers that are for all: zip.c and
 * npy-header.c. Each folder makes its own errors of it.
 */
typedef enum {
  KOL_FILE_TRUNCATED, /* it ends too early */
  KOL_FILE_TRAILING,  /* it goes on after its end */
  KOL_FILE_CORRUPT,   /* it contradicts itself, or a checksum is wrong */
  KOL_FILE_FORMAT,    /* it is of another format */
  KOL_FILE_TYPE,      /* it has something in it that is not read */
  KOL_FILE_RANK,      /* its arrays have too many dimensions */
  KOL_FILE_TOO_LARGE, /* there is not enough memory for it */
} KolFileError;

#define KOL_FILE_ERROR (kol_file_error_quark ())
GQuark kol_file_error_quark (void);

G_END_DECLS
