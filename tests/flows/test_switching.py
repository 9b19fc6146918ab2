"""Parts of the method switched off: what then must fail does fail, though no law drifts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify.flows.boxes import Linear, exchanged, is_p_matrix
from faverify.flows.corners import ABOVE, BELOW, SLIDE
from faverify.flows.integrate import flow
from faverify.flows.recorders import recorded

from ..conftest import RELU_FLOWS as CASES

CROSSING, SLIDING, EXITING = CASES[0], CASES[1], CASES[2]


def run(case, *options, digits=30, rule=None):
    problem = fv.FlowProblem.from_dict(case)
    if rule is not None:
        named = {name: problem.data[name] for name in problem.data if name[0] in "WB"}
        weights = {n: v for n, v in named.items() if n[0] == "W"}
        back = {n: v for n, v in named.items() if n[0] == "B"}
        problem = fv.FlowProblem(
            problem.net, rule, weights=weights, feedback=back, inputs=problem.data["x"], targets=problem.data["y"]
        )
    return flow(problem, recorded(problem), Fraction(case["t"]), digits, options=frozenset(options))


def gap(path, case):
    if path.status != "ok":
        return 1.0
    rows = path.fractions()
    return max(
        float(abs(value - Fraction(text)))
        for k, expected in enumerate(case["weights_at_t"], 1)
        for row, texts in zip(rows[f"W{k}"], expected, strict=True)
        for value, text in zip(row, texts, strict=True)
    )


@pytest.mark.parametrize(
    ("case", "option"),
    [(CROSSING, "events"), (SLIDING, "events"), (SLIDING, "sliding"), (EXITING, "sliding"), (EXITING, "exits")],
)
def test_without_a_part_the_path_is_wrong_and_shows_it(case, option):
    whole, part = run(case), run(case, option)
    assert gap(whole, case) < 1e-28
    assert whole.gate_violation < 1e-28
    assert gap(part, case) > 1e-4
    assert part.status != "ok" or part.gate_violation > 1e-4


def test_a_drift_is_blind_to_a_missed_kink():
    """g h = a whatever g is, so that the law holds along a wrong path: hence the gate violation beside every drift."""
    path = run(CROSSING, "events")
    assert path.drift(fv.laws.feedback_balance) < 1e-27
    assert path.gate_violation > 1e-4


class WrongSign(fv.LearningRule):
    """Feedback alignment whose first layer climbs."""

    def feedback(self, above):
        return above.B

    def update(self, layer, below, output):
        sign = 1 if layer.index == 1 else -1
        return {"W": sign * layer.delta @ below.a.mT}


def test_one_wrong_sign_drifts():
    path = run(CROSSING | {"t": 1}, rule=WrongSign())
    found = path.evidence(fv.laws.feedback_balance)
    assert found.holds is False
    assert found.drift > 1e-3


def test_a_frozen_state_shows_nothing():
    frozen = fv.rules.Frozen(fv.rules.FeedbackAlignment(), (1, 2))
    found = run(CROSSING, rule=frozen).evidence(fv.laws.feedback_balance)
    assert found.holds is None
    assert "shows nothing" in str(found)


def test_evidence_of_a_law_that_holds():
    found = run(EXITING).evidence(fv.laws.neuron_feedback_balance)
    assert found.holds is True
    assert "no proof" in str(found)
    assert found.drift < 1000 * found.noise_floor
    record = found.to_dict()
    assert record["holds"] is True
    assert record["status"] == "ok"
    assert run(EXITING).evidence(fv.laws.balancedness).holds is False


# The box problem


def box(matrix, c, cap):
    """Units that act linearly, in one layer."""
    count = len(c)
    nothing = np.zeros((count, count))
    units = [type("Unit", (), {"flat": k, "below": 0})() for k in range(count)]
    return Linear(
        units,
        np.array(c, float),
        np.array(matrix, float),
        nothing,
        np.array(cap, float),
        nothing,
        np.zeros(1),
        np.ones((count, 1)),
    )


@pytest.mark.parametrize("seed", range(30))
def test_p_matrices_have_exactly_one_solution(seed):
    """Every combination of modes, tried one by one, against the exchange of one after the other."""
    draw = np.random.default_rng(seed)
    count = int(draw.integers(2, 5))
    root = draw.standard_normal((count, count + 1))
    model = box(-(root @ root.T), draw.standard_normal(count), draw.uniform(0.5, 2, count))
    assert is_p_matrix(-model.matrix * model.cap)
    combos = np.array(np.meshgrid(*[[BELOW, ABOVE, SLIDE]] * count)).reshape(count, -1).T
    found = model.candidates(combos)
    assert len(found) == 1
    assert list(found[0].modes.values()) == exchanged(model).tolist()


def test_a_repelling_kink_has_three_solutions():
    model = box([[1.0]], [-0.5], [1.0])
    assert not is_p_matrix(-model.matrix * model.cap)
    assert sorted(c.modes[0] for c in model.candidates(np.array([[BELOW], [ABOVE], [SLIDE]]))) == [BELOW, ABOVE, SLIDE]
