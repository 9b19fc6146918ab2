"""The published rules and the combinators: which laws each keeps, by theory, and that every other one is refuted."""

from __future__ import annotations

import pytest

import faverify as fv

L, R = fv.laws, fv.rules
FA = R.FeedbackAlignment()
KEEPS = {  # what theory says; nothing else of the library holds
    "back-propagation": {"balancedness", "neuron-balancedness"},
    "straight-through": set(),
    "sign-symmetry": {"sign-balance", "neuron-sign-balance"},
    "batchwise-sign-symmetry": set(),
    "fixed-magnitude-sign-symmetry": {"magnitude-balance"},
    "pseudo-inverse-feedback": {"volume-balance"},
    "feedback-alignment": {"feedback-balance", "neuron-feedback-balance"},
    "direct-feedback-alignment": {"direct-feedback-balance", "neuron-direct-feedback-balance"},
    "direct-random-target-projection": set(),
    "pepita": set(),
    "difference-target-propagation": set(),
    "forward-gradient": set(),
    "kolen-pollack": {"kolen-pollack-difference", "kolen-pollack-balance"},
    "direct-kolen-pollack": {"direct-kolen-pollack-difference"},
    "weight-mirror": set(),
    "adaptive-feedback": set(),
    "hebbian": set(),
    "oja": set(),
}


def settled(law, rule, **options):
    try:
        return fv.check(law, rule, **options)
    except fv.ShapeError:
        return fv.check(law, rule, layer=-1, **options)


@pytest.mark.parametrize("name", KEEPS)
def test_a_rule_keeps_its_laws_and_no_other(name):
    laws = [law for key, law in L.LIBRARY.items() if not key.endswith("-bias") and "partner" not in key]  # of a chain
    verdicts = [settled(law, name) for law in laws]
    assert {v.law for v in verdicts if isinstance(v, fv.Proved)} == KEEPS[name]
    assert all(v.witness.recheck() for v in verdicts if v.law not in KEEPS[name])
    assert not any(v.note for v in verdicts)


def test_the_library_is_covered():
    square, of_given_networks = {"inverse-feedback"}, {"equilibrium-propagation", "expected-forward-gradient"}
    assert set(R.LIBRARY) - set(KEEPS) == square | of_given_networks


def test_every_rule_names_its_source():
    assert all("References: " in rule.__doc__ for rule in R.LIBRARY.values())


def test_inverse_feedback_keeps_the_volume_of_square_maps():
    @fv.law("½‖W_l‖² − log|det W_{l+1}|")
    def volume(layer, above):
        return fv.norm2(layer.W) / 2 - fv.logdet(above.W)

    rule = R.InverseFeedback()
    assert isinstance(fv.check(volume, rule, assume="square-maps"), fv.Proved)
    with pytest.raises(fv.ShapeError, match="does not conform with a square"):
        fv.check(volume, rule)
    wrong = fv.check(volume, FA, assume="square-maps")
    assert isinstance(wrong, fv.Refuted)
    assert wrong.witness.recheck()


def test_straight_through_differs_from_back_propagation_by_its_gate():
    assert isinstance(fv.check(L.balancedness, R.StraightThrough(), activation="linear"), fv.Proved)
    assert isinstance(fv.check(L.balancedness, R.StraightThrough(), activation="relu"), fv.Refuted)


@pytest.mark.parametrize("wrap", [R.SampleWeights, R.SignedError, R.Dropout], ids=lambda c: c.__name__)
def test_what_only_changes_the_error_or_drops_neurons_keeps_the_law(wrap):
    assert isinstance(fv.check(L.feedback_balance, wrap(FA)), fv.Proved)
    assert isinstance(fv.check(L.balancedness, wrap(FA)), fv.Refuted)


@pytest.mark.parametrize("wrap", [R.WeightDecay, R.LayerRates, R.Momentum, R.SignDescent], ids=lambda c: c.__name__)
@pytest.mark.parametrize("inner", [FA, R.BackPropagation(), R.KolenPollack()], ids=lambda r: type(r).__name__)
def test_what_changes_the_motion_breaks_it(wrap, inner):
    law = L.balancedness if isinstance(inner, R.BackPropagation) else L.feedback_balance
    verdict = fv.check(law, wrap(inner))
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()


def test_frozen_layers_are_known_by_their_number():
    net = fv.MLP((2, 3, 2, 1))
    first = R.Frozen(FA, (1,))
    everywhere = fv.check(L.feedback_balance, first)
    assert isinstance(everywhere, fv.Refuted)
    assert "asks for the value of L-1" in everywhere.tried[0]
    verdict = fv.check(L.feedback_balance, first, net)
    assert {k: v.kind for k, v in verdict.layers.items()} == {1: "refuted", 2: "proved"}
    both = fv.check(L.feedback_balance, R.Frozen(FA, (1, 2)), net, layer=1)
    assert both.note.startswith("trivial")


def test_rules_wrap_rules():
    twice = R.WeightDecay(R.Dropout(FA))
    assert twice.name == "WeightDecay(Dropout(FeedbackAlignment))"
    lam = fv.parameter("λ")
    assert isinstance(fv.check(L.kolen_pollack_difference, R.KolenPollack(lam), rate=-lam), fv.Proved)
    for wrong in (R.FeedbackAlignment, 3, R.Pepita()):
        with pytest.raises(fv.Misuse, match="a rule with one pass"):
            R.Momentum(wrong)


def test_constants_for_each_layer():
    net = fv.MLP((1, 2, 2, 1))
    numbers = R.LayerRates(FA, [1, 2, 3])

    @fv.law("the law with the rates 1, 2, 3")
    def rated(layer, above):
        rates = (1, 2, 3)
        return rates[above.index - 1] * fv.norm2(layer.W) / 2 - rates[layer.index - 1] * fv.inner(above.W, above.B)

    assert isinstance(fv.check(rated, numbers, net), fv.Proved)
    assert isinstance(fv.check(L.feedback_balance, numbers, net), fv.Refuted)
    assert "λ_{" in fv.check(L.feedback_balance, R.WeightDecay(FA, fv.per_layer("λ"))).finding["text"].replace(
        "λ_l", "λ_{"
    )


def test_named_matrices_have_names_that_no_layer_has():
    class Bad(fv.LearningRule):
        def feedback(self, above):
            return above.constant("W")

    class Shapeless(fv.LearningRule):
        def feedback(self, above):
            return above.draw("M", "wide")

    with pytest.raises(fv.RuleError, match="use letters that no layer has"):
        fv.check(L.balancedness, Bad())
    with pytest.raises(fv.RuleError, match="known are"):
        fv.check(L.balancedness, Shapeless())


def test_a_law_cannot_read_what_is_drawn_anew():
    with pytest.raises(fv.LawError, match="a law reads"):
        fv.check(lambda layer, above: fv.norm2(layer.draw("m")), R.Dropout(FA))


def test_laws_relative_to_the_start():
    @fv.law("W_l − W_l(0)")
    def moved(layer, above):
        return layer.W - layer.start.W

    @fv.law("½‖W_l − W_l(0)‖² − ⟨W_{l+1}, B_{l+1}⟩ + ⟨W_l, W_l(0)⟩")
    def relative(layer, above):
        gap = layer.W - layer.start.W
        return fv.norm2(gap) / 2 - fv.inner(above.W, above.B) + fv.inner(layer.W, layer.start.W)

    assert isinstance(fv.check(relative, FA), fv.Proved)
    refuted = fv.check(moved, FA)
    assert isinstance(refuted, fv.Refuted)
    assert refuted.witness.recheck()
    with pytest.raises(fv.LawError, match="at the start a law reads"):
        fv.check(lambda layer, above: fv.norm2(layer.start.h), FA)
