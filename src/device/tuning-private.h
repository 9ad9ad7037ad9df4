/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device-private.h"
#include "tuning.h"

G_BEGIN_DECLS

/*
 * What was measured, remembered per device and driver in one file of the
 * cache: a key ("matmul 50x3136x1024 nn") has a chosen variant's name and the
 * seconds of every candidate. A variant may be struck off, with a reason.
 */
KolTuning *kol_tuning_new (KolDevice *device);
void kol_tuning_free (KolTuning *tuning);
/* The remembered choice for @key, or NULL. Given. */
char *kol_tuning_lookup (KolTuning *tuning, const char *key);
void kol_tuning_store (KolTuning *tuning, const char *key, const char *const *names,
                       const double *seconds, guint n, guint chosen);
/* Whether @variant was among those that were measured for @key. */
gboolean kol_tuning_has_measured (KolTuning *tuning, const char *key, const char *variant);
gboolean kol_tuning_is_struck (KolTuning *tuning, const char *op, const char *variant);
void kol_tuning_strike (KolTuning *tuning, const char *op, const char *variant, const char *reason);
/* Takes a strike back: the variant is right again, after a driver's update say. */
void kol_tuning_restore (KolTuning *tuning, const char *op, const char *variant);

void kol_tuning_choice_free (KolTuningChoice *choice);
void kol_tuning_struck_free (KolTuningStruck *struck);
/* All choices; all variants that are struck off: GPtrArrays of the above. Given. */
GPtrArray *kol_tuning_list_choices (KolTuning *tuning);
GPtrArray *kol_tuning_list_struck (KolTuning *tuning);
/* Forgets the choices whose key begins so; what is struck off stays so. */
void kol_tuning_forget (KolTuning *tuning, const char *beginning);

/* KOLINSKY_VARIANT is "op=variant,op=variant" or "variant". The one forced for @op, or NULL. Given.
 */
char *kol_tuning_forced (const char *op);

G_END_DECLS
