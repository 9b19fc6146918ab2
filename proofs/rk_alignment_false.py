"""The alignment corollary: what is false of it as written, each by a closed form that anyone can check.

In linear networks with one output the weights are polynomials in the integrated residual ζ (RK-POT): s stands for it.
"""

from fractions import Fraction

import sympy

import faverify as fv

FA = fv.rules.FeedbackAlignment()
S = sympy.Symbol("s", real=True)
ONE = [[1]]
HALF = sympy.Rational(1, 2)


def square(matrix):
    return sum(entry * entry for entry in matrix)


def alignment(k):
    return lambda p: sum(w * b for w, b in zip(p[f"W{k}"], p[f"B{k}"], strict=True))


@fv.claim("RK-C1-sqrt2-sharp")
def counterexample_three_halves_are_too_much():
    """1-1-1: W₁(0) = 3/2, W₂(0) = B = x = 1, y = −1. Where W₁ has come to 0 the alignment is 1 − ρ²/2 = −1/8."""
    w1, w2 = Fraction(3, 2) + S, 1 + 3 * S / 2 + S**2 / 2
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[[[Fraction(3, 2)]], ONE], feedback=[ONE], inputs=ONE, targets=[[-1]]
    )
    curve = fv.Curve(
        problem, {"W1": [[w1]], "W2": [[w2]]}, -1 - w1 * w2, -sympy.Rational(3, 2),
        (("⟨W₂, B₂⟩", alignment(2), -sympy.Rational(3, 2), -sympy.Rational(1, 8)),),
    )  # fmt: skip
    return fv.disproved("W_2(0) = B_2 and ‖W_1(0)‖ ≤ (3/2)‖B_2‖ give ⟨W_2(t), B_2⟩ > 0", curve, ("1/4", "1/2"))


@fv.claim("RK-C1-discrete")
def counterexample_one_large_step():
    """W₁ = W₂ = B = x = 1, y = −3, η = ½: the alignment becomes −1."""
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[ONE, ONE], feedback=[ONE], inputs=ONE, targets=[[-3]]
    )
    step = fv.Stepped(problem, Fraction(1, 2), 1, (("⟨W₂, B₂⟩", alignment(2), -1),))
    return fv.disproved("W_2(0) = B_2 and ‖W_1(0)‖ ≤ ‖B_2‖ give ⟨W_2, B_2⟩ > 0 after every step", step)


@fv.claim("RK-C1-descent-relu")
def counterexample_a_relu_network_whose_loss_rises_and_stays():
    """W₁(0) = (1, 0)ᵀ, W₂(0) = B = (½, 1), x = 1, y = −1, φ′(0) = 0: the loss falls to 5832/15625, then rises to ½."""
    w1, w2 = 1 + S / 2, HALF + S + S**2 / 4
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1)), FA, weights=[[[1], [0]], [[Fraction(1, 2), 1]]], feedback=[[[Fraction(1, 2), 1]]],
        inputs=ONE, targets=[[-1]],
    )  # fmt: skip

    def loss(p):
        return square(p["W2"] * p["W1"].applyfunc(lambda h: sympy.Max(h, 0)) - p["y"]) / 2

    curve = fv.Curve(
        problem, {"W1": [[w1], [0]], "W2": [[w2, 1]]}, -1 - w1 * w2, -2,
        (
            ("the loss", loss, 0, sympy.Rational(9, 8)),
            ("the loss", loss, -sympy.Rational(6, 5), sympy.Rational(5832, 15625)),
            ("the loss", loss, -2, HALF),
            ("⟨W₂, B₂⟩", alignment(2), -2, sympy.Rational(3, 4)),
        ),
    )  # fmt: skip
    return fv.disproved("two ReLU layers: where ⟨W_2, B_2⟩ > 0 the loss falls, and to 0", curve, ("1/4",))


@fv.claim("RK-C1-descent-L3")
def counterexample_three_aligned_linear_layers_whose_loss_rises():
    """1-1-2-1: W₁(0) = 5/4, W₂(0) = B₂ = (1, −3/4)ᵀ, W₃(0) = B₃ = (1, 1), x = 1, y = −13: the loss at ζ = 0, −3, −7."""
    quarter, three = Fraction(1, 4), Fraction(-3, 4)
    v1 = 5 * S / 4 + S**2 / 8
    top = [1 + v1 + v1**2 / 2, 1 - 3 * v1 / 4 + v1**2 / 2]
    w1, w2 = Fraction(5, 4) + S * quarter, [1 + v1, three + v1]
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 2, 1), "linear"), FA, weights=[[[Fraction(5, 4)]], [[1], [three]], [[1, 1]]],
        feedback=[[[1], [three]], [[1, 1]]], inputs=ONE, targets=[[-13]],
    )  # fmt: skip

    def loss(p):
        return square(p["W3"] * p["W2"] * p["W1"] - p["y"]) / 2

    def aligned(p):
        return sympy.sign(alignment(2)(p)) + sympy.sign(alignment(3)(p))

    losses = {0: (45369, 512), -3: (127449, 524288), -7: (167832025, 524288)}
    shows = [("the loss", loss, at, sympy.Rational(*value)) for at, value in losses.items()]
    shows += [("sign⟨W₂, B₂⟩ + sign⟨W₃, B₃⟩", aligned, at, 2) for at in losses]
    values = {"W1": [[w1]], "W2": [[w2[0]], [w2[1]]], "W3": [top]}
    speed = sympy.expand(-13 - (top[0] * w2[0] + top[1] * w2[1]) * w1)
    curve = fv.Curve(problem, values, speed, -8, tuple(shows))
    return fv.disproved("three linear layers: where all are aligned the loss falls", curve, ("1/8",))


@fv.claim("RK-C1-multi")
def counterexample_two_outputs_whose_loss_rises():
    """W₁ = ½, x = 1, B₂ = (1, 0)ᵀ, W₂ = (1, −2)ᵀ, e = (1, 1)ᵀ: ⟨W₂, B₂⟩ = 1, and the loss rises at ½."""
    half = Fraction(1, 2)
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 2), "linear"), FA, weights=[[[half]], [[1], [-2]]], feedback=[[[1], [0]]], inputs=ONE,
        targets=[[-half], [-2]],
    )  # fmt: skip
    moment = fv.Moment(
        problem, "½‖f − y‖²", lambda p: square(p["W2"] * p["W1"] - p["y"]) / 2, HALF, (("⟨W₂, B₂⟩", alignment(2), 1),)
    )
    return fv.disproved("several outputs: where ⟨W_2, B_2⟩ > 0 the loss falls", moment)
