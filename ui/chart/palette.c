/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "palette.h"

#define RGB(hex)                                                                                   \
  {                                                                                                \
    ((hex) >> 16) / 255.0f, ((hex) >> 8 & 0xff) / 255.0f, ((hex) &0xff) / 255.0f, 1                \
  }
#define BLACK(alpha)                                                                               \
  {                                                                                                \
    0, 0, 0, alpha                                                                                 \
  }
#define WHITE(alpha)                                                                               \
  {                                                                                                \
    1, 1, 1, alpha                                                                                 \
  }

/*
 * On the grounds that libadwaita's views have, each is at least 3:1 in contrast, and any
 * two differ by CIE76 26 or more to normal, protanope, deuteranope and tritanope eyes.
 */
static const GdkRGBA light_runs[KX_PALETTE_RUNS]
    = { RGB (0x0072b2), RGB (0xd55e00), RGB (0x8a1e51),
        RGB (0xaa58ff), RGB (0xc97e61), RGB (0x610bed) };
static const GdkRGBA dark_runs[KX_PALETTE_RUNS]
    = { RGB (0x56b4e9), RGB (0xe69f00), RGB (0xe41987),
        RGB (0xe9c8b8), RGB (0x8b55fa), RGB (0x947e36) };

/* [dark][high contrast] */
static const KxTheme themes[2][2] = {
  { { .background = RGB (0xffffff),
      .ink = BLACK (0.8f),
      .dim = BLACK (0.62f),
      .grid = BLACK (0.09f),
      .minor = BLACK (0.04f),
      .axis = BLACK (0.35f),
      .accent = RGB (0x1c71d8),
      .band = RGB (0x26a269),
      .others = RGB (0x767676),
      .line = 2.25 },
    { .high_contrast = TRUE,
      .background = RGB (0xffffff),
      .ink = BLACK (1),
      .dim = BLACK (0.85f),
      .grid = BLACK (0.3f),
      .minor = BLACK (0.12f),
      .axis = BLACK (0.9f),
      .accent = RGB (0x1a5fb4),
      .band = RGB (0x1b7f50),
      .others = RGB (0x5e5e5e),
      .line = 3 } },
  { { .dark = TRUE,
      .background = RGB (0x1e1e1e),
      .ink = WHITE (0.92f),
      .dim = WHITE (0.7f),
      .grid = WHITE (0.1f),
      .minor = WHITE (0.045f),
      .axis = WHITE (0.35f),
      .accent = RGB (0x78aeed),
      .band = RGB (0x57e389),
      .others = RGB (0x949494),
      .line = 2.25 },
    { .dark = TRUE,
      .high_contrast = TRUE,
      .background = RGB (0x1e1e1e),
      .ink = WHITE (1),
      .dim = WHITE (0.9f),
      .grid = WHITE (0.35f),
      .minor = WHITE (0.14f),
      .axis = WHITE (0.9f),
      .accent = RGB (0x99c1f1),
      .band = RGB (0x8ff0a4),
      .others = RGB (0xb0b0b0),
      .line = 3 } },
};

/**
 * kx_theme_get:
 * @dark: whether the ground is
 * @high_contrast: whether lines are to be strong rather than fine
 *
 * Returns: (transfer none): the theme
 */
const KxTheme *
kx_theme_get (gboolean dark, gboolean high_contrast)
{
  return &themes[dark ? 1 : 0][high_contrast ? 1 : 0];
}

/**
 * kx_palette_colour:
 * @theme: a theme
 * @run: which run, from 0 on, in the order in which they are shown
 *
 * Returns: its colour; from %KX_PALETTE_RUNS on they share a grey
 */
GdkRGBA
kx_palette_colour (const KxTheme *theme, guint run)
{
  if (run >= KX_PALETTE_RUNS)
    return theme->others;
  return theme->dark ? dark_runs[run] : light_runs[run];
}

/**
 * kx_palette_dashes:
 * @run: as of kx_palette_colour()
 * @n: (out): how many numbers; 0: the line is solid
 *
 * Returns: (transfer none): pixels that are drawn and left out in turn
 */
const double *
kx_palette_dashes (guint run, int *n)
{
  static const struct {
    int n;
    double dashes[4];
  } all[KX_PALETTE_RUNS]
      = { { 0 },          { 2, { 6, 3 } }, { 2, { 2, 3 } }, { 4, { 9, 3, 2, 3 } }, { 2, { 12, 4 } },
          { 2, { 1, 2 } } };

  *n = run < KX_PALETTE_RUNS ? all[run].n : 0;
  return all[run % KX_PALETTE_RUNS].dashes;
}
