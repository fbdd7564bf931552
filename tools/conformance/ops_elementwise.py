"""Elementwise ops, activations, reductions and normalisations."""

import numpy as np
import torch
import torch.nn.functional as F

from draw import Input
from row import EXACT, FUNCTION, ROUNDED, SUM, Row, spread


def tensor(x):
    return torch.from_numpy(np.ascontiguousarray(x))


def of_torch(function):
    return lambda x, **rest: function(tensor(x), **rest).numpy()


# --- unary

def unary(low=-3, high=3, **parameters):
    """x in a range, and optional constants of x's type given as ranges."""
    def draw(d):
        constants = {name: d.scalar(*bounds) for name, bounds in parameters.items()}
        return {"x": d.tensor(d.shape(), low, high), **d.optional(**constants)}
    return draw


def halves(d):
    """Numbers among which many lie exactly between two integers."""
    return {"x": Input((d.array(d.shape(), -20, 20, np.int32) / 4).astype(d.T))}


def draw_clip(d):
    alpha = d.real(-2, 1)
    return {"x": d.tensor(d.shape()), "alpha": d.T(alpha), "beta": d.T(alpha + d.real(0.1, 2))}


def draw_cast(d):
    names = ["fp16", "fp32", "int32", "bool"]
    if d.opset >= 17:
        names += ["int8", "uint8", "int16", "uint16"]
    target = d.choice(*names)
    # Values every integer type holds: what becomes of others is not stated.
    low = 0 if target.startswith("u") else -100
    return {"x": d.tensor(d.shape(), low, 100), "dtype": target}


def cast(x, dtype):
    if dtype == "bool":
        return x != 0
    if dtype in ("fp16", "fp32"):  # Runs in fp32 and fp64 do not round to the declared type.
        return x.astype(np.float64)
    return np.trunc(x.astype(np.float64)).astype(dtype)


UNARY = [
    Row("abs", unary(), np.abs),
    Row("acos", unary(-0.99, 0.99), np.arccos, FUNCTION),
    Row("asin", unary(-0.99, 0.99), np.arcsin, FUNCTION),
    Row("atan", unary(-10, 10), np.arctan, FUNCTION),
    Row("atanh", unary(-0.95, 0.95), np.arctanh, FUNCTION),
    Row("cast", draw_cast, cast, EXACT, weight=3),
    Row("ceil", halves, np.ceil, EXACT),
    Row("clip", draw_clip, lambda x, alpha, beta: np.clip(x, alpha, beta)),
    Row("cos", unary(-8, 8), np.cos, FUNCTION),
    Row("cosh", unary(), np.cosh, FUNCTION),
    Row("erf", unary(), of_torch(torch.erf), FUNCTION),
    Row("exp", unary(), np.exp, FUNCTION),
    Row("exp2", lambda d: {"x": d.tensor(d.shape(), 0 if d.T == np.int32 else -3)}, np.exp2, FUNCTION),
    Row("floor", halves, np.floor, EXACT),
    Row("inverse", unary(0.2, 4, epsilon=(0.01, 0.1)), lambda x, epsilon=1e-4: 1 / (x + epsilon), FUNCTION),
    Row("log", unary(0.05, 8, epsilon=(0.01, 0.1)), lambda x, epsilon=1e-45: np.log(x + epsilon), FUNCTION),
    Row("logical_not", lambda d: {"x": d.tensor(d.shape(), element=np.bool_)}, np.logical_not, EXACT),
    Row("round", halves, np.rint, EXACT),
    Row("rsqrt", unary(0.05, 8, epsilon=(0.01, 0.1)), lambda x, epsilon=1e-12: 1 / np.sqrt(x + epsilon), FUNCTION),
    Row("sign", halves, np.sign, EXACT),
    Row("sin", unary(-8, 8), np.sin, FUNCTION),
    Row("sinh", unary(), np.sinh, FUNCTION),
    Row("sqrt", unary(0, 8), np.sqrt),
    Row("square", unary(), np.square),
    Row("tan", unary(-1.3, 1.3), np.tan, FUNCTION),
    Row("tanh", unary(), np.tanh, FUNCTION),
    Row("threshold", lambda d: {"x": d.tensor(d.shape()), "alpha": d.scalar(-1, 1)},
        lambda x, alpha: np.maximum(x, alpha)),
]

# --- binary


def broadcast_shapes(d):
    """Two shapes that broadcast: extents of 1 and missing leading axes on either side."""
    shape = list(d.shape(1, 5, 5))
    other = [1 if d.coin(0.3) else n for n in shape]
    shape = [1 if d.coin(0.15) else n for n in shape]
    other = other[d.integer(0, len(other) - 1) if d.coin(0.4) else 0:]
    return (shape, other) if d.coin() else (other, shape)


def binary(x=(-3, 3), y=(-3, 3), make=None):
    def draw(d):
        shape_x, shape_y = broadcast_shapes(d)
        a, b = d.array(shape_x, *x), d.array(shape_y, *y)
        if make:
            a, b = make(d, a, b)
        constant = d.choice("none", "none", "x", "y")
        return {"x": a if constant == "x" else Input(a), "y": b if constant == "y" else Input(b)}
    return draw


def nonzero(d, a, b):
    """Divisors away from 0; integers of either sign."""
    if b.dtype.kind == "f":
        return a, np.where(b < 0, b - 0.5, b + 0.5).astype(b.dtype)
    return a * 5, np.where(b == 0, 1, b)


def divisible(d, a, b):
    a, b = nonzero(d, a, b)
    if b.dtype.kind != "f":  # What integer division leaves over is not stated: quotients without remainder.
        b = b.ravel()[:1].reshape(())
        a, b = a * b, np.full((1,), b)
    return a.astype(b.dtype), b


def powers(d, a, b):
    return (np.abs(a) + 0.1).astype(a.dtype) if a.dtype.kind == "f" else a, (b if b.dtype.kind == "f" else np.abs(b))


def close(d, a, b):
    """Many equal pairs, for comparisons."""
    return np.round(a).astype(a.dtype), np.round(b).astype(b.dtype)


def divide(x, y):
    return x / y if x.dtype.kind == "f" else x // y


BINARY = [
    Row("add", binary(), np.add, weight=2),
    Row("sub", binary(), np.subtract),
    Row("mul", binary(), np.multiply),
    Row("real_div", binary(make=divisible), divide),
    Row("floor_div", binary(make=nonzero), np.floor_divide, EXACT, weight=2),
    Row("mod", binary(make=nonzero), np.mod, FUNCTION, weight=2),
    Row("pow", binary((0, 3), (-2, 2), powers), np.power, FUNCTION),
    Row("maximum", binary(), np.maximum),
    Row("minimum", binary(), np.minimum),
    Row("equal", binary(make=close), np.equal, EXACT),
    Row("not_equal", binary(make=close), np.not_equal, EXACT),
    Row("greater", binary(make=close), np.greater, EXACT),
    Row("greater_equal", binary(make=close), np.greater_equal, EXACT),
    Row("less", binary(make=close), np.less, EXACT),
    Row("less_equal", binary(make=close), np.less_equal, EXACT),
    Row("logical_and", binary(), np.logical_and, EXACT),
    Row("logical_or", binary(), np.logical_or, EXACT),
    Row("logical_xor", binary(), np.logical_xor, EXACT),
]


def draw_select(d):
    shape_a, shape_b = broadcast_shapes(d)
    shape = np.broadcast_shapes(tuple(shape_a), tuple(shape_b))
    condition = shape if d.coin() else tuple(1 if d.coin(0.4) else n for n in shape)
    return {"cond": d.tensor(condition, element=np.bool_), "a": d.tensor(shape_a), "b": d.tensor(shape_b)}


SELECT = [Row("select", draw_select, lambda cond, a, b: np.where(cond, a, b), EXACT)]

# --- activations


def with_constants(**bounds):
    def draw(d):
        element = d.element("U") if d.opset >= 17 else d.T
        return {"x": d.tensor(d.shape()), **{name: d.scalar(*b, element=element) for name, b in bounds.items()}}
    return draw


def channel_constants(low_rank, high_rank, **bounds):
    def draw(d):
        shape = d.shape(low_rank, high_rank)
        element = d.element("U") if d.opset >= 17 else d.T
        constants = {name: d.array(shape[1], *b, element=element) for name, b in bounds.items()}
        if d.op == "prelu" and len(shape) != 4:
            constants = {name: np.full_like(c, c[0]) for name, c in constants.items()}
        return {"x": d.tensor(shape), **constants}
    return draw


def gelu(x, mode="EXACT"):
    if mode == "SIGMOID_APPROXIMATION":
        return x / (1 + np.exp(-1.702 * x))
    return F.gelu(tensor(x), approximate="tanh" if mode == "TANH_APPROXIMATION" else "none").numpy()


ACTIVATIONS = [
    Row("clamped_relu", with_constants(alpha=(-1, 1), beta=(0.5, 2)),
        lambda x, alpha, beta: np.minimum(beta, np.where(x >= 0, x, alpha * x))),
    Row("elu", with_constants(alpha=(0.1, 2)), lambda x, alpha: F.elu(tensor(x), float(alpha)).numpy(), FUNCTION),
    Row("gelu", lambda d: {"x": d.tensor(d.shape(), -5, 5), **d.optional(
        mode=d.choice("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"))}, gelu, FUNCTION, weight=2),
    Row("leaky_relu", with_constants(alpha=(0.01, 0.9)), lambda x, alpha: np.where(x >= 0, x, alpha * x)),
    Row("linear_activation", with_constants(alpha=(-2, 2), beta=(-2, 2)), lambda x, alpha, beta: alpha * x + beta),
    Row("prelu", channel_constants(3, 5, alpha=(-1, 1)),
        lambda x, alpha: F.prelu(tensor(x), tensor(alpha)).numpy()),
    Row("relu", unary(), of_torch(F.relu)),
    Row("relu6", unary(-9, 9), of_torch(F.relu6)),
    Row("scaled_tanh", with_constants(alpha=(0.5, 2), beta=(0.5, 2)),
        lambda x, alpha, beta: alpha * np.tanh(beta * x), FUNCTION),
    Row("sigmoid", unary(-9, 9), of_torch(torch.sigmoid), FUNCTION),
    Row("sigmoid_hard", with_constants(alpha=(0.1, 1), beta=(0.1, 1)),
        lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1)),
    Row("silu", unary(-9, 9), of_torch(F.silu), FUNCTION),
    Row("softplus", unary(-25, 25), lambda x: np.logaddexp(0, x), FUNCTION),
    Row("softplus_parametric", channel_constants(3, 5, alpha=(0.5, 2), beta=(-2, 2)),
        lambda x, alpha, beta: spread(alpha, x.ndim) * np.logaddexp(0, spread(beta, x.ndim) * x), FUNCTION),
    Row("softsign", unary(), of_torch(F.softsign)),
    Row("thresholded_relu", with_constants(alpha=(-1, 1)), lambda x, alpha: np.where(x >= alpha, x, 0)),
]

# --- reductions


def reduction(low=-3, high=3, small=False):
    def draw(d):
        shape = d.shape(1, 5, 3 if small else 6)
        return {"x": d.tensor(shape, low, high), **d.optional(axes=d.axes(len(shape)), keep_dims=d.coin())}
    return draw


def over_axes(function):
    def reference(x, axes=None, keep_dims=False):
        axes = tuple(range(x.ndim)) if axes is None else tuple(int(a) for a in axes)
        return function(x, axis=axes, keepdims=keep_dims)
    return reference


def log_sum_exp(x, axis, keepdims):
    return torch.logsumexp(tensor(x), dim=axis, keepdim=keepdims).numpy()


def draw_arg(d):
    shape = d.shape(1, 5)
    rest = {"axis": d.axis(len(shape)), "keep_dims": d.coin()}
    if d.opset >= 17:
        rest["output_dtype"] = d.choice("int32", "uint16")
    return {"x": Input(d.distinct(shape)), **d.optional(**rest)}


def arg(function):
    def reference(x, axis=-1, keep_dims=False, output_dtype="int32"):
        return function(x, axis=int(axis), keepdims=keep_dims).astype(output_dtype)
    return reference


def draw_axis(d):
    shape = d.shape(1, 5)
    return {"x": d.tensor(shape, -5, 5), **d.optional(axis=d.axis(len(shape)))}


def draw_cumsum(d):
    shape = d.shape(1, 5)
    axis = d.integer(-1, len(shape) - 1)
    return {"x": d.tensor(shape), **d.optional(axis=np.int32(axis), exclusive=d.coin(), reverse=d.coin())}


def cumsum(x, axis=0, exclusive=False, reverse=False):
    x = np.flip(x, axis) if reverse else x
    y = np.cumsum(x, axis=axis)
    y = y - x if exclusive else y
    return np.flip(y, axis) if reverse else y


FLOATS = "f"  # Integer means and roots: what rounding they get is not stated.

REDUCTIONS = [
    Row("reduce_argmax", draw_arg, arg(np.argmax), EXACT),
    Row("reduce_argmin", draw_arg, arg(np.argmin), EXACT),
    Row("reduce_l1_norm", reduction(), over_axes(lambda x, **k: np.sum(np.abs(x), **k)), SUM),
    Row("reduce_l2_norm", reduction(), over_axes(lambda x, **k: np.sqrt(np.sum(x * x, **k))), SUM, FLOATS),
    Row("reduce_log_sum", reduction(0.1, 3), over_axes(lambda x, **k: np.log(np.sum(x, **k))), SUM, FLOATS),
    Row("reduce_log_sum_exp", reduction(-30, 30), over_axes(log_sum_exp), SUM, FLOATS),
    Row("reduce_max", reduction(), over_axes(np.max), EXACT),
    Row("reduce_mean", reduction(), over_axes(np.mean), SUM, FLOATS),
    Row("reduce_min", reduction(), over_axes(np.min), EXACT),
    Row("reduce_prod", reduction(-1.5, 1.5, small=True), over_axes(np.prod), SUM),
    Row("reduce_sum", reduction(), over_axes(np.sum), SUM),
    Row("reduce_sum_square", reduction(), over_axes(lambda x, **k: np.sum(x * x, **k)), SUM),
    Row("softmax", draw_axis, lambda x, axis=-1: torch.softmax(tensor(x), dim=int(axis)).numpy(), FUNCTION, weight=2),
    Row("cumsum", draw_cumsum, cumsum, SUM),
]

# --- normalisations


def parameters(d, names, length, positive=()):
    element = d.element("U") if d.opset >= 17 and "U" in d.cls.type_domains else d.T
    return {n: d.array(length, 0.3 if n in positive else -1.5, 1.5, element) for n in names}


def draw_batch_norm(d):
    x = d.shape(3, 5)
    p = parameters(d, ("mean", "variance", "gamma", "beta"), x[1], ("variance",))
    epsilon = p["mean"].dtype.type(d.real(1e-3, 1e-1))
    result = {"x": d.tensor(x), "mean": p["mean"], "variance": p["variance"], **d.optional(epsilon=epsilon)}
    return {**result, "gamma": p["gamma"], "beta": p["beta"]} if d.coin(0.7) else result


def batch_norm(x, mean, variance, gamma=None, beta=None, epsilon=1e-5):
    vectors = [None if v is None else tensor(v) for v in (mean, variance, gamma, beta)]
    return F.batch_norm(tensor(x), *vectors, training=False, eps=float(epsilon)).numpy()


def draw_instance_norm(d):
    x = (d.integer(1, 3), d.integer(1, 5)) + tuple(d.integer(2, 6) for _ in range(d.integer(1, 2)))
    p = parameters(d, ("gamma", "beta"), x[1])
    epsilon = p["gamma"].dtype.type(d.real(1e-3, 1e-1))
    return {"x": d.tensor(x), **(p if d.coin(0.7) else {}), **d.optional(epsilon=epsilon)}


def instance_norm(x, gamma=None, beta=None, epsilon=1e-5):
    axes = tuple(range(2, x.ndim))
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    y = y if gamma is None else y * spread(gamma, x.ndim)
    return y if beta is None else y + spread(beta, x.ndim)


def draw_layer_norm(d):
    x = d.shape(1, 5)
    axes = sorted(d.some(range(len(x))))  # The builder cannot make one without axes.
    normalised = tuple(x[a] for a in axes)
    p = parameters(d, ("gamma", "beta"), normalised)
    result = {"x": d.tensor(x), **d.optional(epsilon=p["gamma"].dtype.type(d.real(1e-3, 1e-1)))}
    result["axes"] = np.array([a - len(x) if d.coin(0.3) else a for a in axes], np.int32)
    if d.coin(0.7):
        result["gamma"] = p["gamma"]
        if d.coin(0.7):
            result["beta"] = p["beta"]
    return result


def layer_norm(x, axes=None, gamma=None, beta=None, epsilon=1e-5):
    axes = tuple(range(x.ndim)) if axes is None else tuple(int(a) % x.ndim for a in axes)
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    shape = [x.shape[i] if i in axes else 1 for i in range(x.ndim)]
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


def l2_norm(x, epsilon=1e-6):
    return x / np.sqrt(np.sum(x * x, axis=(-3, -2, -1), keepdims=True) + epsilon)


def draw_local_response_norm(d):
    x = d.shape(3, 4, 8)
    return {"x": d.tensor(x), "size": np.int32(d.choice(1, 2, 3, 5)), **d.optional(
        alpha=d.scalar(0.1, 1), beta=d.scalar(0.3, 1), k=d.scalar(0.5, 2))}


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """Channels are the third axis from the end, in rank 3 too: so coremltools' own test of the op expects."""
    batched = tensor(x.reshape((-1,) + x.shape[-3:]))
    return F.local_response_norm(batched, int(size), float(alpha), float(beta), float(k)).numpy().reshape(x.shape)


NORMALISATIONS = [
    Row("batch_norm", draw_batch_norm, batch_norm, FUNCTION, weight=2),
    Row("instance_norm", draw_instance_norm, instance_norm, SUM, weight=2),
    Row("l2_norm", lambda d: {"x": d.tensor(d.shape(3, 5)), **d.optional(epsilon=d.scalar(0.01, 1))}, l2_norm, SUM),
    Row("layer_norm", draw_layer_norm, layer_norm, SUM, weight=2),
    Row("local_response_norm", draw_local_response_norm, local_response_norm, SUM),
]

ROWS = UNARY + BINARY + SELECT + ACTIVATIONS + REDUCTIONS + NORMALISATIONS
