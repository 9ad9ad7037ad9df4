#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky search`. Prints TAP.

    test-search.py KOLINSKY [TEST...]
"""
import csv
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys

from harness import COMMAND, expect, expect_sentence, main, run, test

QUICK = ["--steps", "30", "--set", "validation=60"]


def search(shop, folder, *arguments, recipe="logistic"):
    return run("search", recipe, "--data", shop.data, "--folder", shop.path(folder), *arguments)


def found(result, code=0):
    expect(result.code == code, result)
    return json.loads(result.out)


def table(shop, folder):
    with open(shop.path(folder, "search.csv"), encoding="utf-8") as file:
        return list(csv.DictReader(file))


@test
def trials_are_drawn_run_and_listed(shop):
    result = search(shop, "plain", *QUICK, "--trials", "5", "--over", "rate=1e-4..1",
                    "--over", "batch=10,20")
    expect(result.code == 0, result)
    lines = re.findall(r"^trial (\d)/5  rate (\S+)  batch (10|20): validation loss (\S+), "
                       r"accuracy (\S+) % ", result.out, re.MULTILINE)
    expect([line[0] for line in lines] == list("12345"), result)
    rows = table(shop, "plain")
    expect([row["trial"] for row in rows] == list("12345"), rows)
    for row, line in zip(rows, lines):
        expect((row["rate"], row["batch"]) == line[1:3] and row["state"] == "done", rows)
        expect(row["steps"] == "30" and 1e-4 <= float(row["rate"]) <= 1, rows)
    expect(len({row["rate"] for row in rows}) == 5, rows)

    best = max(rows, key=lambda row: (float(row["validation_accuracy"]),
                                      -float(row["validation_loss"])))
    listed = result.out[result.out.index("TRIAL"):].splitlines()
    expect(listed[1].split()[0] == best["trial"], result)
    accuracies = [float(line.split()[4]) for line in listed[1:6]]
    expect(accuracies == sorted(accuracies, reverse=True), result)
    command = re.search(r"^Go on with the best: kolinsky (train --resume \S+) --steps 5000$",
                        result.out, re.MULTILINE)
    expect(command and command[1].endswith(f"trial-00{best['trial']}"), result)
    longer = run(*command[1].split(), "--steps", "40")
    expect(longer.code == 0 and "after step 30" in longer.out, longer)


@test
def each_trial_is_a_run(shop):
    folder = shop.path("runs")
    rows = found(search(shop, "runs", *QUICK, "--trials", "2", "--json"))["trials"]
    for row in rows:
        name = f"trial-00{row['trial']}"
        expect(row["run"] == os.path.join(folder, name), rows)
        score = found(run("evaluate", row["run"], "--part", "train", "--json"))
        expect(score["count"] == 600, score)
        picture = shop.path(name + ".png")
        expect(run("plot", row["run"], "-o", picture).code == 0, row)
    listed = json.loads(run("runs", folder, "--json").out)
    expect(sorted(each["name"] for each in listed) == ["trial-001", "trial-002"], listed)
    accuracy = {each["name"]: each["validation_accuracy"] for each in listed}
    for row in rows:
        found_there = accuracy[f"trial-00{row['trial']}"]
        expect(math.isclose(found_there, row["validation_accuracy"], rel_tol=1e-6), (rows, listed))


@test
def same_seed_same_trials(shop):
    def settings(folder, *arguments):
        trials = found(search(shop, folder, *QUICK, "--json", "--over", "rate=1e-3..1",
                              *arguments))["trials"]
        return {row["trial"]: row["settings"]["rate"] for row in trials}
    three = settings("seed-a", "--trials", "3")
    expect(settings("seed-b", "--trials", "2") == {1: three[1], 2: three[2]}, three)
    expect(settings("seed-c", "--trials", "2", "--seed", "1")[1] != three[1], three)


@test
def best_at_the_edge_is_told(shop):
    """Of rates that are all too small the largest is the best."""
    rates = ["--over", "rate=1e-6..1e-3", "--trials", "8", "--seed", "1"]
    result = search(shop, "edge", *QUICK, *rates)
    best = max(float(row["rate"]) for row in table(shop, "edge"))
    expect(best > 6e-4, result)
    expect(f"The best rate, {best:.4g}, lies at the upper end of what was searched (1e-06..0.001)"
           in result.out, result)
    inside = search(shop, "inside", *QUICK, "--over", "rate=1e-3..1e4", "--trials", "4")
    expect("lies at the" not in inside.out, inside)


@test
def divergence_is_an_outcome(shop):
    """Rates that no network bears, among others."""
    result = search(shop, "diverged", *QUICK, "--trials", "6", "--json", "--optimizer", "sgd",
                    "--over", "rate=1e-3..1e30", "--seed", "2", recipe="mlp")
    answer = found(result)
    states = {row["trial"]: row["state"] for row in answer["trials"]}
    expect(set(states.values()) == {"done", "diverged"}, result)
    done = [row["state"] for row in answer["trials"]].count("done")
    for place, row in enumerate(answer["trials"]):
        expect((row["state"] == "done") == (place < done), answer)
        if row["state"] == "diverged":
            expect(row["steps"] < 30 and row["validation_accuracy"] is None, answer)
    expect(answer["best"] == answer["trials"][0]["trial"], answer)
    expect("diverged at step" in result.err, result)

    none = search(shop, "none", *QUICK, "--trials", "2", "--optimizer", "sgd", "--over",
                  "rate=1e28..1e30", recipe="mlp")
    expect(none.code == 3 and "No trial came to its end" in none.out, none)
    expect("--resume" not in none.out, none)


@test
def too_large_is_an_outcome(shop):
    result = search(shop, "large", *QUICK, "--trials", "4", "--json", "--over",
                    "batch=20,400000000")
    answer = found(result)
    states = {row["settings"]["batch"]: row["state"] for row in answer["trials"]}
    expect(states == {20: "done", 400000000: "failed"}, result)
    expect("failed: " in result.err, result)


def start(*arguments):
    return subprocess.Popen([COMMAND, "search", *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


@test
def interrupted_and_resumed(shop):
    """Ctrl-C, then a kill: what was done stays, and the end is that of an undisturbed search."""
    arguments = ["mlp", "--data", shop.data, "--steps", "150", "--trials", "4", "--set",
                 "validation=60", "--set", "checkpoint-every=50"]
    whole = found(run("search", *arguments, "--json", "--folder", shop.path("whole")))
    process = start(*arguments, "--folder", shop.path("parts"))
    while not process.stdout.readline().startswith("trial 1/4"):
        expect(process.poll() is None, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    expect(process.returncode == 130, out + err)
    expect(f"kolinsky search --resume {shop.path('parts')}" in out, out)
    done = len(table(shop, "parts"))
    expect(1 <= done < 4, out)

    process = start("--resume", shop.path("parts"))
    while not process.stdout.readline().startswith(f"trial {done + 1}/4"):
        expect(process.poll() is None, process)
    process.kill()
    process.communicate()
    rest = found(run("search", "--resume", shop.path("parts"), "--json"))
    expect([{**row, "run": None} for row in rest["trials"]]
           == [{**row, "run": None} for row in whole["trials"]], (rest, whole))
    expect(table(shop, "parts") == table(shop, "whole"), rest)

    longer = found(run("search", "--resume", shop.path("parts"), "--trials", "5", "--json"))
    expect(sorted(row["trial"] for row in longer["trials"]) == [1, 2, 3, 4, 5], longer)


@test
def the_best_keep_their_weights(shop):
    """Those of five trials; --keep-all keeps all."""
    def kept(folder):
        return sorted(int(name[6:]) for name in os.listdir(shop.path(folder))
                      if name.startswith("trial-")
                      and os.listdir(shop.path(folder, name, "checkpoints")))

    trials = found(search(shop, "thin", *QUICK, "--trials", "7", "--json"))["trials"]
    expect(kept("thin") == sorted(row["trial"] for row in trials[:5]), (kept("thin"), trials))
    worst = trials[-1]
    expect_sentence(run("evaluate", worst["run"]), 1, "no checkpoint")
    expect(run("plot", worst["run"], "-o", shop.path("worst.png")).code == 0, worst)
    found(search(shop, "all", *QUICK, "--trials", "7", "--keep-all", "--json"))
    expect(kept("all") == [1, 2, 3, 4, 5, 6, 7], kept("all"))
    found(run("search", "--resume", shop.path("all"), "--trials", "8", "--json"))
    expect(len(kept("all")) == 8, kept("all"))


@test
def used_wrongly(shop):
    taken = shop.path("taken")
    expect(search(shop, "taken", *QUICK, "--trials", "1").code == 0, taken)
    expect_sentence(search(shop, "taken", *QUICK), 1, "already holds a search")
    expect_sentence(run("search", "--resume", shop.path("nowhere")), 1, "not the folder of a search")
    expect_sentence(run("train", "--resume", taken), 1, "not the folder of a run")
    for arguments, words in [
            ((), ["RECIPE", "--resume SEARCH"]),
            (("digits", "--over", "rate=1..0.5"), ["--over", "smaller first"]),
            (("digits", "--over", "rte=1..2"), ["--over", "did you mean", "rate"]),
            (("digits", "--over", "steps=1,2"), ["same in every trial"]),
            (("digits", "--over", "rate=1e-3,1e-2", "--over", "rate=1..2"), ["twice"]),
            (("digits", "--trials", "0"), ["--trials", "1 to"]),
            (("digits", "--lr", "-1"), ["--lr", "above 0"]),
            (("digits", "--steps", "1", "--epochs", "1"), ["--steps", "--epochs"]),
            (("digitz",), ["digits"]),
            (("--resume", taken, "--over", "rate=1..2"), ["--resume", "compared"]),
            (("digits", "--resume", taken), ["leave", "digits"])]:
        expect_sentence(run("search", *arguments), 2, *words)


@test
def damaged(shop):
    whole = shop.path("sound")
    expect(search(shop, "sound", *QUICK, "--trials", "1").code == 0, whole)
    for name, text, word in [("search.csv", "trial,state\n1,?\n", "line 2"),
                             ("search.ini", "[data]\n", "path"),
                             ("recipe.ini", "nothing", "recipe.ini")]:
        broken = shop.path("broken-" + name)
        shutil.copytree(whole, broken)
        with open(os.path.join(broken, name), "w", encoding="utf-8") as file:
            file.write(text)
        expect_sentence(run("search", "--resume", broken), 1, "cannot be read", word)


if __name__ == "__main__":
    main("search", sys.argv[2:])
