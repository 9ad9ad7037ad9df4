#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Trains recipes to their end and holds the test accuracy against what they must reach.

    accuracy.py KOLINSKY FOLDER [NAME...] [--mnist DATA]

Runs are kept in FOLDER: what was interrupted goes on, what is done is only scored.
"""
import argparse
import json
import os
import subprocess
import sys

# What each trains on, what of the test set it must get right, with which seeds: on the average, and
# none of them less than WORST below it.
GOALS = {
    "mnist-digits": ("digits", "mnist", 0.991, (0,)),
    "mnist-digits-seeds": ("digits", "mnist", 0.991, (1, 2, 3)),
    "fashion-small-resnet": ("small-resnet", "fashion", 0.925, (0,)),
}
WORST = 0.001


def kolinsky(command, *arguments):
    done = subprocess.run([command, *arguments, "--json"], stdout=subprocess.PIPE,
                          encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"kolinsky {arguments[0]} ended with exit code {done.returncode}")
    return json.loads(done.stdout)


def train(options, name, seed):
    recipe, data, goal, seeds = GOALS[name]
    run = os.path.join(options.folder, name if len(seeds) == 1 else f"{name}-{seed}")
    checkpoints = os.path.join(run, "checkpoints")
    if os.path.isdir(checkpoints) and os.listdir(checkpoints):
        arguments = ["--resume", run]
    else:
        arguments = [recipe, "--run", run, "--overwrite", "--seed", str(seed)]
        if data == "mnist":
            arguments += ["--data", options.mnist]
    summary = kolinsky(options.kolinsky, "train", *arguments)
    score = kolinsky(options.kolinsky, "evaluate", run)
    print(f"{name}, seed {seed}: {100 * score['accuracy']:.2f} % of {score['count']}; "
          f"{summary['steps']} steps, {summary['seconds'] / 60:.1f} minutes, {summary['device']}",
          flush=True)
    return score["accuracy"]


def reaches(options, name):
    goal, seeds = GOALS[name][2:]
    found = [train(options, name, seed) for seed in seeds]
    mean = sum(found) / len(found)
    good = mean >= goal and (len(seeds) == 1 or min(found) >= goal - WORST)
    print(f"{'ok' if good else 'FAILED'} {name}: {100 * mean:.2f} %, at least {100 * goal:.1f} % "
          "wanted", flush=True)
    return good


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kolinsky")
    parser.add_argument("folder")
    parser.add_argument("--mnist", default=os.path.join(here, "../../../shared/data/mnist"),
                        help="folder of MNIST's four IDX files")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(GOALS))
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    names = options.names or list(GOALS)
    if any(name not in GOALS for name in names):
        parser.error(f"the names are: {' '.join(GOALS)}")
    sys.exit(not all([reaches(options, name) for name in names]))


if __name__ == "__main__":
    main()
