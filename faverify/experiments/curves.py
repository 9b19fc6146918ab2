"""Curves along a path, for plots: how far a law drifted, how far gates were violated, what is left of the error."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..flows.evidence import Along, smooth_nodes
from ..flows.recorders import error_signal
from ..model.rules import FeedbackAlignment
from .convergence import slowest
from .looking import precise

INSIDE = 4  # points of a step


def drift_curve(path: Any, law: Any, layer: Any) -> tuple[list[float], list[float]]:
    """Times, and the greatest |Q(t) − Q(0)| over the entries of a law at one layer."""
    return curve_of(path, smooth_nodes(path, law, layer), lambda entries: float(np.abs(entries).max()), True)


def residual_curve(path: Any) -> tuple[list[float], list[float]]:
    """Times, and ‖y − f‖ over all outputs and samples."""
    program = path.program
    signal = error_signal(path.problem, program, program.run.output)
    return curve_of(path, [signal], lambda entries: float(np.linalg.norm(entries)), False)


def curve_of(
    path: Any, nodes: list[Any], value: Callable[[Any], float], from_start: bool
) -> tuple[list[float], list[float]]:
    """Times, and a number made of the nodes' entries there, or of how far they are from where they started.

    What is subtracted is so exactly, and values inside of a step are as good as floats are: small ones are small.
    """
    along, times, values, first = Along(path, nodes), [], [], None  # type: Any, Any, Any, Any
    for segment in path._case.segments:
        along.load(segment)
        start, series = along.start(), along.series()
        first = start if first is None else first
        series[0] = [float(a - b) if from_start else float(a) for a, b in zip(start, first, strict=True)]
        last = segment is path._case.segments[-1]
        for part in np.linspace(0, 1, INSIDE + last, endpoint=last):
            theta = float(part) * float(segment.theta)
            times.append(float(Fraction(segment.start)) + theta * float(segment.unit))
            values.append(value(theta ** np.arange(len(series)) @ series))
    return times, values


def gate_curve(path: Any) -> tuple[list[float], list[float]]:
    """Times at which steps meet, and how far outside of its piece any argument lay there, before or after; exactly.

    Empty where there is no kink. Of an entry that slides, its distance from the kink.
    """
    segments, switches = path._case.segments, path._layout.switches
    if not segments or not switches:
        return [], []
    along = Along(path, [switch.argument for switch in switches], 2)
    kinks = [switch.kinks for switch in switches for _ in range(switch.argument._dims[0] * switch.argument._dims[1])]
    times, values, before = [], [], None
    for segment in segments:
        along.load(segment)
        arguments = along.start()
        worst = max(outside(arguments, kinks, part) for part in (before, segment) if part is not None)
        times.append(float(Fraction(segment.start)))
        values.append(float(worst))
        before = segment
    return times, values


def outside(arguments: list[Fraction], kinks: list[tuple[Fraction, ...]], segment: Any) -> Fraction:
    """By how much the worst argument lies outside of the piece that a step has for it."""
    worst = Fraction(0)
    for flat, (h, places) in enumerate(zip(arguments, kinks, strict=True)):
        piece = int(segment.pieces[flat])
        if flat in segment.slides:
            worst = max(worst, abs(h - places[piece]))
            continue
        if piece > 0:
            worst = max(worst, places[piece - 1] - h)
        if piece < len(places):
            worst = max(worst, h - places[piece])
    return worst


def predicted_rate(path: Any) -> tuple[float | None, str]:
    """The rate λ_min(XHXᵀ) at the end, and why there is none."""
    problem = path.problem
    net = problem.net
    if not (net.activation.linear and net.outputs == 1 and not net.bias and type(problem.rule) is FeedbackAlignment):
        return None, "it is known of linear chains with one output under feedback alignment"
    with precise(path.digits):
        now = {f"W{k}": W for k, W in zip(net.labels, path.weights(), strict=True)}
        rate = float(slowest(problem, now))
    return (rate, "") if rate > 0 else (None, "the slope at the end does not attract")
