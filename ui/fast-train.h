/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint-picture.h"
#include "session.h"

G_BEGIN_DECLS

/**
 * KxFastTraining:
 * @network: whose features are compared
 * @style: how the new network is to paint
 * @photos: the folder that it learns from
 * @name: what it will be called
 * @folder: where it goes
 * @size: the side of the squares that are cut out of the photos
 * @steps: how many
 *
 * A network that is to learn to paint in one pass.
 */
typedef struct {
  const char *network;
  KxPaintPicture *style;
  const char *photos;
  const char *name;
  const char *folder;
  guint size;
  guint steps;
} KxFastTraining;

/** KxFastTrained: on the main thread, while @object lives: the network's file, or why there is
 * none. */
typedef void (*KxFastTrained) (const char *path, const GError *error, gpointer object);

/* Lets a network learn, as a job and as a run of the session. */
KxJob *kx_fast_train (KxSession *session, const KxFastTraining *training, KxFastTrained trained,
                      GObject *object);

G_END_DECLS
