/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* An entry of the catalogue as a key file: data/models/<name>.ini, or a user's model.ini. */

#include "catalogue.h"

G_BEGIN_DECLS

/* Takes @text over. What is wrong in it is told with @origin, its file. Given. */
KolModelEntry *kol_model_entry_read (const char *name, GKeyFile *text, const char *origin,
                                     GError **error);
/* Copies what another entry says of pictures, classes and the network that weights are for. */
void kol_model_entry_take_after (KolModelEntry *entry, const KolModelEntry *like);
/* "squeezenet1.1": letters, digits, and . _ + - inside. */
gboolean kol_model_name_is_good (const char *name);

G_END_DECLS
