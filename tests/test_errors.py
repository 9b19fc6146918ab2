"""What misuse raises: the checks that every room shares."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify.errors import real_number, whole_number


@pytest.mark.parametrize("name", ["feedbak", "Feedback", "feed_back"])
def test_a_misspelt_method_of_a_rule_is_refused(name):
    """It would be back-propagation, and be settled as such."""
    rule = type("Mine", (fv.LearningRule,), {name: lambda self, above: above.B})()
    for ask in (fv.discover, lambda rule: fv.check(fv.laws.feedback_balance, rule)):
        with pytest.raises(
            fv.RuleError, match=f"Mine: has a method '{name}', and no 'feedback'; did you mean 'feedback'"
        ):
            ask(rule)


def test_helpers_of_a_rule_are_its_own():
    def feedback(self, above):
        return self.feedbacks(above)

    methods = {"feedback": feedback, "feedbacks": lambda self, above: above.B, "update_B": lambda self: None}
    rule = type("Mine", (fv.LearningRule,), methods)()
    assert fv.check(fv.laws.feedback_balance, rule).kind == "proved"
    methods = {"velocities": lambda self, run, x, error: None, "errors": lambda self: None}
    rule = type("Mine", (fv.LearningRule,), methods)()
    with pytest.raises(fv.RuleError, match="velocities"):
        fv.check(fv.laws.feedback_balance, rule)


def test_a_method_that_returns_nothing():
    rule = type("Mine", (fv.LearningRule,), {"feedback": lambda self, above: None})()
    with pytest.raises(fv.RuleError, match="a method without `return` gives None"):
        fv.check(fv.laws.feedback_balance, rule)


def test_a_law_goes_by_its_name_everywhere():
    one = [[1]]
    start = {"weights": [one, one], "feedback": [one], "inputs": one, "targets": [[2]]}
    problem = fv.FlowProblem(fv.MLP((1, 1, 1)), fv.rules.FeedbackAlignment(), **start)
    path = fv.integrate(problem, "1/4", digits=20)
    assert path.drift("feedback-balance") == path.drift(fv.laws.feedback_balance)
    assert path.evidence("feedback_balance").law == "feedback-balance"
    assert fv.steps(problem, "1/2", 1).law("FeedbackBalance") == fv.steps(problem, "1/2", 1).law(
        fv.laws.feedback_balance
    )
    with pytest.raises(fv.UnknownName, match="did you mean 'feedback-balance'"):
        path.drift("feedback-balnce")


def test_a_misspelt_public_name_is_told_with_the_nearest():
    with pytest.raises(AttributeError) as told:
        fv.chek  # noqa: B018
    assert (told.value.name, told.value.obj) == ("chek", fv)  # what Python looks for the nearest name with


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_is_an_int(value):
    found = whole_number("n", value, 3, 3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [True, np.True_, 3.0, "3", None, 2, 10**30, [3]])
def test_what_is_no_whole_number_within_the_bounds(value):
    with pytest.raises(fv.Misuse, match=r"n = .*: expected a whole number from 3 to 9$"):
        whole_number("n", value, 3, 9)


def test_one_bound_and_words_of_ones_own():
    with pytest.raises(fv.Misuse, match="expected a whole number, at least 1"):
        whole_number("n", 0, 1)
    with pytest.raises(fv.Misuse, match=re.escape("n = 0: expected steps")):
        whole_number("n", 0, 1, expected="steps")


@pytest.mark.parametrize("value", [2, np.int64(2), np.float32(2), Fraction(2)])
def test_a_real_number_is_a_float(value):
    found = real_number("eta", value, "a number", above=1, most=2)
    assert (found, type(found)) == (2.0, float)


@pytest.mark.parametrize("value", [True, np.True_, "2", None, 1, 2.5, 10**400, float("inf"), float("nan"), [2]])
def test_what_is_no_real_number_within_the_bounds(value):
    with pytest.raises(fv.Misuse, match=r"eta = .*: expected a number above 1$"):
        real_number("eta", value, "a number above 1", above=1, most=2)


@pytest.mark.parametrize("ask", [fv.experiment, lambda name: fv.sweep(name, cases=1)])
@pytest.mark.parametrize("name", [5, ["RK-T1"]])
def test_a_name_that_is_no_string_is_unknown(ask, name):
    with pytest.raises(fv.UnknownName, match="is called"):
        ask(name)
