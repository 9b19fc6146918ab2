"""A network's forward pass, recorded; the rule's way back along the record; the velocity of every parameter.

`Network.forward` is run once over recorded values. Each `w[name] @ a` opens a layer, `+ w[bias]` and φ complete it, and
the layer knows what it feeds. The way back calls `rule.error` once for each layer from the top, and then `rule.update`
once for each. A network whose `ends` is False is a piece of a longer one: above its top lies a horizon, and the signal
that arrives there is a letter. Nothing here knows what the values are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import BeyondHorizon, NetworkError, RuleError, ShapeError, UserCodeError, called, name_of, show_shape
from .carriers import Opaque, undecidable

CHAIN = "apply maps to the input or to the activity of the map before, as in fv.phi(w['W1'] @ x + w['b1'])"


def set_values(layer: Layer, **values: Any) -> None:
    for key, value in values.items():
        object.__setattr__(layer, key, value)


class Layer:
    """One map and the activity behind it: what a rule reads. Feedback letters come into being when read."""

    __slots__ = ("W", "_label", "_name", "_run", "_up", "a", "b", "delta", "dphi", "h", "index", "name", "phi")
    delta: Any

    def __init__(self, run: Run, name: str, label: Any, W: Any, b: Any, h: Any) -> None:
        seen = (label, name) if isinstance(label, int) else (Opaque(label), Opaque(name))
        set_values(self, _run=run, _name=name, _label=label, _up=None, index=seen[0], name=seen[1], W=W, b=b, h=h, a=h)

    def __setattr__(self, key: str, value: Any) -> None:
        raise UserCodeError(
            f"layer {self._label}", f"{key} was assigned to", "rules and laws read layers and change none"
        )

    def __getattr__(self, key: str) -> Any:
        if key in ("B", "F"):
            return self._run.feedback(key, self)
        if key == "target" and self is self._run.output:
            return self._run.once("y", *self.h._dims)
        raise AttributeError(f"layer {self._label} has no {key!r} here")

    @property
    def above(self) -> Any:
        """The layer that this one feeds; None at the output."""
        if self._up is None and self is not self._run.output:
            undecidable(f"what lies above layer {self._label}", BeyondHorizon)
        return self._up


class Input:
    """What lies below the first layer: `a`, and nothing else is known of it."""

    def __init__(self, a: Any, known: bool) -> None:
        self.a, self._known = a, known

    def __getattr__(self, name: str) -> Any:
        if not self._known:
            undecidable(f"{name!r} of the layer below, of which a local cut knows only the activity a")
        raise AttributeError(f"the input has no {name!r}; below the first layer there is only a")


class Map:
    """A parameter inside `Network.forward`."""

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name

    def __matmul__(self, source: Any) -> Recorded:
        if not isinstance(source, Recorded) or source.layer is not (self.run.layers or [self.run.input])[-1]:
            raise NetworkError("forward", f"{self.name} is applied to something else than the last activity", CHAIN)
        return self.run.open_layer(self.name, source)


class Recorded:
    """A value on its way through `Network.forward`: the input, a pre-activation or an activity."""

    def __init__(self, value: Any, layer: Any) -> None:
        self.value, self.layer = value, layer

    def __add__(self, other: Any) -> Recorded:
        layer = self.layer
        if not (isinstance(other, Map) and isinstance(layer, Layer) and layer.h is self.value):
            raise NetworkError("forward", "a sum that is not w[map] @ a + w[bias]", CHAIN)
        b = other.run.parameters[other.name]
        set_values(layer, b=b, h=self.value + b, a=self.value + b)
        return Recorded(layer.h, layer)

    def activate(self) -> Recorded:
        layer = self.layer
        if not (isinstance(layer, Layer) and layer.h is self.value):
            raise NetworkError("forward", "φ of something else than w[map] @ a", CHAIN)
        run = layer._run
        a, dphi = run.carrier.activate(run.net.activation, layer.h, str(layer._label))
        set_values(layer, a=a, phi=a, dphi=dphi)
        return Recorded(layer.a, layer)


class Run:
    """A network over one carrier: its parameters, its layers, and the velocities that a rule gives them."""

    def __init__(self, net: Any, carrier: Any, samples: Any = "m") -> None:
        self.net, self.carrier, self.samples = net, carrier, samples
        self._dims: dict[str, tuple[Any, Any]] = dict(net.shapes())
        self.parameters = {name: carrier.letter(name, *dims) for name, dims in self._dims.items()}
        self.letters: dict[str, Any] = {}  # what was asked for besides: feedback, data
        self.layers: list[Layer] = []
        self.input: Any = None
        self.output: Any = None

    def once(self, name: str, rows: Any, cols: Any) -> Any:
        if name not in self.letters:
            self.letters[name] = self.carrier.letter(name, rows, cols)
        return self.letters[name]

    def feedback(self, kind: str, layer: Layer) -> Any:
        """B_l with the shape of W_l, F_l with the shape of W_L ⋯ W_{l+1}; B_1 and F_L stand in for nothing."""
        dims = self._dims[layer._name]
        return self.once(layer._name.replace("W", kind, 1), *(dims if kind == "B" else (self.net.outputs, dims[0])))

    def open_layer(self, name: str, source: Recorded) -> Recorded:
        W, zeros = self.parameters[name], self.carrier.zeros(self._dims[name][0], 1)
        layer = Layer(self, name, self.net.labels[len(self.layers)], W, zeros, W @ source.value)
        if self.layers:
            set_values(self.layers[-1], _up=layer)
        self.layers.append(layer)
        return Recorded(layer.h, layer)

    def forward(self, x: Any) -> Layer:
        """Run the network; returns the output layer."""
        net, self.layers, self.input = self.net, [], Input(x, known=self.net.begins)
        end = net.forward({name: Map(self, name) for name in self._dims}, Recorded(x, self.input))
        if not isinstance(end, Recorded) or not self.layers or end.layer is not self.layers[-1]:
            raise NetworkError("forward", "what is returned is not the output of the last map", CHAIN)
        self.output = end.layer
        if not net.ends:
            far, f = "n_{L-1}", self.once("f", net.outputs, self.samples)
            w, b = self.once("W_L", net.outputs, far), self.once("b_L", net.outputs, 1)
            self._dims["W_L"] = (net.outputs, far)
            self.output = Layer(self, "W_L", "L", w, b, f)
        set_values(self.output, phi=self.output.a, dphi=self.carrier.zeros(*self.output.h._dims) + 1)
        return self.output  # type: ignore[no-any-return]

    def backward(self, rule: Any, error: Callable[[Layer], Any]) -> None:
        """Set `delta` of every layer, from the top down."""
        set_values(self.output, delta=error(self.output))
        *rest, top = self.layers
        if top is not self.output:
            set_values(top, delta=self.once(f"δ_{{{top._label}}}", *top.h._dims))
        for layer in reversed(rest):
            found = called(rule, "error", layer, layer.above, self.output)
            set_values(layer, delta=self.conforming(rule, "error", layer, found, layer.h._dims))

    def updates(self, rule: Any) -> dict[str, Any]:
        """The velocity of every parameter; what `rule.update` leaves out keeps its default."""
        moves: dict[str, Any] = {}
        for below, layer in zip([self.input, *self.layers], self.layers, strict=False):
            found = called(rule, "update", layer, below, self.output)
            if not isinstance(found, dict) or not set(found) <= {"W", "b", "B", "F"}:
                what = f"returned {sorted(found, key=str) if isinstance(found, dict) else type(found).__name__}"
                raise RuleError(f"{name_of(rule)}.update", what, "return a dict with keys among W, b, B, F")
            default = {} if "W" in found else {"W": -layer.delta @ below.a.mT}
            if self.net.bias:
                default |= {} if "b" in found else {"b": -layer.delta.row_sums()}
            for key, value in {**default, **found}.items():
                dims = getattr(layer, key)._dims
                if key != "b" or self.net.bias:
                    moves[layer._name.replace("W", key, 1)] = self.conforming(rule, "update", layer, value, dims)
        return moves

    def conforming(self, rule: Any, method: str, layer: Layer, value: Any, dims: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = self.carrier.zeros(*dims) + value
        if getattr(value, "_dims", None) != dims:
            found = getattr(value, "_dims", type(value).__name__)
            remedy = f"at layer {layer._label} it must return the shape {show_shape(dims)}"
            raise ShapeError(f"{name_of(rule)}.{method}", found, dims, remedy)
        return value

    def velocities(self, rule: Any) -> dict[str, Any]:
        """Ẇ of every parameter that moves, at the error letter e."""
        x = self.once(self.net.source, self.net.inputs, self.samples)
        found = called(rule, "velocities", self, x, lambda output: self.once("e", *output.h._dims))
        if not isinstance(found, dict):
            raise RuleError(f"{name_of(rule)}.velocities", f"returned {type(found).__name__}", "return a dict by name")
        known = {name.replace("W", kind, 1): dims for name, dims in self._dims.items() for kind in "WB"} | self._dims
        for name, value in found.items():
            if "F" not in name and getattr(value, "_dims", None) != known.get(name):
                what = f"gave {name!r} the shape {show_shape(getattr(value, 'dims', type(value).__name__))}"
                raise RuleError(f"{name_of(rule)}.velocities", what, f"known parameters are {known}")
        return found


def is_local(rule: Any) -> bool:
    """Whether the rule keeps the pass of its base class, one way forward and one back: only then is there a cut."""
    return bool(getattr(getattr(type(rule), "velocities", None), "one_pass", False))
