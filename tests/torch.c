/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "torch.h"

gboolean
run_torch (const char *program, const char *option, const char *folder)
{
  const char *python = g_getenv ("KOLINSKY_TORCH_PYTHON");
  g_autoptr (GError) error = NULL;
  int status;

  if (!program || !g_file_test (program, G_FILE_TEST_IS_REGULAR))
    {
      g_test_skip ("the reference program is not here");
      return FALSE;
    }
  const char *probe[] = { python ? python : "python3", "-c", "import numpy, torch", NULL };
  if (!g_spawn_sync (NULL, (char **) probe, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, &status, NULL)
      || status != 0)
    {
      g_test_skip ("Python has no torch; install python3-torch or set KOLINSKY_TORCH_PYTHON");
      return FALSE;
    }
  const char *dump[]
      = { probe[0], program, option ? option : folder, option ? folder : NULL, NULL };
  g_spawn_sync (NULL, (char **) dump, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  return TRUE;
}
