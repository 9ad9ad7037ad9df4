#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""How much of the command's speed of training the application keeps, and how soon it is there.

    tests/ui/under-xvfb.sh python3 tests/bench/explorer.py build/ui/kolinsky-explorer \\
        build/src/tools/kolinsky [--rounds 3] [--turns 10] [--seconds 5]

Both train `digits` on the installed data set, with nothing else on the machine. Once both are past
step 100, one stands still while the other has its turn of some seconds, so that a machine whose own
speed changes does so for both. The speed of each is how many steps came in its turns to the log
that both write. Also measured: seconds to the first frame, and for how long the main loop was away
at most in these turns.
"""
import argparse
import glob
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ui"))
arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("explorer")
arguments.add_argument("kolinsky")
arguments.add_argument("--rounds", type=int, default=3, help="of new processes")
arguments.add_argument("--turns", type=int, default=10, help="of each, in a round; even")
arguments.add_argument("--seconds", type=float, default=5, help="of a turn")
options = arguments.parse_args()

from explorer import Explorer  # noqa: E402: it reads the application's name from the arguments

FIRST = 100  # step: before, kernels are compiled and measured
AWAKE = 0.5  # seconds after which a main loop that stood still is itself again


class Learner:
    """A process that trains and writes a log. Nobody asks it: that would take it time."""

    def __init__(self, process, folder):
        self.process = process
        self.folder = folder
        self.seconds = 0
        self.first = None
        self.turns = []  # (begun, ended) of time.monotonic()

    def step(self):
        """The last one in its log."""
        for log in glob.glob(os.path.join(self.folder, "**", "metrics.csv"), recursive=True):
            with open(log) as file:
                lines = [line.split(",")[0] for line in file if line.endswith("\n")]
            if len(lines) > 1:
                return int(float(lines[-1]))
        return 0

    def warm_up(self):
        while self.step() < FIRST:
            if self.process.poll() is not None:
                sys.exit(f"{self.process.args[0]} ended with {self.process.returncode} before "
                         f"step {FIRST}")
            time.sleep(0.1)
        self.process.send_signal(signal.SIGSTOP)

    def take_turn(self):
        if self.first is None:
            self.first = self.step()
        begun = time.monotonic()
        self.process.send_signal(signal.SIGCONT)
        time.sleep(options.seconds)
        self.process.send_signal(signal.SIGSTOP)
        self.turns.append((begun, time.monotonic()))
        self.seconds += self.turns[-1][1] - begun

    def speed(self):
        return (self.step() - self.first) / self.seconds


def longest_stall(report, begun, turns):
    """In milliseconds, of what was no standing still."""
    return max((ms for ms, when in report["stalls"]
                if any(first + AWAKE < begun + when < last for first, last in turns)), default=0)


def measure(folder):
    """Returns: the speeds of application and command, and the application's report."""
    own, run = os.path.join(folder, "application"), os.path.join(folder, "run")
    os.mkdir(own)
    with Explorer(own, train=True) as app:
        application = Learner(app.process, own)
        application.warm_up()
        with subprocess.Popen([options.kolinsky, "train", "digits", "--run", run],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            command = Learner(process, run)
            command.warm_up()
            for turn in range(options.turns):
                for learner in [application, command][::1 if turn % 2 == 0 else -1]:
                    learner.take_turn()
            process.kill()
        speeds = application.speed(), command.speed()
        app.process.send_signal(signal.SIGCONT)
        report = app.close()
        report["longest"] = longest_stall(report, app.started, application.turns)
        return *speeds, report


def main():
    ratios, frames = [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            application, command, report = measure(folder)
        ratios.append(application / command)
        frames.append(report["first_frame"])
        print(f"round {number + 1}: application {application:.1f}, command {command:.1f} steps/s, "
              f"ratio {ratios[-1]:.3f}; first frame after {frames[-1]:.2f} s; "
              f"longest stall {report['longest']:.0f} ms", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}, "
          f"first frame {statistics.median(frames):.2f} s")


main()
