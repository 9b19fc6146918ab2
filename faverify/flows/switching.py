"""Which modes are admissible where arguments of switches are on their kinks, after an event or at the start.

An entry on its kink goes below (its argument must not rise), above (must not fall), or slides: it stays, with an
unknown between 0 and what the gate jumps by. Together that is a box complementarity problem; every combination of
modes of the units is tried; `corners` says which entries are led or follow and need no trying. Where a sign hangs on a
number that is zero to rounding, the series of the next step decide.

References: Filippov 1988, §4; Cottle, Pang & Stone 2009 (complementarity).
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .boxes import SLOW, TIE
from .corners import ABOVE, BELOW, SLIDE, ZERO, Candidate, Corner, Germs, field_of
from .floats import FloatSeries
from .layouts import Layout, Modes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST = 7  # units for which all combinations are tried, each with its own series
ROUNDS = 4  # for led entries to find their side, layer after layer


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
    total = len(stack)
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
    return _judged(series, corners, combos, modes, matter | led, led, stack)


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
    series: FloatSeries, corners: list[Corner], combos: Ints, modes: Ints, matter: Any, led: Any, stack: Any
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
        mine = [row for row in range(case * each, (case + 1) * each) if worst[row] > -TIE]
        flats = [entry.flat for entry in corners[case].entries]
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


def _lead(germs: Germs, state: Any, now: Array, below: Ints, modes: Ints, led: Any, only: int | None) -> None:
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
        up = (modes != BELOW) & ~led
        if only is not None:  # of all that slide or rise, one alone
            up &= np.arange(up.shape[1]) == only
        rates = germs.lifted(series, up)
        modes[led] = (rates[led] > 0).astype(np.int64)


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
        for entry in corner.entries:
            above = option.modes[entry.flat] == ABOVE and entry.flat not in members
            stack[:, entry.flat] = entry.below + above
        series = germs.pushed(state, now, stack, members)
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


def doubtful_slides(layout: Layout, slides: dict[int, tuple[int, bool]]) -> list[int]:
    """Sliding entries that may stop attracting unseen by their guards, those that follow others left out.

    What a velocity jumps by across the surface of a single entry vanishes with its cap, where that is a number in the
    flow, and this is a guard. Where several share a surface, the sum of their parts can change its sign while every cap
    stays what it is; and so can the effect of a gate whose cap is 1.
    """
    shared = [first for first, _ in slides.values() if first >= 0]
    plain = [layout.slices[site.switch.number] for site in layout.program.sites if site.partner is None
             and site.switch.number in layout.slices]  # fmt: skip
    alone = [flat for flat, (first, _) in slides.items() if first < 0]
    return list(dict.fromkeys(shared + [f for f in alone if any(part.start <= f < part.stop for part in plain)]))


def repelling(
    germs: Germs, state: dict[str, Array], now: Array, pieces: Ints, slides: dict[int, tuple[int, bool]]
) -> int | None:
    """A sliding entry whose argument is driven away on both sides."""
    for leader in doubtful_slides(germs.layout, slides):
        members = {leader: False} | {flat: turned for flat, (first, turned) in slides.items() if first == leader}
        count = len(members)
        stack = np.repeat(pieces, 1 + count, axis=0)
        series = germs.pushed(state, now, stack, list(members))
        rates, caps = series.arguments(1)[: 1 + count, leader], series.caps(0)[0]
        turns = np.array([-1.0 if turned else 1.0 for turned in members.values()])
        parts = (rates[1:] - rates[0]) * caps[list(members)] * turns
        if parts.sum() > SLOW * np.abs(parts).sum() + ZERO * float(series.weight()[0]):
            return leader
    return None


def _stays(germs: Germs, state: Any, now: Array, pieces: Ints, corner: Corner, option: Candidate, flat: int) -> bool:
    """Whether an argument does not move under the modes of a candidate."""
    rates = germs.under(state, now, pieces, corner, option).arguments(1)[0]
    return bool(abs(rates[flat]) <= ZERO * max(np.abs(rates).max(), 1e-300))


def distinct(found: list[Candidate]) -> list[Candidate]:
    """One candidate for each field; of those with one field, the one with the fewest slides."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: (list(c.modes.values()).count(SLIDE), tuple(c.modes.values()))):
        scale = max(np.abs(candidate.velocities).max(), 1e-300)
        if all(np.abs(candidate.velocities - other.velocities).max() > 1e-9 * scale for other in kept):
            kept.append(candidate)
    return kept
