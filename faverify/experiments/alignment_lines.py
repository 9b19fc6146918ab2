"""Whether a line of a file can be one of a training: its network, rule and status, and the shape of what it measured.

A line that was changed by hand, or comes from elsewhere, is not believed where that can be seen; the training goes on
before it. Values are not computed again.
"""

from __future__ import annotations

import math
from typing import Any

from .epochs import OVER
from .plain_networks import RULES

MOMENTS = 4  # an epoch


def batches_and_marks(samples: int, batch: int) -> tuple[int, list[int]]:
    """How many batches an epoch has, and after which of them it is measured.

    Examples
    --------
    >>> batches_and_marks(40, 8), batches_and_marks(10, 10)
    ((5, [1, 2, 4, 5]), (1, [1]))
    """
    batches = -(-samples // batch)
    return batches, sorted({round(batches * k / MOMENTS) for k in range(1, MOMENTS + 1)} - {0} | {batches})


class Lines:
    """Those of a training with so many samples, by its settings."""

    def __init__(self, samples: int, chosen: Any) -> None:
        self.layers = len(chosen.hidden)
        self.batches, self.marks = batches_and_marks(samples, chosen.batch)

    def has(self, record: dict[str, Any]) -> bool:
        """Whether this can be the line of its run and epoch; network n is trained by every rule in turn."""
        run, epoch, moments = record["run"], record["epoch"], record.get("moments")
        network, rule = divmod(run, len(RULES))
        names = {"run", "network", "rule", "epoch", "status", "moments"}
        if record.keys() != names or (record["network"], record["rule"]) != (network, RULES[rule]):
            return False
        times = [epoch - 1 + mark / self.batches for mark in self.marks] if epoch else [0.0]
        if not isinstance(moments, list) or not 0 < len(moments) <= len(times):
            return False
        if not all(self.is_moment(moment, t) for moment, t in zip(moments, times, strict=False)):
            return False
        losses = [moment["loss"] for moment in moments]
        if record["status"] == OVER:
            return losses[-1] is None and None not in losses[:-1]
        return len(moments) == len(times) and None not in losses

    def is_moment(self, moment: Any, t: float) -> bool:
        """Numbers where they belong; None for a loss that is not finite, and for an undefined cosine."""
        if not isinstance(moment, dict) or moment.keys() != {"t", "loss", "accuracy", "delta", "weights"}:
            return False
        curves = [moment["delta"], moment["weights"]]
        if not all(isinstance(curve, list) and len(curve) == self.layers for curve in curves):
            return False
        defined = [value for value in (moment["loss"], *curves[0], *curves[1]) if value is not None]
        return moment["t"] == t and all(map(_finite, (moment["t"], moment["accuracy"], *defined)))


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
