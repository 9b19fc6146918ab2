"""Residual networks and convolutions trained in PyTorch: their total laws fall with the step, by ½ Σ ‖ΔW‖² exactly."""

from __future__ import annotations

import numpy as np
import pytest

import faverify as fv
from faverify.experiments import torch_networks as tn
from faverify.experiments.measurements import FALLS, INCONCLUSIVE, STAYS

TORCH = "PyTorch is not installed: pip install 'faverify[torch]'"
RUN = {"eta": 0.02, "time": 2.0}
# Q_N − Q_0 = ½ Σ ‖ΔW‖² with ΔW = O(η): over a fixed time the drift is cη + O(η²), so that it halves up to O(η). At
# η = 1/50 and below that was seen to move a ratio to 2.116 at most (seeds 0, 1, 2). A run that takes a kink of ReLU
# otherwise than the next finer one misses it: 1.750 once, at the coarsest step of one-matrix blocks with seed 2, where
# the identity holds all the same; seeds 0 and 1 have no such step. A law that fails has ratio 1, a drift ∝ η² has 4.
LOW, HIGH = 1.8, 2.2
SEEDS = (0, 1)


def halves(ratios):
    return all(LOW <= ratio <= HIGH for ratio in ratios)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason=TORCH)


@pytest.fixture(params=[*tn.PRECISIONS])
def precision(request, torch):
    return request.param


def trained_well(found):
    """What stands still conserves everything."""
    return all(run.moved > 0.5 and run.losses[1] < 0.8 * run.losses[0] for run in found.runs)


def is_exact_in_steps(found, law):
    """The identity of the steps, up to N roundings of every weight at worst."""
    return all(abs(run.ends[law] - run.squares[law]) <= run.rounding[law] for run in found.runs)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_total_of_a_trunk_halves_with_the_step(precision, seed):
    net = tn.residual_example(2, seed)
    laws = tn.residual_laws(2, net.feedback)
    found = net.halve(laws, precision=precision, **RUN)
    assert trained_well(found)
    for law in ("trunk", "inside 1", "inside 2"):
        assert halves(found.ratios(law)), (law, found.ratios(law))
        assert is_exact_in_steps(found, law)
        assert min(run.drifts[law] for run in found.runs) > 1e-4  # far above what float64 rounds
    for law in ("layer stem", "layer V1", "layer V2"):
        drift = found.drift(law)
        assert drift.outcome == STAYS
        assert drift.limit > 0.1
        assert not is_exact_in_steps(found, law)
    # That the residual at float64 is of rounding alone: it is 10⁹ times below the drift, which float32 cannot show.
    if precision == "float64":
        assert found.drift("trunk").outcome == FALLS
        assert max(found.gaps("trunk")) < 1e-9


def test_one_matrix_blocks_write_what_they_read(precision):
    net = tn.residual_example(2, 0, one_matrix=True)
    found = net.halve(tn.one_matrix_laws(2, net.feedback), precision=precision, **RUN)
    assert trained_well(found)
    assert halves(found.ratios("trunk"))
    assert is_exact_in_steps(found, "trunk")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_kernels_of_a_convolution_halve_with_the_step(precision, seed):
    net = tn.convolution_example(seed)
    found = net.halve(tn.convolution_laws(3, net.feedback), precision=precision, **RUN)
    assert trained_well(found)
    for law in ("layer K1", "layer K2"):
        assert halves(found.ratios(law)), (law, found.ratios(law))
        assert is_exact_in_steps(found, law)
        if precision == "float64":
            assert found.drift(law).outcome == FALLS
            assert max(found.gaps(law)) < 1e-9


def swapped(feedback, one, other):
    return feedback | {one: feedback[other], other: feedback[one]}


def residual_trunk(seed):
    net = tn.residual_example(2, seed)
    return net, tn.residual_laws(2, net.feedback), "trunk"


def residual_inside(seed):
    return *residual_trunk(seed)[:2], "inside 1"


def one_matrix_trunk(seed):
    net = tn.residual_example(2, seed, one_matrix=True)
    return net, tn.one_matrix_laws(2, net.feedback), "trunk"


def kernels(seed):
    net = tn.convolution_example(seed)
    return net, tn.convolution_laws(3, net.feedback), "layer K1"


def no_gate(back):
    return {"phi": tn.ungated}


def other_block(back):
    return {"feedback": swapped(back, "W1", "W2")}


def reversed_taps(back):
    return {"feedback": {name: b[:, :, ::-1].copy() for name, b in back.items()}}


def scaled_head(back):
    """A tenth more is enough: the law reads B, and the error came back through 1.1 B."""
    return {"feedback": back | {"head": 1.1 * back["head"]}}


MUTANTS = [
    (residual_trunk, other_block),
    (residual_trunk, scaled_head),
    (residual_inside, no_gate),
    (one_matrix_trunk, no_gate),
    (one_matrix_trunk, other_block),
    (kernels, no_gate),
    (kernels, reversed_taps),
]


@pytest.mark.parametrize(("case", "mutant"), MUTANTS)
def test_a_mutant_does_not_halve(torch, case, mutant):
    net, laws, law = case(0)
    found = net.halve({law: laws[law]}, **mutant(net.feedback), **RUN)
    assert found.drift(law).outcome == STAYS, found.ratios(law)
    assert not halves(found.ratios(law))
    assert not is_exact_in_steps(found, law)


def test_the_trunk_of_two_matrix_blocks_does_not_see_the_gate(torch):
    """φ stands between W_l and V_l: ⟨V_l, V̇_l⟩ and ⟨Ẇ_l, B⟩ are ⟨a, g⟩ of the trunk, whatever happens in between."""
    net, laws, law = residual_trunk(0)
    found = net.halve(laws, phi=tn.ungated, **RUN)
    assert halves(found.ratios(law))
    assert is_exact_in_steps(found, law)


def test_what_is_measured_is_what_is_proved(torch):
    law, rule = fv.total(fv.laws.feedback_balance), fv.rules.FeedbackAlignment()
    for net, example, laws in (
        (fv.networks.Residual(2), tn.residual_example(2), tn.residual_laws(2, {})),
        (fv.networks.OneMatrixResidual(2), tn.residual_example(2, one_matrix=True), tn.one_matrix_laws(2, {})),
    ):
        into = "+".join(laws["trunk"].into)
        verdict = fv.check(law, rule, net)
        assert verdict.kind == "proved"
        assert set(net.shapes()) == set(example.weights)
        assert f"layer {into}: proved" in str(verdict)
    assert fv.check(fv.laws.feedback_balance, rule, fv.networks.Residual(2)).kind == "refuted"
    assert fv.check(fv.laws.feedback_balance, rule, fv.networks.Convolution((3, 3, 5))).kind == "proved"


@pytest.mark.parametrize("make", [tn.residual_example, tn.convolution_example])
def test_with_the_maps_themselves_as_feedback_it_is_back_propagation(torch, make):
    net = make(seed=3)
    found = tn.train(net.forward, net.weights, net.weights, net.x, net.y, {}, eta=0.5, steps=1).weights
    maps = {name: torch.tensor(w, requires_grad=True) for name, w in net.weights.items()}

    def plain(name, a):
        return maps[name] @ a if maps[name].ndim == 2 else torch.nn.functional.conv1d(a, maps[name])

    output = net.forward(plain, torch.relu, torch.tensor(net.x))
    (((output - torch.tensor(net.y)) ** 2).sum() / 2).backward()
    for name, w in maps.items():
        np.testing.assert_allclose(found[name], net.weights[name] - 0.5 * w.grad.numpy(), rtol=1e-12, atol=1e-13)


def test_what_stands_still_says_nothing(torch):
    net = tn.residual_example(1)
    laws = tn.residual_laws(1, net.feedback)
    found = tn.halve(net.forward, net.weights, net.feedback, 0 * net.x, 0 * net.y, laws, eta=0.1, time=1.0)
    assert found.drift("trunk").outcome == INCONCLUSIVE
    assert np.isnan([*found.ratios("trunk"), *found.gaps("trunk")]).all()


def test_misuse_is_told(torch):
    net = tn.residual_example(1)
    laws = tn.residual_laws(1, net.feedback)
    with pytest.raises(fv.Misuse, match="precision = 'float16': expected 'float64' or 'float32'"):
        net.halve(laws, precision="float16", **RUN)
    with pytest.raises(fv.Misuse, match=r"feedback\['V1'\] = \(4, 5\): expected the shape of V1: \(5, 4\)"):
        net.halve(laws, feedback=net.feedback | {"V1": net.feedback["V1"].T}, **RUN)
    with pytest.raises(fv.Misuse, match="feedback = 'W1, V1': expected head, which stands above a trained map"):
        net.halve({}, feedback={name: net.feedback[name] for name in ("W1", "V1")}, **RUN)
    with pytest.raises(fv.Misuse, match=r"time = 0\.01: expected at least four steps of eta = 0\.02"):
        net.halve(laws, eta=0.02, time=0.01)
    with pytest.raises(fv.NonFiniteError, match=r"after \d+ steps of η = 1000 \(try a smaller eta or time\)"):
        tn.train(net.forward, net.weights, net.feedback, net.x, net.y, laws, eta=1e3, steps=100)


def test_without_pytorch_the_remedy_is_told(without):
    tn.torch_module.cache_clear()
    without("torch")
    with pytest.raises(fv.Misuse, match=r"torch = 'not installed': expected PyTorch: pip install 'faverify\[torch\]'"):
        tn.residual_example().halve({}, **RUN)
