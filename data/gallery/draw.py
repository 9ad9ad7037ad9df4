#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Draws the content and the styles of the gallery: hills.png, strokes.png, mosaic.png.

They are drawn by rule and chance, so they are free to ship. Needs Pillow.

    draw.py FOLDER
"""
import math
import os
import random
import sys

from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 480


def vertical(top, bottom, height):
    """A strip of pixels from one colour to another."""
    return [tuple(int(a + (b - a) * y / height) for a, b in zip(top, bottom)) for y in range(height)]


def hills():
    """A lake below hills, a house, trees and a low sun."""
    chance = random.Random(7)
    picture = Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 110))
    draw = ImageDraw.Draw(picture)
    for y, colour in enumerate(vertical((70, 120, 200), (250, 200, 150), 300)):
        draw.line((0, y, WIDTH, y), fill=colour)
    draw.ellipse((430, 120, 510, 200), fill=(255, 240, 190))
    for base, high, colour in ((270, 70, (110, 130, 160)), (300, 50, (70, 110, 90)),
                               (340, 30, (50, 90, 50))):
        phase = chance.uniform(0, 6)
        points = [(x, base - high * math.sin(x / 110 + phase) - 0.4 * high * math.sin(x / 37 + phase))
                  for x in range(WIDTH + 1)]
        draw.polygon(points + [(WIDTH, HEIGHT), (0, HEIGHT)], fill=colour)
    for y, colour in enumerate(vertical((150, 150, 170), (40, 70, 120), 110)):
        draw.line((0, 370 + y, WIDTH, 370 + y), fill=colour)
    for _ in range(90):
        x, y = chance.uniform(380, 560), chance.uniform(375, 470)
        draw.line((x, y, x + chance.uniform(10, 40), y), fill=(240, 210, 170), width=2)
    draw.rectangle((120, 300, 230, 375), fill=(200, 180, 150))
    draw.polygon([(105, 300), (175, 245), (245, 300)], fill=(150, 60, 45))
    draw.rectangle((160, 330, 188, 375), fill=(80, 50, 40))
    for x in (132, 198):
        draw.rectangle((x, 315, x + 20, 335), fill=(250, 230, 140))
    for x in (40, 75, 290, 330, 590):
        tall = chance.uniform(90, 140)
        draw.rectangle((x - 4, 370 - tall / 3, x + 4, 375), fill=(70, 50, 40))
        for k in range(4):
            y, wide = 370 - tall * (0.25 + 0.22 * k), 34 - 7 * k
            draw.polygon([(x - wide, y), (x, y - tall / 3), (x + wide, y)], fill=(30, 80 + 8 * k, 55))
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def strokes():
    """Short strokes along a field of whirls, in blue and gold."""
    chance = random.Random(3)
    picture = Image.new("RGB", (WIDTH, HEIGHT), (25, 40, 90))
    draw = ImageDraw.Draw(picture)
    whirls = [(chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT), chance.choice((-1, 1)))
              for _ in range(7)]
    palette = [(20, 50, 120), (40, 90, 170), (90, 150, 200), (170, 200, 210), (240, 210, 110),
               (230, 170, 50)]
    for _ in range(9000):
        x, y = chance.uniform(-20, WIDTH + 20), chance.uniform(-20, HEIGHT + 20)
        near = min(math.hypot(x - a, y - b) for a, b, _ in whirls)
        tone = min(5, max(0, int(5.5 - near / 26 + chance.gauss(0, 0.8))))
        points = [(x, y)]
        for _ in range(6):
            dx = 1.0
            dy = 0.3 * math.sin(x / 60)
            for a, b, turn in whirls:
                pull = 60 / (900 + (x - a) ** 2 + (y - b) ** 2)
                dx, dy = dx - turn * (y - b) * pull, dy + turn * (x - a) * pull
            length = math.hypot(dx, dy) or 1
            x, y = x + 4 * dx / length, y + 4 * dy / length
            points.append((x, y))
        shade = chance.uniform(0.8, 1.15)
        draw.line(points, fill=tuple(min(255, int(c * shade)) for c in palette[tone]), width=4,
                  joint="curve")
    return picture


def mosaic():
    """Tiles of glass with dark joints, warm and cold in broad bands."""
    chance = random.Random(11)
    tiles = [(chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT)) for _ in range(520)]
    warm = [(200, 60, 40), (230, 140, 40), (240, 200, 80), (150, 40, 60)]
    cold = [(30, 80, 120), (40, 130, 130), (90, 170, 150), (220, 225, 205)]
    colours = [chance.choice(warm if math.sin(x / 70 + y / 90) > 0 else cold) for x, y in tiles]
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    cell = 40
    grid = {}
    for i, (x, y) in enumerate(tiles):
        grid.setdefault((int(x) // cell, int(y) // cell), []).append(i)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            near = sorted((math.hypot(x - tiles[i][0], y - tiles[i][1]), i)
                          for a in range(-2, 3) for b in range(-2, 3)
                          for i in grid.get((x // cell + a, y // cell + b), ()))[:2]
            joint = near[1][0] - near[0][0] < 2.5
            shine = 1.1 - near[0][0] / 90
            picture.putpixel((x, y), (35, 30, 30) if joint
                             else tuple(min(255, int(c * shine)) for c in colours[near[0][1]]))
    return picture


def main():
    for name, make in (("hills", hills), ("strokes", strokes), ("mosaic", mosaic)):
        make().save(os.path.join(sys.argv[1], name + ".png"), optimize=True)


if __name__ == "__main__":
    main()
