#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Training known networks on folders of pictures that are read as they are needed. Prints TAP.

    test-folders.py KOLINSKY [TEST...]
"""
import csv
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib

from harness import COMMAND, Skip, expect, expect_sentence, main, run, test

CLASSES = ["blue", "green", "red"]


def png(rows, width, height):
    """A PNG file of rows of RGB bytes."""
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 1))
            + chunk(b"IEND", b""))


def draw(kind, generator):
    """Noise, with more of the class's colour; of some size."""
    width, height = generator.randrange(40, 60), generator.randrange(40, 60)
    rows = []
    for _ in range(height):
        row = bytearray(generator.randrange(110) for _ in range(3 * width))
        for x in range(width):
            row[3 * x + 2 - CLASSES.index(kind)] += 140
        rows.append(bytes(row))
    return png(rows, width, height)


def write_part(folder, each, seed):
    generator = random.Random(seed)
    for name in CLASSES:
        os.makedirs(os.path.join(folder, name))
        for i in range(each):
            with open(os.path.join(folder, name, f"{i:03}.png"), "wb") as file:
                file.write(draw(name, generator))


def imagenet(shop):
    """train/ and val/ as ImageNet has them, with two files that are no pictures."""
    folder = shop.path("imagenet")
    if not os.path.exists(folder):
        write_part(os.path.join(folder, "train"), 20, 1)
        write_part(os.path.join(folder, "val"), 5, 2)
        for name in ("train/red/torn.png", "val/green/notes.txt"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"no picture")
    return folder


SMALL = ["--network", "squeezenet1.1", "--size", "40x40", "--batch", "8", "--set", "log-every=1",
         "--set", "schedule=constant", "--lr", "1e-3"]


def rows(folder):
    with open(os.path.join(folder, "metrics.csv"), encoding="utf-8") as file:
        return list(csv.DictReader(file))


def losses(folder):
    """The loss of each step, and each validation's, as they stand in the file."""
    return [(row["step"], row["loss"], row["validation_loss"]) for row in rows(folder)]


@test
def a_network_on_folders(shop):
    data, folder = imagenet(shop), shop.path("net")
    done = run("train", *SMALL, "--data", data, "--steps", "15", "--run", folder, "--json")
    expect(done.code == 0, done)
    summary = json.loads(done.out)
    expect(summary["steps"] == 15 and 0 <= summary["loader_wait"] <= 1, done)
    expect(summary["skipped"] == 2, done)
    for words in ("61 pictures, read at 40x40, 3 classes", "Validation set: 16 of its 16 pictures",
                  "Left out: train/red/torn.png: ", "Left out: val/green/notes.txt: ",
                  "2 pictures could not be read", "waiting for pictures took"):
        expect(words in done.err, f"{words!r} is missing in {done}")
    with open(os.path.join(folder, "skipped.txt"), encoding="utf-8") as file:
        listed = file.read().splitlines()
    expect(sorted(line.split(":")[0] for line in listed)
           == ["train/red/torn.png", "val/green/notes.txt"], listed)
    waits = [float(row["loader_wait"]) for row in rows(folder) if row["loader_wait"]]
    expect(len(waits) >= 14 and all(0 <= wait <= 1 for wait in waits), waits)


@test
def what_it_learned(shop):
    data, folder = imagenet(shop), shop.path("net")
    score = run("evaluate", folder, "--json")
    expect(score.code == 0 and json.loads(score.out)["count"] == 15
           and "Left out: val/green/notes.txt" in score.err, score)
    expect(set(json.loads(score.out)["classes"]) == set(CLASSES), score)
    table = run("evaluate", folder)
    expect(table.code == 0 and all(re.search(f"%  {name}$", table.out, re.M) for name in CLASSES),
           table)
    score = run("evaluate", folder, "--part", "train", "--json")
    expect(score.code == 0 and json.loads(score.out)["count"] == 60, score)
    picture = os.path.join(data, "val", "red", "000.png")
    told = run("classify", "--model", folder, picture, "--json")
    expect(told.code == 0 and {c["name"] for c in json.loads(told.out)[0]["classes"]}
           == set(CLASSES), told)
    path = shop.path("net.onnx")
    given = run("export", folder, "-o", path)
    expect(given.code == 0 and "0.485" in given.out, given)
    # The file and the run give the same answer where the file is asked about the same pixels.
    names = shop.path("names.txt")
    with open(names, "w", encoding="utf-8") as file:
        file.write("\n".join(CLASSES) + "\n")
    add = run("models", "add", path, "--name", "mine", "--like", "squeezenet1.1", "--labels", names,
              XDG_DATA_HOME=shop.path("home"))
    expect(add.code == 0, add)
    other = run("classify", "--model", "mine", picture, "--json", XDG_DATA_HOME=shop.path("home"))
    expect(other.code == 0, other)
    for a, b in zip(json.loads(told.out)[0]["classes"], json.loads(other.out)[0]["classes"]):
        expect(abs(a["probability"] - b["probability"]) < 1e-5, (told, other))


@test
def beginning_with_weights(shop):
    """Those of a run, for other classes, too; what is of another network is refused."""
    data, first, other = imagenet(shop), shop.path("net"), shop.path("other-classes")
    tuned = ["train", *SMALL[:-2], "--weights", first, "--steps", "1"]
    same = run(*tuned, "--data", data, "--run", shop.path("same"), "--lr", "1e-9", "--json")
    expect(same.code == 0 and "begins anew" not in same.err, same)
    scores = [json.loads(run("evaluate", folder, "--json").out)["loss"]
              for folder in (first, shop.path("same"))]
    expect(abs(scores[0] - scores[1]) < 1e-5, scores)

    shutil.copytree(os.path.join(data, "val"), other)
    shutil.copytree(os.path.join(other, "red"), os.path.join(other, "crimson"))
    done = run(*tuned, "--data", other, "--run", shop.path("anew"), "--set", "validation=2")
    expect(done.code == 0 and "begins anew: classifier.1.weight, classifier.1.bias; rate 5e-4"
           in done.out.replace("0.0005", "5e-4"), done)
    with open(os.path.join(shop.path("anew"), "run.ini"), encoding="utf-8") as file:
        expect("weights=" + first in file.read(), "run.ini does not say where weights are from")

    refused = run("train", "--network", "resnet18", "--weights", first, "--data", data)
    expect_sentence(refused, 1, "weights.safetensors", "missing", "layer1.0.conv1.weight")
    refused = run("train", "--network", "resnet18", "--weights", "nowhere", "--data", data)
    expect_sentence(refused, 1, "nowhere", "kolinsky models")
    refused = run("train", "--network", "resnet18", "--weights", "resnet18", "--data", data,
                  XDG_DATA_HOME=shop.path("empty"))
    expect_sentence(refused, 1, "models get resnet18")


@test
def going_on_is_exact(shop):
    data, part = imagenet(shop), shop.path("part")
    done = run("train", *SMALL, "--data", data, "--steps", "9", "--run", part)
    expect(done.code == 0, done)
    done = run("train", "--resume", part, "--steps", "15", "--json")
    expect(done.code == 0 and json.loads(done.out)["skipped"] == 2, done)
    expect("Network: squeezenet1.1, " in done.err, done)
    whole = [row for row in losses(shop.path("net")) if row[1]]
    expect([row for row in losses(part) if row[1]] == whole, losses(part))
    expect(losses(part)[-1] == losses(shop.path("net"))[-1], losses(part))
    with open(os.path.join(part, "skipped.txt"), encoding="utf-8") as file:
        expect(len(file.read().splitlines()) == 2, "skipped.txt has other lines than 2")


@test
def interrupted(shop):
    data = imagenet(shop)
    plain = ["train", "logistic", "--stream", "--size", "12x12", "--data", data, "--batch", "8",
             "--set", "log-every=10", "--set", "flip=yes", "--set", "crop=0.3", "--set",
             "jitter=0.3"]
    folder, whole = shop.path("stopped"), shop.path("whole")
    process = subprocess.Popen([COMMAND, *plain, "--steps", "1000000", "--run", folder],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    for line in process.stdout:
        if line.startswith("100 train"):
            break
    process.send_signal(signal.SIGINT)
    told = process.stdout.read()
    expect(process.wait(timeout=60) == 130 and "Go on with it" in told, told)
    step = int(re.search(r"Saved after step (\d+)", told).group(1))
    expect(run("train", "--resume", folder, "--steps", str(step + 40)).code == 0, "no going on")
    expect(run(*plain, "--steps", str(step + 40), "--run", whole).code == 0, "not begun")
    expect([row for row in losses(folder) if row[1]] == [row for row in losses(whole) if row[1]],
           (losses(folder), losses(whole)))


@test
def other_files(shop):
    data, moved = imagenet(shop), os.path.join(imagenet(shop), "train", "red", "000.png")
    os.rename(moved, moved + ".png")
    result = run("train", "--resume", shop.path("part"), "--steps", "20")
    os.rename(moved + ".png", moved)
    expect_sentence(result, 1, "other names", data)
    os.rename(moved, shop.path("away.png"))
    result = run("train", "--resume", shop.path("part"), "--steps", "20")
    os.rename(shop.path("away.png"), moved)
    expect_sentence(result, 1, "61 examples", "60 now")


@test
def held_out(shop):
    """Without val/, a share of the training pictures is kept for validation; epochs are counted."""
    data, folder = os.path.join(imagenet(shop), "train"), shop.path("held-out")
    done = run("train", "logistic", "--stream", "--size", "8x8", "--data", data, "--epochs", "3",
               "--batch", "10", "--run", folder, "--json", "--set", "validation=11")
    expect(done.code == 0 and json.loads(done.out)["steps"] == 15, done)
    expect("61 pictures, read at 8x8" in done.err and "Validation set" not in done.err, done)
    expect([row["epoch"] for row in rows(folder) if row["validation_loss"]] == ["1", "2", "3"],
           rows(folder))


@test
def some_of_the_validation_set(shop):
    """Fewer may be looked at; and there may be a test set, of which something cannot be read."""
    data, folder = shop.path("three-parts"), shop.path("three-parts-run")
    shutil.copytree(imagenet(shop), data)
    shutil.copytree(os.path.join(data, "val"), os.path.join(data, "test"))
    done = run("train", "logistic", "--stream", "--size", "8x6", "--grey", "--data", data, "--steps",
               "3", "--batch", "10", "--run", folder, "--json", "--set", "validation=7")
    expect(done.code == 0 and "Validation set: 7 of its 16" in done.err
           and "Test set (15 examples)" in done.err
           and "Left out: test/green/notes.txt" in done.err, done)
    score = run("evaluate", folder, "--json")
    expect(score.code == 0 and json.loads(score.out)["count"] == 15
           and "test set" in score.err, score)


@test
def a_recipe_with_a_network(shop):
    recipe = shop.path("mine.ini")
    with open(recipe, "w", encoding="utf-8") as file:
        file.write("[training]\nbatch = 8\nsteps = 2\n[net]\nlayer = network\n"
                   "network = squeezenet1.1\n")
    done = run("train", recipe, "--data", imagenet(shop), "--stream", "--size", "40x40", "--run",
               shop.path("mine"), "--lr", "1e-3")
    expect(done.code == 0 and "40x40" in done.out, done)
    with open(recipe, "a", encoding="utf-8") as file:
        file.write("keep = 0.5\n[more]\nlayer = network\nnetwork = vgg61\n")
    expect_sentence(run("train", recipe, "--data", imagenet(shop)), 1, "vgg61", "vgg16", "line 10")


@test
def what_is_asked_wrongly(shop):
    data = imagenet(shop)
    expect_sentence(run("train", "--network", "resnet81", "--data", data), 2, "resnet81", "resnet18")
    expect_sentence(run("train", "--network", "resnet18", "digits"), 2, "digits")
    expect_sentence(run("train", "--network", "resnet18", "--keep", "1"), 2, "--keep")
    expect_sentence(run("train", "digits", "--stream", "--data", data), 2, "--size")
    expect_sentence(run("train", "digits", "--steps", "1", "--epochs", "1"), 2, "--epochs")
    expect_sentence(run("train"), 2, "--network")
    expect_sentence(run("evaluate", shop.path("net"), "--part", "val"), 2, "validation")
    printed = run("train", "--network", "resnet18", "--print")
    expect(printed.code == 0 and "network = resnet18" in printed.out, printed)


def peak_memory(data, folder):
    """Kilobytes, of a training that reads 20,000 pictures."""
    process = subprocess.Popen(
        [COMMAND, "train", "logistic", "--stream", "--size", "32x32", "--data", data, "--steps",
         "200", "--batch", "100", "--set", "validation=100", "--run", folder],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    expect(process.returncode == 0, told)
    return usage.ru_maxrss


@test
def memory_is_that_of_names(shop):
    """Of 40,000 pictures no more memory is taken than their names need, and none of their pixels."""
    with open(COMMAND, "rb") as file:
        if b"__asan_init" in file.read():
            raise Skip("the address sanitizer keeps what was freed")
    generator = random.Random(4)
    counts = {"few": 1000, "many": 40000}
    for name, count in counts.items():
        for kind in CLASSES:
            os.makedirs(shop.path(name, kind))
        first = None
        for i in range(count):
            path = shop.path(name, CLASSES[i % 3], f"n01440764_{i:05}.png")
            if i % 1000 == 0:  # a file has not any number of links
                first = path
                with open(path, "wb") as file:
                    file.write(png([bytes(generator.randrange(256) for _ in range(96))] * 32, 32, 32))
            else:
                os.link(first, path)
    peak_memory(shop.path("few"), shop.path("few-run-0"))  # compiles, which takes memory, too
    peaks = {name: peak_memory(shop.path(name), shop.path(name + "-run")) for name in counts}
    more = (peaks["many"] - peaks["few"]) * 1024
    each = more / (counts["many"] - counts["few"])
    print(f"# {peaks['few']} and {peaks['many']} KiB: {each:.0f} bytes for each picture more")
    # 22 of the name, 9 beside it, 4 in an epoch's order; pixels would be 3,072.
    expect(each < 150, peaks)


if __name__ == "__main__":
    main("folders", sys.argv[2:])
