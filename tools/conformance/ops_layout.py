"""Ops that move, index, order or make elements."""

import numpy as np
import torch
import torch.nn.functional as F

from draw import Input
from row import EXACT, SUM, Row


def maybe_input(d, value):
    """A constant, or given at run time."""
    return Input(value) if d.coin(0.3) else value


def int32(*values):
    return np.array(values, np.int32)


# --- shape changes

def draw_reshape(d):
    shape = d.shape(1, 5)
    target, rest = [], int(np.prod(shape))
    for _ in range(d.integer(0, 3)):
        factors = [n for n in range(1, rest + 1) if rest % n == 0]
        target.append(factors[d.integer(0, len(factors) - 1)])
        rest //= target[-1]
    target.append(rest)
    target = [target[i] for i in d.rng.permutation(len(target))]
    if d.coin(0.4):
        target[d.integer(0, len(target) - 1)] = -1
    return {"x": d.tensor(shape), "shape": int32(*target)}


def draw_reshape_like(d):
    shape = d.shape(2, 4)
    cut = d.integer(1, len(shape) - 1)
    first = tuple(shape[:cut]) + (d.integer(1, 4),)
    second = (d.integer(1, 4),) + tuple(shape[cut:])
    x = (int(np.prod(shape)),) if d.coin() else (shape[-1], int(np.prod(shape[:-1])))
    masked = d.coin()
    return {"x": d.tensor(x), "ref_tensors": [d.tensor(first, element=np.float32), d.tensor(second, element=np.float32)],
            "begins": [np.int32(0), np.int32(1)], "ends": [np.int32(cut), np.int32(0 if masked else len(second))],
            "end_masks": [False, masked]}


def reshape_like(x, ref_tensors, begins, ends, end_masks):
    shape = []
    for tensor, begin, end, mask in zip(ref_tensors, begins, ends, end_masks):
        shape += list(tensor.shape[int(begin): None if mask else int(end)])
    return x.reshape(shape)


def draw_expand_dims(d):
    shape = d.shape(1, 3)
    count = d.integer(1, 2)
    rank = len(shape) + count
    axes = d.some(range(rank), count)[:count]
    return {"x": d.tensor(shape), "axes": int32(*[a - rank if d.coin(0.3) else a for a in axes])}


def expand_dims(x, axes):
    return np.expand_dims(x, tuple(int(a) for a in axes))


def draw_squeeze(d):
    shape = tuple(1 if d.coin() else n for n in d.shape(2, 5))
    shape = shape[:-1] + (d.integer(2, 5),)
    ones = [i for i, n in enumerate(shape) if n == 1]
    if not ones or d.coin(0.3):
        return {"x": d.tensor(shape)}
    return {"x": d.tensor(shape), "axes": int32(*[a - len(shape) if d.coin(0.3) else a for a in d.some(ones)])}


def squeeze(x, axes=None):
    return np.squeeze(x, None if axes is None else tuple(int(a) for a in axes))


def draw_transpose(d):
    shape = d.shape(1, 5)
    return {"x": d.tensor(shape), "perm": int32(*[p - len(shape) if d.coin(0.2) else p for p in d.rng.permutation(len(shape))])}


def draw_flatten2d(d):
    shape = d.shape(1, 5)
    return {"x": d.tensor(shape), **d.optional(axis=np.int32(d.integer(-len(shape) if len(shape) > 1 else 0, len(shape))))} \
        if len(shape) > 1 else {"x": d.tensor(shape), "axis": np.int32(d.integer(0, 1))}


def flatten2d(x, axis=1):
    axis = int(axis)
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def draw_tile(d):
    shape = d.shape(1, 4, 5)
    reps = [d.integer(1, 3) for _ in shape]
    return {"x": d.tensor(shape), "reps": maybe_input(d, int32(*reps))}


def draw_blocks(d):
    block = d.integer(2, 3)
    if d.op in ("depth_to_space", "pixel_shuffle"):
        x = (d.integer(1, 2), block * block * d.integer(1, 3), d.integer(1, 4), d.integer(1, 4))
    else:
        x = (d.integer(1, 2), d.integer(1, 3), block * d.integer(1, 3), block * d.integer(1, 3))
    name = {"pixel_shuffle": "upscale_factor", "pixel_unshuffle": "downscale_factor"}.get(d.op, "block_size")
    return {"x": d.tensor(x), name: (np.uint32 if d.op == "pixel_unshuffle" else np.int32)(block)}


def depth_to_space(x, block_size):
    n, c, h, w = x.shape
    b = int(block_size)
    return x.reshape(n, b, b, c // b // b, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // b // b, h * b, w * b)


def space_to_depth(x, block_size):
    n, c, h, w = x.shape
    b = int(block_size)
    return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def draw_space_to_batch(d):
    block = [d.integer(1, 3), d.integer(1, 3)]
    sizes, pads = [], []
    for b in block:
        before, after = d.integer(0, 2), d.integer(0, 2)
        size = d.integer(2, 7)
        after += -(size + before + after) % b
        sizes.append(size)
        pads.append([before, after])
    return {"x": d.tensor((d.integer(1, 2), d.integer(1, 3), *sizes)), "block_shape": int32(*block),
            "paddings": np.array(pads, np.int32)}


def space_to_batch(x, block_shape, paddings):
    x = np.pad(x, [(0, 0), (0, 0), *[tuple(p) for p in paddings]])
    (n, c, h, w), (a, b) = x.shape, (int(v) for v in block_shape)
    return x.reshape(n, c, h // a, a, w // b, b).transpose(3, 5, 0, 1, 2, 4).reshape(n * a * b, c, h // a, w // b)


def draw_batch_to_space(d):
    block = [d.integer(1, 3), d.integer(1, 3)]
    x = (d.integer(1, 2) * block[0] * block[1], d.integer(1, 3), d.integer(2, 4), d.integer(2, 4))
    crops = np.array([[d.integer(0, 1), d.integer(0, b - 1)] if b > 1 else [0, 0] for b in block], np.int32)
    return {"x": d.tensor(x), "block_shape": int32(*block), "crops": crops}


def batch_to_space(x, block_shape, crops):
    (n, c, h, w), (a, b) = x.shape, (int(v) for v in block_shape)
    y = x.reshape(a, b, n // a // b, c, h, w).transpose(2, 3, 4, 0, 5, 1).reshape(n // a // b, c, h * a, w * b)
    return y[:, :, crops[0][0]: h * a - crops[0][1], crops[1][0]: w * b - crops[1][1]]


# --- order

def draw_reverse(d):
    shape = d.shape()
    return {"x": d.tensor(shape), **d.optional(axes=d.axes(len(shape)))}


def reverse(x, axes=None):
    return np.flip(x, None if axes is None else tuple(int(a) for a in axes))


def draw_reverse_sequence(d):
    shape = d.shape(2, 4)
    batch, seq = d.some(range(len(shape)), 2)[:2]
    return {"x": d.tensor(shape), "lengths": Input(d.array((shape[batch],), 0, shape[seq], np.int32)),
            "seq_axis": np.int32(seq), "batch_axis": np.int32(batch)}


def reverse_sequence(x, lengths, seq_axis, batch_axis):
    y = np.moveaxis(x, (int(batch_axis), int(seq_axis)), (0, 1)).copy()
    for i, n in enumerate(lengths):
        y[i, :n] = y[i, :n][::-1]
    return np.moveaxis(y, (0, 1), (int(batch_axis), int(seq_axis)))


def draw_argsort(d):
    shape = d.shape(1, 4, 7)
    return {"x": Input(d.distinct(shape)), **d.optional(axis=d.axis(len(shape)), ascending=d.coin())}


def argsort(x, axis=-1, ascending=False):
    return np.argsort(x if ascending else -x.astype(np.float64), axis=int(axis)).astype(np.int32)


def draw_topk(d):
    shape = d.shape(1, 4, 7)
    axis = d.axis(len(shape))
    result = {"x": Input(d.distinct(shape)), **d.optional(k=np.int32(d.integer(1, shape[axis])), ascending=d.coin())}
    if axis in (len(shape) - 1, -1):
        result.update(d.optional(axis=axis))
    else:
        result["axis"] = axis
    if d.opset >= 16:
        result.update(d.optional(0.3, sort=True, return_indices=d.coin()))
    if d.opset >= 17 and result.get("return_indices", True):
        result.update(d.optional(0.3, output_indices_dtype=d.choice("int32", "uint16")))
    return result


def topk(x, k=1, axis=-1, ascending=False, sort=True, return_indices=True, output_indices_dtype="int32"):
    order = argsort(x, axis, ascending).take(range(int(k)), axis=int(axis))
    values = np.take_along_axis(x, order, int(axis))
    return [values, order.astype(output_indices_dtype)] if return_indices else values


# --- slices

def draw_slice(d, x):
    begin, end, stride, begin_mask, end_mask, squeeze_mask = [], [], [], [], [], []
    for n in x:
        s = d.choice(1, 1, 2, 3, -1, -2)
        low = d.integer(0, n - 1)
        high = d.integer(low + 1, n)
        b, e = (low, high) if s > 0 else (high - 1, low - 1)
        masked_end = e < 0 or d.coin(0.2)
        begin.append(b - n if d.coin(0.3) else b)
        end.append(0 if e < 0 else e - n if d.coin(0.3) and e < n else e)
        stride.append(s)
        begin_mask.append(d.coin(0.15))
        end_mask.append(masked_end)
        squeeze_mask.append(d.coin(0.15))
    if all(squeeze_mask):
        squeeze_mask[0] = False
    for i, squeezed in enumerate(squeeze_mask):
        if squeezed:
            begin_mask[i] = False
            stride[i] = 1
            end_mask[i] = False
            end[i] = begin[i] + 1 if begin[i] != -1 else x[i]
    result = {"begin": int32(*begin), "end": int32(*end), "stride": int32(*stride), "begin_mask": begin_mask,
              "end_mask": end_mask, "squeeze_mask": squeeze_mask}
    for name, neutral in (("stride", 1), ("begin_mask", False), ("squeeze_mask", False), ("end_mask", False)):
        if all(v == neutral for v in result[name]) and d.coin():
            del result[name]
    return result


def slices(shape, begin, end, stride=None, begin_mask=None, end_mask=None, squeeze_mask=None):
    rank = len(shape)
    stride = [1] * rank if stride is None else stride
    none = [False] * rank
    begin_mask, end_mask, squeeze_mask = (none if m is None else m for m in (begin_mask, end_mask, squeeze_mask))
    return tuple(int(begin[i]) if squeeze_mask[i] else slice(None if begin_mask[i] else int(begin[i]),
                 None if end_mask[i] else int(end[i]), int(stride[i])) for i in range(rank))


def draw_slice_by_index(d):
    shape = d.shape(1, 5)
    return {"x": d.tensor(shape), **draw_slice(d, shape)}


def draw_slice_update(d):
    shape = d.shape(1, 4)
    where = draw_slice(d, shape)
    update = np.zeros(shape)[slices(shape, **where)].shape
    return {"x": d.tensor(shape), "update": d.tensor(update), **where}


def slice_update(x, update, **where):
    y = x.copy()
    y[slices(x.shape, **where)] = update
    return y


def draw_slice_by_size(d):
    shape = d.shape(1, 5)
    begin = [d.integer(0, n - 1) for n in shape]
    size = [-1 if d.coin(0.2) else d.integer(1, n - b) for n, b in zip(shape, begin)]
    return {"x": d.tensor(shape), "begin": maybe_input(d, int32(*begin)) if -1 not in size else int32(*begin),
            "size": int32(*size)}


def slice_by_size(x, begin, size):
    return x[tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin, size))]


def draw_sliding_windows(d):
    shape = d.shape(1, 4, 8)
    axis = d.axis(len(shape))
    size = d.integer(1, shape[axis])
    return {"x": d.tensor(shape), "axis": axis, "size": np.int32(size), **d.optional(stride=np.int32(d.integer(1, 3)))}


def sliding_windows(x, axis, size, stride=1):
    axis = int(axis) % x.ndim
    starts = range(0, x.shape[axis] - int(size) + 1, int(stride))
    return np.stack([np.take(x, range(s, s + int(size)), axis) for s in starts], axis)


# --- joining and cutting

def draw_concat(d):
    shape = list(d.shape(1, 5))
    axis = d.axis(len(shape))
    interleave = d.coin(0.2)
    values = []
    for _ in range(d.integer(2, 4)):
        if not interleave:
            shape[axis] = d.integer(1, 4)
        values.append(d.tensor(shape, element=d.T))
    return {"values": values, "axis": axis, **({"interleave": interleave} if interleave or d.coin() else {})}


def concat(values, axis, interleave=False):
    axis = int(axis)
    if not interleave:
        return np.concatenate(values, axis)
    stacked = np.stack(values, axis % values[0].ndim + 1)
    return stacked.reshape([len(values) * n if i == axis % values[0].ndim else n for i, n in enumerate(values[0].shape)])


def draw_split(d):
    shape = list(d.shape(1, 4))
    axis = d.axis(len(shape))
    if d.coin():
        count = d.integer(1, 4)
        shape[axis] = count * d.integer(1, 3)
        return {"x": d.tensor(shape), "num_splits": np.int32(count), "axis": axis}
    sizes = [d.integer(1, 4) for _ in range(d.integer(2, 4))]
    shape[axis] = sum(sizes)
    return {"x": d.tensor(shape), "split_sizes": int32(*sizes), "axis": axis,
            **({"num_splits": np.int32(len(sizes))} if d.coin(0.3) else {})}


def split(x, axis, num_splits=None, split_sizes=None):
    if split_sizes is None:
        return np.split(x, int(num_splits), int(axis))
    return np.split(x, np.cumsum(split_sizes)[:-1], int(axis))


def draw_stack(d):
    shape = d.shape(1, 4)
    return {"values": [d.tensor(shape, element=d.T) for _ in range(d.integer(1, 4))], "axis": d.axis(len(shape) + 1)}


# --- padding and making

def draw_pad(d):
    shape = d.shape(1, 4, 6)
    mode = d.choice("constant", "reflect", "replicate")
    # Core ML's reflect and replicate are those of the last two axes.
    axes = d.integer(1, len(shape) if mode == "constant" else min(2, len(shape)))
    pad = [d.integer(0, 3 if mode == "constant" else max(0, min(2, n - 1))) for n in shape[-axes:] for _ in range(2)]
    result = {"x": d.tensor(shape), "pad": maybe_input(d, int32(*pad)) if axes == len(shape) and mode == "constant"
              else int32(*pad)}
    if mode != "constant" or d.coin():
        result["mode"] = mode
    return {**result, **d.optional(constant_val=d.scalar(-2, 2))}


def pad(x, pad, mode="constant", constant_val=0):
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [tuple(int(v) for v in p) for p in np.reshape(pad, (-1, 2))]
    if mode == "constant":
        return np.pad(x, pairs, constant_values=constant_val)
    return np.pad(x, pairs, mode="edge" if mode == "replicate" else "reflect")


def draw_fill(d):
    return {"shape": maybe_input(d, int32(*d.shape(1, 4))), **d.optional(value=d.scalar(-3, 3))}


def draw_fill_like(d):
    return {"ref_tensor": d.tensor(d.shape(1, 4)), **d.optional(value=d.scalar(-3, 3, d.element("U")))}


def draw_range(d):
    step = d.choice(1, 2, 3, -1, -2)
    start = d.integer(-5, 5)
    end = start + step * d.integer(1, 8) - (d.choice(0, 1 if abs(step) > 1 else 0) * (1 if step > 0 else -1))
    values = [d.T(v) for v in (start, end, step)]
    return dict(zip(("start", "end", "step"), values))


def draw_one_hot(d):
    depth = d.integer(1, 6)
    shape = d.shape(1, 3, 5)
    element = d.T
    result = {"indices": d.tensor(shape, 0, depth - 1, np.int32), "one_hot_vector_size": np.int32(depth),
              **d.optional(axis=np.int32(d.integer(-len(shape) - 1, len(shape))))}
    if d.coin():
        result.update(on_value=d.scalar(1, 3, element), off_value=d.scalar(-3, 0, element))
    return result


def one_hot(indices, one_hot_vector_size, axis=-1, on_value=1, off_value=0):
    depth = int(one_hot_vector_size)
    hot = np.moveaxis(indices[..., None] == np.arange(depth), -1, int(axis))
    return np.where(hot, on_value, off_value)


def draw_band_part(d):
    return {"x": d.tensor(d.shape(2, 4)), **d.optional(lower=np.int32(d.integer(-1, 3)), upper=np.int32(d.integer(-1, 3)))}


def band_part(x, lower=-1, upper=-1):
    row, column = np.indices(x.shape[-2:])
    band = ((lower < 0) | (row - column <= lower)) & ((upper < 0) | (column - row <= upper))
    return np.where(band, x, np.zeros_like(x))


# --- gather and scatter

def indices(d, shape, extent):
    """Negative ones only where the op set allows them."""
    values = d.array(shape, 0, extent - 1, np.int32)
    if d.opset <= 16 and d.op.startswith("gather"):
        values = np.where(d.rng.random(shape) < 0.2, values - extent, values).astype(np.int32)
    return values


def validated(d):
    return d.optional(0.3, validate_indices=d.coin()) if d.opset >= 17 else {}


def draw_gather(d):
    shape = d.shape(1, 4)
    axis = d.axis(len(shape))
    positive = int(axis) % len(shape)
    batch = d.integer(0, positive) if d.opset >= 16 and d.coin(0.3) else 0
    where = tuple(shape[:batch]) + d.shape(0 if batch else 1, 2, 4)
    result = {"x": d.tensor(shape), "indices": maybe_input(d, indices(d, where, shape[axis])), **validated(d)}
    if axis != 0 or d.coin():
        result["axis"] = axis
    return {**result, "batch_dims": np.int32(batch)} if batch else result


def gather(x, indices, axis=0, batch_dims=0, validate_indices=False):
    axis, batch = int(axis) % x.ndim, int(batch_dims)
    if batch == 0:
        return np.take(x, indices, axis)
    return np.stack([gather(a, i, axis - 1, batch - 1) for a, i in zip(x, indices)])


def draw_gather_along_axis(d):
    shape = d.shape(1, 4)
    axis = d.axis(len(shape))
    where = list(shape)
    where[axis] = d.integer(1, 5)
    return {"x": d.tensor(shape), "indices": maybe_input(d, indices(d, where, shape[axis])), **validated(d),
            **({"axis": axis} if axis != 0 or d.coin() else {})}


def gather_along_axis(x, indices, axis=0, validate_indices=False):
    return np.take_along_axis(x, indices.astype(np.int64), int(axis))


def places(d, shape, lead):
    """Index vectors into the first axes of `shape`."""
    depth = d.integer(1, len(shape))
    columns = [indices(d, lead, n) for n in shape[:depth]]
    return np.stack(columns, -1).astype(np.int32)


def nd_indices(d, where, checked):
    """The builder's own check of constant index vectors compares shapes that do not broadcast."""
    return Input(where) if checked.get("validate_indices") else maybe_input(d, where)


def draw_gather_nd(d):
    shape = d.shape(1, 4)
    batch = d.integer(0, 1) if d.opset >= 16 and len(shape) > 1 else 0
    lead = tuple(shape[:batch]) + d.shape(0 if batch else 1, 2, 3)
    where, checked = places(d, shape[batch:], lead), validated(d)
    result = {"x": d.tensor(shape), "indices": nd_indices(d, where, checked), **checked}
    return {**result, "batch_dims": np.int32(batch)} if batch else result


def gather_nd(x, indices, batch_dims=0, validate_indices=False):
    if int(batch_dims):
        return np.stack([gather_nd(a, i, int(batch_dims) - 1) for a, i in zip(x, indices)])
    return x[tuple(np.moveaxis(indices, -1, 0))]


MODES = ("update", "add", "sub", "mul", "div", "max", "min")
ACCUMULATE = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
              "max": np.maximum, "min": np.minimum, "update": lambda a, b: b}


def scatter_mode(d):
    """Integer division leaves open how it rounds; repeated indices leave `update` open."""
    mode = d.choice(*MODES)
    return "add" if mode == "div" and np.dtype(d.T).kind != "f" else mode


def unique_rows(d, extents, count):
    total = int(np.prod(extents))
    chosen = d.rng.permutation(total)[: min(count, total)]
    return np.stack(np.unravel_index(chosen, extents), -1).astype(np.int32)


def updates(d, shape, mode):
    values = d.array(shape)
    return Input(np.where(np.abs(values) < 0.5, 1, values).astype(d.T) if mode == "div" else values)


def draw_scatter(d):
    shape = d.shape(1, 4)
    axis, mode = d.axis(len(shape)), scatter_mode(d)
    count = d.integer(1, 4)
    where = unique_rows(d, (shape[axis],), count)[:, 0] if mode == "update" else d.array((count,), 0, shape[axis] - 1, np.int32)
    update = list(shape)
    update[axis] = len(where)
    return {"data": d.tensor(shape), "indices": maybe_input(d, where), "updates": updates(d, update, mode),
            **({"axis": axis} if axis != 0 or d.coin() else {}), **({"mode": mode} if mode != "add" or d.coin() else {}),
            **validated(d)}


def scatter(data, indices, updates, axis=0, mode="add", validate_indices=False):
    y, u = np.moveaxis(data.copy(), int(axis), 0), np.moveaxis(updates, int(axis), 0)
    for n, i in enumerate(indices):
        y[i] = ACCUMULATE[mode](y[i], u[n])
    return np.moveaxis(y, 0, int(axis))


def draw_scatter_along_axis(d):
    shape = d.shape(1, 4)
    axis, mode = d.axis(len(shape)), scatter_mode(d)
    where = list(shape)
    where[axis] = d.integer(1, shape[axis])
    if mode == "update":
        order = np.argsort(d.rng.random(shape), axis=int(axis))
        chosen = np.take(order, range(where[axis]), int(axis)).astype(np.int32)
    else:
        chosen = d.array(where, 0, shape[axis] - 1, np.int32)
    return {"data": d.tensor(shape), "indices": maybe_input(d, chosen), "updates": updates(d, where, mode),
            **({"axis": axis} if axis != 0 or d.coin() else {}), **({"mode": mode} if mode != "add" or d.coin() else {}),
            **validated(d)}


def scatter_along_axis(data, indices, updates, axis=0, mode="add", validate_indices=False):
    y = data.copy()
    for place in np.ndindex(*indices.shape):
        target = list(place)
        target[int(axis)] = indices[place]
        y[tuple(target)] = ACCUMULATE[mode](y[tuple(target)], updates[place])
    return y


def draw_scatter_nd(d):
    shape = d.shape(1, 4)
    mode, count = scatter_mode(d), d.integer(1, 4)
    depth = d.integer(1, len(shape))
    if mode == "update":
        where = unique_rows(d, shape[:depth], count)
    else:
        where = np.stack([d.array((count,), 0, n - 1, np.int32) for n in shape[:depth]], -1)
    checked = validated(d)
    return {"data": d.tensor(shape), "indices": nd_indices(d, where, checked),
            "updates": updates(d, (len(where), *shape[depth:]), mode),
            **({"mode": mode} if mode != "add" or d.coin() else {}), **checked}


def scatter_nd(data, indices, updates, mode="add", validate_indices=False):
    y = data.copy()
    for n, where in enumerate(indices):
        y[tuple(where)] = ACCUMULATE[mode](y[tuple(where)], updates[n])
    return y


# --- non-maximum suppression

def draw_suppression(d):
    batch, count, classes = d.integer(1, 2), d.integer(2, 8), d.integer(1, 3)
    centres = d.rng.uniform(0, 4, (batch, count, 2))
    sizes = d.rng.uniform(1, 3, (batch, count, 2))
    boxes = np.concatenate([centres, sizes], -1).astype(d.T)
    scores = d.distinct((batch, count, classes), np.float32)
    scores = ((scores - scores.min() + 1) / (np.ptp(scores) + 2)).astype(d.T)
    result = {"iou_threshold": d.T(d.choice(0.2, 0.4, 0.6)), "max_boxes": np.int32(d.integer(1, count + 1)),
              "per_class_suppression": False if classes == 1 or d.coin() else True}
    if d.opset >= 17:
        return {**result, "boxes": Input(boxes.swapaxes(1, 2)), "scores": Input(scores.swapaxes(1, 2))}
    return {**result, "boxes": Input(boxes), "scores": Input(scores), "score_threshold": d.T(d.choice(0.0, 0.3))}


def overlap(a, b):
    low = np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2)
    high = np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    common = np.prod(np.maximum(0, high - low))
    return common / (np.prod(a[2:]) + np.prod(b[2:]) - common)


def kept_boxes(boxes, scores, iou_threshold, score_threshold, max_boxes, per_class_suppression):
    """Boxes by descending best score; suppressed by a kept box that overlaps them (of the same class, if so asked)."""
    best, label = scores.max(-1), scores.argmax(-1)
    kept = []
    for i in np.argsort(-best, kind="stable"):
        rivals = [j for j in kept if not per_class_suppression or label[j] == label[i]]
        if best[i] >= score_threshold and all(overlap(boxes[i], boxes[j]) <= iou_threshold for j in rivals):
            kept.append(i)
    return kept[: int(max_boxes)]


def check_suppression(results, arguments):
    """What fills the places behind the kept boxes is not stated, so only the kept ones are compared."""
    old = "score_threshold" in arguments
    boxes, scores = arguments["boxes"], arguments["scores"]
    if not old:
        boxes, scores = boxes.swapaxes(1, 2), scores.swapaxes(1, 2)
        results = [results[0].swapaxes(1, 2), results[1].swapaxes(1, 2), results[2]]
    for n in range(boxes.shape[0]):
        kept = kept_boxes(boxes[n], scores[n], arguments["iou_threshold"], arguments.get("score_threshold", -np.inf),
                          arguments["max_boxes"], arguments.get("per_class_suppression", False))
        if list(results[2][n][: len(kept)]) != kept:
            return f"batch {n}: kept {list(results[2][n])}, expected {kept}"
        if not np.allclose(results[0][n][: len(kept)], boxes[n][kept], atol=2e-3):
            return f"batch {n}: boxes of the kept ones differ"
        if not np.allclose(results[1][n][: len(kept)], scores[n][kept], atol=2e-3):
            return f"batch {n}: scores of the kept ones differ"
        if old and results[3][n] != len(kept):
            return f"batch {n}: says {results[3][n]} boxes, expected {len(kept)}"
    return None


ROWS = [
    Row("reshape", draw_reshape, lambda x, shape: x.reshape(shape), EXACT),
    Row("reshape_like", draw_reshape_like, reshape_like, EXACT),
    Row("expand_dims", draw_expand_dims, expand_dims, EXACT),
    Row("squeeze", draw_squeeze, squeeze, EXACT),
    Row("transpose", draw_transpose, lambda x, perm: np.transpose(x, [int(p) for p in perm]), EXACT),
    Row("flatten2d", draw_flatten2d, flatten2d, EXACT),
    Row("identity", lambda d: {"x": d.tensor(d.shape(), element=np.float32)}, lambda x: x, EXACT),
    Row("shape", lambda d: {"x": d.tensor(d.shape())}, lambda x: np.array(x.shape, np.int32), EXACT),
    Row("tile", draw_tile, lambda x, reps: np.tile(x, reps), EXACT),
    Row("depth_to_space", draw_blocks, depth_to_space, EXACT),
    Row("space_to_depth", draw_blocks, space_to_depth, EXACT),
    Row("pixel_shuffle", draw_blocks, lambda x, upscale_factor:
        F.pixel_shuffle(torch.from_numpy(x), int(upscale_factor)).numpy(), EXACT),
    Row("pixel_unshuffle", draw_blocks, lambda x, downscale_factor:
        F.pixel_unshuffle(torch.from_numpy(x), int(downscale_factor)).numpy(), EXACT),
    Row("space_to_batch", draw_space_to_batch, space_to_batch, EXACT),
    Row("batch_to_space", draw_batch_to_space, batch_to_space, EXACT),
    Row("reverse", draw_reverse, reverse, EXACT),
    Row("reverse_sequence", draw_reverse_sequence, reverse_sequence, EXACT),
    Row("argsort", draw_argsort, argsort, EXACT),
    Row("topk", draw_topk, topk, EXACT, weight=2),
    Row("slice_by_index", draw_slice_by_index, lambda x, **where: x[slices(x.shape, **where)], EXACT, weight=3),
    Row("slice_by_size", draw_slice_by_size, slice_by_size, EXACT),
    Row("slice_update", draw_slice_update, slice_update, EXACT, weight=2),
    Row("sliding_windows", draw_sliding_windows, sliding_windows, EXACT),
    Row("concat", draw_concat, concat, EXACT, weight=2),
    Row("split", draw_split, split, EXACT),
    Row("stack", draw_stack, lambda values, axis: np.stack(values, int(axis)), EXACT),
    Row("pad", draw_pad, pad, EXACT, weight=2),
    Row("fill", draw_fill, lambda shape, value=0.0: np.full(shape, value), EXACT),
    Row("fill_like", draw_fill_like, lambda ref_tensor, value=0.0: np.full(ref_tensor.shape, value), EXACT),
    Row("range_1d", draw_range, lambda start, end, step: np.arange(start, end, step), EXACT),
    Row("one_hot", draw_one_hot, one_hot, EXACT),
    Row("band_part", draw_band_part, band_part, EXACT),
    Row("non_zero", lambda d: {"x": d.tensor(d.shape(1, 4), -1, 1, element=d.choice(np.int32, np.bool_))},
        lambda x: np.transpose(np.nonzero(x)).astype(np.int32), EXACT),
    Row("gather", draw_gather, gather, EXACT, weight=2),
    Row("gather_along_axis", draw_gather_along_axis, gather_along_axis, EXACT),
    Row("gather_nd", draw_gather_nd, gather_nd, EXACT),
    Row("scatter", draw_scatter, scatter, SUM, weight=2),
    Row("scatter_along_axis", draw_scatter_along_axis, scatter_along_axis, SUM, weight=2),
    Row("scatter_nd", draw_scatter_nd, scatter_nd, SUM, weight=2),
    Row("non_maximum_suppression", draw_suppression, check=check_suppression),
]
