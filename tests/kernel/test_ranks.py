"""Exact ranks, beside those of a library that knows nothing of ours."""

from __future__ import annotations

import random

import pytest
from flint import fmpz_mat

import faverify as fv
from faverify.experiments.convolutions import convolution_basis, generically_apart
from faverify.kernel.ranks import generically_independent, greatest_minor

SCOPE = fv.Scope(*["given"] * 8)


@pytest.mark.parametrize("seed", range(60))
def test_ranks_are_those_of_flint(seed):
    draw = random.Random(seed)
    rows, cols, inner = draw.randint(1, 7), draw.randint(1, 7), draw.randint(1, 5)
    left = [[draw.randint(-3, 3) for _ in range(inner)] for _ in range(rows)]
    right = [[draw.choice((0, 0, 1, -2, 10**20)) for _ in range(cols)] for _ in range(inner)]
    matrix = [[sum(a * b[j] for a, b in zip(row, right, strict=True)) for j in range(cols)] for row in left]
    assert len(greatest_minor(matrix).columns) == fmpz_mat(matrix).rank()


def test_rows_that_depend_on_each_other_prove_nothing():
    found = generically_independent([[1, 2], [2, 4]], "two rows are independent", "FeedbackAlignment", SCOPE)
    assert isinstance(found, fv.Undecided)
    assert "rank 1" in found.tried[0]
    assert generically_independent([], "none", "FeedbackAlignment", SCOPE).kind == "undecided"


def test_floats_have_no_rank():
    with pytest.raises(TypeError, match="whole number"):
        greatest_minor([[1.0, 2]])


def test_without_room_nothing_is_proved():
    """k² + dim C > n_l n_{l−1}."""
    assert generically_apart(3, convolution_basis((1, 1), 3, 3)).kind == "undecided"
    assert generically_apart(2, convolution_basis((1, 1), 3, 3)).kind == "proved"
