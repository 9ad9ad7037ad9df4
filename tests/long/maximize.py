#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""What `kolinsky maximize` reaches with SqueezeNet 1.1: classes, units against photos, and against
the same method in PyTorch.

classes: zebra and flamingo at 224 pixels in 512 steps must be P >= 0.99 by the network itself, and
among the five likeliest of EfficientNet-Lite0. units: 64 of four depths, drawn by a fixed seed; what
is reached on the picture as it is, divided by the most that any of the 1,000 photos reaches, must be
1 or more for 95 % of those that are not dead. torch: the median over five seeds of what is reached
must be within 10 % of the same method in PyTorch (maximize_torch.py, which needs onnx and torch; say
which Python has them with KOLINSKY_TORCH_PYTHON). Called again, it goes on with what is missing in
FOLDER; results.json there has what was measured, and classes.md, units.md and torch.md are tables.
"""
import json
import os
import random
import statistics
import subprocess
import sys

from kept import HERE, Kept, kolinsky, make_parser, torch_python

CLASSES = {"zebra": 340, "flamingo": 130}
DEPTHS = {"relu_conv1": 64, "fire4/concat": 256, "fire7/concat": 384, "fire9/concat": 512}


def model(options, name="squeezenet1.1.onnx"):
    return os.path.join(options.shared, "data", "models", name)


def ask(options, *arguments):
    return json.loads(kolinsky(options.kolinsky, *arguments, "--json"))


def ask_second(options, kept, picture):
    """EfficientNet-Lite0's answers: how it takes pictures the catalogue says, not its file."""
    os.environ["XDG_DATA_HOME"] = kept.path("data")
    kept.get("second", lambda: kolinsky(
        options.kolinsky, "models", "add", model(options, "efficientnet-lite0.onnx"), "--like",
        "efficientnet-lite0", "--name", "second"))
    return ask(options, "classify", "--model", "second", picture)[0]["classes"]


def paint_class(options, kept, name, seed):
    setting = f"{options.size}-{options.steps}"
    path = kept.path(f"{name}-{seed}-{setting}.png")
    return kept.get(f"class {name} {seed} {setting}", lambda: ask(
        options, "maximize", model(options), "--unit", CLASSES[name], "--seed", seed, "--size",
        f"{options.size}x{options.size}", "--steps", options.steps, "-o", path)[0])


def check_classes(options, kept):
    rows, good = [], True
    for name in CLASSES:
        row = paint_class(options, kept, name, 0)
        answers = kept.get(f"second {name} {options.size}-{options.steps}",
                           lambda: ask_second(options, kept, row["file"]))
        names = [answer["name"] for answer in answers]
        place = names.index(name) + 1 if name in names else None
        rows.append([name, f"{row['activation']:.1f}", f"{row['probability']:.4f}", place])
        good = good and row["probability"] >= 0.99 and place is not None
    kept.table("classes", ["class", "score", "P", "place in EfficientNet-Lite0's answers"], rows)
    return good


def paint_units(options, kept, layer, units):
    setting = f"{layer} {options.unit_size} {options.unit_steps} {len(units)}"
    return kept.get(f"units {setting}", lambda: ask(
        options, "maximize", model(options), "--layer", layer, "--unit", ",".join(map(str, units)),
        "--steps", options.unit_steps, "--size", f"{options.unit_size}x{options.unit_size}",
        "--batch", 8, "--photos", options.photos,
        "-o", kept.path(setting.replace("/", "-").replace(" ", "-"))))


def check_units(options, kept):
    numbers = random.Random(64)
    rows, found = [], []
    for layer, count in DEPTHS.items():
        units = sorted(numbers.sample(range(count), options.units))
        painted = paint_units(options, kept, layer, units)
        some = [row["ratio"] for row in painted if not row["dead"] and row["photos"] > 0]
        found += some
        rows.append([layer, len(units), len(some), sum(ratio >= 1 for ratio in some)]
                    + ([f"{f(some):.2f}" for f in (min, statistics.median, max)] if some else 3 * [""]))
    reached = sum(ratio >= 1 for ratio in found)
    rows.append(["all", 4 * options.units, len(found), reached, "", "", ""])
    kept.table("units", ["layer", "units", "live", "ratio at least 1", "least", "median", "most"],
               rows)
    return found and reached >= 0.95 * len(found)


def ask_torch(options, unit, seed):
    done = subprocess.run(
        [torch_python(), os.path.join(HERE, "maximize_torch.py"), model(options), str(unit),
         str(seed), str(options.steps), str(options.size)],
        stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(done.stdout)["activation"]


def check_torch(options, kept):
    rows, good = [], True
    for name, unit in CLASSES.items():
        ours = [paint_class(options, kept, name, seed)["activation"]
                for seed in range(options.seeds)]
        theirs = [kept.get(f"torch {name} {seed} {options.size}-{options.steps}",
                           lambda: ask_torch(options, unit, seed))
                  for seed in range(options.seeds)]
        ratio = statistics.median(ours) / statistics.median(theirs)
        rows.append([name, options.seeds, f"{statistics.median(ours):.1f}",
                     f"{statistics.median(theirs):.1f}", f"{ratio:.3f}"])
        good = good and abs(ratio - 1) <= 0.1
    kept.table("torch", ["class", "seeds", "median", "PyTorch's", "ratio"], rows)
    return good


CHECKS = {"classes": check_classes, "units": check_units, "torch": check_torch}


def some_photos(options, kept, count):
    """A folder of links to some of them."""
    folder = kept.path("photos")
    os.makedirs(folder, exist_ok=True)
    for name in sorted(os.listdir(options.photos))[::10][:count]:
        if not os.path.lexists(os.path.join(folder, name)):
            os.symlink(os.path.abspath(os.path.join(options.photos, name)), os.path.join(folder, name))
    return folder


def parse():
    parser = make_parser(__doc__, "few, small and early, to try the program itself: that classes or "
                         "PyTorch's numbers are not reached is then no wonder")
    parser.add_argument("checks", metavar="CHECK", nargs="*", choices=[[], *CHECKS],
                        help="classes, units, torch: all, unless some are named")
    parser.add_argument("--size", type=int, default=224, help="of classes (224)")
    parser.add_argument("--steps", type=int, default=512, help="of classes (512)")
    parser.add_argument("--seeds", type=int, default=5, help="of classes against PyTorch (5)")
    parser.add_argument("--units", type=int, default=16, help="of each of four depths (16)")
    parser.add_argument("--unit-size", type=int, default=224,
                        help="of units, and of the parts of photos (224)")
    parser.add_argument("--unit-steps", type=int, default=512, help="of units (512)")
    options = parser.parse_args()
    options.photos = os.path.join(options.shared, "data", "photos")
    if options.quick:
        options.size = options.unit_size = 64
        options.steps = options.unit_steps = 48
        options.seeds = options.units = 2
    return options


def main():
    options = parse()
    kept = Kept(options.folder)
    if options.quick:
        options.photos = some_photos(options, kept, 20)
    bad = [name for name in options.checks or CHECKS if not CHECKS[name](options, kept)]
    sys.exit(f"Not reached: {', '.join(bad)}" if bad else 0)


if __name__ == "__main__":
    main()
