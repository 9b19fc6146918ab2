"""Modes after an event: what is admissible is tried by series of higher order, and one way to go on is entered.

Reference: Filippov 1988, §4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .boxes import by_boxes
from .corners import ABOVE, BELOW, SLIDE, Candidate, Corner, Entry, Germs, parted, sorted_out
from .layouts import Modes
from .switching import MOST, candidates, distinct, undetermined

Array = NDArray[np.float64]


@dataclass
class Happening:
    """An event of one case, as the stepper sees it: an exact time of the engine, a kind, an entry."""

    time: Any
    kind: str
    entry: int


@dataclass
class Segment:
    """One step of one case: enough to evaluate it anywhere, in the engine's own numbers."""

    start: Any
    unit: float
    theta: Any
    states: dict[str, Any]
    pieces: NDArray[np.int64]
    slides: tuple[int, ...]
    xi: Any


@dataclass
class Case:
    """What is known of one case on its way."""

    number: int
    events: list[Happening] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    fresh: dict[int, int] = field(default_factory=dict)  # entries that left a kink just now, and the piece below it
    parked: dict[int, int] = field(default_factory=dict)  # entries that stand on a kink, though nothing holds them
    idle: set[int] = field(default_factory=set)  # of these, the ones whose modes change nothing
    pending: dict[int, int] = field(default_factory=dict)  # entries that may yet leave their kink, and their old piece
    status: str = ""
    note: str = ""
    violation: float = 0.0
    steps: int = 0
    corners: int = 0  # events since time last moved on
    slides: tuple[int, ...] = ()  # at the end
    final: Any = None
    end: Any = None


class Settler:
    """Cases on their way, each with its state, time and modes; and how the modes of entries on kinks are settled."""

    def __init__(
        self,
        engine: Any,
        single: Callable[[], Any],
        germs: Germs,
        state: dict[str, Any],
        follow: bool,
        options: frozenset[str],
    ) -> None:
        self.engine, self.single, self.germs, self.state = engine, single, germs, state
        self.follow, self.options, self.layout = follow, options, engine.layout
        self.cases = [Case(k) for k in range(engine.cases)]
        self.active = list(self.cases)
        self.now = [engine.zero for _ in self.cases]
        self.unit = np.full(engine.cases, 1.0 / 16)
        self.pieces = np.zeros((engine.cases, self.layout.size), dtype=np.int64)
        self.slides: list[dict[int, tuple[int, bool]]] = [{} for _ in self.cases]  # entry → (followed or −1, turned)
        self.trial: Any = None  # an engine for one case

    def _settle(self, zeros: dict[int, list[Entry]]) -> None:
        """New modes for the cases with entries on kinks."""
        if not zeros:
            return
        floats = self.engine.as_floats(self.state)
        now = np.array([float(t) for t in self.now])
        corners: dict[int, Corner] = {}
        for row, entries in zeros.items():
            corners[row] = sorted_out(*self._alone(row), entries)
            parked = self.active[row].parked
            came = [e.flat for e in corners[row].led if e.flat not in parked and e.flat not in self.slides[row]]
            corners[row].before = {flat: int(self.pieces[row, flat]) for flat in came}
            for entry in corners[row].idle:
                self._rest(row, entry)
        for row, corner in list(corners.items()):
            options = by_boxes(*self._alone(row), corner)
            if options is not None:
                self._choose(row, corner, options)
                del corners[row]
        for count in sorted({len(corner.units) for corner in corners.values()}):
            rows = [row for row, corner in corners.items() if len(corner.units) == count]
            if count > MOST:
                for row in rows:
                    self._give_up(row, f"{count} entries on their kinks at once")
            elif count or any(corners[row].led for row in rows):
                states = {n: v[rows] for n, v in floats.items()}
                found = candidates(self.germs, states, now[rows], self.pieces[rows], [corners[row] for row in rows])
                for row, options in zip(rows, found, strict=True):
                    self._choose(row, corners[row], options)

    def _give_up(self, row: int, why: str) -> None:
        self.active[row].status, self.active[row].note = "nonunique", why + ": uniqueness is not shown"

    def _choose(self, row: int, corner: Corner, options: list[Candidate]) -> None:
        case = self.active[row]
        entries = {entry.flat: entry for entry in corner.entries}
        if "sliding" in self.options:
            options = [o for o in options if SLIDE not in o.modes.values()] or [
                Candidate(dict.fromkeys(entries, BELOW), True, np.zeros(1), 0.0)
            ]
        if len(options) > 1 or not all(o.strict for o in options):
            options = [o for o in options if self._verified(row, corner, entries, o)]
        options = distinct(options)
        if not options and corner.own:
            self._apart(row, corner)
            return
        if not options:
            case.status, case.note = "unresolved", "no admissible modes were found"
            return
        if len(options) == 1:
            options = distinct([*options, *self._otherwise(row, corner, entries, options[0])])
        found = f"{len(options)} solutions go on: " + " or ".join(told(self.layout, o.modes) for o in options[:3])
        free = undetermined(*self._alone(row), corner, options[0]) if len(options) == 1 and corner.followers else []
        if free:
            shared = told(self.layout, dict.fromkeys(free, SLIDE))
            found = f"solutions go on for every share of one surface's gate between its entries: {shared}"
        if len(options) > 1 or free:
            if not self.follow:
                case.status, case.note = "nonunique", found
                return
            case.note = "nonunique"
        active = {self.layout.place(u.flat)[2] for u in corner.units if options[0].modes[u.flat] != BELOW}
        for flat, mode in options[0].modes.items():
            if flat in options[0].still:
                self._wait(row, entries[flat], mode if self.layout.place(flat)[2] in active else None)
            else:
                self._enter(row, entries[flat], mode, corner)

    def _alone(
        self, row: int, state: Any = None, now: Any = None
    ) -> tuple[Germs, dict[str, Array], Array, NDArray[np.int64]]:
        """One case as a stack of its own, in float64: germs, state and time (if not the present ones), pieces."""
        one = {n: v[[row]] for n, v in self.engine.as_floats(self.state if state is None else state).items()}
        return self.germs, one, np.array([float(self.now[row] if now is None else now)]), self.pieces[[row]]

    def _otherwise(self, row: int, corner: Corner, entries: dict[int, Entry], option: Candidate) -> list[Candidate]:
        """Where several neurons of one sample leave or slide at once, what each alone would make of the gates above it.

        Those gates did not come from a side, so that nothing else tells which they are.
        """
        if all(entry.flat in corner.before for entry in corner.led):
            return []
        lifted = [unit.flat for unit in corner.units if option.modes[unit.flat] != BELOW]
        columns = [self.layout.place(flat)[2] for flat in lifted]
        several = [flat for flat, column in zip(lifted, columns, strict=True) if columns.count(column) > 1]
        found: list[Candidate] = []
        for flat in several:
            found += candidates(*self._alone(row), [corner], only=flat)[0]
        return [other for other in found if other.strict or self._verified(row, corner, entries, other)]

    def _apart(self, row: int, corner: Corner) -> None:
        """Where others rise, entries that went together part."""
        alone = self._alone(row)
        corner = parted(*alone, corner)
        if len(corner.units) > MOST:
            self._give_up(row, f"{len(corner.units)} entries on their kinks at once")
            return
        options = by_boxes(*alone, corner)
        self._choose(row, corner, candidates(*alone, [corner])[0] if options is None else options)

    def _wait(self, row: int, entry: Entry, mode: int | None) -> None:
        """A led entry does not move yet; the next step's series say whether it stays, or leaves at a higher order."""
        case, flat = self.active[row], entry.flat
        if flat in self.slides[row]:
            self._enter(row, entry, BELOW, Corner())
        case.pending[flat] = int(self.pieces[row, flat])
        if mode is not None:
            self.pieces[row, flat] = entry.below + (mode == ABOVE)
        case.parked.pop(flat, None)
        case.fresh[flat] = entry.below

    def _rest(self, row: int, entry: Entry) -> None:
        """An entry whose mode changes nothing stays on its kink, in the piece where it was."""
        if entry.flat in self.slides[row]:
            self._enter(row, entry, BELOW, Corner())
        case = self.active[row]
        case.fresh.pop(entry.flat, None)
        case.parked[entry.flat] = entry.below
        case.idle.add(entry.flat)

    def _enter(self, row: int, entry: Entry, mode: int, corner: Corner) -> None:
        """Put an entry into a mode, and tell the event that this is."""
        case, flat = self.active[row], entry.flat
        was_sliding, was_piece = flat in self.slides[row], int(self.pieces[row, flat])
        kind = ""
        if mode == SLIDE:
            kind = "" if was_sliding else "slide"
            self.slides[row] = {**self.slides[row], flat: corner.tie(flat)}
            self.pieces[row, flat] = entry.below
            case.fresh[flat] = entry.below  # it may begin at an end of its box
        else:
            piece = entry.below + (mode == ABOVE)
            if was_sliding:
                kind = "exit1" if mode == ABOVE else "exit0"
                self.slides[row] = {f: tie for f, tie in self.slides[row].items() if f != flat}
            elif was_piece != piece:
                kind = "cross"
            self.pieces[row, flat] = piece
            case.fresh[flat] = entry.below
        case.parked.pop(flat, None)
        case.idle.discard(flat)
        if kind and self.now[row] > self.engine.zero:
            case.events.append(Happening(self.now[row], kind, flat))

    def _verified(self, row: int, corner: Corner, entries: dict[int, Entry], option: Candidate) -> bool:
        """Whether the series under these modes keep all their guards for a while."""
        if self.trial is None:
            self.trial = self.single()
        trial = self.trial
        pieces = self.pieces[[row]].copy()
        slides = {flat: tie for flat, tie in self.slides[row].items() if flat not in option.modes}
        for flat, mode in option.modes.items():
            pieces[0, flat] = entries[flat].below + (mode == ABOVE)
            if mode == SLIDE:
                slides[flat] = corner.tie(flat)
        trial.start(
            self.engine.taken(self.state, [row]), [self.now[row]], self.unit[[row]], Modes.of_rows(pieces, [slides])
        )
        if not trial.expand_safely()[0]:
            return option.strict
        arguments, xi, caps = trial.flat()
        length = 1e-2  # of the unit: signs are those of the first coefficients that are not zero
        lesser = lesser_of(slides, caps[0, 0])
        for flat, mode in option.modes.items():
            if flat in lesser:
                continue
            if mode == SLIDE:
                sign = leading_sign(caps[:, 0, flat], length)
                guards = [sign * xi[:, 0, flat], sign * (caps[:, 0, flat] - xi[:, 0, flat])]
                scale = float(np.abs(caps[0, 0, flat]) + np.abs(xi[0, 0, flat]))
                off = np.abs(arguments[1:, 0, flat]) * (10 * length) ** np.arange(1, len(arguments))
                if off.max() > 10 * trial.tie * trial.argument_scale(0, flat):
                    return False
            else:
                shifted = arguments[:, 0, flat].copy()
                shifted[0] = 0.0
                guards = [shifted if mode == ABOVE else -shifted]
                scale = trial.argument_scale(0, flat) * length
            for guard in guards:
                terms = guard * length ** np.arange(len(guard))
                sizes = np.abs(terms[: len(terms) // 2 + 2])
                significant = np.flatnonzero(sizes > trial.tie * max(scale, np.abs(terms).max()))
                if len(significant) and terms[significant[0]] < 0:
                    return False
        option.velocities = trial.signature(float(self.unit[row]))  # of a higher order, where first rates are equal
        return True


def lesser_of(slides: dict[int, tuple[int, bool]], caps: Array) -> set[int]:
    """Sliding entries that share their place with one of a greater cap, by which the place is known best."""
    groups: dict[int, list[int]] = {}
    for flat, (leader, _) in slides.items():
        groups.setdefault(leader if leader >= 0 else flat, []).append(flat)
    greatest = {max(members, key=lambda flat: abs(caps[flat])) for members in groups.values()}
    return set(slides) - greatest


def leading_sign(coefficients: Array, theta: float) -> float:
    """The sign of a polynomial just after 0: of its first coefficient that is more than rounding."""
    terms = coefficients * float(theta) ** np.arange(len(coefficients))
    significant = np.flatnonzero(np.abs(terms) > 1e-12 * np.abs(terms).max())
    return float(np.sign(terms[significant[0]])) if len(significant) else 1.0


def told(layout: Any, modes: dict[int, int]) -> str:
    names = {BELOW: "below", ABOVE: "above", SLIDE: "sliding"}
    parts = []
    for flat, mode in modes.items():
        switch, row, col = layout.place(flat)
        where = f"layer {switch.layer}" if switch.layer is not None else "sign"
        parts.append(f"{where}, neuron {row}, sample {col} {names[mode]}")
    return "; ".join(parts)
