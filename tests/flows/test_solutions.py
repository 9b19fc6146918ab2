"""A closed form counts only if it solves the flow, all of it and nothing else."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy

import faverify as fv

T = sympy.Symbol("t", real=True)
ONE = [[1]]


def problem():
    return fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), fv.rules.FeedbackAlignment(), weights=[ONE, [["1/2"]]], feedback=[ONE], inputs=ONE,
        error=lambda t, f: -2 * f,
    )  # fmt: skip


def solution(**changes):
    root = (1 - 2 * T) ** sympy.Rational(-1, 2)
    return {"W1": [[root]], "W2": [[root**2 / 2]]} | changes


def test_the_solution_survives():
    found = fv.ends_at(problem(), solution(), "1/2", digits=20)
    assert found.kind == "refuted"
    assert found.witness.recheck()
    assert "0.500000000000000" in found.how


@pytest.mark.parametrize(
    "values",
    [
        solution(W2=[[1]]),
        solution(W1=[[1 + T]]),
        {"W1": solution()["W1"]},
        solution(B2=[[sympy.exp(T)]]),
        solution(Q=[[T]]),
        solution(W1=[[T, T]]),
    ],
)
def test_what_is_no_solution_is_refused(values):
    with pytest.raises(fv.FaverifyError):
        fv.ends_at(problem(), values, "1/2", digits=20)


def test_another_time_is_refused():
    with pytest.raises(fv.Misuse, match="a solution of the problem that ends at that time"):
        fv.ends_at(problem(), solution(), Fraction(1, 3), digits=20)
