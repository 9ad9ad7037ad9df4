# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""What tests of the `kolinsky` command share; the command is the first argument."""
import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

COMMAND = sys.argv[1]
TIMEOUT = 240
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Skip(Exception):
    pass


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.out}\nstderr: {self.err}"


def run(*arguments, **environment):
    """Runs the command, without a terminal."""
    done = subprocess.run([COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          encoding="utf-8", timeout=TIMEOUT,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **environment})
    return Result(done.returncode, done.stdout, done.stderr)


def expect(condition, result):
    if not condition:
        raise AssertionError(str(result))


def expect_sentence(result, code, *words):
    """The command failed with a message that has all the words, and printed no result."""
    expect(result.code == code, result)
    for word in words:
        expect(word in result.err, f"{word!r} is missing in:\n{result}")


# ── Data ─────────────────────────────────────────────────────────────────────

def idx(array_type, shape, content):
    header = bytes([0, 0, array_type, len(shape)])
    return header + b"".join(n.to_bytes(4, "big") for n in shape) + content


def pictures(count, seed):
    """Pictures of 28x28 whose class is the row where they are bright, with some noise."""
    generator = random.Random(seed)
    labels = bytes(i % 10 for i in range(count))
    rows = []
    for label in labels:
        picture = bytearray(generator.randrange(60) for _ in range(28 * 28))
        for row in range(2 * label + 2, 2 * label + 5):
            picture[28 * row:28 * (row + 1)] = bytes([250] * 28)
        rows.append(bytes(picture))
    return idx(8, (count, 28, 28), b"".join(rows)), idx(8, (count,), labels)


def write_data(folder, training=600, test=200):
    os.makedirs(folder, exist_ok=True)
    for part, count, seed in (("train", training, 1), ("t10k", test, 2)):
        images, labels = pictures(count, seed)
        with open(os.path.join(folder, f"{part}-images-idx3-ubyte"), "wb") as file:
            file.write(images)
        with gzip.open(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz"), "wb") as file:
            file.write(labels)
    return folder


class Workshop:
    """A folder for the tests with a data set, and a short training in it."""

    def __init__(self, folder):
        self.folder = folder
        self.data = write_data(self.path("data"))
        self.trained = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def broken_data(self, name):
        folder = self.path(name)
        shutil.copytree(self.data, folder)
        return folder

    def train(self, *arguments, data=None, **environment):
        return run("train", "digits", "--data", data or self.data, *arguments, **environment)

    def run_folder(self):
        """A network that was trained for 30 steps."""
        if not self.trained:
            folder = self.path("run")
            self.trained = self.train("--steps", "30", "--lr", "1e-3", "--run", folder, "--json")
            expect(self.trained.code == 0, self.trained)
        return self.path("run")


# ── TAP ──────────────────────────────────────────────────────────────────────

def run_test(number, group, function, shop):
    name = function.__name__.replace("_", "-")
    started = time.monotonic()
    try:
        function(shop)
        print(f"ok {number} /{group}/{name}")
    except Skip as reason:
        print(f"ok {number} /{group}/{name} # SKIP {reason}")
    except Exception:
        print(f"not ok {number} /{group}/{name}")
        for line in traceback.format_exc().splitlines():
            print(f"# {line}")
    print(f"# {time.monotonic() - started:.1f} s", flush=True)


def main(group, wanted, needs_device=True):
    """Runs the tests, or those of them whose names are wanted."""
    tests = [t for t in TESTS if not wanted or t.__name__.replace("_", "-") in wanted]
    print(f"1..{len(tests)}")
    if needs_device and run("devices").code != 0:
        for number, function in enumerate(tests, 1):
            print(f"ok {number} {function.__name__} # SKIP there is no OpenCL device")
        return
    with tempfile.TemporaryDirectory(prefix="kolinsky-test-") as folder:
        shop = Workshop(folder)
        for number, function in enumerate(tests, 1):
            run_test(number, group, function, shop)

