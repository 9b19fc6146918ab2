"""Exact ranks, beside those of a library that knows nothing of ours."""

from __future__ import annotations

import random

import pytest
from flint import fmpz_mat

import faverify as fv
from faverify.experiments.convolutions import convolution_basis, generically_apart
from faverify.kernel.ranks import Minor, generically_independent, greatest_minor

SCOPE = fv.Scope(*["given"] * 8)


@pytest.mark.parametrize("seed", range(60))
def test_ranks_are_those_of_flint(seed):
    draw = random.Random(seed)
    rows, cols, inner = draw.randint(1, 7), draw.randint(1, 7), draw.randint(1, 5)
    left = [[draw.randint(-3, 3) for _ in range(inner)] for _ in range(rows)]
    right = [[draw.choice((0, 0, 1, -2, 10**20)) for _ in range(cols)] for _ in range(inner)]
    matrix = [[sum(a * b[j] for a, b in zip(row, right, strict=True)) for j in range(cols)] for row in left]
    assert len(greatest_minor(matrix).columns) == fmpz_mat(matrix).rank()


@pytest.mark.parametrize("seed", range(20))
def test_a_minor_is_the_determinant_of_its_columns(seed):
    draw = random.Random(seed)
    rows, more = draw.randint(1, 5), draw.randint(0, 3)
    matrix = [[draw.choice((0, 0, 1, -2, 3, 10**9)) for _ in range(rows + more)] for _ in range(rows)]
    found = greatest_minor(matrix)
    assert len(found.columns) == fmpz_mat(matrix).rank()
    assert list(found.columns) == sorted(set(found.columns))
    if len(found.columns) == rows:
        assert abs(found.value) == abs(int(fmpz_mat([[row[j] for j in found.columns] for row in matrix]).det())) > 0


def test_a_minor_is_told():
    assert str(Minor((0, 2), -7)) == "the minor of 2 rows and the columns 0, 2 is ±7, and not 0"
    long = str(Minor(tuple(range(13)), -(10**30)))
    assert "the columns 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … is ±100000000000… (31 digits), and" in long
    assert "…" not in str(Minor(tuple(range(12)), 10**29))
    assert Minor((0, 2), -7).to_dict() == {"kind": "minor", "columns": [0, 2], "value": "-7"}


def test_independent_rows_are_a_verdict_with_its_minor():
    found = generically_independent([[2, 1, 0], [0, 0, 3]], "two rows are independent", "FeedbackAlignment", SCOPE)
    assert type(found) is fv.Proved
    assert (found.law, found.rule, found.scope) == ("independence", "FeedbackAlignment", SCOPE)
    assert found.statement == "two rows are independent"
    assert found.how == "a minor of 2 × 2 whole numbers that is not 0"
    assert (found.witness.columns, found.witness.value) == ((0, 2), 6)


def test_rows_that_depend_on_each_other_prove_nothing():
    found = generically_independent([[1, 2], [2, 4]], "two rows are independent", "FeedbackAlignment", SCOPE)
    assert isinstance(found, fv.Undecided)
    assert found.tried == ("at the choice that was tried 2 rows have rank 1",)
    assert (found.law, found.rule, found.scope, found.how) == (
        "independence",
        "FeedbackAlignment",
        SCOPE,
        "an exact rank",
    )
    assert found.statement == "two rows are independent"
    assert generically_independent([], "none", "FeedbackAlignment", SCOPE).kind == "undecided"


def test_floats_have_no_rank():
    with pytest.raises(TypeError, match="whole number"):
        greatest_minor([[1.0, 2]])


def test_without_room_nothing_is_proved():
    """k² + dim C > n_l n_{l−1}."""
    assert generically_apart(3, convolution_basis((1, 1), 3, 3)).kind == "undecided"
    assert generically_apart(2, convolution_basis((1, 1), 3, 3)).kind == "proved"
