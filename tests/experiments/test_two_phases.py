"""Degeneracy breaking and the two phases, with their nulls, and where the criteria must say no."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import faverify as fv
from faverify.errors import Misuse
from faverify.experiments.order_parameters import OrderParameters, order_parameters
from faverify.experiments.sign_selection import SignSelection
from faverify.experiments.two_phases import Phases, phases

SEEDS = range(200, 204)  # none that the criteria were chosen with


@pytest.fixture(scope="module")
def selected():
    return {rule: fv.sign_selection(rule, seeds=SEEDS, t=400) for rule in ("dfa", "bp")}


def test_direct_feedback_selects_the_copy_with_its_signs(selected):
    found = selected["dfa"]
    assert found.patterns.tolist() == [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    assert found.learned.all()
    assert found.selects


def test_back_propagation_does_not(selected):
    found = selected["bp"]
    assert found.learned.mean() >= 0.9
    assert not found.selects
    assert (found.agrees.sum(axis=0) <= 1).all()  # a run agrees with one pattern at most
    assert found.share < 0.5


def test_starts_are_split_evenly_between_right_and_wrong_signs():
    """The signs are not there at the start: each start agrees with one pattern in four."""
    start = fv.small_start(fv.sign_selection(seeds=[200], t=1).patterns, [1, 1], scale=0.01, eta=0.5, seeds=SEEDS)
    assert (np.sign(start.v) == start.F).all(axis=-1).mean() == 0.25


@pytest.mark.parametrize(("learned", "agree", "selects"), [(20, 20, True), (17, 17, False), (20, 18, False)])
def test_the_criterion_of_selection_by_hand(learned, agree, selects):
    """Of 20 runs in each of two patterns, `learned` learned and `agree` of them agree."""
    ratio = np.where(np.arange(20) < learned, 0.01, 0.5) * np.ones((2, 1))
    found = SignSelection(
        "dfa", np.ones(1), 0.01, 0.5, 1.0, tuple(range(20)), np.array([[1.0], [-1.0]]), ratio, np.ones((2, 20, 1)),
        np.array([[[1.0]], [[-1.0]]]) * np.where(np.arange(20) < agree, 1, -1)[:, None],
    )  # fmt: skip
    assert found.selects is selects
    assert found.share == agree / learned


def test_a_run_that_has_not_learned_does_not_count():
    found = fv.sign_selection(seeds=SEEDS, t=1)
    assert not found.learned.any()
    assert not found.selects
    assert np.isnan(found.shares).all()


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_networks_of_a_hundred_inputs_select_too(signs):
    """Trained, not integrated; from the same start, v = (+, −), in every pattern."""
    W = 0.01 * np.random.default_rng(1).standard_normal((2, 100))
    start = fv.TeacherStudent(
        eta=0.5, v=[0.01, -0.01], F=np.array([1.2, 0.6]) * signs, Q=W @ W.T / 100, R=W[:, :2] / 10, v_star=[1, 1],
        T=np.eye(2),
    )  # fmt: skip
    found = fv.simulate(start, 100, [0, 60], seeds=range(3))
    assert (found.loss[-1] < 0.1 * found.loss[0]).all()
    assert (np.sign(found.v[-1]) == signs).all()


@pytest.fixture(scope="module")
def both():
    return fv.two_phases(seeds=SEEDS, t=400)


def test_it_aligns_then_memorises(both):
    assert both.dfa.fraction >= 0.9
    assert (both.dfa.last_ratio < 0.05).all()


def test_the_null_does_not_align(both):
    assert both.null.fraction <= 0.25
    assert np.median(both.null.peak) < np.median(both.dfa.peak) - 0.3


def test_the_outcome_depends_on_the_scale(both):
    large = fv.two_phases(seeds=SEEDS, t=400, scale=0.5)
    assert large.dfa.fraction < both.dfa.fraction - 0.5
    assert "initial scale 0.5" in str(large)
    assert "initial scale 0.01" in str(both)


def test_nothing_declines_where_the_solution_is_aligned():
    found = fv.two_phases(seeds=SEEDS, t=400, sizes=[1, 1])
    assert (found.dfa.last_ratio < 0.05).all()
    assert not found.dfa.holds.any()


def path(alignment, loss):
    """A student with one unit more than it needs, whose cos(v, F) and loss are what is asked for."""
    angle = np.arccos(alignment)
    v = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[:, None]
    n = len(v)
    problem = fv.TeacherStudent(
        eta=1, v=v[0], F=[1, 0], Q=np.zeros((2, 2)), R=np.zeros((2, 1)), v_star=[1], T=[[1]]
    )  # fmt: skip

    class Told(OrderParameters):
        @property
        def loss(self):
            return np.array(loss)[:, None]

    return Told(problem, np.arange(float(n)), v, np.zeros((n, 1, 2, 2)), np.zeros((n, 1, 2, 1)), n)


@pytest.mark.parametrize(
    ("alignment", "loss", "stated", "holds"),
    [
        ([0.1, 0.99, 0.95, 0.90], [1, 0.8, 0.3, 0.01], True, True),
        ([0.1, 0.99, 0.95, 0.90], [1, 0.4, 0.3, 0.01], False, False),  # late
        ([0.1, 0.99, 0.95, 0.90], [1, 0.8, 0.3, 0.06], False, False),  # does not learn
        ([0.1, 0.95, 0.97, 0.99], [1, 0.8, 0.6, 0.01], False, False),  # does not decline
        ([0.1, 0.80, 0.70, 0.60], [1, 0.8, 0.6, 0.01], True, False),  # never aligns
        ([0.99, 0.98, 0.95, 0.9], [1, 0.8, 0.6, 0.01], True, False),  # aligned from the start
        ([0.1, 0.20, 0.99, 0.90], [1, 0.01, 0.6, 0.06], False, False),  # learned before the peak, and lost it
        ([0.1, 0.9901, 0.99, 0.99], [1, 0.8, 0.6, 0.01], False, False),  # declines by less than 0.001
    ],
)
def test_the_criterion_by_hand(alignment, loss, stated, holds):
    found = phases(path(alignment, loss))
    assert (bool(found.as_stated[0]), bool(found.holds[0])) == (stated, holds)


def test_records_and_the_figure(both, selected, tmp_path):
    for record in (both.to_dict(), selected["bp"].to_dict(), fv.two_phases(seeds=[200], t=1).to_dict()):
        assert json.loads(json.dumps(record, allow_nan=False))["kind"] == "evidence"
    assert "selects: True" in str(selected["dfa"])
    assert "BP, the null" in str(both)
    drawn = both.figure(tmp_path / "phases.svg").read_text(encoding="utf-8")
    assert "initial scale 0.01" in drawn
    assert "bp: cos(v, F)" in drawn


@pytest.mark.parametrize(("passed", "holds"), [(8, True), (9, False)])
def test_the_null_may_pass_in_a_tenth_of_its_runs(both, passed, holds):
    """8 of 80 are 10 %, and not more."""

    def counted(count):
        few, many = np.full((4, 20), 0.5), np.where(np.arange(80).reshape(4, 20) < count, 0.95, 0.5)
        return Phases("bp", many, few + 1, few + 0.5, few, few, few, few)

    assert replace(both, dfa=counted(80), null=counted(passed)).holds is holds


@pytest.mark.parametrize("call", [fv.two_phases, fv.sign_selection])
def test_what_the_integrator_does_not_reach_is_refused(call):
    with pytest.raises(
        Misuse, match=r"eta = 0\.5: expected a smaller step size, start or time: this diverges beyond t = "
    ):
        call(v_star=[1e9, 1e5], seeds=[100])
    for scale in (1e8, 1e150):
        with pytest.raises(Misuse, match=r"scale = .*1000 at most"):
            call(scale=scale, seeds=[100])


def test_misuse():
    with pytest.raises(Misuse, match="one of dfa, bp"):
        fv.sign_selection("fa")
    for call in (fv.sign_selection, fv.two_phases):
        with pytest.raises(Misuse, match="positive magnitudes"):
            call(sizes=[1, -1])
        for t in (0, "x", np.inf):
            with pytest.raises(Misuse, match="time"):
                call(t=t)
        with pytest.raises(Misuse, match="whole numbers"):
            call(seeds=[])
        with pytest.raises(Misuse, match="a positive number"):
            call(scale=-1.0, seeds=[1])


def test_the_outcome_does_not_depend_on_the_integrator(both):
    """Tolerances a thousandth: asymmetries of a start grow on the plateau, and errors would with them."""
    path = both.paths["dfa"]
    finer = order_parameters(path.problem, path.times, rtol=1e-9, atol=1e-12)
    assert finer.steps > 2 * path.steps
    np.testing.assert_allclose(path.v, finer.v, atol=1e-5)
    np.testing.assert_array_equal(phases(finer).holds, both.dfa.holds)


def test_training_at_finite_size_has_both_phases(both):
    """One start of those above, with N = 200 inputs."""
    start = both.paths["dfa"].problem
    parts = {name: getattr(start, name)[1, 0] for name in "vFQR"}
    one = fv.TeacherStudent(eta=start.eta, v_star=start.v_star, T=start.T, **parts)
    times = np.unique(np.rint(np.geomspace(0.05, 100, 60) * 200)) / 200
    found = phases(fv.simulate(one, 200, [0, *times], seeds=range(4)))
    assert found.holds.all()
