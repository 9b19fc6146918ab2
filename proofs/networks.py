"""Networks beyond the chain: where the law of one layer fails, the sum over a tied group of layers is conserved.

All widths; residual and recurrent networks with any number of blocks or steps. Convolutions have kernel-shaped feedback
and every stride, padding, dilation and number of dimensions; attention has any softmax and any loss.
"""

import faverify as fv

L, N, R = fv.laws, fv.networks, fv.rules
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
TOTAL, NEURON, MATRIX = (
    fv.total(law) for law in (L.feedback_balance, L.neuron_feedback_balance, L.matrix_feedback_balance)
)


# Residual networks


@fv.claim("RK-T1-residual")
def counterexample_the_trunk_of_a_residual_network():
    """The law of Theorem 1 holds inside of a block, and fails at the stem and at what a block adds to the trunk."""
    verdict = fv.refute(L.feedback_balance, FA, N.Residual(1))
    assert {k: part.kind for k, part in verdict.layers.items()} == {"stem": "refuted", "W1": "proved", "V1": "refuted"}
    return verdict


@fv.claim("RK-T1-residual-total")
def theorem_the_trunk_as_a_whole():
    """½‖stem‖² + Σ ½‖V_l‖² − Σ ⟨W_l, B_l⟩ − ⟨head, B⟩, and ½‖W_l‖² − ⟨V_l, B⟩ in each block; so per channel."""
    return [fv.prove(TOTAL, FA, N.Residual()), fv.prove(NEURON, FA, N.Residual())]


@fv.claim("RK-T1-residual-one")
def counterexample_one_matrix_blocks():
    """a ← a + φ(W_l a): the law of one layer fails at every layer."""
    verdict = fv.refute(L.feedback_balance, FA, N.OneMatrixResidual(2))
    assert {part.kind for part in verdict.layers.values()} == {"refuted"}
    return verdict


@fv.claim("RK-T1-residual-one-total")
def theorem_one_matrix_blocks():
    """½‖stem‖² + Σ (½‖W_l‖² − ⟨W_l, B_l⟩) − ⟨head, B⟩ is constant, per channel too."""
    return [fv.prove(TOTAL, FA, N.OneMatrixResidual()), fv.prove(NEURON, FA, N.OneMatrixResidual())]


def theorem_one_matrix_blocks_of_linear_units_entry_by_entry():
    """Linear: W_0W_0ᵀ + Σ (W_lW_lᵀ − B_lᵀW_l − W_lᵀB_l) − (BᵀW + WᵀB at the head)."""
    return fv.prove(MATRIX, FA, N.OneMatrixResidual(), activation="linear")


def counterexample_one_matrix_blocks_entry_by_entry_with_relu():
    """The matrix law needs linear units."""
    return fv.refute(MATRIX, FA, N.OneMatrixResidual(1), activation="relu")


@fv.claim("RK-T1-residual-discrete")
def theorem_one_step_of_a_residual_network():
    """A step adds ½ Σ_into ‖ΔW‖² to the law of every group."""
    return [
        fv.increment(TOTAL, FA, L.half_square, N.Residual()),
        fv.increment(NEURON, FA, L.neuron_half_square, N.OneMatrixResidual()),
    ]


def theorem_balancedness_of_residual_networks():
    """Back-propagation keeps Σ_into ½‖W‖² − Σ_out ½‖W‖²."""
    return [fv.prove(fv.total(L.balancedness), BP, N.Residual()), fv.prove(fv.total(L.balancedness), BP, N.Recurrent())]


def counterexample_the_two_laws_are_not_each_others():
    """Feedback alignment does not keep the balance of back-propagation, nor the other way round."""
    return [fv.refute(fv.total(L.balancedness), FA, N.Residual(1)), fv.refute(TOTAL, BP, N.Residual(1))]


class Doubled(R.FeedbackAlignment):
    """FA, where every signal comes back doubled."""

    def error(self, layer, above, output):
        return layer.dphi * (self.feedback(above).mT @ above.delta) * 2


def counterexample_signals_that_grow_on_the_way():
    """A mutant: what comes back must be what the feedback carries, no more."""
    return fv.refute(TOTAL, Doubled(), N.Residual(1))


# Convolutions


@fv.claim("RK-T1-conv")
def theorem_kernels_that_are_shared():
    """½‖K_l‖² − ⟨K_{l+1}, B_{l+1}⟩ for all taps together, per channel too: sharing does no harm."""
    net = N.Convolution(taps=(3, 2))
    return [
        fv.prove(L.feedback_balance, FA, net),
        fv.prove(TOTAL, FA, net),
        fv.prove(NEURON, FA, net),
        fv.prove(TOTAL, FA, N.Convolution((2, 1), shape=(3, 3), stride=1, padding=1)),
    ]


def counterexample_the_kernels_of_convolutions_under_back_propagation():
    """The same law under back-propagation, in a convolution of four positions."""
    return fv.refute(TOTAL, BP, N.Convolution((2, 3), shape=(4,)))


def theorem_pooling_and_dropout():
    """A maximum selects, dropout masks: both are linear where they are constant, and the law passes through."""
    return [fv.prove(TOTAL, FA, N.MaxPooling()), fv.prove(NEURON, FA, N.Dropout())]


# Recurrence


@fv.claim("RK-T1-rnn")
def theorem_recurrent_networks():
    """½‖W‖² + ½‖U‖² − ⟨W, B⟩ − ⟨V, C⟩ for any number of steps from a_0 = 0."""
    return [fv.prove(TOTAL, FA, N.Recurrent()), fv.prove(NEURON, FA, N.Recurrent())]


@fv.claim("RK-T1-rnn-start")
def counterexample_a_fixed_start():
    """From a fixed a_0 ≠ 0 the same sum is not constant: W reads what nobody trains."""
    return fv.refute(fv.total(L.feedback_balance, inputs=True), FA, N.Recurrent(1, start="fixed"))


@fv.claim("RK-T1-rnn-trained")
def theorem_a_trained_start():
    """It is, once a_0 is trained as well, after adding ½‖a_0‖²."""
    return fv.prove(TOTAL, FA, N.Recurrent(start="trained"))


# Attention


@fv.claim("RK-T1-attention")
def theorem_queries_and_keys():
    """W_q B_qᵀ − B_k W_kᵀ, entry by entry, where keys and queries stand in for each other by their feedback."""
    net = N.Attention(heads=2)
    return [
        fv.prove(L.partner_feedback_balance, FA, N.AttentionScores()),
        *(fv.prove(L.partner_feedback_balance, FA, net, layer=f"W{kind}{head}") for kind in "qk" for head in (1, 2)),
    ]


@fv.claim("RK-T1-attention-bp")
def counterexample_the_balance_of_queries_and_keys():
    """Back-propagation keeps W_q W_qᵀ − W_k W_kᵀ; feedback alignment does not."""
    assert fv.check(L.partner_balance, BP, N.AttentionScores()).kind == "proved"
    return fv.refute(L.partner_balance, FA, N.AttentionScores())


def theorem_attention_of_two_heads_under_back_propagation():
    """The trunk, each head's queries against its keys, each head's values against its outputs."""
    return fv.prove(fv.total(L.balancedness), BP, N.Attention(heads=2))


def theorem_attention_of_two_heads_under_feedback_alignment():
    """The trunk, and each head's values against its outputs: ½‖W_v‖² − ⟨W_o, B_o⟩."""
    net = N.Attention(heads=2)
    groups = ("embed+Wo1+Wo2", "(Wv1) + (to Wo1)", "(Wv2) + (to Wo2)")
    return [fv.prove(TOTAL, FA, net, layer=group) for group in groups]


class Keys(N.AttentionScores):
    """Scores with a bias on the keys, through a softmax over the keys."""

    def shapes(self):
        return {"Wq": ("r", "d"), "Wk": ("r", "d"), "bk": ("r", 1), "V": ("k", "d")}

    @property
    def outputs(self):
        return "k"

    def forward(self, w, x):
        scores = (w["Wk"] @ x + w["bk"]).mT @ (w["Wq"] @ x)
        return (w["V"] @ x) @ w.free("softmax", scores, N.shift_invariant)


@fv.law("b_l")
def bias(layer, above):
    return layer.b


def theorem_a_softmax_does_not_see_the_bias_of_the_keys():
    """ḃ_k = 0 under both rules: the columns of its signal sum to zero."""
    return [fv.prove(bias, FA, Keys(), layer="Wk"), fv.prove(bias, BP, Keys(), layer="Wk")]


# Normalisation: what does not see the length of its input sends back a signal that is orthogonal to it


@fv.claim("RK-T1-batch-norm")
def theorem_batch_normalisation():
    """‖W[j,:]‖² is constant for every neuron j, under back-propagation and under any feedback above it."""
    return [fv.prove(L.neuron_half_square, rule, N.BatchNormalised()) for rule in (BP, FA, R.SignSymmetry())]


@fv.claim("RK-T1-layer-norm")
def theorem_layer_normalisation():
    """‖W‖² is constant, under back-propagation and under any feedback above it."""
    return [fv.prove(L.half_square, rule, N.LayerNormalised()) for rule in (BP, FA, R.SignSymmetry())]


def counterexample_layer_normalisation_neuron_by_neuron():
    """But not the norm of each neuron's weights."""
    return fv.refute(L.neuron_half_square, FA, N.LayerNormalised())


def counterexample_feedback_that_leaves_out_the_normalisation():
    """Direct feedback to the layer itself does not pass through the normalisation: the norms move."""
    return [
        fv.refute(L.half_square, R.DirectFeedbackAlignment(), net) for net in (N.BatchNormalised(), N.LayerNormalised())
    ]


class Normalised(fv.Network):
    """Batch normalisation with gains and shifts: φ(γ ⊙ n(W x) + β), γ and β trained."""

    @property
    def inputs(self):
        return {"x": "d", "xone": 1}

    def shapes(self):
        return {"W": ("n", "d"), "gain": ("n", 1), "shift": ("n", 1), "head": ("k", "n")}

    def forward(self, w, x):
        normal = w.free("n", w["W"] @ x["x"], N.scale_invariant_rows)
        return w["head"] @ fv.phi((w["gain"] @ x["xone"]) * normal + w["shift"] @ x["xone"])


def theorem_gains_and_shifts_take_the_place_of_the_weights():
    """½γ_j² + ½β_j² − ⟨head[:,j], B[:,j]⟩ is constant for every neuron."""
    return [fv.prove(TOTAL, FA, Normalised()), fv.prove(NEURON, FA, Normalised())]


# The output


@fv.law("1ᵀ W_{l+1}")
def column_sums(layer, above):
    return fv.sum_samples(above.W.mT)


def theorem_a_softmax_head_keeps_the_sums_of_its_columns():
    """With cross-entropy the entries of e sum to zero; so 1ᵀW_L is constant under every rule with Ẇ_L = −e aᵀ."""
    return [fv.prove(column_sums, rule, layer=-1, assume="cross-entropy") for rule in (BP, FA, R.SignSymmetry())]


def counterexample_the_sums_of_columns_below_the_head():
    """The sums of other layers move."""
    return fv.refute(column_sums, FA, fv.MLP((1, 1, 1, 1)), layer=1)
