"""Every script in examples/ runs as a reader runs it, and prints what its docstring promises."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
PATIENCE = 120  # seconds: what an example may take
SAID = {
    "conservation": "which is ½ Σ ‖ΔW_1‖² exactly",
    "convergence": "of minimum norm: no",
    "new_rule": "rechecked by other code: True",
    "discovery": "diag(W_l W_lᵀ) − diag(F_lᵀ F_l)",
    "pytorch_training": "does not fall",
}


def run(name, *options):
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parent), "PYTHONIOENCODING": "utf-8"}
    words = [sys.executable, FOLDER / f"{name}.py", *options]
    found = subprocess.run(
        words, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=PATIENCE, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_every_example_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_an_example(name):
    said = run(name)
    if said.startswith("skipped: "):
        pytest.skip(said.removeprefix("skipped: ").strip())
    assert SAID[name] in said
    assert max(map(len, said.splitlines())) < 300, "readable output"


@pytest.mark.parametrize("name", SAID)
def test_it_says_what_a_reader_learns(name):
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
    assert f"python examples/{name}.py" in text
    assert "reader learns" in text


def test_the_derivation_is_a_document(tmp_path):
    run("new_rule", "--tex", str(tmp_path / "mixed.tex"))
    text = (tmp_path / "mixed.tex").read_text(encoding="utf-8")
    assert text.startswith("\\documentclass{article}\n")
    assert "\\why{product rule}" in text
    assert text.endswith("\\end{document}\n")
