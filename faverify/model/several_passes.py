"""Published rules that make passes of their own: twice forward, through targets, to an equilibrium, along a tangent.

They override `velocities`, and speak of chains: `run.layers` is one map after the other. `run.forward(x)` makes a pass,
`error(output)` the error signal, `run.expected(function, like)` an expectation over random directions. A rule of this
kind has no local cut, so that a proof is of a given network.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import RuleError, name_of
from .formulas import identity, inner, inverse, parameter, sum_samples
from .learning import LearningRule


@dataclass(frozen=True)
class Pepita(LearningRule):
    """A second forward pass on x + P e, with P fixed; Ẇ_l = −(a_l − a_l′) a_{l−1}′ᵀ and Ẇ_L = −e a_{L−1}′ᵀ.

    References: Dellaferrera & Kreiman 2022.
    """

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        layers = chain(self, run)
        clean = [layer.a for layer in layers]
        below, moves = x + layers[0].constant("P", "entry") @ e, {}
        run.forward(below)
        for a, layer in zip(clean, run.layers, strict=True):
            moves[layer.name] = -(e if layer is run.output else a - layer.a) @ below.mT
            below = layer.a
        return moves


@dataclass(frozen=True)
class DifferenceTargetPropagation(LearningRule):
    """Ẇ_l = −(φ′(h_l) ⊙ (a_l − t_l)) a_{l−1}ᵀ, with targets t_L = a_L − ηe and t_l = a_l + g_l(t_{l+1}) − g_l(a_{l+1}).

    The decoders are linear and fixed, g_l(y) = B_{l+1}ᵀ y. So the signal passes no gate on its way down to a layer:
    a_l − t_l = η B_{l+1}ᵀ ⋯ B_Lᵀ e.

    References: Lee, Zhang, Fischer & Bengio 2015.
    """

    rate: object = parameter("η")

    def velocities(self, run, x, error):
        output = run.forward(x)
        top, *layers = reversed(chain(self, run))
        target = output.a - self.rate * error(output)
        moves = {}
        for layer, below in zip([top, *layers], [*(k.a for k in layers), x], strict=True):
            if layer is not top:
                target = layer.a + layer.above.B.mT @ target - layer.above.B.mT @ layer.above.a
            moves.update(downhill(run, layer, layer.dphi * (layer.a - target), below))
        return moves


@dataclass(frozen=True)
class EquilibriumPropagation(LearningRule):
    """The contrast of two equilibria: Ẇ_l = (s_l^β s_{l−1}^βᵀ − s_l⁰ s_{l−1}⁰ᵀ)/β with s_0 = x, for two linear maps.

    Units are linear: the energy is ½‖s₁‖² + ½‖s₂‖² − s₁ᵀ(W₁x + b₁) − s₂ᵀ(W₂s₁ + b₂), and the cost β·½‖y − s₂‖² nudges.
    So the loss is the rule's own: it reads the target y and no other error signal. With f the output of the forward
    pass, s₂^β = ((1 + β)I − W₂W₂ᵀ)⁻¹(f + βy) and s₁^β = W₁x + b₁ + W₂ᵀs₂^β. That is the least of the energy where
    ‖W₂‖ < 1, and its stationary point wherever the inverses exist. β is a number, not 0.

    Raises: RuleError in a network that has not two maps, or whose φ is not linear.

    References: Scellier & Bengio 2017.
    """

    beta: object = Fraction(1)

    def velocities(self, run, x, error):
        output = run.forward(x)
        first, last = chain(self, run, maps=2, linear=True)
        (s1, s2), (n1, n2) = (self.equilibrium(first, last, output, beta) for beta in (0, self.beta))
        moves = {"W1": (n1 - s1) @ x.mT / self.beta, "W2": (n2 @ n1.mT - s2 @ s1.mT) / self.beta}
        if run.biases:
            moves |= {"b1": sum_samples(n1 - s1) / self.beta, "b2": sum_samples(n2 - s2) / self.beta}
        return moves

    def equilibrium(self, first, last, output, beta):
        """s₁ and s₂, nudged by β."""
        loop = last.W @ last.W.mT
        s2 = inverse((1 + beta) * identity(loop) - loop) @ (output.h + beta * output.target)
        return first.h + last.W.mT @ s2, s2


@dataclass(frozen=True)
class ForwardGradient(LearningRule):
    """θ̇ = −⟨∇L, v⟩ v for a direction v drawn anew: ȧ_l = φ′(h_l) ⊙ (V_l a_{l−1} + W_l ȧ_{l−1}), ⟨∇L, v⟩ = ⟨e, ȧ_L⟩.

    One direction for all samples. V_l is drawn as U, v_l of a bias as u.

    References: Baydin, Pearlmutter, Syme, Wood & Torr 2022.
    """

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        directions = {layer.name: layer.draw("U", "weight") for layer in chain(self, run)}
        if run.biases:
            directions |= {bias_of(layer): layer.draw("u", "bias") for layer in run.layers}
        return along(run, x, e, directions)


@dataclass(frozen=True)
class ExpectedForwardGradient(LearningRule):
    """θ̇ = −E[⟨∇L, v⟩ v]: the forward gradient, on average over directions v with independent standard entries.

    dQ/dt is linear in θ̇, so that this rule's is the mean of the forward gradient's.

    References: Baydin, Pearlmutter, Syme, Wood & Torr 2022, Theorem 1.
    """

    def velocities(self, run, x, error):
        e = error(run.forward(x))
        like = {layer.name: layer.W for layer in chain(self, run)}
        if run.biases:
            like |= {bias_of(layer): layer.b for layer in run.layers}
        return run.expected(lambda directions: along(run, x, e, directions), like)


def along(run, x, e, directions):
    """−⟨∇L, v⟩ v, by a pass of tangents."""
    below, tangent = x, None
    for layer in run.layers:
        moved = directions[layer.name] @ below
        moved = moved if tangent is None else moved + layer.W @ tangent
        moved = moved + directions[bias_of(layer)] if run.biases else moved
        tangent, below = layer.dphi * moved, layer.a
    return {name: -inner(e, tangent) * v for name, v in directions.items()}


def downhill(run, layer, signal, below):
    """Ẇ = −δ aᵀ and, where there are biases, ḃ = −Σ δ."""
    moves = {layer.name: -signal @ below.mT}
    return moves | {bias_of(layer): -sum_samples(signal)} if run.biases else moves


def bias_of(layer):
    """The name of the bias that goes with the map of a layer."""
    return layer.name.replace("W", "b", 1)


def chain(rule, run, maps=None, linear=False):
    """The layers, which must be one after the other; where it is asked for, two of them, and with φ(h) = h."""
    layers = run.layers
    if any(layer.above is not above for layer, above in zip(layers, [*layers[1:], None], strict=True)):
        raise RuleError(name_of(rule), "met a network that is no chain", "give it a chain, such as fv.MLP((2, 3, 1))")
    phi = run.activation
    if maps not in (None, len(layers)) or (linear and not phi.linear):
        found = f"met {len(layers)} maps with φ = {phi.name}"
        remedy = f"give it {maps} maps and units that are linear, as fv.MLP((2, 3, 1), 'linear')"
        raise RuleError(name_of(rule), found, remedy)
    return layers
