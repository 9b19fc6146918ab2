"""Steps in rational arithmetic: by hand, against floats, and the equalities that discrete training satisfies."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify import laws
from faverify import rules as R

ONE = [[1]]


def chain(rule=None, activation="relu", widths=(2, 3, 2, 1), samples=3, seed=0, **changes):
    draw = random.Random(seed)

    def matrix(rows, cols):
        return [[Fraction(draw.randint(-4, 4), 3) for _ in range(cols)] for _ in range(rows)]

    shapes = [(b, a) for a, b in itertools.pairwise(widths)]
    given = {
        "weights": [matrix(*shape) for shape in shapes],
        "feedback": [matrix(*shape) for shape in shapes[1:]],
        "inputs": matrix(widths[0], samples),
        "targets": matrix(widths[-1], samples),
    }
    return fv.FlowProblem(fv.MLP(widths, activation), rule or R.FeedbackAlignment(), **given | changes)


@pytest.mark.parametrize("activation", ["relu", "linear", "leaky-relu-1/10", "abs"])
def test_each_step_drifts_by_half_its_square(activation):
    """RK-T1-discrete: Q_l(W + ΔW) − Q_l(W) = ½‖ΔW_l‖², exactly; per neuron ½‖ΔW_l[j, :]‖²."""
    training = fv.steps(chain(activation=activation), "1/10", 4)
    for law, norms in ((laws.feedback_balance, whole), (laws.neuron_feedback_balance, neuron)):
        values = training.law(law)
        assert len(values) == 5
        for step in range(4):
            for layer in (1, 2):
                change = values[step + 1][layer] - values[step][layer]
                expected = norms(training.moves(step)[f"W{layer}"]) / 2
                assert (change == expected).all()
                assert np.any(expected != 0)


def whole(move):
    return (move**2).sum()


def neuron(move):
    return (move**2).sum(axis=1, keepdims=True)


def test_a_sequential_update_would_not():
    """W = B = x = 1, y = 3, η = 1: one step drifts by ½‖ΔW₁‖² = 2."""
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), R.FeedbackAlignment(), weights=[ONE, ONE], feedback=[ONE], inputs=ONE,
        targets=[[3]],
    )  # fmt: skip
    values = fv.steps(problem, 1, 1).law(laws.feedback_balance)
    assert values[1][1] - values[0][1] == 2


def test_they_agree_with_steps_in_floats():
    problem = chain(R.KolenPollack(Fraction(1, 4)), "abs", seed=4)
    training = fv.steps(problem, "1/16", 5)
    data = {name: np.array([[float(v) for v in row] for row in rows]) for name, rows in problem.data.items()}
    step = fv.rule_step(problem.rule, problem.net, data["x"], data["y"], {"B1": np.zeros((3, 2))})
    state = {name: value.astype(float) for name, value in training.parameters(0).items()}
    for _ in range(5):
        moves = step(state, 1 / 16)
        state = {name: state[name] + moves[name] for name in state}
    for name, value in training.parameters().items():
        assert np.abs(state[name] - value.astype(float)).max() < 1e-12
    assert training.losses[0] != training.losses[-1]


def test_small_steps_follow_the_flow():
    problem = chain(seed=5, activation="linear", widths=(1, 2, 1), samples=1)
    end = fv.integrate(problem, "1/8", digits=20).weights()[0].astype(float)
    gaps = [np.abs(fv.steps(problem, Fraction(1, 8 * n), n).weights()[0].astype(float) - end).max() for n in (4, 8)]
    assert 0.4 < gaps[1] / gaps[0] < 0.6


def test_signs_and_kinks():
    """Sign descent has steps, though no flow; at a kink φ′ is 0, and so is the sign."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1)), R.SignDescent(R.FeedbackAlignment()),
        weights=[[[0], [1]], [[1, 1]]], feedback=[[[1, 1]]], inputs=ONE, targets=[[0]],
    )  # fmt: skip
    first, second = fv.steps(problem, "1/4", 1).weights()
    assert first.ravel().tolist() == [0, Fraction(3, 4)]
    assert second.ravel().tolist() == [1, Fraction(3, 4)]


def test_time_of_an_error_signal():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), R.FeedbackAlignment(), weights=[ONE, ONE], feedback=[ONE], inputs=ONE,
        error=lambda t, f: f * 0 + t,
    )  # fmt: skip
    training = fv.steps(problem, "1/2", 2)
    assert training.weights(1)[0][0, 0] == 1
    assert training.weights(2)[0][0, 0] == Fraction(3, 4)
    assert training.losses == ()


def test_numbers_that_grow_too_long_end_it():
    training = fv.steps(chain(), "1/10", 50, bits=2000)
    assert training.status == "budget"
    assert 0 < len(training) < 50
    assert "bits" in training.note
    assert len(training.losses) == len(training) + 1


def test_misuse_is_told():
    problem = chain()
    for bad in ({"eta": "fast"}, {"n": -1}, {"n": 1.5}, {"bits": 1}, {"eta": float("nan")}):
        with pytest.raises(fv.FaverifyError):
            fv.steps(problem, **{"eta": "1/2", "n": 1} | bad)
    with pytest.raises(fv.Misuse, match="FlowProblem"):
        fv.steps("problem", 1, 1)
    with pytest.raises(fv.RuleError, match="rational"):
        fv.steps(chain(activation="tanh"), "1/2", 1)
    with pytest.raises(fv.Misuse, match="step"):
        fv.steps(problem, "1/2", 1).weights(2)
    for step in (-1, 1, True):
        with pytest.raises(fv.Misuse, match="step"):
            fv.steps(problem, "1/2", 1).moves(step)
    with pytest.raises(fv.Misuse, match="rational"):
        fv.steps(problem, "1/2", 1).law(lambda layer, above: fv.logdet(layer.W @ layer.W.mT))
