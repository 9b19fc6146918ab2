"""Enclosures: closed forms and 60-digit paths are inside, wrong ones are not; what is refused is refused in time."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import mpmath
import pytest

import faverify as fv

from ..conftest import RELU_FLOWS as CASES

FA = fv.rules.FeedbackAlignment()
ONE = [[1]]


def scalar(rule=FA, error=None, targets=None, w1=1, w2=1, activation="linear"):
    net = fv.MLP((1, 1, 1), activation)
    return fv.FlowProblem(net, rule, weights=[[[w1]], [[w2]]], feedback=[ONE], inputs=ONE, error=error, targets=targets)


def small(activation, rule=FA):
    return fv.FlowProblem(
        fv.MLP((2, 3, 1), activation),
        rule,
        weights=[[["1/2", "-1/4"], ["3/4", "1/8"], ["-1/2", "5/8"]], [["1/2", "1/4", "-3/4"]]],
        feedback=[[["3/4", "-1/2", "1/4"]]],
        inputs=[["1/2", -1], ["5/4", "1/10"]],
        targets=[[1, "-1/2"]],
    )


def holds(found, rows):
    """Whether bounds hold matrices of rational numbers, entry by entry."""
    return all(
        bound.lower <= value <= bound.upper
        for bounds, matrix in zip(found, rows, strict=True)
        for row, values in zip(bounds, matrix, strict=True)
        for bound, value in zip(row, values, strict=True)
    )


def path_rows(path, t):
    rows = path.fractions(t)
    return [rows[f"W{k}"] for k in path.problem.net.labels]


def times(found, parts=7):
    """Times within steps, and the ends of every step."""
    return [found.t_end * k / parts for k in range(parts + 1)] + [time for time, _ in found.widths[1:4]]


# Closed forms


@pytest.mark.parametrize("digits", [12, 30, 60])
def test_a_flow_that_blows_up_is_enclosed_before_it_does(digits):
    """RK-T1-global: W₁ = (1 − 2t)^(−1/2), W₂ = W₁²/2."""
    found = fv.enclose(scalar(error=lambda t, f: -2 * f, w2="1/2"), "0.4", digits=digits)
    assert found.status == "ok"
    assert found.width < Fraction(10) ** (2 - digits)
    for t in (Fraction(0), Fraction(1, 10), Fraction(3, 8), Fraction(2, 5)):
        square = 1 / (1 - 2 * t)
        first, second = (bounds[0][0] for bounds in found.bounds(t))
        assert first.lower > 0
        assert first.lower**2 <= square <= first.upper**2
        assert second.lower <= square / 2 <= second.upper


def test_nothing_is_enclosed_beyond_a_blow_up():
    found = fv.enclose(scalar(error=lambda t, f: -2 * f, w2="1/2"), 1, digits=15)
    assert found.status == "stopped"
    assert Fraction(49, 100) < found.t_end < Fraction(1, 2)


def test_a_residual_that_decays_like_a_power():
    """RK-T2-rate-literal: W₂ = α = 1/(2(1 + t)), W₁ = (1 + t)^(−1/2)."""
    net = fv.MLP((2, 1, 1), "linear")
    problem = fv.FlowProblem(net, FA, weights=[[[1, 0]], [["1/2"]]], feedback=[ONE], inputs=[[1], [0]], targets=[[0]])
    found = fv.enclose(problem, 8)
    assert holds(found.bounds(8), [[[Fraction(1, 3), 0]], [[Fraction(1, 18)]]])
    assert holds(found.bounds(3), [[[Fraction(1, 2), 0]], [[Fraction(1, 8)]]])
    (alignment,) = found.alignment()
    assert Fraction(55, 1000) < alignment.lower <= Fraction(1, 18)
    assert Fraction(1, 2) <= alignment.upper


def test_an_error_signal_that_depends_on_time():
    """e = t: W₁ = 1 − t²/2, W₂ = 1 − t²/2 + t⁴/8."""
    found = fv.enclose(scalar(error=lambda t, f: t + 0 * f), 2, digits=25)
    for t in (Fraction(1, 3), Fraction(2)):
        assert holds(found.bounds(t), [[[1 - t**2 / 2]], [[1 - t**2 / 2 + t**4 / 8]]])


def test_neurons_that_come_to_rest_on_their_kinks():
    """RK-C1-descent-relu: W₁ = (1, 0)ᵀ ends at 0 exactly, W₂ at (−½, 1), the loss at ½."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1)), FA, weights=[[[1], [0]], [["1/2", 1]]], feedback=[[["1/2", 1]]], inputs=ONE, targets=[[-1]]
    )
    found = fv.enclose(problem, 5)
    assert found.status == "ok"
    assert [(met.kind, met.neuron) for met in found.meetings] == [("park", 1), ("park", 0)]
    assert holds(found.bounds(), [[[0], [0]], [[Fraction(-1, 2), 1]]])
    assert found.width < Fraction(1, 10**29)


# Against paths


@pytest.mark.parametrize(("case", "kinds"), [(0, ["park", "cross", "park", "park"]), (5, ["idle"] * 4 + ["park"])])
def test_kinks_are_crossed_and_the_reference_is_inside(case, kinds):
    problem, t = fv.FlowProblem.from_dict(CASES[case]), CASES[case]["t"]
    found = fv.enclose(problem, t)
    assert found.status == "ok"
    assert found.width < Fraction(1, 10**28)
    rows = [[[Fraction(text) for text in row] for row in matrix] for matrix in CASES[case]["weights_at_t"]]
    assert holds(found.bounds(), rows)
    assert [met.kind for met in found.meetings] == kinds
    events = [met for met in found.meetings if met.kind != "idle"]
    for met, event in zip(events, CASES[case]["events"], strict=True):
        assert (met.layer, met.neuron, met.sample) == (event["layer"], event["neuron"], event["sample"])
        assert abs(met.low - Fraction(event["t"])) < Fraction(1, 10**14)
    path = fv.integrate(problem, t, digits=60)
    for time in times(found):
        assert holds(found.bounds(time), path_rows(path, time))
    drift = found.drift(fv.laws.neuron_feedback_balance)
    assert drift.lower == 0
    assert drift.upper < Fraction(1, 10**28)


@pytest.mark.parametrize(
    ("inputs", "kinds"),
    [
        ([[1, -1], ["1/2", 2]], ["park", "park"]),  # as README's
        ([["0.3", "-0.3"], ["0.15", "0.6"]], ["park"]),  # no binary fractions, and orthogonal all the same
        ([[1, -1], ["1/2", "1.99"]], ["cross", "cross"]),
    ],
)
def test_what_is_switched_off_stands_still_where_samples_are_orthogonal(inputs, kinds):
    """Beyond its kink an argument is moved by the other samples alone: here at rate 0, and not at one around 0."""
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 1)),
        FA,
        weights=[[["1/2", 1], ["-1/4", "3/4"]], [[1, "-1/2"]]],
        feedback=[[["1/2", 1]]],
        inputs=inputs,
        targets=[[-1, "1/2"]],
    )
    found = fv.enclose(problem, 3)
    assert found.status == "ok"
    assert [met.kind for met in found.meetings] == kinds
    path = fv.integrate(problem, 3, digits=60)
    assert [event.kind for event in path.events] == ["cross"] * len(kinds)
    for met, event in zip(found.meetings, path.events, strict=True):
        assert (met.layer, met.neuron, met.sample) == (event.layer, event.neuron, event.sample)
    for time in times(found):
        assert holds(found.bounds(time), path_rows(path, time))


def test_a_sliding_mode_is_refused_in_time():
    problem, event = fv.FlowProblem.from_dict(CASES[1]), CASES[1]["events"][1]
    found = fv.enclose(problem, 3)
    assert found.status == "sliding"
    met = found.meetings[-1]
    assert (met.kind, met.layer, met.neuron, met.sample) == ("slide", 1, event["neuron"], event["sample"])
    assert abs(met.low - Fraction(event["t"])) < Fraction(1, 10**14)
    assert met.high - met.low < Fraction(1, 10**25)
    assert found.t_end <= met.low
    path = fv.integrate(problem, found.t_end, digits=60)
    assert all(holds(found.bounds(time), path_rows(path, time)) for time in times(found))
    with pytest.raises(fv.Misuse, match=r"t = '1': expected a time in \[0, 0\.532.*sliding"):
        found.weights(1)


@pytest.mark.parametrize("activation", ["tanh", "erf", "sigmoid", "leaky-relu-1/10", "power-2", "elu"])
def test_other_activations(activation):
    found = fv.enclose(small(activation), "1/2", digits=18)
    assert found.status == "ok"
    path = fv.integrate(small(activation), "1/2", digits=40)
    assert all(holds(found.bounds(time), path_rows(path, time)) for time in times(found, 3))
    assert found.width < Fraction(1, 10**15)
    homogeneous = activation == "leaky-relu-1/10"
    assert (found.drift(fv.laws.feedback_balance).lower > 0) != homogeneous


@pytest.mark.parametrize(
    "rule",
    [fv.rules.BackPropagation(), fv.rules.KolenPollack(), fv.rules.SignSymmetry()],
    ids=lambda r: type(r).__name__,
)
def test_other_rules(rule):
    found = fv.enclose(small("tanh", rule), "1/2", digits=15)
    path = fv.integrate(small("tanh", rule), "1/2", digits=30)
    assert found.status == "ok"
    assert holds(found.bounds(), path_rows(path, Fraction(1, 2)))


def test_widths_shrink_with_the_digits():
    widths = [fv.enclose(small("relu"), 1, digits=digits).width for digits in (10, 20, 30)]
    assert all(b < a / 10**7 for a, b in pairwise(widths))


# What is proved along all of it


class WrongSign(fv.rules.FeedbackAlignment):
    """The error comes back through −B."""

    def feedback(self, above):
        return -above.B


def test_a_wrong_sign_is_proved_to_drift():
    right, wrong = (fv.enclose(small("relu", rule), 1, digits=20) for rule in (FA, WrongSign()))
    assert right.drift(fv.laws.feedback_balance).lower == 0
    assert right.drift(fv.laws.feedback_balance).upper < Fraction(1, 10**17)
    found = wrong.drift(fv.laws.feedback_balance)
    assert Fraction(1, 100) < found.lower <= found.upper < 10


def test_bounds_hold_between_the_steps():
    """⟨W₂, B⟩ = W₂ = (t² − 2)²/8 + ½ has its least value ½ at √2, which no step ends at."""
    found = fv.enclose(scalar(error=lambda t, f: t + 0 * f), 2, digits=25)
    (alignment,) = found.alignment()
    assert Fraction(43, 100) < alignment.lower < Fraction(1, 2)
    (first,) = found.range(lambda layer, above: fv.norm2(layer.W))
    assert first.lower <= 0
    assert first.upper < Fraction(11, 10)
    assert first.upper >= 1


def test_a_law_with_a_sign_of_its_own():
    found = fv.enclose(scalar(error=lambda t, f: t + 0 * f), 2, digits=25)
    (size,) = found.range(lambda layer, above: fv.norm1(layer.W))
    assert Fraction(-6, 5) < size.lower <= 0
    assert 1 <= size.upper < Fraction(6, 5)


def test_the_alignment_of_the_corollary_is_proved():
    """RK-C1: W₂(0) = B and ‖W₁(0)‖ ≤ ‖B‖ keep ⟨W₂, B⟩ ≥ ½‖B‖²."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1), "linear"),
        FA,
        weights=[[[1], ["-1/2"]], [[1, "1/2"]]],
        feedback=[[[1, "1/2"]]],
        inputs=ONE,
        targets=[[-2]],
    )
    (alignment,) = fv.enclose(problem, 3, digits=15).alignment()
    assert alignment.lower > Fraction(5, 8)


# Controls


def test_a_wrong_trajectory_is_outside():
    found = fv.enclose(small("relu"), 1)
    path = fv.integrate(small("relu"), 1, digits=60)
    rows = path_rows(path, 1)
    assert holds(found.bounds(), rows)
    rows[0][0][0] += Fraction(1, 10**25)
    assert not holds(found.bounds(), rows)
    assert not holds(found.bounds(), path_rows(path, Fraction(99999, 100000)))
    other = fv.FlowProblem.from_dict(small("relu").to_dict() | {"targets": [[1, Fraction(-500001, 1000000)]]})
    assert not holds(found.bounds(), path_rows(fv.integrate(other, 1, digits=60), 1))


def test_what_can_go_two_ways_is_undecided():
    """h = 0 with ḣ > 0 above and ḣ = 0 below may stay or leave."""
    found = fv.enclose(scalar(w1=0, targets=[[1]], activation="relu"), 1)
    assert (found.status, found.t_end) == ("undecided", 0)
    assert "neither leaves it nor provably stays" in found.note


def test_a_kink_is_left_at_the_start():
    problem = scalar(w1=0, targets=[[1]], activation="leaky-relu-1/2")
    found = fv.enclose(problem, 1)
    assert (found.status, [met.kind for met in found.meetings]) == ("ok", ["leave"])
    path = fv.integrate(problem, 1, digits=60)
    assert holds(found.bounds(), path_rows(path, 1))


def test_a_budget_ends_the_enclosure():
    found = fv.enclose(small("relu"), 100, budget=2)
    assert (found.status, found.steps, found.note) == ("budget", 2, "2 steps were made")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, "t = -1: expected a time of 0 or more"),
        ({"digits": 3}, "digits = 3: expected a whole number from 6 to 400"),
        ({"order": 2}, "order = 2: expected a whole number from 10 to 1000"),
        ({"budget": 0}, "budget = 0: expected a whole number, at least 1"),
    ],
)
def test_misuse(arguments, message):
    with pytest.raises(fv.Misuse) as caught:
        fv.enclose(small("relu"), **({"t": 1} | arguments))
    assert str(caught.value) == message


def test_misuse_of_the_result():
    found = fv.enclose(small("relu"), 0)
    assert (found.status, found.width) == ("ok", 0)
    with pytest.raises(fv.Misuse, match=r"problem = 3: expected a fv\.FlowProblem"):
        fv.enclose(3, 1)
    with pytest.raises(fv.Misuse, match="layer = 7: expected one of 1, or −1"):
        found.drift(fv.laws.feedback_balance, layer=7)
    with pytest.raises(fv.LawError, match="not finite along the enclosure"):
        fv.enclose(small("relu"), 1, digits=10).range(
            lambda layer, above: 1 / (fv.norm2(layer.W) * 0 + 0 * layer.W[0, 0])
        )


# Records


def test_a_record_is_rounded_outward():
    found = fv.enclose(small("relu"), 1, digits=20)
    record = json.loads(json.dumps(found.to_dict()))
    assert (record["kind"], record["status"], record["t_end"]) == ("enclosure", "ok", "1")
    for rows, bounds in zip(record["weights"], found.bounds(), strict=True):
        for texts, row in zip(rows, bounds, strict=True):
            for (low, high), bound in zip(texts, row, strict=True):
                assert Fraction(low) <= bound.lower <= bound.upper <= Fraction(high)
    assert Fraction(record["width"]) >= found.width
    assert "python-flint" in record["trusted"]


def test_it_says_what_it_proves():
    text = str(fv.enclose(small("relu"), 1, digits=10))
    assert text.startswith("Proved for this one trajectory (this network, rule, start and data), for all t in [0, 1]")
    assert "Trusted: python-flint's balls" in text


def test_weights_are_balls():
    found = fv.enclose(small("relu"), 1, digits=20)
    with mpmath.workdps(40):
        expected = fv.integrate(small("relu"), 1, digits=40).weights()[1]
    assert [w.shape for w in found.weights()] == [(3, 2), (1, 3)]
    assert abs(found.weights()[1][0, 0] - float(expected[0, 0])) < 1e-15
