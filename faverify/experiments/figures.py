"""Figures of the experiments, drawn with matplotlib, which is loaded here and nowhere else."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from typing import Any

from ..errors import Misuse

STYLES = ("-", "--", ":", "-.")
TINY = 1e-290  # what stands for 0 on a logarithmic axis
DRAWN = ("rows of W_1(0) in span(Xᵀ)", "rows of W_1(0) off it")


def figure_of(rows: int, columns: int) -> Any:
    """An empty figure and its axes.

    Raises: Misuse without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Misuse("figure", "no matplotlib", "matplotlib: pip install 'faverify[figures]'") from error
    figure = Figure(figsize=(5.5 * columns, 3.8 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def written(figure: Any, path: Any) -> Path:
    """The figure in a file whose name says the format; the same bytes from the same numbers.

    Raises: Misuse for an unknown format, or a folder that does not exist.
    """
    import matplotlib

    place = Path(path)
    known = figure.canvas.get_supported_filetypes()
    if place.suffix.lstrip(".").lower() not in known or not place.parent.is_dir():
        raise Misuse("path", str(path), f"a file in a folder that exists, named .svg, .png or .pdf ({place.name})")
    dated = {"metadata": {"Date": None}} if place.suffix == ".svg" else {}
    with matplotlib.rc_context({"svg.hashsalt": "faverify", "svg.fonttype": "none"}):
        figure.savefig(place, **dated)
    return place


def floats(values: Any, least: float = 0.0) -> list[float]:
    """For an axis; on a logarithmic one 0 is shown as the least that is told apart from it."""
    return [max(float(value), least) if least else float(value) for value in values]


def conservation_figure(found: Any, path: Any) -> Path:
    figure, axes = figure_of(2, 2)
    for column, flow in enumerate(found.flows):
        ax, floor = axes[0][column], float(flow.noise_floor)
        for style, (layer, curve) in zip(STYLES, flow.curves.items(), strict=False):
            ax.semilogy(floats(flow.times), floats(curve, floor / 100), style, label=f"|Q_{layer}(t) − Q_{layer}(0)|")
            ax.axhline(float(flow.terms[layer]), color="grey", linestyle=style, linewidth=0.8)
        ax.axhline(floor, color="black", linewidth=0.8, label="noise floor")
        ax.set(title=f"flow, {flow.activation}: gate violation {float(flow.gate_violation):.0e}", xlabel="t")
        ax.annotate("how far ½‖W_l‖² moved", (0.02, 0.86), xycoords="axes fraction", color="grey", fontsize=8)
        ax.legend(fontsize=8, loc="center right")
    activations = [flow.activation for flow in found.flows]
    steps = range(1, len(found.trainings[0].drift[1]))
    for part in found.trainings:
        ax = axes[1][activations.index(part.activation)]
        for style, layer in zip(STYLES, part.drift, strict=False):
            line = ax.semilogy(steps, floats(part.half_squares[layer][1:], TINY), style)[0]
            drift = floats(part.drift[layer][1:], TINY)
            ax.semilogy(steps, drift, "o", color=line.get_color(), label=f"Q_{layer}, η = {part.rate}")
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
        ax.semilogy(times, residuals, label="‖y − Xw‖")
        ax.semilogy(times, floats(part.curves["distances"], TINY), label="‖w − w_MN‖")
        ax.semilogy(times, slope, ":", color="black", label=f"predicted rate {float(part.predicted):.4g}")
        ax.set(title=name, xlabel="t", ylim=(residuals[-1] / 10, 10 * max(residuals)))
        ax.legend(fontsize=8)
    for part in (part for part in found.approaches if part.name not in DRAWN):
        times, values = floats(part.curves["times"]), floats(part.curves["potentials"])
        height = values[0] - values[-1] or 1.0
        axes[1][0].plot(times, floats(part.curves["losses"], TINY), label=part.name)
        axes[1][1].plot(times, [(value - values[-1]) / height for value in values], label=part.name)
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
    for rule, style in zip(found.rules, STYLES, strict=False):
        runs = [run for run in found.of(rule) if run.status == "ok"]
        if not runs:
            continue
        moments, name = runs[0].moments, rule.upper()
        axes[0][0].plot(moments, middle([run.ratios for run in runs]), style, color="black", label=name)
        for ax, (measure, title) in zip(axes[0][1:], titles.items(), strict=True):
            for k, layer in enumerate(runs[0].curves[measure]):
                curve = middle([run.curves[measure][layer] for run in runs])
                ax.plot(moments, curve, style, color=f"C{k}", label=f"layer {layer}, {name}")
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
