#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Writes the files in fixtures/, which NumPy and Pillow make and the tests read.

They are kept with the sources, so that the tests need neither: run this only to
change them.

    make-fixtures.py fixtures
"""
import os
import struct
import sys
import zlib

import numpy
from PIL import Image, ImageDraw

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "b1"]


def arrays(folder):
    """[2, 3] arrays of each type and byte order, and other shapes, orders and versions."""
    for name in TYPES:
        numbers = numpy.array([[0, 1, 2], [3, 100, 7]])
        if name[0] in "if":
            numbers[1, 2] = -7
        if name[0] == "f":
            numbers = numbers + 0.25
        for order in "<>" if name[1] != "1" else "|":
            word = {"<": "little", ">": "big", "|": "byte"}[order]
            array = numbers.astype(numpy.dtype(order + name))
            numpy.save(os.path.join(folder, f"{name}-{word}.npy"), array)
    cube = numpy.arange(24, dtype="<i2").reshape(2, 3, 4)
    numpy.save(os.path.join(folder, "fortran.npy"), numpy.asfortranarray(cube))
    numpy.save(os.path.join(folder, "scalar.npy"), numpy.float32(2.5))
    numpy.save(os.path.join(folder, "complex.npy"), numpy.zeros(2, "<c8"))
    for version in (2, 3):
        with open(os.path.join(folder, f"version-{version}.npy"), "wb") as file:
            numpy.lib.format.write_array(file, cube, version=(version, 0))
    halves = numpy.array([0, 2.0 ** -24, 2.0 ** -14, 1, -1.5, 65504, numpy.inf, numpy.nan], "<f2")
    numpy.save(os.path.join(folder, "halves.npy"), halves)


def archives(folder):
    """Sets of 4 pictures [2, 3], the first four numbers of each their own; labels 0 to 3."""
    pictures = numpy.arange(24, dtype=numpy.uint8).reshape(4, 2, 3)
    labels = numpy.array([0, 1, 2, 3], dtype=numpy.int64)
    save = lambda name, **named: numpy.savez(os.path.join(folder, name), **named)
    save("plain.npz", x=pictures, y=labels)
    numpy.savez_compressed(os.path.join(folder, "packed.npz"), x=pictures.repeat(9, axis=2),
                           y=labels)
    save("parts.npz", x_train=pictures, y_train=labels, x_test=pictures[:2], y_test=labels[:2])
    save("unlike.npz", x_train=pictures, y_train=labels % 2, x_test=pictures, y_test=labels)
    numpy.savez(os.path.join(folder, "unnamed.npz"), pictures, labels)
    save("named.npz", images=pictures, labels=labels.reshape(4, 1))
    save("wrong-names.npz", data=pictures, target=labels)
    save("last.npz", x=numpy.arange(120, dtype=numpy.uint8).reshape(4, 5, 2, 3), y=labels)
    save("first.npz", x=numpy.arange(120, dtype=numpy.float32).reshape(4, 3, 2, 5), y=labels)
    save("table.npz", x=numpy.arange(8, dtype=">f8").reshape(4, 2), y=labels)
    save("outputs.npz", x=numpy.arange(8.0).reshape(4, 2), y=numpy.arange(12.0).reshape(4, 3) / 2)
    save("fractions.npz", x=pictures, y=labels + 0.5)
    save("counts.npz", x=pictures, y=labels[:3])
    save("empty.npz", x=pictures[:0], y=labels[:0])
    save("rank.npz", x=numpy.zeros((1, 1, 1, 1, 1)), y=labels[:1])


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))


def png(path, width, height, depth, colour, rows, chunks=b""):
    """A PNG file of rows as they are, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + chunks
                   + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b""))


def pictures(folder):
    """Pictures of every kind of PNG, and the same JPEG in all eight orientations."""
    at = lambda name: os.path.join(folder, name)
    colour = numpy.arange(2 * 3 * 3, dtype=numpy.uint8).reshape(2, 3, 3) * 14
    Image.fromarray(colour).save(at("colour.png"))
    grey = numpy.arange(6, dtype=numpy.uint8).reshape(2, 3) * 50
    Image.fromarray(grey).save(at("grey.png"))
    Image.fromarray(numpy.stack([grey] * 3, axis=2)).save(at("grey-as-colour.png"))
    Image.fromarray(colour).quantize(256).save(at("palette.png"))
    Image.fromarray(grey > 100).save(at("bits.png"))
    alpha = numpy.dstack([colour, numpy.array([[0, 51, 255]] * 2, dtype=numpy.uint8)])
    Image.fromarray(alpha).save(at("alpha.png"))
    Image.fromarray(colour).save(at("colour.bmp"))
    Image.fromarray(colour).save(at("colour.webp"), lossless=True)
    # 16 bits: 0, 257 (1 in 8 bits), 300 (1.17), 400 (1.56), 65535, 32896 (128)
    png(at("grey-16.png"), 3, 2, 16, 0, [struct.pack(">3H", 0, 257, 300),
                                        struct.pack(">3H", 400, 65535, 32896)])
    png(at("colour-16.png"), 3, 2, 16, 2,
        [(colour[row].astype(">u2") * 257).astype(">u2").tobytes() for row in range(2)])
    png(at("grey-alpha.png"), 3, 2, 8, 4, [bytes([0, 9, 50, 0, 100, 255]),
                                           bytes([150, 1, 200, 0, 250, 99])])
    png(at("grey-transparent.png"), 3, 1, 8, 0, [bytes([7, 9, 7])],
        png_chunk(b"tRNS", struct.pack(">H", 7)))
    # Upright: 16 wide, 24 high; red above, blue below, the left half darker.
    upright = Image.new("RGB", (16, 24))
    draw = ImageDraw.Draw(upright)
    draw.rectangle((0, 0, 7, 11), (120, 0, 0))
    draw.rectangle((8, 0, 15, 11), (240, 0, 0))
    draw.rectangle((0, 12, 7, 23), (0, 0, 120))
    draw.rectangle((8, 12, 15, 23), (0, 0, 240))
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}
    for orientation in range(1, 9):
        stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(at(f"orientation-{orientation}.jpg"), quality=90, subsampling=0, exif=exif)
    upright.convert("L").save(at("grey.jpg"), quality=90)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    arrays(folder)
    archives(folder)
    pictures(folder)


if __name__ == "__main__":
    main()
