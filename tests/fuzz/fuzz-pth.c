/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* PyTorch's files, and with them all that kol_weights_open() tells by its first bytes. */
#include "fuzz-weights.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  fuzz_weights (fuzz_file ("input.pth", bytes, size), size);
  return 0;
}
