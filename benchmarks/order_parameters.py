"""The equations of order parameters beside the training that they are the limit of; the two criteria.

`python benchmarks/order_parameters.py [--quick]` prints the table and writes benchmarks/order_parameters.json. The peer
is our own simulation at N = 1,000, a sample a step, which does 32 steps' inner products in one matrix product; a plain
loop, as one would write it down, is timed as well. Both run in turn, in one process, BLAS in one thread; the criteria
are those that the modules state, on seeds that they were not chosen with.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import faverify as fv
from faverify.experiments.online_posters import Aligned, Noiseless, Swapped
from faverify.experiments.online_training import gaps
from faverify.experiments.order_parameters import Equations

START = fv.TeacherStudent(
    eta=0.5, v=[0.6, 0.3], F=[1, -0.7], Q=[[0.5, 0.1], [0.1, 0.4]], R=[[0.4, 0.1], [-0.1, -0.3]], v_star=[1.2, 0.8],
    T=[[1, 0.2], [0.2, 0.8]],
)  # fmt: skip


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def plain_loop(steps: int, N: int) -> None:
    """Training as one would write it down."""
    rng, v = np.random.default_rng(0), START.v.copy()
    W, teacher = rng.standard_normal((2, N)), rng.standard_normal((2, N))
    for _ in range(steps):
        x = rng.standard_normal(N)
        h, above = W @ x / math.sqrt(N), teacher @ x / math.sqrt(N)
        phi = np.array([math.erf(a / math.sqrt(2)) for a in h])
        e = v @ phi - START.v_star @ np.array([math.erf(a / math.sqrt(2)) for a in above])
        W -= 0.5 / math.sqrt(N) * np.outer(START.F * math.sqrt(2 / math.pi) * np.exp(-h * h / 2) * e, x)
        v -= 0.5 / N * phi * e


def summary(found: Any) -> dict[str, Any]:
    """The fractions, and the least, the median and the largest over runs of what they rest on."""
    names = ("peak", "peak_time", "peak_ratio", "last", "last_ratio")
    spread = {name: np.percentile(getattr(found, name), [0, 50, 100]).tolist() for name in names}
    return {"fraction": found.fraction, "as stated": float(found.as_stated.mean())} | spread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a part of the training, fewer seeds; writes nothing")
    quick = parser.parse_args().quick
    record: dict[str, Any] = {}

    def report(name: str, value: object, text: str, target: str = "") -> None:
        record[name] = value
        print(f"{name:<66} {text:<34} {target}", flush=True)

    N, end = 1000, 20 if quick else 1000
    fv.order_parameters(START, 1)  # imports
    ours, peer = [], []
    for _ in range(1 if quick else 3):
        ours += [seconds(lambda: fv.order_parameters(START, 1000)) for _ in range(3)]
        peer.append(seconds(lambda: fv.simulate(START, N, end)) * 1000 / end)
    ratio = statistics.median(peer) / statistics.median(ours)
    report(
        "equations to t = 1,000, seconds", ours, f"{statistics.median(ours):.3f} s ({min(ours):.3f}–{max(ours):.3f})"
    )
    text = f"{statistics.median(peer):.1f} s ({min(peer):.1f}–{max(peer):.1f}){', of t = 20' if quick else ''}"
    report("training with N = 1,000 to t = 1,000, seconds", peer, text)
    report("ratio: training / equations", ratio, f"{ratio:.0f} ×", "≥ 100")
    loop = seconds(lambda: plain_loop(5000, N)) * 200
    report("the same by a plain loop, seconds, of 5,000 steps", loop, f"{loop:.1f} s")

    inputs, seeds = ((64, 256, 1024), range(8)) if quick else ((100, 400, 1600), range(20))
    times = np.arange(6.0)
    runs = [fv.simulate(START, n, times, seeds=seeds) for n in inputs]
    for equations in (Equations, Aligned, Noiseless, Swapped):
        theory = fv.order_parameters(START, times, rtol=1e-8, atol=1e-11, equations=equations)
        found = gaps(theory, runs, seeds)
        name = "equations" if equations is Equations else f"mutant {equations.__doc__}"
        text = ", ".join(f"{gap:.4f}" for gap in found.gaps)
        target = "exponent −½" if equations is Equations else "must not fall"
        report(f"gap at N = {inputs}, {name}", found.to_dict(), text, f"N^{found.exponent:.2f}; {target}")

    seeds = range(100, 103) if quick else range(100, 140)
    for rule in ("dfa", "bp"):
        chosen = fv.sign_selection(rule, seeds=seeds)
        worst = ", ".join(f"{share:.2f}" for share in chosen.shares)
        ends = {"patterns": chosen.patterns.tolist(), "shares": chosen.shares.tolist(), "seeds": list(seeds),
                "learned": chosen.learned.mean(axis=1).tolist(), "selects": chosen.selects}  # fmt: skip
        report(f"sign v = sign F by pattern, {rule}, scale 0.01", ends, worst, f"selects: {chosen.selects}")
    for scale in (0.001, 0.01, 0.1, 0.5):
        two = fv.two_phases(scale=scale, seeds=seeds)
        text = f"DFA {two.dfa.fraction:.2f}, BP {two.null.fraction:.2f}"
        numbers = {"dfa": summary(two.dfa), "null": summary(two.null), "seeds": list(seeds)}
        report(f"align, then memorise: runs that do, scale {scale:g}", numbers, text)

    if not quick:
        versions = {name: importlib.metadata.version(name) for name in ("python-flint", "numpy")}
        record["versions"] = versions | {"python": platform.python_version()}
        text = json.dumps(_rounded(record), indent=1) + "\n"
        Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Six digits: what the integrator stands behind."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
