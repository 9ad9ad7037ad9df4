#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Classifies the photos of the reference data, and holds every first answer against
that of ONNX Runtime, which had its pictures from Pillow.

    photos.py KOLINSKY [EVERY [MODEL=ANSWERS...]]

EVERY 25 takes one photo of 25, so 40 of 1,000. A MODEL is whatever --model takes; the
ANSWERS are one of the files reference/top1_*.txt. Without any, the two ONNX files of
the reference data are asked.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared")
PHOTOS = os.path.join(SHARED, "data", "photos")


def add_reference(command, data):
    """Installs the ONNX files of the reference data in a folder; (model, answers) of each."""
    added = []
    for like, answers in (("squeezenet1.1", "top1_squeezenet11.txt"),
                          ("efficientnet-lite0", "top1_efflite0.txt")):
        file = os.path.join(SHARED, "data", "models", like + ".onnx")
        subprocess.run([command, "models", "add", file, "--name", "reference-" + like, "--like",
                        like], env={**os.environ, "XDG_DATA_HOME": data},
                       stdout=subprocess.DEVNULL, check=True)
        added.append(("reference-" + like, answers))
    return added


def classify(command, model, photos, data):
    """The first answer to each photo."""
    done = subprocess.run([command, "classify", "--model", model, "--json", "--top", "1", *photos],
                          stdout=subprocess.PIPE, encoding="utf-8", check=True,
                          env={**os.environ, **({"XDG_DATA_HOME": data} if data else {})})
    answers = json.loads(done.stdout)
    if [row["picture"] for row in answers] != photos:
        sys.exit("the answers are not in the photos' order")
    return [row["classes"][0]["class"] for row in answers]


def compare(command, model, answers, every, data=None):
    """Whether all answers agree; says which do not."""
    names = sorted(os.listdir(PHOTOS))
    with open(os.path.join(SHARED, "reference", answers), encoding="utf-8") as file:
        wanted = [int(line) for line in file]
    if len(wanted) != len(names):
        sys.exit(f"{answers} has {len(wanted)} answers for {len(names)} photos")
    chosen = range(0, len(names), every)
    started = time.monotonic()
    found = classify(command, model, [os.path.join(PHOTOS, names[i]) for i in chosen], data)
    seconds = time.monotonic() - started
    wrong = [(i, answer) for i, answer in zip(chosen, found) if answer != wanted[i]]
    right = sum(answer == i for i, answer in zip(chosen, found))
    print(f"# {'FAILED' if wrong else 'ok'} {model}: {len(found) - len(wrong)} of {len(found)} "
          f"answers agree; {right} are the photo's class; {seconds:.1f} s", flush=True)
    for i, answer in wrong:
        print(f"#   {names[i]}: {answer}, not {wanted[i]}")
    return not wrong


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    command, every = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    given = [word.rsplit("=", 1) for word in sys.argv[3:]]
    if given:
        sys.exit(not all([compare(command, model, answers, every) for model, answers in given]))
    with tempfile.TemporaryDirectory() as data:
        sys.exit(not all([compare(command, model, answers, every, data)
                          for model, answers in add_reference(command, data)]))


if __name__ == "__main__":
    main()
