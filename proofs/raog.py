"""Align, then memorise: the linear half of Refinetti, d'Ascoli, Ohana & Goldt (2021), and its bridge to Theorem 1.

Linear chains under direct feedback, k = n_L outputs, M_l = F_lF_lᵀ, M_0 = I, p_0 = x, p_l = A_lM_{l−1}p_{l−1}. A layer
stands for every layer: what is shown of it is the step of an induction, over layers and over steps of training.
"""

from dataclasses import replace
from fractions import Fraction

import sympy

import faverify as fv

DFA = fv.rules.DirectFeedbackAlignment()
SCOPE = fv.Scope(
    layers="all", widths="all", depths="all", batch="all", loss="all, any error signal e(t)", activations="linear",
    gates="none", feedback="all",
)  # fmt: skip
STEPS = replace(SCOPE, time="every step, of any size, and the flow")
ONE = replace(SCOPE, widths="all, one output", feedback="all F_l ≠ 0")


class Layer:
    """Letters of a layer l between its neighbours: A_l, F_l, F_{l−1}, what comes in, the error, the learning rate."""

    def __init__(self):
        self.A, self.F = fv.letter("A_{l}", "k", "k"), fv.letter("F_{l}", "k", "n")
        self.below = fv.letter("F_{l-1}", "k", "m")
        self.p, self.e, self.eta = fv.letter("p_{l-1}", "k", "b"), fv.letter("e", "k", "b"), fv.letter("η", 1, 1)
        self.gram = self.below @ self.below.mT
        self.dA = -(self.e @ self.p.mT) * self.eta
        self.W = self.F.mT @ self.A @ self.below


@fv.claim("RAOG-W1")
def theorem_weak_alignment():
    """If W_l = F_lᵀA_lF_{l−1} and a_{l−1} = F_{l−1}ᵀp_{l−1}, then a_l = F_lᵀp_l, and a step of DFA keeps the form."""
    flow, argument, s = fv.Flow(DFA, depth=3, outputs="k"), fv.Argument(), Layer()
    now = flow.now
    argument.equal(flow.moves["W2"], -(now.F2.mT @ now.e) @ (now.W1 @ now.x).mT, "the rule: Ẇ_l = −F_lᵀ e a_{l−1}ᵀ")
    argument.equal(flow.moves["W3"], -now.e @ (now.W2 @ now.W1 @ now.x).mT, "at the top F_L = I")
    a = s.below.mT @ s.p
    argument.equal(s.W @ a, s.F.mT @ (s.A @ s.gram @ s.p), "a_l = F_lᵀp_l")
    step = -(s.F.mT @ s.e) @ a.mT * s.eta
    argument.equal(s.W + step, s.F.mT @ (s.A + s.dA) @ s.below, "W_l + ΔW_l = F_lᵀ(A_l + dA_l)F_{l−1}")
    x, first = fv.letter("x", "n_0", "b"), fv.letter("A_{1}", "k", "n_0")
    argument.equal(s.F.mT @ first @ x, s.F.mT @ (first @ x), "W_1 = F_1ᵀA_1: p_1 = A_1x")
    argument.equal(-(s.F.mT @ s.e) @ x.mT, s.F.mT @ -(s.e @ x.mT), "dA_1 = −η e xᵀ")
    top, last = fv.letter("A_{L}", "k", "k"), -(s.e @ s.p.mT) * s.eta
    argument.equal(top @ s.below - s.e @ a.mT * s.eta, (top + last) @ s.below, "W_L = A_LF_{L−1}")
    stated = "W_1 = F_1ᵀA_1, W_l = F_lᵀA_lF_{l−1}, W_L = A_LF_{L−1} from zero, dA_l = −η e p_{l−1}ᵀ"
    return argument.proved(flow.rule, stated, STEPS)


@fv.claim("RAOG-W1")
def theorem_weak_alignment_of_feedback_alignment():
    """FA is DFA with F_l = B_L ⋯ B_{l+1}: δ_l = B_{l+1}ᵀδ_{l+1} = F_lᵀe."""
    flow, argument = fv.Flow(fv.rules.FeedbackAlignment(), depth=3, outputs="k"), fv.Argument()
    s = flow.now
    second = s.B3
    first = second @ s.B2
    argument.equal(flow.moves["W2"], -(second.mT @ s.e) @ (s.W1 @ s.x).mT, "F_2 = B_3")
    argument.equal(flow.moves["W1"], -(first.mT @ s.e) @ s.x.mT, "F_1 = B_3B_2: so on, F_l = F_{l+1}B_{l+1}")
    return argument.proved(flow.rule, "FA moves a linear chain as DFA does with F_l = B_L ⋯ B_{l+1}", STEPS)


@fv.claim("RAOG-W2")
def theorem_alignment_matrices_move_by_those_below():
    """dA_{l+1} = dA_lM_{l−1}A_lᵀ, for l = 1 with M_0 = I: constant in the flow; a step takes dA_lM_{l−1}dA_lᵀ."""
    argument, s = fv.Argument(), Layer()
    first, x = fv.letter("A_{1}", "k", "n_0"), fv.letter("x", "n_0", "b")
    bottom, own = -(s.e @ x.mT) * s.eta, -(s.e @ (first @ x).mT) * s.eta
    above = -(s.e @ (s.A @ s.gram @ s.p).mT) * s.eta
    argument.equal(above, s.dA @ s.gram @ s.A.mT, "dA_{l+1} = −η e p_lᵀ, p_l = A_lM_{l−1}p_{l−1}")
    argument.equal(own, bottom @ first.mT, "dA_2 = −η e p_1ᵀ, p_1 = A_1x")
    upper, second = fv.letter("A_{l+1}", "k", "k"), fv.letter("A_{2}", "k", "k")

    def balance(up, low, gram=None):
        return up + up.mT - (low @ low.mT if gram is None else low @ gram @ low.mT)

    gained = balance(upper + above, s.A + s.dA, s.gram) - balance(upper, s.A, s.gram)
    argument.equal(gained, -(s.dA @ s.gram @ s.dA.mT), "of second order in the step alone")
    gained = balance(second + own, first + bottom) - balance(second, first)
    argument.equal(gained, -(bottom @ bottom.mT), "and at the bottom")
    stated = (
        "a step adds −dA_lM_{l−1}dA_lᵀ to A_{l+1} + A_{l+1}ᵀ − A_lM_{l−1}A_lᵀ: in the flow it is constant, 0 from zero"
    )
    return argument.proved(fv.Flow(DFA).rule, stated, STEPS)


@fv.claim("RAOG-W2")
def theorem_the_two_papers_have_one_law():
    """With F_l = F_{l+1}B_{l+1}, the matrix law of Theorem 1 is F_lᵀ(A_lM_{l−1}A_lᵀ − A_{l+1} − A_{l+1}ᵀ)F_l."""
    argument, s = fv.Argument(), Layer()
    upper, over, back = fv.letter("A_{l+1}", "k", "k"), fv.letter("F_{l+1}", "k", "q"), fv.letter("B_{l+1}", "q", "n")
    argument.suppose_equal(over @ back, s.F, "F_{l+1}B_{l+1} = F_l")
    argument.suppose_equal(back.mT @ over.mT, s.F.mT, "its transpose")
    weight = over.mT @ upper @ s.F
    law = s.W @ s.W.mT - back.mT @ weight - weight.mT @ back
    inner = s.A @ s.gram @ s.A.mT - upper - upper.mT
    argument.equal(law, s.F.mT @ inner @ s.F, "substitute W_l and W_{l+1}")
    right = fv.letter("G", "n", "k")
    argument.suppose_equal(s.F @ right, fv.identity(inner), "F_l has full row rank: F_lG = I")
    argument.suppose_equal(right.mT @ s.F.mT, fv.identity(inner), "its transpose, too")
    argument.equal(right.mT @ (s.F.mT @ inner @ s.F) @ right, inner, "and back: each law gives the other")
    stated = "W_lW_lᵀ − BᵀW_{l+1} − W_{l+1}ᵀB = F_lᵀ(A_lM_{l−1}A_lᵀ − A_{l+1} − A_{l+1}ᵀ)F_l"
    return argument.proved("FeedbackAlignment", stated, SCOPE)


@fv.claim("RAOG-W3")
def theorem_one_output_aligns_strongly_in_the_flow():
    """k = 1 from zero: 2A_{l+1} = A_l²M_{l−1} ≥ 0, and W_l = A_lF_lᵀF_{l−1} has that direction where A_l > 0."""
    argument = fv.Argument()
    low, up, below = fv.letter("A_{l}", 1, 1), fv.letter("A_{l+1}", 1, 1), fv.letter("F_{l-1}", 1, "m")
    back, first = fv.letter("F_{l}", 1, "n"), fv.letter("A_{1}", 1, "n_0")
    gram = fv.norm2(below)
    argument.suppose_equal(up, low * low * gram / 2, "the law from zero: A_{l+1} + A_{l+1}ᵀ = A_lM_{l−1}A_lᵀ")
    argument.at_least(up, up * 0, argument.square(low * below) * Fraction(1, 2), "A_{l+1} = ½(A_l‖F_{l−1}‖)²")
    second = fv.letter("A_{2}", 1, 1)
    argument.suppose_equal(second, fv.norm2(first) / 2, "the same at the bottom, M_0 = I")
    argument.at_least(second, second * 0, argument.square(first) * Fraction(1, 2), "A_2 = ½‖A_1‖²")
    weight, direction = (back.mT @ below) * low, back.mT @ below
    inner = fv.inner(weight, direction)
    argument.equal(inner, low * fv.norm2(back) * gram, "⟨W_l, F_lᵀF_{l−1}⟩ = A_l‖F_l‖²M_{l−1}")
    argument.equal(inner * inner, fv.norm2(weight) * fv.norm2(direction), "and the cosine is ±1")
    positive = argument.suppose(low, "A_l > 0", strict=True) * argument.suppose(fv.norm2(back), "F_l ≠ 0", strict=True)
    positive = positive * argument.suppose(gram, "F_{l−1} ≠ 0", strict=True)
    argument.at_least(inner, inner * 0, positive, "so it is 1")
    stated = "k = 1, from zero: A_l ≥ 0 for l ≥ 2, and cos(W_l, F_lᵀF_{l−1}) = 1 where A_l, F_l, F_{l−1} ≠ 0 (F_L = 1)"
    return argument.proved(fv.Flow(DFA).rule, stated, ONE)


@fv.claim("RAOG-W3")
def theorem_no_alignment_matrix_vanishes_above_one_that_does_not():
    """k = 1: A_1 ≠ 0 gives A_2 > 0, and A_l > 0 gives A_{l+1} > 0 where F_{l−1} ≠ 0; so all are, layer by layer."""
    argument = fv.Argument()
    first, second, low = fv.letter("A_{1}", 1, "n_0"), fv.letter("A_{2}", 1, 1), fv.letter("A_{l}", 1, 1)
    up, below = fv.letter("A_{l+1}", 1, 1), fv.letter("F_{l-1}", 1, "m")
    argument.suppose_equal(second, fv.norm2(first) / 2, "the law from zero, M_0 = I")
    argument.suppose_equal(up, low * low * fv.norm2(below) / 2, "the law from zero")
    moved = argument.suppose(fv.norm2(first), "A_1 ≠ 0", strict=True)
    argument.at_least(second, second * 0, moved * Fraction(1, 2), "A_2 = ½‖A_1‖²")
    above = argument.suppose(low, "A_l > 0", strict=True)
    given = argument.suppose(fv.norm2(below), "F_{l−1} ≠ 0", strict=True)
    argument.at_least(up, up * 0, above * above * given * Fraction(1, 2), "A_{l+1} = ½A_l²M_{l−1}")
    stated = "k = 1, from zero: where A_1 ≠ 0 and F_1, …, F_{L−1} ≠ 0, A_l > 0 for all l ≥ 2"
    return argument.proved(fv.Flow(DFA).rule, stated, ONE)


@fv.claim("RAOG-W3")
def theorem_the_first_alignment_matrix_does_not_return():
    """k = 1, f = c A_1x, where the law makes c a continuous function of ‖A_1‖²: A_1 ≠ 0 for all t > 0 if Σ_yx ≠ 0.

    ½C(‖A_1‖²) − ⟨w, A_1⟩ is 0 at the start, where it falls since wx ≠ 0 (Σ_yx ≠ 0), and never rises: it is negative for
    all t > 0. But where A_1 is 0, it is 0.
    """
    argument = fv.Argument()
    first, fit = fv.letter("A_{1}", 1, "n_0"), fv.letter("w", 1, "n_0")
    x, y, c, area = fv.letter("x", "n_0", "b"), fv.letter("y", 1, "b"), fv.letter("c", 1, 1), fv.letter("C", 1, 1)
    argument.suppose_equal(y @ x.mT, fit @ x @ x.mT, "w fits the data in least squares: w xxᵀ = Σ_yx has a solution")
    argument.moving(first, -(c * first @ x - y) @ x.mT, "dA_1 = −e xᵀ, e = c A_1x − y")
    motion = argument.moves["A_{1}"]
    argument.suppose(fv.norm2(fit @ x), "wx ≠ 0, as Σ_yx ≠ 0", strict=True)
    argument.moving(area, 2 * c * fv.inner(first, motion), "C(‖A_1‖²) has the derivative c(‖A_1‖²), and C(0) = 0")
    argument.never_rises(area / 2 - fv.inner(fit, first), argument.square((fit - c * first) @ x), "a square")
    stated = "k = 1, from zero, Σ_yx ≠ 0: ½C(‖A_1‖²) − ⟨w, A_1⟩ falls from 0, so that A_1 ≠ 0 for all t > 0"
    return argument.proved(fv.Flow(DFA).rule, stated, replace(ONE, loss="squared loss, Σ_yx ≠ 0"))


@fv.claim("RAOG-W3")
def theorem_one_output_has_the_direction_of_the_gradient():
    """k = 1: (W_L ⋯ W_{l+1})ᵀe is F_lᵀe times numbers A_{j+1}M_{j+1} that are positive, layer by layer.

    That A_{j+1} > 0 for all t > 0 is what the theorems above say, of squared loss on data with Σ_yx ≠ 0.
    """
    argument, up = fv.Argument(), fv.letter("A_{l+1}", 1, 1)
    above = fv.letter("F_{l+1}", 1, "q")
    back, e = fv.letter("F_{l}", 1, "n"), fv.letter("e", 1, "b")
    top = fv.letter("A_{L}", 1, 1)
    argument.equal((top * back).mT @ e, top * (back.mT @ e), "at the top W_L = A_LF_{L−1}")
    weight = (above.mT @ back) * up
    signal = fv.norm2(above) * up * (back.mT @ e)
    argument.equal(weight.mT @ (above.mT @ e), signal, "W_{l+1}ᵀF_{l+1}ᵀe = A_{l+1}M_{l+1} F_lᵀe")
    positive = argument.suppose(up, "A_{l+1} > 0", strict=True)
    positive = positive * argument.suppose(fv.norm2(above), "F_{l+1} ≠ 0", strict=True)
    factor = fv.norm2(above) * up
    argument.at_least(factor, factor * 0, positive, "the factor is positive")
    stated = "k = 1, from zero, all F_l ≠ 0: where A_2, …, A_L > 0, δ_l of the gradient is a positive multiple of DFA's"
    return argument.proved(fv.Flow(DFA).rule, stated, ONE)


# Small times


@fv.claim("RAOG-SEQ")
def theorem_layers_align_from_bottom_to_top():
    """If A_l = τc_l to leading order, τ = t^p, then A_{l+1} = ½τ²c_lM_{l−1}c_lᵀ: p = 1 below, so p = 2^{l−1}.

    τ moves at κτ with κ = p/t. The coefficients do not vanish: c_2 and what follows have a positive trace.
    """
    argument, s = fv.Argument(), Layer()
    tau, kappa = fv.letter("τ", 1, 1), fv.letter("κ", 1, 1)
    argument.moving(tau, kappa * tau, "τ = t^p: dτ/dt = (p/t)τ")
    c = fv.letter("c_{l}", "k", "k")
    upper = (c @ s.gram @ c.mT) / 2
    argument.equal(
        argument.rate(upper * tau * tau), argument.rate(c * tau) @ s.gram @ (c * tau).mT, "dA_{l+1} = dA_lM_{l−1}A_lᵀ"
    )
    sigma = fv.letter("Σ_yx", "k", "n_0")
    bottom = (sigma @ sigma.mT) / 2
    argument.equal(
        argument.rate(bottom * tau * tau), argument.rate(sigma * tau) @ (sigma * tau).mT, "dA_2 = dA_1A_1ᵀ, A_1 = tΣ_yx"
    )
    zero = upper * 0
    argument.equal(upper - upper.mT, zero, "symmetric")
    trace = argument.square(c @ s.below) * Fraction(1, 2)
    argument.at_least(fv.trace(upper), fv.trace(zero), trace, "tr c_{l+1} = ½‖c_lF_{l−1}‖²")
    argument.at_least(fv.trace(bottom), fv.trace(zero), argument.square(sigma) * Fraction(1, 2), "tr c_2 = ½‖Σ_yx‖²")
    argument.suppose(fv.norm2(sigma), "Σ_yx ≠ 0", strict=True)
    right = fv.letter("G", "m", "k")
    argument.suppose_equal(s.below @ right, fv.identity(c), "F_{l−1} has full row rank: F_{l−1}G = I")
    argument.equal(c @ s.below @ right, c, "so c_lF_{l−1} = 0 only where c_l = 0")
    stated = (
        "from zero, to leading order at small t: A_{l+1} = ½A_lM_{l−1}A_lᵀ, where ‖c_{l+1}‖ ≥ tr c_{l+1}/√k > 0 "
        "if c_l ≠ 0, so that ‖A_l‖ = Θ(t^{2^{l−1}})"
    )
    small = replace(
        SCOPE, loss="squared loss, Σ_yx ≠ 0", feedback="all F_l of full row rank", time="to leading order as t → 0"
    )
    return argument.proved(fv.Flow(DFA).rule, stated, small)


@fv.claim("RAOG-COND")
def theorem_data_enter_through_their_correlation():
    """A_2 = ½t²Σ_yxΣ_yxᵀ + R with dR/dt = −Σ_yxSᵀ − f xᵀA_1ᵀ, S = ∫ f xᵀ: R is O(t^{2^L+1}).

    By `theorem_layers_align_from_bottom_to_top` f = W_L ⋯ W_1x is of the order of A_L ⋯ A_1, t^{2^L−1}; so S
    is O(t^{2^L}), and each term of dR/dt has the factor S, or f and A_1: O(t^{2^L}), and R one order more.
    """
    argument = fv.Argument()
    x, y, f = fv.letter("x", "n_0", "b"), fv.letter("y", "k", "b"), fv.letter("f", "k", "b")
    first, second, rest = fv.letter("A_{1}", "k", "n_0"), fv.letter("A_{2}", "k", "k"), fv.letter("S", "k", "n_0")
    t, sigma = fv.letter("t", 1, 1), y @ x.mT
    argument.moving(t, t * 0 + 1, "time")
    argument.moving(first, -(f - y) @ x.mT, "dA_1 = −e xᵀ")
    argument.moving(rest, f @ x.mT, "S = ∫ f xᵀ")
    argument.moving(second, argument.moves["A_{1}"] @ first.mT, "dA_2 = dA_1A_1ᵀ")
    argument.conserved(first - sigma * t + rest, first, "A_1 − tΣ_yx + S is constant")
    for name in ("A_{1}", "S"):
        begun = fv.letter(f"{name}(0)", "k", "n_0")
        argument.suppose_equal(begun, begun * 0, "from zero")
    argument.suppose_equal(fv.letter("t(0)", 1, 1), t * 0, "from zero")
    argument.equal(first, sigma * t - rest, "A_1 = tΣ_yx − S")
    remainder = second - (sigma @ sigma.mT) * t * t / 2
    left = -(sigma @ rest.mT) - (f @ x.mT) @ (sigma * t - rest).mT
    argument.equal(argument.rate(remainder), left, "d/dt(A_2 − ½t²Σ_yxΣ_yxᵀ)")
    stated = "from zero: A_2 = ½t²Σ_yxΣ_yxᵀ + R, and each term of dR/dt has a factor f or its integral"
    return argument.proved(fv.Flow(DFA).rule, stated, replace(SCOPE, loss="squared loss"))


# What is false


def cross(matrix, row):
    """F₁ times the other entry: 0 if the column is a multiple of the row."""
    return matrix[0, 0] * row[0, 1] - matrix[1, 0] * row[0, 0]


@fv.claim("RAOG-W1-relu")
def counterexample_a_relu_step_leaves_the_family():
    """F₁ = (1, −2), F₂ = (1, −1), W₁ = F₁ᵀ, W₂ = F₂ᵀF₁, W₃ = 0, x = y = 1: the step of W₁ is no multiple of F₁ᵀ."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 2, 1)), DFA, weights=[[[1], [-2]], [[1, -2], [-1, 2]], [[0, 0]]],
        feedback={"F1": [[1, -2]], "F2": [[1, -1]]}, inputs=[[1]], targets=[[1]],
    )  # fmt: skip
    shows = (("det(W₁, F₁ᵀ)", lambda p: cross(p["W1"], p["F1"]), -2),)
    return fv.disproved("a step keeps W_1 in F_1ᵀA_1 for ReLU", fv.Stepped(problem, Fraction(1), 1, shows))


@fv.claim("RAOG-W1-start")
def counterexample_a_generic_start_is_not_forgotten():
    """L = 2, F₁ = (1, 0), W₁(0) = (0, 1)ᵀ: what lies off F₁ᵀ stays."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1), "linear"), DFA, weights=[[[0], [1]], [[0, 0]]], feedback={"F1": [[1, 0]]}, inputs=[[1]],
        targets=[[1]],
    )  # fmt: skip
    shows = (("W₁[1]", lambda p: p["W1"][1, 0], 1),)
    return fv.disproved("training leads W_1 into F_1ᵀA_1", fv.Stepped(problem, Fraction(1, 2), 3, shows))


@fv.claim("RAOG-W3-steps")
def counterexample_two_steps_turn_the_second_layer_around():
    """L = 2, η = 1, F₁ = 1, from zero: the sample (1, 1), then (1, −1). A₂ = −1, so the cosine is −1."""
    net = fv.MLP((1, 1, 1), "linear")
    weights = [[[0]], [[0]]]
    for target in (1, -1):
        problem = fv.FlowProblem(net, DFA, weights=weights, feedback={"F1": [[1]]}, inputs=[[1]], targets=[[target]])
        weights = [w.tolist() for w in fv.steps(problem, 1, 1).weights()]
    shows = (("W₂", lambda p: p["W2"][0, 0], sympy.Integer(-1)),)
    return fv.disproved("strong alignment in steps", fv.Stepped(problem, Fraction(1), 1, shows))


# Conditioning


@fv.claim("RAOG-COND")
def theorem_conditioning_bounds_the_angle_to_the_gradient():
    """F₁F₁ᵀ = I, A₂ = S + Sᵀ with eigenvalues in [a, b], 0 < a: (a + b)²⟨e, A₂e⟩² ≥ 4ab ‖e‖²‖A₂e‖².

    DFA's δ₁ is F₁ᵀe, the gradient's W₂ᵀe = F₁ᵀA₂e: so the cosine is at least 2√κ/(1 + κ), κ = b/a. What bounds the
    spectrum is (A₂ − a)(b − A₂) ⪰ 0, and the rest is that a square is not negative (Kantorovich's inequality).
    """
    argument = fv.Argument()
    feedback, half, e = fv.letter("F_{1}", "k", "n"), fv.letter("S", "k", "k"), fv.letter("e", "k", "b")
    matrix = half + half.mT  # A_2, which is symmetric
    low, high = fv.letter("a", 1, 1), fv.letter("b", 1, 1)
    argument.suppose_equal(feedback @ feedback.mT, fv.identity(matrix), "F_1F_1ᵀ = I")
    ours, gradient = feedback.mT @ e, (matrix @ feedback).mT @ e
    inner, own, seen = fv.inner(e, matrix @ e), fv.norm2(e), fv.norm2(matrix @ e)
    argument.equal(fv.inner(ours, gradient), inner, "F₁F₁ᵀ = I")
    argument.equal(fv.norm2(ours), own, "F₁F₁ᵀ = I")
    argument.equal(fv.norm2(gradient), seen, "F₁F₁ᵀ = I")
    ends = argument.suppose(low, "a > 0", strict=True) * argument.suppose(high, "b > 0", strict=True)
    spectrum = argument.for_all(
        lambda v: (low + high) * fv.inner(v, matrix @ v) - fv.norm2(matrix @ v) - low * high * fv.norm2(v),
        "the eigenvalues of A_2 lie in [a, b]: ⟨v, (A_2 − a)(b − A_2)v⟩ ≥ 0",
    )
    total = argument.square(matrix @ e) + ends * argument.square(e)
    wider = spectrum(e) * (spectrum(e) + total * 2)
    left = (low + high) * inner
    argument.suppose(own, "e ≠ 0", strict=True)
    argument.at_least(
        left, left * 0, spectrum(e) + total, "(a + b)⟨e, A₂e⟩ ≥ ‖A₂e‖² + ab‖e‖² ≥ 0: the cosine is not negative"
    )
    argument.at_least(left * left, total.word * total.word, wider, "p ≥ q ≥ 0 gives p² ≥ q²")
    apart = argument.square(seen - low * high * own)
    argument.at_least(total.word * total.word, 4 * low * high * own * seen, apart, "(‖A₂e‖² − ab‖e‖²)² ≥ 0")
    stated = "cos ∠(δ_1 of DFA, of the gradient) ≥ 2√(ab)/(a + b) = 2√κ/(1 + κ)"
    return argument.proved(fv.Flow(DFA).rule, stated, replace(SCOPE, depths="2"))


@fv.claim("RAOG-COND-strong")
def counterexample_strong_alignment_is_not_enough():
    """All A_l = I, F₁ = I, F₂ = diag(1, 2), M₂ = diag(1, 4): at e = (2, 1)ᵀ the cosine with the gradient is 4/5."""
    diagonal, one = [[1, 0], [0, 2]], [[1, 0], [0, 1]]
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 2, 2), "linear"), DFA, weights=[one, diagonal, diagonal], feedback={"F1": one, "F2": diagonal},
        inputs=[[1], [0]], targets=[[-1], [-1]],
    )  # fmt: skip

    def cosine(p):
        e = p["W3"] * p["W2"] * p["W1"] * p["x"] - p["y"]
        ours, gradient = p["F1"].T * e, (p["W3"] * p["W2"]).T * e
        return (ours.T * gradient)[0] / sympy.sqrt((ours.T * ours)[0] * (gradient.T * gradient)[0])

    def strong(name, form):
        return f"{name} is what strong alignment says", lambda p: sum(abs(v) for v in p[name] - form(p)), 0

    shows = (
        strong("W1", lambda p: p["F1"].T), strong("W2", lambda p: p["F2"].T * p["F1"]), strong("W3", lambda p: p["F2"]),
        ("cos ∠(F₁ᵀe, (W₃W₂)ᵀe)", cosine, sympy.Rational(4, 5)),
    )  # fmt: skip
    at_once = fv.Stepped(problem, Fraction(1), 0, shows)
    return fv.disproved("strong alignment of all layers is gradient alignment", at_once)
