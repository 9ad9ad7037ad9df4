/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/** KOL_EVENTS_PREFIX: how the names of such files begin. */
#define KOL_EVENTS_PREFIX "events.out.tfevents."

/** KolEvents: a file of events that TensorBoard shows, being written. */
typedef struct _KolEvents KolEvents;

KOL_API KolEvents *kol_events_new (const char *folder, guint64 first_step, GError **error);
KOL_API void kol_events_scalar (KolEvents *events, const char *tag, guint64 step, double value);
KOL_API void kol_events_histogram (KolEvents *events, const char *tag, guint64 step,
                                   const float *values, gsize n);
KOL_API gboolean kol_events_picture (KolEvents *events, const char *tag, guint64 step,
                                     const guint8 *pixels, gsize width, gsize height,
                                     gsize channels, GError **error);
KOL_API gboolean kol_events_flush (KolEvents *events, GError **error);
KOL_API void kol_events_free (KolEvents *events);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolEvents, kol_events_free)

G_END_DECLS
