"""What becomes of Theorem 1 in discrete steps, with rates, momentum, decay, and other feedback than a fixed matrix.

Identities are proved for all widths and depths; hypotheses that a statement needs are its `assume`.
"""

import faverify as fv

R, L = fv.rules, fv.laws
FA = R.FeedbackAlignment()
ONE = [[1]]


# One step of training


@fv.claim("RK-T1-discrete")
def theorem_one_step_gains_half_the_square_of_the_step():
    """Q_l(W + ΔW) − Q_l(W) = ½‖ΔW_l‖², per neuron and as a matrix: drift is ½ Σ ‖ΔW_l‖², never "nearly nothing"."""
    return [
        fv.increment(L.feedback_balance, FA, L.half_square),
        fv.increment(L.neuron_feedback_balance, FA, L.neuron_half_square),
    ]


def theorem_one_step_of_a_linear_network_gains_the_matrix_square():
    """W_l W_lᵀ − BᵀW_{l+1} − W_{l+1}ᵀB gains ΔW_l ΔW_lᵀ."""
    return fv.increment(L.matrix_feedback_balance, FA, L.matrix_square, activation="linear")


class Sequential(fv.LearningRule):
    """The first layer moves first, and the second layer's step sees what it has become (two layers, linear)."""

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        below, above = run.layers
        step = -(below.dphi * (above.B.mT @ e)) @ x.mT
        moved = below.a + step @ x
        return {"W1": step, "W2": -(e + above.W @ (moved - below.a)) @ moved.mT}


def counterexample_layers_that_move_one_after_the_other():
    """W = B = x = 1, y = 3: the drift is 4, not ½ · 2²."""
    net, data = fv.MLP((1, 1, 1), "linear"), {"weights": [ONE, ONE], "feedback": {"B2": ONE}, "inputs": ONE}
    asked = {"step": True, "rate": L.half_square, "assume": "squared-loss"}
    given = fv.refute_at(L.feedback_balance, Sequential(), net, **data, error=[[-2]], targets=[[3]], **asked)
    assert given.witness.rate == 4 - 2
    return given


# Rates, momentum, decay


@fv.law("½η_{l+1}‖ΔW_l‖²")
def rated_half_square(layer, above):
    return fv.parameter("η")[above.index] * fv.norm2(layer.W) / 2


@fv.claim("RK-T1-lr")
def theorem_layer_rates_weigh_the_law():
    """½‖W_l‖²/η_l − ⟨W_{l+1}, B_{l+1}⟩/η_{l+1} is constant; a step gains ½‖ΔW_l‖²/η_l (both times η_l η_{l+1})."""
    rated = R.LayerRates(FA, fv.per_layer("η"))
    return [
        fv.check(L.rated_feedback_balance("η"), rated),
        fv.increment(L.rated_feedback_balance("η"), rated, rated_half_square),
    ]


def counterexample_layer_rates_without_weights():
    """With rates of their own, the layers do not keep Theorem 1's law."""
    return fv.check(L.feedback_balance, R.LayerRates(FA, fv.per_layer("η")))


@fv.claim("RK-T1-momentum")
def theorem_momentum_has_an_equation_of_second_order():
    """Q̈ + γQ̇ = ‖Ẇ_l‖², as d/dt (Q̇ + γQ) = ‖V_l‖² with Ẇ = V."""
    return fv.check(L.momentum_balance("γ"), R.Momentum(FA), rate=L.kinetic)


def counterexample_momentum_does_not_keep_the_law():
    """Q itself is not constant, and neither is Q̇ + γQ."""
    return [fv.check(law, R.Momentum(FA)) for law in (L.feedback_balance, L.momentum_balance("γ"))]


decay = fv.parameter("λ")


@fv.assumption("λ_{l+1} = 2λ_l")
def doubling(layer, above):
    return decay[above.index], 2 * decay[layer.index]


@fv.law("−2λ_l Q")
def twice_decay(layer, above):
    return -2 * decay[layer.index] * L.feedback_balance(layer, above)


@fv.law("−λQ − λ·½‖W_l‖²")
def equal_decay(layer, above):
    return -decay * L.feedback_balance(layer, above) - decay * fv.norm2(layer.W) / 2


@fv.claim("RK-T1-decay")
def theorem_decay_that_doubles_makes_a_semi_invariant():
    """λ on W_l and 2λ on W_{l+1}: dQ/dt = −2λQ. One λ for all: dQ/dt = −λQ − λ·½‖W_l‖² (see docs)."""
    each, same = R.WeightDecay(FA, fv.per_layer("λ")), R.WeightDecay(FA, decay)
    return [
        fv.check(L.feedback_balance, each, rate=twice_decay, assume=[doubling]),
        fv.check(L.feedback_balance, same, rate=equal_decay),
    ]


def counterexample_decay_that_does_not_double():
    """Without the hypothesis, and with one λ for all layers, dQ/dt is not −2λQ."""
    each, same = R.WeightDecay(FA, fv.per_layer("λ")), R.WeightDecay(FA, decay)
    return [
        fv.check(L.feedback_balance, each, rate=twice_decay),
        fv.check(L.feedback_balance, same, rate=-2 * decay),
    ]


@fv.claim("RK-T1-precond")
def counterexample_sign_descent():
    """W₁ = (1, 2), W₂ = B₂ = 1, x = (1, 1), e = 1: rate −(1 + 2) + 1 = −2."""
    data = {"weights": [[[1, 2]], ONE], "feedback": [ONE], "inputs": [[1], [1]], "error": ONE}
    given = fv.refute_at(L.feedback_balance, R.SignDescent(FA), fv.MLP((2, 1, 1)), **data)
    assert given.witness.rate == -2
    return [fv.check(L.feedback_balance, R.SignDescent(FA)), given]


# Direct feedback in linear networks


@fv.law("W_l W_lᵀ − B_{l+1}ᵀ W_{l+1} − W_{l+1}ᵀ B_{l+1}, B_{l+1} = G_{l+1}ᵀ F_l")
def direct_matrix_balance(layer, above):
    feedback = above.constant("G", "direct").mT @ layer.F
    return layer.W @ layer.W.mT - feedback.mT @ above.W - above.W.mT @ feedback


@fv.claim("RK-T1-DFA-linear")
def theorem_direct_feedback_with_a_right_inverse():
    """Linear: where F_{l+1} has full row rank, G_{l+1}ᵀ F_l stands in for W_{l+1} at every layer."""
    return fv.check(direct_matrix_balance, R.DirectFeedbackAlignment(), activation="linear", assume="right-inverse")


def counterexample_direct_feedback_with_any_other_matrix():
    """Without F_{l+1} G_{l+1}ᵀ = I, or with a gate, it does not."""
    rule = R.DirectFeedbackAlignment()
    return [
        fv.check(direct_matrix_balance, rule, activation="linear"),
        fv.check(direct_matrix_balance, rule, activation="relu", assume="right-inverse"),
    ]


# Feedback that is a gradient


class AnyFeedback(fv.LearningRule):
    """δ_l = φ′(h_l) ⊙ (M_{l+1}ᵀ δ_{l+1}), with M any function of W_{l+1} and of time."""

    def feedback(self, above):
        return above.constant("M")


@fv.law("½‖W_l‖² − ∫⟨M_{l+1}, dW_{l+1}⟩")
def work_balance(layer, above):
    return fv.norm2(layer.W) / 2 - fv.primitive(above.constant("M"), above.W)


@fv.claim("RK-G")
def theorem_feedback_balances_its_work():
    """½‖W_l‖² − ∫⟨M, dW_{l+1}⟩ for any feedback M; where M = ∇G(W_{l+1}) the integral is G(W_{l+1})."""
    return fv.check(work_balance, AnyFeedback())


class WeightedSign(fv.LearningRule):
    """M ⊙ sign(W), M fixed."""

    def feedback(self, above):
        return above.constant("M") * fv.sign(above.W)


class Mixed(fv.LearningRule):
    """B + W/3 + W³, entry by entry."""

    def feedback(self, above):
        return above.B + above.W / 3 + above.W**3


def theorem_laws_that_belong_to_their_rules():
    """G found from the rule: ⟨·, B⟩, ½‖·‖², ‖·‖₁ weighted or not, polynomials, ½ log det WWᵀ, log|det W|."""
    found = [FA, R.BackPropagation(), R.SignSymmetry(), R.FixedMagnitudeSignSymmetry(), WeightedSign(), Mixed()]
    found += [R.PseudoInverseFeedback(), R.InverseFeedback()]
    return [fv.law_of(rule).verdict for rule in found]


def theorem_published_forms_of_sign_symmetry():
    """½‖W_l‖² − ‖W_{l+1}‖₁, its neurons' shares, and the same weighed by fixed magnitudes."""
    return [
        fv.check(L.sign_balance, R.SignSymmetry()),
        fv.check(L.neuron_sign_balance, R.SignSymmetry()),
        fv.check(L.magnitude_balance, R.FixedMagnitudeSignSymmetry()),
    ]


# Feedback that moves


class Moving(fv.LearningRule):
    """FA whose B moves in any way: Ḃ = U."""

    def feedback(self, above):
        return above.B

    def update(self, layer, below, output):
        return {"B": layer.constant("U")}


@fv.law("−⟨W_{l+1}, Ḃ_{l+1}⟩")
def lost_to_feedback(layer, above):
    return -fv.inner(above.W, above.constant("U"))


@fv.claim("RK-KP")
def theorem_feedback_that_moves():
    """Any moving B: dQ/dt = −⟨W_{l+1}, Ḃ_{l+1}⟩. Kolen–Pollack with decay: semi-invariants of rates −λ and −2λ."""
    rule = R.KolenPollack(decay)
    return [
        fv.check(L.feedback_balance, Moving(), rate=lost_to_feedback),
        fv.check(L.kolen_pollack_difference, rule, rate=-decay),
        fv.check(L.kolen_pollack_balance, rule, rate=-2 * decay),
    ]


def counterexample_kolen_pollack_at_another_rate():
    """With decay neither is constant, nor of the other's rate."""
    rule = R.KolenPollack(decay)
    return [
        fv.check(L.kolen_pollack_difference, rule),
        fv.check(L.kolen_pollack_difference, rule, rate=-2 * decay),
        fv.check(L.kolen_pollack_balance, rule, rate=-decay),
    ]
