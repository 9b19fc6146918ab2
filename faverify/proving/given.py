"""Counterexamples that somebody else found: the data are given, and shown to refute."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..errors import ExactnessError, Misuse, NonFiniteError, ShapeError, Undecidable
from ..kernel.carriers import exact
from ..kernel.questions import scope_of, statement_of
from ..kernel.verdicts import Refuted
from ..model.names import marked, unmarked
from ..model.networks import MLP, Network
from .check import question_of
from .search import evaluate, witness


def refute_at(
    law: Any,
    rule: Any,
    net: Any,
    *,
    weights: Any,
    inputs: Any,
    error: Any = None,
    feedback: Any = (),
    biases: Any = None,
    targets: Any = None,
    layer: int = 1,
    rate: Any = 0,
    step: bool = False,
    assume: Any = (),
    parameters: Mapping[str, Any] | None = None,
) -> Refuted:
    """The refutation of a law by given data; exact numbers only ("0.1" is a tenth).

    Shapes: as in `Witness`; `feedback` is B_2 … B_L if its shapes are those of W_2 … W_L, else F_1 … F_{L−1}; a dict
    {"B2": …, "F1": …} leaves no doubt, and may name what else is read (V1, constants M2, draws m~1, W1(0)). With
    `step`, `rate` is the law R of Q(θ + Δθ) − Q(θ) = R(Δθ), as in `increment`. Under `assume` the data must satisfy
    the hypotheses; a loss among them makes `error`, which may then be left out.

    Raises: Misuse if the data do not refute the law; ShapeError, ExactnessError.

    Examples
    --------
    >>> import faverify as fv
    >>> one = [[1]]
    >>> fv.refute_at(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), fv.MLP((1, 1, 1), "linear", bias=True),
    ...              weights=[one, one], biases=[one, one], feedback=[one], inputs=one, error=one).witness.rate
    Fraction(1, 1)
    """
    if isinstance(net, Network):
        raise Misuse("net", net, "a chain, such as fv.MLP((1, 1, 1)); of other networks, check finds the witnesses")
    question = question_of(law, rule, net, layer, None, False, assume, rate)
    question = replace(question, step=step)
    if not isinstance(net, MLP) or question.layer is None:
        raise Misuse("net, layer", (net, layer), "a network, such as fv.MLP((1, 1, 1)), and one of its hidden layers")
    data = {
        f"W{k}": numbers(w, f"W_{k}", net.shapes()[f"W{k}"])
        for k, w in enumerate(_listed(weights, net.depth, "weights"), 1)
    }
    given = numbers(inputs, "inputs", (net.inputs, None))
    samples = len(given[0])
    data["x"] = given
    if error is not None or not any(a.error for a in question.assume):
        data["e"] = numbers(error, "error", (net.outputs, samples))
    if biases is not None:
        data |= {
            f"b{k}": numbers(b, f"b_{k}", (net.widths[k], 1))
            for k, b in enumerate(_listed(biases, net.depth, "biases"), 1)
        }
    if targets is not None:
        data["y"] = numbers(targets, "targets", (net.outputs, samples))
    for name, value in _named(feedback, net).items():
        known = re.fullmatch(r"[BF].*", str(name))
        matrix = numbers(value, name, _feedback_shape(name, net) if known else (None, None))
        data[marked(str(name))] = matrix
    if not isinstance(parameters, (Mapping, type(None))):
        raise Misuse("parameters", parameters, "a dict of numbers, such as {'λ': 1}")
    constants = {str(name): _exact(value, str(name)) for name, value in (parameters or {}).items()}
    if samples > 1 and question.samples == 1:
        raise Misuse("inputs", f"{samples} samples", "one sample, as `assume` says")
    data, signal = Read(data), data.get("e")
    try:
        case = evaluate(question, net, question.layer, data, constants, data.missing(net), samples)
    except Undecidable as event:
        raise Misuse("the data", f"no answer at {event.line}, which asks for {event.question}", "exact data") from event
    if signal is not None and data["e"] != signal:
        made = [[str(entry) for entry in row] for row in data["e"]]
        raise Misuse("error", error, f"none, or what the loss of `assume` makes of the output: {made}")
    unread = [unmarked(name) for name in data if name not in data.read and name[0] not in "WbBFxey"]
    if unread:
        raise Misuse("feedback", unread, "names of what the rule or the law reads")
    if case.at_kink:
        expected = "data off the kinks of φ and of signs, which satisfy `assume`"
        raise Misuse("the data", "a point at a kink, or outside of the hypotheses", expected)
    if case.entry is None:
        raise Misuse("the data", "a rate of 0", f"data at which dQ/dt differs from what {question.law.name} claims")
    found = witness(question, case)
    names = question.law.name, found.rule
    return Refuted(
        *names, statement_of(question), scope_of(question), "given witness", witness=found, question=question
    )


class Read(dict[str, list[list[Any]]]):
    """Given data, and which of them were read."""

    def __init__(self, data: Mapping[str, list[list[Any]]]) -> None:
        super().__init__(data)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> list[list[Any]]:
        self.read.add(name)
        return super().__getitem__(name)

    def missing(self, net: Any) -> Any:
        """0 for what stands in for nothing, a memory, a bias or a target; other letters must be given."""

        def zero(name: str) -> Fraction:
            if name[0] in "Vvby" or name in ("B1", f"F{net.depth}"):
                return Fraction(0)
            drawn = f", as {name!r}" if "~" in name else ""
            raise Misuse("feedback", sorted(map(unmarked, self)), f"also {unmarked(name)}{drawn}, which is read")

        return zero


def numbers(value: Any, name: str, shape: tuple[int | None, int | None]) -> list[list[Fraction]]:
    """A matrix of exact numbers: NumPy integers, nested lists, Fractions, decimal strings."""
    rows = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(rows, (list, tuple)) or not rows or not all(isinstance(row, (list, tuple)) for row in rows):
        raise Misuse(name, value, "a matrix: a list of rows")
    found = [[_exact(entry, name) for entry in row] for row in rows]
    dims = (len(found), len(found[0]))
    if len({len(row) for row in found}) != 1:
        raise Misuse(name, value, "rows of one length")
    wanted = tuple(size if asked is None else asked for size, asked in zip(dims, shape, strict=True))
    if dims != wanted:
        raise ShapeError(name, dims, wanted, "give it the shape on the right; samples are columns")
    return found


def _exact(entry: Any, name: str) -> Fraction:
    if isinstance(entry, float) and not math.isfinite(entry):
        raise NonFiniteError(entry, name)
    try:
        return Fraction(entry) if isinstance(entry, str) else Fraction(exact(entry))
    except (ValueError, ZeroDivisionError) as error:
        raise Misuse(name, entry, "exact numbers: integers, Fractions or decimal strings") from error
    except ExactnessError as error:
        raise ExactnessError(entry, name) from error


def _listed(value: Any, count: int, name: str) -> list[Any]:
    found = list(value) if isinstance(value, (list, tuple)) or hasattr(value, "tolist") else None
    if found is None:
        raise Misuse(name, value, f"a list of {count} matrices")
    if len(found) != count:
        raise Misuse(name, f"{len(found)} matrices", f"{count} matrices, one for each map")
    return found


def _named(feedback: Any, net: Any) -> dict[str, Any]:
    if isinstance(feedback, Mapping):
        return dict(feedback)
    if isinstance(feedback, (list, tuple)) and not feedback:
        return {}
    found = _listed(feedback, net.depth - 1, "feedback")
    shapes = [(len(rows), len(rows[0])) for rows in (numbers(m, "feedback", (None, None)) for m in found)]
    below = [net.shapes()[f"W{k}"] for k in range(2, net.depth + 1)]
    direct = [(net.outputs, net.widths[k]) for k in range(1, net.depth)]
    if shapes == below and shapes == direct and net.depth > 2:
        raise Misuse("feedback", "matrices that could be B or F", "a dict, {'B2': …} or {'F1': …}")
    if shapes == below == direct:  # one hidden layer: B_2 and F_1 replace the same map, so the rule may read either
        return {"B2": found[0], "F1": found[0]}
    return {f"B{k}" if shapes == below else f"F{k - 1}": m for k, m in enumerate(found, start=2)}


def _feedback_shape(name: str, net: Any) -> tuple[int, int]:
    kind, number = str(name)[:1], str(name)[1:]
    if kind not in ("B", "F") or not (number.isascii() and number.isdigit()) or not 1 <= int(number) <= net.depth:
        raise Misuse("feedback", name, "names such as 'B2' or 'F1'")
    k = int(number)
    return net.shapes()[f"W{k}"] if kind == "B" else (net.outputs, net.widths[k])
