"""Rules that make passes of their own: Pepita, direct targets, difference targets, equilibria, forward gradients.

Such a rule has no local cut, so a theorem here is about the networks it names, at every batch, error signal and gate.
"""

from fractions import Fraction

import faverify as fv

R, L = fv.rules, fv.laws
ONE = [[1]]
DEEP, WIDE = (2, 3, 2, 1), (3, 2, 4, 2, 2)
CHAINS = [fv.MLP(DEEP), fv.MLP(WIDE), fv.MLP((3, 4, 2))]
LINEAR = [fv.MLP(net.widths, "linear") for net in CHAINS]


# Forward gradients (Baydin et al. 2022)


def theorem_forward_gradients_keep_balancedness_in_expectation():
    """E[⟨∇L, v⟩ v] = ∇L for independent entries of mean 0 and variance 1: what back-propagation conserves."""
    rule = R.ExpectedForwardGradient()
    laws = L.balancedness, L.neuron_balancedness
    return [fv.check(law, rule, net) for law in laws for net in CHAINS]


def theorem_forward_gradients_of_linear_networks_keep_matrix_balancedness():
    """W_l W_lᵀ − W_{l+1}ᵀ W_{l+1}, entry by entry, in expectation."""
    return [fv.check(L.matrix_balancedness, R.ExpectedForwardGradient(), net) for net in LINEAR]


def theorem_forward_gradients_with_biases():
    """½‖b_l‖² is added to the law where biases are trained along the same direction."""
    return fv.check("balancedness-bias", R.ExpectedForwardGradient(), fv.MLP(DEEP, bias=True))


def counterexample_a_forward_gradient_that_was_drawn():
    """W₁ = 1, W₂ = 2, x = e = 1, v = (1, 0): the slope is 2, θ̇ = (−2, 0), and the law drifts at rate −2."""
    data = {"weights": [ONE, [[2]]], "feedback": {"U~1": ONE, "U~2": [[0]]}, "inputs": ONE, "error": ONE}
    given = fv.refute_at(L.balancedness, R.ForwardGradient(), fv.MLP((1, 1, 1)), **data)
    assert given.witness.rate == -2
    return [given, *(fv.check(law, R.ForwardGradient()) for law in (L.balancedness, L.neuron_balancedness))]


def counterexample_forward_gradients_with_other_laws():
    """In expectation no feedback law holds, and no entry off the diagonal with a gate, as for back-propagation."""
    return [
        fv.check(law, R.ExpectedForwardGradient(), CHAINS[0]) for law in (L.feedback_balance, L.matrix_balancedness)
    ]


class TwiceTheTangent(R.ExpectedForwardGradient):
    """The tangent that comes from below counts twice: ȧ_l = φ′(h_l) ⊙ (V_l a_{l−1} + 2 W_l ȧ_{l−1})."""

    def velocities(self, run, x, error):
        e = error(run.forward(x))

        def along(directions):
            below, tangent = x, None
            for layer in run.layers:
                moved = directions[layer.name] @ below
                tangent = layer.dphi * (moved if tangent is None else moved + 2 * layer.W @ tangent)
                below = layer.a
            return {name: -fv.inner(e, tangent) * v for name, v in directions.items()}

        return run.expected(along, {layer.name: layer.W for layer in run.layers})


def counterexample_a_tangent_that_counts_twice():
    """The mean is then no gradient."""
    return [fv.check(L.balancedness, TwiceTheTangent(), net) for net in CHAINS]


class AlongALevel(fv.LearningRule):
    """The forward gradient of two maps along v = (‖W₂‖² W₁, ±‖W₁‖² W₂)."""

    sign = 1

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        first, last = run.layers
        v1, v2 = fv.norm2(last.W) * first.W, self.sign * fv.norm2(first.W) * last.W
        slope = fv.inner(e, v2 @ first.a + last.W @ (first.dphi * (v1 @ x)))
        return {"W1": -slope * v1, "W2": -slope * v2}


class AcrossLevels(AlongALevel):
    """Its mutant: the sign of the second map."""

    sign = -1


def theorem_a_forward_gradient_along_a_level_of_the_law_keeps_it():
    """The law needs a direction with ⟨W₁, v₁⟩ = ⟨W₂, v₂⟩, whatever the slope along it."""
    return fv.check(L.balancedness, AlongALevel(), fv.MLP((3, 4, 2)))


def counterexample_a_forward_gradient_across_levels():
    """With the other sign it is not so."""
    return fv.check(L.balancedness, AcrossLevels(), fv.MLP((3, 4, 2)))


# Difference target propagation (Lee et al. 2015)

TARGETS = R.DifferenceTargetPropagation()


def theorem_difference_targets_of_linear_networks_keep_the_laws_of_feedback_alignment():
    """With φ(h) = h the rule is feedback alignment, at every layer and for every η."""
    laws = L.feedback_balance, L.neuron_feedback_balance, L.matrix_feedback_balance
    return [fv.check(law, TARGETS, net) for law in laws for net in LINEAR]


def theorem_difference_targets_keep_the_law_of_the_last_hidden_layer():
    """There the signal has no gate to cross: ½‖W_{L−1}‖² − ⟨W_L, B_L⟩, for every φ with h φ′(h) = φ(h)."""
    laws = L.feedback_balance, L.neuron_feedback_balance
    return [fv.check(law, TARGETS, net, layer=-1) for law in laws for net in CHAINS]


def counterexample_difference_targets_below_a_gate():
    """The signal to an inner layer crosses no gate of the layer above: W = 1, −1, 1; B = x = e = η = 1: rate −1."""
    data = {"weights": [ONE, [[-1]], ONE], "feedback": {"B2": ONE, "B3": ONE}, "inputs": ONE, "error": ONE}
    rule = R.DifferenceTargetPropagation(Fraction(1))
    given = fv.refute_at(L.feedback_balance, rule, fv.MLP((1, 1, 1, 1)), **data)
    assert given.witness.rate == -1
    return [given, *(fv.check(L.feedback_balance, TARGETS, net, layer=1) for net in CHAINS[:2])]


def counterexample_difference_targets_are_no_back_propagation():
    """Balancedness fails, with gates and without."""
    return [fv.check(L.balancedness, TARGETS, net) for net in (CHAINS[0], LINEAR[0])]


class DecodersSwapped(R.DifferenceTargetPropagation):
    """t_l = a_l − g(t_{l+1}) + g(a_{l+1}): the difference with its sign changed."""

    def velocities(self, run, x, error):
        target, moves = run.forward(x).a, {}
        target = target - self.rate * error(run.output)
        layers = run.layers
        for k in reversed(range(len(layers))):
            layer, below = layers[k], layers[k - 1].a if k else x
            if k + 1 < len(layers):
                above = layers[k + 1]
                target = layer.a - above.B.mT @ target + above.B.mT @ above.a
            moves[layer.name] = -(layer.dphi * (layer.a - target)) @ below.mT
        return moves


def counterexample_the_difference_of_targets_with_its_sign_changed():
    """The law then fails in a linear network too."""
    return fv.check(L.feedback_balance, DecodersSwapped(), LINEAR[0])


# Equilibrium propagation (Scellier & Bengio 2017)

EQUILIBRIA = R.EquilibriumPropagation()


def counterexample_equilibria_keep_no_balancedness():
    """W₁ = 1, W₂ = ½, x = β = 1, y = 0: s⁰ = (4/3, 2/3), s^β = (8/7, 2/7), and the law drifts at rate 40/441."""
    data = {"weights": [ONE, [[Fraction(1, 2)]]], "inputs": ONE, "error": ONE, "targets": [[0]]}
    given = fv.refute_at(L.balancedness, EQUILIBRIA, fv.MLP((1, 1, 1), "linear"), **data)
    assert given.witness.rate == Fraction(40, 441)
    net = fv.MLP((2, 3, 2), "linear")
    laws = L.neuron_balancedness, L.matrix_balancedness, L.feedback_balance
    return [given, *(fv.check(law, EQUILIBRIA, net) for law in laws)]


class WithoutTheLoop(R.EquilibriumPropagation):
    """The motion of W₂ reads h₁ in place of s₁ = h₁ + W₂ᵀs₂: the factor of the feedback in it is 0."""

    def velocities(self, run, x, error):
        output = run.forward(x)
        first, last = run.layers
        (s1, s2), (n1, n2) = (self.equilibrium(first, last, output, beta) for beta in (0, self.beta))
        return {"W1": (n1 - s1) @ x.mT / self.beta, "W2": (n2 - s2) @ first.h.mT / self.beta}


def theorem_equilibria_whose_output_reads_no_loop_keep_balancedness():
    """The feedback inside s₁ is all that breaks the law: without it W₁W₁ᵀ − W₂ᵀW₂ is constant, for every β tried."""
    nets, betas = (fv.MLP((2, 3, 2), "linear"), fv.MLP((3, 2, 4), "linear")), (1, Fraction(1, 3))
    return [fv.check(L.matrix_balancedness, WithoutTheLoop(Fraction(b)), net) for net in nets for b in betas]


class CentredEquilibria(R.EquilibriumPropagation):
    """Two nudged equilibria, by β and −β, with the force −βe held as it is: the derivative of the free one, exactly."""

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        first, last = run.layers
        loop, states = last.W @ last.W.mT, []
        for beta in (self.beta, -self.beta):
            s2 = fv.inverse(fv.identity(loop) - loop) @ (last.h - beta * e)
            states.append((first.h + last.W.mT @ s2, s2))
        (n1, n2), (m1, m2) = states
        return {"W1": (n1 - m1) @ x.mT / (2 * self.beta), "W2": (n2 @ n1.mT - m2 @ m1.mT) / (2 * self.beta)}


@fv.law("½‖W_l‖² + ½‖W_{l+1}‖² − log det(I + W_{l+1}W_{l+1}ᵀ)")
def loop_balance(layer, above):
    loop = above.W @ above.W.mT
    return fv.norm2(layer.W) / 2 + fv.norm2(above.W) / 2 - fv.logdet(fv.identity(loop) + loop)


@fv.law("½‖W_l‖² + ½‖W_{l+1}‖² − ½ log det(I + W_{l+1}W_{l+1}ᵀ)")
def half_loop_balance(layer, above):
    loop = above.W @ above.W.mT
    return fv.norm2(layer.W) / 2 + fv.norm2(above.W) / 2 - fv.logdet(fv.identity(loop) + loop) / 2


def conjecture_centred_equilibria_keep_a_law_of_their_own():
    """½‖W₁‖² + ½‖W₂‖² − log det(I + W₂W₂ᵀ). By hand: with A = W₂W₂ᵀ, N = (I − A)⁻¹ and K = (I + A)⁻¹, dQ/dt is

    −eᵀN(I + (I − 2K)(I + AN) + A(I − 2K)N)W₂h₁, where I − 2K = −(I − A)K, so that the two last terms are −K and −AK
    and the sum is I − (I + A)K = 0. No prover here settles it, since words do not know that N(I − A) = I.
    """
    return fv.check(loop_balance, CentredEquilibria(), fv.MLP((2, 2, 1), "linear"), budget=2)


def counterexample_half_of_the_loop():
    """The factor of the logarithm matters; and the balancedness of back-propagation is another law."""
    net = fv.MLP((2, 2, 1), "linear")
    return [fv.check(law, CentredEquilibria(), net) for law in (half_loop_balance, L.balancedness)]


# Pepita (Dellaferrera & Kreiman 2022) and direct random targets (Frenkel et al. 2021)


def counterexample_pepita():
    """No law of feedback alignment or back-propagation survives a second forward pass."""
    laws = L.feedback_balance, L.balancedness, L.neuron_balancedness
    linear = fv.MLP((2, 2, 1), "linear")
    return [*(fv.check(law, R.Pepita()) for law in laws), fv.check(L.matrix_balancedness, R.Pepita(), linear)]


@fv.assumption("e = y")
def error_is_target(output):
    return output.e, output.target


def theorem_direct_random_targets_where_the_error_is_the_target():
    """Where e = y, as for the loss ⟨f, y⟩, the rule is direct feedback alignment."""
    rule = R.DirectRandomTargetProjection()
    return fv.check(L.direct_feedback_balance, rule, layer=-1, assume=[error_is_target])


def counterexample_direct_random_targets():
    """The output moves with e and the hidden layers with y, so that they do not balance."""
    rule = R.DirectRandomTargetProjection()
    return [
        fv.check(L.direct_feedback_balance, rule, layer=-1),
        fv.check(L.direct_feedback_balance, rule, layer=-1, assume="squared-loss"),
        fv.check(L.feedback_balance, rule),
        fv.check(L.balancedness, rule),
    ]
