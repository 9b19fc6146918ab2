"""The law that belongs to a rule: found, proved, refuted for the rule with one thing changed; or shown not to exist."""

from __future__ import annotations

import pytest

import faverify as fv

L, R = fv.laws, fv.rules


class Power(fv.LearningRule):
    def feedback(self, above):
        return above.W**3


class Mixed(fv.LearningRule):
    def feedback(self, above):
        return above.B + above.W / 3


class Cubic(fv.LearningRule):
    def feedback(self, above):
        return above.W @ above.W.mT @ above.W


class Weighted(fv.LearningRule):
    def feedback(self, above):
        return above.constant("M") * fv.sign(above.W)


BELONGS = {
    R.FeedbackAlignment(): "½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩",
    R.BackPropagation(): "½‖W_l‖² − ½‖W_{l+1}‖²",
    R.SignSymmetry(): "½‖W_l‖² − ⟨W_{l+1}, sign(W_{l+1})⟩",
    R.PseudoInverseFeedback(): "½‖W_l‖² − ½log|det W_{l+1} W_{l+1}ᵀ|",
    R.InverseFeedback(): "½‖W_l‖² − log|det W_{l+1}|",
    Mixed(): "½‖W_l‖² − (⟨W_{l+1}, B_{l+1}⟩ + 1/6 ‖W_{l+1}‖²)",
    Cubic(): "½‖W_l‖² − ¼⟨W_{l+1}, W_{l+1} W_{l+1}ᵀ W_{l+1}⟩",
}


@pytest.mark.parametrize("rule", BELONGS, ids=lambda r: type(r).__name__)
def test_the_law_is_found_and_proved(rule):
    found = fv.law_of(rule)
    assert isinstance(found.verdict, fv.Proved)
    assert found.law.statement.replace("(", "").replace(")", "") == BELONGS[rule].replace("(", "").replace(")", "")
    where = ", where n_l = n_{l+1} = … = n_L" if rule == R.InverseFeedback() else ""
    assert str(found).endswith(f": proved{where}")


@pytest.mark.parametrize("rule", [Power(), Weighted(), R.FixedMagnitudeSignSymmetry()], ids=lambda r: type(r).__name__)
def test_entrywise_feedback_has_a_law(rule):
    assert isinstance(fv.law_of(rule).verdict, fv.Proved)


@pytest.mark.parametrize("rule", BELONGS, ids=lambda r: type(r).__name__)
def test_it_is_no_law_of_another_rule(rule):
    class Twice(R.Wrapper):
        def error(self, layer, above, output):
            return 2 * self.rule.error(layer, above, output)

    options = {"assume": "square-maps"} if isinstance(rule, R.InverseFeedback) else {}
    verdict = fv.check(fv.law_of(rule).law, Twice(rule), **options)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()


def test_feedback_that_is_no_gradient_is_shown_not_to_be():
    class Bent(fv.LearningRule):
        def feedback(self, above):
            return above.W @ above.W.mT @ above.B

    found = fv.law_of(Bent())
    assert found.law is None
    assert found.reason.startswith("the feedback is not a gradient: at W = ")
    (p, q), (one, other) = found.pair["entries"], found.pair["derivatives"]
    assert p != q
    assert one != other
    # by hand, f = W Wᵀ B for a row W: ∂f_j/∂W_k = 2 W_k B_j off the diagonal
    (W,), (B,) = found.pair["point"]["W2"], found.pair["point"]["B2"]
    assert (one, other) == (2 * W[q[1]] * B[p[1]], 2 * W[p[1]] * B[q[1]])


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (R.BatchwiseSignSymmetry(), "drawn anew"),
        (R.DirectFeedbackAlignment(), "the error does not pass the feedback"),
        (R.StraightThrough(), "the error does not pass the feedback"),
        (R.Pepita(), "no feedback of a single pass"),
    ],
)
def test_rules_without_such_a_law_say_why(rule, reason):
    assert reason in str(fv.law_of(rule))


class Partly(fv.LearningRule):
    def feedback(self, above):
        return above.B - 2 * fv.pinv(above.W).mT


class High(fv.LearningRule):
    def feedback(self, above):
        return above.W**9


class Unknown(fv.LearningRule):
    def feedback(self, above):
        return fv.pinv(above.W).mT * fv.pinv(above.W).mT


def test_mixtures_and_what_is_out_of_reach():
    assert isinstance(fv.law_of(Partly()).verdict, fv.Proved)
    high, unknown = fv.law_of(High()), fv.law_of(Unknown())
    assert high.law is unknown.law is None
    assert "no G was found" in high.reason  # though it is a gradient, of the sum of W¹⁰/10 over entries
    assert "is not a gradient: at W = " in unknown.reason


class OfActivities(fv.LearningRule):
    def feedback(self, above):
        return above.h @ above.h.mT @ above.W


def test_feedback_that_reads_the_data():
    assert "depends on the data" in fv.law_of(OfActivities()).reason


def test_a_budget_is_a_number_of_seconds():
    with pytest.raises(fv.Misuse, match="a number of seconds"):
        fv.law_of(R.FeedbackAlignment(), budget="long")


def test_records():
    record = fv.law_of(R.FeedbackAlignment()).to_dict()
    assert (record["rule"], record["verdict"]["verdict"]) == ("FeedbackAlignment", "proved")
    assert fv.law_of(R.Pepita()).to_dict()["law"] is None


def test_other_motion_is_told_by_its_rate():
    found = fv.law_of(R.Momentum(R.FeedbackAlignment()))
    assert "d²Q/dt² + γdQ/dt = ‖V_l‖²" in str(found)
    assert isinstance(fv.law_of(R.Dropout(R.FeedbackAlignment())).verdict, fv.Proved)


def test_degrees_and_biases():
    p = fv.parameter("p")
    assert isinstance(fv.law_of(R.FeedbackAlignment(), activation=fv.homogeneous(p)).verdict, fv.Proved)
    assert isinstance(fv.law_of(R.FeedbackAlignment(), activation="power-3").verdict, fv.Proved)
    assert isinstance(fv.law_of(R.BackPropagation(), bias=True).verdict, fv.Proved)
    assert "no degree" in fv.law_of(R.FeedbackAlignment(), activation="tanh").reason
