"""Trajectories with crossings, slides and exits, against weights and events that other arithmetics computed."""

from __future__ import annotations

from fractions import Fraction

import pytest

import faverify as fv

from ..conftest import RELU_FLOWS as CASES


def gap(path, case):
    """The greatest difference from the reference's weights."""
    rows = path.fractions(case["t"])
    return max(
        abs(value - Fraction(text))
        for k, expected in enumerate(case["weights_at_t"], 1)
        for row, texts in zip(rows[f"W{k}"], expected, strict=True)
        for value, text in zip(row, texts, strict=True)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case["widths"])))
@pytest.mark.parametrize("digits", [15, 50])
def test_weights_events_and_slides(case, digits):
    path = fv.integrate(fv.FlowProblem.from_dict(case), case["t"], digits=digits)
    assert path.status == "ok"
    assert gap(path, case) < Fraction(10) ** (-13 if digits == 15 else -49)
    assert path.gate_violation < 10.0 ** (-14 if digits == 15 else -50)
    found = [(event.kind, event.layer, event.neuron, event.sample) for event in path.events]
    expected = [(e["kind"], e["layer"], e["neuron"], e["sample"]) for e in case["events"]]
    assert found == expected
    assert all(abs(float(e.t) - r["t"]) < 1e-12 for e, r in zip(path.events, case["events"], strict=True))
    assert sorted(path.sliding) == sorted(map(tuple, case["sliding_at_t"]))


@pytest.mark.parametrize("digits", [20, 34, 90])
def test_digits_asked_for_are_digits_got(digits):
    case = CASES[2]  # slides, exits, and slides at the end
    path = fv.integrate(fv.FlowProblem.from_dict(case), case["t"], digits=digits)
    assert gap(path, case) < Fraction(10) ** -min(digits, 58)
