"""Convolutions, pools, matrix products, attention and image resampling."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from draw import Input
from row import EXACT, FUNCTION, SUM, Row, spread


def tensor(x):
    return torch.from_numpy(np.ascontiguousarray(x))


# --- convolution

def same_pads(extents, kernel, strides, dilations, lower):
    """Pads of `same`: as many as ceil(extent / stride) windows need, the odd one behind (`same`) or in front."""
    pads = []
    for n, k, s, dilation in zip(extents, kernel, strides, dilations):
        total = max(0, (math.ceil(n / s) - 1) * s + (k - 1) * dilation + 1 - n)
        few, many = total // 2, total - total // 2
        pads += [many, few] if lower else [few, many]
    return pads


def window_pads(pad_type, pad, extents, kernel, strides, dilations):
    if pad_type in ("same", "same_lower"):
        return same_pads(extents, kernel, strides, dilations, pad_type == "same_lower")
    return [int(p) for p in pad] if pad_type == "custom" and pad is not None else [0] * (2 * len(extents))


def padded(x, pads, value=0.0):
    """`pads`: before and after of every spatial axis, in order; PyTorch wants the last axis first."""
    order = [p for i in reversed(range(len(pads) // 2)) for p in pads[2 * i: 2 * i + 2]]
    return F.pad(tensor(x), order, value=value)


def draw_window(d, spatial, kernel, extents, pad_types):
    result = {"pad_type": d.choice(*pad_types)}
    if result["pad_type"] == "same_lower" and d.opset == 15:
        result["pad_type"] = "same"
    if result["pad_type"] == "custom":
        result["pad"] = np.array([d.integer(0, min(2, k // 2 if d.op.endswith("pool") else 2))
                                  for k in kernel for _ in range(2)], np.int32)
    result.update(d.optional(0.6, strides=np.array([d.integer(1, 3) for _ in range(spatial)], np.int32)))
    return result


def draw_conv(d):
    spatial = d.choice(1, 2, 2, 2, 3)
    groups = d.choice(1, 1, 2, 3)
    channels, filters = groups * d.integer(1, 4), groups * d.integer(1, 4)
    if d.coin(0.2):  # depthwise, with one or two filters per channel
        groups = channels
        filters = channels * d.integer(1, 2)
    kernel = [d.integer(1, 4) for _ in range(spatial)]
    extents = [d.integer(8, 11) if spatial < 3 else d.integer(7, 8) for _ in range(spatial)]
    weights = d.element("U") if d.opset >= 17 else d.T
    result = {"x": d.tensor((d.integer(1, 2), channels, *extents)),
              "weight": d.array((filters, channels // groups, *kernel), -1, 1, weights),
              **draw_window(d, spatial, kernel, extents, ("valid", "same", "same_lower", "custom"))}
    if groups != 1 or d.coin():
        result["groups"] = np.int32(groups)
    if d.coin(0.3):
        result["dilations"] = np.array([d.integer(1, 2) for _ in range(spatial)], np.int32)
    elif d.coin(0.2):
        result["weight"] = Input(result["weight"])  # weights made at run time
    return {**result, **d.optional(bias=d.array((filters,), element=weights))}


def conv(x, weight, bias=None, strides=None, pad_type="valid", pad=None, dilations=None, groups=1):
    spatial = x.ndim - 2
    strides = [1] * spatial if strides is None else [int(s) for s in strides]
    dilations = [1] * spatial if dilations is None else [int(s) for s in dilations]
    pads = window_pads(pad_type, pad, x.shape[2:], weight.shape[2:], strides, dilations)
    function = (F.conv1d, F.conv2d, F.conv3d)[spatial - 1]
    return function(padded(x, pads), tensor(weight), None if bias is None else tensor(bias), strides, 0, dilations,
                    int(groups)).numpy()


def draw_conv_transpose(d):
    spatial = d.choice(1, 2, 2, 2, 3)
    groups = d.choice(1, 1, 2, 3)
    channels, filters = groups * d.integer(1, 3), d.integer(1, 3)
    kernel = [d.integer(2, 4) for _ in range(spatial)]
    weights = d.element("U") if d.opset >= 17 else d.T
    extents = [d.integer(3, 6) for _ in range(spatial)]
    result = {"x": d.tensor((d.integer(1, 2), channels, *extents)),
              "weight": d.array((channels, filters, *kernel), -1, 1, weights), "pad_type": d.choice("valid", "custom"),
              **d.optional(strides=np.array([d.integer(1, 3) for _ in range(spatial)], np.int32),
                           dilations=np.array([d.integer(1, 2) for _ in range(spatial)], np.int32),
                           bias=d.array((groups * filters,), element=weights))}
    if groups != 1:
        result["groups"] = np.int32(groups)
    if result["pad_type"] == "custom":
        result["pad"] = np.array([d.integer(0, 1) for _ in range(2 * spatial)], np.int32)
    return result


def conv_transpose(x, weight, bias=None, pad=None, pad_type="valid", strides=None, dilations=None, groups=1):
    spatial = x.ndim - 2
    strides = [1] * spatial if strides is None else [int(s) for s in strides]
    dilations = [1] * spatial if dilations is None else [int(s) for s in dilations]
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[spatial - 1]
    y = function(tensor(x), tensor(weight), None if bias is None else tensor(bias), strides, 0, 0, int(groups),
                 dilations).numpy()
    if pad_type == "custom":
        y = y[(slice(None),) * 2 + tuple(slice(pad[2 * i], y.shape[i + 2] - pad[2 * i + 1]) for i in range(spatial))]
    return y


# --- pools

def draw_pool(d):
    spatial = d.choice(1, 2, 2, 3) if d.op != "l2_pool" else d.choice(1, 2)
    kernel = [d.integer(1, 4) for _ in range(spatial)]
    extents = [d.integer(5, 9) for _ in range(spatial)]
    result = {"x": d.tensor((d.integer(1, 2), d.integer(1, 3), *extents)), "kernel_sizes": np.array(kernel, np.int32),
              **draw_window(d, spatial, kernel, extents, ("valid", "same", "same_lower", "custom", "custom"))}
    if result["pad_type"] in ("valid", "custom") and spatial < 3 and d.coin(0.4):
        result["ceil_mode"] = d.coin(0.8)
        if "pad" in result:
            result["pad"] = np.repeat(result["pad"][::2], 2).astype(np.int32)
    if d.op == "avg_pool":
        result.update(d.optional(exclude_padding_from_average=d.coin()))
    return result


def pool(kind):
    """Windows cut out one by one: also of what PyTorch's pools do not take (pads on one side, averages over pads)."""
    def reference(x, kernel_sizes, pad_type, strides=None, pad=None, ceil_mode=False, exclude_padding_from_average=False):
        spatial = x.ndim - 2
        strides = [1] * spatial if strides is None else [int(s) for s in strides]
        kernel = [int(k) for k in kernel_sizes]
        pads = window_pads(pad_type, pad, x.shape[2:], kernel, strides, [1] * spatial)
        counts = []
        for i in range(spatial):
            room = x.shape[i + 2] + pads[2 * i] + pads[2 * i + 1] - kernel[i]
            count = (-(-room // strides[i]) if ceil_mode else room // strides[i]) + 1
            if ceil_mode and pads[2 * i] + pads[2 * i + 1] > 0 and (count - 1) * strides[i] >= x.shape[i + 2] + pads[2 * i]:
                count -= 1
            counts.append(count)
        y = np.zeros(x.shape[:2] + tuple(counts))
        for place in np.ndindex(*counts):
            starts = [place[i] * strides[i] - pads[2 * i] for i in range(spatial)]
            inside = tuple(slice(max(0, s), min(n, s + k)) for s, k, n in zip(starts, kernel, x.shape[2:]))
            window = x[(slice(None), slice(None)) + inside].reshape(*x.shape[:2], -1)
            # A window that reaches past the padded input (ceil_mode) counts only what is padded input, as PyTorch does.
            ends = [min(s + k, n + pads[2 * i + 1]) for i, (s, k, n) in enumerate(zip(starts, kernel, x.shape[2:]))]
            size = window.shape[-1] if exclude_padding_from_average else np.prod([e - s for s, e in zip(starts, ends)])
            if kind == "max":
                value = window.max(-1) if window.shape[-1] else -np.inf
            elif kind == "avg":
                value = window.sum(-1) / size
            else:
                value = np.sqrt((window ** 2).sum(-1))
            y[(slice(None), slice(None)) + place] = value
        return y
    return reference


# --- matrix products and attention

def draw_linear(d):
    *lead, inner = d.shape(1, 3, 9)
    outer = d.integer(1, 9)
    weights = d.element("U", "f" if np.dtype(d.T).kind == "f" else "i") if d.opset >= 17 else d.T
    return {"x": d.tensor((*lead, inner)), "weight": d.array((outer, inner), element=weights),
            **d.optional(bias=d.array((outer,), element=weights))}


def linear(x, weight, bias=0):
    return x @ weight.T + bias


def draw_matmul(d):
    rows, inner, columns = (d.integer(1, 9) for _ in range(3))
    batch = list(d.shape(0, 3, 3))
    batch_x = [1 if d.coin(0.3) else n for n in batch]
    batch_y = [n if x == 1 or d.coin(0.7) else 1 for n, x in zip(batch, batch_x)]
    batch_y = batch_y[d.integer(0, len(batch_y)) if d.coin(0.3) else 0:]
    transpose_x, transpose_y = d.coin(), d.coin()
    x = (*batch_x, inner, rows) if transpose_x else (*batch_x, rows, inner)
    y = (*batch_y, columns, inner) if transpose_y else (*batch_y, inner, columns)
    if len(y) == 2 and d.coin():
        x, transpose_x = (inner,), False  # The converter infers no shape for vectors in other places.
    flags = {name: value for name, value in (("transpose_x", transpose_x), ("transpose_y", transpose_y))
             if value or d.coin()}
    y = d.array(y)
    return {"x": d.tensor(x), "y": y if d.coin(0.3) else Input(y), **flags}


def matmul(x, y, transpose_x=False, transpose_y=False):
    x = np.swapaxes(x, -1, -2) if transpose_x else x
    y = np.swapaxes(y, -1, -2) if transpose_y else y
    return np.matmul(x, y)


# The two equations the op takes, in letters of any kind; extents of 1 broadcast along the shared axes.
EQUATIONS = ("nchw,nwhu->nchu", "chw,whu->chu", "abcd,adce->abce", "pqr,rqs->pqs")


def draw_einsum(d):
    equation = d.choice(*EQUATIONS)
    left, right = equation.split("->")[0].split(",")
    extents = {letter: d.integer(1, 5) for letter in left + right}
    shapes = [[extents[c] for c in letters] for letters in (left, right)]
    for axis in (-2, -4)[: len(left) - 2]:
        if d.coin(0.2):
            shapes[d.integer(0, 1)][axis] = 1
    return {"values": [d.tensor(s) for s in shapes], "equation": equation}


def einsum(values, equation):
    shared = [max(values[0].shape[a], values[1].shape[a]) for a in ((-4, -2) if values[0].ndim == 4 else (-2,))]
    shapes = [list(v.shape) for v in values]
    for shape in shapes:
        shape[-2] = shared[-1]
        shape[0] = shared[0] if len(shape) == 4 else shape[0]
    return np.einsum(equation, *(np.broadcast_to(v, s) for v, s in zip(values, shapes)))


def draw_attention(d):
    batch = [d.integer(1, 3)] + [d.integer(1, 3) for _ in range(d.integer(0, 2))]
    target, source, depth, width = (d.integer(1, 7) for _ in range(4))
    result = {"query": d.tensor((*batch, target, depth)), "key": d.tensor((*batch, source, depth)),
              "value": d.tensor((*batch, source, width))}
    if d.coin(0.6):
        kind = d.choice(np.bool_, d.T)
        lead = batch[len(batch) - d.integer(0, len(batch)):]
        mask = d.array((*lead, target, source), element=kind)
        if kind == np.bool_:
            mask[..., 0] = True  # A row that attends to nothing has no defined result.
        result["attn_mask"] = Input(mask)
    return result


def attention(query, key, value, attn_mask=None):
    weights = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    if attn_mask is not None:
        weights = np.where(attn_mask, weights, -np.inf) if attn_mask.dtype == np.bool_ else weights + attn_mask
    return torch.softmax(tensor(weights), -1).numpy() @ value


# --- images

MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")


def grid(size_in, size_out, mode):
    """The sampling points of the documentation of resize_bilinear."""
    i = np.arange(size_out)
    if mode == "ALIGN_CORNERS" and size_out == 1:
        return np.array([(size_in - 1) / 2])
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        points = i * (size_in - 1) / max(1, size_out - 1)
    elif mode == "DEFAULT":
        points = i * size_in / size_out
    elif mode == "OFFSET_CORNERS":
        delta = max(1, size_in - 1) / size_out
        points = 0.5 * delta + i * delta
    else:
        points = (i + 0.5) * size_in / size_out - 0.5
    return np.clip(points, 0, size_in - 1)


def interpolate(x, points, axis):
    low = np.floor(points).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    share = spread(points - low, x.ndim, axis % x.ndim)
    return np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share


def draw_resize_bilinear(d):
    return {"x": d.tensor(d.image(d.choice(3, 4, 5))), **d.optional(0.9, target_size_height=np.int32(d.integer(1, 15)),
            target_size_width=np.int32(d.integer(1, 15)), sampling_mode=d.choice(*MODES))}


def resize_bilinear(x, target_size_height=1, target_size_width=1, sampling_mode="DEFAULT"):
    x = interpolate(x, grid(x.shape[-2], int(target_size_height), sampling_mode), -2)
    return interpolate(x, grid(x.shape[-1], int(target_size_width), sampling_mode), -1)


def draw_upsample(d):
    if d.coin():
        factors = [np.int32(d.integer(1, 3)) for _ in range(2)]
    else:
        factors = [np.float32(d.choice(1.0, 1.5, 2.0, 2.5)) for _ in range(2)]
    x = (d.integer(1, 2), d.integer(1, 3), 2 * d.integer(1, 4), 2 * d.integer(1, 4))
    result = {"x": d.tensor(x), "scale_factor_height": factors[0], "scale_factor_width": factors[1]}
    if d.op == "upsample_bilinear":
        result.update(d.optional(align_corners=d.coin()))
        if d.opset >= 16:
            result.update(d.optional(0.4, half_pixel_centers=not result.get("align_corners", True)))
    return result


def upsample_nearest(x, scale_factor_height=1, scale_factor_width=1):
    return F.interpolate(tensor(x), scale_factor=(float(scale_factor_height), float(scale_factor_width)),
                         mode="nearest").numpy()


def upsample_bilinear(x, scale_factor_height=1, scale_factor_width=1, align_corners=True, half_pixel_centers=None):
    return F.interpolate(tensor(x), scale_factor=(float(scale_factor_height), float(scale_factor_width)), mode="bilinear",
                         align_corners=align_corners, recompute_scale_factor=True).numpy()


def draw_resize_nearest(d):
    return {"x": d.tensor((d.integer(1, 2), d.integer(1, 3), d.integer(1, 8), d.integer(1, 8))),
            "target_size_height": np.int32(d.integer(1, 16)), "target_size_width": np.int32(d.integer(1, 16))}


def resize_nearest(x, target_size_height, target_size_width):
    """The converter makes this op of TensorFlow's half_pixel_centers, and the upsample op of the other grid."""
    return F.interpolate(tensor(x), size=(int(target_size_height), int(target_size_width)), mode="nearest-exact").numpy()


def draw_resize(d):
    """Of the nearest neighbour only the default grid is published: by the test Core ML is held to."""
    x = d.image(d.choice(3, 4, 5), low=2, high=7)
    count = d.integer(1, 2)
    shape = [d.choice(0, d.integer(1, 9), d.integer(1, 9)) for _ in range(count)]
    lead = [0] * d.integer(0, len(x) - count)
    shape = np.array(lead + shape, d.choice(np.int32, np.int32, np.int16, np.uint16))
    result = {"x": d.tensor(x), "shape": Input(shape) if d.coin(0.3) else shape, "resized_dims": np.uint32(count)}
    if np.dtype(d.T).kind != "f" or d.coin(0.4):
        return {**result, "interpolation_mode": "NEAREST_NEIGHBOR", **d.optional(sampling_mode="DEFAULT")}
    return {**result, **d.optional(interpolation_mode="LINEAR", sampling_mode=d.choice(*MODES))}


def nearest(x, count, axis):
    """PyTorch takes the pixel under the middle of each new one."""
    rows = np.moveaxis(x.astype(np.float64), axis, -1)
    y = F.interpolate(tensor(rows.reshape(-1, 1, rows.shape[-1])), size=count, mode="nearest-exact").numpy()
    return np.moveaxis(y.reshape(rows.shape[:-1] + (count,)), -1, axis).astype(x.dtype)


def resize(x, shape, resized_dims, interpolation_mode="LINEAR", sampling_mode="DEFAULT"):
    for i in range(1, int(resized_dims) + 1):
        count = int(shape[-i]) or x.shape[-i]
        if interpolation_mode == "NEAREST_NEIGHBOR":
            x = nearest(x, count, -i)
        else:
            x = interpolate(x, grid(x.shape[-i], count, sampling_mode), -i)
    return x


def sample(image, y, x, value=0.0, outside="zero"):
    """Bilinear sample of image[C,H,W] at a point; what lies outside the image is `value`."""
    height, width = image.shape[1:]
    y0, x0 = math.floor(y), math.floor(x)
    total = 0
    for yi, wy in ((y0, 1 - (y - y0)), (y0 + 1, y - y0)):
        for xi, wx in ((x0, 1 - (x - x0)), (x0 + 1, x - x0)):
            inside = 0 <= yi < height and 0 <= xi < width
            total = total + wy * wx * (image[:, yi, xi] if inside else value)
    return total


def draw_affine(d):
    batch = d.integer(1, 2)
    matrix = np.array([[1, 0, 0, 0, 1, 0]]) + d.rng.uniform(-0.4, 0.4, (d.choice(1, batch), 6))
    matrix = matrix.astype(d.T)
    return {"x": d.tensor((batch, d.integer(1, 3), d.integer(2, 7), d.integer(2, 7))),
            "transform_matrix": Input(matrix) if d.coin() else matrix,
            "output_height": np.int32(d.integer(2, 7)), "output_width": np.int32(d.integer(2, 7)),
            "sampling_mode": "bilinear", "padding_mode": "constant", "padding_value": d.T(0),
            "coordinates_mode": "normalized_minus_one_to_one", "align_corners": True}


def affine(x, transform_matrix, output_height, output_width, **_):
    matrix = np.broadcast_to(transform_matrix, (x.shape[0], 6)).reshape(-1, 2, 3)
    points = F.affine_grid(tensor(matrix), (x.shape[0], x.shape[1], int(output_height), int(output_width)),
                           align_corners=True)
    return F.grid_sample(tensor(x), points, mode="bilinear", padding_mode="zeros", align_corners=True).numpy()


def draw_resample(d):
    batch, height, width = d.integer(1, 2), d.integer(2, 6), d.integer(2, 6)
    mode = d.choice("normalized_minus_one_to_one", "normalized_minus_one_to_one", "normalized_zero_to_one", "unnormalized")
    low, high = {"normalized_minus_one_to_one": (-1.4, 1.4), "normalized_zero_to_one": (-0.2, 1.2),
                 "unnormalized": (-1.5, 6.5)}[mode]
    padding = d.choice("constant", "border", "reflection", "symmetric")
    points = d.rng.uniform(low, high, (batch, d.integer(1, 5), d.integer(1, 5), 2)).astype(
        np.float16 if d.opset >= 16 and d.T == np.float16 else np.float32)
    return {"x": d.tensor((batch, d.integer(1, 3), height, width)), "coordinates": Input(points),
            "sampling_mode": d.choice("bilinear", "bilinear", "nearest"), "padding_mode": padding,
            "padding_value": d.T(d.real(-1, 1) if padding == "constant" and d.coin() else 0), "coordinates_mode": mode,
            "align_corners": d.coin()}


def outside(index, extent, padding_mode):
    """The place of the image that stands at an index beyond its ends; None for the padding value."""
    if 0 <= index < extent:
        return index
    if padding_mode == "constant":
        return None
    if padding_mode == "border":
        return min(max(index, 0), extent - 1)
    period = max(1, 2 * extent - 2) if padding_mode == "reflection" else 2 * extent
    index %= period
    return min(index, period - index) if padding_mode == "reflection" else min(index, period - 1 - index)


def resample(x, coordinates, sampling_mode, padding_mode, padding_value, coordinates_mode, align_corners):
    """As the documentation tells it: the image goes on for ever as the padding mode says, and is sampled there."""
    size = np.array([x.shape[3], x.shape[2]], np.float64)
    if coordinates_mode != "unnormalized":
        unit = (coordinates + 1) / 2 if coordinates_mode == "normalized_minus_one_to_one" else coordinates
        coordinates = unit * (size - 1) if align_corners else unit * size - 0.5
    y = np.zeros(x.shape[:2] + coordinates.shape[1:3])
    for n, i, j in np.ndindex(*coordinates.shape[:3]):
        column, row = coordinates[n, i, j]
        taps = [(round(row), round(column), 1.0)] if sampling_mode == "nearest" else [
            (math.floor(row) + a, math.floor(column) + b, (row % 1 if a else 1 - row % 1) * (column % 1 if b else 1 - column % 1))
            for a in (0, 1) for b in (0, 1)]
        for r, c, share in taps:
            r, c = outside(r, x.shape[2], padding_mode), outside(c, x.shape[3], padding_mode)
            y[n, :, i, j] += share * (padding_value if r is None or c is None else x[n, :, r, c])
    return y


def draw_crop(d):
    x = d.shape(1, 3, 3) + (d.integer(5, 9), d.integer(5, 9))
    return {"x": d.tensor(x), "crop_height": np.array([d.integer(0, 2), d.integer(0, 2)], np.int32),
            "crop_width": np.array([d.integer(0, 2), d.integer(0, 2)], np.int32)}


def crop(x, crop_height, crop_width):
    return x[..., crop_height[0]: x.shape[-2] - crop_height[1], crop_width[0]: x.shape[-1] - crop_width[1]]


BOXES = ("CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST")


def draw_crop_resize(d):
    batch, channels, height, width = d.integer(1, 3), d.integer(1, 3), d.integer(4, 8), d.integer(4, 8)
    count, mode, normalised = d.integer(1, 3), d.choice(*BOXES), d.coin()
    corners = np.sort(d.rng.uniform(0, 1, (count, 2, 2)), axis=1)  # start and end of (height, width)
    size = np.ones(2) if normalised else np.array([height - 1, width - 1])
    boxes = box_of(corners[:, 0] * size, corners[:, 1] * size, mode)
    index = d.array((count,), 0, batch - 1, np.int32)
    result = {"x": d.tensor((batch, channels, height, width)), "target_height": np.int32(d.integer(1, 6)),
              "target_width": np.int32(d.integer(1, 6)), "normalized_coordinates": normalised,
              **d.optional(spatial_scale=np.float32(d.choice(1.0, 0.5))), "box_coordinate_mode": mode,
              "sampling_mode": d.choice(*MODES[:4])}  # What UNALIGN_CORNERS means for boxes is not stated.
    if d.opset >= 16:
        result.update(d.optional(pad_value=d.scalar(-1, 1)))
    if d.opset >= 17:
        return {**result, "boxes": d.choice(Input, np.asarray)(boxes.astype(d.T)), "box_indices": Input(index)}
    if batch == 1 and d.coin():  # The converter infers [N, B, ...] also for rois that name their image.
        boxes = np.concatenate([index[:, None], boxes], axis=1)
    return {**result, "roi": Input(boxes.astype(d.T).reshape(count, 1, -1, 1, 1))}


def box_of(start, end, mode):
    first, second = (start, end) if mode.startswith("CORNERS") else ((start + end) / 2, end - start)
    if "WIDTH_FIRST" in mode:
        first, second = first[:, ::-1], second[:, ::-1]
    return np.concatenate([first, second], axis=1)


def corners_of(box, mode):
    first, second = box[:2], box[2:]
    if "WIDTH_FIRST" in mode:
        first, second = first[::-1], second[::-1]
    return (first, second) if mode.startswith("CORNERS") else (first - second / 2, first + second / 2)


def box_points(start, end, count, mode):
    """The sampling points between two ends: those of resize_bilinear over an image of end - start + 1 points."""
    extent = end - start + 1
    i = np.arange(count)
    if mode == "ALIGN_CORNERS" and count == 1:
        return np.array([(start + end) / 2])
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        return start + i * (end - start) / max(1, count - 1)
    if mode == "DEFAULT":
        return start + i * extent / count
    if mode == "OFFSET_CORNERS":
        delta = max(1, extent - 1) / count
        return start + (i + 0.5) * delta
    return start + (i + 0.5) * extent / count - 0.5


def crop_resize_boxes(x, boxes, box_indices, target_height, target_width, normalized_coordinates, spatial_scale,
                      box_coordinate_mode, sampling_mode):
    crops = []
    for box, index in zip(boxes, box_indices):
        start, end = corners_of(box * spatial_scale, box_coordinate_mode)
        if normalized_coordinates:
            size = np.array(x.shape[2:]) - 1
            start, end = start * size, end * size
        rows = np.clip(box_points(start[0], end[0], int(target_height), sampling_mode), start[0], end[0])
        columns = np.clip(box_points(start[1], end[1], int(target_width), sampling_mode), start[1], end[1])
        crop = np.zeros((x.shape[1], len(rows), len(columns)))
        for r, row in enumerate(rows):
            for c, column in enumerate(columns):
                crop[:, r, c] = sample(x[int(index)], row, column)
        crops.append(crop)
    return np.stack(crops)


def crop_resize(x, roi=None, boxes=None, box_indices=None, target_height=1, target_width=1, normalized_coordinates=False,
                spatial_scale=1.0, box_coordinate_mode="CORNERS_HEIGHT_FIRST", sampling_mode="DEFAULT", pad_value=0):
    """The boxes lie inside the image, so that nothing is padded. ios15 and ios16 crop every image with every roi, or with roi of five numbers the image that the first names."""
    rest = (target_height, target_width, normalized_coordinates, float(spatial_scale), box_coordinate_mode, sampling_mode)
    if boxes is not None:
        return crop_resize_boxes(x, boxes, box_indices, *rest)
    roi = roi.reshape(roi.shape[0], -1)
    if roi.shape[1] == 5:
        return crop_resize_boxes(x, roi[:, 1:], roi[:, 0], *rest)[:, None]
    images = range(x.shape[0])
    return np.stack([crop_resize_boxes(x, np.repeat(r[None], len(images), 0), images, *rest) for r in roi])


RESIZES = [
    Row("upsample_nearest_neighbor", draw_upsample, upsample_nearest, EXACT),
    Row("upsample_bilinear", draw_upsample, upsample_bilinear, FUNCTION, weight=2),
    Row("resize_nearest_neighbor", draw_resize_nearest, resize_nearest, EXACT),
    Row("resize_bilinear", draw_resize_bilinear, resize_bilinear, FUNCTION, weight=2),
    Row("resize", draw_resize, resize, FUNCTION, weight=3),
    Row("affine", draw_affine, affine, FUNCTION),
    Row("resample", draw_resample, resample, FUNCTION, weight=2),
    Row("crop", draw_crop, crop, EXACT),
    Row("crop_resize", draw_crop_resize, crop_resize, FUNCTION, weight=2),
]

ROWS = [
    Row("conv", draw_conv, conv, SUM, weight=5),
    Row("conv_transpose", draw_conv_transpose, conv_transpose, SUM, weight=3),
    Row("avg_pool", draw_pool, pool("avg"), SUM, weight=3),
    Row("max_pool", draw_pool, pool("max"), EXACT, weight=3),
    Row("l2_pool", draw_pool, pool("l2"), SUM, weight=2),
    Row("linear", draw_linear, linear, SUM),
    Row("matmul", draw_matmul, matmul, SUM, weight=3),
    Row("einsum", draw_einsum, einsum, SUM, weight=2),
    Row("scaled_dot_product_attention", draw_attention, attention, SUM, weight=2),
] + RESIZES
