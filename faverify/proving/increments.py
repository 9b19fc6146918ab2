"""One step of training: what Q(θ + Δθ) − Q(θ) is, for Δθ the rule's update, of any size.

Method. The increment's part of first order in Δθ is dQ/dt along the velocities, over words. Its parts of higher order
are compared with the claim while every Δθ is a free letter, so that nothing about the step is used; where no claim is
made, the gains of the library are tried for one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import Misplaced, Misuse, ShapeError, Undecidable
from ..kernel.cuts import piece_of, pieces, stepping
from ..kernel.questions import Question, at_steps, outlined
from ..kernel.states import Increments, State, higher_order, lettered, value_of
from ..kernel.verdicts import Proved, Verdict
from ..kernel.wiring import places
from ..kernel.words import WordCarrier, letter
from ..model.laws import GAINS, as_law
from ..model.networks import Network
from .check import question_of, seconds, settled


def increment(
    law: Any,
    rule: Any,
    equals: Any = None,
    net: Any = None,
    *,
    layer: int | str | None = None,
    activation: Any = None,
    bias: bool = False,
    assume: Iterable[Any] = (),
    rate: Any = 0,
    budget: float = 60,
) -> Verdict:
    """Whether Q(θ + Δθ) − Q(θ) = rate · Q + R(Δθ) for one step of the rule, of any size and on any batch.

    `equals` is R: a law that is read at the increments, with ΔW_l in the place of W_l (and 0 for what does not move).
    Without it, R is all that is of second and higher order in Δθ, and the verdict names it if the library does. The
    other arguments are those of `check`.

    Returns: Proved, Refuted (a witness whose `step` is true) or Undecided.

    References: for feedback alignment ΔQ_l = ½‖ΔW_l‖², so that the drift of training is ½ Σ ‖ΔW_l‖², never smaller.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.increment(fv.laws.feedback_balance, fv.rules.FeedbackAlignment()).statement
    'Q(θ + Δθ) − Q(θ) = ½‖ΔW_l‖² for Q = ½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩'
    """
    if callable(rate) or isinstance(rate, str):
        raise Misuse("rate", rate, "a constant μ; what a step adds is `equals`")
    question = question_of(law, rule, net, layer, activation, bias, assume, rate)
    claim = None if equals is None else as_law(equals)
    question = replace(question, step=True)
    return settled(replace(question, claim=claim or _gain(question)), time.monotonic() + seconds(budget))


def gain_of(question: Question) -> str | None:
    """What one step of the rule adds to a law that its flow keeps, if the library has a name for it."""
    if question.claim or question.step or not (isinstance(question.mu, int) and question.mu == 0):
        return None
    claim = _gain(question)
    asked = replace(question, step=True, claim=claim, squares=False)
    return at_steps(claim.statement) if claim and isinstance(settled(asked, time.monotonic()), Proved) else None


def _gain(question: Question) -> Any:
    """The gain of the library that the parts of higher order are, or None."""
    net = question.net
    if isinstance(net, Network):
        return _gain_beyond(question)
    if net is not None and net.depth < 2:
        return None
    piece = pieces(question, 1)[-1] if net is None else piece_of(net, question.layer or 1)
    try:
        run = question.run(piece, WordCarrier())
        steps = {name: letter(f"Δ{name}", *rate._dims) for name, rate in run.velocities(question.rule).items()}
        return _named(question, run, run.layers[0], steps)
    except (Undecidable, ShapeError):
        return None


def _gain_beyond(question: Question) -> Any:
    """The same in a network that is no chain, at its first place."""
    net = question.net if getattr(question.net, "blocks", 1) is not None else question.net.of(1)
    question = replace(question, net=net)
    try:
        outline, run = outlined(question), question.run(net, WordCarrier())
        outline.forward(outline.source())
        run.biases, run.outs = outline.biases, outline.outs
        known = places(outline, question.law)
        where = known.get(question.layer) or next(iter(known.values()), None)
        return where and _named(question, run, lettered(run, where), stepping(question, run))
    except (Undecidable, ShapeError, Misplaced):
        return None


def _named(question: Question, run: Any, place: Any, steps: Any) -> Any:
    found = higher_order(value_of(question.law, run, State(place)), steps)
    for gain in GAINS.values():
        value = found * 0 + value_of(gain, run, Increments(place, steps))
        if value._dims == found._dims and value.same(found):
            return gain
    return None
