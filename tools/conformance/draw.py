"""Random instances: what the rows of the tables draw from."""

import numpy as np

from program import op_class
from coremltools.converters.mil.mil import types

NARROW = (np.int8, np.uint8, np.int16, np.uint16)
USABLE = (np.float16, np.float32, np.int32, np.bool_) + NARROW


class Input:
    """Marks an argument that the program gets when it runs; all others are constants."""

    def __init__(self, value):
        self.value = np.asarray(value)


class Draw:
    def __init__(self, op, opset, rng, only=None):
        """`only`: element types to stay within, as kinds ("f", "i", "b") or names."""
        self.op, self.opset, self.rng = op, opset, rng
        self.cls = op_class(op, opset)
        self.T = self.element("T", only) if self.cls else np.float32

    def element(self, variable, only=None):
        """One of the element types coremltools allows for a type variable of the op; fp32 half of the time."""
        domain = getattr(self.cls, "type_domains", None) or {}
        domain = domain.get(variable, (types.fp32,))
        domain = domain if isinstance(domain, (list, tuple)) else (domain,)
        allowed = []
        for item in domain:
            try:
                element = types.nptype_from_builtin(item)
            except (KeyError, TypeError):
                continue
            if getattr(element, "metadata", None):  # narrower than a byte
                continue
            if element in USABLE and (only is None or np.dtype(element).kind in only or np.dtype(element).name in only):
                allowed.append(element)
        if not allowed:
            raise ValueError(f"{self.op}: no usable element type for {variable} in ios{self.opset}")
        if np.float32 in allowed and self.coin():
            return np.float32
        return allowed[self.integer(0, len(allowed) - 1)]

    def integer(self, low, high):
        """Both ends included."""
        return int(self.rng.integers(low, high + 1))

    def real(self, low, high):
        return float(self.rng.uniform(low, high))

    def coin(self, probability=0.5):
        return bool(self.rng.random() < probability)

    def choice(self, *items):
        return items[self.integer(0, len(items) - 1)]

    def some(self, items, low=1):
        """A random subset, in random order."""
        items = list(items)
        return [items[i] for i in self.rng.permutation(len(items))[: self.integer(low, len(items))]]

    def shape(self, low=1, high=5, extent=6, elements=3000):
        while True:
            shape = tuple(self.integer(1, extent) for _ in range(self.integer(low, high)))
            if np.prod(shape) <= elements:
                return shape

    def image(self, rank=4, channels=5, low=3, high=12):
        return (self.integer(1, 2), self.integer(1, channels)) + tuple(self.integer(low, high) for _ in range(rank - 2))

    def array(self, shape, low=-3, high=3, element=None):
        element = np.dtype(element or self.T)
        if element.kind == "b":
            return self.rng.random(shape) < 0.5
        if element.kind in "iu":
            low, high = max(int(np.floor(low)), np.iinfo(element).min), min(int(np.ceil(high)), np.iinfo(element).max)
            return self.rng.integers(low, high + 1, shape).astype(element)
        return np.asarray(self.rng.uniform(low, high, shape)).astype(element)

    def tensor(self, shape, low=-3, high=3, element=None):
        return Input(self.array(shape, low, high, element))

    def distinct(self, shape, element=None):
        """Values without ties, so that orders are determined."""
        element = np.dtype(element or self.T)
        count = int(np.prod(shape))
        start = 0 if element.kind == "u" else -(count // 2)
        values = (np.arange(count) + start) * (0.25 if element.kind == "f" else 1)
        return self.rng.permutation(values).reshape(shape).astype(element)

    def scalar(self, low, high, element=None):
        return np.dtype(element or self.T).type(self.array((), low, high, element))

    def axis(self, rank, negative=True):
        axis = self.integer(0, rank - 1)
        return np.int32(axis - rank if negative and self.coin(0.4) else axis)

    def axes(self, rank, low=1):
        return np.array([a - rank if self.coin(0.3) else a for a in self.some(range(rank), low)], np.int32)

    def optional(self, _probability=0.7, **arguments):
        """Each argument with that probability: what is left out takes the default. Of fp16 arguments none is left out:
        the builder fills in fp32 then, against its own type variables."""
        kept = {name: self.coin(_probability) for name in arguments}
        return {n: v for n, v in arguments.items() if kept[n] or getattr(v, "dtype", None) == np.float16}
