/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "fuzz-weights.h"
#include "model/safetensors.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  const char *path = fuzz_file ("input.safetensors", bytes, size);
  g_autoptr (GHashTable) metadata = NULL;
  GError *error = NULL;
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, &metadata, &error);

  fuzz_check (arrays != NULL, error);
  fuzz_weights (path, size);
  return 0;
}
