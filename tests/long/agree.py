#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Trains the same 500 steps on two devices and compares what they log.

    agree.py KOLINSKY DEVICE DEVICE [RECIPE...]

Rounding grows as training goes on, so single losses are compared at the start, and
their means over 100 steps, and the validation loss, afterwards.
"""
import csv
import math
import subprocess
import sys
import tempfile

STEPS, FIRST, FIRST_WITHIN, MEAN_WITHIN = 500, 10, 1e-3, 0.05


def train(command, device, recipe, folder):
    subprocess.run([command, "train", recipe, "--device", device, "--steps", str(STEPS), "--run",
                    folder, "--set", "log-every=1", "--set", f"validate-every={STEPS}",
                    "--set", f"checkpoint-every={STEPS}"],
                   stdout=subprocess.DEVNULL, check=True)
    with open(f"{folder}/metrics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return ([float(row["loss"]) for row in rows], float(rows[-1]["validation_loss"]),
            float(rows[-1]["validation_accuracy"]))


def difference(a, b):
    return abs(a - b) / max(abs(a), abs(b))


def compare(command, devices, recipe):
    with tempfile.TemporaryDirectory() as folder:
        (one, loss_one, share_one), (other, loss_other, share_other) = (
            train(command, device, recipe, f"{folder}/{i}") for i, device in enumerate(devices))
    first = max(map(difference, one[:FIRST], other[:FIRST]))
    means = [difference(math.fsum(one[i:i + 100]), math.fsum(other[i:i + 100]))
             for i in range(0, STEPS, 100)]
    good = first <= FIRST_WITHIN and max(means) <= MEAN_WITHIN
    print(f"{'ok' if good else 'FAILED'} {recipe}: the first {FIRST} losses differ by {first:.1e}, "
          f"means of 100 by {max(means):.1e} at most, the validation loss by "
          f"{difference(loss_one, loss_other):.1e}; accuracy {100 * share_one:.2f} and "
          f"{100 * share_other:.2f} %", flush=True)
    return good


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    command, devices, recipes = sys.argv[1], sys.argv[2:4], sys.argv[4:]
    sys.exit(not all([compare(command, devices, recipe)
                      for recipe in recipes or ["digits", "small-resnet"]]))


if __name__ == "__main__":
    main()
