"""A student who learns online from a teacher, both with one hidden layer of φ = erf(·/√2) and one output.

h = Wx/√N of K students, h* = W*x/√N of M teachers, x standard normal in N dimensions; f = v·φ(h), y = v*·φ(h*),
e = f − y. A step of direct feedback alignment, of a fresh x each:

    ΔW_k = −(η/√N) F_k φ′(h_k) e xᵀ,    Δv_k = −(η/N) φ(h_k) e.

Back-propagation has v_k for F_k; feedback alignment is the same as direct feedback here, with B_2 = F, as there is one
hidden layer. All that the loss depends on is v and the covariance [[Q, R], [Rᵀ, T]] of (h, h*).

References: Saad & Solla 1995, Phys. Rev. E 52, 4225; Refinetti, d'Ascoli, Ohana & Goldt 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import numpy as np

from ..errors import Misuse, NonFiniteError, real_number, whole_number
from .gaussian_integrals import covariance, pairs
from .plain_records import plain
from .states import Array

RULES = ("dfa", "bp")
REALISED = 1000  # inputs of a network whose order parameters a drawn start has
MOST_UNITS = 6  # of which all sign patterns are asked: 64
WIDEST = 1000.0  # scale of a drawn start: Q is its square, and may be a hundred times that at few inputs


@dataclass(frozen=True, eq=False)
class TeacherStudent:
    """Where a student starts, and the teacher, told by their order parameters.

    Q = WWᵀ/N, R = WW*ᵀ/N, T = W*W*ᵀ/N. `rule` is "dfa" or "bp"; F is kept under "bp" too, so that cos(v, F) can be
    asked of the null. `trained`: whether v moves.

    Shapes: v, F (…, K), v_star (M), Q (…, K, K), R (…, K, M), T (M, M); what leads is a stack of students, and F, Q, R
    and v broadcast against each other.

    Raises: Misuse where shapes do not conform, or [[Q, R], [Rᵀ, T]] is no covariance; NonFiniteError.

    Examples
    --------
    >>> student = TeacherStudent(eta=0.5, v=[0.1], F=[1], Q=[[0.2]], R=[[0]], v_star=[1], T=[[1]])
    >>> student.K, student.M, float(student.loss().round(3))
    (1, 1, 0.167)
    """

    eta: float
    v: Any
    F: Any
    Q: Any
    R: Any
    v_star: Any
    T: Any
    rule: str = "dfa"
    trained: bool = True

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise Misuse("rule", self.rule, f"one of {', '.join(RULES)}")
        if not isinstance(self.trained, bool):
            raise Misuse("trained", self.trained, "True, or False for a fixed second layer")
        object.__setattr__(self, "eta", real_number("eta", self.eta, "a positive number", above=0))
        found = {name: _floats(name, getattr(self, name)) for name in ("v", "F", "Q", "R", "v_star", "T")}
        if found["v_star"].ndim != 1 or not found["v_star"].size:
            raise Misuse(
                "v_star", f"an array of shape {found['v_star'].shape}", "one weight for each unit of the teacher"
            )
        if found["v"].ndim < 1 or not found["v"].shape[-1]:
            raise Misuse("v", f"an array of shape {found['v'].shape}", "one weight for each unit, last")
        K, M = found["v"].shape[-1], found["v_star"].size
        tails = {"v": (K,), "F": (K,), "Q": (K, K), "R": (K, M)}
        for name, tail in (tails | {"T": (M, M)}).items():
            if found[name].shape[-len(tail) :] != tail or (name == "T" and found[name].ndim > 2):
                wanted = f"(…, {', '.join(map(str, tail))}), for {K} students and {M} teachers"
                raise Misuse(name, f"an array of shape {found[name].shape}", wanted)
        leading = {name: found[name].shape[: -len(tail)] for name, tail in tails.items()}
        try:
            stack = np.broadcast_shapes(*leading.values())
        except ValueError as error:
            raise Misuse("v, F, Q, R", leading, "leading shapes that broadcast") from error
        for name, tail in tails.items():
            found[name] = np.broadcast_to(found[name], stack + tail)
        for name, value in found.items():
            object.__setattr__(self, name, value)
        covariance(self.covariance(), K + M, "[[Q, R], [Rᵀ, T]]")

    @property
    def K(self) -> int:
        return int(self.v.shape[-1])

    @property
    def M(self) -> int:
        return int(self.v_star.size)

    @property
    def stack(self) -> tuple[int, ...]:
        """The shape of the stack of students: () is one."""
        return tuple(self.v.shape[:-1])

    def by(self, rule: str) -> TeacherStudent:
        """The same start under another rule."""
        return replace(self, rule=rule)

    def covariance(self) -> Array:
        """[[Q, R], [Rᵀ, T]]."""
        return joint(self.Q, self.R, self.T)

    def loss(self) -> Array:
        """The generalisation error ½E e²."""
        return half_squared_error(self.v, self.Q, self.R, self.v_star, self.T)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        found: dict[str, Any] = plain({field.name: getattr(self, field.name) for field in fields(self)})
        return found


def small_start(
    F: Any, v_star: Any, *, scale: float, eta: float, seeds: Sequence[int], inputs: int = REALISED, rule: str = "dfa"
) -> TeacherStudent:
    """Students whose weights were drawn: W_ki and v_k independent and normal, with standard deviation `scale`.

    Their order parameters are those of N = `inputs`: R is then about scale/√N and not 0, which the symmetric plateau
    must be left by. The teacher is orthonormal, T = I. One student a seed, the same whatever stands beside it.

    Shapes: F (K) for all seeds, or (patterns, K): the stack is then (patterns, seeds), with the same draws each.

    Raises: Misuse.

    Examples
    --------
    >>> small_start([1, -1], [1, 1], scale=0.1, eta=0.5, seeds=range(3)).stack
    (3,)
    """
    F, v_star = _floats("F", F), _floats("v_star", v_star)
    if F.ndim not in (1, 2) or not F.size:
        raise Misuse("F", f"an array of shape {F.shape}", "(K), or (patterns, K)")
    expected = f"a positive number, {WIDEST:g} at most: Q grows as its square"
    scale = real_number("scale", scale, expected, above=0, most=WIDEST)
    K, M = F.shape[-1], v_star.size
    inputs = whole_number("inputs", inputs, K + M, expected=f"a whole number, at least K + M = {K + M}")
    v, Q, R = [], [], []
    for seed in checked_seeds(seeds):
        rng = np.random.default_rng(seed)
        W = scale * rng.standard_normal((K, inputs))
        v.append(scale * rng.standard_normal(K))
        Q.append(W @ W.T / inputs)
        R.append(W[:, :M] / np.sqrt(inputs))  # W*_m = √N e_m: any orthonormal teacher, as W has no direction
    return TeacherStudent(eta, np.array(v), F[..., None, :] if F.ndim == 2 else F, np.array(Q), np.array(R), v_star,
                          np.eye(M), rule)  # fmt: skip


def joint(Q: Array, R: Array, T: Array) -> Array:
    """[[Q, R], [Rᵀ, T]] over stacks."""
    K, M = R.shape[-2:]
    C = np.empty((*R.shape[:-2], K + M, K + M))
    C[..., :K, :K], C[..., :K, K:], C[..., K:, :K], C[..., K:, K:] = Q, R, R.mT, T
    return C


def signed(v: Array, v_star: Array) -> Array:
    """s = (v, −v*), so that e = s·φ(h, h*)."""
    return np.concatenate([v, np.broadcast_to(-v_star, (*v.shape[:-1], v_star.size))], axis=-1)


def half_squared_error(v: Array, Q: Array, R: Array, v_star: Array, T: Array) -> Array:
    """½E e² = ½ Σ_cd s_c s_d E φ(h_c)φ(h_d), over stacks."""
    s = signed(v, v_star)
    found: Array = (s[..., None, :] @ pairs(joint(Q, R, T)) @ s[..., :, None])[..., 0, 0] / 2
    return found


def cosine(a: Array, b: Array) -> Array:
    """cos(a, b) along the last axis; it is undefined, nan, where one of them is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return found


def sign_patterns(sizes: Any) -> Array:
    """Every F with |F| = `sizes`: a row for each of the 2^K patterns of signs, all positive first.

    Raises: Misuse.
    """
    magnitudes = _floats("sizes", sizes)
    if magnitudes.ndim != 1 or not 1 <= magnitudes.size <= MOST_UNITS or not (magnitudes > 0).all():
        raise Misuse("sizes", sizes, f"positive magnitudes of F, one for each of 1 to {MOST_UNITS} units")
    return np.array(list(product((1.0, -1.0), repeat=magnitudes.size))) * magnitudes


def checked_seeds(seeds: Any) -> list[int]:
    """Seeds as a list of whole numbers; one number stands for itself."""
    try:
        found = [whole_number("seeds", seed, 0) for seed in (seeds if isinstance(seeds, Iterable) else [seeds])]
    except Misuse as error:
        raise Misuse("seeds", seeds, "whole numbers ≥ 0, at least one") from error
    if not found:
        raise Misuse("seeds", seeds, "whole numbers ≥ 0, at least one")
    return found


def checked_times(times: Any) -> Array:
    """Times as an increasing array that starts at 0; of one number, 101 times up to it."""
    try:
        found = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Misuse("times", times, "numbers") from error
    if found.ndim == 0:
        found = np.linspace(0, found, 101)
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise Misuse("times", times, "a finite number, or a list of them")
    if found[0] < 0 or not (np.diff(found) > 0).all():
        raise Misuse("times", times, "times that increase, from 0 or later; a single t > 0 stands for 0 … t")
    return found


def _floats(name: str, value: Any) -> Array:
    try:
        found = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Misuse(name, value, "an array of numbers") from error
    if not np.isfinite(found).all():
        raise NonFiniteError(found[~np.isfinite(found)][0], name)
    return found
