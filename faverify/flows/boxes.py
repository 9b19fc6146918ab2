"""Corners where all units act linearly: each combination of modes is one small linear system.

References: Cottle, Pang & Stone 2009 (complementarity); Murty 1974 (P-matrices).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .corners import ABOVE, BELOW, SLIDE, Candidate, Corner, Entry, Germs, field_of, repeated
from .layouts import Modes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
TIE = 1e-9  # of the scale of the numbers compared: below it a sign is left to the series
SLOW = 1e-6  # of the weights: rates below it are compared with it, so that rounding decides nothing
BOXES = 9  # units for which all combinations are tried where they act linearly


@dataclass
class Linear:
    """Units that act linearly: rates r = c + M λ + N r⁺, r⁺ those of units above; caps u + U λ; velocities v + V λ."""

    units: list[Entry]
    c: Array
    matrix: Array
    carried: Array  # N: how an argument moves with another one that is above its kink, and so is let through
    cap: Array
    caps: Array  # U
    base: Array
    moved: Array  # V, by units

    def solved(self, combos: Ints) -> tuple[Array, Array]:
        """λ and r under each combination of modes."""
        count, total = len(self.c), len(combos)
        eye, above, slides = np.eye(count), (combos == ABOVE)[:, :, None], (combos == SLIDE)[:, :, None]
        system = np.zeros((total, 2 * count, 2 * count))
        system[:, :count, :count] = np.where(slides, 0.0, np.where(above, eye - self.caps, eye))
        system[:, :count, count:] = np.where(slides, eye, 0.0)
        system[:, count:, :count] = -self.matrix
        system[:, count:, count:] = eye - self.carried * (combos == ABOVE)[:, None, :]
        right = np.concatenate(
            [np.where(combos == ABOVE, self.cap, 0.0), np.broadcast_to(self.c, combos.shape)], axis=1
        )
        try:
            found = np.linalg.solve(system, right[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            found = (np.linalg.pinv(system, rcond=1e-11) @ right[:, :, None])[:, :, 0]
        return found[:, :count], found[:, count:]

    def slacks(self, combos: Ints) -> tuple[Array, Array]:
        """By how much each condition holds; and λ."""
        unknown, rates = self.solved(combos)
        caps = self.cap + unknown @ self.caps.T
        with np.errstate(all="ignore"):
            places = np.where(unknown == 0, 0.0, np.where(caps == 0, np.inf, unknown / caps))
        inside = np.minimum(places, 1 - places)
        off = np.where(np.abs(rates) <= 1e-6, 0.0, -np.abs(rates))
        found = np.select([combos == BELOW, combos == ABOVE], [-rates, rates], np.minimum(inside, inside + off))
        return np.where(np.isfinite(found), found, -np.inf), unknown

    def candidates(self, combos: Ints) -> list[Candidate]:
        slack, unknown = self.slacks(combos)
        found = []
        for row in np.flatnonzero(slack.min(axis=1) > -TIE):
            modes = {unit.flat: int(mode) for unit, mode in zip(self.units, combos[row], strict=True)}
            least = float(slack[row].min())
            found.append(Candidate(modes, least > TIE, self.base + unknown[row] @ self.moved, least))
        return found


def by_boxes(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner) -> list[Candidate] | None:
    """The admissible modes of one case where all units act linearly; None where they do not, or are too many.

    Each combination of modes is then one small linear system. Where no cap depends on an unknown and no argument on
    another's, and −M diag(u) is a P-matrix (all principal minors are positive), there is exactly one solution
    whatever c is; of many units it is found by exchanging one after the other.
    """
    if corner.followers or corner.led or len(corner.units) < 2:
        return None
    model = linear_model(germs, state, now, pieces, corner.units)
    if model is None:
        return None
    count = len(corner.units)
    if count <= BOXES:
        found = model.candidates(np.array(list(product((BELOW, ABOVE, SLIDE), repeat=count))))
    else:
        plain = not model.carried.any() and not model.caps.any()
        combo = exchanged(model) if plain and is_p_matrix(-model.matrix * model.cap) else None
        if combo is None:
            return None
        found = model.candidates(np.array(alike(combo, model)))
    return found if all(_true(germs, state, now, pieces, corner, option) for option in found) else None


def linear_model(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, units: list[Entry]) -> Linear | None:
    """What units do one by one: with an unknown, and where they are lifted off their kink."""
    count, flats = len(units), [entry.flat for entry in units]
    stack = np.repeat(pieces, 1 + count, axis=0)
    for entry in units:
        stack[:, entry.flat] = entry.below
    series = germs.pushed(state, now, stack, flats)
    rates, fields = series.arguments(1)[: 1 + count][:, flats].copy(), field_of(series)[: 1 + count].copy()
    caps = series.caps(0)[: 1 + count][:, flats].copy()
    carried = carried_by(germs, state, now, stack, flats)
    matrix = (rates[1:] - rates[0]).T
    size = np.maximum(np.abs(matrix * np.abs(caps[0])).max(axis=1), np.maximum(np.abs(rates[0]), 1e-300))
    size = np.maximum(size, max(1e-6 * size.max(), SLOW * float(series.weight()[0])))
    found = Linear(
        units, rates[0] / size, matrix / size[:, None], carried * size[None, :] / size[:, None],
        caps[0], (caps[1:] - caps[0]).T, fields[0], fields[1:] - fields[0],
    )  # fmt: skip
    parts = (found.c, found.matrix, found.carried, found.caps, found.moved)
    return found if all(np.isfinite(part).all() for part in parts) else None


def carried_by(germs: Germs, state: dict[str, Array], now: Array, stack: Ints, flats: list[int]) -> Array:
    """N: how each argument moves where another one, on its kink and let through, moves by 1, and nothing else does."""
    count = len(flats)
    stack = stack.copy()
    for k, flat in enumerate(flats):
        stack[1 + k, flat] += 1
    states, times = repeated(state, 1 + count), np.repeat(now, 1 + count)
    series = germs.prepared(states, times, Modes.of_rows(stack, [{}] * (1 + count)))
    up = np.zeros(stack.shape, dtype=bool)
    up[np.arange(1, 1 + count), flats] = True
    moved = germs.lifted(series, up)[:, flats]
    return (moved[1:] - moved[0]).T - np.eye(count)  # type: ignore[no-any-return]


def _true(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner, option: Candidate) -> bool:
    """Whether the series agree with what the linear model says of a candidate."""
    found = field_of(germs.under(state, now, pieces, corner, option))[0]
    return bool(np.abs(found - option.velocities).max() <= 1e-7 * max(np.abs(found).max(), 1e-300))


def is_p_matrix(matrix: Array) -> bool:
    """Whether all principal minors are positive, well beyond rounding."""
    count = len(matrix)
    if count > BOXES + 4:
        return False
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    scaled = matrix / size[:, None] / size[None, :]
    for bits in range(1, 1 << count):
        rows = [k for k in range(count) if bits >> k & 1]
        if not np.linalg.det(scaled[np.ix_(rows, rows)]) > 1e-9:
            return False
    return True


def exchanged(model: Linear) -> Ints | None:
    """Modes by exchanging the first unit whose condition fails, as for any P-matrix (Murty 1974)."""
    combo = np.zeros((1, len(model.c)), dtype=np.int64)
    for _ in range(50 * len(model.c) ** 2):
        slack, unknown = model.slacks(combo)
        if slack.min() > -TIE:
            return combo[0]  # type: ignore[no-any-return]
        k = int(np.flatnonzero(slack[0] <= -TIE)[0])
        high = unknown[0, k] / model.cap[k] > 0.5 if model.cap[k] else False
        combo[0, k] = SLIDE if combo[0, k] != SLIDE else (ABOVE if high else BELOW)
    return None


def alike(combo: Ints, model: Linear) -> list[tuple[int, ...]]:
    """The modes under which a solution can go: on the edge of its box an entry may slide or leave."""
    unknown, rates = model.solved(combo[None])
    names = []
    for mode, value, cap, rate in zip(combo.tolist(), unknown[0], model.cap, rates[0], strict=True):
        place = value / cap if cap else 0.0
        edge = [BELOW] * int(place <= TIE) + [ABOVE] * int(place >= 1 - TIE)
        names.append(sorted({mode, SLIDE, *edge}) if edge and abs(rate) <= TIE else [mode])
    return list(product(*names))
