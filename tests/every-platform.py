#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Runs a test program on the first device of every OpenCL platform, as one TAP report.

    every-platform.py KOLINSKY PROGRAM [ARGUMENT...]

KOLINSKY is the built command, which lists the devices. Where KOLINSKY_DEVICE is set, or there is
one platform at most, the program simply runs.
"""
import json
import os
import re
import subprocess
import sys

RESULT = re.compile(r"(ok|not ok) \d+ (.*)")


def first_devices(kolinsky):
    """{platform: index of its first device}."""
    listed = subprocess.run([kolinsky, "devices", "--json"], stdout=subprocess.PIPE, text=True)
    devices = json.loads(listed.stdout) if listed.returncode == 0 else []
    return {device["platform"]: device["index"] for device in reversed(devices)}


def run_on(platform, index, call, count):
    """Runs it on one device; its results are numbered on from @count. The new count, and success."""
    process = subprocess.Popen([*call, "--tap"], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "KOLINSKY_DEVICE": str(index)})
    failed = False
    for line in process.stdout:
        result = RESULT.match(line)
        if result:
            count += 1
            failed = failed or result[1] == "not ok"
            print(f"{result[1]} {count} device-{index}{result[2]}", flush=True)
        elif not re.match(r"1\.\.\d+", line):
            print(line, end="", flush=True)
    if process.wait() and not failed:
        count += 1
        failed = True
        print(f"not ok {count} device-{index} ({platform}): ended with {process.returncode}")
    return count, not failed


def main():
    kolinsky, *call = sys.argv[1:]
    devices = {} if os.environ.get("KOLINSKY_DEVICE") else first_devices(kolinsky)
    if len(devices) < 2:
        os.execv(call[0], [*call, "--tap"])
    count, good = 0, True
    for platform, index in sorted(devices.items(), key=lambda item: item[1]):
        count, passed = run_on(platform, index, call, count)
        good = good and passed
    print(f"1..{count}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
