"""Words: exact algebra with matrices of every size at once.

Method. An entry of a product of matrices is a sum over indices, and a *word* is the graph of that sum: an index is a
vertex, a letter an edge from its row index to its column index; free indices are the open ends. `@` glues two open
ends, `*` glues both pairs, `.mT` swaps the ends, a trace glues and closes. A dimension 1 needs no vertex: a vector is
an edge with one end. Then cyclicity, transposition, commuting diagonal factors, and the splitting of a product at a
one-dimensional interface are no rules to apply: they are graph isomorphism.

Soundness: isomorphic graphs are the same sum with its indices renamed. Completeness: at sizes as large as a graph has
vertices, the monomial in which all indices differ determines the graph, so that others are linearly independent of it.
Hence words vanish for all sizes iff their normal form is empty. Gates with a `square` (g² = g) are reduced by it first.

Letters may be defined by others: an inverse is a letter whose rate is −A⁻¹ Ȧ A⁻¹, log |det A| one whose rate is
tr A⁻¹Ȧ. Equations between letters are applied by replacing the graph of the left side wherever its closed indices
carry nothing else (`modulo`): sound, and not complete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from itertools import count, permutations, product
from threading import Lock
from typing import Any

from ..errors import Undecidable, UnsupportedOperation
from .carriers import COLUMNS_ROWS, Value, broadcast, check, exact

Edge = tuple[int, int, int]  # letter, row vertex, column vertex; −1 where the dimension is 1
Graph = tuple[tuple[Edge, ...], tuple[Any, ...], int, int]  # edges, dimension of each vertex, open row, open column
Letter = tuple[str, Any]  # its name; and None, or (c₁, c₀) with g² = c₁ g + c₀ for each of its entries g

UNIT = "unit vector "  # a letter with this name and a number is that column of the identity
SYMMETRIES = 5_000  # ways in which the indices of a term are matched before its normal form is given up
REWRITINGS, LARGEST = 10_000, 100  # after so many replacements, or letters, equations are taken to run in circles
defined: dict[str, tuple[Word, Any]] = {}  # a letter's name → what it is a function of, and its rate given theirs
shown: dict[str, Word] = {}  # the same for letters that are locally constant
symbols: set[str] = set()  # names of symbolic constants
_letters: list[Letter] = []
_numbering = Lock()
_numbers: dict[Letter, int] = {}


def letter_number(name: str, square: Any = None) -> int:
    with _numbering:  # two threads must not give two letters one number
        if (name, square) not in _numbers:
            _numbers[name, square] = len(_letters)
            _letters.append((name, square))
        return _numbers[name, square]


def letter_name(number: int) -> str:
    return _letters[number][0]


class Word(Value):
    """A linear combination of graphs with `rows` × `cols` open ends and rational coefficients."""

    __slots__ = ("_dims", "_normal", "constants", "signs", "terms", "trivial", "value")
    constants: set[str]  # of a residual: the symbolic constants in it; whether a sign was taken;
    signs: bool
    trivial: bool  # whether no parameter of the law moves; and the law itself
    value: Word

    def __init__(self, dims: tuple[Any, Any], terms: dict[Graph, Any]) -> None:
        self._dims, self.terms = dims, terms
        self._normal: dict[Any, Any] | None = None

    def _lift(self, other: Any) -> Any:
        if isinstance(other, Word):
            return other
        return NotImplemented if hasattr(other, "_dims") else word_of(other)

    def __add__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        dims = broadcast("A + B", self, other)
        return Word(dims, _collect([*_stretched(self, dims), *_stretched(other, dims)]))

    def __neg__(self) -> Word:
        return self._scaled(-1)

    def _scaled(self, factor: Any) -> Word:
        return Word(self._dims, {graph: c * factor for graph, c in self.terms.items() if factor})

    def __truediv__(self, other: Any) -> Word:
        constant = self._lift(other).constant()
        if not constant:
            raise Undecidable("a quotient by a matrix or by zero")
        return self._scaled(Fraction(1) / constant)

    def __mul__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        rows, cols = broadcast("A * B", self, other)

        def glue(a: Graph, b: Graph) -> Graph:
            edges, dims, row, col = _beside(a, b)
            pairs = [(u, v) for u, v in ((a[2], row), (a[3], col)) if u >= 0 and v >= 0]
            return _quotient(edges, dims, pairs, a[2] if a[2] >= 0 else row, a[3] if a[3] >= 0 else col)

        return Word((rows, cols), _bilinear(self, other, glue))

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Word):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)

        def glue(a: Graph, b: Graph) -> Graph:
            edges, dims, row, col = _beside(a, b)
            return _quotient(edges, dims, [(a[3], row)] if row >= 0 else [], a[2], col)

        return Word((self._dims[0], other._dims[1]), _bilinear(self, other, glue))

    @property
    def mT(self) -> Word:
        return self._mapped(self._dims[1], self._dims[0], lambda e, d, row, col: (e, d, col, row))

    def total(self) -> Word:
        return self._mapped(1, 1, lambda e, d, row, col: (e, d, -1, -1))

    def row_sums(self) -> Word:
        return self._mapped(self._dims[0], 1, lambda e, d, row, col: (e, d, row, -1))

    def diagonal(self) -> Word:
        if self._dims[1] == 1:
            return self._mapped(self._dims[0], self._dims[0], lambda e, d, row, col: (e, d, row, row))
        check(self._dims[0] == self._dims[1], "diag(A)", self._dims, "a square", "or pass a column")
        return self._mapped(self._dims[0], 1, lambda e, d, row, col: _quotient(e, d, [(row, col)], row, -1))

    def _mapped(self, rows: Any, cols: Any, change: Any) -> Word:
        return Word((rows, cols), _collect([(change(*graph), c) for graph, c in self.terms.items()]))

    def sign(self) -> Word:
        """sign(A): of ± a letter, a letter in its place; of another word, a letter named by its normal form."""
        if self.constant() is not None or not self.terms:
            return Word(self._dims, {graph: (c > 0) - (c < 0) for graph, c in self.terms.items()})
        (edges, dims, row, col), coefficient = next(iter(self.terms.items()))
        if len(self.terms) == len(edges) == 1 and {*range(len(dims))} <= {row, col}:  # no index is summed over
            k, i, j = edges[0]
            signed = ((letter_number(f"sign({letter_name(k)})"), i, j),), dims, row, col
            return Word(self._dims, {signed: 1 if coefficient > 0 else -1})
        name = f"sign({sorted(self.normal().items())})"
        shown[name] = self
        return letter(name, *self._dims)

    def normal(self) -> dict[Any, Any]:
        """Graphs up to isomorphism, with their coefficients: empty iff the word vanishes for all sizes."""
        if self._normal is None:
            found: dict[Any, Any] = defaultdict(int)
            for graph, coefficient in self.terms.items():
                for reduced, c in _reduced(graph, coefficient):
                    key, factor = _canonical(reduced)
                    found[key] += c * factor
            self._normal = {key: c for key, c in found.items() if c}
        return self._normal

    def is_zero(self) -> bool:
        return not self.normal()

    def same(self, other: Word) -> bool:
        return self.terms == other.terms or (self - other).is_zero()

    def constant(self) -> Any:
        """The number that this word is, or None."""
        other = self._dims != (1, 1) or any(edges or dims for edges, dims, _, _ in self.terms)
        return None if other else sum(self.terms.values())

    def inverse(self) -> Word:
        """A⁻¹, a letter; of a symmetric A it is (S + Sᵀ)/2 with a letter S, so that it is symmetric too."""
        key, turned = (str(sorted(word.normal().items())) for word in (self, self.mT))
        if turned < key:
            return self.mT.inverse().mT
        found = letter(f"inverse({key})", *self._dims)
        found = (found + found.mT) / 2 if key == turned else found
        defined[f"inverse({key})"] = self, lambda rates: -(found @ derivative(self, rates) @ found)
        return found

    def logdet(self) -> Word:
        """log |det A|, a letter."""
        name = f"logdet({min(str(sorted(word.normal().items())) for word in (self, self.mT))})"
        defined[name] = self, lambda rates: self.inverse().mT.inner(derivative(self, rates))
        return letter(name, 1, 1)

    def primitive(self, of: Word) -> Word:
        """∫⟨G, dA⟩ along the trajectory for G = self: a letter whose rate is ⟨G, Ȧ⟩."""
        name = f"primitive({sorted(self.normal().items())}, {sorted(of.normal().items())})"
        check(
            self._dims == of._dims, "primitive(G, A)", self._dims, of._dims, "a gradient has the shape of what it is of"
        )
        both = Word(self._dims, self.terms | of.terms)  # no sum, in which letters may cancel
        defined[name] = both, lambda rates: self.inner(derivative(of, rates))
        return letter(name, 1, 1)

    def names(self) -> set[str]:
        """The letters that occur, inside of defined ones too."""
        found = {letter_name(k) for edges, _, _, _ in self.terms for k, _, _ in edges}
        inside = [defined[name][0] for name in found & defined.keys()] + [shown[name] for name in found & shown.keys()]
        return found.union(*(word.names() for word in inside)) if inside else found

    def expected(self, drawn: frozenset[str]) -> Word:
        """The expectation over letters with independent entries, of mean 0 and variance 1; two must be in each term.

        E[U_ij U_kl] = δ_ik δ_jl: the two edges go, their row vertices are made one, and their column vertices. Of two
        different letters the expectation is 0.
        """
        terms = []
        for (edges, dims, row, col), coefficient in self.terms.items():
            found = [edge for edge in edges if letter_name(edge[0]) in drawn]
            rest = [edge for edge in edges if letter_name(edge[0]) not in drawn]
            deeper = {name for k, _, _ in rest for name in letter(letter_name(k), 1, 1).names()}
            if len(found) != 2 or any(name in other for name in drawn for other in deeper):
                what = "an expectation of what is not of second degree in what is drawn"
                raise UnsupportedOperation(what, "words", "multiply two directions exactly")
            (one, *ends), (two, *others) = found
            if one == two:
                pairs = [(u, v) for u, v in zip(ends, others, strict=True) if u >= 0]
                terms.append((_quotient(rest, dims, pairs, row, col), coefficient))
        return Word(self._dims, _collect(terms))

    def __getitem__(self, index: Any) -> Word:
        """The entry A[i, j], where widths are numbers: the product with two unit vectors."""
        pairs = tuple(zip(index, self._dims, strict=False)) if isinstance(index, tuple) and len(index) == 2 else ()
        if not pairs or not all(isinstance(k, int) and isinstance(n, int) and -n <= k < n for k, n in pairs):
            raise UnsupportedOperation("this index", "words", "write A[i, j] within the widths of a given network")
        row, col = (word_of(1) if n == 1 else letter(f"{UNIT}{k % n}", n, 1) for k, n in pairs)
        return row.mT @ self @ col  # type: ignore[no-any-return]


def word_of(value: Any) -> Word:
    """A number as a word."""
    return Word((1, 1), {((), (), -1, -1): exact(value)})


@cache
def letter(name: str, rows: Any, cols: Any, square: tuple[Any, Any] | None = None) -> Word:
    """The matrix called `name`: nothing is known of its entries."""
    dims = tuple(size for size in (rows, cols) if size != 1)
    row = 0 if rows != 1 else -1
    col = len(dims) - 1 if cols != 1 else -1
    return Word((rows, cols), {(((letter_number(name, square), row, col),), dims, row, col): 1})


def _beside(a: Graph, b: Graph) -> tuple[list[Edge], tuple[Any, ...], int, int]:
    """The disjoint union, and where the open ends of b are in it."""
    place = [*range(len(a[1]), len(a[1]) + len(b[1])), -1]
    return [*a[0], *[(k, place[i], place[j]) for k, i, j in b[0]]], a[1] + b[1], place[b[2]], place[b[3]]


def _quotient(edges: Iterable[Edge], dims: tuple[Any, ...], pairs: Any, row: int, col: int) -> Graph:
    """The graph with the two vertices of each pair made one."""
    number = [*range(len(dims)), -1]  # number[−1] is −1: no vertex stays no vertex
    for i, j in pairs:
        u, v = (number[i], number[j]) if number[i] < number[j] else (number[j], number[i])
        if u != v:
            number = [u if k == v else k - (k > v) for k in number]
            dims = dims[:v] + dims[v + 1 :]
    return tuple([(k, number[i], number[j]) for k, i, j in edges]), dims, number[row], number[col]


def _collect(pairs: Iterable[tuple[Graph, Any]]) -> dict[Graph, Any]:
    terms: dict[Graph, Any] = {}
    for graph, coefficient in pairs:
        terms[graph] = terms[graph] + coefficient if graph in terms else coefficient
    return {graph: c for graph, c in terms.items() if c} if 0 in terms.values() else terms


def _bilinear(a: Word, b: Word, glue: Any) -> dict[Graph, Any]:
    return _collect([(glue(g, f), c * d) for g, c in a.terms.items() for f, d in b.terms.items()])


def _stretched(word: Word, sizes: tuple[Any, Any]) -> Iterable[tuple[Graph, Any]]:
    """The terms with open ends added where a dimension 1 is broadcast."""
    for (edges, dims, row, col), coefficient in word.terms.items():
        if row < 0 and sizes[0] != 1:
            row, dims = len(dims), (*dims, sizes[0])
        if col < 0 and sizes[1] != 1:
            col, dims = len(dims), (*dims, sizes[1])
        yield (edges, dims, row, col), coefficient


def _reduced(graph: Graph, coefficient: Any) -> list[tuple[Graph, Any]]:
    """Parallel edges of a letter with a `square`, replaced by what the square says."""
    edges, dims, row, col = graph
    for position, edge in enumerate(edges):
        square = _letters[edge[0]][1]
        if square is not None and edge in edges[:position]:
            first = edges.index(edge)
            once = edges[:position] + edges[position + 1 :]
            never = once[:first] + once[first + 1 :]
            return [
                term
                for rest, factor in ((once, square[0]), (never, square[1]))
                if factor
                for term in _reduced((rest, dims, row, col), coefficient * factor)
            ]
    return [(graph, coefficient)]


def _canonical(graph: Graph) -> tuple[Any, Any]:
    """A key that two graphs share iff they are isomorphic, and the factor of closed vertices without an edge."""
    edges, dims, row, col = graph
    touching: list[list[int]] = [[] for _ in dims]
    keys: list[Any] = []
    for position, (k, i, j) in enumerate(edges):
        if i < 0 and j < 0:
            keys.append(((), ((k, -1, -1),)))
        if i >= 0:
            touching[i].append(position)
        if j >= 0 and j != i:
            touching[j].append(position)
    seen = [False] * len(dims)
    factor = 1
    for start, size in enumerate(dims):
        if seen[start]:
            continue
        seen[start] = True
        if not touching[start] and start not in (row, col) and isinstance(size, int):
            factor *= size  # Σ over a closed index with nothing under it
            continue
        component = [start]
        for vertex in component:  # grows while it is read
            for position in touching[vertex]:
                for other in edges[position][1:]:
                    if other >= 0 and not seen[other]:
                        seen[other] = True
                        component.append(other)
        colour = {v: (str(dims[v]), v == row, v == col) for v in component}
        keys.append(_labelled(component, edges, touching, _ranks(colour), colour, count(1)))
    return tuple(sorted(keys)), factor


def _ranks(colour: dict[int, Any]) -> dict[int, int]:
    order = {c: rank for rank, c in enumerate(sorted(set(colour.values())))}
    return {v: order[c] for v, c in colour.items()}


def _labelled(
    component: list[int], edges: Any, touching: Any, rank: dict[int, int], colour: dict[int, Any], trials: Iterator[int]
) -> Any:
    """The least form of a connected graph: refine the colours; where two vertices stay alike, try each in turn."""
    if next(trials) > SYMMETRIES:
        raise Undecidable("the normal form of a term with many symmetries")
    classes, before = len(set(rank.values())), 0
    while before < classes < len(component):
        refined = {}
        for v in component:  # a half edge is its letter, which of its ends is here, and the colour at the other end
            halves = [
                (k, (i == v) + 2 * (j == v), rank.get(j if i == v else i, -1))
                for k, i, j in (edges[position] for position in touching[v])
            ]
            refined[v] = (rank[v], tuple(sorted(halves)))
        rank = _ranks(refined)
        before, classes = classes, len(set(rank.values()))
    if classes == len(component):
        names = {**rank, -1: -1}
        inside = {position for v in component for position in touching[v]}
        placed = sorted((k, names[i], names[j]) for k, i, j in (edges[position] for position in inside))
        return tuple(colour[v] for v in sorted(component, key=rank.__getitem__)), tuple(placed)
    cells: dict[int, list[int]] = defaultdict(list)
    for v in component:
        cells[rank[v]].append(v)
    alike = min((cell for cell in cells.values() if len(cell) > 1), key=lambda cell: (len(cell), rank[cell[0]]))
    # Vertices with the same half edges to the same vertices are exchanged by an isomorphism: one of them is enough.
    twins = {tuple(sorted((k, i == v, i + j - v) for k, i, j in (edges[p] for p in touching[v]))): v for v in alike}
    return min(
        _labelled(component, edges, touching, {u: 2 * r + (u == v) for u, r in rank.items()}, colour, trials)
        for v in twins.values()
    )


def derivative(word: Word, rates: dict[str, Word]) -> Word:
    """The product rule: the sum, over every edge whose letter has a rate, of the graph with the rate in its place."""
    terms: list[tuple[Graph, Any]] = []
    letters = {letter_name(k) for edges, _, _, _ in word.terms for k, _, _ in edges}
    rates = rates | {name: defined[name][1](rates) for name in letters if name in defined}
    for (edges, dims, row, col), coefficient in word.terms.items():
        for position, (k, i, j) in enumerate(edges):
            if letter_name(k) in rates:
                rest = edges[:position] + edges[position + 1 :], dims, row, col
                terms += [(g, coefficient * c) for g, c in _with(rest, (i, j), rates[letter_name(k)])]
    return Word(word._dims, _collect(terms))


def _with(graph: Graph, ends: tuple[int, int], word: Word, gone: Iterable[int] = ()) -> Iterable[tuple[Graph, Any]]:
    """The graph times a word between two of its vertices; `gone`: vertices to leave out, which nothing touches."""
    for part, c in word.terms.items():
        joined, sizes, start, stop = _beside(graph, part)
        pairs = [(u, v) for u, v in zip(ends, (start, stop), strict=True) if u >= 0] + [(v, -1) for v in gone]
        yield _quotient(joined, sizes, pairs, graph[2], graph[3]), c


def modulo(word: Word, equations: Iterable[tuple[Word, Word]]) -> Word:
    """The word with the left sides of equations (one product each) replaced by the right, as long as there are any."""
    rules = []
    for left, right in equations:
        (pattern, c), *more = left.terms.items() or [(((), (), -1, -1), 0)]
        touched = {v for edge in pattern[0] for v in edge[1:]}
        if more or not pattern[0] or not touched.issuperset(range(len(pattern[1]))):
            what = "an equation with a sum, a number or an index without a letter on its left"
            raise UnsupportedOperation(what, "words", "give it one product there")
        right = Word(left._dims, {}) + right
        check(right._dims == left._dims, "an equation", left._dims, right._dims, "its sides must have one shape")
        rules.append((pattern, right / word_of(c)))
    for _ in range(REWRITINGS):
        found = next(
            ((g, terms) for g in word.terms for pattern, right in rules for terms in _replaced(g, pattern, right)), None
        )
        if found is None:
            return word
        old, new = found
        if any(len(edges) > LARGEST for (edges, *_), _ in new):
            break
        rest = [(g, c) for g, c in word.terms.items() if g != old]
        word = Word(word._dims, _collect([*rest, *((g, c * word.terms[old]) for g, c in new)]))
    raise Undecidable("an end to equations that run in circles")


def _replaced(graph: Graph, pattern: Graph, right: Word) -> Iterable[list[tuple[Graph, Any]]]:
    """The ways to replace one occurrence of a pattern: its closed vertices must be closed and carry nothing else."""
    edges, dims, row, col = graph

    def occurrences(
        position: int, place: dict[int, int], used: list[int]
    ) -> Iterable[tuple[dict[int, int], list[int]]]:
        if position == len(pattern[0]):
            yield place, used
            return
        k, i, j = pattern[0][position]
        for e, (other, u, v) in enumerate(edges):
            if other == k and e not in used and place.get(i, u) == u and place.get(j, v) == v:
                yield from occurrences(position + 1, {**place, i: u, j: v}, [*used, e])

    for place, used in occurrences(0, {-1: -1}, []):
        inside = [place[v] for v in range(len(pattern[1])) if v not in pattern[2:]]
        ends = place[pattern[2]], place[pattern[3]]
        rest = tuple(edge for e, edge in enumerate(edges) if e not in used)
        touched = {row, col, *ends, *(v for edge in rest for v in edge[1:])}
        if len(set(inside)) == len(inside) and touched.isdisjoint(inside):
            yield list(_with((rest, dims, row, col), ends, right, inside))


def expanded(word: Word) -> dict[Any, Any]:
    """The polynomial of each entry at widths that are numbers: empty iff the word vanishes at these widths.

    An index of numeric range takes each of its values; those of symbolic range (samples) stay, numbered so that the
    monomial is least. With all of them different, distinct monomials are independent.
    """
    found: dict[Any, Any] = defaultdict(int)
    for (edges, dims, row, col), coefficient in word.terms.items():
        symbolic = [v for v, size in enumerate(dims) if not isinstance(size, int)]
        numeric = [v for v in range(len(dims)) if v not in symbolic]
        isolated = tuple(sorted(str(dims[v]) for v in symbolic if all(v not in edge[1:] for edge in edges)))
        for values in product(*(range(dims[v]) for v in numeric)):
            index = {**dict(zip(numeric, values, strict=True)), -1: -1}
            units = [(letter_name(k), index[i]) for k, i, j in edges if letter_name(k).startswith(UNIT)]
            if any(name != f"{UNIT}{position}" for name, position in units):
                continue
            left = [edge for edge in edges if not letter_name(edge[0]).startswith(UNIT)] if units else edges
            flat = tuple((k, index.get(i, -2 - i), index.get(j, -2 - j)) for k, i, j in left)
            ends = index.get(row, -2 - row), index.get(col, -2 - col)
            for (reduced, *_), c in _reduced((flat, (), -1, -1), coefficient):
                found[min(_renamed(reduced, ends, order) for order in permutations(symbolic)), isolated] += c
    return {key: c for key, c in found.items() if c}


def _renamed(edges: Any, ends: Any, order: tuple[int, ...]) -> Any:
    name = {-2 - v: -2 - position for position, v in enumerate(order)}
    flat = sorted((k, name.get(i, i), name.get(j, j)) for k, i, j in edges)
    return tuple(flat), tuple(name.get(end, end) for end in ends)


class WordCarrier:
    """Letters of any size; gates are letters, with their square where `squares` says so."""

    def __init__(self, squares: bool = False) -> None:
        self.squares = squares

    def letter(self, name: str, rows: Any, cols: Any) -> Word:
        return letter(name, rows, cols)

    def zeros(self, rows: Any, cols: Any) -> Word:
        return Word((rows, cols), {})

    def activate(self, activation: Any, h: Word, name: str) -> tuple[Any, Any]:
        """φ(h), φ′(h) with all forgotten but h φ′ = p φ: k h and p k for p ≠ 0; otherwise two letters."""
        if activation.linear:
            return h, self.zeros(*h._dims) + 1
        if activation.degree is None:
            return letter(f"φ{name}", *h._dims), letter(f"φ′{name}", *h._dims)
        rows, cols = h._dims
        gate = letter(f"k{name}", rows, cols, activation.square if self.squares else None)
        return gate * h, gate * activation.degree
