"""Which laws there are: all of them, counted exactly for the networks listed.

`discover` finds every polynomial law of degree ≤ 2 that is common to all inputs and all error signals, and certifies
each over the rationals; the Lie rank bounds from above how many laws of any kind can be independent. A count is a
theorem where the two meet. The laws that RK-COMPLETE names for linear networks are proved for all widths.
"""

import faverify as fv

FA = fv.rules.FeedbackAlignment()


def dimension_of_laws(d, m, k):
    """md + mk − kd − k(k − 1)/2, for B of full row rank k ≤ m."""
    return m * d + m * k - k * d - k * (k - 1) // 2


@fv.claim("RK-COMPLETE")
def theorem_count_of_laws_of_two_layer_linear_networks():
    """Linear, d inputs, m hidden, k outputs: exactly md + mk − kd − k(k − 1)/2 independent laws."""
    found = []
    for d, m, k in ((2, 2, 1), (2, 2, 2), (2, 3, 2), (1, 2, 1), (3, 2, 1), (1, 3, 2)):
        answer = fv.discover(FA, fv.MLP((d, m, k), "linear"))
        assert answer.independent == dimension_of_laws(d, m, k), (d, m, k, answer.independent)
        found.append(answer)
    return found


@fv.claim("RK-COMPLETE")
def theorem_count_of_laws_of_two_layer_relu_networks():
    """ReLU, one output, d ≥ 2: the m neuron laws and no other, whatever the matrix law would have been."""
    found = []
    for d, m in ((2, 1), (2, 2), (2, 3), (3, 2), (3, 4)):
        answer = fv.discover(FA, fv.MLP((d, m, 1), "relu"))
        names = [law.known for law in answer.laws]
        assert names == [f"neuron-feedback-balance[{j}] at layer 1" for j in range(m)], names
        found.append(answer)
    return found


def theorem_the_count_is_another_where_there_are_fewer_hidden_neurons():
    """d = m = 1, k = 2: one law, where the formula for k ≤ m would say 0: B cannot have full row rank."""
    answer = fv.discover(FA, fv.MLP((1, 1, 2), "linear"))
    assert answer.independent == 1 != dimension_of_laws(1, 1, 2)
    return answer


def theorem_counts_of_other_networks():
    """Independent laws of FA and BP, ReLU and linear, and of DFA: each count meets the Lie rank's bound."""
    BP, DFA = fv.rules.BackPropagation(), fv.rules.DirectFeedbackAlignment()
    counts = [
        (FA, (2, 2, 2), "relu", 2), (FA, (2, 3, 2), "relu", 3), (FA, (2, 2, 2, 1), "relu", 4),
        (FA, (2, 2, 2, 1), "linear", 8), (DFA, (2, 2, 2, 1), "relu", 2),
        (BP, (2, 2, 1), "relu", 2), (BP, (2, 2, 1), "linear", 3), (BP, (2, 2, 2), "linear", 3),
        (BP, (2, 3, 2), "linear", 6), (BP, (2, 2, 2, 1), "linear", 6),
    ]  # fmt: skip
    found = []
    for rule, widths, activation, count in counts:
        answer = fv.discover(rule, fv.MLP(widths, activation))
        assert answer.independent == count, (rule, widths, activation, answer.independent)
        found.append(answer)
    return found


# The laws themselves, for all widths, with any G such that B Gᵀ = I; (B⁺)ᵀ is one


def make_dual(data):
    """B from the data, and G = (B⁺)ᵀ."""
    from faverify.model.assumptions import dual

    for name, rows in list(data.items()):
        if name[0] == "G" and f"B{name[1:]}" in data:
            rows[:] = dual(data[f"B{name[1:]}"]) or rows


@fv.assumption("B_L G_Lᵀ = I", arrange=make_dual)
def pseudo_inverse(output):
    B, G = output.B, output.constant("G")
    return B @ G.mT, fv.identity(B)


def parts(layer, above):
    """U = (I − BᵀG)W_{L−1} and Z = G W_{L−1}; with G = (B⁺)ᵀ, BᵀG = GᵀB = B⁺B is RK-COMPLETE's P."""
    G = above.constant("G")
    return layer.W - above.B.mT @ (G @ layer.W), G @ layer.W, G


@fv.law("U = (I − B_LᵀG) W_{L−1}")
def untouched(layer, above):
    return parts(layer, above)[0]


@fv.law("W_L (I − GᵀB_L) − Z Uᵀ, Z = G W_{L−1}")
def cross(layer, above):
    U, Z, G = parts(layer, above)
    return above.W - above.W @ G.mT @ above.B - Z @ U.mT


@fv.law("W_L Gᵀ + G W_Lᵀ − Z Zᵀ, Z = G W_{L−1}")
def square(layer, above):
    _, Z, G = parts(layer, above)
    return above.W @ G.mT + G @ above.W.mT - Z @ Z.mT


def theorem_laws_of_the_last_two_linear_layers():
    """U, W_L(I − GᵀB) − ZUᵀ and W_L Gᵀ + G W_Lᵀ − ZZᵀ are constant."""
    options = {"layer": -1, "activation": "linear", "assume": [pseudo_inverse]}
    return [fv.check(law, FA, **options) for law in (untouched, cross, square)]


def counterexample_laws_of_the_last_two_layers_under_another_hypothesis():
    """None of them holds for another G, nor for ReLU."""
    linear = {"layer": -1, "activation": "linear"}
    relu = {"layer": -1, "activation": "relu", "assume": [pseudo_inverse]}
    return [fv.check(law, FA, **options) for law in (untouched, cross, square) for options in (linear, relu)]
