#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Trains a network that paints, and holds it against L-BFGS on photos that it has not seen.

The starry night, 900 photos of 192 pixels with the features of SqueezeNet 1.1: training must take at
most 25 minutes, and the mean total loss over 100 photos held out must be no more than that of 15
iterations of L-BFGS on the same losses, each from the photo itself. The curve of L-BFGS towards more
iterations is told, too. It can be interrupted; called again, it goes on. results.json and
fast_style.md in FOLDER have what was measured, against.txt the curve.
"""
import os
import re
import subprocess
import sys
import time

from kept import Kept, kolinsky, make_parser

MINUTES, WANTED = 25, 15  # at most; iterations at least


def arguments(options, network):
    return ["style-train", os.path.join(options.shared, "data", "paintings", "starry_night.jpg"),
            "--photos", os.path.join(options.shared, "data", "photos"), "-m",
            os.path.join(options.shared, "data", "models", "squeezenet1.1.onnx"),
            "--size", options.size, "--batch", 2, "--width", options.width, "--steps", options.steps,
            "--held-out", options.held_out, "--every", options.every, "-o", network]


def train(options, kept, network):
    """Until it is done. All time counts, also that of steps that an interruption has lost."""
    resume = ["--resume"] if os.path.exists(network + ".safetensors") else []
    begin = time.monotonic()
    try:
        code = subprocess.run([options.kolinsky, *map(str, arguments(options, network)), *resume],
                              check=False).returncode
    except KeyboardInterrupt:
        code = 130
    kept.put("seconds", kept.values.get("seconds", 0) + time.monotonic() - begin)
    if code:
        sys.exit("The training was not ended; called again, it goes on")
    kept.put("trained", True)


def compare(options, kept, network):
    told = kolinsky(options.kolinsky, *arguments(options, network), "--resume", "--against",
                    options.iterations)
    with open(kept.path("against.txt"), "w", encoding="utf-8") as file:
        file.write(told)
    number = r"([-+.e0-9]+)"
    return {"network": float(re.search("held out: the network " + number, told)[1]),
            "equal": int(re.search(r"does as well as (\d+) iterations", told)[1]),
            "curve": {n: float(loss)
                      for n, loss in re.findall(rf"L-BFGS, +(\d+) iterations: {number}", told)}}


def parse():
    parser = make_parser(__doc__, "40 steps at 64 pixels and 4 photos held out, to try the program "
                         "itself: too little to be as good as it must be")
    parser.add_argument("--steps", type=int, default=5500, help="of training (5500)")
    parser.add_argument("--iterations", type=int, default=60, help="of L-BFGS (60)")
    options = parser.parse_args()
    options.size, options.width, options.every, options.held_out = 192, 16, 500, 100
    if options.quick:
        options.size, options.width, options.every, options.held_out = 64, 4, 20, 4
        options.steps, options.iterations = 40, 6
    return options


def main():
    options = parse()
    kept = Kept(options.folder)
    network = kept.path("net")
    if not kept.values.get("trained"):
        train(options, kept, network)
    found = kept.get(f"against {options.iterations}", lambda: compare(options, kept, network))
    minutes = kept.values["seconds"] / 60
    kept.table("fast_style", ["", "loss"],
               [*([f"L-BFGS, {n} iterations", f"{loss:.4f}"] for n, loss in found["curve"].items()),
                ["the network", f"{found['network']:.4f}"]])
    print(f"{options.steps} steps in {minutes:.1f} minutes; as good as {found['equal']} iterations")
    if found["equal"] < WANTED:
        sys.exit(f"It is to be as good as {WANTED} iterations")
    sys.exit(f"It is to be trained within {MINUTES} minutes" if minutes > MINUTES else 0)


if __name__ == "__main__":
    main()
