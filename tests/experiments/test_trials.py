"""Every trial: its cases hold, its control fails somewhere, its mutants fail, and a written case runs again."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import mpmath
import pytest

import faverify as fv
from faverify.experiments import alignment, convergence, potentials, random_problems, several_outputs
from faverify.experiments.exact import array, definite, independent, norm2, off_span
from faverify.experiments.looking import eigenvalues, reals
from faverify.experiments.trials import TRIALS, generator, outcome

DIGITS = 20
CASES = 3
CLAIMS = [claim for claim in TRIALS if claim != "RK-T1"]


def record_of(claim, case, digits=DIGITS, seed=0):
    record = json.loads(outcome(TRIALS[claim].function, seed, digits, case))
    assert "error" not in record, record["error"]
    return record


@pytest.fixture(scope="module")
def records():
    return {claim: [record_of(claim, case) for case in range(CASES)] for claim in CLAIMS}


@pytest.mark.parametrize("claim", CLAIMS)
def test_cases_hold_and_controls_fail(records, claim):
    assert [record["holds"] for record in records[claim]] == [True] * CASES
    assert True in [record["control"]["violated"] for record in records[claim]]
    for record in records[claim]:
        assert record["measures"]["noise_floor"] != "0.0"
        assert float(record["moved"]) > 1e-3  # a state that stands still would pass, too


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_case_depends_on_its_seed_and_number_alone(records, claim):
    quickest = min(records[claim], key=lambda record: record["steps"])
    assert record_of(claim, quickest["case"]) == quickest
    assert all(record["measures"] != other["measures"] for record, other in itertools.pairwise(records[claim]))


def doubled(function):
    return lambda *arguments: 2 * function(*arguments)


def mutant_values(starts, beta, v):
    found = [v]
    for W, b in zip(starts, beta, strict=True):
        found.append(W @ found[-1] + b * norm2(found[-1]))  # ‖v‖² for ½‖v‖²
    return found


MUTANTS = {
    "RK-C1": (alignment, "promise", lambda start, B: norm2(B) - norm2(start) * Fraction(499, 1000)),
    "RK-C1-cos": (alignment, "greatest_sine2", lambda ratio2: ratio2 / 4),
    "RK-T2-rate": (convergence, "rate", doubled(convergence.rate)),
    "RK-T2-minnorm": (convergence, "predicted", lambda minimum, off, first, W2: minimum),
    "RK-POT": (potentials, "values", mutant_values),
    "RK-T2-multi": (several_outputs, "weighed", lambda B, R: norm2(R) / 2),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_mutants_fail_and_their_examples_run_again(records, monkeypatch, claim):
    violated = [k for k, record in enumerate(records[claim]) if record["control"]["violated"]]
    violated.sort(key=lambda k: records[claim][k].get("rows_in_span", False))
    with monkeypatch.context() as patch:
        patch.setattr(*MUTANTS[claim])
        record = record_of(claim, violated[0])
        assert record["holds"] is False
    example = record["example"]
    assert example["digits"] == DIGITS
    found = fv.replay(
        {"claim": claim, "case": violated[0], "example": json.loads(json.dumps(example)), "record": record}
    )
    assert found.holds is True  # without the mutation
    assert found.record["measures"] == records[claim][violated[0]]["measures"]


def test_the_rate_for_several_outputs_is_no_better(monkeypatch):
    problem = several_outputs.isometric(generator(3, 1))
    assert several_outputs.shown_shrinking(problem, DIGITS)["holds"] is True
    monkeypatch.setattr(several_outputs, "rate", lambda q, smallest: 40 * smallest)
    assert several_outputs.shown_shrinking(problem, DIGITS)["holds"] is False


# The problems that are drawn satisfy the hypotheses, decided over the rational numbers


@pytest.mark.parametrize("case", range(12))
def test_starts_of_chains_satisfy_the_corollary(case):
    problem = random_problems.aligned_chain(generator(1, case), "relu")
    for layer in range(1, problem.net.depth):
        below, above, B = (array(problem.data[name]) for name in (f"W{layer}", f"W{layer + 1}", f"B{layer + 1}"))
        assert (above == B).all()
        assert norm2(below) < 2 * norm2(B)


@pytest.mark.parametrize("case", range(12))
def test_starts_of_pairs_satisfy_theorem_2(case):
    problem = random_problems.aligned_pair(generator(1, case), (0.5, 2.0))
    x, B, W1, W2 = (array(problem.data[name]) for name in ("x", "B2", "W1", "W2"))
    assert (W2 == B).all()
    assert independent(x)
    with mpmath.workdps(30):
        assert eigenvalues(reals(W1 @ W1.T))[-1] < 2 * reals(B @ B.T)[0, 0]


@pytest.mark.parametrize("case", range(6))
def test_half_off_starts_refute_the_literal_claim(case):
    problem = convergence.half_off(generator(1, case))
    x, W1, W2 = (array(problem.data[name]) for name in ("x", "W1", "W2"))
    off = off_span(x)
    assert not (off @ x).any()
    assert not (off @ W1.T @ W2.T).any()  # w(0) is in the span of the samples
    assert (off @ W1.T).any()  # the rows of W₁(0) are not


@pytest.mark.parametrize("case", range(6))
def test_starts_of_several_outputs(case):
    skewed, isometric = (make(generator(1, case)) for make in (several_outputs.skewed, several_outputs.isometric))
    for problem in (skewed, isometric):
        B, W1, W2 = (array(problem.data[name]) for name in ("B2", "W1", "W2"))
        assert definite(several_outputs.constant(B, W1, W2))
    B = array(isometric.data["B2"])
    assert (several_outputs.identity(len(B)) == B @ B.T).all()


def test_every_kind_of_start_is_drawn():
    zero = [potentials.any_start(generator(0, case)) for case in range(12)]
    kinds = {bool(array(problem.data["W1"]).any()) for problem in zero}
    assert kinds == {True, False}
    for start in potentials.STARTS:
        problem = potentials.any_start(generator(0, 5), start=start)
        assert all(beta.any() for beta in potentials.betas(problem))
        if start == "anti-aligned":
            assert (array(problem.data["W2"]) == -array(problem.data["B2"])).all()


def test_the_loss_rises_in_some_case_while_the_potential_falls(records):
    rises = [float(record["measures"]["rise_of_loss"]) for record in records["RK-POT"]]
    assert max(rises) > 1e-3


@pytest.mark.parametrize("where", ["least_alignment_after_step", "least_alignment_beyond"])
def test_alignment_is_lost_in_some_case_after_one_step_and_beyond_the_square_root_of_two(records, where):
    assert min(float(record["control"][where]) for record in records["RK-C1"]) < 0
