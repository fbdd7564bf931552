"""Quantisation, compressed constants, random ops, control flow, lists and states."""

import numpy as np

from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from draw import Input
from ops_spatial import conv, draw_conv
from row import EXACT, FUNCTION, SUM, Row, spread

# --- quantisation


def draw_quantize(d):
    shape = d.shape(1, 4)
    source, target = d.element("SrcT"), d.element("DstT")
    axis = d.axis(len(shape)) if d.coin() else None
    size = () if axis is None else (shape[axis],)
    # Powers of two, so that no quotient lies in doubt between two integers but for exact halves.
    scale = np.asarray(2.0 ** d.rng.integers(-6, -2, size)).astype(source)
    result = {"input": d.tensor(shape, -4, 4, source), "scale": scale[()], "output_dtype": np.dtype(target).name}
    if axis is not None:
        result["axis"] = axis
    if d.coin(0.7):
        result["zero_point"] = d.array(size, 0, 20, target)[()]
    return result


def quantize(input, scale, output_dtype, zero_point=0, axis=None):
    if axis is not None:
        scale, zero_point = spread(scale, input.ndim, int(axis) % input.ndim), spread(zero_point, input.ndim, int(axis) % input.ndim) \
            if np.ndim(zero_point) else 0
    limits = np.iinfo(output_dtype)
    return np.clip(np.round(input / scale) + zero_point, limits.min, limits.max).astype(output_dtype)


def draw_dequantize(d):
    shape = d.shape(1, 4)
    source, target = d.element("SrcT"), d.element("DstT")
    axis = d.axis(len(shape)) if d.coin() else None
    size = () if axis is None else (shape[axis],)
    result = {"input": d.tensor(shape, -100, 100, source), "scale": d.array(size, 0.01, 1, target)[()]}
    if axis is not None:
        result["axis"] = axis
    if d.coin(0.7):
        result["zero_point"] = d.array(size, 0, 20, source)[()]
    return result


def dequantize(input, scale, zero_point=0, axis=None):
    if axis is not None:
        scale, zero_point = (spread(v, input.ndim, int(axis) % input.ndim) if np.ndim(v) else v for v in (scale, zero_point))
    return (input.astype(np.float64) - zero_point) * scale


def draw_conv_quantized(d):
    result = draw_conv(d)
    result.pop("bias", None)
    shape = np.shape(result["weight"].value if isinstance(result["weight"], Input) else result["weight"])
    size = (shape[0],) if d.coin() else (1,)
    return {**result, "weight": d.array(shape, 0, 255, np.uint8), "quantization_type": "linear", "nbits": np.int32(8),
            "quant_scale": d.array(size, 0.005, 0.01), "quant_bias": d.array(size, -1, -0.5)}


QUANTIZED = ("weight", "quantization_type", "nbits", "quant_scale", "quant_bias")


def build_conv_quantized(op, v, a):
    """The builder cannot make one: its own shape rule wants weights of a type that it refuses. So it makes a conv and the
    constants, and `patch_conv_quantized` joins them."""
    for name in QUANTIZED:
        mb.const(val=a[name], name="own_" + name)
    plain_weight = np.zeros(a["weight"].shape, a["quant_scale"].dtype)
    return mb.conv(weight=plain_weight, **{"x": v["x"], **{k: w for k, w in a.items() if k not in ("x",) + QUANTIZED}})


def patch_conv_quantized(model):
    for function in model.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type == "conv":
                    operation.type = "conv_quantized"
                    for name in QUANTIZED:
                        del operation.inputs[name].arguments[:]
                        operation.inputs[name].arguments.add().name = "own_" + name


def conv_quantized(weight, quant_scale, quant_bias, quantization_type, nbits, **rest):
    shape = (-1,) + (1,) * (weight.ndim - 1)
    return conv(weight=weight * quant_scale.reshape(shape) + quant_bias.reshape(shape), **rest)


# --- compressed constants: added to an input, so that the program computes with them. Every run decodes them to the element
# type the program declares, that of `scale`.


def decoded(data, offset, scale):
    return ((data.astype(np.float64) - offset) * scale.astype(np.float64)).astype(scale.dtype).astype(np.float64)


def constants(make):
    def build(op, variables, arguments):
        value = make(op, {k: v for k, v in arguments.items() if k != "x"})
        if value.dtype not in (types.fp16, types.fp32):
            value = mb.dequantize(input=value, scale=np.float32(1))
        return mb.add(x=variables["x"], y=value)
    return build


def plain(op, arguments):
    return getattr(mb, op)(**arguments)


def sparse(op, arguments):
    """The two results of a sparse-to-sparse op, made dense."""
    mask, values = getattr(mb, op)(**arguments)
    return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)


def bits(name):
    """The NumPy type coremltools keeps a narrow integer in."""
    return types.nptype_from_builtin(types.string_to_builtin(name))


def narrow(values, name):
    return np.asarray(values).astype(bits(name))


def divisors(d, shape):
    return tuple(d.choice(*[k for k in range(1, n + 1) if n % k == 0]) for n in shape)


def draw_affine(d):
    shape = d.shape(1, 4)
    axis = d.axis(len(shape))
    source, target = d.element("SrcT"), d.element("DstT")
    size = (shape[axis],) if d.coin(0.7) else ()
    zero = d.array(size if d.coin() else (), 0, 9, source)[()]
    return {"x": d.tensor(shape, element=target), "quantized_data": d.array(shape, -100, 100, source), "zero_point": zero,
            "scale": d.array(size, 0.01, 1, target)[()], "axis": axis}


def affine(x, quantized_data, zero_point, scale, axis):
    axis = int(axis) % x.ndim
    scale, zero_point = (spread(v, x.ndim, axis) if np.ndim(v) else v for v in (scale, zero_point))
    return x + decoded(quantized_data, zero_point, scale)


def draw_constexpr_cast(d):
    shape = d.shape(1, 4)
    return {"x": d.tensor(shape, element=np.float32), "source_val": d.array(shape, element=np.float16), "output_dtype": "fp32"}


def lut_element(d):
    """Integers go on through `dequantize`, which ios16 does not have."""
    return d.element("T", None if d.opset >= 17 else "f")


def target_of(element):
    return element if np.dtype(element).kind == "f" else np.float32


def pack(values, width):
    flat = [int(v) for v in np.ravel(values)]
    stream = [(v >> b) & 1 for v in flat for b in range(width)]
    return np.packbits(stream, bitorder="little")


def repeat_to(values, shape, axes=None):
    for axis in range(len(shape)):
        values = np.repeat(values, shape[axis] // values.shape[axis], axis)
    return values


def draw_lut(d):
    shape = d.shape(1, 4)
    element = lut_element(d)
    width = d.choice(1, 2, 4, 6, 8) if d.opset < 18 else d.choice(1, 2, 3, 4, 6, 8)
    chosen = d.array(shape, 0, 2 ** width - 1, np.int32)
    if d.opset < 18:
        lut = d.array((2 ** width,), element=element)
        return {"x": d.tensor(shape, element=target_of(element)), "indices": pack(chosen, width), "lut": lut,
                "shape": np.array(shape, np.uint32)}
    vector = d.choice(1, 1, 2, 3)
    axis = d.integer(0, len(shape) - 1)
    lut = d.array(divisors(d, shape) + (2 ** width, vector), element=element)
    out = [n * vector if i == axis else n for i, n in enumerate(shape)]
    result = {"x": d.tensor(out, element=target_of(element)), "indices": narrow(chosen, f"uint{width}"), "lut": lut}
    return {**result, "vector_axis": np.int32(axis)} if vector > 1 else result


def look_up(indices, lut, vector_axis=None):
    """indices of any shape; lut [groups..., entries, vector]."""
    group = [n // g for n, g in zip(indices.shape, lut.shape)]
    vector = lut.shape[-1]
    out = np.zeros(indices.shape + (vector,))
    for place in np.ndindex(*indices.shape):
        out[place] = lut[tuple(p // g for p, g in zip(place, group)) + (int(indices[place]),)]
    if vector_axis is None:
        return out[..., 0]
    out = np.moveaxis(out, -1, int(vector_axis) + 1)
    return out.reshape([n * vector if i == int(vector_axis) else n for i, n in enumerate(indices.shape)])


def unpack(packed, width, count):
    stream = np.unpackbits(packed, bitorder="little")[: width * count].reshape(count, width)
    return (stream * 2 ** np.arange(width)).sum(1)


def lut_to_dense(x, indices, lut, shape=None, vector_axis=None):
    if shape is not None:
        width = int(np.log2(lut.size))
        return x + lut[unpack(indices, width, int(np.prod(shape)))].reshape([int(n) for n in shape])
    return x + look_up(indices, lut, vector_axis)


def draw_sparse(d):
    shape = d.shape(1, 4)
    element = lut_element(d)
    mask = d.rng.random(shape) < 0.4
    mask.flat[0] = True
    values = d.array((int(mask.sum()),), element=element)
    result = {"x": d.tensor(shape, element=target_of(element)), "nonzero_data": values}
    if d.opset < 18:
        return {**result, "mask": np.packbits(mask.ravel(), bitorder="little"), "shape": np.array(shape, np.uint32)}
    return {**result, "mask": narrow(mask, "uint1")}


def dense(mask, values):
    out = np.zeros(mask.shape)
    out[mask != 0] = values
    return out


def sparse_to_dense(x, nonzero_data, mask, shape=None):
    if shape is not None:
        mask = np.unpackbits(mask, bitorder="little")[: x.size].reshape(x.shape)
    return x + dense(mask, nonzero_data)


def draw_blockwise(d):
    shape = d.shape(1, 4)
    name, target = d.choice("int4", "uint4", "int8", "uint8"), d.element("DstT")
    low, high = {"int4": (-8, 7), "uint4": (0, 15), "int8": (-128, 127), "uint8": (0, 255)}[name]
    groups = divisors(d, shape)
    result = {"x": d.tensor(shape, element=target), "scale": d.array(groups, 0.01, 1, target)}
    if d.coin():
        result["offset"] = narrow(d.array(groups, 0, 7, np.int32), name) if d.coin(0.7) else (d.array(groups, -6, 6, np.int32) / 2).astype(target)
    data = d.array(shape, low, high, np.int32)
    if d.op == "constexpr_blockwise_shift_scale":
        return {**result, "data": narrow(data, name)}
    mask = d.rng.random(shape) < 0.5
    mask.flat[0] = True
    return {**result, "data_mask": narrow(mask, "uint1"), "nonzero_data": narrow(data[mask], name)}


def blockwise(x, data, scale, offset=None):
    offset = 0 if offset is None else repeat_to(offset.astype(np.float64), x.shape)
    return x + decoded(data, offset, repeat_to(scale, x.shape))


def sparse_blockwise(x, data_mask, nonzero_data, scale, offset=None):
    offset = 0 if offset is None else repeat_to(offset.astype(np.float64), x.shape)
    values = decoded(dense(data_mask, nonzero_data), offset, repeat_to(scale, x.shape))
    return x + np.where(data_mask != 0, values, 0)


def draw_lut_to_sparse(d):
    shape = d.shape(1, 3)
    element, width = d.element("T", "f"), d.choice(1, 2, 3, 4, 6)
    vector, axis = d.choice(1, 1, 2, 3), d.integer(0, len(shape) - 1)
    mask = d.rng.random(shape) < 0.5
    mask.flat[0] = True
    lut = d.array(divisors(d, shape) + (2 ** width, vector), element=element)
    out = [n * vector if i == axis else n for i, n in enumerate(shape)]
    result = {"x": d.tensor(out, element=element), "indices_mask": narrow(mask, "uint1"), "lut": lut,
              "indices_nonzero_data": narrow(d.array((int(mask.sum()),), 0, 2 ** width - 1, np.int32), f"uint{width}")}
    return {**result, "vector_axis": np.int32(axis)} if vector > 1 else result


def lut_to_sparse(x, indices_mask, indices_nonzero_data, lut, vector_axis=None):
    values = look_up(dense(indices_mask, indices_nonzero_data), lut, vector_axis)
    mask = indices_mask if vector_axis is None else np.repeat(indices_mask, lut.shape[-1], int(vector_axis))
    return x + np.where(mask != 0, values, 0)


CONSTANTS = [
    Row("constexpr_affine_dequantize", draw_affine, affine, FUNCTION, as_given=("scale",), build=constants(plain)),
    Row("constexpr_cast", draw_constexpr_cast, lambda x, source_val, output_dtype: x + source_val, build=constants(plain)),
    Row("constexpr_lut_to_dense", draw_lut, lut_to_dense, build=constants(plain), weight=2),
    Row("constexpr_sparse_to_dense", draw_sparse, sparse_to_dense, build=constants(plain)),
    Row("constexpr_blockwise_shift_scale", draw_blockwise, blockwise, FUNCTION, as_given=("scale",), build=constants(plain)),
    Row("constexpr_sparse_blockwise_shift_scale", draw_blockwise, sparse_blockwise, FUNCTION, as_given=("scale",), build=constants(sparse)),
    Row("constexpr_lut_to_sparse", draw_lut_to_sparse, lut_to_sparse, build=constants(sparse)),
]

# --- random ops: what is compared is the distribution

COUNT = 4000


def random_shape(d):
    shape = np.array([8, COUNT // 8], np.int32)
    return {"shape": shape, **d.optional(seed=np.int32(d.integer(1, 999)))}


def draw_random_uniform(d):
    low = d.real(-2, 1)
    return {**random_shape(d), "low": d.T(low), "high": d.T(low + d.real(0.5, 3))}


def draw_random_normal(d):
    return {**random_shape(d), "mean": d.scalar(-2, 2), "stddev": d.scalar(0.3, 2)}


def draw_random_bernoulli(d):
    return {**random_shape(d), "prob": d.scalar(0.1, 0.9)}


def draw_random_categorical(d):
    weights = d.array((d.integer(1, 2), d.integer(2, 5)), 0.1, 1)
    mode = d.choice("logits", "probs")
    if mode == "probs":
        weights = (weights / weights.sum(-1, keepdims=True)).astype(d.T)
    return {"x": Input(weights), "mode": mode, "size": np.int32(COUNT), **d.optional(seed=np.int32(d.integer(1, 999)))}


def frequency(count, probability):
    """Five standard deviations: one false alarm in two million."""
    return 5 * np.sqrt(probability * (1 - probability) / count)


def check_uniform(results, a):
    x, low, high = np.sort(results[0].astype(np.float64).ravel()), float(a["low"]), float(a["high"])
    slack = 2e-3 * max(1, abs(low), abs(high))
    if x[0] < low - slack or x[-1] > high + slack:
        return f"values from {x[0]} to {x[-1]}, expected {low} to {high}"
    return kolmogorov(x, np.clip((x - low) / (high - low), 0, 1))


def check_normal(results, a):
    from math import erf, sqrt
    x = np.sort(results[0].astype(np.float64).ravel())
    return kolmogorov(x, np.array([(1 + erf((v - float(a["mean"])) / float(a["stddev"]) / sqrt(2))) / 2 for v in x]))


def kolmogorov(x, expected):
    distance = np.abs((np.arange(x.size) + 0.5) / x.size - expected).max()
    limit = 2.6 / np.sqrt(x.size)  # exceeded by chance about once in 370,000 times
    return None if distance < limit else f"the distribution is {distance:.4f} away (limit {limit:.4f})"


def check_bernoulli(results, a):
    x, p = results[0].astype(np.float64), float(a["prob"])
    if not np.isin(x, (0, 1)).all():
        return "values other than 0 and 1"
    return None if abs(x.mean() - p) < frequency(x.size, p) else f"{x.mean():.4f} of the values are 1, expected {p:.4f}"


def check_categorical(results, a):
    p = np.exp(a["x"]) if a["mode"] == "logits" else a["x"]
    p = p / p.sum(-1, keepdims=True)
    for row, probabilities in zip(results[0].astype(int), p):
        if row.min() < 0 or row.max() >= len(probabilities):
            return "a class that is not there"
        shares = np.bincount(row, minlength=len(probabilities)) / row.size
        if (np.abs(shares - probabilities) > frequency(row.size, probabilities) + 1e-4).any():
            return f"classes come {shares}, expected {probabilities}"
    return None


RANDOM = [
    Row("random_uniform", draw_random_uniform, check=check_uniform, weight=0.5),
    Row("random_normal", draw_random_normal, check=check_normal, weight=0.5),
    Row("random_bernoulli", draw_random_bernoulli, check=check_bernoulli, weight=0.5),
    Row("random_categorical", draw_random_categorical, check=check_categorical, weight=0.5),
]

# --- control flow, lists, states: small programs


def draw_cond(d):
    shape = d.shape(1, 3)
    return {"x": d.tensor(shape, element=np.float32), "y": d.tensor(shape, element=np.float32), "limit": np.float32(d.real(-1, 1))}


def build_cond(op, v, a):
    pred = mb.greater(x=mb.reduce_sum(x=v["x"], keep_dims=False), y=a["limit"])
    # One branch uses values of the surrounding block, and holds another cond.
    inner = lambda: mb.cond(pred=mb.logical_not(x=pred), _true_fn=lambda: mb.mul(x=v["x"], y=v["y"]),
                            _false_fn=lambda: mb.add(x=v["x"], y=v["y"]))
    return list(mb.cond(pred=pred, _true_fn=lambda: (inner(), v["x"]), _false_fn=lambda: (mb.sub(x=v["x"], y=v["y"]), v["y"])))


def cond(x, y, limit):
    return [x + y, x] if x.sum() > limit else [x - y, y]


def draw_while(d):
    return {"x": d.tensor(d.shape(1, 3), element=np.float32), "count": d.tensor((1,), 0, 6, np.int32)}


def build_while(op, v, a):
    results = mb.while_loop(_cond=lambda i, x: mb.less(x=i, y=mb.squeeze(x=v["count"], axes=[0])),
                            _body=lambda i, x: (mb.add(x=i, y=1), mb.add(x=mb.mul(x=x, y=np.float32(0.5)), y=v["x"])),
                            loop_vars=(0, v["x"]))
    return [mb.expand_dims(x=results[0], axes=[0]), results[1]]


def while_loop(x, count):
    y = x
    for _ in range(int(count[0])):
        y = y * 0.5 + x
    return [np.array([count[0]], np.int32), y]


def draw_list(d):
    count, shape = d.integer(2, 4), d.shape(1, 2)
    return {"x": d.tensor((count, *shape), element=np.float32), "y": d.tensor((2, *shape), element=np.float32),
            "where": np.array(d.rng.permutation(count)[:2], np.int32), "order": d.array((3,), 0, count - 1, np.int32)}


def build_list(op, v, a):
    """Every list op: elements written one by one, two of them scattered over, read and gathered."""
    count, shape = v["x"].shape[0], v["x"].shape[1:]
    values = mb.make_list(init_length=count, dynamic_length=bool(count % 2), elem_shape=tuple(np.int32(n) for n in shape),
                          dtype="fp32")
    for i in range(count):
        values = mb.list_write(ls=values, index=i, value=mb.gather(x=v["x"], indices=i, axis=0))
    values = mb.list_scatter(ls=values, indices=a["where"], value=v["y"])
    return [mb.list_read(ls=values, index=int(a["order"][0])), mb.list_gather(ls=values, indices=a["order"]),
            mb.expand_dims(x=mb.list_length(ls=values), axes=[0])]


def lists(x, y, where, order):
    x = x.copy()
    x[where] = y
    return [x[order[0]], x[order], np.array([x.shape[0]], np.int32)]


def draw_state(d):
    return {"x": d.tensor(d.shape(1, 3), element=np.float16)}


def build_state(op, v, a):
    before = mb.read_state(input=v["state"])
    after = mb.coreml_update_state(state=v["state"], value=mb.add(x=before, y=v["x"]))
    return [before, mb.mul(x=after, y=np.float16(2))]


SMALL_PROGRAMS = [
    Row("cond", draw_cond, cond, build=build_cond),
    Row("while_loop", draw_while, while_loop, build=build_while),
    *[Row(op, draw_list, lists, EXACT, build=build_list, weight=0.3) for op in
      ("make_list", "list_write", "list_read", "list_gather", "list_scatter", "list_length")],
    *[Row(op, draw_state, lambda x: [0 * x, 2 * x], build=build_state, states=lambda a: {"state": (a["x"].shape, np.float16)},
          weight=0.5) for op in ("read_state", "write_state")],
]

QUANTISATION = [
    Row("quantize", draw_quantize, quantize, EXACT),
    Row("dequantize", draw_dequantize, dequantize),
    Row("conv_quantized", draw_conv_quantized, conv_quantized, SUM, build=build_conv_quantized, patch=patch_conv_quantized),
]

ROWS = QUANTISATION + CONSTANTS + RANDOM + SMALL_PROGRAMS

# Every other op of the catalogue, and why it has no row.
WITHOUT_ROW = {
    "const": "every constant argument of every row",
    "classify": "its results (a label and a dictionary) are not tensors; the classifiers of the corpus cover it",
    "custom_layer": "its meaning is the application's",
}
