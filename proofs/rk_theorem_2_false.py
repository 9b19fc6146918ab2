"""Theorem 2 as written: a limit that is not of minimum norm, a residual that falls by a power of t, a rising loss."""

from fractions import Fraction

import sympy

import faverify as fv

FA = fv.rules.FeedbackAlignment()
S = sympy.Symbol("s", real=True)
HALF = sympy.Rational(1, 2)
IDENTITY = [[1, 0], [0, 1]]


def square(matrix):
    return sum(entry * entry for entry in matrix)


def alignment(p):
    return sum(w * b for w, b in zip(p["W2"], p["B2"], strict=True))


def solution(k):
    return lambda p: (p["W2"] * p["W1"])[0, k]


@fv.claim("RK-T2-minnorm-literal")
def counterexample_a_start_in_the_span_whose_limit_is_not():
    """X = (1, 0), y = 13/2, W₁(0) = [[1, ½], [0, −½]], W₂(0) = B = (1, 1): w₀ = (1, 0), yet w_∞ = (13/2, ½)."""
    problem, values, speed = literal(Fraction(13, 2))
    shows = (
        ("w₁", solution(0), 0, 1), ("w₂", solution(1), 0, 0), ("⟨W₂, B₂⟩", alignment, 0, 2),
        ("w₁", solution(0), 1, sympy.Rational(13, 2)), ("w₂", solution(1), 1, HALF), ("⟨W₂, B₂⟩", alignment, 1, 4),
    )  # fmt: skip
    curve = fv.Curve(problem, values, speed, 1, shows)
    return fv.disproved("w_0 in the span of the samples gives the solution of minimum norm", curve, ("1/8", "1/2"))


def literal(target):
    """The problem of the witness at any y, its curve, and ds/dt = y − w₁(s), a cubic whose root is the limit of s."""
    half = Fraction(1, 2)
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 1), "linear"), FA, weights=[[[1, half], [0, -half]], [[1, 1]]], feedback=[[[1, 1]]],
        inputs=[[1], [0]], targets=[[target]],
    )  # fmt: skip
    top = [1 + S + S**2 / 2, 1 + S**2 / 2]
    values = {"W1": [[1 + S, HALF], [S, -HALF]], "W2": [top]}
    return problem, values, sympy.sympify(target) - sympy.expand((1 + S) * top[0] + S * top[1])


def counterexample_a_limit_that_is_an_algebraic_number():
    """The same at y = 2: s tends to the root of s³ + 3/2 s² + 3s = 1, and w₂ to half of it, 0.1425…, instead of 0."""
    problem, values, speed = literal(Fraction(2))
    root = sympy.real_roots(sympy.Poly(speed, S))[0]
    curve = fv.Curve(problem, values, speed, root, (("w₂", solution(1), root, root / 2),))
    assert not root.is_rational
    return fv.disproved("w_0 in the span of the samples gives the solution of minimum norm", curve, ("1/8", "1/2"))


@fv.claim("RK-T2-rate-literal")
def counterexample_an_aligned_flow_without_an_exponential_rate():
    """X = (1, 0), y = 0, W₁(0) = (1, 0), W₂(0) = ½, B = 1: e = ½(1 + t)^(−3/2), α = 1/(2(1 + t)) > 0; s is the time."""
    root = (1 + S) ** -HALF
    problem = fv.FlowProblem(
        fv.MLP((2, 1, 1), "linear"), FA, weights=[[[1, 0]], [[Fraction(1, 2)]]], feedback=[[[1]]], inputs=[[1], [0]],
        targets=[[0]],
    )  # fmt: skip
    shows = (
        ("e", lambda p: (p["W2"] * p["W1"] * p["x"] - p["y"])[0, 0], S, HALF * (1 + S) ** -sympy.Rational(3, 2)),
        ("⟨W₂, B₂⟩", alignment, S, 1 / (2 * (1 + S))),
    )
    curve = fv.Curve(problem, {"W1": [[root, 0]], "W2": [[root**2 / 2]]}, sympy.Integer(1), sympy.oo, shows)
    return fv.disproved("positive alignment for all t gives an exponential rate", curve, (1, 10))


@fv.claim("RK-T2-trace")
def counterexample_aligned_outputs_whose_residual_grows():
    """W₁ = 0, W₂ = I, B = diag(−1, 3), X = I, R = e₁e₁ᵀ: ⟨W₂, B⟩ = 2, and d/dt ½‖R‖² = 1."""
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 2), "linear"), FA, weights=[[[0, 0], [0, 0]], IDENTITY], feedback=[[[-1, 0], [0, 3]]],
        inputs=IDENTITY, targets=[[1, 0], [0, 0]],
    )  # fmt: skip
    moment = fv.Moment(problem, "½‖R‖²", residual, 1, (("⟨W₂, B₂⟩", alignment, 2),))
    return fv.disproved("several outputs: where ⟨W_2, B_2⟩ > 0 the residual falls", moment)


def residual(p):
    return square(p["y"] - p["W2"] * p["W1"] * p["x"]) / 2


def skewed():
    return fv.FlowProblem(
        fv.MLP((2, 2, 2), "linear"), FA, weights=[[[0, 0], [0, 0]], [[1, 3], [Fraction(-3, 2), Fraction(1, 8)]]],
        feedback=[[[1, 0], [0, 2]]], inputs=IDENTITY, targets=[[3, 0], [-3, 0]],
    )  # fmt: skip


def counterexample_the_plain_residual_rises_though_c_0_is_positive():
    """X = I, W₁ = 0, B = diag(1, 2), W₂ = [[1, 3], [−3/2, 1/8]], R = (3, −3)ᵀe₁ᵀ: C₀ = 2I, and d/dt ½‖R‖² = 117/4."""

    def constant(i, j):
        def entry(p):
            gram, cross = p["B2"] * p["B2"].T, p["W2"] * p["B2"].T
            return (gram * cross + cross.T * gram - p["B2"] * p["W1"] * p["W1"].T * p["B2"].T)[i, j]

        return f"C₀[{i}, {j}]", entry, 2 if i == j else 0

    moment = fv.Moment(
        skewed(), "½‖R‖²", residual, sympy.Rational(117, 4), tuple(constant(i, j) for i in (0, 1) for j in (0, 1))
    )
    return fv.disproved("C_0 ⪰ 0 keeps ‖R‖ from rising", moment)


def counterexample_the_fed_back_residual_falls_there():
    """In the same state d/dt ½‖BᵀR‖² = −18, so it is no witness against RK-T2-multi."""
    moment = fv.Moment(
        skewed(), "½‖BᵀR‖²", lambda p: square(p["B2"].T * (p["y"] - p["W2"] * p["W1"] * p["x"])) / 2, -18
    )
    return fv.disproved("where ‖R‖ rises ‖BᵀR‖ rises too", moment)
