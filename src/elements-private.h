/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define KOL_ELEMENTS_MAX_RANK 8

/* A type that numbers in files have. */
typedef struct {
  const char *name;  /* as NumPy has it: "f4"; "bf16" is none of NumPy's */
  const char *title; /* for people: "float32" */
  gsize size;        /* bytes of an element */
  gboolean is_float;
  float (*as_float) (const guint8 *bytes); /* little-endian, aligned or not */
} KolElementType;

/* The type called @name, or NULL. */
const KolElementType *kol_element_type_find (const char *name);

/*
 * Writes a number as an element of the type, little-endian; FALSE if it is none of them:
 * not whole, out of range, or of the halves, which are only read.
 */
gboolean kol_element_type_write (const KolElementType *type, float value, guint8 *to);

/* An array as it lies in a file. Whoever makes one has checked that all of it is there. */
typedef struct {
  const KolElementType *type;
  gboolean big_endian;
  guint rank;
  gint64 dims[KOL_ELEMENTS_MAX_RANK];
  gint64 strides[KOL_ELEMENTS_MAX_RANK]; /* in elements */
} KolElements;

/* Sets the strides to row-major, or, in Fortran's order, to the first dimension being the fastest.
 */
void kol_elements_set_strides (KolElements *elements, gboolean fortran);
/* Whether the elements lie row-major, without a gap. */
gboolean kol_elements_are_contiguous (const KolElements *elements);
/* The product of the dims; FALSE if more than memory could ever hold. */
gboolean kol_elements_count (const KolElements *elements, gsize *count);
/* Writes all of them, row-major, as floats; @bytes is where element 0 lies. */
void kol_elements_read (const KolElements *elements, const guint8 *bytes, float *values);
/* The same for elements of one byte, as they are. */
void kol_elements_read_bytes (const KolElements *elements, const guint8 *bytes, guint8 *to);

G_END_DECLS
