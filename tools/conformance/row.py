"""One row of the tables: how to draw an instance of an op, and what it must give."""

from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

# Bounds for fp32 runs, relative to the larger of the expected element and the root mean square of the expected tensor.
EXACT = 0.0            # data only moves, or integers
ROUNDED = 1e-6         # one or two roundings
FUNCTION = 1e-5        # a transcendental function, or a few of them
SUM = 2e-5             # sums of products
# Where the declared element type is fp16 its spacing is added; fp64 runs must agree to 1e-9 whatever the row says.
HALF = 2e-3
DOUBLE = 1e-9


@dataclass
class Row:
    op: str
    draw: Callable                      # Draw -> arguments by name (Input marks what is given at run time)
    reference: Optional[Callable] = None  # arguments -> result, or list of results; floating arguments come as float64
    tolerance: float = ROUNDED
    only: Optional[object] = None       # element types of T to stay within (kinds "f", "i", "u", "b", or names)
    check: Optional[Callable] = None    # (results, arguments) -> complaint or None, instead of a reference
    build: Optional[Callable] = None    # (variables, arguments) -> results: programs of more than one op
    patch: Optional[Callable] = None    # changes the written model: what the builder refuses to build
    states: Optional[Callable] = None   # arguments -> states by name
    as_given: tuple = ()                # arguments the reference gets in their own element type
    weight: float = 1.0                 # share of the instances


def spread(vector, rank, axis=1):
    """A vector of channels, shaped to broadcast along one axis."""
    vector = np.asarray(vector)
    return vector.reshape([-1 if i == axis else 1 for i in range(rank)])
