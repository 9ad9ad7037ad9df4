/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "session.h"

G_BEGIN_DECLS

/* The networks that are installed and whose features can be compared, the best first. */
GPtrArray *kx_paint_networks_list (void); /* of KolModelEntry */

typedef void (*KxInstalled) (const GError *error, gpointer object);

/* Brings a network of the catalogue here, as a job. */
KxJob *kx_paint_networks_install (KxSession *session, const char *name, KxInstalled installed,
                                  GObject *object);

G_END_DECLS
