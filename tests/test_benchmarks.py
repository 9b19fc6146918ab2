"""The table of benchmarks says what their data say, and every benchmark is in it or in the command that runs all."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RUN = runpy.run_path(str(BENCHMARKS / "run.py"))


def test_the_table_is_that_of_the_data():
    assert (BENCHMARKS / "README.md").read_text(encoding="utf-8") == RUN["table"]()


def test_every_benchmark_is_run():
    assert {path.stem for path in BENCHMARKS.glob("*.py")} - {"run"} == set(RUN["NEEDS"])


@pytest.mark.parametrize("name", RUN["NEEDS"])
def test_each_runs_with_small_sizes(name):
    if lacks := RUN["missing"](name):
        pytest.skip(f"{', '.join(lacks)} is not installed: the extra bench has the peers")
    kept = {file: file.read_bytes() for file in BENCHMARKS.iterdir() if file.is_file()}
    words = [sys.executable, str(BENCHMARKS / f"{name}.py"), "--quick"]
    run = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert run.returncode == 0, run.stderr
    assert {file: file.read_bytes() for file in BENCHMARKS.iterdir() if file.is_file()} == kept
