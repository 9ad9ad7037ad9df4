#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky style` with a small network, written by hand. Prints TAP.

    test-style.py KOLINSKY MAN_PAGE [TEST...]
"""
import os
import random
import re
import signal
import struct
import subprocess
import sys
import zlib

import networks
from harness import COMMAND, expect, expect_sentence, main, run, test

MAN_PAGE = sys.argv[2]


def small_network():
    """Two 1x1 convolutions with a ReLU each, of chance weights."""
    chance = random.Random(4)
    nodes = [networks.node("Conv", ["x", "w1"], ["conv_one"]),
             networks.node("Relu", ["conv_one"], ["relu_one"]),
             networks.node("Conv", ["relu_one", "w2"], ["conv_two"]),
             networks.node("Relu", ["conv_two"], ["relu_two"])]
    weights = [networks.tensor(name, shape, [chance.gauss(0, 0.5) for _ in range(count)])
               for name, shape, count in (("w1", [6, 3, 1, 1], 18), ("w2", [8, 6, 1, 1], 48))]
    return networks.model(nodes, [networks.port("x", [None, 3, None, None])],
                          [networks.port("relu_two", [None, 8, None, None])], weights)


class Place:
    """The network, two pictures, and where another goes."""

    def __init__(self, shop, name):
        self.folder = shop.path(name)
        os.makedirs(self.folder)
        self.network = self.write("small.onnx", small_network())
        self.content = self.write("content.png", networks.png(200, 40, 60, 40, 30))
        self.style = self.write("style.png", networks.png(20, 90, 220, 24, 36))
        self.output = self.path("painted.png")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def arguments(self, *more):
        return ["style", self.content, self.style, "-m", self.network, "-o", self.output,
                "--size", "32", *more]


def read_rows(path):
    """Rows of bytes of a PNG of 8 bits and three colours, whatever its filters."""
    data = open(path, "rb").read()
    expect(data[:8] == b"\x89PNG\r\n\x1a\n", path)
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    expect(depth == 8 and kind == 2, path)
    packed, at = b"", 8
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    raw, stride, rows = zlib.decompress(packed), 3 * width, [bytearray(3 * width)]
    for y in range(height):
        how, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        before = rows[-1]
        for i in range(stride):
            left = line[i - 3] if i > 2 else 0
            corner = before[i - 3] if i > 2 else 0
            guess = left + before[i] - corner
            nearest = min((left, before[i], corner), key=lambda value: abs(guess - value))
            line[i] = (line[i] + (0, left, before[i], (left + before[i]) // 2, nearest)[how]) & 255
        rows.append(line)
    return rows[1:]


def read_png(path):
    """Width, height and the mean of each channel of a PNG of 8 bits."""
    rows = read_rows(path)
    width, height = len(rows[0]) // 3, len(rows)
    return width, height, [sum(sum(row[c::3]) for row in rows) / (width * height) for c in range(3)]


@test
def takes_the_colours_of_the_style(shop):
    place = Place(shop, "colours")
    result = run(*place.arguments("--steps", "60", "--smallest", "16", "--content-weight", "0",
                                  "--style-layers", "relu_one,relu_two:0.5"))
    expect(result.code == 0, result)
    for word in ("32 x 24 pixels", "on the device", "relu_one", "relu_two", "step 1/240",
                 "painted.png"):
        expect(word in result.out, f"{word!r} is missing in:\n{result}")
    width, height, means = read_png(place.output)
    expect((width, height) == (32, 24), result)
    expect(means[2] > means[0] + 30 and means[0] < 120, f"{means}\n{result}")


@test
def compares_styles_at_half_the_size(shop):
    place = Place(shop, "octaves")
    for given, halved in ((), True), (("--octaves", "1"), False):
        result = run(*place.arguments("--steps", "4", "--smallest", "16", *given))
        expect(result.code == 0, result)
        expect((" style 1/2  relu_one " in result.out) == halved, f"{given}: {result}")
    again = run("style", "--like", place.write("one.png", open(place.output, "rb").read()),
                "-o", place.output, "--octaves", "2")
    expect(again.code == 0 and " style 1/2  relu_one " in again.out, again)
    result = run(*place.arguments("--octaves", "-1"))
    expect_sentence(result, 2, "--octaves", "numbers above 0")


@test
def keeps_colours(shop):
    place = Place(shop, "keep")
    result = run(*place.arguments("--steps", "20", "--smallest", "32", "--colours", "keep"))
    expect(result.code == 0, result)
    means = read_png(place.output)[2]
    expect(means[0] > means[1] + 100 and means[0] > means[2] + 80, means)


def pixels(path):
    """The compressed pixels of a PNG, without what it says of itself."""
    data, found, at = open(path, "rb").read(), b"", 8
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        if data[at + 4:at + 8] == b"IDAT":
            found += data[at + 8:at + 8 + length]
        at += 12 + length
    return found


@test
def a_picture_says_how_it_was_painted(shop):
    place = Place(shop, "like")
    first = run(*place.arguments("--steps", "8", "--smallest", "32", "--style-weight", "2.5",
                                 "--style-layers", "relu_one:0.5", "--start", "noise", "--seed", "7"))
    expect(first.code == 0, first)
    again = run("style", "--like", place.output, "-o", place.path("again.png"))
    expect(again.code == 0, again)
    expect(pixels(place.output) == pixels(place.path("again.png")), "it is another picture")
    other = run("style", "--like", place.output, "-o", place.path("other.png"), "--style-weight", "9")
    expect(other.code == 0, other)
    expect(pixels(place.output) != pixels(place.path("other.png")), "--style-weight counts nothing")
    expect(b"--style-weight 2.5" in open(place.output, "rb").read(), "no command in the file")


@test
def a_picture_that_says_nothing(shop):
    place = Place(shop, "like-nothing")
    result = run("style", "--like", place.content, "-o", place.output)
    expect_sentence(result, 1, "does not say how it was painted")


@test
def writes_snapshots(shop):
    place = Place(shop, "snapshots")
    result = run(*place.arguments("--steps", "6", "--smallest", "32", "--start", "noise",
                                  "--snapshots", place.path("film"), "--every", "3"))
    expect(result.code == 0, result)
    expect(sorted(os.listdir(place.path("film"))) == ["000003.png", "000006.png"], result)
    with open(place.path("film", "000003.png"), "rb") as file:
        expect(b"--start noise" in file.read(), "no command in a snapshot")


def interrupt_after(words, *arguments):
    """Runs it until a line has these words; what it says after that."""
    with subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8", env={**os.environ, "LC_ALL": "C.UTF-8"}) as process:
        line = ""
        while words not in line:
            line = process.stdout.readline()
            expect(line, "it ended too soon: " + (process.stderr.read() if not line else ""))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    expect(process.returncode == 130, err)
    return out


@test
def interrupted_writes_what_there_is(shop):
    place = Place(shop, "interrupted")
    out = interrupt_after("step 1/", *place.arguments("--steps", "1000000", "--smallest", "32"))
    expect("as it was when it was interrupted" in out, out)
    expect(read_png(place.output)[:2] == (32, 24), out)


@test
def paints_in_any_memory_or_says_what_would_fit(shop):
    """What is told before is enough: no budget is found too small when it is under way."""
    place = Place(shop, "memory")
    arguments = place.arguments("--size", "300", "--smallest", "300", "--octaves", "1", "--steps", "2")
    whole = run(*arguments)
    expect(whole.code == 0, whole)
    number, unit = re.search(r"it takes (\S+) (KiB|MiB) on the device", whole.out).groups()
    kilobytes = float(number) * (1024 if unit == "MiB" else 1)
    painted = 0
    for share in 95, 90, 85, 80, 75, 70, 65, 60, 50, 40:
        result = run(*arguments, KOLINSKY_MEMORY=f"{kilobytes * share / 100:.0f}K")
        expect(result.code == 0 or "pixels for the longer side would fit" in result.err,
               f"{share} %: {result}")
        painted += result.code == 0
    expect(painted > 1, f"{painted} painted")


@test
def a_picture_that_finds_no_place_goes_to_another(shop):
    """Its folder is gone, or full, when hours of work are done."""
    place = Place(shop, "no-place")
    folder, other = place.path("gone"), place.path("temporary")
    for path in folder, other:
        os.makedirs(path)
    arguments = place.arguments("--steps", "1000000", "--smallest", "32")
    arguments[arguments.index("-o") + 1] = os.path.join(folder, "painted.png")
    with subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8",
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": other}) as process:
        while "step 1/" not in process.stdout.readline():
            expect(process.poll() is None, "it ended too soon")
        os.rmdir(folder)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    expect(process.returncode == 1 and "cannot be written" in err, err)
    saved = os.listdir(other)
    expect(len(saved) == 1 and f"The picture is in {os.path.join(other, saved[0])}" in err, err)
    expect(read_png(os.path.join(other, saved[0]))[:2] == (32, 24), saved)


# ── In one pass ──────────────────────────────────────────────────────────────

def train_arguments(place, *more, network="net"):
    return ["style-train", place.style, "--photos", place.photos, "-m", place.network, "-o",
            place.path(network), "--size", "32", "--width", "4", "--batch", "2", "--every", "4",
            *more]


def train(place, *more, network="net"):
    return run(*train_arguments(place, *more, network=network))


def learning(shop, name):
    """A place with photos to learn from, of all kinds."""
    place = Place(shop, name)
    place.photos = place.path("photos")
    os.makedirs(place.photos)
    for i in range(12):
        place.write(f"photos/{i:02}.png", networks.png(20 * i, 250 - 20 * i, 90, 30 + 3 * (i % 2), 44))
    return place


@test
def learns_to_paint_and_paints(shop):
    place = learning(shop, "learns")
    result = train(place, "--steps", "8")
    expect(result.code == 0, result)
    for word in ("12 photos, 1 of them held out", "Saved step 4", "Saved step 8", "held out: loss"):
        expect(word in result.out, f"{word!r} is missing in:\n{result}")
    expect(sorted(os.listdir(place.path("net-samples"))) == ["000004.png", "000008.png"], result)
    for ending in ("safetensors", "onnx"):
        result = run("style-apply", place.path("net." + ending), place.content,
                     "-o", place.path(ending + ".png"))
        expect(result.code == 0, result)
        expect(read_png(place.path(ending + ".png"))[:2] == (40, 30), result)
    a, b = (read_png(place.path(name + ".png"))[2] for name in ("safetensors", "onnx"))
    expect(all(abs(x - y) < 1 for x, y in zip(a, b)), f"{a} {b}")
    with open(place.path("net.onnx"), "rb") as file:
        written = file.read()
    for length in b"photos_height", b"photos_width", b"painted_height", b"painted_width":
        expect(length in written, f"{length} is not left open")
    installed = {"XDG_DATA_HOME": place.path("user")}
    result = run("models", "add", place.path("net.onnx"), "--name", "brush", **installed)
    expect(result.code == 0, result)
    result = run("style-apply", "brush", place.content, "-o", place.path("named.png"), **installed)
    expect(result.code == 0 and os.path.exists(place.path("named.png")), result)
    place.write("thin.png", networks.png(9, 9, 9, 96, 4))
    result = run("style-apply", place.path("net.safetensors"), place.path("thin.png"), "-o",
                 place.path("thin-painted.png"))
    expect_sentence(result, 1, "thin.png”, at 96 x 4 pixels, cannot be painted")
    result = run("style-apply", place.path("net.safetensors"), place.photos, "-o", place.path("all"))
    expect(result.code == 0 and "12 pictures" in result.out, result)
    expect(len(os.listdir(place.path("all"))) == 12, result)
    expect(read_png(place.path("all", "11.png"))[:2] == (33, 44), result)


@test
def training_goes_on_where_it_was(shop):
    place = learning(shop, "goes-on")
    expect(train(place, "--steps", "40", network="whole").code == 0, "whole")
    interrupt_after("Saved step 4", *train_arguments(place, "--steps", "40", network="halves"))
    expect_sentence(train(place, "--steps", "40", network="halves"), 1, "--resume")
    result = train(place, "--steps", "40", "--resume", network="halves")
    expect(result.code == 0 and "goes on from step" in result.out, result)
    whole, halves = (open(place.path(name + ".safetensors"), "rb").read()
                     for name in ("whole", "halves"))
    expect(whole == halves, "the weights differ")
    result = train(place, "--steps", "40", "--seed", "2", network="other")
    expect(result.code == 0, result)
    expect(whole != open(place.path("other.safetensors"), "rb").read(), "seeds make no difference")


@test
def is_compared_with_the_slow_way(shop):
    place = learning(shop, "against")
    result = train(place, "--steps", "8", "--held-out", "2", "--against", "6")
    expect(result.code == 0 and "2 of them held out" in result.out, result)
    found = [float(line.rsplit(" ", 1)[1]) for line in result.out.splitlines() if "L-BFGS, " in line]
    expect(len(found) == 7 and found == sorted(found, reverse=True) and found[-1] < found[0], result)
    expect("does as well as" in result.out, result)
    expect(len([n for n in os.listdir(place.path("net-samples")) if "held-out" in n]) == 4, result)


@test
def other_networks_are_told(shop):
    place = learning(shop, "others")
    expect_sentence(run("style-apply", place.network, place.content, "-o", place.output), 1,
                    "no picture")
    place.write("wrong.safetensors", networks.safetensors({"a": ([2], [1.0, 2.0])}))
    expect_sentence(run("style-apply", place.path("wrong.safetensors"), place.content, "-o",
                        place.output), 1, "style-train")
    expect_sentence(run("style-apply", place.path("none.onnx"), place.content, "-o", place.output),
                    1, "none.onnx")
    expect_sentence(run("style-apply", place.path("none.onnx"), place.content, place.style, "-o",
                        place.output), 1, "one file", "2 pictures")
    expect_sentence(run("style-apply", place.path("none.onnx"), place.content, "-o",
                        place.path("painted.jpg")), 1, "as PNG")
    expect_sentence(run("style-train", place.style, "-o", place.path("net")), 2, "--photos")
    expect_sentence(train(place, "--size", "30"), 1, "multiple of 4")
    expect_sentence(train(place, "--photos", place.path("phtos")), 1, "no folder or picture", "phtos")
    expect(not os.path.exists(place.output), "a picture was written")


@test
def what_is_wrong_is_told(shop):
    place = Place(shop, "wrong")
    expect_sentence(run("style", place.content), 2, "STYLE")
    expect_sentence(run("style", place.content, place.style), 2, "-o FILE")
    expect_sentence(run(*place.arguments("--measure", "grams")), 1, "normal, gram", "grams")
    expect_sentence(run(*place.arguments("--style-layers", "relu_tow")), 1, "relu_tow",
                    "did you mean relu_two")
    expect_sentence(run(*place.arguments("--weights", "1,2")), 1, "2 numbers", "1 styles")
    expect_sentence(run(*place.arguments("--region", place.path("none.png"))), 1, "none.png")
    expect_sentence(run(*place.arguments("--part", place.path("none.png"))), 1, "none.png")
    expect_sentence(run(*place.arguments("--part", "all", "--part", "all")), 1, "2 parts",
                    "1 styles")
    # Said before the work, not after.
    for output, words in ((place.path("none", "x.png"), "No such file"), (place.folder, "a folder"),
                          (place.path("x.jpg"), "as PNG")):
        result = run(*place.arguments()[:-4], "-o", output)
        expect_sentence(result, 1, words)
        expect("on the device" not in result.out, result)
    expect_sentence(run("style", place.content, place.style, "-o", place.output,
                        XDG_DATA_HOME=place.path("nothing")), 1, "kolinsky models get vgg19")
    expect(not os.path.exists(place.output), "a picture was written")


def chance_png(width, height, kind, channels):
    """A PNG of chance bytes of one of the kinds: 0 grey, 2 colours, 4 grey and alpha, 6 both."""
    def chunk(name, content):
        return (struct.pack(">I", len(content)) + name + content
                + struct.pack(">I", zlib.crc32(name + content)))

    chance = random.Random(width)
    rows = b"".join(b"\0" + chance.randbytes(channels * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


@test
def takes_grey_and_transparent_pictures(shop):
    place = Place(shop, "kinds")
    for name, kind, channels in (("grey", 0, 1), ("grey-alpha", 4, 2), ("alpha", 6, 4)):
        picture = place.write(name + ".png", chance_png(20, 15, kind, channels))
        for content, style in ((picture, place.style), (place.content, picture)):
            result = run("style", content, style, "-m", place.network, "-o", place.output,
                         "--size", "16", "--smallest", "16", "--steps", "2")
            expect(result.code == 0, f"{name}: {result}")
            expect(read_png(place.output)[:2] == (16, 12), result)


@test
def takes_a_single_pixel(shop):
    place = Place(shop, "pixel")
    pixel = place.write("pixel.png", networks.png(200, 100, 50, 1, 1))
    result = run("style", pixel, pixel, "-m", place.network, "-o", place.output, "--size", "16",
                 "--smallest", "16", "--steps", "2")
    expect(result.code == 0 and read_png(place.output)[:2] == (16, 16), result)


def strided_network():
    """A 3x3 convolution at every second place: it does not see the last row of an even height."""
    chance = random.Random(6)
    weights = networks.tensor("w", [16, 3, 3, 3], [chance.gauss(0, 0.3) for _ in range(16 * 27)])
    nodes = [networks.node("Conv", ["x", "w"], ["conv"], strides=[2, 2], kernel_shape=[3, 3]),
             networks.node("Relu", ["conv"], ["relu"])]
    return networks.model(nodes, [networks.port("x", [None, 3, None, None])],
                          [networks.port("relu", [None, 16, None, None])], [weights])


@test
def what_the_network_does_not_see_stays_calm(shop):
    place = Place(shop, "unseen")
    network = place.write("strided.onnx", strided_network())
    style = place.write("chance.png", chance_png(90, 70, 2, 3))
    result = run("style", place.content, style, "-m", network, "-o", place.output, "--size", "96",
                 "--smallest", "32", "--steps", "4", "--content-weight", "0")
    expect(result.code == 0, result)
    rows = read_rows(place.output)
    ends = [sum(byte in (0, 255) for byte in row) / len(row) for row in rows]
    expect(ends[-1] < 0.15, f"{100 * ends[-1]:.0f} % of the last row are black or white")


@test
def paints_what_is_very_wide(shop):
    place = Place(shop, "wide")
    wide = place.write("wide.png", chance_png(20000, 20, 2, 3))
    arguments = ["style", wide, place.style, "-m", place.network, "-o", place.output, "--smallest",
                 "16384", "--steps", "2"]
    result = run(*arguments, "--size", "20000")
    expect_sentence(result, 1, "A size of 20000 pixels", "16384")
    result = run(*arguments, "--size", "16384", KOLINSKY_MEMORY="40M")
    expect(result.code == 0, result)
    for sentence in ("16384 x 16 pixels; it takes", "tiles, as the whole does not fit",
                     "It will be there in about"):
        expect(sentence in result.out, result)
    expect(read_png(place.output)[:2] == (16384, 16), result)
    result = run(*arguments, "--size", "16384", KOLINSKY_MEMORY="4M")
    expect_sentence(result, 1, "16384 x 16 pixels needs", "would fit")


@test
def all_is_in_the_manual(shop):
    with open(MAN_PAGE, encoding="utf-8") as file:
        manual = file.read().replace("\\-", "-")
    for command in ("style", "style-train", "style-apply"):
        words = run(command, "--help").out.split()
        options = {word.split("=")[0].strip(",;.()") for word in words if word.startswith("--")}
        missing = {option for option in options if option not in manual}
        expect(command in manual and not missing, f"{command}: {missing}")


if __name__ == "__main__":
    main("style", sys.argv[3:])
