"""Align, then memorise: two layers with any φ, one output, and convolutions (Refinetti, d'Ascoli, Ohana & Goldt 2021).

What is proved is algebra: a falling quadratic form, one step of training, exact ranks. What is cited for the rest is
named in the docstring. `conjecture_…` returns evidence, by criteria that were fixed before the runs.
"""

from dataclasses import replace

import faverify as fv
from faverify.experiments.convolutions import convolution_basis, generically_apart

DFA, BP = fv.rules.DirectFeedbackAlignment(), fv.rules.BackPropagation()
SCOPE = fv.Scope(
    layers="both", widths="all, one output", depths="2", batch="all", loss="squared loss", activations="all φ",
    gates="none", feedback="all v_kF_k ≠ 0", time="the linearised flow at a point where e = 0",
)  # fmt: skip


# Degeneracy breaking


def falling(rule, feedback, ratio):
    """½Σ_k (v_k/G_k)‖ΔW_k‖² + ½‖Δv‖² falls at the rate ‖e‖², where e is the error to first order.

    `feedback` is G, which the rule sends back for v; `ratio` is v/G.
    """
    flow, argument = fv.Flow(rule, activation="any"), fv.Argument()
    s = flow.now
    back = feedback(s)
    argument.equal(flow.moves["W1"], -(s.dphi1 * (back.mT @ s.e)) @ s.x.mT, "the rule: linear in e, which is 0 here")
    argument.equal(flow.moves["W2"], -s.e @ s.phi1.mT, "the rule")
    quotient = ratio(argument, s)
    rows, top = fv.letter("ΔW", "n_1", "n_0"), fv.letter("Δv", 1, "n_1")
    e = flow.first_order({"W1": rows, "W2": top})
    argument.moving(rows, -(s.dphi1 * (back.mT @ e)) @ s.x.mT, "so Δ moves by the error to first order")
    argument.moving(top, -e @ s.phi1.mT, "and the head")
    argument.equal(e, s.W2 @ (s.dphi1 * (rows @ s.x)) + top @ s.phi1, "e = Σ_k v_kφ′(h_k)ΔW_kx + Δv_kφ(h_k)")
    form = fv.inner(quotient.mT * rows, rows) / 2 + fv.norm2(top) / 2
    argument.never_rises(form, argument.square(e), "½⟨Δ, D⁻¹Δ⟩ falls at the rate ⟨Δ, SΔ⟩ = ‖e‖²")
    return flow, argument


@fv.claim("RAOG-DEG")
def theorem_a_quadratic_form_falls_along_the_linearised_flow():
    """Δ̇ = −DSΔ, D = diag(F_k/v_k, d times each; 1, K times), and ½⟨Δ, D⁻¹Δ⟩ falls at the rate ⟨Δ, SΔ⟩.

    Where S is positive definite, −DS has as many eigenvalues with positive real part as D has negative entries, that is
    d·#{k : v_kF_k < 0}, and none on the axis: the theorem of Ostrowski & Schneider (1962), cited. That S is positive
    definite is decided exactly for given weights by `fv.unstable_directions`.
    """

    def ratio(argument, s):
        found = fv.letter("v/F", 1, "n_1")
        argument.suppose_equal(s.W2, s.F1 * found, "v = F ⊙ (v/F): no F_k is 0")
        return found

    flow, argument = falling(DFA, lambda s: s.F1, ratio)
    return argument.proved(flow.rule, "½Σ_k(v_k/F_k)‖ΔW_k‖² + ½‖Δv‖² falls at the rate ‖e‖² along DFA", SCOPE)


@fv.claim("RAOG-DEG")
def theorem_back_propagation_selects_no_sign():
    """The control: under BP D = 1, so that ½‖Δ‖² falls at every zero-loss point, in all sign copies alike."""
    flow, argument = falling(BP, lambda s: s.W2, lambda argument, s: s.W2 * 0 + 1)
    scope = replace(SCOPE, feedback="none")
    return argument.proved(flow.rule, "½‖ΔW‖² + ½‖Δv‖² falls at the rate ‖e‖² along back-propagation", scope)


# Order parameters


@fv.claim("RAOG-ODE")
def theorem_a_step_of_online_training_moves_the_order_parameters():
    """One fresh sample moves R, Q and v by 1/N times what the equations average, and Q by ‖x‖²/N in its last term.

    Averages over normal x given R, Q and v are I₂, I₃ and I₄ by their definition, and ‖x‖²/N → 1: these are the
    equations. That R, Q and v follow their averages as N → ∞ is the theorem of Goldt et al. (2020), cited; the closed
    forms of I₂, I₃ and I₄ and the gap at finite N are measured in the tests.
    """
    flow, argument = fv.Flow(DFA, activation="any"), fv.Argument()
    s = flow.now
    argument.equal(flow.moves["W1"], -(s.dphi1 * (s.F1.mT @ s.e)) @ s.x.mT, "the rule")
    argument.equal(flow.moves["W2"], -s.e @ s.phi1.mT, "the rule")
    number, eta = fv.letter("1/√N", 1, 1), fv.letter("η", 1, 1)
    W, teacher, x = fv.letter("W", "K", "N"), fv.letter("W*", "M", "N"), fv.letter("x", "N", 1)
    F, v, taught = fv.letter("F", "K", 1), fv.letter("v", "K", 1), fv.letter("v*", "M", 1)
    phi, slope, known = fv.letter("φ", "K", 1), fv.letter("φ′", "K", 1), fv.letter("φ*", "M", 1)
    each = number * number
    h, above = (W @ x) * number, (teacher @ x) * number
    e = v.mT @ phi - taught.mT @ known
    pull = F * slope * e
    step = -(eta * number * pull) @ x.mT
    moved = W + step
    argument.equal(
        (moved @ teacher.mT - W @ teacher.mT) * each, -(eta * pull @ above.mT) * each,
        "N ΔR_km = −η F_k φ′(h_k) h*_m e, e = Σ_c s_c φ(h_c)",
    )  # fmt: skip
    norm = fv.norm2(x) * each
    argument.equal(
        (moved @ moved.mT - W @ W.mT) * each,
        (-eta * (pull @ h.mT + h @ pull.mT) + eta * eta * norm * (pull @ pull.mT)) * each,
        "N ΔQ_kl = −η(F_k φ′(h_k) h_l + F_l φ′(h_l) h_k)e + η²F_kF_l φ′(h_k)φ′(h_l)e² ‖x‖²/N",
    )  # fmt: skip
    head = -(eta * each * phi) * e
    argument.equal(head, -(eta * (phi @ (v.mT @ phi) - phi @ (taught.mT @ known))) * each, "N Δv_k = −η φ(h_k)e")
    stated = "a step of online DFA moves R, Q and v by 1/N times the integrands of the equations, times ‖x‖²/N in η²"
    once = replace(SCOPE, batch="one fresh sample", feedback="all", time="one step θ + Δθ, of any size")
    return argument.proved(flow.rule, stated, once)


# Two phases


@fv.claim("RAOG-ATM")
def conjecture_direct_feedback_aligns_then_memorises():
    """20 seeds in 4 sign patterns from scale 0.01: most runs of DFA align first and memorise then, and BP's do not."""
    return fv.two_phases()


# Convolutions


@fv.claim("RAOG-CONV")
def theorem_weak_alignment_meets_convolutions_in_zero_alone():
    """At these sizes {F_lᵀAF_{l−1}} and block-Toeplitz matrices have only 0 in common, for generic F.

    Room, k² + dim C ≤ n_l n_{l−1}, is needed and is not enough: kernels of one tap, 3 channels on 2 places and k = 5
    have 34 ≤ 36, and for every F a convolution a bᵀ in the family, with b orthogonal to the kernel of F_{l−1} and a to
    that of F_l. What is enough is k ≤ length − taps, for all F of rank k: a block that is not 0 is a circulant of rank
    length − taps + 1 at least, as a polynomial has no more roots than its degree.

    That direct feedback cannot train convolutions does not follow, and is a heuristic. What still holds of shared
    kernels is Theorem 1, with feedback of their shape: RK-T1-conv.
    """
    sizes = [(2, (2, 2), 4, 3), (3, (2, 3), 5, 3), (5, (4, 4), 4, 2), (1, (1, 1), 3, 2), (6, (4, 4), 6, 3)]
    return [generically_apart(k, convolution_basis(channels, length, kernel)) for k, channels, length, kernel in sizes]
