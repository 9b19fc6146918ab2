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
    s, argument = flow.now, fv.Argument(flow)
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
    s, argument = flow.now, fv.Argument(flow)
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
    s, argument = flow.now, fv.Argument(flow)
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
    assert r"$\displaystyle" in latex
    assert "after 1 step" in module("rk_alignment_false").counterexample_one_large_step().derivation.text()


# What an attack found


def test_a_law_of_feedback_that_moves_does_not_freeze_it():
    law = fv.prove(laws.kolen_pollack_difference, R.KolenPollack())
    argument = fv.Argument()
    (_, above), (_, top) = argument.by_law(law, lambda layer, above: above.W)
    with pytest.raises(fv.DoesNotFollow):
        argument.equal(above.W, top.W, "W − B is constant, W is not")
    argument.equal(above.W - above.B, top.W - top.B, "Kolen–Pollack")


def test_a_fact_belongs_to_its_argument():
    flow = fv.Flow(FA)
    argument, other = fv.Argument(flow), fv.Argument()
    q = fv.norm2(flow.now.W1)
    foreign = other.suppose(-q, "‖W_1‖² ≤ 0")
    for use in (
        lambda: argument.at_least(-q, q * 0, foreign, "no"),
        lambda: argument.square(flow.now.W1) + foreign,
        lambda: argument.square(flow.now.W1) * foreign,
        lambda: argument.never_rises(q, foreign, "no"),
        lambda: argument.decays(q, q * 0, foreign, "no"),
        lambda: argument.at_least(q, q * 0, None, "no"),
    ):
        with pytest.raises(fv.Misuse, match="fact"):
            use()


def test_an_argument_is_about_one_rule():
    argument, balance = fv.Argument(), fv.prove(laws.feedback_balance, FA)
    argument.by_law(balance, lambda layer, above: fv.inner(above.W, above.B))
    other = fv.prove(laws.balancedness, R.BackPropagation())
    with pytest.raises(fv.DoesNotFollow, match="BackPropagation"):
        argument.by_law(other, lambda layer, above: fv.norm2(layer.W))
    argument.equal(fv.letter("u", 1, 1), fv.letter("u", 1, 1), "itself")
    with pytest.raises(fv.DoesNotFollow, match="about"):
        argument.proved("Oja", "anything", balance.scope)


def test_signs_have_no_place_in_an_argument():
    matrix, argument = fv.letter("M", 1, 1), fv.Argument()
    for use in (
        lambda: argument.rate(fv.sign(matrix)),
        lambda: argument.square(fv.sign(matrix)),
        lambda: argument.suppose(fv.logdet(matrix), "log"),
        lambda: argument.equal(fv.inverse(matrix), fv.inverse(matrix), "inverse"),
    ):
        with pytest.raises(fv.Misuse, match="a sign"):
            use()


def test_a_constant_is_no_name_for_what_moves():
    flow = fv.Flow(FA)
    argument, letter = fv.Argument(flow), fv.letter("L", 1, 1)
    with pytest.raises(fv.DoesNotFollow, match="move alike"):
        argument.suppose_equal(letter, fv.norm2(flow.now.e) / 2, "L is the loss")


def test_velocities_are_said_before_anything_else():
    w, argument = fv.letter("w", 1, 1), fv.Argument()
    argument.suppose(w, "w ≥ 0")
    with pytest.raises(fv.Misuse, match="nothing was said"):
        argument.moving(w, -w, "ẇ = −w")
    other = fv.Argument()
    other.moving(w, -w, "ẇ = −w")
    with pytest.raises(fv.DoesNotFollow, match="rate"):
        other.conserved(w, w, "no")
    other.decays(w * w, w * 0 + 2, other.square(w) * 0, "ẇ = −w")
    assert "moves at the rate −w" in str(other)
    with pytest.raises(AttributeError):
        other.moves = {}


def test_all_velocities_are_written():
    flow = fv.Flow(FA)
    argument = fv.Argument(flow)
    argument.equal(flow.now.e, flow.now.e, "itself")
    assert [row["left"] for row in argument.to_dict()["given"]] == ["d/dt W₁", "d/dt W₂", "d/dt e"]
    assert "d/dt e" in str(argument)


def test_a_bound_is_asked_once():
    argument, signs = fv.Argument(), iter([1, -1, 1, -1])
    matrix = fv.letter("W", "n", "m")
    hypothesis = argument.for_all(lambda v: fv.norm2(v) * next(signs), "‖v‖² ≥ 0")
    assert hypothesis(matrix).word.same(argument.given[-1].left)


@pytest.mark.parametrize("options", [{"depth": "2"}, {"depth": 1}, {"outputs": 0}, {"outputs": -2}, {"outputs": ""}])
def test_flows_of_no_network(options):
    with pytest.raises(fv.Misuse):
        fv.Flow(FA, **options)


def test_what_is_no_word_is_refused():
    argument, matrix = fv.Argument(), fv.letter("W", "n", "m")
    for use in (
        lambda: argument.square(3),
        lambda: argument.suppose(3, "three"),
        lambda: argument.conserved(3, 3, ""),
        lambda: argument.suppose_equal(matrix, matrix.mT, "no"),
        lambda: argument.suppose_equal(matrix.inner(matrix) * 0 + 1, matrix.inner(matrix), "a number"),
        lambda: argument.by_law(fv.prove(laws.feedback_balance_bias, FA, bias=True), lambda a, b: fv.norm2(a.W)),
    ):
        with pytest.raises(fv.FaverifyError):
            use()


def test_one_output_is_said():
    for name in ("theorem_how_solution_and_loss_move", "theorem_deep_linear_flows_are_gradient_flows"):
        assert "one output" in getattr(module("rk_theorem_2"), name)().scope.widths


def test_a_flow_with_any_activation_knows_its_slopes_but_not_their_rates():
    flow = fv.Flow(FA, activation="any")
    s = flow.now
    assert flow.first_order({"W2": s.W2}).same(s.f)
    assert flow.moves["e"].same(flow.first_order({name: flow.moves[name] for name in ("W1", "W2")}))
    argument = fv.Argument(flow)
    with pytest.raises(fv.Misuse, match="φ′"):
        argument.rate(fv.norm2(s.dphi1))
    with pytest.raises(fv.Misuse, match="φ′"):
        flow.rate(s.dphi1 @ s.x.mT)
    with pytest.raises(fv.Misuse, match="changes of"):
        flow.first_order({"W3": s.W2})
    with pytest.raises(fv.Misuse, match="'linear' or 'any'"):
        fv.Flow(FA, activation="relu")
    # ½‖W_2‖² is constant for no φ in general: its rate is −⟨W_2, eφᵀ⟩
    assert argument.rate(fv.norm2(s.W2) / 2).same(-fv.inner(s.W2, s.e @ s.phi1.mT))


def test_the_quadratic_form_of_degeneracy_breaking_needs_the_right_ratio():
    """½Σ_k (F_k/v_k)‖ΔW_k‖² + ½‖Δv‖² does not fall at the rate ‖e‖²."""
    flow, argument = fv.Flow(fv.rules.DirectFeedbackAlignment(), activation="any"), fv.Argument()
    s = flow.now
    ratio, rows, top = fv.letter("F/v", 1, "n_1"), fv.letter("ΔW", "n_1", "n_0"), fv.letter("Δv", 1, "n_1")
    argument.suppose_equal(s.F1, s.W2 * ratio, "F/v")
    e = flow.first_order({"W1": rows, "W2": top})
    argument.moving(rows, -(s.dphi1 * (s.F1.mT @ e)) @ s.x.mT, "linearised")
    argument.moving(top, -e @ s.phi1.mT, "linearised")
    form = fv.inner(ratio.mT * rows, rows) / 2 + fv.norm2(top) / 2
    with pytest.raises(fv.DoesNotFollow):
        argument.never_rises(form, argument.square(e), "the wrong ratio")


def test_letters_may_move_by_one_another_and_nothing_said_of_a_constant_is_forgotten():
    a, b = fv.letter("a", 1, "n"), fv.letter("b", 1, "n")
    turning = fv.Argument()
    turning.moving(a, b, "ȧ = b")
    turning.moving(b, -a, "ḃ = −a")
    turning.conserved(fv.norm2(a) + fv.norm2(b), fv.norm2(a), "a rotation")
    held = fv.Argument()
    held.moving(a, b, "ȧ = b")
    held.equal(a + b, b + a, "said of b")
    with pytest.raises(fv.Misuse, match="nothing was said"):
        held.moving(b, -a, "too late")


def test_what_a_law_of_every_layer_is_about_moves_and_how_is_not_told():
    """‖W_l‖² does not stand still along feedback alignment, though no line says how it moves."""
    argument, law = fv.Argument(), fv.prove(laws.feedback_balance, FA)
    (now, above), _ = argument.by_law(law, lambda layer, above: fv.inner(above.W, above.B))
    zero = argument.square(now.W * 0)
    for use in (
        lambda: argument.never_rises(fv.norm2(now.W), zero, "no"),
        lambda: argument.never_rises(-fv.inner(above.W, above.B), zero, "no"),
        lambda: argument.decays(fv.norm2(now.W), fv.norm2(now.W) * 0, zero, "no"),
        lambda: argument.suppose_equal(fv.letter("u", "n", "m"), now.W, "a letter that stands still"),
    ):
        with pytest.raises(fv.Misuse, match="rate"):
            use()
    with pytest.raises(fv.DoesNotFollow, match="the constant moves"):
        argument.decays(fv.norm2(now.B) * 0, fv.norm2(now.W), zero, "no")
    early = fv.Argument()
    early.never_rises(fv.norm2(now.W), early.square(now.W * 0), "a letter that stands still")
    with pytest.raises(fv.Misuse, match="nothing was said yet"):
        early.by_law(law, lambda layer, above: fv.inner(above.W, above.B))


def test_slopes_are_no_constants():
    flow = fv.Flow(FA, activation="any")
    argument, q = fv.Argument(flow), fv.letter("q", 1, 1)
    rate = fv.norm2(flow.now.dphi1)
    argument.moving(q, -rate * q, "q̇ = −‖φ′‖²q")
    with pytest.raises(fv.DoesNotFollow, match="the constant moves"):
        argument.decays(q, rate, argument.square(q * 0), "no")
    with pytest.raises(fv.Misuse, match="nothing was said"):
        argument.moving(flow.now.dphi1, flow.now.dphi1 * 0, "it does not stand still")


def test_what_was_conserved_with_a_constant_keeps_it_constant():
    argument, a, c = fv.Argument(), fv.letter("a", 1, 1), fv.letter("c", 1, 1)
    argument.moving(a, a * 0, "ȧ = 0")
    argument.conserved(c * a, c * a, "a product")
    with pytest.raises(fv.Misuse, match="nothing was said"):
        argument.moving(c, c * 0 + 1, "too late")


def test_the_start_of_a_letter_stands_still():
    argument = fv.Argument()
    with pytest.raises(fv.Misuse, match="at the start"):
        argument.moving(fv.letter("A(0)", 1, 1), fv.letter("B", 1, 1), "no")
