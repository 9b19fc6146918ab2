"""Theorem 1 for two- and three-layer ReLU networks with SymPy alone.

Entries are functions of t, `sympy.diff` takes the derivative, `sympy.expand` must leave zero, and nothing of faverify's
engine is used for it: a reader who trusts SymPy needs to trust nothing else. The gate of a neuron on a sample is a
symbol g, with a = g h and φ′ = g: a value 0 or 1 away from the kink, any value at it.
"""

import sympy

import faverify as fv

t = sympy.Symbol("t")


def entries(name, rows, cols, moving=False):
    """A matrix of symbols, or of functions of t."""
    make = (
        (lambda i, j: sympy.Function(f"{name}_{i}{j}")(t)) if moving else (lambda i, j: sympy.Symbol(f"{name}_{i}{j}"))
    )
    return sympy.Matrix(rows, cols, make)


def frobenius(A, B):
    return sum(sympy.matrix_multiply_elementwise(A, B))


def balance_rates(widths, samples, sign=1):
    """dQ_l/dt of every hidden layer of a ReLU network; Q_l = ½‖W_l‖² − sign ⟨W_{l+1}, B_{l+1}⟩."""
    depth = len(widths) - 1
    W = {k: entries(f"W{k}", widths[k], widths[k - 1], moving=True) for k in range(1, depth + 1)}
    B = {k: entries(f"B{k}", widths[k], widths[k - 1]) for k in range(2, depth + 1)}
    gate = {k: entries(f"g{k}", widths[k], samples) for k in range(1, depth)}
    a = {0: entries("x", widths[0], samples)}
    for k in range(1, depth):
        a[k] = sympy.matrix_multiply_elementwise(gate[k], W[k] * a[k - 1])
    delta = {depth: entries("e", widths[-1], samples)}
    for k in range(depth - 1, 0, -1):
        delta[k] = sympy.matrix_multiply_elementwise(gate[k], B[k + 1].T * delta[k + 1])
    flow = {}
    for k in range(1, depth + 1):
        velocity = -delta[k] * a[k - 1].T
        flow |= {sympy.diff(w, t): v for w, v in zip(W[k], velocity, strict=True)}
    balances = [frobenius(W[k], W[k]) / 2 - sign * frobenius(W[k + 1], B[k + 1]) for k in range(1, depth)]
    return [sympy.diff(Q, t).subs(flow) for Q in balances]


def settled(widths, samples):
    """SymPy's expansion must be zero; the toolkit's verdict on the same network is returned beside it."""
    assert [sympy.expand(rate) for rate in balance_rates(widths, samples)] == [0] * (len(widths) - 2)
    return fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), fv.MLP(widths, "relu"))


def theorem_two_layers_by_sympy_alone():
    """Widths 2-3-2 with two samples."""
    return settled((2, 3, 2), 2)


def theorem_three_layers_by_sympy_alone():
    """Widths 2-2-2-1 with two samples."""
    return settled((2, 2, 2, 1), 2)


@fv.law("½‖W_l‖² + ⟨W_{l+1}, B_{l+1}⟩")
def wrong_sign(layer, above):
    return fv.norm2(layer.W) / 2 + fv.inner(above.W, above.B)


def counterexample_the_other_sign_by_sympy_alone():
    """The same derivation with one sign changed leaves a residual: the expansion above can fail."""
    rates = balance_rates((2, 3, 2), 1, sign=-1)
    assert all(sympy.expand(rate) != 0 for rate in rates)
    return fv.check(wrong_sign, fv.rules.FeedbackAlignment(), fv.MLP((2, 3, 2), "relu"))
