#!/usr/bin/env python3
"""What the example programs should compute, in float64 with NumPy, beside what the engine's numerics gave.

usage: exact.py input NAME x.npy           writes an input worth looking at
       exact.py compare NAME x.npy y.npy   prints both results; exit code 1 when they differ by more than the program's tables allow
"""
import sys

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


FILTERS = np.array([[[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
                    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]], float)
BIAS = np.array([0.5, 0, 0, -1])


def conv3x3_bias(x, filters, bias):
    padded = np.pad(x[0, 0], 1)
    out = np.zeros((1, 4, 8, 8))
    for c, h, w in np.ndindex(4, 8, 8):
        out[0, c, h, w] = (padded[h:h + 3, w:w + 3] * filters[c]).sum() + bias[c]
    return out


def conv3x3_bias_relu(x):
    return np.maximum(conv3x3_bias(x, FILTERS, BIAS), 0)


def sum_of_magnitudes(x):
    return conv3x3_bias(np.abs(x), np.abs(FILTERS), np.abs(BIAS))


def square_in_a_picture():
    picture = np.zeros((1, 1, 8, 8))
    picture[0, 0, 2:6, 2:6] = 1
    return picture


# Name: an input worth looking at, the function, what its error is measured by, how large that may be, and why.
EXAMPLES = {
    "sigmoid": (lambda: np.linspace(-9.5, 9.5, 77).reshape(1, 1, 1, 77), sigmoid, np.ones_like, 0.0034,
                "the worst error of this table measured on hardware: straight lines between knots half a step apart"),
    "conv3x3_bias_relu": (square_in_a_picture, conv3x3_bias_relu, sum_of_magnitudes, 2**-9,
                          "of the sum of |terms|: three sums in a row keep 12 bits each (3 * 2^-11), then a rounding to fp16 (2^-11)"),
    "softmax": (lambda: np.linspace(-4, 4, 64).reshape(1, 64, 1, 1), softmax, softmax, 0.0086,
                "of the value: tables 0.0018 and 0.0008, an exponent down to -11.5 in fp16 0.0027, log2 e in fp16 0.0018, "
                "three roundings 0.0015"),
}


def compare(name, x, y):
    _, function, measure, allowed, why = EXAMPLES[name]
    given = np.load(x).astype(np.float16).astype(float)
    exact, got = function(given), np.load(y).astype(float)
    if got.shape != exact.shape:
        print(f"{name}: shape {got.shape}, expected {exact.shape}")
        return 1
    error, scale = np.abs(got - exact), measure(given)
    error = np.divide(error, scale, out=np.where(error == 0, 0.0, np.inf), where=scale != 0)
    print(f"{'element':>24} {'engine':>16} {'exact':>20}")
    steps = np.unique(np.linspace(0, exact.size - 1, 8).astype(int))
    for index in (np.unravel_index(i, exact.shape) for i in [*steps, error.argmax()]):
        print(f"{str(list(map(int, index))):>24} {got[index]:>16.10g} {exact[index]:>20.12g}")
    print(f"{name}: largest error {error.max():.3g} (in the last line), allowed {allowed:.3g}: {why}")
    return 0 if error.max() <= allowed else 1


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "input" and arguments[1] in EXAMPLES:
        np.save(arguments[2], EXAMPLES[arguments[1]][0]().astype(np.float16))
        return 0
    if len(arguments) == 4 and arguments[0] == "compare" and arguments[1] in EXAMPLES:
        return compare(*arguments[1:])
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
