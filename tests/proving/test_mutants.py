"""Every proved law has a mutant, with one sign, index or factor changed, that is refuted."""

from __future__ import annotations

import pytest

import faverify as fv

L, R = fv.laws, fv.rules
FA, BP, DFA, KP = R.FeedbackAlignment(), R.BackPropagation(), R.DirectFeedbackAlignment(), R.KolenPollack()
LINEAR = {"activation": "linear"}
BIASED = {"bias": True}
LAST = {"layer": -1}

PROVED = {
    "feedback-balance": (FA, {}),
    "neuron-feedback-balance": (FA, {}),
    "matrix-feedback-balance": (FA, LINEAR),
    "feedback-balance-bias": (FA, BIASED),
    "neuron-feedback-balance-bias": (FA, BIASED),
    "matrix-feedback-balance-bias": (FA, LINEAR | BIASED),
    "direct-feedback-balance": (DFA, LAST),
    "neuron-direct-feedback-balance": (DFA, LAST),
    "matrix-direct-feedback-balance": (DFA, LAST | LINEAR),
    "balancedness": (BP, {}),
    "neuron-balancedness": (BP, {}),
    "matrix-balancedness": (BP, LINEAR),
    "balancedness-bias": (BP, BIASED),
    "neuron-balancedness-bias": (BP, BIASED),
    "matrix-balancedness-bias": (BP, LINEAR | BIASED),
    "kolen-pollack-difference": (KP, {}),
    "kolen-pollack-balance": (KP, {}),
    "kolen-pollack-balance-bias": (KP, BIASED),
    "direct-kolen-pollack-difference": (R.DirectKolenPollack(), LAST),
    "sign-balance": (R.SignSymmetry(), {}),
    "neuron-sign-balance": (R.SignSymmetry(), {}),
    "magnitude-balance": (R.FixedMagnitudeSignSymmetry(), {}),
    "volume-balance": (R.PseudoInverseFeedback(), {}),
}


class Doubled:
    """A layer whose W reads as 2W, so that one factor of a law is changed."""

    def __init__(self, layer):
        self.layer = layer

    def __getattr__(self, name):
        return 2 * self.layer.W if name == "W" else getattr(self.layer, name)


def factor(law):
    if law.name.startswith(("kolen-pollack-balance", "volume")):  # a factor of the other W is not there, or is nothing
        return lambda layer, above: law.formula(Doubled(layer), above)
    return lambda layer, above: law.formula(layer, Doubled(above))


def plus_square(law):
    return lambda layer, above: law.formula(layer, above) + fv.norm2(above.W)


def test_the_table_is_the_library():
    assert set(PROVED) == set(L.LIBRARY)


@pytest.mark.parametrize("name", PROVED)
def test_the_law_is_proved(name):
    rule, options = PROVED[name]
    assert isinstance(fv.check(name, rule, **options), fv.Proved)


@pytest.mark.parametrize("mutate", [factor, plus_square])
@pytest.mark.parametrize("name", PROVED)
def test_a_changed_factor_or_term_is_refuted(name, mutate):
    rule, options = PROVED[name]
    verdict = fv.check(mutate(L.LIBRARY[name]), rule, **options)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()


class WrongSign(R.FeedbackAlignment):
    def error(self, layer, above, output):
        return -layer.dphi * (above.B.mT @ above.delta)


class WrongIndex(R.FeedbackAlignment):
    def update(self, layer, below, output):
        return (
            {"W": -layer.delta @ below.a.mT, "b": -fv.sum_samples(layer.delta)} if layer is output else {"W": layer.W}
        )


class NoGate(R.FeedbackAlignment):
    def error(self, layer, above, output):
        return above.B.mT @ above.delta


@pytest.mark.parametrize("rule", [WrongSign, WrongIndex])
def test_a_changed_rule_is_refuted(rule):
    verdict = fv.check(L.feedback_balance, rule())
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()


def test_a_forgotten_gate_is_refuted_where_there_is_one():
    assert isinstance(fv.check(L.feedback_balance, NoGate(), activation="linear"), fv.Proved)
    assert isinstance(fv.check(L.feedback_balance, NoGate(), activation="relu"), fv.Refuted)


def test_semi_invariants_and_their_mutants():
    lam = fv.parameter("λ")
    rule = R.KolenPollack(decay=lam)
    assert isinstance(fv.check(L.kolen_pollack_difference, rule, rate=-lam), fv.Proved)
    assert isinstance(fv.check(L.kolen_pollack_balance, rule, rate=-2 * lam), fv.Proved)
    for law, rate in ((L.kolen_pollack_difference, lam), (L.kolen_pollack_balance, -lam), (L.kolen_pollack_balance, 0)):
        verdict = fv.check(law, rule, rate=rate)
        assert isinstance(verdict, fv.Refuted)
        assert verdict.witness.recheck()
