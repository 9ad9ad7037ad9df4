#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Checks from the #include lines that dependencies point one way.

    device <- graph <- ops <- nn <- {model, train} <- studies <- {tools, ui}

A folder may include itself, its neighbours in braces and whatever is left of it.
graph/ may also include ops.h, the catalogue, as gradients are built of operations
by their constructors; of ops/ itself it knows nothing. `dataset` stands apart: it includes nothing of ours, and from `model` and `train` on
it may be included. What `FOR_ALL` lists may be included anywhere. Only `device`
sees OpenCL, only its blas.c CLBlast, and nothing under src/ sees ui/.

    layers.py SOURCE_ROOT
"""
import os
import re
import sys

LEVEL = {"device": 0, "graph": 1, "ops": 2, "nn": 3, "model": 4, "train": 4, "studies": 5,
         "tools": 6}
FOR_ALL = {"elements-private.h", "export.h", "file-private.h", "lock-private.h",
           "map-private.h", "npy-header-private.h", "random-private.h", "replace-private.h",
           "words-private.h", "zip-private.h"}
UMBRELLA = "kolinsky.h"
CATALOGUE = "ops.h"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def folder_of(path):
    """The layer that a path relative to src/ belongs to."""
    if path == CATALOGUE:
        return "graph"
    return path.split("/")[0] if "/" in path else ""


def resolve(source, including, name):
    """The included file relative to src/: beside the including one, or from src/ on."""
    beside = os.path.normpath(os.path.join(os.path.dirname(including), name))
    if beside.startswith("../") or os.path.exists(os.path.join(source, beside)):
        return beside
    return os.path.normpath(name)


def system_complaint(path, name):
    if name.startswith("CL/") and folder_of(path) != "device":
        return "OpenCL is for device/ only"
    if name.startswith("clblast") and path != "device/blas.c":
        return "CLBlast is for device/blas.c only"
    return None


def complaint(path, target):
    """What is wrong with `path` including `target`, or None."""
    if target.startswith("../"):
        return "it is outside of src/"
    layer, other = folder_of(path), folder_of(target)
    if target in FOR_ALL or path == UMBRELLA or layer == other:
        return None
    if target == UMBRELLA:
        return None if layer == "tools" else "kolinsky.h is for users of the library"
    if layer == "dataset":
        return "dataset/ includes nothing of ours"
    if layer not in LEVEL:
        return f"{layer or 'src'}/ has no place in the order; add it to tests/layers.py"
    if other == "dataset":
        return None if LEVEL[layer] >= LEVEL["train"] else f"{layer}/ is below dataset's users"
    if other not in LEVEL:
        return f"{other or 'src'}/ has no place in the order; add it to tests/layers.py"
    if LEVEL[other] > LEVEL[layer]:
        return f"{layer}/ is below {other}/"
    return None


def check(root):
    source = os.path.join(root, "src")
    wrong, files = [], 0
    for folder, _, names in sorted(os.walk(source)):
        for name in sorted(names):
            if not name.endswith((".c", ".h")):
                continue
            files += 1
            path = os.path.relpath(os.path.join(folder, name), source)
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                includes = INCLUDE.findall(file.read())
            for kind, included in includes:
                if kind == "<":
                    why = system_complaint(path, included)
                else:
                    why = complaint(path, resolve(source, path, included))
                if why:
                    wrong.append(f"src/{path} includes {included}: {why}")
    return wrong, files


def main():
    wrong, files = check(sys.argv[1])
    if files == 0:
        wrong.append(f"no sources in {sys.argv[1]}/src")
    # The check must be able to fail.
    if not complaint("device/buffer.c", "graph/graph.h") or complaint("nn/x.c", CATALOGUE):
        wrong.append("layers.py does not know its own rule")
    for line in wrong:
        print(line)
    print(f"{files} files, {len(wrong)} includes in the wrong direction")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
