"""Smooth equations in float64: the method of Dormand & Prince, orders 5 and 4, with steps chosen by their difference.

For averages that are followed to some six digits, over arrays of any shape. Flows of networks, with kinks or to many
digits, are `flows`. Values between steps come from the interpolant of order 4 of the same seven stages.

References: Dormand & Prince 1980; Shampine 1986 (the interpolant); Hairer, Nørsett & Wanner 1993, II.4–6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import real_number
from .states import Array

# Stage i+1 reads Σ_j STAGES[i][j] k_j; the last row is the step itself, so that its rate serves the next (FSAL).
STAGES = [
    np.array(row)
    for row in (
        [1 / 5],
        [3 / 40, 9 / 40],
        [44 / 45, -56 / 15, 32 / 9],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    )
]
FOURTH = np.array([5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40])
ERROR = np.append(STAGES[-1], 0) - FOURTH
# y(t + θh) = y + h Σ_j k_j (DENSE[j] · (θ, θ², θ³, θ⁴))
DENSE = np.array(
    [
        [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0, 0, 0, 0],
        [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)
LEAST, MOST, SAFETY = 0.2, 5.0, 0.9  # a step grows and shrinks within these bounds


def solve(
    rate: Callable[[Array], Array], start: Array, times: Array, *, rtol: float, atol: float, most: int
) -> tuple[Array, int, bool]:
    """dy/dt = rate(y) from t = 0, at `times`.

    Returns: the values, one a time that was reached; the number of steps; whether all times were reached, in `most`
    steps and with finite values.

    Algorithm: a step is taken where |5th − 4th order| ≤ atol + rtol max(|y|, |y'|) in every entry.

    Examples
    --------
    >>> y, steps, done = solve(lambda y: -y, np.ones(1), np.array([0.0, 1.0]), rtol=1e-8, atol=1e-12, most=1000)
    >>> bool(abs(y[1, 0] - np.exp(-1)) < 1e-7), done
    (True, True)
    """
    rtol = real_number("rtol", rtol, "a number, at least 1e-13: floats have no more digits", least=1e-13)
    atol = real_number("atol", atol, "a positive number", above=0)
    y, t, end, shape = start.ravel().astype(np.float64), 0.0, float(times[-1]), start.shape
    found = np.empty((len(times), y.size))
    k = np.empty((7, y.size))

    def at(state: Array) -> Array:
        return rate(state.reshape(shape)).ravel()

    with np.errstate(all="ignore"):
        k[0] = at(y)
        h = min(end, 0.01 / (np.abs(k[0] / (atol + np.abs(y))).max(initial=0) + 1e-300)) if end > 0 else 0.0
        h = max(h, 1e-6 * end)
        done, steps = int(np.searchsorted(times, 0.0, side="right")), 0
        found[:done] = y
        while done < len(times) and steps < most:
            steps += 1
            h = min(h, end - t) if end - t > 1e-12 * end else end - t
            for stage, row in enumerate(STAGES, 1):
                new = y + h * (row @ k[:stage])
                k[stage] = at(new)
            size = np.abs(h * (ERROR @ k)) / (atol + rtol * np.maximum(np.abs(y), np.abs(new)))
            error = float(size.max(initial=0))
            if not np.isfinite(error) or error > 1:
                h *= LEAST if not np.isfinite(error) else max(LEAST, SAFETY * error**-0.2)
                if t + h == t:
                    break
                continue
            reached = t + h if end - (t + h) > 1e-12 * end else end
            upto = int(np.searchsorted(times, reached, side="right"))
            if upto > done:
                theta = ((times[done:upto] - t) / h)[:, None] ** np.arange(1, 5)
                found[done:upto] = y + h * (theta @ DENSE.T @ k)
                done = upto
            y, t = new, reached
            k[0] = k[6]
            h *= MOST if error == 0 else min(MOST, max(LEAST, SAFETY * error**-0.2))
    return found[:done].reshape(done, *shape), steps, done == len(times)
