"""Degeneracy breaking, from small starts: direct feedback alignment ends in the copy with sign v = sign F.

φ = erf(·/√2) is odd, so that 2^K sign copies of a network compute the same. `unstable_directions` tells which of them
is stable close by; here whole trainings are followed, in the order parameters' equations. Fixed before the campaign:

- a run has learned if its loss ended below 5 % of its start;
- the rule selects if, in every sign pattern of F, at least 90 % of the runs learned, and of those that learned at
  least 95 % end with sign v = sign F, in all units;
- K = M = 2, v* = (1, 1), |F| = (1.2, 0.6), scale 0.01, η = ½, t = 1,000, N = 1,000 for the start's order parameters;
  seeds 0–19 were looked at when these were chosen, so that reports are of others, 20 at least (100–119).

The controls. Back-propagation from the same starts does not read F: each of its runs agrees with one pattern of the 2^K
or, where a v_k vanishes, with none: its share over all patterns is 2^−K at most, by counting alone, and says nothing.
What can fail is that there the *start* decides: of the runs that learned, more than half are to end with the signs of v
that they began with (95 % of seeds 0–19), and under direct feedback fewer than half. And the judgement itself has one:
runs of direct feedback judged against −F are to agree in 5 % at most, as they do not where signs are told wrongly.

References: Refinetti, d'Ascoli, Ohana & Goldt 2021 (degeneracy breaking).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Misuse, real_number
from .order_parameters import order_parameters
from .plain_records import plain
from .states import Array
from .teachers import RULES, checked_seeds, sign_patterns, small_start

LEARNED, REACHED, AGREED = 0.05, 0.90, 0.95
KEPT, NEGATED = 0.5, 0.05  # of the controls
BUDGET = 10_000  # steps of the integrator, which takes some 400 from where the criteria were fixed
SIZES, TEACHER, SCALE, ETA, END = (1.2, 0.6), (1.0, 1.0), 0.01, 0.5, 1000.0
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SignSelection:
    """Where each run of one rule ended.

    Shapes: patterns (2^K, K), signs of F; starts, ends (2^K, seeds, K), signs of v; learned, agrees (2^K, seeds);
    ratio, the loss's last over its first, too.
    """

    rule: str
    sizes: Array
    scale: float
    eta: float
    t: float
    seeds: tuple[int, ...]
    patterns: Array
    ratio: Array
    starts: Array
    ends: Array

    @property
    def learned(self) -> Bools:
        return self.ratio < LEARNED

    @property
    def agrees(self) -> Bools:
        """Which runs end with sign v = sign F, in all units."""
        return self.against(self.patterns[:, None, :])

    def against(self, signs: Array) -> Bools:
        """Which runs end with those signs of v."""
        found: Bools = (self.ends == signs).all(axis=-1)
        return found

    @property
    def negated(self) -> float | None:
        """Of the runs that learned, how many end with sign v = −sign F; None where none learned."""
        return self._part(self.against(-self.patterns[:, None, :]))

    @property
    def kept(self) -> float | None:
        """Of the runs that learned, how many end with the signs of v that they began with; None where none learned."""
        return self._part(self.against(self.starts))

    def _part(self, which: Bools) -> float | None:
        return float(which[self.learned].mean()) if self.learned.any() else None

    @property
    def shares(self) -> Array:
        """Of the runs that learned, how many end with sign v = sign F: one number a pattern, nan where none learned."""
        counts = self.learned.sum(axis=1)
        found: Array = np.where(counts > 0, (self.learned & self.agrees).sum(axis=1) / np.maximum(counts, 1), np.nan)
        return found

    @property
    def share(self) -> float:
        """The same over all patterns."""
        return float((self.learned & self.agrees).sum() / max(int(self.learned.sum()), 1))

    @property
    def selects(self) -> bool:
        """Whether the criterion of this file is met in every pattern."""
        return bool((self.learned.mean(axis=1) >= REACHED).all() and (self.shares >= AGREED).all())

    def __str__(self) -> str:
        head = (
            f"{self.rule}: |F| = {self.sizes.tolist()}, initial scale {self.scale:g}, η = {self.eta:g}, "
            f"t = {self.t:g}, {len(self.seeds)} seeds a pattern (evidence, not a proof)"
        )
        rows = [
            f"  sign F = {np.array2string(signs, formatter={'float_kind': lambda s: f'{s:+.0f}'})}: "
            + (f"{learned.sum()} of {learned.size} learned, " if learned.any() else f"none of {learned.size} learned")
            + (f"{share:.0%} of them end with sign v = sign F" if learned.any() else "")
            for signs, learned, share in zip(self.patterns, self.learned, self.shares, strict=True)
        ]
        if self.kept is not None:
            rows.append(
                f"  {self.kept:.0%} keep the signs of v that they began with; {self.negated:.0%} end with −sign F"
            )
        return "\n".join([head, *rows, f"  selects: {self.selects}"])

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        names = ["seeds", "rule", "scale", "eta", "t", "share", "selects", "kept", "negated"]
        names += ["sizes", "patterns", "ratio", "agrees"]
        return {"schema": 1, "kind": "evidence"} | {name: plain(getattr(self, name)) for name in names}


def sign_selection(
    rule: str = "dfa",
    *,
    sizes: Any = SIZES,
    v_star: Any = TEACHER,
    scale: float = SCALE,
    eta: float = ETA,
    t: float = END,
    seeds: Sequence[int] = range(100, 120),
) -> SignSelection:
    """In which sign copy training ends, for every sign pattern of F with |F| = `sizes`.

    Every pattern has the same starts, those of `small_start` at each seed.

    Units: t counts steps/N.

    Raises: Misuse, also where the integrator does not reach t.

    Scope: the equations of order parameters, N → ∞, from starts of that scale.

    Examples
    --------
    >>> import faverify as fv
    >>> found = fv.sign_selection(seeds=range(100, 103), t=300)
    >>> found.patterns.shape, found.selects
    ((4, 2), True)
    """
    if rule not in RULES:
        raise Misuse("rule", rule, f"one of {', '.join(RULES)}")
    F, chosen = sign_patterns(sizes), checked_seeds(seeds)
    t = real_number("t", t, "a positive time", above=0)
    start = small_start(F, v_star, scale=scale, eta=eta, seeds=chosen, rule=rule)
    found = order_parameters(start, [0, t], most=BUDGET).whole()
    ratio, (starts, ends) = found.loss[-1] / found.loss[0], np.sign(found.v)
    return SignSelection(rule, F[0], scale, start.eta, t, tuple(chosen), np.sign(F), ratio, starts, ends)
