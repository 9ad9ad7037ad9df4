/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "dataset/idx.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  GError *error = NULL;
  g_autoptr (KolIdx) idx = kol_idx_load (fuzz_file ("input", bytes, size), &error);

  fuzz_check (idx != NULL, error);
  return 0;
}
