"""Truncated Taylor series in float64, of many cases at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layouts import Modes
from .programs import Node, Program
from .series import STRUCTURAL, Series

Array = NDArray[np.float64]
LOOSE = 1e-11  # of the greatest singular value: below it an equation says nothing
NEWTON = 12  # iterations for unknowns that enter products with each other; affine ones need one


class FloatSeries(Series):
    """float64; arrays have the shape (cases, rows, cols), coefficients (order + 1, cases, rows, cols)."""

    def __init__(self, program: Program, order: int, cases: int, roots: list[Node] | None = None) -> None:
        super().__init__(program, order, roots)
        self.cases = cases
        self.seen_caps: dict[int, Array] = {}
        self.loose = np.zeros(cases, dtype=bool)  # cases whose sliding unknowns are not all determined
        self.c: dict[int, Array] = {}
        self.unit = np.ones(cases)
        self.now = np.zeros(cases)
        self.xi = np.zeros((order + 2, cases, self.layout.size + 1))  # the last column takes what is of no entry
        self.base: dict[int, Array] = {}
        self.jump: dict[int, Array] = {}
        for node in self.schedule:
            self.steps[node.place] = self._kernel(node)

    def _kernel(self, node: Node) -> Callable[[int], None]:
        orders = (self.order + 2) if node.moving else 1
        out = self.c[node.place] = np.zeros((orders, self.cases, *node._dims))
        c, op, args = self.c, node.op, node.args
        if op == "leaf":
            rate = self.states.get(node.place)

            def leaf(k: int) -> None:
                if k > 1 and rate is not None and not rate.moving:
                    out[k] = 0
                elif k and rate is not None:
                    np.multiply(c[rate.place][k - 1], (self.unit / k)[:, None, None], out=out[k])

            return leaf
        if op in ("scalar", "literal", "pi"):
            out[:] = {"scalar": lambda: float(node.data), "pi": lambda: np.pi}.get(
                op, lambda: np.array([[float(v) for v in row] for row in node.data])
            )()
            return lambda k: None
        if op == "time":

            def time(k: int) -> None:
                out[k] = (self.now if k == 0 else self.unit if k == 1 else self.unit * 0)[:, None, None]

            return time
        first, second = args[0], args[-1]
        if op == "add":

            def add(k: int) -> None:
                if not first.moving and k:
                    out[k] = c[second.place][k]
                elif not second.moving and k:
                    out[k] = c[first.place][k]
                else:
                    np.add(c[first.place][k], c[second.place][k], out=out[k])

            return add
        if op == "scale":
            factor = float(node.data)

            def scale(k: int) -> None:
                np.multiply(c[first.place][k], factor, out=out[k])

            return scale
        if op in ("matmul", "mul"):
            return self._product(first, second, out, matrix=op == "matmul")
        if op in ("gate", "mask"):
            return self._gate(node, out)
        if op == "gated":
            return self._gated(node, out)
        if op == "deriv":

            def deriv(k: int) -> None:
                out[k] = c[first.place][k + 1] * (k + 1) / self.unit[:, None, None]

            return deriv
        if op == "primitive":
            return self._primitive(node, first, out)
        function = STRUCTURAL[op](node)

        def structural(k: int) -> None:
            out[k] = function(c[first.place][k])

        return structural

    def _product(self, a: Node, b: Node, out: Array, matrix: bool) -> Callable[[int], None]:
        c = self.c
        times: Any = np.matmul if matrix else np.multiply
        if not (a.moving and b.moving):

            def single(k: int) -> None:
                times(c[a.place][k if a.moving else 0], c[b.place][k if b.moving else 0], out=out[k])

            return single
        if not matrix:

            def entrywise(k: int) -> None:
                np.sum(c[a.place][: k + 1] * c[b.place][k::-1], axis=0, out=out[k])

            return entrywise
        top = self.order + 1
        left = np.zeros((self.cases, a._dims[0], top + 1, a._dims[1]))
        right = np.zeros((self.cases, top + 1, *b._dims))
        (rows, inner), cols = a._dims, b._dims[1]

        def cauchy(k: int) -> None:
            left[:, :, k] = c[a.place][k]
            right[:, top - k] = c[b.place][k]
            np.matmul(
                left[:, :, : k + 1].reshape(self.cases, rows, (k + 1) * inner),
                right[:, top - k :].reshape(self.cases, (k + 1) * inner, cols),
                out=out[k],
            )

        return cauchy

    def _gate(self, node: Node, out: Array) -> Callable[[int], None]:
        switch = self.program.switches[node.data[0]]
        site = self.sites.get(node.place)

        def gate(k: int) -> None:
            if k == 0:
                if switch.argument.moving:
                    out[0] = self.base[node.place]
                else:
                    out[0] = fixed_gate(self.c[switch.argument.place][0], switch, node.data[1])
            elif node.moving:
                out[k] = 0
            if site is not None:
                out[k] += self.jump[node.place] * self._unknown(switch, k)

        return gate

    def _gated(self, node: Node, out: Array) -> Callable[[int], None]:
        gate, part = node.args
        site = self.sites.get(node.place)
        c = self.c
        if gate.place in self.sites:  # the gate itself is unknown on its kink
            return self._product(gate, part, out, matrix=False)
        switch = self.program.switches[gate.data[0]]

        def gated(k: int) -> None:
            if part.moving or k == 0:
                np.multiply(c[gate.place][0], c[part.place][k], out=out[k])
            else:
                out[k] = 0
            if site is not None:
                out[k] += self._unknown(switch, k)

        return gated

    def _unknown(self, switch: Any, k: int) -> Array:
        flat = self.xi[k][:, self.layout.slices[switch.number]]
        return np.asarray(flat.reshape(self.cases, *switch.argument._dims))

    def _primitive(self, node: Node, arg: Node, out: Array) -> Callable[[int], None]:
        c, rate = self.c, self.program.integrands.get(node.place)

        def primitive(k: int) -> None:
            if k == 0:
                out[0] = FUNCTIONS[node.data](c[arg.place][0])
            elif rate is not None and (rate.moving or k == 1):
                out[k] = c[rate.place][k - 1] * (self.unit / k)[:, None, None]

        return primitive

    # What is set from outside

    def start(self, leaves: dict[str, Array], now: Array, unit: Array, modes: Modes | None) -> None:
        """Values at the start: of every leaf, the time and its unit in each case, and the modes."""
        self.now, self.unit = np.asarray(now, dtype=np.float64), unit
        for name, value in leaves.items():
            node = self.program.leaves.get(name)
            if node is not None and node.place in self.c:
                self.c[node.place][0] = value
        self.xi[:] = 0
        if modes is not None:
            self.set_modes(modes)
        for node in self.fixed:
            self.steps[node.place](0)

    def set_modes(self, modes: Modes) -> None:
        self.modes = modes
        for node in self.schedule:
            if node.op in ("gate", "mask"):
                switch = self.program.switches[node.data[0]]
                if switch.argument.moving:
                    table = np.array([float(v) for v in node.data[1]])
                    pieces = modes.pieces[:, self.layout.slices[switch.number]].reshape(self.cases, *node._dims)
                    self.base[node.place] = table[pieces]
                    above = np.minimum(pieces + 1, len(table) - 1)
                    self.jump[node.place] = table[above] - table[pieces]

    def caps(self, k: int) -> Array:
        """What the unknowns lie between 0 and: jump · partner, or 1; flat."""
        found = np.zeros((self.cases, self.layout.size))
        for site in self.sites.values():
            where = self.layout.slices[site.switch.number]
            if site.partner is None:
                found[:, where] = 1.0 if k == 0 else 0.0
            elif site.partner.moving or k == 0:
                value = self.jump[site.gate.place] * self.c[site.partner.place][k]
                found[:, where] = value.reshape(self.cases, -1)
        return found

    def arguments(self, k: int) -> Array:
        """The arguments of all switches, flat."""
        found = np.empty((self.cases, self.layout.size))
        for switch in self.layout.switches:
            found[:, self.layout.slices[switch.number]] = self.c[switch.argument.place][k].reshape(self.cases, -1)
        return found

    def values(self) -> None:
        """All nodes at the start alone."""
        self.evaluate(self.live, 0)

    def expand(self, order: int | None = None) -> None:
        """All coefficients up to the order; sliding unknowns solved for on the way."""
        top = self.order if order is None else order
        sliding = bool((self.modes.slides >= 0).any()) if self.layout.size else False
        inverse = None
        for k in range(top + 1):
            self.evaluate(self.live, k)
            if sliding and k < top:
                inverse = self._solve(k, inverse)

    def _solve(self, k: int, inverse: Array | None) -> Array:
        """Set the unknowns of order k so that the arguments' coefficients of order k + 1 vanish."""
        used = self.modes.slides >= 0
        safe, target = np.where(used, self.modes.slides, 0), np.where(used, self.modes.slides, self.layout.size)
        rows = np.arange(self.cases)[:, None]
        middle = used & self.loose[:, None]
        if k and middle.any():
            self._centre(k, middle, safe, target)
        for attempt in range(NEWTON if k == 0 else 1):
            rest = self._rest(k, used, safe)
            if inverse is None or k == 0:
                inverse, self.loose = inverted(self._jacobian(rest, used, safe, target), used)
                middle = used & self.loose[:, None]
                if attempt == 0 and middle.any():
                    self._centre(0, middle, safe, target)
                    rest = self._rest(0, used, safe)
            step = (inverse @ rest[:, :, None])[:, :, 0]
            self.xi[k][rows, target] -= step
            self.evaluate(self.down, k)
            if k == 0 and np.nanmax(np.abs(np.where(used, step, 0.0))) <= 1e-14 * (1 + np.nanmax(np.abs(self.xi[0]))):
                break
        assert inverse is not None
        return inverse

    def _centre(self, k: int, middle: Any, safe: Any, target: Any) -> None:
        """Unknowns that nothing determines, as where a flow comes to rest, stay in the middle of their boxes."""
        rows = np.arange(self.cases)[:, None]
        self.xi[k][rows, target] = np.where(middle, self.caps(k)[rows, safe] / 2, self.xi[k][rows, target])
        self.evaluate(self.down, k)

    def _rest(self, k: int, used: Any, safe: Any) -> Array:
        """What must vanish: (k + 1) times an argument's next coefficient; of followers, what ties them to theirs."""
        self.evaluate(self.ahead, k + 1)
        rows, leaders = np.arange(self.cases)[:, None], self.modes.leaders
        rest = np.where(used, self.arguments(k + 1)[rows, safe] * (k + 1), 0.0)
        follows = leaders >= 0
        if follows.any():
            first = self.modes.slides[rows, np.where(follows, leaders, 0)]
            first = np.where(follows, first, 0)
            self.seen_caps[k] = self.caps(k)
            tie = np.zeros(rest.shape)
            for i in range(k + 1):
                u_leader, u_own = self.seen_caps[k - i][rows, first], self.seen_caps[k - i][rows, safe]
                turn = np.where(self.modes.turned, -1.0, 1.0)
                tie += turn * self.xi[i][rows, first] * u_own - self.xi[i][rows, safe] * u_leader
                tie += np.where(self.modes.turned, self.seen_caps[i][rows, safe] * u_leader, 0.0)
            rest = np.where(follows, tie, rest)
        return rest

    def _jacobian(self, rest: Array, used: Any, safe: Any, target: Any) -> Array:
        """∂ rest / ∂ (unknowns of order 0), on the sliding entries of each case."""
        rows, most = np.arange(self.cases), safe.shape[1]
        found = np.zeros((self.cases, most, most))
        for j in range(most):
            self.xi[0][rows, target[:, j]] += 1.0
            self.evaluate(self.down, 0)
            found[:, :, j] = self._rest(0, used, safe) - rest
            self.xi[0][rows, target[:, j]] -= 1.0
        self.evaluate(self.down, 0)
        found[~used] = 0
        return found

    # A step of a path

    def along(self, segment: Any, data: dict[str, Array], modes: Modes) -> None:
        """All nodes over a step of a path, of which the series of what moves are given."""
        self.start(data, np.array([float(segment.start)]), np.array([segment.unit]), modes)
        for name, series in segment.states.items():
            node = self.program.leaves.get(name)
            if node is not None and node.place in self.c:
                self.c[node.place][: self.order + 1, 0] = series[: self.order + 1]
        for k in range(self.order + 1):
            self.evaluate(self.live, k)

    def exactly(self, node: Node) -> list[list[Fraction]]:
        """The value of a node at the start."""
        return [[Fraction(float(v)) for v in row] for row in self.c[node.place][0, 0]]

    def rough(self, node: Node) -> Array:
        """(orders, rows, cols)."""
        if node.moving:
            return self.c[node.place][: self.order + 1, 0]
        found = np.zeros((self.order + 1, *node._dims))
        found[0] = self.c[node.place][0, 0]
        return found

    def sizes(self) -> Array:
        """(orders, cases): the greatest coefficient of what moves."""
        found = np.zeros((self.order + 1, self.cases))
        for place in self.states:
            np.maximum(found, np.abs(self.c[place][: self.order + 1]).max(axis=(2, 3)), out=found)
        return found

    def weight(self) -> Array:
        """The greatest entry of what moves, of each case."""
        found = np.full(self.cases, 1e-300)
        for place in self.states:
            np.maximum(found, np.abs(self.c[place][0]).max(axis=(1, 2)), out=found)
        return found

    def loaded(self, rows: Any) -> Array:
        """A matrix of Fractions as a stack of one."""
        return np.array([[[to_float(v) for v in row] for row in rows]])


def inverted(matrices: Array, used: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """Inverses of a stack, by least squares where a matrix has none; and where that is. Rows in use are marked."""
    if matrices.shape[-1] == 1:
        none = matrices == 0
        return np.where(none, 0.0, 1.0 / np.where(none, 1.0, matrices)), (none[:, 0] & used)[:, 0]
    finite = np.where(np.isfinite(matrices), matrices, 0.0)
    whole = used[:, :, None] & used[:, None, :]
    values = np.linalg.svd(np.where(whole, finite, np.eye(used.shape[1])), compute_uv=False)
    greatest = np.linalg.svd(np.where(whole, finite, 0.0), compute_uv=False).max(axis=1)
    return np.linalg.pinv(finite, rcond=LOOSE), values.min(axis=1) <= LOOSE * greatest


def to_float(value: Any) -> float:
    """The nearest float, infinite where there is none."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def fixed_gate(value: Array, switch: Any, levels: Any) -> Array:
    """A gate of what stands still: where it is on a kink, the mean of both sides, which for a sign is 0."""
    table = np.array([float(v) for v in levels])
    found = np.zeros(value.shape)
    for k, kink in enumerate(switch.kinks):
        kink = float(kink)
        found += (table[k + 1] - table[k]) * np.where(value > kink, 1.0, np.where(value == kink, 0.5, 0.0))
    return np.asarray(table[0] + found)


def _inverse(a: Array) -> Array:
    """Inverses of a stack; no numbers where there is none."""
    try:
        return np.asarray(np.linalg.inv(a))
    except np.linalg.LinAlgError:
        if len(a) == 1:
            return np.full(a.shape, np.nan)
        return np.concatenate([_inverse(one[None]) for one in a])


def _erf(a: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(a)  # type: ignore[no-any-return]


FUNCTIONS: dict[str, Any] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "erf": _erf,
    "log": np.log,
    "sqrt": np.sqrt,
    "reciprocal": lambda a: 1.0 / a,
    "inverse": _inverse,
    "logdet": lambda a: np.linalg.slogdet(a)[1][..., None, None],
}
