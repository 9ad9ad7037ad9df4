/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "batches.h"

/* How one picture is varied. */
typedef struct {
  gboolean flip; /* left and right are exchanged; then... */
  gssize down;   /* ...it is shifted by so many rows... */
  gssize right;  /* ...and columns; then... */
  gsize top;     /* ...a rectangle of zeros is put there, */
  gsize bottom;  /* from this row and column up to, but without, that one */
  gsize left;
  gsize end;
} KolVariation;

KolVariation kol_augment_draw (const KolAugment *augment, guint64 key, guint64 epoch, gsize example,
                               gsize height, gsize width);
void kol_augment_apply (const KolVariation *variation, const float *from, float *to, gsize channels,
                        gsize height, gsize width);
