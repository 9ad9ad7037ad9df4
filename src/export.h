/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/** KOL_API: a symbol of the public interface; everything else is hidden. */
#define KOL_API __attribute__ ((visibility ("default")))
