"""A reference that shares nothing with faverify.flows: gates as ramps of width ε, integrated by SciPy.

For ε → 0 its solutions tend to Filippov's. The gap between ε and ε/2 says how far it is to be trusted. The ramp
begins at the kink, so that a gate above a dead sample, where h = 0, is φ′(0) = 0.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp


def trained(problem, t, width):
    """The weights at t of feedback alignment with φ = ReLU, squared loss, and gates clip(h/width, 0, 1)."""
    read = {name: np.array([[float(v) for v in row] for row in rows]) for name, rows in problem.data.items()}
    depth = problem.net.depth
    shapes = [read[f"W{k}"].shape for k in range(1, depth + 1)]
    ends = np.cumsum([0, *(n * m for n, m in shapes)])

    def field(_, state):
        weights = [state[a:b].reshape(s) for a, b, s in zip(ends, ends[1:], shapes, strict=False)]
        activities, arguments = [read["x"]], []
        for k, weight in enumerate(weights):
            arguments.append(weight @ activities[-1])
            activities.append(np.maximum(arguments[-1], 0) if k < depth - 1 else arguments[-1])
        delta = activities[-1] - read["y"]
        found = [None] * depth
        for k in range(depth - 1, -1, -1):
            found[k] = -(delta @ activities[k].T).ravel()
            if k:
                gate = np.clip(arguments[k - 1] / width, 0, 1)
                delta = gate * (read[f"B{k + 1}"].T @ delta)
        return np.concatenate(found)

    start = np.concatenate([read[f"W{k}"].ravel() for k in range(1, depth + 1)])
    solution = solve_ivp(field, (0, t), start, method="LSODA", rtol=1e-12, atol=1e-13)
    assert solution.success, solution.message
    return solution.y[:, -1]


def agreement(problem, weights, t, width=1e-4):
    """max |ours − reference| and the reference's own gap between both widths."""
    coarse, fine = trained(problem, t, width), trained(problem, t, width / 2)
    ours = np.concatenate([np.array(w, dtype=float).ravel() for w in weights])
    return float(np.abs(ours - fine).max()), float(np.abs(coarse - fine).max())
