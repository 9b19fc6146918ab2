"""Verdicts that were wrong or unreadable once: hypotheses, names, guards, witnesses, rechecks, findings, texts."""

from __future__ import annotations

import itertools
import json
import math
import random
from fractions import Fraction

import pytest

import faverify as fv
from faverify.proving.witnesses import witness_from

from .forgeries import resealed

L, R, MLP = fv.laws, fv.rules, fv.MLP
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
ONE, LAMBDA = [[1]], fv.parameter("λ")
LINE = {"weights": [ONE, ONE], "feedback": [ONE], "inputs": ONE, "error": ONE}
column_sums = fv.law("1ᵀ W_{l+1}")(lambda layer, above: fv.sum_samples(above.W.mT))
entries = fv.law("Σ W_l")(lambda layer, above: fv.total(layer.W))
constant_balance = fv.law("½‖W_l‖² − ⟨W_{l+1}, M_{l+1}⟩")(
    lambda layer, above: fv.norm2(layer.W) / 2 - fv.inner(above.W, above.constant("M"))
)


def rule_of(base=fv.LearningRule, **methods):
    """A rule with these methods, which are functions of all that follows `self`."""
    return type("Own", (base,), {name: staticmethod(method) for name, method in methods.items()})()


CONSTANT = rule_of(feedback=lambda above: above.constant("M"))
DRAWN = rule_of(feedback=lambda above: above.draw("M", "weight"))
BY_TYPE = rule_of(feedback=lambda above: above.B if type(above.W).__name__ == "Word" else above.W)


def given(law, rule, phi="linear", **change):
    """The refutation at widths 1-1-1, where every number is 1 but those that change."""
    return fv.refute_at(law, rule, MLP((1, 1, 1), phi), **{**LINE, **change})


def read_back(verdict):
    """The witness as a file has it, with no object of this run."""
    return fv.Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))).witness


def rechecked(verdict, **subjects):
    """The witness, which survives its recheck before and after it was written to a file, and not with another rate."""
    assert isinstance(verdict, fv.Refuted)
    witness = verdict.witness
    assert witness.recheck()
    assert read_back(verdict).recheck(**subjects)
    other = 2 * witness.rate if isinstance(witness.rate, Fraction) else (str(2 * float(witness.rate[0])), "0")
    assert not resealed(witness, rate=other).recheck()
    return witness


# Hypotheses


def test_a_hypothesis_about_the_error_speaks_of_e_and_not_of_what_the_rule_makes_of_it():
    asked = {"layer": -1, "assume": "cross-entropy"}
    assert isinstance(fv.check(column_sums, R.SampleWeights(FA), **asked), fv.Proved)  # Σ_i c_s e_is = 0 as well
    signed = fv.check(column_sums, R.SignedError(FA), **asked)
    assert not rechecked(signed, law=column_sums, rule=R.SignedError(FA)).error.sum(axis=0).any()
    data = LINE | {"weights": [ONE, ONE * 3], "feedback": [ONE * 3], "error": [[2], [-1], [-1]]}  # signs sum to −1
    found = fv.refute_at(column_sums, R.SignedError(FA), MLP((1, 1, 3), "linear"), assume="cross-entropy", **data)
    assert found.witness.rate == 1


def test_a_stated_loss_gives_e_whatever_the_rule_and_the_activation_are():
    signed = fv.check(column_sums, R.SignedError(FA), MLP((1, 1, 2), "linear"), layer=1, assume="squared-loss")
    found = rechecked(signed, law=column_sums, rule=R.SignedError(FA))
    assert (found.weights[1] @ found.weights[0] @ found.inputs - found.targets == found.error).all()
    found = rechecked(fv.check(L.feedback_balance, FA, MLP((1, 1, 1), "tanh"), assume="squared-loss"))
    first, second, x, y = (float(m[0, 0]) for m in (*found.weights, found.inputs, found.targets))
    assert float(found.error[0, 0][0]) == pytest.approx(second * math.tanh(first * x) - y)


def test_the_sides_of_an_equation_have_one_shape():
    scale = lambda out: fv.total(out.delta) - fv.total(out.target)  # noqa: E731
    rule = rule_of(update=lambda la, below, out: {"W": scale(out) * la.W})
    broadcast = fv.assumption("Σ e = y_is")(lambda output: (fv.total(output.delta), output.target))
    for net in (None, MLP((1, 1, 2), "linear")):  # Σ e = y_is for all i makes Σ y twice Σ e, and W_l moves
        with pytest.raises(fv.ShapeError, match="its sides must have one shape"):
            fv.check(entries, rule, net, assume=[broadcast])


def test_what_is_no_equation_is_told():
    for equations in (
        lambda layer: None, lambda layer: 1, lambda layer: "ab", lambda layer: (1, 2), lambda layer: (0, layer.W),
        lambda layer: layer.W, lambda layer: (layer.W,) * 3, lambda layer: ((layer.W, 1), (layer.B, 1)),
        lambda layer: (pair for pair in [(layer.W, 1)]), lambda layer: [None],
    ):  # fmt: skip
        wrong = [fv.assumption("x = 0")(equations)]
        for net in (None, MLP((1, 1, 1))):
            with pytest.raises(fv.LawError, match="return pairs of matrices"):
                fv.check(L.feedback_balance, BP, net, assume=wrong)
        with pytest.raises(fv.LawError, match="return pairs of matrices"):
            given(L.balancedness, FA, feedback=[[[2]]], assume=wrong)
    for equations, kind, message in (
        (lambda layer: (layer.W - layer.W, 1), fv.UnsupportedOperation, "one product"),
        (lambda layer: (layer.W * 0 + LAMBDA, 1), fv.UnsupportedOperation, "one product"),  # for all widths, n m λ
        (lambda layer: (layer.W, "a"), fv.ExactnessError, "not an exact number"),
        (lambda layer: (layer.W, 0.5), fv.ExactnessError, "not an exact number"),
        (lambda layer: (layer.W, 1 / 0), fv.FaverifyError, "raised ZeroDivisionError"),
    ):
        with pytest.raises(kind, match=message):
            fv.check(L.feedback_balance, BP, assume=[fv.assumption("x = 0")(equations)])


def test_hypotheses_that_are_none():
    for change in ({"samples": 2}, {"samples": 0}, {"error": 3}, {"equations": 3}, {"arrange": 3}):
        with pytest.raises(fv.Misuse, match=next(iter(change))):
            fv.Assumption("x", "x = 0", **change)
    one, none, turned = (
        fv.Assumption("x", "e = x", error=error)
        for error in (lambda output: output.h * 0 + 1, lambda output: None, lambda output: output.h.mT)
    )
    for assume, kind, message in (
        (None, fv.Misuse, "a list of names"), ({}, fv.Misuse, "a list of names"), ([None], fv.Misuse, "names among"),
        ("", fv.UnknownName, "no assumption is called"), (["nope"], fv.UnknownName, "no assumption is called"),
        (["squared-loss", one], fv.Misuse, "one hypothesis"), ([one, "squared-loss"], fv.Misuse, "one hypothesis"),
        ([none], fv.ShapeError, "must return the shape"), ([turned], fv.ShapeError, "must return the shape"),
    ):  # fmt: skip
        with pytest.raises(kind, match=message):
            fv.check(L.feedback_balance, FA, assume=assume)


# Names


def test_constants_draws_and_parameters_of_one_name_are_three():
    for net in (None, MLP((2, 2, 1)), MLP((1, 2, 2, 1), "linear")):
        assert isinstance(fv.check(constant_balance, CONSTANT, net), fv.Proved)
        rechecked(fv.check(constant_balance, DRAWN, net), law=constant_balance, rule=DRAWN)
    net, growing = MLP((1, 1, 1), "linear"), rule_of(update=lambda la, below, out: {"W": la.constant("M") * la.W})
    for name in ("M", "M1", "M_1"):
        m = fv.parameter(name)
        assert isinstance(fv.check(entries, growing, net, rate=m), fv.Refuted)
        for symbol in (m, m[1]):
            law = lambda la, ab, s=symbol: (s - la.constant("M")) * la.W  # noqa: E731
            assert isinstance(fv.check(law, FA, net), fv.Refuted)


def test_nothing_has_the_name_of_a_memory_an_increment_or_a_mark():
    for name in ("V", "V1", "v1", "V_1", "Δ", "ΔW1", "M~", "M°"):
        with pytest.raises(fv.Misuse, match="no letter of a network"):
            fv.parameter(name)
    for name in ("Δ", "ΔW", "WΔ", "M~", "M°"):
        for read in (lambda la, n=name: la.constant(n), lambda la, n=name: la.draw(n, "weight")):
            with pytest.raises(fv.RuleError, match="named a matrix"):
                fv.check(constant_balance, rule_of(feedback=read))
        with pytest.raises(fv.RuleError, match="named a matrix"):  # ½‖ΔW‖² would be what a step adds
            fv.increment(L.feedback_balance, FA, lambda la, ab, n=name: fv.norm2(la.constant(n)) / 2)


# Guards


def test_a_rule_that_tells_letters_from_numbers_is_not_proved():
    for phi in ("linear", "abs", "leaky-relu", "power-2"):
        law, net = L.feedback_balance_of_degree(2 if phi == "power-2" else 1), MLP((2, 2, 1), phi)
        assert isinstance(fv.check(law, FA, net), fv.Proved)
        rechecked(fv.check(law, BY_TYPE, net), law=law, rule=BY_TYPE)  # over numbers it is back-propagation
    p = fv.parameter("p")
    law, options = L.feedback_balance_of_degree(p), {"activation": fv.homogeneous(p)}
    assert isinstance(fv.check(law, FA, **options), fv.Proved)
    assert isinstance(fv.check(law, BY_TYPE, **options), fv.Refuted)
    assert isinstance(fv.increment(L.feedback_balance, BY_TYPE), fv.Refuted)


def test_a_counter_hung_on_a_class_of_the_library_is_memory(monkeypatch):
    library = R.FeedbackAlignment
    monkeypatch.setattr(library, "count", 0, raising=False)

    def counting(above):
        library.count += 1
        return above.B

    for base, net in itertools.product((library, fv.LearningRule), (None, MLP((2, 2, 1)))):
        with pytest.raises(fv.RuleError, match="pure"):
            fv.check(L.feedback_balance, rule_of(base, feedback=counting), net)


def test_an_iterator_that_a_call_moves_is_memory_and_one_that_is_held_is_none():
    for values in (itertools.cycle([1]), (1 for _ in itertools.count()), itertools.count(), iter([1] * 999)):
        moved = rule_of(feedback=lambda above, v=values: above.B * (next(v) and 1))
        with pytest.raises(fv.RuleError, match="pure"):
            fv.check(L.feedback_balance, moved)
    for held in (itertools.cycle([1]), random.SystemRandom()):
        rule = rule_of(R.FeedbackAlignment)
        object.__setattr__(rule, "held", held)
        for net in (None, MLP((2, 2, 1))):
            assert isinstance(fv.check(L.feedback_balance, rule, net), fv.Proved)


# Given data


def test_data_at_a_kink_refute_nothing():
    folded = lambda la, ab: fv.sign(ab.W) * fv.sign(ab.W) * ab.W - ab.W  # noqa: E731  # 0 wherever W_{l+1} ≠ 0
    for law, rule, phi, change in (
        (L.balancedness, FA, "relu", {"weights": [[[0]], ONE]}),
        (L.balancedness, FA, "abs", {"inputs": [[0]]}),
        (folded, FA, "linear", {"weights": [ONE, [[0]]]}),
        (L.feedback_balance, R.SignSymmetry(), "linear", {"weights": [ONE, [[0]]]}),
        (L.balancedness, R.SignedError(FA), "linear", {"error": [[0]]}),
    ):
        with pytest.raises(fv.Misuse, match="at a kink"):
            given(law, rule, phi, **change)
    assert given(L.balancedness, FA, "relu", feedback=[[[2]]]).witness.rate == -1  # W₁Ẇ₁ − W₂Ẇ₂ = −2 + 1


def test_a_constant_of_a_rule_is_given_and_shown_under_its_name():
    found = rechecked(given(L.balancedness, CONSTANT, feedback={"M2": [[2]]}), rule=CONSTANT)
    assert found.rate == -1  # Ẇ₁ = −M₂ e x = −2 and Ẇ₂ = −1
    assert "  M₂ = [[2]]" in str(found).splitlines()
    for rule in (CONSTANT, DRAWN):
        verdict = fv.refute(L.balancedness, rule, MLP((1, 1, 1), "linear"))
        for text in (str(verdict), verdict.derivation.text(), verdict.derivation.latex()):
            assert "M₂ = " in text or "M_{2} = " in text
            assert not {"°", "~"} & set(text)


def test_a_constant_may_stand_on_either_side():
    turned = lambda layer, above: fv.norm2(layer.W) / 2 - fv.inner(above.constant("M"), above.W)  # noqa: E731
    data = {"feedback": {"B2": ONE, "M2": [[3]]}}
    for law in (turned, constant_balance):
        assert given(law, FA, **data).witness.rate == 2  # W₁Ẇ₁ − M₂Ẇ₂ = −1 + 3
        assert isinstance(fv.check(law, CONSTANT, MLP((9, 9, 1))), fv.Proved)
        assert "dQ/dt = 0    [equal terms cancel]" in fv.prove(law, CONSTANT).derivation.text()


def test_what_has_no_rational_value_and_what_is_no_law_is_told():
    scaled = lambda layer, above: fv.logdet(above.B @ above.B.mT) * layer.W  # noqa: E731
    for net in (None, MLP((1, 1, 1), "linear")):
        assert isinstance(fv.check(scaled, FA, net, budget=0.1), fv.Undecided)
    with pytest.raises(fv.Misuse, match="the value of a logarithm"):
        given(scaled, FA)
    found = fv.discover(FA, MLP((1, 1, 1), "linear"), degree=2)  # asks the library's laws, logarithms among them
    assert (found.parameters, found.independent, found.complete) == (2, 1, True)  # ½W₁² − B₂W₂ and no other
    for wrong in (LAMBDA, LAMBDA * LAMBDA, 3, None, FA):
        for asked in (fv.check, fv.increment, given):
            with pytest.raises(fv.Misuse, match="a function"):
                asked(wrong, FA)


# Rechecks


def test_witnesses_of_every_kind_are_rechecked():
    for rule in (
        rule_of(R.FeedbackAlignment, update=lambda layer, below, output: {"W": 1}),
        rule_of(R.FeedbackAlignment, signal=lambda output: 1),
        rule_of(error=lambda layer, above, output: 1),
        rule_of(activity=lambda layer: 2),
    ):
        for phi in ("linear", "tanh"):
            rechecked(fv.check(L.balancedness, rule, activation=phi), rule=rule)
    rechecked(fv.check(L.volume_balance, R.Hebbian(), activation="tanh"))
    n = 10**30
    data = {"weights": [[[n]], [[n]]], "feedback": [[[2 * n]]], "inputs": [[n]], "error": [[n]]}
    for law, rate in ((L.balancedness, -(n**4)), (L.volume_balance, n**2 - 2 * n**4)):  # W₁Ẇ₁ = −2n⁴, Ẇ₂ = −n³
        assert rechecked(given(law, FA, **data)).rate == rate


def test_two_passes_under_a_loss_are_rechecked():
    found = rechecked(fv.check(L.feedback_balance, R.Pepita(), MLP((1, 1, 1), "linear"), assume="squared-loss"))
    first, second, x, y = (m[0, 0] for m in (*found.weights, found.inputs, found.targets))
    (back,), (entry,) = found.feedback, found.given.values()
    e = second * first * x - y
    again = x + entry[0, 0] * e  # the input of the second pass
    assert found.error[0, 0] == e
    assert found.rate == -first * first * (x - again) * again + back[0, 0] * e * first * again
    assert not resealed(found, error=found.error + 1).recheck()


def test_claims_and_families_are_found_again_from_the_record():
    for gain in L.GAINS.values():  # dQ/dt = −⟨b_l, δ_l 1⟩ is none of them
        assert rechecked(fv.check(L.feedback_balance, FA, rate=gain, bias=True)).claim == gain.statement
    for name in ("feedback-balance-of-degree-2", "balancedness-of-degree-1/2"):
        assert rechecked(fv.check(name, FA)).law == name
        assert not read_back(fv.check(name, FA)).recheck(law=L.feedback_balance)
        rechecked(fv.check(L.half_square, FA, rate=name), claim=fv.law_named(name))


def test_a_hypothesis_of_ones_own_is_passed_to_the_recheck():
    def cleared(data):
        for rows in (rows for name, rows in data.items() if name[0] == "B"):
            rows[:] = [[Fraction(0)] * len(row) for row in rows]

    blind = fv.assumption("B_{l+1} = 0", arrange=cleared)(lambda above: (above.B, 0))
    other = fv.assumption("B_{l+1} = 1")(lambda above: (above.B, 1))
    verdict = fv.check(L.balancedness, FA, assume=[blind])
    rechecked(verdict, assume=[blind])
    for wrong in ([other], []):
        assert not read_back(verdict).recheck(assume=wrong)
    with pytest.raises(fv.UnknownName, match="no assumption"):
        read_back(verdict).recheck()


def test_a_record_that_tells_another_question_is_no_witness_of_it():
    asked = fv.refute(L.feedback_balance, FA, rate="half-square").witness
    plain = fv.refute(L.balancedness, FA).witness
    step = fv.increment(L.feedback_balance, FA, "nothing").witness
    decayed = fv.refute(L.kolen_pollack_balance, R.KolenPollack(decay=Fraction(1))).witness
    for witness, change in (
        (asked, {"claim": ""}), (asked, {"claim": "W_l W_lᵀ"}), (asked, {"mu": Fraction(7)}), (step, {"step": False}),
        (plain, {"claim": "½‖W_l‖²"}), (plain, {"assume": ("cross-entropy",)}), (step, {"claim": "½‖W_l‖²"}),
        (decayed, {"constants": {"decay": Fraction(7)}}),
    ):  # fmt: skip
        assert witness.recheck()
        altered = resealed(witness, **change)
        assert not altered.recheck(), change
        assert not witness_from(json.loads(json.dumps(altered.to_dict()))).recheck(), change


# Findings


def test_what_moves_is_no_constant_of_a_finding():
    scales = (lambda la, out: out.delta, lambda la, out: la.draw("c", "samples"), lambda la, out: la.V)
    for scale in scales:  # dQ/dt = 2sQ where the number s is e, c or V
        rule = rule_of(update=lambda la, below, out, s=scale: {"W": fv.total(s(la, out)) * la.W, "V": la.W})
        verdict = fv.check(L.half_square, rule, MLP((1, 1, 1), "linear"), layer=1, assume="batch-size-one")
        assert verdict.finding["kind"] == "residual"
    kept = fv.check(L.kolen_pollack_difference, R.KolenPollack(LAMBDA)).finding
    assert (kept["kind"], kept["rate"]) == ("semi-invariant", "−λ")
    signs = rule_of(update=lambda la, below, out: {"W": fv.sign(la.draw("M", "weight") + la.B)})
    assert fv.check(entries, signs).finding["kind"] == "residual"  # dQ/dt jumps with M, so that d²Q/dt² is not 0


def test_a_finding_tells_the_cases_apart_where_they_differ():
    rule = rule_of(update=lambda layer, below, output: {"W": -(2 if layer is output else 1) * layer.W})
    same = fv.check(L.half_square, rule).finding  # no hidden layer is the output
    assert (same["kind"], same["rate"].replace("−", "-")) == ("semi-invariant", "-2")
    assert isinstance(fv.check(L.half_square, rule, rate=-2), fv.Proved)
    upper = fv.law("‖W_{l+1}‖²")(lambda layer, above: fv.norm2(above.W))
    generic, last = fv.check(upper, rule).finding["text"].split("; at the last hidden layer: ")
    assert ("2 Q" in generic, "4 Q" in last) == (True, True)
    assert not isinstance(fv.check(upper, rule, rate=-2), fv.Proved)
    assert isinstance(fv.check(upper, rule, rate=-4, layer=-1), fv.Proved)


# What a verdict says


def test_a_step_is_stated_in_increments_and_has_no_law_for_its_rate():
    for law, rule, options, gain in (
        (L.feedback_balance, FA, {}, "½‖ΔW_l‖²"),
        (L.matrix_feedback_balance, FA, {"activation": "linear"}, "ΔW_l ΔW_lᵀ"),
        (L.feedback_balance_bias, FA, {"bias": True}, "½‖ΔW_l‖² + ½‖Δb_l‖²"),
        (L.kolen_pollack_balance, R.KolenPollack(), {}, "½‖ΔW_l‖² − ½‖ΔB_{l+1}‖²"),
    ):
        assert fv.increment(law, rule, **options).statement == f"Q(θ + Δθ) − Q(θ) = {gain} for Q = {law.statement}"
    for rate in ("kinetic", L.half_square, lambda layer, above: 0):
        with pytest.raises(fv.Misuse, match="what a step adds is `equals`"):
            fv.increment(L.feedback_balance, FA, rate=rate)


def test_the_witness_of_a_step_speaks_of_the_step():
    found = rechecked(given(L.feedback_balance, FA, step=True, rate="nothing"))
    assert found.rate == Fraction(1, 2)  # Ẇ₁ = Ẇ₂ = −1 take ½W₁² − W₂B₂ from −½ to 0
    for witness in (found, fv.increment(L.feedback_balance, FA, "nothing").witness):
        assert str(witness).splitlines()[-1].strip().startswith("Q(θ + Δθ) − Q(θ)")


def test_steps_that_are_undecided_and_rules_of_two_passes_have_derivations():
    for law, rule, equals, net in (
        (entries, FA, entries, None), (entries, FA, entries, MLP((1, 1, 1), "linear")),
        (L.sign_balance, R.SignSymmetry(), None, None), (L.feedback_balance, FA, None, MLP((2, 1))),
    ):  # fmt: skip
        verdict = fv.increment(law, rule, equals, net, budget=0.1)
        assert isinstance(verdict, fv.Undecided)
        assert verdict.derivation.text().startswith(verdict.statement)
        assert r"\textbf{" in verdict.derivation.latex()
    for net in (None, MLP((1, 1, 1)), MLP((2, 3, 2, 1), "tanh")):
        for verdict in (fv.check(L.half_square, R.Pepita(), net), fv.increment(L.half_square, R.Pepita(), net=net)):
            assert verdict.finding is None
            assert "Ẇ₁ = " in verdict.derivation.text()
            assert r"\dot{W}_{1}" in verdict.derivation.latex()


def test_a_proof_names_its_symbols_and_its_hypotheses():
    assert str(fv.law_of(R.InverseFeedback())).endswith(": proved, where n_l = n_{l+1} = … = n_L")
    assert "where" not in str(fv.law_of(FA))
    p = fv.parameter("p")
    for law, rule, options, names in (
        (L.feedback_balance, FA, {}, "none"),
        (L.feedback_balance_of_degree(p), FA, {"activation": fv.homogeneous(p)}, "all values of p"),
        (lambda layer, above: LAMBDA * L.feedback_balance(layer, above), FA, {}, "all values of λ"),
        (lambda layer, above: fv.total(fv.sign(LAMBDA * layer.B)), FA, {}, "all values of λ"),
        (lambda layer, above: fv.logdet(p * above.B @ above.B.mT), FA, {}, "all values of p"),
        (L.momentum_balance("γ"), R.Momentum(FA), {"rate": L.kinetic}, "all values of γ"),
        (L.momentum_balance(2), R.Momentum(FA, 2), {"rate": L.kinetic}, "none"),
    ):
        assert fv.prove(law, rule, **options).scope.parameters == names


def test_only_what_training_does_not_move_is_trivial():
    still = rule_of(update=lambda layer, below, output: {"W": 0})
    for law, rule in ((lambda la, ab: la.start.W, FA), (L.half_square, still), (lambda la, ab: LAMBDA, FA)):
        assert fv.prove(law, rule).note.startswith("trivial")
    signs = lambda layer, above: fv.total(fv.sign(layer.W - layer.B))  # noqa: E731
    for law, rule in ((L.feedback_balance, FA), (L.kolen_pollack_difference, R.KolenPollack()), (signs, FA)):
        assert fv.prove(law, rule).note == ""
