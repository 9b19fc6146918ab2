"""Limits of two-layer linear networks, proved for all t ≥ 0."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from flint import arb, arb_mat

import faverify as fv
from faverify.flows.balls import ball, bounds, matrix_of, precision
from faverify.flows.limits import Reduced, positive, rank
from faverify.flows.lohner import Run
from faverify.kernel.trajectories import enclosed

CASES = json.loads((Path(__file__).parent / "linear_limits.json").read_text(encoding="utf-8"))["linear"]
FA = fv.rules.FeedbackAlignment()
DIGITS = 50  # of the reference


def near(found, text):
    """Whether a ball meets the numbers that a decimal text of 50 digits stands for."""
    value, (low, high) = Fraction(text), bounds(found)
    slack = max(abs(value), 1) * Fraction(10) ** (1 - DIGITS)
    return low - slack <= value <= high + slack


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case["widths"])))
def test_limits_of_the_reference(case):
    problem, expected = fv.FlowProblem.from_dict(case), case["limit"]
    found = fv.enclose_limit(problem)
    assert found.status == "enclosed"
    for name, balls in (("integrated_error", found.integrated_error), ("w", found.w), ("W2", found.W2[0])):
        assert all(near(value, text) for value, text in zip(balls, expected[name], strict=True))
        assert all(value.rad() < 1e-40 for value in balls)
    assert near(found.alignment, expected["alignment"])
    assert near(found.rate, expected["rate"])
    assert found.rate.rad() < 1e-40
    assert found.minimum_norm is True
    assert all(a.overlaps(b) for a, b in zip(found.w, found.minimum_norm_solution, strict=True))
    lowest = found.alignment_at_least
    assert Fraction(case["proved"]["alignment_at_least"]) * Fraction(9, 10) < lowest <= bounds(found.alignment)[1]
    path = fv.integrate(problem, Fraction(case["proved"]["up_to_t"]) / 16, digits=15)
    assert all(alignment_of(problem, path.fractions(path.t_end * k / 8)) > lowest for k in range(9))
    assert 0 < found.decay <= bounds(found.rate)[1]


def alignment_of(problem, rows):
    return sum(w * b for w, b in zip(rows["W2"][0], problem.data["B2"][0], strict=True))


def test_the_reduction_is_the_flow():
    problem = fv.FlowProblem.from_dict(CASES[0])
    reduced = Reduced(problem)
    run = Run(reduced.program, reduced.start, Fraction(1), 25, 31)
    while not run.status:
        run.advance()
    whole = fv.enclose(problem, 1, digits=25)
    with precision(run.bits):
        p = arb_mat([[entry] for entry in run.box.hull()])
        for node, rows in zip((reduced.W1, reduced.W2), whole.weights(), strict=True):
            for a, b in zip(reduced.at(node, p).entries(), rows.flatten(), strict=True):
                assert a.overlaps(b)
                assert (a - b).abs_upper() < 1e-22


def test_a_limit_without_least_norm():
    """RK-T2-minnorm-literal: X = (1, 0), y = 13/2: the limit is (13/2, ½)."""
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 1), "linear"),
        FA,
        weights=[[[1, "1/2"], [0, "-1/2"]], [[1, 1]]],
        feedback=[[[1, 1]]],
        inputs=[[1], [0]],
        targets=[["13/2"]],
    )
    found = fv.enclose_limit(problem, digits=30)
    assert found.minimum_norm is False
    assert found.w[0].contains(ball(Fraction(13, 2)))
    assert found.w[1].contains(ball(Fraction(1, 2)))
    assert found.alignment_at_least >= Fraction(7, 4) * Fraction(95, 100)
    assert found.proved[-1] == "the limit is not the solution of least norm"
    assert "Proved for this one trajectory" in str(found)


def test_no_rate_no_limit():
    """RK-T2-rate-literal: α → 0, and nothing traps the flow."""
    problem = fv.FlowProblem(
        fv.MLP((2, 1, 1), "linear"),
        FA,
        weights=[[[1, 0]], [["1/2"]]],
        feedback=[[[1]]],
        inputs=[[1], [0]],
        targets=[[0]],
    )
    found = fv.enclose_limit(problem, digits=20, budget=20)
    assert (found.status, found.proved, found.w) == ("undecided", (), None)
    assert str(found).startswith("Undecided: ")
    assert json.loads(json.dumps(found.to_dict()))["status"] == "undecided"


def test_an_anti_aligned_start_is_enclosed_too():
    """RK-POT: W₂(0) = −B."""
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[[["1/2"]], [[-1]]], feedback=[[[1]]], inputs=[[1]], targets=[[3]]
    )
    found = fv.enclose_limit(problem, digits=20)
    assert found.status == "enclosed"
    assert found.w[0].contains(3)
    assert Fraction(-12, 10) < found.alignment_at_least <= -1
    assert found.alignment > 0


def test_records_are_rounded_outward():
    record = json.loads(json.dumps(fv.enclose_limit(fv.FlowProblem.from_dict(CASES[0]), digits=20).to_dict()))
    low, high = record["alignment"]
    assert Fraction(low) < Fraction(CASES[0]["limit"]["alignment"]) < Fraction(high)
    assert len(record["proved"]) == 4


def linear(**changes):
    parts = {"weights": [[[1, 0]], [[1]]], "feedback": [[[1]]], "inputs": [[1], [0]], "targets": [[1]]}
    return fv.FlowProblem(fv.MLP((2, 1, 1), "linear"), changes.pop("rule", FA), **(parts | changes))


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (linear(inputs=[[1, 2], [0, 0]], targets=[[1, 2]]), "2 samples of rank 1'*: expected independent samples"),
        (linear(rule=fv.rules.BackPropagation(), feedback=()), r"expected fv\.rules\.FeedbackAlignment"),
        (linear(targets=None, error=lambda t, f: f), "expected targets: the limit is that of the squared loss"),
        (fv.FlowProblem.from_dict({**CASES[0], "activation": "relu"}), "expected a network of two linear layers"),
        (
            fv.FlowProblem(
                fv.MLP((1, 1, 2), "linear"),
                FA,
                weights=[[[1]], [[1], [1]]],
                feedback=[[[1], [1]]],
                inputs=[[1]],
                targets=[[1], [2]],
            ),
            "expected one output",
        ),
        (3, r"expected a fv\.FlowProblem"),
    ],
)
def test_misuse(problem, message):
    with pytest.raises(fv.Misuse, match=message):
        fv.enclose_limit(problem)


def test_ranks_and_signs_are_not_guessed():
    assert rank([[Fraction(1), Fraction(2)], [Fraction(2), Fraction(4)]]) == 1
    assert rank([[Fraction(0), Fraction(2)], [Fraction(2), Fraction(10**30)]]) == 2
    square = matrix_of([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]])
    assert positive(square, Fraction(99, 100))
    assert not positive(square, Fraction(1))
    assert not positive(square * arb(-1), Fraction(0))


def test_a_limit_is_a_verdict_of_one_trajectory():
    problem = fv.FlowProblem.from_dict(CASES[0])
    verdict = fv.enclose_limit(problem).verdict
    assert verdict.kind == "proved"
    assert verdict.scope.time == "all t ≥ 0"
    assert verdict.scope.widths == ", ".join(map(str, problem.net.widths))


def test_an_enclosure_that_found_nothing_is_undecided():
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 1), "linear"), FA, weights=[[[0, 0], [0, 0]], [[0, 0]]], feedback=[[[0, 0]]],
        inputs=[[1], [0]], targets=[[1]],
    )  # fmt: skip
    found = fv.enclose_limit(problem)
    assert found.proved == ()
    assert found.verdict.kind == "undecided"


def test_only_one_network_is_enclosed():
    scope = fv.Scope(*["all"] * 8)
    with pytest.raises(ValueError, match="one network"):
        enclosed("FA", ("anything",), scope, None)


def test_a_flow_that_starts_where_it_ends():
    """r(0) = 0: the distance to the limit is a ball around 0."""
    parts = {"weights": [[[1, 0], [0, 0]], [[1, 1]]], "feedback": [[[1, 1]]], "inputs": [[1], [0]], "targets": [[1]]}
    found = fv.enclose_limit(fv.FlowProblem(fv.MLP((2, 2, 1), "linear"), FA, **parts))
    assert found.status == "enclosed"
    assert all(value.contains(expected) for value, expected in zip(found.w, (1, 0), strict=True))
