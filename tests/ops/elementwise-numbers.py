#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Writes elementwise-numbers.h: what PyTorch computes of the points of test-elementwise.c.

    elementwise-numbers.py > elementwise-numbers.h  # needs PyTorch; the header is kept

Per function: y, and y.sum().backward()'s gradients, 0 where there is none.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

A = [-3.5, -1.25, -0.5, 0.0, 0.3125, 0.75, 2.5]
B = [2.0, -0.5, 0.75, 0.25, -1.5, 0.5, -2.0]

UNARY = [
    ("kol_" + name, getattr(torch, name)) for name in
    """square sqrt rsqrt reciprocal exp expm1 log log1p erf abs sign floor ceil round sin cos tan
       asin acos atan sinh cosh tanh asinh acosh atanh sigmoid""".split()
] + [
    ("kol_negate", torch.neg),
    ("kol_not", torch.logical_not),
    ("kol_is_nan", torch.isnan),
    ("kol_relu", F.relu),
    ("kol_selu", F.selu),
    ("kol_gelu", F.gelu),
    ("kol_gelu_tanh", lambda a: F.gelu(a, approximate="tanh")),
    ("kol_silu", F.silu),
    ("kol_hard_swish", F.hardswish),
    ("kol_softplus", F.softplus),
    ("kol_softsign", F.softsign),
    ("leaky_relu_tenth", lambda a: F.leaky_relu(a, 0.1)),
    ("elu_with", lambda a: F.elu(a, 0.7)),
    ("hard_sigmoid_sixth", F.hardsigmoid),
    ("clip_with", lambda a: a.clamp(-1, 0.5)),
    ("scale_with", lambda a: 2 * a - 1),
]
BINARY = [
    ("kol_add", torch.add),
    ("kol_subtract", torch.sub),
    ("kol_multiply", torch.mul),
    ("kol_divide", torch.div),
    ("kol_pow", torch.pow),
    ("kol_maximum", torch.maximum),
    ("kol_minimum", torch.minimum),
    ("kol_fmod", torch.fmod),
    ("kol_modulo", torch.remainder),
    ("kol_prelu", lambda a, b: torch.where(a > 0, a, a * b)),
    ("kol_sigmoid_cross_entropy",
     lambda a, b: F.binary_cross_entropy_with_logits(a, b, reduction="none")),
    ("kol_equal", torch.eq),
    ("kol_not_equal", torch.ne),
    ("kol_greater", torch.gt),
    ("kol_greater_equal", torch.ge),
    ("kol_less", torch.lt),
    ("kol_less_equal", torch.le),
    ("kol_and", torch.logical_and),
    ("kol_or", torch.logical_or),
    ("kol_xor", torch.logical_xor),
]


def number(v):
    """As a C literal."""
    if v != v:
        return "NAN"
    return "%.9g" % v if abs(v) != float("inf") else "INFINITY" if v > 0 else "-INFINITY"


def array(tensor):
    return "{ %s }" % ", ".join(map(number, tensor.tolist()))


def print_table(kind, functions, *points):
    print("static const %s %s[] = {" % (kind, "unaries" if kind == "Unary" else "binaries"))
    for name, function in functions:
        operands = [torch.tensor(values, requires_grad=True) for values in points]
        y = function(*operands)
        if y.requires_grad:
            y.sum().backward()
        rows = [y.detach().double()]
        rows += [x.grad if x.grad is not None else torch.zeros(len(A)) for x in operands]
        print('  { "%s", %s,\n    %s },' % (name.replace("kol_", ""), name,
                                           ",\n    ".join(map(array, rows))))
    print("};")


print("/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */")
print("#pragma once")
print("/* clang-format off: written by elementwise-numbers.py with PyTorch %s; do not edit */\n"
      % torch.__version__.split("+")[0])
print("static const float points_a[POINTS] = %s;" % array(torch.tensor(A)))
print("static const float points_b[POINTS] = %s;\n" % array(torch.tensor(B)))
print_table("Unary", UNARY, A)
print()
print_table("Binary", BINARY, A, B)
