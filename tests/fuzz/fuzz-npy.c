/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* One array, or an archive of them, as a data set and as weights. */
#include "dataset/dataset.h"
#include "dataset/npy.h"
#include "fuzz-weights.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  const char *path = fuzz_file ("input.npz", bytes, size);
  GError *error = NULL;
  g_autoptr (KolNpy) npy = kol_npy_load (path, &error);

  fuzz_check (npy != NULL, error);
  error = NULL;
  g_autoptr (KolDataset) set
      = kol_dataset_open (path, "train", &(KolDatasetOptions){ .numbers = TRUE }, &error);
  fuzz_check (set != NULL, error);
  fuzz_weights (path, size);
  return 0;
}
