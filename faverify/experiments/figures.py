"""Figures of the experiments that have a name, made of what `plots` draws with."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from typing import Any

from .plots import LOOKS, TINY, figure_of, floats, line, written

DRAWN = ("rows of W_1(0) in span(Xᵀ)", "rows of W_1(0) off it")


def conservation_figure(found: Any, path: Any) -> Path:
    figure, axes = figure_of(2, 2)
    for column, flow in enumerate(found.flows):
        ax, floor = axes[0][column], float(flow.noise_floor)
        for k, (layer, curve) in enumerate(flow.curves.items()):
            line(ax, k, floats(flow.times), floats(curve, floor / 100), f"|Q_{layer}(t) − Q_{layer}(0)|")
            ax.axhline(float(flow.terms[layer]), color="grey", linestyle=LOOKS[k % len(LOOKS)][1], linewidth=0.8)
        ax.set_yscale("log")
        ax.axhline(floor, color="black", linewidth=0.8, label="noise floor")
        ax.set(title=f"flow, {flow.activation}: gate violation {float(flow.gate_violation):.0e}", xlabel="t")
        ax.annotate("how far ½‖W_l‖² moved", (0.02, 0.86), xycoords="axes fraction", color="grey", fontsize=8)
        ax.legend(fontsize=8, loc="center right")
    activations = [flow.activation for flow in found.flows]
    steps = range(1, len(found.trainings[0].drift[1]))
    for part in found.trainings:
        ax = axes[1][activations.index(part.activation)]
        for layer in part.drift:
            colour, dashes, marker = LOOKS[len(ax.lines) // 2 % len(LOOKS)]
            ax.semilogy(steps, floats(part.half_squares[layer][1:], TINY), color=colour, linestyle=dashes)
            drift = floats(part.drift[layer][1:], TINY)
            ax.semilogy(steps, drift, marker, color=colour, label=f"Q_{layer}, η = {part.rate}")
        ax.set(title=f"steps, {part.activation}: dots drift, lines ½ Σ ‖ΔW_l‖²", xlabel="step", xticks=steps)
        ax.legend(fontsize=8)
    return written(figure, path)


def convergence_figure(found: Any, path: Any) -> Path:
    figure, axes = figure_of(2, 2)
    for ax, name in zip(axes[0], DRAWN, strict=True):
        part = next(part for part in found.approaches if part.name == name)
        times, residuals = floats(part.curves["times"]), floats(part.curves["residuals"], TINY)
        late = max(k for k, left in enumerate(residuals) if left >= residuals[0] * 10.0 ** -(found.digits / 2) or not k)
        slope = [residuals[late] * math.exp(min(float(part.predicted) * (times[late] - t), 600)) for t in times]
        line(ax, 0, times, residuals, "‖y − Xw‖")
        line(ax, 1, times, floats(part.curves["distances"], TINY), "‖w − w_MN‖")
        line(ax, 2, times, slope, f"predicted rate {float(part.predicted):.4g}", marked=False)
        ax.set(title=name, xlabel="t", yscale="log", ylim=(residuals[-1] / 10, 10 * max(residuals)))
        ax.legend(fontsize=8)
    for k, part in enumerate(part for part in found.approaches if part.name not in DRAWN):
        times, values = floats(part.curves["times"]), floats(part.curves["potentials"])
        height = values[0] - values[-1] or 1.0
        line(axes[1][0], k, times, floats(part.curves["losses"], TINY), part.name)
        line(axes[1][1], k, times, [(value - values[-1]) / height for value in values], part.name)
    axes[1][0].set(title="loss, which may rise", xlabel="t", yscale="log", ylim=(1e-6, None))
    axes[1][1].set(title="potential, which falls (scaled to [0, 1])", xlabel="t")
    for ax in axes[1]:
        ax.set_xscale("symlog", linthresh=0.1)
        ax.set_xlim(0, None)
    axes[1][0].legend(fontsize=7)
    return written(figure, path)


def alignment_figure(found: Any, path: Any) -> Path:
    figure, axes = figure_of(1, 3)
    titles = {"delta": "cosine of δ_l with back-propagation's", "weights": "cosine of W_l with F_lᵀF_{l−1}"}
    for n, rule in enumerate(found.rules):
        runs = [run for run in found.of(rule) if run.status == "ok"]
        if not runs:
            continue
        moments, name = runs[0].moments, rule.upper()
        line(axes[0][0], n, moments, middle([run.ratios for run in runs]), name)
        for ax, (measure, title) in zip(axes[0][1:], titles.items(), strict=True):
            for layer in runs[0].curves[measure]:
                curve = middle([run.curves[measure][layer] for run in runs])
                line(ax, len(ax.lines), moments, curve, f"layer {layer}, {name}")
            ax.set_title(title)
    settings = found.settings
    axes[0][0].set_title(f"loss over its start; {settings['data']['name']}, initial scale {settings['scale']}")
    axes[0][0].set_yscale("log")
    for ax in axes[0]:
        ax.set_xscale("symlog", linthresh=1)
        ax.set(xlabel="epoch", xlim=(0, None))
        if ax.lines:
            ax.legend(fontsize=7)
    return written(figure, path)


def middle(curves: list[Any]) -> list[float]:
    """The median over curves at each moment, a gap where one is undefined."""
    columns = ([math.nan if v is None else v for v in column] for column in zip(*curves, strict=True))
    return [math.nan if any(map(math.isnan, column)) else median(column) for column in columns]
