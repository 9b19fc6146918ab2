"""How fast all laws of degree ≤ 2 are found, certified and counted: exact, beside one null space in floating point.

`python benchmarks/discovery.py [--quick]` prints the table and writes benchmarks/discovery.json. The peer is NumPy's
float64 SVD of the same sample matrix, which finds a null space up to rounding and certifies nothing. Both run in turn,
in one process; medians are reported. Peak memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import faverify as fv
from faverify.cli import Asked, every_law
from faverify.discovery.fields import setting_of
from faverify.discovery.kernels import monomials, sampled
from faverify.discovery.residues import modulus
from faverify.discovery.search import discover

RULE = fv.rules.FeedbackAlignment()


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def sample_matrix(widths: tuple[int, ...]) -> np.ndarray:
    """The matrix whose null space the laws are, with residues scaled to [0, 1)."""
    setting, p = setting_of(RULE, fv.MLP(widths), None, 0), modulus()
    return sampled(setting, monomials(len(setting.variables), 2), p, False) / p


def side_by_side(widths: tuple[int, ...], repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of discovery, and of the SVD of the same matrix, in turn."""
    matrix, ours, peer = sample_matrix(widths), [], []
    for _ in range(repeats):
        ours.append(seconds(lambda: discover(RULE, fv.MLP(widths))))
        peer.append(seconds(lambda: np.linalg.svd(matrix)))
    return ours, peer


def audit_seconds(name: str) -> float:
    """`faverify check NAME` beyond imports: every law of the library, the rule's own, and those not listed."""
    asked = Asked(widths=None, network=None, activation=None, bias=False, layer=None, assume=(), budget=60,
                  time_limit=0, as_json=False)  # fmt: skip

    def once() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            every_law(fv.rule_named(name), asked)

    once()
    return statistics.median(seconds(once) for _ in range(3))


def peak_kilobytes() -> int:
    """The peak of this process alone: on Linux ru_maxrss would remember the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def plot(rows: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3.5))
    axes.loglog([row["parameters"] for row in rows], [row["seconds"] for row in rows], "o-")
    axes.set_xlabel("moving parameters")
    axes.set_ylabel("seconds, degree ≤ 2")
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes only, for a smoke test")
    parser.add_argument("--memory", help="discover on these widths, print the peak memory and stop")
    options = parser.parse_args()
    quick = options.quick
    if options.memory:
        start = time.perf_counter()
        found = discover(RULE, fv.MLP(tuple(map(int, options.memory.split(",")))))
        assert found.complete
        print(json.dumps({"kilobytes": peak_kilobytes(), "seconds": time.perf_counter() - start}))
        return
    record: dict[str, object] = {}

    def report(name: str, value: object, text: str, target: str = "") -> None:
        record[name] = value
        print(f"{name:<66} {text:<34} {target}", flush=True)

    widths = (3, 3, 3, 1)
    side_by_side((2, 2, 1), 1)  # imports
    ours, peer = side_by_side(widths, 3 if quick else 15)
    report(f"discovery, {widths} ReLU FA, seconds", statistics.median(ours), _spread(ours))
    report("float64 SVD of the same matrix, seconds", statistics.median(peer), _spread(peer))
    ratio = statistics.median(ours) / statistics.median(peer)
    report("ratio: discovery / SVD", ratio, f"{ratio:.1f} ×", "≤ 50")

    for activation in ("relu", "linear"):
        for sizes in ((2, 2, 1), (2, 2, 2), (2, 3, 2), (2, 2, 2, 1)):
            found = discover(RULE, fv.MLP(sizes, activation))
            bound = found.parameters - found.lie_rank
            text = f"{found.independent} independent, at most {bound}"
            report(f"laws of FA, {sizes} {activation}", [len(found.laws), found.independent, bound], text)
    everywhere = statistics.median(seconds(lambda: discover(RULE)) for _ in range(5))
    report("all widths and depths, seconds", everywhere, f"{everywhere * 1e3:.0f} ms")

    audits = {name: audit_seconds(name) for name in fv.rules.LIBRARY if name != "inverse-feedback"}
    slowest = max(audits, key=audits.__getitem__)
    text = f"{audits[slowest]:.2f} s ({slowest})"
    report("the whole library, its own law and discovery for one rule, at most", audits, text, "≤ 1 s")

    large = (4, 4, 1) if quick else (8, 8, 1)
    code = [sys.executable, __file__, "--memory", ",".join(map(str, large))]
    found = json.loads(subprocess.run(code, check=True, capture_output=True, text=True).stdout)
    gigabytes = found["kilobytes"] / 1024**2
    report(f"peak memory of a process, {large}, GB", gigabytes, f"{gigabytes:.2f} GB", "≤ 4")
    report(f"discovery in that process, {large}, seconds", found["seconds"], f"{found['seconds']:.1f} s")

    rows = []
    networks = [(2, 2, 1), (3, 3, 1), (3, 3, 3, 1), (4, 4, 4, 1), (6, 6, 1), (5, 5, 5, 1), (8, 8, 1)]
    for sizes in networks[:3] if quick else networks:
        found = discover(RULE, fv.MLP(sizes))
        time_ = statistics.median(seconds(lambda s=sizes: discover(RULE, fv.MLP(s))) for _ in range(3))
        row = {"widths": list(sizes), "parameters": found.parameters, "laws": len(found.laws), "seconds": time_}
        row["candidates"] = len(monomials(found.parameters, 2))
        rows.append(row)
        text = f"{time_:.2f} s"
        report(f"growth: {sizes}, {found.parameters} parameters, {row['candidates']} candidates", time_, text)
    record["growth"] = rows

    if not quick:
        if importlib.util.find_spec("matplotlib") is not None:
            plot(rows, Path(__file__).with_suffix(".svg"))
        versions = {name: importlib.metadata.version(name) for name in ("python-flint", "numpy")}
        record["versions"] = versions | {"python": platform.python_version()}
        Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _spread(times: list[float]) -> str:
    return f"{statistics.median(times) * 1e3:.0f} ms ({min(times) * 1e3:.0f}–{max(times) * 1e3:.0f})"


if __name__ == "__main__":
    main()
