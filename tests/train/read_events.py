#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""TensorBoard's own reader reads what test-events writes. Skipped without TensorBoard.

    read_events.py TEST_EVENTS [TEST_EVENTS_FIXTURE]

With a second argument, the files of a run are also joined into that fixture.
"""
import io
import math
import os
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.backend.event_processing import event_file_loader
except ImportError as reason:
    print(f"1..0 # SKIP TensorBoard is not installed ({reason})")
    sys.exit(0)

NUMBER = 0


def expect(condition, what):
    global NUMBER
    NUMBER += 1
    print(f"{'ok' if condition else 'not ok'} {NUMBER} {what}")


def check_scalars(reader):
    scalars = reader.Scalars("loss/train")
    # What the killed run wrote beyond step 300 is forgotten; 300 itself is not.
    expect([event.step for event in scalars] == [100, 200, 300, 400], "the steps of a resumed run")
    expect(all(abs(event.value * event.step - 1) < 1e-6 for event in scalars), "the values")
    expect(all(1.7e9 < event.wall_time < 4e9 for event in scalars), "the times")


def check_histograms(reader):
    histogram = reader.Histograms("w_conv1")[0].histogram_value
    expect(histogram.num == 11 and sum(histogram.bucket) == 11, "infinities and NaN are left out")
    expect((histogram.min, histogram.max) == (-2.5, 7), "the smallest and the largest value")
    numbers = [-2.5, -1e-3, 0, 0, 1e-15, 0.05, 0.05, 1, 3, 3.5e-38, 7]
    expect(math.isclose(histogram.sum, sum(numbers), rel_tol=1e-6), "the sum")
    expect(math.isclose(histogram.sum_squares, sum(x * x for x in numbers), rel_tol=1e-6),
           "the sum of squares")

    limits = list(histogram.bucket_limit)
    expect(limits == sorted(limits) and len(limits) == len(histogram.bucket), "limits in order")
    lower = -math.inf
    right = True
    for limit, count in zip(limits, histogram.bucket):
        right = right and count == sum(lower <= x < limit for x in numbers)
        lower = limit
    expect(right, "each value is in its bucket")
    expect(reader.Histograms("empty")[0].histogram_value.num == 0, "a histogram of nothing")
    constant = reader.Histograms("constant")[0].histogram_value
    expect(constant.num == 2 and list(constant.bucket) == [2], "a histogram of one value")


def check_pictures(reader):
    colour = reader.Images("pictures/colour")[0]
    grey = reader.Images("pictures/grey")[0]
    expect((colour.width, colour.height) == (3, 2), "the size of a picture")
    expect((grey.width, grey.height) == (2, 9), "the size of a grey picture")
    try:
        from PIL import Image
    except ImportError:
        return
    picture = Image.open(io.BytesIO(colour.encoded_image_string))
    expect([picture.getpixel((x, y)) for x, y in ((0, 0), (1, 0), (2, 0), (0, 1))] == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 20, 30)],
           "the pixels of a picture")


def check_frames(folder):
    """Every record's checksum, with the reader that the web page uses."""
    for name in sorted(os.listdir(folder)):
        events = list(event_file_loader.EventFileLoader(os.path.join(folder, name)).Load())
        expect(events[0].file_version == "brain.Event:2", "the version")


def join_fixture(folder, fixture):
    with open(fixture, "wb") as file:
        for name in sorted(os.listdir(folder))[:2]:
            with open(os.path.join(folder, name), "rb") as part:
                file.write(part.read())


def main():
    with tempfile.TemporaryDirectory(prefix="kolinsky-events-") as folder:
        subprocess.run([sys.argv[1], "--write", folder], check=True)
        check_frames(folder)
        reader = event_accumulator.EventAccumulator(
            folder, size_guidance={"scalars": 0, "histograms": 0, "images": 0})
        reader.Reload()
        check_scalars(reader)
        check_histograms(reader)
        check_pictures(reader)
        if len(sys.argv) > 2:
            join_fixture(folder, sys.argv[2])
    print(f"1..{NUMBER}")


if __name__ == "__main__":
    main()
