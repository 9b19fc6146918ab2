"""Flows: how long they exist.

Theorem 1 holds on the maximal interval of existence. That interval can be finite: for squared loss it is not in linear
networks with one output, but a loss that is not bounded below drives the weights to infinity in finite time.
"""

from fractions import Fraction

import sympy

import faverify as fv

ONE = [[1]]


@fv.claim("RK-T1-global")
def counterexample_a_flow_that_ends_at_one_half():
    """Loss −f², linear 1-1-1, x = B = 1, W₁(0) = 1, W₂(0) = ½: W₁ = (1 − 2t)^(−1/2) and W₂ = W₁²/2."""
    t = sympy.Symbol("t", real=True)
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), fv.rules.FeedbackAlignment(), weights=[ONE, [[Fraction(1, 2)]]], feedback=[ONE],
        inputs=ONE, error=lambda t, f: -2 * f,
    )  # fmt: skip
    solution = {"W1": [[(1 - 2 * t) ** sympy.Rational(-1, 2)]], "W2": [[1 / (2 - 4 * t)]]}
    return fv.ends_at(problem, solution, Fraction(1, 2), digits=35)
