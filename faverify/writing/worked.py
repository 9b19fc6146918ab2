"""A counterexample worked out: every number that a reader needs to check it by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kernel.passes import Run
from ..kernel.questions import at_steps
from ..kernel.states import Increments, State, value_of
from ..kernel.wiring import places
from ..model.networks import MLP, Sized
from ..presenting import matrix_text
from ..proving.jets import MovedState, Unvalued, law_jet
from ..proving.rings import Assignment, Balls, Rationals
from .latex import plain
from .notation import dotted, latex_name, text_name


def worked_lines(verdict: Any) -> Iterator[tuple[str, str, str]]:
    """Reason, text and LaTeX of each line."""
    witness, question = verdict.witness, verdict.question
    remembered = question.law, question.rule, question.activation, question.claim, question.assume
    law, rule, activation, claim, _ = witness.subjects or remembered
    named = isinstance(witness.weights, dict)
    net: Any = (
        Sized(witness.net, witness.sizes, activation)
        if named
        else MLP(witness.widths, activation, witness.biases is not None)
    )
    data: dict[str, Any] = {name: value.tolist() for name, value in _letters(witness, named).items()}
    data = {name: [[_number(entry) for entry in row] for row in rows] for name, rows in data.items()}
    given = set(data)
    for name, rows in data.items():
        yield ("given", *_line(name, rows))
    for name, value in witness.parameters.items():
        yield ("given", f"{text_name(name)} = {value}", f"{latex_name(name)} = {value}")
    ring = Rationals if isinstance(witness.rate, tuple) is False else Balls
    some = next(iter(witness.inputs.values())) if isinstance(witness.inputs, dict) else witness.inputs
    run = Run(net, Assignment(ring(dict(witness.parameters)), data), some.shape[1])
    moves = run.velocities(rule)
    numbered = [(layer._label, layer) for layer in run.layers]
    for k, layer in numbered:
        yield ("forward", *_line(f"h_{{{k}}}", layer.h.data))
        if layer not in run.outs and not (named and layer.plain):
            yield (f"φ = {activation.name}", *_line(f"a_{{{k}}}", layer.a.data))
            yield ("gate", *_line(f"φ′(h_{{{k}}})", layer.dphi.data))
    for k, layer in reversed(numbered):
        if hasattr(layer, "delta"):  # a rule with passes of its own may have none
            yield ("the rule's error", *_line(f"δ_{{{k}}}", layer.delta.data))
    for name, rate in moves.items():
        if name not in given:  # of what the law and the passes do not read, which has no value here
            continue
        yield ("the rule's update", *_line(dotted(name), rate.data))
    layer = places(run, law)[witness.layer] if named else run.layers[witness.layer - 1]
    if witness.step and claim:
        value, after = value_of(law, run, State(layer)), value_of(law, run, MovedState(layer, moves))
        yield ("the law", *_line("Q(θ)", value.data))
        yield ("the law after the step Δθ", *_line("Q(θ + Δθ)", after.data))
        found, shown = value_of(claim, run, Increments(layer, moves)), "Q(θ + Δθ) − Q(θ)"
    else:
        jet = law_jet(law, run, layer, moves)
        value, rate = jet.value, jet.value * 0 if jet.rate is None else jet.rate
        if not isinstance(value, Unvalued):
            yield ("the law", *_line("Q", value.data))
        yield ("product rule", f"dQ/dt = {_text(rate.data)}", rf"\frac{{dQ}}{{dt}} = {_latex(rate.data)}")
        found, shown = value_of(claim, run, State(layer)) if claim else None, "dQ/dt"
    if witness.mu != 0:
        yield ("but the claim is", f"{shown} = ({witness.mu}) Q", rf"\text{{{plain(shown)}}} = ({witness.mu})\,Q")
    if found is not None:
        stated = at_steps(claim.statement) if witness.step else claim.statement
        yield (f"but the claim is {stated}", *_line(shown, found.data))


def _letters(witness: Any, named: bool) -> dict[str, Any]:
    """Everything that a witness holds, by name."""

    def several(value: Any, name: str) -> dict[str, Any]:
        return {} if value is None else dict(value) if isinstance(value, dict) else {name: value}

    weights = dict(witness.weights) if named else {f"W{k}": w for k, w in enumerate(witness.weights, start=1)}
    biases = {f"b{k}": b for k, b in enumerate(witness.biases or [], start=1)}
    backs = witness.feedback.values() if isinstance(witness.feedback, dict) else witness.feedback
    found = weights | biases | dict(zip(witness.feedback_names, backs, strict=True)) | dict(witness.given)
    found |= several(witness.inputs, "x") | several(witness.error, "e")
    return found | several(witness.targets, "y")


def _number(entry: Any) -> Any:
    """An entry of a witness as the carriers know it: a ball is written as a pair."""
    if not isinstance(entry, tuple):
        return entry
    from flint import arb

    return arb(*entry)


def _line(name: str, rows: Any) -> tuple[str, str]:
    left = (
        rf"\text{{{plain(name)}}}"
        if "θ" in name or ("/" in name and not name.startswith("d/dt "))
        else latex_name(name)
    )
    return f"{text_name(name)} = {_text(rows)}", f"{left} = {_latex(rows)}"


def _text(rows: Any) -> str:
    return _entry(rows[0][0]) if len(rows) == len(rows[0]) == 1 else matrix_text(rows, _entry)


def _entry(entry: Any) -> str:
    return entry.str(12) if hasattr(entry, "mid") else str(entry)


def _latex(rows: Any) -> str:
    cells = [[_cell(entry) for entry in row] for row in rows]
    if len(cells) == len(cells[0]) == 1:
        return cells[0][0]
    return r"\begin{pmatrix} " + r" \\ ".join(" & ".join(row) for row in cells) + r" \end{pmatrix}"


def _cell(entry: Any) -> str:
    if hasattr(entry, "mid"):
        return str(entry.str(12)).replace("+/-", r"\pm")
    if entry.denominator == 1:
        return str(entry)
    return rf"{'-' if entry < 0 else ''}\tfrac{{{abs(entry.numerator)}}}{{{entry.denominator}}}"
