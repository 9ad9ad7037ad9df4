#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky maximize` with networks of a few numbers. Prints TAP.

    test-maximize.py KOLINSKY MANUAL
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib

import networks
from harness import COMMAND, expect, expect_sentence, main, run, test

SIDE = 12


def small(channels=3, batch=None):
    """A convolution, a rectifier, and the mean of each of 4 units."""
    numbers = random.Random(1)
    weights = [numbers.gauss(0, 0.3) for _ in range(4 * channels * 9)]
    return networks.model(
        [networks.node("Conv", ["x", "w", "b"], ["conv"]), networks.node("Relu", ["conv"], ["relu"]),
         networks.node("GlobalAveragePool", ["relu"], ["mean"]),
         networks.node("Flatten", ["mean"], ["scores"])],
        [networks.port("x", [batch, channels, SIDE, SIDE])], [networks.port("scores", [batch, 4])],
        [networks.tensor("w", [4, channels, 3, 3], weights), networks.tensor("b", [4], [0.0] * 4)])


def write(shop, name, content):
    path = shop.path(name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def read_png(path):
    """(width, height, channels, pixels, {key: text}); without filters but 0 to 4."""
    with open(path, "rb") as file:
        data = file.read()
    at, header, packed, texts = 8, None, b"", {}
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        elif kind == b"tEXt":
            key, text = body.split(b"\0", 1)
            texts[key.decode()] = text.decode("latin-1")
        at += length + 12
    width, height, _, colour = header[:4]
    return width, height, 3 if colour == 2 else 1, zlib.decompress(packed), texts


def made(shop, model, *arguments):
    result = run("maximize", model, "--json", "--steps", "20", *arguments)
    expect(result.code == 0, result)
    return json.loads(result.out)


@test
def lists_layers(shop):
    model = write(shop, "small.onnx", small())
    result = run("maximize", model)
    expect(result.code == 0 and "relu" in result.out and "4 of 10 x 10" in result.out, result)
    result = run("maximize", model, "--json")
    expect([row["layer"] for row in json.loads(result.out)][-1] == "mean", result)


@test
def one_picture_and_again(shop):
    model = write(shop, "small.onnx", small())
    first, second = shop.path("a.png"), shop.path("b.png")
    row = made(shop, model, "--layer", "relu", "--unit", "2", "--seed", "5", "-o", first)[0]
    expect(row["unit"] == 2 and row["activation"] > 0 and not row["dead"], row)
    width, height, channels, pixels, texts = read_png(first)
    expect((width, height, channels) == (SIDE, SIDE, 3), (width, height))
    expect(len(set(pixels)) > 20, "the picture is empty")
    expect("--unit 2" in texts["Comment"] and "seed=5" in texts["kolinsky"], texts)
    again = run("maximize", "--like", first, "-o", second)
    expect(again.code == 0, again)
    expect(read_png(second)[4] == texts, read_png(second)[4])
    zero = run("maximize", "--like", first, "--seed", "0", "--json", "-o", second)
    expect(zero.code == 0 and "seed=0" in read_png(second)[4]["kolinsky"], zero)
    other = run("maximize", "--like", first, "--unit", "1", "--json", "-o", second)
    expect(json.loads(other.out)[0]["unit"] == 1, other)


@test
def several_on_a_sheet(shop):
    model = write(shop, "small.onnx", small())
    folder = shop.path("folder")
    photos = shop.path("photos")
    os.makedirs(photos)
    for i, colour in enumerate([(250, 0, 0), (0, 250, 0), (0, 0, 250), (128, 128, 128)]):
        write(shop, os.path.join("photos", f"{i}.png"), networks.png(*colour))
    with open(os.path.join(photos, "torn.png"), "wb") as file:
        file.write(networks.png(1, 2, 3)[:40])  # told, and left out
    rows = made(shop, model, "--layer", "conv", "--all", "--photos", photos, "-o", folder)
    expect([row["unit"] for row in rows] == [0, 1, 2, 3], rows)
    expect(sorted(os.listdir(folder)) == [f"conv-{i}.png" for i in range(4)] + ["sheet.png"],
           os.listdir(folder))
    for row in rows:
        expect(row["photo"].startswith(photos), row)
        expect(row["ratio"] is None or abs(row["ratio"] * row["photos"] - row["activation"]) < 1e-3,
               row)
    width, height = read_png(os.path.join(folder, "sheet.png"))[:2]
    expect(width > 600 and height > 500, (width, height))
    sheet = shop.path("sheet.png")
    rows = made(shop, model, "--layer", "conv", "--unit", "0,2-3", "-o", sheet)
    expect([row["file"] for row in rows] == [None] * 3 and os.path.exists(sheet), rows)


@test
def a_film(shop):
    model = write(shop, "small.onnx", small(1))
    film = shop.path("film")
    made(shop, model, "--unit", "1", "--film", film, "--frames", "5", "-o", shop.path("x.png"))
    names = sorted(os.listdir(film))
    expect(names == [f"frame-{i:04}.png" for i in range(5)] + ["strip.png"], names)
    frames = [read_png(os.path.join(film, name)) for name in names[:-1]]
    expect(all(frame[:3] == (SIDE, SIDE, 1) for frame in frames), frames[0][:3])
    expect(len({frame[3] for frame in frames}) == 5, "frames are alike")
    expect("--steps 15" in frames[3][4]["Comment"] and "step 15" in frames[3][4]["Title"], frames[3][4])
    again = shop.path("again.png")
    result = run("maximize", "--like", os.path.join(film, names[3]), "-o", again)
    expect(result.code == 0 and read_png(again)[3] == frames[3][3], result)
    expect("--steps 20" in read_png(os.path.join(film, "strip.png"))[4]["Comment"], "strip.png")
    expect_sentence(run("maximize", model, "--unit", "0,1", "--film", film, "-o", film), 1,
                    "film", "one unit")


@test
def a_film_of_checkpoints(shop):
    folder, film = shop.path("learning"), shop.path("learned")
    expect(shop.train("--steps", "10", "--run", folder).code == 0, folder)
    expect(run("train", "--resume", folder, "--steps", "20").code == 0, folder)
    made(shop, folder, "--class", "3", "--film", film, "--checkpoints", "-o", shop.path("x.png"))
    names = sorted(os.listdir(film))
    count = len(os.listdir(os.path.join(folder, "checkpoints")))
    expect(count > 1 and names == [f"frame-{i:04}.png" for i in range(count)] + ["strip.png"],
           names)
    texts = read_png(os.path.join(film, names[0]))[4]
    expect("--from 10" in texts["Comment"], texts)
    model = write(shop, "small.onnx", small())
    expect_sentence(run("maximize", model, "--unit", "0", "--film", film, "--checkpoints", "-o",
                        shop.path("x.png")), 1, "of a run")


def brightness(path):
    """The mean of a grey picture's bytes, 0 to 1."""
    pixels = networks.read_grey(path)
    return sum(pixels) / len(pixels) / 255


@test
def units_of_a_run_are_as_light_as_its_data(shop):
    data, folder = shop.path("grey"), shop.path("on-grey")
    shutil.copytree(shop.data, data)
    expect(shop.train("--steps", "5", "--run", folder, data=data).code == 0, folder)
    images = "train-images-idx3-ubyte"
    with open(os.path.join(data, images), "rb") as file:
        pixels = file.read()[16:]
    level = sum(pixels) / len(pixels) / 255
    picture = shop.path("light.png")
    command = ("maximize", folder, "--layer", "conv2", "--unit", "3", "--steps", "20", "-o", picture)
    result = run(*command)
    expect(result.code == 0 and "as light" in result.err + result.out, result)
    expect(abs(brightness(picture) / level - 1) < 0.05, (brightness(picture), level))
    result = run(*command, "--free")
    expect(result.code == 0 and "as light" not in result.err + result.out, result)
    expect(abs(brightness(picture) / level - 1) > 0.2, (brightness(picture), level))
    expect("--free" in read_png(picture)[4]["Comment"], read_png(picture)[4])
    os.rename(data, data + "-elsewhere")
    result = run(*command)
    expect(result.code == 0 and "any light" in result.err + result.out, result)
    expect(data in result.err + result.out, result)
    expect(abs(brightness(picture) / level - 1) > 0.2, (brightness(picture), level))


@test
def photos_to_begin_with(shop):
    model = write(shop, "small.onnx", small())
    photo = write(shop, "photo.png", networks.png(200, 120, 40))
    for goal in "--dream", "--caricature":
        path = shop.path(goal + ".png")
        made(shop, model, "--layer", "relu", goal, photo, "--size", "16x10", "-o", path)
        expect(read_png(path)[:2] == (16, 10), read_png(path)[:2])


@test
def networks_that_take_several_pictures(shop):
    model = write(shop, "three.onnx", small(batch=3))
    photo = write(shop, "photo.png", networks.png(200, 120, 40))
    rows = made(shop, model, "--layer", "relu", "--dream", photo, "-o", shop.path("dream.png"))
    expect(len(rows) == 1, rows)
    rows = made(shop, model, "--layer", "relu", "--unit", "0-3", "-o", shop.path("several"))
    expect([row["unit"] for row in rows] == [0, 1, 2, 3], rows)


@test
def bad_input(shop):
    model = write(shop, "small.onnx", small())
    out = shop.path("x.png")

    def refuse(code, *words, arguments=(), model=model):
        expect_sentence(run("maximize", model, "-o", out, *arguments), code, *words)

    refuse(1, "relu", "did you mean", arguments=("--layer", "rel", "--unit", "0"))
    refuse(1, "0 to 3", arguments=("--layer", "conv", "--unit", "4"))
    refuse(1, "units are numbers", arguments=("--unit", "one"))
    refuse(1, "units are numbers", arguments=("--unit", "3-1"))
    refuse(1, "1 x 1 pixels", f"{SIDE} x {SIDE} are usual", arguments=("--unit", "0", "--size", "1"))
    refuse(1, "--size", arguments=("--unit", "0", "--size", "0"))
    refuse(1, "no class", arguments=("--class", "zebra"))
    refuse(1, "none.onnx", arguments=("--unit", "0"), model=shop.path("none.onnx"))
    refuse(1, "how it was made", arguments=("--like", write(shop, "p.png", networks.png(1, 2, 3))))
    refuse(1, "no PNG file", arguments=("--like", model))
    refuse(1, "no-photo", arguments=("--layer", "conv", "--dream", shop.path("no-photo.png")))
    refuse(2, "Give one of", arguments=("--unit", "0", "--all"))
    refuse(2, "above 0", arguments=("--unit", "0", "--steps", "-1"))
    refuse(1, "finite", arguments=("--unit", "0", "--tv", "nan"))
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"
    mixture = write(shop, "nan.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
                    + struct.pack("<4f", 1, 2, float("nan"), 4))
    refuse(1, "no number", arguments=("--layer", "conv", "--direction", mixture))
    # A rate at which the picture itself is no number soon is halved; where that does not help, nothing
    # is written.
    result = run("maximize", model, "--unit", "0", "--plain", "--still", "--rate", "3e38", "--steps",
                 "3", "-o", shop.path("slower.png"))
    expect(result.code == 0 and "half the rate" in result.out, result)
    expect(os.path.exists(shop.path("slower.png")), result)
    result = run("maximize", model, "--unit", "0", "--tv", "3e38", "--steps", "3", "-o",
                 shop.path("nan.png"))
    expect(result.code == 3 and "no numbers 11 times" in result.err, result)
    expect(not os.path.exists(shop.path("nan.png")), result)
    expect_sentence(run("maximize"), 2, "MODEL")
    expect_sentence(run("maximize", model, "--unit", "0"), 2, "-o")


@test
def what_cannot_be_written_is_told_before(shop):
    """And not when the pictures are there, which may take hours."""
    model = write(shop, "small.onnx", small())

    def refuse(*words, arguments=(), **environment):
        result = run("maximize", model, "--layer", "conv", *arguments, **environment)
        expect_sentence(result, 1, *words)
        expect("pixels at a time" not in result.out, result)

    refuse("nowhere/x.png", "No such file",
           arguments=("--unit", "0", "-o", shop.path("nowhere", "x.png")))
    refuse("as PNG", "x.png", arguments=("--unit", "0", "-o", shop.path("x.jpg")))
    expect(not os.path.exists(shop.path("x.jpg")), "a folder was made")
    refuse("no folder", "none", arguments=("--unit", "0", "--photos", shop.path("none"), "-o",
                                           shop.path("x.png")))
    sheet = ("--all", "--size", "8192", "-o", shop.path("x.png"))
    refuse("at most", "fewer units", arguments=sheet, KOLINSKY_MEMORY="100G")
    refuse("need", "pixels for the longer side would fit", arguments=sheet, KOLINSKY_MEMORY="1G")
    upper = shop.path("X.PNG")
    rows = made(shop, model, "--layer", "conv", "--unit", "0", "-o", upper)
    expect(rows[0]["file"] == upper and read_png(upper)[0] == SIDE, rows)


@test
def a_sheet_is_as_wide_as_its_title(shop):
    sheets = []
    for name in "a", "a-much-longer-name-than-that":
        write(shop, name + ".onnx", small(1))
        film = shop.path("film-" + name)
        made(shop, shop.path(name + ".onnx"), "--unit", "1", "--film", film, "--frames", "2", "-o",
             shop.path("x.png"))
        sheets.append(read_png(os.path.join(film, "strip.png"))[0])
    expect(sheets[1] >= sheets[0] + 100, sheets)


@test
def is_in_the_manual(shop):
    with open(sys.argv[2], encoding="utf-8") as file:
        manual = file.read().replace("\\-", "-")
    shown = subprocess.run([COMMAND, "maximize", "--help"], capture_output=True, encoding="utf-8")
    options = {word.split("=")[0].strip(",;.") for word in shown.stdout.split() if word.startswith("--")}
    missing = {option for option in options if option not in manual}
    expect(not missing, missing)


if __name__ == "__main__":
    main("maximize", sys.argv[3:])
