"""Networks: which maps there are, and how an input runs through them."""

from __future__ import annotations

from typing import Any

from ..errors import Misuse
from .activations import Activation, activation_named
from .formulas import phi


class MLP:
    """The chain h_l = W_l a_{l−1} (+ b_l), a_l = φ(h_l), with output f = h_L.

    Shapes: widths = (n_0, …, n_L); W_l is n_l × n_{l−1}; samples are columns.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.MLP(widths=(3, 4, 1)).shapes()
    {'W1': (4, 3), 'W2': (1, 4)}
    """

    begins = ends = True
    source = "x"

    def __init__(self, widths: Any, activation: str | Activation = "relu", bias: bool = False) -> None:
        try:
            sizes = tuple(widths)
        except TypeError:
            sizes = ()
        if len(sizes) < 2 or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in sizes):
            raise Misuse("widths", widths, "at least two whole numbers n_0, …, n_L, each ≥ 1, such as (3, 4, 1)")
        if not isinstance(bias, bool):
            raise Misuse("bias", bias, "True or False")
        self.widths: tuple[int, ...] = sizes
        self.activation = activation_named(activation)
        self.bias = bias

    @property
    def depth(self) -> int:
        """L, the number of maps."""
        return len(self.widths) - 1

    @property
    def inputs(self) -> int:
        return self.widths[0]

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    @property
    def labels(self) -> range:
        return range(1, self.depth + 1)

    def shapes(self) -> dict[str, tuple[int, int]]:
        """The parameters and their shapes."""
        sizes = list(enumerate(zip(self.widths[1:], self.widths, strict=False), start=1))
        maps = {f"W{layer}": dims for layer, dims in sizes}
        return maps | {f"b{layer}": (rows, 1) for layer, (rows, _) in sizes if self.bias}

    def forward(self, w: Any, x: Any) -> Any:
        """f(x)."""
        a = x
        for layer in range(1, self.depth + 1):
            h = w[f"W{layer}"] @ a
            h = h + w[f"b{layer}"] if self.bias else h
            a = phi(h) if layer < self.depth else h  # type: ignore[no-untyped-call]
        return a

    def __repr__(self) -> str:
        bias = ", bias=True" if self.bias else ""
        return f"MLP({self.widths}, {self.activation.name!r}{bias})"
