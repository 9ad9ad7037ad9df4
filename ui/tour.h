/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_TOUR (kx_tour_get_type ())
/** KxTour: what the application can do, in pictures with captions. */
G_DECLARE_FINAL_TYPE (KxTour, kx_tour, KX, TOUR, AdwWindow)

KxTour *kx_tour_new (void);

G_END_DECLS
