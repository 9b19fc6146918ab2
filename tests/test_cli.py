"""The command line: what it prints, its exit codes, and that no input ends in a traceback."""

from __future__ import annotations

import json

import pytest

from .conftest import run_faverify as run

RULE = '''
import faverify as fv

class Half(fv.LearningRule):
    """FA with half the feedback."""
    def feedback(self, above): return above.B / 2

half = Half()

@fv.law("½‖W_l‖² − ½⟨W_{l+1}, B_{l+1}⟩")
def half_balance(layer, above):
    return fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B) / 2

class Raises(Half):
    def feedback(self, above): raise ValueError("no")

class Leaves(Half):
    def feedback(self, above): raise SystemExit(0)

class NeedsArguments(Half):
    def __init__(self, gain): self.gain = gain

class Loops(Half):
    def feedback(self, above):
        while True:
            try: pass
            except BaseException: pass

class Nan(Half):
    def feedback(self, above): return above.B * float("nan")

class Assigns(Half):
    def feedback(self, above):
        above.B = above.B / 2
        return above.B

class Random(Half):
    def feedback(self, above):
        import random
        return above.B * random.randint(1, 9)

class Bent(Half):
    def feedback(self, above): return above.W @ above.W.mT @ above.B

class Stops(Half):
    def feedback(self, above): raise GeneratorExit

class Prints(Half):
    def feedback(self, above):
        print("looking at", above)
        return above.B / 2

class Asks(Half):
    def feedback(self, above): return above.B if above.index > 3 else above.B
'''


@pytest.fixture
def rule(tmp_path):
    path = tmp_path / "my_rule.py"
    path.write_text(RULE, encoding="utf-8")
    return str(path)


RESIDUAL = ["check", "feedback-alignment", "--law", "total-feedback-balance", "--network"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["check", "feedback-alignment", "--law", "feedback-balance"], 0, "PROVED: dQ/dt = 0 for Q = ½‖W_l‖²"),
        (["check", "FeedbackAlignment", "--law", "feedback_balance", "--widths", "3,4,1"], 0, "3, 4, 1"),
        (["check", "feedback-alignment", "--law", "balancedness"], 1, "REFUTED"),
        (["check", "feedback-alignment", "--law", "feedback-balance", "--bias"], 1, "b₁ = [[1]]"),
        (
            ["check", "feedback-alignment", "--law", "feedback-balance-of-degree-3", "--activation", "power-3"],
            0,
            "power-3",
        ),
        (["check", "feedback-alignment", "--law", "feedback-balance", "--widths", "3,1"], 3, "no hidden layer"),
        (
            ["check", "direct-feedback-alignment", "--law", "direct-feedback-balance", "--layer", "-1"],
            0,
            "the last hidden layer",
        ),
        (["check", "feedback-alignment"], 0, "neuron-feedback-balance"),
        (["derive", "feedback-balance", "feedback-alignment"], 0, "[equal terms cancel]"),
        (["derive", "feedback-balance", "feedback-alignment", "--format", "latex"], 0, r"\why{definition of the law}"),
        (["derive", "feedback-balance", "feedback-alignment", "--widths", "2,2,1"], 0, "Ẇ1[0,0] = −x[0] δ1[0]"),
        (["derive", "balancedness", "feedback-alignment"], 1, "Ẇ₁ = "),
        (["derive", "feedback-balance", "feedback-alignment", "--widths", "3,1"], 3, "nothing"),
        (["list", "rules"], 0, "kolen-pollack"),
        (["list", "laws"], 0, "matrix-balancedness"),
        (["list", "claims"], 0, "RK-T1-kink"),
        (["list", "activations"], 0, "softplus"),
        (["list", "experiments"], 0, "minimum-norm solution"),
        (["--help"], 0, "faverify check my_rule.py:MyRule"),
        (["--version"], 0, "0.1"),
        (["check", "feedback-alignmen", "--law", "feedback-balance"], 2, "did you mean 'feedback-alignment'?"),
        (["check", "feedback-alignment", "--law", "balance"], 2, "no law is called 'balance'"),
        (
            ["check", "feedback-alignment", "--law", "feedback-balance", "--widths", "3,x"],
            2,
            "write whole numbers with commas",
        ),
        (
            ["check", "feedback-alignment", "--law", "feedback-balance", "--widths", "3,0,1"],
            2,
            "at least two whole numbers",
        ),
        (
            ["check", "feedback-alignment", "--law", "feedback-balance", "--activation", "rleu"],
            2,
            "did you mean 'relu'?",
        ),
        (["check", "feedback-alignment", "--law", "feedback-balance", "--layer", "0"], 2, "layer = 0"),
        (["check", "feedback-alignment", "--law", "direct-feedback-balance"], 2, "does not conform"),
        (["check", "nowhere.py:Rule"], 2, "there is no file nowhere.py"),
        ([*RESIDUAL, "residual"], 0, "any number of blocks"),
        ([*RESIDUAL, "Residual", "--layer", "W1"], 0, "group W1"),
        ([*RESIDUAL, "residual", "--layer", "W9"], 2, "one of 'stem+V1+V2', 'W1', 'W2'"),
        ([*RESIDUAL, "residul"], 2, "did you mean 'residual'?"),
        ([*RESIDUAL, "residual", "--widths", "2,2"], 2, "leave --widths and --bias out"),
        ([*RESIDUAL, "nowhere.py:Net"], 2, "there is no file nowhere.py"),
        (["check", "back-propagation", "--network", "attention-scores", "--budget", "5"], 3, "every group"),
        (["derive", "total-feedback-balance", "feedback-alignment", "--network", "recurrent"], 0, "At layer U"),
        (["list", "networks"], 0, "convolution"),
        (["check"], 2, "Missing argument"),
        (["frobnicate"], 2, "No such command"),
        (["derive", "feedback-balance", "feedback-alignment", "-o", "/no/such/place"], 2, "cannot write"),
    ],
)
def test_words(words, code, text):
    found = run(*words)
    assert found.returncode == code, found.stdout + found.stderr
    assert text in found.stdout + found.stderr


def test_a_rule_and_a_law_in_a_file(rule):
    assert run("check", f"{rule}:Half", "--law", f"{rule}:half_balance").returncode == 0
    assert run("check", f"{rule}:half", "--law", "feedback-balance").returncode == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Raises", "raised ValueError: no"),
        ("Leaves", "raised SystemExit"),
        ("Stops", "raised GeneratorExit"),
        ("NeedsArguments", "failed: TypeError"),
        ("Hlaf", "did you mean 'Half'?"),
        ("half_balance", "a subclass of fv.LearningRule"),
        ("0", "write FILE.py:NAME"),
    ],
)
def test_a_file_that_fails(rule, name, text):
    found = run("check", f"{rule}:{name}", "--law", "feedback-balance")
    assert found.returncode == 2, found.stdout
    assert text in found.stderr


def test_what_a_rule_prints_is_no_part_of_the_record(rule):
    for words in (("check", "--law", "balancedness"), ("check",), ("discover", "--widths", "1,1,1")):
        command, *options = words
        found = run(command, f"{rule}:Prints", *options, "--json")
        assert json.loads(found.stdout)["schema"] == 1
        assert "looking at" in found.stderr


@pytest.mark.parametrize("limit", ["nan", "inf", "1e300", "-1"])
def test_limits_that_are_none(limit):
    found = run("check", "feedback-alignment", "--law", "balancedness", "--time-limit", limit)
    assert (found.returncode, "--time-limit" in found.stderr) == (2, True)


@pytest.mark.parametrize("options", [("--widths", "1,1,1"), ()])
def test_discovery_along_code_that_loops(rule, options):
    found = run("discover", f"{rule}:Loops", *options, "--time-limit", "1")
    assert (found.returncode, "did not return within 1 s" in found.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("discover", "feedback-alignment", "--widths", "1,200000,1"),
        ("discover", "feedback-alignment", "--widths", "1,1,1", "--degree", f"1{'0' * 50}"),
        ("check", "feedback-alignment", "--activation", "power-5000000"),
    ],
)
def test_what_is_too_large_is_said_to_be(words):
    found = run(*words, timeout=20)
    assert found.returncode == 2
    assert "smaller" in found.stderr or "from 1 to 1000" in found.stderr


def test_a_rule_that_asks_is_undecided(rule):
    found = run("check", f"{rule}:Asks", "--law", f"{rule}:half_balance", "--budget", "0")
    assert found.returncode == 3
    assert "my_rule.py" in found.stdout


@pytest.mark.parametrize(
    "body", ["raise ValueError('at import')", "import nothing_of_this_name", "def f(:", "raise SystemExit(0)"]
)
def test_a_file_that_cannot_be_run(tmp_path, body):
    path = tmp_path / "broken.py"
    path.write_text(body, encoding="utf-8")
    found = run("check", f"{path}:Rule")
    assert found.returncode == 2
    assert "failed when run" in found.stderr


def test_records_for_machines(tmp_path):
    record = json.loads(run("check", "feedback-alignment", "--law", "balancedness", "--json").stdout)
    assert (record["schema"], record["verdict"], record["witness"]["rate"]) == (1, "refuted", "1")
    record = json.loads(run("check", "feedback-alignment", "--json").stdout)
    assert {r["verdict"] for r in record["laws"]} == {"proved", "refuted"}
    assert record["law_of_the_rule"]["verdict"]["verdict"] == "proved"
    assert json.loads(run("list", "claims", "--json").stdout)[0][0] == "RK-T1"
    target = tmp_path / "derivation.tex"
    assert (
        run("derive", "feedback-balance", "feedback-alignment", "--format", "latex", "-o", str(target)).returncode == 0
    )
    assert target.read_text(encoding="utf-8").startswith(r"\begingroup")


def test_the_same_words_print_the_same():
    words = ("check", "sign-symmetry", "--law", "balancedness", "--json")
    assert run(*words).stdout == run(*words).stdout


def test_a_fault_of_ours_is_named(monkeypatch, capsys):
    from faverify import cli

    monkeypatch.setattr(cli, "found_law", lambda name: 1 / 0)
    with pytest.raises(SystemExit) as stop:
        cli.main(["check", "feedback-alignment", "--law", "x"])
    assert stop.value.code == 70
    assert "This is a fault of faverify" in capsys.readouterr().err


def test_a_rule_in_a_file_against_the_whole_library(rule):
    found = run("check", f"{rule}:Half")
    assert found.returncode == 0
    words = " ".join(found.stdout.split())
    assert "the law of this rule: ½‖W_l‖² − ½⟨W_{l+1}, B_{l+1}⟩: proved" in words
    assert "found besides: diag(W_l W_lᵀ)" in words
    assert "the last hidden" in words  # layer stands in the next line of its cell
    bent = run("check", f"{rule}:Bent")
    assert "the feedback is not a gradient: at W = " in bent.stdout
    record = json.loads(run("check", f"{rule}:Half", "--json").stdout)
    assert record["law_of_the_rule"]["verdict"]["verdict"] == "proved"
    assert record["found_besides"][0]["kind"] == "new"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Loops", "did not return within 1 s"),
        ("Nan", "nan"),
        ("Assigns", "B was assigned to"),
        ("Random", "drew from a global random generator"),
    ],
)
def test_files_that_fail_are_told_as_such(rule, name, text):
    found = run("check", f"{rule}:{name}", "--time-limit", "1")
    assert found.returncode == 2, found.stdout + found.stderr
    assert text in found.stderr


def test_a_file_that_loops_when_run(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text("while True: pass", encoding="utf-8")
    found = run("check", f"{path}:Rule", "--time-limit", "1")
    assert (found.returncode, "did not return within 1 s" in found.stderr) == (2, True)


def test_hypotheses_on_the_command_line(rule):
    law = ("--law", "balancedness", "--assume", "squared-loss", "--assume", "batch-size-one")
    found = run("check", "feedback-alignment", *law)
    assert found.returncode == 1
    assert "e = f − y" in found.stdout
    assert "did you mean 'squared-loss'" in run("check", "feedback-alignment", "--assume", "squared-los").stderr
    assert run("check", "inverse-feedback").returncode == 2
    assert "square-maps" in run("check", "inverse-feedback").stderr
    assert (
        "log|det W_{l+1}|: proved"
        in run("check", "inverse-feedback", "--assume", "square-maps", "--budget", "1").stdout
    )
    assert "cross-entropy" in run("list", "assumptions").stdout


def test_discovery_on_the_command_line(rule):
    found = run("discover", "feedback-alignment", "--widths", "2,2,1")
    assert found.returncode == 0
    assert "independent: 2, of 6 parameters" in found.stdout
    record = json.loads(run("discover", f"{rule}:Half", "--widths", "2,2,1", "--json").stdout)
    assert record["complete"] is True
    everywhere = run("discover", "direct-kolen-pollack")
    assert everywhere.returncode == 3
    assert "diag(W_l W_lᵀ) − diag(F_lᵀ F_l)" in everywhere.stdout
    assert run("discover", "feedback-alignment", "--widths", "2,x").returncode == 2
    assert run("discover", "feedback-alignment", "--widths", "2,2,1", "--degree", "0").returncode == 2


def test_init_writes_a_folder_once(rule, tmp_path):
    words = ("init", str(tmp_path / "mine"), "--rule", f"{rule}:Half")
    found = run(*words)
    assert found.returncode == 0, found.stderr
    assert "wrote" in found.stdout
    assert (tmp_path / "mine" / "proofs" / "laws_of_half.py").is_file()
    again = run(*words)
    assert (again.returncode, "nothing is overwritten" in again.stderr) == (2, True)
