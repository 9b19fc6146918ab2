"""A derivation entry by entry, for small given widths: every entry is a symbol, and SymPy prints the sums."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..kernel.passes import Run
from ..kernel.questions import Question
from ..proving.jets import law_jet
from ..proving.polynomials import PolynomialCarrier
from ..proving.rings import Expressions
from .latex import plain


def entry_lines(question: Question) -> Iterator[tuple[str, str, str]]:
    """Reason, text and LaTeX of each line: Q, what each parameter's motion contributes to dQ/dt, and their sum."""
    net, position = question.net, question.layer - 1
    run = Run(net, PolynomialCarrier(Expressions()), 1)
    moves = run.velocities(question.rule)
    layer = run.layers[position]
    value = law_jet(question.law, run, layer, {}).value
    dims = value._dims
    entries = [(i, j) for i in range(dims[0]) for j in range(dims[1])]
    for i, j in entries:
        label = "Q" if dims == (1, 1) else f"Q[{i},{j}]"
        yield (f"definition of the law; {_gates(net.activation)}", *_line(label, value.data[i][j]))
        total: Any = 0
        for name, rate in moves.items():
            part = law_jet(question.law, run, layer, {name: rate}).rate
            contribution = 0 if part is None else part.data[i][j].expand()
            if contribution != 0:
                total = total + contribution
                yield (
                    f"product rule, {name} moves with the rule's update",
                    *_line(f"d{label}/dt from {name}", contribution),
                )
        if not (isinstance(question.mu, int) and question.mu == 0):
            claimed = (value * question.mu).data[i][j].expand()
            total = total - claimed
            yield ("the claimed rate", *_line(f"({question.mu_text}) {label}", claimed))
        yield (
            "the sum; equal terms cancel",
            *_line(f"d{label}/dt" if question.mu_text == "0" else "difference", total),
        )


def _gates(activation: Any) -> str:
    if activation.linear:
        return "a = h"
    if activation.degree is None:
        return "φ and φ′ are symbols"
    return "k = φ′(h), a = k h" if activation.degree == 1 else "k = φ′(h)/p, a = k h"


def _line(label: str, value: Any) -> tuple[str, str]:
    import sympy

    expression = sympy.sympify(value)
    names = {symbol: _entry(symbol.name) for symbol in expression.free_symbols}
    latex_label = rf"\text{{{plain(label)}}}"
    return f"{label} = {expression}", f"{latex_label} = {sympy.latex(expression, symbol_names=names)}"


def _entry(name: str) -> str:
    """`W1[0,2]` as W^{(1)}_{13}: layers above, rows and columns from 1 below."""
    found = re.fullmatch(r"(\D+?)(\d*)\[(\d+),(\d+)\]", name)
    if not found:
        from .notation import latex_name

        return latex_name(name)
    from .notation import GREEK

    kind, layer, i, j = found.groups()
    for greek, command in GREEK.items():
        kind = kind.replace(greek, command)
    above = f"^{{({layer})}}" if layer else ""
    return f"{kind.replace('′', chr(39))}{above}_{{{int(i) + 1}{int(j) + 1}}}"
