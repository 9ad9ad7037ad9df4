#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""`kolinsky style-apply` against ONNX Runtime with the network that `style-train` exports.

A network of the usual width is made in one step of training, as speed does not depend on what it has
learned, unless --net names one. Both paint the same picture alternately, in rounds of several times,
at each size; the first picture of a round, for which kernels are compiled, does not count, and
neither do reading and writing files. The ratio is ONNX Runtime's time divided by ours, the median of
the rounds; it is to be 1.3. ONNX Runtime has as many threads as there are processors, and runs in
the Python that --peer-python names. Nothing else should run meanwhile.
"""
import argparse
import json
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile

SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared")
WANTED = 1.3

PEER = """
import json, os, sys, time
import numpy, onnxruntime
network, height, width, count = sys.argv[1], *map(int, sys.argv[2:])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = len(os.sched_getaffinity(0))
session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
picture = numpy.random.rand(1, 3, height, width).astype(numpy.float32)
session.run(None, {name: picture})
begin = time.perf_counter()
for _ in range(count):
    session.run(None, {name: picture})
print(json.dumps([(time.perf_counter() - begin) / count, onnxruntime.__version__]))
"""


def kolinsky(options, *arguments):
    done = subprocess.run([options.kolinsky, *map(str, arguments)], stdout=subprocess.PIPE,
                          encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"kolinsky {arguments[0]} ended with exit code {done.returncode}")
    return done.stdout


def make_network(options, folder):
    data = os.path.join(options.shared, "data")
    photos = os.path.join(folder, "photos")
    os.makedirs(photos)
    for name in sorted(os.listdir(os.path.join(data, "photos")))[:12]:
        os.symlink(os.path.abspath(os.path.join(data, "photos", name)), os.path.join(photos, name))
    kolinsky(options, "style-train", os.path.join(data, "paintings", "starry_night.jpg"), "--photos",
             photos, "-m", os.path.join(data, "models", "squeezenet1.1.onnx"), "--steps", 1,
             "--size", 64, "--batch", 1, "-o", os.path.join(folder, "net"))
    return os.path.join(folder, "net.onnx")


def size_of(path):
    """Height and width of a PNG."""
    with open(path, "rb") as file:
        return struct.unpack(">II", file.read(24)[16:])[::-1]


def ours(options, size, folder):
    """Seconds of a picture, and how large it is."""
    painted = os.path.join(folder, f"painted-{size}")
    told = kolinsky(options, "style-apply", options.net, *(1 + options.count) * [options.picture],
                    "--size", size, "-o", painted)
    pace = float(re.search(r"pictures; ([-+.e0-9]+) a second", told)[1])
    return 1 / pace, size_of(os.path.join(painted, sorted(os.listdir(painted))[0]))


def theirs(options, shape):
    done = subprocess.run([options.peer_python, "-c", PEER, options.net, *map(str, shape),
                           str(options.count)], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(done.stdout)


def measure(options, size, folder):
    ours(options, size, folder)  # whatever is measured once on this machine
    rounds = []
    for _ in range(options.rounds):
        mine, shape = ours(options, size, folder)
        other, version = theirs(options, shape)
        rounds.append((mine, other, other / mine))
    mine, other, ratio = (statistics.median(values) for values in zip(*rounds))
    print(f"| {shape[1]} x {shape[0]} | {1000 * mine:.1f} | {1000 * other:.1f} | {ratio:.2f} | "
          f"{version} |", flush=True)
    return ratio


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kolinsky", metavar="KOLINSKY")
    parser.add_argument("--net", help="an ONNX file that style-train has written")
    parser.add_argument("--picture", help="what is painted (the chicago.jpg of the shared data)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512],
                        help="longer sides (256 512)")
    parser.add_argument("--count", type=int, default=8, help="pictures of a round (8)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--shared", default=SHARED)
    options = parser.parse_args()
    options.picture = options.picture or os.path.join(options.shared, "data", "paintings",
                                                      "chicago.jpg")
    return options


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="kolinsky-apply-") as folder:
        options.net = options.net or make_network(options, folder)
        print("| pixels | ms | ONNX Runtime's ms | ratio | its version |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        ratios = [measure(options, size, folder) for size in options.sizes]
    sys.exit(0 if min(ratios) >= WANTED else f"The ratio is to be at least {WANTED}")


if __name__ == "__main__":
    main()
