#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky runs` and `kolinsky plot`, which need no device. Prints TAP.

    test-runs.py KOLINSKY MAN_PAGE [TEST...]
"""
import fcntl
import json
import math
import os
import re
import struct
import sys
import xml.etree.ElementTree

from harness import expect, expect_sentence, main, run, test

MAN_PAGE = sys.argv[2]
COLUMNS = ["step", "epoch", "seconds", "loss", "accuracy", "validation_loss",
           "validation_accuracy", "rate", "ratio", "examples_per_second"]


# ── Runs ─────────────────────────────────────────────────────────────────────

def write(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def describe(folder, step, steps, more=""):
    write(folder, "run.ini", f"[run]\nnetwork=digits\ndata=a set\nstep={step}\n{more}\n"
                             f"[settings]\nsteps={steps}\nbatch=50\n")


def measure(folder, steps=200, accuracy=True, extra=""):
    """Metrics whose best validation accuracy, 0.9, is that of step 150, and least loss of 100."""
    lines = [",".join(COLUMNS)]
    for step in range(10, steps + 1, 10):
        row = dict.fromkeys(COLUMNS, "")
        row.update(step=step, loss=2 * math.exp(-step / 50) + 0.1 * math.cos(step))
        if accuracy:
            row["accuracy"] = 1 - math.exp(-step / 60)
        if step % 50 == 0:
            row["validation_loss"] = 0.25 + abs(step - 100) / 1000
            if accuracy:
                row["validation_accuracy"] = 0.9 - abs(step - 150) / 1000
        lines.append(",".join(str(row[column]) for column in COLUMNS))
    write(folder, "metrics.csv", "\n".join(lines) + "\n" + extra)


def age(folder, seconds):
    for name in os.listdir(folder):
        os.utime(os.path.join(folder, name), (seconds, seconds))


def write_runs(folder):
    """One of each state, and folders that are none; the names are in the order of age."""
    for number, (name, step) in enumerate((("b-interrupted", 120), ("c-finished", 200))):
        path = os.path.join(folder, name)
        describe(path, step, 200)
        measure(path, step)
        age(path, 1.6e9 + number)
    path = os.path.join(folder, "d-regression")
    describe(path, 200, 200)
    measure(path, accuracy=False)
    age(path, 1.6e9 + 3)
    path = os.path.join(folder, "e-old")  # of a version that kept no metrics
    describe(path, 200, 200, "validation-accuracy=0.5")
    age(path, 1.6e9 + 4)
    write(os.path.join(folder, "f-damaged"), "run.ini", "no key file")
    age(os.path.join(folder, "f-damaged"), 1.6e9 + 5)
    path = os.path.join(folder, "g-damaged-metrics")
    describe(path, 10, 20)
    measure(path, 20, extra="1,2\n")
    age(path, 1.6e9 + 6)
    write(os.path.join(folder, "other"), "notes.txt", "not a run")
    write(folder, "file", "not a folder")
    return folder


def listed(*arguments, **environment):
    result = run("runs", "--json", *arguments, **environment)
    expect(result.code == 0, result)
    return json.loads(result.out)


@test
def states(shop):
    folder = shop.folder
    rows = listed(write_runs(os.path.join(folder, "states")))
    expect([row["name"][0] for row in rows] == list("gfedcb"), rows)
    states = {row["name"][0]: row["state"] for row in rows}
    expect(states == {"b": "interrupted", "c": "finished", "d": "finished", "e": "finished",
                      "f": "damaged", "g": "damaged"}, rows)
    reasons = {row["name"][0]: row["reason"] for row in rows}
    expect("run.ini" in reasons["f"] and "metrics.csv" in reasons["g"], rows)
    expect(reasons["b"] is None, rows)


@test
def best_validation(shop):
    folder = shop.folder
    rows = {row["name"][0]: row for row in listed(write_runs(os.path.join(folder, "best")))}
    finished, regression, old = rows["c"], rows["d"], rows["e"]
    expect((finished["best_step"], finished["validation_accuracy"]) == (150, 0.9), finished)
    expect(finished["recipe"] == "digits" and finished["data"] == "a set", finished)
    expect((finished["step"], finished["steps"]) == (200, 200), finished)
    expect(regression["best_step"] == 100 and regression["validation_loss"] == 0.25, regression)
    expect(regression["validation_accuracy"] is None, regression)
    expect((old["best_step"], old["validation_accuracy"]) == (200, 0.5), old)


@test
def running(shop):
    folder = shop.folder
    path = os.path.join(folder, "runs-of-now", "x")
    describe(path, 50, 500)
    measure(path, 120)
    write(path, "lock", "4711\n")
    rows = listed(os.path.dirname(path))
    expect(rows[0]["state"] == "interrupted" and rows[0]["step"] == 50, rows)
    with open(os.path.join(path, "lock"), "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        rows = listed(os.path.dirname(path))
        expect(rows[0]["state"] == "running" and rows[0]["step"] == 120, rows)
        expect("running, process 4711" in run("runs", path).out, rows)
    # A process that is gone, whose number is still in the file, holds nothing.
    expect(listed(path)[0]["state"] == "interrupted", rows)


@test
def table(shop):
    folder = shop.folder
    result = run("runs", write_runs(os.path.join(folder, "table")))
    lines = result.out.splitlines()
    expect(result.code == 0 and len(lines) == 7, result)
    # Every column begins where its heading does.
    for heading in ("RECIPE", "DATA", "STEPS", "BEST", "STATE"):
        column = lines[0].index(heading)
        for line in lines[1:]:
            expect(line[column - 1] == " " and line[column] != " ", result)
    expect(re.search(r"^c-finished +digits +a set +200/200 +90.00 % at 150 +finished$", result.out,
                     re.MULTILINE), result)
    expect(re.search(r"loss 0.25 at 100 +finished$", result.out, re.MULTILINE), result)


@test
def users_runs(shop):
    folder = shop.folder
    home = os.path.join(folder, "home")
    result = run("runs", XDG_DATA_HOME=home)
    expect(result.code == 0 and home in result.out and "kolinsky train" in result.out, result)
    expect(listed(XDG_DATA_HOME=home) == [], result)
    write_runs(os.path.join(home, "kolinsky", "runs"))
    expect(len(listed(XDG_DATA_HOME=home)) == 6, result)
    # A run's name is enough to plot it.
    picture = os.path.join(folder, "by-name.png")
    result = run("plot", "c-finished", "-o", picture, XDG_DATA_HOME=home)
    expect(result.code == 0 and os.path.exists(picture), result)


@test
def no_such_folder(shop):
    folder = shop.folder
    expect_sentence(run("runs", os.path.join(folder, "nowhere")), 1, "nowhere")


# ── Figures ──────────────────────────────────────────────────────────────────

def png_size(path):
    with open(path, "rb") as file:
        head = file.read(24)
    expect(head[:8] == b"\x89PNG\r\n\x1a\n", head)
    return struct.unpack(">II", head[16:24])


def plotted(folder, *arguments):
    picture = os.path.join(folder, "figure.png")
    result = run("plot", *arguments, "-o", picture)
    expect(result.code == 0 and result.out.splitlines()[-1] == picture, result)
    return png_size(picture)


@test
def figures(shop):
    folder = shop.folder
    runs = write_runs(os.path.join(folder, "figures"))
    finished, regression = os.path.join(runs, "c-finished"), os.path.join(runs, "d-regression")
    expect(plotted(folder, finished) == (1600, 640), "loss and accuracy")
    expect(plotted(folder, regression) == (1000, 640), "loss alone")
    expect(plotted(folder, finished, regression, "--log") == (1600, 640), "two runs")
    expect(plotted(folder, finished, "--width", "500", "--height", "900") == (500, 900), "size")
    expect(plotted(folder, *[finished] * 9, "--smooth", "0") == (1600, 640), "many runs")


@test
def figure_as_svg(shop):
    folder = shop.folder
    path = os.path.join(folder, "svg")
    measure(path)
    picture = os.path.join(folder, "figure.svg")
    result = run("plot", path, "--output", picture)
    expect(result.code == 0, result)
    expect(xml.etree.ElementTree.parse(picture).getroot().tag.endswith("svg"), result)


@test
def odd_metrics(shop):
    """Whatever numbers a run has, there is a figure or a sentence."""
    folder = shop.folder
    header = ",".join(COLUMNS) + "\n"
    rest = "," * (len(COLUMNS) - 4) + "\n"
    for name, rows in (("one", "1,,,2" + rest), ("constant", "1,,,2" + rest + "2,,,2" + rest),
                       ("zero", "1,,,0" + rest + "2,,,0" + rest),
                       ("negative", "1,,,-1" + rest + "2,,,-2" + rest),
                       ("huge", "1,,,1e300" + rest + "2,,,1" + rest),
                       ("diverged", "1,,,1" + rest + "2,,,inf" + rest + "3,,," + rest),
                       ("tiny", "1,,,1e-300" + rest + "2,,,2e-300" + rest),
                       ("half", "1,,,2" + rest + "2,,")):
        path = os.path.join(folder, name)
        write(path, "metrics.csv", header + rows)
        for arguments in ((), ("--log",)):
            expect(plotted(folder, path, *arguments) == (1000, 640), name)
    path = os.path.join(folder, "infinite")
    write(path, "metrics.csv", header + "1,,,inf" + rest)
    expect_sentence(run("plot", path, "-o", os.path.join(folder, "no.png")), 1, "infinite",
                    "no finite loss")


@test
def no_metrics(shop):
    folder = shop.folder
    picture = os.path.join(folder, "never.png")
    path = os.path.join(folder, "no-metrics")
    describe(path, 1, 2)
    expect_sentence(run("plot", path, "-o", picture), 1, "no-metrics", "metrics.csv", "runs")
    write(path, "metrics.csv", ",".join(COLUMNS) + "\n")
    expect_sentence(run("plot", path, "-o", picture), 1, "no-metrics", "no numbers yet")
    write(path, "metrics.csv", "a picture, say\n")
    expect_sentence(run("plot", path, "-o", picture), 1, "no-metrics", "header")
    expect(not os.path.exists(picture), "a figure was written")


@test
def picture_cannot_be_written(shop):
    folder = shop.folder
    path = os.path.join(folder, "fine")
    measure(path)
    result = run("plot", path, "-o", os.path.join(folder, "nowhere", "figure.png"))
    expect_sentence(result, 1, "nowhere")


# ── Usage ────────────────────────────────────────────────────────────────────

@test
def usage(shop):
    folder = shop.folder
    for arguments, word in [
            (("plot",), "folder of a run"), (("plot", "x"), "-o FILE"),
            (("plot", "x", "-o", "x.pdf"), ".svg"),
            (("plot", "x", "-o", "x.png", "--smooth", "1"), "--smooth"),
            (("plot", "x", "-o", "x.png", "--smooth", "nan"), "--smooth"),
            (("plot", "x", "-o", "x.png", "--width", "10"), "--width"),
            (("plot", "x", "-o", "x.png", "--height", "-1"), "--height"),
            (("plot", "x", "--ouput", "x.png"), "did you mean --output?"),
            (("runs", "--jsno"), "did you mean --json?")]:
        expect_sentence(run(*arguments), 2, word)


@test
def help_and_man_page(shop):
    folder = shop.folder
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    overview = run("--help").out
    for name in ("plot", "runs"):
        expect(f"  {name} " in overview, overview)
        result = run(name, "--help")
        expect(result.code == 0 and f"kolinsky {name}" in result.out, result)
        for option in re.findall(r"--[a-z][a-z-]*", result.out):
            expect(option in page, f"kolinsky.1 says nothing of {option} ({name})")


if __name__ == "__main__":
    main("runs", sys.argv[3:], needs_device=False)
