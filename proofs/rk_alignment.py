"""The alignment corollary: what holds of it, and by how much.

Theorem 1 turns a small first layer into alignment for ever: ⟨W_{l+1}, B_{l+1}⟩ moves as ½‖W_l‖² does, and in no other
way.
"""

from fractions import Fraction

import faverify as fv

FA = fv.rules.FeedbackAlignment()
TWO_LAYERS = fv.Scope(
    layers="1", widths="all, one output", depths="2", batch="all", loss="squared loss", activations="linear",
    gates="none", feedback="all",
)  # fmt: skip


def start():
    """Theorem 1 where W_{l+1}(0) = B_{l+1}: the argument, the law, and ⟨W_{l+1}, B_{l+1}⟩ by the rest."""
    argument, law = fv.Argument(), fv.prove(fv.laws.feedback_balance, FA)
    (now, above), (begun, top) = argument.by_law(law, lambda layer, above: fv.inner(above.W, above.B))
    argument.suppose_equal(top.W, above.B, "W_{l+1}(0) = B_{l+1}")
    squares = fv.norm2(now.W), fv.norm2(above.B), fv.norm2(begun.W)
    exact = squares[0] / 2 + squares[1] - squares[2] / 2
    argument.equal(fv.inner(above.W, above.B), exact, "Theorem 1, and the start")
    return argument, law, fv.inner(above.W, above.B), squares


@fv.claim("RK-C1")
def theorem_small_first_layers_stay_aligned():
    """Theorem 1 from W_{l+1}(0) = B_{l+1} ≠ 0 and ‖W_l(0)‖ ≤ ‖B_{l+1}‖."""
    argument, law, alignment, (now, back, begun) = start()
    small = argument.suppose(back - begun, "‖W_l(0)‖ ≤ ‖B_{l+1}‖")
    some = argument.suppose(back, "B_{l+1} ≠ 0", strict=True)
    argument.at_least(alignment, now / 2 + back / 2, small * Fraction(1, 2), "half of what was supposed of W_l(0)")
    argument.at_least(now / 2 + back / 2, back / 2, squared(argument), "a square")
    argument.at_least(back / 2, back * 0, some * Fraction(1, 2), "B ≠ 0")
    return argument.proved(law.rule, "⟨W_{l+1}(t), B_{l+1}⟩ ≥ ½‖W_l(t)‖² + ½‖B_{l+1}‖² > 0", law.scope)


def squared(argument):
    """½‖W_l‖² ≥ 0."""
    return argument.square(fv.letter("W_{l}", "n", "m")) * Fraction(1, 2)


def below(factor):
    """The argument of RK-C1-sqrt2 with ‖W_l(0)‖² < factor · ‖B_{l+1}‖²: it assembles for 2, and for nothing greater."""
    argument, law, alignment, (_, back, begun) = start()
    room = argument.suppose(back * factor - begun, f"‖W_l(0)‖² < {factor} ‖B_{{l+1}}‖²", strict=True)
    fact = squared(argument) + room * Fraction(1, 2)
    argument.at_least(alignment, back * 0, fact, "a square, and half of what was supposed")
    return argument.proved(law.rule, "⟨W_{l+1}(t), B_{l+1}⟩ > 0", law.scope)


@fv.claim("RK-C1-sqrt2")
def theorem_the_root_of_two_is_enough():
    """The same from ‖W_l(0)‖ < √2‖B_{l+1}‖."""
    return below(2)


@fv.claim("RK-C1-cos")
def theorem_the_angle_stays_small():
    """v = ‖W₂‖²Bᵀ − ⟨W₂, B⟩W₂ᵀ is perpendicular to W₂; the matrix law at v bounds what Bᵀ has of it."""
    flow = fv.Flow(FA)
    now, begun, argument = flow.now, flow.start, fv.Argument(flow)
    sigma = fv.letter("σ", 1, 1)

    law = now.W1 @ now.W1.mT - now.B2.mT @ now.W2 - now.W2.mT @ now.B2
    argument.conserved(law, now.W1 @ now.W1.mT, "the matrix law")
    argument.suppose_equal(begun.W2, now.B2, "W_2(0) = B_2")
    norm = argument.for_all(
        lambda v: sigma * sigma * fv.norm2(v) - fv.norm2(begun.W1.mT @ v), "σ = ρ‖B_2‖ is the operator norm of W_1(0)"
    )
    back, own, inner = fv.norm2(now.B2), fv.norm2(now.W2), fv.inner(now.W2, now.B2)
    some = argument.suppose(back, "B_2 ≠ 0", strict=True)
    room = argument.suppose(2 * back - sigma * sigma, "ρ < √2", strict=True)
    seen = argument.square(now.W1.mT @ now.B2.mT) + norm(now.B2.mT) + room * some
    argument.at_least(2 * inner * back, back * 0, seen, "the matrix law at Bᵀ: W₂ ≠ 0, and the angle is acute")
    v = now.B2.mT * own - now.W2.mT * inner
    gap = own * back - inner * inner  # ‖W₂‖²‖B‖² sin²
    argument.equal(fv.norm2(v), own * gap, "v ⊥ W₂")
    seen = fv.norm2(begun.W1.mT @ v) - 2 * gap * gap
    argument.equal(fv.norm2(now.W1.mT @ v), seen, "the matrix law at v, and the start")
    cross = now.B2.mT @ now.W2 - now.W2.mT @ now.B2
    lagrange = argument.at_least(gap, gap * 0, argument.square(cross) * Fraction(1, 2), "Lagrange's identity: a square")
    rest = sigma * sigma * own - 2 * gap
    product = argument.at_least(
        gap * rest, gap * 0, argument.square(now.W1.mT @ v) + norm(v), "‖W₁ᵀv‖² ≥ 0 and ‖W₁(0)ᵀv‖² ≤ σ²‖v‖²"
    )
    flat = argument.square(now.W2 * sigma)
    argument.cancelled(product, lagrange, rest, 2, flat, "cancel ‖W₂‖²‖B‖² sin²; where it is 0, so is the angle")
    return argument.proved(flow.rule, "2‖B‖² sin² ∠(W_2(t), B) ≤ σ², so sin ∠ ≤ ρ/√2", TWO_LAYERS)
