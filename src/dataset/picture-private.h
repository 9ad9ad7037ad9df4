/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "picture.h"

/* As kol_picture_load(), but @reason, to be freed, does not name the file. */
KolPicture *kol_picture_try (const char *path, char **reason);
/* A picture whose pixels are not set, or NULL if memory is short. */
KolPicture *kol_picture_new (gsize channels, gsize height, gsize width);
/* A part of a picture, which must lie in it, as one of its own; NULL if memory is short. */
KolPicture *kol_picture_cut (const KolPicture *picture, const KolPictureBox *box);
