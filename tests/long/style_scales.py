#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Whether a large picture, painted from small to large, has the style that it has when it is small.

A picture of 1024 pixels and one of 512 are painted, each beginning at 128; then the style losses of
both are taken at 512 pixels, where those of the large one must be no more than those of the small
one. Beside them is told what a picture has that is painted at 512 pixels alone, in as many steps as
the small one had at all its sizes. Called again, it goes on with what is missing in FOLDER;
results.json and style_scales.md there have what was measured.
"""
import os
import re
import sys

from kept import Kept, kolinsky, make_parser

CONTENT = "tubingen.jpg"
STYLES = "starry_night.jpg", "the_scream.jpg", "wave.jpg"


def pictures(options, style):
    folder = os.path.join(options.shared, "data", "paintings")
    return os.path.join(folder, CONTENT), os.path.join(folder, style), "--model", options.model


def count_sizes(largest, smallest):
    """As style transfer has them: smaller by the root of 2, while they are not too small."""
    count = 1
    while round(largest / 2 ** (count / 2)) >= smallest:
        count += 1
    return count


def paint(options, kept, style, size, smallest, steps):
    path = kept.path(f"{os.path.splitext(style)[0]}-{size}-from-{smallest}-{steps}.png")
    under_way = kept.path("under-way.png")  # where an interruption leaves what there is
    if not os.path.exists(path):
        kolinsky(options.kolinsky, "style", *pictures(options, style), "--size", size,
                 "--smallest", smallest, "--steps", steps, "-o", under_way)
        os.replace(under_way, path)
    return path


def measure(options, kept, style, picture):
    """The losses of style at the size that is compared: those of the first step, which has not
    changed the picture yet."""
    told = kolinsky(options.kolinsky, "style", *pictures(options, style), "--start", picture,
                    "--size", options.size, "--smallest", options.size, "--octaves", 1,
                    "--steps", 1, "-o", kept.path("measured.png"))
    losses = re.findall(r"^ +style +\S+ +loss +\S+ +weighted +(\S+)", told, re.MULTILINE)
    return sum(map(float, losses))


def parse():
    parser = make_parser(__doc__, "one style at 96 pixels, 30 steps, to try the program itself")
    parser.add_argument("styles", metavar="STYLE", nargs="*", choices=[[], *STYLES],
                        help=f"{', '.join(STYLES)}: all, unless some are named")
    parser.add_argument("--model", help="a network (SqueezeNet 1.1)")
    parser.add_argument("--size", type=int, default=512, help="at which they are compared (512)")
    parser.add_argument("--smallest", type=int, default=128, help="at which both begin (128)")
    parser.add_argument("--steps", type=int, default=500, help="at each size (500)")
    options = parser.parse_args()
    if options.quick:
        options.styles = options.styles or STYLES[:1]
        options.size, options.smallest, options.steps = 96, 96, 30
    options.model = options.model or os.path.join(options.shared, "data", "models",
                                                  "squeezenet1.1.onnx")
    return options


def main():
    options = parse()
    kept, rows, good = Kept(options.folder), [], True
    alone = options.steps * (count_sizes(options.size, options.smallest) + 1)
    for style in options.styles or STYLES:
        losses = []
        for size, smallest, steps in ((2 * options.size, options.smallest, options.steps),
                                      (options.size, options.smallest, options.steps),
                                      (options.size, options.size, alone)):
            picture = paint(options, kept, style, size, smallest, steps)
            losses.append(kept.get(f"{os.path.basename(picture)} at {options.size}",
                                   lambda: measure(options, kept, style, picture)))
        fine = losses[0] <= losses[1]
        rows.append([style, *(f"{loss:.4g}" for loss in losses),
                     f"{losses[0] / losses[1]:.3f}{'' if fine else ': too much'}"])
        good = good and fine
    kept.table("style_scales", ["style", 2 * options.size, options.size, f"{options.size} alone",
                                f"{2 * options.size} to {options.size}"], rows)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
