#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Runs that are interrupted, killed, damaged or out of disk. Prints TAP.

    test-survival.py KOLINSKY [--kills N] [TEST...]
"""
import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import COMMAND, Result, Skip, expect, expect_sentence, main, run, test

KILLS = 20


def start(*arguments, **how):
    return subprocess.Popen([COMMAND, "train", *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                            **how)


def metrics(folder):
    """The rows of metrics.csv, without what a clock gave."""
    with open(os.path.join(folder, "metrics.csv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["seconds"], row["examples_per_second"], row["loader_wait"]
    return rows


def checkpoints(folder):
    below = os.path.join(folder, "checkpoints")
    return sorted(int(name[5:]) for name in os.listdir(below) if name.startswith("step-"))


MLP = ["mlp", "--batch", "20", "--set", "validation=60", "--set", "log-every=1"]


@test
def interrupted_and_resumed_is_exact(shop):
    """Ctrl-C at random moments, then --resume: the same numbers to the last digit."""
    whole, parts = shop.path("whole"), shop.path("parts")
    arguments = [*MLP, "--data", shop.data, "--steps", "400"]
    expect(run("train", *arguments, "--run", whole).code == 0, "the whole run failed")
    generator = random.Random(4)
    process = start(*arguments, "--run", parts)
    interruptions = 0
    while True:
        while process.poll() is None and not re.match(r"\d+ test", process.stdout.readline()):
            pass
        time.sleep(generator.uniform(0, 0.2))
        if interruptions < 4 and process.poll() is None:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        if process.returncode != 130:
            break
        interruptions += 1
        expect(f"--resume {parts}" in out, Result(130, out, err))
        process = start("--resume", parts)
    expect(process.returncode == 0, Result(process.returncode, out, err))
    expect(interruptions > 0, "it was never interrupted")
    expect(metrics(whole) == metrics(parts), "the numbers differ")


@test
def killed_at_random_moments(shop):
    """kill -9: what was reported as saved always loads, and nothing half-written does."""
    folder = shop.path("killed")
    generator = random.Random(9)
    arguments = [*MLP, "--data", shop.data, "--steps", "1000000", "--set", "checkpoint-every=7",
                 "--set", "checkpoints=2"]
    reported = 0
    for kill in range(KILLS):
        process = start(*(["--resume", folder] if reported else
                          [*arguments, "--run", folder, "--overwrite"]))
        lines = []
        while process.poll() is None:
            line = process.stdout.readline()
            lines.append(line)
            if line.startswith("Saved step"):
                break
        # Where in the loop it ends is a matter of chance: a few steps and savings later.
        time.sleep(generator.uniform(0, 0.15))
        process.kill()
        rest, err = process.communicate()
        out = "".join(lines) + rest
        saved = [int(step) for step in re.findall(r"^Saved step (\d+)$", out, re.MULTILINE)]
        expect(saved, Result(process.returncode, out, err))
        expect(not reported or saved[0] > reported, (kill, saved, reported))
        reported = saved[-1]
        score = run("evaluate", folder, "--data", shop.data, "--json", "--from", str(reported))
        expect(score.code == 0, score)
        newest = checkpoints(folder)[-1]
        expect(newest >= reported, (newest, reported))
        expect(run("evaluate", folder, "--data", shop.data, "--json").code == 0, newest)


@test
def two_processes_in_one_folder(shop):
    folder = shop.path("busy")
    process = start(*MLP, "--data", shop.data, "--steps", "1000000", "--run", folder)
    try:
        while not process.stdout.readline().startswith("0 test"):
            expect(process.poll() is None, "it ended before its first step")
        for second in (["--resume", folder], [*MLP, "--data", shop.data, "--run", folder,
                                              "--overwrite"]):
            expect_sentence(run("train", *second), 1, folder, f"process {process.pid}")
    finally:
        process.kill()
        process.communicate()


def mounted(shop, name, options):
    """A file system of its own, where that is allowed."""
    folder = shop.path(name)
    os.makedirs(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                          capture_output=True)
    if done.returncode != 0:
        raise Skip("mounting a file system is not allowed here")
    return folder


@test
def full_disk(shop):
    folder = mounted(shop, "small", "size=6m")
    try:
        path = os.path.join(folder, "run")
        trained = run("train", *MLP, "--data", shop.data, "--steps", "60", "--run", path,
                      "--set", "checkpoint-every=20", "--set", "checkpoints=9")
        expect_sentence(trained, 1, "space", "--resume")
        newest = checkpoints(path)[-1]
        expect(f"step {newest}" in trained.err, trained)
        score = run("evaluate", path, "--data", shop.data, "--json")
        expect(score.code == 0, score)
    finally:
        subprocess.run(["umount", folder], check=True)


@test
def read_only_folder(shop):
    folder = mounted(shop, "fixed", "size=6m")
    try:
        path = os.path.join(folder, "run")
        done = run("train", *MLP, "--data", shop.data, "--steps", "20", "--run", path)
        expect(done.code == 0, done)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        expect_sentence(run("train", *MLP, "--data", shop.data, "--run", path + "-2"), 1,
                        path + "-2", "Read-only")
        expect_sentence(run("train", "--resume", path, "--steps", "40"), 1, path, "Read-only")
        score = run("evaluate", path, "--data", shop.data, "--json")
        expect(score.code == 0, score)
    finally:
        subprocess.run(["umount", folder], check=True)


@test
def damaged_checkpoint(shop):
    folder = shop.path("damaged")
    done = run("train", *MLP, "--data", shop.data, "--steps", "60", "--run", folder)
    expect(done.code == 0, done)
    steps = checkpoints(folder)
    path = os.path.join(folder, "checkpoints", f"step-{steps[-1]:09}", "weights.safetensors")
    os.truncate(path, os.path.getsize(path) // 2)
    words = [f"step-{steps[-1]:09}", "damaged", f"--from {steps[-2]}"]
    expect_sentence(run("train", "--resume", folder), 1, *words)
    expect_sentence(run("evaluate", folder, "--data", shop.data), 1, *words)
    again = run("train", "--resume", folder, "--from", str(steps[-2]))
    expect(again.code == 0 and checkpoints(folder)[-1] == 60, again)


@test
def data_that_changed(shop):
    folder, data = shop.path("moved"), shop.broken_data("moved-data")
    arguments = ["--data", data, "--steps", "10", "--run", folder]
    expect(run("train", *MLP, *arguments).code == 0, "it failed")
    shutil.rmtree(data)
    expect_sentence(run("train", "--resume", folder, "--steps", "20"), 1, data)
    # The same examples elsewhere are as good.
    moved = run("train", "--resume", folder, "--steps", "20", "--data", shop.data)
    expect(moved.code == 0, moved)


@test
def recipe_with_a_mistake(shop):
    path = shop.path("mine.ini")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[training]\nsteps = 5\n\n[hidden]\nlayer = dens\nfeatures = 5\n")
    expect_sentence(run("train", path, "--data", shop.data), 1, path, "line 5", "dens", "dense")


@test
def recipe_of_ones_own(shop):
    printed = run("train", "logistic", "--print")
    expect(printed.code == 0 and "[scores]" in printed.out, printed)
    path, folder = shop.path("own.ini"), shop.path("own")
    with open(path, "w", encoding="utf-8") as file:
        file.write(printed.out.replace("[scores]", "[hidden]\nlayer = dense\nfeatures = 9\n"
                                                   "activation = tanh\n\n[scores]")
                   .replace("weights = 0", "weights = he"))
    done = run("train", path, "--data", shop.data, "--steps", "200", "--run", folder, "--json")
    expect(done.code == 0 and json.loads(done.out)["accuracy"] > 0.5, done)
    os.remove(path)  # the run keeps its own copy
    score = run("evaluate", folder, "--data", shop.data, "--json")
    expect(score.code == 0, score)


@test
def misspelled_recipe_and_setting(shop):
    expect_sentence(run("train", "digit", "--data", shop.data), 2, "digits", "mlp")
    expect_sentence(run("train", "mlp", "--set", "momentumm=1"), 2, "momentum")
    expect_sentence(run("train", "mlp", "--set", "momentum"), 2, "NAME=VALUE")
    expect_sentence(run("train", "mlp", "--set", "momentum=2"), 2, "up to 1")


@test
def folder_that_is_no_run(shop):
    expect_sentence(run("train", "--resume", shop.data), 1, shop.data, "run.ini")
    expect_sentence(run("train", "mlp", "--resume", shop.data), 2, "mlp")


if __name__ == "__main__":
    arguments = sys.argv[2:]
    if arguments[:1] == ["--kills"]:
        KILLS, arguments = int(arguments[1]), arguments[2:]
    main("survival", arguments)
