"""Trials: what a sweep runs at each case, and the record that each must return.

A trial is a function of a module, so that any process can load it by its name. It draws its problem from the seed and
the number of its case alone (`generator`): the record is the same wherever, whenever and beside whatever it is made.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import Misuse, UnknownName
from .line_files import json_line

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


@dataclass(frozen=True)
class Place:
    """A function of a module of this folder, loaded when it is first called: what a process can be sent."""

    module: str
    name: str

    def __call__(self, *arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = getattr(import_module(f".{self.module}", __package__), self.name)(*arguments)
        return found


def _trial(claim: str, module: str, function: str, replay: str, statement: str) -> Trial:
    return Trial(claim, statement, Place(module, function), Place(module, replay))


_TABLE = (
    (
        "RK-T1", "conservation", "conserved", "again",
        "½‖W_l[j,:]‖² − ⟨W_{l+1}[:,j], B_{l+1}[:,j]⟩ is constant along the flow of feedback alignment, for each hidden "
        "neuron of random chains with φ(h) = h φ′(h), through events and sliding modes: its drift is within 1,000 "
        "times the noise floor",
    ),
    (
        "RK-C1", "alignment", "aligned", "aligned_again",
        "⟨W_{l+1}(t), B_{l+1}⟩ − ½‖W_l(t)‖² is ‖B_{l+1}‖² − ½‖W_l(0)‖² > 0 at every time, so that layers stay aligned, "
        "in random chains (ReLU, linear) from W_{l+1}(0) = B_{l+1} and ‖W_l(0)‖ < √2‖B_{l+1}‖. Controls: one discrete "
        "step, which breaks the bound by ½‖ΔW_l‖²; a start beyond √2",
    ),
    (
        "RK-C1-cos", "alignment", "turned", "turned_again",
        "sin ∠(W_2(t), B) ≤ ρ/√2 at every time in two linear layers with one output from W_2(0) = B, where "
        "ρ = ‖W_1(0)‖_op/‖B‖ < √2. Control: the bound ρ/2",
    ),
    (
        "RK-T2-rate", "convergence", "decayed", "decayed_again",
        "‖r(t)‖ ≤ exp(−a s_min(X)² t)‖r(0)‖ with a = ‖B‖²(1 − ρ²/2) at every time, in two linear layers with one "
        "output and independent samples from W_2(0) = B, ρ = ‖W_1(0)‖_op/‖B‖ < √2. Control: twice that rate",
    ),
    (
        "RK-T2-minnorm", "convergence", "rested", "rested_again",
        "two linear layers with one output and independent samples reach w_MN + P⊥W_1(0)ᵀW_2(∞)ᵀ, which is w_MN if the "
        "rows of W_1(0) are in span(Xᵀ). Control: the literal claim, w_MN from every w(0) in span(Xᵀ)",
    ),
    (
        "RK-POT", "potentials", "falling", "falling_again",
        "in linear chains with one output, from random, anti-aligned and all-zero starts, v_L(Xᵀζ) − y·ζ with ζ = ∫r "
        "never rises, whatever the loss does, and W_l(t) = W_l(0) + β_l v_{l−1}ᵀ. Control: the formula for ReLU",
    ),
    (
        "RK-T2-multi", "several_outputs", "shrinking", "shrinking_again",
        "two linear layers with several outputs: ‖BᵀR(t)‖ never rises where C₀ ⪰ 0; and ‖R(t)‖ ≤ "
        "exp(−(1 − q/2)λ_min(XXᵀ)t)‖R(0)‖ where BBᵀ = I, W_2(0) = B and q = ‖BW_1(0)‖²_op < 2. Controls: plain ‖R‖ "
        "where BBᵀ ≠ I; twice that rate",
    ),
)  # fmt: skip
TRIALS: dict[str, Trial] = {row[0]: _trial(*row) for row in _TABLE}
# Precision is a setting of the whole process in mpmath and python-flint, and executors may run threads.
_ONE_AT_A_TIME = threading.RLock()


def trial_named(claim: str) -> Trial:
    """The trial of a claim."""
    if not isinstance(claim, str) or claim not in TRIALS:
        error = UnknownName("claim with a trial", claim, TRIALS)
        error.add_note(f"claims with a trial: {', '.join(TRIALS)}")
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
        return json_line(judged(run(), case))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return json_line({"case": case, "status": "error", "holds": None, "error": _text(error)})


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


def _text(error: BaseException) -> str:
    """What was raised and at which line, in words that every process and folder tells alike."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # a __str__ that fails
        text = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return (text + place).encode("utf-8", "backslashreplace").decode("utf-8")
