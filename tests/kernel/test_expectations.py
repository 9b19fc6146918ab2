"""Expectations over directions: second moments over letters and over numbers, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

import faverify as fv
from faverify.errors import Undecidable
from faverify.kernel.cuts import WordCarrier
from faverify.kernel.expectations import Random, expectation
from faverify.kernel.words import letter
from faverify.proving.rings import Assignment, Rationals

from ..conftest import value_of_word

A = [[Fraction(2), Fraction(-1)], [Fraction(3), Fraction(5)]]
C = [[Fraction(1, 2), Fraction(4)], [Fraction(-3), Fraction(7)]]
LETTERS = {"A": A, "C": C}
SHAPES = {"P": (2, 2), "S": (2, 2)}


def both(function):
    """An expectation over letters, valued, and over numbers: they must agree."""
    words = expectation(WordCarrier(), lambda u: function(u, letter("A", 2, 2), letter("C", 2, 2)), SHAPES)
    carrier = Assignment(Rationals(), dict(LETTERS))
    numbers = expectation(carrier, lambda u: function(u, carrier.letter("A", 2, 2), carrier.letter("C", 2, 2)), SHAPES)
    valued = {name: value_of_word(word, {}, LETTERS) for name, word in words.items()}
    assert valued == {name: value.data for name, value in numbers.items()}
    return valued


FORMS = {
    "a slope times its direction is the gradient": (lambda u, A, C: fv.inner(A, u["P"]) * u["P"], A),
    "E P Pᵀ = n I": (lambda u, A, C: u["P"] @ u["P"].mT, [[2, 0], [0, 2]]),
    "E P A P = Aᵀ": (lambda u, A, C: u["P"] @ A @ u["P"], [[2, 3], [-1, 5]]),
    "E P A Pᵀ = tr(A) I": (lambda u, A, C: u["P"] @ A @ u["P"].mT, [[7, 0], [0, 7]]),
    "E ‖P‖² = 4": (lambda u, A, C: fv.norm2(u["P"]), [[4]]),
    "E P ⊙ P = 1": (lambda u, A, C: u["P"] ** 2, [[1, 1], [1, 1]]),
    "independent directions": (lambda u, A, C: u["P"] @ A @ u["S"], [[0, 0], [0, 0]]),
    "a sum of independent directions": (lambda u, A, C: (u["P"] + u["S"]) @ (u["P"] - u["S"]), [[0, 0], [0, 0]]),
    "columns and sums": (lambda u, A, C: fv.sum_samples(u["P"]) @ fv.diag(u["P"]).mT / 2, [[1 / 2, 0], [0, 1 / 2]]),
    "a trace": (lambda u, A, C: -fv.trace(u["P"] @ C) * u["P"].mT, [[-c for c in row] for row in C]),
    "a column is broadcast": (
        lambda u, A, C: fv.inner(C, u["P"] @ A + fv.sum_samples(u["S"])) * u["S"],
        [[Fraction(9, 2)] * 2, [4, 4]],
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_second_moments_over_letters_and_numbers(name):
    function, expected = FORMS[name]
    assert both(lambda u, A, C: {"Q": function(u, A, C)})["Q"] == expected


@pytest.mark.parametrize(
    "function",
    [
        lambda u, A, C: A,
        lambda u, A, C: 1,
        lambda u, A, C: u["P"],
        lambda u, A, C: u["P"] @ u["P"] + A,
        lambda u, A, C: u["P"] @ u["S"] @ u["P"],
        lambda u, A, C: fv.sign(u["P"]) * u["P"] * u["P"],
        lambda u, A, C: fv.inverse(u["P"]) @ u["P"] @ u["P"],
        lambda u, A, C: fv.sign(u["P"] + A) * u["P"] * u["P"],
        lambda u, A, C: u["P"] @ u["P"] / u["P"],
    ],
)
def test_other_degrees_are_refused(function):
    for carrier in (WordCarrier(), Assignment(Rationals(), dict(LETTERS))):
        A, C = carrier.letter("A", 2, 2), carrier.letter("C", 2, 2)
        with pytest.raises((fv.UnsupportedOperation, Undecidable)):
            expectation(carrier, lambda u, A=A, C=C: {"Q": function(u, A, C)}, SHAPES)


def test_widths_of_any_size():
    """E‖P‖² is the number of entries, and E[⟨A, P⟩ P] = A whatever the sizes."""
    A = letter("A", "n", "m")
    found = expectation(WordCarrier(), lambda u: {"Q": fv.inner(A, u["P"]) * u["P"]}, {"P": ("n", "m")})
    assert found["Q"].same(A)
    size = expectation(WordCarrier(), lambda u: {"Q": fv.norm2(u["P"])}, {"P": ("n", "m")})
    assert value_of_word(size["Q"], {"n": 3, "m": 4}, {}) == [[12]]


class Inside(fv.LearningRule):
    def velocities(self, run, x, error):
        run.forward(x)
        like = {"W1": run.layers[0].W}
        return run.expected(lambda u: {"W1": u["W1"] * (run.forward(x).h.total() * u["W1"])}, like)


class Nested(fv.LearningRule):
    def velocities(self, run, x, error):
        run.forward(x)
        like = {"W1": run.layers[0].W}
        return run.expected(lambda u: run.expected(lambda v: {"W1": v["W1"] ** 2}, like), like)


@pytest.mark.parametrize(("rule", "message"), [(Inside(), "a forward pass inside"), (Nested(), "inside of another")])
def test_passes_and_expectations_inside_are_refused(rule, message):
    for _ in range(2):  # also after a failure
        with pytest.raises(fv.RuleError, match=message):
            fv.check(fv.laws.balancedness, rule, fv.MLP((2, 2, 1)))


def test_a_random_matrix_says_nothing_of_its_content():
    one = Random({0: Assignment(Rationals(), dict(LETTERS)).letter("A", 2, 2)})
    assert one.shape == (2, 2)
    with pytest.raises(fv.UnsupportedOperation, match="sum of different degrees"):
        one + one @ one
