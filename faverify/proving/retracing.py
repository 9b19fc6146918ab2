"""The rechecker's own way through a network that is no chain: signals back along the tape of the forward pass.

Shares nothing with the prover. The rule gives each point of the tape its signal, the last first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from .piles import piled, summed
from .tapes import Step, Weights, ancestors, is_point, parts_of, source_of


class Name(str):
    """The name of a layer, by which constants are told apart."""

    __slots__ = ()
    _label = property(str)


class View:
    """What a rule or a law reads at some maps; the state says what the letters are."""

    h: Any
    a: Any
    phi: Any
    dphi: Any
    delta: Any
    e: Any
    target: Any
    rows: int
    partner: Any

    def __init__(self, tape: Tape, label: str, names: list[Any], axis: int, state: dict[str, Any]) -> None:
        self.tape, self.label, self.names, self.axis, self.state = tape, label, names, axis, state
        self.index = self.name = Name(label)
        self.above: Any = None
        self.signals: Any = None  # what makes δ, where it is made when it is read
        self.of: list[View] = []  # the layers whose maps these are, where it is none itself

    def __getattr__(self, key: str) -> Any:
        if key == "start":
            moved = {name: self.state[f"{name}(0)"] for name in self.state if f"{name}(0)" in self.state}
            return View(self.tape, self.label, self.names, self.axis, moved)
        if key == "delta" and self.signals is not None:
            return piled(self.signals(), 0)
        if key not in ("W", "B", "V", "F", "b", "v"):
            raise AttributeError(key)
        if not self.names and key != "F":
            some = next(iter(self.state.values()))
            return (
                some._like([[some._number(0)] for _ in range(self.rows)])
                if self.axis
                else some._like([[some._number(0)] * self.rows])
            )
        if key in "bv":
            names = [name for name in self.names if name in self.tape.bias_of]
            found = [self.state[self.tape.bias_of[name] if key == "b" else f"v_{{{name}}}"] for name in names]
            return piled(found, 1) if found else self.state[self.names[0]].row_sums() * 0
        if key == "F":
            tops = [self.tape.views[id(top)].label for top in self.tape.tops]
            names = [f"F_{{{self.label}}}"] if len(tops) == 1 else [f"F_{{{self.label}}}_{{{top}}}" for top in tops]
            return piled([self.state[name] for name in names], 0)
        return self._read(self.names, "" if key == "W" else key)

    def _read(self, names: list[Any], kind: str) -> Any:
        keys = [name and (f"{kind}_{{{name}}}" if kind else name) for name in names]
        return piled([None if key is None else self.state[key] for key in keys], self.axis)

    def constant(self, name: str, of: str = "weight") -> Any:
        return self._own(f"{name}°", of)

    def draw(self, name: str, of: str = "activity") -> Any:
        return self._own(f"{name}~", of)

    def _own(self, kind: str, of: str) -> Any:
        if self.axis == 0 and self.of and of == "samples":
            return self.state[f"{kind}_{{{self.of[0].label}}}"]
        if of in ("weight", "below", "input", "entry") or (self.axis == 0 and self.of):
            return self._read(self.names, kind)
        labels = [view.label for view in self.of] or [self.label]
        return piled([self.state[f"{kind}_{{{label}}}"] for label in labels], 1)


class Tape:
    """One run of a rule of one pass over a network, at a point."""

    def __init__(self, net: Any, state: dict[str, Any], activation: Any, targets: Any, to: Callable[..., Any]) -> None:
        self.net, self.state, self.activation, self.targets, self.to = net, state, activation, targets, to
        self.gates: list[Any] = []
        self.steps: list[Step] = []
        self.bias_of: dict[str, str] = {}
        self.views: dict[int, View] = {}
        self.labels: list[str] = []
        self.dead: set[int] = set()
        self.rule: Any = None
        self.stands: dict[int, Any] = {}

    def velocities(self, rule: Any, x: Any, error: Callable[[Any], Any]) -> dict[str, Any]:
        """Forward, backward, update; x is a grid, or grids by name where there are several inputs."""
        self.rule, self.dead = rule, self._dead(x)
        self._forward(x)
        used = ancestors(self.tops)
        for step in self.steps:
            step.readers = [reader for reader in step.readers if id(reader) in used]
        self.steps = [step for step in self.steps if id(step) in used]
        points = [step for step in self.steps if step.kind != "input" and (step in self.tops or is_point(step))]
        known = {id(point) for point in (*points, *self.sources)}
        self.made = [(point, parts_of(point, known)) for point in points]
        self.wires: dict[int, list[tuple[str, Step, Step]]] = {id(point): [] for point in (*self.sources, *points)}
        for point, parts in self.made:
            maps = list(dict.fromkeys(part.name for kind, part in parts if kind == "map"))
            view = self.views.get(id(point))
            if view is None:  # φ and what is free have their label already
                view = self.views[id(point)] = View(self, self._label("+".join(maps) or "sum"), maps, 1, self.state)
            view.names = maps
            view.a = point.value
            if point.kind != "phi":
                view.h, view.dphi = point.value, point.value * 0 + 1
            for kind, part in parts:
                if kind == "bias":
                    self.bias_of.setdefault(part.owner, part.name)
                else:
                    self.wires[id(source_of(kind, part))].append((kind, point, part))
        self._signals(error)
        return self._moves()

    def _forward(self, x: Any) -> None:
        several = isinstance(x, dict)
        sources = {name: Step(self, part, "input", []) for name, part in (x if several else {"": x}).items()}
        found = self.net.forward(Weights(self), sources if several else sources[""])
        self.sources = list(sources.values())
        self.tops: list[Step] = list(found) if isinstance(found, (tuple, list)) else [found]

    def _dead(self, x: Any) -> set[int]:
        """The steps that lead to no output, by their number: a first run finds them."""
        trial = Tape(self.net, self.state, self.activation, self.targets, self.to)
        trial.rule = SimpleNamespace(activity=lambda layer: layer.phi)
        trial._forward(x)
        used = ancestors(trial.tops)
        return {k for k, step in enumerate(trial.steps) if id(step) not in used and step.kind != "input"}

    def _signals(self, error: Callable[[Any], Any]) -> None:
        """δ of every point, the last first."""
        views = [self.views[id(top)] for top in self.tops]
        output = self.output = views[0]
        if len(views) > 1 or self.wires[id(self.tops[0])]:
            output = self.output = View(self, "output", [], 0, self.state)
            output.of = views
            output.h = output.a = piled([view.h for view in views], 0)
            output.dphi = piled([view.dphi for view in views], 0)
        targets = self.targets if isinstance(self.targets, list) else [self.targets]
        goals = [top.value * 0 if y is None else y for top, y in zip(self.tops, targets * len(views), strict=False)]
        output.target = piled(goals, 0)

        def signal(value: Any) -> None:
            output.delta = value
            for view, part in zip(views, [value] if len(views) == 1 else value.parts, strict=True):
                view.delta = part

        signal(error(output))
        signal(self.rule.signal(output))
        for point, _ in reversed(self.made):
            view = self.views[id(point)]
            if self.wires[id(point)]:
                view.above = self._above(point)
                found = self.rule.error(view, view.above, output)
                view.delta = view.delta + found if point in self.tops else found

    def phi(self, step: Step) -> Step:
        """φ of a value, and what the rule passes on."""
        if len(self.steps) in self.dead:
            return Step(self, step.value, "phi", [step])
        functions = (self.activation.phi, self.activation.dphi)
        a, dphi = (
            step.value._like([[self.to(f(e), step.value) for e in r] for r in step.value.rows]) for f in functions
        )
        self.gates.append(dphi.rows)
        found = Step(self, a, "phi", [step])
        known = {id(other) for other in self.steps if other is not found and is_point(other)}
        names = [part.name for kind, part in parts_of(found, known) if kind == "map"]
        view = View(self, self._label("+".join(names) or "sum"), names, 1, self.state)
        view.h, view.phi, view.a, view.dphi = step.value, a, a, dphi
        found.value = self.rule.activity(view)
        self.views[id(found)] = view
        return found

    def free(self, name: str, a: Step, back: Any) -> Step:
        """A value of which nothing is known."""
        dead = len(self.steps) in self.dead
        found = Step(self, self.state[f"{name}°"], "free", [a], name, back)
        if not dead:
            self.views[id(found)] = View(self, self._label(name), [], 1, self.state)
        return found

    def _label(self, name: str) -> str:
        """A label of its own for each point."""
        self.labels.append(name)
        again = self.labels.count(name)
        return name if again == 1 else f"{name} ({again})"

    def _above(self, point: Step) -> View:
        wires = self.wires[id(point)]
        found = View(self, "", [part.name if kind == "map" else None for kind, _, part in wires], 0, self.state)
        found.signals = lambda: [self._back(kind, part, self.views[id(target)].delta) for kind, target, part in wires]
        return found

    def _back(self, kind: str, part: Step, delta: Any) -> Any:
        """The signal at the source of a part, given that at the point which it is part of."""
        if kind == "left":
            return part.fixed.mT @ delta
        if kind == "right":
            return delta @ part.fixed.mT
        if kind == "mask":
            return delta * part.fixed
        if kind == "free":
            found = self.state[f"{part.name}~"]
            return found if part.fixed is None else part.fixed(found, part.below[0].value)
        if kind in ("first", "second"):
            matrix, flips = part.fixed
            side = int(kind == "second")
            other = self.stand(part.below[1 - side])
            other = other.mT if flips[1 - side] else other
            found = delta * other if not matrix else other.mT @ delta if side else delta @ other.mT
            return found.mT if flips[side] else found
        return delta

    def stand(self, point: Step) -> Any:
        """What feedback makes of a factor of a product."""
        if point.kind in ("input", "phi", "free"):
            return point.value
        if id(point) not in self.stands:
            summands, last = [], []
            for kind, part in next(parts for other, parts in self.made if other is point):
                if kind == "map":
                    summands.append(
                        self.rule.feedback(View(self, part.name, [part.name], 0, self.state)) @ part.below[0].value
                    )
                elif kind == "bias":
                    last.append(self.state[part.name])
                elif kind == "first":
                    matrix, flips = part.fixed
                    p, q = (
                        self.stand(b).mT if flip else self.stand(b) for b, flip in zip(part.below, flips, strict=True)
                    )
                    summands.append(p @ q if matrix else p * q)
                elif kind != "second":
                    now = self.stand(source_of(kind, part))
                    mixed = {"left": lambda v, f: f @ v, "right": lambda v, f: v @ f, "mask": lambda v, f: v * f}
                    summands.append(mixed[kind](now, part.fixed) if kind in mixed else now)
            self.stands[id(point)] = summed(summands + last)
        return self.stands[id(point)]

    def _moves(self) -> dict[str, Any]:
        """The velocity of every parameter, by its rule or by default."""
        uses: dict[str, list[tuple[Step, Step]]] = {}
        for point, parts in self.made:
            for kind, part in parts:
                if kind == "map":
                    uses.setdefault(part.name, []).append((part.below[0], point))
        self.uses = uses
        moves: dict[str, Any] = {}
        for name, pairs in uses.items():
            layer, below = View(self, name, [name], 1, self.state), View(self, name, [name], 1, self.state)
            layer.of = [self.views[id(point)] for _, point in pairs]
            alone = len(pairs) == 1 and layer.of[0].names == [name]
            layer.label = layer.of[0].label if alone else name
            layer.index = layer.name = Name(layer.label)
            for key in ("delta", "h", "a", "dphi"):
                setattr(layer, key, piled([getattr(self.views[id(point)], key) for _, point in pairs], 1))
            below.a = piled([step.value for step, _ in pairs], 1)
            if len(pairs) == 1:
                layer.above = self.views[id(pairs[0][1])].above
            found = {"W": -layer.delta @ below.a.mT, **self.rule.update(layer, below, self.output)}
            if name in self.bias_of:
                found = {"b": -layer.delta.row_sums(), **found}
            for key, value in found.items():
                if key == "F":
                    moves[f"F_{{{layer.label}}}"] = value
                elif key not in "bv" or name in self.bias_of:
                    letter = name if key == "W" else self.bias_of[name] if key == "b" else f"{key}_{{{name}}}"
                    moves[letter] = getattr(layer, key) * 0 + value if isinstance(value, int) else value
        return moves

    def place(self, label: str, grouped: str, state: dict[str, Any]) -> list[tuple[Any, View]]:
        """What a law reads at a layer or at the classes of a tied group, in another state, with factors."""
        found = []
        for factor, into, out, rows in self._classes(label, grouped) if grouped else [self._layer(label)]:
            name = "+".join(into) or f"to {'+'.join(out)}" if grouped else label
            view, above = View(self, name, into, 1, state), View(self, name, out, 0, state)
            view.rows = above.rows = rows
            view.above = above
            partner = [] if grouped else self._partner(label)
            view.partner = View(self, name, partner, 1, state) if partner else None
            found.append((factor, view))
        return found

    def _point(self, label: str) -> Step:
        return next(point for point, _ in self.made if self.views[id(point)].label == label)

    def _layer(self, label: str) -> tuple[Any, list[str], list[str], int]:
        point = self._point(label)
        reached = [part.name for kind, part in self._onward(point) if kind == "map"]
        return 1, self.views[id(point)].names, list(dict.fromkeys(reached)), point.value.shape[0]

    def _onward(self, point: Step) -> list[tuple[str, Step]]:
        """The maps and products that a point reaches over wires."""
        found: list[tuple[str, Step]] = []
        for kind, target, part in self.wires[id(point)]:
            if kind in ("map", "first", "second"):
                found.append((kind, part))
            elif kind != "free" and target.kind != "phi":
                found += self._onward(target)
        return found

    def _partner(self, label: str) -> list[str]:
        """The maps into what a layer is multiplied by."""
        found: list[str] = []
        for kind, part in self._onward(self._point(label)):
            if kind != "map":
                found += self._into(part.below[int(kind == "first")])
        return list(dict.fromkeys(found))

    def _into(self, point: Step) -> list[str]:
        found: list[str] = []
        for kind, part in next((parts for other, parts in self.made if other is point), []):
            if kind == "map":
                found.append(part.name)
            elif point.kind != "phi" and kind in ("wire", "left", "right", "mask"):
                found += self._into(source_of(kind, part))
        return found

    def _classes(self, label: str, grouped: str) -> list[tuple[Any, list[str], list[str], int]]:
        """The maps into and out of the classes of a group: points are coloured until no tie joins two colours."""
        colour = {key: number for number, key in enumerate(self.wires)}
        ties = [
            (id(source_of(kind, part)), id(point))
            for point, parts in self.made
            for kind, part in parts
            if kind in ("wire", "left", "right", "mask")
        ]
        for pairs in self.uses.values():
            ties += [(id(pairs[0][end]), id(pair[end])) for pair in pairs for end in (0, 1)]
        changed = True
        while changed:
            changed = False
            for a, b in ties:
                if colour[a] != colour[b]:
                    colour[a] = colour[b] = min(colour[a], colour[b])
                    changed = True
        found, factors = [], {}
        pattern = r"(?:([+−]) )?(?:(\d+(?:/\d+)?) )?\(([^()]*)\)"
        written = re.findall(pattern, label) or [("", "", label)]
        if len(written) > 1 and re.sub(r"\s", "", re.sub(pattern, "", label)):
            raise ValueError(f"no group {label}")
        for sign, times, name in written:
            end, first = (0, name[3:]) if name.startswith("to ") else (1, name)
            some = self.uses[first.split("+")[0]][0][end]
            tone = colour[id(some)]
            into = [key for key, pairs in self.uses.items() if colour[id(pairs[0][1])] == tone]
            out = [key for key, pairs in self.uses.items() if colour[id(pairs[0][0])] == tone]
            if "+".join(out if end == 0 else into) != first or (end == 0 and into) or tone in factors:
                raise ValueError(f"no group {label}")
            factors[tone] = Fraction(times or 1) * (-1 if sign == "−" else 1)
            found.append((factors[tone], into, out, some.value.shape[0]))
        self._closed(factors, colour, grouped)
        return found

    def _closed(self, factors: dict[int, Fraction], colour: dict[int, int], grouped: str) -> None:
        """Whether a group has no loose end, and factors of the classes without maps make it one at every product."""
        loose = [*self.tops, *([] if grouped == "open" else self.sources)]
        sums = []
        for point, parts in self.made:
            for kind, part in parts:
                if kind == "free":
                    loose += [point, part.below[0]]
                elif kind == "first":
                    sums.append([colour[id(step)] for step in (point, *part.below)])
        ends = {colour[id(step)] for step in loose}
        if ends & set(factors):
            raise ValueError("a group with a loose end")
        mapped = {colour[id(pair[end])] for pairs in self.uses.values() for pair in pairs for end in (0, 1)}
        known = dict.fromkeys(ends | mapped, Fraction(0)) | factors
        for _ in sums:  # each round settles at least one more, if there is one to settle
            for p, left, right in sums:
                if left in known and right in known:
                    known.setdefault(p, known[left] + known[right])
                elif p in known and left == right:
                    known[left] = known[p] / 2
                elif p in known and (left in known or right in known):
                    given, other = (left, right) if left in known else (right, left)
                    known[other] = known[p] - known[given]
        if any(known[p] != known[left] + known[right] for p, left, right in sums if {p, left, right} <= set(known)):
            raise ValueError("the factors of a product do not add up")
