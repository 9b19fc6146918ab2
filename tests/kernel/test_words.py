"""Words against exact integer sums, both directions, and the algebra of each operation."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import faverify as fv
from faverify.errors import Undecidable
from faverify.kernel.words import UNIT, Word, derivative, expanded, letter, word_of

from ..conftest import value_of_word

SIZES = {"p": 3, "q": 4, "r": 3}
SHAPES = {
    "A": ("p", "q"),
    "B": ("q", "p"),
    "C": ("p", "p"),
    "D": ("p", "p"),
    "v": ("p", 1),
    "u": (1, "q"),
    "E": ("q", "r"),
    "s": (1, 1),
}


def letters_of(seed, sizes=SIZES, bound=10**6):
    rng = random.Random(seed)
    size = lambda n: n if isinstance(n, int) else sizes[n]  # noqa: E731
    return {
        k: [[rng.randint(-bound, bound) for _ in range(size(c))] for _ in range(size(r))]
        for k, (r, c) in SHAPES.items()
    }


def small(word):
    """Few enough sums over few enough indices for the definition."""
    return len(word.terms) <= 8 and all(len(dims) <= 6 for _, dims, _, _ in word.terms)


LETTERS = {name: letter(name, *shape) for name, shape in SHAPES.items()}


@st.composite
def words(draw, shape=None, depth=3):
    """A random expression of the given shape."""
    shape = shape or draw(st.sampled_from([("p", "p"), ("p", 1), (1, 1), ("p", "q")]))
    fitting = [w for w in LETTERS.values() if w._dims == shape]
    turned = [w.mT for w in LETTERS.values() if w._dims == shape[::-1]]
    kinds = ["letter"] * bool(fitting or turned)
    if depth:
        kinds += ["product", "entrywise", "sum", "turned"]
        kinds += (
            ["total"] * (shape == (1, 1))
            + ["diagonal"] * (shape == ("p", 1))
            + ["diagonal matrix"] * (shape == ("p", "p"))
        )
    if not kinds:
        kinds = ["product"]
    kind = draw(st.sampled_from(kinds))
    less = max(depth - 1, 0)
    if kind == "letter":
        choices = fitting + turned  # drawn by position: words have no hash
        return choices[draw(st.integers(0, len(choices) - 1))]
    if kind == "product":
        middle = draw(st.sampled_from(["p", "q"]))
        return draw(words((shape[0], middle), less)) @ draw(words((middle, shape[1]), less))
    if kind == "entrywise":
        return draw(words(shape, less)) * draw(words(shape, less))
    if kind == "sum":
        return draw(words(shape, less)) + draw(words(shape, less)) * draw(st.integers(-2, 2))
    if kind == "turned":
        return draw(words(shape[::-1], less)).mT
    if kind == "total":
        return draw(words(("p", draw(st.sampled_from(["p", "q", 1]))), less)).total()
    return draw(words(("p", "p") if kind == "diagonal" else ("p", 1), less)).diagonal()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(words(), st.data())
def test_equal_normal_forms_iff_equal_values(word, data):
    """Two expressions of one shape: their difference has an empty normal form iff it vanishes at random integers.

    Sizes 3 and 4 exceed the vertices of no graph here by much, and so random integers of a million decide.
    """
    other = data.draw(words(word._dims))
    difference = word - other
    assume(small(difference))
    value = value_of_word(difference, SIZES, letters_of(1))
    if difference.is_zero():
        assert all(entry == 0 for row in value for entry in row)
    elif max(sum(d == "p" for d in dims) for _, dims, _, _ in difference.terms) <= SIZES["p"]:
        assert any(entry != 0 for row in value for entry in row)


@settings(max_examples=200, deadline=None)
@given(words(depth=2))
def test_normal_form_keeps_the_value(word):
    """Renaming indices changes nothing: the sum written back from the normal form has the same value."""
    renamed = Word(word._dims, {shuffled(graph, random.Random(7)): c for graph, c in word.terms.items()})
    assert (word - renamed).is_zero()


def shuffled(graph, rng):
    edges, dims, row, col = graph
    order = list(range(len(dims)))
    rng.shuffle(order)
    place = {v: k for k, v in enumerate(order)} | {-1: -1}
    moved = [(k, place[i], place[j]) for k, i, j in edges]
    rng.shuffle(moved)
    return tuple(moved), tuple(dims[v] for v in order), place[row], place[col]


def test_identities_that_are_no_rules():
    A, B, C, D, v = (LETTERS[k] for k in "ABCDv")
    assert (fv.trace(A @ B) - fv.trace(B @ A)).is_zero()
    assert (fv.trace(C) - fv.trace(C.mT)).is_zero()
    assert (fv.trace(C @ D @ D) - fv.trace((D @ C @ D).mT)).is_zero()
    assert (v.diagonal() @ (C * D).diagonal().diagonal() - (C * D).diagonal().diagonal() @ v.diagonal()).is_zero()
    assert ((v.mT @ C @ v) * (v.mT @ D @ v) - fv.trace(v @ v.mT @ C @ v @ v.mT @ D)).is_zero()
    assert not (fv.trace(C @ C @ D @ D) - fv.trace(C @ D @ C @ D)).is_zero()
    assert not (fv.trace(C @ C.mT) - fv.trace(C @ C)).is_zero()


def test_sums_over_indices_that_nothing_reads():
    """Each gives a factor: its number where that is given, its name else."""

    def ones(rows, cols):
        return Word((rows, cols), {}) + 1

    assert (ones(2, 3).total() - 6).is_zero()
    assert (ones(1, 5).total() - 5).is_zero()
    p, q = ones("p", 1).total(), ones("q", 1).total()
    assert not (p - q).is_zero()
    assert (ones("p", "q").total() - p * q).is_zero()
    assert not (ones("p", "q").total() - p * p).is_zero()
    square = fv.norm2(LETTERS["A"])
    assert (ones(2, "p").total() * square - 2 * p * square).is_zero()
    assert not (ones(2, "p").total() * square - 2 * p).is_zero()
    assert not (ones(2, 3).total() * square - 3 * square).is_zero()


def test_a_product_with_the_shape_of_the_identity():
    """Σ over a closed index with nothing under it is the width: a number where it is one, a symbol where it is not."""
    ones = word_of(1) + letter("z", 3, 1) * 0
    assert (ones.total() - 3).is_zero()
    symbolic = word_of(1) + letter("z", "n", 1) * 0
    assert not (symbolic.total() - 3).is_zero()


def test_squares_reduce_parallel_gates():
    g = letter("g", "p", "q", square=(1, 0))
    A = LETTERS["A"]
    assert (g * g * A - g * A).is_zero()
    assert (g * g * g - g).is_zero()
    s = letter("s₁", "p", "q", square=(0, 1))
    assert (s * s * s * A - s * A).is_zero()
    leaky = letter("l", "p", "q", square=(Fraction(3, 2), Fraction(-1, 2)))
    assert (leaky * leaky - leaky * Fraction(3, 2) + Fraction(1, 2)).is_zero()
    assert not (letter("free", "p", "q") * letter("free", "p", "q") - letter("free", "p", "q")).is_zero()


def test_sign_is_a_letter_of_its_own():
    A, C = LETTERS["A"], LETTERS["C"]
    assert (fv.sign(-3 * A) + fv.sign(A)).is_zero()
    assert (fv.sign(A).mT - fv.sign(A.mT)).is_zero()
    assert (fv.sign(C + C) - fv.sign(2 * C)).is_zero()
    for number, sign in ((-5, -1), (Fraction(-1, 2), -1), (0, 0), (Fraction(1, 2), 1), (1, 1), (7, 1)):
        assert fv.sign(word_of(number)).constant() == sign
    assert not (fv.sign(A) - fv.sign(LETTERS["B"].mT)).is_zero()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(words(depth=2), st.data())
def test_derivative_is_the_linear_term(word, data):
    """The derivative along a rate R is the coefficient of t in the word at letter + t R."""
    assume(small(word) and word.names())
    name = data.draw(st.sampled_from(sorted(word.names())))
    rate = letter("R", *SHAPES[name])
    size = lambda n: n if isinstance(n, int) else SIZES[n]  # noqa: E731
    values = letters_of(2, bound=5)
    rows, cols = (size(n) for n in SHAPES[name])
    values["R"] = [[random.Random(3 + i + 10 * j).randint(-5, 5) for j in range(cols)] for i in range(rows)]
    found = value_of_word(derivative(word, {name: rate}), SIZES, values)

    def at(t):
        moved = [[values[name][i][j] + t * values["R"][i][j] for j in range(cols)] for i in range(rows)]
        return value_of_word(word, SIZES, {**values, name: moved})

    nodes = [Fraction(k) for k in range(6)]  # words of depth 2 have degree 4 at most
    samples = [at(t) for t in nodes]
    for i, row in enumerate(found):
        for j, entry in enumerate(row):
            assert entry == slope_at_zero(nodes, [sample[i][j] for sample in samples])


def slope_at_zero(nodes, values):
    """By Newton's divided differences."""
    table, coefficients = list(values), []
    for level in range(len(nodes)):
        coefficients.append(table[0])
        table = [(table[k + 1] - table[k]) / (nodes[k + level + 1] - nodes[k]) for k in range(len(table) - 1)]
    slope, basis_value, basis_slope = Fraction(0), Fraction(1), Fraction(0)
    for node, c in zip(nodes, coefficients, strict=True):
        slope += c * basis_slope
        basis_value, basis_slope = basis_value * -node, basis_slope * -node + basis_value
    return slope


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_expansion_vanishes_iff_the_entries_do(data):
    """At given widths, against exact values at random integers."""
    sizes = {"p": 2, "q": 2, "r": 1}
    numeric = {
        name: letter(name, *(n if isinstance(n, int) else sizes[n] for n in shape)) for name, shape in SHAPES.items()
    }
    C, D, v = numeric["C"], numeric["D"], numeric["v"]
    pool = [C @ D, D @ C, C * D, C.mT @ C, v @ v.mT, C @ C, v.diagonal(), C @ v @ v.mT]
    first, second = (pool[data.draw(st.integers(0, len(pool) - 1))] for _ in range(2))
    turned = (second @ first, first @ second, (second.mT @ first.mT).mT, first.mT @ second)
    word = first @ second - turned[data.draw(st.integers(0, 3))]
    value = value_of_word(word, sizes, letters_of(4, sizes))
    assert bool(expanded(word)) == any(entry != 0 for row in value for entry in row)


def test_expansion_knows_cayley_and_hamilton():
    """C² − tr(C) C + det(C) I vanishes at width 2, not at width 3, and not for all widths."""
    for size, zero in ((2, True), (3, False), ("n", False)):
        C = letter("C", size, size)
        t, d = fv.trace(C), (fv.trace(C) ** 2 - fv.trace(C @ C)) / 2
        one = (word_of(1) + letter("z", size, 1) * 0).diagonal()
        word = C @ C - t * C + d * one
        assert word.is_zero() is False
        if size != "n":
            assert bool(expanded(word)) is not zero


def test_expansion_keeps_samples_as_letters():
    x, y = letter("x", 2, "m"), letter("y", 2, "m")
    assert not expanded(fv.trace(x @ x.mT @ y @ y.mT) - fv.trace(y @ y.mT @ x @ x.mT))
    assert expanded(fv.trace(x @ x.mT @ y @ y.mT) - fv.trace(x @ y.mT @ x @ y.mT))
    assert expanded(fv.norm2(x) - fv.norm2(y))


def test_entries_at_given_widths():
    W = letter("W", 2, 3)
    entries = [W[i, j] ** 2 for i in range(2) for j in range(3)]
    assert not expanded(fv.norm2(W) - sum(entries[1:], entries[0]))
    assert expanded(W[0, 0] - W[0, 1])
    assert not expanded(W[-1, -1] - W[1, 2])
    assert not expanded(W[-2, -3] - W[0, 0])
    column, number = letter("c", 3, 1), letter("z", 1, 1)
    for place in range(3):
        unit = letter(f"{UNIT}{place}", 3, 1)
        assert not expanded(column[place, 0] - fv.inner(unit, column))
        assert not expanded(column.mT[0, place] - column[place, 0])
    assert column[1, 0]._dims == column.mT[0, 1]._dims == number[0, 0]._dims == (1, 1)
    assert number[0, 0].same(number)
    assert expanded(column[0, 0] - column[1, 0])
    for index in ((0, 3), (-3, 0), 0, (0, 0, 0), ("a", 0)):
        with pytest.raises(fv.UnsupportedOperation, match="this index is not known over words"):
            W[index]


def test_shapes_that_do_not_conform():
    A, B, C = LETTERS["A"], LETTERS["B"], LETTERS["C"]
    with pytest.raises(fv.ShapeError, match=r"A @ B: \(p × q\) does not conform with \(p × q\); the columns of A"):
        A @ A
    with pytest.raises(fv.ShapeError, match=r"A \+ B: \(p × q\) does not conform with \(q × p\)"):
        A + B
    with pytest.raises(fv.ShapeError, match=r"inner\(A, B\): \(p × q\) does not conform with \(q × p\)"):
        fv.inner(A, B)
    with pytest.raises(fv.ShapeError, match="a square"):
        A.diagonal()
    for helper in (fv.trace, fv.symmetrize, fv.diag):
        with pytest.raises(fv.ShapeError):
            helper(A)
    assert fv.symmetrize(C)._dims == ("p", "p")


def test_floats_and_quotients_are_refused():
    A = LETTERS["A"]
    for operation in (lambda: A * 0.5, lambda: 0.5 * A, lambda: A / 2.0, lambda: A + 1e-12, lambda: A * True):
        with pytest.raises(fv.ExactnessError, match="is not an exact number"):
            operation()
    for operation in (lambda: A**0.5, lambda: A**0, lambda: A.size, lambda: A.sum()):
        with pytest.raises(fv.UnsupportedOperation):
            operation()
    for operation in (lambda: A / A, lambda: A / 0, lambda: 1 / A, lambda: A % 2, lambda: list(A), lambda: len(A)):
        with pytest.raises(Undecidable):
            operation()
    with pytest.raises(TypeError):
        A @ 3


def test_values_cannot_be_compared_or_converted():
    A = LETTERS["A"]
    for question in (
        lambda: A == A,
        lambda: bool(A),
        lambda: A > 0,
        lambda: float(A),
        lambda: hash(A),
        lambda: A.shape[0] == 3,
        lambda: str(A.shape[0]),
    ):
        with pytest.raises(Undecidable):
            question()
    assert repr(A) == repr(LETTERS["B"]) == "<word>"
