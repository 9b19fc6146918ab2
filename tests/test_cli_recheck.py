"""`faverify recheck` and `faverify enclose`: records read again, bounds that hold, exit codes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

import faverify as fv
from faverify.cli import main

FA = fv.rules.FeedbackAlignment()
RULE = """
import faverify as fv

class Half(fv.LearningRule):
    def feedback(self, above): return above.B / 2
"""


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def kept(tmp_path):
    def write(record):
        path = tmp_path / "verdict.json"
        path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
        return path

    return write


@pytest.fixture
def record():
    return fv.check(fv.laws.balancedness, FA).to_dict()


def test_a_witness_survives(kept, record):
    found = run("recheck", kept(record))
    assert found.exit_code == 0, found.output
    assert "balancedness along FeedbackAlignment, layer 1, rate 1: refuted, rechecked" in found.output
    asked = json.loads(run("recheck", kept(record), "--json").stdout)
    assert (asked["holds"], len(asked["witnesses"])) == (True, 1)


@pytest.mark.parametrize("field", ["rate", "weights", "error", "law", "verdict", "layer of another digest"])
def test_what_was_altered_does_not(kept, record, field):
    witness = record["witness"]
    if field == "rate":
        witness["rate"] = "2"
    elif field == "weights":
        witness["weights"][0][0][0] = "3"
    elif field == "error":
        witness["error"] = [["0"]]
    elif field == "law":
        record["law"] = "feedback-balance"  # a true law, with a sound witness about another one
    elif field == "verdict":
        record["verdict"] = "proved"
    else:  # the seal that was seen before, on other data
        other = json.loads(json.dumps(record)) | {"layers": None}
        other["witness"]["rate"] = "2"
        record["layers"] = {"1": other}
    found = run("recheck", kept(record))
    assert found.exit_code == 1, found.output
    assert "does not survive" in found.output


def test_proofs_have_nothing_to_recheck(kept):
    found = run("recheck", kept(fv.check(fv.laws.feedback_balance, FA).to_dict()))
    assert found.exit_code == 3
    assert "no witness" in found.output


def test_what_the_commands_print_is_read(kept):
    for words in (("check", "sign-symmetry", "--budget", "1"), ("derive", "balancedness", "feedback-alignment")):
        found = run("recheck", kept(run(*words, "--json").stdout))
        assert found.exit_code == 0, found.output
        assert "refuted, rechecked" in found.output


def test_a_rule_in_a_file(kept, tmp_path):
    file = tmp_path / "my_rule.py"
    file.write_text(RULE, encoding="utf-8")
    path = kept(run("check", f"{file}:Half", "--law", "feedback-balance", "--json").stdout)
    alone = run("recheck", path)
    assert alone.exit_code == 2
    assert "the rule called 'Half': it is not in the library" in alone.output
    assert run("recheck", path, "--rule", f"{file}:Half").exit_code == 0


@pytest.mark.parametrize("content", ["", "3", "[]", "{}", '{"laws": [3]}', '{"verdict": {}}', "[" * 100_000])
def test_files_that_are_no_record(kept, content):
    found = run("recheck", kept(content))
    assert found.exit_code == 2, found.output
    assert not isinstance(found.exception, Exception) or isinstance(found.exception, SystemExit)


def test_a_file_that_is_not_there(tmp_path):
    assert run("recheck", tmp_path / "nowhere.json").exit_code == 2
    assert run("recheck", tmp_path).exit_code == 2


def test_an_enclosure(kept):
    one = [[1]]
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[one, one], feedback=[one], inputs=one, targets=[[2]]
    )
    path = kept(problem.to_dict())
    found = run("enclose", path, "-t", "1/2", "--law", "feedback-balance", "--json")
    assert found.exit_code == 0, found.output
    record = json.loads(found.stdout)
    most = Decimal(record["drift"]["at_most"])
    assert 0 < most < Decimal("1e-20")
    assert run("enclose", path, "-t", "-1").exit_code == 2
    drifting = run("enclose", path, "-t", "1/2", "--law", "balancedness")
    assert drifting.exit_code == 0
    bound = Decimal(drifting.output.split("≤ ")[1].split()[0])
    assert bound >= abs(fv.enclose(problem, "1/2").drift(fv.laws.balancedness).lower)
