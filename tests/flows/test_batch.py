"""Stacks of cases go as each of them does alone; none is dropped; a reference of another kind agrees."""

from __future__ import annotations

import numpy as np
import pytest

import faverify as fv
from faverify.experiments.random_problems import random_chain
from faverify.experiments.trials import generator

from .regularised import agreement

RULE = fv.rules.FeedbackAlignment()
CASES = [random_chain(generator(11, k), RULE) for k in range(40)]


def test_a_stack_goes_as_its_cases_do():
    """Shapes are mixed; each group of one shape is a stack."""
    twice = [*CASES[:12], *(random_chain(generator(12, 0), RULE) for _ in range(3))]
    batch = fv.integrate_many(twice, 2)
    assert sum(batch.counts.values()) == len(batch) == 15
    assert batch.counts["ok"] >= 10
    for problem, outcome in zip(twice, batch.outcomes, strict=True):
        path = fv.integrate(problem, 2, digits=15, on_nonunique="follow")
        if outcome.status == "ok":
            gaps = [
                np.abs(np.array(a, dtype=float) - b).max() for a, b in zip(path.weights(), outcome.weights, strict=True)
            ]
            assert max(gaps) < 1e-11
            assert [e.kind for e in path.events] == [e.kind for e in outcome.events]
    assert batch[12].weights[0].tolist() == batch[13].weights[0].tolist() == batch[14].weights[0].tolist()


def test_every_case_ends_with_a_named_status():
    batch = fv.integrate_many(CASES, 2)
    assert set(batch.counts) <= {"ok", "nonunique", "unresolved", "budget", "blow-up"}
    assert batch.counts["ok"] >= 30
    assert max(o.gate_violation for o in batch.outcomes if o.status == "ok") < 1e-12
    assert batch.to_dict()["cases"] == 40
    assert "40 cases" in str(batch)


def test_gates_as_steep_ramps_agree():
    """Ramps of width ε and ε/2 by SciPy: within three times their own difference."""
    chosen = CASES[:10]
    batch = fv.integrate_many(chosen, 2)
    checked = 0
    for problem, outcome in zip(chosen, batch.outcomes, strict=True):
        if outcome.status == "ok":
            ours, theirs = agreement(problem, outcome.weights, 2)
            assert ours <= 3 * theirs + 1e-8
            checked += 1
    assert checked >= 6


def test_a_slow_start_is_no_rest():
    """Velocities of 1e−13 beside a saddle grow: a case that seems to rest must still be followed."""
    problem = random_chain(generator(5, 42), RULE)
    rough = fv.integrate_many([problem], 3)[0]
    fine = fv.integrate(problem, 3, digits=22)
    gaps = [np.abs(np.array(a, dtype=float) - b).max() for a, b in zip(fine.weights(), rough.weights, strict=True)]
    assert max(gaps) < 1e-11


def test_activations_of_one_phi_are_told_apart():
    def phi(h):
        return h if h > 0 else 0 * h

    def problem(low):
        net = fv.MLP((1, 2, 1), fv.Activation(phi, lambda h: 1 if h > 0 else low, name="φ"))
        data = {"weights": [[[-1], [1]], [[1, 1]]], "feedback": [[[1, 1]]], "inputs": [[1]], "targets": [[3]]}
        return fv.FlowProblem(net, RULE, **data)

    plain, surrogate = fv.integrate_many([problem(0), problem(0.5)], 1).outcomes
    assert plain.weights[0][0, 0] == -1
    assert abs(surrogate.weights[0][0, 0] - fv.integrate(problem(0.5), 1, digits=15).weights()[0][0, 0]) < 1e-12


def test_a_blow_up_in_a_stack_stops_no_one_else():
    """W₁ = (1 − 2t)^{−1/2} for W₂(0) = ½; for W₂(0) = −1 it decays."""
    one, signal = [[1]], lambda t, f: -2 * f
    problems = [
        fv.FlowProblem(
            fv.MLP((1, 1, 1), "linear"), RULE, weights=[one, [[w]]], feedback=[one], inputs=one, error=signal
        )
        for w in (0.5, -1, 0.5)
    ]
    batch = fv.integrate_many(problems, 1)
    assert [o.status for o in batch.outcomes] == ["blow-up", "ok", "blow-up"]
    assert abs(batch[0].t_end - 0.5) < 1e-9
    assert batch[1].t_end == 1.0


def test_bad_batches():
    with pytest.raises(fv.Misuse, match=r"fv\.FlowProblem objects"):
        fv.integrate_many([1], 1)
    with pytest.raises(fv.Misuse, match="'stop' or 'follow'"):
        fv.integrate_many([], 1, on_nonunique="raise")
    assert len(fv.integrate_many([], 1)) == 0
