# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Files of small networks and pictures, written by hand: the tests need no library."""
import json
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
    attributes = b"".join(part(5, part(1, name) + number(3, value) + number(20, 2))
                          for name, value in ints.items())
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


def png(red, green, blue, width=12, height=10):
    """A picture of one colour."""
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes([red, green, blue] * width)) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))
