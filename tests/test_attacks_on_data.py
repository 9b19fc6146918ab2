"""Guards, given data, hypotheses and records, against what once slipped through them."""

from __future__ import annotations

from fractions import Fraction

import pytest

import faverify as fv

from .forgeries import resealed

L, R, MLP = fv.laws, fv.rules, fv.MLP
FA, ONE = R.FeedbackAlignment(), [[1]]
LAM = fv.parameter("λ")


def rule_of(base=fv.LearningRule, **methods):
    def method(function):
        return lambda self, *arguments: function(*arguments)

    return type("Own", (base,), {name: method(function) for name, function in methods.items()})()


BY_TYPE = rule_of(feedback=lambda above: above.B if type(above.W).__name__ == "Word" else above.W)


@pytest.mark.parametrize(
    ("net", "options"),
    [
        (MLP((2, 2, 1)), {}),
        (MLP((1, 1, 1, 1), "linear"), {"layer": 1}),
        (MLP((50, 50, 1), "linear"), {}),
        (None, {"activation": "relu"}),
        (None, {"assume": "cross-entropy"}),
        (None, {"assume": ["scalar-output", "square-maps"]}),
        (None, {"layer": -1}),
    ],
)
def test_letters_are_told_from_numbers_in_no_proof(net, options):
    found = fv.check(L.feedback_balance, BY_TYPE, net, budget=3, **options)
    assert not isinstance(found, fv.Proved)
    assert isinstance(fv.check(L.feedback_balance, FA, net, budget=3, **options), fv.Proved)
    assert found.finding is None  # over letters dQ/dt is 0, which is not what was refuted


def test_a_degree_without_a_polynomial_has_numbers_too():
    law, phi = L.feedback_balance_of_degree(Fraction(1, 2)), fv.homogeneous(Fraction(1, 2))
    assert isinstance(fv.check(law, FA, activation=phi), fv.Proved)
    assert "numbers contradict the letters" in fv.check(law, BY_TYPE, activation=phi, budget=1).tried[0]


def test_a_law_of_every_degree_is_refuted_at_a_degree_that_its_witness_has():
    p = fv.parameter("p")
    law = L.feedback_balance_of_degree(p)
    witness = fv.refute(law, R.BackPropagation(), activation=fv.homogeneous(p)).witness
    assert (witness.activation, witness.parameters["p"]) == ("power-2", 2)
    assert witness.recheck(law=law)


def test_a_proof_survives_points_at_which_it_has_no_value():
    def law(layer, above):
        return fv.total(fv.inverse(above.B @ above.B.mT - fv.identity(above.B)))

    assert isinstance(fv.check(law, FA, budget=1), fv.Proved)


def test_symbols_may_be_negative():
    rule = rule_of(update=lambda layer, below, output: {"V": -LAM * layer.V, "W": -fv.parameter("γ") * layer.W})
    text = fv.check(lambda layer, above: fv.norm2(layer.V) + fv.norm2(layer.W), rule).finding["text"]
    assert text == "dQ/dt = −2γ‖W_l‖² − 2λ‖V_l‖², so Q is monotone where these symbols are positive"


def test_one_trivial_layer_makes_no_trivial_law():
    found = fv.check(L.kolen_pollack_difference, R.Frozen(R.KolenPollack(), (2,)), MLP((2, 2, 2, 1)))
    assert [part.note[:7] for part in found.layers.values()] == ["trivial", ""]
    assert found.note == ""


def test_a_scope_names_the_symbols_of_the_law():
    def scaled(layer, above):
        return LAM * L.feedback_balance(layer, above)

    assert fv.check(scaled, FA, MLP((2, 2, 1))).scope.parameters == "all values of λ"
    assert fv.check(scaled, R.BackPropagation()).scope.parameters.startswith("λ = ")  # those of the witness


def test_a_step_is_told_in_increments():
    found = fv.increment(L.feedback_balance, R.BackPropagation())
    assert "(½‖ΔW_l‖²)" in str(found.witness)
    assert "ΔW_l" in found.derivation.text()


def given(rule, feedback, net=None, **options):
    known = {"weights": [ONE, ONE], "inputs": ONE, "error": ONE} | options
    return fv.refute_at(L.balancedness, rule, net or MLP((1, 1, 1), "linear"), feedback=feedback, **known)


TWICE = [[[2]]]
CONSTANT = rule_of(feedback=lambda above: above.constant("M"))
DRAWN = rule_of(feedback=lambda above: above.draw("M", "weight"))


def equation(right):
    return fv.assumption("an equation")(lambda layer: (layer.W, right))


def test_the_last_hidden_layer_of_given_data_has_its_number():
    found = given(FA, TWICE, layer=-1)
    assert (found.witness.layer, found.witness.recheck()) == (1, True)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: given(FA, TWICE, inputs=[[1, 1]], error=[[1, 1]], assume="batch-size-one"), fv.Misuse, "one sample"),
        (lambda: given(FA, TWICE, targets=[[0]], error=[[5]], assume="squared-loss"), fv.Misuse, "makes of the output"),
        (lambda: given(FA, TWICE, error=None), fv.Misuse, "error"),
        (lambda: given(CONSTANT, {"M2": [[2, 2]]}), fv.ShapeError, "does not conform"),
        (lambda: given(CONSTANT, {"M3": [[2]]}), fv.Misuse, "also M2"),
        (lambda: given(CONSTANT, {"M2": [[2]], "M3": [[2]]}), fv.Misuse, r"\['M3'\]"),
        (lambda: given(DRAWN, {"M2": [[2]]}), fv.Misuse, "as 'M~2'"),
        (lambda: given(FA, TWICE, assume=[equation("a")]), fv.LawError, "has 'a' on its right"),
        (lambda: given(FA, TWICE, assume=[equation(None)]), fv.LawError, "has None on its right"),
    ],
)
def test_given_data_that_do_not_fit(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_given_data_that_fit():
    assert given(CONSTANT, {"M2": [[2]]}).witness.recheck()
    assert given(DRAWN, {"M~2": [[2]]}).witness.recheck()
    made = given(FA, TWICE, targets=[[0]], error=None, assume="squared-loss").witness
    assert made.error.tolist() == [[1]]
    assert made.recheck()


@pytest.mark.parametrize(
    ("build", "kind", "message"),
    [
        (lambda: fv.Assumption("x", None), fv.Misuse, "a string"),
        (lambda: fv.Assumption(3, "x"), fv.Misuse, "a string"),
        (lambda: fv.Assumption("x", "x", arrange=lambda data: 1 / 0), fv.LawError, "raised ZeroDivisionError"),
        (lambda: fv.Assumption("x", "x", arrange=lambda data: data.update(W1=3)), fv.LawError, "x.arrange"),
        (lambda: fv.Assumption("x", "x", arrange=lambda data: data.update(W1=[[0.5]])), fv.LawError, "no exact number"),
    ],
)
def test_hypotheses_that_cannot_be_arranged(build, kind, message):
    with pytest.raises(kind, match=message):
        fv.check(L.balancedness, FA, assume=[build()])


def test_a_loss_may_be_constant():
    found = fv.check(L.balancedness, FA, assume=[fv.Assumption("nothing", "e = 0", error=lambda output: 0)], budget=1)
    assert isinstance(found, fv.Proved | fv.Undecided)


def test_a_loss_of_two_passes():
    assert fv.check(L.feedback_balance, R.Pepita(), MLP((1, 1, 2)), assume="cross-entropy").witness.recheck()


@pytest.mark.parametrize(
    "verdict",
    [
        lambda: fv.check(L.feedback_balance, FA, MLP((1, 1, 1), "tanh"), assume="squared-loss"),
        lambda: fv.check(lambda layer, above: fv.norm2(above.B), R.Pepita(), MLP((5, 6, 5, 1))),
        lambda: fv.increment(L.nothing, R.Pepita(), net=MLP((1, 1, 1))),
    ],
)
def test_derivations_of_balls_and_of_two_passes(verdict):
    found = verdict()
    assert "Scope" in found.derivation.text()
    assert found.derivation.latex()


def test_a_record_has_the_constants_of_its_rule():
    witness = fv.refute(L.kolen_pollack_balance, R.KolenPollack(LAM), rate=LAM).witness
    assert witness.recheck()
    for constants in ({"decay": Fraction(7)}, {}):
        assert not resealed(witness, constants=constants).recheck()
    assert not resealed(fv.refute(L.kolen_pollack_balance, R.KolenPollack(1)).witness, constants={}).recheck()


def test_a_ball_that_is_none():
    assert not resealed(fv.refute(L.feedback_balance, FA, activation="tanh").witness, rate=("x", "0")).recheck()


def test_a_rule_that_reads_the_parameters_of_a_run():
    def velocities(run, x, error):
        run.forward(x)
        return {"W1": run.parameters["W1"] * 0 + 1}

    assert fv.refute(L.balancedness, rule_of(velocities=velocities), MLP((1, 1, 1), "linear")).witness.recheck()
