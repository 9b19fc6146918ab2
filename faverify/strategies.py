"""Hypothesis strategies: rational networks, weights and data, so that one's own claims meet cases that shrink.

Needs the library hypothesis; nothing else of faverify imports this module.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError("faverify.strategies needs hypothesis: pip install hypothesis") from missing

from .errors import Misuse
from .flows.problems import FlowProblem
from .model.networks import MLP
from .model.rules import DirectFeedbackAlignment, FeedbackAlignment

ACTIVATIONS = ("relu", "linear", "leaky-relu-1/10", "abs")
STARTS = ("any", "feedback", "corollary", "zero")


def rationals(bound: int = 4, denominator: int = 4) -> Any:
    """Multiples of 1/denominator between −bound and bound; they shrink to 0."""
    whole = st.integers(-bound * denominator, bound * denominator)
    return whole.map(lambda number: Fraction(number, denominator))


def matrices(rows: int, cols: int, entries: Any = None) -> Any:
    """Matrices as lists of rows."""
    entries = rationals() if entries is None else entries
    return st.lists(st.lists(entries, min_size=cols, max_size=cols), min_size=rows, max_size=rows)


def widths(
    depths: tuple[int, int] = (2, 3), hidden: tuple[int, int] = (1, 3), outputs: tuple[int, int] = (1, 2)
) -> Any:
    """(n_0, …, n_L): the number of maps, the inputs and hidden widths, and the outputs, each in a range."""
    return st.integers(*depths).flatmap(lambda depth: st.tuples(*[st.integers(*hidden)] * depth, st.integers(*outputs)))


def problems(
    *,
    rule: Any = None,
    sizes: Any = None,
    activations: Sequence[Any] = ACTIVATIONS,
    samples: tuple[int, int] = (1, 3),
    entries: Any = None,
    start: str = "any",
) -> Any:
    """Chains with data, weights and feedback for FA (or DFA), under squared loss: `fv.FlowProblem` objects.

    `sizes`: a strategy for widths; `entries`: one for numbers. `start`: "any"; "feedback", W_{l+1}(0) = B_{l+1};
    "corollary", that and ‖W_l(0)‖² ≤ ‖B_{l+1}‖² at every hidden layer, by halving W_1, and smaller feedback below;
    "zero", all weights 0.

    Raises: Misuse.

    Examples
    --------
    >>> import faverify as fv
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, deadline=None, database=None)
    ... @given(problems(sizes=widths((2, 2)), start="corollary"))
    ... def aligned(problem):
    ...     path = fv.integrate(problem, "1/2", digits=15, on_nonunique="follow")
    ...     assert path.alignment().least >= 0
    >>> aligned()
    """
    if start not in STARTS:
        raise Misuse("start", start, f"one of {', '.join(STARTS)}")
    rule = FeedbackAlignment() if rule is None else rule
    if type(rule) not in (FeedbackAlignment, DirectFeedbackAlignment):
        raise Misuse("rule", rule, "fv.rules.FeedbackAlignment() or DirectFeedbackAlignment(); build others by hand")
    if type(rule) is DirectFeedbackAlignment and start in ("feedback", "corollary"):
        raise Misuse("start", start, "'any' or 'zero': direct feedback has other shapes than the weights")
    return _problems(rule, widths() if sizes is None else sizes, tuple(activations), samples, entries, start)


@st.composite
def _problems(
    draw: Any, rule: Any, sizes: Any, activations: tuple[Any, ...], samples: tuple[int, int], entries: Any, start: str
) -> FlowProblem:
    direct, chosen = type(rule) is DirectFeedbackAlignment, draw(sizes)
    number = draw(st.integers(*samples))
    shapes = [(n, m) for m, n in itertools.pairwise(chosen)]
    weights = [draw(matrices(*shape, entries)) for shape in shapes]
    if direct:
        feedback: Any = {f"F{k}": draw(matrices(chosen[-1], n, entries)) for k, n in enumerate(chosen[1:-1], 1)}
    else:
        feedback = [draw(matrices(*shape, entries)) for shape in shapes[1:]]
    if start in ("feedback", "corollary"):
        weights = [weights[0], *feedback]
    if start == "corollary":
        for k in range(len(weights) - 2, -1, -1):  # from the top: each layer no greater than the feedback above it
            room, size = square(weights[k + 1]), square(weights[k])
            factor = Fraction(int(room > 0))  # below feedback that is 0 nothing but 0 will do
            while room and size * factor**2 > room:
                factor /= 2
            weights[k] = [[v * factor for v in row] for row in weights[k]]
        feedback = weights[1:]
    if start == "zero":
        weights = [[[Fraction(0)] * cols for _ in range(rows)] for rows, cols in shapes]
    return FlowProblem(
        MLP(tuple(chosen), draw(st.sampled_from(activations))),
        rule,
        weights=weights,
        feedback=feedback,
        inputs=draw(matrices(chosen[0], number, entries)),
        targets=draw(matrices(chosen[-1], number, entries)),
    )


def square(rows: list[list[Fraction]]) -> Fraction:
    """‖A‖²."""
    return sum((v * v for row in rows for v in row), Fraction(0))
