"""The functions of corpus/oracles/h13 in float64: random inputs, the expected result and the constant section of each.

usage: oracle_reference.py ORACLES OUT    writes OUT/CASE/{NAME.npy, expected.npy, magnitude.npy, constants.bin, names.txt}

`magnitude` is what rounding errors of a sum of products are proportional to, sum |x||w|; 0 for other functions.
The constants are rebuilt by the corpus's own check.py, whose sections have the published SHA-256.
"""
import math
import os
import re
import sys
import tomllib
import zlib

import numpy as np

ORACLES, OUT = sys.argv[1:3]
sys.path.insert(0, ORACLES)
import check  # noqa: E402

PARAMETER = re.compile(r"tensor<(\w+), \[([\d, ]*)\]> (\w+)")
TYPES = {"fp16": np.float16, "bool": np.uint8}


def erf(x):
    return np.vectorize(math.erf)(x)


def weights_of(case, mil):
    """Constants of the MIL text by name, as the compiler read them (oracles/h13/README.md)."""
    found = {}
    for match in re.finditer(r"tensor<fp16, \[([\d, ]+)\]> (\w+) = const\(\)\[[^\n]*BLOBFILE", mil):
        shape = [int(n) for n in match[1].split(",")]
        count = math.prod(shape)
        if "0x3400 + index" in case["weights"]["value"]:
            words = np.full(count, 0x3400, np.uint16)
        else:
            # Bias and weights share one file, whose header states the size of the first record.
            payload = case["weights"]["payload_bytes"]
            words = np.array(check.seen_weights(count, payload), np.uint16)
        found[match[2]] = words.view(np.float16).astype(np.float64).reshape(shape)
    for match in re.finditer(r"fp16 (\w+) = const\(\)\[[^\n]*fp16\(([^)]+)\)", mil):
        found[match[1]] = np.float64(float.fromhex(match[2]))
    return found


def convolution(x, w, bias, stride, groups, magnitude=False):
    if magnitude:
        x, w, bias = abs(x), abs(w), abs(bias)
    k = w.shape[2]
    outs = w.shape[0] // groups
    height = -(-x.shape[2] // stride)
    total = max((height - 1) * stride + k - x.shape[2], 0)
    before = total // 2  # "same" puts the odd one after
    padded = np.pad(x, ((0, 0), (0, 0), (before, total - before), (before, total - before)))
    y = np.zeros((x.shape[0], w.shape[0], height, height))
    for n in range(w.shape[0]):
        first = n // outs * w.shape[1]
        part = padded[:, first:first + w.shape[1]]
        for i in range(k):
            for j in range(k):
                window = part[:, :, i:i + stride * (height - 1) + 1:stride, j:j + stride * (height - 1) + 1:stride]
                y[:, n] += np.einsum("bchw,c->bhw", window, w[n, :, i, j])
    return y + bias.reshape(1, -1, 1, 1)


def evaluate(case, inputs):
    """Result and magnitude of the MIL function, statement by statement."""
    mil = case["mil"]
    values = {name: x.astype(np.float64) for name, x in inputs.items()}
    values |= weights_of(case, mil)
    numbers = {m[1]: [int(n) for n in re.findall(r"-?\d+", m[2])]
               for m in re.finditer(r"int32(?:, \[\d+\]>)? (\w+) = const\(\)\[[^\n]*?val = [^(]*\((.*?)\)\]", mil)}
    flags = {m[1]: m[2] == "true" for m in re.finditer(r"bool (\w+) = const\(\)\[[^\n]*bool\((\w+)\)", mil)}
    magnitude = None
    for line in mil.splitlines():
        match = re.match(r"\s*\S+(?: \S+)*?> (\w+) = (\w+)\((.*)\)\[name", line)
        if not match or match[2] == "const":
            continue
        name, op, text = match.groups()
        args = dict(re.findall(r"(\w+) = ([\w.]+(?:\([^)]*\))?)", text))
        x = values[args["x"]]
        y = values.get(args.get("y"))
        constant = lambda key: float(re.search(r"\(([^)]*)\)", args[key])[1])
        axes = tuple(numbers.get(args.get("axes"), ()))
        with np.errstate(all="ignore"):
            if op in ("add", "sub", "mul", "maximum", "minimum", "real_div"):
                function = {"sub": np.subtract, "mul": np.multiply, "real_div": np.divide}.get(op) or getattr(np, op)
                r = function(x, y)
            elif op in ("abs", "exp", "sqrt", "tanh"):
                r = getattr(np, op)(x)
            elif op == "relu":
                r = np.maximum(x, 0)
            elif op == "leaky_relu":
                r = np.where(x > 0, x, constant("alpha") * x)
            elif op == "rsqrt":
                r = 1 / np.sqrt(x + constant("epsilon"))
            elif op == "sigmoid":
                r = 1 / (1 + np.exp(-x))
            elif op == "gelu":
                r = x / 2 * (1 + erf(x / math.sqrt(2)))
            elif op == "less":
                r = np.less(x, y)
            elif op == "logical_not":
                r = x == 0
            elif op == "cast":
                r = x
            elif op == "transpose":
                r = x.transpose(numbers[args["perm"]])
            elif op == "slice_by_index":
                r = x[tuple(slice(b, e) for b, e in zip(numbers[args["begin"]], numbers[args["end"]]))]
            elif op.startswith("reduce_"):
                r = {"sum": np.sum, "mean": np.mean, "max": np.max}[op[7:]](x, axis=axes, keepdims=True)
            elif op == "softmax":
                axis = numbers[args["axis"]][0]
                e = np.exp(x - x.max(axis=axis, keepdims=True))
                r = e / e.sum(axis=axis, keepdims=True)
            elif op == "layer_norm":
                d = x - x.mean(axis=axes, keepdims=True)
                r = d / np.sqrt((d * d).mean(axis=axes, keepdims=True) + constant("epsilon"))
            elif op == "matmul":
                a = x.swapaxes(-1, -2) if flags[args["transpose_x"]] else x
                b = y.swapaxes(-1, -2) if flags[args["transpose_y"]] else y
                r, magnitude = a @ b, abs(a) @ abs(b)
            elif op == "conv":
                w, bias = values[args["weight"]], values.get(args.get("bias"), np.zeros(1))
                stride, groups = numbers[args["strides"]][0], numbers[args["groups"]][0]
                r = convolution(x, w, bias, stride, groups)
                magnitude = convolution(x, w, bias, stride, groups, magnitude=True)
            else:
                raise ValueError(f"{case['case']}: unknown op {op}")
        values[name] = np.asarray(r, np.float64)
    result = re.search(r"-> \((\w+)\)", mil)[1]
    return result, values[result], np.zeros(values[result].shape) if magnitude is None else magnitude


def make(case, luts):
    folder = os.path.join(OUT, case["case"])
    os.makedirs(folder)
    random = np.random.RandomState(zlib.crc32(case["case"].encode()))
    signature = re.search(r"func main<\w+>\((.*?)\) \{", case["mil"])[1]
    inputs = {}
    for kind, extents, name in PARAMETER.findall(signature):
        shape = [int(n) for n in extents.split(",")]
        if kind == "bool":
            inputs[name] = random.randint(0, 2, shape).astype(np.uint8)
        else:
            low, high = (0.01, 8) if re.search(r"\b(sqrt|rsqrt)\(", case["mil"]) else (-4, 4)
            if "matmul(" in case["mil"] or "conv(" in case["mil"]:
                low, high = -1, 1
            inputs[name] = random.uniform(low, high, shape).astype(np.float16)
    result, expected, magnitude = evaluate(case, inputs)
    for name, value in inputs.items():
        np.save(os.path.join(folder, name + ".npy"), value)
    np.save(os.path.join(folder, "expected.npy"), expected)
    np.save(os.path.join(folder, "magnitude.npy"), magnitude)
    with open(os.path.join(folder, "constants.bin"), "wb") as out:
        out.write(check.rebuild(case, luts))
    with open(os.path.join(folder, "names.txt"), "w", encoding="ascii") as out:
        out.write("\n".join([result, *inputs]) + "\n")


def main():
    with open(os.path.join(ORACLES, "luts.toml"), "rb") as source:
        luts = tomllib.load(source)
    for name in sorted(os.listdir(ORACLES)):
        if name.endswith(".toml") and name not in ("luts.toml", "refused.toml"):
            with open(os.path.join(ORACLES, name), "rb") as source:
                make(tomllib.load(source), luts)


main()
