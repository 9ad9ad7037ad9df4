#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Training on one's own data by the command, and asking the network. Prints TAP.

    test-data.py KOLINSKY [TEST...]
"""
import json
import os
import random
import struct
import sys
import zlib

from harness import expect, expect_sentence, main, run, test

CLASSES = ["circle", "cross", "nothing"]


def png(pixels, width, height):
    """A grey PNG file of rows of bytes."""
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes(pixels[width * y:width * (y + 1)]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def draw(kind, generator, side=20):
    pixels = [generator.randrange(40) for _ in range(side * side)]
    for y in range(side):
        for x in range(side):
            dy, dx = 20 * y / side - 10, 20 * x / side - 10
            ring = kind == "circle" and 5 < (dx * dx + dy * dy) ** 0.5 < 8
            bars = kind == "cross" and (abs(dx) < 2 or abs(dy) < 2)
            if ring or bars:
                pixels[side * y + x] = 220
    return png(pixels, side, side)


def write_pictures(folder, each=40):
    generator = random.Random(3)
    for name in CLASSES:
        os.makedirs(os.path.join(folder, name))
        for i in range(each):
            with open(os.path.join(folder, name, f"{i}.png"), "wb") as file:
                file.write(draw(name, generator))


@test
def folder_of_pictures(shop):
    data, folder = shop.path("shapes"), shop.path("shapes-run")
    write_pictures(data)
    with open(os.path.join(data, "cross", "torn.png"), "wb") as file:
        file.write(draw("cross", random.Random(1))[:200])
    done = run("train", "logistic", "--data", data, "--size", "16x16", "--steps", "200",
               "--batch", "20", "--run", folder)
    expect(done.code == 0, done)
    expect("120 pictures of 16x16, 3 classes" in done.out and "Left out: " in done.out
           and "torn.png" in done.out and "no test part" in done.out, done)

    picture = shop.path("new.png")
    for name in CLASSES:
        with open(picture, "wb") as file:
            file.write(draw(name, random.Random(99), side=30))
        told = run("classify", "--model", folder, picture, "--json", "--top", "2")
        answers = json.loads(told.out)
        expect(told.code == 0 and len(answers) == 1 and len(answers[0]["classes"]) == 2, told)
        best = answers[0]["classes"][0]
        expect(best["name"] == name and 0.3 < best["probability"] <= 1, told)
    shown = run("classify", "--model", folder, picture, picture)
    expect(shown.code == 0 and shown.out.count("nothing") == 2 and "%" in shown.out, shown)


@test
def pictures_that_cannot_be_classified(shop):
    folder = shop.path("shapes-run")
    picture, torn = shop.path("new.png"), shop.path("torn.png")
    with open(torn, "wb") as file:
        file.write(b"no picture")
    some = run("classify", "--model", folder, torn, picture)
    expect_sentence(some, 1, "torn.png", "1 of the pictures")
    expect("new.png" in some.out, some)
    expect_sentence(run("classify", "--model", folder, shop.path("none.png")), 1, "none.png")
    expect_sentence(run("classify", picture, XDG_DATA_HOME=shop.path("no-models")), 1, "--model")
    expect_sentence(run("classify", "--model", folder), 2, "PICTURE")
    expect_sentence(run("classify", "--model", shop.path("no-run"), picture), 1, "no-run")


def write_table(path, rows, header=True):
    generator = random.Random(5)
    with open(path, "w", encoding="utf-8") as file:
        if header:
            file.write("width,height,kind,area\n")
        for _ in range(rows):
            width, height = generator.uniform(0, 1), generator.uniform(0, 1)
            kind = "wide" if width > height else "high"
            file.write(f"{width:.5f},{height:.5f},{kind},{width * height:.5f}\n")


@test
def table_of_classes(shop):
    path, folder = shop.path("table.csv"), shop.path("table-run")
    write_table(path, 300)
    done = run("train", "mlp", "--data", path, "--target", "kind", "--steps", "300", "--batch",
               "20", "--run", folder, "--json")
    expect(done.code == 0, done)
    summary = json.loads(done.out)
    expect(summary["validation_accuracy"] > 0.8, summary)
    score = run("evaluate", folder, "--json")
    expect(score.code == 0 and json.loads(score.out)["count"] == 300, score)
    expect_sentence(run("classify", "--model", folder, path), 1, "rows of numbers")


@test
def table_of_numbers(shop):
    path, folder = shop.path("numbers.csv"), shop.path("numbers-run")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(200):
            x = i * 0.37 % 1
            file.write(f"{x:.4f};{3 * x - 1:.4f}\n")
    done = run("train", "mlp", "--data", path, "--numbers", "--steps", "400", "--batch", "20",
               "--keep", "1", "--run", folder)
    expect(done.code == 0 and "1 to predict" in done.out and "accuracy" not in done.out, done)
    score = json.loads(run("evaluate", folder, "--json").out)
    expect(score["loss"] < 0.05 and score["accuracy"] is None, score)


@test
def table_with_a_hole(shop):
    path = shop.path("hole.csv")
    write_table(path, 20)
    with open(path, "a", encoding="utf-8") as file:
        file.write("0.5,,wide,0.25\n")
    result = run("train", "mlp", "--data", path, "--target", "kind", "--run", shop.path("never"))
    expect_sentence(result, 1, "hole.csv", "22", "height")
    expect(not os.path.exists(shop.path("never")), "a run was begun")


if __name__ == "__main__":
    main("data", sys.argv[2:])
