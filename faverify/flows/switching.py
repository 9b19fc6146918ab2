"""Which modes are admissible where arguments of switches are on their kinks, after an event or at the start.

An entry on its kink goes below (its argument must not rise), above (must not fall), or slides: it stays, with an
unknown between 0 and what the gate jumps by. Together that is a box complementarity problem; every combination of
modes is tried. Three kinds of entries need no trying. *Idle* ones stand still whatever the modes are, and change
nothing. *Led* ones stand still as long as what they are made of does (all neurons below a sample are off): where that
begins to move they go with it. And of entries whose arguments vanish together (one neuron, collinear samples) all but
one *follow*: nearby, gates have only the two patterns of one surface, and so has Filippov's convex hull. Where a sign
hangs on a number that is zero to rounding, the series of the next step decide.

References: Filippov 1988, §4; Cottle, Pang & Stone 2009 (complementarity).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .floats import FloatSeries
from .layouts import Layout, Modes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
BELOW, ABOVE, SLIDE = 0, 1, 2
TIE = 1e-9  # of the scale of the numbers compared: below it a sign is left to the series
SLOW = 1e-6  # of the weights: rates below it are compared with it, so that rounding decides nothing
MOST = 7  # units for which all combinations are tried, each with its own series
BOXES = 9  # units for which all combinations are tried where they act linearly
ZERO = 1e-12  # of the scale: a number that is 0 by structure comes out below it
DIRECTIONS = 4  # in which a state moves at random
ROUNDS = 4  # for led entries to find their side, layer after layer


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
    series = germs.prepared(repeated(state, total), np.repeat(now, total), Modes.of_rows(stack, [{}] * total))
    for k, entry in enumerate(zeros):
        series.xi[0][1 + count + k, entry.flat] = 1.0
    with np.errstate(all="ignore"):
        series.expand(1)
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


@dataclass
class Linear:
    """Units that act linearly: rates r = c + M λ + N r⁺, r⁺ those of units above; caps u + U λ; velocities v + V λ."""

    units: list[Entry]
    c: Array
    matrix: Array
    carried: Array  # N: how an argument moves with another one that is above its kink, and so is let through
    cap: Array
    caps: Array  # U
    base: Array
    moved: Array  # V, by units

    def solved(self, combos: Ints) -> tuple[Array, Array]:
        """λ and r under each combination of modes."""
        count, total = len(self.c), len(combos)
        eye, above, slides = np.eye(count), (combos == ABOVE)[:, :, None], (combos == SLIDE)[:, :, None]
        system = np.zeros((total, 2 * count, 2 * count))
        system[:, :count, :count] = np.where(slides, 0.0, np.where(above, eye - self.caps, eye))
        system[:, :count, count:] = np.where(slides, eye, 0.0)
        system[:, count:, :count] = -self.matrix
        system[:, count:, count:] = eye - self.carried * (combos == ABOVE)[:, None, :]
        right = np.concatenate(
            [np.where(combos == ABOVE, self.cap, 0.0), np.broadcast_to(self.c, combos.shape)], axis=1
        )
        try:
            found = np.linalg.solve(system, right[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            found = (np.linalg.pinv(system, rcond=1e-11) @ right[:, :, None])[:, :, 0]
        return found[:, :count], found[:, count:]

    def slacks(self, combos: Ints) -> tuple[Array, Array]:
        """By how much each condition holds; and λ."""
        unknown, rates = self.solved(combos)
        caps = self.cap + unknown @ self.caps.T
        with np.errstate(all="ignore"):
            places = np.where(unknown == 0, 0.0, np.where(caps == 0, np.inf, unknown / caps))
        inside = np.minimum(places, 1 - places)
        off = np.where(np.abs(rates) <= 1e-6, 0.0, -np.abs(rates))
        found = np.select([combos == BELOW, combos == ABOVE], [-rates, rates], np.minimum(inside, inside + off))
        return np.where(np.isfinite(found), found, -np.inf), unknown

    def candidates(self, combos: Ints) -> list[Candidate]:
        slack, unknown = self.slacks(combos)
        found = []
        for row in np.flatnonzero(slack.min(axis=1) > -TIE):
            modes = {unit.flat: int(mode) for unit, mode in zip(self.units, combos[row], strict=True)}
            least = float(slack[row].min())
            found.append(Candidate(modes, least > TIE, self.base + unknown[row] @ self.moved, least))
        return found


def by_boxes(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner) -> list[Candidate] | None:
    """The admissible modes of one case where all units act linearly; None where they do not, or are too many.

    Each combination of modes is then one small linear system. Where no cap depends on an unknown and no argument on
    another's, and −M diag(u) is a P-matrix (all principal minors are positive), there is exactly one solution
    whatever c is; of many units it is found by exchanging one after the other.
    """
    if corner.followers or corner.led or len(corner.units) < 2:
        return None
    model = linear_model(germs, state, now, pieces, corner.units)
    if model is None:
        return None
    count = len(corner.units)
    if count <= BOXES:
        found = model.candidates(np.array(list(product((BELOW, ABOVE, SLIDE), repeat=count))))
    else:
        plain = not model.carried.any() and not model.caps.any()
        combo = exchanged(model) if plain and is_p_matrix(-model.matrix * model.cap) else None
        if combo is None:
            return None
        found = model.candidates(np.array(alike(combo, model)))
    return found if all(_true(germs, state, now, pieces, model, option) for option in found) else None


def linear_model(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, units: list[Entry]) -> Linear | None:
    """What units do one by one: with an unknown, and where they are lifted off their kink."""
    count, flats = len(units), [entry.flat for entry in units]
    stack = np.repeat(pieces, 1 + count, axis=0)
    for entry in units:
        stack[:, entry.flat] = entry.below
    states, times = repeated(state, 1 + count), np.repeat(now, 1 + count)
    series = germs.prepared(states, times, Modes.of_rows(stack, [{}] * (1 + count)))
    for k, flat in enumerate(flats):
        series.xi[0][1 + k, flat] = 1.0
    with np.errstate(all="ignore"):
        series.expand(1)
    rates, fields = series.arguments(1)[: 1 + count][:, flats].copy(), field_of(series)[: 1 + count].copy()
    caps = series.caps(0)[: 1 + count][:, flats].copy()
    carried = lifted(germs, states, times, stack, flats)
    matrix = (rates[1:] - rates[0]).T
    size = np.maximum(np.abs(matrix * np.abs(caps[0])).max(axis=1), np.maximum(np.abs(rates[0]), 1e-300))
    size = np.maximum(size, max(1e-6 * size.max(), SLOW * float(series.weight()[0])))
    found = Linear(
        units, rates[0] / size, matrix / size[:, None], carried * size[None, :] / size[:, None],
        caps[0], (caps[1:] - caps[0]).T, fields[0], fields[1:] - fields[0],
    )  # fmt: skip
    parts = (found.c, found.matrix, found.carried, found.caps, found.moved)
    return found if all(np.isfinite(part).all() for part in parts) else None


def lifted(germs: Germs, states: dict[str, Array], times: Array, stack: Ints, flats: list[int]) -> Array:
    """N: how each argument moves where another one, on its kink and let through, moves by 1, and nothing else does."""
    count = len(flats)
    stack = stack.copy()
    for k, flat in enumerate(flats):
        stack[1 + k, flat] += 1
    series = germs.prepared(states, times, Modes.of_rows(stack, [{}] * (1 + count)))
    with np.errstate(all="ignore"):
        series.evaluate(series.live, 0)
        for rate in series.program.velocities.values():
            series.c[rate.place][0] = 0.0
        for node in series.ahead:
            series.steps[node.place](1 - node.late)
            for switch in series.layout.switches:
                if switch.argument is node:
                    where = series.layout.slices[switch.number]
                    for k, flat in enumerate(flats):
                        if where.start <= flat < where.stop:
                            i, j = divmod(flat - where.start, node._dims[1])
                            series.c[node.place][1][1 + k, i, j] = 1.0
    moved = series.arguments(1)[: 1 + count][:, flats]
    return (moved[1:] - moved[0]).T - np.eye(count)  # type: ignore[no-any-return]


def _true(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, model: Linear, option: Candidate) -> bool:
    """Whether the series agree with what the linear model says of a candidate."""
    stack = pieces.copy()
    for unit in model.units:
        stack[0, unit.flat] = unit.below + (option.modes[unit.flat] == ABOVE)
    slides = {flat: (-1, False) for flat, mode in option.modes.items() if mode == SLIDE}
    series = germs.expanded(state, now, Modes.of_rows(stack, [slides]))
    found = field_of(series)[0]
    return bool(np.abs(found - option.velocities).max() <= 1e-7 * max(np.abs(found).max(), 1e-300))


def is_p_matrix(matrix: Array) -> bool:
    """Whether all principal minors are positive, well beyond rounding."""
    count = len(matrix)
    if count > BOXES + 4:
        return False
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    scaled = matrix / size[:, None] / size[None, :]
    for bits in range(1, 1 << count):
        rows = [k for k in range(count) if bits >> k & 1]
        if not np.linalg.det(scaled[np.ix_(rows, rows)]) > 1e-9:
            return False
    return True


def exchanged(model: Linear) -> Ints | None:
    """Modes by exchanging the first unit whose condition fails, as for any P-matrix (Murty 1974)."""
    combo = np.zeros((1, len(model.c)), dtype=np.int64)
    for _ in range(50 * len(model.c) ** 2):
        slack, unknown = model.slacks(combo)
        if slack.min() > -TIE:
            return combo[0]  # type: ignore[no-any-return]
        k = int(np.flatnonzero(slack[0] <= -TIE)[0])
        high = unknown[0, k] / model.cap[k] > 0.5 if model.cap[k] else False
        combo[0, k] = SLIDE if combo[0, k] != SLIDE else (ABOVE if high else BELOW)
    return None


def alike(combo: Ints, model: Linear) -> list[tuple[int, ...]]:
    """The modes under which a solution can go: on the edge of its box an entry may slide or leave."""
    unknown, rates = model.solved(combo[None])
    names = []
    for mode, value, cap, rate in zip(combo.tolist(), unknown[0], model.cap, rates[0], strict=True):
        place = value / cap if cap else 0.0
        edge = [BELOW] * int(place <= TIE) + [ABOVE] * int(place >= 1 - TIE)
        names.append(sorted({mode, SLIDE, *edge}) if edge and abs(rate) <= TIE else [mode])
    return list(product(*names))


def undetermined(
    germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner, option: Candidate
) -> list[int]:
    """Entries that share one surface, stay on it, and could share its gate otherwise with another velocity.

    On the surface Σ κ_i ξ_i is what it is, with each ξ_i between 0 and its cap. Filippov's convex hull has one place
    s for all of them; but where each gate has a selection of its own, as where gates are ramps that become steep, the
    split is free unless it is forced: all terms at one end, or all with one effect on the velocities.
    """
    found: list[int] = []
    for members in corner.groups():
        count = len(members)
        stack = np.repeat(pieces, 1 + count, axis=0)
        for entry in (*corner.units, *corner.own.values(), *corner.led):
            stack[:, entry.flat] = entry.below + (option.modes[entry.flat] == ABOVE)
        for entry in (*corner.units, *corner.own.values()):
            if entry.flat in members:
                stack[:, entry.flat] = entry.below
        states, times = repeated(state, 1 + count), np.repeat(now, 1 + count)
        series = germs.prepared(states, times, Modes.of_rows(stack, [{}] * (1 + count)))
        for k, flat in enumerate(members):
            series.xi[0][1 + k, flat] = 1.0
        with np.errstate(all="ignore"):
            series.expand(1)
        rates, fields = series.arguments(1)[: 1 + count][:, members[0]], field_of(series)[: 1 + count]
        kappa, moved, caps = rates[1:] - rates[0], fields[1:] - fields[0], series.caps(0)[0][members]
        if option.modes[members[0]] != SLIDE and not _stays(germs, state, now, pieces, corner, option, members[0]):
            continue
        terms = kappa * caps
        ends = terms[np.abs(terms) > ZERO * max(np.abs(terms).max(), 1e-300)]
        forced = option.modes[members[0]] != SLIDE and (ends > 0).all() | (ends < 0).all()
        with np.errstate(all="ignore"):
            per = moved / kappa[:, None]
        alike = np.abs(per - per[0]).max() <= 1e-9 * max(np.abs(per).max(), 1e-300)
        if not (forced or alike):
            found += members
    return found


def _stays(germs: Germs, state: Any, now: Array, pieces: Ints, corner: Corner, option: Candidate, flat: int) -> bool:
    """Whether an argument does not move under the modes of a candidate."""
    stack = pieces.copy()
    for entry in (*corner.units, *corner.own.values(), *corner.led):
        stack[0, entry.flat] = entry.below + (option.modes[entry.flat] == ABOVE)
    slides = {f: corner.tie(f) for f, mode in option.modes.items() if mode == SLIDE}
    rates = germs.expanded(state, now, Modes.of_rows(stack, [slides])).arguments(1)[0]
    return bool(abs(rates[flat]) <= ZERO * max(np.abs(rates).max(), 1e-300))


def parted(germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corner: Corner) -> Corner:
    """The corner where only those go together that do so on both sides of the others' kinks; else each for itself."""
    entries = sorted([*corner.units, *corner.own.values()], key=lambda entry: entry.flat)
    found = Corner(led=corner.led, idle=corner.idle, before=corner.before, whole=True)
    if corner.whole:
        found.units = entries
    else:
        _together(germs, state, now, pieces, entries, found, both=True)
    return found


def candidates(
    germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, corners: list[Corner], only: int | None = None
) -> list[list[Candidate]]:
    """For each case of a stack, the admissible modes. All corners have the same number of units.

    `only`: led entries are on the side to which this unit alone would lead them.
    """
    count, cases = len(corners[0].units), len(corners)
    combos = np.array(list(product((BELOW, ABOVE, SLIDE), repeat=count)), dtype=np.int64).reshape(-1, count)
    each = len(combos)
    stack = np.repeat(np.arange(cases), each)
    total, rows = len(stack), np.arange(len(stack))
    modes = np.zeros((total, pieces.shape[1]), dtype=np.int64)  # by flat number
    matter = np.zeros((total, pieces.shape[1]), dtype=bool)
    below = pieces[stack].copy()
    for case, corner in enumerate(corners):
        mine = slice(case * each, (case + 1) * each)
        for k, unit in enumerate(corner.units):
            modes[mine, unit.flat], matter[mine, unit.flat], below[mine, unit.flat] = combos[:, k], True, unit.below
        for flat, (unit, turned) in corner.followers.items():
            chosen = combos[:, corner.units.index(unit)]
            modes[mine, flat] = np.where(chosen == SLIDE, SLIDE, 1 - chosen if turned else chosen)
            matter[mine, flat], below[mine, flat] = True, corner.own[flat].below
        for entry in corner.led:
            modes[mine, entry.flat], below[mine, entry.flat] = BELOW, entry.below
    slides = [
        {
            flat: corner.tie(flat)
            for flat in [*(u.flat for u in corner.units), *corner.followers]
            if modes[row, flat] == SLIDE
        }
        for row in range(total)
        for corner in [corners[stack[row]]]
    ]
    states, times = {n: v[stack] for n, v in state.items()}, now[stack]
    led = np.zeros((total, pieces.shape[1]), dtype=bool)
    for case, corner in enumerate(corners):
        led[case * each : (case + 1) * each, [e.flat for e in corner.led]] = True
    if led.any():
        _lead(germs, states, times, below, modes, led, only)
        if only is None:
            _as_before(germs, corners, each, modes, below)
    for attempt in range(ROUNDS):
        series = germs.expanded(states, times, Modes.of_rows(below + (modes == ABOVE), slides))
        rates = series.arguments(1)[:total]
        scale = np.maximum(np.abs(rates).max(axis=1, keepdims=True), 1e-300)
        rising = ~(matter & (modes == ABOVE) & (rates <= 0)).any(axis=1, keepdims=True)  # those that lead do go up
        wrong = led & rising & (np.abs(rates) > ZERO * scale) & ((modes == ABOVE) != (rates > 0))
        if not wrong.any() or attempt == ROUNDS - 1:
            break
        modes = np.where(wrong, 1 - modes, modes)
    return _judged(series, corners, combos, modes, matter | led, led, rows, stack)


def _as_before(germs: Germs, corners: list[Corner], each: int, modes: Ints, below: Ints) -> None:
    """Where several neurons of a sample are lifted at once, what they lead is on the side from which it came."""
    layout = germs.layout
    for case, corner in enumerate(corners):
        mine = slice(case * each, (case + 1) * each)
        for entry in corner.led:
            if entry.flat not in corner.before:
                continue
            column = layout.place(entry.flat)[2]
            leading = [unit.flat for unit in corner.units if layout.place(unit.flat)[2] == column]
            several = (modes[mine][:, leading] != BELOW).sum(axis=1) > 1
            side = int(corner.before[entry.flat] > below[mine.start, entry.flat])
            modes[mine, entry.flat] = np.where(several, side, modes[mine, entry.flat])


def _judged(
    series: FloatSeries, corners: list[Corner], combos: Ints, modes: Ints, matter: Any, led: Any, rows: Any, stack: Any
) -> list[list[Candidate]]:
    """Which conditions hold, and by how much."""
    total, each = len(stack), len(combos)
    rates, xi = series.arguments(1)[:total], series.xi[0][:total, : series.layout.size]
    caps, fields = series.caps(0)[:total], field_of(series)[:total]
    by_case = np.abs(rates).reshape(len(corners), each, -1)
    scale = np.maximum(by_case.max(axis=1), 1e-3 * by_case.reshape(len(corners), -1).max(axis=1)[:, None])[stack]
    scale = np.maximum(scale, SLOW * series.weight()[:total, None])
    with np.errstate(all="ignore"):
        at = np.where(xi == 0, 0.0, np.where(caps == 0, np.inf, xi / caps))
    inside = np.minimum(at, 1 - at)
    still = np.where(
        np.abs(rates) <= 1e-6 * scale, 0.0, -np.abs(rates) / scale
    )  # a slide whose equation has no solution
    slack = np.select(
        [modes == BELOW, modes == ABOVE], [-rates / scale, rates / scale], np.minimum(inside, still + inside)
    )
    quiet = led & (np.abs(rates) <= ZERO * scale)
    slack = np.where(quiet, 1.0, slack)
    for case, corner in enumerate(corners):
        cut = slice(case * each, (case + 1) * each)
        for members in corner.groups():  # one place for all of them: it is read where it is known best
            greatest = np.abs(caps[cut][:, members]).argmax(axis=1)
            lesser = (modes[cut][:, members] == SLIDE) & (np.arange(len(members)) != greatest[:, None])
            slack[cut, members] = np.where(lesser, np.inf, slack[cut, members])
    slack = np.where(matter, np.where(np.isnan(slack), -np.inf, slack), np.inf)
    worst = slack.min(axis=1)
    found: list[list[Candidate]] = []
    for case in range(len(corners)):
        mine = [row for row in rows[case * each : (case + 1) * each] if worst[row] > -TIE]
        flats = [e.flat for e in (*corners[case].units, *corners[case].own.values(), *corners[case].led)]
        found.append(
            [
                Candidate(
                    {f: int(modes[row, f]) for f in flats},
                    bool(worst[row] > TIE),
                    fields[row],
                    float(worst[row]),
                    frozenset(e.flat for e in corners[case].led if quiet[row, e.flat]),
                )
                for row in mine
            ]
        )
    return found


def _lead(germs: Germs, state: Any, now: Array, below: Ints, modes: Ints, led: Any, only: int | None = None) -> None:
    """The side of led entries as seen from where what slides is a little above its kink: layer after layer."""
    series = germs.prepared(state, now, Modes.of_rows(below + (modes == ABOVE), [{}] * len(modes)))
    total = len(modes)
    for _ in range(len(series.layout.switches)):
        lifted = below + ((modes == ABOVE) | (modes == SLIDE))
        series.set_modes(
            Modes.of_rows(
                np.concatenate([lifted, np.repeat(lifted[:1], series.cases - total, axis=0)]), [{}] * series.cases
            )
        )
        with np.errstate(all="ignore"):
            series.evaluate(series.live, 0)
            for rate in series.program.velocities.values():
                series.c[rate.place][0] = 0.0
            for node in series.ahead:
                series.steps[node.place](1 - node.late)
                for switch in series.layout.switches:
                    if switch.argument is node:
                        where = series.layout.slices[switch.number]
                        value = series.c[node.place][1][:total].reshape(total, -1)
                        up = (modes[:, where] != BELOW) & ~led[:, where]
                        if only is not None:  # of all that slide or rise, one alone
                            up &= np.arange(where.start, where.stop)[None, :] == only
                        value[up] = 1.0
                        series.c[node.place][1][:total] = value.reshape(total, *node._dims)
        rates = series.arguments(1)[:total]
        modes[led] = (rates[led] > 0).astype(np.int64)


def distinct(found: list[Candidate]) -> list[Candidate]:
    """One candidate for each field; of those with one field, the one with the fewest slides."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: (list(c.modes.values()).count(SLIDE), tuple(c.modes.values()))):
        scale = max(np.abs(candidate.velocities).max(), 1e-300)
        if all(np.abs(candidate.velocities - other.velocities).max() > 1e-9 * scale for other in kept):
            kept.append(candidate)
    return kept
