"""The table of benchmarks says what their data say, and every benchmark is in it or in the command that runs all."""

from __future__ import annotations

import runpy
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RUN = runpy.run_path(str(BENCHMARKS / "run.py"))


def test_the_table_is_that_of_the_data():
    assert (BENCHMARKS / "README.md").read_text(encoding="utf-8") == RUN["table"]()


def test_every_benchmark_is_run():
    assert {path.stem for path in BENCHMARKS.glob("*.py")} - {"run"} == set(RUN["NEEDS"])
