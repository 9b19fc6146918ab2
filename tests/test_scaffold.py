"""`faverify init`: what it writes runs as it stands, in every import mode, and nothing is overwritten."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import faverify as fv
from faverify.scaffold import scaffold

RULE = """
from dataclasses import dataclass

from faverify import LearningRule


@dataclass(frozen=True)
class DirectRule(LearningRule):
    scale: int = 1

    def error(self, layer, above, output):
        return self.scale * layer.dphi * (layer.F.mT @ output.delta)


class ByIndex(LearningRule):
    def feedback(self, above):
        return above.W * above.index


class Needy(LearningRule):
    def __init__(self, scale):
        self.scale = scale


class Still(LearningRule):
    def update(self, layer, below, output):
        return {"W": 0}


class Wrong(LearningRule):
    def feedback(self, above):
        return above.W @ above.W


plain_fa = fv.rules.FeedbackAlignment() if (fv := __import__("faverify")) else None
number = 3
"""


def pytest_in(folder, *options):
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, "proofs/"]
    wide = {**os.environ, "COLUMNS": "240"}  # so that no cell of the table is folded
    found = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=wide)
    assert found.returncode == 0, found.stdout
    return found.stdout


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "my-rules.py").write_text(RULE, encoding="utf-8")
    return tmp_path / "my-rules.py"


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_the_template_runs_as_it_stands(tmp_path, mode):
    written = scaffold(tmp_path / "new" / "project")
    assert [path.name for path in written] == ["my_rule.py", "README.md"]
    table = pytest_in(tmp_path / "new" / "project", f"--import-mode={mode}")
    assert "3 passed, 1 xfailed" in table
    for text in (
        "claims",
        "theorem_my_balance",
        "all widths, all depths",
        "counterexample_feedback_balance",
        "refuted",
    ):
        assert text in table


def test_the_template_teaches_in_five_lines(tmp_path):
    text = scaffold(tmp_path)[0].read_text(encoding="utf-8")
    assert [line[:2] for line in text.splitlines()[3:8]] == ["1.", "2.", "3.", "4.", "5."]
    assert "{" not in text.partition("class MyRule")[0]


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_the_laws_of_a_given_rule(tmp_path, rules, mode):
    written = scaffold(tmp_path, f"{rules}:DirectRule")
    assert [path.name for path in written] == ["laws_of_direct_rule.py", "README.md"]
    text = written[0].read_text(encoding="utf-8")
    assert text.startswith(RULE.rstrip("\n"))
    assert "fv.check(fv.laws.direct_feedback_balance, RULE, layer=-1)" in text
    assert "counterexample_balancedness" in text
    assert "_bias" not in text
    table = pytest_in(tmp_path, f"--import-mode={mode}")
    assert "theorem_neuron_direct_feedback_balance" in table
    assert "passed" in table
    assert "failed" not in table


def test_an_instance_and_a_second_rule_go_beside_the_first(tmp_path, rules):
    scaffold(tmp_path)
    written = scaffold(tmp_path, f"{rules}:plain_fa")
    assert [path.name for path in written] == ["laws_of_plain_fa.py"]
    text = written[0].read_text(encoding="utf-8")
    assert "RULE = plain_fa\n" in text
    assert "def theorem_neuron_feedback_balance():" in text
    assert "def theorem_feedback_balance():" in text
    pytest_in(tmp_path, "-q")


def test_what_is_undecided_becomes_a_conjecture(tmp_path, rules, monkeypatch):
    monkeypatch.setattr("faverify.scaffold.BUDGET", 0)
    text = scaffold(tmp_path, f"{rules}:ByIndex")[0].read_text(encoding="utf-8")
    assert "def conjecture_balancedness():" in text
    assert "    # witness search: the budget ran out\n" in text
    assert "RULE, budget=0)" in text
    pytest_in(tmp_path, "-q")


def test_nothing_is_overwritten(tmp_path, rules):
    first = scaffold(tmp_path)[0]
    first.write_text("mine", encoding="utf-8")
    with pytest.raises(fv.Misuse, match=r"my_rule.py': expected a place without this file: nothing is overwritten"):
        scaffold(tmp_path)
    assert first.read_text(encoding="utf-8") == "mine"
    scaffold(tmp_path, f"{rules}:DirectRule")
    with pytest.raises(fv.Misuse, match=r"laws_of_direct_rule\.py"):
        scaffold(tmp_path, f"{rules}:DirectRule")


BAD_RULES = {
    "form": ("rules.txt:A", fv.Misuse, "expected FILE.py:NAME, such as"),
    "name": ("rules.py:1", fv.Misuse, "expected FILE.py:NAME"),
    "no file": ("nowhere.py:A", fv.Misuse, "there is no nowhere.py"),
    "unknown": ("{}:Missing", fv.Misuse, "a name that the file defines: LearningRule, DirectRule, ByIndex"),
    "fields": ("{}:Needy", fv.RuleError, r"Needy\(\): raised TypeError: .*; give its fields defaults"),
    "no rule": ("{}:number", fv.Misuse, "a subclass of fv.LearningRule"),
    "still": ("{}:Still", fv.Misuse, "a rule of which some law of the library says anything"),
    "fails": ("{}:Wrong", fv.FaverifyError, "A @ B"),
}


@pytest.mark.parametrize("case", BAD_RULES)
def test_bad_rules_are_told_and_nothing_is_written(tmp_path, rules, case):
    rule, kind, message = BAD_RULES[case]
    with pytest.raises(kind, match=message):
        scaffold(tmp_path, rule.replace("{}", str(rules)))
    assert not (tmp_path / "proofs").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("x = 1\n1 / 0\n", r"raised ZeroDivisionError: division by zero \(line 2\); it must run by itself"),
        ("def (", "raised SyntaxError: .*line 1"),
        ("import nothing_of_this_name", "raised ModuleNotFoundError"),
        ("raise SystemExit(3)", "raised SystemExit: 3"),
    ],
)
def test_a_file_that_fails_is_told(tmp_path, body, message):
    (tmp_path / "broken.py").write_text(body, encoding="utf-8")
    with pytest.raises(fv.RuleError, match=message):
        scaffold(tmp_path, f"{tmp_path / 'broken.py'}:A")


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(fv.Misuse, match="a Python file in UTF-8"):
        scaffold(tmp_path, f"{tmp_path / 'binary.py'}:A")


def test_a_target_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(fv.Misuse, match="file': expected a folder; this is a file"):
        scaffold(tmp_path / "file")
    (tmp_path / "proofs").write_text("", encoding="utf-8")
    with pytest.raises(fv.Misuse, match="proofs': expected a folder; this is a file"):
        scaffold(tmp_path)
    with pytest.raises(fv.Misuse, match=r"a place that can be written \(File name too long\)"):
        scaffold(tmp_path / ("n" * 300))
    with pytest.raises(fv.Misuse, match="directory = 3: expected a path"):
        scaffold(3)  # type: ignore[arg-type]


def test_names_of_the_user_stay_theirs(tmp_path, rules):
    own = (
        "\n\nRULE = 1\n\n\ndef theorem_balancedness():\n    return fv.check(fv.laws.balancedness, fv.LearningRule())\n"
    )
    rules.write_text(RULE + own, encoding="utf-8")
    text = scaffold(tmp_path, f"{rules}:plain_fa")[0].read_text(encoding="utf-8")
    assert "RULE_0 = plain_fa" in text
    assert text.count("def theorem_balancedness") == 1
    pytest_in(tmp_path, "-q")
