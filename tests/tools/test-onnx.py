#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky run` and `kolinsky info` on small ONNX files that are written here,
byte by byte. Prints TAP.

    test-onnx.py KOLINSKY MAN_PAGE [TEST...]
"""
import array
import itertools
import json
import math
import os
import re
import struct
import sys

from harness import expect, expect_sentence, main, run, test
from networks import FLOAT, INT64, model, node, number, part, port, squeezenet, tensor

MAN_PAGE = sys.argv[2]


def write(shop, name, content):
    path = shop.path(name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def write_npy(shop, name, shape, values, kind="<f4"):
    header = str({"descr": kind, "fortran_order": False, "shape": tuple(shape)})
    header += " " * (-(len(header) + 11) % 64) + "\n"
    code = {"<f4": "f", "<i8": "q", "|b1": "b"}[kind]
    return write(shop, name, b"\x93NUMPY\x01\0" + struct.pack("<H", len(header))
                 + header.encode() + array.array(code, values).tobytes())


def read_npy(path, kind="<f4"):
    """Shape and values of what Kolinsky writes."""
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<H", content[8:10])[0]
    header = content[10:10 + length].decode()
    expect(f"'{kind}'" in header and "False" in header, header)
    shape = [int(n) for n in re.findall(r"\d+", re.search(r"'shape': \((.*?)\)", header)[1])]
    code = {"<f4": "f", "<f8": "d", "<i8": "q", "<i4": "i", "|b1": "b"}[kind]
    return shape, array.array(code, content[10 + length:]).tolist()


def dense(shop):
    """relu (x W + b): x [n, 2], W [2, 3]."""
    return write(shop, "dense.onnx", model(
        [node("MatMul", ["x", "W"], ["x/W:0"]), node("Add", ["x/W:0", "b"], ["x W 0"]),
         node("Relu", ["x W 0"], ["y"])],
        [port("x", [None, 2])], [port("y", [None, 3])],
        [tensor("W", [2, 3], [1, 2, 3, 4, 5, 6]), tensor("b", [3], [0, -10, 1])]))


# ── run ──────────────────────────────────────────────────────────────────────

@test
def run_writes_outputs(shop):
    out = shop.path("deep", "out")
    x = write_npy(shop, "x.npy", [2, 2], [1, 1, 0, 1])
    done = run("run", dense(shop), "--input", f"x={x}", "--output", out)
    expect(done.code == 0 and "y float [2, 3]" in done.out, done)
    expect(os.listdir(out) == ["y.npy"], os.listdir(out))
    expect(read_npy(os.path.join(out, "y.npy")) == ([2, 3], [5, 0, 10, 4, 0, 7]), done)


@test
def run_writes_nodes(shop):
    x = write_npy(shop, "x.npy", [1, 2], [1, 2])
    done = run("run", dense(shop), "-i", f"x={x}", "-o", shop.folder, "--nodes", "--json")
    expect(done.code == 0, done)
    told = json.loads(done.out)
    expect([entry["name"] for entry in told] == ["y", "x/W:0", "x W 0"], told)
    expect([os.path.basename(entry["file"]) for entry in told]
           == ["y.npy", "x_W_0.npy", "x_W_0_2.npy"], told)
    expect(told[1]["shape"] == [1, 3], told)
    expect(read_npy(told[0]["file"])[1] == [9, 2, 16], told)
    expect(read_npy(told[1]["file"])[1] == [9, 12, 15], told)
    expect(read_npy(told[2]["file"])[1] == [9, 2, 16], told)


@test
def run_writes_the_types_of_the_network(shop):
    double, int32, boolean = 11, 6, 9
    path = write(shop, "types.onnx", model(
        [node("ArgMax", ["x"], ["index"], axis=1, keepdims=0),
         node("Greater", ["x", "one"], ["above"]), node("And", ["above", "given"], ["both"]),
         node("Cast", ["x"], ["wide"], to=double), node("Cast", ["index"], ["small"], to=int32)],
        [port("x", [2, 3]), port("given", [2, 3], boolean)],
        [port("index", [2], INT64), port("both", [2, 3], boolean), port("wide", [2, 3], double),
         port("small", [2], int32)], [tensor("one", [], [1])]))
    x = write_npy(shop, "x.npy", [2, 3], [0, 7, 1, 2, 2, 1])
    given = write_npy(shop, "given.npy", [2, 3], [1, 1, 1, 0, 1, 0], "|b1")
    done = run("run", path, "-i", f"x={x}", "-i", f"given={given}", "-o", shop.folder, "--nodes",
               "--json")
    expect(done.code == 0, done)
    told = {entry["name"]: entry["type"] for entry in json.loads(done.out)}
    expect(told == {"index": "int64", "both": "bool", "wide": "double", "small": "int32",
                    "above": "bool"}, told)
    for name, kind, values in [
            ("index", "<i8", [1, 0]), ("both", "|b1", [0, 1, 0, 0, 1, 0]),
            ("above", "|b1", [0, 1, 0, 1, 1, 0]), ("wide", "<f8", [0, 7, 1, 2, 2, 1]),
            ("small", "<i4", [1, 0])]:
        expect(read_npy(shop.path(name + ".npy"), kind)[1] == values, name)


@test
def run_takes_shapes_from_inputs(shop):
    path = write(shop, "reshape.onnx", model(
        [node("Reshape", ["x", "s"], ["y"]), node("Gather", ["y", "i"], ["z"])],
        [port("x", [6]), port("s", [2], INT64), port("i", [None], INT64)], [port("z", [None, None])]))
    x = write_npy(shop, "x.npy", [6], range(6))
    s = write_npy(shop, "s.npy", [2], [-1, 2], "<i8")
    i = write_npy(shop, "i.npy", [3], [2, 0, -2], "<i8")
    done = run("run", path, "-i", f"x={x}", "-i", f"s={s}", "-i", f"i={i}", "-o", shop.folder)
    expect(done.code == 0, done)
    expect(read_npy(shop.path("z.npy")) == ([3, 2], [4, 5, 0, 1, 2, 3]), done)
    large = write_npy(shop, "large.npy", [1], [1 << 24], "<i8")
    expect_sentence(run("run", path, "-i", f"x={x}", "-i", f"s={s}", "-i", f"i={large}"), 1,
                    '"i"', "2^24")


def recurrence(x, w, r, reverse, lengths):
    """h = tanh (x w + h r) of single numbers, for each example: [T][N] of h, 0 behind its end."""
    out = [[0.0] * len(lengths) for _ in x]
    last = []
    for n, length in enumerate(lengths):
        h = 0.0
        for t in reversed(range(length)) if reverse else range(length):
            h = out[t][n] = math.tanh(x[t][n] * w + h * r)
        last.append(h)
    return out, last


@test
def run_goes_both_ways_through_time(shop):
    """RNN, bidirectional, of examples that end early, against the few lines above."""
    x, w, r, lengths = [[0.5, -1], [1, 2], [-0.25, 0.75]], [0.5, -1.5], [0.75, 0.5], [3, 2]
    direction = part(5, part(1, "direction") + part(4, "bidirectional") + number(20, 3))
    path = write(shop, "rnn.onnx", model(
        [node("RNN", ["x", "w", "r", "", "n"], ["y", "h"], hidden_size=1) + direction],
        [port("x", [3, 2, 1])], [port("y", [3, 2, 2, 1]), port("h", [2, 2, 1])],
        [tensor("w", [2, 1, 1], w), tensor("r", [2, 1, 1], r), tensor("n", [2], lengths, INT64)]))
    values = write_npy(shop, "rnn.npy", [3, 2, 1], [v for row in x for v in row])
    done = run("run", path, "-i", f"x={values}", "-o", shop.folder)
    expect(done.code == 0, done)
    (forward, last), (backward, first) = (recurrence(x, w[d], r[d], d == 1, lengths) for d in (0, 1))
    shape, y = read_npy(shop.path("y.npy"))
    expected = [v for t in range(3) for way in (forward, backward) for v in way[t]]
    expect(shape == [3, 2, 2, 1] and all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6)
                                         for a, b in zip(y, expected)), (y, expected))
    h = read_npy(shop.path("h.npy"))[1]
    expect(all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(h, last + first)), (h, last, first))


@test
def run_takes_a_branch(shop):
    """If, whose condition follows from a shape: x has one row, or more."""
    def branch(op):
        return part(1, node(op, ["x"], ["b"])) + part(2, op) + part(12, port("b", [None, None]))

    graphs = b"".join(part(5, part(1, name) + part(6, branch(op)) + number(20, 5))
                      for name, op in (("then_branch", "Neg"), ("else_branch", "Abs")))
    path = write(shop, "if.onnx", model(
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "first"], ["rows"]),
         node("Equal", ["rows", "one"], ["c"]), node("If", ["c"], ["y"]) + graphs],
        [port("x", [None, 2])], [port("y", [None, 2])],
        [tensor("first", [], [0], INT64), tensor("one", [], [1], INT64)]))
    for rows, expected in ((1, [-1, 2]), (2, [1, 2, 3, 4])):
        x = write_npy(shop, "if.npy", [rows, 2], [1, -2, -3, 4][:2 * rows])
        done = run("run", path, "-i", f"x={x}", "-o", shop.folder)
        expect(done.code == 0, done)
        expect(read_npy(shop.path("y.npy")) == ([rows, 2], expected), done)


def einsum(equation, shapes, factors):
    """Sums of products, one element after another; an ellipsis is written out as capitals."""
    terms, result = equation.split("->")
    terms = terms.split(",")
    size = {}
    for term, shape in zip(terms, shapes):
        for letter, length in zip(term, shape):
            size[letter] = max(size.get(letter, 1), length)
    summed = [letter for letter in size if letter not in result]
    values = []
    for place in itertools.product(*(range(size[letter]) for letter in result)):
        at, total = dict(zip(result, place)), 0
        for inner in itertools.product(*(range(size[letter]) for letter in summed)):
            at.update(zip(summed, inner))
            product = 1
            for term, shape, factor in zip(terms, shapes, factors):
                index = 0
                for letter, length in zip(term, shape):
                    index = index * length + (at[letter] if length > 1 else 0)
                product *= factor[index]
            total += product
        values.append(total)
    return [size[letter] for letter in result], values


@test
def run_computes_einsums(shop):
    for equation, written_out, *shapes in [
            ("ij,jk->ik", None, [2, 3], [3, 4]), ("ij , kj -> ki", "ij,kj->ki", [2, 3], [4, 3]),
            ("bhid,bhjd->bhij", None, [2, 2, 3, 2], [2, 2, 4, 2]), ("i,j->ij", None, [2], [3]),
            ("ij,ij->ij", None, [2, 3], [2, 3]), ("ij,ij->", None, [2, 3], [2, 3]),
            ("ii->i", None, [3, 3]), ("ii", "ii->", [3, 3]), ("iji->j", None, [2, 3, 2]),
            ("iijj->ji", None, [2, 2, 3, 3]), ("ba", "ba->ab", [2, 3]), ("b,A", "b,A->Ab", [2], [3]),
            ("ij->j", None, [2, 3]), ("kij,k->ji", None, [2, 3, 2], [2]),
            ("...ij,...jk->...ik", "XYij,XYjk->XYik", [2, 1, 2, 3], [1, 3, 3, 2]),
            ("...ij,jk", "XYij,jk->XYik", [2, 2, 2, 3], [3, 2]), ("i...,i...", "iX,iX->X", [2, 3], [2, 3]),
            ("a...->...a", "aXY->XYa", [2, 3, 2]), ("ij,ik,il->jkl", None, [2, 2], [2, 3], [2, 2]),
            ("ij,jk,kl->il", None, [2, 3], [3, 2], [2, 3]), ("ab,ab,c->bc", None, [2, 3], [1, 3], [2]),
            ("abcd,ebcf->adef", None, [2, 2, 1, 2], [3, 2, 1, 2])]:
        names = [f"x{i}" for i in range(len(shapes))]
        asked = part(5, part(1, "equation") + part(4, equation) + number(20, 3))
        factors = [[((7 * k + 3 * i) % 11) - 4 for k in range(math.prod(shape))]
                   for i, shape in enumerate(shapes)]
        shape, values = einsum(written_out or equation, shapes, factors)
        path = write(shop, "einsum.onnx", model([node("Einsum", names, ["y"]) + asked],
                     [port(name, size) for name, size in zip(names, shapes)],
                     [port("y", [None] * len(shape))]))
        given = [word for name, size, factor in zip(names, shapes, factors)
                 for word in ("-i", f"{name}=" + write_npy(shop, name + ".npy", size, factor))]
        done = run("run", path, *given, "-o", shop.folder)
        expect(done.code == 0, f"{equation}: {done}")
        expect(read_npy(shop.path("y.npy")) == (shape, values), equation)
    for equation, words in [("ij,jk->iz", "ij,jk->iz"), ("ij", "does not fit"), ("ijk,jk", "input 0"),
                            ("ij,jk->ikk", "ikk"), ("ij,jk->i.", "i."), ("i....,jk", "i....,jk"),
                            ("ij,ik->jk", "[2, 3]"), ("ii,jk", "diagonal"), ("ij,jk->ik,", "ik,")]:
        asked = part(5, part(1, "equation") + part(4, equation) + number(20, 3))
        path = write(shop, "wrong.onnx", model([node("Einsum", ["a", "b"], ["y"]) + asked],
                     [port("a", [2, 3]), port("b", [3, 2])], [port("y", [None, None])]))
        expect_sentence(run("info", path), 1, "Einsum", words)


@test
def run_says_what_is_wrong(shop):
    path, x = dense(shop), write_npy(shop, "x.npy", [1, 2], [1, 2])
    bad = write_npy(shop, "bad.npy", [1, 3], [1, 2, 3])
    expect_sentence(run("run"), 2, "MODEL")
    expect_sentence(run("run", shop.path("none.onnx")), 1, "no file", "none.onnx", "check")
    expect_sentence(run("run", shop.folder), 1, shop.folder, "folder")
    for command in ("run", "info"):
        expect_sentence(run(command, "vgg61"), 1, "no model", "did you mean vgg16?")
    expect_sentence(run("run", path, "-i", x), 1, "NAME=FILE.npy", "x float")
    expect_sentence(run("run", path, "-i", "x=none.npy"), 1, "no file", "none.npy")
    expect_sentence(run("run", path), 1, '"x" is missing', "x float [any, 2]")
    expect_sentence(run("run", path, "-i", f"xx={x}"), 1, '"xx"', "It takes: x float")
    expect_sentence(run("run", path, "-i", f"x={x}", "-i", f"x={x}"), 1, "twice")
    expect_sentence(run("run", path, "-i", f"x={path}"), 1, "dense.onnx")
    expect_sentence(run("run", path, "-i", f"x={bad}"), 1, "[any, 2]", "[1, 3]")
    expect_sentence(run("run", path, "-i", f"x={x}", "-o", os.path.join(x, "deeper")), 1, "deeper")


# ── What cannot be computed ──────────────────────────────────────────────────

@test
def unsupported_nodes_are_listed_at_once(shop):
    path = write(shop, "odd.onnx", model(
        [node("Loop", ["x"], ["a"]), node("Relu", ["a"], ["b"]), node("Frobnicate", ["b"], ["c"]),
         node("Relu", ["c"], ["d"], domain="com.example"), node("Trilu", ["d"], ["y"])],
        [port("x", [2, 2])], [port("y", [2, 2])]))
    done = run("info", path)
    expect_sentence(done, 1, "4 of its nodes", "Loop “a”: it loops", "Frobnicate “c”",
                    "com.example", "Trilu “y”: it came with version 14")
    expect("Relu “b”" not in done.err, done)


@test
def mistakes_within_are_listed_at_once(shop):
    path = write(shop, "wrong.onnx", model(
        [node("MatMul", ["x", "W"], ["a"]), node("Concat", ["x", "W"], ["b"], axis=7),
         node("Relu", ["a"], ["y"])],
        [port("x", [4, 4])], [port("y", [4, 3])], [tensor("W", [2, 3], [0] * 6)]))
    expect_sentence(run("info", path), 1, "2 of its nodes", "MatMul “a”", "[4, 4]", "[2, 3]",
                    "Concat “b”", "no axis 7")


@test
def bad_files_are_refused(shop):
    with open(dense(shop), "rb") as file:
        good = file.read()
    relu = [node("Relu", ["x"], ["y"])], [port("x", [2])], [port("y", [2])]
    short = part(7, part(5, number(1, 1 << 60) + number(2, FLOAT) + part(8, "W") + part(9, b"1234")))
    outside = (number(1, 2) + number(2, FLOAT) + part(8, "W") + number(14, 1)
               + part(13, part(1, "location") + part(2, "../../etc/passwd")))
    nested = part(7, b"")
    for _ in range(200):
        nested = part(1, part(5, part(6, nested)))
    for name, content, words in [
            ("empty", b"", "no network"), ("noise", b"\xff" * 1000, "damaged"),
            ("cut", good[:-20], "damaged"), ("text", b"# not a network\n" * 9, "is damaged"),
            ("short", model(*relu) + short, "W"),
            ("outside", model(*relu, [outside]), "another file"),
            ("nested", model(*relu) + part(7, nested), "deeper"),
            ("old", model(*relu, opset=5), "version 5"), ("new", model(*relu, opset=30), "version 30"),
            ("half", model([node("Relu", ["x"], ["y"])], [port("x", [2], 10)], [port("y", [2], 10)]),
             "float16"),
            ("twice", model([node("Relu", ["x"], ["y"])] * 2, [port("x", [2])], [port("y", [2])]),
             "made twice"),
            ("nothing", model([node("Relu", ["none"], ["y"])], [port("x", [2])], [port("y", [2])]),
             "“none”"),
            ("huge", model([node("ConstantOfShape", ["s"], ["y"])], [], [port("y", [None])],
                           [tensor("s", [2], [1 << 31, 1 << 31], INT64)]), "too many elements")]:
        done = run("info", write(shop, name + ".onnx", content))
        expect(done.code == 1 and words in done.err and name + ".onnx" in done.err,
               f"{name}: {words!r} is missing in:\n{done}")


# ── info ─────────────────────────────────────────────────────────────────────

@test
def info_tells_layers(shop):
    done = run("info", dense(shop), "--batch", "5")
    for words in ("version 13, written by by hand", "input     x float [any, 2]",
                  "output    y float [any, 3]", "9 parameters", "at a batch of 5"):
        expect(words in done.out, f"{words!r} is missing in:\n{done}")
    expect(re.search(r"^x/W:0 +matmul +\[5, 3\] +6 +60 $", done.out, re.M), done)
    told = json.loads(run("info", dense(shop), "--json").out)
    expect([layer["name"] for layer in told["layers"]] == ["x/W:0", "x W 0", "y"], told)
    expect([layer["parameters"] for layer in told["layers"]] == [6, 3, 0], told)
    expect(told["parameters"] == 9 and told["inputs"][0]["shape"] == [None, 2], told)
    expect(told["bytes"] >= 4 * (2 + 9 + 3), told)


@test
def info_needs_open_shapes(shop):
    path = write(shop, "open.onnx", model([node("Relu", ["x"], ["y"])], [port("x", [None, None])],
                                          [port("y", [None, None])]))
    expect_sentence(run("info", path), 1, "--shape x=")
    expect_sentence(run("info", path, "--shape", "x=2y3"), 1, "2y3")
    done = run("info", path, "--shape", "x=2x3")
    expect(done.code == 0 and "[2, 3]" in done.out, done)


@test
def info_takes_pictures_of_any_size_for_usual_ones(shop):
    path = write(shop, "any-size.onnx", model(
        [node("Relu", ["x"], ["y"])], [port("x", [None, 3, None, None])],
        [port("y", [None, 3, None, None])], []))
    done = run("info", path)
    expect(done.code == 0, done)
    expect("[any, 3, any, any]" in done.out and "told for [1, 3, 224, 224]" in done.out, done)
    done = run("info", path, "--shape", "x=1x3x32x48")
    expect(done.code == 0 and "told for [1, 3, 32, 48]" in done.out, done)


@test
def info_of_a_known_network(shop):
    done = run("info", "squeezenet1.1")
    expect(done.code == 0 and "1235496 parameters" in done.out and "features.12" in done.out, done)
    expect("slots" in run("info", "squeezenet1.1", "--plan").out, "no plan")
    expect_sentence(run("info", "squeezenet9"), 1, "squeezenet9")
    expect_sentence(run("info", "squeezenet1.1", "--batch", "0"), 2, "--batch")


@test
def info_of_weights_lists_arrays(shop):
    tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    done = run("info", os.path.join(tests, "model/fixtures/few-zip.pth"))
    expect(done.code == 0 and done.out.startswith("PyTorch"), done)
    expect(re.search(r"^turned +float32 +\[3, 2\] +6 +24 B$", done.out, re.M), done)
    expect("4 arrays, 18 elements, 66 B" in done.out, done)
    told = json.loads(run("info", os.path.join(tests, "dataset/fixtures/plain.npz"), "--json").out)
    expect(told["elements"] == 28 and told["bytes"] == 24 + 4 * 8, told)
    expect(told["arrays"][0] == {"name": "x", "type": "uint8", "shape": [4, 2, 3], "elements": 24,
                                 "bytes": 24}, told)
    os.rename(dense(shop), shop.path("network"))
    expect("9 parameters" in run("info", shop.path("network")).out, "no network without .onnx")
    expect_sentence(run("info", write(shop, "x.safetensors", b"no")), 1, "not a file of weights")


@test
def man_page_has_every_option(shop):
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    for command in ("run", "info"):
        for option in set(re.findall(r"--[a-z][a-z-]*", run(command, "--help").out)):
            expect(option in page, f"kolinsky.1 says nothing of {option}")


@test
def installed_weights(shop):
    """What is installed as weights alone is a known network: its picture can have any size."""
    home = {"XDG_DATA_HOME": shop.path("home")}
    weights = write(shop, "mine.safetensors", squeezenet())
    added = run("models", "add", weights, "--like", "squeezenet1.1", **home)
    expect(added.code == 0, added)
    image = write_npy(shop, "image.npy", [2, 3, 48, 40],
                      [i % 7 / 7 - 0.4 for i in range(2 * 3 * 48 * 40)])
    out = shop.path("weights-out")
    result = run("run", "mine", "-i", f"image={image}", "-o", out, "--nodes", **home)
    expect(result.code == 0, result)
    shape, scores = read_npy(os.path.join(out, "scores.npy"))
    expect(shape == [2, 1000] and max(scores) > 0, shape)
    for name, wanted in (("features.0", [2, 64, 23, 19]), ("features.12", [2, 512, 2, 2])):
        shape, values = read_npy(os.path.join(out, name + ".npy"))
        expect(shape == wanted, (name, shape))
    wrong = write_npy(shop, "wrong.npy", [1, 1, 48, 40], [0] * 48 * 40)
    expect_sentence(run("run", "mine", "-i", f"image={wrong}", "-o", out, **home), 1, "image",
                    "[any, 3, any, any]")
    expect_sentence(run("run", "mine", "-i", f"picture={image}", **home), 1, "picture", "image")


if __name__ == "__main__":
    main("onnx", sys.argv[3:])
