"""Alignment matrices beside full training of a deep linear network, by hidden width, in one run.

    python benchmarks/alignment_matrices.py [--quick]

DFA from zero, depth 3, 10 inputs, 5 outputs, 20 samples, 200 steps in float64. The width enters the Gram matrices
F_lF_lᵀ alone, which are made once; their time is told apart. Writes benchmarks/alignment_matrices.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from faverify.experiments.alignment_matrices import recursion

INPUTS, OUTPUTS, SAMPLES, STEPS, ETA = 10, 5, 20, 200, 0.002


def training(feedback, x, y):
    """The same steps with the weights written out."""
    first, second = feedback
    w1, w2, w3 = (
        np.zeros((first.shape[1], len(x))),
        np.zeros((second.shape[1], first.shape[1])),
        np.zeros((len(y), second.shape[1])),
    )
    for _ in range(STEPS):
        a1 = w1 @ x
        a2 = w2 @ a1
        e = w3 @ a2 - y
        w1, w2, w3 = w1 - ETA * (first.T @ e) @ x.T, w2 - ETA * (second.T @ e) @ a1.T, w3 - ETA * e @ a2.T
    return w3 @ w2 @ w1


def timed(function, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        found = function()
        times.append(time.perf_counter() - start)
    return statistics.median(times), found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    draw, rows = np.random.default_rng(0), []
    x, y = draw.standard_normal((INPUTS, SAMPLES)), draw.standard_normal((OUTPUTS, SAMPLES))
    for width in (10, 100, 1000) if quick else (10, 100, 1000, 3000, 10000):
        feedback = [draw.standard_normal((OUTPUTS, width)) / width**0.5 for _ in range(2)]
        runs = 5 if width < 1000 else 1
        grams, _ = timed(lambda feedback=feedback: [f @ f.T for f in feedback], runs)
        ours, found = timed(lambda feedback=feedback: recursion(feedback, x, y, ETA, STEPS), runs)
        theirs, full = timed(lambda feedback=feedback: training(feedback, x, y), runs if width < 3000 else 1)
        a, product = found.states[-1], x
        for matrix, gram in zip(a, found.grams, strict=True):
            product = matrix @ (product if gram is None else gram @ product)
        gap = float(np.abs(product - full @ x).max())
        rows.append({"width": width, "recursion": ours, "of which grams": grams, "training": theirs, "gap": gap})
        print(f"width {width:6}: recursion {ours:.4f} s (grams {grams:.5f} s), training {theirs:.3f} s, "
              f"{theirs / ours:,.0f} × ; outputs differ by {gap:.1e}")  # fmt: skip
    if not quick:
        Path(__file__).with_suffix(".json").write_text(json.dumps({"steps": STEPS, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
