"""Conditioning: how well direct feedback points along the gradient, by the spectrum of the data's correlations.

Two linear layers, F₁F₁ᵀ = I, whitened inputs, from zero. The modes of Σ_yx = U diag(σ) Vᵀ do not mix:
A₁ = U diag(a) Vᵀ, A₂ = ½ U diag(a²) Uᵀ and ȧ = σ − ½a³. So κ(A₂) = (a_max/a_min)² falls from r² (a = σt) to r^{2/3}
(a³ = 2σ), r = σ_max/σ_min, and with it rises what the cosine between the signals δ₁ is at least: 2√κ/(1 + κ).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath

from ..flows.integrate import integrate
from ..flows.paths import real
from ..flows.problems import FlowProblem
from ..model.networks import MLP
from ..model.rules import DirectFeedbackAlignment

RATIOS = (Fraction(1), Fraction(2), Fraction(5), Fraction(20))
TIMES = tuple(Fraction(2) ** k / 100 for k in range(13))  # 0.01 … 40.96
EARLY, LATE = Fraction(1, 100), Fraction(1, 1000)  # relative gaps to r² at the first time, to r^{2/3} at the last
TURNS = ((Fraction(3, 5), Fraction(4, 5)), (Fraction(5, 13), Fraction(12, 13)))


@dataclass(frozen=True)
class Spectrum:
    """One r: at every time κ(A₂), the bound 2√κ/(1 + κ), the cosine of the two signals; the greatest |2A₂ − A₁A₁ᵀ|.

    The cosine is None where the error is too small to have a direction at these digits.
    """

    ratio: Fraction
    times: tuple[Any, ...]
    kappa: tuple[Any, ...]
    bound: tuple[Any, ...]
    cosine: tuple[Any, ...]
    gap: Any
    digits: int

    @property
    def holds(self) -> bool:
        """Whether no cosine is below its bound, A₂ is ½A₁A₁ᵀ, and κ goes from r² to r^{2/3}."""
        with mpmath.workdps(self.digits + 10):
            noise = mpmath.mpf(10) ** -(self.digits - 6)
            r = real(self.ratio)
            ends = abs(self.kappa[0] / r**2 - 1), abs(self.kappa[-1] / r ** (mpmath.mpf(2) / 3) - 1)
            above = all(c is None or c >= b - noise for c, b in zip(self.cosine, self.bound, strict=True))
            return bool(above and self.gap < noise and ends[0] < float(EARLY) and ends[1] < float(LATE))

    def to_dict(self) -> dict[str, Any]:
        columns = {"t": self.times, "kappa": self.kappa, "bound": self.bound, "cosine": self.cosine}
        record: dict[str, Any] = {"ratio": str(self.ratio), "holds": self.holds, "gap": mpmath.nstr(self.gap, 5)}
        return record | {
            name: [v if v is None else mpmath.nstr(v, 15) for v in column] for name, column in columns.items()
        }


@dataclass(frozen=True)
class Conditioning:
    """The sweep over r: numeric evidence for what `proofs/raog.py` proves of the bound."""

    spectra: tuple[Spectrum, ...]
    digits: int

    @property
    def holds(self) -> bool:
        return all(spectrum.holds for spectrum in self.spectra)

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "kind": "evidence",
            "experiment": "conditioning",
            "digits": self.digits,
            "holds": self.holds,
            "spectra": [spectrum.to_dict() for spectrum in self.spectra],
        }

    def __str__(self) -> str:
        lines = ["two linear layers, F₁F₁ᵀ = I, whitened inputs, from zero: κ(A₂), and the cosine with the gradient"]
        for s in self.spectra:
            first, last = (
                f"κ {mpmath.nstr(s.kappa[k], 6)}, cosine at least {mpmath.nstr(s.bound[k], 6)}" for k in (0, -1)
            )
            seen = mpmath.nstr(min(c for c in s.cosine if c is not None), 6)
            lines.append(f"  r = {s.ratio}: {first} early; {last} late; the least that was seen {seen}")
        return "\n".join([*lines, f"{'holds' if self.holds else 'does not hold'} (numeric evidence, no proof)"])

    def figure(self, path: Any) -> Path:
        """κ and the cosines over time, for every r."""
        from .plots import LOOKS, figure_of, floats, line, written

        figure, axes = figure_of(1, 2)
        for k, spectrum in enumerate(self.spectra):
            times, colour = floats(spectrum.times), LOOKS[k % len(LOOKS)][0]
            line(axes[0][0], k, times, floats(spectrum.kappa), f"r = {spectrum.ratio}")
            seen = [(t, c) for t, c in zip(times, spectrum.cosine, strict=True) if c is not None]
            line(axes[0][1], k, [t for t, _ in seen], floats([c for _, c in seen]), f"r = {spectrum.ratio}")
            axes[0][1].plot(times, floats(spectrum.bound), color=colour, linestyle=(0, (1, 3)), linewidth=1.0)
        axes[0][0].set(xscale="log", yscale="log")
        axes[0][1].set(xscale="log")
        axes[0][0].set(title="κ(A₂): from r² to r^(2/3)", xlabel="t")
        axes[0][1].set(title="cosine of δ₁ with the gradient's (thin dots: bound)", xlabel="t")
        axes[0][0].legend(fontsize=8)
        return written(figure, path)


def conditioning(*, digits: int = 50, seed: int = 0) -> Conditioning:
    """κ(A₂) and the cosines for r = 1, 2, 5, 20, along flows of direct feedback alignment.

    Units: `digits` of the flows. Nothing is drawn: `seed` is there as for every experiment.

    References: Refinetti, d'Ascoli, Ohana & Goldt 2021 (how data enter alignment).
    """
    return Conditioning(tuple(spectrum_of(ratio, digits) for ratio in RATIOS), digits)


def spectrum_of(ratio: Fraction, digits: int) -> Spectrum:
    """One flow: x = I, so that Σ_yx = Y = U diag(1, 1/r) Vᵀ with rational rotations; F₁ = I."""
    u, v = ([[c, -s], [s, c]] for c, s in TURNS)
    sigma = [Fraction(1), 1 / ratio]
    y = [[u[i][0] * sigma[0] * v[j][0] + u[i][1] * sigma[1] * v[j][1] for j in (0, 1)] for i in (0, 1)]
    zero, one = [[0, 0], [0, 0]], [[1, 0], [0, 1]]
    problem = FlowProblem(
        MLP((2, 2, 2), "linear"),
        DirectFeedbackAlignment(),
        weights=[zero, zero],
        feedback={"F1": one},
        inputs=one,
        targets=y,
    )
    path = integrate(problem, TIMES[-1], digits=digits)
    kappas, bounds, cosines = [], [], []
    with mpmath.workdps(digits + 10):
        gap, least = mpmath.mpf(0), mpmath.mpf(10) ** (-digits / 2)
        target = mpmath.matrix([[real(w) for w in row] for row in y])
        for t in TIMES:
            first, second = (mpmath.matrix(w.tolist()) for w in path.weights(t))
            gap = max(gap, mpmath.mnorm(second + second.T - first * first.T, 1))
            values = mpmath.eigsy((second + second.T) / 2, eigvals_only=True)
            kappa = max(values) / min(values)
            error = second * first - target
            pairs = [(error[:, k], (second.T * error)[:, k]) for k in (0, 1)]
            told = [compared(ours, gradient) for ours, gradient in pairs if mpmath.norm(ours) > least]
            kappas.append(kappa)
            bounds.append(2 * mpmath.sqrt(kappa) / (1 + kappa))
            cosines.append(min(told) if told else None)
        times = tuple(map(real, TIMES))
    return Spectrum(ratio, times, tuple(kappas), tuple(bounds), tuple(cosines), gap, digits)


def compared(a: Any, b: Any) -> Any:
    """The cosine of two columns."""
    return (a.T * b)[0] / mpmath.sqrt((a.T * a)[0] * (b.T * b)[0])
