"""The equations of the order parameters of a student who learns online, N → ∞: direct feedback alignment and BP.

With t = steps/N, s = (v, −v*), C = [[Q, R], [Rᵀ, T]], and G = F under direct feedback, G = v under back-propagation:

    dR_km/dt = −η G_k Σ_c s_c I₃(k, m, c)
    dQ_kl/dt = −η Σ_c s_c [G_k I₃(k, l, c) + G_l I₃(l, k, c)] + η² G_k G_l Σ_cd s_c s_d I₄(k, l, c, d)
    dv_k/dt  = −η Σ_c s_c I₂(k, c)

They are exact in the limit, with K and M fixed: at finite N a run stays within O(1/√N) of them on [0, t], which
`faverify.experiments.online_training` measures.

References: Saad & Solla 1995, Phys. Rev. E 52, 4225 (BP); Refinetti, d'Ascoli, Ohana & Goldt 2021 (DFA); Goldt et al.
2020, J. Stat. Mech. 124010 (trained second layer, and a proof that the equations are the limit).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Misuse, whole_number
from .gaussian_integrals import LARGEST, pairs, slopes, squares
from .plain_records import plain
from .runge_kutta import solve
from .states import Array
from .teachers import TeacherStudent, checked_times, cosine, half_squared_error, joint, signed

MOST = 1_000_000  # steps


class Equations:
    """The right-hand side, term by term, at stacks of order parameters.

    Its methods are the terms: a subclass may change one, to see that the comparison with a simulation tells.
    """

    def __init__(self, problem: TeacherStudent) -> None:
        self.problem = problem

    def feedback(self, v: Array) -> Array:
        """G: what stands for v on the way back."""
        return v if self.problem.rule == "bp" else self.problem.F

    def pulls(self, C: Array, s: Array) -> Array:
        """E φ′(h_k) h_b e for the students k and all fields b: (…, K, K + M)."""
        found: Array = (slopes(C, self.problem.K) @ s[..., None, :, None])[..., 0]
        return found

    def noise(self, C: Array, s: Array) -> Array:
        """E φ′(h_k)φ′(h_l) e² for the students k, l: (…, K, K)."""
        averages = squares(C, self.problem.K)
        row, column = s[..., None, None, None, :], s[..., None, None, :, None]
        found: Array = (row @ averages @ column)[..., 0, 0]
        return found

    def __call__(self, v: Array, Q: Array, R: Array) -> tuple[Array, Array, Array]:
        """dv/dt, dQ/dt, dR/dt.

        Shapes: v (…, K), Q (…, K, K), R (…, K, M).
        """
        problem, eta = self.problem, self.problem.eta
        K = problem.K
        s, C = signed(v, problem.v_star), joint(Q, R, problem.T)
        back = self.feedback(v)
        pulled = -eta * back[..., :, None] * self.pulls(C, s)
        inner = pulled[..., :, :K]
        dQ = inner + inner.mT + eta**2 * back[..., :, None] * back[..., None, :] * self.noise(C, s)
        dv = -eta * (pairs(C)[..., :K, :] @ s[..., None])[..., 0] if problem.trained else np.zeros_like(v)
        return dv, dQ, pulled[..., :, K:]


@dataclass(frozen=True, eq=False)
class OrderParameters:
    """Order parameters along time, of the equations (`inputs` None) or of a simulation with N = `inputs`.

    Shapes: times (n); v (n, …, K), Q (n, …, K, K), R (n, …, K, M); loss and alignment (n, …). What stands between is
    the stack of students, or the seeds of a simulation. `status`: "ok", "budget" where the integrator used up its
    steps, or "diverged" where something left what float64 can tell, |Q| ≤ 10⁸. The times end there, for all of the
    stack. `steps`: of the integrator, or of training.
    """

    problem: TeacherStudent
    times: Array
    v: Array
    Q: Array
    R: Array
    steps: int
    status: str = "ok"
    inputs: int | None = None

    @property
    def loss(self) -> Array:
        """The generalisation error ½E e², in closed form."""
        return half_squared_error(self.v, self.Q, self.R, self.problem.v_star, self.problem.T)

    @property
    def alignment(self) -> Array:
        """cos(v, F); nan where v = 0, as it is undefined there."""
        return cosine(self.v, np.broadcast_to(self.problem.F, self.v.shape))

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; null where the alignment is undefined."""
        names = ("inputs", "steps", "status", "times", "v", "Q", "R", "loss", "alignment")
        record = {name: plain(getattr(self, name)) for name in names}
        return {"schema": 1, "kind": "evidence"} | record | {"problem": self.problem.to_dict()}

    def whole(self) -> OrderParameters:
        """The same, where it came to its last time.

        Raises: Misuse where it did not.
        """
        if self.status == "ok":
            return self
        reached = f"t = {self.times[-1]:g}" if len(self.times) else "the start"
        what = f"the {self.steps} steps are used up" if self.status == "budget" else "this diverges"
        raise Misuse("eta", self.problem.eta, f"a smaller step size, start or time: {what} beyond {reached}")


def order_parameters(
    problem: TeacherStudent,
    times: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    most: int = MOST,
    equations: type[Equations] = Equations,
) -> OrderParameters:
    """The order parameters of online training as N → ∞, at `times` (a number t stands for 101 times, 0 … t).

    Units: t counts steps/N.

    Raises: Misuse.

    Scope: K and M fixed while N → ∞, Gaussian inputs, one fresh sample a step, φ = erf(·/√2).

    Algorithm: an own Dormand–Prince 5(4) method in float64, all students of a stack with one step.

    References: see the module.

    Examples
    --------
    >>> import faverify as fv
    >>> start = fv.TeacherStudent(eta=0.5, v=[0.1], F=[1], Q=[[0.2]], R=[[0.1]], v_star=[1], T=[[1]])
    >>> found = fv.order_parameters(start, 200)
    >>> bool(found.loss[-1] < 1e-4), found.status
    (True, 'ok')
    """
    if not isinstance(problem, TeacherStudent):
        raise Misuse("problem", problem, "a fv.TeacherStudent")
    most = whole_number("most", most, 1)
    times, rates = checked_times(times), equations(problem)
    K, M = problem.K, problem.M

    def split(y: Array) -> tuple[Array, Array, Array]:
        v, Q, R = y[..., :K], y[..., K : K + K * K], y[..., K + K * K :]
        return v, Q.reshape(*Q.shape[:-1], K, K), R.reshape(*R.shape[:-1], K, M)

    def pack(v: Array, Q: Array, R: Array) -> Array:
        lead = v.shape[:-1]
        return np.concatenate([v, Q.reshape(*lead, K * K), R.reshape(*lead, K * M)], axis=-1)

    def rate(y: Array) -> Array:
        v, Q, R = split(y)
        return pack(*rates(v, Q, R)) if np.abs(Q).max(initial=0) <= LARGEST else np.full_like(y, np.nan)

    start = pack(problem.v, problem.Q, problem.R)
    y, steps, done = solve(rate, start, times, rtol=rtol, atol=atol, most=most)
    v, Q, R = split(y)
    status = "ok" if done else "budget" if steps >= most else "diverged"
    return OrderParameters(problem, times[: len(y)], v, Q, R, steps, status)
