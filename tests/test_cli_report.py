"""`faverify report`: exit codes, the files that it writes, and that it judges as `pytest proofs/` does."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from faverify import collecting
from faverify.cli import main

PLUGIN = runpy.run_path(str(Path(__file__).with_name("test_plugin.py")))
BAD = PLUGIN["BAD"]
HEAD = "import faverify as fv\nFA = fv.rules.FeedbackAlignment()\n" + PLUGIN["EVIDENCE"]
GOOD = HEAD + "def theorem_x(): return fv.check(fv.laws.feedback_balance, FA)\n"
EXPECTED = {"raises": "raises", "unknown claim": "raises", "not counted": "undecided"}


def run(*words):
    return CliRunner().invoke(main, ["report", *map(str, words)])


def folder(tmp_path, **files):
    place = tmp_path / "proofs"
    place.mkdir()
    for name, body in files.items():
        (place / f"{name}.py").write_text(body, encoding="utf-8")
    return place


@pytest.mark.parametrize("name", BAD)
def test_what_pytest_fails_is_told(tmp_path, name):
    body, message = BAD[name]
    (outcome,) = collecting.collected(folder(tmp_path, p=f"{HEAD}{body}\n")).outcomes
    assert outcome.outcome == EXPECTED.get(name, "fails")
    assert message in outcome.message
    assert "Traceback" not in outcome.message


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("", 0, "1 of 1 proofs hold"),
        ("def theorem_y(): return fv.check(fv.laws.balancedness, FA)", 1, "theorem_y must be proved, but is"),
        ("def theorem_y(): return 1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("def theorem_y(): raise SystemExit(0)", 1, "SystemExit: 0"),
        ("raise ValueError('at import')\ndef theorem_y(): pass", 1, "ValueError: at import"),
        ("def theorem_y(:", 1, "SyntaxError"),
        ("def theorem_y(): return fv.check(fv.laws.feedback_balance, FA, fv.MLP((3, 1)))", 3, "undecided"),
        ("class V: kind = scope = 1\ndef theorem_y(): return V()", 1, "theorem_y returned V"),
        ("def conjecture_y(): return fv.check(fv.laws.balancedness, FA)", 0, "1 open"),
        ("import pytest\ndef theorem_y(): pytest.skip('slow')", 0, "1 skipped"),
    ],
)
def test_exit_codes(tmp_path, body, code, told):
    place = folder(tmp_path, good=GOOD, other=f"{HEAD}{body}\n")
    found = run(place, "-o", tmp_path / "r.md")
    assert (found.exit_code, told in found.stdout) == (code, True), found.output
    assert "Traceback" not in found.output
    written = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert {0: "Everything is as promised", 1: "Not everything holds", 3: "Something is undecided"}[code] in written
    assert code == 0 or told in written
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["holds"] is {0: True, 1: False, 3: None}[code]


def test_figures_stand_beside_or_inside(tmp_path):
    claimed = GOOD.replace("def theorem", '@fv.claim("RK-T1")\ndef theorem')
    place = folder(tmp_path, p=claimed)
    for name in ("r.tex", "r.html"):
        assert run(place, "-o", tmp_path / name).exit_code == 0
    assert "{r-RK-T1.pdf}" in (tmp_path / "r.tex").read_text(encoding="utf-8")
    assert (tmp_path / "r-RK-T1.pdf").read_bytes().startswith(b"%PDF")
    assert "<figure><svg" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["seeds"] == {"figures": 0}
    assert run(place, "--no-figures", "-o", tmp_path / "r.html").exit_code == 0
    assert "<figure" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_misuse(tmp_path, monkeypatch):
    place, empty = folder(tmp_path, good=GOOD), tmp_path / "empty"
    empty.mkdir()
    for words, told in (
        ((place,), "where to?"),
        ((place, "-o", tmp_path / "r.docx"), ".pdf, .tex, .html, .md"),
        ((place, "-o", tmp_path / "no" / "r.html"), "there is no folder"),
        ((empty, "-o", tmp_path / "r.html"), "functions named theorem_"),
        ((tmp_path / "none", "-o", tmp_path / "r.html"), "a folder that exists"),
    ):
        found = run(*words)
        assert (found.exit_code, told in found.stderr) == (2, True), found.output
    monkeypatch.setenv("PATH", str(empty))
    found = run(place, "-o", tmp_path / "r.pdf")
    assert (found.exit_code, "texlive-latex-base" in found.stderr) == (2, True)


def test_the_record_alone_and_one_file(tmp_path):
    place = folder(tmp_path, good=GOOD + "print('chatter', flush=True)\n")
    found = run(place / "good.py", "--json")
    assert found.exit_code == 0
    assert [proof["name"] for proof in json.loads(found.stdout)["proofs"]] == ["theorem_x"]
    assert "chatter" in found.stderr


def test_files_import_those_beside_them_and_others_are_left_alone(tmp_path):
    using = (
        "from helper import FA\nimport faverify as fv\ndef theorem_x(): return fv.check(fv.laws.feedback_balance, FA)"
    )
    place = folder(
        tmp_path, helper=HEAD, p=using, test_p=f"raise ValueError\n{GOOD}", conftest=f"raise ValueError\n{GOOD}"
    )
    (place / ".hidden").mkdir()
    (place / ".hidden" / "q.py").write_text(f"raise ValueError\n{GOOD}", encoding="utf-8")
    assert [(o.file, o.outcome) for o in collecting.collected(place).outcomes] == [("p.py", "holds")]


def test_a_proof_that_loops_is_undecided(tmp_path):
    body = f"{HEAD}def theorem_y():\n    while True:\n        try: pass\n        except BaseException: pass\n"
    found = run(folder(tmp_path, good=GOOD, other=body), "-o", tmp_path / "r.md", "--time-limit", "1")
    assert found.exit_code == 3, found.output
    assert "theorem_y: undecided: Overtime: it did not return within 1 s" in found.stdout
    place = tmp_path / "imported"
    place.mkdir()
    (place / "loop.py").write_text("while True: pass\ndef theorem_y(): ...\n", encoding="utf-8")
    assert run(place, "-o", tmp_path / "r.md", "--time-limit", "1").exit_code == 3
