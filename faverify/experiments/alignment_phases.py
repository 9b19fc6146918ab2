"""Align, then memorise: what curves of alignment and loss show of it, by criteria that were fixed beforehand.

A curve is the alignment of one layer, at the moments at which the loss is measured as well. The criteria:

- *It aligns*: its greatest value is at least 0.1 above its first. A curve that does not has no phase of alignment.
- *Two phases* (RAOG-ATM): it aligns; its greatest value, the first of equals, comes while the loss is at least one half
  of its start; and where the loss first falls to 5 % of its start the alignment is below that greatest value. A run
  that passes the first two and never gets to 5 % is told as such, and counts neither way. *As stated* is the same
  without the first condition, which a curve that never rose can pass: the record counts it as well.
- *Bottom to top* (RAOG-SEQ): the moments of the greatest values do not decrease from layer to layer. Beside it, the
  share of the permutations of the layers of which the same is true: what shuffled labels of the layers would give.
- *Nulls*: networks that back-propagation trains from the same weights, held against the same random F; they should not
  align. A null that did not learn says little: its loss is printed.

One half, 5 % and the order are those of the claims. The 0.1 and the default settings were chosen with two networks of
the digits in sight, at initial scales 0.1 and 0.5, before any were counted.

What comes of them is evidence, and never a verdict: it depends on the data, on the step size and, above all, on the
scale of the initial weights.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

RISE, EARLY, LEARNT, SEEDS = 0.1, 0.5, 0.05, 20
MEASURES = {
    "delta": "cosine of δ_l of DFA with δ_l of back-propagation, l < L",
    "weights": "cosine of W_l with F_lᵀF_{l−1}, l ≥ 2, F_L = I",
}


@dataclass(frozen=True)
class Run:
    """One training: `moments` in epochs, the losses and the share of images told rightly there.

    `curves[measure][layer]` is the alignment of a layer at those moments; None where a cosine is undefined. `status` is
    ok or diverged.
    """

    seed: int
    rule: str
    status: str
    moments: tuple[float, ...]
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    curves: dict[str, dict[int, tuple[float | None, ...]]]

    @property
    def ratios(self) -> list[float]:
        """The loss over its start."""
        return [loss / self.losses[0] if self.losses[0] else math.nan for loss in self.losses]

    def peak(self, measure: str, layer: int) -> int | None:
        """Where the alignment is greatest, the first of equals; None if it is undefined somewhere."""
        curve = self.curves[measure][layer]
        if self.status != "ok" or any(value is None for value in curve):
            return None
        return max(range(len(curve)), key=lambda k: (curve[k], -k))

    def aligns(self, measure: str, layer: int) -> bool | None:
        """Whether the greatest alignment is at least 0.1 above the first."""
        top, curve = self.peak(measure, layer), self.curves[measure][layer]
        return None if top is None else curve[top] - curve[0] >= RISE  # type: ignore[operator]

    def as_stated(self, measure: str, layer: int) -> bool | None:
        """Whether the peak is early, and above where the loss is 5 % of its start; None if it never gets there."""
        top, curve, ratios = self.peak(measure, layer), self.curves[measure][layer], self.ratios
        if top is None or ratios[top] < EARLY:
            return None if top is None else False
        late = next((k for k, ratio in enumerate(ratios) if ratio <= LEARNT), None)
        return None if late is None else late > top and curve[late] < curve[top]  # type: ignore[operator]

    def two_phases(self, measure: str, layer: int) -> bool | None:
        """The same of a layer that aligns; False of one that does not."""
        return False if self.aligns(measure, layer) is False else self.as_stated(measure, layer)

    def peaks(self, measure: str) -> list[int] | None:
        """Of every layer; None unless there are two layers or more, and all are defined."""
        found = [self.peak(measure, layer) for layer in self.curves[measure]]
        return None if len(found) < 2 or None in found else found  # type: ignore[return-value]


def ordered(peaks: Sequence[int]) -> bool:
    return all(low <= up for low, up in pairwise(peaks))


def share_of_orders(peaks: Sequence[int]) -> float:
    """The share of the permutations of numbers that do not decrease: Π m! / n!, for numbers that occur m times.

    Examples
    --------
    >>> share_of_orders([3, 1, 2]), share_of_orders([1, 1, 2]), share_of_orders([1, 1])
    (0.16666666666666666, 0.3333333333333333, 1.0)
    """
    return math.prod(map(math.factorial, Counter(peaks).values())) / math.factorial(len(peaks))


@dataclass(frozen=True)
class AlignThenMemorise:
    """What the experiment found: evidence, and no verdict. `settings` is everything that it depends on, data included.

    `holds` is None always: fractions over seeds prove nothing. `complete`: whether every run came to its end.
    """

    settings: dict[str, Any]
    runs: tuple[Run, ...]

    holds = None

    @property
    def complete(self) -> bool:
        return all(run.status == "ok" for run in self.runs)

    def of(self, rule: str) -> list[Run]:
        return [run for run in self.runs if run.rule == rule]

    @property
    def rules(self) -> list[str]:
        return list(dict.fromkeys(run.rule for run in self.runs))

    def layers(self) -> list[dict[str, Any]]:
        """By rule, measure and layer: in how many runs it aligns, has two phases; medians over the runs."""
        return [
            _layer(self.of(rule), rule, measure, layer)
            for measure in MEASURES
            for rule in self.rules
            for layer in self.runs[0].curves[measure]
        ]

    def orders(self) -> list[dict[str, Any]]:
        """By rule and measure: in how many runs the layers align from bottom to top, and by chance."""
        found = []
        for measure in MEASURES:
            for rule in self.rules:
                known = [peaks for run in self.of(rule) if (peaks := run.peaks(measure)) is not None]
                shuffled = sum(map(share_of_orders, known))
                told = {"bottom_to_top": sum(map(ordered, known)), "shuffled": shuffled, "of": len(known)}
                found.append({"measure": measure, "rule": rule, **told})
        return found

    def losses(self) -> list[dict[str, Any]]:
        """By rule: medians of loss and accuracy at the end, how many runs reached 5 % of their start, or diverged.

        `at_start`: how many had no finite loss before a step was taken.
        """
        found = []
        for rule in self.rules:
            runs = self.of(rule)
            whole = [run for run in runs if run.status == "ok"]
            numbers = {
                "ratio": _median(run.ratios[-1] for run in whole),
                "accuracy": _median(run.accuracies[-1] for run in whole),
                "learnt": sum(min(run.ratios) <= LEARNT for run in whole),
                "diverged": len(runs) - len(whole),
                "at_start": sum(not run.losses for run in runs),
            }
            found.append({"rule": rule, "of": len(runs), **numbers})
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything but the curves, ready for JSON; null where nothing is defined."""
        record: dict[str, Any] = {"schema": 1, "kind": "evidence", "experiment": "align-then-memorise", "holds": None}
        record |= {"complete": self.complete, "settings": self.settings, "measures": MEASURES}
        record["criteria"] = {"rise": RISE, "peak_at_loss_ratio": EARLY, "learnt_at_loss_ratio": LEARNT, "seeds": SEEDS}
        return record | {"losses": self.losses(), "layers": self.layers(), "bottom_to_top": self.orders()}

    def __str__(self) -> str:
        s = self.settings
        widths, data, seeds = "-".join(map(str, s["widths"])), s["data"], s["seeds"]
        few = f"; the criteria ask for {SEEDS}" if seeds < SEEDS else ""
        lines = [
            f"align, then memorise: {data['name']} ({data['samples']} samples), {widths}, {s['activation']}; evidence, "
            "and no verdict",
            f"  initial scale {s['scale']} (what follows depends on it), rate {s['rate']}, batches of {s['batch']}, "
            f"{s['epochs']} epochs, seed {s['seed']}, {seeds} network{'s' * (seeds > 1)}{few}",
        ]
        for row in self.losses():
            fault = "scale" if row["at_start"] else "rate or scale" if s["scale"] > 1 else "rate"
            gone = f", {row['diverged']} diverged (try a smaller {fault})" if row["diverged"] else ""
            lines.append(
                f"  {row['rule'].upper():3}  loss to {_short(row['ratio'])} of its start, accuracy "
                f"{_short(row['accuracy'])} (medians); to 5 % in {row['learnt']} of {row['of']}{gone}"
            )
        head = ("alignment", "layer", "trained by", "start", "peak", "epoch", "loss there", "end", "aligns", "2 phases")
        rows = [head, *(_row(row) for row in self.layers())]
        sizes = [max(len(row[k]) for row in rows) for k in range(len(head))]
        lines += ["  " + "  ".join(word.ljust(size) for word, size in zip(row, sizes, strict=True)) for row in rows]
        lines.append("  2 phases: aligns, peak at loss ratio ≥ ½, less at loss ratio 5 %; (+n) never got to 5 %")
        for row in self.orders():
            if row["of"]:
                lines.append(
                    f"  bottom to top, {row['measure']}, {row['rule'].upper()}: {row['bottom_to_top']} of {row['of']}; "
                    f"shuffled layers {row['shuffled']:.3g}"
                )
        return "\n".join(line.rstrip() for line in lines)

    def figure(self, path: Any) -> Any:
        """Draw loss and alignment over epochs, medians over the networks; SVG, PNG or PDF.

        Raises: Misuse without matplotlib.
        """
        from .figures import alignment_figure

        return alignment_figure(self, path)


def _layer(runs: Sequence[Run], rule: str, measure: str, layer: int) -> dict[str, Any]:
    known = [(run, k) for run in runs if (k := run.peak(measure, layer)) is not None]
    phases = [run.two_phases(measure, layer) for run, _ in known]
    found: dict[str, Any] = {"measure": measure, "rule": rule, "layer": layer, "of": len(known)}
    found["aligns"] = sum(bool(run.aligns(measure, layer)) for run, _ in known)
    found |= {"two_phases": phases.count(True), "not_learnt": phases.count(None)}
    found["as_stated"] = sum(run.as_stated(measure, layer) is True for run, _ in known)
    curves = [run.curves[measure][layer] for run, _ in known]
    found["start"] = _median(curve[0] for curve in curves)
    found["peak"] = _median(curve[k] for curve, (_, k) in zip(curves, known, strict=True))
    found["peak_epoch"] = _median(run.moments[k] for run, k in known)
    found["peak_ratio"] = _median(run.ratios[k] for run, k in known)
    return found | {"end": _median(curve[-1] for curve in curves)}


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = [_short(row[name]) for name in ("start", "peak", "peak_epoch", "peak_ratio", "end")]
    late = f" (+{row['not_learnt']})" if row["not_learnt"] else ""
    counts = (f"{row['aligns']} of {row['of']}", f"{row['two_phases']} of {row['of']}{late}")
    return (row["measure"], str(row["layer"]), row["rule"].upper(), *numbers, *counts)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
