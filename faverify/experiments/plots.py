"""Plots worth printing, drawn with matplotlib, which is loaded here and nowhere else: `fv.plot`.

Lines differ in dashes and markers and not in colour alone, so that a print without colours says the same. Times are
flow time t, without a unit of its own. Each plot returns a `Drawing`, which is written as PDF, SVG or PNG and holds the
numbers that are drawn; the same numbers make the same bytes.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FaverifyError, Misuse, name_of

LOOKS: tuple[tuple[str, Any, str], ...] = (  # colour, dashes, marker: told apart by each of the last two alone
    ("#000000", "-", "o"),
    ("#0072b2", (0, (6, 2)), "s"),
    ("#d55e00", (0, (1, 1.4)), "^"),
    ("#5b5b5b", (0, (6, 2, 1, 2)), "D"),
    ("#009e73", (0, (10, 3)), "v"),
    ("#9467bd", (0, (4, 1.5, 1, 1.5, 1, 1.5)), "x"),
)
MARKS = 8  # of a line
LEAST = 1e-8  # of a loss ratio that is drawn: the integrator's error is not far below
TINY = 1e-290  # what stands for 0 on a logarithmic axis
KINDS = ("drift", "alignment", "convergence", "phases")
FORMATS = (".pdf", ".svg", ".png")
TIME = "flow time t"
DEFINED = {
    "layer": "⟨W_{l+1}, B_{l+1}⟩",
    "neuron": "⟨W_{l+1}[:,j], B_{l+1}[:,j]⟩, the least j",
    "product": "⟨W_L ⋯ W_{l+1}, B_L ⋯ B_{l+1}⟩ or F_l",
    "gradient": "⟨ΔW_l, ΔW_l of BP⟩",
}


@dataclass(frozen=True)
class Drawing:
    """A figure of matplotlib, and the numbers in it: `record` is ready for JSON."""

    kind: str
    figure: Any
    record: dict[str, Any]

    def save(self, path: Any) -> Path:
        """Write it to a file whose name ends with .pdf, .svg or .png; the folder must exist.

        Raises: Misuse for another format, or where the folder is not there.
        """
        return written(self.figure, path)

    def to_dict(self) -> dict[str, Any]:
        return {"schema": 1, "kind": "plot", "plot": self.kind, **self.record}

    def svg(self) -> str:
        """The figure as text."""
        out = io.StringIO()
        save(self.figure, out, "svg")
        return out.getvalue()

    def _repr_svg_(self) -> str:
        return self.svg()


# What every figure is made with


def figure_of(rows: int, columns: int) -> Any:
    """An empty figure and its axes.

    Raises: Misuse without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Misuse("figure", "no matplotlib", "matplotlib: pip install 'faverify[plot]'") from error
    figure = Figure(figsize=(5.5 * columns, 3.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def written(figure: Any, path: Any) -> Path:
    """The figure in a file whose name says the format; the same bytes from the same numbers.

    Raises: Misuse for an unknown format, or a folder that does not exist.
    """
    place = placed(path)
    save(figure, place, place.suffix.lower().removeprefix("."))
    return place


def placed(path: Any) -> Path:
    """A file that a figure can be written to."""
    if not isinstance(path, (str, os.PathLike)):
        raise Misuse("path", path, "a file named .svg, .png or .pdf")
    place = Path(path)
    if place.suffix.lower() not in FORMATS or not place.parent.is_dir():
        raise Misuse("path", str(path), f"a file in a folder that exists, named .svg, .png or .pdf ({place.name})")
    return place


def save(figure: Any, to: Any, form: str) -> None:
    import matplotlib

    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    settings: Any = {"svg.hashsalt": "faverify", "svg.fonttype": "none", "pdf.fonttype": 42}
    with matplotlib.rc_context(settings):
        figure.savefig(to, format=form, metadata=dates[form], dpi=160)


def line(ax: Any, k: int, x: Iterable[Any], y: Iterable[Any], label: str, *, marked: bool = True) -> None:
    """The k-th line of a figure: its own dashes and, at a few places of its own, its own marker."""
    colour, dashes, _ = LOOKS[k % len(LOOKS)]
    marker = LOOKS[(k + k // len(LOOKS)) % len(LOOKS)][2]  # of the seventh line on, another pair
    x, y = list(x), list(y)
    every = max(1, math.ceil(len(x) / MARKS))
    marks = {"marker": marker, "markersize": 4.5, "markevery": ((k * every) // 3 % every, every)} if marked else {}
    ax.plot(x, y, color=colour, linestyle=dashes, linewidth=1.3, markerfacecolor="white", label=label, **marks)


def floats(values: Any, least: float = 0.0) -> list[float]:
    """For an axis; on a logarithmic one 0 is shown as the least that is told apart from it."""
    return [max(float(value), least) if least else float(value) for value in values]


def typeset(text: str) -> str:
    """Letters with a subscript as matplotlib's own mathematics."""
    return re.sub(r"(?<![^\W\d])([^\W\d_])_(\{[\w+−,-]*\}|[^\W_])", _below, text.replace("$", r"\$"))


def _below(found: re.Match[str]) -> str:
    """A letter and what stands below it, which may not have a subscript of its own."""
    head, below = found.groups()
    return found[0] if "_" in below or below == "{}" else f"${head}_{below}$"


def finished(ax: Any, title: str, ylabel: str, xlabel: str = TIME, *, log: bool = False) -> None:
    ax.set(title=typeset(title), xlabel=xlabel, ylabel=ylabel)
    ax.title.set_fontsize(10)
    if log:
        ax.set_yscale("log")
    ax.grid(alpha=0.3, linewidth=0.5)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=8, framealpha=0.9)


def told(path: Any) -> dict[str, Any]:
    """What a record says of the path that was drawn."""
    net, problem = path.problem.net, path.problem
    found = {"widths": list(net.widths), "activation": net.activation.name, "rule": name_of(problem.rule)}
    return found | {"digits": path.digits, "status": path.status, "t_end": float(path.t_end)}


def followed(path: Any) -> None:
    """Refuse what is no path, as other plots take other things."""
    from ..flows.paths import Path as Followed

    if not isinstance(path, Followed):
        raise Misuse("path", path, "the path that fv.integrate returns")


def headed(figure: Any, path: Any, what: str) -> None:
    net = path.problem.net
    shown = (
        f"{'-'.join(map(str, net.widths))}, {net.activation.name}, {name_of(path.problem.rule)}, {path.digits} digits"
    )
    figure.suptitle(f"{what}\n{typeset(shown)}; path: {path.status}", fontsize=10)


# The plots


def drift(path: Any, law: Any = None, *, layer: int | None = None) -> Drawing:
    """Draw |Q(t) − Q(0)| of a law along a path, layer by layer, and beside it by how much its gates were violated.

    `law` is that of Theorem 1 if left out. What is drawn below the noise floor is rounding; 0 stands at the foot. The
    gate violation is shown where steps meet, and as a line the greatest that the integrator saw inside of them.

    Returns: a Drawing; `save` writes it.

    Raises: Misuse without matplotlib, or for a law that does not fit.

    Examples
    --------
    >>> import faverify as fv
    >>> path = fv.integrate(fv.FlowProblem(
    ...     fv.MLP((1, 1, 1)), fv.rules.FeedbackAlignment(), weights=[[[1]], [[1]]], feedback=[[[1]]],
    ...     inputs=[[1]], targets=[[2]]), t=1, digits=20)
    >>> drawn = fv.plot.drift(path)                 # drawn.save("drift.pdf")
    >>> drawn.record["greatest_drift"]["1"] < 1e-18
    True
    """
    from ..kernel.wiring import places
    from ..model.laws import feedback_balance
    from ..model.names import law_named
    from .curves import drift_curve, gate_curve

    followed(path)
    law = law_named(feedback_balance if law is None else law)
    figure, axes = figure_of(1, 2)
    labels = list(places(path.program.run, law)) if layer is None else [layer]
    curves = {label: drift_curve(path, law, label) for label in labels}
    floor, foot = float(path.noise_floor), 10.0 ** -(path.digits + 8)
    left, right = axes[0]
    for k, (label, (times, values)) in enumerate(curves.items()):
        line(left, k, times, floats(values, foot), f"layer {label}")
    left.axhline(max(floor, foot), color="black", linewidth=0.8, linestyle=(0, (1, 3)), label="noise floor")
    finished(left, f"drift of {law.statement}", "|Q(t) − Q(0)|, greatest entry", log=True)
    times, values = gate_curve(path)
    worst = float(path.gate_violation)
    if times:
        line(right, 0, times, floats(values, foot), "at the ends of steps")
        right.axhline(
            max(worst, foot),
            color="black",
            linewidth=0.8,
            linestyle=(0, (1, 3)),
            label="greatest, as the integrator saw it",
        )
        right.set_ylim(foot / 10, max(10 * worst, 1e3 * foot))
    else:
        right.annotate("no gates: φ has no kink", (0.5, 0.5), xycoords="axes fraction", ha="center")
    finished(right, "gate violation", "distance outside of its piece", log=bool(times))
    events = sorted({float(event.t) for event in path.events})
    for ax in (left, right):
        for t in events:
            ax.axvline(t, color="#999999", linewidth=0.5)
    headed(figure, path, f"thin vertical lines: {len(events)} times of events" if events else "no events")
    record = told(path) | {"law": law.statement, "noise_floor": floor, "gate_violation": worst, "events": events}
    record["greatest_drift"] = {str(label): max(values) for label, (_, values) in curves.items()}
    record["curves"] = {str(k): {"t": list(t), "drift": list(v)} for k, (t, v) in curves.items()}
    return Drawing("drift", figure, record | {"gates": {"t": times, "violation": values}})


def alignment(path: Any, kinds: Iterable[str] = tuple(DEFINED)) -> Drawing:
    """Draw the cosines of the four alignments along a path: layer, neuron, product and gradient, for each layer.

    Of neurons the least aligned one is drawn. A cosine 0/0 is a gap. A kind that the rule's feedback does not define is
    said to be so, and is null in the record.

    Raises: Misuse without matplotlib, or for an unknown kind.
    """
    followed(path)
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    for kind in kinds:
        if kind not in DEFINED:
            raise Misuse("kinds", kind, f"some of {', '.join(DEFINED)}")
    if not kinds:
        raise Misuse("kinds", kinds, f"some of {', '.join(DEFINED)}")
    columns = min(2, len(kinds))
    figure, axes = figure_of(math.ceil(len(kinds) / columns), columns)
    record: dict[str, Any] = told(path) | {"cosines": {}}
    for ax in axes.flat[len(kinds) :]:
        ax.set_axis_off()
    for ax, kind in zip(axes.flat, kinds, strict=False):
        try:
            found = path.alignment(kind)
        except FaverifyError as error:
            ax.annotate("not defined for this feedback", (0.5, 0.5), xycoords="axes fraction", ha="center")
            finished(ax, f"{kind}: {DEFINED[kind]}", "cosine")
            record["cosines"][kind] = {"undefined": str(error)}
            continue
        times, drawn = floats(found.times), {}
        for k, (layer, values) in enumerate(found.cosine.items()):
            drawn[str(layer)] = [least(value) for value in values]
            line(ax, k, times, [math.nan if v is None else v for v in drawn[str(layer)]], f"layer {layer}")
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set_ylim(-1.05, 1.05)
        finished(ax, f"{kind}: {DEFINED[kind]}", "cosine")
        record["cosines"][kind] = {"t": times, "layers": drawn}
    headed(figure, path, "alignment of weights and feedback")
    return Drawing("alignment", figure, record)


def least(value: Any) -> float | None:
    """The least of some cosines that are defined, or the one; None where none is."""
    known = [float(v) for v in (value if isinstance(value, list) else [value]) if v is not None]
    return min(known, default=None)


def convergence(path: Any) -> Drawing:
    """Draw the residual ‖y − f‖ along a path, and the slope of the rate that the weights at its end predict.

    The rate is λ_min(XHXᵀ), H = Σ_l (W_L ⋯ W_{l+1}β_l) J_{l−1}ᵀJ_{l−1}, of linear chains with one output under feedback
    alignment. Of other networks no rate is predicted, and the residual alone is drawn.

    Raises: Misuse without matplotlib, or where the loss is not the squared one.

    References: Robertson & Koyejo 2023, Theorem 2, repaired; the rate: derived here, no source known.
    """
    from .curves import predicted_rate, residual_curve

    followed(path)
    if path.problem.targets is None:
        raise Misuse("path", "one of an error signal of its own", "one of a problem with targets")
    figure, axes = figure_of(1, 1)
    ax, (times, values) = axes[0][0], residual_curve(path)
    rate, why = predicted_rate(path)
    line(ax, 0, times, floats(values, TINY), "‖y − f‖")
    if rate is not None and values[0]:
        low = values[0] * 10.0 ** -(path.digits / 2)  # where what is left is no rounding yet
        late = max((k for k, left in enumerate(values) if left >= low), default=0)
        slope = [values[late] * math.exp(min(rate * (times[late] - t), 600)) for t in times]
        line(ax, 1, times, slope, f"slope of the predicted rate {rate:.4g}", marked=False)
        ax.set_ylim(max(min(values), TINY) / 10, 30 * max(values))
    finished(ax, "convergence" if rate is not None else f"convergence; no rate: {why}", "residual ‖y − f‖", log=True)
    headed(figure, path, "residual and predicted rate")
    record = told(path) | {"predicted_rate": rate, "why_none": why or None, "t": times, "residual": values}
    return Drawing("convergence", figure, record)


def phases(found: Any) -> Drawing:
    """Draw the two phases, alignment and then loss, of what `fv.two_phases` or `fv.order_parameters` found.

    Medians over the runs with the range of all of them behind; where direct feedback alignment and back-propagation
    are both there, each panel has both.

    Raises: Misuse without matplotlib.
    """
    paths = getattr(found, "paths", None) or {found.problem.rule: found}
    figure, axes = figure_of(1, 2)
    record: dict[str, Any] = {}
    for k, (rule, path) in enumerate(paths.items()):
        times = np.asarray(path.times)[1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            both = {"loss / initial loss": path.loss / path.loss[0], "cos(v, F)": path.alignment}
        record[rule] = {"t": times.tolist()}
        for ax, (what, values) in zip(axes[0], both.items(), strict=True):
            runs = values.reshape(len(values), -1)[1:]
            record[rule][what] = [float(v) if math.isfinite(v) else None for v in np.median(runs, axis=1)]
            runs = np.maximum(runs, LEAST) if what.startswith("loss") else runs  # on paper alone
            middle = np.median(runs, axis=1)
            many = runs.shape[1] > 1
            if many and k == 0:
                ax.fill_between(times, runs.min(axis=1), runs.max(axis=1), color=LOOKS[k][0], alpha=0.15, linewidth=0)
            for edge in (runs.min(axis=1), runs.max(axis=1)) if many and k else ():
                ax.plot(times, edge, color=LOOKS[k][0], linestyle=LOOKS[k][1], linewidth=0.5)
            line(ax, k, times, middle, f"{rule}: {what}" + (", median" if many else ""))
    for ax, what in zip(axes[0], ("loss / initial loss", "cos(v, F)"), strict=True):
        ax.set_xscale("log")
        finished(ax, what, what, "t = steps/N", log=what.startswith("loss"))
    if hasattr(found, "scale"):
        sizes = found.sizes.tolist()
        figure.suptitle(
            f"initial scale {found.scale:g}, η = {found.eta:g}, |F| = {sizes}; bands and thin lines: all runs",
            fontsize=10,
        )
        record |= {"scale": found.scale, "eta": found.eta, "sizes": sizes, "seeds": list(found.seeds)}
    return Drawing("phases", figure, record)
