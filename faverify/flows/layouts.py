"""Where entries of switch arguments stand in one flat vector, and the mode of each.

Entries are numbered through, over all switches: "flat".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .programs import Program

Array = NDArray[np.float64]


class Layout:
    """Where the entries of each switch's argument are in the flat vector, and tables of gates."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.switches = [switch for switch in program.switches if switch.argument.moving]
        self.slices: dict[int, slice] = {}
        start = 0
        for switch in self.switches:
            rows, cols = switch.argument._dims
            self.slices[switch.number] = slice(start, start + rows * cols)
            start += rows * cols
        self.size = start

    def place(self, flat: int) -> tuple[Any, int, int]:
        """The switch, the row and the column of an entry."""
        for switch in self.switches:
            where = self.slices[switch.number]
            if where.start <= flat < where.stop:
                row, col = divmod(flat - where.start, switch.argument._dims[1])
                return switch, row, col
        raise IndexError(flat)

    def kink_table(self) -> Array:
        """(entries, kinks + 2): the ends of every piece, −∞ and ∞ included; padded with ∞."""
        most = max((len(s.kinks) for s in self.switches), default=0)
        table = np.full((self.size, most + 2), np.inf)
        table[:, 0] = -np.inf
        for switch in self.switches:
            table[self.slices[switch.number], 1 : len(switch.kinks) + 1] = [float(k) for k in switch.kinks]
        return table


@dataclass
class Modes:
    """The piece of every entry, for each case; on a sliding entry, the piece below its kink.

    `slides` has the flat numbers of sliding entries, for each case in a row of its own, filled up with −1. Entries
    whose arguments vanish together share one place between both sides: of such, all but the first follow it.
    `leaders` has the position in the row of the entry that is followed, or −1; `turned` says that one side of the
    follower is the other side of its leader.
    """

    pieces: NDArray[np.int64]  # (cases, entries)
    slides: NDArray[np.int64]  # (cases, most)
    leaders: NDArray[np.int64]  # (cases, most)
    turned: NDArray[np.bool_]  # (cases, most)

    @classmethod
    def of_rows(cls, pieces: NDArray[np.int64], slides: list[dict[int, tuple[int, bool]]]) -> Modes:
        """From a dict for each case: sliding entry → (the entry that it follows, or −1; whether it is turned)."""
        most = max([1, *map(len, slides)])
        flats, leaders = (np.full((len(slides), most), -1, dtype=np.int64) for _ in range(2))
        turned = np.zeros((len(slides), most), dtype=bool)
        for row, found in enumerate(slides):
            order = list(found)
            for place, (flat, (leader, turn)) in enumerate(found.items()):
                flats[row, place], turned[row, place] = flat, turn
                leaders[row, place] = order.index(leader) if leader >= 0 else -1
        return cls(pieces, flats, leaders, turned)

    def of(self, cases: Any) -> Modes:
        return Modes(self.pieces[cases], self.slides[cases], self.leaders[cases], self.turned[cases])
