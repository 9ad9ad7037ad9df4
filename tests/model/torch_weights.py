#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Files of weights as PyTorch writes them, to read back.

    torch_weights.py FOLDER             all of them: for each FOLDER/NAME.pth, what is in it as FOLDER/NAME.npz
    torch_weights.py --fixtures FOLDER  the few that the tests keep, for where there is no PyTorch

What must be refused is called refused-NAME.pth, and has no .npz.
"""

import collections
import os
import sys

import numpy
import torch


def numbers(*shape, first=-3.0):
    count = int(numpy.prod(shape))
    return (torch.arange(count, dtype=torch.float32) / 4 + first).reshape(shape)


def all_kinds():
    """A tensor of every kind that is read."""
    base = numbers(100)
    state = collections.OrderedDict()
    state["conv.weight"] = numbers(2, 3, 2, 2)
    state["conv.permuted"] = numbers(2, 2, 3, 5).permute(3, 2, 0, 1)  # kernels as TensorFlow has them
    state["channels_last"] = numbers(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    state["slice"] = base[10:40:3]
    state["shared"] = base.reshape(10, 10).t()[2:5]
    state["parameter"] = torch.nn.Parameter(numbers(3, 2))
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.empty(0, 3)
    state["rank-8"] = numbers(1, 2, 1, 2, 1, 2, 1, 3)
    for name in ("float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8"):
        state[name] = (numbers(7, first=0) * 4).to(getattr(torch, name))
    state["int8"][3] = -100
    state["float64"][2] = 1e300
    state["bool"] = torch.tensor([True, False, True])
    state["special"] = torch.tensor([float("nan"), float("inf"), -0.0, 1e-40])
    state["num_batches_tracked"] = torch.tensor(1234)
    return state


def few():
    """What the fixtures hold."""
    base = numbers(12)
    return collections.OrderedDict([
        ("weight", numbers(2, 3)), ("turned", base[2:8].reshape(2, 3).t()),
        ("half", numbers(5).to(torch.float16)), ("count", torch.tensor(7))])


def expected(state):
    with numpy.errstate(over="ignore"):
        return {name: value.detach().double().numpy().astype(numpy.float32)
                for name, value in state.items()}


class Own:
    """A class that no reader should know."""

    def __init__(self):
        self.weight = numbers(3)


class Caller:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch called",)


def save(folder, name, value, state=None, **how):
    torch.save(value, os.path.join(folder, name + ".pth"), **how)
    if state is not None:
        numpy.savez(os.path.join(folder, name + ".npz"), **expected(state))


def save_forms(folder, name, value, state, protocols=(2,)):
    """As the archive, and as the stream of before."""
    for form, new in (("zip", True), ("legacy", False)):
        for protocol in protocols:
            ending = "" if protocol == 2 else f"-{protocol}"
            save(folder, f"{name}-{form}{ending}", value, state, pickle_protocol=protocol,
                 _use_new_zipfile_serialization=new)


def save_all(folder):
    state = all_kinds()
    save_forms(folder, "kinds", state, state, protocols=(1, 2, 3, 4, 5))
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                                 torch.nn.Linear(4, 2))
    optimizer = torch.optim.Adam(layers.parameters())
    layers[0](torch.ones(1, 3, 3, 3)).sum().backward()
    optimizer.step()
    weights = layers.state_dict()
    save_forms(folder, "state", weights, weights)
    save_forms(folder, "checkpoint", {"epoch": 3, "best": 0.5, "name": "x", "state_dict": weights,
                                      "optimizer": optimizer.state_dict(), "seen": {1, 2},
                                      "none": None, "large": 1 << 80, "small": -1 << 70}, weights)
    save_forms(folder, "parallel", {"module." + name: value for name, value in weights.items()},
               weights)
    inner = {"a": numbers(2), "b": {"c": numbers(3), "list": [numbers(1), 5, numbers(4)]}}
    save_forms(folder, "nested", {"encoder": inner, 7: numbers(6), "note": "no tensor"},
               {"encoder.a": inner["a"], "encoder.b.c": inner["b"]["c"],
                "encoder.b.list.0": inner["b"]["list"][0],
                "encoder.b.list.2": inner["b"]["list"][2], "7": numbers(6)})
    save_forms(folder, "tensor", numbers(2, 2), {"tensor": numbers(2, 2)})
    for form, new in (("zip", True), ("legacy", False)):
        for name, value in (("class", Own()), ("model", layers), ("system", {"x": Caller()}),
                            ("nothing", {"epoch": 3}), ("complex", numbers(2).to(torch.complex64)),
                            ("expanded", numbers(1).expand(5, 1000))):
            save(folder, f"refused-{name}-{form}", value, _use_new_zipfile_serialization=new)


def main():
    if sys.argv[1] == "--fixtures":
        save_forms(sys.argv[2], "few", few(), None)
    else:
        save_all(sys.argv[1])


if __name__ == "__main__":
    main()
