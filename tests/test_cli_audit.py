"""`faverify audit`: its exit codes, and that no file ends in a traceback."""

from __future__ import annotations

import json

import pytest

from .conftest import run_faverify

GOOD = {
    "widths": [2, 2, 1],
    "activation": "linear",
    "rule": "feedback-alignment",
    "inputs": [[1], [0]],
    "targets": [[6.5]],
    "weights": [[[1, 0], [0, 0]], [[1, 1]]],
    "feedback": [[[1, 1]]],
}


@pytest.fixture
def run(tmp_path):
    def called(content, *options):
        path = tmp_path / "problem.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return run_faverify("audit", str(path), *options)

    return called


def test_exit_codes_say_what_is_guaranteed(run):
    found = run(GOOD)
    assert found.returncode == 0, found.stdout
    assert "w_∞ = (13/2, 0)" in found.stdout
    literal = GOOD | {"weights": [[[1, "1/2"], [0, "-1/2"]], [[1, 1]]]}
    found = run(literal)
    assert found.returncode == 1
    assert "What to change" in found.stdout


def test_records_and_digits(run):
    record = json.loads(run(GOOD | {"targets": [[2]]}, "--json", "--digits", "30").stdout)
    assert record["kind"] == "audit"
    assert record["floats"] == {}
    assert len(record["limit"]["alignment"]["decimal"]) == 31


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        "3",
        "{}",
        json.dumps({**GOOD, "weights": 3}),
        json.dumps({**GOOD, "weights": [[[1, 0]], [[1, 1]]]}),
        json.dumps({**GOOD, "widths": "2-2-1"}),
        json.dumps({**GOOD, "widths": 3}),
        json.dumps({**GOOD, "rule": "no-rule"}),
        json.dumps({**GOOD, "rule": 3}),
        json.dumps({**GOOD, "activation": 3}),
        json.dumps({**GOOD, "feedback": []}),
        json.dumps({**GOOD, "feedback": 3}),
        json.dumps({**GOOD, "feedback": [[["x", 1]]]}),
        json.dumps({**GOOD, "inputs": [[1, 2], [3]]}),
        json.dumps({**GOOD, "targets": [[float("nan")]]}),
        json.dumps({**GOOD, "targets": None}),
        json.dumps({**GOOD, "samples": 7}),
    ],
)
def test_files_that_are_no_problem_are_misuse(run, content):
    found = run(content)
    assert found.returncode == 2, (found.returncode, found.stdout, found.stderr)
    assert found.stderr.startswith(("error: ", "Error: ")), found.stderr


def test_arguments_that_are_wrong(run, tmp_path):
    assert run(GOOD, "--digits", "2").returncode == 2
    assert run(GOOD, "--digits", "many").returncode == 2
    for path in ("nowhere.json", str(tmp_path)):
        assert run_faverify("audit", path).returncode == 2
    found = run_faverify("audit", "--help")
    assert found.returncode == 0
    assert "FILE is the JSON" in found.stdout
