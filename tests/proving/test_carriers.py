"""Every rule has the same values over all carriers: rationals, words, polynomials, SymPy expressions and floats."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import faverify as fv
from faverify.kernel.cuts import residuals
from faverify.kernel.passes import Run
from faverify.kernel.questions import Question
from faverify.kernel.words import WordCarrier
from faverify.proving.jets import law_jet
from faverify.proving.polynomials import PolynomialCarrier, over_polynomials
from faverify.proving.rings import Assignment, Balls, Expressions, Rationals

from ..conftest import RULES, entries_of, value_of_word

NUMERATORS = (-7, -5, -3, -2, -1, 1, 2, 3, 5, 7)
WIDTHS, SAMPLES = (2, 2, 2, 1), 2
NET = fv.MLP(WIDTHS, "relu", bias=True)


def point(seed):
    """Rational data for every letter of the network; no entry is 0."""
    rng = random.Random(seed)
    shapes = dict(NET.shapes())
    shapes |= {f"B{k}": NET.shapes()[f"W{k}"] for k in (1, 2, 3)} | {f"F{k}": (1, WIDTHS[k]) for k in (1, 2, 3)}
    shapes |= {"x": (2, SAMPLES), "e": (1, SAMPLES)}
    return {
        name: [[Fraction(rng.choice(NUMERATORS), rng.randint(1, 4)) for _ in range(cols)] for _ in range(rows)]
        for name, (rows, cols) in shapes.items()
    }


def over_rationals(rule, data, ring=Rationals):
    carrier = Assignment(ring(), dict(data))
    run = Run(NET, carrier, SAMPLES)
    found = {name: value.data for name, value in run.velocities(rule).items()}
    return found, carrier.gates, carrier.ring.at_kink


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 10**9))
def test_a_rule_agrees_over_all_carriers(name, seed):
    rule, values = RULES[name], point(seed)
    expected, gates, at_kink = over_rationals(rule, values)
    assume(not at_kink)  # where a ball cannot tell a gate

    letters = values | {f"k{k}": gate.data for k, gate in gates.items()}
    letters |= {f"sign({k})": [[(e > 0) - (e < 0) for e in row] for row in values[k]] for k in ("W1", "W2", "W3")}
    words = Run(NET, WordCarrier()).velocities(rule)
    assert {k: value_of_word(word, {"m": SAMPLES}, letters) for k, word in words.items()} == expected

    numbers = entries_of(letters)
    for entry in ("W1", "W2", "W3"):
        numbers |= {
            f"sign({k})": numbers["sign(" + entry + k[len(entry) :].replace("[", ")[", 1)]
            for k in list(numbers)
            if k.startswith(f"{entry}[")
        }
    polynomials = over_polynomials(lambda carrier: Run(NET, carrier, SAMPLES).velocities(rule))
    for k, matrix in polynomials.items():
        assert [[evaluated(p, matrix.ring.names, numbers) for p in row] for row in matrix.data] == expected[k]

    expressions = Run(NET, PolynomialCarrier(Expressions()), SAMPLES).velocities(rule)
    symbols = {sympy.Symbol(k): sympy.Rational(v.numerator, v.denominator) for k, v in numbers.items()}
    for k, matrix in expressions.items():
        assert [[Fraction(str(e.subs(symbols))) for e in row] for row in matrix.data] == expected[k]

    balls, _, _ = over_rationals(rule, values, Balls)
    for k, rows in balls.items():
        assert all(
            ball.overlaps(_ball(e))
            for r, s in zip(rows, expected[k], strict=True)
            for ball, e in zip(r, s, strict=True)
        )

    floats = in_floats(rule, values)
    for k, array in floats.items():
        np.testing.assert_allclose(array, np.array(expected[k], dtype=float), rtol=1e-9, atol=1e-9)


def _ball(e):
    from flint import arb, fmpq

    return arb(fmpq(e.numerator, e.denominator))


def evaluated(polynomial, names, numbers):
    total = Fraction(0)
    for exponents, c in polynomial.to_dict().items():
        term = Fraction(int(c.p), int(c.q))
        for variable, power in zip(names, exponents, strict=True):
            term *= numbers[variable] ** int(power)
        total += term
    return total


class Floats:
    """Plain NumPy: the carrier that has no class of ours."""

    def __init__(self, data):
        self.data = data

    def letter(self, name, rows, cols):
        return Array(np.array(self.data.get(name, [[0.0] * cols] * rows), dtype=float))

    def zeros(self, rows, cols):
        return Array(np.zeros((rows, cols)))

    def activate(self, activation, h, name):
        return np.maximum(h, 0).view(Array), (h > 0).astype(float).view(Array)


class Array(np.ndarray):
    """An ndarray that tells its shape the way the pass asks for it."""

    def __new__(cls, values):
        return values.view(cls)

    @property
    def _dims(self):
        return self.shape

    def row_sums(self):
        return self.sum(axis=-1, keepdims=True)

    def __mul__(self, other):
        return super().__mul__(float(other) if isinstance(other, Fraction) else other)

    __rmul__ = __mul__

    def sign(self):
        return np.sign(self)


def in_floats(rule, values):
    return Run(NET, Floats(values), SAMPLES).velocities(rule)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    "law", [fv.laws.feedback_balance, fv.laws.neuron_balancedness, fv.laws.kolen_pollack_difference]
)
def test_the_two_derivatives_agree(name, law):
    """Letters replaced by rates (the kernel) against pairs with the product rule, at a rational point."""
    rule, values = RULES[name], point(5)
    expected, gates, _ = over_rationals(rule, values)
    carrier = Assignment(Rationals(), dict(values))
    run = Run(NET, carrier, SAMPLES)
    jet = law_jet(law, run, run.layers[0], run.velocities(rule)) if run.velocities(rule) else None
    letters = values | {f"k{k}": gate.data for k, gate in gates.items()}
    letters |= {f"sign({k})": [[(e > 0) - (e < 0) for e in row] for row in values[k]] for k in ("W1", "W2", "W3")}
    word = residuals(Question(law, rule, NET.activation, net=NET, bias=True), NET, [0], False)[0]
    assert value_of_word(word, {"m": SAMPLES}, letters) == jet.rate.data
    assert expected


@pytest.mark.parametrize("name", RULES)
def test_polynomials_agree_with_matrices_of_sympy(name):
    net = fv.MLP((2, 2, 1))
    for law in (fv.laws.feedback_balance, fv.laws.matrix_balancedness):
        fast = fv.derivative(law, RULES[name], net)
        slow = fv.derivative(law, RULES[name], net, method="matrices")
        signs = {sympy.Symbol(f"sign(W2[0,{j}])"): sympy.sign(sympy.Symbol(f"W2[0,{j}]")) for j in (0, 1)}
        difference = fast[1].subs(signs) - slow[1]
        assert sympy.simplify(difference) == difference * 0


def test_derivative_of_a_known_case():
    W, V, B, x, e, k = map(sympy.Symbol, ["W1[0,0]", "W2[0,0]", "B2[0,0]", "x[0,0]", "e[0,0]", "k1[0,0]"])
    found = fv.derivative("balancedness", "feedback-alignment", fv.MLP((1, 1, 1)))
    assert sympy.expand(found[1] - (-W * k * B * e * x + V * e * k * W * x)) == 0
    assert fv.derivative("feedback-balance", "feedback-alignment", fv.MLP((2, 3, 2, 2)), samples=2) == {1: 0, 2: 0}
    entries = fv.derivative(fv.laws.matrix_feedback_balance, fv.rules.FeedbackAlignment(), fv.MLP((1, 2, 1)))
    assert entries[1].shape == (2, 2)
    assert entries[1][0, 0] == 0 != entries[1][0, 1]


def test_derivative_of_an_activation_without_degree():
    phi, dphi, B, e, W, x = map(sympy.Symbol, ["φ1[0,0]", "φ′1[0,0]", "B2[0,0]", "e[0,0]", "W1[0,0]", "x[0,0]"])
    found = fv.derivative(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), fv.MLP((1, 1, 1), "tanh"))
    assert sympy.expand(found[1] - B * e * (phi - dphi * W * x)) == 0


def test_misuse_of_derivative():
    law, rule, net = fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), fv.MLP((1, 1, 1))
    assert fv.derivative(law, rule, net, layer=-1) == {1: 0}
    for wrong in ({"layer": 2}, {"layer": 1.0}, {"samples": 0}, {"method": "guess"}):
        with pytest.raises(fv.Misuse):
            fv.derivative(law, rule, net, **wrong)
    with pytest.raises(fv.Misuse):
        fv.derivative(law, rule, None)
    with pytest.raises(fv.Misuse, match="an instance: write FeedbackAlignment"):
        fv.derivative(law, type(rule), net)
