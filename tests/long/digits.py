#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""What `kolinsky maximize` shows of a network of digits, and whether others see digits in it.

Trains `digits` on MNIST with two seeds, and paints what excites the first: its ten classes, and the
units of its layers, as sheets to look at. Classes are painted in the usual way and with --free. The
second network says which digit it takes each for. But what one network mistakes for a digit, another
one often does, too; so the nearest of 10,000 training pictures is asked as well: of which class it
is, and how far away, in root mean squares of pixels. Digits of the test set, ten from each class,
say how far is usual. The usual pictures must be the digits that are meant for the network and for at
least eight of ten neighbours, and not farther away than the farthest digit of the test set. Called
again, it goes on with what is missing in FOLDER; results.json there has what was measured, and
digits.md is a table.
"""
import gzip
import json
import math
import operator
import os
import statistics
import sys

from kept import HERE, Kept, kolinsky, make_parser

sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import networks  # noqa: E402

SIDE = 28 * 28
LAYERS = {"conv1": "--all", "conv2": "--all", "full": "--unit 0-31"}
WAYS = {"usual": [], "free": ["--free"]}


def train(options, kept, seed):
    run = kept.path(f"run-{seed}")
    checkpoints = os.path.join(run, "checkpoints")
    begun = os.path.isdir(checkpoints) and os.listdir(checkpoints)
    what = ["--resume", run] if begun else ["digits", "--data", options.mnist, "--run", run,
                                            "--overwrite", "--seed", seed]
    kolinsky(options.kolinsky, "train", *what, "--steps", options.steps)
    return json.loads(kolinsky(options.kolinsky, "evaluate", run, "--json"))["accuracy"]


def read_mnist(options, part, count):
    """(bytes, class) of the first of it."""
    found = []
    for what, head, size in ("images-idx3", 16, SIDE), ("labels-idx1", 8, 1):
        with gzip.open(os.path.join(options.mnist, f"{part}-{what}-ubyte.gz")) as file:
            data = file.read(head + count * size)[head:]
        found.append([data[i * size:(i + 1) * size] for i in range(count)])
    return [(pixels, label[0]) for pixels, label in zip(*found)]


def find_nearest(pixels, training):
    """The class of the nearest, and its distance."""
    def squared(other):
        return sum(map(operator.mul, other, other)) - 2 * sum(map(operator.mul, other, pixels))

    least, label = min((squared(other), label) for other, label in training)
    return label, math.sqrt((least + sum(p * p for p in pixels)) / SIDE) / 255


def measure_usual(options, training):
    """How far the nearest is of ten digits of each class of the test set."""
    test = read_mnist(options, "t10k", 2000)
    some = [pixels for k in range(10) for pixels, label in
            [item for item in test if item[1] == k][:options.test_digits]]
    return sorted(find_nearest(pixels, training)[1] for pixels in some)


def paint_classes(options, kept, way):
    rows = json.loads(kolinsky(options.kolinsky, "maximize", kept.path("run-0"), "--all", *WAYS[way],
                               "--batch", 10, "-o", kept.path(way), "--json"))
    answers = json.loads(kolinsky(options.kolinsky, "classify", "--model", kept.path("run-1"),
                                  *[row["file"] for row in rows], "--json"))
    return [{"file": row["file"], "own": row["probability"],
             "other": int(answer["classes"][0]["name"]),
             "sure": answer["classes"][0]["probability"]} for row, answer in zip(rows, answers)]


def judge(options, kept, way, training):
    painted = kept.get(f"classes {way}", lambda: paint_classes(options, kept, way))
    return kept.get(f"nearest {way}", lambda: [
        dict(zip(("label", "distance"), find_nearest(networks.read_grey(row["file"]), training)))
        for row in painted])


def paint_layers(options, kept):
    for layer, units in LAYERS.items():
        kept.get(f"layer {layer}", lambda: kolinsky(
            options.kolinsky, "maximize", kept.path("run-0"), "--layer", layer, *units.split(),
            "--batch", 16, "-o", kept.path(f"{layer}.png")))


def main():
    parser = make_parser(__doc__, "few steps and neighbours, to try the program itself")
    parser.add_argument("--steps", type=int, default=5000, help="of training (5000)")
    parser.add_argument("--neighbours", type=int, default=10000, help="training pictures (10000)")
    options = parser.parse_args()
    options.mnist = os.path.join(options.shared, "data", "mnist")
    options.test_digits = 2 if options.quick else 10
    if options.quick:
        options.steps, options.neighbours = 200, 500
    kept = Kept(options.folder)
    for seed in 0, 1:
        accuracy = kept.get(f"accuracy {seed}", lambda: train(options, kept, seed))
        print(f"run {seed}: {100 * accuracy:.2f} % of the test set", flush=True)
    training = read_mnist(options, "train", options.neighbours)
    usual = kept.get("test digits", lambda: measure_usual(options, training))
    rows = [["test set", "", "", "", f"{statistics.median(usual):.3f}", f"{usual[-1]:.3f}"]]
    good = True
    for way in WAYS:
        nearest = judge(options, kept, way, training)
        painted = kept.values[f"classes {way}"]
        others = sum(row["other"] == k for k, row in enumerate(painted))
        labels = sum(row["label"] == k for k, row in enumerate(nearest))
        distances = [row["distance"] for row in nearest]
        rows.append([way, f"{min(row['own'] for row in painted):.4f}", others, labels,
                     f"{statistics.median(distances):.3f}", f"{max(distances):.3f}"])
        if way == "usual":
            good = others == 10 and labels >= 8 and max(distances) <= usual[-1]
    kept.table("digits", ["pictures", "least P", "the other network's answers right", "neighbours of "
                          "the class", "median distance", "largest"], rows)
    paint_layers(options, kept)
    sys.exit(0 if good else "Not reached: they are not all digits")


if __name__ == "__main__":
    main()
