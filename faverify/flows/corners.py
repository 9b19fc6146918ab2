"""Entries on kinks at one instant, sorted: units, who follows whom, who is led, who is idle.

*Idle* ones stand still whatever the modes are, and change nothing. *Led* ones stand still as long as what they are made
of does (all neurons below a sample are off): where that begins to move they go with it. And of entries whose arguments
vanish together (one neuron, collinear samples) all but one *follow*: nearby, gates have only the two patterns of one
surface, and so has Filippov's convex hull.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .floats import FloatSeries
from .layouts import Layout, Modes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
BELOW, ABOVE, SLIDE = 0, 1, 2
ZERO = 1e-12  # of the scale: a number that is 0 by structure comes out below it
DIRECTIONS = 4  # in which a state moves at random


@dataclass
class Entry:
    """An entry on its kink: its flat number and the piece below the kink."""

    flat: int
    below: int


@dataclass
class Corner:
    """All entries on kinks at one instant of one case."""

    units: list[Entry] = field(default_factory=list)  # each has a mode of its own
    followers: dict[int, tuple[Entry, bool]] = field(default_factory=dict)  # flat → (the entry followed, turned or not)
    own: dict[int, Entry] = field(default_factory=dict)  # the followers themselves
    led: list[Entry] = field(default_factory=list)
    idle: list[Entry] = field(default_factory=list)
    before: dict[int, int] = field(default_factory=dict)  # of led entries that moved until now: the piece they were in
    whole: bool = False  # whether followers go with theirs on both sides of all others' kinks

    @property
    def entries(self) -> list[Entry]:
        """Those whose modes matter: all but the idle ones."""
        return [*self.units, *self.own.values(), *self.led]

    def groups(self) -> list[list[int]]:
        """Entries that share one surface: who is followed, and those that follow."""
        found: dict[int, list[int]] = {}
        for flat, (leader, _) in self.followers.items():
            found.setdefault(leader.flat, [leader.flat]).append(flat)
        return list(found.values())

    def tie(self, flat: int) -> tuple[int, bool]:
        """Whom a sliding entry follows, or −1; and whether it is turned."""
        leader = self.followers.get(flat)
        return (leader[0].flat, leader[1]) if leader else (-1, False)


@dataclass
class Candidate:
    """Modes of all entries that matter, by flat number; whether all conditions hold strictly; the velocities."""

    modes: dict[int, int]
    strict: bool
    velocities: Array
    slack: float  # by how much the worst condition holds; negative: fails
    still: frozenset[int] = frozenset()  # led entries that stand still under these modes


class Germs:
    """The vector field and its first derivatives under given modes, for a stack of cases, in float64."""

    def __init__(self, program: Any) -> None:
        self.program, self.layout = program, Layout(program)
        self._known: dict[int, FloatSeries] = {}

    def prepared(self, state: dict[str, Array], now: Array, modes: Modes) -> FloatSeries:
        """A series at its start; the cases are filled up with copies of the first, to the next power of two."""
        cases = len(modes.pieces)
        size = 1 << (cases - 1).bit_length()
        if size not in self._known:
            self._known[size] = FloatSeries(self.program, 1, size)
        found = self._known[size]
        index = np.concatenate([np.arange(cases), np.zeros(size - cases, dtype=int)])
        found.start({n: v[index] for n, v in state.items()}, now[index], np.ones(size), modes.of(index))
        return found

    def expanded(self, state: dict[str, Array], now: Array, modes: Modes) -> FloatSeries:
        found = self.prepared(state, now, modes)
        with np.errstate(all="ignore"):
            found.expand(1)
        return found

    def pushed(self, state: dict[str, Array], now: Array, stack: Ints, flats: list[int], first: int = 1) -> FloatSeries:
        """One case under several pieces, nothing sliding; from row `first` on each of the entries has an unknown, 1."""
        total = len(stack)
        found = self.prepared(repeated(state, total), np.repeat(now, total), Modes.of_rows(stack, [{}] * total))
        for row, flat in enumerate(flats, first):
            found.xi[0][row, flat] = 1.0
        with np.errstate(all="ignore"):
            found.expand(1)
        return found

    def under(
        self, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner, option: Candidate
    ) -> FloatSeries:
        """One case under the modes of a candidate."""
        stack = pieces.copy()
        for entry in corner.entries:
            stack[0, entry.flat] = entry.below + (option.modes[entry.flat] == ABOVE)
        slides = {flat: corner.tie(flat) for flat, mode in option.modes.items() if mode == SLIDE}
        return self.expanded(state, now, Modes.of_rows(stack, [slides]))

    def lifted(self, series: FloatSeries, up: NDArray[np.bool_]) -> Array:
        """The rates of arguments where some of them move by 1, and nothing else does: (cases, entries)."""
        total = len(up)
        with np.errstate(all="ignore"):
            series.evaluate(series.live, 0)
            for rate in series.program.velocities.values():
                series.c[rate.place][0] = 0.0
            for node in series.ahead:
                series.steps[node.place](1 - node.late)
                for switch in series.layout.switches:
                    if switch.argument is node:
                        value = series.c[node.place][1]
                        moved = up[:, series.layout.slices[switch.number]].reshape(total, *node._dims)
                        value[:total][moved] = 1.0
        return series.arguments(1)[:total]


def field_of(series: FloatSeries) -> Array:
    """The velocities, flat: (cases, entries)."""
    rates = [series.c[rate.place][0].reshape(series.cases, -1) for rate in series.program.velocities.values()]
    return np.concatenate(rates, axis=1)


def repeated(state: dict[str, Array], times: int) -> dict[str, Array]:
    return {name: np.repeat(value, times, axis=0) for name, value in state.items()}


def sorted_out(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, zeros: list[Entry]) -> Corner:
    """Units, followers, led and idle entries of one case: `state` is a stack of one.

    Every entry below, or every one above; each alone above, or with an unknown: what changes tells idle and led ones.
    Then the state moves in random directions: arguments that vanish together change in proportion.
    """
    corner, count = Corner(), len(zeros)
    if count == 1:
        corner.units = list(zeros)
        return corner
    total = 2 + 2 * count
    stack = np.repeat(pieces, total, axis=0)
    for entry in zeros:
        stack[:, entry.flat] = entry.below
        stack[-1, entry.flat] += 1
    for k, entry in enumerate(zeros):
        stack[1 + k, entry.flat] += 1
    series = germs.pushed(state, now, stack, [entry.flat for entry in zeros], 1 + count)
    rates, fields = series.arguments(1)[:total], field_of(series)[:total]
    small, least = ZERO * max(np.abs(rates).max(), 1e-300), ZERO * max(np.abs(fields).max(), 1e-300)
    waiting = []
    for k, entry in enumerate(zeros):
        own = [0, 1 + k, 1 + count + k]
        still = np.abs(rates[own, entry.flat]).max() <= small
        unseen = all(np.abs(fields[j] - fields[0]).max() <= least for j in own)
        if not (still and unseen):
            waiting.append(entry)
        elif np.abs(rates[:, entry.flat]).max() <= small:
            corner.idle.append(entry)
        else:
            corner.led.append(entry)
    _together(germs, state, now, pieces, waiting, corner)
    return corner


def _together(
    germs: Germs,
    state: dict[str, Array],
    now: Array,
    pieces: Ints,
    entries: list[Entry],
    corner: Corner,
    both: bool = False,
) -> None:
    """Units, and those that follow them."""
    moved = directions(germs, state, now, pieces, entries)
    if both:
        moved = np.concatenate([moved, directions(germs, state, now, pieces, entries, above=1)])
    for k, entry in enumerate(entries):
        mine = moved[:, k]
        for unit in corner.units:
            other = moved[:, entries.index(unit)]
            product_, sizes = float(mine @ other), float(np.linalg.norm(mine) * np.linalg.norm(other))
            if sizes > 0 and abs(product_) >= (1 - 1e-13) * sizes:
                corner.followers[entry.flat] = (unit, product_ < 0)
                corner.own[entry.flat] = entry
                break
        else:
            corner.units.append(entry)


def directions(
    germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, entries: list[Entry], above: int = 0
) -> Array:
    """How the arguments of entries change where the state moves in fixed random directions: (directions, entries)."""
    if not entries:
        return np.zeros((0, 0))
    stack = np.repeat(pieces, DIRECTIONS, axis=0)
    for entry in entries:
        stack[:, entry.flat] = entry.below + above
    states, times = repeated(state, DIRECTIONS), np.repeat(now, DIRECTIONS)
    series = germs.prepared(states, times, Modes.of_rows(stack, [{}] * DIRECTIONS))
    with np.errstate(all="ignore"):
        series.evaluate(series.live, 0)
        draw = np.random.default_rng(0)  # any directions do; fixed ones give the same answer twice
        for rate in series.program.velocities.values():
            series.c[rate.place][0] = draw.standard_normal(series.c[rate.place][0].shape)
        series.evaluate(series.ahead, 1)
    return series.arguments(1)[:DIRECTIONS][:, [entry.flat for entry in entries]]


def parted(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner) -> Corner:
    """The corner where only those go together that do so on both sides of the others' kinks; else each for itself."""
    entries = sorted([*corner.units, *corner.own.values()], key=lambda entry: entry.flat)
    found = Corner(led=corner.led, idle=corner.idle, before=corner.before, whole=True)
    if corner.whole:
        found.units = entries
    else:
        _together(germs, state, now, pieces, entries, found, both=True)
    return found
