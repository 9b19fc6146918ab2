"""Weak alignment: deep linear networks trained from zero by (direct) feedback alignment, in k × k matrices alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Misuse, name_of, whole_number
from ..flows.problems import FlowProblem, check_problem, number
from ..flows.training import place
from ..model.rules import DirectFeedbackAlignment, FeedbackAlignment
from ..proving.witnesses import array


@dataclass(frozen=True, eq=False)
class AlignmentMatrices:
    """A_1, …, A_L after every step: W_1 = F_1ᵀA_1, W_l = F_lᵀA_lF_{l−1}, W_L = A_LF_{L−1}.

    `states[s]` are the matrices after s steps, `grams` M_0 = I (None), M_1, …, M_{L−1}, `losses` ½‖f − Y‖² at every
    state. Hidden widths occur in M_l = F_lF_lᵀ alone, once: a step costs the same whatever they are.
    """

    feedback: tuple[Any, ...]
    grams: tuple[Any, ...]
    states: tuple[tuple[Any, ...], ...]
    losses: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.states) - 1

    def weights(self, step: int = -1) -> list[Any]:
        """W_1, …, W_L that the matrices stand for, after a step (0 is the start, −1 the end).

        Raises: Misuse.
        """
        found = []
        for k, matrix in enumerate(self.states[place(step, len(self.states))]):
            left = self.feedback[k].T @ matrix if k < len(self.feedback) else matrix
            found.append(left @ self.feedback[k - 1] if k else left)
        return found

    def gaps(self, step: int = -1) -> list[Any]:
        """max |A_{l+1} + A_{l+1}ᵀ − A_lM_{l−1}A_lᵀ| for l = 1 … L − 1: 0 in the flow; in steps Σ dA_lM_{l−1}dA_lᵀ.

        Raises: Misuse.
        """
        found, state = [], self.states[place(step, len(self.states))]
        for low, up, gram in zip(state, state[1:], self.grams, strict=False):
            inner = low @ low.T if gram is None else low @ gram @ low.T
            found.append(np.abs(up + up.T - inner).max())
        return found


def alignment_matrices(problem: FlowProblem, eta: Any, n: int, *, exact: bool = True) -> AlignmentMatrices:
    """n steps of training from zero with learning rate η: dA_l = −η e p_{l−1}ᵀ, p_0 = x, p_l = A_lM_{l−1}p_{l−1}.

    Shapes: A_1 is k × n_0, the others k × k, for k outputs. Units: over Fractions, or in float64 if not `exact`.

    Raises: Misuse unless the network is linear without biases, the rule FA or DFA, the weights 0, the loss squared.

    Scope: every step of any size; in the flow the same matrices, with η → 0.

    References: Refinetti, d'Ascoli, Ohana & Goldt 2021 (weak alignment); `proofs/raog.py` proves it.

    Examples
    --------
    >>> import faverify as fv
    >>> problem = fv.FlowProblem(fv.MLP((1, 2, 1), "linear"), fv.rules.DirectFeedbackAlignment(),
    ...     weights=[[[0], [0]], [[0, 0]]], feedback={"F1": [[1, -2]]}, inputs=[[1]], targets=[[3]])
    >>> found = alignment_matrices(problem, "1/2", 2)
    >>> [w.tolist() for w in found.weights()] == [w.tolist() for w in fv.steps(problem, "1/2", 2).weights()]
    True
    """
    back = feedback_of(problem)
    n = whole_number("n", n, 0, expected="a number of steps")
    read = array if exact else floats
    rate: Any = number(eta, "eta")
    rate = rate if exact else float(rate)
    x, y = read(problem.data["x"]), read(problem.data["y"])
    return recursion([read(rows) for rows in back], x, y, rate, n)


def recursion(feedback: Sequence[Any], x: Any, y: Any, eta: Any, n: int) -> AlignmentMatrices:
    """The same for arrays of any kind: F_1 … F_{L−1}, k × n_l, with x and y in columns."""
    k, zero = len(y), 0 * eta
    grams = (None, *(matrix @ matrix.T for matrix in feedback))
    state = [np.full((k, len(x)), zero, dtype=x.dtype), *(np.full((k, k), zero, dtype=x.dtype) for _ in feedback)]
    states, losses = [tuple(state)], []
    for step in range(n + 1):
        signals = [x]
        for matrix, gram in zip(state, grams, strict=True):
            below = signals[-1] if gram is None else gram @ signals[-1]
            signals.append(matrix @ below)
        error = signals[-1] - y
        losses.append((error * error).sum() / 2)
        if step < n:
            state = [matrix - eta * (error @ below.T) for matrix, below in zip(state, signals, strict=False)]
            states.append(tuple(state))
    return AlignmentMatrices(tuple(feedback), grams, tuple(states), tuple(losses))


def feedback_of(problem: FlowProblem) -> list[Any]:
    """F_1 … F_{L−1}; of FA they are B_L ⋯ B_{l+1}."""
    check_problem(problem)
    net, data = problem.net, problem.data
    if net.depth < 2:
        raise Misuse("problem", net, "two maps or more: with one there is no feedback")
    if net.activation.name != "linear" or net.bias:
        raise Misuse("problem", net, "a linear chain without biases: weak alignment fails for others")
    if problem.targets is None:
        raise Misuse("problem", "error(t, f)", "targets: the recursion needs the error of its own output")
    if any(v for name, rows in data.items() if name[0] == "W" for row in rows for v in row):
        raise Misuse("weights", "not all 0", "training from zero: what lies off the form at the start stays there")
    direct = type(problem.rule) is DirectFeedbackAlignment
    if not direct and type(problem.rule) is not FeedbackAlignment:
        raise Misuse("rule", name_of(problem.rule), "FeedbackAlignment or DirectFeedbackAlignment")
    names = [f"F{k}" for k in range(1, net.depth)] if direct else [f"B{k}" for k in range(2, net.depth + 1)]
    if any(name not in data for name in names):
        raise Misuse("feedback", sorted(set(names) & set(data)), ", ".join(names))
    if direct:
        return [data[name] for name in names]
    found = [array(data[f"B{net.depth}"])]
    for k in range(net.depth - 1, 1, -1):
        found.append(found[-1] @ array(data[f"B{k}"]))
    return [matrix.tolist() for matrix in reversed(found)]


def floats(rows: Any) -> Any:
    return np.array([[float(v) for v in row] for row in rows])
