"""Trials: what a sweep runs at each case, and the record that each must return.

A trial is a function of a module, so that any process can load it by its name. It draws its problem from the seed and
the number of its case alone (`generator`): the record is the same wherever, whenever and beside whatever it is made.
"""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ..errors import Misuse, UnknownName

if TYPE_CHECKING:
    from numpy.random import Generator

RECORD = (
    'a dict with its own "case", a string "status", "holds" true, false or null, an "example" (a dict) if it does not '
    'hold, and "measures", if any, as decimal strings by name'
)


@dataclass(frozen=True)
class Trial:
    """What is checked at each case of a sweep of `claim`.

    `function(case, seed, digits)` returns a record that is ready for JSON: "case", "status" (a word: how the run went),
    "holds" (true, false, or null where nothing was decided), "measures" (decimal strings by name, whose largest the
    sweep tells) and whatever else belongs to it, numbers as decimal strings. Where "holds" is false, "example" is the
    complete problem, its digits included; `replay(example)` runs that again and returns such a record, without a case.
    What either raises is told as status "error".
    """

    claim: str
    statement: str
    function: Callable[[int, int, int], dict[str, Any]]
    replay: Callable[[dict[str, Any]], dict[str, Any]]


def _conserved(case: int, seed: int, digits: int) -> dict[str, Any]:
    from .conservation import conserved

    return conserved(case, seed, digits)


def _conserved_again(example: dict[str, Any]) -> dict[str, Any]:
    from .conservation import again

    return again(example)


CONSERVED = (
    "½‖W_l[j,:]‖² − ⟨W_{l+1}[:,j], B_{l+1}[:,j]⟩ is constant along the flow of feedback alignment, for each hidden "
    "neuron of random chains with φ(h) = h φ′(h), through events and sliding modes: its drift is within 1,000 times "
    "the noise floor"
)
TRIALS: dict[str, Trial] = {"RK-T1": Trial("RK-T1", CONSERVED, _conserved, _conserved_again)}
# Precision is a setting of the whole process in mpmath and python-flint, and executors may run threads.
_ONE_AT_A_TIME = threading.RLock()


def trial_named(claim: str) -> Trial:
    """The trial of a claim."""
    if claim not in TRIALS:
        error = UnknownName("claim with a trial", claim, TRIALS)
        error.add_note(f"claims with a trial: {', '.join(TRIALS) or 'none'}")
        raise error
    return TRIALS[claim]


def generator(seed: int, case: int) -> Generator:
    """The random numbers of one case, which depend on nothing else.

    Examples
    --------
    >>> generator(0, 7).integers(1000), generator(0, 7).integers(1000)
    (np.int64(796), np.int64(796))
    """
    from numpy.random import default_rng

    return default_rng([seed, case])


def outcome(
    function: Callable[[int, int, int], dict[str, Any]], seed: int, digits: int, case: int, sweep: str = ""
) -> bytes:
    """The record of one case as a line of JSON. It is written where the trial ran: a line reaches every executor.

    `sweep` names the run that asks: Dask takes equal calls for one, and would cancel those of the next run with these.
    """
    with _ONE_AT_A_TIME:
        return line_of(lambda: function(case, seed, digits), case)


def line_of(run: Callable[[], dict[str, Any]], case: int) -> bytes:
    """The record that a run returned, or one that tells why there is none."""
    try:
        return _line(judged(run(), case))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _line({"case": case, "status": "error", "holds": None, "error": _text(error)})


def judged(record: Any, case: int) -> dict[str, Any]:
    """The record, if it is one of this case."""
    fits = (
        isinstance(record, dict)
        and type(record.get("case")) is int
        and record["case"] == case
        and isinstance(record.get("status"), str)
        and "holds" in record
        and (record["holds"] is None or isinstance(record["holds"], bool))
        and (record["holds"] is not False or isinstance(record.get("example"), dict))
        and isinstance(record.get("measures", {}), dict)
        and all(isinstance(name, str) and _is_decimal(text) for name, text in record.get("measures", {}).items())
    )
    if not fits:
        raise Misuse("the record of a trial", record, RECORD)
    return dict(record)


def _is_decimal(text: Any) -> bool:
    """Whether a measure has a place in an order: infinity has, NaN has not."""
    try:
        return isinstance(text, str) and not Decimal(text).is_nan()
    except InvalidOperation:
        return False


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def _text(error: BaseException) -> str:
    """What was raised and at which line, in words that every process and folder tells alike."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # a __str__ that fails
        text = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return (text + place).encode("utf-8", "backslashreplace").decode("utf-8")
