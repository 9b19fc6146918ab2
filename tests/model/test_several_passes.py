"""Rules with passes of their own: formulas, agreement over carriers, which laws they keep, mutants."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy

import faverify as fv
from faverify.discovery.residues import Field, ResidueCarrier
from faverify.experiments.steps import rule_step
from faverify.kernel.cuts import WordCarrier
from faverify.kernel.passes import Run
from faverify.kernel.words import defined
from faverify.proving.grids import Grid
from faverify.proving.matrices import Matrix
from faverify.proving.polynomials import PolynomialCarrier
from faverify.proving.rechecking import Pass
from faverify.proving.rings import Assignment, Balls, Expressions, Rationals

from ..conftest import entries_of, value_of_word

L, R = fv.laws, fv.rules
HALF = Fraction(1, 2)
TARGETS, DRAWN, MEAN = R.DifferenceTargetPropagation(HALF), R.ForwardGradient(), R.ExpectedForwardGradient()
EQUILIBRIA = R.EquilibriumPropagation(Fraction(2, 3))
RELU, LINEAR = fv.MLP((2, 3, 2, 1), bias=True), fv.MLP((2, 2, 3), "linear", bias=True)
RULES = {"targets": (TARGETS, RELU), "drawn": (DRAWN, RELU), "mean": (MEAN, RELU), "equilibria": (EQUILIBRIA, LINEAR)}
SAMPLES = 2


def at_a_point(rule, net, seed=0, ring=Rationals):
    """The velocities at rational data off the kinks, the data, and the gates."""
    rng = random.Random(seed)
    while True:
        data = {}
        carrier = Assignment(
            Rationals(), data, lambda _: Fraction(rng.choice((-7, -5, -3, -2, 2, 3, 5)), rng.randint(1, 3))
        )
        moves = Run(net, carrier, SAMPLES).velocities(rule)
        if not carrier.ring.at_kink:
            break
    if ring is not Rationals:
        moves = Run(net, Assignment(ring(), data), SAMPLES).velocities(rule)
    return moves, data, carrier.gates


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_agrees_over_all_carriers(name, seed):
    rule, net = RULES[name]
    moves, data, gates = at_a_point(rule, net, seed)
    expected = {key: value.data for key, value in moves.items()}
    assert set(expected) == set(net.shapes())
    assert any(entry for rows in expected.values() for row in rows for entry in row)

    letters = data | {f"k{k}": gate.data for k, gate in gates.items()}
    words = Run(net, WordCarrier()).velocities(rule)
    for inverted in {key for word in words.values() for key in word.names() & defined.keys()}:
        rows = value_of_word(defined[inverted][0], {"m": SAMPLES}, letters)
        letters[inverted] = Matrix(Rationals(), rows).inverse().data
    assert {key: value_of_word(word, {"m": SAMPLES}, letters) for key, word in words.items()} == expected

    balls, _, _ = at_a_point(rule, net, seed, Balls)
    for key, ball in balls.items():
        for row, other in zip(ball.data, expected[key], strict=True):
            assert all(found.overlaps(Balls().number(entry)) for found, entry in zip(row, other, strict=True))

    if net is RELU:
        symbols = {
            sympy.Symbol(name): sympy.Rational(entry.numerator, entry.denominator)
            for name, entry in entries_of(letters).items()
        }
        found = Run(net, PolynomialCarrier(Expressions()), SAMPLES).velocities(rule)
        for key, value in found.items():
            assert [[Fraction(str(entry.subs(symbols))) for entry in row] for row in value.data] == expected[key]


@pytest.mark.parametrize("name", RULES)
def test_the_recheck_runs_the_rule_by_itself(name):
    rule, net = RULES[name]
    moves, data, _ = at_a_point(rule, net)
    state = {key: Grid(rows, {}) for key, rows in data.items()}
    some, depth = next(iter(state.values())), net.depth
    for k in range(1, depth + 1):
        rows, cols = net.shapes()[f"W{k}"]
        for kind, dims in (("B", (rows, cols)), ("V", (rows, cols)), ("F", (net.outputs, rows)), ("v", (rows, 1))):
            state.setdefault(f"{kind}{k}", Grid([[Fraction(0)] * dims[1]] * dims[0], some.constants))
    run = Pass(state, depth, net.activation, state.get("y"))
    found = run.velocities(rule, state["x"], lambda output: state["e"], True)
    assert {key: value.rows for key, value in found.items()} == {key: value.data for key, value in moves.items()}


@pytest.mark.parametrize("net", [RELU, fv.MLP((3, 2, 2)), fv.MLP((1, 2, 3), "tanh"), fv.MLP((2, 1, 2, 2), "linear")])
def test_in_expectation_a_forward_gradient_is_back_propagation(net):
    """Over words, at every value of the letters; mod p and in floats."""
    mean, back = (Run(net, WordCarrier()).velocities(rule) for rule in (MEAN, R.BackPropagation()))
    assert mean.keys() == back.keys()
    assert all(mean[key].same(back[key]) for key in back)

    field = Field(2**31 - 1, lambda name: 1)
    known = {}
    for rule in (R.BackPropagation(), MEAN):
        carrier = ResidueCarrier(field, 5, np.random.default_rng(0), known=known)
        moves, known = Run(net, carrier, SAMPLES).velocities(rule), carrier.letters
        back = moves if rule is not MEAN else back
    assert all((moves[key] - back[key]).is_zero() for key in moves)


def test_steps_in_floats_are_those_of_back_propagation():
    net, rng = fv.MLP((2, 3, 1)), np.random.default_rng(0)
    weights = [rng.normal(size=(3, 2)), rng.normal(size=(1, 3))]
    found, expected = (
        rule_step(rule, net, [[1, 2], [3, -1]], [[1, 0]])(weights, 1.0) for rule in (MEAN, R.BackPropagation())
    )
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-12)


def test_the_mean_over_signs_is_the_expectation():
    """Over the directions of entries ±1, all of them: a distribution with these second moments."""
    net = fv.MLP((1, 2, 1))
    data = {"W1": [[2], [-3]], "W2": [[5, 7]], "x": [[3]], "e": [[2]]}
    data = {key: [[Fraction(entry) for entry in row] for row in rows] for key, rows in data.items()}
    mean = Run(net, Assignment(Rationals(), data), 1).velocities(MEAN)
    total = {key: value * 0 for key, value in mean.items()}
    for number in range(16):
        a, b, c, d = (Fraction(1 - 2 * (number >> k & 1)) for k in range(4))
        drawn = data | {"U~1": [[a], [b]], "U~2": [[c, d]]}
        moves = Run(net, Assignment(Rationals(), drawn), 1).velocities(DRAWN)
        total = {key: total[key] + moves[key] / 16 for key in total}
    assert {key: value.data for key, value in total.items()} == {key: value.data for key, value in mean.items()}


def test_targets_are_feedback_without_the_gates_above():
    """a_l − t_l = η B_{l+1}ᵀ ⋯ B_Lᵀ e; with linear units the rule is feedback alignment at rate η."""
    linear = fv.MLP(RELU.widths, "linear", bias=True)
    for net, rate in ((linear, HALF), (linear, Fraction(3))):
        moves, data, _ = at_a_point(R.DifferenceTargetPropagation(rate), net)
        plain = Run(net, Assignment(Rationals(), data), SAMPLES).velocities(R.FeedbackAlignment())
        assert {k: v.data for k, v in moves.items()} == {k: (v * rate).data for k, v in plain.items()}


def test_equilibria_are_stationary_points_of_the_energy():
    """∂E/∂s₁ = s₁ − h₁ − W₂ᵀs₂ = 0 and ∂(E + βC)/∂s₂ = s₂ − W₂s₁ − b₂ + β(s₂ − y) = 0."""
    data, rng = {}, random.Random(3)
    run = Run(LINEAR, Assignment(Rationals(), data, lambda _: Fraction(rng.randint(1, 9), 2)), SAMPLES)
    run.velocities(EQUILIBRIA)
    first, last = run.layers
    for beta in (0, EQUILIBRIA.beta):
        s1, s2 = EQUILIBRIA.equilibrium(first, last, run.output, beta)
        assert (s1 - first.h - last.W.mT @ s2).is_zero()
        assert (s2 - last.W @ s1 - last.b + beta * (s2 - run.output.target)).is_zero()


# Verdicts

CHAIN, LINES, TWO = fv.MLP((2, 3, 2, 1)), fv.MLP((2, 3, 2, 1), "linear"), fv.MLP((2, 3, 2), "linear")
SYMBOLIC = R.DifferenceTargetPropagation()
VERDICTS = [
    (L.feedback_balance, SYMBOLIC, CHAIN, {1: "refuted", 2: "proved"}),
    (L.neuron_feedback_balance, SYMBOLIC, CHAIN, {1: "refuted", 2: "proved"}),
    (L.matrix_feedback_balance, SYMBOLIC, CHAIN, {1: "refuted", 2: "refuted"}),
    (L.balancedness, SYMBOLIC, CHAIN, {1: "refuted", 2: "refuted"}),
    (L.feedback_balance, SYMBOLIC, LINES, {1: "proved", 2: "proved"}),
    (L.matrix_feedback_balance, SYMBOLIC, LINES, {1: "proved", 2: "proved"}),
    (L.balancedness, SYMBOLIC, LINES, {1: "refuted", 2: "refuted"}),
    ("feedback-balance-bias", SYMBOLIC, fv.MLP((2, 2, 2, 1), "linear", bias=True), {1: "proved", 2: "proved"}),
    (L.feedback_balance, SYMBOLIC, fv.MLP((2, 2, 2, 1), "linear", bias=True), {1: "refuted", 2: "refuted"}),
    (L.balancedness, MEAN, CHAIN, {1: "proved", 2: "proved"}),
    (L.neuron_balancedness, MEAN, CHAIN, {1: "proved", 2: "proved"}),
    (L.matrix_balancedness, MEAN, CHAIN, {1: "refuted", 2: "refuted"}),
    (L.matrix_balancedness, MEAN, LINES, {1: "proved", 2: "proved"}),
    (L.feedback_balance, MEAN, CHAIN, {1: "refuted", 2: "refuted"}),
    ("balancedness-bias", MEAN, RELU, {1: "proved", 2: "proved"}),
    (L.balancedness, MEAN, RELU, {1: "refuted", 2: "refuted"}),
    (L.balancedness, MEAN, fv.MLP((1, 2, 1), "tanh"), {1: "refuted"}),
    (L.balancedness, DRAWN, CHAIN, {1: "refuted", 2: "refuted"}),
    (L.neuron_balancedness, DRAWN, LINES, {1: "refuted", 2: "refuted"}),
    (L.matrix_balancedness, DRAWN, LINES, {1: "refuted", 2: "refuted"}),
    (L.feedback_balance, DRAWN, CHAIN, {1: "refuted", 2: "refuted"}),
    ("balancedness-bias", DRAWN, RELU, {1: "refuted", 2: "refuted"}),
    (L.balancedness, EQUILIBRIA, TWO, {1: "refuted"}),
    (L.neuron_balancedness, EQUILIBRIA, TWO, {1: "refuted"}),
    (L.matrix_balancedness, EQUILIBRIA, TWO, {1: "refuted"}),
    (L.feedback_balance, EQUILIBRIA, TWO, {1: "refuted"}),
    (L.volume_balance, EQUILIBRIA, TWO, {1: "refuted"}),
    ("balancedness-bias", EQUILIBRIA, LINEAR, {1: "refuted"}),
]


@pytest.mark.parametrize(("law", "rule", "net", "expected"), VERDICTS)
def test_verdicts_and_their_witnesses(law, rule, net, expected):
    verdict = fv.check(law, rule, net)
    assert {layer: part.kind for layer, part in verdict.layers.items()} == expected
    for part in verdict.layers.values():
        assert not part.note
        assert part.witness is None or part.witness.recheck()


def test_the_scope_is_that_of_back_propagation():
    mean, back = (fv.prove(L.balancedness, rule, CHAIN) for rule in (MEAN, R.BackPropagation()))
    assert mean.scope == back.scope
    assert fv.prove(L.feedback_balance, SYMBOLIC, LINES).scope.parameters == "all values of η"


@pytest.mark.parametrize("name", ["difference-target-propagation", "forward-gradient"])
def test_without_a_network_they_are_refuted_by_name(name):
    assert fv.refute(L.balancedness, name).witness.recheck()


def test_no_proof_of_all_networks():
    verdict = fv.check(L.balancedness, "expected-forward-gradient", budget=0)
    assert verdict.kind == "undecided"
    assert "passes of its own" in verdict.tried[0]


@pytest.mark.parametrize("net", [CHAIN, LINES, fv.MLP((2, 3, 1))])
def test_equilibria_want_two_linear_maps(net):
    with pytest.raises(fv.RuleError, match=r"met \d maps with φ = .*; give it 2 maps and units that are linear"):
        fv.check(L.balancedness, "equilibrium-propagation", net)


class Skipping(fv.Network):
    inputs = outputs = 2

    def shapes(self):
        return {"W1": (2, 2), "W2": (2, 2)}

    def forward(self, w, x):
        return w["W2"] @ fv.phi(w["W1"] @ x) + x


@pytest.mark.parametrize("rule", [SYMBOLIC, DRAWN, MEAN, EQUILIBRIA])
def test_a_network_that_is_no_chain_is_refused(rule):
    with pytest.raises(fv.RuleError, match="no chain"):
        fv.check(L.balancedness, rule, Skipping())


# Mutants: one sign or factor changed


class SwappedDecoders(R.DifferenceTargetPropagation):
    """t_l = a_l − g(t_{l+1}) + g(a_{l+1})."""

    def velocities(self, run, x, error):
        output = run.forward(x)
        target, moves = output.a - self.rate * error(output), {}
        top, *layers = reversed(run.layers)
        for layer, below in zip([top, *layers], [*(k.a for k in layers), x], strict=True):
            if layer is not top:
                target = layer.a - layer.above.B.mT @ target + layer.above.B.mT @ layer.above.a
            moves[layer.name] = -(layer.dphi * (layer.a - target)) @ below.mT
        return moves


class NoLoop(R.EquilibriumPropagation):
    """The motion of W₂ reads s₁ with a factor 0 before W₂ᵀs₂."""

    def velocities(self, run, x, error):
        found = run.forward(x)
        first, last = run.layers
        (s1, s2), (n1, n2) = (self.equilibrium(first, last, found, beta) for beta in (0, self.beta))
        return {"W1": (n1 - s1) @ x.mT / self.beta, "W2": (n2 - s2) @ first.h.mT / self.beta}


class TwiceAbove(R.ExpectedForwardGradient):
    """The last map moves at twice the rate."""

    def velocities(self, run, x, error):
        moves = super().velocities(run, x, error)
        return moves | {run.output.name: 2 * moves[run.output.name]}


class AlongALevel(R.ForwardGradient):
    """The direction is (‖W₂‖² W₁, ‖W₁‖² W₂), along which balancedness does not change."""

    sign = 1

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        first, last = run.layers
        v1, v2 = fv.norm2(last.W) * first.W, self.sign * fv.norm2(first.W) * last.W
        slope = fv.inner(e, v2 @ first.a + last.W @ (first.dphi * (v1 @ x)))
        return {"W1": -slope * v1, "W2": -slope * v2}


class AcrossLevels(AlongALevel):
    sign = -1


class OfAnotherShape(fv.LearningRule):
    def velocities(self, run, x, error):
        run.forward(x)
        return {"W1": run.layers[0].a}


def test_velocities_of_another_shape():
    with pytest.raises(fv.RuleError, match=r"gave 'W1' the shape \(1 × m\); known parameters are"):
        fv.check(L.balancedness, OfAnotherShape(), fv.MLP((2, 1, 1)))


@pytest.mark.parametrize("published", [R.Pepita(), R.ForwardGradient(), R.DifferenceTargetPropagation()])
def test_networks_that_are_no_chain(published):
    with pytest.raises(fv.RuleError, match="met a network that is no chain"):
        fv.check(L.balancedness, published, fv.networks.Residual(1))


@pytest.mark.parametrize(
    ("law", "mutant", "published", "net"),
    [
        (L.feedback_balance, SwappedDecoders(), SYMBOLIC, LINES),
        (L.balancedness, NoLoop(), EQUILIBRIA, TWO),
        (L.balancedness, TwiceAbove(), MEAN, fv.MLP((2, 3, 1))),
        (L.balancedness, AlongALevel(), DRAWN, fv.MLP((2, 2, 1))),
        (L.balancedness, AlongALevel(), AcrossLevels(), fv.MLP((2, 2, 1))),
    ],
)
def test_a_mutant_has_the_other_verdict(law, mutant, published, net):
    verdicts = [fv.check(law, rule, net) for rule in (mutant, published)]
    assert {verdict.kind for verdict in verdicts} == {"proved", "refuted"}
    assert all(verdict.witness.recheck() for verdict in verdicts if verdict.witness)
