"""Networks: which maps there are, and how an input runs through them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from typing import Any

from ..errors import Misuse, NetworkError, called, name_of, told, whole_number
from ..kernel.outlines import OutlineCarrier
from ..kernel.passes import Run
from ..kernel.words import symbols
from .activations import Activation, activation_named, homogeneous
from .formulas import phi
from .learning import LearningRule


class Network:
    """A network whose forward pass is a plain function of its maps.

    A subclass gives `shapes()`, the maps (rows, columns) and biases (rows, 1) by name, where a size is a number or a
    name that stands for every size, and `forward(w, x)`. There `w[name] @ a` is a map of a value, `+ w[bias]` adds a
    bias, `fv.phi(h)` is the activation; values are added, multiplied by numbers and by each other (`*`, `@`, `.mT`);
    `w.fixed(name, rows, cols) @ a` mixes rows and `a @ w.fixed(…)` columns by a matrix that nobody trains,
    `w.mask(name, a) * a` weighs entries, and `w.free(name, a)` is a value that depends on `a` in any way at all.

    `inputs` is the number of rows of x, or a dict by name, each beginning with x, of rows or of (rows, columns), where
    "samples" is the number of samples; then x is a dict too. `forward` may return a tuple of outputs.

    Examples
    --------
    >>> import faverify as fv
    >>> class Skip(fv.Network):
    ...     def shapes(self):
    ...         return {"stem": ("n", "d"), "W1": ("n", "n"), "head": ("k", "n")}
    ...     def forward(self, w, x):
    ...         a = w["stem"] @ x
    ...         return w["head"] @ (a + fv.phi(w["W1"] @ a))
    >>> fv.check(fv.total(fv.laws.feedback_balance), fv.rules.FeedbackAlignment(), Skip()).kind
    'proved'
    """

    begins = ends = True
    source, samples = "x", "samples"
    activation = homogeneous()
    bias = False
    sizes: Mapping[str, int] = {}

    def shapes(self) -> dict[str, tuple[Any, Any]]:
        raise NotImplementedError("write shapes(), which gives the maps by name")

    def forward(self, w: Any, x: Any) -> Any:
        raise NotImplementedError

    @property
    def inputs(self) -> Any:
        """The rows of x: by default the columns of the first map."""
        return next(iter(self.shapes().values()))[1]

    @property
    def outputs(self) -> Any:
        """The rows of the output: by default those of the last map."""
        return [dims for dims in self.shapes().values() if dims[1] != 1][-1][0]

    @property
    def sizes_text(self) -> str:
        """What a scope says of widths."""
        sizes = {size for dims in self.shapes().values() for size in dims}
        names = sorted(size for size in sizes if isinstance(size, str))
        given = sorted(size for size in sizes if isinstance(size, int) and size != 1)
        texts = ["all " + ", ".join(names)] * bool(names) + ["given " + ", ".join(map(str, given))] * bool(given)
        return "; ".join(texts) or "given 1"

    @property
    def depth_text(self) -> str:
        """What a scope says of depths."""
        return f"this network: {self!r}"

    def letter(self, kind: str, name: str) -> str:
        """The name of a letter at a map: B_{stem} at stem."""
        return f"{kind}_{{{name}}}"

    layer_letter = letter

    def gate(self, label: str) -> str:
        """What the name of a gate of a layer ends with."""
        return f"_{{{label}}}"

    def label(self, position: int, maps: list[str]) -> str:
        """The name of a layer: that of its maps."""
        return "+".join(maps) or "sum"

    def __repr__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if _is_plain(key, value))
        return f"{type(self).__name__}({given})"


def _is_plain(key: str, value: Any) -> bool:
    return key[0] != "_" and key not in ("activation", "bias") and isinstance(value, (int, str, tuple, type(None)))


class Repeated(Network):
    """Equal blocks, one after another: so many as `blocks` says, or, where it is None, any number of them.

    A subclass gives the maps outside of the blocks (`outer`, from the first to the last; blocks may read them too),
    those that each block has for itself (`inner`), and the passes `before(w, x)`, `block(w, a, x)` and `after(w, a)`:
    what `before` and each `block` return goes to the next. `block_inputs` are inputs that each block has for itself.
    """

    block_inputs: Mapping[str, Any] = {}

    def __init__(self, blocks: int | None = None) -> None:
        expected = "a whole number ≥ 1, or None for every number"
        self.blocks = None if blocks is None else whole_number("blocks", blocks, 1, expected=expected)

    def outer(self) -> dict[str, tuple[Any, Any]]:
        raise NotImplementedError

    def inner(self) -> dict[str, tuple[Any, Any]]:
        raise NotImplementedError

    def before(self, w: Any, x: Any) -> Any:
        raise NotImplementedError

    def block(self, w: Any, a: Any, x: Any) -> Any:
        raise NotImplementedError

    def after(self, w: Any, a: Any) -> Any:
        raise NotImplementedError

    def of(self, blocks: int | None) -> Any:
        """The same network with so many blocks."""
        found = copy(self)
        found.blocks = blocks
        return found

    @property
    def uniform(self) -> bool:
        """Whether it is put together as any number of equal blocks is."""
        own = ("forward", "shapes", "of", "numbers")
        return all(getattr(type(self), name) is getattr(Repeated, name) for name in own)

    @property
    def numbers(self) -> range:
        return range(1, (2 if self.blocks is None else self.blocks) + 1)

    def shapes(self) -> dict[str, tuple[Any, Any]]:
        (first, dims), *rest = self.outer().items()
        blocks = {f"{name}{k}": shape for k in self.numbers for name, shape in self.inner().items()}
        return {first: dims, **blocks, **dict(rest)}

    @property
    def inputs(self) -> Any:
        """The rows of x; by name where blocks have inputs of their own."""
        rows = next(iter(self.outer().values()))[1]
        if not self.block_inputs:
            return rows
        return {"x": rows, **{f"{name}{k}": dims for k in self.numbers for name, dims in self.block_inputs.items()}}

    def forward(self, w: Any, x: Any) -> Any:
        """f(x)."""
        one, numbers, own = self.of(None), self.numbers, self.block_inputs  # a block does not know how many there are
        a = one.before(w, x)
        w.boundary(a)
        for k in numbers:
            a = one.block(Block(w, k, self.inner()), a, {name: x[f"{name}{k}"] for name in own})
            w.boundary(a)
        return one.after(w, a)

    @property
    def depth_text(self) -> str:
        """What a scope says of depths."""
        return f"this network: {self!r}" if self.blocks is not None else "any number of blocks"


class Block:
    """What a block sees of `w`: its own maps, and those outside of the blocks."""

    def __init__(self, w: Any, number: int, inner: Mapping[str, Any]) -> None:
        self._w, self._number, self._inner = w, number, inner

    def __getitem__(self, name: str) -> Any:
        return self._w[f"{name}{self._number}" if name in self._inner else name]

    def fixed(self, name: str, rows: Any, cols: Any = None) -> Any:
        return self._w.fixed(name, rows, cols, block=self._number)

    def mask(self, name: str, a: Any) -> Any:
        return self._w.mask(name, a, block=self._number)

    def free(self, name: str, a: Any, back: Any = None) -> Any:
        return self._w.free(name, a, back, block=self._number)


class Sized(Network):
    """A network with numbers for the names of its sizes, and an activation."""

    def __init__(self, net: Any, sizes: Mapping[str, int], activation: Any = None) -> None:
        self.net, self.sizes, self.activation = net, dict(sizes), activation or net.activation

    def _number(self, size: Any) -> Any:
        if isinstance(size, Mapping):
            return {name: self._number(part) for name, part in size.items()}
        return tuple(map(self._number, size)) if isinstance(size, tuple) else self.sizes.get(size, size)

    def shapes(self) -> dict[str, tuple[Any, Any]]:
        return self._number(self.net.shapes())  # type: ignore[no-any-return]

    def forward(self, w: Any, x: Any) -> Any:
        return self.net.forward(w, x)

    @property
    def inputs(self) -> Any:
        return self._number(self.net.inputs)

    @property
    def outputs(self) -> Any:
        return self._number(self.net.outputs)

    def __repr__(self) -> str:
        return repr(self.net)


def size_names(net: Any) -> list[str]:
    """The names of the sizes of a network."""
    run = Run(net, OutlineCarrier(), "samples")
    run.rule = LearningRule()
    run.velocities(run.rule)
    shapes = [*net.shapes().values(), *(value._dims for value in run.letters.values())]
    return sorted({size for dims in shapes for size in dims if isinstance(size, str)} - {"samples"})


def apart(net: Repeated) -> None:
    """Refuse names of maps and inputs that those of a block could meet when they are numbered."""
    outer, inner = dict(net.outer()), dict(net.inner())
    given = net.of(1).inputs if net.block_inputs else {}
    others = {name: dims for name, dims in given.items() if name not in {f"{own}1" for own in net.block_inputs}}
    for kind, named, blocks in (("a map", outer, inner), ("an input", others, net.block_inputs)):
        for name in blocks:
            rest = [other for other in [*named, *blocks] if other != name]
            meets = [other for other in rest if re.fullmatch(re.escape(name) + r"\d+", other)]
            if meets or name in named:
                remedy = f"{name} is numbered {name}1, {name}2, …: give one of them another name"
                raise NetworkError(name_of(net), f"has {kind} {(meets or [name])[0]!r} beside {name!r}", remedy)


TAKEN = r"x\w*|[eyfδ]|samples|k\d*|k[lL]|Δ\w*"  # Δ: what one step adds to a parameter


def conforming(net: Any) -> None:
    """Refuse a network whose shapes or inputs are none, or change from one call to the next."""
    name, shapes = name_of(net), called(net, "shapes")
    if not isinstance(shapes, Mapping) or not shapes:
        raise NetworkError(f"{name}.shapes", f"returned {told(shapes)}", "return {map: (rows, columns), …}")
    for key, dims in shapes.items():
        if not isinstance(key, str) or not key.isidentifier() or re.fullmatch(TAKEN, key) or key in symbols:
            remedy = "use an identifier that is no x…, e, y, f, k, k1, δ, Δ… and no fv.parameter"
            raise NetworkError(f"{name}.shapes", f"names a map {key!r}", remedy)
        if not (isinstance(dims, tuple) and len(dims) == 2 and all(map(_is_size, dims))):
            remedy = "use (rows, columns), each a whole number ≥ 1 or a name such as 'n'"
            raise NetworkError(f"{name}.shapes", f"gives {key!r} the shape {told(dims)}", remedy)
    inputs = net.inputs
    for key, dims in (inputs if isinstance(inputs, Mapping) else {"x": inputs}).items():
        sizes = dims if isinstance(dims, tuple) else (dims, "samples")
        named = isinstance(key, str) and re.fullmatch(r"x\w*", key)
        if not named or len(sizes) != 2 or not all(_is_size(size, True) for size in sizes):
            remedy = "use names that begin with x, and rows or (rows, columns)"
            raise NetworkError(f"{name}.inputs", f"gives {key!r} the shape {told(dims)}", remedy)
    if isinstance(net, Repeated):
        apart(net)
    if called(net, "shapes") != shapes or net.inputs != inputs:
        raise NetworkError(f"{name}.shapes", "returned something else the second time", "shapes are fixed")


def _is_size(size: Any, free: bool = False) -> bool:
    if isinstance(size, str):
        return size.isidentifier() and (free or size != "samples")
    return isinstance(size, int) and not isinstance(size, bool) and size >= 1


class MLP:
    """The chain h_l = W_l a_{l−1} (+ b_l), a_l = φ(h_l), with output f = h_L.

    Shapes: widths = (n_0, …, n_L); W_l is n_l × n_{l−1}; samples are columns.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.MLP(widths=(3, 4, 1)).shapes()
    {'W1': (4, 3), 'W2': (1, 4)}
    """

    begins = ends = straight = True
    source = "x"

    def __init__(self, widths: Any, activation: str | Activation = "relu", bias: bool = False) -> None:
        try:
            sizes = tuple(whole_number("widths", n, 1) for n in widths)
        except (TypeError, Misuse):
            sizes = ()
        if len(sizes) < 2:
            raise Misuse("widths", widths, "at least two whole numbers n_0, …, n_L, each ≥ 1, such as (3, 4, 1)")
        if not isinstance(bias, bool):
            raise Misuse("bias", bias, "True or False")
        self.widths: tuple[int, ...] = sizes
        self.activation = activation_named(activation)
        self.bias = bias

    @property
    def depth(self) -> int:
        """L, the number of maps."""
        return len(self.widths) - 1

    @property
    def inputs(self) -> int:
        return self.widths[0]

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    @property
    def labels(self) -> range:
        return range(1, self.depth + 1)

    @property
    def sizes_text(self) -> str:
        """What a scope says of widths."""
        return ", ".join(map(str, self.widths))

    @property
    def depth_text(self) -> str:
        """What a scope says of depths."""
        return str(self.depth)

    def letter(self, kind: str, name: str) -> str:
        """The name of a letter at a map: B2 at W2."""
        return name.replace("W", kind, 1)

    def layer_letter(self, kind: str, label: int) -> str:
        """The name of a letter at a layer: F1 at layer 1."""
        return f"{kind}{label}"

    def gate(self, label: int) -> str:
        """What the name of a gate of a layer ends with."""
        return str(label)

    def label(self, position: int, maps: list[str]) -> int:
        """The number of a layer."""
        return self.labels[position]

    def shapes(self) -> dict[str, tuple[int, int]]:
        """The parameters and their shapes."""
        sizes = list(enumerate(zip(self.widths[1:], self.widths, strict=False), start=1))
        maps = {f"W{layer}": dims for layer, dims in sizes}
        return maps | {f"b{layer}": (rows, 1) for layer, (rows, _) in sizes if self.bias}

    def forward(self, w: Any, x: Any) -> Any:
        """f(x)."""
        a = x
        for layer in range(1, self.depth + 1):
            h = w[f"W{layer}"] @ a
            h = h + w[f"b{layer}"] if self.bias else h
            a = phi(h) if layer < self.depth else h  # type: ignore[no-untyped-call]
        return a

    def __repr__(self) -> str:
        bias = ", bias=True" if self.bias else ""
        return f"MLP({self.widths}, {self.activation.name!r}{bias})"
