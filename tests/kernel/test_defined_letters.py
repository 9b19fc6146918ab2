"""Inverses, logarithms, integrals and equations between letters, against exact numbers."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

import faverify as fv
from faverify.errors import Undecidable
from faverify.kernel.words import Word, derivative, letter, letter_name, modulo, word_of
from faverify.proving.jets import Jet
from faverify.proving.matrices import Matrix
from faverify.proving.rings import Rationals

from ..conftest import value_of_word

SIZES = {"o": 2, "n": 3, "m": 2}
RING = Rationals()


def numbers(rng, rows, cols):
    return [[Fraction(rng.randint(-4, 4), rng.randint(1, 3)) for _ in range(cols)] for _ in range(rows)]


def dual(rows):
    """G with F Gᵀ = I, for independent rows F."""
    F = Matrix(RING, rows)
    return ((F @ F.mT).inverse() @ F).data


def letters(rng):
    """Values of the letters, with F Gᵀ = I, 1ᵀe = 0 and B Bᵀ = I."""
    while True:
        F = numbers(rng, 2, 3)
        try:
            G = dual(F)
        except ZeroDivisionError:
            continue
        e = numbers(rng, 2, 2)
        e[1] = [-entry for entry in e[0]]
        B = [[Fraction(3, 5), Fraction(4, 5), Fraction(0)], [Fraction(-4, 5), Fraction(3, 5), Fraction(0)]]
        return {"F": F, "G": G, "ee": e, "Bo": B, "Wn": numbers(rng, 3, 3), "u": numbers(rng, 2, 1)}


F, G, E, B, W, U = (
    letter(name, *dims)
    for name, dims in zip(
        ("F", "G", "ee", "Bo", "Wn", "u"),
        (("o", "n"), ("o", "n"), ("o", "m"), ("o", "n"), ("n", "n"), ("o", 1)),
        strict=True,
    )
)
EQUATIONS = [
    (F @ G.mT, fv.identity(F)),
    (E.mT.row_sums(), Word(("m", 1), {})),
    (B @ B.mT, fv.identity(B)),
]


def grown(rng):
    """A random word from products that conform, with the equations' left sides among them."""
    pool = [F, G, E, B, W, U, F @ G.mT, G @ F.mT, B @ B.mT, E.mT.row_sums(), F @ W @ G.mT]
    for _ in range(rng.randint(2, 5)):
        a, b = rng.choice(pool), rng.choice(pool)
        a, b = rng.choice((a, a.mT)), rng.choice((b, b.mT))
        if a._dims[1] == b._dims[0]:
            pool.append(a @ b)
        if a._dims == b._dims:
            pool += [a * b, a + 2 * b]
        if a._dims[0] == a._dims[1]:
            pool += [fv.trace(a), fv.diag(a)]
        pool += [a.row_sums(), a.total()]
    return rng.choice(pool[6:]) + 0


@pytest.mark.parametrize("seed", range(300))
def test_equations_change_no_value_where_they_hold(seed):
    rng = random.Random(seed)
    word, values = grown(rng), letters(rng)
    assert value_of_word(modulo(word, EQUATIONS), SIZES, values) == value_of_word(word, SIZES, values)


def test_equations_reach_what_they_should():
    for word, expected in (
        (F @ G.mT @ E, E),
        (G @ F.mT @ E, E),
        (W @ G.mT @ F @ G.mT, W @ G.mT),
        (fv.trace(F @ G.mT), fv.trace(fv.identity(F))),
        ((E.mT @ (U * 0 + 1)), Word(("m", 1), {})),
        (U.mT @ B @ B.mT @ U, U.mT @ U),
    ):
        assert modulo(word, EQUATIONS).same(expected)


def test_equations_reach_no_further():
    for word in (F @ W @ G.mT, G.mT @ F, (F * G), fv.diag(G.mT @ F), (E * E).mT.row_sums(), B.mT @ B):
        assert modulo(word, EQUATIONS).same(word)


def test_an_occurrence_is_joined_as_the_pattern_is():
    """A B = C says nothing of A and B where the columns of A are not summed with the rows of B."""
    A, B, C = letter("Pn", "n", "n"), letter("Qn", "n", "n"), letter("Rn", "n", "n")
    rules = [(A @ B, C)]
    apart = [A.total() * B.total(), fv.inner(A, B), A * B, A.mT @ B, A @ B.mT, A.row_sums() @ B.row_sums().mT]
    for word in apart:
        assert modulo(word, rules).terms == word.terms
    assert modulo(fv.trace(A @ B), rules).same(fv.trace(C))
    assert modulo((A @ B).total(), rules).same(C.total())


def test_an_equation_has_one_product_on_its_left():
    A, B = letter("Pn", "n", "n"), letter("Qn", "n", "n")
    ones = Word(("n", "n"), {}) + 1
    for left in (A + B, A + A.mT, Word(("n", "n"), {}), ones, word_of(2), A.row_sums() @ ones.row_sums().mT):
        with pytest.raises(fv.UnsupportedOperation, match="one product there"):
            modulo(A, [(left, left * 0)])


def test_equations_that_run_in_circles_are_told():
    with pytest.raises(Undecidable, match="run in circles"):
        modulo(F, [(F, G), (G, F)])
    with pytest.raises(fv.UnsupportedOperation, match="an equation with a sum"):
        modulo(F, [(F + G, F)])


@pytest.mark.parametrize("seed", range(20))
def test_inverses_and_logarithms_have_the_rates_of_numbers(seed):
    """d/dt over words, with values put in, is d/dt over pairs of numbers."""
    rng = random.Random(seed)
    A, rate = numbers(rng, 3, 3), numbers(rng, 3, 3)
    word, moving = letter("Wn", "n", "n"), {"Wn": letter("Rn", "n", "n")}
    jet = Jet(Matrix(RING, A), Matrix(RING, rate))
    try:
        inverse = Matrix(RING, A).inverse()
        gram = (Matrix(RING, A) @ Matrix(RING, A).mT).inverse()
    except ZeroDivisionError:
        return
    symmetric = word @ word.mT
    named = {"Wn": A, "Rn": rate}
    for found, value in ((word.inverse(), inverse), (symmetric.inverse(), gram)):
        for (k, i, _), _dims, row, _col in ((edges[0], *rest) for edges, *rest in found.terms):
            named[letter_name(k)] = (value if i == row else value.mT).data  # the letter may be that of the transpose
    cases = [
        (word.inverse(), jet.inverse()),
        (symmetric.inverse(), (jet @ jet.mT).inverse()),
        (fv.trace(word.inverse() @ word.inverse()), fv.trace(jet.inverse() @ jet.inverse())),
        (symmetric.logdet(), (jet @ jet.mT).logdet()),
        (word.logdet(), jet.logdet()),
        (fv.pinv(word), fv.pinv(jet)),
    ]
    for found, expected in cases:
        assert value_of_word(derivative(found, moving), {"n": 3}, named) == expected.rate.data


def test_an_inverse_is_one_letter_however_it_is_written():
    A = letter("Wn", "n", "n")
    assert A.mT.inverse().same(A.inverse().mT)
    assert (A @ A.mT).inverse().same((A @ A.mT).inverse().mT)
    assert A.logdet().same(A.mT.logdet())
    assert not A.inverse().same((2 * A).inverse())
    with pytest.raises(fv.ShapeError):
        fv.inverse(F)


def test_an_integral_has_the_rate_of_its_work():
    A, M, rate = letter("Wn", "n", "n"), letter("Mn", "n", "n"), letter("Rn", "n", "n")
    assert derivative(fv.primitive(M, A), {"Wn": rate}).same(M.inner(rate))
    assert fv.primitive(M, A).names() >= {"Mn", "Wn"}
    assert fv.primitive(M, A)._dims == (1, 1)
    assert not fv.primitive(M, A).same(fv.primitive(A, M))
    assert not fv.primitive(M, A).same(fv.primitive(2 * M, A))
    assert fv.primitive(M + A, A).same(fv.primitive(A + M, A))
    with pytest.raises(fv.ShapeError, match="a gradient has the shape"):
        fv.primitive(M, letter("v", "n", 1))


def test_letters_that_cancel_in_a_sum_are_read_by_an_integral():
    A = letter("Wn", "n", "n")
    assert "Wn" in fv.primitive(-A, A).names()
