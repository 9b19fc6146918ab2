"""How fast Theorem 1 is settled: each path beside its peer in one run, as ratios.

`python benchmarks/identities.py [--quick]` prints the table and writes benchmarks/identities.json. Paths: words (all
widths and depths), polynomials by python-flint, `sympy.Matrix` with gate symbols and `expand` (the peer, written out
below with no engine of ours). Cold starts are whole processes, interleaved; medians and the spread are reported.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import sympy

import faverify as fv
from faverify.kernel.cuts import prove_everywhere, residuals
from faverify.kernel.questions import Question

PLAIN = ["-q", "--co", "-c", "/dev/null", "-p", "no:cacheprovider", "benchmarks"]
LAW, RULE = fv.laws.feedback_balance, fv.rules.FeedbackAlignment()


def entries(name: str, rows: int, cols: int) -> sympy.Matrix:
    return sympy.Matrix(rows, cols, lambda i, j: sympy.Symbol(f"{name}_{i}_{j}"))


def peer(widths: tuple[int, ...], samples: int) -> list[sympy.Expr]:
    """dQ_l/dt by `sympy.Matrix` and `expand`, gates as symbols."""
    depth = len(widths) - 1
    W = {k: entries(f"W{k}", widths[k], widths[k - 1]) for k in range(1, depth + 1)}
    B = {k: entries(f"B{k}", widths[k], widths[k - 1]) for k in range(2, depth + 1)}
    gate = {k: entries(f"g{k}", widths[k], samples) for k in range(1, depth)}
    a = {0: entries("x", widths[0], samples)}
    for k in range(1, depth):
        a[k] = (W[k] * a[k - 1]).multiply_elementwise(gate[k])
    delta = {depth: entries("e", widths[-1], samples)}
    for k in range(depth - 1, 0, -1):
        delta[k] = (B[k + 1].T * delta[k + 1]).multiply_elementwise(gate[k])
    V = {k: -delta[k] * a[k - 1].T for k in range(1, depth + 1)}
    pairs = [(W[k], V[k], V[k + 1], B[k + 1]) for k in range(1, depth)]
    return [sympy.expand(sum(w.multiply_elementwise(v)) - sum(u.multiply_elementwise(b))) for w, v, u, b in pairs]


def timed(run, repeats: int = 5) -> tuple[float, float, float]:
    """Median, least and greatest of the times of some runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times), min(times), max(times)


def cold(pairs: int) -> dict[str, list[float]]:
    """Whole processes, interleaved: SymPy's import alone, and our import with a proof and its derivation."""
    codes = {
        "import sympy": "import sympy",
        "faverify": (
            "import faverify as fv; v = fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment());"
            "assert v.kind == 'proved'; v.derivation.text()"
        ),
        "pytest without the plugin": f"import pytest; pytest.main({[*PLAIN, '-p', 'no:faverify']})",
        "pytest with the plugin": f"import pytest; pytest.main({PLAIN})",
    }
    found: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(pairs):
        for name, code in codes.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            found[name].append(time.perf_counter() - start)
    return found


def peak_kilobytes() -> int:
    """The peak of this process alone: on Linux ru_maxrss would remember the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes only, for a smoke test")
    parser.add_argument("--memory", help="print the peak memory of one path and stop")
    parser.add_argument("--widths", default="3,3,1")
    options = parser.parse_args()
    quick = options.quick
    if options.memory:
        sizes = tuple(map(int, options.widths.split(",")))
        {
            "nothing": lambda: None,
            "words": lambda: fv.prove(LAW, RULE, fv.MLP(sizes)),
            "polynomials": lambda: fv.derivative(LAW, RULE, fv.MLP(sizes), samples=4),
            "peer": lambda: peer(sizes, 4),
        }[options.memory]()
        print(peak_kilobytes())
        return
    rows: list[tuple[str, str, str]] = []
    record: dict[str, object] = {}

    def report(name: str, value: object, text: str, target: str = "") -> None:
        record[name] = value
        rows.append((name, text, target))
        print(f"{name:<66} {text:<34} {target}", flush=True)

    question = Question(LAW, RULE, fv.homogeneous())
    middle = (3, 3, 1) if quick else (5, 5, 5, 5, 1)
    large = (3, 3, 3, 1) if quick else (8, 8, 8, 8, 1)
    slows, fasts, checks = [], [], []
    for _ in range(1 if quick else 5):  # in turn, since a machine is not equally fast all the time
        fasts.append(timed(lambda: prove_everywhere(question, False), 100)[0])
        checks.append(timed(lambda: fv.prove(LAW, RULE), 100)[0])
        sympy.core.cache.clear_cache()
        start = time.perf_counter()
        assert peer(middle, 4) == [0] * (len(middle) - 2)
        slows.append(time.perf_counter() - start)
    slow, words, check = (statistics.median(times) for times in (slows, fasts, checks))
    report("words, all widths and depths, seconds", words, f"{words * 1e3:.2f} ms")
    report(f"SymPy Matrix {middle} × 4, seconds", slow, f"{slow:.2f} s ({min(slows):.2f}–{max(slows):.2f})")
    report(f"ratio: SymPy {middle} × 4 / words", slow / words, f"{slow / words:,.0f} ×", "≥ 5,000")
    report("fv.prove: words, guards and verdict, seconds", check, f"{check * 1e3:.2f} ms")
    report(f"ratio: SymPy {middle} × 4 / fv.prove", slow / check, f"{slow / check:,.0f} ×")

    def whole(depth: int) -> float:
        net = fv.MLP((3,) * (depth + 1))
        question = Question(LAW, RULE, net.activation, net=net)
        start = time.perf_counter()
        assert all(word.is_zero() for word in residuals(question, net, range(depth - 1), False).values())
        return time.perf_counter() - start

    growth = {depth: statistics.median(whole(depth) for _ in range(3)) for depth in (10, 50, 100, 200)}
    for depth, seconds in growth.items():
        report(f"words, whole network, all laws at {depth} layers, seconds", seconds, f"{seconds * 1e3:.0f} ms")
    report("ratio: 200 layers / 50 layers", growth[200] / growth[50], f"{growth[200] / growth[50]:.1f} ×", "≤ 50")

    def polynomials(widths: tuple[int, ...], samples: int) -> float:
        start = time.perf_counter()
        assert set(fv.derivative(LAW, RULE, fv.MLP(widths), samples=samples).values()) == {0}
        return time.perf_counter() - start

    fast = statistics.median(polynomials(large, 4) for _ in range(3))
    report(f"polynomials {large} × 4, seconds", fast, f"{fast:.2f} s")
    start = time.perf_counter()
    assert peer(large, 4) == [0] * (len(large) - 2)
    slow = time.perf_counter() - start
    report(f"SymPy Matrix {large} × 4, seconds", slow, f"{slow:.1f} s")
    for name in ("nothing", "words", "polynomials", "peer"):
        code = [sys.executable, __file__, "--memory", name, "--widths", ",".join(map(str, large))]
        megabytes = int(subprocess.run(code, check=True, capture_output=True, text=True).stdout) / 1024
        report(f"peak memory of a process: {name}, MB", megabytes, f"{megabytes:.0f} MB")
    report(f"ratio: SymPy {large} × 4 / polynomials", slow / fast, f"{slow / fast:.0f} ×", "≥ 20")
    check = timed(lambda: fv.prove(LAW, RULE, fv.MLP(large)), 5)
    report(f"ratio: SymPy {large} × 4 / check at these widths", slow / check[0], f"{slow / check[0]:,.0f} ×", "≥ 20")

    for label, sizes in {
        "width": [((n, n, n, 1), 2) for n in (2, 4, 8, 16)],
        "depth": [((4,) * d + (1,), 2) for d in (2, 3, 4, 5)],
        "samples": [((5, 5, 5, 1), m) for m in (1, 4, 16, 64)],
    }.items():
        for widths, samples in sizes if not quick else sizes[:2]:
            seconds = polynomials(widths, samples)
            report(
                f"growth with {label}: polynomials {widths} × {samples}, seconds", seconds, f"{seconds * 1e3:.1f} ms"
            )

    pairs = 3 if quick else 15
    found = cold(pairs)
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, times in found.items():
        report(f"cold: {name}, seconds", medians[name], f"{medians[name]:.3f} s ({min(times):.3f}–{max(times):.3f})")
    ratio = medians["faverify"] / medians["import sympy"]
    report("ratio: faverify with proof and derivation / import sympy", ratio, f"{ratio:.2f} ×", "≤ 1.5")
    with_plugin, without = found["pytest with the plugin"], found["pytest without the plugin"]
    gap = statistics.median(a - b for a, b in zip(with_plugin, without, strict=True))
    report(
        "plugin on a run without proofs, seconds",
        gap,
        f"{gap * 1e3:+.0f} ms of {medians['pytest with the plugin']:.2f} s",
        "≈ 0",
    )

    if not quick:
        versions = {name: importlib.metadata.version(name) for name in ("sympy", "python-flint", "numpy")}
        record["versions"] = versions | {"python": platform.python_version()}
        Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
