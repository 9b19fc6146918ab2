"""What a hostile reader found once: false laws that were called proved, and inputs that ended in a traceback."""

from __future__ import annotations

import functools
import random
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv

L, R = fv.laws, fv.rules
FA, BP = R.FeedbackAlignment, R.BackPropagation
BALANCE = L.feedback_balance


def drive(layer, below):
    return -layer.delta @ below.a.mT


def never_proved(law, rule, net=None, **options):
    """The verdict, or the error, is anything but Proved."""
    try:
        verdict = fv.check(law, rule, net, **{"budget": 5, **options})
    except fv.FaverifyError:
        return
    assert not isinstance(verdict, fv.Proved), verdict
    assert verdict.witness is None or verdict.witness.recheck()


# Signs


def test_sign_of_a_sum_is_no_sum_of_signs():
    class SignOfSum(R.LearningRule):
        def feedback(self, above):
            return fv.sign(fv.sum_samples(above.W.mT)).mT * above.B

    def law(layer, above):
        return fv.norm2(layer.W) / 2 - fv.inner(above.W, fv.sum_samples(fv.sign(above.W).mT).mT * above.B)

    never_proved(law, SignOfSum())
    never_proved(law, SignOfSum(), fv.MLP((2, 2, 3, 2)), layer=1)


def test_sign_of_zero_is_zero():
    class Cancelled(R.LearningRule):
        def update(self, layer, below, output):
            return {"W": (fv.sign(layer.W - layer.W) + fv.sign(layer.W)) * drive(layer, below)}

    never_proved(lambda layer, above: fv.norm2(layer.W), Cancelled())
    nothing = type("Nothing", (FA,), {"feedback": lambda s, a: a.B + 0 * fv.sign(fv.sum_samples(a.B))})()
    assert fv.check(BALANCE, nothing).kind == "proved"


def test_a_witness_does_not_stand_where_a_sign_is_taken_of_zero():
    class Squared(R.LearningRule):
        def feedback(self, above):
            return fv.sign(above.W - above.B) ** 2

    verdict = fv.check(lambda la, ab: fv.norm2(la.W) / 2 - fv.total(ab.W), Squared(), budget=5)
    assert not isinstance(verdict, fv.Refuted)
    moving = fv.check(lambda la, ab: fv.norm1(ab.W - ab.B) + fv.norm2(la.W), BP())
    assert isinstance(moving, fv.Refuted)
    assert moving.witness.recheck()


# Code that asks by failing, by type, by conversion


class BySquareShape(FA):
    def update(self, layer, below, output):
        try:
            return {"W": drive(layer, below) * fv.trace(layer.W)}
        except fv.ShapeError:
            return {"W": drive(layer, below)}


class ByQuotient(FA):
    def update(self, layer, below, output):
        try:
            scale = 1 / fv.norm2(layer.delta)
        except (TypeError, ZeroDivisionError):
            scale = 1
        return {"W": drive(layer, below) * scale}


class ByEntry(FA):
    def update(self, layer, below, output):
        try:
            return {"W": drive(layer, below) * layer.W[0, 0]}
        except Exception:
            return {"W": drive(layer, below)}


class ByNameType(FA):
    def feedback(self, above):
        return 2 * above.B if isinstance(above.name, str) and above.name == "W2" else above.B


class ByExactType(FA):
    def feedback(self, above):
        return 2 * above.B if type(above.index) is int and above.index == 2 else above.B


class ByIdentity(FA):
    def feedback(self, above):
        return 2 * above.B if any(above.index is k for k in (2, 3)) else above.B


class ByLabel(FA):
    def feedback(self, above):
        return 2 * above.B if getattr(above.index, "label", "") == "" and above.index == 2 else above.B


class ByTypeOfBelow(FA):
    def update(self, layer, below, output):
        return {"W": drive(layer, below) * (2 if not isinstance(below, type(layer)) else 1)}


class BySize(FA):
    def update(self, layer, below, output):
        return {"W": drive(layer, below) * Fraction(1, int(np.size(layer.W)))}


class ByMean(FA):
    def update(self, layer, below, output):
        return {"W": drive(layer, below) * (1 + np.mean(layer.W) - layer.W)}


@pytest.mark.parametrize(
    "rule", [BySquareShape, ByQuotient, ByEntry, ByNameType, ByExactType, ByIdentity, ByLabel, BySize, ByMean]
)
def test_code_that_asks_without_asking(rule):
    never_proved(BALANCE, rule())


def test_below_the_first_layer_stands_a_layer_too():
    assert isinstance(fv.check(BALANCE, ByTypeOfBelow()), fv.Proved)  # every layer below passes for one


# Memory


def test_a_first_call_that_differs():
    class Remembering(R.LearningRule):
        W0 = None

        def feedback(self, above):
            if self.W0 is None:
                self.W0 = above.W
            return self.W0

    with pytest.raises(fv.RuleError, match="pure"):
        fv.check(L.balancedness, Remembering(), fv.MLP((2, 2, 1)))


@pytest.mark.parametrize("generator", [random.Random(3), np.random.default_rng(3)])
def test_a_generator_of_its_own(generator):
    class Rarely(FA):
        def __init__(self):
            self.generator = generator

        def feedback(self, above):
            return above.B if self.generator.random() > 1e-9 else 2 * above.B

    with pytest.raises(fv.RuleError, match="pure"):
        fv.check(BALANCE, Rarely())


@pytest.mark.parametrize("kept", ["above", "above.index", "above.B"])
def test_keeping_what_was_passed(kept):
    class Keeping(FA):
        def feedback(self, above):
            self.last = eval(kept, {"above": above})
            return above.B

    with pytest.raises(fv.RuleError, match="pure"):
        fv.check(BALANCE, Keeping())


# Passes and networks of one's own


def test_the_mark_of_one_pass_cannot_be_copied():
    class Copied(FA):
        @functools.wraps(R.LearningRule.velocities)
        def velocities(self, run, x, error):
            run.forward(x)
            run.backward(self, error)
            scale = 2 if len(run.layers) > 5 else 1
            return {name: rate * (scale if name == "W1" else 1) for name, rate in run.updates(self).items()}

    never_proved(BALANCE, Copied())
    rule = FA()
    object.__setattr__(rule, "velocities", functools.partial(Copied.velocities, rule))
    never_proved(BALANCE, rule)


def test_a_subclass_of_a_chain_is_no_chain():
    class Tied(fv.MLP):
        def forward(self, w, x):
            return w["W3"] @ fv.phi(w["W1"] @ fv.phi(w["W1"] @ x))

    with pytest.raises(fv.Misuse, match="a chain"):
        fv.check(BALANCE, FA(), Tied((2, 2, 2, 1)))


@pytest.mark.parametrize("found", [{}, {"F1": 0}, {"W1": 0}, {"Z": 1}, [1], None])
def test_velocities_that_are_none(found):
    class Odd(FA):
        def velocities(self, run, x, error):
            run.forward(x)
            return found

    if found == {}:
        assert fv.check(BALANCE, Odd(), fv.MLP((1, 1, 1))).kind == "proved"  # nothing moves
        return
    with pytest.raises(fv.RuleError):
        fv.check(BALANCE, Odd(), fv.MLP((1, 1, 1)))


def test_velocities_without_a_pass():
    class Lazy(FA):
        def velocities(self, run, x, error):
            return {}

    with pytest.raises(fv.RuleError, match="no forward pass"):
        fv.check(BALANCE, Lazy(), fv.MLP((1, 1, 1)))


# Activations and constants


def test_declared_facts_are_checked():
    for wrong in (
        {"phi": lambda h: h if h > 0 else 2 * h, "dphi": lambda h: 1 if h > 0 else 2, "degree": 1, "square": (1, 0)},
        {"phi": lambda h: max(h, 0), "dphi": lambda h: int(h > 0), "degree": 1, "name": "linear", "facts": "linear"},
        {"phi": lambda h: min(max(h, -5), 5), "dphi": lambda h: int(-5 < h < 5), "degree": 1},
        {"phi": fv.tanh, "dphi": lambda h: 1 - fv.tanh(h) ** 2, "degree": 1},
        {"phi": lambda h: [h], "dphi": lambda h: 1, "degree": 1},
    ):
        with pytest.raises(fv.ActivationError):
            fv.Activation(**wrong)
    root = fv.Activation(fv.sqrt, lambda h: 1 / (2 * fv.sqrt(h)), degree=Fraction(1, 2), name="√h")
    assert "as declared by its author" in fv.check(BALANCE, FA(), activation=root, budget=1).scope.activations
    for wrong in (0, True, fv.parameter("p"), 0.5, "1"):
        with pytest.raises(fv.Misuse):
            fv.Activation(fv.exp, fv.exp, degree=wrong)
    for wrong in (0, 0.5, True, "p"):
        with pytest.raises(fv.Misuse):
            fv.homogeneous(wrong)


@pytest.mark.parametrize("name", ["unit vector 0", "sign(W1)", "η_{l}", "W1", "e", "k1", "", "a_", "λ μ", 3])
def test_names_of_parameters_are_no_letters(name):
    with pytest.raises(fv.Misuse, match="no letter of a network"):
        fv.parameter(name)


def test_an_index_may_be_shifted():
    eta = fv.parameter("η")

    class Rates(FA):
        def update(self, layer, below, output):
            return {"W": eta[layer.index] * drive(layer, below)}

    def law(layer, above):
        return eta[layer.index + 1] * fv.norm2(layer.W) / 2 - eta[above.index - 1] * fv.inner(above.W, above.B)

    assert isinstance(fv.check(law, Rates()), fv.Proved)


# No raw exceptions


def test_arguments_that_are_not():
    one = [[1]]
    good = {"weights": [one, one], "feedback": [one], "inputs": one, "error": one}
    net = fv.MLP((1, 1, 1), "linear", bias=True)
    for options in (
        {"assume": 5},
        {"budget": 10**400},
        {"budget": -1},
        {"budget": "1"},
        {"layer": 0},
        {"rate": "x"},
        {"bias": 1},
    ):
        with pytest.raises(fv.FaverifyError):
            fv.check(BALANCE, FA(), **options)
    biased = good | {"biases": [one, one]}
    assert fv.refute_at(BALANCE, FA(), net, **biased).witness.rate == 1  # what is refused below is not this
    for change in (
        {"weights": None}, {"feedback": 5}, {"feedback": [5]}, {"feedback": [[]]}, {"feedback": {"B²": one}},
        {"feedback": {2: one}}, {"parameters": [1]}, {"layer": None}, {"biases": 3}, {"inputs": [[float("nan")]]},
        {"inputs": [[0.5]]}, {"inputs": [["1/0"]]},
        {"error": [[1, 2]]}, {"weights": [one]}, {"inputs": []}, {"inputs": [[1], [2, 3]]}, {"targets": 1},
    ):  # fmt: skip
        with pytest.raises(fv.FaverifyError):
            fv.refute_at(BALANCE, FA(), net, **biased | change)
    with pytest.raises(fv.FaverifyError):
        fv.refute_at(BALANCE, FA(), None, **good)
    with pytest.raises(fv.NonFiniteError, match="inputs holds inf"):
        fv.refute_at(BALANCE, FA(), net, **biased | {"inputs": [[float("inf")]]})
    with pytest.raises(fv.Misuse, match="a rate of 0"):
        fv.refute_at(BALANCE, FA(), fv.MLP((1, 1, 1), "linear"), **good)
    for name in ("feedback-balance-of-degree-1/0", "feedback-balance-of-degree-0"):
        with pytest.raises(fv.UnknownName):
            fv.law_named(name)
    assert fv.law("x")(functools.partial(BALANCE.formula)).name == "partial"
    with pytest.raises(fv.Misuse):
        fv.derivative(
            BALANCE, type("Asks", (FA,), {"feedback": lambda s, a: a.B if a.W > 0 else a.W})(), fv.MLP((1, 1, 1))
        )


def test_a_law_with_a_blank_docstring():
    def law(layer, above):
        """ """
        return fv.norm2(layer.W)

    assert fv.check(law, FA()).law == "law"


def test_networks_whose_activation_is_a_class_of_functions():
    net = fv.MLP((1, 1, 1), fv.homogeneous())
    assert isinstance(fv.check(BALANCE, FA(), net), fv.Proved)
    assert isinstance(fv.check(L.balancedness, FA(), net), fv.Refuted)


def test_derivations_of_the_odd_cases():
    assert "nothing" in fv.check(BALANCE, FA(), fv.MLP((3, 1))).derivation.text()

    class Twice(FA):
        def error(self, layer, above, output):
            return layer.dphi**2 * (above.B.mT @ above.delta)

    text = fv.check(BALANCE, Twice(), activation="relu").derivation.text()
    assert "dQ/dt = 0    [equal terms cancel, gates with values in {0, 1}]" in text


def test_a_witness_of_another_law():
    verdict = fv.refute(L.balancedness, FA())
    other = fv.law("another")(lambda la, ab: L.balancedness.formula(la, ab) + 17 * fv.norm2(ab.B))
    from dataclasses import replace

    assert replace(
        verdict.witness, subjects=(other, FA(), fv.activation_named("linear"))
    ).recheck()  # the library's law
    for change in ({"rate": "1"}, {"mu": "0"}, {"subjects": 5}, {"subjects": ()}):  # the record is the same
        assert replace(verdict.witness, **change).recheck()
    for change in ({"rate": "17"}, {"rate": None}, {"weights": None}):
        assert not replace(verdict.witness, **change).recheck()


def test_stars_have_a_form_soon():
    import time

    def star(layer, above):
        return fv.total(fv.sum_samples(layer.W) ** 10)

    start = time.perf_counter()
    fv.check(star, FA(), budget=2)
    assert time.perf_counter() - start < 10


def test_two_passes_have_gates_of_their_own():
    class TwoPass(R.LearningRule):
        def velocities(self, run, x, error):
            e = error(run.forward(x))
            first = run.layers[0].a
            run.forward(-x)
            return {"W2": -(e @ (first + run.layers[0].a).mT)}

    def last(layer, above):
        return above.W

    for name in ("relu", "abs"):
        verdict = fv.check(last, TwoPass(), fv.MLP((1, 1, 1), name))
        assert isinstance(verdict, fv.Refuted)
        assert verdict.witness.recheck()
    assert fv.derivative(last, TwoPass(), fv.MLP((1, 1, 1)))[1] != 0


def test_derivations_of_code_that_asks():
    verdict = fv.check(lambda layer, above: abs(layer.W), FA(), fv.MLP((2, 2, 1)), budget=0.1)
    assert isinstance(verdict, fv.Undecided)
    assert "no derivation" in verdict.derivation.text()
    with pytest.raises(fv.FaverifyError):
        fv.derivative(lambda layer, above: layer.W / 0, FA(), fv.MLP((2, 2, 1)), method="matrices")
