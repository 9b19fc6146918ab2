"""Hypotheses: with each a law is proved, without it the same law is refuted; witnesses satisfy them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

import faverify as fv

L, R = fv.laws, fv.rules
FA, DFA = R.FeedbackAlignment(), R.DirectFeedbackAlignment()


@fv.law("1ᵀ W_{l+1}")
def column_sums(layer, above):
    return fv.sum_samples(above.W.mT)


@fv.law("½‖W_l‖² − Σ W_{l+1}")
def sum_balance(layer, above):
    return fv.norm2(layer.W) / 2 - fv.total(above.W)


@fv.law("½‖W_l‖² − ⟨B_{l+1}B_{l+1}ᵀB_{l+1}, W_{l+1}⟩")
def cubic_balance(layer, above):
    return fv.norm2(layer.W) / 2 - fv.inner(above.B @ above.B.mT @ above.B, above.W)


@fv.law("W_lW_lᵀ − B_{l+1}ᵀW_{l+1} − W_{l+1}ᵀB_{l+1}, B_{l+1} = G_{l+1}ᵀF_l")
def direct_matrix(layer, above):
    B = above.constant("G", "direct").mT @ layer.F
    return layer.W @ layer.W.mT - B.mT @ above.W - above.W.mT @ B


class SquaredFeedback(fv.LearningRule):
    """The feedback B Bᵀ B is B where B has orthonormal rows."""

    def feedback(self, above):
        return above.B


class Summed(R.FeedbackAlignment):
    """The last map moves by a factor that is 1 for one output: (Σ_is e_is)² is ‖e 1‖² there."""

    def update(self, layer, below, output):
        e = output.delta
        factor = 1 + fv.total(e) ** 2 - fv.norm2(fv.sum_samples(e))
        return {"W": -layer.delta @ below.a.mT * factor} if layer is output else {}


WITH = {
    "cross-entropy": (column_sums, FA, {"layer": -1}),
    "positive-weights": (sum_balance, R.SignSymmetry(), {}),
    "orthonormal-feedback": (cubic_balance, SquaredFeedback(), {}),
    "scalar-output": (L.feedback_balance, Summed(), {}),
    "right-inverse": (direct_matrix, DFA, {"activation": "linear"}),
}


@pytest.mark.parametrize("name", WITH)
def test_a_hypothesis_is_used_printed_and_needed(name):
    law, rule, options = WITH[name]
    proved = fv.check(law, rule, assume=name, **options)
    assert isinstance(proved, fv.Proved)
    assert proved.scope.assumptions == fv.assumptions.LIBRARY[name].statement
    refuted = fv.check(law, rule, **options)
    assert isinstance(refuted, fv.Refuted)
    assert refuted.witness.recheck()
    assert refuted.scope.assumptions == "none"


@pytest.mark.parametrize("name", WITH)
def test_a_witness_under_a_hypothesis_satisfies_it(name):
    law, rule, options = WITH[name]
    options = options | ({"layer": -1} if name != "right-inverse" else {})
    false = replace(law, formula=lambda layer, above: law.formula(layer, above) + fv.norm2(above.W))
    refuted = fv.check(false, rule, assume=name, **options)
    assert isinstance(refuted, fv.Refuted)
    witness = refuted.witness
    assert witness.recheck()
    assert witness.assume == (name,)
    if name == "cross-entropy":
        assert all(sum(column) == 0 for column in zip(*witness.error.tolist(), strict=True))
        altered = [[Fraction(1)] * len(row) for row in witness.error.tolist()]
        outside = replace(witness, error=type(witness.error)(witness.error.shape, dtype=object))
        outside.error[:] = altered
        assert not outside.recheck()


def test_a_stated_loss_an_output_a_batch():
    every = ("squared-loss", "batch-size-one", "scalar-output")
    verdict = fv.check(L.feedback_balance, FA, assume=every)
    assert isinstance(verdict, fv.Proved)
    assert verdict.scope.batch == "one sample"
    assert "e = f − y" in verdict.scope.loss
    refuted = fv.check(L.balancedness, FA, assume=every)
    assert refuted.witness.inputs.shape[1] == refuted.witness.widths[-1] == 1
    assert refuted.witness.targets is not None
    assert refuted.witness.recheck()


def test_the_loss_matters_where_the_law_knows_of_it():
    """Targets that are reached move no last layer, under the stated loss alone."""

    @fv.assumption("y = f: the targets are reached")
    def reached(output):
        return output.target, output.h

    @fv.law("W_{l+1}")
    def last(layer, above):
        return above.W

    rule = R.FeedbackAlignment()
    both = fv.check(last, rule, layer=-1, assume=["squared-loss", reached], budget=1)
    assert isinstance(both, fv.Proved)
    assert isinstance(fv.check(last, rule, layer=-1, assume=["squared-loss"]), fv.Refuted)
    assert not isinstance(fv.check(last, rule, layer=-1, assume=[reached], budget=1), fv.Proved)


def test_equations_of_ones_own():
    @fv.assumption("B_{l+1} = W_{l+1}, at this time")
    def symmetric(above):
        return above.B, above.W

    verdict = fv.check(L.balancedness, FA, assume=[symmetric], budget=2)
    assert isinstance(verdict, fv.Proved)
    assert "at this time" in verdict.scope.assumptions


def test_a_hypothesis_for_one_rule_proves_nothing_false():
    """1ᵀe = 0 says nothing of e 1, of Wᵀe, or of the squares of e."""
    for false in (
        lambda layer, above: fv.sum_samples(above.W),
        lambda layer, above: fv.sum_samples((above.W * above.W).mT),
        lambda layer, above: fv.sum_samples((layer.constant("M", "direct").mT @ above.W).mT),
    ):
        verdict = fv.check(false, FA, layer=-1, assume="cross-entropy", budget=5)
        assert not isinstance(verdict, fv.Proved)


def test_misuse_of_hypotheses():
    for wrong, message in (
        (["squard-loss"], "did you mean 'squared-loss'"),
        ([3], "names among"),
        (5, "a list of names"),
    ):
        with pytest.raises(fv.FaverifyError, match=message):
            fv.check(L.feedback_balance, FA, assume=wrong)
    with pytest.raises(fv.Misuse, match="arguments named among"):
        fv.assumption("x = 0")(lambda x: (x, 0))
    with pytest.raises(fv.Misuse, match="arguments named among"):
        fv.Assumption("by hand", "x = 0", equations=lambda x: (x, 0))
    with pytest.raises(fv.Misuse, match="a string"):
        fv.assumption(lambda above: (above.B, 0))
    with pytest.raises(fv.Misuse, match="n_L = 1"):
        fv.check(L.feedback_balance, FA, fv.MLP((2, 2, 2)), assume="scalar-output")
    with pytest.raises(fv.UnsupportedOperation, match="an equation with a sum"):
        fv.check(L.balancedness, FA, assume=[fv.assumption("B + W = 0")(lambda above: (above.B + above.W, 0))])

    @fv.assumption("B_{l+1} = W_{l+1} = B_{l+1}")
    def circle(above):
        return [(above.B, above.W), (above.W, above.B)]

    stuck = fv.check(L.balancedness, FA, assume=[circle], budget=1)
    assert not isinstance(stuck, fv.Refuted)
    assert "run in circles" in str(stuck.tried)
