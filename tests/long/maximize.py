#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""What `kolinsky maximize` reaches with SqueezeNet 1.1: classes, units against photos, and against
the same method in PyTorch. It can be interrupted; called again, it goes on.

    maximize.py KOLINSKY FOLDER [classes] [units] [torch]      # all three unless some are named

Classes: zebra and flamingo at 224 pixels in 512 steps must be P >= 0.99 by the network itself, and
among the five likeliest of EfficientNet-Lite0. Units: 64 of four depths, drawn by a fixed seed; what
is reached on the picture as it is, divided by the most that any of the 1,000 photos reaches, must be
1 or more for 95 % of those that are not dead; KOLINSKY_UNITS="112x112 128" has smaller pictures and
fewer steps, for photos of that size. Torch: the median over five seeds of what is reached
must be within 10 % of the same method in PyTorch (maximize_torch.py, which needs onnx and torch; say
which Python has them with KOLINSKY_TORCH_PYTHON).
"""
import json
import os
import random
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "..", "shared", "data")
MODEL = os.path.join(DATA, "models", "squeezenet1.1.onnx")
SECOND = os.path.join(DATA, "models", "efficientnet-lite0.onnx")
CLASSES = {"zebra": 340, "flamingo": 130}
DEPTHS = {"relu_conv1": 64, "fire4/concat": 256, "fire7/concat": 384, "fire9/concat": 512}
UNITS_EACH = 16
UNIT_SIZE, UNIT_STEPS = os.environ.get("KOLINSKY_UNITS", "224x224 512").split()
SEEDS = range(5)


def kolinsky(command, *arguments):
    done = subprocess.run([command, *arguments], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"kolinsky {' '.join(arguments)}:\n{done.stderr}")
    return json.loads(done.stdout)


class Kept:
    """Results by name, in a file, so that nothing is computed twice."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.path = os.path.join(folder, "results.json")
        self.values = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.values = json.load(file)

    def get(self, name, compute):
        if name not in self.values:
            self.values[name] = compute()
            with open(self.path + ".new", "w", encoding="utf-8") as file:
                json.dump(self.values, file, indent=1)
            os.replace(self.path + ".new", self.path)
        return self.values[name]


def paint_class(command, kept, name, seed):
    path = os.path.join(kept.folder, f"{name}-{seed}.png")
    return kept.get(f"class {name} {seed}", lambda: kolinsky(
        command, "maximize", MODEL, "--unit", str(CLASSES[name]), "--seed", str(seed), "--json",
        "-o", path)[0])


def check_classes(command, kept):
    good = True
    for name in CLASSES:
        row = paint_class(command, kept, name, 0)
        answers = kept.get(f"second {name}", lambda: kolinsky(
            command, "classify", "--model", SECOND, "--json", row["file"])[0]["classes"])
        place = [answer["name"] for answer in answers].index(name) + 1 \
            if name in [answer["name"] for answer in answers] else None
        print(f"{name}: {row['activation']:.1f}, P {row['probability']:.4f}, "
              f"place {place} of EfficientNet-Lite0's answers")
        good = good and row["probability"] >= 0.99 and place is not None
    return good


def check_units(command, kept):
    numbers = random.Random(64)
    rows = []
    for layer, count in DEPTHS.items():
        units = sorted(numbers.sample(range(count), UNITS_EACH))
        folder = os.path.join(kept.folder, f"{layer.replace('/', '-')}-{UNIT_SIZE}-{UNIT_STEPS}")
        rows += kept.get(f"units {layer} {UNIT_SIZE} {UNIT_STEPS}", lambda: kolinsky(
            command, "maximize", MODEL, "--layer", layer, "--unit", ",".join(map(str, units)),
            "--steps", UNIT_STEPS, "--size", UNIT_SIZE, "--batch", "8", "--photos", os.path.join(DATA, "photos"), "--json",
            "-o", folder))
        some = [row["ratio"] for row in rows[-UNITS_EACH:] if not row["dead"] and row["ratio"]]
        print(f"{layer}: {len(some)} live units, ratio {min(some):.2f} to {max(some):.2f}, median "
              f"{statistics.median(some):.2f}")
    live = [row for row in rows if not row["dead"] and row["photos"] > 0]
    reached = [row for row in live if row["ratio"] >= 1]
    print(f"{len(reached)} of {len(live)} live units reach what the best photo does, "
          f"{len(rows) - len(live)} are dead or silent for all photos")
    return len(reached) >= 0.95 * len(live)


def check_torch(command, kept):
    python = os.environ.get("KOLINSKY_TORCH_PYTHON", sys.executable)
    good = True
    for name, unit in CLASSES.items():
        ours = [paint_class(command, kept, name, seed)["activation"] for seed in SEEDS]
        theirs = [kept.get(f"torch {name} {seed}", lambda: json.loads(subprocess.run(
            [python, os.path.join(HERE, "maximize_torch.py"), MODEL, str(unit), str(seed)],
            capture_output=True, encoding="utf-8", check=True).stdout)["activation"])
            for seed in SEEDS]
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"{name}: median of {len(SEEDS)} seeds {statistics.median(ours):.1f}, PyTorch's "
              f"{statistics.median(theirs):.1f}, ratio {ratio:.3f}")
        good = good and abs(ratio - 1) <= 0.1
    return good


CHECKS = {"classes": check_classes, "units": check_units, "torch": check_torch}


def main():
    if len(sys.argv) < 3 or any(name not in CHECKS for name in sys.argv[3:]):
        sys.exit(__doc__)
    kept = Kept(sys.argv[2])
    bad = [name for name in sys.argv[3:] or CHECKS if not CHECKS[name](sys.argv[1], kept)]
    sys.exit(f"Not reached: {', '.join(bad)}" if bad else 0)


if __name__ == "__main__":
    main()
