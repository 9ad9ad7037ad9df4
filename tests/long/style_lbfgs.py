#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Style transfer by L-BFGS against PyTorch's: SqueezeNet 1.1 at 160 pixels, 500 evaluations.

    style_lbfgs.py build/src/tools/kolinsky [SHARED [EVALUATIONS]]

PyTorch's side is SHARED/reference/programs/torch_style.py, whose optimizer is
LBFGS (line_search_fn='strong_wolfe'); it is run by the Python that runs this. Both
begin with the content picture. The total of Kolinsky must be at most 5 % above
PyTorch's after as many evaluations.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

CONTENT, STYLE = "tubingen.jpg", "starry_night.jpg"


def ours(command, shared, evaluations, folder):
    result = subprocess.run(
        [command, "style", f"{shared}/data/paintings/{CONTENT}", f"{shared}/data/paintings/{STYLE}",
         "--model", f"{shared}/data/models/squeezenet1.1.onnx", "--classic", "--size", "160",
         "--steps", str(evaluations), "--content-weight", "1", "--style-weight", "1e4",
         "--output", os.path.join(folder, "ours.png")],
        check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    best = re.search(r"The sum of the losses is ([-+.e0-9]+)", result)
    return float(best.group(1))


def torchs(shared, evaluations, folder):
    report = os.path.join(folder, "torch.json")
    subprocess.run(
        [sys.executable, f"{shared}/reference/programs/torch_style.py", "--network", "squeezenet1.1",
         "--weights", f"{shared}/data/models/squeezenet1.1.onnx",
         "--content", f"{shared}/data/paintings/{CONTENT}",
         "--style", f"{shared}/data/paintings/{STYLE}", "--size", "160",
         "--steps", str(evaluations), "--report", "0", str(evaluations),
         "--optimizer", "lbfgs-wolfe", "--json", report,
         "--output", os.path.join(folder, "torch.png")], check=True)
    with open(report, encoding="utf-8") as file:
        totals = json.load(file)["totals"]
    return totals[max(totals, key=int)]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    shared = sys.argv[2] if len(sys.argv) > 2 else os.path.join(here, "../../../shared")
    evaluations = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    folder = os.environ.get("KOLINSKY_KEEP") or tempfile.mkdtemp(prefix="kolinsky-lbfgs-")
    mine, theirs = ours(sys.argv[1], shared, evaluations, folder), torchs(shared, evaluations, folder)
    print(f"{evaluations} evaluations: {mine:.6g}, PyTorch {theirs:.6g}: {mine / theirs:.3f} of it")
    print(f"The pictures are in {folder}")
    return 0 if mine <= 1.05 * theirs else 1


if __name__ == "__main__":
    sys.exit(main())
