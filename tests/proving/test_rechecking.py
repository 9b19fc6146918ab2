"""A witness survives its recheck as it is, and no alteration of any public field."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv

from ..forgeries import resealed

L, R = fv.laws, fv.rules
WITNESSES = {
    "rational": lambda: fv.refute(L.balancedness, R.FeedbackAlignment(), fv.MLP((2, 2, 2, 1), "relu"), layer=1),
    "biases": lambda: fv.refute(L.feedback_balance, R.FeedbackAlignment(), bias=True),
    "both feedbacks": lambda: fv.refute(L.feedback_balance, R.DirectFeedbackAlignment()),
    "entry": lambda: fv.refute(L.matrix_feedback_balance, R.FeedbackAlignment(), activation="relu"),
    "parameters": lambda: fv.refute(L.kolen_pollack_balance, R.KolenPollack(fv.parameter("λ")), rate=fv.parameter("λ")),
    "ball": lambda: fv.refute(L.feedback_balance, R.FeedbackAlignment(), activation="tanh"),
    "slope": lambda: fv.refute(L.balancedness, R.FeedbackAlignment(), activation="leaky-relu"),
}


def altered(value):
    """The value with one number changed."""
    if isinstance(value, np.ndarray):
        found = value.copy()
        found[0, 0] = altered(found[0, 0])
        return found
    if isinstance(value, Fraction):
        return value + Fraction(1, 7)
    if isinstance(value, dict):
        return {**value, next(iter(value), "λ"): altered(next(iter(value.values()), Fraction(0)))}
    if isinstance(value, (list, tuple)):
        return type(value)([altered(value[0]), *value[1:]]) if value else type(value)([Fraction(1)])
    if isinstance(value, str):
        return (
            value + "1" if value[-1:].isdigit() else "balancedness" if value != "balancedness" else "feedback-balance"
        )
    if isinstance(value, int):
        return value + 1
    return Fraction(1) if value is None else value


@pytest.mark.parametrize("name", WITNESSES)
def test_the_recheck_passes_and_notices_everything(name):
    witness = WITNESSES[name]().witness
    assert witness.recheck()
    for field in fields(witness):
        if field.name in ("subjects", "net"):
            continue
        changed = replace(witness, **{field.name: altered(getattr(witness, field.name))})
        assert not changed.recheck(), field.name


@pytest.mark.parametrize("name", WITNESSES)
def test_a_record_is_read_back(name):
    verdict = WITNESSES[name]()
    record = json.loads(json.dumps(verdict.to_dict()))
    again = fv.Verdict.from_dict(record)
    assert again.to_dict() == record
    assert again.witness.recheck()
    record["witness"]["weights"][0][0][0] = "17"
    assert not fv.Verdict.from_dict(record).witness.recheck()


def test_a_forged_seal_does_not_help():
    """Sealing altered data anew leaves the recomputation to notice it."""
    witness = WITNESSES["rational"]().witness
    for name in ("rate", "layer", "gates", "widths", "feedback_names", "law"):
        assert not resealed(witness, **{name: altered(getattr(witness, name))}, subjects=None).recheck(), name


def test_code_outside_the_library_must_be_passed():
    class Doubled(R.FeedbackAlignment):
        def feedback(self, above):
            return 2 * above.B

    verdict = fv.refute(L.feedback_balance, Doubled())
    again = fv.Verdict.from_dict(verdict.to_dict())
    with pytest.raises(fv.Misuse, match="the rule called 'Doubled': it is not in the library, so pass it"):
        again.witness.recheck()
    assert again.witness.recheck(rule=Doubled())
    assert not again.witness.recheck(rule=R.BackPropagation())


def test_records_that_are_not():
    for record in ({}, {"schema": 2, "verdict": "proved"}, {"schema": 1, "verdict": "maybe"}, [1], None):
        with pytest.raises(fv.Misuse, match="a verdict's record"):
            fv.Verdict.from_dict(record)
    with pytest.raises(fv.Misuse, match="unaltered"):
        fv.Verdict.from_dict({"schema": 1, "verdict": "proved"})


def paths_in(record, path=()):
    yield path
    parts = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, part in parts:
        yield from paths_in(part, (*path, key))


def test_a_record_with_any_part_replaced_is_refused_or_does_not_recheck():
    law = fv.laws.feedback_balance
    whole = json.dumps(fv.check(law, fv.rules.WeightDecay(fv.rules.FeedbackAlignment())).to_dict())
    for path in [p for p in paths_in(json.loads(whole)) if p]:
        for value in (None, 3, "x", [], {}, [[]], {"text": 1}):
            record = json.loads(whole)
            place = record
            for key in path[:-1]:
                place = place[key]
            if place[path[-1]] == value:
                continue
            place[path[-1]] = value
            try:
                found = fv.Verdict.from_dict(record)
                str(found)
                sound = found.witness is not None and found.witness.recheck()
            except fv.FaverifyError:
                continue
            assert not sound or path[0] != "witness", (path, value)
