"""The protocol of a learning rule: back-propagation's, of which a rule overrides what it changes."""

from __future__ import annotations

from ..kernel.passes import one_pass
from .formulas import sum_samples


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
        """The velocities of W, b, B, F, V, v; what is left out keeps its default (Ẇ = −δ aᵀ, ḃ = −Σ δ, the rest 0)."""
        return {}

    def signal(self, output):
        """δ_L, the error signal at the output as the rule uses it."""
        return output.delta

    def activity(self, layer):
        """a_l, what the layer passes on."""
        return layer.phi

    velocities = one_pass

    def __repr__(self):
        return f"{type(self).__name__}()"


def motion(rule, layer, below, output):
    """Every velocity that a rule gives at a layer, those left out at their defaults included."""
    default = {"W": -layer.delta @ below.a.mT, "b": -sum_samples(layer.delta)}
    return {**default, **rule.update(layer, below, output)}
