"""The equations against quadrature of what they average, against SciPy, and against training; mutants must fail."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import erf

import faverify as fv
from faverify.errors import Misuse, NonFiniteError
from faverify.experiments.online_posters import Aligned, Noiseless, Swapped
from faverify.experiments.online_training import BLOCK, gaps
from faverify.experiments.order_parameters import Equations
from faverify.experiments.teachers import cosine

START = {"eta": 0.5, "v": [0.6, 0.3], "F": [1, -0.7], "Q": [[0.5, 0.1], [0.1, 0.4]], "R": [[0.4, 0.1], [-0.1, -0.3]],
         "v_star": [1.2, 0.8], "T": [[1, 0.2], [0.2, 0.8]]}  # fmt: skip
ONE = {"eta": 0.5, "v": [0.1], "F": [1], "Q": [[0.2]], "R": [[0.1]], "v_star": [1], "T": [[1]]}


def start(**changes):
    return fv.TeacherStudent(**(START | changes))


def random_start(seed: int, K: int, M: int, **changes):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(K + M, K + M)) / 2
    C = A @ A.T
    return fv.TeacherStudent(
        eta=0.8, v=rng.normal(size=K), F=rng.normal(size=K), Q=C[:K, :K], R=C[:K, K:], v_star=rng.normal(size=M),
        T=C[K:, K:], **changes,
    )  # fmt: skip


def averaged(problem, points: int = 40):
    """dv/dt, dQ/dt, dR/dt as averages over one step of training, by Gauss–Hermite quadrature: from the update alone."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    size, K = problem.K + problem.M, problem.K
    root = np.linalg.cholesky(problem.covariance())
    z = np.array([axis.ravel() for axis in np.meshgrid(*[nodes] * size, indexing="ij")])
    mass = np.ones(1)
    for _ in range(size):
        mass = np.multiply.outer(mass, weights / weights.sum()).ravel()
    fields = root @ z
    phi = erf(fields / np.sqrt(2))
    e = problem.v @ phi[:K] - problem.v_star @ phi[K:]
    back = problem.v if problem.rule == "bp" else problem.F
    step = -problem.eta * back[:, None] * np.sqrt(2 / np.pi) * np.exp(-(fields[:K] ** 2) / 2) * e  # ΔW = step xᵀ/√N
    both = (step * mass) @ fields.T
    dQ = both[:, :K] + both[:, :K].T + (step * mass) @ step.T  # |x|²/N → 1
    dv = -problem.eta * (phi[:K] * e) @ mass if problem.trained else np.zeros(K)
    return (dv, dQ, both[:, K:]), float(e**2 @ mass / 2)


@pytest.mark.parametrize(("K", "M"), [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("changes", [{}, {"rule": "bp"}, {"trained": False}])
def test_the_right_hand_side_averages_a_step(K, M, changes):
    problem = random_start(10 * K + M, K, M, **changes)
    found = Equations(problem)(problem.v, problem.Q, problem.R)
    expected, loss = averaged(problem)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)  # what 40 points leave of the Gaussians
    assert problem.loss() == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize("rule", ["dfa", "bp"])
def test_a_student_who_knows_all_stays(rule):
    T = [[1, 0.2], [0.2, 0.8]]
    problem = start(v=[1.2, 0.8], Q=T, R=T, rule=rule)
    assert problem.loss() == pytest.approx(0, abs=1e-15)
    for rate in Equations(problem)(problem.v, problem.Q, problem.R):
        np.testing.assert_allclose(rate, 0, atol=1e-14)


def test_the_integration_against_scipy():
    from scipy.integrate import solve_ivp

    problem = start()
    times = np.linspace(0, 100, 26)
    ours = fv.order_parameters(problem, times, rtol=1e-8, atol=1e-11)

    def rate(_, y):
        dv, dQ, dR = Equations(problem)(y[:2], y[2:6].reshape(2, 2), y[6:].reshape(2, 2))
        return np.concatenate([dv, dQ.ravel(), dR.ravel()])

    y0 = np.concatenate([problem.v, problem.Q.ravel(), problem.R.ravel()])
    theirs = solve_ivp(rate, (0, 100), y0, "DOP853", times, rtol=1e-11, atol=1e-13).y.T
    found = np.concatenate([ours.v, ours.Q.reshape(26, 4), ours.R.reshape(26, 4)], axis=1)
    np.testing.assert_allclose(found, theirs, atol=1e-6)
    assert np.abs(found[-1] - found[0]).max() > 0.5  # it moved


def test_a_stack_is_its_students_one_by_one():
    stack = fv.small_start([[1, 0.5], [1, -0.5]], [1, 1], scale=0.3, eta=0.5, seeds=[3, 4])
    assert stack.stack == (2, 2)
    both = fv.order_parameters(stack, 20, rtol=1e-9, atol=1e-12)
    assert both.loss.shape == both.alignment.shape == (101, 2, 2)
    for index in np.ndindex(2, 2):
        parts = {name: getattr(stack, name)[index] for name in "vFQR"}
        one = fv.TeacherStudent(eta=0.5, v_star=[1, 1], T=np.eye(2), **parts)
        alone = fv.order_parameters(one, 20, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(both.Q[(slice(None), *index)], alone.Q, atol=1e-7)
        np.testing.assert_allclose(both.loss[(slice(None), *index)], alone.loss, atol=1e-7)


def test_a_small_start_is_that_of_its_seed():
    alone = fv.small_start([1, 1], [1, 1], scale=0.1, eta=0.5, seeds=[7])
    among = fv.small_start([1, 1], [1, 1], scale=0.1, eta=0.5, seeds=[6, 7, 8])
    np.testing.assert_array_equal(alone.R[0], among.R[1])
    np.testing.assert_array_equal(alone.v[0], among.v[1])


def test_fixed_second_layers_stay():
    found = fv.order_parameters(start(trained=False), 5)
    np.testing.assert_array_equal(found.v, np.broadcast_to([0.6, 0.3], found.v.shape))
    assert np.abs(found.Q[-1] - found.Q[0]).max() > 0.1


def test_alignment_is_undefined_at_zero_and_known_elsewhere():
    found = fv.order_parameters(start(v=[0, 0]), [0, 1])
    assert np.isnan(found.alignment[0])
    assert not np.isnan(found.alignment[1])
    assert cosine(np.array([1.0, 0]), np.array([1.0, 1])) == pytest.approx(np.sqrt(0.5))


# Training


@pytest.mark.parametrize("changes", [{}, {"rule": "bp"}, {"trained": False}])
def test_blocks_are_training_step_by_step(changes):
    """The same draws, one step at a time with the update as it is written."""
    problem, N, steps, seed = start(**changes), 20, 2 * BLOCK + 5, 11
    found = fv.simulate(problem, N, [0, steps / N], seeds=[seed])
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(problem.covariance())
    frame = np.linalg.qr(rng.standard_normal((N, 4)))[0].T
    both = np.sqrt(N) * (vectors * np.sqrt(values)) @ vectors.T @ frame
    W, teacher, v = both[:2].copy(), both[2:], problem.v.copy()
    for _ in range(steps):
        x = rng.standard_normal(N)
        h = W @ x / np.sqrt(N)
        e = v @ erf(h / np.sqrt(2)) - problem.v_star @ erf(teacher @ x / np.sqrt(N) / np.sqrt(2))
        back = v if problem.rule == "bp" else problem.F
        W = W - 0.5 / np.sqrt(N) * np.outer(back * np.sqrt(2 / np.pi) * np.exp(-h * h / 2) * e, x)
        v = v - 0.5 / N * erf(h / np.sqrt(2)) * e if problem.trained else v
    assert found.steps == steps
    np.testing.assert_allclose(found.Q[-1, 0], W @ W.T / N, rtol=1e-9)
    np.testing.assert_allclose(found.R[-1, 0], W @ teacher.T / N, rtol=1e-9)
    np.testing.assert_allclose(found.v[-1, 0], v, rtol=1e-9)
    assert np.abs(found.Q[-1, 0] - problem.Q).max() > 0.05


def test_a_seed_is_one_run_whatever_stands_beside_it():
    alone, among = (fv.simulate(start(), 30, [0, 2], seeds=seeds) for seeds in ([5], [4, 5]))
    np.testing.assert_allclose(alone.Q[:, 0], among.Q[:, 1], rtol=1e-12)
    again = fv.simulate(start(), 30, [0, 2], seeds=[5])
    np.testing.assert_array_equal(alone.Q, again.Q)


@pytest.fixture(scope="module")
def runs():
    """Twelve seeds each at N = 64, 256, 1,024."""
    times = np.arange(6.0)
    return [fv.simulate(start(), N, times, seeds=range(12)) for N in (64, 256, 1024)]


def compared(runs, equations):
    return gaps(fv.order_parameters(start(), runs[0].times, rtol=1e-8, atol=1e-11, equations=equations), runs)


def test_the_gap_to_training_falls_with_the_root_of_the_size(runs):
    found = compared(runs, Equations)
    assert found.falls
    assert found.exponent == pytest.approx(-0.5, abs=0.15)  # an rms of some ten runs is known to a fifth
    assert max(found.scaled) < 1.6 * min(found.scaled)


@pytest.mark.parametrize("mutant", [Aligned, Noiseless, Swapped])
def test_a_wrong_equation_leaves_a_gap(runs, mutant):
    found = compared(runs, mutant)
    assert not found.falls
    assert found.gaps[-1] > 5 * compared(runs, Equations).gaps[-1]


def test_back_propagation_is_the_known_reference():
    """The same comparison for BP, whose equations are those of Saad & Solla; its mutant is direct feedback."""

    class Direct(Equations):
        def feedback(self, v):
            return self.problem.F

    problem = start(rule="bp", v=[1.0, 0.7])
    right, wrong = (
        fv.finite_size(problem, (64, 1024), [0, 1, 2, 3], seeds=range(8), equations=equations)
        for equations in (Equations, Direct)
    )
    assert right.falls
    assert not wrong.falls


# Records and misuse


def test_records_are_json():
    for record in (
        fv.order_parameters(start(), [0, 1]).to_dict(),
        fv.simulate(start(), 20, [0, 1], seeds=range(2)).to_dict(),
        fv.finite_size(start(), (8, 16), [0, 1], seeds=[1, 2]).to_dict(),
    ):
        assert json.loads(json.dumps(record, allow_nan=False))["kind"] == "evidence"


def test_what_is_undefined_is_null_in_records():
    """cos(v, F) at v = 0."""
    record = json.loads(json.dumps(fv.order_parameters(start(v=[0, 0]), [0, 1]).to_dict(), allow_nan=False))
    assert record["alignment"][0] is None
    assert record["alignment"][1] is not None


@pytest.mark.parametrize("times", [1e300, [0, 1e8]])
def test_more_steps_than_can_be_taken_are_refused(times):
    with pytest.raises(Misuse, match=r"at most 1e\+07: 1,000,000,000 steps with N = 100"):
        fv.simulate(start(), 100, times)


@pytest.mark.filterwarnings("error")
def test_training_that_diverges_stops_and_says_so():
    wild = start(eta=1000.0)
    found = fv.simulate(wild, 30, [0, 0.1, 500], seeds=range(2))
    assert found.status == "diverged"
    assert len(found.times) == len(found.Q) < 3
    assert found.steps < 15_000
    assert np.isfinite(found.Q).all()
    late = fv.simulate(wild, 30, [500])
    assert (late.times.shape, late.v.shape, late.R.shape) == ((0,), (0, 1, 2), (0, 1, 2, 2))
    json.dumps(late.to_dict(), allow_nan=False)
    with pytest.raises(
        Misuse, match=r"eta = 1000\.0: expected a smaller step size, start or time: this diverges beyond"
    ):
        fv.finite_size(wild, (30, 60), [0, 500])


def test_equations_that_diverge_stop_and_say_so():
    found = fv.order_parameters(start(v_star=[1e9, 1e5]), 10)
    assert found.status == "diverged"
    assert found.steps < 5000
    assert found.Q[-1].max() <= 1e8


def test_gaps_are_those_of_every_time_beyond_0():
    """A single late time has a gap; the start, where there is none, does not count."""
    alone, after = (fv.finite_size(start(), (16, 64), times, seeds=range(2)) for times in ([2], [0, 2]))
    assert alone.gaps == pytest.approx(after.gaps, rel=1e-6)
    assert min(alone.gaps) > 0
    with pytest.raises(Misuse, match="a time beyond 0"):
        fv.finite_size(start(), (16, 64), [0])
    with pytest.raises(Misuse, match="inputs = 100: expected two numbers N"):
        fv.finite_size(start(), 100, [0, 2])


def test_the_budget_is_told():
    found = fv.order_parameters(start(), 100, most=5)
    assert found.status == "budget"
    assert len(found.times) == len(found.Q) < 101


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "fa"}, "one of dfa, bp"),
        ({"eta": 0}, "a positive number"),
        ({"eta": True}, "a positive number"),
        ({"trained": "no"}, "False for a fixed second layer"),
        ({"F": [1, 2, 3]}, r"\(…, 2\), for 2 students and 2 teachers"),
        ({"R": [[0.4, 0.1]]}, r"\(…, 2, 2\)"),
        ({"T": np.ones((3, 2, 2))}, "for 2 students"),
        ({"v_star": [[1, 2]]}, "one weight for each unit of the teacher"),
        ({"v": 1.0}, "one weight for each unit, last"),
        ({"v": "v"}, "an array of numbers"),
        ({"R": [[2, 0], [0, 2]]}, r"(?s)\[\[Q, R\], \[Rᵀ, T\]\] = .*without negative eigenvalues"),
        ({"v": np.ones((3, 2)), "F": np.ones((2, 2))}, "broadcast"),
    ],
)
def test_what_is_no_student_is_refused(changes, message):
    with pytest.raises(Misuse, match=message):
        start(**changes)


def test_numbers_of_numpy_are_numbers():
    found = fv.simulate(start(), np.int64(20), [0, 1], seeds=np.arange(2))
    np.testing.assert_array_equal(found.v, fv.simulate(start(), 20, [0, 1], seeds=[0, 1]).v)
    assert fv.order_parameters(start(), [0]).loss == pytest.approx([start().loss()])


def test_other_misuse():
    with pytest.raises(NonFiniteError):
        start(v=[np.nan, 1])
    problem = fv.TeacherStudent(**ONE)
    for times in (-1, [1, 0], "soon", [[0, 1]], [0, np.inf]):
        with pytest.raises(Misuse, match="times"):
            fv.order_parameters(problem, times)
    with pytest.raises(Misuse, match="at least 1"):
        fv.order_parameters(problem, 1, most=0)
    for tolerance in ({"rtol": "x"}, {"rtol": 0}, {"atol": np.nan}, {"atol": 0}):
        with pytest.raises(Misuse, match=next(iter(tolerance))):
            fv.order_parameters(problem, 1, **tolerance)
    with pytest.raises(Misuse, match="TeacherStudent"):
        fv.order_parameters(ONE, 1)
    with pytest.raises(Misuse, match="no stack"):
        fv.simulate(fv.small_start([1], [1], scale=1, eta=1, seeds=[0]), 10, 1)
    with pytest.raises(Misuse, match="at least K"):
        fv.simulate(problem, 1, 1)
    with pytest.raises(Misuse, match="whole numbers"):
        fv.simulate(problem, 10, 1, seeds=[0.5])
    with pytest.raises(Misuse, match="two N"):
        fv.finite_size(problem, (10,), [0, 1])
    with pytest.raises(Misuse, match="whole steps"):
        fv.finite_size(problem, (10, 20), [0, 0.123])
    with pytest.raises(Misuse, match="positive number"):
        fv.small_start([1], [1], scale=0, eta=1, seeds=[0])
    with pytest.raises(Misuse, match="at least K"):
        fv.small_start([1], [1], scale=1, eta=1, seeds=[0], inputs=1)
    with pytest.raises(Misuse, match="patterns, K"):
        fv.small_start(1, [1], scale=1, eta=1, seeds=[0])
