# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Files of small networks and pictures, written by hand: the tests need no library."""
import json
import random
import struct
import zlib

FLOAT, INT64 = 1, 7


# ── ONNX, messages of protocol buffers ───────────────────────────────────────

def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def part(field, content):
    """A field of bytes, text or another message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def number(field, value):
    return varint(field << 3) + varint(value)


def tensor(name, shape, values, kind=FLOAT):
    raw = struct.pack(f"<{len(values)}{'f' if kind == FLOAT else 'q'}", *values)
    return b"".join(number(1, n) for n in shape) + number(2, kind) + part(8, name) + part(9, raw)


def port(name, shape, kind=FLOAT):
    """An input or output; a length of None is open."""
    dims = b"".join(part(1, part(2, "n") if n is None else number(1, n)) for n in shape)
    return part(1, name) + part(2, part(1, number(1, kind) + part(2, dims)))


def node(op, inputs, outputs, domain="", **ints):
    """A node whose attributes are integers or lists of them."""
    def content(value):
        if isinstance(value, list):
            return b"".join(number(8, each) for each in value) + number(20, 7)
        return number(3, value) + number(20, 2)
    attributes = b"".join(part(5, part(1, name) + content(value)) for name, value in ints.items())
    return (b"".join(part(1, name) for name in inputs)
            + b"".join(part(2, name) for name in outputs)
            + part(4, op) + attributes + (part(7, domain) if domain else b""))


def model(nodes, inputs, outputs, initializers=(), opset=13):
    graph = (b"".join(part(1, n) for n in nodes) + part(2, "g")
             + b"".join(part(5, t) for t in initializers)
             + b"".join(part(11, p) for p in inputs) + b"".join(part(12, p) for p in outputs))
    return number(1, 7) + part(2, "by hand") + part(7, graph) + part(8, number(2, opset))


def onnx(nodes, inputs, outputs):
    """A network of nodes (op, inputs, output), with inputs and outputs {name: shape}."""
    return model([node(op, names, [output]) for op, names, output in nodes],
                 [port(name, shape) for name, shape in inputs.items()],
                 [port(name, shape) for name, shape in outputs.items()])


def colours(channels=3, batch=None, more=()):
    """A score for each channel, its mean; then the nodes `more`, from "scores" on."""
    nodes = [("GlobalAveragePool", ["x"], "mean"), ("Flatten", ["mean"], "scores"), *more]
    return onnx(nodes, {"x": [batch, channels, 8, 8]}, {nodes[-1][2]: [batch, channels]})


# ── Other files ──────────────────────────────────────────────────────────────

def safetensors(arrays):
    """{name: (dims, floats)}"""
    header, data = {}, b""
    for name, (dims, floats) in arrays.items():
        packed = struct.pack(f"<{len(floats)}f", *floats)
        header[name] = {"dtype": "F32", "shape": dims,
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def convolutions():
    """Two 1x1 convolutions with a ReLU each, of chance weights: its features have styles."""
    chance = random.Random(4)
    nodes = [node("Conv", ["x", "w1"], ["conv_one"]),
             node("Relu", ["conv_one"], ["relu_one"]),
             node("Conv", ["relu_one", "w2"], ["conv_two"]),
             node("Relu", ["conv_two"], ["relu_two"])]
    weights = [tensor(name, shape, [chance.gauss(0, 0.5) for _ in range(count)])
               for name, shape, count in (("w1", [6, 3, 1, 1], 18), ("w2", [8, 6, 1, 1], 48))]
    return model(nodes, [port("x", [None, 3, None, None])],
                          [port("relu_two", [None, 8, None, None])], weights)


def squeezenet():
    """Weights of SqueezeNet 1.1, by PyTorch's names; all alike but for their signs."""
    shapes = {"features.0": [64, 3, 3, 3], "classifier.1": [1000, 512, 1, 1]}
    channels = 64
    for layer, narrow, wide in ((3, 16, 64), (4, 16, 64), (6, 32, 128), (7, 32, 128),
                                (9, 48, 192), (10, 48, 192), (11, 64, 256), (12, 64, 256)):
        shapes[f"features.{layer}.squeeze"] = [narrow, channels, 1, 1]
        shapes[f"features.{layer}.expand1x1"] = [wide, narrow, 1, 1]
        shapes[f"features.{layer}.expand3x3"] = [wide, narrow, 3, 3]
        channels = 2 * wide
    arrays = {}
    for name, shape in shapes.items():
        count = shape[0] * shape[1] * shape[2] * shape[3]
        arrays[name + ".weight"] = shape, [0.03 if i % 3 else -0.04 for i in range(count)]
        arrays[name + ".bias"] = shape[:1], [0.1] * shape[0]
    return safetensors(arrays)


def png(red, green, blue, width=12, height=10):
    """A picture of one colour."""
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes([red, green, blue] * width)) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def read_grey(path):
    """The bytes of a grey PNG file, row after row."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, pixels = 8, b"", bytearray()
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, bits, colour = struct.unpack_from(">IIBB", data, at + 8)
            assert (bits, colour) == (8, 0), f"{path} is not grey"
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    rows, above = zlib.decompress(packed), bytes(width)
    for y in range(height):
        method, *row = rows[y * (width + 1):(y + 1) * (width + 1)]
        for x in range(width):
            a, b, c = (row[x - 1], above[x], above[x - 1]) if x else (0, above[x], 0)
            nearest = min((a, b, c), key=lambda n: abs(a + b - c - n))
            row[x] = (row[x] + (0, a, b, (a + b) // 2, nearest)[method]) % 256
        pixels += bytes(row)
        above = row
    return bytes(pixels)
