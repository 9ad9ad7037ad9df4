#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Writes torch-numbers.h: what PyTorch computes for the cases of test-constructors.c.

    torch-numbers.py > torch-numbers.h      # needs PyTorch; the header is kept in the repository

Input k of a case has the elements ((37 i + 17 k) % 101 - 50) / 64, which floats hold exactly; the
loss is the sum of y times a tensor that is filled alike, with k = 5.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def fill(shape, k):
    """Input k, of the shape."""
    count = 1
    for length in shape:
        count *= length
    return ((37 * torch.arange(count) + 17 * k) % 101 - 50).reshape(shape) / 64


def unpool(x, **how):
    """Down and up again."""
    y, indices = F.max_pool2d(x, return_indices=True, **how)
    return F.max_unpool2d(y, indices, kernel_size=how["kernel_size"], output_size=x.shape)


def depth_to_space(x):
    """ONNX's text for DCR."""
    n, c, h, w = x.shape
    y = x.reshape(n, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2)
    return y.reshape(n, c // 4, h * 2, w * 2)


def space_to_depth(x):
    """TensorFlow's: the reverse."""
    n, c, h, w = x.shape
    y = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4)
    return y.reshape(n, c * 4, h // 2, w // 2)


def size(mode, corners=None):
    """5 x 7 to 9 x 4."""
    return lambda x: F.interpolate(x, (9, 4), mode=mode, align_corners=corners)


def resample(size, fill=0):
    """Through the map, with `fill` outside; there is no gradient to the map here."""
    def function(x, maps):
        grid = F.affine_grid(maps.detach().expand(x.shape[0], 2, 3), (*x.shape[:2], *size),
                             align_corners=False)
        return F.grid_sample(x - fill, grid, align_corners=False) + fill + 0 * maps.sum()
    return function


def whole(x):
    """Indices into 4 things: -4 .. 3, from the end where they are negative."""
    return torch.floor(4 * x).long() % 4


def indexed(function):
    """Input 1 is of indices; it gets a gradient of 0, as it does here."""
    return lambda x, indices, *more: function(x, whole(indices), *more) + 0 * indices.sum()
def labels(x):
    """Classes 0 to 4, made of an input."""
    return (2.5 * x + 2.5).floor().long()


def zero_below(x, limit):
    """0 in place of small numbers."""
    return torch.where(x.abs() < limit, 0, x)


PICTURE = (1, 2, 5, 7)
CASES = [
    ("conv-transpose2d/plain", F.conv_transpose2d, (1, 2, 3, 2), (2, 3, 2, 3)),
    ("conv-transpose2d/stride-2-output-1",
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1),
     (2, 2, 2, 3), (2, 1, 3, 3), (1,)),
    ("conv-transpose2d/stride-3x2",
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(3, 2), padding=(0, 1),
                                        output_padding=(2, 0), dilation=(1, 2)),
     (1, 2, 2, 3), (2, 2, 2, 3), (2,)),
    ("conv-transpose2d/groups-dilation",
     lambda x, w, b: F.conv_transpose2d(x, w, b, padding=1, output_padding=1, dilation=2, groups=2),
     (1, 4, 3, 2), (4, 1, 2, 2), (2,)),
    ("conv1d/plain", F.conv1d, (2, 2, 7), (3, 2, 3)),
    ("conv1d/groups-stride-dilation",
     lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=3, dilation=2, groups=2),
     (1, 4, 13), (2, 2, 3), (2,)),
    ("max-pool/ceil", lambda x: F.max_pool2d(x, 3, 2, padding=1, ceil_mode=True), (1, 2, 6, 8)),
    ("max-pool/ceil-drops", lambda x: F.max_pool2d(x, 2, 4, padding=1, ceil_mode=True), PICTURE),
    ("max-pool/smaller-than-window", lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), (2, 3, 2, 2)),
    ("max-pool1d", lambda x: F.max_pool1d(x, 3, 2, padding=1), (2, 2, 9)),
    ("max-unpool", lambda x: unpool(x, kernel_size=2), (1, 2, 5, 6)),
    ("max-pool/indices", lambda x: F.max_pool2d(x, 2, return_indices=True)[1] + 0 * x.sum(), PICTURE),
    ("average-pool/ceil",
     lambda x: F.avg_pool2d(x, 3, 2, padding=1, ceil_mode=True, count_include_pad=False),
     (1, 2, 6, 8)),
    ("average-pool/ceil-counted", lambda x: F.avg_pool2d(x, 3, 2, padding=1, ceil_mode=True),
     (1, 2, 6, 8)),
    ("average-pool/counted", lambda x: F.avg_pool2d(x, (2, 3), padding=1), PICTURE),
    ("average-pool1d", lambda x: F.avg_pool1d(x, 4, 3, padding=2, ceil_mode=True), (2, 2, 9)),
    ("adaptive-average-pool", lambda x: F.adaptive_avg_pool2d(x, (3, 4)), PICTURE),
    ("adaptive-average-pool/divides", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), (1, 2, 4, 9)),
    ("adaptive-max-pool", lambda x: F.adaptive_max_pool2d(x, (3, 4)), PICTURE),
    ("adaptive-max-pool/more", lambda x: F.adaptive_max_pool2d(x, (7, 3)), PICTURE),
    ("global-average-pool", lambda x: F.adaptive_avg_pool2d(x, 1), PICTURE),
    ("global-max-pool", lambda x: F.adaptive_max_pool2d(x, 1), PICTURE),
    ("resize/nearest", size("nearest"), PICTURE),
    ("resize/nearest-exact", size("nearest-exact"), PICTURE),
    ("resize/bilinear", size("bilinear", False), PICTURE),
    ("resize/bilinear-corners", size("bilinear", True), PICTURE),
    ("resample/to-9x4", resample((9, 4)), (2, 2, 5, 7), (2, 2, 3)),
    ("resample/one-map-filled", resample((6, 8), 0.5), (2, 2, 5, 7), (1, 2, 3)),
    ("depth-to-space/crd", lambda x: F.pixel_shuffle(x, 2), (2, 8, 2, 3)),
    ("depth-to-space/dcr", depth_to_space, (2, 8, 2, 3)),
    ("space-to-depth/crd", lambda x: F.pixel_unshuffle(x, 2), (2, 3, 4, 6)),
    ("space-to-depth/dcr", space_to_depth, (2, 3, 4, 6)),
    ("matmul/both-stretch", torch.matmul, (2, 1, 3, 2), (3, 2, 4)),
    ("matmul/one-stretches", torch.matmul, (2, 3, 2, 3), (3, 3, 2)),
    ("matmul/single-on-the-right", torch.matmul, (2, 3, 4), (1, 1, 4, 2)),
    ("matmul/single-on-the-left", torch.matmul, (1, 3, 4), (2, 2, 4, 2)),
    ("matmul/transposed", lambda a, b: a.mT @ b.mT, (2, 1, 4, 3), (3, 2, 4)),
    ("matmul/row", torch.matmul, (4,), (4, 3)),
    ("matmul/row-batch", torch.matmul, (4,), (2, 3, 4, 2)),
    ("matmul/column", torch.matmul, (3, 4), (4,)),
    ("matmul/column-batch", torch.matmul, (2, 3, 2, 4), (4,)),
    ("matmul/vectors", torch.matmul, (5,), (5,)),
    ("concat", lambda *x: torch.cat(x, 1), (2, 3, 2), (2, 1, 2), (2, 2, 2)),
    ("stack/first", lambda *x: torch.stack(x), (2, 3), (2, 3)),
    ("stack/last", lambda *x: torch.stack(x, -1), (2, 3), (2, 3)),
    ("slice", lambda x: x[1:, :-2, 1::3], (3, 5, 8)),
    ("split", lambda x: torch.cat([part * (i + 1) for i, part in enumerate(
        torch.split(x, [1, 3, 2], 1))][::-1], 1), (2, 6)),
    ("flip", lambda x: torch.flip(x, (0, -1)), (2, 3, 4)),
    ("pad/constant", lambda x: F.pad(x, (1, 2, -1, 3), value=0.5), PICTURE),
    ("pad/reflect", lambda x: F.pad(x, (3, 1, 2, 4), mode="reflect"), PICTURE),
    ("pad/edge", lambda x: F.pad(x, (3, 1, 2, 4), mode="replicate"), PICTURE),
    ("tile", lambda x: torch.tile(x, (2, 1, 3)), (2, 3, 2)),
    ("tile/many-axes", lambda x: torch.tile(x, (2, 3, 2, 1, 2)), (1, 2, 1, 2, 2)),
    ("flatten", lambda x: torch.flatten(x, 1), (2, 3, 2)),
    ("squeeze", lambda x: torch.squeeze(x, (0, 3)), (1, 2, 1, 1, 3)),
    ("squeeze/all", torch.squeeze, (1, 2, 1, 3)),
    ("unsqueeze", lambda x: torch.unsqueeze(x, -2), (2, 3)),
    ("gather", indexed(lambda x, i: x[:, i]), (2, 4, 3), (3, 5)),
    ("embedding", indexed(lambda x, i: F.embedding(i, x)), (4, 3), (2, 7)),
    ("scatter-add", indexed(lambda x, i, u: x.index_add(0, i, u)), (4, 3), (9,), (9, 3)),
    ("gather-elements", indexed(lambda x, i: torch.gather(x, 1, i)), (3, 4, 2), (3, 7, 2)),
    ("scatter-elements-add", indexed(lambda x, i, u: torch.scatter_add(x, 1, i, u)),
     (3, 4, 2), (3, 7, 2), (3, 7, 2)),
    ("one-hot", lambda i: F.one_hot(whole(i), 4) + 0 * i.sum(), (2, 5)),
    ("min", lambda x: x.amin(1), (3, 5)),
    ("argmin", lambda x: x.argmin(1) + 0 * x.sum(), (3, 5)),
    ("argmax", lambda x: x.argmax(0) + 0 * x.sum(), (3, 5)),
    ("prod", lambda x: x.prod(1), (3, 5)),
    ("prod/zeros", lambda x: zero_below(x, 0.15).prod(1), (9, 3)),
    ("sum-of-squares", lambda x: (x * x).sum((0, 2)), (2, 3, 4)),
    ("norm1", lambda x: x.norm(1, 1, keepdim=True), (3, 5)),
    ("norm2", lambda x: x.norm(2, (0, 2)), (2, 3, 4)),
    ("norm2/zeros", lambda x: zero_below(x, 0.7).norm(2, 1), (9, 2)),
    ("log-sum-exp", lambda x: torch.logsumexp(50 * x, 1), (4, 5)),
    ("log-sum-exp/infinite", lambda x: torch.logsumexp(torch.where(x < 0.6, -torch.inf, x), 1), (4, 5)),
    ("mean-squared-error", F.mse_loss, (3, 5), (3, 5)),
    ("mean-absolute-error", F.l1_loss, (3, 5), (3, 5)),
    ("huber", lambda x, t: F.huber_loss(x, t, delta=0.25), (3, 5), (3, 5)),
    ("binary-cross-entropy", lambda x, t: F.binary_cross_entropy_with_logits(30 * x, t),
     (3, 5), (3, 5)),
    ("softmax-cross-entropy",
     lambda x, t: F.cross_entropy(9 * x, labels(t), reduction="none") + 0 * t, (7, 5), (7,)),
    ("softmax-cross-entropy/smoothing",
     lambda x, t: F.cross_entropy(9 * x, labels(t), reduction="none", label_smoothing=0.1) + 0 * t,
     (7, 5), (7,)),
]


def array(tensor):
    """As a C literal."""
    values = ("%.9g" % v for v in tensor.flatten().tolist())
    return "(const float[]){ %s }" % ", ".join(v.replace("inf", "INFINITY") for v in values)


print("/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */")
print("#pragma once")
print("/* clang-format off: written by torch-numbers.py with PyTorch %s; do not edit */\n"
      % torch.__version__.split("+")[0])
print("static const Numbers torch_numbers[] = {")
for name, function, *shapes in CASES:
    inputs = [fill(shape, k).requires_grad_() for k, shape in enumerate(shapes)]
    y = function(*inputs)
    (y * fill(y.shape, 5)).sum().backward()
    print('  { "%s", %d, { %s },' % (name, len(shapes), ", ".join(
        "{ %d, { %s } }" % (len(shape), ", ".join(map(str, shape))) for shape in shapes)))
    print("    { %d, { %s } }, %s," % (y.dim(), ", ".join(map(str, y.shape)) or "0",
                                       array(y.detach())))
    print("    { %s } }," % ",\n      ".join(array(x.grad) for x in inputs))
print("};")
