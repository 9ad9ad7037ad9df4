#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""How much of the command's speed of training the application keeps, and how soon it is there.

    tests/ui/under-xvfb.sh python3 tests/bench/explorer.py build/ui/kolinsky-explorer \\
        build/src/tools/kolinsky [--steps 1000] [--rounds 3]

Both train `digits` on the installed data set, in turns, with nothing else on the machine. The
speed is how many steps have come to the logs that both write, from step 100 on, and in which time.
Also measured: seconds to the first frame, and for how long the main loop was away at most
meanwhile.
"""
import argparse
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
arguments.add_argument("--steps", type=int, default=1000)
arguments.add_argument("--rounds", type=int, default=3)
options = arguments.parse_args()

from explorer import Explorer  # noqa: E402: it reads the application's name from the arguments

FIRST = 100  # step: before, kernels are compiled and measured


def newest(folder):
    """When a run's log was last written, and the last step in it; None before step FIRST. Nobody asks
    the application: that takes it time."""
    for log in glob.glob(os.path.join(folder, "**", "metrics.csv"), recursive=True):
        written = os.stat(log).st_mtime
        with open(log) as file:
            lines = [line.split(",")[0] for line in file if line.endswith("\n")]
        if len(lines) > 1 and int(float(lines[-1])) >= FIRST and os.stat(log).st_mtime == written:
            return written, int(float(lines[-1]))
    return None


def speed_of(folder, is_over):
    """Steps per second of the run in the folder, with all that happens between them."""
    points = []
    while not is_over(points):
        point = newest(folder)
        if point and (not points or point[1] > points[-1][1]):
            points.append(point)
        time.sleep(0.1)
    if len(points) < 2:
        sys.exit(f"The log of {folder} was written less than twice after step {FIRST}: "
                 "give more --steps")
    return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])


def by_command(folder):
    run = os.path.join(folder, "run")
    command = subprocess.Popen([options.kolinsky, "train", "digits", "--steps", str(options.steps),
                                "--run", run, "--overwrite"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    speed = speed_of(folder, lambda _: command.poll() is not None)
    if command.returncode:
        sys.exit(f"{options.kolinsky} train ended with {command.returncode}")
    return speed


def by_application(folder):
    with Explorer(folder, train=True) as app:
        begun = []  # when step FIRST was there; what goes before is no training, nor is closing

        def is_over(points):
            if points and not begun:
                begun.append(time.monotonic() - app.started)
            return points and points[-1][1] >= options.steps

        speed = speed_of(folder, is_over)
        ended = time.monotonic() - app.started
        report = app.close()
        report["stalls"] = [[ms, when] for ms, when in report["stalls"] if begun[0] < when < ended]
        return speed, report


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
        print(f"round {number + 1}: application {application:.1f}, command {command:.1f} steps/s, "
              f"ratio {ratios[-1]:.3f}; first frame after {frames[-1]:.2f} s; "
              f"longest stall {stall:.0f} ms", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}, "
          f"first frame {statistics.median(frames):.2f} s")


main()
