/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Keras's files. */
#include "fuzz-weights.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  fuzz_weights (fuzz_file ("input.h5", bytes, size), size);
  return 0;
}
