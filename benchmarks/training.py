"""What training in PyTorch makes of the laws of residual networks and convolutions, at η, η/2, η/4 and η/8.

`python benchmarks/training.py [--quick]` prints the table and writes benchmarks/training.json. Feedback alignment, full
batch, squared loss, over one stretch of time; drift is max |Q − Q_0|. A first integral of the flow has ratios near 2
and Q_N − Q_0 = ½ Σ ‖ΔW‖² up to rounding (gap, as a part of the drift); a law that fails has ratios near 1, and so have
the mutants: B of another block, taps reversed, the gate dropped on the way back (the trunk of two-matrix blocks does
not see that: φ stands inside of them). In float32 an outcome is inconclusive where all roundings, added at worst, would
exceed the drift; the ratios are then what is left to read.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

from faverify.experiments import torch_networks as tn


def cases(seed: int):
    """By name: a network, its laws, and what is changed in its training."""
    trunk = tn.residual_example(2, seed)
    one = tn.residual_example(2, seed, one_matrix=True)
    conv = tn.convolution_example(seed)
    laws, ones = tn.residual_laws(2, trunk.feedback), tn.one_matrix_laws(2, one.feedback)
    kernels = tn.convolution_laws(3, conv.feedback)
    back = trunk.feedback
    other = back | {"W1": back["W2"], "W2": back["W1"]}
    turned = {name: b[:, :, ::-1].copy() for name, b in conv.feedback.items()}
    inside = {name: law for name, law in laws.items() if name in ("trunk", "inside 1")}
    return {
        "residual": (trunk, laws, {}),
        "residual, B of another block": (trunk, {"trunk": laws["trunk"]}, {"feedback": other}),
        "residual, no gate": (trunk, inside, {"phi": tn.ungated}),
        "one-matrix residual": (one, ones, {}),
        "one-matrix residual, no gate": (one, ones, {"phi": tn.ungated}),
        "convolution": (conv, kernels, {}),
        "convolution, no gate": (conv, kernels, {"phi": tn.ungated}),
        "convolution, taps reversed": (conv, kernels, {"feedback": turned}),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one seed and float64 only, for a smoke test")
    options = parser.parse_args()
    runs = [(0, "float64")] if options.quick else [(seed, p) for p in tn.PRECISIONS for seed in (0, 1, 2)]
    record: dict[str, object] = {"eta": 0.02, "time": 2.0}
    for seed, precision in runs:
        print(f"\nseed {seed}, {precision}: drift at η = 1/50, 1/100, 1/200, 1/400 over time 2")
        for name, (net, laws, changes) in cases(seed).items():
            found = net.halve(laws, eta=0.02, time=2.0, precision=precision, **changes)
            start, end = found.runs[-1].losses
            for law in laws:
                drift, ratios, gaps = found.drift(law), found.ratios(law), found.gaps(law)
                row = {"outcome": drift.outcome, "drifts": drift.drifts, "ratios": ratios, "gaps": gaps}
                row |= {"losses": (start, end), "moved": found.runs[-1].moved}
                record[f"{name}: {law}, seed {seed}, {precision}"] = row
                sizes = " ".join(f"{value:8.2e}" for value in drift.drifts)
                shown = " ".join(f"{value:5.3f}" for value in ratios)
                print(f"{f'{name}: {law}':<40} {sizes}  {shown}  gap {max(gaps):7.1e}  {drift.outcome}", flush=True)
    if not options.quick:
        record["versions"] = {"torch": tn.torch_module().__version__, "python": platform.python_version()}
        Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
