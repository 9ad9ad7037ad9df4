# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""What measurements that take long share: results that are kept, and a table of them."""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "..", "..", "..", "shared")


class Kept:
    """Results by name, in FOLDER/results.json, so that nothing is measured twice."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.values = {}
        if os.path.exists(self.path("results.json")):
            with open(self.path("results.json"), encoding="utf-8") as file:
                self.values = json.load(file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, value):
        self.values[name] = value
        with open(self.path("results.json.new"), "w", encoding="utf-8") as file:
            json.dump(self.values, file, indent=1)
        os.replace(self.path("results.json.new"), self.path("results.json"))
        return value

    def get(self, name, measure):
        return self.values[name] if name in self.values else self.put(name, measure())

    def table(self, name, header, rows):
        """Prints a table and writes it as FOLDER/NAME.md."""
        lines = [header, ["---"] * len(header), *rows]
        text = "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
        with open(self.path(name + ".md"), "w", encoding="utf-8") as file:
            file.write(text)
        print(text, end="", flush=True)


def make_parser(description, quick):
    """Of the arguments that all have; quick: what --quick does."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kolinsky", metavar="KOLINSKY")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--shared", default=SHARED)
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def kolinsky(command, *arguments):
    """What the command prints; it has to succeed."""
    done = subprocess.run([command, *map(str, arguments)], stdout=subprocess.PIPE,
                          encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"kolinsky {arguments[0]} ended with exit code {done.returncode}")
    return done.stdout


def torch_python():
    """The Python that has PyTorch: KOLINSKY_TORCH_PYTHON, or this one."""
    return os.environ.get("KOLINSKY_TORCH_PYTHON", sys.executable)
