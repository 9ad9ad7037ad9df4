#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Writes what PyTorch computes, for tests that do not have it.

    python3 tests/nn/torch_optimizers.py tests/nn

writes torch-optimizers.h and torch-schedules.h into that folder.

An entry of the tables is the C initializer of the settings, and then PyTorch's numbers with the same
settings, in double precision.
"""
import os
import sys

import torch

STEPS = 50
torch.set_default_dtype(torch.float64)


def aim(step):
    """Where the parameters are drawn to: seven numbers that are exact in C, too."""
    return torch.tensor([((7 * step + 3 * i) % 11 - 5) / 4 for i in range(7)])


def start():
    return [torch.full((3,), 0.5, requires_grad=True), torch.full((2, 2), -1.0, requires_grad=True)]


def c_number(value):
    return f"{value:.9g}"


def c_list(values):
    lines = [", ".join(c_number(v) for v in values[i : i + 7]) for i in range(0, len(values), 7)]
    return "{ " + ",\n      ".join(lines) + " }"


# ── Optimizers: 50 steps on Σ (p - aim)² ──────────────────────────────────────────────────────

OPTIMIZERS = [
    ('.name = "sgd", .rate = 0.03', torch.optim.SGD, dict(lr=0.03), {}),
    ('.name = "sgd", .rate = 0.02, .momentum = 0.9', torch.optim.SGD, dict(lr=0.02, momentum=0.9), {}),
    ('.name = "sgd", .rate = 0.02, .momentum = 0.9, .nesterov = TRUE', torch.optim.SGD,
     dict(lr=0.02, momentum=0.9, nesterov=True), {}),
    ('.name = "sgd", .rate = 0.02, .momentum = 0.5, .weight_decay = 0.1', torch.optim.SGD,
     dict(lr=0.02, momentum=0.5, weight_decay=0.1), {}),
    ('.name = "sgd", .rate = 0.05, .clip_value = 0.75', torch.optim.SGD, dict(lr=0.05), dict(value=0.75)),
    ('.name = "sgd", .rate = 0.05, .weight_decay = 0.1, .clip_norm = 2', torch.optim.SGD,
     dict(lr=0.05, weight_decay=0.1), dict(norm=2)),
    ('.name = "sgd", .rate = 0.05, .clip_norm = 100', torch.optim.SGD, dict(lr=0.05), dict(norm=100)),
    ('.name = "adam"', torch.optim.Adam, dict(), {}),
    ('.name = "adam", .rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4', torch.optim.Adam,
     dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4), {}),
    ('.name = "adam", .rate = 0.05, .weight_decay = 0.1', torch.optim.Adam,
     dict(lr=0.05, weight_decay=0.1), {}),
    ('.name = "adam", .rate = 0.05, .clip_norm = 1.5', torch.optim.Adam, dict(lr=0.05), dict(norm=1.5)),
    ('.name = "adamw", .rate = 0.05, .weight_decay = 0.3', torch.optim.AdamW,
     dict(lr=0.05, weight_decay=0.3), {}),
    ('.name = "adamw", .rate = 0.05, .weight_decay = 0.3, .clip_value = 1.5, .average = 0.9',
     torch.optim.AdamW, dict(lr=0.05, weight_decay=0.3), dict(value=1.5, average=0.9)),
    ('.name = "rmsprop"', torch.optim.RMSprop, dict(), {}),
    ('.name = "rmsprop", .rate = 0.02, .alpha = 0.9, .epsilon = 1e-3', torch.optim.RMSprop,
     dict(lr=0.02, alpha=0.9, eps=1e-3), {}),
    ('.name = "rmsprop", .rate = 0.005, .alpha = 0.9, .momentum = 0.9', torch.optim.RMSprop,
     dict(lr=0.005, alpha=0.9, momentum=0.9), {}),
    ('.name = "rmsprop", .rate = 0.005, .alpha = 0.9, .centered = TRUE', torch.optim.RMSprop,
     dict(lr=0.005, alpha=0.9, centered=True), {}),
    ('.name = "rmsprop", .rate = 0.005, .alpha = 0.9, .momentum = 0.5, .centered = TRUE, '
     '.weight_decay = 0.1, .clip_norm = 2, .average = 0.8', torch.optim.RMSprop,
     dict(lr=0.005, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1), dict(norm=2, average=0.8)),
]


class Weights(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = torch.nn.ParameterList(torch.nn.Parameter(p.detach()) for p in start())


def descend(make, settings, value=None, norm=None, average=None):
    """The parameters after 50 steps, then their averages."""
    module = Weights()
    weights = list(module.weights)
    optimizer = make(weights, **settings)
    averaged = torch.optim.swa_utils.AveragedModel(
        module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(average or 0))
    for step in range(STEPS):
        optimizer.zero_grad()
        flat = torch.cat([w.reshape(-1) for w in weights])
        ((flat - aim(step)) ** 2).sum().backward()
        if value:
            torch.nn.utils.clip_grad_value_(weights, value)
        if norm:
            torch.nn.utils.clip_grad_norm_(weights, norm)
        optimizer.step()
        averaged.update_parameters(module)
    result = torch.cat([w.detach().reshape(-1) for w in weights]).tolist()
    if average:
        result += torch.cat([w.detach().reshape(-1) for w in averaged.module.weights]).tolist()
    return result


# ── Schedules: the rate of each of 20 steps, from 0.1 ─────────────────────────────────────────

RATE, RATES = 0.1, 20


def warmed_up(warmup, make):
    """A linear warm-up, then what @make returns."""
    def both(optimizer):
        first = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, 1, total_iters=warmup - 1)
        return torch.optim.lr_scheduler.SequentialLR(optimizer, [first, make(optimizer)], [warmup])
    return both


def step_lr(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, 6, 0.5)


def exponential(gamma):
    return lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma)


def cosine(steps, final=0.0):
    return lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, RATE * final)


SCHEDULES = [
    ('.name = "constant"', lambda o: torch.optim.lr_scheduler.MultiplicativeLR(o, lambda step: 1)),
    ('.name = "step", .every = 6, .factor = 0.5', step_lr),
    ('.name = "step", .every = 7', lambda o: torch.optim.lr_scheduler.StepLR(o, 7)),
    ('.name = "step", .every = 6, .factor = 0.5, .warmup = 5', warmed_up(5, step_lr)),
    ('.name = "exponential", .every = 1, .factor = 0.9', exponential(0.9)),
    ('.name = "exponential", .every = 10', exponential(0.1 ** (1 / 10))),
    ('.name = "cosine"', cosine(RATES)),
    ('.name = "cosine", .final = 0.1', cosine(RATES, 0.1)),
    ('.name = "cosine", .final = 0.1, .warmup = 5', warmed_up(5, cosine(RATES - 5, 0.1))),
    ('.name = "one-cycle"', lambda o: torch.optim.lr_scheduler.OneCycleLR(
        o, RATE, total_steps=RATES, cycle_momentum=False)),
]


def rates(make):
    optimizer = torch.optim.SGD(start(), lr=RATE)
    schedule = make(optimizer)
    result = []
    for _ in range(RATES):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return result


# ── ReduceLROnPlateau: the rate, from 1, after each of 20 losses ──────────────────────────────

LOSSES = [1, 0.9, 0.95, 0.91, 0.9, 0.895, 0.89999, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.69995, 0.75, 0.6,
          float("nan"), 0.7, 0.8, 0.9]
PLATEAUS = [(0.1, 2, 1e-4, 0), (0.5, 1, 0.01, 0.1), (0.5, 0, 0, 0.01)]


def plateau(factor, patience, threshold, least):
    optimizer = torch.optim.SGD(start(), lr=1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=threshold, min_lr=least, eps=0)
    result = []
    for loss in LOSSES:
        schedule.step(loss)
        result.append(optimizer.param_groups[0]["lr"])
    return result


# ── The files ─────────────────────────────────────────────────────────────────────────────────

def heading():
    version = torch.__version__.split("+")[0]
    yield "/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */"
    yield f"/* Written by torch_optimizers.py with PyTorch {version}. */"
    yield "#pragma once\n/* clang-format off */\n"


def optimizer_lines():
    yield f"#define TORCH_STEPS {STEPS}\n"
    yield "static const struct { KolOptimizer how; double p[7], average[7]; } torch_optimizers[] = {"
    for settings, make, numbers, extra in OPTIMIZERS:
        result = descend(make, numbers, **extra)
        average = f",\n    {c_list(result[7:])}" if len(result) > 7 else ""
        yield f"  {{ {{ {settings} }},\n    {c_list(result[:7])}{average} }},"
    yield "};"


def schedule_lines():
    losses = ["NAN" if loss != loss else c_number(loss) for loss in LOSSES]
    yield f"#define TORCH_RATE {RATE}\n#define TORCH_RATES {RATES}\n"
    yield "static const struct { KolSchedule how; double rates[TORCH_RATES]; } torch_schedules[] = {"
    for settings, make in SCHEDULES:
        yield f"  {{ {{ {settings} }},\n    {c_list(rates(make))} }},"
    yield "};\n"
    yield f"static const double torch_losses[TORCH_RATES] =\n  {{ {', '.join(losses)} }};\n"
    yield "static const struct {\n  double factor;\n  guint patience;\n  double threshold, least;"
    yield "  double scales[TORCH_RATES];\n} torch_plateaus[] = {"
    for settings in PLATEAUS:
        yield f"  {{ {', '.join(c_number(s) for s in settings)},\n    {c_list(plateau(*settings))} }},"
    yield "};"


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        for line in [*heading(), *lines]:
            file.write(line + "\n")


write(os.path.join(sys.argv[1], "torch-optimizers.h"), optimizer_lines())
write(os.path.join(sys.argv[1], "torch-schedules.h"), schedule_lines())
