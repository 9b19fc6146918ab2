"""Plots: what they draw is what the path says, they differ without colours, and misuse is told."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

import faverify as fv
from faverify.cli import main

FA = fv.rules.FeedbackAlignment()
LINEAR = {"weights": [[["1/2", 1], [0, "1/2"]], [[1, "-1/2"]]], "feedback": [[[1, "1/2"]]], "inputs": [[1], [2]]}


@pytest.fixture(scope="module")
def problem():
    return fv.FlowProblem(
        fv.MLP((2, 2, 1)), FA, weights=[[["1/2", 1], ["-1/4", "3/4"]], [[1, "-1/2"]]], feedback=[[["1/2", 1]]],
        inputs=[[1, -1], ["1/2", 2]], targets=[[-1, "1/2"]],
    )  # fmt: skip


@pytest.fixture(scope="module")
def path(problem):
    return fv.integrate(problem, t=1, digits=20)


@pytest.fixture(scope="module")
def straight():
    problem = fv.FlowProblem(fv.MLP((2, 2, 1), "linear"), FA, **LINEAR, targets=[[3]])
    return fv.integrate(problem, t=6, digits=20)


def looks(ax):
    """Dashes, as drawn, and marker of each line of a legend."""
    return [(line._unscaled_dash_pattern, line.get_marker()) for line in ax.lines if line.get_label()[0] != "_"]


def test_drift_is_that_of_the_path(path):
    drawn = fv.plot.drift(path)
    whole = float(path.drift(fv.laws.feedback_balance))
    assert 0.05 * whole <= max(drawn.record["greatest_drift"].values()) <= 1.01 * whole
    assert drawn.record["gate_violation"] == float(path.gate_violation)
    assert 0 < max(drawn.record["gates"]["violation"]) < 1e-20
    assert drawn.record["events"] == sorted({float(event.t) for event in path.events}) != []
    assert {ax.get_yscale() for ax in drawn.figure.axes} == {"log"}
    assert {ax.get_xlabel() for ax in drawn.figure.axes} == {"flow time t"}


def test_a_law_that_is_none_is_seen_to_drift(path):
    drawn = fv.plot.drift(path, fv.laws.balancedness)
    assert drawn.record["greatest_drift"]["1"] > 1e-3
    assert max(drawn.record["gates"]["violation"]) < 1e-15


def test_alignments_are_those_of_the_path(path):
    drawn = fv.plot.alignment(path)
    assert list(drawn.record["cosines"]) == ["layer", "neuron", "product", "gradient"]
    for kind, part in drawn.record["cosines"].items():
        value = path.alignment(kind).cosine[1][-1]
        wanted = min(map(float, value)) if isinstance(value, list) else float(value)
        assert math.isclose(part["layers"]["1"][-1], wanted)
    assert list(fv.plot.alignment(path, "layer").record["cosines"]) == ["layer"]


def test_an_alignment_that_is_not_defined_is_said_to_be_so(straight):
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1)), fv.rules.DirectFeedbackAlignment(), weights=[[[1]], [[1]]], feedback=[[[1]]], inputs=[[1]],
        targets=[[2]],
    )  # fmt: skip
    drawn = fv.plot.alignment(fv.integrate(problem, t=1, digits=20))
    assert "feedback B2" in drawn.record["cosines"]["layer"]["undefined"]
    assert drawn.record["cosines"]["product"]["layers"]["1"][-1] == 1


def test_the_predicted_rate_is_that_of_the_residual(straight):
    record = fv.plot.convergence(straight).record
    pairs = [(t, r) for t, r in zip(record["t"], record["residual"], strict=True) if 1e-15 < r < 1e-4]
    (a, first), (b, last) = pairs[0], pairs[-1]
    assert math.isclose(math.log(first / last) / (b - a), record["predicted_rate"], rel_tol=1e-3)


def test_where_no_rate_is_predicted_it_says_why(path):
    record = fv.plot.convergence(path).record
    assert (record["predicted_rate"], "linear chains" in record["why_none"]) == (None, True)


def test_phases_of_both_rules():
    found = fv.two_phases(seeds=[100, 101], t=20)
    drawn = fv.plot.phases(found)
    assert drawn.record["dfa"]["cos(v, F)"][-1] > 0.9
    assert len(looks(drawn.figure.axes[0])) == 2
    assert drawn.figure.axes[0].get_xscale() == "log"
    alone = fv.plot.phases(found.paths["bp"])
    assert list(alone.record) == ["bp"]


@pytest.mark.parametrize("what", ["drift", "alignment", "convergence"])
def test_lines_differ_without_colours(path, straight, what):
    drawn = getattr(fv.plot, what)(straight if what == "convergence" else path)
    for ax in drawn.figure.axes:
        found = looks(ax)
        dashes = [repr(dash) for dash, _ in found]
        assert len(set(dashes)) == len(dashes) > 0


def test_looks_are_told_apart_by_dashes_and_by_markers():
    from faverify.experiments.plots import LOOKS

    for part in (1, 2):
        assert len({repr(look[part]) for look in LOOKS}) == len(LOOKS)


def test_formats_and_the_same_bytes(path, tmp_path):
    for name, start in (("a.pdf", b"%PDF"), ("a.svg", b"<?xml"), ("a.png", b"\x89PNG")):
        first = fv.plot.drift(path).save(tmp_path / name).read_bytes()
        assert first.startswith(start)
        assert first == fv.plot.drift(path).save(tmp_path / f"b{name}").read_bytes()
    with pytest.raises(fv.Misuse, match=r"named .svg, .png or .pdf"):
        fv.plot.drift(path).save(tmp_path / "a.docx")


def test_misuse_is_told(path, without):
    with pytest.raises(fv.Misuse, match="some of layer, neuron, product, gradient"):
        fv.plot.alignment(path, ["layers"])
    for draw in (fv.plot.drift, fv.plot.alignment, fv.plot.convergence):
        with pytest.raises(fv.Misuse, match=r"expected the path that fv.integrate returns"):
            draw(path.problem)
    without("matplotlib")
    with pytest.raises(fv.Misuse, match=r"pip install 'faverify\[plot\]'"):
        fv.plot.drift(path)


def test_the_command(problem, tmp_path):
    file, figure = tmp_path / "problem.json", tmp_path / "figure.svg"
    file.write_text(json.dumps(problem.to_dict()), encoding="utf-8")
    run = CliRunner().invoke
    for kind in ("drift", "alignment", "convergence"):
        words = ["plot", kind, str(file), "-t", "1/2", "--digits", "20", "-o", str(figure), "--json"]
        found = run(main, words)
        assert found.exit_code == 0, found.output
        assert json.loads(found.stdout)["plot"] == kind
        assert figure.read_text(encoding="utf-8").startswith("<?xml")
    for words, told in (
        (["drift", str(file)], "where to?"),
        (["drift", "-o", str(figure)], "is drawn of a problem"),
        (["drift", str(tmp_path / "none.json"), "-o", str(figure)], "a JSON file with a problem"),
        (["drift", str(file), "-o", str(tmp_path / "figure.gif")], "named .svg, .png or .pdf"),
        (["alignment", str(file), "--alignments", "layers", "--json"], "did you mean 'layer'?"),
        (["phases", str(file), "--json"], "the JSON of fv.TeacherStudent.to_dict()"),
        (["drift", str(file), "--law", "none", "--json"], "no law is called"),
    ):
        found = run(main, ["plot", *words])
        assert (found.exit_code, told in found.stderr) == (2, True), found.output


def test_names_of_users_are_no_mathematics(problem):
    cubic = fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name="$\\frac$ x_{\\end}")
    own = fv.FlowProblem(fv.MLP((2, 2, 1), cubic), FA, **LINEAR, targets=[[3]])
    path = fv.integrate(own, t="1/100", digits=20)
    for statement in (r"W_{\end}", "W__", "W_{a_b}", "W_{}", "100% of $x"):
        law = fv.law(statement)(lambda layer, above: fv.laws.feedback_balance(layer, above))
        assert "<svg" in fv.plot.drift(path, law).svg()


def test_more_lines_than_looks_still_differ():
    from faverify.experiments.plots import LOOKS, figure_of, line

    ax = figure_of(1, 1)[1][0][0]
    for k in range(3 * len(LOOKS)):
        line(ax, k, [0, 1], [0, 1], str(k))
    assert len(set(map(str, looks(ax)))) == 3 * len(LOOKS)
