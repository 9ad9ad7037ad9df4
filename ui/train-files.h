/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** KxTrainFiles: what the Train page can do with files that come to it. */
typedef enum {
  KX_TRAIN_FILES_NOTHING,
  KX_TRAIN_FILES_RUN,  /* goes on */
  KX_TRAIN_FILES_LOG,  /* has curves to compare with */
  KX_TRAIN_FILES_DATA, /* to learn from */
} KxTrainFiles;

KxTrainFiles kx_train_files_look (GListModel *files, char **path);
const char *kx_train_files_get_verb (KxTrainFiles kind);

G_END_DECLS
