"""All benchmarks, one after the other; and a table of what they found.

python benchmarks/run.py                     # some 40 minutes; extras "bench" and "test"; PyTorch and Coq if installed
python benchmarks/run.py identities peers    # some of them
python benchmarks/run.py --quick             # each with small sizes, to see that it runs; writes nothing
python benchmarks/run.py --table             # only the table, benchmarks/README.md, from the data at hand

A benchmark whose library is not installed is named with the reason, and its data stay as they were.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parent
NEEDS = {
    "identities": (), "peers": ("symengine",), "discovery": ("matplotlib",), "networks": (), "training": ("torch",),
    "flows": ("heyoka", "scipy", "matplotlib"), "random_flows": (), "alignment_matrices": (), "order_parameters": (),
    "derivations": (), "certificates": ("coqc",),
}  # fmt: skip


def missing(name: str) -> list[str]:
    """What a benchmark needs that is not here: libraries, and the command coqc."""
    return [n for n in NEEDS[name] if not (shutil.which(n) if n == "coqc" else importlib.util.find_spec(n))]


def ratio(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value)


def peer_ratio(data: Any, way: str, widths: list[int]) -> float:
    """How many times the peer's time is that of `fv.check` for all widths."""
    seconds = {row["way"]: row["seconds"] for row in data["rows"] if row["widths"] == widths}
    return float(seconds[way] / seconds["fv.check, all widths"])


def flow(data: Any, peer: str, key: str, worst: Callable[..., Any]) -> float:
    return float(worst(row[key] for row in data[peer]))


ROWS: list[tuple[str, str, str, Callable[[Any], float], str]] = [
    ("identities", "SymPy's matrices, (5, 5, 5, 5, 1), beside words for all widths", "≥ 5,000 ×",
     lambda d: ratio(d["ratio: SymPy (5, 5, 5, 5, 1) × 4 / words"]), " ×"),
    ("identities", "importing SymPy beside a whole process that proves and derives", "", lambda d: 1 / ratio(
        d["ratio: faverify with proof and derivation / import sympy"]), " ×"),
    ("peers", "python-flint by hand, (8, 8, 8, 8, 1), beside fv.check for all widths", "",
     lambda d: peer_ratio(d, "python-flint", [8, 8, 8, 8, 1]), " ×"),
    ("peers", "symengine, the same", "", lambda d: peer_ratio(d, "symengine", [8, 8, 8, 8, 1]), " ×"),
    ("peers", "SymPy, the same", "", lambda d: peer_ratio(d, "SymPy", [8, 8, 8, 8, 1]), " ×"),
    ("discovery", "discovery beside a float64 SVD of the same matrix", "≤ 50 ×",
     lambda d: ratio(d["ratio: discovery / SVD"]), " ×"),
    ("networks", "100 residual blocks beside one", "≤ 10 ×",
     lambda d: ratio(d["ratio: Residual, 100 blocks / 1 block"]), " ×"),
    ("flows", "ours beside heyoka, the worst case", "≤ 3 ×", lambda d: flow(d, "heyoka", "ratio", max), " ×"),
    ("flows", "ours beside heyoka, the best case", "", lambda d: flow(d, "heyoka", "ratio", min), " ×"),
    ("order_parameters", "training with N = 1,000 beside the equations, t = 1,000", "≥ 100 ×",
     lambda d: ratio(d["ratio: training / equations"]), " ×"),
    ("derivations", "derivations within 50 ms beyond their proof", "all",
     lambda d: 100 * d["within"] / d["derivations"], " %"),
    ("certificates", "Theorem 1 for all widths, accepted by Coq", "≤ 10 s", lambda d: float(d[0]["seconds"]), " s"),
    ("certificates", "widths (5, 5, 5, 5, 3), accepted by Coq", "< 96 s", lambda d: float(d[2]["seconds"]), " s"),
]  # fmt: skip


def table() -> str:
    """What the data say, as Markdown."""
    lines = ["# Benchmarks", "", "Made by `python benchmarks/run.py --table` from the data beside it, which have",
             "the versions. Ratios are medians of runs side by side.", "", "| benchmark | what | found | target |",
             "|---|---|---:|---|"]  # fmt: skip
    for name, what, target, found, unit in ROWS:
        data = json.loads((PLACE / f"{name}.json").read_text(encoding="utf-8"))
        lines.append(f"| `{name}.py` | {what} | {shown(found(data))}{unit} | {target} |")
    return "\n".join([*lines, ""])


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(NEEDS)}; all if left out")
    parser.add_argument("--table", action="store_true", help="only write benchmarks/README.md")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that each runs; writes nothing")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in NEEDS]:
        parser.error(f"no benchmark is called {unknown[0]!r}: there are {', '.join(NEEDS)}")
    failed = []
    for name in [] if asked.table else asked.names or NEEDS:
        if lacks := missing(name):
            print(f"{name}: not run, {', '.join(lacks)} is not installed")
            continue
        start = time.perf_counter()
        words = [sys.executable, str(PLACE / f"{name}.py"), *["--quick"] * asked.quick]
        code = subprocess.run(words, check=False).returncode
        failed += [name] if code else []
        print(f"{name}: {'failed' if code else 'done'} after {time.perf_counter() - start:.0f} s")
    if not asked.quick:
        (PLACE / "README.md").write_text(table(), encoding="utf-8")
        print(table())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
