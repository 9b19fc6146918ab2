"""What a user meets: rules, times, digits, events that cannot be told apart, bad input."""

from __future__ import annotations

import json
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import faverify as fv

from ..conftest import RELU_FLOWS

R, L = fv.rules, fv.laws
ONE = [[1]]


def random_problem(
    rule,
    activation="relu",
    widths=(3, 4, 2),
    samples=3,
    seed=0,
    direct=False,
    feedback=None,
    bias=False,
    size=2,
    **more,
):
    draw = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths, strict=False))
    back = [draw.standard_normal((widths[-1] if direct else n, m)) for n, m in shapes[1:]]
    weights = [draw.standard_normal((n, m)) / size for n, m in shapes]
    more |= {"biases": [draw.standard_normal((n, 1)) / 2 for n in widths[1:]]} if bias else {}
    data = {
        "inputs": draw.standard_normal((widths[0], samples)),
        "targets": draw.standard_normal((widths[-1], samples)),
    }
    net = fv.MLP(widths, activation, bias)
    return fv.FlowProblem(net, rule, weights=weights, feedback=back if feedback is None else feedback, **data, **more)


B1 = {"B2": [[1, -1, "1/2", 2], ["1/3", 1, -1, 0]]}
FLOWS = {
    "feedback-alignment": (R.FeedbackAlignment(), {}, L.neuron_feedback_balance),
    "with biases": (R.FeedbackAlignment(), {"bias": True}, L.feedback_balance_bias),
    "leaky": (R.FeedbackAlignment(), {"activation": "leaky-relu-1/10"}, L.neuron_feedback_balance),
    "abs": (R.FeedbackAlignment(), {"activation": "abs"}, L.neuron_feedback_balance),
    "squares": (R.FeedbackAlignment(), {"activation": "power-2", "widths": (2, 2, 1)}, L.feedback_balance_of_degree(2)),
    "elu": (R.FeedbackAlignment(), {"activation": "elu"}, None),
    "gelu": (R.FeedbackAlignment(), {"activation": "gelu"}, None),
    "back-propagation": (R.BackPropagation(), {}, L.balancedness),
    "direct": (R.DirectFeedbackAlignment(), {"widths": (3, 4, 3, 2), "direct": True}, None),
    "sign-symmetry": (R.SignSymmetry(), {}, None),
    "fixed magnitudes": (R.FixedMagnitudeSignSymmetry(), {}, None),
    "kolen-pollack": (R.KolenPollack(), {"feedback": B1}, L.kolen_pollack_difference),
    "decay": (R.WeightDecay(R.FeedbackAlignment(), Fraction(1, 2)), {}, None),
    "momentum": (R.Momentum(R.FeedbackAlignment(), Fraction(1, 2)), {}, None),
    "signed error": (R.SignedError(R.FeedbackAlignment()), {}, L.neuron_feedback_balance),
    "pseudo-inverse": (R.PseudoInverseFeedback(), {}, None),
    "targets": (R.DifferenceTargetPropagation(Fraction(1, 2)), {}, None),
    "equilibrium": (R.EquilibriumPropagation(), {"activation": "linear", "widths": (2, 2, 1), "size": 8}, None),
    "pepita": (R.Pepita(), {"feedback": {"P1": [[1, 0], ["1/2", 1], [0, -1]]}}, None),
    "expected forward gradient": (R.ExpectedForwardGradient(), {"widths": (2, 2, 1), "samples": 2}, L.balancedness),
    "adaptive": (R.AdaptiveFeedback(Fraction(1)), {"feedback": B1}, None),
    "oja": (R.Oja(), {}, None),
    "target projection": (R.DirectRandomTargetProjection(), {"direct": True}, None),
}


@pytest.mark.parametrize("name", FLOWS)
def test_every_rule_with_a_flow_has_one(name):
    """float64 against 24 digits: the same path; where a law is proved, it does not drift."""
    rule, options, law = FLOWS[name]
    problem = random_problem(rule, seed=3, **options)
    rough = fv.integrate(problem, "1/2", on_nonunique="follow", digits=15)
    fine = fv.integrate(problem, "1/2", on_nonunique="follow", digits=24)
    assert rough.status == fine.status == "ok"
    gaps = [
        abs(a - b)
        for v, w in zip(rough.weights(), fine.weights(), strict=True)
        for a, b in zip(v.ravel(), w.ravel(), strict=True)
    ]
    assert max(gaps) < 1e-12
    assert fine.gate_violation < 1e-22
    assert fine.moved > 1e-3
    if law is not None:
        assert fine.drift(law) < 1e-21
        assert rough.drift(law) < 1e-12


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (R.SignDescent(R.FeedbackAlignment()), "moves W1 by the sign of its own motion, which has no flow"),
        (R.ForwardGradient(), "draws U1 at random at every step"),
        (R.Dropout(R.FeedbackAlignment()), "draws m1 at random at every step"),
        (R.WeightMirror(Fraction(1)), "at random at every step"),
    ],
)
def test_rules_without_a_flow_are_refused(rule, message):
    with pytest.raises(fv.RuleError, match=message):
        fv.integrate(random_problem(rule), 1)


def test_a_symbol_must_have_a_value():
    with pytest.raises(fv.FaverifyError, match="give the rule numbers for its parameters"):
        fv.integrate(random_problem(R.WeightDecay(R.FeedbackAlignment())), 1)
    with pytest.raises(fv.FaverifyError, match="give the rule numbers for its parameters"):
        fv.integrate(random_problem(R.FeedbackAlignment(), "leaky-relu"), 1)


def small(**changes):
    given = {"weights": [ONE, ONE], "feedback": [ONE], "inputs": ONE, "targets": [[0]]} | changes
    return fv.FlowProblem(fv.MLP((1, 1, 1)), R.FeedbackAlignment(), **given)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"weights": [ONE]}, fv.Misuse, "2: W1, W2"),
        ({"weights": [ONE, [[1, 2]]]}, fv.ShapeError, r"W2: \(1 × 2\) does not conform with \(1 × 1\)"),
        ({"inputs": [[1], [2]]}, fv.ShapeError, r"x: \(2 × 1\)"),
        ({"targets": [[1, 2]]}, fv.ShapeError, "samples are columns"),
        ({"inputs": [[float("nan")]]}, fv.NonFiniteError, "holds nan"),
        ({"weights": [[[float("inf")]], ONE]}, fv.NonFiniteError, "holds inf"),
        ({"weights": [[["one"]], ONE]}, fv.Misuse, "a number such as '0.1'"),
        ({"weights": [[[1], [1, 2]], ONE]}, fv.Misuse, "rows of one length"),
        ({"weights": "W"}, fv.Misuse, "a list W1 … W2"),
        ({"weights": {"W1": ONE}}, fv.Misuse, "W2 as well"),
        ({"feedback": [ONE, ONE]}, fv.Misuse, "1: B2"),
        ({"feedback": {"B9": ONE}}, fv.Misuse, "a name of one of the 2 layers"),
        ({"targets": None}, fv.Misuse, "one of them: targets"),
        ({"error": lambda t, f: f}, fv.Misuse, "one of them: targets"),
        ({"targets": None, "error": 3}, fv.Misuse, "a function of t and f"),
        ({"biases": [ONE, ONE]}, fv.Misuse, "a network with biases"),
        ({"inputs": [[True]]}, fv.Misuse, "numbers"),
        ({"inputs": [["1e99999"]]}, fv.Misuse, "a number such as"),
    ],
)
def test_bad_problems(changes, kind, message):
    with pytest.raises(kind, match=message):
        small(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": -1}, "followed forwards only"),
        ({"t": "soon"}, "a number such as"),
        ({"t": float("inf")}, "inf"),
        ({"digits": 14}, "from 15"),
        ({"digits": 20.0}, "a whole number"),
        ({"digits": True}, "a whole number"),
        ({"on_nonunique": "guess"}, "'raise' or 'follow'"),
        ({"budget": 0}, "a number of steps"),
    ],
)
def test_bad_calls(changes, message):
    with pytest.raises(fv.FaverifyError, match=message):
        fv.integrate(small(), **({"t": 1} | changes))


def test_what_is_no_problem_is_refused():
    with pytest.raises(fv.Misuse, match=r"a fv\.FlowProblem"):
        fv.integrate(fv.MLP((1, 1, 1)), 1)
    with pytest.raises(fv.Misuse, match="an instance of a rule"):
        fv.FlowProblem(fv.MLP((1, 1, 1)), R.FeedbackAlignment, weights=[ONE, ONE], inputs=ONE, targets=ONE)
    with pytest.raises(fv.Misuse, match="a chain"):
        fv.FlowProblem(fv.networks.Residual(), R.FeedbackAlignment(), weights=[ONE, ONE], inputs=ONE, targets=ONE)
    with pytest.raises(fv.Misuse, match="B2, which the rule reads"):
        fv.integrate(small(feedback=()), 1)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (lambda t, f: "f", "returned str"),
        (lambda t, f: f if f > 0 else -f, "raised"),
        (lambda t, f: np.ones((2, 2)), "does not conform"),
        (lambda t, f: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_bad_error_signals(error, message):
    with pytest.raises(fv.FaverifyError, match=message):
        fv.integrate(small(targets=None, error=error), 1)


def test_an_error_signal_of_time_and_arrays():
    """e = t·(1, …): W₂ moves by −t a, so that with W₁ frozen W₂(t) = 1 − t²/2."""
    rule = R.Frozen(R.FeedbackAlignment(), (1,))
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1)), rule, weights=[ONE, ONE], feedback=[ONE], inputs=ONE, error=lambda t, f: t * np.ones((1, 1))
    )
    path = fv.integrate(problem, 2, digits=40)
    assert abs(path.weights(2)[1][0, 0] + 1) < 1e-38


def test_times_and_values():
    path = fv.integrate(small(), 1, digits=30)
    assert path.weights(0)[0][0, 0] == 1
    assert path.weights()[0][0, 0] == path.weights(1)[0][0, 0] == path.parameters(1)["W1"][0, 0]
    assert path.t_end == 1
    with pytest.raises(fv.Misuse, match=r"a time in \[0, 1\.0\]"):
        path.weights(2)
    assert fv.integrate(small(), 0).weights()[0][0, 0] == 1


def test_progress_is_told():
    seen = []
    fv.integrate(small(), 1, digits=20, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_budget_ends_a_path_that_keeps_what_it_has():
    path = fv.integrate(random_problem(R.FeedbackAlignment()), 50, digits=20, budget=3)
    assert path.status == "budget"
    assert 0 < path.t_end < 50
    assert path.weights(path.t_end / 2)[0].shape == (4, 3)


def test_json_goes_there_and_back(tmp_path):
    problem = random_problem(R.FeedbackAlignment(), seed=1)
    record = problem.to_dict()
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    assert fv.FlowProblem.from_json(file).data == problem.data
    thirds = small(weights=[[["1/3"]], [["0.1"]]], inputs=[[0.1]])
    assert fv.FlowProblem.from_dict(json.loads(json.dumps(thirds.to_dict()))).data == thirds.data
    with pytest.raises(fv.Misuse, match="the key 'rule'"):
        fv.FlowProblem.from_dict({"widths": [1, 1, 1]})
    file.write_text("[", encoding="utf-8")
    with pytest.raises(fv.Misuse, match="a JSON file"):
        fv.FlowProblem.from_json(file)


# Events that come together, and solutions that part


def test_a_start_on_a_kink_may_not_be_unique():
    """h = 0 with u < 0: the weight may stay at 0 for ever, or leave at once."""
    problem = small(weights=[[[0]], ONE], targets=[[1]])
    with pytest.raises(fv.NonUnique, match="the solution is not unique beyond t = 0") as raised:
        fv.integrate(problem, 1, digits=20)
    assert raised.value.path.status == "nonunique"
    path = fv.integrate(problem, 1, digits=20, on_nonunique="follow")
    assert path.status == "nonunique"
    assert path.t_end == 1


def test_a_start_on_a_kink_that_is_unique():
    """h = 0 with u > 0: whatever moves h is brought back to 0."""
    path = fv.integrate(small(weights=[[[0]], ONE], targets=[[-1]]), 1, digits=20)
    assert path.status == "ok"
    assert path.weights(1)[0][0, 0] == 0


def test_a_parked_neuron_may_leave_when_its_signal_turns():
    """h = 1 − 2t + t²/2 parks at 2 − √2; from t = 2 on, W₁ ≡ 0 and W₁ = (t − 2)²/2 both go on."""
    problem = small(targets=None, error=lambda t, f: 2 - t)
    for digits in (15, 25):
        with pytest.raises(fv.NonUnique) as raised:
            fv.integrate(problem, 4, digits=digits)
        assert abs(raised.value.path.t_end - 2) < 1e-12


def test_a_signal_that_begins_at_zero_and_pushes_outward():
    """W₁ = 0 and e = −t: W₁ ≡ 0 and W₁ = t²/2, though all velocities are 0 at the start."""
    with pytest.raises(fv.NonUnique, match="beyond t = 0"):
        fv.integrate(small(weights=[[[0]], ONE], targets=None, error=lambda t, f: -t), 1, digits=20)


def test_stiff_data_loses_nothing():
    """x = 10¹²: the closed gate stays closed, and what does not move keeps its value."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1)), R.FeedbackAlignment(), weights=[[[-1], [1]], [[1, 1]]], feedback=[[[1, 1]]],
        inputs=[["1e12"]], targets=[[3]],
    )  # fmt: skip
    path = fv.integrate(problem, 1, digits=20, budget=30)
    assert path.status == "budget"
    assert path.weights()[0][0, 0] == -1
    assert path.weights()[1][0, 0] == 1


def test_an_error_signal_of_time_in_float64():
    path = fv.integrate(small(targets=None, error=lambda t, f: f - t), 1, digits=15)
    fine = fv.integrate(small(targets=None, error=lambda t, f: f - t), 1, digits=25)
    assert abs(path.weights()[0][0, 0] - fine.weights()[0][0, 0]) < 1e-13


def test_a_long_time_is_no_blow_up():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1)), R.FeedbackAlignment(), weights=[ONE, ONE], feedback=[ONE], inputs=ONE, targets=[[3]]
    )
    assert fv.integrate(problem, "1e20", digits=15, budget=200).status in ("ok", "budget")


def test_what_has_no_value_is_told():
    with pytest.raises(fv.NonFiniteError, match="the vector field"):
        fv.integrate(small(targets=None, error=lambda t, f: f / t), 1, digits=20)
    with pytest.raises(fv.Misuse, match="between 1e-100 and 1e100"):
        fv.integrate(small(), "1e400")
    with pytest.raises(fv.Misuse, match="a list B_2"):
        small(feedback=3)


def test_a_law_with_a_sign_of_its_own_is_refused_along_a_path():
    @fv.law("‖|W_l|‖²")
    def folded(layer, above):
        return fv.norm2(fv.absolute(layer.W))

    path = fv.integrate(small(), 1, digits=20)
    with pytest.raises(fv.LawError, match="a sign or an absolute value of its own"):
        path.drift(folded)
    assert path.drift(L.feedback_balance) < 1e-18


def test_all_weights_zero_at_the_start():
    problem = small(weights=[[[0]], [[0]]], targets=[[-1]])
    path = fv.integrate(problem, 1, digits=20)
    assert path.status == "ok"
    assert path.moved == 0


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_equal_samples_cross_and_slide_together(copies):
    """Each sample twice or three times, with the error weighed accordingly, moves as one of it does."""
    problem = fv.FlowProblem.from_dict(RELU_FLOWS[1])
    single = fv.integrate(problem, 1, digits=20)
    x, y = problem.data["x"], problem.data["y"]
    same = fv.FlowProblem(
        problem.net,
        R.LayerRates(R.FeedbackAlignment(), Fraction(1, copies)),
        weights={n: problem.data[n] for n in ("W1", "W2")},
        feedback={"B2": problem.data["B2"]},
        inputs=[row * copies for row in x],
        targets=[row * copies for row in y],
    )
    path = fv.integrate(same, 1, digits=20)
    assert path.status == "ok"
    assert len(path.events) == copies * len(single.events)
    gaps = [
        abs(a - b)
        for v, w in zip(single.weights(), path.weights(), strict=True)
        for a, b in zip(v.ravel(), w.ravel(), strict=True)
    ]
    assert max(gaps) < 1e-17


def test_collinear_samples_share_their_kink():
    """x₂ = 3x₁ and x₃ = −x₁: one surface, on which all three switch; the flow is that of Filippov's two sides."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1)),
        R.FeedbackAlignment(),
        weights=[[["1/2"], ["-1/4"]], [[1, "1/2"]]],
        feedback=[[[1, 1]]],
        inputs=[[1, 3, -1]],
        targets=[[-2, 1, -1]],
    )
    path = fv.integrate(problem, 3, digits=25, on_nonunique="follow")
    assert path.t_end == 3
    assert path.gate_violation < 1e-23
    assert path.drift(L.neuron_feedback_balance) < 1e-22


def test_mpf_precision_is_its_own():
    before = mpmath.mp.prec
    path = fv.integrate(small(), 1, digits=60)
    value = path.weights(1)[0][0, 0]
    assert mpmath.mp.prec == before
    assert value._mpf_[3] > 180


def test_equal_samples_slide_on_two_neurons_at_once():
    """Once both neurons are at 0 everything stays; the split between equal samples has no effect."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1), "abs"), R.FeedbackAlignment(), weights=[[[-1], ["1/2"]], [[0, "-3/2"]]],
        feedback=[[[-1, -1]]], inputs=[[1, 1]], targets=[[0, 2]],
    )  # fmt: skip
    rough, fine = (fv.integrate(problem, 4, digits=digits) for digits in (15, 20))

    for path, least in ((rough, 1e-14), (fine, 1e-20)):
        assert [event.kind for event in path.events] == ["slide"] * 4
        assert max(abs(value) for value in path.weights()[0].ravel()) < least


def test_equal_samples_leave_together_at_every_precision():
    problem = fv.FlowProblem(
        fv.MLP((3, 2, 2), "abs", True), R.KolenPollack(Fraction(1, 4)),
        weights=[[["-7/4", 0, "-1/2"], ["1/2", "-3/2", "1/4"]], [[0, -1], ["-1/4", "-7/4"]]],
        feedback=[[["1/4", 1], [0, "-5/4"]]], biases=[[[2], ["-1/2"]], [["3/2"], [0]]],
        inputs=[[1, 1], ["-3/2", "-3/2"], ["7/4", "7/4"]], targets=[[-1, 0], ["-5/4", 0]],
    )  # fmt: skip
    rough, fine = (fv.integrate(problem, 3, digits=digits) for digits in (15, 30))
    for path in (rough, fine):
        assert [event.kind for event in path.events] == ["slide"] * 4 + ["exit1"] * 2 + ["exit0"] * 2
    gaps = np.abs(rough.weights()[0] - fine.weights()[0])
    assert max(gaps.ravel()) < 1e-13


def test_a_shared_slide_that_comes_to_rest_keeps_its_place():
    """All velocities fall to 0, and with them what determines the place between both gates: it stays in the middle."""
    problem = fv.FlowProblem(
        fv.MLP((1, 3, 2), "abs"), R.FeedbackAlignment(),
        weights=[[[-2], ["3/4"], [0]], [["5/4", "1/4", -1], ["3/2", 0, "7/4"]]],
        feedback=[[["-3/4", "3/2", 2], ["-7/4", 0, 2]]], inputs=[[-1, -1, -1]],
        targets=[["-5/4", "5/4", "-3/2"], ["3/4", "-3/2", "3/2"]],
    )  # fmt: skip
    for digits, least in ((15, 1e-12), (25, 1e-22)):
        path = fv.integrate(problem, 3, digits=digits)
        assert path.status == "ok"
        assert [event.kind for event in path.events] == ["slide"] * 3
        assert path.gate_violation < least
        assert max(abs(value) for value in path.weights()[0].ravel()[1:]) < least


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("digits", [15, 30])
def test_a_slide_that_stops_attracting_is_not_unique(samples, digits):
    """Ẇ = −φ′(W) · samples · (1 − t): from t = 1 both sides drive W away. Of two samples no cap vanishes."""
    apart = np.array([[1, -1]]) if samples == 2 else np.array([[0]])
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "abs"), R.FeedbackAlignment(), weights=[[[0]], ONE], feedback=[ONE], inputs=[[1] * samples],
        error=lambda t, f: f * 0 + 1 - t + apart,
    )  # fmt: skip
    with pytest.raises(fv.NonUnique):
        fv.integrate(problem, 2, digits=digits)
    assert fv.integrate(problem, "9/10", digits=digits).status == "ok"


def test_ways_to_go_on_are_compared_in_one_unit():
    """A dead neuron of equal samples: below and sliding are the same motion, whatever unit each trial chose."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1), "relu", True), R.FeedbackAlignment(), weights=[[["-3/4"], [0]], [["1/4", "3/2"]]],
        biases=[[[-2], ["1/4"]], [[1]]], feedback=[[["1/2", "7/4"]]], inputs=[["-3/4", "-3/4"]],
        targets=[["7/4", "-5/4"]],
    )  # fmt: skip
    for digits in (15, 25):
        assert [event.kind for event in fv.integrate(problem, 3, digits=digits).events] == ["cross", "cross"]


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_a_series_with_gaps_is_not_taken_for_a_polynomial(depth):
    """From W = 0 the series of L layers has orders 1, 3, 7, …: the last two coefficients of an expansion are 0."""
    ones = [[[1]]] * depth
    problem = fv.FlowProblem(
        fv.MLP((1,) * (depth + 1), "linear"), fv.rules.FeedbackAlignment(), weights=[[[0]]] * depth,
        feedback=ones[1:], inputs=[[1]], targets=[["1/2"]],
    )  # fmt: skip
    rough, fine = (fv.integrate(problem, 30, digits=digits) for digits in (15, 30))
    for mine, theirs in zip(rough.weights(), fine.weights(), strict=True):
        assert abs(mine[0, 0] - theirs[0, 0]) < 1e-9
    f = 1
    for W in rough.weights():
        f = f * W[0, 0]
    assert abs(f - 0.5) < 1e-3  # it converges from every start (RK-POT)


@pytest.mark.parametrize("digits", [15, 30])
def test_a_determinant_of_0_has_no_logarithm_at_any_precision(digits):
    problem = small(weights=[ONE, [[0]]], targets=None, error=lambda t, f: f - fv.logdet(f))
    with pytest.raises(fv.NonFiniteError, match="outside the domain of a function"):
        fv.integrate(problem, 1, digits=digits)


@pytest.mark.parametrize("read", [fv.FlowProblem.from_dict, fv.FlowProblem.from_json])
def test_what_is_no_record_is_told(read):
    with pytest.raises(fv.Misuse, match=r"(record|path) = '?5'?: expected"):
        read(5)
