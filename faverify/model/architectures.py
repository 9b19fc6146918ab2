"""Networks beyond the chain: residual, convolutional, recurrent, with attention, dropout, pooling, normalisation.

Each is a forward pass of a few lines, for every size named in its shapes. Columns are samples; in a convolution and
under attention they are positions, and a batch is a matrix of blocks: fixed matrices hold for that too.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from math import prod
from types import MappingProxyType

from ..errors import Misuse, whole_number
from .formulas import phi, sum_samples
from .networks import Network, Repeated

# Residual


class Residual(Repeated):
    """a ← a + V_l φ(W_l a) between a stem and a head.

    References: He, Zhang, Ren & Sun 2016.
    """

    def outer(self):
        return {"stem": ("n", "d"), "head": ("k", "n")}

    def inner(self):
        return {"W": ("h", "n"), "V": ("n", "h")}

    def before(self, w, x):
        return w["stem"] @ x

    def block(self, w, a, x):
        return a + w["V"] @ phi(w["W"] @ a)

    def after(self, w, a):
        return w["head"] @ a


class OneMatrixResidual(Residual):
    """a ← a + φ(W_l a) between a stem and a head."""

    def inner(self):
        return {"W": ("n", "n")}

    def block(self, w, a, x):
        return a + phi(w["W"] @ a)


# Convolution


class Convolution(Network):
    """Layers h = Σ_j K_{l,j} a S_{l,j} with kernels K shared by all positions; the last one is the output.

    Shapes: `taps` gives the number of taps of each layer; a is channels × positions. S_{l,j} picks for every position
    of the output the one of the input that tap j sees. They are letters: every stride, padding, dilation and number of
    dimensions, a last layer that sees all positions included. With the `shape` of the input, they are what `stride` and
    `padding` make of it, and `taps` are those of a cube: 3 is 3 × 3 in two dimensions.

    References: LeCun, Bottou, Bengio & Haffner 1998.
    """

    def __init__(self, taps=(3, 2), shape=None, stride=1, padding=0):
        self.taps, self.shape = _sizes("taps", taps), None if shape is None else _sizes("shape", shape)
        self.stride, self.padding = whole_number("stride", stride, 1), whole_number("padding", padding, 0)

    def kernels(self):
        """For every layer its fixed matrices, or None in their place where they are letters."""
        shape, found = self.shape, []
        for size in self.taps:
            if shape is None:
                found.append([None] * size)
            else:
                moved, shape = shifts(shape, size, self.stride, self.padding)
                found.append(moved)
        return list(enumerate(found, start=1))

    def shapes(self):
        kernels = [(k, j) for k, taps in self.kernels() for j in range(1, len(taps) + 1)]
        return {f"K{k}_{j}": (f"c{k}", f"c{k - 1}") for k, j in kernels}

    @property
    def inputs(self):
        if self.shape is None:
            return {"x": "c0"}
        return {"x": ("c0", prod(self.shape))}

    def forward(self, w, x):
        a = x["x"]
        for k, taps in self.kernels():
            sizes = f"p{k - 1}" if k > 1 else "samples", f"p{k}"
            picks = [w.fixed(f"S{k}_{j}", *(sizes if rows is None else [rows])) for j, rows in enumerate(taps, start=1)]
            first, *rest = (w[f"K{k}_{j}"] @ (a @ pick) for j, pick in enumerate(picks, start=1))
            a = phi(sum(rest, first)) if k < len(self.taps) else sum(rest, first)
        return a


def shifts(shape, size, stride=1, padding=0):
    """The matrices that pick, for each tap of a convolution, what every position sees; and the shape of the output.

    Examples
    --------
    >>> from faverify.model.architectures import shifts
    >>> shifts((3,), 2)
    ([[[1, 0], [0, 1], [0, 0]], [[0, 0], [1, 0], [0, 1]]], (2,))
    """
    after = tuple((n + 2 * padding - size) // stride + 1 for n in shape)
    if min(after) < 1:
        raise Misuse("shape", shape, f"room for a kernel of {size} taps")
    spots, found = list(_spots(shape)), []
    for tap in _spots([size] * len(shape)):
        seen = [tuple(stride * q + t - padding for q, t in zip(to, tap, strict=True)) for to in _spots(after)]
        found.append([[int(spot == other) for other in seen] for spot in spots])
    return found, after


def _sizes(name, given):
    sizes = tuple(given) if isinstance(given, Iterable) else ()
    if not sizes:
        raise Misuse(name, given, "a tuple of whole numbers, each at least 1")
    return tuple(whole_number(name, size, 1) for size in sizes)


def _spots(shape):
    return product(*(range(n) for n in shape))


class MaxPooling(Network):
    """A convolution with one tap, the maximum over `window` neighbours, and a head: of each window one entry is chosen.

    Masks m_j with any entries weigh what is chosen from; those of a maximum are 0 and 1 and constant nearby.
    """

    def __init__(self, window=2):
        self.window = whole_number("window", window, 1)

    def shapes(self):
        return {"W": ("n", "d"), "head": ("k", "n")}

    def forward(self, w, x):
        a = phi(w["W"] @ x)
        picked = [a @ w.fixed(f"S{j}", "samples", "p") for j in range(self.window)]
        pooled = [w.mask(f"m{j}", part) * part for j, part in enumerate(picked)]
        return w["head"] @ sum(pooled[1:], pooled[0])


class Dropout(Network):
    """A chain of three maps whose activities are masked, forward and back alike.

    References: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014.
    """

    def shapes(self):
        return {"W1": ("n1", "d"), "W2": ("n2", "n1"), "W3": ("k", "n2")}

    def forward(self, w, x):
        a = phi(w["W1"] @ x)
        b = phi(w["W2"] @ (w.mask("first", a) * a))
        return w["W3"] @ (w.mask("second", b) * b)


# Recurrence


class Recurrent(Repeated):
    """a_t = φ(W a_{t−1} + U x_t), read by V at the end; `blocks` is the number of steps after the first.

    `start`: "zero", a_0 = 0; "fixed", any a_0 that nobody trains; "trained", a_0 = A 1ᵀ with the parameter A.

    References: Elman 1990; Murray 2019 (local feedback in recurrent networks).
    """

    block_inputs = MappingProxyType({"x_": "d"})

    def __init__(self, blocks=None, start="zero"):
        super().__init__(blocks)
        if start not in ("zero", "fixed", "trained"):
            raise Misuse("start", start, "'zero', 'fixed' or 'trained'")
        self.start = start

    def outer(self):
        first = {"A": ("n", 1)} if self.start == "trained" else {}
        return {"U": ("n", "d"), **first, "W": ("n", "n"), "V": ("k", "n")}

    def inner(self):
        return {}

    @property
    def inputs(self):
        if self.start == "zero":
            return super().inputs
        return super().inputs | ({"x0": "n"} if self.start == "fixed" else {"xone": 1})

    def before(self, w, x):
        h = w["U"] @ x["x"]
        if self.start != "zero":
            h = h + w["W"] @ (x["x0"] if self.start == "fixed" else w["A"] @ x["xone"])
        return phi(h)

    def block(self, w, a, x):
        return phi(w["W"] @ a + w["U"] @ x["x_"])

    def after(self, w, a):
        return w["V"] @ a


# Attention


class AttentionScores(Network):
    """The scores (W_k x)ᵀ (W_q x) of every position with every other."""

    def shapes(self):
        return {"Wq": ("r", "d"), "Wk": ("r", "d")}

    @property
    def outputs(self):
        return "samples"

    def forward(self, w, x):
        return (w["Wk"] @ x).mT @ (w["Wq"] @ x)


class Attention(Network):
    """Softmax attention with a skip: a ← a + Σ_h W_o W_v a softmax(aᵀ W_kᵀ W_q a), between an embedding and a head.

    The softmax may be any function of the scores whose signal back is constant against shifts: its columns sum to 0.

    References: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser & Polosukhin 2017.
    """

    def __init__(self, heads=1):
        self.heads = whole_number("heads", heads, 1)

    def shapes(self):
        own = {"Wq": ("r", "n"), "Wk": ("r", "n"), "Wv": ("v", "n"), "Wo": ("n", "v")}
        heads = {f"{name}{h}": dims for h in range(1, self.heads + 1) for name, dims in own.items()}
        return {"embed": ("n", "d"), **heads, "head": ("k", "n")}

    def forward(self, w, x):
        a = w["embed"] @ x
        total = a
        for h in range(1, self.heads + 1):
            scores = (w[f"Wk{h}"] @ a).mT @ (w[f"Wq{h}"] @ a)
            weights = w.free(f"softmax{h}", scores, shift_invariant)
            total = total + w[f"Wo{h}"] @ ((w[f"Wv{h}"] @ a) @ weights)
        return w["head"] @ total


# Signals that arrive through what is no sum or product


def shift_invariant(g, a):
    """Every signal whose columns sum to zero: that of a softmax, which does not see a shift of its column."""
    ones = sum_samples(a) * 0 + 1
    return (ones.mT @ ones) * g - ones @ (ones.mT @ g)


def scale_invariant_rows(g, a):
    """Every signal that is orthogonal to a, row by row: that of a function that does not see the length of a row."""
    return sum_samples(a * a) * g - sum_samples(g * a) * a


def scale_invariant_columns(g, a):
    """Every signal that is orthogonal to a, column by column."""
    return scale_invariant_rows(g.mT, a.mT).mT


class BatchNormalised(Network):
    """A layer whose rows are scaled by their norm over the batch (and centred or not) before φ: Wx ↦ n(Wx)."""

    def shapes(self):
        return {"W": ("n", "d"), "head": ("k", "n")}

    def forward(self, w, x):
        return w["head"] @ phi(w.free("n", w["W"] @ x, scale_invariant_rows))


class LayerNormalised(Network):
    """A layer whose columns are scaled by their norm over the neurons before φ."""

    def shapes(self):
        return {"W": ("n", "d"), "head": ("k", "n")}

    def forward(self, w, x):
        return w["head"] @ phi(w.free("n", w["W"] @ x, scale_invariant_columns))


LIBRARY = {
    "residual": Residual,
    "one-matrix-residual": OneMatrixResidual,
    "convolution": Convolution,
    "max-pooling": MaxPooling,
    "dropout": Dropout,
    "recurrent": Recurrent,
    "attention-scores": AttentionScores,
    "attention": Attention,
    "batch-normalised": BatchNormalised,
    "layer-normalised": LayerNormalised,
}
