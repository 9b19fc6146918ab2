"""What a path shows: drifts beside the noise of what is conserved in any case, a control, alignment of four kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from ..errors import LawError, Misuse, name_of
from ..model.formulas import inner, norm2
from ..model.names import law_named
from ..model.rules import BackPropagation
from .floats import FloatSeries
from .integrate import FLOAT, flow
from .layouts import Modes
from .paths import mpf_array, precise, to_mpf
from .precise import LimbSeries
from .problems import FlowProblem
from .programs import Node, Program, settle
from .quantities import law_nodes
from .recorders import recorded

Array = NDArray[np.float64]
POINTS = 33  # of a step, at which a drift is looked at first
KINDS = ("layer", "neuron", "product", "gradient")
WORK = "z°"  # the name of the integral of ⟨W, Ẇ⟩


class Along:
    """Nodes made of what moves, evaluated along a path, step by step, as series."""

    def __init__(self, path: Any, nodes: list[Node], order: int | None = None) -> None:
        self.path, self.nodes, rough = path, nodes, path.digits == FLOAT
        if order is None:  # that of the path
            series = next(iter(path._case.segments[0].states.values()))
            order = len(series if rough else series[0]) - 1
        self.order, program = order, nodes[0].program
        self.engine: Any = (
            FloatSeries(program, order, 1, nodes) if rough else LimbSeries(program, order, path.digits, nodes)
        )

    def load(self, segment: Any) -> None:
        """The nodes' series over one step."""
        slides = [dict.fromkeys(segment.slides, (-1, False))]
        modes = Modes.of_rows(segment.pieces[None, :], slides)
        program, given = self.engine.program, self.path.problem.data
        fixed = [name for name in program.leaves if name not in segment.states]
        data = {name: self.engine.loaded(program.start_of(name, given)) for name in fixed}
        self.engine.along(segment, data, modes)

    def start(self) -> list[Fraction]:
        """All entries of all nodes at the start of the step, exactly."""
        found: list[Fraction] = []
        for node in self.nodes:
            found += [v for row in self.engine.exactly(node) for v in row]
        return found

    def series(self) -> Array:
        """(orders, entries)."""
        return np.concatenate([self.engine.rough(node).reshape(self.order + 1, -1) for node in self.nodes], axis=1)


def smooth_nodes(path: Any, law: Any, layer: int | None) -> list[Node]:
    """Q at the layers that are asked for; a law that switches itself is refused: the path has none of its events."""
    known = len(path.program.switches)
    nodes = law_nodes(path.program, law, layer)
    if len(path.program.switches) > known:
        del path.program.switches[known:]
        remedy = "fv.enclose bounds its drift; along a path it would need events of its own"
        raise LawError(name_of(law_named(law)), "takes a sign or an absolute value of its own", remedy)
    return nodes


def drift(path: Any, law: Any, layer: int | None = None) -> Any:
    return drift_of(path, smooth_nodes(path, law, layer))


def drift_of(path: Any, nodes: list[Node]) -> Any:
    """max |Q(t) − Q(0)| over the entries of nodes and all of the path."""
    if not path._case.segments:
        return mpmath.mpf(0)
    along, best, first = Along(path, nodes), mpmath.mpf(0), None
    for segment in path._case.segments:
        along.load(segment)
        start = along.start()
        first = start if first is None else first
        series = along.series()
        series[0] = [float(a - b) for a, b in zip(start, first, strict=True)]
        best = max(best, mpmath.mpf(greatest(series, float(segment.theta))))
    return best


def greatest(series: Array, theta: float) -> float:
    """The greatest |value| of polynomials on [0, θ]: at points of a grid, and between those beside the greatest."""
    powers = np.arange(len(series))

    def values(at: Array) -> Array:
        return np.abs((at[:, None] * theta) ** powers[None, :] @ series).max(axis=1)  # type: ignore[no-any-return]

    grid = np.linspace(0, 1, POINTS)
    for _ in range(6):
        found = values(grid)
        k = int(found.argmax())
        best = float(found[k])
        grid = np.linspace(grid[max(k - 1, 0)], grid[min(k + 1, POINTS - 1)], POINTS)
    return best


def working(problem: FlowProblem, integrands: Callable[[Program], dict[str, Node]] | None = None) -> Program:
    """The problem's program with the work ∫ Σ ⟨W_l, Ẇ_l⟩ dt as one more state, so that a path has its noise floor.

    `integrands` gives nodes of the program by name; their integrals from 0 are states as well.
    """
    program = recorded(problem)
    for name, rate in (integrands(program) if integrands else {}).items():
        program.velocities[name] = program.plain(rate)
        program.leaf(name, *rate._dims)
    moved = parts_of(program)
    rates = [inner(program.leaves[name], program.velocities[name]) for name in moved]  # type: ignore[no-untyped-call]
    program.velocities[WORK] = program.nodes[sum(rates[1:], rates[0]).place]
    program.leaf(WORK, 1, 1)
    program.sites.clear()
    settle(program)
    return program


def parts_of(program: Program) -> list[str]:
    """What moves, the work aside."""
    return [name for name in program.velocities if name != WORK]


def noise_floor(path: Any) -> Any:
    """The drift of Σ_l ½‖W_l‖² − ∫ Σ ⟨W_l, Ẇ_l⟩ dt, which is 0 for every rule; in a run of its own if need be."""
    if WORK not in path.program.velocities:
        path = flow(path.problem, working(path.problem), Fraction(path._case.end), path.digits, True)
    program = path.program
    energy = [norm2(program.leaves[name]) / 2 for name in parts_of(program)]  # type: ignore[no-untyped-call]
    return drift_of(path, [program.nodes[(sum(energy[1:], energy[0]) - program.leaves[WORK]).place]])


def control(path: Any) -> Any:
    """max |θ − θ′| at the end, θ′ from a run with more digits; infinite where that ends elsewhere."""
    again = path.again
    if again._case.end is None or abs(Fraction(again._case.end) - Fraction(path._case.end)) > Fraction(1, 10**12):
        return mpmath.inf
    mine, theirs = path.fractions(), again.fractions()
    gaps = (
        abs(a - b)
        for n, rows in mine.items()
        if n != WORK
        for r, s in zip(rows, theirs[n], strict=True)
        for a, b in zip(r, s, strict=True)
    )
    return to_mpf(max(gaps), again.digits)


@dataclass(frozen=True)
class Evidence:
    """The drift of a law, and what it is to be compared with. Numbers: no verdict follows from them.

    `finer` is the drift in the control, a run with 20 more digits: of a law that holds it is noise, which falls with
    the digits; of one that does not it stays. `scale` is the size of the numbers that the law is a sum of.
    """

    law: str
    drift: Any
    finer: Any
    scale: Any
    noise_floor: Any
    control: Any
    moved: Any
    gate_violation: Any
    status: str
    digits: int

    @property
    def holds(self) -> bool | None:
        """Whether the drift is noise along a path that moved and kept its gates; None where the path shows neither."""
        floor = 1000 * (self.noise_floor + self.control)
        if self.status != "ok" or self.gate_violation > 1e6 * floor or self.moved <= 1e6 * floor:
            return None
        noise = max(self.drift, mpmath.mpf(10) ** -self.digits * self.scale)
        return bool(self.finer <= FALLS * noise)

    def __str__(self) -> str:
        shown = {name: mpmath.nstr(getattr(self, name), 3) for name in NUMBERS}
        said = {True: "no drift beyond noise", False: "drifts", None: "shows nothing"}[self.holds]
        rest = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
        return f"{self.law}: {said} (numeric evidence, no proof): {rest}; {self.status}"

    def to_dict(self) -> dict[str, Any]:
        numbers = {name: mpmath.nstr(getattr(self, name), 15) for name in NUMBERS}
        return {"schema": 1, "law": self.law, "holds": self.holds, "status": self.status, **numbers}


NUMBERS = ("drift", "finer", "scale", "noise_floor", "control", "moved", "gate_violation")
FALLS = mpmath.mpf("1e-6")  # by which noise falls, at least, where it is computed with 20 more digits


def evidence(path: Any, law: Any, layer: int | None = None) -> Evidence:
    """The drift of a law along a path, and along its control."""
    again = path.again
    found, finer = drift(path, law, layer), drift(again, law, layer)
    numbers = path.noise_floor, path.control, path.moved, path.gate_violation
    return Evidence(
        name_of(law_named(law)), found, finer, scale_of(path, law, layer), *numbers, path.status, path.digits
    )


def scale_of(path: Any, law: Any, layer: int | None) -> Any:
    """How great the numbers are that a law is a sum of, at the start."""
    nodes = smooth_nodes(path, law, layer)
    if not path._case.segments:
        return mpmath.mpf(0)
    along = Along(path, nodes, 2)
    along.load(path._case.segments[0])
    engine = along.engine

    def greatest_of(node: Node, orders: int) -> float:
        return float(np.abs(engine.rough(node)[:1]).max())

    return mpmath.mpf(max(engine.bound(node, greatest_of) for node in nodes))


# Alignment


@dataclass(frozen=True)
class Alignment:
    """⟨U, V⟩ and its cosine at every step of a path, for each layer; 0/0 is undefined: None.

    `kind`: layer ⟨W_{l+1}, B_{l+1}⟩ · neuron, the same column by column (lists) · product ⟨W_L ⋯ W_{l+1}, B_L ⋯
    B_{l+1}⟩, or F_l for what feedback F stands in for · gradient ⟨ΔW_l, ΔW_l of back-propagation⟩ (with φ′ of the
    lower side on an entry that slides). Layers count from 1.
    """

    kind: str
    path: Any
    times: list[Any]
    inner: dict[int, list[Any]]
    cosine: dict[int, list[Any]]

    def at(self, t: Any) -> dict[int, tuple[Any, Any]]:
        """(inner product, cosine) at a time, for each layer."""
        return measured(self.path, self.kind, *self.path.locate(t))

    @property
    def least(self) -> Any:
        """The least inner product on the path's steps."""
        flat = [
            v
            for values in self.inner.values()
            for entry in values
            for v in (entry if isinstance(entry, list) else [entry])
        ]
        return min(flat)


def alignment(path: Any, kind: str = "layer") -> Alignment:
    if kind not in KINDS:
        raise Misuse("kind", kind, f"one of {', '.join(KINDS)}")
    places_ = [(segment, Fraction(0)) for segment in path._case.segments]
    if places_:
        last = path._case.segments[-1]
        places_.append((last, (Fraction(path._case.end) - Fraction(last.start)) / Fraction(last.unit)))
    times, inner_, cosine = [], {}, {}  # type: Any, dict[int, list[Any]], dict[int, list[Any]]
    for segment, theta in places_:
        times.append(to_mpf(Fraction(segment.start) + theta * Fraction(segment.unit), path.digits))
        for layer, (value, angle) in measured(path, kind, segment, theta).items():
            inner_.setdefault(layer, []).append(value)
            cosine.setdefault(layer, []).append(angle)
    return Alignment(kind, path, times, inner_, cosine)


def measured(path: Any, kind: str, segment: Any, theta: Fraction) -> dict[int, tuple[Any, Any]]:
    """One kind of alignment at one place of a path."""
    problem, digits = path.problem, path.digits
    moving = {n: path._value(series, theta) for n, series in segment.states.items()}
    now = problem.data | moving
    depth = problem.net.depth
    with precise(digits):
        read = {n: mpf_array(rows, digits) for n, rows in now.items()}
        if kind == "gradient":
            rates = {n: mpf_array(path._value(slope(series), theta), digits) for n, series in segment.states.items()}
            back = back_propagated(path, segment, moving)
            return {k: compared(rates[f"W{k}"], back[f"W{k}"]) for k in range(1, depth + 1)}
        found = {}
        for layer in range(1, depth):
            if kind == "product":
                found[layer] = compared(*products(read, layer, depth))
                continue
            name = f"B{layer + 1}"
            if name not in read:
                raise Misuse(
                    "kind", kind, f"feedback {name}; a rule that reads F has alignments of products and gradients"
                )
            pair = read[f"W{layer + 1}"], read[name]
            if kind == "layer":
                found[layer] = compared(*pair)
            else:
                each = [compared(pair[0][:, [j]], pair[1][:, [j]]) for j in range(pair[0].shape[1])]
                found[layer] = ([value for value, _ in each], [angle for _, angle in each])
        return found


def compared(u: Any, v: Any) -> tuple[Any, Any]:
    """⟨U, V⟩ and the cosine, None where it is 0/0."""
    value, sizes = (u * v).sum(), mpmath.sqrt((u * u).sum() * (v * v).sum())
    return value, (value / sizes if sizes else None)


def products(read: dict[str, Any], layer: int, depth: int) -> tuple[Any, Any]:
    """W_L ⋯ W_{l+1} and what feedback makes of it."""
    ahead = read[f"W{depth}"]
    for k in range(depth - 1, layer, -1):
        ahead = ahead @ read[f"W{k}"]
    if f"F{layer}" in read:
        return ahead, read[f"F{layer}"]
    names = [f"B{k}" for k in range(depth, layer, -1)]
    if any(name not in read for name in names):
        raise Misuse("kind", "product", f"feedback {', '.join(names)}, or F{layer}")
    back = read[names[0]]
    for name in names[1:]:
        back = back @ read[name]
    return ahead, back


def slope(series: Any) -> Any:
    """Coefficients of the derivative, in the units of the step; the direction is all that is wanted."""
    if isinstance(series, np.ndarray):
        return series[1:] * np.arange(1, len(series)).reshape(-1, 1, 1)
    digits, exponent, limbs = series
    factors = np.arange(1, len(digits), dtype=np.int64).reshape(-1, 1, 1, 1)
    return digits[1:].astype(np.int64) * factors, exponent, limbs


def back_propagated(path: Any, segment: Any, moving: dict[str, Any]) -> dict[str, Any]:
    """Back-propagation's velocities at a state, with the gates that the path has there."""
    problem = path.problem
    if path._back is None:
        weights = {n: rows for n, rows in problem.data.items() if n[0] in "Wb"}
        same = {"inputs": problem.data["x"], "targets": problem.data.get("y"), "error": problem.error}
        path._back = recorded(FlowProblem(problem.net, BackPropagation(), weights=weights, **same))
    program: Program = path._back
    rough, start = path.digits == FLOAT, Fraction(segment.start)
    engine: Any = FloatSeries(program, 1, 1) if rough else LimbSeries(program, 1, path.digits)
    state = {n: engine.loaded(moving.get(n) or problem.data[n]) for n in program.leaves}
    modes = Modes.of_rows(segment.pieces[None, :], [{}])
    engine.start(state, np.array([float(start)]) if rough else [start], np.array([segment.unit]), modes)
    engine.values()
    return {name: mpf_array(engine.exactly(rate), path.digits) for name, rate in program.velocities.items()}
