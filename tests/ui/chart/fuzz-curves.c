/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Curves of a file, as an event file and as a table. */

#include "chart/import.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  GError *error = NULL;
  g_autoptr (KxImported) events = kx_import_events (bytes, size, &error);

  fuzz_check (events != NULL, error);
  error = NULL;
  g_autoptr (KxImported) table = kx_import_csv ((const char *) bytes, size, &error);
  fuzz_check (table != NULL, error);
  return 0;
}
