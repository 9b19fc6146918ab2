"""One step of training: identities proved for all widths, and checked against steps computed with Fractions."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

import faverify as fv
from faverify.kernel.passes import Run
from faverify.kernel.states import State, value_of
from faverify.proving.rings import Assignment, Rationals

L, R = fv.laws, fv.rules
FA = R.FeedbackAlignment()
PROVED = [
    (L.feedback_balance, FA, L.half_square, {}),
    (L.neuron_feedback_balance, FA, L.neuron_half_square, {}),
    (L.matrix_feedback_balance, FA, L.matrix_square, {"activation": "linear"}),
    (L.feedback_balance_bias, FA, L.half_square_bias, {"bias": True}),
    (L.balancedness, R.BackPropagation(), L.half_square_difference, {}),
    (L.kolen_pollack_difference, R.KolenPollack(), L.nothing, {}),
    (L.kolen_pollack_balance, R.KolenPollack(), L.half_square_feedback_difference, {}),
    (L.direct_feedback_balance, R.DirectFeedbackAlignment(), L.half_square, {"layer": -1}),
]
IDS = [law.name for law, *_ in PROVED]


@pytest.mark.parametrize(("law", "rule", "gain", "options"), PROVED, ids=IDS)
def test_the_gain_is_proved_and_found_unasked(law, rule, gain, options):
    verdict = fv.increment(law, rule, gain, **options)
    assert isinstance(verdict, fv.Proved)
    assert verdict.scope.time == "one step θ + Δθ, of any size"
    assert fv.increment(law, rule, **options).statement == verdict.statement


@pytest.mark.parametrize(("law", "rule", "gain", "options"), PROVED, ids=IDS)
def test_a_wrong_gain_is_refuted(law, rule, gain, options):
    doubled = lambda layer, above: 2 * gain.formula(layer, above) + fv.norm2(above.W)  # noqa: E731
    verdict = fv.increment(law, rule, doubled, **options)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.step
    assert verdict.witness.recheck()


@pytest.mark.parametrize("seed", range(5))
def test_steps_in_fractions_agree(seed):
    """Q after a step of any size, computed with numbers, has gained ½‖ΔW_l‖²."""
    rng, net = random.Random(seed), fv.MLP((2, 3, 2, 2), "relu")
    data = {}

    def values(carrier):
        run = Run(net, carrier, 3)
        return run, run.velocities(FA)

    run, moves = values(Assignment(Rationals(), data, lambda name: Fraction(rng.randint(-5, 5), rng.randint(1, 3))))
    eta = Fraction(rng.randint(1, 9), 4)
    before = [value_of(L.feedback_balance, run, State(layer)).data[0][0] for layer in run.layers[:-1]]
    for name, rate in moves.items():
        data[name] = [
            [w + eta * v for w, v in zip(*rows, strict=True)] for rows in zip(data[name], rate.data, strict=True)
        ]
    later, _ = values(Assignment(Rationals(), data))
    for k, layer in enumerate(later.layers[:-1]):
        gained = value_of(L.feedback_balance, later, State(layer)).data[0][0] - before[k]
        assert gained == sum((eta * v) ** 2 for v in moves[f"W{k + 1}"].entries()) / 2


def test_a_law_that_is_not_conserved_has_a_first_order():
    verdict = fv.increment(L.balancedness, FA)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()


def test_signs_and_logarithms_are_no_polynomials():
    for law, rule in ((L.sign_balance, R.SignSymmetry()), (L.volume_balance, R.PseudoInverseFeedback())):
        verdict = fv.increment(law, rule, budget=1)
        assert not isinstance(verdict, fv.Proved)
        assert "which is no polynomial" in str(verdict.tried)


def test_decay_takes_its_share():
    lam = fv.parameter("λ")
    rule = R.KolenPollack(lam)
    assert isinstance(fv.increment(L.kolen_pollack_difference, rule, L.nothing, rate=-lam), fv.Proved)
    assert isinstance(fv.increment(L.kolen_pollack_difference, rule, L.nothing), fv.Refuted)


def test_given_networks_have_the_same_identity():
    net = fv.MLP((2, 3, 1), "relu")
    assert isinstance(fv.increment(L.feedback_balance, FA, L.half_square, net), fv.Proved)
    wrong = fv.increment(L.feedback_balance, FA, L.matrix_square, net)
    assert isinstance(wrong, fv.Refuted)
    assert wrong.witness.recheck()


def test_its_derivation_has_both_orders():
    text = fv.increment(L.feedback_balance, FA, layer=-1).derivation.text()
    assert "ΔQ, first order = 0    [equal terms cancel]" in text
    assert "Q(θ + Δθ) − Q(θ) = ½‖ΔW_{L-1}‖²" in text
    wrong = fv.increment(L.feedback_balance, FA, L.nothing).derivation.text()
    assert "Q(θ + Δθ)" in wrong
