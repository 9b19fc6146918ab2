"""The script that checks a witness without faverify agrees with the library, and notices an altered record."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

import faverify as fv
from faverify.proving.witnesses import seal

SCRIPT = Path(__file__).with_name("recheck.py")
L, R = fv.laws, fv.rules
CASES = [
    (L.feedback_balance, R.BackPropagation(), {}),
    (L.feedback_balance, R.FeedbackAlignment(), {"bias": True}),
    (L.balancedness, R.FeedbackAlignment(), {"net": fv.MLP((2, 3, 2), "relu")}),
    (L.direct_feedback_balance, R.DirectFeedbackAlignment(), {"net": fv.MLP((2, 2, 2, 2), "abs"), "layer": 1}),
]


def run(record, path):
    path.write_text(json.dumps(record), encoding="utf-8")
    return subprocess.run([sys.executable, str(SCRIPT), str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("law", "rule", "options"), CASES)
def test_the_script_agrees(law, rule, options, tmp_path):
    record = fv.refute(law, rule, **options).to_dict()
    found = run(record, tmp_path / "verdict.json")
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_script_does_not_import_faverify():
    assert "faverify" not in [
        line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith(("import", "from"))
    ]


def test_the_script_notices_every_altered_field(tmp_path):
    record = fv.refute(L.balancedness, R.FeedbackAlignment()).to_dict()
    for name in ("weights", "feedback", "inputs", "error"):
        altered = copy.deepcopy(record)
        rows = altered["witness"][name] if name in ("inputs", "error") else altered["witness"][name][0]
        rows[0][0] = str(int(rows[0][0]) + 1)
        assert run(altered, tmp_path / "verdict.json").returncode != 0
        witness = altered["witness"]
        witness["digest"] = seal(witness)
        found = run(altered, tmp_path / "verdict.json")  # sealed anew, it is the rate that tells of it
        assert found.returncode == 1
        assert Fraction(found.stdout.removeprefix("dQ/dt = ").split(",")[0]) != Fraction(witness["rate"])
    for name, value in (
        ("rate", "7"),
        ("layer", 2),
        ("rule", "BackPropagation"),
        ("activation", "abs"),
        ("widths", [1, 1]),
    ):
        altered = copy.deepcopy(record)
        altered["witness"][name] = value
        assert run(altered, tmp_path / "verdict.json").returncode != 0
