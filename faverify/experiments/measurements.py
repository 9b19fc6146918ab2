"""What a measurement found: the drift at each step size, its order, and what these speak for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from .plain_records import plain

FALLS = "falls with the step"
STAYS = "does not fall"
CONSTANT = "constant to rounding"
INCONCLUSIVE = "inconclusive"
MEANING = {
    FALLS: "as the drift of a first integral does",
    STAYS: "as the drift of a law that fails does",
    CONSTANT: "no drift that rounding would not explain",
    INCONCLUSIVE: "these runs speak neither for the law nor against it",
}
# A step of first order shows drift ~ η along a first integral: order 1, taken for so from 0.8 on. Along anything else
# drift = c + O(η): the order is 0, to 0.2 (noise of minibatches, √η, has order ½); or else extrapolation from three
# sizes gives one c twice, to a tenth (√η misses that by a third), and c is the larger part of the last drift. Where c
# is small, or of the other sign than the term in η, the order looks like 1 for a while: so the drift falls only if
# its orders agree, and if what is extrapolated falls as well (O(η²) along a first integral) or is next to nothing.
HIGH, LOW, AGREE, PART, STEADY, FADES, NOTHING = 0.8, 0.2, 0.1, 0.5, 0.5, 0.75, 0.02
NOISE = 0.2  # what is next to nothing where the step draws at random
RATIOS = 3  # the order is read off the smallest steps, where the leading term rules


@dataclass(frozen=True)
class LayerDrift:
    """How far a law drifts at one layer.

    One entry a step size, from the largest: `drifts` max_t |Q(t) − Q(0)| over all entries, `ends` the same at t = T,
    `rounding` what float64 (or the precision of step) alone may cause. `order`: p in drift ~ ηᵖ, with `spread` between
    successive halvings; `limit`: the drift extrapolated to η = 0, below which nothing is told apart from a law that
    holds.
    """

    outcome: str
    order: float | None
    spread: float | None
    limit: float | None
    drifts: tuple[float, ...]
    ends: tuple[float, ...]
    rounding: tuple[float, ...]
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """Evidence on a law of a rule that was run, never a verdict.

    `outcome` is "falls with the step", "does not fall", "constant to rounding" or "inconclusive"; `order`, `spread` and
    `limit` are those of the layer that decides it. `drifts`: the largest over the layers measured, one for each of
    `etas` with its number of `steps`; `moved`: how far the weights went, in Frobenius norm.
    """

    law: str
    step: str
    outcome: str
    order: float | None
    spread: float | None
    limit: float | None
    etas: tuple[float, ...]
    steps: tuple[int, ...]
    moved: tuple[float, ...]
    drifts: tuple[float, ...]
    layers: Mapping[int, LayerDrift]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        layers = {str(number): asdict(found) for number, found in self.layers.items()}
        record = {name: getattr(self, name) for name in self.__dataclass_fields__} | {"layers": layers}
        return {"schema": 1, "kind": "evidence", **plain(record)}

    def __str__(self) -> str:
        lines = [f"{self.law} under {self.step}: {self.outcome} (evidence, not a proof)", f"  {MEANING[self.outcome]}"]
        drifts = [f"drift, layer {number}" for number in self.layers]
        rows = [("η", "steps", "moved", *drifts, "rounding")]
        for k, eta in enumerate(self.etas):
            found = [f"{layer.drifts[k]:.3g}" for layer in self.layers.values()]
            floor = max(layer.rounding[k] for layer in self.layers.values())
            rows.append((f"{eta:.3g}", str(self.steps[k]), f"{self.moved[k]:.3g}", *found, f"{floor:.1g}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["  " + "  ".join(map(str.rjust, row, widths)) for row in rows]
        for number, layer in self.layers.items():
            if layer.order is not None:
                rate = f"order {layer.order:.2f} (spread {layer.spread:.2f})"
                lines.append(f"  layer {number}: {layer.outcome}, {rate}, drift at η → 0 about {layer.limit:.2g}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def __bool__(self) -> NoReturn:
        raise TypeError("a measurement is not true or false; read its outcome")


def drift_of(
    drifts: tuple[float, ...],
    ends: tuple[float, ...],
    rounding: tuple[float, ...],
    still: bool,
    trivial: bool,
    noisy: bool = False,
) -> LayerDrift:
    """The order of the drift and what it speaks for; `still`: nothing moved that the law could read."""
    above = [drift > floor for drift, floor in zip(drifts, rounding, strict=True)]
    count = above.index(False) if False in above else len(above)  # the runs that rounding does not blur
    orders = [math.log2(drifts[k] / drifts[k + 1]) for k in range(count - 1)][-RATIOS:]
    order = spread = limit = None
    settled = fades = False
    if len(orders) >= 2:
        order, spread = sum(orders) / len(orders), max(orders) - min(orders)
        left = [2 * drifts[k] - drifts[k - 1] for k in range(1, count)]  # here the term in η cancels
        before, limit = left[-2:]
        settled = abs(limit - before) <= AGREE * limit and limit >= PART * drifts[count - 1]
        pairs = [(abs(b), abs(a), drift) for b, a, drift in zip(left[:-1], left[1:], drifts[2:count], strict=True)][-2:]
        fading = [a <= FADES * b or a <= (NOISE if noisy else NOTHING) * drift for b, a, drift in pairs]
        limit, fades = abs(limit), spread <= STEADY and len(pairs) == 2 and all(fading)
    if still:
        outcome, note = INCONCLUSIVE, "the weights did not move beyond rounding"
    elif trivial:
        outcome, note = CONSTANT, "trivial: nothing that moves enters the law"
    elif not any(above):
        outcome, note = CONSTANT, ""
    elif order is None:
        outcome, note = INCONCLUSIVE, "rounding hides the drift but at the largest steps; raise eta, or use float64"
    elif min(orders) >= HIGH:
        hidden = "a drift that does not fall may hide behind one that does; lower eta, or raise halvings"
        outcome, note = (FALLS, "") if fades else (INCONCLUSIVE, hidden)
    elif settled or max(map(abs, orders)) <= LOW:
        outcome, note = STAYS, ""
    else:
        outcome, note = INCONCLUSIVE, "the order has not settled; lower eta, or raise halvings"
    return LayerDrift(outcome, order, spread, limit, drifts, ends, rounding, note)
