"""Published learning rules: what stands in for W on the way back, how the error reaches a layer, how a parameter moves.

Each is the formula of its source and nothing else. `layer` carries W, b, B, F, h, a, phi, dphi, delta, index, name and
above, a memory V and v (of the shapes of W and b), `layer.constant(name, of)` and `layer.draw(name, of)`; `below.a` of
the first layer is the input; `output` also carries target. Rules are pure functions; what is drawn at random is named.
Those that make passes of their own are in `several_passes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .combinators import (
    Dropout,
    Frozen,
    LayerRates,
    Momentum,
    SampleWeights,
    SignDescent,
    SignedError,
    WeightDecay,
    Wrapper,
)
from .formulas import absolute, inverse, parameter, pinv, sign
from .learning import LearningRule, motion
from .several_passes import (
    DifferenceTargetPropagation,
    EquilibriumPropagation,
    ExpectedForwardGradient,
    ForwardGradient,
    Pepita,
)

COMBINATORS = (WeightDecay, LayerRates, Frozen, SampleWeights, SignedError, Dropout, Momentum, SignDescent)

# Symmetric feedback and its stand-ins


@dataclass(frozen=True)
class BackPropagation(LearningRule):
    """δ_l = φ′(h_l) ⊙ (W_{l+1}ᵀ δ_{l+1}).

    References: Rumelhart, Hinton & Williams 1986.
    """


@dataclass(frozen=True)
class StraightThrough(LearningRule):
    """δ_l = W_{l+1}ᵀ δ_{l+1}: the gate is left out on the way back.

    References: Bengio, Léonard & Courville 2013.
    """

    def error(self, layer, above, output):
        return above.W.mT @ above.delta


@dataclass(frozen=True)
class SignSymmetry(LearningRule):
    """δ_l = φ′(h_l) ⊙ (sign(W_{l+1})ᵀ δ_{l+1}).

    References: Liao, Leibo & Poggio 2016 (uniform sign-concordant feedback).
    """

    def feedback(self, above):
        return sign(above.W)


@dataclass(frozen=True)
class BatchwiseSignSymmetry(LearningRule):
    """δ_l = φ′(h_l) ⊙ ((|M| ⊙ sign(W_{l+1}))ᵀ δ_{l+1}), with M drawn anew for every batch.

    References: Liao, Leibo & Poggio 2016 (batchwise random magnitudes).
    """

    def feedback(self, above):
        return absolute(above.draw("M", "weight")) * sign(above.W)


@dataclass(frozen=True)
class FixedMagnitudeSignSymmetry(LearningRule):
    """δ_l = φ′(h_l) ⊙ ((|B_{l+1}| ⊙ sign(W_{l+1}))ᵀ δ_{l+1}), with B fixed.

    References: Liao, Leibo & Poggio 2016 (fixed random magnitudes).
    """

    def feedback(self, above):
        return absolute(above.B) * sign(above.W)


@dataclass(frozen=True)
class PseudoInverseFeedback(LearningRule):
    """δ_l = φ′(h_l) ⊙ (W_{l+1}⁺ δ_{l+1}), W⁺ = Wᵀ(WWᵀ)⁻¹: the Gauss–Newton direction of target propagation.

    References: Bengio 2020; Meulemans, Carzaniga, Suykens, Sacramento & Grewe 2020.
    """

    def feedback(self, above):
        return pinv(above.W).mT


@dataclass(frozen=True)
class InverseFeedback(LearningRule):
    """δ_l = φ′(h_l) ⊙ (W_{l+1}⁻¹ δ_{l+1}), for square W_{l+1}.

    References: Bengio 2014 (target propagation with exact inverses).
    """

    def feedback(self, above):
        return inverse(above.W).mT


# Fixed feedback


@dataclass(frozen=True)
class FeedbackAlignment(LearningRule):
    """δ_l = φ′(h_l) ⊙ (B_{l+1}ᵀ δ_{l+1}), with B fixed.

    References: Lillicrap, Cownden, Tweed & Akerman 2016; Robertson & Koyejo 2023.
    """

    def feedback(self, above):
        return above.B


@dataclass(frozen=True)
class DirectFeedbackAlignment(LearningRule):
    """δ_l = φ′(h_l) ⊙ (F_lᵀ δ_L), with F fixed.

    References: Nøkland 2016; Refinetti, d'Ascoli, Ohana & Goldt 2021.
    """

    def error(self, layer, above, output):
        return layer.dphi * (layer.F.mT @ output.delta)


@dataclass(frozen=True)
class DirectRandomTargetProjection(LearningRule):
    """δ_l = φ′(h_l) ⊙ (F_lᵀ y): the target stands in for the error.

    References: Frenkel, Lefebvre & Bol 2021.
    """

    def error(self, layer, above, output):
        return layer.dphi * (layer.F.mT @ output.target)


# Feedback that learns


@dataclass(frozen=True)
class KolenPollack(LearningRule):
    """δ_l = φ′(h_l) ⊙ (B_{l+1}ᵀ δ_{l+1}); W and B receive the same drive −δ aᵀ, and both decay.

    References: Kolen & Pollack 1994; Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019.
    """

    decay: object = Fraction(0)

    def feedback(self, above):
        return above.B

    def update(self, layer, below, output):
        drive = -layer.delta @ below.a.mT
        return {"W": drive - self.decay * layer.W, "B": drive - self.decay * layer.B}


@dataclass(frozen=True)
class DirectKolenPollack(LearningRule):
    """δ_l = φ′(h_l) ⊙ (F_lᵀ δ_L), with Ḟ_l = −δ_L a_lᵀ − λF_l and Ẇ_l = −δ_l a_{l−1}ᵀ − λW_l.

    References: Webster, Choi & Ahn 2020.
    """

    decay: object = Fraction(0)

    def error(self, layer, above, output):
        return layer.dphi * (layer.F.mT @ output.delta)

    def update(self, layer, below, output):
        drive = -layer.delta @ below.a.mT
        return {"W": drive - self.decay * layer.W, "F": -output.delta @ layer.a.mT - self.decay * layer.F}


@dataclass(frozen=True)
class WeightMirror(LearningRule):
    """FA whose B follows the response to noise z: Ḃ_l = (W_l z) zᵀ − λB_l.

    References: Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019.
    """

    decay: object = parameter("λ")

    def feedback(self, above):
        return above.B

    def update(self, layer, below, output):
        z = layer.draw("z", "below")
        return {"B": layer.W @ z @ z.mT - self.decay * layer.B}


@dataclass(frozen=True)
class AdaptiveFeedback(LearningRule):
    """FA whose B relaxes to W: Ḃ_l = κ(W_l − B_l).

    References: Kunin, Nayebi, Sagastuy-Brena, Ganguli, Bloom & Yamins 2020 (symmetric alignment).
    """

    rate: object = parameter("κ")

    def feedback(self, above):
        return above.B

    def update(self, layer, below, output):
        return {"B": self.rate * (layer.W - layer.B)}


# No error at all


@dataclass(frozen=True)
class Hebbian(LearningRule):
    """Ẇ_l = h_l a_{l−1}ᵀ.

    References: Hebb 1949.
    """

    def update(self, layer, below, output):
        return {"W": layer.h @ below.a.mT}


@dataclass(frozen=True)
class Oja(LearningRule):
    """Ẇ_l = h_l a_{l−1}ᵀ − h_l h_lᵀ W_l, the subspace rule.

    References: Oja 1989.
    """

    def update(self, layer, below, output):
        return {"W": layer.h @ below.a.mT - layer.h @ layer.h.mT @ layer.W}


LIBRARY = {
    "back-propagation": BackPropagation,
    "straight-through": StraightThrough,
    "sign-symmetry": SignSymmetry,
    "batchwise-sign-symmetry": BatchwiseSignSymmetry,
    "fixed-magnitude-sign-symmetry": FixedMagnitudeSignSymmetry,
    "pseudo-inverse-feedback": PseudoInverseFeedback,
    "inverse-feedback": InverseFeedback,
    "feedback-alignment": FeedbackAlignment,
    "direct-feedback-alignment": DirectFeedbackAlignment,
    "direct-random-target-projection": DirectRandomTargetProjection,
    "pepita": Pepita,
    "difference-target-propagation": DifferenceTargetPropagation,
    "equilibrium-propagation": EquilibriumPropagation,
    "forward-gradient": ForwardGradient,
    "expected-forward-gradient": ExpectedForwardGradient,
    "kolen-pollack": KolenPollack,
    "direct-kolen-pollack": DirectKolenPollack,
    "weight-mirror": WeightMirror,
    "adaptive-feedback": AdaptiveFeedback,
    "hebbian": Hebbian,
    "oja": Oja,
}

__all__ = ["COMBINATORS", "LIBRARY", "LearningRule", "Wrapper", "motion", *(c.__name__ for c in COMBINATORS)]
__all__ += [c.__name__ for c in LIBRARY.values()]
