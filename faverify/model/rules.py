"""Learning rules: what stands in for W on the way back, how the error reaches a layer, how a parameter moves.

Each is the formula of its source and nothing else. `layer` carries W, b, B, F, h, a, phi, dphi, delta, index, name and
above; `below.a` of the first layer is the input; `output` also carries target. Rules are pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..kernel.passes import one_pass
from .formulas import sign


class LearningRule:
    """Back-propagation's protocol; a rule overrides what it changes.

    Examples
    --------
    >>> import faverify as fv
    >>> class Half(fv.LearningRule):
    ...     def feedback(self, above): return above.W / 2
    >>> fv.check(fv.laws.balancedness, Half()).kind
    'refuted'
    """

    def feedback(self, above):
        """What stands in for W_{l+1} on the way back."""
        return above.W

    def error(self, layer, above, output):
        """δ_l, given δ_{l+1}."""
        return layer.dphi * (self.feedback(above).mT @ above.delta)

    def update(self, layer, below, output):
        """The velocities of W, b, B, F; what is left out keeps its default (Ẇ = −δ aᵀ, ḃ = −Σ δ, Ḃ = Ḟ = 0)."""
        return {}

    velocities = one_pass

    def __repr__(self):
        return f"{type(self).__name__}()"


@dataclass(frozen=True)
class BackPropagation(LearningRule):
    """δ_l = φ′(h_l) ⊙ (W_{l+1}ᵀ δ_{l+1}).

    References: Rumelhart, Hinton & Williams 1986.
    """


@dataclass(frozen=True)
class FeedbackAlignment(LearningRule):
    """δ_l = φ′(h_l) ⊙ (B_{l+1}ᵀ δ_{l+1}), with B fixed.

    References: Lillicrap, Cownden, Tweed & Akerman 2016; Robertson & Koyejo 2023.
    """

    def feedback(self, above):
        return above.B


@dataclass(frozen=True)
class SignSymmetry(LearningRule):
    """δ_l = φ′(h_l) ⊙ (sign(W_{l+1})ᵀ δ_{l+1}).

    References: Liao, Leibo & Poggio 2016 (uniform sign-concordant feedback).
    """

    def feedback(self, above):
        return sign(above.W)


@dataclass(frozen=True)
class DirectFeedbackAlignment(LearningRule):
    """δ_l = φ′(h_l) ⊙ (F_lᵀ δ_L), with F fixed.

    References: Nøkland 2016; Refinetti, d'Ascoli, Ohana & Goldt 2021.
    """

    def error(self, layer, above, output):
        return layer.dphi * (layer.F.mT @ output.delta)


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


LIBRARY = {
    "back-propagation": BackPropagation,
    "feedback-alignment": FeedbackAlignment,
    "direct-feedback-alignment": DirectFeedbackAlignment,
    "sign-symmetry": SignSymmetry,
    "kolen-pollack": KolenPollack,
}
