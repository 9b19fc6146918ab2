"""Rules made from rules: decay, rates, frozen layers, sample weights, dropout, momentum, sign descent.

Each wraps any rule of one pass and changes one thing; wrapped rules can be wrapped again. A constant is a number, an
`fv.parameter`, a list with an entry for each layer, or `per_layer("λ")`, a symbol for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import Misuse, name_of
from ..kernel.passes import is_local
from .formulas import Parameter, parameter, sign
from .learning import LearningRule, motion


@dataclass(frozen=True)
class Each:
    """A symbol for each layer: λ_1, λ_2, …; without a network, one for each layer that is in sight."""

    symbol: Parameter

    def __getitem__(self, index):
        return self.symbol[index]


def per_layer(name):
    """A symbolic constant for each layer.

    Examples
    --------
    >>> import faverify as fv
    >>> rule = fv.rules.LayerRates(fv.rules.FeedbackAlignment(), fv.per_layer("η"))
    >>> fv.check(fv.laws.rated_feedback_balance("η"), rule).kind
    'proved'
    """
    return Each(parameter(name))


def at(constant, layer):
    """The value of a constant at a layer."""
    if isinstance(constant, Each):
        return constant[layer.index]
    return constant[layer.index - 1] if isinstance(constant, (list, tuple)) else constant


@dataclass(frozen=True)
class Wrapper(LearningRule):
    """A rule that leaves everything to another."""

    rule: Any

    def __post_init__(self):
        if isinstance(self.rule, type) or not isinstance(self.rule, LearningRule) or not is_local(self.rule):
            expected = "an instance of a rule with one pass, such as fv.rules.FeedbackAlignment()"
            raise Misuse("rule", self.rule, expected)
        object.__setattr__(self, "name", f"{type(self).__name__}({name_of(self.rule)})")

    def feedback(self, above):
        return self.rule.feedback(above)

    def error(self, layer, above, output):
        return self.rule.error(layer, above, output)

    def update(self, layer, below, output):
        return self.rule.update(layer, below, output)

    def signal(self, output):
        return self.rule.signal(output)

    def activity(self, layer):
        return self.rule.activity(layer)


@dataclass(frozen=True)
class WeightDecay(Wrapper):
    """Ẇ_l = (the rule's Ẇ_l) − λ_l W_l."""

    decay: object = parameter("λ")

    def update(self, layer, below, output):
        moves = motion(self.rule, layer, below, output)
        return {**moves, "W": moves["W"] - at(self.decay, layer) * layer.W}


@dataclass(frozen=True)
class LayerRates(Wrapper):
    """Ẇ_l and ḃ_l times η_l; a list of rates, one for each layer, is for chains."""

    rate: object = Each(parameter("η"))

    def update(self, layer, below, output):
        moves = motion(self.rule, layer, below, output)
        return moves | {key: at(self.rate, layer) * moves[key] for key in "Wb"}


@dataclass(frozen=True)
class Frozen(Wrapper):
    """W_l and b_l of the layers with these numbers do not move, in a chain."""

    layers: tuple[int, ...] = ()

    def update(self, layer, below, output):
        moves = motion(self.rule, layer, below, output)
        return {key: 0 * part for key, part in moves.items()} if layer.index in self.layers else moves


@dataclass(frozen=True)
class SampleWeights(Wrapper):
    """Every sample's error is weighted by c_s, drawn anew at every step."""

    def signal(self, output):
        return output.draw("c", "samples") * self.rule.signal(output)


@dataclass(frozen=True)
class SignedError(Wrapper):
    """sign(e) stands in for e.

    References: Launay, Poli, Boniface & Krzakala 2020 (ternarised errors).
    """

    def signal(self, output):
        return sign(self.rule.signal(output))


@dataclass(frozen=True)
class Dropout(Wrapper):
    """a_l = m ⊙ φ(h_l), and the error passes the same mask m, drawn anew at every step; only where φ is.

    References: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014.
    """

    def activity(self, layer):
        return layer.draw("m") * self.rule.activity(layer)

    def error(self, layer, above, output):
        found = self.rule.error(layer, above, output)
        return layer.draw("m") * found if hasattr(layer, "phi") else found


@dataclass(frozen=True)
class Momentum(Wrapper):
    """Ẇ_l = V_l, V̇_l = −γ V_l + (the rule's Ẇ_l); biases likewise.

    References: Polyak 1964.
    """

    friction: object = parameter("γ")

    def update(self, layer, below, output):
        moves, friction = motion(self.rule, layer, below, output), at(self.friction, layer)
        memory = {"V": moves["W"] - friction * layer.V, "v": moves["b"] - friction * layer.v}
        return moves | {"W": layer.V, "b": layer.v} | memory


@dataclass(frozen=True)
class SignDescent(Wrapper):
    """Ẇ_l = sign of (the rule's Ẇ_l), entry by entry: Adam and RMSprop without memory.

    References: Bernstein, Wang, Azizzadenesheli & Anandkumar 2018.
    """

    def update(self, layer, below, output):
        moves = motion(self.rule, layer, below, output)
        return moves | {key: sign(moves[key]) for key in "Wb"}
