"""The integrator beside its peers, in one run: heyoka (compiled), mpmath.odefun, SciPy's DOP853 in a loop.

    python benchmarks/flows.py [--runs 15] [--quick]

The same problem, the same achieved error, one thread each; heyoka's compilation is left out. Ratios are medians of
interleaved runs. heyoka and SciPy come with the extra `bench`; without one of them its rows are left out. Writes
benchmarks/flows.json, and flows.svg where matplotlib is installed: cost against digits, width, depth and samples.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import mpmath
import numpy as np

import faverify as fv

HERE = Path(__file__).parent
RULE = fv.rules.FeedbackAlignment()


def data_of(widths, samples, seed=5):
    """Weights, feedback, inputs and targets in multiples of 1/64, with entries of size 1/√n."""
    draw = np.random.default_rng(seed)

    def matrix(rows, cols, scale=1.0):
        return np.round(draw.standard_normal((rows, cols)) * scale * 64) / 64

    shapes = list(zip(widths[1:], widths, strict=False))
    weights = [matrix(n, m, m**-0.5) for n, m in shapes]
    back = [matrix(n, m, m**-0.5) for n, m in shapes[1:]]
    return weights, back, matrix(widths[0], samples), matrix(widths[-1], samples)


def problem_of(widths, data, activation="linear"):
    weights, back, x, y = data
    return fv.FlowProblem(fv.MLP(widths, activation), RULE, weights=weights, feedback=back, inputs=x, targets=y)


def flat(weights):
    return [v for w in weights for v in w.ravel()]


def timed(function):
    start = time.perf_counter()
    found = function()
    return time.perf_counter() - start, found


def heyoka_integrator(widths, data, digits):
    """θ̇ of feedback alignment in a linear network, compiled; returns a function that integrates to t."""
    import heyoka as hy

    bits = int(digits * 3.3219) + 16
    weights, back, x, y = data
    depth = len(weights)

    def number(v):
        return hy.expression(hy.real(float(v), bits))

    def expressions(matrix):
        return np.array([[number(v) for v in row] for row in matrix], dtype=object)

    def dot(a, b):
        found = np.empty((a.shape[0], b.shape[1]), dtype=object)
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                found[i, j] = hy.sum([a[i, k] * b[k, j] for k in range(a.shape[1])])
        return found

    names = [
        np.array([[hy.expression(f"w{k}_{i}_{j}") for j in range(w.shape[1])] for i in range(w.shape[0])], dtype=object)
        for k, w in enumerate(weights)
    ]
    below = [expressions(x)]
    for w in names:
        below.append(dot(w, below[-1]))
    delta = below[-1] - expressions(y)
    field, start = [], []
    for k in range(depth - 1, -1, -1):
        move = dot(delta, below[k].T)
        pairs = [(names[k][i, j], -move[i, j]) for i in range(move.shape[0]) for j in range(move.shape[1])]
        field, start = pairs + field, [hy.real(float(v), bits) for v in weights[k].ravel()] + start
        if k:
            delta = dot(expressions(back[k - 1].T), delta)
    tolerance = hy.real(f"1e-{digits}", bits)
    engine = hy.taylor_adaptive(
        field, np.array(start, dtype=object), fp_type=hy.real, prec=bits, compact_mode=True, tol=tolerance
    )
    origin = engine.state.copy()

    def run(t):
        engine.time = hy.real(0.0, bits)
        engine.state[:] = origin
        engine.propagate_until(hy.real(float(t), bits))
        return [str(v) for v in engine.state]

    return run


def error(found, exact, digits):
    with mpmath.workdps(digits + 20):
        return max(abs(mpmath.mpf(a) - b) for a, b in zip(found, exact, strict=True))


def beside_heyoka(widths, samples, digits, runs, t=1):
    """Both at the achieved error of the less exact one: ours is given the fewest digits that reach it."""
    data = data_of(widths, samples)
    problem = problem_of(widths, data)
    exact = flat(fv.integrate(problem, t, digits=digits + 15).weights(t))
    theirs = heyoka_integrator(widths, data, digits)
    reached = error(theirs(t), exact, digits)
    asked = max(20, digits - 4)
    while (
        error(flat(fv.integrate(problem, t, digits=asked).weights(t)), exact, digits) > reached and asked < digits + 6
    ):
        asked += 1
    ours = error(flat(fv.integrate(problem, t, digits=asked).weights(t)), exact, digits)
    times = [
        (timed(lambda: fv.integrate(problem, t, digits=asked))[0], timed(lambda: theirs(t))[0]) for _ in range(runs)
    ]
    ratios = sorted(a / b for a, b in times)
    row = {"widths": list(widths), "samples": samples, "digits": digits, "asked of ours": asked}
    row |= {"our error": mpmath.nstr(ours, 2), "their error": mpmath.nstr(reached, 2)}
    row |= {"ours": statistics.median(a for a, _ in times), "theirs": statistics.median(b for _, b in times)}
    row |= {"ratio": statistics.median(ratios), "spread": [ratios[0], ratios[-1]]}
    took = f"{row['ratio']:.2f} × its time ({row['ours']:.3f} s, {row['theirs']:.3f} s)"
    print(f"heyoka  {widths} × {samples}, {digits} digits: {took}")
    return row


def beside_odefun(runs, digits=50, t=Fraction(1, 4)):
    widths, samples = (3, 4, 1), 4
    data = data_of(widths, samples)
    problem = problem_of(widths, data)
    (w1, w2), (b2,), x, y = data

    def field(_, z):  # at whatever precision odefun asks for
        first, second = mpmath.matrix(4, 3), mpmath.matrix(1, 4)
        for k in range(12):
            first[k // 3, k % 3] = z[k]
        for k in range(4):
            second[0, k] = z[12 + k]
        a = first * mx
        e = second * a - my
        up, down = (mb.T * e) * mx.T, e * a.T
        return [-up[i, j] for i in range(4) for j in range(3)] + [-down[0, j] for j in range(4)]

    with mpmath.workdps(digits):
        mx, my, mb = (mpmath.matrix(m.tolist()) for m in (x, y, b2))
        start = [mpmath.mpf(v) for v in [*w1.ravel(), *w2.ravel()]]
        at = mpmath.mpf(t.numerator) / t.denominator
        theirs, found = timed(lambda: mpmath.odefun(field, 0, start)(at))
    ours = statistics.median(timed(lambda: fv.integrate(problem, t, digits=digits))[0] for _ in range(runs))
    gap = error(found, flat(fv.integrate(problem, t, digits=digits + 10).weights(t)), digits)
    took = f"{ours:.3f} s, {theirs:.2f} s; its error {mpmath.nstr(gap, 2)}"
    print(f"odefun  (3, 4, 1) × 4, {digits} digits: {theirs / ours:.0f} × faster ({took})")
    return {
        "digits": digits,
        "ours": ours,
        "theirs": theirs,
        "faster": theirs / ours,
        "their error": mpmath.nstr(gap, 2),
    }


def beside_dop853(activation, cases, looped, t=3.0):
    """1,000 cases at once; DOP853 at the tolerance that reaches our error, on some of them, in a loop."""
    from scipy.integrate import solve_ivp

    data = [data_of((3, 4, 1), 4, seed) for seed in range(cases)]
    problems = [problem_of((3, 4, 1), d, activation) for d in data]
    ours, batch = timed(lambda: fv.integrate_many(problems, t))
    functions = {"linear": (lambda h: h, np.ones_like), "tanh": (np.tanh, lambda h: 1 - np.tanh(h) ** 2)}
    functions["relu"] = (lambda h: np.maximum(h, 0), lambda h: (h > 0) * 1.0)
    phi, slope = functions[activation]

    def solved(d):
        (w1, w2), (b,), x, y = d

        def field(_, z):
            first, second = z[:12].reshape(4, 3), z[12:].reshape(1, 4)
            h = first @ x
            a = phi(h)
            e = second @ a - y
            return np.concatenate([-((slope(h) * (b.T @ e)) @ x.T).ravel(), -(e @ a.T).ravel()])

        return solve_ivp(
            field, (0, t), np.concatenate([w1.ravel(), w2.ravel()]), method="DOP853", rtol=3e-14, atol=1e-15
        ).y[:, -1]

    theirs, ends = timed(lambda: [solved(d) for d in data[:looped]])
    theirs *= cases / looped
    exact = [flat(fv.integrate(p, t, digits=25).weights(t)) for p in problems[:5]]
    errors = [
        max(
            float(abs(mpmath.mpf(a) - b))
            for a, b in zip(np.concatenate([w.ravel() for w in o.weights]), e, strict=True)
        )
        for o, e in zip(batch.outcomes, exact, strict=False)
    ]
    others = [
        max(float(abs(mpmath.mpf(a) - b)) for a, b in zip(z, e, strict=True)) for z, e in zip(ends, exact, strict=False)
    ]
    took = f"{ours:.2f} s, {theirs:.1f} s; errors {max(errors):.0e}, {max(others):.0e}"
    print(f"DOP853  {activation}, {cases} cases: {theirs / ours:.0f} × faster ({took})")
    return {
        "activation": activation,
        "ours": ours,
        "theirs": theirs,
        "faster": theirs / ours,
        "errors": [max(errors), max(others)],
    }


GROWTH = {
    "digits": [((3, 4, 1), 4, d) for d in (15, 20, 30, 50, 100, 200)],
    "width": [((n, n, 1), 8, 50) for n in (2, 4, 8, 16, 32)],
    "depth": [((4,) * depth + (1,), 4, 50) for depth in (2, 3, 4, 6, 8)],
    "samples": [((4, 6, 1), m, 50) for m in (1, 4, 16, 64)],
}


def growth():
    """Seconds a step, against one size at a time."""
    rows = {}
    for name, points in GROWTH.items():
        rows[name] = []
        for widths, samples, digits in points:
            problem = problem_of(widths, data_of(widths, samples))
            seconds, path = timed(lambda p=problem, d=digits: fv.integrate(p, "0.25", digits=d))
            value = {"digits": digits, "width": widths[0], "depth": len(widths) - 1, "samples": samples}[name]
            rows[name].append([value, seconds / path.steps])
        print(f"growth  {name}: " + ", ".join(f"{v}: {1000 * s:.1f} ms" for v, s in rows[name]))
    return rows


def plotted(rows):
    try:
        import matplotlib

        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        return
    figure, axes = pyplot.subplots(1, len(rows), figsize=(12, 3), sharey=True)
    for axis, (name, points) in zip(axes, rows.items(), strict=True):
        axis.loglog(*zip(*points, strict=True), "o-", color="black")
        axis.set_xlabel(name)
    axes[0].set_ylabel("seconds a step")
    figure.tight_layout()
    figure.savefig(HERE / "flows.svg")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="one size of each; writes nothing")
    asked = parser.parse_args()
    runs = 1 if asked.quick else asked.runs
    record = {"heyoka": [], "DOP853": []}
    sizes = [((3, 4, 1), 4), ((5, 8, 8, 1), 8), ((10, 32, 1), 16)]
    try:
        for widths, samples in sizes[:1] if asked.quick else sizes:
            for digits in (50,) if asked.quick else (30, 50, 100):
                record["heyoka"].append(
                    beside_heyoka(widths, samples, digits, runs if widths[0] < 10 else min(runs, 5))
                )
    except ImportError:
        print("heyoka is not installed: its rows are left out")
    record["odefun"] = beside_odefun(runs)
    for activation in ("linear",) if asked.quick else ("linear", "tanh"):
        record["DOP853"].append(beside_dop853(activation, 20 if asked.quick else 1000, 20))
    if asked.quick:
        return
    record["growth"] = growth()
    plotted(record["growth"])
    (HERE / "flows.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
