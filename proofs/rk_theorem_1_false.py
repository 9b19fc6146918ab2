"""Robertson & Koyejo 2023, Theorem 1: what is false near it, each by an exact witness.

Every counterexample is found by the toolkit; beside it stands the witness of the literature or of a hand computation,
rechecked the same way.
"""

from fractions import Fraction

import faverify as fv

FA = fv.rules.FeedbackAlignment()
DFA = fv.rules.DirectFeedbackAlignment()
ONE = [[1]]


@fv.claim("RK-T1-matrix-relu")
def counterexample_matrix_feedback_balance_of_relu_networks():
    """The entries off the diagonal are not kept."""
    law, net = fv.laws.matrix_feedback_balance, fv.MLP((1, 2, 1), "relu")
    data = {"weights": [[[1], [-1]], [[1, 1]]], "feedback": [[[1, 1]]], "inputs": ONE, "error": ONE}
    return [fv.check(law, FA, activation="relu"), fv.refute_at(law, FA, net, **data)]


@fv.claim("RK-T1-bias-literal")
def counterexample_feedback_balance_without_the_bias_term():
    """All entries 1, widths 1-1-1: the rate is 1."""
    law, net = fv.laws.feedback_balance, fv.MLP((1, 1, 1), "linear", bias=True)
    given = fv.refute_at(law, FA, net, weights=[ONE, ONE], biases=[ONE, ONE], feedback=[ONE], inputs=ONE, error=ONE)
    assert given.witness.rate == 1
    return [fv.check(law, FA, bias=True), given]


@fv.claim("RK-T1-nonhomog")
def counterexample_feedback_balance_of_other_activations():
    """φ(h) ≠ h φ′(h) breaks the law: with all entries 1 the rate is φ(1) − φ′(1)."""
    law = fv.laws.feedback_balance
    cubic = fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name="h + h³")
    ones = {"weights": [ONE, ONE], "feedback": [ONE], "inputs": ONE, "error": ONE}
    given = [fv.refute_at(law, FA, fv.MLP((1, 1, 1), cubic), **ones)]
    assert given[0].witness.rate == -2
    smooth = ("tanh", "erf", "gelu", "silu", "softplus", "sigmoid")
    given += [fv.refute_at(law, FA, fv.MLP((1, 1, 1), name), **ones) for name in smooth]
    below = {**ones, "weights": [[[-1]], ONE]}
    given += [fv.refute_at(law, FA, fv.MLP((1, 1, 1), "elu"), **below)]  # 2/e − 1
    return [fv.check(law, FA, activation=phi) for phi in (cubic, "power-2", *smooth, "elu")] + given


def counterexample_feedback_balance_of_degree_p_with_p_one():
    """φ(h) = h³ has p = 3: the law with p = 1 is false, and so is the law with p = 3 for φ(h) = h²."""
    wrong = fv.laws.feedback_balance_of_degree(3)
    return [fv.check(fv.laws.feedback_balance, FA, activation="power-3"), fv.check(wrong, FA, activation="power-2")]


@fv.law("½‖W_l‖² − ⟨W_{l+1}, B_{l+2}⟩")
def shifted_balance(layer, above):
    """Theorem 1 with the poster's update index and its backward index together."""
    return fv.norm2(layer.W) / 2 - fv.inner(above.W, above.above.B)


@fv.claim("RK-T1-index")
def counterexample_feedback_one_layer_too_far():
    """W = 1, 2, 3 and B₂ = 1, B₃ = 5: the wrong pairing drifts at rate 20, the right one does not."""
    net = fv.MLP((1, 1, 1, 1), "linear")
    data = {"weights": [ONE, [[2]], [[3]]], "feedback": {"B2": ONE, "B3": [[5]]}, "inputs": ONE, "error": ONE}
    given = fv.refute_at(shifted_balance, FA, net, layer=1, **data)
    assert given.witness.rate == 20
    return [fv.check(shifted_balance, FA, net, layer=1), given]


@fv.claim("RK-T1-DFA-inner")
def counterexample_direct_feedback_balance_at_an_inner_layer():
    """W = 1, F₁ = 1, F₂ = 2: ⟨W₂, F₁⟩ does not balance layer 1."""
    law, net = fv.laws.direct_feedback_balance, fv.MLP((1, 1, 1, 1))
    data = {"weights": [ONE] * 3, "feedback": {"F1": ONE, "F2": [[2]]}, "inputs": ONE, "error": ONE}
    given = fv.refute_at(law, DFA, net, layer=1, **data)
    assert given.witness.rate == 1
    return [fv.check(law, DFA, net, layer=1), given]


@fv.law("½F_{l+1}‖W_l‖² − W_{l+1} F_l at widths 1, the law with B_{l+1} = F_l / F_{l+1} times F_{l+1}")
def repaired_direct_balance(layer, above):
    """The matrix law with B_{l+1} := G F_l and F_{l+1} G = 1, at widths 1."""
    return above.F * fv.norm2(layer.W) / 2 - above.W * layer.F


def theorem_repaired_direct_balance_of_linear_networks():
    """The repair does hold for linear networks, so that the counterexample below speaks of ReLU and of nothing else."""
    return fv.check(repaired_direct_balance, DFA, fv.MLP((1, 1, 1, 1), "linear"), layer=1)


@fv.claim("RK-T1-DFA-relu-inner")
def counterexample_repaired_direct_balance_of_relu_networks():
    """W = 1, −1, 1 and F₁ = F₂ = 1: the second gate is closed, the first is open."""
    net = fv.MLP((1, 1, 1, 1), "relu")
    data = {"weights": [ONE, [[-1]], ONE], "feedback": {"F1": ONE, "F2": ONE}, "inputs": ONE, "error": ONE}
    given = fv.refute_at(repaired_direct_balance, DFA, net, layer=1, **data)
    assert given.witness.rate == Fraction(-1)
    return [fv.check(repaired_direct_balance, DFA, net, layer=1), given]


def counterexample_laws_of_one_rule_under_another():
    """Feedback balance is no law of back-propagation, and balancedness none of feedback alignment or sign-symmetry."""
    return [
        fv.check(fv.laws.feedback_balance, fv.rules.BackPropagation()),
        fv.check(fv.laws.balancedness, FA),
        fv.check(fv.laws.balancedness, fv.rules.SignSymmetry()),
        fv.check(fv.laws.feedback_balance, fv.rules.KolenPollack()),
    ]
