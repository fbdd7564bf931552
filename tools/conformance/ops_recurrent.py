"""Recurrent layers: PyTorch's own where it has the case; else the formula, held against ONNX Runtime's in every instance.

Only LSTM's `clip` has no second source: ONNX clips what goes into the gates, MIL the cell state.
"""

import numpy as np
import torch

from onnx_node import run_node
from row import SUM, Row

ACTIVATION = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "linear": lambda x: x,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1), "scaled_tanh": np.tanh,
}
# The same functions of ONNX; alpha and beta of those that have them.
ONNX_ACTIVATION = {
    "sigmoid": ("Sigmoid",), "tanh": ("Tanh",), "relu": ("Relu",), "linear": ("Affine", 1.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 0.2, 0.5), "scaled_tanh": ("ScaledTanh", 1.0, 1.0),
}


def draw_recurrent(d):
    steps, batch, width, hidden = (d.integer(1, 4) for _ in range(4))
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[d.op]
    directions = ("forward", "reverse", "bidirectional") if d.op == "lstm" else ("forward", "reverse")
    direction = d.choice(*directions)
    both = 2 if direction == "bidirectional" else 1
    result = {"x": d.tensor((steps, batch, width)), "initial_h": d.tensor((batch, both * hidden), -1, 1)}
    if d.op == "lstm":
        result["initial_c"] = d.tensor((batch, both * hidden), -1, 1)
    bias, peephole = d.coin(0.7), d.op == "lstm" and d.coin(0.2)
    for suffix in ("", "_back")[:both]:
        result["weight_ih" + suffix] = d.array((gates * hidden, width), -1, 1)
        result["weight_hh" + suffix] = d.array((gates * hidden, hidden), -1, 1)
        if bias:
            result["bias" + suffix] = d.array((gates * hidden,), -1, 1)
        if peephole:
            result["peephole" + suffix] = d.array((3 * hidden,), -1, 1)
    if direction != "forward":
        result["direction"] = direction
    result.update(d.optional(0.5, output_sequence=d.coin(0.7), activation=d.choice("tanh", "sigmoid", "relu", "linear")))
    if d.op != "rnn":
        result.update(d.optional(0.3, recurrent_activation=d.choice("sigmoid", "tanh")))
    if d.op == "lstm":
        result.update(d.optional(0.3, cell_activation=d.choice("tanh", "relu", "hard_sigmoid", "scaled_tanh"),
                                 clip=d.scalar(0.3, 2)))
        if np.dtype(d.T) == np.float16 and d.coin(0.7):
            result.pop("clip")
    if d.op == "gru" and d.opset == 18:
        after = d.coin()
        result.update(reset_after=after, **d.optional(0.6, input_bias=d.array((gates * hidden,), -1, 1)) if after else {})
    return result


def sequence(x, direction):
    steps = range(x.shape[0])
    return reversed(steps) if direction == "reverse" else steps


def packed(outputs, last, output_sequence):
    """Hidden states in the order they are computed in - that of `reverse` too -, or the last one alone. This, and what
    the documentation leaves open below, is how Core ML's own tests have it (apple/coremltools,
    coremltools/converters/mil/mil/ops/tests/iOS14/test_recurrent.py and iOS18/test_recurrent.py)."""
    return np.stack(outputs) if output_sequence else last[None]


# --- PyTorch: layers of one direction over x, or over x turned round

def gates_in_order(array, order):
    """Rows of a weight or a bias, gate by gate, in another order."""
    parts = np.split(array, len(order))
    return torch.from_numpy(np.concatenate([parts[i] for i in order]).copy())


def of_torch(layer, x, state, direction, weights, order):
    """`weights`: input weight, hidden weight, input bias, hidden bias, as MIL orders their gates. Hidden states over the
    steps in the order of computation, and the last state."""
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), weights):
            parameter.copy_(gates_in_order(value, order))
        steps = x[::-1] if direction == "reverse" else x
        outputs, last = layer(torch.from_numpy(steps.copy()), state)
    return outputs.numpy(), last


def as_state(h):
    return torch.from_numpy(h.copy())[None]


# --- ONNX Runtime

def agree(ours, theirs, what):
    """Raises when the formula is not what ONNX Runtime computes in fp32."""
    for a, b in zip(ours, theirs):
        scale = max(1e-3, float(np.sqrt(np.mean(np.square(a)))))
        worst = float(np.abs(np.asarray(a) - b).max())
        if a.shape != b.shape or worst > 1e-4 * scale:
            raise AssertionError(f"the formula of {what} is {worst:g} from ONNX Runtime's result, {scale:g} in the mean")


def onnx_functions(names):
    rows = [ONNX_ACTIVATION[name] for name in names]
    found = {"activations": [r[0] for r in rows]}
    if any(len(r) > 1 for r in rows):
        found.update(activation_alpha=[r[1] for r in rows if len(r) > 1], activation_beta=[r[2] for r in rows if len(r) > 1])
    return found


def onnx_gates(array, order):
    return np.concatenate([np.split(array, len(order))[i] for i in order])[None]


def of_onnx(op, x, h, weights, order, names, direction, more=(), **attributes):
    """Hidden states in the order of computation, and the last states. `weights` as for `of_torch`; ONNX places what it
    computes backwards at its step of x."""
    ih, hh, input_bias, hidden_bias = (onnx_gates(w, order) for w in weights)
    inputs = [x, ih, hh, np.concatenate([input_bias, hidden_bias], axis=1), None, h[None], *more]
    results = run_node(op, inputs, 3 if op == "LSTM" else 2, hidden_size=h.shape[1], direction=direction,
                       **onnx_functions(names), **attributes)
    outputs = results[0][:, 0]
    return [outputs[::-1] if direction == "reverse" else outputs] + [last[0] for last in results[1:]]


# --- the layers

def rnn(x, initial_h, weight_ih, weight_hh, bias=None, direction="forward", output_sequence=False, activation="tanh"):
    bias = np.zeros(weight_ih.shape[0]) if bias is None else bias
    weights = (weight_ih, weight_hh, bias, np.zeros_like(bias))
    if activation in ("tanh", "relu"):
        layer = torch.nn.RNN(x.shape[2], bias.size, nonlinearity=activation, dtype=torch.float64)
        outputs, last = of_torch(layer, x, as_state(initial_h), direction, weights, (0,))
        return [packed(outputs, outputs[-1], output_sequence), last[0].numpy()]
    h, outputs = initial_h, []
    for t in sequence(x, direction):
        h = ACTIVATION[activation](x[t] @ weight_ih.T + h @ weight_hh.T + bias)
        outputs.append(h)
    agree([np.stack(outputs), h], of_onnx("RNN", x, initial_h, weights, (0,), [activation], direction), "rnn")
    return [packed(outputs, h, output_sequence), h]


def gru(x, initial_h, weight_ih, weight_hh, bias=None, input_bias=None, direction="forward", output_sequence=False,
        recurrent_activation="sigmoid", activation="tanh", reset_after=False):
    """Gates in the order reset, output, update. The reset acts before the product, or with reset_after behind it, as
    PyTorch has it; then the bias is inside the reset, and the input's own bias outside."""
    zeros = np.zeros(weight_ih.shape[0])
    bias, input_bias = (zeros if b is None else b for b in (bias, input_bias))
    weights = (weight_ih, weight_hh, input_bias, bias)
    if reset_after and (recurrent_activation, activation) == ("sigmoid", "tanh"):
        layer = torch.nn.GRU(x.shape[2], weight_hh.shape[1], dtype=torch.float64)
        outputs, last = of_torch(layer, x, as_state(initial_h), direction, weights, (0, 2, 1))
        return [packed(outputs, outputs[-1], output_sequence), last[0].numpy()]
    gate, act = ACTIVATION[recurrent_activation], ACTIVATION[activation]
    (ir, io, iz), (hr, ho, hz), (br, bo, bz), (cr, co, cz) = (np.split(w, 3) for w in (weight_ih, weight_hh, bias, input_bias))
    h, outputs = initial_h, []
    for t in sequence(x, direction):
        r = gate(x[t] @ ir.T + h @ hr.T + br + cr)
        z = gate(x[t] @ iz.T + h @ hz.T + bz + cz)
        inside = r * (h @ ho.T + bo) if reset_after else (r * h) @ ho.T + bo
        h = (1 - z) * act(x[t] @ io.T + co + inside) + z * h
        outputs.append(h)
    agree([np.stack(outputs), h], of_onnx("GRU", x, initial_h, weights, (2, 0, 1), [recurrent_activation, activation],
                                          direction, linear_before_reset=int(reset_after)), "gru")
    return [packed(outputs, h, output_sequence), h]


def lstm_one(x, initial_h, initial_c, weight_ih, weight_hh, bias, peephole, direction, names, clip):
    """One direction: hidden states in the order of computation, the last hidden and cell state. Gates in the order input,
    forget, output, cell. The output gate sees the new cell state, which `clip` bounds."""
    bias = np.zeros(weight_ih.shape[0]) if bias is None else bias
    weights = (weight_ih, weight_hh, bias, np.zeros_like(bias))
    if names == ["sigmoid", "tanh", "tanh"] and peephole is None and clip is None:
        layer = torch.nn.LSTM(x.shape[2], weight_hh.shape[1], dtype=torch.float64)
        outputs, (h, c) = of_torch(layer, x, (as_state(initial_h), as_state(initial_c)), direction, weights, (0, 1, 3, 2))
        return outputs, h[0].numpy(), c[0].numpy()
    gate, cell, act = (ACTIVATION[name] for name in names)
    pi, pf, po = (0, 0, 0) if peephole is None else np.split(peephole, 3)
    h, c, outputs = initial_h, initial_c, []
    for t in sequence(x, direction):
        i, f, o, z = np.split(x[t] @ weight_ih.T + h @ weight_hh.T + bias, 4, axis=1)
        c = gate(f + pf * c) * c + gate(i + pi * c) * cell(z)
        c = c if clip is None else np.clip(c, -clip, clip)
        h = gate(o + po * c) * act(c)
        outputs.append(h)
    outputs = np.stack(outputs)
    if clip is None:
        more = (initial_c[None], None if peephole is None else onnx_gates(peephole, (0, 2, 1)))
        agree([outputs, h, c], of_onnx("LSTM", x, initial_h, weights, (0, 2, 1, 3), names, direction, more), "lstm")
    return outputs, h, c


def lstm(x, initial_h, initial_c, weight_ih, weight_hh, bias=None, peephole=None, weight_ih_back=None, weight_hh_back=None,
         bias_back=None, peephole_back=None, direction="forward", output_sequence=False, recurrent_activation="sigmoid",
         cell_activation="tanh", activation="tanh", clip=None):
    """With both directions every hidden state stands at its step of x."""
    names = [recurrent_activation, cell_activation, activation]
    hidden = weight_hh.shape[1]
    runs = [("reverse" if direction == "reverse" else "forward", weight_ih, weight_hh, bias, peephole)]
    if direction == "bidirectional":
        runs.append(("reverse", weight_ih_back, weight_hh_back, bias_back, peephole_back))
    parts = []
    for n, (way, ih, hh, b, p) in enumerate(runs):
        part = slice(n * hidden, (n + 1) * hidden)
        outputs, h, c = lstm_one(x, initial_h[:, part], initial_c[:, part], ih, hh, b, p, way, names, clip)
        parts.append((packed(outputs[::-1] if n else outputs, h, output_sequence), h, c))
    return [np.concatenate(p, axis=-1) for p in zip(*parts)]


ROWS = [
    Row("rnn", draw_recurrent, rnn, SUM, weight=1.5),
    Row("gru", draw_recurrent, gru, SUM, weight=2),
    Row("lstm", draw_recurrent, lstm, SUM, weight=4),
]
