/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "dataset/dataset.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  const char *path = fuzz_file ("input.csv", bytes, size);

  for (int numbers = FALSE; numbers <= TRUE; numbers++)
    {
      GError *error = NULL;
      g_autoptr (KolDataset) set
          = kol_dataset_open (path, "train", &(KolDatasetOptions){ .numbers = numbers }, &error);

      fuzz_check (set != NULL, error);
    }
  return 0;
}
