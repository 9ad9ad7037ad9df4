/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "settings.h"

G_BEGIN_DECLS

/* What a setting's values are; kol_train_settings_set() has the bounds. */
typedef enum {
  KOL_SETTING_UNKNOWN, /* there is none of that name */
  KOL_SETTING_WHOLE,
  KOL_SETTING_NUMBER,
  KOL_SETTING_WORD, /* one of a list, yes and no among them */
} KolSettingKind;

KolSettingKind kol_train_setting_get_kind (const char *name);

/* Sets @error, of G_IO_ERROR_INVALID_ARGUMENT; %FALSE. */
gboolean kol_train_settings_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
