"""One ONNX operator run by ONNX Runtime: the model is so small that its protobuf message is encoded here."""

import struct

import numpy as np
import onnxruntime

FLOAT = 1  # TensorProto.DataType
ATTRIBUTE_TYPES = {float: 1, int: 2, str: 3, "floats": 6, "strings": 8}
OPSET = 14


def varint(value):
    encoded = bytearray()
    while True:
        encoded.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(encoded)


def field(number, value):
    """A field of a protobuf message: an integer, or text or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    single = {float: lambda v: varint(2 << 3 | 5) + struct.pack("<f", v), int: lambda v: field(3, v), str: lambda v: field(4, v)}
    if not isinstance(value, list):
        return field(1, name) + single[type(value)](value) + field(20, ATTRIBUTE_TYPES[type(value)])
    if isinstance(value[0], str):
        return field(1, name) + b"".join(field(9, v) for v in value) + field(20, ATTRIBUTE_TYPES["strings"])
    return field(1, name) + field(7, struct.pack(f"<{len(value)}f", *value)) + field(20, ATTRIBUTE_TYPES["floats"])


def value_info(name, shape=None):
    tensor = field(1, FLOAT)
    if shape is not None:
        tensor += field(2, b"".join(field(1, field(1, int(n))) for n in shape))
    return field(1, name) + field(2, field(1, tensor))


def run_node(op, inputs, outputs, **attributes):
    """`inputs`: arrays, or None for what is left out; `outputs`: how many there are. In fp32."""
    arrays = {f"in{i}": np.asarray(v, np.float32) for i, v in enumerate(inputs) if v is not None}
    node = b"".join(field(1, "" if v is None else f"in{i}") for i, v in enumerate(inputs))
    node += b"".join(field(2, f"out{i}") for i in range(outputs)) + field(4, op)
    node += b"".join(field(5, attribute(name, value)) for name, value in attributes.items())
    graph = field(1, node) + field(2, op)
    graph += b"".join(field(11, value_info(name, value.shape)) for name, value in arrays.items())
    graph += b"".join(field(12, value_info(f"out{i}")) for i in range(outputs))
    model = field(1, 8) + field(7, graph) + field(8, field(2, OPSET))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, arrays)
