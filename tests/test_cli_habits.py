"""What people expect of a command line: help that teaches, names completed and corrected, colours, progress."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

import faverify as fv
from faverify.cli import main
from faverify.cli.entrance import LIBRARIES, SECTIONS

from .conftest import run_faverify

COMMANDS = sorted(main.commands)
PROVED = ("check", "feedback-alignment", "--law", "feedback-balance")


@pytest.fixture
def problem(tmp_path):
    """A small problem in a file."""
    one = [[1]]
    start = {"weights": [one, one], "feedback": [one], "inputs": one, "targets": [[2]]}
    record = fv.FlowProblem(fv.MLP((1, 1, 1), "linear"), fv.rules.FeedbackAlignment(), **start).to_dict()
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return str(path)


def said(*words):
    found = CliRunner().invoke(main, list(words), prog_name="faverify")
    assert not isinstance(found.exception, Exception) or isinstance(found.exception, SystemExit), found.exception
    return found


def test_help_has_every_command_once_in_a_line():
    listed = [name for commands in SECTIONS.values() for name in commands]
    assert sorted(listed) == COMMANDS
    lines = said("--help").output.splitlines()
    for commands in SECTIONS.values():
        for name, about in commands.items():
            assert sum(line.split() == [name, *about.split()] for line in lines) == 1, name


def test_help_begins_with_an_example_that_works():
    example = re.search(r"^ +faverify (check .*balance)$", said("--help").output, re.MULTILINE)
    assert example is not None
    assert said(*example[1].split()).output.startswith("PROVED")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_its_exit_codes_and_has_json(name):
    shown = said(name, "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.output
    assert re.search(r"Exit codes: 0: .*70: a fault\s+of\s+faverify", shown.output, re.DOTALL)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_produced(shell):
    environment = os.environ | {"_FAVERIFY_COMPLETE": f"{shell}_source"}
    found = run_faverify(env=environment)
    assert found.returncode == 0, found.stderr
    assert "_FAVERIFY_COMPLETE=" in found.stdout
    assert f"{shell}_complete" in found.stdout
    assert f"_FAVERIFY_COMPLETE={shell}_source" in said("--help").output  # where a reader learns of it


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("faverify che", "check"),
        ("faverify check direct-feedback-al", "direct-feedback-alignment"),
        ("faverify check feedback-alignment --law matrix-bal", "matrix-balancedness"),
        ("faverify check feedback-alignment --assume squared", "squared-loss"),
        ("faverify sweep RK-T2-r", "RK-T2-rate"),
        ("faverify experiment conv", "convergence"),
        ("faverify plot dr", "drift"),
    ],
)
def test_words_are_completed(line, word):
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_FAVERIFY_COMPLETE": "bash_complete"}
    found = run_faverify(env=os.environ | words)
    assert f"plain,{word}" in found.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["chek"], "check"),
        (["check", "feedback-alignmnt"], "feedback-alignment"),
        (["check", "DFA"], "direct-feedback-alignment"),
        (["check", "feedback-alignment", "--law", "balancednes"], "balancedness"),
        (["check", "feedback-alignment", "--activation", "leaky-rleu"], "leaky-relu"),
        (["check", "feedback-alignment", "--assume", "square-loss"], "squared-loss"),
        (["check", "feedback-alignment", "--network", "recurent"], "recurrent"),
        (["derive", "balancedness", "feedback-alignment", "--format", "latx"], "latex"),
        (["sweep", "rk-t1"], "RK-T1"),
        (["experiment", "convergance"], "convergence"),
        (["plot", "drfit", "problem.json", "-o", "drift.pdf"], "drift"),
        (["plot", "alignment", "PROBLEM", "--alignments", "layr", "--json"], "layer"),
        (["list", "clams"], "claims"),
    ],
)
def test_the_nearest_valid_name(words, nearest, problem):
    found = said(*[{"PROBLEM": problem}.get(word, word) for word in words])
    assert found.exit_code == 2
    assert f"did you mean {nearest!r}?" in found.output


def test_an_option_and_a_file_that_are_misspelt(tmp_path):
    assert "--law" in said("check", "feedback-alignment", "--lwa", "x").output
    (tmp_path / "my_rule.py").write_text("", encoding="utf-8")
    assert "did you mean" in said("check", f"{tmp_path / 'my_rul.py'}:Rule").output
    assert "did you mean" in said("check", f"{tmp_path / 'my_rule'}:Rule").output


@pytest.mark.parametrize("words", [PROVED, ("list", "laws"), ("--help",)])
def test_an_encoding_without_the_signs_of_mathematics_is_told(words):
    """As in a pipe of Windows; what is written is never changed to fit."""
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    piped = subprocess.run([sys.executable, "-m", "faverify.cli", *words], capture_output=True, env=environment)
    assert piped.returncode == 2
    assert b"set PYTHONIOENCODING=utf-8" in piped.stderr


def test_names_in_tables_are_whole(monkeypatch):
    for columns in ("80", "60"):
        monkeypatch.setenv("COLUMNS", columns)
        for words in (("list", "laws"), ("check", "feedback-alignment")):
            assert re.search(r"^neuron-direct-feedback-balance ", said(*words).output, re.MULTILINE)


def test_versions_of_what_matters():
    shown = said("--version").output
    assert shown.startswith(f"faverify {fv.__version__}\nPython {sys.version.split()[0]}")
    for name in LIBRARIES:
        assert re.search(rf"\b{name} \d", shown), name


def on_a_terminal(words, **changes):
    """What a command writes to a terminal, as (stdout, stderr); None of what goes to a pipe."""
    pty = pytest.importorskip("pty", reason="no terminals of this kind on this system")
    parent, child = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")} | {"TERM": "xterm"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {changes.pop("stream"): child}
    run = subprocess.Popen([sys.executable, "-m", "faverify.cli", *words], env=environment | changes, **streams)
    os.close(child)
    found = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(parent, 65536)
        except OSError:  # Linux says so where the other end is closed
            break
        if not part:
            break
        found += part
    os.close(parent)
    piped, other = run.communicate(timeout=60)
    return found.decode(), (piped or other or b"").decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no pty")
def test_colours_are_for_people_who_have_not_refused_them():
    green = click.style("PROVED", fg="green", bold=True)
    assert on_a_terminal(PROVED, stream="stdout")[0].startswith(green)
    for refused in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert on_a_terminal(PROVED, stream="stdout", **refused)[0].startswith("PROVED")
    assert "\x1b" not in on_a_terminal([*PROVED, "--json"], stream="stdout")[0]
    for words in (PROVED, ("check", "feedback-alignment"), ("list", "rules")):
        piped = run_faverify(*words, env=os.environ | {"FORCE_COLOR": "1"})
        assert piped.returncode == 0
        assert "\x1b" not in piped.stdout + piped.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pty")
@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("check", "feedback-alignment"), "laws along feedback-alignment"),
        (("discover", "feedback-alignment", "--widths", "2,2,1"), "laws of feedback-alignment"),
        (("enclose", "PROBLEM"), "enclosing problem.json"),
        (("audit", "PROBLEM"), "auditing problem.json"),
        (("certify", "PROOFS", "--seconds", "1", "--json"), "running the proofs"),
        (("report", "PROOFS", "--json"), "proofs"),
    ],
)
def test_progress_is_for_people_who_watch(words, seen, tmp_path, problem):
    proofs = tmp_path / "proofs"
    proofs.mkdir()
    text = (
        "import faverify as fv\ndef theorem_x():\n    return fv.check(fv.laws.kolen_pollack_difference, fv.rules.{})\n"
    )
    (proofs / "mine.py").write_text(text.format("KolenPollack()"), encoding="utf-8")
    words = [{"PROBLEM": problem, "PROOFS": str(proofs)}.get(word, word) for word in words]
    watched, answer = on_a_terminal(words, stream="stderr")
    assert seen in watched
    assert seen not in answer or seen == "proofs"  # which a report is about
    assert answer.strip(), "the answer goes to stdout, and not to the terminal of progress"
    assert run_faverify(*words).stderr == ""
