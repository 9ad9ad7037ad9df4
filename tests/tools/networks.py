# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Files of small networks and pictures, written by hand: the tests need no library."""
import json
import struct
import zlib


# ── ONNX, a message of protocol buffers ──────────────────────────────────────

def number(value):
    """A variable-length number."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(tag, value):
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(value)) + value


def tensor(name, dims):
    """What an input or output is: floats [dims]; a word is a dimension that is left open."""
    shape = b"".join(field(1, field(2 if isinstance(dim, str) else 1, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def node(op, inputs, output):
    return (b"".join(field(1, name) for name in inputs) + field(2, output) + field(3, output)
            + field(4, op))


def onnx(nodes, inputs, outputs):
    """A network of nodes (op, inputs, output), inputs and outputs {name: dims}."""
    graph = (b"".join(field(1, node(*each)) for each in nodes) + field(2, "test")
             + b"".join(field(11, tensor(name, dims)) for name, dims in inputs.items())
             + b"".join(field(12, tensor(name, dims)) for name, dims in outputs.items()))
    return field(1, 7) + field(7, graph) + field(8, field(2, 12))


def colours(channels=3, batch="N", more=()):
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
