"""Evidence from runs: what is proved falls with the step, what is refuted does not, and misuse is told in words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import faverify as fv
from faverify.experiments.measurements import CONSTANT, FALLS, INCONCLUSIVE, STAYS, drift_of
from faverify.experiments.measuring import measure
from faverify.experiments.steps import rule_step

from ..conftest import RULES

WIDTHS = (3, 5, 4, 2)
RNG = np.random.default_rng(3)
W = [RNG.normal(size=(n, m)) for n, m in zip(WIDTHS[1:], WIDTHS, strict=False)]
B = [RNG.normal(size=w.shape) for w in W[1:]]
F = [RNG.normal(size=(2, n)) for n in WIDTHS[1:-1]]
X, Y = RNG.normal(size=(3, 6)) / 4, RNG.normal(size=(2, 6)) / 4
GIVEN = {"B2": B[0], "B3": B[1], "F1": F[0], "F2": F[1]}
FAST = {"halvings": 4, "time": 0.25}


def velocities(w, feedback):
    """−δ aᵀ of a ReLU network with squared loss; `feedback` stands in for W_2 and W_3."""
    h1 = w[0] @ X
    a1 = np.maximum(h1, 0)
    h2 = w[1] @ a1
    a2 = np.maximum(h2, 0)
    d3 = w[2] @ a2 - Y
    d2 = (h2 > 0) * (feedback[1].T @ d3)
    d1 = (h1 > 0) * (feedback[0].T @ d2)
    return [-d1 @ X.T, -d2 @ a1.T, -d3 @ a2.T]


def fa(w, eta):
    return [eta * v for v in velocities(w, B)]


def scaled(w, eta):
    return [eta * v for v in velocities(w, [1.1 * b for b in B])]


def momentum(w, eta):
    """V̇ = −2V − δ aᵀ, Ẇ = V, with its memory in the state."""
    rates = velocities([w["W1"], w["W2"], w["W3"]], B)
    speeds = {f"V{k}": w[f"V{k}"] + eta * (v - 2 * w[f"V{k}"]) for k, v in enumerate(rates, 1)}
    return speeds | {f"W{k}": w[f"W{k}"] + eta * speeds[f"V{k}"] for k in (1, 2, 3)}


def test_a_first_integral_falls_at_order_one():
    found = measure("feedback-balance", fa, W, feedback=B)
    assert found.outcome == FALLS
    assert found.order == pytest.approx(1, abs=0.05)  # the drift is ½ Σ ‖ΔW‖² = O(η)
    assert list(found.layers) == [1, 2]
    assert found.steps == (100, 200, 400, 800, 1600, 3200)
    assert found.limit < found.drifts[-1] / 10
    assert min(found.moved) > 0.1


def test_the_drift_of_theorem_1_is_half_the_squares_of_the_updates():
    """RK-T1-discrete, which the drifts must meet to rounding."""
    state, squares = [w.copy() for w in W], 0.0
    for _ in range(100):
        updates = fa(state, 0.01)
        squares += 0.5 * float(np.sum(updates[1] ** 2))
        state = [w + u for w, u in zip(state, updates, strict=True)]
    found = measure(fv.laws.feedback_balance, fa, W, feedback=B, layer=2, halvings=3)
    assert found.layers[2].ends[0] == pytest.approx(squares, rel=1e-9)
    assert found.layers[2].drifts[0] == pytest.approx(squares, rel=1e-9)


@pytest.mark.parametrize(
    ("law", "step"),
    [(fv.laws.balancedness, fa), (fv.laws.feedback_balance, scaled), (fv.laws.matrix_feedback_balance, fa)],
)
def test_a_law_that_fails_does_not_fall(law, step):
    found = measure(law, step, W, feedback=B, **FAST)
    assert found.outcome == STAYS
    assert abs(found.order) < 0.3
    assert found.limit == pytest.approx(found.drifts[-1], rel=0.3)


def test_the_matrix_law_of_relu_holds_on_its_diagonal():
    assert measure(fv.laws.neuron_feedback_balance, fa, W, feedback=B, **FAST).outcome == FALLS


def test_momentum_does_not_conserve_the_balance():
    start = {f"W{k}": w for k, w in enumerate(W, 1)} | {f"V{k}": np.zeros_like(w) for k, w in enumerate(W, 1)}
    found = measure("feedback_balance", momentum, start, feedback=B, returns="weights", time=0.5, halvings=4)
    assert found.outcome == STAYS


def test_the_kolen_pollack_difference_is_constant_to_rounding():
    net = fv.MLP(WIDTHS, "relu")
    step = rule_step(fv.rules.KolenPollack(), net, X, Y)
    start = {"W1": W[0], "W2": W[1], "W3": W[2], "B2": B[0], "B3": B[1], "B1": W[0]}
    found = measure(fv.laws.kolen_pollack_difference, step, start, **FAST)
    assert found.outcome == CONSTANT
    assert found.order is None
    assert max(found.drifts) < 1e-11
    assert "no drift that rounding would not explain" in str(found)
    assert measure(fv.laws.kolen_pollack_balance, step, start, **FAST).outcome == FALLS
    fixed = rule_step(fv.rules.KolenPollack(), net, X, Y, {"B1": W[0], "B2": B[0], "B3": B[1]})
    with pytest.raises(
        fv.RuleError, match=r"returned 'B.'; put all that moves into weights, which now hold W1, W2, W3"
    ):
        measure(fv.laws.balancedness, fixed, W, feedback=B)


@pytest.mark.parametrize("name", ["BP", "FA", "DFA", "KP"])
@pytest.mark.parametrize("law", ["balancedness", "feedback-balance", "kolen-pollack-balance"])
def test_runs_agree_with_proofs(name, law):
    net = fv.MLP(WIDTHS, "relu")
    moving = {f"W{k}": w for k, w in enumerate(W, 1)}
    if name == "KP":
        moving |= {"B1": W[0], "B2": B[0], "B3": B[1]}
    fixed = {k: v for k, v in GIVEN.items() if k not in moving}
    found = measure(law, rule_step(RULES[name], net, X, Y, fixed), moving, feedback=fixed, **FAST)
    verdict = fv.check(law, RULES[name], fv.MLP((2, 2, 2, 1), "relu"))
    assert found.outcome == {"proved": FALLS, "refuted": STAYS}[verdict.kind]


def test_trained_biases_need_their_share():
    net = fv.MLP(WIDTHS, "relu", bias=True)
    start = {f"W{k}": w for k, w in enumerate(W, 1)} | {f"b{k}": np.ones((len(w), 1)) for k, w in enumerate(W, 1)}
    step = rule_step(RULES["FA"], net, X, Y, GIVEN)
    assert measure("feedback-balance-bias", step, start, feedback=B, **FAST).outcome == FALLS
    assert measure("feedback-balance", step, start, feedback=B, **FAST).outcome == STAYS


def test_a_bias_may_be_a_vector():
    def step(w, eta):
        assert w["b1"].shape == (5,)
        return {"b1": -eta * w["b1"], "W1": -eta * w["W1"]}

    start = {f"W{k}": w for k, w in enumerate(W, 1)} | {"b1": np.ones(5)}
    found = measure(lambda layer, above: fv.norm2(layer.b), step, start, layer=1, **FAST)
    assert found.outcome == STAYS


def test_a_minibatch_needs_to_be_declared():
    rng = np.random.default_rng(0)

    def minibatch(w, eta):
        column = [rng.integers(6)]
        e = w[1] @ w[0] @ X[:, column] - Y[:, column]
        return [-eta * B2.T @ e @ X[:, column].T, -eta * e @ (w[0] @ X[:, column]).T]

    B2 = RNG.normal(size=(2, 5))
    start = [W[0], RNG.normal(size=(2, 5))]
    with pytest.raises(fv.RuleError, match=r"two calls with the same weights and η differ in W1 by .*stochastic=True"):
        measure("feedback-balance", minibatch, start, feedback=[B2])
    found = measure("feedback-balance", minibatch, start, feedback=[B2], stochastic=True)
    assert found.outcome == FALLS
    assert any(note.startswith("stochastic") for note in found.notes)
    assert measure("balancedness", minibatch, start, stochastic=True, time=3).outcome == STAYS


def test_a_memory_that_shows_later_is_noticed():
    calls = []

    def schedule(w, eta):
        calls.append(0)
        return [v / (1 + len(calls) // 100) for v in fa(w, eta)]

    with pytest.raises(fv.RuleError, match="two calls with the same weights"):
        measure("feedback-balance", schedule, W, feedback=B, **FAST)


@pytest.mark.parametrize("part", [1e-4, 3e-4, 1e-3, 3e-3, 1e-2])
def test_a_law_that_is_false_by_little_is_not_said_to_fall(part):
    def weak(layer, above):
        return (1 + part) * fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B)

    assert measure(weak, fa, W, feedback=B).outcome != FALLS


def test_a_step_may_have_numpy_s_type():
    assert measure("feedback-balance", fa, W, feedback=B, eta=np.float32(0.01), **FAST).outcome == FALLS


def test_what_does_not_move_says_nothing():
    found = measure("feedback-balance", lambda w, eta: [0 * a for a in w], W, feedback=B, **FAST)
    assert found.outcome == INCONCLUSIVE
    assert "layer 1: the weights did not move beyond rounding" in found.notes
    assert max(found.drifts) == 0
    creep = measure("feedback-balance", lambda w, eta: [1e-13 * eta * a for a in w], W, feedback=B, **FAST)
    assert creep.outcome == INCONCLUSIVE


def test_a_law_of_nothing_that_moves_is_trivial():
    found = measure(lambda layer, above: fv.norm2(above.B), fa, W, feedback=B, **FAST)
    assert found.outcome == CONSTANT
    assert "layer 1: trivial: nothing that moves enters the law" in found.notes


def test_runs_that_approach_no_flow_are_inconclusive():
    found = measure("balancedness", lambda w, eta: [a * (eta**0.5 - eta) for a in w], W, time=0.2, halvings=4)
    assert found.outcome == INCONCLUSIVE
    assert any("do not approach one flow" in note for note in found.notes)


def test_a_step_in_single_precision_says_what_it_hides():
    def single(w, eta):
        return [a.astype(np.float32) for a in fa(w, eta)]

    found = measure("feedback-balance", single, W, feedback=B, **FAST)
    assert found.outcome == FALLS
    assert any("1e-07 of relative rounding" in note for note in found.notes)
    whole = measure(
        "feedback-balance",
        lambda w, eta: [(a + u).astype(np.float32) for a, u in zip(w, fa(w, eta), strict=True)],
        W, feedback=B, returns="weights", **FAST,
    )  # fmt: skip
    assert whole.layers[1].rounding[-1] > 1000 * found.layers[1].rounding[-1]  # weights are some 1/η of an update
    assert any("updates, added in float64" in note for note in whole.notes)


def test_a_law_may_look_back_to_the_start():
    found = measure(lambda layer, above: layer.W - layer.start.W, fa, W, **FAST)
    assert found.outcome == STAYS


def test_a_measurement_is_text_and_a_record_and_no_verdict():
    found = measure("feedback-balance", fa, W, feedback=B, layer=-1, **FAST)
    text = str(found)
    assert text.startswith("feedback-balance under fa: falls with the step (evidence, not a proof)\n")
    assert "layer 2: falls with the step, order 1.0" in text
    assert "rounding" in text
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (record["schema"], record["kind"], record["outcome"]) == (1, "evidence", FALLS)
    assert record["layers"]["2"]["drifts"] == list(found.drifts)
    assert not isinstance(found, fv.Verdict)
    with pytest.raises(TypeError, match="not true or false"):
        bool(found)


@pytest.mark.parametrize(
    ("drifts", "outcome"),
    [
        ((8.0, 4.0, 2.0, 1.0), FALLS),
        ((8.0, 2.0, 0.5, 0.125), FALLS),
        ((1.08, 1.04, 1.02, 1.01), STAYS),
        ((8.0, 5.0, 3.5, 2.75), STAYS),
        ((8.0, 5.66, 4.0, 2.83), INCONCLUSIVE),  # √η, as noise gives
        ((80.1, 40.1, 20.1, 10.1), FALLS),  # a hundredth of the last drift may be left: that is what `limit` says
        ((80.5, 40.5, 20.5, 10.5), INCONCLUSIVE),  # ½ does not fall, though the order is almost 1
        ((79.5, 39.5, 19.5, 9.5), INCONCLUSIVE),  # the same with the other sign
        ((64.0, 16.0, 8.0, 1.0), INCONCLUSIVE),  # orders that do not agree
        ((1.0, 2.0, 4.0, 8.0), INCONCLUSIVE),  # growth speaks for no flow
        ((8.0, 4.0, 1e-9, 1e-9), INCONCLUSIVE),
        ((1e-9, 1e-9, 1e-9, 1e-9), CONSTANT),
    ],
)
def test_the_order_decides(drifts, outcome):
    found = drift_of(drifts, drifts, (1e-8,) * 4, still=False, trivial=False)
    assert found.outcome == outcome


def raising(w, eta):
    raise ZeroDivisionError("inside")


def in_place(w, eta):
    w[0] -= eta
    return [0 * a for a in w]


def remembering(memory):
    def step(w, eta):
        memory.append(0)
        return [eta * len(memory) * a for a in w]

    return step


BAD_STEPS = {
    "raises": (raising, fv.RuleError, r"raising: raised ZeroDivisionError: inside \(at η = 0.01\); it is called with"),
    "in place": (in_place, fv.RuleError, r"in_place: changed W1 in place; return new arrays: torch.tensor\(w\)"),
    "memory": (remembering([]), fv.RuleError, "differ in W1 by .*; carry what it remembers in weights"),
    "none": (lambda w, eta: None, fv.RuleError, "returned NoneType; return the updates: a list of 3 arrays, or a dict"),
    "short": (lambda w, eta: w[:2], fv.RuleError, "returned 2 arrays; return the updates: a list of 3 arrays"),
    "unknown": (lambda w, eta: {"B2": B[0]}, fv.RuleError, "returned 'B2'; put all that moves into weights"),
    "shape": (lambda w, eta: [a.T for a in w], fv.ShapeError, r"ΔW1: \(3 × 5\) does not conform with \(5 × 3\)"),
    "words": (lambda w, eta: ["a", "b", "c"], fv.RuleError, "returned str for ΔW1; return numbers in float64"),
    "ragged": (lambda w, eta: [[[1], [1, 2]]] * 3, fv.RuleError, "returned list for ΔW1"),
    "nan": (lambda w, eta: [a * math.nan for a in w], fv.NonFiniteError, "ΔW1, returned by <lambda>, holds nan"),
    "infinite": (lambda w, eta: [a + math.inf for a in w], fv.NonFiniteError, "holds inf; every entry must"),
    "deaf": (lambda w, eta: [0.01 * a for a in w], fv.RuleError, "alike at η = 0.01 and at η = 0.005; it must take"),
    "explodes": (lambda w, eta: [1e80 * eta * a**2 for a in w], fv.NonFiniteError, r"after \d+ steps of η = 0.01"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_STEPS)
def test_a_bad_step_is_told(name):
    step, kind, message = BAD_STEPS[name]
    with pytest.raises(kind, match=message):
        measure("feedback-balance", step, W, feedback=B)


BAD_LAWS = {
    "raises": (lambda layer, above: 1 // 0, fv.LawError, "raised ZeroDivisionError"),
    "none": (lambda layer, above: None, fv.LawError, "returned NoneType; return a number, a column or a matrix"),
    "reads": (lambda layer, above: layer.h, fv.LawError, "a law reads W, "),
    "writes": (lambda layer, above: layer.W.fill(0), fv.LawError, "read-only"),
    "missing": (lambda layer, above: layer.F, fv.Misuse, r"expected F1, which the law reads: feedback=\{'F1': …\}"),
    "shape": (lambda layer, above: fv.inner(layer.W, above.W), fv.ShapeError, "inner"),
    "nan": (lambda layer, above: layer.W / 0, fv.NonFiniteError, "at layer 1 holds"),
    "name": ("feedback-balanse", fv.UnknownName, "did you mean 'feedback-balance'"),
    "number": (3, fv.Misuse, "expected a law of fv.laws"),
}


@pytest.mark.parametrize("name", BAD_LAWS)
def test_a_bad_law_is_told(name):
    law, kind, message = BAD_LAWS[name]
    with pytest.raises(kind, match=message):
        measure(law, fa, W, feedback=B)


BAD_INPUTS = {
    "step": ({"step": 3}, "step = 3: expected a function"),
    "returns": ({"returns": "both"}, "returns = 'both': expected 'updates' or 'weights'"),
    "eta": ({"eta": 0}, "eta = 0: expected a number from 1e-12"),
    "endless": ({"eta": 1e-9}, "at most 10000000 steps"),
    "tiny": ({"eta": 1e-300}, "eta = 1e-300: expected a number from"),
    "huge": ({"time": 1e308}, "time = 1e[+]308: expected a number from"),
    "time": ({"time": 0.01}, "time = 0.01: expected at least four steps of eta = 0.01"),
    "halvings": ({"halvings": 2}, "halvings = 2: expected a whole number from 3 to 20"),
    "layer": ({"layer": 3}, "layer = 3: expected a hidden layer: 1 … 2"),
    "weights": ({"weights": W[0]}, "weights = 'ndarray': expected a list W_1"),
    "one": ({"weights": W[:1]}, "weights = 'W1': expected W1, W2"),
    "gap": ({"weights": {"W1": W[0], "W3": W[1]}}, "without a gap"),
    "key": ({"weights": {"W1": W[0], "W2": W[1], 3: W[2]}}, "weights = 3: expected names"),
    "text": ({"weights": ["a", W[1], W[2]]}, "W1 = 'str': expected an array of numbers"),
    "nan": ({"weights": [W[0] * math.nan, W[1], W[2]]}, "W1 holds nan"),
    "transposed": ({"weights": [w.T for w in W], "feedback": ()}, "transpose kernels stored in × out"),
    "vector": ({"weights": [W[0], W[1], W[2][0]]}, r"W3: \(4\) does not conform with \(n_l × n_\{l−1\}\)"),
    "bias": ({"weights": {"W1": W[0], "W2": W[1], "W3": W[2], "b1": np.ones(4)}}, r"b1: \(4\) does not conform"),
    "beyond": ({"weights": {"W1": W[0], "W2": W[1], "W3": W[2], "b4": np.ones(4)}}, "'b4': expected a name of one of"),
    "count": ({"feedback": B[:1]}, "feedback = '1 arrays': expected 2"),
    "kind": ({"feedback": 1}, "feedback = 'int': expected a list"),
    "names": ({"feedback": {"B7": B[0]}}, "feedback = 'B7': expected names such as"),
    "twice": ({"feedback": {"W1": W[0]}}, "feedback = 'W1': expected what does not move"),
    "fits": ({"feedback": [b.T for b in B]}, r"B2: \(5 × 4\) does not conform with \(4 × 5\)"),
    "square": ({"weights": [np.eye(2)] * 3, "feedback": [np.eye(2)] * 2}, "arrays that could be B or F"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_arguments_are_told(name):
    changes, message = BAD_INPUTS[name]
    arguments = {"law": fv.laws.balancedness, "step": fa, "weights": W, "feedback": B} | changes
    with pytest.raises(fv.FaverifyError, match=message):
        measure(**arguments)


def test_direct_feedback_is_told_by_its_shapes():
    step = rule_step(RULES["DFA"], fv.MLP(WIDTHS, "relu"), X, Y, {"F1": F[0], "F2": F[1]})
    found = measure("direct-feedback-balance", step, W, feedback=F, layer=-1, **FAST)
    assert found.outcome == FALLS


def test_any_error_signal_will_do():
    step = rule_step(RULES["FA"], fv.MLP(WIDTHS, "leaky-relu-1/10"), X, np.tanh, GIVEN)
    assert measure("feedback-balance", step, W, feedback=B, **FAST).outcome == FALLS


def test_layers_have_names_and_biases_that_are_zero_without_training():
    found = measure(lambda layer, above: norms(layer) + fv.norm2(layer.b), fa, W, **FAST)
    assert found.outcome == STAYS
    np.testing.assert_allclose(found.drifts, measure(lambda layer, above: norms(layer), fa, W, **FAST).drifts)


def norms(layer):
    assert layer.name == f"W{layer.index}"
    return fv.norm2(layer.W)


def test_a_law_may_read_a_constant():
    found = measure(
        lambda layer, above: fv.norm2(layer.constant("M") * layer.W) + above.index,
        fa,
        W,
        feedback={"M1": W[0]},
        layer=1,
        **FAST,
    )
    assert found.outcome == STAYS


class Refusing:
    """A step without a name, which raises an error of faverify's own."""

    def __call__(self, w, eta):
        raise fv.Misuse("eta", eta, "something else")


def test_an_error_of_faverify_is_passed_on():
    with pytest.raises(fv.Misuse, match=r"eta = 0\.01: expected something else"):
        measure("balancedness", Refusing(), W)


def test_a_pytorch_layer():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'faverify[torch]'")

    class Aligned(torch.autograd.Function):
        """h = W a, whose error goes back through B."""

        @staticmethod
        def forward(ctx, a, weight, feedback):
            ctx.save_for_backward(a, weight, feedback)
            return weight @ a

        @staticmethod
        def backward(ctx, grad):
            a, _, feedback = ctx.saved_tensors
            return feedback.T @ grad, grad @ a.T, None

    x, y = torch.tensor(X), torch.tensor(Y)
    back = [torch.zeros(5, 3, dtype=torch.float64), *map(torch.tensor, B)]

    def updates(w, eta, back):
        maps = [torch.tensor(a, requires_grad=True) for a in w]
        a = x
        for weight, feedback in zip(maps, back, strict=True):
            h = Aligned.apply(a, weight, feedback)
            a = torch.relu(h)
        loss = ((h - y) ** 2).sum() / 2
        optimizer = torch.optim.SGD(maps, lr=eta)
        loss.backward()
        optimizer.step()
        return maps

    found = measure(
        fv.laws.feedback_balance, lambda w, eta: updates(w, eta, back), W, feedback=B, returns="weights", **FAST
    )
    assert found.outcome == FALLS
    assert found.order == pytest.approx(1, abs=0.1)
    by_hand = measure(fv.laws.feedback_balance, fa, W, feedback=B, **FAST)
    np.testing.assert_allclose(found.drifts, by_hand.drifts, rtol=1e-6)
    assert measure("balancedness", lambda w, eta: updates(w, eta, back), W, returns="weights", **FAST).outcome == STAYS

    def shared(w, eta):
        maps = [torch.from_numpy(a) for a in w]
        for weight in maps:
            weight.mul_(1 - eta)
        return maps

    with pytest.raises(fv.RuleError, match="changed W1 in place"):
        measure("balancedness", shared, W, returns="weights", **FAST)
