"""The branches of check and of the search that no law of the library takes."""

from __future__ import annotations

from fractions import Fraction

import pytest

import faverify as fv
from faverify.kernel.words import letter
from faverify.proving import check, search

LAW, FA = fv.laws.feedback_balance, fv.rules.FeedbackAlignment


class Normalised(FA):
    """Divides by a quantity that vanishes at some points: words have no quotient, numbers do."""

    def update(self, layer, below, output):
        return {"W": -layer.delta @ below.a.mT / fv.norm2(layer.delta - 1)}


def test_a_quotient_is_refuted_by_numbers():
    verdict = fv.check(LAW, Normalised(), budget=10)
    assert isinstance(verdict, fv.Refuted)
    assert "asks for a quotient" in verdict.tried[0]
    assert verdict.witness.recheck()


def test_a_contradicted_proof_is_withheld(monkeypatch):
    monkeypatch.setattr(search, "contradicted", lambda question, layers: search.CONTRADICTED)
    verdict = fv.check(LAW, FA(), budget=0)
    assert isinstance(verdict, fv.Undecided)
    assert "numbers contradict the letters" in verdict.tried[0]


class FailsInNumbers(FA):
    def feedback(self, above):
        return above.B * (1 if type(above.index) is not int else 1 / (above.index - above.index))


def test_code_that_fails_only_in_numbers_is_not_proved():
    assert isinstance(fv.check(LAW, FailsInNumbers(), budget=1), fv.Undecided)


def test_an_interrupted_search_keeps_what_is_known(monkeypatch):
    def interrupted(question, deadline):
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "search", interrupted)
    verdict = fv.check(fv.laws.direct_feedback_balance, fv.rules.DirectFeedbackAlignment(), fv.MLP((1, 1, 1, 1)))
    assert isinstance(verdict, fv.Undecided)
    assert verdict.layers[2].kind == "proved"
    assert "witness search: interrupted" in verdict.tried


def test_a_residual_too_large_to_expand_is_named(monkeypatch):
    monkeypatch.setattr(check, "EXPANSION_LIMIT", 1)
    verdict = fv.check(fv.laws.balancedness, FA(), fv.MLP((2, 2, 1)))
    assert any("monomials, more than 1" in reason for reason in verdict.tried)


def test_the_target_is_a_letter_and_a_datum():
    class Targets(FA):
        """Direct random target projection: the target in place of the error."""

        def error(self, layer, above, output):
            return layer.dphi * (layer.F.mT @ output.target)

    verdict = fv.check(fv.laws.direct_feedback_balance, Targets(), layer=-1)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.targets is not None
    assert verdict.witness.recheck()
    assert "y = " in str(verdict)


def test_whole_numbers_stand_for_constant_matrices():
    class Frozen(FA):
        def update(self, layer, below, output):
            return {"W": 0}

    assert fv.check(fv.laws.balancedness, Frozen()).note.startswith("trivial")


def test_widths_cannot_be_shifted():
    class Shifting(FA):
        def feedback(self, above):
            return above.B * (above.W.shape[0] + 1 > 0)

    verdict = fv.check(LAW, Shifting(), budget=0)
    assert isinstance(verdict, fv.Undecided)
    assert "the value of n_{L}" in verdict.tried[0]


def test_every_zero_is_the_rate_0():
    assert fv.check(LAW, FA(), rate=Fraction(0)).statement == fv.check(LAW, FA()).statement


def test_a_rate_must_be_a_constant():
    with pytest.raises(fv.Misuse, match="a constant made of"):
        fv.check(LAW, FA(), rate=fv.parameter("λ") + letter("Z", "n", 1))
