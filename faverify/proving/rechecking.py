"""Rechecking a witness with nothing of the prover: own matrices, own pass, and interpolation for the derivative.

Algorithm: run the rule at the witness's data; move the parameters to θ + tθ̇ and evaluate Q there at points t = εk; the
polynomial through d + 1 of them must pass through the next as well, for some degree d; its slope at 0 is dQ/dt. For a
transcendental φ the same runs over balls of python-flint, and the slope must exclude 0 and meet the stated ball. A law
that is no polynomial (an inverse, a logarithm) has its slope taken by differences of balls, to 30 digits.
"""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from ..errors import Misuse, UnknownName, name_of
from .grids import Grid, NotPolynomial, in_type_of
from .piles import Pile, piled
from .retracing import Tape
from .witnesses import Witness, seal, witness_from

DEGREES = 12
PRECISION = 600  # bits of the balls of a difference quotient
CLOSENESS = Fraction(
    1, 10**30
)  # what a difference quotient with steps of 2⁻⁸⁰ must reach; its own error is below 10⁻⁴⁰


def recheck(
    witness: Witness,
    law: Any = None,
    rule: Any = None,
    activation: Any = None,
    claim: Any = None,
    assume: Any = None,
    net: Any = None,
) -> bool:
    """See `Witness.recheck`."""
    if witness.digest != seal(witness.record()):
        return False
    try:
        subjects = *_subjects(witness, law, rule, activation, claim, assume), witness.net if net is None else net
        witness = witness_from(witness.to_dict())  # the types that the record has, whatever the fields had
        try:
            gates, slope = _slope(witness, *subjects)
        except NotPolynomial:
            return _close(witness, *subjects)
        return _agree(witness, gates, slope)
    except (Misuse, UnknownName):
        raise
    except Exception:  # altered data fail in many ways, and none of them is a refutation
        return False


def _agree(witness: Witness, gates: Any, slope: Any) -> bool:
    """Whether the stated rate and gates are those that were computed, and the rate is not zero."""
    stated = witness.rate
    if isinstance(stated, Fraction):
        exact_gates = [[list(row) for row in gate] for gate in witness.gates]
        return isinstance(slope, Fraction) and slope == stated != 0 and exact_gates == gates
    from flint import arb

    ball = arb(stated[0], stated[1])
    return not ball.contains(0) and not slope.contains(0) and bool(ball.overlaps(slope))


def _subjects(
    witness: Witness, law: Any, rule: Any, activation: Any, claim: Any, assume: Any = None
) -> tuple[Any, ...]:
    """Law, rule, activation, claim and hypotheses as objects: given, remembered, or looked up in the library."""
    from ..model import activations, assumptions, laws, rules
    from ..model.names import law_named

    sealed = (witness.law, witness.rule, witness.activation, witness.claim, tuple(witness.assume))
    held = witness.subjects if isinstance(witness.subjects, tuple) and len(witness.subjects) == 5 else ()
    if held and _names(held) == sealed:
        given = law, rule, activation, claim, None if assume is None else assumptions.assumptions_of(assume)
        law, rule, activation, claim, assume = (a if b is None else b for a, b in zip(held, given, strict=True))
    assume = assumptions.assumptions_of(witness.assume if assume is None else assume)
    classes = {cls.__name__: cls for cls in rules.LIBRARY.values()}
    rule = rule or (classes[witness.rule](**witness.constants) if witness.rule in classes else None)
    if rule and _constants(rule, witness.parameters) != dict(witness.constants):
        raise ValueError("the rule has other constants")
    if tuple(a.name for a in assume) != tuple(witness.assume):
        raise ValueError("other hypotheses")
    with suppress(LookupError):
        law = law or law_named(witness.law)
    claim = claim or next((c for c in laws.NAMED.values() if c.statement == witness.claim), None)
    for asked, found in (("law", law), ("rule", rule), ("claim", claim or not witness.claim)):
        if not found:
            name = getattr(witness, asked)
            raise Misuse(asked, None, f"the {asked} called {name!r}: it is not in the library, so pass it")
    activation = activation or activations.activation_named(witness.activation)
    return law, rule, activation, claim, assume


def _constants(rule: Any, parameters: Any) -> dict[str, Fraction]:
    """The fields of a rule that are numbers, at the values of its symbols."""
    found = {}
    for name, value in getattr(rule, "__dict__", {}).items():
        with suppress(Exception):  # a field of another kind
            found[name] = Fraction(Grid([[Fraction(0)]], dict(parameters))._number(value))
    return found


def _names(held: tuple[Any, ...]) -> tuple[Any, ...]:
    law, rule, activation, claim, assume = held
    stated = claim.statement if claim else ""
    return name_of(law), name_of(rule), name_of(activation), stated, tuple(a.name for a in assume)


def _close(witness: Witness, law: Any, rule: Any, activation: Any, claim: Any, assume: Any, net: Any) -> bool:
    """Whether a difference quotient of a law that is no polynomial agrees with the stated rate."""
    import flint

    with flint.ctx.workprec(PRECISION):
        _, slope = _slope(witness, law, rule, activation, claim, assume, net, balls=True)
        pair = witness.rate if isinstance(witness.rate, tuple) else (str(witness.rate), "0")
        stated, radius = (Fraction(part) for part in pair)
        gap = abs(slope - flint.arb(flint.fmpq(stated.numerator, stated.denominator)))
        limit = CLOSENESS * (1 + abs(stated)) + radius
        return abs(stated) > radius and bool(gap < flint.arb(flint.fmpq(limit.numerator, limit.denominator)))


def _difference(value: Any) -> Any:
    """The slope at 0 by central differences and one extrapolation."""
    h = Fraction(1, 2**80)
    wide, narrow = ((value(t) - value(-t)) / in_type_of(value(t), 2 * t) for t in (h, h / 2))
    return (narrow * 4 - wide) / 3


def _slope(
    witness: Witness, law: Any, rule: Any, activation: Any, claim: Any, assume: Any, net: Any, balls: bool = False
) -> tuple[list[Any], Any]:
    """The gates that the signs of h give, and dQ/dt − μQ − R at the witness's entry, or the same of one step."""
    constants: dict[str, Any] = dict(witness.parameters)
    rational, balls = not balls, balls or not isinstance(witness.rate, Fraction)

    def ball(entry: Any) -> Any:
        import flint

        if isinstance(entry, tuple):
            return flint.arb(*entry)
        return flint.arb(flint.fmpq(entry.numerator, entry.denominator))

    def grid(rows: Any) -> Grid:
        return Grid([[ball(entry) if balls else Fraction(entry) for entry in row] for row in rows], constants)

    if isinstance(witness.weights, dict):
        return _slope_of_graph(witness, law, rule, activation, claim, assume, net, grid, rational)
    depth = len(witness.weights)
    state: dict[str, Grid] = {f"W{k}": grid(w) for k, w in enumerate(witness.weights, start=1)}
    widths = (len(witness.inputs), *(len(w) for w in witness.weights))
    if widths != tuple(witness.widths):
        raise ValueError("widths")
    shapes = {f"{kind}{k}": (widths[k], widths[k - 1]) for k in range(1, depth + 1) for kind in "BV"}
    shapes |= {f"F{k}": (widths[-1], widths[k]) for k in range(1, depth + 1)}
    shapes |= {f"{kind}{k}": (widths[k], 1) for k in range(1, depth + 1) for kind in "bv"}
    backs = witness.feedback.values() if isinstance(witness.feedback, dict) else witness.feedback
    given = {name: grid(value) for name, value in zip(witness.feedback_names, backs, strict=True)}
    given |= {f"b{k}": grid(b) for k, b in enumerate(witness.biases or [], start=1)}
    if any(shapes.get(name) != value.shape for name, value in given.items()):
        raise ValueError("shapes")
    given |= {name: grid(value) for name, value in witness.given.items()}
    state |= {name: grid([[Fraction(0)] * cols] * rows) for name, (rows, cols) in shapes.items()} | given

    run = Pass(state, depth, activation, grid(witness.targets) if witness.targets is not None else None)
    losses = [hypothesis.error for hypothesis in assume if hypothesis.error]
    signals: list[Grid] = []

    def error(output: Any) -> Grid:
        found = losses[0](output) if losses else grid(witness.error)
        signals.append(found)
        output.e = found
        return found

    moves = run.velocities(rule, grid(witness.inputs), error, witness.biases is not None)
    if signals and not _agrees(signals[0], grid(witness.error)):
        raise ValueError("the error is not what the loss says")

    for below, layer in zip([run.source, *run.layers], run.layers, strict=False):
        for hypothesis in assume:
            _require(hypothesis, layer, below, run.output)

    return run.gates, _gap(
        witness, law, claim, state, moves, lambda places: [(1, _layers(places, depth)[witness.layer - 1])], rational
    )


def _slope_of_graph(
    witness: Witness, law: Any, rule: Any, activation: Any, claim: Any, assume: Any, net: Any, grid: Any, rational: bool
) -> tuple[list[Any], Any]:
    """The same for a network that is no chain."""
    if net is None:
        raise Misuse("net", witness.network, "the network, which is not in the record: pass it")
    shapes = {name: tuple(witness.sizes.get(size, size) for size in dims) for name, dims in net.shapes().items()}
    weights: dict[str, Any] = dict(witness.weights)  # type: ignore[arg-type]
    if {name: value.shape for name, value in weights.items()} != shapes or any(a.equations for a in assume):
        raise ValueError("shapes")

    def grids(named: Any) -> list[Any]:
        return [grid(part) for part in (named.values() if isinstance(named, dict) else [named])]

    backs = dict(witness.feedback) if isinstance(witness.feedback, dict) else {}
    state = {name: grid(value) for name, value in (weights | backs | dict(witness.given)).items()}
    targets = grids(witness.targets) if witness.targets is not None else None
    tape = Tape(net, state, activation, targets, _to)
    losses = [hypothesis.error for hypothesis in assume if hypothesis.error]

    def error(output: Any) -> Any:
        given = grids(witness.error)
        output.e = losses[0](output) if losses else piled(given, 0)
        found = [output.e] if len(given) == 1 else output.e.parts
        if not all(_agrees(p, q) for p, q in zip(found, given, strict=True)):
            raise ValueError("the error is not what the loss says")
        return output.e

    given: Any = witness.inputs
    several = isinstance(given, dict)
    moves = tape.velocities(rule, {k: grid(v) for k, v in given.items()} if several else grid(given), error)
    grouped = getattr(law, "grouped", "")
    if witness.network != repr(net):
        raise ValueError("another network")
    return tape.gates, _gap(
        witness, law, claim, state, moves, lambda places: tape.place(witness.layer, grouped, places), rational
    )


def _gap(
    witness: Witness, law: Any, claim: Any, state: dict[str, Grid], moves: dict[str, Grid], at: Any, rational: bool
) -> Any:
    """dQ/dt − μQ − R at the witness's entry, or the same of one step; `at` gives the layer in a state."""
    some = next(iter(state.values()))
    constants = some.constants

    def value(t: Any, formula: Any = law, start: Any = state, moved: Any = moves) -> Any:
        if "∫" in constants:
            constants["∫"]["next"] = 0
        places = {name: part + moved[name] * t if name in moved else part for name, part in start.items()}
        first, *rest = (
            some._number(factor) * entry(formula.formula(layer, layer.above), layer, start)
            for factor, layer in at(places)
        )
        return sum(rest, first)

    def entry(found: Any, layer: Any, start: Any) -> Any:
        if isinstance(found, Pile):
            names = [f"C_{{{layer.label},{k}}}°" for k in range(1, 1 + len(found.parts))]
            return found.paired([start.get(name) for name in names]).rows[0][0]
        i, j = witness.entry or (0, 0)
        return found.rows[i][j] if isinstance(found, Grid) else some._number(found)

    largest = max((_size(e) for g in moves.values() for row in g.rows for e in row), default=Fraction(0))
    smallest = min((_size(e) for g in state.values() for row in g.rows for e in row if e != 0), default=Fraction(1))
    # so small that no entry changes sign on the way
    step = Fraction(1, 2 + int(40 * DEGREES * (1 + largest) / min(Fraction(1), smallest)))
    start = value(Fraction(0))
    claimed = some._number(witness.mu) * start
    if claim and witness.step:
        steps = {name: moves.get(name, part * 0) for name, part in state.items()}
        return value(Fraction(1)) - start - value(Fraction(0), claim, steps) - claimed
    claimed = claimed + value(Fraction(0), claim) if claim else claimed
    return (_derivative(value, step) if rational else _difference(value)) - claimed


def _agrees(a: Grid, b: Grid) -> bool:
    """Whether two grids are equal; of balls, whether they may be."""
    if a.shape != b.shape:
        return False
    pairs = [(p, q) for row, other in zip(a.rows, b.rows, strict=True) for p, q in zip(row, other, strict=True)]
    return all(p.overlaps(q) if hasattr(p, "overlaps") else p == q for p, q in pairs)


def _require(hypothesis: Any, layer: Any, below: Any, output: Any) -> None:
    """Raise unless a hypothesis holds at a layer."""
    gaps = [left - right for left, right in hypothesis.pairs(layer, layer.above, below, output)]
    widths = {layer.W.shape[0]} | ({layer.above.W.shape[0]} if layer.above else set())
    fits = hypothesis.samples in (None, output.h.shape[1]) and not (hypothesis.scalar and output.h.shape[0] != 1)
    fits = fits and not (hypothesis.square and len(widths) > 1)
    if any(entry != 0 for gap in gaps for row in gap.rows for entry in row) or not fits:
        raise ValueError("a hypothesis is broken")


def _size(entry: Any) -> Fraction:
    return abs(entry) if isinstance(entry, Fraction) else abs(Fraction(float(entry))) or Fraction(1, 10**9)


class Pass:
    """The rule's pass at one point: forward, backward, update, for a rule that calls them in its own way as well."""

    def __init__(self, state: dict[str, Grid], depth: int, activation: Any, targets: Grid | None) -> None:
        self.state, self.activation, self.targets = state, activation, targets
        self.parameters = {f"W{k}": state[f"W{k}"] for k in range(1, depth + 1)}
        self.parameters |= {name: value for name, value in state.items() if re.fullmatch(r"b\d+", name)}
        self.layers = _layers(state, depth)
        self.output = self.layers[-1]
        self.gates: list[Any] = []

    def velocities(self, rule: Any, x: Grid, error: Any, biases: bool) -> dict[str, Grid]:
        self.biases, self.rule = biases, rule
        from ..model import rules

        if type(rule).velocities is not rules.LearningRule.velocities or "velocities" in vars(rule):
            return rule.velocities(self, x, error)  # type: ignore[no-any-return]
        self.forward(x)
        self.backward(rule, error)
        return self.updates(rule)

    def forward(self, x: Grid) -> Any:
        self.source, first = SimpleNamespace(a=x), not self.gates
        below: Any = self.source
        for layer in self.layers:
            layer.h = layer.W @ below.a + layer.b
            layer.a, layer.dphi, below = layer.h, layer.h * 0 + 1, layer
            if layer is not self.output:
                layer.a, layer.dphi = (self._map(f, layer.h) for f in (self.activation.phi, self.activation.dphi))
                self.gates += [layer.dphi.rows] * first
            layer.phi = layer.a
            layer.a = layer.phi if layer is self.output else _filled(self.rule.activity(layer), layer.phi)
        self.output.target = self.targets or self.output.h * 0
        return self.output

    def expected(self, function: Any, like: dict[str, Grid]) -> dict[str, Grid]:
        """E[function(U)] of a quadratic form in independent entries of variance 1: its trace, Σ_k function(E_k)."""
        found: dict[str, Grid] = {}
        for name, value in like.items():
            for i, row in enumerate(value.rows):
                for j in range(len(row)):
                    directions = {other: part * 0 for other, part in like.items()}
                    directions[name].rows[i][j] = value._number(1)
                    moves = function(directions)
                    found = {key: found[key] + move if found else move for key, move in moves.items()}
        return found

    def _map(self, function: Any, h: Grid) -> Grid:
        return h._like([[_to(function(entry), h) for entry in row] for row in h.rows])

    def backward(self, rule: Any, error: Any) -> None:
        self.output.delta = error(self.output)
        self.output.delta = _filled(rule.signal(self.output), self.output.h)
        for layer in reversed(self.layers[:-1]):
            layer.delta = _filled(rule.error(layer, layer.above, self.output), layer.h)

    def updates(self, rule: Any) -> dict[str, Grid]:
        moves: dict[str, Grid] = {}
        for below, layer in zip([self.source, *self.layers], self.layers, strict=False):
            found = {
                "W": -layer.delta @ below.a.mT,
                "b": -layer.delta.row_sums(),
                **rule.update(layer, below, self.output),
            }
            moves |= {
                f"{key}{layer.index}": _filled(value, getattr(layer, key))
                for key, value in found.items()
                if key not in "bv" or self.biases
            }
        return moves


def _filled(value: Any, like: Grid) -> Any:
    """A whole number as a grid of the shape of another."""
    return like * 0 + value if isinstance(value, int) else value


def _to(number: Any, like: Grid) -> Any:
    return like._number(number) if hasattr(type(number), "terms") or isinstance(number, (int, Fraction)) else number


def _layers(state: dict[str, Grid], depth: int) -> list[Any]:
    def layer(k: int) -> Any:
        return SimpleNamespace(
            **{key: state[f"{key}{k}"] for key in "WbBFVv"},
            start=SimpleNamespace(**{key: state.get(f"{key}{k}(0)") for key in "WbBFVv"}),
            constant=lambda name, of="weight": state[f"{name}°{k}"],
            draw=lambda name, of="activity": state[f"{name}~{k}"],
            index=k,
            name=f"W{k}",
            above=None,
        )

    layers = [layer(k) for k in range(1, depth + 1)]
    for below, above in pairwise(layers):
        below.above = above
    return layers


def _derivative(value: Any, step: Fraction) -> Any:
    """The slope at 0 of a polynomial in t, from its values at multiples of the step (for balls the first that fits)."""
    points = [step * k for k in range(DEGREES + 3)]
    values = [value(t) for t in points[:2]]
    for degree in range(DEGREES + 1):
        nodes = points[: degree + 1]
        values.append(value(points[degree + 2]))

        def through(t: Fraction, nodes: list[Fraction] = nodes) -> Any:
            result = values[0] * 0
            for i, p in enumerate(nodes):
                weight = Fraction(1)
                for q in nodes[:i] + nodes[i + 1 :]:
                    weight *= (t - q) / (p - q)
                result = result + values[i] * in_type_of(values[i], weight)
            return result

        checks = [(values[k], through(points[k])) for k in (degree + 1, degree + 2)]
        if all(
            found.overlaps(expected) if hasattr(found, "overlaps") else found == expected for found, expected in checks
        ):
            slope = values[0] * 0
            for i, p in enumerate(nodes):  # the derivative of the Lagrange polynomial at t = 0
                others = nodes[:i] + nodes[i + 1 :]
                for left_out in others:
                    weight = 1 / (p - left_out)
                    for q in others:
                        if q != left_out:
                            weight *= -q / (p - q)
                    slope = slope + values[i] * in_type_of(values[i], weight)
            return slope
    raise NotPolynomial("the law is not a polynomial of moderate degree along the flow")
