#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Networks that Kolinsky wrote as ONNX, checked and computed by others.

    onnx_check.py FOLDER

For each FOLDER/NAME.onnx, with NAME.x.npy what went into ours and NAME.y.npy what came out: it must
pass onnx's checker, and onnxruntime must compute the same, within 1e-4 of the largest number; also of
the first example alone, where the number of examples is open.
"""

import glob
import os
import sys

import numpy
import onnx
import onnxruntime

WITHIN = 1e-4


def difference(session, x, expected):
    output, = session.run(None, {session.get_inputs()[0].name: x})
    assert output.shape == expected.shape, f"{output.shape}, not {expected.shape}"
    return numpy.abs(output - expected).max() / numpy.abs(expected).max()


def check(path):
    base = path[:-len(".onnx")]
    x, expected = numpy.load(base + ".x.npy"), numpy.load(base + ".y.npy")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    apart = difference(session, x, expected)
    open_batch = not isinstance(session.get_inputs()[0].shape[0], int)
    if open_batch:
        apart = max(apart, difference(session, x[:1], expected[:1]))
    operators = sorted({node.op_type for node in model.graph.node})
    print(f"{os.path.basename(base)}: {apart:.1e}{'' if open_batch else ' fixed'} {' '.join(operators)}")
    return apart <= WITHIN


def main():
    paths = sorted(glob.glob(os.path.join(sys.argv[1], "*.onnx")))
    results = [check(path) for path in paths]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
