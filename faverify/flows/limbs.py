"""Numbers of any precision in limbs of float64, so that products of matrices are BLAS's, exactly.

A matrix is digits d_0 … d_{n−1}, integers kept in float64, and one exponent: 2^exponent · Σ d_j base^{−j}, with |d_j|
at most half the base for j ≥ 1 and a greater d_0 as headroom. A product is one product of matrices of floats, in
which one operand is written out as a Toeplitz matrix of its digits: sums of products of two digits stay below 2^53,
so they are exact; then carries are passed on, for all entries at once. Cauchy's products of series contract over
orders as well, in the same one product. What is dropped lies below the last digit.

References: Ozaki, Ogita, Oishi & Rump 2012 (exact products by floating-point BLAS).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[np.float64]
TOP = 16  # bits of the first digit of a number at its scale; it may grow to four times the base or so


class Limbs:
    """So many digits of so many bits: enough for `digits` decimal places, narrow enough to sum `terms` products."""

    def __init__(self, digits: float, terms: int) -> None:
        self.bits = 21
        for _ in range(2):  # the number of terms depends on the number of limbs, and that on their width
            self.count = 1 + math.ceil((digits * math.log2(10) + 8 - TOP) / self.bits)
            self.bits = min(21, int((53 - math.log2(max(terms * self.count, 2))) // 2) + 1)
        self.count = max(3, 1 + math.ceil((digits * math.log2(10) + 8 - TOP) / self.bits))
        self.base, self.inverse = float(2**self.bits), 2.0**-self.bits
        self._rooms: dict[tuple[int, ...], tuple[Array, Array, Array, Array, Array]] = {}

    # Conversions

    def exponent(self, log2: float) -> int:
        """The exponent of numbers as great as 2^log2."""
        return math.ceil(log2) - TOP

    def digits_of(self, value: Fraction, exponent: int) -> list[float]:
        """The digits of a rational number, rounded."""
        shift = self.bits * (self.count - 1) - exponent
        scaled = value * 2**shift if shift >= 0 else value / 2 ** (-shift)
        return self.digits_of_int(round(scaled))

    def digits_of_int(self, number: int) -> list[float]:
        """Of a whole number of units of the last digit."""
        half, mask, found = 1 << (self.bits - 1), (1 << self.bits) - 1, []
        for _ in range(self.count - 1):
            digit = ((number + half) & mask) - half
            found.append(float(digit))
            number = (number - digit) >> self.bits
        return [float(number), *reversed(found)]

    def ints(self, digits: Array) -> list[int]:
        """Whole numbers of units of the last digit: digits is (count, entries)."""
        found = [0] * digits.shape[1]
        for row in digits:
            for k, digit in enumerate(row.tolist()):
                found[k] = (found[k] << self.bits) + int(digit)
        return found

    def fraction(self, number: int, exponent: int) -> Fraction:
        """The number of so many units of the last digit."""
        shift = exponent - self.bits * (self.count - 1)
        return Fraction(number * 2**shift) if shift >= 0 else Fraction(number, 2 ** (-shift))

    def floats(self, digits: Array, exponent: int, axis: int) -> Array:
        """Nearest float64 values; leading zeros cost nothing."""
        found = np.zeros(np.delete(np.array(digits.shape), axis))
        for j in range(self.count - 1, -1, -1):
            found = found / self.base + np.take(digits, j, axis=axis)
        return np.ldexp(found, exponent)

    # Carries

    def shifts(self, natural: int, exponent: int) -> tuple[int, int]:
        """By how many digits down and how many bits up a number moves from one exponent to another."""
        roll = -((natural - exponent) // self.bits)
        return roll, self.bits * roll - (exponent - natural)

    def settled(self, raw: Array, roll: int, up: int) -> Array:
        """Digits of sums of products, `raw` along the first axis: moved to their exponent, and carries passed on.

        One digit more is kept on the way, so that what is dropped is no part of the last digit.
        """
        n = self.count
        work, over, back, low, high = self._room(raw.shape[1:])
        if roll < 0:  # the number is small at its old exponent: its leading digits are folded into the next
            raw = raw.copy()
            for j in range(min(-roll, len(raw) - 1)):
                raw[j + 1] += raw[j] * self.base
            raw, roll = raw[-roll:], 0
        rows = min(len(raw), n + 1 - roll)
        work[:roll] = 0
        if rows > 0:
            np.multiply(raw[:rows], 2.0**up, out=work[roll : roll + rows])
        work[roll + max(rows, 0) :] = 0
        # Sums are below 2^(53 + up); k passes leave carries below 2^(53 + up − k bits), which a digit can bear.
        for _ in range(2 if 53 + up <= 3 * self.bits - 4 else 3):
            np.multiply(low, self.inverse, out=over)
            np.rint(over, out=over)
            np.multiply(over, self.base, out=back)
            low -= back  # before anything is added, or a great digit would lose its last bits
            high += over
        return work[:n].copy()

    def _room(self, shape: tuple[int, ...]) -> tuple[Array, Array, Array, Array, Array]:
        """Memory for carries, kept from one time to the next."""
        found = self._rooms.get(shape)
        if found is None:
            work = np.zeros((self.count + 1, *shape))
            room = np.zeros((2, self.count, *shape))
            found = self._rooms[shape] = (work, room[0], room[1], work[1:], work[:-1])
        return found

    def carry(self, work: Array, passes: int) -> None:
        """Passes carries from each digit (first axis) to the one before."""
        for _ in range(passes):
            over = np.rint(work[1:] * self.inverse)
            work[1:] -= over * self.base  # before anything is added, or a great digit would lose its last bits
            work[:-1] += over


class Product:
    """A @ B over digits, or Cauchy's product of series of A and B; each is given order by order.

    Shapes: left is (…, digits, r, i), right (…, digits, i, c).
    """

    def __init__(
        self, limbs: Limbs, lead: tuple[int, ...], r: int, i: int, c: int, orders: int, single: bool = False
    ) -> None:
        self.limbs, self.lead, self.dims = limbs, lead, (r, i, c)
        self.orders = 1 if single else orders
        n = limbs.count
        self.left = np.zeros((*lead, n, r, self.orders, i))
        self.right = np.zeros((*lead, self.orders, i, n, c))
        self.pairs = np.zeros((*lead, n, r, 2 * n, c))  # of digits; zeros before them
        *outer, s_left, s_row, s_right, s_col = self.pairs.strides
        self.view = as_strided(
            self.pairs[..., n:, :],
            (*lead, n, n, r, c),
            (*outer, s_left - s_right, s_right, s_row, s_col),
            writeable=False,
        )

    def set_left(self, k: int, digits: Array) -> None:
        self.left[..., k if self.orders > 1 else 0, :] = digits

    def set_right(self, k: int, digits: Array) -> None:
        self.right[..., self.orders - 1 - k if self.orders > 1 else 0, :, :, :] = np.swapaxes(digits, -3, -2)

    def value(self, k: int) -> Array:
        """Sums of products of digits of order k, not yet settled: (…, digits, r, c)."""
        n, (r, i, c), lead = self.limbs.count, self.dims, self.lead
        orders = 1 if self.orders == 1 else k + 1
        left = self.left[..., :orders, :].reshape(*lead, n * r, orders * i)
        right = self.right[..., self.orders - orders :, :, :, :].reshape(*lead, orders * i, n * c)
        self.pairs[..., n:, :] = (left @ right).reshape(*lead, n, r, n, c)
        return self.view.sum(axis=len(lead))  # type: ignore[no-any-return]


class Fixed:
    """A @ B for a matrix A that stays: its digits, written out once as a Toeplitz matrix. A is (digits, r, i)."""

    def __init__(self, limbs: Limbs, digits: Array) -> None:
        n, r, i = digits.shape
        self.count, self.rows, self.inner = n, r, i
        pad = np.zeros((2 * n - 1, r, i))
        pad[n - 1 :] = digits
        s_digit, s_row, s_col = pad.strides
        view = as_strided(pad[n - 1 :], (n, r, i, n), (s_digit, s_row, s_col, -s_digit), writeable=False)
        self.toeplitz = np.ascontiguousarray(view).reshape(n * r, i * n)

    def times(self, digits: Array) -> Array:
        """Sums of products of digits, not yet settled: (digits, i, c) → (digits, r, c)."""
        right = digits.swapaxes(0, 1).reshape(self.inner * self.count, -1)
        return (self.toeplitz @ right).reshape(self.count, self.rows, -1)
