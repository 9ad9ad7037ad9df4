#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of the `kolinsky` command as a user or a script meets it. Prints TAP.

    test-command.py KOLINSKY MAN_PAGE [TEST...]
"""
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import networks
from harness import (COMMAND, TIMEOUT, Result, Skip, expect, expect_sentence, idx, main, run,
                     test)

MAN_PAGE = sys.argv[2]
SUB_COMMANDS = ["devices", "train", "search", "evaluate", "classify", "maximize", "verify", "tune",
                "bench"]


# ── Usage ────────────────────────────────────────────────────────────────────

@test
def help_of_every_command(shop):
    result = run("--help")
    expect(result.code == 0, result)
    for name in SUB_COMMANDS:
        expect(f"  {name} " in result.out, result)
        help_text = run(name, "--help")
        expect(help_text.code == 0 and f"kolinsky {name}" in help_text.out, help_text)
        expect("--device" in help_text.out and "--json" in help_text.out, help_text)


@test
def version(shop):
    result = run("--version")
    expect(result.code == 0 and re.fullmatch(r"kolinsky \d+\.\d+\.\d+\n", result.out), result)


@test
def no_command(shop):
    expect_sentence(run(), 2, "command is missing", "--help")


@test
def unknown_command_suggests(shop):
    expect_sentence(run("trian"), 2, '"trian"', "did you mean train?")
    expect_sentence(run("devcies"), 2, "did you mean devices?")
    result = run("xylophone")
    expect_sentence(result, 2, '"xylophone"', "--help")
    expect("did you mean" not in result.err, result)


@test
def unknown_option_suggests(shop):
    expect_sentence(run("train", "digits", "--stpes", "3"), 2, "--stpes", "did you mean --steps?")
    expect_sentence(run("--verison"), 2, "did you mean --version?")
    expect_sentence(run("devices", "--jsno"), 2, "did you mean --json?")


@test
def wrong_usage(shop):
    for arguments, word in [
            (("train",), "RECIPE"), (("train", "digit"), "digits"),
            (("train", "digits", "more"), "more"), (("evaluate",), "RUN"),
            (("train", "digits", "--steps", "0"), "--steps"),
            (("train", "digits", "--steps", "many"), "many"),
            (("train", "digits", "--lr", "0"), "--lr"), (("train", "digits", "--lr", "nan"), "--lr"),
            (("train", "digits", "--keep", "1.5"), "--keep"),
            (("train", "digits", "--batch", "-3"), "--batch"),
            (("train", "digits", "--optimizer", "adm"), "adam"),
            (("evaluate", "x", "--part", "some"), "--part"),
            (("verify", "--op", "rellu"), "did you mean relu?"),
            (("verify", "--op", "matmul", "--variant", "plane"), "did you mean plain?"),
            (("verify", "--variant", "plain"), "--op"),
            (("tune", "xylophone"), "digits"), (("tune", "--op", "none"), '"none"'),
            (("tune", "--list", "mlp"), "--list"), (("tune", "mlp", "--batch", "-1"), "--batch"),
            (("bench", "sleep"), "matmul"), (("bench", "matmul", "--shape", "12"), "--shape"),
            (("bench", "matmul", "--variant", "none"), "plain"),
            (("bench", "peak", "--shape", "1x2x3"), "--shape"),
            (("bench", "conv", "--shape", "1x2x3"), "filters"),
            (("bench", "digits", "--variant", "plain"), "--variant"),
            (("bench", "conv", "--variant", "none"), "plain"),
            (("bench", "digits", "--peer", "abacus"), "onnxruntime"),
            (("bench", "digits", "--seconds", "0"), "--seconds")]:
        expect_sentence(run(*arguments), 2, word)


@test
def man_page_has_every_option(shop):
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    for name in SUB_COMMANDS:
        options = re.findall(r"--[a-z][a-z-]*", run(name, "--help").out)
        expect(len(set(options)) >= 3, options)
        for option in set(options):
            expect(option in page, f"kolinsky.1 says nothing of {option} ({name})")


# ── Devices ──────────────────────────────────────────────────────────────────

@test
def devices(shop):
    result = run("devices")
    expect(result.code == 0, result)
    expect(len(re.findall(r"^\* ", result.out, re.MULTILINE)) == 1, result)
    listed = run("devices", "--json")
    table = json.loads(listed.out)
    expect(listed.code == 0 and table, listed)
    expect([row["index"] for row in table] == list(range(len(table))), table)
    expect(sum(row["default"] for row in table) == 1, table)
    for row in table:
        expect(row["compute_units"] >= 1 and row["memory"] >= row["largest_allocation"] > 0, row)
        expect(row["name"] in result.out and row["driver"] in result.out, row)


@test
def unknown_device(shop):
    result = run("bench", "peak", "--device", "abacus")
    expect_sentence(result, 1, '"abacus"', "0: ")
    expect_sentence(run("devices", "--device", "abacus"), 1, '"abacus"')
    expect_sentence(run("devices", KOLINSKY_DEVICE="99"), 1, '"99"', "KOLINSKY_DEVICE")


@test
def no_device(shop):
    result = run("devices", OCL_ICD_VENDORS=shop.path("nowhere"), OCL_ICD_FILENAMES="",
                 KOLINSKY_DEVICE="")
    expect_sentence(result, 1, "pocl-opencl-icd")


# ── Training ─────────────────────────────────────────────────────────────────

@test
def train_then_evaluate(shop):
    folder = shop.run_folder()
    summary = json.loads(shop.trained.out)
    expect(set(summary) == {"steps", "seconds", "accuracy", "loss", "validation_accuracy", "run",
                            "device", "examples_per_second", "first_step_seconds", "peak_bytes",
                            "loader_wait", "skipped"},
           summary)
    expect(summary["steps"] == 30 and summary["run"] == folder, summary)
    expect(0 <= summary["accuracy"] <= 1 and summary["peak_bytes"] > 1e6, summary)
    expect(0 < summary["first_step_seconds"] < 120, summary)
    expect(shop.trained.err.startswith("Device "), shop.trained)

    result = run("evaluate", folder, "--data", shop.data, "--json")
    expect(result.code == 0, result)
    score = json.loads(result.out)
    expect(score["count"] == 200 and 0 <= score["accuracy"] <= 1 and score["loss"] > 0, score)
    expect(abs(score["accuracy"] - summary["accuracy"]) < 1e-6, (score, summary))
    expect(len(score["confusion"]) == 10, score)
    expect([sum(row) for row in score["confusion"]] == [20] * 10, score)
    right = sum(score["confusion"][i][i] for i in range(10))
    expect(abs(right / 200 - score["accuracy"]) < 1e-6, score)
    # Bright rows are easy to tell apart: this is more than chance, so something was learned.
    expect(score["accuracy"] > 0.5, score)

    training = run("evaluate", folder, "--data", shop.data, "--json", "--part", "train")
    expect(json.loads(training.out)["count"] == 600, training)


@test
def evaluate_prints_a_table(shop):
    result = run("evaluate", shop.run_folder(), "--data", shop.data)
    expect(result.code == 0 and "accuracy" in result.out, result)
    rows = re.findall(r"^ +\d(?: +\d+){12}\.\d %$", result.out, re.MULTILINE)
    expect(len(rows) == 10 and len({len(row) for row in rows}) == 1, result)


@test
def plain_lines_without_terminal(shop):
    result = shop.train("--steps", "101", "--run", shop.path("plain"))
    expect(result.code == 0, result)
    expect("\r" not in result.out + result.err and "\033" not in result.out + result.err, result)
    for step in (0, 100):
        for part in ("train", "test"):
            pattern = rf"^{step} {part} \[\d+\.\d{{3}}, [01]\.\d\d\]$"
            expect(re.search(pattern, result.out, re.MULTILINE), result)
    expect(re.search(r"^training took \d+:\d\d$", result.out, re.MULTILINE), result)
    expect(re.search(r"^epoch 1: ", result.out, re.MULTILINE), result)


@test
def layers_are_listed(shop):
    result = run("train", "--layers")
    expect(result.code == 0 and not result.err, result)
    expect(re.search(r"^convolution: .+\n    features, size = 3, stride = 1,", result.out,
                     re.MULTILINE), result)
    expect(re.search(r"^relu: ", result.out, re.MULTILINE), result)


@test
def low_memory_takes_less(shop):
    # Ways that are chosen by measurement differ in the memory that they need for themselves.
    same = ",".join(f"{op}=implicit-gemm"
                    for op in ("conv2d", "conv2d_gradient_x", "conv2d_gradient_w"))
    results = [shop.train("--steps", "3", "--batch", "200", "--memory", memory, "--run",
                          shop.path(f"memory-{memory}"), "--json", KOLINSKY_VARIANT=same)
               for memory in ("normal", "low")]
    expect(all(result.code == 0 for result in results), results)
    normal, low = (json.loads(result.out) for result in results)
    expect(low["peak_bytes"] < normal["peak_bytes"] and low["loss"] == normal["loss"], results)
    expect("Memory: low, " in results[1].err and "more operations" in results[1].err, results)
    expect("Memory: " not in results[0].err, results)


@test
def same_seed_same_run(shop):
    accuracies = []
    for name in ("seed-a", "seed-b"):
        result = shop.train("--steps", "12", "--seed", "7", "--run", shop.path(name), "--json")
        accuracies.append(json.loads(result.out)["loss"])
    expect(accuracies[0] == accuracies[1], accuracies)


@test
def existing_run_is_refused(shop):
    folder = shop.run_folder()
    expect_sentence(shop.train("--steps", "1", "--run", folder), 1, folder, "--overwrite")
    copy = shop.path("copy")
    shutil.copytree(folder, copy)
    again = shop.train("--steps", "1", "--run", copy, "--overwrite")
    expect(again.code == 0, again)


@test
def run_cannot_be_made(shop):
    path = shop.path("data", "train-images-idx3-ubyte", "run")
    expect_sentence(shop.train("--steps", "1", "--run", path), 1, "cannot be made")


def interrupt_after(beginning, folder, shop, **environment):
    """Trains until a line begins so, and ends that by Ctrl-C."""
    process = subprocess.Popen(
        [COMMAND, "train", "digits", "--data", shop.data, "--steps", "100000", "--run", folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        env={**os.environ, **environment})
    try:
        while not process.stdout.readline().startswith(beginning):
            expect(process.poll() is None, f"it ended before it said {beginning!r}")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return Result(process.returncode, out, err)


@test
def interrupt_saves(shop):
    folder = shop.path("interrupted")
    result = interrupt_after("0 test", folder, shop)
    expect(result.code == 130 and folder in result.out, result)
    score = run("evaluate", folder, "--data", shop.data, "--json")
    expect(score.code == 0 and json.loads(score.out)["count"] == 200, score)


@test
def interrupt_ends_compiling(shop):
    folder = shop.path("not-begun")
    result = interrupt_after("Network: ", folder, shop, KOLINSKY_CACHE=shop.path("cold-cache"))
    expect(result.code == 130 and "nothing to save" in result.out, result)
    expect(not os.path.exists(folder), "an empty run was left behind")


@test
def diverging_rate_names_a_node(shop):
    folder = shop.path("diverged")
    result = shop.train("--steps", "50", "--optimizer", "sgd", "--lr", "1e30", "--run", folder)
    expect(result.code == 3, result)
    message = result.err.split("kolinsky: ")[1]
    expect(re.search(r"\b(conv|full|relu|pool|logits|loss|w_|b_)", message), result)
    expect(re.search(r"\bstep \d+\b", message) and "smaller learning rate" in message, result)
    expect(not os.path.exists(folder), "an empty run was left behind")


@test
def batch_beyond_memory(shop):
    result = shop.train("--batch", "5000", "--steps", "1", "--run", shop.path("large"),
                        KOLINSKY_MEMORY="256M")
    expect_sentence(result, 1, "5000", "needs", "available", "largest")


@test
def profile_is_a_chrome_trace(shop):
    trace = shop.path("trace.json")
    result = shop.train("--steps", "3", "--run", shop.path("profiled"), "--profile", trace)
    expect(result.code == 0 and trace in result.out, result)
    with open(trace, encoding="utf-8") as file:
        content = json.load(file)
    events = content["traceEvents"] if isinstance(content, dict) else content
    timed = [event for event in events if event.get("ph") == "X"]
    expect(len(timed) > 20, f"{len(timed)} events")
    expect(all(event["dur"] >= 0 and event["ts"] >= 0 for event in timed), timed[:3])


# ── Bad data ─────────────────────────────────────────────────────────────────

def expect_bad_data(shop, folder, *words):
    result = shop.train("--steps", "1", "--run", shop.path("never"), data=folder)
    expect_sentence(result, 1, *words)
    expect(not os.path.exists(shop.path("never")), "a run was begun")


@test
def missing_data(shop):
    expect_bad_data(shop, shop.path("nowhere"), "nowhere", "no file or folder")
    folder = shop.broken_data("no-labels")
    os.remove(os.path.join(folder, "t10k-labels-idx1-ubyte.gz"))
    expect_bad_data(shop, folder, "t10k-labels-idx1-ubyte")


@test
def no_data_installed(shop):
    if os.path.isdir("/usr/share/datasets/fashion-mnist"):
        raise Skip("a data set is installed")
    result = run("train", "digits", "--steps", "1", KOLINSKY_DATA="")
    expect_sentence(result, 1, "dataset-fashion-mnist", "--data")


@test
def truncated_data(shop):
    folder = shop.broken_data("truncated")
    path = os.path.join(folder, "train-images-idx3-ubyte")
    os.truncate(path, os.path.getsize(path) - 100)
    expect_bad_data(shop, folder, "train-images-idx3-ubyte", "truncated")
    folder = shop.broken_data("truncated-test")
    path = os.path.join(folder, "t10k-images-idx3-ubyte")
    os.truncate(path, os.path.getsize(path) - 100)
    expect_bad_data(shop, folder, "t10k-images-idx3-ubyte", "truncated")


@test
def mislabelled_data(shop):
    folder = shop.broken_data("interchanged")
    images = os.path.join(folder, "train-images-idx3-ubyte")
    with gzip.open(os.path.join(folder, "train-labels-idx1-ubyte.gz"), "rb") as file:
        labels = file.read()
    with open(images, "wb") as file:
        file.write(labels)
    expect_bad_data(shop, folder, "train-images-idx3-ubyte", "rank 1")
    with open(images, "wb") as file:
        file.write(b"\x89PNG and so on, which is no IDX file at all")
    expect_bad_data(shop, folder, "not an IDX file")


@test
def counts_that_disagree(shop):
    folder = shop.broken_data("disagreeing")
    with gzip.open(os.path.join(folder, "train-labels-idx1-ubyte.gz"), "wb") as file:
        file.write(idx(8, (599,), bytes(i % 10 for i in range(599))))
    expect_bad_data(shop, folder, "600", "599")


@test
def sizes_that_disagree(shop):
    folder = shop.broken_data("other-size")
    with open(os.path.join(folder, "t10k-images-idx3-ubyte"), "wb") as file:
        file.write(idx(8, (200, 20, 20), bytes(200 * 400)))
    expect_bad_data(shop, folder, "[1, 28, 28]", "[1, 20, 20]")


@test
def evaluate_without_a_run(shop):
    result = run("evaluate", shop.path("no-run"), "--data", shop.data)
    expect_sentence(result, 1, "no-run")


@test
def evaluate_damaged_weights(shop):
    folder = shop.path("damaged")
    shutil.copytree(shop.run_folder(), folder)
    path = os.path.join(folder, "checkpoints", "step-000000030", "weights.safetensors")
    os.truncate(path, os.path.getsize(path) // 2)
    expect_sentence(run("evaluate", folder, "--data", shop.data), 1, "step-000000030", "damaged")


# ── Cache, verification, benchmarks ──────────────────────────────────────────

def files_below(folder):
    return [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]


@test
def corrupt_cache_is_rebuilt(shop):
    cache = shop.path("cache")
    first = run("verify", "--quick", "--op", "relu", KOLINSKY_CACHE=cache)
    expect(first.code == 0, first)
    entries = files_below(cache)
    expect(entries, "nothing was cached")
    for damage in (b"", b"no program at all", os.urandom(5000)):
        for path in entries:
            with open(path, "wb") as file:
                file.write(damage)
        again = run("verify", "--quick", "--op", "relu", KOLINSKY_CACHE=cache)
        expect(again.code == 0, again)
        # Nothing is said but what was said the first time.
        expect(again.err == first.err, (first, again))


@test
def two_processes_share_a_cache(shop):
    environment = {**os.environ, "KOLINSKY_CACHE": shop.path("shared-cache")}
    both = [subprocess.Popen([COMMAND, "verify", "--quick", "--op", "relu"], env=environment,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
            for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=TIMEOUT)
        expect(process.returncode == 0, Result(process.returncode, out, ""))


@test
def verify_table(shop):
    result = run("verify", "--quick", "--op", "sum")
    expect(result.code == 0 and "plain" in result.out and " 0 failed" in result.out, result)
    outcome = json.loads(run("verify", "--quick", "--op", "matmul", "--variant", "plain",
                             "--json").out)
    expect(outcome["passed"] is True and outcome["failures"] == [], outcome)
    expect([row["variant"] for row in outcome["variants"]] == ["plain"], outcome)
    row = outcome["variants"][0]
    expect(row["op"] == "matmul" and row["passed"] > 0 and 0 < row["worst"] < 1e-3, row)


def wrong_kernel(shop, name):
    """The environment in which a kernel file reads half of every vector that it loads."""
    folder = shop.path(f"wrong-{name}")
    os.makedirs(folder)
    kernels = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "kernels")
    with open(os.path.join(kernels, f"{name}.cl"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(folder, f"{name}.cl"), "w", encoding="utf-8") as file:
        file.write("#undef vec_load\n#if KOL_WIDTH == 1\n#define vec_load(p) (0.5f * *(p))\n#else\n"
                   "#define vec_load(p) (0.5f * KOL_JOIN (vload, KOL_WIDTH) (0, (p)))\n#endif\n"
                   + text)
    return {"G_RESOURCE_OVERLAYS": f"/org/kolinsky/kernels={folder}",
            "KOLINSKY_CACHE": shop.path(f"wrong-{name}-cache")}


@test
def wrong_kernel_is_found(shop):
    result = run("verify", "--quick", "--op", "sum", **wrong_kernel(shop, "reduce"))
    expect(result.code == 3 and "FAILED" in result.out, result)
    expect("nothing can replace it" in result.out, result)


@test
def wrong_variant_is_switched_off(shop):
    result = run("verify", "--quick", "--op", "matmul", "--variant", "simd", "--json",
                 **wrong_kernel(shop, "matmul-simd"))
    row = json.loads(result.out)["variants"][0]
    if row["passed"] + row["failed"] == 0:
        raise Skip("the variant does not fit this device")
    expect(result.code == 3 and row["failed"] > 0 and row["struck"], result)
    expect("The variant simd of matmul is switched off" in result.err, result)


@test
def wrong_blocks_are_switched_off(shop):
    """What only a plan uses, between layers, is checked, too; then plans do without it."""
    weights = [networks.tensor(f"w{i}", dims, [0.1] * (dims[0] * dims[1]))
               for i, dims in enumerate(([16, 3, 1, 1], [20, 16, 1, 1]))]
    nodes = [("Conv", ["x", "w0"], "c"), ("Relu", ["c"], "r"), ("Conv", ["r", "w1"], "d"),
             ("GlobalAveragePool", ["d"], "m"), ("Flatten", ["m"], "scores")]
    with open(shop.path("blocks.onnx"), "wb") as file:
        file.write(networks.model([networks.node(op, inputs, [y]) for op, inputs, y in nodes],
                                  [networks.port("x", [None, 3, 8, 8])],
                                  [networks.port("scores", [None, 20])], weights))
    with open(shop.path("red.png"), "wb") as file:
        file.write(networks.png(200, 30, 40))

    def kernels(environment):
        result = run("classify", "--model", shop.path("blocks.onnx"), shop.path("red.png"),
                     "--profile", shop.path("profile.json"), **environment)
        expect(result.code == 0, result)
        with open(shop.path("profile.json"), encoding="utf-8") as file:
            return file.read()

    environment = wrong_kernel(shop, "conv2d-blocked-simd")
    if "conv2d_blocked" not in kernels(environment):
        raise Skip("the device computes nothing in blocks")
    result = run("verify", "--quick", "--op", "conv2d", "--variant", "blocked", **environment)
    expect(result.code == 3 and "The variant blocked of conv2d is switched off" in result.out,
           result)
    expect("conv2d_blocked" not in kernels(environment), "it is used as before")


BENCH_KEYS = {"work", "shape", "variant", "seconds", "gflops", "peak_share", "bytes"}


def bench(*arguments, **environment):
    """The rows of a short measurement."""
    result = run("bench", *arguments, "--json", "--seconds", "0.05", **environment)
    expect(result.code == 0, result)
    return json.loads(result.out)


def remembered(cache):
    result = run("tune", "--list", "--json", KOLINSKY_CACHE=cache)
    expect(result.code == 0, result)
    return json.loads(result.out)


def train_logistic(shop, cache, name):
    """A training of two steps, of which the first one measures."""
    return run("train", "logistic", "--data", shop.data, "--steps", "2", "--batch", "20", "--run",
               shop.path(name), KOLINSKY_CACHE=cache)


@test
def tune_remembers(shop):
    cache = shop.path("tuned")
    run("tune", "--clear", KOLINSKY_CACHE=cache)
    expect(remembered(cache) == {"choices": [], "struck": []}, "something was remembered")
    result = run("tune", "logistic", "--batch", "20", "--json", KOLINSKY_CACHE=cache)
    expect(result.code == 0, result)
    rows = json.loads(result.out)
    expect(rows and all(row["work"].startswith("matmul ") for row in rows), rows)
    for row in rows:
        times = {each["variant"]: each["seconds"] for each in row["candidates"]}
        expect({"plain", "clblast"} <= set(times), row)
        expect(times[row["variant"]] == min(times.values()) > 0, row)
        expect(all(each["difference"] < 1e-3 and not each["struck"] for each in row["candidates"]),
               row)
    listed = remembered(cache)
    expect({choice["work"]: choice["variant"] for choice in listed["choices"]}
           == {row["work"]: row["variant"] for row in rows}, (listed, rows))
    expect(rows[0]["work"] in run("tune", "--list", KOLINSKY_CACHE=cache).out, listed)
    expect(run("tune", "--clear", KOLINSKY_CACHE=cache).code == 0, "--clear failed")
    expect(remembered(cache)["choices"] == [], "--clear forgot nothing")


@test
def damaged_measurements_are_made_again(shop):
    cache = shop.path("tuned")  # with its programs: only measurements are damaged
    expect(train_logistic(shop, cache, "tuned-1").code == 0, "training failed")
    before = {choice["work"] for choice in remembered(cache)["choices"]}
    if not before:
        raise Skip("there is nothing to choose on this device")
    path, = [path for path in files_below(cache) if path.endswith("tuning.ini")]
    for number, damage in enumerate((b"[choice", os.urandom(3000))):
        with open(path, "wb") as file:
            file.write(damage)
        expect(remembered(cache)["choices"] == [], "what is damaged was believed")
        result = train_logistic(shop, cache, f"tuned-damaged-{number}")
        expect(result.code == 0, result)
        expect({choice["work"] for choice in remembered(cache)["choices"]} == before, result)


@test
def two_processes_measure_at_once(shop):
    cache = shop.path("tuned")
    both = [subprocess.Popen([COMMAND, "train", "logistic", "--data", shop.data, "--steps", "2",
                              "--batch", str(batch), "--run", shop.path(f"two-{batch}")],
                             env={**os.environ, "KOLINSKY_CACHE": cache}, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, encoding="utf-8") for batch in (20, 21)]
    for process in both:
        out, _ = process.communicate(timeout=TIMEOUT)
        expect(process.returncode == 0, Result(process.returncode, out, ""))
    works = " ".join(choice["work"] for choice in remembered(cache)["choices"])
    if not works:
        raise Skip("there is nothing to choose on this device")
    expect("matmul [20, " in works and "matmul [21, " in works, works)


@test
def bench_json(shop):
    rows = bench("matmul", "--shape", "64x48x80", "--variant", "plain")
    expect(len(rows) == 1 and set(rows[0]) == BENCH_KEYS, rows)
    expect(rows[0]["shape"] == "64x48x80" and rows[0]["variant"] == "plain", rows)
    expect(rows[0]["seconds"] > 0 and 0 < rows[0]["peak_share"] < 1.2, rows)
    flops = 2 * 64 * 48 * 80
    expect(abs(rows[0]["gflops"] * 1e9 * rows[0]["seconds"] / flops - 1) < 1e-3, rows)
    expect(rows[0]["bytes"] == 4 * (64 * 80 + 80 * 48 + 64 * 48), rows)


@test
def bench_matmul_measures_every_variant_once(shop):
    rows = bench("matmul", "--shape", "48x40x56")
    names = [row["variant"] for row in rows]
    expect("plain" in names and len(set(names)) == len(names) >= 2, rows)


@test
def bench_conv(shop):
    rows = bench("conv", "--shape", "2x3x10x4")
    expect([row["variant"].count("/") for row in rows] == [0, 2], rows)
    forward = 2 * 2 * 4 * 10 * 10 * 3 * 9
    for row, flops in zip(rows, (forward, 3 * forward)):
        expect(set(row) == BENCH_KEYS and row["shape"] == "2x3x10x4", row)
        expect(abs(row["gflops"] * 1e9 * row["seconds"] / flops - 1) < 1e-3, row)
    plain = bench("conv", "--shape", "2x3x10x4", "--variant", "plain")
    expect([row["variant"] for row in plain] == ["plain", "plain/plain/plain"], plain)


@test
def bench_bandwidth(shop):
    rows = bench("bandwidth", "--shape", "1000000")
    expect([row["variant"] for row in rows] == ["copy", "sum"], rows)
    for row in rows:
        expect(set(row) == BENCH_KEYS and row["gflops"] is row["peak_share"] is None, row)
    expect(rows[0]["bytes"] == 2 * rows[1]["bytes"] >= 8e6, rows)


@test
def bench_digits(shop):
    row = bench("digits")[0]
    # Forward, and twice that for the gradients, but for the one to the pictures.
    conv1, conv2 = 28 * 28 * 32 * 25, 14 * 14 * 64 * 32 * 25
    flops = 2 * 50 * (2 * conv1 + 3 * (conv2 + 3136 * 1024 + 1024 * 10))
    expect(abs(row["gflops"] * 1e9 * row["seconds"] / flops - 1) < 1e-3, row)
    expect(row["bytes"] > 3 * 4 * 3136 * 1024, row)  # the weights and Adam's two moments


@test
def bench_style(shop):
    # Forced, so that nothing is tried out.
    style, = bench("style", "--shape", "16", KOLINSKY_VARIANT="plain")
    expect(set(style) == BENCH_KEYS and style["shape"] == "1x3x16x16", style)
    # Of VGG-19 to relu5_1, the pictures' gradient doubles all convolutions.
    convolutions = [(16, 3, 64), (16, 64, 64), (8, 64, 128), (8, 128, 128), (4, 128, 256)] + \
        3 * [(4, 256, 256)] + [(2, 256, 512)] + 3 * [(2, 512, 512)] + [(1, 512, 512)]
    flops = sum(2 * 2 * side**2 * c * k * 9 for side, c, k in convolutions)
    measured = style["gflops"] * 1e9 * style["seconds"]
    expect(1 < measured / flops < 1.1, (style, flops))  # and Gram matrices besides


@test
def bench_without_the_peer(shop):
    python = shop.path("bare-python")
    with open(python, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    os.chmod(python, 0o755)
    arguments = ("bench", "matmul", "--shape", "8x8x8", "--seconds", "0.05", "--peer")
    expect_sentence(run(*arguments, "torch", "--peer-python", python), 1, "torch is missing",
                    "pip install torch", "--peer-python")
    expect_sentence(run(*arguments, "torch", KOLINSKY_PEER_PYTHON=shop.path("nowhere")), 1,
                    "does not start", "KOLINSKY_PEER_PYTHON")
    expect_sentence(run(*arguments, "torch", "--peer-python", "/bin/true"), 1, "without an answer")


@test
def bench_with_a_peer(shop):
    python = os.environ.get("KOLINSKY_PEER_PYTHON") or sys.executable
    if subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("there is no PyTorch")
    for arguments in (("matmul", "--shape", "64x64x64"), ("conv", "--shape", "1x3x12x4")):
        rows = bench(*arguments, "--peer", "torch", "--peer-python", python)
        compared = [row for row in rows if "peer" in row]
        expect(len(compared) == (1 if arguments[0] == "matmul" else 2), rows)
        for row in compared:
            expect(set(row) == BENCH_KEYS | {"peer", "peer_seconds", "peer_bytes", "ratio"}, row)
            expect(row["peer"] == "torch" and row["peer_seconds"] > 0, row)
            expect(abs(row["ratio"] * row["seconds"] / row["peer_seconds"] - 1) < 1e-6, row)


@test
def bench_peak_is_plausible(shop):
    rows = json.loads(run("bench", "peak", "--json").out)
    expect(len(rows) == 1 and rows[0]["work"] == "peak" and rows[0]["peak_share"] == 1, rows)
    expect(rows[0]["gflops"] > 0.5, rows)


if __name__ == "__main__":
    main("command", sys.argv[3:])
