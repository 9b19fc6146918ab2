"""Arguments assemble if every line follows, and only then."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path

import pytest

import faverify as fv
from faverify import laws
from faverify import rules as R

FA = R.FeedbackAlignment()
PROOFS = Path(__file__).parents[2] / "proofs"


def module(name):
    spec = importlib.util.spec_from_file_location(name, PROOFS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_root_of_two_cannot_be_improved():
    alignment = module("rk_alignment")
    assert alignment.below(2).kind == "proved"
    for factor in (Fraction(9, 4), Fraction(201, 100), 3):
        with pytest.raises(fv.DoesNotFollow):
            alignment.below(factor)


@pytest.mark.parametrize("wrong", [1, Fraction(3, 2), 3])
def test_the_loss_identity_has_one_coefficient(wrong):
    flow = fv.Flow(FA)
    s, argument = flow.now, fv.Argument(flow.moves)
    g, alpha = -s.x @ s.e.mT, fv.inner(s.W2, s.B2)
    rate = -alpha * fv.norm2(g) - fv.norm2(s.W1 @ g)
    argument.equal(flow.rate(fv.norm2(s.e)), rate * 2, "right")
    with pytest.raises(fv.DoesNotFollow):
        argument.equal(flow.rate(fv.norm2(s.e)), rate * wrong, "wrong")


def test_facts_are_not_made_by_hand():
    one = fv.norm2(fv.letter("W", "n", "m"))
    with pytest.raises(fv.Misuse, match="by hand"):
        fv.Fact(object(), one, True, frozenset())
    argument = fv.Argument()
    with pytest.raises(fv.Misuse, match="0 or more"):
        argument.square(fv.letter("W", "n", "m")) * -1
    with pytest.raises(fv.Misuse, match="a number"):
        argument.suppose(fv.letter("W", "n", "m"), "W ≥ 0")


def test_what_is_not_a_fact_bounds_nothing():
    argument = fv.Argument()
    u, v = fv.letter("u", "n", 1), fv.letter("v", "n", 1)
    inner, squares = fv.inner(u, v), fv.norm2(u) + fv.norm2(v)
    argument.at_least(squares, 2 * inner, argument.square(u - v), "(u − v)² ≥ 0")
    with pytest.raises(fv.DoesNotFollow):
        argument.at_least(squares, 3 * inner, argument.square(u - v), "too much")
    with pytest.raises(fv.DoesNotFollow):
        argument.at_least(inner, inner * 0, argument.square(u), "of no sign")


def test_only_constants_are_conserved():
    flow = fv.Flow(FA)
    s, argument = flow.now, fv.Argument(flow.moves)
    balance = fv.norm2(s.W1) / 2 - fv.inner(s.W2, s.B2)
    argument.conserved(balance, fv.norm2(s.W1), "Theorem 1")
    begun = fv.norm2(flow.start.W1) / 2 - fv.inner(flow.start.W2, s.B2)
    argument.equal(balance, begun, "Theorem 1")
    with pytest.raises(fv.DoesNotFollow, match="rate"):
        argument.conserved(fv.norm2(s.W1), fv.norm2(s.W1), "not so")
    with pytest.raises(fv.Misuse, match="no term"):
        argument.conserved(balance, fv.norm2(s.B2), "not in it")


def test_a_law_must_be_proved_of_every_layer():
    def term(layer, above):
        return fv.inner(above.W, above.B)

    for verdict in (
        fv.check(laws.feedback_balance, FA, fv.MLP((2, 2, 1))),
        fv.check(laws.feedback_balance, R.BackPropagation(), fv.MLP((2, 2, 1))),
        fv.increment(laws.feedback_balance, FA, laws.half_square),
        "proved",
    ):
        with pytest.raises(fv.DoesNotFollow, match="not proved"):
            fv.Argument().by_law(verdict, term)


def test_a_rate_needs_its_hypotheses():
    """Without α ≥ a no multiple of ‖e‖² is known to be lost; with twice the rate nothing assembles."""
    flow = fv.Flow(FA)
    s, argument = flow.now, fv.Argument(flow.moves)
    g, a = -s.x @ s.e.mT, fv.letter("a", 1, 1)
    bound = argument.suppose(fv.inner(s.W2, s.B2) - a, "α ≥ a")
    positive = argument.suppose(a, "a > 0", strict=True)
    gram = argument.for_all(lambda v: fv.norm2(s.x @ v.mT) - fv.norm2(v), "λ_min ≥ 1")
    falls = (bound * argument.square(g) + argument.square(s.W1 @ g) + positive * gram(s.e)) * 2
    argument.decays(fv.norm2(s.e), a * 2, falls, "right")
    for constant in (a, a * 3):
        with pytest.raises(fv.DoesNotFollow):
            argument.decays(fv.norm2(s.e), constant, falls, "wrong")
    with pytest.raises(fv.DoesNotFollow, match="moves"):
        argument.decays(fv.norm2(s.e), fv.inner(s.W2, s.B2), falls, "α is no constant")


def test_cancelling_needs_the_case_where_the_factor_vanishes():
    """From u · z ≥ 0 and u ≥ 0 follows z ≥ 0 only if z ≥ 0 where u = 0."""
    argument = fv.Argument()
    u, z = fv.letter("u", 1, 1), fv.letter("z", 1, 1)
    factor, product = argument.suppose(u, "u ≥ 0"), argument.suppose(u * z, "u z ≥ 0")
    square = argument.square(u)
    with pytest.raises(fv.DoesNotFollow, match="vanishes"):
        argument.cancelled(product, factor, z, 1, square, "no")
    other = argument.suppose(z + u, "z + u ≥ 0")
    assert argument.cancelled(product, factor, z, 1, other, "yes").word.same(z)


def test_a_verdict_prints_its_lines_and_hypotheses():
    verdict = module("rk_alignment").below(2)
    text = str(verdict)
    assert "PROVED" in text
    assert "W_{l+1}(0) = B_{l+1}" in verdict.scope.assumptions
    assert "‖W_l(0)‖² < 2 ‖B_{l+1}‖²" in text
    record = verdict.to_dict()
    assert record["witness"]["kind"] == "argument"
    assert len(record["witness"]["lines"]) == len(verdict.witness.lines)
    again = fv.Verdict.from_dict(record)
    assert again.statement == verdict.statement


def test_nothing_shown_is_nothing_proved():
    with pytest.raises(fv.DoesNotFollow, match="nothing"):
        fv.Argument().proved("FA", "anything", fv.Scope(*["all"] * 8))


def test_derivations_of_arguments_and_closed_forms():
    verdict = module("rk_alignment").below(2)
    text, latex = verdict.derivation.text(), verdict.derivation.latex()
    assert "W_{l+1}(0) = B_{l+1}" in text
    assert r"\begin{align*}" in latex
    assert "after 1 step" in module("rk_alignment_false").counterexample_one_large_step().derivation.text()
