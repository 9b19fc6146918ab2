"""Theorem 2, repaired: two linear layers, the squared loss, samples in the columns of x; g = −x eᵀ, α = ⟨W₂, B⟩.

Every width and number of samples. The inequalities name what they need: independent samples for a rate, and nothing
but Theorem 1 for the alignment.
"""

from dataclasses import replace
from fractions import Fraction

import faverify as fv

FA = fv.rules.FeedbackAlignment()
SCOPE = fv.Scope(
    layers="all", widths="all, one output", depths="2", batch="all", loss="squared loss", activations="linear",
    gates="none", feedback="all",
)  # fmt: skip
HALF = Fraction(1, 2)
SEVERAL = replace(SCOPE, widths="all")


def theorem_how_solution_and_loss_move():
    """ẇ = (αI + W₁ᵀW₁) g and d/dt ½‖e‖² = −α‖g‖² − ‖W₁g‖²."""
    flow = fv.Flow(FA)
    s, argument = flow.now, fv.Argument(flow)
    g, alpha = -s.x @ s.e.mT, fv.inner(s.W2, s.B2)
    w = s.W1.mT @ s.W2.mT
    argument.equal(flow.rate(w), g * alpha + s.W1.mT @ s.W1 @ g, "the product rule")
    argument.equal(flow.rate(fv.norm2(s.e) / 2), -alpha * fv.norm2(g) - fv.norm2(s.W1 @ g), "the product rule")
    return argument.proved(flow.rule, "ẇ = (αI + W₁ᵀW₁)g and d/dt ½‖e‖² = −α‖g‖² − ‖W₁g‖²", SCOPE)


def projected(argument, s):
    """P⊥ = I − xC, where xC projects orthogonally on the span of the samples: xCx = x and xᵀxC = xᵀ."""
    inside = s.x @ fv.letter("C", "m", "n_0")
    argument.suppose_equal(inside @ s.x, s.x, "xC projects on the span of the samples: xCx = x")
    argument.suppose_equal(s.x.mT @ inside, s.x.mT, "and orthogonally: xᵀxC = xᵀ")
    return fv.identity(inside) - inside, inside


@fv.claim("RK-T2-minnorm")
def theorem_what_lies_off_the_span_stays():
    """P⊥W₁ᵀ is constant, so P⊥w(t) = P⊥W₁(0)ᵀW₂(t)ᵀ; the rest of w, xCw, lies in the span and fits as w does."""
    flow = fv.Flow(FA)
    s, begun, argument = flow.now, flow.start, fv.Argument(flow)
    off, inside = projected(argument, s)
    argument.equal(off @ s.x, s.x * 0, "P⊥x = 0")
    argument.equal(flow.rate(off @ s.W1.mT), s.W1.mT * 0, "P⊥x = 0")
    argument.conserved(off @ s.W1.mT, inside @ s.W1.mT, "P⊥W₁ᵀ is constant")
    w = s.W1.mT @ s.W2.mT
    argument.equal(off @ w, off @ begun.W1.mT @ s.W2.mT, "P⊥W₁ᵀ is constant")
    argument.equal(w - off @ w, s.x @ (fv.letter("C", "m", "n_0") @ w), "the rest of w lies in the span")
    argument.equal(s.x.mT @ (w - off @ w), s.x.mT @ w, "and fits as w does: of w_∞ it is the solution of least norm")
    return argument.proved(flow.rule, "P⊥w(t) = P⊥W₁(0)ᵀW₂(t)ᵀ; a limit that fits is w_MN + P⊥W₁(0)ᵀW₂(∞)ᵀ", SCOPE)


def theorem_no_step_leaves_the_span_either():
    """P⊥ΔW₁ᵀ = 0 for a step of any size."""
    flow = fv.Flow(FA)
    s, argument = flow.now, fv.Argument(flow)
    (off, _), eta = projected(argument, s), fv.letter("η", 1, 1)
    argument.equal(off @ (s.W1 + flow.moves["W1"] * eta).mT, off @ s.W1.mT, "P⊥x = 0")
    return argument.proved(flow.rule, "P⊥(W₁ + ΔW₁)ᵀ = P⊥W₁ᵀ", replace(SCOPE, time="one step θ + Δθ, of any size"))


@fv.claim("RK-T2-rate")
def theorem_alignment_bounded_below_gives_a_rate():
    """α ≥ a and ‖x eᵀ‖² ≥ s²‖e‖²: −d/dt ‖e‖² = 2α‖g‖² + 2‖W₁g‖² ≥ 2as²‖e‖², and Grönwall's lemma."""
    flow = fv.Flow(FA)
    s, argument = flow.now, fv.Argument(flow)
    g, alpha = -s.x @ s.e.mT, fv.inner(s.W2, s.B2)
    a, size = fv.letter("a", 1, 1), fv.letter("s", 1, 1)
    bound = argument.suppose(alpha - a, "α(t) ≥ a")
    sign = argument.suppose(a, "a > 0", strict=True)
    gram = argument.for_all(
        lambda v: fv.norm2(s.x @ v.mT) - size * size * fv.norm2(v), "s² = λ_min(xᵀx), so ‖x vᵀ‖² ≥ s²‖v‖²"
    )
    falls = (bound * argument.square(g) + argument.square(s.W1 @ g) + sign * gram(s.e)) * 2
    argument.decays(fv.norm2(s.e), a * size * size * 2, falls, "α ≥ a, a square, and a ‖x eᵀ‖² ≥ a s²‖e‖²")
    return argument.proved(flow.rule, "‖e(t)‖² ≤ e^(−2as²t) ‖e(0)‖²", SCOPE)


@fv.claim("RK-T2-rate")
def theorem_a_small_start_bounds_the_alignment():
    """W₂(0) = B: α‖B‖² ≥ ‖B‖⁴ − ½σ²‖B‖², so a = ‖B‖²(1 − ρ²/2) will do where ρ = σ/‖B‖ < √2."""
    flow = fv.Flow(FA)
    s, begun, argument = flow.now, flow.start, fv.Argument(flow)
    sigma, back, alpha = fv.letter("σ", 1, 1), fv.norm2(s.B2), fv.inner(s.W2, s.B2)
    seen = fv.norm2(s.W1.mT @ s.B2.mT)
    argument.conserved(seen - 2 * alpha * back, seen, "the matrix law at Bᵀ")
    argument.suppose_equal(begun.W2, s.B2, "W_2(0) = B_2")
    norm = argument.for_all(
        lambda v: sigma * sigma * fv.norm2(v) - fv.norm2(begun.W1.mT @ v), "σ is the operator norm of W_1(0)"
    )
    fact = (argument.square(s.W1.mT @ s.B2.mT) + norm(s.B2.mT)) * HALF
    argument.at_least(alpha * back, back * back - sigma * sigma * back / 2, fact, "‖W₁ᵀBᵀ‖² ≥ 0, ‖W₁(0)ᵀBᵀ‖² ≤ σ²‖B‖²")
    return argument.proved(flow.rule, "α(t)‖B‖² ≥ ‖B‖²(‖B‖² − σ²/2)", SCOPE)


# Several outputs


def several():
    flow = fv.Flow(FA, outputs="k")
    s, argument = flow.now, fv.Argument(flow)
    residual = -s.e
    return flow, s, argument, residual, residual @ s.x.mT, s.W2 @ s.B2.mT, s.B2 @ s.B2.mT


def theorem_how_the_loss_of_several_outputs_moves():
    """G = R xᵀ, S = W₂Bᵀ, M = BBᵀ: the losses ½‖R‖² and ½‖BᵀR‖², and the constant C₀ = MS + SᵀM − BW₁W₁ᵀBᵀ."""
    flow, s, argument, r, g, cross, gram = several()
    sym = (cross + cross.mT) / 2
    argument.equal(flow.rate(fv.norm2(r) / 2), -fv.norm2(g @ s.W1.mT) - fv.inner(g, sym @ g), "the product rule")
    turned = gram @ cross + cross.mT @ gram
    rate = -fv.norm2(s.B2.mT @ g @ s.W1.mT) - fv.inner(g, turned @ g) / 2
    argument.equal(flow.rate(fv.norm2(s.B2.mT @ r) / 2), rate, "the product rule")
    constant = turned - s.B2 @ s.W1 @ s.W1.mT @ s.B2.mT
    argument.equal(flow.rate(constant), constant * 0, "the matrix law between B and Bᵀ")
    return argument.proved(flow.rule, "d/dt ½‖R‖², d/dt ½‖BᵀR‖², and C₀ is constant", SEVERAL)


@fv.claim("RK-T2-multi")
def theorem_orthonormal_feedback_gives_several_outputs_a_rate():
    """BBᵀ = I, W₂(0) = B, q = ‖BW₁(0)‖²_op < 2: ‖R(t)‖² ≤ e^{−(2−q)λt}‖R(0)‖²."""
    flow, s, argument, r, g, cross, gram = several()
    q, size, begun = fv.letter("q", 1, 1), fv.letter("λ", 1, 1), flow.start
    one = fv.identity(gram)
    seen = s.B2 @ s.W1 @ s.W1.mT @ s.B2.mT
    argument.conserved(seen - gram @ cross - cross.mT @ gram, seen, "C₀ is constant")
    argument.suppose_equal(begun.W2, s.B2, "W_2(0) = B_2")
    argument.suppose_equal(gram, one, "B_2 B_2ᵀ = I")
    small = argument.for_all(lambda v: q * fv.norm2(v) - fv.norm2(begun.W1.mT @ s.B2.mT @ v), "q = ‖B_2 W_1(0)‖²_op")
    room = argument.suppose(2 - q, "q < 2", strict=True)
    spread = argument.for_all(lambda v: fv.norm2(v @ s.x.mT) - size * fv.norm2(v), "λ = λ_min(xᵀx)")
    falls = argument.square(g @ s.W1.mT) * 2 + argument.square(s.W1.mT @ s.B2.mT @ g) + small(g) + room * spread(r)
    argument.decays(fv.norm2(r), (2 - q) * size, falls, "squares, ‖W₁(0)ᵀBᵀG‖² ≤ q‖G‖², and ‖R xᵀ‖² ≥ λ‖R‖²")
    return argument.proved(flow.rule, "‖R(t)‖² ≤ e^(−(2−q)λt) ‖R(0)‖²", SEVERAL)


@fv.claim("RK-T2-multi")
def theorem_the_fed_back_residual_never_rises():
    """C₀ ⪰ 0: d/dt ½‖BᵀR‖² = −‖BᵀGW₁ᵀ‖² − ½⟨G, C₀G⟩ − ½‖W₁ᵀBᵀG‖² ≤ 0."""
    flow, s, argument, r, g, cross, gram = several()
    constant = gram @ cross + cross.mT @ gram - s.B2 @ s.W1 @ s.W1.mT @ s.B2.mT
    argument.equal(flow.rate(constant), constant * 0, "C₀ is constant")
    positive = argument.for_all(lambda v: fv.inner(v, constant @ v), "C_0 ⪰ 0 (at one time, and so at all)")
    falls = argument.square(s.B2.mT @ g @ s.W1.mT) * 2 + positive(g) + argument.square(s.W1.mT @ s.B2.mT @ g)
    argument.never_rises(fv.norm2(s.B2.mT @ r), falls, "squares, and C₀ ⪰ 0")
    return argument.proved(flow.rule, "‖BᵀR‖ never rises", SEVERAL)


# Any depth: the flow is a gradient flow in the integrated error


@fv.claim("RK-POT")
def theorem_deep_linear_flows_are_gradient_flows():
    """One layer of the recursion: the step of an induction over l, for ζ̇ = r and v_0 = xζᵀ.

    v_l = W_l(0)v_{l−1} + ½β_l‖v_{l−1}‖², β_l = B_{l+1}ᵀ⋯B_Lᵀ, z_l = a_l rᵀ. If v̇_{l−1} = z_{l−1}, as for l = 1,
    then W_l = W_l(0) + β_l v_{l−1}ᵀ and v̇_l = z_l. So dv_l = W_l dv_{l−1} in any direction, w = ∇v_L, and the potential
    v_L − ⟨y, ζ⟩ falls at the rate ‖r‖².
    """
    flow, argument = fv.Flow(FA, depth=3), fv.Argument()
    s = flow.now
    argument.equal(flow.moves["W2"], -(s.B3.mT @ s.e) @ (s.W1 @ s.x).mT, "the rule below the top: β_2 = B_3ᵀ")
    argument.equal(flow.moves["W1"], -(s.B2.mT @ s.B3.mT @ s.e) @ s.x.mT, "and further down: β_l = B_{l+1}ᵀβ_{l+1}")
    weight, begun, beta = fv.letter("W_{l}", "n", "p"), fv.letter("W_{l}(0)", "n", "p"), fv.letter("β_{l}", "n", 1)
    v, z, a = (fv.letter(name, "p", size) for name, size in (("v_{l-1}", 1), ("z_{l-1}", 1), ("a_{l-1}", "m")))
    r, x, zeta = fv.letter("r", 1, "m"), fv.letter("x", "n_0", "m"), fv.letter("ζ", 1, "m")
    argument.equal(beta @ r @ a.mT, beta @ (a @ r.mT).mT, "Ẇ_l = −β_l e a_{l−1}ᵀ = β_l z_{l−1}ᵀ")
    argument.moving(zeta, r, "ζ̇ = r")
    argument.equal(argument.rate(x @ zeta.mT), x @ r.mT, "v̇_0 = z_0")
    argument.moving(weight, beta @ z.mT, "Ẇ_l = β_l z_{l−1}ᵀ")
    argument.moving(v, z, "v̇_{l−1} = z_{l−1}, the hypothesis of the induction")
    argument.suppose_equal(fv.letter("v_{l-1}(0)", "p", 1), a @ r.mT * 0, "ζ(0) = 0, so v_{l−1}(0) = 0")
    argument.conserved(weight - beta @ v.mT, weight, "W_l − β_l v_{l−1}ᵀ")
    argument.equal(weight, begun + beta @ v.mT, "W_l − β_l v_{l−1}ᵀ is constant, and v_{l−1}(0) = 0")
    value = begun @ v + beta * fv.norm2(v) / 2
    argument.equal(argument.rate(value), weight @ z, "v̇_l = W_l z_{l−1} = z_l")
    f, y = fv.letter("f", 1, "m"), fv.letter("y", 1, "m")
    argument.suppose_equal(f, y - r, "r = y − f")
    argument.equal(f @ r.mT - y @ r.mT, -fv.norm2(r), "z_L = f rᵀ: the rate of the potential v_L − ⟨y, ζ⟩")
    stated = "W_l = W_l(0) + β_l v_{l−1}ᵀ, w = ∇v_L; v_L − ⟨y, ζ⟩ falls at the rate ‖r‖²"
    return argument.proved(flow.rule, stated, replace(SCOPE, depths="all"))
