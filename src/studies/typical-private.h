/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The mean of the pictures that a network has learned from. */

#include "../dataset/dataset.h"

G_BEGIN_DECLS

/*
 * The mean of pictures of @like, or, where it has no examples, of the training part of the data at
 * its path; of a few thousand, drawn by chance, if there are more. NULL with an error if they
 * cannot be read, or are not of that size.
 */
KolPicture *kol_typical_picture (KolDataset *like, GError **error);

G_END_DECLS
