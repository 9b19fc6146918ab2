"""Robertson & Koyejo 2023, Theorem 1: what is true of it, for all widths, depths, batches, losses and activations.

Each theorem is proved by the toolkit when this file is run; nothing is quoted from elsewhere.
"""

import faverify as fv

FA = fv.rules.FeedbackAlignment()
BP = fv.rules.BackPropagation()
DFA = fv.rules.DirectFeedbackAlignment()
KP = fv.rules.KolenPollack()


@fv.claim("RK-T1")
def theorem_feedback_balance():
    """½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩ is a first integral of FA, for every φ with φ(h) = h φ′(h)."""
    return fv.check(fv.laws.feedback_balance, FA)


@fv.claim("RK-T1-kink")
def theorem_feedback_balance_at_kinks():
    """No value of φ′ at the kink matters, since h φ′(h) = 0 = φ(h) there."""
    named = ("relu", "leaky-relu", "abs")
    return [fv.check(fv.laws.feedback_balance, FA, activation=name) for name in named]


@fv.claim("RK-T1-neuron")
def theorem_neuron_feedback_balance():
    """Each hidden neuron's share of the balance is a first integral by itself."""
    return fv.check(fv.laws.neuron_feedback_balance, FA)


@fv.claim("RK-T1-matrix")
def theorem_matrix_feedback_balance_of_linear_networks():
    """Linear networks keep every entry of W_l W_lᵀ − BᵀW − WᵀB."""
    return fv.check(fv.laws.matrix_feedback_balance, FA, activation="linear")


@fv.claim("RK-T1-bias")
def theorem_feedback_balance_with_biases():
    """With trained biases, ½‖b_l‖² joins; per neuron ½b_l[j]²."""
    candidates = (fv.laws.feedback_balance_bias, fv.laws.neuron_feedback_balance_bias)
    return [fv.check(law, FA, bias=True) for law in candidates]


@fv.claim("RK-T1-homog-p")
def theorem_feedback_balance_of_degree_p():
    """h φ′(h) = p φ(h) weighs the inner product by p, for every p ≠ 0 at once."""
    p = fv.parameter("p")
    makers = (fv.laws.feedback_balance_of_degree, fv.laws.neuron_feedback_balance_of_degree)
    return [fv.check(make(p), FA, activation=fv.homogeneous(p)) for make in makers]


@fv.claim("RK-T1-DFA")
def theorem_direct_feedback_balance_of_the_last_hidden_layer():
    """Direct feedback is feedback alignment at the last hidden layer."""
    candidates = (fv.laws.direct_feedback_balance, fv.laws.neuron_direct_feedback_balance)
    return [fv.check(law, DFA, layer=-1) for law in candidates]


@fv.claim("RK-KP")
def theorem_kolen_pollack_invariants():
    """One drive for W_{l+1} and B_{l+1} keeps their difference, and ½‖W_l‖² − ½‖B_{l+1}‖²."""
    return [fv.check(law, KP) for law in (fv.laws.kolen_pollack_difference, fv.laws.kolen_pollack_balance)]


def theorem_balancedness_of_back_propagation():
    """The known laws of gradient flow (Du, Hu & Lee 2018; Arora, Cohen & Hazan 2018) come out of the same engine."""
    return [
        fv.check(fv.laws.balancedness, BP),
        fv.check(fv.laws.neuron_balancedness, BP),
        fv.check(fv.laws.matrix_balancedness, BP, activation="linear"),
        fv.check(fv.laws.balancedness_bias, BP, bias=True),
    ]


def theorem_feedback_balance_in_given_networks():
    """The same for networks one can write down, several outputs and biases included."""
    return [
        fv.check(fv.laws.feedback_balance, FA, fv.MLP((3, 4, 2, 2))),
        fv.check(fv.laws.feedback_balance, FA, fv.MLP((5, 5, 5, 5, 1), "abs")),
        fv.check(fv.laws.feedback_balance_bias, FA, fv.MLP((2, 3, 1), "leaky-relu-1/10", bias=True)),
    ]
