#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Measures all works of `kolinsky bench` against other libraries and writes RESULTS.md.

    results.py build/src/tools/kolinsky [WORK...] [--device DEVICE]... [--peer-python PATH]
               [--model squeezenet1.1.onnx]

It takes about fifteen minutes, in which nothing else should run. What was measured is kept in
results.json beside this file: called again, it goes on with what is missing there. WORKs that are
named are measured again, the others only written down. Without --device, the first device of every
OpenCL platform is measured.
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Which works are measured, against which library, in this order.
RUNS = [("peak", None), ("bandwidth", None), ("matmul", "torch"), ("conv", "torch"),
        ("digits", "torch"), ("vgg16", "torch"), ("style", "torch"), ("vgg16", "onnxruntime"),
        ("lite0", "onnxruntime"), ("lite0", "torch"), ("model", "onnxruntime")]
SHAPES = {("vgg16", "onnxruntime"): "1x224"}  # where not the usual ones: it does not train

# What is to be reached: (work, shape, kind, peer), the least ratio, the least share of the peak, and
# the most memory as a share of the peer's.
FLOORS = [
    ("matmul", "1024x1024x1024", "product", "torch", 1.0, 0.9, None),
    ("conv", "1x64x224x64", "forward", "torch", 2.0, None, None),
    ("conv", "1x256x56x256", "forward", "torch", 2.5, None, None),
    ("conv", "1x512x28x512", "forward", "torch", 2.2, None, None),
    ("conv", "8x256x56x256", "forward", "torch", 2.5, None, None),
    ("conv", "1x64x224x64", "gradients", "torch", 2.0, None, None),
    ("conv", "1x256x56x256", "gradients", "torch", 2.0, None, None),
    ("conv", "1x512x28x512", "gradients", "torch", 2.0, None, None),
    ("conv", "8x256x56x256", "gradients", "torch", 2.0, None, None),
    ("digits", "50x1x28x28", "adam", "torch", 1.4, None, None),
    ("vgg16", "1x3x224x224", "inference", "torch", 2.0, None, None),
    ("vgg16", "8x3x224x224", "training", "torch", 2.5, None, 1.0),
    ("style", "1x3x256x256", "iteration", "torch", 2.2, None, 0.7),
    ("style", "1x3x512x512", "iteration", "torch", 2.2, None, 0.7),
    ("vgg16", "1x3x224x224", "inference", "onnxruntime", 2.0, None, None),
    ("lite0", "1x3x224x224", "inference", "onnxruntime", 1.0, None, None),
    ("lite0", "1x3x224x224", "inference", "torch", None, None, None),
    ("model", "1x3x224x224", "inference", "onnxruntime", 1.0, None, None),
]
OTHER_PLATFORM = 0.8  # the least that the slower platform is to reach of the faster one's ratio


# ── Measuring ────────────────────────────────────────────────────────────────────────────────────

def run(*arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8")


def find_devices(command, wanted):
    """Descriptions of the wanted devices, or of the first of every platform."""
    listed = json.loads(run(command, "devices", "--json").stdout)
    if not wanted:
        return list({device["platform"]: device for device in reversed(listed)}.values())[::-1]
    found = []
    for choice in wanted:
        done = run(command, "devices", "--json", "--device", choice)
        if done.returncode:
            sys.exit(done.stderr)
        found += [device for device in json.loads(done.stdout) if device["default"]]
    return found


def measure(command, device, work, peer, arguments):
    """What one call gives: its rows and the peer's name; or the sentence with which it failed."""
    call = [command, "bench", work, "--json", "--device", str(device["index"]),
            "--seconds", str(arguments.seconds)]
    if work == "model":
        call += ["--model", arguments.model]
    if (work, peer) in SHAPES:
        call += ["--shape", SHAPES[work, peer]]
    if peer:
        call += ["--peer", peer]
    if peer and arguments.peer_python:
        call += ["--peer-python", arguments.peer_python]
    done = run(*call)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    names = [line[len("Peer: "):] for line in done.stderr.splitlines() if line.startswith("Peer: ")]
    return {"rows": json.loads(done.stdout), "peer": names[0] if names else None,
            "date": datetime.date.today().isoformat()}


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def describe_machine(command, model):
    commit = run("git", "-C", HERE, "describe", "--always", "--dirty").stdout.strip()
    return {"processor": processor(), "processors": os.cpu_count(), "system": platform.platform(),
            "kolinsky": (run(command, "--version").stdout.strip() + " " + commit).strip(),
            "model": os.path.basename(model).removesuffix(".onnx")}


def measure_all(kept, arguments, save):
    """Fills in what @kept does not have. Gives the number of failures."""
    failures = 0
    for device in find_devices(arguments.command, arguments.device):
        kept["devices"].setdefault(device["platform"], {"device": device, "runs": {}})
    for work, peer in RUNS:
        for place in kept["devices"].values():
            key = f"{work} {peer}" if peer else work
            known = place["runs"].get(key)
            if arguments.works and work not in arguments.works:
                continue
            if not arguments.works and known and "rows" in known:
                continue
            print(f"{key} on {place['device']['platform']}", file=sys.stderr, flush=True)
            place["runs"][key] = measure(arguments.command, place["device"], work, peer, arguments)
            if "failed" in place["runs"][key]:
                print(place["runs"][key]["failed"], file=sys.stderr)
                failures += 1
            kept["machine"] = describe_machine(arguments.command, arguments.model)
            save()
    return failures


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────

def kind_of(row):
    """What a row is, whatever the variants' names are."""
    if row["work"] == "matmul":
        return "product"
    if row["work"] == "conv":
        return "gradients" if "/" in row["variant"] else "forward"
    return row["variant"]


def find_row(place, work, shape, kind, peer):
    rows = place["runs"].get(f"{work} {peer}", {}).get("rows", [])
    return next((row for row in rows if row["shape"] == shape and kind_of(row) == kind
                 and row.get("peer") == peer), None)


def milliseconds(seconds):
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def mebibytes(count):
    return f"{count / 2**20:.0f}" if count >= 2**20 else f"{count / 2**20:.2f}"


def judge(found, least, share, memory):
    """ok, or what is short; @found has a row, or None, for each platform."""
    rows = [row for row in found if row]
    if not rows:
        return "not measured"
    short = ["a platform is not measured"] if len(rows) < len(found) else []
    best = max(row["ratio"] for row in rows)
    if least is not None and best < least:
        short.append("time")
    if least is not None and min(row["ratio"] for row in rows) < OTHER_PLATFORM * best:
        short.append("the other platform")
    if share is not None and max(row["peak_share"] for row in rows) < share:
        short.append("share of the peak")
    if memory is not None and max(row["bytes"] / row["peer_bytes"] for row in rows) > memory:
        short.append("memory")
    return "short: " + ", ".join(short) if short else "ok"


def table(heads, rows):
    return ["| " + " | ".join(cells) + " |" for cells in
            [heads, ["---"] * len(heads)] + rows] + [""]


def floors_table(places):
    heads = ["work", "shape", "what", "peer"]
    for name in places:
        heads += [f"ratio, {name}"]
    heads += ["at least", "memory of the peer's", "at most", ""]
    rows = []
    for work, shape, kind, peer, least, share, memory in FLOORS:
        found = [find_row(place, work, shape, kind, peer) for place in places.values()]
        measured = [row for row in found if row]
        cells = [work, shape, kind, peer]
        cells += [f"{row['ratio']:.2f}" if row else "-" for row in found]
        wanted = [f"{least:.1f}"] if least is not None else []
        wanted += [f"{100 * share:.0f} % of the peak"] if share is not None else []
        cells += [", ".join(wanted)]
        cells += [" / ".join(f"{row['bytes'] / row['peer_bytes']:.2f}" for row in measured
                             if row["peer_bytes"])]
        cells += [f"{memory:.1f}" if memory is not None else "",
                  judge(found, least, share, memory)]
        rows.append(cells)
    return table(heads, rows)


def platform_table(place):
    heads = ["work", "shape", "variant", "ms", "peer", "peer's ms", "ratio", "GFLOP/s", "of peak",
             "MiB", "peer's MiB"]
    rows = []
    for result in place["runs"].values():
        for row in result.get("rows", []):
            peer = "peer" in row
            speed = f"{row['gflops']:.1f}" if row["gflops"] is not None else \
                f"{row['bytes'] / row['seconds'] / 1e9:.1f} GB/s"
            share = row["peak_share"]
            rows.append([row["work"], row["shape"], row["variant"], milliseconds(row["seconds"]),
                         row["peer"] if peer else "",
                         milliseconds(row["peer_seconds"]) if peer else "",
                         f"{row['ratio']:.2f}" if peer else "", speed,
                         f"{100 * share:.1f} %" if share is not None else "",
                         mebibytes(row["bytes"]), mebibytes(row["peer_bytes"]) if peer else ""])
    return table(heads, rows)


def report(kept):
    places, machine = kept["devices"], kept["machine"]
    results = [result for place in places.values() for result in place["runs"].values()]
    peers = sorted({result["peer"] for result in results if result.get("peer")})
    dates = sorted({result["date"] for result in results if "date" in result})
    lines = ["# Results of `kolinsky bench`", "",
             "Made by `tests/bench/results.py`; do not edit. A ratio is the peer's time divided by ",
             "ours, both measured alternately in one run: above 1, ours is faster. What the numbers ",
             "are is said by `kolinsky bench --help`.", "",
             f"- {machine['processor']}, {machine['processors']} processors; {machine['system']}",
             f"- {machine['kolinsky']}; {'; '.join(peers) or 'no peer'}"]
    if "model" in machine:
        lines.append(f"- the work `model` is {machine['model']}, with its weights")
    lines = [line.rstrip() for line in lines]
    for name, place in places.items():
        device = place["device"]
        lines.append(f"- {name}: {device['name']}, driver {device['driver']}")
    lines += [f"- measured {' to '.join(sorted({dates[0], dates[-1]})) if dates else 'never'}", "",
              "## What is to be reached", "",
              f"`at least` holds for the faster platform; the other one is to reach "
              f"{OTHER_PLATFORM} of its ratio.", ""]
    lines += floors_table(places)
    for name, place in places.items():
        lines += [f"## {name}", ""] + platform_table(place)
        lines += [f"{key} was not measured: {result['failed']}\n"
                  for key, result in place["runs"].items() if "failed" in result]
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", help="the built kolinsky")
    parser.add_argument("works", nargs="*", metavar="WORK", help="measure these again")
    parser.add_argument("--device", action="append", help="as for kolinsky; can be repeated")
    parser.add_argument("--model", default="squeezenet1.1",
                        help="the network of the work \"model\": installed, or a file")
    parser.add_argument("--peer-python", help="the Python that has the libraries")
    parser.add_argument("--seconds", type=float, default=2, help="for each measurement (2)")
    parser.add_argument("--folder", default=HERE, help="of results.json and RESULTS.md")
    arguments = parser.parse_args()
    unknown = set(arguments.works) - {work for work, _ in RUNS}
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}")

    os.makedirs(arguments.folder, exist_ok=True)
    path = os.path.join(arguments.folder, "results.json")
    kept = {"machine": None, "devices": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)

    def save():
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=1)
        os.replace(path + ".new", path)

    failures = measure_all(kept, arguments, save)
    with open(os.path.join(arguments.folder, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write(report(kept))
    if failures:
        sys.exit(f"{failures} could not be measured")


if __name__ == "__main__":
    main()
