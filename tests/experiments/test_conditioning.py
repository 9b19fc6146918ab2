"""Conditioning along flows: the modes' own equation, the bound, and what is told where it fails."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest

from faverify.experiments.poster_conditioning import TIMES, Conditioning, spectrum_of


@pytest.fixture(scope="module")
def spectra():
    return [spectrum_of(ratio, 30) for ratio in (Fraction(1), Fraction(5))]


def test_the_modes_follow_their_own_equation(spectra):
    """ȧ = σ − ½a³, integrated by mpmath for each mode alone."""
    modes = [
        mpmath.odefun(lambda t, a, s=s: s - a**3 / 2, 0, mpmath.mpf(0)) for s in (mpmath.mpf(1), mpmath.mpf(1) / 5)
    ]
    for k in (0, 4, 7):
        t = mpmath.mpf(TIMES[k].numerator) / TIMES[k].denominator
        expected = (modes[0](t) / modes[1](t)) ** 2
        assert abs(spectra[1].kappa[k] / expected - 1) < 1e-10


def test_the_bound_holds_and_is_nearly_reached(spectra):
    for spectrum in spectra:
        assert spectrum.holds
    equal, unequal = ([c for c in spectrum.cosine if c is not None] for spectrum in spectra)
    assert min(equal) == pytest.approx(1)
    assert min(unequal) < 0.7
    assert spectra[1].bound[0] == pytest.approx(10 / 26, rel=1e-2)


def test_what_fails_is_told(spectra):
    good = spectra[1]
    for change in (
        {"cosine": tuple(b * mpmath.mpf("0.99") for b in good.bound)},
        {"gap": mpmath.mpf("1e-3")},
        {"kappa": tuple(reversed(good.kappa))},
        {"ratio": Fraction(6)},
    ):
        bad = replace(good, **change)
        assert not bad.holds
        assert "does not hold" in str(Conditioning((bad,), 20))
    record = Conditioning(tuple(spectra), 20).to_dict()
    assert record["holds"]
    assert len(record["spectra"]) == 2
