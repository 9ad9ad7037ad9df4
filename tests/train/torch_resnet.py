#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The recipe small-resnet in PyTorch: writes weights, batches and the first losses.

    torch_resnet.py FOLDER

Each parameter NAME of the recipe is written to FOLDER/NAME.npy, as Kolinsky names and
shapes it, beside images.npy [steps, batch, 1, 28, 28], labels.npy [steps, batch] and
losses.npy [steps], the losses before each of ten steps of gradient descent.
"""

import os
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

STEPS, BATCH, CLASSES = 10, 50, 10
RATE, MOMENTUM, DECAY = 0.005, 0.9, 5e-4


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm, and a short cut around them."""

    def __init__(self, channels, features, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, features, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(features)
        self.short = None
        if stride != 1 or channels != features:
            self.short = nn.Conv2d(channels, features, 1, stride, 0, bias=False)
            self.short_norm = nn.BatchNorm2d(features)

    def forward(self, x):
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return functional.relu(y + (self.short_norm(self.short(x)) if self.short else x))

    def parts(self, name):
        yield f"{name}/1", self.conv1, self.norm1
        yield f"{name}/2", self.conv2, self.norm2
        if self.short:
            yield f"{name}/short", self.short, self.short_norm


class SmallResnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(32)
        self.block1 = Block(32, 32, 1)
        self.block2 = Block(32, 64, 2)
        self.block3 = Block(64, 128, 2)
        self.scores = nn.Linear(128, CLASSES)

    def forward(self, x):
        y = functional.relu(self.norm(self.conv(x)))
        y = self.block3(self.block2(self.block1(y)))
        return self.scores(y.mean(dim=(2, 3)))

    def weights(self):
        """Names as the recipe gives them, and the tensors."""
        yield "w_conv", self.conv.weight
        yield "gamma_norm", self.norm.weight
        yield "beta_norm", self.norm.bias
        for name in ("block1", "block2", "block3"):
            for part, conv, norm in getattr(self, name).parts(name):
                yield f"w_{part}", conv.weight
                yield f"gamma_{part}", norm.weight
                yield f"beta_{part}", norm.bias
        yield "w_scores", self.scores.weight.t()
        yield "b_scores", self.scores.bias


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(1)
    torch.set_num_threads(2)
    network = SmallResnet()
    images = torch.rand(STEPS, BATCH, 1, 28, 28)
    labels = torch.randint(0, CLASSES, (STEPS, BATCH))
    # A class is where the picture is a little brighter, so that there is something to learn.
    for step in range(STEPS):
        for i in range(BATCH):
            row = 2 * int(labels[step, i]) + 2
            images[step, i, 0, row : row + 6] += 0.5

    def save(name, tensor):
        path = os.path.join(folder, name.replace("/", ".") + ".npy")
        numpy.save(path, tensor.detach().contiguous().numpy())

    for name, tensor in network.weights():
        save(name, tensor)
    # In double precision: a relu that rounding flips changes the next losses, and at a rate of
    # 0.02 PyTorch's own single precision is off by 3e-4 after ten steps (2.8e-5 at this one).
    network.double()
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM, nesterov=True,
                                weight_decay=DECAY)
    losses = []
    for step in range(STEPS):
        loss = functional.cross_entropy(network(images[step].double()), labels[step])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    save("images", images)
    save("labels", labels)
    save("losses", torch.tensor(losses, dtype=torch.float32))
    print(losses)


if __name__ == "__main__":
    main()
