/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../src/kolinsky.h"

G_BEGIN_DECLS

float *kx_digit_centre (const KolPicture *sheet, gsize height, gsize width);

G_END_DECLS
