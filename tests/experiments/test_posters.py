"""The experiments by name: what they find, that what is wrong is told, their records, figures and command."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from click.testing import CliRunner

import faverify as fv
from faverify.cli import main
from faverify.experiments import poster_convergence
from faverify.experiments.poster_conservation import conservation
from faverify.experiments.poster_convergence import Convergence, approach, problems, rising

DIGITS = 24


@pytest.fixture(scope="module")
def conserved():
    return conservation(digits=20)


@pytest.fixture(scope="module")
def converged():
    """Four of the networks; the others differ in their numbers alone, and take longer."""
    found = [approach(name, problem, DIGITS) for name, problem in list(problems(0, deeper=False).items())]
    return Convergence(DIGITS, 0, tuple(found))


def test_drift_is_rounding_in_flow_and_half_the_squares_in_steps(conserved):
    assert conserved.holds is True
    for flow in conserved.flows:
        assert all(flow.terms[layer] > 1e-3 for layer in flow.terms)  # what Q is made of moved
        assert max(flow.drift.values()) < 1e-15
    for part in conserved.trainings:
        assert part.drift == part.half_squares
        assert all(isinstance(value, Fraction) for row in part.drift.values() for value in row)
        assert all(row[-1] > 1e-5 for row in part.drift.values())  # an equality, and not between zeros


def test_a_wrong_drift_is_told(conserved):
    part, flow = conserved.trainings[0], conserved.flows[0]
    wrong = {layer: (*row[:-1], row[-1] + Fraction(1, 10**40)) for layer, row in part.drift.items()}
    assert dataclasses.replace(part, drift=wrong).holds is False
    assert dataclasses.replace(flow, drift={1: mpmath.mpf("1e-12"), 2: mpmath.mpf(0)}).holds is False
    assert dataclasses.replace(flow, telling=False).holds is None
    assert dataclasses.replace(flow, terms=dict.fromkeys(flow.terms, mpmath.mpf(0))).holds is None
    assert dataclasses.replace(conserved, trainings=(dataclasses.replace(part, drift=wrong),)).holds is False


def test_networks_reach_the_predicted_limit_at_the_predicted_rate(converged):
    assert converged.holds is True
    for part in converged.approaches:
        assert part.apart < 1e-8
        assert set(part.checks.values()) == {True}
    by_name = {part.name: part for part in converged.approaches}
    assert by_name["rows of W_1(0) in span(Xᵀ)"].spanned
    assert by_name["rows of W_1(0) off it"].from_minimum_norm > 1e-3
    assert by_name["anti-aligned"].rise_of_loss > 0.1
    assert by_name["all-zero"].spanned


def test_the_rate_is_the_one_that_an_enclosure_gives(converged):
    """λ_min at the limit, from balls that hold it, by other code."""
    part = next(part for part in converged.approaches if part.name == "rows of W_1(0) off it")
    limit = fv.enclose_limit(problems(0, deeper=False)[part.name])
    assert abs(part.rate / mpmath.mpf(str(limit.rate.mid()).split()[0].strip("[")) - 1) < 1e-8


def test_the_loss_of_the_aligned_network_rises_while_the_potential_falls():
    part = approach("rising", rising(), DIGITS)
    assert part.holds is True
    assert part.curves["losses"][0] == mpmath.mpf(45369) / 512  # at ζ = 0, exactly
    assert min(part.curves["losses"]) < 0.25
    assert part.rise_of_loss > 319  # from below 0.243 to above 320, as at ζ = −3 and −7
    assert abs(part.curves["residuals"][-1]) < 1e-14


@pytest.mark.parametrize(
    "change",
    [
        {"predicted": mpmath.mpf(1)},
        {"gap": mpmath.mpf("1e-6")},
        {"formula": mpmath.mpf("1e-6")},
        {"rise_of_potential": mpmath.mpf("1e-6")},
        {"spanned": False},
    ],
)
def test_what_does_not_hold_is_told(converged, change):
    part = dataclasses.replace(converged.approaches[0], **change)
    assert part.holds is False
    assert "not so: " in str(part)
    assert dataclasses.replace(converged, approaches=(part,)).holds is False


def test_a_rate_that_has_not_settled_is_not_told(converged):
    part = converged.approaches[0]
    assert dataclasses.replace(part, before=part.rate * (1 + mpmath.mpf("1e-6"))).holds is None


def test_what_does_not_rest_says_nothing_of_limits(monkeypatch):
    monkeypatch.setattr(poster_convergence, "rest", lambda *_: Fraction(1, 2))
    part = approach("early", rising(), 20)
    assert part.holds is None


@pytest.mark.parametrize("name", ["conserved", "converged"])
def test_records_are_ready_for_json(request, name):
    found = request.getfixturevalue(name)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (record["schema"], record["kind"], record["holds"]) == (1, "evidence", True)
    assert "evidence, not a proof" in str(found)


def test_figures_name_the_extra_where_matplotlib_is_missing(conserved, without, tmp_path):
    without("matplotlib")
    with pytest.raises(fv.Misuse, match=r"pip install 'faverify\[plot\]'"):
        conserved.figure(tmp_path / "drift.svg")


@pytest.mark.parametrize("name", ["conserved", "converged"])
def test_figures_are_drawn_with_the_same_bytes(request, tmp_path, name):
    found = request.getfixturevalue(name)
    first, second = (found.figure(tmp_path / f"{k}.svg").read_bytes() for k in "ab")
    assert first == second
    with pytest.raises(fv.Misuse, match="a file in a folder that exists"):
        found.figure(tmp_path / "no" / "figure.svg")


def test_the_command_writes_a_record_and_tells_misuse(tmp_path):
    run = CliRunner().invoke
    found = run(main, ["experiment", "conservation", "--digits", "20", "--out", str(tmp_path / "new"), "--json"])
    assert found.exit_code == 0, found.output
    record = json.loads((tmp_path / "new" / "conservation.json").read_text(encoding="utf-8"))
    assert json.loads(found.stdout) == record
    for words, told in (
        (["conservatoin"], "did you mean 'conservation'?"),
        (["conservation", "--digits", "3"], "digits = 3"),
        (["conservation", "--seed", "-1"], "seed = -1"),
    ):
        found = run(main, ["experiment", *words])
        assert found.exit_code == 2
        assert told in found.stderr
        assert "Traceback" not in found.output


def test_numpys_whole_numbers_are_written_as_pythons():
    found = fv.experiment("conditioning", digits=np.int64(20), seed=np.int64(0)).to_dict()
    assert json.loads(json.dumps(found))["digits"] == 20
    assert found["kind"] == "evidence"


def test_a_figure_needs_a_name(converged):
    with pytest.raises(fv.Misuse, match="path = 5: expected a file named"):
        converged.figure(5)
