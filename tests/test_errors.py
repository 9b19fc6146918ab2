"""What misuse raises: the checks that every room shares."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify.errors import real_number, whole_number


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_is_an_int(value):
    found = whole_number("n", value, 3, 3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [True, np.True_, 3.0, "3", None, 2, 10**30, [3]])
def test_what_is_no_whole_number_within_the_bounds(value):
    with pytest.raises(fv.Misuse, match=r"n = .*: expected a whole number from 3 to 9$"):
        whole_number("n", value, 3, 9)


def test_one_bound_and_words_of_ones_own():
    with pytest.raises(fv.Misuse, match="expected a whole number, at least 1"):
        whole_number("n", 0, 1)
    with pytest.raises(fv.Misuse, match=re.escape("n = 0: expected steps")):
        whole_number("n", 0, 1, expected="steps")


@pytest.mark.parametrize("value", [2, np.int64(2), np.float32(2), Fraction(2)])
def test_a_real_number_is_a_float(value):
    found = real_number("eta", value, "a number", above=1, most=2)
    assert (found, type(found)) == (2.0, float)


@pytest.mark.parametrize("value", [True, np.True_, "2", None, 1, 2.5, 10**400, float("inf"), float("nan"), [2]])
def test_what_is_no_real_number_within_the_bounds(value):
    with pytest.raises(fv.Misuse, match=r"eta = .*: expected a number above 1$"):
        real_number("eta", value, "a number above 1", above=1, most=2)


@pytest.mark.parametrize("ask", [fv.experiment, lambda name: fv.sweep(name, cases=1)])
@pytest.mark.parametrize("name", [5, ["RK-T1"]])
def test_a_name_that_is_no_string_is_unknown(ask, name):
    with pytest.raises(fv.UnknownName, match="is called"):
        ask(name)
