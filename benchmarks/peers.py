"""Theorem 1 at given widths, settled by peers: the same sum, expanded by each library, in one run and in turn.

python benchmarks/peers.py                   # writes benchmarks/peers.json; symengine is in the extra "bench"

The peers' code is written once over NumPy arrays of objects: forward pass, backward pass, update, product rule. Each
expands dQ_l/dt of every layer and must find 0. Ours are `fv.check`, with guards and verdict, for these widths and for
all of them. Medians of processor seconds, and the spread of the ratios to `fv.check` at these widths.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sympy

import faverify as fv

LAW, RULE = fv.laws.feedback_balance, fv.rules.FeedbackAlignment()
SIZES = [((3, 3, 3, 1), 2), ((5, 5, 5, 5, 1), 4), ((8, 8, 8, 8, 1), 4)]
PATIENCE = 30.0  # seconds: a peer that took longer is not asked for the next size


def rates(widths: tuple[int, ...], samples: int, letters: Callable[[str, int, int], Any]) -> list[Any]:
    """dQ_l/dt of every hidden layer, not yet expanded; `letters` makes an array of indeterminates."""
    depth = len(widths) - 1
    W = {k: letters(f"W{k}", widths[k], widths[k - 1]) for k in range(1, depth + 1)}
    B = {k: letters(f"B{k}", widths[k], widths[k - 1]) for k in range(2, depth + 1)}
    gates = {k: letters(f"g{k}", widths[k], samples) for k in range(1, depth)}
    a, delta = {0: letters("x", widths[0], samples)}, {depth: letters("e", widths[-1], samples)}
    for k in range(1, depth):
        a[k] = gates[k] * (W[k] @ a[k - 1])
    for k in range(depth - 1, 0, -1):
        delta[k] = gates[k] * (B[k + 1].T @ delta[k + 1])
    V = {k: -(delta[k] @ a[k - 1].T) for k in range(1, depth + 1)}
    return [(W[k] * V[k]).sum() - (V[k + 1] * B[k + 1]).sum() for k in range(1, depth)]


def names(prefix: str, rows: int, cols: int) -> list[list[str]]:
    return [[f"{prefix}_{i}_{j}" for j in range(cols)] for i in range(rows)]


def filled(rows: list[list[Any]]) -> Any:
    """An array of objects, whatever NumPy would see in them."""
    found = np.empty((len(rows), len(rows[0])), dtype=object)
    for place in np.ndindex(found.shape):
        found[place] = rows[place[0]][place[1]]
    return found


def by_symbols(module: str) -> Callable[[tuple[int, ...], int], list[Any]]:
    """SymPy or symengine."""
    library = importlib.import_module(module)

    def letters(prefix: str, rows: int, cols: int) -> Any:
        return filled([[library.Symbol(n) for n in row] for row in names(prefix, rows, cols)])

    return lambda widths, samples: [library.expand(rate) for rate in rates(widths, samples, letters)]


def by_flint(widths: tuple[int, ...], samples: int) -> list[Any]:
    """python-flint's polynomials, which expand as they go."""
    from flint import fmpq_mpoly_ctx

    found: list[str] = []

    def collected(prefix: str, rows: int, cols: int) -> Any:
        found.extend(n for row in names(prefix, rows, cols) for n in row)
        return np.zeros((rows, cols), dtype=object)

    rates(widths, samples, collected)
    variables = dict(zip(found, fmpq_mpoly_ctx.get(tuple(found), "degrevlex").gens(), strict=True))

    def letters(prefix: str, rows: int, cols: int) -> Any:
        return filled([[variables[n] for n in row] for row in names(prefix, rows, cols)])

    return rates(widths, samples, letters)


def ours(net: Any) -> Callable[[tuple[int, ...], int], list[Any]]:
    def check(widths: tuple[int, ...], samples: int) -> list[Any]:
        verdict = fv.check(LAW, RULE, net(widths) if net else None)
        return [] if isinstance(verdict, fv.Proved) else [verdict]

    return check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the smallest size, once; writes nothing")
    asked = parser.parse_args()
    repeats, sizes = (1, SIZES[:1]) if asked.quick else (asked.repeats, SIZES)
    ways = {"fv.check, these widths": ours(fv.MLP), "fv.check, all widths": ours(None), "python-flint": by_flint,
            "symengine": by_symbols("symengine"), "SymPy": by_symbols("sympy")}  # fmt: skip
    rows, slow = [], set()
    for widths, samples in sizes:
        times: dict[str, list[float]] = {name: [] for name in ways if name not in slow}
        for _ in range(repeats):
            for name, seconds in times.items():
                sympy.core.cache.clear_cache()  # else SymPy remembers its answer
                start = time.process_time()
                left = ways[name](widths, samples)
                seconds.append(time.process_time() - start)
                if any(rate != 0 for rate in left):
                    raise SystemExit(f"{name} does not find Theorem 1 at {widths}")
        base = times["fv.check, these widths"]
        for name, seconds in times.items():
            ratios = sorted(one / two for one, two in zip(seconds, base, strict=True))
            median = statistics.median(seconds)
            slow |= {name} if median > PATIENCE else set()
            row = {"widths": widths, "samples": samples, "way": name, "seconds": median,
                   "ratio": statistics.median(ratios), "spread": [ratios[0], ratios[-1]]}  # fmt: skip
            rows.append(row)
            print(f"{widths!s:<18} × {samples}  {name:<24}{median:10.4f} s   {row['ratio']:9.1f} ×")
    if asked.quick:
        return
    versions = {n: importlib.metadata.version(n) for n in ("sympy", "symengine", "python-flint", "numpy")}
    record = {"rows": rows, "versions": versions | {"python": platform.python_version()}}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
