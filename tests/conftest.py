"""What tests of several rooms share: a zoo of rules, the evaluation of words, reference flows, runs of the command."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
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
# Nine flows of ReLU networks with their events, to 49 digits.
RELU_FLOWS = json.loads((Path(__file__).parent / "flows" / "relu_flows.json").read_text(encoding="utf-8"))["relu"]


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


def entries_of(matrices: dict[str, Any]) -> dict[str, Any]:
    """The entries of matrices by the names of their letters, such as W1[0,0]."""
    return {
        f"{name}[{i},{j}]": entry
        for name, rows in matrices.items()
        for i, row in enumerate(rows)
        for j, entry in enumerate(row)
    }


def run_faverify(*words: str, **options: Any) -> Any:
    """The command in a process of its own; whatever it is told, no traceback is shown."""
    command = [sys.executable, "-m", "faverify.cli", *words]
    found = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert "Traceback" not in found.stdout + found.stderr, found.stderr
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file in a folder and below."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
