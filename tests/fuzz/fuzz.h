/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* What a target defines: feeds one input to a reader. */
int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size);

/*
 * Writes the input to a file called @name, in a folder of this process alone, and gives
 * its path. Readers take files, not memory.
 */
const char *fuzz_file (const char *name, const uint8_t *bytes, size_t size);
/* Sees that a reader said what was wrong, in a sentence that can be shown. */
void fuzz_check (gboolean good, GError *error);

G_END_DECLS
