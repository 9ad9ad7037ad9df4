/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "npy.h"

/* Reads an array from memory; @shown is what messages call it. */
KolNpy *kol_npy_parse (const guint8 *bytes, gsize length, const char *shown, GError **error);
