#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Pictures as Pillow scales them: writes pillow-resize.h, which test-picture.c reads.

It is kept with the sources, so that the test needs no Pillow: run this only to change
the cases. It takes Pillow 9.4, Debian 12's python3-pil; 13.0 scales columns first where
that is less work, which rounds otherwise in two of the cases.

    pillow_resize.py > pillow-resize.h
"""
import hashlib

from PIL import Image

FILTERS = {"KOL_BILINEAR": Image.BILINEAR, "KOL_BICUBIC": Image.BICUBIC}
# From width, height to width, height: single pixels, lines, odd sizes, both ways, one way only.
CASES = [(1, 1, 1, 1), (1, 1, 5, 3), (1, 7, 3, 2), (7, 1, 2, 9), (2, 2, 3, 3), (31, 17, 31, 17),
         (31, 17, 7, 5), (31, 17, 64, 40), (31, 17, 31, 9), (31, 17, 13, 17), (31, 17, 62, 3),
         (17, 31, 1, 1), (257, 3, 16, 3), (1000, 2, 3, 1), (2, 500, 5, 333), (320, 213, 385, 256),
         (427, 320, 342, 256), (333, 250, 341, 256), (640, 427, 128, 85)]


def noise(width, height):
    """Bytes from a generator that is as easily written in C; a third of them extremes."""
    state, pixels = width * 1000 + height, bytearray()
    for _ in range(width * height):
        state = (state * 1664525 + 1013904223) % 2 ** 32
        byte = state >> 24
        pixels.append(byte if state >> 16 & 3 else 255 * (byte & 1))
    return Image.frombytes("L", (width, height), bytes(pixels))


def main():
    print("/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */\n"
          "/* Written by pillow_resize.py: what Pillow makes of noise. */\n"
          "#pragma once\n\n"
          "static const struct {\n"
          "  gsize width, height, new_width, new_height;\n"
          "  KolPictureFilter filter;\n"
          "  const char *sum; /* SHA-256 of the bytes */\n"
          "} pillow_resized[] = {")
    for name, number in FILTERS.items():
        for width, height, new_width, new_height in CASES:
            scaled = noise(width, height).resize((new_width, new_height), number)
            total = hashlib.sha256(scaled.tobytes()).hexdigest()
            print(f"  {{ {width}, {height}, {new_width}, {new_height}, {name},\n"
                  f'    "{total}" }},')
    print("};")


if __name__ == "__main__":
    main()
