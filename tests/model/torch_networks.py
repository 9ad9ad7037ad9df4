#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The known networks in PyTorch, in double precision, to compare ours with.

    torch_networks.py FOLDER

For each network NAME of NETWORKS with a file FOLDER/NAME.safetensors, which holds its parameters as
torchvision and timm call them, pictures "x" and "labels", this writes FOLDER/NAME.torch.safetensors:
the scores "output", and "gradient", that of the mean cross entropy to the pictures.
"""

import json
import math
import os
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

CLASSES = 10
VGG16 = (2, 2, 3, 3, 3)
VGG19 = (2, 2, 4, 4, 4)


def vgg_features(convolutions):
    """The blocks: so many 3x3 convolutions each, then a pooling."""
    layers, channels = [], 3
    for features, count in zip((64, 128, 256, 512, 512), convolutions):
        for _ in range(count):
            layers += [nn.Conv2d(channels, features, 3, padding=1), nn.ReLU()]
            channels = features
        layers.append(nn.MaxPool2d(2))
    return layers


class Trunk(nn.Module):
    """The first layers of a VGG, and the mean of each channel."""

    def __init__(self, convolutions, layers):
        super().__init__()
        self.features = nn.Sequential(*vgg_features(convolutions)[:layers])

    def forward(self, x):
        return self.features(x).mean(dim=(2, 3))


class Vgg(nn.Module):
    def __init__(self, convolutions):
        super().__init__()
        self.features = nn.Sequential(*vgg_features(convolutions))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, CLASSES))

    def forward(self, x):
        x = functional.adaptive_avg_pool2d(self.features(x), (7, 7))
        return self.classifier(x.flatten(1))


class Fire(nn.Module):
    def __init__(self, channels, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()

        def pool():
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(),
            pool(), Fire(64, 16, 64), Fire(128, 16, 64),
            pool(), Fire(128, 32, 128), Fire(256, 32, 128),
            pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, CLASSES, 1), nn.ReLU())

    def forward(self, x):
        return self.classifier(self.features(x)).mean(dim=(2, 3))


class Residual(nn.Module):
    def __init__(self, channels, features, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, features, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)
        self.downsample = nn.Sequential()
        if stride != 1 or channels != features:
            self.downsample = nn.Sequential(nn.Conv2d(channels, features, 1, stride, bias=False),
                                            nn.BatchNorm2d(features))

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(y)) + self.downsample(x)).relu()


class Resnet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Residual(64, 64, 1), Residual(64, 64, 1))
        self.layer2 = nn.Sequential(Residual(64, 128, 2), Residual(128, 128, 1))
        self.layer3 = nn.Sequential(Residual(128, 256, 2), Residual(256, 256, 1))
        self.layer4 = nn.Sequential(Residual(256, 512, 2), Residual(512, 512, 1))
        self.fc = nn.Linear(512, CLASSES)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


class SameConv2d(nn.Conv2d):
    """Padded as TensorFlow does, so that the output has ceil (length / stride)."""

    def forward(self, x):
        padding = []
        for axis in (1, 0):
            length, stride = x.shape[2 + axis], self.stride[axis]
            window = (math.ceil(length / stride) - 1) * stride + self.kernel_size[axis]
            missing = max(window - length, 0)
            padding += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(x, padding))


def lite_convolution(channels, features, size, stride=1, groups=1):
    return SameConv2d(channels, features, size, stride, groups=groups, bias=False)


def lite_norm(features):
    return nn.BatchNorm2d(features, eps=1e-3, momentum=0.01)


class PlainBlock(nn.Module):
    def __init__(self, channels, features, size):
        super().__init__()
        self.conv_dw = lite_convolution(channels, channels, size, 1, channels)
        self.bn1 = lite_norm(channels)
        self.conv_pw = lite_convolution(channels, features, 1)
        self.bn2 = lite_norm(features)

    def forward(self, x):
        return self.bn2(self.conv_pw(functional.relu6(self.bn1(self.conv_dw(x)))))


class InvertedBlock(nn.Module):
    def __init__(self, channels, features, size, stride):
        super().__init__()
        wide = 6 * channels
        self.conv_pw = lite_convolution(channels, wide, 1)
        self.bn1 = lite_norm(wide)
        self.conv_dw = lite_convolution(wide, wide, size, stride, wide)
        self.bn2 = lite_norm(wide)
        self.conv_pwl = lite_convolution(wide, features, 1)
        self.bn3 = lite_norm(features)
        self.same = stride == 1 and channels == features

    def forward(self, x):
        y = functional.relu6(self.bn1(self.conv_pw(x)))
        y = functional.relu6(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.same else y


class EfficientNetLite0(nn.Module):
    def __init__(self):
        super().__init__()

        def stage(count, channels, features, size, stride):
            first = InvertedBlock(channels, features, size, stride)
            return nn.Sequential(first, *(InvertedBlock(features, features, size, 1)
                                          for _ in range(count - 1)))

        self.conv_stem = lite_convolution(3, 32, 3, 2)
        self.bn1 = lite_norm(32)
        self.blocks = nn.Sequential(
            nn.Sequential(PlainBlock(32, 16, 3)),
            stage(2, 16, 24, 3, 2), stage(2, 24, 40, 5, 2), stage(3, 40, 80, 3, 2),
            stage(3, 80, 112, 5, 1), stage(4, 112, 192, 5, 2), stage(1, 192, 320, 3, 1))
        self.conv_head = lite_convolution(320, 1280, 1)
        self.bn2 = lite_norm(1280)
        self.classifier = nn.Linear(1280, CLASSES)

    def forward(self, x):
        x = self.blocks(functional.relu6(self.bn1(self.conv_stem(x))))
        x = functional.relu6(self.bn2(self.conv_head(x)))
        return self.classifier(x.mean(dim=(2, 3)))


NETWORKS = {
    "vgg16": lambda: Vgg(VGG16).eval(),
    "vgg16-pool5": lambda: Trunk(VGG16, 31).eval(),
    "vgg19-relu5_1": lambda: Trunk(VGG19, 30).eval(),
    "squeezenet1.1": lambda: SqueezeNet().eval(),
    "resnet18": lambda: Resnet18().eval(),
    "resnet18-training": lambda: Resnet18().train(),
    "efficientnet-lite0": lambda: EfficientNetLite0().eval(),
}


def load(path):
    """The arrays of a safetensors file of F32."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
        arrays[name] = torch.from_numpy(values.astype("f8"))
    return arrays


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        added = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(added)]}
        data += added
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def load_parameters(network, arrays):
    """All of them, under the same names: but for a count of PyTorch's own."""
    missing, unexpected = network.load_state_dict(arrays, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        sys.exit(f"missing: {missing}; not known: {unexpected}")


def main():
    folder = sys.argv[1]
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    for name, build in NETWORKS.items():
        path = os.path.join(folder, name + ".safetensors")
        if not os.path.exists(path):
            continue
        arrays = load(path)
        x, labels = arrays.pop("x").requires_grad_(), arrays.pop("labels").long()
        network = build()
        load_parameters(network, arrays)
        output = network(x)
        functional.cross_entropy(output, labels).backward()
        save(path.replace(".safetensors", ".torch.safetensors"),
             {"output": output, "gradient": x.grad})


if __name__ == "__main__":
    main()
