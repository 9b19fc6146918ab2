"""Every derivation of the project's own proofs is LaTeX that compiles with amsmath alone, no line too wide."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from faverify.judging import functions_of, holds_proofs, verdicts_of
from faverify.writing.latex import plain
from faverify.writing.tex import typed

PROOFS = Path(__file__).parents[2] / "proofs"


def derivations(file):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for _, function in functions_of(module):
        for verdict in verdicts_of(function()):
            if hasattr(type(verdict), "derivation"):
                json.dumps(verdict.to_dict(), allow_nan=False)
                yield verdict.derivation


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(
    "file", [file for file in sorted(PROOFS.glob("*.py")) if holds_proofs(file)], ids=lambda f: f.stem
)
def test_derivations_compile(file, tmp_path):
    body = [derivation.latex() for derivation in derivations(file)]
    assert body
    source = r"\documentclass{article}\usepackage{amsmath}\begin{document}"
    (tmp_path / "all.tex").write_text("\n\n".join([source, *body, r"\end{document}"]), encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "all.tex"]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    log = found.stdout.decode("utf-8", errors="replace")
    assert [line for line in log.splitlines() if line.startswith("!")] == []
    assert [m[0] for m in re.finditer(r"Overfull.*\((\d+)\.\d*pt too wide.*", log) if int(m[1]) >= 10] == []
    assert "undefined" not in log


HOSTILE = [
    *("h¹⁰", "x⁻²", "10¹²", "ᵀᵀ", "W_{l}²ᵀ", "(W)₁₂", "A⁻¹ᵀ", "W_{\\end}", "W_{a^b}", "e^{x~y}", "a\x00\x07b", "\n\nA"),
    "100% of $x \\frac{ & # _ ^ ~ {{ \\end{document} <script> 😀",
]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_what_users_write_compiles(tmp_path):
    body = [write(text) for text in HOSTILE for write in (plain, typed)]
    source = r"\documentclass{article}\usepackage{amsmath}\newcommand{\bs}{\discretionary{}{}{}}\begin{document}"
    (tmp_path / "all.tex").write_text("\n\n".join([source, *body, r"\end{document}"]), encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "all.tex"]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    log = found.stdout.decode("utf-8", errors="replace")
    assert [line for line in log.splitlines() if line.startswith("!")] == []
    assert plain("h¹⁰") == "h${}^{10}$"
