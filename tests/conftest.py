"""The zoo of rules and the evaluation of words that the tests share."""

from __future__ import annotations

import itertools
import math
import sys
from fractions import Fraction
from typing import Any

import pytest

import faverify as fv
from faverify.kernel.words import UNIT, Word, letter_name

RULES = {
    "BP": fv.rules.BackPropagation(),
    "FA": fv.rules.FeedbackAlignment(),
    "DFA": fv.rules.DirectFeedbackAlignment(),
    "sign": fv.rules.SignSymmetry(),
    "KP": fv.rules.KolenPollack(),
    "KP-decay": fv.rules.KolenPollack(decay=Fraction(1, 3)),
}


@pytest.fixture(params=list(RULES))
def rule(request: Any) -> Any:
    return RULES[request.param]


@pytest.fixture
def without(monkeypatch: Any) -> Any:
    """`without("matplotlib")`: as if it were not installed, until the test ends."""

    def hide(library: str) -> None:
        for name in [library, *(name for name in sys.modules if name.startswith(f"{library}."))]:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


def value_of_word(word: Word, sizes: dict[str, int], letters: dict[str, Any]) -> list[list[Any]]:
    """The entries of a word, by the definition of the sum: every index takes every value."""

    def range_of(size: Any) -> range:
        return range(size if isinstance(size, int) else sizes[size])

    rows, cols = word._dims
    found = [[Fraction(0) for _ in range_of(cols)] for _ in range_of(rows)]
    for (edges, dims, row, col), coefficient in word.terms.items():
        for index in itertools.product(*(range_of(size) for size in dims)):
            at = [*index, 0]  # vertex −1: the one index of a dimension 1
            factors = []
            for k, i, j in edges:
                name = letter_name(k)
                if name.startswith(UNIT):
                    factors.append(Fraction(at[i] == int(name.removeprefix(UNIT))))
                else:
                    factors.append(letters[name][at[i]][at[j]])
            found[at[row] if row >= 0 else 0][at[col] if col >= 0 else 0] += coefficient * math.prod(factors)
    return found
