"""Activations, rules, laws, names and helpers: facts, refusals and messages."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify.model import activations, laws, rules


@pytest.mark.parametrize("name", activations.LIBRARY)
def test_dphi_is_the_derivative_of_phi(name):
    """By central differences at floats off the kinks; a leaky slope takes a number."""
    phi = fv.leaky_relu(Fraction(1, 10)) if name == "leaky-relu" else activations.LIBRARY[name]
    for h in (-2.3, -0.7, 0.4, 1.9):
        slope = (float(phi.phi(h + 1e-6)) - float(phi.phi(h - 1e-6))) / 2e-6
        assert math.isclose(slope, float(phi.dphi(h)), rel_tol=1e-6, abs_tol=1e-7)


VALUES = {"tanh": math.tanh(1), "erf": math.erf(1), "softplus": math.log(1 + math.e)}


@pytest.mark.parametrize(("name", "value"), VALUES.items())
def test_values_over_balls_and_expressions(name, value):
    import sympy
    from flint import arb

    phi = fv.activation_named(name).phi
    assert math.isclose(float(phi(arb(1)).mid()), value)
    assert math.isclose(float(phi(sympy.Integer(1))), value)


def test_power_and_slopes():
    assert fv.power(3).degree == 3
    assert fv.activation_named("power-4").phi(Fraction(1, 2)) == Fraction(1, 16)
    assert fv.activation_named("leaky_relu_1/10").phi(Fraction(-1)) == Fraction(-1, 10)
    for wrong in ("power-0", "power-x", "leaky-relu-1/0", "rleu"):
        with pytest.raises(fv.FaverifyError):
            fv.activation_named(wrong)
    with pytest.raises(fv.Misuse):
        fv.activation_named(3)
    with pytest.raises(fv.ExactnessError):
        fv.leaky_relu(0.1)
    with pytest.raises(fv.Misuse):
        fv.Activation(1, 2)


def test_an_activation_that_cannot_be_evaluated():
    phi = fv.Activation(np.tanh, lambda h: 1 - np.tanh(h) ** 2, name="numpy's tanh")
    with pytest.raises(fv.ActivationError, match=r"write it with fv\.exp, fv\.tanh"):
        fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), activation=phi)


def test_helpers_over_numpy():
    A, S = np.array([[1.0, -2.0], [3.0, 0.0]]), np.arange(24.0).reshape(2, 3, 4)
    assert fv.inner(A, A) == fv.norm2(A) == np.array([[14.0]])
    assert fv.norm1(A) == np.array([[6.0]])
    assert fv.trace(A) == np.array([[1.0]])
    np.testing.assert_array_equal(fv.diag(A), [[1.0], [0.0]])
    np.testing.assert_array_equal(fv.diag(np.array([[1.0], [2.0]])), np.diag([1.0, 2.0]))
    np.testing.assert_array_equal(fv.symmetrize(A), (A + A.T) / 2)
    np.testing.assert_array_equal(fv.sign(A), np.sign(A))
    assert fv.norm2(S).shape == (2, 1, 1)
    assert fv.sum_samples(S).shape == (2, 3, 1)
    assert (fv.norm2(S) * S).shape == S.shape
    for helper in (fv.total, fv.diag, fv.sign, fv.sum_samples):
        with pytest.raises(fv.UnsupportedOperation):
            helper([[1]])
    for pair in ((A, A.T[:1]), (A, [[1]])):
        with pytest.raises(fv.ShapeError):
            fv.inner(*pair)
    with pytest.raises(fv.UnsupportedOperation, match="φ belongs to a network"):
        fv.phi(A)


def test_names():
    for name in ("feedback-balance", "feedback_balance", "FeedbackBalance"):
        assert fv.law_named(name) is laws.feedback_balance
    assert isinstance(fv.rule_named("KolenPollack"), rules.KolenPollack)
    assert fv.law_named("feedback-balance-of-degree-3").statement == "½‖W_l‖² − 3⟨W_{l+1}, B_{l+1}⟩"
    with pytest.raises(fv.UnknownName, match="did you mean 'balancedness'") as error:
        fv.law_named("balancednes")
    assert error.value.nearest == "balancedness"
    assert fv.law_named(laws.balancedness) is laws.balancedness
    for named in (fv.law_named, fv.rule_named):
        with pytest.raises(fv.Misuse, match="= 3: expected"):
            named(3)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fv.nothing
    assert "check" in dir(fv)


def test_constants_in_the_names_of_laws():
    p = fv.parameter("p")
    assert laws.feedback_balance_of_degree(2 * p).statement == "½‖W_l‖² − 2p⟨W_{l+1}, B_{l+1}⟩"
    assert laws.feedback_balance_of_degree(p + 1).statement == "½‖W_l‖² − (p + 1)⟨W_{l+1}, B_{l+1}⟩"
    assert laws.momentum_balance(fv.parameter("γ") / 2).statement.startswith("Q̇ + 1/2γQ")
    for maker in (laws.feedback_balance_of_degree, laws.neuron_feedback_balance_of_degree, laws.balancedness_of_degree):
        with pytest.raises(fv.ExactnessError):
            maker(0.5)


def test_slopes_of_leaky_relu():
    assert fv.leaky_relu("0.1").phi(-10) == -1  # what the message for 0.1 says
    with pytest.raises(fv.ExactnessError, match=r"such as '0\.1'"):
        fv.leaky_relu(0.1)
    for wrong in ("a tenth", "1/0"):
        with pytest.raises(fv.Misuse, match="slope"):
            fv.leaky_relu(wrong)


def test_laws_and_rules_are_shown():
    assert repr(laws.feedback_balance).startswith("<law feedback-balance")
    assert repr(rules.FeedbackAlignment()) == "FeedbackAlignment()"
    assert repr(fv.LearningRule()) == "LearningRule()"
    assert repr(fv.parameter("λ")) == "parameter('λ')"
    assert repr(fv.MLP((1, 2), bias=True)) == "MLP((1, 2), 'relu', bias=True)"
    for wrong in (3, None):
        with pytest.raises(fv.Misuse):
            fv.law(wrong)
        with pytest.raises(fv.FaverifyError):
            fv.check(wrong, rules.FeedbackAlignment())


@pytest.mark.parametrize("widths", [(3,), (3, 0, 1), (3, 1.5), "abc", None, (3, -1), (True, 1), 5])
def test_widths_that_are_none(widths):
    with pytest.raises(fv.Misuse, match="at least two whole numbers"):
        fv.MLP(widths)


def test_numpy_integers_are_widths_and_layers():
    net = fv.MLP(np.array([1, 2, 1]))
    assert net.widths == (1, 2, 1)
    assert fv.check(laws.feedback_balance, rules.FeedbackAlignment(), net, layer=np.int64(1)).kind == "proved"
    with pytest.raises(fv.Misuse, match="layer"):
        fv.check(laws.feedback_balance, rules.FeedbackAlignment(), net, layer=np.array([1, 1]))


def test_options_that_are_none():
    with pytest.raises(fv.Misuse):
        fv.MLP((1, 1), bias=1)
    law, rule = laws.feedback_balance, rules.FeedbackAlignment()
    for options in ({"activation": "tanh"}, {"bias": True}, {"layer": 3}):
        with pytest.raises(fv.Misuse):
            fv.check(law, rule, fv.MLP((1, 1, 1)), **options)
    for wrong in (rules.FeedbackAlignment, 3, None, object()):
        with pytest.raises(fv.Misuse):
            fv.check(law, wrong)
    with pytest.raises(fv.Misuse):
        fv.check(law, rule, (3, 4, 1))


def test_prove_and_refute_raise_with_the_verdict():
    with pytest.raises(fv.NotProved, match="not proved") as error:
        fv.prove(laws.balancedness, rules.FeedbackAlignment())
    assert isinstance(error.value.verdict, fv.Refuted)
    with pytest.raises(fv.NotRefuted, match="not refuted") as error:
        fv.refute(laws.balancedness, rules.BackPropagation())
    assert isinstance(error.value.verdict, fv.Proved)


def test_a_verdict_is_neither_true_nor_false():
    verdict = fv.check(laws.feedback_balance, rules.FeedbackAlignment())
    with pytest.raises(TypeError, match="ask isinstance"):
        bool(verdict)
    assert str(verdict).startswith("PROVED: dQ/dt = 0")
    assert verdict._repr_latex_().startswith(r"\begingroup")


def test_rules_with_mistakes():
    FA = rules.FeedbackAlignment
    bad = {
        "does not conform with": {"error": lambda s, layer, above, output: above.B},
        "NoneType": {"error": lambda s, layer, above, output: None},
        r"returned \['U'\]": {"update": lambda s, layer, below, output: {"U": 1}},
        "returned list": {"update": lambda s, layer, below, output: [1]},
        "float": {"update": lambda s, layer, below, output: {"W": layer.W * 0.1}},
        "raised TypeError": {"feedback": lambda s, above: np.sign(above.B)},
        "no 'Bs' here": {"feedback": lambda s, above: above.Bs},
        "RecursionError": {"feedback": lambda s, above: s.feedback(above)},
        "the power 0.5": {"feedback": lambda s, above: above.B**0.5},
        "the attribute .sum": {"feedback": lambda s, above: above.B.sum()},
    }
    for message, body in bad.items():
        with pytest.raises(fv.FaverifyError, match=message):
            fv.check(laws.feedback_balance, type("Bad", (FA,), body)())


def test_laws_with_mistakes():
    for message, formula in {
        "returned NoneType": lambda layer, above: None,
        "returned tuple": lambda layer, above: (1, 2),
        "a law reads W, B, V, F, b, v, constant, start": lambda layer, above: fv.norm2(layer.h),
        "float": lambda layer, above: fv.norm2(layer.W) * 0.5,
        "takes 1 positional": lambda layer: 1,
        "does not conform": lambda layer, above: fv.inner(layer.W, above.W),
        "plain Python objects": lambda layer, above: fv.total(3),
    }.items():
        with pytest.raises(fv.FaverifyError, match=message):
            fv.check(formula, rules.FeedbackAlignment())
