#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The works of `kolinsky bench --peer` by other libraries.

    peer.py torch|onnxruntime|tinygrad DEVICE WORK SHAPE MODE

makes the work ready and answers "ready NAME"; "without SENTENCE" if it is not written for that
library; "sorry SENTENCE" if the library is missing. Then, for each line "run N" on standard input,
the work is run N times, and the answer is "SECONDS BYTES": how long that took, and how much memory
the process has had at most in its runs, beyond what it had when the library was loaded. DEVICE is CPU or GPU.

The command has this program inside it. By hand:

    echo run 10 | peer.py torch CPU digits 50x1x28x28 adam

Everything is float32, and pictures are [N, C, H, W]; numbers are random. Works and modes:

    matmul  MxNxK    product                [M, K] x [K, N]
    conv    NxCxHxK  forward, gradients     3x3, stride 1, padding 1: [N, C, H, H] -> [N, K, H, H]
    digits           adam                   a training step of the lecture's network
    vgg16   NxCxHxW  inference, training    logits; cross entropy, SGD with momentum 0.9
    style   NxCxHxW  iteration              loss of the Gram matrices of VGG-19's relu1_1 .. relu5_1,
                                            and its gradient to the picture
    lite0   NxCxHxW  inference              EfficientNet-Lite0
    model   NxCxHxW  a file                 the network in an ONNX file
"""
import gc
import os
import sys
import time

# Features and convolutions of each block of Simonyan and Zisserman's networks.
VGG16 = (64, 2), (128, 2), (256, 3), (512, 3), (512, 3)
VGG19 = (64, 2), (128, 2), (256, 4), (512, 4), (512, 4)

# EfficientNet-Lite0's stages: expansion, features, blocks, side of the filters, stride of the first.
LITE0 = ((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1),
         (6, 192, 4, 5, 2), (6, 320, 1, 3, 1))


class Without(Exception):
    """The work is not written for this library."""


def processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def peak_memory():
    """The most bytes that this process has had in memory since forget_peak()."""
    try:
        # Not getrusage(), if it can be avoided: what it tells begins with the parent's memory.
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak():
    """What was needed only to make the work ready does not count, where the system allows it."""
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass


class Peer:
    """A library: a method per work gives the function that runs it once."""

    def __init__(self):
        self.loaded = peak_memory()

    def wait(self):
        """Until what runs on the device has ended."""

    def memory(self):
        return peak_memory() - self.loaded


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────

class Torch(Peer):
    def __init__(self, device):
        import torch
        super().__init__()
        self.torch, self.nn = torch, torch.nn
        self.on_gpu = device == "GPU" and torch.cuda.is_available()
        torch.manual_seed(1)
        torch.set_num_threads(processors())
        torch.backends.cudnn.allow_tf32 = False  # float32, as everything here
        if self.on_gpu:
            torch.set_default_device("cuda")
        where = torch.cuda.get_device_name() if self.on_gpu else f"{torch.get_num_threads()} threads"
        self.name = f"torch {torch.__version__}, {where}"

    def wait(self):
        if self.on_gpu:
            self.torch.cuda.synchronize()

    def memory(self):
        return self.torch.cuda.max_memory_allocated() if self.on_gpu else super().memory()

    def without_gradients(self, function, *arguments):
        def run():
            with self.torch.no_grad():
                function(*arguments)
        return run

    def step(self, network, optimizer, pictures, labels):
        loss_of = self.nn.CrossEntropyLoss()

        def run():
            optimizer.zero_grad()
            loss_of(network(pictures), labels).backward()
            optimizer.step()
        return run

    def matmul(self, shape, mode):
        rows, columns, inner = shape
        a, b = self.torch.rand(rows, inner), self.torch.rand(inner, columns)
        return self.without_gradients(self.torch.matmul, a, b)

    def conv(self, shape, mode):
        n, channels, side, filters = shape
        convolve = self.nn.functional.conv2d
        x = self.torch.rand(n, channels, side, side, requires_grad=True)
        w = self.torch.rand(filters, channels, 3, 3, requires_grad=True)
        if mode == "forward":
            return self.without_gradients(lambda: convolve(x, w, padding=1))
        dy = self.torch.rand(n, filters, side, side)

        def run():
            x.grad = w.grad = None
            convolve(x, w, padding=1).backward(dy)
        return run

    def digits(self, shape, mode):
        nn, n = self.nn, shape[0]
        network = nn.Sequential(
            nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10))
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.trunc_normal_(parameter, std=0.1, a=-0.2, b=0.2)
            else:
                nn.init.constant_(parameter, 0.1)
        optimizer = self.torch.optim.Adam(network.parameters(), lr=1e-4)
        return self.step(network, optimizer, self.torch.rand(*shape), self.torch.arange(n) % 10)

    def vgg_blocks(self, blocks):
        """Convolutions with relu, a list per block; between the blocks there is pooling."""
        channels, found = 3, []
        for features, count in blocks:
            block = []
            for _ in range(count):
                block += [self.nn.Conv2d(channels, features, 3, padding=1),
                          self.nn.ReLU(inplace=True)]
                channels = features
            found.append(block)
        return found

    def vgg16(self, shape, mode):
        nn, layers = self.nn, []
        for block in self.vgg_blocks(VGG16):
            layers += block + [nn.MaxPool2d(2)]
        network = nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(),
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(4096, 1000))
        pictures = self.torch.rand(*shape)
        if mode == "inference":
            return self.without_gradients(network.eval(), pictures)
        optimizer = self.torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
        return self.step(network, optimizer, pictures, self.torch.arange(shape[0]) % 1000)

    def style(self, shape, mode):
        """The blocks are cut behind their first relu, where the Gram matrices are taken."""
        nn, rest, stages = self.nn, [], []
        for block in self.vgg_blocks(VGG19):
            stages.append(nn.Sequential(*rest, *block[:2]))
            rest = block[2:] + [nn.MaxPool2d(2)]
        for stage in stages:
            stage.requires_grad_(False)

        def grams(picture):
            found = []
            for stage in stages:
                picture = stage(picture)
                features = picture.flatten(2)[0]
                found.append(features @ features.T / features.numel())
            return found

        with self.torch.no_grad():
            wanted = grams(self.torch.rand(*shape))
        picture = self.torch.rand(*shape, requires_grad=True)

        def run():
            picture.grad = None
            sum(((a - b) ** 2).mean() for a, b in zip(grams(picture), wanted)).backward()
        return run

    def lite0(self, shape, mode):
        nn = self.nn

        class Residual(nn.Module):
            def __init__(self, body):
                super().__init__()
                self.body = body

            def forward(self, x):
                return x + self.body(x)

        def unit(channels, features, side, stride=1, groups=1, active=True):
            return [nn.Conv2d(channels, features, side, stride, side // 2, groups=groups,
                              bias=False),
                    nn.BatchNorm2d(features)] + active * [nn.ReLU6(inplace=True)]

        layers, channels = unit(3, 32, 3, 2), 32
        for expansion, features, blocks, side, stride in LITE0:
            for number in range(blocks):
                wide = expansion * channels
                body = nn.Sequential(
                    *(unit(channels, wide, 1) if expansion > 1 else []),
                    *unit(wide, wide, side, 1 if number else stride, wide),
                    *unit(wide, features, 1, active=False))
                layers.append(Residual(body) if number else body)
                channels = features
        network = nn.Sequential(*layers, *unit(channels, 1280, 1), nn.AdaptiveAvgPool2d(1),
                                nn.Flatten(), nn.Linear(1280, 1000))
        return self.without_gradients(network.eval(), self.torch.rand(*shape))


# ── ONNX Runtime ─────────────────────────────────────────────────────────────────────────────────

class Onnxruntime(Peer):
    """What is inferred only. The networks are written with the package onnx."""

    def __init__(self, device):
        import numpy
        import onnx
        import onnxruntime
        super().__init__()
        self.numpy, self.onnx, self.runtime = numpy, onnx, onnxruntime
        self.random = numpy.random.default_rng(1)
        self.nodes, self.weights = [], []
        self.on_gpu = device == "GPU" and "CUDAExecutionProvider" in \
            onnxruntime.get_available_providers()
        where = "CUDA" if self.on_gpu else f"{processors()} threads"
        self.name = f"onnxruntime {onnxruntime.__version__}, {where}"

    def node(self, kind, *inputs, **attributes):
        """Adds a node; gives its output's name."""
        name = f"value{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, *shape):
        name = f"weight{len(self.weights)}"
        deviation = 1 / max(1, self.numpy.prod(shape[1:])) ** 0.5
        values = self.random.standard_normal(shape, dtype="float32") * self.numpy.float32(deviation)
        self.weights.append(self.onnx.numpy_helper.from_array(values, name))
        return name

    def convolution(self, x, channels, features, side, stride=1, groups=1):
        """With the bias that batch norm leaves when it is folded into the weights."""
        return self.node("Conv", x, self.weight(features, channels // groups, side, side),
                         self.weight(features), kernel_shape=[side, side], group=groups,
                         strides=[stride, stride], pads=[side // 2] * 4)

    def dense(self, x, inputs, outputs):
        return self.node("Gemm", x, self.weight(inputs, outputs), self.weight(outputs))

    def session(self, model):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = processors()
        options.log_severity_level = 3
        return self.runtime.InferenceSession(
            model, options,
            providers=["CUDAExecutionProvider" if self.on_gpu else "CPUExecutionProvider"])

    def runner(self, output, *shapes):
        """Infers @output from random inputs of the @shapes, which are named x0, x1, .."""
        helper, float32 = self.onnx.helper, self.onnx.TensorProto.FLOAT
        inputs = [helper.make_tensor_value_info(f"x{i}", float32, shape)
                  for i, shape in enumerate(shapes)]
        graph = helper.make_graph(self.nodes, "work", inputs,
                                  [helper.make_tensor_value_info(output, float32, None)],
                                  self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        session = self.session(model.SerializeToString())
        values = {f"x{i}": self.random.random(shape, dtype="float32")
                  for i, shape in enumerate(shapes)}
        self.nodes, self.weights = [], []
        return lambda: session.run(None, values)

    def matmul(self, shape, mode):
        rows, columns, inner = shape
        return self.runner(self.node("MatMul", "x0", "x1"), (rows, inner), (inner, columns))

    def conv(self, shape, mode):
        n, channels, side, filters = shape
        if mode != "forward":
            raise Without
        y = self.node("Conv", "x0", self.weight(filters, channels, 3, 3), kernel_shape=[3, 3],
                      pads=[1] * 4)
        return self.runner(y, (n, channels, side, side))

    def vgg16(self, shape, mode):
        if mode != "inference" or shape[2:] != [224, 224]:
            raise Without
        x, channels = "x0", 3
        for features, count in VGG16:
            for _ in range(count):
                x = self.node("Relu", self.convolution(x, channels, features, 3))
                channels = features
            x = self.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = self.node("Flatten", x)
        x = self.node("Relu", self.dense(x, 512 * 7 * 7, 4096))
        x = self.node("Relu", self.dense(x, 4096, 4096))
        return self.runner(self.dense(x, 4096, 1000), shape)

    def lite0(self, shape, mode):
        numpy_helper, numpy = self.onnx.numpy_helper, self.numpy
        self.weights += [numpy_helper.from_array(numpy.float32(0), "zero"),
                         numpy_helper.from_array(numpy.float32(6), "six")]

        def relu6(x):
            return self.node("Clip", x, "zero", "six")

        x, channels = relu6(self.convolution("x0", 3, 32, 3, 2)), 32
        for expansion, features, blocks, side, stride in LITE0:
            for number in range(blocks):
                before, wide = x, expansion * channels
                if expansion > 1:
                    x = relu6(self.convolution(x, channels, wide, 1))
                x = relu6(self.convolution(x, wide, wide, side, 1 if number else stride, wide))
                x = self.convolution(x, wide, features, 1)
                x = self.node("Add", before, x) if number else x
                channels = features
        x = relu6(self.convolution(x, channels, 1280, 1))
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        return self.runner(self.dense(x, 1280, 1000), shape)

    def model(self, shape, path):
        if not path.endswith(".onnx"):
            raise Without
        session = self.session(path)
        values = {session.get_inputs()[0].name: self.random.random(shape, dtype="float32")}
        return lambda: session.run(None, values)


# ── tinygrad ─────────────────────────────────────────────────────────────────────────────────────

class Tinygrad(Peer):
    def __init__(self, device):
        if device != "GPU":
            os.environ.update(DEV="CPU", CPU="1")  # as newer and older versions have it
        import tinygrad
        super().__init__()
        self.tinygrad = tinygrad
        tinygrad.Tensor.manual_seed(1)
        from importlib.metadata import version
        self.name = f"tinygrad {version('tinygrad')}, {tinygrad.Device.DEFAULT}"

    def wait(self):
        self.tinygrad.Device[self.tinygrad.Device.DEFAULT].synchronize()

    def random(self, *shape):
        return self.tinygrad.Tensor.rand(*shape).realize()

    def jitted(self, function, *values):
        run = self.tinygrad.TinyJit(lambda *inputs: function(*inputs).realize())
        for _ in range(3):  # the first two runs are those that the compiler watches
            run(*values)
        return lambda: run(*values)

    def matmul(self, shape, mode):
        rows, columns, inner = shape
        return self.jitted(lambda a, b: a @ b, self.random(rows, inner),
                           self.random(inner, columns))

    def conv(self, shape, mode):
        n, channels, side, filters = shape
        if mode != "forward":
            raise Without
        return self.jitted(lambda x, w: x.conv2d(w, padding=1),
                           self.random(n, channels, side, side),
                           self.random(filters, channels, 3, 3))

    def digits(self, shape, mode):
        nn, Tensor, Context = self.tinygrad.nn, self.tinygrad.Tensor, self.tinygrad.Context
        conv1, conv2 = nn.Conv2d(1, 32, 5, padding=2), nn.Conv2d(32, 64, 5, padding=2)
        full1, full2 = nn.Linear(3136, 1024), nn.Linear(1024, 10)
        optimizer = nn.optim.Adam(nn.state.get_parameters([conv1, conv2, full1, full2]), lr=1e-4)

        def step(x, labels):
            with Tensor.train() if hasattr(Tensor, "train") else Context(TRAINING=1):
                x = conv1(x).relu().max_pool2d()
                x = conv2(x).relu().max_pool2d()
                x = full1(x.flatten(1)).relu().dropout(0.5)
                loss = full2(x).sparse_categorical_crossentropy(labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                return loss
        labels = Tensor([i % 10 for i in range(shape[0])]).realize()
        return self.jitted(step, self.random(*shape), labels)


# ── The conversation ─────────────────────────────────────────────────────────────────────────────

PEERS = {"torch": Torch, "onnxruntime": Onnxruntime, "tinygrad": Tinygrad}


def say(line):
    print(line, flush=True)


def make_ready(library, device, work, shape, mode):
    """The library and the function that runs the work; None if that was answered."""
    try:
        peer = PEERS[library](device)
    except ImportError as error:
        say(f"sorry {library} is missing: {error}. Install it for {sys.executable}, in a virtual "
            f"environment say (pip install {library}), or name another Python with --peer-python")
        return None
    try:
        make = getattr(peer, work, None)
        if not make:
            raise Without
        run = make([int(size) for size in shape.split("x")], mode)
    except Without:
        say(f"without {library} is not compared: tests/bench/peer.py does not have {work} {mode} "
            "for it")
        return None
    forget_peak()
    say(f"ready {peer.name}")
    return peer, run


def main():
    if len(sys.argv) != 6 or sys.argv[1] not in PEERS:
        sys.exit(__doc__)
    ready = make_ready(*sys.argv[1:])
    if not ready:
        return
    peer, run = ready
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line.split()[1])):
            run()
        peer.wait()
        say(f"{time.perf_counter() - start:.9f} {max(peer.memory(), 0)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
