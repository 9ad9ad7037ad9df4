#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Compares a training step of the lecture's network with PyTorch's, on the same cores.

Both are measured alternately over several rounds, so that whatever else the machine does
meets both; the ratio of the medians is printed, and with --limit is the exit code's.

    digits_vs_torch.py build/src/tools/kolinsky [--rounds N] [--limit RATIO]

The network (lecture, "define the computation graph via code"), for 50 pictures 28x28: 5x5
convolution to 32 features, relu, 2x2 pooling; the same to 64; 1024 nodes with relu and
dropout 0.5; 10 scores; mean cross-entropy; Adam with rate 1e-4.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

BATCH = 50


def import_torch():
    try:
        import torch
    except ImportError:
        sys.exit("PyTorch is missing. Install Debian's python3-torch, or `pip install torch` in a "
                 "virtual environment and run this script with its python.")
    return torch


def make_step(torch):
    """A function that takes one training step on pictures that stay the same."""
    nn = torch.nn
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10))
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            nn.init.trunc_normal_(parameter, std=0.1, a=-0.2, b=0.2)
        else:
            nn.init.constant_(parameter, 0.1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    loss_of = nn.CrossEntropyLoss()
    pictures = torch.rand(BATCH, 1, 28, 28)
    labels = torch.arange(BATCH) % 10

    def step():
        optimizer.zero_grad()
        loss_of(network(pictures), labels).backward()
        optimizer.step()

    return step


def measure_torch(step, seconds):
    """Median seconds of a step, over groups of ten."""
    for _ in range(10):
        step()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        for _ in range(10):
            step()
        times.append((time.perf_counter() - start) / 10)
    return statistics.median(times)


def measure_kolinsky(command, device, seconds):
    arguments = [command, "bench", "digits", "--json", "--seconds", str(seconds)]
    if device:
        arguments += ["--device", device]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return json.loads(done.stdout)[0]["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", help="the built kolinsky")
    parser.add_argument("--device", help="as for kolinsky (its default)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (5)")
    parser.add_argument("--seconds", type=float, default=3, help="time of a measurement (3)")
    parser.add_argument("--limit", type=float, help="fail if the ratio is larger")
    arguments = parser.parse_args()
    torch = import_torch()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    step = make_step(torch)

    ours, theirs = [], []
    for number in range(arguments.rounds):
        ours.append(measure_kolinsky(arguments.command, arguments.device, arguments.seconds))
        theirs.append(measure_torch(step, arguments.seconds))
        print(f"round {number + 1}: kolinsky {1e3 * ours[-1]:.2f} ms, "
              f"torch {1e3 * theirs[-1]:.2f} ms", flush=True)
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"medians: kolinsky {1e3 * statistics.median(ours):.2f} ms, torch {torch.__version__} on "
          f"{torch.get_num_threads()} threads {1e3 * statistics.median(theirs):.2f} ms: "
          f"ratio {ratio:.2f}")
    if arguments.limit and ratio > arguments.limit:
        sys.exit(f"The ratio is larger than {arguments.limit}")


if __name__ == "__main__":
    main()
