"""Steps of the library's rules in floats: the same numbers as over the rationals; what floats cannot do is told."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify.experiments.steps import rule_step
from faverify.kernel.passes import Run
from faverify.kernel.words import Word
from faverify.proving.rings import Assignment, Rationals

WIDTHS, SAMPLES = (3, 3, 3, 2), 3
RNG = np.random.default_rng(5)
W = [RNG.normal(size=(n, m)) for n, m in zip(WIDTHS[1:], WIDTHS, strict=False)]
B = {"B2": RNG.normal(size=(3, 3)), "B3": RNG.normal(size=(2, 3))}
X, Y = RNG.normal(size=(3, 5)), RNG.normal(size=(2, 5))


@pytest.mark.parametrize("name", sorted(fv.rules.LIBRARY))
def test_a_rule_has_the_same_values_as_over_the_rationals(name):
    rng, rule, net = random.Random(name), fv.rules.LIBRARY[name](), fv.MLP((3, 3, 3, 3), "relu", bias=True)
    net = fv.MLP((3, 3, 3), "linear", bias=True) if name == "equilibrium-propagation" else net  # all it is made for
    symbols = [key for key, value in vars(rule).items() if isinstance(value, Word)]
    rule = replace(rule, **dict.fromkeys(symbols, Fraction(1, 3)))

    def draw(_):
        return Fraction(rng.choice((-7, -5, -3, -2, 2, 3, 5, 7)), rng.randint(1, 4))

    carrier = Assignment(Rationals(), {}, draw)
    expected = Run(net, carrier, SAMPLES).velocities(rule)
    data = {key: np.array(rows, dtype=float) for key, rows in carrier.data.items()}
    state = {key: data.pop(key) for key in list(data) if key in net.shapes()}
    found = rule_step(rule, net, data.pop("x"), lambda output: data["e"], data)(state, 2.0)
    assert set(found) == set(expected)
    for key, matrix in expected.items():
        rates = 2 * np.array([[float(entry) for entry in row] for row in matrix.data])
        np.testing.assert_allclose(found[key], rates, rtol=1e-10, atol=1e-10)  # sums of some ten terms, in floats


class Scalars(fv.LearningRule):
    """What a rule may write besides: sums, diagonals, quotients, determinants."""

    def update(self, layer, below, output):
        size = 1 / (1 + fv.norm2(layer.delta))
        inside = fv.diag(fv.sum_samples(layer.delta)) @ fv.diag(fv.diag(layer.W @ layer.W.mT))
        return {"W": size * inside @ layer.W - fv.logdet(layer.W @ layer.W.mT) * layer.W + fv.total(layer.W) / 2}


def test_formulas_have_the_same_values_as_over_arrays():
    net = fv.MLP(WIDTHS, "linear")
    found = rule_step(Scalars(), net, X, Y)(W, 1.0)["W3"]
    delta = W[2] @ W[1] @ W[0] @ X - Y
    square = W[2] @ W[2].T
    inside = np.diag(delta.sum(axis=1)) @ np.diag(np.diag(square))
    expected = inside @ W[2] / (1 + (delta**2).sum()) - np.linalg.slogdet(square)[1] * W[2] + W[2].sum() / 2
    np.testing.assert_allclose(found, expected, rtol=1e-12)


class Doubtful(fv.LearningRule):
    """A rule that asks for a value."""

    def feedback(self, above):
        return above.W if above.W > 0 else above.B


class Drawing(fv.LearningRule):
    """A rule that draws."""

    def error(self, layer, above, output):
        return layer.draw("m") * layer.dphi * (above.W.mT @ above.delta)


class Backward(fv.LearningRule):
    """A rule with a list in it."""

    def feedback(self, above):
        return above.W @ [1, 1, 1]


class Foreign(fv.LearningRule):
    """A rule with an array in it."""

    def feedback(self, above):
        return above.W * np.ones(3)


class Crooked(fv.LearningRule):
    """A rule whose product does not conform."""

    def feedback(self, above):
        return above.W @ above.delta


NET = fv.MLP(WIDTHS, "relu")
BP, FA = fv.rules.BackPropagation(), fv.rules.FeedbackAlignment()
DECAYING = fv.rules.KolenPollack(decay=fv.parameter("λ"))
HOMOGENEOUS = fv.MLP(WIDTHS, fv.homogeneous())
BAD = {
    "class": ((fv.rules.BackPropagation, NET, X, Y), fv.Misuse, "an instance: write BackPropagation"),
    "network": ((BP, "relu", X, Y), fv.Misuse, "net = 'relu': expected a network"),
    "given": ((FA, NET, X, Y, 5), fv.Misuse, "feedback = 5: expected a dict by name"),
    "inputs": ((BP, NET, X[:2], Y), fv.ShapeError, "samples are columns"),
    "targets": ((BP, NET, X, Y.T), fv.ShapeError, "one column for each sample"),
    "vector": ((BP, NET, X[0], Y), fv.Misuse, "inputs = 'an array of shape"),
    "words": ((BP, NET, X, "y"), fv.Misuse, "targets = 'str': expected a matrix of numbers"),
    "missing": ((FA, NET, X, Y), fv.Misuse, "expected B3, which the rule reads: in feedback, or in weights"),
    "shape": ((FA, NET, X, Y, {"B3": X}), fv.ShapeError, r"B3: \(3 × 5\) does not conform with \(2 × 3\)"),
    "value": ((Doubtful(), NET, X, Y, B), fv.RuleError, "floats do not answer it; write the step by hand"),
    "draws": ((Drawing(), NET, X, Y), fv.Misuse, "a step written by hand: the rule draws m2 at random"),
    "array": ((Foreign(), NET, X, Y), fv.RuleError, "raised TypeError"),
    "list": ((Backward(), NET, X, Y), fv.RuleError, "raised TypeError"),
    "product": ((Crooked(), NET, X, Y), fv.ShapeError, "must be the rows of B|it must return"),
    "symbol": ((DECAYING, NET, X, Y, {**B, "B1": W[0]}), fv.UnsupportedOperation, "give the rule numbers"),
    "activation": ((BP, HOMOGENEOUS, X, Y), fv.Misuse, "expected one with values, such as 'relu'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_done_is_told(name):
    arguments, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        rule_step(*arguments)(W, 0.1)
