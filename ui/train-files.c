/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Files that come to the Train page. */

#include "train-files.h"

#include <glib/gi18n.h>
#include <string.h>

#include "../src/kolinsky.h"

static gboolean
is_data (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_DIR) ? !kol_run_exists (path)
                                                : kol_dataset_has_part (path, "train");
}

/**
 * kx_train_files_look:
 * @files: (nullable): of #GFile
 * @path: (out) (transfer full) (nullable): of the first one
 *
 * Returns: what can be done with it; nothing with several files
 */
KxTrainFiles
kx_train_files_look (GListModel *files, char **path)
{
  g_autoptr (GFile) file = files ? g_list_model_get_item (files, 0) : NULL;
  g_autofree char *base = NULL;

  *path = file ? g_file_get_path (file) : NULL;
  if (!*path || g_list_model_get_n_items (files) != 1)
    return KX_TRAIN_FILES_NOTHING;
  base = g_path_get_basename (*path);
  if (kol_run_exists (*path))
    return KX_TRAIN_FILES_RUN;
  if (g_str_has_suffix (base, ".csv") || strstr (base, "tfevents"))
    return KX_TRAIN_FILES_LOG;
  return is_data (*path) ? KX_TRAIN_FILES_DATA : KX_TRAIN_FILES_NOTHING;
}

/**
 * kx_train_files_get_verb:
 * @kind: what can be done
 *
 * Returns: (nullable): that in words
 */
const char *
kx_train_files_get_verb (KxTrainFiles kind)
{
  switch (kind)
    {
    case KX_TRAIN_FILES_RUN:
      return _ ("Go on with the run");
    case KX_TRAIN_FILES_LOG:
      return _ ("Compare its curves");
    case KX_TRAIN_FILES_DATA:
      return _ ("Learn from it");
    case KX_TRAIN_FILES_NOTHING:
    default:
      return NULL;
    }
}
