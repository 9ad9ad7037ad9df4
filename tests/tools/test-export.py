#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky export`. Prints TAP.

    test-export.py KOLINSKY MAN_PAGE [TEST...]
"""
import array
import json
import os
import re
import struct
import subprocess
import sys

from harness import Skip, expect, expect_sentence, main, pictures, run, test

MAN_PAGE = sys.argv[2]
COUNT = 200  # examples of the test part


def export(subject, path):
    result = run("export", subject, "-o", path)
    expect(result.code == 0 and f"Wrote {path}" in result.out, result)
    return result


def write_npy(path, shape, values):
    header = str({"descr": "<f4", "fortran_order": False, "shape": tuple(shape)})
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode()
                   + array.array("f", values).tobytes())
    return path


def read_npy(path):
    with open(path, "rb") as file:
        content = file.read()
    return array.array("f", content[10 + struct.unpack("<H", content[8:10])[0]:])


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(*struct.unpack("<Q", file.read(8))))
        data = file.read()
    return {name: (entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items() if name != "__metadata__"}


def test_pictures(shop):
    """The examples of the test part, as they go in, and their classes."""
    images, labels = pictures(COUNT, 2)
    return (write_npy(shop.path("x.npy"), (COUNT, 1, 28, 28), (byte / 255 for byte in images[16:])),
            labels[8:])


def evaluate(shop):
    result = run("evaluate", shop.run_folder(), "--data", shop.data, "--json")
    expect(result.code == 0, result)
    return json.loads(result.out)


def confusion(scores, labels):
    table = [[0] * 10 for _ in range(10)]
    for i, label in enumerate(labels):
        row = scores[10 * i:10 * i + 10]
        table[label][max(range(10), key=row.__getitem__)] += 1
    return table


@test
def a_run_as_onnx_gives_the_same_answers(shop):
    path, (examples, labels) = shop.path("digits.onnx"), test_pictures(shop)
    result = export(shop.run_folder(), path)
    expect("0..1" in result.out, result)
    info = json.loads(run("info", path, "--json").out)
    expect(info["opset"] == 17 and info["producer"].startswith("kolinsky"), info)
    expect(info["inputs"][0]["shape"] == [None, 1, 28, 28], info)
    name = info["outputs"][0]["name"]
    result = run("run", path, "--input", f"{info['inputs'][0]['name']}={examples}", "--output",
                 shop.path("results"))
    expect(result.code == 0, result)
    scores = read_npy(shop.path("results", re.sub("[^A-Za-z0-9_.-]", "_", name) + ".npy"))
    expect(confusion(scores, labels) == evaluate(shop)["confusion"], evaluate(shop))


@test
def a_run_as_onnx_is_right_for_onnxruntime(shop):
    path, (examples, labels) = shop.path("digits.onnx"), test_pictures(shop)
    python = os.environ.get("KOLINSKY_ONNX_PYTHON", "python3")
    program = ("import sys, numpy, onnx, onnxruntime\n"
               "onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)\n"
               "session = onnxruntime.InferenceSession(sys.argv[1])\n"
               "name = session.get_inputs()[0].name\n"
               "scores, = session.run(None, {name: numpy.load(sys.argv[2])})\n"
               "numpy.save(sys.argv[3], scores)\n")
    probe = subprocess.run([python, "-c", "import numpy, onnx, onnxruntime"], capture_output=True,
                           check=False)
    if probe.returncode != 0:
        raise Skip("Python has no onnx and onnxruntime; set KOLINSKY_ONNX_PYTHON")
    export(shop.run_folder(), path)
    subprocess.run([python, "-c", program, path, examples, shop.path("theirs.npy")], check=True)
    scores = read_npy(shop.path("theirs.npy"))
    expect(confusion(scores, labels) == evaluate(shop)["confusion"], evaluate(shop))


@test
def a_run_as_safetensors_has_the_weights_of_its_checkpoint(shop):
    path, folder = shop.path("digits.safetensors"), shop.run_folder()
    export(folder, path)
    step = max(os.listdir(os.path.join(folder, "checkpoints")))
    saved = read_safetensors(os.path.join(folder, "checkpoints", step, "weights.safetensors"))
    expect(len(saved) == 8 and read_safetensors(path) == saved, sorted(saved))


@test
def info_tells_what_a_run_trains(shop):
    done = run("info", shop.run_folder(), "--batch", "7")
    for words in ("a run of the recipe", "latest checkpoint is of step", "conv2d", "[7, 10]",
                  "at a batch of 7"):
        expect(words in done.out, f"{words!r} is missing in:\n{done}")
    told = json.loads(run("info", shop.run_folder(), "--json").out)
    shapes = read_safetensors(shop.path("digits.safetensors")).values()
    counts = [len(content) // 4 for _, content in shapes]
    expect(told["parameters"] == sum(counts) and told["latest"] > 0, told)


@test
def a_file_of_weights_is_converted(shop):
    path = shop.path("few.safetensors")
    fixture = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           "../model/fixtures/few-legacy.pth")
    export(fixture, path)
    arrays = read_safetensors(path)
    expect(list(arrays) == ["weight", "turned", "half", "count"], arrays)
    expect(arrays["turned"] == ([3, 2], struct.pack("<6f", -2.5, -1.75, -2.25, -1.5, -2, -1.25)),
           arrays)
    result = run("export", fixture, "-o", shop.path("few.onnx"))
    expect_sentence(result, 1, "few-legacy.pth", "weights alone")
    expect(not os.path.exists(shop.path("few.onnx")), result)


@test
def what_cannot_be_exported_is_said(shop):
    expect_sentence(run("export", shop.path("run")), 2, "-o FILE is missing")
    expect_sentence(run("export", shop.path("run"), "-o", "x.txt"), 2, ".onnx", ".safetensors")
    expect_sentence(run("export", "nowhere", "-o", shop.path("x.onnx")), 1, "“nowhere”")
    result = run("export", shop.run_folder(), "--from", "7", "-o", shop.path("x.onnx"))
    expect_sentence(result, 1, "7")
    expect_sentence(run("export", shop.run_folder(), "-o", shop.path("no", "x.onnx")), 1,
                    "cannot be written")


@test
def the_manual_page_has_every_option(shop):
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    expect("kolinsky export" in page, MAN_PAGE)
    for option in set(re.findall(r"--[a-z][a-z-]*", run("export", "--help").out)):
        expect(option in page, f"kolinsky.1 says nothing of {option}")


if __name__ == "__main__":
    main("export", sys.argv[3:])
