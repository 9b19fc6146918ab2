"""The search for a witness: small widths first, all ones, then small random integers; then what was found is shrunk.

A witness is realizable: it is evaluated as a network with its own φ, so gates are what the signs of h give; points at a
kink are passed over, since there the flow has no unique derivative.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from numbers import Rational
from typing import TYPE_CHECKING, Any

from ..errors import ExactnessError, FaverifyError, LawError, ShapeError, Undecidable, UserCodeError, name_of, where
from ..kernel.outlines import OutlineCarrier
from ..kernel.passes import Run
from ..kernel.questions import Question, hidden_of
from ..kernel.states import place
from ..model.activations import Activation, Transcendental, activation_named
from ..model.formulas import Parameter
from ..model.learning import LearningRule
from ..model.networks import MLP, Network, Sized, size_names
from .jets import Unvalued, residual
from .rings import Assignment, Balls, Rationals

if TYPE_CHECKING:
    from .witnesses import Witness

SHRINKING = 1.0  # seconds spent on making a witness simpler
ATTEMPTS = 8  # points tried for each network, activation and number of samples
Data = dict[str, list[list[Any]]]


def arranged(question: Question, data: Data) -> None:
    """Change drawn data so that they satisfy the hypotheses; those that cannot be made to do are told by `evaluate`."""
    for assumption in question.assume:
        if assumption.arrange:
            shapes = {name: [len(row) for row in rows] for name, rows in data.items()}
            try:
                assumption.arrange(data)
                same = {name: [len(row) for row in rows] for name, rows in data.items()} == shapes
                numbers = all(isinstance(v, Rational) for rows in data.values() for row in rows for v in row)
            except Exception as error:
                what = f"raised {type(error).__name__}: {error} ({where(error)})"
                raise LawError(f"{assumption.name}.arrange", what, "it changes rows of Fractions in place") from error
            if not (same and numbers):
                remedy = "it changes entries of data[name], rows of Fractions, in place"
                raise LawError(f"{assumption.name}.arrange", "changed shapes, or left what is no exact number", remedy)


@dataclass
class Case:
    """One evaluation: the data that were read, and dQ/dt − μQ."""

    net: MLP
    layer: int
    data: Data
    parameters: dict[str, Fraction]
    rates: Any
    gates: dict[str, Any]
    at_kink: bool  # or outside of the hypotheses
    samples: int

    @property
    def entry(self) -> tuple[int, int] | None:
        """The first entry whose rate is certainly not zero."""
        for i, row in enumerate(self.rates.data if self.rates is not None else ()):
            for j, rate in enumerate(row):
                if not rate.contains(0) if hasattr(rate, "contains") else rate != 0:
                    return i, j
        return None


def evaluate(question: Question, net: MLP, layer: int, data: Data, parameters: Any, draw: Any, samples: int) -> Case:
    """The law's rate at a concrete point; letters that `data` lacks are drawn."""
    return evaluated(question, net, [layer], data, parameters, draw, samples)[0]


def evaluated(
    question: Question, net: MLP, layers: list[int], data: Data, parameters: Any, draw: Any, samples: int
) -> list[Case]:
    """The law's rate at several layers of one point."""
    for ring_type in (Rationals, Balls):
        ring = ring_type(parameters)
        carrier = Assignment(ring, data, draw)
        try:
            run = question.run(net, carrier, samples)
            moves = run.velocities(question.rule)
            rates = [residual(question, run, at(run, question, layer), moves) for layer in layers]
            if any(isinstance(rate, Unvalued) for rate in rates):
                raise Undecidable("the value of a logarithm or an integral")
            broken = not all(_holds(left, right) for left, right in question.equations(run))
            if run.error and run.e is not None:
                parts = [run.e] if len(run.outs) == 1 else run.e.parts
                data |= {name: part.data for (name, _), part in zip(run.per_output("e"), parts, strict=True)}
            kink = ring.at_kink or broken
            cases = zip(layers, rates, strict=True)
            return [Case(net, layer, data, parameters, rate, carrier.gates, kink, samples) for layer, rate in cases]
        except Transcendental:
            continue
        except UserCodeError as error:
            if not isinstance(error.__cause__, ZeroDivisionError):
                raise
            return [
                Case(net, layer, data, parameters, None, {}, True, samples) for layer in layers
            ]  # no value at this point
    raise FaverifyError(f"activation {net.activation.name} cannot be evaluated over rationals or balls")


def at(run: Any, question: Question, layer: Any) -> Any:
    """A layer of a chain by its number, of another network by its label."""
    return place(run, question.law, layer - 1 if isinstance(layer, int) else layer)


def _holds(left: Any, right: Any) -> bool:
    """Whether an equation of a hypothesis holds; of balls, whether it may."""
    try:
        right = left * 0 + right
    except (TypeError, ExactnessError) as error:
        raise LawError("an equation", f"has {right!r} on its right", "a matrix, or an exact number") from error
    if right._dims != left._dims:
        raise ShapeError("an equation", right._dims, left._dims, "its sides must have one shape")
    return bool((left - right).is_zero())


class Drawn(dict[str, Fraction]):
    """Parameters whose values come into being when asked for."""

    def __init__(self, rng: random.Random | None, question: Question) -> None:
        degree = question.activation.degree
        super().__init__({degree.name: Fraction(2)} if isinstance(degree, Parameter) else {})
        self.rng = rng

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Fraction:
        self[name] = Fraction(1, 2) if self.rng is None else Fraction(self.rng.choice((1, 2, 3)), 2)
        return self[name]


def networks(question: Question) -> Iterator[tuple[Any, list[Any]]]:
    """The given network; or small ones, the smallest first, and the layers the question is about."""
    phis = _activations(question)
    if isinstance(question.net, Network):
        names = size_names(question.net)
        for sizes in sorted(product((1, 2, 3), repeat=len(names)), key=lambda s: (sum(s), s)):
            for activation in phis:
                yield Sized(question.net, dict(zip(names, sizes, strict=True)), activation), [question.layer]
        return
    if question.net is not None:
        for activation in phis:
            yield MLP(question.net.widths, activation, question.net.bias), [question.layer]
        return
    widths = [
        w for size in (3, 4, 5) for w in product((1, 2, 3), repeat=size) if sum(w) <= (9 if size == 3 else size + 2)
    ]
    scalar, square = question.supposes("scalar"), question.supposes("square")
    deep = [(1,) * size for size in range(6, 11)]  # for rules that look at a layer's number
    wide = [(1, size, 1) for size in range(4, 9)]  # or at a width
    for sizes in sorted([*widths, *deep, *wide], key=lambda w: (sum(w) + len(w), w)):
        if (scalar and sizes[-1] != 1) or (square and len({*sizes[1:]}) > 1):
            continue
        depth = len(sizes) - 1
        layers = (
            list(range(1, depth))
            if question.layer is None
            else [depth - 1]
            if question.layer == -1
            else [question.layer]
        )
        for activation in phis:
            yield MLP(sizes, activation, question.bias), [layer for layer in layers if layer < depth]


def search(question: Question, deadline: float) -> Witness | None:
    """A shrunk witness, or None where none was found before the deadline."""
    attempts = ATTEMPTS if question.net is None else 12 * ATTEMPTS
    for net, layers in networks(question):
        waiting = [(samples, layers) for samples in ((1,) if question.samples == 1 else (1, 2)) if layers]
        for samples, some in waiting:  # grows while it is read
            for attempt in range(attempts):
                if time.monotonic() > deadline:
                    return None
                try:
                    case = _attempt(question, net, some, samples, attempt)
                except (Undecidable, ShapeError):  # does not conform at these widths, at one of these layers
                    waiting += [(samples, [layer]) for layer in some] if len(some) > 1 else []
                    break
                if case is not None:
                    return witness(question, shrunk(question, case, samples, time.monotonic() + SHRINKING))
    return None


GUARDED = 20_000  # parameters of a given network up to which a proof is tried on numbers
ROUNDS, WANTED = 8, 2  # points tried, and points wanted at which the law has a value, for each proof
CONTRADICTED = "numbers contradict the letters (does the code ask for types, or what it runs over?)"


def contradicted(question: Question, layers: list[Any] | None) -> str:
    """Why a law that letters proved of layers is not believed: it fails at a point; else "". A guard, not a search."""
    p, net = question.activation.degree, question.net
    phi = (_activations(question) or [_matched(p)])[-1]
    scalar, square = question.supposes("scalar"), question.supposes("square")
    small = (1, *((1,) * 4 if scalar and square else (2, 2, 2, 1 if scalar else 2)))
    if isinstance(net, Network):
        net = Sized(net, dict.fromkeys(size_names(net), 2), phi)
    else:
        net = MLP(small if net is None else net.widths, phi, question.bias)
    size = sum(rows * cols for rows, cols in net.shapes().values())
    if size > GUARDED:
        return ""
    layers = [question.layer] if layers is None else layers
    if layers in ([None], [-1]):
        layers = hidden_of(replace(question, net=net))[question.layer or 0 :]
    samples, found, values = 1 if question.samples == 1 or size > 100 else 2, dict.fromkeys(layers, 0), False
    for attempt in range(ROUNDS):
        left = [k for k in layers if found[k] < WANTED]
        for case in _cases(question, net, left, samples, attempt) if left else ():
            values = values or case.rates is not None
            if case.entry is not None and not case.at_kink:
                return CONTRADICTED
            found[case.layer] += not case.at_kink
    return "" if values or not layers else "numbers divide by zero wherever they were tried"


def _cases(question: Question, net: MLP, layers: list[int], samples: int, attempt: int) -> list[Case]:
    """The law at some layers of one generic point; at first with positive weights and inputs, so that gates open."""
    rng = random.Random(attempt)
    parameters, data = Drawn(rng, question), Data()

    def draw(name: str) -> Fraction:
        size = Fraction(rng.randint(1, 9), rng.choice((2, 3)))
        return size if name[0] in "Wx" and attempt < 2 else size * rng.choice((-1, 1))

    cases = evaluated(question, net, layers, data, parameters, draw, samples)
    if not question.assume:
        return cases
    arranged(question, data)
    return evaluated(question, net, layers, data, parameters, None, samples)


def _activations(question: Question) -> list[Any]:
    """Functions of the class that the question speaks of; for a symbolic degree p, one of degree 2."""
    phi = question.activation
    names = phi.candidates or ("power-2",) * isinstance(phi.degree, Parameter)
    return [phi] if phi.phi is not None else [activation_named(name) for name in names]


def _matched(p: Any) -> Activation:
    """Values with h φ′ = p φ, as proofs use of a φ of degree p, where no such φ is a polynomial: φ′ = 1, φ = h/p."""
    return Activation(lambda h: h / p, lambda h: 0 * h + 1, p, f"values with h φ′ = {p} φ")


def _attempt(question: Question, net: MLP, layers: list[Any], samples: int, attempt: int) -> Case | None:
    """The first layer of one point at which the law fails."""
    rng = random.Random(f"{net if isinstance(net, Sized) else net.widths} {layers[0]} {samples} {attempt}")
    size = 1 + attempt // 3
    values = [v for v in range(-size, size + 1) if v]

    def draw(name: str) -> Fraction:
        if isinstance(net, MLP) and name in ("B1", f"F{net.depth}"):  # feedback that stands in for nothing
            return Fraction(0)
        return Fraction(1) if attempt == 0 else Fraction(rng.choice(values))

    parameters = Drawn(None if attempt == 0 else rng, question)
    data = Data()
    cases = evaluated(question, net, layers, data, parameters, draw, samples)
    if question.assume:
        arranged(question, data)
        cases = evaluated(question, net, layers, data, parameters, draw, samples)
    return next((case for case in cases if not case.at_kink and case.entry is not None), None)


def shrunk(question: Question, case: Case, samples: int, deadline: float) -> Case:
    """The case with as many entries as possible made 0, 1 or −1, one after another."""
    for name, rows in case.data.items():
        for i, j in product(range(len(rows)), range(len(rows[0]))):
            for simple in (0, 1, -1):
                if case.data[name][i][j] in (0, 1) or time.monotonic() > deadline:
                    break
                data = {key: [list(row) for row in value] for key, value in case.data.items()}
                data[name][i][j] = Fraction(simple)
                tried = evaluate(question, case.net, case.layer, data, case.parameters, None, samples)
                if not tried.at_kink and tried.entry is not None:
                    case = tried
                    break
    return case


def witness(question: Question, case: Case) -> Witness:
    """The witness of a case whose rate is not zero."""
    from .witnesses import Witness, seal  # NumPy comes with them, and a proof does not need it

    net, data, entry = case.net, case.data, case.entry
    assert entry is not None
    rate = case.rates.data[entry[0]][entry[1]]
    parameters = dict(case.parameters)
    letters = _letters_of_chain if isinstance(net, MLP) else _letters_of_graph
    found = Witness(
        law=question.law.name,
        rule=name_of(question.rule),
        activation=net.activation.name,
        layer=case.layer,
        **letters(net, data, case.gates, case.samples),
        rate=rate if isinstance(rate, Fraction) else ball_text(rate),
        entry=entry if case.rates._dims != (1, 1) else None,
        mu=constant(question.mu, parameters),
        parameters=parameters,
        constants=constants_of(question.rule, parameters),
        claim=question.claim.statement if question.claim else "",
        step=question.step,
        assume=tuple(a.name for a in question.assume),
        subjects=(question.law, question.rule, net.activation, question.claim, question.assume),
        net=None if isinstance(net, MLP) else question.net,
    )
    return replace(found, digest=seal(found.record()))


def _letters_of_chain(net: Any, data: Data, gates: dict[str, Any], samples: int) -> dict[str, Any]:
    """The fields of a witness that hold the letters of a chain, in lists."""
    from .witnesses import array

    depth = net.depth
    backs = {
        kind: [f"{kind}{k}" for k in numbers] for kind, numbers in (("B", range(2, depth + 1)), ("F", range(1, depth)))
    }
    read = [kind for kind, names in backs.items() if any(name in data for name in names)]

    def matrix(name: str) -> Any:
        k = int(name[1:])
        rows, cols = (net.widths[k], net.widths[k - 1]) if name[0] == "B" else (net.outputs, net.widths[k])
        return array(data.get(name) or [[Fraction(0)] * cols for _ in range(rows)])

    named = {name: matrix(name) for kind in read for name in backs[kind]}
    others = {
        name: array(rows)
        for name, rows in data.items()
        if not re.fullmatch(r"[WbBF]\d+|[xey]", name) or (name in ("B1", f"F{depth}") and any(map(any, rows)))
    }
    zero = [[Fraction(0)] * samples] * net.outputs
    return {
        "inputs": array(data["x"]),
        "error": array([[_plain(entry) for entry in row] for row in data.get("e", ())] or zero),
        "targets": array(data["y"]) if "y" in data else None,
        "widths": net.widths,
        "weights": [array(data[f"W{k}"]) for k in range(1, depth + 1)],
        "biases": [array(data[f"b{k}"]) for k in range(1, depth + 1)] if net.bias else None,
        "feedback": named if len(read) == 2 else list(named.values()),
        "feedback_names": tuple(named),
        "given": others,
        "gates": [array([[_plain(g) for g in row] for row in gates[str(k)].data]) for k in range(1, depth)],
    }


def _letters_of_graph(net: Any, data: Data, gates: dict[str, Any], samples: int) -> dict[str, Any]:
    """The same of any other network, by name."""
    from .witnesses import array

    shapes, several = net.shapes(), isinstance(net.inputs, Mapping)
    inputs = {name: array(data[name]) for name in (net.inputs if several else ("x",))}
    run = Run(net, OutlineCarrier(), samples)
    run.rule = LearningRule()
    run.forward(run.source())
    zeros = {
        name: [[Fraction(0)] * out.a._dims[1]] * out.a._dims[0]
        for (name, _), out in zip(run.per_output("e"), run.outs, strict=True)
    }
    error = {name: array([list(map(_plain, row)) for row in data.get(name, zeros[name])]) for name in zeros}
    targets = {name: array(data[name]) for name, _ in run.per_output("y") if name in data}
    back = {name: array(rows) for name, rows in data.items() if name[:2] in ("B_", "F_")}
    own = (*shapes, *back, *inputs, *error, *targets)
    others = {name: array(rows) for name, rows in data.items() if name not in own}
    alone, live = len(run.outs) == 1, [net.gate(layer._label) for layer in run.layers if not layer.plain]
    return {
        "inputs": inputs if several else inputs["x"],
        "error": error["e"] if alone else error,
        "targets": targets.get("y") if alone else targets or None,
        "network": repr(net),
        "sizes": net.sizes,
        "widths": (),
        "weights": {name: array(data[name]) for name in shapes},
        "feedback": back,
        "feedback_names": tuple(back),
        "given": others,
        "gates": [array([list(map(_plain, row)) for row in gates[name].data]) for name in live if name in gates],
    }


def constant(value: Any, parameters: dict[str, Fraction]) -> Fraction:
    """The value of a constant of the question at the case's parameters."""
    return Fraction(Rationals(parameters).convert(value))


def constants_of(rule: Any, parameters: dict[str, Fraction]) -> dict[str, Fraction]:
    """The fields of a rule that are numbers, at the case's parameters."""
    found = {}
    for name, value in getattr(rule, "__dict__", {}).items():
        with suppress(FaverifyError):
            found[name] = constant(value, parameters)
    return found


def ball_text(ball: Any) -> tuple[str, str]:
    """A ball as decimal midpoint and radius; the radius is rounded up and covers the rounding of the midpoint."""
    middle = ball.mid().str(30, radius=False)
    from flint import arb

    gap = abs(ball - arb(middle)).abs_upper()
    return middle, (gap * arb("1.01")).str(3, radius=False)


def _plain(gate: Any) -> Any:
    return gate if isinstance(gate, Fraction) else ball_text(gate)
