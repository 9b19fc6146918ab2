"""Verdicts and witnesses as a terminal shows them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..kernel.questions import at_steps
from ..model.names import unmarked
from ..presenting import matrix_text

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def subscripted(name: str) -> str:
    """`W1` as W₁; a name that has its own subscript stays."""
    name = unmarked(name)
    head = name.rstrip("0123456789")
    return head + name[len(head) :].translate(SUBSCRIPTS) if head and "_" not in name else name


def entry_text(entry: Any) -> str:
    return f"{entry[0]} ± {entry[1]}" if isinstance(entry, tuple) else str(entry)


def scope_lines(scope: Any) -> list[str]:
    return [f"  {name:<12}{value}" for name, value in scope.items()]


def verdict_text(verdict: Any) -> str:
    """The verdict, its statement, its scope, and its reason."""
    lines = [
        f"{verdict.kind.upper()}: {verdict.statement}",
        f"along {verdict.rule}, by {verdict.how}" + (f" ({verdict.note})" if verdict.note else ""),
        "scope",
        *scope_lines(verdict.scope),
    ]
    for layer, part in verdict.layers.items():
        lines.append(f"layer {layer}: {part.kind} ({part.how})")
    finding = verdict.finding
    if finding is not None:
        lines.append(f"finding: {finding['text']}")
    if verdict.kind == "undecided":
        lines += ["tried", *(f"  {reason}" for reason in verdict.tried)]
    if verdict.witness is not None:
        told = witness_text(verdict.witness) if hasattr(verdict.witness, "weights") else str(verdict.witness)
        lines += ["argument" if verdict.kind == "proved" else "witness", told]
    return "\n".join(lines)


def witness_text(witness: Any) -> str:
    """The data, and the rate that they give."""
    by_name = isinstance(witness.weights, dict)
    named = [*witness.weights.items()] if by_name else [(f"W{k}", w) for k, w in enumerate(witness.weights, start=1)]
    named += [(f"b{k}", b) for k, b in enumerate(witness.biases or [], start=1)]
    backs = witness.feedback.values() if isinstance(witness.feedback, dict) else witness.feedback
    named += list(zip(witness.feedback_names, backs, strict=True))
    named += [(f"signal through {name[:-1]}" if name[-1] == "~" else name, v) for name, v in witness.given.items()]
    for letter, values in (("x", witness.inputs), ("e", witness.error), ("y", witness.targets)):
        named += [*values.items()] if isinstance(values, dict) else [(letter, values)] * (values is not None)
    named += [(f"φ′(h{str(k).translate(SUBSCRIPTS)})", gate) for k, gate in enumerate(witness.gates, start=1)]
    sizes = ", ".join(f"{name} = {size}" for name, size in witness.sizes.items())
    place = f"{witness.network}, {sizes}" if by_name else f"widths {'-'.join(map(str, witness.widths))}"
    lines = [f"  {place}, φ = {witness.activation}"]
    lines += [f"  {subscripted(name)} = {matrix_text(value, entry_text)}" for name, value in named]
    lines += [f"  {name} = {value}" for name, value in witness.parameters.items()]
    where = f"layer {witness.layer}" + (f", entry {witness.entry}" if witness.entry is not None else "")
    what = "Q(θ + Δθ) − Q(θ)" if witness.step and witness.claim else "dQ/dt"
    what += "" if isinstance(witness.mu, Fraction) and witness.mu == 0 else f" − ({witness.mu}) Q"
    what += f" − ({at_steps(witness.claim) if witness.step else witness.claim})" if witness.claim else ""
    lines.append(f"  {what} = {entry_text(witness.rate)} at {where}")
    return "\n".join(lines)
