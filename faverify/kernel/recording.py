"""Inside of `Network.forward`: values that record what was done to them.

Every value knows its matrix in the carrier and the terms it is the sum of. What no carrier knows is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..errors import NetworkError, ShapeError, UnsupportedOperation, called, name_of
from .blocks import Wire
from .carriers import COLUMNS_ROWS, Silent, check, exact
from .layers import Layer, Product, Term, flat, set_values

if TYPE_CHECKING:
    from .passes import Run

KNOWN = "use @, +, −, *, .mT, fv.phi, w.fixed, w.mask; what is no sum or product of these is w.free(name, a)"


class Part(Silent):
    """What a forward pass handles; what it does not know is refused by name."""

    __slots__ = ()
    _label = "a value of the forward pass"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        helper = {"row_sums": "sum_samples", "diagonal": "diag"}.get(name, name)
        raise UnsupportedOperation(f"{helper!r} of {self._label}", "a forward pass", KNOWN)

    def _ask(self, *_: Any) -> Any:
        what = f"a comparison, a conversion or a choice by {self._label}"
        raise UnsupportedOperation(what, "a forward pass", KNOWN)

    def __getitem__(self, index: Any) -> Any:
        remedy = "select rows with w.fixed('P', rows, n) @ a, columns with a @ w.fixed('P', m, columns)"
        raise UnsupportedOperation(f"an index of {self._label}", "a forward pass", remedy)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise UnsupportedOperation(
            "assigning to entries of a value", "a forward pass", "make a new value: none may be changed in place"
        )


class Map(Part):
    """A parameter inside `Network.forward`: a map, or a bias."""

    __slots__ = ("_name", "_run")
    _label = "a parameter"

    def __init__(self, run: Run, name: str) -> None:
        self._run, self._name = run, name

    def __matmul__(self, source: Any) -> Recorded:
        if not isinstance(source, Recorded):
            found = f"w[{self._name!r}] @ {type(source).__name__}"
            raise UnsupportedOperation(found, "a forward pass", "a parameter is applied to a value")
        weight = self._run.parameters[self._name]
        check(weight._dims[1] == source._dims[0], f"w[{self._name!r}] @ a", weight._dims, source._dims, COLUMNS_ROWS)
        run = self._run
        return Recorded(run, weight @ source._value, lambda: [Term(self._name, source=source._layer())])


class Fixed(Part):
    """A matrix inside `Network.forward` that nobody trains: it mixes rows on the left, columns on the right."""

    __slots__ = ("_value",)
    _label = "a fixed matrix"

    def __init__(self, value: Any) -> None:
        self._value = value

    def __matmul__(self, source: Any) -> Recorded:
        source = recorded("w.fixed(…) @ a", source)
        wire = Wire(source._dims[0])
        run, value = source._run, self._value @ source._value
        return Recorded(run, value, lambda: [Term(source=source._layer(), wire=wire, left=self._value)])

    def __mul__(self, source: Any) -> Any:
        return recorded("w.mask(…) * a", source) * self

    @property
    def mT(self) -> Fixed:
        return Fixed(self._value.mT)


class Maps(Mapping[str, Map]):
    """What `forward` gets: its maps and biases by name, and what nobody trains."""

    def __init__(self, run: Run) -> None:
        self._run, self._taken = run, dict[str, str]()
        self._maps = {name: Map(run, name) for name in run._dims}

    def __getitem__(self, name: str) -> Map:
        if name not in self._maps:
            known = ", ".join(self._maps) or "nothing"
            raise NetworkError(name_of(self._run.net), f"reads w[{name!r}]", f"shapes() gives {known}")
        return self._maps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._maps)

    def __len__(self) -> int:
        return len(self._maps)

    def fixed(self, name: str, rows: Any, cols: Any = None, *, block: int | None = None) -> Fixed:
        """A fixed matrix of any content, or one whose rows are given; "samples" is the number of samples.

        Proofs hold for every content. Where numbers are put in, given rows are what they are.
        """
        run = self._run
        if cols is None:
            known = [[exact(entry) for entry in row] for row in rows]
            if not known or len({len(row) for row in known}) != 1 or not known[0]:
                raise NetworkError(name_of(run.net), f"gave w.fixed({name!r}) rows of unequal length", "give a matrix")
            return Fixed(run.known(self._own(name, f"fixed, {known}", block), known))
        for size in (rows, cols):
            whole = isinstance(size, int) and not isinstance(size, bool) and size >= 1
            if not whole and not (isinstance(size, str) and size.isidentifier()):
                remedy = "use a whole number ≥ 1, a name, or 'samples'"
                raise NetworkError(name_of(run.net), f"gave w.fixed({name!r}) the size {size!r}", remedy)
        sizes = [run.samples if size == "samples" else run.net.sizes.get(size, size) for size in (rows, cols)]
        return Fixed(run.once(self._own(name, f"fixed, {sizes}", block), *sizes))

    def boundary(self, a: Any) -> None:
        """Mark a value where a block ends and the next one begins."""
        self._run.boundaries += list(a) if isinstance(a, (tuple, list)) else [a]

    def mask(self, name: str, a: Any, *, block: int | None = None) -> Fixed:
        """A factor for every entry of a value: dropout, or the choice that a maximum made."""
        dims = recorded("w.mask", a)._dims
        return Fixed(self._run.once(self._own(name, f"a mask, {dims}", block) + self._run.passes, *dims))

    def free(
        self, name: str, a: Any, back: Callable[[Any, Any], Any] | None = None, *, block: int | None = None
    ) -> Recorded:
        """A value of the shape of `a` that depends on `a` in any way: a softmax, a normalisation.

        The signal that arrives at `a` is any matrix G as well, or `back(G, a)` where not every signal can arrive.
        """
        run, source = self._run, recorded("w.free", a)
        own = self._own(name, f"free {len(self._taken)}", block)
        value = run.once(own + run.passes, *source._dims)
        if run.is_dead():
            return Recorded(run, value, list)
        term = Term(source=source._layer(), wire=Wire(source._dims[0]), free=Free(own.removesuffix("°"), back))
        made = run.named(run.open_layer(run.between(), [term], value), 0, own.removesuffix("°"))
        return Recorded(run, value, list, made)

    def _own(self, name: str, what: str, block: int | None) -> str:
        """The letter of a fixed matrix; one name is one thing."""
        if not isinstance(name, str) or not name.isidentifier() or name in self._maps:
            remedy = "use an identifier that is no parameter"
            raise NetworkError(name_of(self._run.net), f"named a fixed matrix {name!r}", remedy)
        own = name if block is None else f"{name}_{{{block}}}"
        if self._taken.setdefault(own, what) != what:
            remedy = "give each fixed matrix, mask and free value a name of its own"
            raise NetworkError(name_of(self._run.net), f"named two different things {own!r}", remedy)
        return own + "°"


@dataclass(frozen=True, eq=False)
class Free:
    """What a free value sends back: any matrix, or what `back` makes of one."""

    letter: str
    back: Callable[[Any, Any], Any] | None

    def signal(self, below: Layer) -> Any:
        run, dims = below._run, below.a._dims
        found = run.once(f"{self.letter}~{run.passes}", *dims)
        if self.back is not None:
            found = called(Backward(f"w.free({self.letter!r})", self.back), "back", found, below.a)
        return run.conforming("back", below, found, dims)


@dataclass(frozen=True, eq=False)
class Backward:
    """What a free value's `back` is called in messages."""

    name: str
    back: Callable[[Any, Any], Any]


class Recorded(Part):
    """A value on its way through `Network.forward`: a sum of terms, which may turn out to be a layer.

    Of a value that leads to no output nothing is recorded, so that it changes nothing.
    """

    __slots__ = ("_made", "_place", "_run", "_terms", "_used", "_value")

    def __init__(self, run: Run, value: Any, terms: Callable[[], list[Term]], made: Layer | None = None) -> None:
        self._terms = [] if run.is_dead() else terms()
        self._run, self._value, self._made, self._used = run, value, made, False
        run.count += 1
        self._place = run.count
        run.values.append(self)
        if made is not None:
            run.values_of[id(made)] = self

    @property
    def _dims(self) -> Any:
        return self._value._dims

    @property
    def shape(self) -> Any:
        return self._value.shape

    def _layer(self) -> Layer:
        """The layer that this value is, from now on."""
        if self._made is None:
            self._made = self._run.open_layer(self._place, self._terms, self._value)
            self._run.values_of[id(self._made)] = self
        return self._made

    def _part(self) -> Term:
        """This value inside of a sum; it is a layer where it goes to several places."""
        if self._used:
            self._layer()
        self._used = True
        return Term(inside=self)

    def __add__(self, other: Any) -> Recorded:
        if isinstance(other, Map):
            return self._biased(other._name)
        other = recorded("a + b", other)
        check(self._dims == other._dims, "a + b", self._dims, other._dims, "values of one shape are added")
        return Recorded(self._run, self._value + other._value, lambda: [self._part(), other._part()])

    __radd__ = __add__

    def _biased(self, name: str) -> Recorded:
        """The value with a bias, which goes with the first map of the sum that it is added to."""
        bias = self._run.parameters[name]
        rows = (self._dims[0], 1)
        check(bias._dims == rows, f"a + w[{name!r}]", self._dims, bias._dims, "a bias is a column")

        def terms() -> list[Term]:
            owners = [term.name for term in flat(self._terms) if term.name]
            return [self._part(), Term(bias=name, owner=next(iter(owners), ""))]

        return Recorded(self._run, self._value + bias, terms)

    def __sub__(self, other: Any) -> Recorded:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Recorded:
        return (-self).__add__(other)

    def __neg__(self) -> Recorded:
        return self * -1

    def __truediv__(self, other: Any) -> Recorded:
        return self * (Fraction(1) / exact(other))

    def __mul__(self, other: Any) -> Recorded:
        if isinstance(other, (Recorded, Turned)):
            return _product(False, self, other)
        times: Any = other._value if isinstance(other, Fixed) else exact(other)
        if isinstance(other, Fixed):
            check(times._dims == self._dims, "a * mask", self._dims, times._dims, "a mask has the shape of the value")
        wire = Wire(self._dims[0])
        return Recorded(self._run, self._value * times, lambda: [Term(source=self._layer(), wire=wire, times=times)])

    __rmul__ = __mul__

    def __pow__(self, power: Any) -> Recorded:
        if power not in (1, 2):
            raise UnsupportedOperation(f"the power {power!r}", "a forward pass", KNOWN)
        return self if power == 1 else self * self

    def __matmul__(self, other: Any) -> Recorded:
        if isinstance(other, (Recorded, Turned)):
            return _product(True, self, other)
        if not isinstance(other, Fixed):
            raise UnsupportedOperation(f"a @ {type(other).__name__}", "a forward pass", KNOWN)
        right, wire = other._value, Wire(self._dims[0])
        return Recorded(self._run, self._value @ right, lambda: [Term(source=self._layer(), wire=wire, right=right)])

    @property
    def mT(self) -> Turned:
        return Turned(self)

    T = mT

    def activate(self) -> Recorded:
        run = self._run
        if run.is_dead():
            return Recorded(run, self._value, list)
        layer = run.named(run.open_layer(run.between(), [self._part()], self._value), len(run.layers) - 1)
        a, dphi = run.carrier.activate(run.net.activation, layer.h, run.net.gate(layer._label) + run.passes)
        set_values(layer, a=a, phi=a, dphi=dphi, _active=True)
        set_values(layer, a=run.conforming("activity", layer, called(run.rule, "activity", layer), a._dims))
        return Recorded(run, layer.a, list, layer)


class Turned(Part):
    """aᵀ, as a factor of a product."""

    __slots__ = ("_of", "_run")

    def __init__(self, of: Recorded) -> None:
        self._of, self._run = of, of._run

    @property
    def mT(self) -> Recorded:
        return self._of

    T = mT

    def __matmul__(self, other: Any) -> Recorded:
        return _product(True, self, other)

    def __mul__(self, other: Any) -> Recorded:
        return _product(False, self, other)


def _product(matrix: bool, *factors: Any) -> Recorded:
    """The product of two values."""
    pairs = []
    for factor in factors:
        if not isinstance(factor, (Recorded, Turned)):
            raise UnsupportedOperation(f"a product with {type(factor).__name__}", "a forward pass", KNOWN)
        turned = isinstance(factor, Turned)
        pairs.append((factor._of if isinstance(factor, Turned) else factor, turned))
    run = pairs[0][0]._run
    left, right = (value._value.mT if turned else value._value for value, turned in pairs)
    if not matrix and left._dims != right._dims:
        raise ShapeError("a * b", left._dims, right._dims, "values of one shape are multiplied entry by entry")
    value = left @ right if matrix else left * right

    def terms() -> list[Term]:
        layers = tuple((value._layer(), turned) for value, turned in pairs)
        product = Product(run, matrix, layers)  # type: ignore[arg-type]
        sides = enumerate(layer for layer, _ in layers)
        return [Term(source=k, wire=Wire(k.a._dims[0]), product=product, side=side) for side, k in sides]

    return Recorded(run, value, terms)


def recorded(operation: str, value: Any) -> Recorded:
    if not isinstance(value, Recorded):
        raise UnsupportedOperation(f"{operation} with {type(value).__name__}", "a forward pass", KNOWN)
    return value
