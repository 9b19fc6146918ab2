"""Online learning from a teacher, as experiments by name: the two phases, the selection of signs, the equations' gap.

Each fixes its criterion in the module that measures it, and stands beside a null or beside wrong equations. Seeds 0–19
were in sight when the criteria were chosen: runs are of the seeds from 100 on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Misuse, real_number, whole_number
from .gaussian_integrals import slopes
from .online_training import Gaps, gaps, simulate
from .order_parameters import Equations, order_parameters
from .plain_records import plain
from .sign_selection import ETA, KEPT, NEGATED, REACHED, SCALE, SignSelection, sign_selection
from .states import Array
from .teachers import TeacherStudent
from .two_phases import TwoPhases, two_phases

UNSEEN = 100  # the first seed that no criterion was chosen with
INPUTS, TIMES = (64, 256, 1024), tuple(range(6))
MOST_SEEDS, MOST_RATE, MOST_SCALE = 10_000, 100.0, 10.0


class Aligned(Equations):
    """F_k → v_k: those of back-propagation."""

    def feedback(self, v: Array) -> Array:
        return v


class Noiseless(Equations):
    """η² dropped: those of gradient flow."""

    def noise(self, C: Array, s: Array) -> Array:
        return np.zeros((self.problem.K, self.problem.K))


class Swapped(Equations):
    """I₃'s a and c swapped: E φ′(h_c) h_b φ(h_k)."""

    def pulls(self, C: Array, s: Array) -> Array:
        every = slopes(C, C.shape[-1])
        found: Array = np.einsum("...cbk,...c->...kb", every, s)[..., : self.problem.K, :]
        return found


WRONG: dict[str, type[Equations]] = {"F_k → v_k": Aligned, "η² dropped": Noiseless, "a and c of I₃ swapped": Swapped}


def unseen(seed: int, seeds: int) -> range:
    """So many seeds that no criterion was chosen with.

    Raises: Misuse.
    """
    whole_number("seeds", seeds, 1, MOST_SEEDS, f"how many runs, {MOST_SEEDS:,} at most")
    return range(UNSEEN + seed, UNSEEN + seed + seeds)


def within(rate: Any, scale: Any = SCALE) -> None:
    """Refuse a step size or a scale by the name that it was asked by, before anything is trained.

    Raises: Misuse.
    """
    for name, value, most in (("rate", rate, MOST_RATE), ("scale", scale, MOST_SCALE)):
        real_number(name, value, f"a number above 0, {most:g} at most: beyond, training diverges", above=0, most=most)


@contextmanager
def rate_for_eta() -> Iterator[None]:
    """Where the step size is at fault, it is called the rate, as it was asked for."""
    try:
        yield
    except Misuse as error:
        if error.argument == "eta":
            raise Misuse("rate", error.found, error.expected) from error
        raise


def phases(*, seed: int, seeds: int = 20, scale: float = SCALE, rate: float = ETA) -> TwoPhases:
    """`two_phases` of seeds that no criterion was chosen with."""
    chosen = unseen(seed, seeds)
    within(rate, scale)
    with rate_for_eta():
        return two_phases(seeds=chosen, scale=scale, eta=rate)


@dataclass(frozen=True, eq=False)
class Selections:
    """Which sign copies direct feedback ends in, and back-propagation, its control."""

    dfa: SignSelection
    null: SignSelection

    kind = "evidence"

    @property
    def holds(self) -> bool | None:
        """Whether direct feedback selects, against the controls of `sign_selection`, where the start decides under BP.

        None where fewer than 90 % of the control's runs learned: a control that does not learn shows nothing.
        """
        if self.null.learned.mean() < REACHED or self.null.kept is None:
            return None
        if not self.dfa.selects or self.dfa.kept is None or self.dfa.negated is None:
            return False
        return self.dfa.negated <= NEGATED and self.dfa.kept < KEPT < self.null.kept

    def __str__(self) -> str:
        learned = f"shows nothing: the control learned in {self.null.learned.mean():.0%} of its runs only"
        return f"{self.dfa}\n{self.null}\nholds: {learned if self.holds is None else self.holds}"

    def to_dict(self) -> dict[str, Any]:
        record = {"schema": 1, "kind": "evidence", "experiment": "sign-selection", "holds": self.holds}
        return record | {"dfa": self.dfa.to_dict(), "null": self.null.to_dict()}

    def figure(self, path: Any) -> Any:
        """Draw the share of runs that end with sign v = sign F, by pattern; SVG, PNG or PDF.

        Raises: Misuse without matplotlib.
        """
        from .plots import figure_of, written

        figure, ((axes,),) = figure_of(1, 1)
        places = np.arange(len(self.dfa.patterns))
        for shift, (name, found), hatch in zip((-0.2, 0.2), self.by_rule().items(), ("", "///"), strict=True):
            axes.bar(places + shift, found.shares, 0.4, label=name, hatch=hatch, edgecolor="black", alpha=0.8)
        signs = ["".join("+" if s > 0 else "−" for s in row) for row in self.dfa.patterns]
        axes.set(ylabel="share with sign v = sign F", xlabel="signs of F", ylim=(0, 1.05))
        axes.set_xticks(places, signs)
        axes.legend()
        return written(figure, path)

    def by_rule(self) -> dict[str, SignSelection]:
        return {"DFA": self.dfa, "BP, the control": self.null}


def selections(*, seed: int, seeds: int = 20, scale: float = SCALE, rate: float = ETA) -> Selections:
    """`sign_selection` under direct feedback and under back-propagation, from the same starts."""
    chosen = unseen(seed, seeds)
    within(rate, scale)
    with rate_for_eta():
        dfa, null = (sign_selection(rule, seeds=chosen, scale=scale, eta=rate) for rule in ("dfa", "bp"))
        return Selections(dfa, null)


@dataclass(frozen=True, eq=False)
class Limits:
    """The gap between training at finite N and the equations; and what it would be if one of their terms were wrong."""

    rate: float
    right: Gaps
    wrong: dict[str, Gaps]

    kind = "evidence"

    @property
    def holds(self) -> bool:
        """Whether the gap falls towards 0 as N grows, and that of no wrong equation does."""
        return self.right.falls and not any(found.falls for found in self.wrong.values())

    def __str__(self) -> str:
        lines = [
            f"online training against the equations of its order parameters: η = {self.rate:g}, t ≤ {TIMES[-1]}, "
            f"{len(self.right.seeds)} seeds (evidence, not a proof)"
        ]
        for name, found in {"the equations": self.right, **self.wrong}.items():
            at = ", ".join(f"{gap:.2g} at N = {N}" for N, gap in zip(found.inputs, found.gaps, strict=True))
            lines.append(f"  {name}: gap {at}; it goes as N^{found.exponent:.2f}")
        return "\n".join([*lines, f"  holds: {self.holds} (below N^−0.25, half-way between −½ and 0)"])

    def to_dict(self) -> dict[str, Any]:
        wrong = {name: found.to_dict() for name, found in self.wrong.items()}
        record = {"schema": 1, "kind": "evidence", "experiment": "order-parameters", "holds": self.holds}
        return record | {"rate": plain(self.rate), "right": self.right.to_dict(), "wrong": wrong}

    def figure(self, path: Any) -> Any:
        """Draw the gaps by N; SVG, PNG or PDF.

        Raises: Misuse without matplotlib.
        """
        from .plots import figure_of, written

        figure, ((axes,),) = figure_of(1, 1)
        curves = {"the equations": self.right, **self.wrong}.items()
        for (name, found), style in zip(curves, ("o-", "s--", "^:", "v-."), strict=False):
            axes.loglog(found.inputs, found.gaps, style, label=name)
        top = self.right.gaps[0]
        axes.loglog(INPUTS, [top * (INPUTS[0] / N) ** 0.5 for N in INPUTS], color="grey", lw=0.8, label="N^(−1/2)")
        axes.set(xlabel="inputs N", ylabel="root mean square gap of v, Q, R")
        axes.legend()
        return written(figure, path)


def limits(*, seed: int, seeds: int = 12, rate: float = ETA) -> Limits:
    """Two students and two teachers trained at N = 64, 256 and 1,024, against the equations and three mutants.

    Raises: Misuse, also for a step size at which training diverges.
    """
    chosen = list(unseen(seed, seeds))
    within(rate)
    problem = TeacherStudent(
        eta=rate, v=[0.4, -0.3], F=[1.0, 0.6], Q=[[0.3, 0.05], [0.05, 0.4]], R=[[0.1, 0.02], [-0.03, 0.15]],
        v_star=[1.0, -0.7], T=np.eye(2),
    )  # fmt: skip
    with rate_for_eta():
        runs = [simulate(problem, N, TIMES, seeds=chosen).whole() for N in INPUTS]

    def against(equations: type[Equations]) -> Gaps:
        return gaps(order_parameters(problem, TIMES, rtol=1e-8, atol=1e-11, equations=equations), runs, chosen)

    with rate_for_eta():
        return Limits(float(rate), against(Equations), {name: against(wrong) for name, wrong in WRONG.items()})
