"""`pytest proofs/`: what is collected, what passes, what fails, and the table at the end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

GOOD = """
import faverify as fv
FA = fv.rules.FeedbackAlignment()

@fv.claim("RK-T1")
def theorem_one():
    return fv.check(fv.laws.feedback_balance, FA)

def counterexample_two():
    return [fv.check(fv.laws.balancedness, FA)]

def conjecture_three():
    return fv.check(fv.laws.balancedness, FA)

def helper():
    raise AssertionError("helpers are not collected")
"""

BAD = {
    "refuted": ("def theorem_x(): return fv.check(fv.laws.balancedness, FA)", "theorem_x must be proved, but is"),
    "proved": ("def counterexample_x(): return fv.check(fv.laws.feedback_balance, FA)", "must be refuted, but is"),
    "promoted": ("def conjecture_x(): return fv.check(fv.laws.feedback_balance, FA)", "is proved: rename it theorem_x"),
    "none": ("def theorem_x(): fv.check(fv.laws.feedback_balance, FA)", "returned NoneType; return the verdict"),
    "empty": ("def theorem_x(): return []", "returned nothing"),
    "true": ("def theorem_x(): return True", "returned bool"),
    "trivial": ("def theorem_x(): return fv.check(lambda l, a: fv.norm2(a.B), FA)", "trivial"),
    "narrow": (
        '@fv.claim("RK-T1")\ndef theorem_x(): return fv.check(fv.laws.feedback_balance, FA, fv.MLP((2, 2, 1)))',
        "does not cover RK-T1: widths: '2, 2, 1', not 'all'",
    ),
    "linear": (
        '@fv.claim("RK-T1")\ndef theorem_x(): return fv.check(fv.laws.feedback_balance, FA, activation="linear")',
        "activations: 'linear'",
    ),
    "status": (
        '@fv.claim("RK-T1")\ndef counterexample_x(): return fv.check(fv.laws.balancedness, FA)',
        "RK-T1 is true, so it needs a theorem",
    ),
    "altered": (
        "from dataclasses import replace\n"
        "def counterexample_x():\n"
        "    v = fv.check(fv.laws.balancedness, FA)\n"
        "    return replace(v, witness=replace(v.witness, rate=v.witness.rate + 1))",
        "does not survive its recheck",
    ),
    "counted": (
        "def conjecture_x(): return fv.discover(FA, fv.MLP((2, 2, 1)))",
        "is proved: rename it theorem_x",
    ),
    "not counted": (
        "def theorem_x(): return fv.discover(FA, fv.MLP((2, 2, 1)), budget=0)",
        "the laws are not shown to be all",
    ),
    "counting refutes nothing": (
        "def counterexample_x(): return fv.discover(FA, fv.MLP((2, 2, 1)))",
        "which refutes nothing",
    ),
    "evidence proves nothing": ("def theorem_x(): return fv.two_phases(seeds=[100], t=1)", "returned TwoPhases"),
    "evidence against": (
        "def conjecture_x(): return fv.two_phases(seeds=[100], t=1)",
        "the evidence does not speak for it",
    ),
    "evidence beside a proof": (
        "def conjecture_x(): return [Numbers(True), fv.check(fv.laws.feedback_balance, FA)]",
        "is proved: rename it theorem_x",
    ),
    "evidence of nan": ("def conjecture_x(): return Numbers(float('nan'))", "holds is nan, and not True"),
    "evidence by a method": (
        "def conjecture_x(): return Numbers(lambda: False)",
        "does not speak for it (holds is <func",
    ),
    "evidence of nothing": ("def conjecture_x(): return Silent()", "does not speak for it (it has no holds)"),
    "empirical": (
        '@fv.claim("RAOG-ATM")\ndef theorem_x(): return fv.check(fv.laws.feedback_balance, FA)',
        "RAOG-ATM is empirical, so it needs a conjecture",
    ),
    "raises": ("def theorem_x(): raise ValueError('inside')", "ValueError: inside"),
    "unknown claim": ('@fv.claim("RK-T7")\ndef theorem_x(): pass', "no claim is called 'RK-T7'"),
}


EVIDENCE = """
class Silent:
    kind = "evidence"

class Numbers(Silent):
    def __init__(self, holds):
        self.holds = holds
"""


def pytest_in(folder, *options):
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)]
    wide = {**os.environ, "COLUMNS": "240"}  # so that no cell of the table is folded
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=wide)


def proofs(tmp_path, body, name="proofs"):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "file.py").write_text(body, encoding="utf-8")
    return folder


def test_a_good_file(tmp_path):
    found = pytest_in(proofs(tmp_path, GOOD), "-q")
    assert found.returncode == 0, found.stdout
    assert "2 passed, 1 xfailed" in found.stdout
    table = found.stdout[found.stdout.index("claims") :]
    for text in (
        "RK-T1",
        "proved",
        "all widths, all",
        "words, local cut",
        "counterexample_two",
        "refuted",
        "1-1-1, φ = linear",
        "ms",
    ):
        assert text in table


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file(tmp_path, name):
    body, message = BAD[name]
    head = f"import faverify as fv\nFA = fv.rules.FeedbackAlignment()\n{EVIDENCE}"
    found = pytest_in(proofs(tmp_path, f"{head}{body}\n"), "-q")
    assert found.returncode != 0
    assert message in found.stdout
    assert "_pytest/runner.py" not in found.stdout


def test_only_folders_named_proofs(tmp_path):
    found = pytest_in(proofs(tmp_path, GOOD, name="elsewhere"), "-q")
    assert found.returncode == 5
    assert "claims" not in found.stdout


def test_a_project_that_lies_in_a_folder_named_proofs(tmp_path):
    application = proofs(tmp_path, "", name="proofs") / "app"
    application.mkdir()
    (application / "conjecture_of_sales.py").write_text("raise SystemExit('run as a test')", encoding="utf-8")
    (application / "test_it.py").write_text("def test_it(): pass", encoding="utf-8")
    found = pytest_in(application, "-q", f"--rootdir={application}")
    assert (found.returncode, "1 passed" in found.stdout) == (0, True), found.stdout


def test_files_of_proofs_without_proofs_are_not_run(tmp_path):
    folder = proofs(tmp_path, GOOD)
    (folder / "plots.py").write_text("raise SystemExit('a script')", encoding="utf-8")
    assert "2 passed, 1 xfailed" in pytest_in(folder, "-q").stdout


def test_proofs_that_are_no_plain_functions(tmp_path):
    body = (
        "import functools\nimport faverify as fv\nFA = fv.rules.FeedbackAlignment()\n"
        "theorem_one = functools.partial(fv.check, fv.laws.feedback_balance, FA)\n"
        "def conjecture_many(): return fv.discover(FA, fv.MLP((1, 1, 1)), budget=0)\n"
        "def conjecture_false(): return fv.check(fv.laws.balancedness, FA)\n"
    )
    found = pytest_in(proofs(tmp_path, body), "-q", "-rx")
    assert "1 passed, 2 xfailed" in found.stdout, found.stdout
    assert "may be renamed counterexample_false" in found.stdout


def test_evidence_for_a_conjecture_is_an_expected_failure(tmp_path):
    body = EVIDENCE + (
        "import faverify as fv\n"
        "def conjecture_alone(): return Numbers(True)\n"
        "def conjecture_undecided(): return [Numbers(True), fv.discover("
        "fv.rules.FeedbackAlignment(), fv.MLP((1, 1, 1)), budget=0)]\n"
    )
    found = pytest_in(proofs(tmp_path, body), "-q", "-rx")
    assert "2 xfailed" in found.stdout, found.stdout


def test_other_runs_load_nothing(tmp_path):
    folder = proofs(tmp_path, "", name="plain")
    (folder / "test_plain.py").write_text(
        "import sys\ndef test_it(): assert not {'faverify.kernel', 'sympy', 'rich'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    found = pytest_in(folder, "-q")
    assert found.returncode == 0, found.stdout


def test_every_claim_of_the_registry_is_settled():
    from pathlib import Path

    from faverify.claims import REGISTRY

    text = "".join(path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / "proofs").glob("*.py"))
    assert [identifier for identifier in REGISTRY if f'@fv.claim("{identifier}")' not in text] == []
