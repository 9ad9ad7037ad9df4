/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device-private.h"

G_BEGIN_DECLS

KolProfile *kol_profile_new (void);
void kol_profile_free (KolProfile *profile);
/* Takes a reference to @event; its times are read when it has completed. */
void kol_profile_add (KolProfile *profile, cl_event event, const char *kernel, const char *label,
                      KolWork work);
void kol_profile_clear (KolProfile *profile);
/* Of KolKernelTotal. Given. */
GPtrArray *kol_profile_list (KolProfile *profile);
char *kol_profile_table (KolProfile *profile);
gboolean kol_profile_save (KolProfile *profile, const char *path, GError **error);

G_END_DECLS
