"""A network's forward pass, recorded; the rule's way back along the record; the velocity of every parameter.

`Network.forward` is run once over recorded values. Each `w[name] @ a` opens a layer, `+ w[bias]` and φ complete it, and
the layer knows what it feeds. The rule says what a layer passes on (`activity`), what the error signal is (`signal`),
how it reaches a layer (`error`, once for each from the top), and how parameters move (`update`, once for each). A
network whose `ends` is False is a piece of a longer one: above its top lies a horizon, and the signal that arrives
there is a letter. Nothing here knows what the values are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..errors import BeyondHorizon, RuleError, ShapeError, Undecidable, UserCodeError, called, name_of, show_shape
from .carriers import Opaque


def set_values(layer: Layer, **values: Any) -> None:
    for key, value in values.items():
        object.__setattr__(layer, key, value)


KINDS = {"W": "weight", "B": "weight", "V": "weight", "F": "direct", "b": "bias", "v": "bias"}  # V, v: a rule's memory


class Layer:
    """One map and the activity behind it: what a rule reads. Letters besides W and b come into being when read."""

    __slots__ = ("W", "_label", "_name", "_run", "_up", "a", "b", "delta", "dphi", "h", "index", "name", "phi")
    delta: Any

    def __init__(self, run: Run, name: str, label: Any, W: Any, b: Any, h: Any) -> None:
        seen = (label, name) if isinstance(label, int) else (Opaque(label), Opaque(name, str))
        set_values(self, _run=run, _name=name, _label=label, _up=None, index=seen[0], name=seen[1], W=W, b=b, h=h, a=h)

    def __setattr__(self, key: str, value: Any) -> None:
        raise UserCodeError(
            f"layer {self._label}", f"{key} was assigned to", "rules and laws read layers and change none"
        )

    def __getattr__(self, key: str) -> Any:
        if key in KINDS and self is not self._run.input:
            return self._run.companion(key, self)
        if key in ("target", "dphi") and self is self._run.output:
            dims = self.h._dims
            return self._run.once("y", *dims) if key == "target" else self._run.carrier.zeros(*dims) + 1
        if key == "e" and self is self._run.output and self._run.e is not None:
            return self._run.e
        if self is self._run.input and not self._run.net.begins:
            raise Undecidable(f"{key!r} of the layer below, of which a local cut knows only the activity a")
        raise AttributeError(f"layer {self._label} has no {key!r} here; below the first layer there is only a")

    @property
    def above(self) -> Any:
        """The layer that this one feeds; None at the output."""
        if self._up is None and self is not self._run.output:
            raise BeyondHorizon(f"what lies above layer {self._label}")
        return self._up

    def constant(self, name: str, of: str = "weight") -> Any:
        """A matrix given once and for all, with the shape of W, or of what else `Run.shape` knows."""
        return self._run.given(name, "°", self, of)

    def draw(self, name: str, of: str = "activity") -> Any:
        """A matrix drawn anew at every step, of which nothing is known; "samples" is a row with an entry for each."""
        return self._run.given(name, "~", self, of)


class Map:
    """A parameter inside `Network.forward`."""

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name

    def __matmul__(self, source: Recorded) -> Recorded:
        return self.run.open_layer(self.name, source)


class Recorded:
    """A value on its way through `Network.forward`: the input, a pre-activation or an activity."""

    def __init__(self, value: Any, layer: Any) -> None:
        self.value, self.layer = value, layer

    def __add__(self, bias: Map) -> Recorded:
        b = bias.run.parameters[bias.name]
        set_values(self.layer, b=b, h=self.value + b, a=self.value + b)
        return Recorded(self.layer.h, self.layer)

    def activate(self) -> Recorded:
        layer, run = self.layer, self.layer._run
        a, dphi = run.carrier.activate(run.net.activation, layer.h, f"{layer._label}{run.passes}")
        set_values(layer, a=a, phi=a, dphi=dphi)
        set_values(layer, a=run.conforming("activity", layer, called(run.rule, "activity", layer), a._dims))
        return Recorded(layer.a, layer)


class Run:
    """A network over one carrier: its parameters, its layers, and the velocities that a rule gives them."""

    def __init__(self, net: Any, carrier: Any, samples: Any = "m", error: Any = None) -> None:
        self.net, self.carrier, self.samples, self.error = net, carrier, samples, error
        self._dims: dict[str, tuple[Any, Any]] = dict(net.shapes())
        self.parameters = {name: carrier.letter(name, *dims) for name, dims in self._dims.items()}
        self.letters: dict[str, Any] = {}  # what was asked for besides: feedback, data
        self.layers: list[Layer] = []
        self.input = self.output = self.rule = self.e = None  # type: Any
        self.passes = ""  # a prime for each forward pass after the first: its gates and its error are other letters

    def once(self, name: str, rows: Any, cols: Any) -> Any:
        if name not in self.letters:
            self.letters[name] = self.carrier.letter(name, rows, cols)
        return self.letters[name]

    def shape(self, of: str, name: str) -> tuple[Any, Any]:
        """The shape of what is called `of` at the layer of a map."""
        rows, cols = self._dims[name]
        shapes = {"weight": (rows, cols), "direct": (self.net.outputs, rows), "bias": (rows, 1), "square": (rows, rows)}
        shapes |= {"activity": (rows, self.samples), "below": (cols, self.samples), "samples": (1, self.samples)}
        shapes |= {"input": (cols, 1), "entry": (self.net.inputs, self.net.outputs)}
        if of not in shapes:
            raise RuleError(name_of(self.rule), f"asked for a matrix shaped like {of!r}", f"known are {sorted(shapes)}")
        return shapes[of]

    def companion(self, kind: str, layer: Layer) -> Any:
        """B_l and V_l with the shape of W_l, F_l with that of W_L ⋯ W_{l+1}; B_1 and F_L stand in for nothing."""
        return self.once(layer._name.replace("W", kind, 1), *self.shape(KINDS[kind], layer._name))

    def given(self, name: str, mark: str, layer: Layer, of: str) -> Any:
        """A letter with a name of its own at a layer; the mark tells constants and draws from all other letters."""
        if not re.fullmatch(r"[^\W\d_]+", str(name)) or name in KINDS or name in set("haekφδnxyf") or "Δ" in name:
            raise RuleError(
                name_of(self.rule), f"named a matrix {name!r}", "use letters that no layer has, such as 'M'"
            )
        return self.once(layer._name.replace("W", name + mark, 1), *self.shape(of, layer._name))

    def open_layer(self, name: str, source: Recorded) -> Recorded:
        W, zeros = self.parameters[name], self.carrier.zeros(self._dims[name][0], 1)
        layer = Layer(self, name, self.net.labels[len(self.layers)], W, zeros, W @ source.value)
        if self.layers:
            set_values(self.layers[-1], _up=layer)
        self.layers.append(layer)
        return Recorded(layer.h, layer)

    def forward(self, x: Any) -> Layer:
        """Run the network; returns the output layer."""
        net, self.passes = self.net, self.passes + "′" * bool(self.layers)
        self.layers, self.input = [], Layer.__new__(Layer)  # below the first layer there is only a
        set_values(self.input, _run=self, _label="input", a=x)
        end = net.forward({name: Map(self, name) for name in self._dims}, Recorded(x, self.input))
        self.output = end.layer
        if not net.ends:
            far, f = "n_{L-1}", self.once("f", net.outputs, self.samples)
            w, b = self.once("W_L", net.outputs, far), self.once("b_L", net.outputs, 1)
            self._dims["W_L"] = (net.outputs, far)
            self.output = Layer(self, "W_L", "L", w, b, f)
        set_values(self.output, phi=self.output.a)
        return self.output  # type: ignore[no-any-return]

    def backward(self, rule: Any, error: Callable[[Layer], Any]) -> None:
        """Set `delta` of every layer, from the top down."""
        e = self.conforming("signal", self.output, error(self.output), self.output.h._dims)
        set_values(self.output, delta=e)
        found = called(rule, "signal", self.output)
        set_values(self.output, delta=self.conforming("signal", self.output, found, self.output.h._dims))
        *rest, top = self.layers
        if top is not self.output:
            set_values(top, delta=self.once(f"δ_{{{top._label}}}", *top.h._dims))
        for layer in reversed(rest):
            found = called(rule, "error", layer, layer.above, self.output)
            set_values(layer, delta=self.conforming("error", layer, found, layer.h._dims))

    def updates(self, rule: Any) -> dict[str, Any]:
        """The velocity of every parameter; what `rule.update` leaves out keeps its default."""
        moves: dict[str, Any] = {}
        for below, layer in zip([self.input, *self.layers], self.layers, strict=False):
            found = called(rule, "update", layer, below, self.output)
            if not isinstance(found, dict) or not set(found) <= set(KINDS):
                what = f"returned {sorted(found, key=str) if isinstance(found, dict) else type(found).__name__}"
                raise RuleError(f"{name_of(rule)}.update", what, f"return a dict with keys among {', '.join(KINDS)}")
            default = {} if "W" in found else {"W": -layer.delta @ below.a.mT}
            if self.net.bias:
                default |= {} if "b" in found else {"b": -layer.delta.row_sums()}
            for key, value in {**default, **found}.items():
                dims = getattr(layer, key)._dims
                if key not in "bv" or self.net.bias:
                    moves[layer._name.replace("W", key, 1)] = self.conforming("update", layer, value, dims)
        return moves

    def conforming(self, method: str, layer: Layer, value: Any, dims: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = self.carrier.zeros(*dims) + value
        if getattr(value, "_dims", None) != dims:
            found = getattr(value, "_dims", type(value).__name__)
            remedy = f"at layer {layer._label} it must return the shape {show_shape(dims)}"
            raise ShapeError(f"{name_of(self.rule)}.{method}", found, dims, remedy)
        return value

    def loss(self, output: Layer) -> Any:
        """The error signal e: what a stated loss makes of the output, or a letter, another for each forward pass."""
        found = self.error(output) if self.error else self.once("e" + self.passes, *output.h._dims)
        self.e = self.conforming("error signal", output, found, output.h._dims)
        return self.e

    def velocities(self, rule: Any) -> dict[str, Any]:
        """Ẇ of every parameter that moves, at the error letter e or what the loss makes of the output."""
        self.rule = rule
        x = self.once(self.net.source, self.net.inputs, self.samples)
        found = called(rule, "velocities", self, x, self.loss)
        if not isinstance(found, dict):
            raise RuleError(f"{name_of(rule)}.velocities", f"returned {type(found).__name__}", "return a dict by name")
        kinds = {kind: of for kind, of in KINDS.items() if self.net.bias or kind not in "bv"}
        maps = [name for name in self._dims if name[0] == "W"]
        known = {name.replace("W", kind, 1): self.shape(of, name) for name in maps for kind, of in kinds.items()}
        if not self.layers:
            raise RuleError(f"{name_of(rule)}.velocities", "made no forward pass", "call run.forward(x)")
        for name, value in found.items():
            if name not in known or getattr(value, "_dims", None) != known[name]:
                what = f"gave {name!r} the shape {show_shape(getattr(value, 'dims', type(value).__name__))}"
                raise RuleError(f"{name_of(rule)}.velocities", what, f"known parameters are {known}")
        return found


def one_pass(rule: Any, run: Run, x: Any, error: Callable[[Layer], Any]) -> dict[str, Any]:
    """Forward, backward, update. A rule that overrides it, with passes of its own, has no local cut."""
    run.forward(x)
    run.backward(rule, error)
    return run.updates(rule)


def is_local(rule: Any) -> bool:
    """Whether the rule keeps `one_pass`: only then is there a cut."""
    return getattr(rule.velocities, "__func__", None) is one_pass
