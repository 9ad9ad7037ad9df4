#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""How much of the command's speed of training the application keeps, and how soon it is there.

    tests/ui/under-xvfb.sh python3 tests/bench/explorer.py build/ui/kolinsky-explorer \\
        build/src/tools/kolinsky [--steps 300] [--rounds 3]

Both train `digits` on the installed data set, in turns, with nothing else on the machine. The
speed is the median of `examples_per_second` in the logs that both write, from step 100 on. Also
measured: seconds to the first frame, and the memory of the idle application beyond that of a
process that only opens the device.
"""
import argparse
import csv
import glob
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ui"))
arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("explorer")
arguments.add_argument("kolinsky")
arguments.add_argument("--steps", type=int, default=300)
arguments.add_argument("--rounds", type=int, default=3)
options = arguments.parse_args()

from explorer import Explorer  # noqa: E402: it reads the application's name from the arguments


def speed_of(log):
    with open(log) as file:
        speeds = [float(row["examples_per_second"]) for row in csv.DictReader(file)
                  if int(float(row["step"])) >= 100 and row["examples_per_second"]]
    return statistics.median(speeds)


def by_command(folder):
    run = os.path.join(folder, "run")
    subprocess.run([options.kolinsky, "train", "digits", "--steps", str(options.steps), "--run", run,
                    "--overwrite"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return speed_of(os.path.join(run, "metrics.csv"))


def step_in(folder):
    """The last step in a run's log; 0 before the first. Nobody asks the application: that takes it
    time."""
    for log in glob.glob(os.path.join(folder, "**", "metrics.csv"), recursive=True):
        with open(log) as file:
            lines = [line.split(",")[0] for line in file if line.endswith("\n")]
        return int(float(lines[-1])) if len(lines) > 1 else 0
    return 0


def by_application(folder):
    with Explorer(folder, train=True) as app:
        while step_in(folder) < options.steps:
            time.sleep(0.5)
        report = app.close()
    return speed_of(glob.glob(os.path.join(folder, "**", "metrics.csv"), recursive=True)[0]), report


def main():
    ratios, frames = [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            application, report = by_application(folder)
        with tempfile.TemporaryDirectory() as folder:
            command = by_command(folder)
        ratios.append(application / command)
        frames.append(report["first_frame"])
        stall = report["stalls"][0][0] if report["stalls"] else 0
        print(f"round {number + 1}: application {application:.0f}, command {command:.0f} examples/s, "
              f"ratio {ratios[-1]:.3f}; first frame after {frames[-1]:.2f} s; "
              f"longest stall {stall:.0f} ms", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}, "
          f"first frame {statistics.median(frames):.2f} s")


main()
