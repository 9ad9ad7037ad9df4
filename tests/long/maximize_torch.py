#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The method of `kolinsky maximize` in PyTorch, for comparison: a class of SqueezeNet 1.1.

    maximize_torch.py squeezenet1.1.onnx CLASS SEED [STEPS [SIZE]]

Prints, as JSON, the class's score on the picture as it is, not moved. Spectrum and colours are those
of lucid; the motions are applied one after another, each with an interpolation of its own, as lucid
does; Kolinsky makes one affine map of them.
"""
import json
import math
import random
import sys

import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F

SIZE = int(sys.argv[5]) if len(sys.argv) > 5 else 224
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
COLOURS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


class Network:
    """The operators that SqueezeNet's file has."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.weights = {w.name: torch.from_numpy(onnx.numpy_helper.to_array(w).copy())
                        for w in graph.initializer}
        self.nodes = graph.node
        self.input = [i.name for i in graph.input if i.name not in self.weights][0]
        self.output = graph.output[0].name

    def __call__(self, x):
        values = {self.input: x, **self.weights}
        for node in self.nodes:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            values[node.output[0]] = self.compute(node.op_type, attributes,
                                                  [values[name] for name in node.input])
            if node.op_type == "Softmax":  # the score is wanted, not its share
                values[node.output[0]] = values[node.input[0]]
        return values[self.output].flatten(1)

    @staticmethod
    def compute(op, attributes, inputs):
        x = inputs[0]
        pads = attributes.get("pads", [0, 0, 0, 0])
        if op == "Conv":
            return F.conv2d(F.pad(x, (pads[1], pads[3], pads[0], pads[2])), inputs[1],
                            inputs[2] if len(inputs) > 2 else None, attributes.get("strides", 1))
        if op == "MaxPool":
            return F.max_pool2d(F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=-math.inf),
                                attributes["kernel_shape"], attributes["strides"])
        if op == "Relu":
            return F.relu(x)
        if op == "Concat":
            return torch.cat(inputs, attributes["axis"])
        if op in ("GlobalAveragePool", "AveragePool"):
            return x.mean((2, 3), keepdim=True)
        if op in ("Dropout", "Softmax", "Reshape", "Flatten"):
            return x
        raise SystemExit(f"The operator {op} is not in this program")


def picture(spectrum, scale):
    t = torch.fft.irfft2(torch.complex(spectrum[0], spectrum[1]) * scale, s=(SIZE, SIZE)) / 4
    colours = COLOURS / COLOURS.norm(dim=0).max()
    return torch.sigmoid(torch.einsum("rc,nchw->nrhw", colours, t))


def moved(x, numbers):
    """Pad 12, jitter 8, scale, rotate, jitter 4, back to the size."""
    x = F.pad(x, (12, 12, 12, 12), value=0.5)
    side = x.shape[-1] - 8
    top, left = numbers.randint(0, 8), numbers.randint(0, 8)
    x = x[..., top:top + side, left:left + side]
    side = round(side * (1 + (numbers.randrange(11) - 5) / 50))
    x = F.interpolate(x, (side, side), mode="bilinear", align_corners=False)
    angle = math.radians(numbers.choice(list(range(-10, 11)) + 5 * [0]))
    turn = torch.tensor([[[math.cos(angle), -math.sin(angle), 0.0],
                          [math.sin(angle), math.cos(angle), 0.0]]])
    x = F.grid_sample(x - 0.5, F.affine_grid(turn, x.shape, align_corners=False),
                      align_corners=False) + 0.5
    side -= 4
    top, left = numbers.randint(0, 4), numbers.randint(0, 4)
    x = x[..., top:top + side, left:left + side]
    if side < SIZE:
        before = (SIZE - side) // 2
        return F.pad(x, (before, SIZE - side - before) * 2, value=0.5)
    before = (side - SIZE) // 2
    return x[..., before:before + SIZE, before:before + SIZE]


def main():
    network, unit, seed = Network(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 512
    torch.manual_seed(seed)
    numbers = random.Random(seed)
    frequencies = torch.hypot(torch.fft.fftfreq(SIZE)[:, None], torch.fft.rfftfreq(SIZE)[None, :])
    scale = SIZE / frequencies.clamp(min=1 / SIZE)
    spectrum = (0.01 * torch.randn(2, 1, 3, SIZE, SIZE // 2 + 1)).requires_grad_()
    optimizer = torch.optim.Adam([spectrum], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        x = moved(picture(spectrum, scale), numbers)
        (-network((x - MEAN) / STD)[0, unit]).backward()
        optimizer.step()
    with torch.no_grad():
        x = picture(spectrum, scale)
        scores = network((x - MEAN) / STD)[0]
    print(json.dumps({"activation": scores[unit].item(),
                      "probability": scores.softmax(0)[unit].item()}))


if __name__ == "__main__":
    main()
