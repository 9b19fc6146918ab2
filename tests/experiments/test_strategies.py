"""Strategies draw what they say, and theorems hold of what they draw."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings

import faverify as fv
from faverify.strategies import problems, rationals, square, widths

FEW = settings(max_examples=25, deadline=None)


@FEW
@given(problems(start="corollary"))
def test_starts_of_the_corollary_satisfy_it(problem):
    """A feedback of 0 makes everything below it 0."""
    data, depth = problem.data, problem.net.depth
    for layer in range(1, depth):
        assert data[f"W{layer + 1}"] == data[f"B{layer + 1}"]
        assert square(data[f"W{layer}"]) <= square(data[f"B{layer + 1}"])


@FEW
@given(problems(start="corollary", entries=rationals(1, 1), sizes=widths((2, 3), (1, 2), (1, 1))))
def test_small_numbers_bring_feedback_of_zero(problem):
    test_starts_of_the_corollary_satisfy_it.hypothesis.inner_test(problem)


@FEW
@given(problems(activations=("relu", "linear", "abs")))
def test_a_step_gains_half_its_square(problem):
    """RK-T1-discrete, on cases that shrink."""
    training = fv.steps(problem, "1/8", 2)
    values = training.law(fv.laws.feedback_balance)
    for step in range(2):
        for layer in range(1, problem.net.depth):
            gained = values[step + 1][layer] - values[step][layer]
            assert (gained == (training.moves(step)[f"W{layer}"] ** 2).sum() / 2).all()


@FEW
@given(problems(rule=fv.rules.DirectFeedbackAlignment(), activations=("linear",), start="zero"))
def test_weak_alignment_from_zero(problem):
    training, found = fv.steps(problem, "1/4", 2), fv.alignment_matrices(problem, "1/4", 2)
    assert all((w == v).all() for w, v in zip(training.weights(), found.weights(), strict=True))


def test_a_false_claim_is_falsified():
    """Positive alignment without its hypothesis: the search finds a case and shrinks it."""

    @settings(max_examples=200, deadline=None, database=None)
    @given(problems(sizes=widths((2, 2), (1, 1), (1, 1)), samples=(1, 1), start="feedback", activations=("linear",)))
    def claim(problem):
        audit = fv.audit(problem)
        assert audit.guarantee("RK-C1-sqrt2") or not any(v for row in problem.data["B2"] for v in row)

    with pytest.raises(AssertionError):
        claim()


@pytest.mark.parametrize(
    "options",
    [
        {"start": "somewhere"},
        {"rule": fv.rules.BackPropagation()},
        {"rule": fv.rules.DirectFeedbackAlignment(), "start": "feedback"},
    ],
)
def test_misuse_is_told(options):
    with pytest.raises(fv.Misuse):
        problems(**options)


def test_no_public_name_loads_them():
    code = "import sys, faverify as fv; [getattr(fv, n) for n in fv.__all__]; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
