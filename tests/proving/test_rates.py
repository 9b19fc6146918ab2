"""What dQ/dt is where a law fails: the kinds by theory, and the text's word checked against numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest

import faverify as fv

L, R = fv.laws, fv.rules
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
LAM = fv.parameter("λ")


@fv.law("½‖W_l‖²")
def size(layer, above):
    return fv.norm2(layer.W) / 2


FOUND = [
    (L.kolen_pollack_difference, R.KolenPollack(LAM), "semi-invariant", "dQ/dt = −λQ, a semi-invariant"),
    (L.kolen_pollack_balance, R.KolenPollack(LAM), "semi-invariant", "dQ/dt = −2λQ, a semi-invariant"),
    (L.kolen_pollack_balance, R.KolenPollack(Fraction(1, 3)), "semi-invariant", "dQ/dt = -2/3 Q, a semi-invariant"),
    (L.balancedness, R.WeightDecay(BP), "semi-invariant", "dQ/dt = −2λQ, a semi-invariant"),
    (L.feedback_balance, R.Momentum(FA), "second-order", "d²Q/dt² + γdQ/dt = ‖V_l‖²"),
    (size, R.Hebbian(), "monotone", "dQ/dt = ‖h_l‖², so Q is monotone"),
    (L.feedback_balance, R.KolenPollack(), "residual", "dQ/dt = ⟨W_{l+1}, δ_{l+1} a_lᵀ⟩"),
    (L.balancedness, FA, "residual", "dQ/dt = −⟨B_{l+1}, δ_{l+1} a_lᵀ⟩ + ⟨W_{l+1}, δ_{l+1} a_lᵀ⟩"),
]


@pytest.mark.parametrize(("law", "rule", "kind", "text"), FOUND, ids=[f"{f[0].name}-{f[2]}" for f in FOUND])
def test_the_finding(law, rule, kind, text):
    verdict = fv.check(law, rule)
    assert isinstance(verdict, fv.Refuted)
    assert (verdict.finding["kind"], verdict.finding["text"]) == (kind, text)
    assert f"finding: {text}" in str(verdict)
    assert fv.Verdict.from_dict(verdict.to_dict()).finding == verdict.finding


def test_a_rate_that_is_found_is_proved():
    for law, rule, kind, _ in FOUND:
        if kind == "semi-invariant":
            from faverify.proving.rates import findings_of

            rate = findings_of(fv.check(law, rule).question)[-1][1].rate
            assert isinstance(fv.check(law, rule, rate=rate), fv.Proved)
            assert isinstance(fv.check(law, rule, rate=2 * rate), fv.Refuted)


def test_a_sum_of_unlike_signs_is_not_monotone():
    false = fv.check(L.balancedness, R.Hebbian())  # ‖h_l‖² − ‖h_{l+1}‖²
    assert false.finding["kind"] == "residual"


def test_a_rate_as_a_law():
    assert isinstance(fv.check(L.momentum_balance(), R.Momentum(FA), rate=L.kinetic), fv.Proved)
    assert isinstance(fv.check(L.momentum_balance(), R.Momentum(FA), rate="kinetic"), fv.Proved)
    wrong = fv.check(L.momentum_balance(), R.Momentum(FA), rate=lambda layer, above: 2 * fv.norm2(layer.V))
    assert isinstance(wrong, fv.Refuted)
    assert wrong.witness.recheck()
    read = fv.Verdict.from_dict(wrong.to_dict()).witness
    with pytest.raises(fv.Misuse, match="pass it"):
        read.recheck()


def test_proofs_and_rates_that_were_asked_for_have_no_finding():
    assert fv.check(L.feedback_balance, FA).finding is None
    assert fv.check(L.momentum_balance(), R.Momentum(FA), rate=L.half_square).finding is None
    assert fv.check(L.balancedness, R.Pepita()).finding is None  # no cut, no rate for all widths
