"""Theorem 2 at a problem: two linear layers, the squared loss; one output, and several.

X is n × d, a sample a row; w = W₁ᵀW₂ᵀ, r = y − Xw, α = ⟨W₂, B⟩; P projects on the span of the samples. With k outputs
R = Y − W₂W₁Xᵀ, M = BBᵀ, S = W₂Bᵀ, and C₀ = MS + SᵀM − BW₁W₁ᵀBᵀ is constant.

References: Robertson & Koyejo 2023, Theorem 2, as repaired.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from ..flows.balls import ball, bounds, precision
from .findings import Findings
from .hypotheses import Case
from .rationals import (
    Number,
    beside,
    identity,
    is_zero,
    largest_eigenvalue,
    least_eigenvalue,
    least_nonzero,
    norm2,
    positive,
    root,
    scaled,
)


def gram(a: Any) -> Any:
    """The smaller one of AAᵀ and AᵀA: they have the same non-zero eigenvalues."""
    return a * a.transpose() if a.nrows() <= a.ncols() else a.transpose() * a


def slowest(case: Case, digits: int) -> tuple[Number, Any]:
    """The least eigenvalue of XXᵀ, of dependent samples the least that is not zero: its number, and a ball."""
    if case.independent:
        return least_eigenvalue(case.X * case.X.transpose(), digits)
    return least_nonzero(gram(case.X), digits)


def theorem_two(case: Case, f: Findings) -> None:
    """One output: the angle, the rate, the limit."""
    feedback2 = norm2(case.B(2))
    data(case, f)
    if f.asks("RK-T2", f"{case.letter(2)} ≠ 0", feedback2 > 0):
        angle(case, f)
    else:
        f.lacks("RK-T2", "anything of Theorem 2: without feedback W_1 stands still, and only W_2 learns")
        f.gives("RK-T1-global", "the flow exists for all t ≥ 0: it is linear in W_2")
    rate(case, f, feedback2 > 0)
    least_norm(case, f, feedback2 > 0)


def data(case: Case, f: Findings) -> None:
    """Whether the samples are independent, and else whether the targets can be met."""
    n, d = case.X.nrows(), case.X.ncols()
    note = f": there are more samples ({n}) than inputs ({d})" if n > d else ""
    sizes = {"rank of X": case.rank, "samples": n, "inputs": d}
    if f.asks("RK-T2-rate", f"the samples, rows of X, are independent{note}", case.independent, **sizes):
        return
    rest = case.y - case.X * case.least
    meets = int(beside(case.X, case.y).rank()) == case.rank
    f.asks("RK-T2-rate", "the targets are in range(X)", meets, **{"‖y off range(X)‖²": norm2(rest)})
    if meets:
        f.gives("RK-T2-rate", "r(t) stays in range(X): what is said of its projection there is said of r")
    else:
        half = norm2(rest) / 2
        text = "the part of r off range(X) is constant: the loss cannot fall below half its square"
        f.gives("RK-T2-rate", text, "", **{"least loss": half})


def angle(case: Case, f: Findings) -> None:
    """RK-C1-cos: sin ∠(W₂(t), B) ≤ ρ/√2 where W₂(0) = B and ρ = ‖W₁(0)‖_op/‖B‖ < √2."""
    square = scaled(gram(case.W(1)), 1 / norm2(case.B(2)))
    small = positive(identity(square.nrows()) * fmpq(2) - square)
    rho2, found = largest_eigenvalue(square, f.digits)
    with precision(4 * f.digits + 80):
        rho = root(found)
        sine = root(found / 2, Fraction(1)) if small else arb(1)
        degrees = turned(sine)
    f.asks("RK-C1-cos", f"ρ = ‖W_1(0)‖_op / ‖{case.letter(2)}‖ < √2", small, **{"ρ²": rho2, "ρ": f.number(rho)})
    if case.equal and small:
        text = f"for all t: the angle of W_2(t) with {case.letter(2)} has a sine of at most ρ/√2"
        f.gives("RK-C1-cos", text, "angle", **{"sine, at most": f.number(sine), "degrees, at most": f.number(degrees)})
    else:
        why = f"W_2(0) is not {case.letter(2)}" if not case.equal else "ρ ≥ √2"
        f.lacks("RK-C1-cos", f"a bound of the angle of W_2(t) with {case.letter(2)}: {why}", "angle")


def turned(sine: Any) -> Any:
    """The angle in degrees whose sine, of [0, 1], is in a ball; balls that touch 1 have no arc sine."""
    low, high = bounds(sine)
    close = 1 - Fraction(1, 10**60)
    first, last = ball(min(low, close)).asin(), ball(high if high < close else 1).asin()
    return first.union(last) * 180 / arb.pi()


def rate(case: Case, f: Findings, fed: bool) -> None:
    """RK-T2-rate and RK-C1-descent: C₀ > 0 makes the residual decay, C₀ ≥ 0 makes the loss fall."""
    what, C0 = "‖r(t)‖ ≤ e^{−a λ_min t} ‖r(0)‖", case.C0
    if fed:
        text = "C₀ = ⟨W_2(0), B⟩ − ‖P W_1(0)ᵀBᵀ‖²/(2‖B‖²) > 0, a lower bound of α"
        f.asks("RK-T2-rate", text, C0 > 0, **{"C₀": C0})
    if fed and C0 >= 0:
        f.gives("RK-C1-descent", "the loss never rises", "descent")
    elif fed:
        f.lacks("RK-C1-descent", "that the loss never rises: it may while ⟨W_2, B⟩ < 0", "descent")
    else:
        f.gives("RK-C1-descent", "the loss never rises: W_2 follows the gradient, for W_1(0) as it stands", "descent")
    if not case.rank:
        f.lacks("RK-T2-rate", "anything: all samples are zero, and nothing moves", "rate")
        return
    least, found = slowest(case, f.digits)
    numbers: dict[str, Any] = {"λ_min": least}
    if not case.independent:
        what = "‖Πr(t)‖ ≤ e^{−a λ t} ‖Πr(0)‖, Π the projector on range(X), λ the least non-zero eigenvalue of XXᵀ"
        numbers = {"λ": least}
    if C0 > 0:
        with precision(4 * f.digits + 80):
            product = found * ball(C0)
        exact = None if least.exact is None else least.exact * C0
        numbers = {"a": C0, **numbers, "a λ": f.number(product if exact is None else exact)}
        if case.equal:
            numbers |= sharp(case, f)
        f.gives("RK-T2-rate", f"for all t: {what}, with a = C₀", "rate", **numbers)
        return
    name = "RK-T2-rate-literal" if C0 == 0 and fed else "RK-T2-rate"
    text = "an exponential rate: C₀ ≤ 0, so no a > 0 with α(t) ≥ a is known; α(t) > 0 for all t is not enough"
    if not fed:
        text = "an exponential rate: without feedback α = 0 for all t"
    f.lacks(name, text, "rate", **numbers)


def sharp(case: Case, f: Findings) -> dict[str, Any]:
    """‖B‖²(1 − ρ²/2), which W₂(0) = B gives; C₀ is no smaller."""
    square = gram(case.W(1))
    bound = scaled(identity(square.nrows()), norm2(case.B(2))) - square * fmpq(1, 2)
    least, _ = least_eigenvalue(bound, f.digits)
    return {"‖B‖²(1 − ρ²/2)": least}


def least_norm(case: Case, f: Findings, fed: bool) -> None:
    """RK-T2-minnorm: P⊥W₁ᵀ does not move."""
    start = case.off_span * case.W(2).transpose()
    f.asks("RK-T2-minnorm-literal", "w(0) is in the span of the samples", is_zero(start), **{"‖P⊥w(0)‖²": norm2(start)})
    held = f.asks(
        "RK-T2-minnorm",
        "the rows of W_1(0) are in the span of the samples",
        is_zero(case.off_span),
        **{"‖P⊥W_1(0)ᵀ‖²": norm2(case.off_span)},
    )
    unique = "the solution" if case.independent else "the least-squares solution"
    if held and fed:
        f.gives("RK-T2-minnorm", f"the limit w_∞ is {unique} of least norm", "minimum norm")
    elif not fed:
        text = f"that the limit is {unique} of least norm: without feedback the flow may not get there"
        f.lacks("RK-T2-minnorm", text, "minimum norm")
    else:
        text = f"that w_∞ is {unique} w_MN of least norm: w_∞ = w_MN + P⊥W_1(0)ᵀW_2(∞)ᵀ"
        literal = "; w(0) in the span is not enough" if is_zero(start) else ""
        f.lacks("RK-T2-minnorm", text + literal, "minimum norm")


# Several outputs


def several_outputs(case: Case, f: Findings) -> None:
    """RK-T2-multi: what C₀ and BBᵀ = I give."""
    B, W1, W2, k = case.B(2), case.W(1), case.W(2), case.net.outputs
    M, S, seen = B * B.transpose(), W2 * B.transpose(), B * W1 * W1.transpose() * B.transpose()
    C0 = M * S + S.transpose() * M - seen
    letter, rank = case.letter(2), int(B.rank())
    full = f.asks("RK-T2-multi", f"{letter} has full row rank", rank == k, **{f"rank of {letter}": rank, "outputs": k})
    unit = f.asks("RK-T2-multi", f"{letter}{letter}ᵀ = I", is_zero(M - identity(k)))
    q, _ = largest_eigenvalue(seen, f.digits)
    f.asks("RK-T2-multi", f"q = ‖{letter} W_1(0)‖²_op < 2", positive(identity(k) * fmpq(2) - seen), q=q)
    least, found = least_eigenvalue(C0, f.digits)
    semi = f.asks("RK-T2-multi", "C₀ = MS + SᵀM − BW_1W_1ᵀBᵀ ⪰ 0", positive(C0, semi=True), **{"λ_min(C₀)": least})
    strict = f.asks("RK-T2-multi", "C₀ ≻ 0", semi and positive(C0))
    if not full:
        text = f"anything of errors e with {letter}ᵀe = 0: they do not reach W_1, and C₀ is singular there"
        f.lacks("RK-T2-multi", text)
    if semi:
        f.gives("RK-T2-multi", f"‖{letter}ᵀR(t)‖ never rises", "feedback descent")
    else:
        f.lacks("RK-T2-multi", f"that ‖{letter}ᵀR(t)‖ never rises: C₀ is not ⪰ 0", "feedback descent")
    if semi and full:
        f.gives("RK-T1-global", "the flow exists for all t ≥ 0, since R stays bounded")
    if semi and unit:
        f.gives("RK-T2-multi", "the loss never rises", "descent")
    else:
        why = f"{letter}{letter}ᵀ ≠ I, and ‖R‖ may rise while ‖{letter}ᵀR‖ falls" if semi else "C₀ is not ⪰ 0"
        f.lacks("RK-T2-multi", f"that the loss never rises: {why}", "descent")
    if strict and unit and case.rank:
        smallest, size = slowest(case, f.digits)
        with precision(4 * f.digits + 80):
            product = found * size / 2
        exact = None if least.exact is None or smallest.exact is None else least.exact * smallest.exact / 2
        a = "1 − q/2" if case.equal else "½λ_min(C₀)"
        what = "‖R(t)‖" if case.independent else "the projection of R on the range of the samples"
        name = "λ_min" if case.independent else "λ"
        numbers = {name: smallest, "a λ": f.number(product if exact is None else exact)}
        text = f"for all t: {what} falls at least as e^{{−a {name} t}}, a = {a}"
        f.gives("RK-T2-multi", text, "rate", **{"λ_min(C₀)": least}, **numbers)
    else:
        f.lacks("RK-T2-multi", "an exponential rate: it needs BBᵀ = I and C₀ ≻ 0", "rate")
    f.lacks("RK-T2-trace", "anything from ⟨W_2, B⟩ > 0 alone: with several outputs the loss may rise all the same")
    spanned = f.asks("RK-T2-minnorm", "the rows of W_1(0) are in the span of the samples", is_zero(case.off_span))
    if spanned and "rate" in f.reached:
        f.gives("RK-T2-minnorm", "the limit is the least-squares solution of least norm", "minimum norm")
    else:
        f.lacks("RK-T2-minnorm", "that the limit is the solution of least norm", "minimum norm")
