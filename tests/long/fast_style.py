#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Trains a network that paints, and holds it against L-BFGS on photos that it has not seen.

    fast_style.py KOLINSKY FOLDER [ITERATIONS]

The starry night, 900 photos of 192 pixels with the features of SqueezeNet 1.1; the mean total loss
over 100 photos held out must be no more than that of 15 iterations of L-BFGS on the same losses,
each from the photo itself. It can be interrupted; called again, it goes on. The curve of L-BFGS is
in FOLDER/against.txt.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "..", "shared", "data")
STEPS, WANTED = 5500, 15  # iterations


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, iterations = sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 60
    os.makedirs(folder, exist_ok=True)
    network, told = os.path.join(folder, "net"), os.path.join(folder, "against.txt")
    train = [sys.argv[1], "style-train", os.path.join(DATA, "paintings", "starry_night.jpg"),
             "--photos", os.path.join(DATA, "photos"), "-m",
             os.path.join(DATA, "models", "squeezenet1.1.onnx"), "--size", "192", "--batch", "2",
             "--width", "16", "--steps", str(STEPS), "--held-out", "100", "--every", "500",
             "-o", network]
    if not os.path.exists(told):
        resume = ["--resume"] if os.path.exists(network + ".safetensors") else []
        if subprocess.run(train + resume, check=False).returncode:
            sys.exit("The training was not ended; called again, it goes on")
        result = subprocess.run(train + ["--resume", "--against", str(iterations)],
                                stdout=subprocess.PIPE, encoding="utf-8", check=True)
        with open(told, "w", encoding="utf-8") as file:
            file.write(result.stdout)
    with open(told, encoding="utf-8") as file:
        text = file.read()
    print(text, end="")
    equal = int(re.search(r"does as well as (\d+) iterations", text)[1])
    sys.exit(0 if equal >= WANTED else f"{equal} iterations, but {WANTED} are wanted")


if __name__ == "__main__":
    main()
